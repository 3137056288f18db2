// SPDX-License-Identifier: GPL-2.0
/*
 * Trace memory and memory hotplug: blocks are added, and go online and offline around
 * trace memory.
 */
#include <sys/wait.h>

#include "memtrace.h"

#define MAX_BLOCKS 16
#define ROUNDS 10

static bool exists(u64 address)
{
	return !access(block_file(address, "state"), F_OK);
}

static bool is_online(u64 address)
{
	char state[32] = "";
	FILE *f = fopen(block_file(address, "state"), "r");

	if (f && fscanf(f, "%31s", state) != 1)
		state[0] = '\0';
	if (f)
		fclose(f);
	return !strcmp(state, "online");
}

/* Makes a block of memory that the kernel was told to leave out at boot. */
static int add_block(u64 address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", address);
	return write_text(BLOCKS "/probe", text);
}

static u64 big_endian(const unsigned char *cell)
{
	u64 value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | cell[i];
	return value;
}

/*
 * Finds up to @max blocks that the machine has and that are not online. The
 * device tree has all memory, also what is not in use.
 */
static int find_spare_blocks(u64 *blocks, int max)
{
	const char *tree = "/proc/device-tree";
	DIR *dir = opendir(tree);
	struct dirent *entry;
	unsigned char reg[16];
	char path[320];
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		FILE *f;

		if (strncmp(entry->d_name, "memory@", strlen("memory@")))
			continue;
		snprintf(path, sizeof(path), "%s/%s/reg", tree, entry->d_name);
		f = fopen(path, "r");
		while (f && fread(reg, sizeof(reg), 1, f) == 1) {
			u64 start = big_endian(reg), end = start + big_endian(reg + 8);

			for (; start + block_size() <= end && n < max; start += block_size()) {
				if (!exists(start) || !is_online(start))
					blocks[n++] = start;
			}
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* Finds up to @max blocks that are online. */
static int find_online_blocks(u64 *blocks, int max)
{
	DIR *dir = opendir(BLOCKS);
	struct dirent *entry;
	u64 index;
	int n = 0;

	while (dir && n < max && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "memory%llu", &index) == 1 &&
		    is_online(index * block_size()))
			blocks[n++] = index * block_size();
	}
	if (dir)
		closedir(dir);
	return n;
}

/* The node whose region has @address in it, or -1. */
static int find_region(u64 address)
{
	int node = -1;

	while ((node = next_region(node + 1)) >= 0) {
		if (address - region_start(node) < region_size(node))
			break;
	}
	return node;
}

static char *map_node(int node)
{
	int fd = open(node_file(node, "trace"), O_RDWR);
	char *map = mmap(NULL, region_size(node), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return map;
}

/* Puts a pattern into a region, and nobody has it mapped afterwards. */
static bool fill_region(int node)
{
	char *map = map_node(node);

	if (map == MAP_FAILED)
		return false;
	fill(map, 0, region_size(node), 4096);
	return !munmap(map, region_size(node));
}

static bool is_as_filled(int node)
{
	char *map = map_node(node);
	bool same;

	if (map == MAP_FAILED)
		return false;
	same = find_change(map, 0, region_size(node), 4096) == region_size(node);
	munmap(map, region_size(node));
	return same;
}

TEST_F(region, other_blocks_go_offline_and_online_beside_it)
{
	u64 online[MAX_BLOCKS];
	int went = 0, n = find_online_blocks(online, MAX_BLOCKS);

	ASSERT_TRUE(fill_region(self->node));
	while (n--) {
		if (find_region(online[n]) >= 0 || set_block_state(online[n], "offline"))
			continue;
		EXPECT_EQ(0, set_block_state(online[n], "online"));
		went++;
	}
	if (!went)
		SKIP(return, "no other block can go offline");
	EXPECT_TRUE(is_as_filled(self->node));
}

/* A block that was added and is online. */
FIXTURE(added)
{
	u64 address;
	/* Blocks that the test took offline. */
	u64 others[MAX_BLOCKS];
	int nr_others;
};

FIXTURE_VARIANT(added)
{
	const char *state;
};

FIXTURE_VARIANT_ADD(added, for_the_kernel)
{
	.state = "online_kernel",
};

FIXTURE_VARIANT_ADD(added, movable)
{
	.state = "online_movable",
};

FIXTURE_SETUP(added)
{
	if (!find_spare_blocks(&self->address, 1))
		SKIP(return, "there is no block of memory to add");
	if (!exists(self->address))
		ASSERT_EQ(0, add_block(self->address));
	ASSERT_EQ(0, set_block_state(self->address, variant->state));
}

FIXTURE_TEARDOWN_PARENT(added)
{
	EXPECT_EQ(0, enable(0));
	while (self->nr_others--)
		EXPECT_EQ(0, set_block_state(self->others[self->nr_others], "online"));
	if (self->address)
		EXPECT_EQ(0, set_block_state(self->address, "offline"));
}

/* Takes all other blocks offline, as far as possible. */
static bool take_others_offline(FIXTURE_DATA(added) *self)
{
	u64 online[MAX_BLOCKS];
	int n = find_online_blocks(online, MAX_BLOCKS);

	if (n == MAX_BLOCKS)
		return false;
	while (n--) {
		if (online[n] != self->address && !set_block_state(online[n], "offline"))
			self->others[self->nr_others++] = online[n];
	}
	return true;
}

TEST_F(added, trace_memory_is_found_beside_it)
{
	ASSERT_EQ(0, enable(block_size()));
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		EXPECT_TRUE(is_online(region_start(node)));
}

TEST_F(added, stays_online_while_it_holds_trace_memory)
{
	int node;

	if (!take_others_offline(self))
		SKIP(return, "there are too many blocks to take them offline");
	enable(block_size());
	node = find_region(self->address);
	if (node < 0)
		SKIP(return, "it gives no trace memory");
	ASSERT_TRUE(fill_region(node));

	EXPECT_EQ(EBUSY, set_block_state(self->address, "offline"));
	EXPECT_TRUE(is_online(self->address));
	EXPECT_TRUE(is_as_filled(node));
}

TEST_F(added, goes_offline_while_others_hold_trace_memory)
{
	int node;

	ASSERT_EQ(0, enable(block_size()));
	if (find_region(self->address) >= 0)
		SKIP(return, "it holds the trace memory itself");
	node = next_region(0);
	ASSERT_TRUE(fill_region(node));

	EXPECT_EQ(0, set_block_state(self->address, "offline"));
	EXPECT_TRUE(is_as_filled(node));
	EXPECT_EQ(0, set_block_state(self->address, variant->state));
	EXPECT_TRUE(is_as_filled(node));
}

/* The node that a block belongs to, or -1. */
static int node_of(u64 address)
{
	char path[96];

	for (int node = 0; node < 256; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/memory%llu", node,
			 address / block_size());
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

/* Finds up to @max blocks that are not online, and adds those that do not exist. */
static int add_spare_blocks(u64 *blocks, int max)
{
	int n = find_spare_blocks(blocks, max);

	for (int i = 0; i < n; i++) {
		if (!exists(blocks[i]))
			add_block(blocks[i]);
	}
	return n;
}

/*
 * A node that had no memory, and has some while its first block is online. Of ZONE_MOVABLE,
 * as the kernel would keep what it has begun to use.
 */
FIXTURE(first_block)
{
	int node;
	u64 address;
	char nodes[1024];
	int kmsg;
	char log[MAX_LOG];
};

FIXTURE_SETUP(first_block)
{
	u64 blocks[MAX_BLOCKS];
	int n;

	self->node = find_empty_node();
	if (self->node < 0)
		SKIP(return, "each node has memory");
	n = add_spare_blocks(blocks, MAX_BLOCKS);
	while (n-- && !self->address) {
		if (node_of(blocks[n]) == self->node)
			self->address = blocks[n];
	}
	if (!self->address)
		SKIP(return, "there is no block of memory to add to node %d", self->node);

	snprintf(self->nodes, sizeof(self->nodes), "%s", read_line(NODES));
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
	ASSERT_EQ(0, set_block_state(self->address, "online_movable"));
}

FIXTURE_TEARDOWN_PARENT(first_block)
{
	EXPECT_EQ(0, enable(0));
	if (is_online(self->address))
		EXPECT_EQ(0, set_block_state(self->address, "offline"));
}

TEST_F(first_block, makes_its_node_one_of_those_that_are_asked)
{
	char has_memory[1024];

	snprintf(has_memory, sizeof(has_memory), "%s", read_line(HAS_MEMORY));
	ASSERT_EQ(self->node, next_memory_node(self->node));
	EXPECT_STREQ(has_memory, read_line(NODES));
	EXPECT_STRNE(self->nodes, read_line(NODES));

	ASSERT_EQ(0, enable(block_size()));
	EXPECT_EQ(block_size(), region_size(self->node));
	EXPECT_EQ(self->address, region_start(self->node));
	EXPECT_TRUE(has_state(self->node, "held"));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(1, count_lines(self->log, "5 Trace memory on node "))
		TH_LOG("%s", self->log);
}

TEST_F(first_block, leaves_with_its_node)
{
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_EQ(EBUSY, set_block_state(self->address, "offline"));
	ASSERT_EQ(0, enable(0));
	ASSERT_EQ(0, set_block_state(self->address, "offline"));

	EXPECT_STREQ(self->nodes, read_line(NODES));
	enable(block_size());
	EXPECT_EQ(0, region_size(self->node));
	EXPECT_EQ(NULL, status_row(self->node));
}

/* The only range for a size that is not a power of two is the whole node. */
TEST_F(first_block, is_given_with_all_others_of_its_node)
{
	u64 blocks[MAX_BLOCKS], others[MAX_BLOCKS], start = self->address, size = block_size();
	int n = find_spare_blocks(blocks, MAX_BLOCKS), count = 0;
	char list[16];

	for (int i = 0; i < n; i++) {
		if (node_of(blocks[i]) != self->node)
			continue;
		EXPECT_EQ(0, set_block_state(blocks[i], "online_movable"));
		others[count++] = blocks[i];
		start = blocks[i] < start ? blocks[i] : start;
	}
	size *= count + 1;
	snprintf(list, sizeof(list), "%d", self->node);
	EXPECT_EQ(0, write_text(NODES, list));
	if (size & (size - 1)) {
		EXPECT_EQ(0, enable(size));
		EXPECT_EQ(size, region_size(self->node));
		EXPECT_EQ(start, region_start(self->node));
		EXPECT_EQ(0, enable(0));
	}
	EXPECT_EQ(0, write_text(NODES, "\n"));
	while (count--)
		EXPECT_EQ(0, set_block_state(others[count], "offline"));
	if (!(size & (size - 1)))
		SKIP(return, "node %d has a power of two of blocks", self->node);
}

/* Two blocks of a node, of which the lower one is in ZONE_MOVABLE. */
FIXTURE(two_zones)
{
	int node;
	u64 movable;
	u64 other;
	int kmsg;
	char log[MAX_LOG];
};

FIXTURE_SETUP(two_zones)
{
	u64 blocks[MAX_BLOCKS];
	int n = add_spare_blocks(blocks, MAX_BLOCKS);

	for (int i = 0; i + 1 < n && !self->other; i++) {
		self->node = node_of(blocks[i]);
		if (self->node < 0 || node_of(blocks[i + 1]) != self->node)
			continue;
		self->movable = blocks[i];
		self->other = blocks[i + 1];
	}
	if (!self->other)
		SKIP(return, "there are no two blocks of memory to add to a node");
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
	ASSERT_EQ(0, set_block_state(self->movable, "online_movable"));
	ASSERT_EQ(0, set_block_state(self->other, "online_kernel"));
}

FIXTURE_TEARDOWN_PARENT(two_zones)
{
	EXPECT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, set_block_state(self->movable, "offline"));
	/* Unless the kernel has begun to use it. */
	set_block_state(self->other, "offline");
}

TEST_F(two_zones, memory_that_may_have_to_move_is_taken_last)
{
	char list[16];

	snprintf(list, sizeof(list), "%d", self->node);
	ASSERT_EQ(0, write_text(NODES, list));
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_NE(self->movable, region_start(self->node));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(0, count_lines(self->log, "5 Trace memory on node "));

	ASSERT_EQ(0, enable(0));
	/* Unless the kernel has begun to use it. */
	if (set_block_state(self->other, "offline"))
		return;
	ASSERT_EQ(0, enable(block_size()));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(region_start(self->node) == self->movable,
		  count_lines(self->log, "5 Trace memory on node "));
}

struct progress {
	int taken;
	bool done;
};

/* Takes memory and gives it back until it is told to end, or fails. */
static void take_and_give_back(volatile struct progress *progress)
{
	int status = KSFT_PASS;

	while (!progress->done) {
		int err = enable(block_size());

		progress->taken += !err;
		if ((err && err != ENOMEM) || enable(0)) {
			progress->done = true;
			status = KSFT_FAIL;
		}
	}
	_exit(status);
}

/* The first round adds them. */
static bool bring_and_remove(const u64 *blocks, int n, int round)
{
	static const char * const states[] = { "online_kernel", "online_movable" };
	bool done = true;

	for (int i = 0; i < n; i++) {
		if (!exists(blocks[i]))
			done &= !add_block(blocks[i]);
		if (!is_online(blocks[i]))
			done &= !set_block_state(blocks[i], states[(round + i) % 2]);
	}
	/* Blocks that currently hold trace memory stay online. */
	for (int i = 0; i < n; i++) {
		int err = set_block_state(blocks[i], "offline");

		done &= !err || err == EBUSY;
	}
	return done;
}

TEST(blocks_come_and_go_while_memory_is_taken_and_given_back)
{
	volatile struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
						  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 blocks[2], memmap, total, free;
	int n, status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, progress);
	n = find_spare_blocks(blocks, 2);
	if (!n)
		SKIP(return, "there is no block of memory to add");
	total = read_meminfo("MemTotal:");
	free = settled_free_memory();

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		take_and_give_back(progress);
	for (int round = 0; !progress->done && progress->taken < ROUNDS; round++) {
		EXPECT_TRUE(bring_and_remove(blocks, n, round))
			TH_LOG("round %d", round);
	}
	progress->done = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(KSFT_PASS, status);

	for (int i = 0; i < n; i++) {
		if (is_online(blocks[i]))
			EXPECT_EQ(0, set_block_state(blocks[i], "offline"));
	}
	EXPECT_EQ(0, held());
	EXPECT_EQ(total, read_meminfo("MemTotal:"));
	/* A descriptor of a page has 64 bytes. */
	memmap = n * (block_size() / getpagesize() * 64);
	EXPECT_TRUE(free_memory_is_back(free - memmap));
}

MEMTRACE_TEST_MAIN
