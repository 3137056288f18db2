/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Common code of the memtrace tests: the files of memtrace, and a fixture with a region.
 */
#ifndef SELFTESTS_POWERPC_MEMTRACE_H
#define SELFTESTS_POWERPC_MEMTRACE_H

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

/* A debug kernel under emulation needs a long time to zero a region. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define BLOCKS "/sys/devices/system/memory"
#define MEMTRACE "/sys/kernel/debug/powerpc/memtrace"
#define ENABLE MEMTRACE "/enable"
#define NODES MEMTRACE "/nodes"
#define STATUS MEMTRACE "/status"

/* The format of all numbers, which tools parse with scanf(). */
#define HEX "0x%016llx\n"

/* How much free memory may change by itself. */
#define NOISE (16 << 20)

typedef unsigned long long u64;

/* Returns the number in a file, or 0. */
static inline u64 read_number(const char *path, const char *format)
{
	FILE *f = fopen(path, "r");
	u64 value = 0;

	if (!f)
		return 0;
	if (fscanf(f, format, &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

/* Returns the sum of the matching lines in /proc/meminfo, in bytes. */
static inline u64 read_meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	u64 value, sum = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (!strncmp(line, name, strlen(name)) &&
		    colon && sscanf(colon, ": %llu", &value) == 1)
			sum += value << 10;
	}
	fclose(f);
	return sum;
}

/* Returns the amount of free memory, including that on per-CPU lists. */
static inline u64 free_memory(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	u64 pages, sum = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " pages free %llu", &pages) == 1 ||
		    sscanf(line, " count: %llu", &pages) == 1)
			sum += pages;
	}
	fclose(f);
	return sum * getpagesize();
}

/* The same, after dropping caches. */
static inline u64 settled_free_memory(void)
{
	if (system("echo 3 >/proc/sys/vm/drop_caches"))
		ksft_print_msg("caches could not be dropped\n");
	return free_memory();
}

/*
 * Whether as much memory is free as @before. Some memory is freed late, such as that
 * of processes that have exited; leaked memory is never freed.
 */
static inline bool free_memory_is_back(u64 before)
{
	/* KASAN keeps what was freed to a slab cache until that is shrunk. */
	static const char shrink[] =
		"for f in /sys/kernel/slab/*/shrink; do [ ! -e $f ] || echo 1 >$f; done";
	bool back;

	for (int i = 0; i < 100; i++) {
		back = settled_free_memory() + NOISE > before;
		if (back)
			break;
		if (system(shrink))
			ksft_print_msg("slab caches could not be shrunk\n");
		usleep(100000);
	}
	return back;
}

/* The size of the smallest possible region. */
static inline u64 block_size(void)
{
	return read_number(BLOCKS "/block_size_bytes", "%llx");
}

/* Returns a file of one line, read in one call, without the newline. Valid until the next call. */
static inline const char *read_line(const char *path)
{
	static char line[1024];
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, line, sizeof(line) - 1);

	line[len > 0 ? len - 1 : 0] = '\0';
	close(fd);
	return line;
}

/* Writes in one call, as required by the kernel, and returns 0 or an error. */
static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t written;
	int err;

	if (fd < 0)
		return errno;
	written = write(fd, text, strlen(text));
	err = written < 0 ? errno : 0;
	close(fd);
	return written >= 0 && written != strlen(text) ? EIO : err;
}

/* The path of a file of the memory block at @address, until the next call. */
static inline const char *block_file(u64 address, const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), BLOCKS "/memory%llu/%s", address / block_size(), name);
	return path;
}

/* Whether /proc/kpageflags has @flag, KPF_..., for the page at @address. */
static inline bool has_page_flag(u64 address, int flag)
{
	int fd = open("/proc/kpageflags", O_RDONLY);
	u64 flags = 0;

	if (pread(fd, &flags, sizeof(flags), address / getpagesize() * sizeof(flags)) < 0)
		flags = 0;
	close(fd);
	return flags >> flag & 1;
}

static inline void interrupt(int signal)
{
}

/*
 * Sets the memory block at @address offline or online. The kernel retries until it succeeds
 * or gets a signal: an alarm is sent after 10 seconds.
 */
static inline int set_block_state(u64 address, const char *state)
{
	struct sigaction action = { .sa_handler = interrupt };
	int err;

	sigaction(SIGALRM, &action, NULL);
	alarm(10);
	err = write_text(block_file(address, "state"), state);
	alarm(0);
	return err;
}

static inline int enable(u64 size)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx\n", size);
	return write_text(ENABLE, text);
}

/* Returns the size of the region that each node holds, or 0. */
static inline u64 held(void)
{
	return read_number(ENABLE, HEX);
}

/* The path of a file in a node's directory, until the next call. */
static inline const char *node_file(int node, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), MEMTRACE "/%08x/%s", node, name);
	return path;
}

/* Returns the first node, starting at @node, that holds a region, or -1. */
static inline int next_region(int node)
{
	DIR *dir = opendir(MEMTRACE);
	struct dirent *entry;
	int found, next = -1;

	while (dir && (entry = readdir(dir))) {
		if (strspn(entry->d_name, "0123456789abcdef") == 8 &&
		    sscanf(entry->d_name, "%x", &found) == 1 &&
		    found >= node && (next < 0 || found < next))
			next = found;
	}
	if (dir)
		closedir(dir);
	return next;
}

#define HAS_MEMORY "/sys/devices/system/node/has_memory"

/* Returns the first node, starting at @node, that has memory, or -1. */
static inline int next_memory_node(int node)
{
	FILE *f = fopen(HAS_MEMORY, "r");
	int first, last, next = -1;

	while (f && next < 0 && fscanf(f, "%d", &first) == 1) {
		last = first;
		fscanf(f, "-%d", &last);
		fscanf(f, ",");
		if (node <= last)
			next = node > first ? node : first;
	}
	if (f)
		fclose(f);
	return next;
}

/* Returns the first node that is online without memory, or -1. */
static inline int find_empty_node(void)
{
	char path[96];

	for (int node = 0; node < 256; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (!access(path, F_OK) && next_memory_node(node) != node)
			return node;
	}
	return -1;
}

/* Returns a value of the node's meminfo, such as MemFree, in bytes. */
static inline u64 node_meminfo(int node, const char *name)
{
	char line[128], format[64];
	u64 value = 0;
	FILE *f;

	snprintf(line, sizeof(line), "/sys/devices/system/node/node%d/meminfo", node);
	snprintf(format, sizeof(format), "Node %d %s: %%llu", node, name);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, format, &value) != 1)
		;
	if (f)
		fclose(f);
	return value << 10;
}

/* Returns the row of @node in status, from the state, or NULL. Valid until the next call. */
static inline const char *status_row(int node)
{
	FILE *f = fopen(STATUS, "r");
	static char line[256];
	const char *found = NULL;
	int row, state;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %n", &row, &state) == 1 && row == node)
			found = line + state;
	}
	if (f)
		fclose(f);
	return found;
}

/* Reads a whole text file, or as much as fits in @size. */
static inline void read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	ssize_t len;

	while (fd >= 0 && (len = read(fd, text + have, size - 1 - have)) > 0)
		have += len;
	text[have] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Whether @node is "held", "stuck" or "short". */
static inline bool has_state(int node, const char *state)
{
	const char *row = status_row(node);

	return row && !strncmp(row, state, strlen(state));
}

/* Whether status reports that @node provided nothing to the last request. */
static inline bool is_short(int node)
{
	return has_state(node, "short");
}

/* Whether status reports that @node provided nothing to the last request for this reason. */
static inline bool is_short_because(int node, const char *why)
{
	return is_short(node) && strstr(status_row(node), why);
}

/* Returns the number of mappings of the region of @node that status reports, or -1. */
static inline int count_mappings(int node)
{
	FILE *f = fopen(STATUS, "r");
	int row, count, found = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d held %*s %*s %d", &row, &count) == 2 && row == node)
			found = count;
	}
	if (f)
		fclose(f);
	return found;
}

#define MAX_LOG 4096

/* Opens the kernel log, positioned after the last message. */
static inline int open_log(void)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	lseek(kmsg, 0, SEEK_END);
	return kmsg;
}

/* Reads the messages of memtrace since the last call, one per line, each after its level. */
static inline void read_log(int kmsg, char *log)
{
	char record[2048];
	ssize_t len;

	log[0] = '\0';
	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		char *text;

		if (len < 0)
			continue; /* a record that was overwritten before it was read */
		record[len] = '\0';
		text = strchr(record, ';');
		if (!text || strncmp(++text, "memtrace: ", strlen("memtrace: ")))
			continue;
		text += strlen("memtrace: ");
		sprintf(log + strlen(log), "%d %.*s\n", atoi(record) & 7,
			(int)strcspn(text, "\n"), text);
	}
}

/* Appends to the expected text of the log or of another file. */
__printf(2, 3) static inline void expect_line(char *expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsprintf(expected + strlen(expected), format, args);
	va_end(args);
}

/* Returns the number of lines of a log that start with @begin. */
static inline int count_lines(const char *log, const char *begin)
{
	int count = 0;

	while ((log = strstr(log, begin))) {
		log += strlen(begin);
		count++;
	}
	return count;
}

static inline u64 region_start(int node)
{
	return read_number(node_file(node, "start"), HEX);
}

static inline u64 region_size(int node)
{
	return read_number(node_file(node, "size"), HEX);
}

/*
 * The size of a region that is large enough that using half of the guest's memory uses
 * part of it. Larger regions would take long on a large machine.
 */
static inline u64 large_size(void)
{
	u64 size = block_size();

	while (size < free_memory() / 8 && size < 1 << 30)
		size *= 2;
	return size;
}

/*
 * A region of one block on each node that can provide it. @node, @start, @size and
 * @fd are those of the first region.
 */
FIXTURE(region)
{
	int node;
	u64 start;
	u64 size;
	int fd;
};

static inline int take_region(FIXTURE_DATA(region) *self, u64 size)
{
	int err = enable(size);

	if (err)
		return err;
	self->node = next_region(0);
	self->start = region_start(self->node);
	self->size = region_size(self->node);
	self->fd = open(node_file(self->node, "trace"), O_RDWR);
	return 0;
}

/* Allocates @size bytes instead, if the region is smaller. */
static inline int take_larger_region(FIXTURE_DATA(region) *self, u64 size)
{
	if (size <= self->size)
		return 0;
	close(self->fd);
	return take_region(self, size);
}

FIXTURE_SETUP(region)
{
	int err = take_region(self, block_size());

	if (err == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	ASSERT_EQ(0, err);
}

/* In the parent, since a test that crashed frees nothing. */
FIXTURE_TEARDOWN_PARENT(region)
{
	EXPECT_EQ(0, enable(0));
}

/* To call first in the setup of a fixture with a region. Ends the setup if there is none. */
#define SETUP_REGION(region)				\
do {							\
	region_setup(_metadata, region, NULL);		\
	if (_metadata->exit_code)			\
		return;					\
} while (0)

static inline char *map_region(FIXTURE_DATA(region) *self)
{
	return mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
}

static inline char *map_at(FIXTURE_DATA(region) *self, u64 offset, u64 size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, offset);
}

/* What fill() writes at an offset: no two words of a region are the same. */
static inline u64 word_at(u64 offset)
{
	return (offset | 1) * 0x9e3779b97f4a7c15ULL;
}

/* Writes aligned words, as required for cache-inhibited memory. */
static inline void fill(char *map, u64 from, u64 to, u64 step)
{
	for (; from < to; from += step)
		*(volatile u64 *)(map + from) = word_at(from);
}

/* Returns the offset of the first word that differs from what fill() wrote, or @to. */
static inline u64 find_change(const char *map, u64 from, u64 to, u64 step)
{
	for (; from < to; from += step) {
		if (*(const volatile u64 *)(map + from) != word_at(from))
			return from;
	}
	return to;
}

/* Whether data that was read at @offset, which may be unaligned, is what fill() wrote. */
static inline bool read_as_filled(const char *read, u64 offset, u64 len)
{
	for (u64 end = offset + len; offset < end; offset++) {
		u64 word = word_at(offset & ~7ULL);

		if (*read++ != ((char *)&word)[offset & 7])
			return false;
	}
	return true;
}

/* Returns the largest power of two that a node gives, at least a block, or 0. */
static inline u64 largest_size(void)
{
	u64 size = block_size();

	while (!enable(size * 2))
		size *= 2;
	if (size == block_size() && enable(size))
		return 0;
	return enable(0) ? 0 : size;
}

/*
 * Makes a request, frees the memory, and returns the first error, or 0. Sets @took to the
 * duration of the request in microseconds.
 */
static inline int time_request(u64 size, useconds_t *took)
{
	struct timespec began, ended;
	int err, err_back;

	clock_gettime(CLOCK_MONOTONIC, &began);
	err = enable(size);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	err_back = enable(0);
	*took = (ended.tv_sec - began.tv_sec) * 1000000 + (ended.tv_nsec - began.tv_nsec) / 1000;
	return err ? err : err_back;
}

/*
 * Kills a writer some time after it has allocated memory, while it zeroes the memory. Returns
 * false if this was too late; the memory is then freed, too.
 */
static inline bool kill_writer(u64 size, u64 free_before, useconds_t after)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid)
		_exit(enable(size));

	while (!waitpid(pid, &status, WNOHANG) && free_memory() + size / 2 > free_before)
		sched_yield();
	usleep(after);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && !held())
		return true;
	enable(0);
	return false;
}

static inline void unload_memtrace(void)
{
	if (system("modprobe -r memtrace"))
		ksft_print_msg("memtrace could not be unloaded\n");
}

/*
 * Runs the tests of a file, with memtrace loaded. Does not free trace memory that
 * somebody is using.
 */
static inline int run_memtrace_tests(int argc, char **argv)
{
	if (geteuid())
		ksft_exit_skip("only root can use memtrace\n");

	if (access(MEMTRACE, F_OK)) {
		if (system("modprobe -q memtrace"))
			ksft_exit_skip("there is no memtrace here\n");
		atexit(unload_memtrace);
	}
	if (access(ENABLE, F_OK))
		ksft_exit_skip("there is no " ENABLE ", is debugfs mounted?\n");
	/* Also that of nodes that are not selected. */
	if (held() || next_region(0) >= 0)
		ksft_exit_skip("trace memory is in use\n");

	return test_harness_run(argc, argv);
}

#define MEMTRACE_TEST_MAIN				\
	int main(int argc, char **argv)			\
	{						\
		return run_memtrace_tests(argc, argv);	\
	}

#endif /* SELFTESTS_POWERPC_MEMTRACE_H */
