/* lmstop_rig.h - a small site as lmsd would tell it, and lmstop's picture of it, without any terminal.
 *
 * Main board (dynamic, metered) feeds two car parks; one station is offline, one is a twin post, one
 * has a name that must not steer a terminal.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lmstop/view.h"

#define RIG_NOW (1000 * US_PER_S)
#define RIG_WALL (INT64_C(1795065000) * US_PER_S)	/* 2026-11-19T05:10:00Z */

struct rig {
	struct model model;
	struct ui ui;
	struct canvas canvas;
};

static const char *const rig_site[MODEL_LISTS] = {
	[MODEL_SYSTEM] =
	"{'version':'0.1','state':'degraded','missing':'1 station(s) offline','store':'ok','title':'Rue d’Été 7',"
	"'stations':4,'stations_online':3,'stations_pending':1,'connectors':5,'charging':3,'meters':1,'meters_ok':1,"
	"'tags':10003,'sessions_week':12,'sessions_month':48,'energy_week_wh':204310,'energy_month_wh':1250400}",
	[MODEL_ZONES] =
	"{'id':'main','title':'Main board','kind':'board','phases':3,'fuse_ma':125000,'derate_permille':200,"
	"'dynamic_ma':[100000,100000,100000],'meter':'board','margin_ma':2000,'meter_lost_ma':[40000,40000,40000],"
	"'cap_ma':[69800,78800,74100],'cap_why':'dynamic','load_ma':[92700,84100,97000],'load_ok':true,"
	"'sum_ma':[62000,46000,52000],'building_ma':[30000,21000,25000],'stations':4,'competing':3,'admitted':2,"
	"'seconds_over':0},"
	"{'id':'P1','title':'Car park north','parent':'main','static_ma':[63000,63000,63000],"
	"'cap_ma':[63000,63000,63000],'cap_why':'static','load_ma':[39700,33700,39700],'load_ok':true,"
	"'sum_ma':[44000,40000,40000],'stations':3,'competing':3,'admitted':2,'seconds_over':3},"
	"{'id':'P2','parent':'main','static_ma':[16000,null,null],'phases':1,'cap_ma':[10000,null,null],"
	"'cap_why':'grid','sessions':1,'source':'GEN','source_state':'island','load_ma':[0,null,null],'load_ok':true,'sum_ma':[6000,null,null],'stations':1,"
	"'competing':0,'admitted':0,'seconds_over':0}",
	[MODEL_STATIONS] =
	"{'id':'CP1','title':'Director','zone':'P1','connectors':1,'vip':true,'state':'online','vendor':'Alpha',"
	"'model':'Post 22','firmware':'1.0','address':'192.0.2.11','last_seen':'2026-11-19T05:09:30Z','charging':1},"
	"{'id':'CP2','zone':'P1','connectors':2,'state':'online','vendor':'\\u001b[31mEvil\\u202e','model':'Twin',"
	"'last_seen':'2026-11-18T23:00:00Z','charging':2},"
	"{'id':'CP10','title':'充電器','zone':'P2','connectors':1,'state':'offline','vendor':'Delta',"
	"'last_seen':'2025-12-31T12:00:00Z','charging':0,'fault':'offline since 5 h'},"
	"{'id':'CP11','zone':'P1','state':'never_seen'}",
	[MODEL_PENDING] = "{'id':'NEW-1','state':'pending','vendor':'Epsilon','model':'Old 22','address':'192.0.2.99'}",
	[MODEL_CONNECTORS] =
	"{'id':'CP1/1','type':'T2','station':'CP1','number':1,'zone':'P1','online':true,'status':'Charging',"
	"'current_ma':[21700,21500,21600],'power_w':14900,'energy_wh':8090,'limit_ma':21700,'target_ma':24000,"
	"'w_ma':24000,'phases':'L1,L2,L3','reason':'waits for CP2/1 to lower its limit','transaction':4711,"
	"'tag':'04A1B2C3','since':'2026-11-19T04:00:00Z'},"
	"{'id':'CP2/1','type':'T2','station':'CP2','number':1,'zone':'P1','online':true,'status':'Charging',"
	"'current_ma':[12000,0,0],'power_w':2760,'energy_wh':520,'limit_ma':16000,'target_ma':16000,'w_ma':16000,"
	"'phases':'L1','reason':'zone P1 is full on L1: 63 A, and CP1/1 goes first','transaction':4712,'tag':'04A1B2C4'},"
	"{'id':'CP2/2','type':'CCS','station':'CP2','number':2,'zone':'P1','online':true,'status':'SuspendedEVSE',"
	"'limit_ma':0,'target_ma':0,'w_ma':0,'phases':'L1,L2,L3','reason':'2nd in the queue of zone P1',"
	"'transaction':4713,'tag':'04A1B2C5'},"
	"{'id':'CP10/1','type':'T2','station':'CP10','number':1,'zone':'P2','online':false,'status':'Available',"
	"'limit_ma':6000,'target_ma':6000,'w_ma':6000,'phases':'L1','reason':'offline: 6 A stay reserved for it'}",
	[MODEL_METERS] =
	"{'id':'board','title':'Main switchboard','profile':'SDM630','address':'1@192.0.2.5:502','scope':'grid',"
	"'state':'ok','age_ms':400,'time':'2026-11-19T05:09:59Z','latency_ms':12,'current_ma':[92700,84100,97000],"
	"'voltage_v':'230.1/229.8/231.0','power_w':62900,'energy_import_wh':1235515,'zones':'main'}",
	[MODEL_TRANSACTIONS] =
	"{'id':4711,'station':'CP1','connector':1,'zone':'P1','tag':'04A1B2C3','holder':'Anna Keller','state':'running',"
	"'start':'2026-11-19T04:00:00Z','duration_ms':4200000,'energy_wh':8090,"
	"'price':'0.3500','cost':'2.83','currency':'EUR'},"
	"{'id':4712,'station':'CP2','connector':1,'zone':'P1','tag':'04A1B2C4','holder':'Bruno Petit','state':'running',"
	"'start':'2026-11-19T05:00:00Z','duration_ms':600000,'energy_wh':520}",
	[MODEL_ALERTS] =
	"{'id':3,'alert':'station_offline','severity':'warning','subject':'station','object':'CP10','state':'open',"
	"'since':'2026-11-19T00:09:00Z','text':'is not connected'},"
	"{'id':4,'alert':'meter_lost','severity':'error','subject':'meter','object':'yard','state':'acknowledged',"
	"'since':'2026-11-18T16:09:00Z','text':'no answer','by':'uid 1000','note':'is being replaced'},"
	"{'id':5,'alert':'connector_fault','severity':'error','subject':'connector','object':'CP1/1','state':'open',"
	"'since':'2026-11-19T05:08:00Z','text':'GroundFailure'}",
	[MODEL_EVENTS] =
	"{'seq':1,'time':'2026-11-19T00:09:00Z','level':'warning','subject':'station','object':'CP10',"
	"'event':'station_closed','text':'reason=timeout'},"
	"{'seq':2,'time':'2026-11-19T05:00:00Z','level':'info','subject':'station','object':'CP2',"
	"'event':'transaction_start','text':'transaction=4712 connector=1 tag=04A1B2C4'},"
	"{'seq':10,'time':'2026-11-19T05:09:00Z','level':'error','subject':'meter','object':'board',"
	"'event':'meter_lost','text':'error=no answer'}",
	[MODEL_METER] = NULL,
	[MODEL_TAGS] =
	"{'uid':'04A1B2C3','holder':'Anna Keller','type':'super','active':true,'credit_wh':41910,'group':'FLEET',"
	"'recharge_wh':50000,'every':'month','created':'2026-01-05T08:00:00Z','last_use':'2026-11-19T04:00:00Z','transactions':61},"
	"{'uid':'04A1B2C4','holder':'Bruno Petit','type':'standard','active':true,'expires':'2026-11-01T00:00:00Z',"
	"'last_use':'2026-10-31T05:00:00Z','transactions':7,'comment':'\\u001b[31mred'},"
	"{'uid':'04A1B2C5','holder':'充電 Ito','type':'standard','active':false,'credit_wh':-120,'last_use':'2026-11-19T05:00:00Z',"
	"'transactions':3},{'uid':'00A0','type':'standard','active':true,'transactions':0}",
	[MODEL_TAGS_PENDING] =
	"{'uid':'0B0001','count':1,'first':'2026-11-19T04:50:00Z','last':'2026-11-19T04:50:00Z'},"
	"{'uid':'0B0002','count':4,'station':'CP2','connector':2,'first':'2026-11-18T10:00:00Z','last':'2026-11-19T05:01:00Z'}",
};

#define RIG_METER_VALUES \
	"{'id':'board','profile':'SDM630','address':'1@192.0.2.5:502','state':'stale','age_ms':7000," \
	"'error':'no answer','time':'2026-11-19T05:09:53Z','values':[" \
	"{'name':'current_l1','value':92.7,'unit':'A','time':'2026-11-19T05:09:53Z','quality':'stale'}," \
	"{'name':'voltage_l1n','value':230.1,'unit':'V','time':'2026-11-19T05:09:58Z','quality':'good'}," \
	"{'name':'pf_l1','value':null,'unit':'','time':'2026-11-19T05:09:50Z','quality':'nan'}]}"

#define RIG_MESSAGES \
	"{'seq':9,'time':'2026-11-19T05:09:58Z','station':'CP2','direction':'in','bytes':24,'text':'[2,\\'7\\',\\'Heartbeat\\',{}]'}," \
	"{'seq':12,'time':'2026-11-19T05:09:58Z','station':'CP2','direction':'out','bytes':51," \
	"'text':'[3,\\'7\\',{\\'currentTime\\':\\'2026-11-19T05:09:58.123Z\\'}]'}"

#define RIG_TAG_CREDIT \
	"{'seq':8,'time':'2026-11-01T00:00:00Z','cause':'recharge','change_wh':50000,'credit_wh':50000}," \
	"{'seq':11,'time':'2026-11-18T07:00:00Z','cause':'transaction','change_wh':-8000,'credit_wh':42000,'transaction':4650}," \
	"{'seq':12,'time':'2026-11-18T09:00:00Z','cause':'set','credit_wh':50000,'by':'uid 1000','text':'a gift'}"

#define RIG_TAG_TRANSACTIONS \
	"{'id':4711,'station':'CP1','connector':1,'tag':'04A1B2C3','state':'running','start':'2026-11-19T04:00:00Z'," \
	"'duration_ms':4200000,'energy_wh':8090,'cost':'2.83','currency':'EUR'}," \
	"{'id':4650,'station':'CP2','connector':2,'tag':'04A1B2C3','state':'ended','start':'2026-11-18T05:00:00Z'," \
	"'stop':'2026-11-18T07:00:00Z','duration_ms':7200000,'energy_wh':8000,'cost':'2.80','currency':'EUR','reason':'Local'}"

/* One push, written with ' for " . */
static inline bool rig_push(struct model *m, enum model_list_id list, const char *text, mono_t now)
{
	struct arena arena;
	struct json *params;
	struct diag d;
	char *json = xstrdup(text);
	bool changed;

	for (char *s = json; *s; s++) {
		if (*s == '\'')
			*s = '"';
	}
	arena_init(&arena);
	diag_init(&d);
	params = json_parse(&arena, json, strlen(json), &JSON_CAPS_DEFAULT, &d);
	if (!params)
		fail_msg("%s in %s", d.text, json);
	changed = model_apply(m, list, params, now);
	arena_fini(&arena);
	free(json);
	return changed;
}

static inline void rig_snapshot(struct model *m, enum model_list_id list, const char *records, mono_t now)
{
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "{'watch':1,'seq':0,'snapshot':[");
	buf_puts(&b, records ? records : "");
	buf_puts(&b, "],'gone':[]}");
	rig_push(m, list, buf_cstr(&b), now);
	buf_fini(&b);
}

static inline void rig_init(struct rig *r, int width, int height)
{
	model_init(&r->model);
	ui_init(&r->ui, &r->model);
	for (int i = 0; i < MODEL_LISTS; i++) {
		if (rig_site[i])
			rig_snapshot(&r->model, (enum model_list_id)i, rig_site[i], RIG_NOW);
	}
	r->ui.now = RIG_NOW;
	r->ui.wall = RIG_WALL;
	r->ui.width = width;
	r->ui.height = height;
	r->ui.link = UI_UP;
	r->ui.roles = CTL_ROLE_ADMIN;
	canvas_init(&r->canvas, width, height, &r->ui.look);
}

/* What lmsd would answer to the chart that is looked at: 120 values with a gap of a tenth, L1 growing; the first
 * variable negative at times. */
static inline void rig_graph(struct rig *r)
{
	struct graph_what what;
	struct history_page page;
	struct json *answer;
	struct series s;
	struct arena arena;
	struct buf b;
	wall_t from, until = RIG_WALL;

	graph_wanted(&r->ui, &what);
	if (what.kind == GRAPH_NONE)
		return;
	from = until - graph_span_us(&what);
	series_init(&s);
	arena_init(&arena);
	buf_init(&b);
	if (what.kind == GRAPH_TRANSACTION) {
		buf_puts(&b, "{\"items\":[");
		for (int i = 0; i < 40; i++)
			buf_printf(&b, "%s{\"time\":\"2026-11-19T04:%02d:00Z\",\"energy_wh\":%d,\"power_w\":%d,"
				   "\"current_ma\":[%d,16000,null]}", i ? "," : "", i, i * 200, i * 280, i * 400);
		buf_puts(&b, "]}");
	} else {
		static const char *const names[][3] = { { "current_l1", "current_l2", "current_l3" },
							{ "power_l1", "power_l2", "power_total" },
							{ "voltage_l1n", "voltage_l2n", "voltage_l3n" } };
		int choice = what.kind == GRAPH_METER ? what.choice : 0, decimals = choice == 1 ? 0 : 3;

		buf_printf(&b, "{\"step_ms\":%lld,\"columns\":[", (long long)((until - from) / 120000));
		for (int k = 0; k < 3; k++)
			buf_printf(&b, "%s{\"variable\":\"%s\",\"unit\":\"%s\",\"decimals\":%d,\"stat\":\"value\"}",
				   k ? "," : "", names[choice][k], choice == 0 ? "A" : choice == 1 ? "W" : "V",
				   decimals);
		buf_puts(&b, "],\"rows\":[");
		for (int i = 0; i < 120; i++) {
			if (i / 12 == 6)
				continue;
			buf_printf(&b, "%s[%lld,%d,%d,null]", i ? "," : "", (long long)((from + (until - from) / 120 * i) / 1000),
				   i * 250 - 5000, 16000);
		}
		buf_puts(&b, "],\"cursor\":null}");
	}
	answer = json_parse(&arena, buf_cstr(&b), b.len, &JSON_CAPS_DOCUMENT, NULL);
	assert_non_null(answer);
	if (what.kind == GRAPH_TRANSACTION)
		assert_int_equal(series_add_curve(&s, json_get(answer, "items"), NULL), 0);
	else
		assert_true(history_page_read(answer, &page, NULL) == 0 && series_add(&s, &page, NULL) == 0);
	graph_take(&r->ui, &what, from, until, &s, NULL);
	series_fini(&s);
	buf_fini(&b);
	arena_fini(&arena);
}

static inline void rig_fini(struct rig *r)
{
	canvas_fini(&r->canvas);
	ui_fini(&r->ui);
	model_fini(&r->model);
}

/* The picture now; good until the next one. */
static inline const char *rig_picture(struct rig *r)
{
	static struct buf out;

	buf_clear(&out);
	ui_draw(&r->ui, &r->canvas);
	canvas_print(&r->canvas, false, &out);
	return buf_cstr(&out);
}

/* Keys as text, typed without waiting for the picture; \r is Enter, \033 is Esc, U and D are the arrows. */
static inline void rig_type(struct rig *r, const char *keys)
{
	for (; *keys; keys++) {
		uint32_t key = *keys == 'U' ? UI_KEY_UP : *keys == 'D' ? UI_KEY_DOWN : (uint32_t)(unsigned char)*keys;

		ui_key(&r->ui, key);
	}
}
