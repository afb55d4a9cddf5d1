/* SPDX-License-Identifier: MIT */
/* What the store does when its file cannot be used. */
#include "store_kit.h"

#include "app/store/store.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_namespace; /* mounts may be made, and go with the process */

static bool mount_small(struct kit *k)
{
	return has_namespace && mount("none", k->dir, "tmpfs", 0, "size=1m") == 0;
}

/* The ids of the jobs that the next start would find, in a string. */
static char *left_ids(struct kit *k)
{
	static char text[256];
	uint64_t ids[64];
	kit_open(k);
	size_t count = kit_take_ids(k, ids);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		sprintf(text + strlen(text), "%llu ", (unsigned long long)ids[i]);
	return text;
}

/* Fill the filesystem to its last byte. */
static void fill(struct kit *k)
{
	static char block[65536];
	int fd = open(kit_path(k, "ballast"), O_WRONLY | O_CREAT, 0600);
	for (size_t size = sizeof(block); size > 0; size /= 2) {
		while (write(fd, block, size) > 0)
			;
	}
	close(fd);
}

static void goes_on_in_memory_while_the_disk_is_full(void **state)
{
	struct kit *k = *state;
	if (!mount_small(k))
		skip();
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2, "/b");
	kit_put_done(k, 3, "r", OUTCOME_RUNNING, 100);
	store_put_pause(k->store, "p", 7);
	kit_settle(k);
	fill(k);
	for (uint64_t id = 100; id < 1100; id++)
		kit_put_done(k, id, "r", OUTCOME_OK, id);
	kit_wait_committed(k, 1000);
	kit_wait_memory(k, true);
	/* What the file holds of these three is not so any more. */
	store_end_job(k->store, 1);
	store_follow(k->store, 2, 2000);
	kit_put_waiting(k, 2000, "/b");
	store_drop_pause(k->store, "p");
	kit_put_done(k, 3, "r", OUTCOME_OK, 100);
	kit_settle(k);
	struct store_health h;
	store_health(k->store, &h);
	assert_true(h.is_memory);
	assert_int_equal(h.lost, 0);
	assert_non_null(strstr(h.reason, "full"));
	const struct store_query all = {.limit = 0};
	json_t *runs = kit_runs(k, &all);
	assert_int_equal(json_array_size(runs), 1001);
	json_decref(runs);
	assert_int_equal(k->lost, 0);

	unlink(kit_path(k, "ballast"));
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT, "size=16m"), 0);
	kit_wait_memory(k, false);
	store_health(k->store, &h);
	assert_string_equal(h.reason, "");
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 1001);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM pause"), 0);
	assert_int_equal(
		kit_number(k, "SELECT count(*) FROM event WHERE job_id = 2000"), 2);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "2000 ");
}

/* The end is the last chance. */
static void writes_at_the_end_what_was_in_memory(void **state)
{
	struct kit *k = *state;
	if (!mount_small(k))
		skip();
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
	fill(k);
	for (uint64_t id = 100; id < 500; id++)
		kit_put_done(k, id, "r", OUTCOME_OK, id);
	kit_put_waiting(k, 600, "/a");
	kit_wait_memory(k, true);
	unlink(kit_path(k, "ballast"));
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT, "size=16m"), 0);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "1 600 ");
}

static void says_so_where_all_is_not_written_at_the_end(void **state)
{
	struct kit *k = *state;
	if (!mount_small(k))
		skip();
	fill(k);
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	assert_false(kit_close(k));
}

static void remove_all(struct kit *k)
{
	unlink(kit_path(k, "fsmon.db"));
	unlink(kit_path(k, "fsmon.db-wal"));
	unlink(kit_path(k, "fsmon.db-shm"));
}

static void makes_a_deleted_file_anew(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_done(k, 2, "r", OUTCOME_OK, 100);
	store_put_pause(k->store, "p", 7);
	kit_settle(k);
	remove_all(k);
	kit_put_waiting(k, 3, "/c");
	kit_settle(k);
	assert_int_equal(stat(kit_path(k, "fsmon.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 1);
	assert_int_equal(kit_number(k, "SELECT until_ns FROM pause"), 7);
	assert_int_equal(k->lost, 0);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "1 3 ");
}

static void keeps_aside_what_took_its_place(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
	unlink(kit_path(k, "fsmon.db"));
	close(open(kit_path(k, "fsmon.db"), O_WRONLY | O_CREAT, 0600));
	kit_put_waiting(k, 2, "/b");
	kit_settle(k);
	assert_int_equal(stat(kit_path(k, "fsmon.db.broken"), &st), 0);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "1 2 ");
}

static void goes_on_without_its_directory(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2, "/b");
	kit_settle(k);
	remove_all(k);
	assert_int_equal(rmdir(k->dir), 0);
	/* So that it does not come back at once. */
	close(open(k->dir, O_WRONLY | O_CREAT, 0600));
	store_end_job(k->store, 1);
	kit_put_waiting(k, 3, "/c");
	kit_wait_memory(k, true);
	assert_int_equal(k->lost, 0);
	unlink(k->dir);
	kit_wait_memory(k, false);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "2 3 ");
}

/* ---- Broken files ---- */

/* Another process writes over the file, from `from` on. */
static void spoil(const char *path, off_t from)
{
	char block[4096];
	struct stat st;
	unsigned seed = 1;
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	fstat(fd, &st);
	for (off_t at = from; at < st.st_size; at += (off_t)sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)rand_r(&seed);
		assert_int_equal(pwrite(fd, block, sizeof(block), at), sizeof(block));
	}
	close(fd);
}

static void put_much(struct kit *k)
{
	for (uint64_t id = 100; id < 1100; id++)
		kit_put_done(k, id, "r", OUTCOME_OK, id);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
}

/* The log of the old file, which holds some of its pages, must not be taken for the new
 * one's. */
static void makes_a_file_anew_whose_log_was_left(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	put_much(k);
	kit_number(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	for (uint64_t id = 200; id < 1100; id += 2)
		store_end_job(k->store, id);
	kit_put_done(k, 5000, "r", OUTCOME_OK, 1);
	kit_settle(k);
	unlink(kit_path(k, "fsmon.db"));
	kit_put_waiting(k, 2, "/b");
	kit_settle(k);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 1001);
	assert_true(kit_close(k));
	assert_int_equal(kit_number(k, "SELECT count(*) FROM pragma_integrity_check"
				       " WHERE integrity_check = 'ok'"),
		1);
	assert_string_equal(left_ids(k), "1 2 ");
}

static void starts_anew_where_the_file_is_broken(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	put_much(k);
	kit_close(k);
	spoil(kit_path(k, "fsmon.db"), 0);
	kit_open(k);
	struct store_health h;
	store_health(k->store, &h);
	assert_false(h.is_memory);
	assert_int_equal(stat(kit_path(k, "fsmon.db.broken"), &st), 0);
	/* Numbers of runs must not come again. */
	assert_true(store_last_run_id(k->store) > 1001100);
	kit_put_waiting(k, store_last_job_id(k->store) + 1, "/b");
	assert_true(kit_close(k));
	assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 1);
}

static void restore_two(struct kit *k)
{
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2000, "/b");
}

static void replaces_a_file_that_breaks(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	put_much(k);
	k->restore = restore_two;
	kit_number(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	spoil(kit_path(k, "fsmon.db"), 4096);
	kit_put_waiting(k, 3000, "/c");
	kit_settle(k);
	kit_settle(k);
	assert_int_equal(k->lost, 1);
	assert_int_equal(stat(kit_path(k, "fsmon.db.broken"), &st), 0);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM run"), 0);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "1 2000 3000 ");
	assert_int_equal(store_last_run_id(k->store), 1001099);
}

/* What the store has read already it need not read again: it looks all the same. */
static void sees_that_somebody_wrote_over_the_file(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_open(k);
	put_much(k);
	kit_number(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	for (uint64_t id = 2900; id < 2910; id++)
		kit_put_waiting(k, id, "/w"); /* near what comes next */
	kit_settle(k);
	k->restore = restore_two;
	spoil(kit_path(k, "fsmon.db"), 0);
	kit_put_waiting(k, 3000, "/c");
	kit_settle(k);
	kit_settle(k);
	assert_int_equal(stat(kit_path(k, "fsmon.db.broken"), &st), 0);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "1 2000 3000 ");
}

/* Nobody is to wait for the check of a large database after a kill. */
static void checks_a_large_file_only_in_part(void **state)
{
	struct kit *k = *state;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		kit_open(k);
		for (uint64_t id = 1; id <= 60000; id++)
			kit_put_done(k, id, "r", OUTCOME_OK, id);
		kit_settle(k);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	uint64_t start_ns = clock_monotonic_ns();
	kit_open(k);
	struct store_health h;
	store_health(k->store, &h);
	assert_false(h.is_memory);
	printf("# opened after a kill with 60000 runs in %llu ms\n",
		(unsigned long long)(clock_monotonic_ns() - start_ns) / 1000000);
	assert_int_equal(store_last_run_id(k->store), 1060000);
}

static void takes_no_foreign_database(void **state)
{
	struct kit *k = *state;
	struct stat st;
	kit_make(k, "CREATE TABLE mine (a)");
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	assert_true(kit_close(k));
	assert_int_equal(stat(kit_path(k, "fsmon.db.broken"), &st), 0);
	assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 1);
}

static void leaves_a_newer_database_alone(void **state)
{
	struct kit *k = *state;
	struct store_health h;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_close(k);
	kit_make(k, "PRAGMA user_version = 99");
	kit_open(k);
	store_health(k->store, &h);
	assert_true(h.is_memory);
	assert_non_null(strstr(h.reason, "newer"));
	kit_put_waiting(k, 1, "/b");
	assert_false(kit_close(k));
	assert_int_equal(kit_number(k, "SELECT count(*) FROM job"), 1);
	assert_int_equal(kit_number(k, "PRAGMA user_version"), 99);
}

/* ---- What cannot be written at the start ---- */

static void reads_what_it_cannot_write(void **state)
{
	struct kit *k = *state;
	uint64_t ids[64];
	if (!mount_small(k))
		skip();
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_put_waiting(k, 2, "/b");
	kit_close(k);
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	kit_open(k);
	struct store_health h;
	store_health(k->store, &h);
	assert_true(h.is_memory);
	assert_int_equal(kit_take_ids(k, ids), 2);
	assert_int_equal(store_last_job_id(k->store), 2);
	store_end_job(k->store, 1);
	kit_put_waiting(k, 3, "/c");
	kit_settle(k);
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT, NULL), 0);
	kit_wait_memory(k, false);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "2 3 ");
}

/* The disk is full and the last end was not clean: the log is read without its index. */
static void reads_a_log_on_a_full_disk(void **state)
{
	struct kit *k = *state;
	uint64_t ids[64];
	if (!mount_small(k))
		skip();
	kit_run_killed(k);
	unlink(kit_path(k, "fsmon.db-shm"));
	fill(k);
	kit_open(k);
	assert_int_equal(kit_take_ids(k, ids), 2);
	assert_int_equal(store_last_job_id(k->store), 2);
}

/* Nobody has seen what waits in the file: it stays, and numbers do not meet. */
static void keeps_what_it_could_not_read(void **state)
{
	struct kit *k = *state;
	char away[80];
	uint64_t ids[64];
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_close(k);
	snprintf(away, sizeof(away), "%s.away", k->dir);
	assert_int_equal(rename(k->dir, away), 0);
	close(open(k->dir, O_WRONLY | O_CREAT, 0600));
	kit_open(k);
	assert_int_equal(kit_take_ids(k, ids), 0);
	uint64_t id = store_last_job_id(k->store) + 1;
	assert_true(id > 1000000);
	kit_put_waiting(k, id, "/b");
	kit_settle(k);
	unlink(k->dir);
	assert_int_equal(rename(away, k->dir), 0);
	kit_wait_memory(k, false);
	assert_true(kit_close(k));
	kit_open(k);
	assert_int_equal(kit_take_ids(k, ids), 2);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], id);
}

static long long whole_events(struct kit *k)
{
	return kit_number(k, "SELECT count(*) FROM event"
			     " WHERE unit = 'user.slice' AND depth = 3");
}

static void has_all_columns_in_memory_too(void **state)
{
	struct kit *k = *state;
	struct store_health h;
	if (!mount_small(k))
		skip();
	kit_open(k);
	kit_close(k);
	kit_make(k, "ALTER TABLE event DROP COLUMN unit");
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
	store_health(k->store, &h);
	assert_true(h.is_memory);
	assert_int_equal(h.lost, 0);
	assert_int_equal(mount("none", k->dir, NULL, MS_REMOUNT, NULL), 0);
	kit_wait_memory(k, false);
	assert_int_equal(whole_events(k), 1);
}

/* A column that came later stands at the end of the file's table. */
static void heals_a_file_whose_columns_stand_otherwise(void **state)
{
	struct kit *k = *state;
	char away[80];
	kit_open(k);
	kit_close(k);
	kit_make(k, "ALTER TABLE event DROP COLUMN unit");
	snprintf(away, sizeof(away), "%s.away", k->dir);
	assert_int_equal(rename(k->dir, away), 0);
	close(open(k->dir, O_WRONLY | O_CREAT, 0600));
	kit_open(k);
	kit_put_waiting(k, store_last_job_id(k->store) + 1, "/b");
	kit_settle(k);
	unlink(k->dir);
	assert_int_equal(rename(away, k->dir), 0);
	kit_wait_memory(k, false);
	assert_int_equal(whole_events(k), 1);
}

/* An admin's transaction must not hold up the store for long. */
static void goes_on_while_the_file_is_locked(void **state)
{
	struct kit *k = *state;
	kit_open(k);
	kit_put_waiting(k, 1, "/a");
	kit_settle(k);
	kit_lock(k);
	store_end_job(k->store, 1);
	kit_put_waiting(k, 2, "/b");
	kit_wait_memory(k, true);
	kit_unlock(k);
	kit_wait_memory(k, false);
	assert_true(kit_close(k));
	assert_string_equal(left_ids(k), "2 ");
}

int main(void)
{
	has_namespace = unshare(CLONE_NEWNS) == 0 &&
			mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
		TEST(goes_on_in_memory_while_the_disk_is_full),
		TEST(writes_at_the_end_what_was_in_memory),
		TEST(says_so_where_all_is_not_written_at_the_end),
		TEST(makes_a_deleted_file_anew),
		TEST(makes_a_file_anew_whose_log_was_left),
		TEST(keeps_aside_what_took_its_place),
		TEST(goes_on_without_its_directory),
		TEST(starts_anew_where_the_file_is_broken),
		TEST(replaces_a_file_that_breaks),
		TEST(sees_that_somebody_wrote_over_the_file),
		TEST(checks_a_large_file_only_in_part),
		TEST(takes_no_foreign_database),
		TEST(leaves_a_newer_database_alone),
		TEST(reads_what_it_cannot_write),
		TEST(reads_a_log_on_a_full_disk),
		TEST(keeps_what_it_could_not_read),
		TEST(has_all_columns_in_memory_too),
		TEST(heals_a_file_whose_columns_stand_otherwise),
		TEST(goes_on_while_the_file_is_locked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
