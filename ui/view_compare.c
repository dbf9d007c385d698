/* The comparison: two runs of the same work on one time scale, and what the second gained. */
#include "../src/clock.h"
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

/* One of the two, in figures. */
struct side {
    const struct run *run;
    const char *name;
    unsigned cores, n_tasks;
    uint64_t length_ns; /* makespan, or so far */
    struct run_sums sums;
    double done;   /* part of the work */
    bool sampled;  /* nothing is known of others */
    double others; /* the part of its cores that somebody else had while its tasks waited */
};

static struct side make_side(const struct scene *scene, const struct run *run, bool sampled, const char *name)
{
    struct side side = {.run = run, .name = name, .cores = cpuset_count(&run->cpus), .sampled = sampled};
    uint64_t end = run->end_ns ? run->end_ns : scene->viewport.known_ns;
    side.n_tasks = run->n_tasks;
    if (!run->start_ns)
        return side;
    side.length_ns = end > run->start_ns ? end - run->start_ns : 0;
    report_sum_run(scene->tl, run, side.length_ns, sampled, &side.sums);
    const uint64_t total = side.sums.work_total_ns;
    side.n_tasks = run->n_tasks ? run->n_tasks : side.sums.n_tasks;
    side.done = total ? (double)side.sums.work_done_ns / (double)total : 0;
    for (int cpu = cpuset_next(&run->cpus, -1); cpu >= 0; cpu = cpuset_next(&run->cpus, cpu)) {
        struct bin bin;
        timeline_cpu_sum(scene->tl, cpu, run->start_ns, side.length_ns, &bin);
        if (side.length_ns)
            side.others += (double)bin.others_ns / (double)side.length_ns / side.cores;
    }
    return side;
}

static bool both_complete(const struct side sides[2])
{
    return sides[0].run->complete && sides[1].run->complete && sides[1].length_ns > 0;
}

/* The second gained or lost something: both did the same, all of it. */
static bool has_gain(const struct scene *scene, const struct side sides[2])
{
    return both_complete(sides) && !scene->works_differ;
}

static double speed_up(const struct side sides[2])
{
    return (double)sides[0].length_ns / (double)sides[1].length_ns;
}

/* ---- figures ---- */

static void tell_work(const struct side *side, char *buf, size_t size)
{
    char each[32];
    const int n = snprintf(buf, size, "%u task%s", side->n_tasks, side->n_tasks == 1 ? "" : "s");
    if (side->run->work_ns)
        snprintf(buf + n, size - (size_t)n, " of %s", export_duration(side->run->work_ns, each, sizeof each));
}

static void tell_works(const struct scene *scene, const struct side sides[2], char *buf, size_t size)
{
    char works[2][64];
    if (strcmp(scene->reference_work, scene->compared_work) != 0) {
        export_safe_name(scene->reference_work, works[0], sizeof works[0]);
        export_safe_name(scene->compared_work, works[1], sizeof works[1]);
    } else {
        tell_work(&sides[0], works[0], sizeof works[0]);
        tell_work(&sides[1], works[1], sizeof works[1]);
    }
    snprintf(buf, size, "not the same work: %s against %s", works[0], works[1]);
}

static void tell(const struct scene *scene, const struct side sides[2], char *buf, size_t size)
{
    const struct side *a = &sides[0], *b = &sides[1];
    char length[32];
    if (!b->run->start_ns) {
        snprintf(buf, size, "this run has not begun");
        return;
    }
    if (!b->run->complete) {
        const char *what = b->run->end_ns     ? "this run was ended"
                           : scene->is_replay ? "the recording ends within this run"
                                              : "this run goes on";
        if (b->done > 0)
            snprintf(buf, size, "%s: %.0f %% of its work is done", what, b->done * 100);
        else
            snprintf(buf, size, "%s: %s of it", what, export_duration(b->length_ns, length, sizeof length));
        return;
    }
    if (!a->run->complete) {
        snprintf(buf, size, "the reference was ended before its work was done: nothing is gained or lost");
        return;
    }
    if (scene->works_differ) {
        tell_works(scene, sides, buf, size);
        return;
    }
    double gain = speed_up(sides);
    if (gain > 0.97 && gain < 1.03)
        snprintf(buf, size, "as fast on %u core%s as on %u", b->cores, b->cores == 1 ? "" : "s", a->cores);
    else
        snprintf(buf, size, "%.2f× %s on %u core%s than on %u", gain > 1 ? gain : 1 / gain,
                 gain > 1 ? "faster" : "slower", b->cores, b->cores == 1 ? "" : "s", a->cores);
}

static const char *how_they_ran(enum comparison comparison)
{
    switch (comparison) {
    case COMPARE_TOGETHER:
        return "both run at the same time, on cores of their own";
    case COMPARE_FINISHED_TOGETHER:
        return "both ran at the same time, on cores of their own";
    case COMPARE_FIRST:
        return "the first of two runs, one after the other";
    case COMPARE_SECOND:
        return "the second of two runs, one after the other";
    case COMPARE_FINISHED_IN_TURN:
        return "they ran one after the other";
    case COMPARE_NONE:
        break;
    }
    return "";
}

static void draw_figures(const struct scene *scene, struct canvas *canvas, struct rect rect,
                         const struct side sides[2])
{
    static const char *const heads[] = {"makespan", "speed-up", "efficiency", "switches", "at once"};
    enum { N = sizeof heads / sizeof *heads, COLS = 12, NAME = 12 };
    int n = (rect.cols - NAME) / COLS;
    n = n < N ? n : N;
    for (int i = 0; i < n; i++)
        view_right(canvas, rect.x + NAME + i * COLS, rect.y, COLS - 1, PAINT_FAINT, 0, heads[i]);
    for (int s = 0; s < 2 && s + 1 < rect.rows; s++) {
        const struct side *side = &sides[s];
        int y = rect.y + 1 + s;
        bool whole = has_gain(scene, sides);
        char texts[N][32];
        double gain = s == 0 && side->run->complete ? 1 : s == 1 && whole ? speed_up(sides) : 0;
        if (side->run->complete)
            export_duration(side->length_ns, texts[0], sizeof texts[0]);
        else
            snprintf(texts[0], sizeof texts[0], "-");
        if (gain > 0) {
            snprintf(texts[1], sizeof texts[1], "%.2f×", gain);
            view_percent(gain * sides[0].cores / (side->cores ? side->cores : 1), texts[2], sizeof texts[2]);
        } else {
            snprintf(texts[1], sizeof texts[1], "-");
            snprintf(texts[2], sizeof texts[2], "-");
        }
        snprintf(texts[3], sizeof texts[3], "-");
        if (side->sums.has_switches)
            view_count(side->sums.n_switches, texts[3], sizeof texts[3]);
        snprintf(texts[4], sizeof texts[4], "-");
        if (side->sums.has_run)
            snprintf(texts[4], sizeof texts[4], "%.2f", side->sums.parallelism);
        canvas_text(canvas, rect.x, y, NAME - 1, PAINT_TEXT, PAINT_KEEP, 0, side->name);
        for (int i = 0; i < n; i++)
            view_right(canvas, rect.x + NAME + i * COLS, y, COLS - 1, s == 1 ? PAINT_STRONG : PAINT_TEXT,
                       s == 1 ? CELL_BOLD : 0, texts[i]);
    }
}

/* ---- lanes ---- */

/* Which of a side's cores are shown, in how many rows: one for its head, and where there are more of them,
 * one that tells so. */
struct share {
    int rows;
    unsigned first, n;
    bool more;
};

/* Of these rows, half for each where not all lanes have room, and what one of them does not need. */
static void share_rows(const struct scene *scene, const unsigned cores[2], int lane, int rows,
                       struct share shares[2])
{
    const int need[2] = {1 + (int)cores[0] * lane, 1 + (int)cores[1] * lane}, half = rows / 2;
    shares[0].rows = need[0] + need[1] <= rows || need[0] <= half ? need[0]
                     : need[1] <= rows - half                     ? rows - need[1]
                                                                  : half;
    shares[1].rows = rows - shares[0].rows;
    for (int s = 0; s < 2; s++) {
        struct share *share = &shares[s];
        share->n = cores[s];
        share->more = need[s] > share->rows && share->rows > 2;
        if (need[s] > share->rows)
            share->n = share->rows > 1 ? (unsigned)((share->rows - 1 - share->more) / lane) : 0;
        const unsigned last = cores[s] - share->n;
        share->first = scene->scroll < last ? scene->scroll : last;
    }
}

static int lane_rows(const unsigned cores[2], int rows)
{
    int lanes = (int)(cores[0] + cores[1]);
    int each = lanes ? rows / lanes : 1;
    each = each > 7 ? 7 : each < 1 ? 1 : each;
    return each - (each % 2 == 0);
}

/* Where the parts stand. */
struct layout {
    struct rect rect;
    int head, axis, lanes, end; /* rows of the text above; y of the axis, of the first side, and below both */
    int figures, lane;          /* rows */
    struct share shares[2];
};

static struct layout make_layout(const struct scene *scene, struct rect rect)
{
    const struct run *runs[2] = {scene->reference, scene->compared};
    const unsigned cores[2] = {cpuset_count(&runs[0]->cpus), cpuset_count(&runs[1]->cpus)};
    if (rect.rows >= 18) { /* air under the title */
        rect.y++;
        rect.rows--;
    }
    const bool is_large = scene->lecture && rect.rows >= 20 && runs[0]->complete && runs[1]->complete;
    struct layout layout = {.rect = rect, .head = is_large ? 5 : 1, .figures = rect.rows >= 12 ? 3 : 0};
    layout.axis = rect.y + layout.head + (rect.rows >= 16);
    layout.lanes = layout.axis + 2;
    layout.end = rect.y + rect.rows - layout.figures - (layout.figures > 0);
    const int rows = layout.end - layout.lanes;
    layout.lane = lane_rows(cores, rows - 3);
    share_rows(scene, cores, layout.lane, rows, layout.shares);
    return layout;
}

static void draw_label(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                       int y, int cpu, bool selected)
{
    char label[48];
    view_cpu_label(scene, cpu, frame->label_cols > 10, label, sizeof label);
    if (selected)
        canvas_put(canvas, frame->label_x, y, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP,
                   CELL_BOLD);
    canvas_text(canvas, frame->label_x + 1, y, frame->label_cols - 1, selected ? PAINT_ACCENT : PAINT_TEXT,
                PAINT_KEEP, selected ? CELL_BOLD : 0, label);
}

static int draw_side(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                     const struct side *side, const struct lane_frame *frame, const struct share *share,
                     int y, int lane, uint64_t col_ns)
{
    char text[96], length[32];
    const struct run *run = side->run;
    uint64_t known = run->end_ns || !run->start_ns ? run->end_ns : scene->viewport.known_ns;
    struct lane_span span = {run->start_ns, col_ns, frame->cols, known, true};
    const unsigned end = share->first + share->n;
    if (share->rows < 2)
        return y;
    int n = canvas_text(canvas, frame->x, y, frame->cols, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, side->name);
    snprintf(text, sizeof text, "%u task%s on %u core%s%s", side->n_tasks, side->n_tasks == 1 ? "" : "s",
             side->cores, side->cores == 1 ? "" : "s",
             !run->start_ns ? ", not begun"
             : run->changed ? ", changed while it ran"
                            : "");
    canvas_text(canvas, frame->x + n + 3, y++, frame->cols - n - 3, run->changed ? PAINT_WARN : PAINT_FAINT,
                PAINT_KEEP, 0, text);
    int top = y;
    unsigned i = 0;
    for (int cpu = cpuset_next(&run->cpus, -1); cpu >= 0 && i < end;
         cpu = cpuset_next(&run->cpus, cpu), i++) {
        if (i < share->first)
            continue;
        draw_label(scene, canvas, frame, y + (lane - 1) / 2, cpu,
                   scene->show_selected && i == scene->selected);
        view_cpu_lane(scene, canvas, faces, &span, cpu, (struct rect){frame->x, y, frame->cols, lane}, NULL);
        y += lane;
    }
    int column = (int)(side->length_ns / col_ns);
    if (column < frame->cols && y > top) {
        if (run->complete)
            for (int row = top; row < y; row++)
                canvas_put(canvas, frame->x + column, row, scene->glyphs->vline, PAINT_ACCENT, PAINT_BACK,
                           CELL_BOLD);
        export_duration(side->length_ns, length, sizeof length);
        if (column + 2 + canvas_text_cols(length) < frame->cols && run->complete)
            canvas_text(canvas, frame->x + column + 2, top + (lane - 1) / 2, 16, PAINT_ACCENT, PAINT_KEEP,
                        CELL_BOLD, length);
    }
    if (share->more)
        view_more(scene, canvas, frame->x, y++, frame->cols, share->first, side->cores - end);
    return y;
}

static void draw_others(struct canvas *canvas, int x, int y, int cols, const struct side sides[2])
{
    char parts[2][32];
    for (int i = 0; i < 2; i++) {
        snprintf(parts[i], sizeof parts[i], "%.0f %%", sides[i].others * 100);
        if (sides[i].sampled) /* of one of the two at least it is known */
            snprintf(parts[i], sizeof parts[i], "-");
    }
    canvas_printf(canvas, x, y, cols, PAINT_FAINT, PAINT_KEEP, 0,
                  "other programs had %s of the cores of the reference, %s of this run's", parts[0],
                  parts[1]);
}

static void draw_both(const struct scene *scene, struct canvas *canvas, struct rect rect,
                      const struct side sides[2])
{
    const struct layout layout = make_layout(scene, rect);
    rect = layout.rect;
    struct lane_frame frame = view_lane_frame(scene, rect);
    struct faces faces;
    char text[192];
    uint64_t longest = sides[0].length_ns > sides[1].length_ns ? sides[0].length_ns : sides[1].length_ns;
    frame.cols += frame.figures_cols - 1; /* the makespan stands in the lane itself */
    if (frame.cols < 4 || rect.rows < 6)
        return;
    uint64_t col_ns = (longest + longest / 12) / (uint64_t)frame.cols + 1;

    tell(scene, sides, text, sizeof text);
    if (layout.head > 1 && has_gain(scene, sides)) {
        char gain[32];
        snprintf(gain, sizeof gain, "%.2fx", speed_up(sides));
        const bool is_drawn = view_big_text(scene, canvas, rect.x + 2, rect.y + 1, rect.cols - 4, 1,
                                            PAINT_GOOD, PAINT_KEEP, gain);
        canvas_text(canvas, rect.x + (is_drawn ? view_big_cols(gain, 1) + 5 : 1), rect.y + layout.head / 2,
                    rect.cols, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, text);
    } else {
        int n = canvas_text(canvas, rect.x + 1, rect.y, rect.cols - 2,
                            has_gain(scene, sides) ? PAINT_GOOD : PAINT_STRONG, PAINT_KEEP, CELL_BOLD, text);
        const char *how = how_they_ran(scene->comparison);
        if (n + 5 + canvas_text_cols(how) < rect.cols)
            canvas_text(canvas, rect.x + 1 + n + 3, rect.y, rect.cols, PAINT_FAINT, PAINT_KEEP, 0, how);
        if (rect.rows >= 16 && sides[1].run->start_ns && (sides[0].others >= 0.05 || sides[1].others >= 0.05))
            draw_others(canvas, rect.x + 1, rect.y + 1, rect.cols - 2, sides);
    }
    faces_init(&faces, scene);
    view_axis_span(scene, canvas, frame.x, frame.cols, layout.axis, col_ns);
    int y = draw_side(scene, canvas, &faces, &sides[0], &frame, &layout.shares[0], layout.lanes, layout.lane,
                      col_ns);
    y += layout.end - y > (int)sides[1].cores * layout.lane + 1;
    y = draw_side(scene, canvas, &faces, &sides[1], &frame, &layout.shares[1], y, layout.lane, col_ns);
    if (layout.figures) {
        const int top = y + 1 < layout.end ? y + 1 : layout.end + 1;
        draw_figures(scene, canvas, (struct rect){rect.x + 1, top, rect.cols - 2, layout.figures}, sides);
    }
    faces_fini(&faces);
}

/* While the first of two runs goes on there is nothing to compare it with. */
static void draw_first(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct side side = make_side(scene, scene->run, scene->compared_is_sampled, "");
    int y = rect.y + rect.rows / 3, x = rect.x + (rect.cols > 60 ? (rect.cols - 60) / 2 : 1);
    canvas_printf(canvas, x, y, rect.cols - 2, PAINT_STRONG, PAINT_KEEP, CELL_BOLD,
                  "First %u task%s on %u core: %.0f %% of the work is done", scene->run->n_tasks,
                  scene->run->n_tasks == 1 ? "" : "s", side.cores, side.done * 100);
    view_bar(scene, canvas, x, y + 2, rect.cols - 2 < 58 ? rect.cols - 2 : 58, side.done, PAINT_ACCENT);
    canvas_text(canvas, x, y + 4, rect.cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                "then the same on the chosen cores; r gives it up");
}

static bool is_comparing(const struct scene *scene)
{
    const bool first = scene->run && scene->comparison == COMPARE_FIRST;
    return !first && scene->reference && scene->compared &&
           scene->reference->number != scene->compared->number;
}

/* As many as compare_draw() has of a live run. */
static const char *const *replayed_lines(const struct scene *scene)
{
    static const char *const recorded[] = {
        "Nothing to compare in this recording.",
        "",
        "It is of one run. Two of them lie on one time scale when both are named:",
        "schedviz ONE TWO",
        "",
    };
    static const char *const several[] = {
        "Nothing to compare: no run is the reference.",
        "",
        "b keeps the run at the cursor as the reference; the others are then held",
        "against it, on one time scale.",
        "",
    };
    static const char *const several_kept[] = {
        "This run is the reference.",
        "",
        "With the cursor in another one, both lie here on one time scale.",
        "",
        "",
    };
    if (scene->n_recorded_runs < 2)
        return recorded;
    return scene->reference ? several_kept : several;
}

static void compare_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    static const char *const none[] = {
        "Nothing to compare yet.",
        "",
        "b keeps this run as the reference; change the cores, and r runs again:",
        "both then lie here on one time scale, with what the change gained.",
        "x does it all: the same work on 1 core, and on the chosen ones.",
    };
    static const char *const kept[] = {
        "This run is the reference.",
        "",
        "Change the cores, and r runs again: both will lie here on one time scale.",
        "Only work that ends has a makespan and a speed-up: --work=500ms gives",
        "each task so much. x does the whole comparison, with or without.",
    };
    static const char *const watched[] = {
        "Nothing to compare yet.",
        "",
        "b keeps this run as the reference; change the cores, and when the command",
        "has ended r starts it again: both then lie here on one time scale.",
        "",
    };
    static const char *const watched_kept[] = {
        "This run is the reference.",
        "",
        "Change the cores, and when the command has ended r starts it again:",
        "both will lie here on one time scale.",
        "",
    };
    static const char *const attached[] = {
        "Nothing to compare.", "", "A process that was there before cannot be started again; a command can:",
        "schedviz -- COMMAND", "",
    };
    if (is_comparing(scene)) {
        struct side sides[2] = {make_side(scene, scene->reference, scene->reference_is_sampled, "reference"),
                                make_side(scene, scene->compared, scene->compared_is_sampled, "this run")};
        draw_both(scene, canvas, rect, sides);
    } else if (scene->run && scene->comparison == COMPARE_FIRST) {
        draw_first(scene, canvas, rect);
    } else {
        const struct session_target *target = &scene->target;
        const char *const *lines = scene->is_replay      ? replayed_lines(scene)
                                   : !target->pid        ? (scene->reference ? kept : none)
                                   : !target->is_command ? attached
                                   : scene->reference    ? watched_kept
                                                         : watched;
        int y = rect.y + rect.rows / 3 - 1, x = (rect.cols - 74) / 2;
        for (size_t i = 0; i < sizeof none / sizeof *none && y + (int)i < rect.y + rect.rows; i++)
            canvas_text(canvas, rect.x + (x > 1 ? x : 1), y + (int)i, rect.cols - 2,
                        i ? PAINT_TEXT : PAINT_STRONG, PAINT_KEEP, i ? 0 : CELL_BOLD, lines[i]);
    }
    view_to_ascii(scene, canvas, rect);
}

/* Both sides scroll at once: a row is the same core of each, counted from its first. */
static unsigned compare_n_rows(const struct scene *scene)
{
    if (!is_comparing(scene))
        return 0;
    const unsigned a = cpuset_count(&scene->reference->cpus), b = cpuset_count(&scene->compared->cpus);
    return a > b ? a : b;
}

/* So many that the last rows of both come into view. */
static unsigned compare_n_fit(const struct scene *scene, struct rect rect)
{
    if (!is_comparing(scene))
        return 0;
    const struct layout layout = make_layout(scene, rect);
    const unsigned hidden[2] = {cpuset_count(&scene->reference->cpus) - layout.shares[0].n,
                                cpuset_count(&scene->compared->cpus) - layout.shares[1].n};
    return compare_n_rows(scene) - (hidden[0] > hidden[1] ? hidden[0] : hidden[1]);
}

const struct view_ops view_compare = {
    .name = "compare",
    .title = "Compare",
    .draw = compare_draw,
    .n_rows = compare_n_rows,
    .n_fit = compare_n_fit,
    .hit = view_no_hit,
    .lane_cols = view_lane_frame_cols,
};
