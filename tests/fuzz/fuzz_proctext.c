/* SPDX-License-Identifier: MIT */
/* Any bytes as each of the files in /proc/PID. */
#include "core/proctext.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct proc_snapshot s = {0};
	if (!text)
		abort();
	memcpy(text, data, size);
	s.has_comm = proctext_comm(text, size, s.comm);
	if (s.has_comm != (strlen(s.comm) > 0))
		abort();
	proctext_status(text, size, &s);
	proctext_stat(text, size, &s);
	s.has_login_uid = proctext_login_uid(text, size, &s.login_uid);
	s.cmdline = proctext_cmdline(text, size);
	if (s.cmdline && strlen(s.cmdline) > size)
		abort();
	s.unit = proctext_unit(text, size);
	if (s.unit && (s.unit[0] == '\0' || strchr(s.unit, '\n')))
		abort();
	proctext_fini(&s);
	free(text);
	return 0;
}
