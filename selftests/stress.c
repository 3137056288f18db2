// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes at once: two allocate and free, while others read, seek, splice, map,
 * fork and unmap. Each result is a documented one, and nobody ever sees a byte that was
 * not written to trace memory.
 */
#include <signal.h>
#include <sys/wait.h>

#include "memtrace.h"

#define ROUNDS 200

/* The size of a memory block, which all jobs work within. */
static u64 block;

/* What the mapping processes write. All else in a region is zero. */
#define MARK 0x5a

static int node_with_memory(void)
{
	int nodes[16], count = 0;

	for (int node = next_memory_node(0); node >= 0 && count < 16;
	     node = next_memory_node(node + 1))
		nodes[count++] = node;
	return count ? nodes[rand() % count] : 0;
}

/* Ends the process that got an answer which is not documented. */
#define answer(call, ...) do {						\
	static const int documented[] = { 0, __VA_ARGS__ };		\
	bool is_documented = false;					\
	int err = (call) < 0 ? errno : 0;				\
									\
	for (int i = 0; i < sizeof(documented) / sizeof(int); i++)	\
		is_documented |= err == documented[i];			\
	if (!is_documented) {						\
		ksft_print_msg("%s: %s\n", #call, strerror(err));	\
		_exit(KSFT_FAIL);					\
	}								\
} while (0)

static void check(const char *read, ssize_t len)
{
	for (ssize_t i = 0; i < len; i++) {
		if (read[i] && read[i] != MARK) {
			ksft_print_msg("a byte that nobody wrote: %#x\n", read[i]);
			_exit(KSFT_FAIL);
		}
	}
}

static void change_what_is_held(void)
{
	/* In blocks. One byte is not a block. */
	static const u64 sizes[] = { 0, 0, 1, 1, 2, 3 };
	u64 size = sizes[rand() % (sizeof(sizes) / sizeof(*sizes))] * block;
	int fd = open(ENABLE, O_RDWR);
	char text[32];

	/* More than there is, which takes long to learn. */
	if (!(rand() % 32))
		size = block << 20;

	answer(fd);
	snprintf(text, sizeof(text), "%llu\n", rand() % 8 ? size : 1);
	answer(write(fd, text, strlen(text)), EBUSY, EINVAL, ENOMEM);
	close(fd);
}

/* An offset in a region that leaves so many bytes after it. */
static u64 offset_before(u64 bytes)
{
	return rand() % (block - bytes);
}

static void read_somewhere(void)
{
	static char buffer[1 << 18];
	int fd = open(node_file(node_with_memory(), "trace"), O_RDONLY);
	ssize_t len;

	answer(fd, ENOENT);
	for (int i = 0; fd >= 0 && i < 20; i++) {
		len = pread(fd, buffer, 1 + rand() % sizeof(buffer), offset_before(0));
		answer(len, EIO);
		check(buffer, len);
	}
	close(fd);
}

static void seek_and_splice(void)
{
	int fd = open(node_file(node_with_memory(), "trace"), O_RDONLY);
	char buffer[4096];
	int pipes[2];

	answer(fd, ENOENT);
	if (fd < 0)
		return;
	answer(pipe(pipes));
	for (int i = 0; i < 20; i++) {
		ssize_t len;

		answer(lseek(fd, offset_before(0), SEEK_SET), EIO);
		answer(lseek(fd, -1 - rand() % (1 << 20), SEEK_END), EIO);
		len = splice(fd, NULL, pipes[1], NULL, sizeof(buffer), 0);
		answer(len, EIO);
		if (len > 0)
			check(buffer, read(pipes[0], buffer, len));
	}
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void touch(volatile char *map, size_t size)
{
	for (size_t i = 0; i < size; i += 1 << 16) {
		check((const char *)map + i, 1);
		map[i] = MARK;
	}
}

static void map_fork_and_unmap(void)
{
	size_t page = sysconf(_SC_PAGESIZE), size = page * (2 + rand() % 64);
	int fd = open(node_file(node_with_memory(), "trace"), O_RDWR);
	void *map;
	pid_t pid;

	answer(fd, ENOENT);
	if (fd < 0)
		return;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   offset_before(size) & -page);
	answer(map == MAP_FAILED ? -1 : 0, EIO);
	close(fd);
	if (map == MAP_FAILED)
		return;

	touch(map, size);
	pid = fork();
	answer(pid);
	if (!pid) {
		munmap(map, page);
		touch(map + page, size - page);
		_exit(0);
	}
	answer(munmap(map + size - page, page));
	touch(map, size - page);
	answer(waitpid(pid, NULL, 0));
	answer(munmap(map, size - page));
}

static void (*const jobs[])(void) = {
	change_what_is_held, change_what_is_held,
	read_somewhere, read_somewhere,
	map_fork_and_unmap, map_fork_and_unmap,
	seek_and_splice,
};

#define NR_JOBS (sizeof(jobs) / sizeof(*jobs))

/* Does its job ROUNDS times, and on until all others have done so too. */
static void work(void (*job)(void), int seed, volatile int *busy)
{
	srand(seed);
	for (int i = 0; i < ROUNDS || *busy; i++) {
		if (i == ROUNDS)
			__atomic_fetch_sub(busy, 1, __ATOMIC_RELAXED);
		job();
	}
	_exit(KSFT_PASS);
}

TEST_F(region, all_at_once_get_documented_answers_and_lose_nothing)
{
	volatile int *busy = mmap(NULL, sizeof(*busy), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 free_before;
	int status;

	ASSERT_NE(MAP_FAILED, busy);
	block = self->size;
	ASSERT_EQ(0, enable(0));
	free_before = settled_free_memory();

	*busy = NR_JOBS;
	for (int i = 0; i < NR_JOBS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			work(jobs[i], i, busy);
	}
	for (int i = 0; i < NR_JOBS; i++) {
		ASSERT_GT(wait(&status), 0);
		EXPECT_EQ(KSFT_PASS, status);
		/* One that failed does not count as busy for the others. */
		if (status)
			__atomic_fetch_sub(busy, 1, __ATOMIC_RELAXED);
	}

	EXPECT_EQ(0, enable(0));
	EXPECT_EQ(0, held());
	EXPECT_TRUE(free_memory_is_back(free_before));
}

MEMTRACE_TEST_MAIN
