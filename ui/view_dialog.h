/* A framed box over the views: help, pickers, messages. */
#ifndef SCHEDVIZ_VIEW_DIALOG_H
#define SCHEDVIZ_VIEW_DIALOG_H

#include "view.h"

struct dialog_line {
    char left[64];   /* a key, a choice */
    char right[160]; /* what it means; both in UTF-8 */
    bool is_heading; /* left stands alone, as a heading of those that follow */
};

struct dialog {
    const char *title, *footer; /* footer may be NULL */
    const struct dialog_line *lines;
    unsigned n_lines;
    int selected;    /* -1: none; kept on the screen */
    unsigned *first; /* first line shown, cut to what can be scrolled to; NULL: follows the selection */
};

/* In the middle of the canvas, as large as its text needs and the canvas allows. */
void view_dialog(const struct scene *scene, struct canvas *canvas, const struct dialog *dialog);

/* An empty frame with a title, and what lies under it cleared. */
void view_frame(const struct scene *scene, struct canvas *canvas, struct rect rect, const char *title);

#endif
