// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody holds up a write to enable for ever: a writer can be killed, which
 * undoes all, and a reader whose buffer never comes does not count.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memtrace.h"

/* Returns the largest power of two that a node gives, at least a block, or 0. */
static u64 largest_size(void)
{
	u64 size = block_size();

	while (!enable(size * 2))
		size *= 2;
	if (size == block_size() && enable(size))
		return 0;
	return enable(0) ? 0 : size;
}

TEST(a_killed_writer_leaves_nothing_behind)
{
	u64 size = largest_size(), free_before;
	bool killed = false;
	int status;

	if (!size)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	free_before = free_memory();

	/* The writer may end before the signal comes. */
	for (int i = 0; i < 50 && !killed; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(enable(size));

		/* First it takes the memory, and then it zeroes it. */
		while (!waitpid(pid, &status, WNOHANG) &&
		       free_memory() + size / 2 > free_before)
			sched_yield();
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);

		killed = WIFSIGNALED(status) && !held();
		if (killed) {
			EXPECT_EQ(-1, next_region(0));
			EXPECT_TRUE(free_memory_is_back(free_before));
		}
		ASSERT_EQ(0, enable(0));
	}
	EXPECT_TRUE(killed);
}

struct reader {
	int fd;
	void *buffer;
	ssize_t result;
	int err;
};

static void *read_into_buffer(void *data)
{
	struct reader *reader = data;

	reader->result = pread(reader->fd, reader->buffer, getpagesize(), 0);
	reader->err = errno;
	return NULL;
}

TEST_F(region, is_given_back_although_a_reader_waits_for_its_buffer)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct reader reader = { .fd = self->fd };
	struct uffdio_zeropage zeropage = {};
	struct pollfd poll_uffd = { .events = POLLIN };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	pthread_t thread;

	if (uffd < 0)
		SKIP(return, "this kernel has no userfaultfd");
	poll_uffd.fd = uffd;
	reader.buffer = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, reader.buffer);
	range.range.start = (unsigned long)reader.buffer;
	range.range.len = getpagesize();
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &range));

	/* The reader has reached its buffer when the page is asked for. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_into_buffer, &reader));
	ASSERT_EQ(1, poll(&poll_uffd, 1, -1));

	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, held());

	zeropage.range = range.range;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zeropage));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-1, reader.result);
	EXPECT_EQ(EIO, reader.err);
}

MEMTRACE_TEST_MAIN
