/* The report as JSON: the contract of schedviz(1), section REPORT. Fields are added, never changed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "export.h"

#include "../jsonc.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* A ratio with four decimals: more would be noise. */
static void put_ratio(struct json_object *o, const char *key, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4f", value);
    jsonc_put(o, key, json_object_new_double_s(value, text));
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
    jsonc_put(o, key, text ? text_of(text) : NULL);
}

static struct json_object *cpu_list(const struct cpuset *cpus)
{
    struct json_object *list = jsonc_array();
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu))
        jsonc_add(list, json_object_new_int(cpu));
    return list;
}

static struct json_object *source(const struct report *r)
{
    struct json_object *o = jsonc_object();
    put_text(o, "switches", r->info.source);
    jsonc_put_u64(o, "lost", r->info.n_lost);
    jsonc_put_u64(o, "sampled_tasks", r->info.exact ? r->info.n_sampled : r->n_workload);
    put_text(o, "reason", r->info.reason);
    return o;
}

static struct json_object *host(const struct report *r)
{
    struct json_object *o = jsonc_object();
    put_text(o, "kernel", r->machine->kernel);
    jsonc_put_u64(o, "cpus_online", cpuset_count(&r->machine->online));
    jsonc_put(o, "cpus_allowed", cpu_list(&r->machine->allowed));
    return o;
}

static struct json_object *workload(const struct report *r)
{
    struct json_object *o = jsonc_object();
    put_text(o, "name", r->info.workload.name);
    put_text(o, "kind", r->has_target ? "program" : workload_kind_name(r->info.workload.kind));
    jsonc_put_u64(o, "tasks", r->has_target ? r->n_workload : r->info.workload.n_tasks);
    jsonc_put(o, "cores", cpu_list(&r->info.cpus));
    put_text(o, "placement", workload_placement_name(r->info.workload.placement));
    return o;
}

static struct json_object *switches(const struct report *r)
{
    struct json_object *o = jsonc_object();
    jsonc_put_u64(o, "total", r->n_switches);
    jsonc_put_u64(o, "voluntary", r->n_voluntary);
    jsonc_put_u64(o, "involuntary", r->n_involuntary);
    put_ratio(o, "per_second", r->switches_per_s);
    struct json_object *cost = NULL;
    if (r->cost_known) {
        cost = jsonc_object();
        jsonc_put_u64(cost, "p50", r->cost_p50_ns);
        jsonc_put_u64(cost, "p99", r->cost_p99_ns);
    }
    jsonc_put(o, "cost_ns", cost);
    return o;
}

/* Samples tell nothing of a CPU's slices: null is not 0. */
static struct json_object *cpu(const struct report_cpu *row, bool sampled)
{
    struct json_object *o = jsonc_object();
    jsonc_put_u64(o, "cpu", (uint64_t)row->cpu);
    if (sampled) {
        jsonc_put(o, "busy_ns", NULL);
        jsonc_put(o, "slices", NULL);
        jsonc_put(o, "switches", NULL);
        jsonc_put(o, "others_ns", NULL);
        return o;
    }
    jsonc_put_u64(o, "busy_ns", row->totals.busy_ns);
    jsonc_put_u64(o, "slices", row->totals.n_slices);
    jsonc_put_u64(o, "switches", row->totals.n_switches);
    jsonc_put_u64(o, "others_ns", row->totals.others_ns);
    return o;
}

static struct json_object *slice_lengths(const struct task *task)
{
    const struct histogram *h = task->slice_ns;
    if (!h || h->n == 0)
        return NULL;
    struct json_object *o = jsonc_object();
    jsonc_put_u64(o, "min", histogram_quantile(h, 0));
    jsonc_put_u64(o, "p50", histogram_quantile(h, 0.5));
    jsonc_put_u64(o, "p95", histogram_quantile(h, 0.95));
    jsonc_put_u64(o, "max", histogram_quantile(h, 1));
    return o;
}

/* The kernel's own counters, over the same part of the task's life that was captured. */
static struct json_object *kernel(const struct kernel_counts *k)
{
    struct json_object *o = jsonc_object();
    jsonc_put(o, "voluntary",
              k->has_switches ? json_object_new_uint64(k->voluntary - k->base_voluntary) : NULL);
    jsonc_put(o, "involuntary",
              k->has_switches ? json_object_new_uint64(k->involuntary - k->base_involuntary) : NULL);
    jsonc_put(o, "run_ns", k->has_run ? json_object_new_uint64(k->run_ns - k->base_run_ns) : NULL);
    jsonc_put(o, "wait_ns", k->has_run ? json_object_new_uint64(k->wait_ns - k->base_wait_ns) : NULL);
    jsonc_put(o, "slices", k->has_slices ? json_object_new_uint64(k->slices - k->base_slices) : NULL);
    return o;
}

static struct json_object *wake_latency(const struct task *task)
{
    const struct histogram *h = task->wake_ns;
    if (!h || h->n == 0)
        return NULL;
    struct json_object *o = jsonc_object();
    jsonc_put_u64(o, "p50", histogram_quantile(h, 0.5));
    jsonc_put_u64(o, "p99", histogram_quantile(h, 0.99));
    jsonc_put_u64(o, "max", histogram_quantile(h, 1));
    return o;
}

/* Behind whom the tasks waited for a core. */
static struct json_object *waited(const struct report *r)
{
    struct json_object *o = jsonc_object(), *behind = jsonc_array();
    jsonc_put_u64(o, "ns", r->waited.waited_ns);
    jsonc_put_u64(o, "unknown_ns", r->waited.unknown_ns);
    jsonc_put(o, "cut", json_object_new_boolean(r->waited.cut));
    for (unsigned i = 0; i < r->n_behind; i++) {
        struct task task;
        struct json_object *one = jsonc_object();
        timeline_task(r->tl, r->behind[i].task, &task);
        jsonc_put(one, "tid", json_object_new_int(task.tid));
        put_text(one, "name", task.name);
        jsonc_put_u64(one, "ns", r->behind[i].ns);
        jsonc_add(behind, one);
    }
    jsonc_put(o, "behind", behind);
    return o;
}

static struct json_object *ended_with(int status)
{
    struct json_object *o = jsonc_object();
    if (WIFSIGNALED(status))
        jsonc_put_u64(o, "signal", (uint64_t)WTERMSIG(status));
    else
        jsonc_put_u64(o, "code", (uint64_t)WEXITSTATUS(status));
    return o;
}

static struct json_object *exit_status(const struct task *task)
{
    return task->exited && task->exit_known ? ended_with(task->exit_status) : NULL;
}

static struct json_object *program(const struct session_target *target)
{
    struct json_object *o = jsonc_object(), *kernel = NULL;
    jsonc_put(o, "pid", json_object_new_int(target->pid));
    jsonc_put(o, "command", json_object_new_boolean(target->is_command));
    jsonc_put(o, "exit", target->known ? ended_with(target->status) : NULL);
    if (target->known) {
        kernel = jsonc_object();
        jsonc_put_u64(kernel, "voluntary", target->voluntary);
        jsonc_put_u64(kernel, "involuntary", target->involuntary);
    }
    jsonc_put(o, "kernel", kernel);
    return o;
}

static struct json_object *task(const struct report_task *row, bool exact)
{
    const struct task *t = &row->task;
    struct json_object *o = jsonc_object();
    jsonc_put(o, "tid", json_object_new_int(t->tid));
    jsonc_put(o, "pid", json_object_new_int(t->pid));
    put_text(o, "name", t->name);
    jsonc_put(o, "observer", json_object_new_boolean(t->role == ROLE_OBSERVER || t->role == ROLE_HOST));
    put_text(o, "kind", workload_kind_name(t->kind));
    jsonc_put(o, "sampled", json_object_new_boolean(!exact || t->sampled));
    jsonc_put(o, "cpus", cpu_list(&row->cpus));
    jsonc_put_u64(o, "run_ns", t->run_ns);
    jsonc_put_u64(o, "runnable_ns", t->runnable_ns);
    jsonc_put_u64(o, "blocked_ns", t->blocked_ns);
    jsonc_put_u64(o, "unknown_ns", t->unknown_ns);
    jsonc_put_u64(o, "life_ns", t->last_ns - t->first_ns);
    jsonc_put_u64(o, "slices", t->n_slices);
    jsonc_put(o, "slice_ns", slice_lengths(t));
    jsonc_put(o, "wake_ns", wake_latency(t));
    jsonc_put_u64(o, "voluntary", t->n_voluntary);
    jsonc_put_u64(o, "involuntary", t->n_involuntary);
    jsonc_put_u64(o, "migrations", t->n_migrations);
    jsonc_put(o, "kernel", kernel(&t->kernel));
    jsonc_put_u64(o, "work_done_ns", t->work_done_ns);
    jsonc_put(o, "work_total_ns", t->work_total_ns ? json_object_new_uint64(t->work_total_ns) : NULL);
    jsonc_put(o, "exit", exit_status(t));
    return o;
}

/* What --all saw beside the workload. */
static struct json_object *other(const struct task *t)
{
    struct json_object *o = jsonc_object();
    jsonc_put(o, "tid", json_object_new_int(t->tid));
    put_text(o, "name", t->name);
    jsonc_put_u64(o, "run_ns", t->run_ns);
    jsonc_put_u64(o, "slices", t->n_slices);
    jsonc_put_u64(o, "voluntary", t->n_voluntary);
    jsonc_put_u64(o, "involuntary", t->n_involuntary);
    return o;
}

static struct json_object *alert(const struct report *r, const struct alert *a)
{
    struct json_object *o = jsonc_object(), *tids = jsonc_array();
    for (unsigned i = 0; i < a->n; i++) {
        if (a->tasks[i] == TIMELINE_NO_TASK)
            continue;
        struct task task;
        timeline_task(r->tl, a->tasks[i], &task);
        jsonc_add(tids, json_object_new_int(task.tid));
    }
    put_text(o, "kind", export_alert_kind(a->kind));
    jsonc_put(o, "tids", tids);
    put_text(o, "text", a->text);
    jsonc_put_u64(o, "since_ns", a->since_ns);
    jsonc_put_u64(o, "time_ns", a->time_ns);
    jsonc_put(o, "ended_ns", a->ended_ns ? json_object_new_uint64(a->ended_ns) : NULL);
    return o;
}

/* Figures of lessons span orders of magnitude. */
static void put_figure(struct json_object *o, const char *key, double value, bool is_known)
{
    char text[40];
    snprintf(text, sizeof text, "%.6g", value);
    jsonc_put(o, key, is_known && isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static struct json_object *bounds(const struct lecture_answer *a)
{
    struct json_object *within = jsonc_array();
    jsonc_add(within, json_object_new_double(a->lo));
    jsonc_add(within, json_object_new_double(a->hi));
    return within;
}

static struct json_object *answer(const struct lecture_answer *a)
{
    struct json_object *o = jsonc_object();
    put_text(o, "name", a->measure->name);
    put_text(o, "label", a->measure->label);
    put_text(o, "question", a->measure->question);
    put_figure(o, "value", a->value, a->is_measured);
    put_text(o, "unit", a->measure->unit);
    jsonc_put(o, "within", a->has_bounds ? bounds(a) : NULL);
    jsonc_put(o, "inside", a->has_bounds ? json_object_new_boolean(a->is_inside) : NULL);
    jsonc_put(o, "disturbed", json_object_new_boolean(a->is_disturbed));
    put_text(o, "why", a->why[0] ? a->why : NULL);
    return o;
}

static struct json_object *lesson(const struct lecture *lecture)
{
    const struct lesson *l = lecture_lesson(lecture);
    struct json_object *o = jsonc_object(), *steps = jsonc_array();
    put_text(o, "title", l->title);
    for (unsigned s = 0; s < l->n_steps; s++) {
        struct json_object *step = jsonc_object(), *measures = jsonc_array();
        const char *scaled = lecture_scaled(lecture, s);
        put_text(step, "title", l->steps[s].title);
        put_text(step, "scaled", *scaled ? scaled : NULL);
        for (unsigned i = 0; i < l->steps[s].n_measures; i++)
            jsonc_add(measures, answer(lecture_answer(lecture, s, i)));
        jsonc_put(step, "measures", measures);
        jsonc_add(steps, step);
    }
    jsonc_put(o, "steps", steps);
    jsonc_put_u64(o, "outside", lecture_n_outside(lecture));
    jsonc_put_u64(o, "not_measured", lecture_n_unmeasured(lecture));
    return o;
}

bool export_json(const struct report *r, FILE *out)
{
    struct json_object *root = jsonc_object();
    put_text(root, "schedviz", PACKAGE_VERSION);
    jsonc_put(root, "source", source(r));
    jsonc_put(root, "host", host(r));
    jsonc_put(root, "workload", workload(r));
    jsonc_put(root, "program", r->has_target ? program(&r->target) : NULL);
    jsonc_put_u64(root, "start_ns", r->start_ns);
    jsonc_put_u64(root, "duration_ns", r->duration_ns);
    jsonc_put(root, "makespan_ns", r->makespan_ns ? json_object_new_uint64(r->makespan_ns) : NULL);
    put_ratio(root, "parallelism", r->parallelism);
    put_ratio(root, "concurrency", r->concurrency);
    put_ratio(root, "fairness", r->fairness);
    jsonc_put(root, "switches", switches(r));
    jsonc_put(root, "waited", r->info.exact ? waited(r) : NULL);
    struct json_object *cpus = jsonc_array(), *tasks = jsonc_array();
    for (unsigned i = 0; i < r->n_cpus; i++)
        jsonc_add(cpus, cpu(&r->cpus[i], !session_info_is_whole(&r->info)));
    for (unsigned i = 0; i < r->n_tasks; i++)
        jsonc_add(tasks, task(&r->tasks[i], r->info.exact));
    jsonc_put(root, "cpus", cpus);
    jsonc_put(root, "tasks", tasks);
    struct json_object *others = jsonc_array();
    for (unsigned i = 0; i < r->n_others; i++)
        jsonc_add(others, other(&r->others[i]));
    jsonc_put(root, "others", others);
    struct json_object *alerts = jsonc_array(), *warnings = jsonc_array();
    for (unsigned i = 0; i < r->n_alerts; i++)
        jsonc_add(alerts, alert(r, r->alerts[i]));
    for (unsigned i = 0; i < r->n_warnings; i++)
        jsonc_add(warnings, text_of(r->warnings[i]));
    jsonc_put(root, "alerts", alerts);
    jsonc_put(root, "warnings", warnings);
    jsonc_put(root, "lesson", r->lecture ? lesson(r->lecture) : NULL);

    const char *text = json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    bool ok = text && fputs(text, out) >= 0 && fputc('\n', out) != EOF && fflush(out) == 0;
    json_object_put(root);
    return ok;
}
