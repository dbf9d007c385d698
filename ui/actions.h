/* What the commands do: one function each, named by the table in command.c. */
#ifndef SCHEDVIZ_ACTIONS_H
#define SCHEDVIZ_ACTIONS_H

#include "viewport.h"

struct app;

void action_cores(struct app *app, int by);
void action_picker(struct app *app, int unused);
void action_tasks(struct app *app, int by);
void action_kind(struct app *app, int unused);
void action_placement(struct app *app, int unused);
void action_restart(struct app *app, int unused);

void action_pause(struct app *app, int unused);
void action_mode(struct app *app, int mode);
void action_slowness(struct app *app, int direction);
void action_zoom(struct app *app, int direction);
void action_pan(struct app *app, int direction);
void action_page(struct app *app, int direction);
void action_home(struct app *app, int unused);
void action_live(struct app *app, int unused);
void action_step(struct app *app, int direction);
void action_mark(struct app *app, int direction);
void action_inspect(struct app *app, int unused);
void action_trigger(struct app *app, int unused);

void action_next_view(struct app *app, int direction);
void action_view(struct app *app, int view);
void action_select(struct app *app, int direction);
void action_sort(struct app *app, int reverse);
void action_lecture(struct app *app, int unused);
void action_theme(struct app *app, int unused);

void action_compare(struct app *app, int unused);
void action_keep(struct app *app, int unused);

void action_help(struct app *app, int unused);
void action_redraw(struct app *app, int unused);
void action_close(struct app *app, int unused);
void action_quit(struct app *app, int unused);

/* Dialogs take keys before the commands do; true when the key was theirs. */
struct screen_key;
bool action_dialog_key(struct app *app, const struct screen_key *key);

/* Wheel and click. */
void action_mouse(struct app *app, const struct screen_key *key);

#endif
