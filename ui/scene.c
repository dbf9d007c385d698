/* What the views look at, gathered from the session once a frame. */
#include "scene.h"

#include "../src/err.h"
#include "app.h"

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
    if (task->role != ROLE_WORKLOAD || (task->slot < 0 && !task->carries))
        return false;
    bool living = !task->exited && task->state != STATE_GONE;
    return living || task->run == run->number || task->last_ns >= app->viewport.start_ns;
}

/* The order of the rows: the workload's by slot, then green tasks under the thread that carries them, then
 * our own and others. */
struct ranked {
    int group;
    int32_t carrier; /* tid; 0 for those that no thread of ours carries */
    int32_t slot;
    uint32_t index;
};

static struct ranked rank(const struct task *task)
{
    static const int groups[] = {[ROLE_WORKLOAD] = 0, [ROLE_HOST] = 2, [ROLE_OBSERVER] = 3, [ROLE_OTHER] = 4};
    struct ranked ranked = {groups[task->role], 0, task->slot, task->index};
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
           : x->slot != y->slot       ? sign(x->slot, y->slot)
                                      : sign(x->index, y->index);
}

/* Of the tasks that were in one slot one after the other only the last is a row of its own. */
static bool is_replaced(const struct ranked *row, const struct ranked *next)
{
    return row->slot >= 0 && next->slot == row->slot && next->group == row->group &&
           next->carrier == row->carrier;
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
            rows[n++] = rank(&task);
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

static void build_objects(struct app *app)
{
    const struct program *program = app->scene.info.workload.program;
    const struct engine *engine = session_engine(app->session);
    const uint16_t run = session_current_run(app->session)->number;
    unsigned n = 0;
    app->scene.n_objects = 0;
    if (!program || !program->n_objects)
        return;
    uint8_t *notes = mem_new(program->n_objects, sizeof *notes);
    uint32_t *told = mem_new(program->n_objects, sizeof *told);
    app->objects = mem_resize(app->objects, program->n_objects, sizeof *app->objects);
    note_objects(&app->scene.info.workload, notes);
    find_told(app->scene.tl, program, run, told);
    for (unsigned i = 0; i < program->n_objects; i++) {
        struct scene_object *object = &app->objects[n];
        if (!(notes[i] & USED) || program->objects[i].kind == OBJECT_TIMER)
            continue;
        *object = (struct scene_object){
            .object = &program->objects[i], .wait = told[i], .is_level = notes[i] & GOES_DOWN};
        object->has_state = engine_object(engine, run, i, &object->state);
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
    scene->deadlock = NULL;
    scene->n_warnings = 0;
    for (unsigned i = waits_n_alerts(waits); i-- > 0;) {
        const struct alert *alert = waits_alert(waits, i);
        if (alert->time_ns < run->start_ns || !run->start_ns)
            break;
        if (alert->ended_ns || run->end_ns)
            continue;
        if (alert->kind != ALERT_DEADLOCK && scene->n_warnings < room)
            scene->warnings[scene->n_warnings++] = alert;
        else if (alert->kind == ALERT_DEADLOCK && !scene->deadlock && alert->time_ns > app->closed_alert_ns)
            scene->deadlock = alert;
    }
    app->shown_alert_ns = scene->deadlock ? scene->deadlock->time_ns : 0;
}

/* ---- all of it ---- */

void scene_build(struct app *app)
{
    struct scene *scene = &app->scene;
    scene->tl = session_timeline(app->session);
    scene->machine = app->machine;
    scene->glyphs = app->options->ascii ? &glyphs_ascii : &glyphs_unicode;
    session_info(app->session, &scene->info);
    build_cpus(app, &scene->info);
    build_tasks(app);
    build_objects(app);
    build_alerts(app);
    scene->run = session_current_run(app->session);
    scene->n_held = lectern_n_held(app);
    scene->reference = session_reference(app->session);
    scene->comparison = session_comparison(app->session);
    scene->mono = screen_theme(app->screen)->depth == DEPTH_MONO;
    scene->lecture = app->large;
    scene->show_selected = app->selecting;
    scene->sort_column = app->sort_column;
    scene->sort_reverse = app->sort_reverse;

    app->viewport.trigger_task = trigger_task(app);
    viewport_update(&app->viewport, scene->tl);
    scene->viewport = app->viewport;
}

void scene_place_selection(struct app *app)
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

void scene_fini(struct app *app)
{
    free(app->cpus);
    free(app->tasks);
    free(app->objects);
}
