/* SPDX-License-Identifier: MIT */
#include "os/readbuf.h"

#include "os/fd.h"
#include "os/memfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 4096u
#define FIRST_BYTES ((size_t)1024 * 1024)
#define MAX_BYTES ((size_t)512 * 1024 * 1024)
#define RECORD_BYTES ((size_t)8192) /* more than any record has */
#define READ_BYTES ((size_t)32 * 1024) /* at once: see readbuf_read */

int readbuf_create(void)
{
	int fd = memfile_open("fsmon-records");
	if (fd >= 0 && ftruncate(fd, HEADER_BYTES + FIRST_BYTES) < 0) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

/* Count the records that an earlier process left: they end where a length is 0. */
static size_t find_end(const struct readbuf *b)
{
	struct fanotify_event_metadata meta;
	size_t at = 0;
	while (b->size - at >= sizeof(meta)) {
		memcpy(&meta, b->bytes + at, sizeof(meta));
		if (meta.event_len < sizeof(meta) || meta.event_len > b->size - at)
			break;
		at += meta.event_len;
	}
	return at;
}

static int map(struct readbuf *b, size_t size)
{
	void *p = mmap(NULL, HEADER_BYTES + size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, b->fd, 0);
	if (p == MAP_FAILED)
		return -1;
	/* A page fault in a read while the process dies would lose the record; without
	 * the privilege this is a small risk, not a failure. */
	(void)mlock(p, HEADER_BYTES + size);
	b->done = p;
	b->bytes = (unsigned char *)p + HEADER_BYTES;
	b->size = size;
	return 0;
}

int readbuf_open(struct readbuf *b, int fd)
{
	*b = (struct readbuf){.fd = fd};
	struct stat st;
	if (fstat(fd, &st) < 0 || map(b, (size_t)st.st_size - HEADER_BYTES) < 0)
		return -1;
	b->end = find_end(b);
	if (readbuf_done(b) >= b->end) {
		/* All records are done with, but perhaps not all memory was cleared. */
		b->end = b->size;
		readbuf_reset(b);
	}
	return 0;
}

void readbuf_close(struct readbuf *b)
{
	if (b->done)
		munmap(b->done, HEADER_BYTES + b->size);
	*b = (struct readbuf){.fd = -1};
}

static int resize(struct readbuf *b, size_t size)
{
	struct readbuf next = *b;
	if (size > b->size && ftruncate(b->fd, (off_t)(HEADER_BYTES + size)) < 0)
		return -1;
	if (map(&next, size) < 0)
		return -1;
	munmap(b->done, HEADER_BYTES + b->size);
	if (size < b->size && ftruncate(b->fd, (off_t)(HEADER_BYTES + size)) < 0)
		return -1;
	*b = next;
	return 0;
}

ssize_t readbuf_read(struct readbuf *b, int group)
{
	if (b->size - b->end < READ_BYTES) {
		if (b->size >= MAX_BYTES || resize(b, 2 * b->size) < 0) {
			errno = ENOBUFS;
			return -1;
		}
	}
	ssize_t n;
	do
		n = read(group, b->bytes + b->end, READ_BYTES);
	while (n < 0 && errno == EINTR);
	b->left = READ_BYTES - (n > 0 ? (size_t)n : 0);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	b->end += (size_t)n;
	return n;
}

bool readbuf_has_all(const struct readbuf *b)
{
	return b->left >= RECORD_BYTES;
}

size_t readbuf_done(const struct readbuf *b)
{
	return *b->done;
}

void readbuf_set_done(struct readbuf *b, size_t done)
{
	*b->done = done;
}

void readbuf_reset(struct readbuf *b)
{
	if (b->size > FIRST_BYTES && resize(b, FIRST_BYTES) == 0 && b->end > FIRST_BYTES)
		b->end = FIRST_BYTES;
	memset(b->bytes, 0, b->end);
	b->end = 0;
	readbuf_set_done(b, 0);
}

int readbuf_put_back(struct readbuf *b, const void *bytes, size_t len)
{
	if (b->size - b->end < READ_BYTES + len) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(b->bytes + b->end, bytes, len);
	b->end += len;
	return 0;
}
