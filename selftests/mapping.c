// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel reports about a mapping of trace memory: flags of device memory, and
 * the size of its page tables.
 */
#include "memtrace.h"

/* Returns the flags of the mapping that begins at @map, each with a space around it, or "". */
static const char *flags_of(const char *map)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool in_mapping = false;
	static char line[512];
	u64 from, to;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2) {
			in_mapping = from == (u64)map;
		} else if (in_mapping && !strncmp(line, "VmFlags:", strlen("VmFlags:"))) {
			fclose(f);
			return line + strlen("VmFlags:");
		}
	}
	if (f)
		fclose(f);
	return "";
}

TEST_F(region, a_mapping_is_one_of_device_memory)
{
	/* Pages without descriptors, of a device, that neither grow nor get into core dumps. */
	static const char * const expected[] = { " pf ", " io ", " de ", " dd ", " sh " };
	const char *map = map_region(self), *flags = flags_of(map);

	ASSERT_NE(MAP_FAILED, map);
	if (!flags[0])
		SKIP(return, "/proc/self/smaps does not show the flags");
	for (int i = 0; i < ARRAY_SIZE(expected); i++)
		EXPECT_NE(NULL, strstr(flags, expected[i])) TH_LOG("%s", flags);
}

TEST_F(region, a_mapping_has_no_flag_that_would_let_it_be_executed_or_mixed)
{
	static const char * const unexpected[] = { " ex ", " me ", " mm " };
	const char *map = map_region(self), *flags = flags_of(map);

	ASSERT_NE(MAP_FAILED, map);
	if (!flags[0])
		SKIP(return, "/proc/self/smaps does not show the flags");
	for (int i = 0; i < ARRAY_SIZE(unexpected); i++)
		EXPECT_EQ(NULL, strstr(flags, unexpected[i])) TH_LOG("%s", flags);
}

/* By how much the page tables of this process grow when it reads all of a mapping. */
static u64 touch(const char *map, u64 size)
{
	u64 before, after;
	FILE *f;
	char line[128];

	for (int i = 0; i < 2; i++) {
		f = fopen("/proc/self/status", "r");
		while (f && fgets(line, sizeof(line), f))
			sscanf(line, "VmPTE: %llu", i ? &after : &before);
		if (f)
			fclose(f);
		for (u64 offset = 0; offset < size; offset += getpagesize())
			*(const volatile u64 *)(map + offset);
	}
	return after - before;
}

/* Has the tables above those of pages be there, which what is mapped beside it needs as well. */
static void map_beside(const char *map, u64 size)
{
	u64 page = getpagesize(), beside[] = { (u64)map - page, (u64)map + size };

	for (int i = 0; i < ARRAY_SIZE(beside); i++) {
		char *at = mmap((void *)beside[i], page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (at != MAP_FAILED)
			*at = 1;
	}
}

static bool has_large_pages(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool is_radix = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		is_radix |= !strncmp(line, "MMU", strlen("MMU")) && strstr(line, "Radix");
	if (f)
		fclose(f);
	return is_radix && !access("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", F_OK);
}

TEST_F(region, is_mapped_by_large_page_table_entries)
{
	u64 page = getpagesize(), gib = 1ULL << 30, small, large;
	char *map = map_region(self), *place;

	if (access(STATUS, F_OK))
		SKIP(return, "this memtrace maps page by page");
	if (!has_large_pages())
		SKIP(return, "this machine has no large page table entries");
	ASSERT_NE(MAP_FAILED, map);
	map_beside(map, self->size);
	large = touch(map, self->size);
	munmap(map, self->size);

	/* Where an entry for several pages fits nowhere. */
	place = mmap(NULL, self->size + 2 * gib, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	place += gib - (u64)place % gib + page;
	map = mmap(place, self->size, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd, 0);
	ASSERT_EQ(place, map);
	small = touch(map, self->size);

	EXPECT_LT(4 * large, small);
}

MEMTRACE_TEST_MAIN
