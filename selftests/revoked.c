// SPDX-License-Identifier: GPL-2.0
/*
 * A file that is open while its memory is freed returns EIO from then on, even if the
 * same memory is allocated again.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>
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

TEST_F(revoked, trace_cannot_be_read_at_any_place)
{
	u64 size = self->region.size;
	u64 places[] = { 0, 1, 4096, size / 2, size - 1, size, size + 1, 1ULL << 40, 1ULL << 62 };
	static char data[1 << 16];
	struct iovec to = { .iov_base = data, .iov_len = sizeof(data) };

	GIVE_BACK();
	memset(data, 0x5c, sizeof(data));
	for (int i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EIO(pread(self->fd, data, 1, places[i]));
		EXPECT_EIO(preadv(self->fd, &to, 1, places[i]));
	}
	for (int i = 0; i < sizeof(data); i++)
		ASSERT_EQ(0x5c, data[i]);
}

TEST_F(revoked, trace_cannot_be_read_through_any_descriptor)
{
	int fds[] = {
		dup(self->fd),
		open(node_file(self->region.node, "trace"), O_RDONLY),
		open(node_file(self->region.node, "trace"), O_RDWR | O_APPEND),
	};
	char data[8], path[64];

	ASSERT_EQ(8, pread(fds[1], data, 8, self->region.size - 8));
	GIVE_BACK();
	for (int i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EIO(pread(fds[i], data, 8, 0));
		/* It cannot be reopened either. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		EXPECT_EQ(-1, open(path, O_RDONLY));
	}
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
	EXPECT_EIO(lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EIO(lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EIO(lseek(self->fd, 0, SEEK_HOLE));
}

TEST_F(revoked, trace_cannot_be_mapped)
{
	GIVE_BACK();
	EXPECT_EIO(map_region(&self->region));
	EXPECT_EIO(map_at(&self->region, 0, getpagesize()));
	EXPECT_EIO(map_at(&self->region, self->region.size, getpagesize()));
	EXPECT_EIO(mmap(NULL, getpagesize(), PROT_READ, MAP_PRIVATE, self->fd, 0));
}

TEST_F(revoked, trace_cannot_be_spliced)
{
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	GIVE_BACK();
	EXPECT_EIO(splice(self->fd, NULL, ends[1], NULL, 4096, 0));
}

TEST_F(revoked, trace_cannot_be_sent)
{
	int file = memfd_create("copy", 0);
	struct stat st;

	GIVE_BACK();
	EXPECT_EIO(sendfile(file, self->fd, NULL, 4096));
	ASSERT_EQ(0, fstat(file, &st));
	EXPECT_EQ(0, st.st_size);
}

TEST_F(revoked, start_and_size_that_were_read_cannot_be_read_again)
{
	int start = open(node_file(self->region.node, "start"), O_RDONLY);
	int size = open(node_file(self->region.node, "size"), O_RDONLY);
	char data[64];

	ASSERT_LT(0, read(start, data, sizeof(data)));
	ASSERT_EQ(1, read(size, data, 1));
	GIVE_BACK();
	EXPECT_EIO(pread(start, data, sizeof(data), 0));
	EXPECT_EIO(pread(size, data, sizeof(data), 0));
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

TEST_F(revoked, each_of_many_stays_revoked)
{
	char data[8];
	int fds[3];

	fds[0] = self->fd;
	for (int i = 1; i < ARRAY_SIZE(fds); i++) {
		ASSERT_EQ(0, enable(self->region.size));
		fds[i] = open(node_file(self->region.node, "trace"), O_RDWR);
		ASSERT_EQ(sizeof(data), read(fds[i], data, sizeof(data)));
		for (int old = 0; old < i; old++)
			EXPECT_EIO(pread(fds[old], data, sizeof(data), 0));
	}
	GIVE_BACK();
	for (int i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_EIO(pread(fds[i], data, sizeof(data), 0));
}

/* A reader gets zeroes or EIO, or finds no file, but never sees data of others. */
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
