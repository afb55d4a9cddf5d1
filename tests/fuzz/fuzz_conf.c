/* SPDX-License-Identifier: MIT */
/* A main file; and, behind the first form feed, a drop-in. */
#include "core/conf/conf.h"

#include "../unit/fake_lookup.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *cut = size ? memchr(bytes, '\f', size) : NULL;
	size_t main_len = cut ? (size_t)(cut - bytes) : size;
	const struct conf_file files[] = {
		{.name = "main", .bytes = bytes, .len = main_len, .is_main = true},
		{.name = "site",
			.bytes = cut ? cut + 1 : "",
			.len = cut ? size - main_len - 1 : 0},
	};
	const struct accounts_lookup lookup = fake_lookup(NULL);
	struct conf c = {0};
	if (confread_files(&c, files, 2, &lookup) < 0)
		abort();
	for (size_t i = 0; i < c.rule_count; i++) {
		const struct rule *r = c.rules[i];
		if (r->path.count == 0 || !r->command || !*r->command || !r->directory ||
			!r->events || strlen(r->name) > RULE_NAME_MAX)
			abort();
	}
	for (size_t i = 0; i < c.message_count; i++) {
		if (!*c.messages[i].text || strpbrk(c.messages[i].text, "\n\r\x1b"))
			abort();
	}
	conf_fini(&c);
	return 0;
}
