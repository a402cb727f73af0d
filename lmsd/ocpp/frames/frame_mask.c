/* ocpp/frames/frame_mask.c - a frame as people may see it: without the values of secrets.
 *
 * The text may be cut off anywhere or be no JSON at all, so it is not parsed but walked: strings are told
 * apart from the rest, and each object remembers what its "key" and "value" are. What the cut leaves open
 * is masked, since the key may have been behind it. What is to be masked is overwritten first, whatever
 * the order in which it is found, and written short at the end: its length is nobody's business either.
 */
#include "ocpp/frames/frame_log.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define DEPTH_MAX 40	/* deeper frames are refused; what lies deeper here is masked as a whole */
#define MASKED '\1'	/* JSON holds no such byte */
#define SHOWN "***"

struct span { size_t from, to; };	/* inside the quotes */

struct object {
	struct span value;		/* of its member "value" */
	bool secret, named;		/* its member "key" names a secret; there is such a member */
};

enum member { MEMBER_OTHER, MEMBER_KEY, MEMBER_VALUE, MEMBER_SECRET };

struct walk {
	char *text;
	size_t len;
	struct object objects[DEPTH_MAX];
	int depth;
	enum member member;		/* whose value comes next */
};

bool frame_names_secret(const char *key, size_t len)
{
	static const char *const words[] = { "authorizationkey", "password", "passwd", "passphrase", "secret", "apikey",
					     "privatekey", "psk", "pwd" };
	char lower[128];
	size_t n = 0;

	/* An escaped character could hide the word. */
	if (memchr(key, '\\', len))
		return true;
	for (; n < len && n < sizeof(lower) - 1; n++)
		lower[n] = key[n] >= 'A' && key[n] <= 'Z' ? (char)(key[n] + ('a' - 'A')) : key[n];
	lower[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strstr(lower, words[i]))
			return true;
	}
	return false;
}

static void mask(struct walk *w, struct span s)
{
	if (s.to > s.from)
		memset(w->text + s.from, MASKED, s.to - s.from);
}

/* So many digits in the path of a URL are what opens it: lmsd's file server gives each job such a one. */
#define DIGITS_SECRET 16

static void mask_path(struct walk *w, const char *from, const char *end)
{
	for (const char *p = from; p < end; p++) {
		const char *digits = p;

		while (p < end && *p && strchr("0123456789abcdefABCDEF", *p))
			p++;
		if (p - digits >= DIGITS_SECRET)
			mask(w, (struct span){ (size_t)(digits - w->text), (size_t)(p - w->text) });
	}
}

/* "ftp://user:password@host/secret" */
static void mask_url(struct walk *w, struct span s)
{
	const char *at = memmem(w->text + s.from, s.to - s.from, "://", 3), *end = w->text + s.to, *colon = NULL;
	const char *slash = at ? memchr(at + 3, '/', (size_t)(end - at - 3)) : NULL;

	if (slash)
		mask_path(w, slash, end);
	for (const char *p = at ? at + 3 : end; p < end && *p != '/'; p++) {
		if (*p == ':' && !colon)
			colon = p;
		if (*p == '@' && colon)
			mask(w, (struct span){ (size_t)(colon + 1 - w->text), (size_t)(p - w->text) });
	}
}

static bool is_word(const struct walk *w, struct span s, const char *word)
{
	return s.to - s.from == strlen(word) && strncasecmp(w->text + s.from, word, s.to - s.from) == 0;
}

static struct object *object_of(struct walk *w)
{
	return w->depth > 0 && w->depth <= DEPTH_MAX ? &w->objects[w->depth - 1] : NULL;
}

static bool names_member(const struct walk *w, size_t after)
{
	while (after < w->len && strchr(" \t\r\n", w->text[after]) && w->text[after])
		after++;
	return after < w->len && w->text[after] == ':';
}

/* Where the string that begins behind `from` ends: its quote, or the end of the text. */
static size_t string_end(const struct walk *w, size_t from)
{
	while (from < w->len && w->text[from] != '"')
		from += w->text[from] == '\\' ? 2 : 1;
	return from < w->len ? from : w->len;
}

static void take_value(struct walk *w, struct span s)
{
	struct object *o = object_of(w);

	if (!o || w->member == MEMBER_SECRET) {
		if (w->depth > 0)
			mask(w, s);
	} else if (w->member == MEMBER_KEY) {
		o->named = s.to < w->len;	/* its end may lie behind the cut */
		o->secret |= frame_names_secret(w->text + s.from, s.to - s.from);
	} else if (w->member == MEMBER_VALUE) {
		o->value = s;
	}
	mask_url(w, s);
}

static size_t take_string(struct walk *w, size_t quote)
{
	struct span s = { quote + 1, string_end(w, quote + 1) };

	if (!names_member(w, s.to + 1)) {
		take_value(w, s);
		w->member = MEMBER_OTHER;
	} else if (is_word(w, s, "key")) {
		w->member = MEMBER_KEY;
	} else if (is_word(w, s, "value")) {
		w->member = MEMBER_VALUE;
	} else {
		w->member = frame_names_secret(w->text + s.from, s.to - s.from) ? MEMBER_SECRET : MEMBER_OTHER;
	}
	return s.to;
}

static void walk(struct walk *w)
{
	for (size_t i = 0; i < w->len; i++) {
		struct object *o;

		switch (w->text[i]) {
		case '"':
			i = take_string(w, i);
			break;
		case '{':
			w->depth++;
			w->member = MEMBER_OTHER;
			o = object_of(w);
			if (o)
				*o = (struct object){ 0 };
			break;
		case '}':
			o = object_of(w);
			if (o && o->secret)
				mask(w, o->value);
			w->depth -= w->depth > 0;
			break;
		default:
			break;
		}
	}
	for (; w->depth > 0; w->depth--) {
		const struct object *o = object_of(w);

		if (o && (o->secret || !o->named))
			mask(w, o->value);
	}
}

void frame_mask(struct buf *out, const char *text, size_t len)
{
	struct walk w = { .len = len };
	struct buf copy;

	buf_init(&copy);
	buf_add(&copy, text, len);
	w.text = copy.data;
	if (len)
		walk(&w);
	for (size_t i = 0, end; i < len; i = end) {
		end = i + 1;
		if (w.text[i] == MASKED) {
			while (end < len && w.text[end] == MASKED)
				end++;
			buf_puts(out, SHOWN);
		} else {
			while (end < len && w.text[end] != MASKED)
				end++;
			buf_add(out, w.text + i, end - i);
		}
	}
	buf_fini(&copy);
}
