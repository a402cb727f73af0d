/* lmstop/doc.c - tables of lmstop(1), in mdoc; the page names them: `.\" @lmstop __doc PART@`. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmstop/options.h"
#include "lmstop/view.h"

static void put_item(const char *what, const char *text)
{
	printf(".It \"%s\"\n", what);
	for (const char *s = text; *s; s++) {
		if (strncmp(s, "…", strlen("…")) == 0) {
			fputs("\\&...", stdout);
			s += strlen("…") - 1;
		} else {
			putchar(*s);
		}
	}
	putchar('\n');
}

static void print_keys(void)
{
	puts(".Bl -tag -width \"Esc, Backspace\" -compact");
	for (size_t i = 0; i < key_row_count; i++)
		put_item(key_rows[i].shown, key_rows[i].help);
	puts(".El");
}

static void print_screens(void)
{
	char key[2] = "";

	puts(".Bl -tag -width \"0\" -compact");
	for (size_t i = 0; i < view_screen_count; i++) {
		key[0] = view_screens[i]->key;
		put_item(key, view_screens[i]->name);
	}
	puts(".El");
}

int doc_print(const char *part)
{
	if (strcmp(part, "keys") == 0)
		print_keys();
	else if (strcmp(part, "screens") == 0)
		print_screens();
	else
		return lms_err_exit_status(-LMS_EUSAGE);
	return 0;
}
