/* The choice among the sources: by trying, never by reading what the kernel might allow. */
#include "sources.h"

#include "../clock.h"
#include "../observe/perf.h"

#include <stdio.h>
#include <string.h>

#define FEW_CPUS 64

/* Tasks come to CPUs that are not chosen, nor ours: the kernel puts them there when theirs goes offline or is
 * taken away by a cgroup. On a large machine only those are watched that were ours at the start. */
static bool may_come_to(const struct machine *machine, int cpu)
{
    return cpuset_count(&machine->present) <= FEW_CPUS || cpuset_has(&machine->at_start, cpu);
}

static struct source *open_perf(const struct session_config *config, const struct machine *machine,
                                struct err *err)
{
    const struct cpuset *present = &machine->present;
    struct perf_config perf = {.pid = 0, .cpus = machine->allowed};
    if (config->all)
        perf = (struct perf_config){.pid = -1, .cpus = machine->online};
    for (int cpu = cpuset_next(present, -1); cpu >= 0 && !config->all; cpu = cpuset_next(present, cpu)) {
        if (may_come_to(machine, cpu))
            cpuset_add(cpuset_has(&machine->online, cpu) ? &perf.cpus : &perf.later, cpu);
    }
    return perf_open(&perf, err);
}

bool sources_open(struct sources *sources, const struct session_config *config, const struct machine *machine,
                  struct err *err)
{
    struct err why = {0};
    const enum source_choice choice = config->source;
    memset(sources, 0, sizeof *sources);
    sources->name = "engine";
    if (choice == SOURCE_AUTO || choice == SOURCE_PERF) {
        sources->perf = open_perf(config, machine, &why);
        if (sources->perf)
            sources->name = "perf";
        else if (choice == SOURCE_PERF || config->all)
            return err_set(err, "%s", why.msg);
        else
            snprintf(sources->reason, sizeof sources->reason, "%s", why.msg);
    } else {
        sources->name = choice == SOURCE_PROC ? "proc" : "engine";
        snprintf(sources->reason, sizeof sources->reason, "asked for with --source=%s", sources->name);
    }
    const bool sampling = choice == SOURCE_PROC;
    sources->exact = !sampling;
    sources->self_timed = !sources->perf && !sampling;
    struct proc_config proc = {.counters_every_ns = (sampling ? 100 : 500) * NS_PER_MS,
                               .states_every_ns = (sampling ? 50 : 500) * NS_PER_MS};
    sources->proc = proc_open(&proc);
    return true;
}

void sources_close(struct sources *sources)
{
    if (sources->perf)
        sources->perf->ops->close(sources->perf);
    if (sources->proc)
        sources->proc->ops->close(sources->proc);
}
