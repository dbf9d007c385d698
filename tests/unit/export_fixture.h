/* Hand-written runs for the tests of exports: events, a report, and what a format made of them. */
#ifndef TESTS_EXPORT_FIXTURE_H
#define TESTS_EXPORT_FIXTURE_H

#include "../../src/export/export.h"

#define START UINT64_C(1000000000) /* of the run; times of the functions below count from here */

enum { A = 11, B = 12, C = 13 };

extern struct timeline *export_tl;

/* For cmocka: a new timeline before each test, freed after it. */
int export_begin(void **state);
int export_end(void **state);

void export_push(const struct event *event);
void export_add(uint64_t t, int tid, int cpu, enum event_kind kind, unsigned detail);
/* A thread of process 10 (A leads it where pid is A), of run 1. */
void export_add_task(uint64_t t, int tid, int pid, const char *name);
void export_add_wake(uint64_t t, int tid, int cpu);
void export_add_lost(uint64_t t, int cpu, uint64_t n);
void export_add_mark(uint64_t t, const char *text);

/* Some 10,000 events of n_cpus CPUs and eight tasks, of every kind that makes slices, the same for a seed. */
void export_add_random(unsigned seed, int n_cpus);

/* The report to go with it: that of a workload named "hand". */
struct report export_report(void);

/* All of what a format writes for [start, start + span), counted from START; span 0: all. The caller frees
 * it; a NUL follows, which is not counted. */
typedef bool export_format(const struct report *report, const struct timeline *tl,
                           const struct export_window *window, FILE *out);
char *export_written(export_format *format, uint64_t start, uint64_t span, size_t *size);

#endif
