/* SPDX-License-Identifier: MIT */
#include "core/place/front.h"

#include "base/buf.h"
#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What there is: "d" a directory, "f" a file, "s" a stranger's link, "u" what must not be looked
 * at, or the text of a link behind ">". */
static const struct {
	const char *path;
	const char *what;
} there[] = {
	{"/srv", "d"},
	{"/srv/current", ">releases/2"},
	{"/srv/releases", "d"},
	{"/srv/releases/1", "d"},
	{"/srv/releases/2", "d"},
	{"/srv/releases/2/conf", "d"},
	{"/srv/up", ">../srv/./releases//1/"},
	{"/srv/file", "f"},
	{"/srv/dangling", ">/srv/releases/3/x"},
	{"/srv/absolute", ">/srv/current"},
	{"/srv/root", ">/"},
	{"/srv/self", ">self"},
	{"/srv/a", ">b"},
	{"/srv/b", ">a/x"},
	{"/srv/grow", ">grow/grow"},
	{"/srv/via-file", ">file/x"},
	{"/srv/via-link", ">current/../1"},
	{"/srv/stranger", "s"},
	{"/srv/to-stranger", ">stranger/y"},
	{"/srv/net", "u"},
	{"/srv/to-net", ">net"},
	{"/cfg", "d"},
	{"/cfg/app.conf", ">..data/app.conf"},
	{"/cfg/..data", ">..2026_1"},
	{"/cfg/..2026_1", "d"},
	{"/cfg/..2026_1/app.conf", "f"},
};

static int look(void *ctx, const char *path, enum front_kind *kind, const char **text)
{
	(void)ctx;
	*kind = FRONT_MISSING;
	for (size_t i = 0; i < countof(there); i++) {
		const char *what = there[i].what;
		if (strcmp(there[i].path, path) != 0)
			continue;
		*kind = *what == 'd'   ? FRONT_DIR
			: *what == 'f' ? FRONT_OTHER
			: *what == 's' ? FRONT_STRANGER
			: *what == 'u' ? FRONT_UNTOUCHED
				       : FRONT_LINK;
		*text = what + 1;
	}
	return 0;
}

/* "LEAD LEAD... END: STEP STEP..." with a letter behind each step that says what was there. */
static void show(const struct front *f, struct buf *out)
{
	static const char *const ends[] = {"whole", "cut", "refused", "loop"};
	for (size_t i = 0; i < f->leads.count; i++)
		buf_printf(out, "'%s' ", f->leads.items[i]);
	buf_printf(out, "%s:", ends[f->end]);
	for (size_t i = 0; i < f->step_count; i++)
		buf_printf(out, " %.*s=%c", (int)f->steps[i].len, f->steps[i].path,
			"-dlsfu"[f->steps[i].kind]);
}

static void a_path_is_followed(void **state)
{
	static const struct {
		const char *path, *said;
	} cases[] = {
		{"", "whole:"},
		{"/srv/releases/1", "whole: /srv=d /srv/releases=d /srv/releases/1=d"},
		{"/srv/file", "whole: /srv=d /srv/file=f"},
		{"/srv/file/x", "cut: /srv=d /srv/file=f"},
		{"/srv/none/x/y", "cut: /srv=d /srv/none=-"},
		{"/srv/current", "'/srv/releases/2' whole: /srv=d /srv/current=l "
				 "/srv/releases=d /srv/releases/2=d"},
		{"/srv/current/conf/x/y",
			"'/srv/releases/2/conf/x/y' cut: /srv=d /srv/current=l "
			"/srv/releases=d /srv/releases/2=d "
			"/srv/releases/2/conf=d /srv/releases/2/conf/x=-"},
		{"/srv/up", "'/srv/releases/1' whole: /srv=d /srv/up=l /srv=d "
			    "/srv/releases=d /srv/releases/1=d"},
		{"/srv/dangling/y",
			"'/srv/releases/3/x/y' cut: /srv=d /srv/dangling=l /srv=d "
			"/srv/releases=d /srv/releases/3=-"},
		{"/srv/absolute/conf",
			"'/srv/current/conf' '/srv/releases/2/conf' whole: /srv=d "
			"/srv/absolute=l /srv=d /srv/current=l /srv/releases=d "
			"/srv/releases/2=d /srv/releases/2/conf=d"},
		{"/srv/root", "'' whole: /srv=d /srv/root=l"},
		{"/srv/root/cfg", "'/cfg' whole: /srv=d /srv/root=l /cfg=d"},
		{"/srv/via-file",
			"'/srv/file/x' cut: /srv=d /srv/via-file=l /srv/file=f"},
		/* What dots mean behind a link is known when that was followed. */
		{"/srv/via-link", "'/srv/releases/1' whole: /srv=d /srv/via-link=l "
				  "/srv/current=l /srv/releases=d /srv/releases/2=d "
				  "/srv/releases/1=d"},
		{"/cfg/app.conf",
			"'/cfg/..data/app.conf' '/cfg/..2026_1/app.conf' whole: /cfg=d "
			"/cfg/app.conf=l /cfg/..data=l /cfg/..2026_1=d "
			"/cfg/..2026_1/app.conf=f"},
		{"/srv/stranger/x", "refused: /srv=d /srv/stranger=s"},
		{"/srv/to-stranger",
			"'/srv/stranger/y' refused: /srv=d /srv/to-stranger=l "
			"/srv/stranger=s"},
		{"/srv/net/x", "cut: /srv=d /srv/net=u"},
		{"/srv/to-net/x", "'/srv/net/x' cut: /srv=d /srv/to-net=l /srv/net=u"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct front f;
		struct buf said = {0};
		assert_int_equal(front_follow(&f, cases[i].path, look, NULL), 0);
		show(&f, &said);
		if (strcmp(said.data, cases[i].said) != 0)
			fail_msg("%s: %s, not %s", cases[i].path, said.data,
				cases[i].said);
		buf_fini(&said);
		front_fini(&f);
	}
}

static void links_in_a_circle_lead_nowhere(void **state)
{
	static const char *const paths[] = {"/srv/self", "/srv/a/y", "/srv/grow"};
	(void)state;
	for (size_t i = 0; i < countof(paths); i++) {
		struct front f;
		assert_int_equal(front_follow(&f, paths[i], look, NULL), 0);
		assert_int_equal(f.end, FRONT_LOOP);
		assert_int_equal(f.leads.count, 0);
		assert_true(f.step_count > FRONT_LINKS_MAX);
		assert_true(front_has_link(&f));
		front_fini(&f);
	}
}

/* /0 -> /1 -> ... -> /N, which is a directory. */
static int look_at_chain(
	void *ctx, const char *path, enum front_kind *kind, const char **text)
{
	static char next[32];
	unsigned n = (unsigned)strtoul(path + 1, NULL, 10);
	*kind = n < *(const unsigned *)ctx ? FRONT_LINK : FRONT_DIR;
	snprintf(next, sizeof(next), "/%u", n + 1);
	*text = next;
	return 0;
}

static void so_many_links_are_followed_and_no_more(void **state)
{
	struct front f;
	unsigned n = FRONT_LINKS_MAX;
	(void)state;
	assert_int_equal(front_follow(&f, "/0", look_at_chain, &n), 0);
	assert_int_equal(f.end, FRONT_WHOLE);
	assert_string_equal(f.leads.items[f.leads.count - 1], "/40");
	front_fini(&f);
	n++;
	assert_int_equal(front_follow(&f, "/0", look_at_chain, &n), 0);
	assert_int_equal(f.end, FRONT_LOOP);
	front_fini(&f);
}

static int look_in_vain(
	void *ctx, const char *path, enum front_kind *kind, const char **text)
{
	(void)ctx;
	(void)path;
	(void)kind;
	(void)text;
	return -1;
}

static void what_cannot_be_looked_at_fails(void **state)
{
	struct front f;
	(void)state;
	assert_int_equal(front_follow(&f, "/srv", look_in_vain, NULL), -1);
}

static void two_are_compared(void **state)
{
	struct front a, b;
	(void)state;
	front_follow(&a, "/srv/current", look, NULL);
	front_follow(&b, "/srv/current", look, NULL);
	assert_true(front_equals(&a, &b));
	b.steps[2].kind = FRONT_MISSING;
	assert_false(front_equals(&a, &b));
	front_fini(&b);
	front_follow(&b, "/srv/releases/2", look, NULL);
	assert_false(front_equals(&a, &b));
	assert_true(front_has_link(&a));
	assert_false(front_has_link(&b));
	front_fini(&a);
	front_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_followed),
		cmocka_unit_test(links_in_a_circle_lead_nowhere),
		cmocka_unit_test(so_many_links_are_followed_and_no_more),
		cmocka_unit_test(what_cannot_be_looked_at_fails),
		cmocka_unit_test(two_are_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
