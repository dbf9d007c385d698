/* The proc source: states and the kernel's own counters, polled from /proc, for tasks told to it. */
#ifndef SCHEDVIZ_OBSERVE_PROC_H
#define SCHEDVIZ_OBSERVE_PROC_H

#include "source.h"

#include <stdbool.h>

struct proc_config {
    uint64_t counters_every_ns; /* how often schedstat (cheap) and status (dear) are read for each task */
    uint64_t states_every_ns;   /* how often states and processors are read through libproc2 */
    uint64_t close_counters_every_ns, close_states_every_ns; /* the same for tasks of proc_watch_closely() */
    unsigned crowd_per_s; /* of more than 2,000 tasks, which others tell exactly: so many are read a second,
                             however often that should be; 0: there is nobody else to tell */
};

/* Never fails: what cannot be read yields no events. */
struct source *proc_open(const struct proc_config *config);

/* Tasks to watch. tid must be a thread of pid. Adding a watched one again is fine, and so is removing one
 * unknown. A task that vanished is dropped at the next read, without an event: its end is another source's to
 * tell. */
void proc_watch(struct source *source, int pid, int tid);
/* The same for one of which nobody else tells when it runs, also if it is watched already. */
void proc_watch_closely(struct source *source, int pid, int tid);
void proc_unwatch(struct source *source, int tid);

/* Reads the counters of all watched tasks at the next tick, whatever the time. */
void proc_refresh(struct source *source);

/* The machine as libproc2 sees it; figures that could not be read are 0. */
struct proc_system {
    uint64_t context_switches; /* of the whole machine since boot: ctxt of /proc/stat */
    uint64_t memory_total_kib, memory_available_kib;
    unsigned n_running; /* procs_running */
};
void proc_system_read(struct source *source, struct proc_system *system);

/* Memory of a process in KiB, 0 when unknown. pss_kib is dear (smaps_rollup) and read only on request. */
struct proc_memory {
    uint64_t resident_kib, pss_kib;
};
bool proc_memory_read(struct source *source, int pid, struct proc_memory *memory);

/* Pure parsers of kernel text; false when the text does not hold the figures. */
bool proc_parse_schedstat(const char *text, size_t n, uint64_t *run_ns, uint64_t *wait_ns, uint64_t *slices);
bool proc_parse_status(const char *text, size_t n, uint64_t *voluntary, uint64_t *involuntary);
bool proc_parse_stat(const char *text, size_t n, char *letter, int *processor);

#endif
