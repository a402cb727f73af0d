/* main.c - lmsd's command line, log and signals. Start-up order: options, boot file, checks, hall, ready. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "base/err.h"
#include "base/log.h"
#include "doc.h"
#include "log_sink.h"
#include "net/sock.h"

static const char usage[] =
	"usage: lmsd [-c FILE] [-d STATE_DIR] [-s SOCKET] [-o key=value]... [-n]\n"
	"  -c FILE       boot file (" BOOT_FILE_DEFAULT " if it exists)\n"
	"  -d STATE_DIR  same as -o state.directory=STATE_DIR\n"
	"  -s SOCKET     same as -o control.socket=SOCKET\n"
	"  -o key=value  overrides a key of the boot file\n"
	"  -n            check the configuration, print it, and exit\n"
	"  -V            print the version and exit\n";

/* ---- log ------------------------------------------------------------------------------------ */

struct log_ctx {
	struct log_sink *sink;
	struct event_ring *events;	/* from when there is a site */
	enum log_level least;
	bool journal;			/* prefixes as systemd reads them */
};

static void log_out(void *ctx, enum log_level level, const char *subject, const char *id, const char *event,
		     const char *tail)
{
	static const int priority[] = { 7, 6, 5, 4, 3 };
	const struct log_ctx *l = ctx;

	if (l->events != NULL && level >= LOG_LEVEL_INFO)
		event_ring_add(l->events, loop_wall(), (int)level, subject, id, event, tail);
	if (level < l->least)
		return;
	if (l->journal)
		fprintf(stderr, "<%d>", priority[level]);
	else
		fprintf(stderr, "%s ", log_level_name((int)level));
	fprintf(stderr, "%s%s%s %s%s%s\n", subject, *id ? " " : "", id, event, *tail ? " " : "", tail);
}

static void log_line(void *ctx, enum log_level level, const char *subject, const char *id, const char *event,
		     const char *tail)
{
	const struct log_ctx *l = ctx;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	log_sink_add(l->sink, ts.tv_sec * US_PER_S + ts.tv_nsec / 1000, level, subject, id, event, tail);
}

/* ---- options --------------------------------------------------------------------------------- */

struct options {
	const char *file;
	const char *overrides[64];
	size_t override_count;
	bool check_only;
};

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "lmsd: %s%s\n%s", what, arg, usage);
	return -LMS_EUSAGE;
}

static int options_add(struct options *o, const char *override)
{
	if (o->override_count == ARRAY_LEN(o->overrides))
		return usage_error("too many overrides: ", override);
	o->overrides[o->override_count++] = override;
	return 0;
}

static int options_parse(int argc, char **argv, struct options *o)
{
	static const struct option words[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "doc", required_argument, NULL, 'D' },	/* for the build: tables of the manual */
		{ NULL, 0, NULL, 0 },
	};
	static char dir[BOOT_TEXT_MAX + 32], sock[BOOT_TEXT_MAX + 32];
	int opt, ret = 0;

	while (ret == 0 && (opt = getopt_long(argc, argv, "+:c:d:s:o:nVh", words, NULL)) != -1) {
		switch (opt) {
		case 'c':
			o->file = optarg;
			break;
		case 'd':
			snprintf(dir, sizeof(dir), "state.directory=%s", optarg);
			ret = options_add(o, dir);
			break;
		case 's':
			snprintf(sock, sizeof(sock), "control.socket=%s", optarg);
			ret = options_add(o, sock);
			break;
		case 'o':
			ret = options_add(o, optarg);
			break;
		case 'n':
			o->check_only = true;
			break;
		case 'D':
			exit(lms_err_exit_status(doc_print(optarg)));
		case 'V':
			printf("lmsd %s\n", LMS_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			ret = usage_error("unknown option or missing value: ", argv[optind - 1]);
		}
	}
	if (ret == 0 && optind < argc)
		ret = usage_error("unexpected argument: ", argv[optind]);
	return ret;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_signal(void *ctx, int signo)
{
	log_lmsd(NOTICE, "stop", "signal=%d", signo);
	app_stop(ctx);
}

static void on_reload(void *ctx, int signo)
{
	log_lmsd(NOTICE, "reload", "signal=%d", signo);
	app_reload(ctx);
}

static int fail(const struct diag *diag, int ret)
{
	char text[700];

	fprintf(stderr, "lmsd: %s\n", diag_render(diag, text, sizeof(text)));
	return lms_err_exit_status(ret);
}

static int serve(const struct boot_conf *boot, struct log_ctx *log)
{
	struct app *app;
	struct diag diag;
	char ready[300];
	int ret;

	diag_init(&diag);
	ret = app_new(boot, &app, &diag);
	if (ret < 0)
		return fail(&diag, ret);
	log->events = app->hall.site->events;
	loop_on_signal(app->loop, SIGTERM, on_signal, app);
	loop_on_signal(app->loop, SIGINT, on_signal, app);
	loop_on_signal(app->loop, SIGHUP, on_reload, app);
	printf("%s\n", app_ready_line(app, ready, sizeof(ready)));
	fflush(stdout);
	sd_notifyf(0, "READY=1\nSTATUS=%s", ready);
	app_run(app);
	sd_notify(0, "STOPPING=1");
	ret = app_exit_status(app);
	log->events = NULL;
	app_free(app);
	return ret;
}

int main(int argc, char **argv)
{
	struct options opt = { 0 };
	struct log_ctx log = { .least = LOG_LEVEL_INFO, .journal = getenv("JOURNAL_STREAM") != NULL };
	struct boot_conf boot;
	struct diag diag;
	struct buf text;
	int ret;

	setlocale(LC_CTYPE, "");
	umask(077);
	log.sink = log_sink_new(log_out, &log);
	log_set_sink(log_line, &log);
	log_set_level(LOG_LEVEL_INFO);
	ret = options_parse(argc, argv, &opt);
	if (ret < 0)
		return lms_err_exit_status(ret);
	diag_init(&diag);
	ret = boot_load(&boot, opt.file, &diag);
	for (size_t i = 0; ret == 0 && i < opt.override_count; i++)
		ret = boot_override(&boot, opt.overrides[i], &diag);
	if (ret == 0)
		ret = boot_check(&boot, &diag);
	if (ret < 0)
		return fail(&diag, ret);
	if (opt.check_only) {
		buf_init(&text);
		boot_print(&boot, &text);
		fputs(buf_cstr(&text), stdout);
		buf_fini(&text);
		return 0;
	}
	log.least = (enum log_level)boot.log_level;
	log_set_level(log.least < LOG_LEVEL_INFO ? log.least : LOG_LEVEL_INFO);
	net_raise_nofile();
	ret = serve(&boot, &log);
	log_set_sink(NULL, NULL);
	log_sink_free(log.sink);
	return ret;
}
