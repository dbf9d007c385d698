/* The pane of what a command printed. */
#include "view_lanes.h"

#include <stdio.h>

#define LEAST_ROWS 4
#define MOST_ROWS  18

int view_output_rows(int rows_of_screen)
{
    const int rows = rows_of_screen * 2 / 5;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* A rule, with the title on its left and where one is on its right. */
static void draw_rule(const struct scene *scene, struct canvas *canvas, struct rect rect,
                      const struct output_pane *pane)
{
    char where[96], count[24];
    const unsigned end = pane->text->n_rows - pane->up;
    view_exact_count(pane->text->n_rows, count, sizeof count);
    if (pane->up)
        snprintf(where, sizeof where, " %u of %s lines   { up  } down  O close ", end, count);
    else
        snprintf(where, sizeof where, " %s line%s   { up  O close ", count,
                 pane->text->n_rows == 1 ? "" : "s");
    canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.cols, 1}, scene->glyphs->hline, PAINT_OFF,
                PAINT_BACK, 0);
    const int x = rect.x + 2, n = canvas_text_cols(where);
    canvas_text(canvas, x, rect.y, 8, PAINT_STRONG, PAINT_BACK, CELL_BOLD, " output ");
    if (n + 14 <= rect.cols)
        canvas_text(canvas, rect.x + rect.cols - n - 2, rect.y, n, PAINT_FAINT, PAINT_BACK, 0, where);
}

void view_output(const struct scene *scene, struct canvas *canvas, struct rect rect,
                 const struct output_pane *pane)
{
    const int rows = rect.rows - 1;
    const unsigned end = pane->text->n_rows - pane->up;
    const unsigned n = rows > 0 && end > (unsigned)rows ? (unsigned)rows : rows > 0 ? end : 0;
    char text[80], count[24];
    if (rect.rows < 1)
        return;
    draw_rule(scene, canvas, rect, pane);
    for (unsigned i = 0; i < n; i++)
        canvas_text(canvas, rect.x + 1, rect.y + 1 + (int)i, rect.cols - 2, PAINT_TEXT, PAINT_KEEP, 0,
                    transcript_row(pane->text, end - n + i));
    if (rows < 1)
        return;
    if (!pane->text->n_rows) {
        canvas_text(canvas, rect.x + 1, rect.y + 1, rect.cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                    scene->is_replay    ? "what the command printed is not part of a recording"
                    : pane->is_captured ? "nothing was printed yet"
                                        : "the output of a process that was there before goes where it went");
    } else if (pane->n_before && end == n) {
        snprintf(text, sizeof text, "%s bytes came before these and are gone",
                 view_count(pane->n_before, count, sizeof count));
        canvas_fill(canvas, (struct rect){rect.x, rect.y + 1, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_BACK, 0);
        canvas_text(canvas, rect.x + 1, rect.y + 1, rect.cols - 2, PAINT_FAINT, PAINT_KEEP, 0, text);
    }
    view_to_ascii(scene, canvas, rect);
}
