/* Writes a recording of a machine that never was: for tests, screens and benches.
 * Usage: make_recording FILE EVENTS [CPUS [TASKS [SEED]]] */
#include "../src/record/recorder.h"
#include "plausible.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    const uint64_t n_events = number(argc, argv, 2, 0);
    const unsigned n_cpus = (unsigned)number(argc, argv, 3, 8), n_tasks = (unsigned)number(argc, argv, 4, 24);
    struct recorder_figures figures;
    struct err err;
    if (argc < 3 || argc > 6 || n_events == 0 || n_cpus == 0 || n_tasks == 0) {
        fprintf(stderr, "usage: make_recording FILE EVENTS [CPUS [TASKS [SEED]]]\n");
        return 2;
    }
    if (!plausible_record(argv[1], n_events, n_cpus, n_tasks, number(argc, argv, 5, 1), &figures, &err)) {
        fprintf(stderr, "make_recording: %s\n", err.msg);
        return 1;
    }
    printf("%llu events in %llu blocks, %llu bytes, %.2f bytes an event\n",
           (unsigned long long)figures.n_events, (unsigned long long)figures.n_blocks,
           (unsigned long long)figures.n_bytes, (double)figures.n_bytes / (double)figures.n_events);
    return 0;
}
