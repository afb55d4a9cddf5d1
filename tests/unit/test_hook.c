/* SPDX-License-Identifier: MIT */
#include "core/hook/hook.h"
#include "core/hook/hookvars.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))

/* ---- hook_split ---- */

static const struct {
	const char *command;
	const char *words; /* joined by '|'; NULL: the shell */
} splits[] = {
	{"/usr/bin/make -C /srv/site", "/usr/bin/make|-C|/srv/site"},
	{"  /bin/true\t a  b ", "/bin/true|a|b"},
	{"/usr/bin/rsync -a --delete src/ user@host:/dst/",
		"/usr/bin/rsync|-a|--delete|src/|user@host:/dst/"},
	{"/bin/date +%Y-%m-%d,x_y", "/bin/date|+%Y-%m-%d,x_y"},
	{"/usr/bin/env A=b prog", "/usr/bin/env|A=b|prog"},
	{"/usr/bin/test x", "/usr/bin/test|x"},
	{"/a=b c", "/a=b|c"},
	{"make -C /srv/site", NULL},
	{"./exit", NULL},
	{"a/b=c prog", NULL},
	{"/bin/ls x^y", NULL},
	{"/bin/[ -e x ]", NULL},
	{"A=b prog", NULL},
	{"echo hi", NULL},
	{"[ -e x ]", NULL},
	{"cd /tmp", NULL},
	{"exit 3", NULL},
	{": x", NULL},
	{". /etc/profile", NULL},
	{"true", NULL},
	{"exec prog", NULL},
	{"if", NULL},
	{"%1", NULL},
	{"/bin/ls *", NULL},
	{"/bin/ls ~", NULL},
	{"/bin/ls a?b", NULL},
	{"/bin/ls $x", NULL},
	{"/bin/ls \"a\"", NULL},
	{"/bin/ls 'a'", NULL},
	{"/bin/ls a\\ b", NULL},
	{"/bin/ls ; rm", NULL},
	{"/bin/ls | wc", NULL},
	{"/bin/ls & ", NULL},
	{"/bin/ls > f", NULL},
	{"/bin/ls < f", NULL},
	{"/bin/ls `x`", NULL},
	{"/bin/ls (x)", NULL},
	{"/bin/ls {a,b}", NULL},
	{"/bin/ls #x", NULL},
	{"! ls", NULL},
	{"/bin/ls\nls", NULL},
	{"/bin/ls\n", NULL},
	{"/bin/ls \xc3\xa4", NULL},
	{"", NULL},
	{"  ", NULL},
};

static void join(char *out, size_t size, char *const *items, size_t count)
{
	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strlcat(out, i ? "|" : "", size);
		strlcat(out, items[i], size);
	}
}

static void test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(splits); i++) {
		struct strlist argv = {0};
		char text[256];
		char shell[256];
		int direct = hook_split(splits[i].command, &argv);
		join(text, sizeof(text), argv.items, argv.count);
		snprintf(shell, sizeof(shell), "/bin/sh|-c|%s", splits[i].command);
		assert_string_equal(text, splits[i].words ? splits[i].words : shell);
		assert_int_equal(direct, splits[i].words != NULL);
		strlist_fini(&argv);
	}
}

static void test_split_keeps_options_from_the_shell(void **state)
{
	(void)state;
	struct strlist argv = {0};
	assert_int_equal(hook_split("-x; ls", &argv), 0);
	assert_int_equal(argv.count, 4);
	assert_string_equal(argv.items[2], "--");
	assert_string_equal(argv.items[3], "-x; ls");
	strlist_fini(&argv);
}

/* ---- hook_build ---- */

/* A rule, an event and a context that a test changes before it builds. */
struct fixture {
	struct rule rule;
	struct change change;
	struct view view;
	struct hook_context context;
	struct rule_user daemon_user;
	struct hook hook;
};

static const char *get(const struct hook *h, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);
	for (char *const *e = h->envp; *e; e++) {
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=') {
			assert_null(value); /* only once */
			value = *e + len + 1;
		}
	}
	return value;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->rule.name = (char *)(uintptr_t) "site";
	f->rule.command = (char *)(uintptr_t) "/usr/bin/make all";
	f->rule.directory = (char *)(uintptr_t) "/srv";
	f->change.actor = (struct actor){.attribution = ACTOR_EXACT,
		.pid = 42,
		.ppid = 41,
		.program.comm = "touch",
		.uid = 1000,
		.euid = 0,
		.program.login_uid = 1001,
		.program.exe = (char *)(uintptr_t) "/usr/bin/touch",
		.program.cmdline = (char *)(uintptr_t) "touch a b",
		.program.unit = (char *)(uintptr_t) "cron.service",
		.user = (char *)(uintptr_t) "alice",
		.login_user = (char *)(uintptr_t) "bob",
		.depth = 2};
	f->change.event = (struct event){.kinds = EVENT_CREATE | EVENT_CLOSE_WRITE,
		.time_ns = UINT64_C(1700000000000000042)};
	f->view = (struct view){.change = &f->change,
		.kind = EVENT_CLOSE_WRITE,
		.type = EVENT_TYPE_FILE,
		.path = "/srv/a"};
	f->daemon_user = (struct rule_user){.name = (char *)(uintptr_t) "root",
		.home = (char *)(uintptr_t) "/root",
		.shell = (char *)(uintptr_t) "/bin/bash"};
	f->context = (struct hook_context){.run_id = 7,
		.attempt = 1,
		.count = 3,
		.file_fd = 3,
		.daemon_user = &f->daemon_user};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	hook_fini(&f->hook);
	strlist_fini(&f->rule.env);
	free(f);
	return 0;
}

static void build(struct fixture *f)
{
	hook_fini(&f->hook);
	assert_int_equal(hook_build(&f->hook, &f->rule, &f->view, &f->context), 0);
}

static const struct {
	const char *name;
	const char *value;
} plain[] = {
	{"FSMON_PATH", "/srv/a"},
	{"FSMON_CMD", "touch"},
	{"FSMON_USER", "alice"},
	{"FSMON_USER_MAYBE", ""},
	{"FSMON_EVENT", "close-write"},
	{"FSMON_EVENTS", "create,close-write"},
	{"FSMON_OLD_PATH", ""},
	{"FSMON_NEW_PATH", ""},
	{"FSMON_TYPE", "file"},
	{"FSMON_RULE", "site"},
	{"FSMON_RUN_ID", "7"},
	{"FSMON_ATTEMPT", "1"},
	{"FSMON_PID", "42"},
	{"FSMON_PPID", "41"},
	{"FSMON_UID", "1000"},
	{"FSMON_EUID", "0"},
	{"FSMON_EXE", "/usr/bin/touch"},
	{"FSMON_CMDLINE", "touch a b"},
	{"FSMON_LOGIN_USER", "bob"},
	{"FSMON_UNIT", "cron.service"},
	{"FSMON_ATTRIBUTION", "exact"},
	{"FSMON_TIME", "2023-11-14T22:13:20.000000042Z"},
	{"FSMON_COUNT", "3"},
	{"FSMON_TRUNCATED", NULL},
	{"FSMON_STATUS", NULL},
	{"FSMON_REASON", NULL},
	{"FSMON_OUTPUT", NULL},
	{"FSMON_DEPTH", "2"},
	{"FSMON_FD", "3"},
	{"HOME", "/root"},
	{"LOGNAME", "root"},
	{"USER", "root"},
	{"SHELL", "/bin/bash"},
	{"PATH", HOOK_PATH},
	{"LANG", "C.UTF-8"},
	{"PWD", "/srv"},
};

static void test_every_variable(void **state)
{
	struct fixture *f = *state;
	build(f);
	size_t expected = 0;
	for (size_t i = 0; i < countof(plain); i++) {
		const char *value = get(&f->hook, plain[i].name);
		if (plain[i].value) {
			assert_non_null(value);
			assert_string_equal(value, plain[i].value);
			expected++;
		} else {
			assert_null(value);
		}
	}
	size_t count = 0;
	while (f->hook.envp[count])
		count++;
	assert_int_equal(count, expected);
	assert_string_equal(f->hook.argv[0], "/usr/bin/make");
	assert_string_equal(f->hook.argv[1], "all");
	assert_null(f->hook.argv[2]);
	assert_false(f->hook.truncated);
}

static const struct {
	const char *name;
	const char *value;
} unknown[] = {
	{"FSMON_CMD", ""},
	{"FSMON_USER", ""},
	{"FSMON_PID", ""},
	{"FSMON_PPID", ""},
	{"FSMON_UID", ""},
	{"FSMON_EUID", ""},
	{"FSMON_EXE", ""},
	{"FSMON_CMDLINE", ""},
	{"FSMON_LOGIN_USER", ""},
	{"FSMON_UNIT", ""},
	{"FSMON_ATTRIBUTION", "unknown"},
	{"FSMON_DEPTH", "0"},
};

static void test_unknown_actor(void **state)
{
	struct fixture *f = *state;
	f->change.actor = (struct actor)ACTOR_NOBODY;
	f->context.file_fd = -1;
	build(f);
	for (size_t i = 0; i < countof(unknown); i++)
		assert_string_equal(get(&f->hook, unknown[i].name), unknown[i].value);
	assert_null(get(&f->hook, "FSMON_FD"));
}

static void test_users_without_names_are_numbers(void **state)
{
	struct fixture *f = *state;
	f->change.actor.user = NULL;
	f->change.actor.login_user = NULL;
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_USER"), "1000");
	assert_string_equal(get(&f->hook, "FSMON_LOGIN_USER"), "1001");
}

static const struct {
	uint32_t kind;
	const char *path, *old_path; /* of the event */
	const char *fsmon_path, *fsmon_old, *fsmon_new, *fsmon_event;
} renames[] = {
	{EVENT_RENAME, "/n", "/o", "/n", "/o", "/n", "rename"},
	{EVENT_MOVED_TO, "/n", "/o", "/n", "/o", "/n", "moved-to"},
	{EVENT_MOVED_TO, "/n", NULL, "/n", "", "/n", "moved-to"},
	{EVENT_MOVED_FROM, "/n", "/o", "/o", "/o", "/n", "moved-from"},
	{EVENT_MOVED_FROM, NULL, "/o", "/o", "/o", "", "moved-from"},
};

static void test_renames(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < countof(renames); i++) {
		f->change.event.kinds = EVENT_RENAME | EVENT_ATTRIB;
		f->view.path = renames[i].path;
		f->view.old_path = renames[i].old_path;
		f->view.kind = renames[i].kind;
		build(f);
		assert_string_equal(get(&f->hook, "FSMON_PATH"), renames[i].fsmon_path);
		assert_string_equal(
			get(&f->hook, "FSMON_OLD_PATH"), renames[i].fsmon_old);
		assert_string_equal(
			get(&f->hook, "FSMON_NEW_PATH"), renames[i].fsmon_new);
		assert_string_equal(get(&f->hook, "FSMON_EVENT"), renames[i].fsmon_event);
		char events[64];
		snprintf(events, sizeof(events), "attrib,%s", renames[i].fsmon_event);
		assert_string_equal(get(&f->hook, "FSMON_EVENTS"), events);
	}
}

static void test_type_of_what_is_gone(void **state)
{
	struct fixture *f = *state;
	f->view.type = EVENT_TYPE_GONE;
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_TYPE"), "");
}

static void test_user_of_the_rule(void **state)
{
	struct fixture *f = *state;
	f->rule.user = (struct rule_user){.set = true, .uid = 4711};
	f->context.lang = "de_DE.UTF-8";
	build(f);
	assert_string_equal(get(&f->hook, "USER"), "4711");
	assert_string_equal(get(&f->hook, "LOGNAME"), "4711");
	assert_string_equal(get(&f->hook, "HOME"), "/");
	assert_string_equal(get(&f->hook, "SHELL"), "/bin/sh");
	assert_string_equal(get(&f->hook, "LANG"), "de_DE.UTF-8");
}

static void test_env_overrides(void **state)
{
	struct fixture *f = *state;
	strlist_add(&f->rule.env, "A=1");
	strlist_add(&f->rule.env, "PATH=/x");
	strlist_add(&f->rule.env, "A=2");
	strlist_add(&f->rule.env, "FSMON_PA=y=z");
	build(f);
	assert_string_equal(get(&f->hook, "A"), "2");
	assert_string_equal(get(&f->hook, "PATH"), "/x");
	assert_string_equal(get(&f->hook, "FSMON_PATH"), "/srv/a");
	assert_string_equal(get(&f->hook, "FSMON_PA"), "y=z");
}

static void test_long_values_are_cut_and_said_so(void **state)
{
	struct fixture *f = *state;
	size_t size = 300 * 1024;
	char *path = malloc(size + 1);
	memset(path, 'x', size);
	path[size] = '\0';
	f->view.path = path;
	build(f);
	const char *value = get(&f->hook, "FSMON_PATH");
	assert_int_equal(
		strlen("FSMON_PATH=") + strlen(value) + 1, HOOK_STRING_MAX_BYTES);
	assert_string_equal(get(&f->hook, "FSMON_TRUNCATED"), "1");
	assert_true(f->hook.truncated);

	/* The longest that fits is not cut. */
	path[HOOK_STRING_MAX_BYTES - strlen("FSMON_PATH=") - 1] = '\0';
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_PATH"), path);
	assert_null(get(&f->hook, "FSMON_TRUNCATED"));

	f->view.path = "/srv/a";
	f->change.actor.program.cmdline = path;
	build(f);
	assert_int_equal(
		strlen(get(&f->hook, "FSMON_CMDLINE")), HOOKVARS_CMDLINE_MAX_BYTES);
	assert_string_equal(get(&f->hook, "FSMON_TRUNCATED"), "1");
	free(path);
}

static void test_truncated_list(void **state)
{
	struct fixture *f = *state;
	f->context.truncated = true;
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_TRUNCATED"), "1");
}

static void test_nothing_is_substituted(void **state)
{
	struct fixture *f = *state;
	f->view.path = "/srv/$(touch pwned);\n`x` %s $FSMON_CMD";
	f->rule.command = (char *)(uintptr_t) "echo \"$FSMON_PATH\" %s";
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_PATH"), f->view.path);
	assert_string_equal(f->hook.argv[0], "/bin/sh");
	assert_string_equal(f->hook.argv[1], "-c");
	assert_string_equal(f->hook.argv[2], "echo \"$FSMON_PATH\" %s");
	assert_null(f->hook.argv[3]);
}

/* ---- on-failure ---- */

static void test_failure_runs_the_other_command(void **state)
{
	struct fixture *f = *state;
	const struct outcome failure = {.kind = OUTCOME_EXIT,
		.shell_status = 3,
		.output = "no\0 space\n",
		.output_len = 10};
	f->rule.on_failure = (char *)(uintptr_t) "/usr/bin/mail -s failed root";
	f->context.failure = &failure;
	build(f);
	assert_string_equal(f->hook.argv[0], "/usr/bin/mail");
	assert_string_equal(f->hook.argv[3], "root");
	assert_null(f->hook.argv[4]);
	assert_string_equal(get(&f->hook, "FSMON_STATUS"), "3");
	assert_string_equal(get(&f->hook, "FSMON_REASON"), "exit");
	assert_string_equal(get(&f->hook, "FSMON_OUTPUT"), "no space\n");
	assert_string_equal(get(&f->hook, "FSMON_PATH"), "/srv/a");
	assert_null(get(&f->hook, "FSMON_TRUNCATED"));
}

static void test_failure_without_a_run(void **state)
{
	struct fixture *f = *state;
	const struct outcome failure = {.kind = OUTCOME_OVERFLOW, .shell_status = -1};
	f->context.failure = &failure;
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_STATUS"), "");
	assert_string_equal(get(&f->hook, "FSMON_REASON"), "overflow");
	assert_string_equal(get(&f->hook, "FSMON_OUTPUT"), "");
}

static void test_failure_has_the_end_of_the_output(void **state)
{
	struct fixture *f = *state;
	char output[HOOK_OUTPUT_MAX_BYTES + 3];
	memset(output, 'x', sizeof(output));
	memcpy(output, "abcd", 4);
	struct outcome failure = {.kind = OUTCOME_SIGNAL,
		.shell_status = 137,
		.output = output,
		.output_len = sizeof(output)};
	f->context.failure = &failure;
	build(f);
	const char *value = get(&f->hook, "FSMON_OUTPUT");
	assert_int_equal(strlen(value), HOOK_OUTPUT_MAX_BYTES);
	assert_int_equal(strncmp(value, "dx", 2), 0);

	/* As much as fits is there as a whole. */
	failure.output_len = HOOK_OUTPUT_MAX_BYTES;
	build(f);
	value = get(&f->hook, "FSMON_OUTPUT");
	assert_int_equal(strlen(value), HOOK_OUTPUT_MAX_BYTES);
	assert_int_equal(strncmp(value, "abcdx", 5), 0);
}

static void test_large_count(void **state)
{
	struct fixture *f = *state;
	f->context.count = UINT64_MAX;
	build(f);
	assert_string_equal(get(&f->hook, "FSMON_COUNT"), "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_keeps_options_from_the_shell),
		cmocka_unit_test_setup_teardown(test_every_variable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_actor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_users_without_names_are_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_type_of_what_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_user_of_the_rule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_env_overrides, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_long_values_are_cut_and_said_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncated_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_nothing_is_substituted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_failure_runs_the_other_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_failure_without_a_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_failure_has_the_end_of_the_output, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large_count, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
