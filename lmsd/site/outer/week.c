/* site/outer/week.c - windows of the week: from text, and on the clock on the wall. */
#include "site/outer/week.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"

static const char *const day_names[WEEK_DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

int week_complain(const struct week_text *in, const char *what)
{
	return diag_set(in->diag, -LMS_EDATA, "at '%.20s' (character %d): %s", *in->at ? in->at : "the end",
			(int)(in->at - in->text) + 1, what);
}

static void skip_blanks(struct week_text *in)
{
	while (*in->at == ' ')
		in->at++;
}

bool week_take_char(struct week_text *in, char c)
{
	skip_blanks(in);
	if (*in->at != c)
		return false;
	in->at++;
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_day(struct week_text *in)
{
	size_t len = 0;

	skip_blanks(in);
	while (is_letter(in->at[len]))
		len++;
	for (int i = 0; i < WEEK_DAYS && (len == 2 || len == 3); i++)
		if (strncasecmp(in->at, day_names[i], len) == 0) {
			in->at += len;
			return i;
		}
	return -1;
}

static int take_days(struct week_text *in, uint8_t *days)
{
	skip_blanks(in);
	*days = 0;
	if (strncasecmp(in->at, "daily", 5) == 0) {
		in->at += 5;
		*days = 0x7f;
		return 0;
	}
	do {
		int from = take_day(in), to;

		if (from < 0)
			return week_complain(in, "is no day (write mon, tue, wed, thu, fri, sat, sun, mon-fri, or daily)");
		to = week_take_char(in, '-') ? take_day(in) : from;
		if (to < 0)
			return week_complain(in, "is no day to end with (write mon-fri)");
		for (int d = from;; d = (d + 1) % WEEK_DAYS) {
			*days |= (uint8_t)(1 << d);
			if (d == to)
				break;
		}
	} while (week_take_char(in, ','));
	return 0;
}

static int take_number(struct week_text *in, int digits_max)
{
	int v = 0, n = 0;

	for (; n < digits_max && *in->at >= '0' && *in->at <= '9'; n++)
		v = 10 * v + (*in->at++ - '0');
	return n ? v : -1;
}

static int take_time(struct week_text *in, int *min)
{
	struct week_text start = *in;
	int hour, minute;

	skip_blanks(in);
	start.at = in->at;
	hour = take_number(in, 2);
	if (hour < 0 || *in->at++ != ':' || in->at[0] < '0' || in->at[0] > '5')
		return week_complain(&start, "is no time (write 17:00)");
	minute = take_number(in, 2);
	if (minute < 0 || in->at[-2] == ':' || hour > 24 || (hour == 24 && minute))
		return week_complain(&start, "is no time (write 17:00; a day ends at 24:00)");
	*min = hour * 60 + minute;
	return 0;
}

int week_take(struct week_text *in, struct week_window *w)
{
	int ret = take_days(in, &w->days);

	if (!ret)
		ret = take_time(in, &w->from_min);
	if (!ret && !week_take_char(in, '-'))
		ret = week_complain(in, "needs '-' and a time to end with (write 17:00-20:00)");
	if (!ret)
		ret = take_time(in, &w->to_min);
	if (!ret && w->from_min == w->to_min)
		ret = week_complain(in, "ends when it begins (a whole day is 00:00-24:00)");
	if (!ret && w->from_min == MIN_PER_DAY)
		ret = week_complain(in, "begins at the end of its day (write 00:00 of the next)");
	if (!ret && w->to_min == 0)
		w->to_min = MIN_PER_DAY;
	return ret;
}

bool week_is_open(const struct week_window *w, int weekday, int min)
{
	bool today = w->days >> weekday & 1, yesterday = w->days >> (weekday + WEEK_DAYS - 1) % WEEK_DAYS & 1;

	if (w->from_min < w->to_min)
		return today && min >= w->from_min && min < w->to_min;
	return (today && min >= w->from_min) || (yesterday && min < w->to_min);
}

int schedule_parse(const char *text, struct schedule *out, struct diag *diag)
{
	struct week_text in = { text, text, diag };

	out->count = 0;
	do {
		skip_blanks(&in);
		if (!*in.at && out->count)
			return 0;	/* a ';' at the end */
		if (out->count == WEEK_WINDOWS_MAX)
			return week_complain(&in, "is one window too many (32 at most)");
		if (week_take(&in, &out->windows[out->count]))
			return -LMS_EDATA;
		out->count++;
	} while (week_take_char(&in, ';'));
	return *in.at ? week_complain(&in, "is not understood (write ';' between windows)") : 0;
}

bool schedule_is_open(const struct schedule *s, const struct time_zone *tz, wall_t at)
{
	struct civil c;

	civil_from_wall(at, tz_offset_s(tz, at), &c);
	for (size_t i = 0; i < s->count; i++)
		if (week_is_open(&s->windows[i], c.weekday, c.hour * 60 + c.minute))
			return true;
	return false;
}
