// SPDX-License-Identifier: GPL-2.0
/*
 * Readers of enable, status and nodes, and writers of nodes, do not wait for a request
 * that is in progress, and see the current state.
 */
#include <sched.h>
#include <sys/wait.h>

#include "memtrace.h"

/* The maximum number of requests that a writer makes before a reader has seen enough. */
#define MAX_REQUESTS 30

struct progress {
	int begun;
	bool enough;
	bool ended;
	int err;
};

/* Regions are held, except while a request of @writer is in progress. */
FIXTURE(under_way)
{
	FIXTURE_DATA(region) region;
	volatile struct progress *progress;
	pid_t writer;
};

static void write_until_enough(volatile struct progress *progress, u64 size, int requests)
{
	while (!progress->err && !progress->enough && progress->begun < requests) {
		progress->begun++;
		progress->err = enable(size);
	}
	progress->ended = true;
	_exit(KSFT_PASS);
}

static bool begin_to_write(FIXTURE_DATA(under_way) *self, u64 size, int requests)
{
	self->progress = mmap(NULL, sizeof(*self->progress), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (self->progress == MAP_FAILED)
		return false;
	self->writer = fork();
	if (!self->writer)
		write_until_enough(self->progress, size, requests);
	return self->writer > 0;
}

/* Returns what the writer's last request was answered. */
static int end_writing(FIXTURE_DATA(under_way) *self)
{
	self->progress->enough = true;
	waitpid(self->writer, NULL, 0);
	return self->progress->err;
}

FIXTURE_SETUP(under_way)
{
	SETUP_REGION(&self->region);
}

FIXTURE_TEARDOWN_PARENT(under_way)
{
	EXPECT_EQ(0, write_text(NODES, "\n"));
	region_teardown(_metadata, &self->region, NULL);
}

/* Reads until there is no region, which is the case only during a request. */
static bool sees_none(FIXTURE_DATA(under_way) *self, bool (*there_is_a_region)(void))
{
	while (!self->progress->ended) {
		if (!there_is_a_region())
			return true;
	}
	return false;
}

static bool enable_has_a_region(void)
{
	return held();
}

/* A reader that waits for the end of a request never sees it. */
TEST_F(under_way, is_seen_in_enable)
{
	bool seen;

	ASSERT_TRUE(begin_to_write(self, self->region.size, MAX_REQUESTS));
	seen = sees_none(self, enable_has_a_region);
	TH_LOG("in request %d", self->progress->begun);
	EXPECT_EQ(0, end_writing(self));
	EXPECT_TRUE(seen);
}

static bool status_has_a_region(void)
{
	int node = -1;

	while ((node = next_memory_node(node + 1)) >= 0 && !has_state(node, "held"))
		;
	return node >= 0;
}

TEST_F(under_way, is_seen_in_status)
{
	bool seen;

	ASSERT_TRUE(begin_to_write(self, self->region.size, MAX_REQUESTS));
	seen = sees_none(self, status_has_a_region);
	TH_LOG("in request %d", self->progress->begun);
	EXPECT_EQ(0, end_writing(self));
	EXPECT_TRUE(seen);
}

static bool read_nodes(void)
{
	char text[64];
	int fd = open(NODES, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text));

	close(fd);
	return len > 0;
}

static bool write_nodes(void)
{
	return !write_text(NODES, "\n");
}

/* What is done with nodes while a request is under way. */
FIXTURE(nodes)
{
	FIXTURE_DATA(under_way) under_way;
};

FIXTURE_VARIANT(nodes)
{
	bool (*use)(void);
};

FIXTURE_VARIANT_ADD(nodes, can_be_read) { .use = read_nodes };
FIXTURE_VARIANT_ADD(nodes, can_be_written) { .use = write_nodes };

FIXTURE_SETUP(nodes)
{
	under_way_setup(_metadata, &self->under_way, NULL);
}

FIXTURE_TEARDOWN_PARENT(nodes)
{
	under_way_teardown(_metadata, &self->under_way, NULL);
}

TEST_F(nodes, while_a_request_is_under_way)
{
	FIXTURE_DATA(under_way) *under_way = &self->under_way;
	volatile struct progress *progress;
	bool seen = false;

	ASSERT_TRUE(begin_to_write(under_way, under_way->region.size, MAX_REQUESTS));
	progress = under_way->progress;
	while (!seen && !progress->ended) {
		int request = progress->begun;

		if (held())
			continue;
		EXPECT_TRUE(variant->use());
		/* The same request as before is still under way. */
		seen = !held() && progress->begun == request;
	}
	TH_LOG("in request %d", progress->begun);
	EXPECT_EQ(0, end_writing(under_way));
	EXPECT_TRUE(seen);
}

/* From the size that is held, over nothing, to the next. */
TEST_F(under_way, shows_the_old_size_and_none_and_the_new_size)
{
	u64 old = self->region.size, sizes[] = { old, 2 * old, old };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 next[] = { old, 0, sizes[i] }, now = old;
		int at = 0, reads;

		ASSERT_TRUE(begin_to_write(self, sizes[i], 1));
		for (reads = 0; !self->progress->ended; reads++) {
			now = held();
			while (at < ARRAY_SIZE(next) && now != next[at])
				at++;
			ASSERT_LT(at, ARRAY_SIZE(next)) TH_LOG("0x%llx", now);
		}
		/* No node may have as much. */
		if (end_writing(self) == ENOMEM && sizes[i] > self->region.size)
			return;
		ASSERT_EQ(0, self->progress->err);
		EXPECT_EQ(sizes[i], held());
		TH_LOG("%d reads", reads);
		old = sizes[i];
	}
}

/* Reads status at once, and returns the one size of all regions in it, 0 for none, or 1. */
static u64 size_in_status(void)
{
	char text[4096], state[16], *line, *rest = text;
	int fd = open(STATUS, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	u64 size, all = 0;

	close(fd);
	text[len > 0 ? len : 0] = '\0';
	while ((line = strtok_r(NULL, "\n", &rest))) {
		if (sscanf(line, "%*d %15s %*s 0x%llx", state, &size) != 2)
			continue;
		if (all && all != size)
			return 1;
		all = size;
	}
	return all;
}

TEST_F(under_way, shows_the_old_regions_and_none_and_the_new_regions_in_status)
{
	u64 old = self->region.size, sizes[] = { old, 2 * old, old };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 next[] = { old, 0, sizes[i] }, now;
		int at = 0;

		ASSERT_TRUE(begin_to_write(self, sizes[i], 1));
		while (!self->progress->ended) {
			now = size_in_status();
			while (at < ARRAY_SIZE(next) && now != next[at])
				at++;
			ASSERT_LT(at, ARRAY_SIZE(next)) TH_LOG("0x%llx", now);
		}
		/* No node may have as much. */
		if (end_writing(self) == ENOMEM && sizes[i] > self->region.size)
			return;
		ASSERT_EQ(0, self->progress->err);
		EXPECT_EQ(sizes[i], size_in_status());
		old = sizes[i];
	}
}

static int count_regions(void)
{
	int count = 0;

	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		count++;
	return count;
}

TEST_F(under_way, takes_memory_of_the_nodes_that_were_chosen_when_it_began)
{
	int regions = count_regions(), tries;
	u64 size = self->region.size, free_before;
	char first[16];

	if (regions < 2)
		SKIP(return, "there is one region only");
	snprintf(first, sizeof(first), "%d\n", self->region.node);

	for (tries = 0; tries < MAX_REQUESTS; tries++) {
		bool chosen;

		ASSERT_EQ(0, enable(0));
		free_before = free_memory();
		ASSERT_TRUE(begin_to_write(self, size, 1));
		while (!self->progress->ended && free_memory() + size / 2 > free_before)
			sched_yield();
		ASSERT_EQ(0, write_text(NODES, first));
		/* Before it was over. */
		chosen = !self->progress->ended;
		ASSERT_EQ(0, end_writing(self));
		EXPECT_EQ(regions, count_regions());

		ASSERT_EQ(0, enable(0));
		EXPECT_EQ(regions - 1, count_regions());
		EXPECT_NE(self->region.node, next_region(0));
		ASSERT_EQ(0, write_text(NODES, "\n"));
		if (chosen)
			break;
	}
	EXPECT_LT(tries, MAX_REQUESTS);
}

MEMTRACE_TEST_MAIN
