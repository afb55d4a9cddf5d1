/* SPDX-License-Identifier: MIT */
/* What the verbs of the command line do, as fsmon(8) describes them. Each returns the exit code. */
#ifndef FSMON_APP_VERBS_VERBS_H
#define FSMON_APP_VERBS_VERBS_H

#include "app/options.h"

/* The daemon: sets up the kernel's queues and becomes the keeper. */
int verb_run(const struct options *o);

/* These read the configuration. */
int verb_check(const struct options *o);
int verb_explain(const struct options *o);

/* These show the history: of the running daemon, or what an earlier one has written. */
int verb_runs(const struct options *o);
int verb_logs(const struct options *o);

/* These ask the running daemon. */
int verb_status(const struct options *o);
int verb_rerun(const struct options *o);
int verb_pause(const struct options *o);
int verb_resume(const struct options *o);
int verb_reload(const struct options *o);
int verb_sync(const struct options *o);

#endif
