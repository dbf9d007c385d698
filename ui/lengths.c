/* Figures of several tasks together, remembered by the first of them. */
#include "lengths.h"

#include "../src/clock.h"
#include "../src/err.h"

#include <stdlib.h>
#include <string.h>

#define PACE_NS   (150 * NS_PER_US) /* for each task, between two looks at them */
#define ROOM_BITS 12                /* more places than rows are ever in sight */
#define ROOM      (1u << ROOM_BITS)
#define MOST      (ROOM / 4 * 3) /* then all are forgotten */

struct sum {
    uint32_t first, n;  /* n 0: a free place */
    uint64_t pulses;    /* of all of them, when they were added up */
    uint64_t looked_ns; /* when they were looked at last */
    int64_t length_ns[N_LENGTHS];
};

struct lengths {
    struct sum places[ROOM];
    unsigned n_taken;
    struct histogram all;
    uint64_t all_ns; /* when they were added up; 0: never */
};

struct lengths *lengths_new(void)
{
    return mem_new(1, sizeof(struct lengths));
}

void lengths_free(struct lengths *lengths)
{
    free(lengths);
}

static int64_t measure(const struct histogram *slice_ns, const struct histogram *wake_ns, enum length which)
{
    static const double quantiles[N_LENGTHS] = {0.5, 0.5, 0.99, 1};
    const struct histogram *h = which == LENGTH_SLICE_P50 ? slice_ns : wake_ns;
    return h && h->n ? (int64_t)histogram_quantile(h, quantiles[which]) : -1;
}

int64_t length_of(const struct task *task, enum length which)
{
    return measure(task->slice_ns, task->wake_ns, which);
}

static void add_up(struct sum *sum, const struct timeline *tl, const uint32_t *tasks)
{
    struct histogram slice_ns = {0}, wake_ns = {0};
    for (uint32_t i = 0; i < sum->n; i++) {
        struct task task;
        timeline_task(tl, tasks[i], &task);
        if (task.slice_ns)
            histogram_merge(&slice_ns, task.slice_ns);
        if (task.wake_ns)
            histogram_merge(&wake_ns, task.wake_ns);
    }
    for (enum length which = 0; which < N_LENGTHS; which++)
        sum->length_ns[which] = measure(&slice_ns, &wake_ns, which);
}

/* Another number when one of them has another pulse: FNV-1a over them. */
static uint64_t pulses_of(const struct timeline *tl, const uint32_t *tasks, uint32_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < n; i++)
        hash = (hash ^ timeline_task_pulse(tl, tasks[i])) * UINT64_C(0x100000001b3);
    return hash;
}

/* Its place, or the free one where it belongs. */
static struct sum *find(struct lengths *lengths, uint32_t first)
{
    uint32_t at = first * UINT32_C(2654435769) >> (32 - ROOM_BITS);
    while (lengths->places[at].n && lengths->places[at].first != first)
        at = (at + 1) % ROOM;
    return &lengths->places[at];
}

static struct sum *find_or_add(struct lengths *lengths, uint32_t first)
{
    struct sum *sum = find(lengths, first);
    if (sum->n)
        return sum;
    if (lengths->n_taken == MOST) {
        memset(lengths->places, 0, sizeof lengths->places);
        lengths->n_taken = 0;
        sum = find(lengths, first);
    }
    lengths->n_taken++;
    return sum;
}

/* A row that was folded or opened stands for many more or less; a thread that came or went can wait. */
static bool are_others(const struct sum *sum, uint32_t n)
{
    return n > sum->n + sum->n / 8 || n < sum->n - sum->n / 8;
}

static void look(struct sum *sum, const struct timeline *tl, const uint32_t *tasks, uint32_t n)
{
    const uint64_t pulses = pulses_of(tl, tasks, n);
    const bool same = sum->n == n && sum->pulses == pulses;
    sum->first = tasks[0];
    sum->n = n;
    sum->pulses = pulses;
    sum->looked_ns = timeline_now_ns(tl);
    if (!same)
        add_up(sum, tl, tasks);
}

int64_t lengths_together(struct lengths *lengths, const struct timeline *tl, const uint32_t *tasks,
                         uint32_t n, enum length which)
{
    if (n == 0)
        return -1;
    struct sum *sum = find_or_add(lengths, tasks[0]);
    if (are_others(sum, n) || timeline_now_ns(tl) >= sum->looked_ns + PACE_NS * n)
        look(sum, tl, tasks, n);
    return sum->length_ns[which];
}

const struct histogram *lengths_of_all(struct lengths *lengths, const struct timeline *tl)
{
    const uint64_t now_ns = timeline_now_ns(tl);
    if (!lengths->all_ns || now_ns >= lengths->all_ns + PACE_NS * timeline_n_tasks(tl)) {
        timeline_slice_lengths(tl, &lengths->all);
        lengths->all_ns = now_ns;
    }
    return &lengths->all;
}
