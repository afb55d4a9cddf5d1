/* SPDX-License-Identifier: MIT */
#include "core/conf/conf.h"

#include "base/countof.h"
#include "base/grow.h"
#include "core/conf/confsect.h"
#include "core/text/suggest.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define CONFREAD_ERRORS_MAX 1000 /* in one file; it is not a rule file then */

/* A rule's name, and where it stands first. */
struct rule_place {
	const char *file;
	unsigned line;
	char name[];
};

struct reader {
	struct conf *conf;
	struct accounts users;
	void *places; /* of the names of all rules so far: tsearch(3) */
	struct confsect_defaults main_defaults; /* of the main file */
	const char *lost_main; /* the main file's name, if it has [defaults] and errors */
	struct confsect section;

	/* The file being read */
	struct confsect_defaults defaults;
	struct daemon daemon;
	unsigned daemon_line; /* of the first [daemon]; 0: none yet */
	bool has_defaults;
	size_t first_rule; /* the first of the file in conf->rules */
	size_t errors_before;
	struct rule *rule; /* of the section, [defaults] too */
};

static void reader_fini(struct reader *r)
{
	tdestroy(r->places, free);
	keys_free_rule(r->rule);
	confsect_defaults_fini(&r->defaults);
	confsect_defaults_fini(&r->main_defaults);
	confsect_fini(&r->section);
	accounts_fini(&r->users);
}

/* ---- The end of a section ---- */

/* Tell that a key is missing, unless its value was told of already. */
static void tell_missing(struct reader *r, const char *key, const char *need)
{
	struct confsect *s = &r->section;
	const struct confsect_seen *seen = confsect_find_seen(s, key);
	if (!seen->is_faulty && !s->is_faulty)
		confsect_tell(s, seen->line ? seen->line : r->rule->line, key,
			"%s; a rule needs %s", seen->line ? "empty" : "missing", need);
}

/* Whether a rule without path and command is a reserved section misspelt. */
static bool tell_misspelt_section(struct confsect *s, const struct rule *rule)
{
	static const struct {
		const char *name;
	} reserved[] = {{"defaults"}, {"daemon"}};
	if (rule->path.count > 0 || rule->command)
		return false;
	const char *nearest = suggest_nearest(
		rule->name, reserved, countof(reserved), sizeof(reserved[0]));
	if (nearest)
		confsect_tell(s, rule->line, NULL,
			"a rule with neither path nor command; did you mean [%s]?",
			nearest);
	return nearest != NULL;
}

static void check_rule(struct reader *r)
{
	struct confsect *s = &r->section;
	const struct rule *rule = r->rule;
	if (!r->lost_main && !tell_misspelt_section(s, rule)) {
		if (rule->path.count == 0)
			tell_missing(r, "path", "a path to watch");
		if (!rule->command)
			tell_missing(r, "command", "a command to run");
	}
	unsigned line = confsect_find_seen(s, "max-wait")->line;
	if (line && rule->timing.max_wait_ns < rule->timing.debounce_ns)
		confsect_tell_text(s, line, "max-wait", true,
			strdup("shorter than debounce, so the hook never waits that "
			       "long"));
}

static void end_section(struct reader *r)
{
	struct confsect *s = &r->section;
	struct conf *c = r->conf;
	confsect_end(s);
	if (s->kind == CONFSECT_RULE && r->rule) {
		check_rule(r);
		if (keys_finish(r->rule, &r->users) < 0 ||
			grow(c->rules, c->rule_count) < 0) {
			s->no_memory = true;
		} else {
			c->rules[c->rule_count++] = r->rule;
			r->rule = NULL;
		}
	}
	keys_free_rule(r->rule);
	r->rule = NULL;
	s->kind = CONFSECT_NONE;
}

/* ---- The beginning of a section ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct rule_place *)a)->name,
		((const struct rule_place *)b)->name);
}

/* Note where the rule's name stands. Returns where it stood before, or NULL. */
static const struct rule_place *note_name(struct reader *r)
{
	size_t size = strlen(r->rule->name) + 1;
	struct rule_place *p = malloc(sizeof(*p) + size);
	if (!p) {
		r->section.no_memory = true;
		return NULL;
	}
	p->file = r->section.file->name;
	p->line = r->rule->line;
	memcpy(p->name, r->rule->name, size);
	struct rule_place **found = tsearch(p, &r->places, compare_names);
	if (found && *found == p)
		return NULL;
	free(p);
	r->section.no_memory = r->section.no_memory || !found;
	return found ? *found : NULL;
}

static void check_name(struct reader *r)
{
	const struct rule_place *first = note_name(r);
	if (!first)
		return;
	struct buf why = {0};
	buf_add_str(&why, "there is a rule of this name already: ");
	buf_add_vis(&why, first->file, strlen(first->file));
	buf_printf(&why, ":%u", first->line);
	confsect_tell_text(&r->section, r->rule->line, NULL, false, buf_take(&why));
}

/* A rule with all defaults that hold for it. */
static struct rule *new_rule(struct reader *r, const struct confline *line)
{
	struct rule *rule = keys_new_rule();
	if (!rule)
		return NULL;
	rule->name = strndup(line->text, line->len);
	rule->file = strdup(r->section.file->name);
	rule->line = line->line;
	if (!rule->name || !rule->file ||
		confsect_apply_defaults(&r->section, &r->main_defaults, rule) < 0 ||
		confsect_apply_defaults(&r->section, &r->defaults, rule) < 0) {
		keys_free_rule(rule);
		return NULL;
	}
	return rule;
}

static bool is_named(const struct confline *line, const char *name)
{
	return line->len == strlen(name) && memcmp(line->text, name, line->len) == 0;
}

static void begin_daemon(struct reader *r, const struct confline *line)
{
	struct confsect *s = &r->section;
	confsect_begin(s, CONFSECT_DAEMON, line, &r->daemon);
	if (!s->file->is_main)
		confsect_tell(s, line->line, NULL,
			"this section can stand in the main file, fsmon.conf, only");
	else if (r->daemon_line)
		confsect_tell(s, line->line, NULL,
			"given twice; it stands on line %u already", r->daemon_line);
	if (!r->daemon_line)
		r->daemon_line = line->line;
}

static void begin_section(struct reader *r, const struct confline *line)
{
	end_section(r);
	if (is_named(line, "daemon")) {
		begin_daemon(r, line);
		return;
	}
	bool is_defaults = is_named(line, "defaults");
	r->rule = new_rule(r, line);
	if (!r->rule)
		r->section.no_memory = true;
	confsect_begin(&r->section, is_defaults ? CONFSECT_DEFAULTS : CONFSECT_RULE, line,
		r->rule);
	r->has_defaults = r->has_defaults || is_defaults;
	if (line->why)
		confsect_tell(&r->section, line->line, NULL, "%s", line->why);
	if (r->rule && !is_defaults)
		check_name(r);
}

/* ---- Files ---- */

static size_t file_errors(const struct reader *r)
{
	return r->conf->error_count - r->errors_before;
}

static int take_line(void *ctx, const struct confline *line)
{
	struct reader *r = ctx;
	/* A faulty header says nothing about the section above it. */
	if (line->kind == CONFLINE_BAD_HEADER) {
		end_section(r);
		confsect_begin(&r->section, CONFSECT_NONE, NULL, NULL);
	}
	if (line->kind == CONFLINE_SECTION)
		begin_section(r, line);
	else
		confsect_take(&r->section, line);
	if (file_errors(r) >= CONFREAD_ERRORS_MAX)
		confsect_tell(&r->section, line->line, NULL,
			"too many errors; what follows was not read");
	return r->section.no_memory || file_errors(r) >= CONFREAD_ERRORS_MAX ? -1 : 0;
}

/* Take the rules of a faulty file away. */
static void drop_rules(struct reader *r)
{
	while (r->conf->rule_count > r->first_rule)
		keys_free_rule(r->conf->rules[--r->conf->rule_count]);
}

/* The main file's [daemon] and [defaults] hold from now on, or are known to be lost. */
static void keep_main(struct reader *r, bool is_faulty)
{
	if (!is_faulty) {
		r->conf->daemon = r->daemon;
		confsect_defaults_fini(&r->main_defaults);
		r->main_defaults = r->defaults;
		r->defaults = (struct confsect_defaults){0};
	} else if (r->has_defaults && !r->lost_main) {
		r->lost_main = r->section.file->name;
	}
}

/* Without the defaults that were meant for it, such as `user`, a rule must not run. */
static void tell_lost_main(struct reader *r)
{
	struct buf why = {0};
	buf_add_str(&why, "left out: the [defaults] in ");
	buf_add_vis(&why, r->lost_main, strlen(r->lost_main));
	buf_add_str(&why, " hold for this file, and that file has errors");
	confsect_tell_text(&r->section, 0, NULL, false, buf_take(&why));
}

static void begin_file(struct reader *r, const struct conf_file *file)
{
	r->section.file = file;
	r->section.defaults = &r->defaults;
	confsect_begin(&r->section, CONFSECT_NONE, NULL, NULL);
	r->has_defaults = false;
	r->daemon_line = 0;
	r->first_rule = r->conf->rule_count;
	r->errors_before = r->conf->error_count;
	keys_init_daemon(&r->daemon);
}

/* Read a file: its rules, unless it has an error, and its messages. Returns 0, also with
 * errors, or -1 with ENOMEM. */
static int read_file(struct reader *r, const struct conf_file *file)
{
	begin_file(r, file);
	if (r->lost_main)
		tell_lost_main(r);
	if (file->len > CONF_FILE_MAX_BYTES)
		confsect_tell(&r->section, 0, NULL, "the file is larger than 16 MiB");
	else if (confline_split(file->bytes, file->len, take_line, r) < 0)
		r->section.no_memory = true;
	end_section(r);
	bool is_faulty = file_errors(r) > 0;
	if (is_faulty)
		drop_rules(r);
	if (file->is_main)
		keep_main(r, is_faulty);
	confsect_defaults_fini(&r->defaults);
	return r->section.no_memory ? -1 : 0;
}

int confread_files(struct conf *c, const struct conf_file *files, size_t count,
	const struct accounts_lookup *lookup)
{
	struct reader r = {.conf = c,
		.users.lookup = lookup,
		.section = {.conf = c, .keys.users = &r.users}};
	int rc = 0;
	assert(!c->rules);
	keys_init_daemon(&c->daemon);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = read_file(&r, &files[i]);
	reader_fini(&r);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}
