/* SPDX-License-Identifier: MIT */
#include "os/user.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX_BYTES ((size_t)64 * 1024)

/* The groups of a user, in an array of their number. */
static int load_groups(struct user *u)
{
	int count = NGROUPS_MAX;
	u->groups = reallocarray(NULL, NGROUPS_MAX, sizeof(*u->groups));
	if (!u->groups)
		return -1;
	if (getgrouplist(u->name, u->gid, u->groups, &count) < 0) {
		errno = EOVERFLOW;
		return -1;
	}
	gid_t *fitting = reallocarray(u->groups, (size_t)count, sizeof(*fitting));
	if (fitting)
		u->groups = fitting;
	u->group_count = (size_t)count;
	return 0;
}

/* Copy an entry; rc is what getpw*_r returned. */
static int copy_entry(int rc, const struct passwd *pw, struct user *out)
{
	*out = (struct user){0};
	if (!pw) {
		errno = rc ? rc : ENOENT;
		return -1;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	out->name = strdup(pw->pw_name);
	out->home = strdup(pw->pw_dir);
	out->shell = strdup(pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	if (out->name && out->home && out->shell && load_groups(out) == 0)
		return 0;
	user_fini(out);
	return -1;
}

int user_by_name(const char *name, struct user *out)
{
	struct passwd entry, *found = NULL;
	char room[ENTRY_MAX_BYTES];
	int rc = getpwnam_r(name, &entry, room, sizeof(room), &found);
	return copy_entry(rc, found, out);
}

int user_by_id(uid_t uid, struct user *out)
{
	struct passwd entry, *found = NULL;
	char room[ENTRY_MAX_BYTES];
	int rc = getpwuid_r(uid, &entry, room, sizeof(room), &found);
	return copy_entry(rc, found, out);
}

int user_group_by_name(const char *name, gid_t *out)
{
	struct group entry, *found = NULL;
	char room[ENTRY_MAX_BYTES];
	int rc = getgrnam_r(name, &entry, room, sizeof(room), &found);
	if (found) {
		*out = found->gr_gid;
		return 0;
	}
	errno = rc ? rc : ENOENT;
	return -1;
}

int user_name_of(uid_t uid, char *out, size_t size)
{
	struct passwd entry, *found = NULL;
	char room[ENTRY_MAX_BYTES];
	int rc = getpwuid_r(uid, &entry, room, sizeof(room), &found);
	if (found && strlen(found->pw_name) < size) {
		strcpy(out, found->pw_name);
		return 0;
	}
	if (found)
		rc = ENAMETOOLONG;
	errno = rc ? rc : ENOENT;
	return -1;
}

void user_fini(struct user *u)
{
	free(u->name);
	free(u->home);
	free(u->shell);
	free(u->groups);
	*u = (struct user){0};
}
