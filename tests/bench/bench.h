/* What the benches share. */
#ifndef SCHEDVIZ_BENCH_H
#define SCHEDVIZ_BENCH_H

#include "../../src/clock.h"

#include <stdint.h>
#include <stdio.h>

/* Shared machines give a core's full speed at one moment and half of it at the next: one dependent addition
 * takes one cycle, so this tells with which speed the absolute figures beside it were made. */
static inline void bench_print_speed(void)
{
    struct timespec from, to;
    uint64_t x = 0, best = UINT64_MAX;
    const uint64_t n = 50000000;
    for (int round = 0; round < 5; round++) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        for (uint64_t i = 0; i < n; i++) {
            x++;
            __asm__ volatile("" : "+r"(x));
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        uint64_t ns =
            (uint64_t)(to.tv_sec - from.tv_sec) * NS_PER_S + (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
        best = ns < best ? ns : best;
    }
    printf("speed now: %.2f additions a ns, one after the other\n", (double)n / (double)best);
}

#endif
