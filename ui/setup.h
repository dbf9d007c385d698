/* From the command line, the workload file and the machine to what a session is started with. */
#ifndef SCHEDVIZ_SETUP_H
#define SCHEDVIZ_SETUP_H

#include "../src/lesson/lecture.h"
#include "options.h"

struct setup {
    struct program *program; /* NULL: nothing was named, each task computes */
    struct workload base;    /* as the user and the file have it; steps of a lesson begin from here */
    struct cpuset base_cpus;
    struct session_config session;
    uint64_t duration_ns; /* 0: without */
    bool ends;            /* the tasks end by themselves */
};

/* Reads the named lesson or file, and chooses CPUs and tasks. False with one line: exit status 2.
 * interactive: a lesson whose first step asks something begins held. */
bool setup_make(struct setup *setup, const struct options *options, const struct machine *machine,
                bool interactive, struct err *err);
void setup_fini(struct setup *setup);

/* The lesson of a session that is replayed, as it went then; NULL: there was none. */
struct lecture *setup_recorded_lecture(const struct session *session);

/* The lecture of a session that was started with it, or NULL when there are no steps. */
struct lecture *setup_lecture(const struct setup *setup, struct session *session,
                              const struct machine *machine, bool interactive);

#endif
