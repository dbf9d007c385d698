/* A framed box over the views. */
#include "view_dialog.h"

#include "view_lanes.h"

#include <string.h>

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

/* Where the texts of a box stand: what a key means beside the key, or where that is too narrow, under it. */
struct layout {
    int cols; /* of all */
    int indent, right_cols;
    bool under;
};

#define LEAST_RIGHT_COLS 24

static struct layout lay_out(const struct widths *w, int cols)
{
    struct layout layout = {.cols = cols, .indent = w->left + 3, .right_cols = cols - w->left - 3};
    layout.under = cols < w->all && layout.right_cols < LEAST_RIGHT_COLS;
    if (layout.under) {
        layout.indent = 2;
        layout.right_cols = cols - 2;
    }
    return layout;
}

/* Bytes of the text that stand in its first row; it breaks at blanks where it has some. */
static int row_bytes(const char *text, int cols)
{
    int n = (int)strlen(text), cut = cols > 0 ? cols : 1;
    if (n <= cut)
        return n;
    for (int i = cut; i > cut / 3; i--)
        if (text[i] == ' ')
            return i;
    while (cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}

/* Draws the text row by row where canvas is not NULL, only in rows of clip; returns how many rows it has. */
static int draw_wrapped(struct canvas *canvas, int x, int y, int cols, struct rect clip, enum paint fg,
                        enum paint bg, unsigned attr, const char *text)
{
    int rows = 0;
    while (*text) {
        int n = row_bytes(text, cols);
        if (canvas && y + rows >= clip.y && y + rows < clip.y + clip.rows)
            canvas_printf(canvas, x, y + rows, cols, fg, bg, attr, "%.*s", n, text);
        text += n;
        text += strspn(text, " ");
        rows++;
    }
    return rows;
}

/* Draws a line from row y on, as far as that is in clip; without a canvas it only measures. Returns its rows.
 */
static int draw_line(const struct scene *scene, struct canvas *canvas, const struct dialog_line *line,
                     const struct layout *layout, int y, struct rect clip, bool selected)
{
    bool has_right = !line->is_heading && *line->right;
    enum paint back = selected ? PAINT_BAR : PAINT_BACK;
    enum paint fg = line->is_heading ? PAINT_FAINT : selected || *line->right ? PAINT_ACCENT : PAINT_TEXT;
    bool seen = canvas && y >= clip.y && y < clip.y + clip.rows;
    if (seen && selected) {
        canvas_fill(canvas, (struct rect){clip.x, y, clip.cols, 1}, ' ', PAINT_TEXT, back, 0);
        canvas_put(canvas, clip.x, y, scene->glyphs->arrow_right, PAINT_ACCENT, back, CELL_BOLD);
    }
    int x = clip.x + 2, left_cols = has_right && !layout->under ? layout->indent - 3 : layout->cols;
    int rows =
        draw_wrapped(canvas, x, y, left_cols, clip, fg, back, line->is_heading ? 0 : CELL_BOLD, line->left);
    rows = rows > 1 ? rows : 1;
    if (!has_right)
        return rows;
    int under = layout->under ? rows : 0;
    int right = under + draw_wrapped(canvas, x + layout->indent, y + under, layout->right_cols, clip,
                                     PAINT_TEXT, layout->under ? PAINT_BACK : back, 0, line->right);
    return right > rows ? right : rows;
}

/* Rows of the first n lines. */
static int rows_before(const struct scene *scene, const struct dialog *dialog, const struct layout *layout,
                       unsigned n)
{
    int rows = 0;
    for (unsigned i = 0; i < n; i++)
        rows += draw_line(scene, NULL, &dialog->lines[i], layout, 0, (struct rect){0}, false);
    return rows;
}

/* The first of all rows that is shown in `fit' rows. */
static int first_row(const struct scene *scene, const struct dialog *dialog, const struct layout *layout,
                     int all, int fit)
{
    int last = all > fit ? all - fit : 0, first = 0;
    if (dialog->first)
        first = *dialog->first < (unsigned)last ? (int)*dialog->first : last;
    else if (dialog->selected >= 0) {
        int end = rows_before(scene, dialog, layout, (unsigned)dialog->selected + 1);
        first = end > fit ? end - fit : 0;
    }
    first = first < last ? first : last;
    if (dialog->first)
        *dialog->first = (unsigned)first;
    return first;
}

/* The footer's parts stand apart by three blanks: the last ones go where they do not fit. */
static void draw_footer(struct canvas *canvas, int x, int y, int cols, const char *footer)
{
    size_t n = strlen(footer);
    while (n > (size_t)cols) {
        size_t cut = n - 1;
        while (cut > 0 && strncmp(footer + cut, "   ", 3) != 0)
            cut--;
        if (!cut)
            break;
        n = cut;
        while (n > 0 && footer[n - 1] == ' ')
            n--;
    }
    canvas_printf(canvas, x, y, cols, PAINT_FAINT, PAINT_KEEP, 0, "%.*s", (int)n, footer);
}

void view_dialog(const struct scene *scene, struct canvas *canvas, const struct dialog *dialog)
{
    struct widths w = measure(dialog);
    int cols = w.all + 6 < canvas->cols ? w.all + 6 : canvas->cols;
    struct layout layout = lay_out(&w, cols - 5 > 1 ? cols - 5 : 1);
    int all = rows_before(scene, dialog, &layout, dialog->n_lines);
    int extra = 2 + (dialog->footer && canvas->rows >= 8 ? 2 : 0);
    int rows = all + extra < canvas->rows ? all + extra : canvas->rows;
    struct rect box = {(canvas->cols - cols) / 2, (canvas->rows - rows) / 2, cols, rows};
    int fit = rows > extra ? rows - extra : 0, first = first_row(scene, dialog, &layout, all, fit);
    struct rect clip = {box.x + 1, box.y + 1, cols - 2, fit};

    view_frame(scene, canvas, box, dialog->title);
    int y = clip.y - first;
    for (unsigned i = 0; i < dialog->n_lines; i++)
        y += draw_line(scene, canvas, &dialog->lines[i], &layout, y, clip, (int)i == dialog->selected);
    if (first > 0)
        canvas_put(canvas, box.x + cols - 2, clip.y, scene->glyphs->arrow_up, PAINT_FAINT, PAINT_KEEP, 0);
    if (first + fit < all)
        canvas_put(canvas, box.x + cols - 2, clip.y + fit - 1, scene->glyphs->arrow_down, PAINT_FAINT,
                   PAINT_KEEP, 0);
    if (extra == 4)
        draw_footer(canvas, box.x + 3, box.y + rows - 2, cols - 4, dialog->footer);
    view_to_ascii(scene, canvas, box);
}
