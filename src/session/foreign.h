/* A program that is watched and not the engine's: started or attached, its tasks told, moved, and let go. */
#ifndef SCHEDVIZ_SESSION_FOREIGN_H
#define SCHEDVIZ_SESSION_FOREIGN_H

#include "../err.h"
#include "../session.h"
#include "../target/target.h"
#include "origins.h"

struct foreign {
    struct target *target; /* NULL: the session has a workload of its own */
    bool scans;            /* no source tells of new tasks: /proc is looked through, again and again */
    uint64_t next_scan_ns, next_look_ns;
    struct rlimit files;       /* as the command is to have it */
    struct target_task *known; /* as found last, by tid */
    size_t n_known;
    uint32_t n_seen;   /* tasks of the timeline that were taken notice of */
    bool attaches;     /* perf is brought to threads that were there before us */
    unsigned n_missed; /* it could not be brought to so many of them, */
    struct err why_missed;
    unsigned n_attached;
    bool is_taken;     /* all that was there when we came was found */
    uint64_t moved_ns; /* when cores, nice or policy were changed last: who came a moment later may have been
                          made a moment before */
    bool has_moved, has_nice, has_policy;
    int nice;
    enum policy policy;
    struct origins origins;
    bool end_told;
    bool shortfall_told; /* it was looked whether the kernel counted more than was seen */
    bool unseen_told;    /* a set-uid program was met */
    bool lets_run;
    bool was_stopped; /* the command did not end by itself */
    char name[64];
    unsigned n_tasks, n_processes; /* that live */
};

/* After the sources, in place of the engine and of runs_begin(). files: RLIMIT_NOFILE before we raised ours.
 */
bool foreign_start(struct session *session, const struct rlimit *files, struct err *err);
void foreign_fini(struct session *session);

/* Once a turn. */
void foreign_step(struct session *session, uint64_t now_ns);

/* All tasks go where the run's CPUs are. */
bool foreign_place(struct session *session, struct err *err);
bool foreign_restart(struct session *session, struct err *err);
/* Ends a command's tasks; takes what they leave. An attached process is left alone. */
bool foreign_stop(struct session *session);

/* Once the command has ended: a warning where the kernel counted more of it than samples saw. Nothing where
 * there is no command, or it was not only sampled. */
void foreign_tell_shortfall(struct session *session);

/* What it is called, and how many tasks it has. */
void foreign_describe(const struct session *session, struct workload *workload);

#endif
