/* SPDX-License-Identifier: MIT */
/* What is done with descriptors of many kinds. */
#ifndef FSMON_OS_FD_H
#define FSMON_OS_FD_H

#include "base/buf.h"

#include <dirent.h>

/* Close a descriptor, which may be none (-1). Keeps errno. */
void fd_close(int fd);

/* A second descriptor of the same open file, for the caller to close; -1 with EMFILE or EBADF. */
int fd_dup(int fd);

/* Wait at most timeout_ms (-1: without end) for one of the events of poll(2), for an error or
 * for the other end to close. Returns whether there is one. */
bool fd_wait(int fd, short events, int timeout_ms);

/* Append all that there is to read to *out. Returns 0, or -1 with EFBIG (more than max bytes),
 * ENOMEM or an errno of read(2). */
int fd_read_all(int fd, size_t max, struct buf *out);

/*
 * Write all bytes. With a limit to the waiting (0: none; -1: no limit) only while somebody reads
 * or there is room. Returns the number of bytes that could not be written, with errno.
 */
size_t fd_write_all(int fd, const char *bytes, size_t len, int wait_ms);

/* Whether it is the journal's stream, as JOURNAL_STREAM of systemd.exec(5) has it. */
bool fd_is_journal(int fd);

/* Open a directory in another one, or that one itself ("."), to be read. Symbolic links are not
 * followed. The caller closes it. Returns NULL with an errno of open(2). */
DIR *fd_open_dir(int dir_fd, const char *name);

#endif
