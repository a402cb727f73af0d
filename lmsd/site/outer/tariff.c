/* site/outer/tariff.c - windows of the week: from text, and on the clock on the wall. */
#include "site/outer/tariff.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define MIN_PER_DAY 1440
#define DAYS        7

static const char *const day_names[DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

/* ---- from text ---------------------------------------------------------------------------------- */

struct cursor {
	const char *text, *at;
	struct diag *diag;
};

static int complain(const struct cursor *in, const char *what)
{
	return diag_set(in->diag, -LMS_EDATA, "at '%.20s' (character %d): %s", *in->at ? in->at : "the end",
			(int)(in->at - in->text) + 1, what);
}

static void skip_blanks(struct cursor *in)
{
	while (*in->at == ' ')
		in->at++;
}

static bool take(struct cursor *in, char c)
{
	skip_blanks(in);
	if (*in->at != c)
		return false;
	in->at++;
	return true;
}

static int take_day(struct cursor *in)
{
	skip_blanks(in);
	for (int i = 0; i < DAYS; i++)
		if (strncasecmp(in->at, day_names[i], 3) == 0) {
			in->at += 3;
			return i;
		}
	return -1;
}

static int take_days(struct cursor *in, uint8_t *days)
{
	skip_blanks(in);
	if (strncasecmp(in->at, "daily", 5) == 0) {
		in->at += 5;
		*days = 0x7f;
		return 0;
	}
	do {
		int from = take_day(in), to;

		if (from < 0)
			return complain(in, "is no day (write mon, tue, wed, thu, fri, sat, sun, mon-fri, or daily)");
		to = take(in, '-') ? take_day(in) : from;
		if (to < 0)
			return complain(in, "is no day to end with (write mon-fri)");
		for (int d = from;; d = (d + 1) % DAYS) {
			*days |= (uint8_t)(1 << d);
			if (d == to)
				break;
		}
	} while (take(in, ','));
	return 0;
}

static int take_number(struct cursor *in, int digits_max)
{
	int v = 0, n = 0;

	for (; n < digits_max && *in->at >= '0' && *in->at <= '9'; n++)
		v = 10 * v + (*in->at++ - '0');
	return n ? v : -1;
}

static int take_time(struct cursor *in, int *min)
{
	struct cursor start = *in;
	int hour, minute;

	skip_blanks(in);
	start.at = in->at;
	hour = take_number(in, 2);
	if (hour < 0 || *in->at++ != ':' || in->at[0] < '0' || in->at[0] > '5')
		return complain(&start, "is no time (write 17:00)");
	minute = take_number(in, 2);
	if (minute < 0 || in->at[-2] == ':' || hour > 24 || (hour == 24 && minute))
		return complain(&start, "is no time (write 17:00; a day ends at 24:00)");
	*min = hour * 60 + minute;
	return 0;
}

static int take_current(struct cursor *in, struct phase_ma *limit)
{
	size_t len = strcspn(in->at, ";");
	struct diag said;
	char word[64];

	skip_blanks(in);
	len = strcspn(in->at, ";");
	if (len == 0 || len >= sizeof(word))
		return complain(in, "needs a current (write mon-fri 17:00-20:00 16)");
	memcpy(word, in->at, len);
	word[len] = '\0';
	diag_init(&said);
	if (parse_phase_ma(word, limit, &said))
		return complain(in, said.text);
	in->at += len;
	return 0;
}

static int take_window(struct cursor *in, struct tariff_window *w)
{
	int ret = take_days(in, &w->days);

	if (!ret)
		ret = take_time(in, &w->from_min);
	if (!ret && !take(in, '-'))
		ret = complain(in, "needs '-' and a time to end with (write 17:00-20:00)");
	if (!ret)
		ret = take_time(in, &w->to_min);
	if (!ret && w->from_min == w->to_min)
		ret = complain(in, "ends when it begins (a whole day is 00:00-24:00)");
	if (!ret && w->from_min == MIN_PER_DAY)
		ret = complain(in, "begins at the end of its day (write 00:00 of the next)");
	if (ret)
		return ret;
	if (w->to_min == 0)
		w->to_min = MIN_PER_DAY;
	return take_current(in, &w->limit);
}

int tariff_parse(const char *text, struct tariff *out, struct diag *diag)
{
	struct cursor in = { text, text, diag };

	*out = (struct tariff){ 0 };
	do {
		int ret;

		skip_blanks(&in);
		if (!*in.at && out->count)
			return 0;	/* a ';' at the end */
		if (out->count == TARIFF_WINDOWS_MAX)
			return complain(&in, "is one window too many (32 at most)");
		ret = take_window(&in, &out->windows[out->count]);
		if (ret)
			return ret;
		out->count++;
	} while (take(&in, ';'));
	return 0;
}

/* ---- on the clock on the wall -------------------------------------------------------------------- */

static bool is_open(const struct tariff_window *w, int weekday, int min)
{
	bool today = w->days >> weekday & 1, yesterday = w->days >> (weekday + DAYS - 1) % DAYS & 1;

	if (w->from_min < w->to_min)
		return today && min >= w->from_min && min < w->to_min;
	return (today && min >= w->from_min) || (yesterday && min < w->to_min);
}

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
		if (is_open(&t->windows[i], c.weekday, c.hour * 60 + c.minute))
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

	for (int d = 0; d < DAYS; d++) {
		int at = ((d + shift) % DAYS * MIN_PER_DAY + min) % (DAYS * MIN_PER_DAY);
		int wait = (at - now + DAYS * MIN_PER_DAY - 1) % (DAYS * MIN_PER_DAY) + 1;

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
		const struct tariff_window *w = &t->windows[i];
		int opens = minutes_until(now, w->from_min, w->days, 0);
		int closes = minutes_until(now, w->to_min, w->days, w->to_min < w->from_min);

		best = opens < best ? opens : best;
		best = closes < best ? closes : best;
	}
	/* As long as the offset stays, minutes on the wall are minutes; where it changes, look again. */
	minute = at - ((at % US_PER_S) + US_PER_S) % US_PER_S - c.second * US_PER_S + best * 60 * US_PER_S;
	return change < minute ? change : minute;
}
