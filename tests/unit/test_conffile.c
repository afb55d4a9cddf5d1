/* SPDX-License-Identifier: MIT */
#include "os/conffile.h"

#include "base/countof.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static char top[] = "/tmp/fsmon-test-conffile-XXXXXX";

/* A path in the test's own directory, in one of four buffers that take turns. */
static const char *in(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(in(name), 0700), 0);
	assert_int_equal(chmod(in(name), mode), 0);
}

static int make_top(void **state)
{
	(void)state;
	strcpy(strrchr(top, '-') + 1, "XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* Read a file; NULL text: the trouble is expected instead. */
static struct conffile_error assert_read(
	const char *name, const char *text, enum conffile_trouble trouble)
{
	struct conffile_error error;
	size_t len = 0;
	char *bytes = conffile_read(in(name), 1000, &len, &error);
	assert_int_equal(error.trouble, trouble);
	assert_int_equal(bytes != NULL, text != NULL);
	if (text) {
		assert_string_equal(bytes, text);
		assert_int_equal(len, strlen(text));
	}
	free(bytes);
	return error;
}

static void skip_unless_root(void)
{
	if (geteuid() != 0) {
		print_message("# skip: needs root to give files away\n");
		skip();
	}
}

static void reads_a_file(void **state)
{
	(void)state;
	write_file("a.conf", "text\n", 0644);
	assert_read("a.conf", "text\n", CONFFILE_OK);
	write_file("empty.conf", "", 0600);
	assert_read("empty.conf", "", CONFFILE_OK);
}

static void says_errno_of_what_is_missing(void **state)
{
	(void)state;
	assert_read("none.conf", NULL, CONFFILE_ERRNO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink("none.conf", in("dangling.conf")), 0);
	assert_read("dangling.conf", NULL, CONFFILE_ERRNO);
	assert_int_equal(errno, ENOENT);
}

static void reads_no_more_than_allowed(void **state)
{
	(void)state;
	static const struct {
		size_t size, max;
		bool fits;
	} cases[] = {
		{1000, 1000, true},
		{1001, 1000, false},
		{100000, 100000, true},
		{100001, 100000, false},
		{16384, 16384, true},
		{32768, 40000, true},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct conffile_error error;
		size_t len;
		char *text = calloc(1, cases[i].size + 1);
		assert_non_null(text);
		memset(text, 'x', cases[i].size);
		write_file("long.conf", text, 0600);
		char *got = conffile_read(in("long.conf"), cases[i].max, &len, &error);
		assert_int_equal(got != NULL, cases[i].fits);
		if (got)
			assert_memory_equal(got, text, cases[i].size + 1);
		else
			assert_int_equal(error.trouble, CONFFILE_TOO_LARGE);
		free(got);
		free(text);
	}
}

static void keeps_nul_bytes(void **state)
{
	(void)state;
	struct conffile_error error;
	size_t len;
	int fd = open(in("nul.conf"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "a\0b", 3), 3);
	close(fd);
	char *bytes = conffile_read(in("nul.conf"), 100, &len, &error);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "a\0b", 4);
	free(bytes);
}

static void refuses_what_others_may_write(void **state)
{
	(void)state;
	static const mode_t modes[] = {0664, 0646, 0666, 0620, 0602};
	for (size_t i = 0; i < countof(modes); i++) {
		write_file("open.conf", "x", modes[i]);
		struct conffile_error e =
			assert_read("open.conf", NULL, CONFFILE_WRITABLE);
		assert_int_equal(e.mode, modes[i]);
		assert_string_equal(e.place, "");
	}
	/* The sticky bit protects what is in a directory, not a file. */
	write_file("open.conf", "x", 01666);
	assert_read("open.conf", NULL, CONFFILE_WRITABLE);
}

static void refuses_directories_that_others_may_write(void **state)
{
	(void)state;
	static const mode_t modes[] = {0775, 0757, 0777};
	for (size_t i = 0; i < countof(modes); i++) {
		char dir[16];
		snprintf(dir, sizeof(dir), "d%zu", i);
		make_dir(dir, 0755);
		char name[32], below[32];
		snprintf(below, sizeof(below), "%s/below", dir);
		snprintf(name, sizeof(name), "%s/below/a.conf", dir);
		make_dir(below, 0755);
		write_file(name, "x", 0644);
		assert_read(name, "x", CONFFILE_OK);
		chmod(in(dir), modes[i]);
		struct conffile_error e = assert_read(name, NULL, CONFFILE_WRITABLE);
		assert_string_equal(e.place, in(dir));
		assert_int_equal(e.mode, modes[i]);
	}
}

static void a_sticky_directory_is_safe(void **state)
{
	(void)state;
	make_dir("sticky", 01777);
	write_file("sticky/a.conf", "x", 0600);
	assert_read("sticky/a.conf", "x", CONFFILE_OK);
	make_dir("sticky/own", 0755);
	write_file("sticky/own/a.conf", "y", 0600);
	assert_read("sticky/own/a.conf", "y", CONFFILE_OK);
}

static void refuses_what_belongs_to_somebody_else(void **state)
{
	(void)state;
	skip_unless_root();
	write_file("theirs.conf", "x", 0600);
	assert_int_equal(chown(in("theirs.conf"), NOBODY, NOBODY), 0);
	struct conffile_error e = assert_read("theirs.conf", NULL, CONFFILE_FOREIGN);
	assert_int_equal(e.uid, NOBODY);
	assert_string_equal(e.place, "");

	make_dir("their-dir", 0755);
	write_file("their-dir/a.conf", "x", 0600);
	assert_int_equal(chown(in("their-dir"), NOBODY, NOBODY), 0);
	e = assert_read("their-dir/a.conf", NULL, CONFFILE_FOREIGN);
	assert_int_equal(e.uid, NOBODY);
	assert_string_equal(e.place, in("their-dir"));

	/* A sticky directory protects from others, not from its owner. */
	assert_int_equal(chmod(in("their-dir"), 01755), 0);
	assert_read("their-dir/a.conf", NULL, CONFFILE_FOREIGN);
}

static void a_link_counts_where_it_leads(void **state)
{
	(void)state;
	make_dir("open", 0777);
	make_dir("closed", 0755);
	write_file("open/a.conf", "x", 0600);
	write_file("closed/a.conf", "y", 0600);
	assert_int_equal(symlink("../open/a.conf", in("closed/link.conf")), 0);
	struct conffile_error e =
		assert_read("closed/link.conf", NULL, CONFFILE_WRITABLE);
	assert_string_equal(e.place, in("open"));
	assert_int_equal(symlink("a.conf", in("closed/fine.conf")), 0);
	assert_read("closed/fine.conf", "y", CONFFILE_OK);
}

/* Whoever may write there could put a rule into force that root merely keeps somewhere,
 * such as an example. */
static void a_link_in_an_open_directory_is_refused(void **state)
{
	(void)state;
	make_dir("open", 0777);
	make_dir("closed", 0755);
	write_file("closed/a.conf", "y", 0600);
	assert_int_equal(symlink("../closed/a.conf", in("open/link.conf")), 0);
	struct conffile_error e = assert_read("open/link.conf", NULL, CONFFILE_WRITABLE);
	assert_string_equal(e.place, in("open"));
	/* also where the way there leads through such a link */
	assert_int_equal(symlink("../open/link.conf", in("closed/over.conf")), 0);
	assert_read("closed/over.conf", NULL, CONFFILE_WRITABLE);
	assert_int_equal(symlink("../closed", in("open/dir")), 0);
	assert_read("open/dir/a.conf", NULL, CONFFILE_WRITABLE);
}

static void a_link_must_be_ours(void **state)
{
	(void)state;
	skip_unless_root();
	make_dir("sticky", 01777);
	write_file("a.conf", "x", 0600);
	assert_int_equal(symlink("../a.conf", in("sticky/link.conf")), 0);
	assert_read("sticky/link.conf", "x", CONFFILE_OK);
	assert_int_equal(lchown(in("sticky/link.conf"), NOBODY, NOBODY), 0);
	struct conffile_error e = assert_read("sticky/link.conf", NULL, CONFFILE_FOREIGN);
	assert_int_equal(e.uid, NOBODY);
	assert_string_equal(e.place, "");
}

static void links_in_a_circle_end(void **state)
{
	(void)state;
	assert_int_equal(symlink("b.conf", in("a.conf")), 0);
	assert_int_equal(symlink("a.conf", in("b.conf")), 0);
	assert_read("a.conf", NULL, CONFFILE_ERRNO);
	assert_int_equal(errno, ELOOP);
}

static void takes_odd_ways(void **state)
{
	(void)state;
	make_dir("d", 0755);
	write_file("d/a.conf", "x", 0600);
	assert_int_equal(symlink(in("d"), in("abs")), 0);
	assert_read("./d//./a.conf", "x", CONFFILE_OK);
	assert_read("d/../abs/../d/a.conf", "x", CONFFILE_OK);
	assert_read("d/a.conf/b.conf", NULL, CONFFILE_ERRNO);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(chdir(in("d")), 0);
	size_t len;
	struct conffile_error error;
	char *bytes = conffile_read("a.conf", 10, &len, &error);
	assert_string_equal(bytes, "x");
	free(bytes);
	assert_int_equal(chdir("/"), 0);
	bytes = conffile_read("", 10, &len, &error);
	assert_null(bytes);
	char *longer = calloc(1, 5001);
	assert_non_null(longer);
	memset(longer, '/', 5000);
	assert_null(conffile_read(longer, 10, &len, &error));
	assert_int_equal(errno, ENAMETOOLONG);
	free(longer);
}

static void refuses_what_is_no_regular_file(void **state)
{
	(void)state;
	make_dir("dir.conf", 0755);
	assert_read("dir.conf", NULL, CONFFILE_NOT_FILE);
	assert_int_equal(mkfifo(in("fifo.conf"), 0600), 0);
	assert_read("fifo.conf", NULL, CONFFILE_NOT_FILE); /* and does not block */
	assert_int_equal(symlink("/dev/zero", in("zero.conf")), 0);
	assert_read("zero.conf", NULL, CONFFILE_NOT_FILE);
}

/* ---- Which files */

/* The files in force of these directories (NULL ends them), as one text without `top`. */
static void assert_list(const char *const *dirs, const char *expected)
{
	struct strlist in_dirs = {0}, out = {0};
	const char *failed;
	char text[512] = "";
	for (; *dirs; dirs++)
		strlist_add(&in_dirs, in(*dirs));
	assert_int_equal(conffile_list(&in_dirs, &out, &failed), 0);
	for (size_t i = 0; i < out.count; i++) {
		size_t len = strlen(text);
		assert_memory_equal(out.items[i], top, strlen(top));
		snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
			out.items[i] + strlen(top) + 1);
	}
	assert_string_equal(text, expected);
	strlist_fini(&in_dirs);
	strlist_fini(&out);
}

static void lists_conf_files_by_name(void **state)
{
	(void)state;
	static const char *const names[] = {"20.conf", "10.conf", "B.conf", "a.conf",
		"9.conf", "notes.txt", ".hidden.conf", "a.conf~", "a.conf.bak", ".conf",
		"#a.conf#", "conf", "a.Conf", "a.conf.dpkg-old"};
	make_dir("d", 0755);
	for (size_t i = 0; i < countof(names); i++) {
		char path[64];
		snprintf(path, sizeof(path), "d/%s", names[i]);
		write_file(path, "", 0600);
	}
	assert_list((const char *const[]){"d", NULL},
		"d/10.conf d/20.conf d/9.conf d/B.conf d/a.conf");
	assert_list((const char *const[]){NULL}, "");
}

static void a_later_directory_replaces_by_name(void **state)
{
	(void)state;
	make_dir("lib", 0755);
	make_dir("run", 0755);
	make_dir("etc", 0755);
	write_file("lib/a.conf", "", 0600);
	write_file("lib/c.conf", "", 0600);
	write_file("run/b.conf", "", 0600);
	write_file("run/c.conf", "", 0600);
	write_file("etc/a.conf", "", 0600);
	assert_list((const char *const[]){"lib", "run", "missing", "etc", NULL},
		"etc/a.conf run/b.conf run/c.conf");
	assert_list((const char *const[]){"etc", "run", "lib", NULL},
		"lib/a.conf run/b.conf lib/c.conf");
}

static void a_link_to_dev_null_masks(void **state)
{
	(void)state;
	make_dir("lib", 0755);
	make_dir("run", 0755);
	make_dir("etc", 0755);
	write_file("lib/a.conf", "", 0600);
	write_file("lib/b.conf", "", 0600);
	assert_int_equal(symlink("/dev/null", in("run/a.conf")), 0);
	assert_int_equal(symlink("/dev/nullx", in("run/b.conf")), 0);
	assert_int_equal(symlink("/dev/null", in("run/none.conf")), 0);
	assert_list((const char *const[]){"lib", "run", NULL}, "run/b.conf");
	/* and a still later file ends the mask */
	write_file("etc/a.conf", "", 0600);
	assert_list((const char *const[]){"lib", "run", "etc", NULL},
		"etc/a.conf run/b.conf");
	/* where others may write, it is read like any other file, which refuses it */
	assert_int_equal(chmod(in("run"), 0777), 0);
	assert_list((const char *const[]){"lib", "run", NULL},
		"run/a.conf run/b.conf run/none.conf");
}

static void says_which_directory_failed(void **state)
{
	(void)state;
	struct strlist dirs = {0}, out = {0};
	const char *failed;
	make_dir("d", 0755);
	write_file("file", "", 0600);
	strlist_add(&dirs, in("d"));
	strlist_add(&dirs, in("file"));
	assert_int_equal(conffile_list(&dirs, &out, &failed), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_string_equal(failed, in("file"));
	strlist_fini(&dirs);
	strlist_fini(&out);
}

#define IN_TOP(test) cmocka_unit_test_setup_teardown(test, make_top, remove_top)

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		IN_TOP(reads_a_file),
		IN_TOP(says_errno_of_what_is_missing),
		IN_TOP(reads_no_more_than_allowed),
		IN_TOP(keeps_nul_bytes),
		IN_TOP(refuses_what_others_may_write),
		IN_TOP(refuses_directories_that_others_may_write),
		IN_TOP(a_sticky_directory_is_safe),
		IN_TOP(refuses_what_belongs_to_somebody_else),
		IN_TOP(a_link_counts_where_it_leads),
		IN_TOP(a_link_in_an_open_directory_is_refused),
		IN_TOP(a_link_must_be_ours),
		IN_TOP(links_in_a_circle_end),
		IN_TOP(takes_odd_ways),
		IN_TOP(refuses_what_is_no_regular_file),
		IN_TOP(lists_conf_files_by_name),
		IN_TOP(a_later_directory_replaces_by_name),
		IN_TOP(a_link_to_dev_null_masks),
		IN_TOP(says_which_directory_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
