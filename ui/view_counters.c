/* The counters: switches and tasks at once over time, slice lengths, what a switch costs, fairness, as cards.
 */
#include "../src/clock.h"
#include "../src/err.h"
#include "../src/export/export.h"
#include "view_lanes.h"
#include "view_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCALE_COLS 8 /* labels of the y axis */

struct task_part {
    uint64_t run_ns, unknown_ns;
    uint32_t n_switches;
};

/* What all cards look at. */
struct sheet {
    const struct scene *scene;
    struct canvas *canvas;
    struct view_stats stats;
    int cols;                           /* of the plots over time; 0: no room for them */
    double *switches, *running, *alive; /* per column: switches a second, tasks running, tasks in progress */
    unsigned n_throughout;              /* of the latter, in all columns */
    struct task_part *parts;            /* of the window, of each of the scene's tasks */
};

static void draw_title(const struct sheet *sheet, struct rect rect, const char *title, const char *figures)
{
    struct canvas *canvas = sheet->canvas;
    int n = canvas_text(canvas, rect.x, rect.y, rect.cols, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, title);
    int m = canvas_text_cols(figures), rule = rect.cols - n - m - 2;
    if (rule < 1 || !m)
        rule = rect.cols - n - 1;
    if (rule > 0)
        canvas_fill(canvas, (struct rect){rect.x + n + 1, rect.y, rule, 1}, sheet->scene->glyphs->hline,
                    PAINT_OFF, PAINT_BACK, 0);
    if (m && rule < rect.cols - n - 1)
        view_right(canvas, rect.x, rect.y, rect.cols, PAINT_TEXT, 0, figures);
}

/* One slice, over the columns that it touches. */
static void add_slice(struct sheet *sheet, const struct slice *slice)
{
    const struct view_stats *stats = &sheet->stats;
    const uint64_t span_ns = stats->hi_ns - stats->lo_ns, n = (uint64_t)sheet->cols;
    uint64_t at_ns = slice->start_ns > stats->lo_ns ? slice->start_ns : stats->lo_ns;
    const uint64_t end_ns = slice->end_ns < stats->hi_ns ? slice->end_ns : stats->hi_ns;
    for (uint64_t x = (at_ns - stats->lo_ns) * n / span_ns; x < n && at_ns < end_ns; x++) {
        const uint64_t border_ns = stats->lo_ns + (x + 1) * span_ns / n;
        const uint64_t to_ns = border_ns < end_ns ? border_ns : end_ns;
        if (slice->start_ns >= stats->lo_ns && at_ns == slice->start_ns)
            sheet->switches[x]++;
        sheet->running[x] += (double)(to_ns > at_ns ? to_ns - at_ns : 0);
        at_ns = to_ns > at_ns ? to_ns : at_ns;
    }
}

#define FEW_SLICES 16u

/* Of thousands of tasks most run but once or twice in a window: that is told by these slices alone. False:
 * there are too many, or it did not live all the time. */
static bool add_few_slices(struct sheet *sheet, const struct task *task, const struct task_part *part)
{
    const struct timeline *tl = sheet->scene->tl;
    const struct view_stats *stats = &sheet->stats;
    struct slice slices[FEW_SLICES + 1];
    if (part->unknown_ns || part->n_switches >= FEW_SLICES)
        return false;
    const unsigned n = timeline_task_slices(tl, task->index, stats->lo_ns, slices, part->n_switches + 1);
    for (unsigned i = 0; i < n && slices[i].start_ns < stats->hi_ns && task_counts(task); i++)
        add_slice(sheet, &slices[i]);
    sheet->n_throughout += task_works(task);
    return true;
}

static void add_bins(struct sheet *sheet, const struct task *task, struct bin *bins)
{
    const struct view_stats *stats = &sheet->stats;
    timeline_task_bins(sheet->scene->tl, task->index, stats->lo_ns, stats->hi_ns - stats->lo_ns,
                       (unsigned)sheet->cols, bins);
    for (int x = 0; x < sheet->cols; x++) {
        if (task_counts(task)) {
            sheet->switches[x] += bins[x].n_switches;
            sheet->running[x] += (double)bins[x].run_ns;
        }
        if (task_works(task))
            sheet->alive[x] += (double)(bins[x].run_ns + bins[x].runnable_ns + bins[x].blocked_ns);
    }
}

static void take_parts(struct sheet *sheet)
{
    const struct scene *scene = sheet->scene;
    const struct view_stats *stats = &sheet->stats;
    sheet->parts = mem_new(scene->n_tasks, sizeof *sheet->parts);
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        const struct figure did = figures_of(scene, scene->tasks[i], stats->lo_ns, stats->hi_ns);
        sheet->parts[i] = (struct task_part){did.run_ns, did.unknown_ns, did.n_switches};
    }
}

/* Sums of the tasks per column of the plots, which are all equally wide. */
static void sum_tasks(struct sheet *sheet, int cols)
{
    const struct scene *scene = sheet->scene;
    struct bin *bins = mem_new((unsigned long)cols, sizeof *bins);
    sheet->cols = cols;
    sheet->switches = mem_new((unsigned long)cols, sizeof *sheet->switches);
    sheet->running = mem_new((unsigned long)cols, sizeof *sheet->running);
    sheet->alive = mem_new((unsigned long)cols, sizeof *sheet->alive);
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        const struct task *task = timeline_task_told(scene->tl, scene->tasks[i]);
        if (task_is_workload(task) && !add_few_slices(sheet, task, &sheet->parts[i]))
            add_bins(sheet, task, bins);
    }
    double col_ns = (double)(sheet->stats.hi_ns - sheet->stats.lo_ns) / cols;
    for (int x = 0; x < cols; x++) {
        sheet->switches[x] *= 1e9 / col_ns;
        sheet->running[x] /= col_ns;
        sheet->alive[x] = sheet->alive[x] / col_ns + sheet->n_throughout + scene->n_quiet;
    }
    free(bins);
}

/* The smallest 1, 2 or 5 times a power of ten that is not below x. */
static double round_up(double x)
{
    double power = 1;
    while (power * 10 <= x)
        power *= 10;
    return x <= power ? power : x <= 2 * power ? 2 * power : x <= 5 * power ? 5 * power : 10 * power;
}

static void draw_scale(const struct sheet *sheet, struct rect rect, const char *top, const char *bottom)
{
    view_right(sheet->canvas, rect.x, rect.y, SCALE_COLS - 1, PAINT_FAINT, 0, top);
    if (rect.rows > 1)
        view_right(sheet->canvas, rect.x, rect.y + rect.rows - 1, SCALE_COLS - 1, PAINT_FAINT, 0, bottom);
}

/* The plot's part of a card: below the title and right of the scale. */
static struct rect plot_of(struct rect rect)
{
    return (struct rect){rect.x + SCALE_COLS, rect.y + 1, rect.cols - SCALE_COLS, rect.rows - 1};
}

static void draw_switches(const struct sheet *sheet, struct rect rect)
{
    struct rect plot = plot_of(rect);
    char text[48], rate[16];
    snprintf(text, sizeof text, "mean %s", view_rate(sheet->stats.switches_per_s, rate, sizeof rate));
    draw_title(sheet, rect, "switches", text);
    if (sheet->cols == 0 || plot.rows < 1)
        return;
    double most = 1;
    for (int i = 0; i < plot.cols; i++)
        most = sheet->switches[i] > most ? sheet->switches[i] : most;
    most = round_up(most);
    draw_scale(sheet, (struct rect){rect.x, plot.y, rect.cols, plot.rows}, view_rate(most, text, sizeof text),
               "0");
    canvas_fill(sheet->canvas, plot, ' ', PAINT_TEXT, PAINT_LANE, 0);
    view_bars(sheet->scene, sheet->canvas, plot, sheet->switches, most, PAINT_ACCENT);
}

/* Running as bars, in progress as what is lit behind them. */
static void draw_at_once(const struct sheet *sheet, struct rect rect)
{
    struct rect plot = plot_of(rect);
    char text[64];
    snprintf(text, sizeof text, "%.2f of %.2f in progress", sheet->stats.parallelism,
             sheet->stats.concurrency);
    draw_title(sheet, rect, "running at once", text);
    if (sheet->cols == 0 || plot.rows < 1)
        return;
    double most = 1;
    for (int i = 0; i < plot.cols; i++)
        most = sheet->alive[i] > most + 0.05 ? sheet->alive[i] : most;
    for (int i = 0; i < plot.cols; i++) {
        int rows = (int)(sheet->alive[i] / most * plot.rows + 0.5);
        rows = rows < plot.rows ? rows : plot.rows;
        canvas_fill(sheet->canvas, (struct rect){plot.x + i, plot.y + plot.rows - rows, 1, rows}, ' ',
                    PAINT_TEXT, PAINT_LANE, 0);
    }
    snprintf(text, sizeof text, "%.0f", most);
    draw_scale(sheet, (struct rect){rect.x, plot.y, rect.cols, plot.rows}, text, "0");
    view_bars(sheet->scene, sheet->canvas, plot, sheet->running, most, PAINT_GOOD);
}

/* ---- histograms ---- */

/* Borders of the classes in tenths of a power of ten, from fine to coarse: the finest that fits is taken. */
#define N_GRIDS 3
static const unsigned grids[N_GRIDS][11] = {
    {12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 0},
    {20, 50, 100, 0},
    {100, 0},
};

static uint64_t next_border(uint64_t border, unsigned grid)
{
    uint64_t power = 10; /* ns: nothing shorter is told apart */
    while (power * 10 <= border)
        power *= 10;
    for (unsigned i = 0; grids[grid][i]; i++)
        if (power / 10 * grids[grid][i] > border)
            return power / 10 * grids[grid][i];
    return power * 10;
}

static uint64_t first_border(uint64_t ns, unsigned grid)
{
    uint64_t border = 10;
    while (next_border(border, grid) <= ns)
        border = next_border(border, grid);
    return border;
}

/* Where the first and the last filled bucket begin: buckets have a width, so lengths may lie a little above.
 */
static uint64_t lowest_ns(const struct histogram *h)
{
    unsigned i = 0;
    while (i + 1 < HISTOGRAM_BUCKETS && h->count[i] == 0)
        i++;
    return histogram_bucket_floor(i);
}

static uint64_t highest_ns(const struct histogram *h)
{
    unsigned i = HISTOGRAM_BUCKETS - 1;
    while (i > 0 && h->count[i] == 0)
        i--;
    return histogram_bucket_floor(i);
}

static unsigned count_classes(const struct histogram *h, unsigned grid)
{
    unsigned n = 0;
    uint64_t highest = highest_ns(h);
    for (uint64_t border = first_border(lowest_ns(h), grid); border <= highest;
         border = next_border(border, grid))
        n++;
    return n;
}

static uint64_t count_between(const struct histogram *h, uint64_t lo, uint64_t hi)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->count[i] == 0)
            continue;
        uint64_t floor = histogram_bucket_floor(i);
        n += floor >= lo && floor < hi ? h->count[i] : 0;
    }
    return n;
}

static void draw_class(const struct sheet *sheet, struct rect row, uint64_t lo, uint64_t hi, double part,
                       double most, enum paint paint)
{
    char from[32], to[32], label[80], percent[16];
    int bar_cols = row.cols - 17 - 7;
    snprintf(label, sizeof label, "%s – %s", view_span_text(lo, from, sizeof from),
             view_span_text(hi, to, sizeof to));
    view_right(sheet->canvas, row.x, row.y, 16, PAINT_FAINT, 0, label);
    if (bar_cols > 3 && part > 0) {
        double eighths = part / most * bar_cols * 8;
        int n = eighths < 1 ? 1 : (int)(eighths + 0.5);
        for (int x = 0; n > 0; x++, n -= 8)
            canvas_put(sheet->canvas, row.x + 17 + x, row.y,
                       sheet->scene->glyphs->left_eighths[n < 8 ? n : 8], paint, PAINT_KEEP, 0);
    }
    if (part > 0)
        view_right(sheet->canvas, row.x, row.y, row.cols, PAINT_TEXT, 0,
                   view_percent(part, percent, sizeof percent));
}

/* A class a row, the largest counts longest; what is too many rows is left out where it is rarest: at the
 * short end. */
static void draw_histogram(const struct sheet *sheet, struct rect rect, const struct histogram *h,
                           enum paint paint)
{
    unsigned grid = 0, fit = rect.rows > 0 ? (unsigned)rect.rows : 0;
    while (grid + 1 < N_GRIDS && count_classes(h, grid) > fit)
        grid++;
    unsigned n = count_classes(h, grid);
    uint64_t lo = first_border(lowest_ns(h), grid), start;
    double most = 0;
    for (; n > fit; n--)
        lo = next_border(lo, grid);
    start = lo;
    for (unsigned i = 0; i < n; i++, lo = next_border(lo, grid)) {
        double part = (double)count_between(h, lo, next_border(lo, grid)) / (double)h->n;
        most = part > most ? part : most;
    }
    lo = start;
    for (int y = 0; y < (int)n; y++, lo = next_border(lo, grid))
        draw_class(sheet, (struct rect){rect.x, rect.y + y, rect.cols, 1}, lo, next_border(lo, grid),
                   (double)count_between(h, lo, next_border(lo, grid)) / (double)h->n, most, paint);
}

static void draw_two_quantiles(const struct sheet *sheet, struct rect rect, const char *title,
                               const struct histogram *h, double high, const char *after)
{
    char a[32], b[32], text[160] = "";
    if (h && h->n)
        snprintf(text, sizeof text, "p50 %s  p%.0f %s%s",
                 export_duration(histogram_quantile(h, 0.5), a, sizeof a), high * 100,
                 export_duration(histogram_quantile(h, high), b, sizeof b), after);
    draw_title(sheet, rect, title, text);
}

static void draw_lengths(const struct sheet *sheet, struct rect rect)
{
    const struct scene *scene = sheet->scene;
    struct histogram lengths;
    const struct histogram *h = &lengths;
    if (scene->roster)
        h = roster_slice_lengths(scene->roster, scene->tl);
    else
        timeline_slice_lengths(scene->tl, &lengths);
    struct rect rows = {rect.x, rect.y + 1, rect.cols, rect.rows - 1};
    draw_two_quantiles(sheet, rect, "slice lengths", h, 0.95, "");
    if (!h->n)
        canvas_text(sheet->canvas, rect.x + 1, rect.y + 1, rect.cols - 1, PAINT_FAINT, PAINT_KEEP, 0,
                    "no slice has ended yet");
    else if (rows.rows > 0)
        draw_histogram(sheet, rows, h, PAINT_ACCENT);
}

static void draw_cost(const struct sheet *sheet, struct rect rect)
{
    const struct histogram *h = timeline_switch_costs(sheet->scene->tl);
    struct rect rows = {rect.x, rect.y + 1, rect.cols, rect.rows - 1};
    char after[48] = "";
    if (h && h->n)
        snprintf(after, sizeof after, sheet->stats.cost_part < 0.00095 ? "  = %.2f %%" : "  = %.1f %%",
                 sheet->stats.cost_part * 100);
    draw_two_quantiles(sheet, rect, "cost of a switch", h, 0.99, after);
    if (!h || !h->n)
        canvas_text(sheet->canvas, rect.x + 1, rect.y + 1, rect.cols - 1, PAINT_FAINT, PAINT_KEEP, 0,
                    "not seen: no task waited when another left");
    else if (rows.rows > 0)
        draw_histogram(sheet, rows, h, PAINT_WARN);
}

static bool is_of_workload(const struct scene *scene, unsigned i)
{
    return task_is_workload(timeline_task_told(scene->tl, scene->tasks[i]));
}

static void draw_fairness(const struct sheet *sheet, struct rect rect)
{
    const struct scene *scene = sheet->scene;
    struct faces faces;
    char text[48];
    uint64_t most_ns = 0;
    int y = rect.y + 1;
    snprintf(text, sizeof text, "Jain's index %.3f", sheet->stats.fairness);
    draw_title(sheet, rect, "fairness", text);
    faces_init(&faces, scene);
    for (unsigned i = 0; i < scene->n_tasks; i++)
        if (is_of_workload(scene, i))
            most_ns = sheet->parts[i].run_ns > most_ns ? sheet->parts[i].run_ns : most_ns;
    for (unsigned i = 0; i < scene->n_tasks && y < rect.y + rect.rows; i++) {
        const double run_ns = (double)sheet->parts[i].run_ns;
        if (!is_of_workload(scene, i))
            continue;
        const struct face *face = faces_get(&faces, scene->tasks[i]);
        canvas_text(sheet->canvas, rect.x + 1, y, 3, (enum paint)face->paint, PAINT_KEEP, CELL_BOLD,
                    face->letter);
        if (rect.cols > 20)
            view_bar(scene, sheet->canvas, rect.x + 5, y, rect.cols - 12,
                     most_ns ? run_ns / (double)most_ns : 0, (enum paint)face->paint);
        view_right(
            sheet->canvas, rect.x, y++, rect.cols, PAINT_TEXT, 0,
            view_percent(run_ns / (double)(sheet->stats.hi_ns - sheet->stats.lo_ns), text, sizeof text));
    }
    faces_fini(&faces);
}

/* ---- layout ---- */

typedef void draw_card(const struct sheet *sheet,
                       struct rect rect); /* a function type, for tables of cards */

/* Cards one under the other, equally high, a blank row between; what would get fewer than 3 rows is left out.
 */
static void stack(const struct sheet *sheet, struct rect rect, draw_card *const *cards, int n)
{
    while (n > 1 && rect.rows / n < 4)
        n--;
    for (int i = 0, y = rect.y, rest = rect.rows - (n - 1); i < n; i++) {
        int rows = rest / (n - i);
        cards[i](sheet, (struct rect){rect.x, y, rect.cols, rows});
        y += rows + 1;
        rest -= rows;
    }
}

static void counters_draw(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    static draw_card *const all[] = {draw_at_once, draw_switches, draw_lengths, draw_fairness, draw_cost};
    static draw_card *const left[] = {draw_at_once, draw_switches};
    static draw_card *const right[] = {draw_lengths, draw_cost, draw_fairness};
    struct sheet sheet = {.scene = scene, .canvas = canvas};
    struct rect inner = {rect.x + 1, rect.y + (rect.rows > 10), rect.cols - 2, rect.rows - (rect.rows > 10)};
    if (!view_stats(scene, &sheet.stats)) {
        canvas_text(canvas, inner.x, inner.y, inner.cols, PAINT_FAINT, PAINT_KEEP, 0, view_no_stats(scene));
    } else {
        bool wide = rect.cols >= 100 && !scene->lecture;
        int cols = wide ? (inner.cols - 3) / 2 : inner.cols;
        take_parts(&sheet);
        if (cols - SCALE_COLS >= 8)
            sum_tasks(&sheet, cols - SCALE_COLS);
        if (wide) {
            stack(&sheet, (struct rect){inner.x, inner.y, cols, inner.rows}, left, 2);
            stack(&sheet, (struct rect){inner.x + inner.cols - cols, inner.y, cols, inner.rows}, right, 3);
        } else {
            stack(&sheet, inner, all, scene->lecture ? 2 : 5);
        }
        free(sheet.parts);
        free(sheet.switches);
        free(sheet.running);
        free(sheet.alive);
    }
    view_to_ascii(scene, canvas, rect);
}

const struct view_ops view_counters = {
    .name = "counters",
    .title = "Counters",
    .draw = counters_draw,
    .n_rows = view_no_rows,
    .n_fit = view_no_fit,
    .hit = view_no_hit,
    .lane_cols = view_lane_frame_cols,
};
