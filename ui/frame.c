/* A frame as bytes for a terminal: what differs from the frame that it shows. */
#include "frame.h"

#include "../src/err.h"

#include <stdlib.h>
#include <string.h>

#define GAP_COLS 4 /* unchanged cells that are written again: moving over them takes as many bytes */

/* How characters look from here on. The colours are sequences of frame_seqs, compared by address. */
struct look {
    const char *fg, *bg;
    unsigned attr;
};

struct writer {
    struct frame *frame;
    const struct frame_seqs *seqs;
    const struct theme *theme;
    const struct canvas *canvas;
    struct look pen;
    int x, y; /* the cursor; x -1: not known */
};

static const char own_colour[] = "";
static const struct look plain_look = {own_colour, own_colour, 0};

void frame_init(struct frame *frame)
{
    *frame = (struct frame){0};
}

void frame_fini(struct frame *frame)
{
    free(frame->bytes);
    *frame = (struct frame){0};
}

static void put(struct frame *frame, const char *bytes, size_t n)
{
    if (frame->n + n > frame->size) {
        frame->size = 2 * frame->size + n + 4096;
        frame->bytes = mem_resize(frame->bytes, frame->size, 1);
    }
    memcpy(frame->bytes + frame->n, bytes, n);
    frame->n += n;
}

static void put_seq(struct writer *w, const char *seq)
{
    put(w->frame, seq, strlen(seq));
}

/* ---- looks ---- */

static struct look look_of(const struct writer *w, const struct cell *cell)
{
    const char *fg = w->seqs->fg[cell->fg], *bg = w->seqs->bg[cell->bg];
    struct look look = {*fg ? fg : own_colour, *bg ? bg : own_colour,
                        theme_attr(w->theme, (enum paint)cell->fg, (enum paint)cell->bg, cell->attr)};
    if (*fg || *bg)
        look.attr &= ~w->seqs->colourless;
    /* Of a blank only the background is seen, unless something else draws in it. */
    const unsigned seen = CELL_UNDERLINE | CELL_REVERSE;
    if (cell->ch == ' ' && !((look.attr | w->pen.attr) & seen)) {
        look.fg = w->pen.fg;
        look.attr = w->pen.attr;
    }
    return look;
}

static bool same_look(struct look a, struct look b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attr == b.attr;
}

static void go_plain(struct writer *w)
{
    put_seq(w, w->seqs->plain);
    w->pen = plain_look;
}

static void take_look(struct writer *w, struct look look)
{
    const struct frame_seqs *seqs = w->seqs;
    bool own_again = (look.fg == own_colour && w->pen.fg != own_colour && !*seqs->own_fg) ||
                     (look.bg == own_colour && w->pen.bg != own_colour && !*seqs->own_bg);
    if ((w->pen.attr & ~look.attr) || own_again)
        go_plain(w);
    for (unsigned i = 0; i < sizeof seqs->attr / sizeof *seqs->attr; i++)
        if (look.attr & ~w->pen.attr & 1u << i)
            put_seq(w, seqs->attr[i]);
    if (look.fg != w->pen.fg)
        put_seq(w, look.fg == own_colour ? seqs->own_fg : look.fg);
    if (look.bg != w->pen.bg)
        put_seq(w, look.bg == own_colour ? seqs->own_bg : look.bg);
    w->pen = look;
}

/* ---- cells ---- */

static const struct cell *cell_at(const struct canvas *canvas, int x, int y)
{
    return &canvas->cells[(size_t)y * (size_t)canvas->cols + (size_t)x];
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

static bool is_wide(const struct canvas *canvas, int x, int y)
{
    return x + 1 < canvas->cols && cell_at(canvas, x + 1, y)->ch == 0;
}

static void put_cell(struct writer *w, int x, int y)
{
    const struct cell *cell = cell_at(w->canvas, x, y);
    char text[CANVAS_CHAR_BYTES];
    char32_t ch =
        cell->ch < 0x20 || (cell->ch >= 0x7f && (w->seqs->ascii || cell->ch < 0xa0)) ? U'?' : cell->ch;
    take_look(w, look_of(w, cell));
    const size_t n = canvas_utf8(ch, text);
    put(w->frame, text, n);
    /* Where the cursor stands at the end of a row depends on the terminal, after a wide character on its
     * font. */
    w->x = x + 1 < w->canvas->cols && !is_wide(w->canvas, x, y) ? x + 1 : -1;
    w->y = y;
}

/* Whether the cells from the cursor to x can be written again as they are, in the pen's look. */
static bool can_bridge(const struct writer *w, int x, int y)
{
    if (w->y != y || w->x < 0 || x < w->x || x - w->x > GAP_COLS)
        return false;
    for (int i = w->x; i < x; i++)
        if (!cell_at(w->canvas, i, y)->ch || !same_look(look_of(w, cell_at(w->canvas, i, y)), w->pen))
            return false;
    return true;
}

static void go_to(struct writer *w, int x, int y)
{
    char move[FRAME_SEQ_BYTES];
    if (can_bridge(w, x, y)) {
        for (int from = w->x; from < x; from++)
            put_cell(w, from, y);
        return;
    }
    put(w->frame, move, w->seqs->move(move, x, y));
    w->x = x;
    w->y = y;
}

void frame_make(struct frame *frame, const struct frame_seqs *seqs, const struct theme *theme,
                const struct canvas *shown, const struct canvas *canvas)
{
    struct writer w = {frame, seqs, theme, canvas, plain_look, -1, -1};
    frame->n = 0;
    if (!shown) {
        go_plain(&w);
        put_seq(&w, seqs->clear);
    }
    for (int y = 0; y < canvas->rows; y++) {
        for (int x = 0; x < canvas->cols; x++) {
            const struct cell *cell = cell_at(canvas, x, y);
            bool last = y == canvas->rows - 1 && x == canvas->cols - 1;
            if (!cell->ch || (last && seqs->scrolls) || (shown && same_cell(cell, cell_at(shown, x, y))))
                continue;
            go_to(&w, x, y);
            put_cell(&w, x, y);
        }
    }
    if (!same_look(w.pen, plain_look))
        go_plain(&w);
}
