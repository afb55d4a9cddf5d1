/* SPDX-License-Identifier: MIT */
/* Where the cgroups of the keeper's runs are. */
#ifndef FSMON_APP_KEEPER_KEEPER_HOME_H
#define FSMON_APP_KEEPER_KEEPER_HOME_H

#include "os/cgroup.h"

/*
 * A directory for the runs' cgroups in the keeper's own, wherever cgroup v2 is mounted. The
 * caller closes it. Returns NULL with ENOENT (not mounted), ENOMEM, or an errno of
 * cgroup_home_open.
 */
__attribute__((warn_unused_result)) struct cgroup_home *keeper_home_open(void);

#endif
