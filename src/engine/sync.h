/* What a task does with the objects of its run: each call may wait, and then leads to the waiter's base when
 * the task is to stop. */
#ifndef SCHEDVIZ_SYNC_H
#define SCHEDVIZ_SYNC_H

#include "objects.h"
#include "wait.h"

struct actor {
    struct objects *objects;
    struct waiter *waiter;
};

/* A lock that its owner wants again is waited for without end, as pthread_mutex_lock(3) has it. A lock that
 * is not its own is not unlocked. */
void sync_lock(const struct actor *actor, uint32_t mutex);
void sync_unlock(const struct actor *actor, uint32_t mutex);
bool sync_owns(const struct actor *actor, uint32_t mutex);
/* Gives back all that the task holds. */
void sync_unlock_all(const struct actor *actor);

/* Conditions: no wait ends without a signal for it. */
void sync_wait(const struct actor *actor, uint32_t condition, uint32_t mutex);
void sync_signal(const struct actor *actor, uint32_t condition);
void sync_broadcast(const struct actor *actor, uint32_t condition);

void sync_barrier(const struct actor *actor, uint32_t barrier);

void sync_suspend(const struct actor *actor, uint32_t suspend);
void sync_resume(const struct actor *actor, uint32_t suspend);

void sync_sem_post(const struct actor *actor, uint32_t sem);
void sync_sem_wait(const struct actor *actor, uint32_t sem);

/* Timers: a period on from where the timer stands (from first_ns where it was not used yet); when it is due.
 */
uint64_t sync_timer_advance(const struct actor *actor, uint32_t timer, uint64_t first_ns, uint64_t period_ns);
void sync_timer_set(const struct actor *actor, uint32_t timer, uint64_t now_ns);

/* The object's number in events. */
int32_t sync_number(const struct actor *actor, uint32_t object);

#endif
