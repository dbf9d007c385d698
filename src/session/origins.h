/* What the tasks of an attached process had when schedviz came: CPUs, nice, policy. What schedviz changes of
 * it is given back when it ends, however that comes. */
#ifndef SCHEDVIZ_SESSION_ORIGINS_H
#define SCHEDVIZ_SESSION_ORIGINS_H

#include "../target/target.h"

#include <sys/types.h>

enum origin_change { ORIGIN_CPUS = 1, ORIGIN_NICE = 2, ORIGIN_POLICY = 4 };

struct origins {
    struct origin *all; /* the process's own is the first */
    size_t n, capacity;
    unsigned changed; /* enum origin_change */
    pid_t guard;      /* a process that gives all back if we are killed; 0: there is none */
    int guard_fd;
};

/* Takes down what the task has now. Not for one that may have come after a change: it has what we gave. */
void origins_keep(struct origins *origins, const struct target_task *task);

/* Something is about to be changed, for the first time or again. True if a guard was forked for it now. */
bool origins_change(struct origins *origins, const struct target *target, enum origin_change what);

/* Tasks have again what they had, and those that came meanwhile what their process had; nothing where nothing
 * was changed. What cannot be given back stays: only with a privilege does a task come back from a higher
 * nice value, or from SCHED_IDLE. */
void origins_restore(struct origins *origins, const struct target *target);

/* Restored before. */
void origins_fini(struct origins *origins);

#endif
