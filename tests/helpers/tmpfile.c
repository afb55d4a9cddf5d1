/* SPDX-License-Identifier: MIT */
/*
 * Usage: tmpfile DIR [PATH]
 * Makes a file without a name in DIR, writes to it, gives it the name PATH if there is
 * one, and closes it.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char self[64];
	if (argc < 2 || argc > 3)
		errx(2, "usage: tmpfile DIR [PATH]");
	int fd = open(argv[1], O_TMPFILE | O_WRONLY, 0644);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (write(fd, "text\n", 5) != 5)
		err(1, "write");
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (argc > 2 && linkat(AT_FDCWD, self, AT_FDCWD, argv[2], AT_SYMLINK_FOLLOW) < 0)
		err(1, "%s", argv[2]);
	if (close(fd) < 0)
		err(1, "close");
	return EXIT_SUCCESS;
}
