/* site/site.h - the site in memory: configuration generations and live state. The truth while running.
 *
 * Pure. Configuration (struct site_conf) is immutable: a change stages a candidate, checks it whole,
 * stores it, and then swaps (site/edit.h). Live objects (stations, connectors, transactions, tags) keep
 * their addresses until deleted and are found by id. Who writes what: the ocpp room writes station,
 * connector status and measured values; the site's own functions write transactions and tags; the
 * hall writes the `view` members that come from balance and meter.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "base/types.h"
#include "ctl/ctl.h"
#include "effect.h"
#include "site/ledger/curve.h"
#include "site/door/security.h"
#include "site/outer/heard.h"
#include "site/outer/signal.h"

/* The pure rooms may not reach exit(): memory that is short ends the process in xmalloc. */
#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

/* ---- configuration: one immutable generation ------------------------------------------- */

struct zone_conf {
	struct ctl_zone_keys k;
	int pv_grid, pv_sun;		/* meters: scope=grid of the zone or the nearest above, and pv_meter */
	int parent, meter, source;	/* indices, -1 = none */
	const struct tariff *tariff;	/* NULL = none */
	const struct source_caps *caps;	/* of its source; NULL = none */
	int phases;			/* 1 or 3 */
	struct phase_ma cap;		/* least of fuse less derating and static limit; NUM_NONE = none */
};

struct tariff;
struct source_caps;

struct source_conf {
	struct ctl_source_keys k;
	const struct state_way *way;	/* NULL = staff tells its state */
};

struct meter_conf {
	struct ctl_meter_keys k;
};

struct connector_conf {
	struct ctl_connector_keys k;	/* as set; unset ones are the station's */
	int number;			/* OCPP connectorId, from 1 */
	/* in force, from connector, station, default */
	const char *wiring, *type;
	int64_t max_ma, min_ma;		/* of a DC connector by its powers, at the lowest voltage */
	int meter;			/* of its own, -1 = the station tells */
	bool dc;
	int64_t power_w;		/* DC: as its station counts it; NUM_NONE */
	bool vip, manageable;
	int priority;
	const char *shedding_key;	/* configuration key that limits it; NULL = charging profiles */
	bool one_limit;			/* what is set for a transaction outlives it: by key, or by its default profile */
	uint32_t method;		/* changes with the way in which it is told its limits */
};

struct station_conf {
	struct ctl_station_keys k;
	int zone;			/* index, -1 = none */
	int64_t step_ma, idle_ma;
	bool proven;
	bool local_list, local_first, auth_cache;	/* in force, the site's where it has no rule of its own */
	struct connector_conf *connectors;
	size_t connector_count;
};

struct site_conf {
	struct arena arena;
	uint64_t generation;
	struct ctl_site_keys site;
	const struct state_way *grid_way;	/* NULL = staff tells the grid signal */
	int64_t voltage_min, voltage_max;	/* V, in force */
	struct zone_conf *zones;	size_t zone_count;	/* parents precede children */
	struct meter_conf *meters;	size_t meter_count;	/* by id */
	struct source_conf *sources;	size_t source_count;	/* by id */
	struct ctl_group_keys *groups;	size_t group_count;	/* of stations, by id */
	struct ctl_tag_group_keys *tag_groups;	size_t tag_group_count;	/* by id */
	struct station_conf *stations;	size_t station_count;	/* by id */
	int *zone_order;		/* indices of zones by id */
	struct draft *draft;		/* keys that it is built from; NULL once it is whole */
};

int site_conf_zone(const struct site_conf *c, const char *id);	/* index or -1 */
int site_conf_meter(const struct site_conf *c, const char *id);
int site_conf_station(const struct site_conf *c, const char *id);
int site_conf_source(const struct site_conf *c, const char *id);
int site_conf_group(const struct site_conf *c, const char *id);
int site_conf_tag_group(const struct site_conf *c, const char *id);
/* Grid phases that a wiring uses: three for a rotation and for unknown. */
phase_mask_t wiring_phases(const char *wiring);
/* Is `zone` below or equal to `above`? Indices. */
bool site_conf_zone_below(const struct site_conf *c, int zone, int above);

/* ---- live state ------------------------------------------------------------------------ */

/* What a connector needs from the balance; the ocpp room keeps it (ocpp/limit/use.c is the table). */
enum conn_use { USE_NONE, USE_WELCOME, USE_WAITS, USE_CHARGING, USE_FULL, USE_STOPPED };

struct tx;
struct station;
struct transfer;			/* site/transfer.h */

enum transfer_kind { TRANSFER_FIRMWARE, TRANSFER_UPLOAD, TRANSFER_KINDS };

struct connector {
	struct station *station;
	int number;
	int conf;			/* index in station_conf.connectors, -1 while not registered */
	uint32_t slot;			/* index in the balance's model; UINT32_MAX = none */
	char status[24];		/* OCPP ChargePointStatus, "" = never said */
	char error_code[40], info[56], vendor_id[256], vendor_error[56];
	wall_t status_time;
	enum conn_use use;
	struct tx *tx;			/* running, else NULL */
	bool tag_vip;			/* of the tag that was accepted last */
	bool status_old;		/* its status was said before its transaction began, and not again since */
	struct phase_ma draw;		/* on grid phases, NUM_NONE = not measured */
	int64_t power_w, register_wh;	/* latest meter values; NUM_NONE */
	bool draw_nonsense;		/* the last sample had currents that are no numbers */
	bool watts;			/* its limits are told as a power, as far as is known */
	mono_t draw_at;			/* last sample, even if its values are forgotten; 0 = none in this transaction */
	mono_t drew_at;			/* the same if that sample showed current, else 0 */
	mono_t draw_until;		/* then they are too old to be shown */
	struct { int64_t idle_ma, tx_ma; wall_t idle_at, tx_at; int32_t tx; } held;	/* limits that it has accepted (ocpp/limit/held.h); 0 = never */
	int64_t proof_ma;		/* most that it may have for a test of its station; 0 = no test */
	bool proof_changed;		/* for the hall */
	bool dirty;			/* in site->dirty: the hall tells the balance */
	struct connector *dirty_next;
	struct {			/* the hall's: its W on disk, see feed.c */
		int64_t least_ma, last_ma;
		uint64_t seq;
	} disk;
	struct {			/* written by the hall after each turn of the balance */
		int64_t limit_ma, target_ma, w_ma, fallback_ma;
		phase_mask_t phases;
		bool draw_strange;	/* its last sample cannot be true */
		char reason_code[32];
		char reason[200];
		char trouble[240];	/* what is wrong with it, as far as the balance knows */
	} view;
};

enum station_state { STATION_NEVER_SEEN, STATION_OFFLINE, STATION_PENDING, STATION_ONLINE };

struct station {
	char id[ID_MAX + 1];
	UT_hash_handle hh;
	int conf;			/* index in site_conf.stations, -1 = not registered */
	enum station_state state;
	bool online_changed, booted_changed, fallback_changed;	/* for the hall: tell the balance, then clear … */
	struct station *news_next;		/* … all are set by site_station_news() only */
	bool takes_fallback;		/* its limits can fall by themselves */
	const char *keeps_why;		/* a constant: why they cannot; NULL */
	uint64_t link;			/* connection, 0 = none */
	char address[64];
	bool tls;
	wall_t last_seen, booted;
	/* as its BootNotification said; stored leniently, up to these lengths */
	char vendor[64], model[64], serial[64], box_serial[64], firmware[64], iccid[32], imsi[32],
		meter_type[64], meter_serial[64];
	char fault[200];		/* what is wrong with it, for people; "" = nothing */
	char test[12], test_doing[120], test_text[400];	/* of its latest test (ocpp/limit/proof.h): running, passed, failed */
	bool test_asked;		/* when it is registered, test it */
	bool restart_asked;		/* when what is changed is in force and it is set up, restart it */
	bool reboot_due;		/* it took a setting that works after its next boot only */
	char profiles[100];		/* SupportedFeatureProfiles as it says */
	char phase_rotation[100];	/* ConnectorPhaseRotation as it says */
	const char *advice;		/* from etc/stations, for people; NULL */
	struct ctl_station_keys *proposal;	/* while not registered: what station accept fills in; NULL */
	struct transfer *transfer[TRANSFER_KINDS];	/* the latest of each kind; NULL */
	struct security security;
	struct {			/* local authorization list that it has accepted last; zeroes = none */
		int64_t version, seq;	/* changes of tags up to this one are in it (tag_log.h) */
		bool whole;		/* it is ours, all of it */
		bool kept;		/* lmsd keeps it in step, or has still to empty it */
		uint64_t cut;		/* it has no room for all tags: what it has; 0 = it has */
	} list;
	struct cert_request *cert_request;	/* open; NULL */
	struct connector **connectors;	/* [0] is connector 1 */
	size_t connector_count;
	struct ocpp_session *session;	/* the ocpp room's, while known to it */
};

struct tx {
	int32_t id;
	UT_hash_handle hh;		/* in site->running */
	UT_hash_handle by_start;	/* private, as start_key: of running ones */
	uint64_t start_key;
	char station[ID_MAX + 1];
	int connector;
	char zone[ID_MAX + 1], tag[ID_MAX + 1], group[ID_MAX + 1], holder[100];
	wall_t start, stop;		/* stop WALL_NONE while running */
	wall_t start_received;
	int64_t meter_start_wh, meter_stop_wh, energy_wh;
	char state[12];			/* running, ended, orphan, refused */
	char reason[32], stop_tag[ID_MAX + 1], note[300];
	char closed_by[40];		/* who ended it by hand; "" = nobody */
	bool estimated, vip;
	bool implausible;		/* more energy than its connector can deliver in that time */
	mono_t started_mono;		/* 0 after a restart of lmsd */
	uint64_t start_hash;		/* recognises the same StartTransaction again */
	bool assumed;			/* ended or refused by us: its StopTransaction may still come */
	bool reset;			/* the energy register ran backwards in between */
	int64_t price_e4;		/* of a kWh (price/price.h); NUM_NONE = none */
	char currency[4];
	bool remote;			/* started from here */
	bool replay;			/* running, but not its connector's: see site_tx_adopt() */
	wall_t stored;			/* last time that its register was stored */
	struct curve curve;		/* while it runs, and until its own stop has come */
	int64_t curve_rows;		/* points of the curve that is stored apart, after its end */
	int64_t credit_wh;		/* booked on the credit of its tag (tags/credit.h) */
	int64_t pending_wh;		/* private: charged and not booked yet */
	bool free;			/* charging was free there */
	mono_t stop_asked;		/* its station was asked to end it; 0 = not */
	int64_t signed_rows;		/* signed values that came, see site_tx_signed() */
	wall_t signed_at;		/* the latest of them that was not of its begin or end */
	uint64_t signed_hash;		/* of the latest: it may be said twice */
};

struct tag {
	UT_hash_handle hh;		/* by keys.uid */
	struct ctl_tag_keys k;		/* strings owned by the tag */
	struct arena arena;
	wall_t created, last_use;
	int64_t transactions;
	int running;
	int64_t pending_wh;		/* private: what its running transactions have charged */
	int64_t recharge_day;		/* private: recharged up to this day; NUM_NONE */
	bool credit_out;		/* private: told that it is below 0 */
};

struct meter_view {			/* written by the hall from the meter room */
	char state[16], error[200];
	mono_t good_at;
	wall_t good_wall;
	int64_t latency_ms, power_w, import_wh, export_wh;
	int64_t soc_permille;		/* of a storage */
	struct phase_ma current, voltage_mv;
	const char *values_json;	/* owned by the hall; NULL */
};

struct zone_view {
	struct phase_ma cap, load, sum, building;
	char cap_why[40];
	bool load_ok;
	int competing, admitted, sessions;
	int64_t seconds_over;
	char trouble[240];		/* what is wrong with it, as far as the balance knows */
};

struct site_totals {			/* since the beginning of week and month, site time */
	wall_t week_start, month_start;
	int64_t sessions_week, sessions_month, energy_week_wh, energy_month_wh;
};

/* What only the shell can tell of a candidate configuration; a NULL function agrees with everything. */
struct site_outside {
	void *ctx;
	bool (*tz_known)(const char *name);
	/* Profile, address, transformers … of a meter behind a fuse (NUM_NONE = not known). */
	int (*meter_check)(void *ctx, const struct ctl_meter_keys *k, int64_t fuse_ma, struct diag *d);
	/* Would the balance take the candidate? Asked last, of one that fulfils everything else. */
	int (*model_check)(void *ctx, const struct site_conf *candidate, struct diag *d);
};

struct tag_log;				/* tag_log.h */
struct reservation;			/* reserve/reservation.h */
struct source_live;			/* private: the state of a source */
struct grid_log;			/* private: what the grid signal has done */
struct mails;
struct site_alerts;				/* private: alert/alert.h */
struct ledger;				/* private: starts seen, transactions that ended lately */

struct site {
	const struct site_conf *conf;	/* in force; never NULL, owned */
	struct site_conf *staged;	/* newest that is stored but not swapped yet, or NULL */
	struct station *stations;	/* hash by id: registered ones, and others that connected */
	struct tx *running;		/* hash by id */
	struct tag *tags;		/* hash by uid */
	struct zone_override *overrides;	/* list, one per zone at most (override.h) */
	struct signal grid;		/* as told by command (grid.h says what is in force) */
	struct signal grid_way;		/* as told by the way that is configured */
	struct hearing grid_heard;
	struct grid_log *grid_log;
	struct mails *mails;		/* private: mail/mail.h; NULL = none yet */
	struct site_alerts *alerts;		/* private; NULL = none yet */
	struct security_log *security_log;	/* private: what stations reported; NULL = nothing yet */
	bool cert_asked;		/* some station has asked for a certificate: the hall looks, then clears */
	struct source_live *sources;	/* list: states as told (source.h) */
	bool outer_changed;		/* a limit of a zone from outside: the hall tells the balance, then clears */
	int32_t next_tx;
	struct reservation *reservations;	/* list by id */
	int32_t next_reservation;
	struct tag_log *tag_log;
	struct tag_import *import;	/* private: under way (tags/import.h); NULL */
	int64_t imports;
	struct shown *shown;		/* private: tags that were shown (tags/pending.h) */
	int64_t tag_seq;		/* of the latest change that stations are told of */
	int64_t credit_seq;		/* of the latest row of the ledger of credits */
	bool credit_out;		/* some tag may be below 0: the ocpp room looks for what it runs … */
	mono_t credit_look_at;		/* … then */
	bool tags_changed;		/* for the hall: tell the ocpp room, then clear */
	uint64_t stations_dropped;	/* so often a station went: pointers to one that were kept are void */
	struct connector *dirty;	/* list: use, session or draw changed */
	struct station *news;		/* list: online or booted changed */
	struct zone_view *zone_views;	/* by zone index of conf; the hall keeps the size */
	struct meter_view *meter_views;	/* by meter index of conf */
	struct time_zone tz;		/* of the site; the shell hands the table in */
	enum { REG_PENDING, REG_CLOSED, REG_ACCEPT } registration;
	struct site_totals totals;
	struct event_ring *events;
	struct site_outside outside;	/* set by the hall, asked by the checks */
	struct ledger *ledger;
	struct site_conf *owned;	/* private: conf, NULL before the first site_attach() */
	bool grown;			/* a registered station has more connectors than configured */
};

struct site *site_new(void);		/* with an empty configuration, generation 0 */
void site_free(struct site *s);		/* frees conf too; staged belongs to its effect */

/* The wiring that the station's ConnectorPhaseRotation tells, as our keys name it; NULL: it tells none. */
const char *station_said_wiring(const struct station *st, int connector);	/* rotation.c */
struct station *site_station(struct site *s, const char *id);		/* NULL if unknown */
struct station *site_station_get(struct site *s, const char *id);	/* creates it, not registered */
struct connector *site_connector(struct station *st, int number);	/* NULL if it has none such */
/* Makes connectors 1..count exist (count up to 64); a registered station never shrinks below its configuration. */
void site_station_grow(struct site *s, struct station *st, size_t count);
/* "STATION/NUMBER" -> connector, or NULL with diag LMS_ENOTFOUND naming what is wrong. */
struct connector *site_connector_by_id(struct site *s, const char *id, struct diag *diag);
const struct station_conf *site_station_conf(const struct site *s, const struct station *st);
const struct connector_conf *site_connector_conf(const struct site *s, const struct connector *c);
void site_touch(struct site *s, struct connector *c);			/* into the dirty list, once */
/* Came, went (or must be told anew), or has booted: into the list of news, once. */
enum station_news { STATION_NEWS_ONLINE, STATION_NEWS_BOOTED, STATION_NEWS_FALLBACK };
void site_station_news(struct site *s, struct station *st, enum station_news news);
/* What a connector draws now, on grid phases; until when that counts. */
void connector_keep_draw(struct site *s, struct connector *c, const struct phase_ma *draw, int64_t power_w,
			 mono_t now, mono_t until);
void connector_forget_draw(struct site *s, struct connector *c);	/* what was measured is past */
/* The swap: conf is in force from now on. Attaches live stations and connectors to it, creates those
 * that are configured, drops those that are neither configured nor connected; clears `staged` if this
 * is it. The site owns conf from now on; the generation before is the caller's again, to be freed when
 * nobody looks at it any more. The one in force again (or NULL before the first) only drops. */
void site_attach(struct site *s, struct site_conf *conf);
/* Registers the connectors that stations told us of where `connectors` is unset: to be called when
 * site->grown is set, which it clears. */
void site_adopt_connectors(struct site *s, struct effects *fx);

/* ---- access ---------------------------------------------------------------------------- */

enum auth_status { AUTH_ACCEPTED, AUTH_BLOCKED, AUTH_EXPIRED, AUTH_INVALID, AUTH_CONCURRENT };
const char *auth_status_text(enum auth_status st);	/* OCPP AuthorizationStatus */
/* Upper-case, ':' removed. out has ID_MAX + 1. 0 or -LMS_EDATA. */
int tag_normalize(const char *uid, char *out);
struct tag *site_tag(struct site *s, const char *uid);			/* uid in any writing; NULL */
struct auth { enum auth_status status; struct tag *tag; wall_t expires; bool vip; const char *group, *why; /* a constant, for people; NULL = accepted */ };
/* Station rule, state of tag and group, expiry, schedule, place (ocpp.md "Authorization"). connector 0: not
 * known yet. for_start: a transaction would begin. */
struct auth site_authorize(struct site *s, const struct station *st, const char *uid, int connector, bool for_start,
			   wall_t wall);
/* Energy that it may still charge; NUM_NONE = unlimited. */
int64_t site_tag_credit(const struct site *s, const struct tag *t, wall_t wall);
wall_t site_tag_expires(const struct site *s, const struct ctl_tag_keys *k);	/* its own, or its group's before */
/* May it end something that runs at this station? */
bool site_may_stop_at(struct site *s, const struct station *st, const char *uid, wall_t wall);
/* May `uid` end this transaction? Same tag, same group, or super. */
bool site_may_stop(struct site *s, const struct tx *tx, const char *uid, wall_t wall);

/* ---- transactions ---------------------------------------------------------------------- */

struct tx_start {
	struct connector *conn;
	const char *tag;
	wall_t time;			/* as the station says, WALL_NONE if impossible */
	const char *time_sent;		/* then: what it said, for the record; NULL */
	int64_t meter_wh;
	uint64_t hash;			/* of connector, time, meterStart and tag as sent */
	bool replay;			/* queued while offline: never touches live allocation */
	bool learning;			/* somebody learns tags there: it is refused */
	bool remote;			/* lmsd had asked for it */
};
/* Records a StartTransaction: the same one again answers the same id. *id is positive for ever;
 * auth says how the tag was taken (a refused one is recorded as refused and does not run). */
struct tx *site_tx_start(struct site *s, const struct tx_start *in, mono_t now, wall_t wall, int32_t *id,
			 struct auth *auth, struct effects *fx);
struct tx_stop {
	struct station *station;
	int32_t id;			/* as the station says; -1, 0 or unknown: an orphan is recorded */
	const char *tag, *reason;
	wall_t time;
	const char *time_sent;		/* as in tx_start */
	int64_t meter_wh;
};
/* Records a StopTransaction. Another station's transaction is refused (-LMS_EROLE) and reported. */
int site_tx_stop(struct site *s, const struct tx_stop *in, wall_t wall, struct auth *auth, struct effects *fx);
/* Meter values of one moment of a transaction, the currents on grid phases. */
struct tx_sample {
	wall_t time;			/* as the station says; WALL_NONE = as received */
	int64_t register_wh, power_w;	/* NUM_NONE */
	struct phase_ma current;
	bool late;			/* told with the stop: what is no newer than the last one is known */
};
/* One of a running transaction, for its energy and its curve; of one that we ended, for its curve. */
void site_tx_sample(struct site *s, struct tx *tx, const struct tx_sample *sample, wall_t wall, struct effects *fx);
/* A signed meter value, kept byte for byte as it was sent (JSON of the sampledValue): the first and the last
 * eight of a transaction, of those in between one in a minute. `edge`: of its begin or end. false: not kept. */
bool site_tx_signed(struct site *s, struct tx *tx, const char *json, size_t len, const char *time_sent, bool edge,
		    wall_t wall, struct effects *fx);
/* Ends a running transaction whose StopTransaction has not come: the connector is Available, another
 * one began on it, the station was deleted. One that comes later completes the record. */
void site_tx_close(struct site *s, struct tx *tx, const char *reason, const char *note, wall_t wall,
		   struct effects *fx);
/* The same by hand: somebody says that it is over. Its end is that of its last register, which he may
 * correct (NUM_NONE = as it is known). 0, or -LMS_EDATA with diag where that cannot be. */
int site_tx_close_by_hand(struct site *s, struct tx *tx, const char *why, const char *by, int64_t register_wh,
			  wall_t wall, struct effects *fx, struct diag *diag);
/* Why a running transaction may be over without its stop, a constant; NULL = it looks alive. */
const char *site_tx_zombie(const struct site *s, const struct tx *tx, wall_t wall);
/* A transaction that began as a replay turns out to be running: it becomes its connector's. */
void site_tx_adopt(struct site *s, struct tx *tx);
struct tx *site_tx(struct site *s, int32_t id);				/* running only */
/* The replayed one that waits to be adopted on this connector; NULL. */
struct tx *site_tx_waiting(const struct site *s, const struct connector *c);
struct tx *site_tx_ended(struct site *s, int32_t id);		/* that ended lately; NULL */
/* From the stored form: a running one runs again (its connector takes it), an ended one is
 * remembered (repeated messages) and summed. Configuration and tags are loaded before, and ended ones
 * from the newest on: 1 says that no older one is needed. 0, 1, or an error. */
int site_tx_load(struct site *s, const char *json, size_t len, bool running, struct diag *diag);
/* One stored, ended transaction as a control record, for pages that the store read. */
int site_tx_record(const struct site *s, const char *json, size_t len, struct arena *arena,
		   struct ctl_transaction *out, struct diag *diag);
/* Texts that are made live in the arena. */
void site_tx_to_record(const struct site *s, const struct tx *tx, wall_t wall, struct arena *arena,
		       struct ctl_transaction *out);
/* A stored transaction with its curve (JSON of STORE_CURVE, NULL = none), and one stored signed value. */
struct tx *site_tx_read(const char *json, size_t len, const char *curve, size_t curve_len, struct diag *diag);
void tx_free(struct tx *tx);
int site_tx_signed_record(const char *json, size_t len, struct arena *arena, struct ctl_signed_value *out,
			  struct diag *diag);

/* ---- loading at start ------------------------------------------------------------------- */

/* Tags and pending boots; configuration goes through site/edit.h. */
int site_tag_load(struct site *s, const char *json, size_t len, struct diag *diag);
int site_boot_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag);
void site_boot_store(const struct station *st, struct effects *fx);
/* META rows that are the site's: the next transaction id. Others are ignored. */
int site_meta_load(struct site *s, const char *key, const char *json, size_t len, struct diag *diag);
/* Restarts the weekly and monthly sums when their period has passed. To be called before transactions
 * are loaded, then every minute or so, and when the time zone has changed. */
void site_totals_roll(struct site *s, wall_t wall);

/* ---- events for people ------------------------------------------------------------------ */

struct site_event { uint64_t seq; wall_t time; int level; char subject[12], object[ID_MAX + 8], event[40], text[300]; };
struct event_ring *event_ring_new(size_t count);
void event_ring_free(struct event_ring *r);
void event_ring_add(struct event_ring *r, wall_t time, int level, const char *subject, const char *object,
		    const char *event, const char *text);
uint64_t event_ring_last(const struct event_ring *r);
/* The first event with seq > after, or NULL. */
const struct site_event *event_ring_next(const struct event_ring *r, uint64_t after);
