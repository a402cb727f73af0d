/* helper_meter_rig.h - one installed meter, an SDM630 with 10, 11 and 12 A, that is polled by hand. */
#pragma once

#include "helper_meter.h"

struct meter_rig {
	struct meter_profile *p;
	struct image *img;
	struct meter_setup setup;
	struct meter_state *m;
	mono_t now;
};

void meter_rig_start(struct meter_rig *r);
void meter_rig_end(struct meter_rig *r);
/* One poll after `us`, all blocks; the meter is made at the first. */
bool meter_rig_poll(struct meter_rig *r, int64_t us);
bool meter_rig_fail(struct meter_rig *r, int64_t us);
struct meter_currents meter_rig_currents(struct meter_rig *r);
/* What the device shows from now on. */
void meter_rig_phase(struct meter_rig *r, int i, int64_t ma, int64_t w);
void meter_rig_expect(struct meter_rig *r, int64_t l1, int64_t l2, int64_t l3, bool good);
