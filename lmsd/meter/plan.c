/* meter/plan.c - coalesces the registers of a profile into read blocks. */
#include "meter/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Reading some unknown registers is cheaper than another request, up to about this many. */
#define HOLE_MAX 24

struct span {
	uint8_t fc;
	uint16_t addr;
	int words;
	enum meter_group group;
};

static int span_order(const void *va, const void *vb)
{
	const struct span *a = va, *b = vb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->fc != b->fc)
		return a->fc < b->fc ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return 0;
}

/* At most this many registers that nobody asked for between two that somebody did. */
static int hole_max(const struct meter_profile *p)
{
	if (p->resolved)
		return p->max_regs;
	return p->allow_holes ? HOLE_MAX : 0;
}

static bool group_used(const struct meter_profile *p, int model, enum meter_group group)
{
	for (size_t i = 0; i < p->reg_count; i++)
		if (p->regs[i].addr / PROFILE_MODEL_SPAN == model && p->regs[i].group == group)
			return true;
	return false;
}

/* `far`: the registers whose scale register is read at every poll. */
static size_t collect(const struct meter_profile *p, const bool *far, struct span *spans)
{
	size_t n = 0;

	for (size_t i = 0; i < p->reg_count; i++) {
		const struct meter_reg *r = &p->regs[i];

		spans[n++] = (struct span){ r->fc, r->addr, reg_type_words(r->type), r->group };
		if (r->has_sf)
			spans[n++] = (struct span){ r->fc, r->sf_addr, 1,
						    far[i] ? METER_FAST : r->group };
	}
	for (int m = 0; p->resolved && m < PROFILE_MODEL_MAX; m++)
		for (int g = METER_FAST; g <= METER_SLOW; g++)
			if (group_used(p, m, (enum meter_group)g))
				spans[n++] = (struct span){ p->regs[0].fc,
							    (uint16_t)(m * PROFILE_MODEL_SPAN), 2,
							    (enum meter_group)g };
	return n;
}

/* Whether the span may join the block, and if so the block's new length. */
static bool joins(const struct meter_profile *p, const struct plan_block *b, const struct span *s,
		  int *count)
{
	int gap = (int)s->addr - (b->addr + b->count);
	int end = s->addr + s->words - b->addr;

	if (b->group != s->group || b->fc != s->fc)
		return false;
	if (gap > hole_max(p) ||
	    (p->resolved && b->addr / PROFILE_MODEL_SPAN != s->addr / PROFILE_MODEL_SPAN))
		return false;
	if (end < b->count)	/* a scale factor that several variables share */
		end = b->count;
	*count = end;
	return end <= p->max_regs;
}

static int too_many(const struct meter_profile *p, struct diag *d)
{
	return diag_set(d, -LMS_ECONFIG, "%s: takes more than %d requests (give fewer variables)", p->model,
			PLAN_BLOCK_MAX);
}

static int plan_spans(const struct meter_profile *p, const bool *far, struct meter_plan *plan,
		      struct diag *d)
{
	struct span spans[2 * PROFILE_REG_MAX + 2 * PROFILE_MODEL_MAX];
	size_t n = collect(p, far, spans);
	struct plan_block *b = NULL;
	int count;

	memset(plan, 0, sizeof(*plan));
	qsort(spans, n, sizeof(spans[0]), span_order);
	for (size_t i = 0; i < n; i++) {
		const struct span *s = &spans[i];

		if (b && joins(p, b, s, &count)) {
			b->count = (uint16_t)count;
			continue;
		}
		if (plan->count == PLAN_BLOCK_MAX)
			return too_many(p, d);
		b = &plan->blocks[plan->count++];
		*b = (struct plan_block){ s->fc, s->addr, (uint16_t)s->words, s->group };
		if (s->group == METER_FAST)
			plan->fast_count++;
	}
	return 0;
}

static const struct plan_block *block_of(const struct meter_plan *plan, const struct meter_reg *r)
{
	for (int i = 0; i < plan->count; i++) {
		const struct plan_block *b = &plan->blocks[i];

		if (b->fc == r->fc && b->group == r->group && r->addr >= b->addr &&
		    r->addr + reg_type_words(r->type) <= b->addr + b->count)
			return b;
	}
	return NULL;
}

/* A value that is read in turns wants its scale register in the same request, or at every poll. Whether
 * that is so shows when the requests are made; each time round makes one more scale register fast. */
static int plan_map(const struct meter_profile *p, struct meter_plan *plan, struct diag *d)
{
	bool far[PROFILE_REG_MAX] = { false }, changed = true;
	int ret = 0;

	while (changed && ret == 0) {
		changed = false;
		ret = plan_spans(p, far, plan, d);
		for (size_t i = 0; i < p->reg_count && ret == 0; i++) {
			const struct meter_reg *r = &p->regs[i];
			const struct plan_block *b = r->has_sf && r->group == METER_SLOW ? block_of(plan, r) : NULL;

			if (!b || far[i] || (r->sf_addr >= b->addr && r->sf_addr < b->addr + b->count))
				continue;
			far[i] = changed = true;
		}
	}
	return ret;
}

/* Fast blocks before slow ones, otherwise as they are. */
static void append(struct meter_plan *plan, const struct meter_plan *one)
{
	int slow = one->count - one->fast_count;

	memmove(&plan->blocks[plan->fast_count + one->fast_count], &plan->blocks[plan->fast_count],
		(size_t)(plan->count - plan->fast_count) * sizeof(plan->blocks[0]));
	memcpy(&plan->blocks[plan->fast_count], one->blocks,
	       (size_t)one->fast_count * sizeof(plan->blocks[0]));
	plan->fast_count += one->fast_count;
	plan->count += one->fast_count;
	memcpy(&plan->blocks[plan->count], &one->blocks[one->fast_count],
	       (size_t)slow * sizeof(plan->blocks[0]));
	plan->count += slow;
}

int plan_make(const struct meter_profile *p, struct meter_plan *plan, struct diag *d)
{
	int ret = 0;

	if (!p->model_count)
		return plan_map(p, plan, d);
	memset(plan, 0, sizeof(*plan));
	for (int m = 0; m < p->model_count && ret == 0; m++) {
		struct meter_profile *one = profile_resolve(p, UINT32_C(1) << m);
		struct meter_plan part;

		ret = plan_map(one, &part, d);
		profile_free(one);
		if (ret == 0 && plan->count + part.count > PLAN_BLOCK_MAX)
			ret = too_many(p, d);
		if (ret == 0)
			append(plan, &part);
	}
	return ret;
}
