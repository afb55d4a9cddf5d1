/* SPDX-License-Identifier: MIT */
#include "app/shown.h"

#include "base/buf.h"

#include <string.h>

void shown_print(FILE *out, const char *text)
{
	struct buf b = {0};
	if (buf_add_vis(&b, text, strlen(text)) == 0)
		fputs(b.data, out);
	buf_fini(&b);
}

void shown_print_rule(const struct rule *r)
{
	printf("[%s] ", r->name);
	shown_print(stdout, r->file);
	printf(":%u", r->line);
}
