/* SPDX-License-Identifier: MIT */
/* A directory of its own for each test. */
#ifndef FSMON_TESTS_UNIT_TEMPDIR_H
#define FSMON_TESTS_UNIT_TEMPDIR_H

/* Its path, without links in it. */
extern char tempdir[];

/* cmocka fixtures: make it, with mode 0700; unmount what was mounted on it, and remove it. */
int tempdir_setup(void **state);
int tempdir_teardown(void **state);

/* A path in it, in one of 16 buffers that take turns. */
const char *tempdir_path(const char *name);

/* Write a new file of it, of mode 0600. */
void tempdir_write(const char *name, const char *text);

/* As root, give the process mounts of its own: nobody else sees, or keeps busy, what it mounts,
 * and nothing stays mounted after it. Before any thread is started. */
void tempdir_own_mounts(void);

#endif
