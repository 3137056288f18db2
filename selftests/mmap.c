// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping trace: what may be mapped and what may not, and that nothing is freed while
 * a process has it mapped.
 */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "memtrace.h"

#define MIB (1024 * 1024)

#define EXPECT_REFUSED(err, addr)					\
do {									\
	EXPECT_EQ(MAP_FAILED, addr);					\
	EXPECT_EQ(err, errno);						\
} while (0)

/* Whether nothing changed since the region was taken. */
static bool is_held(FIXTURE_DATA(region) *self)
{
	return held() == self->size && region_start(self->node) == self->start &&
	       region_size(self->node) == self->size;
}

TEST_F(region, can_be_written_and_read_through_a_mapping)
{
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	EXPECT_EQ(self->size, find_change(map, 0, self->size, 4096));
}

TEST_F(region, reads_what_was_written_through_a_mapping)
{
	char *map = map_region(self), data[4096];

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, sizeof(u64) * 64);
	for (u64 offset = 0; offset < self->size; offset += self->size / 16) {
		ASSERT_EQ(sizeof(u64), pread(self->fd, data, sizeof(u64), offset));
		EXPECT_TRUE(read_as_filled(data, offset, sizeof(u64)));
	}
}

TEST_F(region, can_be_mapped_twice)
{
	char *one = map_region(self), *other = map_region(self);

	ASSERT_NE(MAP_FAILED, one);
	ASSERT_NE(MAP_FAILED, other);
	fill(one, 0, MIB, sizeof(u64));
	EXPECT_EQ(MIB, find_change(other, 0, MIB, sizeof(u64)));
}

TEST_F(region, can_be_mapped_in_part)
{
	u64 page = getpagesize(), middle = self->size / 2 + page;
	char *all = map_region(self), *part = map_at(self, middle, page);

	ASSERT_NE(MAP_FAILED, all);
	ASSERT_NE(MAP_FAILED, part);
	fill(all, 0, self->size, page);
	EXPECT_EQ(word_at(middle), *(u64 *)part);
}

TEST_F(region, can_be_mapped_up_to_its_last_page)
{
	u64 page = getpagesize();
	char *all = map_region(self), *last = map_at(self, self->size - page, page);

	ASSERT_NE(MAP_FAILED, all);
	ASSERT_NE(MAP_FAILED, last);
	fill(all, 0, self->size, page);
	EXPECT_EQ(word_at(self->size - page), *(u64 *)last);
}

TEST_F(region, can_be_mapped_for_reading_alone)
{
	int fd = open(node_file(self->node, "trace"), O_RDONLY);
	char *map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, *(u64 *)map);
	EXPECT_EQ(-1, mprotect(map, self->size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_REFUSED(EACCES, mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
}

/* As gdb does it. */
TEST_F(region, a_debugger_reads_and_writes_a_mapping)
{
	u64 page = getpagesize(), middle = self->size / 2 + 24, word = 0;
	char *map = map_at(self, page, self->size - page);
	int fd = open("/proc/self/mem", O_RDWR);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_LE(0, fd);
	/* Before the process itself does. */
	ASSERT_EQ(sizeof(word), pread(fd, &word, sizeof(word), (u64)map + middle - page));
	EXPECT_EQ(0, word);

	word = word_at(middle);
	ASSERT_EQ(sizeof(word), pwrite(fd, &word, sizeof(word), (u64)map + middle - page));
	word = 0;
	ASSERT_EQ(sizeof(word), pread(self->fd, &word, sizeof(word), middle));
	EXPECT_EQ(word_at(middle), word);
	EXPECT_EQ(word_at(middle), *(u64 *)(map + middle - page));

	/* Up to its end, and not beyond. */
	EXPECT_EQ(sizeof(word), pread(fd, &word, sizeof(word), (u64)map + self->size - page - 8));
	munmap(map, self->size - page);
	EXPECT_EQ(-1, pread(fd, &word, sizeof(word), (u64)map));
}

TEST_F(region, a_debugger_does_not_write_what_cannot_be_written)
{
	int fd = open("/proc/self/mem", O_RDWR);
	u64 word = word_at(0);
	char *map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pwrite(fd, &word, sizeof(word), (u64)map));
	EXPECT_EQ(0, *(u64 *)map);
}

TEST(a_region_can_be_mapped_as_soon_as_it_is_seen)
{
	int node = next_memory_node(0), nr_seen = 0, status;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		bool seen = false;

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(enable(block_size()));

		while (!seen && !waitpid(pid, &status, WNOHANG)) {
			int fd = open(node_file(node, "trace"), O_RDWR);
			char *map;

			if (fd < 0)
				continue;
			seen = true;
			map = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, 0);
			EXPECT_NE(MAP_FAILED, map) {
				TH_LOG("mmap: %s", strerror(errno));
			}
			munmap(map, getpagesize());
			close(fd);
		}
		if (seen)
			waitpid(pid, &status, 0);
		nr_seen += seen;
		ASSERT_EQ(0, enable(0));
		if (WEXITSTATUS(status) == ENOMEM)
			SKIP(return, "no node has 0x%llx bytes to give", block_size());
	}
	EXPECT_LT(0, nr_seen);
}

TEST_F(region, is_mapped_by_few_faults)
{
	char *map = map_region(self);
	struct rusage before, after;

	ASSERT_NE(MAP_FAILED, map);
	getrusage(RUSAGE_SELF, &before);
	for (u64 offset = 0; offset < self->size; offset += getpagesize())
		EXPECT_EQ(0, *(volatile u64 *)(map + offset));
	getrusage(RUSAGE_SELF, &after);

	/* One for each page table, and a few for the stack and the like. */
	EXPECT_GE(self->size / (2 * MIB) + 16, after.ru_minflt - before.ru_minflt);
}

/* Moves a mapping to where large page table entries do not fit, and returns its address. */
static char *move(char *map, u64 size)
{
	u64 large = 1ULL << 30, page = getpagesize();
	char *to = mmap(NULL, size + 2 * large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED)
		return to;
	to += large - (u64)to % large + ((u64)map + 5 * page) % large;
	return mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

TEST_F(region, moves_with_its_mapping)
{
	char *map = map_region(self), *moved;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	moved = move(map, self->size);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(self->size, find_change(moved, 0, self->size, 4096));

	EXPECT_EQ(EBUSY, enable(0));
	munmap(moved, self->size);
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, moves_with_a_mapping_of_its_second_half)
{
	u64 half = self->size / 2;
	char *map = map_at(self, half, half), *moved;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, half, 4096);
	moved = move(map, half);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(half, find_change(moved, 0, half, 4096));
}

TEST_F(region, is_there_in_what_is_left_of_a_mapping)
{
	u64 page = getpagesize(), half = self->size / 2;
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	ASSERT_EQ(0, munmap(map, page));
	ASSERT_EQ(0, munmap(map + half, page));
	EXPECT_EQ(half, find_change(map, page, half, 4096));
	EXPECT_EQ(self->size, find_change(map, half + page, self->size, 4096));
}

TEST_F(region, is_there_in_a_mapping_of_which_a_part_became_read_only)
{
	u64 page = getpagesize(), half = self->size / 2;
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	ASSERT_EQ(0, mprotect(map + half, page, PROT_READ));
	EXPECT_EQ(self->size, find_change(map, 0, self->size, 4096));
	fill(map, 0, half, 4096);
	fill(map, half + page, self->size, 4096);
	EXPECT_EQ(self->size, find_change(map, 0, self->size, 4096));
}

TEST_F(region, is_there_for_a_child)
{
	char *map = map_region(self);
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);
	pid = fork();
	ASSERT_NE(-1, pid);
	if (!pid)
		_exit(find_change(map, 0, self->size, 4096) != self->size);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(region, is_not_mapped_private)
{
	EXPECT_REFUSED(EINVAL, mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				    self->fd, 0));
}

TEST_F(region, is_not_mapped_executable)
{
	EXPECT_REFUSED(EINVAL, mmap(NULL, self->size, PROT_READ | PROT_EXEC, MAP_SHARED,
				    self->fd, 0));
}

TEST_F(region, does_not_become_executable)
{
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, mprotect(map, self->size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

/* Until 2025 a mapping could reach beyond the end. */
TEST_F(region, is_not_mapped_beyond_its_end)
{
	u64 page = getpagesize();

	EXPECT_REFUSED(EINVAL, map_at(self, 0, self->size + page));
	EXPECT_REFUSED(EINVAL, map_at(self, page, self->size));
	EXPECT_REFUSED(EINVAL, map_at(self, self->size - page, 2 * page));
}

TEST_F(region, is_not_mapped_from_its_end_on)
{
	u64 page = getpagesize();

	EXPECT_REFUSED(EINVAL, map_at(self, self->size, page));
	EXPECT_REFUSED(EINVAL, map_at(self, 2 * self->size, page));
	EXPECT_REFUSED(EINVAL, map_at(self, 1ULL << 62, page));
}

TEST_F(region, is_not_mapped_where_the_offset_overflows)
{
	u64 page = getpagesize();

	/* Offsets beyond the maximum file size are rejected by the kernel itself. */
	EXPECT_EQ(MAP_FAILED, map_at(self, -page, page));
	EXPECT_EQ(MAP_FAILED, map_at(self, -page, 2 * page));
	EXPECT_EQ(MAP_FAILED, map_at(self, -self->size, self->size));
	EXPECT_EQ(MAP_FAILED, map_at(self, INT64_MAX - page + 1, 2 * page));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, a_mapping_does_not_grow)
{
	u64 half = self->size / 2;
	char *map = map_at(self, 0, half);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(MAP_FAILED, mremap(map, half, self->size, MREMAP_MAYMOVE));
}

TEST_F(region, mapped_memory_cannot_be_pinned)
{
	char *map = map_region(self);
	struct iovec iov = { .iov_base = map, .iov_len = 8 };
	int ends[2];

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, vmsplice(ends[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

/* Returns the flags that smaps shows of the mapping at @map, until the next call. */
static const char *vm_flags(const char *map)
{
	static char flags[256];
	FILE *f = fopen("/proc/self/smaps", "r");
	bool found = false;
	char line[512];
	u64 from, to;

	flags[0] = '\0';
	while (f && fgets(line, sizeof(line), f) && !flags[0]) {
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2)
			found = from == (u64)map;
		else if (found)
			sscanf(line, "VmFlags: %255[^\n]", flags);
	}
	if (f)
		fclose(f);
	return flags;
}

/* Not dumped, not extended, without pages that others may use, and never executable. */
TEST_F(region, a_mapping_is_marked_for_what_it_is)
{
	int fd = open(node_file(self->node, "trace"), O_RDONLY);
	char *map = map_region(self), *read_only;

	ASSERT_NE(MAP_FAILED, map);
	if (!*vm_flags(map))
		SKIP(return, "this kernel has no flags in /proc/self/smaps");
	EXPECT_STREQ("rd wr sh mr mw ms pf io de dd ", vm_flags(map));
	read_only = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, read_only);
	EXPECT_STREQ("rd mr ms pf io de dd ", vm_flags(read_only));
}

TEST_F(region, can_be_mapped_with_flags_that_others_take)
{
	int flags[] = { MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE, MAP_SHARED_VALIDATE };

	for (int i = 0; i < ARRAY_SIZE(flags); i++) {
		char *map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | flags[i],
				 self->fd, 0);

		ASSERT_NE(MAP_FAILED, map) TH_LOG("0x%x", flags[i]);
		fill(map, 0, MIB, 4096);
		EXPECT_EQ(MIB, find_change(map, 0, MIB, 4096));
		EXPECT_EQ(0, munmap(map, MIB));
	}
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, is_kept_while_it_is_mapped)
{
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, self->size, 4096);

	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_held(self));
	EXPECT_EQ(EBUSY, enable(self->size));
	EXPECT_TRUE(is_held(self));
	EXPECT_EQ(EBUSY, enable(1ULL << 62));
	EXPECT_TRUE(is_held(self));
	EXPECT_EQ(self->size, find_change(map, 0, self->size, 4096));
	fill(map, 0, MIB, 8);
	EXPECT_EQ(MIB, find_change(map, 0, MIB, 8));
}

TEST_F(region, is_kept_while_it_is_mapped_and_closed)
{
	ASSERT_NE(MAP_FAILED, map_region(self));
	close(self->fd);
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_held(self));
}

TEST_F(region, is_kept_while_one_page_is_mapped)
{
	u64 page = getpagesize();
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map, self->size / 2));
	EXPECT_EQ(EBUSY, enable(0));
	ASSERT_EQ(0, munmap(map + self->size / 2 + page, self->size / 2 - page));
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_held(self));

	ASSERT_EQ(0, munmap(map + self->size / 2, page));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, is_kept_while_two_ends_of_a_mapping_are_left)
{
	u64 page = getpagesize();
	char *map = map_region(self);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, self->size - 2 * page));
	EXPECT_EQ(EBUSY, enable(0));
	ASSERT_EQ(0, munmap(map, page));
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_held(self));

	ASSERT_EQ(0, munmap(map + self->size - page, page));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, is_given_back_after_the_last_of_two_mappings)
{
	char *one = map_region(self), *other = map_region(self);

	ASSERT_NE(MAP_FAILED, one);
	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(0, munmap(one, self->size));
	EXPECT_EQ(EBUSY, enable(0));
	ASSERT_EQ(0, munmap(other, self->size));
	EXPECT_EQ(0, enable(0));
}

/* Forks a child that is there until the pipe is closed, or this process dies. */
static pid_t fork_until_closed(int *to_close)
{
	int ends[2];
	pid_t pid;
	char c;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		read(ends[0], &c, 1);
		_exit(0);
	}
	close(ends[0]);
	*to_close = ends[1];
	return pid;
}

TEST_F(region, is_kept_while_a_child_has_it_mapped)
{
	char *map = map_region(self);
	int child;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	pid = fork_until_closed(&child);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, munmap(map, self->size));
	EXPECT_EQ(EBUSY, enable(0));
	EXPECT_TRUE(is_held(self));

	close(child);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, is_given_back_after_a_child_was_killed)
{
	char *map = map_region(self);
	int child;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	pid = fork_until_closed(&child);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, munmap(map, self->size));

	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, is_given_back_while_a_child_did_not_inherit_it)
{
	char *map = map_region(self);
	int child;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, madvise(map, self->size, MADV_DONTFORK));
	pid = fork_until_closed(&child);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, munmap(map, self->size));
	EXPECT_EQ(0, enable(0));

	close(child);
	waitpid(pid, NULL, 0);
}

TEST_F(region, a_mapping_counts_once_whatever_becomes_of_it)
{
	u64 page = getpagesize(), size = 8 * page;
	char *map = map_at(self, page, size), *moved = move(map, size);
	int child;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(1, count_mappings(self->node));
	pid = fork_until_closed(&child);
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, count_mappings(self->node));
	ASSERT_EQ(0, munmap(moved + 2 * page, page));
	ASSERT_EQ(0, mprotect(moved + 4 * page, page, PROT_READ));
	EXPECT_EQ(1, count_mappings(self->node));

	ASSERT_EQ(0, munmap(moved, size));
	EXPECT_EQ(1, count_mappings(self->node));
	close(child);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, count_mappings(self->node));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, each_mapping_counts)
{
	u64 page = getpagesize();
	char *maps[10];

	for (int i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(i, count_mappings(self->node));
		maps[i] = map_at(self, i % 2 ? 0 : 2 * page, page);
		ASSERT_NE(MAP_FAILED, maps[i]);
	}
	/* The first ones first, and one that replaces another. */
	for (int i = 0; i < 9; i++) {
		EXPECT_EQ(10 - i, count_mappings(self->node));
		ASSERT_EQ(0, munmap(maps[i], page));
	}
	ASSERT_EQ(maps[9], mmap(maps[9], page, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd, 0));
	EXPECT_EQ(1, count_mappings(self->node));
	ASSERT_EQ(0, munmap(maps[9], page));
	EXPECT_EQ(0, count_mappings(self->node));
}

TEST_F(region, mappings_of_a_process_that_was_killed_do_not_count)
{
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fill(map_region(self), 0, MIB, 4096);
		map_at(self, MIB, MIB);
		write(ready[1], "", 1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(2, count_mappings(self->node));
	EXPECT_EQ(EBUSY, enable(0));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, count_mappings(self->node));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, mappings_count_for_their_node)
{
	int other = next_region(self->node + 1);
	char *map = map_region(self), *map_of_other;

	if (other < 0)
		SKIP(return, "there is no region on a second node");
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(1, count_mappings(self->node));
	EXPECT_EQ(0, count_mappings(other));
	self->fd = open(node_file(other, "trace"), O_RDWR);
	map_of_other = map_region(self);
	ASSERT_NE(MAP_FAILED, map_of_other);
	munmap(map, self->size);
	EXPECT_EQ(0, count_mappings(self->node));
	EXPECT_EQ(1, count_mappings(other));
	EXPECT_EQ(EBUSY, enable(0));
	munmap(map_of_other, self->size);
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, what_is_written_to_one_node_does_not_show_on_another)
{
	int node, nr_nodes = 0, fds[16];
	u64 word;

	for (node = next_region(0); node >= 0 && nr_nodes < ARRAY_SIZE(fds);
	     node = next_region(node + 1)) {
		fds[nr_nodes] = open(node_file(node, "trace"), O_RDWR);
		self->fd = fds[nr_nodes++];
		*(volatile u64 *)map_region(self) = word_at(nr_nodes);
	}
	if (nr_nodes < 2)
		SKIP(return, "there is no region on a second node");
	for (int i = 0; i < nr_nodes; i++) {
		ASSERT_EQ(sizeof(word), pread(fds[i], &word, sizeof(word), 0));
		EXPECT_EQ(word_at(i + 1), word);
	}
}

TEST_F(region, a_refused_mapping_does_not_count)
{
	u64 page = getpagesize();

	EXPECT_EQ(MAP_FAILED, map_at(self, page, self->size));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(0, count_mappings(self->node));
}

TEST_F(region, a_refused_mapping_does_not_keep_it)
{
	EXPECT_EQ(MAP_FAILED, map_at(self, self->size, self->size));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(0, enable(0));
}

TEST_F(region, a_bad_size_is_refused_while_it_is_mapped)
{
	ASSERT_NE(MAP_FAILED, map_region(self));
	EXPECT_EQ(EINVAL, enable(self->size + 1));
	EXPECT_EQ(EINVAL, write_text(ENABLE, "on\n"));
	EXPECT_TRUE(is_held(self));
}

TEST_F(region, can_be_mapped_after_a_request_was_refused)
{
	char *map = map_region(self), *other;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(EBUSY, enable(0));
	other = map_region(self);
	ASSERT_NE(MAP_FAILED, other);
	munmap(map, self->size);
	munmap(other, self->size);
	ASSERT_EQ(EINVAL, enable(self->size + 1));
	map = map_region(self);
	ASSERT_NE(MAP_FAILED, map);
	fill(map, 0, MIB, 8);
	EXPECT_EQ(MIB, find_change(map, 0, MIB, 8));
	munmap(map, self->size);
	EXPECT_EQ(0, enable(0));
}

/* Allocates and frees until this process is killed, and counts the requests. */
static pid_t fork_requests(u64 size, volatile u64 *nr_requests)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0;;) {
		int err = enable(i % 2 ? size : 0);

		if (err && err != EBUSY && err != ENOMEM)
			_exit(err);
		if (err != EBUSY) {
			++*nr_requests;
			i++;
		}
	}
}

/* Each mapping is refused, or its region stays for as long as it is there. */
TEST_F(region, is_mapped_or_not_while_requests_come_and_go)
{
	volatile u64 *nr_requests = mmap(NULL, sizeof(u64), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 page = getpagesize(), word, seen;
	int nr_mapped = 0, status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)nr_requests);
	pid = fork_requests(self->size, nr_requests);
	ASSERT_LE(0, pid);
	/* Some mappings succeed between two requests, eventually. */
	while ((*nr_requests < 8 || (!nr_mapped && *nr_requests < 40)) &&
	       !waitpid(pid, &status, WNOHANG)) {
		char *map;
		int fd;

		/* That of the first region. */
		if (*nr_requests)
			EXPECT_REFUSED(EIO, map_region(self));
		fd = open(node_file(self->node, "trace"), O_RDWR);
		if (fd < 0) {
			EXPECT_EQ(ENOENT, errno);
			continue;
		}
		map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);
		if (map == MAP_FAILED) {
			EXPECT_EQ(EIO, errno);
			close(fd);
			continue;
		}
		seen = *nr_requests;
		nr_mapped++;
		*(volatile u64 *)map = word_at(nr_mapped);
		EXPECT_EQ(EBUSY, enable(0));
		EXPECT_EQ(EBUSY, enable(self->size));
		EXPECT_EQ(self->size, held());
		EXPECT_EQ(1, count_mappings(self->node));
		EXPECT_EQ(sizeof(word), pread(fd, &word, sizeof(word), page));
		EXPECT_EQ(word_at(nr_mapped), word);
		munmap(map, page);
		close(fd);
		while (*nr_requests <= seen && !waitpid(pid, &status, WNOHANG))
			sched_yield();
	}
	EXPECT_LE(8, *nr_requests);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (!nr_mapped)
		SKIP(return, "requests left no time to map a region");
}

TEST_F(region, memtrace_stays_loaded_while_it_is_mapped)
{
	char *map = map_region(self);

	if (access("/sys/module/memtrace/initstate", F_OK))
		SKIP(return, "memtrace is built in");
	ASSERT_NE(MAP_FAILED, map);
	close(self->fd);

	EXPECT_EQ(-1, syscall(__NR_delete_module, "memtrace", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	fill(map, 0, MIB, 8);
	EXPECT_EQ(MIB, find_change(map, 0, MIB, 8));
	ASSERT_EQ(0, munmap(map, self->size));
	EXPECT_EQ(0, enable(self->size));
}

MEMTRACE_TEST_MAIN
