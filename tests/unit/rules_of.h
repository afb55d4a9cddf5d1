/* SPDX-License-Identifier: MIT */
/* A table of rules from the text of a rule file, for tests. */
#ifndef FSMON_TESTS_UNIT_RULES_OF_H
#define FSMON_TESTS_UNIT_RULES_OF_H

#include "core/conf/conf.h"
#include "core/rule/table.h"
#include "fake_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The rules of a text without errors; the caller frees the table. */
static inline struct table *rules_of(const char *text)
{
	struct conf c = {0};
	struct accounts_lookup lookup = fake_lookup(NULL);
	struct conf_file file = {"test.conf", text, strlen(text), false};
	assert_int_equal(confread_files(&c, &file, 1, &lookup), 0);
	for (size_t i = 0; i < c.message_count; i++)
		print_error(
			"%s:%u: %s\n", file.name, c.messages[i].line, c.messages[i].text);
	assert_int_equal(c.error_count, 0);
	struct table *t = table_new(c.rules, c.rule_count);
	assert_non_null(t);
	c.rules = NULL;
	c.rule_count = 0;
	conf_fini(&c);
	return t;
}

#endif
