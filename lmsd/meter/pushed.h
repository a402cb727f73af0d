/* meter/pushed.h - meters whose values are told instead of read: by command, or by an MQTT topic.
 *
 * Pure. What is told becomes registers of a profile that has every variable, so that signs, phases, plausibility and
 * quality are those of a meter that is read. A value that is told is good until it is stale; nothing renews it but the
 * next one. What cannot be understood, or cannot be true, is refused whole: it changes nothing.
 */
#pragma once

#include "meter/meter.h"

#define PUSHED_MODEL	"pushed"
#define PUSHED_TEXT_MAX 4096	/* bytes of a payload */
#define PUSHED_TOPIC_MAX 200
#define PUSHED_PATH_MAX 64
/* By so much what is produced may be negative: an inverter's own need at night. */
#define PUSHED_NIGHT_W INT64_C(100)

/* Every variable; passes profile_check(). */
struct meter_profile *pushed_profile(void);

enum pushed_by { PUSHED_COMMAND, PUSHED_MQTT };

/* "command", "mqtt:TOPIC" or "mqtt:TOPIC#PATH,UNIT": a number at a path in JSON ("ENERGY.Power", "emeters.0.power") or,
 * with an empty path, the whole payload, as total power in that unit (W). */
struct pushed_address {
	enum pushed_by by;
	char topic[PUSHED_TOPIC_MAX + 1];
	bool is_power;		/* a path or unit is given: nothing but the total power is taken */
	char path[PUSHED_PATH_MAX + 1];
	int exp10;		/* of the unit: 0 W, 3 kW, 6 MW */
};

/* Does it look like one? Such an address needs the profile above, and the other way round. */
bool pushed_is_address(const char *text);
/* 0, or -LMS_EDATA with what is wrong and how to write it. */
int pushed_address_parse(const char *text, struct pushed_address *out, struct diag *d);
/* Can it be published to and subscribed to as it is, without wildcards? 0, or -LMS_EDATA beginning with `what`. */
int topic_check(const char *topic, const char *what, struct diag *d);

/* What was told at once. */
struct meter_push {
	uint64_t set;				/* bits of enum meter_var, of the device's phases */
	int64_t v[METER_VAR_COUNT];		/* fixed-point units of their dimensions */
	int64_t age_us;				/* when it came, by the time that it names itself; 0 = none named */
};

/* A payload: a number, which is the total power in W; or a JSON object with members named as in variable.def, in the
 * units that values are shown in (W, A, V, Wh …), and perhaps "time" (RFC 3339, or seconds since 1970). `strict`:
 * members with other names are refused, else passed over as long as one is known.
 * 0, or -LMS_EDATA/-LMS_ERANGE with diag; `out` is of no use then. */
int push_parse(const struct pushed_address *a, const char *text, size_t len, bool strict, wall_t wall,
	       struct meter_push *out, struct diag *d);
/* Adds one variable. 0, or -LMS_ERANGE where no such quantity can be so large. */
int push_set(struct meter_push *p, enum meter_var var, int64_t v, struct diag *d);
/* Can the meter have told it? `produces`: it sees what is produced (scope=pv), which is positive; older than the
 * meter's stale time, or than the values that were told last, which are `last_age_us` old (NUM_NONE = there are none),
 * or with nothing in it, is refused too. 0, or -LMS_EDATA. */
int push_check(const struct meter_push *p, const struct meter_setup *s, bool produces, int64_t last_age_us, struct diag *d);

/* The same as a poll; `out` points into `room`. */
struct push_room {
	struct meter_block blocks[METER_VAR_COUNT];
	uint16_t words[METER_VAR_COUNT][4];
};
void push_reading(const struct meter_push *p, mono_t now, wall_t wall, struct push_room *room, struct meter_reading *out);
