/* SPDX-License-Identifier: MIT */
#include "core/hook/hook.h"

#include <assert.h>
#include <string.h>

#define BLANKS " \t"

/* Bytes that mean nothing to a shell, in a word behind the path of a program. */
#define PLAIN                                                  \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_./:,@%+=-"

/*
 * Whether a shell would do no more with the command than to split it at blanks and execute it.
 * It begins with an absolute path, so the first word is no builtin, function, alias, reserved
 * word, assignment or job of any shell.
 */
static bool is_plain(const char *command)
{
	return command[strspn(command, BLANKS)] == '/' &&
	       command[strspn(command, PLAIN BLANKS)] == '\0';
}

static int split_plain(const char *command, struct strlist *argv)
{
	for (const char *s = command + strspn(command, BLANKS); *s;) {
		size_t len = strcspn(s, BLANKS);
		if (strlist_add_bytes(argv, s, len) < 0)
			return -1;
		s += len;
		s += strspn(s, BLANKS);
	}
	return 1;
}

static int split_shell(const char *command, struct strlist *argv)
{
	if (strlist_add(argv, "/bin/sh") < 0 || strlist_add(argv, "-c") < 0)
		return -1;
	/* sh takes options behind -c too. */
	bool like_option = *command == '-' || *command == '+';
	if (like_option && strlist_add(argv, "--") < 0)
		return -1;
	return strlist_add(argv, command);
}

int hook_split(const char *command, struct strlist *argv)
{
	assert(argv->count == 0);
	int direct = is_plain(command) ? split_plain(command, argv)
				       : split_shell(command, argv);
	if (direct < 0)
		strlist_fini(argv);
	return direct;
}
