/* The reference, and the whole comparison of 1 core against k. */
#ifndef SCHEDVIZ_SESSION_COMPARE_H
#define SCHEDVIZ_SESSION_COMPARE_H

#include "../session.h"

struct run_state;

struct compare {
    uint16_t reference;       /* run number, 0: none */
    bool reference_is_frozen; /* the run went on otherwise since: frozen is what was kept */
    struct run frozen;
    enum comparison now;
    struct cpuset cpus; /* the k chosen ones */
    uint64_t saved_work_ns;
};

bool compare_is_running(const struct session *session);

/* Before a run is changed: what was kept of it as the reference stays as it is. */
void compare_freeze(struct session *session, const struct run_state *rs);

/* After the first of two runs in turn comes the second; after the last the workload is as it was. */
void compare_step(struct session *session);

/* The workload is as it was before the comparison. */
void compare_give_up(struct session *session);

#endif
