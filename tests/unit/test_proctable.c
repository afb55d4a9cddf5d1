/* SPDX-License-Identifier: MIT */
/* Sequences of process records, and what the table makes of them. Times are in
 * milliseconds. */
#include "core/proc/life.h"
#include "core/proc/proctable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define MS UINT64_C(1000000)

enum op {
	END = 0,
	FORK, /* pid by other */
	THREAD_FORK, /* pid by another thread of other; `name`: read from /proc until
			`read` */
	EXEC, /* pid; with `name`, /proc was read until `read` (default: at + 1) */
	UID, /* pid becomes uid, euid */
	COMM, /* pid is called name */
	EXIT,
	TASK, /* taskstats: pid was called name, of user uid, for `read` */
	THREAD_TASK, /* taskstats: the last thread of process `pid` */
	LEADER_TASK, /* taskstats: the first thread of process `pid`, not the last */
	SCAN, /* begin, pid found with parent other, uid and name, end; read until `read`
	       */
	LOST, /* records */
	LOST_TASKS,
	TAG, /* pid as run uid */
	SETTLE,
	CARRY, /* pid had `before` opens in the window at … read */
	WHO, /* pid, between `at` and `read`, is `name`: "attribution cmd uid euid ppid"
	      */
	LINEAGE, /* likewise; `name`: ancestors, each followed by a slash */
	TAGGED, /* likewise; uid: tag */
	MAYBE, /* likewise; `name`: users that it may have been, separated by commas */
};

struct step {
	enum op op;
	unsigned at;
	pid_t pid, other;
	const char *name;
	uint32_t uid, euid;
	unsigned read;
	uint32_t before, after; /* opens */
	uint32_t gbefore, gafter; /* groups of opens; 0: as there are opens */
	bool incomplete, spans;
	const char *exe; /* with EXEC; default: the name */
	enum procrec_counted counted; /* with UID: so many records were queued then */
	uint64_t queued;
	uint64_t ordinal; /* of the record that WHO is about */
	bool users_span;
};

struct sequence {
	const char *name;
	struct step steps[24];
};

/* A shell, pid 10, child of init, as root: how most sequences begin. */
#define INIT                                                       \
	{                                                          \
		SCAN, .at = 1, .pid = 1, .name = "init", .read = 1 \
	}
#define SHELL                                          \
	INIT, {FORK, .at = 2, .pid = 10, .other = 1},  \
	{                                              \
		EXEC, .at = 3, .pid = 10, .name = "sh" \
	}

static const struct sequence sequences[] = {
	{"missing pid", {SHELL, {WHO, .at = 200, .pid = 11, .read = 201,
					.name = "unknown - - - -"}}},
	{"pid zero", {SHELL, {WHO, .at = 200, .pid = 0, .read = 201,
				     .name = "unknown - - - -"}}},
	{"scanned", {INIT, {WHO, .at = 200, .pid = 1, .read = 201,
				   .name = "exact init 0 0 0"}}},
	{"settled exec", {SHELL, {WHO, .at = 200, .pid = 10, .read = 201,
					 .name = "exact sh 0 0 1"}}},
	{"fork without exec has its parent's name and user",
		{SHELL, {UID, .at = 210, .pid = 10, .uid = 7, .euid = 7},
			{FORK, .at = 220, .pid = 11, .other = 10},
			{COMM, .at = 230, .pid = 10, .name = "later"},
			{WHO, .at = 215, .pid = 11, .read = 240,
				.name = "exact sh 7 7 10"}}},
	{"fork in the window is no doubt",
		{SHELL, {FORK, .at = 210, .pid = 11, .other = 10},
			{EXIT, .at = 212, .pid = 11},
			{WHO, .at = 200, .pid = 11, .read = 220,
				.name = "exact sh 0 0 10"}}},
	{"overwrite: a second exec replaces the first",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 300, .pid = 10, .read = 301,
				.name = "exact touch 0 0 1"},
			{WHO, .at = 200, .pid = 10, .read = 250,
				.name = "exact sh 0 0 1"}}},

/* changes of users inside the window */
#define USERS                                                                         \
	INIT,                                                                         \
		{UID, .at = 300, .pid = 1, .uid = 7, .euid = 7,                       \
			.counted = PROCREC_COUNTED, .queued = 5},                     \
		{UID, .at = 301, .pid = 1, .counted = PROCREC_COUNTED, .queued = 6},  \
	{                                                                             \
		UID, .at = 302, .pid = 1, .euid = 8, .counted = PROCREC_COUNTED_LATE, \
		     .queued = 9                                                      \
	}
	{"users: a record that the queue held before the first change came before it",
		{USERS, {WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 5,
				.name = "exact init 0 0 0"}}},
	{"users: a record between two changes came between them",
		{USERS, {WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.name = "exact init 7 7 0"}}},
	{"users: a late count says only what came after the change",
		{USERS,
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 7,
				.name = "partial init 0 - -"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 9,
				.name = "partial init 0 - -"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 10,
				.name = "exact init 0 8 0"}}},
	{"users: without the place of the record, those that it may have had",
		{USERS,
			{WHO, .at = 250, .pid = 1, .read = 400,
				.name = "partial init - - -"},
			{MAYBE, .at = 250, .pid = 1, .read = 400, .name = "0,7"},
			{MAYBE, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.name = ""},
			{MAYBE, .at = 250, .pid = 1, .read = 400, .ordinal = 7,
				.name = ""}}},
	{"users: of merged events the first counts, or all of them",
		{USERS,
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.spans = true, .name = "exact init 7 7 0"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.spans = true, .users_span = true,
				.name = "partial init - - -"},
			{MAYBE, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.spans = true, .users_span = true, .name = "7,0"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 10,
				.spans = true, .users_span = true,
				.name = "exact init 0 8 0"}}},
	{"users: what was executed after merged events is still open",
		{USERS, {EXEC, .at = 310, .pid = 1, .name = "touch"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.spans = true, .name = "partial - 7 7 -"}}},
	{"users: one of whom nothing is known is not listed, nor are the others",
		{{UID, .at = 300, .pid = 1, .uid = 7},
			{MAYBE, .at = 250, .pid = 1, .read = 400, .name = ""},
			{UID, .at = 310, .pid = 1, .uid = 8},
			{MAYBE, .at = 305, .pid = 1, .read = 400, .name = "7,8"}}},
	{"users: behind a change that was counted the past does not matter",
		{{UID, .at = 300, .pid = 1, .uid = 7, .counted = PROCREC_COUNTED,
			 .queued = 5},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 5,
				.name = "partial - - - -"},
			{WHO, .at = 250, .pid = 1, .read = 400, .ordinal = 6,
				.name = "partial - 7 0 -"}}},

	/* exec inside the window */
	{"exec before the event: opens before, none behind",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 250, .pid = 10, .read = 310, .before = 2,
				.name = "exact touch 0 0 1"}}},
	{"write, then exec: opens behind only",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 250, .pid = 10, .read = 310, .after = 2,
				.name = "exact sh 0 0 1"}}},
	{"exec without an open is undecided",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 250, .pid = 10, .read = 310,
				.name = "partial - 0 0 1"}}},
	{"exec with the queue not read to its end is undecided",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 250, .pid = 10, .read = 310, .before = 2,
				.incomplete = true, .name = "partial - 0 0 1"}}},
	{"exec to a program of the same name: name known, program not",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "sh", .exe = "other"},
			{WHO, .at = 250, .pid = 10, .read = 310,
				.name = "partial sh 0 0 1"}}},
	{"merged kinds may span the exec behind them",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 250, .pid = 10, .read = 310, .after = 2,
				.spans = true, .name = "partial - 0 0 1"},
			{WHO, .at = 250, .pid = 10, .read = 310, .before = 2,
				.spans = true, .name = "exact touch 0 0 1"}}},
	{"setuid launcher: two execs and the user between them",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11},
			{UID, .at = 302, .pid = 11, .uid = 65534, .euid = 65534},
			{EXEC, .at = 304, .pid = 11, .name = "touch"},
			{WHO, .at = 250, .pid = 11, .read = 310, .before = 3,
				.name = "exact touch 65534 65534 10"}}},
	{"two opens can be two merged ones of the same program",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one", .exe = "busybox"},
			{EXEC, .at = 500, .pid = 11, .name = "two", .exe = "busybox"},
			{WHO, .at = 295, .pid = 11, .read = 510, .before = 2,
				.name = "partial - 0 0 10"}}},
	{"two opens of programs that are known to differ are two",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one"},
			{EXEC, .at = 500, .pid = 11, .name = "two"},
			{WHO, .at = 295, .pid = 11, .read = 510, .before = 2,
				.name = "exact two 0 0 10"},
			{WHO, .at = 295, .pid = 11, .read = 510, .before = 1, .after = 1,
				.name = "exact one 0 0 10"}}},
	{"exec, write, exec: one exec for each run of opens once it has ended",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one"},
			{EXEC, .at = 500, .pid = 11, .name = "two"},
			{WHO, .at = 295, .pid = 11, .read = 520, .before = 2, .after = 2,
				.gbefore = 1, .gafter = 1, .name = "partial - 0 0 10"},
			{EXIT, .at = 510, .pid = 11},
			{WHO, .at = 295, .pid = 11, .read = 520, .before = 2, .after = 2,
				.gbefore = 1, .gafter = 1, .name = "exact one 0 0 10"}}},
	{"an exec under way when the window began came before the event",
		{SHELL, {CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 270, .pid = 10, .read = 310,
				.name = "exact touch 0 0 1"}}},
	{"an exec under way and opens behind the event are undecided",
		{SHELL, {CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 300, .pid = 10, .name = "touch"},
			{WHO, .at = 270, .pid = 10, .read = 310, .after = 1,
				.name = "partial - 0 0 1"}}},
	{"an exec under way, a write, another exec: clear once the process has ended",
		{SHELL, {CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 300, .pid = 10, .name = "one"},
			{EXEC, .at = 500, .pid = 10, .name = "two"},
			{EXIT, .at = 510, .pid = 10},
			{WHO, .at = 270, .pid = 10, .read = 520, .after = 2, .gafter = 1,
				.name = "exact one 0 0 1"},
			{WHO, .at = 270, .pid = 10, .read = 520, .before = 1, .after = 2,
				.gafter = 1, .name = "partial - 0 0 1"}}},
	{"opens that an exec has answered do not count again",
		{SHELL, {EXEC, .at = 255, .pid = 10, .name = "one"},
			{CARRY, .at = 250, .pid = 10, .read = 260, .before = 1},
			{EXEC, .at = 400, .pid = 10, .name = "two"},
			{WHO, .at = 270, .pid = 10, .read = 410, .after = 1,
				.name = "exact one 0 0 1"},
			{WHO, .at = 270, .pid = 10, .read = 410,
				.name = "partial - 0 0 1"}}},
	{"opens do not count again if the exec came after they were read",
		{SHELL, {CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 265, .pid = 10, .name = "one"},
			{EXEC, .at = 300, .pid = 10, .name = "two"},
			{WHO, .at = 270, .pid = 10, .read = 310,
				.name = "partial - 0 0 1"}}},
	{"a second open that no exec may have answered counts for a while",
		{SHELL, {EXEC, .at = 255, .pid = 10, .name = "one"},
			{CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 300, .pid = 10, .name = "two", .read = 301},
			{WHO, .at = 270, .pid = 10, .read = 310,
				.name = "exact two 0 0 1"}}},
	{"a write, then exec: the second open of the last exec was the linker's, as the "
	 "end shows",
		{SHELL, {EXEC, .at = 255, .pid = 10, .name = "one"},
			{CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 300, .pid = 10, .name = "two", .read = 301},
			{WHO, .at = 270, .pid = 10, .read = 310, .after = 2, .gafter = 1,
				.name = "partial - 0 0 1"},
			{EXIT, .at = 305, .pid = 10},
			{WHO, .at = 270, .pid = 10, .read = 310, .after = 2, .gafter = 1,
				.name = "exact one 0 0 1"}}},
	{"many opens of a program that is known to have been executed twice",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "script", .exe = "dash"},
			{EXEC, .at = 500, .pid = 11, .name = "sh", .exe = "dash"},
			{WHO, .at = 295, .pid = 11, .read = 510, .before = 3,
				.name = "partial - 0 0 10"}}},
	{"but not for ever",
		{SHELL, {EXEC, .at = 255, .pid = 10, .name = "one"},
			{CARRY, .at = 250, .pid = 10, .read = 260, .before = 2},
			{EXEC, .at = 400, .pid = 10, .name = "two"},
			{WHO, .at = 270, .pid = 10, .read = 410,
				.name = "partial - 0 0 1"}}},

	/* users and names */
	{"change of user in the window",
		{SHELL, {UID, .at = 300, .pid = 10, .uid = 0, .euid = 5},
			{WHO, .at = 250, .pid = 10, .read = 310,
				.name = "partial sh 0 - 1"},
			{WHO, .at = 300, .pid = 10, .read = 310,
				.name = "exact sh 0 5 1"},
			{WHO, .at = 250, .pid = 10, .read = 299,
				.name = "exact sh 0 0 1"}}},
	{"change of name in the window",
		{SHELL, {COMM, .at = 300, .pid = 10, .name = "x"},
			{WHO, .at = 250, .pid = 10, .read = 310,
				.name = "partial - 0 0 1"},
			{WHO, .at = 300, .pid = 10, .read = 310,
				.name = "exact x 0 0 1"}}},
	{"records of threads change nothing",
		{SHELL, {THREAD_TASK, .at = 300, .pid = 10, .name = "thread"},
			{WHO, .at = 301, .pid = 10, .read = 302,
				.name = "exact sh 0 0 1"}}},

	/* what /proc said, and when */
	{"read too late: another exec came before the end of reading",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "two", .read = 310},
			{EXEC, .at = 305, .pid = 11, .name = "two", .read = 311},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "partial - 0 0 10"},
			{WHO, .at = 305, .pid = 11, .read = 312,
				.name = "exact two 0 0 10"}}},
	{"read while the next exec took effect: what is the same proves nothing",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "two", .read = 304},
			{EXEC, .at = 305, .pid = 11, .name = "two", .read = 306},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "partial - 0 0 10"}}},
	{"read shortly before an exec, and different from it",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one", .read = 304},
			{EXEC, .at = 305, .pid = 11, .name = "two", .read = 306},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "exact one 0 0 10"}}},
	{"read shortly before an exec of which nothing is known",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one", .read = 304},
			{EXEC, .at = 305, .pid = 11},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "partial - 0 0 10"}}},
	{"read too late for a change of name: program known, name not",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "new", .read = 310},
			{COMM, .at = 305, .pid = 11, .name = "new"},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "partial - 0 0 10"},
			{WHO, .at = 305, .pid = 11, .read = 306,
				.name = "exact new 0 0 10"}}},
	{"read after the pid was given away",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "new", .read = 310},
			{EXIT, .at = 302, .pid = 11},
			{FORK, .at = 305, .pid = 11, .other = 1},
			{WHO, .at = 300, .pid = 11, .read = 304,
				.name = "partial - 0 0 10"}}},
	{"gone before anybody looked: taskstats has the name",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11},
			{WHO, .at = 300, .pid = 11, .read = 310,
				.name = "partial - 0 0 10"},
			{TASK, .at = 303, .pid = 11, .name = "touch"},
			{EXIT, .at = 302, .pid = 11},
			{WHO, .at = 300, .pid = 11, .read = 310,
				.name = "partial touch 0 0 10"}}},
	{"taskstats knows the last name only",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11}, {EXEC, .at = 301, .pid = 11},
			{TASK, .at = 303, .pid = 11, .name = "touch"},
			{EXIT, .at = 302, .pid = 11},
			{WHO, .at = 300, .pid = 11, .read = 300,
				.name = "partial - 0 0 10"},
			{WHO, .at = 301, .pid = 11, .read = 310,
				.name = "partial touch 0 0 10"}}},
	{"taskstats does not overrule a name",
		{SHELL, {TASK, .at = 303, .pid = 10, .name = "wrong"},
			{EXIT, .at = 304, .pid = 10},
			{WHO, .at = 300, .pid = 10, .read = 310,
				.name = "exact sh 0 0 1"}}},
	{"children forked before share the name that taskstats tells",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11},
			{FORK, .at = 301, .pid = 12, .other = 11},
			{TASK, .at = 303, .pid = 11, .name = "x"},
			{WHO, .at = 300, .pid = 12, .read = 310,
				.name = "partial x 0 0 11"}}},
	{"taskstats of another user is another process",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11},
			{TASK, .at = 303, .pid = 11, .name = "x", .uid = 9},
			{WHO, .at = 300, .pid = 11, .read = 310,
				.name = "partial - 0 0 10"}}},
	{"taskstats of an older process is another one",
		{SHELL, {FORK, .at = 1290, .pid = 11, .other = 10},
			{EXEC, .at = 1300, .pid = 11},
			{TASK, .at = 1303, .pid = 11, .name = "x", .read = 1000},
			{WHO, .at = 1300, .pid = 11, .read = 1310,
				.name = "partial - 0 0 10"}}},
	{"taskstats goes to the oldest life that has none",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11}, {EXIT, .at = 302, .pid = 11},
			{FORK, .at = 310, .pid = 11, .other = 10},
			{EXEC, .at = 311, .pid = 11},
			{TASK, .at = 312, .pid = 11, .name = "first"},
			{TASK, .at = 313, .pid = 11, .name = "second"},
			{WHO, .at = 300, .pid = 11, .read = 302,
				.name = "partial first 0 0 10"},
			{WHO, .at = 311, .pid = 11, .read = 320,
				.name = "partial second 0 0 10"}}},
	{"but to none once some were lost",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11}, {EXIT, .at = 302, .pid = 11},
			{FORK, .at = 310, .pid = 11, .other = 10},
			{EXEC, .at = 311, .pid = 11}, {LOST_TASKS, .at = 0},
			{TASK, .at = 312, .pid = 11, .name = "x"},
			{WHO, .at = 300, .pid = 11, .read = 302,
				.name = "partial - 0 0 10"},
			{WHO, .at = 311, .pid = 11, .read = 320,
				.name = "partial - 0 0 10"}}},

	/* threads */
	{"forked by another thread: its name is not the process's",
		{SHELL, {THREAD_FORK, .at = 290, .pid = 11, .other = 10},
			{WHO, .at = 295, .pid = 11, .read = 296,
				.name = "partial - 0 0 10"},
			{TASK, .at = 297, .pid = 11, .name = "worker"},
			{WHO, .at = 295, .pid = 11, .read = 296,
				.name = "exact worker 0 0 10"}}},
	{"forked by another thread: /proc has the name",
		{SHELL,
			{THREAD_FORK, .at = 290, .pid = 11, .other = 10, .name = "worker",
				.read = 291},
			{WHO, .at = 295, .pid = 11, .read = 296,
				.name = "exact worker 0 0 10"}}},
	{"forked by another thread: /proc was read too late",
		{SHELL,
			{THREAD_FORK, .at = 290, .pid = 11, .other = 10, .name = "touch",
				.read = 300},
			{EXEC, .at = 295, .pid = 11, .name = "touch"},
			{WHO, .at = 290, .pid = 11, .read = 294,
				.name = "partial - 0 0 10"}}},
	{"the first thread ends, the others go on",
		{SHELL, {LEADER_TASK, .at = 300, .pid = 10, .name = "sh"},
			{EXIT, .at = 301, .pid = 10}, {SETTLE, .at = 5000},
			{WHO, .at = 5000, .pid = 10, .read = 5010,
				.name = "exact sh 0 0 1"},
			{THREAD_TASK, .at = 6000, .pid = 10}, {SETTLE, .at = 9000},
			{WHO, .at = 9000, .pid = 10, .read = 9010,
				.name = "unknown - - - -"}}},
	{"exec by another thread ends the first one and is no new process",
		{SHELL, {EXIT, .at = 300, .pid = 10},
			{EXEC, .at = 301, .pid = 10, .name = "new"},
			{WHO, .at = 301, .pid = 10, .read = 310,
				.name = "exact new 0 0 1"},
			{SETTLE, .at = 9000},
			{WHO, .at = 9000, .pid = 10, .read = 9010,
				.name = "exact new 0 0 1"}}},

	/* a pid is not an identity */
	{"pid reuse: lives apart in time",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one"},
			{EXIT, .at = 302, .pid = 11},
			{FORK, .at = 310, .pid = 11, .other = 1},
			{EXEC, .at = 311, .pid = 11, .name = "two"},
			{WHO, .at = 300, .pid = 11, .read = 305,
				.name = "exact one 0 0 10"},
			{WHO, .at = 311, .pid = 11, .read = 320,
				.name = "exact two 0 0 1"}}},
	{"pid reuse inside the window is unknown",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "one"},
			{EXIT, .at = 302, .pid = 11},
			{FORK, .at = 310, .pid = 11, .other = 10},
			{WHO, .at = 300, .pid = 11, .read = 320, .before = 2,
				.name = "unknown - - - -"}}},
	{"pid reuse inside the window by two that are alike",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXIT, .at = 302, .pid = 11},
			{FORK, .at = 310, .pid = 11, .other = 10},
			{WHO, .at = 280, .pid = 11, .read = 320,
				.name = "exact sh 0 0 10"}}},
	{"late EXIT: the next fork of the pid came first",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{FORK, .at = 300, .pid = 11, .other = 10},
			{EXEC, .at = 302, .pid = 11, .name = "two"},
			{EXIT, .at = 303, .pid = 11}, {SETTLE, .at = 5000},
			{WHO, .at = 5000, .pid = 11, .read = 5010,
				.name = "exact two 0 0 10"},
			{EXIT, .at = 5020, .pid = 11}, {SETTLE, .at = 9000},
			{WHO, .at = 9000, .pid = 11, .read = 9010,
				.name = "unknown - - - -"}}},
	{"a record about an unknown pid: its past is unknown",
		{INIT, {EXEC, .at = 300, .pid = 11, .name = "x"},
			{WHO, .at = 250, .pid = 11, .read = 310, .before = 1,
				.name = "partial - - - -"},
			{WHO, .at = 300, .pid = 11, .read = 310,
				.name = "partial x - - -"}}},

	/* scans */
	{"fork seen after the scan: the same life, now with its parent",
		{INIT, {SCAN, .at = 20, .pid = 11, .other = 1, .name = "x", .read = 21},
			{FORK, .at = 15, .pid = 11, .other = 1},
			{EXIT, .at = 30, .pid = 11},
			{WHO, .at = 22, .pid = 11, .read = 40, .name = "exact x 0 0 1"},
			{SETTLE, .at = 5000},
			{WHO, .at = 5000, .pid = 11, .read = 5010,
				.name = "unknown - - - -"}}},
	{"exec before the scan: nothing is known of before",
		{INIT, {SCAN, .at = 20, .pid = 11, .other = 1, .name = "x", .read = 21},
			{EXEC, .at = 15, .pid = 11, .name = "x", .read = 16},
			{WHO, .at = 10, .pid = 11, .read = 40, .name = "partial - - - 1"},
			{WHO, .at = 15, .pid = 11, .read = 40, .name = "exact x 0 0 1"}}},
	{"exec while the scan read",
		{INIT, {SCAN, .at = 20, .pid = 11, .other = 1, .name = "x", .read = 25},
			{EXEC, .at = 22, .pid = 11, .name = "x", .read = 26},
			{WHO, .at = 10, .pid = 11, .read = 21, .name = "partial - 0 0 1"},
			{WHO, .at = 22, .pid = 11, .read = 40, .name = "exact x 0 0 1"}}},

	/* loss */
	{"loss: nothing is said until the next scan",
		{SHELL, {LOST, .at = 300},
			{WHO, .at = 290, .pid = 10, .read = 310,
				.name = "unknown - - - -"},
			{WHO, .at = 301, .pid = 10, .read = 310,
				.name = "partial - - - 1"},
			{SCAN, .at = 320, .pid = 10, .other = 1, .name = "new",
				.read = 321, .uid = 4, .euid = 4},
			{WHO, .at = 301, .pid = 10, .read = 330,
				.name = "exact new 4 4 1"},
			{WHO, .at = 299, .pid = 10, .read = 330,
				.name = "unknown - - - -"},
			{WHO, .at = 340, .pid = 1, .read = 350,
				.name = "unknown - - - -"}}},
	{"loss: a child of a doubtful parent is doubtful, and what it executes is not",
		{SHELL, {LOST, .at = 300}, {FORK, .at = 310, .pid = 11, .other = 10},
			{WHO, .at = 310, .pid = 11, .read = 320,
				.name = "partial - - - 10"},
			{EXEC, .at = 330, .pid = 11, .name = "x"},
			{WHO, .at = 330, .pid = 11, .read = 340,
				.name = "partial x - - 10"}}},
	{"loss: tags survive",
		{SHELL, {TAG, .pid = 10, .uid = 77}, {LOST, .at = 300},
			{SCAN, .at = 320, .pid = 10, .other = 1, .name = "sh",
				.read = 321},
			{TAGGED, .at = 330, .pid = 10, .read = 340, .uid = 77}}},

	/* settling */
	{"settled states are forgotten, the one in force stays",
		{SHELL, {EXEC, .at = 300, .pid = 10, .name = "touch"},
			{SETTLE, .at = 299},
			{WHO, .at = 290, .pid = 10, .read = 299,
				.name = "exact sh 0 0 1"},
			{SETTLE, .at = 300},
			{WHO, .at = 300, .pid = 10, .read = 400,
				.name = "exact touch 0 0 1"}}},
	{"dead lives stay until the queue was empty after their end",
		{SHELL, {EXIT, .at = 300, .pid = 10}, {SETTLE, .at = 299},
			{WHO, .at = 290, .pid = 10, .read = 310,
				.name = "exact sh 0 0 1"},
			{SETTLE, .at = 2000},
			{WHO, .at = 290, .pid = 10, .read = 310,
				.name = "unknown - - - -"}}},

	/* lineage and tags */
	{"lineage: names as of each fork, dead ancestors too",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{EXEC, .at = 300, .pid = 11, .name = "make"},
			{FORK, .at = 310, .pid = 12, .other = 11},
			{EXIT, .at = 320, .pid = 11},
			{EXEC, .at = 330, .pid = 10, .name = "later"},
			{SETTLE, .at = 5000},
			{LINEAGE, .at = 5000, .pid = 12, .read = 5010,
				.name = "make/sh/init/"}}},
	{"tags: children inherit, others do not",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{TAG, .pid = 11, .uid = 5},
			{FORK, .at = 300, .pid = 12, .other = 11},
			{EXIT, .at = 301, .pid = 11}, {SETTLE, .at = 5000},
			{FORK, .at = 5010, .pid = 13, .other = 12},
			{FORK, .at = 5011, .pid = 14, .other = 10},
			{TAGGED, .at = 5020, .pid = 13, .read = 5030, .uid = 5},
			{TAGGED, .at = 5020, .pid = 14, .read = 5030, .uid = 0}}},
	{"tags: given late, they reach children that are there already",
		{SHELL, {FORK, .at = 290, .pid = 11, .other = 10},
			{FORK, .at = 300, .pid = 12, .other = 11},
			{FORK, .at = 301, .pid = 13, .other = 12},
			{EXIT, .at = 302, .pid = 12}, {EXIT, .at = 303, .pid = 13},
			{TAG, .pid = 11, .uid = 5},
			{TAGGED, .at = 290, .pid = 13, .read = 310, .uid = 5},
			{TAGGED, .at = 290, .pid = 12, .read = 310, .uid = 5},
			{TAGGED, .at = 290, .pid = 10, .read = 310, .uid = 0}}},
};

static char *copy(const char *prefix, const char *s)
{
	size_t len = strlen(prefix) + strlen(s) + 1;
	char *text = malloc(len);
	assert_non_null(text);
	snprintf(text, len, "%s%s", prefix, s);
	return text;
}

/* A complete snapshot of a program. */
static struct proc_snapshot snapshot(const struct step *s)
{
	unsigned read = s->read ? s->read : s->at + 1;
	struct proc_snapshot snap = {
		.t0_ns = s->at * MS,
		.t1_ns = read * MS,
		.pid = s->pid,
		.program.exe = copy("/bin/", s->exe ? s->exe : s->name),
		.program.cmdline = copy(s->name, " -x"),
		.program.unit = copy("", "test.scope"),
	};
	snap.program.login_uid = PROGRAM_NO_LOGIN;
	snprintf(snap.program.comm, sizeof(snap.program.comm), "%s", s->name);
	return snap;
}

static struct procrec record(const struct step *s)
{
	static const enum procrec_kind kinds[] = {
		[FORK] = PROCREC_FORK,
		[THREAD_FORK] = PROCREC_FORK,
		[EXEC] = PROCREC_EXEC,
		[UID] = PROCREC_UID,
		[COMM] = PROCREC_COMM,
		[EXIT] = PROCREC_EXIT,
		[TASK] = PROCREC_TASK,
		[THREAD_TASK] = PROCREC_TASK,
		[LEADER_TASK] = PROCREC_TASK,
		[LOST] = PROCREC_LOST,
	};
	struct procrec rec = {.kind = kinds[s->op],
		.time_ns = s->at * MS,
		.pid = s->pid,
		.tgid = s->pid};
	if (s->op == FORK || s->op == THREAD_FORK) {
		rec.fork.parent_tgid = s->other;
		rec.fork.parent_pid = s->op == FORK ? s->other : s->other + 1000;
	} else if (s->op == UID) {
		rec.uid.uid = s->uid;
		rec.uid.euid = s->euid;
		rec.uid.counted = s->counted;
		rec.uid.queued = s->queued;
	} else if (s->op == COMM) {
		snprintf(rec.comm.name, sizeof(rec.comm.name), "%s", s->name);
	} else if (rec.kind == PROCREC_TASK) {
		rec.pid += s->op == THREAD_TASK ? 1000 : 0;
		rec.task.uid = s->uid;
		rec.task.has_group = true;
		rec.task.group_dead = s->op != LEADER_TASK;
		rec.task.elapsed_ns = s->read * MS;
		snprintf(rec.task.comm, sizeof(rec.task.comm), "%s",
			s->name ? s->name : "");
	}
	return rec;
}

static void apply(struct proctable *t, const struct step *s)
{
	struct procrec rec = record(s);
	struct proc_snapshot snap;
	bool has_snap = s->name && (s->op == EXEC || s->op == THREAD_FORK);
	if (has_snap)
		snap = snapshot(s);
	assert_int_equal(proctable_apply(t, &rec, has_snap ? &snap : NULL), 0);
}

static void scan(struct proctable *t, const struct step *s)
{
	struct proc_snapshot snap = snapshot(s);
	snap.has_status = true;
	snap.ppid = s->other;
	snap.uid = s->uid;
	snap.euid = s->euid;
	uint64_t since_ns = s->at > 300 ? 300 * MS : 1;
	assert_int_equal(proctable_scan_add(t, &snap, since_ns), 0);
	proctable_scan_end(t, s->read * MS);
}

static struct proctable_window window(const struct step *s)
{
	return (struct proctable_window){
		.after_ns = s->at * MS,
		.before_ns = s->read * MS,
		.order.opens_before = s->before,
		.order.opens_after = s->after,
		.order.groups_before = s->gbefore ? s->gbefore : s->before,
		.order.groups_after = s->gafter ? s->gafter : s->after,
		.complete = !s->incomplete,
		.ordinal = s->ordinal,
		.spans = s->spans,
		.users_span = s->users_span,
	};
}

static void put_id(char *text, size_t size, uint32_t id)
{
	if (id == ACTOR_ID_UNKNOWN)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%u", id);
}

/* "attribution cmd uid euid ppid" */
static void describe(const struct actor *a, char *text, size_t size)
{
	char uid[16], euid[16], ppid[16];
	put_id(uid, sizeof(uid), a->uid);
	put_id(euid, sizeof(euid), a->euid);
	bool has_ppid = a->ppid || a->attribution == ACTOR_EXACT;
	put_id(ppid, sizeof(ppid), has_ppid ? (uint32_t)a->ppid : ACTOR_ID_UNKNOWN);
	snprintf(text, size, "%s %s %s %s %s", actor_attribution_name(a->attribution),
		a->program.comm[0] ? a->program.comm : "-", uid, euid, ppid);
}

static void check(const struct proctable *t, const struct step *s, const char *name)
{
	struct proctable_window w = window(s);
	struct actor a;
	char text[600] = "";
	assert_int_equal(proctable_who(t, s->pid, &w, &a), 0);
	if (s->op == WHO) {
		describe(&a, text, sizeof(text));
	} else if (s->op == LINEAGE) {
		for (size_t i = 0; i < a.ancestors_len && i < sizeof(text) - 1; i++)
			text[i] = a.ancestors[i] ? a.ancestors[i] : '/';
	} else if (s->op == MAYBE) {
		for (uint32_t i = 0; i < a.maybe_count; i++) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s%u", i ? "," : "",
				a.maybe_uids[i]);
		}
	}
	if (s->op == TAGGED && a.tag != s->uid)
		fail_msg("%s: tag is %u", name, (unsigned)a.tag);
	if (s->op != TAGGED && strcmp(text, s->name) != 0)
		fail_msg("%s: at %u to %u: %s, not %s", name, s->at, s->read, text,
			s->name);
	actor_fini(&a);
}

static void run(struct proctable *t, const struct step *s, const char *name)
{
	struct proctable_window w = window(s);
	switch (s->op) {
	case SCAN:
		scan(t, s);
		return;
	case LOST_TASKS:
		proctable_lost_tasks(t);
		return;
	case TAG:
		assert_int_equal(proctable_tag(t, s->pid, s->uid, 1), 0);
		return;
	case SETTLE:
		proctable_forget_past(t, s->at * MS);
		return;
	case CARRY:
		proctable_note_opens(t, s->pid, &w, s->before);
		return;
	case WHO:
	case LINEAGE:
	case TAGGED:
	case MAYBE:
		check(t, s, name);
		return;
	default:
		apply(t, s);
	}
}

static void test_sequences(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sequences); i++) {
		struct proctable *t = proctable_new(1000);
		assert_non_null(t);
		for (const struct step *s = sequences[i].steps; s->op != END; s++)
			run(t, s, sequences[i].name);
		proctable_free(t);
	}
}

static void fork_one(struct proctable *t, unsigned at, pid_t pid, pid_t parent)
{
	run(t, &(struct step){FORK, .at = at, .pid = pid, .other = parent}, "fork");
}

static void expect(struct proctable *t, unsigned at, pid_t pid, const char *who)
{
	run(t, &(struct step){WHO, .at = at, .read = at + 1, .pid = pid, .name = who},
		"expect");
}

/* The record insert, get and forget cases of a process cache. */
static void test_insert_get_many(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100000);
	run(t, &(struct step)INIT, "init");
	for (pid_t pid = 2; pid < 50002; pid++)
		fork_one(t, 10, pid, 1);
	assert_int_equal(t->counts.lives, 50001);
	for (pid_t pid = 2; pid < 50002; pid += 997)
		expect(t, 20, pid, "exact init 0 0 1");
	expect(t, 20, 50002, "unknown - - - -");
	for (pid_t pid = 2; pid < 50002; pid++)
		run(t, &(struct step){EXIT, .at = 30, .pid = pid}, "exit");
	proctable_forget_past(t, 5000 * MS);
	assert_int_equal(t->counts.lives, 1);
	assert_int_equal(t->counts.ancestors, 0);
	proctable_free(t);
}

static void test_eviction_takes_the_oldest_dead(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(4);
	run(t, &(struct step)INIT, "init");
	for (pid_t pid = 2; pid <= 4; pid++)
		fork_one(t, 10, pid, 1);
	run(t, &(struct step){EXIT, .at = 30, .pid = 3}, "exit");
	run(t, &(struct step){EXIT, .at = 31, .pid = 2}, "exit");
	fork_one(t, 40, 5, 1);
	assert_int_equal(t->counts.evicted, 1);
	expect(t, 20, 3, "unknown - - - -");
	expect(t, 20, 2, "exact init 0 0 1");
	fork_one(t, 41, 6, 1);
	/* All that are left are alive: the next is refused, and so is its pid's past. */
	fork_one(t, 42, 7, 1);
	assert_int_equal(t->counts.lives, 4);
	assert_int_equal(t->counts.evicted, 3);
	expect(t, 50, 7, "unknown - - - -");
	proctable_free(t);
}

/* A life that was given up may be the one that an event means, if another has its pid
 * now. */
static void test_eviction_is_not_forgotten(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(3);
	run(t, &(struct step)INIT, "init");
	fork_one(t, 10, 2, 1);
	run(t, &(struct step){EXIT, .at = 30, .pid = 2}, "exit");
	fork_one(t, 31, 3, 1);
	fork_one(t, 32, 2, 1);
	struct step who = {
		WHO, .at = 20, .read = 40, .pid = 2, .name = "unknown - - - -"};
	run(t, &who, "evicted");
	expect(t, 35, 2, "exact init 0 0 1");
	proctable_free(t);
}

/* A process that goes on by forking and ending does not grow the table. */
static void test_lineage_is_bounded(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100000);
	run(t, &(struct step)INIT, "init");
	for (unsigned i = 2; i < 20000; i++) {
		fork_one(t, i * 10, (pid_t)i, (pid_t)i - 1);
		if (i > 2)
			run(t,
				&(struct step){
					EXIT, .at = i * 10 + 1, .pid = (pid_t)i - 1},
				"exit");
		proctable_forget_past(t, i * 10 * MS);
	}
	proctable_forget_past(t, 300000 * MS);
	assert_int_equal(t->counts.lives, 2);
	assert_in_range(t->counts.ancestors, 30, 33);
	proctable_free(t);
}

/* A process that changes its user all the time, with nobody settling. */
static void test_states_are_bounded(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	run(t, &(struct step)INIT, "init");
	for (unsigned i = 0; i < 5000; i++)
		run(t, &(struct step){UID, .at = 10 + i, .pid = 1, .euid = i % 2}, "uid");
	struct step who = {
		WHO, .at = 20, .read = 9000, .pid = 1, .name = "partial - - - 0"};
	struct actor a;
	struct proctable_window w = window(&who);
	assert_int_equal(proctable_who(t, 1, &w, &a), 0);
	assert_int_equal(a.attribution, ACTOR_PARTIAL);
	assert_string_equal(a.program.comm, "");
	actor_fini(&a);
	expect(t, 5009, 1, "exact init 0 1 0");
	proctable_free(t);
}

/* Likewise, but it was counted when: what is past is forgotten, and the rest is known. */
static void test_counted_states_are_forgotten_when_they_are_past(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	run(t, &(struct step)INIT, "init");
	for (unsigned i = 0; i < 5000; i++) {
		run(t,
			&(struct step){UID, .at = 10 + i, .pid = 1, .uid = i % 3,
				.counted = PROCREC_COUNTED, .queued = i},
			"uid");
		proctable_passed(t, i > 20 ? i - 20 : 0);
	}
	assert_in_range(life_find(t, 1)->state_count, 21, 21 + 64);
	for (unsigned i = 4980; i < 5000; i++) {
		char who[32];
		snprintf(who, sizeof(who), "exact init %u 0 0", i % 3);
		run(t,
			&(struct step){WHO, .at = 5, .read = 9000, .pid = 1,
				.ordinal = i + 1, .name = who},
			"who");
	}
	proctable_free(t);
}

/* More users than are listed. */
static void test_too_many_users_are_not_listed(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	run(t, &(struct step)INIT, "init");
	for (unsigned i = 1; i < ACTOR_MAYBE_MAX; i++)
		run(t, &(struct step){UID, .at = 10 + i, .pid = 1, .uid = i}, "uid");
	struct step maybe = {
		MAYBE, .at = 5, .read = 9000, .pid = 1, .name = "0,1,2,3,4,5,6,7"};
	run(t, &maybe, "as many as are listed");
	run(t, &(struct step){UID, .at = 100, .pid = 1, .uid = 100}, "uid");
	maybe.name = "";
	run(t, &maybe, "one more");
	proctable_free(t);
}

static void test_actor_is_complete(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	const struct step steps[] = {SHELL};
	for (size_t i = 0; i < countof(steps); i++)
		run(t, &steps[i], "shell");
	struct proctable_window w = {.after_ns = 200 * MS, .before_ns = 201 * MS};
	struct actor a;
	assert_int_equal(proctable_who(t, 10, &w, &a), 0);
	assert_string_equal(a.program.exe, "/bin/sh");
	assert_string_equal(a.program.cmdline, "sh -x");
	assert_string_equal(a.program.unit, "test.scope");
	assert_int_equal(a.program.login_uid, ACTOR_ID_UNKNOWN);
	assert_int_equal(a.pid, 10);
	actor_fini(&a);
	proctable_free(t);
}

/* Exec a program of which /proc tells the login user, or (read false) does not; returns whom
 * an event after it has. */
static uint32_t login_uid_after(
	struct proctable *t, uint64_t at, bool read, uint32_t login_uid)
{
	const struct step exec = {EXEC, .at = at, .pid = 10, .name = "sh"};
	struct procrec rec = record(&exec);
	struct proc_snapshot snap = snapshot(&exec);
	struct proctable_window w = {
		.after_ns = (at + 1) * MS, .before_ns = (at + 2) * MS};
	struct actor a;
	snap.has_login_uid = read;
	snap.program.login_uid = login_uid;
	assert_int_equal(proctable_apply(t, &rec, &snap), 0);
	assert_int_equal(proctable_who(t, 10, &w, &a), 0);
	login_uid = a.program.login_uid;
	actor_fini(&a);
	return login_uid;
}

static void test_a_login_user_lasts_until_it_is_read_anew(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	const struct step steps[] = {SHELL};
	for (size_t i = 0; i < countof(steps); i++)
		run(t, &steps[i], "shell");
	assert_int_equal(login_uid_after(t, 1000, true, 1000), 1000);
	assert_int_equal(login_uid_after(t, 2000, false, PROGRAM_NO_LOGIN), 1000);
	assert_int_equal(
		login_uid_after(t, 3000, true, PROGRAM_NO_LOGIN), PROGRAM_NO_LOGIN);
	proctable_free(t);
}

static void add_bit(void *ctx, pid_t pid)
{
	*(unsigned *)ctx |= 1u << pid;
}

static unsigned tagged(const struct proctable *t, uint64_t tag)
{
	unsigned pids = 0;
	proctable_tagged(t, tag, add_bit, &pids);
	return pids;
}

/* Who has a tag, by what the parents did: neither the dead nor who has their pid now. */
static void test_tagged(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	run(t, &(struct step)INIT, "init");
	fork_one(t, 10, 2, 1);
	fork_one(t, 11, 3, 2);
	fork_one(t, 12, 5, 1);
	assert_int_equal(proctable_tag(t, 2, 7, 1), 0);
	assert_int_equal(proctable_tag(t, 5, 8, 1), 0);
	assert_int_equal(tagged(t, 7), 1u << 2 | 1u << 3);
	assert_int_equal(tagged(t, 8), 1u << 5);
	assert_int_equal(tagged(t, 9), 0);
	assert_int_equal(proctable_tag_of(t, 3), 7);
	assert_int_equal(proctable_tag_of(t, 5), 8);
	assert_int_equal(proctable_tag_of(t, 4711), 0);
	fork_one(t, 13, 4, 3);
	run(t, &(struct step){EXIT, .at = 14, .pid = 2}, "exit");
	run(t, &(struct step){EXIT, .at = 15, .pid = 3}, "exit");
	assert_int_equal(tagged(t, 7), 1u << 4);
	fork_one(t, 16, 3, 1);
	assert_int_equal(proctable_tag_of(t, 3), 0);
	assert_int_equal(tagged(t, 7), 1u << 4);
	proctable_forget_past(t, 5000 * MS);
	fork_one(t, 17, 6, 4);
	assert_int_equal(tagged(t, 7), 1u << 4 | 1u << 6);
	proctable_free(t);
}

static void test_tag_of_a_missing_pid(void **state)
{
	(void)state;
	struct proctable *t = proctable_new(100);
	errno = 0;
	assert_int_equal(proctable_tag(t, 5, 1, 1), -1);
	assert_int_equal(errno, ENOENT);
	proctable_free(t);
	proctable_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_insert_get_many),
		cmocka_unit_test(test_eviction_takes_the_oldest_dead),
		cmocka_unit_test(test_eviction_is_not_forgotten),
		cmocka_unit_test(test_lineage_is_bounded),
		cmocka_unit_test(test_states_are_bounded),
		cmocka_unit_test(test_actor_is_complete),
		cmocka_unit_test(test_counted_states_are_forgotten_when_they_are_past),
		cmocka_unit_test(test_too_many_users_are_not_listed),
		cmocka_unit_test(test_a_login_user_lasts_until_it_is_read_anew),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_tag_of_a_missing_pid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
