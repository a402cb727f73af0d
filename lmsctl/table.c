/* lmsctl/table.c - tables for people: as wide as their content, no wider than the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/output.h"

#define GAP 2
#define NARROWEST 8
#define READABLE 24

struct grid {
	struct arena arena;
	size_t rows, cols;
	size_t shown;		/* columns, from the left */
	const char **cells;	/* rows x cols, safe to print; row 0 is the header */
	size_t *width;
	bool *right;		/* numbers */
};

/* ---- colour: an extra, the words alone say it all ---- */

struct paint {
	const char *words;
	const char *code;
};

static const struct paint paints[] = {
	{ "ok|online|operational|Available|Accepted|Charging|running", "32" },
	{ "pending|stale|degraded|Preparing|SuspendedEV|SuspendedEVSE|Finishing|Reserved|warning|"
	  "orphan",
	  "33" },
	{ "silent|implausible|failed|not_operational|offline|Faulted|Unavailable|error|refused",
	  "31" },
};

static const char *paint_of(const struct lmsctl *l, const char *cell)
{
	if (l->opt.color != COLOR_ALWAYS)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(paints); i++) {
		if (enum_index(paints[i].words, cell) >= 0)
			return paints[i].code;
	}
	return NULL;
}

/* ---- cells ---- */

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

static const char *heading(const struct field *f, struct arena *arena)
{
	char *s = arena_strndup(arena, f->name, field_base_len(f));

	for (char *p = s; *p; p++)
		*p = *p == '_' ? ' ' : *p >= 'a' && *p <= 'z' ? (char)(*p - ('a' - 'A')) : *p;
	return s;
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

static void grid_init(struct grid *g, size_t rows, size_t cols)
{
	arena_init(&g->arena);
	g->rows = rows;
	g->cols = g->shown = cols;
	g->cells = arena_array(&g->arena, rows * cols, sizeof(*g->cells));
	g->width = arena_array(&g->arena, cols, sizeof(*g->width));
	g->right = arena_array(&g->arena, cols, sizeof(*g->right));
}

static void grid_set(struct grid *g, size_t row, size_t col, const char *cell)
{
	size_t width = utf8_width(cell);

	g->cells[row * g->cols + col] = cell;
	if (width > g->width[col])
		g->width[col] = width;
}

/* What the columns that are shown take, when texts longer than `cut` are cut. */
static size_t grid_width(const struct grid *g, size_t cut)
{
	size_t total = 0;

	for (size_t i = 0; i < g->shown; i++) {
		size_t width = g->right[i] || g->width[i] < cut ? g->width[i] : cut;

		total += width + (i ? GAP : 0);
	}
	return total;
}

/* Drops columns from the right, unless the person chose them, until the others have room to be read;
 * then narrows the widest texts: a wrapped table cannot be read at all. */
static void grid_fit(struct grid *g, int terminal, bool may_drop)
{
	size_t room = (size_t)terminal, least = may_drop ? READABLE : NARROWEST;

	if (terminal <= 0)
		return;
	while (may_drop && g->shown > 1 && grid_width(g, least) > room)
		g->shown--;
	while (grid_width(g, SIZE_MAX) > room) {
		size_t widest = g->shown;

		for (size_t i = 0; i < g->shown; i++) {
			if (!g->right[i] &&
			    (widest == g->shown || g->width[i] > g->width[widest]))
				widest = i;
		}
		if (widest == g->shown || g->width[widest] <= NARROWEST)
			return;
		g->width[widest]--;
	}
}

/* As much of s as `width` columns hold; *used says how many that took. */
static void print_cut(const char *s, size_t width, size_t *used)
{
	size_t len = strlen(s);

	*used = utf8_width(s);
	if (*used <= width) {
		fputs(s, stdout);
		return;
	}
	*used = 0;
	while (len > 0) {
		char one[8];
		uint32_t code;
		size_t n = utf8_decode(s, len, &code), columns;

		if (n == 0 || n >= sizeof(one))
			break;
		memcpy(one, s, n);
		one[n] = '\0';
		columns = utf8_width(one);
		if (*used + columns > width - 1)
			break;
		fputs(one, stdout);
		*used += columns;
		s += n;
		len -= n;
	}
	fputs(MB_CUR_MAX > 1 ? "…" : "~", stdout);
	(*used)++;
}

static void print_spaces(size_t n)
{
	printf("%*s", (int)n, "");
}

static void grid_print_row(const struct grid *g, const struct lmsctl *l, size_t row)
{
	for (size_t i = 0; i < g->shown; i++) {
		const char *cell = g->cells[row * g->cols + i];
		const char *code =
			row == 0 ? (l->opt.color == COLOR_ALWAYS ? "1" : NULL) : paint_of(l, cell);
		size_t width = g->width[i], own = utf8_width(cell), used;
		bool last = i + 1 == g->shown;

		if (g->right[i] && own < width)
			print_spaces(width - own);
		if (code)
			printf("\033[%sm", code);
		print_cut(cell, width, &used);
		if (code)
			fputs("\033[0m", stdout);
		if (!last)
			print_spaces((g->right[i] || used >= width ? 0 : width - used) + GAP);
	}
	putchar('\n');
}

static void grid_print(struct grid *g, const struct lmsctl *l, bool may_drop)
{
	grid_fit(g, l->opt.width, may_drop);
	for (size_t i = 0; i < g->rows; i++)
		grid_print_row(g, l, i);
	if (g->shown == g->cols)
		return;
	fputs("(too narrow for", stdout);
	for (size_t i = g->shown; i < g->cols; i++)
		printf("%s %s", i > g->shown ? "," : "", g->cells[i]);
	puts("; -f chooses)");
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
		grid_set(&g, 0, c, heading(shown[c], &g.arena));
		for (size_t i = 0; i < r->count; i++)
			grid_set(&g, i + 1, c, human_cell(l, shown[c], r->items[i].rec, &g.arena));
	}
	grid_print(&g, l, l->opt.format == FORMAT_TABLE && !r->cols.chosen);
	arena_fini(&g.arena);
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
		code = paint_of(l, cell);
		printf("%-*.*s  %s%s%s%s%s\n", (int)width, (int)field_base_len(f), f->name,
		       code ? "\033[" : "", code ? code : "", code ? "m" : "", cell,
		       code ? "\033[0m" : "");
	}
	arena_fini(&arena);
}

/* ---- free JSON ---- */

static bool is_flat(const struct json *j)
{
	if (j->type != JSON_OBJECT)
		return false;
	for (const struct json *m = j->first; m; m = m->next) {
		if (m->type == JSON_OBJECT || m->type == JSON_ARRAY)
			return false;
	}
	return true;
}

static const char *json_cell(const struct json *j, struct arena *arena)
{
	struct buf safe;
	const char *cell;

	if (!j || j->type == JSON_NULL)
		return "-";
	if (j->type == JSON_BOOL)
		return j->boolean ? "yes" : "no";
	buf_init(&safe);
	text_escape(&safe, j->text, j->len);
	cell = arena_strdup(arena, buf_cstr(&safe));
	buf_fini(&safe);
	return cell;
}

#define TABLE_KEYS_MAX 24

/* The members of all objects of the array, in the order of their first appearance. 0 = no table. */
static size_t table_keys(const struct json *array, const char **keys)
{
	size_t count = 0;

	for (const struct json *o = array->first; o; o = o->next) {
		if (!is_flat(o))
			return 0;
		for (const struct json *m = o->first; m; m = m->next) {
			size_t i = 0;

			while (i < count && strcmp(keys[i], m->key) != 0)
				i++;
			if (i == TABLE_KEYS_MAX)
				return 0;
			if (i == count)
				keys[count++] = m->key;
		}
	}
	return count;
}

static bool print_json_table(struct lmsctl *l, const struct json *array)
{
	const char *keys[TABLE_KEYS_MAX];
	size_t cols = table_keys(array, keys), row = 1;
	struct grid g;

	if (cols == 0)
		return false;
	grid_init(&g, array->count + 1, cols);
	for (size_t c = 0; c < cols; c++) {
		struct field f = { .name = keys[c], .type = FIELD_TEXT };

		grid_set(&g, 0, c, heading(&f, &g.arena));
	}
	for (const struct json *o = array->first; o; o = o->next, row++) {
		for (size_t c = 0; c < cols; c++)
			grid_set(&g, row, c, json_cell(json_get(o, keys[c]), &g.arena));
	}
	grid_print(&g, l, false);
	arena_fini(&g.arena);
	return true;
}

/* Brackets with nothing but plain values inside stay on one line. */
static bool fits_line(const struct json *j)
{
	if (j->raw_len > 76)
		return false;
	for (const struct json *m = j->first; m; m = m->next) {
		if (m->count > 0)
			return false;
	}
	return true;
}

static void print_indented(struct lmsctl *l, const struct json *j, int depth)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text);
	jw_init(&w, &text);
	if ((j->type != JSON_ARRAY && j->type != JSON_OBJECT) || fits_line(j)) {
		jw_copy(&w, j);
		output_text(buf_cstr(&text), text.len);
		buf_fini(&text);
		return;
	}
	fputs(j->type == JSON_OBJECT ? "{\n" : "[\n", stdout);
	for (const struct json *m = j->first; m; m = m->next) {
		print_spaces((size_t)(depth + 1) * 2);
		if (m->key) {
			struct json_writer key;

			buf_clear(&text);
			jw_init(&key, &text);
			jw_str(&key, m->key);
			output_text(buf_cstr(&text), text.len);
			fputs(": ", stdout);
		}
		print_indented(l, m, depth + 1);
		fputs(m->next ? ",\n" : "\n", stdout);
	}
	print_spaces((size_t)depth * 2);
	fputs(j->type == JSON_OBJECT ? "}" : "]", stdout);
	buf_fini(&text);
}

static void print_flat(const struct json *j)
{
	struct arena arena;
	size_t width = 0;

	arena_init(&arena);
	for (const struct json *m = j->first; m; m = m->next) {
		if (strlen(m->key) > width)
			width = strlen(m->key);
	}
	for (const struct json *m = j->first; m; m = m->next)
		printf("%-*s  %s\n", (int)width, m->key, json_cell(m, &arena));
	arena_fini(&arena);
}

void output_json(struct lmsctl *l, const struct json *j)
{
	const struct json *items = json_get(j, "items");

	if (j && j->type == JSON_OBJECT && j->count == 1 && items && items->type == JSON_ARRAY)
		j = items;
	if (j && j->type == JSON_ARRAY && j->count > 0 && print_json_table(l, j))
		return;
	if (j && j->count > 0 && is_flat(j)) {
		print_flat(j);
		return;
	}
	if (j && j->type == JSON_STRING)
		output_text(j->text, j->len);
	else if (j)
		print_indented(l, j, 0);
	putchar('\n');
}
