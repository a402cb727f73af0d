/* lmsctl/main.c - lmsctl: lms on the command line, over lmsd's control socket.
 *
 * What there is to command is in libshared/ctl/NOUN.def; this program reads those tables.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/lmsctl.h"

#define EXIT_STATUS_DOWN 3	/* `status`, and there is no lmsd */
#define EXIT_OF_SIGNAL 128

char interrupt_note[160];
char interrupt_unlink[4096];

static void on_interrupt(int sig)
{
	if (interrupt_unlink[0])
		unlink(interrupt_unlink);
	/* What is left to say is not worth more than this. */
	if (interrupt_note[0] && write(STDERR_FILENO, interrupt_note, strlen(interrupt_note)) < 0)
		_exit(EXIT_OF_SIGNAL + sig);
	_exit(EXIT_OF_SIGNAL + sig);
}

static void look_at_terminal(struct options *o)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	o->terminal = isatty(STDOUT_FILENO);
	if (o->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		o->width = size.ws_col;
	if (o->color == COLOR_AUTO)
		o->color =
			o->terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0
				? COLOR_ALWAYS
				: COLOR_NEVER;
}

static int incomplete(struct lmsctl *l)
{
	if (l->noun)
		return diag_set(&l->diag, -LMS_EUSAGE,
				"what about it? (`lmsctl help %s` lists its commands)",
				l->noun->name);
	return diag_set(&l->diag, -LMS_EUSAGE, "no command (`lmsctl help` lists them)");
}

static int run(struct lmsctl *l)
{
	if (l->special == SPECIAL_COMPLETE)
		return cmd_complete(l);
	if (l->opt.version) {
		puts("lmsctl " LMS_VERSION);
		return 0;
	}
	if (l->opt.help || l->special == SPECIAL_HELP)
		return cmd_help(l);
	switch (l->special) {
	case SPECIAL_SCHEMA:
		return cmd_schema(l);
	case SPECIAL_RAW:
		return cmd_raw(l);
	case SPECIAL_VERSION:
		return cmd_version(l);
	case SPECIAL_APPLY:
	case SPECIAL_DIFF:
		return cmd_apply(l, l->special == SPECIAL_DIFF);
	case SPECIAL_CHECK:
		return cmd_check(l);
	case SPECIAL_DOC:
		return cmd_doc(l);
	case SPECIAL_EVENTS:
	case SPECIAL_NONE:
	case SPECIAL_HELP:
	case SPECIAL_COMPLETE:
		break;
	}
	l->opt.watch |= l->opt.follow;
	return l->verb ? call_run(l) : incomplete(l);
}

static void complain(const struct lmsctl *l)
{
	char text[sizeof(l->diag.file) + sizeof(l->diag.text) + 40];
	bool placed = l->diag.file[0] != '\0';
	struct buf safe;

	buf_init(&safe);
	diag_render(&l->diag, text, sizeof(text));
	text_escape(&safe, text, strlen(text));
	fprintf(stderr, "lmsctl: %s%s%s\n", placed ? "" : l->label,
		placed || !l->label[0] ? "" : ": ", buf_cstr(&safe));
	buf_fini(&safe);
}

/* What was written may have been lost until now. A reader that went away is no error of ours. */
static int finish_output(int ret)
{
	bool lost = ferror(stdout) != 0;

	if (fflush(stdout) == 0 && !lost)
		return ret;
	if (errno != EPIPE)
		fprintf(stderr, "lmsctl: cannot write the output: %s\n", strerror(errno));
	return ret ? ret : -LMS_EIO;
}

int main(int argc, char **argv)
{
	struct lmsctl l = { .special = SPECIAL_NONE };
	int ret, status;

	/* Only this one: with LC_NUMERIC numbers would get the locale's decimal comma. */
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL);
	/* A file that may not grow is an error that is told. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	/* Under nohup it is ignored, and stays so. */
	if (signal(SIGHUP, on_interrupt) == SIG_IGN)
		signal(SIGHUP, SIG_IGN);
	arena_init(&l.arena);
	ret = words_read(&l, argc, argv);
	look_at_terminal(&l.opt);
	if (ret == 0)
		ret = local_time_setup(&l);
	if (ret == 0)
		ret = run(&l);
	if (ret < 0 && l.diag.text[0])
		complain(&l);
	ret = finish_output(ret);
	status = lms_err_exit_status(ret);
	if (ret == -LMS_ENODAEMON && l.verb && l.verb->id == CTL_VERB_system_status)
		status = EXIT_STATUS_DOWN;
	client_close(l.client);
	arena_fini(&l.arena);
	return status;
}
