/* SPDX-License-Identifier: MIT */
#include "store_kit.h"

#include "app/store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- What waits is there again ---- */

struct left_copy {
	struct store_saved left;
	size_t calls;
	bool answer;
	void (*look)(const struct store_saved *left);
};

static bool take_left(void *ctx, const struct store_saved *left)
{
	struct left_copy *t = ctx;
	t->calls++;
	if (t->look)
		t->look(left);
	for (size_t i = 0; i < left->event_count; i++)
		change_unref(left->events[i].view.change);
	return t->answer;
}

/* Every byte that a path may hold. */
static void every_byte(char *path)
{
	path[0] = '/';
	for (int i = 1; i < 256; i++)
		path[i] = (char)i;
	path[256] = '\0';
}

static void put_everything(struct kit *k)
{
	char path[257];
	every_byte(path);
	const struct outcome failure = {
		.kind = OUTCOME_TIMEOUT,
		.shell_status = 143,
		.output = "a\0b\n",
		.output_len = 4,
	};
	const struct store_job job = {
		.id = 5,
		.rule = "all",
		.key = path,
		.attempt = 2,
		.failures = 1,
		.count = UINT64_C(1) << 40,
		.truncated = true,
		.run_id = 9,
		.added_ns = 1700000000000000001,
		.failure = &failure,
		.failure_run_id = 77,
	};
	store_put_job(k->store, &job);
	struct change *c = kit_change("/new\xff", path);
	c->actor.user = strdup("alice");
	c->actor.login_user = strdup("bob");
	c->actor.user_maybe = strdup("root,carol");
	struct store_event e = {
		.seq = 11,
		.view = view_of(c, EVENT_MOVED_FROM, NULL),
	};
	store_add_event(k->store, 5, &e);
	change_unref(c);
	struct change *bare = change_new(NULL, NULL);
	bare->actor = (struct actor)ACTOR_NOBODY;
	bare->event.is_dir = true;
	e = (struct store_event){.seq = 12, .view = view_of(bare, EVENT_OVERFLOW, NULL)};
	store_add_event(k->store, 5, &e);
	change_unref(bare);
}

static void look_at_job(const struct store_job *job)
{
	char path[257];
	every_byte(path);
	assert_int_equal(job->id, 5);
	assert_string_equal(job->rule, "all");
	assert_string_equal(job->key, path);
	assert_int_equal(job->attempt, 2);
	assert_int_equal(job->failures, 1);
	assert_int_equal(job->count, UINT64_C(1) << 40);
	assert_true(job->truncated);
	assert_int_equal(job->run_id, 9);
	assert_int_equal(job->added_ns, 1700000000000000001);
	const struct outcome *f = job->failure;
	assert_non_null(f);
	assert_int_equal(f->kind, OUTCOME_TIMEOUT);
	assert_int_equal(f->shell_status, 143);
	assert_int_equal(job->failure_run_id, 77);
	assert_int_equal(f->output_len, 4);
	assert_memory_equal(f->output, "a\0b\n", 4);
}

static void look_at_actor(const struct actor *a, const struct actor *b)
{
	assert_int_equal(a->attribution, b->attribution);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->ppid, b->ppid);
	assert_string_equal(a->program.comm, b->program.comm);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->euid, b->euid);
	assert_int_equal(a->program.login_uid, b->program.login_uid);
	assert_string_equal(a->user, "alice");
	assert_string_equal(a->login_user, "bob");
	assert_string_equal(a->user_maybe, "root,carol");
	assert_string_equal(a->program.exe, b->program.exe);
	assert_string_equal(a->program.cmdline, b->program.cmdline);
	assert_string_equal(a->program.unit, b->program.unit);
	assert_int_equal(a->ancestors_len, b->ancestors_len);
	assert_memory_equal(a->ancestors, b->ancestors, b->ancestors_len);
	assert_int_equal(a->tag, b->tag);
	assert_int_equal(a->depth, b->depth);
}

static void look_at_change(const struct change *a, const struct change *b)
{
	assert_string_equal(a->event.path, b->event.path);
	assert_string_equal(a->event.old_path, b->event.old_path);
	assert_int_equal(a->event.kinds, b->event.kinds);
	assert_int_equal(a->event.is_dir, b->event.is_dir);
	assert_int_equal(a->event.covers_below, b->event.covers_below);
	assert_int_equal(a->event.type, b->event.type);
	assert_int_equal(a->event.type_known, b->event.type_known);
	assert_int_equal(a->event.nlink, b->event.nlink);
	assert_int_equal(a->event.size_bytes, b->event.size_bytes);
	assert_int_equal(a->event.time_ns, b->event.time_ns);
	assert_ptr_equal(a->event.actor, &a->actor);
	assert_int_equal(a->fsid, b->fsid);
	assert_int_equal(a->target_type, b->target_type);
	assert_int_equal(a->target_len, b->target_len);
	assert_memory_equal(a->target, b->target, b->target_len);
	assert_int_equal(a->refs, 1);
	assert_int_equal(a->hit_count, 0);
	look_at_actor(&a->actor, &b->actor);
}

static void look_at_everything(const struct store_saved *left)
{
	char path[257];
	every_byte(path);
	look_at_job(&left->job);
	assert_int_equal(left->event_count, 2);
	const struct store_event *e = &left->events[0];
	struct change *c = kit_change("/new\xff", path);
	assert_int_equal(e->seq, 11);
	assert_int_equal(e->view.kind, EVENT_MOVED_FROM);
	assert_ptr_equal(e->view.path, e->view.change->event.path);
	assert_ptr_equal(e->view.old_path, e->view.change->event.old_path);
	look_at_change(e->view.change, c);
	change_unref(c);
	e = &left->events[1];
	assert_int_equal(e->seq, 12);
	assert_null(e->view.path);
	assert_null(e->view.change->actor.user);
	assert_true(e->view.change->event.is_dir);
	assert_false(e->view.change->event.type_known);
	assert_null(e->view.change->actor.program.exe);
	assert_int_equal(e->view.change->actor.ancestors_len, 0);
	assert_int_equal(e->view.change->actor.uid, ACTOR_ID_UNKNOWN);
	assert_null(change_target(e->view.change).bytes);
}

static void gives_back_all_of_a_job(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	assert_int_equal(store_last_job_id(k->store), 0);
	put_everything(k);
	assert_true(kit_close(k));

	kit_open(k);
	assert_int_equal(store_last_job_id(k->store), 5);
	assert_int_equal(store_last_run_id(k->store), 9);
	assert_int_equal(store_last_event_seq(k->store), 12);
	struct left_copy t = {.answer = true, .look = look_at_everything};
	assert_int_equal(store_take_jobs(k->store, take_left, &t), 0);
	assert_int_equal(t.calls, 1);
	assert_true(kit_close(k));
}

static void marks_done_what_is_not_taken(void **state)
{
	struct kit *k = *state;
	uint64_t ids[64];
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2, "/b");
	kit_close(k);
	kit_open(k);
	struct left_copy t = {.answer = false};
	assert_int_equal(store_take_jobs(k->store, take_left, &t), 0);
	assert_int_equal(t.calls, 2);
	kit_close(k);
	kit_open(k);
	assert_int_equal(kit_take_ids(k, ids), 0);
}

/* The child ends as a daemon that was killed does. */
static void keeps_what_was_written_before_a_kill(void **state)
{
	struct kit *k = *state;
	uint64_t ids[64];
	pid_t pid = fork();
	if (pid == 0) {
		kit_open(k);
		kit_put_waiting(k, 1, "/a");
		kit_put_done(k, 2, "r", OUTCOME_OK, 100);
		kit_put_done(k, 3, "r", OUTCOME_RUNNING, 100);
		kit_wait_committed(k, 1);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	kit_open(k);
	assert_int_equal(store_last_run_id(k->store), 1000003);
	assert_int_equal(kit_take_ids(k, ids), 2);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 3);
}

static void is_readable_by_its_owner_only(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
	static const char *const names[] = {"fsmon.db", "fsmon.db-wal", "fsmon.db-shm"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stat(kit_path(k, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void tells_which_runs_are_committed(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	kit_put_done(k, 1, "r", OUTCOME_RUNNING, 100);
	kit_put_done(k, 2, "r", OUTCOME_EXIT, 200);
	kit_wait_committed(k, 1);
	kit_settle(k);
	assert_int_equal(k->committed_count, 1);
	assert_int_equal(k->committed[0], 1000002);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 2);
}

static void numbers_that_are_reserved_are_not_given_again(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	store_reserve_runs(k->store, 5000);
	store_reserve_runs(k->store, 4000);
	assert_true(kit_close(k));
	kit_open(k);
	assert_int_equal(store_last_run_id(k->store), 5000);
	/* Those that were not used are given back at a clean end. */
	store_reserve_runs(k->store, 9000);
	store_release_runs(k->store, 5007);
	assert_true(kit_close(k));
	kit_open(k);
	assert_int_equal(store_last_run_id(k->store), 5007);
	assert_true(kit_close(k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
		TEST(gives_back_all_of_a_job),
		TEST(marks_done_what_is_not_taken),
		TEST(keeps_what_was_written_before_a_kill),
		TEST(is_readable_by_its_owner_only),
		TEST(tells_which_runs_are_committed),
		TEST(numbers_that_are_reserved_are_not_given_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
