// SPDX-License-Identifier: GPL-2.0
/*
 * The effects of allocating and freeing trace memory on the rest of the machine.
 */
#include "memtrace.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

static u64 all_regions(void)
{
	u64 sum = 0;

	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		sum += region_size(node);
	return sum;
}

/* Other processes may allocate or free memory meanwhile, but errors occur every time. */
#define TRIES 5

static bool about_equal(u64 one, u64 other)
{
	return one <= other + NOISE && other <= one + NOISE;
}

TEST_F(region, free_memory_comes_back)
{
	u64 before;

	ASSERT_EQ(0, enable(0));
	before = settled_free_memory();
	ASSERT_EQ(0, enable(self->size));
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(free_memory_is_back(before));
}

TEST_F(region, free_memory_falls_by_the_size)
{
	u64 before, during, size;

	for (int i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, enable(0));
		before = free_memory();
		ASSERT_EQ(0, enable(self->size));
		during = free_memory();
		size = all_regions();
		if (about_equal(before, during + size))
			return;
	}
	EXPECT_EQ(before, during + size);
}

TEST_F(region, total_memory_stays_the_same)
{
	u64 during = read_meminfo("MemTotal:");

	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(read_meminfo("MemTotal:"), during);
}

TEST_F(region, the_direct_map_falls_by_the_size_and_comes_back)
{
	u64 sum = all_regions(), during = read_meminfo("DirectMap");

	ASSERT_EQ(0, enable(0));
	if (!read_meminfo("DirectMap"))
		SKIP(return, "/proc/meminfo does not show the direct map");
	EXPECT_EQ(read_meminfo("DirectMap"), during + sum);
}

TEST_F(region, the_direct_map_comes_back_in_pages_of_the_same_size)
{
	u64 before;

	ASSERT_EQ(0, enable(0));
	before = read_meminfo("DirectMap1G");
	if (!before)
		SKIP(return, "the direct map is not in pages of 1 GiB");
	ASSERT_EQ(0, enable(self->size));
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(before, read_meminfo("DirectMap1G"));
}

/* Returns the lines of /proc/meminfo that tell of the direct map, until the next call. */
static const char *direct_map_lines(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	static char lines[512];
	char line[128];

	lines[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "DirectMap", strlen("DirectMap")))
			strcat(lines, line);
	}
	if (f)
		fclose(f);
	return lines;
}

TEST_F(region, the_direct_map_is_line_for_line_as_before)
{
	char before[512];

	ASSERT_EQ(0, enable(0));
	snprintf(before, sizeof(before), "%s", direct_map_lines());
	if (!before[0])
		SKIP(return, "/proc/meminfo does not show the direct map");
	ASSERT_EQ(0, enable(self->size));
	EXPECT_STRNE(before, direct_map_lines());
	ASSERT_EQ(0, enable(0));
	EXPECT_STREQ(before, direct_map_lines());
}

/* Until 2020 memory was removed from the machine and added again. */
TEST_F(region, memory_blocks_stay_online)
{
	char state[32] = "";
	FILE *f = fopen(block_file(self->start, "state"), "r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%31s", state));
	fclose(f);
	EXPECT_STREQ("online", state);
}

TEST_F(region, a_memory_block_cannot_go_offline)
{
	EXPECT_EQ(EBUSY, set_block_state(self->start, "offline"));
	EXPECT_EQ(self->start, region_start(self->node));
}

/* The kernel's own memory that a request may leak. */
struct kernel_memory {
	u64 slab;
	u64 page_tables;
	u64 vmalloc;
	int ioremapped;
	u64 free;
};

/* How many ranges of physical memory the kernel has mapped somewhere. */
static int count_ioremapped(void)
{
	FILE *f = fopen("/proc/vmallocinfo", "r");
	char line[256];
	int count = 0;

	while (f && fgets(line, sizeof(line), f))
		count += !!strstr(line, " ioremap");
	if (f)
		fclose(f);
	return count;
}

static struct kernel_memory read_kernel_memory(void)
{
	u64 free = settled_free_memory();

	return (struct kernel_memory) {
		.slab = read_meminfo("Slab:"),
		.page_tables = read_meminfo("PageTables:"),
		.vmalloc = read_meminfo("VmallocUsed:"),
		.ioremapped = count_ioremapped(),
		.free = free,
	};
}

FIXTURE(again)
{
	FIXTURE_DATA(region) region;
};

/* What is done again and again: a request for that many blocks. */
FIXTURE_VARIANT(again)
{
	u64 blocks;
	int err;
};

FIXTURE_VARIANT_ADD(again, taking_and_giving_back) { .blocks = 1 };
FIXTURE_VARIANT_ADD(again, asking_for_too_much) { .blocks = 1ULL << 24, .err = ENOMEM };

static bool take_and_give_back(u64 size, int err, int times)
{
	while (times--) {
		if (enable(size) != err || enable(0))
			return false;
	}
	return true;
}

FIXTURE_SETUP(again)
{
	SETUP_REGION(&self->region);
	/* Fills the caches that the first ones leave behind. */
	ASSERT_TRUE(take_and_give_back(variant->blocks * self->region.size, variant->err, 3));
}

FIXTURE_TEARDOWN_PARENT(again)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* Less than a page for each time. */
#define KERNEL_NOISE (800 << 10)

TEST_F(again, leaves_nothing_behind)
{
	/* A kernel with kmemleak also finds single leaks, and is slow. */
	int times = access(KMEMLEAK, F_OK) ? 50 : 10;
	struct kernel_memory before = read_kernel_memory(), after;

	ASSERT_TRUE(take_and_give_back(variant->blocks * self->region.size, variant->err, times));
	EXPECT_TRUE(free_memory_is_back(before.free));
	after = read_kernel_memory();
	TH_LOG("free %lld, slab %lld, page tables %lld, vmalloc %lld",
	       (long long)(before.free - after.free), (long long)(after.slab - before.slab),
	       (long long)(after.page_tables - before.page_tables),
	       (long long)(after.vmalloc - before.vmalloc));
	EXPECT_LT(after.slab, before.slab + KERNEL_NOISE);
	EXPECT_LT(after.page_tables, before.page_tables + KERNEL_NOISE);
	EXPECT_LT(after.vmalloc, before.vmalloc + KERNEL_NOISE);
	EXPECT_EQ(before.ioremapped, after.ioremapped);
}

/* How often memtrace is in what kmemleak has found. Two scans make sure. */
static int count_leaks(void)
{
	char line[512];
	int count = 0;
	FILE *f;

	write_text(KMEMLEAK, "scan");
	write_text(KMEMLEAK, "scan");
	f = fopen(KMEMLEAK, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "memtrace"))
			continue;
		ksft_print_msg("%s", line);
		count++;
	}
	if (f)
		fclose(f);
	return count;
}

TEST_F(region, leaves_nothing_behind_that_kmemleak_finds)
{
	char byte, *map;

	if (access(KMEMLEAK, F_OK))
		SKIP(return, "this kernel does not look for leaks");
	ASSERT_EQ(0, write_text(KMEMLEAK, "clear"));
	for (int i = 0; i < 5; i++) {
		map = map_region(self);
		ASSERT_NE(MAP_FAILED, map);
		munmap(map, self->size);
		EXPECT_EQ(1, read(self->fd, &byte, 1));
		EXPECT_EQ(EINVAL, enable(1));
		EXPECT_EQ(EINVAL, write_text(NODES, "none"));
		EXPECT_EQ(0, write_text(NODES, "\n"));
		close(self->fd);
		EXPECT_EQ(ENOMEM, enable(1ULL << 62));
		ASSERT_EQ(0, enable(self->size));
		self->fd = open(node_file(self->node, "trace"), O_RDWR);
	}
	close(self->fd);
	ASSERT_EQ(0, enable(0));
	/* Younger objects do not count. */
	sleep(6);
	EXPECT_EQ(0, count_leaks());
}

MEMTRACE_TEST_MAIN
