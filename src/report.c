/* The report: figures of the current run, taken from the timeline and the kernel's own counters. */
#include "report.h"

#include "clock.h"

#include <stdlib.h>
#include <string.h>

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Of a task that was seen by samples no slice was seen: the kernel's own totals are the truth, and they are
 * all there is. */
static void use_kernel_totals(struct task *task)
{
    const struct kernel_counts *k = &task->kernel;
    uint64_t life = task->last_ns - task->first_ns;
    if (k->has_run) {
        const uint64_t run_ns = minus(k->run_ns, k->base_run_ns),
                       wait_ns = minus(k->wait_ns, k->base_wait_ns);
        task->run_ns = run_ns < life ? run_ns : life;
        task->runnable_ns = wait_ns < life - task->run_ns ? wait_ns : life - task->run_ns;
        task->blocked_ns = life - task->run_ns - task->runnable_ns;
        task->unknown_ns = 0;
    }
    if (k->has_slices)
        task->n_slices = minus(k->slices, k->base_slices);
    if (k->has_switches) {
        task->n_voluntary = minus(k->voluntary, k->base_voluntary);
        task->n_involuntary = minus(k->involuntary, k->base_involuntary);
    }
}

/* Which CPUs a task ran on, as far back as history goes. */
static void find_cpus(const struct timeline *tl, uint32_t index, struct cpuset *cpus)
{
    struct task task;
    timeline_task(tl, index, &task);
    memset(cpus, 0, sizeof *cpus);
    if (task.n_migrations == 0) {
        cpuset_add(cpus, task.last_cpu);
        return;
    }
    struct slice slices[256];
    const unsigned max = sizeof slices / sizeof *slices;
    uint64_t t_ns = task.first_ns;
    for (unsigned n = max; n == max;) {
        n = timeline_task_slices(tl, index, t_ns, slices, max);
        for (unsigned i = 0; i < n; i++)
            cpuset_add(cpus, slices[i].cpu);
        if (n) /* a slice may be too short for the clock */
            t_ns = slices[n - 1].end_ns > t_ns ? slices[n - 1].end_ns : t_ns + 1;
    }
}

/* Run time inside the run: from the slices where history still holds them all, else the totals of the tasks'
 * lives. */
static uint64_t run_ns_inside(const struct timeline *tl, uint64_t start_ns, uint64_t duration_ns,
                              const struct task *task, bool sampled)
{
    if (sampled || timeline_edge_ns(tl) > start_ns)
        return task->run_ns;
    struct bin bin;
    timeline_task_sum(tl, task->index, start_ns, duration_ns, &bin);
    return bin.run_ns;
}

static uint64_t life_inside(const struct report *r, const struct task *task)
{
    uint64_t end = r->start_ns + r->duration_ns;
    uint64_t from = task->first_ns > r->start_ns ? task->first_ns : r->start_ns;
    return minus(task->last_ns < end ? task->last_ns : end, from);
}

static bool is_own(const struct task *task)
{
    return task->role == ROLE_OBSERVER || task->role == ROLE_HOST;
}

static void add_tasks(struct report *r, const struct timeline *tl, bool own, bool sampled)
{
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        /* A program's task whose beginning was lost is of no run that is known. */
        const bool of_run = task.run == r->run.number || !task.run;
        const bool wanted = own ? is_own(&task) : task.role == ROLE_WORKLOAD && of_run;
        if (!wanted)
            continue;
        if (sampled || task.sampled)
            use_kernel_totals(&task);
        else if (!task_counts_hold(&task))
            task.kernel.has_switches = task.kernel.has_run = task.kernel.has_slices = false;
        r->info.n_sampled += !own && !sampled && task.sampled;
        struct report_task *row = &r->tasks[r->n_tasks++];
        row->task = task;
        find_cpus(tl, i, &row->cpus);
    }
}

static int compare_run_time(const void *a, const void *b)
{
    uint64_t x = ((const struct task *)a)->run_ns, y = ((const struct task *)b)->run_ns;
    return x < y ? 1 : -(x > y);
}

static void add_others(struct report *r, const struct timeline *tl)
{
    r->others = mem_new(timeline_n_tasks(tl), sizeof *r->others);
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task *task = &r->others[r->n_others];
        timeline_task(tl, i, task);
        r->n_others += task->role == ROLE_OTHER && task->n_slices > 0;
    }
    if (r->n_others > 0)
        qsort(r->others, r->n_others, sizeof *r->others, compare_run_time);
}

struct switches {
    const struct timeline *tl;
    uint64_t start_ns, end_ns;
    struct cpu_totals *totals;
};

static bool count_slice(void *data, const struct slice *slice)
{
    const struct switches *s = data;
    if (slice->start_ns >= s->end_ns)
        return false;
    if (slice->start_ns >= s->start_ns && task_is_workload(timeline_task_told(s->tl, slice->task))) {
        s->totals->n_slices++;
        s->totals->n_switches += slice->end != SLICE_OPEN && slice->end != SLICE_LOST;
    }
    return true;
}

/* Of the run, where there were others before it and history still holds all of it; else of all that was seen.
 */
static void totals_inside(const struct timeline *tl, const struct report *r, int cpu,
                          struct cpu_totals *totals)
{
    struct bin bin;
    timeline_cpu_totals(tl, cpu, totals);
    if (r->run.number < 2 || !r->info.exact || timeline_edge_ns(tl) > r->start_ns)
        return;
    timeline_cpu_sum(tl, cpu, r->start_ns, r->duration_ns, &bin);
    *totals = (struct cpu_totals){
        .busy_ns = bin.run_ns - bin.self_ns, .self_ns = bin.self_ns, .others_ns = bin.others_ns};
    struct switches switches = {tl, r->start_ns, r->start_ns + r->duration_ns, totals};
    timeline_each_cpu_slice(tl, cpu, r->start_ns, count_slice, &switches);
}

static void add_cpus(struct report *r, const struct timeline *tl)
{
    int n = timeline_n_cpus(tl);
    r->cpus = mem_new((unsigned long)n + cpuset_count(&r->run.cpus), sizeof *r->cpus);
    for (int cpu = 0; cpu < CPUSET_MAX; cpu++) {
        struct cpu_totals totals = {0};
        if (cpu < n)
            totals_inside(tl, r, cpu, &totals);
        if (totals.n_slices == 0 && !cpuset_has(&r->run.cpus, cpu))
            continue;
        r->cpus[r->n_cpus++] = (struct report_cpu){.cpu = cpu, .totals = totals};
    }
}

static void add_alerts(struct report *r, const struct timeline *tl)
{
    const struct waits *waits = timeline_waits(tl);
    r->tl = tl;
    r->n_alerts = waits_n_alerts(waits);
    r->alerts = mem_new(r->n_alerts + 1ul, sizeof *r->alerts);
    for (unsigned i = 0; i < r->n_alerts; i++)
        r->alerts[i] = waits_alert(waits, i);
}

static void add_date(struct report *r, const struct session *session)
{
    struct session_origin origin;
    if (!session_is_replay(session))
        return;
    session_origin(session, &origin);
    r->date = origin.date;
}

static void add_warnings(struct report *r, const struct session *session)
{
    const unsigned n = session_n_warnings(session);
    r->warnings = mem_new(n + 1ul, sizeof *r->warnings);
    for (; r->n_warnings < n; r->n_warnings++)
        r->warnings[r->n_warnings] = session_warning(session, r->n_warnings);
}

/* Of tasks that ran on behind the end only what lies in the run, which slices alone tell. */
static uint64_t count_inside(const struct timeline *tl, const struct run *run, uint64_t duration_ns,
                             const struct task *task)
{
    struct bin bin;
    if (!run->went_on)
        return task->n_voluntary + task->n_involuntary;
    timeline_task_sum(tl, task->index, run->start_ns, duration_ns, &bin);
    return bin.n_switches;
}

void report_sum_run(const struct timeline *tl, const struct run *run, uint64_t duration_ns, bool sampled,
                    struct run_sums *sums)
{
    uint64_t run_ns = 0;
    const bool known = !sampled || !run->went_on;
    *sums = (struct run_sums){.has_switches = !sampled, .has_run = !sampled};
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        if (task.run != run->number || !task_is_workload(&task))
            continue;
        sums->n_tasks++;
        sums->work_done_ns += task.work_done_ns;
        sums->work_total_ns += task.work_total_ns;
        if (!task_counts(&task) || !known)
            continue;
        if (sampled) {
            use_kernel_totals(&task);
            sums->has_switches |= task.kernel.has_switches;
            sums->has_run |= task.kernel.has_run;
        }
        run_ns += run_ns_inside(tl, run->start_ns, duration_ns, &task, sampled);
        sums->n_switches += count_inside(tl, run, duration_ns, &task);
    }
    if (duration_ns && sums->has_run)
        sums->parallelism = (double)run_ns / (double)duration_ns;
}

void report_init(struct report *r, const struct session *session, const struct machine *machine)
{
    const struct timeline *tl = session_timeline(session);
    memset(r, 0, sizeof *r);
    session_info(session, &r->info);
    r->has_target = session_target(session, &r->target);
    r->machine = machine;
    r->run = *session_current_run(session);
    bool sampled = !r->info.exact;

    uint64_t end = r->run.end_ns ? r->run.end_ns : timeline_now_ns(tl);
    r->start_ns = r->run.start_ns;
    r->duration_ns = r->start_ns ? minus(end, r->start_ns) : 0;
    r->makespan_ns = r->run.complete ? r->duration_ns : 0;

    r->tasks = mem_new(timeline_n_tasks(tl), sizeof *r->tasks);
    r->info.n_sampled = 0; /* as of now */
    add_tasks(r, tl, false, sampled);
    r->info.n_watched = r->n_workload = r->n_tasks;
    add_tasks(r, tl, true, sampled);
    add_others(r, tl);
    add_cpus(r, tl);
    add_alerts(r, tl);
    add_warnings(r, session);
    add_date(r, session);
    if (!sampled && r->duration_ns)
        r->n_behind = timeline_antagonists(tl, r->start_ns, r->start_ns + r->duration_ns, r->behind,
                                           REPORT_BEHIND, &r->waited);

    double run = 0, shares = 0, squares = 0, life = 0;
    unsigned n_working = 0;
    for (unsigned i = 0; i < r->n_workload; i++) {
        const struct task *task = &r->tasks[i].task;
        double mine = (double)run_ns_inside(tl, r->start_ns, r->duration_ns, task, sampled || task->sampled);
        if (task_counts(task)) {
            run += mine;
            r->n_voluntary += task->n_voluntary;
            r->n_involuntary += task->n_involuntary;
        }
        if (task_works(task)) {
            n_working++;
            shares += mine;
            squares += mine * mine;
            life += (double)life_inside(r, task);
        }
    }
    r->n_switches = r->n_voluntary + r->n_involuntary;
    if (r->duration_ns > 0) {
        r->parallelism = run / (double)r->duration_ns;
        r->concurrency = life / (double)r->duration_ns;
        r->switches_per_s = (double)r->n_switches * 1e9 / (double)r->duration_ns;
    }
    /* Jain, Chiu, Hawe (1984): (sum x)^2 / (n * sum x^2). */
    r->fairness = squares > 0 ? shares * shares / (n_working * squares) : 1;

    const struct histogram *costs = timeline_switch_costs(tl);
    r->cost_known = !sampled && costs->n > 0;
    if (r->cost_known) {
        r->cost_p50_ns = histogram_quantile(costs, 0.5);
        r->cost_p99_ns = histogram_quantile(costs, 0.99);
    }
}

void report_fini(struct report *r)
{
    free(r->tasks);
    free(r->cpus);
    free(r->others);
    free(r->alerts);
    free(r->warnings);
    memset(r, 0, sizeof *r);
}
