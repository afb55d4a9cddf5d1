/* SPDX-License-Identifier: MIT */
#include "app/verbs/show.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

void show_text(FILE *out, const char *text)
{
	struct buf b = {0};
	if (buf_add_vis(&b, text, strlen(text)) == 0)
		fputs(b.data, out);
	buf_fini(&b);
}

void show_rule(const struct rule *r)
{
	printf("[%s] ", r->name);
	show_text(stdout, r->file);
	printf(":%u", r->line);
}

int show_load(struct load *l, const struct options *o, char *const *files, int count)
{
	if (load(l, o, files, count) < 0) {
		fprintf(stderr, "fsmon: the configuration cannot be loaded: %s\n",
			strerror(errno));
		return -1;
	}
	load_print(l);
	return 0;
}
