// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes at once: two change what is held, while others read, seek,
 * splice, map, fork and unmap. Each answer is one that is documented, and nobody
 * ever sees a byte that was not written to trace memory.
 */
#include <signal.h>
#include <sys/wait.h>

#include "memtrace.h"

#define ROUNDS 200

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
	/* In blocks. The last one is more than there is, and one byte is not a block. */
	static const u64 sizes[] = { 0, 0, 1, 1, 2, 3, 1ULL << 20 };
	u64 size = sizes[rand() % (sizeof(sizes) / sizeof(*sizes))] * block_size();
	int fd = open(ENABLE, O_RDWR);
	char text[32];

	answer(fd);
	snprintf(text, sizeof(text), "%llu\n", rand() % 8 ? size : 1);
	answer(write(fd, text, strlen(text)), EBUSY, EINVAL, ENOMEM);
	close(fd);
}

static void read_somewhere(void)
{
	static char buffer[1 << 18];
	int fd = open(node_file(node_with_memory(), "trace"), O_RDONLY);
	ssize_t len;

	answer(fd, ENOENT);
	for (int i = 0; fd >= 0 && i < 20; i++) {
		len = pread(fd, buffer, 1 + rand() % sizeof(buffer), rand() % (1 << 30));
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

		answer(lseek(fd, rand() % (1 << 30), SEEK_SET), EIO);
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
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * (rand() % 1024));
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

TEST(all_at_once_get_documented_answers_and_lose_nothing)
{
	volatile int *busy = mmap(NULL, sizeof(*busy), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 free_before;
	int status;

	ASSERT_NE(MAP_FAILED, busy);
	if (enable(block_size()) == ENOMEM)
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
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

#define POOL (128 << 10)

/* Any bytes, and those that numbers are made of. */
static void fill_pools(char *bytes, char *digits)
{
	static const char set[] = "0123456789abcdefxX-+\n \tKMG,";

	for (int i = 0; i < POOL; i++) {
		bytes[i] = rand();
		digits[i] = set[rand() % (sizeof(set) - 1)];
	}
}

TEST_F(region, stays_as_it_is_whatever_else_is_written_to_enable)
{
	static char bytes[POOL], digits[POOL];
	int refused = 0;

	srand(1);
	fill_pools(bytes, digits);
	for (int i = 0; i < 20000; i++) {
		const char *text = (rand() % 2 ? bytes : digits) + rand() % (POOL / 2);
		size_t len = rand() % (rand() % 4 ? 24 : POOL / 2);
		int fd = open(ENABLE, O_WRONLY);

		ASSERT_GE(fd, 0);
		if (rand() % 2)
			lseek(fd, rand(), SEEK_SET);
		if (write(fd, text, len) >= 0) {
			/* Zero, in one of its forms, or a size. */
			ASSERT_EQ(0, enable(self->size));
			close(fd);
			continue;
		}
		refused++;
		ASSERT_TRUE(errno == EINVAL || errno == ERANGE || errno == ENOMEM)
			TH_LOG("errno %d", errno);
		if (errno == ENOMEM)
			ASSERT_EQ(0, enable(self->size));
		close(fd);
		ASSERT_EQ(self->size, held());
	}
	TH_LOG("%d of 20000 were refused", refused);
}

MEMTRACE_TEST_MAIN
