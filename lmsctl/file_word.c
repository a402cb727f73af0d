/* lmsctl/file_word.c - values that are named by a file: certificates, and what must not be in argv.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "lmsctl/lmsctl.h"

#define FILE_MAX  ((size_t)64 << 10)
#define KEY_LEAST 16 /* bytes of a key: fewer digits are its text */

int file_read(struct lmsctl *l, const char *name, struct buf *out)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	char chunk[16384];
	ssize_t n = 0;

	if (fd < 0)
		return diag_set(&l->diag, -LMS_ENOINPUT, "%s: %s", name, strerror(errno));
	while (!out->failed && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		diag_set(&l->diag, -LMS_ENOINPUT, "%s: %s", name, strerror(errno));
	if (out->failed)
		diag_set(&l->diag, -LMS_EDATA, "%s: is larger than %zu bytes", name, out->max);
	if (fd != STDIN_FILENO)
		close(fd);
	explicit_bzero(chunk, sizeof(chunk));
	return l->diag.err;
}

/* What an editor puts at the end of a line is not part of a key that is text. */
static size_t text_len(const struct buf *b)
{
	size_t len = b->len;

	if (len > 0 && b->data[len - 1] == '\n')
		len--;
	if (len > 0 && b->data[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)b->data[i]))
			return b->len;
	return len;
}

static const char *as_digits(struct lmsctl *l, const struct buf *b)
{
	size_t len = text_len(b);
	uint8_t bytes[FILE_MAX / 2];
	char *digits;

	if (len >= 2 * (size_t)KEY_LEAST && hex_decode(b->data, len, bytes, sizeof(bytes)) > 0)
		return arena_strndup(&l->arena, b->data, len);
	digits = arena_alloc(&l->arena, 2 * len + 1);
	hex_encode((const uint8_t *)b->data, len, digits);
	return digits;
}

int file_word(struct lmsctl *l, const struct field *f, const char **text)
{
	const char *name = **text == '@' ? *text + 1 : *text;
	struct buf b;
	int ret;

	if (!(f->flags & (FIELD_FILE | FIELD_SECRET)) ||
	    (**text != '@' && strcmp(*text, "-") != 0)) {
		if (!(f->flags & FIELD_SECRET) || !**text)
			return 0;
		return diag_set(&l->diag, -LMS_EUSAGE,
				"%s: write @FILE, or - for standard input: others can read "
				"what is in a command",
				f->name);
	}
	buf_init_max(&b, FILE_MAX);
	ret = file_read(l, name, &b);
	if (ret == 0)
		*text = f->flags & FIELD_SECRET ? as_digits(l, &b)
						: arena_strndup(&l->arena, buf_cstr(&b), b.len);
	explicit_bzero(b.data, b.data ? b.len : 0);
	buf_fini(&b);
	return ret;
}
