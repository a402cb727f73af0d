/* outlet/mqtt_none.c - in the place of mqtt.c where libmosquitto is not there to build with. */
#include "outlet/mqtt.h"

#include <string.h>

#include "base/err.h"

bool mqtt_is_built(void)
{
	return false;
}

int mqtt_new(struct loop *loop, const struct mqtt_conf *conf, const struct mqtt_ops *ops, void *ctx, struct mqtt **out,
	     struct diag *diag)
{
	(void)loop, (void)conf, (void)ops, (void)ctx;
	*out = NULL;
	return diag_set(diag, -LMS_ECONFIG, "mqtt.host: this lmsd was built without MQTT (install libmosquitto-dev and build "
			"it again, or leave the key out)");
}

void mqtt_free(struct mqtt *m)
{
	(void)m;
}

void mqtt_listen(struct mqtt *m, const char *const *topics, size_t count)
{
	(void)m, (void)topics, (void)count;
}

bool mqtt_publish(struct mqtt *m, const char *topic, const char *text, size_t len, bool retain)
{
	(void)m, (void)topic, (void)text, (void)len, (void)retain;
	return false;
}

void mqtt_counts(const struct mqtt *m, struct mqtt_counts *out)
{
	(void)m;
	memset(out, 0, sizeof(*out));
}
