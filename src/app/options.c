/* SPDX-License-Identifier: MIT */
#include "app/options.h"

#include "base/countof.h"
#include "core/rule/judge.h"

#include <assert.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Options without a letter of their own. */
enum {
	OPT_VERSION = 256,
	OPT_STRING, /* from here on: index into `known` */
};

/* An option: where its value goes. */
struct known_option {
	const char *name;
	char letter; /* or 0 */
	unsigned set; /* verbs that take it */
	const char *arg; /* NULL: a flag */
	size_t offset; /* of a const char * or, for flags, a bool in struct options */
	const char *help;
};

/* All options but those that are made of conditions and stand behind these. */
static const struct known_option known[] = {
	{"config", 'c', OPTIONS_CONF, "FILE", offsetof(struct options, conf_file),
		"main configuration (" OPTIONS_CONF_FILE ")"},
	{"rules-dir", 'd', OPTIONS_CONF, "DIR", 0,
		"directory of rule files, not the default ones"},
	{"names", 0, OPTIONS_NAMES, NULL, offsetof(struct options, only_names),
		"print the names of the rules alone, one a line"},
	{"rule", 0, OPTIONS_RUNS, "NAME", offsetof(struct options, rule),
		"only runs of this rule"},
	{"failed", 0, OPTIONS_RUNS, NULL, offsetof(struct options, only_failed),
		"only runs that did not go well"},
	{"since", 0, OPTIONS_RUNS, "TIME", offsetof(struct options, since),
		"only runs since then: 2h, today, 2026-11-23"},
	{"for", 0, OPTIONS_FOR, "TIME", offsetof(struct options, pause_for),
		"go on by itself after TIME, such as 2h"},
	{"state-dir", 0, OPTIONS_STATE, "DIR", offsetof(struct options, state_dir),
		"what must outlive the daemon (" OPTIONS_STATE_DIR ")"},
	{"runtime-dir", 0, OPTIONS_RUNTIME, "DIR", offsetof(struct options, runtime_dir),
		"the daemon's control socket (" OPTIONS_RUNTIME_DIR ")"},
	{"dry-run", 'n', OPTIONS_DRY, NULL, offsetof(struct options, is_dry),
		"run no hook; say what would run"},
	{"json", 0, OPTIONS_JSON, NULL, offsetof(struct options, is_json),
		"print JSON, as fsmon(8) describes it"},
	{"timeout", 0, OPTIONS_TIMEOUT, "TIME", offsetof(struct options, timeout),
		"give up after TIME, such as 10s"},
	{"event", 'e', OPTIONS_EVENT, "EVENT", offsetof(struct options, event),
		"an event of this name (close-write)"},
	{"type", 0, OPTIONS_EVENT, "TYPE", offsetof(struct options, type),
		"file, dir, symlink or other"},
	{"size", 0, OPTIONS_EVENT, "SIZE", offsetof(struct options, size),
		"a file of this size"},
};

#define KNOWN_COUNT (countof(known) + RULE_BY_COUNT)

static struct known_option known_at(size_t i)
{
	if (i < countof(known))
		return known[i];
	size_t by = i - countof(known);
	const struct judge_condition *c = &judge_conditions[by];
	return (struct known_option){c->key, 0, OPTIONS_EVENT, c->arg,
		offsetof(struct options, by) + by * sizeof(const char *), c->help};
}

static void print_help(const struct options_verb *verb)
{
	printf("Usage: fsmon %s [OPTION...]%s%s\n%s.\n\nOptions:\n", verb->name,
		*verb->args ? " " : "", verb->args, verb->summary);
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		char option[64];
		struct known_option k = known_at(i);
		if (!(k.set & verb->set))
			continue;
		int len = k.letter ? snprintf(option, sizeof(option), "-%c, ", k.letter)
				   : snprintf(option, sizeof(option), "    ");
		snprintf(option + len, sizeof(option) - (size_t)len, "--%s%s%s", k.name,
			k.arg ? " " : "", k.arg ? k.arg : "");
		printf("  %-26s %s\n", option, k.help);
	}
	printf("  %-26s %s\n  %-26s %s\n\nManual: fsmon(8), fsmon.conf(5), "
	       "fsmon-hook(7)\n",
		"-h, --help", "print this", "    --version", "print the version");
}

/* Fill getopt's tables with the options of the verb. */
static void make_tables(
	const struct options_verb *verb, char *letters, struct option *longs)
{
	size_t n = 0;
	*letters++ = 'h';
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		struct known_option k = known_at(i);
		if (!(k.set & verb->set))
			continue;
		longs[n++] =
			(struct option){k.name, k.arg ? required_argument : no_argument,
				NULL, OPT_STRING + (int)i};
		if (k.letter) {
			*letters++ = k.letter;
			if (k.arg)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	longs[n++] = (struct option){"help", no_argument, NULL, 'h'};
	longs[n++] = (struct option){"version", no_argument, NULL, OPT_VERSION};
	longs[n] = (struct option){0};
}

static int take_value(struct options *o, size_t i, const char *value)
{
	struct known_option k = known_at(i);
	void *field = (char *)o + k.offset;
	if (k.letter == 'd')
		return strlist_add(&o->rule_dirs, value);
	if (k.arg)
		*(const char **)field = value;
	else
		*(bool *)field = true;
	return 0;
}

static size_t index_of(int c)
{
	size_t i = 0;
	if (c >= OPT_STRING)
		return (size_t)(c - OPT_STRING);
	while (i < KNOWN_COUNT && known_at(i).letter != c)
		i++;
	return i;
}

int options_parse(
	struct options *o, const struct options_verb *verb, int argc, char **argv)
{
	char letters[2 * KNOWN_COUNT + 3];
	struct option longs[KNOWN_COUNT + 3];
	*o = (struct options){.verb = verb->name,
		.state_dir = OPTIONS_STATE_DIR,
		.runtime_dir = OPTIONS_RUNTIME_DIR};
	make_tables(verb, letters, longs);
	assert(argc > 0);
	optind = 1;
	int c;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == 'h') {
			print_help(verb);
			return EXIT_FINE;
		}
		if (c == OPT_VERSION) {
			printf("fsmon %s\n", FSMON_VERSION);
			return EXIT_FINE;
		}
		size_t i = c == '?' ? KNOWN_COUNT : index_of(c);
		if (i >= KNOWN_COUNT || take_value(o, i, optarg) < 0) {
			fprintf(stderr, "fsmon %s --help lists the options\n",
				verb->name);
			return EXIT_USAGE;
		}
	}
	o->args = argv + optind;
	o->arg_count = argc - optind;
	if (o->arg_count > 0 && !*verb->args) {
		fprintf(stderr,
			"fsmon %s: '%s' is one argument too many: it takes none\n",
			verb->name, o->args[0]);
		return EXIT_USAGE;
	}
	return -1;
}

void options_fini(struct options *o)
{
	strlist_fini(&o->rule_dirs);
}
