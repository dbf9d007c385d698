/* What the commands do. */
#include "actions.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "app.h"
#include "watching.h"

#include <stdio.h>
#include <string.h>

/* ---- cores and tasks ---- */

/* A change was asked for: either it is on the screen within this frame, or a line says why not. */
static void changed(struct app *app, bool ok, const struct err *err)
{
    if (ok)
        viewport_answer(&app->viewport, clock_now_ns());
    else
        app_notice(app, true, "%s", err->msg);
}

static void set_cpus(struct app *app, const struct cpuset *cpus)
{
    struct err err = {0};
    changed(app, session_set_cpus(app->session, cpus, &err), &err);
}

void action_cores(struct app *app, int by)
{
    struct session_info info;
    session_info(app->session, &info);
    struct cpuset cpus = info.cpus;
    int cpu;
    if (by > 0) {
        cpu = machine_next_cpu(app->machine, &cpus);
        if (cpu < 0) {
            app_notice(app, false, "every core that may be used is on");
            return;
        }
        cpuset_add(&cpus, cpu);
    } else {
        cpu = machine_last_cpu(app->machine, &cpus);
        cpuset_remove(&cpus, cpu);
    }
    set_cpus(app, &cpus);
}

void action_picker(struct app *app, int unused)
{
    (void)unused;
    if (app->tape.is_replay) {
        app_notice(app, true, "this is a recording: what happened in it stays as it was");
        return;
    }
    app->dialog = app->dialog == DIALOG_PICKER ? DIALOG_NONE : DIALOG_PICKER;
    app->dialog_row = 0;
}

void action_tasks(struct app *app, int by)
{
    struct session_info info;
    struct err err = {0};
    session_info(app->session, &info);
    unsigned n = by > 0 ? info.workload.n_tasks + 1 : info.workload.n_tasks - 1;
    changed(app, session_set_n_tasks(app->session, n, &err), &err);
}

void action_kind(struct app *app, int unused)
{
    (void)unused;
    struct session_info info;
    struct err err = {0};
    session_info(app->session, &info);
    enum task_kind kind = info.workload.kind == TASK_THREAD ? TASK_PROCESS : TASK_THREAD;
    changed(app, session_set_kind(app->session, kind, &err), &err);
}

void action_placement(struct app *app, int unused)
{
    (void)unused;
    struct session_info info;
    struct err err = {0};
    session_info(app->session, &info);
    enum placement placement =
        info.workload.placement == PLACEMENT_PINNED ? PLACEMENT_FREE : PLACEMENT_PINNED;
    changed(app, session_set_placement(app->session, placement, &err), &err);
    if (info.finished)
        app_notice(app, false, "%s, from the next run on (r)", workload_placement_name(placement));
}

/* ---- time ---- */

static struct timeline *timeline(const struct app *app)
{
    return session_timeline(app->session);
}

static void set_mode(struct app *app, enum time_mode mode)
{
    if (mode == MODE_PAUSED && app->viewport.mode != MODE_PAUSED)
        app->resume_mode = app->viewport.mode;
    viewport_set_mode(&app->viewport, timeline(app), mode);
}

void action_restart(struct app *app, int unused)
{
    (void)unused;
    struct err err = {0};
    if (app->tape.is_replay) {
        action_home(app, 0);
        set_mode(app, app->resume_mode);
        return;
    }
    if (lectern_restart(app))
        return;
    changed(app, session_restart(app->session, &err), &err);
    if (app->viewport.mode == MODE_PAUSED)
        viewport_live(&app->viewport, session_timeline(app->session));
}

void action_mode(struct app *app, int mode)
{
    set_mode(app, (enum time_mode)mode);
}

void action_pause(struct app *app, int unused)
{
    (void)unused;
    set_mode(app, app->viewport.mode == MODE_PAUSED ? app->resume_mode : MODE_PAUSED);
}

void action_slowness(struct app *app, int direction)
{
    static const unsigned steps[] = {10, 20, 50, 100, 200, 500, 1000};
    unsigned n = sizeof steps / sizeof *steps, i = 0;
    while (i + 1 < n && steps[i] < app->viewport.slowness)
        i++;
    if (direction > 0 && i + 1 < n)
        i++;
    else if (direction < 0 && i > 0)
        i--;
    app->viewport.slowness = steps[i];
    if (app->viewport.mode != MODE_SLOW)
        set_mode(app, MODE_SLOW);
}

void action_zoom(struct app *app, int direction)
{
    viewport_zoom(&app->viewport, timeline(app), direction);
}

static void pan(struct app *app, int cols)
{
    if (cols > 0 && !app->tape.is_replay &&
        (app->viewport.mode == MODE_SCOPE || app->viewport.mode == MODE_SCROLL)) {
        app_notice(app, false, "this is live: there is nothing later yet");
        return;
    }
    set_mode(app, MODE_PAUSED);
    viewport_pan(&app->viewport, timeline(app), cols);
}

void action_pan(struct app *app, int direction)
{
    int step = app->viewport.cols / 16;
    pan(app, direction * (step > 0 ? step : 1));
}

void action_page(struct app *app, int direction)
{
    const struct view_ops *view = app_views[app->view];
    unsigned n = view->n_rows(&app->scene), fit = view->n_fit(&app->scene, app->view_rect);
    if ((view == &view_table || (view == &view_tasks && app->roster && n > fit)) && n > 0) {
        unsigned *selected = &app->selected[app->view];
        app->selecting = true;
        *selected = direction > 0 ? *selected + fit : *selected > fit ? *selected - fit : 0;
        *selected = *selected < n ? *selected : n - 1;
        app->selected_task = app_selected_task(app);
        return;
    }
    pan(app, direction * app->viewport.cols * 3 / 4);
}

void action_home(struct app *app, int unused)
{
    (void)unused;
    set_mode(app, MODE_PAUSED);
    viewport_home(&app->viewport, timeline(app));
}

void action_live(struct app *app, int unused)
{
    (void)unused;
    if (app->tape.is_replay)
        viewport_show_end(&app->viewport, timeline(app), app->tape.last_ns);
    else
        viewport_live(&app->viewport, timeline(app));
}

/* Of the selected core, or when the selected task comes in; of any core, where no row is selected. */
static uint64_t next_switch(const struct app *app, uint64_t from_ns, int direction)
{
    const uint32_t task = app->selecting ? app_selected_task(app) : TIMELINE_NO_TASK;
    const int cpu = app->selecting ? app_selected_cpu(app) : -1;
    return task != TIMELINE_NO_TASK ? timeline_next_switch_in(timeline(app), task, from_ns, direction)
                                    : timeline_next_switch(timeline(app), cpu, from_ns, direction);
}

/* Of a recording that is larger than memory what lies around the cursor is brought there first, and then what
 * lies beyond that. */
static uint64_t next_step(struct app *app, int direction)
{
    const uint64_t from_ns = app->viewport.cursor_ns;
    session_show(app->session, from_ns, from_ns, from_ns);
    uint64_t t = next_switch(app, from_ns, direction);
    if (!t && app->tape.is_replay) {
        const uint64_t edge_ns =
            direction > 0 ? timeline_now_ns(timeline(app)) + 1 : timeline_edge_ns(timeline(app)) - 1;
        session_show(app->session, edge_ns, edge_ns, from_ns);
        t = next_switch(app, from_ns, direction);
    }
    app->scene.tl = timeline(app);
    return t;
}

void action_step(struct app *app, int direction)
{
    set_mode(app, MODE_PAUSED);
    const uint64_t t = next_step(app, direction);
    if (t)
        viewport_move_cursor(&app->viewport, timeline(app), t);
    else
        app_notice(app, false, "%s",
                   direction < 0         ? "no earlier switch is kept"
                   : app->tape.is_replay ? "no later switch is in the recording"
                                         : "no later switch yet");
}

/* The nearest of these instants before or behind t_ns; nearest_ns is the one that was found so far, 0: none.
 */
static uint64_t nearer(uint64_t nearest_ns, uint64_t at_ns, uint64_t t_ns, int direction)
{
    const bool is_ahead = direction > 0 ? at_ns > t_ns : at_ns < t_ns;
    const bool is_nearer = !nearest_ns || (direction > 0 ? at_ns < nearest_ns : at_ns > nearest_ns);
    return is_ahead && is_nearer ? at_ns : nearest_ns;
}

void action_mark(struct app *app, int direction)
{
    const struct timeline *tl = timeline(app);
    const struct waits *waits = timeline_waits(tl);
    uint64_t nearest_ns = 0;
    set_mode(app, MODE_PAUSED);
    const uint64_t t_ns = app->viewport.cursor_ns;
    for (unsigned i = 0; i < timeline_n_marks(tl); i++)
        nearest_ns = nearer(nearest_ns, timeline_mark(tl, i)->time_ns, t_ns, direction);
    for (unsigned i = 0; i < waits_n_alerts(waits); i++)
        nearest_ns = nearer(nearest_ns, waits_alert(waits, i)->since_ns, t_ns, direction);
    if (nearest_ns)
        viewport_move_cursor(&app->viewport, tl, nearest_ns);
    else
        app_notice(app, false,
                   direction < 0 ? "no mark and no alert before this" : "no mark and no alert behind this");
}

void action_inspect(struct app *app, int unused)
{
    (void)unused;
    set_mode(app, MODE_PAUSED);
    app->dialog = app->dialog == DIALOG_INSPECT ? DIALOG_NONE : DIALOG_INSPECT;
}

/* A watched program's tasks have no slots: the selected row's, or none again. */
static void trigger_row(struct app *app, uint32_t index)
{
    struct task task;
    char name[80];
    if (!app->selecting || index == TIMELINE_NO_TASK || index == app->trigger_task) {
        app->trigger_task = TIMELINE_NO_TASK;
        app_notice(app, false, "the scope runs free: select a row for it to be triggered by");
    } else {
        timeline_task(timeline(app), index, &task);
        app->trigger_task = index;
        export_safe_name(task.name, name, sizeof name);
        app_notice(app, false, "the scope is triggered by %s, tid %d", name, task.tid);
    }
    set_mode(app, MODE_SCOPE);
}

void action_trigger(struct app *app, int unused)
{
    (void)unused;
    uint32_t index = app_selected_task(app);
    if (app->roster) {
        trigger_row(app, index);
        return;
    }
    struct session_info info;
    struct task task = {.slot = -1};
    char name[EVENT_NAME_SIZE];
    session_info(app->session, &info);
    if (app->selecting && index != TIMELINE_NO_TASK)
        timeline_task(timeline(app), index, &task);
    if (task.slot >= 0)
        app->trigger_slot = (unsigned)task.slot;
    else
        app->trigger_slot = (app->trigger_slot + 1) % info.workload.n_tasks;
    set_mode(app, MODE_SCOPE);
    app_notice(app, false, "the scope is triggered by task %s", workload_task_name(app->trigger_slot, name));
}

/* ---- views ---- */

void action_view(struct app *app, int view)
{
    app->view = (unsigned)view;
}

void action_next_view(struct app *app, int direction)
{
    do /* what needs a workload of our own is passed over */
        app->view = (app->view + (direction > 0 ? 1 : N_VIEWS - 1)) % N_VIEWS;
    while (app->roster && (app_views[app->view] == &view_compare || app_views[app->view] == &view_objects));
}

void action_select(struct app *app, int direction)
{
    unsigned n = app_views[app->view]->n_rows(&app->scene);
    unsigned *selected = &app->selected[app->view];
    if (n == 0)
        return;
    if (!app->selecting)
        app->selecting = true;
    else if (direction > 0 && *selected + 1 < n)
        ++*selected;
    else if (direction < 0 && *selected > 0)
        --*selected;
    app->selected_task = app_selected_task(app);
}

void action_sort(struct app *app, int reverse)
{
    app->view = 2;
    if (reverse)
        app->sort_reverse = !app->sort_reverse;
    else
        app->sort_column = (app->sort_column + 1) % view_table_n_columns();
}

void action_lecture(struct app *app, int unused)
{
    (void)unused;
    app->large = !app->large;
}

void action_theme(struct app *app, int unused)
{
    (void)unused;
    app->theme = (enum theme_name)((app->theme + 1) % (THEME_MONO + 1));
    screen_set_theme(app->screen, app->theme);
}

/* ---- comparison ---- */

void action_compare(struct app *app, int unused)
{
    (void)unused;
    struct err err = {0};
    if (app->tape.is_replay && session_n_runs(app->session) > 1) {
        app->view = 4;
        app_notice(app, false, "the runs of a recording: b keeps the one at the cursor as the reference");
        return;
    }
    bool ok = session_compare(app->session, &err);
    if (!ok) {
        app_notice(app, true, "%s", err.msg);
        return;
    }
    app->view = 4;
    if (app->viewport.mode == MODE_PAUSED)
        viewport_live(&app->viewport, timeline(app));
    app_notice(app, false, "%s",
               session_comparison(app->session) == COMPARE_TOGETHER
                   ? "both runs go at the same time, on cores of their own"
                   : "no core is free for both: one core first, then the chosen ones");
}

void action_keep(struct app *app, int unused)
{
    (void)unused;
    const struct run *run = session_current_run(app->session), *reference = session_reference(app->session);
    if (app->tape.is_replay && session_n_runs(app->session) < 2) {
        app_notice(app, false, "there is one run in this recording: nothing to hold against it");
        return;
    }
    bool drop = reference && reference->number == run->number;
    session_keep(app->session, drop ? 0 : run->number);
    app_notice(app, false,
               drop                  ? "the reference is dropped"
               : app->tape.is_replay ? "run %u is the reference: 5 shows the others against it"
                                     : "run %u is the reference: change the cores and press r",
               run->number);
}

/* ---- program ---- */

void action_help(struct app *app, int unused)
{
    (void)unused;
    app->dialog = app->dialog == DIALOG_HELP ? DIALOG_NONE : DIALOG_HELP;
    app->dialog_row = 0;
}

void action_redraw(struct app *app, int unused)
{
    (void)unused;
    screen_redraw(app->screen);
}

void action_close(struct app *app, int unused)
{
    (void)unused;
    if (app->dialog == DIALOG_NONE && app->shown_alert_ns)
        app->closed_alert_ns = app->shown_alert_ns;
    app->dialog = DIALOG_NONE;
    app->selecting = false;
    app->notice_until_ns = 0;
}

void action_quit(struct app *app, int unused)
{
    (void)unused;
    struct session_target target;
    if (!app->tape.is_replay && watching_target(app, &target) && target.is_command && !target.ended)
        app->dialog = DIALOG_LEAVE;
    else
        app->quit = true;
}

/* ---- dialogs ---- */

static void toggle_cpu(struct app *app, int cpu)
{
    struct session_info info;
    session_info(app->session, &info);
    struct cpuset cpus = info.cpus;
    if (cpuset_has(&cpus, cpu))
        cpuset_remove(&cpus, cpu);
    else
        cpuset_add(&cpus, cpu);
    set_cpus(app, &cpus);
}

static bool picker_key(struct app *app, const struct screen_key *key)
{
    unsigned n = app->scene.n_cpus;
    bool digit = key->kind == SCREEN_CHAR && key->ch >= '0' && key->ch <= '9';
    if (digit)
        toggle_cpu(app, (int)(key->ch - '0'));
    else if (key->kind == SCREEN_UP && app->dialog_row > 0)
        app->dialog_row--;
    else if (key->kind == SCREEN_DOWN && app->dialog_row + 1 < n)
        app->dialog_row++;
    else if (key->kind == SCREEN_CHAR && key->ch == ' ' && app->dialog_row < n)
        toggle_cpu(app, app->scene.cpus[app->dialog_row].cpu);
    else if (key->kind == SCREEN_ENTER)
        app->dialog = DIALOG_NONE;
    else
        return key->kind == SCREEN_UP || key->kind == SCREEN_DOWN;
    return true;
}

static bool help_key(struct app *app, const struct screen_key *key)
{
    switch (key->kind) {
    case SCREEN_UP:
        app->dialog_row -= app->dialog_row > 0;
        return true;
    case SCREEN_DOWN:
        app->dialog_row++;
        return true;
    case SCREEN_PAGE_UP:
        app->dialog_row -= app->dialog_row < 10 ? app->dialog_row : 10;
        return true;
    case SCREEN_PAGE_DOWN:
        app->dialog_row += 10;
        return true;
    case SCREEN_ENTER:
        app->dialog = DIALOG_NONE;
        return true;
    case SCREEN_CHAR:
        if (key->ch == 'q' || key->ch == ' ') {
            app->dialog = DIALOG_NONE;
            return true;
        }
        return false;
    default:
        return false;
    }
}

bool action_dialog_key(struct app *app, const struct screen_key *key)
{
    if (app->dialog == DIALOG_PICKER)
        return picker_key(app, key);
    if (app->dialog == DIALOG_LESSONS)
        return library_key(app, key);
    return app->dialog == DIALOG_HELP && help_key(app, key);
}

/* ---- mouse ---- */

static bool is_inside(const struct rect *rect, const struct screen_key *key)
{
    return key->x >= rect->x && key->x < rect->x + rect->cols && key->y >= rect->y &&
           key->y < rect->y + rect->rows;
}

void action_mouse(struct app *app, const struct screen_key *key)
{
    const struct view_ops *view = app_views[app->view];
    unsigned row = 0;
    uint64_t t = 0;
    if (app->dialog != DIALOG_NONE && app->dialog != DIALOG_INSPECT) {
        if (key->kind == SCREEN_CLICK)
            app->dialog = DIALOG_NONE;
        return;
    }
    if (is_inside(&app->pane_rect, key)) {
        if (key->kind != SCREEN_CLICK)
            action_scroll_text(app, key->kind == SCREEN_WHEEL_UP ? -1 : 1);
        return;
    }
    bool hit = view->hit && view->hit(&app->scene, app->view_rect, key->x, key->y, &row, &t);
    if (key->kind != SCREEN_CLICK) {
        int direction = key->kind == SCREEN_WHEEL_UP ? 1 : -1;
        if (hit && t && app->viewport.mode == MODE_PAUSED)
            viewport_zoom_at(&app->viewport, timeline(app), direction, t);
        else
            viewport_zoom(&app->viewport, timeline(app), direction);
        return;
    }
    if (!hit)
        return;
    app->selected[app->view] = row;
    app->selecting = true;
    app->selected_task = app_selected_task(app);
    if (t) {
        set_mode(app, MODE_PAUSED);
        viewport_move_cursor(&app->viewport, timeline(app), t);
        app->dialog = DIALOG_INSPECT;
    }
}
