/* What the views look at, gathered from the session once a frame. */
#include "scene.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "app.h"
#include "figures.h"
#include "view_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cores ---- */

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

/* ---- tasks ---- */

/* Of what is past the rows are those that were there then; once it is known what a recording shows first. */
static bool is_past(const struct app *app)
{
    return app->tape.is_replay ? app->tape.is_placed : app->viewport.mode == MODE_PAUSED;
}

/* A task is shown while it lives, while its run is the current one, and while its end is still on the screen;
 * of what is past only when it had begun. */
static bool is_shown(const struct app *app, const struct task *task, const struct run *run)
{
    if (task->role == ROLE_HOST)
        return app_views[app->view] == &view_table;
    if (task->role == ROLE_OTHER)
        return app_views[app->view] == &view_table && task->n_slices > 0 && !task->exited;
    if (task->role == ROLE_OBSERVER)
        return true;
    if (task->role != ROLE_WORKLOAD || (task->slot < 0 && !task->carries))
        return false;
    if (is_past(app) && task->first_ns >= app->viewport.start_ns + viewport_span_ns(&app->viewport))
        return false;
    bool living = !task->exited && task->state != STATE_GONE;
    return living || task->run == run->number || task->last_ns >= app->viewport.start_ns;
}

/* The order of the rows: the workload's by slot, then green tasks under the thread that carries them, then
 * our own and others. */
struct ranked {
    int group;
    int32_t carrier; /* tid; 0 for those that no thread of ours carries */
    uint16_t run;    /* in a recording, which has all of them side by side; else 0 */
    int32_t slot;
    uint32_t index;
};

static struct ranked rank(const struct app *app, const struct task *task)
{
    static const int groups[] = {[ROLE_WORKLOAD] = 0, [ROLE_HOST] = 2, [ROLE_OBSERVER] = 3, [ROLE_OTHER] = 4};
    const uint16_t run = app->tape.is_replay ? task->run : 0;
    struct ranked ranked = {groups[task->role], 0, run, task->slot, task->index};
    if (task->carries || task->kind == TASK_GREEN) {
        ranked.group = 1;
        ranked.carrier = task->carries ? task->tid : task->pid;
    }
    return ranked;
}

static int sign(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->group != y->group       ? sign(x->group, y->group)
           : x->carrier != y->carrier ? sign(x->carrier, y->carrier)
           : x->run != y->run         ? sign(x->run, y->run)
           : x->slot != y->slot       ? sign(x->slot, y->slot)
                                      : sign(x->index, y->index);
}

/* Of the tasks that were in one slot one after the other only the last is a row of its own. */
static bool is_replaced(const struct ranked *row, const struct ranked *next)
{
    return row->slot >= 0 && next->slot == row->slot && next->group == row->group &&
           next->carrier == row->carrier && next->run == row->run;
}

static int name_cols(const struct timeline *tl, const uint32_t *tasks, unsigned n)
{
    int cols = 0;
    for (unsigned i = 0; i < n; i++) {
        struct task task;
        char letter[EVENT_NAME_SIZE];
        timeline_task(tl, tasks[i], &task);
        if (task.role != ROLE_WORKLOAD ||
            (task.slot >= 0 && strcmp(workload_task_name((unsigned)task.slot, letter), task.name) == 0))
            continue;
        int name = canvas_text_cols(task.name) + (task.kind == TASK_GREEN ? 2 : 0); /* indented */
        cols = name > cols ? name : cols;
    }
    return cols;
}

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
            rows[n++] = rank(app, &task);
    }
    if (n > 0)
        qsort(rows, n, sizeof *rows, compare_ranked);
    app->tasks = mem_resize(app->tasks, n, sizeof *app->tasks);
    unsigned shown = 0;
    for (unsigned i = 0; i < n; i++)
        if (i + 1 == n || !is_replaced(&rows[i], &rows[i + 1]))
            app->tasks[shown++] = rows[i].index;
    free(rows);
    app->scene.tasks = app->tasks;
    app->scene.n_tasks = shown;
    app->scene.name_cols = name_cols(tl, app->tasks, shown);
}

/* ---- rows ---- */

/* Our own workload's tasks are few: each is a row. */
static void build_own_rows(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->n_rows = scene->n_matching = scene->n_filtered = 0;
    app->rows = mem_resize(app->rows, scene->n_tasks, sizeof *app->rows);
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        struct task task;
        timeline_task(scene->tl, scene->tasks[i], &task);
        scene->n_filtered += task_is_workload(&task);
        if (!roster_matches(app->filter, &task))
            continue;
        scene->n_matching += task_is_workload(&task);
        app->rows[scene->n_rows++] = (struct roster_row){.task = task.index, .is_process = true, .n = 1};
    }
    scene->rows = app->rows;
}

#define MEASURED_ROWS 100u
#define WIDE_NS       (3 * NS_PER_S)  /* how long labels stay wider than they have to be */
#define OTHERS_NS     (10 * NS_PER_S) /* who ran since then is worth a row of the table */

static int label_cols(struct app *app)
{
    const uint64_t now = timeline_now_ns(app->scene.tl);
    struct faces faces;
    int most = 0;
    faces_init(&faces, &app->scene);
    for (unsigned i = 0; i < app->scene.n_rows && i < MEASURED_ROWS; i++) {
        const int cols = view_row_label_cols(&faces, &app->scene.rows[i]);
        most = cols > most ? cols : most;
    }
    faces_fini(&faces);
    if (most >= app->name_cols || now >= app->named_ns + WIDE_NS) {
        app->name_cols = most;
        app->named_ns = now;
    }
    return app->name_cols;
}

/* Without -a, of others only those that could have been in the way. */
static uint64_t others_since(const struct app *app)
{
    const uint64_t now = timeline_now_ns(app->scene.tl);
    if (app_views[app->view] != &view_table)
        return UINT64_MAX;
    return app->options->all || now < OTHERS_NS ? 0 : now - OTHERS_NS;
}

static void build_roster(struct app *app)
{
    struct scene *scene = &app->scene;
    const int rows = app->view_rect.rows - 5; /* the axis, and what a list has around it */
    const bool is_table = app_views[app->view] == &view_table;
    const struct viewport *vp = &app->viewport;
    const struct roster_wish wish = {.start_ns = vp->start_ns,
                                     .end_ns = is_table ? UINT64_MAX : vp->start_ns + viewport_span_ns(vp),
                                     .filter = app->filter,
                                     .n_fit = rows > 8 ? (unsigned)rows : 8,
                                     .with_ended = app->with_ended && is_table,
                                     .others_ns = others_since(app)};
    roster_update(app->roster, scene->tl, &wish);
    const struct roster_counts counts = roster_counts(app->roster);
    scene->tasks = roster_active(app->roster, &scene->n_tasks);
    scene->n_quiet = roster_n_quiet(app->roster);
    scene->rows = roster_rows(app->roster, &scene->n_rows);
    scene->members = roster_members(app->roster);
    scene->n_matching = counts.n_shown;
    scene->n_filtered = counts.n_all;
    scene->name_cols = label_cols(app);
}

static void build_rows(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->roster = app->roster;
    scene->filter = app->filter;
    if (app->roster) {
        build_roster(app);
        return;
    }
    build_tasks(app);
    build_own_rows(app);
}

#define SORT_NS  (150 * NS_PER_US) /* for each row: thousands are not sorted with every frame */
#define FEW_ROWS 200u

static void build_order(struct app *app)
{
    struct scene *scene = &app->scene;
    const uint64_t now = clock_now_ns();
    scene->order = NULL;
    if (app_views[app->view] != &view_table || scene->n_rows <= FEW_ROWS)
        return;
    if (app->n_order != scene->n_rows || app->order_column != scene->sort_column ||
        app->order_reverse != scene->sort_reverse || now >= app->sorted_ns + SORT_NS * scene->n_rows) {
        app->order = mem_resize(app->order, scene->n_rows, sizeof *app->order);
        view_table_sort(scene, app->order);
        app->n_order = scene->n_rows;
        app->order_column = scene->sort_column;
        app->order_reverse = scene->sort_reverse;
        app->sorted_ns = now;
    }
    scene->order = app->order;
}

/* The living task in the trigger's slot; slots shrink, so the first one stands in. A watched program's have
 * none. */
static uint32_t trigger_task(const struct app *app)
{
    uint32_t first = TIMELINE_NO_TASK;
    if (app->roster)
        return app->trigger_task;
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

/* ---- objects ---- */

/* What is noted of an object, of those of a program. */
enum { USED = 1, GOES_DOWN = 2 };

static void note_use(const struct program *program, uint32_t object, uint8_t *notes, uint8_t note)
{
    if (object < program->n_objects)
        notes[object] |= note;
}

static void note_action(const struct program *program, const struct action *action, uint8_t *notes)
{
    note_use(program, action->object, notes, USED);
    note_use(program, action->mutex, notes, USED);
    note_use(program, action->while_counter, notes, USED | GOES_DOWN);
    if (action->kind == ACTION_ADD && action->by < 0)
        note_use(program, action->object, notes, GOES_DOWN);
}

/* The template's objects; true when it forks one that was not used before. */
static bool note_template(const struct program *program, const struct template *template, uint8_t *notes,
                          bool *is_used)
{
    bool forks = false;
    for (unsigned p = 0; p < template->n_phases; p++) {
        for (unsigned i = 0; i < template->phases[p].n_actions; i++) {
            const struct action *action = &template->phases[p].actions[i];
            note_action(program, action, notes);
            if (action->kind == ACTION_FORK && !is_used[action->template])
                is_used[action->template] = forks = true;
        }
    }
    return forks;
}

static void note_objects(const struct workload *workload, uint8_t *notes)
{
    const struct program *program = workload->program;
    bool *is_used = mem_new(program->n_templates, sizeof *is_used);
    for (uint32_t i = 0; i < program->n_templates; i++)
        is_used[i] = program->templates[i].n_instances > 0 && (!workload->started || workload->started[i]);
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < program->n_templates; i++)
            if (is_used[i])
                again |= note_template(program, &program->templates[i], notes, is_used);
    }
    free(is_used);
}

/* The objects that tasks of the run spoke of, by their number in the program. */
static void find_told(const struct timeline *tl, const struct program *program, uint16_t run, uint32_t *told)
{
    const struct waits *waits = timeline_waits(tl);
    for (unsigned i = 0; i < program->n_objects; i++)
        told[i] = WAITS_NONE;
    for (uint32_t i = 0; i < waits_n_objects(waits); i++) {
        struct wait_object object;
        if (!waits_object(waits, i, &object) || object.run != run)
            continue;
        unsigned number = (unsigned)(object.number % EVENT_OBJECT_SET);
        if (number < program->n_objects)
            told[number] = i;
    }
}

/* What the tasks have now stands for the past only of a counter that is added up, in a run that is over: its
 * sum is the outcome, wherever in the run the cursor is. */
static bool is_known(const struct app *app, const struct scene_object *object)
{
    const bool is_sum = object->object->kind == OBJECT_COUNTER && !object->is_level;
    return !app->scene.state || (is_sum && session_current_run(app->session)->end_ns);
}

/* What was found in a counter when the run was over. */
static bool find_sum(const struct run *run, uint32_t object, struct object_state *state)
{
    for (unsigned i = 0; run->end_ns && i < run->n_sums; i++) {
        if (run->sums[i].object != object)
            continue;
        *state = (struct object_state){.value = run->sums[i].found, .expected = run->sums[i].expected};
        return true;
    }
    return false;
}

static void build_objects(struct app *app)
{
    const struct program *program = app->scene.info.workload.program;
    const struct engine *engine = session_engine(app->session); /* NULL: it is replayed */
    const struct run *run = session_current_run(app->session);
    unsigned n = 0;
    app->scene.n_objects = 0;
    if (!program || !program->n_objects)
        return;
    uint8_t *notes = mem_new(program->n_objects, sizeof *notes);
    uint32_t *told = mem_new(program->n_objects, sizeof *told);
    app->objects = mem_resize(app->objects, program->n_objects, sizeof *app->objects);
    note_objects(&app->scene.info.workload, notes);
    find_told(scene_state(&app->scene), program, run->number, told);
    for (unsigned i = 0; i < program->n_objects; i++) {
        struct scene_object *object = &app->objects[n];
        if (!(notes[i] & USED) || program->objects[i].kind == OBJECT_TIMER)
            continue;
        *object = (struct scene_object){
            .object = &program->objects[i], .wait = told[i], .is_level = notes[i] & GOES_DOWN};
        object->has_state =
            is_known(app, object) && ((engine && engine_object(engine, run->number, i, &object->state)) ||
                                      find_sum(run, i, &object->state));
        n++;
    }
    free(notes);
    free(told);
    app->scene.objects = app->objects;
    app->scene.n_objects = n;
}

/* ---- alerts ---- */

/* Those of the run that goes on, as long as they last. */
static void build_alerts(struct app *app)
{
    struct scene *scene = &app->scene;
    const struct waits *waits = timeline_waits(scene->tl);
    const struct run *run = session_current_run(app->session);
    const unsigned room = sizeof scene->warnings / sizeof *scene->warnings;
    const uint64_t at_ns = app->tape.is_replay ? tape_at_ns(app) : UINT64_MAX;
    scene->deadlock = NULL;
    scene->n_warnings = 0;
    for (unsigned i = waits_n_alerts(waits); i-- > 0;) {
        const struct alert *alert = waits_alert(waits, i);
        if (alert->time_ns < run->start_ns || !run->start_ns)
            break;
        if (alert->time_ns > at_ns || (alert->ended_ns && alert->ended_ns <= at_ns) ||
            (run->end_ns && run->end_ns <= at_ns))
            continue;
        if (alert->kind != ALERT_DEADLOCK && scene->n_warnings < room)
            scene->warnings[scene->n_warnings++] = alert;
        else if (alert->kind == ALERT_DEADLOCK && !scene->deadlock && alert->time_ns > app->closed_alert_ns)
            scene->deadlock = alert;
    }
    app->shown_alert_ns = scene->deadlock ? scene->deadlock->time_ns : 0;
}

/* ---- figures ---- */

/* The counters draw over time what they count: that is of this very window. */
static void build_figures(struct app *app)
{
    struct scene *scene = &app->scene;
    const bool moves = app->viewport.mode == MODE_SCOPE || app->viewport.mode == MODE_SCROLL;
    struct figures_wish wish = {.n_tasks = scene->n_tasks,
                                .follows = moves,
                                .may_stay = !scene->is_replay && app_views[app->view] != &view_counters};
    scene->figures = NULL;
    if (!app->figures || !view_window(scene, &wish.lo_ns, &wish.hi_ns))
        return;
    scene->figures = app->figures;
    figures_begin(app->figures, scene->tl, &wish);
}

/* ---- whom they waited for ---- */

#define ANTAGONISTS_NS (500 * NS_PER_MS)

static void build_antagonists(struct app *app)
{
    struct scene *scene = &app->scene;
    const uint64_t now = clock_now_ns();
    uint64_t lo, hi;
    if (!scene->info.all || app_views[app->view] != &view_table || now < app->next_antagonists_ns)
        return;
    scene->n_antagonists = 0;
    scene->waited = (struct behind_sums){0};
    if (view_window(scene, &lo, &hi))
        scene->n_antagonists =
            timeline_antagonists(scene->tl, lo, hi, scene->antagonists,
                                 sizeof scene->antagonists / sizeof *scene->antagonists, &scene->waited);
    app->next_antagonists_ns = now + ANTAGONISTS_NS;
}

/* ---- recordings ---- */

static void build_tape(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->is_replay = app->tape.is_replay;
    scene->at_ns = tape_at_ns(app);
    const bool is_past = scene->is_replay || app->viewport.mode == MODE_PAUSED;
    scene->state =
        is_past && app_views[app->view] == &view_objects
            ? session_state(app->session, scene->is_replay ? scene->at_ns : app->viewport.cursor_ns)
            : NULL;
    if (!scene->is_replay) {
        if (app->screen) /* a picture without one is of what is over */
            session_recording(app->session, &scene->recording);
        return;
    }
    if (app->lectern.lecture)
        scene->info.workload.started =
            lecture_lesson(app->lectern.lecture)->steps[lecture_step(app->lectern.lecture)].started;
    session_origin(app->session, &scene->origin);
    scene->replay_first_ns = app->tape.first_ns;
    scene->replay_last_ns = app->tape.last_ns;
    scene->n_recorded_runs = session_n_runs(app->session);
}

/* The run that is shown; in a recording, when that is the reference itself, the last one. */
static const struct run *compared_run(const struct app *app)
{
    const struct run *run = session_current_run(app->session), *reference = session_reference(app->session);
    if (app->tape.is_replay && reference && reference->number == run->number)
        return session_run(app->session, session_n_runs(app->session) - 1);
    return run;
}

/* ---- all of it ---- */

void scene_build(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->tl = session_timeline(app->session);
    scene->machine = app->machine;
    scene->glyphs = app->options->ascii ? &glyphs_ascii : &glyphs_unicode;
    session_info(app->session, &scene->info);
    build_tape(app);
    build_cpus(app, &scene->info);
    session_target(app->session, &scene->target);
    viewport_update(&app->viewport, scene->tl); /* the rows are of the window */
    build_rows(app);
    build_objects(app);
    build_alerts(app);
    scene->run = session_current_run(app->session);
    scene->n_held = lectern_n_held(app);
    scene->reference = session_reference(app->session);
    scene->compared = compared_run(app);
    scene->compared_is_sampled = session_run_is_sampled(app->session, scene->compared);
    scene->reference_is_sampled = scene->reference && session_run_is_sampled(app->session, scene->reference);
    if (scene->reference) {
        scene->reference_work = session_run_work(app->session, scene->reference);
        scene->compared_work = session_run_work(app->session, scene->compared);
        scene->works_differ = !session_same_work(app->session, scene->reference, scene->compared);
    }
    scene->comparison = session_comparison(app->session);
    scene->mono = app->depth == DEPTH_MONO;
    scene->lecture = app->large;
    scene->show_selected = app->selecting;
    scene->sort_column = app->sort_column;
    scene->sort_reverse = app->sort_reverse;

    app->viewport.trigger_task = trigger_task(app);
    viewport_update(&app->viewport, scene->tl);
    scene->viewport = app->viewport;
    build_figures(app);
    build_antagonists(app);
    build_order(app);
}

/* Rows come and go above the selected one: it stays with its task, but where the order is one of figures. */
static void follow_task(struct app *app)
{
    const struct view_ops *view = app_views[app->view];
    unsigned *selected = &app->selected[app->view];
    const bool is_tree = view == &view_tasks || (view == &view_table && app->sort_column == 0);
    if (!app->roster || !app->selecting || !is_tree || app->sort_reverse)
        return;
    if (*selected < app->scene.n_rows && app->scene.rows[*selected].task == app->selected_task)
        return;
    for (unsigned i = 0; i < app->scene.n_rows; i++)
        if (app->scene.rows[i].task == app->selected_task)
            *selected = i;
}

void scene_place_selection(struct app *app)
{
    const struct view_ops *view = app_views[app->view];
    unsigned rows = view->n_rows(&app->scene), fit = view->n_fit(&app->scene, app->view_rect);
    unsigned *selected = &app->selected[app->view], *scroll = &app->scroll[app->view];
    follow_task(app);
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
    app->selected_task = app_selected_task(app);
}

void scene_fini(struct app *app)
{
    roster_free(app->roster);
    figures_free(app->figures);
    free(app->cpus);
    free(app->tasks);
    free(app->rows);
    free(app->order);
    free(app->objects);
}
