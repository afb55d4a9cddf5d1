/* SPDX-License-Identifier: MIT */
#include "core/rule/glob_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GLOB_DEPTH_MAX 32
#define GLOB_PENDING_MAX 64

/* A `**` at the end of an alternative, whose slash stands behind the closing brace. */
struct pending {
	uint16_t inst; /* its SPLIT; the DIRS is next */
	int depth; /* of braces at which the slash stands */
};

struct compiler {
	enum glob_kind kind;
	const char *p; /* next byte of the pattern */
	int depth; /* open braces */
	bool at_component_start; /* a slash, or nothing, stands to the left */
	const char *why; /* first error */
	size_t len;
	size_t set_count;
	size_t pending_count;
	struct pending pending[GLOB_PENDING_MAX];
	struct glob_set sets[GLOB_SETS_MAX];
	struct glob_inst prog[GLOB_PROGRAM_MAX];
};

static void fail(struct compiler *c, const char *why)
{
	if (!c->why)
		c->why = why;
}

static void emit(struct compiler *c, enum glob_op op, unsigned byte, size_t arg)
{
	/* One less than the size: a jump behind the last instruction is in range. */
	if (c->len >= GLOB_PROGRAM_MAX - 1) {
		fail(c, "the pattern is too long");
		return;
	}
	c->prog[c->len++] = (struct glob_inst){
		.op = (uint8_t)op, .byte = (uint8_t)byte, .arg = (uint16_t)arg};
}

/* Behind the ] of the set that begins at p, or NULL if it is never closed. */
static const char *set_end(const char *p)
{
	p++;
	if (*p == '!' || *p == '^')
		p++;
	for (bool first = true; *p && (first || *p != ']'); first = false)
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : NULL;
}

/* From within braces to the } that closes them, or the end of the pattern. */
static const char *skip_to_close(const char *p)
{
	int depth = 0;
	while (*p && !(*p == '}' && depth == 0)) {
		const char *end = *p == '[' ? set_end(p) : NULL;
		depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
		p = end ? end : p + (*p == '\\' && p[1] ? 2 : 1);
	}
	return p;
}

/* The byte that comes after p in the text to match, seen through closing braces; *depth
 * is that of the braces around it. */
static char following(const struct compiler *c, const char *p, int *depth)
{
	*depth = c->depth;
	while (*depth > 0 && (*p == ',' || *p == '}')) {
		p = skip_to_close(p);
		if (!*p)
			break;
		p++;
		(*depth)--;
	}
	return *p;
}

/* Point the waiting `**` of this depth behind the slash that was just emitted. */
static void link_pending(struct compiler *c)
{
	while (c->pending_count > 0 &&
		c->pending[c->pending_count - 1].depth == c->depth) {
		uint16_t inst = c->pending[--c->pending_count].inst;
		c->prog[inst].arg = (uint16_t)c->len;
		c->prog[inst + 1].arg = (uint16_t)c->len;
	}
}

/* After a slash: one at the end of the pattern means the entries. */
static void after_slash(struct compiler *c)
{
	int depth;
	if (following(c, c->p, &depth) == '\0')
		emit(c, GLOB_OP_STAR, 0, 0);
	c->at_component_start = true;
}

static void compile_byte(struct compiler *c, char byte)
{
	emit(c, GLOB_OP_BYTE, (unsigned char)byte, 0);
	c->p++;
	if (byte != '/' || c->kind != GLOB_PATH)
		return;
	link_pending(c);
	after_slash(c);
}

/* A `**` that is a whole component; p is behind it. Returns false if it is not one. */
static bool compile_globstar(struct compiler *c)
{
	int depth;
	char next = following(c, c->p, &depth);
	if (next == '\0') {
		emit(c, GLOB_OP_ANY, 0, 0);
		emit(c, GLOB_OP_REST, 0, 0);
		return true;
	}
	if (next != '/')
		return false;
	size_t split = c->len;
	emit(c, GLOB_OP_SPLIT, 0, split + 2);
	emit(c, GLOB_OP_DIRS, 0, split + 2);
	if (*c->p == '/') {
		c->p++;
		after_slash(c);
	} else if (c->pending_count < GLOB_PENDING_MAX) {
		c->pending[c->pending_count++] = (struct pending){(uint16_t)split, depth};
	} else {
		fail(c, "the pattern has too many ** inside braces");
	}
	return true;
}

static void compile_star(struct compiler *c, bool at_component_start)
{
	size_t stars = strspn(c->p, "*");
	c->p += stars;
	if (stars == 2 && c->kind == GLOB_PATH && at_component_start &&
		compile_globstar(c))
		return;
	emit(c, c->kind == GLOB_PATH ? GLOB_OP_STAR : GLOB_OP_RUN, 0, 0);
}

/* One byte of a set, an escape undone; p moves behind it. */
static unsigned char set_byte(const char **p)
{
	if (**p == '\\' && (*p)[1])
		(*p)++;
	return (unsigned char)*(*p)++;
}

static void set_add(struct glob_set *set, unsigned from, unsigned to)
{
	for (unsigned b = from; b <= to; b++)
		set->words[b / 64] |= UINT64_C(1) << (b % 64);
}

/* The bytes and ranges between p and the closing bracket at end. */
static void set_fill(
	struct compiler *c, struct glob_set *set, const char *p, const char *end)
{
	while (p < end) {
		if (p[0] == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '='))
			fail(c, "named classes such as [:alpha:] are not known; "
				"write the bytes, such as [a-z]");
		unsigned char from = set_byte(&p);
		unsigned char to = from;
		if (p[0] == '-' && p + 1 < end) {
			p++;
			to = set_byte(&p);
		}
		if (from > to)
			fail(c, "a range in [ ] runs backwards");
		set_add(set, from, to);
	}
}

static void compile_set(struct compiler *c)
{
	const char *end = set_end(c->p);
	if (!end) {
		fail(c, "the bracket [ is never closed");
		return;
	}
	if (c->set_count >= GLOB_SETS_MAX) {
		fail(c, "the pattern is too long");
		return;
	}
	struct glob_set *set = &c->sets[c->set_count];
	const char *p = c->p + 1;
	bool is_negated = *p == '!' || *p == '^';
	set_fill(c, set, p + is_negated, end - 1);
	for (size_t i = 0; is_negated && i < 4; i++)
		set->words[i] = ~set->words[i];
	if (c->kind == GLOB_PATH)
		set->words['/' / 64] &= ~(UINT64_C(1) << ('/' % 64));
	emit(c, GLOB_OP_SET, 0, c->set_count++);
	c->p = end;
}

static void compile_sequence(struct compiler *c);

/* One alternative after its SPLIT, and whether another follows. The last one's SPLIT
 * becomes a JUMP to the next instruction. */
static bool compile_alternative(struct compiler *c, size_t *jumps)
{
	size_t split = c->len;
	emit(c, GLOB_OP_SPLIT, 0, 0);
	compile_sequence(c);
	if (c->why)
		return false;
	if (*c->p == '\0') {
		fail(c, "the brace { is never closed");
		return false;
	}
	bool is_last = *c->p++ == '}';
	if (is_last) {
		c->prog[split].op = GLOB_OP_JUMP;
		c->prog[split].arg = (uint16_t)(split + 1);
		return false;
	}
	/* Until their target is known, the jumps to the end are a list through arg. */
	emit(c, GLOB_OP_JUMP, 0, *jumps);
	*jumps = c->len - 1;
	c->prog[split].arg = (uint16_t)c->len;
	return true;
}

static void compile_braces(struct compiler *c, bool at_component_start)
{
	if (c->p[1] == '}') {
		fail(c, "the braces {} are empty");
		return;
	}
	if (++c->depth > GLOB_DEPTH_MAX) {
		fail(c, "the braces are nested too deep");
		return;
	}
	c->p++;
	size_t jumps = GLOB_PROGRAM_MAX;
	do {
		c->at_component_start = at_component_start;
	} while (compile_alternative(c, &jumps));
	while (!c->why && jumps != GLOB_PROGRAM_MAX) {
		size_t next = c->prog[jumps].arg;
		c->prog[jumps].arg = (uint16_t)c->len;
		jumps = next;
	}
	c->depth--;
	c->at_component_start = false;
}

static void compile_escape(struct compiler *c)
{
	if (!c->p[1]) {
		fail(c, "the pattern ends in a backslash");
		return;
	}
	c->p++;
	compile_byte(c, *c->p);
}

static void compile_question(struct compiler *c)
{
	emit(c, c->kind == GLOB_PATH ? GLOB_OP_NOSLASH : GLOB_OP_ANY, 0, 0);
	c->p++;
}

static void compile_one(struct compiler *c)
{
	bool at_component_start = c->at_component_start;
	c->at_component_start = false;
	switch (*c->p) {
	case '\\':
		compile_escape(c);
		break;
	case '?':
		compile_question(c);
		break;
	case '*':
		compile_star(c, at_component_start);
		break;
	case '[':
		compile_set(c);
		break;
	case '{':
		compile_braces(c, at_component_start);
		break;
	case '}':
		fail(c, "the brace } was never opened; write \\} for the byte");
		break;
	default:
		compile_byte(c, *c->p);
	}
}

/* Up to the end of the pattern, or of the alternative within braces. */
static void compile_sequence(struct compiler *c)
{
	while (*c->p && !c->why) {
		if (c->depth > 0 && (*c->p == ',' || *c->p == '}'))
			return;
		compile_one(c);
	}
}

static bool is_globstar_split(const struct glob_inst *prog, size_t i)
{
	return prog[i].op == GLOB_OP_SPLIT && prog[i + 1].op == GLOB_OP_DIRS &&
	       prog[i].arg == i + 2;
}

/*
 * Fill in `covers`. Before a loop, within a stretch without branches, every state leads
 * through the loop and consumes only what the loop would; for STAR the stretch begins
 * behind the last slash. A `**` stands behind a slash, so what leads to it ends in one,
 * as what it consumes does.
 */
static void find_covered(struct glob_inst *prog, size_t len)
{
	size_t stretch = 0;
	size_t component = 0;
	for (size_t i = 0; i < len; i++) {
		struct glob_inst *in = &prog[i];
		in->covers = (uint16_t)(in->op == GLOB_OP_STAR ? component : stretch);
		if ((in->op == GLOB_OP_SPLIT && !is_globstar_split(prog, i)) ||
			in->op == GLOB_OP_JUMP ||
			(in->op == GLOB_OP_DIRS && in->arg != i + 1))
			stretch = component = i + 1;
		if (in->op == GLOB_OP_SPLIT || in->op == GLOB_OP_DIRS ||
			(in->op == GLOB_OP_BYTE && in->byte == '/'))
			component = i + 1;
	}
}

static void add_bytes(struct glob *g, const struct glob_inst *in)
{
	if (in->op == GLOB_OP_BYTE) {
		set_add(&g->last, in->byte, in->byte);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		g->last.words[i] |=
			in->op == GLOB_OP_SET ? g->sets[in->arg].words[i] : UINT64_MAX;
}

/* The bytes that a match can end with. */
static void find_last_bytes(struct glob *g)
{
	bool ends[GLOB_PROGRAM_MAX + 1] = {false}; /* the end is reached without a byte */
	for (size_t i = g->prog_len; i-- > 0;) {
		const struct glob_inst *in = &g->prog[i];
		bool next_ends = ends[i + 1];
		switch (in->op) {
		case GLOB_OP_MATCH:
			ends[i] = true;
			break;
		case GLOB_OP_JUMP:
			ends[i] = ends[in->arg];
			break;
		case GLOB_OP_SPLIT:
			ends[i] = next_ends || ends[in->arg];
			break;
		case GLOB_OP_REST:
		case GLOB_OP_STAR:
		case GLOB_OP_RUN:
			ends[i] = in->op == GLOB_OP_REST || next_ends;
			if (ends[i])
				add_bytes(g, in);
			break;
		case GLOB_OP_DIRS: /* ends in a slash, which no path does */
			break;
		default:
			if (next_ends)
				add_bytes(g, in);
		}
	}
}

/* The literal bytes at the end, behind every place that something leads to. */
static void find_suffix(struct glob *g)
{
	size_t begin = 0;
	for (size_t i = 0; i < g->prog_len - 1; i++) {
		const struct glob_inst *in = &g->prog[i];
		if (in->op != GLOB_OP_BYTE)
			begin = begin > i + 1 ? begin : i + 1;
		if ((in->op == GLOB_OP_JUMP || in->op == GLOB_OP_SPLIT ||
			    in->op == GLOB_OP_DIRS) &&
			in->arg > begin)
			begin = in->arg;
	}
	g->suffix_len = g->prog_len - 1 - begin;
}

static int copy_program(struct glob *g, const struct compiler *c)
{
	g->prog = reallocarray(NULL, c->len, sizeof(*g->prog));
	g->sets = reallocarray(NULL, c->set_count + 1, sizeof(*g->sets));
	if (!g->prog || !g->sets)
		return -1;
	memcpy(g->prog, c->prog, c->len * sizeof(*g->prog));
	memcpy(g->sets, c->sets, c->set_count * sizeof(*g->sets));
	g->prog_len = c->len;
	return 0;
}

int glob_compile(struct glob *g, const char **why)
{
	struct compiler *c = calloc(1, sizeof(*c));
	if (!c)
		goto no_memory;
	c->kind = g->kind;
	c->p = g->text + g->rest_offset;
	c->at_component_start = g->rest_offset == 0;
	compile_sequence(c);
	/* There is room for one more always. */
	c->prog[c->len++] = (struct glob_inst){.op = GLOB_OP_MATCH};
	if (c->why) {
		*why = c->why;
		free(c);
		errno = EINVAL;
		return -1;
	}
	int rc = copy_program(g, c);
	free(c);
	if (rc < 0)
		goto no_memory;
	find_covered(g->prog, g->prog_len);
	find_last_bytes(g);
	find_suffix(g);
	return 0;
no_memory:
	*why = "out of memory";
	errno = ENOMEM;
	return -1;
}
