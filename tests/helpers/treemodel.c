/* SPDX-License-Identifier: MIT */
/*
 * treemodel [-n] BEFORE AFTER EVENTS [OPERATIONS]: applies events to a tree of names, one after
 * the other, and compares what comes of it.
 *
 * BEFORE and AFTER are lists of paths, one a line: what was there before all events, and is there
 * after them. EVENTS is what hooks got with `stdin = json` from a rule on all of the tree, for
 * create, delete and rename, perhaps modify and close-write. With OPERATIONS (the log of one
 * churn without -n and -p) each event must also be of the operation whose turn it is, with the
 * path that this had; of what the kernel merges, at the place of the first. -n: names come back.
 * Fails with the first difference on standard output. Paths hold nothing that JSON escapes.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lines {
	char **items;
	size_t count, room;
};

struct event {
	const char *text; /* the line */
	char name[32];
	char *path, *old_path, *new_path; /* NULL: none */
	long pid;
	bool makes, removes, writes; /* what its `events` say */
	bool is_done; /* the second half of an exchange, applied with the first */
	bool is_derived; /* from the rename of a directory above */
};

static struct lines tree, operations;
static struct event *events;
static size_t event_count;
static bool names_come_back;

/* ---- Lines ---- */

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

/* ---- Events ---- */

/* The string that a line of JSON has for a key, or NULL. */
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

static struct event event_of(const char *text)
{
	struct event e = {.text = text};
	char *name = value_of(text, "event");
	const char *pid = strstr(text, "\"pid\":"), *all = strstr(text, "\"events\":[");
	if (!name || !all)
		errx(1, "not an event: %s", text);
	snprintf(e.name, sizeof(e.name), "%s", name);
	free(name);
	e.path = value_of(text, "path");
	e.old_path = value_of(text, "old_path");
	e.new_path = value_of(text, "new_path");
	e.pid = pid ? atol(pid + 6) : 0;
	char *kinds = strndup(all, strcspn(all, "]"));
	e.makes = strstr(kinds, "\"create\"");
	e.removes = strstr(kinds, "\"delete\"");
	e.writes = strstr(kinds, "\"modify\"") || strstr(kinds, "\"close-write\"");
	free(kinds);
	return e;
}

static bool is_rename(const struct event *e)
{
	return strcmp(e->name, "rename") == 0;
}

/* What follows a path and a slash, or NULL if it is not below that. */
static const char *rest_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	return strncmp(path, dir, len) == 0 && path[len] == '/' ? path + len : NULL;
}

static bool is_below(const struct event *e, const char *old, const char *new)
{
	const char *from = rest_below(e->old_path, old);
	const char *to = rest_below(e->new_path, new);
	return from && to && strcmp(from, to) == 0;
}

/* Whether it is of an entry below a directory that was renamed in an earlier event. Where names
 * come back, only what follows that one at once is taken for it. */
static bool is_derived(const struct event *e)
{
	for (const struct event *by = e; by-- > events;) {
		if (!is_rename(by) || by->is_derived)
			continue;
		if (is_below(e, by->old_path, by->new_path))
			return true;
		if (names_come_back && !by->is_done)
			return false;
	}
	return false;
}

/* The other half if this is the first half of an exchange, or NULL. */
static struct event *other_half(const struct event *e)
{
	for (struct event *next = events + (e - events) + 1; next < events + event_count;
		next++) {
		if (!is_rename(next) || next->pid != e->pid)
			continue;
		if (strcmp(next->old_path, e->new_path) == 0 &&
			strcmp(next->new_path, e->old_path) == 0)
			return next;
		if (!is_below(next, e->old_path, e->new_path))
			return NULL;
	}
	return NULL;
}

/* ---- The tree ---- */

static size_t find(const char *path)
{
	size_t i = 0;
	while (i < tree.count && strcmp(tree.items[i], path) != 0)
		i++;
	return i;
}

static bool is_there(const char *path)
{
	return find(path) < tree.count;
}

static void put(const char *path)
{
	if (!is_there(path))
		add(&tree, strdup(path));
}

static bool is_it_or_below(const char *path, const char *dir)
{
	return strcmp(path, dir) == 0 || rest_below(path, dir);
}

static void take_out(const char *path)
{
	for (size_t i = 0; i < tree.count;) {
		if (is_it_or_below(tree.items[i], path)) {
			free(tree.items[i]);
			tree.items[i] = tree.items[--tree.count];
		} else {
			i++;
		}
	}
}

static char *moved(const char *path, const char *old, const char *new)
{
	char *to = NULL;
	if (asprintf(&to, "%s%s", new, path + strlen(old)) < 0)
		err(1, "memory");
	return to;
}

/* Give all at `old` and below the new path; with `swaps`, what is there the old one. */
static void move(const char *old, const char *new, bool swaps)
{
	for (size_t i = 0; i < tree.count; i++) {
		char *path = tree.items[i];
		if (is_it_or_below(path, old))
			tree.items[i] = moved(path, old, new);
		else if (swaps && is_it_or_below(path, new))
			tree.items[i] = moved(path, new, old);
		else
			continue;
		free(path);
	}
}

static void complain(const struct event *e, const char *what)
{
	printf("event %zu: %s: %s\n", (size_t)(e - events) + 1, what, e->text);
	exit(1);
}

static void apply_rename(struct event *e)
{
	struct event *other = other_half(e);
	if (!is_there(e->old_path))
		complain(e, "there is nothing at the old path");
	if (other) {
		if (!is_there(e->new_path))
			complain(e, "an exchange with nothing");
		move(e->old_path, e->new_path, true);
		other->is_done = true;
		return;
	}
	take_out(e->new_path);
	move(e->old_path, e->new_path, false);
}

static void apply(struct event *e)
{
	if (is_rename(e))
		e->is_derived = !e->is_done && is_derived(e);
	if (e->is_done)
		return;
	/* What moved with its directory has moved already, unless it was told of late. */
	if (e->is_derived && is_there(e->old_path))
		move(e->old_path, e->new_path, false);
	if (e->is_derived)
		return;
	if (is_rename(e))
		apply_rename(e);
	else if (strcmp(e->name, "delete") == 0 || strcmp(e->name, "moved-from") == 0)
		take_out(e->path);
	else if (e->makes || strcmp(e->name, "moved-to") == 0)
		put(e->path);
	else if (!e->writes)
		complain(e, "unexpected");
}

/* ---- Operations ---- */

/* The paths in a line of the log. */
struct operation {
	char what;
	char path[4096], to[4096];
};

static struct operation operation_of(const char *line)
{
	struct operation o = {.what = line[0]};
	const char *tab = strchr(line + 2, '\t');
	snprintf(o.path, sizeof(o.path), "%.*s", tab ? (int)(tab - line - 2) : -1,
		line + 2);
	if (tab)
		snprintf(o.to, sizeof(o.to), "%s", tab + 1);
	return o;
}

/* Names whose removal an earlier event has told, merged. */
static struct lines told_gone;

static bool is_told_gone(const char *path)
{
	for (size_t i = 0; i < told_gone.count; i++) {
		if (strcmp(told_gone.items[i], strrchr(path, '/')) == 0)
			return true;
	}
	return false;
}

static bool is_of(const struct event *e, const struct operation *o)
{
	if (is_rename(e))
		return o->what == 'r' && strcmp(o->path, e->old_path) == 0 &&
		       strcmp(o->to, e->new_path) == 0;
	char what = e->makes ? 'c' : e->writes ? 'w' : 'd';
	return o->what == what && strcmp(o->path, e->path) == 0;
}

/* Find the operation of an event from *at on: what is passed is told already, or needs not be.
 * A write is looked for up to the next operation that must be told, and *at stays. */
static bool find_operation(const struct event *e, size_t *at)
{
	bool is_write = e->writes && !e->makes;
	for (size_t i = *at; i < operations.count; i++) {
		struct operation o = operation_of(operations.items[i]);
		if (is_of(e, &o)) {
			*at = is_write ? *at : i + 1;
			return true;
		}
		if (o.what != 'w' && !(o.what == 'd' && is_told_gone(o.path))) {
			printf("operation %zu is not told: %s\n", i + 1,
				operations.items[i]);
			return false;
		}
	}
	return false;
}

static void check_operations(void)
{
	size_t at = 0;
	for (struct event *e = events; e < events + event_count; e++) {
		if (e->is_derived)
			continue;
		/* Writes that came before a removal are told at their place. */
		if (!find_operation(e, &at))
			complain(e, "is not of the operation whose turn it is");
		if (e->removes && (e->makes || e->writes))
			add(&told_gone, strdup(strrchr(e->path, '/')));
	}
	for (; at < operations.count; at++) {
		struct operation o = operation_of(operations.items[at]);
		if (o.what != 'w' && !(o.what == 'd' && is_told_gone(o.path))) {
			printf("operation %zu is not told: %s\n", at + 1,
				operations.items[at]);
			exit(1);
		}
	}
}

/* ---- The end ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sort the tree; what moved to where it was told of already is there twice. */
static void sort_tree(void)
{
	size_t count = 0;
	qsort(tree.items, tree.count, sizeof(*tree.items), compare);
	for (size_t i = 0; i < tree.count; i++) {
		if (count == 0 || strcmp(tree.items[count - 1], tree.items[i]) != 0)
			tree.items[count++] = tree.items[i];
	}
	tree.count = count;
}

static void check_end(struct lines after)
{
	sort_tree();
	qsort(after.items, after.count, sizeof(*after.items), compare);
	for (size_t i = 0; i < tree.count || i < after.count; i++) {
		int order = i == tree.count    ? 1
			    : i == after.count ? -1
					       : strcmp(tree.items[i], after.items[i]);
		if (order == 0)
			continue;
		if (order < 0)
			printf("is not there, by the events it is: %s\n", tree.items[i]);
		else
			printf("is there, by the events it is not: %s\n", after.items[i]);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "n")) != -1)
		names_come_back |= c == 'n';
	if (argc - optind < 3)
		return 2;
	tree = read_lines(argv[optind]);
	struct lines texts = read_lines(argv[optind + 2]);
	events = calloc(texts.count + 1, sizeof(*events));
	for (; event_count < texts.count; event_count++)
		events[event_count] = event_of(texts.items[event_count]);
	for (size_t i = 0; i < event_count; i++)
		apply(&events[i]);
	if (argc - optind > 3) {
		operations = read_lines(argv[optind + 3]);
		check_operations();
	}
	check_end(read_lines(argv[optind + 1]));
	return 0;
}
