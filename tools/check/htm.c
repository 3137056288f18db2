// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for the HTM, and the check of what it wrote.
 *
 * usage: htm write RAM START SIZE   on the host
 *        htm await TRACE HEAD       in the guest
 *        htm read TRACE HEAD
 *        htm map TRACE HEAD
 *        htm snapshot
 *
 * The stream is made of 64-bit words. Each is a function of its index, which
 * counts on from lap to lap, and tells that index. The head is the index of the
 * word that would come next.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1ULL << 20)
#define CHUNK_WORDS (CHUNK / sizeof(uint64_t))

/* Odd, so that it has an inverse. */
#define FACTOR 0x9e3779b97f4a7c15ULL
#define INVERSE 0xf1de83e19937733dULL
_Static_assert(FACTOR * INVERSE == 1, "index_of() undoes word_of()");

/* Stands at the head of a stream that was stopped. No word is like it. */
#define END (~0ULL)

/* Zero is what the region holds before the first word. */
static uint64_t word_of(uint64_t index)
{
	return (index + 1) * FACTOR;
}

static uint64_t index_of(uint64_t word)
{
	return word * INVERSE - 1;
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

/*
 * Returns where the stream in a region of @words ends, or the end of the lap if
 * it does not. @word_at gives the word at a position.
 */
static uint64_t find_head(uint64_t (*word_at)(uint64_t position), uint64_t words)
{
	uint64_t lap = index_of(word_at(0)), low = 0, high = words;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (index_of(word_at(middle)) == lap + middle)
			low = middle;
		else
			high = middle;
	}
	return lap + high;
}

static uint64_t *ram;

static uint64_t word_in_ram(uint64_t position)
{
	return ((volatile uint64_t *)ram)[position];
}

static uint64_t write_words(uint64_t head, uint64_t count, uint64_t words)
{
	uint64_t position = head % words;

	for (; count--; head++) {
		ram[position] = word_of(head);
		if (++position == words)
			position = 0;
	}
	return head;
}

/* Goes on where the last one stopped, for at least a lap, until a signal comes. */
static void write_stream(const char *path, uint64_t start, uint64_t size)
{
	uint64_t words = size / sizeof(uint64_t), head, began;
	int fd = open(path, O_RDWR);

	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);
	if (fd < 0 || ram == MAP_FAILED)
		err(1, "%s", path);

	began = head = word_in_ram(0) ? find_head(word_in_ram, words) : 0;
	while (!stopped || head < began + words)
		head = write_words(head, CHUNK_WORDS, words);

	/* Not at the border of anything, nor at the first word, which tells the lap. */
	do {
		head = write_words(head, CHUNK_WORDS / 3, words);
	} while (head % words == 0);
	__atomic_store_n(&ram[head % words], END, __ATOMIC_RELEASE);
	fprintf(stderr, "htm: wrote %llu laps of 0x%llx bytes\n",
		(unsigned long long)((head - began) / words), (unsigned long long)size);
}

/* As in linux/suspend_ioctls.h, which the headers of a C library lack. */
#define SNAPSHOT_FREEZE _IO('3', 1)
#define SNAPSHOT_CREATE_IMAGE _IOW('3', 17, int)

/* Has the kernel make an image of its memory, and reads all of it. */
static void take_snapshot(void)
{
	int fd = open("/dev/snapshot", O_RDONLY), in_suspend;
	static char page[1 << 16];
	ssize_t len;

	if (fd < 0 || ioctl(fd, SNAPSHOT_FREEZE) ||
	    ioctl(fd, SNAPSHOT_CREATE_IMAGE, &in_suspend))
		err(1, "/dev/snapshot");
	while ((len = read(fd, page, sizeof(page))) > 0)
		;
	if (len < 0)
		err(1, "/dev/snapshot");
}

static int trace;

static uint64_t word_in_trace(uint64_t position)
{
	uint64_t word;

	if (pread(trace, &word, sizeof(word), position * sizeof(word)) != sizeof(word))
		err(1, "trace");
	return word;
}

/* Waits until the stream ends at least a lap beyond @head, and prints where. */
static void await_end(uint64_t head, uint64_t words)
{
	uint64_t end;

	do {
		usleep(10000);
		end = find_head(word_in_trace, words);
	} while (end < head + words || word_in_trace(end % words) != END);
	printf("%llu\n", (unsigned long long)end);
}

/* Whether the stream up to @head is there, in full. */
static bool check(const volatile uint64_t *(*chunk_at)(uint64_t offset),
		  uint64_t head, uint64_t words)
{
	uint64_t lap = head - head % words, expected, position;

	for (position = 0; position < words; position++) {
		static const volatile uint64_t *chunk;
		uint64_t word;

		if (position % CHUNK_WORDS == 0)
			chunk = chunk_at(position * sizeof(word));
		word = chunk[position % CHUNK_WORDS];

		expected = word_of(lap + position);
		if (lap + position == head)
			expected = END;
		else if (lap + position > head)
			expected = word_of(lap + position - words);

		if (word != expected) {
			printf("# 0x%016llx instead of 0x%016llx at 0x%llx\n",
			       (unsigned long long)word, (unsigned long long)expected,
			       (unsigned long long)(position * sizeof(word)));
			return false;
		}
	}
	return true;
}

static const volatile uint64_t *read_chunk(uint64_t offset)
{
	static uint64_t chunk[CHUNK_WORDS];

	if (pread(trace, chunk, CHUNK, offset) != CHUNK)
		err(1, "trace");
	return chunk;
}

static char *map;

static const volatile uint64_t *mapped_chunk(uint64_t offset)
{
	return (const volatile uint64_t *)(map + offset);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	uint64_t head, words;
	struct stat stat;

	if (argc == 5 && !strcmp(argv[1], "write")) {
		sigaction(SIGTERM, &action, NULL);
		write_stream(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "snapshot")) {
		take_snapshot();
		return 0;
	}
	if (argc != 4)
		errx(1, "usage: htm write RAM START SIZE | await|read|map TRACE HEAD | snapshot");

	trace = open(argv[2], O_RDONLY);
	if (trace < 0 || fstat(trace, &stat))
		err(1, "%s", argv[2]);
	head = strtoull(argv[3], NULL, 0);
	words = stat.st_size / sizeof(uint64_t);

	if (!strcmp(argv[1], "await")) {
		await_end(head, words);
		return 0;
	}
	if (!strcmp(argv[1], "read"))
		return !check(read_chunk, head, words);

	map = mmap(NULL, stat.st_size, PROT_READ, MAP_SHARED, trace, 0);
	if (map == MAP_FAILED)
		err(1, "%s", argv[2]);
	return !check(mapped_chunk, head, words);
}
