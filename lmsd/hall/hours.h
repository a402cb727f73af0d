/* hall/hours.h - for each zone and hour of UTC, how long it was the bottleneck: counted by the balance, kept in the store.
 *
 * The running hour is written every few minutes, so that a crash costs no more than that.
 */
#pragma once

#include "base/json.h"
#include "ctl/ctl.h"

struct app;
struct hours;

#define HOUR_US     (3600 * US_PER_S)
#define HOUR_KEY_MAX 80
/* Less than this is a limit on its way, no bottleneck. */
#define HOUR_LEAST_MS 1000

void hours_open(struct app *app, wall_t wall);	/* reads what the running hour had before a restart */
void hours_close(struct app *app, mono_t now);	/* writes it, a last time */
/* At the end of a turn: writes and begins hours when it is time. */
void hours_turn(struct app *app, mono_t now, wall_t wall);
mono_t hours_due(const struct app *app);
/* "2026-11-26T10", with '/' and the zone if one is given. */
void hours_key(wall_t hour, const char *zone, char out[HOUR_KEY_MAX]);
/* The running hour as it is now, zone by zone in the order of the configuration; false = no such zone.
 * A zone that was no bottleneck has 0 ms. */
bool hours_running(struct app *app, size_t zone, mono_t now, struct ctl_report *out);
