/* SPDX-License-Identifier: MIT */
#include "core/proc/life.h"
#include "core/proc/proctable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An exec whose opens were seen and whose record was not should come to its end within
 * this time; where it is not certain that one was going on at all, it is not taken for
 * one after that. */
#define EXEC_MAX_NS UINT64_C(50000000)

/* What all candidates agree on; with one candidate, what it says. */
struct common {
	const struct life *life; /* NULL: no candidate yet */
	bool lives_differ; /* several lives that are not alike */
	bool is_kthread;
	struct program program; /* its strings are borrowed */
	uint32_t uid, euid; /* ACTOR_ID_UNKNOWN means nothing */
	uint32_t uids[ACTOR_MAYBE_MAX]; /* all real users */
	uint32_t uid_count;
	bool has_more_uids; /* unknown ones, or more than that */
};

/* Whether candidates of two lives tell the same story, as far as it decides who it was. */
static bool are_alike(const struct common *a, const struct common *b)
{
	return program_is_same(&a->program, &b->program) && a->uid == b->uid &&
	       a->euid == b->euid && a->life->tag == b->life->tag &&
	       a->life->ppid == b->life->ppid;
}

/* One more real user of whom the candidates are. */
static void add_uid(struct common *all, uint32_t uid)
{
	for (uint32_t i = 0; i < all->uid_count; i++) {
		if (all->uids[i] == uid)
			return;
	}
	if (uid == ACTOR_ID_UNKNOWN || all->uid_count == ACTOR_MAYBE_MAX)
		all->has_more_uids = true;
	else
		all->uids[all->uid_count++] = uid;
}

/* One more candidate; without a state one of which nothing is known. has_users: its users may
 * be meant; else only what it was running. */
static void add_candidate(struct common *all, const struct life *life,
	const struct life_state *state, bool has_users)
{
	struct common one = {
		.life = life,
		.is_kthread = state && state->image->is_kthread,
		.program = PROGRAM_UNKNOWN,
		.uid = state ? state->uid : ACTOR_ID_UNKNOWN,
		.euid = state ? state->euid : ACTOR_ID_UNKNOWN,
	};
	if (state)
		one.program = state->image->program;
	if (!all->life) {
		*all = one;
		add_uid(all, one.uid);
		return;
	}
	if (has_users) {
		add_uid(all, one.uid);
	} else {
		one.uid = all->uid;
		one.euid = all->euid;
	}
	if (all->life != life && !are_alike(all, &one))
		all->lives_differ = true;
	all->is_kthread = all->is_kthread && one.is_kthread;
	program_agree(&all->program, &one.program);
	if (all->uid != one.uid)
		all->uid = ACTOR_ID_UNKNOWN;
	if (all->euid != one.euid)
		all->euid = ACTOR_ID_UNKNOWN;
}

/* Which of a life's states the window leaves open, and the execs among them. */
struct span {
	size_t first; /* in force at after_ns, or the first of all */
	size_t end; /* behind the last that began by before_ns */
	size_t begin; /* the first that the length of the queue leaves open */
	bool is_known; /* the length of the queue says that it was in force */
	size_t users_end; /* behind the last one, as for the users */
	uint32_t execs; /* that came after after_ns, by before_ns */
	uint32_t execs_ever; /* that came after after_ns */
	uint64_t first_exec_ns; /* of `execs`; 0: none */
	uint64_t past_exec_ns; /* the last one by after_ns; 0: none */
};

static struct span span_of(const struct life *life, const struct proctable_window *w)
{
	struct span span = {.past_exec_ns = life->past_exec_ns};
	for (size_t i = 0; i < life->state_count; i++) {
		const struct life_state *s = &life->states[i];
		bool past = s->since_ns <= w->after_ns, in = s->since_ns <= w->before_ns;
		if (past)
			span.first = i;
		if (in)
			span.end = i + 1;
		if (!s->is_exec)
			continue;
		if (past)
			span.past_exec_ns = s->since_ns;
		if (!past)
			span.execs_ever++;
		if (!past && in && span.execs++ == 0)
			span.first_exec_ns = s->since_ns;
	}
	return span;
}

/*
 * Compare the record's place with how long the queue was at each change of users: a record
 * behind that end came after the change; one before it came earlier, if the process was held up
 * meanwhile. Of events that were merged this is the first; the others came later.
 */
static void order_by_queue(
	const struct life *life, const struct proctable_window *w, struct span *span)
{
	span->begin = span->first;
	span->users_end = span->end;
	for (size_t i = span->first; w->ordinal && i < span->end; i++) {
		const struct life_state *s = &life->states[i];
		if (s->counted == PROCREC_UNCOUNTED)
			continue;
		if (w->ordinal > s->queued) {
			span->begin = i;
			span->is_known = true;
		} else if (s->counted == PROCREC_COUNTED) {
			span->users_end = i;
			break;
		}
	}
	if (!w->spans)
		span->end = span->users_end;
	else if (w->users_span)
		span->users_end = span->end;
}

/*
 * Whether an exec may have been under way at after_ns: opens that an earlier window saw,
 * without an exec that is known to have answered the last of them. *certain: none has
 * answered any.
 */
static bool was_execing(const struct life *life, const struct span *span, bool *certain)
{
	const struct life_opens *opens = &life->opens;
	*certain = false;
	if (opens->count == 0 || span->past_exec_ns > opens->read_ns)
		return false;
	if (span->past_exec_ns <= opens->from_ns) {
		*certain = true;
		return true;
	}
	return opens->count > 1 && span->first_exec_ns != 0 &&
	       span->first_exec_ns <= opens->read_ns + EXEC_MAX_NS;
}

/* What is known of the executables of several execs. */
enum programs {
	PROGRAMS_UNKNOWN,
	PROGRAMS_DIFFER, /* all are known, and no two are the same */
	PROGRAMS_REPEAT, /* two are the same */
};

static enum programs compare_programs(
	const struct life *life, const struct span *span, uint64_t after_ns)
{
	enum programs programs = PROGRAMS_DIFFER;
	for (size_t i = span->first; i < span->end; i++) {
		const struct life_state *a = &life->states[i];
		const char *exe = a->image->program.exe;
		if (!a->is_exec || a->since_ns <= after_ns)
			continue;
		if (!exe) {
			programs = PROGRAMS_UNKNOWN;
			continue;
		}
		for (size_t j = i + 1; j < span->end; j++) {
			const struct life_state *b = &life->states[j];
			const char *other = b->image->program.exe;
			if (b->is_exec && other && strcmp(exe, other) == 0)
				return PROGRAMS_REPEAT;
		}
	}
	return programs;
}

/*
 * Whether the opens account for all n execs. There are none for a program on a filesystem
 * that is not watched, and only one for a program that was executed twice, as the kernel
 * merges the second record into the first. So for several execs the programs must be
 * known to differ; where a process was gone before its program could be read, one record
 * more than execs has to do.
 */
static bool is_accounted(const struct life *life, const struct proctable_window *w,
	const struct span *span, uint64_t opens)
{
	if (opens < span->execs)
		return false;
	if (span->execs <= 1)
		return true;
	switch (compare_programs(life, span, w->after_ns)) {
	case PROGRAMS_DIFFER:
		return true;
	case PROGRAMS_REPEAT:
		return false;
	default:
		return opens + w->order.opens_linker > span->execs;
	}
}

/*
 * Whether the runs of opens show how many execs came before the event: once the process
 * has ended none is under way, and if there are as many execs as runs, each run is one.
 * An exec that was under way when the window began (`pending`) is a run of its own,
 * unless what follows it may be its rest.
 */
static bool count_by_runs(const struct life *life, const struct proctable_window *w,
	const struct span *span, uint32_t pending, bool certain, uint32_t *before)
{
	if (!w->complete || life->exit_ns == 0 || span->execs_ever != span->execs)
		return false;
	if (pending && w->order.groups_before > 0)
		return false;
	uint64_t runs = (uint64_t)w->order.groups_before + w->order.groups_after;
	*before = w->order.groups_before;
	if (runs == span->execs && !certain)
		return true;
	*before += pending;
	return runs + pending == span->execs;
}

/*
 * The fewest and the most execs of the span that can have come before the event. Each
 * exec leaves an open record before it (FAN_OPEN_EXEC), so behind the event there are at
 * most as many execs as opens, and likewise before it, with one more if an exec was under
 * way when the window began.
 */
static void bound_execs(const struct life *life, const struct proctable_window *w,
	const struct span *span, uint32_t *fewest, uint32_t *most)
{
	bool certain;
	uint32_t n = span->execs, pending = was_execing(life, span, &certain), runs;
	uint64_t before = (uint64_t)w->order.opens_before + pending;

	*fewest = 0;
	*most = n;
	if (n == 0 || !is_accounted(life, w, span, before + w->order.opens_after))
		return;
	if (before < n)
		*most = (uint32_t)before;
	if (w->complete && w->order.opens_after < n)
		*fewest = n - w->order.opens_after;
	if (count_by_runs(life, w, span, pending, certain, &runs) && runs >= *fewest &&
		runs <= *most)
		*fewest = *most = runs;
}

/* Add the states of one life that the event can have come from. */
static void add_life(struct common *all, const struct life *life,
	const struct proctable_window *w, bool alone)
{
	struct span span = span_of(life, w);
	uint32_t fewest = 0, most = span.execs;
	if (alone)
		bound_execs(life, w, &span, &fewest, &most);
	if (w->spans)
		most = span.execs;
	order_by_queue(life, w, &span);
	bool is_early = w->after_ns < life->known_from_ns && !span.is_known;
	if (is_early || span.users_end == 0)
		add_candidate(all, life, NULL, true);

	uint32_t execs = 0;
	for (size_t i = span.first; i < span.end; i++) {
		const struct life_state *s = &life->states[i];
		if (s->is_exec && s->since_ns > w->after_ns)
			execs++;
		if (i >= span.begin && execs >= fewest && execs <= most)
			add_candidate(all, life, s, i < span.users_end);
	}
}

/* Whether a life was, for all that is known, alive at some time in the window. */
static bool was_alive(const struct life *life, const struct proctable_window *w)
{
	return life->fork_ns <= w->before_ns &&
	       (life->exit_ns == 0 || life->exit_ns > w->after_ns ||
		       life->threads_remain);
}

/*
 * A process whose first thread has ended is reported as ended, and goes on. If nobody has
 * been given its pid since, an event by that pid is its own.
 */
static bool is_leaderless(const struct proctable *t, const struct life *life)
{
	return life->exit_ns > t->lost_ns && !life->superseded;
}

/* What all candidates have in common; ->life is NULL if nothing can be said. */
static struct common common_of_all(
	const struct proctable *t, pid_t pid, const struct proctable_window *w)
{
	struct common all = {0};
	unsigned lives = 0;
	const struct life *newest = life_find(t, pid), *l;
	if (!newest || t->lost_ns > w->after_ns)
		return all;
	for (l = newest; l; l = l->older)
		lives += was_alive(l, w);
	if (lives == 0 && is_leaderless(t, newest))
		add_life(&all, newest, w, true);
	for (l = newest; l && lives > 0; l = l->older) {
		if (!was_alive(l, w))
			continue;
		add_life(&all, l, w, lives == 1);
		/* A life that was given up may have come before it. */
		if (l->fork_ns > w->after_ns && t->evicted_exit_ns > w->after_ns)
			all.lives_differ = true;
	}
	if (all.lives_differ)
		all.life = NULL;
	return all;
}

/* The names of the ancestors, each as it was when it forked the next. Returns 0, or -1
 * with ENOMEM. */
static int copy_lineage(const struct life *life, struct actor *out)
{
	char names[LIFE_LINEAGE_MAX * PROGRAM_COMM_SIZE];
	size_t len = 0;
	for (int i = 0; life && i < LIFE_LINEAGE_MAX; i++, life = life->parent) {
		const struct life_image *image = life->birth_image;
		if (!image || !image->program.comm[0])
			continue;
		size_t size = strlen(image->program.comm) + 1;
		memcpy(names + len, image->program.comm, size);
		len += size;
	}
	if (len == 0)
		return 0;
	out->ancestors = malloc(len);
	if (!out->ancestors)
		return -1;
	memcpy(out->ancestors, names, len);
	out->ancestors_len = len;
	return 0;
}

static enum actor_attribution attribution_of(
	const struct common *all, const struct life *life)
{
	const struct program *p = &all->program;
	bool exact = p->comm[0] && all->uid != ACTOR_ID_UNKNOWN &&
		     all->euid != ACTOR_ID_UNKNOWN && life->has_ppid &&
		     (all->is_kthread || (p->exe && p->cmdline));
	return exact ? ACTOR_EXACT : ACTOR_PARTIAL;
}

int proctable_who(const struct proctable *t, pid_t pid, const struct proctable_window *w,
	struct actor *out)
{
	*out = (struct actor)ACTOR_NOBODY;
	out->pid = pid;
	struct common all = common_of_all(t, pid, w);
	if (!all.life)
		return 0;

	out->attribution = attribution_of(&all, all.life);
	out->ppid = all.life->ppid;
	out->uid = all.uid;
	out->euid = all.euid;
	if (all.uid == ACTOR_ID_UNKNOWN && !all.has_more_uids) {
		memcpy(out->maybe_uids, all.uids, sizeof(all.uids));
		out->maybe_count = all.uid_count;
	}
	out->tag = all.life->tag;
	out->depth = all.life->depth;
	if (program_copy(&out->program, &all.program) == 0 &&
		copy_lineage(all.life, out) == 0)
		return 0;
	actor_fini(out);
	errno = ENOMEM;
	return -1;
}
