/* SPDX-License-Identifier: MIT */
#include "app/actors/witness.h"

#include "app/actors/procsnap.h"
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_LINEAGE_MAX 32

/* The names of the ancestors, one NUL-terminated after the other. Returns 0, or -1 with
 * ENOMEM. */
static int look_lineage(pid_t ppid, struct procsnap_buf *text, struct buf *names)
{
	for (int i = 0; ppid > 0 && i < LOOK_LINEAGE_MAX; i++) {
		struct proc_snapshot snap;
		procsnap_read(ppid, PROCSNAP_COMM | PROCSNAP_STATUS, text, &snap);
		ppid = snap.has_status ? snap.ppid : 0;
		if (snap.program.comm[0])
			buf_add(names, snap.program.comm, strlen(snap.program.comm) + 1);
		proctext_fini(&snap);
	}
	return names->failed ? -1 : 0;
}

/* Move what was read into an actor. */
static void look_fill(struct proc_snapshot *snap, struct actor *out)
{
	if (!snap->program.comm[0] && !snap->has_status)
		return;
	out->attribution = ACTOR_PARTIAL;
	if (snap->has_status) {
		out->ppid = snap->ppid;
		out->uid = snap->uid;
		out->euid = snap->euid;
	}
	program_take(&out->program, &snap->program);
}

int witness_look(pid_t pid, struct actor *out)
{
	*out = (struct actor)ACTOR_NOBODY;
	out->pid = pid;
	if (pid <= 0)
		return 0;
	struct procsnap_buf *text = malloc(sizeof(*text));
	if (!text)
		return -1;

	struct proc_snapshot snap;
	struct buf names = {0};
	procsnap_read(pid, PROCSNAP_ALL, text, &snap);
	look_fill(&snap, out);
	int rc = look_lineage(out->ppid, text, &names);
	if (rc == 0 && names.len > 0) {
		out->ancestors_len = names.len;
		out->ancestors = buf_take(&names);
	}
	buf_fini(&names);
	proctext_fini(&snap);
	free(text);
	if (rc == 0)
		return 0;
	actor_fini(out);
	errno = ENOMEM;
	return -1;
}
