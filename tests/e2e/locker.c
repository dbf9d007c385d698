/* A program that locks itself out, in the way that its argument names. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t table_lock, index_lock, log_lock;
static pthread_barrier_t all;

static void set_up(int protocol, int robust, unsigned n_threads)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, protocol);
    pthread_mutexattr_setrobust(&attr, robust);
    pthread_mutex_init(&table_lock, &attr);
    pthread_mutex_init(&index_lock, &attr);
    pthread_mutex_init(&log_lock, &attr);
    pthread_barrier_init(&all, NULL, n_threads);
}

static void nap_ms(long ms)
{
    const struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&nap, NULL);
}

struct order {
    pthread_mutex_t *first, *second;
    const char *name;
};

static int limit_s; /* 0: none */

static int lock_for_s(pthread_mutex_t *mutex)
{
    struct timespec until;
    if (!limit_s)
        return pthread_mutex_lock(mutex);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += limit_s;
    return pthread_mutex_timedlock(mutex, &until);
}

static void *take_both(void *data)
{
    const struct order *order = data;
    prctl(PR_SET_NAME, order->name);
    pthread_mutex_lock(order->first);
    pthread_barrier_wait(&all);
    nap_ms(50);
    if (lock_for_s(order->second) == 0)
        pthread_mutex_unlock(order->second);
    pthread_mutex_unlock(order->first);
    return NULL;
}

static int run(struct order *orders, unsigned n, pthread_mutex_t *release)
{
    pthread_t threads[3];
    for (unsigned i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, take_both, &orders[i]) != 0)
            return 1;
    if (release) { /* as its owner should */
        nap_ms(3000);
        pthread_mutex_unlock(release);
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static int of_two(int protocol, int robust, pthread_mutex_t *release)
{
    struct order orders[] = {{&table_lock, &index_lock, "reader"}, {&index_lock, &table_lock, "writer"}};
    set_up(protocol, robust, 2);
    return run(orders, 2, release);
}

static int of_three(void)
{
    struct order orders[] = {{&table_lock, &index_lock, "reader"},
                             {&index_lock, &log_lock, "writer"},
                             {&log_lock, &table_lock, "logger"}};
    set_up(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 3);
    return run(orders, 3, NULL);
}

static int of_itself(void)
{
    set_up(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 1);
    pthread_mutex_lock(&log_lock);
    return pthread_mutex_lock(&log_lock);
}

static void *want_table(void *data)
{
    prctl(PR_SET_NAME, "joined");
    pthread_mutex_lock(&table_lock);
    return data;
}

static int of_a_join(void)
{
    pthread_t thread;
    set_up(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 1);
    pthread_mutex_lock(&table_lock);
    if (pthread_create(&thread, NULL, want_table, NULL) != 0)
        return 1;
    return pthread_join(thread, NULL);
}

struct shared {
    pthread_mutex_t mutex[2];
    pthread_barrier_t both;
};

static int of_processes(void)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;
    pthread_barrierattr_t barrier_attr;
    if (shared == MAP_FAILED)
        return 1;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrierattr_init(&barrier_attr);
    pthread_barrierattr_setpshared(&barrier_attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex[0], &attr);
    pthread_mutex_init(&shared->mutex[1], &attr);
    pthread_barrier_init(&shared->both, &barrier_attr, 2);
    const int child = fork() == 0;
    if (child)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, child ? "child" : "parent");
    pthread_mutex_lock(&shared->mutex[child]);
    pthread_barrier_wait(&shared->both);
    return pthread_mutex_lock(&shared->mutex[!child]);
}

static int of_a_semaphore(void)
{
    sem_t sem;
    sem_init(&sem, 0, 0);
    return sem_wait(&sem);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "two") == 0)
        return of_two(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, NULL);
    if (strcmp(way, "robust") == 0)
        return of_two(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, NULL);
    if (strcmp(way, "inherit") == 0)
        return of_two(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, NULL);
    if (strcmp(way, "resolved") == 0)
        return of_two(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, &table_lock);
    if (strcmp(way, "limited") == 0) {
        limit_s = 4;
        return of_two(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, NULL);
    }
    if (strcmp(way, "three") == 0)
        return of_three();
    if (strcmp(way, "itself") == 0)
        return of_itself();
    if (strcmp(way, "join") == 0)
        return of_a_join();
    if (strcmp(way, "processes") == 0)
        return of_processes();
    if (strcmp(way, "semaphore") == 0)
        return of_a_semaphore();
    fputs("usage: locker two|robust|inherit|resolved|limited|three|itself|join|processes|semaphore\n",
          stderr);
    return 2;
}
