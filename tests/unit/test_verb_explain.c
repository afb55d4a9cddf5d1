/* SPDX-License-Identifier: MIT */
/* Which rules match an event, and why each other one does not. */
#include "app/verbs/verbs.h"

#include "base/countof.h"
#include "printed.h"
#include "tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Ask about a path with these rules. Returns the exit code. */
static int explain(struct options o, const char *path, const char *rules)
{
	char *args[] = {(char *)path, NULL};
	o.verb = "explain";
	o.conf_file = tempdir_path("main");
	o.args = args;
	o.arg_count = path ? 1 : 0;
	unlink(o.conf_file);
	tempdir_write("main", "");
	unlink(tempdir_path("rules.conf"));
	tempdir_write("rules.conf", rules);
	strlist_add(&o.rule_dirs, tempdir);
	printed_begin();
	int code = verb_explain(&o);
	printed_end();
	options_fini(&o);
	return code;
}

static void each_rule_has_its_reason(void **state)
{
	static const char rules[] =
		"[hit]\npath = /x/*\npath = /w/**\ncommand = true\n"
		"[off]\npath = /w/**\ncommand = true\nenabled = no\n"
		"[elsewhere]\npath = /v/**\ncommand = true\n"
		"[not]\npath = /w/**\nexclude = *.tmp\ncommand = true\n"
		"[deleted]\npath = /w/**\nevents = delete\ncommand = true\n";
	(void)state;
	assert_int_equal(explain((struct options){0}, "/w/a.tmp", rules), EXIT_FINE);
	assert_string_equal(printed_err, "");
	assert_contains(printed_out, "[hit] ...rules.conf:1: MATCHES by path = /w/**\n"
				     "[off] ...: no: ..."
				     "[elsewhere] ...: no: ..."
				     "[not] ...: no: excluded by ...*.tmp\n"
				     "[deleted] ...: no: ..."
				     "1 of 5 rules match close-write /w/a.tmp\n");
	assert_int_equal(explain((struct options){.event = "delete"}, "/w/a.tmp", rules),
		EXIT_FINE);
	assert_contains(printed_out, "[deleted] ...: MATCHES..."
				     "2 of 5 rules match delete /w/a.tmp\n");
}

/* One rule for all below /w: which options make it match, or what holds it back. */
static void conditions_go_by_the_options(void **state)
{
	static const struct {
		struct options options;
		const char *keys;
		const char *said;
	} cases[] = {
		{{0}, "by-user = root\n", " (say who it is with --by-user)\n"},
		{{.by[RULE_BY_USER] = "root"}, "by-user = root\n", "MATCHES"},
		{{.by[RULE_BY_USER] = "0"}, "by-user = r*t\n", "MATCHES"},
		{{.by[RULE_BY_USER] = "12345678"}, "by-user = 12345678\n", "MATCHES"},
		{{.by[RULE_BY_USER] = "0"}, "by-user = 1\n", "no: "},
		{{0}, "by-cmd = cp\n", "--by-cmd)\n"},
		{{.by[RULE_BY_CMD] = "cp"}, "by-cmd = cp\n", "MATCHES"},
		{{.by[RULE_BY_CMD] = "mv"}, "by-cmd = cp\n", "no: "},
		{{0}, "by-exe = /bin/cp\n", "--by-exe)\n"},
		{{.by[RULE_BY_EXE] = "/bin/cp"}, "by-exe = /bin/cp\n", "MATCHES"},
		{{0}, "by-ancestor = sshd\n", "--by-ancestor)\n"},
		{{.by[RULE_BY_ANCESTOR] = "sshd"}, "by-ancestor = sshd\n", "MATCHES"},
		{{0}, "by-unit = a.service\n", "--by-unit)\n"},
		{{.by[RULE_BY_UNIT] = "a.service"}, "by-unit = a.service\n", "MATCHES"},
		{{.type = "dir"}, "type = file\n", "no: "},
		{{.type = "symlink", .event = "create"},
			"type = symlink\nevents = create\n", "MATCHES"},
		{{.type = "other", .event = "create"}, "type = other\nevents = create\n",
			"MATCHES"},
		{{.size = "2M"}, "size = >1M\n", "MATCHES"},
		{{.size = "1K"}, "size = >1M\n", "no: "},
		{{0}, "size = >1M\n", "no: "},
		{{.event = "moved-to"}, "events = rename\n", "MATCHES"},
		{{.event = "IN_DELETE"}, "events = delete\n", "MATCHES"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char rules[256];
		snprintf(rules, sizeof(rules), "[r]\npath = /w/**\ncommand = true\n%s",
			cases[i].keys);
		assert_int_equal(explain(cases[i].options, "/w/file", rules), EXIT_FINE);
		if (!strstr(printed_out, cases[i].said))
			fail_msg("%s: '%s' is not within '%s%s'", cases[i].keys,
				cases[i].said, printed_out, printed_err);
	}
}

static void what_is_no_event_is_told_of(void **state)
{
	static const struct {
		struct options options;
		const char *path;
		const char *said;
	} cases[] = {
		{{0}, NULL, "fsmon explain: one path was expected"},
		{{0}, "no-such-dir/file",
			"fsmon explain: no-such-dir/file: No such file"},
		{{.event = "delte"}, "/a",
			"fsmon explain: --event: there is no event delte; did you mean "
			"delete?\n"},
		{{.event = "zzzzzzzz"}, "/a", "--event: there is no event zzzzzzzz\n"},
		{{.type = "socket"}, "/a", "--type: file, dir, symlink or other"},
		{{.size = "big"}, "/a", "fsmon explain: --size: "},
		{{.by[RULE_BY_USER] = "no-such-user"}, "/a",
			"--by-user: there is no user of that name\n"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(
			explain(cases[i].options, cases[i].path, ""), EXIT_USAGE);
		assert_contains(printed_err, cases[i].said);
		assert_string_equal(printed_out, "");
	}
}

static void errors_of_the_configuration_are_told_besides(void **state)
{
	(void)state;
	assert_int_equal(
		explain((struct options){0}, "/w/a", "[r]\npath = /w/**\n"), EXIT_USAGE);
	assert_contains(printed_err, "rules.conf:1: [r] command: ");
	assert_contains(printed_out, "0 of 0 rules match");
}

static void the_file_is_looked_at_where_it_is(void **state)
{
	static const struct {
		const char *path; /* below the test's directory, which is where it is */
		const char *seen; /* likewise */
		const char *type;
	} cases[] = {
		{"file", "file", "file"},
		{"dir/", "dir", "dir"},
		{"link", "link", "symlink"},
		{"link/new", "link/new", "file"},
		{"pipe", "pipe", "other"},
		{"none/new", "none/new", "file"},
	};
	(void)state;
	tempdir_write("file", "12345");
	assert_int_equal(mkdir(tempdir_path("dir"), 0700), 0);
	assert_int_equal(symlink("dir", tempdir_path("link")), 0);
	assert_int_equal(mkfifo(tempdir_path("pipe"), 0600), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		char rules[256], said[256];
		snprintf(rules, sizeof(rules),
			"[r]\npath = /**\ntype = %s\nevents = all\ncommand = true\n",
			cases[i].type);
		assert_int_equal(
			explain((struct options){0}, tempdir_path(cases[i].path), rules),
			EXIT_FINE);
		snprintf(said, sizeof(said), "1 of 1 rules match close-write %s\n",
			tempdir_path(cases[i].seen));
		assert_contains(printed_out, said);
	}
	assert_int_equal(explain((struct options){0}, tempdir_path("file"),
				 "[r]\npath = /**\nsize = =5\ncommand = true\n"),
		EXIT_FINE);
	assert_contains(printed_out, "MATCHES");
}

static void a_path_may_be_relative(void **state)
{
	char *here = getcwd(NULL, 0);
	static const struct {
		const char *path, *seen;
	} cases[] = {{"name", "/name"}, {"./dir/../name", "/name"}, {"/", "/"}};
	(void)state;
	assert_int_equal(mkdir(tempdir_path("dir"), 0700), 0);
	assert_int_equal(chdir(tempdir), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		char said[256];
		int code = explain((struct options){0}, cases[i].path, "");
		snprintf(said, sizeof(said), "close-write %s%s\n",
			cases[i].path[0] == '/' ? "" : tempdir, cases[i].seen);
		assert_int_equal(code, EXIT_FINE);
		assert_contains(printed_out, said);
	}
	assert_int_equal(chdir(here), 0);
	free(here);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, tempdir_setup, tempdir_teardown)

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		HERE(each_rule_has_its_reason),
		HERE(conditions_go_by_the_options),
		HERE(what_is_no_event_is_told_of),
		HERE(errors_of_the_configuration_are_told_besides),
		HERE(the_file_is_looked_at_where_it_is),
		HERE(a_path_may_be_relative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
