/* What the processes of the engine have in common: how they begin, wait, and move to the CPUs of a new task.
 */
#ifndef SCHEDVIZ_ENGINE_PROCESS_H
#define SCHEDVIZ_ENGINE_PROCESS_H

#include "../cpuset.h"

#include <sys/types.h>

/* The death of the parent is the caller's; a parent that died before this was set is seen by its absence. The
 * kernel means the parent's thread that forked (PR_SET_PDEATHSIG of prctl(2)). */
void process_die_with(pid_t parent);

void process_reset_signals(void);   /* every handler to its default */
void process_unblock_signals(void); /* all of them */

/* Where a process is by itself, and where it is now. */
struct place {
    struct cpuset home, here;
};

/* The caller is at home now. */
void place_init(struct place *place);

/* A new task begins on the CPUs of who makes it: so that it never runs on others, its maker goes to its CPUs
 * first. What cannot be done here, the task itself will tell. */
void place_go(struct place *place, const struct cpuset *cpus);

/* Until the bell (an eventfd) rings, a signal comes, or the time is over (below 0: never); no signal is
 * blocked meanwhile. */
void process_sleep(int bell, int timeout_ms);

#endif
