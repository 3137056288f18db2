// SPDX-License-Identifier: GPL-2.0
/*
 * Writing to enable: what is taken for a size and what is not, and what is held
 * afterwards.
 */
#include <sys/wait.h>

#include "memtrace.h"

#define STEP (1024 * 1024)

FIXTURE(accepted)
{
};

/* A size as it may be written. */
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

FIXTURE_SETUP(accepted)
{
}

FIXTURE_TEARDOWN_PARENT(accepted)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(accepted, takes_as_much)
{
	char text[64];
	int err;

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

	/* A reader sees one or the other all the while. */
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

MEMTRACE_TEST_MAIN
