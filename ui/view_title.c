/* The title line (what runs, on what, who tells it, which time is shown) and the line of keys. */
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

/* One part of the title: what it says at full length, and cut short once and twice. */
struct title_part {
    char text[3][96];
    int level; /* of text; 3: left out */
    enum paint paint;
    unsigned attr;
};

enum part_name { PART_NAME, PART_WORKLOAD, PART_SOURCE, PART_TAPE, PART_MODE, N_PARTS };

#define PART_GAP 3

static const char *part_text(const struct title_part *part)
{
    return part->level < 3 ? part->text[part->level] : "";
}

static void fill_name(const struct scene *scene, struct title_part *part)
{
    char name[48];
    export_safe_name(scene->info.workload.name ? scene->info.workload.name : "", name, sizeof name);
    snprintf(part->text[0], sizeof part->text[0], "schedviz  %s", name);
    snprintf(part->text[1], sizeof part->text[1], "%s", name);
    snprintf(part->text[2], sizeof part->text[2], "%s", name);
    part->paint = PAINT_STRONG;
    part->attr = CELL_BOLD;
}

static unsigned count_chosen(const struct scene *scene)
{
    unsigned n = 0;
    for (unsigned i = 0; i < scene->n_cpus; i++)
        n += scene->cpus[i].chosen && scene->cpus[i].online;
    return n;
}

static const char *policy_word(enum policy policy)
{
    return policy == POLICY_BATCH ? " · batch" : policy == POLICY_IDLE ? " · idle" : "";
}

/* Of a watched program. */
static void fill_counts(const struct scene *scene, struct title_part *part)
{
    const struct roster_counts counts = roster_counts(scene->roster);
    const unsigned chosen = count_chosen(scene);
    char processes[16], threads[16], nice[24] = "";
    const unsigned n_tasks = scene->is_replay ? scene->info.workload.n_tasks : counts.n_tasks;
    view_exact_count(counts.n_processes, processes, sizeof processes);
    view_exact_count(n_tasks, threads, sizeof threads);
    if (scene->target.nice)
        snprintf(nice, sizeof nice, " · nice %d", scene->target.nice);
    if (scene->is_replay) /* all that were seen, whenever they lived */
        snprintf(part->text[1], sizeof part->text[1], "%s thread%s", threads, n_tasks == 1 ? "" : "s");
    else
        snprintf(part->text[1], sizeof part->text[1], "%s process%s, %s thread%s", processes,
                 counts.n_processes == 1 ? "" : "es", threads, n_tasks == 1 ? "" : "s");
    snprintf(part->text[0], sizeof part->text[0], "%.50s · %u of %u core%s%s%s", part->text[1], chosen,
             scene->n_cpus, scene->n_cpus == 1 ? "" : "s", nice, policy_word(scene->target.policy));
    snprintf(part->text[2], sizeof part->text[2], "%s on %u", threads, chosen);
    part->paint = PAINT_TEXT;
}

static void fill_workload(const struct scene *scene, struct title_part *part)
{
    const struct workload *w = &scene->info.workload;
    const unsigned chosen = count_chosen(scene);
    if (scene->roster) {
        fill_counts(scene, part);
        return;
    }
    snprintf(part->text[1], sizeof part->text[1], "%u %s · %u of %u core%s", w->n_tasks,
             workload_kind_noun(w->kind, w->n_tasks), chosen, scene->n_cpus, scene->n_cpus == 1 ? "" : "s");
    snprintf(part->text[0], sizeof part->text[0], "%.64s · %s", part->text[1],
             workload_placement_name(w->placement));
    snprintf(part->text[2], sizeof part->text[2], "%u on %u", w->n_tasks, chosen);
    part->paint = PAINT_TEXT;
}

static void fill_source(const struct scene *scene, struct title_part *part)
{
    const struct session_info *info = &scene->info;
    const char *source = info->source ? info->source : "no source";
    char lost[32];
    view_count(info->n_lost, lost, sizeof lost);
    char exact[40];
    snprintf(exact, sizeof exact, "%s", info->exact ? "exact" : "samples");
    if (info->n_sampled)
        snprintf(exact, sizeof exact, "%u of %u exact", info->n_watched - info->n_sampled, info->n_watched);
    snprintf(part->text[0], sizeof part->text[0], "%s, %s, %s lost", source, exact, lost);
    if (info->n_lost)
        snprintf(part->text[1], sizeof part->text[1], "%s, %s lost", source, lost);
    else
        snprintf(part->text[1], sizeof part->text[1], "%s, %s", source, exact);
    if (info->n_lost)
        snprintf(part->text[2], sizeof part->text[2], "%s lost", lost);
    else
        snprintf(part->text[2], sizeof part->text[2], info->n_sampled ? "%s, in part" : "%s", source);
    part->paint = info->n_lost ? PAINT_ALERT : session_info_is_whole(info) ? PAINT_GOOD : PAINT_WARN;
}

/* What is recorded now; or of what was, where and when. */
static void fill_tape(const struct scene *scene, struct title_part *part)
{
    const struct session_recording *r = &scene->recording;
    char host[24], date[24];
    if (scene->is_replay) {
        export_safe_name(scene->origin.host ? scene->origin.host : "", host, sizeof host);
        snprintf(date, sizeof date, "%.16s", scene->origin.date ? scene->origin.date : "");
        if (strlen(date) > 10)
            date[10] = ' ';
        snprintf(part->text[2], sizeof part->text[2], "%s", date[0] ? "recording" : "recorded");
        snprintf(part->text[1], sizeof part->text[1], "recorded%s%.10s", date[0] ? " " : "", date);
        snprintf(part->text[0], sizeof part->text[0], "recorded%s%s%s%s", date[0] ? " " : "", date,
                 host[0] ? " on " : "", host);
        part->paint = PAINT_STRONG;
    } else if (r->is_on) {
        if (r->n_bytes < 1000000)
            snprintf(part->text[0], sizeof part->text[0], "REC %u kB", (unsigned)(r->n_bytes / 1000));
        else
            snprintf(part->text[0], sizeof part->text[0], "REC %.1f MB", (double)r->n_bytes / 1e6);
        snprintf(part->text[1], sizeof part->text[1], "REC");
        snprintf(part->text[2], sizeof part->text[2], "REC");
        part->paint = PAINT_ALERT;
        part->attr = CELL_BOLD;
    }
}

/* Where in the recording: the instant that the mode is about. */
static void fill_position(const struct scene *scene, struct title_part *part)
{
    const struct viewport *vp = &scene->viewport;
    const uint64_t t_ns = vp->mode == MODE_PAUSED ? vp->cursor_ns
                          : vp->mode == MODE_SLOW ? vp->playhead_ns
                                                  : vp->live_ns;
    char at[32], of[32];
    export_duration(t_ns > scene->replay_first_ns ? t_ns - scene->replay_first_ns : 0, at, sizeof at);
    export_duration(scene->replay_last_ns - scene->replay_first_ns, of, sizeof of);
    snprintf(part->text[0], sizeof part->text[0], "%.40s, at %.20s of %.20s", part->text[1], at, of);
}

static void fill_mode(const struct scene *scene, struct title_part *part)
{
    const struct viewport *vp = &scene->viewport;
    const char *mode = viewport_mode_name(vp->mode);
    char span[32], slow[32] = "", duration[32];
    view_span_text(viewport_span_ns(vp), span, sizeof span);
    if (vp->mode == MODE_SLOW)
        snprintf(slow, sizeof slow, " 1/%u", vp->slowness);
    snprintf(part->text[1], sizeof part->text[1], "%s%s · %s", mode, slow, span);
    if (scene->is_replay)
        fill_position(scene, part);
    else if ((vp->mode == MODE_SLOW || vp->mode == MODE_PAUSED) && vp->behind_ns)
        snprintf(part->text[0], sizeof part->text[0], "%.60s, %s behind", part->text[1],
                 export_duration(vp->behind_ns, duration, sizeof duration));
    else
        memcpy(part->text[0], part->text[1], sizeof part->text[0]);
    snprintf(part->text[2], sizeof part->text[2], "%s%s", mode, slow);
    part->paint = PAINT_ACCENT;
    part->attr = CELL_BOLD;
}

static int parts_cols(const struct title_part *parts)
{
    int cols = 2 - PART_GAP;
    for (int i = 0; i < N_PARTS; i++)
        if (*part_text(&parts[i]))
            cols += canvas_text_cols(part_text(&parts[i])) + PART_GAP + (i == PART_SOURCE ? 2 : 0);
    return cols;
}

/* Cuts parts short, and then leaves them out, in this order until all fit. */
static void make_fit(struct title_part *parts, int cols)
{
    static const struct {
        enum part_name part;
        int level;
    } steps[] = {{PART_WORKLOAD, 1}, {PART_TAPE, 1}, {PART_NAME, 1},   {PART_SOURCE, 1}, {PART_WORKLOAD, 2},
                 {PART_MODE, 1},     {PART_TAPE, 2}, {PART_SOURCE, 2}, {PART_NAME, 3},   {PART_MODE, 2},
                 {PART_WORKLOAD, 3}, {PART_TAPE, 3}, {PART_SOURCE, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && parts_cols(parts) > cols; i++)
        parts[steps[i].part].level = steps[i].level;
}

void view_title(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct title_part parts[N_PARTS] = {0};
    if (rect.rows < 1)
        return;
    fill_name(scene, &parts[PART_NAME]);
    fill_workload(scene, &parts[PART_WORKLOAD]);
    fill_source(scene, &parts[PART_SOURCE]);
    fill_tape(scene, &parts[PART_TAPE]);
    fill_mode(scene, &parts[PART_MODE]);
    make_fit(parts, rect.cols);

    canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_BAR, 0);
    int x = rect.x + 1, end = rect.x + rect.cols - 1;
    for (int i = 0; i < N_PARTS; i++) {
        const char *text = part_text(&parts[i]);
        if (!*text)
            continue;
        if (i == PART_MODE && end - canvas_text_cols(text) > x)
            x = end - canvas_text_cols(text);
        if (i == PART_SOURCE) {
            canvas_put(canvas, x, rect.y, scene->glyphs->bullet, parts[i].paint, PAINT_BAR, 0);
            x += 2;
        }
        x += canvas_text(canvas, x, rect.y, end - x, parts[i].paint, PAINT_BAR, parts[i].attr, text) +
             PART_GAP;
    }
    view_to_ascii(scene, canvas, rect);
}

void view_keys(struct canvas *canvas, struct rect rect, const struct key_label *items, unsigned n)
{
    int x = rect.x + 1, end = rect.x + rect.cols - 1;
    if (rect.rows < 1)
        return;
    canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.cols, 1}, ' ', PAINT_TEXT, PAINT_BAR, 0);
    for (unsigned i = 0; i < n; i++) {
        int need = canvas_text_cols(items[i].key) + 1 + canvas_text_cols(items[i].label) + items[i].is_lit;
        if (x + need > end)
            break;
        x += canvas_text(canvas, x, rect.y, need, PAINT_ACCENT, PAINT_BAR, CELL_BOLD, items[i].key) + 1;
        x += canvas_text(canvas, x, rect.y, need, items[i].is_lit ? PAINT_GOOD : PAINT_TEXT, PAINT_BAR,
                         items[i].is_lit ? CELL_BOLD : 0, items[i].label);
        if (items[i].is_lit)
            x += canvas_text(canvas, x, rect.y, 1, PAINT_GOOD, PAINT_BAR, CELL_BOLD, "*");
        x += 2;
    }
}
