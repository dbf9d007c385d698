/* The view of what tasks share: who has a lock and who waits for it, what is in a queue, who stands at a
 * barrier. */
#include "../src/err.h"
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_COLS 11

/* How the rows of a rect are spent. */
struct plan {
    int axis;
    int curve; /* rows under an object whose value goes up and down */
    int gap;
    int more; /* a last row that tells of the objects which do not fit */
};

struct sheet {
    const struct scene *scene;
    struct canvas *canvas;
    struct faces faces;
    struct lane_frame frame;
    int name_cols;
    bool with_kind;
    uint64_t now_ns;
};

static bool has_curve(const struct scene_object *object)
{
    switch (object->object->kind) {
    case OBJECT_SEM:
    case OBJECT_CHANNEL:
    case OBJECT_BARRIER:
        return true;
    case OBJECT_COUNTER:
        return object->is_level;
    default:
        return false;
    }
}

/* A counter that was added up: a bar of what was found. */
static bool has_bar(const struct scene_object *object)
{
    return object->object->kind == OBJECT_COUNTER && !object->is_level;
}

/* Under its line. Who stands at a barrier is soon told. */
static int curve_rows(const struct plan *plan, const struct scene_object *object)
{
    if (has_bar(object))
        return plan->curve ? 1 : 0;
    if (!has_curve(object))
        return 0;
    return object->object->kind == OBJECT_BARRIER && plan->curve > 2 ? 2 : plan->curve;
}

static int rows_of(const struct plan *plan, const struct scene_object *object)
{
    return 1 + curve_rows(plan, object) + plan->gap;
}

static int plan_rows(const struct scene *scene, const struct plan *plan)
{
    int rows = plan->axis - plan->gap;
    for (unsigned i = 0; i < scene->n_objects; i++)
        rows += rows_of(plan, &scene->objects[i]);
    return rows;
}

/* Richer plans first; the last one scrolls. */
static struct plan make_plan(const struct scene *scene, struct rect rect)
{
    static const struct {
        int curve, gap;
    } wishes[] = {{12, 2}, {9, 2}, {6, 2}, {5, 1}, {4, 1}, {3, 1}, {2, 1}, {1, 1}, {1, 0}, {0, 0}};
    struct plan plan = {0};
    bool curves = false;
    for (unsigned i = 0; i < scene->n_objects; i++)
        curves |= has_curve(&scene->objects[i]);
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        plan.curve = wishes[i].curve;
        plan.gap = wishes[i].gap;
        plan.axis = curves && plan.curve ? view_axis_rows(rect.rows) : rect.rows > 6;
        if (plan_rows(scene, &plan) <= rect.rows)
            return plan;
    }
    plan.axis = 0;
    plan.more = plan_rows(scene, &plan) > rect.rows;
    return plan;
}

/* ---- parts of a line ---- */

static int put(const struct sheet *sheet, int x, int y, int end, enum paint fg, unsigned attr,
               const char *text)
{
    if (x + canvas_text_cols(text) > end)
        return x;
    return x + canvas_text(sheet->canvas, x, y, end - x, fg, PAINT_KEEP, attr, text);
}

static const char *kind_name(enum object_kind kind)
{
    static const char *const names[] = {
        [OBJECT_MUTEX] = "mutex",     [OBJECT_CONDITION] = "condition", [OBJECT_BARRIER] = "barrier",
        [OBJECT_SEM] = "semaphore",   [OBJECT_TIMER] = "timer",         [OBJECT_SUSPEND] = "suspended",
        [OBJECT_COUNTER] = "counter", [OBJECT_CHANNEL] = "channel",     [OBJECT_JOIN] = "join",
    };
    return names[kind];
}

#define MAX_QUEUE 64

/* Those that wait, in order, each with how long; what does not fit is a number. Returns where the line goes
 * on. */
static int draw_waiters(struct sheet *sheet, const struct scene_object *object, const char *words, int x,
                        int y, int end)
{
    uint32_t tasks[MAX_QUEUE];
    const struct waits *waits = timeline_waits(scene_state(sheet->scene));
    unsigned n = object->wait == WAITS_NONE ? 0 : waits_queue(waits, object->wait, tasks, MAX_QUEUE);
    unsigned shown = n < MAX_QUEUE ? n : MAX_QUEUE;
    if (!n)
        return x;
    x = put(sheet, x, y, end, PAINT_FAINT, 0, words);
    for (unsigned i = 0; i < shown; i++) {
        struct wait_reason reason;
        char time[32], rest[24] = "";
        waits_reason(scene_state(sheet->scene), tasks[i], sheet->now_ns, &reason);
        uint64_t wait_ns =
            reason.since_ns && sheet->now_ns > reason.since_ns ? sheet->now_ns - reason.since_ns : 0;
        export_duration(wait_ns, time, sizeof time);
        if (i + 1 < n)
            snprintf(rest, sizeof rest, "+%u more", n - i);
        int room = end - x - (i + 1 < n ? (int)strlen(rest) + 1 : 0);
        int need = view_chip(NULL, &sheet->faces, tasks[i], x, y, room, false) + 1 + canvas_text_cols(time);
        if (need > room)
            return put(sheet, x, y, end, PAINT_FAINT, 0, rest);
        x += view_chip(sheet->canvas, &sheet->faces, tasks[i], x, y, room, false) + 1;
        x = put(sheet, x, y, end, PAINT_TEXT, 0, time) + 2;
    }
    return x;
}

/* Boxes, `full` of `all` of them filled, as many as fit; an ellipsis tells of the others. */
static int draw_places(const struct sheet *sheet, int x, int y, int end, int64_t full, int64_t all,
                       enum paint fg)
{
    const struct glyphs *g = sheet->scene->glyphs;
    for (int64_t i = 0; i < all; i++) {
        bool last = x + 4 > end;
        if (x + 2 > end)
            break;
        canvas_put(sheet->canvas, x, y,
                   last && i + 1 < all ? g->ellipsis
                   : i < full          ? g->place_full
                                       : g->place_empty,
                   i < full ? fg : PAINT_OFF, PAINT_KEEP, 0);
        x += 2;
    }
    return x;
}

/* ---- an object's line ---- */

static uint32_t owner_of(const struct sheet *sheet, const struct scene_object *object,
                         const struct wait_object *told, bool *since_known)
{
    *since_known = told->n_waiting > 0 && told->holder != TIMELINE_NO_TASK;
    if (*since_known)
        return told->holder;
    if (object->has_state && object->state.owner_tid)
        return timeline_task_by_tid(scene_state(sheet->scene), object->state.owner_tid);
    return TIMELINE_NO_TASK;
}

static void draw_mutex(struct sheet *sheet, const struct scene_object *object, const struct wait_object *told,
                       int x, int y, int end)
{
    bool since_known;
    char time[32], text[64];
    uint32_t owner = owner_of(sheet, object, told, &since_known);
    if (owner == TIMELINE_NO_TASK) {
        x = put(sheet, x, y, end, PAINT_FAINT, 0, "free") + 3;
    } else {
        x += view_chip(sheet->canvas, &sheet->faces, owner, x, y, end - x, true) + 1;
        snprintf(text, sizeof text, "has it");
        if (since_known && sheet->now_ns > told->held_since_ns)
            snprintf(text, sizeof text, "has it for %s",
                     export_duration(sheet->now_ns - told->held_since_ns, time, sizeof time));
        x = put(sheet, x, y, end, PAINT_STRONG, 0, text) + 3;
    }
    x = draw_waiters(sheet, object, "wanted by ", x, y, end);
    if (told->died != TIMELINE_NO_TASK)
        put(sheet, x, y, end, PAINT_WARN, 0, "a holder died with it");
}

static void draw_sleepers(struct sheet *sheet, const struct scene_object *object, int x, int y, int end)
{
    int at = draw_waiters(sheet, object, "", x, y, end);
    if (at == x)
        put(sheet, x, y, end, PAINT_FAINT, 0,
            object->object->kind == OBJECT_CONDITION ? "nobody waits" : "nobody");
    else if (object->object->kind == OBJECT_CONDITION)
        put(sheet, at, y, end, PAINT_FAINT, 0, "for a signal");
}

static int64_t value_of(const struct scene_object *object, const struct wait_object *told)
{
    if (object->object->kind == OBJECT_BARRIER)
        return object->has_state ? object->state.n_waiting : told->n_waiting;
    return object->has_state ? object->state.value : told->value;
}

static void draw_barrier(struct sheet *sheet, const struct scene_object *object,
                         const struct wait_object *told, int x, int y, int end)
{
    unsigned parties =
        object->has_state && object->state.n_parties ? object->state.n_parties : told->n_parties;
    int64_t n = value_of(object, told);
    char text[48];
    snprintf(text, sizeof text, parties ? "%lld of %u" : "%lld there", (long long)n, parties);
    x = put(sheet, x, y, end, n ? PAINT_STRONG : PAINT_FAINT, n ? CELL_BOLD : 0, text) + 2;
    x = draw_places(sheet, x, y, x + (end - x) / 2, n, parties, PAINT_ACCENT) + 1;
    draw_waiters(sheet, object, "", x, y, end);
}

static void draw_queue(struct sheet *sheet, const struct scene_object *object, const struct wait_object *told,
                       int x, int y, int end)
{
    char text[32];
    int64_t n = value_of(object, told);
    bool waited = told->n_waiting > 0;
    view_exact_count(n, text, sizeof text);
    x = put(sheet, x, y, end, n ? PAINT_STRONG : PAINT_FAINT, n ? CELL_BOLD : 0, text) + 2;
    int most = waited ? x + (end - x) / 2 : end;
    x = draw_places(sheet, x, y, most, n > 0 ? n : 0, n > 0 ? n : 0, PAINT_ACCENT) + (n > 0);
    draw_waiters(sheet, object, object->object->kind == OBJECT_CHANNEL ? "" : "waited for by ", x, y, end);
}

/* While it is added to, what is expected is known of finished additions alone: at least so many are lost. */
static void draw_counter(struct sheet *sheet, const struct scene_object *object, int x, int y, int end)
{
    const struct object_state *state = &object->state;
    char count[32], text[96], percent[16];
    bool over = sheet->scene->run && sheet->scene->run->end_ns;
    int64_t lost = state->expected - state->value;
    if (!object->has_state)
        return;
    snprintf(text, sizeof text, "found %s", view_exact_count(state->value, count, sizeof count));
    x = put(sheet, x, y, end, PAINT_STRONG, CELL_BOLD, text) + 1;
    if (over || lost > 0) {
        snprintf(text, sizeof text, "of %s", view_exact_count(state->expected, count, sizeof count));
        x = put(sheet, x, y, end, PAINT_TEXT, 0, text) + 3;
    }
    if (lost > 0) {
        snprintf(text, sizeof text, "%slost %s (%s)", over ? "" : "at least ",
                 view_exact_count(lost, count, sizeof count),
                 view_percent((double)lost / (double)state->expected, percent, sizeof percent));
        put(sheet, x, y, end, PAINT_ALERT, CELL_BOLD, text);
    } else if (over) {
        put(sheet, x, y, end, PAINT_GOOD, CELL_BOLD, lost ? "more than were added" : "none lost");
    }
}

static void draw_line(struct sheet *sheet, const struct scene_object *object, const struct wait_object *told,
                      int x, int y, int end)
{
    switch (object->object->kind) {
    case OBJECT_MUTEX:
        draw_mutex(sheet, object, told, x, y, end);
        break;
    case OBJECT_CONDITION:
    case OBJECT_SUSPEND:
        draw_sleepers(sheet, object, x, y, end);
        break;
    case OBJECT_BARRIER:
        draw_barrier(sheet, object, told, x, y, end);
        break;
    case OBJECT_COUNTER:
        if (object->is_level)
            draw_queue(sheet, object, told, x, y, end);
        else
            draw_counter(sheet, object, x, y, end);
        break;
    case OBJECT_SEM:
    case OBJECT_CHANNEL:
        draw_queue(sheet, object, told, x, y, end);
        break;
    case OBJECT_TIMER:
    case OBJECT_JOIN:
        break;
    }
}

/* ---- what its value was ---- */

/* The largest value in each column; -1 where it is not known. Returns the largest of all. */
static double sample_steps(const struct sheet *sheet, uint32_t wait, double *values, int cols)
{
    const struct viewport *vp = &sheet->scene->viewport;
    const struct wait_step *steps;
    unsigned n = wait == WAITS_NONE ? 0
                                    : waits_steps(timeline_waits(scene_state(sheet->scene)), wait, &steps),
             at = 0;
    double most = 0;
    for (int x = 0; x < cols; x++) {
        uint64_t from = vp->start_ns + (uint64_t)x * vp->col_ns, to = from + vp->col_ns;
        values[x] = -1;
        while (at + 1 < n && steps[at + 1].time_ns <= from)
            at++;
        for (unsigned i = at; i < n && steps[i].time_ns < to && from < vp->known_ns; i++)
            values[x] = (double)steps[i].value > values[x] ? (double)steps[i].value : values[x];
        most = values[x] > most ? values[x] : most;
    }
    return most;
}

static void draw_curve(struct sheet *sheet, const struct scene_object *object, int y, int rows)
{
    int cols = view_lane_cols(sheet->scene, &sheet->frame);
    struct rect plot = {sheet->frame.x, y, cols, rows};
    char text[32];
    if (cols < 8 || rows < 1)
        return;
    double *values = mem_new((unsigned long)cols, sizeof *values);
    double most = sample_steps(sheet, object->wait, values, cols);
    canvas_fill(sheet->canvas, plot, ' ', PAINT_TEXT, PAINT_LANE, 0);
    view_bars(sheet->scene, sheet->canvas, plot, values, most > 1 ? most : 1, PAINT_ACCENT);
    view_exact_count((int64_t)(most > 1 ? most : 1), text, sizeof text);
    view_right(sheet->canvas, sheet->frame.label_x, y, sheet->frame.label_cols, PAINT_FAINT, 0, text);
    if (rows > 2)
        view_right(sheet->canvas, sheet->frame.label_x, y + rows - 1, sheet->frame.label_cols, PAINT_FAINT, 0,
                   "0");
    free(values);
}

/* What was found of what was added, and in another colour what was lost. */
static void draw_bar(struct sheet *sheet, const struct scene_object *object, int y)
{
    int cols = view_lane_cols(sheet->scene, &sheet->frame);
    double expected = (double)object->state.expected, found = (double)object->state.value;
    if (!object->has_state || cols < 8 || (expected <= 0 && found <= 0))
        return;
    double part = found < expected ? found / expected : 1;
    view_bar(sheet->scene, sheet->canvas, sheet->frame.x, y, cols, 1, PAINT_ALERT);
    view_bar(sheet->scene, sheet->canvas, sheet->frame.x, y, (int)(part * cols + 0.5), 1, PAINT_GOOD);
}

/* ---- all of them ---- */

static void draw_object(struct sheet *sheet, const struct plan *plan, unsigned i, int y, struct rect rect)
{
    const struct scene *scene = sheet->scene;
    const struct scene_object *object = &scene->objects[i];
    struct wait_object told = {.holder = TIMELINE_NO_TASK, .died = TIMELINE_NO_TASK};
    bool selected = scene->show_selected && i == scene->selected;
    char name[128];
    int x = rect.x + 1, end = rect.x + rect.cols - 1;
    if (object->wait != WAITS_NONE)
        waits_object(timeline_waits(scene_state(scene)), object->wait, &told);
    if (selected)
        canvas_put(sheet->canvas, rect.x, y, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD);
    if (sheet->with_kind) {
        canvas_text(sheet->canvas, x, y, KIND_COLS - 1, PAINT_FAINT, PAINT_KEEP, 0,
                    kind_name(object->object->kind));
        x += KIND_COLS;
    }
    export_safe_name(object->object->name, name, sizeof name);
    canvas_text(sheet->canvas, x, y, sheet->name_cols, selected ? PAINT_ACCENT : PAINT_STRONG, PAINT_KEEP,
                CELL_BOLD, name);
    draw_line(sheet, object, &told, x + sheet->name_cols + 2, y, end);
    int rows = curve_rows(plan, object);
    if (rows > rect.y + rect.rows - y - 1)
        rows = rect.y + rect.rows - y - 1;
    if (rows > 0 && has_curve(object))
        draw_curve(sheet, object, y + 1, rows);
    else if (rows > 0)
        draw_bar(sheet, object, y + 1);
}

static int name_cols(const struct scene *scene, int most)
{
    int cols = 4;
    for (unsigned i = 0; i < scene->n_objects; i++) {
        int n = canvas_text_cols(scene->objects[i].object->name);
        cols = n > cols ? n : cols;
    }
    return cols < most ? cols : most;
}

static unsigned n_fit(const struct scene *scene, const struct plan *plan, struct rect rect)
{
    int rows = rect.rows - plan->axis - plan->more;
    unsigned n = 0;
    for (unsigned i = scene->scroll; i < scene->n_objects; i++, n++) {
        int need = rows_of(plan, &scene->objects[i]);
        if (need - plan->gap > rows)
            break;
        rows -= need;
    }
    return n ? n : 1;
}

static void draw_objects(struct sheet *sheet, struct rect rect)
{
    const struct scene *scene = sheet->scene;
    const struct plan plan = make_plan(scene, rect);
    int y = rect.y + plan.axis, bottom = rect.y + rect.rows - plan.more;
    if (plan.axis > 1)
        view_axis(scene, sheet->canvas, &sheet->frame, rect.y, plan.axis);
    for (unsigned i = scene->scroll; i < scene->n_objects && y < bottom; i++) {
        draw_object(sheet, &plan, i, y, rect);
        y += rows_of(&plan, &scene->objects[i]);
    }
    if (plan.more) {
        unsigned end = scene->scroll + n_fit(scene, &plan, rect);
        view_more(scene, sheet->canvas, rect.x + 1, bottom, rect.cols - 2, scene->scroll,
                  end < scene->n_objects ? scene->n_objects - end : 0);
    }
}

static void objects_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct sheet sheet = {.scene = scene,
                          .canvas = canvas,
                          .frame = view_lane_frame(scene, rect),
                          .with_kind = rect.cols >= 60,
                          .name_cols = name_cols(scene, rect.cols / 5),
                          .now_ns = timeline_now_ns(scene_state(scene))};
    faces_init(&sheet.faces, scene);
    if (scene->n_objects)
        draw_objects(&sheet, rect);
    else
        canvas_text(canvas, rect.x + 1, rect.y + (rect.rows > 6), rect.cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                    scene->target.pid
                        ? "a watched program's locks are named where somebody waits for one: view 2"
                        : "these tasks share no locks, no queues, no counters");
    faces_fini(&sheet.faces);
    view_to_ascii(scene, canvas, rect);
}

static unsigned objects_n_rows(const struct scene *scene)
{
    return scene->n_objects;
}

static unsigned objects_n_fit(const struct scene *scene, struct rect rect)
{
    const struct plan plan = make_plan(scene, rect);
    return n_fit(scene, &plan, rect);
}

static bool objects_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                        uint64_t *time_ns)
{
    const struct plan plan = make_plan(scene, rect);
    int top = rect.y + plan.axis;
    (void)x;
    *time_ns = 0;
    for (unsigned i = scene->scroll; i < scene->n_objects && top < rect.y + rect.rows - plan.more; i++) {
        int rows = rows_of(&plan, &scene->objects[i]);
        if (y >= top && y < top + rows) {
            *row = i;
            return true;
        }
        top += rows;
    }
    return false;
}

const struct view_ops view_objects = {
    .name = "objects",
    .title = "Objects",
    .draw = objects_draw,
    .n_rows = objects_n_rows,
    .n_fit = objects_n_fit,
    .hit = objects_hit,
    .lane_cols = view_lane_frame_cols,
};
