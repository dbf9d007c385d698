/* The slices of a window, and the words for what they are. */
#include "slices.h"

struct slices_span slices_span(const struct timeline *tl, const struct export_window *window)
{
    if (window->span_ns == 0)
        return (struct slices_span){timeline_edge_ns(tl), timeline_now_ns(tl) + 1};
    const uint64_t rest_ns = UINT64_MAX - window->start_ns;
    return (struct slices_span){window->start_ns,
                                window->start_ns + (window->span_ns < rest_ns ? window->span_ns : rest_ns)};
}

struct sieve {
    const struct slices_span *span;
    bool (*visit)(void *data, const struct slice *slice);
    void *data;
    bool is_stopped;
};

/* False ends the walk: behind the span, too, nothing more is wanted. */
static bool pass(void *data, const struct slice *slice)
{
    struct sieve *sieve = data;
    if (slice->start_ns >= sieve->span->to_ns)
        return false;
    sieve->is_stopped = !sieve->visit(sieve->data, slice);
    return !sieve->is_stopped;
}

bool slices_each(const struct timeline *tl, int cpu, const struct slices_span *span,
                 bool (*visit)(void *data, const struct slice *slice), void *data)
{
    struct sieve sieve = {.span = span, .visit = visit, .data = data};
    timeline_each_cpu_slice(tl, cpu, span->from_ns, pass, &sieve);
    return !sieve.is_stopped;
}

const char *slices_end_name(enum slice_end end)
{
    switch (end) {
    case SLICE_OPEN:
        return "open";
    case SLICE_PREEMPTED:
        return "preempted";
    case SLICE_BLOCKED:
        return "blocked";
    case SLICE_EXITED:
        return "exited";
    case SLICE_LOST:
        break;
    }
    return "lost";
}

const char *slices_role_name(enum task_role role)
{
    switch (role) {
    case ROLE_WORKLOAD:
        return "workload";
    case ROLE_HOST:
        return "host";
    case ROLE_OBSERVER:
        return "observer";
    case ROLE_OTHER:
        return "other";
    case ROLE_UNKNOWN:
        break;
    }
    return "unknown";
}
