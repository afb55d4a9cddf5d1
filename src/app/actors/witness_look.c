/* SPDX-License-Identifier: MIT */
#include "app/actors/witness.h"

#include "app/actors/procsnap.h"
#include "os/clock.h"

#include <stdlib.h>

#define ANCESTORS_MAX 32

/* Read a process and its ancestors into a table. Returns 0, or -1 with ENOMEM. */
static int read_lineage(pid_t pid, struct procsnap_buf *text, struct proctable *t)
{
	int rc = 0;
	unsigned parts = PROCSNAP_ALL;
	for (int i = 0; rc == 0 && pid > 0 && i <= ANCESTORS_MAX; i++) {
		struct proc_snapshot snap;
		procsnap_read(pid, parts, text, &snap);
		pid = snap.has_status ? snap.ppid : 0;
		if (snap.program.comm[0] || snap.has_status)
			rc = proctable_scan_add(t, &snap, 0);
		program_fini(&snap.program);
		parts = PROCSNAP_COMM | PROCSNAP_STATUS;
	}
	proctable_scan_end(t, clock_monotonic_ns());
	return rc;
}

int witness_look(pid_t pid, struct actor *out)
{
	struct proctable *t = proctable_new(ANCESTORS_MAX + 1);
	struct procsnap_buf *text = malloc(sizeof(*text));
	int rc = t && text ? read_lineage(pid, text, t) : -1;
	/* Whatever has been read already is in force. */
	const struct proctable_window w = {
		.after_ns = clock_monotonic_ns(), .before_ns = clock_monotonic_ns()};
	if (rc == 0)
		rc = proctable_who(t, pid, &w, out);
	if (rc == 0 && out->attribution == ACTOR_EXACT)
		out->attribution = ACTOR_PARTIAL;
	free(text);
	proctable_free(t);
	return rc;
}
