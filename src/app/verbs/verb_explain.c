/* SPDX-License-Identifier: MIT */
#include "app/verbs/verbs.h"

#include "app/talk/report.h"
#include "app/verbs/show.h"
#include "core/text/value.h"
#include "os/user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The event that the command line describes. */
struct question {
	char *path; /* as it was given, if it was absolute */
	char *real; /* without links, but perhaps the last component */
	struct event event;
	struct actor actor;
};

static int complain(const char *option, const char *what)
{
	fprintf(stderr, "fsmon explain: %s: %s\n", option, what);
	return -1;
}

static int take_event(const struct options *o, struct question *q)
{
	const char *name = o->event ? o->event : "close-write";
	uint32_t mask = event_mask_by_name(name);
	if (!mask) {
		const char *near = event_name_nearest(name);
		fprintf(stderr, "fsmon explain: --event: there is no event %s%s%s%s\n",
			name, near ? "; did you mean " : "", near ? near : "",
			near ? "?" : "");
		return -1;
	}
	q->event.kinds = mask & EVENT_ALL;
	if (mask & EVENT_RENAMES)
		q->event.kinds =
			(q->event.kinds & ~(uint32_t)EVENT_RENAMES) | EVENT_RENAME;
	return 0;
}

/* What the file is: as the options say, or as it stands there now. */
static int take_file(const struct options *o, struct question *q)
{
	struct event *e = &q->event;
	struct stat st;
	struct buf why = {0};
	bool exists = lstat(q->path, &st) == 0;
	e->type_known = true;
	e->nlink = exists ? (uint32_t)st.st_nlink : 1;
	e->size_bytes = exists ? (uint64_t)st.st_size : 0;
	e->type = !exists || S_ISREG(st.st_mode) ? EVENT_TYPE_FILE
		  : S_ISDIR(st.st_mode)          ? EVENT_TYPE_DIR
		  : S_ISLNK(st.st_mode)          ? EVENT_TYPE_SYMLINK
						 : EVENT_TYPE_OTHER;
	bool found = !o->type;
	for (unsigned t = EVENT_TYPE_FILE; !found && t <= EVENT_TYPE_OTHER; t++) {
		found = strcmp(o->type, event_type_name(t)) == 0;
		if (found)
			e->type = t;
	}
	e->is_dir = e->type == EVENT_TYPE_DIR;
	/* A create or modify alone is one that no close-write follows. */
	e->is_unwritten = true;
	if (!found)
		return complain("--type", "file, dir, symlink or other was expected");
	int rc = o->size ? value_size(o->size, &e->size_bytes, &why) : 0;
	if (rc < 0)
		complain("--size", why.data ? why.data : "");
	buf_fini(&why);
	return rc;
}

/* Assume a user, of a name or a number; its name too, where there is one. */
static int take_user(const char *value, uint32_t *uid, char **name)
{
	struct user u;
	char *end, room[256];
	unsigned long number = strtoul(value, &end, 10);
	if (*value && !*end) {
		*uid = (uint32_t)number;
		if (user_name_of(*uid, room, sizeof(room)) == 0)
			*name = strdup(room);
		return 0;
	}
	if (user_by_name(value, &u) < 0)
		return -1;
	*uid = u.uid;
	*name = u.name;
	u.name = NULL;
	user_fini(&u);
	return 0;
}

/* Assume of the actor what an option says of the subject of a condition. */
static int take_subject(
	const struct judge_condition *c, const char *value, struct actor *a)
{
	void *subject = (char *)a + c->offset;
	void *name = (char *)a + c->name_offset;
	if (c->subject == JUDGE_USER)
		return take_user(value, subject, name);
	if (c->subject == JUDGE_NAME) {
		strlcpy(subject, value, PROGRAM_COMM_SIZE);
		return 0;
	}
	if (c->subject == JUDGE_NAMES)
		a->ancestors_len = strlen(value) + 1;
	char *copy = strdup(value);
	*(char **)subject = copy;
	return copy ? 0 : -1;
}

static int take_actor(const struct options *o, struct question *q)
{
	q->event.actor = &q->actor;
	for (size_t i = 0; i < RULE_BY_COUNT; i++) {
		const struct judge_condition *c = &judge_conditions[i];
		if (!o->by[i] || take_subject(c, o->by[i], &q->actor) == 0)
			continue;
		fprintf(stderr, "fsmon explain: --%s: %s\n", c->key,
			errno == ENOENT ? "there is no user of that name"
					: strerror(errno));
		return -1;
	}
	return 0;
}

/* The path with its directory's links resolved. */
static char *real_path(const char *path)
{
	char *copy = strdup(path), *whole = NULL;
	size_t len = copy ? strlen(copy) : 0;
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *name = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	char *dir = copy ? realpath(!slash          ? "."
				    : slash == copy ? "/"
						    : copy,
				   NULL)
			 : NULL;
	if (dir && asprintf(&whole, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < 0)
		whole = NULL;
	/* A directory that does not exist yet has no links either. */
	if (!dir && slash && path[0] == '/' && asprintf(&whole, "%s/%s", copy, name) < 0)
		whole = NULL;
	free(dir);
	free(copy);
	return whole;
}

/* The path itself, where somebody may have written it like that; else `real`. */
static char *plain_path(const char *path, const char *real)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	char *copy = strndup(path, len);
	if (!copy || (*copy == '/' && !strstr(copy, "//") && !strstr(copy, "/./") &&
			     !strstr(copy, "/../")))
		return copy;
	free(copy);
	return strdup(real);
}

/* Find out which path is meant. Returns 0, or -1 with errno. */
static int take_path(const char *path, struct question *q)
{
	q->real = real_path(path);
	q->path = q->real ? plain_path(path, q->real) : NULL;
	q->event.path = q->path;
	return q->path ? 0 : -1;
}

/* Say where the path leads, if that is elsewhere. */
static void show_link(const char *path)
{
	struct fronts *f = fronts_new();
	if (f && fronts_add(f, path) == 0 && fronts_find(f) == 0) {
		json_t *link = report_link(fronts_at(f, 0));
		if (link)
			report_print_link(link, "", stdout);
		json_decref(link);
	}
	fronts_free(f);
}

/* The path of a rule that leads through the link that is asked about, or NULL. */
static const struct glob *find_way(
	const struct rule *r, const struct fronts *fronts, const struct question *q)
{
	size_t rest;
	for (size_t i = 0; i < r->path.count; i++) {
		const struct fronts_item *item =
			fronts_get(fronts, glob_literal_front(r->path.items[i], &rest));
		const struct front *f = &item->front;
		for (size_t k = 0; k < f->step_count; k++) {
			const struct front_step *s = &f->steps[k];
			if ((s->kind == FRONT_LINK || s->kind == FRONT_STRANGER) &&
				strlen(q->real) == s->len &&
				memcmp(s->path, q->real, s->len) == 0)
				return r->path.items[i];
		}
	}
	return NULL;
}

/* What is said of a rule. */
struct answer {
	enum judge_verdict verdict;
	const struct glob *glob; /* that decides it */
	bool is_way; /* it leads through what is asked about */
};

static void judge_path(
	const struct load *l, uint32_t i, const struct question *q, struct answer *a)
{
	const struct table *t = l->table;
	a->verdict = table_judge_path(t, i, q->path, strlen(q->path), &a->glob);
	if (a->verdict == JUDGE_NO_PATH)
		a->verdict = table_judge_path(t, i, q->real, strlen(q->real), &a->glob);
	const struct glob *way = find_way(table_rule(t, i), l->fronts, q);
	a->is_way = a->verdict == JUDGE_NO_PATH && way;
	if (a->is_way) {
		a->verdict = JUDGE_MATCH;
		a->glob = way;
	}
}

static struct answer judge(const struct load *l, uint32_t i, const struct question *q)
{
	const struct rule *r = table_rule(l->table, i);
	struct answer a = {0};
	judge_path(l, i, q, &a);
	if (!r->enabled)
		a.verdict = JUDGE_DISABLED;
	if (a.verdict != JUDGE_MATCH)
		return a;
	a.verdict = judge_kind(r, &q->event, true, q->event.old_path != NULL)
			    ? judge_event(r, &q->event)
			    : JUDGE_EVENTS;
	return a;
}

static bool explain_rule(const struct load *l, uint32_t i, const struct question *q,
	const struct options *o)
{
	const struct rule *r = table_rule(l->table, i);
	struct answer a = judge(l, i, q);
	enum judge_verdict v = a.verdict;
	/* Why a condition that the command line says nothing of holds back a rule. */
	bool is_missing = v >= JUDGE_BY && !o->by[v - JUDGE_BY];
	show_rule(r);
	if (v == JUDGE_MATCH || v == JUDGE_EXCLUDED) {
		printf(v == JUDGE_EXCLUDED ? ": no: excluded by "
			: a.is_way         ? ": MATCHES as a link on the way of path = "
					   : ": MATCHES by path = ");
		show_text(stdout, glob_text(a.glob));
	} else {
		printf(": no: %s", judge_verdict_text(v));
	}
	if (is_missing)
		printf(" (say who it is with --%s)", judge_conditions[v - JUDGE_BY].key);
	printf("\n");
	return v == JUDGE_MATCH;
}

static int answer(const struct load *l, const struct question *q, const struct options *o)
{
	size_t matches = 0, count = table_count(l->table);
	show_link(q->path);
	for (uint32_t i = 0; i < count; i++)
		matches += explain_rule(l, i, q, o);
	printf("%zu of %zu rules match %s ", matches, count,
		o->event ? o->event : "close-write");
	show_text(stdout, q->path);
	printf("\n");
	return EXIT_FINE;
}

int verb_explain(const struct options *o)
{
	struct question q = {.actor = ACTOR_NOBODY};
	struct load l = {0};
	int code = EXIT_USAGE;
	if (o->arg_count != 1) {
		fprintf(stderr,
			"fsmon explain: one path was expected (fsmon explain /srv/x)\n");
		return EXIT_USAGE;
	}
	if (take_path(o->args[0], &q) < 0) {
		fprintf(stderr, "fsmon explain: %s: %s\n", o->args[0], strerror(errno));
		goto done;
	}
	if (take_event(o, &q) < 0 || take_file(o, &q) < 0 || take_actor(o, &q) < 0)
		goto done;
	if (show_load(&l, o, NULL, 0) < 0)
		goto done;
	code = answer(&l, &q, o);
	if (l.conf.error_count)
		code = EXIT_USAGE;
done:
	load_fini(&l);
	actor_fini(&q.actor);
	free(q.path);
	free(q.real);
	return code;
}
