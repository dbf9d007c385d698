/* Two threads take two locks in opposite order: neither ever gets its second one.
 *
 *     cc -O2 -g -pthread -o deadlock examples/deadlock.c
 *     schedviz -- ./deadlock [SECONDS]
 *     schedviz -b --exit-on-deadlock -- ./deadlock
 *
 * Look for: the alert, a second after both are stuck: who wants a lock that the other holds. The second
 * command ends with status 3: for a test that shall not hang. With SECONDS, SIGALRM ends the program after
 * that time; else it never ends. */
#define _GNU_SOURCE 1 /* pthread_setname_np(3) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER, knife_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both_hold;

static void eat(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_barrier_wait(&both_hold);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *left(void *unused)
{
    eat(&fork_lock, &knife_lock);
    return unused;
}

static void *right(void *unused)
{
    eat(&knife_lock, &fork_lock);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    printf("two threads, two locks\n");
    fflush(stdout);
    if (argc > 1)
        alarm((unsigned)atoi(argv[1]));
    pthread_barrier_init(&both_hold, NULL, 2);
    if (pthread_create(&threads[0], NULL, left, NULL) != 0 ||
        pthread_create(&threads[1], NULL, right, NULL) != 0)
        return 1;
    pthread_setname_np(threads[0], "left");
    pthread_setname_np(threads[1], "right");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
