/* hall/control/ctl_grid.c - grid set, clear: the site keeps the signal, the balance obeys at once. */
#include <stdio.h>

#include "app.h"
#include "site/outer/grid.h"

static struct app *app_of(struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

int ctl_grid_set(struct ctl_call *c, const struct ctl_grid_set_args *a)
{
	const struct ctl_grid_show_args show = { 0 };
	char by[40];
	int ret;

	snprintf(by, sizeof(by), "command of uid %u", c->uid);
	ret = site_grid_set(c->hall->site, a->state, by, a->for_ms, c->now, c->wall, c->fx, &c->diag);
	if (ret < 0)
		return ret;
	if (ret > 0)
		feed_grid(app_of(c), c->wall);
	return ctl_grid_show(c, &show);
}

int ctl_grid_clear(struct ctl_call *c, const struct ctl_grid_clear_args *a)
{
	bool changed = site_grid_clear(c->hall->site, c->now, c->wall, c->fx);

	(void)a;
	if (changed)
		feed_grid(app_of(c), c->wall);
	return ctl_answer_done(c, changed);
}
