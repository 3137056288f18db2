// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that fails: only the page that fails is lost, and later regions do not contain it.
 * Linux does not tell memtrace.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "memtrace.h"

#define KPF_BUDDY 10
#define KPF_HWPOISON 19
#define KPF_OFFLINE 23

static int offline_page(const char *how, u64 address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", address);
	return write_text(how, text);
}

#define HARD BLOCKS "/hard_offline_page"
#define SOFT BLOCKS "/soft_offline_page"

/* Marked as failed, and not free. */
static bool is_lost(u64 address)
{
	return has_page_flag(address, KPF_HWPOISON) && !has_page_flag(address, KPF_BUDDY);
}

static bool in_region(u64 address)
{
	for (int node = next_region(0); node >= 0; node = next_region(node + 1)) {
		if (address - region_start(node) < region_size(node))
			return true;
	}
	return false;
}

FIXTURE(poison)
{
	FIXTURE_DATA(region) region;
	u64 page;
	u64 before;
};

FIXTURE_SETUP(poison)
{
	if (!getenv("MEMTRACE_POISON"))
		SKIP(return, "pages would be lost until the next boot: set MEMTRACE_POISON=1");
	if (access(HARD, F_OK))
		SKIP(return, "no " HARD);
	self->before = settled_free_memory();
	SETUP_REGION(&self->region);
	self->page = self->region.start + 3 * getpagesize();
}

FIXTURE_TEARDOWN_PARENT(poison)
{
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(poison, loses_one_page_of_a_region)
{
	u64 size = self->region.size;

	offline_page(HARD, self->page);
	EXPECT_TRUE(has_page_flag(self->page, KPF_HWPOISON));

	EXPECT_TRUE(has_state(self->region.node, "held"));
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(is_lost(self->page));
	/* Pages that are freed are not marked offline any more. */
	for (u64 at = self->region.start; at < self->region.start + size; at += getpagesize()) {
		EXPECT_EQ(at == self->page, has_page_flag(at, KPF_HWPOISON));
		EXPECT_FALSE(at != self->page && has_page_flag(at, KPF_OFFLINE));
	}
	EXPECT_TRUE(free_memory_is_back(self->before));

	ASSERT_EQ(0, enable(size));
	EXPECT_FALSE(in_region(self->page));
}

TEST_F(poison, leaves_a_mapping_alone)
{
	char *map = map_region(&self->region);
	u64 size = self->region.size;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, size, 4096);
	offline_page(HARD, self->page);
	EXPECT_EQ(size, find_change(map, 0, size, 4096));
	munmap(map, size);
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(is_lost(self->page));
}

/* Linux finds no page behind the mapping that belongs to the process. */
TEST_F(poison, is_not_injected_through_a_mapping)
{
	char *map = map_region(&self->region);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_NE(0, madvise(map, getpagesize(), MADV_HWPOISON));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_FALSE(has_page_flag(self->region.start, KPF_HWPOISON));
	munmap(map, self->region.size);
}

TEST_F(poison, loses_nothing_if_a_page_is_offlined_softly)
{
	u64 size = self->region.size, page = self->page;

	EXPECT_NE(0, offline_page(SOFT, page));
	EXPECT_FALSE(has_page_flag(page, KPF_HWPOISON));
	ASSERT_EQ(0, enable(0));
	ASSERT_EQ(0, enable(size));
}

TEST_F(poison, keeps_a_page_out_of_later_regions)
{
	u64 size = self->region.size, page = self->region.start;

	ASSERT_EQ(0, enable(0));
	while (!has_page_flag(page, KPF_BUDDY)) {
		page += getpagesize();
		ASSERT_GT(self->region.start + size, page);
	}
	EXPECT_EQ(0, offline_page(HARD, page));
	ASSERT_TRUE(has_page_flag(page, KPF_HWPOISON));
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, enable(size));
		EXPECT_FALSE(in_region(page));
		ASSERT_EQ(0, enable(0));
	}
}

/* The first page of each place for the largest region there can be. */
TEST_F(poison, is_told_as_what_is_in_the_way)
{
	u64 size = largest_size(), first = 0, pages;
	char what[16] = "";
	const char *why;
	int parsed;

	for (int i = 0; i < 16 && !enable(size); i++) {
		for (int node = -1; (node = next_region(node + 1)) >= 0;)
			offline_page(HARD, region_start(node));
		ASSERT_EQ(0, enable(0));
	}
	ASSERT_EQ(ENOMEM, enable(size));
	why = strchr(status_row(self->region.node), ';');
	ASSERT_NE(NULL, why);
	parsed = sscanf(why, "; at 0x%*x, pages in the way: %llu, the first at 0x%llx: %15[^\n]",
			&pages, &first, what);
	ASSERT_EQ(3, parsed) TH_LOG("%s", why);
	EXPECT_LE(1, pages);
	EXPECT_EQ(0, first % size);
	EXPECT_TRUE(has_page_flag(first, KPF_HWPOISON));
	EXPECT_STREQ("poisoned", what);
}

#define NR_PAGES 8

static u64 pages[NR_PAGES];
static volatile bool requesting;

static void *poison_pages(void *unused)
{
	for (int i = 0; i < NR_PAGES; i++) {
		while (!requesting)
			sched_yield();
		offline_page(HARD, pages[i]);
		requesting = false;
	}
	return NULL;
}

/* Linux may forget that a page has failed, or give it out again, if it was just being freed. */
TEST_F(poison, does_no_harm_during_requests)
{
	u64 size = self->region.size;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, poison_pages, NULL));
	for (int i = 0; i < NR_PAGES; i++) {
		pages[i] = region_start(self->region.node) + i * getpagesize();
		requesting = true;
		ASSERT_EQ(0, enable(size));
		while (requesting)
			sched_yield();
	}
	pthread_join(thread, NULL);
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(free_memory_is_back(self->before));
	ASSERT_EQ(0, enable(size));
}

MEMTRACE_TEST_MAIN
