/* SPDX-License-Identifier: MIT */
#include "app/verbs/verbs.h"

#include "app/jsontext.h"
#include "app/talk/report.h"
#include "app/verbs/show.h"
#include "app/watch/filesystems.h"
#include "os/fanotify.h"
#include "os/fd.h"
#include "os/proc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Take in the mounts with the rules; with the privilege for it, mark them in a group of
 * our own to see whether the kernel lets us. Returns 0, or -1 after a message. */
static int take_mounts(struct filesystems *f, const struct table *rules, bool *is_tried)
{
	struct buf text = {0};
	int fd = proc_open_mounts();
	int group = fanotify_open(false);
	struct dirtree *tree = dirtree_new(1024);
	int rc = fd >= 0 && tree ? proc_read_mounts(fd, &text) : -1;
	if (rc == 0)
		rc = filesystems_update(f, text.data, text.len, rules, group, tree);
	if (rc < 0)
		fprintf(stderr, "fsmon: the mounts cannot be looked at: %s\n",
			strerror(errno));
	*is_tried = group >= 0;
	fd_close(group);
	fd_close(fd);
	dirtree_free(tree);
	buf_fini(&text);
	return rc;
}

static void print_list(const char *what, const json_t *list)
{
	size_t i;
	json_t *item;
	json_array_foreach (list, i, item)
		jsontext_show(stdout, what, item);
}

/* Returns whether the rule has a place where it is watched, or needs none. */
static bool print_rule(const struct load *of, uint32_t i, const struct filesystems *f)
{
	const struct rule *r = table_rule(of->table, i);
	struct report_landing l = report_landing(of->table, i, f, SIZE_MAX);
	json_t *links = report_links(r, of->fronts);
	bool lands = l.watched_count > 0;
	show_rule(r);
	printf("%s\n", !r->enabled ? ": disabled" : lands ? "" : ": NOT WATCHED");
	if (r->enabled) {
		report_print_links(links, "    ", stdout);
		print_list("    watched on ", l.watched);
		print_list("    not watched on ", l.refused);
	}
	json_decref(links);
	json_decref(l.watched);
	json_decref(l.refused);
	return lands || !r->enabled;
}

static void print_count(size_t count, const char *noun, const char *end)
{
	printf("%zu %s%s%s", count, noun, count == 1 ? "" : "s", end);
}

int verb_check(const struct options *o)
{
	struct load l;
	struct filesystems f = {0};
	bool is_tried;
	int code = EXIT_FAILED;
	if (show_load(&l, o, o->args, o->arg_count) < 0)
		goto done;
	if (take_mounts(&f, l.table, &is_tried) < 0)
		goto done;
	size_t warnings = l.conf.message_count - l.conf.error_count;
	for (uint32_t i = 0; i < table_count(l.table); i++)
		warnings += !print_rule(&l, i, &f);
	if (!is_tried)
		printf("(as root, check would also try whether the kernel lets fsmon "
		       "watch these)\n");
	print_count(table_count(l.table), "rule", ", ");
	print_count(l.conf.error_count, "error", ", ");
	print_count(warnings, "warning", "\n");
	code = l.conf.error_count ? EXIT_USAGE : EXIT_FINE;
done:
	filesystems_fini(&f);
	load_fini(&l);
	return code;
}
