/* SPDX-License-Identifier: MIT */
#include "core/proc/proctext.h"

#include "base/countof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PF_KTHREAD 0x00200000u

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

/* A part of a text. */
struct part {
	const char *at;
	size_t len;
};

/* Take the next line off a text, without its newline; false at the end. */
static bool next_line(struct part *text, struct part *line)
{
	if (text->len == 0)
		return false;
	const char *newline = memchr(text->at, '\n', text->len);
	*line = (struct part){
		text->at, newline ? (size_t)(newline - text->at) : text->len};
	size_t used = line->len + (newline != NULL);
	text->at += used;
	text->len -= used;
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
	struct part line, const char *key, uint64_t *first, uint64_t *second)
{
	size_t key_len = strlen(key);
	if (line.len < key_len || memcmp(line.at, key, key_len) != 0)
		return false;
	const char *at = line.at + key_len, *end = line.at + line.len;
	return read_number(&at, end, UINT32_MAX, first) &&
	       (!second || read_number(&at, end, UINT32_MAX, second));
}

bool proctext_status(const char *bytes, size_t len, struct proc_snapshot *out)
{
	struct part text = {bytes, len}, line;
	bool has_ppid = false, has_uid = false;
	uint64_t ppid = 0, uid = 0, euid = 0;
	while (!(has_ppid && has_uid) && next_line(&text, &line)) {
		has_ppid = has_ppid || read_pair(line, "PPid:", &ppid, NULL);
		has_uid = has_uid || read_pair(line, "Uid:", &uid, &euid);
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
	out->is_kthread = flags & PF_KTHREAD;
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
	for (size_t i = 0; i < countof(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (len > n && memcmp(name + len - n, suffixes[i], n) == 0)
			return true;
	}
	return false;
}

/* The innermost unit in a cgroup path; all zero if it has none. */
static struct part innermost_unit(struct part path)
{
	while (path.len > 0) {
		const char *slash = memrchr(path.at, '/', path.len);
		const char *name = slash ? slash + 1 : path.at;
		size_t len = (size_t)(path.at + path.len - name);
		if (is_unit(name, len))
			return (struct part){name, len};
		path.len = slash ? (size_t)(slash - path.at) : 0;
	}
	return (struct part){0};
}

/* The path of a hierarchy, given as what stands between its number and its path; all zero if
 * the text does not have it. */
static struct part hierarchy_path(struct part text, const char *controllers)
{
	struct part line;
	size_t len = strlen(controllers);
	while (next_line(&text, &line)) {
		const char *colon = memchr(line.at, ':', line.len);
		size_t path_at = colon ? (size_t)(colon - line.at) + len : line.len;
		if (path_at < line.len && memcmp(colon, controllers, len) == 0)
			return (struct part){line.at + path_at, line.len - path_at};
	}
	return (struct part){0};
}

char *proctext_unit(const char *bytes, size_t len)
{
	struct part unified = hierarchy_path((struct part){bytes, len}, "::");
	struct part systemd = hierarchy_path((struct part){bytes, len}, ":name=systemd:");
	struct part best = innermost_unit(unified);
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
