/* lmstop/view.h - the screens. Each draws itself from the model; none knows a terminal. */
#pragma once

#include "lmstop/grid.h"
#include "lmstop/ui.h"

extern const struct view_ops view_overview, view_zones, view_stations, view_meters,
	view_transactions, view_tags, view_alerts, view_events;
extern const struct view_ops view_zone, view_station, view_connector, view_meter, view_transaction, view_tag,
	view_alert;

/* The screens in the order of their keys. */
extern const struct view_ops *const view_screens[];
extern const size_t view_screen_count;

/* What Enter opens for an item; NULL: nothing. */
const struct view_ops *view_of_item(enum item_kind kind);

/* ---- shared by views ---- */

enum style style_of_status(const char *status);		/* OCPP status of a connector */
enum style style_of_station(const char *state);
const char *station_state(const struct ctl_station *s);	/* for people */
/* The status to show: "offline" where the station is. */
const char *connector_status(const struct ctl_connector *c);
/* The current that is shown for a connector: its largest phase. */
int64_t connector_current(const struct ctl_connector *c);
enum style style_of_limit(const struct ctl_connector *c);
/* fmt_phase_ma, but "16 A L1" where there is one phase only. */
void put_phases(struct buf *b, const struct phase_ma *p);
/* All fields of a record that are present, one per line with what they mean. */
void draw_fields(struct page *p, int indent, const struct ctl_noun_desc *noun, const void *rec,
		 mono_t received);
void draw_connectors(struct page *p, int indent,
		     bool (*wanted)(const struct model *m, const struct ctl_connector *c,
				    const char *id),
		     const char *id);
void draw_events_of(struct page *p, int indent, const char *object, size_t most);
/* "12.34 EUR"; nothing where there is no price. */
void grid_cost(struct grid *g, const struct ctl_transaction *t);
/* One gauge: "L1 #####..... 54.2/80 A 68 % ok" */
struct gauge {
	const char *label;
	int64_t value_ma, limit_ma;
	bool old;
};
void draw_gauge(struct canvas *c, int y, int x, int width, const struct gauge *g);
/* The three gauges of a zone, side by side where there is room. */
void draw_zone_gauges(struct page *p, int indent, const struct ctl_zone *z);
