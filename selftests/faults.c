// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation fails once while trace memory is allocated, mapped, read and freed:
 * the n-th one, for n starting at 1, until a system call makes fewer than n allocations.
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

/* One that is stuck keeps its directory. */
static int count_regions(void)
{
	int count = 0;

	for (int node = next_region(0); node >= 0; node = next_region(node + 1))
		count += !access(node_file(node, "trace"), F_OK);
	return count;
}

/*
 * The reported regions exist, and no others. A file for which there was no memory may be
 * missing, which is not an error: the files of one node if a call @failed.
 */
#define EXPECT_TRUTH(failed) do {					\
	EXPECT_LE(count_regions(), count_in_status("held"));		\
	EXPECT_GE(count_regions(), count_in_status("held") - (failed));	\
	EXPECT_EQ(count_in_status("held") + count_in_status("stuck") > 0,\
		  held() != 0);						\
} while (0)

TEST_F(faults, leave_nothing_behind_when_memory_is_taken)
{
	bool failed = true;
	int n;

	for (n = 1; failed; n++) {
		int err = enable_with_fault(&self->faults, &self->told, block_size(), n, &failed);

		self->told.by_injection = failed;
		ASSERT_TRUE(err == 0 || err == ENOMEM)
			TH_LOG("call %d failed: errno %d", n, err);
		EXPECT_TRUTH(failed);
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
		self->told.by_injection = failed;

		EXPECT_TRUTH(failed);
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

MEMTRACE_TEST_MAIN
