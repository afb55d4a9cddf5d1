/* SPDX-License-Identifier: MIT */
#include "app/jsontext.h"

#include "base/countof.h"
#include "core/text/jsonbytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {
	"",
	"plain",
	"a\"b\\c\n\t\x1b[31m",
	"caf\xc3\xa9",
	"\xe2\x82\xac \xf0\x9f\x98\x80",
	"caf\xe9.txt",
	"\xff\xfe\x80\xbf\xc0\xf4\x8f",
	"\xc2\x9b[2J\xe2\x80\xaetxt\x7f",
	/* The characters that stand for bytes are not mistaken for them: the first, the last, and
	 * the one before. */
	"\xf4\x8f\xbe\x80\xf4\x8f\xbf\xbf",
	"\xf4\x8f\xbd\xbf",
};

static char *printed(const json_t *value)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_int_equal(jsontext_print(value, out), 0);
	fclose(out);
	return text;
}

static void gives_every_byte_back(void **state)
{
	(void)state;
	char bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(255 - i);
	json_t *array = json_pack("[o]", jsontext_bytes(bytes, sizeof(bytes)));
	for (size_t i = 0; i < countof(texts); i++)
		json_array_append_new(array, jsontext_str(texts[i]));
	/* As it goes from the daemon to who asks. */
	char *line = json_dumps(array, JSON_COMPACT);
	json_decref(array);
	array = json_loads(line, JSON_ALLOW_NUL, NULL);
	assert_int_equal(json_array_size(array), countof(texts) + 1);
	struct buf back = {0};
	assert_int_equal(jsontext_add(&back, json_array_get(array, 0)), 0);
	assert_int_equal(back.len, sizeof(bytes));
	assert_memory_equal(back.data, bytes, sizeof(bytes));
	for (size_t i = 0; i < countof(texts); i++) {
		buf_clear(&back);
		assert_int_equal(jsontext_add(&back, json_array_get(array, i + 1)), 0);
		assert_string_equal(back.data, texts[i]);
	}
	buf_fini(&back);
	free(line);
	json_decref(array);
}

/* But for the private characters that it needs itself, which are written as bytes. */
static void prints_what_jsonbytes_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i + 2 < countof(texts); i++) {
		json_t *array = json_pack("[o]", jsontext_str(texts[i]));
		char *text = printed(array);
		struct buf expected = {0};
		buf_add_str(&expected, "[\n  ");
		jsonbytes_add(&expected, texts[i]);
		buf_add_str(&expected, "\n]\n");
		/* The library writes \u001B. */
		for (char *s = text; *s; s++)
			*s = *s >= 'A' && *s <= 'F' ? *s + 'a' - 'A' : *s;
		assert_string_equal(text, expected.data);
		buf_fini(&expected);
		free(text);
		json_decref(array);
	}
	json_t *array = json_pack("[o]", jsontext_str("\xf4\x8f\xbe\x80"));
	char *text = printed(array);
	assert_string_equal(text, "[\n  \"\\udcf4\\udc8f\\udcbe\\udc80\"\n]\n");
	free(text);
	json_decref(array);
}

static void shows_it_on_one_line(void **state)
{
	(void)state;
	json_t *string = jsontext_str("caf\xc3\xa9 \xe9\n\\");
	struct buf b = {0};
	assert_int_equal(jsontext_add_vis(&b, string), 0);
	assert_string_equal(b.data, "caf\xc3\xa9 \\351\\n\\\\");
	buf_clear(&b);
	assert_int_equal(jsontext_add_vis(&b, NULL), 0);
	assert_string_equal(b.data, "");
	buf_fini(&b);
	json_decref(string);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_every_byte_back),
		cmocka_unit_test(prints_what_jsonbytes_writes),
		cmocka_unit_test(shows_it_on_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
