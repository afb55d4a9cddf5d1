/* SPDX-License-Identifier: MIT */
#include "core/place/mounts.h"

#include "base/countof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* As on a common server, with a bind mount of a subdirectory, a name with blanks, a
 * filesystem of two mounts, and a mount over another one. */
static const char server[] =
	"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
	"22 21 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:2 - sysfs sysfs rw\n"
	"23 21 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:3 - proc proc rw\n"
	"24 21 0:22 / /run rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,size=1g\n"
	"25 24 0:23 / /run/lock rw,nosuid,noexec shared:5 master:6 - tmpfs tmpfs rw\n"
	"26 21 8:2 / /srv rw,relatime - xfs /dev/sda2 rw\n"
	"27 21 8:2 /site/www /var/www rw,relatime - xfs /dev/sda2 rw\n"
	"28 21 8:3 / /mnt/my\\040disk\\011x\\012y\\134z rw - ext4 /dev/sda3 rw\n"
	"29 21 8:4 / /data rw - ext4 /dev/sda4 rw\n"
	"30 29 8:5 / /data ro,noexec - ext4 /dev/sda5 ro\n"
	"31 21 0:40 /sub\\040vol /home rw - btrfs /dev/sda6 rw,subvolid=256\n"
	"32 21 0:41 / /mnt/ssh rw - fuse.sshfs me@host:/ rw\n"
	"33 26 8:6 / /srv/site/www/up rw - ext4 /dev/sda7 rw\n";

static struct mounts parsed(const char *text)
{
	struct mounts m;
	assert_int_equal(mounts_parse(&m, text, strlen(text)), 0);
	return m;
}

/* The first mount with this id, or the last of the table. */
static const struct mount *by_id(const struct mounts *m, int id)
{
	assert_true(m->count > 0);
	const struct mount *at = m->items;
	while (at->id != id && at < &m->items[m->count - 1])
		at++;
	assert_int_equal(at->id, id);
	return at;
}

static void parses_every_field(void **state)
{
	(void)state;
	struct mounts m = parsed(server);
	static const struct {
		int id, parent_id;
		uint64_t dev;
		const char *root, *point, *type;
		bool is_noexec, is_visible;
	} cases[] = {
		{21, 1, UINT64_C(8) << 32 | 1, "/", "/", "ext4", false, true},
		{22, 21, 20, "/", "/sys", "sysfs", true, true},
		{25, 24, 23, "/", "/run/lock", "tmpfs", true, true},
		{27, 21, UINT64_C(8) << 32 | 2, "/site/www", "/var/www", "xfs", false,
			true},
		{28, 21, UINT64_C(8) << 32 | 3, "/", "/mnt/my disk\tx\ny\\z", "ext4",
			false, true},
		{29, 21, UINT64_C(8) << 32 | 4, "/", "/data", "ext4", false, false},
		{30, 29, UINT64_C(8) << 32 | 5, "/", "/data", "ext4", true, true},
		{31, 21, 40, "/sub vol", "/home", "btrfs", false, true},
		{32, 21, 41, "/", "/mnt/ssh", "fuse.sshfs", false, true},
	};
	assert_int_equal(m.count, 13);
	for (size_t i = 0; i < countof(cases); i++) {
		const struct mount *got = by_id(&m, cases[i].id);
		assert_int_equal(got->parent_id, cases[i].parent_id);
		assert_int_equal(got->dev, cases[i].dev);
		assert_string_equal(got->root, cases[i].root);
		assert_string_equal(got->point, cases[i].point);
		assert_string_equal(got->type, cases[i].type);
		assert_int_equal(got->is_noexec, cases[i].is_noexec);
		assert_int_equal(got->is_visible, cases[i].is_visible);
	}
	mounts_fini(&m);
	assert_null(m.items);
	assert_int_equal(m.count, 0);
}

static void options_are_whole_words(void **state)
{
	(void)state;
	static const struct {
		const char *options;
		bool is_noexec;
	} cases[] = {
		{"noexec", true},
		{"rw,noexec", true},
		{"noexec,rw", true},
		{"rw,noexec,nodev", true},
		{"rw", false},
		{"rw,noexecutives", false},
		{"rw,xnoexec", false},
		{"rw,x=noexec", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		buf_printf(
			&b, "1 0 8:1 / / %s - ext4 noexec rw,noexec\n", cases[i].options);
		struct mounts m = parsed(b.data);
		assert_int_equal(m.count, 1);
		if (m.items[0].is_noexec != cases[i].is_noexec)
			fail_msg("%s", cases[i].options);
		mounts_fini(&m);
		buf_fini(&b);
	}
}

static void undoes_only_what_the_kernel_escapes(void **state)
{
	(void)state;
	static const struct {
		const char *written, *point;
	} cases[] = {
		{"/a\\040b", "/a b"},
		{"/\\134040", "/\\040"},
		{"/a\\043", "/a#"},
		{"/\\303\\244", "/\xc3\xa4"},
		{"/\xc3\xa4", "/\xc3\xa4"},
		/* Not from a kernel: left as they are. */
		{"/a\\", "/a\\"},
		{"/a\\1", "/a\\1"},
		{"/a\\04", "/a\\04"},
		{"/a\\12", "/a\\12"},
		{"/a\\ff0", "/a\\ff0"},
		{"/a\\-12", "/a\\-12"},
		{"/a\\089", "/a\\089"},
		{"/a\\000b", "/a\\000b"},
		{"/a\\777b", "/a\\777b"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		buf_printf(&b, "1 0 8:1 / %s rw - ext4 /dev/x rw\n", cases[i].written);
		struct mounts m = parsed(b.data);
		assert_int_equal(m.count, 1);
		assert_string_equal(m.items[0].point, cases[i].point);
		mounts_fini(&m);
		buf_fini(&b);
	}
}

static void passes_over_lines_that_are_not_whole(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		" ",
		"-",
		"21",
		"21 1 8:1",
		"21 1 8:1 / /",
		"21 1 8:1 / / rw",
		"21 1 8:1 / / rw -",
		"21 1 8:1 / / rw shared:1",
		"21 1 81 / / rw - ext4 x rw",
		"21 1 8:1 / x rw - ext4 x rw",
		"21 1 a:b / / rw - ext4 x rw",
	};
	for (size_t i = 0; i < countof(lines); i++) {
		struct buf b = {0};
		buf_printf(&b, "%s\n9 0 8:1 / / rw - ext4 /dev/x rw", lines[i]);
		struct mounts m = parsed(b.data);
		if (m.count != 1)
			fail_msg("'%s': %zu mounts", lines[i], m.count);
		assert_int_equal(m.items[0].id, 9);
		mounts_fini(&m);
		buf_fini(&b);
	}
}

static void an_empty_table_has_no_mounts(void **state)
{
	(void)state;
	struct mounts m = parsed("");
	assert_int_equal(m.count, 0);
	assert_null(mounts_find(&m, "/"));
	mounts_fini(&m);
}

static void reads_no_further_than_the_text(void **state)
{
	(void)state;
	struct mounts m;
	static const char line[] = "9 0 8:1 / / rw - ext4 x rw\n";
	for (size_t len = 0; len < sizeof(line); len++) {
		assert_int_equal(mounts_parse(&m, line, len), 0);
		assert_int_equal(m.count, len >= strlen("9 0 8:1 / / rw - e"));
		mounts_fini(&m);
	}
}

static void finds_where_a_path_ends(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int id;
	} cases[] = {
		{"/", 21},
		{"/etc/passwd", 21},
		{"/sysx", 21},
		{"/sys", 22},
		{"/sys/kernel", 22},
		{"/run/lock", 25},
		{"/run/lockx", 24},
		{"/run/lock/x", 25},
		{"/srv/site/www", 26},
		{"/srv/site/www/up/x", 33},
		{"/var/www/index.html", 27},
		{"/data", 30},
		{"/data/x", 30},
		{"/mnt/my disk\tx\ny\\z/f", 28},
		{"/mnt", 21},
	};
	struct mounts m = parsed(server);
	for (size_t i = 0; i < countof(cases); i++) {
		const struct mount *got = mounts_find(&m, cases[i].path);
		if (!got || got->id != cases[i].id)
			fail_msg("%s: %d", cases[i].path, got ? got->id : -1);
	}
	mounts_fini(&m);
}

struct show_case {
	int id;
	const char *inner;
	const char *path; /* NULL: not shown */
};

static void check_shown(const char *text, const struct show_case *cases, size_t count)
{
	struct mounts m = parsed(text);
	for (size_t i = 0; i < count; i++) {
		const struct show_case *c = &cases[i];
		struct buf b = {0};
		buf_add_str(&b, "front");
		int rc =
			mounts_show(&m, by_id(&m, c->id), c->inner, strlen(c->inner), &b);
		assert_int_equal(rc, c->path != NULL);
		if (strcmp(b.data + 5, c->path ? c->path : "") != 0)
			fail_msg("%d %s: %s", c->id, c->inner, b.data + 5);
		assert_int_equal(b.len, strlen(b.data));
		buf_fini(&b);
	}
	mounts_fini(&m);
}

static void shows_inner_paths_as_a_user_sees_them(void **state)
{
	(void)state;
	static const struct show_case cases[] = {
		{21, "", "/"},
		{21, "/etc/passwd", "/etc/passwd"},
		{26, "", "/srv"},
		{26, "/a/b", "/srv/a/b"},
		/* a bind mount shows its part alone */
		{27, "/site/www", "/var/www"},
		{27, "/site/www/a", "/var/www/a"},
		{27, "/site/wwwa", NULL},
		{27, "/site", NULL},
		{27, "", NULL},
		/* hidden by a mount on a directory */
		{21, "/srvx", "/srvx"},
		{21, "/srv/old", NULL},
		{21, "/run/lock/x", NULL},
		{26, "/site/www/up/x", NULL},
		{26, "/site/www/upx", "/srv/site/www/upx"},
		/* … which is not there where the same directory shows a second time */
		{27, "/site/www/up/x", "/var/www/up/x"},
		/* wholly over-mounted */
		{29, "/x", NULL},
		{29, "", NULL},
		{30, "/x", "/data/x"},
		{28, "/f", "/mnt/my disk\tx\ny\\z/f"},
		{31, "/sub vol/me", "/home/me"},
	};
	check_shown(server, cases, countof(cases));
}

/* As in a container: the root is a mount whose parent is not in the table, over a
 * first root; single files are mounts. */
static void shows_paths_in_a_container(void **state)
{
	(void)state;
	static const char text[] =
		"500 400 0:50 / / rw - overlay overlay rw,lowerdir=/a\n"
		"501 500 8:1 /var/lib/c/1/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
		"502 500 8:1 /var/lib/c/1/vol /vol rw - ext4 /dev/sda1 rw\n"
		"503 500 0:51 / /vol2 rw - tmpfs tmpfs rw\n"
		"504 503 0:52 / /vol2/in rw - tmpfs tmpfs rw\n"
		"505 500 0:53 / /vol2 rw - tmpfs tmpfs rw\n";
	static const struct show_case cases[] = {
		{500, "/bin", "/bin"},
		{501, "/var/lib/c/1/hosts", "/etc/hosts"},
		{501, "/var/lib/c/1/hosts2", NULL},
		{500, "/etc/hosts", NULL},
		{502, "/var/lib/c/1/vol/x", "/vol/x"},
		{502, "/var/lib/c/1", NULL},
	};
	check_shown(text, cases, countof(cases));
}

/* A second root over the first: what is in the first one, and mounted on it, is hidden.
 */
static void a_root_over_the_root_hides_all(void **state)
{
	(void)state;
	static const char text[] = "1 1 0:2 / / rw - rootfs rootfs rw\n"
				   "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				   "21 20 8:2 / /srv rw - ext4 /dev/sda2 rw\n"
				   "22 1 8:3 / /old rw - ext4 /dev/sda3 rw\n";
	static const struct show_case cases[] = {
		{1, "/x", NULL},
		{20, "", "/"},
		{20, "/x", "/x"},
		{21, "/x", "/srv/x"},
		{22, "/x", NULL},
	};
	check_shown(text, cases, countof(cases));
	struct mounts m = parsed(text);
	assert_int_equal(mounts_find(&m, "/")->id, 20);
	assert_int_equal(mounts_find(&m, "/old/x")->id, 20);
	assert_false(by_id(&m, 1)->is_visible);
	assert_false(by_id(&m, 22)->is_visible);
	mounts_fini(&m);
}

/* What lies on a mount that another one hides is hidden with it. */
static void a_mount_below_a_hidden_one_is_hidden(void **state)
{
	(void)state;
	static const char text[] = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
				   "2 1 8:2 / /a rw - ext4 /dev/sda2 rw\n"
				   "3 2 8:3 / /a/b rw - ext4 /dev/sda3 rw\n"
				   "4 2 8:4 / /a rw - ext4 /dev/sda4 rw\n";
	static const struct show_case cases[] = {
		{2, "/x", NULL},
		{3, "/x", NULL},
		{4, "/x", "/a/x"},
		{4, "/b/x", "/a/b/x"},
	};
	check_shown(text, cases, countof(cases));
}

static void parents_that_go_in_a_circle_do_no_harm(void **state)
{
	(void)state;
	struct mounts m = parsed("1 2 8:1 / / rw - ext4 x rw\n"
				 "2 1 8:2 / / rw - ext4 x rw\n");
	assert_null(mounts_find(&m, "/x"));
	mounts_fini(&m);
	m = parsed("1 0 8:1 / / rw - ext4 x rw\n"
		   "2 1 8:2 / / rw - ext4 x rw\n"
		   "2 2 8:2 / / rw - ext4 x rw\n"
		   "1 2 8:2 / / rw - ext4 x rw\n");
	mounts_find(&m, "/x"); /* returns */
	mounts_fini(&m);
}

static void knows_what_lies_within(void **state)
{
	(void)state;
	static const struct {
		const char *path, *dir;
		bool is_within;
	} cases[] = {
		{"/a/b", "/", true},
		{"", "/", true},
		{"/", "/", true},
		{"/a", "/a", true},
		{"/a/b", "/a", true},
		{"/ab", "/a", false},
		{"/", "/a", false},
		{"/b/a", "/a", false},
		{"", "/a", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		if (mounts_is_within(cases[i].path, strlen(cases[i].path),
			    cases[i].dir) != cases[i].is_within)
			fail_msg("%s in %s", cases[i].path, cases[i].dir);
	}
	/* The length decides, not a NUL. */
	assert_true(mounts_is_within("/a/bcd", 4, "/a/b"));
	assert_false(mounts_is_within("/a/bcd", 3, "/a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_field),
		cmocka_unit_test(options_are_whole_words),
		cmocka_unit_test(undoes_only_what_the_kernel_escapes),
		cmocka_unit_test(passes_over_lines_that_are_not_whole),
		cmocka_unit_test(an_empty_table_has_no_mounts),
		cmocka_unit_test(reads_no_further_than_the_text),
		cmocka_unit_test(finds_where_a_path_ends),
		cmocka_unit_test(shows_inner_paths_as_a_user_sees_them),
		cmocka_unit_test(shows_paths_in_a_container),
		cmocka_unit_test(a_root_over_the_root_hides_all),
		cmocka_unit_test(a_mount_below_a_hidden_one_is_hidden),
		cmocka_unit_test(parents_that_go_in_a_circle_do_no_harm),
		cmocka_unit_test(knows_what_lies_within),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
