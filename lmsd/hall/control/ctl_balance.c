/* hall/control/ctl_balance.c - connector explain and limit: the site's name for a thing, the balance's word on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "balance/reason.h"
#include "base/err.h"

#define CAUSES_MAX 16

static struct app *app_of(struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

/* The connector, if the balance knows it. */
static struct connector *balanced(struct ctl_call *c, const char *id)
{
	struct connector *conn = site_connector_by_id(c->hall->site, id, &c->diag);

	if (conn != NULL && conn->slot == UINT32_MAX) {
		diag_set(&c->diag, -LMS_ENOTFOUND, "connector %s is not registered (lmsctl station accept %s zone=…)",
			 id, conn->station->id);
		return NULL;
	}
	return conn;
}

/* The balance does not know what stands against a fallback at the station. */
static void put_text(struct ctl_call *c, const struct station *st, const struct bal_cause *cause)
{
	char text[sizeof(cause->text) + 100];

	if (cause->reason.code != BAL_WHY_KEEPS || st->keeps_why == NULL) {
		jw_kstr(&c->w, "text", cause->text);
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", cause->text, st->keeps_why);
	jw_kstr(&c->w, "text", text);
}

int ctl_connector_explain(struct ctl_call *c, const struct ctl_connector_explain_args *a)
{
	struct connector *conn = balanced(c, a->id);
	struct bal_cause causes[CAUSES_MAX];
	struct bal_conn_view v;
	size_t n;

	if (conn == NULL)
		return c->diag.err;
	balance_conn_view(c->hall->balance, conn->slot, &v);
	n = balance_explain(c->hall->balance, conn->slot, causes, CAUSES_MAX, c->now);
	jw_object(&c->w);
	jw_kstr(&c->w, "id", a->id);
	jw_kint(&c->w, "limit_ma", v.limit_ma);
	jw_kint(&c->w, "target_ma", v.target_ma);
	jw_kint(&c->w, "w_ma", v.w_ma);
	jw_kstr(&c->w, "status", conn->status[0] ? conn->status : NULL);
	jw_key(&c->w, "causes");
	jw_array(&c->w);
	for (size_t i = 0; i < n; i++) {
		jw_object(&c->w);
		jw_kstr(&c->w, "code", causes[i].reason.name);
		put_text(c, conn->station, &causes[i]);
		jw_object_end(&c->w);
	}
	jw_array_end(&c->w);
	jw_object_end(&c->w);
	return 0;
}

static void limit_forget(struct app *app, const char *id)
{
	for (struct limit_until **p = &app->limits; *p != NULL; p = &(*p)->next) {
		struct limit_until *l = *p;

		if (strcmp(l->id, id) != 0)
			continue;
		*p = l->next;
		free(l);
		return;
	}
}

int ctl_connector_limit(struct ctl_call *c, const struct ctl_connector_limit_args *a)
{
	struct app *app = app_of(c);
	struct connector *conn = balanced(c, a->id);
	struct limit_until *l;
	struct ctl_connector_show_args show = { .id = a->id };

	if (conn == NULL)
		return c->diag.err;
	if (a->for_ms != NUM_NONE && (a->for_ms <= 0 || a->limit_ma == NUM_NONE))
		return diag_set(&c->diag, -LMS_EUSAGE, "for: needs a limit and a time above zero (limit=10 for=2h)");
	limit_forget(app, a->id);
	if (a->limit_ma != NUM_NONE) {
		l = xcalloc(1, sizeof(*l));
		snprintf(l->id, sizeof(l->id), "%s", a->id);
		l->limit_ma = a->limit_ma;
		l->until = a->for_ms == NUM_NONE ? MONO_NEVER : c->now + a->for_ms * US_PER_MS;
		l->next = app->limits;
		app->limits = l;
	}
	feed_cap(app, conn, c->now);
	return ctl_connector_show(c, &show);
}
