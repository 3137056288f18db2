// SPDX-License-Identifier: GPL-2.0
/*
 * A write to enable never blocks forever: a writer can be killed, which undoes
 * everything, and a reader of trace whose buffer is never faulted in does not block it.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "memtrace.h"

#define MAX_KILLS 50

TEST(a_killed_writer_leaves_nothing_behind)
{
	u64 size = largest_size(), free_before;
	bool killed = false;

	if (!size)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	free_before = free_memory();

	for (int i = 0; i < MAX_KILLS && !killed; i++)
		killed = kill_writer(size, free_before, 0);
	ASSERT_TRUE(killed);
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
	EXPECT_TRUE(free_memory_is_back(free_before));
}

/* Whether status says that a signal kept a node from giving memory. */
static bool is_interrupted(void)
{
	int node = -1;

	while ((node = next_memory_node(node + 1)) >= 0 &&
	       !is_short_because(node, "interrupted by a signal"))
		;
	return node >= 0;
}

/* A writer that is killed, and the duration of a request that is not killed. */
FIXTURE(killed)
{
	FIXTURE_DATA(region) region;
	u64 free_before;
	int regions;
	int last;
	int kmsg;
	char log[MAX_LOG];
};

FIXTURE_VARIANT(killed)
{
	int signal;
};

FIXTURE_VARIANT_ADD(killed, by_sigkill) { .signal = SIGKILL };
FIXTURE_VARIANT_ADD(killed, by_sigterm) { .signal = SIGTERM };
FIXTURE_VARIANT_ADD(killed, by_sigint) { .signal = SIGINT };

FIXTURE_SETUP(killed)
{
	SETUP_REGION(&self->region);
	/* A shell has what it starts in the background ignore SIGINT. */
	signal(variant->signal, SIG_DFL);
	for (int node = -1; (node = next_region(node + 1)) >= 0;) {
		self->last = node;
		self->regions++;
	}
	ASSERT_EQ(0, enable(0));
	self->free_before = settled_free_memory();
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN_PARENT(killed)
{
	region_teardown(_metadata, &self->region, NULL);
}

static bool has_ended(pid_t pid)
{
	siginfo_t ended = {};

	return !waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT) && ended.si_pid;
}

/* Whether the writer is killed before its request is done. */
static bool kill_in_time(FIXTURE_DATA(killed) *self, pid_t pid, int signal)
{
	size_t len = strlen(self->log);
	int status;

	kill(pid, signal);
	waitpid(pid, &status, 0);
	read_log(self->kmsg, self->log + len);
	return WIFSIGNALED(status) && WTERMSIG(status) == signal && !held();
}

/* What is wrong after a writer was killed. */
static const char *find_remains(FIXTURE_DATA(killed) *self)
{
	if (held())
		return "enable reads a size";
	if (next_region(0) >= 0)
		return "a node has a directory";
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		if (has_state(node, "held") || has_state(node, "stuck"))
			return "status has a region";
	}
	if (!is_interrupted())
		return "status has no reason";
	if (count_lines(self->log, "6 Allocated trace memory ") !=
	    count_lines(self->log, "6 Freed trace memory "))
		return "the log does not tell that all was freed";
	return "";
}

/* The number of kills, at times from the allocation until shortly before exposure. */
#define KILLS 8

TEST_F(killed, leaves_nothing_but_the_reason)
{
	u64 size = self->region.size, free_now;
	useconds_t took;
	int kills = 0;
	char *map;

	ASSERT_EQ(0, time_request(size, &took));

	for (int i = 0; i < KILLS || (!kills && i < MAX_KILLS); i++) {
		pid_t pid;

		read_log(self->kmsg, self->log);
		free_now = settled_free_memory();
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(enable(size));
		while (free_memory() + size / 2 > free_now && !has_ended(pid))
			sched_yield();
		usleep(took / KILLS * (i % KILLS));
		self->log[0] = '\0';
		if (kill_in_time(self, pid, variant->signal)) {
			kills++;
			EXPECT_STREQ("", find_remains(self)) TH_LOG("kill %d", i);
		}
		ASSERT_EQ(0, enable(0));
	}
	ASSERT_LT(0, kills);
	EXPECT_TRUE(free_memory_is_back(self->free_before));

	/* The next writer gets all memory, and processes can map it. */
	ASSERT_EQ(0, enable(size));
	EXPECT_FALSE(is_interrupted());
	for (int node = -1; (node = next_region(node + 1)) >= 0;)
		self->regions--;
	EXPECT_EQ(0, self->regions);
	self->region.fd = open(node_file(self->region.node, "trace"), O_RDWR);
	map = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, size);
}

/* Runs on a CPU of @node from now on, if it has one. */
static void run_on(int node)
{
	char path[96];
	cpu_set_t cpus;
	FILE *f;
	int cpu;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	f = fopen(path, "r");
	CPU_ZERO(&cpus);
	if (f && fscanf(f, "%d", &cpu) == 1) {
		CPU_SET(cpu, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	if (f)
		fclose(f);
}

/* Waits for a line of the log, or the end of a process that had to write it. */
static void wait_for_line(FIXTURE_DATA(killed) *self, const char *begin, pid_t pid)
{
	struct pollfd poll_kmsg = { .fd = self->kmsg, .events = POLLIN };

	do {
		poll(&poll_kmsg, 1, 100);
		read_log(self->kmsg, self->log);
	} while (!count_lines(self->log, begin) && !has_ended(pid));
}

/*
 * The writer runs where the memory of the last node is zeroed, which thus takes longer
 * than that of the first.
 */
TEST_F(killed, between_two_nodes_leaves_nothing_of_either)
{
	bool killed = false;

	if (self->regions < 2)
		SKIP(return, "there is one region only");
	for (int i = 0; i < MAX_KILLS && !killed; i++) {
		pid_t pid;

		read_log(self->kmsg, self->log);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			run_on(self->last);
			_exit(enable(self->region.size));
		}
		wait_for_line(self, "6 Allocated trace memory ", pid);
		killed = kill_in_time(self, pid, variant->signal) &&
			 count_lines(self->log, "6 Allocated trace memory ") < self->regions;
		if (!killed)
			ASSERT_EQ(0, enable(0));
	}
	ASSERT_TRUE(killed);
	EXPECT_LT(0, count_lines(self->log, "6 Allocated trace memory ")) TH_LOG("%s", self->log);
	EXPECT_STREQ("", find_remains(self)) TH_LOG("%s", self->log);
	EXPECT_TRUE(free_memory_is_back(self->free_before));
	EXPECT_EQ(0, enable(self->region.size));
}

/* Whether the kernel's log has @text, from where it was read last. */
static bool log_has(int kmsg, const char *text)
{
	char record[8192];
	bool found = false;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len > 0) {
			record[len] = '\0';
			found |= !!strstr(record, text);
		}
	}
	return found;
}

/*
 * Free pages have a pattern, which the kernel looks for when they are taken again, by
 * the next writer: nobody may have zeroed them meanwhile.
 */
TEST(a_killed_writer_has_no_hands_in_memory_that_is_free)
{
	FILE *cmdline = fopen("/proc/cmdline", "r");
	u64 size = largest_size(), free_before;
	char options[4096] = "";
	int kmsg = open_log();
	useconds_t took;
	int killed = 0;

	ASSERT_NE(NULL, cmdline);
	fgets(options, sizeof(options), cmdline);
	fclose(cmdline);
	if (!strstr(options, "page_poison=1"))
		SKIP(return, "free pages have no pattern without page_poison=1");
	if (!size)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	free_before = free_memory();

	/* A kernel with KASAN zeroes 20 MiB in a second, which are allocated many times below. */
	do {
		ASSERT_EQ(0, time_request(size, &took));
	} while (took > 4000000 && size > block_size() && (size /= 2));

	/* At different times, from when no worker has begun to when all is nearly done. */
	for (int i = 0; i < 8; i++) {
		killed += kill_writer(size, free_before, took / 8 * i);
		ASSERT_EQ(0, enable(size));
		ASSERT_EQ(0, enable(0));
		ASSERT_FALSE(log_has(kmsg, "pagealloc: "));
	}
	EXPECT_LT(0, killed);
}

static void do_nothing(int signal)
{
}

/* Sends this process signals all the time, with a handler that does nothing. */
static int send_signals(void)
{
	struct sigaction action = { .sa_handler = do_nothing };
	struct itimerval often = { { .tv_usec = 1000 }, { .tv_usec = 1000 } };

	return sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL);
}

static void send_no_signals(void)
{
	struct itimerval never = {};

	setitimer(ITIMER_REAL, &never, NULL);
}

/* Only what kills the process is a reason to stop. */
TEST_F(region, is_taken_although_the_writer_gets_a_signal)
{
	char text[32];
	int fd = open(ENABLE, O_WRONLY);
	ssize_t len;

	snprintf(text, sizeof(text), "%llu\n", self->size);
	ASSERT_EQ(0, send_signals());
	len = write(fd, text, strlen(text));
	send_no_signals();
	EXPECT_EQ(strlen(text), len) TH_LOG("%s", strerror(errno));
	EXPECT_EQ(self->size, held());
	close(fd);
}

TEST_F(region, is_read_on_although_the_reader_gets_a_signal)
{
	u64 size = self->size < 256 << 20 ? self->size : 256 << 20;
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t len;

	ASSERT_NE(MAP_FAILED, data);
	ASSERT_EQ(0, send_signals());
	len = pread(self->fd, data, size, 0);
	send_no_signals();
	EXPECT_EQ(size, len) TH_LOG("%s", strerror(errno));
}

struct reader {
	int fd;
	void *buffer;
	ssize_t result;
	int err;
	pthread_t thread;
};

static void *read_into_buffer(void *data)
{
	struct reader *reader = data;

	reader->result = pread(reader->fd, reader->buffer, getpagesize(), 0);
	reader->err = errno;
	return NULL;
}

/* Starts a read into a buffer that is never faulted in. Returns the userfaultfd or an error. */
static int begin_to_read(struct reader *reader)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct pollfd poll_uffd = { .fd = uffd, .events = POLLIN };

	if (uffd < 0)
		return -ENODEV;
	reader->buffer = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (unsigned long)reader->buffer;
	range.range.len = getpagesize();
	/* The reader has reached its buffer when the page is asked for. */
	if (reader->buffer == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &range) ||
	    pthread_create(&reader->thread, NULL, read_into_buffer, reader) ||
	    poll(&poll_uffd, 1, -1) != 1 || poll_uffd.revents != POLLIN) {
		close(uffd);
		return -EIO;
	}
	return uffd;
}

TEST_F(region, is_given_back_although_a_reader_waits_for_its_buffer)
{
	struct uffdio_zeropage zeropage = {};
	struct reader reader = { .fd = self->fd };
	int uffd = begin_to_read(&reader);

	if (uffd == -ENODEV)
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_LE(0, uffd);

	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, held());

	zeropage.range.start = (unsigned long)reader.buffer;
	zeropage.range.len = getpagesize();
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zeropage));
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	EXPECT_EQ(-1, reader.result);
	EXPECT_EQ(EIO, reader.err);
}

/*
 * Begins to read @path in another process, which stays where it waits, but not longer
 * than this one. Returns its pid, or an error.
 */
static pid_t stop_while_reading(const char *path)
{
	struct reader reader = {};
	int ends[2], uffd = -EIO;
	pid_t pid;

	if (pipe(ends))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		reader.fd = open(path, O_RDONLY);
		uffd = begin_to_read(&reader);
		write(ends[1], &uffd, sizeof(uffd));
		if (uffd >= 0)
			pause();
		_exit(1);
	}
	close(ends[1]);
	read(ends[0], &uffd, sizeof(uffd));
	close(ends[0]);
	if (uffd >= 0)
		return pid;
	waitpid(pid, NULL, 0);
	return uffd;
}

/* By then, the memory has been freed, and the reader can be killed. */
TEST_F(region, is_given_back_although_a_reader_of_start_waits)
{
	int kmsg = open_log(), status;
	pid_t reader, writer;

	reader = stop_while_reading(node_file(self->node, "start"));
	if (reader == -ENODEV)
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_LT(0, reader);
	writer = fork();
	ASSERT_LE(0, writer);
	if (!writer)
		_exit(enable(0));
	while (!log_has(kmsg, "Freed trace memory back on node ") && !has_ended(writer))
		sched_yield();

	kill(reader, SIGKILL);
	waitpid(reader, &status, 0);
	ASSERT_EQ(writer, waitpid(writer, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, held());
}

MEMTRACE_TEST_MAIN
