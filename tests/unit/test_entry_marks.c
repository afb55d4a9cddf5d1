/* SPDX-License-Identifier: MIT */
/* Which directories are marked so that truncation by name is seen, with a tmpfs that the kernel
 * really watches. */
#include "app/watch/entry_marks.h"

#include "base/countof.h"
#include "core/record/fanrec.h"
#include "os/fanotify.h"
#include "os/handle.h"
#include "rules_of.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A tmpfs on the test's directory, and what watches it. */
static struct {
	struct filesystems f;
	struct entry_marks marks;
	struct dirtree *tree;
	struct table *rules;
	int group;
} world;

static int set_up(void **state)
{
	if (tempdir_setup(state) < 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	memset(&world, 0, sizeof(world));
	world.group = fanotify_open(false);
	world.tree = dirtree_new(1024);
	*state = &world;
	return world.group < 0 ? -1 : mount("fsmon", tempdir, "tmpfs", 0, NULL);
}

static int tear_down(void **state)
{
	if (*state == &world) {
		entry_marks_fini(&world.marks);
		filesystems_fini(&world.f);
		dirtree_free(world.tree);
		table_free(world.rules);
		close(world.group);
	}
	return tempdir_teardown(state);
}

static void need_root(void **state)
{
	if (*state != &world) {
		print_message("# skip: needs root to mount\n");
		skip();
	}
}

/* ---- What is done ---- */

/* Add what is mounted on a path, on the mount of another one. */
static int add_mount(struct buf *text, const char *point, int parent_id)
{
	struct handle h;
	struct stat st;
	int id;
	int fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(handle_of(fd, ".", &h, &id), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	buf_printf(text, "%d %d %u:%u / %s rw - tmpfs dev rw\n", id, parent_id,
		major(st.st_dev), minor(st.st_dev), point);
	return id;
}

/* Take in the mounts, of which there may be one on a directory of the test's one, and rules for
 * paths in that one: each a path and its events, or NULL. */
static void take_in(const char *nested, const char *const *paths)
{
	struct buf text = {0}, rules = {0};
	buf_add_str(&text, "1 0 0:1 / / rw - proc dev rw\n");
	int id = add_mount(&text, tempdir, 1);
	if (nested)
		add_mount(&text, tempdir_path(nested), id);
	for (int i = 0; paths[i]; i += 2)
		buf_printf(&rules, "[r%d]\npath = %s%s\nevents = %s\ncommand = true\n", i,
			tempdir, paths[i], paths[i + 1]);
	struct table *old = world.rules;
	world.rules = rules_of(rules.data);
	assert_int_equal(filesystems_update(&world.f, text.data, text.len, world.rules,
				 world.group, world.tree),
		0);
	assert_int_equal(
		entry_marks_set(&world.marks, &world.f, world.rules, world.group), 0);
	table_free(old);
	buf_fini(&text);
	buf_fini(&rules);
}

static const char *const conf[] = {"/etc/*.conf", "changed", NULL};

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(tempdir_path(name), 0700), 0);
}

/* What a record says of a directory: that something is there now, or is not. */
static void note(const char *inner)
{
	struct filesystem *fs = NULL;
	struct buf path = {0};
	for (size_t i = 0; i < world.f.count; i++) {
		if (strcmp(world.f.items[i].point, tempdir) == 0)
			fs = &world.f.items[i];
	}
	buf_add_str(&path, inner);
	entry_marks_note(&world.marks, fs, &path);
	buf_fini(&path);
}

static void renew(void)
{
	entry_marks_renew(&world.marks, &world.f, world.group);
	filesystems_close(&world.f);
}

/* ---- What is seen ---- */

/* What the queue has of modifications: the names, each with a blank behind it. Static. */
static const char *modified(void)
{
	static char names[256];
	char bytes[16384];
	struct fanrec r;
	ssize_t n;
	names[0] = '\0';
	while ((n = read(world.group, bytes, sizeof(bytes))) > 0) {
		for (size_t at = 0; fanrec_next(bytes, (size_t)n, &at, &r, NULL);) {
			if (!(r.mask & FAN_MODIFY))
				continue;
			strlcat(names, r.place.name, sizeof(names));
			strlcat(names, " ", sizeof(names));
		}
	}
	return names;
}

/* Whether it is seen that a file is truncated by its name. */
static bool sees_truncation(const char *file)
{
	char expected[64];
	int fd = open(tempdir_path(file), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	modified();
	assert_int_equal(truncate(tempdir_path(file), 0), 0);
	snprintf(expected, sizeof(expected), "%s ", strrchr(file, '/') + 1);
	const char *seen = modified();
	assert_true(!*seen || strcmp(seen, expected) == 0);
	return *seen;
}

static void truncation_is_seen_where_a_rule_names_entries(void **state)
{
	static const struct {
		const char *path, *events;
		bool etc, deep, other;
	} cases[] = {
		{"/etc/*.conf", "changed", true, false, false},
		{"/etc/passwd", "changed, create", true, false, false},
		{"/etc/d/", "changed", false, true, false},
		/* everything, or nothing, is watched for this */
		{"/etc/*", "changed, modify", true, true, true},
		{"/etc/*", "close-write", false, false, false},
		{"/etc/**", "changed", false, false, false},
	};
	need_root(state);
	make_dir("etc");
	make_dir("etc/d");
	make_dir("other");
	for (size_t i = 0; i < countof(cases); i++) {
		const char *const paths[] = {cases[i].path, cases[i].events, NULL};
		take_in(NULL, paths);
		if (sees_truncation("etc/a") != cases[i].etc ||
			sees_truncation("etc/d/a") != cases[i].deep ||
			sees_truncation("other/a") != cases[i].other)
			fail_msg("%s", cases[i].path);
	}
	const char *const none[] = {"/other/**", "create", NULL};
	take_in(NULL, none);
	assert_false(sees_truncation("etc/a"));
}

static void several_rules_ask_for_one_directory(void **state)
{
	const char *const paths[] = {"/etc/*", "changed", "/a/*", "changed", "/etc/x",
		"changed", "/etc/d/x", "changed", "/etc-d/x", "changed", NULL};
	need_root(state);
	make_dir("etc");
	make_dir("etc/d");
	make_dir("etc-d");
	take_in(NULL, paths);
	assert_true(sees_truncation("etc/a"));
	assert_true(sees_truncation("etc/d/a"));
	assert_true(sees_truncation("etc-d/a"));
	take_in(NULL, paths + 6);
	assert_false(sees_truncation("etc/a"));
	assert_true(sees_truncation("etc/d/a"));
	assert_true(sees_truncation("etc-d/a"));
}

static void a_directory_that_comes_later_is_marked(void **state)
{
	const char *const paths[] = {"/srv/site/*", "changed", NULL};
	need_root(state);
	take_in(NULL, paths);
	make_dir("srv");
	note("/srv");
	renew();
	make_dir("srv/site");
	assert_false(sees_truncation("srv/site/a"));
	note("/srv/other");
	renew();
	assert_false(sees_truncation("srv/site/a"));
	note("/srv/site");
	renew();
	assert_true(sees_truncation("srv/site/a"));
	/* A file may be in its place. */
	assert_int_equal(unlink(tempdir_path("srv/site/a")), 0);
	assert_int_equal(rmdir(tempdir_path("srv/site")), 0);
	tempdir_write("srv/site", "");
	note("/srv/site");
	renew();
	assert_int_equal(world.marks.error, 0);
}

/* Rename a directory, and say so. */
static void rename_dir(const char *from, const char *to)
{
	struct buf inner = {0};
	char *old = strdup(tempdir_path(from));
	assert_int_equal(rename(old, tempdir_path(to)), 0);
	free(old);
	buf_printf(&inner, "/%s", from);
	note(inner.data);
	buf_clear(&inner);
	buf_printf(&inner, "/%s", to);
	note(inner.data);
	buf_fini(&inner);
}

static void a_mark_stays_with_the_path(void **state)
{
	const char *const paths[] = {"/up/etc/*", "changed", NULL};
	need_root(state);
	make_dir("up");
	make_dir("up/etc");
	make_dir("new");
	make_dir("new/etc");
	take_in(NULL, paths);
	assert_true(sees_truncation("up/etc/a"));
	rename_dir("up", "old");
	renew();
	assert_false(sees_truncation("old/etc/a"));
	rename_dir("new", "up");
	renew();
	assert_true(sees_truncation("up/etc/a"));
	assert_false(sees_truncation("old/etc/a"));
	/* A link leads to no directory of that path. */
	rename_dir("up", "new");
	assert_int_equal(symlink("new", tempdir_path("up")), 0);
	note("/up");
	renew();
	assert_false(sees_truncation("new/etc/a"));
}

static void marked_directories_change_places(void **state)
{
	const char *const paths[] = {"/a/*", "changed", "/b/*", "changed", NULL};
	need_root(state);
	make_dir("a");
	make_dir("b");
	take_in(NULL, paths);
	rename_dir("a", "c");
	rename_dir("b", "a");
	rename_dir("c", "b");
	renew();
	assert_true(sees_truncation("a/x"));
	assert_true(sees_truncation("b/x"));
	/* Also if that is not told. */
	rename(tempdir_path("a"), tempdir_path("c"));
	rename(tempdir_path("b"), tempdir_path("a"));
	rename(tempdir_path("c"), tempdir_path("b"));
	take_in(NULL, paths);
	assert_true(sees_truncation("a/x"));
	assert_true(sees_truncation("b/x"));
}

static void what_is_mounted_over_a_directory_is_marked(void **state)
{
	need_root(state);
	make_dir("etc");
	take_in(NULL, conf);
	int below = open(tempdir_path("etc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = openat(below, "a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(mount("fsmon", tempdir_path("etc"), "tmpfs", 0, NULL), 0);
	take_in("etc", conf);
	assert_true(sees_truncation("etc/a"));
	assert_int_equal(ftruncate(file, 5), 0);
	assert_string_equal(modified(), "");
	close(file);
	close(below);
	assert_int_equal(umount2(tempdir_path("etc"), UMOUNT_NOFOLLOW), 0);
	take_in(NULL, conf);
	assert_true(sees_truncation("etc/a"));
}

static void a_mark_does_not_keep_a_filesystem_busy(void **state)
{
	need_root(state);
	make_dir("etc");
	take_in(NULL, conf);
	assert_true(sees_truncation("etc/a"));
	assert_int_equal(umount2(tempdir, UMOUNT_NOFOLLOW), 0);
	assert_int_equal(mount("fsmon", tempdir, "tmpfs", 0, NULL), 0);
	make_dir("etc");
	take_in(NULL, conf);
	assert_true(sees_truncation("etc/a"));
}

static void the_marks_of_an_earlier_worker_go(void **state)
{
	const char *const others[] = {"/other/*", "changed", NULL};
	char bytes[4096];
	need_root(state);
	make_dir("etc");
	make_dir("other");
	take_in(NULL, conf);
	assert_true(sees_truncation("etc/a"));
	entry_marks_fini(&world.marks);
	take_in(NULL, others);
	assert_false(sees_truncation("etc/a"));
	assert_true(sees_truncation("other/a"));
	/* The whole filesystem is still watched. */
	make_dir("d");
	assert_true(read(world.group, bytes, sizeof(bytes)) > 0);
}

static void a_directory_that_is_refused_is_told(void **state)
{
	struct buf path = {0};
	need_root(state);
	make_dir("etc");
	take_in(NULL, conf);
	assert_int_equal(world.marks.error, 0);
	int group = world.group;
	world.group = open("/dev/null", O_RDONLY | O_CLOEXEC);
	note("/etc");
	renew();
	assert_int_equal(world.marks.error, EINVAL);
	assert_int_equal(entry_marks_add_refused(&world.marks, &world.f, &path), 0);
	assert_string_equal(path.data, tempdir_path("etc"));
	buf_fini(&path);
	close(world.group);
	world.group = group;
}

#define MOUNTED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	tempdir_own_mounts();
	const struct CMUnitTest tests[] = {
		MOUNTED(truncation_is_seen_where_a_rule_names_entries),
		MOUNTED(several_rules_ask_for_one_directory),
		MOUNTED(a_directory_that_comes_later_is_marked),
		MOUNTED(a_mark_stays_with_the_path),
		MOUNTED(marked_directories_change_places),
		MOUNTED(what_is_mounted_over_a_directory_is_marked),
		MOUNTED(a_mark_does_not_keep_a_filesystem_busy),
		MOUNTED(the_marks_of_an_earlier_worker_go),
		MOUNTED(a_directory_that_is_refused_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
