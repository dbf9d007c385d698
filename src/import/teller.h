/* Moments become events: tasks are introduced when they first act, ends are ends, and a wake is told once. */
#ifndef SCHEDVIZ_IMPORT_TELLER_H
#define SCHEDVIZ_IMPORT_TELLER_H

#include "moment.h"

#include <stddef.h>

struct teller;

struct teller *teller_new(void);
void teller_free(struct teller *teller);

/* What the next moment, in order of time, comes to: at most TELLER_MAX_EVENTS, with its time, or the last
 * one's where that is later; returns how many. All tasks but the idle ones (tid 0) are ROLE_WORKLOAD. */
#define TELLER_MAX_EVENTS 16
size_t teller_tell(struct teller *teller, const struct moment *moment, struct event *events);

struct teller_figures {
    uint64_t n_switches;
    uint64_t n_lost;   /* events, as far as counted */
    uint64_t n_broken; /* switches whose CPU ran another task before, though nothing was lost: tasks are left
                          out */
    uint64_t n_late;   /* moments that were older than those before them */
    unsigned n_cpus;   /* the highest one that ran a task, and 1 */
    uint64_t first_ns, last_ns;
};
struct teller_figures teller_figures(const struct teller *teller);

#endif
