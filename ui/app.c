/* The program with a screen: its state, and the loop that turns events and keys into frames. */
#include "app.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "../src/export/export.h"
#include "actions.h"
#include "command.h"
#include "draw.h"
#include "signals.h"
#include "watching.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_NS      (50 * NS_PER_MS)  /* 20 frames a second where the picture moves, */
#define MOST_FRAME_NS (75 * NS_PER_MS)  /* and 13 where a frame is much work: */
#define FRAME_SHARE   50                /* it has this part of the time */
#define SLOW_FRAME_NS (250 * NS_PER_MS) /* the figures, while the picture stands still */
#define NOTICE_NS     (4 * NS_PER_S)
#define MAX_FDS       4200 /* one ring per CPU, and ours */

const struct view_ops *const app_views[N_VIEWS] = {&view_cores,    &view_tasks,   &view_table,
                                                   &view_counters, &view_compare, &view_objects};

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

uint32_t app_selected_task(const struct app *app)
{
    unsigned row = app->selected[app->view];
    const struct view_ops *view = app_views[app->view];
    if (view == &view_table)
        return view_table_task(&app->scene, row);
    return view == &view_tasks && row < app->scene.n_rows ? app->scene.rows[row].task : TIMELINE_NO_TASK;
}

int app_selected_cpu(const struct app *app)
{
    unsigned row = app->selected[app->view];
    return app_views[app->view] == &view_cores && row < app->scene.n_cpus ? app->scene.cpus[row].cpu : -1;
}

/* Whether the picture itself would be another one now: a held window is not drawn twenty times a second. */
static bool picture_moves(const struct app *app)
{
    const struct viewport *vp = &app->viewport;
    switch (vp->mode) {
    case MODE_SCOPE:
        return vp->answer_ns || viewport_live_ns(vp, app->scene.tl) >= vp->hold_until_ns;
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
    if (!screen_ready(app->screen))
        return;
    app->dirty = false;
    app->next_slow_frame_ns = now + SLOW_FRAME_NS;
    draw_frame(app, now);
    const uint64_t wanted = FRAME_SHARE * (clock_now_ns() - now);
    if (wanted > FRAME_NS)
        app->next_frame_ns = now + (wanted < MOST_FRAME_NS ? wanted : MOST_FRAME_NS);
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
        if (tape_key(app, &key) || watching_key(app, &key) || action_dialog_key(app, &key) ||
            lectern_key(app, &key))
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
    if (app->tape.is_replay)
        return;
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
    if (app->lectern.lecture && !app->lectern.is_hidden)
        return; /* the pane tells */
    if (app->roster)
        return; /* its end is told in its own words */
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

/* An inspection is of what stands still: where the picture moves it is not seen, and must not wait for keys.
 */
static void end_inspection(struct app *app)
{
    if (app->dialog == DIALOG_INSPECT && app->viewport.mode != MODE_PAUSED)
        app->dialog = DIALOG_NONE;
}

static void end_after_duration(struct app *app)
{
    const struct run *run = session_current_run(app->session);
    const uint64_t duration = app->lectern.lecture ? app->options->duration_ns : app->setup->duration_ns;
    if (!duration || app->stopped || run->number != 1 || !run->start_ns)
        return;
    if (clock_now_ns() < run->start_ns + duration)
        return;
    app->stopped = true;
    session_stop(app->session);
}

/* ---- what went wrong ---- */

/* Each once, when nothing else stands there. */
static void tell_warnings(struct app *app)
{
    const uint64_t now = clock_now_ns();
    if (app->n_told >= session_n_warnings(app->session) || now < app->notice_until_ns)
        return;
    app_notice(app, false, "warning (h shows all): %s", session_warning(app->session, app->n_told++));
    app->notice_until_ns = now + 2 * NOTICE_NS;
}

static bool has_deadlock(const struct session *session)
{
    const struct waits *waits = timeline_waits(session_timeline(session));
    for (unsigned i = 0; i < waits_n_alerts(waits); i++)
        if (waits_alert(waits, i)->kind == ALERT_DEADLOCK)
            return true;
    return false;
}

static void end_on_deadlock(struct app *app)
{
    if (!app->options->exit_on_deadlock || !has_deadlock(app->session))
        return;
    app->end.deadlock = true;
    app->quit = true;
}

/* ---- all of it ---- */

static int until_next_frame_ms(const struct app *app)
{
    uint64_t now = clock_now_ns();
    return now >= app->next_frame_ns ? 0 : (int)((app->next_frame_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void turn(struct app *app)
{
    session_turn(app->session);
    tape_turn(app);
    end_after_duration(app);
    follow_runs(app);
    watching_turn(app);
    lectern_turn(app);
    end_on_deadlock(app);
    tell_warnings(app);
    frame(app);
    end_inspection(app);
}

static void wait_for_something(struct app *app, struct pollfd *fds, int signals_fd)
{
    fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = signals_fd, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = screen_unsent_fd(app->screen), .events = POLLOUT};
    unsigned n = 3 + session_poll_fds(app->session, fds + 3, MAX_FDS - 3);
    session_sleep(app->session, fds, n, until_next_frame_ms(app));
    if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        app->quit = true;
    if (fds[2].revents)
        screen_ready(app->screen);
}

struct app_end app_run(const struct options *options, const struct setup *setup, struct machine *machine,
                       struct session *session, struct lecture *lecture, struct screen *screen)
{
    struct app *app = mem_new(1, sizeof *app);
    *app = (struct app){.options = options,
                        .setup = setup,
                        .machine = machine,
                        .session = session,
                        .screen = screen,
                        .theme = screen_theme(screen)->name,
                        .depth = screen_theme(screen)->depth,
                        .dirty = true};
    struct session_info info;
    session_info(session, &info);
    viewport_init(&app->viewport);
    if (!info.exact)
        viewport_for_samples(&app->viewport);
    canvas_init(&app->canvas, 1, 1);
    lectern_init(&app->lectern, lecture);
    app->scene.tl = session_timeline(session);
    tape_init(app);
    watching_init(app);
    struct pollfd *fds = mem_new(MAX_FDS, sizeof *fds);
    int signals_fd = signals_open();

    for (turn(app); !app->quit; turn(app)) {
        wait_for_something(app, fds, signals_fd);
        take_signals(app, signals_fd);
        take_keys(app);
    }
    app->end.failed = !session_alive(session, NULL);
    const struct app_end end = app->end;
    canvas_fini(&app->canvas);
    lectern_fini(&app->lectern);
    watching_fini(app);
    library_fini(&app->library);
    scene_fini(app);
    free(fds);
    free(app);
    return end;
}
