/* Sets of logical CPUs: counting, walking, the list syntax, and the affinity calls. */
#include "cpuset.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define N_WORDS (CPUSET_MAX / 64)

/* sched_getaffinity(2) fails with EINVAL when the mask is smaller than the kernel's own; this is twice its
 * limit. */
#define KERNEL_CPUS_MAX 16384

unsigned cpuset_count(const struct cpuset *set)
{
    unsigned n = 0;
    for (unsigned i = 0; i < N_WORDS; i++)
        n += (unsigned)__builtin_popcountll(set->bits[i]);
    return n;
}

bool cpuset_equal(const struct cpuset *a, const struct cpuset *b)
{
    return memcmp(a->bits, b->bits, sizeof a->bits) == 0;
}

bool cpuset_subset(const struct cpuset *part, const struct cpuset *whole)
{
    for (unsigned i = 0; i < N_WORDS; i++) {
        if (part->bits[i] & ~whole->bits[i])
            return false;
    }
    return true;
}

int cpuset_next(const struct cpuset *set, int after)
{
    unsigned from = after < 0 ? 0 : (unsigned)after + 1;
    if (from >= CPUSET_MAX)
        return -1;
    unsigned word = from / 64;
    uint64_t bits = set->bits[word] & (UINT64_MAX << from % 64);
    while (!bits) {
        if (++word == N_WORDS)
            return -1;
        bits = set->bits[word];
    }
    return (int)(word * 64) + __builtin_ctzll(bits);
}

int cpuset_nth(const struct cpuset *set, unsigned i)
{
    int cpu = cpuset_next(set, -1);
    while (cpu >= 0 && i-- > 0)
        cpu = cpuset_next(set, cpu);
    return cpu;
}

/* Reads decimal digits at *text, at least one, and moves past them. A number that is too large stays so. */
static bool parse_cpu(const char **text, int *cpu)
{
    const char *s = *text;
    int n = 0;
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (n < CPUSET_MAX)
            n = n * 10 + (*s - '0');
    }
    *text = s;
    *cpu = n;
    return true;
}

bool cpuset_parse(struct cpuset *set, const char *list, struct err *err)
{
    const char *s = list;
    memset(set, 0, sizeof *set);
    if (!*s)
        return err_set(err, "the CPU list is empty: name CPUs as in 0,2-3");
    for (;;) {
        int first, last;
        if (!parse_cpu(&s, &first))
            return err_set(err, "'%.80s' is not a CPU list: name CPUs as in 0,2-3", list);
        last = first;
        if (*s == '-') {
            s++;
            if (!parse_cpu(&s, &last))
                return err_set(err, "'%.80s' is not a CPU list: name CPUs as in 0,2-3", list);
        }
        if (first >= CPUSET_MAX || last >= CPUSET_MAX)
            return err_set(err, "'%.80s' names a CPU above %d, the highest that can be named", list,
                           CPUSET_MAX - 1);
        if (last < first)
            return err_set(err, "'%.80s' has a backward range: write %d-%d", list, last, first);
        for (int cpu = first; cpu <= last; cpu++)
            cpuset_add(set, cpu);
        if (!*s)
            return true;
        if (*s++ != ',')
            return err_set(err, "'%.80s' is not a CPU list: name CPUs as in 0,2-3", list);
    }
}

static int last_of_range(const struct cpuset *set, int first)
{
    int last = first;
    while (cpuset_has(set, last + 1))
        last++;
    return last;
}

char *cpuset_format(const struct cpuset *set, char *buf, size_t size)
{
    static const char more[] = "...";
    size_t used = 0, kept = 0; /* kept: how much can stay with "..." behind it */
    if (size == 0)
        return buf;
    buf[0] = '\0';
    for (int first = cpuset_next(set, -1), last; first >= 0; first = cpuset_next(set, last)) {
        char item[32];
        last = last_of_range(set, first);
        int n = snprintf(item, sizeof item, last > first ? "%s%d-%d" : "%s%d", used ? "," : "", first, last);
        if (used + (size_t)n >= size) {
            snprintf(buf + kept, size - kept, "%s", more);
            return buf;
        }
        memcpy(buf + used, item, (size_t)n + 1);
        used += (size_t)n;
        if (used + sizeof more <= size)
            kept = used;
    }
    return buf;
}

bool cpuset_get_affinity(int tid, struct cpuset *set)
{
    cpu_set_t mask[KERNEL_CPUS_MAX / CPU_SETSIZE];
    memset(set, 0, sizeof *set);
    if (sched_getaffinity(tid, sizeof mask, mask) < 0)
        return false;
    for (int cpu = 0; cpu < CPUSET_MAX; cpu++) {
        if (CPU_ISSET_S((size_t)cpu, sizeof mask, mask))
            cpuset_add(set, cpu);
    }
    return true;
}

bool cpuset_set_affinity(int tid, const struct cpuset *set)
{
    cpu_set_t mask[CPUSET_MAX / CPU_SETSIZE];
    CPU_ZERO_S(sizeof mask, mask);
    for (int cpu = cpuset_next(set, -1); cpu >= 0; cpu = cpuset_next(set, cpu))
        CPU_SET_S((size_t)cpu, sizeof mask, mask);
    return sched_setaffinity(tid, sizeof mask, mask) == 0;
}
