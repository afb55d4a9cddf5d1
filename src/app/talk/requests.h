/* SPDX-License-Identifier: MIT */
/*
 * What clients ask of the worker over the control socket: status, reload, sync, runs (the
 * history), rerun, pause, resume. Arguments and answers are between this module and the
 * verbs (app/verbs/verb_client.c, app/verbs/verb_runs.c).
 */
#ifndef FSMON_APP_TALK_REQUESTS_H
#define FSMON_APP_TALK_REQUESTS_H

#include "app/load.h"
#include "app/talk/report.h"
#include "os/poller.h"

#include <jansson.h>
#include <stdbool.h>

struct requests; /* opaque */

/* All is borrowed until requests_free. */
struct requests_parts {
	struct poller *poller;
	int listen_fd; /* the control socket */
	const struct load *load; /* what is in force whenever somebody asks */
	struct report_parts report; /* but for its rules, which are those of `load` */
	/* Begin a reload; requests_reloaded answers all who wait for one. */
	void (*reload)(void *ctx);
	/* Somebody waits for what is in the queue: read it soon. */
	void (*read_queue)(void *ctx);
	/* The tag of a process that descends from a hook; 0: it does not. */
	uint64_t (*tag_of)(void *ctx, pid_t pid);
	/* Whether something is to be taken in before what is in the queue. */
	bool (*is_behind)(void *ctx);
	void *ctx;
};

/* Serve the control socket. NULL with errno, as control_new. */
__attribute__((warn_unused_result)) struct requests *requests_new(
	const struct requests_parts *parts);

/* End all connections. Only after jobs_free, or before the poller turns again: what was
 * asked of the jobs comes back to here. NULL is allowed. */
void requests_free(struct requests *r);

/* A reload has ended: answer all who wait for it with the object (borrowed). */
void requests_reloaded(struct requests *r, json_t *answer);

/* No event is handled any more: refuse each sync, also those that wait. A hook that waits for
 * one would never end, and nor would the daemon. */
void requests_stop(struct requests *r);

/* Answer those whose sync is done, or for whom all is written now. */
void requests_check(struct requests *r);

#endif
