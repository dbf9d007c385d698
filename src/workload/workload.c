/* Names of tasks, kinds and placements. */
#include "workload.h"

#include <stddef.h>

/* Bijective base 26: after "Z" comes "AA". */
char *workload_task_name(unsigned i, char buf[EVENT_NAME_SIZE])
{
    char reversed[EVENT_NAME_SIZE];
    size_t n = 0;

    for (uint64_t rest = (uint64_t)i + 1; rest > 0; rest = (rest - 1) / 26)
        reversed[n++] = (char)('A' + (rest - 1) % 26);
    for (size_t k = 0; k < n; k++)
        buf[k] = reversed[n - 1 - k];
    buf[n] = '\0';
    return buf;
}

const char *workload_kind_name(enum task_kind kind)
{
    switch (kind) {
    case TASK_THREAD:
        return "thread";
    case TASK_PROCESS:
        return "process";
    case TASK_GREEN:
        return "green";
    }
    return "unknown";
}

const char *workload_placement_name(enum placement placement)
{
    switch (placement) {
    case PLACEMENT_PINNED:
        return "pinned";
    case PLACEMENT_FREE:
        return "free";
    }
    return "unknown";
}
