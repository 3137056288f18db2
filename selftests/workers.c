// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of all nodes is zeroed in parallel, and then flushed in parallel, by all CPUs
 * of each node and by no others.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "memtrace.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/memtrace-selftest"

#define QUEUED " workqueue=events_dfl_long req_cpu="

/* On a node with more CPUs, only some of them have workers. */
#define MAX_WORKERS 32

/* An instance of the tracer that records what a writer gives to workers. */
FIXTURE(workers)
{
	FIXTURE_DATA(region) region;
	int node;
	int queued[CPU_SETSIZE];
	bool mounted;
};

/* Whether @node has @cpu, and it is online. */
static bool cpu_is_on(int cpu, int node)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	if (!access(path, F_OK) && strcmp(read_line(path), "1"))
		return false;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d", node, cpu);
	return !access(path, F_OK);
}

static int count_cpus(int node)
{
	int count = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		count += cpu_is_on(cpu, node);
	return count;
}

/* The first CPU of @node, or the first of all. */
static int first_cpu(int node)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE && !cpu_is_on(cpu, node))
		cpu++;
	return cpu < CPU_SETSIZE ? cpu : 0;
}

FIXTURE_SETUP(workers)
{
	SETUP_REGION(&self->region);
	self->node = next_region(0);
	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		if (count_cpus(node) > MAX_WORKERS)
			SKIP(return, "node %d has more than %d CPUs", node, MAX_WORKERS);
	}
	ASSERT_EQ(0, enable(0));
	self->mounted = access(TRACING "/instances", F_OK) &&
			!mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "/events/workqueue", F_OK))
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/memtrace/enable", "1"));
	ASSERT_EQ(0, write_text(INSTANCE "/events/workqueue/workqueue_queue_work/enable", "1"));
}

FIXTURE_TEARDOWN_PARENT(workers)
{
	rmdir(INSTANCE);
	if (self->mounted)
		umount(TRACING);
	region_teardown(_metadata, &self->region, NULL);
}

/* Makes a request on @cpu, and records it alone. */
static bool trace_request(u64 size, int cpu)
{
	int status;
	pid_t pid = fork();
	char text[16];
	cpu_set_t set;

	if (pid) {
		waitpid(pid, &status, 0);
		return pid > 0 && !status;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(errno);
	snprintf(text, sizeof(text), "%d", getpid());
	write_text(INSTANCE "/set_event_pid", text);
	_exit(enable(size));
}

/* Counts what was given to the workers of each CPU before the first region was complete. */
static void count_work(FIXTURE_DATA(workers) *self)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[512];
	int cpu;

	while (f && fgets(line, sizeof(line), f) && !strstr(line, " memtrace_alloc: ")) {
		const char *work = strstr(line, QUEUED);

		if (work && sscanf(work, QUEUED "%d", &cpu) == 1 && cpu < CPU_SETSIZE)
			self->queued[cpu]++;
	}
	if (f)
		fclose(f);
}

static bool has_region(int cpu)
{
	int node = -1;

	while ((node = next_region(node + 1)) >= 0 && !cpu_is_on(cpu, node))
		;
	return node >= 0;
}

/* To zero memory, and then to flush it. The writer itself works as well. */
TEST_F(workers, of_all_nodes_begin_before_one_is_done)
{
	int here = first_cpu(self->node);

	ASSERT_TRUE(trace_request(self->region.size, here));
	count_work(self);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		EXPECT_EQ(has_region(cpu) && cpu != here ? 2 : 0, self->queued[cpu])
			TH_LOG("CPU %d", cpu);
	}
}

MEMTRACE_TEST_MAIN
