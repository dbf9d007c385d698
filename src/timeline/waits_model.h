/* The inside of waits, shared by what takes notes, what looks for cycles and what answers. */
#ifndef SCHEDVIZ_TIMELINE_WAITS_MODEL_H
#define SCHEDVIZ_TIMELINE_WAITS_MODEL_H

#include "model.h"
#include "waits.h"

/* A wait that is over. */
struct wait_record {
    uint64_t since_ns, end_ns, until_ns;
    uint32_t object; /* or WAITS_NONE */
    uint32_t waker;  /* or TIMELINE_NO_TASK */
    uint8_t kind;    /* enum wait_kind */
};

struct waiter;
struct waiter_list {
    struct waiter *first, *last;
    unsigned n;
};

/* What a task that ever waited waits for now, and its history. */
struct waiter {
    struct life *life;
    enum wait_kind kind; /* WAIT_NONE: it does not wait */
    uint32_t object;     /* or WAITS_NONE */
    uint64_t note_ns;    /* its newest note */
    uint64_t since_ns, until_ns;
    bool blocked;        /* it was switched out for it, */
    uint64_t blocked_ns; /* at this time */
    bool ran;            /* it is queued, yet it was blocked and runs again: who let it go on tells it late */
    uint64_t woken_ns;   /* it was let go, or its time was over; 0: not yet */
    uint32_t waker;

    struct waiter_list *list; /* its object's queue or given; NULL: in none */
    struct waiter *next, *previous;
    uint32_t timer; /* its place in waits.timers and 1; 0: in none */

    struct wait_record *records; /* oldest first */
    uint32_t n_records, records_capacity;

    uint32_t alert; /* of the deadlock that it is part of: its number and 1; 0: none */
    uint64_t walk;  /* number of the last walk along the edges that came by */
    bool doomed;    /* that walk came to a cycle: it is in one, or waits for one */
};

struct resource {
    int32_t number;
    enum object_kind kind;
    bool kind_known, used;
    char name[EVENT_OBJECT_NAME_SIZE];
    uint16_t run;
    uint64_t first_ns, end_ns;

    uint32_t holder;
    uint64_t held_since_ns;
    bool holder_waited;   /* it had waited for it before it got it */
    uint64_t released_ns; /* when somebody last told that he released it */
    uint32_t died;
    uint64_t died_ns;

    struct waiter_list queue; /* wait, in order */
    struct waiter_list given; /* were let go while blocked, and have not run since */
    unsigned n_early;         /* went on shortly before early_ns, and nobody told yet that he let them */
    uint64_t early_ns;

    bool has_value;
    int64_t value;
    unsigned n_parties;
    struct wait_step *steps; /* oldest first */
    uint32_t n_steps, steps_capacity;

    uint64_t n_waits, wait_ns, max_wait_ns;
    uint32_t alert; /* HELD_LONG or QUEUE_GROWS that lasts: its number and 1; 0: none */
};

/* An alert, and the memory of its tasks and objects. */
struct alert_entry {
    struct alert alert;
    uint32_t *nodes;
};

struct number_entry {
    int32_t number;
    uint32_t place; /* index of the newest resource with this number, and 1; 0: free */
};

struct waits {
    struct resource **resources;
    uint32_t n_resources, resources_capacity;
    struct number_entry *numbers; /* open addressing, a power of two */
    uint32_t n_numbers, numbers_capacity;

    struct waiter **timers; /* a heap by until_ns */
    uint32_t n_timers, timers_capacity;

    /* Bytes of records and steps, how many of them the timeline's store counts, and when the oldest go. */
    size_t used, counted, budget, sweep_at;
    uint64_t cut_ns; /* what ended before was dropped */

    struct alert_entry *alerts;
    uint32_t n_alerts, alerts_capacity;
    uint32_t first_alert; /* number of alerts[0] */
    uint64_t check_ns;    /* the next look for alerts; UINT64_MAX: there is nothing to look at */
    uint64_t n_walks;
};

struct waits *waits_new(size_t budget);
void waits_free(struct timeline *tl);

/* EVENT_OBJECT, and the notes from NOTE_WANTS on. */
void waits_take(struct timeline *tl, const struct event *event);

/* A task that has a waiter starts to run (stayed: IN_STAYED), or blocks. */
void waits_in(struct timeline *tl, struct life *life, uint64_t t_ns, bool stayed);
void waits_out(struct timeline *tl, struct life *life, uint64_t t_ns);

/* Any task ends. */
void waits_exit(struct timeline *tl, struct life *life, uint64_t t_ns);

/* All that is due up to t_ns; to be called when tl->due_ns is reached. */
void waits_pass(struct timeline *tl, uint64_t t_ns);

/* ---- waits_graph.c ---- */

/* Ends the alert of a task or an object, if it has one: it does not hold any more. */
void waits_end_alert(struct waits *waits, uint32_t *alert, uint64_t t_ns);
/* Raises what is to be raised at t_ns, and ends queues' alerts that do not hold any more. */
void waits_check(struct timeline *tl, uint64_t t_ns);
/* Whether there is something to look at again later. */
bool waits_has_to_check(const struct waits *waits);

/* ---- waits_text.c ---- */

/* The task's name, or "task TID" without one. Where a program that is not ours has several living tasks of
 * one name, it is "NAME/TID". Returns buf. */
#define WAITS_NAME_SIZE 28
char *waits_task_name(const struct timeline *tl, uint32_t task, char buf[WAITS_NAME_SIZE]);
/* "mutex left". Returns buf. */
#define WAITS_OBJECT_SIZE 64
char *waits_object_name(const struct resource *resource, char buf[WAITS_OBJECT_SIZE]);

static inline bool resource_is(const struct resource *r, enum object_kind kind)
{
    return r->kind_known && r->kind == kind;
}

static inline bool resource_is_lock(const struct resource *r)
{
    return resource_is(r, OBJECT_MUTEX) || resource_is(r, OBJECT_COUNTER);
}

/* Who waits for it waits for its holder. */
static inline bool resource_has_holder(const struct resource *r)
{
    return resource_is_lock(r) || resource_is(r, OBJECT_JOIN);
}

/* See EVENT_OBJECT_SEEN. */
static inline bool resource_is_seen(const struct resource *r)
{
    return r->number >= EVENT_OBJECT_SEEN;
}

static inline bool resource_is_queue(const struct resource *r)
{
    return resource_is(r, OBJECT_SEM) || resource_is(r, OBJECT_CHANNEL);
}

static inline struct waiter *waits_waiter(const struct timeline *tl, uint32_t task)
{
    return task < tl->n_lives ? tl->lives[task]->waiter : NULL;
}

#endif
