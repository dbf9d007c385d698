/* The host process: a loop that makes tasks when asked, and reaps them when they end. */
#include "host.h"
#include "../clock.h"
#include "../err.h"
#include "calibrate.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES  (64 * 1024)
#define JOIN_POLL_MS 1

struct host {
    struct shared *shared;
    int bell, schedviz_bell, line;
    pid_t pid;
    struct cpuset home, here; /* the CPUs that it may use by itself; those that it uses now */
    pthread_attr_t thread_attr;
    pthread_t threads[WORKLOAD_MAX_TASKS];
    bool has_thread[WORKLOAD_MAX_TASKS];
    pid_t children[WORKLOAD_MAX_TASKS]; /* 0: none */
    struct worker workers[WORKLOAD_MAX_TASKS];
};

/* The death of the parent is ours; a parent that died before this was set is seen by its absence. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

static void reset_signals(void)
{
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
}

static void unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps nothing of schedviz's but three descriptors, as 3 to 5: no terminal, no rings of perf. */
static void close_others(int *fds[3])
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3; i++)
        *fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 6);
    for (int i = 0; i < 3; i++) {
        dup2(null, i);
        *fds[i] = dup3(*fds[i], 3 + i, O_CLOEXEC);
    }
    syscall(SYS_close_range, 6U, ~0U, 0U);
}

/* The scheduling attributes of sched_setattr(2), as of their first version. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* schedviz may have asked for a short slice for itself, which fork(2) hands on; the workload gets the
 * ordinary one. */
static void take_default_slice(void)
{
    struct attributes attributes = {.size = sizeof attributes};

    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0U) == 0 &&
        (attributes.policy == SCHED_OTHER || attributes.policy == SCHED_BATCH) && attributes.runtime_ns) {
        attributes.runtime_ns = 0;
        syscall(SYS_sched_setattr, 0, &attributes, 0U);
    }
}

/* A thread has /proc files open for a moment at its begin and end: let all have so at once. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void on_child(int sig)
{
    (void)sig; /* it only has to end ppoll(2) */
}

/* SIGCHLD comes through in ppoll(2) alone, where it is waited for, and to no thread. */
static void watch_children(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
    sigprocmask(SIG_SETMASK, &child, NULL);
}

static struct host *host_new(const struct host_config *config)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);
    struct host *host = mem_new(1, sizeof *host);

    host->shared = config->shared;
    host->bell = config->host_bell;
    host->schedviz_bell = config->schedviz_bell;
    host->line = config->line;
    close_others((int *[]){&host->bell, &host->schedviz_bell, &host->line});
    watch_children();
    host->pid = getpid();
    cpuset_get_affinity(0, &host->home);
    host->here = host->home;
    pthread_attr_init(&host->thread_attr);
    pthread_attr_setstacksize(&host->thread_attr, STACK_BYTES + (least > 0 ? (size_t)least : 0));
    return host;
}

static void *thread_main(void *arg)
{
    worker_run(arg);
    return NULL;
}

static _Noreturn void child_main(const struct host *host, const struct worker *worker)
{
    struct slot *slot = &host->shared->slots[worker->slot];

    atomic_store(&slot->pid, getpid());
    die_with(host->pid);
    signal(SIGCHLD, SIG_DFL);
    unblock_signals();
    close(host->bell);
    close(host->line);
    worker_run(worker);
    _exit(EXIT_SUCCESS);
}

/* Returns 0 or an errno. */
static int make(struct host *host, unsigned i)
{
    struct slot *slot = &host->shared->slots[i];
    struct worker *worker = &host->workers[i];
    bool thread = slot->order.kind == TASK_THREAD;

    *worker = (struct worker){host->shared, i, host->schedviz_bell, thread ? host->bell : -1};
    slot->created_ns = clock_now_ns();
    if (thread) {
        int error = pthread_create(&host->threads[i], &host->thread_attr, thread_main, worker);
        host->has_thread[i] = error == 0;
        return error;
    }
    pid_t pid = fork();
    if (pid == 0)
        child_main(host, worker);
    host->children[i] = pid > 0 ? pid : 0;
    return pid < 0 ? errno : 0;
}

static void ring_schedviz(const struct host *host)
{
    eventfd_write(host->schedviz_bell, 1);
}

static void finish(struct host *host, unsigned i, enum stage stage, int error, int status)
{
    struct slot *slot = &host->shared->slots[i];

    if (error)
        atomic_store(&slot->error, error);
    atomic_store(&slot->status, status);
    atomic_store(&slot->stage, stage);
    ring_schedviz(host);
}

/* A new task begins on the CPUs of who makes it: so that it never runs on others, the host goes to its CPUs
 * first. What cannot be done here, the task itself will tell. */
static void go_to(struct host *host, const struct cpuset *cpus)
{
    if (!cpuset_equal(&host->here, cpus) && cpuset_set_affinity(0, cpus))
        host->here = *cpus;
}

static void make_asked(struct host *host)
{
    bool quit = atomic_load(&host->shared->quit);
    unsigned n = atomic_load(&host->shared->n_slots);

    for (unsigned i = 0; i < n; i++) {
        if (atomic_load(&host->shared->slots[i].stage) != STAGE_ASKED || host->has_thread[i] ||
            host->children[i])
            continue;
        if (!quit)
            go_to(host, &host->shared->slots[i].order.cpus);
        int error = quit ? ECANCELED : make(host, i);
        if (error)
            finish(host, i, STAGE_FAILED, error, 0);
    }
    go_to(host, &host->home);
}

static void reap_children(struct host *host)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
            if (host->children[i] == pid) {
                host->children[i] = 0;
                finish(host, i, STAGE_GONE, 0, status);
                break;
            }
        }
    }
}

/* A thread that says that it is ending still runs its last instructions: joining must not wait for them while
 * others want something. Returns how many are still on their way. */
static unsigned join_threads(struct host *host)
{
    unsigned n_ending = 0;

    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (!host->has_thread[i] || atomic_load(&host->shared->slots[i].stage) != STAGE_ENDING)
            continue;
        if (pthread_tryjoin_np(host->threads[i], NULL) == 0) {
            host->has_thread[i] = false;
            finish(host, i, STAGE_GONE, 0, 0);
        } else {
            n_ending++;
        }
    }
    return n_ending;
}

static bool has_tasks(const struct host *host)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (host->has_thread[i] || host->children[i])
            return true;
    }
    return false;
}

/* Until the bell rings, or a child ends, or the time is over; the shared memory tells what there is to do. */
static void sleep_until_rung(const struct host *host, int timeout_ms)
{
    struct pollfd bell = {.fd = host->bell, .events = POLLIN};
    struct timespec timeout = {.tv_nsec = timeout_ms * (long)NS_PER_MS};
    sigset_t none;
    eventfd_t count;

    sigemptyset(&none);
    if (ppoll(&bell, 1, timeout_ms < 0 ? NULL : &timeout, &none) > 0)
        eventfd_read(host->bell, &count);
}

_Noreturn void host_run(const struct host_config *config)
{
    setpgid(0, 0);
    die_with(config->schedviz);
    reset_signals();
    prctl(PR_SET_NAME, HOST_NAME);
    take_default_slice();
    raise_file_limit();

    struct host *host = host_new(config);
    calibrate(host->shared);
    atomic_store(&host->shared->ready, true);
    ring_schedviz(host);

    while (!atomic_load(&host->shared->quit) || has_tasks(host)) {
        unsigned n_ending = join_threads(host);
        sleep_until_rung(host, n_ending ? JOIN_POLL_MS : -1);
        reap_children(host);
        make_asked(host);
    }
    _exit(EXIT_SUCCESS);
}
