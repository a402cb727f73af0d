/* base/fields.h - tables of fields: how a C struct reads from and writes to JSON and text.
 *
 * One codec for control records, settable keys, arguments and stored records. A field's JSON name is
 * its C member's name and says the unit ("fuse_ma"); people may drop the unit suffix and then
 * write human quantities: fuse=125 is 125 A, fuse_ma=125000 is the same (administration.md,
 * "One vocabulary").
 *
 * C storage: ID, TEXT, ENUM, JSON: const char * (NULL = absent). BOOL, INT, MA, W, WH, MS, PERMILLE,
 * TIME: int64_t (NUM_NONE = absent). PHASE_MA: struct phase_ma (NUM_NONE each = absent).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "base/types.h"

enum field_type {
	FIELD_ID,	/* identity, id_check'ed */
	FIELD_TEXT,	/* any UTF-8 up to 500 bytes */
	FIELD_ENUM,	/* one of `values`, "a|b|c" */
	FIELD_BOOL,
	FIELD_INT,
	FIELD_MA,	/* suffix _ma; people write A */
	FIELD_PHASE_MA,	/* suffix _ma; people write A, or A,A,A with "-" for an absent phase */
	FIELD_W,	/* suffix _w */
	FIELD_WH,	/* suffix _wh; people write Wh or 12kWh */
	FIELD_MS,	/* suffix _ms; people write 90s, 5m, 2h */
	FIELD_PERMILLE,	/* suffix _permille; people write 20% */
	FIELD_TIME,	/* RFC 3339 in JSON */
	FIELD_JSON	/* any JSON, kept as text */
};

enum field_flag {
	FIELD_REQUIRED = 1,
	FIELD_WIDE = 2,		/* not in the default table, in -o wide */
	FIELD_FILE = 4,		/* text of up to 64 KiB, which people name as @FILE */
	FIELD_SECRET = 8	/* bytes as hexadecimal digits, which people must name as @FILE: not in argv, never shown */
};

struct field {
	const char *name;	/* "fuse_ma" */
	enum field_type type;
	size_t offset;
	unsigned flags;
	const char *values;	/* FIELD_ENUM: "a|b|c" */
	const char *help;
};

/* Length of the name without its unit suffix: "fuse_ma" -> 4. Equal to strlen(name) if it has none. */
size_t field_base_len(const struct field *f);
/* Finds by full name or base name; *human = the base name was used (and differs). NULL if unknown. */
const struct field *field_find(const struct field *fields, size_t count, const char *name, bool *human);

/* Sets every field of `rec` to absent. */
void fields_clear(const struct field *fields, size_t count, void *rec);
/* Reads an object into rec (cleared first) with strings in `arena`. Bit i of *given is set for each
 * field present, null included (null = absent, i.e. clear it). Unknown members are refused with
 * "did you mean" when strict, ignored otherwise; then, too, enum values, identities and lengths are
 * not checked: what lmsd or the store wrote may be newer than this reader. Human names take human
 * quantities (string, number, or array for phases); raw names take raw integers. 0, or
 * -LMS_EDATA/-LMS_ERANGE with diag
 * "fuse: '12x' is not a current (…)". `given` may be NULL; at most 64 fields. */
int fields_read(const struct field *fields, size_t count, const struct json *obj, bool strict,
		struct arena *arena, void *rec, uint64_t *given, struct diag *diag);
/* One field from text as a person wrote it ("125", "20%", "L1"); "" clears. human as in field_find. */
int field_parse(const struct field *f, const char *text, bool human, struct arena *arena, void *rec,
		struct diag *diag);
/* Appends the members that are present (all when `nulls`), inside an object that is already open. */
void fields_write(const struct field *fields, size_t count, const void *rec, bool nulls,
		  struct json_writer *w);
/* One value: raw (mA, RFC 3339: for csv, tsv, value) or as people read it (A, local time by tz, NULL = UTC). */
void field_format(const struct field *f, const void *rec, bool human, const struct time_zone *tz,
		  struct buf *out);
bool field_present(const struct field *f, const void *rec);
bool field_equal(const struct field *f, const void *a, const void *b);
/* Deep copy: strings are copied into the arena. */
void fields_copy(const struct field *fields, size_t count, void *to, const void *from, struct arena *arena);
/* Is s one of "a|b|c"? Its index, or -1. */
int enum_index(const char *values, const char *s);
