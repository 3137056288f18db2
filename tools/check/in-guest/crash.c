// SPDX-License-Identifier: GPL-2.0
/*
 * usage: crash leave REGIONS
 *        crash count REGIONS DUMP
 *        crash compare START SIZE FILE
 *        LD_PRELOAD=./crash.so REGIONS=... COMMAND
 *
 * Runs in the guest for guest/crash.sh. REGIONS is a file with the node, start and size
 * of each region.
 *
 * leave fills the regions and some pages of the kernel, and crashes it. In the crash kernel,
 * count prints how many pages of each are in DUMP, which is ELF; compare succeeds if FILE is
 * what a region was filled with. Preloaded, it counts what COMMAND reads from /proc/vmcore.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VMCORE "/proc/vmcore"

/* Pages in pipes belong to the kernel: no level of makedumpfile excludes them. */
#define PIPES 16
#define PIPE_SIZE (1 << 20)

/* The first word of such a page; the second is its number. */
#define MARK 0x7472616365206f66ULL

struct region {
	int node;
	uint64_t start, size;
};

static struct region regions[16];
static int nr_regions;
static uint64_t page_size;

/* A file with its program headers. */
static const char *image;
static size_t image_size;
static const Elf64_Phdr *segments;
static int nr_segments;

static uint64_t word_at(uint64_t address)
{
	return (address | 1) * 0x9e3779b97f4a7c15ULL;
}

static void read_regions(const char *name)
{
	FILE *file = fopen(name, "r");
	struct region *r = regions;

	if (!file)
		err(2, "%s", name);
	while (fscanf(file, "%d %li %li", &r->node, (long *)&r->start, (long *)&r->size) == 3)
		r++;
	nr_regions = r - regions;
	if (!nr_regions)
		errx(2, "%s has no regions", name);
	fclose(file);
}

static int open_or_die(const char *name, int flags)
{
	int fd = open(name, flags);

	if (fd < 0)
		err(2, "%s", name);
	return fd;
}

static void fill_region(const struct region *r)
{
	char name[80];
	uint64_t *words;
	int fd;

	snprintf(name, sizeof(name), "/sys/kernel/debug/powerpc/memtrace/%08x/trace", r->node);
	fd = open_or_die(name, O_RDWR);
	words = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		err(2, "%s", name);
	for (uint64_t at = 0; at < r->size; at += 8)
		words[at / 8] = word_at(r->start + at);
}

/* They stay until this process ends. */
static void fill_pipes(void)
{
	uint64_t *page = malloc(page_size), number = 0;

	for (int i = 0; i < PIPES; i++) {
		int ends[2];

		if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) != PIPE_SIZE)
			err(2, "pipe");
		for (int j = 0; j < PIPE_SIZE / page_size; j++) {
			for (int k = 2; k < page_size / 8; k++)
				page[k] = word_at(number + k);
			page[0] = MARK;
			page[1] = number++;
			if (write(ends[1], page, page_size) != page_size)
				err(2, "pipe");
		}
	}
}

static int leave(void)
{
	int fd = open_or_die("/proc/sysrq-trigger", O_WRONLY);

	for (int i = 0; i < nr_regions; i++)
		fill_region(&regions[i]);
	fill_pipes();
	write(fd, "c", 1);
	return 1;
}

static void map_image(const char *name)
{
	int fd = open_or_die(name, O_RDONLY);
	const Elf64_Ehdr *header;
	struct stat st;

	if (fstat(fd, &st))
		err(2, "%s", name);
	image_size = st.st_size;
	image = mmap(NULL, image_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		err(2, "%s", name);
	header = (const void *)image;
	segments = (const void *)(image + header->e_phoff);
	nr_segments = header->e_phnum;
	if (header->e_phnum == PN_XNUM)
		nr_segments = ((const Elf64_Shdr *)(image + header->e_shoff))->sh_info;
	close(fd);
}

static bool in_image(uint64_t address)
{
	for (int i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type == PT_LOAD && s->p_paddr <= address &&
		    address < s->p_paddr + s->p_filesz)
			return true;
	}
	return false;
}

static bool whole_page(const uint64_t *page)
{
	for (int k = 2; k < page_size / 8; k++) {
		if (page[k] != word_at(page[1] + k))
			return false;
	}
	return true;
}

static const char *amount(uint64_t of, uint64_t all)
{
	return !of ? "none" : of == all ? "all" : "some";
}

static int count(const char *name)
{
	static bool seen[PIPES * PIPE_SIZE / 4096];
	uint64_t in = 0, all = 0, ordinary = 0, nr_ordinary = PIPES * PIPE_SIZE / page_size;

	map_image(name);
	for (int i = 0; i < nr_regions; i++) {
		const struct region *r = &regions[i];

		for (uint64_t at = r->start; at < r->start + r->size; at += page_size) {
			in += in_image(at);
			all++;
		}
	}
	for (int i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type != PT_LOAD)
			continue;
		for (uint64_t at = 0; at + page_size <= s->p_filesz; at += page_size) {
			const uint64_t *page = (const void *)(image + s->p_offset + at);

			if (page[0] == MARK && page[1] < nr_ordinary && !seen[page[1]] &&
			    whole_page(page)) {
				seen[page[1]] = true;
				ordinary++;
			}
		}
	}
	fprintf(stderr, "# pages of regions: %lu of %lu, ordinary pages: %lu of %lu\n", in, all,
		ordinary, nr_ordinary);
	printf("%s of regions, %s of the ordinary pages\n", amount(in, all),
	       amount(ordinary, nr_ordinary));
	return 0;
}

static int compare(uint64_t start, uint64_t size, const char *name)
{
	const uint64_t *words;

	map_image(name);
	words = (const void *)image;
	if (image_size != size)
		errx(1, "%s has %zu bytes, not %lu", name, image_size, size);
	for (uint64_t at = 0; at < size; at += 8) {
		if (words[at / 8] != word_at(start + at))
			errx(1, "%s differs at %lu", name, at);
	}
	return 0;
}

/* The headers at its beginning: it cannot be mapped as a whole. */
static void read_vmcore(void)
{
	static char start[1 << 20];
	int fd = open_or_die(VMCORE, O_RDONLY);

	if (pread(fd, start, sizeof(start), 0) < (ssize_t)sizeof(Elf64_Ehdr))
		err(2, VMCORE);
	image = start;
	segments = (const void *)(start + ((const Elf64_Ehdr *)start)->e_phoff);
	nr_segments = ((const Elf64_Ehdr *)start)->e_phnum;
	close(fd);
}

/* Whether bytes at these offsets of the vmcore are those of a region. */
static bool of_region(uint64_t from, uint64_t len)
{
	for (int i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];
		uint64_t address = s->p_paddr + from - s->p_offset;

		if (s->p_type != PT_LOAD || from + len <= s->p_offset ||
		    s->p_offset + s->p_filesz <= from)
			continue;
		for (int j = 0; j < nr_regions; j++) {
			if (address < regions[j].start + regions[j].size &&
			    regions[j].start < address + len)
				return true;
		}
	}
	return false;
}

#ifdef PRELOAD
static uint64_t nr_reads, nr_bytes, nr_bad;

__attribute__((constructor)) static void begin(void)
{
	read_regions(getenv("REGIONS"));
	read_vmcore();
}

__attribute__((destructor)) static void end(void)
{
	fprintf(stderr, "%lu reads of %lu bytes, of which %lu touch a region\n", nr_reads, nr_bytes,
		nr_bad);
}

ssize_t read(int fd, void *to, size_t len)
{
	static ssize_t (*real_read)(int fd, void *to, size_t len);
	char name[64], target[64] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (readlink(name, target, sizeof(target) - 1) > 0 && !strcmp(target, VMCORE)) {
		nr_bad += of_region(lseek(fd, 0, SEEK_CUR), len);
		nr_bytes += len;
		nr_reads++;
	}
	if (!real_read)
		real_read = dlsym(RTLD_NEXT, "read");
	return real_read(fd, to, len);
}
#else
int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	page_size = sysconf(_SC_PAGESIZE);
	if (!strcmp(command, "compare") && argc == 5)
		return compare(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0), argv[4]);
	if (argc > 2)
		read_regions(argv[2]);
	if (!strcmp(command, "leave") && argc == 3)
		return leave();
	if (!strcmp(command, "count") && argc == 4)
		return count(argv[3]);
	errx(2, "usage: see crash.c");
}
#endif
