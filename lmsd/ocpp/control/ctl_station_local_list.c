/* ocpp/control/ctl_station_local_list.c - station local-list version, send. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/locallist/entry.h"

int ctl_station_local_list_version(struct ctl_call *c, const struct ctl_station_local_list_version_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	return ret ? ret : ctl_call_end(c, s, "GetLocalListVersion", &b, &w, STYLE_PAYLOAD);
}

static int tag_cmp(const void *a, const void *b)
{
	const struct tag *const *x = a, *const *y = b;

	return strcmp((*x)->k.uid, (*y)->k.uid);
}

static void write_tags(struct ctl_call *c, struct json_writer *w)
{
	const struct site *site = c->hall->site;
	const struct tag **list = arena_array(c->arena, HASH_COUNT(site->tags) + 1, sizeof(*list));
	size_t count = 0;

	for (const struct tag *t = site->tags; t; t = t->hh.next)
		if (list_entry_fits(t))
			list[count++] = t;
	qsort(list, count, sizeof(*list), tag_cmp);
	jw_array(w);
	for (size_t i = 0; i < count; i++)
		list_entry_write(w, list[i]->k.uid, list[i]);
	jw_array_end(w);
}

int ctl_station_local_list_send(struct ctl_call *c, const struct ctl_station_local_list_send_args *a)
{
	const struct ocpp_message *m = ocpp_message_find("SendLocalList");
	const char *update = a->update ? a->update : "Full";
	struct json *list = NULL;
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret;

	if (a->list) {
		list = json_parse(c->arena, a->list, strlen(a->list), &JSON_CAPS_DEFAULT, &c->diag);
		if (!list || list->type != JSON_ARRAY)
			return diag_set(&c->diag, -LMS_EDATA, "list: must be a JSON array, as localAuthorizationList is");
	} else if (strcmp(update, "Differential") == 0) {
		return diag_set(&c->diag, -LMS_EUSAGE, "list: a Differential update needs what it changes");
	}
	if (a->version != NUM_NONE && (a->version < 1 || a->version > INT32_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "version: must be 1 or more");
	ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kint(&w, "listVersion", a->version != NUM_NONE ? a->version : 1);
	jw_key(&w, "localAuthorizationList");
	if (!list) {
		write_tags(c, &w);
	} else {
		jw_array(&w);
		for (const struct json *e = list->first; e; e = e->next) {
			if (e->type == JSON_OBJECT)
				ocpp_payload_write(m->req->fields[1].type, e, &w);
			else
				jw_copy(&w, e);
		}
		jw_array_end(&w);
	}
	jw_kstr(&w, "updateType", update);
	return ctl_call_end(c, s, "SendLocalList", &b, &w, STYLE_STATION);
}
