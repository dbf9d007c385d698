/* What the formats that tell slices one by one share: which ones, and in which words. */
#ifndef SCHEDVIZ_EXPORT_SLICES_H
#define SCHEDVIZ_EXPORT_SLICES_H

#include "export.h"

/* The window as two instants, [from_ns, to_ns): all that history holds, and now, where its span is 0. */
struct slices_span {
    uint64_t from_ns, to_ns;
};
struct slices_span slices_span(const struct timeline *tl, const struct export_window *window);

/* Whether [start_ns, end_ns), or the instant start_ns, lies in the span at least in part. */
static inline bool slices_overlap(const struct slices_span *span, uint64_t start_ns, uint64_t end_ns)
{
    return (end_ns > span->from_ns || start_ns >= span->from_ns) && start_ns < span->to_ns;
}

/* Visits the whole slices of a CPU that overlap the span, oldest first, until visit returns false; whether it
 * never did. */
bool slices_each(const struct timeline *tl, int cpu, const struct slices_span *span,
                 bool (*visit)(void *data, const struct slice *slice), void *data);

/* The words that the formats have for them: schedviz(1). */
const char *slices_end_name(enum slice_end end);
const char *slices_role_name(enum task_role role);

#endif
