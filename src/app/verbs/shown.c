/* SPDX-License-Identifier: MIT */
#include "app/verbs/shown.h"

#include "base/buf.h"

#include <errno.h>
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

int shown_load(struct load *l, const struct options *o, char *const *files, int count)
{
	if (load(l, o, files, count) < 0) {
		fprintf(stderr, "fsmon: the configuration cannot be loaded: %s\n",
			strerror(errno));
		return -1;
	}
	load_print(l);
	return 0;
}
