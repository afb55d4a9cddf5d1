/* SPDX-License-Identifier: MIT */
/*
 * Files without a name, in memory (memfd), not O_TMPFILE: that needs a writable directory with
 * room, and a read-only or full disk must not keep a hook from its list; nothing can be left
 * behind in either; and a memfd can be sealed, so that no hook can change it, or make it grow
 * on the daemon's account.
 */
#ifndef FSMON_OS_MEMFILE_H
#define FSMON_OS_MEMFILE_H

#include "base/buf.h"

#include <stddef.h>

/* An empty file, which is no program; `name` shows in /proc. Returns a descriptor with CLOEXEC,
 * the caller's; or -1 with an errno of memfd_create(2). */
__attribute__((warn_unused_result)) int memfile_open(const char *name);

/*
 * Make a file of these bytes: sealed, readable for every user who has a descriptor of it (also
 * through /proc/self/fd, where `name` shows), seekable, at offset 0. Returns a descriptor with
 * CLOEXEC, the caller's; or -1 with EMFILE, ENFILE, ENOMEM, ENOSPC, EFBIG, or an errno of
 * memfd_create(2).
 */
__attribute__((warn_unused_result)) int memfile_make(
	const char *name, const void *bytes, size_t len);

/* Append all bytes of such a file, wherever its offset was. Returns 0, or -1 with ENOMEM or an
 * errno of lseek(2) or read(2). */
__attribute__((warn_unused_result)) int memfile_read(int fd, struct buf *out);

#endif
