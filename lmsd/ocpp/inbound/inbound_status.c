/* ocpp/inbound/inbound_status.c - StatusNotification, and what a status gives rise to. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/reserve/reserve.h"

#define REPLAY_US (60 * US_PER_S)

/* Queued during an outage, and sent after the present status: by its own stamp older than that one. */
static bool is_stale(const struct inbound *in, const struct connector *conn, wall_t time)
{
	wall_t said = inbound_our_time(in, time), before = conn->status_time, wall = in->t->wall;

	return said != WALL_NONE && before != WALL_NONE && said < before && said < wall - REPLAY_US &&
		before <= wall + REPLAY_US;
}

static void describe_fault(char *out, size_t size, const struct json *p, const char *what)
{
	const char *error = ocpp_read_text(json_get(p, "errorCode"));
	const char *info = ocpp_read_text(json_get(p, "info"));
	char text[200];

	snprintf(text, sizeof(text), "%s: %.60s%s%.60s", what, error ? error : "faulted",
		 info && *info ? ", " : "", info ? info : "");
	inbound_copy(out, size, text);
}

/* The station's own fault, else that of its first faulted connector. */
static void show_fault(const struct ocpp_session *s, struct station *st)
{
	st->fault[0] = '\0';
	if (s->fault[0]) {
		inbound_copy(st->fault, sizeof(st->fault), s->fault);
		return;
	}
	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector *conn = st->connectors[i];
		char text[200];

		if (strcmp(conn->status, "Faulted") != 0)
			continue;
		snprintf(text, sizeof(text), "connector %d: %s%s%s", conn->number,
			 conn->error_code[0] ? conn->error_code : "faulted", conn->info[0] ? ", " : "", conn->info);
		inbound_copy(st->fault, sizeof(st->fault), text);
		return;
	}
}

static void station_status(struct inbound *in, const char *status)
{
	in->s->fault[0] = '\0';
	if (strcmp(status, "Faulted") == 0)
		describe_fault(in->s->fault, sizeof(in->s->fault), in->p, "station");
	show_fault(in->s, in->st);
}

/* The tag that a free station books on; NULL where it is not free. */
static const char *free_tag(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	const struct ctl_site_keys *site = &s->o->site->conf->site;
	const char *access = sc && sc->k.access ? sc->k.access : site->access;

	if (!sc || !access || strncmp(access, "free", 4) != 0)
		return NULL;
	if (access[4] == ':' && access[5])
		return access + 5;
	return site->free_tag ? site->free_tag : "FREE";
}

/* A free station starts when a car is plugged in, without anybody showing a tag. */
static void start_free(struct inbound *in, struct connector *conn)
{
	uint64_t bit = UINT64_C(1) << (conn->number - 1);
	const char *tag = free_tag(in->s, in->st);
	struct json_writer w;
	struct call *c;
	struct buf b;

	if (!tag || conn->tx || in->s->free_started & bit || strcmp(conn->status, "Preparing") != 0)
		return;
	in->s->free_started |= bit;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "connectorId", conn->number);
	jw_kstr(&w, "idTag", tag);
	jw_object_end(&w);
	c = call_new(CALL_FREE_START, RANK_ORDER, "RemoteStartTransaction");
	call_payload(c, &b);
	queue_push(in->s, c, in->t);
	status_authorized(in->s, in->st, conn->number,
			  site_authorize(in->s->o->site, in->st, tag, 0, false, in->t->wall).vip, in->t);
}

static void keep_status(struct inbound *in, struct connector *conn, const char *status, wall_t time)
{
	uint64_t bit = UINT64_C(1) << (conn->number - 1);
	bool changed = strcmp(conn->status, status) != 0;

	in->s->heard |= bit;
	conn->status_old = false;
	inbound_copy(conn->status, sizeof(conn->status), status);
	inbound_copy_field(conn->error_code, sizeof(conn->error_code), in->p, "errorCode");
	inbound_copy_field(conn->info, sizeof(conn->info), in->p, "info");
	inbound_copy_field(conn->vendor_id, sizeof(conn->vendor_id), in->p, "vendorId");
	inbound_copy_field(conn->vendor_error, sizeof(conn->vendor_error), in->p, "vendorErrorCode");
	conn->status_time = time != WALL_NONE ? inbound_our_time(in, time) : in->t->wall;
	if (strcmp(status, "Available") == 0) {
		in->s->free_started &= ~bit;
		/* A StopTransaction that comes later completes the record. */
		if (conn->tx)
			site_tx_close(in->s->o->site, conn->tx, "Other", "the connector was Available before a stop came",
				      in->t->wall, in->t->fx);
	}
	if (!changed)
		return;
	/* No meter values come any more, and the last ones are not true any more. */
	if (strcmp(status, "Available") == 0 || strcmp(status, "Finishing") == 0) {
		conn->drew_at = 0;
		connector_forget_draw(in->s->o->site, conn);
	}
	log_station(INFO, in->s->id, "connector_status", "connector=%d status=%s error=%s", conn->number,
		    log_text(conn->status), log_text(conn->error_code));
	site_touch(in->s->o->site, conn);
}

void inbound_status(struct inbound *in)
{
	const char *status = ocpp_read_text(json_get(in->p, "status"));
	wall_t time = inbound_time(in, json_get(in->p, "timestamp"));
	struct connector *conn;
	int64_t number = 0;

	ocpp_read_int(json_get(in->p, "connectorId"), &number);
	if (number == 0) {
		station_status(in, status);
	} else {
		conn = inbound_connector(in, number);
		if (!conn)
			return;
		inbound_learn_clock(in, time);
		if (!is_stale(in, conn, time)) {
			keep_status(in, conn, status, time);
			show_fault(in->s, in->st);
			status_refresh(in->s, in->st, conn, in->t);
			reserve_status(in->s, conn, in->t);
			if (session_known(in->s, in->st))
				start_free(in, conn);
		}
	}
	jw_object(&in->w);
	jw_object_end(&in->w);
}
