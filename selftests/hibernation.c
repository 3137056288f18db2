// SPDX-License-Identifier: GPL-2.0
/*
 * Hibernation leaves trace memory alone: it is not in the image. That nothing is
 * written to it when the machine resumes cannot be tested: Linux 7.3 does not
 * resume on 64-bit powerpc.
 */
#include <linux/ioctl.h>
#include <sys/ioctl.h>

#include "memtrace.h"

#define SNAPSHOT "/dev/snapshot"

/* From linux/suspend_ioctls.h, which C library headers lack. */
#define SNAPSHOT_FREEZE _IO('3', 1)
#define SNAPSHOT_CREATE_IMAGE _IOW('3', 17, int)

/* Undoes word_at(). */
#define INVERSE 0xf1de83e19937733dULL

/* What other tests have read and written may be in a page that is saved. */
#define OURS 0x5bd1e9955bd1e995ULL

static char page[1 << 16];

/* A region that is filled, and not mapped by a process. */
FIXTURE(filled)
{
	FIXTURE_DATA(region) region;
};

FIXTURE_SETUP(filled)
{
	char *map;

	SETUP_REGION(&self->region);
	map = map_region(&self->region);
	ASSERT_NE(MAP_FAILED, map);
	for (u64 offset = 0; offset < self->region.size; offset += sysconf(_SC_PAGESIZE))
		*(volatile u64 *)(map + offset) = word_at(offset) ^ OURS;
	munmap(map, self->region.size);
}

FIXTURE_TEARDOWN_PARENT(filled)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* Whether this is how one of the pages of a region begins. */
static bool is_first_word(u64 word, u64 size)
{
	u64 offset = ((word ^ OURS) * INVERSE) ^ 1;

	return offset < size && !(offset % sysconf(_SC_PAGESIZE));
}

TEST_F(filled, is_not_saved)
{
	int fd = open(SNAPSHOT, O_RDONLY), in_suspend = 0, pages = 0, saved = 0;
	ssize_t len;

	if (fd < 0)
		SKIP(return, SNAPSHOT " cannot be opened: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(fd, SNAPSHOT_FREEZE));
	ASSERT_EQ(0, ioctl(fd, SNAPSHOT_CREATE_IMAGE, &in_suspend));
	ASSERT_EQ(1, in_suspend);

	while ((len = read(fd, page, sysconf(_SC_PAGESIZE))) > 0) {
		pages++;
		saved += is_first_word(*(u64 *)page, self->region.size);
	}
	/* This also lets all other processes go on. */
	close(fd);

	EXPECT_EQ(0, len);
	EXPECT_LT(0, pages);
	EXPECT_EQ(0, saved);
}

MEMTRACE_TEST_MAIN
