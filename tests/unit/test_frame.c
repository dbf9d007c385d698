/* Frames as bytes: a small terminal here understands them, and must come to show the canvas. */
#include "../../ui/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COLS = 23, ROWS = 7 };

static size_t move(char buf[FRAME_SEQ_BYTES], int x, int y)
{
    return (size_t)snprintf(buf, FRAME_SEQ_BYTES, "<m%d,%d>", x, y);
}

/* Sequences that are easy to read back: <c> clear, <p> plain, <a1> an attribute, <f3> and <b3> colours, <F>
 * and <B> the terminal's own. */
static struct frame_seqs make_seqs(const struct theme *theme, bool has_own)
{
    struct frame_seqs seqs = {.clear = "<c>", .plain = "<p>", .move = move};
    for (int i = 0; i < N_PAINTS; i++) {
        if (theme_is_default(theme, (enum paint)i))
            continue;
        snprintf(seqs.fg[i], sizeof seqs.fg[i], "<f%d>", i);
        snprintf(seqs.bg[i], sizeof seqs.bg[i], "<b%d>", i);
    }
    for (unsigned i = 0; i < 4; i++)
        snprintf(seqs.attr[i], sizeof seqs.attr[i], "<a%u>", 1u << i);
    if (has_own) {
        strcpy(seqs.own_fg, "<F>");
        strcpy(seqs.own_bg, "<B>");
    }
    return seqs;
}

/* What a cell of the terminal looks like; colours as paints, -1 the terminal's own. */
struct spot {
    unsigned char ch;
    int fg, bg;
    unsigned attr;
};

struct terminal {
    struct spot spots[ROWS][COLS], pen;
    int x, y;
};

static const struct spot nothing = {' ', -1, -1, 0};

static void obey(struct terminal *t, const char *seq)
{
    switch (seq[0]) {
    case 'm':
        assert_int_equal(sscanf(seq, "m%d,%d", &t->x, &t->y), 2);
        break;
    case 'c':
        for (int i = 0; i < ROWS * COLS; i++)
            t->spots[i / COLS][i % COLS] = nothing;
        break;
    case 'p':
        t->pen = nothing;
        break;
    case 'a':
        t->pen.attr |= (unsigned)atoi(seq + 1);
        break;
    case 'f':
    case 'F':
        t->pen.fg = seq[0] == 'F' ? -1 : atoi(seq + 1);
        break;
    default:
        assert_true(seq[0] == 'b' || seq[0] == 'B');
        t->pen.bg = seq[0] == 'B' ? -1 : atoi(seq + 1);
    }
}

static void feed(struct terminal *t, const struct frame *frame)
{
    t->pen = nothing;
    t->x = t->y = -1;
    for (size_t i = 0; i < frame->n; i++) {
        if (frame->bytes[i] == '<') {
            char seq[FRAME_SEQ_BYTES];
            size_t n = 0;
            while (frame->bytes[++i] != '>')
                seq[n++] = frame->bytes[i];
            seq[n] = '\0';
            obey(t, seq);
            continue;
        }
        assert_in_range(t->x, 0, COLS - 1);
        assert_in_range(t->y, 0, ROWS - 1);
        t->spots[t->y][t->x] = t->pen;
        t->spots[t->y][t->x++].ch = (unsigned char)frame->bytes[i];
    }
    assert_true(t->pen.fg == nothing.fg && t->pen.bg == nothing.bg && t->pen.attr == nothing.attr);
}

static void assert_shows(const struct terminal *t, const struct canvas *canvas, const struct theme *theme)
{
    for (int i = 0; i < ROWS * COLS; i++) {
        const struct cell *cell = &canvas->cells[i];
        const struct spot *spot = &t->spots[i / COLS][i % COLS];
        unsigned attr = theme_attr(theme, (enum paint)cell->fg, (enum paint)cell->bg, cell->attr);
        unsigned drawn = cell->ch == ' ' ? CELL_UNDERLINE | CELL_REVERSE : ~0u;
        assert_int_equal(spot->ch, cell->ch);
        assert_int_equal(spot->attr & drawn, attr & drawn);
        assert_int_equal(spot->bg, theme_is_default(theme, (enum paint)cell->bg) ? -1 : cell->bg);
        if (cell->ch != ' ' || (attr & drawn))
            assert_int_equal(spot->fg, theme_is_default(theme, (enum paint)cell->fg) ? -1 : cell->fg);
    }
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void scribble(struct canvas *canvas, unsigned *seed)
{
    for (unsigned n = next_random(seed) % 30; n > 0; n--) {
        struct rect rect = {(int)(next_random(seed) % COLS), (int)(next_random(seed) % ROWS),
                            (int)(next_random(seed) % 6), (int)(next_random(seed) % 3)};
        canvas_fill(canvas, rect, next_random(seed) % 3 ? ' ' : 'a' + next_random(seed) % 26,
                    (enum paint)(next_random(seed) % PAINT_KEEP),
                    (enum paint)(next_random(seed) % PAINT_KEEP),
                    next_random(seed) % 4 ? 0 : next_random(seed) % 16);
    }
}

static void shows_what_was_drawn(void **state)
{
    (void)state;
    static const struct {
        enum theme_name name;
        enum theme_depth depth;
    } themes[] = {
        {THEME_DARK, DEPTH_256}, {THEME_LIGHT, DEPTH_TRUE}, {THEME_DARK, DEPTH_8}, {THEME_MONO, DEPTH_MONO}};
    unsigned seed = 7;
    struct canvas before, now;
    struct frame frame;
    canvas_init(&before, COLS, ROWS);
    canvas_init(&now, COLS, ROWS);
    frame_init(&frame);
    for (size_t i = 0; i < 2 * sizeof themes / sizeof *themes; i++) {
        struct theme theme;
        struct terminal terminal;
        theme_init(&theme, themes[i / 2].name, themes[i / 2].depth);
        struct frame_seqs seqs = make_seqs(&theme, i % 2);
        for (int round = 0; round < 300; round++) {
            scribble(&now, &seed);
            frame_make(&frame, &seqs, &theme, round % 100 ? &before : NULL, &now);
            feed(&terminal, &frame);
            assert_shows(&terminal, &now, &theme);
            memcpy(before.cells, now.cells, COLS * ROWS * sizeof *now.cells);
        }
        frame_make(&frame, &seqs, &theme, &before, &now);
        assert_int_equal(frame.n, 0);
    }
    frame_fini(&frame);
    canvas_fini(&before);
    canvas_fini(&now);
}

static void assert_bytes(const struct frame *frame, const char *expected)
{
    assert_int_equal(frame->n, strlen(expected));
    assert_memory_equal(frame->bytes, expected, frame->n);
}

static void spares_the_last_cell_and_wide_characters(void **state)
{
    (void)state;
    struct theme theme;
    struct canvas before, now;
    struct frame frame;
    theme_init(&theme, THEME_MONO, DEPTH_MONO);
    struct frame_seqs seqs = make_seqs(&theme, false);
    canvas_init(&before, 6, 1);
    canvas_init(&now, 6, 1);
    frame_init(&frame);
    canvas_text(&now, 0, 0, 6, PAINT_TEXT, PAINT_BACK, 0, "a漢\303\244bc");
    frame_make(&frame, &seqs, &theme, &before, &now);
    assert_bytes(&frame, "<m0,0>a漢<m3,0>äbc");
    seqs.scrolls = seqs.ascii = true;
    frame_make(&frame, &seqs, &theme, &before, &now);
    assert_bytes(&frame, "<m0,0>a?<m3,0>?b");
    frame_fini(&frame);
    canvas_fini(&before);
    canvas_fini(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_was_drawn),
        cmocka_unit_test(spares_the_last_cell_and_wide_characters),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
