/* What a paint is on this terminal: views name paints, themes give them colours and attributes. */
#ifndef SCHEDVIZ_THEME_H
#define SCHEDVIZ_THEME_H

#include <stdbool.h>
#include <stdint.h>
#include <uchar.h>

#define N_TASK_PAINTS                                                                                        \
    8 /* Okabe and Ito's palette, order tuned so that neighbours differ most; task i has paint i mod 8 */

enum paint {
    PAINT_TEXT,   /* default foreground on default background */
    PAINT_BACK,   /* the background; the only one that means "the terminal's own" */
    PAINT_FAINT,  /* secondary text, rulers */
    PAINT_STRONG, /* titles and leading figures */
    PAINT_ACCENT, /* the program's own colour: selection, cursor, mode */
    PAINT_GOOD,
    PAINT_WARN,
    PAINT_ALERT,
    PAINT_BAR,  /* background of the title and key bars */
    PAINT_LANE, /* an idle lane's background */
    PAINT_OFF,  /* a core that is switched off */
    PAINT_SELF, /* schedviz's own slices: dim */
    PAINT_HOLE, /* lost events */
    PAINT_MARK, /* the user's changes on the time axis */
    PAINT_PLAYHEAD,
    PAINT_ON_TASK,                             /* letters on a task's colour */
    PAINT_ON_ALERT,                            /* letters on PAINT_ALERT */
    PAINT_TASK0,                               /* + i mod N_TASK_PAINTS: a task that runs */
    PAINT_WAIT0 = PAINT_TASK0 + N_TASK_PAINTS, /* + i: the same task runnable: its colour, faded */
    PAINT_KEEP = PAINT_WAIT0 + N_TASK_PAINTS,  /* with canvas_text: leave the background */
    N_PAINTS
};

enum theme_name { THEME_DARK, THEME_LIGHT, THEME_MONO };
enum theme_depth { DEPTH_MONO, DEPTH_8, DEPTH_256, DEPTH_TRUE };

struct theme {
    enum theme_name name;
    enum theme_depth depth;
    uint32_t rgb[N_PAINTS]; /* 0xRRGGBB */
    uint8_t index256[N_PAINTS];
    uint8_t index8[N_PAINTS];
    uint8_t attr[N_PAINTS]; /* CELL_* added wherever the paint is the foreground */
};

void theme_init(struct theme *theme, enum theme_name name, enum theme_depth depth);

/* The paint is the terminal's own foreground or background at this depth, and has no colour to be set. */
bool theme_is_default(const struct theme *theme, enum paint paint);

/* The attributes of a cell: its own, its paint's, and without colours those that stand for its background. */
unsigned theme_attr(const struct theme *theme, enum paint fg, enum paint bg, unsigned attr);

/* Glyphs: the Unicode set or the ASCII one (--ascii, a C locale). Views take every non-ASCII character from
 * here. */
struct glyphs {
    bool ascii;
    char32_t left_eighths[9];  /* [0] blank ... [8] full: a cell filled from the left (U+258F...) */
    char32_t lower_eighths[9]; /* a cell filled from below: bars, sparklines */
    char32_t full;             /* running, where colour does not tell */
    char32_t runnable;         /* waits for a CPU */
    char32_t brief;            /* ran for less than a sixteenth of the cell */
    char32_t blocked;
    char32_t gone;          /* before it began, after it ended */
    char32_t hole;          /* lost */
    char32_t others;        /* somebody unseen had the core while a task waited for it */
    char32_t sample;        /* one proc sample */
    char32_t quadrants[16]; /* big letters: pixels upper left 1, upper right 2, lower left 4, lower right 8 */
    char32_t shade[4];      /* light ... dense: many slices in one cell */
    char32_t hline, vline, lane_left, lane_right, tick, dot, bullet, arrow_right, arrow_left, arrow_up,
        arrow_down, mark, playhead, trigger, edge, ellipsis, micro, times, check, cross, ruler,
        ruler_tick,                                   /* the time axis */
        box_tl, box_tr, box_bl, box_br, box_h, box_v, /* frames */
        bar_full, bar_empty,                          /* progress */
        place_full, place_empty,                      /* of a queue, of a barrier */
        off,                                          /* a core that is switched off */
        folded, open;                                 /* a row and what is under it */
};
extern const struct glyphs glyphs_unicode, glyphs_ascii;

#endif
