// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes without memory, and with less than is asked for, give nothing. The others
 * give what they can.
 */
#include "memtrace.h"

#define NODE_DIR "/sys/devices/system/node"

static bool is_online_node(int node)
{
	char path[96];

	snprintf(path, sizeof(path), NODE_DIR "/node%d", node);
	return !access(path, F_OK);
}

/* Returns the first node without memory, or -1. */
static int find_empty_node(void)
{
	for (int node = 0; node < 256; node++) {
		if (is_online_node(node) && next_memory_node(node) != node)
			return node;
	}
	return -1;
}

static u64 memory_of_node(int node)
{
	char line[128], format[32];
	u64 total = 0;
	FILE *f;

	snprintf(line, sizeof(line), NODE_DIR "/node%d/meminfo", node);
	snprintf(format, sizeof(format), "Node %d MemTotal: %%llu", node);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, format, &total) != 1)
		;
	if (f)
		fclose(f);
	return total << 10;
}

/* Until 2018 a node without memory made it fail. */
TEST_F(region, is_not_taken_from_a_node_without_memory)
{
	int node = find_empty_node();

	if (node < 0)
		SKIP(return, "each node has memory");
	EXPECT_EQ(0, region_size(node));
}

/* A size that the smallest node does not have, and another one can give. */
FIXTURE(too_small)
{
	int node;
	u64 size;
	int kmsg;
};

FIXTURE_SETUP(too_small)
{
	u64 memory, least = ~0ULL;

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		memory = memory_of_node(node);
		if (memory < least) {
			least = memory;
			self->node = node;
		}
	}
	for (self->size = block_size(); self->size < least; self->size *= 2)
		;

	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, self->kmsg);
	lseek(self->kmsg, 0, SEEK_END);
	if (enable(self->size))
		SKIP(return, "no node can give what another is too small for");
}

FIXTURE_TEARDOWN_PARENT(too_small)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(too_small, is_without_a_region)
{
	EXPECT_EQ(0, region_size(self->node));
}

TEST_F(too_small, does_not_keep_another_from_giving_it)
{
	EXPECT_EQ(self->size, held());
	EXPECT_EQ(self->size, region_size(next_region(0)));
}

TEST_F(too_small, is_short_in_status)
{
	FILE *f = fopen(STATUS, "r");
	char line[256], state[16] = "";
	int node;

	if (!f)
		SKIP(return, "there is no " STATUS);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %15s", &node, state) == 2 && node == self->node)
			break;
	}
	fclose(f);
	EXPECT_STREQ("short", state);
}

TEST_F(too_small, is_told_in_the_log)
{
	char record[2048], expected[96];
	bool told = false;
	ssize_t len;

	snprintf(expected, sizeof(expected),
		 ";memtrace: Failed to allocate trace memory on node %d\n", self->node);
	while ((len = read(self->kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len < 0)
			continue; /* a record that was overwritten before it was read */
		record[len] = '\0';
		told |= !!strstr(record, expected);
	}
	EXPECT_TRUE(told);
}

MEMTRACE_TEST_MAIN
