// SPDX-License-Identifier: GPL-2.0
/*
 * Trace memory is zeroed when it is allocated. Until 2020, readers could see old data of
 * the kernel and of other processes, and dirty cache lines could be written over the
 * trace later.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "memtrace.h"

#define CHUNK (1024 * 1024)

/* No more than this is zeroed and flushed at once. */
#define ZEROED_AT_ONCE (256 * 1024)

#define PAGEMAP_PFN ((1ULL << 55) - 1)

/* Returns the offset of the first MiB that trace does not read as zeroes. */
static u64 find_read_not_zero(int node)
{
	int fd = open(node_file(node, "trace"), O_RDONLY);
	static u64 chunk[CHUNK / sizeof(u64)];
	u64 offset = 0, found = 0;

	while (read(fd, chunk, CHUNK) == CHUNK) {
		for (int i = 0; i < CHUNK / sizeof(u64); i++)
			found |= chunk[i];
		if (found)
			break;
		offset += CHUNK;
	}
	close(fd);
	return offset;
}

/* Returns the offset of the first word that is not zero in a mapping. */
static u64 find_mapped_not_zero(int node)
{
	int fd = open(node_file(node, "trace"), O_RDONLY);
	u64 offset, size = region_size(node);
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	if (map == MAP_FAILED)
		return 0;
	for (offset = 0; offset < size; offset += sizeof(u64)) {
		if (*(volatile u64 *)(map + offset))
			break;
	}
	munmap(map, size);
	return offset;
}

/* Most of the free memory, filled and freed again just before the regions are taken. */
FIXTURE(user_memory)
{
	u64 pages_in_regions;
};

static u64 count_in_region(int node, const u64 *pagemap, u64 nr_pages)
{
	u64 start = region_start(node), size = region_size(node), count = 0;

	for (u64 i = 0; i < nr_pages; i++)
		count += (pagemap[i] & PAGEMAP_PFN) * getpagesize() - start < size;
	return count;
}

FIXTURE_SETUP(user_memory)
{
	u64 page_size = getpagesize(), size = free_memory() / 4 * 3, large = large_size(), nr_pages;
	u64 *pagemap;
	char *memory;
	int fd, err;

	/* More would take long on a big machine. */
	if (size > 4 * large)
		size = 4 * large;
	nr_pages = size / page_size;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x5a, size);

	pagemap = calloc(nr_pages, sizeof(u64));
	fd = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_EQ(nr_pages * sizeof(u64),
		  pread(fd, pagemap, nr_pages * sizeof(u64),
			(u64)memory / page_size * sizeof(u64)));
	close(fd);
	munmap(memory, size);

	err = enable(large);
	if (err == ENOMEM)
		err = enable(block_size());
	if (err == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	ASSERT_EQ(0, err);
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		self->pages_in_regions += count_in_region(node, pagemap, nr_pages);
	if (!self->pages_in_regions)
		SKIP(return, "none of the memory that was written is trace memory now");
	TH_LOG("%llu pages that were written are trace memory now", self->pages_in_regions);
}

FIXTURE_TEARDOWN_PARENT(user_memory)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(user_memory, cannot_be_read)
{
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		EXPECT_EQ(region_size(node), find_read_not_zero(node));
}

TEST_F(user_memory, cannot_be_seen_in_a_mapping)
{
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		EXPECT_EQ(region_size(node), find_mapped_not_zero(node));
}

TEST_F(region, what_was_traced_before_cannot_be_read)
{
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	munmap(map, self->size);

	ASSERT_EQ(0, enable(self->size));
	if (region_start(self->node) != self->start)
		SKIP(return, "other memory was taken the second time");
	EXPECT_EQ(self->size, find_read_not_zero(self->node));
}

/* Each byte at both ends, and of the ends of all that was zeroed at once. */
TEST_F(region, what_was_traced_before_is_gone_to_the_last_byte)
{
	char *map = map_region(self);
	u64 size = self->size, part = 16 * 1024;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, CHUNK, sizeof(u64));
	for (u64 offset = ZEROED_AT_ONCE; offset < size; offset += ZEROED_AT_ONCE)
		fill(map, offset - part, offset + part, sizeof(u64));
	fill(map, size - CHUNK, size, sizeof(u64));
	munmap(map, size);

	ASSERT_EQ(0, enable(size));
	if (region_start(self->node) != self->start)
		SKIP(return, "other memory was taken the second time");
	EXPECT_EQ(size, find_read_not_zero(self->node));
}

/* The writer has zeroed part of the memory by then. */
TEST_F(region, what_was_traced_before_cannot_be_read_after_a_writer_was_killed)
{
	char *map = map_region(self);
	u64 free_before;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	munmap(map, self->size);
	ASSERT_EQ(0, enable(0));
	free_before = free_memory();

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(enable(self->size));
	while (free_memory() + self->size / 2 > free_before && !waitpid(pid, &status, WNOHANG))
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);

	ASSERT_EQ(0, enable(self->size));
	if (region_start(self->node) != self->start)
		SKIP(return, "other memory was taken the second time");
	EXPECT_EQ(self->size, find_read_not_zero(self->node));
}

MEMTRACE_TEST_MAIN
