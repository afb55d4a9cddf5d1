/* SPDX-License-Identifier: MIT */
/* What a function prints on standard output and standard error, for tests. */
#ifndef FSMON_TESTS_UNIT_PRINTED_H
#define FSMON_TESTS_UNIT_PRINTED_H

#define PRINTED_MAX_BYTES 65536

/* What was printed between printed_begin and printed_end. */
extern char printed_out[PRINTED_MAX_BYTES], printed_err[PRINTED_MAX_BYTES];

/* Catch what is printed; no assertion may fail until printed_end. */
void printed_begin(void);
void printed_end(void);

/* Fail unless the part is within the text. "..." in it stands for any bytes. */
#define assert_contains(text, part) printed_check(text, part, __FILE__, __LINE__)
void printed_check(const char *text, const char *part, const char *file, int line);

#endif
