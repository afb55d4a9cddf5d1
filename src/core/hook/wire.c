/* SPDX-License-Identifier: MIT */
#include "core/hook/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A message: version and type (16 bits each), run id (64), then the fields of the type.
 * Numbers are in the machine's own order, unaligned; strings end with a NUL. Nothing may
 * follow the last field.
 */
#define WIRE_VERSION 5u
#define WIRE_HEADER_BYTES 12

/*
 * A message being written, or being read: the same functions do both, so that what is read is
 * what was written.
 */
struct cursor {
	struct buf *out; /* NULL: it is read */
	const char *at; /* what is left to read */
	size_t left;
	bool is_bad; /* not a correct message; all that is still read is zeros */
	bool lacks_memory;
};

static void raw(struct cursor *c, void *v, size_t size)
{
	if (c->out) {
		buf_add(c->out, v, size);
		return;
	}
	c->is_bad |= c->left < size;
	if (c->is_bad) {
		memset(v, 0, size);
		return;
	}
	memcpy(v, c->at, size);
	c->at += size;
	c->left -= size;
}

/* A number of 32 bits, signed or not. */
static void word(struct cursor *c, void *v)
{
	raw(c, v, sizeof(uint32_t));
}

static void flag(struct cursor *c, bool *v)
{
	uint32_t number = *v;
	word(c, &number);
	*v = number != 0;
}

static void text(struct cursor *c, const char **s)
{
	if (c->out) {
		buf_add(c->out, *s ? *s : "", *s ? strlen(*s) + 1 : 1);
		return;
	}
	const char *end = c->is_bad ? NULL : memchr(c->at, '\0', c->left);
	c->is_bad = !end;
	*s = end ? c->at : "";
	if (!end)
		return;
	c->left -= (size_t)(end + 1 - c->at);
	c->at = end + 1;
}

/* Memory for so many things, of which each takes at least `least` bytes of what is left. NULL
 * if they are not there, or there is no memory. */
static void *make(struct cursor *c, uint32_t count, size_t size, size_t least)
{
	c->is_bad |= count > c->left / least;
	if (c->is_bad)
		return NULL;
	void *items = reallocarray(NULL, (size_t)count + 1, size);
	c->lacks_memory |= !items;
	return items;
}

/* An array of numbers: the given one, or a new one. */
static void *numbers(struct cursor *c, void *items, size_t *count, size_t size)
{
	uint32_t n = (uint32_t)*count;
	word(c, &n);
	if (!c->out)
		items = make(c, n, size, size);
	if (items)
		raw(c, items, n * size);
	*count = items ? n : 0;
	return items;
}

/* A NULL-terminated array of strings, likewise. */
static char **texts(struct cursor *c, char **strings)
{
	uint32_t count = 0;
	while (strings && strings[count])
		count++;
	word(c, &count);
	if (!c->out)
		strings = make(c, count, sizeof(*strings), 1);
	for (uint32_t i = 0; strings && i < count; i++) {
		const char *s = c->out ? strings[i] : NULL;
		text(c, &s);
		if (!c->out)
			strings[i] = (char *)(uintptr_t)s;
	}
	if (strings && !c->out)
		strings[count] = NULL;
	return strings;
}

static void run_fields(struct cursor *c, struct wire_run *r)
{
	flag(c, &r->has_ids);
	flag(c, &r->has_stdin);
	flag(c, &r->has_file);
	word(c, &r->uid);
	word(c, &r->gid);
	word(c, &r->umask);
	word(c, &r->nice);
	r->groups = numbers(c, r->groups, &r->group_count, sizeof(*r->groups));
	text(c, &r->directory);
	r->argv = texts(c, r->argv);
	r->envp = texts(c, r->envp);
	text(c, &r->label);
	c->is_bad |= !c->out && r->argv && !r->argv[0];
}

static void hello_fields(struct cursor *c, struct wire_hello *h)
{
	word(c, &h->places);
	raw(c, &h->subscribed_ns, sizeof(h->subscribed_ns));
	raw(c, &h->last_run_id, sizeof(h->last_run_id));
	text(c, &h->degraded);
	text(c, &h->hooks_dir);
}

static void fields(struct cursor *c, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_RUN:
		run_fields(c, &m->run);
		break;
	case WIRE_SIGNAL:
	case WIRE_STOP:
		word(c, &m->signal);
		break;
	case WIRE_DONE:
		m->done.ids =
			numbers(c, m->done.ids, &m->done.count, sizeof(*m->done.ids));
		break;
	case WIRE_READY:
		flag(c, &m->logs_json);
		break;
	case WIRE_STATUS:
		text(c, &m->text);
		break;
	case WIRE_HELLO:
		hello_fields(c, &m->hello);
		break;
	case WIRE_STARTED:
	case WIRE_RUNNING:
		word(c, &m->started.pid); /* first: wire_set_pid */
		flag(c, &m->started.has_output);
		if (m->type == WIRE_RUNNING)
			text(c, &m->started.label);
		break;
	case WIRE_FAILED:
		word(c, &m->failed.error);
		text(c, &m->failed.stage);
		break;
	case WIRE_ENDED:
		word(c, &m->ended.status);
		raw(c, &m->ended.usage, sizeof(m->ended.usage));
		break;
	case WIRE_SHUTDOWN:
		flag(c, &m->now);
		break;
	case WIRE_KILL:
	case WIRE_CONF:
	case WIRE_CAUGHT_UP:
	case WIRE_RELOAD:
		break;
	default:
		c->is_bad = true;
	}
}

int wire_encode(struct buf *b, const struct wire_message *m)
{
	if (m->type < WIRE_RUN || m->type > WIRE_SHUTDOWN) {
		errno = EINVAL;
		return -1;
	}
	struct wire_message copy = *m; /* what it points to is not written to */
	struct cursor c = {.out = b};
	size_t start = b->len;
	uint32_t head = (uint32_t)m->type | WIRE_VERSION << 16;
	word(&c, &head);
	raw(&c, &copy.run_id, sizeof(copy.run_id));
	fields(&c, &copy);
	if (!b->failed && b->len - start <= WIRE_MAX_BYTES)
		return 0;
	errno = b->failed ? ENOMEM : E2BIG;
	return -1;
}

void wire_set_pid(void *bytes, int32_t pid)
{
	memcpy((char *)bytes + WIRE_HEADER_BYTES, &pid, sizeof(pid));
}

int wire_decode(struct wire_message *m, const void *bytes, size_t len)
{
	*m = (struct wire_message){0};
	struct cursor c = {.at = bytes, .left = len, .is_bad = len > WIRE_MAX_BYTES};
	uint32_t head;
	word(&c, &head);
	raw(&c, &m->run_id, sizeof(m->run_id));
	c.is_bad |= head >> 16 != WIRE_VERSION;
	m->type = (enum wire_type)(head & 0xffff);
	if (!c.is_bad)
		fields(&c, m);
	if (!c.is_bad && !c.lacks_memory && c.left == 0)
		return 0;
	wire_fini(m);
	errno = c.lacks_memory ? ENOMEM : EBADMSG;
	return -1;
}

void wire_fini(struct wire_message *m)
{
	if (m->type == WIRE_DONE) {
		free(m->done.ids);
		m->done = (struct wire_done){0};
	}
	if (m->type != WIRE_RUN)
		return;
	free(m->run.argv);
	free(m->run.envp);
	free(m->run.groups);
	m->run = (struct wire_run){0};
}
