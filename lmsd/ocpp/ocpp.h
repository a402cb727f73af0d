/* ocpp/ocpp.h - OCPP 1.6-J, central system side: what stations say and what we tell them.
 *
 * Pure: frames come in as text, frames go out as effects. One struct ocpp for all stations, one
 * session per station, kept over reconnects so that queued calls and time-outs have an owner.
 * Messages are rows of ocpp16.def. Every function may append effects; next_due is the earliest
 * time-out or delayed trigger of any session.
 */
#pragma once

#include "effect.h"
#include "site/site.h"

struct ocpp;

struct ocpp *ocpp_new(struct site *site);
void ocpp_free(struct ocpp *o);

/* A connection was accepted for this identity (net checked the name). The session takes the link;
 * an older link of the same identity is closed. Unregistered identities: see site->registration. */
void ocpp_opened(struct ocpp *o, uint64_t link, const char *identity, const char *address, bool tls,
		 mono_t now, wall_t wall, struct effects *fx);
void ocpp_frame(struct ocpp *o, uint64_t link, const char *text, size_t len, mono_t now, wall_t wall,
		struct effects *fx);
/* Late closes of a link that was replaced are ignored. Orders in flight are answered ORDER_DROPPED
 * if they had not been sent, ORDER_TIMEOUT if they had (the station may be obeying). */
void ocpp_closed(struct ocpp *o, uint64_t link, mono_t now, wall_t wall, struct effects *fx);
mono_t ocpp_next_due(const struct ocpp *o);
void ocpp_time(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx);

/* An order of the balance: the right profile for this station (TxDefaultProfile for idle, TxProfile
 * for a transaction, unit, stack level, kind, integer steps; ocpp.md "Smart charging"). A newer order
 * for the same connector and kind that has not left yet replaces it (the old token is answered
 * ORDER_DROPPED). Decreases go ahead of everything queued for the station. `when` is FX_AFTER_COMMIT for
 * increases: the frame then leaves only after the commit. Exactly one fx_answer(token) follows. */
struct ocpp_order {
	struct connector *conn;
	uint32_t slot;
	bool idle;		/* default limit; else that of the running transaction */
	int64_t limit_ma;	/* per phase */
	int64_t given_ma;	/* as a power: this times the lowest voltage */
	bool raises;
	int64_t fallback_us;	/* transaction: so long from when it leaves the limit falls to … */
	int64_t fallback_given_ma;
	int64_t fallback_ma;	/* … this by the station's clock, where it takes that; fallback_us 0 = never */
	uint64_t token;
	enum effect_when when;
};
void ocpp_order(struct ocpp *o, const struct ocpp_order *order, mono_t now, wall_t wall, struct effects *fx);

/* In which unit the connector's limits are told: 0 amperes, 1 watts, -1 not known yet. */
int ocpp_unit(const struct ocpp *o, const struct connector *conn);

/* After a station was registered, changed or deleted: Accepted at the next boot (a BootNotification
 * is triggered now), configuration baseline, or back to pending. */
void ocpp_reconfigured(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx);

/* Tags have changed that stations may keep in a list of their own (site->tags_changed). */
void ocpp_tags_changed(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx);
/* The credit of some tag is below 0: what it charges is ended. Clears site->credit_out when there is no more. */
void ocpp_credit_used_up(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx);

/* Asked before a message by hand that would set or release a limit (NUM_NONE) leaves: false = it does
 * not fit, and `why` says where. true: its W is reserved, the frame leaves after the commit, and exactly
 * one fx_answer(conn->slot, *token) follows. Without a gate all such messages are refused. */
typedef bool ocpp_admit_fn(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token,
			   char *why, size_t why_size);
void ocpp_set_gate(struct ocpp *o, ocpp_admit_fn *admit, void *ctx);

/* One file of etc/stations, read by the caller: what is known of a model (ocpp/habits.h). 0, or
 * -LMS_EDATA with diag naming file and line. */
int ocpp_add_habits(struct ocpp *o, const char *file, const char *text, size_t len, struct diag *diag);
