/* Why tasks do not run, as they tell it themselves: who waits for what since when, who holds it, what wakes
 * them, and what goes wrong: deadlocks, locks held long, queues that only grow. */
#ifndef SCHEDVIZ_TIMELINE_WAITS_H
#define SCHEDVIZ_TIMELINE_WAITS_H

#include "timeline.h"

/* All that a timeline knows of waits; its own, and valid as long as it is. It comes from EVENT_OBJECT and the
 * notes of event.h; lost, doubled and contradictory ones are given the sense that is nearest. What is over is
 * kept in a part of the timeline's memory, and the oldest goes first. */
struct waits;
const struct waits *timeline_waits(const struct timeline *tl);

#define WAITS_NONE UINT32_MAX /* no object */

/* ---- why a task does not run ---- */

enum wait_kind {
    WAIT_NONE,   /* it runs, is gone, or its state is not known */
    WAIT_CPU,    /* it is runnable */
    WAIT_OBJECT, /* for an object */
    WAIT_SLEEP,  /* for a time */
    WAIT_CALL,   /* in a system call, for something that is no object */
    WAIT_UNTOLD, /* it is blocked, and nothing was told of why */
};

struct wait_reason {
    enum wait_kind kind;
    uint32_t object;        /* WAIT_OBJECT: its index, WAITS_NONE when it is not known */
    uint64_t since_ns;      /* WAIT_CPU: runnable since then; else when it said that it would wait */
    uint64_t until_ns;      /* as it said: it goes on then at the latest; 0: without end, or not said */
    uint64_t end_ns;        /* the end of this wait, 0 when it was not over at timeline_now_ns() */
    uint32_t holder;        /* of a mutex or a join: the task, or TIMELINE_NO_TASK */
    uint64_t held_since_ns; /* since then at least */
    int64_t value;          /* semaphore, channel: its value; barrier: how many are there */
    unsigned n_parties;     /* barrier: how many it waits for, 0 when not told */
    uint32_t waker;         /* WAIT_CPU: the task that let it go on, or TIMELINE_NO_TASK */
    int cpu;                /* WAIT_CPU: whose turn it waits for, -1 when not known */
    unsigned n_ahead; /* WAIT_CPU: tasks that have waited longer for this CPU, and the one that runs there */
    bool green;       /* WAIT_CPU: it waits for its thread: n_ahead counts the green tasks of that */
};

/* The reason at t_ns, an instant between the task's beginning and timeline_now_ns(). */
void waits_reason(const struct timeline *tl, uint32_t task, uint64_t t_ns, struct wait_reason *reason);

/* The same as a line: "blocked: wants mutex m, held by B for 12 ms", "sleeps until +12.3 ms" (from t_ns),
 * "runnable, 2 ahead on this core"; "" for WAIT_NONE. Names are as the tasks gave them: escape before
 * showing. Returns buf. */
char *waits_text(const struct timeline *tl, uint32_t task, uint64_t t_ns, char *buf, size_t size);

/* ---- objects ---- */

/* An object of one run: when its number is introduced anew, that is another object. Indexes are stable. */
struct wait_object {
    uint32_t index;
    int32_t number; /* the engine's */
    enum object_kind kind;
    bool kind_known; /* false: it was never introduced */
    char name[EVENT_OBJECT_NAME_SIZE];
    uint16_t run;              /* of the task that last spoke of it; 0: none did */
    uint64_t first_ns, end_ns; /* end_ns: its number was introduced anew; 0: not yet */

    uint32_t holder; /* mutex, join: the task, TIMELINE_NO_TASK when it is free or not known. Releasing what
                        nobody wants is not told: it is sure only while n_waiting is not 0 */
    uint64_t held_since_ns; /* since then at least */
    uint32_t died;          /* the last holder that died with it, or TIMELINE_NO_TASK */
    uint64_t died_ns;       /* when that was found */

    unsigned n_waiting;
    bool has_value;
    int64_t value; /* semaphore, channel, counter; barrier: how many are there */
    unsigned n_parties;

    uint64_t n_waits, wait_ns, max_wait_ns; /* waits for it that are over */
};

unsigned waits_n_objects(const struct waits *waits);
bool waits_object(const struct waits *waits, uint32_t index, struct wait_object *object); /* false: none */
/* The newest object with this number, or WAITS_NONE. */
uint32_t waits_find_object(const struct waits *waits, int32_t number);

/* The tasks that wait for it, in the order in which they will go on; fills at most max, returns how many
 * there are. */
unsigned waits_queue(const struct waits *waits, uint32_t object, uint32_t *tasks, unsigned max);

/* What its value was: from time_ns on until the next step; of a mutex, the holder's index or -1. Valid until
 * the next push. Returns how many, oldest first. */
struct wait_step {
    uint64_t time_ns;
    int64_t value;
};
unsigned waits_steps(const struct waits *waits, uint32_t object, const struct wait_step **steps);

/* How much the value grows a second in [from_ns, to_ns): the slope of the line that fits it best. NaN where
 * it is not known for that long. */
double waits_growth(const struct waits *waits, uint32_t object, uint64_t from_ns, uint64_t to_ns);

/* ---- who waits for whom ---- */

struct wait_edge {
    uint32_t waiter, holder; /* tasks */
    uint32_t object;
};
/* Now; fills at most max, returns how many there are. */
unsigned waits_edges(const struct waits *waits, struct wait_edge *edges, unsigned max);

/* ---- alerts ---- */

#define WAITS_DEADLOCK_NS UINT64_C(500000000)   /* a cycle that stands this long is a deadlock */
#define WAITS_HELD_NS     UINT64_C(1000000000)  /* a lock held longer, while others wait, is a warning */
#define WAITS_GROWS_NS    UINT64_C(10000000000) /* and so is a queue that only grows for this long */

enum alert_kind { ALERT_DEADLOCK, ALERT_HELD_LONG, ALERT_QUEUE_GROWS };

struct alert {
    enum alert_kind kind;
    uint64_t since_ns; /* the last edge closed the cycle; held since then; it grows since then */
    uint64_t time_ns;  /* when it became an alert: since_ns and the time above */
    uint64_t ended_ns; /* 0: it lasts */
    unsigned n;        /* DEADLOCK: tasks[i] wants objects[i], held by tasks[(i + 1) % n]. HELD_LONG: 1, the
                          holder and what it holds. QUEUE_GROWS: 1, TIMELINE_NO_TASK and the queue */
    const uint32_t *tasks, *objects;
    double rate;    /* QUEUE_GROWS: a second */
    char text[256]; /* a line, its names as they were then: escape before showing */
};

/* Oldest first; each is raised once. The oldest of thousands are forgotten. */
unsigned waits_n_alerts(const struct waits *waits);
const struct alert *waits_alert(const struct waits *waits, unsigned i); /* valid until the next push */

#endif
