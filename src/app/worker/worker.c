/* SPDX-License-Identifier: MIT */
#include "app/worker/worker.h"

#include "app/actors/actors.h"
#include "app/events/pipeline.h"
#include "app/jobs/jobs.h"
#include "app/jsontext.h"
#include "app/link/link.h"
#include "app/load.h"
#include "app/log.h"
#include "app/talk/requests.h"
#include "app/events/symlinks.h"
#include "app/worker/reload.h"
#include "os/clock.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/memfile.h"
#include "os/proc.h"
#include "os/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DIRS_MAX 65536
/* Losses are logged at most so often. */
#define LOSSES_EVERY_NS UINT64_C(10000000000)
/* Where mounts have moved the mount table is read again once the queue is empty, so that it does
 * not tell of what is still to be read. So often that is waited for, and so long between two
 * looks; then the table is taken in as it is. */
#define MOUNT_LOOKS_MAX 4
#define MOUNT_LOOKS_NS UINT64_C(50000000)

struct worker {
	const struct options *options;
	struct link_inheritance inherited;
	struct poller *poller;
	struct poller_source *group_source;
	struct load load; /* the configuration in force */
	struct filesystems filesystems;
	struct symlinks *symlinks;
	struct entry_marks entry_marks;
	struct dirtree *tree;
	struct actors *actors;
	struct pipeline *pipeline;
	struct link *link;
	struct jobs *jobs;
	struct requests *requests;
	struct reload *reload;
	int conf_fd; /* what the keeper holds of the configuration; -1: nothing */
	int mountinfo_fd;
	int wake_fd; /* of the actors */
	bool has_records; /* the fanotify queue or the actors may have some */
	bool mounts_changed;
	uint64_t overflows_logged; /* how many the log has said */
	int marks_error; /* why a directory could not be marked, as the log has it; or 0 */
	unsigned mount_looks; /* since mounts have moved */
	uint64_t mounts_next_ns; /* before then it is not looked where they are */
	bool is_unled; /* that paths lead elsewhere could not be taken in */
	uint64_t losses_logged; /* how many the log has said last */
	uint64_t losses_next_ns; /* before then it says nothing of them */
	bool is_ending;
	bool ends_now;
	int exit_code;
};

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static int fd_of(const struct worker *w, enum wire_place place)
{
	return w->inherited.fds.fd[place - WIRE_FD_WORKER];
}

/* ---- What the parts call ---- */

/* Set a flag of the worker: there is something to be done. */
static void on_flag(void *flag, uint32_t events)
{
	(void)events;
	*(bool *)flag = true;
}

static void on_wake(void *ctx, uint32_t events)
{
	struct worker *w = ctx;
	(void)events;
	thread_take_wakeups(w->wake_fd);
	w->has_records = true;
}

static void before_resolve(void *ctx)
{
	struct worker *w = ctx;
	link_drain(w->link);
}

static void on_found(void *ctx, struct change *c, struct clock_now now)
{
	struct worker *w = ctx;
	jobs_found(w->jobs, c, now);
}

/* A hook has a process: tag it, so that what it causes is known to be its doing. */
static void on_started(void *ctx, pid_t pid, uint64_t tag, uint32_t depth)
{
	struct worker *w = ctx;
	actors_tag(w->actors, pid, tag, depth);
}

static size_t on_signal_tagged(void *ctx, uint64_t tag, int signal)
{
	struct worker *w = ctx;
	return actors_signal(w->actors, tag, signal);
}

static void on_stop(void *ctx, bool now)
{
	struct worker *w = ctx;
	if (!w->is_ending && !now) {
		size_t running = jobs_running(w->jobs);
		if (running)
			log_info("stopping: waiting for %zu running hook%s", running,
				plural(running));
		else
			log_info("stopping");
		pipeline_end(w->pipeline);
		jobs_stop(w->jobs);
		requests_stop(w->requests);
	}
	w->is_ending = true;
	w->ends_now = w->ends_now || now;
}

static void on_keeper_gone(void *ctx)
{
	struct worker *w = ctx;
	log_err("the keeper is gone: ending");
	w->is_ending = true;
	w->ends_now = true;
	w->exit_code = EXIT_FAILED;
}

static void on_reload_requested(void *ctx)
{
	struct worker *w = ctx;
	reload_start(w->reload);
}

static void on_read_queue(void *ctx)
{
	struct worker *w = ctx;
	w->has_records = true;
}

/* What the keeper has said of a hook must be known before the hook's process is looked for. */
static uint64_t on_tag_of(void *ctx, pid_t pid)
{
	struct worker *w = ctx;
	link_drain(w->link);
	return actors_tag_of(w->actors, pid);
}

static const struct link_handlers link_handlers = {
	.stop_requested = on_stop,
	.reload_requested = on_reload_requested,
	.keeper_gone = on_keeper_gone,
};

static bool is_behind(void *ctx)
{
	const struct worker *w = ctx;
	return w->mounts_changed || w->filesystems.is_behind ||
	       symlinks_is_behind(w->symlinks);
}

/* ---- Filesystems ---- */

/* Warn of all rules that are watched nowhere, or of those for which that is new. */
static void warn_of_unwatched_rules(const struct worker *w, bool all)
{
	const struct table *rules = w->load.table;
	for (uint32_t i = 0; i < table_count(rules); i++) {
		const struct rule *r = table_rule(rules, i);
		const struct filesystem *fs =
			r->enabled ? filesystems_refusing(&w->filesystems, rules, i)
				   : NULL;
		if (fs && (all || fs->is_new))
			log_warn("[%s] is not watched: %s (%s): %s", r->name, fs->point,
				fs->type, fs->refusal);
	}
}

/* Warn of directories that cannot be marked, but not again for the same reason. */
static void log_refused_marks(struct worker *w)
{
	const struct entry_marks *e = &w->entry_marks;
	struct buf path = {0};
	bool is_new = e->error && e->error != w->marks_error;
	if (is_new && entry_marks_add_refused(e, &w->filesystems, &path) == 0)
		log_warn("truncation of files by name is not seen in %s: %s", path.data,
			strerror(e->error));
	w->marks_error = e->error;
	buf_fini(&path);
}

/* Say what has become of filesystems that rules concern. */
static void log_filesystems(struct worker *w, bool all)
{
	for (size_t i = 0; i < w->filesystems.count; i++) {
		const struct filesystem *fs = &w->filesystems.items[i];
		if (!fs->kinds || !fs->is_new)
			continue;
		if (fs->mask)
			log_info("watching %s (%s)", fs->point, fs->type);
		else
			log_info("not watching %s (%s): %s%s%s", fs->point, fs->type,
				fs->refusal, fs->refusal_errno ? ": " : "",
				fs->refusal_errno ? strerror(fs->refusal_errno) : "");
	}
	warn_of_unwatched_rules(w, all);
	log_refused_marks(w);
}

static int use_mounts(
	struct worker *w, const struct buf *mountinfo, const struct table *rules)
{
	int group = fd_of(w, WIRE_FD_FANOTIFY);
	if (filesystems_update(&w->filesystems, mountinfo->data, mountinfo->len, rules,
		    group, w->tree) < 0)
		return -1;
	if (symlinks_index(w->symlinks) < 0)
		return -1;
	return entry_marks_set(&w->entry_marks, &w->filesystems, rules, group);
}

/* Take in the mount table with the rules of a table. Returns 0, or -1 with errno. */
static int update_filesystems(struct worker *w, const struct table *rules)
{
	struct buf text = {0};
	int rc = proc_read_mounts(w->mountinfo_fd, &text);
	if (rc == 0)
		rc = use_mounts(w, &text, rules);
	buf_fini(&text);
	return rc;
}

/* When it is time to look at the mount table, CLOCK_MONOTONIC; UINT64_MAX: not before something
 * happens. */
static uint64_t mounts_next_ns(const struct worker *w)
{
	if (w->mounts_changed)
		return 0;
	if (!w->filesystems.is_behind || pipeline_has_waiting(w->pipeline))
		return UINT64_MAX;
	return w->mounts_next_ns;
}

/* Whether a mount table that was read now, as mounts have moved, had better be read later: records
 * are still to be read, of which it tells too early. */
static bool looks_later(struct worker *w)
{
	if (w->mounts_changed || w->mount_looks >= MOUNT_LOOKS_MAX ||
		fanotify_is_empty(fd_of(w, WIRE_FD_FANOTIFY)))
		return false;
	w->mount_looks++;
	return true;
}

static void take_mounts(struct worker *w)
{
	struct buf text = {0};
	int rc = proc_read_mounts(w->mountinfo_fd, &text);
	w->mounts_next_ns = clock_monotonic_ns() + MOUNT_LOOKS_NS;
	if (rc == 0 && looks_later(w)) {
		buf_fini(&text);
		return;
	}
	w->mounts_changed = false;
	w->mount_looks = 0;
	if (rc == 0)
		rc = use_mounts(w, &text, w->load.table);
	buf_fini(&text);
	if (rc < 0) {
		w->filesystems.is_behind = false;
		log_err("a change of mounts could not be taken in: %s", strerror(errno));
	}
	log_filesystems(w, false);
}

static bool is_due(const struct fronts_item *item, uint64_t now_ns)
{
	return item && item->is_news &&
	       (!item->said_ns || now_ns - item->said_ns > LOSSES_EVERY_NS);
}

/* Warn of paths that have come to lead nowhere, of each once in a while: anybody may bring that
 * about. */
static void log_lost_ways(const struct worker *w)
{
	uint64_t now_ns = clock_monotonic_ns();
	const struct fronts *fronts = symlinks_fronts(w->symlinks);
	const struct table *rules = w->load.table;
	struct fronts_item *item;
	size_t rest;
	for (uint32_t i = 0; i < table_count(rules); i++) {
		const struct rule *r = table_rule(rules, i);
		for (size_t k = 0; r->enabled && k < r->path.count; k++) {
			struct buf text = {0};
			item = fronts_get(
				fronts, glob_literal_front(r->path.items[k], &rest));
			if (is_due(item, now_ns) && fronts_add_trouble(item, &text) == 0)
				log_warn("[%s] path: %s", r->name, text.data);
			buf_fini(&text);
		}
	}
	for (size_t i = 0; (item = fronts_at(fronts, i)); i++) {
		if (is_due(item, now_ns))
			item->said_ns = now_ns;
		item->is_news = false;
	}
}

/* Take in where the paths of rules lead now, between two batches. */
static void take_symlinks(struct worker *w)
{
	enum fronts_change change = symlinks_take(w->symlinks);
	int rc = 0;
	if (w->is_unled)
		change = FRONTS_LEADS;
	if (change == FRONTS_STEPS)
		rc = symlinks_index(w->symlinks);
	if (change == FRONTS_LEADS) {
		rc = table_lead(
			w->load.table, fronts_leads, symlinks_fronts(w->symlinks));
		if (rc == 0)
			rc = update_filesystems(w, w->load.table);
		log_filesystems(w, false);
	}
	if (change != FRONTS_SAME)
		log_lost_ways(w);
	w->is_unled = rc < 0;
	if (rc < 0) {
		log_err("a change of symbolic links could not be taken in: %s",
			strerror(errno));
		symlinks_ask_all(w->symlinks);
	}
	w->has_records = true; /* none may be waited for any more */
}

static bool logs_json(const struct worker *w)
{
	return w->load.conf.daemon.log_format == DAEMON_LOG_JSON;
}

/* Let the service manager know that the worker is at work, and how it goes. */
static void say_ready(const struct worker *w, const char *status)
{
	if (link_ready(w->link, logs_json(w)) < 0 || link_status(w->link, status) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
}

/* ---- Reload ---- */

/* Let the ways of a table's paths be known. */
static void set_fronts(struct worker *w, struct load *l)
{
	symlinks_set(w->symlinks, l->fronts);
	l->fronts = NULL;
	w->is_unled = symlinks_index(w->symlinks) < 0;
}

/* Put a new table in force, between two batches. Returns 0, or -1: all is as it was. */
static int swap_rules(struct worker *w, struct load *next)
{
	/* First the marks, then the rules: no record is read between the two. */
	if (update_filesystems(w, next->table) < 0 ||
		jobs_set_rules(w->jobs, next->table, &next->conf.daemon) < 0) {
		/* What cannot be undone now is to be tried once more, by the loop. */
		if (update_filesystems(w, w->load.table) < 0)
			w->mounts_changed = true;
		return -1;
	}
	pipeline_set_rules(w->pipeline, next->table);
	set_fronts(w, next);
	struct load old = w->load;
	w->load = *next;
	*next = (struct load){0};
	load_fini(&old);
	log_set_json(logs_json(w));
	return 0;
}

/*
 * Have the keeper hold a configuration: a worker that takes the place of this one begins with
 * that, not with what somebody is just writing. Returns the file, or -1 with errno.
 */
static int hold_conf(struct worker *w, struct buf *bytes)
{
	int fd = memfile_make("fsmon-conf", bytes->data, bytes->len);
	buf_fini(bytes);
	if (fd < 0 || link_hold_conf(w->link, fd) == 0)
		return fd;
	fd_close(fd);
	return -1;
}

/* Put what was loaded in force, for the workers to come as well. Returns 0, or -1: all is as it
 * was. */
static int put_in_force(struct worker *w, struct load *next)
{
	/* First the keeper: before a run of a new rule is asked for, it has the rule. */
	int fd = hold_conf(w, &next->held);
	if (fd < 0)
		log_err("the keeper cannot be given the configuration: %s",
			strerror(errno));
	if (fd >= 0 && swap_rules(w, next) == 0) {
		fd_close(w->conf_fd);
		w->conf_fd = fd;
		return 0;
	}
	if (fd >= 0 && w->conf_fd >= 0 && link_hold_conf(w->link, w->conf_fd) < 0)
		log_err("the keeper holds a configuration that is not in force: %s",
			strerror(errno));
	fd_close(fd);
	return -1;
}

static void log_messages(const struct conf *c)
{
	for (size_t i = 0; i < c->message_count; i++) {
		struct buf text = {0};
		conf_format_message(&text, &c->messages[i], false);
		log_about(c->messages[i].is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERR,
			&(struct log_about){0}, "%s", text.data ? text.data : "");
		buf_fini(&text);
	}
}

static json_t *message_strings(const struct conf *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->message_count; i++) {
		struct buf text = {0};
		conf_format_message(&text, &c->messages[i], true);
		json_array_append_new(all, jsontext_str(text.data));
		buf_fini(&text);
	}
	return all;
}

static void on_reloaded(void *ctx, struct load *l)
{
	struct worker *w = ctx;
	bool is_ok = l && l->conf.error_count == 0;
	json_t *messages = l ? message_strings(&l->conf) : json_array();
	if (l)
		log_messages(&l->conf);
	is_ok = is_ok && put_in_force(w, l) == 0;
	size_t count = table_count(w->load.table);
	if (is_ok) {
		log_info("reloaded: %zu rule%s", count, plural(count));
		log_filesystems(w, true);
	} else {
		log_err("not reloaded: the rules from before stay in force");
	}
	json_t *answer = json_pack("{s:b, s:I, s:o}", "ok", is_ok, "rules",
		(json_int_t)count, "messages", messages);
	requests_reloaded(w->requests, answer);
	json_decref(answer);
	say_ready(w, is_ok ? "reloaded" : "not reloaded: see the log");
}

/* ---- The loop ---- */

/* Say what was lost, soon, but not again for every piece of it. */
static void log_losses(struct worker *w, uint64_t now_ns)
{
	const struct pipeline_counters *p = pipeline_counters(w->pipeline);
	if (p->overflows != w->overflows_logged)
		log_err("the kernel's queue of file events ran over: events were lost");
	w->overflows_logged = p->overflows;
	struct actors_counters c;
	actors_counters(w->actors, &c);
	uint64_t events = p->unresolved + p->malformed + p->dropped;
	uint64_t processes = c.lost + c.taskstats_lost + c.queue_dropped;
	if (events + processes == w->losses_logged || now_ns < w->losses_next_ns)
		return;
	w->losses_logged = events + processes;
	w->losses_next_ns = now_ns + LOSSES_EVERY_NS;
	log_warn("lost since the start: %" PRIu64 " file events (%" PRIu64
		 " of them because their path could not be found out), %" PRIu64
		 " process records; fsmon status counts them apart",
		events, p->unresolved, processes);
}

/* How long the poller may wait, in ns. */
static int64_t wait_ns(struct worker *w)
{
	uint64_t records_ns = w->is_ending ? 0 : pipeline_next_ns(w->pipeline);
	bool has_answer =
		symlinks_has_answer(w->symlinks) && !pipeline_has_waiting(w->pipeline);
	if (has_answer || (!records_ns && w->has_records && !w->is_ending))
		return 0;
	uint64_t next_ns = jobs_next_ns(w->jobs), due_ns = pipeline_due_ns(w->pipeline);
	if (due_ns < next_ns && !w->is_ending)
		next_ns = due_ns;
	if (mounts_next_ns(w) < next_ns)
		next_ns = mounts_next_ns(w);
	if (records_ns && records_ns < next_ns)
		next_ns = records_ns;
	if (!records_ns && !w->is_ending && pipeline_due_ns(w->pipeline) < next_ns)
		next_ns = pipeline_due_ns(w->pipeline);
	if (next_ns == UINT64_MAX)
		return POLLER_FOREVER;
	uint64_t now_ns = clock_monotonic_ns();
	return now_ns >= next_ns ? 0 : (int64_t)(next_ns - now_ns);
}

/* Read and resolve, if it is time. Returns 0, or -1 when that is not possible any more. */
static int read_and_resolve(struct worker *w)
{
	uint64_t next_ns = pipeline_next_ns(w->pipeline);
	struct clock_now now = clock_now();
	if (now.monotonic_ns >= pipeline_due_ns(w->pipeline))
		w->has_records = true;
	if (w->is_ending || (next_ns ? now.monotonic_ns < next_ns : !w->has_records))
		return 0;
	w->has_records = false;
	if (pipeline_turn(w->pipeline, now) < 0) {
		log_err("file events cannot be read any more: %s", strerror(errno));
		return -1;
	}
	log_losses(w, now.monotonic_ns);
	return 0;
}

/*
 * Let the queue wake the loop or, while records gather, not. To ask epoll(7) for no
 * events of it is not enough: fanotify wakes whoever listens for whatever reason, once
 * for each record.
 */
static void listen_to_group(struct worker *w, bool listens)
{
	if (!listens) {
		poller_remove(w->poller, w->group_source);
		w->group_source = NULL;
		return;
	}
	if (!w->group_source)
		w->group_source = poller_add(w->poller, fd_of(w, WIRE_FD_FANOTIFY),
			EPOLLIN, on_flag, &w->has_records);
	if (!w->group_source)
		w->has_records = true; /* no memory: look, without being told */
}

static int loop(struct worker *w)
{
	while (!w->ends_now && !(w->is_ending && jobs_have_ended(w->jobs))) {
		listen_to_group(w, !w->is_ending && pipeline_next_ns(w->pipeline) == 0);
		if (poller_turn(w->poller, wait_ns(w)) < 0 && errno != EINTR) {
			log_err("waiting for events failed: %s", strerror(errno));
			return EXIT_FAILED;
		}
		if (mounts_next_ns(w) <= clock_monotonic_ns() &&
			!pipeline_has_waiting(w->pipeline))
			take_mounts(w);
		if (symlinks_has_answer(w->symlinks) &&
			!pipeline_has_waiting(w->pipeline))
			take_symlinks(w);
		if (read_and_resolve(w) < 0)
			return EXIT_FAILED;
		symlinks_ask(w->symlinks);
		jobs_pump(w->jobs, clock_now());
		requests_check(w->requests);
	}
	return w->exit_code;
}

/* ---- Start and end ---- */

/* Load what an earlier worker had in force; the first one reads the disk. */
static int load_first(struct worker *w)
{
	bool is_first = w->conf_fd < 0;
	int rc = is_first ? load(&w->load, w->options, NULL, 0)
			  : load_held(&w->load, w->conf_fd);
	if (rc < 0) {
		log_err("the configuration could not be loaded: %s", strerror(errno));
		return -1;
	}
	log_open(logs_json(w));
	log_start();
	log_messages(&w->load.conf);
	/* Later, with the daemon at work, the good files are better than nothing. */
	if (is_first && w->load.conf.error_count && w->load.conf.daemon.strict) {
		log_err("not started: strict = yes, and the configuration has errors");
		return -1;
	}
	if (w->load.conf.error_count)
		log_err("files with errors are left out; the other rules are in force");
	if (table_count(w->load.table) == 0)
		log_warn("there are no rules: nothing will happen until a reload finds "
			 "some");
	return 0;
}

static int start_actors(struct worker *w)
{
	struct actors_fds fds = {
		.connector = fd_of(w, WIRE_FD_CONNECTOR),
		.taskstats = fd_of(w, WIRE_FD_TASKSTATS),
		.fanotify = fd_of(w, WIRE_FD_FANOTIFY),
		.since_ns = w->inherited.subscribed_ns,
	};
	w->wake_fd = thread_wakeup_open();
	w->tree = dirtree_new(DIRS_MAX);
	w->symlinks = w->wake_fd < 0 ? NULL : symlinks_new(w->wake_fd, &w->filesystems);
	if (!w->symlinks || !w->tree)
		return -1;
	w->actors = actors_new(&fds, w->wake_fd, w->inherited.degraded);
	if (!w->actors)
		return -1;
	struct actors_counters c;
	actors_counters(w->actors, &c);
	if (c.reason)
		log_warn("who did it may be unknown: %s", c.reason);
	return 0;
}

static int start_jobs(struct worker *w)
{
	struct jobs_config config = {
		.poller = w->poller,
		.filesystems = &w->filesystems,
		.link = link_port(w->link),
		.is_dry = w->options->is_dry,
		.lacks_files = w->load.conf.error_count > 0,
		.last_run_id = w->inherited.last_run_id,
		.state_dir = w->options->state_dir,
		.runtime_dir = w->options->runtime_dir,
		.hooks_dir = w->inherited.hooks_dir,
		.started = on_started,
		.signal_tagged = on_signal_tagged,
		.ctx = w,
	};
	w->jobs = jobs_new(&config, &w->load.conf.daemon);
	return w->jobs ? jobs_set_rules(w->jobs, w->load.table, &w->load.conf.daemon)
		       : -1;
}

static int start_pipeline(struct worker *w)
{
	struct pipeline_parts parts = {
		.group = fd_of(w, WIRE_FD_FANOTIFY),
		.buffer_fd = fd_of(w, WIRE_FD_BUFFER),
		.actors = w->actors,
		.filesystems = &w->filesystems,
		.entry_marks = &w->entry_marks,
		.tree = w->tree,
		.rules = w->load.table,
		.symlinks = w->symlinks,
		.wake_fd = w->wake_fd,
		.own_pids = {getpid(), getppid()},
		.before_resolve = before_resolve,
		.found = on_found,
		.ctx = w,
	};
	w->pipeline = pipeline_new(&parts);
	return w->pipeline ? 0 : -1;
}

static struct requests *start_requests(struct worker *w)
{
	const struct requests_parts parts = {
		.poller = w->poller,
		.listen_fd = fd_of(w, WIRE_FD_CONTROL),
		.load = &w->load,
		.report =
			{
				.filesystems = &w->filesystems,
				.symlinks = w->symlinks,
				.jobs = w->jobs,
				.pipeline = w->pipeline,
				.actors = w->actors,
				.conf = &w->load.conf,
				.group = fd_of(w, WIRE_FD_FANOTIFY),
				.is_dry = w->options->is_dry,
			},
		.reload = on_reload_requested,
		.read_queue = on_read_queue,
		.tag_of = on_tag_of,
		.is_behind = is_behind,
		.ctx = w,
	};
	return requests_new(&parts);
}

/* Connect the parts to the poller. */
static int start_listening(struct worker *w)
{
	w->requests = start_requests(w);
	w->reload = reload_new(w->poller, w->options, on_reloaded, w);
	struct poller_source *wake =
		poller_add(w->poller, w->wake_fd, EPOLLIN, on_wake, w);
	struct poller_source *mounts = poller_add(
		w->poller, w->mountinfo_fd, EPOLLPRI, on_flag, &w->mounts_changed);
	return w->requests && w->reload && wake && mounts ? 0 : -1;
}

static int start(struct worker *w)
{
	w->poller = poller_new();
	if (w->poller)
		w->link = link_open(w->poller, &w->inherited, &link_handlers, w);
	w->mountinfo_fd = proc_open_mounts();
	if (!w->link || w->mountinfo_fd < 0 || start_actors(w) < 0 || start_jobs(w) < 0 ||
		update_filesystems(w, w->load.table) < 0 || start_pipeline(w) < 0 ||
		start_listening(w) < 0) {
		log_err("could not start: %s", strerror(errno));
		return -1;
	}
	if (w->conf_fd < 0)
		w->conf_fd = hold_conf(w, &w->load.held);
	if (w->conf_fd < 0)
		log_warn(
			"the keeper cannot be given the configuration: %s; a worker that "
			"takes the place of this one reads the files anew",
			strerror(errno));
	buf_fini(&w->load.held);
	log_filesystems(w, true);
	set_fronts(w, &w->load);
	w->has_records = true; /* what an earlier worker has left */
	size_t count = table_count(w->load.table);
	log_info("ready: %zu rule%s%s", count, plural(count),
		w->options->is_dry ? "; dry run: no hook will be started" : "");
	say_ready(w, "watching");
	return 0;
}

static void end(struct worker *w)
{
	reload_free(w->reload);
	jobs_free(w->jobs);
	link_close(w->link);
	requests_free(w->requests);
	pipeline_free(w->pipeline);
	actors_free(w->actors);
	symlinks_free(w->symlinks);
	dirtree_free(w->tree);
	entry_marks_fini(&w->entry_marks);
	filesystems_fini(&w->filesystems);
	poller_free(w->poller);
	load_fini(&w->load);
	fd_close(w->conf_fd);
	fd_close(w->mountinfo_fd);
	fd_close(w->wake_fd);
}

int worker_run(const struct options *o)
{
	struct worker w = {.options = o, .mountinfo_fd = -1, .wake_fd = -1};
	/* Whoever stops the daemon from a terminal means the keeper. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (link_inherit(&w.inherited) < 0) {
		log_err("'fsmon worker' is started by 'fsmon run' only");
		return EXIT_USAGE;
	}
	int code = EXIT_USAGE;
	w.conf_fd = fd_of(&w, WIRE_FD_CONF);
	if (load_first(&w) == 0)
		code = start(&w) == 0 ? loop(&w) : EXIT_FAILED;
	end(&w);
	if (code == EXIT_FINE)
		log_info("stopped");
	log_close();
	return code;
}
