/* The view by core: a lane for every logical CPU, and where there is room the tasks' lanes under them. */
#include "../src/err.h"
#include "view_lanes.h"

#include <stdio.h>
#include <stdlib.h>

/* How the rows of a rect are spent. */
struct plan {
    int axis;  /* rows of the time axis */
    int lane;  /* rows of a chosen core's lane; others take one */
    int bars;  /* rows of switch bars under it */
    int gap;   /* blank rows after it */
    int tasks; /* rows of each task's lane in the part below; 0: no such part */
    int task_gap;
    int n_tasks; /* of them */
    int more;    /* a last row that tells of the lanes which do not fit */
};

#define LEAST_TASK_ROWS 5 /* heads, a few tasks, and how many more there are */

static unsigned count_chosen(const struct scene *scene)
{
    unsigned n = 0;
    for (unsigned i = 0; i < scene->n_cpus; i++)
        n += scene->cpus[i].chosen && scene->cpus[i].online;
    return n;
}

/* Tasks of a watched program come and go, and may be thousands: a part of the rows is theirs. */
static int count_tasks(const struct scene *scene, int rows)
{
    const int n = (int)scene->n_rows, least = rows / 6, most = rows * 2 / 5;
    return !scene->roster ? n : n < least ? least : n > most ? most : n;
}

static int plan_rows(const struct scene *scene, const struct plan *plan)
{
    int chosen = (int)count_chosen(scene), rest = (int)scene->n_cpus - chosen;
    const int tasks = plan->n_tasks;
    int rows = plan->axis + chosen * (plan->lane + plan->bars + plan->gap) + rest;
    if (plan->tasks)
        rows += 1 + (rest ? 1 : 0) + tasks * (plan->tasks + plan->task_gap);
    return rows;
}

/* Heights are odd, so that a lane has a middle row. Richer plans in the order in which they are wished for;
 * each is taken if it still fits. */
static struct plan make_plan(const struct scene *scene, struct rect rect)
{
    static const struct plan wishes[] = {
        {.gap = 1},      {.bars = 1}, {.tasks = 1}, {.lane = 3},  {.lane = 5}, {.tasks = 1},
        {.task_gap = 1}, {.lane = 7}, {.bars = 2},  {.tasks = 3}, {.lane = 9},
    };
    static const struct plan lecture[] = {{.lane = 3}, {.gap = 1},   {.lane = 5},  {.lane = 7},
                                          {.lane = 9}, {.lane = 11}, {.lane = 13}, {.lane = 15}};
    const struct plan *list = scene->lecture ? lecture : wishes;
    size_t n = scene->lecture ? sizeof lecture / sizeof *lecture : sizeof wishes / sizeof *wishes;
    struct plan plan = {
        .axis = view_axis_rows(rect.rows), .lane = 1, .n_tasks = count_tasks(scene, rect.rows)};
    for (size_t i = 0; i < n; i++) {
        struct plan next = plan;
        next.lane = list[i].lane ? list[i].lane : plan.lane;
        next.bars = list[i].bars ? list[i].bars : plan.bars;
        next.gap = list[i].gap ? list[i].gap : plan.gap;
        next.tasks = list[i].tasks ? list[i].tasks : plan.tasks;
        next.task_gap = list[i].task_gap && plan.tasks ? list[i].task_gap : plan.task_gap;
        if ((next.tasks > 1 && !plan.tasks) || plan_rows(scene, &next) > rect.rows)
            continue;
        plan = next;
    }
    if (!scene->lecture && !plan.tasks && rect.rows - plan_rows(scene, &plan) >= LEAST_TASK_ROWS)
        plan.tasks = 1;                  /* as many as fit */
    if (scene->lecture && plan.lane < 3) /* never less, others scroll */
        plan.lane = rect.rows - plan.axis >= 3 ? 3 : 1;
    /* The gap after the last lane may be missing. */
    plan.more = !plan.tasks && plan_rows(scene, &plan) - plan.gap > rect.rows && rect.rows - plan.axis > 1;
    return plan;
}

static int rows_of(const struct scene *scene, const struct plan *plan, unsigned i)
{
    const struct scene_cpu *cpu = &scene->cpus[i];
    return cpu->chosen && cpu->online ? plan->lane + plan->bars + plan->gap : 1;
}

static void draw_label(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                       unsigned i, int y, enum paint fg, unsigned attr)
{
    char label[48];
    bool selected = scene->show_selected && i == scene->selected;
    view_cpu_label(scene, scene->cpus[i].cpu, frame->label_cols > 10, label, sizeof label);
    if (frame->label_cols <= 4)
        snprintf(label, sizeof label, "%d", scene->cpus[i].cpu);
    if (selected)
        canvas_put(canvas, frame->label_x, y, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP,
                   CELL_BOLD);
    canvas_text(canvas, frame->label_x + 1, y, frame->label_cols - 1, selected ? PAINT_ACCENT : fg,
                PAINT_KEEP, selected ? CELL_BOLD : attr, label);
}

static void draw_figures(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                         int cpu, int y)
{
    uint64_t lo, hi;
    struct bin bin;
    char text[32];
    if (frame->figures_cols < 6 || !view_window(scene, &lo, &hi))
        return;
    timeline_cpu_sum(scene->tl, cpu, lo, hi - lo, &bin);
    /* The workload's part; where everybody is seen and drawn, everybody's. */
    uint64_t busy = scene->info.all ? bin.run_ns : bin.run_ns > bin.self_ns ? bin.run_ns - bin.self_ns : 0;
    view_right(canvas, frame->figures_x, y, 6, PAINT_STRONG, 0,
               session_info_is_whole(&scene->info)
                   ? view_percent((double)busy / (double)(hi - lo), text, sizeof text)
                   : "-");
    if (frame->figures_cols >= 15)
        view_right(canvas, frame->figures_x + 6, y, 10, PAINT_TEXT, 0,
                   scene->info.exact
                       ? view_rate((double)bin.n_switches * 1e9 / (double)(hi - lo), text, sizeof text)
                       : "-");
}

static void draw_off(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                     unsigned i, int y)
{
    const char *word = scene->cpus[i].online ? "off" : "offline";
    draw_label(scene, canvas, frame, i, y, PAINT_OFF, 0);
    int cols = view_lane_cols(scene, frame);
    int n = canvas_text(canvas, frame->x + 1, y, cols - 2, scene->cpus[i].online ? PAINT_OFF : PAINT_WARN,
                        PAINT_KEEP, 0, word);
    if (cols > n + 4)
        canvas_fill(canvas, (struct rect){frame->x + n + 2, y, cols - n - 3, 1}, scene->glyphs->off,
                    PAINT_LANE, PAINT_KEEP, 0);
}

/* Switches per column under the lane; four in a column are as high as the bars are, unless some column has
 * more. */
static void draw_bars(const struct scene *scene, struct canvas *canvas, const struct plan *plan,
                      const struct lane_frame *frame, const double *switches, int cols, int y)
{
    double most = 4;
    for (int i = 0; i < cols; i++)
        most = switches[i] > most ? switches[i] : most;
    if (frame->label_cols >= 9)
        canvas_text(canvas, frame->label_x + 1, y + plan->bars - 1, frame->label_cols - 1, PAINT_FAINT,
                    PAINT_KEEP, 0, "switches");
    view_bars(scene, canvas, (struct rect){frame->x, y, cols, plan->bars}, switches, most, PAINT_FAINT);
}

static void draw_core(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                      const struct plan *plan, const struct lane_frame *frame, unsigned i, int y, int rows)
{
    const struct scene_cpu *cpu = &scene->cpus[i];
    struct lane_span span =
        view_lane_span(scene, view_lane_cols(scene, frame) > 0 ? view_lane_cols(scene, frame) : 0);
    if (!cpu->chosen || !cpu->online) {
        draw_off(scene, canvas, frame, i, y);
        return;
    }
    int lane = plan->lane < rows ? plan->lane : rows, middle = y + (lane - 1) / 2;
    draw_label(scene, canvas, frame, i, middle, PAINT_STRONG, CELL_BOLD);
    double *switches = mem_new((unsigned long)span.cols, sizeof *switches);
    view_cpu_lane(scene, canvas, faces, &span, cpu->cpu, (struct rect){frame->x, y, span.cols, lane},
                  switches);
    draw_figures(scene, canvas, frame, cpu->cpu, middle);
    if (plan->bars && lane + plan->bars <= rows)
        draw_bars(scene, canvas, plan, frame, switches, span.cols, y + lane);
    free(switches);
}

static void draw_heads(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                       int y)
{
    if (frame->figures_cols >= 6)
        view_right(canvas, frame->figures_x, y, 6, PAINT_FAINT, 0, "busy");
    if (frame->figures_cols >= 15 && !scene->lecture)
        view_right(canvas, frame->figures_x + 6, y, 10, PAINT_FAINT, 0, "switches");
}

static int draw_cores(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                      const struct plan *plan, const struct lane_frame *frame, struct rect rect)
{
    int y = rect.y + plan->axis, bottom = rect.y + rect.rows - plan->more;
    for (unsigned i = scene->scroll; i < scene->n_cpus && y < bottom; i++) {
        draw_core(scene, canvas, faces, plan, frame, i, y, bottom - y);
        y += rows_of(scene, plan, i);
    }
    return y;
}

static void draw_tasks(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                       const struct plan *plan, const struct lane_frame *frame, struct rect rect, int y)
{
    int bottom = rect.y + rect.rows;
    if (y + 1 + plan->tasks > bottom)
        return;
    view_task_heads(scene, canvas, frame, y++);
    for (unsigned i = 0; i < scene->n_rows && y + plan->tasks <= bottom; i++) {
        if (y + 2 * plan->tasks > bottom && i + 1 < scene->n_rows) {
            canvas_printf(canvas, frame->x + 2, y, frame->cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                          frame->cols < 56 ? "and %u more: Tab shows all"
                                           : "and %u more tasks: the next view (Tab) has them all",
                          scene->n_rows - i);
            return;
        }
        view_task_row(scene, canvas, faces, frame, &scene->rows[i], y, plan->tasks, false);
        y += plan->tasks + plan->task_gap;
    }
}

/* Lanes from the first one shown that fit whole. */
static unsigned n_fit(const struct scene *scene, const struct plan *plan, struct rect rect)
{
    int rows = rect.rows - plan->axis - plan->more;
    unsigned n = 0;
    for (unsigned i = scene->scroll; i < scene->n_cpus; i++, n++) {
        int need = rows_of(scene, plan, i);
        if (need - plan->gap > rows)
            break;
        rows -= need;
    }
    return n ? n : 1;
}

static void cores_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    struct faces faces;
    faces_init(&faces, scene);
    view_axis(scene, canvas, &frame, rect.y, plan.axis);
    if (plan.axis)
        draw_heads(scene, canvas, &frame, rect.y + (plan.axis >= 3 ? 1 : 0));
    struct lane_span span = view_lane_span(scene, view_lane_cols(scene, &frame));
    if (scene->lecture)
        view_choose_letters(scene, &faces, &span, plan.lane, false);
    int y = draw_cores(scene, canvas, &faces, &plan, &frame, rect), lanes_end = y;
    if (plan.tasks && scene->n_rows) {
        y += y < rect.y + rect.rows && plan_rows(scene, &plan) <= rect.rows &&
             count_chosen(scene) < scene->n_cpus;
        draw_tasks(scene, canvas, &faces, &plan, &frame, rect, y);
        lanes_end = rect.y + rect.rows;
    }
    lanes_end = lanes_end < rect.y + rect.rows ? lanes_end : rect.y + plan_rows(scene, &plan);
    lanes_end = lanes_end < rect.y + rect.rows ? lanes_end : rect.y + rect.rows;
    if (plan.more) {
        unsigned end = scene->scroll + n_fit(scene, &plan, rect);
        lanes_end = rect.y + rect.rows - 1;
        view_more(scene, canvas, frame.x, lanes_end, frame.cols, scene->scroll,
                  end < scene->n_cpus ? scene->n_cpus - end : 0);
    }
    view_lane_cursor(scene, canvas, &frame, rect.y + plan.axis, lanes_end - rect.y - plan.axis);
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}

static unsigned cores_n_rows(const struct scene *scene)
{
    return scene->n_cpus;
}

static unsigned cores_n_fit(const struct scene *scene, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    return n_fit(scene, &plan, rect);
}

static bool cores_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                      uint64_t *time_ns)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    int top = rect.y + plan.axis;
    for (unsigned i = scene->scroll; i < scene->n_cpus && top < rect.y + rect.rows - plan.more; i++) {
        int rows = rows_of(scene, &plan, i);
        if (y >= top && y < top + rows) {
            *row = i;
            *time_ns = view_lane_time(scene, &frame, x);
            return true;
        }
        top += rows;
    }
    return false;
}

const struct view_ops view_cores = {
    .name = "cores",
    .title = "Cores",
    .draw = cores_draw,
    .n_rows = cores_n_rows,
    .n_fit = cores_n_fit,
    .hit = cores_hit,
    .lane_cols = view_lane_frame_cols,
};
