/* lms-replay - how much energy the engine delivers to a month of sessions, for each of several caps.
 *
 *	lms-replay --sessions FILE.csv --caps 10,15,20 [--site FILE.json | --policy fifo --known] [--step 300]
 *		   [--calm]
 *
 * Prints `cap_a,demand_wh,delivered_wh,seconds_over`; --calm adds what stations had to bear.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/fields.h"
#include "tests/bench/replay.h"

#define CAPS_MAX 1000

struct options {
	const char *sessions, *site;
	int64_t caps[CAPS_MAX];
	int cap_count;
	int64_t step_us;
	enum bal_policy policy;
	bool policy_set, known, calm;
};

static const char usage[] =
	"usage: lms-replay --sessions FILE.csv --caps A,A,... [--site FILE.json | --policy P --known] [--step S] [--calm]\n"
	"  --sessions  arrival_s,departure_s,energy_wh,station,phases,max_a (phases: 1, 23, 123; 230 V)\n"
	"  --caps      limits of the site per phase in A, one run each\n"
	"  --site      zones and stations as for `lmsctl apply`; else one zone, and the stations of the file\n"
	"  --policy    keep_min (default), strict, equal, priority or fifo, in that one zone\n"
	"  --known     phases are known when a car plugs in, as if each had a connector wired like it\n"
	"  --step      seconds between two meter values where nothing happens (300)\n"
	"  --calm      adds messages, on_off, reversals, plugged_h\n"
	"Prints cap_a,demand_wh,delivered_wh,seconds_over.\n";

static int read_caps(char *text, struct options *o, struct diag *d)
{
	char *rest = text;

	for (char *one = strsep(&rest, ","); one; one = strsep(&rest, ",")) {
		if (o->cap_count == CAPS_MAX)
			return diag_set(d, -LMS_EUSAGE, "--caps: more than %d", CAPS_MAX);
		if (parse_ma(one, &o->caps[o->cap_count++], d))
			return diag_set(d, -LMS_EUSAGE, "--caps: %s", d->text);
	}
	return 0;
}

static int read_policy(const char *text, struct options *o, struct diag *d)
{
	int i = enum_index("keep_min|strict|equal|priority|fifo", text);

	if (i < 0)
		return diag_set(d, -LMS_EUSAGE, "--policy: '%s' is none of keep_min, strict, equal, priority, fifo",
				text);
	o->policy = (enum bal_policy)i;
	o->policy_set = true;
	return 0;
}

static int read_options(int argc, char **argv, struct options *o, struct diag *d)
{
	static const struct option longs[] = {
		{ "sessions", required_argument, NULL, 's' }, { "caps", required_argument, NULL, 'c' },
		{ "site", required_argument, NULL, 'z' },     { "step", required_argument, NULL, 't' },
		{ "calm", no_argument, NULL, 'q' },	      { "help", no_argument, NULL, 'h' },
		{ "policy", required_argument, NULL, 'p' },   { "known", no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	struct diag said;
	int c;

	*o = (struct options){ .step_us = 300 * US_PER_S };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		diag_init(&said);
		if (c == 's')
			o->sessions = optarg;
		else if (c == 'z')
			o->site = optarg;
		else if (c == 'q')
			o->calm = true;
		else if (c == 'k')
			o->known = true;
		else if (c == 'p' && read_policy(optarg, o, d))
			return -LMS_EUSAGE;
		else if (c == 'c' && read_caps(optarg, o, &said))
			return diag_set(d, -LMS_EUSAGE, "%s", said.text);
		else if (c == 't' && (text_fixed(optarg, strlen(optarg), US_PER_S, &o->step_us) ||
				      o->step_us < US_PER_S || o->step_us > 86400 * US_PER_S))
			return diag_set(d, -LMS_EUSAGE, "--step: '%s' is not 1 to 86400 seconds", optarg);
		else if (c == 'h')
			return 1;
		else if (c == '?')
			return diag_set(d, -LMS_EUSAGE, "see lms-replay --help");
	}
	if (optind < argc)
		return diag_set(d, -LMS_EUSAGE, "'%s' is no option (see lms-replay --help)", argv[optind]);
	if (!o->sessions || !o->cap_count)
		return diag_set(d, -LMS_EUSAGE, "--sessions and --caps are needed (see lms-replay --help)");
	if (o->site && (o->policy_set || o->known))
		return diag_set(d, -LMS_EUSAGE, "--site says itself what --policy and --known would (leave them out)");
	return 0;
}

/* 15, or 12.5: without an exponent and without zeros behind. */
static void print_amps(int64_t ma)
{
	char text[32];
	size_t len = (size_t)snprintf(text, sizeof(text), "%lld.%03lld", (long long)(ma / 1000),
				      (long long)(ma % 1000));

	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[--len] = '\0';
	fputs(text, stdout);
}

static void print_result(const struct options *o, int64_t cap_ma, const struct replay_result *res)
{
	print_amps(cap_ma);
	printf(",%lld,%lld,%lld", (long long)((res->demand_mwh + 500) / 1000),
	       (long long)((res->delivered_mwh + 500) / 1000),
	       (long long)((res->over_us + US_PER_S - 1) / US_PER_S));
	if (o->calm)
		printf(",%lld,%lld,%lld,%lld", (long long)res->messages, (long long)res->on_off,
		       (long long)res->reversals, (long long)(res->plugged_us / (3600 * US_PER_S)));
	putchar('\n');
}

static int run(const struct options *o, struct diag *d)
{
	struct sessions s;
	struct model m = { 0 };
	struct replay_result res;
	int ret = sessions_read(o->sessions, &s, d);

	if (!ret) {
		ret = o->site ? model_from_site(&m, o->site, &s, d) : model_from_sessions(&m, &s, o->policy, o->known, d);
		if (!ret)
			printf("cap_a,demand_wh,delivered_wh,seconds_over%s\n",
			       o->calm ? ",messages,on_off,reversals,plugged_h" : "");
		for (int i = 0; i < o->cap_count && !ret; i++) {
			ret = replay_run(&m, &s, o->caps[i], o->step_us, &res, d);
			if (!ret)
				print_result(o, o->caps[i], &res);
		}
		model_free(&m);
	}
	sessions_free(&s);
	if (!ret && (fflush(stdout) || ferror(stdout)))
		ret = diag_set(d, -LMS_EIO, "cannot write the result");
	return ret;
}

int main(int argc, char **argv)
{
	struct options o;
	struct diag d;
	char text[700];
	int ret;

	diag_init(&d);
	ret = read_options(argc, argv, &o, &d);
	if (ret == 1)
		return fputs(usage, stdout) < 0;
	if (!ret)
		ret = run(&o, &d);
	if (!ret)
		return 0;
	fprintf(stderr, "lms-replay: %s\n", diag_render(&d, text, sizeof(text)));
	return lms_err_exit_status(ret);
}
