/* SPDX-License-Identifier: MIT */
/* All errors and warnings of the configuration, and where each rule lands. */
#include "app/verbs/verbs.h"

#include "os/fanotify.h"
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

/* Check a file of these rules. Returns the exit code. */
static int check(const char *rules)
{
	char *args[] = {strdup(tempdir_path("rules")), NULL};
	const struct options o = {.verb = "check", .args = args, .arg_count = 1};
	unlink(args[0]);
	tempdir_write("rules", rules);
	printed_begin();
	int code = verb_check(&o);
	printed_end();
	free(args[0]);
	return code;
}

static void says_on_which_mounts_a_rule_is_watched(void **state)
{
	(void)state;
	assert_int_equal(check("[files]\npath = /**\ncommand = true\n"), EXIT_FINE);
	assert_contains(printed_out, "[files] /tmp/.../rules:1\n    watched on /..."
				     "1 rule, 0 errors, 0 warnings\n");
	assert_null(strstr(printed_out, "NOT WATCHED"));
	assert_string_equal(printed_err, "");
}

static void warns_of_a_rule_that_is_watched_nowhere(void **state)
{
	(void)state;
	assert_int_equal(check("[p]\npath = /proc/self/**\ncommand = true\n"
			       "[q]\npath = /proc/1/**\ncommand = true\n"),
		EXIT_FINE);
	assert_contains(printed_out,
		"[p] ...rules:1: NOT WATCHED\n"
		"    not watched on /proc (proc): the kernel keeps it in memory..."
		"[q] ...rules:4: NOT WATCHED\n..."
		"2 rules, 0 errors, 2 warnings\n");
}

static void a_disabled_rule_lands_nowhere_and_needs_not(void **state)
{
	(void)state;
	assert_int_equal(
		check("[p]\npath = /proc/self/**\ncommand = true\nenabled = no\n"),
		EXIT_FINE);
	assert_contains(
		printed_out, "rules:1: disabled\n...1 rule, 0 errors, 0 warnings\n");
	assert_null(strstr(printed_out, "watched on"));
}

static void an_error_makes_it_fail(void **state)
{
	(void)state;
	assert_int_equal(check("[a]\npath = /tmp/**\n"), EXIT_USAGE);
	assert_contains(printed_err, "rules:1: [a] command: ");
	assert_contains(printed_out, "0 rules, 1 error, 0 warnings\n");
}

static void warnings_of_the_load_count(void **state)
{
	char rules[256];
	(void)state;
	snprintf(rules, sizeof(rules), "[a]\npath = %s\ncommand = true\n", tempdir);
	assert_int_equal(check(rules), EXIT_FINE);
	assert_contains(printed_err, "rules:1: warning: [a] path: ");
	assert_contains(printed_out, "1 rule, 0 errors, 1 warning\n");
}

static void without_root_it_says_what_it_has_not_tried(void **state)
{
	static const char said[] = "(as root, check would also try whether the kernel "
				   "lets fsmon watch these)\n";
	int group = fanotify_open(false);
	(void)state;
	check("");
	assert_int_equal(!strstr(printed_out, said), group >= 0);
	if (group >= 0)
		close(group);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, tempdir_setup, tempdir_teardown)

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		HERE(says_on_which_mounts_a_rule_is_watched),
		HERE(warns_of_a_rule_that_is_watched_nowhere),
		HERE(a_disabled_rule_lands_nowhere_and_needs_not),
		HERE(an_error_makes_it_fail),
		HERE(warnings_of_the_load_count),
		HERE(without_root_it_says_what_it_has_not_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
