/* sense_buses.c - whether the meters of a configuration fit on their buses together. */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "meter/address.h"
#include "meter/pushed.h"
#include "modbus/bus.h"

struct user {				/* the first meter of a bus */
	struct meter_address addr;
	char bus[ADDRESS_TEXT_MAX];
	const char *meter;
};

static int compare(const struct user *a, const struct user *b, struct diag *d)
{
	if (!a->addr.rtu || !b->addr.rtu || strcmp(a->addr.device, b->addr.device) != 0)
		return 0;
	return diag_set(d, -LMS_EDATA,
			"meters %s and %s: address: %s cannot be read at %s and at %s (one line has one speed and format)",
			a->meter, b->meter, b->addr.device, strchr(a->bus, ',') + 1, strchr(b->bus, ',') + 1);
}

int sense_check_buses(const struct site_conf *conf, struct diag *d)
{
	struct user *users = xcalloc(conf->meter_count + 1, sizeof(*users));
	size_t count = 0, k;
	int ret = 0;

	for (size_t i = 0; i < conf->meter_count && ret == 0; i++) {
		const struct ctl_meter_keys *m = &conf->meters[i].k;
		struct user *u = &users[count];

		if (pushed_is_address(m->address) || address_parse(m->address, &u->addr, NULL) < 0)
			continue;
		u->meter = m->id;
		address_bus(&u->addr, u->bus);
		for (k = 0; k < count && strcmp(users[k].bus, u->bus) != 0 && ret == 0; k++)
			ret = compare(&users[k], u, d);
		if (k == count && ++count > BUS_MAX)
			ret = diag_set(d, -LMS_ERANGE,
				       "meter %s: address: more than %d connections to meters (let meters share a gateway)",
				       m->id, BUS_MAX);
	}
	free(users);
	return ret;
}
