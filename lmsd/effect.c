/* effect.c - the list of what a turn wants done. Pure: it only remembers. */
#include "effect.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"

void effects_init(struct effects *fx, struct arena *arena)
{
	fx->arena = arena;
	fx->first = NULL;
	fx->last = &fx->first;
	fx->count = 0;
}

static struct effect *effect_add(struct effects *fx, enum effect_kind kind, enum effect_when when)
{
	struct effect *e = arena_alloc(fx->arena, sizeof(*e));

	e->kind = kind;
	e->when = when;
	*fx->last = e;
	fx->last = &e->next;
	fx->count++;
	return e;
}

void fx_frame(struct effects *fx, enum effect_when when, uint64_t link, const char *text, size_t len)
{
	fx_frame_of_tx(fx, when, link, text, len, 0);
}

void fx_frame_of_tx(struct effects *fx, enum effect_when when, uint64_t link, const char *text, size_t len, int32_t tx)
{
	struct effect *e = effect_add(fx, FX_FRAME, when);

	e->u.frame.link = link;
	e->u.frame.text = arena_strndup(fx->arena, text, len);
	e->u.frame.len = len;
	e->u.frame.tx = tx;
}

void fx_close(struct effects *fx, enum effect_when when, uint64_t link, int code, const char *why)
{
	struct effect *e = effect_add(fx, FX_CLOSE, when);

	e->u.close.link = link;
	e->u.close.code = code;
	e->u.close.why = arena_strdup(fx->arena, why);
}

void fx_put(struct effects *fx, enum store_table table, const char *key, const char *json, size_t len)
{
	struct effect *e = effect_add(fx, FX_PUT, FX_NOW);

	e->u.put.table = table;
	e->u.put.key = arena_strdup(fx->arena, key);
	e->u.put.json = arena_strndup(fx->arena, json, len);
	e->u.put.len = len;
}

void fx_del(struct effects *fx, enum store_table table, const char *key)
{
	struct effect *e = effect_add(fx, FX_DEL, FX_NOW);

	e->u.del.table = table;
	e->u.del.key = arena_strdup(fx->arena, key);
}

void fx_answer(struct effects *fx, uint32_t conn, uint64_t token, enum order_answer answer)
{
	struct effect *e = effect_add(fx, FX_ANSWER, FX_NOW);

	e->u.answer.conn = conn;
	e->u.answer.token = token;
	e->u.answer.answer = (int)answer;
}

void fx_config(struct effects *fx, struct site_conf *conf)
{
	effect_add(fx, FX_CONFIG, FX_AFTER_COMMIT)->u.config.conf = conf;
}

void fx_reply(struct effects *fx, enum effect_when when, uint64_t token, const char *json, size_t len)
{
	struct effect *e = effect_add(fx, FX_REPLY, when);

	e->u.reply.token = token;
	e->u.reply.json = arena_strndup(fx->arena, json, len);
	e->u.reply.len = len;
}

void fx_reply_error(struct effects *fx, uint64_t token, int err, const char *text)
{
	struct effect *e = effect_add(fx, FX_REPLY, FX_NOW);
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "code", lms_err_rpc_code(err));
	jw_kstr(&w, "message", text && *text ? text : lms_err_text(err));
	jw_key(&w, "data");
	jw_object(&w);
	jw_kstr(&w, "err", lms_err_name(err));
	jw_object_end(&w);
	jw_object_end(&w);
	e->u.reply.token = token;
	e->u.reply.error = true;
	e->u.reply.json = arena_strndup(fx->arena, b.data, b.len);
	e->u.reply.len = b.len;
	buf_fini(&b);
}
