/* The view by task: what each task did: ran (and where), waited for a core, was blocked. */
#include "view_lanes.h"

#include <stdio.h>

struct plan {
    int axis, lane, gap;
};

static struct plan make_plan(const struct scene *scene, struct rect rect)
{
    struct plan plan = {.axis = view_axis_rows(rect.rows), .lane = scene->lecture ? 3 : 1};
    int rows = rect.rows - plan.axis, n = scene->n_tasks ? (int)scene->n_tasks : 1;
    int legend = rows > n + 2 ? 2 : 0;
    int each = (rows - legend) / n;
    if (each >= 2) {
        plan.gap = 1;
        plan.lane = each - 1 > plan.lane ? each - 1 : plan.lane;
        plan.lane = plan.lane < 5 || scene->lecture ? plan.lane : 5;
        plan.lane -= plan.lane % 2 == 0; /* a lane has a middle row */
    }
    if (plan.lane > rows)
        plan.lane = rows > 0 ? rows : 1;
    if (plan.lane > 9)
        plan.lane = 9;
    return plan;
}

/* What the glyphs mean, in the last row when there is one left; in short words where the long ones do not
 * fit. */
static void draw_legend(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                        int y)
{
    const struct {
        char32_t glyph;
        enum paint fg, bg;
        const char *words[2];
    } items[] = {
        {U'0', PAINT_ON_TASK, PAINT_TASK0, {"runs, on core 0", "runs"}},
        {scene->glyphs->runnable, PAINT_WAIT0, PAINT_LANE, {"waits for a core", "waits"}},
        {scene->glyphs->blocked, PAINT_FAINT, PAINT_LANE, {"blocked", "blocked"}},
    };
    int x = frame->x, brief = frame->cols < 60;
    for (size_t i = 0; i < sizeof items / sizeof *items && frame->cols >= 34; i++) {
        for (int j = 0; j < 3; j++)
            canvas_put(canvas, x + j, y, i == 0 && j != 1 ? U' ' : items[i].glyph, items[i].fg, items[i].bg,
                       0);
        x +=
            4 + canvas_text(canvas, x + 4, y, frame->cols, PAINT_FAINT, PAINT_KEEP, 0, items[i].words[brief]);
        x += brief ? 2 : 4;
    }
}

static void tasks_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    struct faces faces;
    int y = rect.y + plan.axis, bottom = rect.y + rect.rows;
    faces_init(&faces, scene->tl);
    view_axis(scene, canvas, &frame, rect.y, plan.axis);
    if (plan.axis)
        view_task_heads(scene, canvas, &frame, rect.y + (plan.axis >= 3 ? 1 : 0));
    for (unsigned i = scene->scroll; i < scene->n_tasks && y < bottom; i++) {
        int lane = y + plan.lane <= bottom ? plan.lane : bottom - y;
        view_task_row(scene, canvas, &faces, scene->tasks[i], (struct rect){rect.x, y, rect.cols, lane},
                      scene->show_selected && i == scene->selected);
        y += plan.lane + plan.gap;
    }
    int lanes_end = y < bottom ? y : bottom;
    view_lane_cursor(scene, canvas, &frame, rect.y + plan.axis, lanes_end - plan.gap - rect.y - plan.axis);
    if (!scene->lecture && bottom - y >= 1)
        draw_legend(scene, canvas, &frame, y + 1 < bottom ? y + 1 - plan.gap : bottom - 1);
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}

static unsigned tasks_n_rows(const struct scene *scene)
{
    return scene->n_tasks;
}

static unsigned tasks_n_fit(const struct scene *scene, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    int n = (rect.rows - plan.axis + plan.gap) / (plan.lane + plan.gap);
    return n > 0 ? (unsigned)n : 1;
}

static bool tasks_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                      uint64_t *time_ns)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    int offset = y - rect.y - plan.axis;
    if (offset < 0 || y >= rect.y + rect.rows)
        return false;
    *row = scene->scroll + (unsigned)(offset / (plan.lane + plan.gap));
    *time_ns = view_lane_time(scene, &frame, x);
    return *row < scene->n_tasks;
}

const struct view_ops view_tasks = {
    .name = "tasks",
    .title = "Tasks",
    .draw = tasks_draw,
    .n_rows = tasks_n_rows,
    .n_fit = tasks_n_fit,
    .hit = tasks_hit,
    .lane_cols = view_lane_frame_cols,
};
