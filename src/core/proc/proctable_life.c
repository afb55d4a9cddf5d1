/* SPDX-License-Identifier: MIT */
#include "core/proc/proctable_state.h"

#include "base/grow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* States of one life that nothing has settled yet; the oldest are given up beyond it. */
#define STATES_MAX 1024

struct proctable_life *proctable_find(const struct proctable *t, pid_t pid)
{
	struct proctable_life *life;
	HASH_FIND(hh, t->by_pid, &pid, sizeof(pid), life);
	return life;
}

/* Put a life into the index in place of another one of its pid (or NULL); the index is
 * never left without either. Returns 0, or -1 with ENOMEM and the other one still there.
 */
static int index_life(
	struct proctable *t, struct proctable_life *life, struct proctable_life *other)
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
	struct proctable_life *oldest = TAILQ_FIRST(&t->dead);
	t->counts.evicted++;
	if (!oldest)
		return false;
	if (t->evicted_exit_ns < oldest->exit_ns)
		t->evicted_exit_ns = oldest->exit_ns;
	proctable_life_remove(t, oldest);
	return true;
}

struct proctable_life *proctable_life_new(struct proctable *t, pid_t pid)
{
	if (!make_room(t)) {
		errno = ENOSPC;
		return NULL;
	}
	struct proctable_life *life = calloc(1, sizeof(*life));
	if (!life)
		return NULL;
	struct proctable_life *other = proctable_find(t, pid);
	life->pid = pid;
	life->serial = ++t->next_serial;
	if (index_life(t, life, other) < 0) {
		free(life);
		errno = ENOMEM;
		return NULL;
	}
	life->older = other;
	life->in_table = true;
	if (other)
		life->late_exits = other->late_exits;
	t->counts.lives++;
	return life;
}

struct proctable_state *proctable_life_last(const struct proctable_life *life)
{
	return life->state_count > 0 ? &life->states[life->state_count - 1] : NULL;
}

int proctable_life_push(
	struct proctable *t, struct proctable_life *life, struct proctable_state state)
{
	assert(state.image);
	if (life->state_count >= STATES_MAX) {
		proctable_life_forget(t, life, STATES_MAX / 2);
		if (life->known_from_ns < life->states[0].since_ns)
			life->known_from_ns = life->states[0].since_ns;
	}
	if (grow(life->states, life->state_count) < 0) {
		proctable_image_unref(state.image);
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

static void leave_changed(struct proctable *t, struct proctable_life *life)
{
	if (life->in_changed)
		TAILQ_REMOVE(&t->changed, life, changed_link);
	life->in_changed = false;
}

void proctable_life_forget(struct proctable *t, struct proctable_life *life, size_t count)
{
	assert(count <= life->state_count);
	for (size_t i = 0; i < count; i++) {
		if (life->states[i].is_exec)
			life->past_exec_ns = life->states[i].since_ns;
		proctable_image_unref(life->states[i].image);
	}
	life->state_count -= count;
	if (count > 0)
		memmove(life->states, life->states + count,
			life->state_count * sizeof(*life->states));
	if (life->state_count <= 1)
		leave_changed(t, life);
}

/* Give back references to ancestors that nobody else needs. */
static void release(struct proctable *t, struct proctable_life *life)
{
	while (life && !life->in_table && life->children == 0) {
		struct proctable_life *parent = life->parent;
		proctable_image_unref(life->birth_image);
		free(life);
		t->counts.ancestors--;
		if (parent)
			parent->children--;
		life = parent;
	}
}

/* Let go of the parent. */
static void cut_ancestry(struct proctable *t, struct proctable_life *life)
{
	struct proctable_life *parent = life->parent;
	life->parent = NULL;
	if (!parent)
		return;
	parent->children--;
	release(t, parent);
}

void proctable_life_adopt(
	struct proctable *t, struct proctable_life *life, struct proctable_life *parent)
{
	if (life == parent)
		return;
	parent->children++;
	cut_ancestry(t, life);
	life->parent = parent;
	life->has_ppid = true;
	life->ppid = parent->pid;

	struct proctable_state *state = proctable_life_last(parent);
	if (state) {
		proctable_image_unref(life->birth_image);
		life->birth_image = proctable_image_ref(state->image);
	}
	/* A process that goes on by forking and ending must not grow a chain without end.
	 */
	struct proctable_life *far = life;
	for (int i = 0; far && i < PROCTABLE_LINEAGE_MAX; i++)
		far = far->parent;
	if (far && far->parent && far->parent->exit_ns != 0)
		cut_ancestry(t, far);
}

void proctable_life_end(
	struct proctable *t, struct proctable_life *life, uint64_t exit_ns)
{
	if (life->exit_ns != 0)
		TAILQ_REMOVE(&t->dead, life, dead_link);
	life->exit_ns = exit_ns ? exit_ns : 1;
	TAILQ_INSERT_TAIL(&t->dead, life, dead_link);
}

void proctable_life_revive(struct proctable *t, struct proctable_life *life)
{
	if (life->exit_ns != 0)
		TAILQ_REMOVE(&t->dead, life, dead_link);
	life->exit_ns = 0;
	life->threads_remain = false;
}

/* Take a life out of the index and the chain of its pid. */
static void unlink_life(struct proctable *t, struct proctable_life *life)
{
	struct proctable_life *newest = proctable_find(t, life->pid);
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
		life->older->late_exits = life->late_exits;
}

void proctable_life_remove(struct proctable *t, struct proctable_life *life)
{
	assert(life->in_table);
	unlink_life(t, life);
	if (life->exit_ns != 0)
		TAILQ_REMOVE(&t->dead, life, dead_link);
	proctable_life_forget(t, life, life->state_count);
	leave_changed(t, life);
	free(life->states);
	life->states = NULL;
	life->older = NULL;
	life->in_table = false;
	t->counts.lives--;
	t->counts.ancestors++;
	release(t, life);
}
