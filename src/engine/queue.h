/* The queues in which tasks wait for an object: first come, first served, and each told by itself.
 *
 * A task that waits sits in its seat (one for each slot) and sleeps on the seat's own word. Who lets it go
 * changes that word, under the object's guard: nobody else can take what was given, nobody is woken for
 * nothing, and no wakeup is lost, because the word remembers it. The words are also all that there is of a
 * queue: whatever a killed task was in the middle of, they tell who waits, and each change of the shared
 * state is one store, done or not done. */
#ifndef SCHEDVIZ_ENGINE_QUEUE_H
#define SCHEDVIZ_ENGINE_QUEUE_H

#include "../workload/workload.h"
#include "sync.h"

#include <pthread.h>
#include <stdalign.h>

#define QUEUE_NOBODY     UINT32_MAX
#define QUEUE_MESSAGES   64 /* that a channel holds before senders wait */
#define QUEUE_WARNINGS   32
#define QUEUE_FILE_ENDS  4 /* a pipe in each direction */
#define QUEUE_TASK_KINDS 3

enum seat_word {
    SEAT_IDLE,
    SEAT_WAITS, /* in the queue of seat.object, seat.side */
    SEAT_WOKEN, /* was let go and does not know it yet */
    SEAT_LOCKS, /* wants the lock of seat.object: the kernel has the queue */
    SEAT_READS, /* waits for a message in its pipe */
    SEAT_PLAYS, /* waits for its partner's ball */
};

enum seat_side {
    SIDE_TAKE,
    SIDE_PUT,     /* channel: waits for room */
    SIDE_PARTNER, /* channel: waits for somebody to play with */
    N_SIDES,
};

enum ball { BALL_AWAY, BALL_AWAITED, BALL_HERE, BALL_OVER };

struct seat {
    alignas(64) _Atomic uint32_t word; /* enum seat_word; a futex(2) */
    _Atomic uint32_t object;
    enum seat_side side;
    uint64_t ticket;       /* the lower, the earlier it came */
    uint64_t value;        /* the message that it was given */
    _Atomic uint32_t ball; /* enum ball; a futex(2) */
    uint32_t partner;      /* a seat, or QUEUE_NOBODY */
    uint64_t n_trips;      /* of the game with the partner */
    int pipe;              /* where the partner reads from in the game; 0: nowhere */
};

struct thing {
    alignas(64) pthread_mutex_t lock; /* mutex, counter: the one that tasks take; others: the guard */
    enum object_kind kind;
    int32_t number;         /* in events */
    _Atomic uint32_t owner; /* tid of who has the lock, by its own word; 0: nobody */
    uint64_t since_ns;      /* when the owner got it */
    _Atomic uint32_t n_waiting[N_SIDES];
    _Atomic uint32_t n_parties;     /* barrier */
    uint64_t next_ticket, released; /* everybody with a ticket below `released` may go */
    _Atomic uint64_t value_told_ns; /* when a NOTE_VALUE was told last */
    _Atomic uint64_t next_ns;       /* timer; 0: not used yet */
    _Atomic int64_t value;          /* semaphore; messages in a pipe, below zero: those that wait */
    _Atomic int64_t expected;
    _Atomic uint64_t n_ops, ops_ns, n_waits, wait_ns, max_wait_ns, max_held_ns;
    _Atomic uint64_t n_put, n_taken; /* channel: messages[n % QUEUE_MESSAGES] */
    int pipes[QUEUE_FILE_ENDS];      /* read and write end of one pipe, then of the other; 0: none */
    int64_t pipe_room;               /* messages that surely fit into a pipe */
    alignas(64) int64_t count;       /* counter; accessed in three ways, of which one is a data race */
    alignas(64) uint64_t messages[QUEUE_MESSAGES];
};

struct warning {
    uint32_t template;
    unsigned topic;
    char text[256];
};

struct objects {
    const struct program *program;
    _Atomic unsigned n_seats; /* one more than the highest that was ever taken */
    _Atomic uint64_t n_created[QUEUE_TASK_KINDS], created_ns[QUEUE_TASK_KINDS];
    pthread_mutex_t warnings_lock;
    _Atomic unsigned n_warnings;
    struct warning warnings[QUEUE_WARNINGS];
    struct seat seats[WORKLOAD_MAX_TASKS];
    struct thing things[]; /* as many as the program has objects */
};

/* The guard of everything below: held for a moment, by live tasks only. */
void queue_guard(struct objects *objects, struct thing *thing);
void queue_unguard(struct thing *thing);

/* A wait that has begun. */
struct queue_wait {
    struct thing *thing;
    uint64_t begin_ns;
    bool told; /* its NOTE_WANTS was: then the end of it is told too */
};

/* Under the guard: takes a place at the end, and tells so. other: as NOTE_WANTS has it. */
struct queue_wait queue_enter(const struct actor *actor, struct thing *thing, enum seat_side side,
                              int32_t other);

/* Without the guard: until somebody let this task go. Returns how long that took, in nanoseconds. */
uint64_t queue_wait(const struct actor *actor, struct queue_wait wait);

/* Under the guard: who is first in the queue, a seat or QUEUE_NOBODY. */
uint32_t queue_first(const struct objects *objects, const struct thing *thing, enum seat_side side);

/* Under the guard: lets the first one go (its seat, or QUEUE_NOBODY where none waits), or all of them. Where
 * who is not NULL the NOTE_GAVE is told by it. They sleep on until queue_wake(). */
uint32_t queue_release_first(struct objects *objects, struct thing *thing, enum seat_side side,
                             struct notes *who, uint64_t value);
void queue_release_all(struct objects *objects, struct thing *thing, struct notes *who);

/* After the guard was given back. */
void queue_wake(struct objects *objects, uint32_t seat);
void queue_wake_all(struct objects *objects);

/* The number of those that wait on a side. */
static inline uint32_t queue_length(const struct thing *thing, enum seat_side side)
{
    return atomic_load_explicit(&thing->n_waiting[side], memory_order_relaxed);
}

/* For waits that have no queue here (SEAT_LOCKS and below), and without the guard. */
struct queue_wait queue_begin_other_wait(const struct actor *actor, struct thing *thing, enum seat_word word,
                                         int32_t other);
uint64_t queue_end_other_wait(const struct actor *actor, struct queue_wait wait);

/* Who let a seat go, or killed its task before it knew: gives the thing to the next one, or keeps it. Under
 * the guard; returns the seat to wake. who: may be NULL. */
uint32_t sync_sem_give(struct objects *objects, struct thing *thing, struct notes *who);
uint32_t channel_give(struct objects *objects, struct thing *thing, struct notes *who, uint64_t message);

/* sync.c: the lock of a mutex or a counter, without its time being taken. */
void sync_take(const struct actor *actor, struct thing *thing);
void sync_give_back(const struct actor *actor, struct thing *thing);

/* Tells a value of the object, if none was told of it in the last moment. */
void queue_tell_value(const struct actor *actor, struct thing *thing, int64_t value);

#endif
