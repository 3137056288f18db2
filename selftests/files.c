// SPDX-License-Identifier: GPL-2.0
/*
 * The files of memtrace: which there are, their modes, and the form of what is
 * in them. Tools and scripts depend on all of that.
 */
#include "memtrace.h"

/* Returns the type and mode of a file that belongs to root, or 0. */
static int mode_of_root_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) || st.st_uid || st.st_gid)
		return 0;
	return st.st_mode;
}

/* Returns the names of the directory's entries, each with a space behind it. */
static const char *list(const char *path)
{
	static char names[1024];
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	names[0] = '\0';
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.' && strlen(names) + strlen(name) + 2 < sizeof(names))
			strcat(strcat(names, name), " ");
	}
	return names;
}

static int count_node_directories(void)
{
	struct dirent *entry;
	DIR *dir = opendir(MEMTRACE);
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* What one read() of a whole file gives, until the next call. */
static const char *read_text(const char *path)
{
	static char text[64];
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	close(fd);
	return text;
}

static const char *hex(u64 value)
{
	static char text[32];

	snprintf(text, sizeof(text), HEX, value);
	return text;
}

TEST(enable_is_a_file_for_root_only)
{
	EXPECT_EQ(S_IFREG | 0600, mode_of_root_file(ENABLE));
}

TEST(nodes_is_a_file_for_root_only)
{
	EXPECT_EQ(S_IFREG | 0600, mode_of_root_file(NODES));
}

TEST(status_is_a_file_that_root_reads)
{
	EXPECT_EQ(S_IFREG | 0400, mode_of_root_file(STATUS));
}

TEST(enable_reads_zero_while_nothing_is_held)
{
	EXPECT_STREQ(hex(0), read_text(ENABLE));
}

TEST(there_is_no_node_directory_while_nothing_is_held)
{
	EXPECT_EQ(0, count_node_directories());
}

TEST_F(region, enable_reads_the_size_that_is_held)
{
	EXPECT_STREQ(hex(block_size()), read_text(ENABLE));
}

TEST_F(region, enable_can_be_read_byte_by_byte)
{
	const char *expected = hex(self->size);
	int fd = open(ENABLE, O_RDONLY);
	char c;

	for (int i = 0; expected[i]; i++) {
		ASSERT_EQ(1, read(fd, &c, 1));
		EXPECT_EQ(expected[i], c);
	}
	EXPECT_EQ(0, read(fd, &c, 1));
	close(fd);
}

TEST_F(region, a_node_directory_has_size_start_and_trace)
{
	EXPECT_STREQ("size start trace ", list(node_file(self->node, "")));
}

TEST_F(region, a_node_directory_is_named_by_eight_hexadecimal_digits)
{
	char name[32];

	snprintf(name, sizeof(name), "%08x ", self->node);
	EXPECT_NE(NULL, strstr(list(MEMTRACE), name)) TH_LOG("%s", list(MEMTRACE));
}

TEST_F(region, start_is_a_file_that_root_reads)
{
	EXPECT_EQ(S_IFREG | 0400, mode_of_root_file(node_file(self->node, "start")));
}

TEST_F(region, size_is_a_file_that_root_reads)
{
	EXPECT_EQ(S_IFREG | 0400, mode_of_root_file(node_file(self->node, "size")));
}

TEST_F(region, trace_is_a_file_for_root_only)
{
	EXPECT_EQ(S_IFREG | 0600, mode_of_root_file(node_file(self->node, "trace")));
}

TEST_F(region, start_is_one_line_with_sixteen_hexadecimal_digits)
{
	EXPECT_STREQ(hex(self->start), read_text(node_file(self->node, "start")));
}

TEST_F(region, size_is_one_line_with_sixteen_hexadecimal_digits)
{
	EXPECT_STREQ(hex(block_size()), read_text(node_file(self->node, "size")));
}

TEST_F(region, start_is_aligned_to_the_size)
{
	EXPECT_EQ(0, self->start % self->size);
}

TEST_F(region, start_and_size_cannot_be_written)
{
	static const char * const names[] = { "start", "size" };

	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = open(node_file(self->node, names[i]), O_WRONLY);

		EXPECT_GT(0, write(fd, "0x0\n", 4));
		close(fd);
	}
	EXPECT_EQ(self->start, region_start(self->node));
	EXPECT_EQ(self->size, region_size(self->node));
}

TEST_F(region, node_directories_go_when_the_memory_is_given_back)
{
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_node_directories());
}

MEMTRACE_TEST_MAIN
