/* store/record.h - one stored record as bytes, and what records.def says about its fields. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

#define RECORD_VERSION 1
#define RECORD_HEADER_SIZE 5	/* version, CRC-32C */

enum record_type {
	RECORD_STR, RECORD_INT, RECORD_BOOL, RECORD_PHASE, RECORD_TIME, RECORD_WALL, RECORD_LIST,
	RECORD_OBJ, RECORD_ANY
};

struct record_field {
	enum store_table table;
	enum record_type type;
	const char *name;
	const char *help;
};
/* All fields of all tables, those of one table together and in the order of records.def. */
const struct record_field *record_fields(size_t *count);

/* Writes RECORD_HEADER_SIZE + len bytes to out. */
void record_pack(unsigned char *out, const char *key, const void *json, size_t len);

/* Finds the text in a stored value; json points into it. 0; -LMS_EDATA: damaged; -LMS_EPROTOCOL:
 * written by a version that we do not know. */
int record_unpack(const char *key, const void *value, size_t size, const char **json, size_t *len);

/* Is the text one object whose declared fields have their types? 0, -LMS_EPARSE if it is none, or
 * -LMS_EDATA naming the field. */
int record_check(enum store_table table, const char *json, size_t len, struct arena *arena,
		 struct diag *diag);

uint32_t record_crc32c(uint32_t crc, const void *data, size_t len);	/* start with 0 */

/* The tables and their fields as mdoc, for lmsd(8). */
void record_doc(struct buf *out);
