/* balance/alert.h - edges of what alert.def names: told once when it begins, once when it is over. */
#pragma once

#include "balance/balance.h"

enum bal_alert_code {
#define ALERT(code, ...) BAL_ALERT_##code,
#include "balance/alert.def"
#undef ALERT
	BAL_ALERT_COUNT
};

/* Of one object; all zero at first. */
struct alerts {
	uint32_t told;			/* bit per code: its begin was told, its end was not */
	uint32_t moving;		/* has not been as told since since[code] */
	mono_t since[BAL_ALERT_COUNT];
};

/* Looks at everything; what began or ended is in out->alerts. */
void alert_run(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out);
