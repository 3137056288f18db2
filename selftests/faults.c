// SPDX-License-Identifier: GPL-2.0
/*
 * Every call that can fail for want of memory fails once, one after the other,
 * while trace memory is taken, mapped, read and given back.
 *
 * The n-th call of a system call fails by /proc/self/fail-nth, for n from 1 on
 * until a system call ends before it has made n such calls.
 */
#include "memtrace.h"

#define FAIL_NTH "/proc/self/fail-nth"

static const char *const knobs[][2] = {
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/failslab/verbose", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
};

#define NR_KNOBS ARRAY_SIZE(knobs)

static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size - 1);

	close(fd);
	text[len > 0 ? len : 0] = 0;
	return len < 0 ? -1 : 0;
}

FIXTURE(faults)
{
	FIXTURE_DATA(region) region;
	char before[NR_KNOBS][32];
	int fail_nth;
	u64 free_before;
};

FIXTURE_SETUP(faults)
{
	/* Also fills the caches that one cycle leaves behind. */
	SETUP_REGION(&self->region);
	ASSERT_EQ(0, enable(0));

	self->fail_nth = open(FAIL_NTH, O_RDWR);
	if (self->fail_nth < 0)
		SKIP(return, "this kernel has no " FAIL_NTH);
	for (int i = 0; i < NR_KNOBS; i++) {
		if (read_text(knobs[i][0], self->before[i], sizeof(self->before[i])) ||
		    write_text(knobs[i][0], knobs[i][1]))
			SKIP(return, "this kernel has no %s", knobs[i][0]);
	}
	self->free_before = settled_free_memory();
}

FIXTURE_TEARDOWN_PARENT(faults)
{
	for (int i = 0; i < NR_KNOBS; i++) {
		if (self->before[i][0])
			write_text(knobs[i][0], self->before[i]);
	}
	region_teardown(_metadata, &self->region, NULL);
}

/* The next system call's n-th call that can fail will. */
static void arm(int fail_nth, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(fail_nth, text, strlen(text), 0) < 0)
		ksft_print_msg("fail-nth could not be written\n");
}

/* Returns whether a call failed. The file tells how many more it would have taken. */
static bool disarm(int fail_nth)
{
	char text[16] = "";

	pread(fail_nth, text, sizeof(text) - 1, 0);
	pwrite(fail_nth, "0", 1, 0);
	return atoi(text) == 0;
}

/* How many nodes are in this state, by the status file. */
static int count_in_status(const char *state)
{
	char name[16], line[256];
	FILE *f = fopen(STATUS, "r");
	int count = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %15s", name) == 1 && !strcmp(name, state))
			count++;
	}
	if (f)
		fclose(f);
	return count;
}

static int count_regions(void)
{
	int count = 0;

	for (int node = next_region(0); node >= 0; node = next_region(node + 1))
		count++;
	return count;
}

/* What is said to be held is there, and nothing else. */
#define EXPECT_TRUTH() do {						\
	EXPECT_EQ(count_regions(), count_in_status("held"));		\
	EXPECT_EQ(count_in_status("held") + count_in_status("stuck") > 0,\
		  held() != 0);						\
} while (0)

TEST_F(faults, leave_nothing_behind_when_memory_is_taken)
{
	bool failed = true;
	int n;

	for (n = 1; failed; n++) {
		int err;
		int fd = open(ENABLE, O_WRONLY);
		char text[32];

		snprintf(text, sizeof(text), "0x%llx\n", block_size());
		arm(self->fail_nth, n);
		err = write(fd, text, strlen(text)) < 0 ? errno : 0;
		failed = disarm(self->fail_nth);
		close(fd);

		ASSERT_TRUE(err == 0 || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
		EXPECT_TRUTH();
		EXPECT_EQ(err == 0, held() == block_size());
		ASSERT_EQ(0, enable(0));
		ASSERT_EQ(0, held());
	}
	TH_LOG("%d calls failed", n - 2);
	EXPECT_TRUE(free_memory_is_back(self->free_before));
}

TEST_F(faults, leave_the_region_owned_when_memory_is_given_back)
{
	int stuck = 0;
	bool failed = true;
	int n;

	for (n = 1; failed; n++) {
		int fd = open(ENABLE, O_WRONLY), err, regions;

		ASSERT_EQ(0, enable(block_size()));
		regions = count_regions();
		arm(self->fail_nth, n);
		err = write(fd, "0\n", 2) < 0 ? errno : 0;
		failed = disarm(self->fail_nth);
		close(fd);

		EXPECT_TRUTH();
		if (err == EAGAIN) {
			stuck++;
			EXPECT_EQ(block_size(), held());
			EXPECT_EQ(1, count_in_status("stuck"));
			EXPECT_EQ(0, count_in_status("held"));
			EXPECT_EQ(0, count_regions());
		} else if (err) {
			/* The call that failed was made before any other. */
			ASSERT_EQ(ENOMEM, err);
			EXPECT_EQ(regions, count_in_status("held"));
		}
		ASSERT_EQ(0, enable(0));
		ASSERT_EQ(0, held());
		EXPECT_EQ(0, count_in_status("stuck"));
	}
	TH_LOG("%d calls failed, %d times a region stayed", n - 2, stuck);
	EXPECT_TRUE(free_memory_is_back(self->free_before));
}

TEST_F(faults, leave_no_mapping_behind)
{
	bool failed = true;
	u64 size = block_size();
	int n, fd;

	ASSERT_EQ(0, enable(size));
	fd = open(node_file(next_region(0), "trace"), O_RDWR);
	ASSERT_GE(fd, 0);
	for (n = 1; failed; n++) {
		char *map;
		int err;

		arm(self->fail_nth, n);
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		err = map == MAP_FAILED ? errno : 0;
		failed = disarm(self->fail_nth);

		ASSERT_TRUE(err == 0 || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
		if (!err) {
			EXPECT_EQ(EBUSY, enable(0));
			munmap(map, size);
		}
	}
	TH_LOG("%d calls failed", n - 2);
	EXPECT_EQ(0, enable(0));
	close(fd);
}

TEST_F(faults, shorten_a_read_or_fail_it)
{
	static char buffer[1 << 20];
	bool failed = true;
	int n, fd;

	ASSERT_EQ(0, enable(block_size()));
	fd = open(node_file(next_region(0), "trace"), O_RDWR);
	ASSERT_GE(fd, 0);
	for (n = 1; failed; n++) {
		ssize_t len;
		int err;

		arm(self->fail_nth, n);
		len = pread(fd, buffer, sizeof(buffer), 0);
		err = len < 0 ? errno : 0;
		failed = disarm(self->fail_nth);

		ASSERT_TRUE(len > 0 || err == EFAULT || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
	}
	TH_LOG("%d calls failed", n - 2);
	close(fd);
	EXPECT_EQ(0, enable(0));
}

MEMTRACE_TEST_MAIN
