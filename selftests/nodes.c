// SPDX-License-Identifier: GPL-2.0
/*
 * Each node that has memory gives a region of its own.
 */
#include "memtrace.h"

static int count_nodes(int (*next)(int node))
{
	int n = 0;

	for (int node = -1; (node = next(node + 1)) >= 0;)
		n++;
	return n;
}

static u64 free_on_node(int node)
{
	char path[96], format[32];
	u64 free = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	snprintf(format, sizeof(format), "Node %d MemFree: %%llu", node);
	f = fopen(path, "r");
	while (f && fgets(path, sizeof(path), f) && sscanf(path, format, &free) != 1)
		;
	if (f)
		fclose(f);
	return free << 10;
}

TEST_F(region, is_on_its_node)
{
	char path[96];

	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/memory%llu",
			 node, region_start(node) / block_size());
		EXPECT_EQ(0, access(path, F_OK)) TH_LOG("there is no %s", path);
	}
}

TEST_F(region, is_taken_from_each_node_with_memory)
{
	if (count_nodes(next_memory_node) < 2)
		SKIP(return, "there is one node only");

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		/* A node with little memory need not have a whole block to give. */
		if (region_size(node) || free_on_node(node) > 3 * block_size())
			EXPECT_EQ(self->size, region_size(node)) TH_LOG("node %d", node);
	}
}

TEST_F(region, is_taken_although_another_node_has_not_as_much)
{
	int all = count_nodes(next_region), some;
	u64 size = self->size;

	if (all < 2)
		SKIP(return, "there is one region only");
	do {
		size *= 2;
		if (enable(size) == ENOMEM)
			SKIP(return, "all nodes have as much");
		some = count_nodes(next_region);
	} while (some == all);

	EXPECT_LT(0, some);
	EXPECT_EQ(size, held());
	EXPECT_EQ(size, region_size(next_region(0)));
}

TEST_F(region, is_apart_from_those_of_other_nodes)
{
	int other = next_region(self->node + 1);

	if (other < 0)
		SKIP(return, "there is one region only");
	EXPECT_LE(self->size, region_start(other) - self->start);
}

TEST_F(region, all_are_given_back_at_once)
{
	if (next_region(self->node + 1) < 0)
		SKIP(return, "there is one region only");
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_nodes(next_region));
}

TEST_F(region, a_mapping_of_one_keeps_all)
{
	int other = next_region(self->node + 1);
	char *map;

	if (other < 0)
		SKIP(return, "there is one region only");
	map = map_region(self);
	ASSERT_NE(MAP_FAILED, map);

	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_EQ(self->size, region_size(self->node));
	EXPECT_EQ(self->size, region_size(other));
	munmap(map, self->size);
}

MEMTRACE_TEST_MAIN
