/* A program that is watched, on the screen: its output, its end, how one leaves it; the filter and the folds
 * of its rows. */
#ifndef SCHEDVIZ_WATCHING_H
#define SCHEDVIZ_WATCHING_H

#include "canvas.h"

#include <stdbool.h>

struct app;
struct screen_key;
struct session_target;

void watching_init(struct app *app);
void watching_fini(struct app *app);

/* Once a turn: tells when the program ends. */
void watching_turn(struct app *app);

/* The program, where there is one. */
bool watching_target(const struct app *app, struct session_target *target);

/* How the program ended, as a sentence; "" while it runs. Returns buf. */
char *watching_end_text(const struct app *app, char *buf, size_t size);

/* ---- its output ---- */

/* Rows of its pane; 0: it is closed. */
int watching_pane_rows(const struct app *app, int rows_of_screen);
void watching_draw_output(struct app *app, struct rect rect);
/* There is output that nobody saw. */
bool watching_has_news(const struct app *app);

/* ---- lines and dialogs ---- */

/* The filter's line takes keys while it is typed, the question whether to leave all of them. */
bool watching_key(struct app *app, const struct screen_key *key);
/* The bottom line while the filter is typed, and a row over it while there is one. */
void watching_draw_filter(const struct app *app, struct rect rect);
void watching_draw_leave(struct app *app);

/* ---- commands ---- */

void action_fold(struct app *app, int unused);
void action_fold_all(struct app *app, int unused);
void action_filter(struct app *app, int unused);
void action_ended(struct app *app, int unused);
void action_output(struct app *app, int unused);
void action_scroll_text(struct app *app, int by);
void action_nice(struct app *app, int by);
void action_policy(struct app *app, int unused);

#endif
