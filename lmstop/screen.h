/* lmstop/screen.h - the terminal. The only room that knows curses.
 *
 * Signals are the caller's; the terminal is given back by screen_close, which exit() calls too.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "lmstop/canvas.h"

/* 0, or -LMS_EUSAGE with `diag`: no terminal, or one that cannot be addressed. */
int screen_open(struct diag *diag);
void screen_close(void);		/* may be called at any time */
bool screen_has_colors(void);
/* The size of the terminal now; tells curses about it. */
void screen_resize(int *width, int *height);
/* Shows the picture; `all` = whatever was there before is not trusted. */
void screen_draw(const struct canvas *c, bool all);
/* The next key, as ui_key() takes it; false: none waits. */
bool screen_key(uint32_t *key);
