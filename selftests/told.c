// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints, the kernel log, status and the files agree on each request, and do not
 * report rejected ones.
 */
#include "told.h"

/* A region, and all that was told of it since it was taken. */
FIXTURE(told)
{
	FIXTURE_DATA(region) region;
	struct told told;
};

FIXTURE_SETUP(told)
{
	int err = begin_told(&self->told);
	u64 began;

	if (err == -ENOENT)
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, err);
	began = now();
	SETUP_REGION(&self->region);
	self->told.elapsed = now() - began;
}

FIXTURE_TEARDOWN_PARENT(told)
{
	end_told(&self->told);
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(told, alike_of_memory_that_was_taken)
{
	expect_told(_metadata, &self->told, self->region.size, 0);
}

TEST_F(told, alike_of_memory_that_is_taken_again)
{
	listen_to(&self->told, self->region.size);
	ASSERT_EQ(0, enable_and_time(&self->told, self->region.size));
	expect_told(_metadata, &self->told, self->region.size, 0);
}

TEST_F(told, alike_of_memory_that_is_given_back)
{
	listen_to(&self->told, self->region.size);
	ASSERT_EQ(0, enable_and_time(&self->told, 0));
	expect_told(_metadata, &self->told, 0, 0);

	/* Nothing is told of nothing. */
	ASSERT_EQ(0, enable_and_time(&self->told, 0));
	expect_told(_metadata, &self->told, 0, 0);
	EXPECT_EQ(0, self->told.nr_events);
}

TEST_F(told, alike_of_memory_that_is_not_there)
{
	listen_to(&self->told, self->region.size);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(ENOMEM, enable_and_time(&self->told, 1ULL << 62));
		expect_told(_metadata, &self->told, 1ULL << 62, ENOMEM);
	}

	/* Why is forgotten with the next request. */
	ASSERT_EQ(0, enable_and_time(&self->told, 0));
	expect_told(_metadata, &self->told, 0, 0);
	EXPECT_STREQ(STATUS_HEADER, self->told.status);
}

TEST_F(told, alike_of_memory_that_some_nodes_have)
{
	int nodes = 0, regions = 0, err;
	u64 size = self->region.size;

	listen_to(&self->told, size);
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		nodes++;
	do {
		size *= 2;
		err = enable_and_time(&self->told, size);
		ASSERT_TRUE(!err || err == ENOMEM);
		expect_told(_metadata, &self->told, size, err);
		EXPECT_EQ(nodes, self->told.nr_rows);

		regions = 0;
		for (int node = -1; (node = next_region(node + 1)) >= 0;)
			regions++;
	} while (regions == nodes);
}

TEST_F(told, alike_of_a_size_that_is_not_a_power_of_two)
{
	u64 size = (1ULL << 62) + self->region.size;

	listen_to(&self->told, self->region.size);
	ASSERT_EQ(ENOMEM, enable_and_time(&self->told, size));
	expect_told(_metadata, &self->told, size, ENOMEM);
}

TEST_F(told, alike_of_three_blocks)
{
	u64 size = 3 * self->region.size;
	int err;

	listen_to(&self->told, self->region.size);
	err = enable_and_time(&self->told, size);
	ASSERT_TRUE(!err || err == ENOMEM);
	expect_told(_metadata, &self->told, size, err);
}

static void expect_refused(struct __test_metadata *_metadata, struct told *told)
{
	static const struct {
		const char *text;
		int err;
	} refused[] = {
		{ "0x1\n", EINVAL },
		{ "on\n", EINVAL },
		{ "\n", EINVAL },
		{ "-1\n", EINVAL },
		{ "0x10000000000000000\n", ERANGE },
	};

	for (int i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(refused[i].err, write_text(ENABLE, refused[i].text));
		expect_unchanged(_metadata, told);
	}
}

TEST_F(told, unchanged_by_a_size_that_is_refused)
{
	listen_to(&self->told, self->region.size);
	expect_refused(_metadata, &self->told);
}

TEST_F(told, unchanged_by_a_size_that_is_refused_where_memory_was_not_there)
{
	listen_to(&self->told, self->region.size);
	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	listen_to(&self->told, 1ULL << 62);
	expect_refused(_metadata, &self->told);
}

TEST_F(told, unchanged_while_memory_is_mapped)
{
	ASSERT_NE(MAP_FAILED, map_region(&self->region));
	listen_to(&self->told, self->region.size);
	EXPECT_EQ(EBUSY, enable(0));
	expect_unchanged(_metadata, &self->told);
	EXPECT_EQ(EBUSY, enable(self->region.size));
	expect_unchanged(_metadata, &self->told);
}

TEST_F(told, unchanged_by_nodes_that_are_chosen)
{
	char list[16];

	listen_to(&self->told, self->region.size);
	snprintf(list, sizeof(list), "%d\n", self->region.node);
	EXPECT_EQ(0, write_text(NODES, list));
	expect_unchanged(_metadata, &self->told);
	EXPECT_EQ(0, write_text(NODES, "\n"));
	expect_unchanged(_metadata, &self->told);
}

#define MAX_KILLS 50

TEST_F(told, alike_of_a_writer_that_is_killed)
{
	u64 size = self->region.size, free_before, began;
	struct told *told = &self->told;
	bool killed = false;
	int node = -1;

	listen_to(told, size);
	ASSERT_EQ(0, enable(0));
	free_before = free_memory();
	for (int i = 0; i < MAX_KILLS && !killed; i++) {
		listen_to(told, size);
		began = now();
		killed = kill_writer(size, free_before, 0);
		told->elapsed = now() - began;
	}
	ASSERT_TRUE(killed);
	expect_told(_metadata, told, size, EINTR);

	/* One node after the other was begun with, until the writer was found dead. */
	ASSERT_LT(0, told->nr_rows);
	for (int i = 0; i < told->nr_rows; i++) {
		node = next_memory_node(node + 1);
		EXPECT_EQ(node, told->rows[i].node);
		EXPECT_EQ(-EINTR, told->rows[i].error);
	}
}

MEMTRACE_TEST_MAIN
