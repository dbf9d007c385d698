/* Many threads that do nothing but wake, each some nine times in eight seconds, for so many seconds; prints
 * how many there are. For bench_screen.py. Usage: sleepers THREADS SECONDS */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PERIOD_US   900000
#define STACK_BYTES 32768

static void *wake_now_and_then(void *unused)
{
    while (usleep(PERIOD_US) == 0) {
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (argc != 3) {
        fputs("usage: sleepers THREADS SECONDS\n", stderr);
        return 2;
    }
    int n = 0;
    const int wanted = atoi(argv[1]);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (n < wanted && pthread_create(&thread, &attr, wake_now_and_then, NULL) == 0)
        n++;
    printf("%d\n", n);
    fflush(stdout);
    sleep((unsigned)atoi(argv[2]));
    _exit(0);
}
