/* SPDX-License-Identifier: MIT */
/* The buffer is fed through a pipe with records made by hand. */
#include "os/readbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((size_t)1024 * 1024)
#define CHUNK 4096u /* what one read of the pipe gives */

struct fixture {
	struct readbuf b;
	int memory;
	int pipe[2];
	uint32_t written; /* records, each with its number as pid */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	if (!f || pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	f->memory = readbuf_create();
	return f->memory < 0 ? -1 : readbuf_open(&f->b, f->memory);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	readbuf_close(&f->b);
	close(f->memory);
	close(f->pipe[0]);
	close(f->pipe[1]);
	free(f);
	return 0;
}

/* Put records of 64 bytes, CHUNK in all, into the pipe. */
static void send_chunk(struct fixture *f)
{
	unsigned char bytes[CHUNK] = {0};
	for (size_t at = 0; at < CHUNK; at += 64) {
		struct fanotify_event_metadata meta = {
			.event_len = 64, .pid = (int32_t)f->written++};
		memcpy(bytes + at, &meta, sizeof(meta));
		memset(bytes + at + sizeof(meta), 0xff, 64 - sizeof(meta));
	}
	assert_int_equal(write(f->pipe[1], bytes, CHUNK), CHUNK);
}

static void read_chunks(struct fixture *f, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		send_chunk(f);
		assert_int_equal(readbuf_read(&f->b, f->pipe[0]), CHUNK);
	}
}

/* Each record is where it belongs. */
static void assert_records(const struct readbuf *b, size_t count)
{
	struct fanotify_event_metadata meta;
	assert_int_equal(b->end, count * 64);
	for (size_t i = 0; i < count; i++) {
		memcpy(&meta, b->bytes + i * 64, sizeof(meta));
		assert_int_equal(meta.pid, i);
	}
}

static void assert_zero(const struct readbuf *b)
{
	for (size_t i = 0; i < b->size; i++) {
		if (b->bytes[i])
			fail_msg("byte %zu of %zu is not 0", i, b->size);
	}
}

/* As a new process does, while the old one is gone. */
static void reopen(struct fixture *f)
{
	readbuf_close(&f->b);
	assert_int_equal(readbuf_open(&f->b, f->memory), 0);
}

static void begins_empty_and_zero(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(f->b.end, 0);
	assert_int_equal(readbuf_done(&f->b), 0);
	assert_int_equal(f->b.size, MIB);
	assert_zero(&f->b);
	assert_true(fcntl(f->memory, F_GETFD) & FD_CLOEXEC);
}

static void an_empty_queue_is_no_error(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(readbuf_read(&f->b, f->pipe[0]), 0);
	assert_int_equal(f->b.end, 0);
	assert_int_equal(readbuf_read(&f->b, -1), -1);
	assert_int_equal(errno, EBADF);
}

static void reads_behind_what_is_there(void **state)
{
	struct fixture *f = *state;
	read_chunks(f, 3);
	assert_records(&f->b, 3 * CHUNK / 64);
}

static void grows_and_keeps_the_records(void **state)
{
	struct fixture *f = *state;
	const size_t chunks = 3 * MIB / CHUNK;
	read_chunks(f, chunks);
	assert_true(f->b.size >= 3 * MIB);
	assert_records(&f->b, chunks * CHUNK / 64);
	reopen(f);
	assert_records(&f->b, chunks * CHUNK / 64);
}

static void a_reset_clears_and_gives_memory_back(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	fstat(f->memory, &before);
	read_chunks(f, 3 * MIB / CHUNK);
	readbuf_set_done(&f->b, f->b.end);
	readbuf_reset(&f->b);
	assert_int_equal(f->b.end, 0);
	assert_int_equal(readbuf_done(&f->b), 0);
	assert_int_equal(f->b.size, MIB);
	assert_zero(&f->b);
	fstat(f->memory, &after);
	assert_int_equal(after.st_size, before.st_size);

	/* What it grows by is zero again, too. */
	f->written = 0;
	read_chunks(f, MIB / CHUNK);
	assert_int_equal(f->b.size, 2 * MIB);
	assert_records(&f->b, MIB / 64);
	for (size_t i = f->b.end; i < f->b.size; i++)
		assert_int_equal(f->b.bytes[i], 0);
}

static void another_process_finds_records_and_what_is_done(void **state)
{
	struct fixture *f = *state;
	read_chunks(f, 2);
	readbuf_set_done(&f->b, 640);
	reopen(f);
	assert_records(&f->b, 2 * CHUNK / 64);
	assert_int_equal(readbuf_done(&f->b), 640);
	/* and goes on behind them */
	read_chunks(f, 1);
	assert_records(&f->b, 3 * CHUNK / 64);
}

static void what_was_wholly_done_is_cleared_on_opening(void **state)
{
	struct fixture *f = *state;
	read_chunks(f, 2);
	readbuf_set_done(&f->b, f->b.end);
	reopen(f);
	assert_int_equal(f->b.end, 0);
	assert_int_equal(readbuf_done(&f->b), 0);
	assert_zero(&f->b);
}

/* A process died while it cleared: the front is zero, the rest not yet. */
static void a_reset_that_was_cut_short_is_finished(void **state)
{
	struct fixture *f = *state;
	read_chunks(f, 4);
	readbuf_set_done(&f->b, f->b.end);
	memset(f->b.bytes, 0, 100);
	reopen(f);
	assert_int_equal(f->b.end, 0);
	assert_int_equal(readbuf_done(&f->b), 0);
	assert_zero(&f->b);
}

/* A process died within a read: a whole record and a length that leads too far. */
static void a_length_that_leads_too_far_ends_the_records(void **state)
{
	struct fixture *f = *state;
	static const uint32_t lens[] = {0, 1, 23, UINT32_MAX, 0x7fffffff, MIB};
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		f->written = 0;
		read_chunks(f, 1);
		memcpy(f->b.bytes + 64, &lens[i], sizeof(lens[i]));
		reopen(f);
		assert_int_equal(f->b.end, 64);
		readbuf_set_done(&f->b, 64);
		f->b.end = f->b.size;
		readbuf_reset(&f->b);
	}
}

/* A record that waits is there for the next process. */
static void takes_a_record_back(void **state)
{
	struct fixture *f = *state;
	unsigned char record[64] = {0};
	struct fanotify_event_metadata meta = {.event_len = 64, .pid = 0};
	memcpy(record, &meta, sizeof(meta));
	read_chunks(f, 2);
	readbuf_reset(&f->b);
	assert_int_equal(readbuf_put_back(&f->b, record, sizeof(record)), 0);
	assert_records(&f->b, 1);
	reopen(f);
	assert_records(&f->b, 1);
	assert_int_equal(readbuf_done(&f->b), 0);
	/* Room for reading stays. */
	while (readbuf_put_back(&f->b, record, sizeof(record)) == 0)
		;
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(f->b.size, MIB);
	assert_true(f->b.size - f->b.end >= (size_t)32 * 1024);
}

#define WITH_BUFFER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BUFFER(begins_empty_and_zero),
		WITH_BUFFER(an_empty_queue_is_no_error),
		WITH_BUFFER(reads_behind_what_is_there),
		WITH_BUFFER(grows_and_keeps_the_records),
		WITH_BUFFER(a_reset_clears_and_gives_memory_back),
		WITH_BUFFER(another_process_finds_records_and_what_is_done),
		WITH_BUFFER(what_was_wholly_done_is_cleared_on_opening),
		WITH_BUFFER(a_reset_that_was_cut_short_is_finished),
		WITH_BUFFER(a_length_that_leads_too_far_ends_the_records),
		WITH_BUFFER(takes_a_record_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
