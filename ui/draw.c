/* One frame: where the parts of the screen stand, and what lies over them. */
#include "draw.h"

#include "../src/err.h"
#include "actions.h"
#include "app.h"
#include "command.h"
#include "view_dialog.h"
#include "watching.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_COLS 20
#define MIN_ROWS 6

/* ---- what lies over the view ---- */

/* Who woke the task of a slice last, as of its begin; that is not kept with slices, but with all tasks'
 * states.
 */
static uint32_t waker_of(const struct app *app, const struct slice *slice)
{
    struct task task;
    if (!app->scene.info.all)
        return TIMELINE_NO_TASK;
    const struct timeline *state = session_state(app->session, slice->start_ns);
    timeline_task(state, slice->task, &task);
    return timeline_now_ns(state) <= slice->end_ns ? task.last_waker : TIMELINE_NO_TASK; /* else it is gone */
}

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
        view_inspect(&app->scene, &app->canvas, rect, &slice, waker_of(app, &slice));
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
        else if (!cpuset_has(&app->machine->allowed, cpu->cpu))
            snprintf(where, sizeof where, "taken away");
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

/* What the machine refused, and what of a file is done in another way here: readable in full. */
static unsigned fill_warnings(const struct app *app, struct dialog_line *lines)
{
    unsigned n = 0;
    if (!session_n_warnings(app->session))
        return 0;
    snprintf(lines[n].left, sizeof lines[n].left, "Warnings");
    lines[n++].is_heading = true;
    for (unsigned i = 0; i < session_n_warnings(app->session); i++, n++) {
        snprintf(lines[n].left, sizeof lines[n].left, "%u", i + 1);
        snprintf(lines[n].right, sizeof lines[n].right, "%s", session_warning(app->session, i));
    }
    return n + 1;
}

static void draw_help(struct app *app)
{
    struct dialog_line *lines =
        mem_new(2ul * n_commands + session_n_warnings(app->session) + 2, sizeof *lines);
    unsigned n = fill_warnings(app, lines);
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

/* Keys that do nothing now have no place in the bar. */
static bool is_idle(const struct app *app, const struct command *command)
{
    void (*const run)(struct app *, int) = command->run;
    if (run == action_step_of_lesson)
        return !app->lectern.lecture;
    if (app->tape.is_replay &&
        (run == action_cores || run == action_picker || run == action_tasks || run == action_kind ||
         run == action_placement || run == action_compare || run == action_restart || run == action_record))
        return true;
    if (!app->roster)
        return run == action_output || run == action_fold || run == action_filter;
    if (run == action_restart)
        return !app->scene.target.is_command || !app->scene.target.ended;
    return run == action_tasks || run == action_kind || run == action_placement || run == action_compare ||
           run == action_lessons || (run == action_output && !app->scene.target.is_command);
}

/* An open question comes before all else: its keys, those of the lesson, and the way out. */
static void draw_keys_of_question(struct app *app, struct rect rect)
{
    const char *const escape = app->dialog == DIALOG_INSPECT ? "close" : "skip";
    const struct key_label items[] = {{.key = "Enter", .label = "answer"}, {.key = "Esc", .label = escape},
                                      {.key = "h", .label = "help"},       {.key = "q", .label = "quit"},
                                      {.key = "n", .label = "next"},       {.key = "p", .label = "back"},
                                      {.key = "l", .label = "lessons"},    {.key = "H", .label = "hide"}};
    view_keys(&app->canvas, rect, items, sizeof items / sizeof *items);
}

static void draw_bottom(struct app *app, struct rect rect, uint64_t now)
{
    struct session_info *info = &app->scene.info;
    if (app->is_typing) {
        watching_draw_filter(app, rect);
        return;
    }
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
    if (lectern_asks(app) && (app->dialog == DIALOG_NONE || app->dialog == DIALOG_INSPECT)) {
        draw_keys_of_question(app, rect);
        return;
    }
    /* What helps to find the rest, and the way out, stay to the last; then the order of the table. */
    struct key_label items[64] = {0};
    unsigned n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < n_commands && n < 64; i++) {
            const struct command *c = &commands[i];
            bool first = c->run == action_help || c->run == action_quit;
            if (!c->name || first != (pass == 0) || is_idle(app, c))
                continue;
            snprintf(items[n].key, sizeof items[n].key, "%.*s", (int)strcspn(c->keys, " "), c->keys);
            items[n].is_lit = (c->run == action_output && watching_has_news(app)) ||
                              (c->run == action_record && app->scene.recording.is_on);
            items[n++].label = c->name;
        }
    }
    view_keys(&app->canvas, rect, items, n);
}

/* Why it is not the best source, and how to get that: as long as it is so, in as few rows as hold it. */
static int reason_rows(const struct app *app, int cols, int rows)
{
    const struct session_info *info = &app->scene.info;
    if (!info->reason || app->options->source != SOURCE_AUTO || rows < 16)
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

/* Rows of the parts under each other, and the lesson beside or under them. */
struct layout {
    int cols, rows; /* of the part beside the lesson: all but the title and the keys */
    int alert, ticker, summary, warnings, reason, filter, pane, pane_cols;
};

static struct layout make_layout(struct app *app, const struct lesson_pane *pane)
{
    const struct scene *scene = &app->scene;
    const int all = app->canvas.rows, cols = app->canvas.cols;
    struct layout layout = {.cols = cols, .rows = all - 2};
    if (pane)
        layout.pane_cols = view_lesson_cols(cols);
    if (pane && !layout.pane_cols)
        layout.pane = view_lesson_rows(scene, pane, cols, all);
    if (lectern_asks_hidden(app))
        layout.pane = 1;
    if (!pane && app->output.is_open)
        layout.pane = watching_pane_rows(app, all);
    layout.cols -= layout.pane_cols;
    layout.rows -= layout.pane;
    const int rows = all - layout.pane; /* as of a screen that is so much lower */
    bool comparing = app_views[app->view] == &view_compare;
    layout.alert = view_alert_rows(scene, rows);
    layout.summary = comparing ? 0 : view_summary_rows(scene, rows - layout.alert);
    layout.ticker = app->viewport.ticking ? view_ticker_rows(scene, rows) : 0;
    layout.warnings = view_warning_rows(scene, rows);
    layout.reason = reason_rows(app, layout.cols, rows);
    layout.filter = app->filter[0] && !app->is_typing;
    return layout;
}

static void resize_window(struct app *app)
{
    viewport_resize(&app->viewport, app_views[app->view]->lane_cols(&app->scene, app->view_rect));
}

/* The view gets what is left; the window of time fits it. */
static void place_view(struct app *app, const struct layout *layout)
{
    const int others =
        layout->alert + layout->ticker + layout->summary + layout->warnings + layout->reason + layout->filter;
    int rows = layout->rows - others;
    app->view_rect = (struct rect){0, 1 + layout->alert, layout->cols, rows > 1 ? rows : 1};
    resize_window(app);
    const uint64_t start_ns = app->viewport.start_ns;
    tape_set_time(app);
    lectern_set_time(app);
    viewport_update(&app->viewport, app->scene.tl);
    if (app->tape.is_replay && app->viewport.start_ns != start_ns) { /* its rows are of the window, */
        scene_build(app);
        resize_window(app); /* and their labels leave it that many columns */
    }
    app->scene.viewport = app->viewport;
    scene_place_selection(app);
}

static void draw_parts(struct app *app, const struct layout *layout, const struct lesson_pane *pane)
{
    const struct scene *scene = &app->scene;
    struct canvas *canvas = &app->canvas;
    const int cols = layout->cols, rows = canvas->rows;
    int y = 1;
    view_title(scene, canvas, (struct rect){0, 0, canvas->cols, 1});
    if (layout->alert > 0)
        view_alert(scene, canvas, (struct rect){0, y, cols, layout->alert});
    app_views[app->view]->draw(scene, canvas, app->view_rect);
    y = app->view_rect.y + app->view_rect.rows;
    if (layout->ticker > 0)
        view_ticker(scene, canvas, (struct rect){0, y, cols, layout->ticker});
    y += layout->ticker;
    if (layout->summary > 0)
        view_summary(scene, canvas, (struct rect){0, y, cols, layout->summary});
    y += layout->summary;
    if (layout->warnings > 0)
        view_warnings(scene, canvas, (struct rect){0, y, cols, layout->warnings});
    y += layout->warnings;
    if (layout->reason > 0)
        draw_reason(app, (struct rect){0, y, cols, layout->reason});
    y += layout->reason;
    if (layout->filter > 0)
        watching_draw_filter(app, (struct rect){0, y, cols, layout->filter});
    y += layout->filter;
    app->pane_rect = layout->pane_cols ? (struct rect){cols, 1, layout->pane_cols, rows - 2}
                                       : (struct rect){0, y, cols, layout->pane};
    if (lectern_asks_hidden(app))
        canvas_text(canvas, 1, y, cols - 2, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD,
                    "waits for a prediction; H shows it");
    else if (app->pane_rect.rows > 0 && !pane)
        watching_draw_output(app, app->pane_rect);
    else if (app->pane_rect.rows > 0)
        view_lesson(scene, canvas, app->pane_rect, pane, layout->pane_cols > 0);
}

static void draw_dialog(struct app *app)
{
    switch (app->dialog) {
    case DIALOG_NONE:
        break;
    case DIALOG_INSPECT:
        draw_inspector(app);
        break;
    case DIALOG_PICKER:
        draw_picker(app);
        break;
    case DIALOG_HELP:
        draw_help(app);
        break;
    case DIALOG_LESSONS:
        library_draw(app);
        break;
    case DIALOG_LEAVE:
        watching_draw_leave(app);
        break;
    case DIALOG_RECORD:
        tape_draw_record(app);
        break;
    case DIALOG_EXPORT:
        tape_draw_export(app);
        break;
    }
}

void draw_canvas(struct app *app, uint64_t now)
{
    const int cols = app->canvas.cols, rows = app->canvas.rows;
    struct lesson_pane pane;
    canvas_clear(&app->canvas);
    if (cols < MIN_COLS || rows < MIN_ROWS) {
        canvas_text(&app->canvas, 0, 0, cols, PAINT_WARN, PAINT_BACK, 0, "too small: 20x6");
        return;
    }
    lectern_set_view(app);
    scene_build(app);
    const bool has_pane = lectern_pane(app, &pane);
    const struct layout layout = make_layout(app, has_pane ? &pane : NULL);
    place_view(app, &layout);
    draw_parts(app, &layout, has_pane ? &pane : NULL);
    draw_bottom(app, (struct rect){0, rows - 1, cols, 1}, now);
    draw_dialog(app);
}

void draw_frame(struct app *app, uint64_t now)
{
    int cols, rows;
    screen_size(app->screen, &cols, &rows);
    if (cols != app->canvas.cols || rows != app->canvas.rows)
        canvas_resize(&app->canvas, cols, rows);
    draw_canvas(app, now);
    screen_draw(app->screen, &app->canvas);
}
