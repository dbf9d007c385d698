/* Figures by name: what the formulas of a lesson may ask of a run. schedviz-workload(5) lists the names. */
#ifndef SCHEDVIZ_MEASURE_H
#define SCHEDVIZ_MEASURE_H

#include "../machine.h"
#include "../session.h"
#include "expression.h"

/* A figure found before, that later formulas use by its name. */
struct measure_known {
    const char *name;
    double value; /* NaN: it could not be measured */
};

/* The run of a step that later ones are compared with. */
struct measure_kept {
    bool is_kept;
    unsigned n_cores;
    double makespan_s; /* NaN: it did not end */
    double throughput; /* calibrated work a second */
};

struct measure_base; /* how far all counters were when the window began */

/* What is measured: the current run of the session, from from_ns until its end or until now. Begin with
 * measure_begin() once the run has begun, or at the change from which on it counts. */
struct measure {
    struct expression_names names; /* first: measure_eval() comes back from it */
    const struct session *session;
    const struct machine *machine;
    uint64_t from_ns;
    struct measure_base *base; /* NULL: from the run's beginning */
    struct measure_kept kept;
    const struct measure_known *known;
    unsigned n_known;
    char why[160]; /* why the last figure that was asked for is NaN; "" */
};

/* A window from the beginning of the current run (whole_run), or from now on. */
void measure_begin(struct measure *measure, const struct session *session, const struct machine *machine,
                   bool whole_run);
void measure_end(struct measure *measure);

/* False with one line when the formula is none; *value NaN, and measure->why, when it has no value here. */
bool measure_eval(struct measure *measure, const char *formula, double *value, struct err *err);

/* Whether a formula of a program's lesson can be computed at all, with the names of the measures before it.
 */
bool measure_check(const struct program *program, const struct measure_known *known, unsigned n_known,
                   const char *formula, struct err *err);

/* The run as it stands, for comparison with later ones. */
struct measure_kept measure_keep(struct measure *measure);

/* Formulas that are needed before anything runs: cpus, cores, tasks alone. */
bool measure_eval_setting(const char *formula, unsigned n_cpus, unsigned n_cores, unsigned n_tasks,
                          double *value, struct err *err);

#endif
