/* hall/alerts.h - goes over the site and says what is wrong (site/alert/alert.h). */
#pragma once

#include "base/types.h"

struct app;

/* At the end of a turn, when it is time. */
void alerts_turn(struct app *app, mono_t now, wall_t wall);
mono_t alerts_due(const struct app *app);
