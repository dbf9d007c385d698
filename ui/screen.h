/* The terminal: a canvas goes out, keys and clicks come in. screen.c is the only file with curses.h. */
#ifndef SCHEDVIZ_SCREEN_H
#define SCHEDVIZ_SCREEN_H

#include "../src/err.h"
#include "canvas.h"
#include "theme.h"

#include <stdbool.h>
#include <stdint.h>
#include <uchar.h>

struct screen_config {
    enum theme_name theme;
    enum theme_depth max_depth; /* DEPTH_MONO for NO_COLOR; what the terminal can do is the other limit */
    bool mouse;
    bool ascii; /* everything beyond ASCII goes out as '?' */
};

struct screen;

/* Takes the terminal of standard input and output over. NULL and one line in err when TERM is unset or
 * unknown, or the terminal cannot move its cursor; nothing was written then. setlocale(3) must have been
 * called. */
struct screen *screen_open(const struct screen_config *config, struct err *err);
void screen_close(
    struct screen *screen); /* gives the terminal back as it was, also one that takes nothing; NULL is fine */

/* For fatal signals, async-signal-safe: gives the terminal back with bytes prepared by screen_open(). Does
 * nothing when no screen is open or it is suspended. */
void screen_emergency_restore(void);

/* The theme at the depth that the terminal has. */
const struct theme *screen_theme(const struct screen *screen);
/* Another theme from now on; the depth is kept within what the terminal has. */
void screen_set_theme(struct screen *screen, enum theme_name theme);

/* The terminal's size now: asks it, so that no signal is needed to get it right. After a change the next
 * screen_draw() paints everything. */
void screen_size(struct screen *screen, int *cols, int *rows);

/* Whether the terminal can take a frame now: it stands still (Ctrl-S), or is slow and still has the last one
 * before it. Sends on what is left of that. */
bool screen_ready(struct screen *screen);

/* While a part of the last frame is unsent: what to poll for writing before screen_ready() is asked again;
 * else -1. */
int screen_unsent_fd(const struct screen *screen);

/* Shows the canvas: only cells that differ from the last one drawn are touched. Waits at most 20 ms for a
 * slow terminal; the rest is sent by screen_ready(), and nothing is drawn before that. */
void screen_draw(struct screen *screen, const struct canvas *canvas);

/* Paints everything at the next screen_draw() (Ctrl-L, or something else wrote to the terminal). */
void screen_redraw(struct screen *screen);

/* Bytes of the frame that screen_draw() made last. */
uint64_t screen_frame_bytes(const struct screen *screen);

/* Job control: suspend gives the terminal back, resume takes it again; the stopping signal is the caller's.
 */
void screen_suspend(struct screen *screen);
void screen_resume(struct screen *screen);

enum screen_key_kind {
    SCREEN_NONE, /* nothing there */
    SCREEN_CHAR, /* ch; control characters too (Ctrl-L is 12) */
    SCREEN_F,    /* n: F1 is 1 */
    SCREEN_UP,
    SCREEN_DOWN,
    SCREEN_LEFT,
    SCREEN_RIGHT,
    SCREEN_SHIFT_LEFT,
    SCREEN_SHIFT_RIGHT,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_INSERT,
    SCREEN_DELETE,
    SCREEN_BACKSPACE,
    SCREEN_ENTER,
    SCREEN_TAB,
    SCREEN_BACKTAB,
    SCREEN_ESCAPE,
    SCREEN_WHEEL_UP,
    SCREEN_WHEEL_DOWN,
    SCREEN_CLICK, /* x, y */
    SCREEN_RESIZE,
    SCREEN_OTHER, /* a key without a meaning here */
};

struct screen_key {
    enum screen_key_kind kind;
    char32_t ch;
    int n;
    int x, y;
};

/* The next key event, SCREEN_NONE when there is none. Never blocks (but for the 25 ms in which ESC may begin
 * a key). */
struct screen_key screen_key(struct screen *screen);

#endif
