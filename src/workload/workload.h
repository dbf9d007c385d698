/* What to run: the description that the engine carries out. */
#ifndef SCHEDVIZ_WORKLOAD_H
#define SCHEDVIZ_WORKLOAD_H

#include "../event.h"
#include "program.h"

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

    /* What the tasks do; NULL: each computes, work_ns long. All of it outlives the session. */
    const struct program *program;
    unsigned n_fixed;                /* of n_tasks, those that are not of the template that scales */
    const bool *started;             /* a flag for each template; NULL: all */
    const struct settings *settings; /* asked of the scheduler for every task, after its template's; NULL */
};

/* "A" ... "Z", "AA", "AB" ...: the name of task i in a lane, a table and a report. Returns buf. */
char *workload_task_name(unsigned i, char buf[EVENT_NAME_SIZE]);

/* Sets n_tasks and n_fixed from the program, with so many tasks of the template that scales (0: as the file
 * says). False with a line when there would be none, too many, or when nothing scales and n_scaled is not 0.
 */
bool workload_cast(struct workload *workload, unsigned n_scaled, struct err *err);

/* Whether its tasks come to an end by themselves, as far as their loops tell. */
bool workload_ends(const struct workload *workload);

const char *workload_kind_name(enum task_kind kind);             /* "thread", "process", "green" */
const char *workload_kind_noun(enum task_kind kind, unsigned n); /* after n: "threads", "green thread" */
const char *workload_placement_name(enum placement placement);   /* "pinned", "free" */

#endif
