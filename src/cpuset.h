/* A set of logical CPUs, its list syntax ("0,2-3", as in cpuset(7)), and its bridge to the affinity calls. */
#ifndef SCHEDVIZ_CPUSET_H
#define SCHEDVIZ_CPUSET_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUSET_MAX 4096 /* CPUs that can be named; the kernel's own limit is NR_CPUS, 8192 at most */

struct cpuset {
    uint64_t bits[CPUSET_MAX / 64];
};

static inline bool cpuset_has(const struct cpuset *set, int cpu)
{
    return cpu >= 0 && cpu < CPUSET_MAX && (set->bits[cpu / 64] >> (cpu % 64) & 1);
}

static inline void cpuset_add(struct cpuset *set, int cpu)
{
    if (cpu >= 0 && cpu < CPUSET_MAX)
        set->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline void cpuset_remove(struct cpuset *set, int cpu)
{
    if (cpu >= 0 && cpu < CPUSET_MAX)
        set->bits[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}

unsigned cpuset_count(const struct cpuset *set);
bool cpuset_equal(const struct cpuset *a, const struct cpuset *b);
bool cpuset_subset(const struct cpuset *part, const struct cpuset *whole);

/* The smallest member greater than `after` (-1 starts), or -1. */
int cpuset_next(const struct cpuset *set, int after);

/* The i-th member counted from 0, or -1. */
int cpuset_nth(const struct cpuset *set, unsigned i);

/* Reads "0,2-3". Fails on an empty list, a malformed one, a backward range, or a number of CPUSET_MAX or
 * more. */
bool cpuset_parse(struct cpuset *set, const char *list, struct err *err);

/* Writes "0,2-3" (empty for the empty set) and returns buf; a list too long for size ends in "...". */
char *cpuset_format(const struct cpuset *set, char *buf, size_t size);

/* sched_getaffinity(2) and sched_setaffinity(2) of one task (0 for the caller); errno is left as they set it.
 */
bool cpuset_get_affinity(int tid, struct cpuset *set);
bool cpuset_set_affinity(int tid, const struct cpuset *set);

#endif
