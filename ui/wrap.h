/* Running text as rows of a given width. */
#ifndef SCHEDVIZ_WRAP_H
#define SCHEDVIZ_WRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next row of at most cols columns from *text, which it moves on, into row (NUL-terminated, without
 * newlines). Blanks and single newlines are where rows may break; an empty line divides paragraphs and comes
 * out as an empty row. False at the end of the text. */
bool wrap_row(const char **text, int cols, char *row, size_t size);

/* Rows that a text takes. */
int wrap_rows(const char *text, int cols);

#endif
