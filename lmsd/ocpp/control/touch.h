/* ocpp/control/touch.h - what a message by hand would do to limits (balance.md, "No way around"). */
#pragma once

#include "ocpp/ocpp.h"

struct ocpp_habits;

struct touch {
	int connector;		/* 0 = all */
	bool idle;		/* the default limit; else that of the transaction */
	int64_t limit_ma;	/* NUM_NONE = released */
	int64_t stack_level;	/* that it is set at; NUM_NONE = it sets none */
};

/* `sc` may be NULL: nobody configured the station. false: this message sets and releases no limit. Whatever cannot be read counts as released. */
bool touch_find(const char *action, const struct json *payload, const struct ocpp_habits *habits,
		const struct station_conf *sc, int64_t voltage_min, struct touch *out);
