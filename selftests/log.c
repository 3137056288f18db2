// SPDX-License-Identifier: GPL-2.0
/*
 * What memtrace tells the kernel log. People and scripts look for these lines.
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

static void expect_line(char *expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsprintf(expected + strlen(expected), format, args);
	va_end(args);
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

TEST_F(log, a_text_that_is_no_number_is_not_worth_a_line)
{
	ASSERT_EQ(EINVAL, write_text(ENABLE, "on\n"));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ("", self->seen);
}

TEST_F(log, that_memory_is_mapped_is_told)
{
	ASSERT_NE(MAP_FAILED, map_region(&self->region));

	ASSERT_EQ(EBUSY, enable(0));
	read_log(self->kmsg, self->seen);
	EXPECT_STREQ("3 Trace memory is mapped by a process, nothing changed\n", self->seen);
}

MEMTRACE_TEST_MAIN
