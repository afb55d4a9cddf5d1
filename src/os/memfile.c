/* SPDX-License-Identifier: MIT */
#include "os/memfile.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of Linux 6.3: it is no program. A system may demand it (vm.memfd_noexec). */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int memfile_open(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

int memfile_make(const char *name, const void *bytes, size_t len)
{
	int fd = memfile_open(name);
	if (fd < 0)
		return -1;
	int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	if (fchmod(fd, 0444) == 0 && fd_write_all(fd, bytes, len, -1) == 0 &&
		lseek(fd, 0, SEEK_SET) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	fd_close(fd);
	return -1;
}

int memfile_read(int fd, struct buf *out)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd_read_all(fd, SIZE_MAX, out);
}
