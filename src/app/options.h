/* SPDX-License-Identifier: MIT */
/* The command line: what every verb understands. */
#ifndef FSMON_APP_OPTIONS_H
#define FSMON_APP_OPTIONS_H

#include "base/strlist.h"
#include "core/rule/rule.h"

#include <stdbool.h>

#define OPTIONS_CONF_FILE "/etc/fsmon/fsmon.conf"
#define OPTIONS_STATE_DIR "/var/lib/fsmon"
#define OPTIONS_RUNTIME_DIR "/run/fsmon"

enum options_exit { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Which options a verb takes, besides --help and --version. */
enum options_set {
	OPTIONS_CONF = 1 << 0, /* -c, -d */
	OPTIONS_STATE = 1 << 1, /* --state-dir */
	OPTIONS_RUNTIME = 1 << 2, /* --runtime-dir */
	OPTIONS_DRY = 1 << 3, /* --dry-run */
	OPTIONS_JSON = 1 << 4, /* --json */
	OPTIONS_EVENT = 1 << 5, /* --event, --type, --size, --by-* */
	OPTIONS_TIMEOUT = 1 << 6, /* --timeout */
	OPTIONS_RUNS = 1 << 7, /* --rule, --failed, --since */
	OPTIONS_FOR = 1 << 8, /* --for */
	OPTIONS_NAMES = 1 << 9, /* --names */
};

struct options {
	const char *verb; /* its name */
	const char *conf_file; /* NULL: the default, which may be missing */
	struct strlist rule_dirs; /* empty: the default ones */
	const char *state_dir;
	const char *runtime_dir;
	bool is_dry;
	bool is_json;
	bool only_names;
	bool only_failed;
	const char *rule;
	const char *timeout, *since, *pause_for; /* as written, or NULL */
	const char *event, *type, *size, *by[RULE_BY_COUNT];
	char **args; /* what is left, NULL behind the last */
	int arg_count;
};

/* What a verb is: for the parser and for --help. */
struct options_verb {
	const char *name;
	const char *args; /* "[FILE...]", or "" */
	const char *summary; /* one line */
	unsigned set; /* enum options_set */
	int (*run)(const struct options *o);
};

/*
 * Parse the options of a verb; argv[0] is what messages begin with. Returns -1 if the
 * verb is to go on, or the exit code: help and version were printed (0), or a usage error
 * on standard error (2). Strings are borrowed from argv. The caller frees with
 * options_fini in any case.
 */
int options_parse(
	struct options *o, const struct options_verb *verb, int argc, char **argv);

void options_fini(struct options *o);

#endif
