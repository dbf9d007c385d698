/* Four threads that compute: pthreads.
 *
 *     cc -O2 -pthread -o threads examples/threads.c
 *     schedviz -- ./threads [THREADS [ROUNDS]]
 *
 * Look for: one process with its threads below it, by name. As many run at once as there are cores, the
 * others wait; every few milliseconds one is taken off by force. processes.c does the same with processes:
 * the picture is the same. */
#define _GNU_SOURCE 1 /* pthread_setname_np(3) */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 64 };

struct part {
    pthread_t thread;
    long number, rounds;
    uint64_t result;
};

static void *compute(void *argument)
{
    struct part *part = argument;
    char name[16];
    snprintf(name, sizeof(name), "worker %ld", part->number);
    pthread_setname_np(pthread_self(), name);
    uint64_t x = (uint64_t)part->number;
    for (long i = 0; i < part->rounds; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    part->result = x;
    return NULL;
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 4, rounds = argc > 2 ? atol(argv[2]) : 400000000;
    static struct part parts[MAX_THREADS];
    if (n < 1 || n > MAX_THREADS)
        return 2;
    for (long i = 0; i < n; i++) {
        parts[i] = (struct part){.number = i, .rounds = rounds};
        if (pthread_create(&parts[i].thread, NULL, compute, &parts[i]) != 0)
            return 1;
    }
    uint64_t sum = 0;
    for (long i = 0; i < n; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].result;
    }
    printf("%ld threads: %llx\n", n, (unsigned long long)sum);
}
