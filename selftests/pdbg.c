// SPDX-License-Identifier: GPL-2.0
/*
 * pdbg's way of using memtrace: stdio, one stream for both directions.
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

MEMTRACE_TEST_MAIN
