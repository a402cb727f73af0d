/* lmstop/ui.h - the state of the dashboard, what keys do to it, and its picture.
 *
 * Pure: time comes in as `now` and `wall`, keys as codes, the picture goes into a canvas; what lmsd
 * is to be asked is left in `request` for the one who owns the connection.
 */
#pragma once

#include "base/timefmt.h"
#include "lmstop/graph.h"
#include "lmstop/model.h"
#include "lmstop/page.h"

#define UI_CTRL(c) ((c) & 0x1f)

enum ui_key { /* others are characters */
	      UI_KEY_TAB = '\t',
	      UI_KEY_ENTER = '\r',
	      UI_KEY_ESC = 27,
	      UI_KEY_BACKSPACE = 127,
	      UI_KEY_UP = 0x110000,
	      UI_KEY_DOWN,
	      UI_KEY_LEFT,
	      UI_KEY_RIGHT,
	      UI_KEY_PGUP,
	      UI_KEY_PGDN,
	      UI_KEY_HOME,
	      UI_KEY_END
};

struct view_ops {
	const char *name;	/* --screen NAME */
	const char *title;
	char key;		/* 0: reached by Enter only */
	void (*draw)(struct page *p);
};

#define UI_DEPTH 8
#define UI_INPUT_MAX 64

struct ui_level {		/* where the user is, and came from */
	const struct view_ops *view;
	char id[ITEM_ID_MAX];	/* of the thing that a detail view shows */
	enum item_kind kind;	/* and what it is */
	enum item_kind selected_kind;
	char selected_id[ITEM_ID_MAX];
	size_t selected;	/* index, where the identity is gone */
	int scroll;
	char filter[UI_INPUT_MAX];
	int sort; /* 0 = as the view likes, n = its n-th column that can be sorted by */
};

enum ui_mode { UI_NORMAL, UI_HELP, UI_FILTER, UI_MENU, UI_PROMPT, UI_CONFIRM };

enum ui_link { UI_CONNECTING, UI_UP, UI_LOST };

struct ui_request {
	bool set;		/* to be sent */
	char method[40];
	char params[400];
	char label[160];	/* "NORTH-1/1: stop" */
	bool of_station;	/* the answer is the station's own */
};

#define UI_CAUSES_MAX 8

struct ui_causes {		/* why a connector has its limit, the nearest cause first */
	char connector[ITEM_ID_MAX];
	char text[UI_CAUSES_MAX][200];
	size_t count;
};

struct action;

struct ui {
	struct look look;
	struct model *live;		/* borrowed: what lmsd says now */
	struct model held;		/* what was shown when `p` was pressed */
	bool paused;
	mono_t now, held_now;
	wall_t wall, held_wall;
	/* The offset at that time; NULL, or returning NULL, means UTC. */
	const struct time_zone *(*zone_at)(void *ctx, wall_t t);
	void *zone_ctx;
	const struct time_zone *tz;	/* the same as a table, borrowed; NULL = UTC */
	int width, height;

	enum ui_link link;
	mono_t lost_at, retry_at;
	char link_text[DIAG_TEXT_MAX];
	bool readonly;
	bool still;			/* one frame on paper: no selection, no keys */
	unsigned roles;			/* set of enum ctl_role */

	struct ui_level stack[UI_DEPTH];
	int depth;			/* of the level that is shown */
	enum ui_mode mode;
	char input[UI_INPUT_MAX];
	char message[240];
	enum style message_style;
	mono_t message_until;

	const struct action *action;	/* being asked about */
	enum item_kind target_kind;
	char target[ITEM_ID_MAX];
	size_t menu_at;
	struct ui_request request;

	struct ui_causes causes;
	struct graph graph;

	struct page page;		/* as it was drawn last */
	int body_height;
	bool dirty, redraw, quit;
};

/* `live` is borrowed for the life of ui. */
void ui_init(struct ui *ui, struct model *live);
void ui_fini(struct ui *ui);
/* Shows a screen by name or digit, or one thing as "meter/ID"; false if there is none. */
bool ui_open_screen(struct ui *ui, const char *name);
void ui_key(struct ui *ui, uint32_t key);
/* Draws everything into a canvas of ui->width x ui->height. */
void ui_draw(struct ui *ui, struct canvas *c);
/* Says something in the status line for a while. */
void ui_say(struct ui *ui, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The answer to a request: `status` of a station, or NULL; error NULL or why it failed. */
void ui_answer(struct ui *ui, const char *label, const char *status, const char *error);
/* The meter whose values are looked at, or NULL. */
const char *ui_meter_wanted(const struct ui *ui);
/* The station whose OCPP frames are looked at, or NULL; who may not see them asks for none. */
const char *ui_messages_wanted(const struct ui *ui);
/* His role lets him read tags. */
bool ui_may_see_tags(const struct ui *ui);
/* The list of tags is looked at, or is where he came from. */
bool ui_tags_wanted(const struct ui *ui);
/* The tag that is looked at, or from which something else was opened; or NULL. */
const char *ui_tag_wanted(const struct ui *ui);
/* The connector whose causes are looked at, or NULL; and what connector.explain answered. */
const char *ui_causes_wanted(const struct ui *ui);
void ui_causes_set(struct ui *ui, const char *connector, const struct json *result);
/* Something on the screen grows old by itself. */
bool ui_ticks(const struct ui *ui);

/* ---- for views ---- */

const struct model *ui_model(const struct ui *ui);	/* what is to be shown */
mono_t ui_now(const struct ui *ui);
wall_t ui_wall(const struct ui *ui);
const struct ui_level *ui_level(const struct ui *ui);
/* "14:03:05" today, else "11-20 14:03", another year "2025-11-20". */
void ui_time(const struct ui *ui, wall_t t, struct buf *out);
/* "2026-11-21 14:03:05" and how long ago. */
void ui_time_full(const struct ui *ui, wall_t t, struct buf *out);
/* What the thing was `ms` long when it was received, now. NUM_NONE stays. */
int64_t ui_grown_ms(const struct ui *ui, int64_t ms, mono_t received);

/* ---- between ui.c, frame.c and actions.c ---- */

/* Brings ui->page up to date, which keys are about. */
void ui_layout(struct ui *ui);
struct ui_level *ui_level_edit(struct ui *ui);
const struct item *ui_selected(const struct ui *ui);
void ui_enter(struct ui *ui, const struct view_ops *view, enum item_kind kind, const char *id);
void actions_open(struct ui *ui);
void actions_key(struct ui *ui, uint32_t key);
/* The overlay of menu and question, over what was drawn. */
void actions_draw(const struct ui *ui, struct canvas *c);
/* Is there anything that x could do with this item? */
bool actions_any(const struct ui *ui, enum item_kind kind);
/* Types into ui->input; false: the key was none of text. */
bool ui_type(struct ui *ui, uint32_t key);
/* One key per line: for help screen and help bar. */
struct key_row { uint32_t code, other; const char *shown, *bar, *help; };
extern const struct key_row key_rows[];
extern const size_t key_row_count;
