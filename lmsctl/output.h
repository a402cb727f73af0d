/* lmsctl/output.h - records to the formats that people and programs read. */
#pragma once

#include "lmsctl/lmsctl.h"

struct row {
	const char *id;		/* the first member as text: the identity in watches */
	void *rec;
	const struct json *json;	/* as received; NULL where only cells are shown */
};

struct columns {
	const struct field *f[64];
	size_t count;
	bool chosen;		/* by -f */
};

struct rows {
	const struct ctl_noun_desc *noun;
	struct columns cols;
	struct row *items;
	size_t count, cap;
	struct arena arena;	/* of the records */
	size_t printed;		/* so far, of a stream */
	bool record;		/* one object, not a list */
};

/* -f, or what the format shows by itself. -LMS_EUSAGE for an unknown field. */
int rows_init(struct rows *r, struct lmsctl *l, const struct ctl_noun_desc *noun, bool record);
void rows_fini(struct rows *r);
void rows_clear(struct rows *r);
int rows_add(struct rows *r, struct lmsctl *l, const struct json *item);
void rows_sort(struct rows *r, const struct lmsctl *l);
/* A stream: begin, any number of parts, end. Tables keep their rows until the end. */
bool output_streams(const struct lmsctl *l);
void output_begin(struct rows *r, struct lmsctl *l);
void output_part(struct rows *r, struct lmsctl *l);
void output_end(struct rows *r, struct lmsctl *l);

/* table.c */
void table_print(struct rows *r, struct lmsctl *l);
void table_print_record(struct rows *r, struct lmsctl *l);
/* free_json.c: an array of flat objects as a table, else indented. */
void output_json(struct lmsctl *l, const struct json *j);
/* Text that came from outside, onto stdout. */
void output_text(const char *s, size_t len);
void output_json_line(struct lmsctl *l, const struct json *j);
