/* SPDX-License-Identifier: MIT */
/* The log, each time in a process of its own: a log is begun once. */
#include "app/log.h"

#include "printed.h"

#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Run a function in a child whose standard error is this descriptor. */
static pid_t start(bool (*child)(void), int fd)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd, STDERR_FILENO);
		exit(child() ? 0 : 1);
	}
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What a function logs. */
static const char *logged(bool (*child)(void))
{
	static char text[65536];
	FILE *file = tmpfile();
	assert_non_null(file);
	end(start(child, fileno(file)));
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void begin(bool json)
{
	log_open(json);
	log_start();
}

/* ---- Text ---- */

static bool log_levels(void)
{
	begin(false);
	log_err("%d is %s", 1, "wrong");
	log_warn("two");
	log_info("three");
	log_close();
	return log_dropped() == 0;
}

static void a_line_has_a_time_and_what_kind_it_is(void **state)
{
	int fields[7];
	(void)state;
	const char *text = logged(log_levels);
	assert_contains(text, " error: 1 is wrong\n... warning: two\n... three\n");
	assert_int_equal(
		sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d.%3d ", &fields[0], &fields[1],
			&fields[2], &fields[3], &fields[4], &fields[5], &fields[6]),
		7);
	assert_memory_equal(text + strlen("2001-02-03 04:05:06.789"), " error", 6);
}

static bool log_bytes(void)
{
	begin(false);
	log_info("%s", "two\nlines \033[31m \377");
	log_close();
	return true;
}

static void bytes_stay_one_line(void **state)
{
	(void)state;
	const char *text = logged(log_bytes);
	assert_contains(text, " two\\nlines \\033[31m \\377\n");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static bool log_at_once(void)
{
	struct stat st;
	log_open(false);
	log_info("one");
	if (fstat(STDERR_FILENO, &st) < 0 || st.st_size == 0)
		return false;
	log_close(); /* does nothing */
	return true;
}

static void without_the_thread_lines_are_written_at_once(void **state)
{
	(void)state;
	assert_contains(logged(log_at_once), " one\n");
}

/* ---- The journal ---- */

/* Say that the journal reads a file of this number on the device of standard error; 0: that of
 * standard error itself. */
static void set_journal(unsigned long long ino)
{
	struct stat st;
	char stream[64];
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		ino ? ino : (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static bool log_to_journal(void)
{
	set_journal(0);
	return log_levels();
}

static void the_journal_is_given_priorities(void **state)
{
	(void)state;
	assert_string_equal(logged(log_to_journal),
		"<3>error: 1 is wrong\n<4>warning: two\n<6>three\n");
}

static bool log_to_another_file(void)
{
	set_journal(2);
	return log_levels();
}

static bool log_to_nonsense(void)
{
	setenv("JOURNAL_STREAM", "nonsense", 1);
	return log_levels();
}

static void another_stream_is_not_the_journal(void **state)
{
	(void)state;
	assert_int_not_equal(logged(log_to_another_file)[0], '<');
	assert_int_not_equal(logged(log_to_nonsense)[0], '<');
}

static bool log_about_things(void)
{
	set_journal(0);
	begin(false);
	log_about(LOG_LEVEL_INFO, &(struct log_about){.rule = "site", .run_id = 7}, "a");
	log_about(LOG_LEVEL_ERR, &(struct log_about){.rule = "site"}, "b");
	log_about(LOG_LEVEL_INFO, &(struct log_about){.run_id = 7}, "c");
	log_close();
	return true;
}

static void a_line_names_the_rule_and_the_run(void **state)
{
	(void)state;
	assert_string_equal(
		logged(log_about_things), "<6>[site#7] a\n<3>[site] error: b\n<6>c\n");
}

/* ---- JSON ---- */

static bool log_json(void)
{
	begin(true);
	log_about(LOG_LEVEL_WARN,
		&(struct log_about){.rule = "site",
			.run_id = 7,
			.event = "delete",
			.path = "/srv/\"caf\303\251\"",
			.cmd = "cp",
			.user = "root"},
		"two\nlines");
	log_info("plain");
	log_info("%s", "no UTF-8: \377");
	log_set_json(false);
	log_info("text");
	log_close();
	return true;
}

static void a_line_may_be_an_object(void **state)
{
	(void)state;
	char *rest = (char *)logged(log_json);
	json_t *full = json_loads(strsep(&rest, "\n"), 0, NULL);
	json_t *plain = json_loads(strsep(&rest, "\n"), 0, NULL);
	assert_non_null(full);
	assert_non_null(plain);
	static const char *const members[][2] = {{"level", "warning"}, {"rule", "site"},
		{"event", "delete"}, {"path", "/srv/\"caf\303\251\""}, {"cmd", "cp"},
		{"user", "root"}, {"message", "two\nlines"}};
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(full, members[i][0]);
		assert_string_equal(json_string_value(value), members[i][1]);
	}
	assert_int_equal(json_integer_value(json_object_get(full, "run")), 7);
	assert_true(json_integer_value(json_object_get(full, "time_ns")) > 0);
	/* what is not known is left out */
	assert_int_equal(json_object_size(plain), 3);
	assert_string_equal(
		json_string_value(json_object_get(plain, "message")), "plain");
	assert_string_equal(json_string_value(json_object_get(plain, "level")), "info");
	json_decref(full);
	json_decref(plain);
	assert_contains(rest, ",\"message\":\"no UTF-8: \\udcff\"}\n... text\n");
}

/* ---- Nobody reads ---- */

#define MANY 60000 /* lines of 200 bytes: more than the queue and the pipe hold */

static int told[2]; /* by this pipe the child is told that all has been read */
static bool is_json;

static bool log_much(void)
{
	char byte;
	begin(is_json);
	for (int i = 0; i < MANY; i++)
		log_info("many %0200d", i);
	bool has_lost = log_dropped() > 0;
	if (write(told[1], "x", 1) != 1 || read(told[0], &byte, 1) != 1)
		return false;
	log_info("last");
	log_close();
	return has_lost;
}

/* Read until the line that tells of lost ones; returns how many there are with those. */
static unsigned long count_lines(FILE *in)
{
	char line[1024];
	unsigned long lines = 0, lost = 0;
	while (!lost && fgets(line, sizeof(line), in)) {
		char *at = strstr(line, " log lines were lost: ");
		lines += strstr(line, "many ") != NULL;
		while (at && at > line && at[-1] >= '0' && at[-1] <= '9')
			at--;
		if (at)
			lost = strtoul(at, NULL, 10);
	}
	assert_true(lost > 0);
	return lines + lost;
}

static void what_does_not_fit_is_counted_and_told(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int err[2], back[2];
		char byte, rest[1024];
		is_json = i == 1;
		assert_int_equal(pipe(err) | pipe(told) | pipe(back), 0);
		/* The child writes where we read, and the other way round. */
		int ours[2] = {told[0], back[1]};
		told[0] = back[0];
		pid_t pid = start(log_much, err[1]);
		close(err[1]);
		assert_int_equal(read(ours[0], &byte, 1), 1);
		FILE *in = fdopen(err[0], "r");
		assert_int_equal(count_lines(in), MANY);
		assert_int_equal(write(ours[1], "x", 1), 1);
		end(pid);
		/* They are told of once. */
		assert_non_null(fgets(rest, sizeof(rest), in));
		assert_contains(rest, "last");
		assert_null(fgets(rest, sizeof(rest), in));
		fclose(in);
		close(ours[0]);
		close(ours[1]);
		close(told[0]);
		close(told[1]);
	}
}

static bool log_to_nobody(void)
{
	signal(SIGPIPE, SIG_IGN);
	begin(false);
	log_info("one");
	log_close();
	return log_dropped() == 1;
}

static void what_cannot_be_written_is_counted(void **state)
{
	int err[2];
	(void)state;
	assert_int_equal(pipe(err), 0);
	close(err[0]);
	end(start(log_to_nobody, err[1]));
	close(err[1]);
}

int main(void)
{
	unsetenv("JOURNAL_STREAM");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_a_time_and_what_kind_it_is),
		cmocka_unit_test(a_line_names_the_rule_and_the_run),
		cmocka_unit_test(bytes_stay_one_line),
		cmocka_unit_test(without_the_thread_lines_are_written_at_once),
		cmocka_unit_test(the_journal_is_given_priorities),
		cmocka_unit_test(another_stream_is_not_the_journal),
		cmocka_unit_test(a_line_may_be_an_object),
		cmocka_unit_test(what_does_not_fit_is_counted_and_told),
		cmocka_unit_test(what_cannot_be_written_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
