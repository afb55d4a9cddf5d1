/* SPDX-License-Identifier: MIT */
/* Whose the processes are that an earlier worker's hooks have left: their runs' labels say. */
#ifndef FSMON_APP_JOBS_RETAG_H
#define FSMON_APP_JOBS_RETAG_H

#include <sys/types.h>

struct jobs;

/* Tag a process of an earlier worker's run by the label of that run. */
void retag_process(struct jobs *j, pid_t pid, const char *label);

/* Likewise all that the cgroups below the directory are labelled with; NULL is allowed. */
void retag_all(struct jobs *j, const char *hooks_dir);

#endif
