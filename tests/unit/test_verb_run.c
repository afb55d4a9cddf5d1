/* SPDX-License-Identifier: MIT */
/* What fsmon run sets up before it becomes the keeper. The kernel's queues and the keeper are
 * fakes, by the names of the real ones, which are not linked. */
#include "app/verbs/verbs.h"

#include "app/keeper/keeper.h"
#include "base/countof.h"
#include "os/connector.h"
#include "os/dirlock.h"
#include "os/fanotify.h"
#include "os/readbuf.h"
#include "os/sock.h"
#include "os/taskstats.h"
#include "printed.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What the fakes say, and what they have been told. */
static struct {
	const char *no_tasks, *no_processes; /* why; NULL: they can be opened */
	int no_group, no_buffer; /* errno; 0: likewise */
	int code; /* of the keeper */
	bool has_run; /* the keeper; all below is then known */
	bool had_pidfds;
	bool has_fd[WIRE_FD_COUNT];
	char argv[1024]; /* words, each with a blank behind it */
	const char *degraded;
	mode_t runtime_mode;
	bool could_be_reached;
	bool has_locked; /* the state directory, at that time */
} fake;

static int open_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int connector_open(const char **why)
{
	*why = fake.no_processes;
	return fake.no_processes ? -1 : open_null();
}

int taskstats_open(const char **why)
{
	*why = fake.no_tasks;
	return fake.no_tasks ? -1 : open_null();
}

int fanotify_open(bool with_pidfd)
{
	fake.had_pidfds = with_pidfd;
	errno = fake.no_group;
	return fake.no_group ? -1 : open_null();
}

int readbuf_create(void)
{
	errno = fake.no_buffer;
	return fake.no_buffer ? -1 : open_null();
}

int keeper_run(const struct keeper_config *config)
{
	struct stat st;
	fake.has_run = true;
	for (size_t i = 0; i < WIRE_FD_COUNT; i++)
		fake.has_fd[i] = fcntl(config->fds.fd[i], F_GETFD) >= 0;
	fake.argv[0] = '\0';
	for (char *const *word = config->worker_argv; *word; word++) {
		strlcat(fake.argv, *word, sizeof(fake.argv));
		strlcat(fake.argv, " ", sizeof(fake.argv));
	}
	fake.degraded = config->degraded;
	fake.runtime_mode = stat(tempdir_path("run/fsmon"), &st) == 0 ? st.st_mode : 0;
	int fd = sock_connect(tempdir_path("run/fsmon/fsmon.sock"), SOCK_STREAM);
	fake.could_be_reached = fd >= 0;
	close(fd);
	pid_t holder;
	fd = dirlock_take(tempdir_path("var/lib"), 0, &holder);
	fake.has_locked = fd < 0 && holder == getpid();
	close(fd);
	return fake.code;
}

static int set_up(void **state)
{
	memset(&fake, 0, sizeof(fake));
	return tempdir_setup(state);
}

/* Run with directories of our own, which are not there yet. */
static int run(struct options o)
{
	int before = dup(0), after;
	close(before);
	o.runtime_dir = tempdir_path("run/fsmon");
	o.state_dir = tempdir_path("var/lib");
	printed_begin();
	int code = verb_run(&o);
	printed_end();
	/* Nothing stays open, however it ends. */
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	assert_string_equal(printed_out, "");
	return code;
}

static void the_keeper_is_given_all_that_is_open(void **state)
{
	(void)state;
	assert_int_equal(run((struct options){0}), EXIT_FINE);
	assert_true(fake.has_run);
	for (int i = WIRE_FD_WORKER + 1; i < WIRE_FD_CONF; i++)
		assert_true(fake.has_fd[i - WIRE_FD_WORKER]);
	assert_true(fake.has_fd[WIRE_FD_STATE - WIRE_FD_WORKER]);
	assert_false(fake.has_fd[0]);
	assert_false(fake.had_pidfds);
	assert_null(fake.degraded);
	assert_true(fake.could_be_reached);
	assert_true(fake.has_locked);
	assert_int_equal(fake.runtime_mode & 07777, 0700);
	assert_int_equal(access(tempdir_path("var/lib"), F_OK), 0);
	/* and its socket is gone afterwards */
	assert_int_equal(access(tempdir_path("run/fsmon/fsmon.sock"), F_OK), -1);
	assert_string_equal(printed_err, "");
}

static void the_code_is_the_keepers(void **state)
{
	(void)state;
	fake.code = EXIT_USAGE;
	assert_int_equal(run((struct options){0}), EXIT_USAGE);
}

static void the_worker_has_the_same_options(void **state)
{
	struct options o = {.is_dry = true};
	char wanted[1024];
	(void)state;
	tempdir_write("main", "");
	o.conf_file = tempdir_path("main");
	strlist_add(&o.rule_dirs, tempdir);
	strlist_add(&o.rule_dirs, "/");
	assert_int_equal(run(o), EXIT_FINE);
	snprintf(wanted, sizeof(wanted),
		"fsmon worker --config %s/main --state-dir %s/var/lib --runtime-dir "
		"%s/run/fsmon --rules-dir %s --rules-dir / --dry-run ",
		tempdir, tempdir, tempdir, tempdir);
	assert_string_equal(fake.argv, wanted);
	options_fini(&o);
	assert_int_equal(run((struct options){0}), EXIT_FINE);
	snprintf(wanted, sizeof(wanted),
		"fsmon worker --state-dir %s/var/lib --runtime-dir %s/run/fsmon ",
		tempdir, tempdir);
	assert_string_equal(fake.argv, wanted);
}

static void without_process_records_it_goes_on(void **state)
{
	static const struct {
		const char *no_tasks, *no_processes, *degraded;
		bool has_pidfds;
	} cases[] = {
		{"no tasks", NULL, "no tasks", false},
		{NULL, "no connector", "no connector", true},
		{"no tasks", "no connector", "no connector", true},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		fake.no_tasks = cases[i].no_tasks;
		fake.no_processes = cases[i].no_processes;
		assert_int_equal(run((struct options){0}), EXIT_FINE);
		assert_string_equal(fake.degraded, cases[i].degraded);
		assert_int_equal(fake.had_pidfds, cases[i].has_pidfds);
	}
}

static void without_a_group_it_says_what_is_missing(void **state)
{
	static const struct {
		int error;
		const char *said;
	} cases[] = {
		{EPERM, "fsmon: cannot watch filesystems: this needs root"},
		{EINVAL, "the kernel is too old: fsmon needs Linux 5.17 or later\n"},
		{EMFILE, "too many fanotify groups"},
		{ENOSYS, "fsmon: cannot watch filesystems: Function not implemented\n"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		fake.no_group = cases[i].error;
		assert_int_equal(run((struct options){0}), EXIT_FAILED);
		assert_contains(printed_err, cases[i].said);
		assert_false(fake.has_run);
	}
}

static void without_a_buffer_it_does_not_run(void **state)
{
	(void)state;
	fake.no_buffer = ENFILE;
	assert_int_equal(run((struct options){0}), EXIT_FAILED);
	assert_string_equal(printed_err, "fsmon: start: Too many open files in system\n");
	assert_false(fake.has_run);
}

static void what_was_named_must_be_there(void **state)
{
	struct options o = {.conf_file = "/nowhere/main"};
	(void)state;
	assert_int_equal(run(o), EXIT_USAGE);
	assert_string_equal(
		printed_err, "fsmon: /nowhere/main: No such file or directory\n");
	o.conf_file = NULL;
	strlist_add(&o.rule_dirs, tempdir);
	strlist_add(&o.rule_dirs, "/nowhere");
	assert_int_equal(run(o), EXIT_USAGE);
	assert_string_equal(printed_err, "fsmon: /nowhere: No such file or directory\n");
	assert_false(fake.has_run);
	options_fini(&o);
}

static void directories_that_cannot_be_made_are_told_of(void **state)
{
	(void)state;
	tempdir_write("var", "in the way");
	assert_int_equal(run((struct options){0}), EXIT_FAILED);
	assert_contains(printed_err, "/var/lib: Not a directory\n");
	assert_false(fake.has_run);
}

static void a_second_daemon_does_not_run(void **state)
{
	int lock;
	(void)state;
	assert_int_equal(mkdir(tempdir_path("run"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("run/fsmon"), 0700), 0);
	int fd = sock_listen(tempdir_path("run/fsmon/fsmon.sock"), SOCK_STREAM, &lock);
	assert_true(fd >= 0);
	assert_int_equal(run((struct options){0}), EXIT_FAILED);
	assert_contains(printed_err, "another fsmon runs with this runtime directory");
	assert_false(fake.has_run);
	/* The other one's socket stays. */
	assert_int_equal(access(tempdir_path("run/fsmon/fsmon.sock"), F_OK), 0);
	close(fd);
	close(lock);
}

static void a_second_daemon_keeps_out_of_the_state(void **state)
{
	pid_t holder;
	char wanted[512];
	(void)state;
	assert_int_equal(mkdir(tempdir_path("var"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("var/lib"), 0700), 0);
	int fd = dirlock_take(tempdir_path("var/lib"), 0, &holder);
	assert_true(fd >= 0);
	assert_int_equal(run((struct options){0}), EXIT_FAILED);
	snprintf(wanted, sizeof(wanted),
		"fsmon: %s/var/lib: another fsmon (pid %d) uses this state directory: "
		"stop "
		"that one first, or choose another directory with --state-dir\n",
		tempdir, (int)getpid());
	assert_string_equal(printed_err, wanted);
	assert_false(fake.has_run);
	/* Its socket does not stay. */
	assert_int_equal(access(tempdir_path("run/fsmon/fsmon.sock"), F_OK), -1);
	/* A dry run stores nothing. */
	assert_int_equal(run((struct options){.is_dry = true}), EXIT_FINE);
	assert_true(fake.has_run);
	close(fd);
}

static void a_file_in_the_place_of_the_socket_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(mkdir(tempdir_path("run"), 0700), 0);
	assert_int_equal(mkdir(tempdir_path("run/fsmon"), 0700), 0);
	tempdir_write("run/fsmon/fsmon.sock", "mine");
	assert_int_equal(run((struct options){0}), EXIT_FAILED);
	assert_contains(printed_err, "fsmon.sock: Socket operation on non-socket\n");
	assert_int_equal(access(tempdir_path("run/fsmon/fsmon.sock"), F_OK), 0);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, set_up, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(the_keeper_is_given_all_that_is_open),
		HERE(the_code_is_the_keepers),
		HERE(the_worker_has_the_same_options),
		HERE(without_process_records_it_goes_on),
		HERE(without_a_group_it_says_what_is_missing),
		HERE(without_a_buffer_it_does_not_run),
		HERE(what_was_named_must_be_there),
		HERE(directories_that_cannot_be_made_are_told_of),
		HERE(a_second_daemon_does_not_run),
		HERE(a_second_daemon_keeps_out_of_the_state),
		HERE(a_file_in_the_place_of_the_socket_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
