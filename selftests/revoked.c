// SPDX-License-Identifier: GPL-2.0
/*
 * A file that is open while its memory is given back answers EIO from then on,
 * also when the same memory is taken again.
 */
#include <sys/wait.h>

#include "memtrace.h"

#define EXPECT_EIO(call)		\
do {					\
	errno = 0;			\
	EXPECT_EQ(-1, (long)(call));	\
	EXPECT_EQ(EIO, errno);		\
} while (0)

FIXTURE(revoked)
{
	FIXTURE_DATA(region) region;
	int fd;
};

FIXTURE_VARIANT(revoked)
{
	bool taken_again;
};

FIXTURE_VARIANT_ADD(revoked, given_back) { .taken_again = false };
FIXTURE_VARIANT_ADD(revoked, taken_again) { .taken_again = true };

FIXTURE_SETUP(revoked)
{
	SETUP_REGION(&self->region);
	self->fd = self->region.fd;
}

FIXTURE_TEARDOWN_PARENT(revoked)
{
	region_teardown(_metadata, &self->region, NULL);
}

#define GIVE_BACK() \
	ASSERT_EQ(0, enable(variant->taken_again ? self->region.size : 0))

TEST_F(revoked, trace_cannot_be_read)
{
	char data[8];

	GIVE_BACK();
	EXPECT_EIO(read(self->fd, data, sizeof(data)));
	EXPECT_EIO(pread(self->fd, data, sizeof(data), 4096));
	EXPECT_EIO(pread(self->fd, data, sizeof(data), self->region.size));
}

TEST_F(revoked, trace_cannot_be_read_on)
{
	char data[8];

	ASSERT_EQ(sizeof(data), read(self->fd, data, sizeof(data)));
	GIVE_BACK();
	EXPECT_EIO(read(self->fd, data, sizeof(data)));
}

TEST_F(revoked, trace_cannot_be_sought)
{
	GIVE_BACK();
	EXPECT_EIO(lseek(self->fd, 0, SEEK_SET));
	EXPECT_EIO(lseek(self->fd, 0, SEEK_END));
}

TEST_F(revoked, trace_cannot_be_mapped)
{
	GIVE_BACK();
	EXPECT_EIO(map_region(&self->region));
}

TEST_F(revoked, trace_cannot_be_spliced)
{
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	GIVE_BACK();
	EXPECT_EIO(splice(self->fd, NULL, ends[1], NULL, 4096, 0));
}

TEST_F(revoked, start_and_size_cannot_be_read)
{
	int start = open(node_file(self->region.node, "start"), O_RDONLY);
	int size = open(node_file(self->region.node, "size"), O_RDONLY);
	char data[8];

	GIVE_BACK();
	EXPECT_EIO(read(start, data, sizeof(data)));
	EXPECT_EIO(read(size, data, sizeof(data)));
}

TEST_F(revoked, trace_can_be_closed)
{
	GIVE_BACK();
	EXPECT_EQ(0, close(self->fd));
}

/* A reader gets zeroes, or EIO, or finds no file: never what others have there. */
TEST_F(region, readers_never_see_other_memory)
{
	int pipe_of_life[2], status;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipe_of_life));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		static char data[1 << 16], zeroes[1 << 16];

		close(pipe_of_life[1]);
		fcntl(pipe_of_life[0], F_SETFL, O_NONBLOCK);
		while (read(pipe_of_life[0], data, 1) < 0) {
			int fd = open(node_file(self->node, "trace"), O_RDONLY);
			ssize_t len;

			while ((len = read(fd, data, sizeof(data))) > 0) {
				if (memcmp(data, zeroes, len))
					_exit(1);
			}
			if (len < 0 && errno != EIO && fd >= 0)
				_exit(2);
			close(fd);
		}
		_exit(0);
	}

	for (int i = 0; i < 10; i++) {
		int err = enable(i % 2 ? self->size : 0);

		ASSERT_TRUE(!err || err == ENOMEM);
	}
	close(pipe_of_life[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

MEMTRACE_TEST_MAIN
