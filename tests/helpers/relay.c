/* SPDX-License-Identifier: MIT */
/*
 * relay FILE: a process that is always another one: each, in a session of its own, starts
 * the next and ends. All ignore every signal that can be ignored. They hold a
 * lock on FILE (flock), which is written when there have been a hundred, and end when it
 * is gone.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: relay FILE");
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_IGN);
	int fd = open(argv[1], O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		err(1, "%s", argv[1]);
	for (long turn = 0; access(argv[1], F_OK) == 0; turn++) {
		if (turn == 100 && write(fd, "x\n", 2) != 2)
			err(1, "%s", argv[1]);
		pid_t pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			_exit(0);
		setsid();
	}
	return EXIT_SUCCESS;
}
