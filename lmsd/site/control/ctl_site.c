/* site/control/ctl_site.c - control handlers: settings of the whole site. */
#include "site/control/ctl_site_util.h"

static int answer(struct ctl_call *c, const struct site_conf *conf)
{
	struct ctl_site rec = { .keys = conf->site};

	return ctl_answer_record(c, &rec);
}

int ctl_site_show(struct ctl_call *c, const struct ctl_site_show_args *a)
{
	(void)a;
	return answer(c, c->hall->site->conf);
}

int ctl_site_set(struct ctl_call *c, const struct ctl_site_set_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_site(e, &a->keys);
	ret = ctl_commit(c, e, a->dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e));
	site_edit_free(e);
	return ret;
}
