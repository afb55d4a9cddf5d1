/* SPDX-License-Identifier: MIT */
/* Stands in for the store until it is there: remembers nothing. */
#include "app/store.h"
#include <stdlib.h>
const char *store_outcome_name(enum store_outcome o){ static const char *n[]={"running","ok","exit","signal","timeout","could-not-start","restarted","lost","breaker","overflow"}; return n[o];}
struct store {struct store_config c; uint64_t ids[65536]; size_t n;};
struct store *store_open(const struct store_config *c){struct store*s=calloc(1,sizeof*s);s->c=*c;return s;}
bool store_close(struct store *s, uint64_t p){(void)p;free(s);return true;}
void store_set_keep(struct store *s, uint64_t a, uint32_t b){(void)s;(void)a;(void)b;}
uint64_t store_last_job_id(const struct store *s){(void)s;return 0;}
uint64_t store_last_run_id(const struct store *s){(void)s;return 0;}
uint64_t store_last_event_seq(const struct store *s){(void)s;return 0;}
int store_take_left(struct store *s, bool (*take)(void *ctx, const struct store_left *left),void *ctx){(void)s;(void)take;(void)ctx;return 0;}
void store_take_pauses(struct store *s, void (*take)(void *ctx, const char *rule, uint64_t until_ns), void *ctx){(void)s;(void)take;(void)ctx;}
void store_put_job(struct store *s, const struct store_job *job){(void)s;(void)job;}
void store_add_event(struct store *s, uint64_t j, const struct store_event *e){(void)s;(void)j;(void)e;}
void store_drop_event(struct store *s, uint64_t j, uint64_t q){(void)s;(void)j;(void)q;}
void store_follow(struct store *s, uint64_t j, uint64_t q){(void)s;(void)j;(void)q;}
void store_done_job(struct store *s, uint64_t j){(void)s;(void)j;}
void store_put_run(struct store *s, const struct store_run *r){if(r->outcome!=STORE_RUNNING)s->c.committed(s->c.ctx,&r->id,1);}
void store_put_pause(struct store *s, const char *r, uint64_t u){(void)s;(void)r;(void)u;}
void store_drop_pause(struct store *s, const char *r){(void)s;(void)r;}
void store_health(struct store *s, struct store_health *h){(void)s;*h=(struct store_health){0};}
void store_ask_runs(struct store *s, const struct store_query *q,void (*done)(void *ctx, json_t *runs), void *ctx){(void)s;(void)q;done(ctx,json_array());}
void store_ask_job(struct store *s, uint64_t r,void (*done)(void *ctx, const struct store_left *job), void *ctx){(void)s;(void)r;done(ctx,NULL);}
