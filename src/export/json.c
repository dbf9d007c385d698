/* The report as JSON: the contract of schedviz(1), section REPORT. Fields are added, never changed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "export.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

static struct json_object *object(void)
{
    struct json_object *o = json_object_new_object();
    if (!o)
        err_no_memory();
    return o;
}

static void put(struct json_object *o, const char *key, struct json_object *value)
{
    if (json_object_object_add(o, key, value) != 0)
        err_no_memory();
}

static void put_u64(struct json_object *o, const char *key, uint64_t value)
{
    put(o, key, json_object_new_uint64(value));
}

/* A ratio with four decimals: more would be noise. */
static void put_ratio(struct json_object *o, const char *key, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4f", value);
    put(o, key, json_object_new_double_s(value, text));
}

/* JSON texts are UTF-8: a name's bytes that are not are escaped as on the screen. */
static struct json_object *text_of(const char *text)
{
    char safe[512];
    export_safe_name(text, safe, sizeof safe);
    return json_object_new_string(safe);
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
    put(o, key, text ? text_of(text) : NULL);
}

static struct json_object *cpu_list(const struct cpuset *cpus)
{
    struct json_object *list = json_object_new_array();
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu))
        json_object_array_add(list, json_object_new_int(cpu));
    return list;
}

static struct json_object *source(const struct report *r)
{
    struct json_object *o = object();
    put_text(o, "switches", r->info.source);
    put_u64(o, "lost", r->info.n_lost);
    put_text(o, "reason", r->info.reason);
    return o;
}

static struct json_object *host(const struct report *r)
{
    struct json_object *o = object();
    put_text(o, "kernel", r->machine->kernel);
    put_u64(o, "cpus_online", cpuset_count(&r->machine->online));
    put(o, "cpus_allowed", cpu_list(&r->machine->allowed));
    return o;
}

static struct json_object *workload(const struct report *r)
{
    struct json_object *o = object();
    put_text(o, "name", r->info.workload.name);
    put_text(o, "kind", r->has_target ? "program" : workload_kind_name(r->info.workload.kind));
    put_u64(o, "tasks", r->has_target ? r->n_workload : r->info.workload.n_tasks);
    put(o, "cores", cpu_list(&r->info.cpus));
    put_text(o, "placement", workload_placement_name(r->info.workload.placement));
    return o;
}

static struct json_object *switches(const struct report *r)
{
    struct json_object *o = object();
    put_u64(o, "total", r->n_switches);
    put_u64(o, "voluntary", r->n_voluntary);
    put_u64(o, "involuntary", r->n_involuntary);
    put_ratio(o, "per_second", r->switches_per_s);
    struct json_object *cost = NULL;
    if (r->cost_known) {
        cost = object();
        put_u64(cost, "p50", r->cost_p50_ns);
        put_u64(cost, "p99", r->cost_p99_ns);
    }
    put(o, "cost_ns", cost);
    return o;
}

/* Samples tell nothing of a CPU's slices: null is not 0. */
static struct json_object *cpu(const struct report_cpu *row, bool sampled)
{
    struct json_object *o = object();
    put_u64(o, "cpu", (uint64_t)row->cpu);
    if (sampled) {
        put(o, "busy_ns", NULL);
        put(o, "slices", NULL);
        put(o, "switches", NULL);
        put(o, "others_ns", NULL);
        return o;
    }
    put_u64(o, "busy_ns", row->totals.busy_ns);
    put_u64(o, "slices", row->totals.n_slices);
    put_u64(o, "switches", row->totals.n_switches);
    put_u64(o, "others_ns", row->totals.others_ns);
    return o;
}

static struct json_object *slice_lengths(const struct task *task)
{
    const struct histogram *h = task->slice_ns;
    if (!h || h->n == 0)
        return NULL;
    struct json_object *o = object();
    put_u64(o, "min", histogram_quantile(h, 0));
    put_u64(o, "p50", histogram_quantile(h, 0.5));
    put_u64(o, "p95", histogram_quantile(h, 0.95));
    put_u64(o, "max", histogram_quantile(h, 1));
    return o;
}

/* The kernel's own counters, over the same part of the task's life that was captured. */
static struct json_object *kernel(const struct kernel_counts *k)
{
    struct json_object *o = object();
    put(o, "voluntary", k->has_switches ? json_object_new_uint64(k->voluntary - k->base_voluntary) : NULL);
    put(o, "involuntary",
        k->has_switches ? json_object_new_uint64(k->involuntary - k->base_involuntary) : NULL);
    put(o, "run_ns", k->has_run ? json_object_new_uint64(k->run_ns - k->base_run_ns) : NULL);
    put(o, "wait_ns", k->has_run ? json_object_new_uint64(k->wait_ns - k->base_wait_ns) : NULL);
    put(o, "slices", k->has_slices ? json_object_new_uint64(k->slices - k->base_slices) : NULL);
    return o;
}

static struct json_object *wake_latency(const struct task *task)
{
    const struct histogram *h = task->wake_ns;
    if (!h || h->n == 0)
        return NULL;
    struct json_object *o = object();
    put_u64(o, "p50", histogram_quantile(h, 0.5));
    put_u64(o, "p99", histogram_quantile(h, 0.99));
    put_u64(o, "max", histogram_quantile(h, 1));
    return o;
}

/* Behind whom the tasks waited for a core. */
static struct json_object *waited(const struct report *r)
{
    struct json_object *o = object(), *behind = json_object_new_array();
    put_u64(o, "ns", r->waited.waited_ns);
    put_u64(o, "unknown_ns", r->waited.unknown_ns);
    put(o, "cut", json_object_new_boolean(r->waited.cut));
    for (unsigned i = 0; i < r->n_behind; i++) {
        struct task task;
        struct json_object *one = object();
        timeline_task(r->tl, r->behind[i].task, &task);
        put(one, "tid", json_object_new_int(task.tid));
        put_text(one, "name", task.name);
        put_u64(one, "ns", r->behind[i].ns);
        json_object_array_add(behind, one);
    }
    put(o, "behind", behind);
    return o;
}

static struct json_object *ended_with(int status)
{
    struct json_object *o = object();
    if (WIFSIGNALED(status))
        put_u64(o, "signal", (uint64_t)WTERMSIG(status));
    else
        put_u64(o, "code", (uint64_t)WEXITSTATUS(status));
    return o;
}

static struct json_object *exit_status(const struct task *task)
{
    return task->exited && task->exit_known ? ended_with(task->exit_status) : NULL;
}

static struct json_object *program(const struct session_target *target)
{
    struct json_object *o = object(), *kernel = NULL;
    put(o, "pid", json_object_new_int(target->pid));
    put(o, "command", json_object_new_boolean(target->is_command));
    put(o, "exit", target->known ? ended_with(target->status) : NULL);
    if (target->known) {
        kernel = object();
        put_u64(kernel, "voluntary", target->voluntary);
        put_u64(kernel, "involuntary", target->involuntary);
    }
    put(o, "kernel", kernel);
    return o;
}

static struct json_object *task(const struct report_task *row)
{
    const struct task *t = &row->task;
    struct json_object *o = object();
    put(o, "tid", json_object_new_int(t->tid));
    put(o, "pid", json_object_new_int(t->pid));
    put_text(o, "name", t->name);
    put(o, "observer", json_object_new_boolean(t->role == ROLE_OBSERVER || t->role == ROLE_HOST));
    put_text(o, "kind", workload_kind_name(t->kind));
    put(o, "cpus", cpu_list(&row->cpus));
    put_u64(o, "run_ns", t->run_ns);
    put_u64(o, "runnable_ns", t->runnable_ns);
    put_u64(o, "blocked_ns", t->blocked_ns);
    put_u64(o, "unknown_ns", t->unknown_ns);
    put_u64(o, "life_ns", t->last_ns - t->first_ns);
    put_u64(o, "slices", t->n_slices);
    put(o, "slice_ns", slice_lengths(t));
    put(o, "wake_ns", wake_latency(t));
    put_u64(o, "voluntary", t->n_voluntary);
    put_u64(o, "involuntary", t->n_involuntary);
    put_u64(o, "migrations", t->n_migrations);
    put(o, "kernel", kernel(&t->kernel));
    put_u64(o, "work_done_ns", t->work_done_ns);
    put(o, "work_total_ns", t->work_total_ns ? json_object_new_uint64(t->work_total_ns) : NULL);
    put(o, "exit", exit_status(t));
    return o;
}

/* What --all saw beside the workload. */
static struct json_object *other(const struct task *t)
{
    struct json_object *o = object();
    put(o, "tid", json_object_new_int(t->tid));
    put_text(o, "name", t->name);
    put_u64(o, "run_ns", t->run_ns);
    put_u64(o, "slices", t->n_slices);
    put_u64(o, "voluntary", t->n_voluntary);
    put_u64(o, "involuntary", t->n_involuntary);
    return o;
}

static struct json_object *alert(const struct report *r, const struct alert *a)
{
    static const char *const kinds[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held_long", [ALERT_QUEUE_GROWS] = "queue_grows"};
    struct json_object *o = object(), *tids = json_object_new_array();
    for (unsigned i = 0; i < a->n; i++) {
        if (a->tasks[i] == TIMELINE_NO_TASK)
            continue;
        struct task task;
        timeline_task(r->tl, a->tasks[i], &task);
        json_object_array_add(tids, json_object_new_int(task.tid));
    }
    put_text(o, "kind", kinds[a->kind]);
    put(o, "tids", tids);
    put_text(o, "text", a->text);
    put_u64(o, "since_ns", a->since_ns);
    put_u64(o, "time_ns", a->time_ns);
    put(o, "ended_ns", a->ended_ns ? json_object_new_uint64(a->ended_ns) : NULL);
    return o;
}

/* Figures of lessons span orders of magnitude. */
static void put_figure(struct json_object *o, const char *key, double value, bool is_known)
{
    char text[40];
    snprintf(text, sizeof text, "%.6g", value);
    put(o, key, is_known && isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static struct json_object *bounds(const struct lecture_answer *a)
{
    struct json_object *within = json_object_new_array();
    json_object_array_add(within, json_object_new_double(a->lo));
    json_object_array_add(within, json_object_new_double(a->hi));
    return within;
}

static struct json_object *answer(const struct lecture_answer *a)
{
    struct json_object *o = object();
    put_text(o, "name", a->measure->name);
    put_text(o, "label", a->measure->label);
    put_text(o, "question", a->measure->question);
    put_figure(o, "value", a->value, a->is_measured);
    put_text(o, "unit", a->measure->unit);
    put(o, "within", a->has_bounds ? bounds(a) : NULL);
    put(o, "inside", a->has_bounds ? json_object_new_boolean(a->is_inside) : NULL);
    put(o, "disturbed", json_object_new_boolean(a->is_disturbed));
    put_text(o, "why", a->why[0] ? a->why : NULL);
    return o;
}

static struct json_object *lesson(const struct lecture *lecture)
{
    const struct lesson *l = lecture_lesson(lecture);
    struct json_object *o = object(), *steps = json_object_new_array();
    put_text(o, "title", l->title);
    for (unsigned s = 0; s < l->n_steps; s++) {
        struct json_object *step = object(), *measures = json_object_new_array();
        put_text(step, "title", l->steps[s].title);
        for (unsigned i = 0; i < l->steps[s].n_measures; i++)
            json_object_array_add(measures, answer(lecture_answer(lecture, s, i)));
        put(step, "measures", measures);
        json_object_array_add(steps, step);
    }
    put(o, "steps", steps);
    put_u64(o, "outside", lecture_n_outside(lecture));
    put_u64(o, "not_measured", lecture_n_unmeasured(lecture));
    return o;
}

bool export_json(const struct report *r, FILE *out)
{
    struct json_object *root = object();
    put_text(root, "schedviz", PACKAGE_VERSION);
    put(root, "source", source(r));
    put(root, "host", host(r));
    put(root, "workload", workload(r));
    put(root, "program", r->has_target ? program(&r->target) : NULL);
    put_u64(root, "start_ns", r->start_ns);
    put_u64(root, "duration_ns", r->duration_ns);
    put(root, "makespan_ns", r->makespan_ns ? json_object_new_uint64(r->makespan_ns) : NULL);
    put_ratio(root, "parallelism", r->parallelism);
    put_ratio(root, "concurrency", r->concurrency);
    put_ratio(root, "fairness", r->fairness);
    put(root, "switches", switches(r));
    put(root, "waited", r->info.exact ? waited(r) : NULL);
    struct json_object *cpus = json_object_new_array(), *tasks = json_object_new_array();
    for (unsigned i = 0; i < r->n_cpus; i++)
        json_object_array_add(cpus, cpu(&r->cpus[i], !r->info.exact));
    for (unsigned i = 0; i < r->n_tasks; i++)
        json_object_array_add(tasks, task(&r->tasks[i]));
    put(root, "cpus", cpus);
    put(root, "tasks", tasks);
    struct json_object *others = json_object_new_array();
    for (unsigned i = 0; i < r->n_others; i++)
        json_object_array_add(others, other(&r->others[i]));
    put(root, "others", others);
    struct json_object *alerts = json_object_new_array(), *warnings = json_object_new_array();
    for (unsigned i = 0; i < r->n_alerts; i++)
        json_object_array_add(alerts, alert(r, r->alerts[i]));
    for (unsigned i = 0; i < r->n_warnings; i++)
        json_object_array_add(warnings, text_of(r->warnings[i]));
    put(root, "alerts", alerts);
    put(root, "warnings", warnings);
    put(root, "lesson", r->lecture ? lesson(r->lecture) : NULL);

    const char *text = json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    bool ok = text && fputs(text, out) >= 0 && fputc('\n', out) != EOF && fflush(out) == 0;
    json_object_put(root);
    return ok;
}
