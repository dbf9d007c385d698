/* The canvas: cells, clipped text, and their way out as plain text or ANSI. */
#include "canvas.h"

#include "../src/err.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct cell blank = {' ', PAINT_TEXT, PAINT_BACK, 0};

void canvas_init(struct canvas *canvas, int cols, int rows)
{
    *canvas = (struct canvas){0};
    canvas_resize(canvas, cols, rows);
}

void canvas_fini(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

void canvas_resize(struct canvas *canvas, int cols, int rows)
{
    canvas->cols = cols > 0 ? cols : 0;
    canvas->rows = rows > 0 ? rows : 0;
    canvas->cells = mem_resize(canvas->cells, (unsigned long)canvas->cols * (unsigned long)canvas->rows,
                               sizeof *canvas->cells);
    canvas_clear(canvas);
}

void canvas_clear(struct canvas *canvas)
{
    size_t n = (size_t)canvas->cols * (size_t)canvas->rows;
    for (size_t i = 0; i < n; i++)
        canvas->cells[i] = blank;
}

/* ---- characters ---- */

struct range {
    char32_t first, last;
};

static bool in_ranges(char32_t ch, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ch >= ranges[i].first && ch <= ranges[i].last)
            return true;
    return false;
}

/* East Asian wide and fullwidth characters (Unicode's UAX #11) and pictographs. Not wcwidth(3): that depends
 * on the locale, and a canvas must come out the same everywhere. */
static bool is_wide(char32_t ch)
{
    static const struct range wide[] = {
        {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
        {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
        {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };
    return ch >= 0x1100 && in_ranges(ch, wide, sizeof wide / sizeof *wide);
}

/* What could command a terminal, hide, or turn the order of text around. */
static bool is_harmful(char32_t ch)
{
    static const struct range harmful[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},        {0xad, 0xad},     {0x300, 0x36f},   {0x61c, 0x61c},
        {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
        {0x20d0, 0x20ff}, {0xd800, 0xf8ff},    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xe0000, 0x10ffff},
    };
    return (ch < 0x20 || ch >= 0x7f) && in_ranges(ch, harmful, sizeof harmful / sizeof *harmful);
}

/* Takes one character of UTF-8 off *text; anything that is not well-formed or not harmless becomes U+FFFD. */
static char32_t next_char(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    static const char32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    unsigned n = s[0] < 0x80                   ? 0
                 : s[0] >= 0xc2 && s[0] < 0xe0 ? 1
                 : s[0] >= 0xe0 && s[0] < 0xf0 ? 2
                 : s[0] >= 0xf0 && s[0] < 0xf5 ? 3
                                               : 4;
    if (n == 4) {
        *text += 1;
        return 0xfffd;
    }
    char32_t ch = n == 0 ? s[0] : s[0] & (0x3fu >> n);
    for (unsigned i = 1; i <= n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            *text += i;
            return 0xfffd;
        }
        ch = ch << 6 | (s[i] & 0x3f);
    }
    *text += n + 1;
    return ch < smallest[n] || is_harmful(ch) ? 0xfffd : ch;
}

char32_t canvas_char(const char *bytes, size_t n, size_t *taken, int *cols)
{
    char text[CANVAS_CHAR_BYTES + 1] = "";
    const char *end = text;
    memcpy(text, bytes, n < CANVAS_CHAR_BYTES ? n : CANVAS_CHAR_BYTES);
    const char32_t ch = next_char(&end);
    *taken = (size_t)(end - text);
    *cols = is_wide(ch) ? 2 : 1;
    return ch;
}

/* ---- drawing ---- */

static struct cell *cell_at(struct canvas *canvas, int x, int y)
{
    return &canvas->cells[(size_t)y * (size_t)canvas->cols + (size_t)x];
}

/* Overwriting one half of a wide character blanks its other half. */
static void break_wide(struct canvas *canvas, int x, int y)
{
    struct cell *cell = cell_at(canvas, x, y);
    if (cell->ch == 0 && x > 0)
        cell[-1].ch = ' ';
    if (x + 1 < canvas->cols && cell[1].ch == 0)
        cell[1].ch = ' ';
}

void canvas_put(struct canvas *canvas, int x, int y, char32_t ch, enum paint fg, enum paint bg, unsigned attr)
{
    if (x < 0 || y < 0 || x >= canvas->cols || y >= canvas->rows)
        return;
    struct cell *cell = cell_at(canvas, x, y);
    break_wide(canvas, x, y);
    cell->ch = ch ? ch : ' ';
    cell->fg = (uint8_t)fg;
    if (bg != PAINT_KEEP)
        cell->bg = (uint8_t)bg;
    cell->attr = (uint8_t)attr;
}

void canvas_fill(struct canvas *canvas, struct rect rect, char32_t ch, enum paint fg, enum paint bg,
                 unsigned attr)
{
    int x0 = rect.x > 0 ? rect.x : 0, y0 = rect.y > 0 ? rect.y : 0;
    int x1 = rect.x + rect.cols < canvas->cols ? rect.x + rect.cols : canvas->cols;
    int y1 = rect.y + rect.rows < canvas->rows ? rect.y + rect.rows : canvas->rows;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            canvas_put(canvas, x, y, ch, fg, bg, attr);
}

int canvas_text(struct canvas *canvas, int x, int y, int max_cols, enum paint fg, enum paint bg,
                unsigned attr, const char *text)
{
    int used = 0;
    while (*text) {
        char32_t ch = next_char(&text);
        int cols = is_wide(ch) ? 2 : 1;
        if (used + cols > max_cols)
            break;
        if (cols == 2 && x + used + 1 >= canvas->cols) {
            ch = ' ';
            cols = 1;
        }
        canvas_put(canvas, x + used, y, ch, fg, bg, attr);
        if (cols == 2) {
            canvas_put(canvas, x + used + 1, y, ' ', fg, bg, attr);
            if (y >= 0 && y < canvas->rows && x + used + 1 >= 0)
                cell_at(canvas, x + used + 1, y)->ch = x + used >= 0 ? 0 : ' ';
        }
        used += cols;
    }
    return used;
}

int canvas_printf(struct canvas *canvas, int x, int y, int max_cols, enum paint fg, enum paint bg,
                  unsigned attr, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return canvas_text(canvas, x, y, max_cols, fg, bg, attr, text);
}

int canvas_text_cols(const char *text)
{
    int cols = 0;
    while (*text)
        cols += is_wide(next_char(&text)) ? 2 : 1;
    return cols;
}

/* ---- ways out ---- */

size_t canvas_utf8(char32_t ch, char bytes[CANVAS_CHAR_BYTES])
{
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    unsigned n = ch < 0x80 ? 0 : ch < 0x800 ? 1 : ch < 0x10000 ? 2 : 3; /* bytes after the first */
    bytes[0] = (char)(leads[n] | ch >> 6 * n);
    for (unsigned i = 1; i <= n; i++)
        bytes[i] = (char)(0x80 | (ch >> 6 * (n - i) & 0x3f));
    return n + 1;
}

static void write_char(char32_t ch, FILE *out)
{
    char bytes[CANVAS_CHAR_BYTES];
    const size_t n = canvas_utf8(ch, bytes);
    fwrite(bytes, 1, n, out);
}

void canvas_to_text(const struct canvas *canvas, FILE *out)
{
    for (int y = 0; y < canvas->rows; y++) {
        const struct cell *row = &canvas->cells[(size_t)y * (size_t)canvas->cols];
        int n = canvas->cols;
        while (n > 0 && row[n - 1].ch == ' ')
            n--;
        for (int x = 0; x < n; x++)
            if (row[x].ch)
                write_char(row[x].ch, out);
        putc('\n', out);
    }
}

static void write_colour(const struct theme *theme, enum paint paint, bool background, FILE *out)
{
    unsigned base = background ? 40 : 30;
    if (theme->depth == DEPTH_MONO || theme_is_default(theme, paint))
        return;
    if (theme->depth == DEPTH_8)
        fprintf(out, ";%u", base + theme->index8[paint]);
    else if (theme->depth == DEPTH_256)
        fprintf(out, ";%u;5;%u", base + 8, theme->index256[paint]);
    else
        fprintf(out, ";%u;2;%u;%u;%u", base + 8, theme->rgb[paint] >> 16, theme->rgb[paint] >> 8 & 0xff,
                theme->rgb[paint] & 0xff);
}

static void write_style(const struct theme *theme, const struct cell *cell, FILE *out)
{
    static const struct {
        unsigned attr, sgr;
    } sgr[] = {{CELL_BOLD, 1}, {CELL_DIM, 2}, {CELL_UNDERLINE, 4}, {CELL_REVERSE, 7}};
    unsigned attr = theme_attr(theme, cell->fg, cell->bg, cell->attr);
    fputs("\033[0", out);
    for (size_t i = 0; i < sizeof sgr / sizeof *sgr; i++)
        if (attr & sgr[i].attr)
            fprintf(out, ";%u", sgr[i].sgr);
    write_colour(theme, cell->fg, false, out);
    write_colour(theme, cell->bg, true, out);
    putc('m', out);
}

void canvas_to_ansi(const struct canvas *canvas, const struct theme *theme, FILE *out)
{
    for (int y = 0; y < canvas->rows; y++) {
        const struct cell *row = &canvas->cells[(size_t)y * (size_t)canvas->cols], *last = NULL;
        for (int x = 0; x < canvas->cols; x++) {
            if (!row[x].ch)
                continue;
            if (!last || last->fg != row[x].fg || last->bg != row[x].bg || last->attr != row[x].attr)
                write_style(theme, &row[x], out);
            last = &row[x];
            write_char(row[x].ch, out);
        }
        fputs("\033[0m\n", out);
    }
}
