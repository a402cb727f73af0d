/* meter/sunspec.c - the walk along the models of a SunSpec device. */
#include "meter/sunspec.h"

#include <stdio.h>
#include <string.h>

#include "base/types.h"

#define MARK_HIGH 0x5375	/* "Su" */
#define MARK_LOW  0x6E53	/* "nS" */
#define MODEL_END 0xFFFF
#define HEAD_REGS 2
#define SILENCES  3

/* By the specification; then what devices and their manuals make of it by counting from 1. */
static const uint16_t bases[] = { 40000, 50000, 0, 40001, 39999, 50001, 49999, 1 };

void sunspec_start(struct sunspec_walk *w)
{
	memset(w, 0, sizeof(*w));
}

bool sunspec_next(const struct sunspec_walk *w, uint16_t *addr)
{
	if (w->over)
		return false;
	*addr = w->marked ? (uint16_t)w->at : bases[w->base];
	return true;
}

static void next_base(struct sunspec_walk *w)
{
	if (++w->base == (int)ARRAY_LEN(bases))
		w->over = true;
}

/* A chain that leads beyond the registers ends there; so does one that never ends. */
static void step(struct sunspec_walk *w, uint16_t id, uint16_t length)
{
	if (id == MODEL_END || w->at + HEAD_REGS + length > 65536 || w->count == SUNSPEC_BLOCKS_MAX) {
		w->over = true;
		return;
	}
	w->blocks[w->count++] = (struct sunspec_block){ id, (uint16_t)w->at, length };
	w->at += (uint32_t)HEAD_REGS + length;
	if (w->at + HEAD_REGS > 65536)
		w->over = true;
}

void sunspec_take(struct sunspec_walk *w, const uint16_t *words)
{
	if (w->over)
		return;
	w->answered = true;
	if (w->marked && words) {
		step(w, words[0], words[1]);
	} else if (w->marked) {
		w->over = true;	/* some devices have no end mark: there is nothing behind the last model */
	} else if (words && words[0] == MARK_HIGH && words[1] == MARK_LOW) {
		w->marked = true;
		w->at = (uint32_t)bases[w->base] + HEAD_REGS;
	} else {
		next_base(w);
	}
}

void sunspec_silent(struct sunspec_walk *w)
{
	if (!w->marked) {
		next_base(w);
		if (w->over && !w->answered)
			sunspec_start(w);
		return;
	}
	w->silences = w->silent_at == w->at ? w->silences + 1 : 1;
	w->silent_at = w->at;
	if (w->silences == SILENCES && w->count > 0) {
		w->over = true;
		return;
	}
	w->marked = false;
	w->count = 0;
}

void sunspec_wish(const struct meter_profile *p, struct sunspec_wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->count = p->model_count;
	if (!p->model_count)
		return;
	wish->instance = p->instance;
	wish->fc = p->regs[0].fc;
	for (int m = 0; m < p->model_count; m++) {
		wish->id[m] = p->models[m];
		wish->covers[m] = profile_covers(p, m);
	}
}

static const struct sunspec_block *find(const struct sunspec_walk *w, uint16_t id, int instance)
{
	for (int i = 0; i < w->count; i++)
		if (w->blocks[i].id == id && --instance == 0)
			return &w->blocks[i];
	return NULL;
}

/* A device with an older, shorter model gets no question beyond its end. */
static bool clip(const struct sunspec_layout *l, struct plan_block *b)
{
	int offset = b->addr % PROFILE_MODEL_SPAN;
	int left = HEAD_REGS + l->block[b->addr / PROFILE_MODEL_SPAN].length - offset;

	if (left < b->count)
		b->count = left > 0 ? (uint16_t)left : 0;
	return b->count > 0;
}

bool sunspec_lay_out(const struct sunspec_walk *w, const struct sunspec_wish *wish,
		     const struct meter_plan *plan, struct sunspec_layout *out)
{
	memset(out, 0, sizeof(*out));
	for (int m = 0; m < wish->count; m++) {
		const struct sunspec_block *b = find(w, wish->id[m], wish->instance);

		if (!b || wish->covers[m] & out->models)
			continue;
		out->models |= UINT32_C(1) << m;
		out->block[m] = *b;
	}
	for (int i = 0; i < plan->count; i++) {
		struct plan_block b = plan->blocks[i];

		if (!(out->models >> (b.addr / PROFILE_MODEL_SPAN) & 1) || !clip(out, &b))
			continue;
		out->plan.blocks[out->plan.count++] = b;
		out->plan.fast_count += i < plan->fast_count;
	}
	return out->models != 0;
}

const char *sunspec_text(const struct sunspec_walk *w, char *out, size_t size)
{
	size_t len;

	if (!w->marked) {
		snprintf(out, size, "no SunSpec map at 40000, 50000 or 0 (is SunSpec Modbus enabled in the device, the slave right?)");
		return out;
	}
	len = (size_t)snprintf(out, size, "a SunSpec map at %u with models", bases[w->base]);
	for (int i = 0; i < w->count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, " %u", w->blocks[i].id);
	return out;
}

uint16_t sunspec_addr(const struct sunspec_layout *l, uint16_t addr)
{
	return (uint16_t)(l->block[addr / PROFILE_MODEL_SPAN].addr + addr % PROFILE_MODEL_SPAN);
}

bool sunspec_fits(const struct sunspec_layout *l, const struct plan_block *b, const uint16_t *words)
{
	const struct sunspec_block *m = &l->block[b->addr / PROFILE_MODEL_SPAN];

	if (b->addr % PROFILE_MODEL_SPAN != 0 || b->count < HEAD_REGS)
		return true;
	return words[0] == m->id && words[1] == m->length;
}
