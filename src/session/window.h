/* A recording that is larger than memory: the part of it that is looked at, with all slices or as sums. */
#ifndef SCHEDVIZ_SESSION_WINDOW_H
#define SCHEDVIZ_SESSION_WINDOW_H

#include "trace.h"

/* Recordings of fewer events are read as a whole: that takes a tenth of a second. */
#define WINDOW_WHOLE_EVENTS UINT64_C(1500000)

struct window;

/* Reads the state of all tasks at the end, and no more. The trace stays the caller's and outlives the window.
 * NULL with a line. */
struct window *window_open(struct trace *trace, size_t memory_bytes, struct err *err);
void window_free(struct window *window);

/* The timeline that shows [from_ns, to_ns) best: of a part around it with all slices (totals of tasks are as
 * of the end of that part), or, where those are too many, of sums (totals as of the end of the recording).
 * Valid until the next call. A part that cannot be read is shown as what came before it; err tells, "" when
 * all was well. */
struct timeline *window_show(struct window *window, uint64_t from_ns, uint64_t to_ns, struct err *err);

/* What window_show() gave has all slices of its window. */
bool window_has_slices(const struct window *window, const struct timeline *shown);

#endif
