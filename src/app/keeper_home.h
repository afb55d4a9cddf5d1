/* SPDX-License-Identifier: MIT */
/* Where the cgroups of the keeper's runs are. */
#ifndef FSMON_APP_KEEPER_HOME_H
#define FSMON_APP_KEEPER_HOME_H

#include "os/cgroup.h"

/*
 * A directory for the runs' cgroups in the keeper's own, wherever cgroup v2 is mounted. The
 * caller closes it. Returns NULL with ENOENT (not mounted), ENOMEM, or an errno of
 * cgroup_home_open.
 */
__attribute__((warn_unused_result)) struct cgroup_home *keeper_home_open(void);

/*
 * Tell the workers to come where it is (NULL: nowhere), by the environment. Returns 0, or -1
 * with ENOMEM.
 */
__attribute__((warn_unused_result)) int keeper_home_tell(const struct cgroup_home *h);

/* In the worker: what the keeper has told; NULL: nowhere. Lives as long as the environment. */
const char *keeper_home_told(void);

#endif
