/* SPDX-License-Identifier: MIT */
/* What an event is to a rule: its kind there, and every condition on file and actor. */
#include "core/rule/judge.h"

#include "base/countof.h"
#include "rules_of.h"

#include <stdio.h>

/* A table with one rule of these lines. */
static struct table *rule_with(const char *lines)
{
	char text[512];
	snprintf(text, sizeof(text), "[r]\npath = /a/**\ncommand = true\n%s\n", lines);
	return rules_of(text);
}

/* ---- Kinds */

#define GONE EVENT_TYPE_GONE
#define FILE_ EVENT_TYPE_FILE
#define DIR_ EVENT_TYPE_DIR
#define LINK EVENT_TYPE_SYMLINK
#define OTHER EVENT_TYPE_OTHER

static void a_kind_is_the_newest_in_the_mask(void **state)
{
	(void)state;
	static const struct {
		const char *events;
		uint32_t kinds, kind;
	} cases[] = {
		{"create", EVENT_CREATE, EVENT_CREATE},
		{"create", EVENT_CREATE | EVENT_CLOSE_WRITE | EVENT_DELETE, EVENT_CREATE},
		{"create, delete", EVENT_CREATE | EVENT_CLOSE_WRITE | EVENT_DELETE,
			EVENT_DELETE},
		{"close-write", EVENT_CREATE | EVENT_CLOSE_WRITE, EVENT_CLOSE_WRITE},
		{"close-write", EVENT_CREATE, 0},
		{"modify, close-write", EVENT_MODIFY | EVENT_CLOSE_WRITE,
			EVENT_CLOSE_WRITE},
		{"all", EVENT_OPEN | EVENT_ACCESS | EVENT_CLOSE_NOWRITE,
			EVENT_CLOSE_NOWRITE},
		{"all", EVENT_FS_ERROR, EVENT_FS_ERROR},
		{"changed", EVENT_OPEN | EVENT_MODIFY | EVENT_ATTRIB, 0},
		{"changed", EVENT_CLOSE_WRITE | EVENT_DELETE, EVENT_DELETE},
		{"open-exec", EVENT_OPEN | EVENT_OPEN_EXEC, EVENT_OPEN_EXEC},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char line[64];
		snprintf(line, sizeof(line), "events = %s", cases[i].events);
		struct table *t = rule_with(line);
		struct event e = {.kinds = cases[i].kinds};
		assert_int_equal(
			judge_kind(table_rule(t, 0), &e, true, false), cases[i].kind);
		/* Without the path being hit it is nothing. */
		assert_int_equal(judge_kind(table_rule(t, 0), &e, false, true), 0);
		table_free(t);
	}
}

static void a_rename_is_named_by_the_sides_that_match(void **state)
{
	(void)state;
	/* The kind where both sides match, only the new one, only the old one. */
	static const struct {
		const char *events;
		uint32_t both, new_only, old_only;
	} cases[] = {
		{"rename", EVENT_RENAME, EVENT_MOVED_TO, EVENT_MOVED_FROM},
		{"changed", EVENT_RENAME, EVENT_MOVED_TO, EVENT_MOVED_FROM},
		{"all", EVENT_RENAME, EVENT_MOVED_TO, EVENT_MOVED_FROM},
		{"moved-to", EVENT_MOVED_TO, EVENT_MOVED_TO, 0},
		{"moved-from", EVENT_MOVED_FROM, 0, EVENT_MOVED_FROM},
		{"moved-to, moved-from", EVENT_MOVED_TO, EVENT_MOVED_TO,
			EVENT_MOVED_FROM},
		{"create, delete", 0, 0, 0},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char line[64];
		snprintf(line, sizeof(line), "events = %s", cases[i].events);
		struct table *t = rule_with(line);
		const struct rule *r = table_rule(t, 0);
		struct event e = {.kinds = EVENT_RENAME};
		assert_int_equal(judge_kind(r, &e, true, true), cases[i].both);
		assert_int_equal(judge_kind(r, &e, true, false), cases[i].new_only);
		assert_int_equal(judge_kind(r, &e, false, true), cases[i].old_only);
		table_free(t);
	}
}

static void changed_takes_what_no_close_write_follows(void **state)
{
	(void)state;
	static const struct {
		const char *events;
		uint32_t kinds;
		bool is_unwritten;
		uint32_t kind;
	} cases[] = {
		{"changed", EVENT_CREATE, true, EVENT_CREATE},
		{"changed", EVENT_CREATE, false, 0},
		{"changed", EVENT_MODIFY, true, EVENT_MODIFY},
		{"changed", EVENT_MODIFY, false, 0},
		{"changed", EVENT_CREATE | EVENT_MODIFY, true, EVENT_MODIFY},
		{"changed", EVENT_CREATE | EVENT_CLOSE_WRITE, false, EVENT_CLOSE_WRITE},
		{"changed", EVENT_ATTRIB, true, 0},
		{"create", EVENT_CREATE, false, EVENT_CREATE},
		{"close-write", EVENT_CREATE | EVENT_MODIFY, true, 0},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char line[64];
		snprintf(line, sizeof(line), "events = %s", cases[i].events);
		struct table *t = rule_with(line);
		struct event e = {
			.kinds = cases[i].kinds, .is_unwritten = cases[i].is_unwritten};
		if (judge_kind(table_rule(t, 0), &e, true, false) != cases[i].kind)
			fail_msg("case %zu", i);
		table_free(t);
	}
}

static void what_is_there_again_was_not_deleted_last(void **state)
{
	(void)state;
	static const struct {
		const char *events;
		uint32_t kinds;
		bool is_back, is_unwritten;
		uint32_t kind;
	} cases[] = {
		{"changed", EVENT_CREATE | EVENT_DELETE, true, true, EVENT_CREATE},
		{"changed", EVENT_CREATE | EVENT_DELETE, false, false, EVENT_DELETE},
		{"changed", EVENT_CLOSE_WRITE | EVENT_DELETE, true, false,
			EVENT_CLOSE_WRITE},
		{"changed", EVENT_CLOSE_WRITE | EVENT_DELETE, false, false, EVENT_DELETE},
		{"create, delete", EVENT_CREATE | EVENT_DELETE, true, true, EVENT_CREATE},
		{"delete", EVENT_CREATE | EVENT_DELETE, true, true, EVENT_DELETE},
		{"create", EVENT_CREATE | EVENT_DELETE, false, false, EVENT_CREATE},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char line[64];
		snprintf(line, sizeof(line), "events = %s", cases[i].events);
		struct table *t = rule_with(line);
		struct event e = {.kinds = cases[i].kinds,
			.is_back = cases[i].is_back,
			.is_unwritten = cases[i].is_unwritten};
		if (judge_kind(table_rule(t, 0), &e, true, false) != cases[i].kind)
			fail_msg("case %zu", i);
		table_free(t);
	}
}

static void says_what_it_needs(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool type, actor;
	} cases[] = {
		{"events = changed", false, false},
		{"events = all", false, false},
		{"type = file", true, false},
		{"size = >1K", true, false},
		{"by-user = root", false, true},
		{"by-cmd = !touch", false, true},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct table *t = rule_with(cases[i].line);
		const struct rule *r = table_rule(t, 0);
		if (judge_needs_type(r) != cases[i].type ||
			judge_needs_actor(r) != cases[i].actor)
			fail_msg("%s", cases[i].line);
		table_free(t);
	}
}

/* ---- Conditions */

static const char ancestors[] = "bash\0sshd\0systemd";

static const struct actor someone = {
	.pid = 10,
	.program.comm = "touch",
	.uid = 1001,
	.euid = 0,
	.program.exe = (char *)"/usr/bin/touch",
	.program.unit = (char *)"cron.service",
	.ancestors = (char *)ancestors,
	.ancestors_len = sizeof(ancestors),
};

static const struct actor nobody_knows = {
	.uid = ACTOR_ID_UNKNOWN,
	.euid = ACTOR_ID_UNKNOWN,
};

static enum judge_verdict judge(
	const char *lines, const struct actor *a, const char *user, struct event e)
{
	struct table *t = rule_with(lines);
	struct actor named = *a;
	named.user = (char *)(uintptr_t)user;
	e.actor = &named;
	enum judge_verdict verdict = judge_event(table_rule(t, 0), &e);
	table_free(t);
	return verdict;
}

static void conditions_on_the_actor(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool someone, unknown; /* does it hold for them? */
		enum judge_verdict otherwise;
	} cases[] = {
		{"", true, true, JUDGE_MATCH},
		{"by-user = deploy", true, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = 1001", true, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = root", false, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = root, deploy", true, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = dep*", true, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = *", true, false, JUDGE_BY + RULE_BY_USER},
		{"by-user = !deploy", false, true, JUDGE_BY + RULE_BY_USER},
		{"by-user = !dep*", false, true, JUDGE_BY + RULE_BY_USER},
		{"by-user = !root", true, true, JUDGE_BY + RULE_BY_USER},
		{"by-user = d*, !deploy", false, false, JUDGE_BY + RULE_BY_USER},
		{"by-cmd = touch", true, false, JUDGE_BY + RULE_BY_CMD},
		{"by-cmd = t*h", true, false, JUDGE_BY + RULE_BY_CMD},
		{"by-cmd = tou", false, false, JUDGE_BY + RULE_BY_CMD},
		{"by-cmd = !touch", false, true, JUDGE_BY + RULE_BY_CMD},
		{"by-cmd = !vim, !sed", true, true, JUDGE_BY + RULE_BY_CMD},
		{"by-cmd = *, !touch", false, false, JUDGE_BY + RULE_BY_CMD},
		{"by-exe = /usr/bin/touch", true, false, JUDGE_BY + RULE_BY_EXE},
		{"by-exe = /usr/**", true, false, JUDGE_BY + RULE_BY_EXE},
		{"by-exe = /usr/*", false, false, JUDGE_BY + RULE_BY_EXE},
		{"by-exe = !/usr/bin/*", false, true, JUDGE_BY + RULE_BY_EXE},
		{"by-ancestor = sshd", true, false, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = bash", true, false, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = systemd", true, false, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = touch", false, false, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = cron, ssh*", true, false, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = !sshd", false, true, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = !cron", true, true, JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-ancestor = bash, !systemd", false, false,
			JUDGE_BY + RULE_BY_ANCESTOR},
		{"by-unit = cron.service", true, false, JUDGE_BY + RULE_BY_UNIT},
		{"by-unit = *.service", true, false, JUDGE_BY + RULE_BY_UNIT},
		{"by-unit = !cron.service", false, true, JUDGE_BY + RULE_BY_UNIT},
		{"by-unit = ssh.service", false, false, JUDGE_BY + RULE_BY_UNIT},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *line = cases[i].line;
		struct event e = {.kinds = EVENT_CLOSE_WRITE};
		enum judge_verdict got = judge(line, &someone, "deploy", e);
		if (got != (cases[i].someone ? JUDGE_MATCH : cases[i].otherwise))
			fail_msg("%s: someone: %s", line, judge_verdict_text(got));
		got = judge(line, &nobody_knows, NULL, e);
		if (got != (cases[i].unknown ? JUDGE_MATCH : cases[i].otherwise))
			fail_msg("%s: unknown: %s", line, judge_verdict_text(got));
	}
}

static void the_real_user_counts_by_number_where_it_has_no_name(void **state)
{
	(void)state;
	struct event e = {.kinds = EVENT_CLOSE_WRITE};
	assert_int_equal(judge("by-user = 1001", &someone, NULL, e), JUDGE_MATCH);
	assert_int_equal(
		judge("by-user = d*", &someone, NULL, e), JUDGE_BY + RULE_BY_USER);
	assert_int_equal(judge("by-user = !d*", &someone, NULL, e), JUDGE_MATCH);
	/* euid 0 is not root */
	assert_int_equal(
		judge("by-user = root", &someone, "deploy", e), JUDGE_BY + RULE_BY_USER);
}

static void of_users_that_it_may_be_one_that_fits_is_enough(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool fits;
	} cases[] = {
		{"by-user = root", true},
		{"by-user = deploy", true},
		{"by-user = dep*", true},
		{"by-user = 1001", true},
		{"by-user = 1002", true},
		{"by-user = bo*", false},
		{"by-user = d?p", false},
		{"by-user = root,deploy", true},
		{"by-user = !root", true},
		{"by-user = !deploy", true},
		{"by-user = !root, !deploy", true},
		{"by-user = !root, !deploy, !1002", false},
		{"by-user = d*, !deploy", false},
		{"by-user = *, !root", true},
	};
	struct actor either = nobody_knows;
	either.maybe_uids[1] = 1001;
	either.maybe_uids[2] = 1002;
	either.maybe_count = 3;
	struct event e = {.kinds = EVENT_CLOSE_WRITE};
	for (size_t i = 0; i < countof(cases); i++) {
		either.user_maybe = (char *)(uintptr_t) "root,deploy,1002";
		bool fits = judge(cases[i].line, &either, NULL, e) == JUDGE_MATCH;
		if (fits != cases[i].fits)
			fail_msg("%s: %d", cases[i].line, fits);
	}
	/* Without memory for the names the numbers count. */
	either.user_maybe = NULL;
	assert_int_equal(judge("by-user = 1001", &either, NULL, e), JUDGE_MATCH);
	assert_int_equal(
		judge("by-user = d*", &either, NULL, e), JUDGE_BY + RULE_BY_USER);
}

static void conditions_are_all_needed(void **state)
{
	(void)state;
	struct event e = {.kinds = EVENT_CLOSE_WRITE,
		.type_known = true,
		.type = FILE_,
		.nlink = 1};
	static const struct {
		const char *lines;
		enum judge_verdict verdict;
	} cases[] = {
		{"by-user = deploy\nby-cmd = touch\nby-exe = /usr/bin/*\n"
		 "by-ancestor = sshd\nby-unit = cron.*\ntype = file\nsize = <1K",
			JUDGE_MATCH},
		{"by-user = deploy\nby-cmd = vim", JUDGE_BY + RULE_BY_CMD},
		{"by-user = root\nby-cmd = touch", JUDGE_BY + RULE_BY_USER},
		{"by-cmd = touch\ntype = dir", JUDGE_TYPE},
		{"type = file\nsize = >1K", JUDGE_SIZE},
	};
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(
			judge(cases[i].lines, &someone, "deploy", e), cases[i].verdict);
}

static void conditions_on_the_type(void **state)
{
	(void)state;
	static const struct {
		const char *types;
		bool is_dir, type_known;
		enum event_type type;
		bool fits;
	} cases[] = {
		{"file", false, true, FILE_, true},
		{"file", false, true, LINK, false},
		{"file", true, true, DIR_, false},
		{"dir", true, true, DIR_, true},
		{"dir", false, true, FILE_, false},
		{"symlink", false, true, LINK, true},
		{"other", false, true, OTHER, true},
		{"other", false, true, FILE_, false},
		{"file, symlink", false, true, LINK, true},
		{"file, dir, symlink, other", false, true, OTHER, true},
		/* Of what is gone only this is known: whether it was a directory. */
		{"file", false, true, GONE, true},
		{"symlink", false, true, GONE, true},
		{"dir", false, true, GONE, false},
		{"dir", true, true, GONE, true},
		{"file", true, true, GONE, false},
		{"file", false, false, GONE, true},
		{"dir", true, false, GONE, true},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char line[64];
		snprintf(line, sizeof(line), "type = %s", cases[i].types);
		struct event e = {.kinds = EVENT_DELETE,
			.is_dir = cases[i].is_dir,
			.type_known = cases[i].type_known,
			.type = cases[i].type};
		if (judge(line, &someone, NULL, e) !=
			(cases[i].fits ? JUDGE_MATCH : JUDGE_TYPE))
			fail_msg("%s, case %zu", line, i);
	}
}

static void what_stands_for_more_may_be_of_any_type_and_size(void **state)
{
	(void)state;
	const struct event e = {.kinds = EVENT_RENAME,
		.is_dir = true,
		.covers_below = true,
		.type_known = true,
		.type = DIR_,
		.size_bytes = 1};
	assert_int_equal(judge("type = file", &someone, NULL, e), JUDGE_MATCH);
	assert_int_equal(judge("size = >4K", &someone, NULL, e), JUDGE_MATCH);
	assert_int_equal(judge("by-cmd = x", &someone, NULL, e), JUDGE_BY + RULE_BY_CMD);
}

static void conditions_on_the_size(void **state)
{
	(void)state;
	/* The size is 4096; does the rule match at 4095, 4096, 4097? */
	static const struct {
		const char *line;
		bool below, equal, above;
	} cases[] = {
		{"size = <4K", true, false, false},
		{"size = <=4K", true, true, false},
		{"size = =4K", false, true, false},
		{"size = >=4K", false, true, true},
		{"size = >4K", false, false, true},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const bool fits[] = {cases[i].below, cases[i].equal, cases[i].above};
		struct event e = {
			.kinds = EVENT_CLOSE_WRITE, .type_known = true, .type = FILE_};
		for (unsigned k = 0; k < 3; k++) {
			e.size_bytes = 4095 + k;
			if (judge(cases[i].line, &someone, NULL, e) !=
				(fits[k] ? JUDGE_MATCH : JUDGE_SIZE))
				fail_msg("%s, %u", cases[i].line, 4095 + k);
		}
		e.type = GONE;
		assert_int_equal(judge(cases[i].line, &someone, NULL, e), JUDGE_MATCH);
	}
}

static void what_befalls_a_filesystem_has_no_actor_to_judge(void **state)
{
	(void)state;
	struct event lost = {.kinds = EVENT_OVERFLOW}, error = {.kinds = EVENT_FS_ERROR};
	const char *lines = "by-user = deploy\nby-cmd = touch\ntype = file";
	assert_int_equal(judge(lines, &nobody_knows, NULL, lost), JUDGE_MATCH);
	assert_int_equal(judge(lines, &nobody_knows, NULL, error), JUDGE_MATCH);
}

static void every_verdict_has_a_text(void **state)
{
	(void)state;
	for (int v = JUDGE_MATCH; v <= JUDGE_BY + RULE_BY_UNIT; v++) {
		const char *text = judge_verdict_text((enum judge_verdict)v);
		assert_non_null(text);
		for (int w = JUDGE_MATCH; w < v; w++)
			assert_string_not_equal(
				text, judge_verdict_text((enum judge_verdict)w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_is_the_newest_in_the_mask),
		cmocka_unit_test(a_rename_is_named_by_the_sides_that_match),
		cmocka_unit_test(changed_takes_what_no_close_write_follows),
		cmocka_unit_test(what_is_there_again_was_not_deleted_last),
		cmocka_unit_test(says_what_it_needs),
		cmocka_unit_test(conditions_on_the_actor),
		cmocka_unit_test(the_real_user_counts_by_number_where_it_has_no_name),
		cmocka_unit_test(of_users_that_it_may_be_one_that_fits_is_enough),
		cmocka_unit_test(conditions_are_all_needed),
		cmocka_unit_test(conditions_on_the_type),
		cmocka_unit_test(conditions_on_the_size),
		cmocka_unit_test(what_stands_for_more_may_be_of_any_type_and_size),
		cmocka_unit_test(what_befalls_a_filesystem_has_no_actor_to_judge),
		cmocka_unit_test(every_verdict_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
