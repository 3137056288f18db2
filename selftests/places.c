// SPDX-License-Identifier: GPL-2.0
/*
 * The placement of regions: each test determines which memory blocks can be allocated,
 * by pinning a page in each of the others, which then cannot be migrated.
 */
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "memtrace.h"

#define PAGEMAP_PFN ((1ULL << 55) - 1)
/* Where the kernel can take hold of a page, to move it. */
#define KPF_LRU 5

#define NO_MEMORY "no memory block is free or movable"

/* More would take long on a big machine. */
#define MAX_PLACES 64

/* A memory block that can be allocated, unless a pipe holds one of its pages. */
struct place {
	u64 start;
	int node;
	bool movable;
	bool pinned;
	u64 pinned_page;	/* its address */
	int pipe[2];
};

/*
 * The processes of all tests have the same pipes, and share what is known of them. The
 * places are in the order of their addresses.
 */
static struct {
	int count;
	bool found;
	u64 block;
	struct place places[MAX_PLACES];
} *all;

/* Where the page at @map is in memory, or 0. */
static u64 physical_address(const void *map)
{
	u64 entry = 0, page_size = getpagesize();
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, sizeof(entry), (u64)map / page_size * sizeof(entry)) < 0)
		entry = 0;
	close(fd);
	return (entry & PAGEMAP_PFN) * page_size;
}

static bool is_in(const struct place *place, u64 address)
{
	return address - place->start < all->block;
}

/* Which place that is not pinned has the address, or NULL. */
static struct place *find_unpinned(u64 address)
{
	for (int i = 0; i < all->count; i++) {
		if (!all->places[i].pinned && is_in(&all->places[i], address))
			return &all->places[i];
	}
	return NULL;
}

static int count_unpinned(int node)
{
	int count = 0;

	for (int i = 0; i < all->count; i++)
		count += all->places[i].node == node && !all->places[i].pinned;
	return count;
}

/* Has all memory that this process asks for come from @node, or from where it likes. */
static void bind_memory(int node)
{
	unsigned long nodes[16] = {};

	if (node < 0) {
		syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
		return;
	}
	nodes[node / 64] = 1UL << node % 64;
	syscall(SYS_set_mempolicy, MPOL_BIND, nodes, sizeof(nodes) * 8);
}

/* The minimum size of the free chunks in a place that is completely free. */
#define STEP (4 << 20)

/*
 * Uses at most @most bytes of @node, until some of it was in a place that is not pinned,
 * and pins a page of that. What is left at least is half of what a place has.
 */
static bool pin_one(int node, u64 most)
{
	u64 free = node_meminfo(node, "MemFree"), left = all->block / 2, page_size = getpagesize();
	struct iovec page = { .iov_len = page_size };
	int fd = memfd_create("places", 0);
	struct place *place = NULL;

	bind_memory(node);
	for (u64 offset = 0; offset + left < free && offset < most && !(place && place->pinned) &&
	     !fallocate(fd, 0, offset, STEP); offset += STEP) {
		page.iov_base = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				     offset);
		if (page.iov_base == MAP_FAILED)
			break;
		*(volatile char *)page.iov_base = 1;
		place = find_unpinned(physical_address(page.iov_base));
		if (place) {
			place->pinned_page = physical_address(page.iov_base);
			place->pinned = vmsplice(place->pipe[1], &page, 1, 0) == page_size;
		}
		munmap(page.iov_base, page_size);
	}
	bind_memory(-1);
	close(fd);
	return place && place->pinned;
}

/* Lets the place be taken. */
static void release(struct place *place)
{
	static char page[1 << 16];

	if (read(place->pipe[0], page, sizeof(page)) == getpagesize())
		place->pinned = false;
}

/*
 * Pins a page of each place. What was freed last is used first: a place that is not found
 * immediately is allocated and freed first. Using up all other memory instead would make
 * the kernel put unmovable pages into the places.
 */
static bool pin_all(void)
{
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		while (count_unpinned(node)) {
			if (pin_one(node, all->block / 8))
				continue;
			if (!enable(all->block))
				enable(0);
			if (!pin_one(node, ~0ULL))
				return false;
		}
	}
	return true;
}

static bool in_zone_movable(u64 address)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	u64 pfn = address / getpagesize(), start, number, spanned = 0;
	bool movable = false, found = false;
	char line[128], zone[16];

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %*d, zone %15s", zone) == 1)
			movable = !strcmp(zone, "Movable");
		else if (sscanf(line, " spanned %llu", &number) == 1)
			spanned = number;
		else if (sscanf(line, " start_pfn: %llu", &start) == 1)
			found = movable && pfn - start < spanned;
	}
	if (f)
		fclose(f);
	return found;
}

static int compare(const void *one, const void *other)
{
	const struct place *a = one, *b = other;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* More than the kernel needs for itself later, on each node. */
#define ROOM (64 << 20)
#define ROOM_STEP (ROOM / 64)

/* Pipes with as many pages as ROOM. Those of the second stay in use. */
static int room[2][2];

/*
 * Has the kernel put pages next to each other that it does not move: early, when it has
 * them near its other ones. Once the places are known and most of the pages are free, it
 * takes from there what it needs while the tests run, such as page tables, and not from
 * places. The pages that stay keep the room from being a place.
 */
static bool make_room(void)
{
	int page_size = getpagesize(), size = 0;
	static char page[1 << 16];

	if (pipe(room[0]) || pipe(room[1]))
		return false;
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		size += ROOM;
		if (fcntl(room[0][1], F_SETPIPE_SZ, size) < 0 ||
		    fcntl(room[1][1], F_SETPIPE_SZ, size) < 0)
			return false;
		bind_memory(node);
		for (int offset = 0; offset < ROOM; offset += page_size) {
			if (write(room[offset % ROOM_STEP == 0][1], page, page_size) != page_size)
				return false;
		}
	}
	bind_memory(-1);
	return true;
}

/* The processes of all tests have these pipes: closing them would not do. */
static void free_room(void)
{
	static char page[1 << 16];

	fcntl(room[0][0], F_SETFL, O_NONBLOCK);
	while (read(room[0][0], page, sizeof(page)) > 0)
		;
}

/* Takes one block after the other, until there is none that is not pinned. */
static bool find_places(void)
{
	int err;

	while (!(err = enable(all->block))) {
		for (int node = -1; (node = next_region(node + 1)) >= 0;) {
			struct place *place = &all->places[all->count];

			if (++all->count == MAX_PLACES)
				return false;
			place->start = region_start(node);
			place->node = node;
			place->movable = in_zone_movable(place->start);
		}
		if (enable(0) || !pin_all())
			return false;
	}
	free_room();
	return err == ENOMEM;
}

static int count_blocks(void)
{
	DIR *dir = opendir(BLOCKS);
	struct dirent *entry;
	int blocks = 0;

	while (dir && (entry = readdir(dir)))
		blocks += !strncmp(entry->d_name, "memory", strlen("memory"));
	if (dir)
		closedir(dir);
	return blocks;
}

/* Before any page is pinned. */
TEST_F(region, is_aligned_to_its_size_however_large_it_is)
{
	u64 size = self->size;

	for (; !enable(size); size *= 2) {
		for (int node = -1; (node = next_region(node + 1)) >= 0;) {
			EXPECT_EQ(size, region_size(node));
			EXPECT_EQ(0, region_start(node) % size);
		}
	}
	EXPECT_LT(self->size, size);
}

/* All places are pinned. */
FIXTURE(places)
{
	int kmsg;
	char log[MAX_LOG];
};

FIXTURE_SETUP(places)
{
	if (count_blocks() > MAX_PLACES)
		SKIP(return, "there are more than %d blocks of memory", MAX_PLACES);
	if (!all->found) {
		all->found = true;
		all->block = block_size();
		ASSERT_TRUE(find_places());
		/* Pipes do not care which place they are for. */
		qsort(all->places, all->count, sizeof(*all->places), compare);
	}
	if (!all->count)
		SKIP(return, "no node has 0x%llx bytes to give", all->block);
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN_PARENT(places)
{
	EXPECT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(0, enable(0));
	EXPECT_TRUE(pin_all());
}

/* Whether these places follow each other, on one node and in one zone. */
static bool in_a_row(int first, int count)
{
	const struct place *place = &all->places[first];

	for (int i = 1; i < count; i++) {
		if (first + i == all->count || place[i].node != place->node ||
		    place[i].movable != place->movable ||
		    place[i].start != place->start + i * all->block)
			return false;
	}
	return true;
}

/* Returns the first node from @node on that has a place, or -1. */
static int next_node(int node)
{
	int next = -1;

	for (int i = 0; i < all->count; i++) {
		int found = all->places[i].node;

		if (found >= node && (next < 0 || found < next))
			next = found;
	}
	return next;
}

/* Which is the lowest of such rows on @node, or the highest, for which @fits, or -1. */
static int find_row_on(int node, int count, bool highest, bool (*fits)(u64 start, u64 size))
{
	int found = -1;

	for (int i = 0; i + count <= all->count && (highest || found < 0); i++) {
		if (all->places[i].node == node && in_a_row(i, count) &&
		    fits(all->places[i].start, count * all->block))
			found = i;
	}
	return found;
}

/* The same on any node. */
static int find_row(int count, bool highest, bool (*fits)(u64 start, u64 size))
{
	int found = -1;

	for (int node = -1; (node = next_node(node + 1)) >= 0 && (highest || found < 0);) {
		int row = find_row_on(node, count, highest, fits);

		if (row >= 0)
			found = row;
	}
	return found;
}

static bool anywhere(u64 start, u64 size)
{
	return true;
}

static bool aligned(u64 start, u64 size)
{
	return start % size == 0;
}

static bool not_aligned(u64 start, u64 size)
{
	return start % size;
}

static void release_row(int first, int count)
{
	for (int i = first; i < first + count; i++)
		release(&all->places[i]);
}

/* Which place on @node is the first, or -1. */
static int first_on_node(int node)
{
	for (int i = 0; i < all->count; i++) {
		if (all->places[i].node == node)
			return i;
	}
	return -1;
}

static bool log_has(FIXTURE_DATA(places) *self, const char *format, ...)
{
	char line[128];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return strstr(self->log, line);
}

TEST_F(places, give_nothing_while_all_are_pinned)
{
	u64 free_before = settled_free_memory();

	ASSERT_EQ(ENOMEM, enable(all->block));
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		EXPECT_TRUE(is_short_because(node, NO_MEMORY))
			TH_LOG("node %d: %s", node, status_row(node));
	}
	EXPECT_TRUE(free_memory_is_back(free_before));
}

TEST_F(places, are_taken_whichever_is_the_only_one)
{
	for (int i = 0; i < all->count; i++) {
		struct place *place = &all->places[i];

		release(place);
		ASSERT_EQ(0, enable(all->block)) TH_LOG("0x%llx", place->start);
		EXPECT_EQ(place->start, region_start(place->node));
		ASSERT_EQ(0, enable(0));
		ASSERT_TRUE(pin_all());
	}
}

/* A size that is found in one row of places only. */
FIXTURE(row)
{
	FIXTURE_DATA(places) places;
};

FIXTURE_VARIANT(row)
{
	int count;
	bool highest;
	bool (*fits)(u64 start, u64 size);
};

FIXTURE_VARIANT_ADD(row, lowest_three)
{
	.count = 3, .fits = anywhere,
};

FIXTURE_VARIANT_ADD(row, highest_three)
{
	.count = 3, .fits = anywhere, .highest = true,
};

FIXTURE_VARIANT_ADD(row, highest_five)
{
	.count = 5, .fits = anywhere, .highest = true,
};

FIXTURE_VARIANT_ADD(row, lowest_six)
{
	.count = 6, .fits = anywhere,
};

FIXTURE_VARIANT_ADD(row, highest_seven)
{
	.count = 7, .fits = anywhere, .highest = true,
};

FIXTURE_VARIANT_ADD(row, lowest_two)
{
	.count = 2, .fits = aligned,
};

FIXTURE_VARIANT_ADD(row, highest_two)
{
	.count = 2, .fits = aligned, .highest = true,
};

FIXTURE_VARIANT_ADD(row, highest_four)
{
	.count = 4, .fits = aligned, .highest = true,
};

FIXTURE_SETUP(row)
{
	places_setup(_metadata, &self->places, NULL);
}

FIXTURE_TEARDOWN_PARENT(row)
{
	places_teardown(_metadata, &self->places, NULL);
}

/* Fills the region, or looks for the first word that is not zero. Both see each page. */
static u64 fill_or_look(int node, bool look)
{
	u64 size = region_size(node), offset = size;
	int fd = open(node_file(node, "trace"), O_RDWR);
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (map == MAP_FAILED)
		return 0;
	if (!look)
		fill(map, 0, size, 4096);
	for (offset = 0; look && offset < size; offset += 4096) {
		if (*(volatile u64 *)(map + offset))
			break;
	}
	munmap(map, size);
	return look ? offset : size;
}

TEST_F(row, is_taken_where_it_fits_and_is_zero_and_is_given_back)
{
	FIXTURE_DATA(places) *places = &self->places;
	int first = find_row(variant->count, variant->highest, variant->fits);
	u64 size = variant->count * all->block, free_before;
	struct place *place = &all->places[first];

	if (first < 0)
		SKIP(return, "there are not %d such blocks in a row", variant->count);
	release_row(first, variant->count);
	free_before = settled_free_memory();

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, enable(size));
		EXPECT_EQ(size, held());
		EXPECT_EQ(place->node, next_region(0));
		EXPECT_EQ(-1, next_region(place->node + 1));
		EXPECT_EQ(place->start, region_start(place->node));
		EXPECT_EQ(size, region_size(place->node));
		EXPECT_EQ(size, fill_or_look(place->node, true));
		EXPECT_EQ(size, fill_or_look(place->node, false));
	}

	read_log(places->kmsg, places->log);
	EXPECT_EQ((variant->count & (variant->count - 1)) != 0,
		  log_has(places, "5 The HTM requires a power of two, which 0x%llx is not\n", size))
		TH_LOG("%s", places->log);
	EXPECT_EQ(place->movable,
		  log_has(places, "5 Trace memory on node %d is in ZONE_MOVABLE\n", place->node))
		TH_LOG("%s", places->log);
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(free_memory_is_back(free_before));
}

/* A row is that long, but not where the hardware wants it. */
TEST_F(places, are_not_enough_where_a_power_of_two_is_not_aligned)
{
	if (find_row(2, false, not_aligned) < 0)
		SKIP(return, "there are not two such blocks in a row");
	for (int count = 2; count <= 4; count *= 2) {
		int first = find_row(count, false, not_aligned);
		char why[64];

		if (first < 0)
			break;
		snprintf(why, sizeof(why), "largest range that is free or movable is 0x%llx;",
			 all->block * count / 2);
		release_row(first, count);
		EXPECT_EQ(ENOMEM, enable(all->block * count));
		EXPECT_EQ(-1, next_region(0));
		EXPECT_TRUE(is_short_because(all->places[first].node, why))
			TH_LOG("%d: %s", count, status_row(all->places[first].node));
		EXPECT_TRUE(pin_all());
	}
}

/* What is asked for in vain, and the largest power of two that there is instead. */
FIXTURE(too_few)
{
	FIXTURE_DATA(places) places;
};

FIXTURE_VARIANT(too_few)
{
	int asked;
	int most;
};

FIXTURE_VARIANT_ADD(too_few, one_instead_of_two) { .asked = 2, .most = 1 };
FIXTURE_VARIANT_ADD(too_few, one_instead_of_three) { .asked = 3, .most = 1 };
FIXTURE_VARIANT_ADD(too_few, one_instead_of_many) { .asked = 1 << 20, .most = 1 };
FIXTURE_VARIANT_ADD(too_few, two_instead_of_three) { .asked = 3, .most = 2 };
FIXTURE_VARIANT_ADD(too_few, two_instead_of_four) { .asked = 4, .most = 2 };
FIXTURE_VARIANT_ADD(too_few, two_instead_of_seven) { .asked = 7, .most = 2 };
FIXTURE_VARIANT_ADD(too_few, four_instead_of_five) { .asked = 5, .most = 4 };
FIXTURE_VARIANT_ADD(too_few, four_instead_of_seven) { .asked = 7, .most = 4 };

FIXTURE_SETUP(too_few)
{
	places_setup(_metadata, &self->places, NULL);
}

FIXTURE_TEARDOWN_PARENT(too_few)
{
	places_teardown(_metadata, &self->places, NULL);
}

TEST_F(too_few, are_told_in_status)
{
	int first = find_row(variant->most, true, aligned), node;
	u64 free_before;
	char why[64], next;

	if (first < 0)
		SKIP(return, "there are not %d such blocks in a row", variant->most);
	node = all->places[first].node;
	snprintf(why, sizeof(why), "largest range that is free or movable is 0x%llx",
		 variant->most * all->block);
	release_row(first, variant->most);
	free_before = settled_free_memory();

	ASSERT_EQ(ENOMEM, enable(variant->asked * all->block));
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
	ASSERT_TRUE(is_short_because(node, why)) TH_LOG("%s", status_row(node));
	next = strstr(status_row(node), why)[strlen(why)];
	EXPECT_TRUE(next == ',' || next == ';');
	EXPECT_TRUE(free_memory_is_back(free_before));
	EXPECT_EQ(0, enable(variant->most * all->block));
}

/* The best place is one in which a page is pinned, and nothing else is in the way. */
TEST_F(places, are_told_with_what_is_in_the_way)
{
	for (int node = -1; (node = next_node(node + 1)) >= 0;) {
		u64 start, pages, first;
		char what[16] = "";
		bool found = false;
		const char *why;
		int parsed;

		ASSERT_EQ(ENOMEM, enable(all->block));
		ASSERT_TRUE(is_short_because(node, NO_MEMORY));
		why = strchr(status_row(node), ';');
		ASSERT_NE(NULL, why);
		parsed = sscanf(why,
				"; at 0x%16llx, pages in the way: %llu, the first at 0x%16llx: %15[^\n]",
				&start, &pages, &first, what);
		ASSERT_EQ(4, parsed) TH_LOG("%s", why);
		EXPECT_EQ(1, pages);
		EXPECT_STREQ("pinned", what);
		for (int i = 0; i < all->count; i++)
			found |= all->places[i].start == start &&
				 all->places[i].pinned_page == first && all->places[i].node == node;
		EXPECT_TRUE(found) TH_LOG("%s", why);
	}
}

/* Whether a writer waits for pages that are pinned in places, and takes these then. */
static bool is_waited_for(int first, int count)
{
	int begun[2], status;
	bool waits;
	char byte;
	pid_t pid;

	if (pipe(begun))
		return false;
	pid = fork();
	if (!pid) {
		write(begun[1], "", 1);
		_exit(enable(count * all->block));
	}
	read(begun[0], &byte, 1);
	usleep(20000);
	waits = !waitpid(pid, &status, WNOHANG);
	release_row(first, count);
	if (waits)
		waitpid(pid, &status, 0);
	close(begun[0]);
	close(begun[1]);
	return waits && WIFEXITED(status) && !WEXITSTATUS(status);
}

/*
 * A writer that is slow to begin, or a release that is too late, shows nothing: that it happens
 * several times in a row does.
 */
static bool are_waited_for(int first, int count)
{
	int waited = 0;

	for (int i = 0; i < 30 && waited < 3; i++) {
		waited = is_waited_for(first, count) ? waited + 1 : 0;
		if (enable(0) || !pin_all())
			return false;
	}
	return waited == 3;
}

TEST_F(places, are_taken_once_a_page_is_no_longer_pinned)
{
	EXPECT_TRUE(are_waited_for(0, 1));
}

/* All places of three blocks but the last ones stay pinned. */
TEST_F(places, that_overlap_are_taken_once_pages_are_no_longer_pinned)
{
	int first = all->count - 3;

	while (first >= 0 && !in_a_row(first, 3))
		first--;
	if (first < 0)
		SKIP(return, "there are not three blocks in a row");
	EXPECT_TRUE(are_waited_for(first, 3));
}

/* Each node gives a block but @without. */
static void release_first_places(int without)
{
	for (int node = -1; (node = next_node(node + 1)) >= 0;) {
		if (node != without)
			release(&all->places[first_on_node(node)]);
	}
}

TEST_F(places, of_one_node_missing_leave_the_others)
{
	if (next_node(next_node(0) + 1) < 0)
		SKIP(return, "there is one node only");

	for (int missing = -1; (missing = next_node(missing + 1)) >= 0;) {
		release_first_places(missing);
		read_log(self->kmsg, self->log);
		EXPECT_EQ(0, enable(all->block));
		read_log(self->kmsg, self->log);
		EXPECT_EQ(all->block, held());
		for (int node = -1; (node = next_node(node + 1)) >= 0;) {
			struct place *place = &all->places[first_on_node(node)];

			EXPECT_EQ(node == missing ? 0 : all->block, region_size(node));
			EXPECT_EQ(node == missing ? 0 : place->start, region_start(node));
			EXPECT_EQ(node == missing, is_short_because(node, NO_MEMORY));
			EXPECT_EQ(node != missing, has_state(node, "held"));
			EXPECT_EQ(node == missing,
				  log_has(self, "3 Failed to allocate trace memory on node %d\n",
					  node));
			EXPECT_EQ(node != missing,
				  log_has(self, "6 Allocated trace memory on node %d at ", node));
		}

		/* It has memory again. */
		release(&all->places[first_on_node(missing)]);
		EXPECT_EQ(0, enable(all->block));
		for (int node = -1; (node = next_node(node + 1)) >= 0;) {
			EXPECT_EQ(all->block, region_size(node));
			EXPECT_FALSE(is_short(node));
		}
		ASSERT_EQ(0, enable(0));
		ASSERT_TRUE(pin_all());
	}
}

/* Returns the content of a file. Valid until the next call but one. */
static const char *read_all(const char *path)
{
	static char texts[2][4096];
	static int next;
	char *text = texts[next++ % 2];
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(texts[0]) - 1);

	text[len > 0 ? len : 0] = '\0';
	close(fd);
	return text;
}

TEST_F(places, of_one_node_missing_are_remembered_by_a_write_that_changes_nothing)
{
	static const char * const refused[] = { "0\n", "1\n", "one\n", "16777216T\n" };
	static const int errors[] = { EBUSY, EINVAL, EINVAL, ERANGE };
	int first = next_node(0), last = next_node(first + 1), fd;
	const char *before;
	char *map;

	if (last < 0)
		SKIP(return, "there is one node only");
	release_first_places(last);
	ASSERT_EQ(0, enable(all->block));
	fd = open(node_file(first, "trace"), O_RDWR);
	map = mmap(NULL, all->block, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	before = read_all(STATUS);
	ASSERT_TRUE(is_short(last));

	for (int i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(errors[i], write_text(ENABLE, refused[i]));
		EXPECT_STREQ(before, read_all(STATUS));
		EXPECT_EQ(all->block, held());
		EXPECT_EQ(all->block, region_size(first));
		EXPECT_EQ(all->places[first_on_node(first)].start, region_start(first));
	}
	munmap(map, all->block);
	close(fd);
}

/*
 * Brings the page into use that the place is pinned by, so that it waits on a list of
 * this CPU for others to come. What was freed last is used first.
 */
static char *use_pinned_page(struct place *place)
{
	u64 page_size = getpagesize();
	char *pages = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *page = pages + page_size;
	cpu_set_t cpus;

	if (pages == MAP_FAILED)
		return NULL;
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	/* There is a page table then. */
	*pages = 1;
	bind_memory(place->node);
	release(place);
	*page = 1;
	bind_memory(-1);
	return is_in(place, physical_address((char *)page)) ? (char *)page : NULL;
}

/* The largest power of two of which @node has one row only, or 0. */
static int find_single_row(int node)
{
	int found = 0;

	for (int count = 1; count <= all->count; count *= 2) {
		int lowest = find_row_on(node, count, false, aligned);

		if (lowest >= 0 && lowest == find_row_on(node, count, true, aligned))
			found = count;
	}
	return found;
}

/* Of such a row there is one only: nobody has moved pages of others before. */
TEST_F(places, are_taken_although_a_page_waits_on_a_list_of_a_cpu)
{
	int node = -1, count = 0, first;
	struct place *last;
	char list[16];
	char *page;

	while (!count && (node = next_node(node + 1)) >= 0)
		count = find_single_row(node);
	if (!count)
		SKIP(return, "each node has more than one row of as many blocks");
	snprintf(list, sizeof(list), "%d", node);
	ASSERT_EQ(0, write_text(NODES, list));

	first = find_row_on(node, count, false, aligned);
	last = &all->places[first + count - 1];
	release_row(first, count - 1);
	page = use_pinned_page(last);
	if (!page || has_page_flag(physical_address(page), KPF_LRU))
		SKIP(return, "no page waits on a list of a CPU");
	ASSERT_EQ(0, enable(count * all->block));
	EXPECT_EQ(all->places[first].start, region_start(node));
	/* The page has been migrated, with its content. */
	EXPECT_FALSE(is_in(last, physical_address(page)));
	EXPECT_EQ(1, *page);
}

/* A place that is offline cannot be taken. */
static int set_offline(const struct place *place)
{
	return set_block_state(place->start, "offline");
}

static int set_online(const struct place *place)
{
	return set_block_state(place->start, place->movable ? "online_movable" : "online_kernel");
}

TEST_F(places, are_not_a_row_when_the_one_in_the_middle_is_offline)
{
	int first = find_row(3, true, anywhere);
	struct place *middle = &all->places[first + 1];

	if (first < 0)
		SKIP(return, "there are not three blocks in a row");
	release_row(first, 3);
	if (set_offline(middle))
		SKIP(return, "a block that nobody uses cannot go offline");
	EXPECT_EQ(ENOMEM, enable(3 * all->block));
	EXPECT_EQ(0, held());
	ASSERT_EQ(0, set_online(middle));
	EXPECT_EQ(0, enable(3 * all->block));
	EXPECT_EQ(all->places[first].start, region_start(middle->node));
}

/* The first place of @node in that zone, or NULL. */
static struct place *first_in_zone(int node, bool movable)
{
	for (int i = 0; i < all->count; i++) {
		if (all->places[i].node == node && all->places[i].movable == movable)
			return &all->places[i];
	}
	return NULL;
}

/* A node that has places in both zones. */
static int find_node_with_both_zones(void)
{
	int node = -1;

	while ((node = next_node(node + 1)) >= 0) {
		if (first_in_zone(node, true) && first_in_zone(node, false))
			break;
	}
	return node;
}

TEST_F(places, of_zone_movable_are_the_last_to_be_taken)
{
	int node = find_node_with_both_zones();
	struct place *movable, *other;

	if (node < 0)
		SKIP(return, "no node has blocks in ZONE_MOVABLE and in another zone");
	movable = first_in_zone(node, true);
	other = first_in_zone(node, false);

	release(movable);
	release(other);
	ASSERT_EQ(0, enable(all->block));
	EXPECT_EQ(other->start, region_start(node));
	ASSERT_EQ(0, enable(0));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(NULL, strstr(self->log, "ZONE_MOVABLE"));

	ASSERT_TRUE(pin_all());
	release(movable);
	read_log(self->kmsg, self->log);
	ASSERT_EQ(0, enable(all->block));
	EXPECT_EQ(movable->start, region_start(node));
	read_log(self->kmsg, self->log);
	EXPECT_TRUE(log_has(self, "5 Trace memory on node %d is in ZONE_MOVABLE\n", node));
}

/* Even if both together had enough: a region must be in one zone. */
TEST_F(places, of_two_zones_are_not_a_row)
{
	int node = find_node_with_both_zones(), first;
	struct place *movable;

	if (node < 0)
		SKIP(return, "no node has blocks in ZONE_MOVABLE and in another zone");
	movable = first_in_zone(node, true);
	first = movable - all->places - 2;
	if (first < 0 || !in_a_row(first, 2) || !in_a_row(first + 2, 2) ||
	    movable[-1].start + all->block != movable->start)
		SKIP(return, "two blocks in ZONE_MOVABLE do not follow two others");
	release_row(first, 4);
	EXPECT_EQ(ENOMEM, enable(3 * all->block));
	EXPECT_EQ(0, held());

	/* Three blocks of one zone. */
	if (first + 4 < all->count && in_a_row(first + 2, 3)) {
		release(&all->places[first + 4]);
		EXPECT_EQ(0, enable(3 * all->block));
		EXPECT_EQ(movable->start, region_start(node));
	}
}

/* A node ends where its last memory does, whatever is missing before that. */
TEST_F(places, are_taken_at_the_end_of_a_node_that_has_memory_offline)
{
	int first = find_row(3, true, anywhere), node, count = 0, err;
	struct place *offline[2];
	u64 start;

	if (first < 0)
		SKIP(return, "there are not three blocks in a row");
	node = all->places[first].node;
	for (int i = 0; i < first && count < ARRAY_SIZE(offline); i++) {
		struct place *place = &all->places[i];

		if (place->node != node)
			continue;
		release(place);
		if (!set_offline(place))
			offline[count++] = place;
	}
	release_row(first, 3);
	err = count == ARRAY_SIZE(offline) ? enable(3 * all->block) : 0;
	start = region_start(node);
	EXPECT_EQ(0, enable(0));
	for (int i = 0; i < count; i++)
		EXPECT_EQ(0, set_online(offline[i]));
	if (count < ARRAY_SIZE(offline))
		SKIP(return, "two blocks before the last three cannot go offline");
	EXPECT_EQ(0, err);
	EXPECT_EQ(all->places[first].start, start);
}

FIXTURE(not_movable)
{
	FIXTURE_DATA(places) places;
};

FIXTURE_SETUP(not_movable)
{
	places_setup(_metadata, &self->places, NULL);
	if (_metadata->exit_code)
		return;
	if (access("/sys/module/memtrace/initstate", F_OK))
		SKIP(return, "memtrace is built in");
	ASSERT_EQ(0, system("rmmod memtrace && modprobe memtrace movable=n"));
}

FIXTURE_TEARDOWN_PARENT(not_movable)
{
	EXPECT_EQ(0, system("rmmod memtrace && modprobe memtrace"));
	places_teardown(_metadata, &self->places, NULL);
}

TEST_F(not_movable, gives_nothing_of_zone_movable)
{
	int first = -1;

	for (int i = 0; i < all->count && first < 0; i++) {
		if (all->places[i].movable)
			first = i;
	}
	if (first < 0)
		SKIP(return, "no block is in ZONE_MOVABLE");
	for (int i = first; i < all->count; i++) {
		if (all->places[i].movable)
			release(&all->places[i]);
	}

	/* Neither a power of two nor any other size, and it is not promised either. */
	for (int count = 1; count <= 3; count++) {
		EXPECT_EQ(ENOMEM, enable(count * all->block)) TH_LOG("%d blocks", count);
		EXPECT_TRUE(is_short_because(all->places[first].node, NO_MEMORY))
			TH_LOG("%d: %s", count, status_row(all->places[first].node));
	}
}

/* Kills a writer some time after it began. Returns whether status says so. */
static bool kill_searcher(u64 size, useconds_t after)
{
	bool interrupted = false;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid)
		_exit(enable(size));
	usleep(after);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (int node = -1; WIFSIGNALED(status) && (node = next_memory_node(node + 1)) >= 0;)
		interrupted |= is_short_because(node, "interrupted by a signal");
	return interrupted;
}

FIXTURE(search)
{
	FIXTURE_DATA(places) places;
};

FIXTURE_VARIANT(search)
{
	int count;
};

FIXTURE_VARIANT_ADD(search, for_one) { .count = 1 };
FIXTURE_VARIANT_ADD(search, for_three) { .count = 3 };

FIXTURE_SETUP(search)
{
	places_setup(_metadata, &self->places, NULL);
}

FIXTURE_TEARDOWN_PARENT(search)
{
	places_teardown(_metadata, &self->places, NULL);
}

#define MAX_KILLS 200

TEST_F(search, ends_when_the_writer_is_killed)
{
	u64 free_before = settled_free_memory(), size = variant->count * all->block;
	bool interrupted = false;
	int kills;

	if (find_row(variant->count, false, anywhere) < 0)
		SKIP(return, "there are not %d blocks in a row", variant->count);
	for (kills = 0; kills < MAX_KILLS && !interrupted; kills++) {
		interrupted = kill_searcher(size, kills * 500);
		ASSERT_EQ(0, held());
		ASSERT_EQ(-1, next_region(0));
	}
	TH_LOG("%d writers were killed", kills);
	EXPECT_TRUE(interrupted);
	EXPECT_TRUE(free_memory_is_back(free_before));
	EXPECT_EQ(ENOMEM, enable(size));
	release(&all->places[0]);
	EXPECT_EQ(0, enable(all->block));
}

int main(int argc, char **argv)
{
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	for (int i = 0; i < MAX_PLACES; i++) {
		if (pipe(all->places[i].pipe))
			ksft_exit_fail_msg("no pipes\n");
	}
	if (!make_room())
		ksft_exit_fail_msg("no memory for pipes\n");
	return run_memtrace_tests(argc, argv);
}
