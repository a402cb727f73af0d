/* hall/door/certificate.h - what lmsd shows and checks by on wss: read again, and told in time before it ends. */
#pragma once

#include "base/diag.h"
#include "base/types.h"

struct app;
struct certificate;

/* When the sockets are open. */
struct certificate *certificate_new(struct app *app);
void certificate_free(struct certificate *c);
/* Is there anything that speaks TLS? */
bool certificate_is_shown(const struct app *app);
/* The files that are there now serve connections from now on; open ones stay as they are. On error
 * everything stays as it was. */
int certificate_reload(struct app *app, struct diag *diag);
/* When certificate or revocation list ends, whichever is first; WALL_NONE without wss. */
wall_t certificate_ends(const struct app *app, const char **what);
/* What somebody must do about it now, or false. */
bool certificate_trouble(const struct app *app, wall_t wall, char *out, size_t size);
