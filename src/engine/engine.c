/* The engine: schedviz's side, which asks the host for tasks and follows what becomes of them. */
#include "engine.h"
#include "../clock.h"
#include "feed.h"
#include "gate.h"
#include "host.h"
#include "sets.h"
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS                                                                                             \
    5000                /* for the host's first words; a few ms unless the machine is           \ overloaded \
                         */
#define QUIT_MS    300  /* for the tasks to end by themselves */
#define KILLED_MS  2000 /* for what was killed to be gone; longer only in an uninterruptible    \ sleep */
#define ORPHANS_MS 200
#define NAP_MS     1

/* Our view of a slot; the shared memory may be a step ahead until engine_dispatch(). */
struct seat {
    enum engine_state state;
    enum task_kind kind;
    uint16_t run;
    bool held; /* its order waits for a set of objects */
    unsigned set;
    int status;
    bool move; /* to cpus, as soon as the task can be moved */
    struct cpuset cpus;
    uint64_t gone_ns;
};

struct engine {
    struct shared *shared;
    int host_bell, schedviz_bell, crew_bell; /* eventfd(2)s: wake the host, us, the crew */
    int host_line;                           /* a pipe that the host holds open as long as it lives */
    int epoll_fd;
    pid_t host_pid;
    _Atomic pid_t group; /* the host's process group; 0 when all in it are reaped */
    bool host_ended;
    int host_status;
    bool failed;  /* a spawn since the last engine_wait_gated() */
    bool holding; /* some seat is held */
    struct err error;
    struct feed feed;
    struct sets sets;
    struct err *warnings;
    unsigned n_warnings;
    struct seat seats[WORKLOAD_MAX_TASKS];
};

/* ---- start ---- */

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static bool watch_fd(const struct engine *engine, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_fds(struct engine *engine, int line[2], struct err *err)
{
    engine->host_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->schedviz_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->crew_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine->host_bell >= 0 && engine->schedviz_bell >= 0 && engine->crew_bell >= 0 &&
        engine->epoll_fd >= 0 && pipe2(line, O_CLOEXEC) == 0) {
        engine->host_line = line[0];
        if (watch_fd(engine, engine->schedviz_bell) && watch_fd(engine, engine->host_line))
            return true;
    }
    return err_set(err,
                   "cannot open an event descriptor: %s; raise the limit on open "
                   "files (ulimit -n)",
                   strerror(errno));
}

static bool map_shared(struct engine *engine, struct err *err)
{
    /* Pages come into being when a task first touches them. */
    void *memory = mmap(NULL, sizeof *engine->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return err_set(err, "cannot map %zu MiB of shared memory: %s", sizeof *engine->shared >> 20,
                       strerror(errno));
    engine->shared = memory;
    return true;
}

/* With all signals blocked, so that no handler of ours ever runs in the host. */
static bool fork_host(struct engine *engine, int line, struct err *err)
{
    struct host_config config = {engine->shared, engine->host_bell, engine->schedviz_bell, engine->crew_bell,
                                 line,           getpid()};
    sigset_t all, old;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        host_run(&config);
    int error = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (pid < 0)
        return err_set(err,
                       "cannot start the host process: %s; raise the limit on "
                       "processes (ulimit -u)",
                       strerror(error));
    setpgid(pid, pid); /* both sides do it, so that neither has to wait for the other */
    engine->host_pid = pid;
    atomic_store(&engine->group, pid);
    return true;
}

static int ms_until(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_now_ns();

    return now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static bool wait_fd(int fd, uint64_t deadline_ns)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    int n;

    do {
        n = poll(&pollfd, 1, ms_until(deadline_ns));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static void tell_host(struct engine *engine)
{
    struct event new = {.tid = engine->host_pid, .cpu = -1, .kind = EVENT_NEW};
    struct event name = {.tid = engine->host_pid, .cpu = -1, .kind = EVENT_NAME, .u.name = HOST_NAME};

    new.u.task.pid = engine->host_pid;
    new.u.task.slot = -1;
    new.u.task.kind = TASK_PROCESS;
    new.u.task.role = ROLE_HOST;
    feed_push(&engine->feed, new);
    feed_push(&engine->feed, name);
}

static bool wait_ready(struct engine *engine, struct err *err)
{
    uint64_t deadline_ns = clock_now_ns() + READY_MS * NS_PER_MS;

    while (!atomic_load(&engine->shared->ready)) {
        if (!wait_fd(engine->epoll_fd, deadline_ns))
            return err_set(err,
                           "the host process did not answer within %d s: is the "
                           "machine overloaded?",
                           READY_MS / 1000);
        engine_dispatch(engine);
        if (!engine_alive(engine, err))
            return engine->shared->failure.msg[0] ? err_set(err, "%s", engine->shared->failure.msg) : false;
    }
    return true;
}

struct engine *engine_start(const struct engine_config *config, struct err *err)
{
    struct engine *engine = mem_new(1, sizeof *engine);
    int line[2] = {-1, -1};

    engine->host_bell = engine->schedviz_bell = engine->crew_bell = -1;
    engine->host_line = engine->epoll_fd = -1;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bool ok = map_shared(engine, err) && open_fds(engine, line, err);
    if (ok) {
        engine->shared->self_timed = config->self_timed;
        engine->shared->nice = getpriority(PRIO_PROCESS, 0);
        engine->shared->program = config->program;
        feed_init(&engine->feed, engine->shared);
        ok = sets_init(&engine->sets, engine->shared, &engine->feed, err) && fork_host(engine, line[1], err);
    }
    close_fd(line[1]);
    if (!ok || !wait_ready(engine, err)) {
        engine_free(engine);
        return NULL;
    }
    tell_host(engine);
    return engine;
}

/* ---- the end of tasks and of the host ---- */

static void tell_exit(struct engine *engine, int tid, int status)
{
    struct event event = {.tid = tid, .cpu = -1, .kind = EVENT_EXIT};

    event.u.exit.status = status;
    event.u.exit.known = 1;
    feed_push(&engine->feed, event);
}

static void set_error(struct engine *engine, unsigned i, int error)
{
    char name[EVENT_NAME_SIZE], cpus[128];
    const struct order *order = &engine->shared->slots[i].order;

    shared_task_name(engine->shared, i, name);
    engine->failed = true;
    if (atomic_load(&engine->shared->slots[i].tid))
        err_set(&engine->error, "cannot put task %s on CPU %s: %s", name,
                cpuset_format(&order->cpus, cpus, sizeof cpus), strerror(error));
    else
        err_set(&engine->error, "cannot start task %s as a %s: %s%s", name, workload_kind_name(order->kind),
                strerror(error),
                error == EAGAIN ? "; start fewer tasks or raise the limit (ulimit "
                                  "-u, or the cgroup's pids.max)"
                                : "");
}

/* Slots that a task had claimed for others when it was killed. */
static void free_claims(struct engine *engine, unsigned i)
{
    for (unsigned k = 0; k < WORKLOAD_MAX_TASKS; k++) {
        int claimed = stage_claimed(i + 1);
        atomic_compare_exchange_strong(&engine->shared->slots[k].stage, &claimed, STAGE_EMPTY);
    }
}

/* What was in the slot is gone. */
static void vacate(struct engine *engine, unsigned i, int status)
{
    struct slot *slot = &engine->shared->slots[i];
    struct seat *seat = &engine->seats[i];
    int error = atomic_load(&slot->error);
    bool finished = status == 0 && error == 0 && atomic_load(&slot->finished);

    if (seat->state == ENGINE_STOPPING)
        seat->state = ENGINE_EMPTY;
    else
        seat->state = finished ? ENGINE_DONE : ENGINE_DIED;
    seat->status = status;
    seat->gone_ns = clock_now_ns();
    if (error)
        set_error(engine, i, error);
    if (atomic_load(&slot->tid) && !atomic_load(&slot->told_exit))
        tell_exit(engine, atomic_load(&slot->tid), status);
    if (!seat->held)
        sets_leave(&engine->sets, seat->set);
    seat->held = false;
    if (status != 0 && engine->shared->program)
        free_claims(engine, i);
    atomic_store(&slot->stage, STAGE_EMPTY);
}

static bool occupied(const struct seat *seat)
{
    return seat->state == ENGINE_STARTING || seat->state == ENGINE_GATED || seat->state == ENGINE_RUNNING ||
           seat->state == ENGINE_STOPPING;
}

/* Reaps who is ours in the host's group: the host, and its children once it is gone (we are their subreaper).
 * False when nobody is left to wait for. */
static bool reap(struct engine *engine)
{
    pid_t group = atomic_load(&engine->group);
    int status;
    pid_t pid;

    while (group > 0 && (pid = waitpid(-group, &status, WNOHANG)) != 0) {
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) {
            atomic_store(&engine->group, 0);
            return false;
        }
        if (pid == engine->host_pid) {
            engine->host_ended = true;
            engine->host_status = status;
            epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, engine->host_line, NULL);
        }
        for (unsigned i = 0; i < engine_n_slots(engine); i++) {
            if (atomic_load(&engine->shared->slots[i].pid) == pid && occupied(&engine->seats[i]))
                vacate(engine, i, status);
        }
    }
    return group > 0;
}

static void reap_until(struct engine *engine, uint64_t deadline_ns)
{
    while (reap(engine) && clock_now_ns() < deadline_ns)
        poll(NULL, 0, NAP_MS);
}

/* The host ended: its threads with it, its children by PR_SET_PDEATHSIG. */
static void bury_host(struct engine *engine)
{
    reap_until(engine, clock_now_ns() + ORPHANS_MS * NS_PER_MS);
    for (unsigned i = 0; i < engine_n_slots(engine); i++) {
        if (occupied(&engine->seats[i]))
            vacate(engine, i, engine->host_status);
    }
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        int carrier = atomic_exchange(&engine->shared->carriers[i].tid, 0);
        if (carrier)
            tell_exit(engine, carrier, engine->host_status);
    }
    int crew = atomic_exchange(&engine->shared->crew_pid, 0);
    if (crew)
        tell_exit(engine, crew, engine->host_status);
    tell_exit(engine, engine->host_pid, engine->host_status);
}

/* ---- dispatch ---- */

static bool movable(const struct engine *engine, unsigned i)
{
    int stage = atomic_load(&engine->shared->slots[i].stage);

    return stage == STAGE_GATED || stage == STAGE_RUNNING;
}

/* Of the green tasks of a run the first one says where their carrier is. */
static bool leads_carrier(const struct engine *engine, unsigned i)
{
    for (unsigned k = 0; k < i; k++) {
        const struct seat *seat = &engine->seats[k];
        if (occupied(seat) && seat->kind == TASK_GREEN && seat->run == engine->seats[i].run)
            return false;
    }
    return true;
}

static bool move_now(struct engine *engine, unsigned i, struct err *err)
{
    struct seat *seat = &engine->seats[i];
    const struct shared *shared = engine->shared;
    int tid = atomic_load(&shared->slots[i].tid);
    char name[EVENT_NAME_SIZE], cpus[128];

    seat->move = false;
    if (seat->kind == TASK_GREEN) {
        if (!leads_carrier(engine, i) || !(tid = atomic_load(&shared->carriers[seat->set].tid)))
            return true;
    }
    if (cpuset_set_affinity(tid, &seat->cpus) || errno == ESRCH)
        return true;
    return err_set(err, "cannot move task %s to CPU %s: %s", shared_task_name(shared, i, name),
                   cpuset_format(&seat->cpus, cpus, sizeof cpus), strerror(errno));
}

static void follow(struct engine *engine, unsigned i)
{
    struct slot *slot = &engine->shared->slots[i];
    struct seat *seat = &engine->seats[i];

    switch ((enum stage)atomic_load(&slot->stage)) {
    case STAGE_EMPTY:
    case STAGE_ASKED:
    case STAGE_JOINED:
        break;
    case STAGE_GATED:
        if (seat->state == ENGINE_STARTING)
            seat->state = ENGINE_GATED;
        break;
    case STAGE_RUNNING:
    case STAGE_ENDING:
        if (seat->state == ENGINE_STARTING || seat->state == ENGINE_GATED)
            seat->state = ENGINE_RUNNING;
        break;
    case STAGE_GONE:
    case STAGE_FAILED:
        vacate(engine, i, atomic_load(&slot->status));
        break;
    }
    if (seat->move && movable(engine, i))
        move_now(engine, i, &engine->error);
}

/* A task that another one forked. */
static void adopt(struct engine *engine, unsigned i)
{
    const struct slot *slot = &engine->shared->slots[i];
    int stage = atomic_load(&slot->stage);

    if (stage <= STAGE_EMPTY) /* or claimed, not yet filled in */
        return;
    engine->seats[i] = (struct seat){.state = ENGINE_STARTING,
                                     .kind = slot->order.kind,
                                     .run = slot->order.run,
                                     .set = slot->order.set,
                                     .cpus = slot->order.cpus};
    sets_use(&engine->sets, slot->order.set);
}

static void ring_host(const struct engine *engine)
{
    eventfd_write(engine->host_bell, 1);
}

/* Asks for the task, if there is a set of objects for its run. */
static bool ask(struct engine *engine, unsigned i)
{
    struct order *order = &engine->shared->slots[i].order;
    int set = sets_take(&engine->sets, order->run);

    if (set == SETS_NONE)
        return false;
    order->set = (uint8_t)set;
    engine->seats[i].set = (unsigned)set;
    sets_use(&engine->sets, (unsigned)set);
    shared_ask(engine->shared, i);
    ring_host(engine);
    return true;
}

static void ask_held(struct engine *engine)
{
    unsigned n = engine->holding ? engine_n_slots(engine) : 0;

    engine->holding = false;
    for (unsigned i = 0; i < n; i++) {
        struct seat *seat = &engine->seats[i];
        seat->held = seat->held && !ask(engine, i);
        engine->holding = engine->holding || seat->held;
    }
}

static bool is_known(const struct engine *engine, const char *warning)
{
    for (unsigned i = 0; i < engine->n_warnings; i++) {
        if (strcmp(engine->warnings[i].msg, warning) == 0)
            return true;
    }
    return false;
}

/* The objects that the run of a set has, or NULL before the host made them and after another run got them. */
static const struct objects *objects_of(const struct engine *engine, unsigned set)
{
    uint16_t run = engine->sets.all[set].run;

    if (!run || atomic_load(&engine->shared->set_runs[set]) != run)
        return NULL;
    return shared_objects(engine->shared, set);
}

/* Each is told once, however many runs there are. */
static void collect_warnings(struct engine *engine)
{
    for (unsigned set = 0; set < OBJECTS_SETS; set++) {
        const struct objects *objects = objects_of(engine, set);
        unsigned n = objects ? objects_n_warnings(objects) : 0;
        for (unsigned i = 0; i < n; i++) {
            const char *warning = objects_warning(objects, i);
            if (is_known(engine, warning))
                continue;
            engine->warnings =
                mem_resize(engine->warnings, engine->n_warnings + 1ul, sizeof *engine->warnings);
            err_set(&engine->warnings[engine->n_warnings++], "%s", warning);
        }
    }
}

void engine_dispatch(struct engine *engine)
{
    bool was_alive = !engine->host_ended;
    eventfd_t count;

    eventfd_read(engine->schedviz_bell, &count);
    reap(engine);
    for (unsigned i = 0; i < engine_n_slots(engine); i++) {
        if (!occupied(&engine->seats[i]))
            adopt(engine, i);
        if (occupied(&engine->seats[i]))
            follow(engine, i);
    }
    if (was_alive && engine->host_ended)
        bury_host(engine);
    ask_held(engine);
    collect_warnings(engine);
}

/* ---- asking ---- */

static bool check_order(const struct engine *engine, unsigned slot, const struct engine_order *order,
                        struct err *err)
{
    const struct program *program = engine->shared->program;

    if (slot >= WORKLOAD_MAX_TASKS)
        return err_set(err, "at most %d tasks can run", WORKLOAD_MAX_TASKS);
    if (program && order->part.template >= program->n_templates)
        return err_set(err, "%s has no task %u", program->name, order->part.template);
    if (cpuset_count(&order->cpus) == 0)
        return err_set(err, "a task needs at least one CPU");
    return engine_alive(engine, err);
}

/* Units of calibrated work that the order asks for. */
static uint64_t n_units(const struct engine *engine, const struct engine_order *order)
{
    if (order->work_ns == 0)
        return UINT64_MAX;
    if (order->done_ns >= order->work_ns)
        return 0;
    return shared_units_of(order->work_ns - order->done_ns, engine->shared->unit_ps);
}

bool engine_spawn(struct engine *engine, unsigned slot, const struct engine_order *order, struct err *err)
{
    char name[EVENT_NAME_SIZE];

    if (!check_order(engine, slot, order, err))
        return false;
    if (!shared_claim(engine->shared, slot, 0))
        return err_set(err, "task %s is still there", shared_task_name(engine->shared, slot, name));
    struct order asked = {.kind = order->kind,
                          .run = order->run,
                          .part = order->part,
                          .several = order->several,
                          .has_settings = order->settings != NULL,
                          .total_ns = order->work_ns,
                          .done_ns = order->done_ns,
                          .n_units = n_units(engine, order),
                          .cpus = order->cpus};
    if (order->settings)
        asked.settings = *order->settings;
    shared_prepare(engine->shared, slot, &asked);
    struct seat *seat = &engine->seats[slot];
    *seat =
        (struct seat){.state = ENGINE_STARTING, .kind = order->kind, .run = order->run, .cpus = order->cpus};
    seat->held = !ask(engine, slot);
    engine->holding = engine->holding || seat->held;
    return true;
}

/* Dispatches until no seat has the state any more, or the deadline has passed: then its number, else -1. */
static int wait_for(struct engine *engine, enum engine_state state, int timeout_ms)
{
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * NS_PER_MS;

    for (;;) {
        unsigned i = 0;
        engine_dispatch(engine);
        while (i < engine_n_slots(engine) && engine->seats[i].state != state)
            i++;
        if (i == engine_n_slots(engine))
            return -1;
        if (!wait_fd(engine->epoll_fd, deadline_ns))
            return (int)i;
    }
}

bool engine_wait_gated(struct engine *engine, int timeout_ms, struct err *err)
{
    char name[EVENT_NAME_SIZE];
    int late = wait_for(engine, ENGINE_STARTING, timeout_ms);
    bool failed = engine->failed;

    engine->failed = false;
    if (failed)
        return err_set(err, "%s", engine->error.msg);
    if (!engine_alive(engine, err))
        return false;
    if (late >= 0)
        return err_set(err, "task %s did not start within %d ms: is the machine overloaded?",
                       shared_task_name(engine->shared, (unsigned)late, name), timeout_ms);
    return true;
}

void engine_release(struct engine *engine)
{
    engine_dispatch(engine);
    gate_open(engine->shared);
    for (unsigned i = 0; i < engine_n_slots(engine); i++) {
        if (engine->seats[i].state == ENGINE_GATED)
            engine->seats[i].state = ENGINE_RUNNING;
    }
}

bool engine_place(struct engine *engine, unsigned slot, const struct cpuset *cpus, struct err *err)
{
    if (slot >= engine_n_slots(engine) || !occupied(&engine->seats[slot]))
        return true;
    engine->seats[slot].cpus = *cpus;
    engine->seats[slot].move = true;
    engine->shared->slots[slot].order.cpus = *cpus;
    return !movable(engine, slot) || move_now(engine, slot, err);
}

static void ask_to_stop(struct engine *engine, unsigned slot)
{
    engine->seats[slot].state = ENGINE_STOPPING;
    atomic_store(&engine->shared->slots[slot].stop, true);
}

void engine_stop(struct engine *engine, unsigned slot)
{
    if (slot >= engine_n_slots(engine) || !occupied(&engine->seats[slot]))
        return;
    struct seat *seat = &engine->seats[slot];
    if (seat->held) {
        *seat = (struct seat){.state = ENGINE_EMPTY, .kind = seat->kind, .run = seat->run};
        atomic_store(&engine->shared->slots[slot].stage, STAGE_EMPTY);
        return;
    }
    ask_to_stop(engine, slot);
    gate_ring(engine->shared);
    ring_host(engine);
}

bool engine_wait_stopped(struct engine *engine, int timeout_ms)
{
    return wait_for(engine, ENGINE_STOPPING, timeout_ms) < 0;
}

static void signal_group(const struct engine *engine, int sig)
{
    pid_t group = atomic_load(&engine->group);

    if (group > 0)
        kill(-group, sig);
}

void engine_suspend(struct engine *engine)
{
    signal_group(engine, SIGSTOP);
}

void engine_resume(struct engine *engine)
{
    signal_group(engine, SIGCONT);
}

void engine_kill(const struct engine *engine)
{
    signal_group(engine, SIGKILL);
}

/* ---- questions ---- */

int engine_host_pid(const struct engine *engine)
{
    return engine->host_pid;
}

bool engine_alive(const struct engine *engine, struct err *err)
{
    int status = engine->host_status;

    if (!engine->host_ended)
        return true;
    if (WIFSIGNALED(status))
        return err_set(err, "the host process %d was killed by signal %d (%s): its tasks are gone",
                       engine->host_pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
    return err_set(err, "the host process %d ended with status %d: its tasks are gone", engine->host_pid,
                   WEXITSTATUS(status));
}

int engine_crew_pid(const struct engine *engine)
{
    return atomic_load(&engine->shared->crew_pid);
}

int engine_carrier_tid(const struct engine *engine, unsigned i)
{
    return i < OBJECTS_SETS ? atomic_load(&engine->shared->carriers[i].tid) : 0;
}

int engine_fd(const struct engine *engine)
{
    return engine->epoll_fd;
}

unsigned engine_n_slots(const struct engine *engine)
{
    return atomic_load(&engine->shared->n_slots);
}

struct engine_task engine_task(const struct engine *engine, unsigned slot)
{
    if (slot >= engine_n_slots(engine))
        return (struct engine_task){.state = ENGINE_EMPTY, .slot = (int)slot};

    const struct slot *shared = &engine->shared->slots[slot];
    const struct seat *seat = &engine->seats[slot];
    struct engine_task task = {
        .state = seat->state,
        .kind = seat->kind,
        .slot = (int)slot,
        .tid = atomic_load(&shared->tid),
        .pid = atomic_load(&shared->pid),
        .run = seat->run,
        .part = shared->order.part,
        .forked = shared->order.forked,
        .status = seat->status,
        .loops = atomic_load(&shared->loops),
        .work_done_ns =
            shared_work_done_ns(&shared->order, atomic_load(&shared->units), engine->shared->unit_ps),
        .work_total_ns = shared->order.total_ns,
        .started_ns = atomic_load(&shared->started_ns),
        .ended_ns = atomic_load(&shared->ended_ns),
    };
    if (!task.ended_ns)
        task.ended_ns = seat->gone_ns;
    return task;
}

const char *engine_error(const struct engine *engine)
{
    return engine->error.msg;
}

unsigned engine_n_warnings(const struct engine *engine)
{
    return engine->n_warnings;
}

const char *engine_warning(const struct engine *engine, unsigned i)
{
    return engine->warnings[i].msg;
}

static const struct objects *objects_of_run(const struct engine *engine, uint16_t run)
{
    int set = sets_find(&engine->sets, run);

    return set == SETS_NONE ? NULL : objects_of(engine, (unsigned)set);
}

bool engine_object(const struct engine *engine, uint16_t run, uint32_t object, struct object_state *state)
{
    const struct objects *objects = objects_of_run(engine, run);

    if (objects)
        objects_read(objects, object, state);
    return objects != NULL;
}

double engine_created_us(const struct engine *engine, uint16_t run, enum task_kind kind)
{
    const struct objects *objects = objects_of_run(engine, run);

    return objects ? objects_created_us(objects, kind) : (double)NAN;
}

struct source *engine_source(struct engine *engine)
{
    return &engine->feed.source;
}

/* ---- the end ---- */

static void quit_host(struct engine *engine)
{
    engine_resume(engine);
    for (unsigned i = 0; i < engine_n_slots(engine); i++)
        ask_to_stop(engine, i);
    atomic_store(&engine->shared->quit, true);
    gate_ring(engine->shared);
    ring_host(engine);
    reap_until(engine, clock_now_ns() + QUIT_MS * NS_PER_MS);
    engine_kill(engine);
    reap_until(engine, clock_now_ns() + KILLED_MS * NS_PER_MS);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (atomic_load(&engine->group))
        quit_host(engine);
    close_fd(engine->host_bell);
    close_fd(engine->schedviz_bell);
    close_fd(engine->crew_bell);
    close_fd(engine->host_line);
    close_fd(engine->epoll_fd);
    feed_fini(&engine->feed);
    sets_fini(&engine->sets);
    free(engine->warnings);
    if (engine->shared)
        munmap(engine->shared, sizeof *engine->shared);
    free(engine);
}
