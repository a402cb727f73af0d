/* ocpp/inbound/inbound.c - answers the calls of stations: dispatch, retries, and what needs no file of its own.
 *
 * The answer leaves before any call that it gave rise to. Start- and StopTransaction are recorded,
 * so a repeated one gets the answer of the first; every other call may be worked on twice, and a
 * fresh currentTime is better than an old one.
 */
#include "ocpp/inbound/inbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/limit/lapse.h"
#include "ocpp/limit/proof.h"
#include "ocpp/control/told.h"
#include "site/transfer.h"

#define HEARTBEAT_S 300
#define PENDING_S 30
#define REPLAY_US (120 * US_PER_S)
/* No station was built before, no message was sent later. */
#define EARLIEST (INT64_C(1262304000) * US_PER_S)	/* 2010 */
#define AHEAD_US (INT64_C(86400) * US_PER_S)

void inbound_copy(char *out, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	if (len)
		memcpy(out, text, len);
	out[len] = '\0';
}

void inbound_copy_field(char *out, size_t size, const struct json *payload, const char *name)
{
	inbound_copy(out, size, ocpp_read_text(json_get(payload, name)));
}

wall_t inbound_time(const struct inbound *in, const struct json *stamp)
{
	wall_t time;

	if (!json_str(stamp, NULL) || rfc3339_parse(stamp->text, stamp->len, &time) != 0 || time < EARLIEST ||
	    time > in->t->wall + AHEAD_US)
		return WALL_NONE;
	return time;
}

void inbound_learn_clock(struct inbound *in, wall_t time)
{
	struct ocpp_session *s = in->s;

	if (time != WALL_NONE && (s->skew_us == NUM_NONE || time - in->t->wall > s->skew_us))
		s->skew_us = time - in->t->wall;
	lapse_refresh(s, in->st);
}

wall_t inbound_our_time(const struct inbound *in, wall_t time)
{
	return time == WALL_NONE || in->s->skew_us == NUM_NONE ? time : time - in->s->skew_us;
}

bool inbound_is_replay(const struct inbound *in, wall_t time)
{
	wall_t said = inbound_our_time(in, time);

	return said != WALL_NONE && said < in->s->opened && said < in->t->wall - REPLAY_US;
}

struct connector *inbound_connector(struct inbound *in, int64_t number)
{
	struct station *st = in->st;
	struct connector *conn;

	/* Stations with one connector that call it 0 are known. */
	if (number == 0 && st->connector_count <= 1)
		number = 1;
	if (number < 1 || number > CONNECTORS_MAX) {
		in->code = "PropertyConstraintViolation";
		in->why = "connectorId: is out of range";
		return NULL;
	}
	if ((size_t)number > st->connector_count)
		site_station_grow(in->s->o->site, st, (size_t)number);
	conn = site_connector(st, (int)number);
	if (conn && st->conf >= 0 && conn->conf < 0) {
		if (!(in->s->heard & UINT64_C(1) << (number - 1)))
			log_station(WARNING, st->id, "connector_not_configured", "connector=%d", (int)number);
		order_zero(in->s, (int)number, in->t);
	}
	return conn;
}

static void write_time(struct json_writer *w, wall_t time)
{
	char text[RFC3339_MAX];

	jw_kstr(w, "currentTime", rfc3339_format(time / US_PER_MS * US_PER_MS, text));
}

static void keep_boot(struct inbound *in)
{
	const struct station *st = in->st;

	site_boot_store(st, in->t->fx);
	log_station(INFO, st->id, "station_booted", "vendor=%s model=%s firmware=%s", log_text(st->vendor),
		    log_text(st->model), log_text(st->firmware));
}

/* What a station says that it is. */
struct maker { char vendor[64], model[64], firmware[64]; };

static struct maker maker_of(const struct station *st)
{
	struct maker m;

	snprintf(m.vendor, sizeof(m.vendor), "%s", st->vendor);
	snprintf(m.model, sizeof(m.model), "%s", st->model);
	snprintf(m.firmware, sizeof(m.firmware), "%s", st->firmware);
	return m;
}

static bool is_other(const char *before, const char *now)
{
	return *before && *now && strcmp(before, now) != 0;
}

/* What its firmware refused or kept before says nothing of another one, nor of another box with its name. */
static void compare_maker(struct inbound *in, const struct maker *before)
{
	const struct station *st = in->st;

	if (strcmp(before->firmware, st->firmware) != 0)
		setup_forget(in->s);
	if (is_other(before->firmware, st->firmware))
		proof_expire(in->s, st, "it has another firmware", in->t);
	else if (is_other(before->vendor, st->vendor) || is_other(before->model, st->model))
		proof_expire(in->s, st, "it is another model", in->t);
}

static void on_boot(struct inbound *in)
{
	bool known = session_known(in->s, in->st);
	bool closed = !known && in->s->o->site->registration == REG_CLOSED;
	struct station *st = in->st;
	const struct maker before = maker_of(st);

	inbound_copy_field(st->vendor, sizeof(st->vendor), in->p, "chargePointVendor");
	inbound_copy_field(st->model, sizeof(st->model), in->p, "chargePointModel");
	inbound_copy_field(st->serial, sizeof(st->serial), in->p, "chargePointSerialNumber");
	inbound_copy_field(st->box_serial, sizeof(st->box_serial), in->p, "chargeBoxSerialNumber");
	inbound_copy_field(st->firmware, sizeof(st->firmware), in->p, "firmwareVersion");
	inbound_copy_field(st->iccid, sizeof(st->iccid), in->p, "iccid");
	inbound_copy_field(st->imsi, sizeof(st->imsi), in->p, "imsi");
	inbound_copy_field(st->meter_type, sizeof(st->meter_type), in->p, "meterType");
	inbound_copy_field(st->meter_serial, sizeof(st->meter_serial), in->p, "meterSerialNumber");
	compare_maker(in, &before);
	st->booted = in->t->wall;
	if (known || !in->s->booted)
		keep_boot(in);
	transfer_booted(st, before.firmware, in->t->wall, in->t->fx);
	session_step(in->s, known ? SESSION_EV_BOOT_KNOWN : SESSION_EV_BOOT_UNKNOWN, in->t);
	jw_object(&in->w);
	jw_kstr(&in->w, "status", known ? "Accepted" : closed ? "Rejected" : "Pending");
	write_time(&in->w, in->t->wall);
	jw_kint(&in->w, "interval", known ? HEARTBEAT_S : PENDING_S);
	jw_object_end(&in->w);
}

static void on_heartbeat(struct inbound *in)
{
	jw_object(&in->w);
	write_time(&in->w, in->t->wall);
	jw_object_end(&in->w);
}

static void on_data_transfer(struct inbound *in)
{
	log_station(INFO, in->s->id, "data_transfer", "vendor=%s message=%s",
		    log_text(json_str(json_get(in->p, "vendorId"), "")),
		    log_text(json_str(json_get(in->p, "messageId"), "")));
	jw_object(&in->w);
	jw_kstr(&in->w, "status", "UnknownVendorId");
	jw_object_end(&in->w);
}

static void on_transfer(struct inbound *in, enum transfer_kind kind)
{
	const char *status = ocpp_read_text(json_get(in->p, "status"));
	int64_t request = NUM_NONE;

	if (json_get(in->p, "requestId"))
		ocpp_read_int(json_get(in->p, "requestId"), &request);
	if (status && kind == TRANSFER_FIRMWARE)
		told_firmware(in->s, status, in->t);
	if (status)
		transfer_said(in->st, kind, request, status, in->t->wall, in->t->fx);
	jw_object(&in->w);
	jw_object_end(&in->w);
}

static void on_firmware_status(struct inbound *in)
{
	on_transfer(in, TRANSFER_FIRMWARE);
}

static void on_upload_status(struct inbound *in)
{
	on_transfer(in, TRANSFER_UPLOAD);
}

static inbound_fn *const handlers[OCPP_ACTION_COUNT] = {
	[OCPP_ACTION_Authorize] = inbound_authorize,
	[OCPP_ACTION_BootNotification] = on_boot,
	[OCPP_ACTION_DataTransfer] = on_data_transfer,
	[OCPP_ACTION_DiagnosticsStatusNotification] = on_upload_status,
	[OCPP_ACTION_FirmwareStatusNotification] = on_firmware_status,
	[OCPP_ACTION_Heartbeat] = on_heartbeat,
	[OCPP_ACTION_LogStatusNotification] = on_upload_status,
	[OCPP_ACTION_MeterValues] = inbound_meter,
	[OCPP_ACTION_SecurityEventNotification] = inbound_security_event,
	[OCPP_ACTION_SignCertificate] = inbound_sign_certificate,
	[OCPP_ACTION_SignedFirmwareStatusNotification] = on_firmware_status,
	[OCPP_ACTION_StartTransaction] = inbound_start,
	[OCPP_ACTION_StatusNotification] = inbound_status,
	[OCPP_ACTION_StopTransaction] = inbound_stop,
};

/* ---- retries ---- */

static bool is_recorded(enum ocpp_action action)
{
	return action == OCPP_ACTION_StartTransaction || action == OCPP_ACTION_StopTransaction;
}

/* By action and payload alone: after a reconnect the same message comes with another id, and both
 * messages carry the time that makes them unique. */
static uint64_t answer_hash(const struct frame *f)
{
	return rpc_hash(rpc_hash(RPC_HASH_START, f->action, strlen(f->action)), f->payload->raw,
			f->payload->raw_len);
}

static const char *answered_before(const struct ocpp_session *s, uint64_t hash)
{
	for (size_t i = 0; i < ANSWERED_MAX; i++) {
		if (s->answered[i].hash == hash)
			return s->answered[i].payload;
	}
	return NULL;
}

static void remember(struct ocpp_session *s, uint64_t hash, const struct buf *payload)
{
	struct answered *a = &s->answered[s->answered_next++ % ANSWERED_MAX];

	free(a->payload);
	a->hash = hash;
	a->payload = xmalloc(payload->len + 1);
	memcpy(a->payload, payload->data, payload->len);
	a->payload[payload->len] = '\0';
}

/* ---- dispatch ---- */

static void answer(struct inbound *in, const char *payload, size_t len)
{
	struct buf *out = &in->s->o->out;

	buf_clear(out);
	rpc_write_result(out, in->f->id, payload, len);
	fx_frame_of_tx(in->t->fx, in->when, in->s->link, out->data, out->len, in->tx);
}

static void refuse(struct inbound *in, const char *code, const char *why)
{
	struct buf *out = &in->s->o->out;

	buf_clear(out);
	rpc_write_error(out, in->f->id, code, why);
	fx_frame(in->t->fx, FX_NOW, in->s->link, out->data, out->len);
	log_station(NOTICE, in->s->id, "call_not_taken", "action=%s code=%s why=%s", log_text(in->f->action),
		    code, log_text(why));
}

static void handle(struct inbound *in, enum ocpp_action action)
{
	uint64_t hash = is_recorded(action) ? answer_hash(in->f) : 0;
	const char *before = hash ? answered_before(in->s, hash) : NULL;
	struct buf payload;

	if (before) {
		/* The record of the first may still be on its way to the disk. */
		in->when = FX_AFTER_COMMIT;
		answer(in, before, strlen(before));
		return;
	}
	buf_init(&payload);
	jw_init(&in->w, &payload);
	handlers[action](in);
	if (in->code) {
		refuse(in, in->code, in->why);
	} else {
		answer(in, payload.data, payload.len);
		if (hash)
			remember(in->s, hash, &payload);
	}
	buf_fini(&payload);
}

static void work(struct inbound *in)
{
	const struct ocpp_message *m = ocpp_message_find(in->f->action);
	struct ocpp_violation v;

	if (!m)
		refuse(in, "NotImplemented", "this action is not part of OCPP 1.6");
	else if (!(m->sender & OCPP_FROM_STATION))
		refuse(in, "NotSupported", "this action is for stations");
	else if (!ocpp_payload_check(m->req, in->p, &v))
		refuse(in, v.code, v.text);
	else
		handle(in, (enum ocpp_action)(m - ocpp_messages));
}

void inbound_call(struct ocpp_session *s, struct station *st, const struct frame *f, const struct turn *t)
{
	struct inbound in = { .s = s, .st = st, .f = f, .p = f->payload, .t = t, .when = FX_NOW };

	s->corked = true;
	work(&in);
	if (s->state == SESSION_OPEN && strcmp(f->action, "BootNotification") != 0)
		session_step(s, session_known(s, st) ? SESSION_EV_SPOKE_KNOWN : SESSION_EV_SPOKE_UNKNOWN, t);
	s->corked = false;
	queue_pump(s, t);
}
