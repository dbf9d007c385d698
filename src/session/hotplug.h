/* The machine changes under us: CPUs go offline, come back, are taken away by a cgroup. */
#ifndef SCHEDVIZ_SESSION_HOTPLUG_H
#define SCHEDVIZ_SESSION_HOTPLUG_H

#include "../session.h"

struct hotplug {
    struct cpuset online, allowed; /* as last acted upon */
    uint64_t next_ns;              /* when to look again */
    bool unsure;                   /* the last look was perhaps too early, another one follows soon */
};

void hotplug_init(struct session *session);

/* Looks at the machine now and then: what changed is told, runs leave CPUs that are gone, and perf follows to
 * those that came. */
void hotplug_check(struct session *session, uint64_t now_ns);

/* What is left of a set of CPUs at this moment; when nothing is, another one that may be used. */
struct cpuset hotplug_left(const struct session *session, const struct cpuset *cpus);

#endif
