/* SPDX-License-Identifier: MIT */
/* What is in directories that are known by their handles, on a tmpfs of their own. */
#include "os/dirlist.h"

#include "base/buf.h"
#include "os/fd.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int root = -1; /* of the tmpfs */

static int set_up(void **state)
{
	if (tempdir_setup(state) < 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	if (mount("tmpfs", tempdir, "tmpfs", 0, NULL) < 0)
		return -1;
	root = handle_open_dir(tempdir);
	return root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	fd_close(root);
	root = -1;
	return tempdir_teardown(state);
}

/* Where an entry is noted: "d:name " or "-:name ", if it has that name's handle; sorted. */
struct seen {
	int dir_fd;
	size_t most;
	size_t count;
	const char *names[16];
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool see(void *ctx, const struct dirlist_entry *e)
{
	struct seen *s = ctx;
	struct handle h;
	struct buf text = {0};
	assert_int_equal(handle_of(s->dir_fd, e->name, &h, NULL), 0);
	assert_int_equal(h.len, e->handle.len);
	assert_int_equal(h.type, e->handle.type);
	assert_memory_equal(h.bytes, e->handle.bytes, h.len);
	buf_printf(&text, "%s:%s ", e->is_dir ? "d" : "-", e->name);
	s->names[s->count++] = buf_take(&text);
	return s->count < s->most;
}

/* What a directory of the tmpfs lists, of at most so many entries; the caller frees it. */
static char *listed(const char *path, size_t most)
{
	struct handle h;
	struct buf text = {0};
	struct seen s = {.dir_fd = handle_open_dir(path), .most = most};
	assert_int_equal(handle_of(s.dir_fd, ".", &h, NULL), 0);
	assert_int_equal(dirlist_read(root, &h, see, &s), 0);
	qsort(s.names, s.count, sizeof(*s.names), compare);
	buf_add_str(&text, "");
	for (size_t i = 0; i < s.count; i++) {
		buf_add_str(&text, s.names[i]);
		free((char *)s.names[i]);
	}
	close(s.dir_fd);
	return buf_take(&text);
}

static void assert_listed(const char *path, const char *expected)
{
	char *text = listed(path, 16);
	assert_string_equal(text, expected);
	free(text);
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void lists_the_entries_with_their_handles(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(mkdir(tempdir_path("d"), 0700), 0);
	assert_listed(tempdir_path("d"), "");
	assert_int_equal(mkdir(tempdir_path("d/sub"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("d/sub/deeper"), 0700), 0);
	tempdir_write("d/file", "");
	assert_int_equal(symlink("sub", tempdir_path("d/link")), 0);
	assert_int_equal(mkfifo(tempdir_path("d/pipe"), 0600), 0);
	assert_listed(tempdir_path("d"), "-:file -:link -:pipe d:sub ");
	char *text = listed(tempdir_path("d"), 1);
	assert_int_equal(strlen(strchr(text, ' ')), 1);
	free(text);
}

static void passes_over_what_is_mounted_there(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(mkdir(tempdir_path("d"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("d/other"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("d/same"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("d/sub"), 0700), 0);
	assert_int_equal(mount("tmpfs", tempdir_path("d/other"), "tmpfs", 0, NULL), 0);
	assert_int_equal(
		mount(tempdir_path("d/sub"), tempdir_path("d/same"), NULL, MS_BIND, NULL),
		0);
	assert_listed(tempdir_path("d"), "d:sub ");
	assert_int_equal(umount(tempdir_path("d/same")), 0);
	assert_int_equal(umount(tempdir_path("d/other")), 0);
}

static void says_that_a_directory_is_gone(void **state)
{
	(void)state;
	struct handle h;
	struct seen s = {0};
	need_root();
	assert_int_equal(mkdir(tempdir_path("d"), 0700), 0);
	assert_int_equal(handle_of(root, "d", &h, NULL), 0);
	assert_int_equal(rmdir(tempdir_path("d")), 0);
	assert_int_equal(dirlist_read(root, &h, see, &s), -1);
	assert_int_equal(errno, ESTALE);
	/* Where somebody still has it open, nothing is in it. */
	assert_int_equal(mkdir(tempdir_path("e"), 0700), 0);
	int fd = handle_open_dir(tempdir_path("e"));
	assert_int_equal(handle_of(root, "e", &h, NULL), 0);
	assert_int_equal(rmdir(tempdir_path("e")), 0);
	assert_int_equal(dirlist_read(root, &h, see, &s), 0);
	assert_int_equal(s.count, 0);
	close(fd);
}

static void says_that_a_file_is_none(void **state)
{
	(void)state;
	struct handle h;
	struct seen s = {0};
	need_root();
	tempdir_write("f", "");
	assert_int_equal(handle_of(root, "f", &h, NULL), 0);
	assert_int_equal(dirlist_read(root, &h, see, &s), -1);
	assert_int_equal(errno, ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			lists_the_entries_with_their_handles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			passes_over_what_is_mounted_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			says_that_a_directory_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			says_that_a_file_is_none, set_up, tear_down),
	};
	tempdir_own_mounts();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
