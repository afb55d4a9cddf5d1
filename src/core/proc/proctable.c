/* SPDX-License-Identifier: MIT */
#include "core/proc/proctable.h"

#include "core/proc/life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A process can be seen in /proc a little before the time in the record of its fork. */
#define FORK_GAP_NS UINT64_C(100000000)

/* A taskstats record counts from a moment a little before the one in the record of the
 * fork. */
#define TASK_GAP_NS UINT64_C(100000000)

/* What was read from /proc so shortly before a record may be of what came after it. */
#define GAP_NS UINT64_C(100000000)
#define GAP_BLIND_NS UINT64_C(10000000) /* where nothing is known of what came after */
#define GAP_FORK_NS UINT64_C(1000000)

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
	struct life *life;
	while ((life = TAILQ_FIRST(&t->dead)))
		life_remove(t, life);
	while ((life = t->by_pid))
		life_remove(t, life);
	free(t);
}

/* The ids of a state that begins now: those of the one in force, or unknown. */
static struct life_state state_after(const struct life *life, uint64_t since_ns)
{
	const struct life_state *last = life_last(life);
	return (struct life_state){
		.since_ns = since_ns,
		.uid = last ? last->uid : ACTOR_ID_UNKNOWN,
		.euid = last ? last->euid : ACTOR_ID_UNKNOWN,
	};
}

/*
 * An exec takes effect a little before the time in its record. What /proc said in between
 * is what came after the exec, though it looks as if it had been read before. So what was
 * read shortly before the record, and is the same as what is known to have come after it,
 * proves nothing. A doubt is about the image in force, if /proc was read for it in this life;
 * `read_ns` is then when.
 */
static struct life_image *image_read(const struct life *life, uint64_t *read_ns)
{
	const struct life_state *last = life_last(life);
	if (!last || last->image->read_ns == 0 || last->image->owner != life->serial)
		return NULL;
	*read_ns = last->image->read_ns;
	return last->image;
}

/* The program changed, to what `next` says (NULL: nobody could look): forget what may have been
 * read after that already. */
static void doubt_exec(
	const struct life *life, uint64_t time_ns, const struct proc_snapshot *next)
{
	uint64_t read_ns;
	struct life_image *image = image_read(life, &read_ns);
	if (image && time_ns < read_ns)
		program_doubt(&image->program, NULL);
	else if (image && time_ns - read_ns < (next ? GAP_NS : GAP_BLIND_NS))
		program_doubt(&image->program, next ? &next->program : NULL);
}

/* Likewise when only the name changed. */
static void doubt_comm(const struct life *life, uint64_t time_ns, const char *next)
{
	uint64_t read_ns;
	struct life_image *image = image_read(life, &read_ns);
	if (image &&
		(time_ns < read_ns || (time_ns - read_ns < GAP_BLIND_NS &&
					      strcmp(image->program.comm, next) == 0)))
		memset(image->program.comm, 0, sizeof(image->program.comm));
}

/* Likewise when the pid went to another process. */
static void doubt_fork(const struct life *life, uint64_t time_ns)
{
	uint64_t read_ns;
	struct life_image *image = image_read(life, &read_ns);
	if (image && time_ns < read_ns + GAP_FORK_NS)
		program_doubt(&image->program, NULL);
}

/*
 * The life that a change is about. One that a scan of /proc has taken in already only
 * tells that nothing is known of earlier moments: NULL, and 0 in errno. For a pid that
 * the table does not know, a life whose past is unknown. NULL with ENOMEM or ENOSPC if
 * there is no room.
 */
static struct life *changed_life(struct proctable *t, const struct procrec *rec)
{
	struct life *life = life_find(t, rec->pid);
	if (life && rec->time_ns < life->scan_t0_ns) {
		if (life->known_from_ns < rec->time_ns)
			life->known_from_ns = rec->time_ns;
		errno = 0;
		return NULL;
	}
	/* The first thread of a process can end before the others, and exec of another
	 * thread takes its place: without a fork in between it is the same process. */
	if (life && life->exit_ns != 0 && !life->superseded)
		life_revive(t, life);
	if (life && !life->superseded)
		return life;

	life = life_new(t, rec->pid);
	if (life)
		life->known_from_ns = rec->time_ns;
	return life;
}

/* The image in which a new process begins: what the parent was, if that is known. */
static struct life_image *inherit_image(const struct procrec *rec,
	const struct life_state *from, struct proc_snapshot *snap, uint64_t serial)
{
	if (!from)
		return life_image_new(NULL, "");
	if (rec->fork.parent_pid == rec->fork.parent_tgid)
		return life_image_ref(from->image);

	/* The thread that forked may have a name of its own. */
	const char *comm = snap ? snap->program.comm : "";
	struct life_image *image = life_image_new(from->image, comm);
	if (image && comm[0]) {
		image->owner = serial;
		image->read_ns = snap->t1_ns;
	}
	return image;
}

/* End the life that had the pid until now, if no record has done so yet. */
static void supersede(struct proctable *t, struct life *old, uint64_t time_ns)
{
	old->exits_awaited += old->exit_ns == 0;
	old->threads_remain = false;
	life_supersede(t, old, time_ns);
	doubt_fork(old, time_ns);
}

static int apply_fork(
	struct proctable *t, const struct procrec *rec, struct proc_snapshot *snap)
{
	struct life *parent = life_find(t, rec->fork.parent_tgid);
	struct life *old = life_find(t, rec->pid);
	if (old && old->fork_ns == 0 && old->exit_ns == 0 &&
		rec->time_ns < old->scan_t1_ns + FORK_GAP_NS) {
		old->fork_ns = rec->time_ns;
		if (parent)
			life_adopt(t, old, parent);
		return 0;
	}
	if (old)
		supersede(t, old, rec->time_ns);

	struct life *life = life_new(t, rec->pid);
	if (!life)
		return errno == ENOSPC ? 0 : -1;
	life->fork_ns = life->start_ns = rec->time_ns;
	life->has_ppid = true;
	life->ppid = rec->fork.parent_tgid;

	bool known = parent && parent->known_from_ns <= rec->time_ns;
	struct life_state state = state_after(known ? parent : life, rec->time_ns);
	state.image =
		inherit_image(rec, known ? life_last(parent) : NULL, snap, life->serial);
	if (life_push(t, life, state) < 0) {
		life_remove(t, life);
		return -1;
	}
	if (parent) {
		life_adopt(t, life, parent);
		life->tag = parent->tag;
		life->depth = parent->depth;
	}
	return 0;
}

/*
 * The three kinds of changes fill in the state that begins, whose ids are those of the one in
 * force; its image is NULL if there is no memory. They return whether anything changes.
 */
static bool change_program(const struct life *life, const struct procrec *rec,
	struct proc_snapshot *snap, struct life_state *state)
{
	const struct life_state *last = life_last(life);
	state->is_exec = true;
	state->image = life_image_new(NULL, "");
	if (!state->image)
		return true;
	doubt_exec(life, rec->time_ns, snap);
	if (last &&
		program_copy_lasting(&state->image->program, &last->image->program) < 0) {
		life_image_unref(state->image);
		state->image = NULL;
	} else if (snap) {
		life_image_take(state->image, snap, life);
	}
	return true;
}

static bool change_user(const struct life *life, const struct procrec *rec,
	struct proc_snapshot *snap, struct life_state *state)
{
	(void)snap;
	const struct life_state *last = life_last(life);
	if (last && state->uid == rec->uid.uid && state->euid == rec->uid.euid)
		return false;
	state->uid = rec->uid.uid;
	state->euid = rec->uid.euid;
	state->counted = rec->uid.counted;
	state->queued = rec->uid.queued;
	state->image = last ? life_image_ref(last->image) : life_image_new(NULL, "");
	return true;
}

static bool change_name(const struct life *life, const struct procrec *rec,
	struct proc_snapshot *snap, struct life_state *state)
{
	(void)snap;
	const char *name = rec->comm.name;
	const struct life_state *last = life_last(life);
	doubt_comm(life, rec->time_ns, name);
	if (last && strcmp(last->image->program.comm, name) == 0)
		return false;
	state->image = life_image_new(last ? last->image : NULL, name);
	return true;
}

static int apply_change(struct proctable *t, const struct procrec *rec,
	struct proc_snapshot *snap,
	bool (*change)(const struct life *life, const struct procrec *rec,
		struct proc_snapshot *snap, struct life_state *state))
{
	struct life *life = changed_life(t, rec);
	if (!life)
		return errno == ENOMEM ? -1 : 0;
	struct life_state state = state_after(life, rec->time_ns);
	return change(life, rec, snap, &state) ? life_push(t, life, state) : 0;
}

static int apply_exit(struct proctable *t, const struct procrec *rec)
{
	struct life *life = life_find(t, rec->pid);
	if (!life || rec->time_ns < life->scan_t0_ns)
		return 0;
	if (life->exits_awaited > 0)
		life->exits_awaited--;
	else if (life->exit_ns == 0)
		life_end(t, life, rec->time_ns);
	return 0;
}

/* Whether a taskstats record can be about a life: one that has none yet, with the same
 * user, and not younger than the process that the record is about. */
static bool task_fits(const struct life *life, const struct procrec *rec)
{
	const struct life_state *last = life_last(life);
	if (life->has_task || !last)
		return false;
	if (last->uid != ACTOR_ID_UNKNOWN && last->uid != rec->task.uid)
		return false;
	return life->fork_ns + rec->task.elapsed_ns <= rec->time_ns + TASK_GAP_NS;
}

/* The oldest life of the pid that a taskstats record can be about, or NULL. */
static struct life *find_task_life(const struct proctable *t, const struct procrec *rec)
{
	struct life *found = NULL;
	unsigned count = 0;
	for (struct life *l = life_find(t, rec->pid); l; l = l->older) {
		if (!task_fits(l, rec))
			continue;
		found = l;
		count++;
	}
	return t->tasks_lost && count > 1 ? NULL : found;
}

/* The last thread of a process has ended, long after the first. */
static void end_last_thread(struct proctable *t, const struct procrec *rec)
{
	struct life *life = life_find(t, rec->tgid);
	if (!rec->task.group_dead || !life || !life->threads_remain)
		return;
	life->threads_remain = false;
	life->has_task = true;
	if (life->exit_ns != 0)
		life_end(t, life, rec->time_ns);
}

static int apply_task(struct proctable *t, const struct procrec *rec)
{
	if (rec->pid != rec->tgid) {
		end_last_thread(t, rec);
		return 0;
	}
	struct life *life = find_task_life(t, rec);
	if (!life)
		return 0;
	if (rec->task.has_group && !rec->task.group_dead)
		life->threads_remain = true;
	else
		life->has_task = true;

	struct life_state *last = life_last(life);
	last->uid = rec->task.uid;
	char *comm = last->image->program.comm;
	if (!comm[0])
		memcpy(comm, rec->task.comm, sizeof(rec->task.comm));
	return 0;
}

static int apply_record(
	struct proctable *t, const struct procrec *rec, struct proc_snapshot *snap)
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
		return apply_change(t, rec, snap, change_program);
	case PROCREC_UID:
		return apply_change(t, rec, snap, change_user);
	case PROCREC_COMM:
		return apply_change(t, rec, snap, change_name);
	case PROCREC_EXIT:
		return apply_exit(t, rec);
	default:
		return 0;
	}
}

int proctable_apply(
	struct proctable *t, const struct procrec *rec, struct proc_snapshot *snap)
{
	int rc = apply_record(t, rec, snap);
	if (snap)
		program_fini(&snap->program);
	if (rc == 0)
		return 0;
	proctable_lost(t, rec->time_ns);
	errno = ENOMEM;
	return -1;
}
