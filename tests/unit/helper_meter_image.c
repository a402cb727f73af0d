/* helper_meter_image.c - reads images, and answers from them. */
#include "helper_meter_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "meter/sunspec.h"

static void read_row(char *line, struct image_row *row, const char *path)
{
	char *cell[7], *rest = line, *word;

	memset(row, 0, sizeof(*row));
	for (size_t i = 0; i < ARRAY_LEN(cell); i++) {
		cell[i] = strsep(&rest, "\t\n");
		if (!cell[i])
			fail_msg("%s: a row has seven cells", path);
	}
	row->image = atoi(cell[0]);
	row->var = strcmp(cell[1], "-") == 0 ? -1 : meter_var_find(cell[1]);
	if (row->var < 0 && cell[1][0] != '-')
		fail_msg("%s: '%s' is no variable", path, cell[1]);
	row->fc = atoi(cell[2]);
	row->addr = atoi(cell[3]);
	for (rest = cell[4]; (word = strsep(&rest, " ")) != NULL && row->count < (int)ARRAY_LEN(row->words);)
		row->words[row->count++] = (uint16_t)strtoul(word, NULL, 16);
	row->has_value = strcmp(cell[5], "-") != 0;
	row->value = strtoll(cell[5], NULL, 10);
	snprintf(row->quality, sizeof(row->quality), "%s", cell[6]);
}

struct image_file *image_file_read(const char *path)
{
	struct image_file *f = xcalloc(1, sizeof(*f));
	FILE *in = fopen(path, "r");
	char line[1024];

	if (!in)
		fail_msg("%s cannot be read", path);
	while (fgets(line, sizeof(line), in)) {
		if (line[0] == '#')
			continue;
		if (sscanf(line, "model\t%63[^\n]", f->model) == 1)
			continue;
		assert_in_range(f->count, 0, IMAGE_ROWS_MAX - 1);
		read_row(line, &f->rows[f->count++], path);
	}
	fclose(in);
	return f;
}

void image_file_free(struct image_file *f)
{
	free(f);
}

void image_file_fill(const struct image_file *f, int image, struct image *img, struct image *known)
{
	for (int i = 0; i < f->count; i++) {
		const struct image_row *r = &f->rows[i];

		for (int k = 0; k < r->count && r->image <= image; k++) {
			img->regs[r->fc][r->addr + k] = r->words[k];
			known->regs[r->fc][r->addr + k] = 1;
		}
	}
}

static const uint16_t *ask(const struct image *img, const struct image *known, int fc, int addr, int count)
{
	for (int i = 0; i < count; i++)
		if (addr + i > 65535 || !known->regs[fc][addr + i])
			return NULL;
	return &img->regs[fc][addr];
}

size_t image_poll(const struct image *img, const struct image *known, const struct meter_profile *p, mono_t at,
		  struct meter_block *blocks, uint32_t *models)
{
	struct sunspec_layout layout = { 0 };
	struct sunspec_walk walk = { 0 };
	struct sunspec_wish wish;
	struct meter_plan plan;
	uint16_t addr;

	assert_int_equal(plan_make(p, &plan, NULL), 0);
	sunspec_wish(p, &wish);
	while (wish.count && sunspec_next(&walk, &addr))
		sunspec_take(&walk, ask(img, known, wish.fc, addr, 2));
	if (wish.count) {
		if (!sunspec_lay_out(&walk, &wish, &plan, &layout))
			return 0;
		plan = layout.plan;
	}
	*models = layout.models;
	for (int i = 0; i < plan.count; i++) {
		const struct plan_block *b = &plan.blocks[i];
		int there = wish.count ? sunspec_addr(&layout, b->addr) : b->addr;
		const uint16_t *words = ask(img, known, b->fc, there, b->count);

		blocks[i] = (struct meter_block){ b->fc, b->addr, b->count, words ? 0 : -LMS_EREFUSED,
						  words ? 0 : 2, at, words };
	}
	return (size_t)plan.count;
}
