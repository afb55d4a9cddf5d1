/* SPDX-License-Identifier: MIT */
/*
 * switchuser HOW COUNT UID DIR: a server that changes its user for each file. COUNT times, at full
 * speed: as UID, made so by HOW (setresuid or seteuid), make DIR/user-N; as root again make
 * DIR/root-N, and DIR/given-N, which becomes UID's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make DIR/KIND-N, and give it to a user. Returns whether that went well. */
static int make(const char *kind, int n, uid_t owner)
{
	char name[32];
	snprintf(name, sizeof(name), "%s-%d", kind, n);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	return fd >= 0 && fchown(fd, owner, (gid_t)-1) == 0 && write(fd, "x", 1) == 1 &&
	       close(fd) == 0;
}

int main(int argc, char **argv)
{
	if (argc != 5 || chdir(argv[4]) < 0)
		return 2;
	int is_real = strcmp(argv[1], "setresuid") == 0;
	int count = atoi(argv[2]);
	uid_t user = (uid_t)atoi(argv[3]);
	for (int i = 0; i < count; i++) {
		if (is_real ? setresuid(user, user, 0) : seteuid(user))
			return 1;
		if (!make("user", i, (uid_t)-1))
			return 1;
		if (is_real ? setresuid(0, 0, 0) : seteuid(0))
			return 1;
		if (!make("root", i, (uid_t)-1) || !make("given", i, user))
			return 1;
	}
	return 0;
}
