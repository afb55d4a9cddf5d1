/* SPDX-License-Identifier: MIT */
#include "core/place/landing.h"

#include "base/countof.h"
#include "rules_of.h"

/* ---- A model: everything is looked for anew, among all ---- */

static const struct mount *model_mounted_at(
	const struct mounts *m, const struct mount *parent, const char *path, size_t len)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (c->parent_id == parent->id && c != parent &&
			strncmp(c->point, path, len) == 0 && c->point[len] == '\0')
			return c;
	}
	return NULL;
}

static bool model_has_id(const struct mounts *m, int id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->items[i].id == id)
			return true;
	}
	return false;
}

static const struct mount *model_root(const struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (strcmp(c->point, "/") == 0 &&
			(c->parent_id == c->id || !model_has_id(m, c->parent_id)))
			return c;
	}
	return NULL;
}

static const struct mount *model_find(const struct mounts *m, const char *path)
{
	const struct mount *at = model_root(m), *over;
	while (at && (over = model_mounted_at(m, at, "/", 1)))
		at = over;
	for (size_t i = 2; at && i <= strlen(path); i++) {
		while ((path[i] == '/' || path[i] == '\0') &&
			(over = model_mounted_at(m, at, path, i)))
			at = over;
	}
	return at;
}

static bool model_is_visible(const struct mounts *m, const struct mount *mount)
{
	return model_find(m, mount->point) == mount;
}

static int model_show(const struct mounts *m, const struct mount *mount,
	const char *inner, struct buf *out)
{
	buf_clear(out);
	if (!model_is_visible(m, mount) ||
		!mounts_is_within(inner, strlen(inner), mount->root))
		return 0;
	buf_printf(out, "%s%s", mount->point[1] ? mount->point : "",
		inner + (mount->root[1] ? strlen(mount->root) : 0));
	if (out->len == 0)
		buf_add_str(out, "/");
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		if (c->parent_id == mount->id && c != mount &&
			mounts_is_within(out->data, out->len, c->point))
			return 0;
	}
	return 1;
}

static bool model_lands(
	const struct mounts *m, const struct glob *glob, const struct mount *mount)
{
	size_t rest;
	const char *front = glob_literal_front(glob, &rest);
	if (!model_is_visible(m, mount))
		return false;
	if (model_find(m, *front ? front : "/") == mount)
		return true;
	const char *point = mount->point[1] ? mount->point : "";
	return mounts_is_within(
		       mount->point, strlen(mount->point), *front ? front : "/") &&
	       glob_may_match_below(glob, point, strlen(point));
}

static bool model_rule_lands(const struct mounts *m, const struct table *rules,
	uint32_t rule, const struct mount *mount)
{
	const struct glob *glob;
	for (size_t k = 0; (glob = table_glob(rules, rule, k)); k++) {
		if (model_lands(m, glob, mount))
			return true;
	}
	return false;
}

/* ---- Chance ---- */

static uint32_t chance_state;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * 1664525u + 1013904223u;
	return (chance_state >> 16) % below;
}

static const char *one_of(const char *const *words, size_t count)
{
	return words[chance((uint32_t)count)];
}

/* A path of up to so many components; "" is one of none. */
static void add_path(struct buf *b, uint32_t most)
{
	static const char *const names[] = {"a", "b", "c", "ab", "a.b"};
	buf_add_str(b, "");
	for (uint32_t n = chance(most + 1); n > 0; n--)
		buf_printf(b, "/%s", one_of(names, countof(names)));
}

static void add_glob(struct buf *b)
{
	static const char *const parts[] = {"a", "b", "c", "ab", "a", "b", "*", "**", "?",
		"[ab]", "a*", "*b", "{a,c}", "{a/b,c}"};
	for (uint32_t n = 1 + chance(4); n > 0; n--)
		buf_printf(b, "/%s", one_of(parts, countof(parts)));
}

static char *random_rules(void)
{
	static const char *const events[] = {
		"close-write", "create", "delete, attrib", "changed", "rename"};
	struct buf b = {0};
	for (uint32_t i = 0, count = 1 + chance(5); i < count; i++) {
		buf_printf(&b, "[r%u]\ncommand = true\nevents = %s\n", i,
			one_of(events, countof(events)));
		if (chance(6) == 0)
			buf_add_str(&b, "enabled = no\n");
		if (chance(4) == 0)
			buf_add_str(&b, "exclude = **/b\n");
		for (uint32_t n = 1 + chance(2); n > 0; n--) {
			buf_add_str(&b, "path = ");
			add_glob(&b);
			buf_add_str(&b, "\n");
		}
	}
	return buf_take(&b);
}

/* Let a table grow as mount(8) would have it grow, but for some mounts whose parent is
 * anything; the first of them has the id. */
static void add_mounts(struct buf *b, int id)
{
	static const char *const types[] = {"ext4", "tmpfs"};
	for (int end = id + (int)chance(14); id < end; id++) {
		struct buf point = {0}, root = {0};
		add_path(&point, 3);
		if (!point.len)
			buf_add_str(&point, "/");
		if (chance(2))
			add_path(&root, 2);
		struct mounts m;
		assert_int_equal(mounts_parse(&m, b->data, b->len), 0);
		const struct mount *parent = model_find(&m, point.data);
		int parent_id =
			parent && chance(8) ? parent->id : (int)chance((uint32_t)end + 2);
		mounts_fini(&m);
		buf_printf(b, "%d %d 0:%u %s %s %s - %s x rw\n", id, parent_id,
			2 + chance(4), root.len ? root.data : "/", point.data,
			chance(3) ? "rw" : "noexec", one_of(types, countof(types)));
		buf_fini(&point);
		buf_fini(&root);
	}
}

static char *random_mounts(void)
{
	struct buf b = {0};
	if (chance(4) == 0)
		buf_add_str(&b, "1 1 0:1 / / rw - rootfs rootfs rw\n");
	buf_printf(&b, "2 1 0:2 / / rw - ext4 x rw\n");
	add_mounts(&b, 3);
	return buf_take(&b);
}

/* A table without some of the mounts of another one, and with some more, whose ids are from
 * so many on. */
static char *other_mounts(const char *text, int id)
{
	struct buf b = {0};
	buf_add_str(&b, "");
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (chance(4))
			buf_add(&b, line, (size_t)(end + 1 - line));
	}
	add_mounts(&b, id);
	return buf_take(&b);
}

/* ---- The index against the model ---- */

/* What a failure says: from what it came. */
struct round {
	const char *mountinfo, *rules_text;
	struct landing l;
	struct table *rules;
};

static void check(const struct round *r, bool is_right, const char *what, const char *of)
{
	if (!is_right)
		fail_msg("%s: %s\n%s%s", what, of, r->mountinfo, r->rules_text);
}

static void check_mounts(const struct round *r)
{
	const struct mounts *m = &r->l.mounts;
	for (size_t i = 0; i < m->count; i++) {
		const struct mount *c = &m->items[i];
		check(r, c->is_visible == model_is_visible(m, c), "visible", c->point);
	}
	for (int i = 0; i < 8; i++) {
		struct buf path = {0}, shown = {0}, expected = {0};
		add_path(&path, 4);
		check(r, mounts_find(m, path.data) == model_find(m, path.data), "found",
			path.data);
		for (size_t k = 0; k < m->count; k++) {
			buf_clear(&shown);
			int rc =
				mounts_show(m, &m->items[k], path.data, path.len, &shown);
			int should = model_show(m, &m->items[k], path.data, &expected);
			check(r, rc == should, "whether shown", path.data);
			check(r, !rc || strcmp(shown.data, expected.data) == 0, "shown",
				path.data);
		}
		buf_fini(&path);
		buf_fini(&shown);
		buf_fini(&expected);
	}
}

static void check_rule(const struct round *r, uint32_t rule, struct landing_list *list)
{
	const struct landing *l = &r->l;
	const char *name = table_rule(r->rules, rule)->name;
	size_t at = 0;
	assert_int_equal(landing_of_rule(l, r->rules, rule, list), 0);
	for (uint32_t i = 0; i < l->mounts.count; i++) {
		bool lands =
			model_rule_lands(&l->mounts, r->rules, rule, &l->mounts.items[i]);
		bool is_listed = at < list->count && list->items[at] == i;
		check(r, is_listed == lands, "mounts of the rule", name);
		at += is_listed;
	}
	assert_int_equal(at, list->count);
	for (uint32_t fs = 0; fs < l->count; fs++) {
		bool has = false;
		for (size_t i = 0; i < list->count; i++)
			has = has || l->by_mount[list->items[i]].filesystem == fs;
		check(r, landing_has(l, r->rules, rule, fs) == has,
			"filesystems of the rule", name);
	}
	check(r, landing_has(l, r->rules, rule, LANDING_NONE) == (list->count > 0),
		"anywhere", name);
}

static int rank(const struct mount *m)
{
	return 2 * (strcmp(m->root, "/") == 0) + m->is_visible;
}

static void check_kinds(const struct round *r)
{
	const struct landing *l = &r->l;
	for (uint32_t fs = 0; fs < l->count; fs++) {
		uint32_t kinds = 0;
		bool may_execute = false;
		check(r, landing_find(l, l->filesystems[fs].dev) == fs, "by dev", "");
		for (size_t i = 0; i < l->mounts.count; i++) {
			const struct mount *m = &l->mounts.items[i];
			bool is_of_it = l->by_mount[i].filesystem == fs;
			check(r, is_of_it == (m->dev == l->filesystems[fs].dev),
				"filesystem", m->point);
			const struct mount *best = l->filesystems[fs].best;
			check(r,
				!is_of_it || m == best ||
					(m < best ? rank(m) < rank(best)
						  : rank(m) <= rank(best)),
				"better than the best", m->point);
			may_execute |= is_of_it && !m->is_noexec;
			for (uint32_t k = 0; is_of_it && k < table_count(r->rules); k++) {
				if (table_rule(r->rules, k)->enabled &&
					model_rule_lands(&l->mounts, r->rules, k, m))
					kinds |= table_rule(r->rules, k)->events;
			}
		}
		check(r, l->filesystems[fs].kinds == kinds, "kinds", "");
		check(r, l->filesystems[fs].may_execute == may_execute, "exec", "");
	}
}

/* Add to the text what the rules have of a shown path: mount, path and rules. */
static void add_hits(const struct round *r, size_t mount, const struct buf *shown,
	uint32_t kinds, struct buf *out)
{
	struct table_hits hits = {0};
	assert_int_equal(table_match(r->rules, shown->data, shown->len, kinds, &hits), 0);
	for (size_t i = 0; i < hits.count; i++)
		buf_printf(out, "%zu %s %u\n", mount, shown->data, hits.items[i].rule);
	free(hits.items);
}

/* What a record leads to: with all the mounts, and with those of the index. */
static void check_path(const struct round *r, struct landing_list *list)
{
	const struct landing *l = &r->l;
	uint32_t fs = l->count ? chance(l->count) : LANDING_NONE, kinds = 1u << chance(6);
	struct buf inner = {0}, shown = {0}, first = {0}, expected = {0}, got = {0};
	if (fs == LANDING_NONE)
		return;
	add_path(&inner, 4);
	buf_add_str(&got, "");
	buf_add_str(&expected, "");
	for (size_t i = 0; i < l->mounts.count; i++) {
		if (l->by_mount[i].filesystem != fs ||
			!model_show(&l->mounts, &l->mounts.items[i], inner.data, &shown))
			continue;
		if (!first.data)
			buf_add_str(&first, shown.data);
		add_hits(r, i, &shown, kinds, &expected);
	}
	assert_int_equal(landing_of_path(l, fs, inner.data, inner.len, kinds, list), 0);
	for (size_t i = 0; i < list->count; i++) {
		const struct mount *m = &l->mounts.items[list->items[i]];
		buf_clear(&shown);
		mounts_add_path(m, inner.data, inner.len, &shown);
		if (!mounts_hide(&l->mounts, m, shown.data, shown.len))
			add_hits(r, list->items[i], &shown, kinds, &got);
	}
	check(r, strcmp(expected.data, got.data) == 0, "rules of the path", inner.data);
	buf_clear(&shown);
	int rc = landing_show(l, fs, inner.data, inner.len, &shown);
	check(r, rc == (first.data != NULL), "whether shown at all", inner.data);
	check(r, !rc || strcmp(shown.data, first.data) == 0, "shown first", inner.data);
	buf_fini(&inner);
	buf_fini(&shown);
	buf_fini(&first);
	buf_fini(&expected);
	buf_fini(&got);
}

static void check_all(const struct round *r, struct landing_list *list)
{
	check_mounts(r);
	check_kinds(r);
	for (uint32_t i = 0; i < table_count(r->rules); i++)
		check_rule(r, i, list);
	for (int i = 0; i < 20; i++)
		check_path(r, list);
}

/* One landing after the other, as mounts come and go and rules are loaded anew. */
static void says_what_a_search_of_all_says(void **state)
{
	(void)state;
	struct landing_list list = {0};
	for (uint32_t seed = 1; seed <= 1000; seed++) {
		struct landing old = {0};
		chance_state = seed;
		char *mountinfo = random_mounts(), *rules_text = random_rules();
		for (int turn = 0; turn < 4; turn++) {
			struct round r = {
				mountinfo, rules_text, .rules = rules_of(rules_text)};
			assert_int_equal(landing_init(&r.l, turn ? &old : NULL, mountinfo,
						 strlen(mountinfo), r.rules),
				0);
			check_all(&r, &list);
			landing_fini(&old);
			old = r.l;
			table_free(r.rules);
			if (chance(2)) {
				free(rules_text);
				rules_text = random_rules();
			}
			char *next = other_mounts(mountinfo, 100 * (turn + 1));
			free(mountinfo);
			mountinfo = next;
		}
		landing_fini(&old);
		free(mountinfo);
		free(rules_text);
	}
	free(list.items);
}

/* ---- Cases ---- */

static const char server[] = "21 1 8:1 / / rw - ext4 x rw\n"
			     "22 21 8:2 / /srv rw - xfs x rw\n"
			     "23 22 8:3 / /srv/a/data rw - ext4 x rw\n"
			     "24 22 8:4 / /srv/b/data/new rw - ext4 x rw\n"
			     "25 22 8:5 / /srv/c/other rw,noexec - ext4 x rw\n"
			     "26 21 8:2 /a/site /www rw - xfs x rw\n"
			     "27 21 8:6 / /old rw - ext4 x rw\n"
			     "28 27 8:7 / /old rw - ext4 x rw\n"
			     "29 21 8:8 /part /part rw - btrfs x rw\n"
			     "30 21 8:1 /etc/hosts /c/hosts rw - ext4 x rw\n";

/* Numbers of a list as ids: "21 22". */
static void assert_ids(const struct landing *l, const struct landing_list *list,
	const char *of, const char *ids)
{
	struct buf b = {0};
	buf_add_str(&b, "");
	for (size_t i = 0; i < list->count; i++)
		buf_printf(&b, i ? " %d" : "%d", l->mounts.items[list->items[i]].id);
	if (strcmp(b.data, ids) != 0)
		fail_msg("%s: %s, not %s", of, b.data, ids);
	buf_fini(&b);
}

static void a_rule_lands_where_it_can_match(void **state)
{
	(void)state;
	static const struct {
		const char *path, *ids;
	} cases[] = {
		{"/etc/**", "21"},
		{"/etc/passwd", "21"},
		{"/srv", "22"},
		{"/srvx/**", "21"},
		{"/srv/*", "22"},
		{"/srv/**", "22 23 24 25"},
		{"/srv/*/data/**", "22 23 24"},
		{"/srv/*/data/*", "22 23"},
		{"/srv/a/data/x/y", "23"},
		{"/**/*.c", "21 22 23 24 25 26 28 29 30"},
		{"/*", "21"},
		{"/*/x", "21 22 26 28 29"},
		{"/w*/**", "21 26"},
		{"/old/**", "28"},
		{"/{www,part}/x", "21 26 29"},
		{"/c/hosts", "30"},
		{"/c/*", "21"},
	};
	struct landing_list list = {0};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		struct landing l;
		buf_printf(&b, "[r]\npath = %s\ncommand = true\n", cases[i].path);
		struct table *rules = rules_of(b.data);
		assert_int_equal(
			landing_init(&l, NULL, server, strlen(server), rules), 0);
		assert_int_equal(landing_of_rule(&l, rules, 0, &list), 0);
		assert_ids(&l, &list, cases[i].path, cases[i].ids);
		landing_fini(&l);
		table_free(rules);
		buf_fini(&b);
	}
	free(list.items);
}

static void a_path_is_asked_about_only_where_rules_land(void **state)
{
	(void)state;
	static const struct {
		unsigned dev;
		const char *inner;
		uint32_t kinds;
		const char *ids;
	} cases[] = {
		{1, "/etc/hosts/x", EVENT_CLOSE_WRITE, "21"},
		{1, "/etc/passwd", EVENT_CLOSE_WRITE, "21"},
		{1, "/etc/passwd", EVENT_DELETE, ""},
		{2, "/a/site/x", EVENT_CLOSE_WRITE, "26"},
		{2, "/a/site/x", EVENT_DELETE, "22"},
		{2, "/a/site/x", EVENT_DELETE | EVENT_CLOSE_WRITE, "22 26"},
		{2, "/a/sitex", EVENT_CLOSE_WRITE, ""},
		{3, "/x", EVENT_CLOSE_WRITE, ""},
		/* the mount point itself, whatever the rules are */
		{2, "/a/site", EVENT_ATTRIB, "26"},
		{3, "", EVENT_ATTRIB, "23"},
		{1, "/etc/hosts", EVENT_ATTRIB, "30"},
	};
	struct table *rules = rules_of("[a]\npath = /www/**\nevents = close-write\n"
				       "command = true\n"
				       "[b]\npath = /srv/x*\nevents = delete\n"
				       "command = true\n"
				       "[c]\npath = /etc/**\nevents = close-write\n"
				       "command = true\n");
	struct landing_list list = {0};
	struct landing l;
	assert_int_equal(landing_init(&l, NULL, server, strlen(server), rules), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		uint32_t fs = landing_find(&l, UINT64_C(8) << 32 | cases[i].dev);
		assert_int_equal(landing_of_path(&l, fs, cases[i].inner,
					 strlen(cases[i].inner), cases[i].kinds, &list),
			0);
		assert_ids(&l, &list, cases[i].inner, cases[i].ids);
	}
	free(list.items);
	landing_fini(&l);
	table_free(rules);
}

static void knows_the_best_mount_of_each_filesystem(void **state)
{
	(void)state;
	static const struct {
		unsigned dev;
		int id;
		bool may_execute;
	} cases[] = {{1, 21, true}, {2, 22, true}, {5, 25, false}, {6, 27, true},
		{8, 29, true}};
	struct landing l;
	assert_int_equal(landing_init(&l, NULL, server, strlen(server), NULL), 0);
	assert_int_equal(l.count, 8);
	for (size_t i = 0; i < countof(cases); i++) {
		uint32_t fs = landing_find(&l, UINT64_C(8) << 32 | cases[i].dev);
		assert_int_not_equal(fs, LANDING_NONE);
		assert_int_equal(l.filesystems[fs].best->id, cases[i].id);
		assert_int_equal(l.filesystems[fs].may_execute, cases[i].may_execute);
		assert_int_equal(l.filesystems[fs].kinds, 0);
	}
	assert_int_equal(landing_find(&l, 99), LANDING_NONE);
	landing_fini(&l);
}

static void a_disabled_rule_asks_for_nothing(void **state)
{
	(void)state;
	struct table *rules = rules_of("[off]\npath = /srv/**\nenabled = no\n"
				       "command = true\n");
	struct landing l;
	assert_int_equal(landing_init(&l, NULL, server, strlen(server), rules), 0);
	for (uint32_t i = 0; i < l.count; i++)
		assert_int_equal(l.filesystems[i].kinds, 0);
	assert_true(landing_has(&l, rules, 0, LANDING_NONE));
	landing_fini(&l);
	table_free(rules);
}

static uint32_t kinds_after(struct landing *old, const char *rule)
{
	struct buf text = {0};
	struct landing l;
	buf_printf(&text, "[r]\npath = /srv/**\ncommand = true\n%s", rule);
	struct table *rules = rules_of(text.data);
	assert_int_equal(landing_init(&l, old, server, strlen(server), rules), 0);
	landing_fini(old);
	*old = l;
	table_free(rules);
	buf_fini(&text);
	return l.filesystems[landing_find(&l, UINT64_C(8) << 32 | 3)].kinds;
}

static void the_same_globs_may_ask_for_something_else(void **state)
{
	(void)state;
	struct landing l = {0};
	assert_int_equal(kinds_after(&l, "events = attrib\n"), EVENT_ATTRIB);
	assert_int_equal(kinds_after(&l, "events = attrib\n"), EVENT_ATTRIB);
	assert_int_equal(kinds_after(&l, "events = delete\n"), EVENT_DELETE);
	assert_int_equal(kinds_after(&l, "events = delete\nenabled = no\n"), 0);
	assert_int_equal(kinds_after(&l, "events = delete\n"), EVENT_DELETE);
	landing_fini(&l);
}

static void an_empty_table_has_nothing(void **state)
{
	(void)state;
	struct table *rules = rules_of("[r]\npath = /**\ncommand = true\n");
	struct landing_list list = {0};
	struct landing l = {0};
	assert_false(landing_has(&l, rules, 0, LANDING_NONE));
	assert_int_equal(landing_init(&l, NULL, "", 0, rules), 0);
	assert_int_equal(l.count, 0);
	assert_int_equal(landing_find(&l, 1), LANDING_NONE);
	assert_int_equal(landing_of_rule(&l, rules, 0, &list), 0);
	assert_int_equal(list.count, 0);
	assert_false(landing_has(&l, rules, 0, LANDING_NONE));
	landing_fini(&l);
	table_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_a_search_of_all_says),
		cmocka_unit_test(a_rule_lands_where_it_can_match),
		cmocka_unit_test(a_path_is_asked_about_only_where_rules_land),
		cmocka_unit_test(knows_the_best_mount_of_each_filesystem),
		cmocka_unit_test(a_disabled_rule_asks_for_nothing),
		cmocka_unit_test(the_same_globs_may_ask_for_something_else),
		cmocka_unit_test(an_empty_table_has_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
