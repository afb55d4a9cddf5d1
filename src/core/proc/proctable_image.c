/* SPDX-License-Identifier: MIT */
#include "core/proc/proctable_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * An exec takes effect a little before the time in its record. What /proc said in between
 * is what came after the exec, though it looks as if it had been read before. So what was
 * read shortly before the record, and is the same as what is known to have come after it,
 * proves nothing.
 */
#define GAP_NS UINT64_C(100000000)
#define GAP_BLIND_NS UINT64_C(10000000) /* where nothing is known of what came after */
#define GAP_FORK_NS UINT64_C(1000000)

struct proctable_image *proctable_image_new(
	const struct proctable_image *from, const char *comm)
{
	static const struct proctable_image unknown = {.program = PROGRAM_UNKNOWN};
	struct proctable_image *image = malloc(sizeof(*image));
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

struct proctable_image *proctable_image_ref(struct proctable_image *image)
{
	assert(image->refs > 0);
	image->refs++;
	return image;
}

void proctable_image_unref(struct proctable_image *image)
{
	assert(!image || image->refs > 0);
	if (!image || --image->refs > 0)
		return;
	program_fini(&image->program);
	free(image);
}

void proctable_image_read(
	struct proctable_image *image, struct proc_snapshot *snap, uint64_t owner)
{
	if (snap->has_login_uid)
		image->program.login_uid = snap->program.login_uid;
	if (snap->has_stat)
		image->is_kthread = snap->is_kthread;
	program_take(&image->program, &snap->program);
	image->owner = owner;
	image->read_t1_ns = snap->t1_ns;
}

static bool is_read_by(
	const struct proctable_image *image, const struct proctable_life *life)
{
	return image->read_t1_ns != 0 && image->owner == life->serial;
}

void proctable_image_doubt_exec(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns,
	const struct proc_snapshot *next)
{
	if (!is_read_by(image, life))
		return;
	uint64_t gap_ns = next ? GAP_NS : GAP_BLIND_NS;
	if (ts_ns < image->read_t1_ns)
		program_doubt(&image->program, NULL);
	else if (ts_ns - image->read_t1_ns < gap_ns)
		program_doubt(&image->program, next ? &next->program : NULL);
}

void proctable_image_doubt_comm(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns, const char *next)
{
	if (!is_read_by(image, life))
		return;
	if (ts_ns < image->read_t1_ns || (ts_ns - image->read_t1_ns < GAP_BLIND_NS &&
						 strcmp(image->program.comm, next) == 0))
		memset(image->program.comm, 0, sizeof(image->program.comm));
}

void proctable_image_doubt_fork(
	struct proctable_image *image, const struct proctable_life *life, uint64_t ts_ns)
{
	if (is_read_by(image, life) && ts_ns < image->read_t1_ns + GAP_FORK_NS)
		program_doubt(&image->program, NULL);
}
