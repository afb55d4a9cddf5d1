/* SPDX-License-Identifier: MIT */
#include "core/text/lines.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))

/* Write each line as <line>. */
static void put(void *ctx, const char *text, size_t len)
{
	struct buf *b = ctx;
	buf_add_str(b, "<");
	buf_add(b, text, len);
	buf_add_str(b, ">");
}

static const struct {
	const char *pieces[4];
	const char *lines; /* before the end */
	const char *all;
} cases[] = {
	{{"a\nb\n"}, "<a><b>", "<a><b>"},
	{{"a", "b\n", "c"}, "<ab>", "<ab><c>"},
	{{"\n\n"}, "<><>", "<><>"},
	{{"a", "\n", "\n", "b\n"}, "<a><><b>", "<a><><b>"},
	{{"", "a"}, "", "<a>"},
	{{"no end"}, "", "<no end>"},
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = {0};
		struct lines l = {.take = put, .ctx = &b};
		buf_add_str(&b, "");
		for (size_t p = 0; p < countof(cases[i].pieces) && cases[i].pieces[p];
			p++)
			lines_feed(&l, cases[i].pieces[p], strlen(cases[i].pieces[p]));
		assert_string_equal(b.data, cases[i].lines);
		lines_finish(&l);
		assert_string_equal(b.data, cases[i].all);
		lines_fini(&l);
		buf_fini(&b);
	}
}

/* Count lines and bytes; ctx is size_t[3]: lines, bytes, longest. */
static void count(void *ctx, const char *text, size_t len)
{
	(void)text;
	size_t *n = ctx;
	n[0]++;
	n[1] += len;
	if (len > n[2])
		n[2] = len;
}

static void test_long_lines_come_in_pieces(void **state)
{
	(void)state;
	for (size_t len = LINES_MAX_BYTES - 2; len < 3 * LINES_MAX_BYTES; len += 1) {
		char *text = malloc(len + 1);
		memset(text, 'x', len);
		text[len] = '\n';
		size_t n[3] = {0};
		struct lines l = {.take = count, .ctx = n};
		size_t half = len / 3;
		lines_feed(&l, text, half);
		lines_feed(&l, text + half, len + 1 - half);
		assert_int_equal(n[1], len);
		assert_true(n[2] <= LINES_MAX_BYTES);
		assert_int_equal(l.pending_len, 0);
		lines_fini(&l);
		free(text);
	}
}

static void test_tail_is_the_newest(void **state)
{
	(void)state;
	struct buf all = {0};
	size_t n[3] = {0};
	struct lines l = {.take = count, .ctx = n};
	for (int i = 0; i < 3000; i++) {
		char piece[32];
		size_t len = (size_t)(i % 31);
		memset(piece, 'a' + i % 26, len);
		buf_add(&all, piece, len);
		lines_feed(&l, piece, len);
		size_t expected = all.len < LINES_TAIL_BYTES ? all.len : LINES_TAIL_BYTES;
		assert_int_equal(l.tail_len, expected);
		if (expected > 0)
			assert_memory_equal(
				l.tail, all.data + all.len - expected, expected);
	}
	char *big = calloc(1, 3 * LINES_TAIL_BYTES);
	big[3 * LINES_TAIL_BYTES - 1] = 'z';
	lines_feed(&l, big, 3 * LINES_TAIL_BYTES);
	assert_int_equal(l.tail_len, LINES_TAIL_BYTES);
	assert_int_equal(l.tail[LINES_TAIL_BYTES - 1], 'z');
	assert_int_equal(l.tail[0], 0);
	free(big);
	buf_fini(&all);
	lines_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines_come_in_pieces),
		cmocka_unit_test(test_tail_is_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
