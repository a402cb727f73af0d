/* lmstop/ui.c - what keys do. Drawing is in frame.c, the `x` menu in actions.c. */
#include "lmstop/ui.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

#define MESSAGE_US (20 * US_PER_S)

enum key_action {
#define KEY(action, code, other, shown, bar, help) DO_##action,
#include "lmstop/keys.def"
};

const struct key_row key_rows[] = {
#define KEY(action, code, other, shown, bar, help) { code, other, shown, bar, help },
#include "lmstop/keys.def"
};
const size_t key_row_count = ARRAY_LEN(key_rows);

const struct view_ops *const view_screens[] = {
	&view_overview, &view_zones, &view_stations, &view_meters, &view_transactions, &view_tags,
	&view_alerts, &view_events,
};
const size_t view_screen_count = ARRAY_LEN(view_screens);

void ui_init(struct ui *ui, struct model *live)
{
	memset(ui, 0, sizeof(*ui));
	ui->live = live;
	model_init(&ui->held);
	ui->stack[0].view = &view_overview;
	graph_init(&ui->graph);
	page_init(&ui->page, ui, 1, &ui->look);
	ui->dirty = true;
}

void ui_fini(struct ui *ui)
{
	page_fini(&ui->page);
	graph_fini(&ui->graph);
	model_fini(&ui->held);
}

/* ---- looking ---- */

const struct model *ui_model(const struct ui *ui)
{
	return ui->paused ? &ui->held : ui->live;
}

mono_t ui_now(const struct ui *ui)
{
	return ui->paused ? ui->held_now : ui->now;
}

wall_t ui_wall(const struct ui *ui)
{
	return ui->paused ? ui->held_wall : ui->wall;
}

const struct ui_level *ui_level(const struct ui *ui)
{
	return &ui->stack[ui->depth];
}

struct ui_level *ui_level_edit(struct ui *ui)
{
	return &ui->stack[ui->depth];
}

static int32_t offset_at(const struct ui *ui, wall_t t)
{
	const struct time_zone *tz = ui->zone_at ? ui->zone_at(ui->zone_ctx, t) : NULL;

	return tz ? tz_offset_s(tz, t) : 0;
}

void ui_time(const struct ui *ui, wall_t t, struct buf *out)
{
	wall_t now = ui_wall(ui);
	struct civil c, today;

	if (t == WALL_NONE)
		return;
	civil_from_wall(t, offset_at(ui, t), &c);
	civil_from_wall(now, offset_at(ui, now), &today);
	if (c.year != today.year)
		buf_printf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
	else if (c.month != today.month || c.day != today.day)
		buf_printf(out, "%02d-%02d %02d:%02d", c.month, c.day, c.hour, c.minute);
	else
		buf_printf(out, "%02d:%02d:%02d", c.hour, c.minute, c.second);
}

void ui_time_full(const struct ui *ui, wall_t t, struct buf *out)
{
	wall_t now = ui_wall(ui);
	struct civil c;

	if (t == WALL_NONE)
		return;
	civil_from_wall(t, offset_at(ui, t), &c);
	buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
		   c.second);
	if (now < t)
		return;
	buf_puts(out, " (");
	fmt_span(out, now - t);
	buf_puts(out, " ago)");
}

int64_t ui_grown_ms(const struct ui *ui, int64_t ms, mono_t received)
{
	mono_t now = ui_now(ui);

	return ms == NUM_NONE || now < received ? ms : ms + (now - received) / US_PER_MS;
}

bool ui_ticks(const struct ui *ui)
{
	return ui->link != UI_UP || ui->message[0] || (!ui->paused && ui->page.live);
}

const char *ui_meter_wanted(const struct ui *ui)
{
	const struct ui_level *l = ui_level(ui);

	return l->view == &view_meter ? l->id : NULL;
}

const char *ui_messages_wanted(const struct ui *ui)
{
	const struct ui_level *l = ui_level(ui);

	return l->view == &view_station && (ui->roles & (unsigned)CTL_STAFF) ? l->id : NULL;
}

bool ui_may_see_tags(const struct ui *ui)
{
	return ui->roles & (unsigned)ctl_verbs[CTL_VERB_tag_list].role;
}

bool ui_tags_wanted(const struct ui *ui)
{
	return ui->stack[0].view == &view_tags && ui_may_see_tags(ui);
}

const char *ui_tag_wanted(const struct ui *ui)
{
	int i = ui->depth;

	while (i > 0 && ui->stack[i].view != &view_tag)
		i--;
	return i > 0 && ui_may_see_tags(ui) ? ui->stack[i].id : NULL;
}

const char *ui_causes_wanted(const struct ui *ui)
{
	const struct ui_level *l = ui_level(ui);

	return l->view == &view_connector && !ui->paused ? l->id : NULL;
}

void ui_causes_set(struct ui *ui, const char *connector, const struct json *result)
{
	const struct json *list = json_get(result, "causes");
	struct ui_causes *c = &ui->causes;

	memset(c, 0, sizeof(*c));
	snprintf(c->connector, sizeof(c->connector), "%s", connector);
	for (const struct json *j = list ? list->first : NULL; j; j = j->next) {
		if (c->count < UI_CAUSES_MAX)
			snprintf(c->text[c->count++], sizeof(c->text[0]), "%s",
				 json_str(json_get(j, "text"), "?"));
	}
	ui->dirty = true;
}

void ui_say(struct ui *ui, enum style style, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ui->message, sizeof(ui->message), fmt, ap);
	va_end(ap);
	ui->message_style = style;
	ui->message_until = ui->now + MESSAGE_US;
	ui->dirty = true;
}

void ui_answer(struct ui *ui, const char *label, const char *status, const char *error)
{
	static const char *const good[] = {"Accepted", "Unlocked", "Scheduled", "RebootRequired",
					   "done"};

	if (error) {
		ui_say(ui, STYLE_BAD, "%s: %s", label, error);
		return;
	}
	if (!status)
		status = "done";
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (strcmp(status, good[i]) == 0) {
			ui_say(ui, STYLE_OK, "%s: %s", label, status);
			return;
		}
	}
	ui_say(ui, STYLE_BAD, "%s: the station answers %s", label, status);
}

/* ---- moving ---- */

const struct item *ui_selected(const struct ui *ui)
{
	const struct ui_level *l = ui_level(ui);

	return l->selected < ui->page.item_count ? &ui->page.items[l->selected] : NULL;
}

static void select_item(struct ui *ui, int64_t index)
{
	struct ui_level *l = ui_level_edit(ui);
	int64_t last = (int64_t)ui->page.item_count - 1;

	/* Beyond the ends the page itself moves: there may be lines that are no items. */
	if (index < 0 || last < 0)
		l->scroll += index < 0 ? -1 : 1;
	index = index > last ? last : index;
	l->selected = index < 0 ? 0 : (size_t)index;
	if (last < 0)
		return;
	l->selected_kind = ui->page.items[l->selected].kind;
	snprintf(l->selected_id, sizeof(l->selected_id), "%s", ui->page.items[l->selected].id);
}

/* The nearest item about a page away; at least one further. */
static void select_page(struct ui *ui, int direction)
{
	const struct item *now = ui_selected(ui);
	int64_t i = (int64_t)ui_level(ui)->selected;
	int goal;

	if (!now) {
		ui_level_edit(ui)->scroll += direction * ui->body_height;
		select_item(ui, direction < 0 ? -1 : 0);
		return;
	}
	goal = now->y + direction * (ui->body_height > 2 ? ui->body_height - 1 : 1);
	do {
		i += direction;
	} while (i >= 0 && i < (int64_t)ui->page.item_count &&
		 (direction > 0 ? ui->page.items[i].y < goal : ui->page.items[i].y > goal));
	select_item(ui, i < 0 ? 0 : i);
}

void ui_enter(struct ui *ui, const struct view_ops *view, enum item_kind kind, const char *id)
{
	if (ui->depth + 1 == UI_DEPTH) {
		memmove(&ui->stack[1], &ui->stack[2], sizeof(ui->stack[0]) * (UI_DEPTH - 2));
		ui->depth--;
	}
	ui->stack[++ui->depth] = (struct ui_level){ .view = view, .kind = kind };
	snprintf(ui_level_edit(ui)->id, ITEM_ID_MAX, "%s", id);
}

static void open_station_of(struct ui *ui, const char *connector)
{
	char station[ITEM_ID_MAX], *slash;

	snprintf(station, sizeof(station), "%s", connector);
	slash = strrchr(station, '/');
	if (slash)
		*slash = '\0';
	ui_enter(ui, &view_station, ITEM_STATION, station);
	ui_level_edit(ui)->selected_kind = ITEM_CONNECTOR;
	snprintf(ui_level_edit(ui)->selected_id, ITEM_ID_MAX, "%s", connector);
}

static void open_selected(struct ui *ui)
{
	const struct item *i = ui_selected(ui);
	const struct view_ops *view = i ? view_of_item(i->kind) : NULL;
	const struct ui_level *l = ui_level(ui);
	struct item copy;

	if (!view || (view == l->view && strcmp(i->id, l->id) == 0))
		return;
	copy = *i;
	/* From a list a connector leads to its station, with itself selected. */
	if (copy.kind == ITEM_CONNECTOR && l->view != &view_station)
		open_station_of(ui, copy.id);
	else
		ui_enter(ui, view, copy.kind, copy.id);
}

static void go_back(struct ui *ui)
{
	struct ui_level *l = ui_level_edit(ui);

	if (l->filter[0])
		l->filter[0] = '\0';
	else if (ui->depth > 0)
		ui->depth--;
}

static void show_screen(struct ui *ui, const struct view_ops *view)
{
	if (ui->depth == 0 && ui->stack[0].view == view)
		return;
	ui->depth = 0;
	ui->stack[0] = (struct ui_level){ .view = view };
}

/* "meter/M1": the list, and the thing opened on it. */
static bool open_thing(struct ui *ui, const char *name)
{
	static const struct { const struct view_ops *list, *one; enum item_kind kind; } rows[] = {
		{ &view_zones, &view_zone, ITEM_ZONE },		 { &view_stations, &view_station, ITEM_STATION },
		{ &view_stations, &view_connector, ITEM_CONNECTOR }, { &view_meters, &view_meter, ITEM_METER },
		{ &view_transactions, &view_transaction, ITEM_TRANSACTION }, { &view_tags, &view_tag, ITEM_TAG },
		{ &view_alerts, &view_alert, ITEM_ALERT },
	};
	const char *slash = strchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;

	for (size_t i = 0; slash && slash[1] && i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].one->name) != len || strncmp(rows[i].one->name, name, len) != 0)
			continue;
		show_screen(ui, rows[i].list);
		ui_enter(ui, rows[i].one, rows[i].kind, slash + 1);
		return true;
	}
	return false;
}

bool ui_open_screen(struct ui *ui, const char *name)
{
	for (size_t i = 0; i < view_screen_count; i++) {
		const struct view_ops *v = view_screens[i];

		if (strcmp(v->name, name) == 0 || (name[0] == v->key && !name[1])) {
			show_screen(ui, v);
			return true;
		}
	}
	return open_thing(ui, name);
}

static void next_screen(struct ui *ui)
{
	size_t i = 0;

	while (i < view_screen_count && view_screens[i] != ui->stack[0].view)
		i++;
	show_screen(ui, view_screens[(i + 1) % view_screen_count]);
}

static void toggle_pause(struct ui *ui)
{
	if (!ui->paused) {
		model_copy(&ui->held, ui->live);
		ui->held_now = ui->now;
		ui->held_wall = ui->wall;
	}
	ui->paused = !ui->paused;
}

/* ---- keys ---- */

bool ui_type(struct ui *ui, uint32_t key)
{
	size_t len = strlen(ui->input);

	if (key == UI_KEY_BACKSPACE || key == 8) {
		while (len > 0 && ((unsigned char)ui->input[len - 1] & 0xc0) == 0x80)
			ui->input[--len] = '\0';
		if (len > 0)
			ui->input[len - 1] = '\0';
		return true;
	}
	if (key == UI_CTRL('u')) {
		ui->input[0] = '\0';
		return true;
	}
	if (key < ' ' || key >= UI_KEY_UP || key == 127 || len + 4 >= sizeof(ui->input))
		return false;
	if (key < 0x80) {
		ui->input[len++] = (char)key;
	} else if (key < 0x800) {
		ui->input[len++] = (char)(0xc0 | key >> 6);
		ui->input[len++] = (char)(0x80 | (key & 0x3f));
	} else if (key < 0x10000) {
		ui->input[len++] = (char)(0xe0 | key >> 12);
		ui->input[len++] = (char)(0x80 | (key >> 6 & 0x3f));
		ui->input[len++] = (char)(0x80 | (key & 0x3f));
	} else {
		ui->input[len++] = (char)(0xf0 | key >> 18);
		ui->input[len++] = (char)(0x80 | (key >> 12 & 0x3f));
		ui->input[len++] = (char)(0x80 | (key >> 6 & 0x3f));
		ui->input[len++] = (char)(0x80 | (key & 0x3f));
	}
	ui->input[len] = '\0';
	return true;
}

static void filter_key(struct ui *ui, uint32_t key)
{
	struct ui_level *l = ui_level_edit(ui);

	if (key == UI_KEY_ENTER || key == '\n') {
		ui->mode = UI_NORMAL;
	} else if (key == UI_KEY_ESC) {
		l->filter[0] = '\0';
		ui->mode = UI_NORMAL;
	} else {
		ui_type(ui, key);
		snprintf(l->filter, sizeof(l->filter), "%s", ui->input);
	}
}

static void begin_filter(struct ui *ui)
{
	snprintf(ui->input, sizeof(ui->input), "%s", ui_level(ui)->filter);
	ui->mode = UI_FILTER;
}

static void act(struct ui *ui, enum key_action a)
{
	struct ui_level *l = ui_level_edit(ui);
	int64_t at = (int64_t)l->selected;

	switch (a) {
	case DO_UP:
		select_item(ui, at - 1);
		break;
	case DO_DOWN:
		select_item(ui, at + 1);
		break;
	case DO_PAGE_UP:
		select_page(ui, -1);
		break;
	case DO_PAGE_DOWN:
		select_page(ui, 1);
		break;
	case DO_FIRST:
		l->scroll = 0;
		select_item(ui, 0);
		break;
	case DO_LAST:
		select_item(ui, (int64_t)ui->page.item_count - 1);
		break;
	case DO_NEXT_VIEW:
		next_screen(ui);
		break;
	case DO_OPEN:
		open_selected(ui);
		break;
	case DO_BACK:
		go_back(ui);
		break;
	case DO_FILTER:
		begin_filter(ui);
		break;
	case DO_SORT:
		l->sort = (l->sort + 1) % (ui->page.sort_columns + 1);
		break;
	case DO_PAUSE:
		toggle_pause(ui);
		break;
	case DO_ACTIONS:
		actions_open(ui);
		break;
	case DO_ZOOM_IN:
		graph_zoom(ui, -1);
		break;
	case DO_ZOOM_OUT:
		graph_zoom(ui, 1);
		break;
	case DO_CHART:
		graph_next_choice(ui);
		break;
	case DO_PHASE_1:
	case DO_PHASE_2:
	case DO_PHASE_3:
		graph_toggle_phase(ui, (int)(a - DO_PHASE_1));
		break;
	case DO_THEME:
		ui->look.theme = (enum theme)(((int)ui->look.theme + 1) % THEME_COUNT);
		ui_say(ui, STYLE_NORMAL, "theme %s", theme_name(ui->look.theme));
		ui->redraw = true;
		break;
	case DO_HELP:
		ui->mode = UI_HELP;
		break;
	case DO_REDRAW:
		ui->redraw = true;
		break;
	case DO_QUIT:
		ui->quit = true;
		break;
	}
}

static void normal_key(struct ui *ui, uint32_t key)
{
	char digit[2] = { (char)(key < 0x80 ? key : 0), '\0' };

	if (key == '\n')
		key = UI_KEY_ENTER;
	if (key == 8)
		key = UI_KEY_BACKSPACE;
	if (key >= '0' && key <= '9') {
		ui_open_screen(ui, digit);
		return;
	}
	for (size_t i = 0; i < key_row_count; i++) {
		if (key == key_rows[i].code || (key_rows[i].other && key == key_rows[i].other)) {
			act(ui, (enum key_action)i);
			return;
		}
	}
}

void ui_key(struct ui *ui, uint32_t key)
{
	/* Keys may come faster than pictures: what they are about is what would be seen by now. */
	if (ui->dirty)
		ui_layout(ui);
	ui->dirty = true;
	if (key == UI_CTRL('c')) {
		ui->quit = true;
		return;
	}
	switch (ui->mode) {
	case UI_NORMAL:
		ui->message[0] = '\0';
		normal_key(ui, key);
		break;
	case UI_HELP:
		ui->mode = UI_NORMAL;
		break;
	case UI_FILTER:
		filter_key(ui, key);
		break;
	case UI_MENU:
	case UI_PROMPT:
	case UI_CONFIRM:
		actions_key(ui, key);
		break;
	}
}
