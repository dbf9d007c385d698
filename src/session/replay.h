/* What was recorded, shown again: recordings in the place of engine, program and sources. */
#ifndef SCHEDVIZ_SESSION_REPLAY_H
#define SCHEDVIZ_SESSION_REPLAY_H

#include "../session.h"
#include "facts.h"
#include "trace.h"

#define REPLAY_MAX 2 /* recordings at once, one after the other on the time axis */

struct replay {
    struct trace *traces[REPLAY_MAX];
    unsigned n;
    struct program *program;        /* of the first; NULL: none */
    uint16_t first_run[REPLAY_MAX]; /* number of its first run */
    struct cpuset cpus;             /* on which something ran */
    uint64_t first_ns, last_ns;     /* of all of it */
    struct timeline *state;         /* as of state_ns; NULL: not asked for yet */
    uint64_t state_ns;
    struct window *window; /* larger than memory: the timeline is its; NULL */
    bool is_shown;         /* session_show(): what it is like is of the run that is shown */
    unsigned n_tasks;      /* of the workload, as seen */
    char name[160];        /* of all of it */
};

/* In the place of the sources: reads what session_replay() says. */
bool replay_start(struct session *session, const struct session_replay *what, struct err *err);
void replay_fini(struct session *session);

/* Always false: nothing that happened can be changed. */
bool replay_refuse(struct err *err);
bool replay_target(const struct session *session, struct session_target *target);
void replay_info(const struct session *session, struct session_info *info);

/* The facts of the recording that has this run. */
const struct session_facts *replay_facts_of_run(const struct session *session, uint16_t number);

#endif
