/* The program with a screen: its state, and the loop that turns events and keys into frames. */
#include "app.h"

#include "../src/clock.h"
#include "../src/export/export.h"
#include "actions.h"
#include "command.h"
#include "signals.h"
#include "view_dialog.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_NS      (50 * NS_PER_MS)  /* 20 frames a second where the picture moves */
#define SLOW_FRAME_NS (250 * NS_PER_MS) /* the figures, while the picture stands still */
#define NOTICE_NS     (4 * NS_PER_S)
#define MAX_FDS       4200 /* one ring per CPU, and ours */
#define MIN_COLS      20
#define MIN_ROWS      6

const struct view_ops *const app_views[N_VIEWS] = {&view_cores, &view_tasks, &view_table, &view_counters,
                                                   &view_compare};

void app_notice(struct app *app, bool is_alert, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(app->notice, sizeof app->notice, format, args);
    va_end(args);
    app->notice_is_alert = is_alert;
    app->notice_until_ns = clock_now_ns() + NOTICE_NS;
    app->dirty = true;
}

/* ---- the scene ---- */

/* A core that is off now keeps its lane while the window shows what ran there. */
static bool ran_in_window(const struct app *app, int cpu)
{
    struct bin bin;
    const struct viewport *vp = &app->viewport;
    timeline_cpu_sum(session_timeline(app->session), cpu, vp->start_ns, viewport_span_ns(vp), &bin);
    return bin.run_ns > bin.self_ns;
}

static void build_cpus(struct app *app, const struct session_info *info)
{
    const struct machine *m = app->machine;
    unsigned n = 0;
    app->cpus = mem_resize(app->cpus, m->n_cpus, sizeof *app->cpus);
    for (unsigned i = 0; i < m->n_cpus; i++) {
        int cpu = m->cpus[i].cpu;
        bool chosen = cpuset_has(&info->cpus, cpu) || ran_in_window(app, cpu);
        if (!chosen && !cpuset_has(&m->allowed, cpu) && !cpuset_has(&m->at_start, cpu))
            continue;
        app->cpus[n++] =
            (struct scene_cpu){.cpu = cpu, .chosen = chosen, .online = cpuset_has(&m->online, cpu)};
    }
    app->scene.cpus = app->cpus;
    app->scene.n_cpus = n;
}

/* A task is shown while it lives, while its run is the current one, and while its end is still on the screen.
 */
static bool is_shown(const struct app *app, const struct task *task, const struct run *run)
{
    if (task->role == ROLE_HOST)
        return app_views[app->view] == &view_table;
    if (task->role == ROLE_OTHER)
        return app_views[app->view] == &view_table && task->n_slices > 0 && !task->exited;
    if (task->role == ROLE_OBSERVER)
        return true;
    if (task->role != ROLE_WORKLOAD || task->slot < 0)
        return false;
    bool living = !task->exited && task->state != STATE_GONE;
    return living || task->run == run->number || task->last_ns >= app->viewport.start_ns;
}

static uint64_t task_rank(const struct task *task)
{
    uint64_t group = task->role == ROLE_OTHER      ? 3
                     : task->role == ROLE_OBSERVER ? 2
                     : task->role == ROLE_HOST     ? 1
                                                   : 0;
    return group << 62 | (uint64_t)(task->slot < 0 ? 0 : task->slot) << 32 | task->index;
}

struct ranked {
    uint64_t rank;
    int32_t slot;
    uint32_t index;
    bool own;
};

static int compare_ranked(const void *a, const void *b)
{
    uint64_t x = ((const struct ranked *)a)->rank, y = ((const struct ranked *)b)->rank;
    return x < y ? -1 : x > y;
}

/* Of the tasks that were in one slot one after the other only the last is a row of its own. */
static void build_tasks(struct app *app)
{
    const struct timeline *tl = app->scene.tl;
    unsigned n_tasks = timeline_n_tasks(tl), n = 0;
    const struct run *run = session_current_run(app->session);
    struct ranked *rows = mem_new(n_tasks, sizeof *rows);
    for (uint32_t i = 0; i < n_tasks; i++) {
        struct task task;
        timeline_task(tl, i, &task);
        if (is_shown(app, &task, run))
            rows[n++] = (struct ranked){task_rank(&task), task.slot, i, task.role != ROLE_WORKLOAD};
    }
    if (n > 0)
        qsort(rows, n, sizeof *rows, compare_ranked);
    app->tasks = mem_resize(app->tasks, n, sizeof *app->tasks);
    unsigned shown = 0;
    for (unsigned i = 0; i < n; i++) {
        bool replaced = !rows[i].own && i + 1 < n && !rows[i + 1].own && rows[i + 1].slot == rows[i].slot;
        if (!replaced)
            app->tasks[shown++] = rows[i].index;
    }
    free(rows);
    app->scene.tasks = app->tasks;
    app->scene.n_tasks = shown;
}

/* The living task in the trigger's slot; slots shrink, so the first one stands in. */
static uint32_t trigger_task(const struct app *app)
{
    uint32_t first = TIMELINE_NO_TASK;
    for (unsigned i = 0; i < app->scene.n_tasks; i++) {
        struct task task;
        timeline_task(app->scene.tl, app->scene.tasks[i], &task);
        if (task.slot == (int32_t)app->trigger_slot)
            return task.index;
        if (first == TIMELINE_NO_TASK && task.slot >= 0)
            first = task.index;
    }
    return first;
}

/* Keeps the selected row in its table, and the table scrolled so that it is on the screen. */
static void place_selection(struct app *app)
{
    const struct view_ops *view = app_views[app->view];
    unsigned rows = view->n_rows(&app->scene), fit = view->n_fit(&app->scene, app->view_rect);
    unsigned *selected = &app->selected[app->view], *scroll = &app->scroll[app->view];
    if (*selected >= rows)
        *selected = rows ? rows - 1 : 0;
    if (fit == 0)
        fit = 1;
    if (*selected < *scroll)
        *scroll = *selected;
    if (*selected >= *scroll + fit)
        *scroll = *selected - fit + 1;
    if (*scroll + fit > rows)
        *scroll = rows > fit ? rows - fit : 0;
    app->scene.selected = *selected;
    app->scene.scroll = *scroll;
}

void app_build_scene(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->tl = session_timeline(app->session);
    scene->machine = app->machine;
    scene->glyphs = app->options->ascii ? &glyphs_ascii : &glyphs_unicode;
    session_info(app->session, &scene->info);
    build_cpus(app, &scene->info);
    build_tasks(app);
    scene->run = session_current_run(app->session);
    scene->reference = session_reference(app->session);
    scene->comparison = session_comparison(app->session);
    scene->mono = screen_theme(app->screen)->depth == DEPTH_MONO;
    scene->lecture = app->lecture;
    scene->show_selected = app->selecting;
    scene->sort_column = app->sort_column;
    scene->sort_reverse = app->sort_reverse;

    app->viewport.trigger_task = trigger_task(app);
    viewport_update(&app->viewport, scene->tl);
    scene->viewport = app->viewport;
}

uint32_t app_selected_task(const struct app *app)
{
    unsigned row = app->selected[app->view];
    const struct view_ops *view = app_views[app->view];
    if (view == &view_table)
        return view_table_task(&app->scene, row);
    return view == &view_tasks && row < app->scene.n_tasks ? app->scene.tasks[row] : TIMELINE_NO_TASK;
}

int app_selected_cpu(const struct app *app)
{
    unsigned row = app->selected[app->view];
    return app_views[app->view] == &view_cores && row < app->scene.n_cpus ? app->scene.cpus[row].cpu : -1;
}

/* ---- drawing ---- */

/* What is at the cursor in the selected lane; without a selection, in the first chosen core's. */
static void draw_inspector(struct app *app)
{
    const struct timeline *tl = app->scene.tl;
    uint64_t t = app->viewport.cursor_ns;
    uint32_t task = app_selected_task(app);
    int cpu = task == TIMELINE_NO_TASK ? app_selected_cpu(app) : -1;
    if (task == TIMELINE_NO_TASK && cpu < 0)
        cpu = cpuset_next(&app->scene.info.cpus, -1);
    int rows = app->view_rect.rows / 2 < 9 ? app->view_rect.rows / 2 : 9;
    struct rect rect = {app->view_rect.x, app->view_rect.y + app->view_rect.rows - rows, app->view_rect.cols,
                        rows};
    if (rows < 3 || !t)
        return;
    struct slice slice;
    bool found =
        cpu >= 0 ? timeline_cpu_slice(tl, cpu, t, 0, &slice) : timeline_task_slice(tl, task, t, 0, &slice);
    if (found && slice.start_ns <= t)
        view_inspect(&app->scene, &app->canvas, rect, &slice);
    else
        view_inspect_gap(&app->scene, &app->canvas, rect, cpu, task);
}

static void draw_picker(struct app *app)
{
    struct dialog_line *lines = mem_new(app->scene.n_cpus + 2ul, sizeof *lines);
    unsigned n = 0;
    for (unsigned i = 0; i < app->scene.n_cpus; i++) {
        const struct scene_cpu *cpu = &app->scene.cpus[i];
        const struct machine_cpu *row = machine_cpu(app->machine, cpu->cpu);
        char where[64] = "";
        if (row && row->n_smt > 1)
            snprintf(where, sizeof where, "core %d, hardware thread %d", row->core, row->smt);
        if (row && app->machine->n_packages > 1)
            snprintf(where + strlen(where), sizeof where - strlen(where), "%spackage %d", *where ? ", " : "",
                     row->package);
        if (!cpu->online)
            snprintf(where, sizeof where, "offline");
        snprintf(lines[n].left, sizeof lines[n].left, "[%c] cpu %d",
                 cpuset_has(&app->scene.info.cpus, cpu->cpu) ? 'x' : ' ', cpu->cpu);
        snprintf(lines[n++].right, sizeof lines[n].right, "%s", where);
    }
    view_dialog(&app->scene, &app->canvas,
                &(struct dialog){.title = "Cores",
                                 .footer = "Space or a digit: on, off   Enter: done",
                                 .lines = lines,
                                 .n_lines = n,
                                 .selected = (int)app->dialog_row});
    free(lines);
}

static void draw_help(struct app *app)
{
    struct dialog_line *lines = mem_new(2ul * n_commands, sizeof *lines);
    unsigned n = 0;
    for (unsigned i = 0; i < n_commands; i++) {
        if (i == 0 || strcmp(commands[i].group, commands[i - 1].group) != 0) {
            if (i > 0)
                n++;
            snprintf(lines[n].left, sizeof lines[n].left, "%s", commands[i].group);
            lines[n++].is_heading = true;
        }
        snprintf(lines[n].left, sizeof lines[n].left, "%s", commands[i].keys);
        snprintf(lines[n].right, sizeof lines[n].right, "%s", commands[i].help);
        n++;
    }
    view_dialog(&app->scene, &app->canvas,
                &(struct dialog){.title = "Keys",
                                 .footer = "Up, Down: scroll   Enter, Esc: close",
                                 .lines = lines,
                                 .n_lines = n,
                                 .selected = -1,
                                 .first = &app->dialog_row});
    free(lines);
}

static void draw_bottom(struct app *app, struct rect rect, uint64_t now)
{
    struct session_info *info = &app->scene.info;
    if (info->message[0] && info->message_ns != app->seen_message_ns) {
        app->seen_message_ns = info->message_ns;
        app_notice(app, true, "%s", info->message);
    }
    if (now < app->notice_until_ns) {
        canvas_fill(&app->canvas, rect, ' ', PAINT_TEXT, PAINT_BAR, 0);
        canvas_text(&app->canvas, rect.x + 1, rect.y, rect.cols - 2,
                    app->notice_is_alert ? PAINT_ALERT : PAINT_STRONG, PAINT_BAR, CELL_BOLD, app->notice);
        return;
    }
    /* What helps to find the rest, and the way out, stay to the last; then the order of the table. */
    struct key_label items[64] = {0};
    unsigned n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < n_commands && n < 64; i++) {
            const struct command *c = &commands[i];
            bool first = c->run == action_help || c->run == action_quit;
            if (!c->name || first != (pass == 0))
                continue;
            snprintf(items[n].key, sizeof items[n].key, "%.*s", (int)strcspn(c->keys, " "), c->keys);
            items[n++].label = c->name;
        }
    }
    view_keys(&app->canvas, rect, items, n);
}

/* Why it is not the best source, and how to get that: as long as it is so, in as few rows as hold it. */
static int reason_rows(const struct app *app, int cols, int rows)
{
    const struct session_info *info = &app->scene.info;
    if (!info->reason || app->options->session.source != SOURCE_AUTO || rows < 16)
        return 0;
    int n = (canvas_text_cols(info->reason) + cols - 3) / (cols - 2);
    return n <= rows / 8 ? n : rows / 8;
}

static void draw_reason(struct app *app, struct rect rect)
{
    const char *text = app->scene.info.reason;
    for (int y = 0; y < rect.rows; y++) {
        int n = (int)strlen(text), room = rect.cols - 2;
        if (n > room) {
            for (n = room; n > room / 2 && text[n] != ' '; n--) {
            }
        }
        canvas_printf(&app->canvas, rect.x + 1, rect.y + y, room, PAINT_WARN, PAINT_KEEP, 0, "%.*s", n, text);
        text += n + (text[n] == ' ');
    }
}

static void draw(struct app *app, uint64_t now)
{
    int cols, rows;
    screen_size(app->screen, &cols, &rows);
    if (cols != app->canvas.cols || rows != app->canvas.rows)
        canvas_resize(&app->canvas, cols, rows);
    canvas_clear(&app->canvas);
    if (cols < MIN_COLS || rows < MIN_ROWS) {
        canvas_text(&app->canvas, 0, 0, cols, PAINT_WARN, PAINT_BACK, 0, "too small: 20x6");
        screen_draw(app->screen, &app->canvas);
        return;
    }
    app_build_scene(app);
    bool comparing = app_views[app->view] == &view_compare;
    int summary = comparing ? 0 : view_summary_rows(&app->scene, rows);
    int ticker = app->viewport.mode == MODE_SLOW ? view_ticker_rows(&app->scene, rows) : 0;
    int reason = reason_rows(app, cols, rows);
    app->view_rect = (struct rect){0, 1, cols, rows - 2 - summary - ticker - reason};
    viewport_resize(&app->viewport, app_views[app->view]->lane_cols(&app->scene, app->view_rect));
    viewport_update(&app->viewport, app->scene.tl);
    app->scene.viewport = app->viewport;
    place_selection(app);

    view_title(&app->scene, &app->canvas, (struct rect){0, 0, cols, 1});
    app_views[app->view]->draw(&app->scene, &app->canvas, app->view_rect);
    int y = 1 + app->view_rect.rows;
    if (ticker > 0)
        view_ticker(&app->scene, &app->canvas, (struct rect){0, y, cols, ticker});
    if (summary > 0)
        view_summary(&app->scene, &app->canvas, (struct rect){0, y + ticker, cols, summary});
    if (reason > 0)
        draw_reason(app, (struct rect){0, rows - 1 - reason, cols, reason});
    draw_bottom(app, (struct rect){0, rows - 1, cols, 1}, now);
    if (app->dialog == DIALOG_INSPECT)
        draw_inspector(app);
    else if (app->dialog == DIALOG_PICKER)
        draw_picker(app);
    else if (app->dialog == DIALOG_HELP)
        draw_help(app);
    screen_draw(app->screen, &app->canvas);
}

/* Whether the picture itself would be another one now: a held window is not drawn twenty times a second. */
static bool picture_moves(const struct app *app)
{
    const struct viewport *vp = &app->viewport;
    switch (vp->mode) {
    case MODE_SCOPE:
        return vp->answer_ns || timeline_now_ns(app->scene.tl) >= vp->hold_until_ns;
    case MODE_PAUSED:
        return false;
    default:
        return true;
    }
}

static void frame(struct app *app)
{
    uint64_t now = clock_now_ns();
    bool due = now >= app->next_frame_ns && (picture_moves(app) || now >= app->next_slow_frame_ns);
    if (now >= app->next_frame_ns)
        app->next_frame_ns = now + FRAME_NS;
    if (!due && !app->dirty)
        return;
    /* A terminal that takes nothing now (Ctrl-S, a slow line) must not hold up the capture, nor the way out.
     */
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) == 0)
        return;
    app->dirty = false;
    app->next_slow_frame_ns = now + SLOW_FRAME_NS;
    draw(app, now);
}

/* ---- the loop ---- */

static void take_keys(struct app *app)
{
    for (struct screen_key key = screen_key(app->screen); key.kind != SCREEN_NONE;
         key = screen_key(app->screen)) {
        app->dirty = true;
        if (key.kind == SCREEN_CLICK || key.kind == SCREEN_WHEEL_UP || key.kind == SCREEN_WHEEL_DOWN) {
            action_mouse(app, &key);
            continue;
        }
        if (action_dialog_key(app, &key))
            continue;
        const struct command *command = command_of_key(&key);
        if (command) {
            app->notice_until_ns = 0; /* it answered another key */
            command->run(app, command->argument);
        }
    }
}

/* Ctrl-Z: the workload stops with us, and the terminal is the shell's until we go on. */
static void suspend(struct app *app)
{
    session_suspend(app->session);
    screen_suspend(app->screen);
    kill(getpid(), SIGSTOP);
    screen_resume(app->screen);
    session_resume(app->session);
    app->dirty = true;
}

static void take_signals(struct app *app, int fd)
{
    unsigned came = signals_read(fd);
    if (came & SIGNAL_END)
        app->quit = true;
    if (came & SIGNAL_STOP)
        suspend(app);
    if (came & SIGNAL_RESIZE)
        app->dirty = true;
}

static bool is_live(const struct app *app)
{
    return app->viewport.mode == MODE_SCOPE || app->viewport.mode == MODE_SCROLL;
}

/* Where nothing runs any more there is nothing live to see: the picture stays at the end of the run, until
 * the next one begins. */
static void follow_runs(struct app *app)
{
    const struct timeline *tl = session_timeline(app->session);
    const struct run *run = session_current_run(app->session);
    app->at_end = app->at_end && app->viewport.mode == MODE_PAUSED;
    if (app->at_end && run->number != app->ended_run) {
        viewport_live(&app->viewport, tl);
        app->at_end = false;
    }
    if (!run->end_ns || run->number == app->ended_run || timeline_now_ns(tl) < run->end_ns)
        return;
    app->ended_run = run->number;
    if (is_live(app)) {
        viewport_show_end(&app->viewport, tl, run->end_ns);
        app->at_end = true;
    }
    char makespan[40];
    export_duration(run->end_ns - run->start_ns, makespan, sizeof makespan);
    if (app->stopped)
        app_notice(app, false, "the duration is over: r runs again");
    else if (run->complete)
        app_notice(app, false, "all work is done in %s: r runs again, b keeps this run as the reference",
                   makespan);
    else
        app_notice(app, false, "the run has ended after %s: r runs again", makespan);
}

static void end_after_duration(struct app *app)
{
    const struct run *run = session_current_run(app->session);
    if (!app->options->duration_ns || app->stopped || run->number != 1 || !run->start_ns)
        return;
    if (clock_now_ns() < run->start_ns + app->options->duration_ns)
        return;
    app->stopped = true;
    session_stop(app->session);
}

static int until_next_frame_ms(const struct app *app)
{
    uint64_t now = clock_now_ns();
    return now >= app->next_frame_ns ? 0 : (int)((app->next_frame_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

int app_run(const struct options *options, struct machine *machine, struct session *session,
            struct screen *screen)
{
    struct app *app = mem_new(1, sizeof *app);
    *app = (struct app){.options = options,
                        .machine = machine,
                        .session = session,
                        .screen = screen,
                        .theme = screen_theme(screen)->name,
                        .dirty = true};
    viewport_init(&app->viewport);
    canvas_init(&app->canvas, 1, 1);
    app->scene.tl = session_timeline(session);
    struct pollfd *fds = mem_new(MAX_FDS, sizeof *fds);
    int signals_fd = signals_open();

    while (!app->quit) {
        session_turn(session);
        end_after_duration(app);
        follow_runs(app);
        frame(app);
        fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = signals_fd, .events = POLLIN};
        unsigned n = 2 + session_poll_fds(session, fds + 2, MAX_FDS - 2);
        session_sleep(session, fds, n, until_next_frame_ms(app));
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
            app->quit = true;
        take_signals(app, signals_fd);
        take_keys(app);
    }
    canvas_fini(&app->canvas);
    free(fds);
    free(app->cpus);
    free(app->tasks);
    free(app);
    return 0;
}
