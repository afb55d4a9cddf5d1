/* SPDX-License-Identifier: MIT */
#include "core/hook.h"

#include <assert.h>
#include <string.h>

/* Bytes that mean nothing to a shell anywhere in a word that is not the first. */
static const char hook_plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_./:=@%+,^-";

static const char hook_blank[] = " \t";

/*
 * Words that a shell does not look up in PATH: reserved words, and builtins of POSIX,
 * dash, bash, BusyBox ash, mksh. A word too many costs a shell, a word too few a wrong
 * hook.
 */
static const char *const hook_shell_words[] = {".", ":", "alias", "autoload", "bg",
	"bind", "break", "builtin", "caller", "case", "cat", "cd", "chdir", "command",
	"compgen", "complete", "compopt", "continue", "coproc", "declare", "dirs",
	"disown", "do", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec",
	"exit", "export", "false", "fc", "fg", "fi", "for", "function", "functions",
	"getopts", "global", "hash", "help", "history", "if", "in", "integer", "jobs",
	"kill", "let", "local", "logout", "mapfile", "mknod", "namespace", "newgrp",
	"nohup", "popd", "print", "printf", "pushd", "pwd", "r", "read", "readarray",
	"readonly", "realpath", "rename", "return", "select", "set", "shift", "shopt",
	"sleep", "source", "stop", "suspend", "test", "then", "time", "times", "trap",
	"true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait",
	"whence", "while"};

static bool hook_is_shell_word(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(hook_shell_words) / sizeof(hook_shell_words[0]);
		i++) {
		const char *s = hook_shell_words[i];
		if (strlen(s) == len && memcmp(s, word, len) == 0)
			return true;
	}
	return false;
}

/*
 * Whether a shell would do no more with the command than to split it at blanks and
 * execute it. `=` in the first word is an assignment, `%` there a job, and a leading `-`
 * or `+` an option.
 */
static bool hook_is_plain(const char *command)
{
	const char *word = command + strspn(command, hook_blank);
	size_t len = strspn(word, hook_plain);
	if (len == 0 || *word == '-' || *word == '+')
		return false;
	if (memchr(word, '=', len) || memchr(word, '%', len) ||
		hook_is_shell_word(word, len))
		return false;
	for (const char *s = word; *s;) {
		size_t n = strspn(s, hook_plain) + strspn(s, hook_blank);
		if (n == 0)
			return false;
		s += n;
	}
	return true;
}

static int hook_split_plain(const char *command, struct strlist *argv)
{
	for (const char *s = command + strspn(command, hook_blank); *s;) {
		size_t len = strcspn(s, hook_blank);
		if (strlist_add_bytes(argv, s, len) < 0)
			return -1;
		s += len;
		s += strspn(s, hook_blank);
	}
	return 1;
}

static int hook_split_shell(const char *command, struct strlist *argv)
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
	int direct = hook_is_plain(command) ? hook_split_plain(command, argv)
					    : hook_split_shell(command, argv);
	if (direct < 0)
		strlist_fini(argv);
	return direct;
}
