/* base/json.h - bounded JSON: a reader (yajl's SAX parser into a tree in an arena) and a writer.
 *
 * The reader refuses what yajl lets pass: duplicate keys, NUL in strings, lone surrogates,
 * overlong UTF-8, depth and size beyond the caps. Numbers keep their raw text: no floating point.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	const char *key;	/* in an object: the member's name, else NULL */
	const char *text;	/* string value or raw number text, NUL-terminated, len bytes */
	size_t len;
	struct json *first;	/* children of array and object, in order */
	struct json *next;	/* sibling */
	size_t count;		/* number of children */
	const char *raw;	/* array/object: its bytes in the input, for byte-exact passing */
	size_t raw_len;
};

struct json_caps {
	size_t max_bytes;	/* of the text */
	int max_depth;
};
extern const struct json_caps JSON_CAPS_DEFAULT;	/* 1 MiB, 32 deep */
extern const struct json_caps JSON_CAPS_DOCUMENT;	/* 16 MiB, 32 deep: a whole configuration */

/* Parses one whole document. The tree lives in `arena`; text and raw point into it or `text`,
 * so `text` must live as long as the tree. Returns the root, or NULL with diag (LMS_EPARSE;
 * LMS_ERANGE for a broken cap or an exhausted arena; line and column set). A tree takes up to 40
 * bytes per byte of text ("[0,0,0…"): peer input belongs in an arena with a budget. */
struct json *json_parse(struct arena *arena, const char *text, size_t len,
			const struct json_caps *caps, struct diag *diag);

/* Lookups accept NULL and wrong types and answer NULL / the default. */
const struct json *json_get(const struct json *obj, const char *key);
const struct json *json_at(const struct json *arr, size_t index);
const char *json_str(const struct json *j, const char *dflt);
bool json_bool(const struct json *j, bool dflt);
/* An integer, exactly: 1, -5, 1e3, 2.0 are; 1.5 and 1e30 are not. 0 or -LMS_EDATA. */
int json_int(const struct json *j, int64_t *out);
/* A decimal times `scale` (a power of ten), rounded half away from zero: "16.72" at 1000 = 16720.
 * Accepts a number or a string that holds one, blanks around it allowed. 0 or -LMS_EDATA/-LMS_ERANGE. */
int json_fixed(const struct json *j, int64_t scale, int64_t *out);
int text_fixed(const char *s, size_t len, int64_t scale, int64_t *out);

/* Writer: appends to a buf; errors are sticky there. Strings are escaped, invalid UTF-8 becomes U+FFFD.
 * Keys and values alternate as in the text; the writer places commas. */
struct json_writer {
	struct buf *buf;
	int depth;
	bool comma[40];
	bool after_key;
};
void jw_init(struct json_writer *w, struct buf *b);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_str(struct json_writer *w, const char *s);	/* NULL writes null */
void jw_strn(struct json_writer *w, const char *s, size_t len);
void jw_int(struct json_writer *w, int64_t v);		/* NUM_NONE writes null */
void jw_fixed(struct json_writer *w, int64_t v, int64_t scale);	/* 16700, 1000 writes 16.7 */
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, const char *json, size_t len);	/* trusted JSON text */
void jw_copy(struct json_writer *w, const struct json *j);
/* key and value in one */
void jw_kstr(struct json_writer *w, const char *key, const char *s);
void jw_kint(struct json_writer *w, const char *key, int64_t v);
void jw_kbool(struct json_writer *w, const char *key, bool v);
