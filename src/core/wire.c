/* SPDX-License-Identifier: MIT */
#include "core/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A message: version and type (16 bits each), run id (64), then the fields of the type.
 * Numbers are in the machine's own order, unaligned; strings end with a NUL. Nothing may
 * follow the last field.
 */
#define WIRE_VERSION 3u
#define WIRE_HEADER_BYTES 12

/* The numbers of a struct outcome_usage. */
#define USAGE_COUNT (sizeof(struct outcome_usage) / sizeof(uint64_t))

enum { WIRE_HAS_IDS = 1, WIRE_HAS_STDIN = 2, WIRE_HAS_FILE = 4 };

/* What is left of a message being read; once `bad` is set all further reads give zeros.
 */
struct wire_cursor {
	const char *at;
	size_t left;
	bool bad;
};

static void wire_put_u32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

static void wire_put_u64(struct buf *b, uint64_t v)
{
	buf_add(b, &v, sizeof(v));
}

static void wire_put_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

static uint32_t wire_count(char *const *strings)
{
	uint32_t n = 0;
	while (strings[n])
		n++;
	return n;
}

static void wire_put_run(struct buf *b, const struct wire_run *r)
{
	wire_put_u32(b, (r->has_ids ? WIRE_HAS_IDS : 0u) |
				(r->has_stdin ? WIRE_HAS_STDIN : 0u) |
				(r->has_file ? WIRE_HAS_FILE : 0u));
	wire_put_u32(b, r->uid);
	wire_put_u32(b, r->gid);
	wire_put_u32(b, r->umask);
	wire_put_u32(b, (uint32_t)r->nice);
	wire_put_u32(b, (uint32_t)r->group_count);
	wire_put_u32(b, wire_count(r->argv));
	wire_put_u32(b, wire_count(r->envp));
	for (size_t i = 0; i < r->group_count; i++)
		wire_put_u32(b, r->groups[i]);
	wire_put_str(b, r->directory);
	for (char *const *s = r->argv; *s; s++)
		wire_put_str(b, *s);
	for (char *const *s = r->envp; *s; s++)
		wire_put_str(b, *s);
	wire_put_str(b, r->label);
}

static void wire_put_done(struct buf *b, const struct wire_done *d)
{
	wire_put_u32(b, (uint32_t)d->count);
	for (size_t i = 0; i < d->count; i++)
		wire_put_u64(b, d->ids[i]);
}

static void wire_put_fields(struct buf *b, const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_RUN:
		wire_put_run(b, &m->run);
		break;
	case WIRE_SIGNAL:
	case WIRE_STOP:
		wire_put_u32(b, (uint32_t)m->signal);
		break;
	case WIRE_DONE:
		wire_put_done(b, &m->done);
		break;
	case WIRE_STATUS:
		wire_put_str(b, m->text);
		break;
	case WIRE_STARTED:
	case WIRE_RUNNING:
		wire_put_u32(b, (uint32_t)m->started.pid);
		wire_put_u32(b, m->started.has_output);
		if (m->type == WIRE_RUNNING)
			wire_put_str(b, m->started.label);
		break;
	case WIRE_FAILED:
		wire_put_u32(b, (uint32_t)m->failed.error);
		wire_put_str(b, m->failed.stage);
		break;
	case WIRE_ENDED:
		wire_put_u32(b, (uint32_t)m->ended.status);
		for (size_t i = 0; i < USAGE_COUNT; i++)
			wire_put_u64(b, ((const uint64_t *)&m->ended.usage)[i]);
		break;
	case WIRE_SHUTDOWN:
		wire_put_u32(b, m->now);
		break;
	case WIRE_READY:
		wire_put_u32(b, m->logs_json);
		break;
	case WIRE_HELLO:
		wire_put_u32(b, m->has_cgroups);
		break;
	case WIRE_KILL:
	case WIRE_RELOAD:
		break;
	}
}

int wire_encode(struct buf *b, const struct wire_message *m)
{
	if (m->type < WIRE_RUN || m->type > WIRE_SHUTDOWN) {
		errno = EINVAL;
		return -1;
	}
	size_t start = b->len;
	wire_put_u32(b, (uint32_t)m->type | WIRE_VERSION << 16);
	wire_put_u64(b, m->run_id);
	wire_put_fields(b, m);
	if (b->failed) {
		errno = ENOMEM;
		return -1;
	}
	if (b->len - start > WIRE_MAX_BYTES) {
		errno = E2BIG;
		return -1;
	}
	return 0;
}

void wire_set_pid(void *bytes, int32_t pid)
{
	memcpy((char *)bytes + WIRE_HEADER_BYTES, &pid, sizeof(pid));
}

static void wire_get(struct wire_cursor *c, void *out, size_t size)
{
	if (c->bad || c->left < size) {
		c->bad = true;
		memset(out, 0, size);
		return;
	}
	memcpy(out, c->at, size);
	c->at += size;
	c->left -= size;
}

static uint32_t wire_get_u32(struct wire_cursor *c)
{
	uint32_t v;
	wire_get(c, &v, sizeof(v));
	return v;
}

static uint64_t wire_get_u64(struct wire_cursor *c)
{
	uint64_t v;
	wire_get(c, &v, sizeof(v));
	return v;
}

static const char *wire_get_str(struct wire_cursor *c)
{
	const char *end = c->bad ? NULL : memchr(c->at, '\0', c->left);
	if (!end) {
		c->bad = true;
		return "";
	}
	const char *s = c->at;
	c->left -= (size_t)(end + 1 - c->at);
	c->at = end + 1;
	return s;
}

/* A NULL-terminated array of the next `count` strings; NULL if they are not there, or
 * ENOMEM. */
static char **wire_get_strings(struct wire_cursor *c, uint32_t count)
{
	if (c->bad || count > c->left) {
		c->bad = true;
		return NULL;
	}
	char **strings = reallocarray(NULL, (size_t)count + 1, sizeof(*strings));
	if (!strings)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		strings[i] = (char *)(uintptr_t)wire_get_str(c);
	strings[count] = NULL;
	return strings;
}

static gid_t *wire_get_groups(struct wire_cursor *c, uint32_t count)
{
	if (c->bad || count > c->left / sizeof(uint32_t)) {
		c->bad = true;
		return NULL;
	}
	gid_t *groups = reallocarray(NULL, (size_t)count + 1, sizeof(*groups));
	if (!groups)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		groups[i] = wire_get_u32(c);
	return groups;
}

/* Returns 0, or -1 with ENOMEM; a faulty message sets c->bad. */
static int wire_get_run(struct wire_cursor *c, struct wire_run *r)
{
	uint32_t flags = wire_get_u32(c);
	r->has_ids = flags & WIRE_HAS_IDS;
	r->has_stdin = flags & WIRE_HAS_STDIN;
	r->has_file = flags & WIRE_HAS_FILE;
	r->uid = wire_get_u32(c);
	r->gid = wire_get_u32(c);
	r->umask = wire_get_u32(c);
	r->nice = (int32_t)wire_get_u32(c);
	uint32_t group_count = wire_get_u32(c);
	uint32_t argc = wire_get_u32(c);
	uint32_t envc = wire_get_u32(c);
	r->groups = wire_get_groups(c, group_count);
	r->group_count = r->groups ? group_count : 0;
	r->directory = wire_get_str(c);
	r->argv = wire_get_strings(c, argc);
	r->envp = wire_get_strings(c, envc);
	r->label = wire_get_str(c);
	if (argc == 0)
		c->bad = true;
	if (!c->bad && (!r->groups || !r->argv || !r->envp)) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* Returns 0, or -1 with ENOMEM; a faulty message sets c->bad. */
static int wire_get_done(struct wire_cursor *c, struct wire_done *d)
{
	uint32_t count = wire_get_u32(c);
	if (c->bad || count > c->left / sizeof(uint64_t)) {
		c->bad = true;
		return 0;
	}
	d->ids = reallocarray(NULL, (size_t)count + 1, sizeof(*d->ids));
	if (!d->ids)
		return -1;
	for (d->count = 0; d->count < count; d->count++)
		d->ids[d->count] = wire_get_u64(c);
	return 0;
}

static int wire_get_fields(struct wire_cursor *c, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_RUN:
		return wire_get_run(c, &m->run);
	case WIRE_DONE:
		return wire_get_done(c, &m->done);
	case WIRE_SIGNAL:
	case WIRE_STOP:
		m->signal = (int32_t)wire_get_u32(c);
		break;
	case WIRE_STATUS:
		m->text = wire_get_str(c);
		break;
	case WIRE_STARTED:
	case WIRE_RUNNING:
		m->started.pid = (int32_t)wire_get_u32(c);
		m->started.has_output = wire_get_u32(c) != 0;
		if (m->type == WIRE_RUNNING)
			m->started.label = wire_get_str(c);
		break;
	case WIRE_FAILED:
		m->failed.error = (int32_t)wire_get_u32(c);
		m->failed.stage = wire_get_str(c);
		break;
	case WIRE_ENDED:
		m->ended.status = (int32_t)wire_get_u32(c);
		for (size_t i = 0; i < USAGE_COUNT; i++)
			((uint64_t *)&m->ended.usage)[i] = wire_get_u64(c);
		break;
	case WIRE_SHUTDOWN:
		m->now = wire_get_u32(c) != 0;
		break;
	case WIRE_READY:
		m->logs_json = wire_get_u32(c) != 0;
		break;
	case WIRE_HELLO:
		m->has_cgroups = wire_get_u32(c) != 0;
		break;
	case WIRE_KILL:
	case WIRE_RELOAD:
		break;
	default:
		c->bad = true;
	}
	return 0;
}

int wire_decode(struct wire_message *m, const void *bytes, size_t len)
{
	*m = (struct wire_message){0};
	struct wire_cursor c = {.at = bytes, .left = len, .bad = len > WIRE_MAX_BYTES};
	uint32_t head = wire_get_u32(&c);
	m->run_id = wire_get_u64(&c);
	if (c.bad || head >> 16 != WIRE_VERSION) {
		errno = EBADMSG;
		return -1;
	}
	m->type = (enum wire_type)(head & 0xffff);
	if (wire_get_fields(&c, m) < 0) {
		wire_fini(m);
		errno = ENOMEM;
		return -1;
	}
	if (c.bad || c.left > 0) {
		wire_fini(m);
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

void wire_fini(struct wire_message *m)
{
	if (m->type == WIRE_DONE)
		free(m->done.ids);
	if (m->type != WIRE_RUN)
		return;
	free(m->run.argv);
	free(m->run.envp);
	free(m->run.groups);
	m->run = (struct wire_run){0};
}
