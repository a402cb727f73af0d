/* balance/balance.h - who may draw what, now: the model, the control loop and the gate as one object.
 *
 * Pure: no clock, no I/O. `now` comes in, orders go out. Knows no OCPP word: a "limit" is a current
 * in mA per phase that a connector must not exceed, of one of two kinds (enum bal_limit_kind).
 * The promise (balance.md): the sum of what connectors may be obeying (W) never exceeds a zone's
 * cap on any phase; an increase is ordered only when it fits, and is sent only after its W is stored.
 *
 * Use: balance_configure() once and at every new configuration; tell it what happens; then call
 * balance_turn(), carry out the orders, and call again at balance_next_due() at the latest.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/types.h"

struct balance;

/* ---- what is configured ---------------------------------------------------------------- */

enum bal_policy { BAL_KEEP_MIN, BAL_STRICT, BAL_EQUAL, BAL_PRIORITY, BAL_FIFO };

/* Grid phase at the terminals L1, L2, L3 of the connector; single-phase wirings use one grid phase. */
enum bal_wiring {
	BAL_WIRING_UNKNOWN,	/* counts on all three */
	BAL_RST, BAL_STR, BAL_TRS, BAL_RTS, BAL_SRT, BAL_TSR,
	BAL_L1, BAL_L2, BAL_L3
};

/* Timers with the designed defaults; 0 in a zone's copy means "as its parent, else the default". */
struct bal_timers {
	int64_t min_on_us;		/* 5 min */
	int64_t min_off_us;		/* 3 min */
	int64_t rotate_us;		/* 15 min */
	int64_t welcome_us;		/* 3.5 min */
	int64_t wake_us;		/* 120 s */
	int64_t reclaim_us;		/* 60 s */
	int64_t raise_us;		/* 15 s between increases of a dynamic budget */
	int64_t raise_after_cut_us;	/* 30 s */
	int64_t meter_stale_us;		/* 5 s: no increases */
	int64_t meter_lost_us;		/* 8 s, and never more: the meter_lost current */
};

/* Sizes at which it acts, likewise. */
struct bal_thresholds {
	int64_t start_permille;		/* 1200: of the minimum, that a start needs where dynamic */
	int64_t small_raise_ma;		/* 1 A: increases below it wait */
};

/* What the sun does for a zone. */
enum bal_pv {
	BAL_PV_OFF,
	BAL_PV_SURPLUS,			/* cars share only what would be fed into the grid */
	BAL_PV_MIN_SURPLUS,		/* each has its minimum in any case */
	BAL_PV_BOOST			/* the zone's fixed cap is higher by what is produced */
};

struct bal_pv_conf {
	enum bal_pv strategy;
	bool grid, production;		/* what is measured (balance_pv); surplus needs one, boost the latter */
	bool probe;			/* the inverter never exports: try whether it has more */
	int64_t min_w;			/* less sun than this is none; 0 = what a car needs */
	int64_t start_us, stop_us;	/* enough before a car starts, too little before one stops: 60 s, 180 s */
	bool dynamic;			/* boost raises the dynamic limit as well: its meter sees loads alone */
	struct phase_ma rating;		/* boost never goes beyond; 0 = none */
};

struct bal_zone_conf {
	const char *id;			/* unique; that of a station's zone is the station's, after "station " */
	bool of_station;		/* one station's own limit */
	int parent;			/* index, -1 for a root; parents precede children */
	int phases;			/* 1 (only l[0] counts) or 3 */
	struct phase_ma cap;		/* static: least of fuse less derating and static limit; NUM_NONE = none */
	int64_t cap_w;			/* total of the three phases, NUM_NONE = none */
	struct phase_ma dynamic;	/* limit of the measured total; NUM_NONE on all = not dynamic */
	struct phase_ma meter_lost;	/* EV current while the meter is silent; set where dynamic is */
	int64_t margin_ma;		/* kept free under the dynamic limit */
	int64_t min_ma;			/* least current for a connector below; NUM_NONE = 6 A */
	enum bal_policy policy;
	struct bal_timers timers;
	struct bal_thresholds thresholds;
	bool grid;			/* follows the grid signal: a dead lmsd must not leave limits standing */
	struct phase_ma grid_lost;	/* where it does: EV current while the signal is lost; NUM_NONE = none */
	int grid_lost_sessions;		/* the same as connectors that may have a limit above 0; 0 = any number */
	struct bal_pv_conf pv;
};

struct bal_conn_conf {
	const char *id;			/* "STATION/1": W survives a new configuration by it */
	const char *station;		/* connectors of one station share its online state and settle time */
	int zone;
	enum bal_wiring wiring;
	int64_t min_ma, max_ma;		/* min at least 6 A */
	int64_t step_ma;		/* 100 or 1000 */
	int64_t idle_ma;		/* the station's default limit while no transaction runs */
	int64_t settle_us;		/* from acceptance to obeyed; 5 s */
	bool vip;
	int priority;			/* larger is served first under BAL_PRIORITY */
	bool manageable;		/* false: a reservation of max_ma, always */
	bool proven;			/* `station accept --test` passed: holds its profile offline and over a reboot */
	bool on_off;			/* type E socket: 0 or max */
	bool dc;			/* takes a power from all its phases alike; min is its model's, no 6 A */
	bool one_limit;			/* it knows one limit: what is set last holds, also when the transaction is over */
	uint32_t method;		/* how it is told its limits: by another number, what it was told is unknown */
	bool fixed_phases;		/* counts on all that it is wired to, whatever its cars seem to use */
	bool even_watts;		/* makes amperes of a power by all of them, whatever its cars use */
};

struct bal_conf {
	const struct bal_zone_conf *zones;	size_t zone_count;
	const struct bal_conn_conf *conns;	size_t conn_count;
	int64_t voltage_min, voltage_max;	/* V, where watts meet currents; 0 = 207 and 253 */
};

/* Limits of a zone that come and go while its configuration stays; the least of all holds. */
enum bal_outer {
	BAL_OUTER_OVERRIDE,	/* the administrator's, for a while */
	BAL_OUTER_GRID,		/* the grid operator's signal */
	BAL_OUTER_TARIFF,	/* windows and prices */
	BAL_OUTER_SOURCE,	/* the state of a generator or a storage */
	BAL_OUTER_KINDS
};

struct bal_outer_limit {
	struct phase_ma limit;		/* NUM_NONE = none */
	int sessions;			/* connectors below that may have a limit above 0; 0 = any number */
	bool lost;			/* it holds because nobody tells what it depends on */
};

/* ---- what happens ---------------------------------------------------------------------- */

/* The one table (balance.md "Who competes") maps what OCPP says to these in the ocpp room. */
enum bal_use {
	BAL_NONE,		/* Available, Unavailable, Reserved, Faulted without transaction: x = 0 */
	BAL_WELCOME,		/* plugged, not yet accepted: may hold a welcome slot */
	BAL_WAITS,		/* accepted tag, transaction about to start: competes */
	BAL_CHARGING,		/* transaction running and drawing or able to */
	BAL_FULL,		/* SuspendedEV after its wake-up: admitted last, from what is left */
	BAL_STOPPED		/* transaction over, car still there */
};

enum bal_limit_kind {
	BAL_LIMIT_IDLE,		/* the default that holds while no transaction runs */
	BAL_LIMIT_TX		/* for the running transaction */
};

enum bal_answer { BAL_ACCEPTED, BAL_REFUSED, BAL_TIMEOUT, BAL_DROPPED /* never left: connection lost before */ };

/* One message to a station. Orders of one turn are in the order in which they must leave. (A new member
 * is hashed in journal.c, so that a replay compares it.) */
struct bal_order {
	uint32_t conn;			/* index in the configuration given last */
	enum bal_limit_kind kind;
	int64_t limit_ma;		/* per phase */
	int64_t given_ma;		/* if it has to be told as a power: this times voltage_min */
	bool raises;			/* must leave only after `store_w` is on disk */
	int64_t fallback_us;		/* this long from now the limit falls to `fallback_ma` by itself … */
	int64_t fallback_given_ma;	/* if it has to be told as a power */
	int64_t fallback_ma;		/* … unless another order comes; fallback_us 0 = it stays as it is */
	uint64_t token;			/* comes back with balance_answer() */
};

/* What must be on disk for a restart: the most that a connector may be obeying. */
struct bal_store {
	uint32_t conn;
	int64_t w_ma;			/* of one that is told a power: as `given_ma` */
	bool idle_acked;		/* its default limit has been acknowledged since its last boot */
};

struct bal_sample {			/* of the meter that feeds a zone, signed: + is import */
	struct phase_ma current;
	struct phase_ma voltage_mv;	/* NUM_NONE if unknown */
	mono_t at;
	bool good;			/* plausible */
};

enum bal_pv_source { BAL_PV_GRID, BAL_PV_PRODUCTION };

struct bal_pv_sample {
	int64_t power_w;		/* sum of the phases: + is import, or production; NUM_NONE if unknown */
	struct phase_ma current;	/* the same per phase; only production's is looked at */
	int64_t voltage_mv;		/* mean, NUM_NONE if unknown */
	mono_t at;
	bool good;			/* plausible */
};

/* Why a connector has its limit; code from reason.def. */
struct bal_reason {			/* without gaps: snapshots are its bytes */
	const char *name;		/* "zone_saturated" */
	int64_t value;			/* place in the queue, seconds …; NUM_NONE */
	int code;			/* enum bal_reason_code */
	int zone;			/* index or -1 */
	int phase;			/* 0..2 or -1 */
	int other;			/* index of the connector it waits for, or -1 */
};

/* What somebody must know of has begun, or is over (alert.def). */
enum bal_alert_scope { BAL_ALERT_SITE, BAL_ALERT_ZONE, BAL_ALERT_CONN };

struct bal_alert {
	int code;			/* enum bal_alert_code */
	bool begins;			/* false: it is over */
	const char *object;		/* its id, until the next configuration; "" for the site */
	struct bal_reason about;	/* zone, or connector as `other` */
};

struct bal_alert_info {
	enum bal_alert_scope scope;
	enum log_level level;
	const char *begins, *ends;	/* event ids */
	int64_t after_us, gone_us;
	const char *text, *end_text;
};

struct bal_conn_view {
	int64_t target_ma;		/* what the allocator wants it to have */
	int64_t limit_ma;		/* last confirmed limit; NUM_NONE = never confirmed */
	int64_t w_ma;			/* the most it may be obeying */
	int64_t pending_ma;		/* NUM_NONE = nothing in flight */
	int64_t fallback_ma;		/* what it falls to when nothing is heard of us; NUM_NONE = keeps its limit */
	phase_mask_t phases;		/* grid phases counted for it now */
	bool uncontrollable;
	bool draw_strange;		/* its last sample cannot be true */
	int64_t min_ma, max_ma;		/* of the last turn; NUM_NONE for one that does not compete */
	bool vip, admitted;
	struct bal_reason reason;
};

struct bal_zone_view {
	struct phase_ma cap;		/* in force now, the least of all that apply */
	struct phase_ma sum_w;		/* of all connectors below, reservations included */
	struct phase_ma load;		/* measured, else sum of draws */
	struct phase_ma non_ev;		/* estimate; NUM_NONE where nothing measures */
	struct phase_ma budget;		/* that the dynamic limit leaves; NUM_NONE = none */
	int sessions;			/* that may charge at a time; 0 = any number */
	const char *cap_why;		/* "static", "dynamic", "meter_lost", "override", "grid" …, "parent" */
	bool meter_ok, meter_lost;
	int competing, admitted;
	int64_t seconds_over;		/* since start: sum_w above a fixed cap, or load above a dynamic limit */
};

enum bal_pv_state {
	BAL_PV_NONE,			/* no strategy */
	BAL_PV_WAITS,			/* nothing measured since the start */
	BAL_PV_OK,
	BAL_PV_PROBES,			/* tries whether an inverter that never exports has more */
	BAL_PV_LOST			/* no good value for too long: as without PV */
};

struct bal_pv_view {			/* W; NUM_NONE = not known */
	enum bal_pv_state state;
	int64_t grid_w, production_w, draw_w;	/* latest; draw: of all cars below */
	int64_t surplus_w;		/* mean of the last seconds, of which */
	int64_t budget_w;		/* cars may use this, and */
	int64_t start_w;		/* this has been there long enough to start by */
	int following, charging;	/* cars that it binds, and those of them that are admitted */
	struct phase_ma boost;		/* added to the fixed cap */
};

/* Whatever is added below that changes what a turn decides has a row in journal.def: it is recorded. */
struct balance *balance_new(void);
void balance_free(struct balance *b);

/* Replaces the model; what is known of connectors with the same id stays. A connector that is new
 * counts at its maximum until its idle limit is acknowledged, unless balance_restore() says less.
 * `conf` is copied. 0, or -LMS_EDATA with diag (contradiction); nothing is changed then. */
int balance_configure(struct balance *b, const struct bal_conf *conf, mono_t now, struct diag *d);
/* The same checks alone: what balance_configure() would say. */
int balance_check(const struct bal_conf *conf, struct diag *d);

/* After a restart: the stored W counts until the station acknowledges anew. */
void balance_restore(struct balance *b, uint32_t conn, int64_t w_ma, bool idle_acked);

void balance_online(struct balance *b, const char *station, bool online, mono_t now);
void balance_booted(struct balance *b, const char *station, mono_t now);	/* forgets acknowledgements */
/* Can its limits fall by themselves (its clock is right and it takes a limit that changes with time)?
 * Not until said so; `false` also says that the orders of late were sent without. */
void balance_fallback(struct balance *b, const char *station, bool takes);
/* `session` is any number that changes with each transaction (0 = none); `vip` is the tag's. */
void balance_use(struct balance *b, uint32_t conn, enum bal_use use, int64_t session, bool vip, mono_t now);
/* Measured draw as grid phases (the caller applied the wiring), signed; NUM_NONE per unknown phase.
 * power_w NUM_NONE if the station does not say. */
void balance_draw(struct balance *b, uint32_t conn, const struct phase_ma *draw, int64_t power_w, mono_t at);
/* It reported a current that is no number. */
void balance_draw_nonsense(struct balance *b, uint32_t conn, mono_t at);
void balance_meter(struct balance *b, int zone, const struct bal_sample *sample);
/* What feeds a zone's PV strategy; a source that it does not name is passed over. */
void balance_pv(struct balance *b, int zone, enum bal_pv_source source, const struct bal_pv_sample *sample);
/* The connector charges without looking at the sun (its station, tag or holder is exempt). */
void balance_pv_exempt(struct balance *b, uint32_t conn, bool exempt);
void balance_answer(struct balance *b, uint32_t conn, uint64_t token, enum bal_answer answer, mono_t now);
/* Its station is told limits as a power (watts.h); false until it is said. */
void balance_watts(struct balance *b, uint32_t conn, bool watts);
/* The least current that the present vehicle charges with; NUM_NONE = it does not say. */
void balance_conn_min(struct balance *b, uint32_t conn, int64_t min_ma);
/* Administrator's cap on one connector; NUM_NONE ends it. */
void balance_conn_cap(struct balance *b, uint32_t conn, int64_t max_ma, mono_t now);
/* One limit of a zone from outside, in place of the last of its kind; NULL ends it. It outlives a new
 * configuration as long as the zone exists. Views show it at once. A number of sessions binds targets:
 * one that has to pause may draw until it has acknowledged, beside the one that takes its place. */
void balance_zone_outer(struct balance *b, int zone, enum bal_outer kind, const struct bal_outer_limit *limit);
void balance_store_failed(struct balance *b, bool failed);	/* limits only fall while true */
/* A message by hand that would set `limit_ma` (NUM_NONE: releases any limit): may it leave?
 * true = its W has been reserved (a bal_store follows in the next turn) and balance_answer() must
 * come with *token. false: *blame names the zone and phase that it would exceed. */
bool balance_admit_manual(struct balance *b, uint32_t conn, enum bal_limit_kind kind, int64_t limit_ma,
			  uint64_t *token, struct bal_reason *blame, mono_t now);

/* Recomputes and answers what must be sent and stored now. Arrays live in `arena`. */
struct bal_turn {
	const struct bal_order *orders;	size_t order_count;
	const struct bal_store *stores;	size_t store_count;
	const struct bal_alert *alerts;	size_t alert_count;	/* what began or ended, once each */
};
void balance_turn(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out);
mono_t balance_next_due(const struct balance *b);

/* What it was configured with: indices are those of the configuration given last. */
size_t balance_conn_count(const struct balance *b);
size_t balance_zone_count(const struct balance *b);
const char *balance_conn_id(const struct balance *b, uint32_t conn);
const char *balance_zone_id(const struct balance *b, int zone);
int balance_zone_find(const struct balance *b, const char *id);	/* -1 = none; not what is of_station */
int balance_conn_zone(const struct balance *b, uint32_t conn);
int balance_zone_parent(const struct balance *b, int zone);
enum bal_use balance_conn_use(const struct balance *b, uint32_t conn);
bool balance_conn_below(const struct balance *b, uint32_t conn, int zone);	/* at any depth */
void balance_conn_view(const struct balance *b, uint32_t conn, struct bal_conn_view *out);
void balance_zone_view(const struct balance *b, int zone, struct bal_zone_view *out);
/* All of them in one pass over the connectors; `out` has room for each. */
void balance_zone_views(const struct balance *b, struct arena *arena, struct bal_zone_view *out);
void balance_pv_view(const struct balance *b, int zone, struct bal_pv_view *out);
/* Counts up while the balance lives, over configurations too: how long the zone was the bottleneck of at
 * least one car, and how much current was missing. Divided by 3.6e9 and times 230 V that is Wh. */
struct bal_shortage { int64_t held_ms, missing_mams; };
void balance_shortage(const struct balance *b, int zone, mono_t now, struct bal_shortage *out);
/* The chain of causes in words, from the nearest to the farthest; returns how many of `max`. */
struct bal_cause { struct bal_reason reason; char text[200]; };
size_t balance_explain(const struct balance *b, uint32_t conn, struct bal_cause *out, size_t max, mono_t now);
/* "override", "grid", "tariff" …: in cap_why, in reasons, and in explanations. */
const char *balance_outer_name(enum bal_outer kind);
/* NULL for a code beyond the last: they count from 0. */
const struct bal_alert_info *balance_alert_info(int code);
/* What the connectors below a zone have reported to draw at `since` or later, on the phase where it is
 * most; of those whose reports are doubted nothing. */
int64_t balance_drawn_since(const struct balance *b, int zone, mono_t since);
void balance_alert_text(const struct balance *b, const struct bal_alert *a, char *out, size_t size);
/* What was told of a zone or connector and is not over, in words of now; "" = nothing. */
void balance_trouble(const struct balance *b, enum bal_alert_scope scope, uint32_t at, char *out, size_t size);
/* One reason in words: "zone P1 is full on L2 (60 A shared by 3)". */
void balance_reason_text(const struct balance *b, const struct bal_reason *r, char *out, size_t size);
