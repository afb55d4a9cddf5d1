/* SPDX-License-Identifier: MIT */
/* Loads the configuration: finds the files, reads them, and turns them into a table of
 * rules. */
#ifndef FSMON_APP_LOAD_H
#define FSMON_APP_LOAD_H

#include "app/options.h"
#include "app/watch/fronts.h"
#include "core/conf/conf.h"
#include "core/rule/table.h"

/* What was loaded. Touches no global and logs nothing, so a thread may load beside the
 * loop. */
struct load {
	struct conf conf; /* its rules have moved into the table */
	struct table *
		table; /* the rules of the files without an error; owned, NULL if taken */
	struct buf held; /* what was read from the disk, for load_held */
	struct fronts *fronts; /* where their paths lead; owned, NULL if taken */
};

/*
 * Load fsmon.conf and the rule directories that the options name, or only the given files
 * (count above 0: as rule files). All messages are in l->conf. Returns 0, also with
 * errors in files, or -1 with ENOMEM. The caller frees with load_fini in any case.
 */
int load(struct load *l, const struct options *o, char *const *files, int count);

/*
 * Load what an earlier load has read, whatever the disk has now: from a file in memory
 * (os/memfile) with the bytes of its `held`. Users, groups and links are looked up anew. Returns
 * 0, or -1 with EBADMSG, ENOMEM or an errno of memfile_read. The caller frees likewise.
 */
int load_held(struct load *l, int fd);

/* Print the messages on standard error, one a line: "file:line: text". */
void load_print(const struct load *l);

void load_fini(struct load *l);

#endif
