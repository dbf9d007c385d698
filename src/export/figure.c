/* A window of the timeline with its lanes and its figures, for the formats that draw. */
#include "figure.h"

#include "../clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- lanes ---- */

static bool is_own(const struct task *task)
{
    return task->role == ROLE_OBSERVER || task->role == ROLE_HOST;
}

/* Processes of a program take a colour each in the order in which they appear, their threads those after it.
 */
struct family {
    int32_t pid;
    unsigned colour, n_threads;
    char name[EVENT_NAME_SIZE];
};

struct families {
    struct family *all;
    unsigned n, room;
};

static struct family *family_of(struct families *families, const struct task *task)
{
    for (unsigned i = families->n; i-- > 0;) {
        if (families->all[i].pid == task->pid)
            return &families->all[i];
    }
    if (families->n == families->room) {
        families->room = families->room ? 2 * families->room : 16;
        families->all = mem_resize(families->all, families->room, sizeof *families->all);
    }
    struct family *family = &families->all[families->n];
    *family = (struct family){.pid = task->pid, .colour = families->n};
    memcpy(family->name, task->name, sizeof family->name);
    families->n++;
    return family;
}

static void call_by_name(struct figure_task *t, struct families *families)
{
    struct family *family = family_of(families, &t->task);
    const unsigned number = family->n_threads++;
    t->colour = (family->colour + number) % FIGURE_COLOURS;
    if (number > 0) {
        snprintf(t->letter, sizeof t->letter, "%u", number % 1000000);
        if (strcmp(family->name, t->task.name) == 0)
            snprintf(t->name + strlen(t->name), sizeof t->name - strlen(t->name), "/%u", number);
        return;
    }
    const char first = t->name[0];
    snprintf(t->letter, sizeof t->letter, "%c",
             first > ' ' && first < 0x7f ? (char)tolower((unsigned char)first) : '?');
}

static void fill_face(struct figure_task *t, struct families *families)
{
    char letter[EVENT_NAME_SIZE];
    export_safe_name(t->task.name, t->name, 4 * EVENT_NAME_SIZE);
    if (!t->name[0])
        snprintf(t->name, sizeof t->name, "%d", t->task.tid);
    if (t->kin != FIGURE_WORKLOAD)
        return;
    if (t->task.slot >= 0) {
        t->colour = (unsigned)t->task.slot % FIGURE_COLOURS;
        snprintf(t->letter, sizeof t->letter, "%.3s", workload_task_name((unsigned)t->task.slot, letter));
    } else {
        call_by_name(t, families);
    }
    if (t->task.carries) /* the colours are those of the tasks that it carries */
        t->colour = FIGURE_COLOURS - 1;
}

static bool is_shown(const struct figure *f, const struct figure_task *t)
{
    if (t->task.first_ns >= f->end_ns || (t->task.exited && t->task.last_ns < f->start_ns))
        return false;
    return t->kin == FIGURE_WORKLOAD || t->sum.run_ns > 0 || t->sum.n_switches > 0 || t->sum.n_samples > 0;
}

static void add_tasks(struct figure *f, enum figure_kin kin, struct families *families)
{
    for (uint32_t i = 0; i < timeline_n_tasks(f->tl); i++) {
        struct figure_task *t = &f->tasks[f->n_tasks];
        *t = (struct figure_task){0};
        timeline_task(f->tl, i, &t->task);
        t->kin = is_own(&t->task) ? FIGURE_OWN : t->task.role == ROLE_OTHER ? FIGURE_OTHER : FIGURE_WORKLOAD;
        if (t->kin != kin)
            continue;
        fill_face(t, families);
        timeline_task_sum(f->tl, i, f->start_ns, f->end_ns - f->start_ns, &t->sum);
        if (is_shown(f, t))
            f->places[i] = f->n_tasks++;
    }
}

/* Runs one after the other, their tasks by name; a program's in the order in which they appeared. */
static int compare_tasks(const void *a, const void *b)
{
    const struct task *x = &((const struct figure_task *)a)->task,
                      *y = &((const struct figure_task *)b)->task;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    if (x->slot != y->slot) /* those without one are last */
        return (uint32_t)x->slot < (uint32_t)y->slot ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void sort_workload(struct figure *f)
{
    qsort(f->tasks, f->n_workload, sizeof *f->tasks, compare_tasks);
    for (unsigned i = 0; i < f->n_workload; i++)
        f->places[f->tasks[i].task.index] = i;
}

#define SAMPLE_BINS 1000u

/* A CPU has the samples of all that was seen there, schedviz itself too. */
static bool is_sampled_by_workload(const struct figure *f, int cpu)
{
    struct bin *bins = mem_new(SAMPLE_BINS, sizeof *bins);
    bool is_sampled = false;
    timeline_cpu_bins(f->tl, cpu, f->start_ns, f->end_ns - f->start_ns, SAMPLE_BINS, bins);
    for (unsigned i = 0; i < SAMPLE_BINS && !is_sampled; i++) {
        const struct figure_task *t = bins[i].n_samples ? figure_task(f, bins[i].lead[0].who) : NULL;
        is_sampled = t && t->kin == FIGURE_WORKLOAD;
    }
    free(bins);
    return is_sampled;
}

static bool has_workload(const struct figure *f, const struct figure_cpu *c)
{
    return c->sum.run_ns > c->sum.self_ns || (!f->report->info.exact && is_sampled_by_workload(f, c->cpu));
}

static void add_cpus(struct figure *f)
{
    const struct cpuset *chosen = &f->report->run.cpus;
    const int n = timeline_n_cpus(f->tl);
    f->cpus = mem_new((unsigned long)n + cpuset_count(chosen) + 1, sizeof *f->cpus);
    for (int cpu = 0; cpu < n || cpu < CPUSET_MAX; cpu++) {
        struct figure_cpu *c = &f->cpus[f->n_cpus];
        *c = (struct figure_cpu){.cpu = cpu, .is_chosen = cpuset_has(chosen, cpu)};
        if (cpu >= n && !c->is_chosen)
            continue;
        timeline_cpu_sum(f->tl, cpu, f->start_ns, f->end_ns - f->start_ns, &c->sum);
        c->is_off = !c->is_chosen && !has_workload(f, c);
        f->n_cpus += c->is_chosen || c->sum.run_ns > 0 || c->sum.n_switches > 0 || c->sum.n_samples > 0;
    }
}

/* ---- walks ---- */

void figure_walk_cpu(struct figure_walk *walk, const struct timeline *tl, int cpu, uint64_t from_ns)
{
    walk->tl = tl;
    walk->task = TIMELINE_NO_TASK;
    walk->cpu = cpu;
    walk->t_ns = from_ns;
    walk->n = walk->i = walk->n_seen = 0;
    walk->is_last = false;
}

void figure_walk_task(struct figure_walk *walk, const struct timeline *tl, uint32_t task, uint64_t from_ns)
{
    figure_walk_cpu(walk, tl, -1, from_ns);
    walk->task = task;
}

/* Slices may be too short for the clock: those that begin where the last one ended are found again. */
static void prepare_next(struct figure_walk *walk)
{
    const struct slice *last = &walk->slices[walk->n - 1];
    unsigned n_again = 0;
    walk->t_ns = last->end_ns;
    while (n_again < walk->n && walk->slices[walk->n - 1 - n_again].start_ns >= walk->t_ns)
        n_again++;
    walk->n_seen = n_again;
    if (n_again == walk->n) {
        walk->t_ns++;
        walk->n_seen = 0;
    }
}

static bool refill(struct figure_walk *walk)
{
    const unsigned max = sizeof walk->slices / sizeof *walk->slices;
    if (walk->is_last)
        return false;
    if (walk->n)
        prepare_next(walk);
    walk->n = walk->task == TIMELINE_NO_TASK
                  ? timeline_cpu_slices(walk->tl, walk->cpu, walk->t_ns, walk->slices, max)
                  : timeline_task_slices(walk->tl, walk->task, walk->t_ns, walk->slices, max);
    walk->is_last = walk->n < max;
    walk->i = walk->n_seen;
    return walk->i < walk->n;
}

bool figure_walk_next(struct figure_walk *walk, struct slice *slice)
{
    if (walk->i >= walk->n && !refill(walk))
        return false;
    *slice = walk->slices[walk->i++];
    return true;
}

static void states_advance(struct figure_states *states)
{
    states->has_next =
        figure_walk_next(&states->walk, &states->next) && states->next.start_ns < states->to_ns;
}

static uint64_t wait_start(const struct slice *slice)
{
    return slice->start_ns - (slice->runnable_ns < slice->start_ns ? slice->runnable_ns : slice->start_ns);
}

void figure_states_init(struct figure_states *states, const struct timeline *tl, const struct task *task,
                        uint64_t from_ns, uint64_t to_ns)
{
    figure_walk_task(&states->walk, tl, task->index, from_ns);
    states->to_ns = task->last_ns < to_ns ? task->last_ns : to_ns;
    states->t_ns = task->first_ns > from_ns ? task->first_ns : from_ns;
    states_advance(states);
    if (states->has_next && wait_start(&states->next) < states->t_ns)
        states->t_ns = wait_start(&states->next);
}

static void gap_state(struct figure_states *states, uint64_t gap_end_ns, struct figure_state *state)
{
    uint64_t since_ns, until_ns;
    int cpu;
    *state = (struct figure_state){.start_ns = states->t_ns, .end_ns = gap_end_ns};
    state->state =
        timeline_task_at(states->walk.tl, states->walk.task, states->t_ns, &since_ns, &until_ns, &cpu);
    if (state->state == STATE_RUNNING) /* of no length */
        state->state = STATE_UNKNOWN;
    if (until_ns > states->t_ns && until_ns < gap_end_ns)
        state->end_ns = until_ns;
    states->t_ns = state->end_ns;
}

bool figure_states_next(struct figure_states *states, struct figure_state *state)
{
    const uint64_t gap_end_ns = states->has_next ? wait_start(&states->next) : states->to_ns;
    if (states->t_ns < gap_end_ns) {
        gap_state(states, gap_end_ns, state);
        return true;
    }
    if (!states->has_next)
        return false;
    if (states->t_ns < states->next.start_ns) {
        *state = (struct figure_state){
            .state = STATE_RUNNABLE, .start_ns = states->t_ns, .end_ns = states->next.start_ns};
        states->t_ns = states->next.start_ns;
        return true;
    }
    *state = (struct figure_state){.state = STATE_RUNNING,
                                   .start_ns = states->next.start_ns,
                                   .end_ns = states->next.end_ns,
                                   .slice = states->next};
    states->t_ns = states->next.end_ns;
    states_advance(states);
    return true;
}

/* ---- the window in figures: the same ones as on the screen ---- */

struct outs {
    uint64_t n_whole, whole_ns;
};

static void count_slices(struct figure *f, const struct figure_task *t, struct outs *outs)
{
    struct figure_sums *s = &f->sums;
    struct figure_walk walk;
    struct slice slice;
    figure_walk_task(&walk, f->tl, t->task.index, s->lo_ns);
    while (figure_walk_next(&walk, &slice) && slice.start_ns < s->hi_ns) {
        const bool is_begun = slice.start_ns >= s->lo_ns;
        s->n_switches += is_begun;
        if (slice.end_ns >= s->hi_ns || slice.end == SLICE_OPEN)
            continue;
        s->n_voluntary += slice.end == SLICE_BLOCKED;
        s->n_forced += slice.end == SLICE_PREEMPTED;
        outs->n_whole += is_begun;
        outs->whole_ns += is_begun ? slice.end_ns - slice.start_ns : 0;
    }
}

static void add_cores(struct figure *f)
{
    struct figure_sums *s = &f->sums;
    const uint64_t span_ns = s->hi_ns - s->lo_ns;
    uint64_t others_ns = 0, own_ns = 0;
    for (unsigned i = 0; i < f->n_cpus; i++) {
        struct bin bin;
        timeline_cpu_sum(f->tl, f->cpus[i].cpu, s->lo_ns, span_ns, &bin);
        s->n_cores += (double)(bin.run_ns - bin.self_ns) * 100 > (double)span_ns;
        s->n_chosen += f->cpus[i].is_chosen;
        others_ns += bin.others_ns + (f->report->info.all && f->cpus[i].is_chosen ? bin.self_ns : 0);
    }
    for (unsigned i = 0; f->report->info.all && i < f->n_tasks; i++) {
        struct bin bin;
        if (f->tasks[i].kin != FIGURE_OWN)
            continue;
        timeline_task_sum(f->tl, f->tasks[i].task.index, s->lo_ns, span_ns, &bin);
        own_ns += bin.run_ns;
    }
    if (s->n_chosen && others_ns > own_ns)
        s->others_part = (double)(others_ns - own_ns) / (double)span_ns / s->n_chosen;
}

/* As the summary of the screen has it: who wants a core, and how many get one at a time. */
static enum figure_word word_of(const struct figure_sums *s)
{
    if (s->n_tasks == 0)
        return WORD_IS_NOTHING;
    if (s->parallelism < 0.05 && s->demand >= 0.75)
        return WORD_IS_WAITING;
    if (s->parallelism < 0.05 || (s->parallelism < 0.5 && s->demand < 0.75))
        return WORD_IS_IDLE;
    if ((s->demand >= 1.3 || s->n_active >= 2) && s->parallelism <= 1.1)
        return WORD_IS_INTERLEAVED;
    if (s->parallelism >= 1.3 && s->parallelism >= 0.9 * s->demand)
        return WORD_IS_PARALLEL;
    if (s->n_active < 2 && s->parallelism >= 0.9 * s->demand)
        return WORD_IS_ALONE;
    return WORD_IS_MIXED;
}

/* Before a run began and after its end there is nothing to judge. */
static void clip_to_run(struct figure *f)
{
    const struct report *r = f->report;
    const uint64_t end_ns = r->start_ns + r->duration_ns;
    f->sums = (struct figure_sums){.lo_ns = f->start_ns, .hi_ns = f->end_ns, .fairness = 1};
    if (r->start_ns > f->start_ns && r->start_ns < f->end_ns)
        f->sums.lo_ns = r->start_ns;
    if (r->duration_ns && end_ns > f->sums.lo_ns && end_ns < f->end_ns)
        f->sums.hi_ns = end_ns;
}

static void add_sums(struct figure *f)
{
    struct figure_sums *s = &f->sums;
    struct outs outs = {0};
    double *run_times = mem_new(f->n_workload + 1ul, sizeof *run_times), run = 0, sum = 0, squares = 0;
    clip_to_run(f);
    const double span = (double)(s->hi_ns - s->lo_ns);
    for (unsigned i = 0; i < f->n_workload; i++) {
        const struct figure_task *t = &f->tasks[i];
        struct bin bin;
        timeline_task_sum(f->tl, t->task.index, s->lo_ns, s->hi_ns - s->lo_ns, &bin);
        const double life = (double)bin.run_ns + (double)bin.runnable_ns + (double)bin.blocked_ns;
        if (life <= 0)
            continue;
        if (task_works(&t->task)) {
            run_times[s->n_tasks++] = (double)bin.run_ns;
            sum += (double)bin.run_ns;
            squares += (double)bin.run_ns * (double)bin.run_ns;
            s->concurrency += life / span;
            s->demand += ((double)bin.run_ns + (double)bin.runnable_ns) / span;
        }
        if (!task_counts(&t->task))
            continue;
        run += (double)bin.run_ns;
        count_slices(f, t, &outs);
    }
    for (unsigned i = 0; i < s->n_tasks; i++)
        s->n_active += run_times[i] * 50 > run;
    free(run_times);
    s->parallelism = run / span;
    s->switches_per_s = (double)s->n_switches * 1e9 / span;
    s->mean_slice_ns = outs.n_whole ? outs.whole_ns / outs.n_whole : 0;
    /* Jain, Chiu, Hawe (1984): (sum x)^2 / (n * sum x^2). */
    if (s->n_tasks > 1 && squares > 0)
        s->fairness = sum * sum / (s->n_tasks * squares);
    add_cores(f);
    s->word = word_of(s);
}

/* ---- the figure ---- */

/* What is all of history but what lies before the workload's first task, and behind its last one. */
static void choose_all(struct figure *f)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(f->tl); i++) {
        struct task task;
        timeline_task(f->tl, i, &task);
        if (!task_is_workload(&task))
            continue;
        first_ns = task.first_ns < first_ns ? task.first_ns : first_ns;
        last_ns = task.last_ns > last_ns ? task.last_ns : last_ns;
    }
    if (first_ns > f->start_ns && first_ns < last_ns)
        f->start_ns = first_ns;
    if (last_ns > f->start_ns && last_ns < f->end_ns)
        f->end_ns = last_ns;
}

static void choose_window(struct figure *f, const struct export_window *window)
{
    const uint64_t edge_ns = timeline_edge_ns(f->tl), now_ns = timeline_now_ns(f->tl);
    uint64_t start_ns = edge_ns, end_ns = now_ns;
    if (window->span_ns) {
        const uint64_t asked_ns = window->start_ns + window->span_ns;
        start_ns = window->start_ns > edge_ns ? window->start_ns : edge_ns;
        end_ns = asked_ns < now_ns && asked_ns > window->start_ns ? asked_ns : now_ns;
    }
    f->start_ns = start_ns < now_ns ? start_ns : now_ns;
    f->end_ns = end_ns > f->start_ns ? end_ns : f->start_ns + 1;
    if (!window->span_ns)
        choose_all(f);
}

void figure_init(struct figure *f, const struct report *report, const struct timeline *tl,
                 const struct export_window *window)
{
    struct families families = {0};
    *f = (struct figure){.report = report, .tl = tl};
    choose_window(f, window);
    f->tasks = mem_new(timeline_n_tasks(tl) + 1ul, sizeof *f->tasks);
    f->places = mem_new(timeline_n_tasks(tl) + 1ul, sizeof *f->places);
    for (unsigned i = 0; i < timeline_n_tasks(tl); i++)
        f->places[i] = FIGURE_NOWHERE;
    add_tasks(f, FIGURE_WORKLOAD, &families);
    f->n_workload = f->n_tasks;
    sort_workload(f);
    add_tasks(f, FIGURE_OWN, &families);
    add_tasks(f, FIGURE_OTHER, &families);
    free(families.all);
    add_cpus(f);
    add_sums(f);
}

void figure_fini(struct figure *f)
{
    free(f->tasks);
    free(f->places);
    free(f->cpus);
    *f = (struct figure){0};
}

FILE *figure_stream(char **text, size_t *size)
{
    FILE *stream = open_memstream(text, size);
    if (!stream)
        err_no_memory();
    return stream;
}

const struct figure_task *figure_task(const struct figure *f, uint32_t index)
{
    if (index >= timeline_n_tasks(f->tl) || f->places[index] == FIGURE_NOWHERE)
        return NULL;
    return &f->tasks[f->places[index]];
}

double figure_busy(const struct figure *f, const struct figure_cpu *cpu)
{
    const uint64_t run_ns = cpu->sum.run_ns, self_ns = f->report->info.all ? 0 : cpu->sum.self_ns;
    return run_ns > self_ns ? (double)(run_ns - self_ns) / (double)(f->end_ns - f->start_ns) : 0;
}

bool figure_has_alert(const struct figure *f, const struct alert *alert)
{
    return alert->since_ns < f->end_ns && (!alert->ended_ns || alert->ended_ns > f->start_ns);
}

const char *figure_alert_name(const struct alert *alert)
{
    static const char *const names[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held long", [ALERT_QUEUE_GROWS] = "queue grows"};
    return names[alert->kind];
}

/* ---- words ---- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

char *figure_duration(uint64_t ns, char *buf, size_t size)
{
    export_duration(ns, buf, size);
    const size_t n = strlen(buf);
    if (n > 3 && strcmp(buf + n - 3, " us") == 0 && n + 2 <= size)
        memcpy(buf + n - 2, "\u00b5s", sizeof "\u00b5s");
    return buf;
}

char *figure_title(const struct figure *f, char *buf, size_t size)
{
    const char *name = f->report->info.workload.name;
    export_safe_name(name && *name ? name : "schedviz", buf, size);
    return buf;
}

char *figure_workload(const struct figure *f, char *buf, size_t size)
{
    const struct report *r = f->report;
    const struct workload *w = &r->info.workload;
    char counts[96];
    const unsigned chosen = cpuset_count(&r->run.cpus),
                   online = r->machine ? cpuset_count(&r->machine->online) : 0,
                   all = online > chosen ? online : chosen;
    if (r->has_target) {
        unsigned n_threads = 0, n_processes = 0;
        for (unsigned i = 0; i < f->n_workload; i++) {
            const struct task *task = &f->tasks[i].task;
            n_threads += !task->continues;
            n_processes += !task->continues && task->tid == task->pid;
        }
        snprintf(counts, sizeof counts, "%u process%s, %u thread%s", n_processes,
                 n_processes == 1 ? "" : "es", n_threads, plural(n_threads));
        snprintf(buf, size, "%s · %u of %u core%s", counts, chosen, all, plural(all));
        return buf;
    }
    snprintf(counts, sizeof counts, "%u %s", w->n_tasks, workload_kind_noun(w->kind, w->n_tasks));
    snprintf(buf, size, "%s · %u of %u core%s · %s", counts, chosen, all, plural(all),
             workload_placement_name(w->placement));
    return buf;
}

char *figure_source(const struct figure *f, char *buf, size_t size)
{
    const struct session_info *info = &f->report->info;
    char part[48] = "";
    if (info->n_sampled)
        snprintf(part, sizeof part, "%u of %u ", info->n_watched - info->n_sampled, info->n_watched);
    snprintf(buf, size, "%s, %s%s, %llu lost", info->source ? info->source : "no source", part,
             info->exact ? "exact" : "samples", (unsigned long long)info->n_lost);
    return buf;
}

/* Where the window begins is told of a part of one run: 0 on its axis is elsewhere than the run's. */
char *figure_span(const struct figure *f, char *buf, size_t size)
{
    char span[32], from[32];
    const uint64_t span_ns = f->end_ns - f->start_ns, run_ns = f->report->start_ns,
                   before_ns = run_ns && f->start_ns > run_ns ? f->start_ns - run_ns : 0;
    figure_duration(span_ns, span, sizeof span);
    if (f->report->run.number > 1 || before_ns < span_ns / 100)
        snprintf(buf, size, "%s", span);
    else
        snprintf(buf, size, "%s, from %s on", span, figure_duration(before_ns, from, sizeof from));
    return buf;
}

const char *figure_word(const struct figure *f)
{
    static const char *const words[] = {[WORD_IS_NOTHING] = "NOTHING YET",
                                        [WORD_IS_IDLE] = "IDLE",
                                        [WORD_IS_WAITING] = "WAITING",
                                        [WORD_IS_ALONE] = "ALONE",
                                        [WORD_IS_INTERLEAVED] = "INTERLEAVED",
                                        [WORD_IS_PARALLEL] = "PARALLEL",
                                        [WORD_IS_MIXED] = "MIXED"};
    return session_info_is_whole(&f->report->info) ? words[f->sums.word] : "SAMPLES";
}

static void explain_turns(const struct figure_sums *s, unsigned cores, char *buf, size_t size)
{
    char slice[32];
    const double each = s->switches_per_s / s->n_tasks;
    if (s->n_switches && each >= 1 && s->mean_slice_ns)
        snprintf(buf, size, "%u tasks take turns on %u core%s, %.0f slices of %s each a second", s->n_tasks,
                 cores, plural(cores), each, figure_duration(s->mean_slice_ns, slice, sizeof slice));
    else
        snprintf(buf, size, "%u tasks take turns on %u core%s", s->n_tasks, cores, plural(cores));
}

/* Of several runs in the window it is the last one that is judged. */
static bool is_part(const struct figure *f)
{
    return f->report->run.number > 1 && f->sums.lo_ns > f->start_ns;
}

static void explain_word(const struct figure *f, char *buf, size_t size)
{
    const struct figure_sums *s = &f->sums;
    const unsigned n = s->n_tasks, cores = s->n_cores ? s->n_cores : 1;
    if (!session_info_is_whole(&f->report->info)) {
        snprintf(buf, size, "what ran between two samples is not known");
        return;
    }
    switch (s->word) {
    case WORD_IS_NOTHING:
        snprintf(buf, size, "no task is in progress in this window");
        break;
    case WORD_IS_IDLE:
        snprintf(buf, size, "%u task%s in progress, but blocked most of the time", n, plural(n));
        break;
    case WORD_IS_WAITING:
        snprintf(buf, size, "%u task%s in progress, but others have the core%s", n, plural(n),
                 plural(s->n_chosen));
        break;
    case WORD_IS_ALONE:
        snprintf(buf, size, "one task runs and nothing has to wait for it");
        break;
    case WORD_IS_INTERLEAVED:
        explain_turns(s, cores, buf, size);
        break;
    case WORD_IS_PARALLEL:
        if (n > cores)
            snprintf(buf, size, "%u tasks on %u core%s: %.1f run at once, and hardly one has to wait", n,
                     cores, plural(cores), s->parallelism);
        else
            snprintf(buf, size, "%u tasks on %u core%s run at the same time, none has to wait", n, cores,
                     plural(cores));
        break;
    case WORD_IS_MIXED:
        if (s->parallelism > 1.1)
            snprintf(buf, size, "%u tasks share %u cores: %.1f run at once while the rest wait their turn", n,
                     cores, s->parallelism);
        else
            snprintf(buf, size, "%u task%s, wait%s and block%s by turns", n, n == 1 ? " runs" : "s run",
                     n == 1 ? "s" : "", n == 1 ? "s" : "");
        break;
    }
    const size_t used = strlen(buf);
    if (s->others_part >= 0.02)
        snprintf(buf + used, size - used, "; other programs had %.0f %% of the core%s", s->others_part * 100,
                 plural(s->n_chosen));
}

char *figure_explain(const struct figure *f, char *buf, size_t size)
{
    size_t used = 0;
    *buf = '\0';
    if (is_part(f))
        used = (size_t)snprintf(buf, size, "in run %u, ", (unsigned)f->report->run.number);
    if (used < size)
        explain_word(f, buf + used, size - used);
    return buf;
}

/* "All" is said of all alone. */
char *figure_switches(const struct figure *f, char *buf, size_t size)
{
    const struct figure_sums *s = &f->sums;
    const uint64_t n = s->n_voluntary + s->n_forced;
    const bool is_forced = s->n_forced > s->n_voluntary;
    const uint64_t n_less = is_forced ? s->n_voluntary : s->n_forced;
    const double part = n ? (double)s->n_voluntary / (double)n : 0;
    if (n == 0)
        snprintf(buf, size, "%.0f/s", s->switches_per_s);
    else if (n_less == 0)
        snprintf(buf, size, "%.0f/s, all %s", s->switches_per_s, is_forced ? "forced" : "voluntary");
    else if (part < 0.005 || part > 0.995)
        snprintf(buf, size, "%.0f/s, all but %llu %s", s->switches_per_s, (unsigned long long)n_less,
                 is_forced ? "forced" : "voluntary");
    else
        snprintf(buf, size, "%.0f/s, %.0f %% forced, %.0f %% voluntary", s->switches_per_s, (1 - part) * 100,
                 part * 100);
    return buf;
}

char *figure_percent(double part, char *buf, size_t size)
{
    const double percent = part * 100;
    snprintf(buf, size, percent > 0 && percent < 9.95 ? "%.1f %%" : "%.0f %%", percent);
    return buf;
}

/* When, with which kernel and on what: as much of it as is known. */
char *figure_origin(const struct figure *f, char *buf, size_t size)
{
    const struct report *r = f->report;
    const unsigned n_cpus = r->machine ? cpuset_count(&r->machine->online) : 0;
    const time_t now = time(NULL);
    struct tm tm;
    if (r->date && strlen(r->date) >= 16)
        snprintf(buf, size, "recorded %.10s %.5s", r->date, r->date + 11);
    else if (!r->date && localtime_r(&now, &tm))
        strftime(buf, size, "recorded %F %H:%M", &tm);
    else
        snprintf(buf, size, "recorded");
    size_t used = strlen(buf);
    if (r->machine && r->machine->kernel[0])
        used += (size_t)snprintf(buf + used, size - used, " · %s%s",
                                 isdigit((unsigned char)r->machine->kernel[0]) ? "Linux " : "",
                                 r->machine->kernel);
    if (r->machine && r->machine->model[0] && used < size)
        used += (size_t)snprintf(buf + used, size - used, " · %s", r->machine->model);
    if (n_cpus && used < size)
        snprintf(buf + used, size - used, " · %u CPU%s", n_cpus, plural(n_cpus));
    return buf;
}

/* ---- ticks ---- */

uint64_t figure_step(uint64_t span_ns, unsigned n)
{
    static const uint64_t factors[] = {1, 2, 5};
    for (uint64_t power = 1; power < UINT64_MAX / 50; power *= 10) {
        for (int i = 0; i < 3; i++) {
            if (span_ns / (factors[i] * power) <= n)
                return factors[i] * power;
        }
    }
    return UINT64_MAX / 2;
}

uint64_t figure_unit(uint64_t step_ns, const char **name)
{
    *name = step_ns >= NS_PER_S ? "s" : step_ns >= NS_PER_MS ? "ms" : step_ns >= NS_PER_US ? "\u00b5s" : "ns";
    return step_ns >= NS_PER_S    ? NS_PER_S
           : step_ns >= NS_PER_MS ? NS_PER_MS
           : step_ns >= NS_PER_US ? NS_PER_US
                                  : 1;
}

/* ---- text ---- */

static void put_character(char c, FILE *out)
{
    switch (c) {
    case '&':
        fputs("&amp;", out);
        break;
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    case '\'':
        fputs("&#39;", out);
        break;
    default:
        fputc(c, out);
    }
}

/* U+FFFE and U+FFFF are UTF-8, and no characters of XML (2.2 of its recommendation). */
static bool is_no_character(const char *s)
{
    return memcmp(s, "\xef\xbf\xbe", 3) == 0 || memcmp(s, "\xef\xbf\xbf", 3) == 0;
}

void figure_put_text(const char *text, FILE *out)
{
    const size_t size = 4 * strlen(text) + 1;
    char *safe = mem_new(size + 2, 1); /* three bytes may be compared at its end */
    export_safe_name(text, safe, size);
    for (const char *s = safe; *s; s++) {
        if (is_no_character(s)) {
            fputs("\\xef\\xbf\\x", out);
            fputs((unsigned char)s[2] == 0xbe ? "be" : "bf", out);
            s += 2;
        } else {
            put_character(*s, out);
        }
    }
    free(safe);
}
