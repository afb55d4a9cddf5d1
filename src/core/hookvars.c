/* SPDX-License-Identifier: MIT */
#include "core/hookvars.h"

#include "base/countof.h"
#include "core/when.h"

#include <inttypes.h>
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

/* A user by name, or by number where it has none. */
static void set_user(struct hookvars_value *v, const char *name, uint32_t uid)
{
	if (uid == ACTOR_ID_UNKNOWN)
		return;
	snprintf(v->room, sizeof(v->room), "%" PRIu32, uid);
	set_text(v, name ? name : v->room);
}

static const struct actor *actor_of(const struct payload_event *e)
{
	static const struct actor nobody = {.uid = ACTOR_ID_UNKNOWN,
		.euid = ACTOR_ID_UNKNOWN,
		.login_uid = ACTOR_ID_UNKNOWN};
	return e->event->actor ? e->event->actor : &nobody;
}

const char *hookvars_path(const struct payload_event *e)
{
	return e->kind == EVENT_MOVED_FROM ? e->old_path : e->path;
}

static void get_path(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, hookvars_path(e));
}

static void get_old_path(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, e->kind & EVENT_RENAMES ? e->old_path : NULL);
}

static void get_new_path(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, e->kind & EVENT_RENAMES ? e->path : NULL);
}

static void get_event(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, event_kind_name(e->kind));
}

/* All merged kinds, in the order of a file's life; a rename by what it is for the rule. */
static void get_events(const struct payload_event *e, struct hookvars_value *v)
{
	uint32_t kinds = e->event->kinds;
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

/* Unknown for a file that is gone; a directory is known from the kernel even if nobody
 * looked. */
static void get_type(const struct payload_event *e, struct hookvars_value *v)
{
	enum event_type seen = e->event->is_dir ? EVENT_TYPE_DIR : EVENT_TYPE_GONE;
	set_text(v, event_type_name(e->event->type_known ? e->event->type : seen));
}

static void get_time(const struct payload_event *e, struct hookvars_value *v)
{
	_Static_assert(sizeof(v->room) >= WHEN_UTC_SIZE, "room for a time");
	when_utc(v->room, e->event->time_ns);
	set_text(v, v->room);
}

static void get_cmd(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, actor_of(e)->cmd);
}

static void get_user(const struct payload_event *e, struct hookvars_value *v)
{
	set_user(v, e->user_name, actor_of(e)->uid);
}

static void get_pid(const struct payload_event *e, struct hookvars_value *v)
{
	set_id(v, (uint32_t)actor_of(e)->pid, 0);
}

static void get_ppid(const struct payload_event *e, struct hookvars_value *v)
{
	set_id(v, (uint32_t)actor_of(e)->ppid, 0);
}

static void get_uid(const struct payload_event *e, struct hookvars_value *v)
{
	set_id(v, actor_of(e)->uid, ACTOR_ID_UNKNOWN);
}

static void get_euid(const struct payload_event *e, struct hookvars_value *v)
{
	set_id(v, actor_of(e)->euid, ACTOR_ID_UNKNOWN);
}

static void get_exe(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, actor_of(e)->exe);
}

static void get_cmdline(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, actor_of(e)->cmdline);
}

static void get_login_user(const struct payload_event *e, struct hookvars_value *v)
{
	set_user(v, e->login_user, actor_of(e)->login_uid);
}

static void get_unit(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, actor_of(e)->unit);
}

static void get_attribution(const struct payload_event *e, struct hookvars_value *v)
{
	set_text(v, actor_attribution_name(actor_of(e)->attribution));
}

static void get_depth(const struct payload_event *e, struct hookvars_value *v)
{
	set_number(v, actor_of(e)->depth);
}

static const struct hookvars_variable hookvars_table[] = {
	{"FSMON_PATH", "path", get_path, 0},
	{"FSMON_OLD_PATH", "old_path", get_old_path, 0},
	{"FSMON_NEW_PATH", "new_path", get_new_path, 0},
	{"FSMON_EVENT", "event", get_event, 0},
	{"FSMON_EVENTS", "events", get_events, 0},
	{"FSMON_TYPE", "type", get_type, 0},
	{"FSMON_TIME", "time", get_time, 0},
	{"FSMON_CMD", "cmd", get_cmd, 0},
	{"FSMON_USER", "user", get_user, 0},
	{"FSMON_PID", "pid", get_pid, 0},
	{"FSMON_PPID", "ppid", get_ppid, 0},
	{"FSMON_UID", "uid", get_uid, 0},
	{"FSMON_EUID", "euid", get_euid, 0},
	{"FSMON_EXE", "exe", get_exe, 0},
	{"FSMON_CMDLINE", "cmdline", get_cmdline, HOOKVARS_CMDLINE_MAX_BYTES},
	{"FSMON_LOGIN_USER", "login_user", get_login_user, 0},
	{"FSMON_UNIT", "unit", get_unit, 0},
	{"FSMON_ATTRIBUTION", "attribution", get_attribution, 0},
	{"FSMON_DEPTH", "depth", get_depth, 0},
};

const struct hookvars_variable *hookvars_at(size_t i)
{
	return i < countof(hookvars_table) ? &hookvars_table[i] : NULL;
}

void hookvars_get(const struct hookvars_variable *variable, const struct payload_event *e,
	struct hookvars_value *v)
{
	v->type = HOOKVARS_UNKNOWN;
	v->text = NULL;
	v->number = 0;
	variable->get(e, v);
}
