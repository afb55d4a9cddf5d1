/* SPDX-License-Identifier: MIT */
#include "core/proc/life.h"
#include "core/proc/proctable.h"

#include <errno.h>

/*
 * A dead life is of no use once no event can be its own any more. It stays a moment
 * longer, because a process whose first thread ends is reported as ended although the
 * others go on, and the record that tells so may come later.
 */
#define GRACE_NS UINT64_C(1000000000)

/* /proc gives the start of a process to a tick. */
#define START_TICK_NS UINT64_C(30000000)

/* Whether the life in the table is the process that was found in /proc. */
static bool is_same(const struct life *life, const struct proc_snapshot *snap)
{
	if (life->superseded || (life->exit_ns != 0 && !life->threads_remain))
		return false;
	if (life->start_ns == 0 || snap->start_ns == 0)
		return true;
	uint64_t gap = life->start_ns > snap->start_ns ? life->start_ns - snap->start_ns
						       : snap->start_ns - life->start_ns;
	return gap <= START_TICK_NS;
}

/*
 * Put what the scan found in place of all that was known of a life. It holds from since_ns on,
 * after which no record of a change is missing, or from the last known change.
 */
static int fill_life(struct proctable *t, struct life *life, struct proc_snapshot *snap,
	uint64_t since_ns)
{
	const struct life_state *last = life_last(life);
	struct life_state state = {
		.since_ns = since_ns ? since_ns : snap->t1_ns,
		.uid = snap->has_status ? snap->uid : ACTOR_ID_UNKNOWN,
		.euid = snap->has_status ? snap->euid : ACTOR_ID_UNKNOWN,
		.image = life_image_new(NULL, ""),
	};
	if (!state.image)
		return -1;
	if (last && last->since_ns > state.since_ns)
		state.since_ns = last->since_ns;
	life_image_take(state.image, snap, life);
	life_forget(t, life, life->state_count);
	if (life_push(t, life, state) < 0)
		return -1;
	life->known_from_ns = state.since_ns;
	life->scan_t0_ns = snap->t0_ns;
	life->scan_t1_ns = snap->t1_ns;
	if (life->start_ns == 0)
		life->start_ns = snap->start_ns;
	if (snap->has_status && !life->has_ppid) {
		life->has_ppid = true;
		life->ppid = snap->ppid;
	}
	return 0;
}

/* Whether the records have said already what a scan could. */
static bool is_known(const struct life *life, const struct proc_snapshot *snap)
{
	const struct life_state *last = life_last(life);
	return last && life->known_from_ns <= snap->t0_ns && life->has_ppid &&
	       last->uid != ACTOR_ID_UNKNOWN && last->image->program.comm[0];
}

int proctable_scan_add(struct proctable *t, struct proc_snapshot *snap, uint64_t since_ns)
{
	struct life *life = life_find(t, snap->pid);
	bool is_new = !life || !is_same(life, snap);
	if (life && is_new)
		life_supersede(t, life, snap->t0_ns);
	if (is_new)
		life = life_new(t, snap->pid);
	int rc = life ? 0 : -1;
	if (life && (is_new || !is_known(life, snap)))
		rc = fill_life(t, life, snap, since_ns);
	if (rc < 0 && is_new && life)
		life_remove(t, life);
	program_fini(&snap->program);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}

void proctable_scan_end(struct proctable *t, uint64_t now_ns)
{
	struct life *life, *next;
	HASH_ITER (hh, t->by_pid, life, next) {
		if (life->exit_ns == 0 && life->known_from_ns == LIFE_NEVER)
			life_supersede(t, life, now_ns);
		if (life->parent || !life->has_ppid)
			continue;
		struct life *parent = life_find(t, life->ppid);
		if (parent && parent->exit_ns == 0)
			life_adopt(t, life, parent);
	}
}

void proctable_lost(struct proctable *t, uint64_t now_ns)
{
	struct life *life, *next;
	t->counts.lost++;
	if (t->lost_ns < now_ns)
		t->lost_ns = now_ns;
	HASH_ITER (hh, t->by_pid, life, next) {
		if (life->exit_ns == 0)
			life->known_from_ns = LIFE_NEVER;
	}
}

void proctable_lost_tasks(struct proctable *t)
{
	t->tasks_lost = true;
}

/* How many of a life's states lie wholly before a moment. */
static size_t count_past(const struct life *life, uint64_t ns)
{
	size_t past = 0;
	while (past + 1 < life->state_count && life->states[past + 1].since_ns <= ns)
		past++;
	return past;
}

void proctable_forget_past(struct proctable *t, uint64_t empty_ns)
{
	struct life *life, *next;
	TAILQ_FOREACH_SAFE (life, &t->changed, changed_link, next) {
		life_forget(t, life, count_past(life, empty_ns));
	}
	TAILQ_FOREACH_SAFE (life, &t->dead, dead_link, next) {
		if (life->exit_ns + GRACE_NS > empty_ns)
			break;
		if (!life->threads_remain)
			life_remove(t, life);
	}
}

void proctable_passed(struct proctable *t, uint64_t ordinal)
{
	t->passed = ordinal;
}

void proctable_note_opens(
	struct proctable *t, pid_t pid, const struct proctable_window *w, uint32_t count)
{
	struct life *life = life_find(t, pid);
	if (!life || count == 0 || life->fork_ns > w->before_ns)
		return;
	/* They may have been those of an earlier life. */
	if (life->older && life->fork_ns > w->after_ns)
		return;
	struct life_opens *opens = &life->opens;
	/* An earlier one that no exec has answered yet stays open. */
	if (opens->count == 0 || life->last_exec_ns > opens->from_ns)
		*opens = (struct life_opens){.from_ns = w->after_ns};
	opens->count += count;
	opens->read_ns = w->before_ns;
}

/* Whether a life descends from another one, or is it. */
static bool descends(const struct life *life, const struct life *from)
{
	for (int i = 0; life && i <= LIFE_LINEAGE_MAX; i++, life = life->parent) {
		if (life == from)
			return true;
		if (life->serial < from->serial && life->fork_ns != 0)
			return false;
	}
	return false;
}

int proctable_tag(struct proctable *t, pid_t pid, uint64_t tag, uint32_t depth)
{
	struct life *from = life_find(t, pid), *newest, *next;
	if (!from) {
		errno = ENOENT;
		return -1;
	}
	HASH_ITER (hh, t->by_pid, newest, next) {
		for (struct life *l = newest; l; l = l->older) {
			if (!descends(l, from))
				continue;
			l->tag = tag;
			l->depth = depth;
		}
	}
	return 0;
}

uint64_t proctable_tag_of(const struct proctable *t, pid_t pid)
{
	const struct life *life = life_find(t, pid);
	return life ? life->tag : 0;
}

void proctable_tagged(const struct proctable *t, uint64_t tag,
	void (*found)(void *ctx, pid_t pid), void *ctx)
{
	struct life *life, *next;
	HASH_ITER (hh, t->by_pid, life, next) {
		if (life->tag == tag && life->exit_ns == 0)
			found(ctx, life->pid);
	}
}
