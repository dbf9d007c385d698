/* Letters for the last row of the hall: a 3 by 5 pixel font, two pixels to a cell. */
#include "view_lanes.h"

#include <string.h>

#define FONT_COLS 3
#define FONT_ROWS 5

/* Five rows of three bits, the highest row first. */
static const uint16_t letters[26] = {
    025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152, 055655, 044447, 057755,
    065555, 025552, 065644, 025573, 065655, 034216, 072222, 055557, 055552, 055775, 055255, 055222, 071247,
};
static const uint16_t digits[10] = {
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071222, 075757, 075717,
};

static uint16_t pixels_of(char ch)
{
    if (ch >= 'A' && ch <= 'Z')
        return letters[ch - 'A'];
    if (ch >= 'a' && ch <= 'z')
        return letters[ch - 'a'];
    if (ch >= '0' && ch <= '9')
        return digits[ch - '0'];
    if (ch == '.')
        return 000002;
    if (ch == '%')
        return 051245;
    if (ch == '-')
        return 000700;
    return 0;
}

/* Of a letter whose pixels are `scale' columns wide, and as many half rows high: half columns from its left,
 * half rows from its top. */
static bool pixel(uint16_t pixels, int half_col, int half_row, int scale)
{
    int column = half_col / (2 * scale), row = half_row / scale;
    if (half_col < 0 || column >= FONT_COLS || row >= FONT_ROWS)
        return false;
    return pixels >> ((FONT_ROWS - 1 - row) * FONT_COLS + (FONT_COLS - 1 - column)) & 1;
}

int view_big_cols(const char *text, int scale)
{
    int n = (int)strlen(text);
    return n ? n * (FONT_COLS + 1) * scale - scale : 0;
}

/* x in half columns. */
static void draw_letter(const struct scene *scene, struct canvas *canvas, int x, int y, int scale,
                        enum paint fg, enum paint bg, uint16_t pixels)
{
    for (int cy = 0; cy * 2 < FONT_ROWS * scale; cy++)
        for (int cx = x / 2; cx * 2 < x + 2 * FONT_COLS * scale; cx++) {
            unsigned quadrants = 0;
            for (int i = 0; i < 4; i++)
                if (pixel(pixels, cx * 2 + i % 2 - x, cy * 2 + i / 2, scale))
                    quadrants |= 1u << i;
            if (quadrants)
                canvas_put(canvas, cx, y + cy, scene->glyphs->quadrants[quadrants], fg, bg, 0);
        }
}

int view_big_text(const struct scene *scene, struct canvas *canvas, int x, int y, int max_cols, int scale,
                  enum paint fg, enum paint bg, const char *text)
{
    int cols = view_big_cols(text, scale);
    if (cols > max_cols)
        return 0;
    view_big_halves(scene, canvas, 2 * x, y, scale, fg, bg, text);
    return cols;
}

void view_big_halves(const struct scene *scene, struct canvas *canvas, int x_halves, int y, int scale,
                     enum paint fg, enum paint bg, const char *text)
{
    for (int i = 0; text[i]; i++)
        draw_letter(scene, canvas, x_halves + i * 2 * (FONT_COLS + 1) * scale, y, scale, fg, bg,
                    pixels_of(text[i]));
}
