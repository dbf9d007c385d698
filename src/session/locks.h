/* Who waits for whom in a program that is watched: looked up where tasks sleep long, and told as notes. */
#ifndef SCHEDVIZ_SESSION_LOCKS_H
#define SCHEDVIZ_SESSION_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct session;
struct lock_watch;
struct lock_object;

struct locks {
    struct lock_watch *watches; /* of tasks that live */
    uint32_t n_watches, watches_capacity;
    uint32_t n_met;                   /* tasks of the timeline that were taken notice of */
    uint32_t next;                    /* whose turn it is */
    uint32_t owner;                   /* who has what was just found to be wanted, of the timeline */
    uint64_t step_ns;                 /* when some were attended to last */
    uint64_t spare_ns, turn_spare_ns; /* CPU time that looking may take, now and in this turn */
    uint64_t used_ns;                 /* CPU time of ours after the last look of this turn; 0: none was */
    uint64_t n_looks;                 /* ever */

    struct lock_object *objects; /* by their number less EVENT_OBJECT_SEEN */
    uint32_t n_objects, objects_capacity;
    bool refused, overflowed; /* it was said */
    unsigned
        n_refused; /* looks in turn: one alone may have been at a task that was just executing or ending */
};

void locks_init(struct locks *locks);
void locks_fini(struct locks *locks);

/* Once a turn, behind timeline_advance(). Tasks that have slept for 300 ms are looked at; what they wait for
 * becomes notes: told once a wait, once more where the holder changes, and ended when they run. A deadlock
 * then is an alert of the timeline's (waits.h) about a second after it began. Looking takes at most one and a
 * half per cent of a CPU in the long run, and two milliseconds a turn. What the kernel does not allow to see
 * is said once by session_warn(). Of more than three thousand tasks, one that used to go on by itself after
 * longer sleeps is looked at when it sleeps longer than it used to, or for a second: else there were time for
 * none of them. */
void locks_step(struct session *session, uint64_t now_ns);

#endif
