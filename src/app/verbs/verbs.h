/* SPDX-License-Identifier: MIT */
/* What the verbs of the command line do. Each returns the exit code. */
#ifndef FSMON_APP_VERBS_VERBS_H
#define FSMON_APP_VERBS_VERBS_H

#include "app/options.h"

/* The daemon: sets up the kernel's queues and becomes the keeper. */
int verb_run(const struct options *o);

/* All errors and warnings of the configuration, and where each rule lands. */
int verb_check(const struct options *o);

/* Which rules match an event, and why each other one does not. */
int verb_explain(const struct options *o);

/* What a running daemon says of itself. */
int verb_status(const struct options *o);

/* The history of runs. */
int verb_runs(const struct options *o);

/* What runs have printed. */
int verb_logs(const struct options *o);

/* Let a running daemon run the job of a run again. */
int verb_rerun(const struct options *o);

/* Let a running daemon start no run of a rule. */
int verb_pause(const struct options *o);

/* Let it start runs of the rule again. */
int verb_resume(const struct options *o);

/* Let a running daemon read its configuration anew. */
int verb_reload(const struct options *o);

/* Wait until a running daemon has handled everything that happened before. */
int verb_sync(const struct options *o);

#endif
