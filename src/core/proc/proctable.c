/* SPDX-License-Identifier: MIT */
#include "core/proc/proctable.h"

#include "core/proc/proctable_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A process can be seen in /proc a little before the time in the record of its fork. */
#define FORK_GAP_NS UINT64_C(100000000)

/* A taskstats record counts from a moment a little before the one in the record of the
 * fork. */
#define START_GAP_NS UINT64_C(100000000)

struct proctable *proctable_new(size_t max_lives)
{
	struct proctable *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->max_lives = max_lives;
	TAILQ_INIT(&t->dead);
	TAILQ_INIT(&t->changed);
	return t;
}

void proctable_free(struct proctable *t)
{
	if (!t)
		return;
	struct proctable_life *life;
	while ((life = TAILQ_FIRST(&t->dead)))
		proctable_life_remove(t, life);
	while ((life = t->by_pid))
		proctable_life_remove(t, life);
	free(t);
}

struct proctable_counts proctable_counts(const struct proctable *t)
{
	return t->counts;
}

/* The ids of a state that begins now: those of the one in force, or unknown. */
static struct proctable_state state_after(
	const struct proctable_life *life, uint64_t since_ns)
{
	struct proctable_state state = {
		.since_ns = since_ns,
		.uid = ACTOR_ID_UNKNOWN,
		.euid = ACTOR_ID_UNKNOWN,
	};
	const struct proctable_state *last = proctable_life_last(life);
	if (last) {
		state.uid = last->uid;
		state.euid = last->euid;
	}
	return state;
}

/*
 * The life that a change is about. One that a scan of /proc has taken in already only
 * tells that nothing is known of earlier moments: NULL, and 0 in errno. For a pid that
 * the table does not know, a life whose past is unknown. NULL with ENOMEM or ENOSPC if
 * there is no room.
 */
static struct proctable_life *changed_life(
	struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *life = proctable_find(t, rec->pid);
	if (life && rec->time_ns < life->scan_t0_ns) {
		if (life->known_from_ns < rec->time_ns)
			life->known_from_ns = rec->time_ns;
		errno = 0;
		return NULL;
	}
	/* The first thread of a process can end before the others, and exec of another
	 * thread takes its place: without a fork in between it is the same process. */
	if (life && life->exit_ns != 0 && !life->superseded)
		proctable_life_revive(t, life);
	if (life && !life->superseded)
		return life;

	life = proctable_life_new(t, rec->pid);
	if (life)
		life->known_from_ns = rec->time_ns;
	return life;
}

/* The image in which a new process begins: what the parent was, if that is known. */
static struct proctable_image *inherit_image(const struct proc_record *rec,
	const struct proctable_state *from, struct proc_snapshot *snap, uint64_t serial)
{
	if (!from)
		return proctable_image_new(NULL, "");
	if (rec->fork.parent_pid == rec->fork.parent_tgid)
		return proctable_image_ref(from->image);

	/* The thread that forked may have a name of its own. */
	const char *comm = snap ? snap->program.comm : "";
	struct proctable_image *image = proctable_image_new(from->image, comm);
	if (image && comm[0]) {
		image->owner = serial;
		image->read_t1_ns = snap->t1_ns;
	}
	return image;
}

/* The life that had the pid until now has ended, if nobody has said so yet. */
static void supersede(
	struct proctable *t, struct proctable_life *old, const struct proc_record *rec)
{
	if (old->exit_ns == 0) {
		proctable_life_end(t, old, rec->time_ns);
		old->late_exits++;
	}
	old->superseded = true;
	old->threads_remain = false;
	struct proctable_state *last = proctable_life_last(old);
	if (last)
		proctable_image_doubt_fork(last->image, old, rec->time_ns);
}

static int apply_fork(
	struct proctable *t, const struct proc_record *rec, struct proc_snapshot *snap)
{
	struct proctable_life *parent = proctable_find(t, rec->fork.parent_tgid);
	struct proctable_life *old = proctable_find(t, rec->pid);
	if (old && old->fork_ns == 0 && old->exit_ns == 0 &&
		rec->time_ns < old->scan_t1_ns + FORK_GAP_NS) {
		old->fork_ns = rec->time_ns;
		if (parent)
			proctable_life_adopt(t, old, parent);
		return 0;
	}
	if (old)
		supersede(t, old, rec);

	struct proctable_life *life = proctable_life_new(t, rec->pid);
	if (!life)
		return errno == ENOSPC ? 0 : -1;
	life->fork_ns = life->start_ns = rec->time_ns;
	life->has_ppid = true;
	life->ppid = rec->fork.parent_tgid;

	bool known = parent && parent->known_from_ns <= rec->time_ns;
	struct proctable_state state = state_after(known ? parent : life, rec->time_ns);
	state.image = inherit_image(
		rec, known ? proctable_life_last(parent) : NULL, snap, life->serial);
	if (!state.image || proctable_life_push(t, life, state) < 0) {
		proctable_life_remove(t, life);
		return -1;
	}
	if (parent) {
		proctable_life_adopt(t, life, parent);
		life->tag = parent->tag;
		life->depth = parent->depth;
	}
	return 0;
}

static int apply_exec(
	struct proctable *t, const struct proc_record *rec, struct proc_snapshot *snap)
{
	struct proctable_life *life = changed_life(t, rec);
	if (!life)
		return errno == ENOMEM ? -1 : 0;

	struct proctable_image *image = proctable_image_new(NULL, "");
	if (!image)
		return -1;
	const struct proctable_state *last = proctable_life_last(life);
	if (last)
		proctable_image_doubt_exec(last->image, life, rec->time_ns, snap);
	if (last && program_copy_lasting(&image->program, &last->image->program) < 0) {
		proctable_image_unref(image);
		return -1;
	}
	if (snap)
		proctable_image_read(image, snap, life->serial);

	struct proctable_state state = state_after(life, rec->time_ns);
	state.is_exec = true;
	state.image = image;
	return proctable_life_push(t, life, state);
}

/* Begin a state with the image of the one in force, or an unknown one. */
static int push_same(
	struct proctable *t, struct proctable_life *life, struct proctable_state state)
{
	const struct proctable_state *last = proctable_life_last(life);
	state.image =
		last ? proctable_image_ref(last->image) : proctable_image_new(NULL, "");
	return state.image ? proctable_life_push(t, life, state) : -1;
}

static int apply_uid(struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *life = changed_life(t, rec);
	if (!life)
		return errno == ENOMEM ? -1 : 0;

	struct proctable_state state = state_after(life, rec->time_ns);
	if (life->state_count > 0 && state.uid == rec->uid.uid &&
		state.euid == rec->uid.euid)
		return 0;
	state.uid = rec->uid.uid;
	state.euid = rec->uid.euid;
	return push_same(t, life, state);
}

static int apply_comm(struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *life = changed_life(t, rec);
	if (!life)
		return errno == ENOMEM ? -1 : 0;

	struct proctable_state state = state_after(life, rec->time_ns);
	const struct proctable_state *last = proctable_life_last(life);
	if (last) {
		proctable_image_doubt_comm(
			last->image, life, rec->time_ns, rec->comm.name);
		if (strcmp(last->image->program.comm, rec->comm.name) == 0)
			return 0;
	}
	state.image = proctable_image_new(last ? last->image : NULL, rec->comm.name);
	return state.image ? proctable_life_push(t, life, state) : -1;
}

static int apply_exit(struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *life = proctable_find(t, rec->pid);
	if (!life || rec->time_ns < life->scan_t0_ns)
		return 0;
	if (life->late_exits > 0)
		life->late_exits--;
	else if (life->exit_ns == 0)
		proctable_life_end(t, life, rec->time_ns);
	return 0;
}

/* Whether a taskstats record can be about a life: one that has none yet, with the same
 * user, and not younger than the process that the record is about. */
static bool task_fits(const struct proctable_life *life, const struct proc_record *rec)
{
	const struct proctable_state *last = proctable_life_last(life);
	if (life->has_task || !last)
		return false;
	if (last->uid != ACTOR_ID_UNKNOWN && last->uid != rec->task.uid)
		return false;
	return life->fork_ns + rec->task.elapsed_ns <= rec->time_ns + START_GAP_NS;
}

/* The oldest life of the pid that a taskstats record can be about, or NULL. */
static struct proctable_life *find_task_life(
	const struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *found = NULL;
	unsigned count = 0;
	for (struct proctable_life *l = proctable_find(t, rec->pid); l; l = l->older) {
		if (!task_fits(l, rec))
			continue;
		found = l;
		count++;
	}
	return t->tasks_lost && count > 1 ? NULL : found;
}

/* The last thread of a process has ended, long after the first. */
static void end_last_thread(struct proctable *t, const struct proc_record *rec)
{
	struct proctable_life *life = proctable_find(t, rec->tgid);
	if (!rec->task.group_dead || !life || !life->threads_remain)
		return;
	life->threads_remain = false;
	life->has_task = true;
	if (life->exit_ns != 0)
		proctable_life_end(t, life, rec->time_ns);
}

static int apply_task(struct proctable *t, const struct proc_record *rec)
{
	if (rec->pid != rec->tgid) {
		end_last_thread(t, rec);
		return 0;
	}
	struct proctable_life *life = find_task_life(t, rec);
	if (!life) {
		t->counts.strays++;
		return 0;
	}
	if (rec->task.has_group && !rec->task.group_dead)
		life->threads_remain = true;
	else
		life->has_task = true;

	struct proctable_state *last = proctable_life_last(life);
	last->uid = rec->task.uid;
	char *comm = last->image->program.comm;
	if (!comm[0])
		memcpy(comm, rec->task.comm, sizeof(rec->task.comm));
	return 0;
}

static int apply_record(
	struct proctable *t, const struct proc_record *rec, struct proc_snapshot *snap)
{
	if (rec->kind == PROCREC_TASK)
		return apply_task(t, rec);
	if (rec->kind == PROCREC_LOST) {
		proctable_lost(t, rec->time_ns);
		return 0;
	}
	if (rec->pid != rec->tgid || rec->pid <= 0)
		return 0;

	switch (rec->kind) {
	case PROCREC_FORK:
		return apply_fork(t, rec, snap);
	case PROCREC_EXEC:
		return apply_exec(t, rec, snap);
	case PROCREC_UID:
		return apply_uid(t, rec);
	case PROCREC_COMM:
		return apply_comm(t, rec);
	case PROCREC_EXIT:
		return apply_exit(t, rec);
	default:
		return 0;
	}
}

int proctable_apply(
	struct proctable *t, const struct proc_record *rec, struct proc_snapshot *snap)
{
	int rc = apply_record(t, rec, snap);
	if (snap)
		proctext_fini(snap);
	if (rc == 0)
		return 0;
	proctable_lost(t, rec->time_ns);
	errno = ENOMEM;
	return -1;
}
