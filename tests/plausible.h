/* Events of a machine that never was, of a plausible shape: tasks that compute, wait, are woken, preempted
 * and moved, on as many CPUs as wanted. The same seed makes the same events. */
#ifndef SCHEDVIZ_TESTS_PLAUSIBLE_H
#define SCHEDVIZ_TESTS_PLAUSIBLE_H

#include "../src/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plausible;

struct plausible *plausible_new(unsigned n_cpus, unsigned n_tasks, uint64_t seed);
void plausible_free(struct plausible *plausible);

/* The next events, in time order: between n and n + 16 of them; events has room for these. First of all are
 * what introduces the tasks and the locks. */
size_t plausible_events(struct plausible *plausible, struct event *events, size_t n);

/* xorshift64*: a number from a state that is not 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    return (random_next(state) >> 16) % n;
}

/* All of it at once, as a recording: a file that exists is replaced. False with a line. */
struct recorder_figures;
struct err;
bool plausible_record(const char *path, uint64_t n_events, unsigned n_cpus, unsigned n_tasks, uint64_t seed,
                      struct recorder_figures *figures, struct err *err);

#endif
