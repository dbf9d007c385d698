/* A lesson on the screen: its steps by keys, predictions as they are typed, what the pane shows. */
#include "lectern.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "app.h"

#include <stdlib.h>
#include <string.h>

static const struct lesson_step *step_of(const struct lectern *lectern)
{
    return &lecture_lesson(lectern->lecture)->steps[lecture_step(lectern->lecture)];
}

/* Another step, or the same one again. */
static void begin_step(struct lectern *lectern)
{
    lectern->sets_view = lectern->sets_time = true;
    lectern->seen_state = lecture_state(lectern->lecture);
    lectern->seen_question = lecture_question(lectern->lecture);
    lectern->typed[0] = '\0';
    lectern->scroll = 0;
    lectern->is_changed = false;
    if (lectern->seen_question >= 0)
        lectern->is_hidden = false;
}

void lectern_init(struct lectern *lectern, struct lecture *lecture)
{
    *lectern = (struct lectern){.lecture = lecture};
    if (lecture)
        begin_step(lectern);
}

void lectern_fini(struct lectern *lectern)
{
    free(lectern->answers);
}

/* Keys that change the run while it is measured; a step that goes on changes it by itself. */
static void note_change(struct app *app)
{
    struct lectern *lectern = &app->lectern;
    const struct lesson_step *step = step_of(lectern);
    if (!step->go_on && !step->no_run)
        lectern->is_changed = session_current_run(app->session)->changed;
}

/* Figures of a run that is longer than the window are of its course, and its end may look otherwise. Where a
 * picture scrolls, the end is what was watched. */
static void show_course(struct app *app)
{
    const struct run *run = session_current_run(app->session);
    const uint64_t length_ns = run->end_ns - run->start_ns;
    if (!app->at_end || step_of(&app->lectern)->mode == LESSON_MODE_SCROLL ||
        length_ns <= viewport_span_ns(&app->viewport))
        return;
    viewport_show_end(&app->viewport, session_timeline(app->session), run->end_ns - length_ns / 4);
}

/* Another question, the run, the outcome: the pane stands where that is seen. */
static void follow(struct lectern *lectern)
{
    const enum lecture_state state = lecture_state(lectern->lecture);
    const int question = lecture_question(lectern->lecture);
    if (state == lectern->seen_state && question == lectern->seen_question)
        return;
    lectern->seen_state = state;
    lectern->seen_question = question;
    lectern->typed[0] = '\0';
    lectern->scroll = 0;
}

void lectern_turn(struct app *app)
{
    struct lectern *lectern = &app->lectern;
    if (!lectern->lecture)
        return;
    if (lecture_state(lectern->lecture) == LECTURE_RUNS)
        note_change(app);
    app->dirty |= lecture_turn(lectern->lecture, clock_now_ns());
    if (lectern->seen_state == LECTURE_RUNS && lecture_state(lectern->lecture) == LECTURE_MEASURED)
        show_course(app);
    follow(lectern);
}

void lectern_set_view(struct app *app)
{
    static const struct view_ops *const views[] = {[LESSON_VIEW_KEEP] = NULL,
                                                   [LESSON_VIEW_CORES] = &view_cores,
                                                   [LESSON_VIEW_TASKS] = &view_tasks,
                                                   [LESSON_VIEW_TABLE] = &view_table,
                                                   [LESSON_VIEW_COUNTERS] = &view_counters,
                                                   [LESSON_VIEW_COMPARE] = &view_compare,
                                                   [LESSON_VIEW_OBJECTS] = &view_objects};
    if (!app->lectern.sets_view)
        return;
    app->lectern.sets_view = false;
    for (unsigned i = 0; i < N_VIEWS; i++)
        if (app_views[i] == views[step_of(&app->lectern)->view])
            app->view = i;
}

/* A film needs something to show: it begins when a screen of it was captured. */
static bool has_film(const struct app *app)
{
    const struct run *run = session_current_run(app->session);
    return run->start_ns && timeline_now_ns(session_timeline(app->session)) >=
                                run->start_ns + viewport_span_ns(&app->viewport);
}

/* The part of a recording in which the step was given, from where its tasks were let go; of one that has
 * nothing of it, no other than before. */
static void show_step(struct app *app)
{
    const struct lecture *lecture = app->lectern.lecture;
    const uint64_t begun_ns = lecture_step_ns(lecture, lecture_step(lecture));
    uint64_t from_ns = begun_ns, to_ns = app->tape.last_ns;
    for (unsigned i = 0; i < lecture_lesson(lecture)->n_steps; i++) {
        const uint64_t t_ns = lecture_step_ns(lecture, i);
        to_ns = t_ns > from_ns && t_ns < to_ns ? t_ns : to_ns;
    }
    for (unsigned i = 0; i < session_n_runs(app->session); i++) {
        const struct run *run = session_run(app->session, i);
        if (run->start_ns >= from_ns && run->start_ns < to_ns) {
            from_ns = run->start_ns;
            break;
        }
    }
    if (from_ns < app->tape.first_ns)
        from_ns = app->tape.first_ns;
    if (begun_ns && from_ns < to_ns)
        tape_show(app, from_ns, to_ns);
    else
        app_notice(app, false, "nothing of this step is in the recording");
}

void lectern_set_time(struct app *app)
{
    static const enum time_mode modes[] = {[LESSON_MODE_KEEP] = MODE_SCOPE,
                                           [LESSON_MODE_SCOPE] = MODE_SCOPE,
                                           [LESSON_MODE_SLOW] = MODE_SLOW,
                                           [LESSON_MODE_SCROLL] = MODE_SCROLL};
    const struct timeline *tl = session_timeline(app->session);
    if (!app->lectern.sets_time)
        return;
    if (lecture_is_recorded(app->lectern.lecture)) {
        app->lectern.sets_time = false;
        show_step(app);
        return;
    }
    const struct lesson_step *step = step_of(&app->lectern);
    if (step->window_ns)
        viewport_set_span(&app->viewport, tl, step->window_ns);
    if (step->mode == LESSON_MODE_SLOW && !has_film(app))
        return;
    app->lectern.sets_time = false;
    if (step->mode != LESSON_MODE_KEEP)
        viewport_set_mode(&app->viewport, tl, modes[step->mode]);
    else if (app->viewport.mode == MODE_PAUSED && !step->no_run)
        viewport_live(&app->viewport, tl);
}

bool lectern_pane(struct app *app, struct lesson_pane *pane)
{
    struct lectern *lectern = &app->lectern;
    const struct lecture *lecture = lectern->lecture;
    if (!lecture || lectern->is_hidden)
        return false;
    const unsigned n = step_of(lectern)->n_measures;
    lectern->answers = mem_resize(lectern->answers, n + 1ul, sizeof *lectern->answers);
    for (unsigned i = 0; i < n; i++)
        lectern->answers[i] = lecture_answer(lecture, lecture_step(lecture), i);
    *pane = (struct lesson_pane){.lesson = lecture_lesson(lecture),
                                 .step = lecture_step(lecture),
                                 .state = lecture_state(lecture),
                                 .question = lecture_question(lecture),
                                 .typed = lectern->typed,
                                 .note = lecture_note(lecture),
                                 .answers = lectern->answers,
                                 .is_changed = lectern->is_changed,
                                 .passed = lecture_passed(lecture, clock_now_ns()),
                                 .scroll = &lectern->scroll};
    pane->n_right = lecture_score(lecture, &pane->n_predicted);
    return true;
}

bool lectern_asks(const struct app *app)
{
    const struct lectern *lectern = &app->lectern;
    return lectern->lecture && !lectern->is_hidden && lecture_question(lectern->lecture) >= 0;
}

bool lectern_asks_hidden(const struct app *app)
{
    const struct lectern *lectern = &app->lectern;
    return lectern->lecture && lectern->is_hidden && lecture_question(lectern->lecture) >= 0;
}

unsigned lectern_n_held(const struct app *app)
{
    const struct lectern *lectern = &app->lectern;
    const struct run *run = session_current_run(app->session);
    if (!lectern->lecture || lecture_state(lectern->lecture) != LECTURE_ASKS || step_of(lectern)->no_run)
        return 0;
    return run->start_ns ? 0 : run->n_tasks;
}

/* ---- keys ---- */

/* Dialogs take all keys; an inspection and a deadlock's band are closed by Esc and take no other. */
static bool is_covered(const struct app *app, const struct screen_key *key)
{
    if (app->dialog != DIALOG_NONE && app->dialog != DIALOG_INSPECT)
        return true;
    return key->kind == SCREEN_ESCAPE && (app->dialog == DIALOG_INSPECT || app->shown_alert_ns);
}

static void predict(struct app *app, const char *typed)
{
    struct err err = {0};
    if (!lecture_predict(app->lectern.lecture, typed, &err))
        app_notice(app, true, "%s", err.msg);
    if (lecture_state(app->lectern.lecture) != LECTURE_ASKS && app->viewport.mode == MODE_PAUSED) {
        app->dialog = DIALOG_NONE;
        app->lectern.sets_time = true; /* what begins now is to be seen */
    }
    app->lectern.typed[0] = '\0';
    follow(&app->lectern);
}

static bool is_of_a_number(char32_t ch)
{
    return (ch >= '0' && ch <= '9') || ch == '.' || ch == '-';
}

bool lectern_key(struct app *app, const struct screen_key *key)
{
    struct lectern *lectern = &app->lectern;
    if (!lectern_asks(app) || is_covered(app, key))
        return false;
    size_t n = strlen(lectern->typed);
    if (key->kind == SCREEN_ENTER)
        predict(app, lectern->typed);
    else if (key->kind == SCREEN_ESCAPE)
        predict(app, "");
    else if (key->kind == SCREEN_BACKSPACE && n > 0)
        lectern->typed[n - 1] = '\0';
    else if (key->kind == SCREEN_CHAR && is_of_a_number(key->ch)) {
        if (n + 1 < sizeof lectern->typed) {
            lectern->typed[n] = (char)key->ch;
            lectern->typed[n + 1] = '\0';
        }
    } else {
        return false;
    }
    return true;
}

static void go(struct app *app, unsigned step)
{
    struct err err = {0};
    if (!lecture_go(app->lectern.lecture, step, &err)) {
        app_notice(app, false, "%s", err.msg);
        return;
    }
    app->dialog = DIALOG_NONE; /* it is of the step before */
    begin_step(&app->lectern);
}

void lectern_follow(struct app *app, unsigned step)
{
    lecture_go(app->lectern.lecture, step, NULL);
    begin_step(&app->lectern);
    app->lectern.sets_time = false;
}

/* What was measured says nothing: r is to measure it again. */
static bool is_disturbed(const struct lectern *lectern)
{
    const struct lecture *lecture = lectern->lecture;
    for (unsigned i = 0; i < step_of(lectern)->n_measures; i++)
        if (lecture_answer(lecture, lecture_step(lecture), i)->is_disturbed)
            return true;
    return lectern->is_changed && step_of(lectern)->n_measures > 0;
}

bool lectern_restart(struct app *app)
{
    const struct lecture *lecture = app->lectern.lecture;
    if (!lecture || (lecture_state(lecture) == LECTURE_MEASURED && !is_disturbed(&app->lectern)))
        return false;
    if (lecture_state(lecture) == LECTURE_ASKS)
        app_notice(app, false,
                   app->lectern.is_hidden ? "the run waits for the prediction: H shows the question"
                                          : "the run waits for the prediction: type it, or skip it with Esc");
    else
        go(app, lecture_step(lecture));
    return true;
}

void action_step_of_lesson(struct app *app, int by)
{
    const struct lecture *lecture = app->lectern.lecture;
    if (!lecture)
        app_notice(app, false, "no lesson is given: l shows all of them");
    else if (by < 0 && lecture_step(lecture) == 0)
        app_notice(app, false, "this is the first step");
    else
        go(app, lecture_step(lecture) + (unsigned)by);
}

void action_hide_lesson(struct app *app, int unused)
{
    (void)unused;
    if (app->lectern.lecture)
        app->lectern.is_hidden = !app->lectern.is_hidden;
    else
        app_notice(app, false, "no lesson is given: l shows all of them");
}

void action_scroll_lesson(struct app *app, int by)
{
    app->lectern.scroll += by;
}
