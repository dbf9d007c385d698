/* Figures by name: from the timeline, the engine's counters, its objects, and /proc. */
#include "measure.h"

#include "../clock.h"
#include "../observe/shares.h"
#include "../timeline/waits.h"
#include "../workload/lesson.h"
#include "../workload/load_text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was there before the window ---- */

struct task_base {
    uint64_t n_voluntary, n_involuntary, n_migrations, n_slices, kernel_run_ns, kernel_wait_ns;
};

struct slot_base {
    int tid;
    uint64_t loops, work_ns;
};

struct measure_base {
    unsigned n_tasks, n_slots, n_objects, n_alerts;
    struct task_base *tasks;
    struct slot_base *slots;
    struct object_state *objects;
    struct histogram costs;
    uint64_t n_lost;
};

static const struct timeline *timeline_of(const struct measure *m)
{
    return session_timeline(m->session);
}

static const struct engine *engine_of(const struct measure *m)
{
    return session_engine(m->session);
}

static const struct run *run_of(const struct measure *m)
{
    return session_current_run(m->session);
}

static struct session_info info_of(const struct measure *m)
{
    struct session_info info;
    session_info(m->session, &info);
    return info;
}

static const struct program *program_of(const struct measure *m)
{
    return info_of(m).workload.program;
}

static struct task_base task_counts_now(const struct task *task)
{
    return (struct task_base){task->n_voluntary, task->n_involuntary, task->n_migrations,
                              task->n_slices,    task->kernel.run_ns, task->kernel.wait_ns};
}

static struct measure_base *take_base(const struct measure *m)
{
    const struct timeline *tl = timeline_of(m);
    const struct engine *engine = engine_of(m);
    const struct program *program = program_of(m);
    struct measure_base *base = mem_new(1, sizeof *base);

    base->n_tasks = timeline_n_tasks(tl);
    base->tasks = mem_new(base->n_tasks + 1ul, sizeof *base->tasks);
    for (unsigned i = 0; i < base->n_tasks; i++) {
        struct task task;
        timeline_task(tl, i, &task);
        base->tasks[i] = task_counts_now(&task);
    }
    base->n_slots = engine_n_slots(engine);
    base->slots = mem_new(base->n_slots + 1ul, sizeof *base->slots);
    for (unsigned i = 0; i < base->n_slots; i++) {
        const struct engine_task task = engine_task(engine, i);
        base->slots[i] = (struct slot_base){task.tid, task.loops, task.work_done_ns};
    }
    base->n_objects = program ? program->n_objects : 0;
    base->objects = mem_new(base->n_objects + 1ul, sizeof *base->objects);
    for (unsigned i = 0; i < base->n_objects; i++)
        engine_object(engine, run_of(m)->number, i, &base->objects[i]);
    base->costs = *timeline_switch_costs(tl);
    base->n_alerts = waits_n_alerts(timeline_waits(tl));
    base->n_lost = info_of(m).n_lost;
    return base;
}

/* ---- sums over tasks ---- */

struct sums {
    unsigned n;
    double run_s, waiting_s, blocked_s, life_s, squares;
    double n_voluntary, n_involuntary, n_migrations, n_slices;
    struct histogram slices;
};

static uint64_t window_end(const struct measure *m)
{
    const uint64_t end_ns = run_of(m)->end_ns;
    return end_ns ? end_ns : timeline_now_ns(timeline_of(m));
}

static double window_s(const struct measure *m)
{
    const uint64_t end_ns = window_end(m);
    return end_ns > m->from_ns ? (double)(end_ns - m->from_ns) / 1e9 : 0;
}

static double minus(uint64_t a, uint64_t b)
{
    return a > b ? (double)(a - b) : 0;
}

/* In formulas a template's `-' is written `_'. */
static bool same_name(const char *name, size_t length, const char *in_file)
{
    size_t i = 0;
    for (; i < length && in_file[i]; i++) {
        if (name[i] != in_file[i] && !(name[i] == '_' && in_file[i] == '-'))
            return false;
    }
    return i == length && in_file[i] == '\0';
}

static bool is_of_template(const struct measure *m, const struct task *task, uint32_t template)
{
    const struct program *program = program_of(m);
    if (template == PROGRAM_NONE)
        return true;
    if (task->slot >= 0) {
        const struct engine_task real = engine_task(engine_of(m), (unsigned)task->slot);
        if (real.tid == task->tid && real.run == task->run)
            return real.part.template == template;
    }
    /* Its slot has another task by now: "worker" and "worker-3" are of the template `worker'. */
    const char *name = program->templates[template].name;
    const size_t length = strlen(name);
    return strncmp(task->name, name, length) == 0 &&
           (task->name[length] == '\0' || task->name[length] == '-');
}

static void add_task(const struct measure *m, const struct task *task, struct sums *sums)
{
    const bool exact = info_of(m).exact;
    const uint64_t end_ns = window_end(m);
    const struct task_base now = task_counts_now(task);
    struct task_base before = {0};
    if (m->base && task->index < m->base->n_tasks)
        before = m->base->tasks[task->index];

    const uint64_t from_ns = task->first_ns > m->from_ns ? task->first_ns : m->from_ns;
    const uint64_t to_ns = task->last_ns < end_ns ? task->last_ns : end_ns;
    const double life_s = minus(to_ns, from_ns) / 1e9;
    double run_s = minus(now.kernel_run_ns, before.kernel_run_ns) / 1e9;
    double waiting_s = minus(now.kernel_wait_ns, before.kernel_wait_ns) / 1e9;
    double blocked_s = life_s - run_s - waiting_s;
    if (exact && end_ns > m->from_ns) {
        struct bin bin;
        timeline_task_sum(timeline_of(m), task->index, m->from_ns, end_ns - m->from_ns, &bin);
        run_s = (double)bin.run_ns / 1e9;
        waiting_s = (double)bin.runnable_ns / 1e9;
        blocked_s = (double)bin.blocked_ns / 1e9;
    }
    sums->n++;
    sums->run_s += run_s;
    sums->squares += run_s * run_s;
    sums->waiting_s += waiting_s;
    sums->blocked_s += blocked_s > 0 ? blocked_s : 0;
    sums->life_s += life_s;
    sums->n_voluntary += minus(now.n_voluntary, before.n_voluntary);
    sums->n_involuntary += minus(now.n_involuntary, before.n_involuntary);
    sums->n_migrations += minus(now.n_migrations, before.n_migrations);
    sums->n_slices += minus(now.n_slices, before.n_slices);
    if (task->slice_ns)
        histogram_merge(&sums->slices, task->slice_ns);
}

/* The tasks of the run that count (NULL: all), of one template or (PROGRAM_NONE) of any. */
static void sum_tasks(const struct measure *m, uint32_t template, bool (*counts)(const struct task *),
                      struct sums *sums)
{
    const struct timeline *tl = timeline_of(m);
    memset(sums, 0, sizeof *sums);
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        if (task.role != ROLE_WORKLOAD || task.run != run_of(m)->number || (counts && !counts(&task)))
            continue;
        if (is_of_template(m, &task, template))
            add_task(m, &task, sums);
    }
}

/* What the engine knows of its tasks. */
struct progress {
    unsigned n, n_alive, n_died;
    double loops, work_s;
};

static void sum_progress(const struct measure *m, uint32_t template, struct progress *progress)
{
    const struct engine *engine = engine_of(m);
    memset(progress, 0, sizeof *progress);
    for (unsigned i = 0; i < engine_n_slots(engine); i++) {
        const struct engine_task task = engine_task(engine, i);
        if (task.run != run_of(m)->number || task.tid == 0)
            continue;
        if (template != PROGRAM_NONE && task.part.template != template)
            continue;
        struct slot_base before = {0};
        if (m->base && i < m->base->n_slots && m->base->slots[i].tid == task.tid)
            before = m->base->slots[i];
        progress->n++;
        progress->n_alive += task.state == ENGINE_GATED || task.state == ENGINE_RUNNING;
        progress->n_died += task.state == ENGINE_DIED;
        progress->loops += minus(task.loops, before.loops);
        progress->work_s += minus(task.work_done_ns, before.work_ns) / 1e9;
    }
}

/* ---- figures of the whole run ---- */

static double no_value(struct measure *m, const char *why)
{
    snprintf(m->why, sizeof m->why, "%s", why);
    return NAN;
}

static double per_second(const struct measure *m, double n)
{
    const double seconds = window_s(m);
    return seconds > 0 ? n / seconds : NAN;
}

static double makespan(struct measure *m)
{
    return run_of(m)->complete ? window_s(m) : no_value(m, "not all tasks have ended");
}

static double throughput(const struct measure *m)
{
    struct progress progress;
    sum_progress(m, PROGRAM_NONE, &progress);
    return per_second(m, progress.work_s);
}

static double speedup(struct measure *m)
{
    if (!m->kept.is_kept)
        return no_value(m, "no run was kept to compare with");
    if (run_of(m)->complete && !isnan(m->kept.makespan_s))
        return m->kept.makespan_s / window_s(m);
    return m->kept.throughput > 0 ? throughput(m) / m->kept.throughput
                                  : no_value(m, "the run that was kept did no work");
}

static double switch_cost(struct measure *m)
{
    static const struct histogram none;
    const struct histogram *now = timeline_switch_costs(timeline_of(m));
    const struct histogram *before = m->base ? &m->base->costs : &none;
    struct histogram *since = mem_new(1, sizeof *since);
    *since = *now;
    since->n -= before->n;
    since->min_ns = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        since->count[i] -= before->count[i];
    const double cost_us = since->n ? (double)histogram_quantile(since, 0.5) / 1e3 : NAN;
    free(since);
    if (isnan(cost_us))
        return no_value(m, strcmp(info_of(m).source, "perf") == 0
                               ? "no switch from one of the tasks to another was seen"
                               : "needs the source perf: tasks that time themselves see no switch cost");
    return cost_us;
}

static double slice_ms(struct measure *m, const struct sums *sums)
{
    if (!info_of(m).exact)
        return no_value(m, "needs exact slices: the sources perf or engine");
    return sums->slices.n ? (double)histogram_quantile(&sums->slices, 0.5) / 1e6
                          : no_value(m, "no slice has ended yet");
}

/* Alerts of deadlocks since the window began; the first one's delay after its cycle had closed. */
static unsigned count_deadlocks(const struct measure *m, double *after_s)
{
    const struct waits *waits = timeline_waits(timeline_of(m));
    unsigned n = 0;
    *after_s = NAN;
    for (unsigned i = m->base ? m->base->n_alerts : 0; i < waits_n_alerts(waits); i++) {
        const struct alert *alert = waits_alert(waits, i);
        if (alert->kind != ALERT_DEADLOCK || alert->time_ns < m->from_ns)
            continue;
        if (n++ == 0)
            *after_s = minus(alert->time_ns, alert->since_ns) / 1e9;
    }
    return n;
}

/* The part of the chosen cores' time that somebody else had while a task waited for it. */
static double others(const struct measure *m)
{
    const struct cpuset *cpus = &run_of(m)->cpus;
    const uint64_t end_ns = window_end(m);
    double others_s = 0;
    if (end_ns <= m->from_ns)
        return NAN;
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        struct bin bin;
        timeline_cpu_sum(timeline_of(m), cpu, m->from_ns, end_ns - m->from_ns, &bin);
        others_s += (double)bin.others_ns / 1e9;
    }
    return others_s / (window_s(m) * (double)cpuset_count(cpus));
}

enum run_figure {
    FIGURE_CPUS,
    FIGURE_CORES,
    FIGURE_TASKS,
    FIGURE_SECONDS,
    FIGURE_MAKESPAN,
    FIGURE_PARALLELISM,
    FIGURE_CONCURRENCY,
    FIGURE_FAIRNESS,
    FIGURE_SWITCHES,
    FIGURE_VOLUNTARY,
    FIGURE_FORCED,
    FIGURE_SWITCH_COST,
    FIGURE_SLICE,
    FIGURE_THROUGHPUT,
    FIGURE_SPEEDUP,
    FIGURE_EFFICIENCY,
    FIGURE_MIGRATIONS,
    FIGURE_WAITING,
    FIGURE_DEADLOCKS,
    FIGURE_DEADLOCK_AFTER,
    FIGURE_LOST_EVENTS,
    FIGURE_OTHERS,
};

static const char *const run_figures[] = {
    "cpus",        "cores",          "tasks",       "seconds",    "makespan",   "parallelism",
    "concurrency", "fairness",       "switches",    "voluntary",  "forced",     "switch_cost",
    "slice",       "throughput",     "speedup",     "efficiency", "migrations", "waiting",
    "deadlocks",   "deadlock_after", "lost_events", "others"};

static double run_figure(struct measure *m, enum run_figure figure)
{
    struct sums sums;
    double after_s;
    const bool of_tasks = figure == FIGURE_CONCURRENCY || figure == FIGURE_FAIRNESS;
    sum_tasks(m, PROGRAM_NONE, of_tasks ? task_works : task_counts, &sums);
    switch (figure) {
    case FIGURE_CPUS:
        return cpuset_count(&m->machine->allowed);
    case FIGURE_CORES:
        return cpuset_count(&run_of(m)->cpus);
    case FIGURE_TASKS:
        return run_of(m)->n_tasks;
    case FIGURE_SECONDS:
        return window_s(m);
    case FIGURE_MAKESPAN:
        return makespan(m);
    case FIGURE_PARALLELISM:
        return per_second(m, sums.run_s);
    case FIGURE_CONCURRENCY:
        return per_second(m, sums.life_s);
    case FIGURE_FAIRNESS: /* Jain, Chiu, Hawe (1984) */
        return sums.squares > 0 ? sums.run_s * sums.run_s / (sums.n * sums.squares) : NAN;
    case FIGURE_SWITCHES:
        return per_second(m, sums.n_voluntary + sums.n_involuntary);
    case FIGURE_VOLUNTARY:
        return per_second(m, sums.n_voluntary);
    case FIGURE_FORCED:
        return per_second(m, sums.n_involuntary);
    case FIGURE_SWITCH_COST:
        return switch_cost(m);
    case FIGURE_SLICE:
        return slice_ms(m, &sums);
    case FIGURE_THROUGHPUT:
        return throughput(m);
    case FIGURE_SPEEDUP:
        return speedup(m);
    case FIGURE_EFFICIENCY:
        return speedup(m) * m->kept.n_cores / cpuset_count(&run_of(m)->cpus);
    case FIGURE_MIGRATIONS:
        return sums.n_migrations;
    case FIGURE_WAITING:
        return per_second(m, sums.waiting_s);
    case FIGURE_DEADLOCKS:
        return count_deadlocks(m, &after_s);
    case FIGURE_DEADLOCK_AFTER:
        return count_deadlocks(m, &after_s) ? after_s : no_value(m, "there was no deadlock");
    case FIGURE_LOST_EVENTS:
        return minus(info_of(m).n_lost, m->base ? m->base->n_lost : 0);
    case FIGURE_OTHERS:
        return others(m);
    }
    return NAN;
}

/* ---- figures of a template ---- */

enum template_figure {
    OF_SHARE,
    OF_RUN,
    OF_WAIT,
    OF_BLOCKED,
    OF_FORCED,
    OF_VOLUNTARY,
    OF_MIGRATIONS,
    OF_WORK,
    OF_LOOPS,
    OF_RATE,
    OF_ALIVE,
    OF_DIED,
    OF_SLICE,
    OF_PSS,
    OF_LATENCY,
};

static const char *const template_figures[] = {"share",     "run",        "wait",  "blocked", "forced",
                                               "voluntary", "migrations", "work",  "loops",   "rate",
                                               "alive",     "died",       "slice", "pss",     "latency"};

/* Threads share what their process has; of each process the proportional part of what it shares with others.
 */
static double pss_kib(struct measure *m, uint32_t template)
{
    const struct engine *engine = engine_of(m);
    struct source *proc = session_proc(m->session);
    double sum_kib = 0;
    unsigned n = 0;
    int pids[64];
    unsigned n_pids = 0;
    for (unsigned i = 0; i < engine_n_slots(engine) && n_pids < sizeof pids / sizeof *pids; i++) {
        const struct engine_task task = engine_task(engine, i);
        struct proc_memory memory;
        bool seen = false;
        if (task.run != run_of(m)->number || task.part.template != template || task.state != ENGINE_RUNNING)
            continue;
        n++;
        for (unsigned k = 0; k < n_pids; k++)
            seen = seen || pids[k] == task.pid;
        if (seen)
            continue;
        pids[n_pids++] = task.pid;
        if (!proc_memory_read(proc, task.pid, &memory) || memory.pss_kib == 0)
            return no_value(m, "the kernel does not tell its memory (/proc/PID/smaps_rollup)");
        sum_kib += (double)memory.pss_kib;
    }
    return n ? sum_kib / n : no_value(m, "none of its tasks runs");
}

static double template_figure(struct measure *m, uint32_t template, enum template_figure figure)
{
    struct progress progress;
    struct sums sums;
    sum_progress(m, template, &progress);
    sum_tasks(m, template, NULL, &sums);
    switch (figure) {
    case OF_SHARE:
        return per_second(m, sums.run_s);
    case OF_RUN:
        return sums.run_s / sums.n;
    case OF_WAIT:
        return sums.waiting_s / sums.n;
    case OF_BLOCKED:
        return sums.blocked_s / sums.n;
    case OF_FORCED:
        return per_second(m, sums.n_involuntary);
    case OF_VOLUNTARY:
        return per_second(m, sums.n_voluntary);
    case OF_MIGRATIONS:
        return sums.n_migrations;
    case OF_WORK:
        return progress.work_s;
    case OF_LOOPS:
        return progress.loops;
    case OF_RATE:
        return per_second(m, progress.loops);
    case OF_ALIVE:
        return progress.n_alive;
    case OF_DIED:
        return progress.n_died;
    case OF_SLICE:
        return slice_ms(m, &sums);
    case OF_PSS:
        return pss_kib(m, template);
    case OF_LATENCY:
        return sums.n_slices > 0 ? sums.waiting_s * 1e6 / sums.n_slices : NAN;
    }
    return NAN;
}

/* ---- figures of an object ---- */

enum object_figure {
    OF_VALUE,
    OF_GROWTH,
    OF_EXPECTED,
    OF_FOUND,
    OF_LOST,
    OF_WAITS,
    OF_WAIT_MAX,
    OF_WAIT_MEAN,
    OF_HELD_MAX,
    OF_COST,
};

static const char *const object_figures[] = {"value", "growth",   "expected",  "found",    "lost",
                                             "waits", "wait_max", "wait_mean", "held_max", "cost"};

/* The longest wait for it that is not over yet. */
static uint64_t pending_wait_ns(const struct measure *m, uint32_t object)
{
    const struct timeline *tl = timeline_of(m);
    const struct waits *waits = timeline_waits(tl);
    const struct object *wanted = &program_of(m)->objects[object];
    uint64_t longest_ns = 0;
    for (uint32_t i = 0; i < waits_n_objects(waits); i++) {
        struct wait_object known;
        uint32_t first;
        if (!waits_object(waits, i, &known) || known.end_ns || known.kind != wanted->kind ||
            known.run != run_of(m)->number || strncmp(known.name, wanted->name, EVENT_NAME_SIZE - 1) != 0 ||
            waits_queue(waits, i, &first, 1) == 0)
            continue;
        struct wait_reason reason;
        waits_reason(tl, first, timeline_now_ns(tl), &reason);
        if (reason.kind == WAIT_OBJECT && timeline_now_ns(tl) - reason.since_ns > longest_ns)
            longest_ns = timeline_now_ns(tl) - reason.since_ns;
    }
    return longest_ns;
}

static double longest_wait_ms(const struct measure *m, uint32_t object, const struct object_state *now)
{
    const uint64_t pending_ns = pending_wait_ns(m, object);
    return (double)(pending_ns > now->max_wait_ns ? pending_ns : now->max_wait_ns) / 1e6;
}

static double object_figure(struct measure *m, uint32_t object, enum object_figure figure)
{
    struct object_state now, before = {.value = program_of(m)->objects[object].value};
    if (!engine_object(engine_of(m), run_of(m)->number, object, &now))
        return no_value(m, "its run is over");
    if (m->base && object < m->base->n_objects)
        before = m->base->objects[object];
    const double n_ops = minus(now.n_ops, before.n_ops), n_waits = minus(now.n_waits, before.n_waits);
    const enum object_kind kind = program_of(m)->objects[object].kind;
    if (figure <= OF_LOST && kind != OBJECT_SEM && kind != OBJECT_CHANNEL && kind != OBJECT_COUNTER)
        return no_value(m, "only a semaphore, a channel or a counter has a value");
    switch (figure) {
    case OF_VALUE:
        return (double)now.value;
    case OF_GROWTH:
        return per_second(m, (double)(now.value - before.value));
    case OF_EXPECTED:
        return (double)now.expected;
    case OF_FOUND:
        return (double)now.value;
    case OF_LOST:
        return (double)(now.expected - now.value);
    case OF_WAITS:
        return n_waits;
    case OF_WAIT_MAX:
        return longest_wait_ms(m, object, &now);
    case OF_WAIT_MEAN:
        return n_waits > 0 ? minus(now.wait_ns, before.wait_ns) / 1e6 / n_waits : 0;
    case OF_HELD_MAX:
        return (double)now.max_held_ns / 1e6;
    case OF_COST:
        return n_ops > 0 ? minus(now.ops_ns, before.ops_ns) / n_ops : no_value(m, "nothing was done with it");
    }
    return NAN;
}

/* ---- what two tasks share; what making one costs ---- */

static bool first_two(const struct measure *m, struct engine_task two[2])
{
    const struct engine *engine = engine_of(m);
    unsigned n = 0;
    for (unsigned i = 0; i < engine_n_slots(engine) && n < 2; i++) {
        const struct engine_task task = engine_task(engine, i);
        if (task.run == run_of(m)->number && task.state == ENGINE_RUNNING)
            two[n++] = task;
    }
    return n == 2;
}

static const char *const shares_figures[] = {"vm", "files", "fs", "sighand", "pid"};

static double shares_figure(struct measure *m, unsigned what)
{
    static const enum shares_what kernel[] = {SHARES_MEMORY, SHARES_FILES, SHARES_FS, SHARES_SIGHAND};
    struct engine_task two[2];
    if (!first_two(m, two))
        return no_value(m, "needs two tasks that run");
    if (what == 4)
        return two[0].pid == two[1].pid;
    const int same = shares(two[0].tid, two[1].tid, kernel[what]);
    return same < 0 ? no_value(m, "the kernel does not tell (kcmp(2) is refused)") : same;
}

static const char *const create_figures[] = {"thread", "process", "green"};

static double create_figure(struct measure *m, unsigned what)
{
    static const enum task_kind kinds[] = {TASK_THREAD, TASK_PROCESS, TASK_GREEN};
    const double us = engine_created_us(engine_of(m), run_of(m)->number, kinds[what]);
    return isnan(us) ? no_value(m, "none was made") : us;
}

/* ---- names ---- */

static int find(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    }
    return -1;
}
#define FIND(name, names) find(name, names, sizeof(names) / sizeof *(names))

static bool look_up_known(const struct measure_known *known, unsigned n_known, const char *name,
                          double *value)
{
    for (unsigned i = n_known; i-- > 0;) {
        if (known[i].name && same_name(name, strlen(name), known[i].name)) {
            *value = known[i].value;
            return true;
        }
    }
    return false;
}

/* What a name stands for; index: of the template or the object. */
struct meaning {
    enum { NOTHING, OF_THE_RUN, OF_TEMPLATE, OF_OBJECT, OF_CREATION, OF_SHARING } kind;
    uint32_t index;
    unsigned figure;
};

/* "OWNER.figure" */
static struct meaning part_meaning(const struct program *program, const char *name, const char *figure)
{
    const size_t length = (size_t)(figure - name) - 1;
    int i;

    if (same_name(name, length, "create") && (i = FIND(figure, create_figures)) >= 0)
        return (struct meaning){OF_CREATION, 0, (unsigned)i};
    if (same_name(name, length, "shares") && (i = FIND(figure, shares_figures)) >= 0)
        return (struct meaning){OF_SHARING, 0, (unsigned)i};
    for (uint32_t t = 0; program && t < program->n_templates; t++) {
        if (same_name(name, length, program->templates[t].name) && (i = FIND(figure, template_figures)) >= 0)
            return (struct meaning){OF_TEMPLATE, t, (unsigned)i};
    }
    for (uint32_t o = 0; program && o < program->n_objects; o++) {
        if (same_name(name, length, program->objects[o].name) && (i = FIND(figure, object_figures)) >= 0)
            return (struct meaning){OF_OBJECT, o, (unsigned)i};
    }
    return (struct meaning){NOTHING, 0, 0};
}

static struct meaning meaning_of(const struct program *program, const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot)
        return part_meaning(program, name, dot + 1);
    const int i = FIND(name, run_figures);
    return (struct meaning){i < 0 ? NOTHING : OF_THE_RUN, 0, i < 0 ? 0 : (unsigned)i};
}

/* ---- the name that was probably meant ---- */

/* The nearest of names that are made to be compared. */
struct guess {
    struct nearest nearest;
    char best[EXPRESSION_NAME_SIZE]; /* "" as long as none is near enough */
};

/* How a formula writes a name of the file. False when it cannot. */
static bool spell(const char *in_file, char name[EXPRESSION_NAME_SIZE])
{
    size_t n = 0;
    for (; in_file[n] && n < EXPRESSION_NAME_SIZE - 1; n++) {
        name[n] = in_file[n] == '-' ? '_' : in_file[n];
        if (name[n] != '_' && !isalpha((unsigned char)name[n]) &&
            (n == 0 || !isdigit((unsigned char)name[n])))
            return false;
    }
    name[n] = '\0';
    return in_file[n] == '\0';
}

static void offer(struct guess *guess, const char *in_file)
{
    char name[EXPRESSION_NAME_SIZE];
    if (!spell(in_file, name))
        return;
    nearest_try(&guess->nearest, name);
    if (guess->nearest.best == name) {
        strcpy(guess->best, name);
        guess->nearest.best = guess->best;
    }
}

static void offer_all(struct guess *guess, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        offer(guess, names[i]);
}
#define OFFER(guess, names) offer_all(guess, names, sizeof(names) / sizeof *(names))

static void offer_owners(struct guess *guess, const struct program *program)
{
    offer(guess, "create");
    offer(guess, "shares");
    for (uint32_t t = 0; program && t < program->n_templates; t++)
        offer(guess, program->templates[t].name);
    for (uint32_t o = 0; program && o < program->n_objects; o++)
        offer(guess, program->objects[o].name);
}

static void offer_figures(struct guess *guess, const struct program *program, const char *owner)
{
    const size_t length = strlen(owner);
    if (strcmp(owner, "create") == 0)
        OFFER(guess, create_figures);
    if (strcmp(owner, "shares") == 0)
        OFFER(guess, shares_figures);
    for (uint32_t t = 0; program && t < program->n_templates; t++) {
        if (same_name(owner, length, program->templates[t].name))
            OFFER(guess, template_figures);
    }
    for (uint32_t o = 0; program && o < program->n_objects; o++) {
        if (same_name(owner, length, program->objects[o].name))
            OFFER(guess, object_figures);
    }
}

/* "OWNER.figure": both must be near. */
static void propose_part(const struct program *program, const char *name, const char *figure,
                         char proposal[EXPRESSION_NAME_SIZE])
{
    char word[EXPRESSION_NAME_SIZE];
    struct guess owner = {.nearest.word = word}, of_it = {.nearest.word = figure};

    snprintf(word, sizeof word, "%.*s", (int)(figure - name) - 1, name);
    offer_owners(&owner, program);
    offer_figures(&of_it, program, owner.best);
    if (of_it.best[0] &&
        snprintf(proposal, EXPRESSION_NAME_SIZE, "%s.%s", owner.best, of_it.best) >= EXPRESSION_NAME_SIZE)
        proposal[0] = '\0'; /* a part of a name is none */
}

/* A figure that another step of the lesson measures has no value before that was run. */
static bool look_up_later(struct measure *m, const char *name, double *value)
{
    const struct program *program = program_of(m);
    const struct lesson *lesson = program ? program->lesson : NULL;
    for (unsigned s = 0; lesson && s < lesson->n_steps; s++) {
        for (unsigned i = 0; i < lesson->steps[s].n_measures; i++) {
            const char *measured = lesson->steps[s].measures[i].name;
            if (!measured || !same_name(name, strlen(name), measured))
                continue;
            *value = NAN;
            if (!m->why[0])
                snprintf(m->why, sizeof m->why, "step %u, which measures it, was not run to its end", s + 1);
            return true;
        }
    }
    return false;
}

static bool look_up(const struct expression_names *names, const char *name, double *value)
{
    struct measure *m = (struct measure *)names; /* its first member */
    if (look_up_known(m->known, m->n_known, name, value))
        return true;
    const struct meaning meaning = meaning_of(program_of(m), name);
    switch (meaning.kind) {
    case NOTHING:
        return look_up_later(m, name, value);
    case OF_THE_RUN:
        *value = run_figure(m, (enum run_figure)meaning.figure);
        break;
    case OF_TEMPLATE:
        *value = template_figure(m, meaning.index, (enum template_figure)meaning.figure);
        break;
    case OF_OBJECT:
        *value = object_figure(m, meaning.index, (enum object_figure)meaning.figure);
        break;
    case OF_CREATION:
        *value = create_figure(m, meaning.figure);
        break;
    case OF_SHARING:
        *value = shares_figure(m, meaning.figure);
        break;
    }
    return true;
}

struct checked_names {
    struct expression_names names;
    const struct program *program;
    const struct measure_known *known;
    unsigned n_known;
};

static bool look_up_meaning(const struct expression_names *names, const char *name, double *value)
{
    const struct checked_names *checked = (const struct checked_names *)names; /* its first member */
    *value = 1;
    return look_up_known(checked->known, checked->n_known, name, value) ||
           meaning_of(checked->program, name).kind != NOTHING;
}

static void propose_meaning(const struct expression_names *names, const char *name,
                            char proposal[EXPRESSION_NAME_SIZE])
{
    const struct checked_names *checked = (const struct checked_names *)names; /* its first member */
    const char *dot = strchr(name, '.');
    struct guess guess = {.nearest.word = name};

    if (dot) {
        propose_part(checked->program, name, dot + 1, proposal);
        return;
    }
    OFFER(&guess, run_figures);
    for (unsigned i = 0; i < checked->n_known; i++) {
        if (checked->known[i].name)
            offer(&guess, checked->known[i].name);
    }
    strcpy(proposal, guess.best);
}

bool measure_check(const struct program *program, const struct measure_known *known, unsigned n_known,
                   const char *formula, struct err *err)
{
    const struct checked_names names = {{look_up_meaning, propose_meaning}, program, known, n_known};
    double value;
    return expression_eval(formula, &names.names, &value, err);
}

void measure_begin(struct measure *m, const struct session *session, const struct machine *machine,
                   bool whole_run)
{
    *m = (struct measure){.names.lookup = look_up, .session = session, .machine = machine};
    m->from_ns = whole_run ? run_of(m)->start_ns : clock_now_ns();
    if (whole_run && run_of(m)->number == 1)
        return;
    m->base = take_base(m);
    if (whole_run) /* its tasks and objects are new: what counts from before is the whole session's alone */
        m->base->n_tasks = m->base->n_slots = m->base->n_objects = 0;
}

void measure_end(struct measure *m)
{
    if (m->base) {
        free(m->base->tasks);
        free(m->base->slots);
        free(m->base->objects);
        free(m->base);
    }
    memset(m, 0, sizeof *m);
}

bool measure_eval(struct measure *m, const char *formula, double *value, struct err *err)
{
    m->why[0] = '\0';
    if (!expression_eval(formula, &m->names, value, err))
        return false;
    if (isinf(*value))
        *value = no_value(m, "it is beyond all numbers");
    if (isnan(*value) && !m->why[0])
        snprintf(m->why, sizeof m->why, "nothing was seen to measure it by");
    return true;
}

struct measure_kept measure_keep(struct measure *m)
{
    return (struct measure_kept){.is_kept = true,
                                 .n_cores = (unsigned)cpuset_count(&run_of(m)->cpus),
                                 .makespan_s = makespan(m),
                                 .throughput = throughput(m)};
}

/* ---- settings ---- */

struct setting_names {
    struct expression_names names;
    double values[3];
};

static bool look_up_setting(const struct expression_names *names, const char *name, double *value)
{
    const int i = find(name, run_figures, FIGURE_TASKS + 1);
    if (i >= 0)
        *value = ((const struct setting_names *)names)->values[i];
    return i >= 0;
}

bool measure_eval_setting(const char *formula, unsigned n_cpus, unsigned n_cores, unsigned n_tasks,
                          double *value, struct err *err)
{
    const struct setting_names settings = {{.lookup = look_up_setting}, {n_cpus, n_cores, n_tasks}};
    return expression_eval(formula, &settings.names, value, err);
}
