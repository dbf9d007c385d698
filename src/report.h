/* The report: a run in figures, the same ones for a person and for a program. */
#ifndef SCHEDVIZ_REPORT_H
#define SCHEDVIZ_REPORT_H

#include "lesson/lecture.h"
#include "machine.h"
#include "session.h"
#include "timeline/waits.h"

#include <stdio.h>

struct report_task {
    struct task task;   /* of which run_ns etc. are over its life */
    struct cpuset cpus; /* CPUs it ran on */
};

struct report_cpu {
    int cpu;
    struct cpu_totals totals;
};

#define REPORT_BEHIND 8

/* All figures are over [start_ns, start_ns + duration_ns) of the current run. */
struct report {
    struct session_info info;
    bool has_target; /* a program is watched */
    struct session_target target;
    const struct machine *machine;
    const char *date; /* of a recording: when it was made, as ISO 8601 has it; NULL: now. The session's */
    struct run run;
    uint64_t start_ns, duration_ns;
    uint64_t makespan_ns; /* 0: not all work is done */
    double parallelism;   /* tasks running at the same instant, averaged over the duration */
    double concurrency;   /* tasks in progress, averaged over the duration */
    double fairness;      /* Jain's index of the tasks' run time; 1 is even */
    uint64_t n_switches, n_voluntary, n_involuntary;
    double switches_per_s;
    uint64_t cost_p50_ns, cost_p99_ns;
    bool cost_known;
    unsigned n_cpus;
    struct report_cpu *cpus;
    unsigned n_tasks;    /* schedviz's own last */
    unsigned n_workload; /* without those */
    struct report_task *tasks;
    struct behind_sums waited; /* all tasks together; of it, behind whom, longest first */
    unsigned n_behind;
    struct behind behind[REPORT_BEHIND];
    unsigned n_others; /* somebody else's tasks that ran, most run time first; none unless all were watched */
    struct task *others;

    /* What went wrong among the tasks, and what the machine or the file was refused. The timeline's, the
     * engine's and the program's: valid as long as the session. */
    const struct timeline *tl;
    unsigned n_alerts;
    const struct alert **alerts;
    unsigned n_warnings;
    const char **warnings;

    /* A lesson's answers; set by the caller, NULL: none. */
    const struct lecture *lecture;
};

/* What a comparison says of a run. Of one that is sampled the kernel's own totals are told, where it has any.
 */
struct run_sums {
    unsigned n_tasks;
    uint64_t n_switches;
    double parallelism; /* as in the report */
    uint64_t work_done_ns, work_total_ns;
    bool has_switches, has_run; /* what is not known is 0 */
};
/* As the report of it has them; duration_ns: from its start, until its end or so far. */
void report_sum_run(const struct timeline *tl, const struct run *run, uint64_t duration_ns, bool sampled,
                    struct run_sums *sums);

void report_init(struct report *report, const struct session *session, const struct machine *machine);
void report_fini(struct report *report);

#endif
