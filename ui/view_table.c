/* The table of tasks: figures of the window, totals of their lives, and the kernel's own counters beside
 * ours. */
#include "../src/clock.h"
#include "../src/err.h"
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one row is made from. */
struct row {
    struct task task;
    bool known;       /* the next two are */
    double run, wait; /* parts of the window */
    double life_s;
    uint64_t p50_ns;
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
static bool disagrees(const struct task *task, uint64_t ours, uint64_t kernels)
{
    return task->kernel.has_switches && (kernels > ours + 1 || (task->exited && ours > kernels + 1));
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
static double key_p50(const struct row *row)
{
    return (double)row->p50_ns;
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
    if (row->task.last_cpu >= 0)
        snprintf(buf, size, "%d", row->task.last_cpu);
    else
        snprintf(buf, size, "-");
}
static void part_text(const struct row *row, double part, char *buf, size_t size)
{
    if (row->known)
        view_percent(part, buf, size);
    else
        snprintf(buf, size, "-");
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
static void text_p50(const struct row *row, char *buf, size_t size)
{
    if (row->task.slice_ns && row->task.slice_ns->n)
        export_duration(row->p50_ns, buf, size);
    else
        snprintf(buf, size, "-");
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
    if (!row->task.kernel.has_switches)
        snprintf(buf, size, "-");
    else
        snprintf(buf, size, "%s%s", disagrees(&row->task, ours, kernels) ? "!" : "",
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
static void text_work(const struct row *row, char *buf, size_t size)
{
    if (row->task.work_total_ns)
        view_percent(key_work(row), buf, size);
    else
        snprintf(buf, size, "-");
}

#define NAME_COLS 13

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
    {"vol/s", 7, 13, key_voluntary_rate, text_voluntary_rate},
    {"forced/s", 8, 10, key_forced_rate, text_forced_rate},
    {"vol", 6, 9, key_voluntary, text_voluntary},
    {"kernel", 6, 13, key_kernel_voluntary, text_kernel_voluntary},
    {"forced", 6, 8, key_forced, text_forced},
    {"kernel", 6, 12, key_kernel_forced, text_kernel_forced},
    {"migr", 5, 15, key_migrations, text_migrations},
    {"work", 5, 6, key_work, text_work},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, COLUMN_GAP = 2 };

int view_table_n_columns(void)
{
    return N_COLUMNS;
}

/* ---- rows ---- */

/* Samples tell no slices: the kernel's own totals are what is known, of the whole life. */
static void take_kernels_figures(struct row *row)
{
    const struct kernel_counts *k = &row->task.kernel;
    row->known = k->has_run && row->life_s > 0;
    if (row->known) {
        row->run = (double)k->run_ns / 1e9 / row->life_s;
        row->wait = (double)k->wait_ns / 1e9 / row->life_s;
    }
    if (k->has_slices)
        row->task.n_slices = k->slices;
    if (k->has_switches) {
        row->task.n_voluntary = k->voluntary;
        row->task.n_involuntary = k->involuntary;
    }
}

static void fill_row(const struct scene *scene, uint32_t index, struct row *row)
{
    uint64_t lo, hi;
    struct bin bin;
    *row = (struct row){0};
    timeline_task(scene->tl, index, &row->task);
    row->life_s = (double)(row->task.last_ns - row->task.first_ns) / 1e9;
    row->p50_ns = row->task.slice_ns ? histogram_quantile(row->task.slice_ns, 0.5) : 0;
    if (!scene->info.exact) {
        take_kernels_figures(row);
    } else if (view_window(scene, &lo, &hi)) {
        row->known = true;
        timeline_task_sum(scene->tl, index, lo, hi - lo, &bin);
        row->run = (double)bin.run_ns / (double)(hi - lo);
        row->wait = (double)bin.runnable_ns / (double)(hi - lo);
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

/* The scene's tasks in the order of the table: order[row] counts in scene->tasks. The caller frees it. */
static unsigned *sort_rows(const struct scene *scene)
{
    unsigned *order = mem_new(scene->n_tasks, sizeof *order);
    struct ranked *ranked = mem_new(scene->n_tasks, sizeof *ranked);
    int column = scene->sort_column >= 0 && scene->sort_column < N_COLUMNS ? scene->sort_column : 0;
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        struct row row;
        fill_row(scene, scene->tasks[i], &row);
        ranked[i] = (struct ranked){columns[column].key(&row) * (scene->sort_reverse ? -1 : 1), i};
    }
    if (scene->n_tasks)
        qsort(ranked, scene->n_tasks, sizeof *ranked, by_key);
    for (unsigned i = 0; i < scene->n_tasks; i++)
        order[i] = ranked[i].at;
    free(ranked);
    return order;
}

uint32_t view_table_task(const struct scene *scene, unsigned row)
{
    if (row >= scene->n_tasks)
        return TIMELINE_NO_TASK;
    unsigned *order = sort_rows(scene);
    uint32_t task = scene->tasks[order[row]];
    free(order);
    return task;
}

/* ---- drawing ---- */

/* Leaves columns out, the highest rank first, until the others fit. */
static void choose_columns(const struct scene *scene, int cols, bool shown[N_COLUMNS])
{
    int used = 1;
    for (int i = 0; i < N_COLUMNS; i++) {
        shown[i] = columns[i].key != key_work || scene->info.workload.work_ns > 0;
        used += shown[i] ? columns[i].cols + COLUMN_GAP : 0;
    }
    for (int rank = N_COLUMNS; rank > 0; rank--)
        for (int i = 0; i < N_COLUMNS; i++)
            if (used > cols && shown[i] && columns[i].rank == rank) {
                shown[i] = false;
                used -= columns[i].cols + COLUMN_GAP;
            }
}

static bool is_text(const struct column *column)
{
    return column->text == text_kind || column->text == text_state;
}

static void draw_head(const struct scene *scene, struct canvas *canvas, struct rect rect, const bool *shown)
{
    int x = rect.x + 1, end = rect.x + rect.cols;
    for (int i = 0; i < N_COLUMNS; i++) {
        if (!shown[i])
            continue;
        bool sorted = i == scene->sort_column;
        int cols = columns[i].cols, n = (int)strlen(columns[i].title);
        int at = i == 0 || is_text(&columns[i]) ? x : x + cols - n;
        canvas_text(canvas, at, rect.y, end - at, sorted ? PAINT_ACCENT : PAINT_FAINT, PAINT_KEEP,
                    sorted ? CELL_BOLD : 0, columns[i].title);
        if (sorted)
            canvas_put(canvas, i == 0 || is_text(&columns[i]) ? at + n : at - 1, rect.y,
                       scene->sort_reverse ? scene->glyphs->arrow_up : scene->glyphs->arrow_down,
                       PAINT_ACCENT, PAINT_KEEP, 0);
        x += cols + COLUMN_GAP;
    }
}

static enum paint state_paint(const struct row *row)
{
    if (row->task.state == STATE_RUNNING)
        return PAINT_GOOD;
    return row->task.state == STATE_RUNNABLE ? PAINT_WARN : PAINT_FAINT;
}

static void draw_name(struct canvas *canvas, struct faces *faces, uint32_t task, int x, int y)
{
    const struct face *face = faces_get(faces, task);
    if (face->self || face->by_name) {
        canvas_text(canvas, x, y, NAME_COLS, PAINT_SELF, PAINT_KEEP, 0, face->name);
        return;
    }
    int n = (int)strlen(face->letter);
    canvas_fill(canvas, (struct rect){x, y, n + 2, 1}, ' ', PAINT_ON_TASK, (enum paint)face->paint, 0);
    canvas_text(canvas, x + 1, y, n, PAINT_ON_TASK, (enum paint)face->paint, CELL_BOLD, face->letter);
    if (strcmp(face->name, face->letter) != 0)
        canvas_text(canvas, x + n + 3, y, NAME_COLS - n - 3, PAINT_TEXT, PAINT_KEEP, 0, face->name);
}

static void draw_row(const struct scene *scene, struct canvas *canvas, struct faces *faces, uint32_t task,
                     int x, int y, const bool *shown, bool selected)
{
    struct row row;
    fill_row(scene, task, &row);
    bool self = faces_get(faces, task)->self;
    for (int i = 0; i < N_COLUMNS; i++) {
        char text[48];
        if (!shown[i])
            continue;
        if (i == 0) {
            draw_name(canvas, faces, task, x, y);
        } else {
            columns[i].text(&row, text, sizeof text);
            enum paint fg = self                            ? PAINT_SELF
                            : columns[i].text == text_state ? state_paint(&row)
                                                            : PAINT_TEXT;
            fg = text[0] == '!' ? PAINT_ALERT : fg;
            if (is_text(&columns[i]))
                canvas_text(canvas, x, y, columns[i].cols, fg, PAINT_KEEP, 0, text);
            else
                view_right(canvas, x, y, columns[i].cols, fg, selected ? CELL_BOLD : 0, text);
        }
        x += columns[i].cols + COLUMN_GAP;
    }
}

/* Rows above the first task: the heads, and air around them where there is room. */
static int head_rows(struct rect rect)
{
    return rect.rows >= 10 ? 3 : 1;
}

static void table_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    bool shown[N_COLUMNS];
    struct faces faces;
    unsigned *order = sort_rows(scene);
    int step = scene->lecture ? 2 : 1;
    faces_init(&faces, scene->tl);
    choose_columns(scene, rect.cols, shown);
    int top = rect.y + head_rows(rect);
    draw_head(scene, canvas, (struct rect){rect.x, rect.y + (head_rows(rect) > 1), rect.cols, 1}, shown);
    if (head_rows(rect) > 1)
        canvas_fill(canvas, (struct rect){rect.x, rect.y + 2, rect.cols, 1}, scene->glyphs->hline, PAINT_OFF,
                    PAINT_BACK, 0);
    for (unsigned i = scene->scroll; i < scene->n_tasks; i++) {
        int y = top + (int)(i - scene->scroll) * step;
        bool selected = scene->show_selected && i == scene->selected;
        if (y >= rect.y + rect.rows)
            break;
        if (selected) {
            canvas_fill(canvas, (struct rect){rect.x, y, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_LANE, 0);
            canvas_put(canvas, rect.x, y, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD);
        }
        draw_row(scene, canvas, &faces, scene->tasks[order[i]], rect.x + 1, y, shown, selected);
    }
    int note = top + 1 + (int)(scene->n_tasks - scene->scroll) * step;
    const char *caption = rect.cols >= 118
                              ? "run and wait: of the window shown; the rest: of the task's life up to now; "
                                "kernel: its own count, read twice a second"
                          : rect.cols >= 60 ? "run, wait: of the window; the rest: of the life up to now"
                                            : "";
    if (!scene->info.exact)
        caption = "all figures are the kernel's own, of the task's life";
    if (!scene->lecture && note < rect.y + rect.rows)
        canvas_text(canvas, rect.x + 1, note, rect.cols - 2, PAINT_FAINT, PAINT_KEEP, 0, caption);
    faces_fini(&faces);
    free(order);
    view_to_ascii(scene, canvas, rect);
}

static unsigned table_n_rows(const struct scene *scene)
{
    return scene->n_tasks;
}

static unsigned table_n_fit(const struct scene *scene, struct rect rect)
{
    int n = (rect.rows - head_rows(rect)) / (scene->lecture ? 2 : 1);
    return n > 0 ? (unsigned)n : 1;
}

static bool table_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row,
                      uint64_t *time_ns)
{
    int offset = y - rect.y - head_rows(rect);
    if (offset < 0 || y >= rect.y + rect.rows || x < rect.x)
        return false;
    *row = scene->scroll + (unsigned)(offset / (scene->lecture ? 2 : 1));
    *time_ns = 0;
    return *row < scene->n_tasks;
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
