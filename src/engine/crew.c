/* The crew process: a loop that makes threads when asked, and joins them when they end. */
#include "crew.h"
#include "../clock.h"
#include "../err.h"
#include "gate.h"
#include "green.h"
#include "play.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_BYTES  (64 * 1024) /* of a task that only computes; others have the system's own */
#define JOIN_POLL_MS 1

struct crew {
    struct crew_config config;
    struct shared *shared;
    struct place place;
    pthread_attr_t attr;
    pthread_t threads[WORKLOAD_MAX_TASKS];
    bool has_thread[WORKLOAD_MAX_TASKS];
    struct worker workers[WORKLOAD_MAX_TASKS];

    /* Of the green tasks, by the set of objects of their run. */
    pthread_t carriers[OBJECTS_SETS];
    bool has_carrier[OBJECTS_SETS];
    struct carry carries[OBJECTS_SETS];
};

static struct crew *crew_new(const struct crew_config *config)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);
    struct crew *crew = mem_new(1, sizeof *crew);

    crew->config = *config;
    crew->shared = config->shared;
    place_init(&crew->place);
    pthread_attr_init(&crew->attr);
    if (!crew->shared->program)
        pthread_attr_setstacksize(&crew->attr, STACK_BYTES + (least > 0 ? (size_t)least : 0));
    return crew;
}

static void finish(struct crew *crew, unsigned i, enum stage stage, int error)
{
    shared_finish(crew->shared, i, stage, error, 0);
    eventfd_write(crew->config.schedviz_bell, 1);
}

static void *thread_main(void *arg)
{
    worker_run(arg);
    return NULL;
}

/* Returns 0 or an errno. */
static int make(struct crew *crew, unsigned i)
{
    const struct crew_config *config = &crew->config;
    struct slot *slot = &crew->shared->slots[i];

    crew->workers[i] =
        (struct worker){crew->shared, i, config->schedviz_bell, config->host_bell, config->bell};
    place_go(&crew->place, &slot->order.cpus);
    slot->created_ns = clock_now_ns();
    int error = pthread_create(&crew->threads[i], &crew->attr, thread_main, &crew->workers[i]);
    crew->has_thread[i] = error == 0;
    return error;
}

static void *carrier_main(void *arg)
{
    green_carry(arg);
    return NULL;
}

/* The carrier of its run takes the order itself; it may have to be made first. Returns 0 or an errno. */
static int make_green(struct crew *crew, unsigned i)
{
    const struct crew_config *config = &crew->config;
    const struct order *order = &crew->shared->slots[i].order;
    struct carry *carry = &crew->carries[order->set];

    if (crew->has_carrier[order->set])
        return 0;
    if (atomic_load(&crew->shared->quit))
        return ECANCELED;
    *carry = (struct carry){.shared = crew->shared,
                            .set = order->set,
                            .run = order->run,
                            .cpus = order->cpus,
                            .crew_bell = config->bell,
                            .schedviz_bell = config->schedviz_bell,
                            .host_bell = config->host_bell};
    place_go(&crew->place, &order->cpus);
    int error = pthread_create(&crew->carriers[order->set], NULL, carrier_main, carry);
    crew->has_carrier[order->set] = error == 0;
    return error;
}

static bool is_ours(const struct slot *slot)
{
    return atomic_load(&slot->stage) == STAGE_JOINED && slot->order.kind != TASK_PROCESS &&
           atomic_load(&slot->pid) == 0;
}

/* Returns 0 or an errno. */
static int take(struct crew *crew, unsigned i)
{
    struct slot *slot = &crew->shared->slots[i];

    if (slot->order.kind == TASK_GREEN)
        return make_green(crew, i);
    atomic_store(&slot->pid, getpid());
    return atomic_load(&crew->shared->quit) ? ECANCELED : make(crew, i);
}

static void make_asked(struct crew *crew)
{
    unsigned n = atomic_load(&crew->shared->n_slots);
    bool for_carriers = false;

    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &crew->shared->slots[i];
        if (!is_ours(slot))
            continue;
        for_carriers = for_carriers || slot->order.kind == TASK_GREEN;
        int error = take(crew, i);
        if (error)
            finish(crew, i, STAGE_FAILED, error);
    }
    place_go(&crew->place, &crew->place.home);
    if (for_carriers)
        gate_ring(crew->shared);
}

/* A thread that says that it is ending still runs its last instructions: joining must not wait for them while
 * others want something. Returns how many are still on their way. */
static unsigned join_threads(struct crew *crew)
{
    unsigned n = atomic_load(&crew->shared->n_slots), n_ending = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!crew->has_thread[i] || atomic_load(&crew->shared->slots[i].stage) != STAGE_ENDING)
            continue;
        if (pthread_tryjoin_np(crew->threads[i], NULL) == 0) {
            crew->has_thread[i] = false;
            finish(crew, i, STAGE_GONE, 0);
        } else {
            n_ending++;
        }
    }
    return n_ending;
}

/* The same for carriers. */
static unsigned join_carriers(struct crew *crew)
{
    unsigned n_ending = 0;

    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (!crew->has_carrier[i] || !atomic_load(&crew->carries[i].is_over))
            continue;
        if (pthread_tryjoin_np(crew->carriers[i], NULL) == 0) {
            crew->has_carrier[i] = false;
            green_joined(&crew->carries[i]);
        } else {
            n_ending++;
        }
    }
    return n_ending;
}

static bool has_threads(const struct crew *crew)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (crew->has_thread[i])
            return true;
    }
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (crew->has_carrier[i])
            return true;
    }
    return false;
}

_Noreturn void crew_run(const struct crew_config *config)
{
    process_die_with(config->host);
    process_reset_signals();
    play_handle_signals();
    process_unblock_signals();
    prctl(PR_SET_NAME, CREW_NAME);

    struct crew *crew = crew_new(config);
    /* Known before the first thread is, whether or not the host has come to say so. */
    atomic_store(&crew->shared->crew_pid, getpid());
    for (;;) {
        unsigned n_ending = join_threads(crew) + join_carriers(crew);
        make_asked(crew);
        if (atomic_load(&crew->shared->quit) && !has_threads(crew))
            _exit(EXIT_SUCCESS);
        process_sleep(config->bell, n_ending ? JOIN_POLL_MS : -1);
    }
}
