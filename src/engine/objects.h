/* What the tasks of a run share: locks, conditions, barriers, semaphores, channels, counters, in shared
 * memory, alike for threads and processes. One set belongs to one run.
 *
 * A task may be killed at any moment. A lock that it held is passed on, and the next holder told (NOTE_DIED);
 * what it waited for, or was given and could not take any more, is undone by objects_leave(). Two things are
 * left: a message that a dead task had taken is gone with it, and bytes in a pipe are nobody's, so that the
 * count of messages in one can be wrong by one after a death. */
#ifndef SCHEDVIZ_ENGINE_OBJECTS_H
#define SCHEDVIZ_ENGINE_OBJECTS_H

#include "../workload/program.h"

#include <stddef.h>
#include <stdint.h>

struct objects; /* one set: as many as the program has, and the memory that they need */

#define OBJECTS_SETS 4 /* runs that may be on their way at once: the last ones may still be ending */

/* Bytes that one set takes, a multiple of a page; in memory that is all zero and shared by all tasks, at the
 * same address. program may be NULL here and below: a set without objects. */
size_t objects_size(const struct program *program);

/* Opens the pipes that the set's channels need: once, in the process whose children all tasks are. */
bool objects_open(struct objects *objects, const struct program *program, struct err *err);
void objects_close(struct objects *objects, const struct program *program);

/* Makes the set anew for the next run; no task uses it. set: its number, for its objects in events. */
void objects_init(struct objects *objects, const struct program *program, unsigned set);

/* A task comes: before it runs. Barriers wait for as many as there are. seat: the number of its slot. */
void objects_join(struct objects *objects, uint32_t template, unsigned seat);
/* It is gone, however it went: after it was reaped. May take the time of another task's operation. */
void objects_leave(struct objects *objects, uint32_t template, unsigned seat);

/* What is known of one object now, for a screen and a measure. */
struct object_state {
    int64_t value;          /* semaphore, channel: how many are there; counter: what it is */
    int64_t expected;       /* counter: what it would be if no update were lost */
    int owner_tid;          /* mutex: 0 when free */
    unsigned n_waiting;     /* tasks that wait for it; barrier: that are there */
    unsigned n_parties;     /* barrier: how many it waits for */
    uint64_t n_ops, ops_ns; /* counter: additions. Channel: messages, and what sending and receiving them took
                               (waiting not included), or round trips, and what these took in all */
    uint64_t n_waits, wait_ns, max_wait_ns; /* how often a task had to wait for it, and how long */
    uint64_t max_held_ns;                   /* mutex */
};
void objects_read(const struct objects *objects, uint32_t object, struct object_state *state);

/* Mean time of ACTION_CREATE for one task of the kind, to make it, let it run and end it; NaN: none yet. */
double objects_created_us(const struct objects *objects, enum task_kind kind);

/* What the machine refused to tasks, each once for each template: "task low: SCHED_FIFO refused: ...". */
unsigned objects_n_warnings(const struct objects *objects);
const char *objects_warning(const struct objects *objects, unsigned i);

/* For the tasks. topic: any number below 32; of each template only the first of a topic is kept. */
void objects_warn(struct objects *objects, uint32_t template, unsigned topic, const char *text);
void objects_add_created(struct objects *objects, enum task_kind kind, uint64_t n, uint64_t ns);

#endif
