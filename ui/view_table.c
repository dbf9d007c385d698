/* The table of tasks: figures of the window, totals of their lives, and the kernel's own counters beside
 * ours. */
#include "../src/clock.h"
#include "../src/err.h"
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one row is made from. Of a row that stands for several tasks, `task' is the first one with the sums of
 * all. */
struct row {
    const struct scene *scene;
    const struct roster_row *from;
    struct task task;
    unsigned n;
    bool known;       /* the next two are */
    double run, wait; /* parts of the window */
    double life_s;
};

struct column {
    const char *title;
    int cols;
    int rank;                             /* the highest goes first when there is no room; 0 never */
    double (*key)(const struct row *row); /* sorts from large to small */
    void (*text)(const struct row *row, char *buf, size_t size);
};

static const char *state_name(const struct task *task)
{
    static const char *const names[] = {"unknown", "running", "runnable", "blocked", "gone"};
    if (task->state != STATE_UNKNOWN)
        return names[task->state];
    switch (task->kernel_state) { /* as last sampled: proc(5) does not tell running from runnable */
    case 'R':
        return "run/wait";
    case 'S':
    case 'D':
        return "blocked";
    case 'T':
    case 't':
        return "stopped";
    default:
        return names[STATE_UNKNOWN];
    }
}

/* The kernel's count as far as it is ours to compare. */
static uint64_t kernel_voluntary(const struct task *task)
{
    return task->kernel.voluntary - task->kernel.base_voluntary;
}

static uint64_t kernel_involuntary(const struct task *task)
{
    return task->kernel.involuntary - task->kernel.base_involuntary;
}

/* Ours run ahead of the kernel's until it is read again: only an ended task's must be equal, to the one
 * switch that the end itself makes. More of the kernel's than of ours is always wrong. */
static bool disagrees(const struct row *row, uint64_t ours, uint64_t kernels)
{
    const struct task *task = &row->task;
    return task->kernel.has_switches &&
           (kernels > ours + row->n || (task->exited && ours > kernels + row->n));
}

static double key_name(const struct row *row)
{
    return (task_is_workload(&row->task) ? 0 : -1e9) - (double)row->task.index;
}
static double key_tid(const struct row *row)
{
    return -(double)row->task.tid;
}
static double key_kind(const struct row *row)
{
    return -(double)row->task.kind;
}
static double key_state(const struct row *row)
{
    return -(double)row->task.state;
}
static double key_cpu(const struct row *row)
{
    return -(double)row->task.last_cpu;
}
static double key_run(const struct row *row)
{
    return row->run;
}
static double key_wait(const struct row *row)
{
    return row->wait;
}
static double key_slices(const struct row *row)
{
    return (double)row->task.n_slices;
}
static double row_length(const struct row *row, enum length which)
{
    return (double)(row->n < 2 ? length_of(&row->task, which)
                               : roster_length(row->scene->roster, row->scene->tl, row->from, which));
}
static double key_p50(const struct row *row)
{
    return row_length(row, LENGTH_SLICE_P50);
}
static double key_voluntary(const struct row *row)
{
    return (double)row->task.n_voluntary;
}
static double key_voluntary_rate(const struct row *row)
{
    return row->life_s > 0 ? key_voluntary(row) / row->life_s : 0;
}
static double key_forced(const struct row *row)
{
    return (double)row->task.n_involuntary;
}
static double key_forced_rate(const struct row *row)
{
    return row->life_s > 0 ? key_forced(row) / row->life_s : 0;
}
static double key_kernel_voluntary(const struct row *row)
{
    return row->task.kernel.has_switches ? (double)kernel_voluntary(&row->task) : -1;
}
static double key_kernel_forced(const struct row *row)
{
    return row->task.kernel.has_switches ? (double)kernel_involuntary(&row->task) : -1;
}
static double key_migrations(const struct row *row)
{
    return (double)row->task.n_migrations;
}
static double key_wake_p50(const struct row *row)
{
    return row_length(row, LENGTH_WAKE_P50);
}
static double key_wake_p99(const struct row *row)
{
    return row_length(row, LENGTH_WAKE_P99);
}
static double key_wake_max(const struct row *row)
{
    return row_length(row, LENGTH_WAKE_MAX);
}
static double key_work(const struct row *row)
{
    return row->task.work_total_ns ? (double)row->task.work_done_ns / (double)row->task.work_total_ns : -1;
}

static void text_tid(const struct row *row, char *buf, size_t size)
{
    snprintf(buf, size, "%d", row->task.tid);
}
static void text_kind(const struct row *row, char *buf, size_t size)
{
    snprintf(buf, size, "%s", workload_kind_name(row->task.kind));
}
static void text_state(const struct row *row, char *buf, size_t size)
{
    snprintf(buf, size, "%s", state_name(&row->task));
}
static void text_cpu(const struct row *row, char *buf, size_t size)
{
    if (row->task.last_cpu >= 0 && row->n < 2)
        snprintf(buf, size, "%d", row->task.last_cpu);
    else
        snprintf(buf, size, "-");
}
static void part_text(const struct row *row, double part, char *buf, size_t size)
{
    if (!row->known)
        snprintf(buf, size, "-");
    else if (part < 9.995)
        view_percent(part, buf, size);
    else if (part < 99.995) /* those of many tasks together: five columns all the same */
        snprintf(buf, size, "%.0f%%", part * 100);
    else
        snprintf(buf, size, "%.0fk%%", part / 10);
}
static void text_run(const struct row *row, char *buf, size_t size)
{
    part_text(row, row->run, buf, size);
}
static void text_wait(const struct row *row, char *buf, size_t size)
{
    part_text(row, row->wait, buf, size);
}
static void text_slices(const struct row *row, char *buf, size_t size)
{
    view_count(row->task.n_slices, buf, size);
}
static void length_text(double ns, char *buf, size_t size)
{
    if (ns >= 0)
        export_duration((uint64_t)ns, buf, size);
    else
        snprintf(buf, size, "-");
}
static void text_p50(const struct row *row, char *buf, size_t size)
{
    length_text(key_p50(row), buf, size);
}
static void text_voluntary(const struct row *row, char *buf, size_t size)
{
    view_count(row->task.n_voluntary, buf, size);
}
static void text_voluntary_rate(const struct row *row, char *buf, size_t size)
{
    view_rate(key_voluntary_rate(row), buf, size);
}
static void text_forced(const struct row *row, char *buf, size_t size)
{
    view_count(row->task.n_involuntary, buf, size);
}
static void text_forced_rate(const struct row *row, char *buf, size_t size)
{
    view_rate(key_forced_rate(row), buf, size);
}
static void kernel_text(const struct row *row, uint64_t ours, uint64_t kernels, char *buf, size_t size)
{
    char count[24];
    if (!row->task.kernel.has_switches || !task_counts_hold(&row->task))
        snprintf(buf, size, "-");
    else
        snprintf(buf, size, "%s%s", disagrees(row, ours, kernels) ? "!" : "",
                 view_count(kernels, count, sizeof count));
}
static void text_kernel_voluntary(const struct row *row, char *buf, size_t size)
{
    kernel_text(row, row->task.n_voluntary, kernel_voluntary(&row->task), buf, size);
}
static void text_kernel_forced(const struct row *row, char *buf, size_t size)
{
    kernel_text(row, row->task.n_involuntary, kernel_involuntary(&row->task), buf, size);
}
static void text_migrations(const struct row *row, char *buf, size_t size)
{
    view_count(row->task.n_migrations, buf, size);
}
static void text_wake_p50(const struct row *row, char *buf, size_t size)
{
    length_text(key_wake_p50(row), buf, size);
}
static void text_wake_p99(const struct row *row, char *buf, size_t size)
{
    length_text(key_wake_p99(row), buf, size);
}
static void text_wake_max(const struct row *row, char *buf, size_t size)
{
    length_text(key_wake_max(row), buf, size);
}
static void text_work(const struct row *row, char *buf, size_t size)
{
    if (row->task.work_total_ns)
        view_percent(key_work(row), buf, size);
    else
        snprintf(buf, size, "-");
}

#define NAME_COLS 13 /* at least */

static const struct column columns[] = {
    {"task", NAME_COLS, 0, key_name, NULL},
    {"tid", 7, 6, key_tid, text_tid},
    {"kind", 7, 9, key_kind, text_kind},
    {"state", 8, 2, key_state, text_state},
    {"cpu", 3, 3, key_cpu, text_cpu},
    {"run", 5, 1, key_run, text_run},
    {"wait", 5, 4, key_wait, text_wait},
    {"slices", 6, 5, key_slices, text_slices},
    {"p50", 7, 7, key_p50, text_p50},
    {"wake p50", 8, 14, key_wake_p50, text_wake_p50},
    {"wake p99", 8, 8, key_wake_p99, text_wake_p99},
    {"wake max", 8, 12, key_wake_max, text_wake_max},
    {"vol/s", 7, 13, key_voluntary_rate, text_voluntary_rate},
    {"forced/s", 8, 10, key_forced_rate, text_forced_rate},
    {"vol", 6, 9, key_voluntary, text_voluntary},
    {"kernel", 6, 13, key_kernel_voluntary, text_kernel_voluntary},
    {"forced", 6, 8, key_forced, text_forced},
    {"kernel", 6, 12, key_kernel_forced, text_kernel_forced},
    {"migr", 5, 15, key_migrations, text_migrations},
    {"work", 5, 6, key_work, text_work},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, TID_COLUMN = 1, COLUMN_GAP = 2 };

int view_table_n_columns(void)
{
    return N_COLUMNS;
}

/* ---- rows ---- */

/* Samples tell no slices: the kernel's own totals are what is known, of all the time that it was watched. */
static void take_kernels_figures(struct row *row)
{
    const struct kernel_counts *k = &row->task.kernel;
    row->known = k->has_run && row->life_s > 0;
    if (row->known) {
        row->run = (double)(k->run_ns - k->base_run_ns) / 1e9 / row->life_s;
        row->wait = (double)(k->wait_ns - k->base_wait_ns) / 1e9 / row->life_s;
    }
    if (k->has_slices)
        row->task.n_slices = k->slices - k->base_slices;
    if (k->has_switches) {
        row->task.n_voluntary = k->voluntary - k->base_voluntary;
        row->task.n_involuntary = k->involuntary - k->base_involuntary;
    }
}

/* The state of several tasks together: the busiest one's. */
static void join_state(struct task *sum, const struct task *task)
{
    static const int ranks[] = {[STATE_RUNNING] = 4,
                                [STATE_RUNNABLE] = 3,
                                [STATE_BLOCKED] = 2,
                                [STATE_UNKNOWN] = 1,
                                [STATE_GONE] = 0};
    if (ranks[task->state] > ranks[sum->state])
        sum->state = task->state;
    sum->exited = sum->exited && task->exited;
}

static void add_kernel(struct kernel_counts *sum, const struct task *task)
{
    const struct kernel_counts *kernel = &task->kernel;
    sum->voluntary += kernel->voluntary - kernel->base_voluntary;
    sum->involuntary += kernel->involuntary - kernel->base_involuntary;
    sum->run_ns += kernel->run_ns - kernel->base_run_ns;
    sum->wait_ns += kernel->wait_ns - kernel->base_wait_ns;
    sum->slices += kernel->slices - kernel->base_slices;
    sum->has_switches = sum->has_switches && kernel->has_switches && task_counts_hold(task);
    sum->has_run = sum->has_run && kernel->has_run;
    sum->has_slices = sum->has_slices && kernel->has_slices;
}

static void add_members(const struct scene *scene, const struct roster_row *from, struct row *row)
{
    struct task *sum = &row->task;
    struct kernel_counts kernel = {.has_switches = true, .has_run = true, .has_slices = true};
    add_kernel(&kernel, sum);
    for (uint32_t i = 1; i < from->n; i++) {
        const struct task *task = timeline_task_told(scene->tl, scene->members[from->first + i]);
        join_state(sum, task);
        sum->sampled |= task->sampled;
        add_kernel(&kernel, task);
        sum->n_slices += task->n_slices;
        sum->n_voluntary += task->n_voluntary;
        sum->n_involuntary += task->n_involuntary;
        sum->n_migrations += task->n_migrations;
    }
    sum->kernel = kernel;
}

static void fill_row(const struct scene *scene, const struct roster_row *from, struct row *row)
{
    uint64_t lo, hi;
    *row = (struct row){.scene = scene, .from = from, .n = from->n};
    timeline_task(scene->tl, from->task, &row->task);
    row->life_s = (double)(row->task.last_ns - row->task.first_ns) / 1e9;
    if (from->n > 1)
        add_members(scene, from, row);
    if (!scene->info.exact || row->task.sampled) {
        take_kernels_figures(row);
    } else if (figures_window(scene, &lo, &hi)) {
        const struct figure did = view_row_figure(scene, from);
        row->known = true;
        row->run = (double)did.run_ns / (double)(hi - lo);
        row->wait = (double)did.runnable_ns / (double)(hi - lo);
    }
}

struct ranked {
    double key;
    unsigned at;
};

static int by_key(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

/* In the order of the processes' tree, where there is one. */
static bool is_tree(const struct scene *scene)
{
    return scene->roster && scene->sort_column <= 0;
}

void view_table_sort(const struct scene *scene, unsigned *order)
{
    const unsigned n = scene->n_rows;
    struct ranked *ranked = mem_new(n, sizeof *ranked);
    const int column = scene->sort_column >= 0 && scene->sort_column < N_COLUMNS ? scene->sort_column : 0;
    for (unsigned i = 0; i < n; i++) {
        struct row row;
        ranked[i] = (struct ranked){-(double)i, i};
        if (!is_tree(scene)) {
            fill_row(scene, &scene->rows[i], &row);
            ranked[i].key = columns[column].key(&row);
        }
        ranked[i].key *= scene->sort_reverse ? -1 : 1;
    }
    if (n)
        qsort(ranked, n, sizeof *ranked, by_key);
    for (unsigned i = 0; i < n; i++)
        order[i] = ranked[i].at;
    free(ranked);
}

/* order[row] counts in scene->rows. The caller frees it. */
static unsigned *sort_rows(const struct scene *scene)
{
    unsigned *order = mem_new(scene->n_rows, sizeof *order);
    if (scene->order)
        memcpy(order, scene->order, scene->n_rows * sizeof *order);
    else
        view_table_sort(scene, order);
    return order;
}

uint32_t view_table_task(const struct scene *scene, unsigned row)
{
    if (row >= scene->n_rows)
        return TIMELINE_NO_TASK;
    unsigned *order = sort_rows(scene);
    uint32_t task = scene->rows[order[row]].task;
    free(order);
    return task;
}

/* ---- drawing ---- */

#define WHY_COLS      26 /* at least, of the words that say why a task does not run */
#define MOST_WHY_COLS 52

/* What of the columns fits. */
struct layout {
    bool shown[N_COLUMNS];
    int name_cols, why_cols; /* why_cols 0: not shown */
};

static int column_cols(const struct layout *layout, int i)
{
    return i == 0 ? layout->name_cols : columns[i].cols;
}

/* Columns that the words are given before the last figures are. */
static int wished_why_cols(const struct scene *scene, int cols)
{
    if (!scene->info.workload.program || cols < 90)
        return 0;
    return cols < 120 ? WHY_COLS : 36;
}

/* Work is what some of our own workloads have; when a task was woken is told where all tasks are watched. */
static bool is_known(const struct scene *scene, const struct column *column)
{
    if (column->key == key_work)
        return scene->info.workload.work_ns > 0;
    if (column->key == key_wake_p50 || column->key == key_wake_p99 || column->key == key_wake_max)
        return scene->info.all && scene->info.exact;
    return true;
}

/* Leaves columns out, the highest rank first, until the others fit. */
static void choose_columns(const struct scene *scene, int cols, struct layout *layout)
{
    const int wide = 4 + scene->name_cols < cols / 4 ? 4 + scene->name_cols : cols / 4;
    const int names = scene->roster ? wide : scene->name_cols ? 4 + scene->name_cols : 0;
    int used = 1, why = wished_why_cols(scene, cols);
    layout->name_cols = names > NAME_COLS ? names : NAME_COLS;
    for (int i = 0; i < N_COLUMNS; i++) {
        layout->shown[i] = is_known(scene, &columns[i]);
        used += layout->shown[i] ? column_cols(layout, i) + COLUMN_GAP : 0;
    }
    for (int rank = N_COLUMNS; rank > 0; rank--)
        for (int i = 0; i < N_COLUMNS; i++)
            if (used + why > cols && layout->shown[i] && columns[i].rank == rank) {
                layout->shown[i] = false;
                used -= columns[i].cols + COLUMN_GAP;
            }
    layout->why_cols = cols - used - 1;
    if (layout->why_cols < WHY_COLS)
        layout->why_cols = 0;
    else if (layout->why_cols > MOST_WHY_COLS)
        layout->why_cols = MOST_WHY_COLS;
}

static bool is_text(const struct column *column)
{
    return column->text == text_kind || column->text == text_state;
}

static void draw_head(const struct scene *scene, struct canvas *canvas, struct rect rect,
                      const struct layout *layout)
{
    int x = rect.x + 1, end = rect.x + rect.cols;
    for (int i = 0; i < N_COLUMNS; i++) {
        if (!layout->shown[i])
            continue;
        bool sorted = i == scene->sort_column;
        int cols = column_cols(layout, i), n = (int)strlen(columns[i].title);
        int at = i == 0 || is_text(&columns[i]) ? x : x + cols - n;
        canvas_text(canvas, at, rect.y, end - at, sorted ? PAINT_ACCENT : PAINT_FAINT, PAINT_KEEP,
                    sorted ? CELL_BOLD : 0, columns[i].title);
        if (sorted)
            canvas_put(canvas, i == 0 || is_text(&columns[i]) ? at + n : at - 1, rect.y,
                       scene->sort_reverse ? scene->glyphs->arrow_up : scene->glyphs->arrow_down,
                       PAINT_ACCENT, PAINT_KEEP, 0);
        x += cols + COLUMN_GAP;
    }
    if (layout->why_cols)
        canvas_text(canvas, x, rect.y, end - x, PAINT_FAINT, PAINT_KEEP, 0, "why it does not run");
}

/* Paused or in slow motion the window lies in the past, while what is told of a whole life goes on. */
static bool goes_on(const struct scene *scene)
{
    const struct viewport *vp = &scene->viewport;
    return (vp->mode == MODE_PAUSED || vp->mode == MODE_SLOW) && !scene->info.finished;
}

/* Of the window shown, or what never changes; anything else is of now. */
static bool is_of_window(const struct scene *scene, const struct column *column)
{
    bool of_window = column->text == text_run || column->text == text_wait;
    return column->text == text_tid || column->text == text_kind || (of_window && scene->info.exact);
}

static enum paint state_paint(const struct row *row)
{
    if (row->task.state == STATE_RUNNING)
        return PAINT_GOOD;
    return row->task.state == STATE_RUNNABLE ? PAINT_WARN : PAINT_FAINT;
}

static void draw_name(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                      const struct roster_row *row, struct rect rect, bool with_tid, bool selected)
{
    const struct face *face = faces_get(faces, row->task);
    struct roster_row flat = *row;
    flat.depth = is_tree(scene) ? row->depth : 0;
    if (scene->roster && !face->self && !face->is_outsider)
        view_row_label(scene, canvas, faces, &flat, rect, with_tid, selected);
    else if (face->self || face->by_name)
        canvas_text(canvas, rect.x, rect.y, rect.cols, PAINT_SELF, PAINT_KEEP, 0, face->name);
    else
        view_chip(canvas, faces, row->task, rect.x, rect.y, rect.cols, true);
}

static void draw_row(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                     const struct roster_row *from, int x, int y, const struct layout *layout, bool selected)
{
    struct row row;
    fill_row(scene, from, &row);
    const struct face *face = faces_get(faces, from->task);
    bool self = face->self || (scene->roster && (face->is_outsider || row.task.exited));
    for (int i = 0; i < N_COLUMNS; i++) {
        char text[48];
        if (!layout->shown[i])
            continue;
        if (i == 0) {
            draw_name(scene, canvas, faces, from, (struct rect){x, y, layout->name_cols, 1},
                      !layout->shown[TID_COLUMN], selected);
        } else {
            columns[i].text(&row, text, sizeof text);
            bool dim = goes_on(scene) && !is_of_window(scene, &columns[i]);
            enum paint fg = self || dim                     ? PAINT_SELF
                            : columns[i].text == text_state ? state_paint(&row)
                                                            : PAINT_TEXT;
            fg = text[0] == '!' ? PAINT_ALERT : fg;
            if (is_text(&columns[i]))
                canvas_text(canvas, x, y, columns[i].cols, fg, PAINT_KEEP, 0, text);
            else
                view_right(canvas, x, y, columns[i].cols, fg, selected ? CELL_BOLD : 0, text);
        }
        x += column_cols(layout, i) + COLUMN_GAP;
    }
    if (layout->why_cols && task_is_workload(&row.task) && row.n < 2) {
        char why[256];
        view_why(scene, from->task, scene->at_ns, layout->why_cols, why, sizeof why);
        canvas_text(canvas, x, y, layout->why_cols, goes_on(scene) ? PAINT_SELF : PAINT_TEXT, PAINT_KEEP, 0,
                    why);
    }
}

/* How the rows of a rect are spent. */
struct plan {
    int head; /* the heads, and air around them where there is room */
    int step; /* from a task to the next */
    int fit;  /* tasks that fit, at least 1 */
    int more; /* a row that tells of those which do not */
    int note; /* a row that tells which figures go on */
};

static struct plan make_plan(const struct scene *scene, struct rect rect)
{
    struct plan plan = {.head = rect.rows >= 10 ? 3 : 1, .step = scene->lecture ? 2 : 1};
    plan.note = goes_on(scene) && rect.rows >= 6;
    int rows = rect.rows - plan.head - plan.note;
    plan.more = (int)scene->n_rows * plan.step > rows && rows > 1;
    plan.fit = (rows - plan.more) / plan.step;
    plan.fit = plan.fit > 0 ? plan.fit : 1;
    return plan;
}

static const char *caption(const struct scene *scene, int cols)
{
    static const char *const paused[] = {
        "run and wait: of the window shown; what is dim goes on: it is of the task's life up to now",
        "run, wait: of the window; what is dim goes on", "what is dim goes on", "dim: live", ""};
    static const char *const live[] = {
        ("run and wait: of the window shown; the rest: of the task's life up to now; "
         "kernel: its own count, read now and then"),
        "run, wait: of the window; the rest: of the life up to now", ""};
    static const char *const samples[] = {"all figures are the kernel's own, of the task's life", ""};
    const char *const *texts = !scene->info.exact ? samples : goes_on(scene) ? paused : live;
    while (**texts && cols < canvas_text_cols(*texts))
        texts++;
    return *texts;
}

static void draw_tasks(const struct scene *scene, struct canvas *canvas, const struct plan *plan,
                       struct rect rect, const struct layout *layout)
{
    struct faces faces;
    unsigned *order = sort_rows(scene);
    faces_init(&faces, scene);
    for (unsigned i = scene->scroll; i < scene->n_rows && (int)(i - scene->scroll) < plan->fit; i++) {
        int y = rect.y + plan->head + (int)(i - scene->scroll) * plan->step;
        bool selected = scene->show_selected && i == scene->selected;
        if (selected) {
            canvas_fill(canvas, (struct rect){rect.x, y, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_LANE, 0);
            canvas_put(canvas, rect.x, y, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD);
        }
        draw_row(scene, canvas, &faces, &scene->rows[order[i]], rect.x + 1, y, layout, selected);
    }
    faces_fini(&faces);
    free(order);
}

/* "waited 61 ms for a core: 58 ms behind firefox 1234, 3 ms unknown" */
static void draw_antagonists(const struct scene *scene, struct canvas *canvas, int x, int y, int cols)
{
    char text[512], length[32];
    struct faces faces;
    if (!scene->waited.waited_ns)
        return;
    faces_init(&faces, scene);
    size_t used = (size_t)snprintf(text, sizeof text, "waited %s for a core",
                                   export_duration(scene->waited.waited_ns, length, sizeof length));
    for (unsigned i = 0; i < scene->n_antagonists && used < sizeof text; i++) {
        struct task task;
        timeline_task(scene->tl, scene->antagonists[i].task, &task);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %s behind %s %d", i ? "," : ":",
                                 export_duration(scene->antagonists[i].ns, length, sizeof length),
                                 faces_get(&faces, scene->antagonists[i].task)->name, task.tid);
    }
    if (scene->waited.unknown_ns && used < sizeof text)
        snprintf(text + used, sizeof text - used, "%s %s unknown", scene->n_antagonists ? "," : ":",
                 export_duration(scene->waited.unknown_ns, length, sizeof length));
    canvas_text(canvas, x, y, cols, PAINT_TEXT, PAINT_KEEP, 0, text);
    faces_fini(&faces);
}

static void table_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct layout layout;
    struct plan plan = make_plan(scene, rect);
    int bottom = rect.y + rect.rows;
    choose_columns(scene, rect.cols, &layout);
    draw_head(scene, canvas, (struct rect){rect.x, rect.y + (plan.head > 1), rect.cols, 1}, &layout);
    if (plan.head > 1)
        canvas_fill(canvas, (struct rect){rect.x, rect.y + 2, rect.cols, 1}, scene->glyphs->hline, PAINT_OFF,
                    PAINT_BACK, 0);
    draw_tasks(scene, canvas, &plan, rect, &layout);

    unsigned end = scene->scroll + (unsigned)plan.fit;
    int note = rect.y + plan.head + 1 + (int)(scene->n_rows - scene->scroll) * plan.step;
    if (plan.more)
        view_more(scene, canvas, rect.x + 1, bottom - plan.note - 1, rect.cols - 2, scene->scroll,
                  end < scene->n_rows ? scene->n_rows - end : 0);
    if (plan.note && (plan.more || note >= bottom))
        note = bottom - 1;
    if (note < bottom && (plan.note || !scene->lecture))
        canvas_text(canvas, rect.x + 1, note, rect.cols - 2, plan.note ? PAINT_WARN : PAINT_FAINT, PAINT_KEEP,
                    0, caption(scene, rect.cols - 2));
    if (note + 1 < bottom && !scene->lecture)
        draw_antagonists(scene, canvas, rect.x + 1, note + 1, rect.cols - 2);
    view_to_ascii(scene, canvas, rect);
}

static unsigned table_n_rows(const struct scene *scene)
{
    return scene->n_rows;
}

static unsigned table_n_fit(const struct scene *scene, struct rect rect)
{
    return (unsigned)make_plan(scene, rect).fit;
}

static bool table_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                      uint64_t *time_ns)
{
    struct plan plan = make_plan(scene, rect);
    int offset = y - rect.y - plan.head;
    if (offset < 0 || offset >= plan.fit * plan.step || x < rect.x)
        return false;
    *row = scene->scroll + (unsigned)(offset / plan.step);
    *time_ns = 0;
    return *row < scene->n_rows;
}

const struct view_ops view_table = {
    .name = "table",
    .title = "Table",
    .draw = table_draw,
    .n_rows = table_n_rows,
    .n_fit = table_n_fit,
    .hit = table_hit,
    .lane_cols = view_lane_frame_cols,
};
