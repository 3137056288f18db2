// SPDX-License-Identifier: GPL-2.0
/*
 * The text files: which text they accept, that they can be read repeatedly, and that
 * doing so leaks nothing.
 */
#include "memtrace.h"

/* A text file that was opened. */
FIXTURE(text)
{
	FIXTURE_DATA(region) region;
	int fd;
};

FIXTURE_SETUP(text)
{
	SETUP_REGION(&self->region);
	self->fd = open(ENABLE, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(text)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* Returns the rest of the file, read in one call. Valid until the next call. */
static const char *read_on(int fd)
{
	static char text[64];
	ssize_t len = read(fd, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

TEST_F(text, is_read_again_from_where_it_was_sought_to)
{
	char expected[32];

	snprintf(expected, sizeof(expected), HEX, self->region.size);
	EXPECT_STREQ(expected, read_on(self->fd));
	EXPECT_STREQ("", read_on(self->fd));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_STREQ(expected, read_on(self->fd));
	ASSERT_EQ(5, lseek(self->fd, 5, SEEK_SET));
	EXPECT_STREQ(expected + 5, read_on(self->fd));
}

TEST_F(text, is_what_holds_when_it_is_read_again)
{
	char expected[32];

	snprintf(expected, sizeof(expected), HEX, 0ULL);
	read_on(self->fd);
	ASSERT_EQ(0, enable(0));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_STREQ(expected, read_on(self->fd));
}

TEST_F(text, counts_wherever_in_the_file_it_is_written)
{
	ASSERT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	EXPECT_EQ(2, write(self->fd, "0\n", 2));
	EXPECT_EQ(0, held());
}

TEST_F(text, has_no_zero_byte)
{
	static const char * const bad[] = { "0\0\n", "0\n\0", "\0000\n" };

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-1, write(self->fd, bad[i], 3));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(self->region.size, held());
}

TEST_F(text, has_less_than_a_page)
{
	u64 page = getpagesize();
	char *text = malloc(page + 1);

	if (access(STATUS, F_OK))
		SKIP(return, "this memtrace takes less");
	ASSERT_NE(NULL, text);
	memset(text, ' ', page + 1);
	text[0] = '0';
	EXPECT_EQ(-1, write(self->fd, text, page + 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, text, page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(self->region.size, held());

	EXPECT_EQ(page - 1, write(self->fd, text, page - 1));
	EXPECT_EQ(0, held());
	free(text);
}

TEST_F(text, is_not_taken_from_a_bad_address)
{
	char *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, bad);
	EXPECT_EQ(-1, write(self->fd, bad, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->region.size, held());
}

TEST_F(text, of_status_cannot_be_written)
{
	int fd = open(STATUS, O_WRONLY);

	if (access(STATUS, F_OK))
		SKIP(return, "there is no " STATUS);
	EXPECT_EQ(-1, write(fd, "0\n", 2));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(text, cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* Each reader has a page for the text. Those of many would be missed. */
TEST_F(text, leaves_nothing_behind_when_it_was_read)
{
	u64 before = settled_free_memory();

	for (u64 lost = 0; lost < 4 * NOISE; lost += getpagesize()) {
		int fd = open(ENABLE, O_RDONLY);

		ASSERT_STRNE("", read_on(fd));
		close(fd);
	}
	EXPECT_TRUE(free_memory_is_back(before));
}

#define POOL (128 << 10)

/* Random bytes, and bytes that occur in numbers. */
static void fill_pools(char *bytes, char *digits)
{
	static const char set[] = "0123456789abcdefxX-+\n \tKMG,";

	for (int i = 0; i < POOL; i++) {
		bytes[i] = rand();
		digits[i] = set[rand() % (sizeof(set) - 1)];
	}
}

TEST_F(region, stays_as_it_is_whatever_else_is_written_to_enable)
{
	static char bytes[POOL], digits[POOL];
	int refused = 0;

	srand(1);
	fill_pools(bytes, digits);
	for (int i = 0; i < 20000; i++) {
		const char *text = (rand() % 2 ? bytes : digits) + rand() % (POOL / 2);
		size_t len = rand() % (rand() % 4 ? 24 : POOL / 2);
		int fd = open(ENABLE, O_WRONLY);

		ASSERT_GE(fd, 0);
		if (rand() % 2)
			lseek(fd, rand(), SEEK_SET);
		if (write(fd, text, len) >= 0) {
			/* Zero, in one of its forms, or a size. */
			ASSERT_EQ(0, enable(self->size));
			close(fd);
			continue;
		}
		refused++;
		ASSERT_TRUE(errno == EINVAL || errno == ERANGE || errno == ENOMEM)
			TH_LOG("errno %d", errno);
		if (errno == ENOMEM)
			ASSERT_EQ(0, enable(self->size));
		close(fd);
		ASSERT_EQ(self->size, held());
	}
	TH_LOG("%d of 20000 were refused", refused);
}

MEMTRACE_TEST_MAIN
