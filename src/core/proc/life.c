/* SPDX-License-Identifier: MIT */
#include "core/proc/life.h"

#include "base/grow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* States of one life that events may still mean; beyond it the oldest are forgotten. */
#define STATES_MAX 1024
/* So often it is seen which of them are past. */
#define STATES_TIDY 64

/* ---- Images ---- */

struct life_image *life_image_new(const struct life_image *from, const char *comm)
{
	static const struct life_image unknown = {.program = PROGRAM_UNKNOWN};
	struct life_image *image = malloc(sizeof(*image));
	if (!image)
		return NULL;
	*image = from ? *from : unknown;
	image->refs = 1;
	if (from && program_copy(&image->program, &from->program) < 0) {
		free(image);
		return NULL;
	}
	strlcpy(image->program.comm, comm, sizeof(image->program.comm));
	return image;
}

struct life_image *life_image_ref(struct life_image *image)
{
	assert(image->refs > 0);
	image->refs++;
	return image;
}

void life_image_unref(struct life_image *image)
{
	assert(!image || image->refs > 0);
	if (!image || --image->refs > 0)
		return;
	program_fini(&image->program);
	free(image);
}

void life_image_take(
	struct life_image *image, struct proc_snapshot *snap, const struct life *owner)
{
	if (snap->has_login_uid)
		image->program.login_uid = snap->program.login_uid;
	if (snap->has_stat)
		image->is_kthread = snap->is_kthread;
	program_take(&image->program, &snap->program);
	image->owner = owner->serial;
	image->read_ns = snap->t1_ns;
}

/* ---- Lives ---- */

struct life *life_find(const struct proctable *t, pid_t pid)
{
	struct life *life;
	HASH_FIND(hh, t->by_pid, &pid, sizeof(pid), life);
	return life;
}

/* Put a life into the index in place of another one of its pid (or NULL); the index is
 * never left without either. Returns 0, or -1 with ENOMEM and the other one still there.
 */
static int index_life(struct proctable *t, struct life *life, struct life *other)
{
	life->unhashed = false;
	HASH_ADD(hh, t->by_pid, pid, sizeof(life->pid), life);
	if (life->unhashed) {
		errno = ENOMEM;
		return -1;
	}
	if (other)
		HASH_DELETE(hh, t->by_pid, other);
	return 0;
}

/* Make room for one more life. Returns false if all are alive. */
static bool make_room(struct proctable *t)
{
	if (t->counts.lives < t->max_lives)
		return true;
	struct life *oldest = TAILQ_FIRST(&t->dead);
	t->counts.evicted++;
	if (!oldest)
		return false;
	if (t->evicted_exit_ns < oldest->exit_ns)
		t->evicted_exit_ns = oldest->exit_ns;
	life_remove(t, oldest);
	return true;
}

struct life *life_new(struct proctable *t, pid_t pid)
{
	if (!make_room(t)) {
		errno = ENOSPC;
		return NULL;
	}
	struct life *life = calloc(1, sizeof(*life));
	if (!life)
		return NULL;
	struct life *other = life_find(t, pid);
	life->pid = pid;
	life->serial = ++t->next_serial;
	if (index_life(t, life, other) < 0) {
		free(life);
		return NULL;
	}
	life->older = other;
	life->in_table = true;
	if (other)
		life->exits_awaited = other->exits_awaited;
	t->counts.lives++;
	return life;
}

struct life_state *life_last(const struct life *life)
{
	return life->state_count > 0 ? &life->states[life->state_count - 1] : NULL;
}

/* How many states no event can mean any more, as the next change of users came before all that
 * are not dealt with. Execs stay: their number is compared with that of the records of a whole
 * window. */
static size_t count_passed(const struct proctable *t, const struct life *life)
{
	size_t passed = 0;
	for (size_t i = 0; i < life->state_count && !life->states[i].is_exec; i++) {
		const struct life_state *s = &life->states[i];
		if (s->counted != PROCREC_UNCOUNTED && s->queued <= t->passed)
			passed = i;
	}
	return passed;
}

int life_push(struct proctable *t, struct life *life, struct life_state state)
{
	if (!state.image)
		return -1;
	if (life->state_count > 0 && life->state_count % STATES_TIDY == 0)
		life_forget(t, life, count_passed(t, life));
	if (life->state_count >= STATES_MAX) {
		life_forget(t, life, STATES_MAX / 2);
		if (life->known_from_ns < life->states[0].since_ns)
			life->known_from_ns = life->states[0].since_ns;
	}
	if (grow(life->states, life->state_count) < 0) {
		life_image_unref(state.image);
		return -1;
	}
	life->states[life->state_count++] = state;
	if (state.is_exec)
		life->last_exec_ns = state.since_ns;
	if (life->state_count > 1 && !life->in_changed) {
		TAILQ_INSERT_TAIL(&t->changed, life, changed_link);
		life->in_changed = true;
	}
	return 0;
}

static void leave_changed(struct proctable *t, struct life *life)
{
	if (life->in_changed)
		TAILQ_REMOVE(&t->changed, life, changed_link);
	life->in_changed = false;
}

void life_forget(struct proctable *t, struct life *life, size_t count)
{
	assert(count <= life->state_count);
	for (size_t i = 0; i < count; i++) {
		if (life->states[i].is_exec)
			life->past_exec_ns = life->states[i].since_ns;
		life_image_unref(life->states[i].image);
	}
	life->state_count -= count;
	if (count > 0)
		memmove(life->states, life->states + count,
			life->state_count * sizeof(*life->states));
	if (life->state_count <= 1)
		leave_changed(t, life);
}

/* Give back references to ancestors that nobody else needs. */
static void release(struct proctable *t, struct life *life)
{
	while (life && !life->in_table && life->children == 0) {
		struct life *parent = life->parent;
		life_image_unref(life->birth_image);
		free(life);
		t->counts.ancestors--;
		if (parent)
			parent->children--;
		life = parent;
	}
}

/* Give back the reference to the parent. */
static void cut_ancestry(struct proctable *t, struct life *life)
{
	struct life *parent = life->parent;
	life->parent = NULL;
	if (!parent)
		return;
	parent->children--;
	release(t, parent);
}

void life_adopt(struct proctable *t, struct life *life, struct life *parent)
{
	if (life == parent)
		return;
	parent->children++;
	cut_ancestry(t, life);
	life->parent = parent;
	life->has_ppid = true;
	life->ppid = parent->pid;

	struct life_state *state = life_last(parent);
	if (state) {
		life_image_unref(life->birth_image);
		life->birth_image = life_image_ref(state->image);
	}
	/* A process that goes on by forking and ending must not grow a chain without end.
	 */
	struct life *far = life;
	for (int i = 0; far && i < LIFE_LINEAGE_MAX; i++)
		far = far->parent;
	if (far && far->parent && far->parent->exit_ns != 0)
		cut_ancestry(t, far);
}

static void leave_dead(struct proctable *t, struct life *life)
{
	if (life->exit_ns != 0)
		TAILQ_REMOVE(&t->dead, life, dead_link);
}

void life_end(struct proctable *t, struct life *life, uint64_t exit_ns)
{
	leave_dead(t, life);
	life->exit_ns = exit_ns ? exit_ns : 1;
	TAILQ_INSERT_TAIL(&t->dead, life, dead_link);
}

void life_supersede(struct proctable *t, struct life *life, uint64_t now_ns)
{
	if (life->exit_ns == 0)
		life_end(t, life, now_ns);
	life->superseded = true;
}

void life_revive(struct proctable *t, struct life *life)
{
	leave_dead(t, life);
	life->exit_ns = 0;
	life->threads_remain = false;
}

/* Take a life out of the index and the chain of its pid. */
static void unlink_life(struct proctable *t, struct life *life)
{
	struct life *newest = life_find(t, life->pid);
	if (newest != life) {
		while (newest && newest->older != life)
			newest = newest->older;
		if (newest)
			newest->older = life->older;
		return;
	}
	/* Out of memory here would only hide the older lives, all of which have ended. */
	if (!life->older || index_life(t, life->older, life) < 0)
		HASH_DELETE(hh, t->by_pid, life);
	else
		life->older->exits_awaited = life->exits_awaited;
}

void life_remove(struct proctable *t, struct life *life)
{
	assert(life->in_table);
	unlink_life(t, life);
	leave_dead(t, life);
	life_forget(t, life, life->state_count);
	leave_changed(t, life);
	free(life->states);
	life->states = NULL;
	life->older = NULL;
	life->in_table = false;
	t->counts.lives--;
	t->counts.ancestors++;
	release(t, life);
}
