/* The inside of the timeline, shared by what takes events and what answers questions. */
#ifndef SCHEDVIZ_TIMELINE_MODEL_H
#define SCHEDVIZ_TIMELINE_MODEL_H

#include "arena.h"
#include "track.h"

/* 146 years: differences and sums of times up to this are safe as signed numbers. */
#define MODEL_MAX_TIME_NS (UINT64_MAX >> 2)

/* A task: what is told of it (times and totals in `task` are filled in when asked), and what its state rests
 * on. */
struct life {
    struct task task;
    struct track track;
    uint64_t event_ns; /* its newest event, never before task.state_since_ns */
    uint64_t wait_ns;  /* running: how long it had waited before */
    int queued_cpu;    /* runnable: on whose queue it counts, -1 for none */
    bool self;         /* see life_classify() */
    bool switched;     /* a switch of it was seen */
    bool woken;        /* it was woken at woken_ns, and did not come in since */
    uint64_t woken_ns; /* the last wake that made it runnable, or that came while it ran */
    struct histogram *slice_ns, *wake_ns;

    struct waiter *waiter; /* what it waits for; NULL while it never told of a wait: waits_model.h */
    struct life *carrier;  /* green: the thread that carries it; NULL: not told */
    struct life *rider;    /* the green task that it carries now; NULL: none */
};

struct cpu {
    int number;
    struct track track;
    uint64_t last_ns;        /* its newest event */
    struct life *running;    /* NULL: nobody */
    const struct life *last; /* whose switch-out free_ns was */
    uint64_t free_ns;        /* the last switch-out, while nothing that we watch ran since; 0: not known */
    uint64_t waiting_ns;     /* since when there is always a task on its queue */
    unsigned n_runnable;     /* watched tasks on its queue */
    uint64_t n_slices;       /* the workload's that began, */
    uint64_t n_switches;     /* and those of them whose end was told */
};

struct tid_entry {
    int32_t tid; /* 0: free */
    struct life *life;
};

struct timeline {
    struct sink sink;
    struct store store;
    uint64_t first_ns, now_ns; /* nothing that was taken is newer than now_ns */
    uint64_t n_events, n_lost;
    bool any_switch;    /* some source tells switches, */
    bool part_switches; /* and so it was since timeline_part() */

    struct arena life_memory, length_memory; /* of lives, of their histograms */
    struct life **lives;
    uint64_t id;
    uint64_t *pulses; /* of each of them: apart from them, so that a look over thousands reads but these */
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
    uint16_t default_run;
    bool self_told;
    struct histogram switch_costs;

    struct waits *waits;
    struct overview *overview; /* NULL: slices are known */
    uint64_t due_ns; /* an event from then on is no plain one: waits_pass() is due, or its time is wild */
};

/* Whether it counts in none of the workload's figures. */
static inline bool life_is_self(const struct life *life)
{
    return life->self;
}

/* To be called when the task's role or kind was set. */
static inline void life_classify(struct life *life)
{
    life->self = !task_counts(&life->task);
}

/* To be called when the task came in, or its state became another one: timeline_task_pulse(). */
static inline void life_beat(struct timeline *tl, const struct life *life)
{
    tl->pulses[life->task.index]++;
}

/* An empty one, of the timeline's memory. */
static inline struct histogram *life_new_lengths(struct timeline *tl)
{
    return arena_take(&tl->length_memory, sizeof(struct histogram));
}

/* ---- timeline.c ---- */

/* The task that an event speaks of, made when it is not known; and one made in any case. */
struct life *life_of(struct timeline *tl, int32_t tid, uint64_t t_ns);
struct life *life_add(struct timeline *tl, int32_t tid, uint64_t t_ns);

/* A CPU by its number, 0 and up; made when it was never seen. */
struct cpu *timeline_cpu(struct timeline *tl, int number);

/* Takes an event of a task at the time of its last one if it is older. */
uint64_t life_time(struct timeline *tl, struct life *life, uint64_t t_ns);

/* Writes what the task was until t_ns into its track, for states that no slice ends. */
void life_settle(struct timeline *tl, struct life *life, uint64_t t_ns);

/* Makes it something else from t_ns on; what it was is in its track, or follows from that. */
void life_set_state(struct timeline *tl, struct life *life, enum task_state state, uint64_t t_ns);
void life_gone(struct timeline *tl, struct life *life, uint64_t t_ns);

/* ---- query.c ---- */

/* What is not finished, behind the items of a track. */
struct item life_tail(const struct timeline *tl, const struct life *life);
struct item cpu_tail(const struct timeline *tl, const struct cpu *cpu);

#endif
