/* The lesson pane: the text of a step, its question, and what the run revealed. */
#ifndef SCHEDVIZ_VIEW_LESSON_H
#define SCHEDVIZ_VIEW_LESSON_H

#include "../src/lesson/lecture.h"
#include "view.h"

/* What the pane shows of a lecture. */
struct lesson_pane {
    const struct lesson *lesson;
    unsigned step;
    enum lecture_state state;
    int question;                                /* index of the measure that is asked for, -1: none */
    const char *typed;                           /* of the answer to it, so far */
    const char *note;                            /* what was scaled to this machine; "" */
    const struct lecture_answer *const *answers; /* of each measure of the step */
    bool is_changed; /* the user changed the run while it was measured: nothing of it is judged */
    double passed;   /* of the step's time, 0 to 1; -1: it has no fixed time */
    unsigned n_right, n_predicted;
    int *scroll; /* rows away from where the pane would stand by itself; cut to what can be scrolled to */
};

/* How wide it is at the right of a screen of that many columns; 0: it goes under the view. */
int view_lesson_cols(int cols);
/* Rows that it takes under the view, of those of the screen: at most half. The same for the whole step. */
int view_lesson_rows(const struct scene *scene, const struct lesson_pane *pane, int cols, int rows);
/* rect: of the whole height of the screen but the title and the keys when it stands at the right. */
void view_lesson(const struct scene *scene, struct canvas *canvas, struct rect rect,
                 const struct lesson_pane *pane, bool at_right);

#endif
