/* The choice among the sources: by trying, never by reading what the kernel might allow. */
#include "sources.h"

#include "../clock.h"
#include "../observe/perf.h"

#include <stdio.h>
#include <string.h>

#define FEW_CPUS    64
#define CROWD_PER_S 240 /* tasks of thousands that are read a second, where perf tells of them exactly */

/* Tasks come to CPUs that are not chosen, nor ours: the kernel puts them there when theirs goes offline or is
 * taken away by a cgroup. On a large machine only those are watched that were ours at the start. */
static bool may_come_to(const struct machine *machine, int cpu)
{
    return cpuset_count(&machine->present) <= FEW_CPUS || cpuset_has(&machine->at_start, cpu);
}

/* Every task of the machine, and who wakes whom: it takes a privilege. */
static struct source *open_all(const struct machine *machine, struct err *err)
{
    const struct perf_config perf = {.pid = -1, .cpus = machine->online, .wakes = true};
    return perf_open(&perf, err);
}

/* What we fork from now on. */
static struct source *open_tree(const struct machine *machine, struct err *err)
{
    const struct cpuset *present = &machine->present;
    struct perf_config perf = {.pid = 0, .cpus = machine->allowed};
    for (int cpu = cpuset_next(present, -1); cpu >= 0; cpu = cpuset_next(present, cpu)) {
        if (may_come_to(machine, cpu))
            cpuset_add(cpuset_has(&machine->online, cpu) ? &perf.cpus : &perf.later, cpu);
    }
    return perf_open(&perf, err);
}

/* Of a program that is not ours all is seen where that is allowed: who runs while it waits, who wakes it. Of
 * our own tasks that is only asked for by the user. */
static bool open_perf(struct sources *sources, const struct session_config *config,
                      const struct machine *machine, struct err *err)
{
    if (config->all || config->argv || config->pid)
        sources->perf = open_all(machine, err);
    sources->all = sources->perf != NULL;
    if (!sources->perf && !config->all)
        sources->perf = open_tree(machine, err);
    return sources->perf != NULL;
}

bool sources_open(struct sources *sources, const struct session_config *config, const struct machine *machine,
                  struct err *err)
{
    struct err why = {0};
    const enum source_choice choice = config->source;
    const bool is_foreign = config->argv || config->pid;
    memset(sources, 0, sizeof *sources);
    sources->name = is_foreign ? "proc" : "engine";
    if (choice == SOURCE_AUTO || choice == SOURCE_PERF) {
        const char *no_wakes = "";
        if (open_perf(sources, config, machine, &why)) {
            sources->name = "perf";
            if (sources->all && !perf_has_wakes(sources->perf, &no_wakes))
                snprintf(sources->reason, sizeof sources->reason, "%s", no_wakes);
        } else if (choice == SOURCE_PERF || config->all) {
            return err_set(err, "%s", why.msg);
        } else {
            snprintf(sources->reason, sizeof sources->reason, "%s", why.msg);
        }
    } else {
        sources->name = choice == SOURCE_PROC ? "proc" : "engine";
        snprintf(sources->reason, sizeof sources->reason, "asked for with --source=%s", sources->name);
    }
    const bool sampling = !sources->perf && (is_foreign || choice == SOURCE_PROC);
    sources->exact = !sampling;
    sources->self_timed = !sources->perf && !sampling;
    struct proc_config proc = {.close_counters_every_ns = 100 * NS_PER_MS,
                               .close_states_every_ns = 50 * NS_PER_MS,
                               .crowd_per_s = sampling ? 0 : CROWD_PER_S,
                               .counters_every_ns = (sampling ? 100 : 2000) * NS_PER_MS,
                               .states_every_ns = (sampling ? 50 : 2000) * NS_PER_MS};
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
