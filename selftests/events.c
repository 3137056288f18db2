// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of memtrace, as they are seen in a trace.
 */
#include <sys/klog.h>

#include "told.h"

/* As in linux/syslog.h of the kernel. */
#define SYSLOG_ACTION_CONSOLE_OFF 6
#define SYSLOG_ACTION_CONSOLE_ON 7

/* A region, and an instance of the tracer that records our events from now on. */
FIXTURE(events)
{
	FIXTURE_DATA(region) region;
	struct told told;
	char trace[1 << 16];
};

FIXTURE_SETUP(events)
{
	int err;

	SETUP_REGION(&self->region);
	err = begin_told(&self->told);
	if (err == -ENOENT)
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN_PARENT(events)
{
	end_told(&self->told);
	region_teardown(_metadata, &self->region, NULL);
}

static const char *read_trace(FIXTURE_DATA(events) *self)
{
	read_file(EVENTS "/trace", self->trace, sizeof(self->trace));
	return self->trace;
}

/* Returns the number that follows @text in @trace, or -1. */
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

/* Finds the line of an event, from @trace on. */
static const char *find_event(const char *trace, const char *event)
{
	const char *found = strstr(trace, event);

	while (found && found > trace && found[-1] != '\n')
		found--;
	return found;
}

/* Returns when the first event of this kind was, in microseconds, or 0. */
static u64 time_of(const char *trace, const char *event)
{
	const char *line = find_event(trace, event);

	return line ? event_time(line, strstr(line, event)) : 0;
}

/* Returns when a range was isolated that has @pfn in it, or 0. */
static u64 time_of_isolation(const char *trace, u64 pfn)
{
	static const char event[] = ": test_pages_isolated: ";
	const char *found = trace;
	u64 from, to;

	while ((found = strstr(found, event))) {
		if (sscanf(found + strlen(event), "start_pfn=0x%llx end_pfn=0x%llx", &from,
			   &to) == 2 && from <= pfn && pfn < to)
			return event_time(trace, found);
		found += strlen(event);
	}
	return 0;
}

/*
 * The reported duration covers all work of an operation. Consoles are slow, and would
 * hide missing parts.
 */
FIXTURE(duration)
{
	FIXTURE_DATA(events) events;
};

FIXTURE_SETUP(duration)
{
	events_setup(_metadata, &self->events, NULL);
	if (_metadata->exit_code)
		return;
	if (write_text(EVENTS "/events/printk/console/enable", "1"))
		SKIP(return, "the kernel does not trace its log");
	klogctl(SYSLOG_ACTION_CONSOLE_OFF, NULL, 0);
}

FIXTURE_TEARDOWN_PARENT(duration)
{
	klogctl(SYSLOG_ACTION_CONSOLE_ON, NULL, 0);
	events_teardown(_metadata, &self->events, NULL);
}

TEST_F(duration, has_in_it_that_memory_is_found_and_zeroed)
{
	FIXTURE_DATA(events) *events = &self->events;
	const char *line = events->trace;
	struct event event = {};
	char said[96];

	if (write_text(EVENTS "/events/page_isolation/test_pages_isolated/enable", "1"))
		SKIP(return, "the kernel does not trace how memory is isolated");
	ASSERT_EQ(0, enable(events->region.size));
	read_trace(events);
	while ((line = find_event(line, ": memtrace_alloc: "))) {
		u64 isolated, allocated;

		ASSERT_TRUE(read_event(line, &event));
		isolated = time_of_isolation(events->trace, event.pfn);
		snprintf(said, sizeof(said),
			 ": console: memtrace: Allocated trace memory on node %d ", event.node);
		allocated = time_of(events->trace, said);
		ASSERT_LT(0, isolated);
		ASSERT_LT(isolated, allocated);
		EXPECT_LE((allocated - isolated - 1) * 1000, event.duration);
		line += strcspn(line, "\n");
	}
	EXPECT_TRUE(is(&event, "alloc"));
}

TEST_F(duration, has_in_it_that_memory_is_given_back)
{
	FIXTURE_DATA(events) *events = &self->events;
	u64 first_page, freed;
	struct event event;
	const char *line;
	char text[96];

	snprintf(text, sizeof(text), "pfn == %llu", events->region.start / getpagesize());
	if (write_text(EVENTS "/events/kmem/mm_page_free/filter", text) ||
	    write_text(EVENTS "/events/kmem/mm_page_free/enable", "1"))
		SKIP(return, "the kernel does not trace how pages are freed");
	ASSERT_EQ(0, enable(0));
	first_page = time_of(read_trace(events), ": mm_page_free: ");
	snprintf(text, sizeof(text), ": console: memtrace: Freed trace memory back on node %d\n",
		 events->region.node);
	freed = time_of(events->trace, text);
	ASSERT_LT(0, first_page);
	ASSERT_LT(first_page, freed);

	snprintf(text, sizeof(text), ": memtrace_free: node=%d ", events->region.node);
	line = find_event(events->trace, text);
	ASSERT_NE(NULL, line);
	ASSERT_TRUE(read_event(line, &event));
	EXPECT_LE((freed - first_page - 1) * 1000, event.duration);
}

/* Nodes are freed one after the other, and no event includes the time of another. */
TEST_F(duration, is_that_of_its_node_alone)
{
	FIXTURE_DATA(events) *events = &self->events;
	static const char name[] = ": memtrace_free: ";
	u64 before = 0, nr_nodes = 0;
	struct event event;
	const char *line;

	ASSERT_EQ(0, enable(0));
	line = read_trace(events);
	while ((line = find_event(line, name))) {
		u64 time = event_time(line, strstr(line, name));

		ASSERT_TRUE(read_event(line, &event));
		if (nr_nodes++)
			EXPECT_LE(event.duration, (time - before + 1) * 1000);
		before = time;
		line += strcspn(line, "\n");
	}
	if (nr_nodes < 2)
		SKIP(return, "only one node has trace memory");
}

#define REGION_FIELDS							\
	"\tfield:int node;\toffset:8;\tsize:4;\tsigned:1;\n"		\
	"\tfield:unsigned long pfn;\toffset:16;\tsize:8;\tsigned:0;\n"	\
	"\tfield:unsigned long nr_pages;\toffset:24;\tsize:8;\tsigned:0;\n"	\
	"\tfield:u64 duration;\toffset:32;\tsize:8;\tsigned:0;\n"

#define REGION_FORMAT "node=%d pfn=0x%lx nr_pages=%lu duration=%llu ns"
#define REGION_ARGUMENTS "REC->node, REC->pfn, REC->nr_pages, REC->duration"

/* What tools that record events read to make sense of them. */
FIXTURE(format)
{
	struct told told;
};

FIXTURE_VARIANT(format)
{
	const char *event;
	const char *text;
};

FIXTURE_VARIANT_ADD(format, alloc)
{
	.event = "memtrace_alloc",
	.text = REGION_FIELDS "\nprint fmt: \"" REGION_FORMAT "\", " REGION_ARGUMENTS "\n",
};

FIXTURE_VARIANT_ADD(format, free)
{
	.event = "memtrace_free",
	.text = REGION_FIELDS "\nprint fmt: \"" REGION_FORMAT "\", " REGION_ARGUMENTS "\n",
};

FIXTURE_VARIANT_ADD(format, fail)
{
	.event = "memtrace_fail",
	.text = REGION_FIELDS "\tfield:int error;\toffset:40;\tsize:4;\tsigned:1;\n"
		"\nprint fmt: \"" REGION_FORMAT " error=%d\", " REGION_ARGUMENTS ", REC->error\n",
};

FIXTURE_SETUP(format)
{
	int err = begin_told(&self->told);

	if (err == -ENOENT)
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN_PARENT(format)
{
	end_told(&self->told);
}

TEST_F(format, of_an_event_stays)
{
	char path[128], text[4096], *found;

	snprintf(path, sizeof(path), TRACING "/events/memtrace/%s/format", variant->event);
	read_file(path, text, sizeof(text));
	found = strstr(text, "\tfield:int node;");
	EXPECT_STREQ(variant->text, found ? found : text);
}

TEST_F(events, are_the_three_that_are_documented)
{
	static const char * const names[] = {
		"memtrace_alloc", "memtrace_fail", "memtrace_free",
	};
	DIR *dir = opendir(TRACING "/events/memtrace");
	struct dirent *entry;
	int n = 0;

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		n += !strncmp(entry->d_name, "memtrace_", strlen("memtrace_"));
	closedir(dir);
	EXPECT_EQ(ARRAY_SIZE(names), n);
	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), TRACING "/events/memtrace/%s/enable", names[i]);
		EXPECT_EQ(0, access(path, F_OK)) TH_LOG("%s", names[i]);
	}
}

MEMTRACE_TEST_MAIN
