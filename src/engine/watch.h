/* A running task watches itself: it finds its own slices by the gaps in its time.
 *
 * The task reads the clock after every unit of work. Where a reading comes late it asks the kernel
 * (getrusage(2)) whether it was switched out meanwhile: if its count of switches rose, the gap is where it
 * did not run; if not, the gap was an interrupt or time that a hypervisor took, and is no switch. Where it is
 * about to wait it says so before, and asks the kernel afterwards whether it did. */
#ifndef SCHEDVIZ_ENGINE_WATCH_H
#define SCHEDVIZ_ENGINE_WATCH_H

#include "ring.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What the kernel counted for the calling task, and where it runs. */
struct watch_counts {
    uint64_t voluntary, involuntary;
    int16_t cpu;
};

/* Where clock and counts come from: a test has others than the kernel's. */
struct watch_eyes {
    uint64_t (*now_ns)(void);
    void (*count)(struct watch_counts *counts);
};

struct watch {
    const struct watch_eyes *eyes;
    struct ring *ring;
    _Atomic uint64_t *told_ns; /* in shared memory: how far it has told its switches */
    int tid;
    int16_t cpu;
    uint64_t gap_ns;                         /* what is longer is looked into */
    uint64_t last_ns;                        /* the last reading */
    uint64_t look_ns;                        /* when to look at the counts even without a gap */
    uint64_t widest_begin_ns, widest_end_ns; /* the longest gap since the last look */
    uint64_t blocked_ns;                     /* when it said that it would wait; 0: it runs */
    uint64_t voluntary, involuntary;         /* as counted by the kernel and told by us */
};

/* A watch that never looks: for measuring the loop. */
void watch_init_blind(struct watch *watch);

/* Begins: tells the kernel's counts so far (NOTE_BASE, NOTE_BASE_RUN) and the first switch in. eyes: NULL for
 * the kernel's. */
void watch_begin(struct watch *watch, const struct watch_eyes *eyes, struct ring *ring,
                 _Atomic uint64_t *told_ns, int tid, uint64_t gap_ns);

/* Asks the kernel, and tells of the switches since the last look. now_ns: the last reading of the clock. */
void watch_look(struct watch *watch, uint64_t now_ns);

/* Around whatever may wait: all that was before is told, then a switch out, blocked; nobody waits for what
 * this task tells until it runs again. Afterwards the switch in: IN_STAYED when the kernel counted no switch,
 * and IN_PREEMPTED when it counted that it was preempted and did not wait. Neither does anything when it was
 * done already; what is pushed into the ring between the two is out of order. */
void watch_block(struct watch *watch);
void watch_unblock(struct watch *watch);

/* The last look: afterwards all switches up to last_ns are told, as many as voluntary and involuntary say. */
void watch_end(struct watch *watch);

/* A reading of the clock. */
static inline void watch_step(struct watch *watch, uint64_t now_ns)
{
    uint64_t gap_ns = now_ns - watch->last_ns;

    if (gap_ns > watch->widest_end_ns - watch->widest_begin_ns) {
        watch->widest_begin_ns = watch->last_ns;
        watch->widest_end_ns = now_ns;
    }
    watch->last_ns = now_ns;
    if (gap_ns > watch->gap_ns || now_ns >= watch->look_ns)
        watch_look(watch, now_ns);
}

#endif
