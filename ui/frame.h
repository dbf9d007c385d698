/* A frame as bytes for a terminal: what differs from the frame that it shows. It knows no terminal by itself,
 * the sequences are given. */
#ifndef SCHEDVIZ_FRAME_H
#define SCHEDVIZ_FRAME_H

#include "canvas.h"
#include "theme.h"

#include <stdbool.h>
#include <stddef.h>

#define FRAME_SEQ_BYTES 64

/* What the terminal wants to hear. Empty: it has no such thing. */
struct frame_seqs {
    char clear[FRAME_SEQ_BYTES];
    char plain[FRAME_SEQ_BYTES];   /* no attributes, and its own colours */
    char attr[4][FRAME_SEQ_BYTES]; /* bold, dim, underline, reverse: the bits of CELL_* in their order */
    char fg[N_PAINTS][FRAME_SEQ_BYTES], bg[N_PAINTS][FRAME_SEQ_BYTES]; /* empty: the terminal's own colour */
    char own_fg[FRAME_SEQ_BYTES], own_bg[FRAME_SEQ_BYTES]; /* back to that; empty: `plain' alone does it */
    unsigned colourless;                                   /* CELL_* that do not go together with colours */
    bool scrolls; /* a character in the last cell of the last row would scroll */
    bool ascii;   /* everything beyond ASCII goes out as '?' */
    /* Puts the sequence that moves the cursor into buf, and returns its length. */
    size_t (*move)(char buf[FRAME_SEQ_BYTES], int x, int y);
};

struct frame {
    char *bytes; /* not terminated */
    size_t n, size;
};

void frame_init(struct frame *frame);
void frame_fini(struct frame *frame);

/* Makes the frame that turns what is shown into the canvas; shown NULL: whatever the terminal has now is
 * cleared first. Both canvases are of one size. The terminal is left with plain attributes. */
void frame_make(struct frame *frame, const struct frame_seqs *seqs, const struct theme *theme,
                const struct canvas *shown, const struct canvas *canvas);

#endif
