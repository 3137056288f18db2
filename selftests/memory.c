// SPDX-License-Identifier: GPL-2.0
/*
 * What the rest of the machine sees of it that memory is taken and given back.
 */
#include "memtrace.h"

static u64 all_regions(void)
{
	u64 sum = 0;

	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		sum += region_size(node);
	return sum;
}

static FILE *open_block(u64 address, const char *mode)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%llu/state",
		 address / block_size());
	return fopen(path, mode);
}

/* Others may take or give memory meanwhile. What is wrong is wrong every time. */
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
	FILE *f = open_block(self->start, "r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%31s", state));
	fclose(f);
	EXPECT_STREQ("online", state);
}

TEST_F(region, a_memory_block_cannot_go_offline)
{
	FILE *f = open_block(self->start, "w");

	ASSERT_NE(NULL, f);
	fputs("offline", f);
	EXPECT_EQ(EOF, fflush(f));
	EXPECT_EQ(EBUSY, errno);
	fclose(f);
	EXPECT_EQ(self->start, region_start(self->node));
}

MEMTRACE_TEST_MAIN
