/* lmsctl/table.c - records for people: many as a table, one as two columns. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lmsctl/grid.h"
#include "lmsctl/output.h"

static const char *human_cell(struct lmsctl *l, const struct field *f, const void *rec,
			      struct arena *arena)
{
	const struct time_zone *tz = NULL;
	struct buf raw, safe;
	const char *cell;

	if (f->type == FIELD_TIME && field_present(f, rec)) {
		wall_t t;

		memcpy(&t, (const char *)rec + f->offset, sizeof(t));
		tz = local_zone_at(l, t);
	}
	buf_init(&raw);
	buf_init(&safe);
	field_format(f, rec, true, tz, &raw);
	text_escape(&safe, buf_cstr(&raw), raw.len);
	cell = safe.len ? arena_strdup(arena, buf_cstr(&safe)) : "-";
	buf_fini(&raw);
	buf_fini(&safe);
	return cell;
}

static bool is_number(enum field_type type)
{
	return type == FIELD_INT || type == FIELD_MA || type == FIELD_PHASE_MA || type == FIELD_W ||
	       type == FIELD_WH || type == FIELD_MS || type == FIELD_PERMILLE;
}

/* A column that says nothing in any row only costs width. */
static bool column_speaks(const struct rows *r, const struct field *f)
{
	for (size_t i = 0; i < r->count; i++) {
		if (field_present(f, r->items[i].rec))
			return true;
	}
	return false;
}

void table_print(struct rows *r, struct lmsctl *l)
{
	const struct field *shown[ARRAY_LEN(r->cols.f)];
	struct grid g;
	size_t cols = 0;

	if (r->count == 0) {
		if (!l->opt.quiet)
			fprintf(stderr, "none\n");
		return;
	}
	for (size_t i = 0; i < r->cols.count; i++) {
		if (r->cols.chosen || column_speaks(r, r->cols.f[i]))
			shown[cols++] = r->cols.f[i];
	}
	grid_init(&g, r->count + 1, cols);
	for (size_t c = 0; c < cols; c++) {
		g.right[c] = is_number(shown[c]->type);
		grid_set(&g, 0, c,
			 grid_heading(shown[c]->name, field_base_len(shown[c]), &g.arena));
		for (size_t i = 0; i < r->count; i++)
			grid_set(&g, i + 1, c, human_cell(l, shown[c], r->items[i].rec, &g.arena));
	}
	grid_print(&g, l, l->opt.format == FORMAT_TABLE && !r->cols.chosen);
	grid_fini(&g);
}

/* ---- one record ---- */

static size_t longest_name(const struct rows *r, const void *rec)
{
	size_t longest = 0;

	for (size_t i = 0; i < r->cols.count; i++) {
		const struct field *f = r->cols.f[i];

		if ((r->cols.chosen || field_present(f, rec)) && field_base_len(f) > longest)
			longest = field_base_len(f);
	}
	return longest;
}

void table_print_record(struct rows *r, struct lmsctl *l)
{
	const struct row *row = &r->items[0];
	size_t width = longest_name(r, row->rec);
	struct arena arena;

	if (width == 0 && !l->opt.quiet)
		fprintf(stderr, "nothing is set (`lmsctl help %s` lists what can be)\n",
			r->noun->name);
	arena_init(&arena);
	for (size_t i = 0; i < r->cols.count; i++) {
		const struct field *f = r->cols.f[i];
		const char *cell, *code;

		if (!r->cols.chosen && !field_present(f, row->rec))
			continue;
		if (f->type == FIELD_JSON && field_present(f, row->rec)) {
			printf("%.*s\n", (int)field_base_len(f), f->name);
			output_json(l, json_get(row->json, f->name));
			continue;
		}
		cell = human_cell(l, f, row->rec, &arena);
		code = grid_paint(l, cell);
		printf("%-*.*s  %s%s%s%s%s\n", (int)width, (int)field_base_len(f), f->name,
		       code ? "\033[" : "", code ? code : "", code ? "m" : "", cell,
		       code ? "\033[0m" : "");
	}
	arena_fini(&arena);
}
