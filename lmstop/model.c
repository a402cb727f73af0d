/* lmstop/model.c - records to model.
 *
 * Invariant: rows of a list have distinct identities and, except zones, ascend by them.
 */
#include "lmstop/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static const enum ctl_noun_id nouns[MODEL_LISTS] = {
	[MODEL_SYSTEM] = CTL_NOUN_system, [MODEL_ZONES] = CTL_NOUN_zone,
	[MODEL_STATIONS] = CTL_NOUN_station, [MODEL_PENDING] = CTL_NOUN_station,
	[MODEL_CONNECTORS] = CTL_NOUN_connector, [MODEL_METERS] = CTL_NOUN_meter,
	[MODEL_TRANSACTIONS] = CTL_NOUN_transaction, [MODEL_EVENTS] = CTL_NOUN_event,
	[MODEL_ALERTS] = CTL_NOUN_alert,
	[MODEL_METER] = CTL_NOUN_meter, [MODEL_MESSAGES] = CTL_NOUN_message,
	[MODEL_TAGS] = CTL_NOUN_tag, [MODEL_TAGS_PENDING] = CTL_NOUN_pending_tag, [MODEL_TAG] = CTL_NOUN_tag,
	[MODEL_TAG_CREDIT] = CTL_NOUN_credit_change, [MODEL_TAG_TRANSACTIONS] = CTL_NOUN_transaction,
};

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	for (int i = 0; i < MODEL_LISTS; i++)
		m->lists[i].noun = &ctl_nouns[nouns[i]];
}

static void row_free(struct model_row *r)
{
	arena_fini(&r->arena);
	free(r);
}

static void rows_clear(struct model_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		row_free(l->rows[i]);
	l->count = 0;
}

void model_clear(struct model *m, enum model_list_id list)
{
	rows_clear(&m->lists[list]);
	m->lists[list].arrived = false;
}

void model_fini(struct model *m)
{
	for (int i = 0; i < MODEL_LISTS; i++) {
		rows_clear(&m->lists[i]);
		free(m->lists[i].rows);
	}
	model_init(m);
}

/* ---- order ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int model_id_compare(const char *a, const char *b)
{
	while (*a && *b) {
		size_t la, lb;

		if (!is_digit(*a) || !is_digit(*b)) {
			if (*a != *b)
				return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
			a++;
			b++;
			continue;
		}
		a += strspn(a, "0");
		b += strspn(b, "0");
		la = strspn(a, "0123456789");
		lb = strspn(b, "0123456789");
		if (la != lb)
			return la < lb ? -1 : 1;
		if (strncmp(a, b, la) != 0)
			return strncmp(a, b, la);
		a += la;
		b += lb;
	}
	return *a ? 1 : *b ? -1 : 0;
}

static size_t find_index(const struct model_list *l, const char *id)
{
	size_t i = 0;

	while (i < l->count && strcmp(l->rows[i]->id, id) != 0)
		i++;
	return i;
}

static size_t place_of(const struct model_list *l, const char *id)
{
	size_t i = l->count;

	if (l->noun->id == CTL_NOUN_zone)
		return i;
	while (i > 0 && model_id_compare(l->rows[i - 1]->id, id) > 0)
		i--;
	return i;
}

/* ---- pushes ---- */

static void insert(struct model_list *l, size_t i, struct model_row *r)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->rows = xrealloc(l->rows, l->cap * sizeof(struct model_row *));
	}
	memmove(&l->rows[i + 1], &l->rows[i], (l->count - i) * sizeof(struct model_row *));
	l->rows[i] = r;
	l->count++;
}

static void drop(struct model_list *l, const char *id)
{
	size_t i = find_index(l, id);

	if (i == l->count)
		return;
	row_free(l->rows[i]);
	memmove(&l->rows[i], &l->rows[i + 1], (l->count - i - 1) * sizeof(struct model_row *));
	l->count--;
}

static void put(struct model_list *l, const struct json *obj, mono_t now)
{
	/* A record's identity is its first member; the daemon's own state is one record only. */
	const char *id = l->noun->id == CTL_NOUN_system ? "system"
			 : obj->first                   ? obj->first->text
							: NULL;
	struct model_row *r;
	size_t i;

	if (!id)
		return;
	r = xcalloc(1, sizeof(*r));
	arena_init(&r->arena);
	r->received = now;
	r->id = arena_strdup(&r->arena, id);
	if (ctl_record_read(l->noun, obj, &r->arena, &r->rec, NULL)) {
		row_free(r);
		return;
	}
	i = find_index(l, id);
	if (i < l->count) {
		row_free(l->rows[i]);
		l->rows[i] = r;
	} else {
		insert(l, place_of(l, id), r);
	}
}

bool model_apply(struct model *m, enum model_list_id list, const struct json *params, mono_t now)
{
	struct model_list *l = &m->lists[list];
	const struct json *snapshot = json_get(params, "snapshot");
	const struct json *items = snapshot ? snapshot : json_get(params, "changed");
	const struct json *gone = json_get(params, "gone");

	if (!snapshot && !l->arrived)
		return false;
	if (snapshot) {
		rows_clear(l);
		l->arrived = true;
	}
	for (const struct json *j = items ? items->first : NULL; j; j = j->next)
		put(l, j, now);
	for (const struct json *j = gone ? gone->first : NULL; j; j = j->next)
		drop(l, json_str(j, ""));
	while ((list == MODEL_EVENTS && l->count > MODEL_EVENTS_MAX) ||
	       (list == MODEL_MESSAGES && l->count > MODEL_MESSAGES_MAX))
		drop(l, l->rows[0]->id);
	return true;
}

void model_take(struct model *m, enum model_list_id list, const struct json *items, mono_t now)
{
	rows_clear(&m->lists[list]);
	m->lists[list].arrived = true;
	for (const struct json *j = items ? items->first : NULL; j; j = j->next)
		put(&m->lists[list], j, now);
}

static struct model_row *row_copy(const struct model_list *l, const struct model_row *from)
{
	struct model_row *r = xcalloc(1, sizeof(*r));

	arena_init(&r->arena);
	r->received = from->received;
	r->id = arena_strdup(&r->arena, from->id);
	r->rec = arena_alloc(&r->arena, l->noun->record_size);
	fields_copy(l->noun->fields, l->noun->field_count, r->rec, from->rec, &r->arena);
	return r;
}

void model_copy(struct model *to, const struct model *from)
{
	for (int i = 0; i < MODEL_LISTS; i++) {
		model_clear(to, (enum model_list_id)i);
		to->lists[i].arrived = from->lists[i].arrived;
		for (size_t k = 0; k < from->lists[i].count; k++)
			insert(&to->lists[i], k, row_copy(&from->lists[i], from->lists[i].rows[k]));
	}
}

/* ---- looking ---- */

size_t model_count(const struct model *m, enum model_list_id list)
{
	return m->lists[list].count;
}

const struct model_row *model_find(const struct model *m, enum model_list_id list, const char *id)
{
	size_t i = find_index(&m->lists[list], id);

	return i < m->lists[list].count ? m->lists[list].rows[i] : NULL;
}

static const void *record(const struct model *m, enum model_list_id list, size_t i,
			  mono_t *received)
{
	const struct model_list *l = &m->lists[list];

	if (i >= l->count)
		return NULL;
	if (received)
		*received = l->rows[i]->received;
	return l->rows[i]->rec;
}

const struct ctl_system *model_system(const struct model *m, mono_t *received)
{
	return record(m, MODEL_SYSTEM, 0, received);
}

const struct ctl_zone *model_zone(const struct model *m, size_t i)
{
	return record(m, MODEL_ZONES, i, NULL);
}

const struct ctl_station *model_station(const struct model *m, size_t i)
{
	return record(m, MODEL_STATIONS, i, NULL);
}

const struct ctl_station *model_pending(const struct model *m, size_t i)
{
	return record(m, MODEL_PENDING, i, NULL);
}

const struct ctl_connector *model_connector(const struct model *m, size_t i)
{
	return record(m, MODEL_CONNECTORS, i, NULL);
}

const struct ctl_meter *model_meter(const struct model *m, size_t i, mono_t *received)
{
	return record(m, MODEL_METERS, i, received);
}

const struct ctl_transaction *model_transaction(const struct model *m, size_t i, mono_t *received)
{
	return record(m, MODEL_TRANSACTIONS, i, received);
}

const struct ctl_alert *model_alert(const struct model *m, size_t i)
{
	return record(m, MODEL_ALERTS, i, NULL);
}

const struct ctl_event *model_event(const struct model *m, size_t i)
{
	return record(m, MODEL_EVENTS, i, NULL);
}

const struct ctl_message *model_message(const struct model *m, size_t i)
{
	return record(m, MODEL_MESSAGES, i, NULL);
}

const struct ctl_tag *model_tag(const struct model *m, size_t i)
{
	return record(m, MODEL_TAGS, i, NULL);
}

const struct ctl_pending_tag *model_pending_tag(const struct model *m, size_t i)
{
	return record(m, MODEL_TAGS_PENDING, i, NULL);
}

const struct ctl_credit_change *model_credit_change(const struct model *m, size_t i)
{
	return record(m, MODEL_TAG_CREDIT, i, NULL);
}

const struct ctl_transaction *model_tag_transaction(const struct model *m, size_t i, mono_t *received)
{
	return record(m, MODEL_TAG_TRANSACTIONS, i, received);
}

/* ---- the tree of zones ---- */

struct walk {
	const struct model *m;
	size_t *order;
	int *depth;
	size_t count;
	bool *seen;
};

static bool is_child_of(const struct model *m, size_t i, const char *parent)
{
	const char *own = model_zone(m, i)->keys.parent;

	if (own && !model_find(m, MODEL_ZONES, own))
		own = NULL;
	return parent ? own && strcmp(own, parent) == 0 : !own;
}

static void walk_below(struct walk *w, const char *parent, int depth)
{
	for (size_t i = 0; i < model_count(w->m, MODEL_ZONES); i++) {
		if (w->seen[i] || !is_child_of(w->m, i, parent))
			continue;
		w->seen[i] = true;
		w->order[w->count] = i;
		w->depth[w->count++] = depth;
		walk_below(w, model_zone(w->m, i)->keys.id, depth + 1);
	}
}

void model_zone_tree(const struct model *m, size_t *order, int *depth)
{
	size_t count = model_count(m, MODEL_ZONES);
	struct walk w = {
	    .m = m, .order = order, .depth = depth, .seen = xcalloc(count + 1, sizeof(bool))};

	walk_below(&w, NULL, 0);
	/* What is left hangs in a loop: shown all the same. */
	for (size_t i = 0; i < count; i++) {
		if (w.seen[i])
			continue;
		order[w.count] = i;
		depth[w.count++] = 0;
	}
	free(w.seen);
}
