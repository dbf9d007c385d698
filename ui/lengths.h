/* How long the slices of several tasks were and how long they waited when they were woken, taken together and
 * remembered: thousands of tasks are not merged for each frame. */
#ifndef SCHEDVIZ_LENGTHS_H
#define SCHEDVIZ_LENGTHS_H

#include "../src/timeline/timeline.h"

enum length { LENGTH_SLICE_P50, LENGTH_WAKE_P50, LENGTH_WAKE_P99, LENGTH_WAKE_MAX, N_LENGTHS };

/* Of one task, in ns; -1: it has no finished slice, was not seen to be woken. */
int64_t length_of(const struct task *task, enum length which);

struct lengths;

struct lengths *lengths_new(void);
void lengths_free(struct lengths *lengths); /* NULL is fine */

/* Of n tasks, which are known by the first of them. They are added up anew when one of them has run since,
 * and not more often than 150 us for each have passed on the timeline: of ten thousand it is as they stood up
 * to one and a half seconds ago. */
int64_t lengths_together(struct lengths *lengths, const struct timeline *tl, const uint32_t *tasks,
                         uint32_t n, enum length which);

/* Slice lengths of the whole workload, as timeline_slice_lengths() has them, remembered like that. Valid
 * until the next call. */
const struct histogram *lengths_of_all(struct lengths *lengths, const struct timeline *tl);

#endif
