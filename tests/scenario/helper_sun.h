/* helper_sun.h - a house with an inverter and a meter, and three cars that follow the sun, in virtual time.
 *
 * Zone "park" of 100 A, strategy surplus by the grid's meter; a test changes what it needs before rig_start().
 */
#pragma once

#include "helper_rig.h"

#define S   US_PER_S
#define MIN (60 * US_PER_S)
#define ONE_CAR_W 4140	/* 6 A on three phases at 230 V */

struct sun {
	struct rig rig;
	uint32_t c1, c2, c3;
	int64_t shines_w, house_w, grid_w;
	bool grid_speaks, speaks;
	bool zero_export;	/* the inverter gives no more than is drawn */
	int64_t imported_ws, exported_ws;
	int ons, offs;		/* of all cars */
};
extern struct sun sun;

int sun_start(void **state);
int sun_stop(void **state);
/* The car of a connector, with what it draws at most, begins a transaction. */
void sun_charge(uint32_t conn, int64_t car_ma);
int64_t sun_cars_w(void);
void sun_tell(enum bal_pv_source source, int64_t power_w);
/* One second after the other: sun, house and cars are told by those that speak. */
void sun_run_s(int64_t seconds);
