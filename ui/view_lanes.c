/* Lanes: columns of time of a CPU or a task as cells, exact to an eighth of a cell, and honest where they are
 * dense. */
#include "view_lanes.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "../src/export/export.h"
#include "../src/workload/workload.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- faces ---- */

#define FACES_BLOCK 64u

static enum paint task_paint(const struct faces *faces, const struct task *task)
{
    if (!task_is_workload(task))
        return task->role == ROLE_OTHER ? PAINT_FAINT : PAINT_SELF;
    if (task->carries)
        return PAINT_TASK0 + N_TASK_PAINTS - 1; /* grey: the colours are those of the tasks that it carries */
    unsigned i = faces->roster     ? roster_look(faces->roster, task->index).colour
                 : task->slot >= 0 ? (unsigned)task->slot
                                   : task->index;
    return (enum paint)(PAINT_TASK0 + i % N_TASK_PAINTS);
}

void faces_init(struct faces *faces, const struct scene *scene)
{
    faces->tl = scene->tl;
    faces->roster = scene->roster;
    faces->scale = 0;
    faces->n_blocks = (timeline_n_tasks(scene->tl) + FACES_BLOCK - 1) / FACES_BLOCK;
    faces->blocks = mem_new(faces->n_blocks, sizeof *faces->blocks);
}

void faces_fini(struct faces *faces)
{
    for (unsigned i = 0; i < faces->n_blocks; i++)
        free(faces->blocks[i]);
    free(faces->blocks);
}

/* A process by the first letter of its name, its threads by their number. */
static void fill_call(const struct faces *faces, struct face *face, const struct task *task)
{
    const struct roster_look look = faces->roster && task_is_workload(task)
                                        ? roster_look(faces->roster, task->index)
                                        : (struct roster_look){.number = 0};
    const char first = face->name[0];
    snprintf(face->call, sizeof face->call, "%s", face->name);
    if (!look.number) {
        snprintf(face->letter, sizeof face->letter, "%c",
                 first > ' ' && first < 0x7f ? (char)tolower((unsigned char)first) : '?');
        return;
    }
    struct task leader;
    timeline_task(faces->tl, look.leader, &leader);
    snprintf(face->letter, sizeof face->letter, "%u", look.number % 1000000);
    if (strcmp(leader.name, task->name) == 0)
        snprintf(face->call, sizeof face->call, "%.64s/%u", face->name, look.number);
}

static void face_fill(const struct faces *faces, struct face *face, const struct task *task)
{
    char name[EVENT_NAME_SIZE];
    face->known = true;
    face->tid = task->tid;
    face->self = task->role == ROLE_OBSERVER || task->role == ROLE_HOST;
    face->is_outsider = task->role == ROLE_OTHER;
    face->paint = (uint8_t)task_paint(faces, task);
    face->back = face->self ? PAINT_LANE : face->paint;
    face->by_name = task->slot < 0;
    face->is_green = task->kind == TASK_GREEN;
    export_safe_name(task->name, face->name, sizeof face->name);
    if (!face->name[0])
        snprintf(face->name, sizeof face->name, "%d", task->tid);
    fill_call(faces, face, task);
    if (face->self)
        strcpy(face->letter, ".");
    else if (task->slot >= 0)
        snprintf(face->letter, sizeof face->letter, "%.3s", workload_task_name((unsigned)task->slot, name));
}

const struct face *faces_get(struct faces *faces, uint32_t task)
{
    static const struct face nobody = {
        .known = true, .paint = PAINT_FAINT, .back = PAINT_LANE, .letter = "?", .name = "?", .call = "?"};
    if (task / FACES_BLOCK >= faces->n_blocks || task >= timeline_n_tasks(faces->tl))
        return &nobody;
    struct face **block = &faces->blocks[task / FACES_BLOCK];
    if (!*block)
        *block = mem_new(FACES_BLOCK, sizeof **block);
    struct face *face = &(*block)[task % FACES_BLOCK];
    if (!face->known) {
        struct task t;
        timeline_task(faces->tl, task, &t);
        face_fill(faces, face, &t);
    }
    return face;
}

static bool has_name(const struct face *face)
{
    return strcmp(face->name, face->letter) != 0;
}

int view_chip(struct canvas *canvas, struct faces *faces, uint32_t task, int x, int y, int max_cols,
              bool with_name)
{
    const struct face *face = faces_get(faces, task);
    const char *call = face->by_name ? face->call : face->name;
    int letter = (int)strlen(face->letter), name = with_name && has_name(face) ? canvas_text_cols(call) : 0;
    if (letter + 2 > max_cols)
        return 0;
    if (name && letter + 3 + name > max_cols)
        name = 0;
    int cols = letter + 2 + (name ? 1 + name : 0);
    if (!canvas)
        return cols;
    enum paint fg = face->self ? PAINT_SELF : PAINT_ON_TASK, bg = (enum paint)face->back;
    canvas_fill(canvas, (struct rect){x, y, letter + 2, 1}, ' ', fg, bg, 0);
    canvas_text(canvas, x + 1, y, letter, fg, bg, CELL_BOLD, face->letter);
    if (name)
        canvas_text(canvas, x + letter + 3, y, name, PAINT_TEXT, PAINT_KEEP, 0, call);
    return cols;
}

/* ---- geometry ---- */

char *view_cpu_label(const struct scene *scene, int cpu, bool wide, char *buf, size_t size)
{
    const struct machine_cpu *row = machine_cpu(scene->machine, cpu);
    char package[16] = "";
    if (row && scene->machine->n_packages > 1 && wide)
        snprintf(package, sizeof package, "p%d ", row->package);
    if (row && scene->machine->n_cpus > scene->machine->n_cores && wide)
        snprintf(buf, size, "%scpu %d core %d.%d", package, cpu, row->core, row->smt);
    else if (scene->machine->n_cpus > scene->machine->n_cores)
        snprintf(buf, size, "cpu %d", cpu);
    else
        snprintf(buf, size, "%score %d", package, cpu);
    return buf;
}

#define LETTER_COLS 4 /* " A " and a blank */

static int label_cols(const struct scene *scene, int of_cols)
{
    const bool wide = of_cols >= 72;
    const int names = scene->roster      ? scene->name_cols
                      : scene->name_cols ? LETTER_COLS + scene->name_cols
                                         : 0;
    const int most = scene->roster ? of_cols / 4 : of_cols / 6;
    int cols = wide ? 8 : 6; /* "switches", "schedviz" */
    if (wide && names > cols)
        cols = names < most ? names : most;
    for (unsigned i = 0; i < scene->n_cpus; i++) {
        char label[48];
        int n = canvas_text_cols(view_cpu_label(scene, scene->cpus[i].cpu, wide, label, sizeof label));
        cols = n > cols ? n : cols;
    }
    return cols + 2; /* the mark of the selected row before it, a blank after */
}

struct lane_frame view_lane_frame(const struct scene *scene, struct rect rect)
{
    struct lane_frame frame = {.label_x = rect.x,
                               .label_cols = rect.cols < 28 ? 3 : label_cols(scene, rect.cols)};
    if (scene->lecture)
        frame.figures_cols = rect.cols >= 40 ? 7 : 0;
    else if (rect.cols >= 100 && scene->info.workload.work_ns)
        frame.figures_cols = 24; /* with a bar for the work done */
    else
        frame.figures_cols = rect.cols >= 60 ? 18 : rect.cols >= 36 ? 7 : 0;
    frame.x = rect.x + frame.label_cols + 1;
    frame.cols = rect.cols - frame.label_cols - 2 - frame.figures_cols;
    frame.cols = frame.cols > 0 ? frame.cols : 0;
    frame.figures_x = frame.x + frame.cols + 1;
    return frame;
}

int view_lane_cols(const struct scene *scene, const struct lane_frame *frame)
{
    return scene->viewport.cols < frame->cols ? scene->viewport.cols : frame->cols;
}

int view_lane_frame_cols(const struct scene *scene, struct rect rect)
{
    return view_lane_frame(scene, rect).cols;
}

unsigned view_no_rows(const struct scene *scene)
{
    (void)scene;
    return 0;
}

unsigned view_no_fit(const struct scene *scene, struct rect rect)
{
    (void)scene;
    (void)rect;
    return 1;
}

bool view_no_hit(const struct scene *scene, struct rect rect, int x, int y, unsigned *row, uint64_t *time_ns)
{
    (void)scene;
    (void)rect;
    (void)x;
    (void)y;
    *row = 0;
    *time_ns = 0;
    return false;
}

uint64_t view_lane_time(const struct scene *scene, const struct lane_frame *frame, int x)
{
    if (x < frame->x || x >= frame->x + view_lane_cols(scene, frame))
        return 0;
    return scene->viewport.start_ns + (uint64_t)(x - frame->x) * scene->viewport.col_ns;
}

struct lane_span view_lane_span(const struct scene *scene, int cols)
{
    const struct viewport *vp = &scene->viewport;
    return (struct lane_span){vp->start_ns, vp->col_ns, cols, vp->known_ns, false};
}

/* ---- cells of a lane ---- */

#define NOBODY     (TIMELINE_NO_TASK - 1)
#define MAX_PIECES 12

struct lane_cell {
    char32_t ch;
    uint8_t fg, bg, attr;
    bool line;            /* a thin glyph: only on the middle row of a tall lane */
    uint32_t who;         /* fills the whole cell: a task, on a task's lane the CPU; else NOBODY */
    uint32_t left, right; /* of a cell with a border in it: who is on its sides */
    uint8_t eighths;      /* of the cell that are left's; 0: no border */
};

/* A part of a cell in which one task, or nobody, ran. */
struct piece {
    uint32_t who;
    uint64_t ns;
};

/* Slices in the order of time, a stretch at a time: columns ask from left to right. */
struct slices {
    struct slice slice[64];
    unsigned n, i;
    unsigned stretch; /* how many are asked for at once */
};

/* A few, where most of what follows is drawn from sums. */
static unsigned stretch_of(const struct bin *bins, unsigned n)
{
    uint64_t n_slices = 0;
    for (unsigned i = 0; i < n; i++)
        n_slices += bins[i].n_switches;
    return n_slices <= 4 * (uint64_t)n ? 64 : 8;
}

struct lane {
    const struct scene *scene;
    struct faces *faces;
    const struct lane_span *span;
    int cpu;          /* of a CPU's lane; -1 on a task's */
    uint32_t task;    /* of a task's lane */
    double *switches; /* per column, for who wants them; or NULL */
    struct slices *ahead;
};

/* These fill the cell where it lies: copies of small structs just written cost more than all else here. */

static void flat_cell(struct lane_cell *cell, char32_t ch, enum paint fg, enum paint bg)
{
    *cell = (struct lane_cell){.ch = ch, .fg = (uint8_t)fg, .bg = (uint8_t)bg, .line = true, .who = NOBODY};
}

/* The slice at t_ns or the first one after it. t_ns does not go back from call to call. */
static bool next_slice(const struct lane *lane, uint64_t t_ns, struct slice *slice)
{
    struct slices *ahead = lane->ahead;
    while (ahead->i < ahead->n && ahead->slice[ahead->i].end_ns <= t_ns)
        ahead->i++;
    if (ahead->i == ahead->n) {
        const struct timeline *tl = lane->scene->tl;
        ahead->i = 0;
        ahead->n = lane->cpu >= 0 ? timeline_cpu_slices(tl, lane->cpu, t_ns, ahead->slice, ahead->stretch)
                                  : timeline_task_slices(tl, lane->task, t_ns, ahead->slice, ahead->stretch);
        while (ahead->i < ahead->n && ahead->slice[ahead->i].end_ns <= t_ns)
            ahead->i++;
    }
    if (ahead->i == ahead->n)
        return false;
    *slice = ahead->slice[ahead->i];
    return true;
}

/* Cuts [from, to) at the slices' borders. More pieces than fit: 0. */
static unsigned cut_pieces(const struct lane *lane, uint64_t from, uint64_t to,
                           struct piece pieces[MAX_PIECES])
{
    unsigned n = 0;
    while (from < to) {
        struct slice slice = {0};
        bool found = next_slice(lane, from, &slice) && slice.end_ns > from;
        uint64_t start = found && slice.start_ns < to ? slice.start_ns : to;
        if (n + 2 > MAX_PIECES)
            return 0;
        if (start > from)
            pieces[n++] = (struct piece){NOBODY, start - from};
        from = start > from ? start : from;
        if (from >= to)
            break;
        uint64_t end = slice.end_ns < to ? slice.end_ns : to;
        pieces[n++] = (struct piece){lane->cpu >= 0 ? slice.task : (uint32_t)slice.cpu, end - from};
        from = end;
    }
    return n;
}

/* Leaves out what is thinner than a sixteenth of a column (a switch takes a microsecond or two) and joins
 * what then touches. *brief: somebody who was left out and is not seen in the cell beside this one. */
static unsigned join_pieces(struct piece *pieces, unsigned n, uint64_t col_ns, uint32_t *brief)
{
    unsigned kept = 0;
    uint64_t before_ns = 0; /* left out before the first that is kept */
    for (unsigned i = 0; i < n; i++) {
        if (pieces[i].ns < col_ns / 16) {
            if (pieces[i].who != NOBODY && i > 0 && i + 1 < n)
                *brief = pieces[i].who;
            if (kept)
                pieces[kept - 1].ns += pieces[i].ns;
            else
                before_ns += pieces[i].ns;
        } else if (kept && pieces[kept - 1].who == pieces[i].who) {
            pieces[kept - 1].ns += pieces[i].ns;
        } else {
            pieces[kept] = pieces[i];
            pieces[kept++].ns += before_ns;
            before_ns = 0;
        }
    }
    return kept;
}

/* Between two tasks, an idle part too small for a glyph of its own is halved between them. */
static unsigned close_gap(struct piece *pieces, unsigned n, uint64_t col_ns)
{
    if (n != 3 || pieces[1].who != NOBODY || pieces[1].ns >= col_ns / 4)
        return n;
    pieces[0].ns += pieces[1].ns / 2;
    pieces[2].ns += pieces[1].ns - pieces[1].ns / 2;
    pieces[1] = pieces[2];
    return 2;
}

static uint8_t back_of(const struct lane *lane, uint32_t who)
{
    if (who == NOBODY)
        return PAINT_LANE;
    return faces_get(lane->faces, lane->cpu >= 0 ? who : lane->task)->back;
}

static uint8_t fore_of(const struct lane *lane, uint32_t who)
{
    return who == NOBODY ? PAINT_LANE : faces_get(lane->faces, lane->cpu >= 0 ? who : lane->task)->paint;
}

/* Letters in every cell: where colours do not tell tasks apart. */
static bool spelled(const struct scene *scene)
{
    return scene->mono || scene->glyphs->ascii;
}

/* What a task's lane shows while it does not run. */
static void waiting_cell(struct lane_cell *cell, const struct lane *lane, const struct bin *bin)
{
    const struct glyphs *g = lane->scene->glyphs;
    const struct face *face = faces_get(lane->faces, lane->task);
    if (bin->runnable_ns == 0 && bin->blocked_ns == 0)
        flat_cell(cell, g->gone, PAINT_FAINT, PAINT_BACK);
    else if (bin->runnable_ns >= bin->blocked_ns)
        flat_cell(cell, g->runnable, face->self ? PAINT_SELF : (enum paint)(face->paint + N_TASK_PAINTS),
                  PAINT_LANE);
    else
        flat_cell(cell, g->blocked, PAINT_OFF, PAINT_LANE);
}

/* Nothing of ours runs: on a core either nobody does, or somebody that is not watched. */
static void idle_cell(struct lane_cell *cell, const struct lane *lane, const struct bin *bin)
{
    if (lane->cpu < 0) {
        waiting_cell(cell, lane, bin);
        return;
    }
    uint64_t empty = lane->span->col_ns > bin->run_ns ? lane->span->col_ns - bin->run_ns : 0;
    bool others = bin->others_ns > 0 && bin->others_ns * 2 >= empty;
    flat_cell(cell, others ? lane->scene->glyphs->others : U' ', PAINT_OFF, PAINT_LANE);
    cell->line = false;
}

static void whole_cell(struct lane_cell *cell, const struct lane *lane, uint32_t who, uint32_t brief,
                       const struct bin *bin)
{
    const struct glyphs *g = lane->scene->glyphs;
    if (who == NOBODY && brief == NOBODY) {
        idle_cell(cell, lane, bin);
        return;
    }
    const uint8_t back = back_of(lane, who);
    if (brief != NOBODY && brief != who)
        *cell = (struct lane_cell){.ch = g->brief, .fg = fore_of(lane, brief), .bg = back, .who = NOBODY};
    else if (back == PAINT_LANE)
        flat_cell(cell, g->dot, PAINT_SELF, PAINT_LANE);
    else
        *cell = (struct lane_cell){.ch = ' ', .fg = PAINT_ON_TASK, .bg = back, .who = who};
}

/* One border inside the cell: the left one's colour as an eighth block on the right one's. */
static void border_cell(struct lane_cell *cell, const struct lane *lane, const struct piece pieces[2],
                        const struct bin *bin)
{
    const uint32_t left = pieces[0].who, right = pieces[1].who;
    const uint64_t all = pieces[0].ns + pieces[1].ns;
    const unsigned eighths = (unsigned)((pieces[0].ns * 16 + all) / (2 * all));
    if (spelled(lane->scene) || eighths == 0 || eighths >= 8) {
        whole_cell(cell, lane, eighths >= 4 ? left : right, NOBODY, bin);
        return;
    }
    const uint8_t left_back = back_of(lane, left), right_back = back_of(lane, right);
    *cell = (struct lane_cell){.ch = lane->scene->glyphs->left_eighths[eighths],
                               .fg = left_back,
                               .bg = right_back,
                               .who = NOBODY,
                               .left = left,
                               .right = right,
                               .eighths = (uint8_t)eighths};
    if (left != NOBODY && right != NOBODY && left_back == right_back) { /* two tasks that have one colour */
        cell->ch = lane->scene->glyphs->vline;
        cell->fg = PAINT_ON_TASK;
        cell->eighths = 4;
    }
}

/* Many slices: the two that had most of it, and a shade that tells how many switches there were. */
static void dense_cell(struct lane_cell *cell, const struct lane *lane, const struct bin *bin,
                       uint64_t col_ns)
{
    const struct glyphs *g = lane->scene->glyphs;
    uint32_t n = bin->n_switches;
    unsigned level = n < 4 ? 0 : n < 10 ? 1 : n < 100 ? 2 : 3;
    uint64_t idle = col_ns > bin->run_ns ? col_ns - bin->run_ns : 0;
    struct piece most = {lane->task, bin->run_ns}, second = {NOBODY, 0};
    if (lane->cpu >= 0) {
        most = (struct piece){bin->lead[0].ns ? bin->lead[0].who : NOBODY, bin->lead[0].ns};
        second = (struct piece){bin->lead[1].ns ? bin->lead[1].who : NOBODY, bin->lead[1].ns};
    }
    if (idle > most.ns) {
        second = most;
        most = (struct piece){NOBODY, idle};
    } else if (idle > second.ns) {
        second = (struct piece){NOBODY, idle};
    }
    *cell = (struct lane_cell){
        .ch = g->shade[level], .fg = fore_of(lane, second.who), .bg = back_of(lane, most.who), .who = NOBODY};
}

static void sample_cell(struct lane_cell *cell, const struct lane *lane, const struct bin *bin)
{
    uint32_t who = bin->lead[0].who;
    enum paint paint = lane->cpu < 0 || !bin->approximate ? (enum paint)fore_of(lane, who) : PAINT_FAINT;
    flat_cell(cell, lane->scene->glyphs->sample, paint, PAINT_LANE);
}

/* Not known: before the edge of history or not there yet (outside what is held), between samples, or outside
 * a task's life. Never drawn as idle. */
static void unknown_cell(struct lane_cell *cell, const struct lane *lane, int column, bool outside)
{
    bool rule = outside && lane->cpu >= 0 && !lane->span->ends && column % 4 == 2;
    flat_cell(cell, rule ? lane->scene->glyphs->edge : lane->scene->glyphs->gone, PAINT_OFF, PAINT_BACK);
}

static void known_cell(struct lane_cell *cell, const struct lane *lane, const struct bin *bin, uint64_t from,
                       uint64_t col_ns)
{
    uint32_t brief = NOBODY;
    struct piece pieces[MAX_PIECES];
    unsigned n = 0;
    if (bin->run_ns == 0) {
        idle_cell(cell, lane, bin);
        return;
    }
    if (bin->n_switches == 0 && bin->run_ns >= col_ns) {
        whole_cell(cell, lane, bin->lead[0].who, NOBODY, bin);
        return;
    }
    if (bin->n_switches <= 2)
        n = cut_pieces(lane, from, from + col_ns, pieces);
    n = n ? join_pieces(pieces, n, col_ns, &brief) : 0;
    n = close_gap(pieces, n, col_ns);
    if (n == 1)
        whole_cell(cell, lane, pieces[0].who, brief, bin);
    else if (n == 2)
        border_cell(cell, lane, pieces, bin);
    else
        dense_cell(cell, lane, bin, col_ns);
}

static void mark_hole(const struct lane *lane, struct lane_cell *cells, const struct hole *hole)
{
    const struct lane_span *span = lane->span;
    if (hole->start_ns >= span->start_ns + span->col_ns * (uint64_t)span->cols ||
        hole->end_ns < span->start_ns)
        return;
    uint64_t from = hole->start_ns > span->start_ns ? hole->start_ns - span->start_ns : 0;
    uint64_t to = hole->end_ns - span->start_ns;
    for (int i = (int)(from / span->col_ns); i < span->cols && (uint64_t)i * span->col_ns <= to; i++) {
        flat_cell(&cells[i], lane->scene->glyphs->hole, PAINT_HOLE, PAINT_LANE);
        cells[i].line = false;
    }
}

static void mark_holes(const struct lane *lane, struct lane_cell *cells)
{
    for (unsigned i = timeline_n_holes(lane->scene->tl); i-- > 0;) {
        const struct hole *hole = timeline_hole(lane->scene->tl, i);
        if (hole->cpu == lane->cpu)
            mark_hole(lane, cells, hole);
    }
}

/* Two tasks of one colour side by side are two slices: a line at the border says so. */
static void part_same_colours(const struct lane *lane, struct lane_cell *cells, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        const struct lane_cell *left = &cells[i - 1];
        bool apart = left->who != NOBODY && cells[i].who != NOBODY && left->who != cells[i].who;
        if (apart && left->bg == cells[i].bg && cells[i].ch == U' ')
            cells[i].ch = lane->scene->glyphs->left_eighths[1];
    }
}

static void make_cells(const struct lane *lane, struct lane_cell *cells)
{
    const struct lane_span *span = lane->span;
    unsigned n = (unsigned)span->cols;
    struct bin *bins = mem_new(n, sizeof *bins);
    uint64_t edge = timeline_edge_ns(lane->scene->tl);
    if (lane->cpu >= 0)
        timeline_cpu_bins(lane->scene->tl, lane->cpu, span->start_ns, span->col_ns * n, n, bins);
    else
        timeline_task_bins(lane->scene->tl, lane->task, span->start_ns, span->col_ns * n, n, bins);
    lane->ahead->stretch = stretch_of(bins, n);
    for (unsigned i = 0; i < n; i++) {
        uint64_t from = span->start_ns + i * span->col_ns;
        if (lane->switches)
            lane->switches[i] = from < span->known_ns ? bins[i].n_switches : 0;
        bool unknown = from >= span->known_ns || bins[i].unknown_ns * 2 > span->col_ns;
        if (bins[i].n_samples && bins[i].run_ns == 0 && from < span->known_ns)
            sample_cell(&cells[i], lane, &bins[i]);
        else if (unknown)
            unknown_cell(&cells[i], lane, (int)i, from >= span->known_ns || from < edge);
        else
            known_cell(&cells[i], lane, &bins[i], from, span->col_ns);
    }
    if (lane->cpu >= 0)
        mark_holes(lane, cells);
    if (!spelled(lane->scene))
        part_same_colours(lane, cells, n);
    free(bins);
}

/* ---- drawing a lane ---- */

static void draw_cells(const struct scene *scene, struct canvas *canvas, const struct lane_cell *cells,
                       struct rect rect)
{
    int middle = (rect.rows - 1) / 2;
    for (int y = 0; y < rect.rows; y++) {
        canvas_put(canvas, rect.x - 1, rect.y + y, scene->glyphs->lane_left, PAINT_OFF, PAINT_BACK, 0);
        canvas_put(canvas, rect.x + rect.cols, rect.y + y, scene->glyphs->lane_right, PAINT_OFF, PAINT_BACK,
                   0);
        for (int x = 0; x < rect.cols; x++) {
            const struct lane_cell *cell = &cells[x];
            char32_t ch = cell->line && y != middle ? U' ' : cell->ch;
            canvas_put(canvas, rect.x + x, rect.y + y, ch, (enum paint)cell->fg, (enum paint)cell->bg,
                       cell->attr);
        }
    }
}

static void spell_run(struct canvas *canvas, struct rect run, enum paint bg, const char *text)
{
    int n = (int)strlen(text);
    for (int y = 0; y < run.rows; y++)
        for (int x = 0; x < run.cols; x++)
            canvas_put(canvas, run.x + x, run.y + y, (unsigned char)text[x % n], PAINT_ON_TASK, bg, 0);
}

/* A stretch of a lane that one task fills. */
struct stretch {
    int x, cols;        /* its whole cells */
    int before_eighths; /* what it has of the cell before them */
    int eighths;        /* its width with the parts of the cells at its borders */
    enum paint back;
    char text[EVENT_NAME_SIZE * 4 + 12];
};

static void stretch_text(const struct lane *lane, uint32_t who, struct stretch *stretch)
{
    if (lane->cpu < 0) {
        snprintf(stretch->text, sizeof stretch->text, "%u", who);
        return;
    }
    const struct face *face = faces_get(lane->faces, who);
    bool fits = (int)strlen(face_call(face)) + 2 <= stretch->cols;
    snprintf(stretch->text, sizeof stretch->text, "%s", fits ? face_call(face) : face->letter);
}

/* The next stretch from cell *x on, which then is the one behind it. */
static bool next_stretch(const struct lane *lane, const struct lane_cell *cells, int *x,
                         struct stretch *stretch)
{
    int n = lane->span->cols, from = *x;
    while (from < n && cells[from].who == NOBODY)
        from++;
    if (from >= n)
        return false;
    uint32_t who = cells[from].who;
    int end = from + 1;
    while (end < n && cells[end].who == who)
        end++;
    *x = end;
    *stretch = (struct stretch){.x = from, .cols = end - from, .back = (enum paint)cells[from].bg};
    if (from > 0 && cells[from - 1].eighths && cells[from - 1].right == who)
        stretch->before_eighths = 8 - cells[from - 1].eighths;
    stretch->eighths = stretch->before_eighths + stretch->cols * 8;
    if (end < n && cells[end].eighths && cells[end].left == who)
        stretch->eighths += cells[end].eighths;
    stretch_text(lane, who, stretch);
    return true;
}

/* Whether letters of this size fit, with air around them; borders are rounded to an eighth. */
static bool letters_fit(const struct stretch *stretch, int scale)
{
    int need = scale > 0 ? view_big_cols(stretch->text, scale) : (int)strlen(stretch->text);
    int air = scale > 0 ? scale : 2;
    return stretch->cols >= need && stretch->eighths >= (need + air) * 8 - 2;
}

/* The letter in the middle of a stretch, and again every so often in a long one. */
static void label_stretch(const struct lane *lane, struct canvas *canvas, const struct stretch *stretch,
                          struct rect rect)
{
    int scale = lane->faces->scale;
    int need = scale > 0 ? view_big_cols(stretch->text, scale) : (int)strlen(stretch->text);
    int n = stretch->cols / (scale > 0 ? need * 6 : 24), x = rect.x + stretch->x;
    int step = scale > 0 ? 4 : 8; /* eighths: big letters go by half columns */
    n = n > 1 ? n : 1;
    if (!letters_fit(stretch, scale))
        return;
    for (int i = 0; i < n; i++) {
        int left_16ths = stretch->eighths * (2 * i + 1) / n - 2 * stretch->before_eighths - 8 * need;
        int at = (left_16ths + step - 1) / (2 * step), most = (stretch->cols - need) * 8 / step;
        at = at < 0 ? 0 : at > most ? most : at;
        if (scale > 0)
            view_big_halves(lane->scene, canvas, 2 * x + at, rect.y + (rect.rows - (5 * scale + 1) / 2) / 2,
                            scale, PAINT_ON_TASK, stretch->back, stretch->text);
        else
            canvas_text(canvas, x + at, rect.y + (rect.rows - 1) / 2, need, PAINT_ON_TASK, stretch->back,
                        CELL_BOLD, stretch->text);
    }
}

static void draw_letters(const struct lane *lane, struct canvas *canvas, const struct lane_cell *cells,
                         struct rect rect)
{
    struct stretch stretch;
    for (int x = 0; next_stretch(lane, cells, &x, &stretch);) {
        if (spelled(lane->scene))
            spell_run(canvas, (struct rect){rect.x + stretch.x, rect.y, stretch.cols, rect.rows},
                      stretch.back, stretch.text);
        else
            label_stretch(lane, canvas, &stretch, rect);
    }
}

#define MAX_SCALE 8

/* Adds to fit[scale] the columns of a lane's stretches that letters of that size fit, for each up to most. */
static void weigh_letters(const struct lane *lane, int most, uint64_t fit[MAX_SCALE + 1])
{
    struct lane_cell *cells = mem_new((unsigned long)lane->span->cols, sizeof *cells);
    struct stretch stretch;
    make_cells(lane, cells);
    for (int x = 0; next_stretch(lane, cells, &x, &stretch);)
        for (int scale = 0; scale <= most && letters_fit(&stretch, scale); scale++)
            fit[scale] += (uint64_t)stretch.cols;
    free(cells);
}

void view_choose_letters(const struct scene *scene, struct faces *faces, const struct lane_span *span,
                         int rows, bool of_tasks)
{
    uint64_t fit[MAX_SCALE + 1] = {0};
    int most = rows * 2 / 5 < MAX_SCALE ? rows * 2 / 5 : MAX_SCALE;
    if (spelled(scene) || most < 1 || span->cols < 1)
        return;
    const unsigned most_lanes = 64, n = of_tasks ? scene->n_rows : scene->n_cpus;
    for (unsigned i = of_tasks ? scene->scroll : 0; i < n && i < scene->scroll + most_lanes; i++) {
        struct slices ahead = {.n = 0};
        struct lane lane = {scene, faces, span, -1, TIMELINE_NO_TASK, NULL, &ahead};
        if (of_tasks)
            lane.task = scene->rows[i].task;
        else
            lane.cpu = scene->cpus[i].cpu;
        weigh_letters(&lane, most, fit);
    }
    faces->scale = most;
    while (faces->scale > 0 && fit[faces->scale] * 2 < fit[0])
        faces->scale--;
}

#define LEAST_REASON_COLS 10

/* What the task waited for, as it was at until_ns; of a sleep how long it was to be. */
static void reason_text(const struct lane *lane, const struct wait_reason *reason, uint64_t until_ns,
                        int room, char *buf, size_t size)
{
    char length[32];
    if (reason->kind != WAIT_SLEEP || reason->until_ns <= reason->since_ns) {
        view_why(lane->scene, lane->task, until_ns, room, buf, size);
        return;
    }
    snprintf(buf, size, "sleeps %s",
             export_duration(reason->until_ns - reason->since_ns, length, sizeof length));
    if (canvas_text_cols(buf) > room)
        buf[0] = '\0';
}

/* Why the task is blocked, in a stretch of its lane that shows it so. */
static void tell_reason(const struct lane *lane, struct canvas *canvas, int from, int to, struct rect rect)
{
    const struct lane_span *span = lane->span;
    const uint64_t middle = span->start_ns + (uint64_t)(from + to) * span->col_ns / 2;
    uint64_t until = timeline_now_ns(lane->scene->tl), end = span->start_ns + (uint64_t)to * span->col_ns;
    struct wait_reason reason;
    char text[256];
    if (to - from < LEAST_REASON_COLS || middle >= until)
        return;
    waits_reason(lane->scene->tl, lane->task, middle, &reason);
    if (reason.kind == WAIT_NONE || reason.kind == WAIT_CPU || reason.kind == WAIT_UNTOLD)
        return;
    until = end < until ? end : until;
    until = reason.end_ns && reason.end_ns < until ? reason.end_ns : until;
    reason_text(lane, &reason, until > middle ? until - 1 : middle, to - from - 4, text, sizeof text);
    if (!*text)
        return;
    int n = canvas_text_cols(text), x = rect.x + from + 1, y = rect.y + (rect.rows - 1) / 2;
    canvas_fill(canvas, (struct rect){x, y, n + 2, 1}, ' ', PAINT_FAINT, PAINT_LANE, 0);
    canvas_text(canvas, x + 1, y, n, PAINT_FAINT, PAINT_LANE, 0, text);
}

static void draw_reasons(const struct lane *lane, struct canvas *canvas, const struct lane_cell *cells,
                         struct rect rect)
{
    const char32_t blocked = lane->scene->glyphs->blocked;
    for (int x = 0; x < rect.cols;) {
        int end = x;
        while (end < rect.cols && cells[end].line && cells[end].ch == blocked && cells[end].fg == PAINT_OFF)
            end++;
        tell_reason(lane, canvas, x, end, rect);
        x = end + 1;
    }
}

/* Behind the end of a task that a signal ended: which one. */
static void tell_end(const struct lane *lane, struct canvas *canvas, struct rect rect)
{
    const struct lane_span *span = lane->span;
    struct task task;
    char text[32];
    timeline_task(lane->scene->tl, lane->task, &task);
    const int number = task.exit_status & 0x7f; /* wait(2): the signal, 0 of who went by itself */
    if (!task.exited || !task.exit_known || !number || task.last_ns < span->start_ns)
        return;
    const char *name = sigabbrev_np(number);
    const uint64_t column = (task.last_ns - span->start_ns) / span->col_ns + 1;
    snprintf(text, sizeof text, "%s%.16s", name ? "SIG" : "a signal", name ? name : "");
    if (column + strlen(text) + 1 < (uint64_t)rect.cols)
        canvas_text(canvas, rect.x + (int)column + 1, rect.y + (rect.rows - 1) / 2, (int)strlen(text),
                    PAINT_ALERT, PAINT_KEEP, CELL_BOLD, text);
}

static void draw_lane(const struct lane *lane, struct canvas *canvas, struct rect rect)
{
    if (lane->span->cols < 1)
        return;
    struct lane_cell *cells = mem_new((unsigned long)lane->span->cols, sizeof *cells);
    rect.cols = lane->span->cols;
    make_cells(lane, cells);
    draw_cells(lane->scene, canvas, cells, rect);
    draw_letters(lane, canvas, cells, rect);
    if (lane->cpu < 0 && !faces_get(lane->faces, lane->task)->self) {
        draw_reasons(lane, canvas, cells, rect);
        tell_end(lane, canvas, rect);
    }
    free(cells);
}

void view_cpu_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_span *span, int cpu, struct rect rect, double *switches)
{
    struct slices ahead = {.n = 0};
    struct lane lane = {scene, faces, span, cpu, TIMELINE_NO_TASK, switches, &ahead};
    draw_lane(&lane, canvas, rect);
}

void view_task_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                    const struct lane_span *span, uint32_t task, struct rect rect)
{
    struct slices ahead = {.n = 0};
    struct lane lane = {scene, faces, span, -1, task, NULL, &ahead};
    draw_lane(&lane, canvas, rect);
}

/* ---- several tasks as one lane ---- */

/* What they did in a column, together. */
struct sum {
    uint64_t run_ns, runnable_ns;
    uint32_t n_samples;
};

/* Adds what of [from, to) lies in each column. */
static void spread(const struct lane_span *span, struct sum *sums, uint64_t from, uint64_t to, bool runs)
{
    const uint64_t end = span->start_ns + span->col_ns * (uint64_t)span->cols;
    from = from > span->start_ns ? from : span->start_ns;
    to = to < end ? to : end;
    while (from < to) {
        const uint64_t column = (from - span->start_ns) / span->col_ns;
        const uint64_t border = span->start_ns + (column + 1) * span->col_ns,
                       until = to < border ? to : border;
        *(runs ? &sums[column].run_ns : &sums[column].runnable_ns) += until - from;
        from = until;
    }
}

static void add_bins(const struct scene *scene, const struct lane_span *span, uint32_t task, struct sum *sums,
                     struct bin *bins)
{
    const unsigned n = (unsigned)span->cols;
    timeline_task_bins(scene->tl, task, span->start_ns, span->col_ns * n, n, bins);
    for (unsigned i = 0; i < n; i++) {
        sums[i].run_ns += bins[i].run_ns;
        sums[i].runnable_ns += bins[i].runnable_ns;
        sums[i].n_samples += bins[i].n_samples;
    }
}

/* Many tasks run now and then: slice by slice is quicker than column by column. False, and nothing is added:
 * there are too many slices for that. */
static bool add_slices(const struct scene *scene, const struct lane_span *span, uint32_t task,
                       struct sum *sums)
{
    struct slice slices[16];
    const uint64_t end = span->start_ns + span->col_ns * (uint64_t)span->cols;
    unsigned n = timeline_task_slices(scene->tl, task, span->start_ns, slices, 16);
    if (n == 16 && slices[15].end_ns < end)
        return false;
    for (unsigned i = 0; i < n; i++) {
        spread(span, sums, slices[i].start_ns, slices[i].end_ns, true);
        spread(span, sums, slices[i].start_ns - slices[i].runnable_ns, slices[i].start_ns, false);
    }
    const struct task *now = timeline_task_told(scene->tl, task);
    if (now->state == STATE_RUNNABLE)
        spread(span, sums, now->state_since_ns, timeline_now_ns(scene->tl), false);
    return true;
}

/* From the first one's beginning until the last one's end. */
static struct lane_span life_of_row(const struct scene *scene, const struct roster_row *row,
                                    const struct lane_span *span)
{
    struct lane_span life = *span;
    struct task task;
    timeline_task(scene->tl, row->task, &task);
    life.start_ns = task.first_ns;
    life.known_ns = task.last_ns;
    for (uint32_t i = 0; i < row->n && life.known_ns < span->known_ns; i++) {
        timeline_task(scene->tl, scene->members[row->first + i], &task);
        life.known_ns = task.last_ns > life.known_ns ? task.last_ns : life.known_ns;
    }
    life.known_ns = life.known_ns < span->known_ns ? life.known_ns : span->known_ns;
    return life;
}

/* The switches of all that it stands for are told. */
static bool row_is_told(const struct scene *scene, const struct roster_row *row)
{
    const uint32_t n = row->n > 1 ? row->n : 1,
                   *tasks = row->n > 1 ? &scene->members[row->first] : &row->task;
    if (!scene->info.exact || session_info_is_whole(&scene->info))
        return scene->info.exact;
    for (uint32_t i = 0; i < n; i++)
        if (timeline_task_told(scene->tl, tasks[i])->sampled)
            return false;
    return true;
}

static struct sum *make_sums(const struct scene *scene, const struct lane_span *span,
                             const struct roster_row *row)
{
    struct sum *sums = mem_new((unsigned long)span->cols, sizeof *sums);
    struct bin *bins = mem_new((unsigned long)span->cols, sizeof *bins);
    for (uint32_t i = 0; i < row->n; i++) {
        const uint32_t task = scene->members[row->first + i];
        if (!roster_is_active(scene->roster, task))
            continue;
        if (!scene->info.exact || timeline_task_told(scene->tl, task)->sampled ||
            !add_slices(scene, span, task, sums))
            add_bins(scene, span, task, sums, bins);
    }
    free(bins);
    return sums;
}

static int count_usable(const struct scene *scene)
{
    int n = 0;
    for (unsigned i = 0; i < scene->n_cpus; i++)
        n += scene->cpus[i].chosen && scene->cpus[i].online;
    return n > 0 ? n : 1;
}

/* One column, where some of them ran. */
static void draw_sum(const struct scene *scene, struct canvas *canvas, enum paint paint, double at_once,
                     int x, struct rect rect)
{
    const struct glyphs *g = scene->glyphs;
    if (spelled(scene)) { /* how many, as a digit */
        const int n = (int)(at_once + 0.5);
        const char32_t ch = n > 9 ? U'+' : n > 0 ? (char32_t)('0' + n) : g->shade[0];
        for (int y = 0; y < rect.rows; y++)
            canvas_put(canvas, x, rect.y + y, ch, n > 0 ? PAINT_ON_TASK : paint, n > 0 ? paint : PAINT_LANE,
                       0);
        return;
    }
    int eighths = (int)(at_once / count_usable(scene) * rect.rows * 8 + 0.5);
    eighths = eighths < 1 ? 1 : eighths > rect.rows * 8 ? rect.rows * 8 : eighths;
    for (int y = rect.rows - 1; y >= 0; y--, eighths -= 8)
        canvas_put(canvas, x, rect.y + y,
                   g->lower_eighths[eighths < 0   ? 0
                                    : eighths > 8 ? 8
                                                  : eighths],
                   paint, PAINT_LANE, 0);
}

void view_sum_lane(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_span *span, const struct roster_row *row, struct rect rect)
{
    const struct glyphs *g = scene->glyphs;
    const enum paint paint = (enum paint)faces_get(faces, row->task)->paint;
    const uint64_t edge = timeline_edge_ns(scene->tl);
    const bool is_told = row_is_told(scene, row);
    if (span->cols < 1)
        return;
    const struct lane_span life = life_of_row(scene, row, span);
    struct sum *sums = make_sums(scene, span, row);
    struct lane_cell *cells = mem_new((unsigned long)span->cols, sizeof *cells);
    for (int i = 0; i < span->cols; i++) {
        const uint64_t from = span->start_ns + (uint64_t)i * span->col_ns, middle = from + span->col_ns / 2;
        flat_cell(&cells[i], g->gone, PAINT_OFF, PAINT_BACK);
        if (middle < edge || middle < life.start_ns || from >= life.known_ns)
            continue;
        if (sums[i].n_samples && !sums[i].run_ns)
            flat_cell(&cells[i], g->sample, paint, PAINT_LANE);
        else if (sums[i].runnable_ns >= span->col_ns / 2)
            flat_cell(&cells[i], g->runnable, (enum paint)(paint + N_TASK_PAINTS), PAINT_LANE);
        else if (is_told)
            flat_cell(&cells[i], g->blocked, PAINT_OFF, PAINT_LANE);
    }
    rect.cols = span->cols;
    draw_cells(scene, canvas, cells, rect);
    for (int i = 0; i < span->cols; i++)
        if (sums[i].run_ns * 16 >= span->col_ns)
            draw_sum(scene, canvas, paint, (double)sums[i].run_ns / (double)span->col_ns, rect.x + i, rect);
        else if (sums[i].run_ns)
            canvas_put(canvas, rect.x + i, rect.y + rect.rows - 1, g->lower_eighths[1], paint, PAINT_KEEP, 0);
    free(cells);
    free(sums);
}

/* ---- a row ---- */

struct figure view_row_figure(const struct scene *scene, const struct roster_row *row)
{
    struct figure sum = {0};
    uint64_t lo, hi;
    if (!figures_window(scene, &lo, &hi))
        return sum;
    if (row->n < 2)
        return figures_of(scene, row->task, lo, hi);
    for (uint32_t i = 0; i < row->n; i++) {
        const uint32_t task = scene->members[row->first + i];
        if (!roster_is_active(scene->roster, task))
            continue;
        const struct figure one = figures_of(scene, task, lo, hi);
        sum.run_ns += one.run_ns;
        sum.runnable_ns += one.runnable_ns;
        sum.n_switches += one.n_switches;
    }
    return sum;
}

enum { WORDS_ALL, WORDS_NO_TID, WORDS_SHORT, WORDS_SHORTEST, N_WORDS };

/* What stands behind a row's name, from long to short. */
static void row_words(const struct roster_row *row, int tid, int length, char *buf, size_t size)
{
    const char *threads = length < WORDS_SHORT ? "threads" : "thr";
    char processes[32] = "", number[16] = "";
    if (length == WORDS_ALL)
        snprintf(number, sizeof number, " %d", tid);
    if (row->n_processes > 1)
        snprintf(processes, sizeof processes, "%u %s", row->n_processes,
                 length < WORDS_SHORT ? "processes, " : "proc, ");
    if (row->n < 2)
        snprintf(buf, size, "%s", number);
    else if (length < WORDS_SHORTEST)
        snprintf(buf, size, "%s (%s%u %s)", number, processes, row->n, threads);
    else
        snprintf(buf, size, " ×%u", row->n);
}

#define MAX_INDENT 12

static int row_indent(const struct roster_row *row, int cols)
{
    const int step = cols >= 20 ? 2 : 1, most = cols / 3 < MAX_INDENT ? cols / 3 : MAX_INDENT;
    const int indent = row->depth * step;
    return indent < most ? indent : most;
}

int view_row_label_cols(struct faces *faces, const struct roster_row *row)
{
    const struct face *face = faces_get(faces, row->task);
    char words[64];
    struct task task;
    timeline_task(faces->tl, row->task, &task);
    if (face->self)
        return canvas_text_cols(face->name);
    if (face->is_outsider)
        return 0;
    row_words(row, task.tid, row->n > 1 ? WORDS_NO_TID : WORDS_ALL, words, sizeof words);
    return 1 + row_indent(row, 80) + (int)strlen(face->letter) + 3 + canvas_text_cols(face->name) +
           canvas_text_cols(words);
}

void view_row_label(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                    const struct roster_row *row, struct rect rect, bool with_tid, bool selected)
{
    const struct face *face = faces_get(faces, row->task);
    const int letter = (int)strlen(face->letter), middle = rect.y + (rect.rows - 1) / 2,
              end = rect.x + rect.cols;
    int x = rect.x + row_indent(row, rect.cols);
    char words[64];
    struct task task;
    timeline_task(scene->tl, row->task, &task);
    if (row->has_more)
        canvas_put(canvas, x, middle, row->is_folded ? scene->glyphs->folded : scene->glyphs->open,
                   PAINT_FAINT, PAINT_KEEP, 0);
    x++;
    if (x + letter + 2 <= end && !face->is_outsider) {
        canvas_fill(canvas, (struct rect){x, rect.y, letter + 2, rect.rows}, ' ', PAINT_ON_TASK,
                    (enum paint)face->paint, 0);
        canvas_text(canvas, x + 1, middle, letter, PAINT_ON_TASK, (enum paint)face->paint, CELL_BOLD,
                    face->letter);
        x += letter + 3;
    }
    const int room = end - x;
    int name = canvas_text_cols(face->name);
    for (int length = with_tid ? WORDS_ALL : WORDS_NO_TID; length < N_WORDS; length++) {
        row_words(row, task.tid, length, words, sizeof words);
        if (name + canvas_text_cols(words) <= room)
            break;
    }
    if (name + canvas_text_cols(words) > room)
        name = room - canvas_text_cols(words);
    if (name < 1)
        return;
    const enum paint fg = task.state == STATE_GONE || face->is_outsider ? PAINT_SELF
                          : selected                                    ? PAINT_STRONG
                                                                        : PAINT_TEXT;
    x += canvas_text(canvas, x, middle, name, fg, PAINT_KEEP, 0, face->name);
    canvas_text(canvas, x, middle, end - x, row->is_folded && fg != PAINT_SELF ? PAINT_ACCENT : PAINT_SELF,
                PAINT_KEEP, 0, words);
}

static double share(uint64_t part_ns, const struct scene *scene)
{
    uint64_t lo, hi;
    return figures_window(scene, &lo, &hi) ? (double)part_ns / (double)(hi - lo) : 0;
}

static void draw_task_figures(const struct scene *scene, struct canvas *canvas,
                              const struct lane_frame *frame, const struct face *face,
                              const struct roster_row *row, int y)
{
    char text[32];
    struct task task;
    enum paint fg = face->self ? PAINT_SELF : PAINT_TEXT;
    if (frame->figures_cols < 6)
        return;
    const struct figure did = view_row_figure(scene, row);
    const bool is_told = row_is_told(scene, row);
    timeline_task(scene->tl, row->task, &task);
    view_right(canvas, frame->figures_x, y, 6, fg, 0,
               is_told ? view_percent(share(did.run_ns, scene), text, sizeof text) : "-");
    if (frame->figures_cols < 14)
        return;
    if (task.work_total_ns == 0) {
        if (!face->self)
            view_right(canvas, frame->figures_x + 6, y, 10, PAINT_FAINT, 0,
                       is_told ? view_percent(share(did.runnable_ns, scene), text, sizeof text) : "-");
        return;
    }
    double done = (double)task.work_done_ns / (double)task.work_total_ns;
    int bar = frame->figures_cols - 17;
    if (bar > 3)
        view_bar(scene, canvas, frame->figures_x + 8, y, bar, done, (enum paint)face->paint);
    view_right(canvas, frame->figures_x + frame->figures_cols - 8, y, 6, done >= 1 ? PAINT_GOOD : fg, 0,
               view_percent(done, text, sizeof text));
}

void view_task_heads(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y)
{
    bool work = scene->info.workload.work_ns > 0;
    if (frame->figures_cols >= 6)
        view_right(canvas, frame->figures_x, y, 6, PAINT_FAINT, 0, "run");
    if (frame->figures_cols >= 14)
        view_right(canvas, frame->figures_x + (work ? frame->figures_cols - 8 : 6), y, work ? 6 : 10,
                   PAINT_FAINT, 0, work ? "work" : "wait");
}

/* The label of a task of our own workload, or of schedviz itself. */
static void draw_own_label(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                           const struct face *face, struct rect rect, bool selected)
{
    int middle = rect.y + (rect.rows - 1) / 2, x = rect.x, n = (int)strlen(face->letter);
    if (face->self) {
        canvas_text(canvas, x, middle, frame->label_cols - 1, PAINT_SELF, PAINT_KEEP, 0,
                    frame->label_cols < 10 ? "self" : face->name);
        return;
    }
    if (face->is_green && frame->label_cols >= 10)
        canvas_put(canvas, x++, middle, scene->glyphs->box_bl, PAINT_OFF, PAINT_KEEP, 0);
    if (frame->label_cols > 5) {
        canvas_fill(canvas, (struct rect){x, rect.y, n + 2, rect.rows}, ' ', PAINT_ON_TASK,
                    (enum paint)face->paint, 0);
        x++;
    }
    canvas_text(canvas, x, middle, n, frame->label_cols > 5 ? PAINT_ON_TASK : (enum paint)face->paint,
                frame->label_cols > 5 ? (enum paint)face->paint : PAINT_KEEP, CELL_BOLD, face->letter);
    int room = frame->label_x + frame->label_cols - x - n - 2;
    if (has_name(face) && room > 2)
        canvas_text(canvas, x + n + 2, middle, room, selected ? PAINT_STRONG : PAINT_TEXT, PAINT_KEEP, 0,
                    face->name);
}

void view_task_row(const struct scene *scene, struct canvas *canvas, struct faces *faces,
                   const struct lane_frame *frame, const struct roster_row *row, int y, int rows,
                   bool selected)
{
    const struct face *face = faces_get(faces, row->task);
    struct lane_span span = view_lane_span(scene, view_lane_cols(scene, frame));
    const struct rect label = {frame->label_x + 1, y, frame->label_cols - 1, rows};
    const struct rect lane = {frame->x, y, span.cols, rows};
    const int middle = y + (rows - 1) / 2;
    if (row->n > 1)
        view_sum_lane(scene, canvas, faces, &span, row, lane);
    else
        view_task_lane(scene, canvas, faces, &span, row->task, lane);
    if (selected)
        canvas_put(canvas, frame->label_x, middle, scene->glyphs->arrow_right, PAINT_ACCENT, PAINT_KEEP,
                   CELL_BOLD);
    if (scene->roster && !face->self && frame->label_cols > 5)
        view_row_label(scene, canvas, faces, row, label, true, selected);
    else
        draw_own_label(scene, canvas, frame, face, label, selected);
    if (frame->figures_cols)
        draw_task_figures(scene, canvas, frame, face, row, middle);
}

/* ---- rows that do not fit ---- */

void view_more(const struct scene *scene, struct canvas *canvas, int x, int y, int cols, unsigned above,
               unsigned below)
{
    char long_text[64] = "", short_text[64];
    const struct glyphs *g = scene->glyphs;
    if (above && below)
        snprintf(long_text, sizeof long_text, "%u more below (Down), %u above (Up)", below, above);
    else if (above)
        snprintf(long_text, sizeof long_text, "%u more above (Up)", above);
    else if (below)
        snprintf(long_text, sizeof long_text, "%u more below (Down)", below);
    snprintf(short_text, sizeof short_text, "%u up, %u down", above, below);
    if (!above && !below)
        return;
    canvas_put(canvas, x, y, below ? g->arrow_down : g->arrow_up, PAINT_ACCENT, PAINT_KEEP, 0);
    canvas_text(canvas, x + 2, y, cols - 2, PAINT_FAINT, PAINT_KEEP, 0,
                canvas_text_cols(long_text) + 2 <= cols ? long_text : short_text);
}

/* ---- lines through the lanes ---- */

static void draw_vline(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame,
                       int y, int rows, uint64_t t_ns, char32_t glyph, enum paint paint)
{
    int64_t column = viewport_col(&scene->viewport, t_ns);
    if (t_ns == 0 || column < 0 || column >= view_lane_cols(scene, frame))
        return;
    for (int i = 0; i < rows; i++)
        canvas_put(canvas, frame->x + (int)column, y + i, glyph, paint, PAINT_KEEP, CELL_BOLD);
}

void view_lane_cursor(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y,
                      int rows)
{
    const struct viewport *vp = &scene->viewport;
    draw_vline(scene, canvas, frame, y, rows, vp->cursor_ns, scene->glyphs->vline, PAINT_ACCENT);
    draw_vline(scene, canvas, frame, y, rows, vp->playhead_ns, scene->glyphs->playhead, PAINT_PLAYHEAD);
}

/* ---- figures ---- */

bool view_window(const struct scene *scene, uint64_t *lo_ns, uint64_t *hi_ns)
{
    const struct viewport *vp = &scene->viewport;
    uint64_t edge = timeline_edge_ns(scene->tl), end = vp->start_ns + viewport_span_ns(vp);
    *lo_ns = vp->start_ns > edge ? vp->start_ns : edge;
    *hi_ns = end < vp->known_ns ? end : vp->known_ns;
    return *hi_ns > *lo_ns;
}

char *view_span_text(uint64_t ns, char *buf, size_t size)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "µs"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ns >= units[i].ns && ns % (units[i].ns / 10) == 0 && ns / units[i].ns < 1000) {
            uint64_t tenths = ns / (units[i].ns / 10);
            if (tenths % 10)
                snprintf(buf, size, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                         (unsigned long long)(tenths % 10), units[i].name);
            else
                snprintf(buf, size, "%llu %s", (unsigned long long)(tenths / 10), units[i].name);
            return buf;
        }
    return export_duration(ns, buf, size);
}

char *view_percent(double fraction, char *buf, size_t size)
{
    double percent = fraction * 100;
    snprintf(buf, size, percent > 0 && percent < 9.95 ? "%.1f %%" : "%.0f %%", percent);
    return buf;
}

static const char *scaled(double *n)
{
    static const char *const suffixes[] = {"", "k", "M", "G"};
    int i = 0;
    while (*n >= 999.5 && i < 3) {
        *n /= 1000;
        i++;
    }
    return suffixes[i];
}

char *view_rate(double per_s, char *buf, size_t size)
{
    bool small = per_s > 0 && per_s < 9.95;
    const char *suffix = scaled(&per_s);
    snprintf(buf, size, (small || (*suffix && per_s < 99.95)) ? "%.1f%s/s" : "%.0f%s/s", per_s, suffix);
    return buf;
}

char *view_exact_count(int64_t n, char *buf, size_t size)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n), used = 0;
    for (size_t i = 0; i < length && used + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            buf[used++] = ',';
        buf[used++] = digits[i];
    }
    buf[used] = '\0';
    return buf;
}

char *view_count(uint64_t n, char *buf, size_t size)
{
    double value = (double)n;
    if (n < 10000) {
        snprintf(buf, size, "%llu", (unsigned long long)n);
        return buf;
    }
    const char *suffix = scaled(&value);
    snprintf(buf, size, value < 99.95 ? "%.1f%s" : "%.0f%s", value, suffix);
    return buf;
}

void view_right(struct canvas *canvas, int x, int y, int cols, enum paint fg, unsigned attr, const char *text)
{
    int n = canvas_text_cols(text);
    n = n < cols ? n : cols;
    canvas_text(canvas, x + cols - n, y, n, fg, PAINT_KEEP, attr, text);
}

void view_bar(const struct scene *scene, struct canvas *canvas, int x, int y, int cols, double fraction,
              enum paint fg)
{
    const struct glyphs *g = scene->glyphs;
    fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    int eighths = (int)(fraction * cols * 8 + 0.5);
    for (int i = 0; i < cols; i++) {
        int part = eighths - i * 8;
        if (g->ascii || scene->mono)
            canvas_put(canvas, x + i, y, part >= 4 ? g->bar_full : g->bar_empty, part >= 4 ? fg : PAINT_OFF,
                       PAINT_KEEP, 0);
        else
            canvas_put(canvas, x + i, y,
                       g->left_eighths[part < 0   ? 0
                                       : part > 8 ? 8
                                                  : part],
                       fg, PAINT_LANE, 0);
    }
}

void view_bars(const struct scene *scene, struct canvas *canvas, struct rect rect, const double *values,
               double most, enum paint fg)
{
    for (int x = 0; x < rect.cols; x++) {
        double height = values[x] / most * rect.rows * 8;
        int eighths = height <= 0              ? 0
                      : height < 1             ? 1
                      : height > rect.rows * 8 ? rect.rows * 8
                                               : (int)(height + 0.5);
        for (int y = rect.rows - 1; y >= 0 && eighths > 0; y--) {
            int part = eighths < 8 ? eighths : 8;
            canvas_put(canvas, rect.x + x, rect.y + y, scene->glyphs->lower_eighths[part], fg, PAINT_KEEP, 0);
            eighths -= part;
        }
    }
}

/* ---- ASCII ---- */

static char32_t to_ascii(char32_t ch)
{
    switch (ch) {
    case U'µ':
        return 'u';
    case U'·':
        return '-';
    case U'×':
        return 'x';
    case U'–':
    case U'—':
        return '-';
    case U'…':
        return '~';
    case U'“':
    case U'”':
        return '"';
    default:
        return '?';
    }
}

void view_to_ascii(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    if (!scene->glyphs->ascii)
        return;
    for (int y = rect.y > 0 ? rect.y : 0; y < rect.y + rect.rows && y < canvas->rows; y++)
        for (int x = rect.x > 0 ? rect.x : 0; x < rect.x + rect.cols && x < canvas->cols; x++) {
            struct cell *cell = &canvas->cells[(size_t)y * (size_t)canvas->cols + (size_t)x];
            if (cell->ch > 0x7e)
                cell->ch = to_ascii(cell->ch);
        }
}
