/* Slots of the shared memory: how one is claimed and asked for, and what its order stands for. */
#include "shared.h"

char *shared_task_name(const struct shared *shared, unsigned i, char buf[EVENT_NAME_SIZE])
{
    const struct order *order = &shared->slots[i].order;

    return shared->program ? program_task_name(shared->program, order->part, order->several, buf)
                           : workload_task_name(i, buf);
}

struct objects *shared_objects(const struct shared *shared, unsigned set)
{
    return (struct objects *)(void *)(shared->sets + set * shared->set_bytes);
}

bool shared_claim(struct shared *shared, unsigned i, unsigned claimer)
{
    int empty = STAGE_EMPTY;

    return atomic_compare_exchange_strong(&shared->slots[i].stage, &empty, stage_claimed(claimer));
}

static void reset(struct slot *slot)
{
    atomic_store(&slot->stop, false);
    atomic_store(&slot->tid, 0);
    atomic_store(&slot->pid, 0);
    atomic_store(&slot->error, 0);
    atomic_store(&slot->status, 0);
    atomic_store(&slot->finished, false);
    atomic_store(&slot->told_exit, false);
    slot->zero_ns = 0;
    atomic_store(&slot->started_ns, 0);
    atomic_store(&slot->ended_ns, 0);
    atomic_store(&slot->units, 0);
    atomic_store(&slot->loops, 0);
    atomic_store(&slot->told_ns, 0);
}

void shared_prepare(struct shared *shared, unsigned i, const struct order *order)
{
    struct slot *slot = &shared->slots[i];
    unsigned n = atomic_load(&shared->n_slots);

    reset(slot);
    slot->order = *order;
    while (i >= n && !atomic_compare_exchange_weak(&shared->n_slots, &n, i + 1))
        ;
}

void shared_ask(struct shared *shared, unsigned i)
{
    atomic_store(&shared->slots[i].stage, STAGE_ASKED);
}

void shared_finish(struct shared *shared, unsigned i, enum stage stage, int error, int status)
{
    struct slot *slot = &shared->slots[i];
    const struct order *order = &slot->order;

    if (atomic_load(&slot->stage) != STAGE_ASKED)
        objects_leave(shared_objects(shared, order->set), order->part.template, i);
    if (error)
        atomic_store(&slot->error, error);
    atomic_store(&slot->status, status);
    atomic_store(&slot->stage, stage);
}
