/* One frame: where the parts of the screen stand, and what lies over them. */
#ifndef SCHEDVIZ_DRAW_H
#define SCHEDVIZ_DRAW_H

#include <stdint.h>

struct app;

/* Gathers what is to be seen now and sends it to the screen. */
void draw_frame(struct app *app, uint64_t now_ns);

#endif
