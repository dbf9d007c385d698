/* Fuzz target: a trace.dat file, from its first byte to its last event. */
#include "../../src/import/import.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const struct event *event, uint64_t *last_ns)
{
    const bool has_cpu =
        event->kind == EVENT_SWITCH_IN || event->kind == EVENT_SWITCH_OUT || event->kind == EVENT_LOST;
    if (event->time_ns < *last_ns || event->kind > EVENT_LOST || (has_cpu && event->cpu < 0) ||
        (event->kind == EVENT_NAME && !memchr(event->u.name, 0, sizeof event->u.name)) ||
        (event->kind != EVENT_LOST && event->tid <= 0))
        abort();
    *last_ns = event->time_ns;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct event events[40]; /* now and then too few for all that a moment tells */
    struct import_facts facts;
    struct err err;
    uint64_t n_read, n_bytes, last_ns = 0;
    size_t n_events;
    struct import *import = import_open_memory(bytes, n, "trace.dat", &err);
    if (!import)
        return 0;
    while ((n_events = import_read(import, events, sizeof events / sizeof *events)) > 0) {
        for (size_t i = 0; i < n_events; i++)
            check(&events[i], &last_ns);
    }
    import_facts(import, &facts);
    import_progress(import, &n_read, &n_bytes);
    if (n_read > n_bytes || strlen(import_remark(import)) > 1000 || facts.n_switches == 0)
        abort();
    import_close(import);
    return 0;
}
