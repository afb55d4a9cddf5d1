/* SPDX-License-Identifier: MIT */
/* Watching by a filesystem mark of fanotify_mark(2): whatever happens, under all mounts. */
#include "app/watch/watch_way.h"
#include "base/countof.h"
#include "os/fanotify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NO_ROOT                                                                          \
	"only a part of it is mounted (a bind mount or a subvolume); mount its root as " \
	"well"
#define KERNEL_KEPT "the kernel keeps it in memory and reports no changes of it"
#define ELSEWHERE "its files change elsewhere too, where this kernel does not see it"
#define NO_HANDLES "its files have no handles that a filesystem mark needs"

/* Types that are refused before the kernel is asked, with the reason. */
static const struct {
	const char *type;
	const char *reason;
} refused[] = {
	{"9p", ELSEWHERE},
	{"afs", ELSEWHERE},
	{"autofs", KERNEL_KEPT},
	{"binfmt_misc", KERNEL_KEPT},
	{"bpf", KERNEL_KEPT},
	{"ceph", ELSEWHERE},
	{"cgroup", KERNEL_KEPT},
	{"cgroup2", KERNEL_KEPT},
	{"cifs", ELSEWHERE},
	{"configfs", KERNEL_KEPT},
	{"debugfs", KERNEL_KEPT},
	{"devpts", KERNEL_KEPT},
	{"efivarfs", KERNEL_KEPT},
	{"fuse", NO_HANDLES},
	{"fuseblk", NO_HANDLES},
	{"fusectl", KERNEL_KEPT},
	{"hugetlbfs", KERNEL_KEPT},
	{"mqueue", KERNEL_KEPT},
	{"nfs", ELSEWHERE},
	{"nfs4", ELSEWHERE},
	{"nfsd", KERNEL_KEPT},
	{"nsfs", KERNEL_KEPT},
	{"proc", KERNEL_KEPT},
	{"pstore", KERNEL_KEPT},
	{"rpc_pipefs", KERNEL_KEPT},
	{"securityfs", KERNEL_KEPT},
	{"selinuxfs", KERNEL_KEPT},
	{"smb3", ELSEWHERE},
	{"sysfs", KERNEL_KEPT},
	{"tracefs", KERNEL_KEPT},
};

static const char *refusal(const char *type, bool has_root)
{
	if (strncmp(type, "fuse.", 5) == 0)
		return NO_HANDLES;
	for (size_t i = 0; i < countof(refused); i++) {
		if (strcmp(type, refused[i].type) == 0)
			return refused[i].reason;
	}
	return has_root ? NULL : NO_ROOT;
}

static const char *explain(int error)
{
	switch (error) {
	case EXDEV:
		return NO_ROOT;
	case EOPNOTSUPP:
	case ENODEV:
		return NO_HANDLES;
	case EPERM:
		return "fsmon lacks the privilege (CAP_SYS_ADMIN) to watch it";
	case ENOSPC:
		return "the limit of fanotify marks is reached "
		       "(fs.fanotify.max_user_marks)";
	default:
		return "the kernel refused it";
	}
}

const struct watch_way watch_mark = {
	.name = "filesystem mark",
	.refusal = refusal,
	.watch = fanotify_watch,
	.explain = explain,
};
