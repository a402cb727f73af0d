/* lmstop/screen.c - the picture onto the terminal, keys from it. */
#include "lmstop/screen.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "lmstop/ui.h"

/* Last: its ERR would be in the way of base/err.h. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#define ESCAPE_MS 50

static SCREEN *terminal;
static enum theme painted = THEME_COUNT;

/* ---- a crash ---- */

static struct termios modes;	/* as they were before */
static char give_back[200];	/* what makes the terminal usable again */

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct sigaction before[ARRAY_LEN(crashes)];

/* Only what may be called in a signal handler; then the signal does what it did before. */
static void on_crash(int sig)
{
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
		if (write(STDOUT_FILENO, give_back, strlen(give_back)) < 0)
			_exit(128 + sig);
	}
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++) {
		if (crashes[i] == sig)
			sigaction(sig, &before[i], NULL);
	}
	raise(sig);
}

static void watch_crashes(void)
{
	static const char *const strings[] = { "sgr0", "cnorm", "rmkx", "rmcup" };
	struct sigaction a = { .sa_handler = on_crash, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		/* The name is not written to; old prototypes want it so. */
		const char *s = tigetstr((char *)(uintptr_t)strings[i]);
		size_t len = strlen(give_back);

		if (s && s != (const char *)-1)
			snprintf(give_back + len, sizeof(give_back) - len, "%s", s);
	}
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
		sigaction(crashes[i], &a, &before[i]);
}

int screen_open(struct diag *diag)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return diag_set(diag, -LMS_EUSAGE,
				"standard input and output are not a terminal (--once prints one frame)");
	tcgetattr(STDIN_FILENO, &modes);
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		const char *term = getenv("TERM");

		return diag_set(diag, -LMS_EUSAGE, "TERM=%s is not a terminal that can be drawn on",
				term ? term : "");
	}
	atexit(screen_close);
	watch_crashes();
	set_term(terminal);
	/* Not raw: ^Z suspends, and curses knows how. */
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	return 0;
}

void screen_close(void)
{
	if (!terminal)
		return;
	endwin();
	terminal = NULL;
}

bool screen_has_colors(void)
{
	return has_colors();
}

void screen_resize(int *width, int *height)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	getmaxyx(stdscr, *height, *width);
}

/* ---- drawing ---- */

static void mix_paints(enum theme t)
{
	if (t == painted)
		return;
	painted = t;
	for (int s = 0; has_colors() && s < STYLE_COUNT; s++) {
		struct paint p = look_paint(t, (enum style)s);

		init_pair((short)(s + 1), (short)look_color(p.fg, COLORS),
			  (short)look_color(p.bg, COLORS));
	}
}

static attr_t attributes(const struct cell *cell, enum theme t, short *pair)
{
	struct paint p = look_paint(t, (enum style)cell->style);
	attr_t a = A_NORMAL;

	*pair = (short)(cell->style + 1);
	if (cell->flags & CELL_OLD) {
		p.bold = false;
		p.dim = true;
		*pair = 0;
	}
	if (!has_colors())
		*pair = 0;
	if (p.bold)
		a |= A_BOLD;
	if (p.dim)
		a |= A_DIM;
	if (p.reverse != ((cell->flags & CELL_SELECTED) != 0))
		a |= A_REVERSE;
	return a;
}

static bool same_look(const struct cell *a, const struct cell *b)
{
	return a->style == b->style && a->flags == b->flags;
}

static void draw_row(const struct canvas *c, int y)
{
	struct buf run;
	int x = 0;

	buf_init(&run);
	while (x < c->width) {
		const struct cell *first = canvas_cell(c, y, x);
		int from = x;
		short pair;
		attr_t a = attributes(first, c->look->theme, &pair);

		buf_clear(&run);
		for (; x < c->width && same_look(first, canvas_cell(c, y, x)); x++)
			buf_puts(&run, canvas_cell(c, y, x)->text);
		attr_set(a, pair, NULL);
		mvaddstr(y, from, buf_cstr(&run));
	}
	buf_fini(&run);
}

void screen_draw(const struct canvas *c, bool all)
{
	mix_paints(c->look->theme);
	attr_set(A_NORMAL, 0, NULL);
	erase();
	for (int y = 0; y < c->height; y++)
		draw_row(c, y);
	if (all)
		clearok(stdscr, TRUE);
	wnoutrefresh(stdscr);
	doupdate();
}

/* ---- keys ---- */

static uint32_t function_key(wint_t code)
{
	switch (code) {
	case KEY_UP:
		return UI_KEY_UP;
	case KEY_DOWN:
		return UI_KEY_DOWN;
	case KEY_LEFT:
		return UI_KEY_LEFT;
	case KEY_RIGHT:
		return UI_KEY_RIGHT;
	case KEY_PPAGE:
		return UI_KEY_PGUP;
	case KEY_NPAGE:
		return UI_KEY_PGDN;
	case KEY_HOME:
		return UI_KEY_HOME;
	case KEY_END:
		return UI_KEY_END;
	case KEY_ENTER:
		return UI_KEY_ENTER;
	case KEY_BACKSPACE:
		return UI_KEY_BACKSPACE;
	default:
		return 0;
	}
}

bool screen_key(uint32_t *key)
{
	wint_t code;
	int kind = get_wch(&code);

	if (kind == ERR)
		return false;
	*key = kind == KEY_CODE_YES ? function_key(code) : (uint32_t)code;
	return true;
}
