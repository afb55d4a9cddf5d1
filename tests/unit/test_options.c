/* SPDX-License-Identifier: MIT */
#include "app/options.h"

#include "base/countof.h"
#include "printed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL_OPTIONS                                                                    \
	(OPTIONS_CONF | OPTIONS_STATE | OPTIONS_RUNTIME | OPTIONS_DRY | OPTIONS_JSON | \
		OPTIONS_EVENT | OPTIONS_TIMEOUT | OPTIONS_RUNS | OPTIONS_FOR |         \
		OPTIONS_NAMES)

static const struct options_verb everything = {
	.name = "verb", .args = "[PATH...]", .summary = "Do it", .set = ALL_OPTIONS};

#define WORDS_MAX 16

/* Parse words (NULL ends them) behind the verb's name. */
static int parse(
	struct options *o, const struct options_verb *verb, const char *const *words)
{
	static char *argv[WORDS_MAX + 2];
	int argc = 0;
	argv[argc++] = (char *)"fsmon verb";
	while (*words && argc < WORDS_MAX)
		argv[argc++] = (char *)*words++;
	argv[argc] = NULL;

	printed_begin();
	int rc = options_parse(o, verb, argc, argv);
	printed_end();
	return rc;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults_hold_without_options(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(parse(&o, &everything, (const char *const[]){NULL}), -1);
	assert_string_equal(o.verb, "verb");
	assert_null(o.conf_file);
	assert_int_equal(o.rule_dirs.count, 0);
	assert_string_equal(o.state_dir, OPTIONS_STATE_DIR);
	assert_string_equal(o.runtime_dir, OPTIONS_RUNTIME_DIR);
	assert_false(o.is_dry);
	assert_false(o.is_json);
	assert_null(o.timeout);
	assert_int_equal(o.arg_count, 0);
	assert_null(o.args[0]);
	assert_string_equal(printed_out, "");
	assert_string_equal(printed_err, "");
	options_fini(&o);
}

static void every_option_has_its_field(void **state)
{
	(void)state;
	static const struct {
		const char *option;
		size_t offset;
	} cases[] = {
		{"--config", offsetof(struct options, conf_file)},
		{"-c", offsetof(struct options, conf_file)},
		{"--state-dir", offsetof(struct options, state_dir)},
		{"--runtime-dir", offsetof(struct options, runtime_dir)},
		{"--timeout", offsetof(struct options, timeout)},
		{"--rule", offsetof(struct options, rule)},
		{"--since", offsetof(struct options, since)},
		{"--for", offsetof(struct options, pause_for)},
		{"--event", offsetof(struct options, event)},
		{"-e", offsetof(struct options, event)},
		{"--type", offsetof(struct options, type)},
		{"--size", offsetof(struct options, size)},
		{"--by-user", offsetof(struct options, by[RULE_BY_USER])},
		{"--by-cmd", offsetof(struct options, by[RULE_BY_CMD])},
		{"--by-exe", offsetof(struct options, by[RULE_BY_EXE])},
		{"--by-ancestor", offsetof(struct options, by[RULE_BY_ANCESTOR])},
		{"--by-unit", offsetof(struct options, by[RULE_BY_UNIT])},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct options o;
		const char *value;
		assert_int_equal(
			parse(&o, &everything, WORDS(cases[i].option, "a value")), -1);
		memcpy(&value, (const char *)&o + cases[i].offset, sizeof(value));
		if (!value || strcmp(value, "a value") != 0)
			fail_msg("%s", cases[i].option);
		options_fini(&o);
		/* and it is not there for a verb that does not take it */
		struct options_verb none = everything;
		none.set = 0;
		assert_int_equal(
			parse(&o, &none, WORDS(cases[i].option, "x")), EXIT_USAGE);
		options_fini(&o);
	}
}

static void takes_flags_lists_and_arguments(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(
		parse(&o, &everything,
			WORDS("one", "-n", "-d", "/a", "--json", "two", "--rules-dir=/b",
				"-d/c", "--failed", "--names", "--", "-x")),
		-1);
	assert_true(o.is_dry);
	assert_true(o.is_json);
	assert_true(o.only_failed);
	assert_true(o.only_names);
	assert_int_equal(o.rule_dirs.count, 3);
	assert_string_equal(o.rule_dirs.items[0], "/a");
	assert_string_equal(o.rule_dirs.items[1], "/b");
	assert_string_equal(o.rule_dirs.items[2], "/c");
	assert_int_equal(o.arg_count, 3);
	assert_string_equal(o.args[0], "one");
	assert_string_equal(o.args[1], "two");
	assert_string_equal(o.args[2], "-x");
	assert_null(o.args[3]);
	options_fini(&o);
	assert_int_equal(o.rule_dirs.count, 0);
}

static void a_usage_error_says_what_to_do(void **state)
{
	(void)state;
	static const struct {
		const char *words[3];
		const char *said;
	} cases[] = {
		{{"--nonsense"}, "--nonsense"},
		{{"-z"}, "'z'"},
		{{"--config"}, "requires an argument"},
		{{"--json=yes"}, "doesn't allow an argument"},
		{{"--by"}, "ambiguous"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct options o;
		assert_int_equal(parse(&o, &everything, cases[i].words), EXIT_USAGE);
		assert_contains(printed_err, cases[i].said);
		assert_contains(printed_err, "fsmon verb --help lists the options\n");
		assert_string_equal(printed_out, "");
		options_fini(&o);
	}
}

static void a_verb_without_arguments_takes_none(void **state)
{
	(void)state;
	struct options o;
	struct options_verb none = everything;
	none.args = "";
	assert_int_equal(parse(&o, &none, WORDS("--json")), -1);
	options_fini(&o);
	assert_int_equal(parse(&o, &none, WORDS("--json", "extra")), EXIT_USAGE);
	assert_string_equal(printed_err,
		"fsmon verb: 'extra' is one argument too many: it takes none\n");
	options_fini(&o);
}

static void prints_help_of_the_verbs_own_options(void **state)
{
	(void)state;
	struct options o;
	struct options_verb some = everything;
	some.set = OPTIONS_CONF | OPTIONS_JSON;
	assert_int_equal(parse(&o, &some, WORDS("--help")), EXIT_FINE);
	options_fini(&o);
	assert_non_null(
		strstr(printed_out, "Usage: fsmon verb [OPTION...] [PATH...]\nDo it.\n"));
	assert_non_null(strstr(printed_out, "  -c, --config FILE"));
	assert_non_null(strstr(printed_out, "  -d, --rules-dir DIR"));
	assert_non_null(strstr(printed_out, "      --json"));
	assert_non_null(strstr(printed_out, "  -h, --help"));
	assert_null(strstr(printed_out, "--state-dir"));
	assert_null(strstr(printed_out, "--by-user"));
	assert_int_equal(parse(&o, &everything, WORDS("-h")), EXIT_FINE);
	options_fini(&o);
	assert_non_null(strstr(printed_out, "--by-ancestor NAME"));
	/* each line fits a terminal */
	for (const char *line = strtok(printed_out, "\n"); line;
		line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
}

static void prints_the_version(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(parse(&o, &everything, WORDS("--version")), EXIT_FINE);
	assert_string_equal(printed_out, "fsmon " FSMON_VERSION "\n");
	options_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_without_options),
		cmocka_unit_test(every_option_has_its_field),
		cmocka_unit_test(takes_flags_lists_and_arguments),
		cmocka_unit_test(a_usage_error_says_what_to_do),
		cmocka_unit_test(a_verb_without_arguments_takes_none),
		cmocka_unit_test(prints_help_of_the_verbs_own_options),
		cmocka_unit_test(prints_the_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
