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

static size_t collect(const struct meter_profile *p, struct span *spans)
{
	size_t n = 0;

	for (size_t i = 0; i < p->reg_count; i++) {
		const struct meter_reg *r = &p->regs[i];

		spans[n++] = (struct span){ r->fc, r->addr, reg_type_words(r->type), r->group };
		if (r->has_sf)
			spans[n++] = (struct span){ r->fc, r->sf_addr, 1, r->group };
	}
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
	if (gap > (p->allow_holes ? HOLE_MAX : 0))
		return false;
	if (end < b->count)	/* a scale factor that several variables share */
		end = b->count;
	*count = end;
	return end <= p->max_regs;
}

int plan_make(const struct meter_profile *p, struct meter_plan *plan, struct diag *d)
{
	struct span spans[2 * PROFILE_REG_MAX];
	size_t n = collect(p, spans);
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
			return diag_set(d, -LMS_ECONFIG,
					"%s: takes more than %d requests (give fewer variables)",
					p->model, PLAN_BLOCK_MAX);
		b = &plan->blocks[plan->count++];
		*b = (struct plan_block){ s->fc, s->addr, (uint16_t)s->words, s->group };
		if (s->group == METER_FAST)
			plan->fast_count++;
	}
	return 0;
}
