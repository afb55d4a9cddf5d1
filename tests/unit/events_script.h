/* SPDX-License-Identifier: MIT */
/*
 * Scripts for the way of an event: what happens on filesystems and among processes, turns of the
 * loop, and what the keeper and the store are told in the end. The pipeline, the actors and the
 * jobs are put together as the worker does it. To the words of jobs_script.h come these; a path
 * that is not there yet is made with all above it, as if it had always been.
 *
 *   fork:PARENT:CHILD exec:PID:NAME uid:PID:UID exit:PID
 *                                what processes do; at first 1 (init) and 10 (bash) run
 *   open-exec:PID:NAME execed:PID:NAME    the two halves of exec: the file record, the process's
 *   create:PID:PATH mkdir:PID:PATH delete:PID:PATH rename:PID:OLD:NEW
 *   merged:PID:OLD:NEW           a rename whose record was merged into an earlier one
 *   exchange:PID:PATH:PATH[:merged]  two files change places
 *   dir:PATH gone:PATH           a directory is there, and always was; it goes without a record
 *   tmpfile:PID:PATH link:PID:PATH    it gets its name only with the latter
 *   hardlink:PID:OLD:NEW mknod:PID:PATH
 *   hold:PATH free:PATH          somebody has it open for writing, or nobody; no record says so
 *   slow answers                 from now on questions about files wait; until now
 *   asked:N                      so many have been put
 *   vanish:PATH                  it goes, and no record says so
 *   file:EVENT[+EVENT...]:PID:PATH    any other event, or merged ones
 *   overflow fs-error:PATH broken     other records; one that makes no sense
 *   turn[:N]                     a turn of the loop, which can read N records more, or all
 *   idle:N                       turns with nothing to read
 *   last                         the first record that can not be read yet comes last of these
 *   race:N                       so many records more can be read when a file is looked up
 *   message:WORD                 the keeper tells this (a word) before records are resolved
 *   wakes:TIME|any               when the queue is to be read again; any: when it has something
 *   turn-due:TIME|never          when a turn is due, even if it does not
 *   count:COUNTER:N              of the pipeline
 *   remount                      the mount table is taken in again
 *   timed:TIME                   when, to a second, the last hook was told that it happened
 *   drop                         records that could not be read yet never come
 *   unreadable                   the queue cannot be read any more, and the turn says so
 *   restart                      another worker takes over, before the turn
 *   end                          no turn follows
 *   list[:ERRNO]                 directories that are asked for are listed, or cannot be
 */
#ifndef FSMON_TESTS_UNIT_EVENTS_SCRIPT_H
#define FSMON_TESTS_UNIT_EVENTS_SCRIPT_H

#include "core/text/when.h"
#include "fake_events.h"
#include "jobs_script.h"

/* ---- Putting the parts together ---- */

static void tag_actor(void *ctx, pid_t pid, uint64_t tag, uint32_t depth)
{
	on_started(ctx, pid, tag, depth);
	actors_tag(world.actors, pid, tag, depth);
}

static void hear_messages(void *ctx)
{
	char *text = buf_take(&world.messages), *at = text, *word;
	(void)ctx;
	while (at && (word = strsep(&at, " "))) {
		if (*word)
			do_command(word);
	}
	free(text);
}

static void find(void *ctx, struct change *c, struct clock_now now)
{
	(void)ctx;
	jobs_found(play.jobs, c, now);
}

static void take_mounts(void)
{
	struct buf text = {0};
	buf_add_str(&text, MOUNTINFO);
	buf_add_str(&text, play.script->mounts ? play.script->mounts : "");
	assert_int_equal(filesystems_update(&play.filesystems, text.data, text.len,
				 play.rules, world.group[0], world.tree),
		0);
	assert_int_equal(entry_marks_set(&world.entry_marks, &play.filesystems,
				 play.rules, world.group[0]),
		0);
	buf_fini(&text);
}

static void begin_world(void)
{
	world.actors = actors_new_from(&fake_source, NULL);
	world.is_scanned = false;
	assert_int_equal(actors_drain(world.actors), 0);
	world.tree = dirtree_new(1024);
	take_mounts();
	const struct pipeline_parts parts = {
		.group = world.group[0],
		.buffer_fd = world.buffer_fd,
		.actors = world.actors,
		.filesystems = &play.filesystems,
		.entry_marks = &world.entry_marks,
		.tree = world.tree,
		.rules = play.rules,
		.wake_fd = -1,
		.own_pids = {OWN_PID, OWN_PID + 1},
		.before_resolve = hear_messages,
		.found = find,
	};
	world.pipeline = pipeline_new(&parts);
	assert_non_null(world.pipeline);
}

static void end_world(void)
{
	pipeline_free(world.pipeline);
	actors_free(world.actors);
	dirtree_free(world.tree);
	entry_marks_fini(&world.entry_marks);
	filesystems_fini(&play.filesystems);
	memset(world.masks, 0, sizeof(world.masks));
}

/* ---- What words mean ---- */

static void do_fork(void)
{
	const struct process *parent = process_of((pid_t)number(1));
	add_process((pid_t)number(2), parent->pid, parent->uid, parent->comm);
	add_proc_record((struct procrec){.kind = PROCREC_FORK,
		.tgid = (pid_t)number(2),
		.fork = {.parent_pid = parent->pid, .parent_tgid = parent->pid}});
}

static void do_open_exec(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/usr/bin/%s", arg(2));
	report_entry(FAN_OPEN_EXEC, (pid_t)number(1), node_at(path));
}

static void do_execed(void)
{
	struct process *p = process_of((pid_t)number(1));
	strlcpy(p->comm, arg(2), sizeof(p->comm));
	add_proc_record((struct procrec){.kind = PROCREC_EXEC, .tgid = p->pid});
}

static void do_exec(void)
{
	do_open_exec();
	do_execed();
}

static void do_uid(void)
{
	struct process *p = process_of((pid_t)number(1));
	p->uid = (uint32_t)number(2);
	add_proc_record((struct procrec){.kind = PROCREC_UID,
		.tgid = p->pid,
		.uid = {.uid = p->uid,
			.euid = p->uid,
			.counted = PROCREC_COUNTED,
			.queued = world.moved_count + world.record_count}});
}

static void do_exit(void)
{
	struct process *p = process_of((pid_t)number(1));
	p->is_gone = true;
	add_proc_record((struct procrec){.kind = PROCREC_EXIT, .tgid = p->pid});
}

static void do_create(void)
{
	report_entry(FAN_CREATE, (pid_t)number(1), node_at(arg(2)));
}

static void do_mkdir(void)
{
	node_at(arg(2))->is_dir = true;
	do_create();
}

static void do_delete(void)
{
	struct node *n = node_at(arg(2));
	n->is_gone = true;
	report_entry(FAN_DELETE, (pid_t)number(1), n);
}

/* Move a file; what is there goes. */
static void move(struct node *n, struct node *dir, const char *name)
{
	struct node *there = child_of(dir, name);
	if (there && there != n)
		there->is_gone = true;
	n->parent = dir;
	strlcpy(n->name, name, sizeof(n->name));
}

/* Tell that a file was moved from there to where it is. */
static void report_rename(struct node *n, const struct node *dir, const char *name)
{
	const struct about places[] = {
		{FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, dir, name},
		{FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, n->parent, n->name},
	};
	report(FAN_RENAME, (pid_t)number(1), n, places, countof(places));
}

static void do_rename(void)
{
	struct node *n = node_at(arg(2)), *spare = node_at(arg(3)), before = *n;
	move(n, spare->parent, spare->name);
	report_rename(n, before.parent, before.name);
}

/* The record was merged into an earlier one. */
static void do_merged(void)
{
	struct node *n = node_at(arg(2)), *spare = node_at(arg(3));
	move(n, spare->parent, spare->name);
}

static void do_exchange(void)
{
	struct node *a = node_at(arg(2)), *b = node_at(arg(3)), was_a = *a, was_b = *b;
	a->parent = was_b.parent;
	b->parent = was_a.parent;
	strlcpy(a->name, was_b.name, sizeof(a->name));
	strlcpy(b->name, was_a.name, sizeof(b->name));
	if (strcmp(arg(4), "merged") == 0)
		return;
	report_rename(a, was_a.parent, was_a.name);
	report_rename(b, was_b.parent, was_b.name);
}

static void do_dir(void)
{
	node_at(arg(1))->is_dir = true;
}

static void do_gone(void)
{
	node_at(arg(1))->is_gone = true;
}

static void do_tmpfile(void)
{
	struct node *n = node_at(arg(2));
	n->is_nameless = true;
	report_entry(FAN_CLOSE_WRITE, (pid_t)number(1), n);
}

static void do_link(void)
{
	node_at(arg(2))->is_nameless = false;
	do_create();
}

static void do_hardlink(void)
{
	struct node *old = node_at(arg(2)), *new = node_at(arg(3));
	new->file = file_of(old);
	report_entry(FAN_CREATE, (pid_t)number(1), new);
}

static void do_mknod(void)
{
	node_at(arg(2))->is_device = true;
	do_create();
}

static void do_hold(void)
{
	world.nodes[node_id(node_at(arg(1))) - FIRST_ID].has_writer = true;
}

static void do_free(void)
{
	world.nodes[node_id(node_at(arg(1))) - FIRST_ID].has_writer = false;
}

static void do_slow(void)
{
	world.is_slow = true;
}

static void do_answers(void)
{
	answer_asks();
	world.is_slow = false;
}

static void do_asked(void)
{
	expect(world.ask_count, number(1));
}

static void do_vanish(void)
{
	node_at(arg(1))->is_gone = true;
}

static void do_file(void)
{
	uint64_t bits = 0;
	char names[64], *at = names, *name;
	strlcpy(names, arg(1), sizeof(names));
	while ((name = strsep(&at, "+"))) {
		uint64_t bit = fanrec_mask(event_mask_by_name(name));
		if (!bit)
			fail_msg("%s: no such event", play.word);
		bits |= bit;
	}
	report_entry(bits, (pid_t)number(2), node_at(arg(3)));
}

static void do_overflow(void)
{
	record_begin(&world.queue, FAN_Q_OVERFLOW, 0);
	world.ends[world.record_count++] = world.queue.len;
}

static void do_fs_error(void)
{
	const uint32_t error[2] = {EIO, 1};
	uint64_t fsid = node_at(arg(1))->fs + 1;
	size_t record = record_begin(&world.queue, FAN_FS_ERROR, 0);
	record_add_info(
		&world.queue, record, FAN_EVENT_INFO_TYPE_ERROR, error, sizeof(error), 0);
	record_add_fid(
		&world.queue, record, FAN_EVENT_INFO_TYPE_FID, fsid, NULL, 0, NULL);
	world.ends[world.record_count++] = world.queue.len;
}

static void do_broken(void)
{
	size_t record = record_begin(&world.queue, FAN_CREATE, 10);
	record_add_info(&world.queue, record, FAN_EVENT_INFO_TYPE_PIDFD, "12", 2, 0);
	world.ends[world.record_count++] = world.queue.len;
}

static void do_turn(void)
{
	let_read(play.arg_count > 1 ? number(1) : RECORDS_MAX);
	tick();
	if (pipeline_parts(world.pipeline)->rules != play.rules)
		pipeline_set_rules(world.pipeline, play.rules);
	assert_int_equal(pipeline_turn(world.pipeline, clock_now()), 0);
	/* Else nobody could unmount it. */
	assert_true(SLIST_EMPTY(&play.filesystems.open));
	do_pump();
}

static void do_idle(void)
{
	uint64_t count = number(1);
	play.arg_count = 1;
	for (assert_int_equal(world.record_count, 0); count > 0; count--)
		do_turn();
}

static void do_last(void)
{
	size_t len = world.ends[0];
	struct buf queue = {0};
	buf_add(&queue, world.queue.data + len, world.queue.len - len);
	buf_add(&queue, world.queue.data, len);
	buf_fini(&world.queue);
	world.queue = queue;
	for (size_t i = 1; i < world.record_count; i++)
		world.ends[i - 1] = world.ends[i] - len;
	world.ends[world.record_count - 1] = queue.len;
}

static void do_race(void)
{
	world.racing = number(1);
}

static void do_message(void)
{
	for (size_t i = 1; i < play.arg_count; i++)
		buf_printf(&world.messages, "%s%s", arg(i),
			i + 1 < play.arg_count ? ":" : " ");
}

static void do_wakes(void)
{
	uint64_t ns = pipeline_next_ns(world.pipeline);
	bool is_any = strcmp(arg(1), "any") == 0;
	expect(ns ? ns / MS - START_MS + 1 : 0, is_any ? 0 : number(1) + 1);
}

static void do_turn_due(void)
{
	uint64_t ns = pipeline_due_ns(world.pipeline);
	bool is_never = strcmp(arg(1), "never") == 0;
	expect(ns == UINT64_MAX ? 0 : ns / MS - START_MS + 1,
		is_never ? 0 : number(1) + 1);
}

static void do_count(void)
{
	const struct pipeline_counters *c = pipeline_counters(world.pipeline);
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {{"read", c->read}, {"resolved", c->resolved},
		{"settled", c->settled}, {"emptied", c->emptied},
		{"malformed", c->malformed}, {"unresolved", c->unresolved},
		{"overflows", c->overflows}, {"exact", c->exact}, {"partial", c->partial},
		{"unknown", c->unknown}, {"dropped", c->dropped}};
	for (size_t i = 0; i < countof(counters); i++) {
		if (strcmp(counters[i].name, arg(1)) == 0) {
			expect(counters[i].value, number(2));
			return;
		}
	}
	fail_msg("%s: %s: no such counter", play.script->name, play.word);
}

static void do_timed(void)
{
	char text[WHEN_UTC_SIZE];
	when_utc(text, (REAL_START_MS + number(1)) * MS);
	/* to a second */
	text[strcspn(text, ".")] = '\0';
	if (strncmp(env_of("FSMON_TIME"), text, strlen(text)) != 0)
		fail_msg("%s: %s: it is %s", play.script->name, play.word,
			env_of("FSMON_TIME"));
}

static void do_drop(void)
{
	buf_fini(&world.queue);
	world.record_count = 0;
}

static void do_unreadable(void)
{
	pipeline_parts(world.pipeline)->group = -1;
	assert_int_equal(pipeline_turn(world.pipeline, clock_now()), -1);
	assert_int_equal(errno, EBADF);
}

static void do_end(void)
{
	pipeline_end(world.pipeline);
	do_pump();
}

static void do_list(void)
{
	let_list(play.arg_count > 1 ? (int)number(1) : 0);
}

static void do_restart(void)
{
	end_world();
	begin_world();
	/* With the one before went its descriptors. */
	if (play.script->is_degraded)
		world.reused_fd = dup2(world.buffer_fd, world.pidfd);
}

static const struct command event_commands[] = {
	{"fork", do_fork},
	{"exec", do_exec},
	{"open-exec", do_open_exec},
	{"execed", do_execed},
	{"uid", do_uid},
	{"exit", do_exit},
	{"create", do_create},
	{"mkdir", do_mkdir},
	{"delete", do_delete},
	{"rename", do_rename},
	{"merged", do_merged},
	{"exchange", do_exchange},
	{"dir", do_dir},
	{"gone", do_gone},
	{"tmpfile", do_tmpfile},
	{"link", do_link},
	{"hardlink", do_hardlink},
	{"mknod", do_mknod},
	{"hold", do_hold},
	{"free", do_free},
	{"slow", do_slow},
	{"answers", do_answers},
	{"asked", do_asked},
	{"vanish", do_vanish},
	{"file", do_file},
	{"overflow", do_overflow},
	{"fs-error", do_fs_error},
	{"broken", do_broken},
	{"turn", do_turn},
	{"idle", do_idle},
	{"last", do_last},
	{"race", do_race},
	{"message", do_message},
	{"wakes", do_wakes},
	{"turn-due", do_turn_due},
	{"count", do_count},
	{"remount", take_mounts},
	{"timed", do_timed},
	{"drop", do_drop},
	{"unreadable", do_unreadable},
	{"restart", do_restart},
	{"list", do_list},
	{"end", do_end},
};

/* The buffer of records, perhaps a small one that cannot grow. */
static int make_buffer(bool is_small)
{
	if (!is_small)
		return readbuf_create();
	int fd = memfd_create("records", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* a header, the room that a read wants, and 4 KiB */
	assert_int_equal(ftruncate(fd, 4096 + 32 * 1024 + 4096), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	return fd;
}

static size_t count_fds(void)
{
	size_t count = 0;
	for (int fd = 0; fd < (int)countof(world.node_by_fd); fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A test: *state is the script. */
static void run_events(void **state)
{
	size_t fd_count = count_fds();
	more_commands = event_commands;
	more_count = countof(event_commands);
	begin(*state);
	play.ignores_store = !play.script->hears_store;
	world = (struct world){.buffer_fd = make_buffer(play.script->has_little_room)};
	assert_int_equal(pipe2(world.group, O_CLOEXEC | O_NONBLOCK), 0);
	for (size_t i = 0; i < countof(points); i++)
		add_node(i, NULL, "")->is_dir = true;
	add_process(1, 0, 0, "init");
	add_process(10, 1, 0, "bash");
	begin_jobs(tag_actor);
	begin_world();
	play_steps(*state);
	end_world();
	end();
	drop_proc_records();
	buf_fini(&world.queue);
	buf_fini(&world.messages);
	close(world.group[0]);
	close(world.group[1]);
	close(world.buffer_fd);
	if (world.reused_fd)
		assert_int_equal(close(world.reused_fd), 0);
	assert_int_equal(count_fds(), fd_count);
}

#endif
