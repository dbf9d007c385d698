/* The canvas: a grid of cells that views draw on; it goes to ncurses, to plain text or to ANSI. */
#ifndef SCHEDVIZ_CANVAS_H
#define SCHEDVIZ_CANVAS_H

#include "theme.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uchar.h>

enum { CELL_BOLD = 1, CELL_DIM = 2, CELL_UNDERLINE = 4, CELL_REVERSE = 8 };

struct cell {
    char32_t ch;    /* one column wide, or two with a following cell whose ch is 0 */
    uint8_t fg, bg; /* enum paint */
    uint8_t attr;
};

struct canvas {
    int cols, rows;
    struct cell *cells; /* rows * cols, row by row */
};

/* A part of a canvas; drawing outside it is clipped. */
struct rect {
    int x, y, cols, rows;
};

void canvas_init(struct canvas *canvas, int cols, int rows); /* blank */
void canvas_fini(struct canvas *canvas);
void canvas_resize(struct canvas *canvas, int cols, int rows); /* blank afterwards */
void canvas_clear(struct canvas *canvas);

/* All coordinates are absolute cells and are clipped to the canvas. */
void canvas_put(struct canvas *canvas, int x, int y, char32_t ch, enum paint fg, enum paint bg,
                unsigned attr);
void canvas_fill(struct canvas *canvas, struct rect rect, char32_t ch, enum paint fg, enum paint bg,
                 unsigned attr);

/* Text in UTF-8, clipped to max_cols; control characters and invalid bytes come out harmless (U+FFFD or '?').
 * Returns the columns used. bg PAINT_KEEP leaves the background as it is. */
int canvas_text(struct canvas *canvas, int x, int y, int max_cols, enum paint fg, enum paint bg,
                unsigned attr, const char *text);
int canvas_printf(struct canvas *canvas, int x, int y, int max_cols, enum paint fg, enum paint bg,
                  unsigned attr, const char *format, ...) __attribute__((format(printf, 8, 9)));
/* Columns that canvas_text() would use. */
int canvas_text_cols(const char *text);

/* The character that n bytes (at least one) begin with, as canvas_text() shows it: how many of them it takes,
 * and its columns, 1 or 2. */
char32_t canvas_char(const char *bytes, size_t n, size_t *taken, int *cols);
/* A character in UTF-8, not terminated; returns how many bytes it takes. */
#define CANVAS_CHAR_BYTES 4
size_t canvas_utf8(char32_t ch, char bytes[CANVAS_CHAR_BYTES]);

/* One line per row, spaces at line ends cut; UTF-8. */
void canvas_to_text(const struct canvas *canvas, FILE *out);
/* The same with colours as SGR sequences of the theme at its depth. */
void canvas_to_ansi(const struct canvas *canvas, const struct theme *theme, FILE *out);

#endif
