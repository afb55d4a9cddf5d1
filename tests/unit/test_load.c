/* SPDX-License-Identifier: MIT */
/* From rule directories to a table of rules. */
#include "app/load.h"

#include "base/buf.h"
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

static void literal_fronts_are_led_through_links(void **state)
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
	assert_int_equal(match(l.table, tempdir_path("real/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("real/later/x"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("link/f"), &hits), 0);
	assert_int_equal(match(l.table, tempdir_path("real/not/f"), &hits), 0);

	/* The link leads elsewhere now. */
	assert_int_equal(mkdir(tempdir_path("other"), 0700), 0);
	assert_int_equal(unlink(tempdir_path("link")), 0);
	assert_int_equal(symlink("other", tempdir_path("link")), 0);
	assert_int_equal(load_resolve(l.table), 0);
	assert_int_equal(match(l.table, tempdir_path("other/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("other/not/f"), &hits), 0);
	assert_int_equal(match(l.table, tempdir_path("real/f"), &hits), 0);
	/* It is a directory now. */
	assert_int_equal(unlink(tempdir_path("link")), 0);
	assert_int_equal(mkdir(tempdir_path("link"), 0700), 0);
	assert_int_equal(load_resolve(l.table), 0);
	assert_int_equal(match(l.table, tempdir_path("link/f"), &hits), 1);
	assert_int_equal(match(l.table, tempdir_path("link/not/f"), &hits), 0);
	free(hits.rules);
	buf_fini(&text);
	load_fini(&l);
}

/* ---- Many */

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
		assert_int_equal(hits.rules[0], n);
		snprintf(path, sizeof(path), "/etc/site-%u.conf", n);
		assert_int_equal(match(l.table, path, &hits), 1);
		assert_int_equal(hits.rules[0], n);
		snprintf(path, sizeof(path), "/srv/%u/site-%u/.git/a.md", n % 97, n);
		assert_int_equal(match(l.table, path, &hits), 0);
		snprintf(path, sizeof(path), "/srv/%u/site-%u/x.md", (n + 1) % 97, n);
		assert_int_equal(match(l.table, path, &hits), 0);
	}
	free(hits.rules);
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
		IN_DIR(literal_fronts_are_led_through_links),
		IN_DIR(ten_thousand_rules_are_all_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
