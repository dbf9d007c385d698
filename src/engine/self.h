/* What the kernel counts for the calling thread. */
#ifndef SCHEDVIZ_ENGINE_SELF_H
#define SCHEDVIZ_ENGINE_SELF_H

#include <stdbool.h>
#include <stdint.h>

/* getrusage(2) of RUSAGE_THREAD: the same counts as voluntary_ctxt_switches and its sibling in
 * /proc/TID/status. */
void self_switches(uint64_t *voluntary, uint64_t *involuntary);

/* /proc/thread-self/schedstat, up to this moment. All 0 and false when it cannot be read. */
bool self_schedstat(uint64_t *run_ns, uint64_t *wait_ns, uint64_t *slices);

#endif
