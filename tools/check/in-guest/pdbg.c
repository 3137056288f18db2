// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for the nest HTM of a POWER9, as far as pdbg can tell the difference.
 *
 * usage: nest-htm ACCESS BYTES PDBG [ARGUMENT...]
 *        nest-htm compare BYTES FILE
 *
 * The first runs pdbg, which finds the SCOMs in the file ACCESS. At each system call of pdbg,
 * the HTM does what was written to its registers before pdbg continues. A trace that pdbg stops
 * has BYTES, of which the last ones are in memory. One that may not wrap fills the memory.
 *
 * The second succeeds if FILE is the end of a trace of BYTES.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bits as IBM counts them. */
#define BIT(n) (1ULL << (63 - (n)))
#define BITS(first, last) ((BIT(first) - BIT(last)) | BIT(first))

/* The file of SCOMs, and where it has the registers. */
#define ACCESS_SIZE (1UL << 30)
#define OFFSET (0x5012880UL << 3)

enum { MODE, MEMORY, STATUS, LAST, TRIGGER, FLEX_MUX = 9 };

#define MODE_ENABLE BIT(0)
#define MODE_WRAP BIT(13)
#define MEMORY_ALLOCATED BIT(0)
#define MEMORY_SMALL BIT(13)
#define MEMORY_BASE BITS(14, 39)
#define MEMORY_SIZE(value) (((value) & BITS(40, 48)) >> 15)
#define STATUS_READY BIT(10)
#define STATUS_TRACING BIT(11)
#define STATUS_COMPLETE BIT(14)
#define TRIGGER_START BIT(0)
#define TRIGGER_STOP BIT(1)
#define TRIGGER_RESET BIT(4)
#define FLEX_MUX_DEFAULT (0xcb3456129ULL << 28)

static volatile uint64_t *regs;
static uint64_t trace_words;

/* A trace begins with a mark. */
static uint64_t word_at(uint64_t index)
{
	return index ? index * 0x9e3779b97f4a7c15ULL : 0x00f0efac;
}

/* To physical memory, of which the HTM knows no more than what is in its registers. */
static void write_trace(bool wrap)
{
	uint64_t base = regs[MEMORY] & MEMORY_BASE;
	uint64_t unit = regs[MEMORY] & MEMORY_SMALL ? 16 << 20 : 512 << 20;
	uint64_t size = unit * (MEMORY_SIZE(regs[MEMORY]) + 1), words = size / sizeof(uint64_t);
	uint64_t end = wrap ? trace_words : words, i;
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	volatile uint64_t *ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, base);

	if (ram == MAP_FAILED)
		err(1, "/dev/mem");
	for (i = end > words ? end - words : 0; i < end; i++)
		ram[i % words] = word_at(i);
	munmap((void *)ram, size);
	close(fd);
	regs[LAST] = base + ((end - 1) % words + 1) * sizeof(uint64_t);
}

static void do_what_was_written(void)
{
	bool wrap = regs[MODE] & MODE_WRAP;
	uint64_t trigger = regs[TRIGGER];
	static time_t began;

	regs[TRIGGER] = 0;
	if (trigger & TRIGGER_RESET && regs[MODE] & MODE_ENABLE && regs[MEMORY] & MEMORY_ALLOCATED)
		regs[STATUS] = STATUS_READY;
	if (trigger & TRIGGER_START && regs[STATUS] == STATUS_READY) {
		regs[STATUS] = STATUS_TRACING;
		began = time(NULL);
	}
	/* The memory is full after a second or two. */
	if (regs[STATUS] == STATUS_TRACING &&
	    (trigger & TRIGGER_STOP || (!wrap && time(NULL) > began + 1))) {
		write_trace(wrap);
		regs[STATUS] = STATUS_COMPLETE;
	}
}

static int run(char **argv)
{
	int status, signal;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[0], argv);
		err(1, "%s", argv[0]);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		do_what_was_written();
		signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, pid, NULL, signal);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int compare(const char *name)
{
	FILE *file = fopen(name, "r");
	uint64_t word, index;
	struct stat stat;

	if (!file || fstat(fileno(file), &stat))
		err(1, "%s", name);
	index = trace_words - stat.st_size / sizeof(word);
	for (; fread(&word, sizeof(word), 1, file) == 1; index++)
		if (word != word_at(index))
			errx(1, "%s: 0x%016llx is not word %lld", name,
			     (unsigned long long)word, (long long)index);
	return !(stat.st_size && index == trace_words);
}

int main(int argc, char **argv)
{
	void *map;

	if (argc < 4)
		errx(1, "usage: nest-htm ACCESS BYTES PDBG [ARGUMENT...] | compare BYTES FILE");
	trace_words = strtoull(argv[2], NULL, 0) / sizeof(uint64_t);
	if (!strcmp(argv[1], "compare"))
		return compare(argv[3]);

	map = mmap(NULL, ACCESS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   open(argv[1], O_RDWR), 0);
	if (map == MAP_FAILED)
		err(1, "%s", argv[1]);
	regs = (volatile uint64_t *)((char *)map + OFFSET);
	regs[FLEX_MUX] = FLEX_MUX_DEFAULT;
	return run(argv + 3);
}
