/* Four processes that compute: fork(2).
 *
 *     cc -O2 -o processes examples/processes.c
 *     schedviz -- ./processes [PROCESSES [ROUNDS]]
 *
 * Look for: a tree of processes, the parent blocked until the last child is done. To the scheduler they are
 * tasks like the threads of threads.c. But a result has to be sent to the parent, here by a pipe; threads
 * share their memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t compute(long rounds, uint64_t x)
{
    for (long i = 0; i < rounds; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 4, rounds = argc > 2 ? atol(argv[2]) : 400000000;
    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            uint64_t result = compute(rounds, (uint64_t)i);
            _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
        }
    }
    close(ends[1]);
    uint64_t sum = 0, result;
    while (read(ends[0], &result, sizeof(result)) == sizeof(result))
        sum += result;
    while (wait(NULL) > 0)
        ;
    printf("%ld processes: %llx\n", n, (unsigned long long)sum);
}
