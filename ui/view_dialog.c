/* A framed box over the views. */
#include "view_dialog.h"

#include "view_lanes.h"

void view_frame(const struct scene *scene, struct canvas *canvas, struct rect rect, const char *title)
{
    const struct glyphs *g = scene->glyphs;
    int right = rect.x + rect.cols - 1, bottom = rect.y + rect.rows - 1;
    if (rect.cols < 2 || rect.rows < 2)
        return;
    canvas_fill(canvas, rect, ' ', PAINT_TEXT, PAINT_BACK, 0);
    for (int x = rect.x; x <= right; x++) {
        canvas_put(canvas, x, rect.y, g->box_h, PAINT_FAINT, PAINT_BACK, 0);
        canvas_put(canvas, x, bottom, g->box_h, PAINT_FAINT, PAINT_BACK, 0);
    }
    for (int y = rect.y; y <= bottom; y++) {
        canvas_put(canvas, rect.x, y, g->box_v, PAINT_FAINT, PAINT_BACK, 0);
        canvas_put(canvas, right, y, g->box_v, PAINT_FAINT, PAINT_BACK, 0);
    }
    canvas_put(canvas, rect.x, rect.y, g->box_tl, PAINT_FAINT, PAINT_BACK, 0);
    canvas_put(canvas, right, rect.y, g->box_tr, PAINT_FAINT, PAINT_BACK, 0);
    canvas_put(canvas, rect.x, bottom, g->box_bl, PAINT_FAINT, PAINT_BACK, 0);
    canvas_put(canvas, right, bottom, g->box_br, PAINT_FAINT, PAINT_BACK, 0);
    int n = canvas_text_cols(title);
    if (n && n + 6 <= rect.cols) {
        canvas_put(canvas, rect.x + 2, rect.y, ' ', PAINT_TEXT, PAINT_BACK, 0);
        canvas_text(canvas, rect.x + 3, rect.y, n, PAINT_ACCENT, PAINT_BACK, CELL_BOLD, title);
        canvas_put(canvas, rect.x + 3 + n, rect.y, ' ', PAINT_TEXT, PAINT_BACK, 0);
    }
}

struct widths {
    int left, all;
};

static struct widths measure(const struct dialog *dialog)
{
    struct widths w = {0, canvas_text_cols(dialog->title) + 4};
    int right = 0;
    for (unsigned i = 0; i < dialog->n_lines; i++) {
        const struct dialog_line *line = &dialog->lines[i];
        int left_cols = canvas_text_cols(line->left), right_cols = canvas_text_cols(line->right);
        if (line->is_heading || !*line->right)
            w.all = left_cols > w.all ? left_cols : w.all;
        else
            w.left = left_cols > w.left ? left_cols : w.left;
        right = right_cols > right ? right_cols : right;
    }
    int lines = w.left + (right ? 3 + right : 0),
        footer = dialog->footer ? canvas_text_cols(dialog->footer) : 0;
    w.all = lines > w.all ? lines : w.all;
    w.all = footer > w.all ? footer : w.all;
    return w;
}

static unsigned first_line(const struct dialog *dialog, unsigned fit)
{
    unsigned last = dialog->n_lines > fit ? dialog->n_lines - fit : 0,
             first = dialog->first ? *dialog->first : 0;
    if (!dialog->first && dialog->selected >= 0 && (unsigned)dialog->selected >= fit)
        first = (unsigned)dialog->selected - fit + 1;
    first = first < last ? first : last;
    if (dialog->first)
        *dialog->first = first;
    return first;
}

static void draw_line(const struct scene *scene, struct canvas *canvas, const struct dialog_line *line,
                      int left_cols, struct rect row, bool selected)
{
    enum paint back = selected ? PAINT_BAR : PAINT_BACK;
    canvas_fill(canvas, row, ' ', PAINT_TEXT, back, 0);
    if (selected)
        canvas_put(canvas, row.x, row.y, scene->glyphs->arrow_right, PAINT_ACCENT, back, CELL_BOLD);
    int x = row.x + 2, end = row.x + row.cols - 1;
    enum paint fg = line->is_heading ? PAINT_FAINT : selected || *line->right ? PAINT_ACCENT : PAINT_TEXT;
    canvas_text(canvas, x, row.y, end - x, fg, back, line->is_heading ? 0 : CELL_BOLD, line->left);
    if (!line->is_heading)
        canvas_text(canvas, x + left_cols + 3, row.y, end - x - left_cols - 3, PAINT_TEXT, back, 0,
                    line->right);
}

void view_dialog(const struct scene *scene, struct canvas *canvas, const struct dialog *dialog)
{
    struct widths w = measure(dialog);
    int cols = w.all + 6 < canvas->cols ? w.all + 6 : canvas->cols;
    int extra = 2 + (dialog->footer && canvas->rows >= 8 ? 2 : 0);
    int rows = (int)dialog->n_lines + extra < canvas->rows ? (int)dialog->n_lines + extra : canvas->rows;
    struct rect box = {(canvas->cols - cols) / 2, (canvas->rows - rows) / 2, cols, rows};
    unsigned fit = rows > extra ? (unsigned)(rows - extra) : 0, first = first_line(dialog, fit);

    view_frame(scene, canvas, box, dialog->title);
    for (unsigned i = 0; i < fit && first + i < dialog->n_lines; i++)
        draw_line(scene, canvas, &dialog->lines[first + i], w.left,
                  (struct rect){box.x + 1, box.y + 1 + (int)i, cols - 2, 1},
                  (int)(first + i) == dialog->selected);
    if (first > 0)
        canvas_put(canvas, box.x + cols - 2, box.y + 1, scene->glyphs->arrow_up, PAINT_FAINT, PAINT_KEEP, 0);
    if (first + fit < dialog->n_lines)
        canvas_put(canvas, box.x + cols - 2, box.y + (int)fit, scene->glyphs->arrow_down, PAINT_FAINT,
                   PAINT_KEEP, 0);
    if (extra == 4)
        canvas_text(canvas, box.x + 3, box.y + rows - 2, cols - 4, PAINT_FAINT, PAINT_KEEP, 0,
                    dialog->footer);
    view_to_ascii(scene, canvas, box);
}
