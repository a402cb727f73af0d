/* hall/door/certificate.c - reload and expiry of what wss works with. */
#include "hall/door/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/log.h"
#include "files/files.h"

#define DAY_US (86400 * US_PER_S)
/* Certificates take weeks to come; lists are made every few days or weeks, by a script. */
#define WARN_CERTIFICATE_US (30 * DAY_US)
#define WARN_CRL_US         (2 * DAY_US)
#define LOOK_US             (DAY_US / 2)

struct certificate {
	struct app *app;
	struct loop_timer *timer;
};

wall_t certificate_ends(const struct app *app, const char **what)
{
	int64_t ends = app->wss != NULL ? ws_server_tls_ends(app->wss, what) : 0;

	return ends > 0 ? ends * US_PER_S : WALL_NONE;
}

bool certificate_trouble(const struct app *app, wall_t wall, char *out, size_t size)
{
	const char *what, *file;
	wall_t ends = certificate_ends(app, &what);
	bool crl = ends != WALL_NONE && strcmp(what, "CRL") == 0;
	char when[RFC3339_MAX];

	if (ends == WALL_NONE || ends - wall > (crl ? WARN_CRL_US : WARN_CERTIFICATE_US))
		return false;
	file = crl ? app->boot.tls_client_crl : app->boot.tls_certificate;
	snprintf(out, size, "%s %.100s %s %s: renew it, then lmsctl config reload",
		 crl ? "revocation list" : "certificate", file, ends > wall ? "ends" : "has ended",
		 rfc3339_format(ends, when));
	return true;
}

static void look(void *ctx)
{
	struct certificate *c = ctx;
	char text[300];

	if (certificate_trouble(c->app, loop_wall(), text, sizeof(text)))
		log_lmsd(WARNING, "tls_expires", "%s", text);
	loop_timer_at(c->timer, loop_now(c->app->loop) + LOOK_US);
}

struct certificate *certificate_new(struct app *app)
{
	struct certificate *c = xcalloc(1, sizeof(*c));

	c->app = app;
	c->timer = loop_timer_new(app->loop, look, c);
	look(c);
	return c;
}

void certificate_free(struct certificate *c)
{
	if (c == NULL)
		return;
	loop_timer_free(c->timer);
	free(c);
}

static bool files_speak_tls(const struct app *app)
{
	return app->files != NULL && app->boot.files_tls == BOOT_FILES_TLS_ON;
}

bool certificate_is_shown(const struct app *app)
{
	return app->wss != NULL || files_speak_tls(app);
}

int certificate_reload(struct app *app, struct diag *diag)
{
	char text[DIAG_TEXT_MAX + 300];
	bool files = files_speak_tls(app);
	int ret = 0;

	if (!certificate_is_shown(app))
		return diag_set(diag, -LMS_ECONFLICT,
				"listen.wss is off: there is no certificate to read (lmsd.conf)");
	if (app->wss != NULL)
		ret = ws_server_reload_tls(app->wss, diag);
	if (ret == 0 && files)
		ret = files_reload_tls(app->files, diag);
	if (ret < 0) {
		log_lmsd(ERROR, "tls", "certificate=%s not read again, the old one stays: %s",
			 app->boot.tls_certificate, diag_render(diag, text, sizeof(text)));
		return ret;
	}
	log_lmsd(NOTICE, "tls", "certificate=%s read again", app->boot.tls_certificate);
	if (app->wss != NULL)
		look(app->certificate);
	return 0;
}
