/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Injection of allocation failures: /proc/self/fail-nth makes the n-th allocation of a
 * system call fail.
 */
#ifndef SELFTESTS_POWERPC_MEMTRACE_FAULTS_H
#define SELFTESTS_POWERPC_MEMTRACE_FAULTS_H

#include "told.h"

#define FAIL_NTH "/proc/self/fail-nth"

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAIL_PAGE_ALLOC "/sys/kernel/debug/fail_page_alloc/"

/* With these settings, only the probability matters, and only for tasks with make-it-fail. */
static const char *const knobs[][2] = {
	{ FAILSLAB "probability", "0" },
	{ FAILSLAB "times", "-1" },
	{ FAILSLAB "space", "0" },
	{ FAILSLAB "interval", "1" },
	{ FAILSLAB "task-filter", "Y" },
	{ FAILSLAB "ignore-gfp-wait", "N" },
	{ FAILSLAB "verbose", "0" },
	{ FAIL_PAGE_ALLOC "probability", "0" },
	{ FAIL_PAGE_ALLOC "times", "-1" },
	{ FAIL_PAGE_ALLOC "space", "0" },
	{ FAIL_PAGE_ALLOC "interval", "1" },
	{ FAIL_PAGE_ALLOC "task-filter", "Y" },
	{ FAIL_PAGE_ALLOC "ignore-gfp-wait", "N" },
	{ FAIL_PAGE_ALLOC "ignore-gfp-highmem", "N" },
	{ FAIL_PAGE_ALLOC "min-order", "0" },
	{ FAIL_PAGE_ALLOC "verbose", "0" },
};

#define NR_KNOBS ARRAY_SIZE(knobs)

struct faults {
	int fail_nth;
	char before[NR_KNOBS][32];
};

/* Returns the name of a file that the kernel lacks, or NULL. */
static inline const char *begin_faults(struct faults *faults)
{
	faults->fail_nth = open(FAIL_NTH, O_RDWR);
	if (faults->fail_nth < 0)
		return FAIL_NTH;
	for (int i = 0; i < NR_KNOBS; i++) {
		read_file(knobs[i][0], faults->before[i], sizeof(faults->before[i]));
		if (write_text(knobs[i][0], knobs[i][1]))
			return knobs[i][0];
	}
	return NULL;
}

static inline void end_faults(struct faults *faults)
{
	for (int i = 0; i < NR_KNOBS; i++) {
		if (faults->before[i][0])
			write_text(knobs[i][0], faults->before[i]);
	}
}

/* Makes the n-th allocation of the next system call fail. */
static inline void arm(struct faults *faults, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(faults->fail_nth, text, strlen(text), 0) < 0)
		ksft_print_msg("fail-nth could not be written\n");
}

/* Returns whether a failure was injected. The file contains the number of calls left. */
static inline bool disarm(struct faults *faults)
{
	char text[16] = "";

	pread(faults->fail_nth, text, sizeof(text) - 1, 0);
	pwrite(faults->fail_nth, "0", 1, 0);
	return atoi(text) == 0;
}

/* Writes a size to enable, with the n-th allocation failing. Returns an error or 0. */
static inline int enable_with_fault(struct faults *faults, struct told *told, u64 size, int n,
				    bool *failed)
{
	int fd = open(ENABLE, O_WRONLY), err;
	char text[32];

	snprintf(text, sizeof(text), "0x%llx\n", size);
	told->elapsed = -now();
	arm(faults, n);
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	*failed = disarm(faults);
	told->elapsed += now();
	close(fd);
	return err;
}

#endif /* SELFTESTS_POWERPC_MEMTRACE_FAULTS_H */
