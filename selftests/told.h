/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What memtrace reports about a write to enable: in tracepoints, in the kernel log
 * and in status. The expected log, status and files are computed from the events.
 */
#ifndef SELFTESTS_POWERPC_MEMTRACE_TOLD_H
#define SELFTESTS_POWERPC_MEMTRACE_TOLD_H

#include <ctype.h>
#include <sys/mount.h>
#include <time.h>

#include "memtrace.h"

#define TRACING "/sys/kernel/tracing"
#define EVENTS TRACING "/instances/memtrace-selftest"
#define MAX_EVENTS 64

#define STATUS_HEADER \
	"node  state  start              size               mappings  ms       why\n"
#define WHY_STUCK "the linear mapping could not be restored, the next write for this node tries again"
#define WHY_INTERRUPTED "interrupted by a signal"
#define WHY_NOTHING "no memory block is free or movable"
#define WHY_MOST "the largest range that is free or movable is 0x%llx"
#define WHY_NO_PLACE ", and the node has no place of this size"
#define WHY_NO_ZONE ", and no place of this size is in one zone that may be used"
#define WHY_NOT_ZEROED "not enough memory to start zeroing it"
#define WHY_NOT_EXPOSED \
	"not enough memory to map it cache-inhibited and flush it, or for its files"

struct event {
	char name[8];		/* alloc, free or fail */
	int node;
	u64 pfn;
	u64 nr_pages;
	u64 duration;
	int error;
	u64 when;		/* in microseconds */
	bool was_exposed;	/* a failure after the region had been created */
};

struct told {
	bool mounted;
	bool by_injection;	/* one allocation failure was injected */
	int kmsg;
	u64 elapsed;		/* in nanoseconds */
	struct event events[MAX_EVENTS];
	int nr_events;
	struct event rows[MAX_EVENTS];
	int nr_rows;
	char log[MAX_LOG];
	char expected_log[MAX_LOG];
	char status[MAX_LOG];
	char expected_status[MAX_LOG];
};

static inline u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Starts recording. Returns -ENOENT in a kernel without the tracepoints. */
static inline int begin_told(struct told *told)
{
	int err;

	told->kmsg = open_log();
	told->mounted = access(TRACING "/instances", F_OK) &&
			!mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "/events/memtrace", F_OK))
		return -ENOENT;
	/* An instance that was left behind by a killed test. */
	rmdir(EVENTS);
	if (mkdir(EVENTS, 0700))
		return -errno;
	err = write_text(EVENTS "/trace_clock", "mono");
	return err ? err : write_text(EVENTS "/events/memtrace/enable", "1");
}

static inline void end_told(struct told *told)
{
	rmdir(EVENTS);
	if (told->mounted)
		umount(TRACING);
}

/* Returns when the event on a line was, in microseconds. @text is its name with a colon before. */
static inline u64 event_time(const char *line, const char *text)
{
	u64 seconds, rest;

	while (text > line && text[-1] != ' ')
		text--;
	if (sscanf(text, "%llu.%llu", &seconds, &rest) != 2)
		return 0;
	return seconds * 1000000 + rest;
}

/* Reads an event, which has the form that is documented, from a line of a trace. */
static inline bool read_event(const char *line, struct event *event)
{
	const char *text = strstr(line, ": memtrace_");
	char again[256];
	int n;

	if (!text)
		return false;
	memset(event, 0, sizeof(*event));
	event->when = event_time(line, text);
	text += strlen(": ");
	n = sscanf(text,
		   "memtrace_%7[a-z]: node=%d pfn=0x%llx nr_pages=%llu duration=%llu ns error=%d",
		   event->name, &event->node, &event->pfn, &event->nr_pages, &event->duration,
		   &event->error);

	snprintf(again, sizeof(again),
		 strcmp(event->name, "fail") ?
		 "memtrace_%s: node=%d pfn=0x%llx nr_pages=%llu duration=%llu ns\n" :
		 "memtrace_%s: node=%d pfn=0x%llx nr_pages=%llu duration=%llu ns error=%d\n",
		 event->name, event->node, event->pfn, event->nr_pages, event->duration,
		 event->error);
	if (n < 5 || strncmp(again, text, strlen(again)))
		event->name[0] = '\0'; /* never matches an expected name */
	return true;
}

/* Reads the events since the last call. */
static inline int read_events(struct event *events)
{
	FILE *f = fopen(EVENTS "/trace", "r");
	char line[512];
	int n = 0;

	while (f && n < MAX_EVENTS && fgets(line, sizeof(line), f))
		n += read_event(line, &events[n]);
	if (f)
		fclose(f);
	close(open(EVENTS "/trace", O_WRONLY | O_TRUNC));
	return n;
}

static inline bool is(const struct event *event, const char *name)
{
	return !strcmp(event->name, name);
}

/* Whether the event reports a region that could not be freed. */
static inline bool is_stuck(const struct event *event)
{
	return is(event, "fail") && event->pfn;
}

static inline u64 first_byte(const struct event *event)
{
	return event->pfn * getpagesize();
}

/* Appends the next line of the log to the expected log if it starts with @beginning. */
static inline bool expect_as_seen(struct told *told, const char *beginning)
{
	const char *seen = told->log + strnlen(told->log, strlen(told->expected_log));
	size_t len = strcspn(seen, "\n");

	if (strncmp(seen, beginning, strlen(beginning)))
		return false;
	strncat(told->expected_log, seen, len + 1);
	return true;
}

/* Expects a failure. Memory that could not be mapped or exposed was allocated before. */
static inline void expect_failure_in_log(struct told *told, struct event *event)
{
	char line[96];

	snprintf(line, sizeof(line), "6 Allocated trace memory on node %d at 0x", event->node);
	if (expect_as_seen(told, line)) {
		event->was_exposed = true;
		expect_as_seen(told, "3 Failed to map trace memory at 0x");
		if (!is_stuck(event))
			expect_line(told->expected_log, "6 Freed trace memory back on node %d\n",
				    event->node);
	}
	if (is_stuck(event))
		expect_line(told->expected_log, "3 Failed to free trace memory on node %d\n",
			    event->node);
	if (event->error != -EAGAIN)
		expect_line(told->expected_log, "3 Failed to allocate trace memory on node %d\n",
			    event->node);
}

/* Expects the messages for the events of all nodes, or of node @only. */
static inline void expect_in_log(struct told *told, u64 size, int only)
{
	bool noticed = !(size & (size - 1));

	for (int i = 0; i < told->nr_events; i++) {
		struct event *event = &told->events[i];
		int node = event->node;

		if (only >= 0 && node != only)
			continue;
		/* Logged between freeing and allocating. */
		if (!noticed && !is(event, "free") && event->error != -EAGAIN) {
			expect_line(told->expected_log,
				    "5 The HTM requires a power of two, which 0x%llx is not\n",
				    size);
			noticed = true;
		}
		if (is(event, "alloc"))
			expect_line(told->expected_log,
				    "6 Allocated trace memory on node %d at 0x%016llx\n", node,
				    first_byte(event));
		else if (is(event, "free"))
			expect_line(told->expected_log,
				    "6 Freed trace memory back on node %d\n", node);
		else
			expect_failure_in_log(told, event);
	}
}

static inline struct event *find_row(struct told *told, int node)
{
	for (int i = 0; i < told->nr_rows; i++) {
		if (told->rows[i].node == node)
			return &told->rows[i];
	}
	return NULL;
}

static inline void remove_row(struct told *told, struct event *row)
{
	struct event *end = told->rows + told->nr_rows--;

	memmove(row, row + 1, (char *)end - (char *)(row + 1));
}

/* Whether the freed memory was allocated by the same request. */
static inline bool was_taken(const struct told *told, const struct event *freed)
{
	for (const struct event *event = told->events; event < freed; event++) {
		if (is(event, "alloc") && event->node == freed->node)
			return true;
	}
	return false;
}

/* Updates the rows with the events of a request. */
static inline void change_rows(struct told *told)
{
	struct event *row;

	for (int i = told->nr_rows - 1; i >= 0; i--) {
		if (is(&told->rows[i], "fail") && !told->rows[i].pfn)
			remove_row(told, &told->rows[i]);
	}
	for (int i = 0; i < told->nr_events; i++) {
		struct event *event = &told->events[i], *next = event + 1;

		row = find_row(told, event->node);
		if (!is(event, "free")) {
			if (!row)
				row = &told->rows[told->nr_rows++];
			*row = *event;
		} else if (was_taken(told, event) && i + 1 < told->nr_events &&
			   is(next, "fail") && next->node == event->node) {
			/* It could not be exposed, and keeps its row, to say so. */
			next->was_exposed = true;
		} else if (row) {
			remove_row(told, row);
		}
	}
}

/* Whether this is what follows the largest range that could be freed. */
static inline bool is_about_places(const char *text)
{
	u64 start, pages, first;
	int end = 0;

	if (!strcmp(text, WHY_NO_PLACE) || !strcmp(text, WHY_NO_ZONE))
		return true;
	if (sscanf(text, "; at 0x%16llx, pages in the way: %llu%n", &start, &pages, &end) != 2)
		return false;
	if (!pages)
		return !text[end];
	return sscanf(text + end, ", the first at 0x%16llx: ", &first) == 1 && start <= first;
}

/* Whether status gives a reason that fits the failure. */
static inline bool is_reason(const struct told *told, const struct event *row, const char *why)
{
	u64 most;
	int end;

	if (row->error == -EINTR)
		return !strcmp(why, WHY_INTERRUPTED);
	if (row->error != -ENOMEM)
		return false;
	if (row->was_exposed)
		return !strcmp(why, WHY_NOT_EXPOSED);
	if (told->by_injection)
		return !strcmp(why, WHY_NOT_ZEROED);
	if (sscanf(why, WHY_MOST "%n", &most, &end) == 1)
		return is_about_places(why + end) && !(most & (most - 1)) &&
		       !(most % block_size()) && most <= row->nr_pages * getpagesize();
	return !strncmp(why, WHY_NOTHING, strlen(WHY_NOTHING)) &&
	       is_about_places(why + strlen(WHY_NOTHING));
}

static inline void expect_in_status(struct __test_metadata *_metadata, struct told *told)
{
	size_t column = strstr(STATUS_HEADER, "why") - STATUS_HEADER;
	const char *line = told->status;

	told->expected_status[0] = '\0';
	expect_line(told->expected_status, "%s", STATUS_HEADER);
	for (int i = 0; i < told->nr_rows; i++) {
		const struct event *row = &told->rows[i];
		u64 ms = (row->duration + 999999) / 1000000;
		size_t len, before;
		char why[256];

		line += strcspn(line, "\n");
		line += *line == '\n';
		if (is(row, "alloc") || is_stuck(row)) {
			expect_line(told->expected_status,
				    "%-5d %-6s 0x%016llx 0x%016llx %-9d %-8llu %s\n", row->node,
				    is(row, "alloc") ? "held" : "stuck", first_byte(row),
				    row->nr_pages * getpagesize(), 0, ms,
				    is(row, "alloc") ? "-" : WHY_STUCK);
			continue;
		}
		len = strcspn(line, "\n");
		before = len < column ? len : column;
		snprintf(why, sizeof(why), "%.*s", (int)(len - before), line + before);
		EXPECT_TRUE(is_reason(told, row, why)) TH_LOG("error %d: %s", row->error, why);
		expect_line(told->expected_status, "%-5d %-6s %-18s %-18s %-9s %-8llu %s\n",
			    row->node, "short", "-", "-", "-", ms, why);
	}
	EXPECT_STREQ(told->expected_status, told->status);
}

static inline void expect_in_files(struct __test_metadata *_metadata, struct told *told)
{
	u64 size = 0;
	int regions = 0, files = 0;

	for (int i = told->nr_rows - 1; i >= 0; i--) {
		const struct event *row = &told->rows[i];

		if (is(row, "alloc")) {
			/* It is no error if there is no memory for a file. */
			bool may_lack = told->by_injection;

			if (!may_lack || !access(node_file(row->node, "start"), F_OK))
				EXPECT_EQ(first_byte(row), region_start(row->node));
			if (!may_lack || !access(node_file(row->node, "size"), F_OK))
				EXPECT_EQ(row->nr_pages * getpagesize(), region_size(row->node));
			if (!may_lack)
				EXPECT_EQ(0, access(node_file(row->node, "trace"), F_OK));
			regions++;
		}
		if (is(row, "alloc") || is_stuck(row))
			size = row->nr_pages * getpagesize();
	}
	EXPECT_EQ(size, held());
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		files += !access(node_file(node, "trace"), F_OK);
	EXPECT_LE(files, regions);
	EXPECT_GE(files, regions - told->by_injection);
}

/* Memory is freed node by node, and then allocated on all nodes in parallel. */
static inline void expect_in_time(struct __test_metadata *_metadata, struct told *told)
{
	u64 freed = 0, longest = 0;

	for (int i = 0; i < told->nr_events; i++) {
		const struct event *event = &told->events[i];

		EXPECT_LT(0, event->duration);
		if (is(event, "free"))
			freed += event->duration;
		else if (longest < event->duration)
			longest = event->duration;
	}
	EXPECT_LE(freed + longest, told->elapsed);
}

/* Removes the lines about ZONE_MOVABLE, which depend on the machine. */
static inline void leave_out_zone_movable(char *log)
{
	static const char notice[] = "5 Trace memory on node ";
	char *line;

	while ((line = strstr(log, notice))) {
		char *next = strchr(line, '\n') + 1;

		memmove(line, next, strlen(next) + 1);
	}
}

/* Sorts the lines of the log by node, if all of them name one. */
static inline void order_log_by_node(struct told *told)
{
	char log[MAX_LOG] = "", end[32];

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		snprintf(end, sizeof(end), " on node %d", node);
		for (const char *line = told->log, *next; *line; line = next) {
			const char *found = strstr(line, end);

			next = line + strcspn(line, "\n");
			next += *next == '\n';
			if (found && found < next && !isdigit(found[strlen(end)]))
				strncat(log, line, next - line);
		}
	}
	if (strlen(log) == strlen(told->log))
		memcpy(told->log, log, strlen(log));
}

static inline bool was_interrupted(const struct told *told)
{
	for (int i = 0; i < told->nr_events; i++) {
		if (told->events[i].error == -EINTR)
			return true;
	}
	return false;
}

/* Records what was reported since the last call about a request for @size bytes. */
static inline void listen_to(struct told *told, u64 size)
{
	told->nr_events = read_events(told->events);
	read_log(told->kmsg, told->log);
	leave_out_zone_movable(told->log);
	read_file(STATUS, told->status, sizeof(told->status));
	told->expected_log[0] = '\0';
	if (was_interrupted(told)) {
		/*
		 * Nodes are handled in parallel, and a signal interrupts each at a different
		 * step: messages are only ordered within a node.
		 */
		order_log_by_node(told);
		for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
			expect_in_log(told, size, node);
	} else {
		expect_in_log(told, size, -1);
	}
	change_rows(told);
}

/* A request for @size bytes returned @err: expects that all reports agree. */
static inline void expect_told(struct __test_metadata *_metadata, struct told *told, u64 size,
			       int err)
{
	bool is_held = false, stuck = false;

	listen_to(told, size);
	EXPECT_STREQ(told->expected_log, told->log);
	expect_in_status(_metadata, told);
	expect_in_files(_metadata, told);
	expect_in_time(_metadata, told);

	for (int i = 0; i < told->nr_rows; i++) {
		is_held |= is(&told->rows[i], "alloc");
		stuck |= is_stuck(&told->rows[i]);
		if (err != EAGAIN)
			EXPECT_EQ(size / getpagesize(), told->rows[i].nr_pages);
	}
	EXPECT_EQ(!err && size, is_held);
	if (err == EAGAIN || stuck)
		EXPECT_EQ(err == EAGAIN, stuck);
}

/* Cuts off what is in the way at the moment, after "; at ". */
static inline void cut_off_obstacles(char *status)
{
	char *text;

	while ((text = strstr(status, "; at "))) {
		char *next = text + strcspn(text, "\n");

		memmove(text, next, strlen(next) + 1);
	}
}

/* A rejected request changes nothing. */
static inline void expect_unchanged(struct __test_metadata *_metadata, struct told *told)
{
	char before[MAX_LOG], status[MAX_LOG];

	EXPECT_EQ(0, read_events(told->events));
	read_log(told->kmsg, told->log);
	read_file(STATUS, status, sizeof(status));
	memcpy(before, told->status, sizeof(before));
	cut_off_obstacles(before);
	cut_off_obstacles(status);
	EXPECT_STREQ(before, status);
	told->nr_events = 0;
	expect_in_files(_metadata, told);
}

static inline int enable_and_time(struct told *told, u64 size)
{
	u64 began = now();
	int err = enable(size);

	told->elapsed = now() - began;
	return err;
}

#endif /* SELFTESTS_POWERPC_MEMTRACE_TOLD_H */
