/* base/json_write.c - the JSON writer: places commas, escapes strings; the buffer keeps errors. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/types.h"

void jw_init(struct json_writer *w, struct buf *b)
{
	memset(w, 0, sizeof(*w));
	w->buf = b;
}

static void before_value(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->comma[w->depth])
		buf_putc(w->buf, ',');
	w->comma[w->depth] = w->depth > 0;
}

static void open_container(struct json_writer *w, char bracket)
{
	before_value(w);
	if (w->depth + 1 >= (int)ARRAY_LEN(w->comma)) {
		w->buf->failed = true;
		return;
	}
	w->comma[++w->depth] = false;
	buf_putc(w->buf, bracket);
}

static void close_container(struct json_writer *w, char bracket)
{
	/* When opening failed for depth, the closing has nothing to close. */
	if (w->buf->failed)
		return;
	lms_assert(w->depth > 0 && !w->after_key);
	w->depth--;
	buf_putc(w->buf, bracket);
}

void jw_object(struct json_writer *w)
{
	open_container(w, '{');
}

void jw_object_end(struct json_writer *w)
{
	close_container(w, '}');
}

void jw_array(struct json_writer *w)
{
	open_container(w, '[');
}

void jw_array_end(struct json_writer *w)
{
	close_container(w, ']');
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *s = shorts; *s; s += 2) {
		if ((unsigned char)s[0] == c) {
			buf_putc(b, '\\');
			buf_putc(b, s[1]);
			return;
		}
	}
	buf_printf(b, "\\u%04x", c);
}

static void put_string(struct buf *b, const char *s, size_t len)
{
	size_t plain = 0; /* length of the run that needs no change */

	buf_putc(b, '"');
	while (plain < len) {
		unsigned char c = (unsigned char)s[plain];
		uint32_t code;
		size_t used = 1;

		if (c >= 0x80)
			used = utf8_decode(s + plain, len - plain, &code);
		if (used > 0 && c >= 0x20 && c != '"' && c != '\\') {
			plain += used;
			continue;
		}
		buf_add(b, s, plain);
		if (used == 0)
			buf_puts(b, "\xef\xbf\xbd");
		else
			put_escape(b, c);
		s += plain + 1;
		len -= plain + 1;
		plain = 0;
	}
	buf_add(b, s, plain);
	buf_putc(b, '"');
}

void jw_key(struct json_writer *w, const char *key)
{
	before_value(w);
	put_string(w->buf, key, strlen(key));
	buf_putc(w->buf, ':');
	w->after_key = true;
}

void jw_strn(struct json_writer *w, const char *s, size_t len)
{
	if (!s) {
		jw_null(w);
		return;
	}
	before_value(w);
	put_string(w->buf, s, len);
}

void jw_str(struct json_writer *w, const char *s)
{
	jw_strn(w, s, s ? strlen(s) : 0);
}

void jw_raw(struct json_writer *w, const char *json, size_t len)
{
	before_value(w);
	buf_add(w->buf, json, len);
}

void jw_null(struct json_writer *w)
{
	jw_raw(w, "null", 4);
}

void jw_bool(struct json_writer *w, bool v)
{
	jw_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void jw_int(struct json_writer *w, int64_t v)
{
	char text[24];

	if (v == NUM_NONE) {
		jw_null(w);
		return;
	}
	jw_raw(w, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)v));
}

void jw_fixed(struct json_writer *w, int64_t v, int64_t scale)
{
	unsigned long long magnitude, unit = (unsigned long long)scale, rest;
	char text[48];
	int len;

	if (v == NUM_NONE) {
		jw_null(w);
		return;
	}
	magnitude = (unsigned long long)(v < 0 ? -v : v);
	len = snprintf(text, sizeof(text), "%s%llu", v < 0 ? "-" : "", magnitude / unit);
	rest = magnitude % unit;
	if (rest)
		text[len++] = '.';
	while (rest) {
		unit /= 10;
		text[len++] = (char)('0' + rest / unit);
		rest %= unit;
	}
	jw_raw(w, text, (size_t)len);
}

/* Arrays and objects are written anew, not from `raw`: that may hold line breaks, which a
 * line protocol cannot carry. */
void jw_copy(struct json_writer *w, const struct json *j)
{
	if (!j) {
		jw_null(w);
		return;
	}
	switch (j->type) {
	case JSON_NULL:
		jw_null(w);
		return;
	case JSON_BOOL:
		jw_bool(w, j->boolean);
		return;
	case JSON_NUMBER:
		jw_raw(w, j->text, j->len);
		return;
	case JSON_STRING:
		jw_strn(w, j->text, j->len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	open_container(w, j->type == JSON_OBJECT ? '{' : '[');
	for (const struct json *child = j->first; child && !w->buf->failed; child = child->next) {
		if (j->type == JSON_OBJECT)
			jw_key(w, child->key);
		jw_copy(w, child);
	}
	close_container(w, j->type == JSON_OBJECT ? '}' : ']');
}

void jw_kstr(struct json_writer *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void jw_kint(struct json_writer *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_int(w, v);
}

void jw_kbool(struct json_writer *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}
