/* SPDX-License-Identifier: MIT */
/*
 * detach COUNT FILE: writes FILE 3 × COUNT times: itself, from a child that has left its
 * session, and from a grandchild in another session whose parent is gone. Ends when all
 * of them have.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void write_file(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0)
		err(1, "%s", file);
}

/* A child without a session of ours, or its child. */
static void write_from_child(const char *file, int is_grandchild)
{
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return;
	setsid();
	if (is_grandchild && fork() != 0)
		_exit(0);
	write_file(file);
	_exit(0);
}

int main(int argc, char **argv)
{
	int alive[2], count = argc == 3 ? atoi(argv[1]) : 0;
	char byte;
	if (count <= 0 || pipe(alive) < 0)
		errx(2, "usage: detach COUNT FILE");
	for (int i = 0; i < count; i++) {
		write_file(argv[2]);
		write_from_child(argv[2], 0);
		write_from_child(argv[2], 1);
	}
	/* The end of the pipe comes when none of them is left that could write into it. */
	close(alive[1]);
	return read(alive[0], &byte, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
