/* Figures of the window shown, and the word for them. */
#include "view_stats.h"

#include "../src/err.h"
#include "figures.h"
#include "view_lanes.h"

#include <stdlib.h>

/* Slices that are looked at one by one to tell voluntary from forced switches; beyond it the lives' share
 * stands in. */
#define MAX_COUNTED 512

double view_jain(const double *x, unsigned n)
{
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    return n < 2 || squares <= 0 ? 1 : sum * sum / (n * squares);
}

struct outs {
    uint64_t voluntary, forced, seen;
    uint64_t whole, whole_ns; /* slices that lie in the window from begin to end */
};

static void count_out(const struct slice *slice, uint64_t lo, struct outs *outs)
{
    outs->voluntary += slice->end == SLICE_BLOCKED;
    outs->forced += slice->end == SLICE_PREEMPTED;
    outs->seen++;
    if (slice->start_ns >= lo) {
        outs->whole++;
        outs->whole_ns += slice->end_ns - slice->start_ns;
    }
}

/* Ends of a task's slices in the window. */
static void count_outs(const struct scene *scene, uint32_t task, uint64_t lo, uint64_t hi, struct outs *outs)
{
    struct slice slices[64];
    const unsigned max = sizeof slices / sizeof *slices;
    for (uint64_t t = lo;;) {
        unsigned n = timeline_task_slices(scene->tl, task, t, slices, max);
        for (unsigned i = 0; i < n; i++) {
            if (outs->seen >= MAX_COUNTED || slices[i].end_ns >= hi)
                return;
            count_out(&slices[i], lo, outs);
        }
        if (n < max || slices[n - 1].end_ns <= t)
            return;
        t = slices[n - 1].end_ns;
    }
}

/* INTERLEAVED: more than one task wants a core, and about one runs at a time.
 * So are tasks that hand one core to one another, though the next only wants it when it is given.
 * PARALLEL: more than one runs at a time, and nearly all that want a core have one.
 * MIXED: both: several run at once, and yet others wait for their turn.
 * ALONE: one task, and it runs. IDLE: most of the time none wants to. WAITING: they want to, and somebody
 * else has the cores. */
static enum view_word word_of(const struct view_stats *s)
{
    if (s->n_tasks == 0)
        return WORD_NOTHING;
    if (s->parallelism < 0.05 && s->demand >= 0.75)
        return WORD_WAITING;
    if (s->parallelism < 0.05 || (s->parallelism < 0.5 && s->demand < 0.75))
        return WORD_IDLE;
    if ((s->demand >= 1.3 || s->n_active >= 2) && s->parallelism <= 1.1)
        return WORD_INTERLEAVED;
    if (s->parallelism >= 1.3 && s->parallelism >= 0.9 * s->demand)
        return WORD_PARALLEL;
    if (s->n_active < 2 && s->parallelism >= 0.9 * s->demand)
        return WORD_ALONE;
    return WORD_MIXED;
}

static uint64_t own_run_ns(const struct scene *scene, const struct view_stats *s)
{
    const unsigned n = scene->roster ? scene->n_tasks : timeline_n_tasks(scene->tl);
    uint64_t run_ns = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint32_t index = scene->roster ? scene->tasks[i] : i;
        const struct task *task = timeline_task_told(scene->tl, index);
        if (task->role == ROLE_HOST || task->role == ROLE_OBSERVER)
            run_ns += figures_of(scene, index, s->lo_ns, s->hi_ns).run_ns;
    }
    return run_ns;
}

static void count_cores(const struct scene *scene, struct view_stats *s)
{
    uint64_t others_ns = 0;
    for (unsigned i = 0; i < scene->n_cpus; i++) {
        struct bin bin;
        timeline_cpu_sum(scene->tl, scene->cpus[i].cpu, s->lo_ns, s->hi_ns - s->lo_ns, &bin);
        s->n_cores += bin.run_ns > bin.self_ns && (bin.run_ns - bin.self_ns) * 100 > s->hi_ns - s->lo_ns;
        s->n_chosen += scene->cpus[i].chosen && scene->cpus[i].online;
        others_ns += bin.others_ns;
        if (scene->info.all && scene->cpus[i].chosen)
            others_ns += bin.self_ns;
    }
    if (scene->info.all) { /* of what is not the workload's, our own part is no other program's */
        uint64_t own_ns = own_run_ns(scene, s);
        others_ns -= own_ns < others_ns ? own_ns : others_ns;
    }
    if (s->n_chosen)
        s->others_part = (double)others_ns / (double)(s->hi_ns - s->lo_ns) / s->n_chosen;
}

/* Before a run began and after its end there is nothing to judge. */
static void clip_to_run(const struct run *run, struct view_stats *s)
{
    if (run->start_ns > s->lo_ns && run->start_ns < s->hi_ns)
        s->lo_ns = run->start_ns;
    if (run->end_ns > s->lo_ns && run->end_ns < s->hi_ns)
        s->hi_ns = run->end_ns;
}

bool view_stats(const struct scene *scene, struct view_stats *stats)
{
    *stats = (struct view_stats){.fairness = 1, .parts_exact = true};
    if (!figures_window(scene, &stats->lo_ns, &stats->hi_ns))
        return false;
    if (scene->run)
        clip_to_run(scene->run, stats);
    const struct view_stats *kept = figures_stats(scene, stats->lo_ns, stats->hi_ns);
    if (kept) {
        *stats = *kept;
        return true;
    }
    double span = (double)(stats->hi_ns - stats->lo_ns), run = 0;
    double *run_times = mem_new(scene->n_tasks + scene->n_quiet, sizeof *run_times); /* 0 of the quiet ones */
    struct outs outs = {0}, lives = {0};
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        const struct task *task = timeline_task_told(scene->tl, scene->tasks[i]);
        if (!task_is_workload(task))
            continue;
        const struct figure did = figures_of(scene, scene->tasks[i], stats->lo_ns, stats->hi_ns);
        double life = (double)(did.run_ns + did.runnable_ns + did.blocked_ns);
        if (life <= 0)
            continue;
        if (task_works(task)) {
            run_times[stats->n_tasks++] = (double)did.run_ns;
            stats->concurrency += life / span;
            stats->demand += (double)(did.run_ns + did.runnable_ns) / span;
        }
        if (!task_counts(task))
            continue;
        run += (double)did.run_ns;
        stats->n_switches += did.n_switches;
        lives.voluntary += task->n_voluntary;
        lives.forced += task->n_involuntary;
        stats->parts_exact &= did.n_switches + outs.seen < MAX_COUNTED;
        if (stats->parts_exact)
            count_outs(scene, scene->tasks[i], stats->lo_ns, stats->hi_ns, &outs);
    }
    stats->n_tasks += scene->n_quiet;
    stats->concurrency += scene->n_quiet;
    const struct outs *parts = stats->parts_exact ? &outs : &lives;
    uint64_t all = parts->voluntary + parts->forced;
    const struct histogram *costs = timeline_switch_costs(scene->tl);
    stats->voluntary_part = all ? (double)parts->voluntary / (double)all : 0;
    stats->parallelism = run / span;
    stats->switches_per_s = (double)stats->n_switches * 1e9 / span;
    if (outs.whole && stats->parts_exact)
        stats->mean_slice_ns = outs.whole_ns / outs.whole;
    else
        stats->mean_slice_ns = stats->n_switches ? (uint64_t)(run / (double)stats->n_switches) : 0;
    for (unsigned i = 0; i < stats->n_tasks; i++)
        stats->n_active += run_times[i] * 50 > run;
    stats->fairness = view_jain(run_times, stats->n_tasks);
    free(run_times);
    count_cores(scene, stats);
    if (costs && costs->n) {
        stats->cost_ns = histogram_quantile(costs, 0.5);
        stats->cost_part =
            (double)stats->cost_ns * stats->switches_per_s / 1e9 / (stats->n_cores ? stats->n_cores : 1);
    }
    stats->word = word_of(stats);
    figures_keep_stats(scene, stats);
    return true;
}

const char *view_no_stats(const struct scene *scene)
{
    return scene->is_replay ? "nothing was seen here" : "waiting for the first events";
}
