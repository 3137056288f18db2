// SPDX-License-Identifier: GPL-2.0
/*
 * Repeated operations leave nothing behind: no memory, no mapping, and no reference to
 * the module.
 */
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "memtrace.h"

#define REFCOUNT "/sys/module/memtrace/refcnt"

/* Less than the smallest allocation of the kernel. */
#define LEAK 7

/* One of the things that is done, and how often. */
FIXTURE(again)
{
	FIXTURE_DATA(region) region;
	u64 page;
	u64 free_before;
};

FIXTURE_VARIANT(again)
{
	void (*once)(FIXTURE_DATA(again) *self);
	int times;
};

FIXTURE_SETUP(again)
{
	SETUP_REGION(&self->region);
	ASSERT_EQ(0, enable(0));
	self->free_before = settled_free_memory();
	region_setup(_metadata, &self->region, NULL);
	self->page = getpagesize();
}

FIXTURE_TEARDOWN_PARENT(again)
{
	region_teardown(_metadata, &self->region, NULL);
}

static void open_each_file(FIXTURE_DATA(again) *self)
{
	static const char * const names[] = { "trace", "start", "size" };

	close(open(ENABLE, O_RDWR));
	close(open(NODES, O_RDWR));
	close(open(STATUS, O_RDONLY));
	for (int i = 0; i < ARRAY_SIZE(names); i++)
		close(open(node_file(self->region.node, names[i]), O_RDONLY));
}

static void read_each_text(FIXTURE_DATA(again) *self)
{
	held();
	count_mappings(self->region.node);
	region_start(self->region.node);
}

static void write_what_is_refused(FIXTURE_DATA(again) *self)
{
	write_text(ENABLE, "not a size\n");
	write_text(NODES, "not a list\n");
}

static void choose_nodes(FIXTURE_DATA(again) *self)
{
	write_text(NODES, "0\n");
	write_text(NODES, "\n");
}

static void read_and_seek(FIXTURE_DATA(again) *self)
{
	char data[8];

	pread(self->region.fd, data, sizeof(data), 4096);
	pread(self->region.fd, data, sizeof(data), self->region.size);
	pread(self->region.fd, (char *)self->page, sizeof(data), 0);
	lseek(self->region.fd, 0, SEEK_END);
	lseek(self->region.fd, -1, SEEK_SET);
}

static void splice_and_send(FIXTURE_DATA(again) *self)
{
	int file = memfd_create("copy", 0), ends[2];
	loff_t at = 0;

	if (!pipe(ends)) {
		splice(self->region.fd, &at, ends[1], NULL, 4096, 0);
		close(ends[0]);
		close(ends[1]);
	}
	at = 0;
	sendfile(file, self->region.fd, &at, 4096);
	close(file);
}

static void map_and_unmap(FIXTURE_DATA(again) *self)
{
	char *map = map_at(&self->region, self->page, self->page);

	*(volatile u64 *)map = 0;
	munmap(map, self->page);
}

static void map_what_is_refused(FIXTURE_DATA(again) *self)
{
	mmap(NULL, self->page, PROT_READ, MAP_PRIVATE, self->region.fd, 0);
	mmap(NULL, self->page, PROT_READ | PROT_EXEC, MAP_SHARED, self->region.fd, 0);
	map_at(&self->region, self->region.size, self->page);
}

static void split_and_move(FIXTURE_DATA(again) *self)
{
	char *map = map_at(&self->region, 0, 5 * self->page);
	char *to = mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(map + self->page, self->page);
	mremap(map + 3 * self->page, self->page, self->page, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	munmap(map, 5 * self->page);
	munmap(to, self->page);
}

static void fork_with_a_mapping(FIXTURE_DATA(again) *self)
{
	char *map = map_at(&self->region, 0, self->page);
	pid_t pid = fork();

	if (!pid) {
		*(volatile u64 *)map = 0;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	munmap(map, self->page);
}

static void debug(FIXTURE_DATA(again) *self)
{
	char *map = map_at(&self->region, 0, self->page);
	int mem = open("/proc/self/mem", O_RDWR);
	char data[8];

	pread(mem, data, sizeof(data), (u64)map);
	pwrite(mem, data, sizeof(data), (u64)map);
	close(mem);
	munmap(map, self->page);
}

FIXTURE_VARIANT_ADD(again, open_each_file) { .once = open_each_file, .times = 5000 };
FIXTURE_VARIANT_ADD(again, read_each_text) { .once = read_each_text, .times = 1000 };
FIXTURE_VARIANT_ADD(again, write_what_is_refused) { .once = write_what_is_refused, .times = 5000 };
FIXTURE_VARIANT_ADD(again, choose_nodes) { .once = choose_nodes, .times = 5000 };
FIXTURE_VARIANT_ADD(again, read_and_seek) { .once = read_and_seek, .times = 20000 };
FIXTURE_VARIANT_ADD(again, splice_and_send) { .once = splice_and_send, .times = 2000 };
FIXTURE_VARIANT_ADD(again, map_and_unmap) { .once = map_and_unmap, .times = 10000 };
FIXTURE_VARIANT_ADD(again, map_what_is_refused) { .once = map_what_is_refused, .times = 10000 };
FIXTURE_VARIANT_ADD(again, split_and_move) { .once = split_and_move, .times = 2000 };
FIXTURE_VARIANT_ADD(again, fork_with_a_mapping) { .once = fork_with_a_mapping, .times = 50 };
FIXTURE_VARIANT_ADD(again, debug) { .once = debug, .times = 2000 };

/* How many bytes of its own memory the kernel cannot take back. */
static u64 kernel_memory(void)
{
	return read_meminfo("SUnreclaim:") + read_meminfo("Percpu:") + read_meminfo("PageTables:") +
	       read_meminfo("VmallocUsed:");
}

/* Other processes may allocate memory meanwhile, but leaks occur in every try. */
#define TRIES 5

/* Returns by how much the kernel's own memory grew in the best of some tries. */
static long long find_growth(FIXTURE_DATA(again) *self, void (*once)(FIXTURE_DATA(again) *self),
			     int times)
{
	long long least = INT64_MAX;

	for (int try = 0; try < TRIES && least > times * LEAK; try++) {
		u64 before;

		settled_free_memory();
		before = kernel_memory();
		for (int i = 0; i < times; i++)
			once(self);
		settled_free_memory();
		if (least > (long long)(kernel_memory() - before))
			least = kernel_memory() - before;
	}
	return least;
}

TEST_F(again, leaves_nothing_behind)
{
	u64 users = read_number(REFCOUNT, "%llu");
	int times = variant->times;
	long long growth;

	/* A kernel that checks itself is slow, and allocates more for each object. */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		times /= 5;
	for (int i = 0; i < times / 10; i++)
		variant->once(self);
	growth = find_growth(self, variant->once, times);
	EXPECT_GE(times * LEAK + (long long)(2 * self->page), growth);

	EXPECT_EQ(0, count_mappings(self->region.node));
	EXPECT_EQ(users, read_number(REFCOUNT, "%llu"));
	EXPECT_EQ(0, enable(0));
	EXPECT_TRUE(free_memory_is_back(self->free_before));
}

/* How many mappings of its own the kernel has of the region. */
static int count_kernel_mappings(u64 start)
{
	FILE *f = fopen("/proc/vmallocinfo", "r");
	char line[512], phys[64];
	int count = 0;

	snprintf(phys, sizeof(phys), " phys=0x%016llx ", start);
	while (f && fgets(line, sizeof(line), f))
		count += !!strstr(line, phys);
	if (f)
		fclose(f);
	return count;
}

TEST_F(region, the_kernel_has_one_mapping_of_it_while_it_is_held)
{
	if (access("/proc/vmallocinfo", R_OK))
		SKIP(return, "there is no /proc/vmallocinfo");
	EXPECT_EQ(1, count_kernel_mappings(self->start));
	/* One of a process changes nothing. */
	ASSERT_EQ(0, munmap(map_region(self), self->size));
	EXPECT_EQ(1, count_kernel_mappings(self->start));
	ASSERT_EQ(0, enable(0));
	EXPECT_EQ(0, count_kernel_mappings(self->start));
	ASSERT_EQ(0, enable(self->size));
	EXPECT_EQ(1, count_kernel_mappings(region_start(self->node)));
}

MEMTRACE_TEST_MAIN
