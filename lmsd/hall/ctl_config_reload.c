/* hall/ctl_config_reload.c - config reload: certificate, key, CA and revocation list from their
 * files. */
#include "app.h"
#include "hall/door/certificate.h"

int ctl_config_reload(struct ctl_call *c, const struct ctl_config_reload_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	int ret = certificate_reload(app, &c->diag);

	(void)a;
	return ret < 0 ? ret : ctl_answer_done(c, true);
}
