/* hall/bms/bms.h - the building management system: images of the site for its server, its writes to the grid signal. */
#pragma once

#include "app.h"
#include "bms/map.h"
#include "bms/numbers.h"
#include "modbus/server.h"

struct bms {
	struct app *app;
	struct bms_numbers *numbers;
	struct modbus_server *server;	/* NULL = off */
	char listen[80];
	int unmapped;			/* objects without a number */
	unsigned heartbeat;
	mono_t due;			/* the next image, while somebody reads */
};

/* What the map says of the site now. feed_views() was called. */
void bms_gather(struct bms *b, struct bms_image *img, bool writable, mono_t now, wall_t wall);
/* Is the object in the configuration in force? For bms_number_give(); ctx is the site. */
bool bms_is_there(void *ctx, enum bms_kind kind, const char *id);
