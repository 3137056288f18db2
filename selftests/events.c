// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of memtrace, as they are seen in a trace.
 */
#include <sys/mount.h>

#include "memtrace.h"

#define TRACING "/sys/kernel/tracing"
#define EVENTS TRACING "/instances/memtrace-selftest"

/* A region, and an instance of the tracer that records our events. */
FIXTURE(events)
{
	FIXTURE_DATA(region) region;
	bool mounted;
	char trace[1 << 16];
};

FIXTURE_SETUP(events)
{
	SETUP_REGION(&self->region);
	self->mounted = access(TRACING "/instances", F_OK) &&
			!mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "/events/memtrace", F_OK))
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, mkdir(EVENTS, 0700));
	ASSERT_EQ(0, write_text(EVENTS "/events/memtrace/enable", "1"));
}

FIXTURE_TEARDOWN_PARENT(events)
{
	rmdir(EVENTS);
	if (self->mounted)
		umount(TRACING);
	region_teardown(_metadata, &self->region, NULL);
}

static const char *read_trace(FIXTURE_DATA(events) *self)
{
	int fd = open(EVENTS "/trace", O_RDONLY);
	size_t have = 0;
	ssize_t len;

	while ((len = read(fd, self->trace + have, sizeof(self->trace) - 1 - have)) > 0)
		have += len;
	self->trace[have] = '\0';
	close(fd);
	return self->trace;
}

/* The last number of a line that has all before it, or -1. */
static long long number_behind(const char *trace, const char *text)
{
	const char *found = strstr(trace, text);

	return found ? strtoll(found + strlen(text), NULL, 10) : -1;
}

static const char *about(FIXTURE_DATA(region) *region, const char *event)
{
	static char text[128];

	snprintf(text, sizeof(text), " %s: node=%d pfn=0x%llx nr_pages=%llu duration=", event,
		 region->node, region->start / getpagesize(), region->size / getpagesize());
	return text;
}

TEST_F(events, show_memory_that_is_given_back)
{
	ASSERT_EQ(0, enable(0));
	EXPECT_LT(0, number_behind(read_trace(self), about(&self->region, "memtrace_free")));
	EXPECT_EQ(NULL, strstr(self->trace, "memtrace_alloc"));
	EXPECT_EQ(NULL, strstr(self->trace, "memtrace_fail"));
}

TEST_F(events, show_memory_that_is_taken)
{
	FIXTURE_DATA(region) now = self->region;

	ASSERT_EQ(0, enable(self->region.size));
	now.start = region_start(now.node);
	EXPECT_LT(0, number_behind(read_trace(self), about(&now, "memtrace_alloc")));
	EXPECT_EQ(NULL, strstr(self->trace, "memtrace_fail"));
}

TEST_F(events, show_memory_that_is_not_there)
{
	char expected[128];

	ASSERT_EQ(ENOMEM, enable(1ULL << 62));
	snprintf(expected, sizeof(expected),
		 " memtrace_fail: node=%d pfn=0x0 nr_pages=%llu duration=",
		 self->region.node, (1ULL << 62) / getpagesize());
	EXPECT_LE(0, number_behind(read_trace(self), expected));
	EXPECT_EQ(-ENOMEM, number_behind(self->trace, " ns error="));
	EXPECT_EQ(NULL, strstr(self->trace, "memtrace_alloc"));
}

MEMTRACE_TEST_MAIN
