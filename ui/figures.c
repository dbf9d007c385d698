/* Figures of the window, task by task and of all together, remembered. */
#include "figures.h"

#include "../src/clock.h"
#include "../src/err.h"
#include "view_lanes.h"

#include <stdlib.h>

#define MANY    1000u             /* tasks whose figures are too much for every frame */
#define STAY_NS (250 * NS_PER_MS) /* of a window that moves */
#define HELD_NS (1 * NS_PER_S)    /* of one that stands still */

struct known {
    struct figure figure;
    uint32_t window; /* of which it is, by its number */
};

struct figures {
    uint64_t lo_ns, hi_ns;
    uint64_t made_ns;
    uint32_t window; /* its number; 0: there was none */
    struct known *tasks;
    unsigned n_tasks;
    uint64_t now_ns; /* of this frame */
    bool has_stats;
    uint64_t stats_ns;
    struct view_stats stats;
};

struct figures *figures_new(void)
{
    return mem_new(1, sizeof(struct figures));
}

void figures_free(struct figures *figures)
{
    if (!figures)
        return;
    free(figures->tasks);
    free(figures);
}

static void make_room(struct figures *f, unsigned n_tasks)
{
    if (n_tasks <= f->n_tasks)
        return;
    const unsigned n = n_tasks + n_tasks / 4;
    f->tasks = mem_resize(f->tasks, n, sizeof *f->tasks);
    for (; f->n_tasks < n; f->n_tasks++)
        f->tasks[f->n_tasks] = (struct known){.window = 0};
}

static bool may_stay(const struct figures *f, const struct figures_wish *wish, uint64_t now_ns)
{
    const uint64_t age_ns = now_ns - f->made_ns;
    if (!wish->may_stay || !f->window || now_ns < f->made_ns)
        return false;
    if (wish->lo_ns == f->lo_ns && wish->hi_ns == f->hi_ns)
        return age_ns < HELD_NS;
    const uint64_t span_ns = wish->hi_ns - wish->lo_ns;
    return wish->follows && wish->n_tasks > MANY && age_ns < STAY_NS && wish->hi_ns > f->hi_ns &&
           wish->hi_ns - f->hi_ns < span_ns / 4 && span_ns == f->hi_ns - f->lo_ns;
}

static struct figure look(const struct timeline *tl, uint32_t task, uint64_t lo_ns, uint64_t hi_ns)
{
    struct bin bin;
    timeline_task_sum(tl, task, lo_ns, hi_ns - lo_ns, &bin);
    return (struct figure){bin.run_ns, bin.runnable_ns, bin.blocked_ns, bin.unknown_ns, bin.n_switches};
}

void figures_begin(struct figures *f, const struct timeline *tl, const struct figures_wish *wish)
{
    const uint64_t now_ns = clock_now_ns();
    f->now_ns = now_ns;
    make_room(f, timeline_n_tasks(tl));
    if (may_stay(f, wish, now_ns))
        return;
    f->lo_ns = wish->lo_ns;
    f->hi_ns = wish->hi_ns;
    f->made_ns = now_ns;
    f->window++;
    f->has_stats = false;
}

bool figures_window(const struct scene *scene, uint64_t *lo_ns, uint64_t *hi_ns)
{
    if (!scene->figures)
        return view_window(scene, lo_ns, hi_ns);
    *lo_ns = scene->figures->lo_ns;
    *hi_ns = scene->figures->hi_ns;
    return true;
}

struct figure figures_of(const struct scene *scene, uint32_t task, uint64_t lo_ns, uint64_t hi_ns)
{
    struct figures *f = scene->figures;
    if (!f || task >= f->n_tasks || lo_ns != f->lo_ns || hi_ns != f->hi_ns)
        return look(scene->tl, task, lo_ns, hi_ns);
    struct known *known = &f->tasks[task];
    if (known->window != f->window)
        *known = (struct known){look(scene->tl, task, lo_ns, hi_ns), f->window};
    return known->figure;
}

const struct view_stats *figures_stats(const struct scene *scene, uint64_t lo_ns, uint64_t hi_ns)
{
    const struct figures *f = scene->figures;
    const bool is_kept = f && f->has_stats && f->stats.lo_ns == lo_ns && f->stats.hi_ns == hi_ns;
    return is_kept && f->now_ns - f->stats_ns < STAY_NS ? &f->stats : NULL;
}

void figures_keep_stats(const struct scene *scene, const struct view_stats *stats)
{
    struct figures *f = scene->figures;
    if (!f)
        return;
    f->stats = *stats;
    f->stats_ns = f->now_ns;
    f->has_stats = true;
}
