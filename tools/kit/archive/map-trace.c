// SPDX-License-Identifier: GPL-2.0
/*
 * usage: map-trace FILE BYTES
 *
 * Maps so much of a region, reads a word of each page, unmaps it, and prints how many
 * milliseconds that took.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? strtoull(argv[2], NULL, 0) : 0, step = getpagesize();
	int fd = size ? open(argv[1], O_RDWR) : -1;
	double began = now();
	char *map;

	if (!size)
		errx(2, "usage: map-trace FILE BYTES");
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s", argv[1]);
	for (size_t at = 0; at < size; at += step)
		(void)*(volatile unsigned long *)(map + at);
	munmap(map, size);
	printf("%.1f\n", now() - began);
	return 0;
}
