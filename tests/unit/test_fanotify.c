/* SPDX-License-Identifier: MIT */
/* What the kernel really says, from its queue to decoded records. The filesystem is a
 * tmpfs that is mounted nowhere, so nothing is left behind. */
#include "os/fanotify.h"

#include "core/record/event.h"
#include "core/record/fanrec.h"
#include "os/handle.h"
#include "os/readbuf.h"

#include <fcntl.h>
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

struct fixture {
	int fs; /* top directory */
	int group;
	int memory;
	struct readbuf b;
	size_t at;
};

static int open_tmpfs(void)
{
	int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	int mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
	close(context);
	int fs = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(mount);
	return fs;
}

static int set_up_with(void **state, bool with_pidfd)
{
	static struct fixture f;
	*state = NULL;
	if (geteuid() != 0)
		return 0;
	f = (struct fixture){.fs = open_tmpfs(), .group = fanotify_open(with_pidfd)};
	f.memory = readbuf_create();
	*state = &f;
	return f.fs >= 0 && f.group >= 0 ? readbuf_open(&f.b, f.memory) : -1;
}

static int set_up(void **state)
{
	return set_up_with(state, false);
}

static int set_up_pidfd(void **state)
{
	return set_up_with(state, true);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (!f)
		return 0;
	readbuf_close(&f->b);
	close(f->memory);
	close(f->group);
	close(f->fs);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	if (!*state) {
		print_message("# skip: needs root to watch a filesystem\n");
		skip();
	}
	return *state;
}

static void watch(struct fixture *f, uint32_t kinds)
{
	assert_int_equal(
		fanotify_watch(f->group, f->fs, 0, fanrec_mask(kinds) | FANREC_MASK_BASE),
		0);
}

/* The next record, which must be of these kinds, from us, and in this filesystem. */
static struct fanrec next(struct fixture *f, uint32_t kinds)
{
	struct fanrec r;
	unsigned bad = 0;
	uint64_t fsid;
	if (f->at == f->b.end)
		assert_true(readbuf_read(&f->b, f->group) > 0);
	assert_true(fanrec_next(f->b.bytes, f->b.end, &f->at, &r, &bad));
	assert_int_equal(bad, 0);
	assert_int_equal(fanrec_kinds(r.mask), kinds);
	assert_int_equal(r.pid, getpid());
	assert_int_equal(handle_fsid(f->fs, &fsid), 0);
	assert_int_equal(r.fsid, fsid);
	return r;
}

static void assert_no_more(struct fixture *f)
{
	assert_true(fanotify_is_empty(f->group));
	assert_int_equal(readbuf_read(&f->b, f->group), 0);
	assert_int_equal(f->at, f->b.end);
}

static struct handle handle_at(struct fixture *f, const char *path)
{
	struct handle h;
	assert_int_equal(handle_of(f->fs, path, &h, NULL), 0);
	return h;
}

static void assert_handle(const struct fanrec_handle *got, const struct handle *h)
{
	assert_non_null(got->bytes);
	assert_int_equal(got->type, h->type);
	assert_int_equal(got->len, h->len);
	assert_memory_equal(got->bytes, h->bytes, h->len);
}

static void assert_place(
	const struct fanrec_place *p, const struct handle *dir, const char *name)
{
	assert_handle(&p->dir, dir);
	assert_string_equal(p->name, name);
}

static void write_at(struct fixture *f, const char *name)
{
	int fd = openat(f->fs, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void reports_the_life_of_a_file(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct handle top = handle_at(f, ".");
	watch(f, EVENT_CHANGED);
	write_at(f, "a");
	struct handle file = handle_at(f, "a");
	renameat(f->fs, "a", f->fs, "b");
	unlinkat(f->fs, "b", 0);

	/* The kernel merges what happens to one name. */
	struct fanrec r = next(f, EVENT_CREATE | EVENT_CLOSE_WRITE);
	assert_place(&r.place, &top, "a");
	assert_handle(&r.target, &file);
	assert_false(r.mask & FAN_ONDIR);
	r = next(f, EVENT_RENAME);
	assert_place(&r.place, &top, "a");
	assert_place(&r.new_place, &top, "b");
	assert_handle(&r.target, &file);
	r = next(f, EVENT_DELETE);
	assert_place(&r.place, &top, "b");
	assert_handle(&r.target, &file);
	assert_null(r.new_place.dir.bytes);
	assert_no_more(f);
}

static void reports_directories_with_their_own_handles(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct handle top = handle_at(f, ".");
	watch(f, EVENT_CHANGED);
	mkdirat(f->fs, "d", 0700);
	mkdirat(f->fs, "d/e", 0700);
	struct handle d = handle_at(f, "d"), e = handle_at(f, "d/e");
	renameat(f->fs, "d/e", f->fs, "e");
	unlinkat(f->fs, "e", AT_REMOVEDIR);

	struct fanrec r = next(f, EVENT_CREATE);
	assert_true(r.mask & FAN_ONDIR);
	assert_place(&r.place, &top, "d");
	assert_handle(&r.target, &d);
	r = next(f, EVENT_CREATE);
	assert_place(&r.place, &d, "e");
	assert_handle(&r.target, &e);
	r = next(f, EVENT_RENAME);
	assert_place(&r.place, &d, "e");
	assert_place(&r.new_place, &top, "e");
	assert_handle(&r.target, &e);
	r = next(f, EVENT_DELETE);
	assert_true(r.mask & FAN_ONDIR);
	assert_place(&r.place, &top, "e");
	assert_handle(&r.target, &e);
	assert_no_more(f);
}

static void a_directory_itself_is_named_dot(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct handle top = handle_at(f, ".");
	watch(f, EVENT_ATTRIB);
	fchmod(f->fs, 0750);
	struct fanrec r = next(f, EVENT_ATTRIB);
	assert_place(&r.place, &top, ".");
	assert_no_more(f);
}

static void an_unlinked_file_reports_without_a_name(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	write_at(f, "a");
	int fd = openat(f->fs, "a", O_RDONLY | O_CLOEXEC);
	struct handle file = handle_at(f, "a");
	watch(f, EVENT_ATTRIB);
	unlinkat(f->fs, "a", 0);
	struct fanrec r = next(f, EVENT_ATTRIB);
	assert_null(r.place.name);
	assert_handle(&r.target, &file);
	r = next(f, EVENT_DELETE);
	assert_string_equal(r.place.name, "a");
	close(fd);
	assert_no_more(f);
}

static void names_are_bytes(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	char name[256] = {0};
	watch(f, EVENT_CHANGED);
	for (unsigned i = 0; i < 255; i++)
		name[i] = (char)(i + 1 == '/' ? '.' : i + 1);
	mkdirat(f->fs, name, 0700);
	struct fanrec r = next(f, EVENT_CREATE);
	assert_string_equal(r.place.name, name);
	assert_no_more(f);
}

static void many_records_come_in_order(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	char name[32];
	watch(f, EVENT_CHANGED);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(mkdirat(f->fs, name, 0700), 0);
	}
	assert_int_equal(fanotify_depth(f->group), 20000);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		struct fanrec r = next(f, EVENT_CREATE);
		assert_string_equal(r.place.name, name);
	}
	assert_no_more(f);
}

static void watches_less_and_more(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	uint64_t some = FANREC_MASK_BASE, more = some | fanrec_mask(EVENT_ATTRIB);
	assert_int_equal(fanotify_watch(f->group, f->fs, 0, some), 0);
	fchmod(f->fs, 0750);
	assert_no_more(f);
	assert_int_equal(fanotify_watch(f->group, f->fs, some, more), 0);
	fchmod(f->fs, 0700);
	next(f, EVENT_ATTRIB);
	assert_int_equal(fanotify_watch(f->group, f->fs, more, some), 0);
	fchmod(f->fs, 0750);
	assert_no_more(f);
	mkdirat(f->fs, "d", 0700);
	next(f, EVENT_CREATE);
	assert_int_equal(fanotify_watch(f->group, f->fs, some, 0), 0);
	mkdirat(f->fs, "e", 0700);
	assert_no_more(f);
	/* Watched no more: there is nothing to take away, and that is no error. */
	assert_int_equal(fanotify_watch(f->group, f->fs, some, 0), 0);
}

static void reports_a_pidfd_where_asked_for(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	char path[64], text[512] = "", expected[32];
	watch(f, EVENT_CHANGED);
	mkdirat(f->fs, "d", 0700);
	struct fanrec r = next(f, EVENT_CREATE);
	assert_true(r.pidfd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r.pidfd);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	snprintf(expected, sizeof(expected), "Pid:\t%d\n", (int)getpid());
	assert_non_null(strstr(text, expected));
	close(r.pidfd);
}

#define WATCHING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHING(reports_the_life_of_a_file),
		WATCHING(reports_directories_with_their_own_handles),
		WATCHING(a_directory_itself_is_named_dot),
		WATCHING(an_unlinked_file_reports_without_a_name),
		WATCHING(names_are_bytes),
		WATCHING(many_records_come_in_order),
		WATCHING(watches_less_and_more),
		cmocka_unit_test_setup_teardown(
			reports_a_pidfd_where_asked_for, set_up_pidfd, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
