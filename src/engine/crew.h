/* The crew: the process whose threads are the workload's. A thread that crashes takes it along and nothing
 * else; the host makes a new one when the next thread is asked for. */
#ifndef SCHEDVIZ_ENGINE_CREW_H
#define SCHEDVIZ_ENGINE_CREW_H

#include "process.h"
#include "shared.h"

#include <sys/types.h>

#define CREW_NAME "schedviz-crew"

struct crew_config {
    struct shared *shared;
    int bell, host_bell, schedviz_bell; /* eventfd(2)s: the first wakes the crew */
    pid_t host;                         /* when it ends, the crew ends */
};

/* Goes on in the freshly forked child of the host until all shall quit. It takes the orders of threads from
 * the shared memory, joins them when they end, and says so there. What it has taken carries its pid. */
_Noreturn void crew_run(const struct crew_config *config);

#endif
