/* SPDX-License-Identifier: MIT */
/*
 * Renames, one directly after another by one process.
 *
 *   renamer round DIR COUNT NAME...  DIR/NAME, the first of them, COUNT times to the next, in a
 *                                    circle; of a directory writes "f" in it then
 *   renamer away FROM TO COUNT       writes FROM/dN/f and renames FROM/dN to TO, for N from 1 on
 *   renamer over DIR COUNT           removes DIR/N/b/x and renames DIR/N/a to DIR/N/b, likewise
 *   renamer exchange A B COUNT       lets the two change places, COUNT times
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* DIR/[PREFIX]NUMBER[/REST], in one of two rooms. */
static char *path(const char *dir, const char *prefix, int number, const char *rest)
{
	static char room[2][PATH_MAX];
	static int turn;
	char *out = room[turn++ % 2];
	snprintf(out, PATH_MAX, "%s/%s%d%s", dir, prefix, number, rest);
	return out;
}

static void write_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd) < 0)
		err(1, "%s", name);
}

static void move(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		err(1, "%s: rename", from);
}

static void go_round(const char *dir, int count, char **names, int name_count)
{
	if (chdir(dir) < 0)
		err(1, "%s", dir);
	for (int i = 0; i < count; i++)
		move(names[i % name_count], names[(i + 1) % name_count]);
	if (chdir(names[count % name_count]) == 0)
		write_file("f");
}

static void go_away(const char *from, const char *to, int count)
{
	for (int i = 1; i <= count; i++) {
		write_file(path(from, "d", i, "/f"));
		move(path(from, "d", i, ""), path(to, "d", i, ""));
	}
}

static void go_over(const char *dir, int count)
{
	for (int i = 1; i <= count; i++) {
		if (unlink(path(dir, "", i, "/b/x")) < 0)
			err(1, "unlink");
		move(path(dir, "", i, "/a"), path(dir, "", i, "/b"));
	}
}

static void exchange(const char *a, const char *b, int count)
{
	for (int i = 0; i < count; i++) {
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			err(1, "%s: renameat2", a);
	}
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[1] : "";
	if (strcmp(verb, "round") == 0 && argc > 4)
		go_round(argv[2], atoi(argv[3]), argv + 4, argc - 4);
	else if (strcmp(verb, "away") == 0 && argc == 5)
		go_away(argv[2], argv[3], atoi(argv[4]));
	else if (strcmp(verb, "over") == 0 && argc == 4)
		go_over(argv[2], atoi(argv[3]));
	else if (strcmp(verb, "exchange") == 0 && argc == 5)
		exchange(argv[2], argv[3], atoi(argv[4]));
	else
		errx(2, "usage: see the source");
	return 0;
}
