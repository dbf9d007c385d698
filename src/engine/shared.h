/* The memory that schedviz, the host and the tasks share: who writes what, and in which order. */
#ifndef SCHEDVIZ_ENGINE_SHARED_H
#define SCHEDVIZ_ENGINE_SHARED_H

#include "../cpuset.h"
#include "../workload/workload.h"
#include "ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The life of a task. Each step has one writer, so that no message and no lock is needed; who makes a step
 * rings the other's bell (an eventfd). Everything that a step tells of is written before it (release) and
 * read after it. */
enum stage {
    STAGE_EMPTY,   /* schedviz: nothing here */
    STAGE_ASKED,   /* schedviz: order is filled in */
    STAGE_GATED,   /* task: on its CPUs, tid and pid are known */
    STAGE_RUNNING, /* task: passed the gate */
    STAGE_ENDING,  /* task: the work is over, the last words follow */
    STAGE_GONE,    /* host: ended and reaped; status is known */
    STAGE_FAILED,  /* host: could not be made; error is known */
};

/* What a task is to do. Written by schedviz before STAGE_ASKED. */
struct order {
    enum task_kind kind;
    uint16_t run;
    uint64_t total_ns; /* 0: without end */
    uint64_t done_ns;  /* of it, done before this task */
    uint64_t n_units;  /* of calibrated work to do; UINT64_MAX: without end */
    struct cpuset cpus;
};

struct slot {
    alignas(64) _Atomic int stage;
    _Atomic bool stop; /* schedviz: end soon */
    struct order order;

    /* The task's, or the host's for it. */
    _Atomic int tid, pid;
    _Atomic int error;  /* errno: it could not be made, or not be put on its CPUs */
    _Atomic int status; /* host: as wait(2) gives it */
    _Atomic bool told_exit;
    uint64_t created_ns; /* host: just before it was made */
    _Atomic uint64_t started_ns, ended_ns;

    /* Written several million times a second: only the task's own words live on this line. */
    alignas(64) _Atomic uint64_t units; /* done by this task */
    _Atomic uint64_t
        told_ns; /* self-timed: its switches up to here are in the ring; 0: not begun; UINT64_MAX: all */
};

struct shared {
    /* Written by the host before ready. */
    uint64_t unit_ps; /* one unit of work on a core of its own, in picoseconds */
    uint64_t gap_ns;  /* a task that reads its clock later than this after the last time was held up */
    _Atomic bool ready;

    /* Written by schedviz. */
    bool self_timed;
    _Atomic bool quit;        /* all tasks end, then the host */
    _Atomic unsigned n_slots; /* one more than the highest ever used */

    /* The gate: tasks that came before `released` was raised may pass. The bell is a futex(2) that is raised
     * for every reason to look again. */
    alignas(64) _Atomic uint32_t gate_bell;
    _Atomic uint32_t released;

    struct slot slots[WORKLOAD_MAX_TASKS];
    struct ring rings[WORKLOAD_MAX_TASKS];
};

/* Calibrated CPU time done of an order after so many units. */
static inline uint64_t shared_work_done_ns(const struct order *order, uint64_t units, uint64_t unit_ps)
{
    uint64_t done_ns = order->done_ns + units / 1000 * unit_ps + units % 1000 * unit_ps / 1000;

    if (order->total_ns && (units >= order->n_units || done_ns > order->total_ns))
        return order->total_ns;
    return done_ns;
}

/* Units that are as much as work_ns, rounded up. */
static inline uint64_t shared_units_of(uint64_t work_ns, uint64_t unit_ps)
{
    uint64_t rest_ps = work_ns % unit_ps * 1000;

    return work_ns / unit_ps * 1000 + (rest_ps + unit_ps - 1) / unit_ps;
}

#endif
