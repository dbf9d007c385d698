/* What a task asks of the scheduler and the memory: policy, nice value, slice, CPUs, NUMA nodes, task group.
 */
#ifndef SCHEDVIZ_ENGINE_ATTRIBUTES_H
#define SCHEDVIZ_ENGINE_ATTRIBUTES_H

#include "../workload/program.h"

enum attribute {
    ATTRIBUTE_POLICY,
    ATTRIBUTE_NICE,
    ATTRIBUTE_SLICE,
    ATTRIBUTE_UTIL,
    ATTRIBUTE_CPUS,
    ATTRIBUTE_NODES,
    ATTRIBUTE_TASKGROUP,
    ATTRIBUTE_LOCK_PAGES,
    N_ATTRIBUTES,
};

/* Who hears of what the machine refuses. text: what, why and what is done instead, to follow "task low: " :
 * "SCHED_FIFO refused: needs CAP_SYS_NICE or an RLIMIT_RTPRIO; it runs as SCHED_OTHER". */
struct refusals {
    void (*tell)(struct refusals *refusals, enum attribute what, const char *text);
};

/* Applies to the calling task all that the settings say, but cpus; what is not said stays as it was. A
 * real-time policy is refused too where the kernel does not keep some of each second for others. */
void attributes_apply(const struct settings *settings, struct refusals *refusals);

/* Locks the memory of a task that now has a real-time policy (rt-app's lock_pages); of no other. */
void attributes_lock_pages(struct refusals *refusals);

/* Those of the wanted CPUs that are allowed, and whether there is one; the others are told as refused. */
bool attributes_look_for_cpus(const struct cpuset *wanted, const struct cpuset *allowed, struct cpuset *found,
                              struct refusals *refusals);

/* Puts the calling task on those of the wanted CPUs that are allowed. */
void attributes_place(const struct cpuset *wanted, const struct cpuset *allowed, struct refusals *refusals);

#endif
