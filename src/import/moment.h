/* One thing that a scheduler did, as the kernel's tracepoints tell it: what the readers of all traces make.
 */
#ifndef SCHEDVIZ_IMPORT_MOMENT_H
#define SCHEDVIZ_IMPORT_MOMENT_H

#include "../event.h"

#include <stdbool.h>

enum moment_kind {
    MOMENT_SWITCH, /* sched_switch: tid goes, other comes; left */
    MOMENT_WAKING, /* sched_waking: other is to run; waker_known */
    MOMENT_WAKEUP, /* sched_wakeup: the same, later, and target_cpu is where it is queued */
    MOMENT_NEW,    /* sched_wakeup_new: other runs for the first time soon, queued on target_cpu */
    MOMENT_FORK,   /* sched_process_fork: tid made other */
    MOMENT_EXEC,   /* sched_process_exec: tid is another program now, called name; it was other before that */
    MOMENT_EXIT,   /* sched_process_exit: tid begins to end */
    MOMENT_LOST,   /* n of cpu's are missing before this one */
};

/* In which state a task left its CPU. */
enum moment_left {
    LEFT_RUNNABLE,
    LEFT_BLOCKED,
    LEFT_DEAD,
    LEFT_DEAD_OR_PARKED, /* the bit 0x40 of prev_state: TASK_DEAD up to Linux 4.13, parked after */
};

struct moment {
    uint64_t time_ns;
    int16_t cpu;
    uint8_t kind;     /* enum moment_kind */
    uint8_t left;     /* enum moment_left */
    bool waker_known; /* what made the wake was the running task, and no interrupt */
    int32_t tid;      /* who acts; of all but LOST and EXEC it is also who ran on cpu until then */
    int32_t pid;      /* tid's thread group, 0 when not told */
    int32_t other;
    int32_t target_cpu; /* -1 when not told */
    uint64_t n;
    char name[EVENT_NAME_SIZE]; /* of tid and of other; "" when not told */
    char other_name[EVENT_NAME_SIZE];
};

#endif
