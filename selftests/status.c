// SPDX-License-Identifier: GPL-2.0
/*
 * The status file tells how it stands with each node.
 */
#include "memtrace.h"

struct row {
	int node;
	char state[16];
	char start[32];
	char size[32];
	char mappings[16];
	char ms[16];
	char why[128];
};

/* Reads the row of @node, and returns whether there is one. */
static bool read_row(int node, struct row *row)
{
	FILE *f = fopen(STATUS, "r");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%d %15s %31s %31s %15s %15s %127[^\n]", &row->node,
			       row->state, row->start, row->size, row->mappings, row->ms,
			       row->why) == 7 && row->node == node;
	if (f)
		fclose(f);
	return found;
}

TEST(begins_with_the_names_of_its_columns)
{
	static const char * const names[] = {
		"node", "state", "start", "size", "mappings", "ms", "why",
	};
	FILE *f = fopen(STATUS, "r");
	char line[256] = "", *rest = line;

	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	fclose(f);
	for (int i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_STREQ(names[i], strtok_r(NULL, "\n ", &rest));
	EXPECT_EQ(NULL, strtok_r(NULL, "\n ", &rest));
}

TEST_F(region, is_held)
{
	char start[32], size[32];
	struct row row;

	snprintf(start, sizeof(start), "0x%016llx", self->start);
	snprintf(size, sizeof(size), "0x%016llx", self->size);

	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("held", row.state);
	EXPECT_STREQ(start, row.start);
	EXPECT_STREQ(size, row.size);
	EXPECT_STREQ("0", row.mappings);
	EXPECT_LT(0, atoi(row.ms));
	EXPECT_STREQ("-", row.why);
}

TEST_F(region, has_its_mappings_counted)
{
	char *one = map_region(self), *other = map_region(self);
	struct row row;

	ASSERT_NE(MAP_FAILED, one);
	ASSERT_NE(MAP_FAILED, other);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("2", row.mappings);

	munmap(one, self->size);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("1", row.mappings);
	munmap(other, self->size);
}

TEST_F(region, is_not_listed_once_it_is_given_back)
{
	struct row row;

	ASSERT_EQ(0, enable(0));
	EXPECT_FALSE(read_row(self->node, &row));
}

TEST_F(region, is_not_there_for_a_reason)
{
	struct row row;
	u64 most;
	int found;

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("short", row.state);
	EXPECT_STREQ("-", row.start);
	EXPECT_STREQ("-", row.size);
	EXPECT_STREQ("-", row.mappings);
	EXPECT_LE(0, atoi(row.ms));
	found = sscanf(row.why, "the largest range that could be freed is 0x%llx", &most);
	ASSERT_EQ(1, found);

	/* That can be had, and twice as much cannot. */
	ASSERT_EQ(0, enable(most));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("held", row.state);
	enable(2 * most);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("short", row.state);

	ASSERT_EQ(0, enable(0));
	EXPECT_FALSE(read_row(self->node, &row));
}

MEMTRACE_TEST_MAIN
