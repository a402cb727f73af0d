/* conf/boot_print.c - the boot settings for people: as they are, and as a manual. */
#include "conf/boot.h"

#include <string.h>

#include "base/text.h"
#include "conf/boot_table.h"

static void put_origin(const struct boot_origin *from, struct buf *out)
{
	if (from->file[0])
		buf_printf(out, "%s:%d", from->file, from->line);
	else
		buf_puts(out, from->option ? "-o" : "default");
}

void boot_print(const struct boot_conf *conf, struct buf *out)
{
	struct buf value;

	buf_init(&value);
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++) {
		buf_clear(&value);
		boot_value_format(conf, k, &value);
		buf_printf(out, "%-19s %-27s ", boot_rows[k].key,
			   value.len ? buf_cstr(&value) : "\"\"");
		put_origin(&conf->origin[k], out);
		buf_putc(out, '\n');
	}
	buf_fini(&value);
}

static void doc_words(enum boot_key key, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < boot_word_count; i++) {
		if (boot_words[i].key == key)
			buf_printf(out, ".It Cm %s\n%s\n", boot_words[i].word, boot_words[i].help);
	}
	buf_puts(out, ".El\n");
}

/* mdoc wants each sentence on a line of its own. */
static void doc_sentences(const char *text, struct buf *out)
{
	const char *end;

	while ((end = strstr(text, ". "))) {
		buf_add(out, text, (size_t)(end + 1 - text));
		buf_putc(out, '\n');
		text = end + 2;
	}
	buf_printf(out, "%s\n", text);
}

void boot_doc(struct buf *out)
{
	static const char *const forms[] = {
		[BOOT_ADDR] = "address:port",
		[BOOT_PATH] = "path",
		[BOOT_URL] = "URL",
		[BOOT_WORD] = "text",
		[BOOT_INT] = "number",
		[BOOT_CHOICE] = "word",
	};

	buf_puts(out, ".Bl -tag -width Ds\n");
	for (enum boot_key k = 0; k < BOOT_KEY_COUNT; k++) {
		const struct boot_row *row = &boot_rows[k];

		buf_printf(out, ".It Va %s No = Ar %s\n", row->key, forms[row->type]);
		doc_sentences(row->help, out);
		if (row->type == BOOT_CHOICE)
			doc_words(k, out);
		if (row->type == BOOT_INT)
			buf_printf(out, "From %lld to %lld.\n", (long long)row->least,
				   (long long)row->most);
		if (row->dflt[0])
			buf_printf(out, "The default is\n.Ql %s .\n", row->dflt);
	}
	buf_puts(out, ".El\n");
}
