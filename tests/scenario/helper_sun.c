#include "helper_sun.h"

struct sun sun;

int sun_start(void **state)
{
	(void)state;
	rig_init(&sun.rig);
	rig_zone(&sun.rig, "park", -1, 100000);
	sun.rig.zones[0].pv = (struct bal_pv_conf){ .strategy = BAL_PV_SURPLUS, .grid = true };
	sun.c1 = rig_conn(&sun.rig, "CP1/1", "CP1", 0);
	sun.c2 = rig_conn(&sun.rig, "CP2/1", "CP2", 0);
	sun.c3 = rig_conn(&sun.rig, "CP3/1", "CP3", 0);
	sun.rig.meters = true;	/* the cars tell their draws */
	sun.shines_w = sun.house_w = sun.imported_ws = sun.exported_ws = 0;
	sun.ons = sun.offs = 0;
	sun.grid_speaks = sun.speaks = true;
	sun.zero_export = false;
	return 0;
}

int sun_stop(void **state)
{
	(void)state;
	rig_fini(&sun.rig);
	return 0;
}

void sun_charge(uint32_t conn, int64_t car_ma)
{
	sun.rig.car_ma[conn] = car_ma;
	rig_charge(&sun.rig, conn, 100 + conn);
}

int64_t sun_cars_w(void)
{
	return (rig_total(&sun.rig, 0, 0) + rig_total(&sun.rig, 0, 1) + rig_total(&sun.rig, 0, 2)) * 230 / 1000;
}

void sun_tell(enum bal_pv_source source, int64_t power_w)
{
	struct bal_pv_sample s = { .power_w = power_w, .voltage_mv = NUM_NONE, .at = sun.rig.now, .good = true };

	for (int k = 0; k < PHASES; k++)
		s.current.l[k] = power_w * 1000 / 690;
	balance_pv(sun.rig.b, 0, source, &s);
}

static void count_switching(const bool was[3])
{
	for (uint32_t i = 0; i < 3; i++) {
		bool is = rig_limit(&sun.rig, i) > 0;

		sun.ons += is && !was[i];
		sun.offs += !is && was[i];
	}
}

void sun_run_s(int64_t seconds)
{
	for (int64_t s = 0; s < seconds; s++) {
		bool was[3];
		int64_t made = sun.shines_w, used = sun.house_w + sun_cars_w();

		if (sun.zero_export && made > used)
			made = used;
		sun.grid_w = used - made;
		for (uint32_t i = 0; i < 3; i++)
			was[i] = rig_limit(&sun.rig, i) > 0;
		if (sun.grid_speaks)
			sun_tell(BAL_PV_GRID, sun.grid_w);
		if (sun.speaks)
			sun_tell(BAL_PV_PRODUCTION, made);
		rig_run(&sun.rig, 1 * S);
		count_switching(was);
		sun.imported_ws += sun.grid_w > 0 ? sun.grid_w : 0;
		sun.exported_ws += sun.grid_w < 0 ? -sun.grid_w : 0;
		if (sun.rig.sent_count > RIG_LOG / 2)
			rig_forget(&sun.rig);
	}
}
