/* What a recording knows beside its events, as JSON. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "facts.h"

#include "../jsonc.h"
#include "state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define MAX_CPUS     CPUSET_MAX
#define MAX_RUNS     65535u
#define MAX_WARNINGS 1000u
#define MAX_ANSWERS  10000u

/* ---- writing: what is zero, empty or false is left out ---- */

static void put_int(struct json_object *o, const char *key, int value)
{
    if (value)
        jsonc_put_int(o, key, value);
}

static void put_u64(struct json_object *o, const char *key, uint64_t value)
{
    if (value)
        jsonc_put_u64(o, key, value);
}

static void put_bool(struct json_object *o, const char *key, bool value)
{
    if (value)
        jsonc_put_bool(o, key, value);
}

static void put_double(struct json_object *o, const char *key, double value)
{
    if (fpclassify(value) != FP_ZERO)
        jsonc_put(o, key, json_object_new_double(value));
}

/* Bytes as they are: the reader of it is this file, and JSON text may hold any but NUL. */
static void put_text(struct json_object *o, const char *key, const char *text)
{
    if (text && text[0])
        jsonc_put(o, key, json_object_new_string(text));
}

static void put_list(struct json_object *o, const char *key, struct json_object *list)
{
    if (json_object_array_length(list) > 0)
        jsonc_put(o, key, list);
    else
        json_object_put(list);
}

static void put_cpus(struct json_object *o, const char *key, const struct cpuset *cpus)
{
    char list[4 * CPUSET_MAX];
    put_text(o, key, cpuset_format(cpus, list, sizeof list));
}

static struct json_object *write_machine(const struct machine *machine)
{
    struct json_object *o = jsonc_object(), *cpus = jsonc_array();
    put_text(o, "kernel", machine->kernel);
    put_text(o, "model", machine->model);
    put_cpus(o, "present", &machine->present);
    put_cpus(o, "online", &machine->online);
    put_cpus(o, "allowed", &machine->allowed);
    put_int(o, "cores", (int)machine->n_cores);
    put_int(o, "packages", (int)machine->n_packages);
    put_int(o, "kinds", (int)machine->n_kinds);
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        const struct machine_cpu *row = &machine->cpus[i];
        struct json_object *cpu = jsonc_object();
        put_int(cpu, "cpu", row->cpu);
        put_int(cpu, "core", row->core);
        put_int(cpu, "package", row->package);
        put_int(cpu, "thread", row->smt);
        put_int(cpu, "threads", row->n_smt);
        put_int(cpu, "kind", row->kind);
        jsonc_add(cpus, cpu);
    }
    put_list(o, "cpus", cpus);
    return o;
}

static struct json_object *write_sums(const struct run *run)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < run->n_sums; i++) {
        const struct counter_sum *sum = &run->sums[i];
        struct json_object *o = jsonc_object();
        put_int(o, "object", (int)sum->object);
        jsonc_put(o, "found", json_object_new_int64(sum->found));
        jsonc_put(o, "expected", json_object_new_int64(sum->expected));
        jsonc_add(list, o);
    }
    return list;
}

static struct json_object *write_run(const struct run *run)
{
    struct json_object *o = jsonc_object();
    put_int(o, "number", run->number);
    put_cpus(o, "cpus", &run->cpus);
    put_int(o, "kind", (int)run->kind);
    put_int(o, "placement", (int)run->placement);
    put_int(o, "tasks", (int)run->n_tasks);
    put_int(o, "sampled", (int)run->n_sampled);
    put_u64(o, "work_ns", run->work_ns);
    put_u64(o, "start_ns", run->start_ns);
    put_u64(o, "end_ns", run->end_ns);
    put_bool(o, "complete", run->complete);
    put_bool(o, "changed", run->changed);
    put_list(o, "counters", write_sums(run));
    return o;
}

static struct json_object *write_target(const struct session_target *target)
{
    struct json_object *o = jsonc_object();
    put_bool(o, "command", target->is_command);
    put_int(o, "pid", target->pid);
    put_bool(o, "ended", target->ended);
    put_bool(o, "known", target->known);
    put_int(o, "status", target->status);
    put_int(o, "exec_error", target->exec_error);
    put_int(o, "tasks", (int)target->n_tasks);
    put_int(o, "processes", (int)target->n_processes);
    put_u64(o, "voluntary", target->voluntary);
    put_u64(o, "involuntary", target->involuntary);
    put_int(o, "nice", target->nice);
    put_int(o, "policy", (int)target->policy);
    return o;
}

static struct json_object *write_answer(const struct lecture_answer *a)
{
    struct json_object *o = jsonc_object();
    put_bool(o, "predicted", a->is_predicted);
    put_double(o, "prediction", a->prediction);
    put_bool(o, "measured", a->is_measured);
    put_double(o, "value", a->is_measured ? a->value : 0);
    put_text(o, "why", a->why);
    put_bool(o, "bounds", a->has_bounds);
    put_bool(o, "inside", a->is_inside);
    put_double(o, "lo", a->has_bounds ? a->lo : 0);
    put_double(o, "hi", a->has_bounds ? a->hi : 0);
    put_int(o, "choice", a->right_choice);
    put_bool(o, "right", a->is_right);
    put_bool(o, "disturbed", a->is_disturbed);
    return o;
}

static void write_lecture(struct json_object *root, const struct lecture *lecture)
{
    struct json_object *steps = jsonc_array(), *scaled = jsonc_array(), *answers = jsonc_array();
    const struct lesson *lesson = lecture_lesson(lecture);
    for (unsigned s = 0; s < lesson->n_steps; s++) {
        jsonc_add(steps, json_object_new_uint64(lecture_step_ns(lecture, s)));
        jsonc_add(scaled, json_object_new_string(lecture_scaled(lecture, s)));
        for (unsigned i = 0; i < lesson->steps[s].n_measures; i++)
            jsonc_add(answers, write_answer(lecture_answer(lecture, s, i)));
    }
    put_list(root, "steps", steps);
    put_list(root, "scaled", scaled);
    put_list(root, "answers", answers);
}

static void put_date(struct json_object *root, time_t begun)
{
    char date[32] = "", host[65] = "";
    struct tm tm;
    if (localtime_r(&begun, &tm))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S%z", &tm);
    gethostname(host, sizeof host - 1);
    put_text(root, "date", date);
    put_text(root, "host", host);
}

static void put_warnings(struct json_object *root, const struct session *session)
{
    struct json_object *list = jsonc_array();
    for (unsigned i = 0; i < session_n_warnings(session); i++)
        jsonc_add(list, json_object_new_string(session_warning(session, i)));
    put_list(root, "warnings", list);
}

char *facts_write(const struct session *session, const struct machine *machine, const struct lecture *lecture)
{
    struct session_info info;
    struct session_target target;
    struct json_object *root = jsonc_object(), *runs = jsonc_array();
    session_info(session, &info);
    put_text(root, "schedviz", PACKAGE_VERSION);
    put_date(root, session->recording.begun);
    jsonc_put(root, "machine", write_machine(machine));
    put_text(root, "name", info.workload.name);
    put_int(root, "kind", (int)info.workload.kind);
    put_int(root, "placement", (int)info.workload.placement);
    put_int(root, "tasks", (int)info.workload.n_tasks);
    put_u64(root, "work_ns", info.workload.work_ns);
    put_cpus(root, "cpus", &info.cpus);
    put_text(root, "source", info.source);
    put_bool(root, "all", info.all);
    put_bool(root, "exact", info.exact);
    put_text(root, "reason", info.reason);
    put_u64(root, "lost", info.n_lost);
    put_u64(root, "late", info.n_late);
    put_bool(root, "finished", info.finished);
    put_int(root, "observer_cpu", info.observer_cpu);
    put_bool(root, "self_told", session->sources.self_timed);
    put_int(root, "default_role", (int)session_default_role(session));
    put_u64(root, "memory", session->config.memory_bytes);
    put_u64(root, "now_ns", session->recording.is_on ? 0 : timeline_now_ns(session->timeline));
    if (session_target(session, &target))
        jsonc_put(root, "program", write_target(&target));
    for (unsigned i = 0; i < session_n_runs(session); i++)
        jsonc_add(runs, write_run(session_run(session, i)));
    put_list(root, "runs", runs);
    const struct run *reference = session_reference(session);
    put_int(root, "reference", reference ? reference->number : 0);
    put_int(root, "comparison", (int)session_comparison(session));
    put_warnings(root, session);
    const struct program *program = info.workload.program;
    put_text(root, "file", program ? program->file : NULL);
    if (program && program->text)
        jsonc_put(root, "text", json_object_new_string_len(program->text, (int)program->length));
    if (lecture)
        write_lecture(root, lecture);
    const char *text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
    char *copy = text ? strdup(text) : NULL;
    if (!copy)
        err_no_memory();
    json_object_put(root);
    return copy;
}

/* ---- reading ---- */

static struct json_object *get(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
        return NULL;
    return value;
}

static int get_int(struct json_object *o, const char *key, int lo, int hi)
{
    struct json_object *value = get(o, key, json_type_int);
    const int64_t n = value ? json_object_get_int64(value) : 0;
    return n < lo ? lo : n > hi ? hi : (int)n;
}

static uint64_t get_u64(struct json_object *o, const char *key)
{
    struct json_object *value = get(o, key, json_type_int);
    return value ? json_object_get_uint64(value) : 0;
}

/* So that the difference of two is one, too. */
static int64_t get_i64(struct json_object *o, const char *key)
{
    struct json_object *value = get(o, key, json_type_int);
    const int64_t n = value ? json_object_get_int64(value) : 0;
    return n < -INT64_MAX / 2 ? -INT64_MAX / 2 : n > INT64_MAX / 2 ? INT64_MAX / 2 : n;
}

static bool get_bool(struct json_object *o, const char *key)
{
    struct json_object *value = get(o, key, json_type_boolean);
    return value && json_object_get_boolean(value);
}

static double get_double(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(o, key, &value) ? json_object_get_double(value) : 0;
}

static void get_text(struct json_object *o, const char *key, char *buf, size_t size)
{
    struct json_object *value = get(o, key, json_type_string);
    snprintf(buf, size, "%s", value ? json_object_get_string(value) : "");
}

static char *get_copy(struct json_object *o, const char *key)
{
    struct json_object *value = get(o, key, json_type_string);
    char *copy = value ? strdup(json_object_get_string(value)) : NULL;
    if (value && !copy)
        err_no_memory();
    return copy;
}

static void get_cpus(struct json_object *o, const char *key, struct cpuset *cpus)
{
    struct json_object *value = get(o, key, json_type_string);
    struct err err;
    if (!value || !cpuset_parse(cpus, json_object_get_string(value), &err))
        memset(cpus, 0, sizeof *cpus);
}

/* The elements of an array, at most so many. */
static unsigned get_list(struct json_object *o, const char *key, unsigned most, struct json_object **list)
{
    *list = get(o, key, json_type_array);
    const size_t n = *list ? json_object_array_length(*list) : 0;
    return n < most ? (unsigned)n : most;
}

static void read_machine(struct json_object *o, struct machine *machine)
{
    struct json_object *list;
    get_text(o, "kernel", machine->kernel, sizeof machine->kernel);
    get_text(o, "model", machine->model, sizeof machine->model);
    get_cpus(o, "present", &machine->present);
    get_cpus(o, "online", &machine->online);
    get_cpus(o, "allowed", &machine->allowed);
    machine->at_start = machine->allowed;
    machine->n_cores = (unsigned)get_int(o, "cores", 0, MAX_CPUS);
    machine->n_packages = (unsigned)get_int(o, "packages", 0, MAX_CPUS);
    machine->n_kinds = (unsigned)get_int(o, "kinds", 0, MAX_CPUS);
    const unsigned n = get_list(o, "cpus", MAX_CPUS, &list);
    machine->cpus = mem_new(n + 1ul, sizeof *machine->cpus);
    for (unsigned i = 0; i < n; i++) {
        struct json_object *cpu = json_object_array_get_idx(list, i);
        machine->cpus[machine->n_cpus++] =
            (struct machine_cpu){.cpu = get_int(cpu, "cpu", 0, MAX_CPUS - 1),
                                 .core = get_int(cpu, "core", 0, MAX_CPUS - 1),
                                 .package = get_int(cpu, "package", 0, MAX_CPUS - 1),
                                 .smt = get_int(cpu, "thread", 0, MAX_CPUS - 1),
                                 .n_smt = get_int(cpu, "threads", 1, MAX_CPUS),
                                 .kind = get_int(cpu, "kind", 0, MAX_CPUS - 1)};
    }
}

static void read_sums(struct json_object *o, struct run *run)
{
    struct json_object *list;
    run->n_sums = get_list(o, "counters", RUN_MAX_SUMS, &list);
    for (unsigned i = 0; i < run->n_sums; i++) {
        struct json_object *sum = json_object_array_get_idx(list, i);
        run->sums[i] = (struct counter_sum){.object = (uint32_t)get_int(sum, "object", 0, INT32_MAX),
                                            .found = get_i64(sum, "found"),
                                            .expected = get_i64(sum, "expected")};
    }
}

static void read_run(struct json_object *o, struct run *run)
{
    run->number = (uint16_t)get_int(o, "number", 1, UINT16_MAX);
    get_cpus(o, "cpus", &run->cpus);
    run->kind = (enum task_kind)get_int(o, "kind", TASK_THREAD, TASK_GREEN);
    run->placement = (enum placement)get_int(o, "placement", PLACEMENT_PINNED, PLACEMENT_FREE);
    run->n_tasks = (unsigned)get_int(o, "tasks", 0, INT32_MAX);
    run->n_sampled = (unsigned)get_int(o, "sampled", 0, INT32_MAX);
    run->work_ns = get_u64(o, "work_ns");
    run->start_ns = get_u64(o, "start_ns");
    run->end_ns = get_u64(o, "end_ns");
    run->complete = get_bool(o, "complete");
    run->changed = get_bool(o, "changed");
    read_sums(o, run);
}

static void read_target(struct json_object *o, struct session_target *target)
{
    target->is_command = get_bool(o, "command");
    target->pid = get_int(o, "pid", 0, INT32_MAX);
    target->ended = get_bool(o, "ended");
    target->known = get_bool(o, "known");
    target->status = get_int(o, "status", 0, INT32_MAX);
    target->exec_error = get_int(o, "exec_error", 0, 4095);
    target->n_tasks = (unsigned)get_int(o, "tasks", 0, INT32_MAX);
    target->n_processes = (unsigned)get_int(o, "processes", 0, INT32_MAX);
    target->voluntary = get_u64(o, "voluntary");
    target->involuntary = get_u64(o, "involuntary");
    target->nice = get_int(o, "nice", -20, 19);
    target->policy = (enum policy)get_int(o, "policy", POLICY_KEEP, POLICY_DEADLINE);
}

static void read_answer(struct json_object *o, struct lecture_answer *a)
{
    a->is_predicted = get_bool(o, "predicted");
    a->prediction = get_double(o, "prediction");
    a->is_measured = get_bool(o, "measured");
    a->value = get_double(o, "value");
    get_text(o, "why", a->why, sizeof a->why);
    a->has_bounds = get_bool(o, "bounds");
    a->is_inside = get_bool(o, "inside");
    a->lo = get_double(o, "lo");
    a->hi = get_double(o, "hi");
    a->right_choice = get_int(o, "choice", -1, LESSON_MAX_CHOICES - 1);
    a->is_right = get_bool(o, "right");
    a->is_disturbed = get_bool(o, "disturbed");
}

static void read_lists(struct session_facts *f, struct json_object *root)
{
    struct json_object *list;
    f->n_runs = get_list(root, "runs", MAX_RUNS, &list);
    f->runs = mem_new(f->n_runs + 1ul, sizeof *f->runs);
    for (unsigned i = 0; i < f->n_runs; i++)
        read_run(json_object_array_get_idx(list, i), &f->runs[i]);

    f->n_warnings = get_list(root, "warnings", MAX_WARNINGS, &list);
    f->warnings = mem_new(f->n_warnings + 1ul, sizeof *f->warnings);
    for (unsigned i = 0; i < f->n_warnings; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(list, i));
        f->warnings[i] = strdup(text ? text : "");
        if (!f->warnings[i])
            err_no_memory();
    }

    f->n_steps = get_list(root, "steps", MAX_ANSWERS, &list);
    f->steps = mem_new(f->n_steps + 1ul, sizeof *f->steps);
    for (unsigned i = 0; i < f->n_steps; i++)
        f->steps[i].begun_ns = json_object_get_uint64(json_object_array_get_idx(list, i));
    const unsigned n_scaled = get_list(root, "scaled", f->n_steps, &list);
    for (unsigned i = 0; i < n_scaled; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(list, i));
        snprintf(f->steps[i].scaled, sizeof f->steps[i].scaled, "%s", text ? text : "");
    }

    f->n_answers = get_list(root, "answers", MAX_ANSWERS, &list);
    f->answers = mem_new(f->n_answers + 1ul, sizeof *f->answers);
    for (unsigned i = 0; i < f->n_answers; i++)
        read_answer(json_object_array_get_idx(list, i), &f->answers[i]);
}

static void read_info(struct session_facts *f, struct json_object *root)
{
    struct session_info *info = &f->info;
    get_text(root, "source", f->source, sizeof f->source);
    get_text(root, "reason", f->reason, sizeof f->reason);
    get_text(root, "name", f->name, sizeof f->name);
    info->source = f->source;
    info->reason = f->reason[0] ? f->reason : NULL;
    info->workload.name = f->name;
    info->workload.kind = (enum task_kind)get_int(root, "kind", TASK_THREAD, TASK_GREEN);
    info->workload.placement = (enum placement)get_int(root, "placement", PLACEMENT_PINNED, PLACEMENT_FREE);
    info->workload.n_tasks = (unsigned)get_int(root, "tasks", 0, INT32_MAX);
    info->workload.work_ns = get_u64(root, "work_ns");
    get_cpus(root, "cpus", &info->cpus);
    info->all = get_bool(root, "all");
    info->exact = get_bool(root, "exact");
    info->n_lost = get_u64(root, "lost");
    info->n_late = get_u64(root, "late");
    info->finished = get_bool(root, "finished");
    info->observer_cpu = get_int(root, "observer_cpu", -1, MAX_CPUS - 1);
}

bool facts_read(struct session_facts *f, const char *text, size_t length, struct err *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(16);
    if (!tokener || length > INT32_MAX)
        err_no_memory();
    struct json_object *root = json_tokener_parse_ex(tokener, text, (int)length);
    json_tokener_free(tokener);
    *f = (struct session_facts){0};
    if (!root || !json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return err_set(err, "what it says of its session cannot be read");
    }
    get_text(root, "schedviz", f->made_by, sizeof f->made_by);
    get_text(root, "date", f->made_at, sizeof f->made_at);
    get_text(root, "host", f->host, sizeof f->host);
    struct json_object *part = get(root, "machine", json_type_object);
    if (part)
        read_machine(part, &f->machine);
    read_info(f, root);
    part = get(root, "program", json_type_object);
    f->has_target = part != NULL;
    if (part)
        read_target(part, &f->target);
    read_lists(f, root);
    f->reference = (uint16_t)get_int(root, "reference", 0, UINT16_MAX);
    f->comparison = (enum comparison)get_int(root, "comparison", COMPARE_NONE, COMPARE_FINISHED_IN_TURN);
    f->self_told = get_bool(root, "self_told");
    f->default_role = (enum task_role)get_int(root, "default_role", ROLE_UNKNOWN, ROLE_OTHER);
    f->memory_bytes = get_u64(root, "memory");
    f->now_ns = get_u64(root, "now_ns");
    f->file = get_copy(root, "file");
    f->text = get_copy(root, "text");
    json_object_put(root);
    return true;
}

void facts_fini(struct session_facts *f)
{
    machine_fini(&f->machine);
    for (unsigned i = 0; i < f->n_warnings; i++)
        free(f->warnings[i]);
    free(f->warnings);
    free(f->runs);
    free(f->steps);
    free(f->answers);
    free(f->file);
    free(f->text);
    *f = (struct session_facts){0};
}
