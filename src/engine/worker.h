/* What a task of the workload does, from its first instruction to its last words. */
#ifndef SCHEDVIZ_ENGINE_WORKER_H
#define SCHEDVIZ_ENGINE_WORKER_H

#include "play.h"
#include "shared.h"
#include "watch.h"

struct worker {
    struct shared *shared;
    unsigned slot;
    int schedviz_bell, host_bell; /* eventfd(2)s */
    int maker_bell;               /* rung at the end; -1: its maker learns of it by SIGCHLD */
};

/* Runs the task of the slot in the calling thread. */
void worker_run(const struct worker *worker);

/* The parts of that which a green thread has in common with it. What the slot's task is, as play() wants it:
 */
struct player worker_player(const struct worker *worker, struct watch *watch, int tid);
/* its first words; */
void worker_introduce(const struct player *player, int pid);
/* it passed the gate (wait for it before this), or was forked; */
void worker_begin(const struct worker *worker, struct slot *slot);
/* its work as it is now, for a NOTE_WORK. */
struct event worker_work(const struct player *player);

/* The loop: n_units of pure computation, or fewer when the slot's stop flag is set; slot->units counts on.
 * With a watch the clock is read after each unit; NULL: it is not read at all. Returns how many were done. */
uint64_t worker_loop(struct slot *slot, struct watch *watch, uint64_t n_units);

/* Asks for one more task of the template, as the task that calls: of its run and, where the template has no
 * kind, of its kind; on the CPUs that it has now. It does not wait at the gate. False when no slot is left.
 */
bool worker_fork(const struct player *player, uint32_t template);

#endif
