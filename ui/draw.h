/* One frame: where the parts of the screen stand, and what lies over them. */
#ifndef SCHEDVIZ_DRAW_H
#define SCHEDVIZ_DRAW_H

#include <stdint.h>

struct app;

/* Gathers what is to be seen now and draws it on the app's canvas, as large as that is. */
void draw_canvas(struct app *app, uint64_t now_ns);

/* The same as large as the screen, and sends it there. */
void draw_frame(struct app *app, uint64_t now_ns);

#endif
