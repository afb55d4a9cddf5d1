/* SPDX-License-Identifier: MIT */
/*
 * Usage: deep DIR COUNT NAME FILE
 * Makes COUNT directories called NAME within one another below DIR, as far as they are
 * not there yet, and writes FILE in the innermost: with paths of any length.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make and enter a directory; its descriptor takes the place of fd. */
static int enter(int fd, const char *name)
{
	if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
		err(1, "mkdirat %s", name);
	int inner = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (inner < 0)
		err(1, "openat %s", name);
	close(fd);
	return inner;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: deep DIR COUNT NAME FILE");
	int fd = open(argv[1], O_PATH | O_DIRECTORY);
	if (fd < 0)
		err(1, "%s", argv[1]);
	for (int i = atoi(argv[2]); i > 0; i--)
		fd = enter(fd, argv[3]);
	int file = openat(fd, argv[4], O_WRONLY | O_CREAT, 0644);
	if (file < 0)
		err(1, "openat %s", argv[4]);
	if (write(file, "text\n", 5) != 5)
		err(1, "write");
	return close(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
