/* lmstop/actions.c - `x`: what can be done with a connector, a station or an alert, asked twice before it is.
 *
 * Nothing is sent before the question that names the target was answered with y.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/ui.h"

enum prompt { PROMPT_NONE, PROMPT_TAG, PROMPT_LIMIT };

struct action {
	char key;
	const char *label;
	enum ctl_verb_id verb;
	enum item_kind kind; /* CONNECTOR: needs one; STATION: also offered for its connectors */
	enum prompt prompt;
	const char *extra;		/* further parameters, JSON members */
	const char *question;		/* %s = target */
};

static const struct action actions[] = {
	{ 's', "start a transaction …", CTL_VERB_connector_start, ITEM_CONNECTOR, PROMPT_TAG, NULL,
	  "Start a transaction on %s?" },
	{ 'e', "end the transaction", CTL_VERB_connector_stop, ITEM_CONNECTOR, PROMPT_NONE, NULL,
	  "End the transaction on %s?" },
	{ 'l', "limit the current …", CTL_VERB_connector_limit, ITEM_CONNECTOR, PROMPT_LIMIT, NULL,
	  "Limit %s?" },
	{ 'u', "unlock the connector", CTL_VERB_station_unlock, ITEM_CONNECTOR, PROMPT_NONE, NULL,
	  "Unlock the cable at %s?" },
	{ 'd', "take the connector out of service", CTL_VERB_station_availability, ITEM_CONNECTOR,
	  PROMPT_NONE, "\"type\":\"Inoperative\"", "Take %s out of service?" },
	{ 'a', "put the connector into service", CTL_VERB_station_availability, ITEM_CONNECTOR,
	  PROMPT_NONE, "\"type\":\"Operative\"", "Put %s into service?" },
	{ 'D', "take the whole station out of service", CTL_VERB_station_availability, ITEM_STATION,
	  PROMPT_NONE, "\"type\":\"Inoperative\"", "Take the whole station %s out of service?" },
	{ 'A', "put the whole station into service", CTL_VERB_station_availability, ITEM_STATION,
	  PROMPT_NONE, "\"type\":\"Operative\"", "Put the whole station %s into service?" },
	{ 'r', "restart the station", CTL_VERB_station_restart, ITEM_STATION, PROMPT_NONE, NULL,
	  "Restart the station %s?" },
	{ 'R', "restart the station, hard", CTL_VERB_station_restart, ITEM_STATION, PROMPT_NONE,
	  "\"hard\":true", "Restart the station %s hard?" },
	{ 'h', "have it in hand", CTL_VERB_alert_ack, ITEM_ALERT, PROMPT_NONE, NULL,
	  "Have alert %s in hand, so that it is not told again?" },
};

static bool is_offered(const struct ui *ui, const struct action *a, enum item_kind kind)
{
	if (ui->readonly || !(ui->roles & (unsigned)ctl_verbs[a->verb].role))
		return false;
	return a->kind == kind || (kind == ITEM_CONNECTOR && a->kind == ITEM_STATION);
}

bool actions_any(const struct ui *ui, enum item_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (is_offered(ui, &actions[i], kind))
			return true;
	}
	return false;
}

/* The n-th one that is offered. */
static const struct action *offered(const struct ui *ui, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (is_offered(ui, &actions[i], ui->target_kind) && n-- == 0)
			return &actions[i];
	}
	return NULL;
}

static size_t offered_count(const struct ui *ui)
{
	size_t n = 0;

	while (offered(ui, n))
		n++;
	return n;
}

/* What `x` is about: the selected item, or the thing that the whole screen shows. */
static bool find_target(struct ui *ui)
{
	const struct item *item = ui_selected(ui);
	const struct ui_level *l = ui_level(ui);
	const struct model_row *row;

	ui->target_kind = item ? item->kind : l->kind;
	snprintf(ui->target, sizeof(ui->target), "%s", item ? item->id : l->id);
	if (ui->target_kind == ITEM_TRANSACTION) {
		const struct ctl_transaction *t;

		row = model_find(ui->live, MODEL_TRANSACTIONS, ui->target);
		if (!row)
			return false;
		t = row->rec;
		snprintf(ui->target, sizeof(ui->target), "%.48s/%d", t->station ? t->station : "",
			 (int)t->connector);
		ui->target_kind = ITEM_CONNECTOR;
	}
	return ui->target_kind == ITEM_CONNECTOR || ui->target_kind == ITEM_STATION || ui->target_kind == ITEM_ALERT;
}

void actions_open(struct ui *ui)
{
	if (ui->readonly)
		ui_say(ui, STYLE_WARN,
		       "nothing can be changed: lmstop was started with --readonly");
	else if (ui->link != UI_UP)
		ui_say(ui, STYLE_WARN, "nothing can be changed while lmsd is away");
	else if (!find_target(ui))
		ui_say(ui, STYLE_WARN, "select a connector or a station first");
	else if (!offered(ui, 0))
		ui_say(ui, STYLE_WARN, "your role does not allow to change anything here");
	else
		ui->mode = UI_MENU;
	ui->menu_at = 0;
}

/* ---- asking ---- */

static void station_of(const struct ui *ui, char *out, size_t size, int *connector)
{
	const char *slash = ui->target_kind == ITEM_CONNECTOR ? strrchr(ui->target, '/') : NULL;

	snprintf(out, size, "%.*s", slash ? (int)(slash - ui->target) : (int)strlen(ui->target),
		 ui->target);
	*connector = slash ? atoi(slash + 1) : 0;
}

static bool about_connector(const struct action *a)
{
	return a->kind == ITEM_CONNECTOR || a->kind == ITEM_ALERT;
}

static void target_name(const struct ui *ui, char *out, size_t size)
{
	int connector;

	if (about_connector(ui->action))
		snprintf(out, size, "%s", ui->target);
	else
		station_of(ui, out, size, &connector);
}

/* False, with a message, when the input is not what the action needs. */
static bool check_input(struct ui *ui, int64_t *limit_ma)
{
	struct diag d;

	diag_init(&d);
	*limit_ma = NUM_NONE;
	if (ui->action->prompt == PROMPT_LIMIT && ui->input[0] &&
	    parse_ma(ui->input, limit_ma, &d)) {
		ui_say(ui, STYLE_BAD, "%s", d.text);
		return false;
	}
	if (ui->action->prompt == PROMPT_TAG && id_check(ui->input, "a tag", &d)) {
		ui_say(ui, STYLE_BAD, "%s", d.text);
		return false;
	}
	return true;
}

static void write_params(struct ui *ui, int64_t limit_ma, struct buf *out)
{
	const struct action *a = ui->action;
	bool of_station = ctl_verbs[a->verb].noun == CTL_NOUN_station;
	char station[ITEM_ID_MAX];
	struct json_writer w;
	int connector;

	station_of(ui, station, sizeof(station), &connector);
	jw_init(&w, out);
	jw_object(&w);
	if (a->kind == ITEM_ALERT)
		jw_kint(&w, "id", atoll(ui->target));
	else
		jw_kstr(&w, "id", of_station ? station : ui->target);
	if (of_station && about_connector(a))
		jw_kint(&w, "connector", connector);
	if (a->prompt == PROMPT_TAG)
		jw_kstr(&w, "tag", ui->input);
	if (limit_ma != NUM_NONE)
		jw_kint(&w, "limit_ma", limit_ma);
	jw_object_end(&w);
	if (a->extra) {
		out->len--;
		buf_printf(out, ",%s}", a->extra);
	}
}

static void send(struct ui *ui)
{
	struct ui_request *r = &ui->request;
	char target[ITEM_ID_MAX];
	int64_t limit_ma;
	struct buf b;

	ui->mode = UI_NORMAL;
	if (!check_input(ui, &limit_ma))
		return;
	buf_init(&b);
	write_params(ui, limit_ma, &b);
	target_name(ui, target, sizeof(target));
	snprintf(r->method, sizeof(r->method), "%s", ctl_verbs[ui->action->verb].method);
	snprintf(r->params, sizeof(r->params), "%s", buf_cstr(&b));
	snprintf(r->label, sizeof(r->label), "%s: %s", target, ctl_verbs[ui->action->verb].name);
	r->of_station = ctl_verbs[ui->action->verb].result == CTL_STATION;
	r->set = b.len < sizeof(r->params);
	buf_fini(&b);
	ui_say(ui, STYLE_BUSY, "%s: waiting for %s", r->label,
	       r->of_station ? "the station's answer" : "lmsd");
}

static void choose(struct ui *ui, const struct action *a)
{
	ui->action = a;
	ui->input[0] = '\0';
	ui->mode = a->prompt == PROMPT_NONE ? UI_CONFIRM : UI_PROMPT;
}

static void menu_key(struct ui *ui, uint32_t key)
{
	size_t count = offered_count(ui);

	if (key == UI_KEY_UP || key == 'k') {
		ui->menu_at = (ui->menu_at + count - 1) % count;
	} else if (key == UI_KEY_DOWN || key == 'j') {
		ui->menu_at = (ui->menu_at + 1) % count;
	} else if (key == UI_KEY_ENTER || key == '\n') {
		choose(ui, offered(ui, ui->menu_at));
	} else if (key == UI_KEY_ESC || key == UI_KEY_BACKSPACE || key == 'q' || key == 'x') {
		ui->mode = UI_NORMAL;
	} else {
		for (size_t i = 0; i < count; i++) {
			if (key == (uint32_t)offered(ui, i)->key) {
				choose(ui, offered(ui, i));
				return;
			}
		}
	}
}

void actions_key(struct ui *ui, uint32_t key)
{
	int64_t limit_ma;

	if (ui->mode == UI_MENU) {
		menu_key(ui, key);
	} else if (key == UI_KEY_ESC) {
		ui->mode = UI_NORMAL;
		ui_say(ui, STYLE_NORMAL, "nothing was done");
	} else if (ui->mode == UI_PROMPT) {
		if (key != UI_KEY_ENTER && key != '\n')
			ui_type(ui, key);
		else if (check_input(ui, &limit_ma))
			ui->mode = UI_CONFIRM;
	} else if (key == 'y' || key == 'Y') {
		send(ui);
	} else if (key == 'n' || key == 'N' || key == 'q') {
		ui->mode = UI_NORMAL;
		ui_say(ui, STYLE_NORMAL, "nothing was done");
	}
}

/* ---- drawing ---- */

static void draw_menu(const struct ui *ui, struct canvas *c)
{
	size_t count = offered_count(ui);
	int height = (int)count + 2, width = 48, y = (c->height - height) / 2,
	    x = (c->width - width) / 2;

	if (width > c->width) {
		width = c->width;
		x = 0;
	}
	if (y < 0)
		y = 0;
	canvas_box(c, y, x, height, width, STYLE_HEAD, ui->target);
	for (size_t i = 0; i < count; i++) {
		const struct action *a = offered(ui, i);
		int row = y + 1 + (int)i;

		canvas_putf(c, row, x + 2, 1, STYLE_WARN, "%c", a->key);
		canvas_put(c, row, x + 5, width - 7, STYLE_NORMAL, a->label);
		if (i == ui->menu_at)
			canvas_flag(c, row, x + 1, width - 2, CELL_SELECTED);
	}
}

static const char *current_text(const char *input, char *out, size_t size)
{
	int64_t ma = NUM_NONE;
	struct buf b;

	buf_init(&b);
	parse_ma(input, &ma, NULL);
	fmt_ma(&b, ma);
	snprintf(out, size, "%s", buf_cstr(&b));
	buf_fini(&b);
	return out;
}

static void question_text(const struct ui *ui, char *out, size_t size)
{
	char target[ITEM_ID_MAX], current[40], *hole;
	const char *q = ui->action->question, *mark = strstr(q, "%s");

	target_name(ui, target, sizeof(target));
	snprintf(out, size, "%.*s%s%s", (int)(mark - q), q, target, mark + 2);
	hole = strrchr(out, '?');
	if (ui->mode != UI_CONFIRM || !hole)
		return;
	if (ui->action->prompt == PROMPT_TAG)
		snprintf(hole, size - (size_t)(hole - out), ", booked on tag %s?", ui->input);
	else if (ui->action->prompt == PROMPT_LIMIT && ui->input[0])
		snprintf(hole, size - (size_t)(hole - out),
			 " to %s per phase, until that is ended?",
			 current_text(ui->input, current, sizeof(current)));
	else if (ui->action->prompt == PROMPT_LIMIT)
		snprintf(out, size, "End the limit of %s?", target);
}

static void draw_question(const struct ui *ui, struct canvas *c)
{
	char question[300];
	int width, y = c->height / 2 - 2, x, used;
	const char *ask = ui->action->prompt == PROMPT_TAG
			      ? "tag: "
			      : "current (16, 16.5A; empty ends the limit): ";

	question_text(ui, question, sizeof(question));
	width = canvas_text_width(question) + 6;
	width = width < 56 ? 56 : width;
	width = width > c->width ? c->width : width;
	x = (c->width - width) / 2;
	canvas_box(c, y < 0 ? 0 : y, x, 5, width, STYLE_WARN, NULL);
	y = y < 0 ? 0 : y;
	canvas_put(c, y + 1, x + 2, width - 4, STYLE_BOLD, question);
	if (ui->mode == UI_CONFIRM) {
		canvas_put(c, y + 3, x + 2, width - 4, STYLE_NORMAL, "y = yes    n, Esc = no");
		return;
	}
	used = canvas_put(c, y + 3, x + 2, width - 4, STYLE_NORMAL, ask);
	used += canvas_put(c, y + 3, x + 2 + used, width - 5 - used, STYLE_BOLD, ui->input);
	canvas_fill(c, y + 3, x + 2 + used, 1, STYLE_NORMAL, " ");
	canvas_flag(c, y + 3, x + 2 + used, 1, CELL_SELECTED);
}

void actions_draw(const struct ui *ui, struct canvas *c)
{
	if (ui->mode == UI_MENU)
		draw_menu(ui, c);
	else if (ui->mode == UI_PROMPT || ui->mode == UI_CONFIRM)
		draw_question(ui, c);
}
