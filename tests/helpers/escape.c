/* SPDX-License-Identifier: MIT */
/*
 * escape COUNT FILE: starts COUNT processes that are no children of its own, each in a
 * session of its own, and writes COUNT into FILE when all are there. They and it
 * ignore every signal that can be ignored, and stay until they are killed.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void stay(void)
{
	for (;;)
		pause();
}

static void start_one(int ready_fd)
{
	pid_t child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		setsid();
		pid_t grandchild = fork();
		if (grandchild != 0)
			_exit(grandchild < 0);
		if (write(ready_fd, "", 1) == 1)
			stay();
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int ready[2], count = argc == 3 ? atoi(argv[1]) : 0;
	char byte;
	if (count <= 0 || pipe(ready) < 0)
		errx(2, "usage: escape COUNT FILE");
	for (int s = 1; s < NSIG; s++)
		signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
	for (int i = 0; i < count; i++)
		start_one(ready[1]);
	for (int i = 0; i < count; i++) {
		if (read(ready[0], &byte, 1) != 1)
			err(1, "read");
	}
	FILE *out = fopen(argv[2], "w");
	if (!out || fprintf(out, "%d\n", count) < 0 || fclose(out) != 0)
		err(1, "%s", argv[2]);
	stay();
}
