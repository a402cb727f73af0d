/* The sessions of a CSV file. Nothing is guessed: a value that makes no sense ends the run, with its
 * line and column, since a silently dropped session would change the result.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "tests/bench/replay.h"

enum column { ARRIVAL, DEPARTURE, ENERGY, STATION, PHASES_USED, MAX, COLUMNS };

static const char *const names[COLUMNS] = {
	"arrival_s", "departure_s", "energy_wh", "station", "phases", "max_a",
};

#define TIME_MAX_US   (INT64_C(1) << 52)	/* 140 years */
#define ENERGY_MAX_WH 10000000

struct cell {
	char *text;
	int column;		/* where it begins, from 1 */
};

struct reader {
	const char *path;
	int line;
	struct cell cells[64];
	int cell_count, width;
	int at[COLUMNS];	/* index in cells */
	struct diag *d;
};

static int complain(const struct reader *r, int column, const char *what, const char *text, const char *remedy)
{
	return diag_set_at(r->d, -LMS_EDATA, r->path, r->line, column, "%s: '%.60s' %s", what, text, remedy);
}

/* Splits in place at commas; quotes around a cell are taken off. */
static int split(struct reader *r, char *line)
{
	char *p = line;

	r->cell_count = 0;
	for (;;) {
		char *from = p, *end;

		if (r->cell_count == (int)ARRAY_LEN(r->cells))
			return complain(r, (int)(p - line) + 1, "line", p, "has more than 64 columns");
		if (*p == '"') {
			from = ++p;
			end = strchr(p, '"');
			if (!end || (end[1] && end[1] != ','))
				return complain(r, (int)(p - line), "quotes", p, "are not closed");
			p = end + 1;
		} else {
			end = p + strcspn(p, ",");
			p = end;
		}
		while (from < end && *from == ' ')
			from++;
		while (end > from && end[-1] == ' ')
			end--;
		r->cells[r->cell_count++] = (struct cell){ from, (int)(from - line) + 1 };
		if (*p != ',') {
			*end = '\0';
			return 0;
		}
		*end = '\0';
		p++;
	}
}

static int read_header(struct reader *r)
{
	for (int c = 0; c < COLUMNS; c++) {
		r->at[c] = -1;
		for (int i = 0; i < r->cell_count; i++)
			if (!strcmp(r->cells[i].text, names[c])) {
				if (r->at[c] >= 0)
					return complain(r, r->cells[i].column, "header", names[c],
							"is there twice");
				r->at[c] = i;
			}
		if (r->at[c] < 0)
			return complain(r, 1, "header", names[c],
					"is missing (it is arrival_s,departure_s,energy_wh,station,phases,max_a)");
	}
	return 0;
}

static const struct cell *cell_of(const struct reader *r, enum column c)
{
	return &r->cells[r->at[c]];
}

static int read_number(const struct reader *r, enum column c, int64_t scale, int64_t least, int64_t most,
		       int64_t *out)
{
	const struct cell *cell = cell_of(r, c);

	if (text_fixed(cell->text, strlen(cell->text), scale, out))
		return complain(r, cell->column, names[c], cell->text, "is not a number");
	if (*out < least || *out > most)
		return complain(r, cell->column, names[c], cell->text, "is out of range");
	return 0;
}

static int read_phases(const struct reader *r, phase_mask_t *out)
{
	const struct cell *cell = cell_of(r, PHASES_USED);

	*out = 0;
	for (const char *p = cell->text; *p; p++) {
		if (*p < '1' || *p > '3' || (*out >> (*p - '1') & 1))
			break;
		*out = (phase_mask_t)(*out | 1 << (*p - '1'));
		if (!p[1])
			return 0;
	}
	return complain(r, cell->column, names[PHASES_USED], cell->text,
			"are not grid phases (write 1, 23 or 123)");
}

static int read_session(const struct reader *r, struct session *s)
{
	const struct cell *station = cell_of(r, STATION);
	struct diag why;
	int ret = read_number(r, ARRIVAL, US_PER_S, -TIME_MAX_US, TIME_MAX_US, &s->arrival_us);

	if (!ret)
		ret = read_number(r, DEPARTURE, US_PER_S, -TIME_MAX_US, TIME_MAX_US, &s->departure_us);
	if (!ret && s->departure_us < s->arrival_us)
		ret = complain(r, cell_of(r, DEPARTURE)->column, "departure_s", cell_of(r, DEPARTURE)->text,
			       "is before the arrival");
	if (!ret)
		ret = read_number(r, ENERGY, 1000, 0, ENERGY_MAX_WH * INT64_C(1000), &s->energy_mwh);
	if (!ret)
		ret = read_phases(r, &s->phases);
	if (!ret)
		ret = read_number(r, MAX, 1000, 1, LIMIT_MAX_MA, &s->max_ma);
	diag_init(&why);
	if (!ret && id_check(station->text, "station", &why))
		ret = diag_set_at(r->d, -LMS_EDATA, r->path, r->line, station->column, "%s", why.text);
	if (!ret)
		memcpy(s->station, station->text, strlen(station->text) + 1);
	s->line = r->line;
	return ret;
}

static int read_lines(struct reader *r, FILE *f, struct sessions *s)
{
	size_t room = 0, line_room = 0;
	char *line = NULL;
	int ret = 0;

	while (!ret && getline(&line, &line_room, f) >= 0) {
		char *text = line;

		if (!r->line++ && !strncmp(text, "\xef\xbb\xbf", 3))
			text += 3;
		text[strcspn(text, "\r\n")] = '\0';
		if (!*text && r->line > 1)
			continue;
		r->width = (int)strlen(text);
		ret = split(r, text);
		if (!ret && r->line == 1)
			ret = read_header(r);
		for (int c = 0; c < COLUMNS && !ret; c++)
			if (r->at[c] >= r->cell_count)
				ret = complain(r, r->width + 1, names[c], "", "is missing in this line");
		if (ret || r->line == 1)
			continue;
		if (s->count == room) {
			room = room ? 2 * room : 256;
			s->list = xrealloc(s->list, room * sizeof(*s->list));
		}
		memset(&s->list[s->count], 0, sizeof(*s->list));
		ret = read_session(r, &s->list[s->count++]);
	}
	free(line);
	if (!ret && ferror(f))
		ret = diag_set(r->d, -LMS_ENOINPUT, "%s: %s", r->path, strerror(errno));
	if (!ret && !r->line)
		ret = diag_set_at(r->d, -LMS_EDATA, r->path, 1, 1, "is empty (its first line names the columns)");
	return ret;
}

static int by_arrival(const void *pa, const void *pb)
{
	const struct session *a = pa, *b = pb;

	if (a->arrival_us != b->arrival_us)
		return a->arrival_us < b->arrival_us ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

int sessions_read(const char *path, struct sessions *s, struct diag *d)
{
	struct reader r = { .path = path, .d = d };
	FILE *f = fopen(path, "re");
	int64_t first;
	int ret;

	*s = (struct sessions){ .path = path };
	if (!f)
		return diag_set(d, -LMS_ENOINPUT, "%s: %s", path, strerror(errno));
	ret = read_lines(&r, f, s);
	fclose(f);
	if (ret || !s->count)
		return ret;
	qsort(s->list, s->count, sizeof(*s->list), by_arrival);
	first = s->list[0].arrival_us;
	for (size_t i = 0; i < s->count; i++) {
		s->list[i].arrival_us -= first;
		s->list[i].departure_us -= first;
	}
	return 0;
}

void sessions_free(struct sessions *s)
{
	free(s->list);
}
