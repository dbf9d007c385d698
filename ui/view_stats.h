/* The window in figures: what the summary and the counters say about it. */
#ifndef SCHEDVIZ_VIEW_STATS_H
#define SCHEDVIZ_VIEW_STATS_H

#include "view.h"

enum view_word {
    WORD_NOTHING,
    WORD_IDLE,
    WORD_WAITING,
    WORD_ALONE,
    WORD_INTERLEAVED,
    WORD_PARALLEL,
    WORD_MIXED
};

/* Over the known part of the viewport's window, without schedviz's own tasks. */
struct view_stats {
    uint64_t lo_ns, hi_ns;
    unsigned n_tasks;    /* that were in progress at some time of it */
    unsigned n_active;   /* of them, those with more than a fiftieth of the run time */
    unsigned n_cores;    /* that ran any of them */
    unsigned n_chosen;   /* that the workload may use */
    double concurrency;  /* tasks in progress, averaged */
    double parallelism;  /* tasks running at the same instant, averaged */
    double others_part;  /* of the chosen cores' time: somebody unseen had it while a task waited for it */
    double demand;       /* tasks that ran or waited for a core, averaged */
    uint64_t n_switches; /* slices that began */
    double switches_per_s;
    uint64_t
        mean_slice_ns; /* of the slices wholly in the window, else run time for each that began; 0: none */
    double voluntary_part; /* of the switches out */
    bool parts_exact;      /* counted in the window; else the share over the tasks' lives stands in */
    double fairness;       /* Jain's index of the run times; 1 with fewer than two tasks */
    uint64_t cost_ns;      /* median visible cost of a switch, 0: not known */
    double cost_part;      /* of the busy cores' time */
    enum view_word word;
};

/* False when nothing of the window is known yet. */
bool view_stats(const struct scene *scene, struct view_stats *stats);
/* What stands in place of them then. */
const char *view_no_stats(const struct scene *scene);

/* Jain's index of n figures: (sum x)^2 / (n * sum x^2); 1 is even, 1/n is all to one. */
double view_jain(const double *x, unsigned n);

#endif
