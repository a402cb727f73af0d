/* ocpp/message.h - the table of OCPP messages: what a payload must look like, and its member order.
 *
 * Everything here is constant data expanded from ocpp16.def, and two functions over it.
 */
#pragma once

#include "base/json.h"

enum ocpp_field_kind {
	OCPP_KIND_STR, OCPP_KIND_STRS, OCPP_KIND_ENUM, OCPP_KIND_INT, OCPP_KIND_DEC, OCPP_KIND_BOOL,
	OCPP_KIND_TIME, OCPP_KIND_OBJ, OCPP_KIND_LIST
};

enum ocpp_flag { OCPP_REQ = 1, OCPP_ODD = 2, OCPP_SOFT = 4 };	/* ocpp16.def says what they mean */

struct ocpp_type;

struct ocpp_field {
	const char *name;		/* NULL ends the list */
	enum ocpp_field_kind kind;
	unsigned flags;
	size_t max;			/* characters; 0 = as long as the frame may be */
	const char *values;		/* "a|b|c" */
	const struct ocpp_type *type;	/* of an object, or of a list's items */
};

struct ocpp_type {
	const char *name;
	const struct ocpp_field *fields;
};

enum ocpp_sender { OCPP_FROM_STATION = 1, OCPP_FROM_CENTRAL = 2, OCPP_FROM_BOTH = 3 };
enum ocpp_profile {
	OCPP_CORE, OCPP_FIRMWARE, OCPP_LOCAL_LIST, OCPP_RESERVATION, OCPP_SMART_CHARGING,
	OCPP_REMOTE_TRIGGER, OCPP_SECURITY
};

enum ocpp_action {
#define OCPP_TYPE(name)
#define OCPP_TYPE_END(name)
#define OCPP_STR(name, most, flags)
#define OCPP_STRS(name, most, flags)
#define OCPP_ENUM(name, words, flags)
#define OCPP_INT(name, flags)
#define OCPP_DEC(name, flags)
#define OCPP_BOOL(name, flags)
#define OCPP_TIME(name, flags)
#define OCPP_OBJ(name, type, flags)
#define OCPP_LIST(name, type, flags)
#define OCPP_MESSAGE(action, sender, profile) OCPP_ACTION_##action,
#include "ocpp/ocpp16.def"
	OCPP_ACTION_COUNT
};

struct ocpp_message {
	const char *action;
	enum ocpp_sender sender;
	enum ocpp_profile profile;
	const struct ocpp_type *req, *conf;
};

extern const struct ocpp_message ocpp_messages[OCPP_ACTION_COUNT];
const struct ocpp_message *ocpp_message_find(const char *action);	/* NULL if unknown */

/* What is wrong with a payload: the CALLERROR code (a constant) and a line for its description. */
struct ocpp_violation {
	const char *code;
	char text[160];
};
/* Members that the table does not name are ignored. Returns whether the payload can be taken. */
bool ocpp_payload_check(const struct ocpp_type *type, const struct json *payload, struct ocpp_violation *v);

/* Writes an object with its members in the order of the schema, then those that it does not know. */
void ocpp_payload_write(const struct ocpp_type *type, const struct json *payload, struct json_writer *w);

/* Readers for what check let pass as ODD or SOFT: numbers as text and text as numbers, decimals. */
const char *ocpp_read_text(const struct json *j);	/* NULL if it is neither */
int ocpp_read_int(const struct json *j, int64_t *out);
