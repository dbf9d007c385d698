/* Writes a recording of a machine that never was: for tests, screens and benches.
 * Usage: make_recording FILE EVENTS [CPUS [TASKS [SEED]]] */
#include "../src/clock.h"
#include "../src/record/recorder.h"
#include "plausible.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH 4096

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static struct event events[BATCH + 16];
    const uint64_t n_events = number(argc, argv, 2, 0);
    const unsigned n_cpus = (unsigned)number(argc, argv, 3, 8), n_tasks = (unsigned)number(argc, argv, 4, 24);
    struct recorder_figures figures;
    struct err err;
    if (argc < 3 || argc > 6 || n_events == 0 || n_cpus == 0 || n_tasks == 0) {
        fprintf(stderr, "usage: make_recording FILE EVENTS [CPUS [TASKS [SEED]]]\n");
        return 2;
    }
    struct plausible *machine = plausible_new(n_cpus, n_tasks, number(argc, argv, 5, 1));
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    bool good = recorder_start(recorder, argv[1], true, UINT64_MAX, &err);
    for (uint64_t n = 0; good && n < n_events;) {
        const uint64_t left = n_events - n;
        const size_t got = plausible_events(machine, events, left < BATCH ? (size_t)left : BATCH);
        timeline_sink(timeline)->push(timeline_sink(timeline), events, got);
        recorder_sink(recorder)->push(recorder_sink(recorder), events, got);
        n += got;
    }
    good = good && recorder_stop(recorder, &err);
    recorder_figures(recorder, &figures);
    if (good)
        printf("%llu events in %llu blocks, %llu bytes, %.2f bytes an event\n",
               (unsigned long long)figures.n_events, (unsigned long long)figures.n_blocks,
               (unsigned long long)figures.n_bytes, (double)figures.n_bytes / (double)figures.n_events);
    else
        fprintf(stderr, "make_recording: %s\n", err.msg);
    recorder_free(recorder);
    timeline_free(timeline);
    plausible_free(machine);
    return !good;
}
