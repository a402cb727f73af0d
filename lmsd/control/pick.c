/* control/pick.c - see pick.h. */
#include "control/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "site/site.h"

static bool state_is(const struct station *st, const char *state)
{
	static const char *const names[] = {
		[STATION_NEVER_SEEN] = "never_seen", [STATION_OFFLINE] = "offline",
		[STATION_PENDING] = "pending", [STATION_ONLINE] = "online",
	};

	return !state || strcmp(names[st ? st->state : STATION_NEVER_SEEN], state) == 0;
}

static int id_cmp(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* By id, each once. */
static void pick_sort(struct pick *p)
{
	size_t kept = 0;

	qsort(p->ids, p->count, sizeof(*p->ids), id_cmp);
	for (size_t i = 0; i < p->count; i++)
		if (kept == 0 || strcmp(p->ids[kept - 1], p->ids[i]) != 0)
			p->ids[kept++] = p->ids[i];
	p->count = kept;
}

static int pick_named(struct ctl_call *call, const char *text, struct pick *p)
{
	const struct json *list = json_parse(call->arena, text, strlen(text), &JSON_CAPS_DOCUMENT, &call->diag);

	if (!list || list->type != JSON_ARRAY)
		return diag_set(&call->diag, -LMS_EDATA, "stations: must be a list of identities");
	p->ids = arena_array(call->arena, list->count + 1, sizeof(*p->ids));
	for (const struct json *j = list->first; j; j = j->next) {
		const char *id = json_str(j, "");

		if (!site_station(call->hall->site, id))
			return diag_set(&call->diag, -LMS_ENOTFOUND, "station %.60s: does not exist (station list shows all)", id);
		p->ids[p->count++] = id;
	}
	pick_sort(p);
	return 0;
}

static int pick_all(struct ctl_call *call, const struct ctl_job_run_args *a, struct pick *p)
{
	struct site *site = call->hall->site;
	const struct site_conf *conf = site->conf;
	int zone = a->zone ? site_conf_zone(conf, a->zone) : -1;

	if (a->zone && zone < 0)
		return diag_set(&call->diag, -LMS_ENOTFOUND, "zone '%.60s' does not exist (lmsctl zone list)", a->zone);
	p->ids = arena_array(call->arena, conf->station_count + 1, sizeof(*p->ids));
	for (size_t i = 0; i < conf->station_count; i++) {
		const char *id = conf->stations[i].k.id;

		if ((zone < 0 || site_conf_zone_below(conf, conf->stations[i].zone, zone)) &&
		    state_is(site_station(site, id), a->state))
			p->ids[p->count++] = id;
	}
	return 0;
}

int pick_stations(struct ctl_call *call, const struct ctl_job_run_args *a, struct pick *p)
{
	int ret;

	for (size_t i = 0; i < call->verb->arg_count; i++) {
		const struct field *f = &call->verb->args[i];

		/* What a script has not filled in must not mean all. */
		if (a->given >> i & 1 && !field_present(f, a) && (f->offset == offsetof(struct ctl_job_run_args, stations) ||
		    f->offset == offsetof(struct ctl_job_run_args, zone) || f->offset == offsetof(struct ctl_job_run_args, state)))
			return diag_set(&call->diag, -LMS_EUSAGE, "%s: is null (leave it out for all)", f->name);
	}
	if (a->stations && (a->zone || a->state))
		return diag_set(&call->diag, -LMS_EUSAGE, "stations: are named already; zone and state go with all");
	ret = a->stations ? pick_named(call, a->stations, p) : pick_all(call, a, p);
	if (ret == 0 && p->count == 0)
		return diag_set(&call->diag, -LMS_ENOTFOUND, "no station is meant by that (station list shows all)");
	return ret;
}

void pick_describe(const struct ctl_job_run_args *a, const struct pick *p, char *out, size_t size)
{
	size_t len = 0;

	if (!a->stations) {
		snprintf(out, size, "%s%s%s%s%s", a->zone ? "zone=" : "", a->zone ? a->zone : "", a->zone && a->state ? " " : "",
			 a->state ? "state=" : "", a->state ? a->state : a->zone ? "" : "all");
		return;
	}
	out[0] = '\0';
	for (size_t i = 0; i < p->count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "," : "", p->ids[i]);
	if (len >= size)
		snprintf(out, size, "%s and %zu more", p->ids[0], p->count - 1);
}
