/* lmstop/frame.c - the whole picture: title, screens, a window of the view's page, status, keys. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lmstop/view.h"

/* ---- above the page ---- */

static void add_right(struct canvas *c, int y, int *right, enum style style, const char *text)
{
	int width = canvas_text_width(text);

	if (*right - width < c->width / 3)
		return;
	*right -= width;
	canvas_put(c, y, *right, width, style, text);
	*right -= 2;
}

static void draw_title(const struct ui *ui, struct canvas *c, int y)
{
	const struct ctl_system *s = model_system(ui_model(ui), NULL);
	const char *site = s && s->title && *s->title ? s->title : "lms";
	int right = c->width - 1;
	struct buf clock;

	canvas_fill(c, y, 0, c->width, STYLE_BAR, " ");
	buf_init(&clock);
	ui_time(ui, ui_wall(ui), &clock);
	add_right(c, y, &right, STYLE_BAR, buf_cstr(&clock));
	buf_fini(&clock);
	if (ui->readonly)
		add_right(c, y, &right, STYLE_BAR, "read only");
	if (ui->paused)
		add_right(c, y, &right, STYLE_BAR_KEY, "PAUSED");
	if (s && s->state && strcmp(s->state, "operational") != 0)
		add_right(c, y, &right, STYLE_BAR_KEY,
			  strcmp(s->state, "not_operational") == 0 ? "NOT OPERATIONAL" : s->state);
	canvas_put(c, y, 1, right - 1, STYLE_BAR_KEY, site);
}

/* Where the names of all screens do not fit with the way to where one is: less room between them, then the
 * keys only. */
enum tabs { TABS_WIDE, TABS_TIGHT, TABS_KEYS };

static int trail_width(const struct ui *ui)
{
	int width = 0;

	for (int i = 1; i <= ui->depth; i++)
		width += 4 + canvas_text_width(ui->stack[i].view->title) + canvas_text_width(ui->stack[i].id);
	return width;
}

static enum tabs tabs_that_fit(const struct ui *ui, int width)
{
	int gaps = (int)view_screen_count, used = trail_width(ui);

	for (size_t i = 0; i < view_screen_count; i++)
		used += 2 + canvas_text_width(view_screens[i]->title);
	return used + 2 * gaps <= width ? TABS_WIDE : used + gaps <= width ? TABS_TIGHT : TABS_KEYS;
}

static void draw_tabs(const struct ui *ui, struct canvas *c, int y)
{
	enum tabs how = tabs_that_fit(ui, c->width);
	int x = 0;

	for (size_t i = 0; i < view_screen_count; i++) {
		const struct view_ops *v = view_screens[i];
		bool here = v == ui->stack[0].view;
		int from = x;

		x += canvas_putf(c, y, x + 1, c->width - x - 1, STYLE_HEAD, "%c", v->key) + 1;
		if (here || how != TABS_KEYS)
			x += 1 + canvas_put(c, y, x + 1, c->width - x - 1, here ? STYLE_BOLD : STYLE_NORMAL, v->title);
		if (here || how == TABS_WIDE)
			x++;
		if (here)
			canvas_flag(c, y, from, x - from, CELL_SELECTED);
	}
	x++;
	for (int i = 1; i <= ui->depth; i++) {
		x += canvas_putf(c, y, x, c->width - x, STYLE_DIM, "%s ",
				 glyph(&ui->look, GLYPH_POINTER));
		x += canvas_putf(c, y, x, c->width - x, i == ui->depth ? STYLE_BOLD : STYLE_DIM,
				 "%s %s", ui->stack[i].view->title, ui->stack[i].id);
		x++;
	}
}

static void draw_banner(const struct ui *ui, struct canvas *c, int y)
{
	char text[DIAG_TEXT_MAX + 100];
	int64_t wait = ui->retry_at - ui->now;
	long long seconds = wait > 0 ? (wait + US_PER_S - 1) / US_PER_S : 0;
	struct buf age;

	buf_init(&age);
	fmt_span(&age, ui->now - ui->lost_at);
	snprintf(text, sizeof(text), "What is shown is %s old, next try in %lld s: %s",
		 buf_cstr(&age), seconds, ui->link_text);
	if (!model_system(ui->live, NULL))
		snprintf(text, sizeof(text), "No lmsd for %s, next try in %lld s: %s",
			 buf_cstr(&age), seconds, ui->link_text);
	buf_fini(&age);
	canvas_fill(c, y, 0, c->width, STYLE_BANNER, " ");
	canvas_put(c, y, 1, c->width - 2, STYLE_BANNER, text);
}

/* ---- below it ---- */

static bool is_idle_key(const struct ui *ui, const struct key_row *k)
{
	const struct item *item = ui_selected(ui);
	enum item_kind kind = item ? item->kind : ui_level(ui)->kind;

	if (k->code == 'x')
		return !actions_any(ui, kind == ITEM_TRANSACTION ? ITEM_CONNECTOR : kind);
	if (k->code == UI_KEY_ENTER)
		return !item || !view_of_item(item->kind);
	if (k->code == UI_KEY_ESC)
		return ui->depth == 0 && !ui_level(ui)->filter[0];
	if (strchr("+-cuvw", (int)(k->code < 0x80 ? k->code : 0)) && k->code)
		return !graph_has_key(ui, k->code);
	if (k->code == 's' || k->code == '/')
		return ui->page.sort_columns == 0;
	return false;
}

static void draw_keys(const struct ui *ui, struct canvas *c, int y)
{
	int x = 1;

	canvas_fill(c, y, 0, c->width, STYLE_BAR, " ");
	for (size_t i = 0; i < key_row_count; i++) {
		const struct key_row *k = &key_rows[i];
		int key_len = (int)strcspn(k->shown, ","), need = key_len + 1 + (int)strlen(k->bar);

		if (!*k->bar || is_idle_key(ui, k) || x + need > c->width)
			continue;
		x += canvas_putf(c, y, x, key_len, STYLE_BAR_KEY, "%.*s", key_len, k->shown);
		x += 1 + canvas_put(c, y, x + 1, c->width, STYLE_BAR, k->bar);
		x += 2;
	}
}

static void draw_position(const struct ui *ui, struct canvas *c, int y)
{
	int below =
	    ui->page.canvas.height - ui->page.head_lines - ui_level(ui)->scroll - ui->body_height;
	char text[40];

	if (below <= 0 && ui_level(ui)->scroll == 0)
		return;
	snprintf(text, sizeof(text), "%s%s",
		 ui_level(ui)->scroll > 0 ? glyph(&ui->look, GLYPH_UP) : "",
		 below > 0 ? glyph(&ui->look, GLYPH_DOWN) : "");
	if (ui->page.item_count)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %zu/%zu",
			 ui_level(ui)->selected + 1, ui->page.item_count);
	canvas_put_right(c, y, c->width - 16, 15, STYLE_DIM, text);
}

static void draw_status(const struct ui *ui, struct canvas *c, int y)
{
	const struct ui_level *l = ui_level(ui);
	const struct item *item = ui_selected(ui);
	int x = 1;

	if (ui->mode == UI_FILTER) {
		x += canvas_put(c, y, x, 10, STYLE_BOLD, "filter: ");
		x += canvas_put(c, y, x, c->width - x - 1, STYLE_NORMAL, ui->input);
		canvas_flag(c, y, x, 1, CELL_SELECTED);
		return;
	}
	if (ui->message[0]) {
		canvas_put(c, y, x, c->width - 17, ui->message_style, ui->message);
	} else {
		if (l->filter[0])
			x += 2 + canvas_putf(c, y, x, c->width - 18, STYLE_WARN, "filter: %s",
					     l->filter);
		if (ui->page.sort_name)
			x += 2 + canvas_putf(c, y, x, c->width - x - 17, STYLE_DIM, "ordered by %s",
					     ui->page.sort_name);
		if (item && item->hint)
			canvas_put(c, y, x, c->width - x - 17, STYLE_NORMAL, item->hint);
	}
	draw_position(ui, c, y);
}

/* ---- the page ---- */

/* The item that was selected, wherever it is now; else what took its place. */
static void find_selection(struct ui *ui)
{
	struct ui_level *l = ui_level_edit(ui);
	const struct page *p = &ui->page;

	for (size_t i = 0; l->selected_kind != ITEM_NONE && i < p->item_count; i++) {
		if (p->items[i].kind == l->selected_kind &&
		    strcmp(p->items[i].id, l->selected_id) == 0) {
			l->selected = i;
			return;
		}
	}
	if (p->item_count == 0) {
		l->selected = 0;
		return;
	}
	if (l->selected >= p->item_count)
		l->selected = p->item_count - 1;
	if (l->selected_kind == ITEM_NONE)
		l->selected = 0;
	l->selected_kind = p->items[l->selected].kind;
	snprintf(l->selected_id, sizeof(l->selected_id), "%s", p->items[l->selected].id);
}

static void scroll_to_selection(struct ui *ui, int room)
{
	struct ui_level *l = ui_level_edit(ui);
	const struct page *p = &ui->page;
	const struct item *i = ui_selected(ui);
	int most = p->canvas.height - p->head_lines - room;

	if (i) {
		int top = i->y - p->head_lines, bottom = top + i->height;

		/* The first item brings what stands above it. */
		if (l->selected == 0 && bottom <= room)
			top = 0;
		if (top < l->scroll)
			l->scroll = top;
		if (bottom > l->scroll + room)
			l->scroll = bottom - room;
	}
	if (l->scroll > most)
		l->scroll = most;
	if (l->scroll < 0)
		l->scroll = 0;
}

/* On paper there is no scrolling: says how much is not there. */
static void draw_rest(const struct ui *ui, struct canvas *c, int y, int lines)
{
	if (!ui->still || lines <= 0)
		return;
	canvas_fill(c, y, 0, c->width, STYLE_DIM, " ");
	canvas_putf(c, y, 1, c->width - 1, STYLE_DIM, "%s %d more lines (--size)",
		    glyph(&ui->look, GLYPH_ELLIPSIS), lines + 1);
}

struct frame {		/* rows of the parts */
	int tabs, banner;	/* -1 = none */
	int top, height;	/* of the page */
	int status;		/* and keys below it; -1 = none */
};

static struct frame frame_of(const struct ui *ui)
{
	struct frame f = { .tabs = -1, .banner = -1, .top = 1, .status = -1 };
	int bottom = ui->height;

	if (ui->height >= 12)
		f.tabs = f.top++;
	if (ui->link == UI_LOST)
		f.banner = f.top++;
	if (bottom - f.top > 4 && !ui->still)
		f.status = bottom -= 2;
	f.height = bottom > f.top ? bottom - f.top : 0;
	return f;
}

void ui_layout(struct ui *ui)
{
	struct page *p = &ui->page;
	int height = frame_of(ui).height;

	page_fini(p);
	page_init(p, ui, ui->width, &ui->look);
	ui_level(ui)->view->draw(p);
	if (p->head_lines * 2 > height)
		p->head_lines = 0;
	ui->body_height = height - p->head_lines;
	find_selection(ui);
	scroll_to_selection(ui, ui->body_height);
}

static void draw_page(struct ui *ui, struct canvas *c, int top, int height)
{
	struct page *p = &ui->page;
	const struct item *i = ui_selected(ui);
	int head = p->head_lines, scroll = ui_level(ui)->scroll;

	for (int k = 0; i && !ui->still && k < i->height; k++)
		canvas_flag(&p->canvas, i->y + k, 0, p->canvas.width, CELL_SELECTED);
	for (int k = 0; k < height; k++)
		canvas_copy_row(c, top + k, &p->canvas, k < head ? k : k + scroll);
	draw_rest(ui, c, top + height - 1, p->canvas.height - head - scroll - ui->body_height);
	if (ui->link == UI_LOST) {
		for (int k = 0; k < height; k++)
			canvas_flag(c, top + k, 0, c->width, CELL_OLD);
	}
}

static void draw_help(struct canvas *c)
{
	int lines = (int)key_row_count + 3, width = c->width < 76 ? c->width : 76;
	int y = c->height > lines ? (c->height - lines) / 2 : 0, x = (c->width - width) / 2;

	canvas_box(c, y, x, lines, width, STYLE_HEAD, "keys");
	y++;
	canvas_put(c, y, x + 2, 15, STYLE_WARN, "0 to 7");
	canvas_put(c, y, x + 18, width - 20, STYLE_NORMAL, "the screens, as the line at the top names them");
	for (size_t i = 0; i < key_row_count; i++) {
		y++;
		canvas_put(c, y, x + 2, 15, STYLE_WARN, key_rows[i].shown);
		canvas_put(c, y, x + 18, width - 20, STYLE_NORMAL, key_rows[i].help);
	}
}

void ui_draw(struct ui *ui, struct canvas *c)
{
	struct frame f = frame_of(ui);

	if (ui->now >= ui->message_until)
		ui->message[0] = '\0';
	canvas_clear(c);
	ui_layout(ui);
	draw_title(ui, c, 0);
	if (f.tabs > 0)
		draw_tabs(ui, c, f.tabs);
	if (f.banner > 0)
		draw_banner(ui, c, f.banner);
	draw_page(ui, c, f.top, f.height);
	if (f.status > 0) {
		draw_status(ui, c, f.status);
		draw_keys(ui, c, f.status + 1);
	}
	if (ui->mode == UI_HELP)
		draw_help(c);
	actions_draw(ui, c);
	ui->dirty = false;
}
