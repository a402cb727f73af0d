/* store/record.c - records as bytes. The CRC covers the key too, so a value that a damaged page
 * puts under another key is noticed.
 */
#include "store/record.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/types.h"

struct table_row {
	const char *name;
	const char *key;
	const char *help;
};

static const struct table_row tables[] = {
#define REC_TABLE(name, text, key, help) { text, key, help },
#define REC_FIELD(table, name, type, help)
#include "store/records.def"
#undef REC_TABLE
#undef REC_FIELD
};

static const struct record_field fields[] = {
#define REC_TABLE(name, text, key, help)
#define REC_FIELD(table, name, type, help) { STORE_##table, RECORD_##type, #name, help },
#include "store/records.def"
#undef REC_TABLE
#undef REC_FIELD
};

static const char *const type_names[] = {
	[RECORD_STR] = "text",
	[RECORD_INT] = "whole number",
	[RECORD_BOOL] = "true or false",
	[RECORD_PHASE] = "whole number, or a list of three",
	[RECORD_TIME] = "RFC 3339 time",
	[RECORD_WALL] = "microseconds since 1970 UTC",
	[RECORD_LIST] = "list",
	[RECORD_OBJ] = "object",
	[RECORD_ANY] = "any",
};

const char *store_table_name(enum store_table table)
{
	lms_assert(table < STORE_TABLE_COUNT);
	return tables[table].name;
}

const struct record_field *record_fields(size_t *count)
{
	*count = ARRAY_LEN(fields);
	return fields;
}

/* CRC-32C (Castagnoli), four bits at a time: a table that fits one cache line. */
uint32_t record_crc32c(uint32_t crc, const void *data, size_t len)
{
	static const uint32_t step[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const unsigned char *p = data;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ step[crc & 15];
		crc = (crc >> 4) ^ step[crc & 15];
	}
	return ~crc;
}

static uint32_t record_sum(unsigned char version, const char *key, const void *json, size_t len)
{
	uint32_t crc = record_crc32c(0, &version, 1);

	crc = record_crc32c(crc, key, strlen(key) + 1);
	return record_crc32c(crc, json, len);
}

void record_pack(unsigned char *out, const char *key, const void *json, size_t len)
{
	uint32_t crc = record_sum(RECORD_VERSION, key, json, len);

	out[0] = RECORD_VERSION;
	for (int i = 0; i < 4; i++)
		out[1 + i] = (unsigned char)(crc >> (8 * i));
	memcpy(out + RECORD_HEADER_SIZE, json, len);
}

int record_unpack(const char *key, const void *value, size_t size, const char **json, size_t *len)
{
	const unsigned char *v = value;
	uint32_t crc = 0;

	if (size <= RECORD_HEADER_SIZE)
		return -LMS_EDATA;
	for (int i = 0; i < 4; i++)
		crc |= (uint32_t)v[1 + i] << (8 * i);
	*json = (const char *)v + RECORD_HEADER_SIZE;
	*len = size - RECORD_HEADER_SIZE;
	/* The sum first: a flipped bit in the version byte is damage, not another version. */
	if (crc != record_sum(v[0], key, *json, *len))
		return -LMS_EDATA;
	return v[0] == RECORD_VERSION ? 0 : -LMS_EPROTOCOL;
}

static bool is_whole(const struct json *j)
{
	int64_t v;

	return j->type == JSON_NUMBER && json_int(j, &v) == 0;
}

static bool phase_fits(const struct json *j)
{
	if (j->type != JSON_ARRAY)
		return is_whole(j);
	if (j->count != PHASES)
		return false;
	for (const struct json *c = j->first; c; c = c->next) {
		if (c->type != JSON_NULL && !is_whole(c))
			return false;
	}
	return true;
}

static bool type_fits(enum record_type type, const struct json *j)
{
	if (j->type == JSON_NULL)
		return true;
	switch (type) {
	case RECORD_STR:
	case RECORD_TIME:
		return j->type == JSON_STRING;
	case RECORD_INT:
	case RECORD_WALL:
		return is_whole(j);
	case RECORD_BOOL:
		return j->type == JSON_BOOL;
	case RECORD_PHASE:
		return phase_fits(j);
	case RECORD_LIST:
		return j->type == JSON_ARRAY;
	case RECORD_OBJ:
		return j->type == JSON_OBJECT;
	case RECORD_ANY:
		return true;
	}
	return false;
}

int record_check(enum store_table table, const char *json, size_t len, struct arena *arena,
		 struct diag *diag)
{
	const struct json *root = json_parse(arena, json, len, &JSON_CAPS_DEFAULT, diag);

	if (!root)
		return -LMS_EPARSE;
	if (root->type != JSON_OBJECT)
		return diag_set(diag, -LMS_EPARSE, "not an object");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct record_field *f = &fields[i];
		const struct json *j = f->table == table ? json_get(root, f->name) : NULL;

		if (j && !type_fits(f->type, j))
			return diag_set(diag, -LMS_EDATA, "%s: not of the type '%s'", f->name,
					type_names[f->type]);
	}
	return 0;
}

void record_doc(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width connector\n");
	for (size_t t = 0; t < STORE_TABLE_COUNT; t++) {
		bool open = false;

		buf_printf(out, ".It Sy %s\n%s; the key is the %s.\n", tables[t].name,
			   tables[t].help, tables[t].key);
		for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
			if (fields[i].table != t)
				continue;
			if (!open)
				buf_puts(out, ".Bl -tag -width generation -compact\n");
			open = true;
			buf_printf(out, ".It Va %s\n%s\n.Pq %s\n", fields[i].name, fields[i].help,
				   type_names[fields[i].type]);
		}
		if (open)
			buf_puts(out, ".El\n");
	}
	buf_puts(out, ".El\n");
}
