/* SPDX-License-Identifier: MIT */
#include "core/proctable_state.h"

#include <stdlib.h>
#include <string.h>

/*
 * An exec takes effect a little before the time in its record. What /proc said in between
 * is what came after the exec, though it looks as if it had been read before. So what was
 * read shortly before the record, and is the same as what is known to have come after it,
 * proves nothing.
 */
#define IMAGE_GAP_NS UINT64_C(100000000)
#define IMAGE_GAP_BLIND_NS \
	UINT64_C(10000000) /* where nothing is known of what came after */
#define IMAGE_GAP_FORK_NS UINT64_C(1000000)

struct proctable_image *proctable_image_new(void)
{
	struct proctable_image *image = calloc(1, sizeof(*image));
	if (!image)
		return NULL;
	image->refs = 1;
	image->login_uid = ACTOR_ID_UNKNOWN;
	return image;
}

/* Copy a string that may be NULL. Returns whether there was memory. */
static bool image_copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

struct proctable_image *proctable_image_copy(
	const struct proctable_image *from, bool without_comm)
{
	struct proctable_image *image = malloc(sizeof(*image));
	if (!image)
		return NULL;
	*image = *from;
	image->refs = 1;
	image->exe = image->cmdline = image->unit = NULL;
	if (without_comm) {
		image->has_comm = false;
		memset(image->comm, 0, sizeof(image->comm));
	}
	if (image_copy_text(&image->exe, from->exe) &&
		image_copy_text(&image->cmdline, from->cmdline) &&
		image_copy_text(&image->unit, from->unit))
		return image;
	proctable_image_unref(image);
	return NULL;
}

struct proctable_image *proctable_image_ref(struct proctable_image *image)
{
	image->refs++;
	return image;
}

void proctable_image_unref(struct proctable_image *image)
{
	if (!image || --image->refs > 0)
		return;
	free(image->exe);
	free(image->cmdline);
	free(image->unit);
	free(image);
}

/* Move a string to a place that owns its own, unless there is none. */
static void image_move_text(char **to, char **from)
{
	if (!*from)
		return;
	free(*to);
	*to = *from;
	*from = NULL;
}

void proctable_image_read(
	struct proctable_image *image, struct proc_snapshot *snap, uint64_t owner)
{
	if (snap->has_comm) {
		image->has_comm = true;
		memcpy(image->comm, snap->comm, sizeof(image->comm));
	}
	if (snap->has_login_uid)
		image->login_uid = snap->login_uid;
	if (snap->has_stat)
		image->is_kthread = snap->is_kthread;
	image_move_text(&image->exe, &snap->exe);
	image_move_text(&image->cmdline, &snap->cmdline);
	image_move_text(&image->unit, &snap->unit);
	image->owner = owner;
	image->read_t1_ns = snap->t1_ns;
}

static void image_drop_comm(struct proctable_image *image)
{
	image->has_comm = false;
	memset(image->comm, 0, sizeof(image->comm));
}

static void image_drop_text(char **text)
{
	free(*text);
	*text = NULL;
}

/* Forget what was read of the program. The unit and the login user outlast an exec. */
static void image_drop(struct proctable_image *image)
{
	image_drop_comm(image);
	image_drop_text(&image->exe);
	image_drop_text(&image->cmdline);
}

static bool image_is_read_by(
	const struct proctable_image *image, const struct proctable_life *life)
{
	return image->read_t1_ns != 0 && image->owner == life->serial;
}

/* Whether two texts differ for certain. */
static bool image_differs(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

void proctable_image_doubt_exec(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns,
	const struct proc_snapshot *next)
{
	if (!image_is_read_by(image, life))
		return;
	if (ts_ns < image->read_t1_ns) {
		image_drop(image);
		return;
	}
	uint64_t gap = ts_ns - image->read_t1_ns;
	if (gap >= IMAGE_GAP_NS || (!next && gap >= IMAGE_GAP_BLIND_NS))
		return;
	if (!next) {
		image_drop(image);
		return;
	}
	if (!next->has_comm || !image_differs(image->comm, next->comm))
		image_drop_comm(image);
	if (!image_differs(image->exe, next->exe))
		image_drop_text(&image->exe);
	if (!image_differs(image->cmdline, next->cmdline))
		image_drop_text(&image->cmdline);
}

void proctable_image_doubt_comm(struct proctable_image *image,
	const struct proctable_life *life, uint64_t ts_ns, const char *next)
{
	if (!image_is_read_by(image, life))
		return;
	if (ts_ns < image->read_t1_ns ||
		(ts_ns - image->read_t1_ns < IMAGE_GAP_BLIND_NS &&
			!image_differs(image->comm, next)))
		image_drop_comm(image);
}

void proctable_image_doubt_fork(
	struct proctable_image *image, const struct proctable_life *life, uint64_t ts_ns)
{
	if (image_is_read_by(image, life) &&
		ts_ns < image->read_t1_ns + IMAGE_GAP_FORK_NS)
		image_drop(image);
}
