/* SPDX-License-Identifier: MIT */
#include "app/jsontext.h"

#include "base/buf.h"

#include <string.h>

json_t *jsontext_bytes(const void *bytes, size_t len)
{
	struct buf b = {0};
	json_t *j = buf_add_vis(&b, bytes, len) == 0 ? json_string(b.data) : NULL;
	buf_fini(&b);
	return j;
}

json_t *jsontext_str(const char *s)
{
	return jsontext_bytes(s ? s : "", s ? strlen(s) : 0);
}
