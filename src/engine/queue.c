/* Tasks in a row, and a guard that survives who holds it. */
#include "queue.h"
#include "../clock.h"

#include <errno.h>

#define VALUE_EVERY_NS (20 * NS_PER_MS)

static bool waits_for(const struct seat *seat, const struct objects *objects, const struct thing *thing)
{
    return atomic_load_explicit(&seat->word, memory_order_acquire) == SEAT_WAITS &&
           atomic_load_explicit(&seat->object, memory_order_relaxed) == (uint32_t)(thing - objects->things);
}

static unsigned n_seats(const struct objects *objects)
{
    return atomic_load_explicit(&objects->n_seats, memory_order_relaxed);
}

static void set_length(struct thing *thing, enum seat_side side, uint32_t n)
{
    atomic_store_explicit(&thing->n_waiting[side], n, memory_order_relaxed);
}

static void let_go(struct thing *thing, struct seat *seat)
{
    set_length(thing, seat->side, queue_length(thing, seat->side) - 1);
    atomic_store_explicit(&seat->word, SEAT_WOKEN, memory_order_release);
}

/* Who held the guard died: all is as the words tell, and a release of all that it had begun is ended. */
static void repair(struct objects *objects, struct thing *thing)
{
    for (int side = 0; side < N_SIDES; side++)
        set_length(thing, (enum seat_side)side, 0);
    for (unsigned i = 0; i < n_seats(objects); i++) {
        struct seat *seat = &objects->seats[i];
        if (!waits_for(seat, objects, thing))
            continue;
        set_length(thing, seat->side, queue_length(thing, seat->side) + 1);
        if (seat->ticket < thing->released)
            let_go(thing, seat);
    }
}

void queue_guard(struct objects *objects, struct thing *thing)
{
    if (pthread_mutex_lock(&thing->lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&thing->lock);
        repair(objects, thing);
    }
}

void queue_unguard(struct thing *thing)
{
    pthread_mutex_unlock(&thing->lock);
}

static struct seat *seat_of(const struct actor *actor)
{
    return &actor->objects->seats[actor->waiter->seat];
}

static void sit_down(const struct actor *actor, const struct thing *thing, enum seat_word word)
{
    struct seat *seat = seat_of(actor);

    atomic_store_explicit(&seat->object, (uint32_t)(thing - actor->objects->things), memory_order_relaxed);
    atomic_store_explicit(&seat->word, word, memory_order_release);
}

static struct queue_wait begin_wait(const struct actor *actor, struct thing *thing, int32_t other)
{
    return (struct queue_wait){.thing = thing,
                               .begin_ns = clock_now_ns(),
                               .told =
                                   note_waits(&actor->waiter->notes, NOTE_WANTS, thing->number, other, 0)};
}

static uint64_t end_wait(const struct actor *actor, struct queue_wait wait)
{
    uint64_t wait_ns = clock_now_ns() - wait.begin_ns;
    uint64_t max_ns = atomic_load_explicit(&wait.thing->max_wait_ns, memory_order_relaxed);

    atomic_store_explicit(&seat_of(actor)->word, SEAT_IDLE, memory_order_relaxed);
    atomic_fetch_add_explicit(&wait.thing->n_waits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&wait.thing->wait_ns, wait_ns, memory_order_relaxed);
    while (wait_ns > max_ns &&
           !atomic_compare_exchange_weak_explicit(&wait.thing->max_wait_ns, &max_ns, wait_ns,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    if (wait.told)
        note_tell(&actor->waiter->notes, NOTE_GOT, wait.thing->number, 0);
    return wait_ns;
}

struct queue_wait queue_enter(const struct actor *actor, struct thing *thing, enum seat_side side,
                              int32_t other)
{
    struct seat *seat = seat_of(actor);
    struct queue_wait wait = begin_wait(actor, thing, other);

    seat->side = side;
    seat->ticket = thing->next_ticket++;
    set_length(thing, side, queue_length(thing, side) + 1);
    sit_down(actor, thing, SEAT_WAITS);
    return wait;
}

uint64_t queue_wait(const struct actor *actor, struct queue_wait wait)
{
    struct seat *seat = seat_of(actor);

    while (atomic_load_explicit(&seat->word, memory_order_acquire) == SEAT_WAITS)
        wait_word(actor->waiter, &seat->word, SEAT_WAITS);
    return end_wait(actor, wait);
}

struct queue_wait queue_begin_other_wait(const struct actor *actor, struct thing *thing, enum seat_word word,
                                         int32_t other)
{
    struct queue_wait wait = begin_wait(actor, thing, other);

    atomic_fetch_add_explicit(&thing->n_waiting[SIDE_TAKE], 1, memory_order_relaxed);
    sit_down(actor, thing, word);
    return wait;
}

uint64_t queue_end_other_wait(const struct actor *actor, struct queue_wait wait)
{
    uint64_t wait_ns = end_wait(actor, wait);

    atomic_fetch_sub_explicit(&wait.thing->n_waiting[SIDE_TAKE], 1, memory_order_relaxed);
    return wait_ns;
}

uint32_t queue_first(const struct objects *objects, const struct thing *thing, enum seat_side side)
{
    const struct seat *first = NULL;

    if (queue_length(thing, side) == 0)
        return QUEUE_NOBODY;
    for (unsigned i = 0; i < n_seats(objects); i++) {
        const struct seat *seat = &objects->seats[i];
        if (waits_for(seat, objects, thing) && seat->side == side && (!first || seat->ticket < first->ticket))
            first = seat;
    }
    return first ? (uint32_t)(first - objects->seats) : QUEUE_NOBODY;
}

uint32_t queue_release_first(struct objects *objects, struct thing *thing, enum seat_side side,
                             struct notes *who, uint64_t value)
{
    uint32_t first = queue_first(objects, thing, side);

    if (first == QUEUE_NOBODY)
        return QUEUE_NOBODY;
    if (who)
        note_tell(who, NOTE_GAVE, thing->number, 1);
    objects->seats[first].value = value;
    let_go(thing, &objects->seats[first]);
    return first;
}

void queue_release_all(struct objects *objects, struct thing *thing, struct notes *who)
{
    uint32_t n = queue_length(thing, SIDE_TAKE);

    if (n == 0)
        return;
    if (who)
        note_tell(who, NOTE_GAVE, thing->number, (int32_t)n);
    thing->released = thing->next_ticket;
    for (unsigned i = 0; i < n_seats(objects); i++) {
        if (waits_for(&objects->seats[i], objects, thing))
            let_go(thing, &objects->seats[i]);
    }
}

void queue_wake(struct objects *objects, uint32_t seat)
{
    if (seat != QUEUE_NOBODY)
        wait_wake(&objects->seats[seat].word);
}

void queue_wake_all(struct objects *objects)
{
    for (unsigned i = 0; i < n_seats(objects); i++) {
        if (atomic_load_explicit(&objects->seats[i].word, memory_order_relaxed) == SEAT_WOKEN)
            wait_wake(&objects->seats[i].word);
    }
}

void queue_tell_value(const struct actor *actor, struct thing *thing, int64_t value)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t told_ns = atomic_load_explicit(&thing->value_told_ns, memory_order_relaxed);

    if (now_ns - told_ns >= VALUE_EVERY_NS &&
        atomic_compare_exchange_strong_explicit(&thing->value_told_ns, &told_ns, now_ns, memory_order_relaxed,
                                                memory_order_relaxed))
        note_value(&actor->waiter->notes, thing->number, value);
}
