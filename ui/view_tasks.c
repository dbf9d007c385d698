/* The view by task: what each task did: ran (and where), waited for a core, was blocked. */
#include "view_lanes.h"

#include <stdio.h>

struct plan {
    int axis, lane, gap;
    int more; /* a last row that tells of those which do not fit */
};

static struct plan make_plan(const struct scene *scene, struct rect rect)
{
    struct plan plan = {.axis = view_axis_rows(rect.rows), .lane = scene->lecture ? 3 : 1};
    int rows = rect.rows - plan.axis, n = scene->n_rows ? (int)scene->n_rows : 1;
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
    plan.more = rows > 1 && n * (plan.lane + plan.gap) - plan.gap > rows;
    return plan;
}

/* On the screen. */
static bool any_folded(const struct scene *scene)
{
    for (unsigned i = scene->scroll; i < scene->n_rows && i < scene->scroll + 100; i++)
        if (scene->rows[i].n > 1)
            return true;
    return false;
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
    if (!scene->info.exact) {
        canvas_put(canvas, x, y, scene->glyphs->sample, PAINT_TASK0, PAINT_LANE, 0);
        canvas_text(canvas, x + 2, y, frame->cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                    brief ? "ran or waited" : "a sample: it ran, or waited for a core");
        return;
    }
    for (size_t i = 0; i < sizeof items / sizeof *items && frame->cols >= 34; i++) {
        for (int j = 0; j < 3; j++)
            canvas_put(canvas, x + j, y, i == 0 && j != 1 ? U' ' : items[i].glyph, items[i].fg, items[i].bg,
                       0);
        x +=
            4 + canvas_text(canvas, x + 4, y, frame->cols, PAINT_FAINT, PAINT_KEEP, 0, items[i].words[brief]);
        x += brief ? 2 : 4;
    }
    if (scene->info.n_sampled && x + 12 <= frame->x + frame->cols) {
        canvas_put(canvas, x, y, scene->glyphs->sample, PAINT_TASK0, PAINT_LANE, 0);
        x += 2 + canvas_text(canvas, x + 2, y, frame->cols, PAINT_FAINT, PAINT_KEEP, 0, "a sample") + 4;
    }
    if (!any_folded(scene) || x + 17 > frame->x + frame->cols)
        return;
    for (int j = 0; j < 3; j++) /* a digit where there are no bars */
        canvas_put(canvas, x + j, y,
                   scene->mono || scene->glyphs->ascii ? U'2' : scene->glyphs->lower_eighths[2 * j + 2],
                   PAINT_TASK0, PAINT_LANE, 0);
    canvas_text(canvas, x + 4, y, frame->x + frame->cols - x - 4, PAINT_FAINT, PAINT_KEEP, 0, "how many run");
}

/* Of a row that stands for several, what they do. */
static void count_states(const struct scene *scene, const struct roster_row *row, uint64_t t_ns, char *buf,
                         size_t size)
{
    static const char *const words[] = {[STATE_RUNNING] = "run",
                                        [STATE_RUNNABLE] = "wait for a core",
                                        [STATE_BLOCKED] = "blocked",
                                        [STATE_GONE] = "gone"};
    unsigned n[STATE_GONE + 1] = {0};
    size_t used = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        uint64_t since, until;
        int cpu;
        n[timeline_task_at(scene->tl, scene->members[row->first + i], t_ns, &since, &until, &cpu)]++;
    }
    *buf = '\0';
    for (unsigned state = STATE_RUNNING; state <= STATE_GONE; state++)
        if (n[state] && used < size)
            used += (size_t)snprintf(buf + used, size - used, "%s%u %s", used ? ", " : "", n[state],
                                     words[state]);
}

/* Of the selected task, why it does not run. */
static bool draw_why(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                     const struct lane_frame *frame, int y)
{
    char text[256];
    int room = frame->cols - 1;
    if (!scene->show_selected || scene->selected >= scene->n_rows)
        return false;
    const uint32_t task = scene->rows[scene->selected].task;
    int chip = view_chip(NULL, faces, task, frame->x, y, room, true);
    if (scene->rows[scene->selected].n > 1)
        count_states(scene, &scene->rows[scene->selected], view_instant(scene), text, sizeof text);
    else
        view_why(scene, task, view_instant(scene), room - chip - 2, text, sizeof text);
    if (!*text || !chip)
        return false;
    view_chip(canvas, faces, task, frame->x, y, room, true);
    canvas_text(canvas, frame->x + chip + 2, y, room - chip - 2, PAINT_TEXT, PAINT_KEEP, 0, text);
    return true;
}

static unsigned n_fit(const struct plan *plan, struct rect rect)
{
    int n = (rect.rows - plan->axis - plan->more + plan->gap) / (plan->lane + plan->gap);
    return n > 0 ? (unsigned)n : 1;
}

static void tasks_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    struct faces faces;
    int y = rect.y + plan.axis, bottom = rect.y + rect.rows - plan.more;
    faces_init(&faces, scene);
    view_axis(scene, canvas, &frame, rect.y, plan.axis);
    if (plan.axis)
        view_task_heads(scene, canvas, &frame, rect.y + (plan.axis >= 3 ? 1 : 0));
    struct lane_span span = view_lane_span(scene, view_lane_cols(scene, &frame));
    if (scene->lecture)
        view_choose_letters(scene, &faces, &span, plan.lane, true);
    for (unsigned i = scene->scroll; i < scene->n_rows && y < bottom; i++) {
        int lane = y + plan.lane <= bottom ? plan.lane : bottom - y;
        view_task_row(scene, canvas, &faces, &frame, &scene->rows[i], y, lane,
                      scene->show_selected && i == scene->selected);
        y += plan.lane + plan.gap;
    }
    int lanes_end = y < bottom ? y : bottom;
    view_lane_cursor(scene, canvas, &frame, rect.y + plan.axis, lanes_end - plan.gap - rect.y - plan.axis);
    if (plan.more) {
        unsigned end = scene->scroll + n_fit(&plan, rect);
        view_more(scene, canvas, frame.x, bottom, frame.cols, scene->scroll,
                  end < scene->n_rows ? scene->n_rows - end : 0);
    } else if (bottom - y >= 1) {
        int last = y + 1 < bottom ? y + 1 - plan.gap : bottom - 1;
        if (!draw_why(scene, canvas, &faces, &frame, last) && !scene->lecture)
            draw_legend(scene, canvas, &frame, last);
    }
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}

static unsigned tasks_n_rows(const struct scene *scene)
{
    return scene->n_rows;
}

static unsigned tasks_n_fit(const struct scene *scene, struct rect rect)
{
    struct plan plan = make_plan(scene, rect);
    return n_fit(&plan, rect);
}

static bool tasks_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                      uint64_t *time_ns)
{
    struct plan plan = make_plan(scene, rect);
    struct lane_frame frame = view_lane_frame(scene, rect);
    int offset = y - rect.y - plan.axis;
    if (offset < 0 || y >= rect.y + rect.rows - plan.more)
        return false;
    *row = scene->scroll + (unsigned)(offset / (plan.lane + plan.gap));
    *time_ns = view_lane_time(scene, &frame, x);
    return *row < scene->n_rows;
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
