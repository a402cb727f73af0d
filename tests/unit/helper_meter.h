/* helper_meter.h - a device's registers made from values, for tests of metering. */
#pragma once

#include "meter/meter.h"

struct image {
	uint16_t regs[5][65536];	/* by function code */
};

struct image *image_new(void);
void image_free(struct image *img);
/* Puts a value, in the fixed-point unit of the variable, where the profile has it. */
void image_put(struct image *img, const struct meter_profile *p, enum meter_var var, int64_t v);
void image_put_raw(struct image *img, const struct meter_profile *p, enum meter_var var,
		   uint64_t raw);

/* All blocks of the profile's plan as they would be read at `at`; words point into the image. */
size_t image_read(const struct image *img, const struct meter_profile *p, mono_t at,
		  struct meter_block *blocks);

/* The registers of an SDM630 that steer, by hand: voltages, currents, powers, total, energies. */
struct meter_profile *profile_of_sdm630(void);
