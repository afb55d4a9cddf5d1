/* SPDX-License-Identifier: MIT */
#include "core/place/routes.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DEV(n) ((uint64_t)8 << 32 | (n))

/* A table, and the routes in it. */
struct table {
	struct mounts m;
	struct routes w;
};

static void begin(struct table *t, const char *mountinfo)
{
	assert_int_equal(mounts_parse(&t->m, mountinfo, strlen(mountinfo)), 0);
	assert_int_equal(routes_init(&t->w, &t->m), 0);
}

static void end(struct table *t)
{
	routes_fini(&t->w);
	mounts_fini(&t->m);
}

#define ROOT "1 0 8:1 / / rw - ext4 a rw\n"

static void knows_the_directories_that_lead_to_mounts(void **state)
{
	static const char mounts[] =
		ROOT "2 1 8:2 / /srv/data/disk rw - ext4 b rw\n"
		     "3 2 8:3 / /srv/data/disk/deep/er rw - tmpfs c rw\n"
		     "4 1 8:2 /src/sub /home/bound rw - ext4 b rw\n"
		     "5 4 8:3 / /home/bound/in rw - tmpfs c rw\n"
		     "6 1 8:4 / / rw - ext4 over rw\n";
	static const struct {
		uint64_t dev;
		const char *inner;
		bool leads;
	} cases[] = {
		{DEV(1), "/srv", true},
		{DEV(1), "/srv/data", true},
		{DEV(1), "/srv/data/disk", true},
		{DEV(1), "/srv/data/disk/deep", false},
		{DEV(1), "/srv/dat", false},
		{DEV(1), "/home", true},
		{DEV(1), "/home/bound/in", false},
		{DEV(1), "", false},
		{DEV(2), "/deep", true},
		{DEV(2), "/deep/er", true},
		{DEV(2), "/src", true},
		{DEV(2), "/src/sub", true},
		/* on the bind mount */
		{DEV(2), "/src/sub/in", true},
		{DEV(2), "/in", false},
		{DEV(2), "/srv", false},
		{DEV(3), "/deep", false},
		{DEV(9), "/srv", false},
	};
	struct table t;
	(void)state;
	begin(&t, mounts);
	for (size_t i = 0; i < countof(cases); i++) {
		const char *inner = cases[i].inner, *name = strrchr(inner, '/');
		if (dirset_has(&t.w.dirs, cases[i].dev, inner, strlen(inner)) !=
			cases[i].leads)
			fail_msg("%s", inner);
		if (cases[i].leads && !dirset_has_name(&t.w.dirs, name + 1))
			fail_msg("the name of %s", inner);
	}
	assert_false(dirset_has_name(&t.w.dirs, "dat"));
	assert_false(dirset_has_name(&t.w.dirs, ""));
	end(&t);
}

static void nothing_leads_to_no_mount(void **state)
{
	struct routes none = {0};
	struct table t;
	(void)state;
	assert_false(dirset_has(&none.dirs, DEV(1), "/a", 2));
	assert_false(dirset_has_name(&none.dirs, "a"));
	begin(&t, "");
	assert_false(dirset_has(&t.w.dirs, DEV(1), "/a", 2));
	assert_false(dirset_has_name(&t.w.dirs, "a"));
	end(&t);
}

static void marks_mounts_whose_directories_can_be_renamed(void **state)
{
	static const char mounts[] = ROOT "2 1 8:2 / /home rw - ext4 b rw\n"
					  "3 2 8:3 / /home/a/b rw - tmpfs c rw\n"
					  "4 1 8:4 / /srv/x rw - tmpfs d rw\n"
					  "5 4 8:5 / /srv/x/y rw - tmpfs e rw\n";
	static const struct {
		uint32_t mount;
		const char *marked; /* for each mount: x, or a dot */
	} cases[] = {
		{0, "....."}, {1, "....."}, {2, ".x..."}, {3, "x...."}, {4, "x...."}};
	struct table t;
	(void)state;
	begin(&t, mounts);
	for (size_t i = 0; i < countof(cases); i++) {
		bool marks[5] = {false};
		char text[6] = "";
		routes_mark(&t.w, cases[i].mount, marks);
		for (size_t k = 0; k < countof(marks); k++)
			text[k] = marks[k] ? 'x' : '.';
		assert_string_equal(text, cases[i].marked);
	}
	end(&t);
}

/* What a table says of the place of each mount that can be seen. */
static char *places(const char *mountinfo)
{
	struct buf out = {0};
	struct mounts m;
	assert_int_equal(mounts_parse(&m, mountinfo, strlen(mountinfo)), 0);
	for (size_t i = 0; i < m.count; i++) {
		const struct mount *c = &m.items[i];
		if (c->is_visible && c->point[1])
			buf_printf(&out, "%d=%s@%s ", c->id, c->root, c->point);
	}
	mounts_fini(&m);
	buf_add_str(&out, "");
	return buf_take(&out);
}

/* The text of the table after a move. */
static char *moved(const char *mountinfo, uint64_t dev, const char *from, const char *to)
{
	struct buf text = {0};
	struct table t;
	begin(&t, mountinfo);
	assert_int_equal(routes_add_moved(&t.w, dev, from, to, &text), 0);
	end(&t);
	return buf_take(&text);
}

static void mounts_move_with_their_directories(void **state)
{
	static const char mounts[] = ROOT "4 3 8:3 / /x/a/m/n/o rw - tmpfs c rw\n"
					  "3 1 8:2 / /x/a/m rw,noexec - ext4 b rw\n"
					  "5 1 8:1 /x/src /bound rw - ext4 a rw\n"
					  "6 5 8:4 / /bound/in/it rw - tmpfs d rw\n"
					  "7 1 8:1 /x/a/b\\040c /blank rw - ext4 a rw\n";
	static const struct {
		uint64_t dev;
		const char *from, *to;
		const char *places;
	} cases[] = {
		/* nothing */
		{DEV(1), "/y", "/z",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/x/src@/bound 6=/@/bound/in/it "
			"7=/x/a/b c@/blank "},
		/* above a mount point: with what is mounted in there */
		{DEV(1), "/x/a", "/x/b\\ ",
			"4=/@/x/b\\ /m/n/o 3=/@/x/b\\ /m 5=/x/src@/bound "
			"6=/@/bound/in/it 7=/x/b\\ /b c@/blank "},
		/* of mount points and of roots */
		{DEV(1), "/x", "/y/z",
			"4=/@/y/z/a/m/n/o 3=/@/y/z/a/m 5=/y/z/src@/bound "
			"6=/@/bound/in/it 7=/y/z/a/b c@/blank "},
		/* within a mount */
		{DEV(2), "/n", "/p/q",
			"4=/@/x/a/m/p/q/o 3=/@/x/a/m 5=/x/src@/bound 6=/@/bound/in/it "
			"7=/x/a/b c@/blank "},
		/* what a bind mount shows, and what is mounted in that */
		{DEV(1), "/x/src", "/away",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/away@/bound 6=/@/bound/in/it "
			"7=/x/a/b c@/blank "},
		{DEV(1), "/x/src/in", "/x/src/out",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/x/src@/bound 6=/@/bound/out/it "
			"7=/x/a/b c@/blank "},
		/* out of what the bind mount shows */
		{DEV(1), "/x/src/in", "/x/in",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/x/src@/bound 7=/x/a/b c@/blank "},
		/* deleted */
		{DEV(1), "/x/src", "/x/src//deleted",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/x/src//deleted@/bound "
			"6=/@/bound/in/it 7=/x/a/b c@/blank "},
		/* another filesystem */
		{DEV(7), "/x", "/y",
			"4=/@/x/a/m/n/o 3=/@/x/a/m 5=/x/src@/bound 6=/@/bound/in/it "
			"7=/x/a/b c@/blank "},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char *text = moved(mounts, cases[i].dev, cases[i].from, cases[i].to);
		char *now = places(text);
		if (strcmp(now, cases[i].places) != 0)
			fail_msg("%s to %s: %s", cases[i].from, cases[i].to, now);
		free(now);
		free(text);
	}
}

static void all_else_of_a_mount_stays(void **state)
{
	struct mounts was, is;
	static const char mounts[] = ROOT "3 1 8:2 / /x/a/m rw,noexec - fuse.x\\040y b "
					  "rw\n2 1 8:3 /r /t rw - t r rw\n";
	(void)state;
	char *text = moved(mounts, DEV(1), "/x", "/y");
	assert_int_equal(mounts_parse(&was, mounts, strlen(mounts)), 0);
	assert_int_equal(mounts_parse(&is, text, strlen(text)), 0);
	assert_int_equal(is.count, was.count);
	for (size_t i = 0; i < was.count; i++) {
		assert_int_equal(is.items[i].id, was.items[i].id);
		assert_int_equal(is.items[i].parent_id, was.items[i].parent_id);
		assert_int_equal(is.items[i].dev, was.items[i].dev);
		assert_int_equal(is.items[i].is_noexec, was.items[i].is_noexec);
		assert_string_equal(is.items[i].type, was.items[i].type);
		assert_string_equal(is.items[i].root, was.items[i].root);
	}
	mounts_fini(&was);
	mounts_fini(&is);
	free(text);
}

/* A text that no kernel writes: two mounts that lie on each other, and an id twice. */
static void a_circle_of_mounts_has_an_end(void **state)
{
	static const char mounts[] = ROOT "2 3 8:2 / /a/b rw - ext4 b rw\n"
					  "3 2 8:3 / /a/b/c rw - ext4 c rw\n"
					  "3 3 8:4 / /a rw - ext4 d rw\n";
	bool marks[4] = {false};
	struct table t;
	(void)state;
	free(moved(mounts, DEV(1), "/a", "/b"));
	begin(&t, mounts);
	for (uint32_t i = 0; i < 4; i++)
		routes_mark(&t.w, i, marks);
	end(&t);
}

/* ---- By chance ---- */

static uint32_t chance_state = 1;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * 1664525u + 1013904223u;
	return (chance_state >> 16) % below;
}

static void add_path(struct buf *b, uint32_t least, uint32_t most)
{
	for (uint32_t n = least + chance(most - least + 1); n > 0; n--)
		buf_printf(b, "/%c", 'a' + (int)chance(3));
	buf_add_str(b, "");
}

/* Each mount lies on an earlier one, in a directory of that. */
static char *random_mounts(void)
{
	struct buf b = {0};
	char points[12][128] = {""};
	buf_add_str(&b, ROOT);
	for (int i = 1, count = 1 + (int)chance(11); i < count; i++) {
		struct buf point = {0}, root = {0};
		int on = (int)chance((uint32_t)i);
		buf_add_str(&point, points[on]);
		add_path(&point, 1, 3);
		add_path(&root, 0, 2);
		snprintf(points[i], sizeof(points[i]), "%s", point.data);
		buf_printf(&b, "%d %d 8:%u %s %s rw - ext4 x rw\n", i + 1, on + 1,
			1 + chance(3), root.len ? root.data : "/", point.data);
		buf_fini(&point);
		buf_fini(&root);
	}
	return buf_take(&b);
}

/* What dirset_has is to say, from the strings alone. */
static bool model_leads(const struct mounts *m, uint64_t dev, const char *inner)
{
	bool leads = false;
	for (size_t i = 1; i < m->count; i++) {
		const struct mount *c = &m->items[i], *on = &m->items[c->parent_id - 1];
		char place[256];
		snprintf(place, sizeof(place), "%s%s", on->root[1] ? on->root : "",
			c->point + (on->point[1] ? strlen(on->point) : 0));
		leads = leads ||
			(on->dev == dev && mounts_is_within(place, strlen(place), inner));
		leads = leads || (c->dev == dev && mounts_is_within(c->root,
							   strlen(c->root), inner));
	}
	return leads;
}

static void check_leads(const char *text)
{
	struct table t;
	begin(&t, text);
	for (int i = 0; i < 20; i++) {
		struct buf inner = {0};
		uint64_t dev = DEV(1 + chance(3));
		add_path(&inner, 1, 4);
		if (dirset_has(&t.w.dirs, dev, inner.data, inner.len) !=
			model_leads(&t.m, dev, inner.data))
			fail_msg("%s of %d in\n%s", inner.data, (int)(dev & 0xff), text);
		buf_fini(&inner);
	}
	end(&t);
}

/* A directory that moves to a new name, and back, has moved all there and back; and where it is
 * it leads to as much. */
static void check_moves(const char *text)
{
	struct buf from = {0}, to = {0};
	uint64_t dev = DEV(1 + chance(3));
	add_path(&from, 1, 3);
	/* In the directory in which it was: nothing gets out of a bind mount. */
	buf_add(&to, from.data, from.len - 1);
	buf_add_str(&to, "new");
	char *there = moved(text, dev, from.data, to.data);
	char *back = moved(there, dev, to.data, from.data);
	char *before = places(text), *after = places(back);
	if (strcmp(before, after) != 0)
		fail_msg("%s of %d in\n%s%s", from.data, (int)(dev & 0xff), text, there);
	struct table t;
	begin(&t, there);
	assert_false(dirset_has(&t.w.dirs, dev, from.data, from.len));
	struct mounts m;
	assert_int_equal(mounts_parse(&m, text, strlen(text)), 0);
	assert_int_equal(dirset_has(&t.w.dirs, dev, to.data, to.len),
		model_leads(&m, dev, from.data));
	mounts_fini(&m);
	end(&t);
	free(before);
	free(after);
	free(there);
	free(back);
	buf_fini(&from);
	buf_fini(&to);
}

static void says_what_a_search_of_all_says(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		char *text = random_mounts();
		check_leads(text);
		check_moves(text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_directories_that_lead_to_mounts),
		cmocka_unit_test(nothing_leads_to_no_mount),
		cmocka_unit_test(marks_mounts_whose_directories_can_be_renamed),
		cmocka_unit_test(mounts_move_with_their_directories),
		cmocka_unit_test(all_else_of_a_mount_stays),
		cmocka_unit_test(a_circle_of_mounts_has_an_end),
		cmocka_unit_test(says_what_a_search_of_all_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
