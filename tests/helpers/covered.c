/* SPDX-License-Identifier: MIT */
/*
 * covered BEFORE AFTER EVENTS: whether events tell of every path that differs.
 *
 * BEFORE and AFTER are what `covered -s DIR...` prints: a line for each path below the
 * directories, with its type, its inode and what is in it; of a directory whose name ends in a
 * slash, only of its entries. EVENTS is what hooks got with `stdin = json` in between. A path is
 * told of if it is an event's, or the old or new path of one, or below a directory whose event
 * says that its list was cut. Fails with the first path that is not told of on standard output.
 * Paths hold nothing that JSON escapes.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lines {
	char **items;
	size_t count, room;
};

static void add(struct lines *l, char *text)
{
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->items = reallocarray(l->items, l->room, sizeof(*l->items));
		if (!l->items)
			err(1, "memory");
	}
	l->items[l->count++] = text;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct lines read_lines(const char *path)
{
	struct lines l = {0};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	if (!f)
		err(1, "%s", path);
	for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
		line[n - (line[n - 1] == '\n')] = '\0';
		add(&l, strdup(line));
	}
	free(line);
	fclose(f);
	return l;
}

/* ---- What is there ---- */

/* FNV-1a of what is in a file. */
static uint64_t hash_of(const char *path, const struct stat *st)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char bytes[4096];
	ssize_t n = 0;
	int fd = S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_NOFOLLOW) : -1;
	if (S_ISLNK(st->st_mode))
		n = readlink(path, bytes, sizeof(bytes));
	while (n > 0 || (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0)) {
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
		n = 0;
	}
	if (fd >= 0)
		close(fd);
	return hash;
}

static void show_dir(const char *path, bool goes_down)
{
	DIR *dir = opendir(path);
	if (!dir)
		err(1, "%s", path);
	for (struct dirent *e; (e = readdir(dir));) {
		char at[PATH_MAX];
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(at, sizeof(at), "%s/%s", path, e->d_name);
		if (lstat(at, &st) < 0)
			err(1, "%s", at);
		printf("%s\t%o\t%llu\t%llx\n", at, (unsigned)(st.st_mode & S_IFMT),
			(unsigned long long)st.st_ino,
			(unsigned long long)hash_of(at, &st));
		if (S_ISDIR(st.st_mode) && goes_down)
			show_dir(at, true);
	}
	closedir(dir);
}

static int show(char **dirs)
{
	for (; *dirs; dirs++) {
		size_t len = strlen(*dirs);
		bool goes_down = len == 0 || (*dirs)[len - 1] != '/';
		if (!goes_down)
			(*dirs)[len - 1] = '\0';
		show_dir(*dirs, goes_down);
	}
	return 0;
}

/* ---- What was told ---- */

static struct lines told, cut; /* paths; directories below which all counts as told */

static char *value_of(const char *text, const char *key)
{
	char wanted[32];
	snprintf(wanted, sizeof(wanted), "\"%s\":\"", key);
	const char *at = strstr(text, wanted);
	if (!at)
		return NULL;
	at += strlen(wanted);
	return strndup(at, strcspn(at, "\""));
}

static void take_event(const char *text)
{
	static const char *const keys[] = {"path", "old_path", "new_path"};
	bool is_cut = strstr(text, "\"truncated\":true");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char *path = value_of(text, keys[i]);
		if (path)
			add(is_cut ? &cut : &told, path);
	}
}

static bool is_told(const char *path)
{
	if (bsearch(&path, told.items, told.count, sizeof(*told.items), compare))
		return true;
	for (size_t i = 0; i < cut.count; i++) {
		size_t len = strlen(cut.items[i]);
		if (strncmp(path, cut.items[i], len) == 0 &&
			(path[len] == '/' || !path[len]))
			return true;
	}
	return false;
}

/* Of a path that differs: must be told. */
static void check(const char *before, const char *after)
{
	const char *line = before ? before : after;
	char *path = strndup(line, strcspn(line, "\t"));
	if (!is_told(path)) {
		printf("not told of: %s\n  before: %s\n  after:  %s\n", path,
			before ? before : "not there", after ? after : "not there");
		exit(1);
	}
	free(path);
}

static int compare_paths(const char *a, const char *b)
{
	size_t a_len = strcspn(a, "\t"), b_len = strcspn(b, "\t");
	int order = strncmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_lines(const void *a, const void *b)
{
	return compare_paths(*(char *const *)a, *(char *const *)b);
}

static void check_all(struct lines before, struct lines after)
{
	qsort(before.items, before.count, sizeof(*before.items), compare_lines);
	qsort(after.items, after.count, sizeof(*after.items), compare_lines);
	for (size_t b = 0, a = 0; b < before.count || a < after.count;) {
		int order = b == before.count ? 1
			    : a == after.count
				    ? -1
				    : compare_paths(before.items[b], after.items[a]);
		const char *was = order <= 0 ? before.items[b++] : NULL;
		const char *is = order >= 0 ? after.items[a++] : NULL;
		if (!was || !is || strcmp(was, is) != 0)
			check(was, is);
	}
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "-s") == 0)
		return show(argv + 2);
	if (argc != 4)
		return 2;
	struct lines events = read_lines(argv[3]);
	for (size_t i = 0; i < events.count; i++)
		take_event(events.items[i]);
	if (told.count)
		qsort(told.items, told.count, sizeof(*told.items), compare);
	check_all(read_lines(argv[1]), read_lines(argv[2]));
	return 0;
}
