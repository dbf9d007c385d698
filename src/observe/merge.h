/* Many streams in, one order of time out. */
#ifndef SCHEDVIZ_OBSERVE_MERGE_H
#define SCHEDVIZ_OBSERVE_MERGE_H

#include "source.h"

struct merge;

struct merge *merge_new(void);
void merge_free(struct merge *merge); /* does not close the sources */

/* The source must outlive the merge or be removed first. */
void merge_add(struct merge *merge, struct source *source);
void merge_remove(struct merge *merge, struct source *source);

/* Reads all streams and pushes every event with time_ns <= until_ns to sink, in time order, in batches. Later
 * ones wait inside for the next call. An event older than what was already pushed is pushed all the same,
 * with its time raised to the last one pushed, and counted. Returns the number of events pushed. */
uint64_t merge_run(struct merge *merge, uint64_t until_ns, struct sink *sink);

/* Events whose time had to be raised, since the start. */
uint64_t merge_n_late(const struct merge *merge);

#endif
