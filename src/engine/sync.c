/* Locks, conditions, barriers, semaphores, suspend and resume. */
#include "sync.h"
#include "../clock.h"
#include "queue.h"

#include <errno.h>
#include <linux/futex.h>

/* A green thread looks again after this even where the owner seems to be the same: it may be dead. */
#define LOOK_EVERY_NS (50 * NS_PER_MS)

static struct thing *thing_of(const struct actor *actor, uint32_t object)
{
    return &actor->objects->things[object];
}

static struct notes *notes_of(const struct actor *actor)
{
    return &actor->waiter->notes;
}

static uint32_t owner_of(const struct thing *thing)
{
    return atomic_load_explicit(&thing->owner, memory_order_relaxed);
}

static bool is_own(const struct actor *actor, const struct thing *thing)
{
    return owner_of(thing) == (uint32_t)actor->waiter->notes.tid;
}

/* ---- locks ----
 *
 * glibc's, so that who looks at the task from outside finds its owner too (futex(2), /proc/PID/syscall). Only
 * who finds a lock taken is counted and told. */

/* Fellows that hold the lock do so with the tid of the same carrier: glibc cannot tell them apart and must
 * not block. */
static int lock_green(struct waiter *waiter, struct thing *thing)
{
    for (;;) {
        uint32_t owner = owner_of(thing);
        int error = pthread_mutex_trylock(&thing->lock);
        if (error != EBUSY)
            return error;
        if (owner)
            wait_word_until(waiter, &thing->owner, owner, clock_now_ns() + LOOK_EVERY_NS);
        else
            wait_yield(waiter);
    }
}

/* Who has taken it may not have said so yet: the word of a robust lock does (get_robust_list(2)). */
static int32_t holder_of(const struct thing *thing)
{
    uint32_t owner = owner_of(thing);

    if (owner == 0)
        owner = (uint32_t)__atomic_load_n(&thing->lock.__data.__lock, __ATOMIC_RELAXED) & FUTEX_TID_MASK;
    return (int32_t)owner;
}

static int lock_contended(const struct actor *actor, struct thing *thing)
{
    struct waiter *waiter = actor->waiter;
    struct queue_wait wait = queue_begin_other_wait(actor, thing, SEAT_LOCKS, holder_of(thing));
    int error;

    if (waiter->green) {
        error = lock_green(waiter, thing);
    } else {
        wait_enter(waiter);
        error = pthread_mutex_lock(&thing->lock);
        wait_leave(waiter);
    }
    queue_end_other_wait(actor, wait);
    return error;
}

void sync_take(const struct actor *actor, struct thing *thing)
{
    int error = pthread_mutex_trylock(&thing->lock);
    const bool in_passing = error != EBUSY;

    if (!in_passing)
        error = lock_contended(actor, thing);
    if (error == EOWNERDEAD) {
        note_tell(notes_of(actor), NOTE_DIED, thing->number, (int32_t)owner_of(thing));
        pthread_mutex_consistent(&thing->lock);
    }
    atomic_store_explicit(&thing->owner, (uint32_t)notes_of(actor)->tid, memory_order_relaxed);
    if (in_passing && queue_length(thing, SIDE_TAKE) > 0) /* for whom those wait that were here before */
        note_tell(notes_of(actor), NOTE_GOT, thing->number, 0);
}

void sync_give_back(const struct actor *actor, struct thing *thing)
{
    if (queue_length(thing, SIDE_TAKE) > 0)
        note_tell(notes_of(actor), NOTE_GAVE, thing->number, 1);
    atomic_store_explicit(&thing->owner, 0, memory_order_relaxed);
    pthread_mutex_unlock(&thing->lock);
}

void sync_lock(const struct actor *actor, uint32_t mutex)
{
    struct thing *thing = thing_of(actor, mutex);

    sync_take(actor, thing);
    thing->since_ns = clock_now_ns();
}

void sync_unlock(const struct actor *actor, uint32_t mutex)
{
    struct thing *thing = thing_of(actor, mutex);

    if (!is_own(actor, thing))
        return;
    uint64_t held_ns = clock_now_ns() - thing->since_ns;
    if (held_ns > atomic_load_explicit(&thing->max_held_ns, memory_order_relaxed))
        atomic_store_explicit(&thing->max_held_ns, held_ns, memory_order_relaxed);
    sync_give_back(actor, thing);
}

bool sync_owns(const struct actor *actor, uint32_t mutex)
{
    return is_own(actor, thing_of(actor, mutex));
}

void sync_unlock_all(const struct actor *actor)
{
    const struct program *program = actor->objects->program;

    for (uint32_t i = 0; i < program->n_objects; i++) {
        if (program->objects[i].kind == OBJECT_MUTEX)
            sync_unlock(actor, i);
    }
}

/* ---- conditions ----
 *
 * No wakeup is lost: a task has its place in the queue before it gives the lock back, so whoever takes the
 * lock after it and signals finds it there; what it is given is in its own seat, even where it does not sleep
 * yet. And a signal lets go the one that came first, never two, and never one that came after the signal. */

void sync_wait(const struct actor *actor, uint32_t condition, uint32_t mutex)
{
    struct thing *thing = thing_of(actor, condition);

    queue_guard(actor->objects, thing);
    struct queue_wait wait = queue_enter(actor, thing, SIDE_TAKE, 0);
    queue_unguard(thing);
    sync_unlock(actor, mutex);
    queue_wait(actor, wait);
    sync_lock(actor, mutex);
}

void sync_signal(const struct actor *actor, uint32_t condition)
{
    struct thing *thing = thing_of(actor, condition);

    queue_guard(actor->objects, thing);
    uint32_t seat = queue_release_first(actor->objects, thing, SIDE_TAKE, notes_of(actor), 0);
    queue_unguard(thing);
    queue_wake(actor->objects, seat);
}

void sync_broadcast(const struct actor *actor, uint32_t condition)
{
    struct thing *thing = thing_of(actor, condition);

    queue_guard(actor->objects, thing);
    queue_release_all(actor->objects, thing, notes_of(actor));
    queue_unguard(thing);
    queue_wake_all(actor->objects);
}

/* ---- suspend and resume: a condition that nobody remembers; resume lets go all that are suspended ---- */

void sync_suspend(const struct actor *actor, uint32_t suspend)
{
    struct thing *thing = thing_of(actor, suspend);

    queue_guard(actor->objects, thing);
    struct queue_wait wait = queue_enter(actor, thing, SIDE_TAKE, 0);
    queue_unguard(thing);
    queue_wait(actor, wait);
}

void sync_resume(const struct actor *actor, uint32_t suspend)
{
    sync_broadcast(actor, suspend);
}

/* ---- barriers ---- */

void sync_barrier(const struct actor *actor, uint32_t barrier)
{
    struct thing *thing = thing_of(actor, barrier);

    queue_guard(actor->objects, thing);
    uint32_t n_here = queue_length(thing, SIDE_TAKE) + 1;
    if (n_here >= atomic_load_explicit(&thing->n_parties, memory_order_relaxed)) {
        queue_release_all(actor->objects, thing, notes_of(actor));
        queue_unguard(thing);
        queue_wake_all(actor->objects);
    } else {
        struct queue_wait wait = queue_enter(actor, thing, SIDE_TAKE, (int32_t)n_here);
        queue_unguard(thing);
        queue_wait(actor, wait);
    }
}

/* ---- semaphores: what is posted goes to who waits longest, and is counted only when nobody does ---- */

uint32_t sync_sem_give(struct objects *objects, struct thing *thing, struct notes *who)
{
    uint32_t seat = queue_release_first(objects, thing, SIDE_TAKE, who, 0);

    if (seat == QUEUE_NOBODY)
        atomic_fetch_add_explicit(&thing->value, 1, memory_order_relaxed);
    return seat;
}

void sync_sem_post(const struct actor *actor, uint32_t sem)
{
    struct thing *thing = thing_of(actor, sem);

    queue_guard(actor->objects, thing);
    uint32_t seat = sync_sem_give(actor->objects, thing, notes_of(actor));
    int64_t value = atomic_load_explicit(&thing->value, memory_order_relaxed);
    queue_unguard(thing);
    queue_wake(actor->objects, seat);
    queue_tell_value(actor, thing, value);
}

void sync_sem_wait(const struct actor *actor, uint32_t sem)
{
    struct thing *thing = thing_of(actor, sem);

    queue_guard(actor->objects, thing);
    int64_t value = atomic_load_explicit(&thing->value, memory_order_relaxed);
    if (value > 0) {
        atomic_store_explicit(&thing->value, --value, memory_order_relaxed);
        queue_unguard(thing);
    } else {
        struct queue_wait wait = queue_enter(actor, thing, SIDE_TAKE, 0);
        queue_unguard(thing);
        queue_wait(actor, wait);
    }
    queue_tell_value(actor, thing, value);
}

/* ---- timers ---- */

uint64_t sync_timer_advance(const struct actor *actor, uint32_t timer, uint64_t first_ns, uint64_t period_ns)
{
    _Atomic uint64_t *next_ns = &thing_of(actor, timer)->next_ns;
    uint64_t unused = 0;

    atomic_compare_exchange_strong(next_ns, &unused, first_ns);
    return atomic_fetch_add(next_ns, period_ns) + period_ns;
}

void sync_timer_set(const struct actor *actor, uint32_t timer, uint64_t now_ns)
{
    atomic_store(&thing_of(actor, timer)->next_ns, now_ns);
}

int32_t sync_number(const struct actor *actor, uint32_t object)
{
    return thing_of(actor, object)->number;
}
