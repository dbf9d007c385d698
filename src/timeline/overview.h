/* A timeline that knows sums of its lanes alone, and no slices: what is too long to be held. */
#ifndef SCHEDVIZ_TIMELINE_OVERVIEW_H
#define SCHEDVIZ_TIMELINE_OVERVIEW_H

#include "timeline.h"

struct overview;

void overview_free(struct overview *overview);
uint64_t overview_edge_ns(const struct overview *overview);

/* As timeline_*_bins() has it, from sums: what a column has of one is in proportion to its time. lo_ns and
 * hi_ns are where the lane's own time begins and ends: between its sums a task was blocked, a CPU idle. */
void overview_cpu_bins(const struct overview *overview, int cpu, uint64_t start_ns, uint64_t span_ns,
                       unsigned n, struct bin *bins);
void overview_task_bins(const struct overview *overview, uint32_t task, uint64_t lo_ns, uint64_t hi_ns,
                        uint64_t start_ns, uint64_t span_ns, unsigned n, struct bin *bins);

#endif
