/* app.h - the hall: the one object that owns everything, and the turn that ties the rooms together.
 *
 * app.c (turn), load.c (start), carry.c (effects), feed*.c (site <-> balance), sense.c (meters) and
 * hall/ (handlers that need more than one room, recording, hours) are the only files that see both the
 * pure rooms and the shell rooms.
 */
#pragma once


#include "balance/balance.h"
#include "conf/boot.h"
#include "control/control.h"
#include "event.h"
#include "hall.h"
#include "meter/profile.h"
#include "net/loop.h"
#include "net/ws/ws_server.h"
#include "ocpp/ocpp.h"
#include "site/edit.h"
#include "site/site.h"
#include "store/store.h"

struct app;
struct rivals;
struct sense;
struct keeper;
struct meter_state;
struct broker;
struct bms;
struct bus_meter;
struct bus_sample;

/* One connection of a station, named by a number that is never used again. */
struct wire {
	uint64_t id;
	struct app *app;
	struct ws_conn *conn;
	uint64_t places;	/* CALLs numbered in their order; the last that has left: */
	uint64_t left;
	unsigned held;		/* answers that wait for a commit: later answers queue behind them */
	unsigned starts;	/* of these, such as tell the number of a transaction: the lowest of them */
	int32_t first_start;
	unsigned station_len;
	char station[ID_MAX + 1];
	UT_hash_handle hh;
};

/* Effects that wait until the store has committed up to seq; the arena is the turn's. */
struct parcel {
	struct parcel *next;
	uint64_t seq;
	struct arena arena;
	struct effect *first;
};

#define LINKS_LATEST 4096

struct limit_until {		/* `connector limit … --for` */
	struct limit_until *next;
	char id[ID_MAX + 8];
	int64_t limit_ma;
	mono_t until;		/* MONO_NEVER = until it is ended */
};

struct app {
	struct boot_conf boot;
	struct loop *loop;
	struct hall hall;
	struct store *store;
	struct ws_server *ws, *wss;
	struct control *control;
	struct sense *sense;
	struct profile_set profiles;	/* see profiles.c */
	uint64_t profile_editions;
	struct rivals *rivals;
	struct loop_timer *timer;
	struct background *background;
	struct door *door;
	struct certificate *certificate;
	struct broker *broker;	/* of MQTT; NULL = none */
	struct bms *bms;
	struct files *files;	/* NULL = lmsd serves none */
	struct hall_files file_jobs;

	struct ring *ring;	/* NULL = nothing is recorded */
	mono_t flush_due, snapshot_due;
	uint64_t block;		/* number of the last one */
	struct hours *hours;
	struct alerts_watch *alerts;
	struct keeper *keeper;
	struct post *post;		/* NULL = no mail server is named */

	struct arena arena;	/* of the running turn */
	struct arena spare;	/* for the next one, when nothing of the one before waits */
	struct effects fx;
	bool turn_open;		/* something happened in it */

	struct wire *wires;	/* hash by id */
	struct wire *latest[LINKS_LATEST];	/* of those whose id falls there: mostly the one that is sought */
	uint64_t next_wire;
	struct parcel *parcels, **parcels_last;
	uint64_t submitted, committed;

	struct connector **slots;	/* connectors by index in the balance's model */
	size_t slot_count;
	bool balanced;		/* the balance has taken the configuration in force */
	mono_t viewed;		/* when the views were filled; MONO_NEVER = something has changed since */
	struct limit_until *limits;
	mono_t tariff_due;	/* when a zone's tariff may say something else */
	struct effect **call_first;	/* where the running control call's effects begin */
	int exit_status;
	mono_t watchdog_due;
	char listen_ws[64], listen_wss[64], files_url[BOOT_TEXT_MAX];
	struct utc_offset *tz_rows;
};

/* ---- app.c ------------------------------------------------------------------------------- */

/* Opens the store, loads the site, opens the sockets. 0, or negative with diag. */
int app_new(const struct boot_conf *boot, struct app **out, struct diag *diag);
void app_free(struct app *app);
void app_run(struct app *app);		/* until app_stop() */
void app_stop(struct app *app);
/* Certificate, key and profiles of meters as they are in their files now. */
void app_reload(struct app *app);
int app_exit_status(const struct app *app);
/* Reads the site's time zone again, after its setting changed. */
void app_time_zone(struct app *app);
/* "ready ws=PORT wss=PORT control=PATH", and " files=PORT", " bms=PORT" where that is served */
const char *app_ready_line(const struct app *app, char *out, size_t size);

/* Hands an event to the rooms. Effects are carried out when the loop's turn ends. */
void app_event(struct app *app, const struct event *ev);

/* ---- load.c ------------------------------------------------------------------------------- */

int load_site(struct app *app, struct diag *diag);

/* ---- carry.c ------------------------------------------------------------------------------ */

/* Carries out this turn's effects; those that need a commit wait in a parcel. */
void carry_turn(struct app *app);
void carry_committed(struct app *app, uint64_t seq);
struct wire *wire_open(struct app *app, struct ws_conn *conn, const char *station);
struct wire *wire_find(struct app *app, uint64_t id);
void wire_gone(struct app *app, struct wire *link);
void carry_fini(struct app *app);

/* ---- feed.c ------------------------------------------------------------------------------- */

/* Gives the balance the configuration in force. One that it refuses, which only a stored one can be
 * (feed_check), changes nothing: the slots stay those of the model that the balance has. */
/* The least of what an administrator and a test allow a connector. */
void feed_cap(struct app *app, const struct connector *c, mono_t now);
int feed_configure(struct app *app, mono_t now, struct diag *diag);
/* What was stored of each connector's limit. */
void feed_restore(struct app *app);
/* Tells the balance what happened in the site, lets it decide, and gives its orders to the stations. */
void feed_turn(struct app *app, mono_t now, wall_t wall);
void feed_answer(struct app *app, const struct effect *e, mono_t now);
/* Writes what balance and meters say where the handlers read it, at most once per moment of the loop:
 * with 10,000 connectors the pages of one list would spend their time on it. */
void feed_views(struct app *app, mono_t now);
/* Only those of zones and meters. */
void feed_zone_views(struct app *app, mono_t now);
bool feed_admit(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token, char *why,
		size_t why_size);
void feed_limit_expire(struct app *app, mono_t now);

/* ---- feed_outer.c ------------------------------------------------------------------------- */

/* Tells the balance what limits zones from outside of the configuration. */
void feed_outer(struct app *app, mono_t now, wall_t wall);
/* The same for the grid signal, which has changed: its effect is taken down. */
void feed_grid(struct app *app, wall_t wall);
/* What time alone changes in them; at feed_outer_due() at the latest. */
void feed_outer_time(struct app *app, mono_t now, wall_t wall);
mono_t feed_outer_due(const struct app *app);

/* ---- feed_model.c ------------------------------------------------------------------------- */

/* The balance's model; strings are borrowed from conf, the rest lives in the arena. */
#define FEED_OWN "station "	/* and its id: the zone of a station's own limit, behind those of the site */
void feed_model(const struct site_conf *conf, struct arena *arena, struct bal_conf *out);
/* Would the balance take it? For site_outside.model_check. */
int feed_check(void *ctx, const struct site_conf *candidate, struct diag *d);

/* ---- hall/record.c ----------------------------------------------------------------------------- */

/* Begins the recording of what the balance is told and decides. */
void record_open(struct app *app);
/* At the end of a turn: hands on what has gathered, now and then. */
void record_turn(struct app *app, mono_t now, wall_t wall);
uint64_t record_flush(struct app *app, mono_t now, wall_t wall);
void record_close(struct app *app);

/* ---- hall/file_jobs.c ------------------------------------------------------------------------- */

/* Opens the file server, where there is to be one, after the site was loaded: jobs that are open go on. */
int file_jobs_open(struct app *app, struct diag *diag);
/* Stations of `old` that `conf` has no more: their jobs are over. Before the swap drops them. */
void file_jobs_forget(struct app *app, const struct site_conf *old, const struct site_conf *conf);

/* ---- habits_dir.c ------------------------------------------------------------------------- */

/* What is known of vendors and models (stations.directory); a bad file is left out and said so. */
void habits_load(struct app *app);

/* ---- sense.c ------------------------------------------------------------------------------ */

int sense_new(struct app *app, struct diag *diag);
void sense_free(struct sense *s);
/* (Re)starts what the configuration in force names. */
void sense_configure(struct app *app);
void sense_sample(struct app *app, const struct bus_sample *sample, mono_t now);
void sense_views(struct app *app, mono_t now);
/* Of a meter by its index; NULL: its keys do not make one. */
const struct meter_state *sense_state(const struct app *app, size_t meter);
/* Can a meter with these keys be read? For site_outside.meter_check; ctx is the app. */
int sense_check(void *ctx, const struct ctl_meter_keys *k, int64_t fuse_ma, struct diag *d);

/* Do the meters of a candidate fit on their buses together? 0, or negative with diag. */
int sense_check_buses(const struct site_conf *conf, struct diag *d);	/* sense_buses.c */

/* ---- sense_push.c -------------------------------------------------------------------------- */

/* Meters that nobody has told for too long fall silent: to be called at sense_due(). */
void sense_time(struct app *app, mono_t now, wall_t wall);
mono_t sense_due(const struct app *app);
/* What somebody said under a topic. */
struct sense_told {
	const char *topic, *text;	/* not terminated */
	size_t len;
	bool old;			/* nobody knows when it was said */
	bool too_long;			/* text is its beginning */
};
void sense_told(struct app *app, const struct sense_told *told, mono_t now, wall_t wall);
/* The topics of meters, each once; borrowed until the next configuration. */
size_t sense_topics(const struct app *app, const char **out, size_t max);
/* Members of an object that is open: state and values of a meter, those that are not good without a number. */
void sense_put_values(const struct app *app, size_t meter, mono_t now, struct json_writer *w);

/* ---- hall/bms/bms.c ------------------------------------------------------------------------ */

/* The numbers of objects; and the server, where there is to be one: while low descriptors are free, and before the site
 * is loaded. */
int bms_open(struct app *app, struct diag *diag);
void bms_close(struct bms *b);
int bms_port(const struct bms *b);	/* 0 = off */
int bms_load(struct bms *b, const char *key, const char *json, size_t len, struct diag *diag);
/* A configuration is in force: what is new in it gets its numbers. */
void bms_configure(struct bms *b);
/* Renews the image that somebody reads; at bms_due(). */
void bms_turn(struct bms *b, mono_t now);
mono_t bms_due(const struct bms *b);

/* ---- hall/ways.c -------------------------------------------------------------------------- */

/* For hall.way_trouble. */
const char *way_trouble(const struct hall *hall, int kind);
/* The registers, coils and inputs of devices that tell the grid signal and the states of sources, polled beside the
 * meters. Appends them to `out`, which has room for WAYS_MAX(conf); how many. Strings live in the turn's arena. */
#define WAYS_MAX(conf) ((conf)->source_count + 1)
size_t ways_points(struct app *app, struct bus_meter *out);
void ways_points_done(struct bus_meter *points, size_t count);	/* once the buses know them */
/* What was read of one; false: it is a meter's. */
bool ways_sample(struct app *app, const struct bus_sample *sample, mono_t now);

/* ---- profiles.c ---------------------------------------------------------------------------- */

/* Reads meters.site_directory and meters.directory; a bad file is left out and said so. */
void profiles_load(struct app *app);
/* The same while meters are read: those whose profile is as it was go on undisturbed. Appends what
 * changed as strings to `notes`, an open array, or NULL; says whether something did. */
bool profiles_reload(struct app *app, struct json_writer *notes);
