/* SPDX-License-Identifier: MIT */
/*
 * Usage: namedas NAME FILE
 * Gives itself a process name of any bytes, and writes FILE.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: namedas NAME FILE");
	if (prctl(PR_SET_NAME, argv[1]) < 0)
		err(1, "prctl");
	int fd = open(argv[2], O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		err(1, "%s", argv[2]);
	return close(fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
