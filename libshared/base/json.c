/* base/json.c - the JSON reader: yajl's SAX events to a tree in an arena.
 *
 * yajl checks grammar; what it lets pass is refused here. Bad UTF-8, NUL and lone surrogates are
 * found in one look over the text before yajl sees it: inside valid JSON a backslash occurs in
 * strings only, so no tokenizer is needed for that. Depth and duplicate keys are found in the
 * callbacks.
 *
 * yajl does not check what malloc returns, so its few small allocations come from a pool on the
 * stack and beyond that from xmalloc; their size is bounded by caps->max_bytes. The tree comes
 * from the caller's arena, whose refusal fails the parse.
 */
#include "base/json.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/err.h"
#include "base/text.h"
#include "base/types.h"

#define DEPTH_LIMIT 128
#define POOL_BYTES  2048
/* Up to here each key is compared with those before it; larger objects are sorted at their end. */
#define FEW_KEYS 16

const struct json_caps JSON_CAPS_DEFAULT = { .max_bytes = 1024 * 1024, .max_depth = 32 };
const struct json_caps JSON_CAPS_DOCUMENT = { .max_bytes = 16 * 1024 * 1024, .max_depth = 32 };

struct frame {
	struct json *node;
	struct json **tail; /* where the next child is linked */
};

struct reader {
	struct arena *arena;
	const char *text;
	size_t len;
	struct diag *diag;
	yajl_handle yajl;
	struct json *root;
	const char *key; /* seen, its value not yet */
	/* Decoded strings never take more than their input with its quotes: one room for all. */
	char *strings;
	size_t strings_used;
	int depth, max_depth;
	struct frame frames[DEPTH_LIMIT];
	size_t pool_used;
	alignas(max_align_t) unsigned char pool[POOL_BYTES];
};

static int fail_at(struct reader *r, int err, size_t offset, const char *what, const char *detail)
{
	int line = 1, column = 1;

	if (offset > r->len)
		offset = r->len;
	for (size_t i = 0; i < offset; i++) {
		if (r->text[i] == '\n') {
			line++;
			column = 1;
		} else {
			column++;
		}
	}
	return diag_set_at(r->diag, err, NULL, line, column, "%s%s", what, detail);
}

/* For the callbacks: yajl stops at 0. yajl has consumed the token that is at fault. */
static int stop(struct reader *r, int err, const char *what, const char *detail)
{
	size_t consumed = yajl_get_bytes_consumed(r->yajl);

	fail_at(r, err, consumed ? consumed - 1 : 0, what, detail);
	return 0;
}

/* ---- memory for yajl ---- */

static void *pool_malloc(void *ctx, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct reader *r = ctx;
	size_t room = (size + align - 1) / align * align;
	void *p;

	if (room < size || room > sizeof(r->pool) - r->pool_used)
		return xmalloc(size);
	p = r->pool + r->pool_used;
	r->pool_used += room;
	return p;
}

static bool in_pool(const struct reader *r, const void *p)
{
	return (uintptr_t)p - (uintptr_t)r->pool < sizeof(r->pool);
}

static void pool_free(void *ctx, void *p)
{
	if (p && !in_pool(ctx, p))
		free(p);
}

static void *pool_realloc(void *ctx, void *p, size_t size)
{
	struct reader *r = ctx;
	size_t room;
	void *moved;

	if (!p)
		return pool_malloc(ctx, size);
	if (!in_pool(r, p))
		return xrealloc(p, size);
	/* The old size is not known; what follows it in the pool is harmless to copy. */
	room = (size_t)(r->pool + r->pool_used - (unsigned char *)p);
	moved = xmalloc(size);
	return memcpy(moved, p, room < size ? room : size);
}

/* ---- the tree ---- */

static struct json *add_node(struct reader *r, enum json_type type)
{
	struct frame *top = r->depth ? &r->frames[r->depth - 1] : NULL;
	struct json *node = arena_alloc(r->arena, sizeof(*node));

	if (!node) {
		stop(r, -LMS_ERANGE, "the document needs more memory than it may have", "");
		return NULL;
	}
	node->type = type;
	node->key = r->key;
	r->key = NULL;
	if (top) {
		*top->tail = node;
		top->tail = &node->next;
		top->node->count++;
	} else {
		r->root = node;
	}
	return node;
}

static const char *keep_string(struct reader *r, const void *s, size_t len)
{
	char *copy = r->strings + r->strings_used;

	memcpy(copy, s, len);
	copy[len] = '\0';
	r->strings_used += len + 1;
	return copy;
}

static int on_null(void *ctx)
{
	return add_node(ctx, JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
	struct json *node = add_node(ctx, JSON_BOOL);

	if (node)
		node->boolean = value != 0;
	return node != NULL;
}

static int add_text(struct reader *r, enum json_type type, const void *s, size_t len)
{
	struct json *node = add_node(r, type);

	if (!node)
		return 0;
	node->text = keep_string(r, s, len);
	node->len = len;
	return 1;
}

static int on_number(void *ctx, const char *s, size_t len)
{
	return add_text(ctx, JSON_NUMBER, s, len);
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	return add_text(ctx, JSON_STRING, s, len);
}

static int duplicate(struct reader *r, const char *key)
{
	char shown[120];
	struct buf b;

	buf_init(&b);
	text_escape(&b, key, strnlen(key, 64));
	strncpy(shown, buf_cstr(&b), sizeof(shown) - 1);
	shown[sizeof(shown) - 1] = '\0';
	buf_fini(&b);
	return stop(r, -LMS_EPARSE, "an object names a member twice: ", shown);
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
	struct reader *r = ctx;
	const struct json *object = r->frames[r->depth - 1].node;

	r->key = keep_string(r, s, len);
	if (object->count >= FEW_KEYS)
		return 1;
	for (const struct json *j = object->first; j; j = j->next) {
		if (j->key[0] == r->key[0] && strcmp(j->key, r->key) == 0)
			return duplicate(r, r->key);
	}
	return 1;
}

static int open_container(struct reader *r, enum json_type type)
{
	struct json *node;

	if (r->depth >= r->max_depth)
		return stop(r, -LMS_ERANGE, "the document is nested too deep", "");
	node = add_node(r, type);
	if (!node)
		return 0;
	node->raw = r->text + yajl_get_bytes_consumed(r->yajl) - 1;
	r->frames[r->depth].node = node;
	r->frames[r->depth].tail = &node->first;
	r->depth++;
	return 1;
}

static struct json *close_container(struct reader *r)
{
	struct json *node = r->frames[--r->depth].node;

	node->raw_len = (size_t)(r->text + yajl_get_bytes_consumed(r->yajl) - node->raw);
	return node;
}

static int on_start_map(void *ctx)
{
	return open_container(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return open_container(ctx, JSON_ARRAY);
}

static int compare_keys(const void *a, const void *b)
{
	const struct json *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

static const char *find_duplicate(const struct json *object)
{
	const struct json **sorted = xcalloc(object->count, sizeof(*sorted));
	const char *found = NULL;
	size_t count = 0;

	for (const struct json *j = object->first; j; j = j->next)
		sorted[count++] = j;
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < count && !found; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			found = sorted[i]->key;
	}
	free(sorted);
	return found;
}

static int on_end_map(void *ctx)
{
	struct reader *r = ctx;
	const struct json *object = close_container(r);
	const char *twice = object->count > FEW_KEYS ? find_duplicate(object) : NULL;

	return twice ? duplicate(r, twice) : 1;
}

static int on_end_array(void *ctx)
{
	close_container(ctx);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* ---- the look before ---- */

/* The value of \uXXXX at p, or -1 when it is not one; yajl complains about those itself. */
static long unicode_escape(const char *p, const char *end)
{
	long value = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		static const char hex[] = "0123456789abcdef";
		char c = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] + ('a' - 'A')) : p[i];
		const char *digit = c ? strchr(hex, c) : NULL;

		if (!digit)
			return -1;
		value = value * 16 + (digit - hex);
	}
	return value;
}

static int check_escapes(struct reader *r)
{
	const char *p = r->text, *end = r->text + r->len;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		long code = unicode_escape(p, end), low;
		size_t offset = (size_t)(p - r->text);

		if (code == 0)
			return fail_at(r, -LMS_EPARSE, offset, "a string holds a NUL character",
				       "");
		if (code >= 0xdc00 && code <= 0xdfff)
			return fail_at(r, -LMS_EPARSE, offset,
				       "a string holds half a surrogate pair", "");
		if (code >= 0xd800 && code <= 0xdbff) {
			low = unicode_escape(p + 6, end);
			if (low < 0xdc00 || low > 0xdfff)
				return fail_at(r, -LMS_EPARSE, offset,
					       "a string holds half a surrogate pair", "");
			p += 6;
		}
		p += code < 0 ? 2 : 6;
		if (p >= end)
			break;
	}
	return 0;
}

static int check_utf8(struct reader *r)
{
	size_t offset = 0, used;
	uint32_t code;

	if (utf8_valid(r->text, r->len))
		return 0;
	while ((used = utf8_decode(r->text + offset, r->len - offset, &code)) > 0)
		offset += used;
	return fail_at(r, -LMS_EPARSE, offset, "the text is not valid UTF-8", "");
}

/* ---- the parse ---- */

/* "parse error: unallowed token …\n" without the line break. */
static void report_yajl(struct reader *r, size_t offset)
{
	unsigned char *message = yajl_get_error(r->yajl, 0, NULL, 0);
	char text[200];
	size_t len;

	len = strcspn((const char *)message, "\n");
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, message, len);
	text[len] = '\0';
	fail_at(r, -LMS_EPARSE, offset, text, "");
	yajl_free_error(r->yajl, message);
}

static bool run_yajl(struct reader *r)
{
	yajl_alloc_funcs funcs = { pool_malloc, pool_realloc, pool_free, r };
	yajl_status status;
	size_t consumed;

	r->yajl = yajl_alloc(&callbacks, &funcs, r);
	yajl_config(r->yajl, yajl_dont_validate_strings, 1);
	status = yajl_parse(r->yajl, (const unsigned char *)r->text, r->len);
	consumed = yajl_get_bytes_consumed(r->yajl);
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(r->yajl);
		consumed = r->len + 1;
	}
	if (status == yajl_status_error)
		report_yajl(r, consumed ? consumed - 1 : 0);
	yajl_free(r->yajl);
	return status == yajl_status_ok && r->root && r->depth == 0;
}

struct json *json_parse(struct arena *arena, const char *text, size_t len,
			const struct json_caps *caps, struct diag *diag)
{
	struct reader r;

	if (!caps)
		caps = &JSON_CAPS_DEFAULT;
	/* Not the pool and the frames: they are written before they are read. */
	memset(&r, 0, offsetof(struct reader, frames));
	r.pool_used = 0;
	r.arena = arena;
	r.text = text;
	r.len = len;
	r.diag = diag;
	r.max_depth = caps->max_depth < DEPTH_LIMIT ? caps->max_depth : DEPTH_LIMIT;
	if (len > caps->max_bytes) {
		diag_set_at(diag, -LMS_ERANGE, NULL, 1, 1,
			    "the document has %zu bytes, more than %zu", len, caps->max_bytes);
		return NULL;
	}
	if (check_utf8(&r) || check_escapes(&r))
		return NULL;
	r.strings = arena_alloc(arena, len + 1);
	if (!r.strings) {
		fail_at(&r, -LMS_ERANGE, 0, "the document needs more memory than it may have", "");
		return NULL;
	}
	return run_yajl(&r) ? r.root : NULL;
}

/* ---- lookups ---- */

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	/* Most keys differ in their first letter: that is looked at here. */
	for (const struct json *j = obj->first; j; j = j->next) {
		if (j->key[0] == key[0] && strcmp(j->key, key) == 0)
			return j;
	}
	return NULL;
}

const struct json *json_at(const struct json *arr, size_t index)
{
	const struct json *j;

	if (!arr || arr->type != JSON_ARRAY)
		return NULL;
	for (j = arr->first; j && index > 0; j = j->next)
		index--;
	return j;
}

const char *json_str(const struct json *j, const char *dflt)
{
	return j && j->type == JSON_STRING ? j->text : dflt;
}

bool json_bool(const struct json *j, bool dflt)
{
	return j && j->type == JSON_BOOL ? j->boolean : dflt;
}
