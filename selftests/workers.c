// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of all nodes is zeroed at the same time, by CPUs of each node.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "memtrace.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/memtrace-selftest"

#define UNBOUND " workqueue=events_unbound req_cpu="

#define MAX_NODES 64

/* No node gets more. */
#define MAX_WORKERS 32

/* A node that gives a region, and how many CPUs it has. */
struct node {
	int id;
	int cpus;
	int queued;
};

/* An instance of the tracer that records what a writer gives to workers. */
FIXTURE(workers)
{
	FIXTURE_DATA(region) region;
	struct node nodes[MAX_NODES];
	int nr_nodes;
	bool mounted;
};

static bool cpu_is_on(int cpu, int node)
{
	char path[96];

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

FIXTURE_SETUP(workers)
{
	SETUP_REGION(&self->region);
	for (int node = -1; (node = next_region(node + 1)) >= 0 && self->nr_nodes < MAX_NODES;) {
		self->nodes[self->nr_nodes].id = node;
		self->nodes[self->nr_nodes++].cpus = count_cpus(node);
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

/* Makes a request on a CPU of @node, or on any, and records it alone. */
static bool trace_request(u64 size, int node)
{
	int status, cpu = 0;
	pid_t pid = fork();
	char text[16];
	cpu_set_t set;

	if (pid) {
		waitpid(pid, &status, 0);
		return pid > 0 && !status;
	}
	while (cpu < CPU_SETSIZE && !cpu_is_on(cpu, node))
		cpu++;
	CPU_ZERO(&set);
	if (cpu < CPU_SETSIZE) {
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	snprintf(text, sizeof(text), "%d", getpid());
	write_text(INSTANCE "/set_event_pid", text);
	_exit(enable(size));
}

/*
 * Counts what was given to workers of each node before the first region was complete. Work
 * that is for any CPU, or for one as such, is that of others.
 */
static void count_work(FIXTURE_DATA(workers) *self)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f) && !strstr(line, " memtrace_alloc: ")) {
		const char *work = strstr(line, UNBOUND);

		for (int i = 0; work && i < self->nr_nodes; i++)
			self->nodes[i].queued += cpu_is_on(atoi(work + strlen(UNBOUND)),
							   self->nodes[i].id);
	}
	if (f)
		fclose(f);
}

TEST_F(workers, of_all_nodes_begin_before_one_is_done)
{
	int here = self->nodes[0].id;

	ASSERT_TRUE(trace_request(self->region.size, here));
	count_work(self);
	for (int i = 0; i < self->nr_nodes; i++) {
		struct node *node = &self->nodes[i];
		/* The writer itself takes the place of one. */
		int workers = node->cpus - (node->id == here && node->cpus);

		if (workers > MAX_WORKERS)
			workers = MAX_WORKERS;
		EXPECT_EQ(workers, node->queued)
			TH_LOG("node %d", node->id);
	}
}

MEMTRACE_TEST_MAIN
