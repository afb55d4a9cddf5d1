/* SPDX-License-Identifier: MIT */
#include "core/proc/program.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXTS countof(((struct program *)0)->texts)

/* One whose facts are all known: they end with `mark`. */
static struct program known(const char *comm, uint32_t login_uid, const char *mark)
{
	struct program p = {.login_uid = login_uid};
	snprintf(p.comm, sizeof(p.comm), "%s", comm);
	for (size_t i = 0; i < TEXTS; i++)
		assert_true(asprintf(&p.texts[i], "%zu%s", i, mark) > 0);
	return p;
}

static void assert_unknown(const struct program *p)
{
	assert_string_equal(p->comm, "");
	assert_int_equal(p->login_uid, PROGRAM_NO_LOGIN);
	for (size_t i = 0; i < TEXTS; i++)
		assert_null(p->texts[i]);
}

static void a_copy_owns_what_it_says(void **state)
{
	(void)state;
	struct program from = known("vi", 1000, "a"), to;
	assert_int_equal(program_copy(&to, &from), 0);
	for (size_t i = 0; i < TEXTS; i++) {
		assert_string_equal(to.texts[i], from.texts[i]);
		assert_ptr_not_equal(to.texts[i], from.texts[i]);
	}
	program_fini(&from);
	assert_unknown(&from);
	assert_string_equal(to.comm, "vi");
	assert_int_equal(to.login_uid, 1000);
	program_fini(&to);
}

static void login_user_and_unit_outlast_an_exec(void **state)
{
	(void)state;
	struct program from = known("vi", 1000, "a"), to;
	assert_int_equal(program_copy_lasting(&to, &from), 0);
	assert_string_equal(to.comm, "");
	assert_int_equal(to.login_uid, 1000);
	assert_null(to.exe);
	assert_null(to.cmdline);
	assert_string_equal(to.unit, from.unit);
	program_fini(&from);
	program_fini(&to);
}

static void what_is_known_replaces_what_was(void **state)
{
	(void)state;
	struct program to = known("vi", 1000, "a"), none = PROGRAM_UNKNOWN;
	program_take(&to, &none);
	assert_string_equal(to.comm, "vi");
	assert_int_equal(to.login_uid, 1000);
	assert_string_equal(to.texts[TEXTS - 1] + 1, "a");
	struct program from = known("sh", 7, "b");
	program_take(&to, &from);
	assert_string_equal(to.comm, "sh");
	assert_int_equal(to.login_uid, 7);
	for (size_t i = 0; i < TEXTS; i++) {
		assert_string_equal(to.texts[i] + 1, "b");
		assert_null(from.texts[i]);
	}
	program_fini(&from);
	program_fini(&to);
}

static void they_agree_on_what_both_say(void **state)
{
	(void)state;
	struct program a = known("vi", 1000, "a"), b = known("vi", 1000, "a");
	struct program other = known("sh", 7, "b"), none = PROGRAM_UNKNOWN;
	struct program common = a;
	program_agree(&common, &b);
	assert_memory_equal(&common, &a, sizeof(a));
	program_agree(&common, &other);
	assert_unknown(&common);
	program_agree(&none, &a);
	assert_unknown(&none);
	assert_true(program_is_same(&a, &b));
	assert_false(program_is_same(&a, &other));
	assert_false(program_is_same(&a, &none));
	assert_true(program_is_same(&common, &none));
	program_fini(&a);
	program_fini(&b);
	program_fini(&other);
}

/* What is kept of a program of known facts when `next` came after it. */
static const struct {
	const char *comm, *exe, *cmdline; /* of the next one */
	const char *kept_comm, *kept_exe, *kept_cmdline;
} doubts[] = {
	{"sh", "/bin/sh", "sh", "vi", "/bin/vi", "vi x"},
	{"vi", "/bin/vi", "vi x", "", NULL, NULL},
	{"vi", "/bin/vi", "vi y", "", NULL, "vi x"},
	{"vi", "/bin/sh", "vi x", "", "/bin/vi", NULL},
	{"", NULL, NULL, "", NULL, NULL},
	{"", "/bin/sh", NULL, "", "/bin/vi", NULL},
};

static void assert_text(const char *got, const char *expected)
{
	if (!got || !expected)
		assert_ptr_equal(got, expected);
	else
		assert_string_equal(got, expected);
}

static void what_may_be_the_next_ones_is_doubted(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(doubts); i++) {
		struct program next = PROGRAM_UNKNOWN;
		snprintf(next.comm, sizeof(next.comm), "%s", doubts[i].comm);
		next.exe = (char *)(uintptr_t)doubts[i].exe;
		next.cmdline = (char *)(uintptr_t)doubts[i].cmdline;
		next.unit = (char *)(uintptr_t) "a.service";
		struct program p = {.comm = "vi",
			.login_uid = 1000,
			.exe = strdup("/bin/vi"),
			.cmdline = strdup("vi x"),
			.unit = strdup("a.service")};
		program_doubt(&p, &next);
		assert_string_equal(p.comm, doubts[i].kept_comm);
		assert_text(p.exe, doubts[i].kept_exe);
		assert_text(p.cmdline, doubts[i].kept_cmdline);
		program_doubt(&p, NULL);
		assert_string_equal(p.comm, "");
		assert_null(p.exe);
		assert_null(p.cmdline);
		assert_string_equal(p.unit, "a.service");
		assert_int_equal(p.login_uid, 1000);
		program_fini(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_owns_what_it_says),
		cmocka_unit_test(login_user_and_unit_outlast_an_exec),
		cmocka_unit_test(what_is_known_replaces_what_was),
		cmocka_unit_test(they_agree_on_what_both_say),
		cmocka_unit_test(what_may_be_the_next_ones_is_doubted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
