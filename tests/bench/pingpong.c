/* Two processes on one core wake each other through pipes, for so many seconds; prints trips a second. For
 * bench_recording.py. Usage: pingpong CPU SECONDS */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void answer(int from, int to)
{
    char byte;
    while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1) {
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    int there[2], back[2];
    char byte = 0;
    if (argc != 3 || pipe(there) != 0 || pipe(back) != 0)
        return 2;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)atoi(argv[1]), &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    if (fork() == 0) {
        close(there[1]);
        close(back[0]);
        answer(there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    const double length = atof(argv[2]), begun = seconds();
    double now = begun;
    uint64_t n = 0;
    while (now - begun < length) {
        for (int i = 0; i < 100; i++, n++)
            if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
                return 1;
        now = seconds();
    }
    close(there[1]);
    wait(NULL);
    printf("%.0f\n", (double)n / (now - begun));
    return 0;
}
