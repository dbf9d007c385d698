/* The tracepoints that tell who woke whom, and where their records have what we want. */
#ifndef SCHEDVIZ_OBSERVE_TRACEPOINT_H
#define SCHEDVIZ_OBSERVE_TRACEPOINT_H

#include "../err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of sched:sched_waking and sched:sched_wakeup_new: its number, which is also the first field of its
 * records (common_type), and the offsets of two of its fields of 4 bytes. */
struct tracepoint {
    uint16_t id;
    uint16_t pid_at, target_cpu_at;
};

struct tracepoint_wakes {
    struct tracepoint waking, wakeup_new;
};

/* Pure: parses the text of a format file of tracefs. False when it does not have these fields, or has them
 * in another size. */
bool tracepoint_parse(const char *text, size_t n, struct tracepoint *tracepoint);

/* Reads both from tracefs. False with a line when that is not there or not for us, and in a pid namespace of
 * our own: the records name tasks as the first namespace does. */
bool tracepoint_read_wakes(struct tracepoint_wakes *wakes, struct err *err);

/* Pure: the fields of a record's raw data; false when it is too short or of neither tracepoint. is_new: the
 * task was just made, and target_cpu is where it is queued; else it is where the task was last, and where it
 * is queued is decided after that (try_to_wake_up() of kernel/sched/core.c). */
struct tracepoint_wake {
    int32_t tid;
    int target_cpu;
    bool is_new;
};
bool tracepoint_parse_wake(const struct tracepoint_wakes *wakes, const void *raw, size_t n,
                           struct tracepoint_wake *wake);

#endif
