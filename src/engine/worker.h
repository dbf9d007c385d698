/* What a task of the workload does, from its first instruction to its last words. */
#ifndef SCHEDVIZ_ENGINE_WORKER_H
#define SCHEDVIZ_ENGINE_WORKER_H

#include "shared.h"
#include "watch.h"

struct worker {
    struct shared *shared;
    unsigned slot;
    int schedviz_bell; /* eventfd(2)s */
    int host_bell;     /* -1: the host learns of the end by SIGCHLD */
};

/* Runs the task of the slot in the calling thread. */
void worker_run(const struct worker *worker);

/* The loop: n_units of pure computation, or fewer when the slot's stop flag is set. With a watch the clock is
 * read after each unit; NULL: it is not read at all. Returns how many were done. */
uint64_t worker_loop(struct slot *slot, struct watch *watch, uint64_t n_units);

#endif
