/* SPDX-License-Identifier: MIT */
#include "core/hook/outcome.h"

#include "base/countof.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

/* As they stand in databases, in the manual pages, and in hooks of users. */
static void names_each_kind_both_ways(void **state)
{
	static const char *const names[] = {
		[OUTCOME_RUNNING] = "running",
		[OUTCOME_OK] = "ok",
		[OUTCOME_EXIT] = "exit",
		[OUTCOME_SIGNAL] = "signal",
		[OUTCOME_TIMEOUT] = "timeout",
		[OUTCOME_COULD_NOT_START] = "could-not-start",
		[OUTCOME_RESTARTED] = "restarted",
		[OUTCOME_LOST] = "lost",
		[OUTCOME_BREAKER] = "breaker",
		[OUTCOME_OVERFLOW] = "overflow",
	};
	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		enum outcome_kind kind = (enum outcome_kind)i;
		assert_string_equal(outcome_kind_name(kind), names[i]);
		assert_int_equal(outcome_kind_of(names[i]), kind);
	}
}

static void knows_nothing_of_other_names(void **state)
{
	static const char *const names[] = {NULL, "", "o", "okay", "OK", "lost "};
	(void)state;
	for (size_t i = 0; i < countof(names); i++)
		assert_int_equal(outcome_kind_of(names[i]), OUTCOME_LOST);
}

static void is_made_of_a_wait_status(void **state)
{
	static const struct {
		int wait_status;
		enum outcome_kind kind;
		int status, shell_status;
	} rows[] = {
		{W_EXITCODE(0, 0), OUTCOME_OK, 0, 0},
		{W_EXITCODE(1, 0), OUTCOME_EXIT, 1, 1},
		{W_EXITCODE(255, 0), OUTCOME_EXIT, 255, 255},
		{W_EXITCODE(0, SIGTERM), OUTCOME_SIGNAL, SIGTERM, 143},
		{W_EXITCODE(0, SIGKILL), OUTCOME_SIGNAL, SIGKILL, 137},
		{W_EXITCODE(0, SIGSEGV) | WCOREFLAG, OUTCOME_SIGNAL, SIGSEGV, 139},
	};
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o = outcome_of_wait(rows[i].wait_status);
		assert_int_equal(o.kind, rows[i].kind);
		assert_int_equal(o.status, rows[i].status);
		assert_int_equal(o.shell_status, rows[i].shell_status);
		assert_int_equal(o.output_len, 0);
	}
}

static void says_why_something_did_not_start(void **state)
{
	static const struct {
		const char *stage;
		int error;
		int shell_status;
		const char *output;
	} rows[] = {
		{"exec", ENOENT, 127, "No such file or directory"},
		{"exec", EACCES, 126, "Permission denied"},
		{"exec", ENOEXEC, 126, "Exec format error"},
		{"chdir", ENOENT, 126, "No such file or directory"},
		{"fork", EAGAIN, 126, "Resource temporarily unavailable"},
	};
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o = outcome_unstarted(rows[i].stage, rows[i].error);
		assert_int_equal(o.kind, OUTCOME_COULD_NOT_START);
		assert_int_equal(o.status, rows[i].error);
		assert_int_equal(o.shell_status, rows[i].shell_status);
		assert_string_equal(o.output, rows[i].output);
		assert_int_equal(o.output_len, strlen(rows[i].output));
	}
}

static void is_copied_with_its_output(void **state)
{
	char output[] = "a\0b\n";
	const struct outcome o = {.kind = OUTCOME_EXIT,
		.status = 3,
		.shell_status = 3,
		.duration_ns = 4,
		.usage = {.max_rss_kib = 5},
		.output = output,
		.output_len = 4};
	struct outcome *copy = outcome_copy(&o);
	(void)state;
	memset(output, 'x', sizeof(output));
	assert_int_equal(copy->kind, OUTCOME_EXIT);
	assert_int_equal(copy->status, 3);
	assert_int_equal(copy->shell_status, 3);
	assert_int_equal(copy->duration_ns, 4);
	assert_int_equal(copy->usage.max_rss_kib, 5);
	assert_int_equal(copy->output_len, 4);
	assert_memory_equal(copy->output, "a\0b\n", 5);
	free(copy);
}

static void is_copied_without_an_output(void **state)
{
	const struct outcome o = {.kind = OUTCOME_BREAKER, .shell_status = -1};
	struct outcome *copy = outcome_copy(&o);
	(void)state;
	assert_int_equal(copy->kind, OUTCOME_BREAKER);
	assert_int_equal(copy->shell_status, -1);
	assert_string_equal(copy->output, "");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_each_kind_both_ways),
		cmocka_unit_test(knows_nothing_of_other_names),
		cmocka_unit_test(is_made_of_a_wait_status),
		cmocka_unit_test(says_why_something_did_not_start),
		cmocka_unit_test(is_copied_with_its_output),
		cmocka_unit_test(is_copied_without_an_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
