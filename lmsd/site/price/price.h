/* site/price/price.h - what a kilowatt-hour costs, and when: of a zone, or of the whole site.
 *
 * "0.35; 2026-07-01 0.38; mon-fri 17:00-20:00 0.45; 2026-07-01..2026-08-31 sat,sun 00:00-24:00 0.30": amounts
 * of the site's currency, each with the days from which on (or from and to) and the windows of the week
 * (week.h) in which it holds; the last one that holds is the price. The price at the start is that of the
 * whole transaction, and is kept with it: what is changed later changes no bill.
 *
 * Amounts are integers: ten-thousandths of the currency for a kilowatt-hour, hundredths for a transaction.
 */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"
#include "site/outer/week.h"

#define PRICE_ROWS_MAX 32
#define PRICE_E4_MAX   INT64_C(1000000)	/* 100 a kilowatt-hour */
#define PRICE_TEXT_MAX 24

struct price_row {
	int32_t from_day, to_day;	/* since 1970, both within; INT32_MIN, INT32_MAX = open */
	bool weekly;
	struct week_window when;	/* if weekly */
	int64_t e4;
};

struct price_list {
	struct price_row rows[PRICE_ROWS_MAX];
	size_t count;
};

/* 0, or -LMS_EDATA with diag, which says where in the text. */
int price_parse(const char *text, struct price_list *out, struct diag *diag);
/* NUM_NONE: none holds then. */
int64_t price_at(const struct price_list *l, const struct time_zone *tz, wall_t at);
/* Of so much energy, in hundredths, rounded half up; NUM_NONE without a price. */
int64_t price_cost_e2(int64_t energy_wh, int64_t e4);
/* "0.35" (as many decimals as it needs, two at least) and "8.09"; NUM_NONE gives NULL. */
const char *price_text(int64_t e4, char out[PRICE_TEXT_MAX]);
const char *price_cost_text(int64_t e2, char out[PRICE_TEXT_MAX]);
