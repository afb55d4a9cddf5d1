/* SPDX-License-Identifier: MIT */
/* From rule directories to a table of rules. */
#include "app/load.h"

#include "base/buf.h"
#include "base/countof.h"
#include "os/memfile.h"
#include "printed.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Load the directory of the test, without the system's own fsmon.conf. */
static void load_dir(struct load *l)
{
	struct options o = {.conf_file = tempdir_path("main")};
	tempdir_write("main", "[daemon]\nmax-parallel = 3\n");
	strlist_add(&o.rule_dirs, tempdir);
	assert_int_equal(load(l, &o, NULL, 0), 0);
	options_fini(&o);
}

static size_t match(const struct table *t, const char *path, struct table_hits *hits)
{
	assert_int_equal(table_match(t, path, strlen(path), UINT32_MAX, hits), 0);
	return hits->count;
}

static void rules_of_all_files_come_in_order(void **state)
{
	(void)state;
	struct load l;
	tempdir_write("20.conf", "[b]\npath = /b\ncommand = true\n"
				 "[c]\npath = /c\ncommand = true\n");
	tempdir_write("10.conf", "[a]\npath = /a\ncommand = true\n");
	load_dir(&l);
	assert_int_equal(l.conf.message_count, 0);
	assert_int_equal(l.conf.daemon.max_parallel, 3);
	assert_int_equal(table_count(l.table), 3);
	assert_string_equal(table_rule(l.table, 0)->name, "a");
	assert_string_equal(table_rule(l.table, 2)->name, "c");
	assert_string_equal(table_rule(l.table, 2)->file, tempdir_path("20.conf"));
	assert_int_equal(table_rule(l.table, 2)->line, 4);
	load_fini(&l);
}

static void a_refused_file_leaves_the_others(void **state)
{
	(void)state;
	struct load l;
	tempdir_write("a.conf", "[a]\npath = /a\ncommand = true\n");
	tempdir_write("b.conf", "[b]\npath = /b\ncommand = true\n");
	tempdir_write("c.conf", "[c]\npath = /c\n");
	assert_int_equal(chmod(tempdir_path("b.conf"), 0666), 0);
	assert_int_equal(mkdir(tempdir_path("d.conf"), 0700), 0);
	load_dir(&l);
	assert_int_equal(table_count(l.table), 1);
	assert_int_equal(l.conf.error_count, 3);
	assert_string_equal(l.conf.messages[0].file, tempdir_path("b.conf"));
	assert_non_null(strstr(l.conf.messages[0].text, "it has mode 0666"));
	load_fini(&l);
}

/* Find out anew where the rules' paths lead. */
static void find_fronts(struct load *l)
{
	assert_int_equal(fronts_find(l->fronts), 0);
	assert_int_equal(table_lead(l->table, fronts_leads, l->fronts), 0);
}

static void paths_are_led_through_links(void **state)
{
	(void)state;
	struct load l;
	struct table_hits hits = {0};
	struct buf text = {0};
	assert_int_equal(mkdir(tempdir_path("real"), 0700), 0);
	assert_int_equal(symlink("real", tempdir_path("link")), 0);
	assert_int_equal(symlink("nowhere", tempdir_path("dangling")), 0);
	buf_printf(&text,
		"[r]\npath = %s/**\npath = %s/later/x\npath = %s/y\n"
		"exclude = %s/not/**\ncommand = true\n",
		tempdir_path("link"), tempdir_path("link"), tempdir_path("dangling"),
		tempdir_path("link"));
	tempdir_write("r.conf", text.data);
	load_dir(&l);
	assert_int_equal(l.conf.message_count, 0);
	assert_int_equal(match(l.table, tempdir_path("real/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("real/later/x"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("nowhere/y"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("link/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("real/not/f"), &hits), 0);

	/* The link leads elsewhere now. */
	assert_int_equal(mkdir(tempdir_path("other"), 0700), 0);
	assert_int_equal(unlink(tempdir_path("link")), 0);
	assert_int_equal(symlink("other", tempdir_path("link")), 0);
	find_fronts(&l);
	assert_int_equal(match(l.table, tempdir_path("other/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("other/not/f"), &hits), 0);
	assert_int_equal(match(l.table, tempdir_path("real/f"), &hits), 0);
	/* It is a directory now. */
	assert_int_equal(unlink(tempdir_path("link")), 0);
	assert_int_equal(mkdir(tempdir_path("link"), 0700), 0);
	find_fronts(&l);
	assert_int_equal(match(l.table, tempdir_path("link/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("link/not/f"), &hits), 0);
	assert_int_equal(match(l.table, tempdir_path("other/f"), &hits), 0);
	free(hits.items);
	buf_fini(&text);
	load_fini(&l);
}

static void paths_that_lead_nowhere_are_warned_of(void **state)
{
	(void)state;
	struct load l;
	struct buf text = {0};
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(tempdir, 0755), 0);
	assert_int_equal(mkdir(tempdir_path("sticky"), 0700), 0);
	assert_int_equal(chmod(tempdir_path("sticky"), 01777), 0);
	assert_int_equal(symlink("/etc", tempdir_path("sticky/strange")), 0);
	assert_int_equal(lchown(tempdir_path("sticky/strange"), 12345, 12345), 0);
	assert_int_equal(symlink("circle", tempdir_path("circle")), 0);
	buf_printf(&text,
		"[r]\npath = %s/*\npath = %s\nexclude = %s/x\ncommand = true\n"
		"[off]\npath = %s\nenabled = no\ncommand = true\n",
		tempdir_path("sticky/strange"), tempdir_path("circle"),
		tempdir_path("circle"), tempdir_path("circle"));
	tempdir_write("r.conf", text.data);
	load_dir(&l);
	assert_int_equal(l.conf.error_count, 0);
	assert_int_equal(l.conf.message_count, 2);
	assert_contains(l.conf.messages[0].text,
		"[r] path: .../strange is not followed: ...strange is a stranger's...");
	assert_contains(
		l.conf.messages[1].text, "[r] path: .../circle leads in a circle...");
	buf_fini(&text);
	load_fini(&l);
}

/* ---- What is refused, and what is warned of ---- */

/* The messages of a load with these options, as load_print prints them. */
static void print_messages(const struct options *o)
{
	struct load l;
	assert_int_equal(load(&l, o, NULL, 0), 0);
	printed_begin();
	load_print(&l);
	printed_end();
	assert_string_equal(printed_out, "");
	load_fini(&l);
}

static void says_what_is_wrong_with_a_file(void **state)
{
	struct options o = {.conf_file = tempdir_path("main")};
	(void)state;
	tempdir_write("main", "[daemon]\nnonsense = 1\n");
	tempdir_write("a.conf", "");
	tempdir_write("b.conf", "");
	tempdir_write("c.conf", "[c]\npath = /c\n");
	assert_int_equal(truncate(tempdir_path("a.conf"), CONF_FILE_MAX_BYTES + 1), 0);
	assert_int_equal(chmod(tempdir_path("b.conf"), 0620), 0);
	assert_int_equal(mkdir(tempdir_path("d.conf"), 0700), 0);
	assert_int_equal(symlink("gone", tempdir_path("e.conf")), 0);
	strlist_add(&o.rule_dirs, tempdir);
	print_messages(&o);
	assert_contains(printed_err,
		"a.conf: is larger than 16 MiB\n..."
		"b.conf: not used: it has mode 0620; only...(chmod go-w)\n..."
		"d.conf: is not a regular file\n..."
		"e.conf: cannot be read: No such file or directory\n..."
		"main:2: ...nonsense..."
		"c.conf:1: [c]");
	options_fini(&o);
}

static void says_in_which_directory_others_could_change_it(void **state)
{
	struct options o = {.conf_file = tempdir_path("dir/main")};
	(void)state;
	assert_int_equal(mkdir(tempdir_path("dir"), 0700), 0);
	assert_int_equal(chmod(tempdir_path("dir"), 0777), 0);
	tempdir_write("dir/main", "");
	strlist_add(&o.rule_dirs, tempdir);
	print_messages(&o);
	assert_contains(printed_err, "dir/main: not used: its directory /tmp/..."
				     "dir has mode 0777; only its owner");
	options_fini(&o);
}

static void says_whose_file_it_does_not_use(void **state)
{
	struct options o = {.conf_file = tempdir_path("main")};
	(void)state;
	if (geteuid() != 0) {
		print_message("# skip: needs root to give a file away\n");
		skip();
	}
	tempdir_write("main", "");
	assert_int_equal(chown(tempdir_path("main"), 65534, 65534), 0);
	strlist_add(&o.rule_dirs, tempdir);
	print_messages(&o);
	assert_contains(printed_err, "main: not used: it belongs to uid 65534; it must");
	options_fini(&o);
}

static void a_directory_that_was_named_must_be_one(void **state)
{
	struct options o = {.conf_file = tempdir_path("main")};
	(void)state;
	tempdir_write("main", "");
	strlist_add(&o.rule_dirs, tempdir_path("main"));
	print_messages(&o);
	assert_contains(printed_err, "main: is not a directory\n");
	options_fini(&o);
	strlist_add(&o.rule_dirs, tempdir_path("none"));
	print_messages(&o);
	assert_contains(printed_err, "none: No such file or directory\n");
	options_fini(&o);
}

static void warns_of_what_only_a_look_can_tell(void **state)
{
	struct load l;
	struct buf text = {0};
	(void)state;
	buf_printf(&text,
		"[r]\npath = %s\npath = %s/**\ndirectory = /nowhere\ncommand = true\n"
		"[s]\npath = /s\ndirectory = %s/r.conf\ncommand = true\n",
		tempdir, tempdir, tempdir);
	tempdir_write("r.conf", text.data);
	load_dir(&l);
	printed_begin();
	load_print(&l);
	printed_end();
	assert_int_equal(l.conf.error_count, 0);
	assert_int_equal(l.conf.message_count, 3);
	assert_int_equal(table_count(l.table), 2);
	assert_contains(printed_err,
		"r.conf:1: warning: [r] directory: /nowhere is not a directory..."
		"r.conf:1: warning: [r] path: ... is a directory, and means only itself; "
		"did you mean .../**?\n..."
		"r.conf:6: warning: [s] directory: .../r.conf is not a directory");
	buf_fini(&text);
	load_fini(&l);
}

static void files_that_are_given_stand_for_all(void **state)
{
	struct load l;
	struct options o = {0};
	char *files[] = {strdup(tempdir_path("one")), strdup(tempdir_path("none"))};
	(void)state;
	tempdir_write("one", "[a]\npath = /a\ncommand = true\n");
	tempdir_write("two.conf", "[b]\npath = /b\ncommand = true\n");
	strlist_add(&o.rule_dirs, tempdir);
	assert_int_equal(load(&l, &o, files, 1), 0);
	assert_int_equal(l.conf.message_count, 0);
	assert_int_equal(table_count(l.table), 1);
	assert_string_equal(table_rule(l.table, 0)->name, "a");
	load_fini(&l);
	assert_int_equal(load(&l, &o, files, 2), 0);
	assert_int_equal(l.conf.error_count, 1);
	load_fini(&l);
	options_fini(&o);
	free(files[0]);
	free(files[1]);
}

/* ---- Users and groups ---- */

/* Load again what a load has read. */
static void load_again(struct load *l, const struct load *of)
{
	int fd = memfile_make("test", of->held.data, of->held.len);
	assert_true(fd >= 0);
	assert_int_equal(load_held(l, fd), 0);
	close(fd);
}

static void what_was_read_is_loaded_again_whatever_the_disk_has(void **state)
{
	struct load first, again;
	(void)state;
	tempdir_write("10.conf", "[a]\npath = /a\ncommand = true\n");
	tempdir_write("20.conf", "[b]\npath = /b\n");
	tempdir_write("30.conf", "[c]\npath = /c\ncommand = true\n");
	assert_int_equal(chmod(tempdir_path("30.conf"), 0666), 0);
	load_dir(&first);
	assert_int_equal(first.conf.error_count, 2);
	unlink(tempdir_path("main"));
	unlink(tempdir_path("10.conf"));
	unlink(tempdir_path("20.conf"));
	assert_int_equal(chmod(tempdir_path("30.conf"), 0600), 0);
	load_again(&again, &first);
	assert_int_equal(again.conf.daemon.max_parallel, 3);
	assert_int_equal(table_count(again.table), 1);
	assert_string_equal(table_rule(again.table, 0)->name, "a");
	/* What was wrong then is still. */
	assert_int_equal(again.conf.message_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct conf_message *m = &first.conf.messages[i],
					  *n = &again.conf.messages[i];
		assert_string_equal(n->file, m->file);
		assert_string_equal(n->text, m->text);
		assert_int_equal(n->line, m->line);
	}
	load_fini(&again);
	load_fini(&first);
}

static void what_is_no_configuration_is_not_loaded(void **state)
{
	struct load l;
	(void)state;
	int fd = memfile_make("test", "nonsense", 8);
	assert_int_equal(load_held(&l, fd), -1);
	assert_int_equal(errno, EBADMSG);
	load_fini(&l);
	close(fd);
	assert_int_equal(load_held(&l, fd), -1);
	assert_int_equal(errno, EBADF);
	load_fini(&l);
}

static void users_and_groups_are_looked_up(void **state)
{
	static const struct {
		const char *keys;
		bool is_set;
		uid_t uid;
		gid_t gid;
		const char *name; /* NULL: none */
		const char *error; /* NULL: none */
	} cases[] = {
		{"user = root\n", true, 0, 0, "root", NULL},
		{"user = 0\n", true, 0, 0, "root", NULL},
		{"user = 3999999999\n", true, 3999999999, 3999999999, NULL, NULL},
		{"user = 3999999999\ngroup = 7\n", true, 3999999999, 7, NULL, NULL},
		{"group = root\n", false, 0, 0, NULL, NULL},
		{"group = 3999999999\n", false, 0, 3999999999, NULL, NULL},
		{"user = no-such-user\n", false, 0, 0, NULL, "user"},
		{"user = 4294967295\n", false, 0, 0, NULL, "user"},
		{"user = 0x1\n", false, 0, 0, NULL, "user"},
		{"group = no-such-group\n", false, 0, 0, NULL, "group"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct load l;
		struct options o = {0};
		char text[256], *file = strdup(tempdir_path("file"));
		snprintf(text, sizeof(text), "[r]\npath = /a\ncommand = true\n%s",
			cases[i].keys);
		tempdir_write("file", text);
		assert_int_equal(load(&l, &o, &file, 1), 0);
		if (l.conf.error_count != (cases[i].error ? 1 : 0))
			fail_msg("%s", cases[i].keys);
		if (cases[i].error) {
			assert_contains(l.conf.messages[0].text, cases[i].error);
		} else {
			const struct rule_user *u = &table_rule(l.table, 0)->user;
			assert_int_equal(u->set, cases[i].is_set);
			assert_int_equal(u->uid, cases[i].uid);
			assert_int_equal(u->gid, cases[i].gid);
			assert_true(u->group_count >= 1);
			assert_int_equal(!u->name, !cases[i].name);
			if (u->name)
				assert_string_equal(u->name, cases[i].name);
		}
		load_fini(&l);
		unlink(file);
		free(file);
	}
}

/* ---- Many ---- */

#define FILES 100
#define RULES_A_FILE 100

static void write_many(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		char name[16];
		struct buf text = {0};
		for (unsigned k = 0; k < RULES_A_FILE; k++) {
			unsigned n = i * RULES_A_FILE + k;
			buf_printf(&text,
				"[rule-%u]\npath = /srv/%u/site-%u/**/*.{md,html}\n"
				"path = /etc/site-%u.conf\nexclude = **/.git/**\n"
				"by-user = !root\ncommand = make -C /srv/site-%u\n",
				n, n % 97, n, n, n);
		}
		snprintf(name, sizeof(name), "%03u.conf", i);
		tempdir_write(name, text.data);
		buf_fini(&text);
	}
}

static void ten_thousand_rules_are_all_found(void **state)
{
	(void)state;
	struct load l;
	struct table_hits hits = {0};
	char path[128];
	write_many();
	load_dir(&l);
	assert_int_equal(l.conf.error_count, 0);
	assert_int_equal(table_count(l.table), FILES * RULES_A_FILE);
	for (unsigned n = 0; n < FILES * RULES_A_FILE; n++) {
		snprintf(path, sizeof(path), "/srv/%u/site-%u/a/b/index.html", n % 97, n);
		assert_int_equal(match(l.table, path, &hits), 1);
		assert_int_equal(hits.items[0].rule, n);
		snprintf(path, sizeof(path), "/etc/site-%u.conf", n);
		assert_int_equal(match(l.table, path, &hits), 1);
		assert_int_equal(hits.items[0].rule, n);
		snprintf(path, sizeof(path), "/srv/%u/site-%u/.git/a.md", n % 97, n);
		assert_int_equal(match(l.table, path, &hits), 0);
		snprintf(path, sizeof(path), "/srv/%u/site-%u/x.md", (n + 1) % 97, n);
		assert_int_equal(match(l.table, path, &hits), 0);
	}
	free(hits.items);
	load_fini(&l);
}

#define IN_DIR(test) \
	cmocka_unit_test_setup_teardown(test, tempdir_setup, tempdir_teardown)

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		IN_DIR(rules_of_all_files_come_in_order),
		IN_DIR(a_refused_file_leaves_the_others),
		IN_DIR(paths_are_led_through_links),
		IN_DIR(paths_that_lead_nowhere_are_warned_of),
		IN_DIR(says_what_is_wrong_with_a_file),
		IN_DIR(says_in_which_directory_others_could_change_it),
		IN_DIR(says_whose_file_it_does_not_use),
		IN_DIR(a_directory_that_was_named_must_be_one),
		IN_DIR(warns_of_what_only_a_look_can_tell),
		IN_DIR(files_that_are_given_stand_for_all),
		IN_DIR(what_was_read_is_loaded_again_whatever_the_disk_has),
		IN_DIR(what_is_no_configuration_is_not_loaded),
		IN_DIR(users_and_groups_are_looked_up),
		IN_DIR(ten_thousand_rules_are_all_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
