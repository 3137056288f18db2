// SPDX-License-Identifier: GPL-2.0
/*
 * Writing to enable: which text is accepted as a size, and what is held afterwards.
 */
#include <sys/wait.h>

#include "memtrace.h"

#define STEP (1024 * 1024)

FIXTURE(accepted)
{
};

/* A valid way to write a size. */
FIXTURE_VARIANT(accepted)
{
	const char *format;
	int shift;
};

FIXTURE_VARIANT_ADD(accepted, decimal) { .format = "%llu\n" };
FIXTURE_VARIANT_ADD(accepted, hexadecimal) { .format = "0x%llx\n" };
FIXTURE_VARIANT_ADD(accepted, hexadecimal_in_capitals) { .format = "0X%llX\n" };
FIXTURE_VARIANT_ADD(accepted, octal) { .format = "0%llo\n" };
FIXTURE_VARIANT_ADD(accepted, sixteen_digits) { .format = HEX };
FIXTURE_VARIANT_ADD(accepted, no_newline) { .format = "0x%llx" };
FIXTURE_VARIANT_ADD(accepted, plus) { .format = "+%llu\n" };
FIXTURE_VARIANT_ADD(accepted, white_space_around) { .format = " \t\n0x%llx \t\n" };
FIXTURE_VARIANT_ADD(accepted, kibibytes) { .format = "%lluK\n", .shift = 10 };
FIXTURE_VARIANT_ADD(accepted, mebibytes) { .format = "%lluM\n", .shift = 20 };
FIXTURE_VARIANT_ADD(accepted, mebibytes_in_hexadecimal) { .format = "0x%llxm", .shift = 20 };
FIXTURE_VARIANT_ADD(accepted, gibibytes) { .format = "%lluG\n", .shift = 30 };
FIXTURE_VARIANT_ADD(accepted, gibibytes_in_octal) { .format = "+0%llog\n", .shift = 30 };
FIXTURE_VARIANT_ADD(accepted, tebibytes) { .format = "%lluT\n", .shift = 40 };
FIXTURE_VARIANT_ADD(accepted, white_space_around_all) { .format = "\t%lluk\f\r\n", .shift = 10 };
FIXTURE_VARIANT_ADD(accepted, many_spaces) { .format = "%4000llu\n" };
FIXTURE_VARIANT_ADD(accepted, many_zeroes) { .format = "0x%04000llx\n" };

FIXTURE_SETUP(accepted)
{
}

FIXTURE_TEARDOWN_PARENT(accepted)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(accepted, takes_as_much)
{
	char text[4096];
	int err;

	if (block_size() & ((1ULL << variant->shift) - 1))
		SKIP(return, "a block is less");
	snprintf(text, sizeof(text), variant->format, block_size() >> variant->shift);
	err = write_text(ENABLE, text);
	if (err == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	EXPECT_EQ(0, err);
	EXPECT_EQ(block_size(), held());
}

FIXTURE(refused)
{
	FIXTURE_DATA(region) region;
};

FIXTURE_VARIANT(refused)
{
	const char *text;
	int err;
};

FIXTURE_VARIANT_ADD(refused, nothing) { .text = "", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, newline) { .text = "\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, space) { .text = " ", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, word) { .text = "on\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, space_before_suffix) { .text = "1 G\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, suffix_alone) { .text = "G\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, two_suffixes) { .text = "1MM\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, suffix_of_more_letters) { .text = "1GiB\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, unknown_suffix) { .text = "1P\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, two_signs) { .text = "++0\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, two_lines) { .text = "0\n0\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, prefix_alone) { .text = "0x\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, digit_that_is_not_octal) { .text = "08\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, hexadecimal_without_prefix) { .text = "4c\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, fraction) { .text = "0.0\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, negative) { .text = "-1073741824\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, one_byte) { .text = "1\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, page) { .text = "0x10000\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, largest_number) { .text = "0xffffffffffffffff\n", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, over_64_bits) { .text = "0x10000000000000000\n", .err = ERANGE };
FIXTURE_VARIANT_ADD(refused, over_64_bits_in_decimal)
{
	.text = "18446744073709551616\n", .err = ERANGE
};

FIXTURE_VARIANT_ADD(refused, over_64_bits_with_suffix) { .text = "16777216T\n", .err = ERANGE };

FIXTURE_SETUP(refused)
{
	char *map;

	SETUP_REGION(&self->region);
	map = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->region.size, STEP);
	munmap(map, self->region.size);
}

FIXTURE_TEARDOWN_PARENT(refused)
{
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(refused, and_changes_nothing)
{
	FIXTURE_DATA(region) *region = &self->region;
	char *map;

	EXPECT_EQ(variant->err, write_text(ENABLE, variant->text));

	EXPECT_EQ(region->size, held());
	EXPECT_EQ(region->start, region_start(region->node));
	EXPECT_EQ(region->size, region_size(region->node));
	map = map_region(region);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(region->size, find_change(map, 0, region->size, STEP));
	munmap(map, region->size);
}

/* Texts that differ from a size in one place, with as many bytes as are written. */
static const struct {
	const char *text;
	size_t len;
	int err;
} no_sizes[] = {
	{ "\0", 1, EINVAL },
	{ "0\0", 2, EINVAL },
	{ "0\n\0", 3, EINVAL },
	{ "\0000\n", 3, EINVAL },
	{ "0\0000\n", 4, EINVAL },
	{ "0x4000\0000000\n", 12, EINVAL },
	{ "0x\n", 3, EINVAL },
	{ "0X", 2, EINVAL },
	{ "x0\n", 3, EINVAL },
	{ "00x0\n", 5, EINVAL },
	{ "0x0x0\n", 6, EINVAL },
	{ "0xK\n", 4, EINVAL },
	{ "0x 0\n", 5, EINVAL },
	{ "0b0\n", 4, EINVAL },
	{ "0o0\n", 4, EINVAL },
	{ "0 0\n", 4, EINVAL },
	{ "0_0\n", 4, EINVAL },
	{ "0,0\n", 4, EINVAL },
	{ "0 K\n", 4, EINVAL },
	{ "0K0\n", 4, EINVAL },
	{ "K0\n", 3, EINVAL },
	{ "0KK\n", 4, EINVAL },
	{ "0Kb\n", 4, EINVAL },
	{ "0B\n", 3, EINVAL },
	{ "0E\n", 3, EINVAL },
	{ "0P\n", 3, EINVAL },
	{ "0%\n", 3, EINVAL },
	{ "0x0h\n", 5, EINVAL },
	{ "-0\n", 3, EINVAL },
	{ "-1\n", 3, EINVAL },
	{ "+-0\n", 4, EINVAL },
	{ "-+0\n", 4, EINVAL },
	{ "+ 0\n", 4, EINVAL },
	{ "+\n", 2, EINVAL },
	{ "0x+0\n", 5, EINVAL },
	{ "0+0\n", 4, EINVAL },
	{ "0\xa0\n", 3, EINVAL },
	{ "\xef\xbc\x90\n", 4, EINVAL },
	{ "1K\n", 3, EINVAL },
	{ "0x3fffffff\n", 11, EINVAL },
	{ "1073741823\n", 11, EINVAL },
	{ "0x40000001\n", 11, EINVAL },
	{ "18446744073709551615\n", 21, EINVAL },
	{ "18446744073709551616\n", 21, ERANGE },
	{ "99999999999999999999999999\n", 27, ERANGE },
	{ "01777777777777777777777\n", 24, EINVAL },
	{ "02000000000000000000000\n", 24, ERANGE },
	{ "18014398509481984K\n", 19, ERANGE },
	{ "0xffffffffffffffffk\n", 20, ERANGE },
	{ "17592186044416M\n", 16, ERANGE },
	{ "17179869184G\n", 13, ERANGE },
	{ "0x400000000g\n", 13, ERANGE },
	{ "16777216T\n", 10, ERANGE },
	{ "0x1000000t\n", 11, ERANGE },
	{ "0x10000000000000000K\n", 21, ERANGE },
};

static int write_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);
	ssize_t written = write(fd, bytes, len);
	int err = written < 0 ? errno : 0;

	close(fd);
	return written < 0 || written == len ? err : EIO;
}

TEST_F(region, is_kept_by_what_is_no_size)
{
	struct stat before, after;

	ASSERT_EQ(0, fstat(self->fd, &before));
	for (int i = 0; i < ARRAY_SIZE(no_sizes); i++) {
		EXPECT_EQ(no_sizes[i].err, write_bytes(ENABLE, no_sizes[i].text, no_sizes[i].len))
			TH_LOG("%s", no_sizes[i].text);
		EXPECT_EQ(self->size, held()) TH_LOG("%s", no_sizes[i].text);
	}
	/* The region was not even allocated again. */
	ASSERT_EQ(0, stat(node_file(self->node, "trace"), &after));
	EXPECT_EQ(before.st_ino, after.st_ino);
}

/* A page, followed by unmapped memory. */
TEST_F(region, is_kept_by_a_size_that_cannot_be_read)
{
	size_t page = getpagesize();
	char *text = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_NE(MAP_FAILED, text);
	ASSERT_EQ(0, munmap(text + page, page));
	text[page - 2] = '0';
	text[page - 1] = '\n';

	EXPECT_EQ(EFAULT, write_bytes(ENABLE, text + page - 2, 3));
	EXPECT_EQ(EFAULT, write_bytes(ENABLE, text + page, 2));
	EXPECT_EQ(EFAULT, write_bytes(ENABLE, NULL, 2));
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(0, write_bytes(ENABLE, text + page - 2, 2));
	EXPECT_EQ(0, held());
}

TEST_F(region, is_kept_by_a_text_as_long_as_a_page)
{
	size_t page = getpagesize();
	char *text = malloc(2 * page);

	ASSERT_NE(NULL, text);
	memset(text, ' ', 2 * page);
	text[0] = '0';
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, text, 2 * page));
	EXPECT_EQ(EINVAL, write_bytes(ENABLE, text, page));
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(0, write_bytes(ENABLE, text, page - 1));
	EXPECT_EQ(0, held());
}

/* Regardless of earlier reads and writes, and of the file position. */
TEST_F(region, each_write_to_an_open_file_is_a_request)
{
	int fd = open(ENABLE, O_RDWR);
	char text[32], read_back[32];
	ssize_t len;

	ASSERT_LE(0, fd);
	len = snprintf(text, sizeof(text), HEX, self->size);
	EXPECT_EQ(2, write(fd, "0\n", 2));
	EXPECT_EQ(0, held());
	EXPECT_EQ(len, write(fd, text, len));
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(4, lseek(fd, 4, SEEK_SET));
	EXPECT_EQ(1, write(fd, "0", 1));
	EXPECT_EQ(0, held());
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(len, read(fd, read_back, sizeof(read_back)));
	EXPECT_EQ(len, write(fd, text, len));
	EXPECT_EQ(self->size, held());

	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(len, read(fd, read_back, sizeof(read_back)));
	EXPECT_EQ(0, memcmp(text, read_back, len));
	EXPECT_EQ(-1, write(fd, "1", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(2, write(fd, "0\n", 2));
	EXPECT_EQ(0, held());
	close(fd);
}

/* A failure is reported until the next request; rejected writes are not requests. */
TEST_F(region, a_refused_size_does_not_change_why_nothing_is_held)
{
	static const char * const refused[] = { "", "1\n", "one\n", "16777216T\n" };
	char before[256];

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	ASSERT_TRUE(is_short(self->node));
	snprintf(before, sizeof(before), "%s", status_row(self->node));
	for (int i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_NE(0, write_text(ENABLE, refused[i]));
		ASSERT_NE(NULL, status_row(self->node));
		EXPECT_STREQ(before, status_row(self->node));
	}
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(NULL, status_row(self->node));
}

TEST_F(region, can_be_mapped_after_a_request_that_got_nothing)
{
	char *map;

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	ASSERT_EQ(0, enable(self->size));
	self->fd = open(node_file(self->node, "trace"), O_RDWR);
	map = map_region(self);
	EXPECT_NE(MAP_FAILED, map);
	EXPECT_EQ(EBUSY, enable(0));
	munmap(map, self->size);
}

TEST(giving_back_nothing_succeeds)
{
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, held());
}

FIXTURE(impossible)
{
};

FIXTURE_VARIANT(impossible)
{
	u64 size;
};

FIXTURE_VARIANT_ADD(impossible, two_to_the_62) { .size = 1ULL << 62 };
FIXTURE_VARIANT_ADD(impossible, two_to_the_63) { .size = 1ULL << 63 };
FIXTURE_VARIANT_ADD(impossible, largest_multiple) { .size = -0x40000000ULL };
FIXTURE_VARIANT_ADD(impossible, more_than_there_is) { .size = 1ULL << 48 };

FIXTURE_SETUP(impossible)
{
}

FIXTURE_TEARDOWN_PARENT(impossible)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(impossible, is_out_of_memory)
{
	EXPECT_EQ(ENOMEM, enable(variant->size));
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
}

TEST_F(region, an_impossible_size_gives_back_what_was_held)
{
	EXPECT_EQ(ENOMEM, enable(1ULL << 62));
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
}

TEST_F(region, the_same_size_can_be_taken_again)
{
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, enable(self->size));
		EXPECT_EQ(self->size, held());
	}
}

TEST_F(region, another_size_can_be_taken_instead)
{
	int err = enable(2 * self->size);

	if (err == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", 2 * self->size);
	ASSERT_EQ(0, err);
	EXPECT_EQ(2 * self->size, held());

	ASSERT_EQ(0, enable(self->size));
	EXPECT_EQ(self->size, held());
}

/* Two of these at once crashed the machine before 2020. */
TEST_F(region, two_writers_take_turns)
{
	int ended = 0, status;

	for (int writer = 0; writer < 2; writer++) {
		pid_t pid = fork();

		ASSERT_NE(-1, pid);
		if (pid)
			continue;
		for (int i = 0; i < 10; i++) {
			int err = enable((i + writer) % 2 ? self->size : 0);

			if (err && err != ENOMEM)
				_exit(err);
		}
		_exit(0);
	}

	/* Meanwhile, a reader sees one or the other size. */
	while (ended < 2) {
		u64 now = held();

		EXPECT_TRUE(now == 0 || now == self->size);
		if (waitpid(-1, &status, WNOHANG) > 0) {
			EXPECT_EQ(0, status);
			ended++;
		}
	}

	ASSERT_EQ(0, enable(self->size));
	EXPECT_EQ(self->size, held());
}

/* Whether all reports are consistent: @size for each region, or no regions. */
static bool is_one_request(u64 size)
{
	int held_in_status = 0, regions = 0;

	for (int node = -1; (node = next_region(node + 1)) >= 0; regions++) {
		if (region_size(node) != size)
			return false;
	}
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		held_in_status += has_state(node, "held");
	return regions == held_in_status && (regions > 0) == (size > 0);
}

TEST_F(region, two_writers_of_different_sizes_never_mix_them)
{
	int ended = 0, status;

	for (int writer = 0; writer < 2; writer++) {
		pid_t pid = fork();

		ASSERT_NE(-1, pid);
		if (pid)
			continue;
		for (int i = 0; i < 6; i++) {
			int err = enable((writer + 1) * self->size);

			if (err && err != ENOMEM)
				_exit(err);
		}
		_exit(0);
	}

	while (ended < 2) {
		u64 now = held();

		EXPECT_TRUE(now == 0 || now == self->size || now == 2 * self->size);
		if (waitpid(-1, &status, WNOHANG) > 0) {
			EXPECT_EQ(0, status);
			ended++;
		}
	}
	EXPECT_TRUE(is_one_request(held()));
}

MEMTRACE_TEST_MAIN
