/* Names of tasks, kinds and placements; how many tasks a program has. */
#include "workload.h"

#include <stddef.h>

/* Bijective base 26: after "Z" comes "AA". */
char *workload_task_name(unsigned i, char buf[EVENT_NAME_SIZE])
{
    char reversed[EVENT_NAME_SIZE];
    size_t n = 0;

    for (uint64_t rest = (uint64_t)i + 1; rest > 0; rest = (rest - 1) / 26)
        reversed[n++] = (char)('A' + (rest - 1) % 26);
    for (size_t k = 0; k < n; k++)
        buf[k] = reversed[n - 1 - k];
    buf[n] = '\0';
    return buf;
}

static unsigned n_scaling(const struct workload *workload, unsigned n_scaled)
{
    const struct program *program = workload->program;
    uint32_t scaling = program_scaling_template(program);

    if (scaling == PROGRAM_NONE || (workload->started && !workload->started[scaling]))
        return 0;
    return n_scaled ? n_scaled : program->templates[scaling].n_instances;
}

bool workload_cast(struct workload *workload, unsigned n_scaled, struct err *err)
{
    const struct program *program = workload->program;
    unsigned scaling = n_scaling(workload, n_scaled);
    unsigned n = program_cast(program, workload->started, n_scaled, NULL, 0);

    if (n_scaled && !scaling)
        return err_set(err, "the number of its tasks is fixed; a task with `scales: true' has one to choose");
    if (n == 0)
        return err_set(err, "no task is started; give one an instance");
    if (n > WORKLOAD_MAX_TASKS)
        return err_set(err, "%u tasks are too many: at most %d fit", n, WORKLOAD_MAX_TASKS);
    workload->n_tasks = n;
    workload->n_fixed = n - scaling;
    return true;
}

static bool template_ends(const struct template *template)
{
    bool ends = template->loop >= 0;

    for (unsigned i = 0; i < template->n_phases; i++)
        ends = ends && template->phases[i].loop >= 0;
    return ends;
}

bool workload_ends(const struct workload *workload)
{
    const struct program *program = workload->program;

    if (!program)
        return workload->work_ns > 0;
    for (uint32_t i = 0; i < program->n_templates; i++) {
        const struct template *template = &program->templates[i];
        bool is_started = template->n_instances > 0 && (!workload->started || workload->started[i]);
        if (is_started && !template_ends(template))
            return false;
    }
    return true;
}

const char *workload_kind_name(enum task_kind kind)
{
    switch (kind) {
    case TASK_THREAD:
        return "thread";
    case TASK_PROCESS:
        return "process";
    case TASK_GREEN:
        return "green";
    }
    return "unknown";
}

const char *workload_kind_noun(enum task_kind kind, unsigned n)
{
    switch (kind) {
    case TASK_THREAD:
        return n == 1 ? "thread" : "threads";
    case TASK_PROCESS:
        return n == 1 ? "process" : "processes";
    case TASK_GREEN:
        return n == 1 ? "green thread" : "green threads";
    }
    return "tasks";
}

const char *workload_placement_name(enum placement placement)
{
    switch (placement) {
    case PLACEMENT_PINNED:
        return "pinned";
    case PLACEMENT_FREE:
        return "free";
    }
    return "unknown";
}
