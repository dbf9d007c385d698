/* What to run: the description that the engine carries out. */
#ifndef SCHEDVIZ_WORKLOAD_H
#define SCHEDVIZ_WORKLOAD_H

#include "../event.h"

#include <stdint.h>

enum placement {
    PLACEMENT_PINNED, /* task i on core i mod k */
    PLACEMENT_FREE,   /* the kernel chooses among the chosen cores */
};

#define WORKLOAD_MAX_TASKS 1024

struct workload {
    const char *name; /* the lesson's name */
    enum task_kind kind;
    enum placement placement;
    unsigned n_tasks;
    uint64_t work_ns; /* calibrated CPU time of each task; 0: without end */
};

/* "A" ... "Z", "AA", "AB" ...: the name of task i in a lane, a table and a report. Returns buf. */
char *workload_task_name(unsigned i, char buf[EVENT_NAME_SIZE]);

const char *workload_kind_name(enum task_kind kind);           /* "thread", "process", "green" */
const char *workload_placement_name(enum placement placement); /* "pinned", "free" */

#endif
