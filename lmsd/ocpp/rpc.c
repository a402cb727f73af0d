/* ocpp/rpc.c - parses and writes OCPP-J frames.
 *
 * A call that is broken is answered wherever its id can be told, even if the rest is not JSON:
 * a station that gets no answer repeats the frame for ever.
 */
#include "ocpp/rpc.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void complain(struct ocpp_violation *v, const char *code, const char *text)
{
	v->code = code;
	snprintf(v->text, sizeof(v->text), "%.150s", text);
}

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* Finds the id in a text that begins like a call: [2,"id". */
static bool rescue_id(const char *text, size_t len, char *id)
{
	const char *end = text + len, *p = skip_blank(text, end), *start;

	for (const char *want = "[2,\""; *want; want++) {
		p = skip_blank(p, end);
		if (p == end || *p++ != *want)
			return false;
	}
	for (start = p; p < end && *p != '"'; p++) {
		if (*p == '\\' || (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return false;
	}
	if (p == end || p == start || p - start > RPC_ID_MAX)
		return false;
	memcpy(id, start, (size_t)(p - start));
	id[p - start] = '\0';
	return true;
}

static bool take_id(const struct json *j, struct frame *f)
{
	/* A number is against the standard, but some stations count so. */
	if (!j || (j->type != JSON_STRING && j->type != JSON_NUMBER) || j->len == 0 || j->len > RPC_ID_MAX)
		return false;
	memcpy(f->id, j->text, j->len + 1);
	return true;
}

static enum frame_kind parse_call(const struct json *root, struct frame *f, struct ocpp_violation *v)
{
	const struct json *id = json_at(root, 1), *action = json_at(root, 2), *payload = json_at(root, 3);

	if (!take_id(id, f)) {
		complain(v, "FormationViolation", "a call without a usable id");
		return FRAME_IGNORED;
	}
	if (id->type != JSON_STRING) {
		complain(v, "FormationViolation", "the message id must be a string");
	} else if (root->count != 4) {
		complain(v, "FormationViolation", "a call has four elements: [2, id, action, payload]");
	} else if (action->type != JSON_STRING) {
		complain(v, "FormationViolation", "the action must be a string");
	} else if (payload->type != JSON_OBJECT) {
		complain(v, "FormationViolation", "the payload must be an object");
	} else {
		f->action = action->text;
		f->payload = payload;
		return FRAME_CALL;
	}
	return FRAME_MALFORMED;
}

static enum frame_kind parse_answer(const struct json *root, int64_t type, struct frame *f,
				    struct ocpp_violation *v)
{
	if (!take_id(json_at(root, 1), f)) {
		complain(v, "FormationViolation", "an answer without a usable id");
		return FRAME_IGNORED;
	}
	if (type == FRAME_RESULT) {
		f->payload = json_at(root, 2);
		return FRAME_RESULT;
	}
	f->code = json_str(json_at(root, 2), "GenericError");
	f->description = json_str(json_at(root, 3), "");
	return FRAME_ERROR;
}

static enum frame_kind parse(struct arena *arena, const char *text, size_t len, struct frame *f,
			     struct ocpp_violation *v)
{
	const struct json *root;
	struct diag diag;
	int64_t type;

	diag_init(&diag);
	root = json_parse(arena, text, len, &JSON_CAPS_DEFAULT, &diag);
	if (!root) {
		complain(v, "FormationViolation", diag.text);
		return rescue_id(text, len, f->id) ? FRAME_MALFORMED : FRAME_IGNORED;
	}
	if (json_int(json_at(root, 0), &type) == 0) {
		if (type == FRAME_CALL)
			return parse_call(root, f, v);
		if (type == FRAME_RESULT || type == FRAME_ERROR)
			return parse_answer(root, type, f, v);
	}
	/* OCPP-J 1.6, 4.1.3: other message types are ignored. */
	complain(v, "FormationViolation", "neither a call nor an answer");
	return FRAME_IGNORED;
}

void rpc_parse(struct arena *arena, const char *text, size_t len, struct frame *f, struct ocpp_violation *v)
{
	memset(f, 0, sizeof(*f));
	memset(v, 0, sizeof(*v));
	f->kind = parse(arena, text, len, f, v);
}

static void begin(struct json_writer *w, struct buf *b, int type, const char *id)
{
	jw_init(w, b);
	jw_array(w);
	jw_int(w, type);
	jw_str(w, id);
}

void rpc_write_call(struct buf *b, const char *id, const char *action, const char *payload, size_t len)
{
	struct json_writer w;

	begin(&w, b, FRAME_CALL, id);
	jw_str(&w, action);
	jw_raw(&w, payload, len);
	jw_array_end(&w);
}

void rpc_write_result(struct buf *b, const char *id, const char *payload, size_t len)
{
	struct json_writer w;

	begin(&w, b, FRAME_RESULT, id);
	jw_raw(&w, payload, len);
	jw_array_end(&w);
}

void rpc_write_error(struct buf *b, const char *id, const char *code, const char *description)
{
	struct json_writer w;

	begin(&w, b, FRAME_ERROR, id);
	jw_str(&w, code);
	jw_str(&w, description);
	jw_object(&w);
	jw_object_end(&w);
	jw_array_end(&w);
}

uint64_t rpc_hash(uint64_t hash, const void *p, size_t len)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}
