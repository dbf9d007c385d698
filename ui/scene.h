/* What the views look at, gathered from the session once a frame. */
#ifndef SCHEDVIZ_SCENE_H
#define SCHEDVIZ_SCENE_H

#include <stdbool.h>
#include <stdint.h>

struct app;

/* app->scene as of now: lanes, tasks, objects, alerts. */
void scene_build(struct app *app);

/* Keeps the selected row in its view, and the view scrolled so that it is on the screen. */
void scene_place_selection(struct app *app);

void scene_fini(struct app *app);

#endif
