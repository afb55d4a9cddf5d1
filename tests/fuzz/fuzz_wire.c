/* SPDX-License-Identifier: MIT */
/* Whatever wire_decode accepts, encodes to the same bytes again. */
#include "core/hook/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;
	if (wire_decode(&m, data, size) < 0)
		return 0;
	struct buf b = {0};
	if (wire_encode(&b, &m) == 0) {
		struct wire_message again;
		if (b.len != size || wire_decode(&again, b.data, b.len) < 0)
			abort();
		if (again.type != m.type || again.run_id != m.run_id)
			abort();
		wire_fini(&again);
	}
	buf_fini(&b);
	wire_fini(&m);
	return 0;
}
