/* local/data.c - rows of a history for programs; in -o wide for people who want to read the numbers. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/local/draw.h"

#define NAME_MAX_LEN 64
#define WIDE_TIME 19

bool data_is_chart(const struct lmsctl *l)
{
	return l->opt.format == FORMAT_TABLE;
}

int data_check_options(struct lmsctl *l)
{
	if (l->opt.fields)
		return diag_set(&l->diag, -LMS_EUSAGE, "-f: has no fields (--variables chooses what is told)");
	if (l->opt.sort)
		return diag_set(&l->diag, -LMS_EUSAGE, "--sort: it is in the order of time");
	if (l->opt.watch)
		return diag_set(&l->diag, -LMS_EUSAGE, "cannot be watched (lmstop shows it live)");
	if (l->opt.limit != NUM_NONE && data_is_chart(l))
		return diag_set(&l->diag, -LMS_EUSAGE, "--limit: goes with rows (-o csv, json …), not with a chart");
	return 0;
}

static char separator(const struct lmsctl *l)
{
	return l->opt.format == FORMAT_CSV ? ',' : l->opt.format == FORMAT_VALUE ? '\n' : '\t';
}

/* ---- wide ---- */

static int wide_width(const char *name)
{
	return (int)strlen(name) > 10 ? (int)strlen(name) : 10;
}

static void wide_title(const struct history_column *c, char *out, size_t size)
{
	bool extreme = strcmp(c->stat, "min") == 0 || strcmp(c->stat, "max") == 0;

	snprintf(out, size, "%s%s%s%s%s", extreme ? c->stat : "", extreme ? " " : "", c->variable, *c->unit ? " " : "", c->unit);
}

static void put_fixed(int64_t v, int decimals, int width)
{
	char text[40];
	int64_t unit = 1;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	if (v == NUM_NONE)
		snprintf(text, sizeof(text), "-");
	else if (decimals == 0)
		snprintf(text, sizeof(text), "%lld", (long long)v);
	else
		snprintf(text, sizeof(text), "%s%lld.%0*lld", v < 0 ? "-" : "", (long long)((v < 0 ? -v : v) / unit), decimals,
			 (long long)((v < 0 ? -v : v) % unit));
	printf("  %*s", width, text);
}

static void put_wide(const struct data *d, const struct history_row *row)
{
	char name[NAME_MAX_LEN];
	struct civil c;

	civil_from_wall(row->time, tz_offset_s(d->tz, row->time), &c);
	printf("%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
	for (size_t i = 0; i < d->count; i++) {
		wide_title(&d->columns[i], name, sizeof(name));
		put_fixed(row->values[i], d->columns[i].decimals, wide_width(name));
	}
	printf("%s%s\n", row->quality ? "  " : "", row->quality ? row->quality : "");
}

/* ---- machine formats ---- */

static void put_object(const struct data *d, const struct history_row *row)
{
	char name[NAME_MAX_LEN], time[RFC3339_MAX];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "time", rfc3339_format(row->time, time));
	for (size_t i = 0; i < d->count; i++) {
		history_column_name(&d->columns[i], name, sizeof(name));
		jw_kint(&w, name, row->values[i]);
	}
	if (row->quality)
		jw_kstr(&w, "quality", row->quality);
	jw_object_end(&w);
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

static void put_cells(const struct data *d, const struct history_row *row)
{
	char time[RFC3339_MAX];

	fputs(rfc3339_format(row->time, time), stdout);
	for (size_t i = 0; i < d->count; i++) {
		putchar(separator(d->l));
		if (row->values[i] != NUM_NONE)
			printf("%lld", (long long)row->values[i]);
	}
	if (d->with_quality)
		printf("%c%s", separator(d->l), row->quality ? row->quality : "");
	fputs(d->l->opt.format == FORMAT_CSV ? "\r\n" : "\n", stdout);
}

static void put_header(const struct data *d)
{
	char name[NAME_MAX_LEN];

	fputs("time", stdout);
	for (size_t i = 0; i < d->count; i++) {
		history_column_name(&d->columns[i], name, sizeof(name));
		printf("%c%s", separator(d->l), name);
	}
	if (d->with_quality)
		printf("%cquality", separator(d->l));
	fputs(d->l->opt.format == FORMAT_CSV ? "\r\n" : "\n", stdout);
}

void data_begin(struct data *d)
{
	char name[NAME_MAX_LEN];

	if (d->l->opt.format == FORMAT_JSON) {
		putchar('[');
	} else if (d->l->opt.format == FORMAT_WIDE) {
		printf("%-*s", WIDE_TIME, "TIME");
		for (size_t i = 0; i < d->count; i++) {
			wide_title(&d->columns[i], name, sizeof(name));
			printf("  %*s", wide_width(name), name);
		}
		putchar('\n');
	} else if (d->l->opt.format == FORMAT_CSV || d->l->opt.format == FORMAT_TSV) {
		put_header(d);
	}
}

bool data_row(struct data *d, const struct history_row *row)
{
	enum format format = d->l->opt.format;

	if (d->l->opt.limit != NUM_NONE && (int64_t)d->rows >= d->l->opt.limit)
		return false;
	if (format == FORMAT_JSON)
		fputs(d->rows ? ",\n" : "\n", stdout);
	d->rows++;
	if (format == FORMAT_WIDE) {
		put_wide(d, row);
	} else if (format == FORMAT_JSON || format == FORMAT_NDJSON) {
		put_object(d, row);
		if (format == FORMAT_NDJSON)
			putchar('\n');
	} else {
		put_cells(d, row);
	}
	return true;
}

void data_end(struct data *d)
{
	if (d->l->opt.format == FORMAT_JSON)
		fputs(d->rows ? "\n]\n" : "]\n", stdout);
}
