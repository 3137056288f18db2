// SPDX-License-Identifier: GPL-2.0
/*
 * Writing to nodes: which text is accepted as a list, and how the list is read back.
 */
#include "memtrace.h"

static bool is_online(int node)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
	return !access(path, F_OK);
}

/* The default, before any nodes have been selected. */
#define CHOOSE_ALL() EXPECT_EQ(0, write_text(NODES, "\n"))

FIXTURE(list)
{
};

/* A list as it may be written, for a machine with at least @nodes nodes. */
FIXTURE_VARIANT(list)
{
	const char *text;
	const char *reads;
	int nodes;
};

FIXTURE_VARIANT_ADD(list, number) { .text = "0\n", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, no_newline) { .text = "0", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, space_before) { .text = " 0\n", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, space_behind) { .text = "0 ", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, tabs_around) { .text = "\t0\t", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, leading_zeroes) { .text = "000\n", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, range_of_one) { .text = "0-0\n", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, number_twice) { .text = "0,0\n", .reads = "0\n", .nodes = 1 };
FIXTURE_VARIANT_ADD(list, other_number) { .text = "1\n", .reads = "1\n", .nodes = 2 };
FIXTURE_VARIANT_ADD(list, two_numbers) { .text = "0,1\n", .reads = "0-1\n", .nodes = 2 };
FIXTURE_VARIANT_ADD(list, range) { .text = "0-1\n", .reads = "0-1\n", .nodes = 2 };
FIXTURE_VARIANT_ADD(list, falling) { .text = "1,0\n", .reads = "0-1\n", .nodes = 2 };
FIXTURE_VARIANT_ADD(list, range_and_number) { .text = "0-1,0\n", .reads = "0-1\n", .nodes = 2 };
FIXTURE_VARIANT_ADD(list, gap) { .text = "0,2\n", .reads = "0,2\n", .nodes = 3 };
FIXTURE_VARIANT_ADD(list, two_gaps) { .text = "0,2,4\n", .reads = "0,2,4\n", .nodes = 5 };
FIXTURE_VARIANT_ADD(list, number_before_range)
{
	.text = "0,2-3\n", .reads = "0,2-3\n", .nodes = 4
};

FIXTURE_VARIANT_ADD(list, range_before_number)
{
	.text = "3,0-1\n", .reads = "0-1,3\n", .nodes = 4
};

FIXTURE_VARIANT_ADD(list, ranges_that_touch)
{
	.text = "2-3,0-1\n", .reads = "0-3\n", .nodes = 4
};

FIXTURE_SETUP(list)
{
}

FIXTURE_TEARDOWN_PARENT(list)
{
	CHOOSE_ALL();
}

TEST_F(list, is_read_in_its_shortest_form)
{
	char text[1024];

	for (int node = 0; node < variant->nodes; node++) {
		if (!is_online(node))
			SKIP(return, "node %d is not online", node);
	}
	ASSERT_EQ(0, write_text(NODES, variant->text));
	read_file(NODES, text, sizeof(text));
	EXPECT_STREQ(variant->reads, text);
}

FIXTURE(no_list)
{
	char before[1024];
};

FIXTURE_VARIANT(no_list)
{
	const char *text;
};

FIXTURE_VARIANT_ADD(no_list, word) { .text = "zero\n" };
FIXTURE_VARIANT_ADD(no_list, word_behind) { .text = "0,one\n" };
FIXTURE_VARIANT_ADD(no_list, word_after_space) { .text = "0 one\n" };
FIXTURE_VARIANT_ADD(no_list, letter_behind) { .text = "0x\n" };
FIXTURE_VARIANT_ADD(no_list, plus) { .text = "+0\n" };
FIXTURE_VARIANT_ADD(no_list, minus) { .text = "-0\n" };
FIXTURE_VARIANT_ADD(no_list, point) { .text = "0.0\n" };
FIXTURE_VARIANT_ADD(no_list, semicolon) { .text = "0;0\n" };
FIXTURE_VARIANT_ADD(no_list, two_dashes) { .text = "0--0\n" };
FIXTURE_VARIANT_ADD(no_list, range_of_three) { .text = "0-0-0\n" };
FIXTURE_VARIANT_ADD(no_list, dash) { .text = "-\n" };
FIXTURE_VARIANT_ADD(no_list, brackets) { .text = "[0]\n" };
FIXTURE_VARIANT_ADD(no_list, all_that_there_can_be) { .text = "all\n" };
FIXTURE_VARIANT_ADD(no_list, up_to_the_last) { .text = "0-N\n" };
FIXTURE_VARIANT_ADD(no_list, partly_offline) { .text = "0-255\n" };
FIXTURE_VARIANT_ADD(no_list, first_number_beyond_32_bits) { .text = "4294967296\n" };

FIXTURE_SETUP(no_list)
{
	/* Other than without a choice, where there are two nodes. */
	ASSERT_EQ(0, write_text(NODES, "0\n"));
	read_file(NODES, self->before, sizeof(self->before));
}

FIXTURE_TEARDOWN_PARENT(no_list)
{
	CHOOSE_ALL();
}

TEST_F(no_list, changes_nothing)
{
	char after[1024];

	EXPECT_EQ(EINVAL, write_text(NODES, variant->text));
	read_file(NODES, after, sizeof(after));
	EXPECT_STREQ(self->before, after);
}

FIXTURE(empty)
{
};

FIXTURE_VARIANT(empty)
{
	const char *text;
};

FIXTURE_VARIANT_ADD(empty, line) { .text = "\n" };
FIXTURE_VARIANT_ADD(empty, text) { .text = "" };
FIXTURE_VARIANT_ADD(empty, space) { .text = " " };

FIXTURE_SETUP(empty)
{
	ASSERT_EQ(0, write_text(NODES, "0\n"));
}

FIXTURE_TEARDOWN_PARENT(empty)
{
	CHOOSE_ALL();
}

TEST_F(empty, stands_for_each_node_with_memory)
{
	char has_memory[1024], text[1024];

	ASSERT_EQ(0, write_text(NODES, variant->text));
	read_file("/sys/devices/system/node/has_memory", has_memory, sizeof(has_memory));
	read_file(NODES, text, sizeof(text));
	EXPECT_STREQ(has_memory, text);
}

TEST(a_long_list_is_taken)
{
	char text[512] = "0", read[1024];

	while (strlen(text) < 500)
		strcat(text, ",0");
	EXPECT_EQ(0, write_text(NODES, text));
	read_file(NODES, read, sizeof(read));
	EXPECT_STREQ("0\n", read);
	CHOOSE_ALL();
}

TEST(nodes_is_read_in_pieces_as_in_one)
{
	char text[1024], c;
	int fd = open(NODES, O_RDONLY);

	read_file(NODES, text, sizeof(text));
	for (int i = 0; text[i]; i++) {
		ASSERT_EQ(1, read(fd, &c, 1));
		EXPECT_EQ(text[i], c);
	}
	EXPECT_EQ(0, read(fd, &c, 1));
	EXPECT_EQ(1, pread(fd, &c, 1, strlen(text) - 1));
	EXPECT_EQ('\n', c);
	EXPECT_EQ(0, pread(fd, &c, 1, strlen(text)));
	close(fd);
}

/* A selection stays until the next one, whether or not requests succeed. */
TEST_F(region, nodes_stay_chosen)
{
	char before[1024], after[1024], list[16];

	ASSERT_EQ(0, enable(0));
	snprintf(list, sizeof(list), "%d\n", self->node);
	ASSERT_EQ(0, write_text(NODES, list));
	read_file(NODES, before, sizeof(before));

	EXPECT_EQ(0, enable(block_size()));
	EXPECT_EQ(ENOMEM, enable(1ULL << 62));
	EXPECT_EQ(EINVAL, enable(1));
	EXPECT_EQ(0, enable(0));
	read_file(NODES, after, sizeof(after));
	EXPECT_STREQ(before, after);

	EXPECT_EQ(0, enable(block_size()));
	EXPECT_EQ(self->node, next_region(0));
	EXPECT_EQ(-1, next_region(self->node + 1));
	CHOOSE_ALL();
}

TEST_F(region, nodes_can_be_chosen_while_it_is_mapped)
{
	char list[16];

	ASSERT_NE(MAP_FAILED, map_region(self));
	snprintf(list, sizeof(list), "%d\n", self->node);
	EXPECT_EQ(0, write_text(NODES, list));
	CHOOSE_ALL();
}

MEMTRACE_TEST_MAIN
