/* lmstop/main.c - lmstop: the dashboard of lms. The loop, signals, one frame or a life.
 *
 * Drawing: what the user does shows at once, what lmsd says at most four times a second.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "io/zone_info.h"
#include "lmstop/link.h"
#include "lmstop/options.h"
#include "lmstop/screen.h"
#include "lmstop/view.h"

#define DRAW_EVERY_S 0.25
#define ONCE_WAIT_S 5.
#define WIDTH_DEFAULT 100
#define HEIGHT_DEFAULT 30

struct program {
	struct options opt;
	struct time_zone zone;
	struct utc_offset *zone_rows;
	struct ev_loop *loop;
	struct model model;
	struct ui ui;
	struct link link;
	ev_signal signals[6];
	ev_io keys;
	ev_timer draw, tick;
	ev_prepare prepare;
	bool typed;
	mono_t drawn_at;
	int empty_reads;
};

/* ---- set-up ---- */

static void setup_look(struct program *p)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct look *l = &p->ui.look;

	l->ascii_text = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	l->ascii_glyphs = l->ascii_text || (term && strcmp(term, "linux") == 0 && !p->opt.once);
	l->theme = p->opt.theme;
	if (l->theme == THEME_COUNT)
		l->theme = no_color && *no_color ? THEME_MONO : THEME_DARK;
}

static int setup(struct program *p, struct diag *d)
{
	model_init(&p->model);
	ui_init(&p->ui, &p->model);
	p->ui.zone_at = options_zone_at;
	p->ui.zone_ctx = &p->opt;
	p->ui.readonly = p->opt.readonly;
	p->ui.now = link_now();
	p->ui.wall = link_wall();
	if (!p->opt.utc) {
		p->zone_rows = tz_table_local(&p->zone.count);
		p->zone.rows = p->zone_rows;
		p->ui.tz = &p->zone;
	}
	setup_look(p);
	p->loop = ev_default_loop(EVFLAG_AUTO);
	if (!p->loop)
		return diag_set(d, -LMS_EINTERNAL, "no event loop");
	link_init(&p->link, p->loop, client_socket_path(p->opt.socket), &p->ui, &p->model);
	if (p->opt.screen && !ui_open_screen(&p->ui, p->opt.screen))
		return diag_set(d, -LMS_EUSAGE,
				"--screen: there is no screen '%s' (overview, zones, stations, "
				"meters, transactions, tags, alerts, events, or meter/ID …)",
				p->opt.screen);
	return 0;
}

static void teardown(struct program *p)
{
	if (p->loop)
		link_fini(&p->link);
	ui_fini(&p->ui);
	model_fini(&p->model);
	free(p->zone_rows);
	if (p->loop)
		ev_loop_destroy(p->loop);
}

static void note_time(struct program *p)
{
	p->ui.now = link_now();
	p->ui.wall = link_wall();
}

/* ---- one frame ---- */

static void on_once_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_once_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct program *p = w->data;

	(void)events;
	note_time(p);
	link_follow(&p->link);
	if (p->link.error || link_complete(&p->link))
		ev_break(loop, EVBREAK_ALL);
}

static int print_frame(struct program *p, struct diag *d)
{
	const char *no_color = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO), color = p->opt.color > 0;
	struct canvas c;
	struct buf out;
	int ret = 0;

	if (p->opt.color < 0)
		color = terminal && !(no_color && *no_color);
	buf_init(&out);
	canvas_init(&c, p->ui.width, p->ui.height, &p->ui.look);
	note_time(p);
	ui_draw(&p->ui, &c);
	canvas_print(&c, color, &out);
	if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		ret = diag_set(d, -LMS_EIO, "cannot write the frame: %s", strerror(errno));
	canvas_fini(&c);
	buf_fini(&out);
	return ret;
}

static void choose_size(struct program *p)
{
	struct winsize size;

	p->ui.width = p->opt.width;
	p->ui.height = p->opt.height;
	if (p->ui.width)
		return;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= 20) {
		p->ui.width = size.ws_col;
		p->ui.height = size.ws_row - 1;
	} else {
		p->ui.width = WIDTH_DEFAULT;
		p->ui.height = HEIGHT_DEFAULT;
	}
}

static int run_once(struct program *p, struct diag *d)
{
	ev_timer timeout;

	choose_size(p);
	p->ui.still = true;
	link_connect(&p->link);
	if (!p->link.error) {
		ev_timer_init(&timeout, on_once_timeout, ONCE_WAIT_S, 0.);
		ev_timer_start(p->loop, &timeout);
		ev_prepare_init(&p->prepare, on_once_prepare);
		p->prepare.data = p;
		ev_prepare_start(p->loop, &p->prepare);
		ev_run(p->loop, 0);
		ev_prepare_stop(p->loop, &p->prepare);
		ev_timer_stop(p->loop, &timeout);
	}
	if (p->link.error)
		return diag_set(d, p->link.error, "%s", p->ui.link_text);
	if (!link_complete(&p->link))
		return diag_set(d, -LMS_ENODAEMON, "lmsd at %s did not tell everything within %d s",
				p->link.path, (int)ONCE_WAIT_S);
	return print_frame(p, d);
}

/* ---- live ---- */

static void show(struct program *p)
{
	bool all = p->ui.redraw;
	struct canvas c;

	note_time(p);
	p->ui.redraw = false;
	canvas_init(&c, p->ui.width, p->ui.height, &p->ui.look);
	ui_draw(&p->ui, &c);
	screen_draw(&c, all);
	canvas_fini(&c);
	p->drawn_at = p->ui.now;
	p->typed = false;
}

static void on_draw(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	show(w->data);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct program *p = w->data;

	(void)loop;
	(void)events;
	p->ui.dirty |= ui_ticks(&p->ui);
}

/* Runs when all that happened was looked at, before the loop sleeps. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct program *p = w->data;
	double since;

	(void)events;
	note_time(p);
	if (p->ui.quit) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	link_follow(&p->link);
	if (!p->ui.dirty)
		return;
	since = (double)(p->ui.now - p->drawn_at) / (double)US_PER_S;
	if (p->typed || since >= DRAW_EVERY_S) {
		ev_timer_stop(loop, &p->draw);
		show(p);
	} else if (!ev_is_active(&p->draw)) {
		ev_timer_set(&p->draw, DRAW_EVERY_S - since, 0.);
		ev_timer_start(loop, &p->draw);
	}
}

static void on_keys(struct ev_loop *loop, ev_io *w, int events)
{
	struct program *p = w->data;
	struct pollfd fd = { STDIN_FILENO, POLLIN, 0 };
	bool any = false;
	uint32_t key;

	(void)events;
	note_time(p);
	while (screen_key(&key)) {
		any = true;
		if (key)
			ui_key(&p->ui, key);
	}
	p->typed |= any;
	p->empty_reads = any ? 0 : p->empty_reads + 1;
	/* A terminal that went away is readable for ever. */
	if ((poll(&fd, 1, 0) == 1 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL))) ||
	    p->empty_reads > 20)
		ev_break(loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	struct program *p = w->data;

	(void)events;
	if (w->signum != SIGWINCH && w->signum != SIGCONT) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	screen_resize(&p->ui.width, &p->ui.height);
	p->ui.dirty = p->ui.redraw = p->typed = true;
}

static void start_watchers(struct program *p)
{
	static const int numbers[] = { SIGWINCH, SIGCONT, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	/* Before curses is: it leaves alone what somebody handles. */
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		ev_signal_init(&p->signals[i], on_signal, numbers[i]);
		p->signals[i].data = p;
		ev_signal_start(p->loop, &p->signals[i]);
	}
	ev_io_init(&p->keys, on_keys, STDIN_FILENO, EV_READ);
	ev_init(&p->draw, on_draw);
	ev_timer_init(&p->tick, on_tick, 1., 1.);
	ev_prepare_init(&p->prepare, on_prepare);
	p->keys.data = p->draw.data = p->tick.data = p->prepare.data = p;
	ev_io_start(p->loop, &p->keys);
	ev_timer_start(p->loop, &p->tick);
	ev_prepare_start(p->loop, &p->prepare);
}

static int run_live(struct program *p, struct diag *d)
{
	int ret;

	start_watchers(p);
	ret = screen_open(d);
	if (ret)
		return ret;
	screen_resize(&p->ui.width, &p->ui.height);
	if (!screen_has_colors())
		p->ui.look.theme = THEME_MONO;
	link_connect(&p->link);
	ev_run(p->loop, 0);
	screen_close();
	return 0;
}

static void complain(const struct diag *d)
{
	struct buf safe;

	buf_init(&safe);
	text_escape(&safe, d->text, strlen(d->text));
	fprintf(stderr, "lmstop: %s\n", buf_cstr(&safe));
	buf_fini(&safe);
}

int main(int argc, char **argv)
{
	static struct program p;
	struct diag d;
	int ret;

	/* Only this one: with LC_NUMERIC numbers would get the locale's decimal comma. */
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	diag_init(&d);
	if (argc > 1 && strcmp(argv[1], "__doc") == 0)
		return doc_print(argc > 2 ? argv[2] : "");
	ret = options_read(&p.opt, argc, argv, &d);
	if (ret == 0)
		ret = options_setup_time(&p.opt, &d);
	if (ret == 0) {
		ret = setup(&p, &d);
		if (ret == 0)
			ret = p.opt.once ? run_once(&p, &d) : run_live(&p, &d);
		teardown(&p);
	}
	if (ret < 0)
		complain(&d);
	return ret > 0 ? 0 : lms_err_exit_status(ret);
}
