/* Fuzz target: the bytes of a perf ring, record after record. */
#include "../../src/err.h"
#include "../../src/observe/perf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct tracepoint_wakes wakes = {.waking = {.id = 375, .pid_at = 24, .target_cpu_at = 32},
                                              .wakeup_new = {.id = 373, .pid_at = 24, .target_cpu_at = 32}};

/* As a batch they are the same. */
static void check_batch(const uint8_t *bytes, size_t n, size_t n_used, size_t n_events)
{
    struct event *events = mem_new(n_events + 1, sizeof *events);
    const struct perf_batch batch = perf_parse_batch(bytes, n, 1, &wakes, events, n_events + 1);
    if (batch.n_bytes != n_used || batch.n_events != n_events)
        abort();
    free(events);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const uint8_t *first = bytes;
    const size_t n_all = n;
    size_t n_events = 0;
    while (n > 0) {
        struct event event;
        bool is_event;
        const size_t size = perf_parse(bytes, n, 1, &wakes, &event, &is_event);
        if (size > n || (size == 0 && is_event))
            abort();
        if (is_event && event.kind == EVENT_NAME && strnlen(event.u.name, EVENT_NAME_SIZE) == EVENT_NAME_SIZE)
            abort();
        if (is_event && event.kind != EVENT_LOST && event.tid <= 0)
            abort();
        if (size == 0)
            break;
        n_events += is_event;
        bytes += size;
        n -= size;
    }
    check_batch(first, n_all, n_all - n, n_events);
    return 0;
}
