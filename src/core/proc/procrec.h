/* SPDX-License-Identifier: MIT */
/* Process records: decodes what the process connector (linux/cn_proc.h) and taskstats
 * (linux/taskstats.h) report. Bytes in, records out. */
#ifndef FSMON_CORE_PROC_PROCREC_H
#define FSMON_CORE_PROC_PROCREC_H

#include "core/proc/program.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum procrec_kind {
	PROCREC_ACK = 0, /* the kernel's answer to a subscription */
	PROCREC_FORK,
	PROCREC_EXEC,
	PROCREC_UID,
	PROCREC_COMM,
	PROCREC_EXIT,
	PROCREC_TASK, /* from taskstats: how a process ended */
	PROCREC_LOST, /* made by the reader: records were lost before time_ns */
};

/* What is known of the queue of file events at a change of users. */
enum procrec_counted {
	PROCREC_UNCOUNTED = 0,
	PROCREC_COUNTED_LATE, /* counted when the process may have gone on already */
	PROCREC_COUNTED, /* before it went on */
};

/* One record: a value. */
struct procrec {
	enum procrec_kind kind;
	/*
	 * CLOCK_MONOTONIC. From the connector: taken after the change, before the process
	 * goes on. Taskstats has none; there the reader sets the time at which it
	 * received the record.
	 */
	uint64_t time_ns;
	uint32_t cpu; /* connector only: where it was reported */
	uint32_t seq; /* connector only: counts the records of that cpu */
	pid_t pid; /* the thread; of a fork, the child */
	pid_t tgid; /* its process; pid == tgid unless a thread other than the first */
	union {
		struct {
			uint32_t error; /* an errno value, or 0 */
		} ack;
		struct {
			pid_t parent_pid; /* the thread that forked */
			pid_t parent_tgid; /* its process */
		} fork;
		struct {
			uint32_t uid;
			uint32_t euid;
			/* Set by the reader: how many records had been queued by then. */
			enum procrec_counted counted;
			uint64_t queued;
		} uid;
		struct {
			char name[PROGRAM_COMM_SIZE];
		} comm;
		struct {
			char comm[PROGRAM_COMM_SIZE]; /* its name at its end */
			uint32_t uid; /* real user */
			uint32_t ppid; /* parent at its end */
			uint64_t elapsed_ns; /* since its fork, rounded down to 1 µs */
			bool has_group; /* tgid and group_dead come from the kernel */
			bool group_dead; /* the last thread of its process */
		} task;
	};
};

/* A walk over the messages of one datagram. */
struct procrec_walk {
	const void *at; /* next message */
	int left_bytes; /* from there on */
	uint32_t skipped; /* messages that are no record of a kind that is decoded */
	uint32_t bad; /* messages too short for what they claim to be, or of version 15 of
			 taskstats, whose layout is not that of the others */
};

/*
 * Begin with the bytes of a datagram, aligned to 4 bytes, which must outlive the walk. Whether
 * the kernel sent it only its sender's address can tell: the reader has to have checked that.
 */
void procrec_init(struct procrec_walk *it, const void *bytes, size_t len_bytes);

/* Decode the next record in a datagram of the connector. Returns false at the end. */
bool procrec_next_event(struct procrec_walk *it, struct procrec *out);

/*
 * Decode the next exit record in a datagram of taskstats into a PROCREC_TASK without a time.
 * Before version 12 the kernel does not say of which process a thread was: tgid is then the
 * thread's own id and has_group false. Returns false at the end.
 */
bool procrec_next_task(struct procrec_walk *it, struct procrec *out);

#endif
