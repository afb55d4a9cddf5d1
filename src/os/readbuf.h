/* SPDX-License-Identifier: MIT */
/*
 * The buffer into which the fanotify queue is read: shared memory that outlives the
 * process which reads. It is all zero where nothing was read, so a record's length says
 * that the record is there, and a header says up to where the records are done with.
 */
#ifndef FSMON_OS_READBUF_H
#define FSMON_OS_READBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Make the shared memory. Returns a descriptor, or -1 with errno of memfd_create(2). */
int readbuf_create(void);

/* A mapping of it. */
struct readbuf {
	int fd; /* borrowed */
	unsigned char *bytes; /* the records; mapped and, where allowed, locked */
	size_t size; /* bytes of room */
	size_t end; /* bytes that hold records */
	size_t left; /* bytes that the latest read could have brought, and did not */
	uint64_t *done; /* the header: bytes of records that are done with */
};

/*
 * Map the memory. On return `end` covers the records that an earlier process has read,
 * and readbuf_done() how many of their bytes were done with. Returns 0, or -1 with errno
 * of mmap(2).
 */
int readbuf_open(struct readbuf *b, int fd);

/* Unmap; the memory and what is in it stay. */
void readbuf_close(struct readbuf *b);

/*
 * Read from the group behind what is there, once; makes more room if too little is left,
 * up to 512 MiB. It brings some hundred records at most: while it lasts nobody knows how many have
 * been taken from the queue, and somebody may wait to know (actors_begin_read). Returns the bytes read, or 0 if the queue is empty, or -1 with errno of
 * read(2), or ENOBUFS when the room is used up.
 */
ssize_t readbuf_read(struct readbuf *b, int group);

/* Whether the latest read ended because the queue was empty: it left room for any record. */
bool readbuf_has_all(const struct readbuf *b);

/* How many bytes are done with. */
size_t readbuf_done(const struct readbuf *b);

/* Say that all bytes before `done` are done with. */
void readbuf_set_done(struct readbuf *b, size_t done);

/* All is done with: clear it, and begin at the front. Gives back memory that a burst
 * took. */
void readbuf_reset(struct readbuf *b);

/* Put a record behind what is there, as if it had been read just now: it is not done with after
 * all. Returns 0, or -1 with ENOBUFS if there is no room but for reading. */
int readbuf_put_back(struct readbuf *b, const void *bytes, size_t len);

#endif
