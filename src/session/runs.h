/* Runs and the slots of their tasks: what is wanted of each is kept, and the engine brought nearer to it. */
#ifndef SCHEDVIZ_SESSION_RUNS_H
#define SCHEDVIZ_SESSION_RUNS_H

#include "../session.h"

/* What is wanted of a slot. It is wanted while its run is the latest that claims it. */
struct slot {
    uint16_t run; /* 0: nothing is wanted here */
    enum task_kind kind;
    struct part part; /* of the program, if there is one */
    bool several;     /* its template has more tasks than this, or may come to */
    bool told;        /* its death was told */
    int watched_tid;  /* known to proc */
    uint64_t done_ns; /* work to go on from */
};

struct run_state {
    struct run run;
    unsigned first_slot, n_slots;
    bool active; /* its slots are wanted */
    bool released;
    /* As the workload was when it began. */
    const struct program *program;
    const bool *started;
    const struct settings *settings;
    unsigned n_fixed;
};

struct runs {
    struct slot slots[WORKLOAD_MAX_TASKS];
    struct run_state *all;
    unsigned n;
    unsigned current; /* index into all */
};

struct run_state *runs_current(const struct session *session);

/* Adds a run in slots from first_slot on and makes it the current one; one from slot 0 ends all others. Its
 * number, times and flags are not taken from like. */
bool runs_begin(struct session *session, unsigned first_slot, const struct run *like, struct err *err);
void runs_end_all(struct session *session);

/* The tasks of a run go where the run's CPUs and placement have them. */
void runs_place(struct session *session, const struct run_state *rs);

/* Another number of tasks, another kind: of a run that is active. */
void runs_resize(struct session *session, struct run_state *rs, unsigned n);
void runs_set_kind(struct session *session, struct run_state *rs, enum task_kind kind);

/* One step of every slot towards what is wanted of it, so that a change never waits for tasks that are
 * themselves waiting for a CPU; runs whose tasks have all ended are over. */
void runs_step(struct session *session);

/* The CPUs of all active runs. */
struct cpuset runs_cpus(const struct session *session);

#endif
