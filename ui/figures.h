/* What the tasks of a watched program did in the window, remembered: a frame asks for it several times, and
 * of thousands of tasks that is most of its work. */
#ifndef SCHEDVIZ_FIGURES_H
#define SCHEDVIZ_FIGURES_H

#include "view_stats.h"

struct figures;

struct figures *figures_new(void);
void figures_free(struct figures *figures); /* NULL is fine */

/* The window of this frame, which is not empty: what is remembered of another one is forgotten. Where the
 * window moves along with time and the tasks are many, the figures stay for a quarter of a second, and are of
 * the window as it was then. */
struct figures_wish {
    uint64_t lo_ns, hi_ns;
    unsigned n_tasks; /* whose figures count */
    bool follows;     /* the window moves along with time, and not by hand */
    bool may_stay;    /* false: they are to be of this very window, as it is told now */
};
void figures_begin(struct figures *figures, const struct timeline *tl, const struct figures_wish *wish);

/* The window of which the scene's figures are to be: view_window(), but where they stay. False: it is empty.
 */
bool figures_window(const struct scene *scene, uint64_t *lo_ns, uint64_t *hi_ns);

/* Times and switches of timeline_task_sum() in [lo_ns, hi_ns), remembered if that is the window. */
struct figure {
    uint64_t run_ns, runnable_ns, blocked_ns, unknown_ns;
    uint32_t n_switches;
};
struct figure figures_of(const struct scene *scene, uint32_t task, uint64_t lo_ns, uint64_t hi_ns);

/* For view_stats() alone: the figures of all together in [lo_ns, hi_ns), if they were kept just before; else
 * NULL. */
const struct view_stats *figures_stats(const struct scene *scene, uint64_t lo_ns, uint64_t hi_ns);
void figures_keep_stats(const struct scene *scene, const struct view_stats *stats);

#endif
