/* lmsctl/cmd/cmd_misc.c - raw, schema, version. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/output.h"

int cmd_raw(struct lmsctl *l)
{
	const struct json *result;
	const char *params = NULL;
	struct json_writer w;
	struct buf line;
	struct json *j;
	int ret;

	if (l->word_count < 1 || l->word_count > 2)
		return diag_set(&l->diag, -LMS_EUSAGE, "write: lmsctl raw METHOD [JSON]");
	buf_init(&line);
	if (l->word_count == 2) {
		const char *text = l->words[1].value;

		j = json_parse(&l->arena, text, strlen(text), &JSON_CAPS_DEFAULT, &l->diag);
		if (!j) {
			buf_fini(&line);
			return l->diag.err;
		}
		jw_init(&w, &line);
		jw_copy(&w, j);
		params = buf_cstr(&line);
	}
	ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = client_call(l->client, l->words[0].value, params, &result, &l->diag);
	if (ret == 0)
		output_json_line(l, result);
	buf_fini(&line);
	return ret;
}

int cmd_schema(struct lmsctl *l)
{
	struct json_writer w;
	struct buf text;

	(void)l;
	buf_init(&text);
	jw_init(&w, &text);
	ctl_schema_write(&w);
	puts(buf_cstr(&text));
	buf_fini(&text);
	return 0;
}

/* Our own version is known even when lmsd is not there. */
int cmd_version(struct lmsctl *l)
{
	const struct json *result;
	int ret;

	if (l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE) {
		printf("lmsctl    %s\n", LMS_VERSION);
		fflush(stdout);
	}
	ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = client_call(l->client, l->verb->method, NULL, &result, &l->diag);
	if (ret)
		return ret;
	if (l->opt.format != FORMAT_TABLE && l->opt.format != FORMAT_WIDE) {
		output_json_line(l, result);
		return 0;
	}
	for (const struct json *m = result ? result->first : NULL; m; m = m->next) {
		if (!m->key || !m->text)
			continue;
		printf("%-8s  ", m->key);
		output_text(m->text, m->len);
		putchar('\n');
	}
	return 0;
}
