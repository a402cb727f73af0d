/* helper_meter_image.h - tests/data/meters: registers from makers' tables, and what they mean. */
#pragma once

#include "helper_meter.h"

#define IMAGE_ROWS_MAX 400

struct image_row {
	int image;		/* 1, or 2: on top of 1 */
	int var;		/* enum meter_var; -1 = registers that are just there */
	int fc, addr, count;
	uint16_t words[128];
	bool has_value;
	int64_t value;
	char quality[12];
};

struct image_file {
	char model[64];
	struct image_row rows[IMAGE_ROWS_MAX];
	int count;
};

/* Fails the test where the file is not what it should be. */
struct image_file *image_file_read(const char *path);
void image_file_free(struct image_file *f);
/* The registers of image 1, and of 2 on top if `image` is 2; `known` says which there are. */
void image_file_fill(const struct image_file *f, int image, struct image *img, struct image *known);

/* Finds the profile's models as a bus does, and reads all that the profile reads. Blocks' words point into the
 * image, or are NULL where the device has not all of their registers. Returns how many there are. */
size_t image_poll(const struct image *img, const struct image *known, const struct meter_profile *p, mono_t at,
		  struct meter_block *blocks, uint32_t *models);
