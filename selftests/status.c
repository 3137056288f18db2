// SPDX-License-Identifier: GPL-2.0
/*
 * The status file reports the state of each node.
 */
#include "memtrace.h"

struct row {
	int node;
	char state[16];
	char start[32];
	char size[32];
	char mappings[16];
	char ms[16];
	char why[256];
};

/* Reads the row of @node, and returns whether there is one. */
static bool read_row(int node, struct row *row)
{
	FILE *f = fopen(STATUS, "r");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%d %15s %31s %31s %15s %15s %255[^\n]", &row->node,
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

TEST(has_the_names_of_its_columns_alone_while_nothing_is_held)
{
	char text[MAX_LOG];

	read_file(STATUS, text, sizeof(text));
	EXPECT_STREQ("node  state  start              size               mappings  ms       why\n",
		     text);
}

TEST_F(region, is_in_its_columns)
{
	char text[MAX_LOG], *line = text, *end;
	struct row row;

	read_file(STATUS, text, sizeof(text));
	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		char expected[256];

		ASSERT_TRUE(read_row(node, &row));
		snprintf(expected, sizeof(expected),
			 "%-5d held   0x%016llx 0x%016llx 0         %-8s -\n", node,
			 region_start(node), region_size(node), row.ms);
		EXPECT_NE(NULL, strstr(text, expected)) TH_LOG("%s%s", text, expected);
	}

	/* Each line ends directly after its last word. */
	while ((end = strchr(line, '\n'))) {
		EXPECT_NE(' ', end[-1]);
		line = end + 1;
	}
	EXPECT_STREQ("", line);
}

TEST_F(region, each_node_with_memory_is_listed_once_and_in_order)
{
	FILE *f = fopen(STATUS, "r");
	int expected = -1;
	char line[256];

	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		expected = next_memory_node(expected + 1);
		EXPECT_LT(0, strspn(line, "0123456789"));
		EXPECT_EQ(expected, atoi(line));
	}
	fclose(f);
	EXPECT_EQ(-1, next_memory_node(expected + 1));
}

TEST_F(region, is_read_in_pieces_as_in_one)
{
	char text[MAX_LOG], c;
	int fd = open(STATUS, O_RDONLY), len;

	read_file(STATUS, text, sizeof(text));
	len = strlen(text);
	for (int i = 0; i < len; i++) {
		ASSERT_EQ(1, read(fd, &c, 1));
		ASSERT_EQ(text[i], c);
	}
	EXPECT_EQ(0, read(fd, &c, 1));

	for (int i = len - 1; i >= 0; i--) {
		ASSERT_EQ(1, pread(fd, &c, 1, i));
		ASSERT_EQ(text[i], c);
	}
	EXPECT_EQ(0, pread(fd, &c, 1, len));
	close(fd);
}

TEST_F(region, is_read_anew_from_the_beginning)
{
	char before[MAX_LOG] = "", after[MAX_LOG] = "";
	int fd = open(STATUS, O_RDONLY);

	ASSERT_LT(0, read(fd, before, sizeof(before) - 1));
	ASSERT_EQ(0, enable(0));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_LT(0, read(fd, after, sizeof(after) - 1));
	close(fd);
	EXPECT_NE(NULL, strstr(before, " held "));
	EXPECT_EQ(NULL, strstr(after, " held "));
}

TEST_F(region, cannot_be_told_to_status)
{
	int fd = open(STATUS, O_WRONLY);
	char before[MAX_LOG], after[MAX_LOG];

	read_file(STATUS, before, sizeof(before));
	EXPECT_EQ(-1, write(fd, "0\n", 2));
	close(fd);
	read_file(STATUS, after, sizeof(after));
	EXPECT_STREQ(before, after);
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

TEST_F(region, has_its_own_mappings_counted_alone)
{
	int other = next_region(self->node + 1);
	struct row row;
	char *map;

	if (other < 0)
		SKIP(return, "there is one region only");
	map = map_region(self);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("1", row.mappings);
	ASSERT_TRUE(read_row(other, &row));
	EXPECT_STREQ("0", row.mappings);
	munmap(map, self->size);
}

TEST_F(region, has_a_mapping_counted_once_when_it_is_split)
{
	u64 page = getpagesize();
	char *map = map_region(self);
	struct row row;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, page));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("1", row.mappings);

	ASSERT_EQ(0, munmap(map, page));
	ASSERT_EQ(0, munmap(map + 2 * page, self->size - 2 * page));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("0", row.mappings);
}

TEST_F(region, has_no_mapping_that_was_refused)
{
	struct row row;

	ASSERT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, self->fd, 0));
	ASSERT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_EXEC, MAP_SHARED, self->fd, 0));
	ASSERT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->fd,
				   self->size));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("0", row.mappings);
}

TEST_F(region, has_no_mapping_of_a_process_that_ended)
{
	struct row row;
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (map_region(self) == MAP_FAILED || !read_row(self->node, &row))
			_exit(1);
		_exit(!!strcmp(row.mappings, "1"));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("0", row.mappings);
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
	found = sscanf(row.why, "the largest range that is free or movable is 0x%llx", &most);
	ASSERT_EQ(1, found);

	/* This size is available, and twice as much is not. */
	ASSERT_EQ(0, enable(most));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("held", row.state);
	enable(2 * most);
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("short", row.state);

	ASSERT_EQ(0, enable(0));
	EXPECT_FALSE(read_row(self->node, &row));
}

/* Reads what @node could give at most, by its row, or 0. */
static u64 read_most(int node)
{
	struct row row;
	u64 most;

	if (!read_row(node, &row) ||
	    sscanf(row.why, "the largest range that is free or movable is 0x%llx", &most) != 1)
		return 0;
	return most;
}

/* A node alone, so that others do not matter. */
FIXTURE(alone)
{
	FIXTURE_DATA(region) region;
	int node;
};

FIXTURE_SETUP(alone)
{
	char list[16];

	SETUP_REGION(&self->region);
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		self->node = node;
	ASSERT_EQ(0, enable(0));
	snprintf(list, sizeof(list), "%d\n", self->node);
	ASSERT_EQ(0, write_text(NODES, list));
}

FIXTURE_TEARDOWN_PARENT(alone)
{
	EXPECT_EQ(0, write_text(NODES, "\n"));
	region_teardown(_metadata, &self->region, NULL);
}

/* It is the largest power of two, regardless of the requested size. */
TEST_F(alone, could_give_the_same_whatever_is_asked_for)
{
	u64 most, size;

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	most = read_most(self->node);
	ASSERT_LT(0, most);
	EXPECT_EQ(0, most & (most - 1));
	EXPECT_LE(block_size(), most);
	for (size = most; size <= node_meminfo(self->node, "MemTotal"); size *= 2)
		;

	ASSERT_EQ(ENOMEM, enable(size));
	EXPECT_EQ(most, read_most(self->node));
	ASSERT_EQ(ENOMEM, enable(2 * size - block_size()));
	EXPECT_EQ(most, read_most(self->node));
	ASSERT_EQ(ENOMEM, enable(2 * size + block_size()));
	EXPECT_EQ(most, read_most(self->node));
}

/* Until the next request. */
TEST_F(alone, gave_nothing_to_the_last_request_only)
{
	struct row row;

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("short", row.state);
	ASSERT_EQ(EINVAL, enable(1));
	EXPECT_TRUE(is_short(self->node));

	ASSERT_EQ(0, enable(block_size()));
	ASSERT_TRUE(read_row(self->node, &row));
	EXPECT_STREQ("held", row.state);
	EXPECT_FALSE(is_short(self->node));
}

TEST_F(alone, stays_listed_when_another_is_asked)
{
	int other = self->region.node;
	struct row row;
	char list[16];

	if (other == self->node)
		SKIP(return, "there is one region only");
	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	EXPECT_TRUE(is_short(self->node));
	EXPECT_FALSE(read_row(other, &row));

	snprintf(list, sizeof(list), "%d\n", other);
	ASSERT_EQ(0, write_text(NODES, list));
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_TRUE(is_short(self->node));
	ASSERT_TRUE(read_row(other, &row));
	EXPECT_STREQ("held", row.state);

	/* Until all are asked. */
	ASSERT_EQ(0, write_text(NODES, "\n"));
	ASSERT_EQ(0, enable(0));
	EXPECT_FALSE(read_row(self->node, &row));
	EXPECT_FALSE(read_row(other, &row));
}

TEST_F(alone, stays_listed_while_another_is_mapped)
{
	char list[16];
	char *map;
	int fd;

	if (self->node == self->region.node)
		SKIP(return, "there is one region only");
	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	snprintf(list, sizeof(list), "%d\n", self->region.node);
	ASSERT_EQ(0, write_text(NODES, list));
	ASSERT_EQ(0, enable(block_size()));
	fd = open(node_file(self->region.node, "trace"), O_RDWR);
	map = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);

	/* Nothing changes. */
	ASSERT_EQ(0, write_text(NODES, "\n"));
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_short(self->node));
	EXPECT_EQ(1, count_mappings(self->region.node));
	munmap(map, getpagesize());
}

TEST_F(alone, has_nothing_to_free_without_memory)
{
	int node = find_empty_node();
	struct row row;
	char list[16];

	if (node < 0)
		SKIP(return, "each node has memory");
	snprintf(list, sizeof(list), "%d\n", node);
	ASSERT_EQ(0, write_text(NODES, list));
	ASSERT_EQ(ENOMEM, enable(block_size()));
	ASSERT_TRUE(read_row(node, &row));
	EXPECT_STREQ("no memory block is free or movable, and the node has no place of this size",
		     row.why);
}

MEMTRACE_TEST_MAIN
