/* link: static */
/* SPDX-License-Identifier: MIT */
/* quickwrite FILE: makes the file and is gone, as fast as a process can be. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
	if (fd < 0)
		_exit(1);
	close(fd);
	_exit(0);
}
