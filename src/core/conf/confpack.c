/* SPDX-License-Identifier: MIT */
#include "core/conf/conf.h"

#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An item: this head, in the machine's own order and unaligned, then a name and bytes, each with
 * a NUL behind it. */
enum kind { KIND_FILE, KIND_MAIN_FILE, KIND_MESSAGE, KINDS };

struct head {
	uint64_t kind;
	uint64_t name_len;
	uint64_t len;
};

static void add_item(
	struct buf *b, enum kind kind, const char *name, const char *bytes, size_t len)
{
	struct head h = {.kind = kind, .name_len = strlen(name), .len = len};
	buf_add(b, &h, sizeof(h));
	buf_add(b, name, h.name_len + 1);
	buf_add(b, bytes, len);
	buf_add(b, "", 1);
}

int confpack_write(
	struct buf *b, const struct conf *c, const struct conf_file *files, size_t count)
{
	for (size_t i = 0; i < c->message_count; i++) {
		const struct conf_message *m = &c->messages[i];
		add_item(b, KIND_MESSAGE, m->file, m->text, strlen(m->text));
	}
	for (size_t i = 0; i < count; i++)
		add_item(b, files[i].is_main ? KIND_MAIN_FILE : KIND_FILE, files[i].name,
			files[i].bytes, files[i].len);
	return b->failed ? -1 : 0;
}

/* Cut `len` bytes and their NUL off the front; NULL where they are not there. */
static const char *cut(const char **at, size_t *left, uint64_t len)
{
	const char *start = *at;
	if (len >= *left || start[len] != '\0')
		return NULL;
	*at += len + 1;
	*left -= len + 1;
	return start;
}

/* Read one item. Returns 0, or -1 with EBADMSG or ENOMEM. */
static int read_item(struct conf *c, const char **at, size_t *left,
	struct conf_file **files, size_t *count)
{
	struct head h = {.kind = KINDS};
	const char *name = NULL, *bytes = NULL;
	if (*left >= sizeof(h)) {
		memcpy(&h, *at, sizeof(h));
		*at += sizeof(h);
		*left -= sizeof(h);
		name = cut(at, left, h.name_len);
		bytes = name ? cut(at, left, h.len) : NULL;
	}
	if (!bytes || h.kind >= KINDS) {
		errno = EBADMSG;
		return -1;
	}
	if (h.kind == KIND_MESSAGE)
		return conf_add_message(c, name, 0, false, bytes);
	if (grow(*files, *count) < 0)
		return -1;
	(*files)[(*count)++] = (struct conf_file){.name = name,
		.bytes = bytes,
		.len = h.len,
		.is_main = h.kind == KIND_MAIN_FILE};
	return 0;
}

int confpack_read(struct conf *c, const void *bytes, size_t len, struct conf_file **files,
	size_t *count)
{
	const char *at = bytes;
	*files = NULL;
	*count = 0;
	while (len > 0) {
		if (read_item(c, &at, &len, files, count) < 0) {
			free(*files);
			*files = NULL;
			return -1;
		}
	}
	return 0;
}
