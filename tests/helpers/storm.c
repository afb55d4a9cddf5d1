/* SPDX-License-Identifier: MIT */
/*
 * storm COUNT WIDTH UID DIR COMMAND...: starts COUNT short-lived processes, WIDTH at
 * once, each as UID, each with a file name of its own (DIR/0, DIR/1 ...) in the place of
 * {} in the words of COMMAND. Exits 0 if all of them did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **words, unsigned uid, const char *dir, long number)
{
	char *argv[16] = {0};
	char room[4096];
	for (size_t i = 0; words[i] && i < 15; i++) {
		char *at = strstr(words[i], "{}");
		argv[i] = words[i];
		if (!at)
			continue;
		snprintf(room, sizeof(room), "%.*s%s/%ld%s", (int)(at - words[i]),
			words[i], dir, number, at + 2);
		argv[i] = room;
	}
	if (setgid(uid) < 0 || setuid(uid) < 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	long count = atol(argv[1]), width = atol(argv[2]), running = 0, failed = 0;
	for (long i = 0; i < count || running > 0;) {
		int status;
		if (i < count && running < width) {
			pid_t pid = fork();
			if (pid == 0)
				become(argv + 5, (unsigned)atol(argv[3]), argv[4], i);
			if (pid < 0)
				return 1;
			i++;
			running++;
			continue;
		}
		if (wait(&status) < 0)
			return 1;
		running--;
		failed += status != 0;
	}
	return failed ? 1 : 0;
}
