/* SPDX-License-Identifier: MIT */
#include "core/rule/table.h"

#include "base/buf.h"
#include "base/countof.h"
#include "rules_of.h"

#include <errno.h>

#define ANY UINT32_MAX

/* Whether the number is among the hits. */
static bool hits_have(const struct table_hits *hits, uint32_t number)
{
	for (size_t i = 0; i < hits->count; i++) {
		if (hits->items[i].rule == number)
			return true;
	}
	return false;
}

/* Rule numbers: 0 site, 1 web, 2 all, 3 off, 4 one, 5 top, 6 twice, 7 word */
static const char rules_text[] = "[site]\n"
				 "path = /srv/site/**\n"
				 "exclude = **/.git/**, *~\n"
				 "command = true\n"
				 "[web]\n"
				 "path = /srv/site/*.html\n"
				 "events = close-write\n"
				 "command = true\n"
				 "[all]\n"
				 "path = /**\n"
				 "exclude = /proc/**, /srv/**\n"
				 "command = true\n"
				 "[off]\n"
				 "path = /**\n"
				 "enabled = no\n"
				 "command = true\n"
				 "[one]\n"
				 "path = /etc/passwd\n"
				 "command = true\n"
				 "[top]\n"
				 "path = /*\n"
				 "events = delete\n"
				 "command = true\n"
				 "[twice]\n"
				 "path = /srv/**\n"
				 "path = /srv/site/*.{html,md}\n"
				 "path = /etc/passwd\n"
				 "command = true\n"
				 "[word]\n"
				 "path = /srv/site*\n"
				 "command = true\n";

typedef int match_fn(const struct table *t, const char *path, size_t len, uint32_t kinds,
	struct table_hits *hits);

/* The numbers of the hits of table_match, or table_match_below, as text: "0 6". */
static void assert_hits_of(match_fn *match, const struct table *t, const char *path,
	uint32_t kinds, const char *expected)
{
	struct table_hits hits = {0};
	struct buf b = {0};
	assert_int_equal(match(t, path, strlen(path), kinds, &hits), 0);
	buf_add_str(&b, "");
	for (size_t i = 0; i < hits.count; i++)
		buf_printf(&b, i ? " %u" : "%u", hits.items[i].rule);
	if (strcmp(b.data, expected) != 0)
		fail_msg("%s: rules %s, not %s", path, b.data, expected);
	buf_fini(&b);
	free(hits.items);
}

static void assert_hits(
	const struct table *t, const char *path, uint32_t kinds, const char *expected)
{
	assert_hits_of(table_match, t, path, kinds, expected);
}

static void finds_rules_by_name(void **state)
{
	(void)state;
	struct table *t = rules_of(rules_text);
	assert_int_equal(table_count(t), 8);
	assert_int_equal(table_find(t, "site"), 0);
	assert_int_equal(table_find(t, "word"), 7);
	assert_int_equal(table_find(t, "sit"), -1);
	assert_int_equal(table_find(t, ""), -1);
	assert_string_equal(table_rule(t, 4)->name, "one");
	table_free(t);
	table_free(NULL);
}

static void finds_the_rules_of_a_path(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		uint32_t kinds;
		const char *hits;
	} cases[] = {
		{"/srv/site/index.html", ANY, "0 1 6"},
		{"/srv/site/a/index.html", ANY, "0 6"},
		{"/srv/site/a.md", ANY, "0 6"},
		{"/srv/site", ANY, "6 7"},
		{"/srv/site2", ANY, "6 7"},
		{"/srv/site2/x", ANY, "6"},
		{"/srv", ANY, "2 5"},
		{"/sr", ANY, "2 5"},
		{"/", ANY, ""},
		{"/etc/passwd", ANY, "2 4 6"},
		{"/etc/passwd/x", ANY, "2"},
		{"/etc/passw", ANY, "2"},
		/* excluded */
		{"/srv/site/.git/HEAD", ANY, "6"},
		{"/srv/site/a/b/.git/x/y", ANY, "6"},
		{"/srv/site/.gitx/HEAD", ANY, "0 6"},
		{"/srv/site/a/file~", ANY, "6"},
		{"/proc/1/comm", ANY, ""},
		/* by the kinds in the mask */
		{"/srv/site/index.html", EVENT_CLOSE_WRITE, "0 1 6"},
		{"/srv/site/index.html", EVENT_DELETE, "0 6"},
		{"/srv/site/index.html", EVENT_OPEN, ""},
		{"/x", EVENT_DELETE | EVENT_OPEN, "2 5"},
		{"/x", EVENT_CLOSE_WRITE, "2"},
		{"/x", 0, ""},
	};
	struct table *t = rules_of(rules_text);
	for (size_t i = 0; i < countof(cases); i++)
		assert_hits(t, cases[i].path, cases[i].kinds, cases[i].hits);
	table_free(t);
}

static void reads_no_further_than_the_length(void **state)
{
	(void)state;
	struct table *t = rules_of(rules_text);
	struct table_hits hits = {0};
	assert_int_equal(table_match(t, "/etc/passwdxyz", 11, ANY, &hits), 0);
	assert_int_equal(hits.count, 3);
	assert_true(hits_have(&hits, 4));
	assert_false(hits_have(&hits, 5));
	assert_int_equal(table_match(t, "", 0, ANY, &hits), 0);
	assert_int_equal(hits.count, 0);
	assert_false(hits_have(&hits, 4));
	free(hits.items);
	table_free(t);
}

static void an_empty_table_matches_nothing(void **state)
{
	(void)state;
	struct table *t = rules_of("# no rule\n");
	assert_int_equal(table_count(t), 0);
	assert_int_equal(table_find(t, "x"), -1);
	assert_hits(t, "/", ANY, "");
	assert_hits(t, "/a/b", ANY, "");
	table_free(t);
}

/* The globs in force of a rule: number, text. */
static void assert_glob(
	const struct table *t, uint32_t rule, size_t index, const char *text)
{
	const struct glob *g = table_glob(t, rule, index);
	if (!text) {
		assert_null(g);
		return;
	}
	assert_non_null(g);
	assert_string_equal(glob_text(g), text);
}

/* Where fronts lead: pairs of a front and what stands for it, to NULL. */
static const struct strlist *leads_of(void *ctx, const char *front)
{
	static struct strlist leads;
	static char *items[8];
	leads = (struct strlist){.items = items};
	for (const char **pair = ctx; *pair; pair += 2) {
		if (strcmp(pair[0], front) == 0)
			items[leads.count++] = (char *)pair[1];
	}
	return leads.count ? &leads : NULL;
}

/* What the rule calls the path: nothing if it does not concern that. */
static void assert_called(
	const struct table *t, uint32_t rule, const char *path, const char *name)
{
	struct table_hits hits = {0};
	struct buf b = {0};
	assert_int_equal(table_match(t, path, strlen(path), ANY, &hits), 0);
	for (size_t i = 0; i < hits.count; i++) {
		if (hits.items[i].rule == rule)
			assert_int_equal(
				table_hit_path(&hits.items[i], path, strlen(path), &b),
				0);
	}
	assert_string_equal(b.data ? b.data : "", name);
	buf_fini(&b);
	free(hits.items);
}

static void a_front_that_leads_elsewhere_holds_in_both_forms(void **state)
{
	(void)state;
	const char *leads[] = {"/var/run/x", "/run/x", NULL};
	struct table *t = rules_of("[run]\npath = /var/run/x/**\npath = /var/run/y\n"
				   "command = true\n");
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_glob(t, 0, 0, "/var/run/x/**");
	assert_glob(t, 0, 1, "/var/run/y");
	assert_glob(t, 0, 2, "/run/x/**");
	assert_glob(t, 0, 3, NULL);
	assert_called(t, 0, "/run/x/f", "/var/run/x/f");
	assert_called(t, 0, "/var/run/x/f", "/var/run/x/f");
	assert_called(t, 0, "/var/run/y", "/var/run/y");
	assert_called(t, 0, "/run/y", "");

	/* elsewhere, then nowhere else */
	leads[1] = "/a/much/longer/front/than/before";
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_called(t, 0, "/a/much/longer/front/than/before/d/f", "/var/run/x/d/f");
	assert_called(t, 0, "/run/x/f", "");
	assert_int_equal(table_lead(t, NULL, NULL), 0);
	assert_glob(t, 0, 2, NULL);
	assert_hits(t, "/a/much/longer/front/than/before/f", ANY, "");
	assert_hits(t, "/var/run/x/f", ANY, "0");
	table_free(t);
}

static void each_rule_calls_a_path_as_its_author_did(void **state)
{
	(void)state;
	const char *leads[] = {"/l/file", "/m/file", "/l/file", "/real/file", "/current",
		"/real", "/rootlink", "", NULL};
	struct table *t = rules_of("[file]\npath = /l/file\ncommand = true\n"
				   "[current]\npath = /current/**\ncommand = true\n"
				   "[real]\npath = /current/**\npath = /real/*\n"
				   "command = true\n"
				   "[root]\npath = /rootlink/*/file\npath = /rootlink\n"
				   "command = true\n");
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_hits(t, "/real/file", ANY, "0 1 2 3");
	assert_called(t, 0, "/real/file", "/l/file");
	assert_called(t, 0, "/m/file", "/l/file");
	assert_called(t, 1, "/real/file", "/current/file");
	assert_called(t, 2, "/real/file", "/real/file");
	assert_called(t, 2, "/real/a/b", "/current/a/b");
	assert_called(t, 3, "/real/file", "/rootlink/real/file");
	table_free(t);
}

static void an_exclude_holds_in_all_forms(void **state)
{
	(void)state;
	const char *leads[] = {"/link/not", "/real/not", "/link/last", "/real/other",
		"/link", "/real", NULL};
	struct table *t =
		rules_of("[r]\npath = /link/**\npath = /real/**\n"
			 "exclude = /link/not/**, /link/last\ncommand = true\n"
			 "[s]\npath = /link/**\nexclude = /l*k/not/**\ncommand = true\n");
	const struct glob *by;
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_hits(t, "/real/x", ANY, "0 1");
	/* That of `s` goes by what the author calls the path. */
	assert_hits(t, "/real/not/x", ANY, "");
	assert_hits(t, "/real/other", ANY, "1");
	/* as it is written, too */
	assert_hits(t, "/link/not/x", ANY, "");
	assert_hits(t, "/link/last", ANY, "1");
	assert_int_equal(table_judge_path(t, 0, "/real/not/x", 11, &by), JUDGE_EXCLUDED);
	assert_string_equal(glob_text(by), "/link/not/**");
	assert_int_equal(table_judge_path(t, 1, "/real/not/x", 11, &by), JUDGE_EXCLUDED);
	assert_int_equal(table_judge_path(t, 1, "/real/x", 7, &by), JUDGE_MATCH);
	assert_string_equal(glob_text(by), "/link/**");
	assert_int_equal(table_lead(t, NULL, NULL), 0);
	assert_hits(t, "/real/not/x", ANY, "0");
	table_free(t);
}

static void a_front_with_glob_letters_is_taken_literally(void **state)
{
	(void)state;
	const char *leads[] = {"/link", "/odd[*]{a,b}", NULL};
	struct table *t = rules_of("[r]\npath = /link/*.c\ncommand = true\n");
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_called(t, 0, "/odd[*]{a,b}/x.c", "/link/x.c");
	assert_hits(t, "/odd*a/x.c", ANY, "");
	table_free(t);
}

static void rules_are_found_by_the_front_that_was_written(void **state)
{
	(void)state;
	const char *leads[] = {"/x", "/y", NULL};
	static const struct {
		const char *front;
		uint32_t kinds;
		const char *hits;
	} cases[] = {
		{"/x", ANY, "0 1"},
		{"/x", EVENT_CREATE, "0"},
		{"/y", ANY, "3"},
		{"/z", ANY, ""},
		{"/", ANY, ""},
	};
	struct table *t = rules_of("[a]\npath = /x/**\npath = /x/*.c\nevents = create\n"
				   "command = true\n[b]\npath = /x\nevents = delete\n"
				   "command = true\n[c]\npath = /x/**\nexclude = /x\n"
				   "command = true\n[d]\npath = /y/*\ncommand = true\n"
				   "[e]\npath = /x/*\nenabled = no\ncommand = true\n");
	struct table_hits hits = {0};
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		assert_int_equal(
			table_match_front(t, cases[i].front, cases[i].kinds, &hits), 0);
		buf_add_str(&b, "");
		for (size_t k = 0; k < hits.count; k++)
			buf_printf(&b, k ? " %u" : "%u", hits.items[k].rule);
		assert_string_equal(b.data, cases[i].hits);
		buf_fini(&b);
	}
	free(hits.items);
	table_free(t);
}

static void says_why_a_path_does_not_concern_a_rule(void **state)
{
	(void)state;
	static const struct {
		uint32_t rule;
		const char *path;
		enum judge_verdict verdict;
		const char *glob;
	} cases[] = {
		{0, "/srv/site/x", JUDGE_MATCH, "/srv/site/**"},
		{0, "/srv/other", JUDGE_NO_PATH, NULL},
		{0, "/srv/site/.git/x", JUDGE_EXCLUDED, "/**/.git/**"},
		{2, "/srv/x", JUDGE_EXCLUDED, "/srv/**"},
		{2, "/proc", JUDGE_MATCH, "/**"},
		{6, "/etc/passwd", JUDGE_MATCH, "/etc/passwd"},
		{6, "/srv/site/x.md", JUDGE_MATCH, "/srv/**"},
	};
	struct table *t = rules_of(rules_text);
	for (size_t i = 0; i < countof(cases); i++) {
		const struct glob *glob;
		const char *path = cases[i].path;
		assert_int_equal(
			table_judge_path(t, cases[i].rule, path, strlen(path), &glob),
			cases[i].verdict);
		assert_int_equal(glob != NULL, cases[i].glob != NULL);
		if (glob)
			assert_string_equal(glob_text(glob), cases[i].glob);
		assert_int_equal(
			table_judge_path(t, cases[i].rule, path, strlen(path), NULL),
			cases[i].verdict);
	}
	table_free(t);
}

static void finds_the_rules_below_a_directory(void **state)
{
	(void)state;
	static const struct {
		const char *dir;
		uint32_t kinds;
		const char *hits;
	} cases[] = {
		/* 1: directly in it; 6: at any depth; 2: not below /srv */
		{"/srv/site", ANY, "0 1 6"},
		{"/srv/site/a", ANY, "0 6"},
		{"/srv/site/a/b.html", ANY, "0 6"},
		{"/srv/site2", ANY, "6"},
		/* and all whose front is below it */
		{"/srv", ANY, "0 1 6 7"},
		{"/etc", ANY, "2 4 6"},
		{"/et", ANY, "2"},
		{"/etc/passwd", ANY, "2"},
		{"", ANY, "0 1 2 4 5 6 7"},
		/* an exclude of all that is below, and one of some */
		{"/proc", ANY, ""},
		{"/proc/1", ANY, ""},
		{"/srv/site/.git", ANY, "6"},
		{"/srv/site/a/.git/x", ANY, "6"},
		{"/srv/site/a~", ANY, "0 6"},
		/* by the kinds in the mask */
		{"/srv/site", EVENT_RENAMES, "0 6"},
		{"/srv/site", EVENT_CLOSE_WRITE, "0 1 6"},
		{"/srv/site", EVENT_OPEN, ""},
	};
	struct table *t = rules_of(rules_text);
	for (size_t i = 0; i < countof(cases); i++)
		assert_hits_of(table_match_below, t, cases[i].dir, cases[i].kinds,
			cases[i].hits);
	const char *leads[] = {"/srv/site", "/real", NULL};
	assert_int_equal(table_lead(t, leads_of, leads), 0);
	assert_hits_of(table_match_below, t, "/real", ANY, "0 1 2 6");
	assert_hits_of(table_match_below, t, "/srv/site", ANY, "0 1 6");
	table_free(t);
}

/* ---- Many rules: what the index finds is what trying every rule finds. */

static void add_random_path(struct buf *b, const char *last)
{
	static const char *const parts[] = {"a", "b", "ab", "c", "a.c", "x"};
	unsigned depth = 1 + (unsigned)rand() % 4;
	for (unsigned i = 0; i < depth; i++)
		buf_printf(b, "/%s", parts[(size_t)rand() % countof(parts)]);
	buf_add_str(b, last);
}

/* 500 rules. */
static struct table *random_rules(void)
{
	static const char *const tails[] = {
		"", "/**", "/*", "/*.c", "*", "/**/x", "/{a,b}/c", "/[a-c]", "/?"};
	struct buf text = {0};
	for (unsigned i = 0; i < 500; i++) {
		buf_printf(&text, "[r%u]\ncommand = true\npath = ", i);
		add_random_path(&text, tails[(size_t)rand() % countof(tails)]);
		if (rand() % 4 == 0) {
			buf_add_str(&text, "\nexclude = ");
			add_random_path(&text, tails[(size_t)rand() % countof(tails)]);
		}
		buf_add_str(&text, "\n");
	}
	struct table *t = rules_of(text.data);
	buf_fini(&text);
	return t;
}

static void what_matches_below_a_directory_is_found_for_it(void **state)
{
	(void)state;
	srand(4);
	struct table *t = random_rules();
	struct table_hits hits = {0}, below = {0};
	for (unsigned i = 0; i < 500; i++) {
		struct buf path = {0};
		add_random_path(&path, "");
		assert_int_equal(table_match(t, path.data, path.len, ANY, &hits), 0);
		for (size_t len = 0; len < path.len; len++) {
			if (path.data[len] != '/')
				continue;
			assert_int_equal(
				table_match_below(t, path.data, len, ANY, &below), 0);
			for (size_t k = 0; k < hits.count; k++)
				assert_true(hits_have(&below, hits.items[k].rule));
		}
		buf_fini(&path);
	}
	free(hits.items);
	free(below.items);
	table_free(t);
}

static void the_index_finds_what_trying_each_finds(void **state)
{
	(void)state;
	srand(3);
	struct table *t = random_rules();
	struct table_hits hits = {0};
	size_t total = 0;
	for (unsigned i = 0; i < 500; i++) {
		struct buf path = {0};
		add_random_path(&path, "");
		assert_int_equal(table_match(t, path.data, path.len, ANY, &hits), 0);
		for (uint32_t r = 0; r < 500; r++) {
			bool fits = table_judge_path(t, r, path.data, path.len, NULL) ==
				    JUDGE_MATCH;
			if (fits != hits_have(&hits, r))
				fail_msg("rule %u and %s", r, path.data);
		}
		for (size_t k = 1; k < hits.count; k++)
			assert_true(hits.items[k - 1].rule < hits.items[k].rule);
		total += hits.count;
		buf_fini(&path);
	}
	assert_true(total > 1000);
	free(hits.items);
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_rules_by_name),
		cmocka_unit_test(finds_the_rules_of_a_path),
		cmocka_unit_test(reads_no_further_than_the_length),
		cmocka_unit_test(an_empty_table_matches_nothing),
		cmocka_unit_test(a_front_that_leads_elsewhere_holds_in_both_forms),
		cmocka_unit_test(each_rule_calls_a_path_as_its_author_did),
		cmocka_unit_test(an_exclude_holds_in_all_forms),
		cmocka_unit_test(a_front_with_glob_letters_is_taken_literally),
		cmocka_unit_test(rules_are_found_by_the_front_that_was_written),
		cmocka_unit_test(says_why_a_path_does_not_concern_a_rule),
		cmocka_unit_test(finds_the_rules_below_a_directory),
		cmocka_unit_test(what_matches_below_a_directory_is_found_for_it),
		cmocka_unit_test(the_index_finds_what_trying_each_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
