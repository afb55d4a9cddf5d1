/* SPDX-License-Identifier: MIT */
#include "app/load.h"

#include "base/buf.h"
#include "base/grow.h"
#include "core/conf/conf.h"
#include "os/conffile.h"
#include "os/memfile.h"
#include "os/user.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const default_dirs[] = {
	"/usr/lib/fsmon/rules.d", "/run/fsmon/rules.d", "/etc/fsmon/rules.d"};

/* ---- Users and groups ---- */

/* A decimal id, or -1. */
static int64_t number_of(const char *text)
{
	const char *why = "";
	bool is_number = *text >= '0' && *text <= '9';
	int64_t n = is_number ? strtonum(text, 0, UINT32_MAX - 1, &why) : -1;
	return why ? -1 : n;
}

static int look_up_user(void *ctx, const char *name, struct rule_user *out)
{
	(void)ctx;
	struct user u;
	int64_t uid = number_of(name);
	int rc = user_by_name(name, &u);
	if (rc < 0 && uid >= 0)
		rc = user_by_id((uid_t)uid, &u);
	if (rc < 0 && uid >= 0 && errno == ENOENT) {
		/* A number needs no entry: it has itself for a group, and no home. */
		*out = (struct rule_user){
			.set = true, .uid = (uid_t)uid, .gid = (gid_t)uid};
		out->groups = malloc(sizeof(*out->groups));
		if (!out->groups)
			return -1;
		out->groups[0] = out->gid;
		out->group_count = 1;
		return 0;
	}
	if (rc < 0)
		return -1;
	*out = (struct rule_user){
		.set = true,
		.uid = u.uid,
		.gid = u.gid,
		.groups = u.groups,
		.group_count = u.group_count,
		.name = u.name,
		.home = u.home,
		.shell = u.shell,
	};
	return 0;
}

static int look_up_group(void *ctx, const char *name, gid_t *out)
{
	(void)ctx;
	int64_t gid = number_of(name);
	if (user_group_by_name(name, out) == 0)
		return 0;
	if (gid < 0)
		return -1;
	*out = (gid_t)gid;
	return 0;
}

/* ---- Files ---- */

/* Add an error of a file; where there is a rule, a warning of that. */
__attribute__((format(printf, 4, 5))) static void say(
	struct conf *c, const char *file, const struct rule *r, const char *fmt, ...)
{
	va_list ap;
	char text[1024];
	int len = r ? snprintf(text, sizeof(text), "[%s] ", r->name) : 0;
	va_start(ap, fmt);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, ap);
	va_end(ap);
	conf_add_message(c, file, r ? r->line : 0, r != NULL, text);
}

static void say_trouble(struct conf *c, const char *path, const struct conffile_error *e)
{
	char place[400] = "it";
	if (e->place[0] && strcmp(e->place, path) != 0)
		snprintf(place, sizeof(place), "its directory %s", e->place);
	switch (e->trouble) {
	case CONFFILE_NOT_FILE:
		say(c, path, NULL, "is not a regular file");
		break;
	case CONFFILE_FOREIGN:
		say(c, path, NULL,
			"not used: %s belongs to uid %u; it must belong to root or to "
			"the user who runs fsmon",
			place, e->uid);
		break;
	case CONFFILE_WRITABLE:
		say(c, path, NULL,
			"not used: %s has mode %04o; only its owner may be allowed to "
			"write to it (chmod go-w)",
			place, e->mode);
		break;
	case CONFFILE_TOO_LARGE:
		say(c, path, NULL, "is larger than %u MiB",
			CONF_FILE_MAX_BYTES / 1024 / 1024);
		break;
	default:
		say(c, path, NULL, "cannot be read: %s", strerror(errno));
	}
}

/* The files of one load, with their bytes. */
struct file_list {
	struct conf_file *items;
	size_t count;
};

static int add_file(struct file_list *l, struct conf *c, const char *path, bool is_main)
{
	struct conffile_error error;
	size_t len;
	char *bytes = conffile_read(path, CONF_FILE_MAX_BYTES, &len, &error);
	if (!bytes) {
		say_trouble(c, path, &error);
		return 0;
	}
	if (grow(l->items, l->count) < 0) {
		free(bytes);
		return -1;
	}
	l->items[l->count++] = (struct conf_file){path, bytes, len, is_main};
	return 0;
}

/* A directory that was named on the command line must be there. */
static void check_dirs(const struct strlist *dirs, struct conf *c)
{
	struct stat st;
	for (size_t i = 0; i < dirs->count; i++) {
		if (stat(dirs->items[i], &st) < 0)
			say(c, dirs->items[i], NULL, "%s", strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			say(c, dirs->items[i], NULL, "is not a directory");
	}
}

/* Find the files that the options mean. Errors become messages. */
static int find_files(struct load *l, const struct options *o, struct strlist *paths)
{
	struct strlist dirs = {0};
	const char *failed;
	check_dirs(&o->rule_dirs, &l->conf);
	int rc = strlist_copy(&dirs, &o->rule_dirs);
	for (size_t i = 0; rc == 0 && !o->rule_dirs.count && i < 3; i++)
		rc = strlist_add(&dirs, default_dirs[i]);
	if (rc == 0 && conffile_list(&dirs, paths, &failed) < 0) {
		if (errno != ENOTDIR)
			say(&l->conf, failed, NULL, "%s", strerror(errno));
	}
	strlist_fini(&dirs);
	return rc;
}

/* ---- Warnings ---- */

/* What only a look at the file system can tell. */
static void check_rule(struct conf *c, const struct rule *r)
{
	struct stat st;
	if (r->directory && (stat(r->directory, &st) < 0 || !S_ISDIR(st.st_mode)))
		say(c, r->file, r,
			"directory: %s is not a directory: the hook could not start "
			"there",
			r->directory);
	for (size_t i = 0; i < r->path.count; i++) {
		const char *path = glob_text(r->path.items[i]);
		/* Who names a link may mean that it is replaced. */
		if (glob_is_literal(r->path.items[i]) && lstat(path, &st) == 0 &&
			S_ISDIR(st.st_mode))
			say(c, r->file, r,
				"path: %s is a directory, and means only itself; did you "
				"mean %s/**?",
				path, path);
	}
}

/* ---- Symbolic links ---- */

/* Warn of paths that lead nowhere, whatever is there. */
static void check_fronts(
	struct conf *c, const struct rule *r, const struct fronts *fronts)
{
	const struct fronts_item *last = NULL;
	size_t rest;
	for (size_t i = 0; i < r->path.count; i++) {
		const struct fronts_item *item =
			fronts_get(fronts, glob_literal_front(r->path.items[i], &rest));
		struct buf text = {0};
		if (item != last && fronts_add_trouble(item, &text) == 0 && text.len)
			say(c, r->file, r, "path: %s", text.data);
		buf_fini(&text);
		last = item;
	}
}

/* Find out where the fronts of all globs lead. Returns 0, or -1 with errno. */
static int find_fronts(struct load *l)
{
	l->fronts = fronts_new();
	if (!l->fronts || fronts_add_table(l->fronts, l->table) < 0 ||
		fronts_find(l->fronts) < 0 ||
		table_lead(l->table, fronts_leads, l->fronts) < 0)
		return -1;
	for (uint32_t i = 0; i < table_count(l->table); i++) {
		const struct rule *r = table_rule(l->table, i);
		if (r->enabled)
			check_fronts(&l->conf, r, l->fronts);
	}
	return 0;
}

/* ---- Loading ---- */

static int read_all(struct load *l, const struct options *o, char *const *files,
	int count, struct strlist *paths, struct file_list *list)
{
	const char *main_file = o->conf_file ? o->conf_file : OPTIONS_CONF_FILE;
	bool has_main = count == 0 && (o->conf_file || access(main_file, F_OK) == 0);
	for (int i = 0; i < count; i++) {
		if (strlist_add(paths, files[i]) < 0)
			return -1;
	}
	if (count == 0 && find_files(l, o, paths) < 0)
		return -1;
	if (has_main && add_file(list, &l->conf, main_file, true) < 0)
		return -1;
	for (size_t i = 0; i < paths->count; i++) {
		if (add_file(list, &l->conf, paths->items[i], false) < 0)
			return -1;
	}
	return 0;
}

/* Turn files into a table. */
static int make_table(struct load *l, const struct conf_file *files, size_t count)
{
	static const struct accounts_lookup lookup = {
		.user = look_up_user, .group = look_up_group};
	if (confread_files(&l->conf, files, count, &lookup) < 0)
		return -1;
	for (size_t i = 0; i < l->conf.rule_count; i++)
		check_rule(&l->conf, l->conf.rules[i]);
	l->table = table_new(l->conf.rules, l->conf.rule_count);
	l->conf.rules = NULL;
	l->conf.rule_count = 0;
	return l->table ? find_fronts(l) : -1;
}

int load(struct load *l, const struct options *o, char *const *files, int count)
{
	*l = (struct load){0};
	struct strlist paths = {0};
	struct file_list list = {0};
	int rc = read_all(l, o, files, count, &paths, &list);
	if (rc == 0)
		rc = confpack_write(&l->held, &l->conf, list.items, list.count);
	if (rc == 0)
		rc = make_table(l, list.items, list.count);
	for (size_t i = 0; i < list.count; i++)
		free((char *)list.items[i].bytes);
	free(list.items);
	strlist_fini(&paths);
	return rc;
}

int load_held(struct load *l, int fd)
{
	struct conf_file *files = NULL;
	size_t count = 0;
	*l = (struct load){0};
	int rc = memfile_read(fd, &l->held);
	if (rc == 0)
		rc = confpack_read(&l->conf, l->held.data, l->held.len, &files, &count);
	if (rc == 0)
		rc = make_table(l, files, count);
	free(files);
	return rc;
}

void load_print(const struct load *l)
{
	for (size_t i = 0; i < l->conf.message_count; i++) {
		struct buf text = {0}, shown = {0};
		if (conf_format_message(&text, &l->conf.messages[i], true) == 0 &&
			buf_add_vis(&shown, text.data, text.len) == 0)
			fputs(shown.data, stderr);
		fprintf(stderr, "\n");
		buf_fini(&text);
		buf_fini(&shown);
	}
}

void load_fini(struct load *l)
{
	table_free(l->table);
	fronts_free(l->fronts);
	conf_fini(&l->conf);
	buf_fini(&l->held);
	*l = (struct load){0};
}
