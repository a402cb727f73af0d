/* helper_rig.h - a site on the balance under a virtual clock, whose stations accept what they are
 * sent after a fixed time unless told otherwise.
 */
#pragma once

#include "balance/balance.h"

#define RIG_ZONES 8
#define RIG_CONNS 32
#define RIG_LOG   4096

enum rig_answers { RIG_ACCEPTS, RIG_MUTE, RIG_REFUSES, RIG_TIMES_OUT };

struct rig_sent {
	mono_t at;
	struct bal_order order;
};

struct rig {
	struct balance *b;
	mono_t now;
	struct bal_zone_conf zones[RIG_ZONES];
	struct bal_conn_conf conns[RIG_CONNS];
	size_t zone_count, conn_count;
	char ids[RIG_CONNS][16], stations[RIG_CONNS][16];	/* of rig_park() */
	enum rig_answers answers[RIG_CONNS];
	int64_t answer_us;
	struct rig_sent sent[RIG_LOG];
	size_t sent_count, answered_to;
	bool answered[RIG_LOG];
	struct bal_store stored[RIG_CONNS];
	bool has_stored[RIG_CONNS];
	struct bal_alert alerts[RIG_LOG];
	size_t alert_count;
	bool over;	/* a sum of W was above its cap after a turn */
	bool meters;	/* good samples every second: building and cars below */
	int64_t building_ma[RIG_ZONES][PHASES];
	mono_t sampled;
	int64_t car_ma[RIG_CONNS];	/* draws this, or its limit; told every 10 s */
	phase_mask_t car_phases[RIG_CONNS];	/* 0 = all */
	bool ignores[RIG_CONNS];	/* the car draws all that it wants, whatever its limit */
	int64_t tells_ma[RIG_CONNS];	/* its station reports this instead; 0 = the truth */
	mono_t told;
	int64_t over_us;		/* that a metered total was above its limit, and the longest run */
	int64_t over_run_us, over_longest_us;
};

void rig_init(struct rig *r);
void rig_fini(struct rig *r);
int rig_zone(struct rig *r, const char *id, int parent, int64_t cap_ma);
uint32_t rig_conn(struct rig *r, const char *id, const char *station, int zone);
/* One zone "P1" with connectors CP1/1, CP2/1 … */
void rig_park(struct rig *r, int64_t cap_ma, uint32_t cars);
/* Configures; every station comes online and acknowledges its default limit. */
void rig_start(struct rig *r);
/* A transaction begins on a connector that may charge. */
void rig_charge(struct rig *r, uint32_t conn, int64_t session);
/* The site starts, the cars come one by one, and 15 s pass. */
void rig_charge_all(struct rig *r, uint32_t cars);
/* How many of the first ones may charge. */
int rig_charging(const struct rig *r, uint32_t cars);
void rig_run(struct rig *r, int64_t for_us);
/* Empties the log of what was sent; nothing may be waiting for an answer. */
void rig_forget(struct rig *r);
int64_t rig_limit(const struct rig *r, uint32_t conn);
int64_t rig_w(const struct rig *r, uint32_t conn);
/* The last order to a connector sent at or after `from`, or NULL. */
const struct bal_order *rig_sent(const struct rig *r, uint32_t conn, mono_t from);
/* How often an event of alert.def was told since rig_quiet(). */
int rig_told(const struct rig *r, const char *event);
void rig_quiet(struct rig *r);
const char *rig_why(const struct rig *r, uint32_t conn);
/* What the meter of a zone sees now. */
int64_t rig_total(const struct rig *r, int zone, int phase);
/* Draw on the phases of the mask, with the power that goes with it. */
void rig_draw(struct rig *r, uint32_t conn, phase_mask_t phases, int64_t ma);
