/* What a session is started with. */
#include "setup.h"

#include "../src/lesson/catalogue.h"
#include "../src/lesson/measure.h"
#include "../src/session/facts.h"

#include <string.h>

/* What a key may save of what was seen: a minute of a hundred thousand switches a second. */
#define PAST_BYTES ((size_t)32 << 20)

/* ---- the cores ---- */

static bool check_cpu_list(const struct cpuset *cpus, const struct machine *machine, struct err *err)
{
    char list[128];
    cpuset_format(&machine->allowed, list, sizeof list);
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        if (!cpuset_has(&machine->allowed, cpu))
            return err_set(
                err, "--cpu-list: cpu %d %s; these may be used: %s", cpu,
                cpuset_has(&machine->online, cpu) ? "is forbidden to us" : "is offline or not there", list);
    }
    return true;
}

/* How many cores when the user does not say: what the file says, cut to what there is; of a file that says
 * nothing all of them, as rt-app does; of a lesson, and of nothing, one. */
static bool default_cores(struct setup *setup, unsigned n_allowed, unsigned *n, struct err *err)
{
    struct program *program = setup->program;
    double wanted = program && !program->lesson ? n_allowed : 1;
    if (program && program->cores.text) {
        if (!measure_eval_setting(program->cores.text, n_allowed, 1, 1, &wanted, err))
            return false;
        if (!(wanted >= 0.5)) {
            err_set(err, "cores: \"%.80s\" is %g here: at least one is needed", program->cores.text, wanted);
            return program_fail(program, program->cores.line, program->cores.column, err);
        }
    }
    *n = wanted > n_allowed ? n_allowed : (unsigned)(wanted + 0.5);
    if (program && wanted >= n_allowed + 0.5)
        program_warn(program, "line %u: cores: made for %.0f; this machine lets us use %u",
                     program->cores.line, wanted, n_allowed);
    return true;
}

static bool choose_cpus(struct setup *setup, const struct options *o, const struct machine *machine,
                        struct err *err)
{
    const unsigned n_allowed = (unsigned)cpuset_count(&machine->allowed);
    unsigned n = o->n_cores;
    char list[128];
    if (o->cpus_given) {
        setup->base_cpus = o->cpus;
        return check_cpu_list(&o->cpus, machine, err);
    }
    if (!n && (o->command || o->pid)) { /* as without us */
        setup->base_cpus = machine->allowed;
        return true;
    }
    if (n > n_allowed)
        return err_set(err, "--cores=%u: there %s %u that may be used (cpu %s)", n,
                       n_allowed == 1 ? "is" : "are", n_allowed,
                       cpuset_format(&machine->allowed, list, sizeof list));
    if (!n && !default_cores(setup, n_allowed, &n, err))
        return false;
    machine_first_cpus(machine, n, &setup->base_cpus);
    return true;
}

/* ---- the tasks ---- */

/* `instance' as a formula; 0: as the file says. */
static bool default_tasks(const struct setup *setup, unsigned n_allowed, unsigned *n, struct err *err)
{
    const struct program *program = setup->program;
    const unsigned n_cores = (unsigned)cpuset_count(&setup->base_cpus);
    double wanted;
    if (!program->tasks.text)
        return true;
    if (!measure_eval_setting(program->tasks.text, n_allowed, n_cores, 1, &wanted, err))
        return false;
    if (!(wanted >= 0.5 && wanted <= WORKLOAD_MAX_TASKS)) {
        err_set(err, "task `%.40s': instance: \"%.80s\" is %g here: it must be from 1 to %d",
                program->templates[program_scaling_template(program)].name, program->tasks.text, wanted,
                WORKLOAD_MAX_TASKS);
        return program_fail(program, program->tasks.line, program->tasks.column, err);
    }
    *n = (unsigned)(wanted + 0.5);
    return true;
}

static bool choose_tasks(struct setup *setup, const struct options *o, unsigned n_allowed, struct err *err)
{
    struct workload *base = &setup->base;
    const struct program *program = setup->program;
    *base = (struct workload){.name = "interleave", .kind = o->kind, .placement = o->placement};
    if (o->command || o->pid) {
        setup->ends = o->command != NULL;
        return true;
    }
    if (!program) {
        base->n_tasks = o->n_tasks ? o->n_tasks : OPTIONS_DEFAULT_TASKS;
        base->work_ns = o->work_ns;
        setup->ends = o->work_ns > 0;
        return true;
    }
    if (o->work_ns)
        return err_set(err, "--work: the tasks of %s have their own work: change `run' there", program->file);
    base->name = program->name;
    base->program = program;
    if (!o->kind_given && program->has_kind)
        base->kind = program->kind;
    if (!o->placement_given)
        base->placement = program->placement >= 0 ? (enum placement)program->placement : PLACEMENT_FREE;
    unsigned n_scaled = o->n_tasks;
    if (!n_scaled && !default_tasks(setup, n_allowed, &n_scaled, err))
        return false;
    struct err what;
    if (!workload_cast(base, n_scaled, &what))
        return err_set(err, "%s: %s", program->file, what.msg);
    setup->ends = workload_ends(base);
    return true;
}

bool setup_make(struct setup *setup, const struct options *o, const struct machine *machine, bool interactive,
                struct err *err)
{
    char note[LECTURE_NOTE_SIZE];
    *setup = (struct setup){0};
    if (o->lesson && !(setup->program = catalogue_load(o->lesson, err)))
        return false;
    if (!choose_cpus(setup, o, machine, err) ||
        !choose_tasks(setup, o, (unsigned)cpuset_count(&machine->allowed), err))
        goto fail;

    const struct program *program = setup->program;
    setup->duration_ns = o->duration_ns ? o->duration_ns : program ? program->duration_ns : 0;
    setup->session = (struct session_config){.argv = o->command,
                                             .pid = o->pid,
                                             .moves = o->n_cores || o->cpus_given,
                                             .captured = interactive,
                                             .past_bytes = interactive ? PAST_BYTES : 0,
                                             .workload = setup->base,
                                             .cpus = setup->base_cpus,
                                             .source = o->source,
                                             .all = o->all,
                                             .memory_bytes = o->memory_bytes};
    if (!program || !program->lesson)
        return true;
    const struct lecture_given given = {.cores = o->n_cores || o->cpus_given,
                                        .tasks = o->n_tasks > 0,
                                        .kind = o->kind_given,
                                        .placement = o->placement_given};
    if (!lecture_check(program, &setup->base, &setup->base_cpus, machine, &given, err))
        goto fail;
    if (!lecture_workload(program, 0, &setup->base, &setup->base_cpus, machine, &setup->session.workload,
                          &setup->session.cpus, note, err))
        goto fail;
    const struct lesson_step *first = &program->lesson->steps[0];
    for (unsigned i = 0; interactive && i < first->n_measures; i++)
        setup->session.hold = setup->session.hold || first->measures[i].question;
    return true;
fail:
    setup_fini(setup);
    return false;
}

void setup_fini(struct setup *setup)
{
    program_free(setup->program);
    setup->program = NULL;
}

struct lecture *setup_lecture(const struct setup *setup, struct session *session,
                              const struct machine *machine, bool interactive)
{
    if (!setup->program || !setup->program->lesson)
        return NULL;
    return lecture_new(session, setup->program, &setup->base, &setup->base_cpus, machine, interactive);
}

struct lecture *setup_recorded_lecture(const struct session *session)
{
    const struct session_facts *facts = session_replay_facts(session);
    struct session_info info;
    session_info(session, &info);
    if (!info.workload.program || !info.workload.program->lesson || !facts->n_steps)
        return NULL;
    return lecture_recorded(info.workload.program, facts->answers, facts->n_answers, facts->steps,
                            facts->n_steps);
}
