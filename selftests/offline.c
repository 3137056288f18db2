// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody but memtrace and the hardware touches trace memory: its pages are
 * marked offline, and the linear mapping of the kernel has a hole there.
 */
#include <elf.h>

#include "memtrace.h"

#define KPAGEFLAGS "/proc/kpageflags"
#define KCORE "/proc/kcore"
#define PAGE_TABLES "/sys/kernel/debug/kernel_page_tables"
#define KPF_OFFLINE 23
#define LINEAR_MAPPING 0xc000000000000000ULL

static long count_offline_pages(u64 start, u64 size)
{
	u64 pfn = start / getpagesize(), end = pfn + size / getpagesize(), flags[512];
	int fd = open(KPAGEFLAGS, O_RDONLY);
	long offline = 0;

	for (; pfn < end; pfn += ARRAY_SIZE(flags)) {
		if (pread(fd, flags, sizeof(flags), pfn * sizeof(u64)) != sizeof(flags)) {
			offline = -1;
			break;
		}
		for (int i = 0; i < ARRAY_SIZE(flags); i++)
			offline += flags[i] >> KPF_OFFLINE & 1;
	}
	close(fd);
	return offline;
}

/* How many bytes from @start on have an entry in the kernel's page tables. */
static u64 count_mapped_bytes(u64 start, u64 size)
{
	FILE *f = fopen(PAGE_TABLES, "r");
	u64 from, to, end = start + size, mapped = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0x%llx-0x%llx", &from, &to) != 2)
			continue;
		if (from < start)
			from = start;
		if (++to > end)
			to = end;
		if (from < to)
			mapped += to - from;
	}
	if (f)
		fclose(f);
	return mapped;
}

/* Where /proc/kcore has that address of the linear mapping, or -1. */
static off_t find_in_kcore(int kcore, u64 address)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (pread(kcore, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	for (int i = 0; i < header.e_phnum; i++) {
		off_t at = header.e_phoff + i * sizeof(segment);

		if (pread(kcore, &segment, sizeof(segment), at) != sizeof(segment))
			return -1;
		if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_memsz)
			return segment.p_offset + (address - segment.p_vaddr);
	}
	return -1;
}

static bool is_zero(const char *data, ssize_t len)
{
	while (len > 0) {
		if (data[--len])
			return false;
	}
	return true;
}

TEST_F(region, every_page_is_offline)
{
	if (access(KPAGEFLAGS, F_OK))
		SKIP(return, "no " KPAGEFLAGS);
	EXPECT_EQ(self->size / getpagesize(), count_offline_pages(self->start, self->size));
}

TEST_F(region, no_page_is_offline_after_it_was_given_back)
{
	if (access(KPAGEFLAGS, F_OK))
		SKIP(return, "no " KPAGEFLAGS);
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_offline_pages(self->start, self->size));
}

TEST_F(region, the_page_tables_of_the_kernel_have_a_hole)
{
	u64 linear = LINEAR_MAPPING + self->start;

	if (!count_mapped_bytes(LINEAR_MAPPING, block_size()))
		SKIP(return, PAGE_TABLES " does not show the linear mapping");
	EXPECT_EQ(0, count_mapped_bytes(linear, self->size));
}

TEST_F(region, the_hole_is_filled_when_it_is_given_back)
{
	u64 linear = LINEAR_MAPPING + self->start;

	if (!count_mapped_bytes(LINEAR_MAPPING, block_size()))
		SKIP(return, PAGE_TABLES " does not show the linear mapping");
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(self->size, count_mapped_bytes(linear, self->size));
}

/* A region with something in it that may not be read around memtrace. */
FIXTURE(filled)
{
	FIXTURE_DATA(region) region;
};

FIXTURE_SETUP(filled)
{
	char *map;

	region_setup(_metadata, &self->region, NULL);
	map = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->region.size, 4096);
	munmap(map, self->region.size);
}

FIXTURE_TEARDOWN_PARENT(filled)
{
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(filled, dev_mem_reads_no_data)
{
	int fd = open("/dev/mem", O_RDONLY);
	char data[4096] = {};

	if (fd < 0)
		SKIP(return, "/dev/mem cannot be opened: %s", strerror(errno));
	for (u64 offset = 0; offset < self->region.size; offset += 1 << 24) {
		ssize_t len = pread(fd, data, sizeof(data), self->region.start + offset);

		EXPECT_TRUE(is_zero(data, len));
	}
	close(fd);
}

TEST_F(filled, proc_kcore_reads_as_zeroes)
{
	int fd = open(KCORE, O_RDONLY);
	char data[4096];
	off_t at;

	if (fd < 0)
		SKIP(return, KCORE " cannot be opened: %s", strerror(errno));
	at = find_in_kcore(fd, LINEAR_MAPPING + self->region.start);
	ASSERT_LT(0, at);
	for (u64 offset = 0; offset < self->region.size; offset += 1 << 24) {
		ASSERT_EQ(sizeof(data), pread(fd, data, sizeof(data), at + offset));
		EXPECT_TRUE(is_zero(data, sizeof(data)));
	}
	close(fd);
}

MEMTRACE_TEST_MAIN
