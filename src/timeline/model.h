/* The inside of the timeline, shared by what takes events and what answers questions. */
#ifndef SCHEDVIZ_TIMELINE_MODEL_H
#define SCHEDVIZ_TIMELINE_MODEL_H

#include "track.h"

/* A task: what is told of it (times and totals in `task` are filled in when asked), and what its state rests
 * on. */
struct life {
    struct task task;
    struct track track;
    uint64_t event_ns; /* its newest event */
    uint64_t wait_ns;  /* running: how long it had waited before */
    int queued_cpu;    /* runnable: on whose queue it counts, -1 for none */
    bool switched;     /* a switch of it was seen */
    struct histogram *slice_ns;
};

struct cpu {
    struct track track;
    uint64_t last_ns;         /* its newest event */
    uint32_t running;         /* index of the task, or TIMELINE_NO_TASK */
    unsigned n_runnable;      /* watched tasks on its queue */
    uint64_t waiting_ns;      /* since when there is always one */
    uint64_t free_ns;         /* the last switch-out, while nothing that we watch ran since; 0: not known */
    uint32_t last;            /* whose switch-out that was */
    struct cpu_totals totals; /* of finished slices */
};

struct tid_entry {
    int32_t tid; /* 0: free */
    uint32_t task;
};

struct timeline {
    struct sink sink;
    struct store store;
    uint64_t first_ns, now_ns;
    uint64_t n_events, n_lost;
    bool any_switch; /* some source tells switches */

    struct life **lives;
    uint32_t n_lives, lives_capacity;
    struct tid_entry *tids; /* open addressing, a power of two */
    uint32_t n_tids, tids_capacity;

    struct cpu **cpus; /* NULL: never seen */
    int n_cpus;

    struct mark *marks;
    unsigned n_marks, marks_capacity;
    struct hole *holes;
    unsigned n_holes, holes_capacity;

    enum task_role default_role;
    bool self_told;
    struct histogram switch_costs;
};

static inline bool life_is_self(const struct life *life)
{
    return !task_is_workload(&life->task);
}

#endif
