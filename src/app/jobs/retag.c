/* SPDX-License-Identifier: MIT */
#include "app/jobs/retag.h"

#include "app/jobs/jobs_state.h"
#include "core/hook/runlabel.h"
#include "os/cgroup.h"

void retag_process(struct jobs *j, pid_t pid, const char *label)
{
	struct runlabel l;
	if (runlabel_parse(&l, label) < 0)
		return;
	/* Its rule may be gone: it is a hook's process all the same. */
	const struct named *named = named_get(&j->named, l.rule);
	if (named)
		j->config.started(
			j->config.ctx, pid, named_tag(named, l.run_id), l.depth);
}

static void retag_found(void *ctx, pid_t pid, const char *label)
{
	retag_process(ctx, pid, label);
}

void retag_all(struct jobs *j, const char *hooks_dir)
{
	if (hooks_dir)
		cgroup_each_labelled(hooks_dir, retag_found, j);
}
