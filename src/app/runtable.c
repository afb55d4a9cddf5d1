/* SPDX-License-Identifier: MIT */
#include "app/runtable.h"

#include "base/buf.h"
#include "base/countof.h"
#include "core/lines.h"
#include "core/outcome.h"
#include "core/screen.h"
#include "core/when.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vis.h>

#define SECOND_NS UINT64_C(1000000000)

static const char *text_of(json_t *run, const char *key)
{
	const char *s = json_string_value(json_object_get(run, key));
	return s ? s : "";
}

static uint64_t number_of(json_t *run, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(run, key));
	return n > 0 ? (uint64_t)n : 0;
}

static enum outcome_kind kind_of(json_t *run)
{
	return outcome_kind_of(text_of(run, "outcome"));
}

static bool is_running(json_t *run)
{
	return kind_of(run) == OUTCOME_RUNNING;
}

bool runtable_is_failure(json_t *run)
{
	return !is_running(run) && kind_of(run) != OUTCOME_OK;
}

/* ---- Columns: each appends its text of a run ---- */

static void add_started(struct buf *b, json_t *run, uint64_t now_ns)
{
	time_t s = (time_t)(number_of(run, "started_ns") / SECOND_NS);
	struct tm local;
	char text[64];
	(void)now_ns;
	if (localtime_r(&s, &local) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
		buf_add_str(b, text);
}

static void add_rule(struct buf *b, json_t *run, uint64_t now_ns)
{
	(void)now_ns;
	buf_add_str(b, text_of(run, "rule"));
	if (json_is_true(json_object_get(run, "on_failure")))
		buf_add_str(b, " on-failure");
}

static void add_waited(struct buf *b, json_t *run, uint64_t now_ns)
{
	(void)now_ns;
	when_add_span(b, number_of(run, "queued_ns"));
}

static void add_took(struct buf *b, json_t *run, uint64_t now_ns)
{
	uint64_t started_ns = number_of(run, "started_ns");
	if (!is_running(run))
		when_add_span(b, number_of(run, "duration_ns"));
	else if (now_ns)
		when_add_span(b, now_ns > started_ns ? now_ns - started_ns : 0);
	else
		buf_add_str(b, "-");
}

static void add_end(struct buf *b, json_t *run, uint64_t now_ns)
{
	const char *name = text_of(run, "outcome");
	enum outcome_kind kind = kind_of(run);
	int status = (int)number_of(run, "status");
	const char *signal = sigabbrev_np(status);
	if (kind == OUTCOME_EXIT)
		buf_printf(b, "exit %d", status);
	else if (kind == OUTCOME_SIGNAL && signal)
		buf_printf(b, "SIG%s", signal);
	else if (kind == OUTCOME_SIGNAL)
		buf_printf(b, "signal %d", status);
	else if (kind == OUTCOME_COULD_NOT_START)
		buf_printf(b, "could not start: %s", strerror(status));
	else
		buf_add_str(b, kind == OUTCOME_RUNNING && !now_ns ? "not known" : name);
}

static void add_attempt(struct buf *b, json_t *run)
{
	uint64_t attempt = number_of(run, "attempt");
	if (attempt > 1)
		buf_printf(b, ", attempt %" PRIu64, attempt);
}

static void add_outcome(struct buf *b, json_t *run, uint64_t now_ns)
{
	add_end(b, run, now_ns);
	add_attempt(b, run);
}

static void add_actor(struct buf *b, json_t *run, uint64_t now_ns)
{
	const char *cmd = text_of(run, "cmd"), *user = text_of(run, "user");
	(void)now_ns;
	buf_printf(b, "%s/%s", *cmd ? cmd : "?", *user ? user : "?");
}

static void add_path(struct buf *b, json_t *run, uint64_t now_ns)
{
	uint64_t count = number_of(run, "count");
	(void)now_ns;
	buf_add_str(b, text_of(run, "path"));
	if (count > 1)
		buf_printf(b, " +%" PRIu64, count - 1);
}

static const struct {
	const char *title;
	const char *key; /* of what stands in the column as it is; NULL: `add` makes it */
	void (*add)(struct buf *b, json_t *run, uint64_t now_ns);
	bool is_right; /* numbers stand at the right of their column */
} columns[] = {
	{"RUN", "run", NULL, true},
	{"STARTED", NULL, add_started, false},
	{"RULE", NULL, add_rule, false},
	{"WAITED", NULL, add_waited, true},
	{"TOOK", NULL, add_took, true},
	{"OUTCOME", NULL, add_outcome, false},
	{"BY", NULL, add_actor, false},
	{"EVENT", "event", NULL, false},
	{"PATH", NULL, add_path, false},
};

#define COLUMNS countof(columns)

static void add_cell(struct buf *b, size_t column, json_t *run, uint64_t now_ns)
{
	const char *key = columns[column].key;
	if (!run)
		buf_add_str(b, columns[column].title);
	else if (!key)
		columns[column].add(b, run, now_ns);
	else if (json_is_integer(json_object_get(run, key)))
		buf_printf(b, "%" PRIu64, number_of(run, key));
	else
		buf_add_str(b, text_of(run, key));
}

/* Append the cells of a run, or the titles where that is NULL, each with its NUL, and widen the
 * columns for them. */
static void add_row(struct buf *cells, json_t *run, uint64_t now_ns, size_t *widths)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t start = cells->len;
		add_cell(cells, i, run, now_ns);
		if (cells->len - start > widths[i])
			widths[i] = cells->len - start;
		buf_add(cells, "", 1);
	}
}

/* Print the cells of a row. Returns what is behind them. */
static const char *print_row(const char *cell, const size_t *widths, FILE *out)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		int width = i + 1 < COLUMNS ? (int)widths[i] : 0;
		fprintf(out, "%s%*s", i ? "  " : "", columns[i].is_right ? width : -width,
			cell);
		cell += strlen(cell) + 1;
	}
	fprintf(out, "\n");
	return cell;
}

int runtable_print(json_t *runs, uint64_t now_ns, FILE *out)
{
	size_t count = json_array_size(runs), widths[COLUMNS] = {0};
	struct buf cells = {0};
	add_row(&cells, NULL, now_ns, widths);
	for (size_t i = 0; i < count; i++)
		add_row(&cells, json_array_get(runs, i), now_ns, widths);
	int rc = cells.failed ? -1 : 0;
	const char *row = cells.data;
	for (size_t i = 0; rc == 0 && i <= count; i++)
		row = print_row(row, widths, out);
	buf_fini(&cells);
	errno = rc < 0 ? ENOMEM : 0;
	return rc;
}

/* ---- What they printed ---- */

/* Append what stood in a string of JSON before it was escaped, as far as it is good for a
 * terminal, with a newline at its end. */
static int add_output(struct buf *b, const char *escaped)
{
	char *bytes = malloc(strlen(escaped) + 1);
	int len = bytes ? strunvis(bytes, escaped) : -1;
	if (len >= (int)LINES_TAIL_BYTES)
		buf_add_str(b, "[what came before was not kept]\n");
	if (len > 0)
		screen_add(b, bytes, (size_t)len);
	else
		screen_add(b, escaped, strlen(escaped));
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_add_str(b, "\n");
	free(bytes);
	return bytes ? 0 : -1;
}

/* The line above the output of a run. */
static void add_head(struct buf *b, json_t *run, uint64_t now_ns)
{
	buf_printf(b, "--- run %" PRIu64 ", ", number_of(run, "run"));
	add_rule(b, run, now_ns);
	buf_add_str(b, ", ");
	add_started(b, run, now_ns);
	buf_add_str(b, ": ");
	add_end(b, run, now_ns);
	if (!is_running(run) && kind_of(run) != OUTCOME_COULD_NOT_START) {
		buf_add_str(b, " after ");
		add_took(b, run, now_ns);
	}
	add_attempt(b, run);
	if (is_running(run) && now_ns)
		buf_add_str(b, "; what it prints is in the daemon's log until it ends");
	buf_add_str(b, "\n");
}

int runtable_print_output(json_t *runs, uint64_t now_ns, FILE *out)
{
	struct buf b = {0};
	size_t i;
	json_t *run;
	int rc = 0;
	json_array_foreach(runs, i, run)
	{
		if (i > 0)
			buf_add_str(&b, "\n");
		add_head(&b, run, now_ns);
		if (add_output(&b, text_of(run, "output")) < 0)
			rc = -1;
	}
	if (b.failed)
		rc = -1;
	else if (b.len > 0)
		fwrite(b.data, 1, b.len, out);
	buf_fini(&b);
	errno = rc < 0 ? ENOMEM : 0;
	return rc;
}
