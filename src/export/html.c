/* A page for a browser that needs nothing else: all that is known of the window, packed, and the script that
 * draws it. The page's frame and its sentence stand in it as text, for who has no script. */
#include "figure.h"

#include "../clock.h"
#include "../jsonc.h"
#include "../timeline/waits.h"
#include "packed.h"
#include "page.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_VERSION  1
#define MAX_CHARS     8.8 /* for each slice of a large page: above it times are told less finely */
#define LARGE_CHARS   (768u * 1024)
#define MAX_UNIT_NS   NS_PER_US
#define MAX_UNITS     (UINT64_C(1) << 44) /* of the window: the script's numbers are exact far beyond */
#define SAMPLE_BINS   1000u
#define MIN_OTHERS_NS TIMELINE_MAX_SWITCH_NS

/* What the numbers are: each kind is packed by its own mean. */
enum kind {
    KIND_FLAGS,
    KIND_GAP,
    KIND_WAIT,
    KIND_LENGTH,
    KIND_CPU,
    KIND_REASON,
    KIND_OTHERS_GAP,
    KIND_OTHERS
};

/* Of a slice; the lowest three bits are its enum slice_end. */
enum { FLAG_GAP = 8, FLAG_WAIT = 16, FLAG_CPU = 32, FLAG_REASON = 64 };

/* Why tasks were blocked: texts, each once. */
struct reasons {
    char **texts;
    unsigned n, room, *slots;
};

#define REASON_SLOTS 8192u
#define MAX_REASONS  (REASON_SLOTS / 2)

struct page {
    const struct figure *f;
    uint64_t unit_ns;
    struct packer packer;
    struct reasons reasons;
    uint64_t n_slices;
};

/* ---- JSON ---- */

static void put_figure(struct json_object *o, const char *key, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.4f", value);
    jsonc_put(o, key, json_object_new_double_s(value, text));
}

/* Made harmless: JSON is UTF-8, and what stands in the page commands nobody. */
static struct json_object *text_of(const char *text)
{
    const size_t size = 4 * strlen(text) + 1;
    char *safe = mem_new(size, 1);
    export_safe_name(text, safe, size);
    struct json_object *o = json_object_new_string(safe);
    free(safe);
    return o;
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
    jsonc_put(o, key, text ? text_of(text) : NULL);
}

/* ---- time: units from the window's beginning ---- */

static int64_t units(const struct page *p, uint64_t t_ns)
{
    const uint64_t start_ns = p->f->start_ns;
    return t_ns >= start_ns ? (int64_t)((t_ns - start_ns) / p->unit_ns)
                            : -(int64_t)((start_ns - t_ns + p->unit_ns - 1) / p->unit_ns);
}

static struct json_object *time_of(const struct page *p, uint64_t t_ns)
{
    return json_object_new_int64(units(p, t_ns));
}

/* Of what a wild clock told, the part that can be packed. */
static uint64_t between(int64_t from, int64_t to)
{
    const uint64_t most = (UINT64_C(1) << PACKED_BITS) - 1;
    return to <= from ? 0 : (uint64_t)(to - from) < most ? (uint64_t)(to - from) : most;
}

/* ---- reasons ---- */

static unsigned hash_of(const char *text)
{
    unsigned hash = 2166136261u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

/* Its number from 1, 0 when there are too many. */
static unsigned find_reason(struct reasons *reasons, const char *text)
{
    if (!reasons->slots)
        reasons->slots = mem_new(REASON_SLOTS, sizeof *reasons->slots);
    unsigned slot = hash_of(text) % REASON_SLOTS;
    while (reasons->slots[slot] && strcmp(reasons->texts[reasons->slots[slot] - 1], text) != 0)
        slot = (slot + 1) % REASON_SLOTS;
    if (reasons->slots[slot] || reasons->n == MAX_REASONS)
        return reasons->slots[slot];
    if (reasons->n == reasons->room) {
        reasons->room = reasons->room ? 2 * reasons->room : 16;
        reasons->texts = mem_resize(reasons->texts, reasons->room, sizeof *reasons->texts);
    }
    char *copy = mem_new(strlen(text) + 1, 1);
    reasons->texts[reasons->n++] = strcpy(copy, text);
    return reasons->slots[slot] = reasons->n;
}

/* Durations are other ones at each instant: they are left out. */
static void cut_duration(char *text, const char *word)
{
    char *found = NULL;
    for (char *at = strstr(text, word); at; at = strstr(at + 1, word))
        found = at;
    if (found && found[strlen(word)] >= '0' && found[strlen(word)] <= '9')
        *found = '\0';
}

/* Why the task was blocked from t_ns on; 0: nothing was told. */
static unsigned reason_at(struct page *p, uint32_t task, uint64_t t_ns)
{
    char text[192];
    waits_text(p->f->tl, task, t_ns, text, sizeof text);
    cut_duration(text, " for ");
    cut_duration(text, " until +");
    return strchr(text, ' ') || strcmp(text, "sleeps") == 0 ? find_reason(&p->reasons, text) : 0;
}

static void reasons_fini(struct reasons *reasons)
{
    for (unsigned i = 0; i < reasons->n; i++)
        free(reasons->texts[i]);
    free(reasons->texts);
    free(reasons->slots);
    *reasons = (struct reasons){0};
}

/* ---- tasks and their slices ---- */

/* Where packing stands within a task. */
struct trail {
    int64_t at; /* in units: what is before is told */
    unsigned flags, reason, last_reason;
    int cpu;
    uint64_t n;
};

static void pack_slice(struct page *p, struct trail *trail, const struct slice *slice)
{
    const uint64_t wait_ns = slice->runnable_ns < slice->start_ns ? slice->runnable_ns : slice->start_ns;
    int64_t wait_at = units(p, slice->start_ns - wait_ns);
    if (wait_at < trail->at)
        wait_at = trail->at;
    const int64_t start = units(p, slice->start_ns) > wait_at ? units(p, slice->start_ns) : wait_at;
    const uint64_t gap = between(trail->at, wait_at), wait = between(wait_at, start),
                   length = between(start, units(p, slice->end_ns));
    const unsigned reason = gap ? trail->reason : trail->last_reason;
    const unsigned flags = (unsigned)slice->end | (gap ? FLAG_GAP : 0) | (wait ? FLAG_WAIT : 0) |
                           (slice->cpu != trail->cpu ? FLAG_CPU : 0) |
                           (reason != trail->last_reason ? FLAG_REASON : 0);
    packer_put(&p->packer, KIND_FLAGS, flags ^ trail->flags);
    if (flags & FLAG_CPU)
        packer_put(&p->packer, KIND_CPU, (uint64_t)slice->cpu + 1);
    if (flags & FLAG_REASON)
        packer_put(&p->packer, KIND_REASON, reason);
    if (gap)
        packer_put(&p->packer, KIND_GAP, gap);
    if (wait)
        packer_put(&p->packer, KIND_WAIT, wait);
    packer_put(&p->packer, KIND_LENGTH, length);
    trail->at += (int64_t)(gap + wait + length);
    trail->flags = flags;
    trail->cpu = slice->cpu;
    trail->last_reason = reason;
    trail->reason = 0;
    trail->n++;
}

/* A stretch without a slice that the script cannot know by itself: what is unknown, and what comes last. */
static void add_stretch(const struct page *p, struct json_object *stretches, const struct figure_state *state,
                        unsigned reason)
{
    struct json_object *one = jsonc_array();
    jsonc_add(one, json_object_new_int((int)state->state));
    jsonc_add(one, time_of(p, state->start_ns));
    jsonc_add(one, time_of(p, state->end_ns));
    jsonc_add(one, json_object_new_int((int)reason));
    jsonc_add(stretches, one);
}

/* Whether the script knows a state from the slices: a wait just before one, and what lies before that. */
static bool is_implied(const struct figure_states *states, const struct figure_state *state)
{
    if (!states->has_next)
        return false;
    return state->state == STATE_BLOCKED ||
           (state->state == STATE_RUNNABLE && state->end_ns == states->next.start_ns);
}

/* Packs the slices of a task; its other stretches are listed. */
static struct json_object *pack_task(struct page *p, const struct figure_task *t, struct json_object *o)
{
    struct figure_states states;
    struct figure_state state;
    struct json_object *stretches = jsonc_array();
    struct trail trail = {.cpu = -1};
    figure_states_init(&states, p->f->tl, &t->task, p->f->start_ns, p->f->end_ns);
    trail.at = units(p, states.t_ns);
    jsonc_put(o, "from", json_object_new_int64(trail.at));
    while (figure_states_next(&states, &state)) {
        const unsigned reason =
            state.state == STATE_BLOCKED ? reason_at(p, t->task.index, state.start_ns) : 0;
        if (state.state == STATE_RUNNING)
            pack_slice(p, &trail, &state.slice);
        else if (!is_implied(&states, &state))
            add_stretch(p, stretches, &state, reason);
        if (reason)
            trail.reason = reason;
    }
    p->n_slices += trail.n;
    jsonc_put_u64(o, "n", trail.n);
    jsonc_put(o, "stretches", stretches);
    return o;
}

static struct json_object *task_samples(const struct page *p, const struct figure_task *t, struct bin *bins)
{
    const struct figure *f = p->f;
    struct json_object *list = jsonc_array();
    timeline_task_bins(f->tl, t->task.index, f->start_ns, f->end_ns - f->start_ns, SAMPLE_BINS, bins);
    for (unsigned i = 0; i < SAMPLE_BINS; i++) {
        if (bins[i].n_samples)
            jsonc_add(list, json_object_new_int((int)i));
    }
    return list;
}

/* Of a task whose run is over: what the report has of the tasks of the last run. */
static struct json_object *past(const struct page *p, const struct task *t)
{
    const struct kernel_counts *k = &t->kernel;
    struct json_object *o = jsonc_object(), *kernel = jsonc_object(), *slice_ns = NULL;
    if (p->f->report->info.exact) {
        jsonc_put_u64(o, "run_ns", t->run_ns);
        jsonc_put_u64(o, "runnable_ns", t->runnable_ns);
        jsonc_put_u64(o, "blocked_ns", t->blocked_ns);
    }
    if (t->slice_ns && t->slice_ns->n) {
        slice_ns = jsonc_object();
        jsonc_put_u64(slice_ns, "p50", histogram_quantile(t->slice_ns, 0.5));
    }
    jsonc_put(o, "slice_ns", slice_ns);
    jsonc_put_u64(o, "slices", t->n_slices);
    jsonc_put_u64(o, "voluntary", t->n_voluntary);
    jsonc_put_u64(o, "involuntary", t->n_involuntary);
    jsonc_put_u64(o, "migrations", t->n_migrations);
    jsonc_put(kernel, "voluntary",
              k->has_switches ? json_object_new_uint64(k->voluntary - k->base_voluntary) : NULL);
    jsonc_put(kernel, "involuntary",
              k->has_switches ? json_object_new_uint64(k->involuntary - k->base_involuntary) : NULL);
    jsonc_put(o, "kernel", kernel);
    return o;
}

static struct json_object *task(struct page *p, const struct figure_task *t)
{
    const bool is_past = t->kin == FIGURE_WORKLOAD && t->task.run && t->task.run != p->f->report->run.number;
    static const char *const kins[] = {
        [FIGURE_WORKLOAD] = "workload", [FIGURE_OWN] = "own", [FIGURE_OTHER] = "other"};
    struct json_object *o = jsonc_object();
    jsonc_put(o, "tid", json_object_new_int(t->task.tid));
    jsonc_put(o, "pid", json_object_new_int(t->task.pid));
    put_text(o, "name", t->name);
    put_text(o, "letter", t->letter);
    jsonc_put(o, "colour", json_object_new_int((int)t->colour));
    put_text(o, "kin", t->task.role == ROLE_HOST ? "host" : kins[t->kin]);
    jsonc_put(o, "green", json_object_new_boolean(t->task.kind == TASK_GREEN));
    jsonc_put(o, "run", json_object_new_int(t->task.run));
    jsonc_put(o, "past", is_past ? past(p, &t->task) : NULL);
    return pack_task(p, t, o);
}

static struct json_object *tasks(struct page *p)
{
    struct json_object *list = jsonc_array();
    struct bin *bins = p->f->report->info.exact ? NULL : mem_new(SAMPLE_BINS, sizeof *bins);
    for (unsigned i = 0; i < p->f->n_tasks; i++) {
        struct json_object *o = task(p, &p->f->tasks[i]);
        if (bins)
            jsonc_put(o, "samples", task_samples(p, &p->f->tasks[i], bins));
        jsonc_add(list, o);
    }
    free(bins);
    return list;
}

/* ---- CPUs ---- */

/* Gaps in which somebody unseen had the CPU, packed. Returns how many. */
static uint64_t pack_others(struct page *p, const struct figure_cpu *c)
{
    const struct figure *f = p->f;
    struct figure_walk walk;
    struct slice slice;
    uint64_t n = 0, gap_ns = f->start_ns;
    int64_t at = 0;
    figure_walk_cpu(&walk, f->tl, c->cpu, f->start_ns);
    for (bool more = true; more;) {
        more = figure_walk_next(&walk, &slice) && slice.start_ns < f->end_ns;
        const uint64_t end_ns = more ? slice.start_ns : f->end_ns;
        struct bin bin = {0};
        if (end_ns > gap_ns && end_ns - gap_ns > MIN_OTHERS_NS)
            timeline_cpu_sum(f->tl, c->cpu, gap_ns, end_ns - gap_ns, &bin);
        if (bin.others_ns > 0 && bin.others_ns >= (end_ns - gap_ns) / 2) {
            const int64_t from = units(p, gap_ns), to = units(p, end_ns);
            packer_put(&p->packer, KIND_OTHERS_GAP, between(at, from));
            packer_put(&p->packer, KIND_OTHERS, between(from, to));
            at = to;
            n++;
        }
        gap_ns = more && slice.end_ns > gap_ns ? slice.end_ns : gap_ns;
    }
    return n;
}

static struct json_object *cpu_samples(const struct page *p, const struct figure_cpu *c)
{
    const struct figure *f = p->f;
    struct json_object *list = jsonc_array();
    struct bin *bins = mem_new(SAMPLE_BINS, sizeof *bins);
    timeline_cpu_bins(f->tl, c->cpu, f->start_ns, f->end_ns - f->start_ns, SAMPLE_BINS, bins);
    for (unsigned i = 0; i < SAMPLE_BINS; i++) {
        const struct figure_task *t = bins[i].n_samples ? figure_task(f, bins[i].lead[0].who) : NULL;
        if (!t)
            continue;
        jsonc_add(list, json_object_new_int((int)i));
        jsonc_add(list, json_object_new_int((int)(t - f->tasks)));
    }
    free(bins);
    return list;
}

static struct json_object *cpus(struct page *p)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < p->f->n_cpus; i++) {
        const struct figure_cpu *c = &p->f->cpus[i];
        struct json_object *o = jsonc_object();
        jsonc_put(o, "cpu", json_object_new_int(c->cpu));
        jsonc_put(o, "off", json_object_new_boolean(c->is_off));
        jsonc_put_u64(o, "n_others", pack_others(p, c));
        if (!p->f->report->info.exact)
            jsonc_put(o, "samples", cpu_samples(p, c));
        jsonc_add(list, o);
    }
    return list;
}

/* ---- the rest ---- */

static struct json_object *marks(const struct page *p)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < timeline_n_marks(p->f->tl); i++) {
        const struct mark *mark = timeline_mark(p->f->tl, i);
        if (mark->time_ns < p->f->start_ns || mark->time_ns >= p->f->end_ns)
            continue;
        struct json_object *one = jsonc_array();
        jsonc_add(one, time_of(p, mark->time_ns));
        jsonc_add(one, text_of(mark->text));
        jsonc_add(list, one);
    }
    return list;
}

static struct json_object *holes(const struct page *p)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < timeline_n_holes(p->f->tl); i++) {
        const struct hole *hole = timeline_hole(p->f->tl, i);
        if (hole->end_ns <= p->f->start_ns || hole->start_ns >= p->f->end_ns)
            continue;
        struct json_object *one = jsonc_array();
        jsonc_add(one, json_object_new_int(hole->cpu));
        jsonc_add(one, time_of(p, hole->start_ns));
        jsonc_add(one, time_of(p, hole->end_ns));
        jsonc_add(one, json_object_new_uint64(hole->n_lost));
        jsonc_add(list, one);
    }
    return list;
}

static struct json_object *alerts(const struct page *p)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < p->f->report->n_alerts; i++) {
        const struct alert *alert = p->f->report->alerts[i];
        if (!figure_has_alert(p->f, alert))
            continue;
        struct json_object *one = jsonc_array();
        jsonc_add(one, time_of(p, alert->time_ns));
        jsonc_add(one, json_object_new_string(figure_alert_name(alert)));
        jsonc_add(list, one);
    }
    return list;
}

static struct json_object *reason_texts(const struct page *p)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < p->reasons.n; i++)
        jsonc_add(list, text_of(p->reasons.texts[i]));
    return list;
}

static void put_summary(const struct figure *f, struct json_object *o)
{
    const struct figure_sums *s = &f->sums;
    char text[96];
    put_figure(o, "parallelism", s->parallelism);
    put_figure(o, "concurrency", s->concurrency);
    put_figure(o, "fairness", s->fairness);
    jsonc_put_u64(o, "tasks_in_progress", s->n_tasks);
    jsonc_put_u64(o, "n_switches", s->n_switches);
    jsonc_put_u64(o, "n_voluntary", s->n_voluntary);
    jsonc_put_u64(o, "n_forced", s->n_forced);
    put_text(o, "switches", figure_switches(f, text, sizeof text));
    jsonc_put(o, "cost_ns", f->report->cost_known ? json_object_new_uint64(f->report->cost_p50_ns) : NULL);
}

/* All but the packed numbers, which are made meanwhile. */
static struct json_object *describe(struct page *p)
{
    const struct figure *f = p->f;
    struct json_object *o = jsonc_object();
    jsonc_put(o, "version", json_object_new_int(PAGE_VERSION));
    jsonc_put(o, "exact", json_object_new_boolean(f->report->info.exact));
    jsonc_put(o, "all", json_object_new_boolean(f->report->info.all));
    jsonc_put_u64(o, "unit_ns", p->unit_ns);
    jsonc_put_u64(o, "start_ns", f->start_ns);
    jsonc_put_u64(o, "span", (uint64_t)units(p, f->end_ns));
    put_summary(f, o);
    jsonc_put(o, "tasks", tasks(p));
    jsonc_put(o, "cpus", cpus(p));
    jsonc_put(o, "marks", marks(p));
    jsonc_put(o, "holes", holes(p));
    jsonc_put(o, "alerts", alerts(p));
    jsonc_put(o, "reasons", reason_texts(p));
    return o;
}

/* ---- the page ---- */

/* JSON inside a script element: nothing in it may end the element. */
static void write_json(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
}

static void write_report(const struct report *report, FILE *out)
{
    char *text;
    size_t size;
    FILE *stream = figure_stream(&text, &size);
    export_json(report, stream);
    fclose(stream);
    write_json(text, out);
    free(text);
}

static void write_head(const struct figure *f, FILE *out)
{
    char title[512];
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
    fprintf(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-%s'; "
        "style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'\">\n",
        page_script_hash, page_style_hash);
    fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    figure_put_text(figure_title(f, title, sizeof title), out);
    fprintf(out, " \u00b7 schedviz</title>\n<style>%s</style>\n</head>\n<body>\n", page_style);
}

static void write_header(const struct figure *f, FILE *out)
{
    char title[512], text[256], span[80];
    const struct session_info *info = &f->report->info;
    fputs("<header>\n<div id=\"what\">\n<h1>", out);
    figure_put_text(figure_title(f, title, sizeof title), out);
    fputs("</h1>\n<p>", out);
    figure_put_text(figure_workload(f, text, sizeof text), out);
    fprintf(out, " \u00b7 %s</p>\n<p id=\"source\" class=\"%s\">", figure_span(f, span, sizeof span),
            info->n_lost                  ? "bad"
            : session_info_is_whole(info) ? "good"
                                          : "fair");
    figure_put_text(figure_source(f, text, sizeof text), out);
    fputs("</p>\n</div>\n<div id=\"tools\" role=\"toolbar\" aria-label=\"Time\"></div>\n</header>\n", out);
    for (unsigned i = 0; i < f->report->n_alerts; i++) {
        const struct alert *alert = f->report->alerts[i];
        if (!figure_has_alert(f, alert))
            continue;
        fprintf(out, "<p class=\"alert%s\" role=\"alert\">",
                alert->kind == ALERT_DEADLOCK ? " deadlock" : "");
        figure_put_text(alert->text, out);
        fputs("</p>\n", out);
    }
}

static void write_summary(const struct figure *f, FILE *out)
{
    static const char *const classes[] = {
        [WORD_IS_INTERLEAVED] = "fair", [WORD_IS_PARALLEL] = "good", [WORD_IS_MIXED] = "mixed"};
    const struct figure_sums *s = &f->sums;
    char text[256], cost[32];
    const char *class =
        f->report->info.exact && s->word < sizeof classes / sizeof *classes && classes[s->word]
            ? classes[s->word]
            : "plain";
    fprintf(out, "<section id=\"summary\" aria-label=\"Summary\">\n<p><strong class=\"%s\">%s</strong> ",
            class, figure_word(f));
    figure_put_text(figure_explain(f, text, sizeof text), out);
    fputs("</p>\n", out);
    if (f->report->info.exact) {
        fprintf(out,
                "<dl>\n<div><dt>running at once</dt><dd>%.2f <small>of %.2f in progress</small></dd></div>\n"
                "<div><dt>switches</dt><dd>%s</dd></div>\n",
                s->parallelism, s->concurrency, figure_switches(f, text, sizeof text));
        if (f->report->cost_known)
            fprintf(out, "<div><dt>a switch costs</dt><dd>%s</dd></div>\n",
                    figure_duration(f->report->cost_p50_ns, cost, sizeof cost));
        if (s->n_tasks > 1)
            fprintf(out, "<div><dt>fairness</dt><dd>%.3f</dd></div>\n", s->fairness);
        fputs("</dl>\n", out);
    }
    fputs("</section>\n", out);
}

static const char frame[] =
    "<main>\n"
    "<div id=\"scope\">\n"
    "<canvas id=\"lanes\" tabindex=\"0\" role=\"application\" aria-roledescription=\"timeline\""
    " aria-label=\"Lanes by core and by task\" aria-describedby=\"detail\"></canvas>\n"
    "<div id=\"room\"></div>\n"
    "</div>\n"
    "<p id=\"detail\" role=\"status\" aria-live=\"polite\">&nbsp;</p>\n"
    "<div id=\"legend\" aria-label=\"Legend\"></div>\n"
    "<section id=\"tasks\" aria-label=\"Tasks\"><div id=\"table\"></div></section>\n"
    "<noscript><p>The lanes are drawn by the script of this page, which this browser does not "
    "run.</p></noscript>\n"
    "</main>\n"
    "<dialog id=\"help\" aria-label=\"Keys\"></dialog>\n";

static void write_page(const struct page *p, struct json_object *data, const char *packed, FILE *out)
{
    const struct figure *f = p->f;
    char text[320];
    write_head(f, out);
    write_header(f, out);
    write_summary(f, out);
    fputs(frame, out);
    fputs("<footer>", out);
    figure_put_text(figure_origin(f, text, sizeof text), out);
    fputs("</footer>\n", out);
    fputs("<script type=\"application/json\" id=\"data\">", out);
    write_json(json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
               out);
    fputs("</script>\n<script type=\"application/json\" id=\"report\">", out);
    write_report(f->report, out);
    fprintf(out, "</script>\n<script type=\"text/plain\" id=\"packed\">%s</script>\n<script>%s</script>\n",
            packed, page_script);
    fputs("</body>\n</html>\n", out);
}

/* The page with times in this unit; false when it would be too large and can be smaller. */
static bool try_unit(struct page *p, FILE *out)
{
    char *packed;
    size_t size;
    FILE *stream = figure_stream(&packed, &size);
    p->n_slices = 0;
    packer_init(&p->packer, stream);
    struct json_object *data = describe(p);
    packer_finish(&p->packer);
    fclose(stream);
    const bool fits =
        size <= LARGE_CHARS || (double)size <= MAX_CHARS * (double)p->n_slices || p->unit_ns >= MAX_UNIT_NS;
    if (fits)
        write_page(p, data, packed, out);
    json_object_put(data);
    free(packed);
    reasons_fini(&p->reasons);
    return fits;
}

bool export_html(const struct report *report, const struct timeline *tl, const struct export_window *window,
                 FILE *out)
{
    struct figure f;
    figure_init(&f, report, tl, window);
    struct page p = {.f = &f, .unit_ns = 1};
    while ((f.end_ns - f.start_ns) / p.unit_ns >= MAX_UNITS)
        p.unit_ns *= 10;
    while (!try_unit(&p, out))
        p.unit_ns *= 10;
    figure_fini(&f);
    return fflush(out) == 0 && !ferror(out);
}
