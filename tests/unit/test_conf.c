/* SPDX-License-Identifier: MIT */
/* Rule files without faults: the exact values. Faulty ones: test_conf_faulty.c. */
#include "core/conf/conf.h"

#include "base/buf.h"
#include "base/countof.h"
#include "fake_lookup.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#define S UINT64_C(1000000000)
#define RULE "[site]\npath = /srv/**\n"

static struct conf_file file_of(const char *name, const char *text, bool is_main)
{
	return (struct conf_file){
		.name = name, .bytes = text, .len = strlen(text), .is_main = is_main};
}

/* Read files that have no error; the caller frees c. */
static void read_good(struct conf *c, const struct conf_file *files, size_t count)
{
	const struct accounts_lookup lookup = fake_lookup(NULL);
	*c = (struct conf){0};
	assert_int_equal(confread_files(c, files, count, &lookup), 0);
	for (size_t i = 0; i < c->message_count; i++)
		print_error("%s:%u: %s\n", c->messages[i].file, c->messages[i].line,
			c->messages[i].text);
	assert_int_equal(c->error_count, 0);
}

/* One file with one rule. */
static const struct rule *read_rule(struct conf *c, const char *text)
{
	const struct conf_file file = file_of("site.conf", text, false);
	read_good(c, &file, 1);
	assert_int_equal(c->rule_count, 1);
	return c->rules[0];
}

static void check_command(const char *text, const char *command)
{
	struct conf c;
	const struct rule *r = read_rule(&c, text);
	assert_string_equal(r->command, command);
	conf_fini(&c);
}

static void commands_arrive_byte_for_byte(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *command;
	} cases[] = {
		{RULE "command = a ; b # c", "a ; b # c"},
		{RULE "command=a;b", "a;b"},
		{RULE "command =   \t make -C /srv \t \n", "make -C /srv"},
		{RULE "command = echo \"$FSMON_PATH\" 'x  y' \\\"",
			"echo \"$FSMON_PATH\" 'x  y' \\\""},
		{RULE "command = \"quoted ; value\"", "\"quoted ; value\""},
		{RULE "command = a = b := c", "a = b := c"},
		{RULE "command = # not a comment", "# not a comment"},
		{RULE "command = [ -f x ] && y", "[ -f x ] && y"},
		{RULE "command = caf\xc3\xa9 \xff\x01", "caf\xc3\xa9 \xff\x01"},
		{RULE "command = make\r\n", "make"},
		{RULE "command = a\r\n  b\r\n", "a\nb"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		check_command(cases[i].text, cases[i].command);
}

static void scripts_keep_their_shape(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *command;
	} cases[] = {
		/* the first line may be empty */
		{RULE "command =\n  one\n  two\n", "one\ntwo"},
		{RULE "command = one\n  two\n\tthree\n", "one\n  two\n\tthree"},
		/* the indent that all share goes, the rest stays */
		{RULE "command =\n\tif a; then\n\t\tb\n\tfi\n", "if a; then\n\tb\nfi"},
		{RULE "command = cat <<E\n  x\n   y \n  E\n", "cat <<E\nx\n y \nE"},
		/* comments of the script, and ;; of a case */
		{RULE "command =\n  # say\n  a\n  ;;\n", "# say\na\n;;"},
		/* blank lines are kept between, not at the end */
		{RULE "command =\n\n  a\n\n \t\n  b\n\n\n", "a\n\n\nb"},
		/* a comment at the margin is the file's own */
		{RULE "command =\n  a\n# of the file\n  b\n", "a\nb"},
		{RULE "command = a\n  [ -d x ]\n[other]\npath = /x\ncommand = y\n"
		      "enabled = no\n",
			"a\n[ -d x ]"},
		{RULE "command = a\n  b\nuser = nobody\n", "a\nb"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct conf c;
		const struct conf_file file = file_of("site.conf", cases[i].text, false);
		read_good(&c, &file, 1);
		assert_string_equal(c.rules[0]->command, cases[i].command);
		conf_fini(&c);
	}
}

static void a_command_of_10000_bytes_arrives(void **state)
{
	(void)state;
	char command[10001];
	for (size_t i = 0; i < sizeof(command) - 1; i++)
		command[i] = "abc ; #=:\"'\\[]"[i % 14];
	command[10000] = '\0';
	command[9999] = 'z';
	struct buf text = {0};
	buf_printf(&text, RULE "command = %s\nuser = nobody\n", command);
	check_command(text.data, command);
	buf_fini(&text);
}

static void the_defaults_are_those_of_the_manual(void **state)
{
	(void)state;
	struct conf c;
	const struct rule *r = read_rule(&c, "# one\n" RULE "command = make\n");
	assert_string_equal(r->name, "site");
	assert_string_equal(r->file, "site.conf");
	assert_int_equal(r->line, 2);
	assert_int_equal(r->path.count, 1);
	assert_int_equal(r->exclude.count, 0);
	assert_int_equal(r->events, EVENT_CHANGED);
	assert_int_equal(r->types, 0);
	assert_int_equal(r->size_compare, RULE_COMPARE_NONE);
	assert_int_equal(r->self_events, RULE_SELF_IGNORE);
	assert_int_equal(r->on_overflow, RULE_OVERFLOW_RUN);
	assert_true(r->enabled);
	assert_null(r->on_failure);
	assert_null(r->user_name);
	assert_false(r->user.set);
	assert_int_equal(r->user.group_count, 0);
	assert_string_equal(r->directory, "/");
	assert_int_equal(r->umask, 022);
	assert_int_equal(r->nice, 0);
	assert_int_equal(r->stdin_kind, RULE_STDIN_NONE);
	assert_int_equal(r->timing.run_per, TIMING_PER_PATH);
	assert_int_equal(r->timing.debounce_ns, 0);
	assert_int_equal(r->timing.max_wait_ns, 0);
	assert_int_equal(r->timing.parallel, 1);
	assert_int_equal(r->timing.on_busy, TIMING_BUSY_QUEUE);
	assert_int_equal(r->timing.queue_max, 100000);
	assert_int_equal(r->timing.throttle.count, 0);
	assert_int_equal(r->timing.breaker.count, 100);
	assert_int_equal(r->timing.breaker.per_ns, 10 * S);
	assert_int_equal(r->timing.timeout_ns, 0);
	assert_int_equal(r->timing.stop_signal, SIGTERM);
	assert_int_equal(r->timing.stop_timeout_ns, 10 * S);
	assert_int_equal(r->timing.retry, 0);
	assert_int_equal(r->timing.retry_delay_ns, S);
	assert_false(c.daemon.strict);
	assert_int_equal(c.daemon.max_parallel, 64);
	assert_int_equal(c.daemon.log_format, DAEMON_LOG_TEXT);
	assert_int_equal(c.daemon.history_keep_ns, 7 * 86400 * S);
	assert_int_equal(c.daemon.history_keep_count, 10000);
	conf_fini(&c);
}

static void every_key_of_a_rule_is_read(void **state)
{
	(void)state;
	struct conf c;
	const struct rule *r = read_rule(&c, "[every.key_1-x]\n"
					     "path = /srv/{a,b}/**, /home/[x,y]\n"
					     "path = /a\\,b\n"
					     "  /indented, /two,\n"
					     "  # a comment\n"
					     "exclude = **/.git/**, /srv/x, *.o\n"
					     "events = create, IN_DELETE\n"
					     "type = file, symlink\n"
					     "size = >= 10M\n"
					     "self-events = ignore-all\n"
					     "command = make\n"
					     "user = www-data\n"
					     "directory = /srv\n"
					     "env = A=1, B={x,y}, C=a\\,b, A=2\n"
					     "umask = 077\n"
					     "nice = -5\n"
					     "stdin = paths0\n"
					     "run-per = batch\n"
					     "debounce = 500ms\n"
					     "parallel = 3\n"
					     "on-busy = signal USR1\n"
					     "queue-max = 7\n"
					     "throttle = 10/1min\n"
					     "breaker = none\n"
					     "timeout = 1h\n"
					     "stop-signal = INT\n"
					     "stop-timeout = 3s\n"
					     "retry = 2\n"
					     "retry-delay = 5s\n"
					     "on-failure = mail -s \"x ; y\" root\n"
					     "on-overflow = ignore\n"
					     "enabled = no\n");
	static const char *const paths[] = {
		"/srv/{a,b}/**", "/home/[x,y]", "/a\\,b", "/indented", "/two"};
	assert_int_equal(r->path.count, countof(paths));
	for (size_t i = 0; i < countof(paths); i++)
		assert_string_equal(glob_text(r->path.items[i]), paths[i]);
	static const char *const excludes[] = {"/**/.git/**", "/srv/x", "/**/*.o"};
	assert_int_equal(r->exclude.count, countof(excludes));
	for (size_t i = 0; i < countof(excludes); i++)
		assert_string_equal(glob_text(r->exclude.items[i]), excludes[i]);
	assert_int_equal(r->events, EVENT_CREATE | EVENT_DELETE);
	assert_int_equal(r->types, 1 << EVENT_TYPE_FILE | 1 << EVENT_TYPE_SYMLINK);
	assert_int_equal(r->size_compare, RULE_COMPARE_GE);
	assert_int_equal(r->size_bytes, 10 << 20);
	assert_int_equal(r->self_events, RULE_SELF_IGNORE_ALL);
	assert_string_equal(r->directory, "/srv");
	static const char *const env[] = {"B={x,y}", "C=a,b", "A=2"};
	assert_int_equal(r->env.count, countof(env));
	for (size_t i = 0; i < countof(env); i++)
		assert_string_equal(r->env.items[i], env[i]);
	assert_null(r->env.items[countof(env)]);
	assert_int_equal(r->umask, 077);
	assert_int_equal(r->nice, -5);
	assert_int_equal(r->stdin_kind, RULE_STDIN_PATHS0);
	assert_int_equal(r->timing.run_per, TIMING_PER_BATCH);
	assert_int_equal(r->timing.debounce_ns, S / 2);
	assert_int_equal(r->timing.max_wait_ns, 5 * S);
	assert_int_equal(r->timing.parallel, 3);
	assert_int_equal(r->timing.on_busy, TIMING_BUSY_SIGNAL);
	assert_int_equal(r->timing.busy_signal, SIGUSR1);
	assert_int_equal(r->timing.queue_max, 7);
	assert_int_equal(r->timing.throttle.count, 10);
	assert_int_equal(r->timing.throttle.per_ns, 60 * S);
	assert_int_equal(r->timing.breaker.count, 0);
	assert_int_equal(r->timing.timeout_ns, 3600 * S);
	assert_int_equal(r->timing.stop_signal, SIGINT);
	assert_int_equal(r->timing.stop_timeout_ns, 3 * S);
	assert_int_equal(r->timing.retry, 2);
	assert_int_equal(r->timing.retry_delay_ns, 5 * S);
	assert_string_equal(r->on_failure, "mail -s \"x ; y\" root");
	assert_int_equal(r->on_overflow, RULE_OVERFLOW_IGNORE);
	assert_false(r->enabled);
	conf_fini(&c);
}

static void conditions_on_the_actor(void **state)
{
	(void)state;
	struct conf c;
	const struct rule *r = read_rule(&c,
		RULE "command = make\n"
		     "by-user = deploy, 0, 4242, www-*, ! nobody, !backup*\n"
		     "by-cmd = dpkg, !apt*\n"
		     "by-exe = /usr/bin/dpkg, perl, !/opt/**\n"
		     "by-ancestor = sshd\n"
		     "by-unit = *.service, !system.slice/x\n");
	const struct rule_condition *u = &r->by[RULE_BY_USER];
	assert_int_equal(u->include.uid_count, 3);
	assert_int_equal(u->include.uids[0], 1001);
	assert_int_equal(u->include.uids[1], 0);
	assert_int_equal(u->include.uids[2], 4242);
	assert_int_equal(u->exclude.uid_count, 1);
	assert_int_equal(u->exclude.uids[0], 65534);
	assert_int_equal(u->include.globs.count, 1);
	assert_string_equal(glob_text(u->include.globs.items[0]), "www-*");
	assert_int_equal(u->exclude.globs.count, 1);
	assert_string_equal(glob_text(u->exclude.globs.items[0]), "backup*");
	assert_string_equal(glob_text(r->by[RULE_BY_CMD].include.globs.items[0]), "dpkg");
	assert_string_equal(glob_text(r->by[RULE_BY_CMD].exclude.globs.items[0]), "apt*");
	assert_string_equal(
		glob_text(r->by[RULE_BY_EXE].include.globs.items[0]), "/usr/bin/dpkg");
	assert_string_equal(
		glob_text(r->by[RULE_BY_EXE].include.globs.items[1]), "/**/perl");
	assert_string_equal(
		glob_text(r->by[RULE_BY_EXE].exclude.globs.items[0]), "/opt/**");
	assert_string_equal(
		glob_text(r->by[RULE_BY_ANCESTOR].include.globs.items[0]), "sshd");
	assert_true(glob_matches(
		r->by[RULE_BY_UNIT].include.globs.items[0], "a/b.service", 11));
	assert_int_equal(r->by[RULE_BY_UNIT].exclude.globs.count, 1);
	conf_fini(&c);
}

static void users_and_groups(void **state)
{
	(void)state;
	struct conf c;
	const struct rule *r = read_rule(&c, RULE "command = x\nuser = www-data\n");
	assert_true(r->user.set);
	assert_int_equal(r->user.uid, 33);
	assert_int_equal(r->user.gid, 33);
	assert_int_equal(r->user.group_count, 2);
	assert_string_equal(r->user.home, "/home");
	conf_fini(&c);

	r = read_rule(&c, RULE "command = x\nuser = www-data\ngroup = backup\n");
	assert_true(r->user.set);
	assert_int_equal(r->user.uid, 33);
	assert_int_equal(r->user.gid, 34);
	assert_int_equal(r->user.group_count, 2);
	assert_int_equal(r->user.groups[0], 100);
	assert_int_equal(r->user.groups[1], 34);
	conf_fini(&c);

	r = read_rule(&c, RULE "command = x\ngroup = backup\n");
	assert_false(r->user.set);
	assert_int_equal(r->user.gid, 34);
	assert_int_equal(r->user.group_count, 1);
	assert_int_equal(r->user.groups[0], 34);
	conf_fini(&c);

	r = read_rule(&c, RULE "command = x\nuser = 4242\n");
	assert_int_equal(r->user.uid, 4242);
	conf_fini(&c);
}

static void each_user_is_looked_up_once(void **state)
{
	(void)state;
	struct buf text = {0};
	for (int i = 0; i < 50; i++)
		buf_printf(&text, "[r%d]\npath = /x\ncommand = y\nuser = nobody\n", i);
	const struct conf_file file = file_of("many.conf", text.data, false);
	int count = 0;
	const struct accounts_lookup lookup = fake_lookup(&count);
	struct conf c = {0};
	assert_int_equal(confread_files(&c, &file, 1, &lookup), 0);
	assert_int_equal(c.rule_count, 50);
	assert_int_equal(count, 1);
	conf_fini(&c);
	buf_fini(&text);
}

static void defaults_hold_for_what_follows(void **state)
{
	(void)state;
	struct conf c;
	const struct conf_file files[] = {
		file_of("fsmon.conf",
			"[daemon]\nstrict = yes\nmax-parallel = 2\nlog-format = json\n"
			"history-keep = 1d, 5\n"
			"[defaults]\nuser = nobody\nexclude = *.tmp\nnice = 5\n",
			true),
		file_of("a.conf",
			"[first]\npath = /a\ncommand = x\nexclude = *.o\n"
			"[defaults]\nnice = 7\ndebounce = 1s\nevents = create\n"
			"[second]\npath = /a\ncommand = x\nexclude =\nexclude = *.o\n"
			"events = delete\n"
			"[third]\npath = /a\ncommand = x\nuser =\nnice =\nmax-wait = 2s\n"
			"events =\nexclude =\n  *.c\n",
			false),
		file_of("b.conf", "[fourth]\npath = /a\ncommand = x\n", false),
	};
	read_good(&c, files, countof(files));
	assert_true(c.daemon.strict);
	assert_int_equal(c.daemon.max_parallel, 2);
	assert_int_equal(c.daemon.log_format, DAEMON_LOG_JSON);
	assert_int_equal(c.daemon.history_keep_ns, 86400 * S);
	assert_int_equal(c.daemon.history_keep_count, 5);
	assert_int_equal(c.rule_count, 4);
	const struct rule *first = c.rules[0];
	assert_int_equal(first->user.uid, 65534);
	assert_int_equal(first->nice, 5);
	assert_int_equal(first->exclude.count, 2);
	assert_int_equal(first->timing.debounce_ns, 0);
	const struct rule *second = c.rules[1];
	assert_int_equal(second->nice, 7);
	assert_int_equal(second->exclude.count, 1);
	assert_string_equal(glob_text(second->exclude.items[0]), "/**/*.o");
	assert_int_equal(second->events, EVENT_CREATE | EVENT_DELETE);
	assert_int_equal(second->timing.debounce_ns, S);
	assert_int_equal(second->timing.max_wait_ns, 10 * S);
	const struct rule *third = c.rules[2];
	assert_false(third->user.set);
	assert_null(third->user_name);
	assert_int_equal(third->nice, 0);
	assert_int_equal(third->timing.max_wait_ns, 2 * S);
	assert_int_equal(third->events, EVENT_CHANGED);
	assert_int_equal(third->exclude.count, 1);
	const struct rule *fourth = c.rules[3];
	assert_int_equal(fourth->nice, 5);
	assert_int_equal(fourth->user.uid, 65534);
	assert_int_equal(fourth->exclude.count, 1);
	conf_fini(&c);
}

/* Read files that may have errors; the caller frees c. */
static void read_any(struct conf *c, const struct conf_file *files, size_t count)
{
	const struct accounts_lookup lookup = fake_lookup(NULL);
	*c = (struct conf){0};
	assert_int_equal(confread_files(c, files, count, &lookup), 0);
}

static void check_message(
	const struct conf *c, size_t i, const char *file, unsigned line, const char *text)
{
	assert_true(i < c->message_count);
	assert_string_equal(c->messages[i].file, file);
	assert_int_equal(c->messages[i].line, line);
	assert_string_equal(c->messages[i].text, text);
}

static void a_faulty_file_is_left_out_as_a_whole(void **state)
{
	(void)state;
	const struct conf_file files[] = {
		file_of("a.conf", "[a]\npath = /a\ncommand = x\n", false),
		file_of("b.conf",
			"[b]\npath = /b\ncommand = x\n[c]\npath = c\ncommand = x\n",
			false),
		file_of("d.conf", "[d]\npath = /d\ncommand = x\n", false),
	};
	struct conf c;
	read_any(&c, files, countof(files));
	assert_int_equal(c.rule_count, 2);
	assert_string_equal(c.rules[0]->name, "a");
	assert_string_equal(c.rules[1]->name, "d");
	assert_int_equal(c.error_count, 1);
	check_message(&c, 0, "b.conf", 5,
		"[c] path: \"c\" is not absolute: it must begin with /");
	conf_fini(&c);
}

static void names_are_unique_over_all_files(void **state)
{
	(void)state;
	const struct conf_file files[] = {
		file_of("a.conf", "\n[a]\npath = /a\ncommand = x\n", false),
		file_of("b.conf", "[a]\npath = /b\ncommand = x\n", false),
	};
	struct conf c;
	read_any(&c, files, countof(files));
	assert_int_equal(c.rule_count, 1);
	assert_int_equal(c.message_count, 1);
	check_message(&c, 0, "b.conf", 1,
		"[a]: there is a rule of this name already: a.conf:2");
	conf_fini(&c);
}

static void without_the_main_defaults_no_rule_is_taken(void **state)
{
	(void)state;
	struct conf_file files[] = {
		file_of("fsmon.conf",
			"[daemon]\nmax-parallel = 3\n[defaults]\nuser = nobody\nnise = "
			"3\n",
			true),
		file_of("a.conf", "[a]\npath = /a\ncommand = x\n", false),
	};
	struct conf c;
	read_any(&c, files, countof(files));
	assert_int_equal(c.rule_count, 0);
	assert_int_equal(c.daemon.max_parallel, 64);
	assert_int_equal(c.message_count, 2);
	check_message(&c, 1, "a.conf", 0,
		"left out: the [defaults] in fsmon.conf hold for this file, and that "
		"file "
		"has errors");
	conf_fini(&c);
	/* Without defaults nothing is lost. */
	files[0] = file_of("fsmon.conf", "[daemon]\nmax-paralel = 3\n", true);
	read_any(&c, files, countof(files));
	assert_int_equal(c.rule_count, 1);
	assert_int_equal(c.message_count, 1);
	conf_fini(&c);
}

static void messages_are_in_order_of_lines(void **state)
{
	(void)state;
	const struct conf_file files[] = {
		file_of("a.conf", "[a]\nnice = 99\n[b]\npath = b\n", false),
		file_of("b.conf", "[c]\nnice = 99\n", false),
	};
	struct conf c;
	read_any(&c, files, countof(files));
	assert_int_equal(conf_add_message(&c, "a.conf", 2, true, "of the caller"), 0);
	assert_int_equal(conf_add_message(&c, "new.conf", 0, false, "unreadable"), 0);
	static const struct {
		const char *file;
		unsigned line;
	} order[] = {
		{"a.conf", 1},
		{"a.conf", 1},
		{"a.conf", 2},
		{"a.conf", 2},
		{"a.conf", 3},
		{"a.conf", 4},
		{"b.conf", 1},
		{"b.conf", 1},
		{"b.conf", 2},
		{"new.conf", 0},
	};
	assert_int_equal(c.message_count, countof(order));
	for (size_t i = 0; i < countof(order); i++) {
		assert_string_equal(c.messages[i].file, order[i].file);
		assert_int_equal(c.messages[i].line, order[i].line);
	}
	assert_int_equal(c.error_count, countof(order) - 1);
	conf_fini(&c);
}

static void a_warning_leaves_the_file_in_use(void **state)
{
	(void)state;
	const struct conf_file file = file_of(
		"a.conf", RULE "command = x\ndebounce = 5s\nmax-wait = 1s\n", false);
	struct conf c;
	read_any(&c, &file, 1);
	assert_int_equal(c.rule_count, 1);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(c.message_count, 1);
	assert_true(c.messages[0].is_warning);
	check_message(&c, 0, "a.conf", 5,
		"[site] max-wait: shorter than debounce, so the hook never waits that "
		"long");
	conf_fini(&c);
}

static void odd_files_are_read(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"\n\n",
		"# only a comment",
		"; only a comment\n  # indented\n",
		"\xef\xbb\xbf# with a byte order mark\n",
		"[defaults]\n",
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct conf c;
		const struct conf_file file = file_of("odd.conf", cases[i], false);
		read_good(&c, &file, 1);
		assert_int_equal(c.rule_count, 0);
		conf_fini(&c);
	}
	struct conf c;
	const struct rule *r =
		read_rule(&c, "\xef\xbb\xbf[a]\r\npath\t=\t/a\r\n\r\ncommand=x");
	assert_string_equal(r->command, "x");
	assert_string_equal(glob_text(r->path.items[0]), "/a");
	conf_fini(&c);
}

static void too_large_a_file_is_refused(void **state)
{
	(void)state;
	struct conf_file file = {.name = "big.conf", .len = CONF_FILE_MAX_BYTES + 1};
	file.bytes = calloc(1, file.len);
	struct conf c;
	read_any(&c, &file, 1);
	check_message(&c, 0, "big.conf", 0, "the file is larger than 16 MiB");
	conf_fini(&c);
	/* Nor does a file of garbage give a message for each of its lines. */
	file.len = CONF_FILE_MAX_BYTES;
	memset((char *)file.bytes, '\n', file.len);
	for (size_t i = 0; i < file.len; i += 2)
		((char *)file.bytes)[i] = 'x';
	read_any(&c, &file, 1);
	assert_in_range(c.message_count, 1000, 1001);
	conf_fini(&c);
	free((char *)file.bytes);
}

static void ten_thousand_rules_are_read_in_a_second(void **state)
{
	(void)state;
	struct buf text = {0};
	buf_add_str(&text, "[defaults]\nuser = nobody\nexclude = **/.git/**\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&text,
			"[rule-%d]\npath = /srv/site%d/**/*.{md,html}\n"
			"by-user = !deploy\ncommand = make -C /srv/site%d\n"
			"debounce = 500ms\nrun-per = batch\n\n",
			i, i, i);
	const struct conf_file file = file_of("many.conf", text.data, false);
	struct conf c;
	struct timespec begin;
	struct timespec end;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	read_good(&c, &file, 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(c.rule_count, 10000);
	double used = (double)(end.tv_sec - begin.tv_sec) +
		      (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	print_message("10,000 rules: %.3f s\n", used);
	assert_true(used < 1);
	conf_fini(&c);
	buf_fini(&text);
}

static void what_was_read_comes_back_byte_for_byte(void **state)
{
	(void)state;
	const struct conf_file files[] = {
		file_of("/etc/main", "[daemon]\n", true),
		{.name = "", .bytes = "a\0b", .len = 3},
		file_of("x", "", false),
	};
	struct conf c = {0}, again = {0};
	struct conf_file *got;
	struct buf b = {0};
	size_t count;
	assert_int_equal(conf_add_message(&c, "gone", 0, false, "cannot be read"), 0);
	assert_int_equal(confpack_write(&b, &c, files, countof(files)), 0);
	assert_int_equal(confpack_read(&again, b.data, b.len, &got, &count), 0);
	assert_int_equal(count, countof(files));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(got[i].name, files[i].name);
		assert_int_equal(got[i].len, files[i].len);
		assert_memory_equal(got[i].bytes, files[i].bytes, files[i].len + 1);
		assert_int_equal(got[i].is_main, files[i].is_main);
	}
	assert_int_equal(again.error_count, 1);
	assert_string_equal(again.messages[0].file, "gone");
	assert_string_equal(again.messages[0].text, "cannot be read");
	free(got);
	conf_fini(&again);
	/* Nothing was read. */
	assert_int_equal(confpack_read(&again, NULL, 0, &got, &count), 0);
	assert_int_equal(count, 0);
	conf_fini(&c);
	buf_fini(&b);
}

/* Copies on the heap let ASan see whether more is read. */
static void what_is_cut_off_does_not_come_back(void **state)
{
	(void)state;
	const struct conf_file files[] = {
		file_of("a", "bc", true), file_of("d", "e", false)};
	struct conf c = {0};
	struct conf_file *got;
	struct buf b = {0}, first = {0};
	size_t count;
	assert_int_equal(confpack_write(&first, &c, files, 1), 0);
	assert_int_equal(confpack_write(&b, &c, files, 2), 0);
	for (size_t len = 1; len < b.len; len++) {
		char *copy = malloc(len);
		memcpy(copy, b.data, len);
		int rc = confpack_read(&c, copy, len, &got, &count);
		assert_int_equal(rc, len == first.len ? 0 : -1);
		assert_int_equal(rc < 0 ? errno : EBADMSG, EBADMSG);
		free(got);
		free(copy);
	}
	/* A length that is too long by far, and a kind that there is not. */
	memset(b.data + sizeof(uint64_t), 0xff, sizeof(uint64_t));
	assert_int_equal(confpack_read(&c, b.data, b.len, &got, &count), -1);
	first.data[0] = 99;
	assert_int_equal(confpack_read(&c, first.data, first.len, &got, &count), -1);
	buf_fini(&first);
	buf_fini(&b);
	conf_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_arrive_byte_for_byte),
		cmocka_unit_test(scripts_keep_their_shape),
		cmocka_unit_test(a_command_of_10000_bytes_arrives),
		cmocka_unit_test(the_defaults_are_those_of_the_manual),
		cmocka_unit_test(every_key_of_a_rule_is_read),
		cmocka_unit_test(conditions_on_the_actor),
		cmocka_unit_test(users_and_groups),
		cmocka_unit_test(each_user_is_looked_up_once),
		cmocka_unit_test(defaults_hold_for_what_follows),
		cmocka_unit_test(a_faulty_file_is_left_out_as_a_whole),
		cmocka_unit_test(names_are_unique_over_all_files),
		cmocka_unit_test(without_the_main_defaults_no_rule_is_taken),
		cmocka_unit_test(messages_are_in_order_of_lines),
		cmocka_unit_test(a_warning_leaves_the_file_in_use),
		cmocka_unit_test(odd_files_are_read),
		cmocka_unit_test(too_large_a_file_is_refused),
		cmocka_unit_test(ten_thousand_rules_are_read_in_a_second),
		cmocka_unit_test(what_was_read_comes_back_byte_for_byte),
		cmocka_unit_test(what_is_cut_off_does_not_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
