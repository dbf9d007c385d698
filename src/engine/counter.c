/* Additions: a data race, a lock, an atomic instruction. */
#include "counter.h"
#include "../clock.h"
#include "queue.h"

/* Additions between two looks at the stop flag; and at the clock, for a task that times itself. */
#define PIECE       1024
#define TIMED_PIECE 64

/* The race is what it is for: each time the value is really loaded and really stored, by instructions of
 * their own, with an addition in between and nothing else. A store that waits in one core's buffer is not
 * seen by the other core's load, and a task that is preempted between the two writes back an old value when
 * it runs again. */
__attribute__((noinline, no_sanitize("thread"))) static void add_plain(volatile int64_t *count, int64_t by,
                                                                       uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        int64_t seen = *count;
        __asm__ volatile("" : "+r"(seen)); /* or it may become one addition in memory */
        *count = seen + by;
    }
}

static void add_locked(const struct actor *actor, struct thing *thing, int64_t by, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        sync_take(actor, thing);
        /* Relaxed, which is the same instructions, because it is read for the screen meanwhile. */
        int64_t count = __atomic_load_n(&thing->count, __ATOMIC_RELAXED);
        __atomic_store_n(&thing->count, count + by, __ATOMIC_RELAXED);
        sync_give_back(actor, thing);
    }
}

static void add_atomic(int64_t *count, int64_t by, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        __atomic_fetch_add(count, by, __ATOMIC_SEQ_CST);
}

static void add_piece(const struct actor *actor, struct thing *thing, enum action_how how, int64_t by,
                      uint64_t n)
{
    if (how == HOW_LOCKED)
        add_locked(actor, thing, by, n);
    else if (how == HOW_ATOMIC)
        add_atomic(&thing->count, by, n);
    else
        add_plain(&thing->count, by, n);
}

void counter_add(const struct actor *actor, uint32_t counter, enum action_how how, int64_t by, uint64_t n)
{
    struct thing *thing = &actor->objects->things[counter];
    struct watch *watch = actor->waiter->notes.watch;
    uint64_t piece = watch ? TIMED_PIECE : PIECE, begin_ns = clock_now_ns(), done = 0;

    while (done < n && !wait_is_stopped(actor->waiter)) {
        uint64_t now = n - done < piece ? n - done : piece;
        add_piece(actor, thing, how, by, now);
        done += now;
        if (watch)
            watch_step(watch, clock_now_ns());
    }
    atomic_fetch_add_explicit(&thing->ops_ns, clock_now_ns() - begin_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&thing->n_ops, done, memory_order_relaxed);
    atomic_fetch_add_explicit(&thing->expected, (int64_t)done * by, memory_order_relaxed);
    queue_tell_value(actor, thing, counter_value(actor, counter));
}

int64_t counter_value(const struct actor *actor, uint32_t counter)
{
    return __atomic_load_n(&actor->objects->things[counter].count, __ATOMIC_RELAXED);
}
