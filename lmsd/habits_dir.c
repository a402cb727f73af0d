/* habits_dir.c - reads what etc/stations knows of vendors and models into the ocpp room.
 *
 * A bad file is left out and said so: stations are served without it.
 */
#include "app.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define FILE_MAX_BYTES ((size_t)16384)

static int is_conf(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && e->d_name[0] != '.' && strcmp(e->d_name + len - 5, ".conf") == 0;
}

static void read_file(struct app *app, const char *path)
{
	char *text = xmalloc(FILE_MAX_BYTES);
	char where[DIAG_TEXT_MAX + 300];
	FILE *f = fopen(path, "re");
	struct diag diag;
	size_t len;

	diag_init(&diag);
	if (!f) {
		log_lmsd(WARNING, "station_habits", "%s: %s", path, strerror(errno));
		goto out;
	}
	len = fread(text, 1, FILE_MAX_BYTES, f);
	if (len == FILE_MAX_BYTES)
		diag_set_at(&diag, -LMS_EDATA, path, 0, 0, "is larger than %zu bytes", FILE_MAX_BYTES - 1);
	else
		ocpp_add_habits(app->hall.ocpp, path, text, len, &diag);
	if (diag_failed(&diag))
		log_lmsd(WARNING, "station_habits", "%s", diag_render(&diag, where, sizeof(where)));
out:
	if (f)
		fclose(f);
	free(text);
}

void habits_load(struct app *app)
{
	const char *directory = app->boot.stations_directory;
	struct dirent **entries;
	char path[700];
	int count = scandir(directory, &entries, is_conf, alphasort);

	if (count < 0) {
		log_lmsd(NOTICE, "station_habits", "%s: %s", directory, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		read_file(app, path);
		free(entries[i]);
	}
	free(entries);
}
