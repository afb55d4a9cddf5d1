/* SPDX-License-Identifier: MIT */
/*
 * threadfork FILE: a thread named "a-thread" starts a child, which writes FILE and is
 * gone. The child has the name of the thread that forked it, not that of the program.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static void *start_child(void *file)
{
	int status;
	pthread_setname_np(pthread_self(), "a-thread");
	pid_t child = fork();
	if (child == 0) {
		int fd = open(file, O_WRONLY | O_CREAT, 0644);
		_exit(fd >= 0 && close(fd) == 0 ? 0 : 1);
	}
	return waitpid(child, &status, 0) == child && status == 0 ? file : NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *done = NULL;
	if (argc != 2 || pthread_create(&thread, NULL, start_child, argv[1]) != 0)
		errx(2, "usage: threadfork FILE");
	pthread_join(thread, &done);
	return done ? 0 : 1;
}
