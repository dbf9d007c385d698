/* Green threads: the green tasks of a run share one thread of the crew, their carrier, by turns.
 *
 * They are cooperative: one computes until it yields, waits, sleeps or ends, and nobody takes its turn away.
 * A wait or a sleep gives the turn to the next that is ready; the carrier itself sleeps when none is. A
 * system call that blocks (ACTION_BLOCK) blocks the carrier, and so all of them. */
#ifndef SCHEDVIZ_ENGINE_GREEN_H
#define SCHEDVIZ_ENGINE_GREEN_H

#include "shared.h"

#include <stdatomic.h>
#include <stdbool.h>

#define CARRIER_NAME "carrier"

struct carry {
    struct shared *shared;
    unsigned set; /* of objects: its run's tasks are carried */
    uint16_t run;
    struct cpuset cpus;
    int crew_bell, schedviz_bell, host_bell; /* eventfd(2)s */
    _Atomic bool is_over;                    /* the thread takes no more orders and is about to end */
};

/* What the carrier does, as the thread that it is: it takes the green orders of the run from the shared
 * memory whenever the gate's bell rings, and ends when it has none left. */
void green_carry(struct carry *carry);

/* The carrier was joined: tells its end, if it did not do so itself. */
void green_joined(const struct carry *carry);

#endif
