/* site/rotation.c - ConnectorPhaseRotation (OCPP 1.6, 9.1.7) read as a wiring. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "site/site.h"

/* "1.RST" for connector 1, "0.RST" for all; the names are the wirings that we know. "" = not said. */
static const char *rotation_of(const char *rotation, int connector, char *out, size_t size)
{
	char head[8];
	int len = snprintf(head, sizeof(head), "%d.", connector);

	*out = '\0';
	for (const char *p = rotation; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (n > (size_t)len && strncmp(p, head, (size_t)len) == 0 && n - (size_t)len < size) {
			snprintf(out, size, "%.*s", (int)n - len, p + len);
			break;
		}
		p += n;
	}
	return out;
}

const char *station_said_wiring(const struct station *st, int connector)
{
	static const char *const known[] = { "RST", "STR", "TRS", "RTS", "SRT", "TSR" };
	char said[8];

	if (!*rotation_of(st->phase_rotation, connector, said, sizeof(said)))
		rotation_of(st->phase_rotation, 0, said, sizeof(said));
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcasecmp(said, known[i]) == 0)
			return known[i];
	}
	return NULL;
}
