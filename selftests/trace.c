// SPDX-License-Identifier: GPL-2.0
/*
 * Reading trace: what is in memory, from any place, into whatever can take it.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

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

TEST_F(trace, reads_to_memory_that_was_never_touched)
{
	char *data = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, data);
	ASSERT_EQ(3 * MIB, read(self->fd, data, 3 * MIB));
	EXPECT_TRUE(read_as_filled(data, 0, 3 * MIB));
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

TEST_F(trace, splices_nothing_past_the_end)
{
	loff_t at = self->size;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(0, splice(self->fd, &at, ends[1], NULL, 4096, 0));
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
