/* SPDX-License-Identifier: MIT */
/* Text of others on a terminal. */
#ifndef FSMON_APP_SHOWN_H
#define FSMON_APP_SHOWN_H

#include "core/rule/rule.h"

#include <stdio.h>

/* Print a string as buf_add_vis writes it. */
void shown_print(FILE *out, const char *text);

/* Print what a rule is called and where it stands, `[name] file:line`, on standard output. */
void shown_print_rule(const struct rule *r);

#endif
