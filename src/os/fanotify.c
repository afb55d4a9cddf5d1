/* SPDX-License-Identifier: MIT */
#include "os/fanotify.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>

/* FAN_REPORT_DFID_NAME_TARGET, spelled out: glibc 2.36 lacks the name. */
#define REPORT \
	(FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)

int fanotify_open(bool with_pidfd)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
			 FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | REPORT;
	return fanotify_init(with_pidfd ? flags | FAN_REPORT_PIDFD : flags,
		O_RDONLY | O_CLOEXEC | O_LARGEFILE);
}

int fanotify_watch(int group, int dir_fd, uint64_t old_mask, uint64_t mask)
{
	const unsigned on = FAN_MARK_FILESYSTEM;
	uint64_t gone = old_mask & ~mask;
	/* Widen first, then narrow, so that nothing wanted is missed in between. */
	if (mask && fanotify_mark(group, FAN_MARK_ADD | on, mask, dir_fd, ".") < 0)
		return -1;
	if (gone && fanotify_mark(group, FAN_MARK_REMOVE | on, gone, dir_fd, ".") < 0 &&
		errno != ENOENT)
		return -1;
	return 0;
}

int fanotify_watch_entries(int group, int dir_fd, bool watches)
{
	unsigned flags = (watches ? FAN_MARK_ADD : FAN_MARK_REMOVE) | FAN_MARK_ONLYDIR;
	return fanotify_mark(group, flags, FAN_MODIFY | FAN_EVENT_ON_CHILD, dir_fd, ".");
}

int fanotify_forget_entries(int group)
{
	return fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, ".");
}

ssize_t fanotify_depth(int group)
{
	int bytes;
	if (ioctl(group, FIONREAD, &bytes) < 0)
		return -1;
	return bytes / (ssize_t)FAN_EVENT_METADATA_LEN;
}

bool fanotify_is_empty(int group)
{
	return !fd_wait(group, POLLIN, 0);
}
