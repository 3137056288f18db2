// SPDX-License-Identifier: GPL-2.0
/*
 * The way in which the older htm tool uses memtrace: it writes decimal numbers without a
 * newline, reads exactly as many characters as a number has, and looks for the mark that
 * the hardware writes at the beginning of a trace.
 */
#include "memtrace.h"

#define NUMBER_LENGTH 18
#define PART (4 << 20)

/* What the tool does to have @size bytes. Returns an error. */
static int ask_for(u64 size)
{
	int fd = open(ENABLE, O_WRONLY);
	char text[32];
	ssize_t written;
	int err;

	snprintf(text, sizeof(text), "%llu", size);
	written = write(fd, text, strlen(text));
	err = written < 0 ? errno : 0;
	close(fd);
	return written >= 0 && written != strlen(text) ? EIO : err;
}

TEST_F(region, htm_asks_in_decimal_without_a_newline)
{
	ASSERT_EQ(0, ask_for(0));
	EXPECT_EQ(0, held());
	ASSERT_EQ(0, ask_for(block_size()));
	EXPECT_EQ(block_size(), held());
}

TEST_F(region, htm_is_refused_what_is_no_multiple_of_a_block)
{
	u64 sizes[] = { 268435456, 16 << 20, block_size() + (16 << 20), 1 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] % block_size() == 0)
			continue;
		EXPECT_EQ(EINVAL, ask_for(sizes[i]));
		EXPECT_EQ(self->size, held());
		EXPECT_EQ(self->start, region_start(self->node));
	}
}

TEST_F(region, htm_reads_start_and_size_in_one_call)
{
	static const char * const names[] = { "start", "size" };
	u64 values[] = { self->start, block_size() };

	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = open(node_file(self->node, names[i]), O_RDONLY);
		char text[NUMBER_LENGTH + 1] = "", expected[32];

		snprintf(expected, sizeof(expected), "0x%016llx", values[i]);
		ASSERT_EQ(NUMBER_LENGTH, read(fd, text, NUMBER_LENGTH));
		EXPECT_STREQ(expected, text);
		/* The newline is all that is left. */
		EXPECT_EQ(1, read(fd, text, NUMBER_LENGTH));
		EXPECT_EQ('\n', text[0]);
		EXPECT_EQ(0, read(fd, text, NUMBER_LENGTH));
		close(fd);
	}
}

TEST_F(region, htm_finds_the_mark_at_the_beginning)
{
	static const unsigned char mark[] = { 0xac, 0xef, 0xf0, 0x00 };
	int fd = open(node_file(self->node, "trace"), O_RDONLY);
	unsigned char data[sizeof(mark)] = { 1, 1, 1, 1 };
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(8, lseek(fd, 8, SEEK_SET));
	ASSERT_EQ(sizeof(data), read(fd, data, sizeof(data)));
	EXPECT_EQ(0, data[0] | data[1] | data[2] | data[3]);

	*(volatile unsigned int *)(map + 8) = *(const unsigned int *)mark;
	ASSERT_EQ(8, lseek(fd, 8, SEEK_SET));
	ASSERT_EQ(sizeof(data), read(fd, data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, mark, sizeof(mark)));
	EXPECT_EQ(8 + sizeof(mark), lseek(fd, 0, SEEK_CUR));
}

TEST_F(region, htm_reads_on_in_pieces_of_4096_bytes)
{
	char *map = map_region(self), data[4096];
	u64 places[] = { 0, self->size - PART };
	int fd;

	ASSERT_NE(MAP_FAILED, map);
	for (int i = 0; i < ARRAY_SIZE(places); i++)
		fill(map, places[i], places[i] + PART, sizeof(u64));
	munmap(map, self->size);

	fd = open(node_file(self->node, "trace"), O_RDONLY);
	for (int i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(places[i], lseek(fd, places[i], SEEK_SET));
		for (u64 at = places[i]; at < places[i] + PART; at += sizeof(data)) {
			ASSERT_EQ(sizeof(data), read(fd, data, sizeof(data)));
			ASSERT_TRUE(read_as_filled(data, at, sizeof(data)))
				TH_LOG("at 0x%llx", at);
		}
	}
	EXPECT_EQ(0, read(fd, data, sizeof(data)));
}

MEMTRACE_TEST_MAIN
