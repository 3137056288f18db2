// SPDX-License-Identifier: GPL-2.0
/*
 * Every call that can fail for want of memory fails once, one after the other,
 * while trace memory is taken, mapped, read and given back: the n-th one, for n from
 * 1 on until a system call ends before it has made n such calls.
 */
#include "faults.h"

FIXTURE(faults)
{
	FIXTURE_DATA(region) region;
	struct faults faults;
	u64 free_before;
	struct told told;
};

FIXTURE_SETUP(faults)
{
	const char *missing;
	int err;

	/* Also fills the caches that one cycle leaves behind. */
	SETUP_REGION(&self->region);
	ASSERT_EQ(0, enable(0));

	missing = begin_faults(&self->faults);
	if (missing)
		SKIP(return, "this kernel has no %s", missing);
	err = begin_told(&self->told);
	if (err == -ENOENT)
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, err);
	self->told.by_injection = true;
	self->free_before = settled_free_memory();
}

FIXTURE_TEARDOWN_PARENT(faults)
{
	end_faults(&self->faults);
	end_told(&self->told);
	region_teardown(_metadata, &self->region, NULL);
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

/* Those that can be used: one that is stuck has a directory without trace. */
static int count_regions(void)
{
	int count = 0;

	for (int node = next_region(0); node >= 0; node = next_region(node + 1))
		count += !access(node_file(node, "trace"), F_OK);
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
		int err = enable_with_fault(&self->faults, &self->told, block_size(), n, &failed);

		ASSERT_TRUE(err == 0 || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
		EXPECT_TRUTH();
		expect_told(_metadata, &self->told, block_size(), err);
		EXPECT_EQ(err == 0, held() == block_size());
		ASSERT_EQ(0, enable_and_time(&self->told, 0));
		expect_told(_metadata, &self->told, 0, 0);
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
		int err, regions;

		ASSERT_EQ(0, enable(block_size()));
		listen_to(&self->told, block_size());
		regions = count_regions();
		err = enable_with_fault(&self->faults, &self->told, 0, n, &failed);

		EXPECT_TRUTH();
		if (err == ENOMEM)
			expect_unchanged(_metadata, &self->told);
		else
			expect_told(_metadata, &self->told, 0, err);
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

		arm(&self->faults, n);
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		err = map == MAP_FAILED ? errno : 0;
		failed = disarm(&self->faults);

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

		arm(&self->faults, n);
		len = pread(fd, buffer, sizeof(buffer), 0);
		err = len < 0 ? errno : 0;
		failed = disarm(&self->faults);

		ASSERT_TRUE(len > 0 || err == EFAULT || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
	}
	TH_LOG("%d calls failed", n - 2);
	close(fd);
	EXPECT_EQ(0, enable(0));
}

/* All pages that this process and its children ask for fail from now on, or no more. */
static void fail_pages(bool fail)
{
	if (!fail)
		write_text("/proc/self/make-it-fail", "0");
	write_text("/sys/kernel/debug/fail_page_alloc/probability", fail ? "100" : "0");
	if (fail)
		write_text("/proc/self/make-it-fail", "1");
}

/* Regions whose linear mapping could not be restored. */
FIXTURE(stuck)
{
	FIXTURE_DATA(faults) faults;
	int regions;
	int fd;
	int kmsg;
	char log[MAX_LOG];
};

/* As enable(), with a file that is open, while there is no memory. */
static int write_without_memory(FIXTURE_DATA(stuck) *self, const char *text)
{
	int err;

	fail_pages(true);
	err = write(self->fd, text, strlen(text)) < 0 ? errno : 0;
	fail_pages(false);
	return err;
}

FIXTURE_SETUP(stuck)
{
	int err;

	faults_setup(_metadata, &self->faults, NULL);
	if (_metadata->exit_code)
		return;
	ASSERT_EQ(0, enable(block_size()));
	self->regions = count_regions();
	self->kmsg = open_log();
	self->fd = open(ENABLE, O_RDWR);
	ASSERT_LE(0, self->fd);

	err = write_without_memory(self, "0\n");
	if (!err)
		SKIP(return, "the linear mapping needs no memory to be restored");
	ASSERT_EQ(EAGAIN, err);
}

FIXTURE_TEARDOWN_PARENT(stuck)
{
	faults_teardown(_metadata, &self->faults, NULL);
}

TEST_F(stuck, is_told_everywhere)
{
	int node = self->faults.region.node;
	char range[64];

	snprintf(range, sizeof(range), "0x%016llx 0x%016llx 0 ", self->faults.region.start,
		 self->faults.region.size);
	EXPECT_EQ(block_size(), held());
	EXPECT_EQ(self->regions, count_in_status("stuck"));
	EXPECT_EQ(0, count_in_status("held"));
	EXPECT_NE(NULL, strstr(status_row(node), range)) TH_LOG("%s", status_row(node));
	EXPECT_NE(NULL, strstr(status_row(node), "the linear mapping could not be restored"));
	EXPECT_NE(0, access(node_file(node, "trace"), F_OK));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(self->regions, count_lines(self->log, "3 Failed to free trace memory on node "));
	EXPECT_EQ(0, count_lines(self->log, "6 Freed trace memory back on node "));
}

TEST_F(stuck, stays_as_long_as_there_is_no_memory)
{
	u64 free_before = free_memory();
	char text[32];

	snprintf(text, sizeof(text), "0x%llx\n", block_size());
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(EAGAIN, write_without_memory(self, "0\n"));
		EXPECT_EQ(EAGAIN, write_without_memory(self, text));
		EXPECT_EQ(EINVAL, enable(1));
		EXPECT_EQ(block_size(), held());
		EXPECT_EQ(self->regions, count_in_status("stuck"));
		EXPECT_EQ(0, count_in_status("held"));
	}
	EXPECT_GT(free_before + NOISE, free_memory());
}

TEST_F(stuck, is_given_back_by_the_next_request)
{
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, held());
	EXPECT_EQ(0, count_in_status("stuck"));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(self->regions, count_lines(self->log, "6 Freed trace memory back on node "));
	EXPECT_TRUE(free_memory_is_back(self->faults.free_before));
}

TEST_F(stuck, is_given_back_before_more_is_taken)
{
	ASSERT_EQ(0, enable(block_size()));
	EXPECT_EQ(0, count_in_status("stuck"));
	EXPECT_EQ(self->regions, count_in_status("held"));
	EXPECT_EQ(self->regions, count_regions());
	EXPECT_EQ(0, access(node_file(self->faults.region.node, "trace"), F_OK));
	ASSERT_EQ(0, enable(0));
	EXPECT_TRUE(free_memory_is_back(self->faults.free_before));
}

TEST_F(stuck, is_given_back_when_memtrace_is_unloaded)
{
	if (access("/sys/module/memtrace/initstate", F_OK))
		SKIP(return, "memtrace is built in");
	close(self->fd);
	close(self->faults.region.fd);
	EXPECT_EQ(0, system("rmmod memtrace"));
	EXPECT_NE(0, access(MEMTRACE, F_OK));
	read_log(self->kmsg, self->log);
	EXPECT_EQ(self->regions, count_lines(self->log, "6 Freed trace memory back on node "));
	EXPECT_TRUE(free_memory_is_back(self->faults.free_before));
	ASSERT_EQ(0, system("modprobe memtrace"));
}

MEMTRACE_TEST_MAIN
