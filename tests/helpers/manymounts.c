/* SPDX-License-Identifier: MIT */
/*
 * What tests/bench/mounts makes its mounts with, as mount(8) reads the whole mount table for
 * each.
 *   manymounts tmpfs DIR FIRST COUNT      mounts a tmpfs on DIR/FIRST, and so on
 *   manymounts bind FROM DIR FIRST COUNT  binds FROM on DIR/FIRST, and so on
 *   manymounts read                       prints how many us of processor time it takes to
 *                                         read the mount table, which is the kernel's work
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void mount_all(const char *from, const char *dir, int first, int count)
{
	char point[4096];
	for (int i = first; i < first + count; i++) {
		snprintf(point, sizeof(point), "%s/%d", dir, i);
		mkdir(point, 0755);
		int rc = from ? mount(from, point, NULL, MS_BIND, NULL)
			      : mount("tmpfs", point, "tmpfs", 0, "size=1M");
		if (rc < 0)
			err(1, "%s", point);
	}
}

static double read_us(void)
{
	char chunk[8192];
	struct timespec before, after;
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) * 1e6 +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e3;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "tmpfs") == 0)
		mount_all(NULL, argv[2], atoi(argv[3]), atoi(argv[4]));
	else if (argc == 6 && strcmp(argv[1], "bind") == 0)
		mount_all(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	else if (argc == 2 && strcmp(argv[1], "read") == 0)
		printf("%.0f\n", read_us());
	else
		errx(2, "manymounts tmpfs DIR FIRST COUNT | bind FROM DIR FIRST COUNT | "
			"read");
	return 0;
}
