// SPDX-License-Identifier: GPL-2.0
/*
 * The way in which pdbg uses memtrace: with stdio, one stream for both directions, and
 * reading trace page by page, starting where the hardware wrote last if it has overwritten
 * the mark at the beginning.
 */
#include "memtrace.h"

static u64 scan(const char *path)
{
	FILE *f = fopen(path, "r");
	u64 value = -1;

	if (!f)
		return value;
	if (fscanf(f, "0x%016llx\n", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

/* What pdbg does to have @size bytes. */
static int ask_for(u64 size, u64 *before)
{
	FILE *f = fopen(ENABLE, "r+");
	int ret = -1;

	if (!f)
		return -1;
	if (fscanf(f, "0x%016llx\n", before) == 1)
		ret = fprintf(f, "0x%016llx\n", size) < 0;
	return fclose(f) || ret;
}

TEST_F(region, pdbg_scans_enable_and_prints_to_the_same_stream)
{
	u64 before;

	ASSERT_EQ(0, ask_for(0, &before));
	EXPECT_EQ(self->size, before);
	EXPECT_EQ(0, held());

	ASSERT_EQ(0, ask_for(self->size, &before));
	EXPECT_EQ(0, before);
	EXPECT_EQ(self->size, held());
}

TEST_F(region, pdbg_scans_start)
{
	EXPECT_EQ(0, scan(node_file(self->node, "start")) % self->size);
}

TEST_F(region, pdbg_scans_size)
{
	EXPECT_EQ(block_size(), scan(node_file(self->node, "size")));
}

/* It does not look at what closing the stream answers. */
TEST_F(region, pdbg_changes_nothing_while_memory_is_mapped)
{
	char *map = map_region(self);
	u64 before;

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_NE(0, ask_for(0, &before));
	EXPECT_EQ(self->size, before);
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(self->start, scan(node_file(self->node, "start")));
}

#define PART (4 << 20)
#define MARK 0x00f0efac

/* Reads pages up to @to, and returns how many were as fill() left them. */
static u64 read_pages(int fd, u64 from, u64 to)
{
	u64 page = getpagesize(), good = 0;
	char *data = malloc(page);

	if (lseek(fd, from, SEEK_SET) != from)
		return 0;
	for (; from < to && read(fd, data, page) == page; from += page)
		good += read_as_filled(data, from, page);
	free(data);
	return good;
}

TEST_F(region, pdbg_reads_a_trace_that_wrapped)
{
	u64 page = getpagesize(), last = self->size - PART + page;
	char *map = map_region(self);
	unsigned int word = 0;
	int fd;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, PART, sizeof(u64));
	fill(map, last, self->size, sizeof(u64));
	munmap(map, self->size);
	fd = open(node_file(self->node, "trace"), O_RDWR);
	ASSERT_LE(0, fd);

	ASSERT_EQ(sizeof(word), read(fd, &word, sizeof(word)));
	EXPECT_EQ((unsigned int)word_at(0), word);

	EXPECT_EQ((self->size - last) / page, read_pages(fd, last, self->size));
	EXPECT_EQ(0, read(fd, &word, sizeof(word)));
	EXPECT_EQ(PART / page, read_pages(fd, 0, PART));
}

TEST_F(region, pdbg_sees_that_a_trace_did_not_wrap)
{
	u64 page = getpagesize();
	char *map = map_region(self);
	unsigned int word = 0;
	int fd = open(node_file(self->node, "trace"), O_RDWR);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, page, PART, sizeof(u64));
	*(volatile unsigned int *)map = MARK;
	ASSERT_EQ(sizeof(word), read(fd, &word, sizeof(word)));
	EXPECT_EQ(MARK, word);
	EXPECT_EQ(PART / page - 1, read_pages(fd, page, PART));
}

MEMTRACE_TEST_MAIN
