/* A program that is watched, on the screen. */
#include "watching.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "app.h"
#include "field.h"
#include "figures.h"
#include "view_dialog.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define LEAST_NICE (-20)
#define MOST_NICE  19

void watching_init(struct app *app)
{
    struct session_target target;
    transcript_init(&app->output.text);
    app->trigger_task = app->selected_task = TIMELINE_NO_TASK;
    if (session_target(app->session, &target)) {
        app->roster = roster_new();
        app->figures = figures_new();
    }
}

void watching_fini(struct app *app)
{
    transcript_fini(&app->output.text);
}

bool watching_target(const struct app *app, struct session_target *target)
{
    return app->roster && session_target(app->session, target);
}

/* ---- its end ---- */

static const char *name(const struct app *app, char *buf, size_t size)
{
    struct session_info info;
    session_info(app->session, &info);
    export_safe_name(info.workload.name ? info.workload.name : "the program", buf, size);
    return buf;
}

char *watching_end_text(const struct app *app, char *buf, size_t size)
{
    struct session_target target;
    const struct run *run = session_current_run(app->session);
    const uint64_t end_ns = run->end_ns ? run->end_ns : clock_now_ns();
    char who[64], after[40];
    *buf = '\0';
    if (!watching_target(app, &target) || !target.ended)
        return buf;
    name(app, who, sizeof who);
    export_duration(end_ns - run->start_ns, after, sizeof after);
    if (target.exec_error) {
        snprintf(buf, size, "%s cannot be executed: %s", who, strerror(target.exec_error));
    } else if (!target.known) {
        snprintf(buf, size, "%s has ended", who);
    } else if (WIFSIGNALED(target.status)) {
        const char *signal_name = sigabbrev_np(WTERMSIG(target.status));
        snprintf(buf, size, "%s was ended by SIG%s after %s", who, signal_name ? signal_name : "?", after);
    } else {
        snprintf(buf, size, "%s ended with status %d after %s", who, WEXITSTATUS(target.status), after);
    }
    return buf;
}

void watching_turn(struct app *app)
{
    struct session_target target;
    char text[160];
    if (app->tape.is_replay || !watching_target(app, &target))
        return;
    if (!target.ended)
        app->end_told = false; /* it was started again */
    if (!target.ended || app->end_told)
        return;
    const bool is_bad = target.exec_error || (target.known && target.status);
    app->end_told = true;
    if (app->dialog == DIALOG_LEAVE)
        app->dialog = DIALOG_NONE;
    watching_end_text(app, text, sizeof text);
    app_notice(app, is_bad, "%s; q leaves%s", text, target.is_command ? ", r runs it again" : "");
}

/* ---- its output ---- */

static uint64_t n_printed(const struct app *app)
{
    size_t n;
    uint64_t n_before;
    session_output(app->session, &n, &n_before);
    return n_before + n;
}

bool watching_has_news(const struct app *app)
{
    return app->roster && !app->output.is_open && n_printed(app) > app->output.n_seen;
}

int watching_pane_rows(const struct app *app, int rows_of_screen)
{
    return app->output.is_open ? view_output_rows(rows_of_screen) : 0;
}

/* Who looks at what was printed before goes on looking at that. */
static void read_output(struct app *app, int cols, uint64_t *n_before)
{
    size_t n;
    const char *bytes = session_output(app->session, &n, n_before);
    struct transcript *text = &app->output.text;
    const unsigned before = text->n_rows;
    if (app->output.n_read == *n_before + n && app->output.cols == cols)
        return;
    transcript_read(text, bytes, n, cols);
    if (app->output.up && app->output.cols == cols && text->n_rows > before)
        app->output.up += text->n_rows - before;
    app->output.cols = cols;
    app->output.n_read = app->output.n_seen = *n_before + n;
}

void watching_draw_output(struct app *app, struct rect rect)
{
    struct session_target target = {0};
    uint64_t n_before;
    read_output(app, rect.cols - 2, &n_before);
    const unsigned n_rows = app->output.text.n_rows;
    app->output.fit = rect.rows > 1 ? (unsigned)rect.rows - 1 : 1;
    const unsigned most = n_rows > app->output.fit ? n_rows - app->output.fit : 0;
    app->output.up = app->output.up < most ? app->output.up : most;
    session_target(app->session, &target);
    view_output(&app->scene, &app->canvas, rect,
                &(struct output_pane){.text = &app->output.text,
                                      .up = app->output.up,
                                      .n_before = n_before,
                                      .is_captured = target.is_command});
}

void action_output(struct app *app, int unused)
{
    (void)unused;
    if (!app->roster) {
        app_notice(app, false, "only a command prints: schedviz -- COMMAND");
        return;
    }
    app->output.is_open = !app->output.is_open;
    app->output.up = 0;
    app->output.n_seen = n_printed(app);
}

void action_scroll_text(struct app *app, int by)
{
    const unsigned step = app->output.fit > 2 ? app->output.fit / 2 : 1;
    if (!app->output.is_open) {
        action_scroll_lesson(app, by);
        return;
    }
    if (by < 0)
        app->output.up += step;
    else
        app->output.up -= app->output.up < step ? app->output.up : step;
}

/* ---- the filter ---- */

void action_filter(struct app *app, int unused)
{
    (void)unused;
    app->is_typing = true;
}

static bool filter_key(struct app *app, const struct screen_key *key)
{
    switch (key->kind) {
    case SCREEN_CHAR:
        field_type(app->filter, sizeof app->filter, key->ch);
        return true;
    case SCREEN_BACKSPACE:
        app->is_typing = app->filter[0] != '\0';
        field_untype(app->filter);
        return true;
    case SCREEN_ENTER:
        app->is_typing = false;
        return true;
    case SCREEN_ESCAPE:
        app->is_typing = false;
        app->filter[0] = '\0';
        return true;
    default: /* rows are chosen while it is typed */
        return false;
    }
}

void watching_draw_filter(const struct app *app, struct rect rect)
{
    struct canvas *canvas = (struct canvas *)&app->canvas;
    const struct scene *scene = &app->scene;
    char found[64];
    const char *keys = app->is_typing ? "   Enter keep   Esc clear" : "   / change   Esc clear";
    const enum paint back = app->is_typing ? PAINT_BAR : PAINT_BACK;
    const int end = rect.x + rect.cols - 1;
    int x = rect.x + 1;
    canvas_fill(canvas, rect, ' ', PAINT_TEXT, back, 0);
    x += canvas_text(canvas, x, rect.y, end - x, PAINT_ACCENT, back, CELL_BOLD,
                     app->is_typing ? "/" : "filter: ");
    x += canvas_text(canvas, x, rect.y, end - x, PAINT_STRONG, back, CELL_BOLD, app->filter);
    if (app->is_typing)
        canvas_put(canvas, x++, rect.y, ' ', PAINT_TEXT, PAINT_ACCENT, CELL_REVERSE);
    snprintf(found, sizeof found, app->is_typing ? "  %u of %u tasks" : " (%u of %u tasks)",
             scene->n_matching, scene->n_filtered);
    x += canvas_text(canvas, x, rect.y, end - x, scene->n_matching ? PAINT_TEXT : PAINT_WARN, back, 0, found);
    if (x + (int)strlen(keys) <= end)
        canvas_text(canvas, x, rect.y, end - x, PAINT_FAINT, back, 0, keys);
}

/* ---- leaving ---- */

void watching_draw_leave(struct app *app)
{
    char who[64], title[96];
    struct dialog_line lines[3] = {
        {.left = "e", .right = "end it"},
        {.left = "l", .right = "let it run on; nobody will read what it prints"},
        {.left = "Esc", .right = "stay"},
    };
    name(app, who, sizeof who);
    snprintf(title, sizeof title, "%.60s still runs", who);
    view_dialog(&app->scene, &app->canvas,
                &(struct dialog){.title = title, .lines = lines, .n_lines = 3, .selected = -1});
}

static bool leave_key(struct app *app, const struct screen_key *key)
{
    if (key->kind == SCREEN_CHAR && key->ch == 'l')
        session_let_run(app->session);
    if (key->kind == SCREEN_CHAR && (key->ch == 'e' || key->ch == 'l'))
        app->quit = true;
    else if (key->kind == SCREEN_ESCAPE || (key->kind == SCREEN_CHAR && key->ch == 'q'))
        app->dialog = DIALOG_NONE;
    return true;
}

bool watching_key(struct app *app, const struct screen_key *key)
{
    if (app->dialog == DIALOG_LEAVE)
        return leave_key(app, key);
    if (app->is_typing)
        return filter_key(app, key);
    if (app->roster && app->dialog == DIALOG_NONE && key->kind == SCREEN_CHAR && key->ch == 'l') {
        app_notice(app, false, "a program is watched: lessons come from schedviz without a command");
        return true;
    }
    if (key->kind == SCREEN_ESCAPE && app->dialog == DIALOG_NONE && app->filter[0]) {
        app->filter[0] = '\0';
        return true;
    }
    return false;
}

/* ---- rows ---- */

static bool has_rows_to_fold(struct app *app)
{
    if (!app->roster)
        app_notice(app, false,
                   "folds are for the processes of a program: schedviz -- COMMAND, schedviz -p PID");
    return app->roster != NULL;
}

void action_fold(struct app *app, int unused)
{
    (void)unused;
    const uint32_t task = app->selecting ? app_selected_task(app) : TIMELINE_NO_TASK;
    if (!has_rows_to_fold(app))
        return;
    if (task == TIMELINE_NO_TASK)
        app_notice(app, false, "select a process with Up and Down in the views 2 and 3; * folds all");
    else if (!roster_fold(app->roster, task))
        app_notice(app, false, "it has no other threads and no children");
}

void action_fold_all(struct app *app, int unused)
{
    (void)unused;
    if (has_rows_to_fold(app))
        roster_fold_all(app->roster);
}

void action_ended(struct app *app, int unused)
{
    (void)unused;
    if (!has_rows_to_fold(app))
        return;
    app->with_ended = !app->with_ended;
    app->view = 2;
    app_notice(app, false,
               app->with_ended ? "the table has the tasks that have ended, too"
                               : "the table has the tasks that live");
}

/* ---- how the kernel treats it ---- */

/* Whom the kernel runs later is not brought forward again by an ordinary user. */
static const char *way_back(bool is_later)
{
    return is_later && geteuid() != 0 ? "; going back takes root" : "";
}

void action_nice(struct app *app, int by)
{
    struct session_target target;
    struct err err = {0};
    if (!watching_target(app, &target)) {
        app_notice(app, false,
                   "nice: of a program that is watched; a workload file says `priority' of its tasks");
        return;
    }
    int nice = target.nice + by;
    nice = nice < LEAST_NICE ? LEAST_NICE : nice > MOST_NICE ? MOST_NICE : nice;
    if (session_set_nice(app->session, nice, &err))
        app_notice(app, false, "nice %d, for all of its tasks%s", nice, way_back(nice > target.nice));
    else
        app_notice(app, true, "%s", err.msg);
}

void action_policy(struct app *app, int unused)
{
    (void)unused;
    struct session_target target;
    struct err err = {0};
    if (!watching_target(app, &target)) {
        app_notice(app, false,
                   "policy: of a program that is watched; a workload file says `policy' of its tasks");
        return;
    }
    const enum policy next = target.policy == POLICY_BATCH  ? POLICY_IDLE
                             : target.policy == POLICY_IDLE ? POLICY_OTHER
                                                            : POLICY_BATCH;
    if (session_set_policy(app->session, next, &err))
        app_notice(app, false, "%s, for all of its tasks%s", policy_name(next),
                   way_back(next == POLICY_IDLE));
    else
        app_notice(app, true, "%s", err.msg);
}
