// SPDX-License-Identifier: GPL-2.0
/*
 * Tools that dump memory can detect the pages of trace memory and exclude them, with
 * vmcoreinfo and the page descriptors, as in a crash dump. /proc/kcore provides both
 * for the running kernel.
 */
#include <elf.h>
#include <string.h>

#include "memtrace.h"

#define KCORE "/proc/kcore"
#define LINEAR_MAPPING 0xc000000000000000ULL
#define MAX_SEGMENTS 64

/* /proc/kcore, with what vmcoreinfo says about page descriptors. */
FIXTURE(dump)
{
	FIXTURE_DATA(region) region;
	int kcore;
	u64 offline;
	u64 mapcount;
	u64 descriptor_size;
	off_t descriptors;
	Elf64_Phdr segments[MAX_SEGMENTS];
	int nr_segments;
};

/* Reads the value of @key, decimal and perhaps negative. */
static bool read_vmcoreinfo(const char *notes, size_t len, const char *key, u64 *value)
{
	const char *found = memmem(notes, len, key, strlen(key));

	if (found)
		*value = strtoll(found + strlen(key), NULL, 10);
	return found;
}

static bool read_segments(FIXTURE_DATA(dump) *self)
{
	ssize_t len = sizeof(self->segments);
	Elf64_Ehdr header;

	if (pread(self->kcore, &header, sizeof(header), 0) != sizeof(header) ||
	    header.e_phnum > MAX_SEGMENTS)
		return false;
	self->nr_segments = header.e_phnum;
	len = header.e_phnum * sizeof(Elf64_Phdr);
	return pread(self->kcore, self->segments, len, header.e_phoff) == len;
}

/* Those of the memory from address 0 on are as many as that has pages. */
static bool find_descriptors(FIXTURE_DATA(dump) *self)
{
	const Elf64_Phdr *end = self->segments + self->nr_segments, *memory = self->segments;
	const Elf64_Phdr *segment;
	u64 len, page_size = getpagesize();

	while (memory < end && (memory->p_type != PT_LOAD || memory->p_vaddr != LINEAR_MAPPING))
		memory++;
	if (memory == end || self->region.start >= memory->p_memsz)
		return false;

	len = memory->p_memsz / page_size * self->descriptor_size;
	len = (len + page_size - 1) & ~(page_size - 1);
	for (segment = self->segments; segment < end; segment++) {
		if (segment->p_type == PT_LOAD && segment->p_memsz == len &&
		    segment->p_vaddr > memory->p_vaddr) {
			self->descriptors = segment->p_offset;
			return true;
		}
	}
	return false;
}

FIXTURE_SETUP(dump)
{
	static char notes[1 << 16];
	ssize_t len = 0;

	SETUP_REGION(&self->region);
	self->kcore = open(KCORE, O_RDONLY);
	if (self->kcore < 0)
		SKIP(return, KCORE " cannot be opened: %s", strerror(errno));
	ASSERT_TRUE(read_segments(self));

	for (int i = 0; i < self->nr_segments; i++) {
		if (self->segments[i].p_type == PT_NOTE)
			len = pread(self->kcore, notes, sizeof(notes), self->segments[i].p_offset);
	}
	ASSERT_LT(0, len);
	ASSERT_TRUE(read_vmcoreinfo(notes, len, "\nNUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=",
				    &self->offline));
	ASSERT_TRUE(read_vmcoreinfo(notes, len, "\nOFFSET(page._mapcount)=", &self->mapcount));
	ASSERT_TRUE(read_vmcoreinfo(notes, len, "\nSIZE(page)=", &self->descriptor_size));
	if (!find_descriptors(self))
		SKIP(return, KCORE " does not show the descriptors of the region's pages");
}

FIXTURE_TEARDOWN_PARENT(dump)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* How many pages of the region a tool would leave out, or -1. */
static long count_left_out(FIXTURE_DATA(dump) *self)
{
	size_t len = self->region.size / getpagesize() * self->descriptor_size;
	off_t at = self->descriptors +
		self->region.start / getpagesize() * self->descriptor_size;
	char *descriptors = malloc(len);
	long count = 0;

	if (!descriptors || pread(self->kcore, descriptors, len, at) != len) {
		free(descriptors);
		return -1;
	}
	for (size_t i = 0; i < len; i += self->descriptor_size)
		count += *(unsigned int *)(descriptors + i + self->mapcount) ==
			(unsigned int)self->offline;
	free(descriptors);
	return count;
}

TEST_F(dump, leaves_each_page_out)
{
	EXPECT_EQ(self->region.size / getpagesize(), count_left_out(self));
}

TEST_F(dump, has_each_page_after_it_was_given_back)
{
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_left_out(self));
}

/* Files that report on each page, including those of a region. */
FIXTURE(walker)
{
	FIXTURE_DATA(region) region;
};

FIXTURE_VARIANT(walker)
{
	const char *path;
};

FIXTURE_VARIANT_ADD(walker, kpagecount)
{
	.path = "/proc/kpagecount",
};

FIXTURE_VARIANT_ADD(walker, kpageflags)
{
	.path = "/proc/kpageflags",
};

FIXTURE_VARIANT_ADD(walker, kpagecgroup)
{
	.path = "/proc/kpagecgroup",
};

FIXTURE_SETUP(walker)
{
	SETUP_REGION(&self->region);
}

FIXTURE_TEARDOWN_PARENT(walker)
{
	region_teardown(_metadata, &self->region, NULL);
}

/* Only checks that the files can be read, not their contents. */
TEST_F(walker, passes_over_the_region)
{
	u64 left = self->region.size / getpagesize() * sizeof(u64);
	off_t at = self->region.start / getpagesize() * sizeof(u64);
	int fd = open(variant->path, O_RDONLY);
	char values[4096];
	size_t len;

	if (fd < 0)
		SKIP(return, "%s cannot be opened: %s", variant->path, strerror(errno));
	for (; left; left -= len, at += len) {
		len = left < sizeof(values) ? left : sizeof(values);
		ASSERT_EQ(len, pread(fd, values, len, at));
	}
	close(fd);
}

TEST_F(region, page_owner_passes_over_it)
{
	int fd = open("/sys/kernel/debug/page_owner", O_RDONLY);
	off_t at, end = (self->start + self->size) / getpagesize();
	static char text[1 << 16];
	ssize_t len;

	if (fd < 0)
		SKIP(return, "page_owner cannot be opened: %s", strerror(errno));
	/* Each read tells of one page, whose number is the position in the file. */
	for (at = lseek(fd, self->start / getpagesize(), SEEK_SET); at < end;
	     at = lseek(fd, 0, SEEK_CUR)) {
		len = read(fd, text, sizeof(text));
		ASSERT_LE(0, len);
		if (!len)
			break;
	}
	close(fd);
}

MEMTRACE_TEST_MAIN
