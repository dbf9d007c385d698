/* The observer: schedviz itself as a task beside those that it shows, and as a neighbour that keeps away. */
#ifndef SCHEDVIZ_SESSION_OBSERVER_H
#define SCHEDVIZ_SESSION_OBSERVER_H

#include "../cpuset.h"
#include "notes.h"

#include <stdbool.h>
#include <sys/resource.h>

struct observer {
    int cpu;              /* where we keep ourselves, -1: anywhere */
    bool self_timed;      /* nobody else tells our slices: we do, around every sleep */
    struct rusage usage;  /* as of the last sleep */
    struct event base[2]; /* what the kernel had counted of us when capture began */
};

/* Before capture begins: takes the kernel's counts of us so far. */
void observer_init(struct observer *observer);

/* Tells who we are and what had been counted of us. */
void observer_introduce(struct observer *observer, struct notes *notes, bool self_timed);

/* Asks for a short slice of our own, so that we are woken promptly on a busy CPU; and gives it back. */
void observer_hurry(void);
/* Where nobody looks at a screen: we wait for our turn. Each task that ends wakes us (perf_event_exit_task()), and
 * would be preempted by us on its last way, where that is not told any more: SCHED_BATCH preempts nobody, sched(7). */
void observer_stand_back(void);
void observer_relax(void);

/* Keeps to a CPU that is not used, where there is one. */
void observer_place(struct observer *observer, const struct cpuset *allowed, const struct cpuset *used);

/* poll(2); where we time ourselves, it notes that we gave the CPU away meanwhile. errno is poll's. */
int observer_sleep(struct observer *observer, struct notes *notes, struct pollfd *fds, unsigned n,
                   int timeout_ms);

#endif
