/* site/price/price.c - see price.h. */
#include "site/price/price.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define DAY_US (INT64_C(86400) * US_PER_S)

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "2026-07-01" */
static bool looks_like_day(const char *s)
{
	static const char shape[] = "dddd-dd-dd";

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? !digit(s[i]) : s[i] != shape[i])
			return false;
	return true;
}

static int take_day(struct week_text *in, int32_t *day)
{
	char text[24];
	wall_t t;

	if (!looks_like_day(in->at))
		return week_complain(in, "needs a day (write 2026-07-01)");
	snprintf(text, sizeof(text), "%.10sT00:00:00Z", in->at);
	if (rfc3339_parse(text, strlen(text), &t))
		return week_complain(in, "is no day of the calendar (write 2026-07-01)");
	*day = (int32_t)(t / DAY_US);
	in->at += 10;
	return 0;
}

static int take_days(struct week_text *in, struct price_row *r)
{
	int ret;

	r->from_day = INT32_MIN;
	r->to_day = INT32_MAX;
	if (!looks_like_day(in->at))
		return 0;
	ret = take_day(in, &r->from_day);
	if (ret || strncmp(in->at, "..", 2) != 0)
		return ret;
	in->at += 2;
	ret = take_day(in, &r->to_day);
	if (!ret && r->to_day < r->from_day)
		ret = week_complain(in, "ends before it begins (write the earlier day first)");
	return ret;
}

/* "0.35": up to four decimals. */
static int take_amount(struct week_text *in, int64_t *e4)
{
	int64_t v = 0;
	int decimals = -1;
	const char *s = in->at;

	for (; digit(*s) || (*s == '.' && decimals < 0); s++) {
		if (*s == '.') {
			decimals = 0;
			continue;
		}
		v = v * 10 + (*s - '0');
		decimals += decimals >= 0;
		if (v > PRICE_E4_MAX || decimals > 4)
			return week_complain(in, "is no price (write 0.35: at most 100 a kWh, with at most four decimals)");
	}
	if (s == in->at || decimals == 0 || (*s && !strchr(" ;", *s)))
		return week_complain(in, "needs a price for a kWh (write 0.35)");
	for (int i = decimals < 0 ? 0 : decimals; i < 4; i++)
		v *= 10;
	if (v > PRICE_E4_MAX)
		return week_complain(in, "is no price (write 0.35: at most 100 a kWh)");
	*e4 = v;
	in->at = s;
	return 0;
}

static void skip_blanks(struct week_text *in)
{
	while (*in->at == ' ')
		in->at++;
}

static int take_row(struct week_text *in, struct price_row *r)
{
	int ret = take_days(in, r);

	skip_blanks(in);
	if (!ret && *in->at && !digit(*in->at)) {
		r->weekly = true;
		ret = week_take(in, &r->when);
		skip_blanks(in);
	}
	return ret ? ret : take_amount(in, &r->e4);
}

int price_parse(const char *text, struct price_list *out, struct diag *diag)
{
	struct week_text in = { text, text, diag };
	int ret;

	*out = (struct price_list){ 0 };
	do {
		skip_blanks(&in);
		if (!*in.at && out->count)
			return 0;	/* a ';' at the end */
		if (out->count == PRICE_ROWS_MAX)
			return week_complain(&in, "is one price too many (32 at most)");
		ret = take_row(&in, &out->rows[out->count]);
		if (ret)
			return ret;
		out->count++;
	} while (week_take_char(&in, ';'));
	return *in.at ? week_complain(&in, "is not understood (put ; between prices)") : 0;
}

int64_t price_at(const struct price_list *l, const struct time_zone *tz, wall_t at)
{
	int32_t offset = tz_offset_s(tz, at);
	wall_t local = at + offset * US_PER_S;
	int32_t day = (int32_t)(local / DAY_US - (local % DAY_US < 0));
	int64_t e4 = NUM_NONE;
	struct civil c;

	civil_from_wall(at, offset, &c);
	for (size_t i = 0; i < l->count; i++) {
		const struct price_row *r = &l->rows[i];

		if (day >= r->from_day && day <= r->to_day &&
		    (!r->weekly || week_is_open(&r->when, c.weekday, c.hour * 60 + c.minute)))
			e4 = r->e4;
	}
	return e4;
}

int64_t price_cost_e2(int64_t energy_wh, int64_t e4)
{
	if (e4 == NUM_NONE || energy_wh == NUM_NONE || energy_wh < 0 || energy_wh > INT64_MAX / PRICE_E4_MAX)
		return NUM_NONE;
	return (energy_wh * e4 + 50000) / 100000;
}

const char *price_text(int64_t e4, char out[PRICE_TEXT_MAX])
{
	size_t len;

	if (e4 == NUM_NONE)
		return NULL;
	len = (size_t)snprintf(out, PRICE_TEXT_MAX, "%lld.%04lld", (long long)(e4 / 10000), (long long)(e4 % 10000));
	for (int i = 0; i < 2 && out[len - 1] == '0'; i++)
		out[--len] = '\0';
	return out;
}

const char *price_cost_text(int64_t e2, char out[PRICE_TEXT_MAX])
{
	if (e2 == NUM_NONE)
		return NULL;
	snprintf(out, PRICE_TEXT_MAX, "%lld.%02lld", (long long)(e2 / 100), (long long)(e2 % 100));
	return out;
}
