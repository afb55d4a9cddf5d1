/* SPDX-License-Identifier: MIT */
#include "core/rule/glob.h"

#include "base/buf.h"
#include "core/rule/glob_program.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GLOB_WORDS_MAX (GLOB_PROGRAM_MAX / 64)

/* A set of states; a program uses as many words as it needs. */
struct states {
	uint64_t words[GLOB_WORDS_MAX];
};

/* ---- Compiling ---- */

/* Copy the literal front into g->front, which is as long as the text, and say where it
 * ends. */
static void find_front(struct glob *g)
{
	const char *text = g->text;
	size_t out = 0;
	size_t i = 0;
	while (text[i] && !strchr("*?[{}", text[i])) {
		size_t escape = text[i] == '\\';
		if (escape && (!text[i + 1] || text[i + 1] == '/'))
			break;
		if (text[i] == '/') {
			g->front_len = out;
			g->rest_offset = i;
		}
		g->front[out++] = text[i + escape];
		i += 1 + escape;
	}
	if (!text[i] && out > 0 && text[i - 1] != '/') {
		g->is_literal = true;
		g->front_len = out;
		g->rest_offset = i;
	}
	if (g->kind == GLOB_WORD && !g->is_literal)
		g->front_len = g->rest_offset = 0;
	g->front[g->front_len] = '\0';
}

struct glob *glob_new(const char *pattern, enum glob_kind kind, const char **why)
{
	size_t len = strnlen(pattern, GLOB_TEXT_MAX + 1);
	if (len == 0 || len > GLOB_TEXT_MAX) {
		*why = len == 0 ? "the pattern is empty" : "the pattern is too long";
		errno = EINVAL;
		return NULL;
	}
	*why = "out of memory";
	struct glob *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->kind = kind;
	g->text = strdup(pattern);
	g->front = malloc(len + 1);
	if (!g->text || !g->front)
		goto fail;
	find_front(g);
	if (!g->is_literal && glob_compile(g, why) < 0)
		goto fail;
	return g;
fail:
	glob_free(g);
	return NULL;
}

void glob_free(struct glob *g)
{
	if (!g)
		return;
	free(g->text);
	free(g->front);
	free(g->prog);
	free(g->sets);
	free(g);
}

const char *glob_text(const struct glob *g)
{
	return g->text;
}

const char *glob_literal_front(const struct glob *g, size_t *rest_offset)
{
	*rest_offset = g->rest_offset;
	return g->front;
}

bool glob_is_literal(const struct glob *g)
{
	return g->is_literal;
}

const char *glob_entry_dir(const struct glob *g, size_t *len)
{
	const char *rest = g->text + g->rest_offset;
	const char *slash = strrchr(g->front, '/');
	if (g->is_literal) {
		*len = slash ? (size_t)(slash - g->front) : 0;
		return slash ? g->front : NULL;
	}
	*len = strlen(g->front);
	bool is_deeper = rest[0] != '/' || strchr(rest + 1, '/') || strstr(rest, "**");
	return is_deeper ? NULL : g->front;
}

struct glob *glob_with_front(const struct glob *g, const char *literal_path)
{
	assert(g->kind == GLOB_PATH);
	struct buf text = {0};
	size_t len = strlen(literal_path);
	while (len > 0 && literal_path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (strchr(GLOB_SYNTAX, literal_path[i]))
			buf_add(&text, "\\", 1);
		buf_add(&text, literal_path + i, 1);
	}
	buf_add_str(&text, g->text + g->rest_offset);
	char *pattern = buf_take(&text);
	if (!pattern)
		return NULL;
	const char *why;
	struct glob *made = glob_new(pattern, g->kind, &why);
	free(pattern);
	return made;
}

/* ---- Matching ---- */

static inline void add_state(struct states *set, size_t state)
{
	set->words[state / 64] |= UINT64_C(1) << (state % 64);
}

/* Take the states from `first` up to, not including, `end` out of a set. */
static inline void drop_states(struct states *set, size_t first, size_t end)
{
	if (first >= end)
		return;
	size_t w = first / 64;
	size_t last = end / 64;
	uint64_t below_end = (UINT64_C(1) << (end % 64)) - 1;
	uint64_t from_first = UINT64_MAX << (first % 64);
	if (w == last) {
		set->words[w] &= ~(from_first & below_end);
		return;
	}
	set->words[w] &= ~from_first;
	while (++w < last)
		set->words[w] = 0;
	set->words[last] &= ~below_end;
}

/* A loop that goes on: it stays, and what it covers can go. */
static inline void stay(struct states *next, const struct glob_inst *in, size_t state)
{
	drop_states(next, in->covers, state);
	add_state(next, state);
}

/* What a state leads to without a byte; always further up. */
static inline void follow(const struct glob_inst *in, size_t state, struct states *set)
{
	switch (in->op) {
	case GLOB_OP_SPLIT:
		add_state(set, in->arg);
		add_state(set, state + 1);
		break;
	case GLOB_OP_STAR:
	case GLOB_OP_RUN:
		add_state(set, state + 1);
		break;
	case GLOB_OP_JUMP:
		add_state(set, in->arg);
		break;
	default:
		break;
	}
}

/* What a state leads to with a byte. */
static inline void consume(
	const struct glob *g, size_t state, unsigned char byte, struct states *next)
{
	const struct glob_inst *in = &g->prog[state];
	switch (in->op) {
	case GLOB_OP_BYTE:
		if (byte == in->byte)
			add_state(next, state + 1);
		break;
	case GLOB_OP_NOSLASH:
		if (byte != '/')
			add_state(next, state + 1);
		break;
	case GLOB_OP_ANY:
		add_state(next, state + 1);
		break;
	case GLOB_OP_SET:
		if (glob_set_has(&g->sets[in->arg], byte))
			add_state(next, state + 1);
		break;
	case GLOB_OP_STAR:
		if (byte != '/')
			stay(next, in, state);
		break;
	case GLOB_OP_RUN:
		stay(next, in, state);
		break;
	case GLOB_OP_DIRS:
		stay(next, in, state);
		if (byte == '/')
			add_state(next, in->arg);
		break;
	default:
		break;
	}
}

enum progress { PROGRESS_DEAD, PROGRESS_ALIVE, PROGRESS_CERTAIN };

/* Let all states of cur see a byte; next must be empty, cur is afterwards. */
static enum progress step(const struct glob *g, size_t words, unsigned char byte,
	struct states *cur, struct states *next)
{
	uint64_t any = 0;
	for (size_t w = 0; w < words; w++) {
		uint64_t done = 0;
		uint64_t left;
		while ((left = cur->words[w] & ~done)) {
			unsigned bit = (unsigned)__builtin_ctzll(left);
			size_t state = w * 64 + bit;
			if (g->prog[state].op == GLOB_OP_REST)
				return PROGRESS_CERTAIN;
			done |= UINT64_C(1) << bit;
			follow(&g->prog[state], state, cur);
			consume(g, state, byte, next);
		}
		cur->words[w] = 0;
	}
	for (size_t w = 0; w < words; w++)
		any |= next->words[w];
	return any ? PROGRESS_ALIVE : PROGRESS_DEAD;
}

/* Whether the set, once closed, has a state that matches at the end of the text. */
static bool accepts(const struct glob *g, size_t words, struct states *set)
{
	for (size_t w = 0; w < words; w++) {
		uint64_t done = 0;
		uint64_t left;
		while ((left = set->words[w] & ~done)) {
			unsigned bit = (unsigned)__builtin_ctzll(left);
			size_t state = w * 64 + bit;
			if (g->prog[state].op == GLOB_OP_MATCH ||
				g->prog[state].op == GLOB_OP_REST)
				return true;
			done |= UINT64_C(1) << bit;
			follow(&g->prog[state], state, set);
		}
	}
	return false;
}

/* Run the program over the text, which follows the literal front. With below, the text is
 * a directory: whether something strictly below it could match. */
static bool run(const struct glob *g, const char *text, size_t len, bool below)
{
	struct states sets[2];
	size_t words = (g->prog_len + 63) / 64;
	memset(sets[0].words, 0, words * sizeof(uint64_t));
	memset(sets[1].words, 0, words * sizeof(uint64_t));
	add_state(&sets[0], 0);
	for (size_t i = 0; i < len + below; i++) {
		unsigned char byte = i < len ? (unsigned char)text[i] : '/';
		enum progress p = step(g, words, byte, &sets[i % 2], &sets[(i + 1) % 2]);
		if (p != PROGRESS_ALIVE)
			return p == PROGRESS_CERTAIN;
	}
	return below || accepts(g, words, &sets[len % 2]);
}

/* Whether the text ends as every match does. */
static bool has_suffix(const struct glob *g, const char *text, size_t len)
{
	if (len < g->suffix_len)
		return false;
	const struct glob_inst *suffix = &g->prog[g->prog_len - 1 - g->suffix_len];
	for (size_t i = g->suffix_len; i-- > 0;) {
		if ((unsigned char)text[len - g->suffix_len + i] != suffix[i].byte)
			return false;
	}
	return len == 0 || glob_set_has(&g->last, (unsigned char)text[len - 1]);
}

bool glob_matches(const struct glob *g, const char *text, size_t len)
{
	if (g->kind == GLOB_PATH && (len == 0 || text[len - 1] == '/'))
		return false;
	if (len < g->front_len || memcmp(text, g->front, g->front_len) != 0)
		return false;
	if (g->is_literal)
		return len == g->front_len;
	text += g->front_len;
	len -= g->front_len;
	return has_suffix(g, text, len) && run(g, text, len, false);
}

bool glob_may_match_below(const struct glob *g, const char *dir, size_t len)
{
	assert(g->kind == GLOB_PATH);
	size_t shared = len < g->front_len ? len : g->front_len;
	if (memcmp(g->front, dir, shared) != 0)
		return false;
	if (len < g->front_len)
		return g->front[len] == '/';
	if (g->is_literal)
		return false;
	return run(g, dir + g->front_len, len - g->front_len, true);
}
