/* The machine: logical CPUs, how they share cores and packages, and which of them we may use. */
#ifndef SCHEDVIZ_MACHINE_H
#define SCHEDVIZ_MACHINE_H

#include "cpuset.h"
#include "err.h"

struct machine_cpu {
    int cpu;     /* the kernel's number */
    int core;    /* logical number of its core, from 0 over the whole machine */
    int package; /* logical number of its package, from 0 */
    int smt;     /* which hardware thread of its core, from 0 */
    int n_smt;   /* hardware threads of its core */
    int kind; /* efficiency class, from 0 (least powerful); all 0 where the kernel does not tell them apart */
};

/* How the machine is asked which CPUs there are and may be used; a test puts its own here. Each is false
 * where that cannot be known. */
struct machine_probe {
    bool (*list)(const char *name, struct cpuset *set); /* sysfs cpu/NAME: "online", "present" */
    bool (*allowed_at_all)(struct cpuset *set);         /* of ourselves, with those that are offline */
    bool (*get_affinity)(struct cpuset *set);
    bool (*set_affinity)(const struct cpuset *set);
};

struct machine {
    unsigned n_cpus; /* in cpus[], ordered by package, core, smt */
    struct machine_cpu *cpus;
    unsigned n_cores, n_packages, n_kinds;
    struct cpuset present; /* sysfs cpu/present: there, though perhaps offline */
    struct cpuset online;
    struct cpuset allowed;  /* what may be chosen now, never empty */
    struct cpuset at_start; /* our affinity at the start, with CPUs that were offline: a CPU that comes (back)
                               is measured by it */
    char kernel[65];        /* utsname release */
    char model[128];        /* the CPU's model name, "" when unknown */
    const struct machine_probe *probe;
};

/* Reads the topology through hwloc (only its CPU side, so that it takes a few ms). */
bool machine_load(struct machine *machine, struct err *err);
void machine_fini(struct machine *machine);

/* Looks again which CPUs are online and allowed (cheap: sysfs and a few system calls); true when something
 * changed. A CPU that came (back) since is allowed if it was in at_start. Where a cgroup leaves nothing of
 * at_start, what it does leave is allowed. Rows of CPUs that were not there before are added, which moves
 * cpus[]. */
bool machine_refresh(struct machine *machine);

/* The row of a CPU, or NULL. */
const struct machine_cpu *machine_cpu(const struct machine *machine, int cpu);

/* Which CPU to add to the chosen ones: the first allowed one on a core that they use least, so that hardware
 * threads of one core are shared last; -1 when all are chosen. And which to take away first: the reverse. */
int machine_next_cpu(const struct machine *machine, const struct cpuset *chosen);
/* The first n of those that may be used, in the order of machine_next_cpu(). */
void machine_first_cpus(const struct machine *machine, unsigned n, struct cpuset *cpus);
int machine_last_cpu(const struct machine *machine, const struct cpuset *chosen);

/* An allowed CPU whose core has no hardware thread among the chosen ones, or -1. */
int machine_spare_cpu(const struct machine *machine, const struct cpuset *chosen);

#endif
