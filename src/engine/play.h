/* The interpreter: one task carries out its template of the program, action by action. */
#ifndef SCHEDVIZ_PLAY_H
#define SCHEDVIZ_PLAY_H

#include "../workload/program.h"
#include "shared.h"
#include "sync.h"
#include "watch.h"

struct player {
    /* Filled in by who calls; all of it stays the caller's. */
    const struct program *program; /* NULL: play_prepare() alone */
    struct part part;
    const struct settings *settings; /* those of the run, over the template's own; may be NULL */
    struct shared *shared;
    struct slot *slot;
    unsigned n_slot; /* its number: the seat that joined the objects */
    struct ring *ring;
    struct watch *watch;     /* NULL: the task does not time itself */
    struct objects *objects; /* the set of its run, in shared memory */
    int tid, host_bell;
    const struct green_wait *green; /* NULL: a thread or a process */

    /* play.c's own: */
    struct waiter waiter;
    struct actor actor;
    const struct cpuset *placed;    /* the CPUs of the phase, NULL: the order's */
    const struct settings *applied; /* those of the phase that spoke last */
    unsigned char *memory;          /* what MEM, IORUN and messages touch; made when it is first wanted */
    size_t memory_bytes;
    uint64_t *unique_next; /* when each timer that is the task's own is due; made when first wanted */
    int io_fd, timer_fd;   /* -1: not open */
};

/* In the task, before it works: the policy and the like that its template and the run ask for. What is
 * refused goes to the objects' warnings. */
void play_prepare(struct player *player);

/* Runs the part until its loops are over or its calibrated work is done (true), or its slot is told to stop
 * (false). After play_prepare(), in a process with play_handle_signals(). Sets slot->units, slot->loops and
 * tells notes on the way. */
bool play(struct player *player);

/* Installs the handler of PLAY_SIGNAL (wait.h) for the whole process; once in each process that plays. */
void play_handle_signals(void);

/* For the actions (act.c). Tells the user what is refused, once for each topic (attributes.h has the
 * first ones) of a template; text follows the name of the task. */
void play_warn(const struct player *player, unsigned topic, const char *text);
/* A task that times itself looks at its clock. */
void play_look(const struct player *player);
/* Where its timers begin: with the run, and its delay; not where they are first used. */
uint64_t play_first_ns(const struct player *player);

#endif
