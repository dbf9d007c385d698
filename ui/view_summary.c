/* The summary: the two numbers that teach, the word for them, and what the switching costs. */
#include "../src/clock.h"
#include "../src/export/export.h"
#include "view_lanes.h"
#include "view_stats.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    enum paint paint;
} words[] = {
    [WORD_NOTHING] = {"NOTHING YET", PAINT_FAINT},    [WORD_IDLE] = {"IDLE", PAINT_FAINT},
    [WORD_WAITING] = {"WAITING", PAINT_WARN},         [WORD_ALONE] = {"ALONE", PAINT_TEXT},
    [WORD_INTERLEAVED] = {"INTERLEAVED", PAINT_WARN}, [WORD_PARALLEL] = {"PARALLEL", PAINT_GOOD},
    [WORD_MIXED] = {"MIXED", PAINT_ACCENT},
};

static const char *plural(unsigned n)
{
    return n == 1 ? "" : "s";
}

/* The word in plain English, and who else was there if that fits max_cols too. */
static void explain(const struct view_stats *s, int max_cols, char *buf, size_t size)
{
    char slice[32], count[16];
    unsigned n = s->n_tasks, cores = s->n_cores ? s->n_cores : 1;
    double each = s->switches_per_s / (n ? n : 1);
    export_duration(s->mean_slice_ns, slice, sizeof slice);
    switch (s->word) {
    case WORD_NOTHING:
        snprintf(buf, size, "no task is in progress in this window");
        break;
    case WORD_IDLE:
        snprintf(buf, size, "%u task%s in progress, but blocked most of the time", n, plural(n));
        break;
    case WORD_WAITING:
        snprintf(buf, size, "%u task%s in progress, but others have the core%s", n, plural(n),
                 plural(s->n_chosen));
        break;
    case WORD_ALONE:
        if (n > 1)
            snprintf(buf, size, "one of %u tasks runs, the rest is blocked: nobody waits for a core", n);
        else
            snprintf(buf, size, "one task runs and nothing has to wait for it");
        break;
    case WORD_INTERLEAVED:
        if (s->n_switches && each >= 1)
            snprintf(buf, size, "%u tasks take turns on %u core%s: %s slices of %s each a second", n, cores,
                     plural(cores), view_count((uint64_t)(each + 0.5), count, sizeof count), slice);
        else
            snprintf(buf, size, "%u tasks take turns on %u core%s", n, cores, plural(cores));
        break;
    case WORD_PARALLEL:
        if (n > cores)
            snprintf(buf, size, "%u tasks on %u core%s: %.1f run at once, and hardly one has to wait", n,
                     cores, plural(cores), s->parallelism);
        else
            snprintf(buf, size, "%u tasks on %u core%s run at the same time, none has to wait", n, cores,
                     plural(cores));
        break;
    case WORD_MIXED:
        if (s->parallelism > 1.1)
            snprintf(buf, size, "%u tasks share %u cores: %.1f run at once while the rest wait their turn", n,
                     cores, s->parallelism);
        else
            snprintf(buf, size,
                     n == 1 ? "%u task runs, waits and blocks by turns"
                            : "%u tasks run, wait and block by turns",
                     n);
        break;
    }
    size_t used = strlen(buf);
    if (s->others_part >= 0.02)
        snprintf(buf + used, size - used, "; other programs had %.0f %% of the core%s", s->others_part * 100,
                 plural(s->n_chosen));
    if (canvas_text_cols(buf) > max_cols)
        buf[used] = '\0';
}

int view_summary_rows(const struct scene *scene, int rows_of_screen)
{
    if (scene->lecture)
        return rows_of_screen >= 24 ? 5 : rows_of_screen >= 16 ? 4 : rows_of_screen >= 8 ? 1 : 0;
    return rows_of_screen >= 20 ? 4 : rows_of_screen >= 14 ? 3 : rows_of_screen >= 8 ? 1 : 0;
}

/* A label, a figure, and what is said after it. */
struct item {
    const char *label, *figure, *after;
    enum paint paint;
};

#define ITEM_GAP 4

static int item_cols(const struct item *item)
{
    return canvas_text_cols(item->label) + 1 + canvas_text_cols(item->figure) +
           (*item->after ? 1 + canvas_text_cols(item->after) : 0);
}

static int items_cols(const struct item *items, unsigned n)
{
    int cols = 0;
    for (unsigned i = 0; i < n; i++)
        cols += item_cols(&items[i]) + (i ? ITEM_GAP : 0);
    return cols;
}

/* What is said after the figures goes first, from the left; then whole items from the right. Returns the next
 * x. */
static int draw_items(struct canvas *canvas, int x, int y, int end, struct item *items, unsigned n)
{
    for (unsigned i = 0; i < n && items_cols(items, n) > end - x; i++)
        items[i].after = "";
    while (n > 0 && items_cols(items, n) > end - x)
        n--;
    for (unsigned i = 0; i < n; i++) {
        const struct item *item = &items[i];
        x += canvas_text(canvas, x, y, end - x, PAINT_FAINT, PAINT_KEEP, 0, item->label) + 1;
        x += canvas_text(canvas, x, y, end - x, item->paint, PAINT_KEEP, CELL_BOLD, item->figure);
        if (*item->after)
            x += 1 + canvas_text(canvas, x + 1, y, end - x - 1, PAINT_FAINT, PAINT_KEEP, 0, item->after);
        x += ITEM_GAP;
    }
    return x;
}

static bool is_whole(double x)
{
    double rest = x - (double)(long)(x + 0.5);
    return rest > -0.05 && rest < 0.05;
}

/* True when the sentence had room beside the word. */
static bool draw_numbers(const struct view_stats *s, struct canvas *canvas, int x, int y, int end)
{
    char at_once[16], of[32], text[160];
    const char *word = words[s->word].word;
    snprintf(at_once, sizeof at_once, "%.2f", s->parallelism);
    snprintf(of, sizeof of, "of %.*f", is_whole(s->concurrency) ? 0 : 1, s->concurrency);
    struct item item = {"running at once", at_once, of, PAINT_STRONG};
    if (end - x < item_cols(&item) + ITEM_GAP + (int)strlen(word))
        item.label = "at once";
    x = draw_items(canvas, x, y, end, &item, 1);
    if (x + (int)strlen(word) > end)
        return false;
    x += canvas_text(canvas, x, y, end - x, words[s->word].paint, PAINT_KEEP, CELL_BOLD, word) + 2;
    explain(s, end - x, text, sizeof text);
    if (x + canvas_text_cols(text) > end)
        return false;
    canvas_text(canvas, x, y, end - x, PAINT_TEXT, PAINT_KEEP, 0, text);
    return true;
}

static void draw_costs(const struct view_stats *s, struct canvas *canvas, int x, int y, int end)
{
    char rate[16], parts[64] = "", duration[32], part[48], fair[16];
    struct item items[3];
    unsigned n = 0;
    if (s->n_switches && s->voluntary_part < 0.005)
        snprintf(parts, sizeof parts, "%s forced", s->voluntary_part > 0 ? "nearly all" : "all");
    else if (s->n_switches && s->voluntary_part > 0.995)
        snprintf(parts, sizeof parts, "%s voluntary", s->voluntary_part < 1 ? "nearly all" : "all");
    else if (s->n_switches)
        snprintf(parts, sizeof parts, "%s%.0f %% forced, %.0f %% voluntary", s->parts_exact ? "" : "about ",
                 (1 - s->voluntary_part) * 100, s->voluntary_part * 100);
    items[n++] =
        (struct item){"switches", view_rate(s->switches_per_s, rate, sizeof rate), parts, PAINT_STRONG};
    if (s->cost_ns && s->n_switches) {
        snprintf(part, sizeof part,
                 s->cost_part < 0.00095 ? "= %.2f %% of the core%s" : "= %.1f %% of the core%s",
                 s->cost_part * 100, s->n_cores > 1 ? "s" : "");
        items[n++] = (struct item){"each costs", export_duration(s->cost_ns, duration, sizeof duration), part,
                                   PAINT_STRONG};
    }
    if (s->n_tasks > 1) {
        snprintf(fair, sizeof fair, "%.3f", s->fairness);
        items[n++] = (struct item){"fairness", fair, "", PAINT_STRONG};
    }
    draw_items(canvas, x, y, end, items, n);
}

static void draw_big(const struct scene *scene, const struct view_stats *s, struct canvas *canvas,
                     struct rect rect)
{
    char number[16], text[160];
    snprintf(number, sizeof number, "%.2f", s->parallelism);
    int cols = view_big_text(scene, canvas, rect.x + 2, rect.y + 1, rect.cols - 2, 1, words[s->word].paint,
                             PAINT_KEEP, words[s->word].word);
    int x = rect.x + 2 + cols + 5, n = view_big_cols(number, 1);
    if (cols && x + n + 20 <= rect.x + rect.cols) {
        view_big_text(scene, canvas, x, rect.y + 1, n, 1, PAINT_STRONG, PAINT_KEEP, number);
        canvas_text(canvas, x + n + 2, rect.y + 1, 20, PAINT_FAINT, PAINT_KEEP, 0, "running at once");
        canvas_printf(canvas, x + n + 2, rect.y + 2, 20, PAINT_STRONG, PAINT_KEEP, CELL_BOLD, "of %.0f",
                      s->concurrency);
    }
    if (rect.rows >= 5) {
        explain(s, rect.cols - 4, text, sizeof text);
        if (canvas_text_cols(text) + 4 <= rect.cols)
            canvas_text(canvas, rect.x + 2, rect.y + 4, rect.cols - 4, PAINT_TEXT, PAINT_KEEP, 0, text);
    }
}

/* Nothing runs before the question is answered: no figures, but why. */
static void draw_held(const struct scene *scene, struct canvas *canvas, struct rect rect, int y)
{
    const char *word = "READY";
    char text[96];
    int x = rect.x + 1, end = rect.x + rect.cols - 1;
    snprintf(text, sizeof text, "%u task%s at the gate: the run waits for your answer", scene->n_held,
             plural(scene->n_held));
    const int cols = canvas_text_cols(text);
    if (scene->lecture && rect.rows >= 4) {
        const int big =
            view_big_text(scene, canvas, x + 1, rect.y + 1, rect.cols - 2, 1, PAINT_ACCENT, PAINT_KEEP, word);
        x += rect.rows >= 5 ? 1 : big + 4; /* under the letters, or beside them */
        y = rect.y + (rect.rows >= 5 ? 4 : 2);
    } else {
        x += canvas_text(canvas, x, y, end - x, PAINT_ACCENT, PAINT_KEEP, CELL_BOLD, word) + 2;
        if (x + cols > end) {
            x = rect.x + 1;
            y++;
        }
    }
    if (y < rect.y + rect.rows)
        canvas_text(canvas, x, y, end - x, PAINT_TEXT, PAINT_KEEP, 0, text);
}

/* Why there are no figures, at length and in short. */
static void tell_unseen(const struct scene *scene, char *text, size_t size, char *brief, size_t brief_size)
{
    const struct session_info *info = &scene->info;
    if (!info->exact) {
        snprintf(text, size, "samples only: what ran between two of them is not known");
        snprintf(brief, brief_size, "samples only");
    } else if (info->n_sampled) {
        snprintf(text, size, "%u of %u tasks seen by samples only: how many run at once is not known",
                 info->n_sampled, info->n_watched);
        snprintf(brief, brief_size, "samples in part");
    } else {
        snprintf(text, size, "%s", view_no_stats(scene));
        snprintf(brief, brief_size, scene->is_replay ? "nothing seen" : "waiting");
    }
}

void view_summary(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct view_stats stats;
    int y = rect.y, end = rect.x + rect.cols - 1, x = rect.x + 1;
    if (rect.rows < 1)
        return;
    bool known = view_stats(scene, &stats);
    const bool is_whole = session_info_is_whole(&scene->info);
    char unseen[120], brief[32];
    tell_unseen(scene, unseen, sizeof unseen, brief, sizeof brief);
    if (rect.rows > 2)
        canvas_fill(canvas, (struct rect){rect.x, y++, rect.cols, 1}, scene->glyphs->hline, PAINT_OFF,
                    PAINT_BACK, 0);
    if (scene->n_held)
        draw_held(scene, canvas, rect, y);
    else if (!known || !is_whole)
        canvas_text(canvas, x, y, end - x, is_whole ? PAINT_FAINT : PAINT_WARN, PAINT_KEEP, 0,
                    canvas_text_cols(unseen) <= end - x ? unseen : brief);
    else if (scene->lecture && rect.rows >= 4)
        draw_big(scene, &stats, canvas, rect);
    else {
        char text[160];
        bool told = draw_numbers(&stats, canvas, x, y++, end);
        explain(&stats, end - x, text, sizeof text);
        if (!told && rect.rows > 3 && canvas_text_cols(text) <= end - x)
            canvas_text(canvas, x, y++, end - x, PAINT_TEXT, PAINT_KEEP, 0, text);
        if (y < rect.y + rect.rows)
            draw_costs(&stats, canvas, x, y, end);
    }
    view_to_ascii(scene, canvas, rect);
}
