/* The tasks that are watched by events of their own, and those that inherited these events: who is covered,
 * and when events may be closed. */
#ifndef SCHEDVIZ_OBSERVE_FAMILIES_H
#define SCHEDVIZ_OBSERVE_FAMILIES_H

#include <stdbool.h>
#include <stdint.h>

/* An open perf event of a task on a CPU. */
struct family_event {
    int cpu, fd;
};

/* A family is a task that was attached and all that descend from it since. Closing an event takes away those
 * that were inherited from it (perf_event_release_kernel() of kernel/events/core.c), so that a family's
 * events stay open until its last member has ended. What is told here is told in the order of time. */
struct families;

struct families *families_new(void);
void families_free(struct families *families); /* closes all events */

bool families_has(const struct families *families, int tid);
unsigned
families_n_attached(const struct families *families);        /* living tasks that have events of their own */
unsigned families_n_events(const struct families *families); /* open ones */

/* tid has these events of its own, the first of them since since_ns; they are the families' to close. */
void families_attach(struct families *families, int tid, const struct family_event *events, unsigned n,
                     uint64_t since_ns);

/* parent made tid, which inherited its events: those of its own that tid may have are closed. True when that
 * is in doubt: the parent may have been in the middle of it when it was attached itself, and tid may have
 * inherited none or some. Those of its own stay open then. */
bool families_fork(struct families *families, int parent, int tid, uint64_t time_ns);

/* tid ended then. */
void families_exit(struct families *families, int tid, uint64_t time_ns);

/* Not all forks are known any more: nothing is closed from now on. */
void families_doubt(struct families *families);

/* Calls visit with the fd of each open event on that CPU. */
void families_each_event(const struct families *families, int cpu, void (*visit)(void *data, int fd),
                         void *data);

#endif
