/* SPDX-License-Identifier: MIT */
/*
 * Scripts for the jobs: what comes to them, and what the keeper and the store are told. A script
 * is words with blanks between them; a word is a command and its arguments, with colons between
 * them. Times are in milliseconds from the beginning.
 *
 * A word that begins with > is the next thing that somebody is told; before any other word all
 * that was said must have been told of, or passed over with `hush`.
 *
 *   at:TIME                      it is that time now
 *   by:UID[:RULE-ID[:DEPTH]]     who makes the changes that follow, and whose hook that is
 *   found:PATH[:EVENT[:OLDPATH]] a change (close-write)
 *   pump   stop   quit           jobs_pump, jobs_stop, jobs_free
 *   due:TIME|never               what jobs_next_ns says
 *   caught-up started:RUN:PID[:LABEL] ended:RUN:exit|signal:N failed:RUN:ERRNO:STAGE
 *                                the keeper tells
 *   refuse:ERRNO                 no request to start a run is taken any more; 0: they are
 *   full room                    there is no room for requests; there is
 *   left:N                       so many processes descend from each run
 *   answer                       the name service does
 *   pause:RULE:TIME|ever resume:RULE:N   N jobs waited
 *   rerun:RUN                    the store knows the job of run 1
 *   lost written:RUN             the store has lost everything; it has written a run's end
 *   reload                       to the rules of `then`, and back
 *   is:RULE:COUNTER:N            a counter of status
 *   reserved:RUN                 up to it the store holds numbers of runs for used
 *   absent:RULE:N                the rule that is missing, for which N jobs wait; or none
 *   env:NAME:VALUE stdin:TEXT    what the last hook was given; + is a newline
 *   done:yes|no[:RULE-ID:RUN…]   whether all is that was found before `mark`, beside runs
 *                                that wait to hear it
 *   mark
 *
 *   >start:RUN:COMMAND:PATH >stop:RUN:SIGNAL >kill:RUN >signal:RUN:SIGNAL >forget:RUN
 *   >tag:PID:RULE-ID:RUN:DEPTH >reach:RUN:SIGNAL (what descends from it)
 *   >job:JOB:wait|RUN >job:JOB:tell:RUN (for on-failure, of that run, or 0) >event:JOB:EVENT >cut:JOB:EVENT >follow:JOB:JOB >over:JOB
 *   >run:RUN:OUTCOME[:STATUS] >pause:RULE:TIME|ever >unpause:RULE >again:JOB|none
 */
#ifndef FSMON_TESTS_UNIT_JOBS_SCRIPT_H
#define FSMON_TESTS_UNIT_JOBS_SCRIPT_H

#include "base/countof.h"
#include "core/hook/runlabel.h"
#include "core/sched/sched.h"
#include "fake_jobs.h"
#include "rules_of.h"

/* ---- What words mean ---- */

static const char *arg(size_t i)
{
	return i < play.arg_count ? play.args[i] : "";
}

static uint64_t number(size_t i)
{
	char *end;
	uint64_t n = strtoull(arg(i), &end, 10);
	if (!*arg(i) || *end)
		fail_msg("%s: %s: bad number", play.script->name, play.word);
	return n;
}

static void expect(uint64_t is, uint64_t want)
{
	if (is != want)
		fail_msg("%s: %s: it is %" PRIu64, play.script->name, play.word, is);
}

static void expect_text(const char *is, const char *want)
{
	if (strcmp(is, want) != 0)
		fail_msg("%s: %s: it is '%s'", play.script->name, play.word, is);
}

static void do_at(void)
{
	play.now_ms = number(1);
}

static void do_by(void)
{
	play.by.uid = (uint32_t)number(1);
	play.by.tag = play.arg_count > 2 ? number(2) << 40 | 1 : 0;
	play.by.depth = play.arg_count > 3 ? (uint32_t)number(3) : 0;
}

/* Note which rules' globs match. */
static void hit(struct change *c, const char *path, bool is_old)
{
	for (uint32_t i = 0; path && i < table_count(play.rules); i++) {
		if (table_judge_path(play.rules, i, path, strlen(path), NULL) ==
			JUDGE_MATCH)
			assert_int_equal(change_add_hit(c, i, is_old, path), 0);
	}
}

static void do_found(void)
{
	const char *old_path = play.arg_count > 3 ? arg(3) : NULL;
	struct change *c = change_new(arg(1), old_path);
	c->actor.uid = c->actor.program.login_uid = play.by.uid;
	c->actor.tag = play.by.tag;
	c->actor.depth = play.by.depth;
	c->event.kinds =
		play.arg_count > 2 ? event_mask_by_name(arg(2)) : EVENT_CLOSE_WRITE;
	if (old_path)
		c->event.kinds = EVENT_RENAME;
	hit(c, arg(1), false);
	hit(c, old_path, true);
	if (c->hit_count)
		jobs_found(play.jobs, c, clock_now());
	change_unref(c);
}

static void do_pump(void)
{
	jobs_pump(play.jobs, clock_now());
}

static void do_stop(void)
{
	jobs_stop(play.jobs);
}

static void do_end_jobs(void)
{
	jobs_free(play.jobs);
	play.jobs = NULL;
}

static void do_due(void)
{
	uint64_t ns = jobs_next_ns(play.jobs);
	bool is_never = strcmp(arg(1), "never") == 0;
	expect(ns == UINT64_MAX ? 0 : ns / MS - START_MS + 1,
		is_never ? 0 : number(1) + 1);
}

static void do_caught_up(void)
{
	play.keeper->caught_up(play.keeper_ctx);
}

static void do_started(void)
{
	char label[RUNLABEL_BYTES];
	if (play.arg_count > 3)
		runlabel_write(label, arg(3), number(1), 1);
	play.keeper->started(play.keeper_ctx, number(1), (pid_t)number(2),
		play.arg_count > 3 ? label : NULL);
}

static void do_ended(void)
{
	int n = (int)number(3);
	struct outcome o = outcome_of_wait(strcmp(arg(2), "signal") == 0 ? n : n << 8);
	o.output = "bad\n";
	o.output_len = 4;
	play.keeper->ended(play.keeper_ctx, number(1), &o);
}

static void do_failed(void)
{
	play.keeper->failed(play.keeper_ctx, number(1), (int)number(2), arg(3));
}

static void do_refuse(void)
{
	play.refusal = (int)number(1);
}

static void do_full(void)
{
	play.is_full = true;
}

static void do_room(void)
{
	play.is_full = false;
}

static void do_left(void)
{
	play.descendants = number(1);
}

static void do_answer(void)
{
	play.has_answered = true;
	eventfd_write(play.names_fd, 1);
	assert_true(poller_turn(play.poller, 0) >= 0);
}

static uint32_t rule_number(size_t i)
{
	int64_t rule = table_find(play.rules, arg(i));
	assert_true(rule >= 0);
	return (uint32_t)rule;
}

static void do_pause(void)
{
	bool is_ever = strcmp(arg(2), "ever") == 0;
	jobs_pause(play.jobs, rule_number(1),
		is_ever ? SCHED_FOREVER : (number(2) - play.now_ms) * MS);
}

static void do_resume(void)
{
	expect(jobs_resume(play.jobs, rule_number(1)), number(2));
}

static void on_again(void *ctx, uint64_t job_id, const char *error)
{
	(void)ctx;
	if (error)
		say("again:none");
	else
		say("again:%" PRIu64, job_id);
}

static void do_rerun(void)
{
	jobs_rerun(play.jobs, number(1), on_again, NULL);
}

static void do_lost(void)
{
	play.store.lost(play.store.ctx);
}

static void do_written(void)
{
	uint64_t id = number(1);
	play.store.committed(play.store.ctx, &id, 1);
}

static void set_rules(struct table *next)
{
	const struct daemon daemon = {.max_parallel = 64};
	assert_int_equal(jobs_set_rules(play.jobs, next, &daemon), 0);
}

static void do_reload(void)
{
	struct table *now = play.rules;
	set_rules(play.then);
	play.rules = play.then;
	play.then = now;
}

static void do_absent(void)
{
	size_t waiting = 0;
	const char *name = jobs_absent_rule(play.jobs, 0, &waiting);
	expect_text(name ? name : "none", arg(1));
	expect(waiting, play.arg_count > 2 ? number(2) : 0);
}

static void do_reserved(void)
{
	expect(play.reserved, number(1));
}

static void do_is(void)
{
	const struct jobs_counters c = jobs_rule_counters(play.jobs, rule_number(1));
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {{"matched", c.matched}, {"started", c.started}, {"ok", c.ok},
		{"failed", c.failed}, {"on-failure", c.on_failure},
		{"retried", c.retried}, {"restarted", c.restarted},
		{"timed-out", c.timed_out}, {"dropped", c.dropped},
		{"unlisted", c.unlisted}, {"self", c.self}, {"waiting", c.waiting},
		{"running", c.running}, {"held", c.held}};
	for (size_t i = 0; i < countof(counters); i++) {
		if (strcmp(counters[i].name, arg(2)) == 0) {
			expect(counters[i].value, number(3));
			return;
		}
	}
	fail_msg("%s: %s: no such counter", play.script->name, play.word);
}

static void do_env(void)
{
	expect_text(env_of(arg(1)), arg(2));
}

static void do_stdin(void)
{
	buf_add(&play.input, "", 1);
	for (char *s = play.input.data; *s; s++)
		*s = *s == '\n' ? '+' : *s;
	expect_text(play.input.data, arg(1));
}

static void do_mark(void)
{
	assert_true(jobs_mark(play.jobs, &play.mark));
}

static void do_done(void)
{
	uint64_t tags[8];
	size_t count = 0;
	for (size_t i = 2; i < play.arg_count; i += 2)
		tags[count++] = number(i) << 40 | number(i + 1);
	expect(jobs_is_done(play.jobs, play.mark, tags, count),
		strcmp(arg(1), "yes") == 0);
}

static void do_hush(void)
{
	play.heard = play.said.len;
}

struct command {
	const char *name;
	void (*run)(void);
};

/* What a program knows besides these. */
static const struct command *more_commands;
static size_t more_count;

static const struct command commands[] = {
	{"at", do_at},
	{"by", do_by},
	{"found", do_found},
	{"pump", do_pump},
	{"stop", do_stop},
	{"quit", do_end_jobs},
	{"due", do_due},
	{"caught-up", do_caught_up},
	{"started", do_started},
	{"ended", do_ended},
	{"failed", do_failed},
	{"refuse", do_refuse},
	{"full", do_full},
	{"room", do_room},
	{"left", do_left},
	{"answer", do_answer},
	{"pause", do_pause},
	{"resume", do_resume},
	{"rerun", do_rerun},
	{"lost", do_lost},
	{"written", do_written},
	{"reload", do_reload},
	{"is", do_is},
	{"reserved", do_reserved},
	{"absent", do_absent},
	{"env", do_env},
	{"stdin", do_stdin},
	{"mark", do_mark},
	{"done", do_done},
	{"hush", do_hush},
};

/* ---- Playing ---- */

/* The next word that was said. */
static const char *hear(void)
{
	static char word[256];
	const char *at = play.said.data + play.heard;
	size_t len = play.heard < play.said.len ? strcspn(at, " ") : 0;
	snprintf(word, sizeof(word), "%.*s", (int)len, len ? at : "");
	play.heard += len ? len + 1 : 0;
	return word;
}

static bool do_command_of(const struct command *known, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(known[i].name, play.args[0]) != 0)
			continue;
		known[i].run();
		return true;
	}
	return false;
}

/* Do what a word says, which is changed. */
static void do_command(char *text)
{
	char *at = text;
	for (play.arg_count = 0; at && play.arg_count < ARGS_MAX;)
		play.args[play.arg_count++] = strsep(&at, ":");
	if (!do_command_of(commands, countof(commands)) &&
		!do_command_of(more_commands, more_count))
		fail_msg("%s: %s: no such command", play.script->name, play.word);
}

static void do_word(const char *word)
{
	char text[256];
	play.word = word;
	const char *said = hear();
	if (*word == '>') {
		if (strcmp(said, word + 1) != 0)
			fail_msg("%s: %s: what is said is '%s' (all: %s)",
				play.script->name, word, said, play.said.data);
		return;
	}
	if (*said && strcmp(word, "hush") != 0)
		fail_msg("%s: before %s '%s' is said (all: %s)", play.script->name, word,
			said, play.said.data);
	snprintf(text, sizeof(text), "%s", word);
	do_command(text);
}

static void begin(const struct script *script)
{
	play = (struct play){.script = script};
	buf_add_str(&play.said, "");
	play.poller = poller_new();
	play.rules = rules_of(script->rules);
	play.then = script->then ? rules_of(script->then) : NULL;
}

static void begin_jobs(
	void (*started)(void *ctx, pid_t pid, uint64_t tag, uint32_t depth))
{
	const struct daemon daemon = {.max_parallel = 64};
	struct jobs_config config = {
		.poller = play.poller,
		.filesystems = &play.filesystems,
		.link = {.listen = link_listen,
			.start = link_start,
			.signal = link_signal,
			.done = link_done,
			.has_room = link_has_room,
			.has_cgroups = !play.script->has_no_cgroups},
		.is_dry = play.script->is_dry,
		.lacks_files = play.script->lacks_files,
		.last_run_id = play.script->last_run_id,
		.state_dir = "/usr",
		.runtime_dir = "/usr",
		.started = started,
		.signal_tagged = on_signal_tagged,
	};
	play.jobs = jobs_new(&config, &daemon);
	assert_non_null(play.jobs);
	set_rules(play.rules);
	if (!play.script->is_early)
		do_caught_up();
}

static void end(void)
{
	jobs_free(play.jobs);
	poller_free(play.poller);
	table_free(play.rules);
	table_free(play.then);
	buf_fini(&play.said);
	buf_fini(&play.env);
	buf_fini(&play.input);
}

static void play_steps(const struct script *script)
{
	char *steps = strdup(script->steps), *at = steps, *word;
	while ((word = strsep(&at, " "))) {
		if (*word)
			do_word(word);
	}
	do_word("hush");
	free(steps);
}

/* A test of each script. Returns what main is to return. */
static int run_scripts(
	const struct script *scripts, size_t count, void (*run)(void **state))
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){.name = scripts[i].name,
			.test_func = run,
			.initial_state = (void *)(uintptr_t)&scripts[i]};
	int failed = _cmocka_run_group_tests("scripts", tests, count, NULL, NULL);
	free(tests);
	return failed;
}

#endif
