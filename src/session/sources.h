/* The sources of a session: the best one of switches that really opens, and proc beside it. */
#ifndef SCHEDVIZ_SESSION_SOURCES_H
#define SCHEDVIZ_SESSION_SOURCES_H

#include "../session.h"

struct sources {
    struct source *perf; /* NULL: not in use */
    struct source *proc;
    const char *name; /* who tells the switches: "perf", "engine", "proc" */
    bool self_timed;  /* the tasks tell their slices themselves */
    bool exact;       /* slices, not samples */
    bool all;         /* every task of the machine is seen */
    char reason[320]; /* why not a better one; "" for the best */
};

/* Opens what config asks for. Before the engine's host is forked: perf watches by inheritance. False with the
 * reason when what was asked for cannot be had. */
bool sources_open(struct sources *sources, const struct session_config *config, const struct machine *machine,
                  struct err *err);
void sources_close(struct sources *sources);

#endif
