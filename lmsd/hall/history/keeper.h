/* hall/history/keeper.h - hands on what meters, zones and connectors measure, at even moments of the clock, to the archive.
 *
 * A reading is handed on once: a step in which nothing new was read is a gap, whatever the value was before.
 */
#pragma once

#include "archive/archive.h"
#include "base/types.h"

struct app;
struct keeper;

#define KEEPER_CONNECTOR_STEP_S 60

void keeper_open(struct app *app, mono_t now, wall_t wall);
void keeper_close(struct app *app);	/* commits what is there */
/* At the end of a turn: reads and commits when it is time. */
void keeper_turn(struct app *app, mono_t now, wall_t wall);
mono_t keeper_due(const struct app *app);
struct archive *keeper_archive(const struct app *app);
/* "ok", "off", "failed" */
const char *keeper_state(const struct app *app);
