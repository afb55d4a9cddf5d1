/* SPDX-License-Identifier: MIT */
#include "core/hook/hookvars.h"

#include "base/countof.h"
#include "core/text/when.h"

#include <stdio.h>

static void set_text(struct hookvars_value *v, const char *text)
{
	if (text && *text) {
		v->type = HOOKVARS_TEXT;
		v->text = text;
	}
}

static void set_number(struct hookvars_value *v, uint64_t number)
{
	v->type = HOOKVARS_NUMBER;
	v->number = number;
}

static void set_id(struct hookvars_value *v, uint32_t id, uint32_t unknown)
{
	if (id != unknown)
		set_number(v, id);
}

static const struct actor *actor_of(const struct view *e)
{
	return &e->change->actor;
}

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

/* All merged kinds, in the order of a file's life; a rename by what it is for the rule. */
static void get_events(const struct view *e, struct hookvars_value *v)
{
	uint32_t kinds = e->change->event.kinds;
	if (e->kind & EVENT_RENAMES)
		kinds &= ~(uint32_t)EVENT_RENAMES;
	kinds |= e->kind;
	size_t len = 0;
	v->room[0] = '\0';
	for (uint32_t bit = 1; bit != 0 && bit <= kinds; bit <<= 1) {
		const char *name = kinds & bit ? event_kind_name(bit) : NULL;
		if (name && len < sizeof(v->room))
			len += (size_t)snprintf(v->room + len, sizeof(v->room) - len,
				"%s%s", len > 0 ? "," : "", name);
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

static void get_cmd(const struct view *e, struct hookvars_value *v)
{
	set_text(v, actor_of(e)->program.comm);
}

static void get_user(const struct view *e, struct hookvars_value *v)
{
	const struct actor *a = actor_of(e);
	set_text(v, actor_user_text(a->user, a->uid, v->room));
}

static void get_pid(const struct view *e, struct hookvars_value *v)
{
	set_id(v, (uint32_t)actor_of(e)->pid, 0);
}

static void get_ppid(const struct view *e, struct hookvars_value *v)
{
	set_id(v, (uint32_t)actor_of(e)->ppid, 0);
}

static void get_uid(const struct view *e, struct hookvars_value *v)
{
	set_id(v, actor_of(e)->uid, ACTOR_ID_UNKNOWN);
}

static void get_euid(const struct view *e, struct hookvars_value *v)
{
	set_id(v, actor_of(e)->euid, ACTOR_ID_UNKNOWN);
}

static void get_login_user(const struct view *e, struct hookvars_value *v)
{
	const struct actor *a = actor_of(e);
	set_text(v, actor_user_text(a->login_user, a->program.login_uid, v->room));
}

static void get_attribution(const struct view *e, struct hookvars_value *v)
{
	set_text(v, actor_attribution_name(actor_of(e)->attribution));
}

static void get_depth(const struct view *e, struct hookvars_value *v)
{
	set_number(v, actor_of(e)->depth);
}

/* A text of the actor's program is given by its place in it. */
#define PROGRAM(field) NULL, offsetof(struct program, field)

static const struct hookvars_variable hookvars_table[] = {
	{"FSMON_PATH", "path", get_path, 0, 0},
	{"FSMON_OLD_PATH", "old_path", get_old_path, 0, 0},
	{"FSMON_NEW_PATH", "new_path", get_new_path, 0, 0},
	{"FSMON_EVENT", "event", get_event, 0, 0},
	{"FSMON_EVENTS", "events", get_events, 0, 0},
	{"FSMON_TYPE", "type", get_type, 0, 0},
	{"FSMON_TIME", "time", get_time, 0, 0},
	{"FSMON_CMD", "cmd", get_cmd, 0, 0},
	{"FSMON_USER", "user", get_user, 0, 0},
	{"FSMON_PID", "pid", get_pid, 0, 0},
	{"FSMON_PPID", "ppid", get_ppid, 0, 0},
	{"FSMON_UID", "uid", get_uid, 0, 0},
	{"FSMON_EUID", "euid", get_euid, 0, 0},
	{"FSMON_EXE", "exe", PROGRAM(exe), 0},
	{"FSMON_CMDLINE", "cmdline", PROGRAM(cmdline), HOOKVARS_CMDLINE_MAX_BYTES},
	{"FSMON_LOGIN_USER", "login_user", get_login_user, 0, 0},
	{"FSMON_UNIT", "unit", PROGRAM(unit), 0},
	{"FSMON_ATTRIBUTION", "attribution", get_attribution, 0, 0},
	{"FSMON_DEPTH", "depth", get_depth, 0, 0},
};

const struct hookvars_variable *hookvars_at(size_t i)
{
	return i < countof(hookvars_table) ? &hookvars_table[i] : NULL;
}

void hookvars_get(const struct hookvars_variable *variable, const struct view *e,
	struct hookvars_value *v)
{
	v->type = HOOKVARS_UNKNOWN;
	v->text = NULL;
	v->number = 0;
	const char *program = (const char *)&actor_of(e)->program;
	const void *text = program + variable->program_at;
	if (variable->get)
		variable->get(e, v);
	else
		set_text(v, *(char *const *)text);
}
