/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page tables of the kernel, as debugfs shows them.
 */
#ifndef SELFTESTS_POWERPC_MEMTRACE_PAGE_TABLES_H
#define SELFTESTS_POWERPC_MEMTRACE_PAGE_TABLES_H

#include "memtrace.h"

#define PAGE_TABLES "/sys/kernel/debug/kernel_page_tables"
#define HASH_TABLE "/sys/kernel/debug/kernel_hash_pagetable"
#define LINEAR_MAPPING 0xc000000000000000ULL

/* Reads the range of a line of PAGE_TABLES, or of HASH_TABLE, and returns whether it has one. */
static inline bool read_range(const char *line, u64 *start, u64 *end)
{
	static const char units[] = "BKMGTPE";
	const char *size = strstr(line, "actual_ps: ");
	char unit;
	u64 n;

	if (sscanf(line, "0x%llx-0x%llx", start, end) == 2) {
		++*end;
		return true;
	}
	if (size && sscanf(line, "0x%llx:", start) == 1 &&
	    sscanf(size, "actual_ps: %llu%c", &n, &unit) == 2 && strchr(units, unit)) {
		*end = *start + (n << 10 * (strchr(units, unit) - units));
		return true;
	}
	return false;
}

/*
 * Returns how many bytes, starting at @start, are in the linear mapping. With the hash
 * MMU, it is only in the hash table.
 */
static inline u64 count_mapped_bytes(u64 start, u64 size)
{
	FILE *f = fopen(access(HASH_TABLE, F_OK) ? PAGE_TABLES : HASH_TABLE, "r");
	u64 from, to, mapped = 0;
	char line[512];

	start += LINEAR_MAPPING;
	while (f && fgets(line, sizeof(line), f)) {
		if (!read_range(line, &from, &to) || to <= start || from >= start + size)
			continue;
		if (from < start)
			from = start;
		if (to > start + size)
			to = start + size;
		mapped += to - from;
	}
	if (f)
		fclose(f);
	return mapped;
}

#endif /* SELFTESTS_POWERPC_MEMTRACE_PAGE_TABLES_H */
