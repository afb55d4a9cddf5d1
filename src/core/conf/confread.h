/* SPDX-License-Identifier: MIT */
/* Reads rule files: bytes in, rules and messages out. fsmon.conf(5) explains the format. */
#ifndef FSMON_CORE_CONF_CONFREAD_H
#define FSMON_CORE_CONF_CONFREAD_H

#include "core/conf/conf.h"
#include "core/rule/accounts.h"

#include <stddef.h>

/*
 * Read all files, in order; the main file comes first. Every error of every file is
 * collected in c->messages; a file with an error contributes no rules, and its [daemon]
 * and [defaults] are not used. If the main file has an error and [defaults], all other
 * files are left out, each with an error that says so: their hooks must not run without,
 * say, the `user` meant for them. c must be all zero but for messages; conf_fini frees
 * it whatever this returns. Returns 0, also with errors, or -1 with ENOMEM.
 *
 * How values are read (core/conf/confline.h and core/conf/conftext.h say more):
 * - An empty value clears what [defaults] gave: the key is as if never given. A list key
 * may be given again and adds to what is there; `key =` followed by indented items
 * replaces it.
 * - A list item may be followed by a comma at the end of a line. Within a list, indented
 * lines that begin with # or ; are comments.
 * - In `command` and `on-failure` every indented line is the script's, # or not; the
 * blanks that all of them begin with are taken off, blank lines between them stay. Only
 * lines that begin at the left margin with # or ; are comments of the file.
 * - `none` stands for no `throttle`, `breaker`, `timeout` and `on-failure`.
 */
int confread_files(struct conf *c, const struct conf_file *files, size_t count,
	const struct accounts_lookup *lookup);

#endif
