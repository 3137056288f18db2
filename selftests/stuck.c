// SPDX-License-Identifier: GPL-2.0
/*
 * A region that could not be freed, for lack of memory for page tables of the linear
 * mapping: it stays owned and unused, and the next request tries again.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "faults.h"
#include "page_tables.h"

/* The number of the call that must fail for this, once a test has found it, or -1. */
static int *call_that_fails;

/* A region that is stuck after a request to give all back. */
FIXTURE(stuck)
{
	FIXTURE_DATA(region) region;
	struct faults faults;
	struct told told;
	u64 free_before;
};

/* A test that is left out has no teardown. */
#define LEAVE_OUT(...)					\
do {							\
	end_faults(&self->faults);			\
	end_told(&self->told);				\
	enable(0);					\
	SKIP(return, __VA_ARGS__);			\
} while (0)

FIXTURE_SETUP(stuck)
{
	const char *missing = begin_faults(&self->faults);
	int err = begin_told(&self->told);
	bool failed = true;
	int n = *call_that_fails ? *call_that_fails : 1;

	if (missing)
		LEAVE_OUT("this kernel has no %s", missing);
	if (n < 0)
		LEAVE_OUT("the linear mapping is restored without page tables");
	if (err == -ENOENT)
		LEAVE_OUT("the kernel has no tracepoints");
	ASSERT_EQ(0, err);
	self->free_before = settled_free_memory();
	SETUP_REGION(&self->region);

	for (; failed; n++) {
		listen_to(&self->told, self->region.size);
		err = enable_with_fault(&self->faults, &self->told, 0, n, &failed);
		if (err == EAGAIN) {
			*call_that_fails = n;
			return;
		}
		ASSERT_EQ(0, enable(self->region.size));
	}
	*call_that_fails = -1;
	LEAVE_OUT("the linear mapping is restored without page tables");
}

FIXTURE_TEARDOWN_PARENT(stuck)
{
	end_faults(&self->faults);
	end_told(&self->told);
	region_teardown(_metadata, &self->region, NULL);
}

/* The first node that is stuck, or -1. */
static int stuck_node(struct told *told)
{
	for (int i = 0; i < told->nr_rows; i++) {
		if (is_stuck(&told->rows[i]))
			return told->rows[i].node;
	}
	return -1;
}

TEST_F(stuck, is_told_everywhere)
{
	expect_told(_metadata, &self->told, 0, EAGAIN);
	EXPECT_EQ(1, self->told.nr_rows);
	EXPECT_EQ(self->region.size, held());
}

TEST_F(stuck, has_start_and_size_and_no_trace)
{
	struct event *row = self->told.rows;
	struct stat st;

	listen_to(&self->told, 0);
	ASSERT_EQ(1, self->told.nr_rows);
	EXPECT_EQ(row->node, next_region(0));
	EXPECT_EQ(-1, next_region(row->node + 1));
	EXPECT_EQ(first_byte(row), region_start(row->node));
	EXPECT_EQ(self->region.size, region_size(row->node));
	EXPECT_EQ(-1, stat(node_file(row->node, "trace"), &st));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(stuck, cannot_be_read_or_mapped_any_more)
{
	char data[8];

	EXPECT_EQ(-1, read(self->region.fd, data, sizeof(data)));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(MAP_FAILED, map_region(&self->region));
	EXPECT_EQ(EIO, errno);
}

TEST_F(stuck, is_given_back_by_the_next_request)
{
	listen_to(&self->told, 0);
	EXPECT_EQ(0, enable_and_time(&self->told, 0));
	expect_told(_metadata, &self->told, 0, 0);
	EXPECT_EQ(0, self->told.nr_rows);
	EXPECT_EQ(-1, next_region(0));
	EXPECT_TRUE(free_memory_is_back(self->free_before));
}

TEST_F(stuck, makes_way_for_the_next_request)
{
	listen_to(&self->told, 0);
	EXPECT_EQ(0, enable_and_time(&self->told, self->region.size));
	expect_told(_metadata, &self->told, self->region.size, 0);
	EXPECT_EQ(self->region.size, region_size(self->region.node));
	EXPECT_EQ(-1, stuck_node(&self->told));
}

/* Wherever it fails, nothing of it is left in the linear mapping, where it would be prefetched. */
TEST_F(stuck, is_not_in_the_linear_mapping)
{
	struct event *row = self->told.rows;
	bool failed = true;
	u64 start;

	if (!count_mapped_bytes(0, block_size()))
		SKIP(return, "debugfs does not show the linear mapping");
	listen_to(&self->told, 0);
	ASSERT_EQ(1, self->told.nr_rows);
	start = first_byte(row);
	EXPECT_EQ(0, count_mapped_bytes(start, self->region.size));
	for (int n = *call_that_fails; failed; n++) {
		int err = enable_with_fault(&self->faults, &self->told, 0, n, &failed);

		if (err != EAGAIN)
			break;
		EXPECT_EQ(0, count_mapped_bytes(start, self->region.size)) TH_LOG("call %d", n);
	}
	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(self->region.size, count_mapped_bytes(start, self->region.size));
}

/* While it cannot be freed, nothing else is allocated either. */
TEST_F(stuck, can_be_stuck_again)
{
	int node;
	bool failed;

	listen_to(&self->told, 0);
	node = stuck_node(&self->told);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(EAGAIN, enable_with_fault(&self->faults, &self->told,
						    i * self->region.size, *call_that_fails,
						    &failed));
		expect_told(_metadata, &self->told, i * self->region.size, EAGAIN);
		EXPECT_EQ(1, self->told.nr_rows);
		EXPECT_EQ(node, stuck_node(&self->told));
	}
}

TEST_F(stuck, stays_when_a_request_is_refused)
{
	listen_to(&self->told, 0);
	EXPECT_EQ(EINVAL, enable(1));
	expect_unchanged(_metadata, &self->told);
	EXPECT_EQ(EINVAL, write_text(ENABLE, "on\n"));
	expect_unchanged(_metadata, &self->told);
	EXPECT_EQ(self->region.size, held());
}

/* A request that cannot succeed anyway still tries again to free it. */
TEST_F(stuck, is_given_back_by_a_request_for_too_much)
{
	listen_to(&self->told, 0);
	EXPECT_EQ(ENOMEM, enable_and_time(&self->told, 1ULL << 62));
	expect_told(_metadata, &self->told, 1ULL << 62, ENOMEM);
	EXPECT_TRUE(free_memory_is_back(self->free_before));
}

TEST_F(stuck, is_given_back_when_memtrace_is_unloaded)
{
	if (access("/sys/module/memtrace/initstate", F_OK))
		SKIP(return, "memtrace is built in");
	/* Both keep it loaded. */
	close(self->region.fd);
	end_told(&self->told);
	unload_memtrace();
	EXPECT_NE(0, access(MEMTRACE, F_OK));
	EXPECT_TRUE(free_memory_is_back(self->free_before));

	ASSERT_EQ(0, system("modprobe memtrace"));
	EXPECT_EQ(0, held());
	EXPECT_EQ(0, enable(self->region.size));
}

/* How many of 100 calls that can fail do, of a task that asks for it. */
static bool set_failing(const char *probability)
{
	return !write_text(FAILSLAB "probability", probability) &&
	       !write_text(FAIL_PAGE_ALLOC "probability", probability);
}

/* Unloads memtrace while there is no memory at all. Returns an error or 0. */
static int unload_without_memory(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!set_failing("100") || write_text("/proc/self/make-it-fail", "1"))
			_exit(ENOENT);
		_exit(syscall(SYS_delete_module, "memtrace", 0) ? errno : 0);
	}
	waitpid(pid, &status, 0);
	set_failing("0");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* Whether the kernel says a line as an error, for whichever module. */
static bool says_error(int kmsg, const char *line)
{
	char record[1024];
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		if (strstr(record, line))
			return (atoi(record) & 7) == 3;
	}
	return false;
}

/* The last test: the kernel lacks this memory until it is booted again. */
TEST_F(stuck, is_said_to_be_lost_when_it_cannot_be_given_back_when_memtrace_is_unloaded)
{
	struct event *row = self->told.rows;
	char lost[128];
	int kmsg;

	if (access("/sys/module/memtrace/initstate", F_OK))
		SKIP(return, "memtrace is built in");
	listen_to(&self->told, 0);
	ASSERT_EQ(1, self->told.nr_rows);
	snprintf(lost, sizeof(lost),
		 ": 0x%llx bytes at 0x%016llx could not be mapped and are lost until the next boot",
		 self->region.size, first_byte(row));
	close(self->region.fd);
	end_told(&self->told);
	kmsg = open_log();
	ASSERT_LE(0, kmsg);

	EXPECT_EQ(0, unload_without_memory());
	EXPECT_TRUE(says_error(kmsg, lost)) TH_LOG("%s", lost);
	EXPECT_EQ(0, count_mapped_bytes(first_byte(row), self->region.size));

	/* All other memory can be allocated. */
	ASSERT_EQ(0, system("modprobe memtrace"));
	EXPECT_EQ(0, held());
	ASSERT_EQ(0, enable(self->region.size));
	EXPECT_NE(first_byte(row), region_start(row->node));
}

int main(int argc, char **argv)
{
	call_that_fails = mmap(NULL, sizeof(*call_that_fails), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (call_that_fails == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return run_memtrace_tests(argc, argv);
}
