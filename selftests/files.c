// SPDX-License-Identifier: GPL-2.0
/*
 * The files of memtrace: their names, modes and formats, on which tools and scripts
 * depend.
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

/* Returns a whole file, read in one call. Valid until the next call. */
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

TEST(there_are_enable_nodes_and_status_while_nothing_is_held)
{
	EXPECT_STREQ("enable nodes status ", list(MEMTRACE));
}

TEST_F(region, there_is_one_directory_more_for_each_region)
{
	char expected[1024] = "";

	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		expect_line(expected, "%08x ", node);
	strcat(expected, "enable nodes status ");
	EXPECT_STREQ(expected, list(MEMTRACE));
}

TEST_F(region, directories_can_be_listed)
{
	EXPECT_EQ(S_IFDIR | 0755, mode_of_root_file(MEMTRACE));
	EXPECT_EQ(S_IFDIR | 0755, mode_of_root_file(node_file(self->node, "")));
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

/* Reads @len bytes at @offset, or up to the end, and compares them with @whole. */
static bool reads_part(const char *path, const char *whole, int len, int offset)
{
	int left = strlen(whole) - offset, fd = open(path, O_RDONLY);
	int expected = len < left ? len : left > 0 ? left : 0;
	char part[128];
	bool equal = pread(fd, part, len, offset) == expected &&
		     !memcmp(part, whole + offset, expected);

	close(fd);
	return equal;
}

static bool reads_in_parts(const char *path, const char *whole)
{
	int len = strlen(whole);

	return reads_part(path, whole, 5, 0) && reads_part(path, whole, 5, 9) &&
	       reads_part(path, whole, 100, len - 2) && reads_part(path, whole, 1, len - 1) &&
	       reads_part(path, whole, 1, len) && reads_part(path, whole, 0, 0);
}

TEST_F(region, numbers_can_be_read_in_part)
{
	EXPECT_TRUE(reads_in_parts(ENABLE, hex(self->size)));
	EXPECT_TRUE(reads_in_parts(node_file(self->node, "start"), hex(self->start)));
	EXPECT_TRUE(reads_in_parts(node_file(self->node, "size"), hex(self->size)));
}

/* As for a tool that keeps the file open. */
TEST_F(region, enable_reads_what_is_held_by_then)
{
	char text[32] = "";
	int fd = open(ENABLE, O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(19, read(fd, text, sizeof(text)));
	EXPECT_STREQ(hex(self->size), text);
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(2, write(fd, "0\n", 2));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(19, read(fd, text, sizeof(text)));
	EXPECT_STREQ(hex(0), text);
	close(fd);
}

TEST_F(region, enable_is_written_wherever_it_was_read_to)
{
	int fd = open(ENABLE, O_RDWR);
	char c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ(2, write(fd, "0\n", 2));
	EXPECT_EQ(0, held());

	EXPECT_EQ(2, write(fd, "0\n", 2));
	EXPECT_EQ(-1, write(fd, "1\n", 2));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(region, enable_is_not_written_from_a_bad_address)
{
	char *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(ENABLE, O_WRONLY);

	ASSERT_NE(MAP_FAILED, bad);
	EXPECT_EQ(-1, write(fd, bad, 2));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(self->start, region_start(self->node));
}

/* Writes @len bytes, and returns an error or 0. A short write is an error. */
static int write_bytes(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);
	ssize_t written = write(fd, bytes, len);
	int err = written < 0 ? errno : 0;

	close(fd);
	return err || written == len ? err : EIO;
}

TEST_F(region, enable_takes_no_text_with_a_nul_in_it)
{
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, "0\0", 2));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, "0\n\0", 3));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, "0\0000\n", 4));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, "\0000\n", 3));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, "\0", 1));
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(self->start, region_start(self->node));
}

TEST_F(region, nodes_takes_no_text_with_a_nul_in_it)
{
	char before[1024], after[1024];

	read_file(NODES, before, sizeof(before));
	EXPECT_EQ(EINVAL, write_bytes(NODES, "0\0", 2));
	EXPECT_EQ(EINVAL, write_bytes(NODES, "0\n\0", 3));
	EXPECT_EQ(EINVAL, write_bytes(NODES, "\0", 1));
	read_file(NODES, after, sizeof(after));
	EXPECT_STREQ(before, after);
}

/* A number with white space before it, up to @len bytes. */
static const char *padded(const char *number, size_t len)
{
	static char text[1 << 17];

	memset(text, ' ', len);
	memcpy(text + len - strlen(number), number, strlen(number));
	return text;
}

TEST_F(region, enable_takes_less_than_a_page)
{
	u64 page = getpagesize();

	EXPECT_EQ(EINVAL, write_bytes(ENABLE, padded("0\n", page), page));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, padded("0\n", page + 1), page + 1));
	EXPECT_EQ(self->size, held());

	EXPECT_EQ(0, write_bytes(ENABLE, padded("0\n", page - 1), page - 1));
	EXPECT_EQ(0, held());
}

/* The C driver only parses the first 23. */
TEST_F(region, enable_takes_all_characters_for_what_they_are)
{
	EXPECT_EQ(EINVAL, write_text(ENABLE, "0                      one\n"));
	EXPECT_EQ(EINVAL, write_text(ENABLE, "000000000000000000000001\n"));
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(0, write_text(ENABLE, "000000000000000000000000\n"));
	EXPECT_EQ(0, held());
}

TEST_F(region, nodes_takes_less_than_a_page)
{
	u64 page = getpagesize();

	EXPECT_EQ(EINVAL, write_bytes(NODES, padded("0\n", page), page));
	EXPECT_EQ(EINVAL, write_bytes(NODES, padded("0\n", page + 1), page + 1));
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

/* As with ">" in a shell, which does not truncate these files. */
TEST_F(region, a_file_can_be_opened_to_be_overwritten)
{
	const char *trace = node_file(self->node, "trace");
	struct stat st;
	int fd;

	close(open(ENABLE, O_WRONLY | O_TRUNC));
	EXPECT_STREQ(hex(self->size), read_text(ENABLE));

	close(open(trace, O_RDWR | O_TRUNC));
	fd = open(trace, O_RDONLY);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(self->size, st.st_size);
	close(fd);
}

MEMTRACE_TEST_MAIN
