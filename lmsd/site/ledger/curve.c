/* site/ledger/curve.c - see curve.h. */
#include "site/ledger/curve.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define STEP_S  60
#define VALUES  6 /* of a point, as text */
/* Differences beyond it are not of this world, and sums of them stay sums. */
#define DIFF_MAX (INT64_C(1) << 50)

void curve_free(struct curve *c)
{
	free(c->points);
	*c = (struct curve){ .points = NULL };
}

/* ---- points ---- */

static void complete(struct curve_point *to, const struct curve_point *from)
{
	if (from->register_wh != NUM_NONE)
		to->register_wh = from->register_wh;
	if (from->w != CURVE_NONE)
		to->w = from->w;
	for (int k = 0; k < PHASES; k++)
		if (from->ma[k] != CURVE_NONE)
			to->ma[k] = from->ma[k];
}

/* Every second one stays, and the last. */
static void thin(struct curve *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		if (i % 2 == 0 || i + 1 == c->count)
			c->points[n++] = c->points[i];
	c->count = n;
	c->step_s *= 2;
}

static void append(struct curve *c, const struct curve_point *p)
{
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 8;
		if (c->room > CURVE_POINTS)
			c->room = CURVE_POINTS;
		c->points = xrealloc(c->points, c->room * sizeof(*c->points));
	}
	c->points[c->count++] = *p;
}

/* The last one is there for the time being, until it is far enough from the one before. */
static bool is_provisional(const struct curve *c)
{
	return c->count >= 2 && c->points[c->count - 1].t_s - c->points[c->count - 2].t_s < c->step_s;
}

void curve_add(struct curve *c, const struct curve_point *p)
{
	struct curve_point *last = c->count ? &c->points[c->count - 1] : NULL;

	if (c->step_s == 0)
		c->step_s = STEP_S;
	if (last && p->t_s < last->t_s)
		return;
	if (last && p->t_s == last->t_s) {
		complete(last, p);
		return;
	}
	if (!is_provisional(c) && c->count == CURVE_POINTS)
		thin(c);
	if (is_provisional(c))
		c->count--;
	append(c, p);
}

/* ---- as text ---- */

static void values_of(const struct curve_point *p, int64_t v[VALUES])
{
	v[0] = p->t_s;
	v[1] = p->register_wh;
	for (int k = 0; k < PHASES; k++)
		v[2 + k] = p->ma[k] == CURVE_NONE ? NUM_NONE : p->ma[k];
	v[5] = p->w == CURVE_NONE ? NUM_NONE : p->w;
}

/* Of each running transaction once a minute, and hundreds of them: printf would be most of the cost. */
static void put_number(struct buf *out, int64_t v)
{
	uint64_t n = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char text[24], *p = text + sizeof(text);

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	if (v < 0)
		*--p = '-';
	buf_add(out, p, (size_t)(text + sizeof(text) - p));
}

void curve_write(const struct curve *c, int64_t base_wh, struct buf *out)
{
	int64_t before[VALUES] = { 0, base_wh, 0, 0, 0, 0 }, now[VALUES];
	bool known[VALUES] = { true, true, true, true, true, true };

	for (size_t i = 0; i < c->count; i++) {
		values_of(&c->points[i], now);
		for (int k = 0; k < VALUES; k++) {
			if (k)
				buf_putc(out, ',');
			if (now[k] == NUM_NONE && known[k])
				buf_putc(out, '-');
			else if (now[k] != NUM_NONE && (!known[k] || now[k] != before[k]))
				put_number(out, now[k] - before[k]);
			known[k] = now[k] != NUM_NONE;
			if (known[k])
				before[k] = now[k];
		}
		buf_putc(out, ';');
	}
}

/* One value of the text: 1 = read, 0 = as before, -1 = not readable. */
static int read_value(const char **text, int64_t *value, bool *known)
{
	char *end;
	long long diff;

	if (**text == ',' || **text == ';')
		return 0;
	if (**text == '-' && (text[0][1] == ',' || text[0][1] == ';')) {
		++*text;
		*known = false;
		return 1;
	}
	diff = strtoll(*text, &end, 10);
	if (end == *text || diff > DIFF_MAX || diff < -DIFF_MAX)
		return -1;
	*text = end;
	*value += diff;
	*known = true;
	return 1;
}

static int32_t bounded(int64_t v, bool known)
{
	return !known || v > INT32_MAX || v <= INT32_MIN ? CURVE_NONE : (int32_t)v;
}

static bool read_point(const char **text, int64_t v[VALUES], bool known[VALUES], struct curve_point *p)
{
	for (int k = 0; k < VALUES; k++) {
		if (read_value(text, &v[k], &known[k]) < 0 || **text != (k + 1 < VALUES ? ',' : ';'))
			return false;
		++*text;
	}
	if (!known[0] || v[0] < 0 || v[0] > UINT32_MAX || v[1] > DIFF_MAX || v[1] < -DIFF_MAX)
		return false;
	p->t_s = (uint32_t)v[0];
	p->register_wh = known[1] ? v[1] : NUM_NONE;
	for (int k = 0; k < PHASES; k++)
		p->ma[k] = bounded(v[2 + k], known[2 + k]);
	p->w = bounded(v[5], known[5]);
	return true;
}

/* How far apart they were kept: what comes after shall not be closer. */
static void find_step(struct curve *c)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 1; i + 1 < c->count; i++)
		if (c->points[i].t_s - c->points[i - 1].t_s < least)
			least = c->points[i].t_s - c->points[i - 1].t_s;
	c->step_s = STEP_S;
	while (least != UINT32_MAX && c->step_s * 2 <= least && c->count > CURVE_POINTS / 4)
		c->step_s *= 2;
}

void curve_read(struct curve *c, const char *text, int64_t base_wh)
{
	int64_t v[VALUES] = { 0, base_wh, 0, 0, 0, 0 };
	bool known[VALUES] = { true, true, true, true, true, true };
	struct curve_point p;

	while (*text && c->count < CURVE_POINTS && read_point(&text, v, known, &p)) {
		if (c->count && p.t_s <= c->points[c->count - 1].t_s)
			break;
		append(c, &p);
	}
	find_step(c);
}
