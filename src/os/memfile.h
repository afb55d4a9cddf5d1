/* SPDX-License-Identifier: MIT */
/*
 * Files without a name, in memory (memfd), not O_TMPFILE: that needs a writable directory with
 * room, and a read-only or full disk must not keep a hook from its list; nothing can be left
 * behind in either; and a memfd can be sealed, so that no hook can change it, or make it grow
 * on the daemon's account.
 */
#ifndef FSMON_OS_MEMFILE_H
#define FSMON_OS_MEMFILE_H

#include <stddef.h>

/* An empty file, which is no program; `name` shows in /proc. Returns a descriptor with CLOEXEC,
 * the caller's; or -1 with an errno of memfd_create(2). */
__attribute__((warn_unused_result)) int memfile_open(const char *name);

/*
 * Make a file of these bytes, for a hook's standard input: sealed, readable for every user who
 * has a descriptor of it (also through /proc/self/fd), seekable, at offset 0. Returns a
 * descriptor with CLOEXEC, the caller's; or -1 with EMFILE, ENFILE, ENOMEM, ENOSPC, EFBIG, or
 * an errno of memfd_create(2).
 */
__attribute__((warn_unused_result)) int memfile_make(const void *bytes, size_t len);

#endif
