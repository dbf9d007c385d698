/* A lesson on the screen: its steps by keys, predictions as they are typed, what the pane shows. */
#ifndef SCHEDVIZ_LECTERN_H
#define SCHEDVIZ_LECTERN_H

#include "view_lesson.h"

struct app;
struct screen_key;

struct lectern {
    struct lecture *lecture; /* NULL: no lesson is given; the caller's */
    bool is_hidden;          /* the pane, by key */
    bool is_changed;         /* the run that was measured last, by other keys while it went on */
    char typed[16];          /* of the answer to the open question */
    int scroll;
    bool sets_view, sets_time; /* the step has begun, and what it says of that is still to be done */
    enum lecture_state seen_state;
    int seen_question;
    const struct lecture_answer **answers; /* of the step */
};

void lectern_init(struct lectern *lectern, struct lecture *lecture);
void lectern_fini(struct lectern *lectern);

/* After each turn of the session. */
void lectern_turn(struct app *app);

/* What a step says of the view, and of the time that is shown: once, as it begins. time: after the viewport
 * knows its columns. */
void lectern_set_view(struct app *app);
void lectern_set_time(struct app *app);

/* A lesson that is replayed has come to a step; the time that is shown stays. */
void lectern_follow(struct app *app, unsigned step);

/* True when there is a pane to show; pane is valid until the next turn. */
bool lectern_pane(struct app *app, struct lesson_pane *pane);

/* An open question: seen, keys go to it; hidden, it still holds the run. */
bool lectern_asks(const struct app *app);
bool lectern_asks_hidden(const struct app *app);
/* Tasks that wait at the gate for its answer; 0: none. */
unsigned lectern_n_held(const struct app *app);

/* Keys go to an open question before the commands, but not while a dialog lies over it (an inspection takes
 * Esc alone); true when the key was its. */
bool lectern_key(struct app *app, const struct screen_key *key);

/* What r does while a lesson is given; true when that was all. */
bool lectern_restart(struct app *app);

void action_step_of_lesson(struct app *app, int by);
void action_hide_lesson(struct app *app, int unused);
void action_scroll_lesson(struct app *app, int by);

#endif
