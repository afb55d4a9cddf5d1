/* SPDX-License-Identifier: MIT */
/* Any bytes as each of the files in /proc/PID. */
#include "core/proc/proctext.h"

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
	bool has_comm = proctext_comm(text, size, s.program.comm);
	if (has_comm != (strlen(s.program.comm) > 0))
		abort();
	proctext_status(text, size, &s);
	proctext_stat(text, size, &s);
	s.has_login_uid = proctext_login_uid(text, size, &s.program.login_uid);
	s.program.cmdline = proctext_cmdline(text, size);
	if (s.program.cmdline && strlen(s.program.cmdline) > size)
		abort();
	s.program.unit = proctext_unit(text, size);
	if (s.program.unit && (s.program.unit[0] == '\0' || strchr(s.program.unit, '\n')))
		abort();
	program_fini(&s.program);
	free(text);
	return 0;
}
