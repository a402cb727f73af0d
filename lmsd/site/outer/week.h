/* site/outer/week.h - windows of the week as people write them, in the site's time zone.
 *
 * "mon-fri 17:00-20:00", "sat,sun 11:00-14:00", "daily 22:00-06:00": days (two letters will do) and times.
 * A window over midnight belongs to the day on which it begins. What the clock on the wall says counts: an
 * hour that is left out in spring has no windows, one that comes twice in autumn has them twice.
 */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"

#define WEEK_WINDOWS_MAX 32
#define WEEK_DAYS        7
#define MIN_PER_DAY      1440

struct week_window {
	uint8_t days;			/* bit 0 = Monday, on which it begins */
	int from_min, to_min;		/* of the day; to <= from: over midnight */
};

struct week_text { const char *text, *at; struct diag *diag; };

/* Takes days and times, not what may follow them. 0, or -LMS_EDATA with diag, which says where in the text. */
int week_take(struct week_text *in, struct week_window *w);
bool week_take_char(struct week_text *in, char c);	/* after blanks; is it there? */
int week_complain(const struct week_text *in, const char *what);
bool week_is_open(const struct week_window *w, int weekday, int min);

struct schedule {
	struct week_window windows[WEEK_WINDOWS_MAX];
	size_t count;
};
/* "mo-fr 08:00-18:00; sa 09:00-12:00". 0, or -LMS_EDATA with diag. */
int schedule_parse(const char *text, struct schedule *out, struct diag *diag);
bool schedule_is_open(const struct schedule *s, const struct time_zone *tz, wall_t at);
