/* local/bill.c - `transaction export`: the transactions of a period into a file. A running one has no stop, and its
 * energy so far.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/export/sheet.h"
#include "lmsctl/local/ledger.h"

#define COLUMNS_MAX 40

/* A column by the field of the record that it shows; "badge" is the holder of the tag, else its comment. */
struct bill_column {
	const char *title, *field, *unit;
	enum sheet_type type;
	int decimals;
};

/* For programs and for billing: the columns that they know (see lmsctl(1)). */
static const struct bill_column csv_columns[] = {
	{ "transactionId", "id", NULL, SHEET_NUMBER, 0 },
	{ "evcsId", "station", NULL, SHEET_TEXT, 0 },
	{ "evcsName", "station_title", NULL, SHEET_TEXT, 0 },
	{ "startDateTransaction", "start", NULL, SHEET_TIME, 0 },
	{ "stopDateTransaction", "stop", NULL, SHEET_TIME, 0 },
	{ "badgeId", "tag", NULL, SHEET_TEXT, 0 },
	{ "badgeName", "badge", NULL, SHEET_TEXT, 0 },
	{ "energyChargedKwh", "energy_wh", NULL, SHEET_ENERGY, 0 },
};
static const struct bill_column people_columns[] = {
	{ "id", "id", NULL, SHEET_NUMBER, 0 },
	{ "station", "station", NULL, SHEET_TEXT, 0 },
	{ "name", "station_title", NULL, SHEET_TEXT, 0 },
	{ "connector", "connector", NULL, SHEET_NUMBER, 0 },
	{ "type", "type", NULL, SHEET_TEXT, 0 },
	{ "start", "start", NULL, SHEET_TIME, 0 },
	{ "stop", "stop", NULL, SHEET_TIME, 0 },
	{ "duration", "duration_ms", "min", SHEET_NUMBER, 0 },
	{ "tag", "tag", NULL, SHEET_TEXT, 0 },
	{ "holder", "badge", NULL, SHEET_TEXT, 0 },
	{ "energy", "energy_wh", "kWh", SHEET_ENERGY, 0 },
	{ "price", "price", NULL, SHEET_NUMBER, 4 },
	{ "cost", "cost", NULL, SHEET_NUMBER, 2 },
	{ "currency", "currency", NULL, SHEET_TEXT, 0 },
};

struct bill {
	struct lmsctl *l;
	struct ledger ledger;
	enum sheet_format format;
	const struct bill_column *columns;
	struct bill_column own[COLUMNS_MAX];
	struct sheet_column sheet_columns[COLUMNS_MAX];
	struct sheet_layout layout;
	struct sheet *sheet;
	int64_t sums[COLUMNS_MAX];	/* NUM_NONE = none */
	char currency[8];		/* of the costs so far */
	bool priced, mixed;		/* there are any; they have several */
};

/* ---- cells ---- */

static const struct field *field_of(const char *name)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_transaction];

	return field_find(n->fields, n->field_count, name, NULL);
}

static const char *text_of(const struct ctl_transaction *t, const char *name)
{
	const struct field *f;

	if (strcmp(name, "badge") == 0)
		return t->holder ? t->holder : t->comment;
	f = field_of(name);
	return *(const char *const *)(const void *)((const char *)t + f->offset);
}

static int64_t number_of(const struct ctl_transaction *t, const struct bill_column *c)
{
	const struct field *f = field_of(c->field);
	int64_t v;

	if (f->type == FIELD_TEXT)
		return ledger_decimal(text_of(t, c->field), c->decimals);
	memcpy(&v, (const char *)t + f->offset, sizeof(v));
	if (f->type == FIELD_MS && v != NUM_NONE)
		return (v + 30000) / 60000;
	return v;
}

static bool is_summed(const struct bill_column *c)
{
	return strcmp(c->field, "energy_wh") == 0 || strcmp(c->field, "cost") == 0;
}

static void look_at_currency(struct bill *b, const struct ctl_transaction *t)
{
	const char *currency = t->currency ? t->currency : "";

	if (!t->cost)
		return;
	if (b->priced)
		b->mixed |= strcmp(b->currency, currency) != 0;
	else
		snprintf(b->currency, sizeof(b->currency), "%s", currency);
	b->priced = true;
}

static void put(struct bill *b, const struct ctl_transaction *t)
{
	struct sheet_cell cells[COLUMNS_MAX] = { { NULL, NUM_NONE } };

	for (size_t i = 0; i < b->layout.count; i++) {
		const struct bill_column *c = &b->columns[i];

		cells[i] = (struct sheet_cell){ NULL, NUM_NONE };
		if (c->type == SHEET_TEXT)
			cells[i].text = text_of(t, c->field);
		else
			cells[i].number = number_of(t, c);
		if (is_summed(c) && cells[i].number != NUM_NONE)
			b->sums[i] = (b->sums[i] == NUM_NONE ? 0 : b->sums[i]) + cells[i].number;
	}
	look_at_currency(b, t);
	sheet_row(b->sheet, cells);
}

/* Costs in several currencies have no sum. */
static void put_sums(struct bill *b)
{
	struct sheet_cell cells[COLUMNS_MAX];
	bool said = false;

	for (size_t i = 0; i < b->layout.count; i++) {
		bool none = b->mixed && strcmp(b->columns[i].field, "cost") == 0;

		cells[i] = (struct sheet_cell){ NULL, none ? NUM_NONE : b->sums[i] };
		if (b->columns[i].type == SHEET_TEXT && !said) {
			cells[i].text = "total";
			said = true;
		}
	}
	sheet_totals(b->sheet, cells);
}

/* ---- the file ---- */

/* Any field of the record as a column. */
static int own_column(struct bill *b, const char *name, struct bill_column *out)
{
	const struct field *f = field_of(name);

	if (!f)
		return diag_set(&b->l->diag, -LMS_EUSAGE, "-f: '%.40s' is no field of a transaction (lmsctl help transaction)", name);
	*out = (struct bill_column){ f->name, f->name, NULL, SHEET_NUMBER, 0 };
	if (f->type == FIELD_TIME)
		out->type = SHEET_TIME;
	else if (f->type == FIELD_WH) {
		out->type = SHEET_ENERGY;
		out->unit = b->format == SHEET_JSON ? NULL : "kWh";
	} else if (f->type == FIELD_MS)
		out->unit = "min";
	else if (strcmp(f->name, "cost") == 0 || strcmp(f->name, "price") == 0)
		out->decimals = f->name[0] == 'c' ? 2 : 4;
	else if (f->type == FIELD_TEXT || f->type == FIELD_ENUM || f->type == FIELD_ID)
		out->type = SHEET_TEXT;
	return 0;
}

static int own_columns(struct bill *b, const char *fields)
{
	size_t count = 0, len;
	int ret = 0;

	for (const char *s = fields; *s && ret == 0; s += len + (s[len] == ',')) {
		len = strcspn(s, ",");
		if (count == COLUMNS_MAX)
			return diag_set(&b->l->diag, -LMS_EUSAGE, "-f: more than %d fields", COLUMNS_MAX);
		ret = own_column(b, arena_printf(&b->l->arena, "%.*s", (int)len, s), &b->own[count++]);
	}
	b->columns = b->own;
	b->layout.count = count;
	return ret;
}

static int choose_columns(struct bill *b)
{
	if (b->l->opt.fields)
		return own_columns(b, b->l->opt.fields);
	if (b->format == SHEET_JSON)
		return own_columns(b, "id,station,station_title,connector,zone,type,state,start,stop,tag,group,holder,comment,energy_wh,"
				      "price,cost,currency,reason,estimated,note");
	b->columns = b->format == SHEET_CSV || b->format == SHEET_CSV_EXCEL ? csv_columns : people_columns;
	b->layout.count = b->columns == csv_columns ? ARRAY_LEN(csv_columns) : ARRAY_LEN(people_columns);
	return 0;
}

static const char *heading(const struct bill *b, const char *title)
{
	struct civil f, u;
	wall_t last = b->ledger.period.until - 1;

	civil_from_wall(b->ledger.period.from, tz_offset_s(b->ledger.tz, b->ledger.period.from), &f);
	civil_from_wall(last, tz_offset_s(b->ledger.tz, last), &u);
	return arena_printf(&b->l->arena, "%s%stransactions %04d-%02d-%02d to %04d-%02d-%02d (%s)", title, *title ? ": " : "", f.year,
			    f.month, f.day, u.year, u.month, u.day, b->ledger.tz ? b->ledger.tz->name : "UTC");
}

static int open_file(struct bill *b)
{
	const struct json *site;
	const char *title = "";

	if (b->format == SHEET_PDF && client_call(b->l->client, "site.show", "{}", &site, &b->l->diag) == 0)
		title = arena_strdup(&b->l->arena, json_str(json_get(site, "title"), ""));
	for (size_t i = 0; i < b->layout.count; i++) {
		const struct bill_column *c = &b->columns[i];

		b->sheet_columns[i] = (struct sheet_column){ c->title, c->unit, c->type, c->decimals };
		b->sums[i] = NUM_NONE;
	}
	b->layout.title = "transactions";
	b->layout.columns = b->sheet_columns;
	b->layout.tz = b->ledger.tz;
	b->layout.heading = heading(b, title);
	return sheet_open(&b->sheet, b->format, b->l->opt.out, &b->layout, &b->l->diag);
}

static int put_each(void *ctx, const struct ctl_transaction *t)
{
	struct bill *b = ctx;

	put(b, t);
	return sheet_failed(b->sheet);
}

int bill_export(struct lmsctl *l, const struct ledger_args *a, const char *format, const char *dialect)
{
	struct bill *b = arena_alloc(&l->arena, sizeof(*b));
	int ret, closed;

	memset(b, 0, sizeof(*b));
	b->l = l;
	if (!l->opt.out)
		return diag_set(&l->diag, -LMS_EUSAGE, "where to? (-O FILE; -O - is standard output)");
	ret = ledger_init(&b->ledger, l, a, a->period);
	if (ret == 0)
		ret = sheet_choose(l->opt.out, format, dialect, true, &b->format, &l->diag);
	if (ret == 0)
		ret = choose_columns(b);
	if (ret == 0)
		ret = ledger_begin(&b->ledger, a->period);
	if (ret == 0)
		ret = open_file(b);
	if (ret)
		return ret;
	ret = ledger_each(&b->ledger, put_each, b);
	if (ret == 0 && b->ledger.count)
		put_sums(b);
	closed = sheet_close(b->sheet, ret >= 0, &l->diag);
	return ret < 0 ? ret : closed;
}
