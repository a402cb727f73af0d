/* lmstop/options.h - what the command line says. */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"
#include "lmstop/look.h"

struct options {
	const char *socket, *screen, *tz;
	bool once, readonly, utc;
	int width, height;		/* 0 = as the terminal is */
	enum theme theme;		/* THEME_COUNT = not said */
	int color;			/* -1 auto, 0 never, 1 always */
};

/* 0, or -LMS_EUSAGE with `diag`, or 1: version or help was asked for and is printed. */
int options_read(struct options *o, int argc, char **argv, struct diag *diag);
/* Chooses the time zone of the process. */
int options_setup_time(const struct options *o, struct diag *diag);
/* struct ui's zone_at; ctx is the options. */
const struct time_zone *options_zone_at(void *ctx, wall_t t);
/* `lmstop __doc PART`: the parts of lmstop(1) that tables know. The exit status. */
int doc_print(const char *part);
