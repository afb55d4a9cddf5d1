/* SPDX-License-Identifier: MIT */
#include "app/verbs/runtable.h"

#include "app/jsontext.h"
#include "base/buf.h"
#include "base/countof.h"
#include "base/utf8.h"
#include "core/hook/outcome.h"
#include "core/text/lines.h"
#include "core/text/when.h"
#include "os/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/param.h>

static enum outcome_kind kind_of(json_t *run)
{
	return outcome_kind_of(jsontext_get(run, "outcome"));
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
	(void)now_ns;
	clock_add_local(b, jsontext_number(run, "started_ns"));
}

static void add_rule(struct buf *b, json_t *run, uint64_t now_ns)
{
	(void)now_ns;
	buf_add_str(b, jsontext_get(run, "rule"));
	if (json_is_true(json_object_get(run, "on_failure")))
		buf_add_str(b, " on-failure");
}

static void add_waited(struct buf *b, json_t *run, uint64_t now_ns)
{
	(void)now_ns;
	when_add_span(b, jsontext_number(run, "queued_ns"));
}

static void add_took(struct buf *b, json_t *run, uint64_t now_ns)
{
	uint64_t started_ns = jsontext_number(run, "started_ns");
	if (!is_running(run))
		when_add_span(b, jsontext_number(run, "duration_ns"));
	else if (now_ns)
		when_add_span(b, now_ns > started_ns ? now_ns - started_ns : 0);
	else
		buf_add_str(b, "-");
}

static void add_end(struct buf *b, json_t *run, uint64_t now_ns)
{
	const char *name = jsontext_get(run, "outcome");
	enum outcome_kind kind = kind_of(run);
	int status = (int)jsontext_number(run, "status");
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
	uint64_t attempt = jsontext_number(run, "attempt");
	if (attempt > 1)
		buf_printf(b, ", attempt %" PRIu64, attempt);
}

static void add_outcome(struct buf *b, json_t *run, uint64_t now_ns)
{
	add_end(b, run, now_ns);
	add_attempt(b, run);
}

/* Append a text, or that it is not known. */
static void add_known(struct buf *b, json_t *run, const char *key)
{
	if (*jsontext_get(run, key))
		jsontext_add_vis(b, json_object_get(run, key));
	else
		buf_add_str(b, "?");
}

static void add_actor(struct buf *b, json_t *run, uint64_t now_ns)
{
	(void)now_ns;
	add_known(b, run, "cmd");
	buf_add_str(b, "/");
	add_known(b, run, "user");
}

static void add_path(struct buf *b, json_t *run, uint64_t now_ns)
{
	uint64_t count = jsontext_number(run, "count");
	(void)now_ns;
	jsontext_add_vis(b, json_object_get(run, "path"));
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
		buf_printf(b, "%" PRIu64, jsontext_number(run, key));
	else
		jsontext_add_vis(b, json_object_get(run, key));
}

/* Append the cells of a run, or the titles where that is NULL, each with its NUL, and widen the
 * columns for them. */
static void add_row(struct buf *cells, json_t *run, uint64_t now_ns, size_t *widths)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t start = cells->len;
		add_cell(cells, i, run, now_ns);
		if (buf_add(cells, "", 1) == 0)
			widths[i] = MAX(widths[i], utf8_count(cells->data + start));
	}
}

/* Print the cells of a row. Returns what is behind them. */
static const char *print_row(const char *cell, const size_t *widths, FILE *out)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t blanks = widths[i] - utf8_count(cell);
		fprintf(out, "%s%*s%s", i ? "  " : "",
			columns[i].is_right ? (int)blanks : 0, "", cell);
		if (!columns[i].is_right && i + 1 < COLUMNS)
			fprintf(out, "%*s", (int)blanks, "");
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

/* Append the bytes of an output, as far as they are good for a terminal, with a newline
 * at the end. */
static void add_output(struct buf *b, const json_t *output)
{
	struct buf bytes = {0};
	if (jsontext_add(&bytes, output) < 0)
		b->failed = true;
	if (bytes.len >= LINES_TAIL_BYTES)
		buf_add_str(b, "[what came before was not kept]\n");
	buf_add_screen(b, bytes.data, bytes.len);
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_add_str(b, "\n");
	buf_fini(&bytes);
}

/* The line above the output of a run. */
static void add_head(struct buf *b, json_t *run, uint64_t now_ns)
{
	buf_printf(b, "--- run %" PRIu64 ", ", jsontext_number(run, "run"));
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
	json_array_foreach (runs, i, run) {
		if (i > 0)
			buf_add_str(&b, "\n");
		add_head(&b, run, now_ns);
		add_output(&b, json_object_get(run, "output"));
	}
	int rc = b.failed ? -1 : 0;
	if (rc == 0 && b.len > 0)
		fwrite(b.data, 1, b.len, out);
	buf_fini(&b);
	errno = rc < 0 ? ENOMEM : 0;
	return rc;
}
