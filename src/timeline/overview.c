/* A timeline that knows sums of its lanes alone. */
#include "overview.h"

#include "../err.h"
#include "chunk.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

struct stretch {
    uint64_t start_ns, end_ns;
    struct bin sums;
};

/* Stretches in time order; they do not overlap. */
struct lane {
    struct stretch *stretches;
    uint32_t n, capacity;
};

struct overview {
    uint64_t begin_ns, end_ns; /* of all stretches */
    struct lane *cpus, *tasks; /* by number, by index */
    uint32_t n_cpus, n_tasks;
};

static void free_lanes(struct lane *lanes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(lanes[i].stretches);
    free(lanes);
}

void overview_free(struct overview *o)
{
    if (!o)
        return;
    free_lanes(o->cpus, o->n_cpus);
    free_lanes(o->tasks, o->n_tasks);
    free(o);
}

uint64_t overview_edge_ns(const struct overview *o)
{
    return o->begin_ns;
}

/* ---- adding ---- */

static struct lane *lane_of(struct lane **lanes, uint32_t *n, uint32_t i)
{
    if (i >= *n) {
        *lanes = mem_resize(*lanes, i + 1ul, sizeof **lanes);
        memset(*lanes + *n, 0, (i + 1ul - *n) * sizeof **lanes);
        *n = i + 1;
    }
    return &(*lanes)[i];
}

static void add(struct overview *o, struct lane *lane, uint64_t start_ns, uint64_t end_ns,
                const struct bin *sums)
{
    const uint64_t before_ns = lane->n ? lane->stretches[lane->n - 1].end_ns : 0;
    if (start_ns < before_ns)
        start_ns = before_ns;
    if (end_ns <= start_ns)
        return;
    if (lane->n == lane->capacity) {
        lane->capacity = lane->capacity ? 2 * lane->capacity : 64;
        lane->stretches = mem_resize(lane->stretches, lane->capacity, sizeof *lane->stretches);
    }
    lane->stretches[lane->n++] = (struct stretch){start_ns, end_ns, *sums};
    o->begin_ns = !o->end_ns || start_ns < o->begin_ns ? start_ns : o->begin_ns;
    o->end_ns = end_ns > o->end_ns ? end_ns : o->end_ns;
}

static struct overview *overview_of(struct timeline *tl)
{
    if (!tl->overview)
        tl->overview = mem_new(1, sizeof *tl->overview);
    return tl->overview;
}

void timeline_add_cpu_sums(struct timeline *tl, int cpu, uint64_t start_ns, uint64_t end_ns,
                           const struct bin *sums)
{
    struct overview *o = overview_of(tl);
    if (cpu < 0 || cpu > INT16_MAX)
        return;
    timeline_cpu(tl, cpu); /* it was seen */
    add(o, lane_of(&o->cpus, &o->n_cpus, (uint32_t)cpu), start_ns, end_ns, sums);
}

void timeline_add_task_sums(struct timeline *tl, uint32_t task, uint64_t start_ns, uint64_t end_ns,
                            const struct bin *sums)
{
    struct overview *o = overview_of(tl);
    if (task < tl->n_lives)
        add(o, lane_of(&o->tasks, &o->n_tasks, task), start_ns, end_ns, sums);
}

void timeline_drop_sums(struct timeline *tl)
{
    overview_free(tl->overview);
    tl->overview = NULL;
}

/* ---- asking ---- */

static uint64_t part_of(uint64_t ns, double part)
{
    return (uint64_t)((double)ns * part + 0.5);
}

static uint64_t overlap(uint64_t a, uint64_t b, uint64_t from, uint64_t to)
{
    const uint64_t low = a > from ? a : from, high = b < to ? b : to;
    return high > low ? high - low : 0;
}

/* The first stretch that ends behind t_ns. */
static uint32_t find(const struct lane *lane, uint64_t t_ns)
{
    uint32_t low = 0, high = lane->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (lane->stretches[middle].end_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds what a stretch has of the column [a, b). */
static void add_part(struct bin *bin, struct tally *tally, const struct stretch *s, uint64_t a, uint64_t b)
{
    const double part = (double)overlap(s->start_ns, s->end_ns, a, b) / (double)(s->end_ns - s->start_ns);
    bin->run_ns += part_of(s->sums.run_ns, part);
    bin->self_ns += part_of(s->sums.self_ns, part);
    bin->runnable_ns += part_of(s->sums.runnable_ns, part);
    bin->others_ns += part_of(s->sums.others_ns, part);
    bin->blocked_ns += part_of(s->sums.blocked_ns, part);
    bin->unknown_ns += part_of(s->sums.unknown_ns, part);
    bin->n_switches += (uint32_t)part_of(s->sums.n_switches, part);
    bin->n_samples += (uint32_t)part_of(s->sums.n_samples, part);
    bin->approximate |= part < 1;
    for (unsigned i = 0; i < BIN_LEADS && s->sums.lead[i].ns; i++)
        tally_add(tally, s->sums.lead[i].who, part_of(s->sums.lead[i].ns, part));
}

static void fill_bins(const struct lane *lane, uint64_t lo_ns, uint64_t hi_ns, bool is_task,
                      uint64_t start_ns, uint64_t span_ns, unsigned n, struct bin *bins)
{
    uint32_t first = lane ? find(lane, start_ns) : 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t a = start_ns + (uint64_t)((unsigned __int128)span_ns * i / n),
                       b = start_ns + (uint64_t)((unsigned __int128)span_ns * (i + 1) / n);
        const uint64_t known_ns = overlap(lo_ns, hi_ns, a, b);
        struct tally tally;
        uint64_t told_ns = 0;
        bins[i] = (struct bin){.unknown_ns = b - a - known_ns};
        tally_init(&tally);
        while (lane && first < lane->n && lane->stretches[first].end_ns <= a)
            first++;
        for (uint32_t k = first; lane && k < lane->n && lane->stretches[k].start_ns < b; k++) {
            add_part(&bins[i], &tally, &lane->stretches[k], a, b);
            told_ns += overlap(lane->stretches[k].start_ns, lane->stretches[k].end_ns, a, b);
        }
        if (is_task && known_ns > told_ns)
            bins[i].blocked_ns += known_ns - told_ns;
        for (unsigned k = 0; k < BIN_LEADS && tally_take(&tally, &bins[i].lead[k].who, &bins[i].lead[k].ns);
             k++) {
        }
    }
}

void overview_cpu_bins(const struct overview *o, int cpu, uint64_t start_ns, uint64_t span_ns, unsigned n,
                       struct bin *bins)
{
    const bool is_there = cpu >= 0 && (uint32_t)cpu < o->n_cpus;
    fill_bins(is_there ? &o->cpus[cpu] : NULL, o->begin_ns, o->end_ns, false, start_ns, span_ns, n, bins);
}

void overview_task_bins(const struct overview *o, uint32_t task, uint64_t lo_ns, uint64_t hi_ns,
                        uint64_t start_ns, uint64_t span_ns, unsigned n, struct bin *bins)
{
    if (lo_ns < o->begin_ns)
        lo_ns = o->begin_ns;
    if (hi_ns > o->end_ns)
        hi_ns = o->end_ns;
    fill_bins(task < o->n_tasks ? &o->tasks[task] : NULL, lo_ns, hi_ns, true, start_ns, span_ns, n, bins);
}
