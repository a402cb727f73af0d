/* site/outer/tariff.c - a current for each window of the week: from text, and the least that holds. */
#include "site/outer/tariff.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static int take_current(struct week_text *in, struct phase_ma *limit)
{
	struct diag said;
	char word[64];
	size_t len;

	while (*in->at == ' ')
		in->at++;
	len = strcspn(in->at, ";");
	if (len == 0 || len >= sizeof(word))
		return week_complain(in, "needs a current (write mon-fri 17:00-20:00 16)");
	memcpy(word, in->at, len);
	word[len] = '\0';
	diag_init(&said);
	if (parse_phase_ma(word, limit, &said))
		return week_complain(in, said.text);
	in->at += len;
	return 0;
}

int tariff_parse(const char *text, struct tariff *out, struct diag *diag)
{
	struct week_text in = { text, text, diag };

	*out = (struct tariff){ 0 };
	do {
		int ret;

		while (*in.at == ' ')
			in.at++;
		if (!*in.at && out->count)
			return 0;	/* a ';' at the end */
		if (out->count == TARIFF_WINDOWS_MAX)
			return week_complain(&in, "is one window too many (32 at most)");
		ret = week_take(&in, &out->windows[out->count].when);
		if (!ret)
			ret = take_current(&in, &out->windows[out->count].limit);
		if (ret)
			return ret;
		out->count++;
	} while (week_take_char(&in, ';'));
	return 0;
}

/* ---- on the clock on the wall -------------------------------------------------------------------- */

static void take_least(struct phase_ma *out, const struct phase_ma *limit)
{
	for (int k = 0; k < PHASES; k++)
		if (limit->l[k] != NUM_NONE && (out->l[k] == NUM_NONE || limit->l[k] < out->l[k]))
			out->l[k] = limit->l[k];
}

void tariff_limit(const struct tariff *t, const struct time_zone *tz, wall_t at, struct phase_ma *out)
{
	struct civil c;

	*out = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	civil_from_wall(at, tz_offset_s(tz, at), &c);
	for (size_t i = 0; i < t->count; i++)
		if (week_is_open(&t->windows[i].when, c.weekday, c.hour * 60 + c.minute))
			take_least(out, &t->windows[i].limit);
}

void tariff_least(const struct tariff *t, struct phase_ma *out)
{
	*out = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	for (size_t i = 0; i < t->count; i++)
		take_least(out, &t->windows[i].limit);
}

/* Minutes from a minute of the week to the next one that is `min` of any day that the window names. */
static int minutes_until(int now, int min, uint8_t days, int shift)
{
	int best = INT32_MAX;

	for (int d = 0; d < WEEK_DAYS; d++) {
		int at = ((d + shift) % WEEK_DAYS * MIN_PER_DAY + min) % (WEEK_DAYS * MIN_PER_DAY);
		int wait = (at - now + WEEK_DAYS * MIN_PER_DAY - 1) % (WEEK_DAYS * MIN_PER_DAY) + 1;

		if ((days >> d & 1) && wait < best)
			best = wait;
	}
	return best;
}

static wall_t next_offset(const struct time_zone *tz, wall_t at)
{
	for (size_t i = 0; tz && i < tz->count; i++)
		if (tz->rows[i].from > at)
			return tz->rows[i].from;
	return INT64_MAX;
}

wall_t tariff_next(const struct tariff *t, const struct time_zone *tz, wall_t at)
{
	int best = INT32_MAX, now;
	wall_t minute, change = next_offset(tz, at);
	struct civil c;

	if (t->count == 0)
		return INT64_MAX;
	civil_from_wall(at, tz_offset_s(tz, at), &c);
	now = c.weekday * MIN_PER_DAY + c.hour * 60 + c.minute;
	for (size_t i = 0; i < t->count; i++) {
		const struct week_window *w = &t->windows[i].when;
		int opens = minutes_until(now, w->from_min, w->days, 0);
		int closes = minutes_until(now, w->to_min, w->days, w->to_min < w->from_min);

		best = opens < best ? opens : best;
		best = closes < best ? closes : best;
	}
	/* As long as the offset stays, minutes on the wall are minutes; where it changes, look again. */
	minute = at - ((at % US_PER_S) + US_PER_S) % US_PER_S - c.second * US_PER_S + best * 60 * US_PER_S;
	return change < minute ? change : minute;
}
