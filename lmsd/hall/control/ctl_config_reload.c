/* hall/control/ctl_config_reload.c - config reload: certificate, key, CA and revocation list from their
 * files, and the profiles of meters. */
#include "app.h"
#include "hall/door/certificate.h"

int ctl_config_reload(struct ctl_call *c, const struct ctl_config_reload_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	int ret = certificate_is_shown(app) ? certificate_reload(app, &c->diag) : 0;

	(void)a;
	if (ret < 0)
		return ret;
	jw_object(&c->w);
	jw_key(&c->w, "notes");
	jw_array(&c->w);
	profiles_reload(app, &c->w);
	jw_array_end(&c->w);
	jw_kbool(&c->w, "changed", true);
	jw_object_end(&c->w);
	return 0;
}
