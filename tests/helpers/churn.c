/* SPDX-License-Identifier: MIT */
/*
 * churn [-s COMMAND] [-fnw] [-x LETTERS] [-p PROCESSES] [-l LOG] ROOT SEED OPERATIONS TOP...: does random
 * things, which SEED decides, to what lies below the directories ROOT/TOP. These stay where they
 * are; what is in them at first is taken as it is. Prints nothing; fails if a call fails that
 * must not.
 *
 * -s  runs COMMAND after each operation.
 * -f  moves no directories.
 * -n  takes names from a few, so that they come back. Else each name is new, and no file ever
 *     gets a name again that it had: then nothing that the kernel merges hides anything.
 * -w  does not write to files that have several names, and truncates by name in ROOT/flat alone:
 *     what else that changes no event tells.
 * -x  leaves out the operations with these letters (see the table below).
 * -p  has so many processes work in directories of their own below the first TOP, while
 *     directories that they are in are renamed and exchanged.
 * -l  appends to LOG what was done, a line each, with the paths as they were then:
 *     c PATH (an entry was made), d PATH (removed), r OLD NEW, w PATH (written to or closed).
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
#include <sys/wait.h>
#include <unistd.h>

#define NODES_MAX 16384
#define NODES_FULL 300 /* beyond that nothing is made */
#define NODES_MANY 150 /* beyond that more is removed than made */
#define DEPTH_MAX 6
#define NAMES_MAX 1048576

/* A name of a file; of a top, its path from the working directory. */
struct node {
	struct node *parent; /* NULL: a top */
	char name[32];
	char type; /* d, f, l (symbolic link), o */
	bool is_older; /* than this process */
	uint64_t file; /* inode number */
};

static struct node *nodes[NODES_MAX];
static size_t node_count, top_count;
static uint64_t had_names[NAMES_MAX]; /* hashes of (file, directory, name); 0: free */
static uint64_t wanted_note; /* the hash that note_of has looked for last */
static const char *root, *between;
static bool few_names, only_files_move, only_what_is_told;
static const char *left_out = "";
static FILE *log_file;
static uint64_t random_state;
static unsigned run_number, last_name;

/* ---- Chance ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static unsigned chance(size_t of)
{
	random_state += UINT64_C(0x9E3779B97F4A7C15);
	return (unsigned)(mix(random_state) % of);
}

/* Any node for which `is_fit`, or NULL if a few tries find none. */
static struct node *any(bool (*is_fit)(const struct node *n))
{
	for (int i = 0; i < 40; i++) {
		struct node *n = nodes[chance(node_count)];
		if (is_fit(n))
			return n;
	}
	return NULL;
}

/* ---- The tree as it should be ---- */

static const char *path_of(const struct node *n, char room[static PATH_MAX])
{
	if (n->parent) {
		path_of(n->parent, room);
		strcat(strcat(room, "/"), n->name);
	} else {
		strcpy(room, n->name);
	}
	return room;
}

static const char *path_in(
	const struct node *dir, const char *name, char room[static PATH_MAX])
{
	path_of(dir, room);
	return strcat(strcat(room, "/"), name);
}

static bool is_within(const struct node *n, const struct node *dir)
{
	while (n && n != dir)
		n = n->parent;
	return n;
}

static int depth_of(const struct node *n)
{
	return n->parent ? depth_of(n->parent) + 1 : 0;
}

static struct node *child(const struct node *dir, const char *name)
{
	for (size_t i = top_count; i < node_count; i++) {
		if (nodes[i]->parent == dir && strcmp(nodes[i]->name, name) == 0)
			return nodes[i];
	}
	return NULL;
}

static bool is_empty(const struct node *dir)
{
	for (size_t i = top_count; i < node_count; i++) {
		if (nodes[i]->parent == dir)
			return false;
	}
	return true;
}

/* Where it is noted, or would be, that a file had a name in a directory. */
static uint64_t *note_of(uint64_t file, const struct node *dir, const char *name)
{
	uint64_t hash = mix(file ^ mix(dir->file));
	for (const char *c = name; *c; c++)
		hash = mix(hash + (unsigned char)*c);
	hash |= 1;
	size_t at = hash % NAMES_MAX;
	while (had_names[at] && had_names[at] != hash)
		at = (at + 1) % NAMES_MAX;
	wanted_note = hash;
	return &had_names[at];
}

static void note_name(const struct node *n)
{
	static size_t count;
	uint64_t *note = note_of(n->file, n->parent, n->name);
	count += !*note;
	if (count == NAMES_MAX)
		errx(1, "too many names");
	*note = wanted_note;
}

/* May this file get the name there? Not if it was called that before. */
static bool may_be_called(const struct node *n, const struct node *dir, const char *name)
{
	return few_names || !*note_of(n->file, dir, name);
}

static struct node *add_node(struct node *dir, const char *name, char type, uint64_t file)
{
	struct node *n = calloc(1, sizeof(*n));
	if (!n || node_count == NODES_MAX)
		errx(1, "no room");
	n->parent = dir;
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->type = type;
	n->file = file;
	nodes[node_count++] = n;
	if (dir)
		note_name(n);
	return n;
}

static void remove_node(struct node *n)
{
	for (size_t i = top_count; i < node_count; i++) {
		if (nodes[i] == n)
			nodes[i] = nodes[--node_count];
	}
	free(n);
}

static char type_of(mode_t mode)
{
	return S_ISDIR(mode) ? 'd' : S_ISREG(mode) ? 'f' : S_ISLNK(mode) ? 'l' : 'o';
}

/* Take in what is there. */
static void load(struct node *dir)
{
	char room[PATH_MAX];
	DIR *stream = opendir(path_of(dir, room));
	if (!stream)
		err(1, "%s", room);
	for (struct dirent *e; (e = readdir(stream));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(stream), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(1, "%s/%s", room, e->d_name);
		struct node *n = add_node(dir, e->d_name, type_of(st.st_mode), st.st_ino);
		n->is_older = true;
		if (n->type == 'd')
			load(n);
	}
	closedir(stream);
}

static void add_top(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		err(1, "%s", path);
	add_node(NULL, path, 'd', st.st_ino);
	top_count = node_count;
}

/* ---- What is done is told ---- */

static void tell(char what, const char *path, const char *to)
{
	if (!log_file)
		return;
	fprintf(log_file, "%c\t%s/%s", what, root, path);
	if (to)
		fprintf(log_file, "\t%s/%s", root, to);
	putc('\n', log_file);
}

static void must(bool is_fine, const char *what, const char *path)
{
	if (!is_fine)
		err(1, "%s %s", what, path);
}

/* An entry was made: note it, and tell. */
static struct node *made(struct node *dir, const char *name, const char *path)
{
	struct stat st;
	must(lstat(path, &st) == 0, "lstat", path);
	tell('c', path, NULL);
	return add_node(dir, name, type_of(st.st_mode), st.st_ino);
}

/* ---- What to do it to ---- */

static bool is_dir(const struct node *n)
{
	return n->type == 'd' && depth_of(n) < DEPTH_MAX;
}

static bool is_entry(const struct node *n)
{
	return n->parent;
}

static bool is_file(const struct node *n)
{
	return n->type == 'f';
}

static bool is_movable(const struct node *n)
{
	return n->parent && !(only_files_move && n->type == 'd');
}

static bool is_removable(const struct node *n)
{
	return n->parent && (n->type != 'd' || is_empty(n));
}

/* A name that nothing has in a directory; NULL: all are taken. */
static const char *new_name(const struct node *dir, char room[static 32])
{
	if (!few_names) {
		snprintf(room, 32, "%x.%u", run_number, ++last_name);
		return room;
	}
	for (int i = 0; i < 8; i++) {
		snprintf(room, 32, "%c", 'a' + (char)chance(6));
		if (!child(dir, room))
			return room;
	}
	return NULL;
}

/* A place for a new entry. */
struct place {
	struct node *dir;
	char name[32];
	char path[PATH_MAX];
};

static bool find_place(struct place *p)
{
	p->dir = any(is_dir);
	if (!p->dir || !new_name(p->dir, p->name))
		return false;
	path_in(p->dir, p->name, p->path);
	return true;
}

/* May its content change? */
static bool may_write(const char *path)
{
	struct stat st;
	must(lstat(path, &st) == 0, "lstat", path);
	return !only_what_is_told || st.st_nlink == 1;
}

static void write_some(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%x\n", chance(1u << 30));
	must(fd >= 0 && write(fd, text, (size_t)len) == len, "write", text);
}

/* ---- The operations; each says whether it did something ---- */

static bool make_dir(void)
{
	struct place p;
	if (!find_place(&p))
		return false;
	must(mkdir(p.path, 0755) == 0, "mkdir", p.path);
	made(p.dir, p.name, p.path);
	return true;
}

static bool make_by_open(int flags, bool writes)
{
	struct place p;
	if (!find_place(&p))
		return false;
	int fd = open(p.path, O_CREAT | O_EXCL | flags, 0644);
	must(fd >= 0, "open", p.path);
	made(p.dir, p.name, p.path);
	if (writes)
		write_some(fd);
	close(fd);
	tell('w', p.path, NULL);
	return true;
}

static bool make_and_write(void)
{
	return make_by_open(O_WRONLY, true);
}

static bool make_for_reading(void)
{
	return make_by_open(O_RDONLY, false);
}

static bool make_node(void)
{
	struct place p;
	if (!find_place(&p))
		return false;
	must(mknod(p.path, (chance(2) ? S_IFREG : S_IFIFO) | 0644, 0) == 0, "mknod",
		p.path);
	made(p.dir, p.name, p.path);
	return true;
}

static bool make_symlink(void)
{
	struct place p;
	char to[32];
	if (!find_place(&p))
		return false;
	snprintf(to, sizeof(to), "%u", chance(1000));
	must(symlink(to, p.path) == 0, "symlink", p.path);
	made(p.dir, p.name, p.path);
	return true;
}

static bool make_link(void)
{
	struct place p;
	char from[PATH_MAX];
	struct node *n = any(is_file);
	if (!n || !find_place(&p) || !may_be_called(n, p.dir, p.name))
		return false;
	if (link(path_of(n, from), p.path) < 0)
		return false; /* perhaps to another filesystem's */
	made(p.dir, p.name, p.path);
	return true;
}

/* A file without a name gets one, before it is closed or after that. */
static bool make_by_tmpfile(void)
{
	struct place p;
	char dir[PATH_MAX], self[64];
	if (!find_place(&p))
		return false;
	int fd = open(path_of(p.dir, dir), O_TMPFILE | O_WRONLY, 0644);
	if (fd < 0)
		return false; /* not every filesystem has that */
	write_some(fd);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	int kept = open(self, O_RDONLY);
	bool closes_first = chance(2);
	if (closes_first)
		close(fd);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", kept);
	must(linkat(AT_FDCWD, self, AT_FDCWD, p.path, AT_SYMLINK_FOLLOW) == 0, "linkat",
		p.path);
	tell('w', p.path, NULL); /* from before it had the name */
	made(p.dir, p.name, p.path);
	if (!closes_first)
		close(fd);
	close(kept);
	tell('w', p.path, NULL);
	return true;
}

static bool append(void)
{
	char path[PATH_MAX];
	struct node *n = any(is_file);
	if (!n || !may_write(path_of(n, path)))
		return false;
	int fd = open(path, O_WRONLY | (chance(4) ? O_APPEND : O_TRUNC));
	write_some(fd);
	close(fd);
	tell('w', path, NULL);
	return true;
}

static bool cut_by_name(void)
{
	char path[PATH_MAX];
	struct node *n = any(is_file);
	if (!n || !may_write(path_of(n, path)))
		return false;
	if (only_what_is_told && strcmp(n->parent->name, "flat") != 0)
		return false;
	must(truncate(path, chance(20)) == 0, "truncate", path);
	tell('w', path, NULL);
	return true;
}

static bool change_mode(void)
{
	char path[PATH_MAX];
	struct node *n = any(is_entry);
	if (!n || n->type == 'l')
		return false;
	must(chmod(path_of(n, path), 0700 | chance(64)) == 0, "chmod", path);
	tell('w', path, NULL);
	return true;
}

static bool take_away(void)
{
	char path[PATH_MAX];
	struct node *n = any(is_removable);
	if (!n)
		return false;
	must(remove(path_of(n, path)) == 0, "remove", path);
	tell('d', path, NULL);
	remove_node(n);
	return true;
}

static char last_old[PATH_MAX], last_new[PATH_MAX];

/* A rename back at once would look like an exchange. */
static bool is_back(const char *old, const char *new)
{
	return strcmp(old, last_new) == 0 && strcmp(new, last_old) == 0;
}

static bool rename_to(
	struct node *n, struct node *dir, const char *name, struct node *replaced)
{
	char old[PATH_MAX], new[PATH_MAX];
	path_of(n, old);
	path_in(dir, name, new);
	if (is_within(dir, n) || is_back(old, new) || !may_be_called(n, dir, name))
		return false;
	must(rename(old, new) == 0, "rename", old);
	tell('r', old, new);
	strcpy(last_old, old);
	strcpy(last_new, new);
	if (replaced)
		remove_node(replaced);
	n->parent = dir;
	memmove(n->name, name, strlen(name) + 1);
	note_name(n);
	return true;
}

static bool move(void)
{
	struct node *n = any(is_movable);
	struct place p;
	if (!n || !find_place(&p))
		return false;
	if (chance(3) == 0)
		p.dir = n->parent;
	return !child(p.dir, p.name) && rename_to(n, p.dir, p.name, NULL);
}

static bool move_over(void)
{
	struct node *n = any(is_movable), *to = any(is_removable);
	char name[32];
	/* Two names of one file stay as they are. Where a directory was that is older, nothing
	 * says once it is replaced. */
	if (!n || !to || n->file == to->file || (n->type == 'd') != (to->type == 'd') ||
		is_within(to, n) || (to->type == 'd' && to->is_older))
		return false;
	strcpy(name, to->name);
	return rename_to(n, to->parent, name, to);
}

/* As editors and package managers do. */
static bool save_and_move_over(void)
{
	size_t before = node_count;
	struct node *to = any(is_file);
	char name[32];
	if (!to || !make_and_write() || node_count == before)
		return false;
	strcpy(name, to->name);
	return rename_to(nodes[node_count - 1], to->parent, name, to) || true;
}

static bool write_while_moved(void)
{
	char path[PATH_MAX];
	struct node *n = any(is_file);
	struct place p;
	if (!n || !may_write(path_of(n, path)) || !find_place(&p))
		return false;
	int fd = open(path, O_WRONLY | O_APPEND);
	must(fd >= 0, "open", path);
	bool has_moved = rename_to(n, p.dir, p.name, NULL);
	write_some(fd);
	close(fd);
	tell('w', has_moved ? p.path : path, NULL);
	return true;
}

static bool exchange(void)
{
	char a_path[PATH_MAX], b_path[PATH_MAX];
	struct node *a = any(is_movable), *b = any(is_movable);
	if (!a || !b || a->file == b->file || is_within(a, b) || is_within(b, a) ||
		!may_be_called(a, b->parent, b->name) ||
		!may_be_called(b, a->parent, a->name) ||
		is_back(path_of(a, a_path), path_of(b, b_path)) ||
		is_back(b_path, a_path))
		return false;
	must(renameat2(AT_FDCWD, a_path, AT_FDCWD, b_path, RENAME_EXCHANGE) == 0,
		"exchange", a_path);
	tell('r', a_path, b_path);
	tell('r', b_path, a_path);
	strcpy(last_old, b_path);
	strcpy(last_new, a_path);
	struct node was = *a;
	a->parent = b->parent;
	strcpy(a->name, b->name);
	b->parent = was.parent;
	strcpy(b->name, was.name);
	note_name(a);
	note_name(b);
	return true;
}

static const struct operation {
	char letter;
	unsigned weight;
	bool (*run)(void);
} operations[] = {
	{'d', 3, make_dir},
	{'w', 3, make_and_write},
	{'r', 1, make_for_reading},
	{'n', 1, make_node},
	{'s', 1, make_symlink},
	{'l', 1, make_link},
	{'t', 1, make_by_tmpfile},
	{'a', 2, append},
	{'c', 1, cut_by_name},
	{'m', 1, change_mode},
	{'b', 1, save_and_move_over},
	{'h', 1, write_while_moved},
	{'v', 3, move},
	{'o', 1, move_over},
	{'x', 1, exchange},
	{'u', 3, take_away},
};

static bool (*any_operation(void))(void)
{
	size_t count = sizeof(operations) / sizeof(*operations), weight = 0;
	for (size_t i = 0; i < count; i++)
		weight += operations[i].weight;
	for (;;) {
		unsigned at = chance(weight);
		const struct operation *o = operations;
		for (; at >= o->weight; o++)
			at -= o->weight;
		if (!strchr(left_out, o->letter))
			return o->run;
	}
}

static void operate(void)
{
	bool (*what)(void) = any_operation();
	if (node_count > NODES_FULL || (node_count > NODES_MANY && chance(3) == 0))
		what = take_away;
	if (!what())
		return;
	if (between && (fflush(log_file), system(between) != 0))
		errx(1, "%s failed", between);
}

/* ---- Several processes ---- */

/* Work in a directory, whatever it is called meanwhile. */
static void work_in(int dir, uint64_t seed, long count)
{
	must(fchdir(dir) == 0, "fchdir", ".");
	random_state = seed;
	run_number = (unsigned)seed;
	node_count = top_count = 0;
	add_top(".");
	load(nodes[0]);
	for (long i = 0; i < count; i++)
		operate();
	_exit(0);
}

static int work_in_many(long processes, uint64_t seed, long count)
{
	struct node *top = nodes[0];
	struct node *dirs[16];
	int failed = 0;
	for (long i = 0; i < processes; i++) {
		struct place p = {.dir = top};
		new_name(top, p.name);
		path_in(top, p.name, p.path);
		must(mkdir(p.path, 0755) == 0, "mkdir", p.path);
		dirs[i] = made(top, p.name, p.path);
		int dir = open(p.path, O_PATH | O_DIRECTORY);
		if (fork() == 0)
			work_in(dir, seed * 100 + (uint64_t)i + 1, count);
		close(dir);
	}
	for (long running = processes; running > 0;) {
		int status;
		char name[32];
		if (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			failed |= status;
			continue;
		}
		rename_to(
			dirs[chance((size_t)processes)], top, new_name(top, name), NULL);
		usleep(500);
	}
	return failed != 0;
}

int main(int argc, char **argv)
{
	long processes = 0;
	for (int c; (c = getopt(argc, argv, "+s:fnwx:p:l:")) != -1;) {
		between = c == 's' ? optarg : between;
		only_files_move |= c == 'f';
		few_names |= c == 'n';
		only_what_is_told |= c == 'w';
		left_out = c == 'x' ? optarg : left_out;
		processes = c == 'p' ? atol(optarg) : processes;
		if (c == 'l' && !(log_file = fopen(optarg, "a")))
			err(1, "%s", optarg);
	}
	if (argc - optind < 4 || processes > 16)
		return 2;
	root = argv[optind];
	must(chdir(root) == 0, "chdir", root);
	uint64_t seed = strtoull(argv[optind + 1], NULL, 10);
	long count = atol(argv[optind + 2]);
	random_state = mix(seed);
	run_number = (unsigned)seed;
	for (int i = optind + 3; i < argc; i++)
		add_top(argv[i]);
	for (size_t i = 0; i < top_count; i++)
		load(nodes[i]);
	if (processes)
		return work_in_many(processes, seed, count);
	for (long i = 0; i < count; i++)
		operate();
	return log_file && fclose(log_file) != 0;
}
