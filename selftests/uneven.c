// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes without memory, or with less than requested, provide nothing. The others still
 * provide memory.
 */
#include "memtrace.h"

/* Until 2018 a node without memory made it fail. */
TEST_F(region, is_not_taken_from_a_node_without_memory)
{
	int node = find_empty_node();

	if (node < 0)
		SKIP(return, "each node has memory");
	EXPECT_EQ(0, region_size(node));
}

/* A size that the smallest node does not have, and another one can give. */
FIXTURE(too_small)
{
	int node;
	u64 size;
	int kmsg;
};

FIXTURE_SETUP(too_small)
{
	u64 memory, least = ~0ULL;
	int err;

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		memory = node_meminfo(node, "MemTotal");
		if (memory < least) {
			least = memory;
			self->node = node;
		}
	}
	for (self->size = block_size(); self->size < least; self->size *= 2)
		;

	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
	err = enable(self->size);
	if (err == ENOMEM)
		SKIP(return, "no node can give what another is too small for");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN_PARENT(too_small)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(too_small, is_without_a_region)
{
	EXPECT_EQ(0, region_size(self->node));
}

TEST_F(too_small, does_not_keep_another_from_giving_it)
{
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(self->size, region_size(next_region(0)));
}

TEST_F(too_small, is_short_in_status)
{
	if (access(STATUS, F_OK))
		SKIP(return, "there is no " STATUS);
	EXPECT_TRUE(is_short(self->node));
}

TEST_F(too_small, is_short_in_status_after_a_request_was_refused)
{
	int fd = open(node_file(next_region(0), "trace"), O_RDWR);
	char *map = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, 0);

	if (access(STATUS, F_OK))
		SKIP(return, "there is no " STATUS);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(EBUSY, enable(self->size));
	EXPECT_TRUE(is_short(self->node));
	munmap(map, getpagesize());
	close(fd);
}

TEST_F(too_small, is_told_in_the_log)
{
	char seen[MAX_LOG], expected[96];

	snprintf(expected, sizeof(expected), "3 Failed to allocate trace memory on node %d\n",
		 self->node);
	read_log(self->kmsg, seen);
	EXPECT_NE(NULL, strstr(seen, expected)) TH_LOG("%s", seen);
}

MEMTRACE_TEST_MAIN
