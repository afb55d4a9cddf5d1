/* SPDX-License-Identifier: MIT */
/* Values that only keys have: core/rule/key. What several things read is in test_value.c. */
#include "core/rule/keys.h"

#include "base/countof.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* A text, and the number that it gives or the reason why it gives none. */
struct key_case {
	const char *text;
	int number;
	const char *why;
};

/* Set a key of a rule from a text, and see that it says why not. */
static int set_key(struct rule *r, const char *name, const char *text, const char *why)
{
	struct key_context ctx = {0};
	int rc = keys_set(keys_find(name), r, text, &ctx);
	assert_int_equal(rc, why ? -1 : 0);
	if (why) {
		assert_int_equal(errno, EINVAL);
		assert_string_equal(ctx.why.data, why);
	}
	buf_fini(&ctx.why);
	return rc;
}

static void sets_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum rule_compare compare;
		uint64_t size;
	} cases[] = {
		{">10M", RULE_COMPARE_GT, 10 << 20},
		{">= 10M", RULE_COMPARE_GE, 10 << 20},
		{"<4K", RULE_COMPARE_LT, 4096},
		{"<=4K", RULE_COMPARE_LE, 4096},
		{"=0", RULE_COMPARE_EQ, 0},
	};
	const char *why =
		"expected <, <=, =, >= or > and a size, such as >10M, found \"10M\"";
	struct rule *r = keys_new_rule();
	assert_non_null(r);
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(set_key(r, "size", cases[i].text, NULL), 0);
		assert_int_equal(r->size_compare, cases[i].compare);
		assert_int_equal(r->size_bytes, cases[i].size);
	}
	set_key(r, "size", "10M", why);
	keys_free_rule(r);
}

static void keeps_the_size_where_one_is_refused(void **state)
{
	(void)state;
	static const char *const faulty[] = {"10M", "==0", "><1", ">"};
	struct rule *r = keys_new_rule();
	assert_non_null(r);
	for (size_t i = 0; i < countof(faulty); i++) {
		struct key_context ctx = {0};
		assert_int_equal(keys_set(keys_find("size"), r, faulty[i], &ctx), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(r->size_compare, RULE_COMPARE_NONE);
		buf_fini(&ctx.why);
	}
	keys_free_rule(r);
}

static void sets_booleans(void **state)
{
	(void)state;
	static const struct key_case cases[] = {
		{"yes", 1, NULL},
		{"TRUE", 1, NULL},
		{"on", 1, NULL},
		{"1", 1, NULL},
		{"No", 0, NULL},
		{"false", 0, NULL},
		{"off", 0, NULL},
		{"0", 0, NULL},
		{"y", 0, "expected yes or no, found \"y\""},
		{"2", 0, "expected yes or no, found \"2\""},
	};
	struct rule *r = keys_new_rule();
	assert_non_null(r);
	for (size_t i = 0; i < countof(cases); i++) {
		if (set_key(r, "enabled", cases[i].text, cases[i].why) == 0)
			assert_int_equal(r->enabled, cases[i].number);
	}
	keys_free_rule(r);
}

static void sets_signals(void **state)
{
	(void)state;
	static const struct key_case cases[] = {
		{"TERM", SIGTERM, NULL},
		{"SIGTERM", SIGTERM, NULL},
		{"term", SIGTERM, NULL},
		{"sigusr1", SIGUSR1, NULL},
		{"WINCH", SIGWINCH, NULL},
		{"IO", SIGIO, NULL},
		{"15", 0, "unknown signal \"15\"; did you mean TERM?"},
		{"TREM", 0, "unknown signal \"TREM\"; did you mean TERM?"},
		{"", 0,
			"unknown signal \"\"; expected a name such as TERM, INT, HUP or "
			"USR1"},
	};
	struct rule *r = keys_new_rule();
	assert_non_null(r);
	for (size_t i = 0; i < countof(cases); i++) {
		if (set_key(r, "stop-signal", cases[i].text, cases[i].why) == 0)
			assert_int_equal(r->timing.stop_signal, cases[i].number);
	}
	keys_free_rule(r);
}

static void sets_umask_and_nice(void **state)
{
	(void)state;
	static const struct key_case umasks[] = {
		{"022", 022, NULL},
		{"0", 0, NULL},
		{"0777", 0777, NULL},
		{"1000", 0, "expected an octal number from 000 to 777, found \"1000\""},
		{"8", 0, "expected an octal number from 000 to 777, found \"8\""},
		{"00022", 0, "expected an octal number from 000 to 777, found \"00022\""},
		{"", 0, "expected an octal number from 000 to 777, found \"\""},
	};
	struct rule *r = keys_new_rule();
	assert_non_null(r);
	for (size_t i = 0; i < countof(umasks); i++) {
		if (set_key(r, "umask", umasks[i].text, umasks[i].why) == 0)
			assert_int_equal(r->umask, umasks[i].number);
	}
	static const struct key_case nices[] = {
		{"-20", -20, NULL},
		{"19", 19, NULL},
		{"+5", 5, NULL},
		{"0", 0, NULL},
		{"20", 0, "expected a whole number from -20 to 19, found \"20\""},
		{"-21", 0, "expected a whole number from -20 to 19, found \"-21\""},
		{"-", 0, "expected a whole number from -20 to 19, found \"-\""},
	};
	for (size_t i = 0; i < countof(nices); i++) {
		if (set_key(r, "nice", nices[i].text, nices[i].why) == 0)
			assert_int_equal(r->nice, nices[i].number);
	}
	keys_free_rule(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_sizes),
		cmocka_unit_test(keeps_the_size_where_one_is_refused),
		cmocka_unit_test(sets_booleans),
		cmocka_unit_test(sets_signals),
		cmocka_unit_test(sets_umask_and_nice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
