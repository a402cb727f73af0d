/* hall/commission/sweep.c - the questions of a scan, on the bus's thread. */
#include "hall/commission/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "meter/decode.h"

#define ANY_TRIED  3	/* numbers that no two devices have: who answers to all of them answers to every one */
#define SILENT_MAX 3	/* questions that somebody who is there leaves unanswered: then it is left */

/* ---- which numbers ------------------------------------------------------------------------------- */

static bool read_number(const char **p, int *out)
{
	char *end;
	long v = strtol(*p, &end, 10);

	if (end == *p || **p < '0' || **p > '9' || v > 255)
		return false;
	*p = end;
	*out = (int)v;
	return true;
}

static bool may_be(int slave, bool rtu)
{
	return (slave >= 1 && slave <= 247) || (!rtu && (slave == 0 || slave == 255));
}

int sweep_slaves(const char *text, bool rtu, struct sweep *s, struct diag *d)
{
	bool taken[SWEEP_SLAVES] = { false };
	const char *p = text;
	int from, to;

	s->order_count = 0;
	for (;;) {
		if (!read_number(&p, &from))
			break;
		to = from;
		if (p[0] == '.' && p[1] == '.') {
			p += 2;
			if (!read_number(&p, &to))
				break;
		}
		if (!may_be(from, rtu) || !may_be(to, rtu) || from > to)
			break;
		for (int i = from; i <= to; i++)
			if (may_be(i, rtu) && !taken[i]) {
				taken[i] = true;
				s->order[s->order_count++] = i;
			}
		if (*p == '\0')
			return 0;
		if (*p++ != ',')
			break;
	}
	return diag_set(d, -LMS_EDATA, "slaves: '%.60s' is not a list of slave numbers (write 1..247%s, or 3,7,20..30)", text,
			rtu ? "" : ",255");
}

/* ---- what profiles know ------------------------------------------------------------------------- */

/* The index of the question, which is added where it is new; -1: there are too many. */
static int question(struct sweep *s, uint8_t fc, uint16_t addr, int count)
{
	for (int i = 0; i < s->ask_count; i++)
		if (s->asks[i].fc == fc && s->asks[i].addr == addr && s->asks[i].count == count)
			return i;
	if (s->ask_count == SWEEP_ASK_MAX || count > SWEEP_WORDS)
		return -1;
	s->asks[s->ask_count] = (struct sweep_question){ fc, addr, (uint16_t)count };
	return s->ask_count++;
}

static void add_identity(struct sweep *s, struct sweep_model *m, const struct meter_profile *p)
{
	m->identity = -1;
	if (p->identity.count == 0 || p->identity.count > SWEEP_WORDS)
		return;
	m->identity = question(s, p->identity.fc, p->identity.addr, p->identity.count);
	memcpy(m->words, p->identity.words, (size_t)p->identity.count * sizeof(m->words[0]));
}

static void add_signs(struct sweep *s, struct sweep_model *m, const struct meter_profile *p)
{
	static const enum meter_var signs[] = { METER_voltage_l1n, METER_voltage_l2n, METER_voltage_l3n, METER_frequency };

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		const struct meter_reg *reg = profile_reg(p, signs[i]);
		int ask = reg && !reg->has_sf && !reg->models ? question(s, reg->fc, reg->addr, reg_type_words(reg->type)) : -1;

		if (ask < 0)
			continue;
		m->sign[m->signs] = *reg;
		m->sign_ask[m->signs++] = ask;
	}
}

/* ---- what a device is ---------------------------------------------------------------------------- */

static bool is_model(const struct sweep *s, const struct sweep_model *m)
{
	return m->identity >= 0 && s->answers[m->identity].good &&
	       memcmp(s->answers[m->identity].words, m->words,
		      s->asks[m->identity].count * sizeof(m->words[0])) == 0;
}

/* How many of the signs are those of a grid; 0 as soon as one is not. A phase may be off. */
static int score_of(const struct sweep *s, const struct sweep_model *m)
{
	int score = 0;

	for (int i = 0; i < m->signs; i++) {
		bool frequency = m->sign[i].var == METER_frequency;
		int64_t v = 0;

		if (!s->answers[m->sign_ask[i]].good ||
		    meter_decode(&m->sign[i], s->answers[m->sign_ask[i]].words, 0, &v) != METER_Q_GOOD)
			return 0;
		if (frequency ? v >= 45000 && v <= 65000 : v >= 90000 && v <= 300000)
			score++;
		else if (frequency || v != 0)
			return 0;
	}
	return score >= 2 ? score : 0;
}

static void name_fit(struct sweep_slave *f, const char *name)
{
	if (f->fit_count < SWEEP_FITS)
		snprintf(f->fits[f->fit_count++], sizeof(f->fits[0]), "%s", name);
}

static void identify(const struct sweep *s, struct sweep_slave *f)
{
	for (size_t i = 0; i < s->model_count; i++)
		if (is_model(s, &s->models[i]))
			name_fit(f, s->models[i].name);
	if (f->fit_count)
		f->how = SWEEP_IDENTITY;
}

static void compare_models(const struct sweep *s, struct sweep_slave *f)
{
	static const struct meter_plan none;
	struct sunspec_layout layout;

	for (size_t i = 0; i < s->model_count; i++)
		if (s->models[i].wish.count && sunspec_lay_out(&s->walk, &s->models[i].wish, &none, &layout))
			name_fit(f, s->models[i].name);
	f->how = SWEEP_SUNSPEC;
}

static void compare(const struct sweep *s, struct sweep_slave *f)
{
	for (int score = SWEEP_SIGNS; score > 0; score--)
		for (size_t i = 0; i < s->model_count; i++)
			if (score_of(s, &s->models[i]) == score)
				name_fit(f, s->models[i].name);
	if (f->fit_count)
		f->how = SWEEP_VALUES;
}

/* ---- the errand ---------------------------------------------------------------------------------- */

static void next_slave(struct sweep *s)
{
	s->at++;
	s->step = -1;
	/* Now it is known; who they are is asked only of those that are told. */
	if (s->stop_if_any && s->at == ANY_TRIED) {
		s->any = s->found_count == ANY_TRIED;
		s->order_count = s->any ? 1 : s->order_count;
		s->stop_if_any = false;
		s->at = s->found_count = 0;
	}
	atomic_store(&s->asked, s->at);
	atomic_store(&s->found_now, s->found_count);
}

/* The next question of the walk, if it goes on. */
static bool ask_walk(struct sweep *s, struct sweep_slave *f, struct errand_question *q)
{
	uint16_t addr;

	s->walks = !s->walked && s->silent < SILENT_MAX && s->walk_asked++ < SWEEP_WALK && sunspec_next(&s->walk, &addr);
	if (s->walks) {
		*q = (struct errand_question){ f->slave, 3, addr, 2, s->timeout_us, s->silence_us };
		return true;
	}
	if (!s->walked && s->walk.marked)
		compare_models(s, f);
	s->walked = true;
	return false;
}

static bool ask(struct errand *e, struct errand_question *q)
{
	struct sweep *s = (struct sweep *)e;
	struct sweep_slave *f = s->found_count ? &s->found[s->found_count - 1] : NULL;

	if (s->step >= 0 && f && s->step == s->identity_count) {
		identify(s, f);
		if (f->how == SWEEP_UNKNOWN && ask_walk(s, f, q))
			return true;
	}
	if (s->step >= s->identity_count && f && (f->how == SWEEP_IDENTITY || f->how == SWEEP_SUNSPEC))
		next_slave(s);
	else if (s->step >= 0 && f && (s->step == s->ask_count || s->silent >= SILENT_MAX)) {
		if (s->step < s->identity_count)
			identify(s, f);
		if (f->how == SWEEP_UNKNOWN)
			compare(s, f);
		next_slave(s);
	}
	if (s->at >= s->order_count || s->failed)
		return false;
	*q = (struct errand_question){ s->order[s->at], 3, 0, 2, s->timeout_us, s->silence_us };
	if (s->step >= 0) {
		q->fc = s->asks[s->step].fc;
		q->addr = s->asks[s->step].addr;
		q->count = s->asks[s->step].count;
	}
	return true;
}

static bool is_there(const struct errand_reply *r)
{
	return r->err == 0 || (r->err == -LMS_EREFUSED && r->exception != 10 && r->exception != 11);
}

static void reply(struct errand *e, const struct errand_question *q, const struct errand_reply *r)
{
	struct sweep *s = (struct sweep *)e;

	if (!r->opened) {
		s->failed = true;
		snprintf(s->text, sizeof(s->text), "%s", r->text);
		return;
	}
	if (s->walks) {
		s->silent = is_there(r) ? 0 : s->silent + 1;
		if (is_there(r))
			sunspec_take(&s->walk, r->err == 0 ? r->words : NULL);
		else
			sunspec_silent(&s->walk);
		return;
	}
	if (s->step >= 0 && !is_there(r) && !s->again) {
		s->again = true;
		return;
	}
	s->again = false;
	if (s->step >= 0) {
		s->answers[s->step].good = r->err == 0;
		if (r->err == 0)
			memcpy(s->answers[s->step].words, r->words, q->count * sizeof(r->words[0]));
		s->silent = is_there(r) ? 0 : s->silent + 1;
		s->step++;
		return;
	}
	if (!is_there(r) && r->cause != LINK_GARBLED) {
		next_slave(s);
		return;
	}
	s->found[s->found_count++] = (struct sweep_slave){ .slave = q->slave, .garbled = !is_there(r),
							   .latency_us = r->latency_us };
	memset(s->answers, 0, sizeof(s->answers));
	sunspec_start(&s->walk);
	s->walked = false;
	s->walk_asked = 0;
	s->silent = 0;
	s->step = 0;
	if (!is_there(r) || s->stop_if_any)
		next_slave(s);
}

void sweep_init(struct sweep *s, const struct profile_set *set)
{
	s->e.ask = ask;
	s->e.reply = reply;
	s->step = -1;
	s->models = xcalloc(set->count + 1, sizeof(*s->models));
	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i]->pushed)
			continue;
		snprintf(s->models[s->model_count].name, PROFILE_NAME_MAX, "%s", set->items[i]->model);
		sunspec_wish(set->items[i], &s->models[s->model_count].wish);
		add_identity(s, &s->models[s->model_count++], set->items[i]);
	}
	s->identity_count = s->ask_count;
	for (size_t i = 0, n = 0; i < set->count; i++)
		if (!set->items[i]->pushed)
			add_signs(s, &s->models[n++], set->items[i]);
}

void sweep_fini(struct sweep *s)
{
	free(s->models);
	s->models = NULL;
}
