/* site/tags/ctl_tag_credit.c - control handlers: the credit of a tag, changed by hand. */
#include "site/control/ctl_site_util.h"
#include "site/control/ctl_tag.h"
#include "site/tag.h"
#include "site/tags/credit.h"

/* Tags at stations that keep a list have no credit: who gets or loses one goes from the list or into it. */
static int put(struct ctl_call *c, struct tag *t, int64_t credit_wh, const char *cause, const char *text)
{
	struct site *s = c->hall->site;
	struct ctl_tag_keys before = t->k, after = t->k;

	if (credit_wh != NUM_NONE && (credit_wh > CREDIT_MOST_WH || credit_wh < -CREDIT_MOST_WH))
		return diag_set(&c->diag, -LMS_ERANGE, "tag %s: credit: %lld Wh is out of range (-1 GWh to 1 GWh)", t->k.uid,
				(long long)credit_wh);
	after.credit_wh = credit_wh;
	if (credit_check(&after, &c->diag))
		return c->diag.err;
	site_tag_note(s, t->k.uid, &before, &after, c->fx);
	credit_put(s, t, credit_wh, cause, arena_printf(c->arena, "uid %u", c->uid), text, c->wall, c->fx);
	tag_store(t, c->fx);
	return ctl_tag_answer(c, t);
}

int ctl_tag_credit_set(struct ctl_call *c, const struct ctl_tag_credit_set_args *a)
{
	struct tag *t = site_tag(c->hall->site, a->uid);

	if (!t)
		return ctl_tag_not_found(c, a->uid);
	credit_settle(c->hall->site, t, c->wall, c->fx);
	return put(c, t, a->credit_wh, "set", a->text);
}

int ctl_tag_credit_add(struct ctl_call *c, const struct ctl_tag_credit_add_args *a)
{
	struct tag *t = site_tag(c->hall->site, a->uid);

	if (!t)
		return ctl_tag_not_found(c, a->uid);
	if (t->k.credit_wh == NUM_NONE)
		return diag_set(&c->diag, -LMS_ECONFLICT, "tag %s: its credit is unlimited (lmsctl tag credit set %s 20kWh "
				"gives it one)", t->k.uid, t->k.uid);
	if (a->change_wh > CREDIT_MOST_WH || a->change_wh < -CREDIT_MOST_WH)
		return diag_set(&c->diag, -LMS_ERANGE, "tag %s: change: is out of range (-1 GWh to 1 GWh)", t->k.uid);
	credit_settle(c->hall->site, t, c->wall, c->fx);
	return put(c, t, credit_now(c->hall->site, t, c->wall) + a->change_wh, "add", a->text);
}
