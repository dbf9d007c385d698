/* A figure for slides and handouts: lanes by core and by task, as vectors on white, text as text. Nothing in
 * it needs a style sheet, a script or anything from elsewhere, so that every program draws it alike. */
#include "figure.h"

#include "../timeline/waits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH         1200.0
#define MARGIN        28.0
#define FIGURES       148.0 /* the columns on the right */
#define MAX_BYTES     (900ul * 1024)
#define MAX_LANES     64u /* of tasks */
#define MIN_PARTS     3u  /* slices that begin in a column: from so many on they are drawn as shares of it */
#define LEAST_COLUMNS 15u
#define BARS          240u /* of the row of switches */
#define MARK_ROWS     3u
#define MAX_ALERTS    3u
#define ALERT_LINES   4u
#define CUT_LOW       0.6 /* where the gap of a cut bar begins, of its height, and what is above it */
#define CUT_HIGH      0.24
#define LEADS         (BIN_LEADS + 1)

static const char *const task_paint[FIGURE_COLOURS] = {"#56b4e9", "#e69f00", "#00a878", "#d07cab",
                                                       "#e6d200", "#3f8fd2", "#e06a10", "#a0a0a8"};
static const char *const wait_paint[FIGURE_COLOURS] = {"#2f86ba", "#b27a00", "#00805c", "#a85683",
                                                       "#9a8c00", "#2a6ba8", "#a84a00", "#707078"};
/* Waiting, where both are drawn as shares: the same, paler. */
static const char *const pale_paint[FIGURE_COLOURS] = {"#b3ddf5", "#f3d28a", "#86d5bf", "#e9c0d7",
                                                       "#f3e98a", "#a5cbea", "#f0b990", "#d2d2d6"};
#define PAINT_TEXT  "#18181c"
#define PAINT_FAINT "#5c5c66"
#define PAINT_LANE  "#eef0f4"
#define PAINT_GRID  "#dadde5"
#define PAINT_GRAIN "#8a8a94"
#define PAINT_OWN   "#b9bcc6"
#define PAINT_BARS  "#71747f"
#define PAINT_ALERT "#c01818"
#define PAINT_MARK  "#a03c00"
#define PAINT_GOOD  "#007a4d"
#define PAINT_WARN  "#a85a00"

/* What was drawn, and so has to be explained. */
struct seen {
    bool runs, waits, blocked, unknown, own, others, others_tasks, holes, shares, samples, bursts;
};

struct drawing {
    const struct figure *f;
    struct flag *flags; /* by time */
    unsigned n_flags;
    FILE *out;
    double x0, x1, y; /* of the lanes; how far down it is drawn */
    unsigned columns; /* in which slices that are too narrow become shares */
    bool titles;      /* each slice tells itself when the pointer is on it */
    struct bin *bins; /* of the columns, for the lane in hand */
    struct seen seen;
};

/* A lane in hand. */
struct lane {
    double y, h;
    const struct figure_task *task; /* NULL: a CPU's */
    int cpu;
};

/* ---- pieces of SVG ---- */

static void put_number(FILE *out, double value)
{
    char text[48];
    snprintf(text, sizeof text, "%.2f", value);
    char *end = text + strlen(text);
    while (end > text && end[-1] == '0')
        *--end = '\0';
    if (end > text && end[-1] == '.')
        *--end = '\0';
    fputs(strcmp(text, "-0") == 0 ? "0" : text, out);
}

static void put_attribute(FILE *out, const char *name, double value)
{
    fprintf(out, " %s=\"", name);
    put_number(out, value);
    fputc('"', out);
}

static void put_rect(FILE *out, double x, double y, double w, double h, const char *paint)
{
    fputs("<rect", out);
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    put_attribute(out, "width", w);
    put_attribute(out, "height", h);
    fprintf(out, " fill=\"%s\"/>\n", paint);
}

static void put_line(FILE *out, double x0, double y0, double x1, double y1, const char *paint)
{
    fputs("<path d=\"M", out);
    put_number(out, x0);
    fputc(' ', out);
    put_number(out, y0);
    fputc('L', out);
    put_number(out, x1);
    fputc(' ', out);
    put_number(out, y1);
    fprintf(out, "\" stroke=\"%s\"/>\n", paint);
}

/* How a text stands: its place, its size, "start", "middle" or "end", its paint. */
struct style {
    double size;
    const char *anchor, *paint;
    bool is_bold;
};

static void put_text(FILE *out, double x, double y, const struct style *style, const char *text)
{
    fputs("<text", out);
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    put_attribute(out, "font-size", style->size);
    if (strcmp(style->anchor, "start") != 0)
        fprintf(out, " text-anchor=\"%s\"", style->anchor);
    if (style->is_bold)
        fputs(" font-weight=\"bold\"", out);
    fprintf(out, " fill=\"%s\">", style->paint);
    figure_put_text(text, out);
    fputs("</text>\n", out);
}

static size_t n_characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

/* About as wide as it will be: a little more than most fonts have. */
static double text_width(const char *text, double size)
{
    return (double)n_characters(text) * size * 0.58;
}

#define BOLD 1.15 /* of the width of a bold text to that of a plain one */

/* What fits of a text, with an ellipsis where it was cut. */
static char *cut_text(char *text, double size, double width)
{
    const double room = width / (size * 0.58);
    if ((double)n_characters(text) <= room)
        return text;
    size_t keep = room > 1 ? (size_t)room - 1 : 0;
    char *end = text;
    while (*end && (keep > 0 || (*end & 0xc0) == 0x80)) {
        keep -= (*end & 0xc0) != 0x80;
        end++;
        while ((*end & 0xc0) == 0x80)
            end++;
    }
    if (strlen(end) >= strlen("\u2026"))
        memcpy(end, "\u2026", sizeof "\u2026");
    else
        *end = '\0';
    return text;
}

/* ---- time ---- */

static double span_of(const struct drawing *d)
{
    return (double)(d->f->end_ns - d->f->start_ns);
}

/* A time outside the window is at its border. */
static double x_of(const struct drawing *d, uint64_t t_ns)
{
    if (t_ns <= d->f->start_ns)
        return d->x0;
    if (t_ns >= d->f->end_ns)
        return d->x1;
    return d->x0 + (double)(t_ns - d->f->start_ns) / span_of(d) * (d->x1 - d->x0);
}

static double column_x(const struct drawing *d, unsigned column)
{
    return d->x0 + (d->x1 - d->x0) * column / d->columns;
}

static double column_ns(const struct drawing *d)
{
    return span_of(d) / d->columns;
}

/* As the timeline has the borders of its bins. */
static uint64_t column_start(const struct drawing *d, unsigned column)
{
    return d->f->start_ns +
           (uint64_t)((unsigned __int128)(d->f->end_ns - d->f->start_ns) * column / d->columns);
}

static bool is_dense(const struct bin *bin)
{
    return bin->n_switches >= MIN_PARTS;
}

/* ---- slices ---- */

static const char *paint_of(struct drawing *d, uint32_t index)
{
    const struct figure_task *t = figure_task(d->f, index);
    if (t && t->kin == FIGURE_WORKLOAD)
        return task_paint[t->colour];
    if (t && t->kin == FIGURE_OTHER)
        d->seen.others_tasks = true;
    else
        d->seen.own = true;
    return PAINT_OWN;
}

static const char *end_word(enum slice_end end)
{
    static const char *const words[] = {[SLICE_OPEN] = "still running",
                                        [SLICE_PREEMPTED] = "preempted",
                                        [SLICE_BLOCKED] = "blocked",
                                        [SLICE_EXITED] = "exited",
                                        [SLICE_LOST] = "its end was lost"};
    return words[end];
}

/* "B on core 1: 3.98 ms from 12.0 ms on, preempted; waited 7.9 ms before". */
static void put_title(const struct drawing *d, const struct lane *lane, const struct slice *slice)
{
    char length[32], from[32], waited[32];
    const struct figure_task *t = figure_task(d->f, slice->task);
    const bool is_before = slice->start_ns < d->f->start_ns;
    fputs("<title>", d->out);
    figure_put_text(t ? t->name : "?", d->out);
    fprintf(d->out, " on core %d: %s, %s %s %s, %s", slice->cpu,
            figure_duration(slice->end_ns - slice->start_ns, length, sizeof length),
            is_before ? "since" : "from",
            figure_duration(is_before ? d->f->start_ns - slice->start_ns : slice->start_ns - d->f->start_ns,
                            from, sizeof from),
            is_before ? "before this" : "on", end_word(slice->end));
    if (lane->task && slice->runnable_ns)
        fprintf(d->out, "; waited %s before", figure_duration(slice->runnable_ns, waited, sizeof waited));
    fputs("</title>", d->out);
}

/* A slice between two places; a hair of the lane is left between neighbours that are wide enough. */
static void put_slice(struct drawing *d, const struct lane *lane, const struct slice *slice, double x0,
                      double x1)
{
    const double hair = x1 - x0 > 4 ? 0.6 : 0;
    const char *paint = paint_of(d, slice->task);
    if (!d->titles) {
        put_rect(d->out, x0, lane->y, x1 - x0 - hair, lane->h, paint);
        return;
    }
    fputs("<rect", d->out);
    put_attribute(d->out, "x", x0);
    put_attribute(d->out, "y", lane->y);
    put_attribute(d->out, "width", x1 - x0 - hair);
    put_attribute(d->out, "height", lane->h);
    fprintf(d->out, " fill=\"%s\">", paint);
    put_title(d, lane, slice);
    fputs("</rect>\n", d->out);
}

/* A task by its letter on a CPU, a CPU by its number on a task. */
static void put_letter(struct drawing *d, const struct lane *lane, const struct slice *slice, double x0,
                       double x1)
{
    const struct figure_task *t = figure_task(d->f, slice->task);
    char number[16];
    const char *text = t ? t->letter : "";
    const double size = fmin(17, lane->h * 0.62);
    if (lane->task) {
        snprintf(number, sizeof number, "%d", slice->cpu);
        text = number;
    }
    if (!t || t->kin != FIGURE_WORKLOAD || size < 7 || text_width(text, size) + 3 > x1 - x0)
        return;
    put_text(d->out, (x0 + x1) / 2, lane->y + lane->h / 2 + size * 0.36,
             &(struct style){size, "middle", "#000", !lane->task}, text);
}

/* What of a slice lies between two instants. */
static void draw_slice(struct drawing *d, const struct lane *lane, const struct slice *slice,
                       uint64_t from_ns, uint64_t to_ns)
{
    const double x0 = x_of(d, slice->start_ns > from_ns ? slice->start_ns : from_ns),
                 x1 = x_of(d, slice->end_ns < to_ns ? slice->end_ns : to_ns);
    d->seen.runs = true;
    put_slice(d, lane, slice, x0, fmax(x1, x0 + 0.1));
    put_letter(d, lane, slice, x0, x1);
}

/* ---- shares: where slices are too narrow ---- */

#define SEAM 0.2 /* neighbours overlap, so that nothing shines through at any size */

struct share {
    const char *paint;
    double x0, x1, y, h;
};

/* Shorter than a rectangle: there are many. */
static void put_box(FILE *out, const struct share *share)
{
    const double w = share->x1 - share->x0 + SEAM;
    fprintf(out, "<path fill=\"%s\" d=\"M", share->paint);
    put_number(out, share->x0);
    fputc(' ', out);
    put_number(out, share->y);
    fputc('h', out);
    put_number(out, w);
    fputc('v', out);
    put_number(out, share->h);
    fputc('h', out);
    put_number(out, -w);
    fputs("z\"/>\n", out);
}

static void flush_share(struct drawing *d, struct share *share)
{
    if (share->paint && share->h > 0)
        put_box(d->out, share);
    share->paint = NULL;
}

/* The next column's, or the same one wider when nothing differs. */
static void put_share(struct drawing *d, struct share *share, const struct share *next)
{
    if (share->paint == next->paint && share->y == next->y && share->h == next->h && share->x1 == next->x0) {
        share->x1 = next->x1;
        return;
    }
    flush_share(d, share);
    *share = *next;
}

static double share_height(const struct drawing *d, const struct lane *lane, uint64_t ns)
{
    const double steps = lane->h < 12 ? 2 : 4;
    return round((double)ns / column_ns(d) * lane->h * steps) / steps;
}

/* By number, so that neighbouring columns have them in the same order. */
static void sort_leads(struct bin *bin)
{
    for (int i = 1; i < BIN_LEADS; i++) {
        for (int j = i; j > 0 && bin->lead[j].ns && bin->lead[j].who < bin->lead[j - 1].who; j--) {
            const uint32_t who = bin->lead[j].who;
            const uint64_t ns = bin->lead[j].ns;
            bin->lead[j] = bin->lead[j - 1];
            bin->lead[j - 1].who = who;
            bin->lead[j - 1].ns = ns;
        }
    }
}

/* The leading tasks of a column from below, and above them all others together. */
static void stack_cpu(struct drawing *d, const struct lane *lane, unsigned column, struct share *shares)
{
    struct bin *bin = &d->bins[column];
    uint64_t told_ns = 0;
    double y = lane->y + lane->h;
    sort_leads(bin);
    for (int i = 0; i < LEADS; i++) {
        const bool is_lead = i < BIN_LEADS;
        const uint64_t ns = is_lead ? bin->lead[i].ns : bin->run_ns - told_ns;
        const char *paint = !ns ? NULL : is_lead ? paint_of(d, bin->lead[i].who) : "#80838d";
        const double h = fmin(share_height(d, lane, ns), y - lane->y);
        told_ns += ns;
        y -= h;
        put_share(d, &shares[i], &(struct share){paint, column_x(d, column), column_x(d, column + 1), y, h});
    }
}

static void stack_task(struct drawing *d, const struct lane *lane, unsigned column, struct share *shares)
{
    const struct bin *bin = &d->bins[column];
    const bool is_own = lane->task->kin != FIGURE_WORKLOAD;
    const double run = fmin(share_height(d, lane, bin->run_ns), lane->h),
                 wait = fmin(share_height(d, lane, bin->runnable_ns), lane->h - run),
                 bottom = lane->y + lane->h, x0 = column_x(d, column), x1 = column_x(d, column + 1);
    put_share(
        d, &shares[0],
        &(struct share){is_own ? PAINT_OWN : task_paint[lane->task->colour], x0, x1, bottom - run, run});
    put_share(d, &shares[1],
              &(struct share){is_own ? PAINT_LANE : pale_paint[lane->task->colour], x0, x1,
                              bottom - run - wait, wait});
}

static void draw_shares(struct drawing *d, const struct lane *lane)
{
    struct share shares[LEADS] = {0};
    for (unsigned i = 0; i < d->columns; i++) {
        if (!is_dense(&d->bins[i]))
            continue;
        d->seen.shares = true;
        if (lane->task)
            stack_task(d, lane, i, shares);
        else
            stack_cpu(d, lane, i, shares);
    }
    for (int i = 0; i < LEADS; i++)
        flush_share(d, &shares[i]);
}

/* Calls draw for each stretch of columns in which slices are drawn one by one. */
static void each_stretch(struct drawing *d, const struct lane *lane,
                         void (*draw)(struct drawing *, const struct lane *, uint64_t from_ns,
                                      uint64_t to_ns))
{
    for (unsigned i = 0; i < d->columns;) {
        unsigned end = i;
        while (end < d->columns && !is_dense(&d->bins[end]))
            end++;
        if (end > i)
            draw(d, lane, column_start(d, i), column_start(d, end));
        i = end + 1;
    }
}

/* ---- lanes by core ---- */

static void draw_cpu_stretch(struct drawing *d, const struct lane *lane, uint64_t from_ns, uint64_t to_ns)
{
    struct figure_walk walk;
    struct slice slice;
    figure_walk_cpu(&walk, d->f->tl, lane->cpu, from_ns);
    while (figure_walk_next(&walk, &slice) && slice.start_ns < to_ns)
        draw_slice(d, lane, &slice, from_ns, to_ns);
}

/* Stretches of columns for which a question is answered with yes. */
static void draw_columns(struct drawing *d, const struct lane *lane, const char *paint, bool *seen,
                         bool (*asked)(const struct drawing *, const struct bin *))
{
    for (unsigned i = 0; i < d->columns;) {
        unsigned end = i;
        while (end < d->columns && asked(d, &d->bins[end]))
            end++;
        if (end > i) {
            put_rect(d->out, column_x(d, i), lane->y, column_x(d, end) - column_x(d, i), lane->h, paint);
            *seen = true;
        }
        i = end + 1;
    }
}

static bool is_others(const struct drawing *d, const struct bin *bin)
{
    return (double)bin->others_ns > column_ns(d) / 2;
}

/* A small square wherever a sample saw somebody who ran, or waited for a core. */
static void draw_samples(struct drawing *d, const struct lane *lane)
{
    const double side = fmin(4, lane->h / 2);
    for (unsigned i = 0; i < d->columns; i++) {
        if (!d->bins[i].n_samples)
            continue;
        const uint32_t who = lane->task ? lane->task->task.index : d->bins[i].lead[0].who;
        d->seen.samples = true;
        put_rect(d->out, column_x(d, i), lane->y + lane->h / 2 - side / 2, side, side, paint_of(d, who));
    }
}

static void draw_holes(struct drawing *d, const struct lane *lane)
{
    for (unsigned i = 0; i < timeline_n_holes(d->f->tl); i++) {
        const struct hole *hole = timeline_hole(d->f->tl, i);
        if (hole->cpu != lane->cpu || hole->end_ns <= d->f->start_ns || hole->start_ns >= d->f->end_ns)
            continue;
        const double x0 = x_of(d, hole->start_ns), x1 = x_of(d, hole->end_ns);
        d->seen.holes = true;
        put_rect(d->out, x0, lane->y, fmax(x1 - x0, 1), lane->h, "url(#lost)");
    }
}

static void draw_cpu(struct drawing *d, const struct lane *lane)
{
    const struct figure *f = d->f;
    timeline_cpu_bins(f->tl, lane->cpu, f->start_ns, f->end_ns - f->start_ns, d->columns, d->bins);
    put_rect(d->out, d->x0, lane->y, d->x1 - d->x0, lane->h, PAINT_LANE);
    draw_columns(d, lane, "url(#others)", &d->seen.others, is_others);
    draw_shares(d, lane);
    each_stretch(d, lane, draw_cpu_stretch);
    draw_samples(d, lane);
    draw_holes(d, lane);
}

/* ---- lanes by task ---- */

static void draw_reason(struct drawing *d, const struct lane *lane, const struct figure_state *state,
                        double x0, double x1)
{
    char text[160];
    const double size = fmin(12, lane->h * 0.7);
    const uint64_t t_ns = state->end_ns < d->f->end_ns ? state->end_ns : d->f->end_ns;
    if (x1 - x0 < 120 || size < 8 || t_ns <= state->start_ns)
        return;
    waits_text(d->f->tl, lane->task->task.index, t_ns - 1, text, sizeof text);
    if (text_width(text, size) + 24 > x1 - x0)
        text[strcspn(text, ",")] = '\0'; /* without the holder */
    if (!strchr(text, ' ') || text_width(text, size) + 24 > x1 - x0)
        return;
    const double w = text_width(text, size) + 10;
    put_rect(d->out, x0 + 8, lane->y, w, lane->h, PAINT_LANE);
    put_text(d->out, x0 + 12, lane->y + lane->h / 2 + size * 0.36,
             &(struct style){size, "start", PAINT_FAINT, false}, text);
}

static void draw_state(struct drawing *d, const struct lane *lane, const struct figure_state *state,
                       double x0, double x1)
{
    const bool is_workload = lane->task->kin == FIGURE_WORKLOAD;
    const double middle = lane->y + lane->h / 2;
    switch (state->state) {
    case STATE_RUNNABLE:
        d->seen.waits |= is_workload;
        put_rect(d->out, x0, middle - lane->h * 0.13, x1 - x0, lane->h * 0.26,
                 is_workload ? wait_paint[lane->task->colour] : PAINT_OWN);
        break;
    case STATE_BLOCKED:
        d->seen.blocked |= is_workload;
        fputs("<path stroke-dasharray=\"1.2 3.8\" stroke-width=\"1.4\" d=\"M", d->out);
        put_number(d->out, x0);
        fputc(' ', d->out);
        put_number(d->out, middle);
        fputc('H', d->out);
        put_number(d->out, x1);
        fputs("\" stroke=\"" PAINT_GRAIN "\"/>\n", d->out);
        draw_reason(d, lane, state, x0, x1);
        break;
    case STATE_UNKNOWN:
        d->seen.unknown = true;
        put_rect(d->out, x0, lane->y, x1 - x0, lane->h, "url(#unknown)");
        break;
    case STATE_RUNNING:
    case STATE_GONE:
        break;
    }
}

static void draw_task_stretch(struct drawing *d, const struct lane *lane, uint64_t from_ns, uint64_t to_ns)
{
    struct figure_states states;
    struct figure_state state;
    figure_states_init(&states, d->f->tl, &lane->task->task, from_ns, to_ns);
    while (figure_states_next(&states, &state)) {
        const double x0 = x_of(d, state.start_ns > from_ns ? state.start_ns : from_ns),
                     x1 = x_of(d, state.end_ns < to_ns ? state.end_ns : to_ns);
        if (state.state == STATE_RUNNING)
            draw_slice(d, lane, &state.slice, from_ns, to_ns);
        else if (x1 - x0 >= 0.15)
            draw_state(d, lane, &state, x0, x1);
    }
}

static void draw_task(struct drawing *d, const struct lane *lane)
{
    const struct figure *f = d->f;
    timeline_task_bins(f->tl, lane->task->task.index, f->start_ns, f->end_ns - f->start_ns, d->columns,
                       d->bins);
    put_rect(d->out, d->x0, lane->y, d->x1 - d->x0, lane->h, PAINT_LANE);
    draw_shares(d, lane);
    if (f->report->info.exact)
        each_stretch(d, lane, draw_task_stretch);
    draw_samples(d, lane);
}

/* ---- the row of switches ---- */

static void add_switches(const struct figure *f, int cpu, uint32_t *counts)
{
    struct bin bins[BARS];
    timeline_cpu_bins(f->tl, cpu, f->start_ns, f->end_ns - f->start_ns, BARS, bins);
    for (unsigned i = 0; i < BARS; i++)
        counts[i] += bins[i].n_switches;
}

static int compare_counts(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How many switches are as high as the strip: four at least, as on the screen. So that a burst does not make
 * a row of dots of all the rest, only what is ordinary counts; higher bars are cut. */
static double scale_of(const uint32_t *counts, size_t n)
{
    uint32_t *sorted = mem_new(n + 1, sizeof *sorted);
    size_t n_sorted = 0;
    for (size_t i = 0; i < n; i++) {
        if (counts[i])
            sorted[n_sorted++] = counts[i];
    }
    qsort(sorted, n_sorted, sizeof *sorted, compare_counts);
    const double most = n_sorted ? sorted[n_sorted - 1] : 0,
                 ordinary = n_sorted ? sorted[(n_sorted - 1) * 19 / 20] : 0;
    free(sorted);
    return fmax(4, fmin(most, most > 3 * ordinary ? 1.5 * ordinary : most));
}

static void put_bar(FILE *out, double x, double bottom, double w, double h)
{
    fputc('M', out);
    put_number(out, x);
    fputc(' ', out);
    put_number(out, bottom);
    fputc('v', out);
    put_number(out, -h);
    fputc('h', out);
    put_number(out, w);
    fputc('v', out);
    put_number(out, h);
    fputc('z', out);
}

/* A bar that is cut has a gap. */
static void draw_switches(struct drawing *d, const uint32_t *counts, double scale, double h)
{
    const double w = (d->x1 - d->x0) / BARS;
    fputs("<path fill=\"" PAINT_BARS "\" d=\"", d->out);
    for (unsigned i = 0; i < BARS; i++) {
        const double x = d->x0 + i * w;
        if (counts[i] > scale) {
            put_bar(d->out, x, d->y + h, w * 0.8, h * CUT_LOW);
            put_bar(d->out, x, d->y + h * CUT_HIGH, w * 0.8, h * CUT_HIGH);
            d->seen.bursts = true;
        } else if (counts[i]) {
            put_bar(d->out, x, d->y + h, w * 0.8, fmax(1, h * counts[i] / scale));
        }
    }
    fputs("\"/>\n", d->out);
}

/* ---- parts of the figure, from above ---- */

static const struct style label = {14, "start", PAINT_TEXT, true};
static const struct style faint = {13, "start", PAINT_FAINT, false};
static const struct style faint_right = {13, "end", PAINT_FAINT, false};
static const struct style figure_right = {14, "end", PAINT_TEXT, false};

static void draw_head(struct drawing *d)
{
    char title[512], workload[160], source[96], bullet[104], span[80];
    const struct session_info *info = &d->f->report->info;
    const double end = WIDTH - MARGIN;
    d->y = MARGIN + 22;
    figure_title(d->f, title, sizeof title);
    figure_workload(d->f, workload, sizeof workload);
    figure_source(d->f, source, sizeof source);
    snprintf(bullet, sizeof bullet, "\u25cf %s", source);
    put_text(d->out, MARGIN, d->y, &(struct style){27, "start", "#000", true}, cut_text(title, 27, 900));
    put_text(d->out, end, d->y, &(struct style){19, "end", "#0050a8", true},
             figure_span(d->f, span, sizeof span));
    d->y += 25;
    put_text(d->out, MARGIN, d->y, &(struct style){15, "start", PAINT_TEXT, false}, workload);
    const char *paint = info->n_lost ? PAINT_ALERT : session_info_is_whole(info) ? PAINT_GOOD : PAINT_WARN;
    put_text(d->out, end, d->y, &(struct style){15, "end", paint, false}, bullet);
    d->y += 12;
}

/* Cuts the line that fits off a text, after a word where there is one. Returns what follows, or NULL. */
static char *break_line(char *text, double size, double width)
{
    const size_t room = (size_t)(width / (size * 0.58));
    char *space = NULL, *at = text;
    for (size_t n = 0; *at && n <= room; n++) {
        space = *at == ' ' ? at : space;
        at++;
        while ((*at & 0xc0) == 0x80)
            at++;
    }
    if (!*at || !space)
        return NULL;
    *space = '\0';
    return space + 1;
}

static void draw_alert(struct drawing *d, const struct alert *alert)
{
    char text[4 * sizeof alert->text], *lines[ALERT_LINES];
    const bool is_deadlock = alert->kind == ALERT_DEADLOCK;
    const struct style style = {14, "start", is_deadlock ? "#fff" : PAINT_TEXT, is_deadlock};
    const double size = is_deadlock ? 14 * BOLD : 14, width = WIDTH - 2 * MARGIN - 24;
    unsigned n = 0;
    export_safe_name(alert->text, text, sizeof text);
    for (char *rest = text; rest; rest = n < ALERT_LINES ? break_line(lines[n - 1], size, width) : NULL)
        lines[n++] = rest;
    put_rect(d->out, MARGIN, d->y, WIDTH - 2 * MARGIN, 8 + 18 * n, is_deadlock ? PAINT_ALERT : "#fbe9c8");
    for (unsigned i = 0; i < n; i++)
        put_text(d->out, MARGIN + 12, d->y + 18 * (i + 1), &style, cut_text(lines[i], size, width));
    d->y += 13 + 18 * n;
}

static void draw_alerts(struct drawing *d)
{
    const struct report *r = d->f->report;
    unsigned n = 0;
    for (unsigned i = 0; i < r->n_alerts; i++) {
        if (figure_has_alert(d->f, r->alerts[i]) && n++ < MAX_ALERTS)
            draw_alert(d, r->alerts[i]);
    }
    if (n > MAX_ALERTS) {
        char text[64];
        snprintf(text, sizeof text, "and %u more alerts", n - MAX_ALERTS);
        put_text(d->out, MARGIN + 12, d->y + 14, &faint, text);
        d->y += 22;
    }
}

/* ---- flags on the axis: marks and alerts ---- */

/* A text where there is room in one of a few rows; its diamond and its line tell where it is. */
struct flag {
    uint64_t time_ns;
    const char *text, *paint;
    unsigned row; /* MARK_ROWS: no room */
};

static int compare_flags(const void *a, const void *b)
{
    const struct flag *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static void add_flag(struct drawing *d, uint64_t time_ns, const char *text, const char *paint)
{
    if (time_ns >= d->f->start_ns && time_ns < d->f->end_ns)
        d->flags[d->n_flags++] = (struct flag){time_ns, text, paint, MARK_ROWS};
}

static double flag_width(const struct flag *flag)
{
    char text[4 * EVENT_NAME_SIZE];
    export_safe_name(flag->text, text, sizeof text);
    return text_width(text, 13) + 7;
}

/* From the last to the first, each above those that stand where its text would be: no line crosses a text. */
static void place_flags(struct drawing *d)
{
    double free_x[MARK_ROWS];
    for (unsigned row = 0; row < MARK_ROWS; row++)
        free_x[row] = WIDTH - MARGIN;
    for (unsigned i = d->n_flags; i-- > 0;) {
        struct flag *flag = &d->flags[i];
        const double x = x_of(d, flag->time_ns), end = x + flag_width(flag);
        flag->row = 0;
        while (flag->row < MARK_ROWS && end > free_x[flag->row])
            flag->row++;
        for (unsigned row = 0; flag->row < MARK_ROWS && row <= flag->row; row++)
            free_x[row] = x - 6;
    }
}

static void make_flags(struct drawing *d)
{
    const struct report *r = d->f->report;
    const unsigned n_marks = timeline_n_marks(d->f->tl);
    d->flags = mem_new(n_marks + r->n_alerts + 1ul, sizeof *d->flags);
    for (unsigned i = 0; i < n_marks; i++) {
        const struct mark *mark = timeline_mark(d->f->tl, i);
        add_flag(d, mark->time_ns, mark->text, PAINT_MARK);
    }
    for (unsigned i = 0; i < r->n_alerts; i++)
        add_flag(d, r->alerts[i]->time_ns, figure_alert_name(r->alerts[i]),
                 r->alerts[i]->kind == ALERT_DEADLOCK ? PAINT_ALERT : PAINT_WARN);
    qsort(d->flags, d->n_flags, sizeof *d->flags, compare_flags);
    place_flags(d);
}

static void draw_flag(struct drawing *d, const struct flag *flag, double axis_y, double bottom)
{
    char text[4 * EVENT_NAME_SIZE];
    const double x = x_of(d, flag->time_ns), y = axis_y - 34 - 17 * flag->row;
    export_safe_name(flag->text, text, sizeof text);
    fputs("<g stroke-dasharray=\"3 3\" stroke-opacity=\"0.7\">", d->out);
    put_line(d->out, x, axis_y, x, bottom, flag->paint);
    fprintf(d->out, "</g>\n<path fill=\"%s\" d=\"M", flag->paint);
    put_number(d->out, x);
    fputc(' ', d->out);
    put_number(d->out, axis_y - 6);
    fputs("l5 6l-5 6l-5 -6z\"><title>", d->out);
    figure_put_text(flag->text, d->out);
    fputs("</title></path>\n", d->out);
    if (flag->row == MARK_ROWS)
        return;
    put_text(d->out, x + 7, y, &(struct style){13, "start", flag->paint, false}, text);
    put_line(d->out, x, axis_y - 22, x, y - 9, flag->paint);
}

static unsigned count_flag_rows(const struct drawing *d)
{
    unsigned n_rows = 0;
    for (unsigned i = 0; i < d->n_flags; i++) {
        if (d->flags[i].row < MARK_ROWS && d->flags[i].row + 1 > n_rows)
            n_rows = d->flags[i].row + 1;
    }
    return n_rows;
}

static void draw_ticks(struct drawing *d, double bottom)
{
    const uint64_t span_ns = d->f->end_ns - d->f->start_ns, step_ns = figure_step(span_ns, 12);
    const char *unit;
    const uint64_t unit_ns = figure_unit(step_ns, &unit);
    put_line(d->out, d->x0, d->y, d->x1, d->y, PAINT_FAINT);
    for (uint64_t t_ns = 0; t_ns <= span_ns; t_ns += step_ns) {
        char text[48];
        const double x = x_of(d, d->f->start_ns + t_ns);
        const bool is_last = t_ns + step_ns > span_ns || t_ns + step_ns < t_ns;
        snprintf(text, sizeof text, "%llu%s%s", (unsigned long long)(t_ns / unit_ns), is_last ? " " : "",
                 is_last ? unit : "");
        fputs("<g stroke-opacity=\"0.1\">", d->out);
        put_line(d->out, x, d->y, x, bottom, "#000");
        fputs("</g>", d->out);
        put_line(d->out, x, d->y, x, d->y + 6, PAINT_FAINT);
        put_text(d->out, x, d->y - 7, &(struct style){14, "middle", PAINT_FAINT, false}, text);
        if (is_last)
            break;
    }
}

/* Room for the axis is kept here; it is drawn behind the lanes when these are known. */
static double keep_axis(struct drawing *d)
{
    d->y += 30 + 17 * count_flag_rows(d);
    const double axis_y = d->y;
    d->y += 12;
    return axis_y;
}

static void draw_axis(struct drawing *d, double axis_y, double bottom)
{
    const double y = d->y;
    d->y = axis_y;
    draw_ticks(d, bottom);
    for (unsigned i = 0; i < d->n_flags; i++)
        draw_flag(d, &d->flags[i], axis_y, bottom);
    d->y = y;
}

/* Lanes as high as their number allows, and how far one is from the next. */
struct pitch {
    double height, distance;
};

static struct pitch pitch_of(unsigned n, double high, double room)
{
    const double distance = fmax(7, fmin(high + 8, room / (n ? n : 1)));
    return (struct pitch){distance > 20 ? distance - 7 : distance * 0.78, distance};
}

/* Labels of lanes that are lower than letters: every second, third, ... */
static bool is_labelled(const struct pitch *pitch, unsigned i)
{
    return i % (unsigned)ceil(11 / pitch->distance) == 0;
}

static struct style sized(const struct style *style, const struct pitch *pitch)
{
    struct style own = *style;
    own.size = fmin(style->size, fmax(9, pitch->distance * 0.85));
    return own;
}

static void draw_cpu_figures(struct drawing *d, const struct lane *lane, const struct figure_cpu *cpu,
                             const struct pitch *pitch)
{
    char text[48];
    const double y = lane->y + lane->h / 2 + 5, end = WIDTH - MARGIN;
    const struct style right = sized(&figure_right, pitch), pale = sized(&faint_right, pitch);
    snprintf(text, sizeof text, "core %d", cpu->cpu);
    const struct style name = sized(&label, pitch);
    put_text(d->out, MARGIN, y, &name, text);
    if (!d->f->report->info.exact)
        return;
    put_text(d->out, end - 76, y, &right, figure_percent(figure_busy(d->f, cpu), text, sizeof text));
    snprintf(text, sizeof text, "%.0f/s", (double)cpu->sum.n_switches * 1e9 / span_of(d));
    put_text(d->out, end, y, &pale, text);
}

static void head_figures(struct drawing *d, double y, const char *first, const char *second)
{
    put_text(d->out, WIDTH - MARGIN - 76, y, &faint_right, first);
    put_text(d->out, WIDTH - MARGIN, y, &faint_right, second);
}

#define SWITCHES_HEIGHT 16.0

static void draw_strip(struct drawing *d, const uint32_t *counts, double scale)
{
    put_text(d->out, MARGIN, d->y + SWITCHES_HEIGHT - 2, &faint, "switches");
    draw_switches(d, counts, scale, SWITCHES_HEIGHT);
    d->y += SWITCHES_HEIGHT + 12;
}

/* A core that is no part of the run: its own tasks' lanes tell what schedviz did on it. */
static void draw_off(struct drawing *d, const struct figure_cpu *cpu, const struct pitch *pitch,
                     bool is_named)
{
    char text[48];
    const double distance = fmin(pitch->distance, 26), y = d->y + distance / 2;
    const struct style style = sized(&faint, pitch);
    if (is_named) {
        snprintf(text, sizeof text, "core %d", cpu->cpu);
        put_text(d->out, MARGIN, y + 4, &style, text);
        put_text(d->out, d->x0 + 6, y + 4, &style, "off");
    }
    fputs("<g stroke-dasharray=\"4 5\">", d->out);
    put_line(d->out, d->x0 + 36, y, d->x1, y, PAINT_GRID);
    fputs("</g>\n", d->out);
    draw_holes(d, &(struct lane){.y = d->y, .h = distance - 4, .cpu = cpu->cpu});
    d->y += distance;
}

static void draw_core(struct drawing *d, const struct figure_cpu *cpu, const struct pitch *pitch,
                      bool is_named)
{
    const struct lane lane = {.y = d->y, .h = pitch->height, .cpu = cpu->cpu};
    draw_cpu(d, &lane);
    if (is_named)
        draw_cpu_figures(d, &lane, cpu, pitch);
    d->y += pitch->distance;
}

/* Few cores have a strip of switches each, many have one together; samples tell of none. */
static void draw_cpus(struct drawing *d)
{
    const struct figure *f = d->f;
    const bool exact = f->report->info.exact, each = f->n_cpus <= 4;
    const struct pitch pitch = pitch_of(f->n_cpus, f->n_cpus <= 2 ? 56 : 42, 560);
    const size_t n_counts = (each ? f->n_cpus : 1) * (size_t)BARS;
    uint32_t *counts = mem_new(n_counts + 1, sizeof *counts);
    for (unsigned i = 0; i < f->n_cpus; i++) {
        if (!f->cpus[i].is_off)
            add_switches(f, f->cpus[i].cpu, counts + (each ? (size_t)i * BARS : 0));
    }
    const double scale = scale_of(counts, n_counts);
    if (exact)
        head_figures(d, d->y - 20, "busy", "switches");
    for (unsigned i = 0; i < f->n_cpus; i++) {
        if (f->cpus[i].is_off) {
            draw_off(d, &f->cpus[i], &pitch, is_labelled(&pitch, i));
            continue;
        }
        draw_core(d, &f->cpus[i], &pitch, is_labelled(&pitch, i));
        if (each && exact) {
            d->y -= 4;
            draw_strip(d, counts + (size_t)i * BARS, scale);
        }
    }
    if (!each && exact) {
        d->y += 2;
        draw_strip(d, counts, scale);
    }
    free(counts);
}

/* ---- tasks ---- */

static int compare_run(const void *a, const void *b)
{
    const struct figure_task *x = *(const struct figure_task *const *)a,
                             *y = *(const struct figure_task *const *)b;
    return x->sum.run_ns != y->sum.run_ns ? (x->sum.run_ns < y->sum.run_ns ? 1 : -1)
                                          : (x->task.index > y->task.index) - (x->task.index < y->task.index);
}

static int compare_place(const void *a, const void *b)
{
    const struct figure_task *x = *(const struct figure_task *const *)a,
                             *y = *(const struct figure_task *const *)b;
    return (x > y) - (x < y);
}

/* The tasks that ran most, where there are more than lanes, in their own order; schedviz's own if it ran. */
static unsigned choose_tasks(const struct figure *f, const struct figure_task **chosen)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_workload; i++)
        chosen[n++] = &f->tasks[i];
    if (n > MAX_LANES) {
        qsort(chosen, n, sizeof *chosen, compare_run);
        n = MAX_LANES;
        qsort(chosen, n, sizeof *chosen, compare_place);
    }
    for (unsigned i = f->n_workload; i < f->n_tasks; i++) {
        if (f->tasks[i].task.role == ROLE_OBSERVER && f->tasks[i].task.kind != TASK_GREEN)
            chosen[n++] = &f->tasks[i];
    }
    return n;
}

static void draw_chip(struct drawing *d, const struct lane *lane, const struct pitch *pitch)
{
    char name[sizeof lane->task->name];
    const struct figure_task *t = lane->task;
    const double size = fmin(14, fmax(9, pitch->distance * 0.8)), y = lane->y + lane->h / 2 + size * 0.36;
    memcpy(name, t->name, sizeof name);
    if (t->kin != FIGURE_WORKLOAD) {
        put_text(d->out, MARGIN, y, &(struct style){size, "start", PAINT_FAINT, false},
                 cut_text(name, size, d->x0 - MARGIN - 10));
        return;
    }
    const double w = fmax(26, text_width(t->letter, size) + 12);
    put_rect(d->out, MARGIN, lane->y, w, lane->h, task_paint[t->colour]);
    put_text(d->out, MARGIN + w / 2, y, &(struct style){size, "middle", "#000", true}, t->letter);
    if (strcmp(name, t->letter) != 0)
        put_text(d->out, MARGIN + w + 8, y, &(struct style){size, "start", PAINT_TEXT, false},
                 cut_text(name, size, d->x0 - MARGIN - w - 18));
}

static void draw_task_figures(struct drawing *d, const struct lane *lane, const struct pitch *pitch)
{
    char text[48];
    const struct bin *sum = &lane->task->sum;
    const struct style right = sized(&figure_right, pitch), pale = sized(&faint_right, pitch);
    const double y = lane->y + lane->h / 2 + right.size * 0.36, end = WIDTH - MARGIN;
    if (!d->f->report->info.exact)
        return;
    figure_percent((double)sum->run_ns / span_of(d), text, sizeof text);
    put_text(d->out, end - 76, y, lane->task->kin == FIGURE_WORKLOAD ? &right : &pale, text);
    if (lane->task->kin != FIGURE_WORKLOAD)
        return;
    put_text(d->out, end, y, &pale, figure_percent((double)sum->runnable_ns / span_of(d), text, sizeof text));
}

static void draw_tasks(struct drawing *d)
{
    const struct figure *f = d->f;
    const struct figure_task **chosen = mem_new(f->n_tasks + 1ul, sizeof *chosen);
    const unsigned n = choose_tasks(f, chosen);
    const struct pitch pitch = pitch_of(n, 24, 720);
    d->y += 18;
    if (f->report->info.exact && n)
        head_figures(d, d->y - 6, "run", "wait");
    for (unsigned i = 0; i < n; i++) {
        const struct lane lane = {.y = d->y, .h = pitch.height, .task = chosen[i], .cpu = -1};
        draw_task(d, &lane);
        if (is_labelled(&pitch, i)) {
            draw_chip(d, &lane, &pitch);
            draw_task_figures(d, &lane, &pitch);
        }
        d->y += pitch.distance;
    }
    free(chosen);
    if (f->n_workload > MAX_LANES) {
        char text[96];
        snprintf(text, sizeof text, "and %u more tasks, which ran less", f->n_workload - MAX_LANES);
        put_text(d->out, d->x0, d->y + 12, &faint, text);
        d->y += 20;
    }
}

/* ---- summary and legend ---- */

static const char *word_paint(const struct figure *f)
{
    if (!f->report->info.exact)
        return PAINT_WARN;
    switch (f->sums.word) {
    case WORD_IS_PARALLEL:
        return PAINT_GOOD;
    case WORD_IS_INTERLEAVED:
    case WORD_IS_WAITING:
        return PAINT_WARN;
    case WORD_IS_MIXED:
        return "#0050a8";
    default:
        return PAINT_TEXT;
    }
}

/* Their labels and themselves, with what stands between them; long texts have more narrow letters. */
static bool fit_figures(const char *const *parts, unsigned n)
{
    double width = 0;
    for (unsigned i = 0; i + 1 < n; i += 2)
        width += text_width(parts[i], 15) + text_width(parts[i + 1], 15 * BOLD) + 5 * text_width(" ", 15);
    return width * 0.83 < WIDTH - 2 * MARGIN;
}

static void put_figures(struct drawing *d, const char *const *parts, unsigned n)
{
    fputs("<text", d->out);
    put_attribute(d->out, "x", MARGIN);
    put_attribute(d->out, "y", d->y);
    fputs(" font-size=\"15\" fill=\"" PAINT_FAINT "\">", d->out);
    for (unsigned i = 0; i + 1 < n; i += 2) { /* a label, and its figure */
        fputs(i ? "    " : "", d->out);
        figure_put_text(parts[i], d->out);
        fputs(" <tspan font-weight=\"bold\" fill=\"#000\">", d->out);
        figure_put_text(parts[i + 1], d->out);
        fputs("</tspan>", d->out);
    }
    fputs("</text>\n", d->out);
}

static void draw_summary(struct drawing *d)
{
    const struct figure *f = d->f;
    char explained[256], at_once[48], switches[96], cost[32], fairness[16];
    d->y += 14;
    put_line(d->out, MARGIN, d->y, WIDTH - MARGIN, d->y, PAINT_GRID);
    d->y += 30;
    put_text(d->out, MARGIN, d->y, &(struct style){20, "start", word_paint(f), true}, figure_word(f));
    put_text(d->out, MARGIN + text_width(figure_word(f), 20) * 1.22 + 14, d->y,
             &(struct style){16, "start", PAINT_TEXT, false}, figure_explain(f, explained, sizeof explained));
    if (!f->report->info.exact)
        return;
    snprintf(at_once, sizeof at_once, "%.2f of %.2f in progress", f->sums.parallelism, f->sums.concurrency);
    snprintf(fairness, sizeof fairness, "%.3f", f->sums.fairness);
    const char *parts[8] = {"running at once", at_once, "switches",
                            figure_switches(f, switches, sizeof switches)};
    unsigned n = 4;
    if (f->report->cost_known) {
        parts[n++] = "each costs";
        parts[n++] = figure_duration(f->report->cost_p50_ns, cost, sizeof cost);
    }
    if (f->sums.n_tasks > 1) {
        parts[n++] = "fairness";
        parts[n++] = fairness;
    }
    d->y += 26;
    if (!fit_figures(parts, n))
        *strstr(at_once, " in progress") = '\0';
    put_figures(d, parts, n);
}

/* One entry: a small picture drawn by the caller's hand, and what it means. */
static double legend_entry(struct drawing *d, double *x, const char *text)
{
    const double width = 44 + text_width(text, 13) + 16;
    if (*x + width > WIDTH - MARGIN) {
        *x = MARGIN;
        d->y += 24;
    }
    const double at = *x;
    put_rect(d->out, at, d->y - 12, 36, 16, PAINT_LANE);
    put_text(d->out, at + 44, d->y, &faint, text);
    *x += width;
    return at;
}

static void draw_legend(struct drawing *d)
{
    const struct seen *seen = &d->seen;
    double x = MARGIN, at;
    d->y += 34;
    if (seen->runs) {
        at = legend_entry(d, &x, "runs, on core 0");
        put_rect(d->out, at, d->y - 12, 36, 16, task_paint[0]);
        put_text(d->out, at + 18, d->y, &(struct style){12, "middle", "#000", false}, "0");
    }
    if (seen->waits) {
        at = legend_entry(d, &x, "waits for a core");
        put_rect(d->out, at, d->y - 6, 36, 4.2, wait_paint[0]);
    }
    if (seen->blocked) {
        at = legend_entry(d, &x, "blocked");
        fputs("<g stroke-dasharray=\"1.2 3.8\" stroke-width=\"1.4\">", d->out);
        put_line(d->out, at, d->y - 4, at + 36, d->y - 4, PAINT_GRAIN);
        fputs("</g>\n", d->out);
    }
    if (seen->own || seen->others_tasks) {
        at = legend_entry(d, &x,
                          !seen->others_tasks ? "schedviz itself"
                          : seen->own         ? "other programs, and schedviz itself"
                                              : "other programs");
        put_rect(d->out, at, d->y - 12, 36, 16, PAINT_OWN);
    }
    if (seen->others) {
        at = legend_entry(d, &x, "somebody who is not watched had the core");
        put_rect(d->out, at, d->y - 12, 36, 16, "url(#others)");
    }
    if (seen->holes) {
        at = legend_entry(d, &x, "events were lost");
        put_rect(d->out, at, d->y - 12, 36, 16, "url(#lost)");
    }
    if (seen->unknown) {
        at = legend_entry(d, &x, "not known");
        put_rect(d->out, at, d->y - 12, 36, 16, "url(#unknown)");
    }
    if (seen->bursts) {
        at = legend_entry(d, &x, "more switches than the bar is high");
        put_rect(d->out, at + 14, d->y - 12 + 16 * (1 - CUT_LOW), 6, 16 * CUT_LOW, PAINT_BARS);
        put_rect(d->out, at + 14, d->y - 12, 6, 16 * CUT_HIGH, PAINT_BARS);
    }
    if (seen->samples) {
        at = legend_entry(d, &x, "a sample: it ran, or waited for a core");
        put_rect(d->out, at + 16, d->y - 6, 4, 4, task_paint[0]);
    }
    if (seen->shares) {
        char text[128], width[32];
        snprintf(text, sizeof text,
                 "slices too narrow to draw: shares of each %s, by height; dark grey: further tasks",
                 figure_duration((uint64_t)column_ns(d), width, sizeof width));
        at = legend_entry(d, &x, text);
        for (int i = 0; i < 6; i++) {
            const double h = 5 + (i * 7) % 6;
            put_rect(d->out, at + i * 6, d->y + 4 - h, 6, h, task_paint[0]);
            put_rect(d->out, at + i * 6, d->y - 12, 6, 16 - h, task_paint[1]);
        }
    }
}

/* ---- the whole ---- */

static const char patterns[] =
    "<defs>\n"
    "<pattern id=\"others\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\""
    " patternTransform=\"rotate(35)\"><path d=\"M1 0V7\" stroke=\"#9a9daa\" "
    "stroke-width=\"1.3\"/></pattern>\n"
    "<pattern id=\"lost\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<rect width=\"6\" height=\"6\" fill=\"#fff\"/>"
    "<path d=\"M0 0L6 6M6 0L0 6\" stroke=\"" PAINT_ALERT "\" stroke-width=\"1\"/></pattern>\n"
    "<pattern id=\"unknown\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
    "<path d=\"M0 5L5 0\" stroke=\"#c9ccd6\" stroke-width=\"1\"/></pattern>\n"
    "</defs>\n";

static double label_room(const struct figure *f)
{
    double room = 92;
    for (unsigned i = 0; i < f->n_workload; i++) {
        const struct figure_task *t = &f->tasks[i];
        const bool is_named = strcmp(t->name, t->letter) != 0;
        room = fmax(room, is_named ? text_width(t->name, 14) + 52 : 0);
    }
    return floor(fmin(room, 230));
}

static double draw_body(struct drawing *d, unsigned columns)
{
    char *lanes;
    size_t n_lanes;
    d->columns = columns;
    d->titles = columns > 600;
    d->seen = (struct seen){0};
    draw_head(d);
    draw_alerts(d);
    const double axis_y = keep_axis(d);
    FILE *page = d->out, *lane_stream = figure_stream(&lanes, &n_lanes);
    d->out = lane_stream;
    draw_cpus(d);
    draw_tasks(d);
    fclose(lane_stream);
    d->out = page;
    fwrite(lanes, 1, n_lanes, page);
    free(lanes);
    draw_axis(d, axis_y, d->y - 4);
    draw_summary(d);
    draw_legend(d);
    return d->y + MARGIN;
}

static void put_page(const struct figure *f, FILE *out, double height, const char *body, size_t size)
{
    char title[512], explained[256];
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"", out);
    fprintf(out, " width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\"", WIDTH, ceil(height), WIDTH,
            ceil(height));
    fputs(" font-family=\"'DejaVu Sans', 'Liberation Sans', Verdana, Helvetica, Arial, sans-serif\""
          " xml:space=\"preserve\" role=\"img\">\n<title>",
          out);
    figure_put_text(figure_title(f, title, sizeof title), out);
    fputs("</title>\n<desc>", out);
    figure_put_text(figure_word(f), out);
    fputs(": ", out);
    figure_put_text(figure_explain(f, explained, sizeof explained), out);
    fprintf(out, "</desc>\n%s<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", patterns);
    fwrite(body, 1, size, out);
    fputs("</svg>\n", out);
}

/* Columns become wider until the file is small enough for a slide. */
bool export_svg(const struct report *report, const struct timeline *tl, const struct export_window *window,
                FILE *out)
{
    struct figure f;
    figure_init(&f, report, tl, window);
    const double room = label_room(&f);
    struct drawing d = {.f = &f, .x0 = MARGIN + room, .x1 = WIDTH - MARGIN - FIGURES};
    const unsigned most = (unsigned)(d.x1 - d.x0);
    d.bins = mem_new(most, sizeof *d.bins);
    make_flags(&d);
    for (unsigned columns = most;; columns /= 2) {
        char *body;
        size_t size;
        d.out = figure_stream(&body, &size);
        const double height = draw_body(&d, columns);
        fclose(d.out);
        const bool fits = size <= MAX_BYTES || columns < 2 * LEAST_COLUMNS;
        if (fits)
            put_page(&f, out, height, body, size);
        free(body);
        if (fits)
            break;
    }
    free(d.bins);
    free(d.flags);
    figure_fini(&f);
    return fflush(out) == 0 && !ferror(out);
}
