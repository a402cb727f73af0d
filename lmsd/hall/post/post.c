/* hall/post/post.c - one mail at a time to the mail server.
 *
 * A mail leaves after its record is durable, so that a crash can send it twice but not lose it: what is written in a
 * turn is sent in a later one, when the store has committed it.
 */
#include "hall/post/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "hall/background.h"
#include "outlet/smtp.h"
#include "site/control/ctl_site_util.h"
#include "site/mail/mail.h"

struct post {
	struct background *thread;
	struct smtp_server server;
	char url[BOOT_TEXT_MAX + 32];
	bool busy;			/* a mail of the queue is on its way */
	uint64_t seq;			/* the queue may be read when this is durable */
	uint64_t seen;			/* the newest mail then */
};

struct errand {
	struct job job;
	struct app *app;
	uint64_t mail;			/* 0: a test, whose caller waits */
	uint64_t token;
	char to[MAIL_ADDRESS_MAX + 1], subject[160], message_id[60], why[200];
	char *body;
	wall_t date;
	enum smtp_end end;
};

struct post *post_new(struct app *app)
{
	static const char *const schemes[] = { "smtp", "smtps", "smtp" };
	const struct boot_conf *b = &app->boot;
	struct post *p;

	if (!*b->mail_host)
		return NULL;
	smtp_init();
	p = xcalloc(1, sizeof(*p));
	snprintf(p->url, sizeof(p->url), strchr(b->mail_host, ':') ? "%s://[%s]:%lld" : "%s://%s:%lld", schemes[b->mail_tls],
		 b->mail_host, (long long)b->mail_port);
	p->server = (struct smtp_server){
		.url = p->url,
		.plain = b->mail_tls == BOOT_MAIL_TLS_OFF,
		.ca = *b->mail_ca ? b->mail_ca : NULL,
		.user = *b->mail_user ? b->mail_user : NULL,
		.password = *b->mail_password ? b->mail_password : NULL,
		.from = b->mail_from,
	};
	p->seen = mail_last(app->hall.site);	/* what was stored before is durable */
	p->thread = background_new(app->loop);
	return p;
}

void post_free(struct post *p)
{
	if (!p)
		return;
	background_free(p->thread);
	free(p);
}

/* ---- one mail ---- */

static bool is_over(void *ctx)
{
	return job_cancelled(ctx);
}

static void run(struct job *job)
{
	struct errand *e = (struct errand *)job;
	const struct smtp_mail mail = { e->to, e->subject, e->body, e->message_id, e->date };

	e->end = smtp_send(&e->app->post->server, &mail, is_over, job, e->why, sizeof(e->why));
}

static void drop(struct job *job)
{
	struct errand *e = (struct errand *)job;

	free(e->body);
	free(e);
}

static void answer_test(struct app *app, const struct errand *e)
{
	struct ctl_mail rec;
	struct json_writer w;
	struct buf b;

	if (e->end != SMTP_SENT) {
		char text[400];

		snprintf(text, sizeof(text), "mail to %s: %s", e->to, e->why);
		fx_reply_error(&app->fx, e->token, -LMS_EFAILED, text);
		return;
	}
	ctl_record_clear(&ctl_nouns[CTL_NOUN_mail], &rec);
	rec.to = e->to;
	rec.subject = e->subject;
	rec.state = "sent";
	rec.created = e->date;
	buf_init(&b);
	jw_init(&w, &b);
	ctl_record_write(&ctl_nouns[CTL_NOUN_mail], &rec, &w);
	fx_reply(&app->fx, FX_NOW, e->token, buf_cstr(&b), b.len);
	buf_fini(&b);
}

static void done(struct job *job)
{
	static const enum mail_end ends[] = { MAIL_SENT, MAIL_LATER, MAIL_REFUSED };
	struct errand *e = (struct errand *)job;
	struct app *app = e->app;
	struct mail *m = e->mail ? mail_find(app->hall.site, e->mail) : NULL;

	app->turn_open = true;
	if (!e->mail)
		answer_test(app, e);
	else
		app->post->busy = false;
	if (m)
		mail_done(app->hall.site, m, ends[e->end], e->why, loop_now(app->loop), loop_wall(), &app->fx);
	drop(job);
}

static struct errand *errand_new(struct app *app, const char *to, const char *subject, const char *body)
{
	struct errand *e = xcalloc(1, sizeof(*e));

	e->job = (struct job){ .run = run, .done = done, .drop = drop };
	e->app = app;
	snprintf(e->to, sizeof(e->to), "%s", to);
	snprintf(e->subject, sizeof(e->subject), "%s", subject);
	e->body = xstrdup(body);
	return e;
}

/* ---- the queue ---- */

void post_turn(struct app *app, mono_t now, wall_t wall)
{
	struct site *s = app->hall.site;
	struct post *p = app->post;
	struct errand *e;
	struct mail *m;

	if (!p)
		return;
	mail_alerts(s, now, wall, &app->fx);
	if (mail_last(s) != p->seen) {
		p->seen = mail_last(s);
		p->seq = app->submitted + 1;	/* of the batch that this turn will be */
	}
	m = p->busy || app->committed < p->seq ? NULL : mail_to_send(s, now);
	if (!m)
		return;
	e = errand_new(app, m->to, m->subject, m->body);
	e->mail = m->id;
	e->date = m->created;
	snprintf(e->message_id, sizeof(e->message_id), "%llu.%lld", (unsigned long long)m->id,
		 (long long)(m->created / US_PER_MS));
	p->busy = background_take(p->thread, &e->job);
	m->sending = p->busy;
	if (!p->busy)
		drop(&e->job);
}

mono_t post_due(const struct app *app)
{
	if (!app->post || app->post->busy)
		return MONO_NEVER;
	return mail_due(app->hall.site);
}

/* ---- control ---- */

static struct app *app_of(const struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

int ctl_mail_test(struct ctl_call *c, const struct ctl_mail_test_args *a)
{
	struct app *app = app_of(c);
	const char *title = c->hall->site->conf->site.title;
	char second[MAIL_ADDRESS_MAX + 1], subject[160], body[300];
	struct errand *e;
	int ret;

	if (!app->post)
		return diag_set(&c->diag, -LMS_ECONFIG, "no mail server is named (mail.host in lmsd.conf)");
	ret = mail_addresses_check(a->to, &c->diag);
	if (ret)
		return ret;
	if (!mail_address_at(a->to, 0, second) || mail_address_at(a->to, 1, second))
		return diag_set(&c->diag, -LMS_EDATA, "to: must be one address");
	snprintf(subject, sizeof(subject), "%.60s: a test", title ? title : "lms");
	snprintf(body, sizeof(body), "This is a test: mails of lmsd arrive.\n\n%.100s\n", title ? title : "");
	e = errand_new(app, a->to, subject, body);
	e->token = c->token;
	e->date = c->wall;
	snprintf(e->message_id, sizeof(e->message_id), "test.%lld", (long long)(c->wall / US_PER_MS));
	if (background_take(app->post->thread, &e->job))
		return CTL_LATER;
	drop(&e->job);
	return diag_set(&c->diag, -LMS_ECONFLICT, "too many mails are tried already (again in a minute)");
}

static void fill(const struct ctl_call *c, const struct mail *m, struct ctl_mail *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_mail], out);
	out->id = (int64_t)m->id;
	out->to = m->to;
	out->subject = m->subject;
	out->state = m->refused ? "refused" : m->sending ? "sending" : "waits";
	out->created = m->created;
	out->tries = m->tries;
	if (!m->refused && !m->sending)
		out->next_ms = m->due > c->now ? (m->due - c->now) / US_PER_MS : 0;
	out->error = *m->why ? m->why : NULL;
}

int ctl_mail_list(struct ctl_call *c, const struct ctl_mail_list_args *a)
{
	const struct site *s = c->hall->site;
	size_t limit = ctl_page_limit(a->limit);
	uint64_t last = a->cursor ? strtoull(a->cursor, NULL, 10) : 0;
	const struct mail *m = mail_next(s, last);
	struct ctl_mail rec;
	char next[24];

	ctl_answer_list(c);
	for (; m && limit > 0; m = m->next, limit--) {
		fill(c, m, &rec);
		ctl_answer_item(c, &rec);
		last = m->id;
	}
	snprintf(next, sizeof(next), "%llu", (unsigned long long)last);
	return ctl_answer_list_end(c, m ? next : NULL);
}

static struct mail *find(struct ctl_call *c, int64_t id)
{
	struct mail *m = id > 0 ? mail_find(c->hall->site, (uint64_t)id) : NULL;

	if (!m)
		diag_set(&c->diag, -LMS_ENOTFOUND, "mail %lld: does not exist, or was sent (lmsctl mail list)", (long long)id);
	return m;
}

int ctl_mail_show(struct ctl_call *c, const struct ctl_mail_show_args *a)
{
	const struct mail *m = find(c, a->id);
	struct ctl_mail rec;

	if (!m)
		return c->diag.err;
	fill(c, m, &rec);
	rec.body = m->body;
	return ctl_answer_record(c, &rec);
}

int ctl_mail_retry(struct ctl_call *c, const struct ctl_mail_retry_args *a)
{
	struct site *s = c->hall->site;
	bool any = false;

	(void)a;
	for (const struct mail *at = mail_next(s, 0); at; at = at->next) {
		struct mail *m = mail_find(s, at->id);

		any = any || !m->sending;
		m->refused = false;
		m->due = c->now;
	}
	return ctl_answer_done(c, any);
}

int ctl_mail_delete(struct ctl_call *c, const struct ctl_mail_delete_args *a)
{
	struct mail *m = find(c, a->id);

	if (!m)
		return c->diag.err;
	if (m->sending)
		return diag_set(&c->diag, -LMS_ECONFLICT, "mail %lld: is being sent (look again in a minute)", (long long)a->id);
	mail_delete(c->hall->site, m, c->fx);
	return ctl_answer_done(c, true);
}
