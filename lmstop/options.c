/* lmstop/options.c - the command line, and local time: here the C library knows time zones. */
#include "lmstop/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "io/client.h"

static const char usage[] =
	"usage: lmstop [options]\n"
	"  -s, --socket PATH      lmsd's control socket ($LMS_SOCKET, else " CLIENT_SOCKET_DEFAULT ")\n"
	"      --screen NAME      overview, zones, stations, meters, transactions, tags, alerts or\n"
	"                         events, or its key; or one thing: tag/UID, meter/ID …\n"
	"      --once             print one frame and leave\n"
	"      --size WxH         of that frame (100x30, or the terminal's)\n"
	"      --theme NAME       dark, light or mono\n"
	"      --color WHEN       auto, always or never: colours of --once\n"
	"      --readonly         offer no actions\n"
	"      --utc, --tz ZONE   times in UTC, or of a zone such as Europe/Paris\n"
	"  -V, --version  -h, --help\n";

enum { OPT_ONCE = 256, OPT_SIZE, OPT_THEME, OPT_READONLY, OPT_UTC, OPT_TZ, OPT_SCREEN, OPT_COLOR };

static int read_size(const char *text, struct options *o, struct diag *d)
{
	char end;

	if (sscanf(text, "%dx%d%c", &o->width, &o->height, &end) != 2 || o->width < 20 ||
	    o->width > 1000 || o->height < 4 || o->height > 10000)
		return diag_set(d, -LMS_EUSAGE,
				"--size: '%s' is not a size (write 100x30, at least 20x4)", text);
	return 0;
}

static int read_color(const char *text, struct options *o, struct diag *d)
{
	static const char *const words[] = { "auto", "never", "always" };

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, words[i]) == 0) {
			o->color = i - 1;
			return 0;
		}
	}
	return diag_set(d, -LMS_EUSAGE, "--color: '%s' is none of auto, always, never", text);
}

static int read_option(struct options *o, int which, struct diag *d)
{
	switch (which) {
	case 's':
		o->socket = optarg;
		return 0;
	case OPT_ONCE:
		o->once = true;
		return 0;
	case OPT_SIZE:
		return read_size(optarg, o, d);
	case OPT_THEME:
		o->theme = theme_find(optarg);
		if (o->theme == THEME_COUNT)
			return diag_set(d, -LMS_EUSAGE,
					"--theme: '%s' is none of dark, light, mono", optarg);
		return 0;
	case OPT_READONLY:
		o->readonly = true;
		return 0;
	case OPT_UTC:
		o->utc = true;
		return 0;
	case OPT_TZ:
		o->tz = optarg;
		return 0;
	case OPT_SCREEN:
		o->screen = optarg;
		return 0;
	case OPT_COLOR:
		return read_color(optarg, o, d);
	default:
		return diag_set(d, -LMS_EUSAGE, "see lmstop --help");
	}
}

int options_read(struct options *o, int argc, char **argv, struct diag *d)
{
	static const struct option longs[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"once", no_argument, NULL, OPT_ONCE},
	    {"size", required_argument, NULL, OPT_SIZE},
	    {"theme", required_argument, NULL, OPT_THEME},
	    {"readonly", no_argument, NULL, OPT_READONLY},
	    {"utc", no_argument, NULL, OPT_UTC},
	    {"tz", required_argument, NULL, OPT_TZ},
	    {"screen", required_argument, NULL, OPT_SCREEN},
	    {"color", required_argument, NULL, OPT_COLOR},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int which, ret;

	*o = (struct options){ .theme = THEME_COUNT, .color = -1 };
	while ((which = getopt_long(argc, argv, "s:Vh", longs, NULL)) != -1) {
		if (which == 'V' || which == 'h') {
			fputs(which == 'V' ? "lmstop " LMS_VERSION "\n" : usage, stdout);
			return 1;
		}
		ret = read_option(o, which, d);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return diag_set(d, -LMS_EUSAGE, "'%s' is one word too many (see lmstop --help)",
				argv[optind]);
	return 0;
}

/* ---- local time ---- */

int options_setup_time(const struct options *o, struct diag *d)
{
	char path[300];

	if (o->tz && !o->utc) {
		/* The C library takes an unknown zone for UTC without a word. */
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", o->tz);
		if (strstr(o->tz, "..") || access(path, R_OK) != 0)
			return diag_set(d, -LMS_EUSAGE,
					"--tz: '%s' is not a time zone (write one such as Europe/Paris)", o->tz);
		setenv("TZ", o->tz, 1);
	}
	tzset();
	return 0;
}

const struct time_zone *options_zone_at(void *ctx, wall_t t)
{
	/* A table of one row: good for the moment that it was asked for. */
	static struct utc_offset row;
	static struct time_zone zone = { &row, 1, "" };
	const struct options *o = ctx;
	time_t seconds = (time_t)(t / US_PER_S);
	struct tm tm;

	if (o->utc || !localtime_r(&seconds, &tm))
		return NULL;
	row = (struct utc_offset){ INT64_MIN, (int32_t)tm.tm_gmtoff };
	return &zone;
}
