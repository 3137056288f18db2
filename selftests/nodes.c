// SPDX-License-Identifier: GPL-2.0
/*
 * Each selected node provides a region, and others keep theirs. By default, all nodes with memory
 * are selected.
 */
#include "memtrace.h"

static int count_nodes(int (*next)(int node))
{
	int n = 0;

	for (int node = -1; (node = next(node + 1)) >= 0;)
		n++;
	return n;
}

/* With a node chosen, the last of those that hold a region. */
FIXTURE(chosen)
{
	FIXTURE_DATA(region) region;
	int node;
	char list[16];
	u64 starts[256];
	u64 sizes[256];
};

FIXTURE_SETUP(chosen)
{
	SETUP_REGION(&self->region);
	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		self->node = node;
		self->starts[node] = region_start(node);
		self->sizes[node] = region_size(node);
	}
	snprintf(self->list, sizeof(self->list), "%d", self->node);
	ASSERT_EQ(0, write_text(NODES, self->list));
}

FIXTURE_TEARDOWN_PARENT(chosen)
{
	EXPECT_EQ(0, write_text(NODES, "\n"));
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(chosen, is_read_back)
{
	EXPECT_STREQ(self->list, read_line(NODES));
	strcat(self->list, "\n");
	EXPECT_EQ(0, write_text(NODES, self->list));
	EXPECT_EQ(self->node, atoi(read_line(NODES)));
}

TEST_F(chosen, changes_nothing_before_the_next_write_to_enable)
{
	EXPECT_EQ(self->region.start, region_start(self->region.node));
	EXPECT_EQ(self->region.size, held());
}

/* Whether each other node has its region, or none, as before. */
static bool others_are_unchanged(FIXTURE_DATA(chosen) *self)
{
	for (int node = 0; node < 256; node++) {
		if (node != self->node && (region_start(node) != self->starts[node] ||
					   region_size(node) != self->sizes[node] ||
					   has_state(node, "held") != !!self->sizes[node])) {
			ksft_print_msg("node %d has changed\n", node);
			return false;
		}
	}
	return true;
}

TEST_F(chosen, alone_gives_a_region)
{
	u64 sizes[] = { 2 * block_size(), block_size(), 0, block_size() };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		int err = enable(sizes[i]);

		if (err == ENOMEM)
			continue; /* it has only one block */
		ASSERT_EQ(0, err);
		EXPECT_EQ(sizes[i], region_size(self->node));
		EXPECT_EQ(sizes[i], held());
		EXPECT_EQ(!!sizes[i], has_state(self->node, "held"));
		EXPECT_TRUE(others_are_unchanged(self));
	}
}

TEST_F(chosen, alone_has_nothing_if_it_has_not_as_much)
{
	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	EXPECT_EQ(0, region_size(self->node));
	EXPECT_EQ(0, held());
	EXPECT_TRUE(is_short(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
}

TEST_F(chosen, alone_keeps_its_region_while_that_is_mapped)
{
	char *map;
	int fd = open(node_file(self->node, "trace"), O_RDWR);

	map = mmap(NULL, self->region.size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_EQ(EBUSY, enable(self->region.size));
	EXPECT_EQ(self->region.size, region_size(self->node));
	EXPECT_EQ(1, count_mappings(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
	munmap(map, self->region.size);
	EXPECT_EQ(0, enable(0));
	EXPECT_TRUE(others_are_unchanged(self));
}

TEST_F(chosen, has_a_size_of_its_own)
{
	u64 size = 2 * block_size();

	if (self->node == self->region.node)
		SKIP(return, "there is one region only");
	if (enable(size))
		SKIP(return, "the last node has one block only");
	EXPECT_EQ(size, held());

	/* That of the first node with a region. */
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(self->region.size, held());
	ASSERT_EQ(0, write_text(NODES, self->list));
	EXPECT_EQ(size, held());
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, held());
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(self->region.size, held());

	/* All of it is given back at once. */
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(-1, next_region(0));
	EXPECT_EQ(0, held());
}

TEST_F(chosen, may_be_the_last_one_to_be_asked_or_the_first)
{
	char first[16];

	if (self->node == self->region.node)
		SKIP(return, "there is one region only");
	snprintf(first, sizeof(first), "%d", self->region.node);
	ASSERT_EQ(0, write_text(NODES, "\n"));
	ASSERT_EQ(0, enable(0));

	ASSERT_EQ(0, write_text(NODES, self->list));
	ASSERT_EQ(0, enable(block_size()));
	ASSERT_EQ(0, write_text(NODES, first));
	ASSERT_EQ(0, enable(block_size()));
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_TRUE(has_state(self->node, "held"));
	EXPECT_TRUE(has_state(self->region.node, "held"));

	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(-1, next_region(0));
	EXPECT_EQ(NULL, status_row(self->node));
	EXPECT_EQ(NULL, status_row(self->region.node));
}

TEST_F(chosen, alone_has_nothing_after_its_writer_was_killed)
{
	u64 free_before;
	bool killed = false;

	ASSERT_EQ(0, enable(0));
	free_before = settled_free_memory();
	for (int i = 0; i < 100 && !killed; i++)
		killed = kill_writer(self->region.size, free_before, 0);
	ASSERT_TRUE(killed);
	EXPECT_TRUE(is_short_because(self->node, "interrupted by a signal"));
	EXPECT_EQ(0, region_size(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
	EXPECT_TRUE(free_memory_is_back(free_before));
}

/* Maps the region of the first node, which is not chosen, and fills it. */
static char *map_other(FIXTURE_DATA(chosen) *self)
{
	char *map = map_region(&self->region);

	if (map != MAP_FAILED)
		fill(map, 0, self->region.size, getpagesize());
	return map;
}

TEST_F(chosen, is_taken_and_given_back_while_another_is_mapped_and_read)
{
	u64 size = self->region.size;
	const char *map;
	char page[65536];

	if (self->node == self->region.node)
		SKIP(return, "there is one region only");
	map = map_other(self);
	ASSERT_NE(MAP_FAILED, map);

	for (int i = 0; i < 100; i++) {
		u64 offset = i * sizeof(page) % size;
		int err = enable(i % 3 * block_size());

		ASSERT_TRUE(!err || (err == ENOMEM && i % 3 == 2));
		ASSERT_EQ(err ? 0 : i % 3 * block_size(), region_size(self->node));
		ASSERT_EQ(size, find_change(map, 0, size, getpagesize()));
		ASSERT_EQ(sizeof(page), pread(self->region.fd, page, sizeof(page), offset));
		ASSERT_EQ(0, memcmp(page, map + offset, sizeof(word_at(0))));
		ASSERT_EQ(1, count_mappings(self->region.node));
		ASSERT_TRUE(others_are_unchanged(self));
	}

	/* All together cannot be given back. */
	ASSERT_EQ(0, enable(block_size()));
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_EQ(block_size(), region_size(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
}

/* That all together could not be given back is no reason not to map them. */
TEST_F(chosen, can_be_mapped_after_a_request_that_another_kept)
{
	char *map;
	int fd;

	if (self->node == self->region.node)
		SKIP(return, "there is one region only");
	ASSERT_NE(MAP_FAILED, map_other(self));
	ASSERT_EQ(0, write_text(NODES, "\n"));
	ASSERT_EQ(EBUSY, enable(0));

	fd = open(node_file(self->node, "trace"), O_RDWR);
	map = mmap(NULL, self->region.size, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT_NE(MAP_FAILED, map);
	EXPECT_EQ(1, count_mappings(self->node));
}

TEST_F(chosen, is_chosen_once_if_it_is_listed_twice)
{
	char list[64];

	snprintf(list, sizeof(list), "%d,%d-%d\n", self->node, self->node, self->node);
	ASSERT_EQ(0, write_text(NODES, list));
	EXPECT_STREQ(self->list, read_line(NODES));
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_EQ(block_size(), region_size(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
}

TEST_F(chosen, stays_chosen_for_the_requests_that_follow)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, enable(block_size()));
		EXPECT_TRUE(others_are_unchanged(self));
	}
	EXPECT_EQ(ENOMEM, enable(1ULL << 62));
	EXPECT_EQ(EINVAL, enable(1));
	EXPECT_STREQ(self->list, read_line(NODES));
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		EXPECT_EQ(node == self->node, is_short(node));
}

TEST_F(chosen, is_each_node_with_memory_after_an_empty_line)
{
	char has_memory[1024];

	snprintf(has_memory, sizeof(has_memory), "%s", read_line(HAS_MEMORY));
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_STREQ(has_memory, read_line(NODES));
}

TEST_F(chosen, can_be_all_nodes_in_one_list)
{
	char online[1024];

	snprintf(online, sizeof(online), "%s", read_line("/sys/devices/system/node/online"));
	ASSERT_EQ(0, write_text(NODES, online));
	EXPECT_STREQ(online, read_line(NODES));

	/* Those without memory give nothing, and say so. */
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_EQ(block_size(), held());
	for (int node = 0; node < 256; node++) {
		bool has_memory = next_memory_node(node) == node;

		EXPECT_EQ(region_size(node) > 0, has_state(node, "held"));
		if (!has_memory)
			EXPECT_EQ(0, region_size(node));
	}
	if (find_empty_node() >= 0)
		EXPECT_TRUE(is_short(find_empty_node()));
}

TEST_F(chosen, can_be_without_memory)
{
	int node = find_empty_node();
	char list[16];

	if (node < 0)
		SKIP(return, "each node has memory");
	snprintf(list, sizeof(list), "%d\n", node);
	ASSERT_EQ(0, write_text(NODES, list));
	EXPECT_EQ(ENOMEM, enable(block_size()));
	EXPECT_EQ(0, held());
	EXPECT_TRUE(is_short(node));
	EXPECT_EQ(self->sizes[self->node], region_size(self->node));
	EXPECT_TRUE(others_are_unchanged(self));
}

FIXTURE(bad_list)
{
	FIXTURE_DATA(chosen) chosen;
};

FIXTURE_VARIANT(bad_list)
{
	const char *text;
};

FIXTURE_VARIANT_ADD(bad_list, word) { .text = "one\n" };
FIXTURE_VARIANT_ADD(bad_list, negative) { .text = "-1\n" };
FIXTURE_VARIANT_ADD(bad_list, hexadecimal) { .text = "0x0\n" };
FIXTURE_VARIANT_ADD(bad_list, range_without_end) { .text = "0-\n" };
FIXTURE_VARIANT_ADD(bad_list, range_that_falls) { .text = "1-0\n" };
FIXTURE_VARIANT_ADD(bad_list, offline) { .text = "0,255\n" };
FIXTURE_VARIANT_ADD(bad_list, offline_alone) { .text = "255" };
FIXTURE_VARIANT_ADD(bad_list, range_with_offline_nodes) { .text = "0-255\n" };
FIXTURE_VARIANT_ADD(bad_list, number_and_word) { .text = "0,one\n" };
FIXTURE_VARIANT_ADD(bad_list, semicolon) { .text = "0;0\n" };
FIXTURE_VARIANT_ADD(bad_list, suffix) { .text = "0K\n" };
FIXTURE_VARIANT_ADD(bad_list, beyond_all_nodes) { .text = "4096\n" };
FIXTURE_VARIANT_ADD(bad_list, over_64_bits) { .text = "18446744073709551616\n" };

FIXTURE_SETUP(bad_list)
{
	chosen_setup(_metadata, &self->chosen, NULL);
}

FIXTURE_TEARDOWN_PARENT(bad_list)
{
	chosen_teardown(_metadata, &self->chosen, NULL);
}

TEST_F(bad_list, changes_nothing)
{
	EXPECT_EQ(EINVAL, write_text(NODES, variant->text));
	EXPECT_STREQ(self->chosen.list, read_line(NODES));
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

/* Whether the node has each memory block of its region. */
static bool has_all_blocks(int node)
{
	u64 start = region_start(node), end = start + region_size(node);
	char path[96];

	for (; start < end; start += block_size()) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/memory%llu",
			 node, start / block_size());
		if (access(path, F_OK))
			return false;
	}
	return true;
}

TEST_F(region, of_three_blocks_is_made_of_blocks_of_its_node)
{
	if (access(STATUS, F_OK))
		SKIP(return, "this memtrace takes other sizes by chance");
	if (enable(3 * self->size) == ENOMEM)
		SKIP(return, "no node has as much");
	EXPECT_LE(0, next_region(0));
	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		EXPECT_EQ(3 * self->size, region_size(node));
		EXPECT_EQ(0, region_start(node) % block_size());
		EXPECT_TRUE(has_all_blocks(node));
	}
}

TEST_F(region, is_taken_from_each_node_with_memory)
{
	if (count_nodes(next_memory_node) < 2)
		SKIP(return, "there is one node only");

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		/* A node with little memory need not have a whole block to give. */
		if (region_size(node) || node_meminfo(node, "MemFree") > 3 * block_size())
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
