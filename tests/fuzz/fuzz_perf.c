/* Fuzz target: the bytes of a perf ring, record after record. */
#include "../../src/observe/perf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        struct event event;
        bool is_event;
        const size_t size = perf_parse(bytes, n, 1, &event, &is_event);
        if (size > n || (size == 0 && is_event))
            abort();
        if (is_event && event.kind == EVENT_NAME && strnlen(event.u.name, EVENT_NAME_SIZE) == EVENT_NAME_SIZE)
            abort();
        if (is_event && event.kind != EVENT_LOST && event.tid <= 0)
            abort();
        if (size == 0)
            break;
        bytes += size;
        n -= size;
    }
    return 0;
}
