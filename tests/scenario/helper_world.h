/* helper_world.h - the world around one balance, for helper_population.c: sockets with cars, stations, messages under way,
 * and what stands for lmsd.
 *
 * In turns of TICK. What is true is kept here; the balance hears of it only what a real one would.
 */
#pragma once

#include "helper_population.h"
#include "helper_recording.h"

#define TICK       (100 * US_PER_MS)
#define COMMIT_US  (50 * US_PER_MS)
#define QUIET_US   (40 * US_PER_S)	/* start-up without faults and cars */
#define MESSAGES   64
#define BATCHES    32
#define LAGS       16

enum fate { ARRIVES, LOST, ANSWER_LOST, REFUSED, LATE };

struct message {
	bool used, left, executed, answered;
	uint32_t conn;
	uint64_t token;
	enum bal_limit_kind kind;
	int64_t limit_ma, given_ma, session;
	enum fate fate;
	mono_t leaves, arrives, answers;
	int life;		/* of lmsd, that sent it */
};

struct socket {			/* truth at one connector */
	struct rng rng;
	int64_t idle_ma, tx_ma, session;
	enum bal_use use;
	phase_mask_t car;	/* phases that it uses */
	struct { int64_t ma; mono_t until; } lags[LAGS];	/* not yet obeyed less than this */
	int lag_count;
	mono_t next_event;
	enum bal_use told_use;	/* what lmsd knows, and keeps over a crash */
	int64_t told_session;
	bool has_store;
	struct bal_store store;
	int changes;		/* on and off in one session */
	bool was_on;
};

struct box {			/* truth at one station; kept at its first connector */
	struct rng rng;
	bool online, booted;
	mono_t next_event, back_at;
	mono_t last_arrival;
};

struct batch {
	mono_t at;
	size_t count;
	struct bal_store stores[POP_CONNS];
};

struct world {
	const struct pop_site *site;
	struct pop_site conf;		/* as configured now: overrides come and go */
	struct balance *b;
	mono_t now, end, crash_at, conf_at, meter_silent_at, meter_back_at;
	int64_t last_session;
	int life;
	bool trace;
	bool learned_lost;		/* lmsd forgot which phases the cars use */
	struct rng rng;
	struct socket sockets[POP_CONNS];
	struct box boxes[POP_CONNS];
	size_t box_of[POP_CONNS];
	struct message messages[MESSAGES];
	struct batch batches[BATCHES];
	size_t batch_count;
	struct pop_failure *failure;
	struct recording recording;
	mono_t drain_at, replay_at, snapshot_at;
};

/* ---- the truth; SIZE_MAX as a connector = the site ---- */

/* Is zone z the zone itself or below it? */
bool world_below(const struct pop_site *s, int z, int zone);
int64_t world_limit_now(const struct socket *s);
phase_mask_t world_phases(const struct world *w, size_t i);
int64_t world_on_a_phase(const struct world *w, size_t i, int64_t limit);
int64_t world_obeys(const struct world *w, const struct socket *s);
void world_complain(struct world *w, const char *what, size_t conn);
void world_trace(const struct world *w, size_t conn, const char *what, int64_t a, int64_t b);
void world_lag(struct world *w, size_t i, int64_t before);
mono_t world_later(struct world *w, struct rng *r, int64_t from_s, int64_t to_s);

/* ---- cars and meters ---- */

void world_tell(struct world *w, size_t i);
void world_car_event(struct world *w, size_t i);
void world_tell_draw(struct world *w, size_t i);
void world_meters(struct world *w);

/* ---- stations and messages ---- */

int64_t world_most_of(const struct pop_site *s, size_t i);
void world_disconnect(struct world *w, size_t box, bool boots);
void world_reconnect(struct world *w, size_t box);
void world_move_messages(struct world *w);
void world_send(struct world *w, const struct bal_order *o);

/* ---- lmsd ---- */

void world_tell_units(struct world *w, size_t box);
void world_configure(struct world *w);
void world_record(struct world *w);
void world_crash(struct world *w);
void world_commit(struct world *w);
void world_turn(struct world *w);

/* ---- what must hold: when an order is given, after a turn, at every instant ---- */

void world_check_raise(struct world *w, const struct bal_order *o);
void world_check_sessions(struct world *w);
void world_judge(struct world *w);
