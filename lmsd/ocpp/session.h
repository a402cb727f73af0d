/* ocpp/session.h - what the files of this room share: sessions, their queue of calls, their timers.
 *
 * A session belongs to one identity and outlives its connections as long as the station is
 * registered: answers that a station may ask for again, and what was learned about it, stay.
 * A new configuration may drop the station: session_station() looks it up again when one was dropped.
 * Every handler gets the turn that it works in.
 */
#pragma once

#include "ocpp/message.h"
#include "ocpp/ocpp.h"
#include "ocpp/rpc.h"

#define CONNECTORS_MAX 64	/* of one station */
#define QUEUE_MAX 64		/* calls that wait, orders of the balance not counted */
#define UNKNOWN_MAX 64		/* identities that are not registered */

struct turn {
	mono_t now;
	wall_t wall;
	struct effects *fx;
};

/* ---- calls to a station ---- */

enum call_kind {
	CALL_ORDER,		/* of the balance */
	CALL_CONTROL,		/* of an administrator, who waits for the answer */
	CALL_SETUP,		/* configuration baseline, step by step */
	CALL_TRIGGER,		/* TriggerMessage or Reset of our own */
	CALL_FREE_START,	/* RemoteStartTransaction at a free station */
	CALL_ZERO,		/* no current for a connector that nobody balances */
	CALL_PROOF,		/* of a test (proof.h) */
	CALL_LIST,		/* local authorization list (locallist/locallist.h); somebody may wait */
	CALL_USED_UP,		/* RemoteStopTransaction where the credit of a tag is used up */
	CALL_CERT,		/* a certificate that lmsd signed (ctl_cert.h) */
	CALL_RESERVE,		/* reservations (reserve/reserve.h); somebody may wait for the answer */
	CALL_KIND_COUNT
};

enum call_rank { RANK_DECREASE, RANK_ORDER, RANK_BACKGROUND };

/* How the answer of a control call is written: ctl.h, enum ctl_result. */
enum call_style {
	STYLE_STATION,
	STYLE_TAKEN,	/* its message has no status: an answer is a yes */
	STYLE_PAYLOAD,
	STYLE_RAW
};

struct reserved { int connector; uint32_t slot; uint64_t token; };	/* what the balance admitted for it */

struct call {
	struct call *next;
	enum call_kind kind;
	enum call_rank rank;
	enum effect_when when;
	char action[48];
	char *payload;		/* owned; NULL for orders, which are written when they leave */
	size_t len;
	uint64_t token;		/* of the order or of the control call */
	mono_t expires;		/* control: somebody waits; later it need not be sent */
	int connector;		/* orders, zero, triggers */
	uint32_t slot;
	bool idle, raises;
	bool by_key, as_default;	/* order: told by a key of its configuration, or by the default profile */
	bool retried;		/* order: the other kind of profile is being tried */
	bool lapses, shortened;	/* order: written with a fallback; that was refused, it is tried without */
	int64_t limit_ma;
	int64_t given_ma, fallback_given_ma;	/* order: where it is told as a power */
	int64_t fallback_us, fallback_ma;	/* order: as ocpp_order says */
	int32_t tx;
	int32_t reservation;
	int64_t version;	/* list: that it makes */
	int step;		/* setup */
	enum call_style style;
	int64_t job;		/* control: of a transfer that begins with it (site/transfer.h); 0 */
	uint32_t key_id;	/* control: the new key that it tells (ctl_key.h); 0 = none */
	struct reserved *reserved;	/* owned */
	size_t reserved_count;
};

enum call_outcome {
	CALL_ANSWERED,		/* CALLRESULT */
	CALL_ERROR,		/* CALLERROR */
	CALL_TIMED_OUT,
	CALL_LOST,		/* sent, then the connection broke */
	CALL_UNSENT
};

struct call_result {
	enum call_outcome how;
	const struct json *payload;	/* CALL_ANSWERED */
	const char *code, *text;	/* CALL_ERROR */
};

/* ---- sessions ---- */

enum session_state { SESSION_CLOSED, SESSION_OPEN, SESSION_PENDING, SESSION_READY, SESSION_STATE_COUNT };
enum session_event {
	SESSION_EV_OPENED, SESSION_EV_CLOSED,
	SESSION_EV_BOOT_KNOWN, SESSION_EV_BOOT_UNKNOWN,		/* BootNotification */
	SESSION_EV_SPOKE_KNOWN, SESSION_EV_SPOKE_UNKNOWN,	/* anything else, or silence for a while */
	SESSION_EV_REGISTERED, SESSION_EV_DELETED,
	SESSION_EVENT_COUNT
};

enum session_timer {
	TIMER_QUEUE,		/* a control call waited too long to be sent */
	TIMER_CALL,		/* the call in flight times out */
	TIMER_HOLD,		/* no BootNotification came: go on without */
	TIMER_NUDGE,		/* ask for BootNotification and StatusNotification */
	TIMER_SETUP,		/* configuration baseline */
	TIMER_AUTH,		/* an accepted tag started nothing */
	TIMER_USE,		/* SuspendedEV: is the last draw still recent? */
	TIMER_DRAW,		/* meter values grow old */
	TIMER_ADOPT,		/* replayed starts without stop become live */
	TIMER_PROOF,		/* the next look of a test */
	TIMER_LIST,		/* a look at the local authorization list */
	TIMER_TOLD,		/* the notification that an administrator waits for */
	TIMER_COUNT
};

/* Answers to Start- and StopTransaction, which a station repeats until it has them. */
struct answered {
	uint64_t hash;		/* of action and payload; 0 = empty */
	char *payload;
};
#define ANSWERED_MAX 8

struct ocpp_session {
	/* What every frame needs lies together: with thousands of stations memory is what costs. */
	uint64_t link;			/* 0 = none */
	struct ocpp *o;
	struct station *found;		/* at the last frame: good while `dropped` is the site's */
	uint64_t dropped;
	struct call *queue;
	struct call *flight;
	enum session_state state;
	bool corked;			/* an inbound call is being answered: our calls follow it */
	bool registered;		/* as we know it; ocpp_reconfigured compares */
	bool booted, nudged;		/* on this connection */
	UT_hash_handle hh;		/* in ocpp->by_id */
	UT_hash_handle hh_link;		/* in ocpp->by_link, while open */
	char id[ID_MAX + 1];
	mono_t timer[TIMER_COUNT];
	wall_t opened;			/* this connection */
	bool set_up;			/* the baseline was gone through since the last boot */
	uint64_t heard;			/* bit number-1: status since this connection opened */
	uint64_t free_started;		/* bit number-1: RemoteStart sent for this plug-in */
	uint64_t zeroed;		/* bit number-1: CALL_ZERO sent since this connection opened; bit 63 all */
	bool auth;			/* a tag was accepted and may start a transaction … */
	int auth_connector;		/* … here; 0 = on any connector */
	bool auth_vip;
	int remote_connector;		/* was asked to start with this tag, and may until then */
	mono_t remote_until;
	char remote_tag[ID_MAX + 1];
	int64_t skew_us;		/* its clock minus ours, by its latest time stamp; NUM_NONE */
	char fault[100];		/* of the station itself (connector 0) */
	/* learned from GetConfiguration and from refusals */
	bool watts, unit_said;
	bool idle_absolute, flipped_kind;	/* kind of the idle profile; that of a transaction is not the usual */
	int64_t interval_s;		/* MeterValueSampleInterval; NUM_NONE */
	uint8_t sampled_choice;		/* setup.c: which list of measurands it took */
	uint32_t baseline_refused;	/* setup.c: bit row: it refuses to be set so */
	struct setup *setup;		/* setup.c: while its configuration is gone through; NULL */
	bool no_reserve_zero;		/* ReserveConnectorZeroSupported is false */
	int max_stack;			/* ChargeProfileMaxStackLevel */
	int max_periods;		/* ChargingScheduleMaxPeriods */
	bool one_period;		/* refused a profile of two periods since its last boot */
	struct {			/* control/told.h; token 0 = nobody waits */
		uint64_t token;
		bool answered;
		char said[32];
	} told;
	struct proof *proof;		/* of its latest test; NULL */
	struct held *by_hand;		/* held.c: profiles that an administrator has set */
	struct list_sync *list;		/* locallist.c: of its local authorization list; NULL */
	size_t waiting;			/* in the queue, orders not counted */
	char flight_id[40];
	mono_t sent;
	struct answered answered[ANSWERED_MAX];
	unsigned answered_next;
};

/* Tags that stations may know, by uid; renewed when site->tag_seq is another. */
struct listable {
	const struct tag **tags;
	size_t count;
	int64_t seq;
};

#define LINKS_LATEST 4096

struct ocpp {
	struct site *site;
	struct ocpp_session *by_id, *by_link;
	struct ocpp_session *latest[LINKS_LATEST];	/* open ones, by link: mostly the one that is sought */
	mono_t due;			/* no timer of any session is earlier */
	uint32_t next_call;
	struct arena scratch;		/* of one inbound frame; bounded */
	struct buf out;
	ocpp_admit_fn *admit;
	void *admit_ctx;
	struct ocpp_habits *habits;	/* list */
	struct listable listable;	/* locallist.c */
	uint64_t unmatched, malformed, refused_steps;	/* counted */
};

/* ocpp.c */
struct station *session_station(const struct ocpp_session *s);			/* NULL: dropped meanwhile */
struct ocpp_session *session_by_station(struct ocpp *o, const char *id);	/* NULL */

/* session.c */
void session_step(struct ocpp_session *s, enum session_event ev, const struct turn *t);
/* The table alone: where would it go? -1 = no such row. */
int session_next_state(enum session_state state, enum session_event ev);
void session_timer(struct ocpp_session *s, enum session_timer which, mono_t at);
bool session_known(const struct ocpp_session *s, const struct station *st);	/* may it charge? */
void session_trigger(struct ocpp_session *s, const char *message, int connector, const struct turn *t);
void session_restart(struct ocpp_session *s, const struct turn *t);	/* Reset, soft */

/* queue.c */
struct call *call_new(enum call_kind kind, enum call_rank rank, const char *action);
/* Begins the payload of a call in a buffer of the caller's; call_payload ends it. */
void call_payload(struct call *c, struct buf *b);
void queue_push(struct ocpp_session *s, struct call *c /* taken */, const struct turn *t);
bool queue_full(const struct ocpp_session *s);
void queue_pump(struct ocpp_session *s, const struct turn *t);
void queue_answered(struct ocpp_session *s, const struct frame *f, const struct turn *t);
void queue_timed_out(struct ocpp_session *s, const struct turn *t);
void queue_expire(struct ocpp_session *s, const struct turn *t);
void queue_drop(struct ocpp_session *s, const struct turn *t);

/* inbound.c */
void inbound_call(struct ocpp_session *s, struct station *st, const struct frame *f, const struct turn *t);

/* status.c */
void status_refresh(struct ocpp_session *s, struct station *st, struct connector *conn, const struct turn *t);
void status_refresh_all(struct ocpp_session *s, struct station *st, const struct turn *t);
void status_on_draw(struct ocpp_session *s, const struct turn *t);
void status_on_use(struct ocpp_session *s, const struct turn *t);
void status_on_adopt(struct ocpp_session *s, const struct turn *t);
void status_on_auth(struct ocpp_session *s, const struct turn *t);
void status_start_refused(struct ocpp_session *s, const struct turn *t);
void status_authorized(struct ocpp_session *s, struct station *st, int connector, bool vip, const struct turn *t);

/* order.c */
bool order_write(struct ocpp_session *s, struct call *c, const struct turn *t, struct json_writer *w);
void order_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);
/* Of our profiles at this station. */
int order_stack_level(const struct ocpp_session *s, const struct station *st);
void order_zero(struct ocpp_session *s, int connector, const struct turn *t);
/* The chargingProfile of a RemoteStartTransaction. */
void order_write_remote(const struct ocpp_session *s, const struct connector *conn, int64_t limit_ma, wall_t wall,
			struct json_writer *w);

/* setup/setup.c */
void setup_forget(struct ocpp_session *s);	/* other firmware: what was refused may be taken */
void setup_begin(struct ocpp_session *s, const struct turn *t);
void setup_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);

/* ocpp.c: something is to be done then, at the latest. */
void ocpp_due_by(struct ocpp *o, mono_t at);

/* ctl_call.c */
/* The station gave no answer: whoever waits is told why. */
void control_reply_failure(const struct ocpp_session *s, const struct call *c, const struct call_result *r, const struct turn *t);
void control_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);
