/* Fuzz target: a format file of tracefs, and a record as it may describe it. */
#include "../../src/observe/tracepoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct tracepoint_wakes wakes;
    struct tracepoint_wake wake;
    tracepoint_parse((const char *)bytes, n, &wakes.waking);
    wakes.wakeup_new = wakes.waking;
    if (n >= 2)
        wakes.wakeup_new.id = (uint16_t)(bytes[0] | bytes[1] << 8); /* these bytes are such a record */
    if (tracepoint_parse_wake(&wakes, bytes, n, &wake) &&
        (n < 4 || wakes.wakeup_new.pid_at > n - 4 || wakes.wakeup_new.target_cpu_at > n - 4))
        abort();
    return 0;
}
