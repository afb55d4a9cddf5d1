/* SPDX-License-Identifier: MIT */
/*
 * Faulty rule files and the exact messages that they give: tests/conf/NAME.conf and
 * NAME.err, one message a line. main-*.conf are read as the main file. FSMON_TEST_SHOW=1
 * prints what is given.
 */
#include "core/conf/conf.h"

#include "base/buf.h"
#include "fake_lookup.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <libgen.h>

#ifndef TEST_DATA_DIR
#define TEST_DATA_DIR "tests"
#endif

static struct buf read_whole(const char *path)
{
	struct buf b = {0};
	FILE *f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	char piece[4096];
	size_t n;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		assert_int_equal(buf_add(&b, piece, n), 0);
	fclose(f);
	assert_int_equal(buf_add(&b, "", 0), 0);
	return b;
}

/* All messages of a file, one a line. */
static struct buf messages_of(const char *name, const struct buf *bytes)
{
	const struct accounts_lookup lookup = fake_lookup(NULL);
	const struct conf_file file = {.name = name,
		.bytes = bytes->data,
		.len = bytes->len,
		.is_main = strncmp(name, "main-", 5) == 0};
	struct conf c = {0};
	assert_int_equal(confread_files(&c, &file, 1, &lookup), 0);
	if (c.error_count > 0)
		assert_int_equal(c.rule_count, 0);
	struct buf out = {0};
	for (size_t i = 0; i < c.message_count; i++) {
		const struct conf_message *m = &c.messages[i];
		buf_printf(&out, "%s:%u: %s%s\n", m->file, m->line,
			m->is_warning ? "warning: " : "", m->text);
	}
	buf_add(&out, "", 0);
	conf_fini(&c);
	return out;
}

/* Returns whether the messages are those expected. */
static int check_file(const char *path)
{
	char conf[512];
	char err[512];
	snprintf(conf, sizeof(conf), "%s", path);
	snprintf(err, sizeof(err), "%.*s.err", (int)(strlen(path) - strlen(".conf")),
		path);
	struct buf bytes = read_whole(path);
	struct buf given = messages_of(basename(conf), &bytes);
	if (getenv("FSMON_TEST_SHOW"))
		fputs(given.data, stdout);
	struct buf expected = read_whole(err);
	int is_same = strcmp(given.data, expected.data) == 0;
	if (!is_same)
		print_error("%s\n--- expected\n%s--- given\n%s", path, expected.data,
			given.data);
	buf_fini(&bytes);
	buf_fini(&given);
	buf_fini(&expected);
	return is_same;
}

static void gives_the_exact_messages(void **state)
{
	(void)state;
	const char *dir = getenv("FSMON_TEST_DIR");
	char pattern[512];
	snprintf(pattern, sizeof(pattern), "%s/conf/*.conf", dir ? dir : TEST_DATA_DIR);
	glob_t files;
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= 65);
	size_t same = 0;
	for (size_t i = 0; i < files.gl_pathc; i++)
		same += (size_t)check_file(files.gl_pathv[i]);
	assert_int_equal(same, files.gl_pathc);
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_the_exact_messages)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
