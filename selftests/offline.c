// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing but memtrace and the hardware accesses trace memory: its pages are marked
 * offline, and are not in the linear mapping of the kernel.
 */
#include <elf.h>

#include "page_tables.h"

#define KPAGEFLAGS "/proc/kpageflags"
#define KCORE "/proc/kcore"
#define KPF_OFFLINE 23

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

static long count_all_offline_pages(void)
{
	int fd = open(KPAGEFLAGS, O_RDONLY);
	static u64 flags[8192];
	long offline = 0;
	ssize_t len;

	while ((len = read(fd, flags, sizeof(flags))) > 0) {
		for (int i = 0; i < len / sizeof(u64); i++)
			offline += flags[i] >> KPF_OFFLINE & 1;
	}
	close(fd);
	return offline;
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

/* Those beside it belong to others. */
TEST_F(region, no_other_page_is_offline)
{
	long during, pages = 0;

	if (access(KPAGEFLAGS, F_OK))
		SKIP(return, "no " KPAGEFLAGS);
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		pages += region_size(node) / getpagesize();
	during = count_all_offline_pages();
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(count_all_offline_pages() + pages, during);
}

TEST_F(region, the_linear_mapping_has_a_hole)
{
	if (!count_mapped_bytes(0, block_size()))
		SKIP(return, "debugfs does not show the linear mapping");
	EXPECT_EQ(0, count_mapped_bytes(self->start, self->size));
}

TEST_F(region, the_hole_is_filled_when_it_is_given_back)
{
	if (!count_mapped_bytes(0, block_size()))
		SKIP(return, "debugfs does not show the linear mapping");
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(self->size, count_mapped_bytes(self->start, self->size));
}

TEST_F(region, the_kernel_maps_it_cache_inhibited_alone)
{
	u64 from, to, physical, mapped = 0;
	FILE *f = fopen(PAGE_TABLES, "r");
	char line[512];

	if (!f)
		SKIP(return, "no " PAGE_TABLES);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0x%llx-0x%llx 0x%llx", &from, &to, &physical) != 3 ||
		    physical >= self->start + self->size || physical + (to - from) < self->start)
			continue;
		EXPECT_NE(NULL, strstr(line, "idempotent")) TH_LOG("%s", line);
		/* What is combined and reordered has a bit more. */
		EXPECT_EQ(NULL, strstr(line, "tolerant")) TH_LOG("%s", line);
		EXPECT_EQ(NULL, strstr(line, " X ")) TH_LOG("%s", line);
		EXPECT_EQ(self->start, physical);
		mapped += to - from + 1;
	}
	fclose(f);
	EXPECT_EQ(self->size, mapped);
}

TEST_F(region, the_kernel_does_not_map_it_cache_inhibited_after_it_was_given_back)
{
	FILE *f = fopen(PAGE_TABLES, "r");
	u64 from, to, physical;
	char line[512];

	if (!f)
		SKIP(return, "no " PAGE_TABLES);
	fclose(f);
	ASSERT_EQ(0, enable(0));
	f = fopen(PAGE_TABLES, "r");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0x%llx-0x%llx 0x%llx", &from, &to, &physical) != 3 ||
		    physical >= self->start + self->size || physical + (to - from) < self->start)
			continue;
		EXPECT_EQ(NULL, strstr(line, "idempotent")) TH_LOG("%s", line);
	}
	fclose(f);
}

/* Whether a line of PAGE_TABLES, or of HASH_TABLE, maps memory as the kernel's data are. */
static bool maps_data(const char *line)
{
	static const char * const radix[] = { "valid", " r ", " w ", "dirty", "accessed", NULL };
	static const char * const hash[] = { "valid", "bolted", "prot:RW--", "no execute", NULL };
	static const char * const other[] = {
		" X ", "user", "idempotent", "tolerant", "no cache", "guarded", "writethru", NULL,
	};

	for (const char * const *word = strstr(line, "AVPN:") ? hash : radix; *word; word++) {
		if (!strstr(line, *word))
			return false;
	}
	for (const char * const *word = other; *word; word++) {
		if (strstr(line, *word))
			return false;
	}
	return true;
}

/* Which memory such a line, of the range, is about. */
static u64 read_physical(const char *line, u64 from, u64 to)
{
	const char *rpn = strstr(line, "rpn: ");
	u64 physical;

	if (rpn)
		return strtoull(rpn + strlen("rpn: "), NULL, 16) * (to - from);
	return sscanf(line, "0x%*x-0x%*x 0x%llx", &physical) == 1 ? physical : ~0ULL;
}

TEST_F(region, the_linear_mapping_has_it_as_data_again)
{
	const char *path = access(HASH_TABLE, F_OK) ? PAGE_TABLES : HASH_TABLE;
	u64 start = LINEAR_MAPPING + self->start, from, to;
	char line[512];
	FILE *f;

	if (!count_mapped_bytes(0, block_size()))
		SKIP(return, "debugfs does not show the linear mapping");
	ASSERT_EQ(0, enable(0));
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (!read_range(line, &from, &to) || to <= start || from >= start + self->size)
			continue;
		EXPECT_TRUE(maps_data(line)) TH_LOG("%s", line);
		EXPECT_EQ(from - LINEAR_MAPPING, read_physical(line, from, to)) TH_LOG("%s", line);
	}
	fclose(f);
}

/* A region that is not as large as a power of two. */
FIXTURE(three_blocks)
{
	u64 start;
	u64 size;
};

FIXTURE_SETUP(three_blocks)
{
	int err = enable(3 * block_size());

	if (err == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", 3 * block_size());
	ASSERT_EQ(0, err);
	self->start = region_start(next_region(0));
	self->size = region_size(next_region(0));
}

FIXTURE_TEARDOWN_PARENT(three_blocks)
{
	EXPECT_EQ(0, enable(0));
}

TEST_F(three_blocks, are_offline_until_they_are_given_back)
{
	if (access(KPAGEFLAGS, F_OK))
		SKIP(return, "no " KPAGEFLAGS);
	EXPECT_EQ(0, self->start % block_size());
	EXPECT_EQ(self->size / getpagesize(), count_offline_pages(self->start, self->size));
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_offline_pages(self->start, self->size));
}

TEST_F(three_blocks, are_a_hole_until_they_are_given_back)
{
	u64 before = self->start - block_size(), behind = self->start + self->size, around;
	bool alone = next_region(next_region(0) + 1) < 0;

	if (!count_mapped_bytes(0, block_size()))
		SKIP(return, "debugfs does not show the linear mapping");
	EXPECT_EQ(0, count_mapped_bytes(self->start, self->size));
	around = count_mapped_bytes(before, block_size()) +
		 count_mapped_bytes(behind, block_size());
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(self->size, count_mapped_bytes(self->start, self->size));
	if (alone)
		EXPECT_EQ(around, count_mapped_bytes(before, block_size()) +
				  count_mapped_bytes(behind, block_size()));
}

/* A region with something in it that may not be read around memtrace. */
FIXTURE(filled)
{
	FIXTURE_DATA(region) region;
};

FIXTURE_SETUP(filled)
{
	char *map;

	SETUP_REGION(&self->region);
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

/* Memory of a file, which the kernel writes to, and reads, in the linear mapping. */
#define STEP (16 << 20)
#define PAGEMAP_PFN ((1ULL << 55) - 1)

FIXTURE(reused)
{
	FIXTURE_DATA(region) region;
	u64 limit;
	int file;
	int mem;
	int pagemap;
};

FIXTURE_SETUP(reused)
{
	SETUP_REGION(&self->region);
	if (take_larger_region(&self->region, large_size()))
		ASSERT_EQ(0, take_region(&self->region, block_size()));
	self->mem = open("/dev/mem", O_RDONLY);
	if (self->mem < 0)
		SKIP(return, "/dev/mem cannot be opened: %s", strerror(errno));
	self->file = memfd_create("reused", 0);
	ASSERT_LE(0, self->file);
	self->pagemap = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_LE(0, self->pagemap);
	ASSERT_EQ(0, enable(0));
	self->limit = free_memory() / 4 * 3;
}

FIXTURE_TEARDOWN_PARENT(reused)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* Writes STEP bytes to the file at @offset, as fill() would. */
static bool write_step(int file, u64 offset)
{
	static u64 words[STEP / sizeof(u64)];

	for (u64 i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = word_at(offset + i * sizeof(u64));
	return pwrite(file, words, STEP, offset) == STEP;
}

/* Whether a page has at @physical what @map has. Pages move, now and then. */
static bool is_same_page(FIXTURE_DATA(reused) *self, const char *map, u64 *physical)
{
	u64 page = getpagesize(), entry, word;

	for (int try = 0; try < 5; try++) {
		if (pread(self->pagemap, &entry, sizeof(entry), (u64)map / page * sizeof(entry)) !=
		    sizeof(entry))
			return false;
		*physical = (entry & PAGEMAP_PFN) * page;
		if (*physical - self->region.start >= self->region.size)
			return true;
		if (pread(self->mem, &word, sizeof(word), *physical) == sizeof(word) &&
		    word == *(volatile u64 *)map)
			return true;
	}
	return false;
}

TEST_F(reused, is_where_the_kernel_writes_and_a_process_reads)
{
	u64 reused = 0, physical = 0;

	for (u64 offset = 0; offset < self->limit; offset += STEP) {
		char *map;

		ASSERT_TRUE(write_step(self->file, offset));
		map = mmap(NULL, STEP, PROT_READ, MAP_SHARED, self->file, offset);
		ASSERT_NE(MAP_FAILED, map);
		/* find_change() wants the offset in the file. */
		ASSERT_EQ(offset + STEP, find_change(map - offset, offset, offset + STEP, 4096));
		for (u64 at = 0; at < STEP; at += 65536) {
			ASSERT_TRUE(is_same_page(self, map + at, &physical))
				TH_LOG("0x%llx", physical);
			if (physical - self->region.start < self->region.size)
				reused += 65536;
		}
		munmap(map, STEP);
		if (reused > self->region.size / 4 * 3)
			break;
	}
	TH_LOG("0x%llx bytes were trace memory", reused);
	if (!reused)
		SKIP(return, "none of it was trace memory");
}

MEMTRACE_TEST_MAIN
