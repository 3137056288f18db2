// SPDX-License-Identifier: GPL-2.0
/*
 * Reading trace: the content of the memory, from any position, into any destination.
 */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "memtrace.h"

#define MIB (1024 * 1024)

/* A region whose first and last bytes are known. */
FIXTURE(trace)
{
	FIXTURE_DATA(region) region;
	u64 size;
	int fd;
};

FIXTURE_SETUP(trace)
{
	char *map;

	SETUP_REGION(&self->region);
	self->size = self->region.size;
	self->fd = self->region.fd;
	map = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, 4 * MIB, sizeof(u64));
	fill(map, self->size - 4 * MIB, self->size, sizeof(u64));
	munmap(map, self->size);
}

FIXTURE_TEARDOWN_PARENT(trace)
{
	region_teardown(_metadata, &self->region, NULL);
}

TEST_F(trace, reads_what_is_in_memory)
{
	static char data[3 * MIB];

	ASSERT_EQ(sizeof(data), read(self->fd, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
}

TEST_F(trace, reads_any_length_at_any_offset)
{
	u64 page = getpagesize();
	u64 edges[] = { 8, 4096, page, MIB, 2 * MIB, self->size - 2 * MIB };
	u64 lengths[] = { 1, 2, 3, 7, 8, 9, 127, 4095, page - 1, page, page + 1 };
	static char data[2 * MIB];

	for (int e = 0; e < ARRAY_SIZE(edges); e++) {
		for (int shift = -3; shift <= 3; shift++) {
			for (int l = 0; l < ARRAY_SIZE(lengths); l++) {
				u64 offset = edges[e] + shift, len = lengths[l];

				ASSERT_EQ(len, pread(self->fd, data, len, offset));
				ASSERT_TRUE(read_as_filled(data, offset, len))
					TH_LOG("0x%llx bytes at 0x%llx", len, offset);
			}
		}
	}
}

TEST_F(trace, reads_to_an_unaligned_buffer)
{
	static char data[MIB + 64];

	for (int shift = 1; shift < 64; shift += 7) {
		ASSERT_EQ(MIB, pread(self->fd, data + shift, MIB, 5));
		ASSERT_TRUE(read_as_filled(data + shift, 5, MIB));
	}
}

TEST_F(trace, reads_to_several_buffers_at_once)
{
	static char data[MIB + 3];
	struct iovec to[] = {
		{ .iov_base = data, .iov_len = 1 },
		{ .iov_base = data + 1, .iov_len = MIB },
		{ .iov_base = data + 1 + MIB, .iov_len = 2 },
	};

	ASSERT_EQ(sizeof(data), preadv(self->fd, to, ARRAY_SIZE(to), 13));
	EXPECT_TRUE(read_as_filled(data, 13, sizeof(data)));
}

TEST_F(trace, reads_on_where_the_last_read_ended)
{
	char data[100];

	for (u64 offset = 0; offset < 1000; offset += sizeof(data)) {
		ASSERT_EQ(sizeof(data), read(self->fd, data, sizeof(data)));
		EXPECT_TRUE(read_as_filled(data, offset, sizeof(data)));
	}
}

TEST_F(trace, reads_as_many_bytes_as_its_size)
{
	static char data[MIB];
	u64 sum = 0;
	ssize_t len;

	while ((len = read(self->fd, data, sizeof(data))) > 0)
		sum += len;
	EXPECT_EQ(0, len);
	EXPECT_EQ(self->size, sum);
}

TEST_F(trace, reads_less_at_the_end)
{
	char data[100];

	ASSERT_EQ(40, pread(self->fd, data, sizeof(data), self->size - 40));
	EXPECT_TRUE(read_as_filled(data, self->size - 40, 40));
}

TEST_F(trace, reads_nothing_past_the_end)
{
	char data[8];

	EXPECT_EQ(0, pread(self->fd, data, sizeof(data), self->size));
	EXPECT_EQ(0, pread(self->fd, data, sizeof(data), self->size + 1));
	EXPECT_EQ(0, pread(self->fd, data, sizeof(data), INT64_MAX - sizeof(data)));
}

TEST_F(trace, reads_nothing_before_the_start)
{
	char data[8];

	EXPECT_EQ(-1, pread(self->fd, data, sizeof(data), -1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(trace, reads_nothing_where_nothing_is_asked_for)
{
	u64 places[] = { 0, 1, self->size - 1, self->size, self->size + 1 };

	for (int i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(places[i], lseek(self->fd, places[i], SEEK_SET));
		EXPECT_EQ(0, read(self->fd, NULL, 0));
		EXPECT_EQ(0, readv(self->fd, NULL, 0));
		EXPECT_EQ(places[i], lseek(self->fd, 0, SEEK_CUR));
	}
}

TEST_F(trace, reads_no_more_than_it_says)
{
	char data[100];

	for (int left = 0; left <= 16; left++) {
		memset(data, 0x5c, sizeof(data));
		ASSERT_EQ(left, pread(self->fd, data, sizeof(data), self->size - left));
		EXPECT_TRUE(read_as_filled(data, self->size - left, left));
		for (int i = left; i < sizeof(data); i++)
			ASSERT_EQ(0x5c, data[i]);
	}
}

/* Each segment is the same buffer. */
TEST_F(trace, reads_all_of_it_at_once)
{
	static struct iovec to[1024];
	static char data[MIB];
	u64 len = self->size / ARRAY_SIZE(to);

	if (len > sizeof(data))
		SKIP(return, "one call does not read 0x%llx bytes", self->size);
	for (int i = 0; i < ARRAY_SIZE(to); i++)
		to[i] = (struct iovec) { .iov_base = data, .iov_len = len };
	ASSERT_EQ(self->size, readv(self->fd, to, ARRAY_SIZE(to)));
	EXPECT_TRUE(read_as_filled(data, self->size - len, len));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, read(self->fd, data, sizeof(data)));
}

TEST_F(trace, reads_to_many_small_buffers)
{
	static struct iovec to[1000];
	static char data[3 * ARRAY_SIZE(to)];

	for (int i = 0; i < ARRAY_SIZE(to); i++)
		to[i] = (struct iovec) { .iov_base = data + 3 * i, .iov_len = 3 };
	ASSERT_EQ(sizeof(data), preadv(self->fd, to, ARRAY_SIZE(to), MIB - 1001));
	EXPECT_TRUE(read_as_filled(data, MIB - 1001, sizeof(data)));
}

TEST_F(trace, each_open_file_has_a_position_of_its_own)
{
	int other = open(node_file(self->region.node, "trace"), O_RDONLY), same = dup(self->fd);
	char data[8];

	ASSERT_EQ(4096, lseek(self->fd, 4096, SEEK_SET));
	ASSERT_EQ(sizeof(data), read(other, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
	ASSERT_EQ(sizeof(data), read(same, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 4096, sizeof(data)));
	EXPECT_EQ(4096 + sizeof(data), lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(sizeof(data), lseek(other, 0, SEEK_CUR));
}

TEST_F(trace, pread_leaves_the_position)
{
	char data[8];

	ASSERT_EQ(17, lseek(self->fd, 17, SEEK_SET));
	ASSERT_EQ(sizeof(data), pread(self->fd, data, sizeof(data), 4096));
	EXPECT_EQ(17, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(trace, reads_where_it_was_sought_to)
{
	char data[64];

	ASSERT_EQ(self->size - 64, lseek(self->fd, self->size - 64, SEEK_SET));
	ASSERT_EQ(sizeof(data), read(self->fd, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, self->size - 64, sizeof(data)));
}

TEST_F(trace, seeks_from_the_position)
{
	ASSERT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	EXPECT_EQ(150, lseek(self->fd, 50, SEEK_CUR));
	EXPECT_EQ(30, lseek(self->fd, -120, SEEK_CUR));
}

TEST_F(trace, seeks_beyond_the_end_where_nothing_is_read)
{
	char data[8];

	EXPECT_EQ(self->size + 1, lseek(self->fd, self->size + 1, SEEK_SET));
	EXPECT_EQ(0, read(self->fd, data, sizeof(data)));
}

TEST_F(trace, seeks_from_the_end)
{
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(self->size - 1, lseek(self->fd, -1, SEEK_END));
	EXPECT_EQ(0, lseek(self->fd, -self->size, SEEK_END));
}

TEST_F(trace, is_data_up_to_its_end)
{
	EXPECT_EQ(4096, lseek(self->fd, 4096, SEEK_DATA));
	EXPECT_EQ(self->size - 1, lseek(self->fd, self->size - 1, SEEK_DATA));
	EXPECT_EQ(self->size, lseek(self->fd, 4096, SEEK_HOLE));
	EXPECT_EQ(-1, lseek(self->fd, self->size, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, self->size, SEEK_HOLE));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(trace, does_not_seek_before_the_start)
{
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, -1 - self->size, SEEK_END));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(trace, has_its_size_in_stat)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(self->size, st.st_size);
}

TEST_F(trace, has_its_size_before_it_is_opened)
{
	struct stat st;

	ASSERT_EQ(0, enable(self->size));
	ASSERT_EQ(0, stat(node_file(self->region.node, "trace"), &st));
	EXPECT_EQ(self->size, st.st_size);
}

TEST_F(trace, has_its_size_again_after_it_was_opened_to_be_overwritten)
{
	struct stat st;

	for (int i = 0; i < 2; i++) {
		close(open(node_file(self->region.node, "trace"), O_RDWR | O_TRUNC));
		close(open(node_file(self->region.node, "trace"), O_RDONLY));
		ASSERT_EQ(0, fstat(self->fd, &st));
		EXPECT_EQ(self->size, st.st_size);
	}
}

/* Until the next one opens it, its inode has no size. */
TEST_F(trace, is_all_there_after_it_was_opened_to_be_overwritten)
{
	char *map, last;

	close(open(node_file(self->region.node, "trace"), O_RDWR | O_TRUNC));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
	map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, self->size);
	EXPECT_EQ(1, pread(self->fd, &last, 1, self->size - 1));
}

TEST_F(trace, can_be_opened_for_reading_alone)
{
	int fd = open(node_file(self->region.node, "trace"), O_RDONLY);
	char data[8];

	ASSERT_EQ(sizeof(data), read(fd, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
	close(fd);
}

TEST_F(trace, cannot_be_written)
{
	char data[8] = "changed";

	EXPECT_EQ(-1, write(self->fd, data, sizeof(data)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->fd, data, sizeof(data), 4096));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(sizeof(data), read(self->fd, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
}

TEST_F(trace, cannot_be_written_in_any_other_way)
{
	struct iovec from = { .iov_base = "changed", .iov_len = 8 };
	int append = open(node_file(self->region.node, "trace"), O_RDWR | O_APPEND);
	int file = memfd_create("data", 0), ends[2];
	char data[8];

	ASSERT_LE(0, append);
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(8, write(file, "changed", 8));
	ASSERT_EQ(8, write(ends[1], "changed", 8));
	ASSERT_EQ(0, lseek(file, 0, SEEK_SET));

	EXPECT_EQ(-1, write(append, "changed", 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, writev(self->fd, &from, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, sendfile(self->fd, file, NULL, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, splice(ends[0], NULL, self->fd, NULL, 8, 0));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(sizeof(data), read(append, data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
}

TEST_F(trace, cannot_be_truncated)
{
	char data[8];

	ftruncate(self->fd, 0);
	close(open(node_file(self->region.node, "trace"), O_RDWR | O_TRUNC));
	ASSERT_EQ(sizeof(data), pread(self->fd, data, sizeof(data), self->size - 8));
	EXPECT_TRUE(read_as_filled(data, self->size - 8, sizeof(data)));
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
}

TEST_F(trace, does_not_read_to_a_bad_address)
{
	char *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, bad);
	EXPECT_EQ(-1, read(self->fd, bad, 4096));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(trace, reads_up_to_a_bad_address)
{
	u64 page = getpagesize();
	char *data = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t len;

	ASSERT_NE(MAP_FAILED, data);
	ASSERT_EQ(0, munmap(data + page, page));

	len = pread(self->fd, data, 2 * page, 0);
	ASSERT_LT(0, len);
	ASSERT_LE(len, page);
	EXPECT_TRUE(read_as_filled(data, 0, len));
}

/* Two pages, of which the second one can be written by nobody. */
static char *map_good_and_bad_page(u64 page)
{
	char *good = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (good != MAP_FAILED)
		mprotect(good + page, page, PROT_NONE);
	return good;
}

TEST_F(trace, reads_each_byte_before_a_bad_address)
{
	u64 page = getpagesize(), good[] = { 1, 2, 7, 8, 9, 15, 16, 17, 127, 128, 1000, page };
	u64 lengths[] = { page + 1, 3 * MIB, INT32_MAX };
	char *data = map_good_and_bad_page(page);

	ASSERT_NE(MAP_FAILED, data);
	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		for (int l = 0; l < ARRAY_SIZE(lengths); l++) {
			u64 offset = 2 * MIB - 5;

			ASSERT_EQ(offset, lseek(self->fd, offset, SEEK_SET));
			ASSERT_EQ(good[i], read(self->fd, data + page - good[i], lengths[l]));
			EXPECT_TRUE(read_as_filled(data + page - good[i], offset, good[i]));
			EXPECT_EQ(offset + good[i], lseek(self->fd, 0, SEEK_CUR));
			EXPECT_EQ(-1, read(self->fd, data + page, lengths[l]));
			EXPECT_EQ(EFAULT, errno);
			EXPECT_EQ(offset + good[i], lseek(self->fd, 0, SEEK_CUR));
		}
	}
}

TEST_F(trace, reads_to_each_buffer_before_a_bad_one)
{
	u64 page = getpagesize();
	char *bad = map_good_and_bad_page(page), data[100];
	struct iovec to[] = {
		{ .iov_base = data, .iov_len = 3 },
		{ .iov_base = data + 3, .iov_len = 50 },
		{ .iov_base = bad + page - 10, .iov_len = 20 },
		{ .iov_base = data + 53, .iov_len = 40 },
	};

	ASSERT_NE(MAP_FAILED, bad);
	memset(data, 0x5c, sizeof(data));
	ASSERT_EQ(5, lseek(self->fd, 5, SEEK_SET));
	ASSERT_EQ(63, readv(self->fd, to, ARRAY_SIZE(to)));
	EXPECT_TRUE(read_as_filled(data, 5, 53));
	EXPECT_TRUE(read_as_filled(bad + page - 10, 5 + 53, 10));
	EXPECT_EQ(0x5c, data[53]);
	EXPECT_EQ(5 + 63, lseek(self->fd, 0, SEEK_CUR));
}

/* The buffer is itself a mapping of the file, and is faulted in by the file. */
TEST_F(trace, reads_to_a_mapping_of_itself)
{
	u64 to = self->size / 2, len = 3 * MIB - 9;
	char *map = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, to);

	ASSERT_NE(MAP_FAILED, map);
	for (int touched = 0; touched < 2; touched++) {
		u64 offset = 5 + touched;

		ASSERT_EQ(len, pread(self->fd, map + 1, len, offset));
		EXPECT_TRUE(read_as_filled(map + 1, offset, len));
		EXPECT_EQ(0, map[0]);
		EXPECT_EQ(0, map[1 + len]);
	}
}

TEST_F(trace, reads_to_memory_that_was_never_touched)
{
	char *data = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, data);
	ASSERT_EQ(3 * MIB, read(self->fd, data, 3 * MIB));
	EXPECT_TRUE(read_as_filled(data, 0, 3 * MIB));
}

/*
 * Kills a process that has begun to read all of the region, and returns whether it died before
 * it was at the end.
 */
static bool kill_reader(FIXTURE_DATA(trace) *self, struct iovec *to, int count)
{
	volatile u64 *first = to[0].iov_base, *last = to[count - 1].iov_base;
	pid_t pid;

	*first = 0;
	*last = 0;
	pid = fork();
	if (!pid) {
		preadv(self->fd, to, count, 0);
		_exit(0);
	}
	while (pid > 0 && !*first && waitpid(pid, NULL, WNOHANG) != pid)
		;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return *first && !*last;
}

TEST_F(trace, is_not_read_on_by_a_process_that_was_killed)
{
	static struct iovec to[1024];
	static char data[2 * MIB];
	u64 *ends = mmap(NULL, 2 * sizeof(u64), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 len = (self->size - 2 * sizeof(u64)) / (ARRAY_SIZE(to) - 2);
	bool killed = false;

	ASSERT_NE(MAP_FAILED, (void *)ends);
	if (len > sizeof(data))
		SKIP(return, "one call does not read 0x%llx bytes", self->size);
	for (int i = 0; i < ARRAY_SIZE(to); i++)
		to[i] = (struct iovec) { .iov_base = data, .iov_len = len };
	to[0] = (struct iovec) { .iov_base = ends, .iov_len = sizeof(u64) };
	to[ARRAY_SIZE(to) - 1] = (struct iovec) { .iov_base = ends + 1, .iov_len = sizeof(u64) };

	/* The read may be finished before the kill. */
	for (int i = 0; i < 20 && !killed; i++)
		killed = kill_reader(self, to, ARRAY_SIZE(to));
	EXPECT_TRUE(killed);
}

TEST_F(trace, splices_to_a_pipe)
{
	char data[4096];
	loff_t at = 12345;
	int ends[2];
	ssize_t len;

	ASSERT_EQ(0, pipe(ends));
	len = splice(self->fd, &at, ends[1], NULL, sizeof(data), 0);
	ASSERT_EQ(sizeof(data), len);
	EXPECT_EQ(12345 + len, at);
	ASSERT_EQ(len, read(ends[0], data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, 12345, len));
}

TEST_F(trace, splices_what_is_left_before_the_end)
{
	loff_t at = self->size - 100;
	char data[4096];
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(100, splice(self->fd, &at, ends[1], NULL, sizeof(data), 0));
	EXPECT_EQ(self->size, at);
	ASSERT_EQ(100, read(ends[0], data, sizeof(data)));
	EXPECT_TRUE(read_as_filled(data, self->size - 100, 100));
}

TEST_F(trace, splices_from_its_position_on)
{
	static char data[3 * MIB];
	ssize_t len, sum = 0;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(77, lseek(self->fd, 77, SEEK_SET));
	while (sum < sizeof(data)) {
		len = splice(self->fd, NULL, ends[1], NULL, sizeof(data) - sum, 0);
		ASSERT_LT(0, len);
		for (ssize_t end = sum + len; sum < end; sum += len) {
			len = read(ends[0], data + sum, end - sum);
			ASSERT_LT(0, len);
		}
		ASSERT_EQ(77 + sum, lseek(self->fd, 0, SEEK_CUR));
	}
	EXPECT_TRUE(read_as_filled(data, 77, sizeof(data)));
}

TEST_F(trace, splices_nothing_past_the_end)
{
	loff_t at = self->size;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(0, splice(self->fd, &at, ends[1], NULL, 4096, 0));
}

TEST_F(trace, can_be_sent_to_a_socket)
{
	char data[4096];
	off_t at = 321;
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(sizeof(data), sendfile(ends[0], self->fd, &at, sizeof(data)));
	EXPECT_EQ(321 + sizeof(data), at);
	ASSERT_EQ(sizeof(data), recv(ends[1], data, sizeof(data), MSG_WAITALL));
	EXPECT_TRUE(read_as_filled(data, 321, sizeof(data)));
}

/* Where other files of debugfs end for sendfile(). */
TEST(it_is_sent_from_beyond_two_gigabytes)
{
	u64 size = 4ULL << 30;
	off_t at = size - 4096;
	int fd, ends[2], err = enable(size);

	if (err == ENOMEM)
		SKIP(return, "no node has as much to give");
	ASSERT_EQ(0, err);
	fd = open(node_file(next_region(0), "trace"), O_RDONLY);
	EXPECT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	EXPECT_EQ(4096, sendfile(ends[0], fd, &at, 4096));
	EXPECT_EQ(size, at);
	close(fd);
	ASSERT_EQ(0, enable(0));
}

TEST_F(trace, can_be_sent_to_a_file)
{
	int to = memfd_create("copy", 0);
	static char data[3 * MIB];
	u64 sum = 0;

	while (sum < sizeof(data)) {
		ssize_t len = sendfile(to, self->fd, NULL, sizeof(data) - sum);

		ASSERT_LT(0, len);
		sum += len;
	}
	ASSERT_EQ(sizeof(data), pread(to, data, sizeof(data), 0));
	EXPECT_TRUE(read_as_filled(data, 0, sizeof(data)));
}

MEMTRACE_TEST_MAIN
