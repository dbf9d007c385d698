/* What a command printed, as rows that can be shown: the bytes are anything, the rows command no terminal. */
#ifndef SCHEDVIZ_TRANSCRIPT_H
#define SCHEDVIZ_TRANSCRIPT_H

#include <stddef.h>

struct transcript {
    char *text; /* rows in UTF-8, each ended by a NUL */
    size_t n_text, text_room;
    size_t *rows; /* where they begin */
    unsigned n_rows, rows_room;
};

void transcript_init(struct transcript *transcript);
void transcript_fini(struct transcript *transcript);

/* Makes rows of at most cols columns (at least 1) of what a terminal would have been left with: UTF-8 is
 * decoded, what is not valid or could do harm is U+FFFD; escape sequences are left out, but for the erasing
 * of a line; a carriage return and a backspace go back and are written over; tabs go to multiples of 8. */
void transcript_read(struct transcript *transcript, const char *bytes, size_t n, int cols);

/* i below n_rows. */
const char *transcript_row(const struct transcript *transcript, unsigned i);

#endif
