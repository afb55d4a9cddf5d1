/* SPDX-License-Identifier: MIT */
/* Which filesystems rules concern, and how each is watched: by mount tables that are made up,
 * and with a tmpfs that the kernel really watches. */
#include "app/watch/filesystems.h"

#include "base/countof.h"
#include "core/record/fanrec.h"
#include "os/fanotify.h"
#include "os/handle.h"
#include "os/proc.h"
#include "rules_of.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Without the kernel ---- */

/* Take in a mount table, and watch nothing. */
static void look(struct filesystems *f, const char *mountinfo, const struct table *rules)
{
	assert_int_equal(
		filesystems_update(f, mountinfo, strlen(mountinfo), rules, -1, NULL), 0);
}

static struct filesystem *at(const struct filesystems *f, const char *point)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->items[i].point, point) == 0)
			return &f->items[i];
	}
	fail_msg("nothing is mounted on %s", point);
	return NULL;
}

#define ROOT "1 0 8:1 / / rw - ext4 /dev/a rw\n"

static void some_types_are_refused(void **state)
{
	static const struct {
		const char *type;
		const char *reason; /* a part; NULL: it is not refused */
	} cases[] = {
		{"ext4", NULL},
		{"xfs", NULL},
		{"tmpfs", NULL},
		{"an-unknown-one", NULL},
		{"proc", "the kernel keeps it in memory"},
		{"tracefs", "the kernel keeps it in memory"},
		{"9p", "its files change elsewhere too"},
		{"nfs4", "its files change elsewhere too"},
		{"fuse", "no handles"},
		{"fuseblk", "no handles"},
		{"fuse.sshfs", "no handles"},
		{"fusectl", "the kernel keeps it in memory"},
	};
	struct table *rules = rules_of("[r]\npath = /m/**\ncommand = true\n");
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct filesystems f = {0};
		char text[256];
		snprintf(text, sizeof(text), ROOT "2 1 0:9 / /m rw - %s dev rw\n",
			cases[i].type);
		look(&f, text, rules);
		const char *refusal = at(&f, "/m")->refusal;
		if (!cases[i].reason != !refusal ||
			(refusal && !strstr(refusal, cases[i].reason)))
			fail_msg("%s: %s", cases[i].type, refusal ? refusal : "fine");
		assert_string_equal(filesystems_how(at(&f, "/m")),
			refusal ? "not watched" : "not watched yet");
		filesystems_fini(&f);
	}
	table_free(rules);
}

static void rules_concern_where_they_can_match(void **state)
{
	static const struct {
		const char *path;
		const char *concerned; /* points, each with a blank behind it */
	} cases[] = {
		{"/a", "/ "},
		{"/srv/x/**", "/srv "},
		{"/srv/data/x", "/srv/data "},
		{"/srv/**", "/srv /srv/data "},
		{"/srv/*", "/srv "},
		{"/srv/*/data/**", "/srv /srv/data "},
		{"/srv/*.c", "/srv "},
		{"/**", "/ /srv /srv/data /home "},
		{"/**/*.c", "/ /srv /srv/data /home "},
		{"/home", "/home "},
	};
	static const char mounts[] = ROOT "2 1 0:2 / /srv rw - ext4 dev rw\n"
					  "3 2 0:3 / /srv/data rw - ext4 dev rw\n"
					  "4 1 0:4 / /home rw - ext4 dev rw\n";
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct filesystems f = {0};
		char text[256], concerned[128] = "";
		snprintf(text, sizeof(text),
			"[r]\npath = %s\nevents = delete\ncommand = true\n",
			cases[i].path);
		struct table *rules = rules_of(text);
		look(&f, mounts, rules);
		for (size_t k = 0; k < f.count; k++) {
			if (!f.items[k].kinds)
				continue;
			assert_int_equal(f.items[k].kinds, EVENT_DELETE);
			strlcat(concerned, f.items[k].point, sizeof(concerned));
			strlcat(concerned, " ", sizeof(concerned));
		}
		if (strcmp(concerned, cases[i].concerned) != 0)
			fail_msg("%s: %s", cases[i].path, concerned);
		filesystems_fini(&f);
		table_free(rules);
	}
}

static void kinds_of_all_rules_come_together(void **state)
{
	struct filesystems f = {0};
	struct table *rules =
		rules_of("[a]\npath = /a\nevents = delete\ncommand = true\n"
			 "[b]\npath = /b\nevents = create\ncommand = true\n"
			 "[c]\npath = /c\nevents = open\nenabled = no\ncommand = true\n");
	(void)state;
	look(&f, ROOT, rules);
	assert_int_equal(at(&f, "/")->kinds, EVENT_DELETE | EVENT_CREATE);
	assert_string_equal(filesystems_how(at(&f, "/")), "not watched yet");
	look(&f, ROOT, NULL);
	assert_int_equal(at(&f, "/")->kinds, 0);
	assert_string_equal(filesystems_how(at(&f, "/")), "no rule concerns it");
	filesystems_fini(&f);
	table_free(rules);
}

static void a_filesystem_is_seen_where_its_root_is(void **state)
{
	static const struct {
		const char *mounts;
		const char *point; /* of 0:9 */
		bool is_refused;
	} cases[] = {
		{"2 1 0:9 / /m rw - ext4 dev rw\n3 1 0:9 /sub /n rw - ext4 dev rw\n",
			"/m", false},
		{"2 1 0:9 /sub /m rw - ext4 dev rw\n3 1 0:9 / /n rw - ext4 dev rw\n",
			"/n", false},
		{"2 1 0:9 /sub /m rw - ext4 dev rw\n", "/m", true},
		/* another one lies over it */
		{"2 1 0:9 / /m rw - ext4 dev rw\n3 2 0:8 / /m rw - ext4 dev rw\n", "/m",
			true},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct filesystems f = {0};
		char text[256];
		snprintf(text, sizeof(text), ROOT "%s", cases[i].mounts);
		look(&f, text, NULL);
		const struct filesystem *fs = at(&f, cases[i].point);
		assert_int_equal(!fs->refusal, !cases[i].is_refused);
		if (fs->refusal)
			assert_non_null(
				strstr(fs->refusal, "only a part of it is mounted"));
		filesystems_fini(&f);
	}
}

static void a_rule_that_is_watched_nowhere_has_the_first_refusal(void **state)
{
	static const char mounts[] = ROOT "2 1 0:2 / /net rw - nfs dev rw\n"
					  "3 2 0:3 / /net/sys rw - sysfs dev rw\n";
	static const struct {
		const char *path;
		const char *point; /* NULL: it is watched, or concerns nothing */
	} cases[] = {
		{"/a", NULL},
		{"/net/a", "/net"},
		{"/net/sys/a", "/net/sys"},
		{"/**", NULL},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct filesystems f = {0};
		char text[256];
		snprintf(text, sizeof(text), "[r]\npath = %s\ncommand = true\n",
			cases[i].path);
		struct table *rules = rules_of(text);
		look(&f, mounts, rules);
		const struct filesystem *fs = filesystems_refusing(&f, rules, 0);
		if (!cases[i].point)
			assert_null(fs);
		else
			assert_string_equal(fs->point, cases[i].point);
		filesystems_fini(&f);
		table_free(rules);
	}
}

/* ---- With the kernel ---- */

/* A tmpfs on the test's directory, and what watches it. */
static struct {
	struct filesystems f;
	struct dirtree *tree;
	struct table *rules; /* that concern it */
	int group;
} world;

static int set_up(void **state)
{
	char text[256];
	if (tempdir_setup(state) < 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	memset(&world, 0, sizeof(world));
	world.group = fanotify_open(false);
	world.tree = dirtree_new(1024);
	snprintf(text, sizeof(text),
		"[r]\npath = %s/**\nevents = delete\ncommand = true\n", tempdir);
	world.rules = rules_of(text);
	*state = &world;
	return world.group < 0 ? -1 : mount("fsmon", tempdir, "tmpfs", 0, NULL);
}

static int tear_down(void **state)
{
	if (*state == &world) {
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

/* A root that nobody watches; what else is mounted there is not in the tables of the tests. */
#define PLAIN_ROOT "1 0 0:1 / / rw - proc dev rw\n"

static void take_in(const char *mountinfo, const struct table *rules)
{
	assert_int_equal(filesystems_update(&world.f, mountinfo, strlen(mountinfo), rules,
				 world.group, world.tree),
		0);
}

/* Take in what is mounted on the test's directory and below now. */
static void update(const struct table *rules)
{
	struct buf all = {0}, ours = {0};
	int fd = proc_open_mounts();
	assert_int_equal(proc_read_mounts(fd, &all), 0);
	close(fd);
	buf_add_str(&ours, PLAIN_ROOT);
	char *rest = all.data, *line;
	while ((line = strsep(&rest, "\n"))) {
		const char *id = strsep(&line, " "), *parent = strsep(&line, " ");
		if (!line || !strstr(line, tempdir))
			continue;
		bool is_nested = strstr(line, tempdir)[strlen(tempdir)] == '/';
		buf_printf(&ours, "%s %s %s\n", id, is_nested ? parent : "1", line);
	}
	take_in(ours.data, rules);
	buf_fini(&ours);
	buf_fini(&all);
}

/* Whether making and deleting a file in the directory puts records into the queue, from which
 * they are taken. */
static bool sees_a_delete(void)
{
	char records[4096];
	tempdir_write("file", "");
	unlink(tempdir_path("file"));
	return read(world.group, records, sizeof(records)) > 0;
}

static void a_filesystem_is_watched_while_rules_concern_it(void **state)
{
	need_root(state);
	update(world.rules);
	struct filesystem *fs = at(&world.f, tempdir);
	assert_null(fs->refusal);
	assert_true(fs->is_new);
	assert_true(fs->mask & fanrec_mask(EVENT_DELETE));
	assert_string_equal(filesystems_how(fs), "filesystem mark");
	assert_ptr_equal(filesystems_by_fsid(&world.f, fs->fsid), fs);
	assert_null(filesystems_by_fsid(&world.f, fs->fsid + 1));
	assert_true(sees_a_delete());
	/* The next time it is known. */
	update(world.rules);
	fs = at(&world.f, tempdir);
	assert_false(fs->is_new);
	assert_true(sees_a_delete());
	/* Only programs are looked for where no rule concerns it. */
	update(NULL);
	fs = at(&world.f, tempdir);
	assert_int_equal(fs->mask, FAN_OPEN_EXEC);
	assert_string_equal(filesystems_how(fs), "program starts only");
	assert_false(sees_a_delete());
	update(world.rules);
	assert_true(at(&world.f, tempdir)->is_new);
	assert_true(sees_a_delete());
}

static void where_no_program_can_start_nothing_is_watched(void **state)
{
	need_root(state);
	assert_int_equal(mount("fsmon", tempdir, NULL, MS_REMOUNT | MS_NOEXEC, NULL), 0);
	update(world.rules);
	assert_true(sees_a_delete());
	update(NULL);
	assert_false(sees_a_delete());
	assert_int_equal(at(&world.f, tempdir)->mask, 0);
	assert_string_equal(
		filesystems_how(at(&world.f, tempdir)), "no rule concerns it");
}

static void the_tree_knows_the_root(void **state)
{
	struct handle h;
	struct buf path = {0};
	need_root(state);
	update(world.rules);
	int fd = open(tempdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(handle_of(fd, ".", &h, NULL), 0);
	close(fd);
	struct fanrec_handle handle = {.bytes = h.bytes, .len = h.len, .type = h.type};
	struct dirnode *root =
		dirtree_node(world.tree, at(&world.f, tempdir)->fsid, &handle);
	assert_null(dirtree_unknown(root));
	assert_int_equal(dirtree_add_path(root, &path), 0);
	assert_int_equal(path.len, 0);
	buf_fini(&path);
	/* What is unmounted is forgotten. */
	assert_true(dirtree_count(world.tree) > 0);
	assert_int_equal(umount2(tempdir, MNT_DETACH), 0);
	update(world.rules);
	assert_int_equal(world.f.count, 1); /* the plain root */
	assert_int_equal(dirtree_count(world.tree), 0);
}

static void another_filesystem_in_its_place_is_watched_anew(void **state)
{
	need_root(state);
	update(world.rules);
	uint64_t fsid = at(&world.f, tempdir)->fsid;
	assert_int_equal(umount2(tempdir, MNT_DETACH), 0);
	assert_int_equal(mount("fsmon", tempdir, "tmpfs", 0, NULL), 0);
	update(world.rules);
	assert_int_not_equal(at(&world.f, tempdir)->fsid, fsid);
	assert_null(filesystems_by_fsid(&world.f, fsid));
	assert_true(sees_a_delete());
}

static void a_root_is_open_until_it_is_closed(void **state)
{
	need_root(state);
	update(world.rules);
	struct filesystem *fs = at(&world.f, tempdir);
	int fd = filesystems_open(fs);
	assert_true(fd >= 0);
	assert_int_equal(filesystems_open(fs), fd);
	assert_int_equal(umount2(tempdir, UMOUNT_NOFOLLOW), -1);
	assert_int_equal(errno, EBUSY);
	filesystems_close(&world.f);
	assert_int_equal(fs->fd, -1);
	assert_int_equal(umount2(tempdir, UMOUNT_NOFOLLOW), 0);
	/* Now something else is there. */
	assert_int_equal(filesystems_open(fs), -1);
	assert_int_equal(errno, ESTALE);
}

/* Rename a directory of the test's one. */
static void rename_dir(const char *from, const char *to)
{
	char *old = strdup(tempdir_path(from));
	assert_int_equal(rename(old, tempdir_path(to)), 0);
	free(old);
}

static void a_root_is_found_where_it_has_moved_to(void **state)
{
	char text[256];
	need_root(state);
	assert_int_equal(mkdir(tempdir_path("a"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("a/m"), 0700), 0);
	assert_int_equal(mount("fsmon", tempdir_path("a/m"), "tmpfs", 0, NULL), 0);
	snprintf(text, sizeof(text),
		"[r]\npath = %s/*/m/*\nevents = delete\ncommand = true\n", tempdir);
	struct table *rules = rules_of(text);
	update(rules);
	struct filesystem *fs = at(&world.f, tempdir_path("a/m"));
	rename_dir("a", "b");
	assert_false(world.f.is_behind);
	assert_true(filesystems_open(fs) >= 0);
	assert_string_equal(fs->open_point, tempdir_path("b/m"));
	assert_true(world.f.is_behind);
	/* As a record says. */
	struct buf from = {0}, to = {0};
	buf_add_str(&from, "/a");
	buf_add_str(&to, "/b");
	assert_int_equal(filesystems_move(at(&world.f, tempdir), &from, &to, rules), 0);
	assert_int_equal(fs->fd, -1);
	assert_ptr_equal(at(&world.f, tempdir_path("b/m")), fs);
	assert_int_equal(fs->kinds, EVENT_DELETE);
	assert_true(filesystems_open(fs) >= 0);
	assert_string_equal(fs->open_point, fs->point);
	filesystems_close(&world.f);
	update(rules);
	assert_false(world.f.is_behind);
	/* Also while the table is being taken in. */
	fs = at(&world.f, tempdir_path("b/m"));
	uint64_t dev = world.f.landing.filesystems[filesystems_number(fs)].dev;
	snprintf(text, sizeof(text), PLAIN_ROOT "%d 1 %d:%d / %s rw - tmpfs dev rw\n",
		fs->mount_id, (int)(dev >> 32), (int)(dev & UINT32_MAX),
		tempdir_path("a/m"));
	take_in(text, rules);
	assert_null(at(&world.f, tempdir_path("a/m"))->refusal);
	assert_true(world.f.is_behind);
	buf_fini(&from);
	buf_fini(&to);
	umount2(tempdir_path("b/m"), MNT_DETACH);
	table_free(rules);
}

static void directories_above_mounts_are_watched_for_renames(void **state)
{
	char text[256];
	need_root(state);
	assert_int_equal(mkdir(tempdir_path("a"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("a/m"), 0700), 0);
	assert_int_equal(mount("fsmon", tempdir_path("a/m"), "tmpfs", 0, NULL), 0);
	snprintf(text, sizeof(text), "[r]\npath = %s/a/m/*\ncommand = true\n", tempdir);
	struct table *rules = rules_of(text);
	update(rules);
	const struct filesystem *fs = at(&world.f, tempdir);
	assert_int_equal(fs->kinds, 0);
	assert_int_equal(fs->mask, FAN_OPEN_EXEC | FAN_RENAME | FAN_ONDIR);
	assert_string_equal(filesystems_how(fs), "renames and program starts only");
	umount2(tempdir_path("a/m"), MNT_DETACH);
	table_free(rules);
}

/* Take in that a mount of this number and device is on the test's directory. */
static void update_as(int mount_id, const char *device, const char *more)
{
	struct buf text = {0};
	buf_printf(&text, PLAIN_ROOT "%d 1 %s / %s rw - tmpfs dev rw\n%s", mount_id,
		device, tempdir, more);
	take_in(text.data, world.rules);
	buf_fini(&text);
}

static void another_mount_than_the_table_says_is_not_watched(void **state)
{
	need_root(state);
	update(world.rules);
	update_as(at(&world.f, tempdir)->mount_id + 100000, "0:999", "");
	const struct filesystem *fs = at(&world.f, tempdir);
	assert_string_equal(fs->refusal, "the kernel refused it");
	assert_int_equal(fs->refusal_errno, ESTALE);
	assert_string_equal(filesystems_how(fs), "not watched");
	assert_null(filesystems_by_fsid(&world.f, fs->fsid));
}

static void two_devices_with_the_same_id_are_not_watched_both(void **state)
{
	struct handle h;
	char copy[512];
	int id, copy_id;
	need_root(state);
	update(world.rules);
	id = at(&world.f, tempdir)->mount_id;
	assert_int_equal(mkdir(tempdir_path("copy"), 0700), 0);
	assert_int_equal(mount(tempdir, tempdir_path("copy"), NULL, MS_BIND, NULL), 0);
	int fd = open(tempdir_path("copy"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(handle_of(fd, ".", &h, &copy_id), 0);
	close(fd);
	snprintf(copy, sizeof(copy), "%d %d 0:998 / %s rw - tmpfs dev rw\n", copy_id, id,
		tempdir_path("copy"));
	update_as(id, "0:999", copy);
	assert_null(at(&world.f, tempdir)->refusal);
	assert_non_null(strstr(at(&world.f, tempdir_path("copy"))->refusal,
		"another filesystem with the same id is mounted"));
	assert_int_equal(umount2(tempdir_path("copy"), MNT_DETACH), 0);
}

static void what_the_kernel_refuses_is_not_watched(void **state)
{
	need_root(state);
	int group = world.group;
	world.group = open("/dev/null", O_RDONLY | O_CLOEXEC);
	update(world.rules);
	const struct filesystem *fs = at(&world.f, tempdir);
	assert_string_equal(fs->refusal, "the kernel refused it");
	assert_int_equal(fs->refusal_errno, EINVAL);
	close(world.group);
	world.group = group;
}

#define MOUNTED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	tempdir_own_mounts();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_types_are_refused),
		cmocka_unit_test(rules_concern_where_they_can_match),
		cmocka_unit_test(kinds_of_all_rules_come_together),
		cmocka_unit_test(a_filesystem_is_seen_where_its_root_is),
		cmocka_unit_test(a_rule_that_is_watched_nowhere_has_the_first_refusal),
		MOUNTED(a_filesystem_is_watched_while_rules_concern_it),
		MOUNTED(where_no_program_can_start_nothing_is_watched),
		MOUNTED(the_tree_knows_the_root),
		MOUNTED(another_filesystem_in_its_place_is_watched_anew),
		MOUNTED(a_root_is_open_until_it_is_closed),
		MOUNTED(a_root_is_found_where_it_has_moved_to),
		MOUNTED(directories_above_mounts_are_watched_for_renames),
		MOUNTED(another_mount_than_the_table_says_is_not_watched),
		MOUNTED(two_devices_with_the_same_id_are_not_watched_both),
		MOUNTED(what_the_kernel_refuses_is_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
