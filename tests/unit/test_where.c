/* SPDX-License-Identifier: MIT */
/* Directories are found by their handles, on a tmpfs of their own. */
#include "app/watch/where.h"

#include "base/countof.h"
#include "os/handle.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct dirtree *tree;
	struct filesystems filesystems;
	struct filesystem *fs; /* the tmpfs, one of them */
	struct handle handles[8]; /* in turns */
	size_t turn;
} world;

/* The handle of a path below a directory. */
static struct fanrec_handle handle_below(int dir_fd, const char *path, int *mount_id)
{
	struct handle *h = &world.handles[world.turn++ % countof(world.handles)];
	assert_int_equal(handle_of(dir_fd, path, h, mount_id), 0);
	return (struct fanrec_handle){.bytes = h->bytes, .len = h->len, .type = h->type};
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The handle of a path on the tmpfs. */
static struct fanrec_handle handle(const char *path)
{
	int fd = open_dir(tempdir);
	struct fanrec_handle h = handle_below(fd, path, NULL);
	close(fd);
	return h;
}

static int set_up(void **state)
{
	if (tempdir_setup(state) < 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	if (mount("fsmon", tempdir, "tmpfs", 0, NULL) < 0)
		return -1;
	memset(&world, 0, sizeof(world));
	world.tree = dirtree_new(1024);
	int mount_id, fd = open_dir(tempdir);
	struct fanrec_handle root = handle_below(fd, ".", &mount_id);
	close(fd);
	struct buf mounts = {0};
	buf_printf(&mounts,
		"1 0 0:1 / / rw - proc dev rw\n%d 1 0:2 / %s rw - tmpfs dev rw\n",
		mount_id, tempdir);
	assert_int_equal(filesystems_update(&world.filesystems, mounts.data, mounts.len,
				 NULL, -1, NULL),
		0);
	buf_fini(&mounts);
	world.fs = &world.filesystems.items[1];
	assert_string_equal(world.fs->point, tempdir);
	dirtree_set_root(world.tree, dirtree_node(world.tree, world.fs->fsid, &root));
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	if (*state == &world) {
		filesystems_fini(&world.filesystems);
		dirtree_free(world.tree);
	}
	return tempdir_teardown(state);
}

static void need_root(void **state)
{
	if (*state != &world) {
		print_message("# skip: needs root to open handles\n");
		skip();
	}
}

static struct dirnode *node(const struct fanrec_handle *h)
{
	struct dirnode *n = dirtree_node(world.tree, world.fs->fsid, h);
	assert_non_null(n);
	return n;
}

static void a_directory_is_placed_with_those_above(void **state)
{
	struct buf path = {0};
	need_root(state);
	mkdir(tempdir_path("a"), 0700);
	mkdir(tempdir_path("a/b"), 0700);
	mkdir(tempdir_path("a/b/c d"), 0700);
	struct fanrec_handle c = handle("a/b/c d"), b = handle("a/b");
	assert_int_equal(where_look_up(world.tree, world.fs, node(&c)), 0);
	assert_null(dirtree_unknown(node(&c)));
	assert_int_equal(dirtree_add_path(node(&c), &path), 0);
	assert_string_equal(path.data, "/a/b/c d");
	assert_true(dirtree_is_placed(node(&b)));
	assert_int_equal(dirtree_count(world.tree), 4);
	buf_fini(&path);
}

static void the_climb_ends_where_the_place_is_known(void **state)
{
	struct buf path = {0};
	need_root(state);
	mkdir(tempdir_path("a"), 0700);
	mkdir(tempdir_path("a/b"), 0700);
	struct fanrec_handle a = handle("a"), b = handle("a/b"), root = handle(".");
	assert_int_equal(dirtree_place(world.tree, node(&a), node(&root), "before"), 0);
	assert_int_equal(where_look_up(world.tree, world.fs, node(&b)), 0);
	assert_int_equal(dirtree_add_path(node(&b), &path), 0);
	assert_string_equal(path.data, "/before/b");
	buf_fini(&path);
}

static void what_is_gone_is_stale(void **state)
{
	need_root(state);
	mkdir(tempdir_path("a"), 0700);
	struct fanrec_handle a = handle("a"), none = {0};
	/* also while somebody has it open */
	int fd = open_dir(tempdir_path("a"));
	assert_int_equal(rmdir(tempdir_path("a")), 0);
	for (int i = 0; i < 2; i++) {
		errno = 0;
		assert_int_equal(where_look_up(world.tree, world.fs, node(&a)), -1);
		assert_int_equal(errno, ESTALE);
		assert_false(dirtree_is_placed(node(&a)));
		if (i == 0)
			close(fd);
	}
	assert_int_equal(where_open(world.fs, &none), -1);
	assert_int_equal(errno, ESTALE);
}

/* It is removed behind where_open: the kernel's " (deleted)" is no part of its name. */
static void what_goes_while_it_is_open_has_no_path(void **state)
{
	char path[PATH_MAX];
	(void)state;
	mkdir(tempdir_path("going"), 0700);
	int fd = open_dir(tempdir_path("going"));
	assert_true(handle_path(fd, path, sizeof(path)) > 0);
	assert_int_equal(rmdir(tempdir_path("going")), 0);
	errno = 0;
	assert_int_equal(handle_path(fd, path, sizeof(path)), -1);
	assert_int_equal(errno, ESTALE);
	close(fd);
}

static void a_filesystem_that_is_gone_is_stale(void **state)
{
	need_root(state);
	mkdir(tempdir_path("a"), 0700);
	struct fanrec_handle a = handle("a");
	assert_int_equal(umount2(tempdir, MNT_DETACH), 0);
	assert_int_equal(where_open(world.fs, &a), -1);
	assert_int_equal(errno, ESTALE);
}

/* The path is longer than the kernel tells: names are read out of the directories. */
static void a_path_may_be_longer_than_any_call_takes(void **state)
{
	enum { DEPTH = 20, NAME = 250 };
	char name[NAME + 1];
	struct buf path = {0};
	need_root(state);
	memset(name, 'n', NAME);
	name[NAME] = '\0';
	int fd = open_dir(tempdir);
	for (int i = 0; i < DEPTH; i++) {
		name[0] = (char)('a' + i);
		assert_int_equal(mkdirat(fd, name, 0700), 0);
		int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = below;
	}
	struct fanrec_handle last = handle_below(fd, ".", NULL);
	close(fd);
	assert_int_equal(where_look_up(world.tree, world.fs, node(&last)), 0);
	assert_int_equal(dirtree_add_path(node(&last), &path), 0);
	assert_int_equal(path.len, DEPTH * (NAME + 1));
	for (int i = 0; i < DEPTH; i++)
		assert_int_equal(path.data[i * (NAME + 1) + 1], 'a' + i);
	buf_fini(&path);
}

static void types_are_as_the_file_says(void **state)
{
	static const struct {
		const char *path;
		enum event_type type;
		uint32_t nlink;
		uint64_t size_bytes;
	} cases[] = {
		{"file", EVENT_TYPE_FILE, 2, 5},
		{"link", EVENT_TYPE_SYMLINK, 1, 4},
		{"pipe", EVENT_TYPE_OTHER, 1, 0},
		{"gone", EVENT_TYPE_GONE, 0, 0},
	};
	(void)state;
	tempdir_write("file", "12345");
	assert_int_equal(link(tempdir_path("file"), tempdir_path("other")), 0);
	assert_int_equal(symlink("file", tempdir_path("link")), 0);
	assert_int_equal(mkfifo(tempdir_path("pipe"), 0600), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct event e = {0};
		int fd = open(
			tempdir_path(cases[i].path), O_PATH | O_NOFOLLOW | O_CLOEXEC);
		where_fill_type(fd, &e);
		assert_true(e.type_known);
		assert_int_equal(e.type, cases[i].type);
		assert_int_equal(e.nlink, cases[i].nlink);
		assert_int_equal(e.size_bytes, cases[i].size_bytes);
		if (fd >= 0)
			close(fd);
	}
	struct event e = {0};
	int fd = open_dir(tempdir);
	where_fill_type(fd, &e);
	assert_int_equal(e.type, EVENT_TYPE_DIR);
	close(fd);
}

/* Make a file without a name; its number is `ino`, and its handle the result. */
static struct fanrec_handle make_unnamed(int *fd, char *ino, size_t size)
{
	struct stat st;
	char link[64];
	*fd = open(tempdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(*fd >= 0);
	assert_int_equal(fstat(*fd, &st), 0);
	snprintf(ino, size, "#%llu", (unsigned long long)st.st_ino);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", *fd);
	struct handle *h = &world.handles[world.turn++ % countof(world.handles)];
	struct file_handle *raw = calloc(1, sizeof(*raw) + HANDLE_MAX_BYTES);
	int mount_id;
	raw->handle_bytes = HANDLE_MAX_BYTES;
	assert_int_equal(
		name_to_handle_at(AT_FDCWD, link, raw, &mount_id, AT_SYMLINK_FOLLOW), 0);
	h->len = raw->handle_bytes;
	h->type = raw->handle_type;
	memcpy(h->bytes, raw->f_handle, h->len);
	free(raw);
	return (struct fanrec_handle){.bytes = h->bytes, .len = h->len, .type = h->type};
}

static void a_file_that_was_made_without_a_name_has_one_when_it_is_linked(void **state)
{
	char ino[32], wrong[64], link[64];
	struct buf path = {0};
	struct fanrec_handle none = {0};
	int fd;
	need_root(state);
	mkdir(tempdir_path("a"), 0700);
	struct fanrec_handle h = make_unnamed(&fd, ino, sizeof(ino));
	/* It has no name at all. */
	assert_int_equal(where_add_linked_path(world.fs, &h, ino, &path), -1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_int_equal(linkat(AT_FDCWD, link, AT_FDCWD, tempdir_path("a/named"),
				 AT_SYMLINK_FOLLOW),
		0);
	/* As long as it is open the kernel knows it by its old name. */
	close(fd);
	snprintf(wrong, sizeof(wrong), "%sx", ino);
	static const char *const names[] = {"named", "#", "#x", "#1x"};
	for (size_t i = 0; i < countof(names); i++) {
		assert_int_equal(
			where_add_linked_path(world.fs, &h, names[i], &path), -1);
		assert_int_equal(errno, ENOENT);
	}
	assert_int_equal(where_add_linked_path(world.fs, &h, wrong, &path), -1);
	assert_int_equal(where_add_linked_path(world.fs, &none, ino, &path), -1);
	assert_int_equal(path.len, 0);
	assert_int_equal(where_add_linked_path(world.fs, &h, ino, &path), 0);
	assert_string_equal(path.data, "/a/named");
	buf_fini(&path);
}

static void a_file_may_have_been_given_such_a_name(void **state)
{
	struct stat st;
	char name[32];
	struct buf path = {0};
	need_root(state);
	tempdir_write("file", "");
	assert_int_equal(stat(tempdir_path("file"), &st), 0);
	snprintf(name, sizeof(name), "#%llu", (unsigned long long)st.st_ino);
	assert_int_equal(rename(tempdir_path("file"), tempdir_path(name)), 0);
	struct fanrec_handle h = handle(name);
	assert_int_equal(where_add_linked_path(world.fs, &h, name, &path), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(path.len, 0);
}

static void an_entry_is_there_if_its_name_is_of_that_file(void **state)
{
	need_root(state);
	tempdir_write("file", "one");
	tempdir_write("other", "two");
	const struct fanrec_handle root = handle("."), file = handle("file");
	const struct fanrec_place place = {.dir = root, .name = "file"};
	assert_true(where_has_entry(world.fs, &place, &file));
	/* Another link of it is left, but not this one. */
	assert_int_equal(rename(tempdir_path("file"), tempdir_path("new")), 0);
	assert_false(where_has_entry(world.fs, &place, &file));
	assert_int_equal(rename(tempdir_path("other"), tempdir_path("file")), 0);
	assert_false(where_has_entry(world.fs, &place, &file));
	assert_int_equal(rename(tempdir_path("new"), tempdir_path("file")), 0);
	assert_true(where_has_entry(world.fs, &place, &file));
	assert_int_equal(unlink(tempdir_path("file")), 0);
	assert_false(where_has_entry(world.fs, &place, &file));
}

#define MOUNTED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	tempdir_own_mounts();
	const struct CMUnitTest tests[] = {
		MOUNTED(a_directory_is_placed_with_those_above),
		MOUNTED(the_climb_ends_where_the_place_is_known),
		MOUNTED(what_is_gone_is_stale),
		MOUNTED(what_goes_while_it_is_open_has_no_path),
		MOUNTED(a_filesystem_that_is_gone_is_stale),
		MOUNTED(a_path_may_be_longer_than_any_call_takes),
		MOUNTED(types_are_as_the_file_says),
		MOUNTED(a_file_that_was_made_without_a_name_has_one_when_it_is_linked),
		MOUNTED(a_file_may_have_been_given_such_a_name),
		MOUNTED(an_entry_is_there_if_its_name_is_of_that_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
