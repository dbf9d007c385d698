/* A loop that OpenMP shares out among the cores, again and again.
 *
 *     cc -O2 -fopenmp -o openmp examples/openmp.c
 *     schedviz -- ./openmp [LOOPS [ROUNDS]]
 *
 * Look for: as many threads as cores, the first one the program's own, made once and used by every loop.
 * Between two loops is a serial part. There the others have nothing to do, and look busy: they spin for a
 * while before they block. With OMP_WAIT_POLICY=passive they block at once, and parallelism falls to 1. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t compute(long rounds, uint64_t x)
{
    for (long i = 0; i < rounds; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

int main(int argc, char **argv)
{
    long loops = argc > 1 ? atol(argv[1]) : 8, rounds = argc > 2 ? atol(argv[2]) : 2000000;
    uint64_t sum = 0;
    for (long loop = 0; loop < loops; loop++) {
#pragma omp parallel for reduction(+ : sum)
        for (int i = 0; i < 64; i++)
            sum += compute(rounds, (uint64_t)i);
        sum = compute(4 * rounds, sum);
    }
    printf("%ld loops: %llx\n", loops, (unsigned long long)sum);
}
