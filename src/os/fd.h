/* SPDX-License-Identifier: MIT */
/* Descriptors. */
#ifndef FSMON_OS_FD_H
#define FSMON_OS_FD_H

/* Close a descriptor, which may be none (-1). Keeps errno. */
void fd_close(int fd);

#endif
