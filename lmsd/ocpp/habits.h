/* ocpp/habits.h - what is known of a vendor's or model's stations: data from etc/stations.
 *
 * A file has lines `key = value`; blank lines and those that begin with # are comments. Unknown keys
 * are refused with file and line. What an administrator sets for a station goes before it.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/types.h"
#include "ctl/ctl.h"

struct station;

#define HABITS_CONFIG_MAX 16

/* A configuration key that limits the current, for stations that are told their limits by it. */
struct habits_key {
	char name[52];			/* # in it stands for the number of a connector; "" = none is known */
	char way[60];			/* "config:" and the name: the key shedding of a station */
	enum { HABITS_A, HABITS_MA, HABITS_W } unit;	/* of its value: a current per phase, or a power of all */
	int64_t min, max;		/* that it takes beside `pause`; max NUM_NONE = any */
	int64_t pause;			/* the value for no current; NUM_NONE = there is none */
};
extern const struct habits_key habits_key_default;

struct ocpp_habits {
	struct ocpp_habits *next;
	char vendor[64], model[64];	/* as BootNotification says, case ignored; a trailing * matches any rest */
	bool watts, unit_said;		/* unit = A|W */
	bool output;			/* power_at = input|output: what powers of a DC station count */
	bool absolute;			/* kind = Absolute|Relative, of the profile of a transaction */
	bool number_phases;		/* numberPhases must be given */
	struct habits_key shedding;	/* shedding_key, _unit, _min, _max, _pause */
	bool tag_serial;		/* tags end in _SERIAL of the charger where they were shown */
	bool one_period;		/* periods = 1: a schedule has one; else two are tried where they help */
	int stack_level;
	int64_t step_ma;		/* 100 or 1000; NUM_NONE = not known */
	char limit_keys[200];		/* configuration keys that limit the current, with commas */
	char limit_transfers[200];	/* vendorId or vendorId/messageId of DataTransfer that do, with commas */
	char note[200];
	struct ctl_station_keys proposes;	/* propose.KEY: what station accept fills in */
	struct { const char *key, *value; int line; } config[HABITS_CONFIG_MAX];	/* config.KEY: of the station's own */
	size_t config_count;
	struct arena arena;		/* of these strings */
};

/* Adds one file's habits to the list. 0, or -LMS_EDATA with diag. */
int habits_add(struct ocpp_habits **list, const char *file, const char *text, size_t len, struct diag *diag);
void habits_free(struct ocpp_habits *list);
/* The most specific entry for what the station told at its boot; never NULL: the defaults. */
const struct ocpp_habits *habits_of(const struct ocpp_habits *list, const struct station *st);
/* The tag without the serial of a charger behind it, where the model adds one. false: as it is. */
bool habits_plain_tag(const struct ocpp_habits *h, const char *said, char *out, size_t size);
/* May this configuration key limit the current, or switch limits off? By its words, and by the files. */
bool habits_limit_key(const struct ocpp_habits *list, const char *key);
/* The same of a DataTransfer to the station. */
bool habits_limit_transfer(const struct ocpp_habits *list, const char *vendor, const char *message);
