/* SPDX-License-Identifier: MIT */
#include "printed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char printed_out[PRINTED_MAX_BYTES], printed_err[PRINTED_MAX_BYTES];

/* By the number of the descriptor. */
static struct {
	char *text;
	FILE *file;
	int saved;
} streams[] = {{0}, {printed_out, NULL, -1}, {printed_err, NULL, -1}};

void printed_begin(void)
{
	fflush(NULL);
	for (int fd = 1; fd <= 2; fd++) {
		streams[fd].file = tmpfile();
		assert_non_null(streams[fd].file);
		streams[fd].saved = dup(fd);
		dup2(fileno(streams[fd].file), fd);
	}
}

void printed_end(void)
{
	fflush(NULL);
	for (int fd = 1; fd <= 2; fd++) {
		dup2(streams[fd].saved, fd);
		close(streams[fd].saved);
		rewind(streams[fd].file);
		size_t len = fread(
			streams[fd].text, 1, PRINTED_MAX_BYTES - 1, streams[fd].file);
		streams[fd].text[len] = '\0';
		fclose(streams[fd].file);
	}
}

void printed_check(const char *text, const char *part, const char *file, int line)
{
	const char *rest = text;
	while (rest && *part) {
		const char *gap = strstr(part, "...");
		size_t len = gap ? (size_t)(gap - part) : strlen(part);
		rest = memmem(rest, strlen(rest), part, len);
		if (!rest) {
			print_error("'%s' is not within '%s'\n", part, text);
			_fail(file, line);
			return;
		}
		rest += len;
		part += len + (gap ? 3 : 0);
	}
}
