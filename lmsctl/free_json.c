/* lmsctl/free_json.c - JSON that is no record, for people: a table where it is one, else indented.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lmsctl/grid.h"
#include "lmsctl/output.h"

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
	for (size_t c = 0; c < cols; c++)
		grid_set(&g, 0, c, grid_heading(keys[c], strlen(keys[c]), &g.arena));
	for (const struct json *o = array->first; o; o = o->next, row++) {
		for (size_t c = 0; c < cols; c++)
			grid_set(&g, row, c, json_cell(json_get(o, keys[c]), &g.arena));
	}
	grid_print(&g, l, false);
	grid_fini(&g);
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
		printf("%*s", (depth + 1) * 2, "");
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
	printf("%*s", depth * 2, "");
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
	if (j == items && items && items->count == 0) {
		if (!l->opt.quiet)
			fputs("none\n", stderr);
		return;
	}
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
