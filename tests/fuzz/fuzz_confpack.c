/* SPDX-License-Identifier: MIT */
/* What confpack_read accepts can be read to the last byte, and makes the same again. */
#include "core/conf/conf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c = {0};
	struct conf_file *files;
	struct buf b = {0};
	size_t count;
	if (confpack_read(&c, data, size, &files, &count) == 0) {
		for (size_t i = 0; i < count; i++) {
			if (files[i].bytes[files[i].len] != '\0')
				abort();
		}
		/* Names and messages are texts: what is behind a NUL in them is lost. */
		if (confpack_write(&b, &c, files, count) < 0 || b.len > size)
			abort();
	}
	free(files);
	conf_fini(&c);
	buf_fini(&b);
	return 0;
}
