// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger reads and writes a mapping of trace through /proc/PID/mem and ptrace:
 * exactly the requested bytes, at any address.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "memtrace.h"

/* What is filled at the beginning of the region, and what a test may map of it. */
#define WINDOW (1024 * 1024)

static char data[WINDOW];

/* A region with @all of it mapped, and a debugger of the process itself. */
FIXTURE(debugger)
{
	FIXTURE_DATA(region) region;
	u64 page;
	u64 size;
	char *all;
	int mem;
};

FIXTURE_SETUP(debugger)
{
	SETUP_REGION(&self->region);
	self->page = getpagesize();
	self->size = self->region.size;
	self->all = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, self->all);
	fill(self->all, 0, WINDOW, sizeof(u64));
	fill(self->all, self->size - WINDOW, self->size, sizeof(u64));
	self->mem = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, self->mem);
}

FIXTURE_TEARDOWN_PARENT(debugger)
{
	region_teardown(_metadata, &self->region, NULL);
}

static ssize_t peek(FIXTURE_DATA(debugger) *self, const char *at, u64 len)
{
	return pread(self->mem, data, len, (u64)at);
}

/* Whether a debugger reads at @at the content of the region at @offset. */
static bool reads(FIXTURE_DATA(debugger) *self, const char *at, u64 offset, u64 len)
{
	return peek(self, at, len) == len && read_as_filled(data, offset, len);
}

/* Makes each byte of @data differ from the content of the region at @offset. */
static void change(u64 offset, u64 len)
{
	for (u64 i = 0; i < len; i++) {
		u64 word = word_at((offset + i) & ~7ULL);

		data[i] = ~((char *)&word)[(offset + i) & 7];
	}
}

/* Makes a debugger write such data at @at. */
static ssize_t poke(FIXTURE_DATA(debugger) *self, char *at, u64 offset, u64 len)
{
	change(offset, len);
	return pwrite(self->mem, data, len, (u64)at);
}

/* Whether of the first @WINDOW the bytes from @from to @to are changed, and no others. */
static bool is_changed(FIXTURE_DATA(debugger) *self, u64 from, u64 to)
{
	u64 first = from & ~7ULL, end = (to + 7) & ~7ULL;

	change(from, to - from);
	for (u64 i = first; i < end; i++) {
		u64 word = word_at(i & ~7ULL);
		char was = ((char *)&word)[i & 7];

		if (self->all[i] != (i < from || i >= to ? was : data[i - from]))
			return false;
	}
	return find_change(self->all, 0, first, sizeof(u64)) == first &&
	       find_change(self->all, end, WINDOW, sizeof(u64)) == WINDOW;
}

/*
 * Maps @size bytes from @offset on, with @hole bytes on both sides of them where nothing
 * is mapped.
 */
static char *map_alone(FIXTURE_DATA(debugger) *self, u64 offset, u64 size, u64 hole)
{
	char *area = mmap(NULL, size + 2 * hole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *map;

	if (area == MAP_FAILED)
		return area;
	map = mmap(area + hole, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   self->region.fd, offset);
	munmap(area, hole);
	munmap(area + hole + size, hole);
	return map;
}

#define EXPECT_NOT_REACHED(call)	\
do {					\
	errno = 0;			\
	EXPECT_EQ(-1, call);		\
	EXPECT_EQ(EIO, errno);		\
} while (0)

TEST_F(debugger, reads_any_length_at_any_address)
{
	u64 page = self->page, from = page;
	u64 edges[] = { from + 8, 2 * page, 5 * page };
	u64 lengths[] = { 1, 2, 3, 7, 8, 9, 127, 4095, page - 1, page, 2 * page + 5 };
	char *map = map_at(&self->region, from, 10 * page);

	ASSERT_NE(MAP_FAILED, map);
	for (int e = 0; e < ARRAY_SIZE(edges); e++) {
		for (int shift = -3; shift <= 3; shift++) {
			for (int l = 0; l < ARRAY_SIZE(lengths); l++) {
				u64 offset = edges[e] + shift, len = lengths[l];

				ASSERT_TRUE(reads(self, map + offset - from, offset, len))
					TH_LOG("0x%llx bytes at 0x%llx", len, offset);
			}
		}
	}
}

TEST_F(debugger, writes_any_length_at_any_address_and_nothing_else)
{
	u64 page = self->page, from = 2 * page;
	u64 edges[] = { from + 8, 3 * page };
	u64 lengths[] = { 1, 3, 8, 9, 4095, page, 2 * page + 5 };
	char *map = map_at(&self->region, from, 8 * page);

	ASSERT_NE(MAP_FAILED, map);
	for (int e = 0; e < ARRAY_SIZE(edges); e++) {
		for (int shift = -3; shift <= 3; shift += 3) {
			for (int l = 0; l < ARRAY_SIZE(lengths); l++) {
				u64 offset = edges[e] + shift, len = lengths[l];

				ASSERT_EQ(len, poke(self, map + offset - from, offset, len));
				ASSERT_TRUE(is_changed(self, offset, offset + len))
					TH_LOG("0x%llx bytes at 0x%llx", len, offset);
				fill(self->all, offset & ~7ULL, offset + len, sizeof(u64));
			}
		}
	}
}

TEST_F(debugger, reads_and_writes_the_first_and_the_last_byte)
{
	char *map = map_region(&self->region);
	u64 last = self->size - 1;

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(reads(self, map, 0, 1));
	EXPECT_TRUE(reads(self, map + last, last, 1));
	EXPECT_TRUE(reads(self, map + self->size - 3 * self->page + 1,
			  self->size - 3 * self->page + 1, 3 * self->page - 1));

	ASSERT_EQ(1, poke(self, map, 0, 1));
	EXPECT_TRUE(is_changed(self, 0, 1));
	ASSERT_EQ(1, poke(self, map + last, last, 1));
	change(last, 1);
	EXPECT_EQ(data[0], self->all[last]);
	EXPECT_EQ(last - 7, find_change(self->all, self->size - WINDOW, self->size, 8));
}

TEST_F(debugger, reads_up_to_the_end_of_a_mapping)
{
	u64 page = self->page, from = 3 * page, size = 3 * page, to = from + size;
	char *map = map_alone(self, from, size, 2 * page);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(1, peek(self, map + size - 1, 2));
	EXPECT_TRUE(read_as_filled(data, to - 1, 1));
	EXPECT_EQ(24, peek(self, map + size - 24, page));
	EXPECT_TRUE(read_as_filled(data, to - 24, 24));
	EXPECT_EQ(2 * page + 3, peek(self, map + page - 3, 5 * page));
	EXPECT_TRUE(read_as_filled(data, from + page - 3, 2 * page + 3));

	EXPECT_NOT_REACHED(peek(self, map + size, 1));
	EXPECT_NOT_REACHED(peek(self, map - 1, 2));
	EXPECT_NOT_REACHED(peek(self, map - page, 2 * page));
}

TEST_F(debugger, writes_up_to_the_end_of_a_mapping)
{
	u64 page = self->page, from = 3 * page, size = 3 * page, to = from + size;
	char *map = map_alone(self, from, size, 2 * page);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_NOT_REACHED(poke(self, map + size, to, 8));
	EXPECT_NOT_REACHED(poke(self, map - 8, from - 8, 16));
	EXPECT_TRUE(is_changed(self, 0, 0));

	EXPECT_EQ(24, poke(self, map + size - 24, to - 24, page));
	EXPECT_TRUE(is_changed(self, to - 24, to));
	fill(self->all, to - 24, to, 8);
	EXPECT_EQ(2 * page + 3, poke(self, map + page - 3, from + page - 3, 5 * page));
	EXPECT_TRUE(is_changed(self, from + page - 3, to));
}

/* Another part of the region is mapped right after the mapping, not the following part. */
TEST_F(debugger, reads_and_writes_on_in_the_next_mapping)
{
	u64 page = self->page, one = 2 * page, other = 9 * page;
	char *map = map_alone(self, one, 4 * page, page);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, mmap(map + 2 * page, 2 * page, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, self->region.fd, other));

	EXPECT_EQ(2 * page, peek(self, map + page + 5, 2 * page));
	EXPECT_TRUE(read_as_filled(data, one + page + 5, page - 5));
	EXPECT_TRUE(read_as_filled(data + page - 5, other, page + 5));

	/* One byte to each of the two mappings. */
	change(one + 2 * page - 1, 1);
	data[1] = ~*self->all;
	EXPECT_EQ(2, pwrite(self->mem, data, 2, (u64)map + 2 * page - 1));
	EXPECT_EQ(data[0], self->all[one + 2 * page - 1]);
	EXPECT_EQ(data[1], self->all[other]);
	*(volatile u64 *)(self->all + other) = word_at(other);
	EXPECT_TRUE(is_changed(self, one + 2 * page - 1, one + 2 * page));
}

TEST_F(debugger, reads_all_of_a_mapping_that_was_split)
{
	u64 page = self->page, from = 2 * page, size = 6 * page;
	char *map = map_at(&self->region, from, size);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + 2 * page, page, PROT_READ));
	EXPECT_TRUE(reads(self, map, from, size));
	EXPECT_TRUE(reads(self, map + page + 3, from + page + 3, 3 * page));
}

TEST_F(debugger, writes_up_to_what_became_read_only)
{
	u64 page = self->page, from = 2 * page, size = 6 * page;
	char *map = map_at(&self->region, from, size);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + 2 * page, page, PROT_READ));
	EXPECT_EQ(page - 3, poke(self, map + page + 3, from + page + 3, 3 * page));
	EXPECT_TRUE(is_changed(self, from + page + 3, from + 2 * page));
	EXPECT_NOT_REACHED(poke(self, map + 2 * page, from + 2 * page, 8));
	EXPECT_TRUE(is_changed(self, from + page + 3, from + 2 * page));

	fill(self->all, 0, WINDOW, sizeof(u64));
	EXPECT_EQ(8, poke(self, map + 3 * page, from + 3 * page, 8));
	EXPECT_TRUE(is_changed(self, from + 3 * page, from + 3 * page + 8));
}

TEST_F(debugger, reads_on_in_memory_of_another_kind)
{
	u64 page = self->page, from = 2 * page;
	char *before, *map = map_alone(self, from, 3 * page, page), *after;

	ASSERT_NE(MAP_FAILED, map);
	before = mmap(map - page, page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	after = mmap(map + 3 * page, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_NE(MAP_FAILED, before);
	ASSERT_NE(MAP_FAILED, after);
	memset(before, 0x11, page);
	memset(after, 0x22, page);

	EXPECT_EQ(5 * page - 2, peek(self, before + 1, 5 * page - 2));
	EXPECT_TRUE(read_as_filled(data + page - 1, from, 3 * page));
	EXPECT_EQ(0x11, data[page - 2]);
	EXPECT_EQ(0x22, data[4 * page - 1]);

	/* Writes to one do not change another. */
	EXPECT_EQ(2, pwrite(self->mem, "ab", 2, (u64)map - 1));
	EXPECT_EQ(2, pwrite(self->mem, "cd", 2, (u64)map + 3 * page - 1));
	EXPECT_EQ('a', before[page - 1]);
	EXPECT_EQ('b', self->all[from]);
	EXPECT_EQ('c', self->all[from + 3 * page - 1]);
	EXPECT_EQ('d', after[0]);
	fill(self->all, from, from + 8, 8);
	fill(self->all, from + 3 * page - 8, from + 3 * page, 8);
	EXPECT_TRUE(is_changed(self, 0, 0));
}

TEST_F(debugger, reads_and_writes_what_is_left_of_a_mapping)
{
	u64 page = self->page, from = 2 * page, size = 8 * page;
	char *map = map_alone(self, from, size, page);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map, 3 * page));
	ASSERT_EQ(0, munmap(map + 5 * page, page));
	EXPECT_NOT_REACHED(peek(self, map + 3 * page - 1, 2));
	EXPECT_EQ(2 * page, peek(self, map + 3 * page, size));
	EXPECT_TRUE(read_as_filled(data, from + 3 * page, 2 * page));
	EXPECT_NOT_REACHED(peek(self, map + 5 * page, 1));
	EXPECT_TRUE(reads(self, map + 6 * page, from + 6 * page, 2 * page));

	EXPECT_EQ(3, poke(self, map + 5 * page - 3, from + 5 * page - 3, 9));
	EXPECT_TRUE(is_changed(self, from + 5 * page - 3, from + 5 * page));
	fill(self->all, from + 5 * page - 8, from + 5 * page, 8);
	EXPECT_EQ(9, poke(self, map + 7 * page - 3, from + 7 * page - 3, 9));
	EXPECT_TRUE(is_changed(self, from + 7 * page - 3, from + 7 * page + 6));
}

TEST_F(debugger, reads_and_writes_where_a_mapping_was_moved_to)
{
	u64 page = self->page, from = 2 * page, size = 6 * page;
	char *map = map_alone(self, from, size, page), *moved = map_alone(self, 0, size, page);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, moved);
	/* Move the middle, which leaves two mappings behind. */
	ASSERT_EQ(moved + page, mremap(map + 2 * page, 2 * page, 2 * page,
				       MREMAP_MAYMOVE | MREMAP_FIXED, moved + page));
	EXPECT_TRUE(reads(self, moved + page, from + 2 * page, 2 * page));
	EXPECT_TRUE(reads(self, moved, 0, page));
	EXPECT_TRUE(reads(self, moved + 3 * page, 3 * page, 3 * page));
	EXPECT_EQ(2 * page, peek(self, map, size));
	EXPECT_TRUE(read_as_filled(data, from, 2 * page));
	EXPECT_NOT_REACHED(peek(self, map + 2 * page, 1));
	EXPECT_TRUE(reads(self, map + 4 * page, from + 4 * page, 2 * page));

	EXPECT_EQ(page, poke(self, moved + page + 3, from + 2 * page + 3, page));
	EXPECT_TRUE(is_changed(self, from + 2 * page + 3, from + 3 * page + 3));
}

TEST_F(debugger, does_not_write_what_was_opened_for_reading)
{
	int fd = open(node_file(self->region.node, "trace"), O_RDONLY);
	char *map = mmap(NULL, WINDOW, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(reads(self, map, 0, WINDOW));
	EXPECT_NOT_REACHED(poke(self, map + 8, 8, 8));
	EXPECT_TRUE(is_changed(self, 0, 0));
}

TEST_F(debugger, writes_what_can_be_written_at_the_time)
{
	char *map = mmap(NULL, WINDOW, PROT_READ, MAP_SHARED, self->region.fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(reads(self, map, 0, WINDOW));
	EXPECT_NOT_REACHED(poke(self, map + 8, 8, 8));
	EXPECT_TRUE(is_changed(self, 0, 0));

	ASSERT_EQ(0, mprotect(map, WINDOW, PROT_READ | PROT_WRITE));
	EXPECT_EQ(8, poke(self, map + 8, 8, 8));
	EXPECT_TRUE(is_changed(self, 8, 16));

	ASSERT_EQ(0, mprotect(map, WINDOW, PROT_READ));
	EXPECT_NOT_REACHED(poke(self, map + 64, 64, 8));
	EXPECT_TRUE(is_changed(self, 8, 16));
}

/* A debugger attached by PTRACE_TRACEME, which stops the process. */
static pid_t fork_traced(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)))
		return -1;
	return pid;
}

TEST_F(debugger, reads_and_writes_by_ptrace)
{
	u64 page = self->page, from = 2 * page, size = 4 * page, word;
	u64 at[] = { 0, 8, 3, page - 8, page - 3, 2 * page, size - 8 };
	char *map = map_alone(self, from, size, page);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	pid = fork_traced();
	ASSERT_LT(0, pid);
	for (int i = 0; i < ARRAY_SIZE(at); i++) {
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, map + at[i], NULL);
		EXPECT_EQ(0, errno);
		EXPECT_TRUE(read_as_filled((char *)&word, from + at[i], sizeof(word)));

		change(from + at[i], sizeof(word));
		ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, pid, map + at[i], *(u64 *)data));
		EXPECT_TRUE(is_changed(self, from + at[i], from + at[i] + sizeof(word)));
		fill(self->all, from, from + size, sizeof(u64));
	}

	errno = 0;
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, map + size - 4, NULL));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, map - 4, NULL));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST_F(debugger, reads_and_writes_what_another_process_has_mapped)
{
	u64 page = self->page, from = 2 * page, size = 4 * page;
	char *map = map_at(&self->region, from, size), path[64];
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	pid = fork_traced();
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, munmap(map, size));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	close(self->mem);
	self->mem = open(path, O_RDWR);
	ASSERT_LE(0, self->mem);

	EXPECT_TRUE(reads(self, map + 1, from + 1, size - 1));
	EXPECT_EQ(page, poke(self, map + page - 3, from + page - 3, page));
	EXPECT_TRUE(is_changed(self, from + page - 3, from + 2 * page - 3));

	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

/* That would have to pin pages. */
TEST_F(debugger, does_not_get_it_by_process_vm_readv)
{
	struct iovec to = { .iov_base = data, .iov_len = 8 };
	struct iovec own = { .iov_base = data + 8, .iov_len = 8 };
	struct iovec from = { .iov_base = self->all, .iov_len = 8 };

	if (process_vm_readv(getpid(), &to, 1, &own, 1, 0) != 8)
		SKIP(return, "process_vm_readv() reads nothing here: %s", strerror(errno));
	EXPECT_EQ(-1, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(is_changed(self, 0, 0));
}

TEST_F(debugger, leaves_a_mapping_as_it_is)
{
	char *map = map_at(&self->region, 0, WINDOW);

	ASSERT_NE(MAP_FAILED, map);
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(8, peek(self, map, 8));
	EXPECT_EQ(2, count_mappings(self->region.node));
	ASSERT_EQ(0, munmap(map, WINDOW));
	ASSERT_EQ(0, munmap(self->all, self->size));
	EXPECT_EQ(0, count_mappings(self->region.node));
	EXPECT_EQ(0, enable(0));
}

MEMTRACE_TEST_MAIN
