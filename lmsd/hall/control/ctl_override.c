/* hall/control/ctl_override.c - zone override, pause, resume: the site keeps them, the balance obeys at once. */
#include "app.h"
#include "site/outer/override.h"

static struct app *app_of(struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

static int answer(struct ctl_call *c, const char *id)
{
	const struct ctl_zone_show_args show = { .id = id };

	feed_outer(app_of(c), c->now, c->wall);
	feed_views(app_of(c), c->now);
	return ctl_zone_show(c, &show);
}

static int limit_zone(struct ctl_call *c, const char *id, const struct phase_ma *limit, int64_t for_ms)
{
	int ret = site_override_set(c->hall->site, id, limit, for_ms, c->now, c->wall, c->fx, &c->diag);

	return ret < 0 ? ret : answer(c, id);
}

int ctl_zone_override(struct ctl_call *c, const struct ctl_zone_override_args *a)
{
	return limit_zone(c, a->id, &a->limit_ma, a->for_ms);
}

int ctl_zone_pause(struct ctl_call *c, const struct ctl_zone_pause_args *a)
{
	return limit_zone(c, a->id, &(struct phase_ma){ { 0, 0, 0 } }, a->for_ms);
}

int ctl_zone_resume(struct ctl_call *c, const struct ctl_zone_resume_args *a)
{
	site_override_end(c->hall->site, a->id, c->fx);
	return answer(c, a->id);
}
