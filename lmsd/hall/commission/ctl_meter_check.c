/* hall/commission/ctl_meter_check.c - meter check: every register of a meter once, and what that says.
 *
 * The registers are read in the blocks of a poll, over the connection that polls; where the device
 * refuses a block, its registers one by one, so that one that is missing does not hide the others. Of a
 * profile with models these are looked for first; then it is one with fixed addresses, those of the device.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "hall/commission/check.h"
#include "modbus/bus.h"
#include "sense_meters.h"
#include "site/control/ctl_site_util.h"

static struct meter_profile *copy_profile(const struct meter_profile *p)
{
	struct meter_profile *copy = profile_new();
	struct meter_reg *regs = copy->regs;

	*copy = *p;
	copy->regs = regs;
	memcpy(regs, p->regs, p->reg_count * sizeof(*regs));
	return copy;
}

static void check_free(struct errand *e)
{
	struct check *c = (struct check *)e;

	probe_fini(&c->p);
	profile_free(c->profile);
	arena_fini(&c->arena);
	free(c);
}

static void done(struct errand *e, bool cut)
{
	struct check *c = (struct check *)e;
	mono_t now = loop_now(c->app->loop);
	struct findings f = { .count = 0 };
	struct meter_state *m;
	struct json_writer w;
	struct buf b;

	c->app->turn_open = true;
	if (cut) {
		fx_reply_error(&c->app->fx, c->token, -LMS_EFAILED, "the check was called off");
		check_free(e);
		return;
	}
	m = check_state(c, now, loop_wall());
	if (c->p.answered)
		check_find(c, m, now, &f);
	buf_init(&b);
	jw_init(&w, &b);
	check_write(c, m, &f, now, &w);
	fx_reply(&c->app->fx, FX_NOW, c->token, b.data, b.len);
	buf_fini(&b);
	meter_free(m);
	check_free(e);
}

/* ---- the question ------------------------------------------------------------------------------- */

static void set_key(const char **key, const char *given, bool *as_set, struct arena *arena)
{
	if (!given)
		return;
	if (!*key || strcmp(*key, given) != 0)
		*as_set = false;
	*key = arena_strdup(arena, given);
}

/* The configured keys, and what the call says instead. */
static int take_keys(struct check *c, struct ctl_call *call, const struct ctl_meter_check_args *a)
{
	const struct site_conf *conf = call->hall->site->conf;
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_meter];
	int meter = a->id ? site_conf_meter(conf, a->id) : -1;

	ctl_keys_clear(n, &c->k);
	c->as_set = meter >= 0;
	if (meter >= 0)
		fields_copy(n->keys, n->key_count, &c->k, &conf->meters[meter].k, &c->arena);
	else if (a->id && (!a->profile || !a->address))
		return ctl_find_meter(call, conf, a->id);
	else if (a->id)
		c->k.id = arena_strdup(&c->arena, a->id);
	set_key(&c->k.profile, a->profile, &c->as_set, &c->arena);
	set_key(&c->k.address, a->address, &c->as_set, &c->arena);
	set_key(&c->k.phases, a->phases, &c->as_set, &c->arena);
	set_key(&c->k.ct, a->ct, &c->as_set, &c->arena);
	set_key(&c->k.invert, a->invert, &c->as_set, &c->arena);
	set_key(&c->k.scope, a->scope, &c->as_set, &c->arena);
	if (!c->k.profile || !c->k.address)
		return diag_set(&call->diag, -LMS_EUSAGE,
				"%s: is missing (write `meter check ID`, or profile=… address=… of one that is not there yet)",
				!c->k.profile ? "profile" : "address");
	c->fuse_ma = a->fuse_ma != NUM_NONE ? a->fuse_ma : meter >= 0 ? sense_fuse_ma(conf, meter) : NUM_NONE;
	c->poll_us = c->k.poll_ms == NUM_NONE ? US_PER_S : c->k.poll_ms * US_PER_MS;
	return 0;
}

static void add_singles(struct check *c, int block)
{
	const struct plan_block *b = &c->plan.blocks[block];
	const struct meter_profile *p = c->profile;

	for (size_t i = 0; i < p->reg_count; i++) {
		const struct meter_reg *reg = &p->regs[i];
		int words = reg_type_words(reg->type);

		if (reg->fc != b->fc || reg->group != b->group)
			continue;
		if (reg->addr >= b->addr && reg->addr + words <= b->addr + b->count && words < b->count)
			probe_add(&c->p, PROBE_SINGLE, reg->fc, reg->addr, (uint16_t)words, c->first + block);
		if (reg->has_sf && reg->sf_addr >= b->addr && reg->sf_addr < b->addr + b->count && b->count > 1)
			probe_add(&c->p, PROBE_SINGLE, reg->fc, reg->sf_addr, 1, c->first + block);
	}
}

/* Where other models tell who they are: to name the one that answers in the place of the expected. */
static void add_identities(struct check *c)
{
	const struct profile_set *set = &c->app->profiles;
	int first = c->p.count;

	if (c->profile->identity.count)
		probe_add(&c->p, PROBE_IDENTITY, c->profile->identity.fc, c->profile->identity.addr,
			  (uint16_t)c->profile->identity.count, -1);
	for (size_t i = 0; i < set->count; i++) {
		const struct meter_profile *p = set->items[i];
		bool known = p->identity.count == 0;

		for (int k = first; k < c->p.count && !known; k++)
			known = c->p.list[k].fc == p->identity.fc && c->p.list[k].addr == p->identity.addr &&
				c->p.list[k].count == p->identity.count;
		if (!known)
			probe_add(&c->p, PROBE_OTHER_IDENTITY, p->identity.fc, p->identity.addr,
				  (uint16_t)p->identity.count, -1);
	}
}

static void add_blocks(struct check *c)
{
	c->first = c->p.count;
	for (int i = 0; i < c->plan.count; i++)
		probe_add(&c->p, PROBE_BLOCK, c->plan.blocks[i].fc, c->plan.blocks[i].addr, c->plan.blocks[i].count, -1);
	for (int i = 0; i < c->plan.count; i++)
		add_singles(c, i);
}

/* The profile and its blocks at the addresses where the device has them. */
static void models_found(struct probe *p)
{
	struct check *c = (struct check *)p;
	struct sunspec_layout at;
	struct sunspec_wish wish;
	struct meter_profile *here;

	sunspec_wish(c->profile, &wish);
	if (!sunspec_lay_out(&p->walk, &wish, &c->plan, &at)) {
		c->plan.count = c->plan.fast_count = 0;
		return;
	}
	here = profile_resolve(c->profile, at.models);
	for (size_t i = 0; i < here->reg_count; i++) {
		here->regs[i].addr = sunspec_addr(&at, here->regs[i].addr);
		here->regs[i].sf_addr = here->regs[i].has_sf ? sunspec_addr(&at, here->regs[i].sf_addr) : 0;
	}
	for (int i = 0; i < at.plan.count; i++)
		at.plan.blocks[i].addr = sunspec_addr(&at, at.plan.blocks[i].addr);
	c->plan = at.plan;
	profile_free(c->profile);
	c->setup.profile = c->profile = here;
	add_blocks(c);
}

static int prepare(struct check *c, struct ctl_call *call)
{
	int ret = sense_setup(c->app, &c->k, c->fuse_ma, &c->setup, &call->diag);

	if (ret < 0)
		return ret;
	if (c->setup.profile->pushed)
		return diag_set(&call->diag, -LMS_ECONFLICT,
				"meter %s: its values are told, nothing can be read (meter show tells how old they are)",
				log_text(c->k.id));
	c->profile = copy_profile(c->setup.profile);
	c->setup.profile = c->profile;
	c->setup.id = c->k.id ? c->k.id : "";
	ret = address_parse(c->k.address, &c->address, &call->diag);
	if (ret == 0)
		ret = plan_make(c->profile, &c->plan, &call->diag);
	if (ret < 0)
		return ret;
	probe_init(&c->p, &c->address, c->profile->timeout_ms * US_PER_MS, c->profile->inter_request_ms * US_PER_MS);
	c->p.e.done = done;
	c->p.e.drop = check_free;
	if (c->profile->model_count) {
		c->p.walk_fc = c->profile->regs[0].fc;
		c->p.walked = models_found;
		return 0;
	}
	add_blocks(c);
	add_identities(c);
	return 0;
}

int ctl_meter_check(struct ctl_call *call, const struct ctl_meter_check_args *a)
{
	struct check *c = xcalloc(1, sizeof(*c));
	int ret;

	c->app = (struct app *)((char *)(uintptr_t)call->hall - offsetof(struct app, hall));
	c->token = call->token;
	arena_init(&c->arena);
	ret = take_keys(c, call, a);
	if (ret == 0)
		ret = prepare(c, call);
	if (ret == 0)
		ret = bus_set_errand(c->app->sense->buses, &c->address, &c->p.e, &call->diag);
	if (ret < 0) {
		check_free(&c->p.e);
		return ret;
	}
	return CTL_LATER;
}
