/* The host: the process that makes the workload's tasks that are processes, and the crew for those that are
 * threads; it reaps them all, and wakes up those that are to end. */
#ifndef SCHEDVIZ_ENGINE_HOST_H
#define SCHEDVIZ_ENGINE_HOST_H

#include "shared.h"

#include <sys/types.h>

#define HOST_NAME "schedviz-host"

struct host_config {
    struct shared *shared;
    int host_bell, schedviz_bell, crew_bell; /* eventfd(2)s: wake the host, schedviz, the crew */
    int line;                                /* held open until the host ends, by nobody else */
    pid_t schedviz;                          /* when it ends, all ends */
};

/* Goes on in the freshly forked child, with all signals blocked, until it is told to quit. */
_Noreturn void host_run(const struct host_config *config);

#endif
