/* The host process: a loop that makes tasks when asked, and reaps them when they end. */
#include "host.h"
#include "../clock.h"
#include "../err.h"
#include "calibrate.h"
#include "crew.h"
#include "play.h"
#include "process.h"
#include "taskgroup.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FDS 4 /* that are kept of schedviz's */

/* How often a task that is to end is woken up, until it does: it may have been about to block. */
#define WAKE_EVERY_MS 10

struct host {
    struct shared *shared;
    int bell, schedviz_bell, crew_bell, line;
    pid_t pid;
    struct place place;
    pid_t crew;                         /* 0: none */
    pid_t children[WORKLOAD_MAX_TASKS]; /* 0: none */
    struct worker workers[WORKLOAD_MAX_TASKS];
};

/* Keeps nothing of schedviz's but a few descriptors, from 3 on: no terminal, no rings of perf. */
static void close_others(int *fds[N_FDS])
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < N_FDS; i++)
        *fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 3 + N_FDS);
    for (int i = 0; i < 3; i++)
        dup2(null, i);
    for (int i = 0; i < N_FDS; i++)
        *fds[i] = dup3(*fds[i], 3 + i, O_CLOEXEC);
    syscall(SYS_close_range, 3U + N_FDS, ~0U, 0U);
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

/* A thread has /proc files open for a moment at its begin and end: let all have so at once. Tasks may crash
 * on purpose: nothing is to be kept of that. */
static void set_limits(void)
{
    struct rlimit limit;

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
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
    struct host *host = mem_new(1, sizeof *host);

    host->shared = config->shared;
    host->bell = config->host_bell;
    host->schedviz_bell = config->schedviz_bell;
    host->crew_bell = config->crew_bell;
    host->line = config->line;
    close_others((int *[N_FDS]){&host->bell, &host->schedviz_bell, &host->crew_bell, &host->line});
    watch_children();
    host->pid = getpid();
    place_init(&host->place);
    host->shared->home = host->place.home;
    return host;
}

/* Before anybody else is forked, who may need them. */
static void open_objects(struct shared *shared)
{
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (!objects_open(shared_objects(shared, i), shared->program, &shared->failure))
            _exit(EXIT_FAILURE);
    }
}

static void ring(int bell)
{
    eventfd_write(bell, 1);
}

static void finish(struct host *host, unsigned i, enum stage stage, int error, int status)
{
    shared_finish(host->shared, i, stage, error, status);
    ring(host->schedviz_bell);
}

/* ---- processes ---- */

static _Noreturn void child_main(const struct host *host, const struct worker *worker)
{
    struct slot *slot = &host->shared->slots[worker->slot];

    atomic_store(&slot->pid, getpid());
    process_die_with(host->pid);
    signal(SIGCHLD, SIG_DFL);
    play_handle_signals();
    process_unblock_signals();
    close(host->crew_bell);
    close(host->line);
    worker_run(worker);
    _exit(EXIT_SUCCESS);
}

/* Returns 0 or an errno. */
static int make_process(struct host *host, unsigned i)
{
    struct slot *slot = &host->shared->slots[i];
    struct worker *worker = &host->workers[i];

    *worker = (struct worker){host->shared, i, host->schedviz_bell, host->bell, -1};
    place_go(&host->place, &slot->order.cpus);
    slot->created_ns = clock_now_ns();
    pid_t pid = fork();
    if (pid == 0)
        child_main(host, worker);
    host->children[i] = pid > 0 ? pid : 0;
    return pid < 0 ? errno : 0;
}

/* ---- the crew ---- */

static void tell_of(struct host *host, int tid, uint64_t time_ns, struct event event)
{
    event.time_ns = time_ns;
    event.tid = tid;
    event.cpu = -1;
    ring_push(&host->shared->host_ring, &event);
}

static _Noreturn void crew_main(const struct host *host)
{
    struct crew_config config = {host->shared, host->crew_bell, host->bell, host->schedviz_bell, host->pid};

    close(host->line);
    crew_run(&config);
}

/* Returns 0 or an errno. */
static int make_crew(struct host *host)
{
    struct event new = {.kind = EVENT_NEW, .u.task = {.slot = -1, .kind = TASK_PROCESS, .role = ROLE_HOST}};
    struct event name = {.kind = EVENT_NAME, .u.name = CREW_NAME};

    place_go(&host->place, &host->place.home);
    uint64_t now_ns = clock_now_ns();
    pid_t pid = fork();
    if (pid == 0)
        crew_main(host);
    if (pid < 0)
        return errno;
    host->crew = new.u.task.pid = pid;
    atomic_store(&host->shared->crew_pid, pid);
    tell_of(host, pid, now_ns, new);
    tell_of(host, pid, now_ns, name);
    return 0;
}

/* It takes its threads along. One that had said its last words ended well. */
static void bury_crew(struct host *host, int status)
{
    struct event end = {.kind = EVENT_EXIT};
    unsigned n = atomic_load(&host->shared->n_slots);

    end.u.exit.status = status;
    end.u.exit.known = 1;
    tell_of(host, host->crew, clock_now_ns(), end);
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        int carrier = atomic_exchange(&host->shared->carriers[i].tid, 0);
        if (carrier)
            tell_of(host, carrier, clock_now_ns(), end);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &host->shared->slots[i];
        int stage = atomic_load(&slot->stage);
        bool lives = stage == STAGE_JOINED || stage == STAGE_GATED || stage == STAGE_RUNNING;
        if (atomic_load(&slot->pid) == host->crew && (lives || stage == STAGE_ENDING))
            finish(host, i, STAGE_GONE, 0, lives ? status : 0);
    }
    host->crew = 0;
    atomic_store(&host->shared->crew_pid, 0);
    ring(host->schedviz_bell);
}

/* ---- the loop ---- */

/* The first task of a run has its objects made anew: schedviz gave the run a set that nobody uses. */
static void join(struct host *host, unsigned i)
{
    struct shared *shared = host->shared;
    struct slot *slot = &shared->slots[i];
    const struct order *order = &slot->order;
    struct objects *objects = shared_objects(shared, order->set);

    if (atomic_load(&shared->set_runs[order->set]) != order->run) {
        objects_init(objects, shared->program, order->set);
        atomic_store(&shared->set_runs[order->set], order->run);
    }
    objects_join(objects, order->part.template, i);
    atomic_store(&slot->stage, STAGE_JOINED);
}

/* Returns 0 or an errno. What is no process the crew makes, if there is one. */
static int make(struct host *host, unsigned i)
{
    bool is_process = host->shared->slots[i].order.kind == TASK_PROCESS;

    if (atomic_load(&host->shared->quit))
        return ECANCELED;
    join(host, i);
    if (is_process)
        return make_process(host, i);
    return host->crew ? 0 : make_crew(host);
}

/* True when a thread waits for the crew to make it. */
static bool is_for_crew(const struct host *host, unsigned i)
{
    const struct slot *slot = &host->shared->slots[i];

    return atomic_load(&slot->stage) == STAGE_JOINED && slot->order.kind != TASK_PROCESS &&
           atomic_load(&slot->pid) == 0;
}

static void make_asked(struct host *host)
{
    unsigned n = atomic_load(&host->shared->n_slots);
    bool for_crew = atomic_load(&host->shared->quit);

    for (unsigned i = 0; i < n; i++) {
        int error = 0;
        if (atomic_load(&host->shared->slots[i].stage) == STAGE_ASKED)
            error = make(host, i);
        else if (is_for_crew(host, i) && !host->crew)
            error = make_crew(host); /* it died before it came to this one */
        if (error)
            finish(host, i, STAGE_FAILED, error, 0);
        for_crew = for_crew || is_for_crew(host, i);
    }
    place_go(&host->place, &host->place.home);
    if (for_crew && host->crew)
        ring(host->crew_bell);
}

static void bury_child(struct host *host, pid_t pid, int status)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (host->children[i] == pid) {
            host->children[i] = 0;
            finish(host, i, STAGE_GONE, 0, status);
            return;
        }
    }
}

static void reap_children(struct host *host)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == host->crew)
            bury_crew(host, status);
        else
            bury_child(host, pid, status);
    }
}

static bool has_tasks(const struct host *host)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (host->children[i])
            return true;
    }
    return host->crew > 0;
}

/* Those that are to end may be blocked. True when there are any, who will be woken up again. */
static bool wake_stopping(const struct host *host)
{
    unsigned n = atomic_load(&host->shared->n_slots);
    bool any = false;

    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &host->shared->slots[i];
        if (!atomic_load(&slot->stop) || atomic_load(&slot->stage) != STAGE_RUNNING)
            continue;
        int tid = slot->order.kind == TASK_GREEN ? atomic_load(&host->shared->carriers[slot->order.set].tid)
                                                 : atomic_load(&slot->tid);
        syscall(SYS_tgkill, atomic_load(&slot->pid), tid, PLAY_SIGNAL);
        any = true;
    }
    return any;
}

static bool has_taskgroups(const struct program *program)
{
    for (unsigned i = 0; program && i < program->n_templates; i++) {
        const struct template *template = &program->templates[i];
        if (template->settings.taskgroup)
            return true;
        for (unsigned k = 0; k < template->n_phases; k++)
            if (template->phases[k].settings.taskgroup)
                return true;
    }
    return false;
}

_Noreturn void host_run(const struct host_config *config)
{
    setpgid(0, 0);
    process_die_with(config->schedviz);
    process_reset_signals();
    prctl(PR_SET_NAME, HOST_NAME);
    /* For all that come from here: sleepers wake when they said, not 50 us later. */
    prctl(PR_SET_TIMERSLACK, 1);
    take_default_slice();
    set_limits();

    struct host *host = host_new(config);
    if (has_taskgroups(host->shared->program))
        taskgroup_watch();
    open_objects(host->shared);
    calibrate(host->shared);
    atomic_store(&host->shared->ready, true);
    ring(host->schedviz_bell);

    while (!atomic_load(&host->shared->quit) || has_tasks(host)) {
        process_sleep(host->bell, wake_stopping(host) ? WAKE_EVERY_MS : -1);
        reap_children(host);
        make_asked(host);
    }
    if (host->shared->program)
        taskgroup_clean();
    _exit(EXIT_SUCCESS);
}
