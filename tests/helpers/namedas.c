/* SPDX-License-Identifier: MIT */
/*
 * Usage: namedas NAME FILE COMMAND
 * Gives itself a process name of any bytes, runs a shell command, and writes FILE.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: namedas NAME FILE COMMAND");
	if (prctl(PR_SET_NAME, argv[1]) < 0)
		err(1, "prctl");
	if (system(argv[3]) != 0)
		errx(1, "failed: %s", argv[3]);
	int fd = open(argv[2], O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		err(1, "%s", argv[2]);
	return close(fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
