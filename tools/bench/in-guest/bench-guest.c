// SPDX-License-Identifier: GPL-2.0
/*
 * What tools/bench/bench measures, in the guest, with the driver that is there.
 *
 * usage: bench-guest warm           touches all memory once
 *        bench-guest take GIB...    takes as much of each node, and gives it back
 *        bench-guest access         reads and maps a region
 *        bench-guest fail GiB       half fills memory, and asks for more than there is
 *        bench-guest churn GiB N    takes as much N times in a busy system
 *        bench-guest fill SEED [UNMOVABLE]
 *                                   fills memory and looks what can still be taken,
 *                                   also with so many MiB that cannot be moved
 *
 * Results are lines "bench: WHAT: NUMBER UNIT" in the kernel's log, where no other
 * line can break them.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../selftests/memtrace.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* Memory that a process leaves free when it fills it. */
#define SPARE (256 * MIB)

/*
 * Milliseconds between taking and giving back, in which something would be traced. At
 * once after all CPUs wrote to many GiB, giving back takes longer under emulation.
 */
#define PAUSE 300

/*
 * Of how many the quickest is the sample: a host that others use as well is at times
 * a third slower, for seconds. CPU time, which Linux counts in ticks, is their mean.
 */
#define TAKE_TIMES 5
#define ACCESS_TIMES 9
#define FAIL_TIMES 9

static size_t page_size;

/* At the most urgent level: what is less so, bench keeps off the console. */
static void __attribute__((format(printf, 3, 4)))
result(double value, const char *unit, const char *what, ...)
{
	FILE *log = fopen("/dev/kmsg", "w");
	char name[80];
	va_list args;

	va_start(args, what);
	vsnprintf(name, sizeof(name), what, args);
	va_end(args);
	if (!log || fprintf(log, "<0>bench: %s: %.3f %s\n", name, value, unit) < 0 ||
	    fclose(log))
		err(1, "/dev/kmsg");
}

/* Milliseconds. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Milliseconds that all CPUs were busy, whoever it was for: workers zero memory. */
static double busy(void)
{
	u64 user, nice, system, idle, iowait, irq, softirq;
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
			 &idle, &iowait, &irq, &softirq) != 7)
		errx(1, "/proc/stat");
	fclose(f);
	return (user + nice + system + irq + softirq) * 1e3 / sysconf(_SC_CLK_TCK);
}

static double quickest(const double *times, int n)
{
	double least = times[0];
	int i;

	for (i = 1; i < n; i++)
		least = times[i] < least ? times[i] : least;
	return least;
}

static void must(int error, const char *what)
{
	if (error)
		errx(1, "%s: %s", what, strerror(error));
}

/* All nodes together that hold @size. */
static int holders(u64 size)
{
	int node, n = 0;

	for (node = next_region(0); node >= 0; node = next_region(node + 1))
		n += region_size(node) == size;
	return n;
}

static char *reserve(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return memory;
}

static void warm(void)
{
	u64 total = read_meminfo("MemTotal:"), at;
	char *memory = reserve(total);

	for (at = 0; at < total; at += page_size) {
		if (at % (16 * MIB) == 0 && read_meminfo("MemFree:") < SPARE)
			break;
		memory[at] = 1;
	}
	munmap(memory, total);
}

static void take(u64 gib)
{
	double taking[TAKE_TIMES], giving[TAKE_TIMES], busy_taking = 0;
	int i, nodes = 0;

	/* Once for what is only slow the first time, as translating code is for QEMU. */
	must(enable(gib * GIB), "enable");
	for (i = next_memory_node(0); i >= 0; i = next_memory_node(i + 1))
		nodes++;
	if (holders(gib * GIB) != nodes)
		errx(1, "not every node had %llu GiB", gib);
	must(enable(0), "give back");

	for (i = 0; i < TAKE_TIMES; i++) {
		double busy0 = busy(), t0 = now(), t1, t2;

		must(enable(gib * GIB), "enable");
		t1 = now();
		busy_taking += busy() - busy0;
		usleep(PAUSE * 1000);

		t2 = now();
		must(enable(0), "give back");
		giving[i] = now() - t2;
		taking[i] = t1 - t0;
	}
	result(quickest(taking, TAKE_TIMES), "ms", "enable %llu GiB", gib);
	result(quickest(giving, TAKE_TIMES), "ms", "give back %llu GiB", gib);
	result(busy_taking / TAKE_TIMES, "ms", "CPU time: enable %llu GiB", gib);
}

static double read_all(const char *trace, size_t block)
{
	const size_t total = 256 * MIB;
	char *buffer = malloc(block);
	double began;
	size_t at;
	int fd;

	memset(buffer, 1, block);
	fd = open(trace, O_RDONLY);
	began = now();
	for (at = 0; at < total; at += block) {
		if (read(fd, buffer, block) != block)
			err(1, "read %s", trace);
	}
	return now() - began;
}

/*
 * Each time by a process that begins with no address translated: how many QEMU still
 * has would depend on what was done before, and matters more than the driver.
 */
static void time_reads(const char *trace, size_t block)
{
	double *times = mmap(NULL, ACCESS_TIMES * sizeof(*times), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status;

	for (i = 0; i < ACCESS_TIMES; i++) {
		pid_t child = fork();

		if (!child) {
			times[i] = read_all(trace, block);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status)
			errx(1, "%s could not be read", trace);
	}
	result(quickest(times, ACCESS_TIMES), "ms", "read 256 MiB by %zu KiB", block >> 10);
}

/* Each reads its part of the same 256 MiB. */
static void time_two_readers(const char *trace)
{
	const size_t part = 128 * MIB;
	double times[ACCESS_TIMES];

	for (int i = 0; i < ACCESS_TIMES; i++) {
		double began = now();
		int status;

		for (int reader = 0; reader < 2; reader++) {
			if (!fork()) {
				char *buffer = malloc(MIB);
				int fd = open(trace, O_RDONLY);

				memset(buffer, 1, MIB);
				for (size_t at = 0; at < part; at += MIB) {
					if (pread(fd, buffer, MIB, reader * part + at) != MIB)
						_exit(1);
				}
				_exit(0);
			}
		}
		for (int reader = 0; reader < 2; reader++) {
			if (wait(&status) < 0 || status)
				errx(1, "%s could not be read", trace);
		}
		times[i] = now() - began;
	}
	result(quickest(times, ACCESS_TIMES), "ms", "read 256 MiB, two readers");
}

static void time_mappings(const char *trace)
{
	double times[ACCESS_TIMES], busy0 = busy();
	int i;

	for (i = 0; i < ACCESS_TIMES; i++) {
		int fd = open(trace, O_RDWR);
		double began = now();
		char *map = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (map == MAP_FAILED)
			err(1, "mmap %s", trace);
		for (size_t at = 0; at < GIB; at += page_size)
			*(volatile u64 *)(map + at) = 1;
		munmap(map, GIB);
		times[i] = now() - began;
		close(fd);
	}
	result(quickest(times, ACCESS_TIMES), "ms", "map 1 GiB, touch every page, unmap");
	result((busy() - busy0) / ACCESS_TIMES, "ms", "CPU time: map 1 GiB, touch every page, unmap");
}

static void access_region(void)
{
	static const size_t blocks[] = { 64 << 10, 1 << 20, 16 << 20 };
	const char *trace;
	double busy0;
	int i;

	must(enable(GIB), "enable");
	trace = strdup(node_file(next_region(0), "trace"));
	busy0 = busy();
	for (i = 0; i < 3; i++)
		time_reads(trace, blocks[i]);
	result((busy() - busy0) / (3 * ACCESS_TIMES), "ms", "CPU time: read 256 MiB");
	time_two_readers(trace);
	time_mappings(trace);
	must(enable(0), "give back");
}

/* As much of what stays where it is as one pipe holds. Root's pipes are not limited. */
static void fill_pipe(void)
{
	static char data[MIB];
	int fds[2];

	if (pipe(fds) || fcntl(fds[1], F_SETPIPE_SZ, sizeof(data)) < 0 ||
	    write(fds[1], data, sizeof(data)) != sizeof(data))
		err(1, "pipe");
}

/*
 * Touches nearly all memory and then gives pages back at random until @percent of
 * it are in use, so that what is free is scattered over all of it. The unmovable
 * memory comes in bursts at random times, as that of a busy system does.
 */
static void fill_memory(int percent, u64 unmovable)
{
	u64 total = read_meminfo("MemTotal:"), most = total / page_size, burst = 16;
	u64 wanted_free = total - total / 100 * percent, n = 0, i, next = 0;
	size_t *pages = calloc(most, sizeof(*pages));
	struct rlimit files = { 65536, 65536 };
	u64 bursts = unmovable / burst;
	char *memory = reserve(total);
	bool *burst_at = calloc(most / 256 + 1, 1);

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	while (bursts) {
		i = random() % (most / 256 * 9 / 10);
		if (!burst_at[i]) {
			burst_at[i] = true;
			bursts--;
		}
	}

	for (n = 0; n < most; n++) {
		if (n % 256 == 0) {
			if (read_meminfo("MemFree:") < SPARE)
				break;
			for (i = 0; burst_at[n / 256] && i < burst; i++)
				fill_pipe();
		}
		memory[n * page_size] = 1;
		pages[n] = n * page_size;
	}

	while (n && (next++ % 256 || read_meminfo("MemFree:") < wanted_free)) {
		size_t at;

		i = random() % n;
		at = pages[i];
		pages[i] = pages[--n];
		madvise(memory + at, page_size, MADV_DONTNEED);
	}
}

/* The C driver also answers success when it could take nothing. */
static double largest(void)
{
	u64 size = block_size();

	while (size * 2 <= read_meminfo("MemTotal:"))
		size *= 2;
	for (; size >= block_size(); size /= 2) {
		enable(size);
		if (holders(size))
			break;
	}
	must(enable(0), "give back");
	return size >= block_size() ? (double)size / GIB : 0;
}

static void fill_and_take(unsigned int seed, u64 unmovable)
{
	static const int percents[] = { 30, 50, 70 };
	int i, status;

	for (i = 0; i < 3; i++) {
		/* A process of its own, with which all that it filled goes. */
		pid_t child = fork();

		if (!child) {
			srandom(seed);
			fill_memory(percents[i], unmovable);
			result(largest(), "GiB", "%d %% %s", percents[i],
			       unmovable ? "filled, mixed" : "filled, movable");
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status)
			errx(1, "memory could not be filled");
		settled_free_memory();
	}
}

/* What it takes to learn that there is not as much. */
static void fail(u64 gib)
{
	double times[FAIL_TIMES];

	srandom(1);
	fill_memory(50, 0);
	for (int i = 0; i < FAIL_TIMES; i++) {
		double began = now();

		enable(gib * GIB);
		times[i] = now() - began;
		if (holders(gib * GIB))
			errx(1, "there are %llu GiB", gib);
	}
	result(quickest(times, FAIL_TIMES), "ms", "enable %llu GiB in vain, half filled", gib);
}

static void use_files(void)
{
	static char data[MIB];
	char path[32];

	for (int i = 0;; i = (i + 1) % 64) {
		int fd;

		snprintf(path, sizeof(path), "/tmp/file%d", i);
		fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
		for (int mib = 0; mib < 8; mib++)
			write(fd, data, sizeof(data));
		close(fd);
	}
}

static void use_processes(void)
{
	for (;;) {
		if (!fork()) {
			static char memory[4 * MIB];

			memset(memory, 1, sizeof(memory));
			_exit(0);
		}
		wait(NULL);
	}
}

static void use_slabs(void)
{
	int fds[2][512];

	for (;;) {
		for (int i = 0; i < 512; i++) {
			fds[0][i] = open("/proc/self/status", O_RDONLY);
			fds[1][i] = memfd_create("slab", 0);
		}
		for (int i = 0; i < 512; i++) {
			close(fds[0][i]);
			close(fds[1][i]);
		}
	}
}

/* How often a request fails for which there is one place, beside what a busy system does. */
static void churn(u64 gib, int cycles)
{
	void (*const uses[])(void) = { use_files, use_processes, use_slabs };
	struct rlimit files = { 65536, 65536 };
	pid_t users[ARRAY_SIZE(uses)];
	int failures = 0;

	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < ARRAY_SIZE(uses); i++) {
		users[i] = fork();
		if (!users[i])
			uses[i]();
	}
	for (int i = 0; i < cycles; i++) {
		enable(gib * GIB);
		if (!holders(gib * GIB)) {
			failures++;
			if (!access(STATUS, F_OK))
				fprintf(stderr, "%d: %s", i, status_row(0));
		}
		must(enable(0), "give back");
	}
	for (int i = 0; i < ARRAY_SIZE(uses); i++)
		kill(users[i], SIGKILL);
	result(failures, "failures", "%d x enable %llu GiB in a busy system", cycles, gib);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int i;

	page_size = sysconf(_SC_PAGESIZE);
	if (!strcmp(what, "warm"))
		warm();
	else if (!strcmp(what, "take"))
		for (i = 2; i < argc; i++)
			take(strtoull(argv[i], NULL, 0));
	else if (!strcmp(what, "access"))
		access_region();
	else if (!strcmp(what, "fill") && argc > 2)
		fill_and_take(atoi(argv[2]), argc > 3 ? strtoull(argv[3], NULL, 0) : 0);
	else if (!strcmp(what, "fail") && argc > 2)
		fail(strtoull(argv[2], NULL, 0));
	else if (!strcmp(what, "churn") && argc > 3)
		churn(strtoull(argv[2], NULL, 0), atoi(argv[3]));
	else
		errx(2, "usage: see bench-guest.c");
	return 0;
}
