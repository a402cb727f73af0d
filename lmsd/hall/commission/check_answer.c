/* hall/commission/check_answer.c - what was read of a meter: as values, as findings, as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "hall/commission/check.h"
#include "hall/commission/verdict.h"
#include "sense_meters.h"

#define NAMES_MAX 200

/* ---- what is known of the site ------------------------------------------------------------------ */

static int64_t larger(int64_t a, int64_t b)
{
	return a == NUM_NONE || (b != NUM_NONE && b > a) ? b : a;
}

/* Most that a zone allows by this meter. */
static int64_t limit_ma(const struct site_conf *conf, int meter)
{
	int64_t most = NUM_NONE;

	for (size_t i = 0; meter >= 0 && i < conf->zone_count; i++)
		for (int k = 0; conf->zones[i].meter == meter && k < PHASES; k++)
			most = larger(most, conf->zones[i].k.dynamic_ma.l[k]);
	return most;
}

static bool may_export(const struct site_conf *conf)
{
	for (size_t i = 0; i < conf->meter_count; i++) {
		const char *scope = conf->meters[i].k.scope;

		if (scope && (strcmp(scope, "pv") == 0 || strcmp(scope, "storage") == 0))
			return true;
	}
	for (size_t i = 0; i < conf->zone_count; i++)
		if (conf->zones[i].pv_sun >= 0)
			return true;
	return false;
}

static bool is_behind(const struct site_conf *conf, int zone, int meter)
{
	for (size_t i = 0; i < conf->zone_count; i++)
		if (conf->zones[i].meter == meter && site_conf_zone_below(conf, zone, (int)i))
			return true;
	return false;
}

/* What cars behind the meter report to draw now. */
static void sum_cars(const struct app *app, int meter, mono_t now, struct phase_ma *out)
{
	const struct site_conf *conf = app->hall.site->conf;

	*out = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	for (size_t i = 0; meter >= 0 && i < app->slot_count; i++) {
		const struct connector *c = app->slots[i];
		const struct connector_conf *cc = site_connector_conf(app->hall.site, c);

		if (!cc || !c->draw_at || now >= c->draw_until || c->draw_nonsense || c->view.draw_strange ||
		    !is_behind(conf, conf->stations[site_conf_station(conf, c->station->id)].zone, meter))
			continue;
		for (int k = 0; k < PHASES; k++)
			if (c->draw.l[k] != NUM_NONE)
				out->l[k] = (out->l[k] == NUM_NONE ? 0 : out->l[k]) + c->draw.l[k];
	}
}

/* ---- what was read ------------------------------------------------------------------------------ */

/* The registers of this block were asked for one by one. */
static bool has_singles(const struct check *c, int block)
{
	for (int i = block + 1; i < c->p.count; i++)
		if (c->p.list[i].kind == PROBE_SINGLE && c->p.list[i].part_of == block)
			return true;
	return false;
}

/* Whatever was answered, as a poll would bring it. */
struct meter_state *check_state(const struct check *c, mono_t now, wall_t wall)
{
	struct meter_block *blocks = xcalloc((size_t)c->p.count + 1, sizeof(*blocks));
	struct meter_reading r = { .at = now, .wall = wall, .latency_us = NUM_NONE, .blocks = blocks };
	struct meter_state *m = meter_new(&c->setup);

	for (int i = 0; i < c->p.count; i++) {
		const struct probe_question *q = &c->p.list[i];
		const struct errand_reply *a = &q->reply;

		if (!q->asked || q->kind > PROBE_SINGLE)
			continue;
		if (a->err == -LMS_EREFUSED && has_singles(c, i))
			continue;
		blocks[r.block_count++] = (struct meter_block){ q->fc, q->addr, q->count, a->err, a->exception, now,
								a->err ? NULL : a->words };
		if (r.latency_us == NUM_NONE && a->err == 0)
			r.latency_us = a->latency_us;
	}
	meter_take(m, &r);
	free(blocks);
	return m;
}

static const struct probe_question *identity_of(const struct check *c)
{
	for (int i = 0; i < c->p.count; i++)
		if (c->p.list[i].kind == PROBE_IDENTITY && c->p.list[i].asked)
			return &c->p.list[i];
	return NULL;
}

/* 1 as expected, 0 unknown, -1 another. */
static int identity_is(const struct check *c)
{
	const struct probe_question *q = identity_of(c);

	if (!q || q->reply.err)
		return 0;
	return memcmp(q->reply.words, c->profile->identity.words, q->count * sizeof(q->reply.words[0])) == 0 ? 1 : -1;
}

/* The model that the device says it is, if it is not the one that it should be. */
static const char *other_model(const struct check *c)
{
	const struct profile_set *set = &c->app->profiles;

	if (identity_is(c) > 0)
		return NULL;
	for (int i = 0; i < c->p.count; i++) {
		const struct probe_question *q = &c->p.list[i];

		if (q->kind < PROBE_IDENTITY || q->kind == PROBE_WALK || !q->asked || q->reply.err)
			continue;
		for (size_t k = 0; k < set->count; k++) {
			const struct meter_profile *p = set->items[k];

			if (p->identity.count == q->count && p->identity.fc == q->fc && p->identity.addr == q->addr &&
			    memcmp(p->identity.words, q->reply.words, q->count * sizeof(q->reply.words[0])) == 0)
				return p->model;
		}
	}
	return NULL;
}

/* Registers that were not answered; currents have a finding of their own. */
static int refused(const struct check *c, char *names, size_t size)
{
	size_t len = 0;
	int n = 0;

	names[0] = '\0';
	for (size_t i = 0; i < c->profile->reg_count; i++) {
		const struct meter_reg *reg = &c->profile->regs[i];
		const struct probe_question *q = probe_find(&c->p, reg->fc, reg->addr, reg_type_words(reg->type));

		if ((q && q->reply.err == 0) || (reg->var >= METER_current_l1 && reg->var <= METER_current_l3))
			continue;
		n++;
		if (len < size - 30)
			len += (size_t)snprintf(names + len, size - len, "%s%s", len ? ", " : "",
						meter_var_info(reg->var)->name);
		else if (len < size)
			len += (size_t)snprintf(names + len, size - len, " ...") + size;
	}
	return n;
}

/* Blocks that were refused though every register in them is there. */
static int blocks_apart(const struct check *c)
{
	int n = 0;

	for (int i = 0; i < c->p.count; i++) {
		const struct probe_question *q = &c->p.list[i];
		int singles = 0, good = 0;

		if (q->kind != PROBE_BLOCK || !q->asked || q->reply.err != -LMS_EREFUSED)
			continue;
		for (int k = i + 1; k < c->p.count; k++)
			if (c->p.list[k].kind == PROBE_SINGLE && c->p.list[k].part_of == i) {
				singles++;
				good += c->p.list[k].asked && c->p.list[k].reply.err == 0;
			}
		n += singles > 0 && good == singles;
	}
	return n;
}

/* What one poll takes: the fast blocks, one of the slow ones, and the silence before each. */
static int64_t poll_takes(const struct check *c)
{
	int64_t fast = 0, slow = 0;

	for (int i = 0; i < c->plan.count && c->first + i < c->p.count; i++) {
		const struct probe_question *q = &c->p.list[c->first + i];
		int64_t us = q->asked ? q->reply.latency_us + c->p.silence_us : 0;

		if (i < c->plan.fast_count)
			fast += us;
		else if (us > slow)
			slow = us;
	}
	return fast + slow;
}

void check_find(struct check *c, struct meter_state *m, mono_t now, struct findings *out)
{
	const struct site_conf *conf = c->app->hall.site->conf;
	int meter = c->k.id ? site_conf_meter(conf, c->k.id) : -1;
	char names[NAMES_MAX], identity[160] = "";
	const struct probe_question *q = identity_of(c);
	struct findings_in in = {
		.m = m,
		.now = now,
		.scope = c->k.scope,
		.may_export = may_export(conf),
		.fuse_ma = c->fuse_ma,
		.limit_ma = limit_ma(conf, meter),
		.poll_us = c->poll_us,
		.took_us = poll_takes(c),
		.other_model = other_model(c),
		.identity_text = identity,
		.blocks_apart = blocks_apart(c),
		.refused_names = names,
	};

	if (identity_is(c) < 0)
		snprintf(identity, sizeof(identity), "register %u reads 0x%04X instead of 0x%04X", q->addr, q->reply.words[0],
			 c->profile->identity.words[0]);
	if (c->profile->model_count)	/* none was found */
		sunspec_text(&c->p.walk, identity, sizeof(identity));
	in.refused = c->profile->model_count ? 0 : refused(c, names, sizeof(names));
	if (c->profile->model_count)
		names[0] = '\0';
	sum_cars(c->app, meter, now, &in.cars);
	if (c->as_set && meter >= 0 && (size_t)meter < c->app->sense->count)
		in.running = c->app->sense->meters[meter].state;
	findings_find(&in, out);
}

/* ---- the answer --------------------------------------------------------------------------------- */

static void write_fixed(struct json_writer *w, const char *key, enum meter_dim dim, int64_t v)
{
	int64_t scale = 1;

	for (int i = 0; i < meter_dim_info(dim)->decimals; i++)
		scale *= 10;
	jw_key(w, key);
	jw_fixed(w, v, scale);
}

static void write_words(struct json_writer *w, const struct meter_reg *reg, const uint16_t *words)
{
	char text[4 * 5 + 1] = "";
	size_t len = 0;

	for (int i = 0; i < reg_type_words(reg->type); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%04X", i ? " " : "", words[i]);
	jw_kstr(w, "raw", text);
}

/* The device's own number, and what it counts as here where that differs. */
static void write_value(const struct check *c, const struct meter_state *m, const struct meter_reg *reg,
			const struct probe_question *q, struct json_writer *w)
{
	const struct probe_question *sf = reg->has_sf ? probe_find(&c->p, reg->fc, reg->sf_addr, 1) : NULL;
	const uint16_t *words = &q->reply.words[reg->addr - q->addr];
	enum meter_dim dim = meter_var_info(reg->var)->dim;
	int var = meter_to_grid(&c->setup, reg->var);
	enum meter_quality quality = METER_Q_ERROR;
	const struct meter_value *here;
	int64_t v = NUM_NONE;

	write_words(w, reg, words);
	if (!reg->has_sf || (sf && sf->reply.err == 0))
		quality = meter_decode(reg, words, sf ? sf->reply.words[reg->sf_addr - sf->addr] : 0, &v);
	if (quality == METER_Q_GOOD || quality == METER_Q_RANGE)
		write_fixed(w, "value", dim, v);
	jw_kstr(w, "unit", meter_dim_info(dim)->unit);
	jw_kstr(w, "quality", meter_quality_name(quality));
	if (var < 0 || quality != METER_Q_GOOD)
		return;
	here = meter_value(m, (enum meter_var)var);
	if (here->quality != METER_Q_GOOD || (var == (int)reg->var && here->v == v))
		return;
	jw_kstr(w, "counts_as", meter_var_info((enum meter_var)var)->name);
	write_fixed(w, "counts", dim, here->v);
}

static void write_register(const struct check *c, const struct meter_state *m, const struct meter_reg *reg,
			   struct json_writer *w)
{
	const struct probe_question *q = probe_find(&c->p, reg->fc, reg->addr, reg_type_words(reg->type));

	jw_object(w);
	jw_kstr(w, "name", meter_var_info(reg->var)->name);
	jw_kint(w, "function", reg->fc);
	jw_kint(w, "address", reg->addr);
	if (q) {
		jw_key(w, "latency_ms");
		jw_fixed(w, q->reply.latency_us == NUM_NONE ? 0 : q->reply.latency_us, US_PER_MS);
	}
	if (q && q->reply.err == 0) {
		write_value(c, m, reg, q, w);
	} else {
		jw_kstr(w, "quality", meter_quality_name(q ? METER_Q_ERROR : METER_Q_NONE));
		jw_kstr(w, "error", q ? q->reply.text : "was not asked any more");
		if (q && q->reply.exception)
			jw_kint(w, "exception", q->reply.exception);
	}
	jw_object_end(w);
}

static void write_findings(const struct findings *f, struct json_writer *w)
{
	static const char *const phases[PHASES] = { "L1", "L2", "L3" };

	jw_key(w, "findings");
	jw_array(w);
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *one = &f->list[i];

		jw_object(w);
		jw_kstr(w, "code", finding_name(one->code));
		jw_kstr(w, "severity", finding_severity_name(finding_severity(one->code)));
		jw_kstr(w, "phase", one->phase < 0 ? NULL : phases[one->phase]);
		jw_kstr(w, "text", one->text);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void write_phases(struct json_writer *w, const char *key, const struct phase_ma *p)
{
	jw_key(w, key);
	jw_array(w);
	for (int k = 0; k < PHASES; k++)
		jw_int(w, p->l[k]);
	jw_array_end(w);
}

static const char *const verdicts[] = { "good", "findings", "no_answer" };

void check_write(const struct check *c, const struct meter_state *m, const struct findings *f, mono_t now,
		 struct json_writer *w)
{
	struct verdict_in in = {
		.address = &c->address,
		.failed = probe_failed(&c->p),
		.answered = c->p.answered,
		.findings = f,
		.profile = c->profile,
	};
	char address[ADDRESS_TEXT_MAX], text[VERDICT_MAX];
	static const char *const identities[] = { "another", "unknown", "as expected" };
	enum check_verdict v;
	struct meter_currents currents;
	int registers = 0;

	for (size_t i = 0; i < c->profile->reg_count; i++) {
		const struct meter_reg *reg = &c->profile->regs[i];
		const struct probe_question *q = probe_find(&c->p, reg->fc, reg->addr, reg_type_words(reg->type));

		registers += q && q->reply.err == 0;
	}
	meter_sample_currents(m, now, &currents);
	in.registers = registers;
	in.currents = &currents;
	in.took_us = c->p.ended - c->p.began;
	v = verdict_of(&in, text, sizeof(text));
	jw_object(w);
	jw_kstr(w, "id", c->k.id);
	jw_kstr(w, "profile", c->profile->model);
	jw_kstr(w, "address", address_text(&c->address, address));
	jw_kstr(w, "verdict", verdicts[v]);
	jw_kstr(w, "text", text);
	jw_kstr(w, "identity", identities[identity_is(c) + 1]);
	jw_kstr(w, "model", other_model(c));
	jw_kint(w, "took_ms", in.took_us / US_PER_MS);
	jw_kint(w, "read", registers);
	write_phases(w, "current_ma", &currents.current);
	jw_kint(w, "power_w", meter_quality(m, METER_power_total, now) == METER_Q_GOOD ?
			      meter_value(m, METER_power_total)->v : NUM_NONE);
	write_findings(f, w);
	jw_key(w, "registers");
	jw_array(w);
	/* Where its models were not found, nothing has an address. */
	for (size_t i = 0; i < c->profile->reg_count && !c->profile->model_count; i++)
		write_register(c, m, &c->profile->regs[i], w);
	jw_array_end(w);
	jw_object_end(w);
}
