// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of memtrace in the kernel log. People and scripts look for these lines.
 */
#include "memtrace.h"

FIXTURE(log)
{
	FIXTURE_DATA(region) region;
	u64 size;
	int kmsg;
	char seen[MAX_LOG];
	char expected[MAX_LOG];
};

FIXTURE_SETUP(log)
{
	SETUP_REGION(&self->region);
	self->size = self->region.size;
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN_PARENT(log)
{
	region_teardown(_metadata, &self->region, NULL);
}

static void expect_allocated(char *expected)
{
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		expect_line(expected, "6 Allocated trace memory on node %d at 0x%016llx\n",
			    node, region_start(node));
}

/* The last one goes first. */
static void expect_freed(char *expected)
{
	int nodes[64], n = 0;

	for (int node = -1; n < 64 && (node = next_region(node + 1)) >= 0;)
		nodes[n++] = node;
	while (n--)
		expect_line(expected, "6 Freed trace memory back on node %d\n", nodes[n]);
}

TEST_F(log, each_node_that_gives_memory_back_is_told)
{
	expect_freed(self->expected);

	ASSERT_EQ(0, enable(0));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, what_is_held_is_given_back_before_more_is_taken)
{
	expect_freed(self->expected);

	ASSERT_EQ(0, enable(self->size));
	expect_allocated(self->expected);
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, each_node_that_cannot_give_memory_is_told)
{
	expect_freed(self->expected);
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		expect_line(self->expected, "3 Failed to allocate trace memory on node %d\n",
			    node);

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, the_size_that_all_must_be_a_multiple_of_is_told)
{
	expect_line(self->expected, "3 Value must be aligned with 0x%llx\n", self->size);

	ASSERT_EQ(EINVAL, enable(self->size + 1));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, a_size_that_the_HTM_does_not_take_is_told_once)
{
	u64 size = (1ULL << 62) + self->size;

	expect_freed(self->expected);
	expect_line(self->expected, "5 The HTM requires a power of two, which 0x%llx is not\n",
		    size);
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		expect_line(self->expected, "3 Failed to allocate trace memory on node %d\n",
			    node);

	ASSERT_EQ(ENOMEM, enable(size));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, a_size_that_is_refused_is_not_told_to_the_HTM)
{
	expect_line(self->expected, "3 Value must be aligned with 0x%llx\n", self->size);

	ASSERT_EQ(EINVAL, enable(3 * self->size + 1));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, a_text_that_is_no_number_is_not_worth_a_line)
{
	ASSERT_EQ(EINVAL, write_text(ENABLE, "on\n"));
	ASSERT_EQ(EINVAL, write_text(ENABLE, "\n"));
	ASSERT_EQ(EINVAL, write_text(ENABLE, "-1\n"));
	ASSERT_EQ(ERANGE, write_text(ENABLE, "0x10000000000000000\n"));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ("", self->seen);
}

TEST_F(log, that_memory_is_mapped_is_told)
{
	ASSERT_NE(MAP_FAILED, map_region(&self->region));

	ASSERT_EQ(EBUSY, enable(0));
	read_log(self->kmsg, self->seen);
	expect_line(self->expected,
		    "3 Trace memory on node %d is mapped by a process, nothing changed\n",
		    self->region.node);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, nothing_is_told_while_there_is_nothing_to_give_back)
{
	ASSERT_EQ(0, enable(0));
	read_log(self->kmsg, self->seen);
	ASSERT_EQ(0, enable(0));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ("", self->seen);
}

TEST_F(log, nodes_that_are_not_online_are_told_with_those_that_are)
{
	char online[1024];

	read_file("/sys/devices/system/node/online", online, sizeof(online));
	expect_line(self->expected, "3 Nodes 254-255 are not all online, only %s", online);
	expect_line(self->expected, "3 Nodes 0,255 are not all online, only %s", online);

	ASSERT_EQ(EINVAL, write_text(NODES, "255,254\n"));
	ASSERT_EQ(EINVAL, write_text(NODES, "0,255\n"));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ(self->expected, self->seen);
}

TEST_F(log, nodes_that_are_taken_or_no_list_are_not_worth_a_line)
{
	ASSERT_EQ(EINVAL, write_text(NODES, "one\n"));
	ASSERT_EQ(EINVAL, write_text(NODES, "99999\n"));
	ASSERT_EQ(0, write_text(NODES, "0\n"));
	ASSERT_EQ(0, write_text(NODES, "\n"));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ("", self->seen);
}

MEMTRACE_TEST_MAIN
