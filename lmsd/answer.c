/* answer.c - how control handlers write their results. Pure: into the call's buffer. */
#include "hall.h"

static const struct ctl_noun_desc *answer_noun(const struct ctl_call *c)
{
	return &ctl_nouns[c->verb->records];
}

int ctl_answer_record(struct ctl_call *c, const void *rec)
{
	ctl_record_write(answer_noun(c), rec, &c->w);
	return 0;
}

void ctl_answer_list(struct ctl_call *c)
{
	jw_object(&c->w);
	jw_key(&c->w, "items");
	jw_array(&c->w);
}

void ctl_answer_item(struct ctl_call *c, const void *rec)
{
	ctl_record_write(answer_noun(c), rec, &c->w);
}

int ctl_answer_list_end(struct ctl_call *c, const char *next)
{
	jw_array_end(&c->w);
	jw_kstr(&c->w, "next", next);
	jw_object_end(&c->w);
	return 0;
}

int ctl_answer_log_end(struct ctl_call *c, const char *seen, bool more, bool lagged)
{
	jw_array_end(&c->w);
	jw_kstr(&c->w, "next", more ? seen : NULL);
	jw_kstr(&c->w, "seen", seen);
	if (lagged)
		jw_kbool(&c->w, "lagged", true);
	jw_object_end(&c->w);
	return 0;
}

int ctl_answer_done(struct ctl_call *c, bool changed)
{
	jw_object(&c->w);
	jw_kbool(&c->w, "changed", changed);
	jw_object_end(&c->w);
	return 0;
}
