/* The memory that schedviz, the host and the tasks share: who writes what, and in which order. */
#ifndef SCHEDVIZ_ENGINE_SHARED_H
#define SCHEDVIZ_ENGINE_SHARED_H

#include "../cpuset.h"
#include "../workload/workload.h"
#include "objects.h"
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
    STAGE_ASKED,   /* schedviz, or a task that forks: the order is filled in */
    STAGE_JOINED,  /* host: the objects of its run know it, it may be made */
    STAGE_GATED,   /* task: on its CPUs, tid and pid are known */
    STAGE_RUNNING, /* task: passed the gate */
    STAGE_ENDING,  /* task: the work is over, the last words follow */
    STAGE_GONE,    /* host or crew: ended and reaped; status is known */
    STAGE_FAILED,  /* host or crew: could not be made; error is known */
};

/* Before it is filled in, a slot is claimed: the stage is below zero and says by whom, in one word, since who
 * claims may be killed at any instant. claimer: 1 + the slot of the task that forks, or 0 for schedviz. */
static inline int stage_claimed(unsigned claimer)
{
    return -1 - (int)claimer;
}

/* What a task is to do. Written by who claims the slot, before STAGE_ASKED. */
struct order {
    enum task_kind kind;
    uint16_t run;
    bool forked;      /* asked for by another task: it does not wait at the gate */
    struct part part; /* of the program, and whether others are of the same template */
    bool several;
    uint8_t set;       /* of objects */
    bool has_settings; /* asked for besides the template's */
    struct settings settings;
    uint64_t total_ns; /* 0: without end */
    uint64_t done_ns;  /* of it, done before this task */
    uint64_t n_units;  /* of calibrated work to do; UINT64_MAX: without end */
    struct cpuset cpus;
};

struct slot {
    alignas(64) _Atomic int stage;
    _Atomic bool stop; /* schedviz: end soon */
    struct order order;

    /* The task's, or its maker's for it. pid: of its process; for a thread since it was begun with. */
    _Atomic int tid, pid;
    _Atomic int error;     /* errno: it could not be made, or not be put on its CPUs */
    _Atomic int status;    /* maker: as wait(2) gives it */
    _Atomic bool finished; /* all that it had to do is done */
    _Atomic bool told_exit;
    uint64_t created_ns; /* maker: just before it was made */
    uint64_t zero_ns;    /* when the gate was opened for it, or for who forked it */
    _Atomic uint64_t started_ns, ended_ns;

    /* Written several million times a second: only the task's own words live on this line. */
    alignas(64) _Atomic uint64_t units; /* done by this task */
    _Atomic uint64_t loops;             /* of its template, finished */
    /* Self-timed: its switches up to here are in the ring. 0: not begun; UINT64_MAX: all, as long as it
     * sleeps or for good. */
    _Atomic uint64_t told_ns;
};

/* The thread that carries the green tasks of a run, as others see it. */
struct carrier {
    _Atomic int tid; /* 0: there is none */
    _Atomic bool told_exit;
    _Atomic uint64_t told_ns; /* as that of a slot */
    struct ring ring;
};

struct shared {
    /* Written by the host before ready. */
    uint64_t unit_ps;   /* one unit of work on a core of its own, in picoseconds */
    uint64_t gap_ns;    /* a task that reads its clock later than this after the last time was held up */
    struct cpuset home; /* the CPUs that the host, and so a task, may use by itself */
    _Atomic bool ready;

    /* Written by schedviz before the host is forked: the pointers are good in all of its descendants. */
    bool self_timed;
    int nice;                      /* schedviz's own: that of a task for which nothing is said */
    const struct program *program; /* NULL: every task computes */
    unsigned char *sets;           /* of objects: OBJECTS_SETS of set_bytes each */
    size_t set_bytes;

    /* Written by schedviz. */
    _Atomic bool quit;        /* all tasks end, then the host */
    _Atomic unsigned n_slots; /* one more than the highest ever used */

    /* The gate: tasks that came before `released` was raised may pass. The bell is a futex(2) that is raised
     * for every reason to look again. */
    alignas(64) _Atomic uint32_t gate_bell;
    _Atomic uint32_t released;
    _Atomic uint64_t released_ns; /* when; written before it */

    /* Written by the host. */
    struct err failure;                      /* why it could not begin; then it ends */
    _Atomic uint16_t set_runs[OBJECTS_SETS]; /* the run for which each set was made; 0: none yet */
    _Atomic int crew_pid;  /* the process of the threads; 0: none, or it was reaped and told of */
    struct ring host_ring; /* what is told of the crew */
    struct carrier carriers[OBJECTS_SETS]; /* the crew: of the run that has the set */
    _Atomic uint32_t n_greens;             /* that ever were: their tids are below zero */

    struct slot slots[WORKLOAD_MAX_TASKS];
    struct ring rings[WORKLOAD_MAX_TASKS];
};

/* Writes the name of the slot's task and returns it. */
char *shared_task_name(const struct shared *shared, unsigned i, char buf[EVENT_NAME_SIZE]);

/* One of the sets of objects. */
struct objects *shared_objects(const struct shared *shared, unsigned set);

/* Claims an empty slot (false when it is not), fills in its order with everything else as new, and asks for
 * the task: whoever makes it has to be rung after that. claimer: as above. */
bool shared_claim(struct shared *shared, unsigned i, unsigned claimer);
void shared_prepare(struct shared *shared, unsigned i, const struct order *order);
void shared_ask(struct shared *shared, unsigned i);

/* The slot's task ended or could not be made (error: errno): its objects know it no more. */
void shared_finish(struct shared *shared, unsigned i, enum stage stage, int error, int status);

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
