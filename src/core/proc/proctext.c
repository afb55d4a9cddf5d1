/* SPDX-License-Identifier: MIT */
#include "core/proc/proctext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROCTEXT_PF_KTHREAD 0x00200000u

/* Read a decimal number at *at, blanks before it allowed. Moves *at behind it; false if
 * there is none or it is larger than max. */
static bool read_number(const char **at, const char *end, uint64_t max, uint64_t *out)
{
	const char *p = *at;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;

	uint64_t n = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');
		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*at = p;
	*out = n;
	return true;
}

/* The next line, without its newline; false at the end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
	if (*at >= end)
		return false;
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*len = (size_t)((newline ? newline : end) - *at);
	*at = newline ? newline + 1 : end;
	return true;
}

bool proctext_comm(const char *bytes, size_t len, char out[PROGRAM_COMM_SIZE])
{
	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	const char *nul = memchr(bytes, '\0', len);
	if (nul)
		len = (size_t)(nul - bytes);
	if (len == 0)
		return false;
	if (len > PROGRAM_COMM_SIZE - 1)
		len = PROGRAM_COMM_SIZE - 1;
	memset(out, 0, PROGRAM_COMM_SIZE);
	memcpy(out, bytes, len);
	return true;
}

/* If the line has that key, its first two numbers (the second may be missing). */
static bool read_pair(
	const char *line, size_t len, const char *key, uint64_t *first, uint64_t *second)
{
	size_t key_len = strlen(key);
	if (len < key_len || memcmp(line, key, key_len) != 0)
		return false;
	const char *at = line + key_len;
	if (!read_number(&at, line + len, UINT32_MAX, first))
		return false;
	if (second)
		return read_number(&at, line + len, UINT32_MAX, second);
	return true;
}

bool proctext_status(const char *bytes, size_t len, struct proc_snapshot *out)
{
	const char *at = bytes, *end = bytes + len, *line;
	size_t line_len;
	bool has_ppid = false, has_uid = false;
	uint64_t ppid = 0, uid = 0, euid = 0;

	while (!(has_ppid && has_uid) && next_line(&at, end, &line, &line_len)) {
		has_ppid = has_ppid || read_pair(line, line_len, "PPid:", &ppid, NULL);
		has_uid = has_uid || read_pair(line, line_len, "Uid:", &uid, &euid);
	}
	if (!has_ppid || !has_uid || ppid > INT32_MAX)
		return false;
	out->ppid = (pid_t)ppid;
	out->uid = (uint32_t)uid;
	out->euid = (uint32_t)euid;
	out->has_status = true;
	return true;
}

/* Skip one word and the blanks before it. */
static void skip_word(const char **at, const char *end)
{
	while (*at < end && **at == ' ')
		(*at)++;
	while (*at < end && **at != ' ')
		(*at)++;
}

bool proctext_stat(const char *bytes, size_t len, struct proc_snapshot *out)
{
	/* The name in the brackets may hold brackets and blanks; the last bracket ends
	 * it. */
	const char *at = memrchr(bytes, ')', len), *end = bytes + len;
	if (!at)
		return false;
	at++;

	uint64_t flags, start;
	for (int field = 3; field < 9; field++)
		skip_word(&at, end);
	if (!read_number(&at, end, UINT32_MAX, &flags))
		return false;
	for (int field = 10; field < 22; field++)
		skip_word(&at, end);
	if (!read_number(&at, end, UINT64_MAX, &start))
		return false;
	out->is_kthread = flags & PROCTEXT_PF_KTHREAD;
	out->start_ticks = start;
	out->has_stat = true;
	return true;
}

bool proctext_login_uid(const char *bytes, size_t len, uint32_t *out)
{
	uint64_t n;
	if (!read_number(&bytes, bytes + len, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

char *proctext_cmdline(const char *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] == '\0')
		len--;
	if (len == 0) {
		errno = 0;
		return NULL;
	}
	char *joined = malloc(len + 1);
	if (!joined)
		return NULL;
	for (size_t i = 0; i < len; i++)
		joined[i] = bytes[i] ? bytes[i] : ' ';
	joined[len] = '\0';
	return joined;
}

/* Whether a path component is the name of a unit that holds processes. */
static bool is_unit(const char *name, size_t len)
{
	static const char *const suffixes[] = {
		".service", ".scope", ".socket", ".mount", ".swap"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(suffixes[i]);
		if (len > n && memcmp(name + len - n, suffixes[i], n) == 0)
			return true;
	}
	return false;
}

/* A part of a text. */
struct proctext_part {
	const char *at;
	size_t len;
};

/* The innermost unit in a cgroup path; all zero if it has none. */
static struct proctext_part innermost_unit(struct proctext_part path)
{
	while (path.len > 0) {
		const char *slash = memrchr(path.at, '/', path.len);
		const char *name = slash ? slash + 1 : path.at;
		size_t len = (size_t)(path.at + path.len - name);
		if (is_unit(name, len))
			return (struct proctext_part){name, len};
		path.len = slash ? (size_t)(slash - path.at) : 0;
	}
	return (struct proctext_part){0};
}

/* The path of the hierarchy with these controllers ("" is the unified one); all zero if
 * the text does not have it. */
static struct proctext_part hierarchy_path(
	const char *bytes, size_t len, const char *controllers)
{
	const char *at = bytes, *end = bytes + len, *line;
	size_t line_len;
	while (next_line(&at, end, &line, &line_len)) {
		const char *first = memchr(line, ':', line_len);
		if (!first)
			continue;
		const char *name = first + 1, *line_end = line + line_len;
		const char *second = memchr(name, ':', (size_t)(line_end - name));
		if (!second || second + 1 == line_end)
			continue;
		size_t name_len = (size_t)(second - name);
		if (name_len == strlen(controllers) &&
			memcmp(name, controllers, name_len) == 0)
			return (struct proctext_part){
				second + 1, (size_t)(line_end - second - 1)};
	}
	return (struct proctext_part){0};
}

char *proctext_unit(const char *bytes, size_t len)
{
	struct proctext_part unified = hierarchy_path(bytes, len, "");
	struct proctext_part systemd = hierarchy_path(bytes, len, "name=systemd");
	struct proctext_part best = innermost_unit(unified);
	if (best.len == 0)
		best = innermost_unit(systemd);
	if (best.len == 0)
		best = unified.len > 1 || systemd.len <= 1 ? unified : systemd;
	if (best.len == 0)
		best = systemd;
	if (best.len == 0 || memchr(best.at, '\0', best.len)) {
		errno = 0;
		return NULL;
	}
	return strndup(best.at, best.len);
}

void proctext_fini(struct proc_snapshot *s)
{
	program_fini(&s->program);
	*s = (struct proc_snapshot){.program = PROGRAM_UNKNOWN};
}
