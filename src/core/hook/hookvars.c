/* SPDX-License-Identifier: MIT */
#include "core/hook/hookvars.h"

#include "base/countof.h"
#include "core/text/when.h"

#include <stdio.h>
#include <string.h>

static void set_text(struct hookvars_value *v, const char *text)
{
	if (text && *text) {
		v->type = HOOKVARS_TEXT;
		v->text = text;
	}
}

/* ---- What a view says ---- */

static void get_path(const struct view *e, struct hookvars_value *v)
{
	set_text(v, view_path(e));
}

static void get_old_path(const struct view *e, struct hookvars_value *v)
{
	set_text(v, e->kind & EVENT_RENAMES ? e->old_path : NULL);
}

static void get_new_path(const struct view *e, struct hookvars_value *v)
{
	set_text(v, e->kind & EVENT_RENAMES ? e->path : NULL);
}

static void get_event(const struct view *e, struct hookvars_value *v)
{
	set_text(v, event_kind_name(e->kind));
}

static void add_kind(struct hookvars_value *v, uint32_t kind)
{
	size_t len = strlen(v->room);
	snprintf(v->room + len, sizeof(v->room) - len, "%s%s", len > 0 ? "," : "",
		event_kind_name(kind));
}

/*
 * All merged kinds, in the order of a file's life: that of their bits, but what is newly
 * created is opened after that. A rename is what it is for the rule.
 */
static void get_events(const struct view *e, struct hookvars_value *v)
{
	uint32_t kinds = e->change->event.kinds;
	if (e->kind & EVENT_RENAMES)
		kinds &= ~(uint32_t)EVENT_RENAMES;
	kinds |= e->kind;
	v->room[0] = '\0';
	if (kinds & EVENT_CREATE)
		add_kind(v, EVENT_CREATE);
	for (uint32_t bit = 1; bit <= EVENT_OVERFLOW; bit <<= 1) {
		if (kinds & bit & ~(uint32_t)EVENT_CREATE)
			add_kind(v, bit);
	}
	v->type = HOOKVARS_NAMES;
	v->text = v->room;
}

static void get_type(const struct view *e, struct hookvars_value *v)
{
	set_text(v, event_type_name(e->type));
}

static void get_time(const struct view *e, struct hookvars_value *v)
{
	_Static_assert(sizeof(v->room) >= WHEN_UTC_SIZE, "room for a time");
	when_utc(v->room, e->change->event.time_ns);
	set_text(v, v->room);
}

/* ---- What its actor says ---- */

static void get_cmd(const struct view *e, struct hookvars_value *v)
{
	set_text(v, e->change->actor.program.comm);
}

static void get_user(const struct view *e, struct hookvars_value *v)
{
	const struct actor *a = &e->change->actor;
	set_text(v, actor_user_text(a->user, a->uid, v->room));
}

static void get_login_user(const struct view *e, struct hookvars_value *v)
{
	const struct actor *a = &e->change->actor;
	set_text(v, actor_user_text(a->login_user, a->program.login_uid, v->room));
}

static void get_attribution(const struct view *e, struct hookvars_value *v)
{
	set_text(v, actor_attribution_name(e->change->actor.attribution));
}

/* A field of the actor: a text, or a number of 32 bits that has a value for "unknown". */
#define TEXT(field) .text_at = offsetof(struct actor, field)
#define NUMBER(field, value) \
	.number_at = offsetof(struct actor, field), .unknown = (value)
#define ALWAYS_KNOWN UINT64_MAX

static const struct hookvars_variable variables[] = {
	{"FSMON_PATH", "path", .get = get_path},
	{"FSMON_OLD_PATH", "old_path", .get = get_old_path},
	{"FSMON_NEW_PATH", "new_path", .get = get_new_path},
	{"FSMON_EVENT", "event", .get = get_event},
	{"FSMON_EVENTS", "events", .get = get_events},
	{"FSMON_TYPE", "type", .get = get_type},
	{"FSMON_TIME", "time", .get = get_time},
	{"FSMON_CMD", "cmd", .get = get_cmd},
	{"FSMON_USER", "user", .get = get_user},
	{"FSMON_USER_MAYBE", "user_maybe", TEXT(user_maybe)},
	{"FSMON_PID", "pid", NUMBER(pid, 0)},
	{"FSMON_PPID", "ppid", NUMBER(ppid, 0)},
	{"FSMON_UID", "uid", NUMBER(uid, ACTOR_ID_UNKNOWN)},
	{"FSMON_EUID", "euid", NUMBER(euid, ACTOR_ID_UNKNOWN)},
	{"FSMON_EXE", "exe", TEXT(program.exe)},
	{"FSMON_CMDLINE", "cmdline", TEXT(program.cmdline),
		.env_max_bytes = HOOKVARS_CMDLINE_MAX_BYTES},
	{"FSMON_LOGIN_USER", "login_user", .get = get_login_user},
	{"FSMON_UNIT", "unit", TEXT(program.unit)},
	{"FSMON_ATTRIBUTION", "attribution", .get = get_attribution},
	{"FSMON_DEPTH", "depth", NUMBER(depth, ALWAYS_KNOWN)},
};

/* A number in the actor. */
static void get_number(const struct hookvars_variable *variable, const void *at,
	struct hookvars_value *v)
{
	uint32_t number;
	memcpy(&number, at, sizeof(number));
	if (number == variable->unknown)
		return;
	v->type = HOOKVARS_NUMBER;
	v->number = number;
}

const struct hookvars_variable *hookvars_get(
	size_t i, const struct view *e, struct hookvars_value *v)
{
	if (i >= countof(variables))
		return NULL;
	const struct hookvars_variable *variable = &variables[i];
	const char *actor = (const char *)&e->change->actor;
	v->type = HOOKVARS_UNKNOWN;
	v->text = NULL;
	v->number = 0;
	if (variable->get)
		variable->get(e, v);
	else if (variable->text_at)
		set_text(v, *(char *const *)(const void *)(actor + variable->text_at));
	else
		get_number(variable, actor + variable->number_at, v);
	return variable;
}
