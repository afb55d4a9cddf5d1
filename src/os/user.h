/* SPDX-License-Identifier: MIT */
/* Users and groups, through NSS: may block for as long as the name service likes. */
#ifndef FSMON_OS_USER_H
#define FSMON_OS_USER_H

#include <stddef.h>
#include <sys/types.h>

/* A user's entry. The strings and the array are allocated; user_fini frees them. */
struct user {
	uid_t uid;
	gid_t gid;
	char *name;
	char *home;
	char *shell;
	gid_t *groups; /* supplementary groups, the primary one included; NULL unless
			  asked for */
	size_t group_count;
};

/*
 * Look up a user by name, with the supplementary groups. Returns 0, or -1 with ENOENT if
 * there is no such user, or another errno if the look-up failed.
 */
int user_by_name(const char *name, struct user *out);

/* Likewise by id; each fills *out, which the caller frees with user_fini. */
int user_by_id(uid_t uid, struct user *out);

/* The id of a group by name. Returns 0, or -1 likewise. */
int user_group_by_name(const char *name, gid_t *out);

/* Only the name of an id, into `out`. Returns 0, or -1 with ENOENT or another errno. */
int user_name_of(uid_t uid, char *out, size_t size);

void user_fini(struct user *u);

#endif
