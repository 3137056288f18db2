// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping of trace shows the right part of the region in each page, up to its ends
 * and not beyond, and uses the largest possible page table entries, all cache-inhibited.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "memtrace.h"

#define GIB (1024ULL * 1024 * 1024)

/* How many bytes one page table maps: as many as a large entry, if there are such. */
static u64 table_size(void)
{
	u64 size = read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "%llu");

	return size ?: 2 << 20;
}

/* Only the radix MMU has large entries for mappings of trace, if it has any. */
static bool has_large_entries(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool radix = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		radix |= !strncmp(line, "MMU", 3) && strstr(line, "Radix");
	if (f)
		fclose(f);
	return radix && !access("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", F_OK);
}

/* A region with @all of it mapped, and a word in each page that is its own. */
FIXTURE(edges)
{
	FIXTURE_DATA(region) region;
	u64 page;
	u64 table;
	u64 size;
	char *all;
	int probe;
};

FIXTURE_SETUP(edges)
{
	SETUP_REGION(&self->region);
	self->page = getpagesize();
	self->table = table_size();
	/* With the hash MMU a table maps 16 MiB, and a block may be no larger. */
	ASSERT_EQ(0, take_larger_region(&self->region, 8 * self->table));
	self->size = self->region.size;
	self->all = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, self->all);
	fill(self->all, 0, self->size, self->page);
	self->probe = memfd_create("probe", 0);
	ASSERT_LE(0, self->probe);
}

FIXTURE_TEARDOWN_PARENT(edges)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* A mapping: its part of the region, and the misalignment of its address to the offset. */
struct place {
	u64 offset;
	u64 size;
	u64 shift;
};

#define MAX_PLACES 32

/* Mappings with different starts, ends and positions relative to page tables. */
static int list_places(FIXTURE_DATA(edges) *self, struct place *places)
{
	u64 page = self->page, table = self->table, last = self->size - page;
	struct place all[] = {
		/* Large entries fit everywhere, or except at the ends. */
		{ 0, table, 0 },
		{ 0, 3 * table, 0 },
		{ 0, 3 * table - page, 0 },
		{ 0, 3 * table + page, 0 },
		{ page, 3 * table, 0 },
		{ page, 3 * table - page, 0 },
		{ table - page, 2 * table + page, 0 },
		{ table - page, 2 * table + 2 * page, 0 },
		{ 3 * page, 2 * table + 5 * page, 0 },
		{ self->size - 3 * table, 3 * table, 0 },
		{ self->size - 2 * table - page, 2 * table + page, 0 },
		/* They are too short for one. */
		{ 0, page, 0 },
		{ last, page, 0 },
		{ page, table, 0 },
		{ page, table - page, 0 },
		{ table - page, 2 * page, 0 },
		{ 5 * table, table - page, 0 },
		/* None fit, as the alignment of the address differs. */
		{ 0, 3 * table, page },
		{ page, 3 * table, -page },
		{ table, 3 * table, table / 2 },
		{ self->size - 2 * table, 2 * table, page },
		{ last, page, page },
	};

	memcpy(places, all, sizeof(all));
	return ARRAY_SIZE(all);
}

/*
 * Reserves memory of kind @prot, with two page tables around where @place fits, which is
 * returned.
 */
static char *reserve(FIXTURE_DATA(edges) *self, const struct place *place, int prot)
{
	u64 table = self->table, size = place->size + 6 * table;
	char *area = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return area;
	/* Do not use transparent huge pages. */
	madvise(area, size, MADV_NOHUGEPAGE);
	return area + 3 * table - (u64)area % table + (place->offset + place->shift) % table;
}

static void release(FIXTURE_DATA(edges) *self, const struct place *place, char *at)
{
	u64 table = self->table;

	at -= 2 * table;
	munmap(at, place->size + 4 * table);
}

static char *map_place(FIXTURE_DATA(edges) *self, const struct place *place, char *at)
{
	return mmap(at, place->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    self->region.fd, place->offset);
}

/* Returns the offset of the first page from @from to @to that is not the region's, or @to. */
static u64 find_wrong_page(FIXTURE_DATA(edges) *self, const char *map, u64 offset, u64 from,
			   u64 to)
{
	return find_change(map - offset, offset + from, offset + to, self->page) - offset;
}

/* Whether a byte can be read or written without a fatal signal. */
static bool can_read(FIXTURE_DATA(edges) *self, const char *at)
{
	return pwrite(self->probe, at, 1, 0) == 1;
}

static bool can_write(FIXTURE_DATA(edges) *self, char *at)
{
	return can_read(self, at) && pread(self->probe, at, 1, 0) == 1;
}

/* How many pages from @from to @to can be read. */
static u64 count_readable(FIXTURE_DATA(edges) *self, const char *from, const char *to)
{
	u64 count = 0;

	for (; from < to; from += self->page)
		count += can_read(self, from);
	return count;
}

enum order { FROM_FRONT, FROM_BACK, FROM_MIDDLE, NR_ORDERS };

/* Touches each page of a mapping, beginning with one of three. */
static void touch(FIXTURE_DATA(edges) *self, const char *map, u64 size, enum order order)
{
	u64 nr_pages = size / self->page, first = order == FROM_MIDDLE ? nr_pages / 2 : 0;

	for (u64 i = 0; i < nr_pages; i++) {
		u64 nr = order == FROM_BACK ? nr_pages - 1 - i : (first + i) % nr_pages;

		*(const volatile u64 *)(map + nr * self->page);
	}
}

TEST_F(edges, a_mapping_shows_its_part_of_the_region)
{
	struct place places[MAX_PLACES];
	int n = list_places(self, places);

	for (int i = 0; i < n; i++) {
		for (enum order order = FROM_FRONT; order < NR_ORDERS; order++) {
			char *at = reserve(self, &places[i], PROT_NONE);

			ASSERT_NE(MAP_FAILED, at);
			ASSERT_EQ(at, map_place(self, &places[i], at));
			touch(self, at, places[i].size, order);
			ASSERT_EQ(places[i].size, find_wrong_page(self, at, places[i].offset, 0,
								  places[i].size))
				TH_LOG("place %d, order %d", i, order);
			release(self, &places[i], at);
		}
	}
}

TEST_F(edges, a_mapping_has_nothing_beyond_its_ends)
{
	struct place places[MAX_PLACES];
	int n = list_places(self, places);

	for (int i = 0; i < n; i++) {
		char *at = reserve(self, &places[i], PROT_NONE), *end;

		ASSERT_NE(MAP_FAILED, at);
		ASSERT_EQ(at, map_place(self, &places[i], at));
		end = at + places[i].size;
		touch(self, at, places[i].size, i % NR_ORDERS);
		ASSERT_EQ(0, count_readable(self, at - 2 * self->table, at))
			TH_LOG("place %d", i);
		ASSERT_EQ(0, count_readable(self, end, end + 2 * self->table))
			TH_LOG("place %d", i);
		release(self, &places[i], at);
	}
}

/* Memory of the process on both sides of a mapping, touched after it. */
TEST_F(edges, a_mapping_leaves_its_neighbours_as_they_are)
{
	struct place places[MAX_PLACES];
	int n = list_places(self, places);

	for (int i = 0; i < n; i++) {
		u64 size = places[i].size, around = 2 * self->table, mine = 0;
		char *at = reserve(self, &places[i], PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, at);
		ASSERT_EQ(at, map_place(self, &places[i], at));
		touch(self, at, size, i % NR_ORDERS);
		for (u64 near = self->page; near <= around; near += self->page) {
			volatile u64 *before = (u64 *)(at - near);
			volatile u64 *after = (u64 *)(at + size + near - self->page);

			mine |= *before | *after;
			*before = -1;
			*after = -1;
		}
		ASSERT_EQ(0, mine)
			TH_LOG("place %d", i);
		ASSERT_EQ(size, find_wrong_page(self, at, places[i].offset, 0, size))
			TH_LOG("place %d", i);
		release(self, &places[i], at);
	}
	EXPECT_EQ(self->size, find_change(self->all, 0, self->size, self->page));
}

TEST_F(edges, a_mapping_is_filled_by_few_faults)
{
	struct place places[MAX_PLACES];
	int n = list_places(self, places);

	for (int i = 0; i < n; i++) {
		u64 nr_tables = places[i].size / self->table + 2;
		char *at = reserve(self, &places[i], PROT_NONE);
		struct rusage before, after;

		ASSERT_NE(MAP_FAILED, at);
		ASSERT_EQ(at, map_place(self, &places[i], at));
		getrusage(RUSAGE_SELF, &before);
		touch(self, at, places[i].size, i % NR_ORDERS);
		getrusage(RUSAGE_SELF, &after);
		/* One for each page table, and a few for the stack and the like. */
		EXPECT_GE(nr_tables + 4, after.ru_minflt - before.ru_minflt)
			TH_LOG("place %d", i);
		release(self, &places[i], at);
	}
}

/* It gets an address at which large page table entries fit. */
TEST_F(edges, a_mapping_is_aligned_as_its_offset)
{
	u64 page = self->page, table = self->table;
	u64 offsets[] = { 0, page, 5 * page, table - page, table / 2, table, table + 3 * page };

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP(return, "there are no large pages here");
	for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
		char *map = map_at(&self->region, offsets[i], 3 * table);

		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(0, ((u64)map - offsets[i]) % table)
			TH_LOG("offset 0x%llx is at %p", offsets[i], map);
		/* And the next one is not where this was. */
		EXPECT_NE(MAP_FAILED, mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
					   -1, 0));
	}
}

TEST_F(edges, what_was_unmapped_is_gone_and_all_else_is_there)
{
	struct place place = { .size = 4 * self->table };
	u64 page = self->page, table = self->table;
	u64 holes[] = { table, 2 * table + 3 * page, 3 * table - page };
	char *map = reserve(self, &place, PROT_NONE);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map, map_place(self, &place, map));
	touch(self, map, place.size, FROM_FRONT);
	for (int i = 0; i < ARRAY_SIZE(holes); i++)
		ASSERT_EQ(0, munmap(map + holes[i], page));

	for (int again = 0; again < 2; again++) {
		u64 from = 0;

		for (int i = 0; i < ARRAY_SIZE(holes); i++) {
			EXPECT_FALSE(can_read(self, map + holes[i]));
			EXPECT_EQ(holes[i], find_wrong_page(self, map, 0, from, holes[i]));
			from = holes[i] + page;
		}
		EXPECT_EQ(place.size, find_wrong_page(self, map, 0, from, place.size));
	}
	EXPECT_EQ(ARRAY_SIZE(holes), (place.size / page) -
				     count_readable(self, map, map + place.size));
}

TEST_F(edges, what_is_mapped_in_a_hole_is_what_it_should_be)
{
	struct place place = { .size = 4 * self->table };
	u64 page = self->page, table = self->table, other = 7 * page;
	char *map = reserve(self, &place, PROT_NONE), *mine, *part;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map, map_place(self, &place, map));
	touch(self, map, place.size, FROM_FRONT);

	mine = mmap(map + table, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	part = mmap(map + 2 * table - page, page, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, self->region.fd, other);
	ASSERT_EQ(map + table, mine);
	ASSERT_EQ(map + 2 * table - page, part);
	EXPECT_EQ(0, *(volatile u64 *)mine);
	EXPECT_EQ(word_at(other), *(volatile u64 *)part);

	memset(mine, -1, page);
	EXPECT_EQ(table, find_wrong_page(self, map, 0, 0, table));
	EXPECT_EQ(2 * table - page, find_wrong_page(self, map, 0, table + page, 2 * table - page));
	EXPECT_EQ(place.size, find_wrong_page(self, map, 0, 2 * table, place.size));
	EXPECT_EQ(self->size, find_change(self->all, 0, self->size, page));
}

TEST_F(edges, a_part_can_be_read_alone_or_not_at_all)
{
	struct place place = { .size = 4 * self->table };
	u64 page = self->page, table = self->table;
	char *map = reserve(self, &place, PROT_NONE);
	char *read_only = map + table + 3 * page, *hidden = map + 3 * table - 2 * page;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map, map_place(self, &place, map));
	/* Before it is touched, and after that. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, mprotect(read_only, 2 * page, PROT_READ));
		ASSERT_EQ(0, mprotect(hidden, 2 * page, PROT_NONE));

		EXPECT_TRUE(can_write(self, read_only - page));
		EXPECT_FALSE(can_write(self, read_only));
		EXPECT_FALSE(can_write(self, read_only + page));
		EXPECT_TRUE(can_write(self, read_only + 2 * page));
		EXPECT_TRUE(can_write(self, hidden - page));
		EXPECT_FALSE(can_read(self, hidden));
		EXPECT_FALSE(can_read(self, hidden + page));
		EXPECT_TRUE(can_write(self, hidden + 2 * page));
		EXPECT_EQ(place.size / page - 2, count_readable(self, map, map + place.size));

		ASSERT_EQ(0, mprotect(map, place.size, PROT_READ | PROT_WRITE));
		EXPECT_EQ(place.size, find_wrong_page(self, map, 0, 0, place.size));
		EXPECT_TRUE(can_write(self, read_only));
		EXPECT_TRUE(can_write(self, hidden));
	}
}

TEST_F(edges, what_was_read_before_can_be_written)
{
	u64 size = 3 * self->table + self->page;
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, self->region.fd, self->page);

	ASSERT_NE(MAP_FAILED, map);
	touch(self, map, size, FROM_FRONT);
	EXPECT_FALSE(can_write(self, map));
	ASSERT_EQ(0, mprotect(map, size, PROT_READ | PROT_WRITE));
	touch(self, map, size, FROM_FRONT);
	for (u64 i = 0; i < size; i += self->page)
		*(volatile u64 *)(map + i + 8) = word_at(self->page + i + 8);
	EXPECT_EQ(self->page + size + 8, find_change(self->all, self->page + 8,
						     self->page + size + 8, self->page));
}

TEST_F(edges, a_part_can_move)
{
	u64 page = self->page, table = self->table, size = 3 * page;
	struct place place = { .size = 5 * table }, there = { .size = 2 * table };
	char *map = reserve(self, &place, PROT_NONE), *to = reserve(self, &there, PROT_NONE);
	u64 from = table + 5 * page;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(map, map_place(self, &place, map));
	touch(self, map, place.size, FROM_FRONT);

	/* Move a part of a page table, and a whole page table. */
	ASSERT_EQ(to - page, mremap(map + from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
				    to - page));
	ASSERT_EQ(to + table, mremap(map + 3 * table, table, table,
				     MREMAP_MAYMOVE | MREMAP_FIXED, to + table));
	for (int again = 0; again < 2; again++) {
		EXPECT_EQ(size, find_wrong_page(self, to - page, from, 0, size));
		EXPECT_EQ(table, find_wrong_page(self, to + table, 3 * table, 0, table));
		EXPECT_EQ(from, find_wrong_page(self, map, 0, 0, from));
		EXPECT_EQ(3 * table, find_wrong_page(self, map, 0, from + size, 3 * table));
		EXPECT_EQ(5 * table, find_wrong_page(self, map, 0, 4 * table, 5 * table));
	}
	EXPECT_EQ(0, count_readable(self, map + from, map + from + size));
	EXPECT_EQ(0, count_readable(self, map + 3 * table, map + 4 * table));
	EXPECT_EQ(0, count_readable(self, to - page + size, to + table));
	EXPECT_EQ(0, count_readable(self, to + 2 * table, to + 3 * table));
	EXPECT_FALSE(can_read(self, to - 2 * page));
}

TEST_F(edges, a_mapping_can_be_cut_short_and_not_be_made_longer)
{
	struct place place = { .offset = self->page, .size = 4 * self->table };
	u64 page = self->page, shorter = 2 * self->table + 3 * page;
	char *map = reserve(self, &place, PROT_NONE);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map, map_place(self, &place, map));
	touch(self, map, place.size, FROM_FRONT);
	ASSERT_EQ(map, mremap(map, place.size, shorter, 0));
	EXPECT_EQ(shorter, find_wrong_page(self, map, page, 0, shorter));
	EXPECT_EQ(0, count_readable(self, map + shorter, map + place.size));

	EXPECT_EQ(MAP_FAILED, mremap(map, shorter, shorter + page, 0));
	EXPECT_EQ(MAP_FAILED, mremap(map, shorter, shorter + page, MREMAP_MAYMOVE));
	/* Ways to map it twice. */
	EXPECT_EQ(MAP_FAILED, mremap(map, 0, shorter, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(map, shorter, shorter,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	EXPECT_EQ(shorter, find_wrong_page(self, map, page, 0, shorter));
	EXPECT_EQ(0, count_readable(self, map + shorter, map + place.size));
	EXPECT_EQ(2, count_mappings(self->region.node));
}

TEST_F(edges, a_child_and_its_parent_write_to_the_same)
{
	struct place place = { .offset = 3 * self->page, .size = 3 * self->table };
	char *map = reserve(self, &place, PROT_NONE);
	u64 *mine = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, (void *)mine);
	ASSERT_EQ(map, map_place(self, &place, map));
	/* The second half is first touched by the child. */
	touch(self, map, place.size / 2, FROM_FRONT);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		*mine = find_wrong_page(self, map, place.offset, 0, place.size);
		for (u64 i = 0; i < place.size; i += self->page)
			*(volatile u64 *)(map + i + 8) = word_at(place.offset + i + 8);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(place.size, *mine);
	EXPECT_EQ(place.size, find_wrong_page(self, map + 8, place.offset + 8, 0, place.size));
	EXPECT_EQ(place.size, find_wrong_page(self, map, place.offset, 0, place.size));
	EXPECT_EQ(0, count_readable(self, map + place.size, map + place.size + self->table));
}

/* An entry of 1 GiB would fit here, but Linux could not move, split or fork it. */
TEST_F(edges, a_gibibyte_at_its_own_address_can_be_changed_like_all_others)
{
	u64 page = self->page;
	char *area, *map, *to;
	int status;
	pid_t pid;

	if (self->size < GIB)
		SKIP(return, "the region is less than 1 GiB");
	area = mmap(NULL, 4 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	map = area + GIB - (u64)area % GIB;
	to = map + GIB + GIB / 2;
	ASSERT_EQ(map, mmap(map, GIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			    self->region.fd, 0));
	EXPECT_EQ(GIB, find_wrong_page(self, map, 0, 0, GIB));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(find_wrong_page(self, map, 0, 0, GIB) != GIB);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);

	ASSERT_EQ(0, mprotect(map + 5 * page, page, PROT_READ));
	EXPECT_FALSE(can_write(self, map + 5 * page));
	EXPECT_TRUE(can_write(self, map + 6 * page));
	ASSERT_EQ(0, munmap(map + 9 * page, page));
	EXPECT_FALSE(can_read(self, map + 9 * page));
	ASSERT_EQ(to, mremap(map + GIB / 2, GIB / 2, GIB / 2, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(9 * page, find_wrong_page(self, map, 0, 0, 9 * page));
	EXPECT_EQ(GIB / 2, find_wrong_page(self, map, 0, 10 * page, GIB / 2));
	EXPECT_EQ(GIB / 2, find_wrong_page(self, to, GIB / 2, 0, GIB / 2));
	EXPECT_FALSE(can_read(self, map + GIB / 2));
	EXPECT_FALSE(can_read(self, to - page));
	EXPECT_FALSE(can_read(self, to + GIB / 2));
}

/* From the Power ISA, and its pages as the kernel has them for both MMUs. */
#define PTE_PRESENT 0x8000000000000000ULL
#define PTE_LEAF 0x4000000000000000ULL
#define PTE_ADDRESS 0x001ffffffffff000ULL
#define PTE_CACHING 0x30
#define PTE_INHIBITED 0x20
#define PTE_KERNEL 0x08
#define PTE_EXECUTE 0x01

#define KPF_PGTABLE 26

/* The page table entries of processes that map the region. */
FIXTURE(entries)
{
	FIXTURE_DATA(edges) edges;
	u64 count;
	u64 cached;
	u64 executable;
};

FIXTURE_SETUP(entries)
{
	edges_setup(_metadata, &self->edges, NULL);
	if (_metadata->exit_code)
		return;
	munmap(self->edges.all, self->edges.size);
}

FIXTURE_TEARDOWN_PARENT(entries)
{
	edges_teardown(_metadata, &self->edges, NULL);
}

static void count_entry(FIXTURE_DATA(entries) *self, u64 entry)
{
	u64 address = entry & PTE_ADDRESS & ~(self->edges.page - 1);

	if (~entry & (PTE_PRESENT | PTE_LEAF) || entry & PTE_KERNEL ||
	    address - self->edges.region.start >= self->edges.size)
		return;
	self->count++;
	self->cached += (entry & PTE_CACHING) != PTE_INHIBITED;
	self->executable += entry & PTE_EXECUTE;
}

/* Looks through all pages that are page tables, and returns an error. */
static int read_entries(FIXTURE_DATA(entries) *self)
{
	int kpageflags = open("/proc/kpageflags", O_RDONLY), mem = open("/dev/mem", O_RDONLY);
	u64 page_size = self->edges.page, flags[1024], *table = malloc(page_size), pfn = 0;
	ssize_t len;
	int err = kpageflags < 0 || mem < 0 || !table ? errno : 0;

	while (!err && (len = read(kpageflags, flags, sizeof(flags))) > 0) {
		for (int i = 0; i < len / sizeof(u64); i++, pfn++) {
			if (!(flags[i] >> KPF_PGTABLE & 1))
				continue;
			if (pread(mem, table, page_size, pfn * page_size) != page_size) {
				err = errno;
				break;
			}
			for (int j = 0; j < page_size / sizeof(u64); j++)
				count_entry(self, be64toh(table[j]));
		}
	}
	free(table);
	close(kpageflags);
	close(mem);
	return err;
}

#define READ_ENTRIES() do {						\
	int err = read_entries(self);					\
									\
	if (err)							\
		SKIP(return, "page tables cannot be read: %s", strerror(err)); \
} while (0)

TEST_F(entries, are_cache_inhibited_and_for_data_alone)
{
	FIXTURE_DATA(edges) *edges = &self->edges;
	struct place place = { .size = 4 * edges->table }, there = { .size = edges->table };
	char *map = reserve(edges, &place, PROT_NONE), *to = reserve(edges, &there, PROT_NONE);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(map, map_place(edges, &place, map));
	touch(edges, map, place.size, FROM_FRONT);
	/* Also those that are made after a change. */
	ASSERT_EQ(0, mprotect(map + edges->page, edges->page, PROT_READ));
	ASSERT_EQ(0, munmap(map + edges->table + edges->page, edges->page));
	ASSERT_EQ(to, mremap(map + 3 * edges->table, edges->table, edges->table,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	touch(edges, map, edges->table, FROM_FRONT);
	touch(edges, to, edges->table, FROM_FRONT);

	READ_ENTRIES();
	EXPECT_LT(0, self->count);
	EXPECT_EQ(0, self->cached);
	EXPECT_EQ(0, self->executable);
	TH_LOG("%llu entries", self->count);
}

TEST_F(entries, are_as_large_as_fits)
{
	FIXTURE_DATA(edges) *edges = &self->edges;
	u64 table = edges->table, expected = 0;
	struct place places[MAX_PLACES];
	int n = list_places(edges, places);

	for (int i = 0; i < n; i++) {
		u64 end = places[i].offset + places[i].size, nr_large = 0;
		char *at = reserve(edges, &places[i], PROT_NONE);

		ASSERT_NE(MAP_FAILED, at);
		ASSERT_EQ(at, map_place(edges, &places[i], at));
		touch(edges, at, places[i].size, i % NR_ORDERS);
		for (u64 at = (places[i].offset + table - 1) / table * table;
		     at + table <= end; at += table)
			nr_large += has_large_entries() && !places[i].shift;
		expected += (places[i].size - nr_large * table) / edges->page + nr_large;
	}

	READ_ENTRIES();
	EXPECT_EQ(expected, self->count);
}

MEMTRACE_TEST_MAIN
