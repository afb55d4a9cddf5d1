/* SPDX-License-Identifier: MIT */
#include "core/rule/glob.h"

#include "base/countof.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#ifdef __OPTIMIZE__
#define SLOWNESS 1
#else
#define SLOWNESS 10
#endif

struct match_case {
	const char *pattern;
	const char *text;
	bool matches;
};

static const struct match_case path_cases[] = {
	/* literal */
	{"/srv/site", "/srv/site", true},
	{"/srv/site", "/srv/site2", false},
	{"/srv/site", "/srv/sit", false},
	{"/srv/site", "/srv/site/x", false},
	{"/srv/a\\*b", "/srv/a*b", true},
	{"/srv/a\\*b", "/srv/axb", false},
	{"/a]b", "/a]b", true},
	{"/a,b", "/a,b", true},
	{"/a-b!c^d", "/a-b!c^d", true},
	/* one component */
	{"/srv/*", "/srv/a", true},
	{"/srv/*", "/srv/.hidden", true},
	{"/srv/*", "/srv/a/b", false},
	{"/srv/*", "/srv/", false},
	{"/srv/*", "/srv", false},
	{"/srv/", "/srv/a", true},
	{"/srv/", "/srv/a/b", false},
	{"/srv/", "/srv", false},
	{"/", "/a", true},
	{"/", "/", false},
	{"/*", "/", false},
	{"/*", "/a", true},
	{"/**", "/", false},
	{"/srv/?", "/srv/a", true},
	{"/srv/?", "/srv/ab", false},
	{"/srv?x", "/srv/x", false},
	{"/srv/*.html", "/srv/index.html", true},
	{"/srv/*.html", "/srv/.html", true},
	{"/srv/*.html", "/srv/index.htm", false},
	{"/srv/*.html", "/srv/index.html.bak", false},
	{"/*/x", "/a/x", true},
	{"/*/x", "/a/b/x", false},
	{"/a*", "/abc", true},
	{"/*a*b*", "/xxaxxbxx", true},
	{"/*a*b*", "/xxbxxaxx", false},
	{"/*\xff", "/a\xff", true},
	{"/a\nb*", "/a\nbc", true},
	/* any number of components */
	{"/a/**/b", "/a/b", true},
	{"/a/**/b", "/a/x/b", true},
	{"/a/**/b", "/a/x/y/b", true},
	{"/a/**/b", "/a/xb", false},
	{"/a/**/b", "/ab", false},
	{"/a/**/b", "/a/b/c", false},
	{"/a/**/b", "/a/b/b", true},
	{"/a/**", "/a/b", true},
	{"/a/**", "/a/b/c", true},
	{"/a/**", "/a", false},
	{"/a/**", "/ab", false},
	{"/a/**/", "/a/b/c", true},
	{"/a/**/", "/a/b", true},
	{"/a/**/", "/a", false},
	{"/a/**/*", "/a", false},
	{"/a/**/*", "/a/b/c/d", true},
	{"/**/x", "/x", true},
	{"/**/x", "/a/b/x", true},
	{"/**/x", "/ax", false},
	{"**/x", "/a/b/x", true},
	{"**/x", "/x", true},
	{"**/x", "/ax", false},
	{"/**/.git/**", "/srv/.git/HEAD", true},
	{"/**/.git/**", "/srv/.git", false},
	{"/**/.git/**", "/srv/x.git/HEAD", false},
	{"/**/**/x", "/x", true},
	{"/**/**/x", "/a/b/c/x", true},
	{"/a/**/b/**/c", "/a/b/c", true},
	{"/a/**/b/**/c", "/a/1/b/2/3/c", true},
	{"/a/**/b/**/c", "/a/1/2/3/c", false},
	{"/a/**/b/**/c", "/a/b/b/c/c", true},
	{"/a/**/*.md", "/a/x/y.md", true},
	{"/a/**/*.md", "/a/y.md", true},
	{"/a/**/*.md", "/a/x.md/y", false},
	{"/**/a/*/b", "/a/a/x/b", true},
	{"/**/*a/*b", "/xa/ya/zb", true},
	{"/**/*a/?*b", "/xa/ya/zb", true},
	{"/**/a/*/b", "/a/x/y/b", false},
	/* two stars that are no whole component are one */
	{"/a**b", "/axxb", true},
	{"/a**b", "/a/b", false},
	{"/a/**b", "/a/xb", true},
	{"/a/**b", "/a/x/b", false},
	{"/a/b**", "/a/bx", true},
	{"/a/b**", "/a/bx/y", false},
	{"/a/***", "/a/b", true},
	{"/a/***", "/a/b/c", false},
	{"/a/\\**", "/a/*b", true},
	{"/a/\\**", "/a/b", false},
	/* sets */
	{"/[a-c]", "/b", true},
	{"/[a-c]", "/d", false},
	{"/[!a-c]", "/d", true},
	{"/[!a-c]", "/b", false},
	{"/[^a-c]", "/d", true},
	{"/[]]", "/]", true},
	{"/[!]]", "/a", true},
	{"/[!]]", "/]", false},
	{"/[a\\]]", "/]", true},
	{"/[a-]", "/-", true},
	{"/[-a]", "/-", true},
	{"/[[]", "/[", true},
	{"/[*]", "/*", true},
	{"/[*]", "/a", false},
	{"/[\\!a]", "/!", true},
	{"/a[/]b", "/a/b", false},
	{"/a[!x]b", "/a/b", false},
	{"/a[.-0]b", "/a/b", false},
	{"/a[.-0]b", "/a.b", true},
	{"/[\x80-\xff]", "/\xe9", true},
	{"/[\x80-\xff]", "/e", false},
	{"/[{,}]", "/,", true},
	/* alternatives */
	{"/*.{md,html}", "/a.md", true},
	{"/*.{md,html}", "/a.html", true},
	{"/*.{md,html}", "/a.txt", false},
	{"/{a}", "/a", true},
	{"/{a,}b", "/b", true},
	{"/{a,}b", "/ab", true},
	{"/{,a}b", "/aab", false},
	{"/a{b,c{d,e}}f", "/abf", true},
	{"/a{b,c{d,e}}f", "/acef", true},
	{"/a{b,c{d,e}}f", "/acf", false},
	{"/a/{b,c/d}/**", "/a/b/x", true},
	{"/a/{b,c/d}/**", "/a/c/d/x/y", true},
	{"/a/{b,c/d}/**", "/a/c/x", false},
	{"/a/{b,c/d}/**", "/a/b", false},
	{"/a/{b,c/d}/", "/a/c/d/x", true},
	{"/a/{b/,c}", "/a/b/x", true},
	{"/a/{b/,c}", "/a/b", false},
	{"/{a,b}{c,d}", "/bc", true},
	{"/{a\\,b,c}", "/a,b", true},
	{"/{[,],x}y", "/,y", true},
	{"/{*,a}b", "/xxb", true},
	/* any number of components within alternatives */
	{"/a/{**,x}", "/a/1/2", true},
	{"/a/{**,x}", "/a", false},
	{"/a/{**,x}/b", "/a/b", true},
	{"/a/{**,x}/b", "/a/1/2/b", true},
	{"/a/{x,**}/b", "/a/b", true},
	{"/a/{x,**}/b", "/a/xb", false},
	{"/a/{**,p/q}/b", "/a/p/q/b", true},
	{"/a/{p,{q,**}}/b", "/a/1/2/b", true},
	{"/a/{p,{q,**}/r}/b", "/a/1/2/r/b", true},
	{"/a/{p,{q,**}/r}/b", "/a/r/b", true},
	{"/a/{p,{q,**}/r}/b", "/a/1/b", false},
	{"/a/{**/b,c}", "/a/1/2/b", true},
	{"/a/{**/b,c}", "/a/b", true},
	{"/a/{b/**,c}", "/a/b/1/2", true},
	{"/a/{b**,c}", "/a/b/1", false},
	{"/a/{**,x}y", "/a/1/y", false},
	{"/a/{**,x}y", "/a/1y", true},
	{"/{a,b}**", "/a/b", false},
};

static const struct match_case word_cases[] = {
	{"dpkg", "dpkg", true},
	{"dpkg", "dpkg2", false},
	{"*", "", true},
	{"*", "a/b", true},
	{"kworker/*", "kworker/0:1", true},
	{"**", "a/b/c", true},
	{"/**/b", "/x/b", true},
	{"/**/b", "/b", false},
	{"?", "/", true},
	{"[!a]", "/", true},
	{"{sshd,cron}*.service", "cron.service", true},
	{"{sshd,cron}*.service", "crond.socket", false},
	{"a/", "a/", true},
	{"a/", "a/b", false},
	{"\\*", "*", true},
};

static void check_cases(const struct match_case *cases, size_t count, enum glob_kind kind)
{
	for (size_t i = 0; i < count; i++) {
		const char *why = "";
		struct glob *g = glob_new(cases[i].pattern, kind, &why);
		if (!g)
			fail_msg("%s: %s", cases[i].pattern, why);
		size_t len = strlen(cases[i].text);
		/* In a block of its size, so that a sanitizer sees a byte too many read.
		 */
		char *text = malloc(len + (len == 0));
		memcpy(text, cases[i].text, len);
		if (glob_matches(g, text, len) != cases[i].matches)
			fail_msg("%s on %s: expected %d", cases[i].pattern, cases[i].text,
				cases[i].matches);
		free(text);
		glob_free(g);
	}
}

static void matches_paths(void **state)
{
	(void)state;
	check_cases(path_cases, countof(path_cases), GLOB_PATH);
}

static void matches_words(void **state)
{
	(void)state;
	check_cases(word_cases, countof(word_cases), GLOB_WORD);
}

static void refuses_with_a_reason(void **state)
{
	(void)state;
	static const struct {
		const char *pattern;
		const char *why;
	} cases[] = {
		{"", "the pattern is empty"},
		{"/[", "the bracket [ is never closed"},
		{"/[]", "the bracket [ is never closed"},
		{"/[!]", "the bracket [ is never closed"},
		{"/[a\\]", "the bracket [ is never closed"},
		{"/{a", "the brace { is never closed"},
		{"/{a,", "the brace { is never closed"},
		{"/{a,{b}", "the brace { is never closed"},
		{"/a}", "the brace } was never opened; write \\} for the byte"},
		{"/{}", "the braces {} are empty"},
		{"/a\\", "the pattern ends in a backslash"},
		{"/*\\", "the pattern ends in a backslash"},
		{"/{a\\", "the pattern ends in a backslash"},
		{"/[b-a]", "a range in [ ] runs backwards"},
		{"/[[:digit:]]",
			"named classes such as [:alpha:] are not known; write the "
			"bytes, such as [a-z]"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *why = NULL;
		errno = 0;
		assert_null(glob_new(cases[i].pattern, GLOB_PATH, &why));
		assert_int_equal(errno, EINVAL);
		assert_string_equal(why, cases[i].why);
	}
}

/* A pattern of a prefix and a piece repeated. */
static char *repeat(const char *begin, const char *piece, size_t times, const char *end)
{
	char *s = calloc(1, strlen(begin) + times * strlen(piece) + strlen(end) + 1);
	strcpy(s, begin);
	for (size_t i = 0; i < times; i++)
		strcat(s, piece);
	return strcat(s, end);
}

static void refuses_what_is_too_long(void **state)
{
	(void)state;
	static const struct {
		const char *begin, *piece, *end;
		size_t times;
		const char *why;
	} cases[] = {
		{"/*", "x", "", 3000, "the pattern is too long"},
		{"/*", "[a]", "", 300, "the pattern is too long"},
		{"/", "a", "", 20000, "the pattern is too long"},
		{"/", "{a,b}", "", 1000, "the pattern is too long"},
		{"/", "{**,", "", 3000, "the braces are nested too deep"},
		{"/{", "**,", "a}/b", 100, "the pattern has too many ** inside braces"},
		{"/", "**/", "", 2000, "the pattern is too long"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char *pattern = repeat(
			cases[i].begin, cases[i].piece, cases[i].times, cases[i].end);
		const char *why = NULL;
		assert_null(glob_new(pattern, GLOB_PATH, &why));
		assert_string_equal(why, cases[i].why);
		free(pattern);
	}
}

static void long_patterns_match(void **state)
{
	(void)state;
	const char *why;
	char *path = repeat("/", "abc/", 2000, "end");
	struct glob *g = glob_new(path, GLOB_PATH, &why);
	assert_non_null(g);
	assert_true(glob_matches(g, path, strlen(path)));
	assert_false(glob_matches(g, path, strlen(path) - 1));
	glob_free(g);
	/* More than one word of states. */
	char *pattern = repeat("/*", "?b[c]", 100, "*");
	char *text = repeat("/x", "abc", 100, "yz");
	g = glob_new(pattern, GLOB_PATH, &why);
	assert_non_null(g);
	assert_true(glob_matches(g, text, strlen(text)));
	text[150] = '!';
	assert_false(glob_matches(g, text, strlen(text)));
	glob_free(g);
	free(path);
	free(pattern);
	free(text);
}

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Fastest of several, so that a busy machine does not decide. */
static double match_ms(const char *pattern, const char *text, bool *matches)
{
	const char *why;
	struct glob *g = glob_new(pattern, GLOB_PATH, &why);
	assert_non_null(g);
	double best = 1e9;
	for (int i = 0; i < 5; i++) {
		double begin = cpu_ms();
		*matches = glob_matches(g, text, strlen(text));
		double used = cpu_ms() - begin;
		best = used < best ? used : best;
	}
	glob_free(g);
	return best;
}

static void no_pattern_is_slow(void **state)
{
	(void)state;
	static const struct {
		const char *piece, *end;
		const char *text_piece;
		double limit_ms; /* ten times what it takes, for the sanitizers */
	} cases[] = {
		{"*a", "[b]", "a", 1},
		{"*?[ab]", "[b]", "a", 1},
		{"**/a/", "[b]", "a/", 5},
		{"**/*a*/", "[b]", "a/", 5},
		{"{*a,a*,?a}*", "[b]", "a", 200},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char *pattern = repeat("/", cases[i].piece, 50, cases[i].end);
		char *text = repeat("/", cases[i].text_piece,
			4094 / strlen(cases[i].text_piece), "b");
		bool matches;
		double used = match_ms(pattern, text, &matches);
		if (used > cases[i].limit_ms * SLOWNESS)
			fail_msg("%s: %.2f ms", cases[i].piece, used);
		assert_true(matches);
		text[strlen(text) - 1] = 'c';
		match_ms(pattern, text, &matches);
		assert_false(matches);
		free(pattern);
		free(text);
	}
}

static void knows_the_literal_front(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *front, *rest;
		bool is_literal;
	} cases[] = {
		{"/srv/site", "/srv/site", "", true},
		{"/srv/a\\*b", "/srv/a*b", "", true},
		{"/srv/site/**", "/srv/site", "/**", false},
		{"/srv/site/", "/srv/site", "/", false},
		{"/srv/a\\*b/*.c", "/srv/a*b", "/*.c", false},
		{"/srv/site*", "/srv", "/site*", false},
		{"/srv/{a,b}/c", "/srv", "/{a,b}/c", false},
		{"/**", "", "/**", false},
		{"/", "", "/", false},
		{"**/x", "", "**/x", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *why;
		struct glob *g = glob_new(cases[i].pattern, GLOB_PATH, &why);
		assert_non_null(g);
		size_t rest;
		assert_string_equal(glob_literal_front(g, &rest), cases[i].front);
		assert_string_equal(glob_text(g) + rest, cases[i].rest);
		assert_string_equal(glob_text(g), cases[i].pattern);
		assert_int_equal(glob_is_literal(g), cases[i].is_literal);
		glob_free(g);
	}
}

static void says_what_may_match_below(void **state)
{
	(void)state;
	static const struct match_case cases[] = {
		{"/srv/site/**", "", true},
		{"/srv/site/**", "/srv", true},
		{"/srv/site/**", "/srv/site", true},
		{"/srv/site/**", "/srv/site/a/b", true},
		{"/srv/site/**", "/srv/sites", false},
		{"/srv/site/**", "/home", false},
		{"/srv/site/**", "/sr", false},
		{"/srv/site", "/srv", true},
		{"/srv/site", "/srv/site", false},
		{"/srv/*/x", "/srv", true},
		{"/srv/*/x", "/srv/a", true},
		{"/srv/*/x", "/srv/a/x", false},
		{"/srv/*/x", "/srv/a/b", false},
		{"/srv/*", "/srv/a", false},
		{"/srv/", "/srv", true},
		{"/srv/", "/srv/a", false},
		{"/**/x", "/any/where", true},
		{"/{a,b/c}/d", "/b", true},
		{"/{a,b/c}/d", "/b/c", true},
		{"/{a,b/c}/d", "/c", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *why;
		struct glob *g = glob_new(cases[i].pattern, GLOB_PATH, &why);
		assert_non_null(g);
		if (glob_may_match_below(g, cases[i].text, strlen(cases[i].text)) !=
			cases[i].matches)
			fail_msg("%s below %s: expected %d", cases[i].pattern,
				cases[i].text, cases[i].matches);
		glob_free(g);
	}
}

static void knows_the_one_directory_of_its_entries(void **state)
{
	(void)state;
	static const struct {
		const char *pattern;
		const char *dir; /* NULL: there is none */
	} cases[] = {
		{"/etc/gshadow", "/etc"},
		{"/file", ""},
		{"/srv/a\\*b/file", "/srv/a*b"},
		{"/etc/*.conf", "/etc"},
		{"/etc/{a,b}.d", "/etc"},
		{"/etc/", "/etc"},
		{"/*", ""},
		{"/", ""},
		{"/etc/**", NULL},
		{"/**", NULL},
		{"/etc/**/x", NULL},
		{"/etc/*/x", NULL},
		{"/etc/{a,b/c}", NULL},
		{"/{etc,srv}/x", NULL},
		{"**/x", NULL},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *why;
		size_t len;
		struct glob *g = glob_new(cases[i].pattern, GLOB_PATH, &why);
		assert_non_null(g);
		const char *dir = glob_entry_dir(g, &len);
		if (!dir != !cases[i].dir ||
			(dir && (len != strlen(cases[i].dir) ||
					strncmp(dir, cases[i].dir, len) != 0)))
			fail_msg("%s", cases[i].pattern);
		glob_free(g);
	}
}

static void takes_another_front(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *front, *made;
	} cases[] = {
		{"/var/run/**", "/run", "/run/**"},
		{"/var/run/x", "/run/x", "/run/x"},
		{"/var/run/", "/run", "/run/"},
		{"/a/*.c", "/odd[*?{}\\]", "/odd\\[\\*\\?\\{\\}\\\\\\]/*.c"},
		{"/a/**", "/", "/**"},
		{"/a/**", "/b/", "/b/**"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *why;
		struct glob *g = glob_new(cases[i].pattern, GLOB_PATH, &why);
		assert_non_null(g);
		struct glob *made = glob_with_front(g, cases[i].front);
		assert_non_null(made);
		assert_string_equal(glob_text(made), cases[i].made);
		glob_free(g);
		glob_free(made);
	}
}

/* A program may fill its room to the last instruction. */
static void longest_pattern_matches(void **state)
{
	(void)state;
	char pattern[2100] = "*", text[2100] = "";
	size_t longest = 0;
	for (size_t n = 1; n < sizeof(text); n++) {
		const char *why;
		pattern[n] = text[n - 1] = 'a';
		struct glob *g = glob_new(pattern, GLOB_WORD, &why);
		if (!g)
			break;
		longest = n;
		assert_true(glob_matches(g, text, n));
		glob_free(g);
	}
	assert_int_equal(longest, 2046); /* with * and the end: GLOB_PROGRAM_MAX */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_paths),
		cmocka_unit_test(matches_words),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(long_patterns_match),
		cmocka_unit_test(longest_pattern_matches),
		cmocka_unit_test(no_pattern_is_slow),
		cmocka_unit_test(knows_the_literal_front),
		cmocka_unit_test(knows_the_one_directory_of_its_entries),
		cmocka_unit_test(says_what_may_match_below),
		cmocka_unit_test(takes_another_front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
