/* SPDX-License-Identifier: MIT */
/* Links on the ways of rules' paths, on a tmpfs of their own: the records are made up. */
#include "app/events/symlinks.h"

#include "app/watch/fronts.h"
#include "base/countof.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/handle.h"
#include "os/lookup.h"
#include "os/proc.h"
#include "os/thread.h"
#include "rules_of.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- One look ---- */

static void an_entry_is_looked_up_without_links(void **state)
{
	(void)state;
	struct lookup l;
	assert_int_equal(mkdir(tempdir_path("dir"), 0711), 0);
	assert_int_equal(symlink("dir", tempdir_path("link")), 0);
	assert_int_equal(lookup_entry(tempdir_path("dir"), &l), 0);
	assert_int_equal(l.mode, S_IFDIR | 0711);
	assert_int_equal(l.uid, geteuid());
	assert_string_equal(l.text, "");
	assert_int_equal(lookup_entry(tempdir_path("link"), &l), 0);
	assert_true(S_ISLNK(l.mode));
	assert_string_equal(l.text, "dir");
	assert_int_equal(lookup_entry(tempdir_path("none"), &l), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(lookup_entry(tempdir_path("link/x"), &l), -1);
	assert_int_equal(errno, ELOOP);
}

static void the_first_link_below_a_directory_is_met(void **state)
{
	static const struct {
		const char *path;
		bool meets;
	} cases[] = {
		{"/a/b", false},
		{"/a/link", true},
		{"/a/link/x/y", true},
		{"/a/none/x", false},
		{"/link/x", false},
		{"", false},
	};
	(void)state;
	assert_int_equal(mkdir(tempdir_path("a"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("a/b"), 0700), 0);
	assert_int_equal(symlink("x", tempdir_path("a/link")), 0);
	int fd = open(tempdir, O_PATH);
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(lookup_meets_link(fd, cases[i].path), cases[i].meets);
	close(fd);
}

/* ---- Fronts of the file system ---- */

/* What a path leads to, or "" if nowhere else. */
static void assert_leads(const char *path, enum front_end end, const char *to)
{
	struct fronts *f = fronts_new();
	assert_int_equal(fronts_add(f, path), 0);
	assert_int_equal(fronts_find(f), 0);
	const struct fronts_item *item = fronts_at(f, 0);
	const struct strlist *leads = fronts_leads(f, path);
	assert_int_equal(item->front.end, end);
	assert_string_equal(leads->count ? leads->items[leads->count - 1] : "", to);
	fronts_free(f);
}

static void make_link(const char *text, const char *name, uid_t owner)
{
	assert_int_equal(symlink(text, tempdir_path(name)), 0);
	assert_int_equal(lchown(tempdir_path(name), owner, owner), 0);
}

static void only_links_of_strangers_are_not_followed(void **state)
{
	static const struct {
		mode_t mode;
		uid_t dir, link;
		bool is_followed;
	} cases[] = {
		{01777, 0, 0, true},
		{01777, 0, 1001, false},
		{01777, 1001, 1001, true},
		{01777, 1001, 1002, false},
		{01777, 1001, 0, true},
		{0777, 0, 1001, true},
		{01755, 0, 1001, true},
	};
	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < countof(cases); i++) {
		char name[16], link[32];
		snprintf(name, sizeof(name), "%zu", i);
		snprintf(link, sizeof(link), "%zu/link", i);
		assert_int_equal(mkdir(tempdir_path(name), 0700), 0);
		make_link("/usr", link, cases[i].link);
		assert_int_equal(
			chown(tempdir_path(name), cases[i].dir, cases[i].dir), 0);
		assert_int_equal(chmod(tempdir_path(name), cases[i].mode), 0);
		if (cases[i].is_followed)
			assert_leads(tempdir_path(link), FRONT_WHOLE, "/usr");
		else
			assert_leads(tempdir_path(link), FRONT_REFUSED, "");
	}
}

static void no_look_goes_where_it_might_wait(void **state)
{
	(void)state;
	/* As with any filesystem that is not to be touched. */
	make_link("/proc/self/cwd", "link", geteuid());
	assert_leads(tempdir_path("link"), FRONT_CUT, "/proc/self/cwd");
}

/* ---- Records ---- */

static struct {
	struct filesystems filesystems;
	struct filesystem *fs;
	struct dirtree *tree;
	struct table *rules;
	struct symlinks *links;
	int wake_fd, group;
} world;

static void begin(const char *path)
{
	struct buf text = {0}, rules = {0};
	int fd = proc_open_mounts();
	buf_printf(&rules, "[r]\npath = %s\ncommand = true\n", path);
	world.rules = rules_of(rules.data);
	assert_int_equal(proc_read_mounts(fd, &text), 0);
	world.tree = dirtree_new(64);
	world.group = fanotify_open(false);
	assert_true(world.group >= 0);
	assert_int_equal(filesystems_update(&world.filesystems, text.data, text.len,
				 world.rules, world.group, world.tree),
		0);
	world.fs = filesystems_of_mount(&world.filesystems,
		mounts_find(&world.filesystems.landing.mounts, tempdir));
	assert_true(world.fs->fsid != 0);
	world.wake_fd = thread_wakeup_open();
	world.links = symlinks_new(world.wake_fd, &world.filesystems);
	struct fronts *fronts = fronts_new();
	assert_int_equal(fronts_add_table(fronts, world.rules), 0);
	assert_int_equal(fronts_find(fronts), 0);
	symlinks_set(world.links, fronts);
	assert_int_equal(symlinks_index(world.links), 0);
	buf_fini(&text);
	buf_fini(&rules);
	close(fd);
}

static void end(void)
{
	symlinks_free(world.links);
	filesystems_fini(&world.filesystems);
	dirtree_free(world.tree);
	table_free(world.rules);
	close(world.group);
	close(world.wake_fd);
}

/* Have found out what is to be, if anything is, and take it as the worker does. */
static enum fronts_change find_out(void)
{
	symlinks_ask(world.links);
	while (!symlinks_has_answer(world.links)) {
		assert_int_equal(thread_wait(&world.wake_fd, 1), 0);
		thread_take_wakeups(world.wake_fd);
	}
	enum fronts_change change = symlinks_take(world.links);
	if (change != FRONTS_SAME)
		assert_int_equal(symlinks_index(world.links), 0);
	return change;
}

/* Note a record of an entry below the test's directory; `target`: what it is now, or "". Returns
 * the front that was told of, or "". */
static const char *note(
	uint64_t mask, const char *dir, const char *name, const char *target, uint64_t n)
{
	static struct handle handles[2];
	struct fanrec r = {.mask = mask, .fsid = world.fs->fsid, .pidfd = -1};
	int fd = handle_open_dir(tempdir);
	assert_int_equal(handle_of(fd, *dir ? dir : ".", &handles[0], NULL), 0);
	r.place.dir =
		(struct fanrec_handle){handles[0].bytes, handles[0].len, handles[0].type};
	r.place.name = name;
	if (*target) {
		assert_int_equal(handle_of(fd, target, &handles[1], NULL), 0);
		r.target = (struct fanrec_handle){
			handles[1].bytes, handles[1].len, handles[1].type};
	}
	close(fd);
	bool told = symlinks_note(world.links, &r, world.fs, n);
	filesystems_close(&world.filesystems);
	return told ? symlinks_told(world.links, &r, &r.place, 0) : "";
}

static void a_changed_link_is_told_and_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdir(tempdir_path("one"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("two"), 0700), 0);
	make_link("one", "link", 0);
	begin(tempdir_path("link/**"));
	/* What was found before the entries were known is found once more. */
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_true(symlinks_oldest(world.links) == UINT64_MAX);

	assert_string_equal(note(FAN_CREATE, "", "other", "", 1), "");
	assert_string_equal(note(FAN_CREATE, "one", "link", "", 2), "");
	assert_string_equal(note(FAN_CLOSE_WRITE, "", "link", "", 3), "");
	assert_true(symlinks_oldest(world.links) == UINT64_MAX);
	tempdir_write("file", "");
	assert_int_equal(unlink(tempdir_path("link")), 0);
	make_link("two", "link", 0);
	assert_string_equal(note(FAN_DELETE, "", "link", "", 4), tempdir_path("link"));
	assert_string_equal(
		note(FAN_CREATE, "", "link", "link", 5), tempdir_path("link"));
	assert_true(symlinks_oldest(world.links) == 4);
	symlinks_ask(world.links);
	/* What comes while that is found out is found out after it. */
	note(FAN_CREATE, "", "link", "link", 6);
	assert_int_equal(find_out(), FRONTS_LEADS);
	assert_string_equal(
		fronts_leads(symlinks_fronts(world.links), tempdir_path("link"))
			->items[0],
		tempdir_path("two"));
	assert_true(symlinks_oldest(world.links) == 4);
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_true(symlinks_oldest(world.links) == UINT64_MAX);
	end();
}

static void nobody_keeps_a_record_open_for_ever(void **state)
{
	(void)state;
	make_link("one", "link", 0);
	begin(tempdir_path("link/**"));
	assert_int_equal(find_out(), FRONTS_SAME);
	for (uint64_t n = 1; n < 10; n++) {
		assert_int_equal(unlink(tempdir_path("link")), 0);
		make_link(n % 2 ? "two" : "one", "link", 0);
		note(FAN_CREATE, "", "link", "link", n);
		assert_int_equal(find_out(), FRONTS_LEADS);
		/* It waits for two answers at most. */
		assert_true(symlinks_oldest(world.links) >= n);
	}
	end();
}

static void a_file_that_is_no_link_asks_for_nothing(void **state)
{
	(void)state;
	tempdir_write("file", "");
	begin(tempdir_path("file"));
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_string_equal(
		note(FAN_CREATE, "", "file", "file", 1), tempdir_path("file"));
	assert_true(symlinks_oldest(world.links) == UINT64_MAX);
	end();
}

static void a_directory_on_the_way_is_not_told_but_asks(void **state)
{
	(void)state;
	begin(tempdir_path("a/b/*"));
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_int_equal(mkdir(tempdir_path("a"), 0700), 0);
	assert_string_equal(note(FAN_CREATE | FAN_ONDIR, "", "a", "a", 7), "");
	/* What is made in it before the answer is known all the same. */
	make_link("x", "a/b", 0);
	assert_string_equal(note(FAN_CREATE, "a", "b", "a/b", 8), tempdir_path("a/b"));
	assert_true(symlinks_oldest(world.links) == 7);
	assert_int_equal(find_out(), FRONTS_LEADS);
	assert_int_equal(find_out(), FRONTS_SAME);
	/* A directory that holds the link is renamed. */
	assert_string_equal(
		note(FAN_RENAME | FAN_ONDIR, "", "a", "a", 9), tempdir_path("a/b"));
	end();
}

static void all_is_asked_for_after_a_gap(void **state)
{
	(void)state;
	make_link("one", "link", 0);
	begin(tempdir_path("link/**"));
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_false(symlinks_is_behind(world.links));
	assert_int_equal(unlink(tempdir_path("link")), 0);
	make_link("two", "link", 0);
	symlinks_ask_all(world.links);
	assert_true(symlinks_is_behind(world.links));
	assert_int_equal(find_out(), FRONTS_LEADS);
	assert_true(symlinks_is_behind(world.links));
	assert_int_equal(find_out(), FRONTS_SAME);
	assert_false(symlinks_is_behind(world.links));
	end();
}

/* A tmpfs on the test's directory. */
static int setup_tmpfs(void **state)
{
	if (tempdir_setup(state) < 0)
		return -1;
	return mount("tmpfs", tempdir, "tmpfs", 0, "mode=0755");
}

#define IN_DIR(test) \
	cmocka_unit_test_setup_teardown(test, tempdir_setup, tempdir_teardown)
#define ON_TMPFS(test) \
	cmocka_unit_test_setup_teardown(test, setup_tmpfs, tempdir_teardown)

int main(void)
{
	umask(022);
	const struct CMUnitTest looks[] = {
		IN_DIR(an_entry_is_looked_up_without_links),
		IN_DIR(the_first_link_below_a_directory_is_met),
		IN_DIR(only_links_of_strangers_are_not_followed),
		IN_DIR(no_look_goes_where_it_might_wait),
	};
	const struct CMUnitTest records[] = {
		ON_TMPFS(a_changed_link_is_told_and_followed),
		ON_TMPFS(nobody_keeps_a_record_open_for_ever),
		ON_TMPFS(a_file_that_is_no_link_asks_for_nothing),
		ON_TMPFS(a_directory_on_the_way_is_not_told_but_asks),
		ON_TMPFS(all_is_asked_for_after_a_gap),
	};
	tempdir_own_mounts();
	int failed = cmocka_run_group_tests_name("looks", looks, NULL, NULL);
	if (geteuid() == 0)
		failed += cmocka_run_group_tests_name("records", records, NULL, NULL);
	return failed;
}
