/* SPDX-License-Identifier: MIT */
#include "tempdir.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

char tempdir[] = "/tmp/fsmon-unit-XXXXXX";

int tempdir_setup(void **state)
{
	(void)state;
	strcpy(strrchr(tempdir, '-') + 1, "XXXXXX");
	return mkdtemp(tempdir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int tempdir_teardown(void **state)
{
	(void)state;
	umount2(tempdir, MNT_DETACH | UMOUNT_NOFOLLOW);
	return nftw(tempdir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

const char *tempdir_path(const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 16];
	snprintf(path, sizeof(paths[0]), "%s/%s", tempdir, name);
	return path;
}

void tempdir_write(const char *name, const char *text)
{
	int fd = open(tempdir_path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void tempdir_own_mounts(void)
{
	if (geteuid() != 0)
		return;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}
