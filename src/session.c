/* Joins engine, sources and timeline. What is wanted of each slot is kept here; every turn brings the engine
 * one step nearer to it, so that a change never waits for tasks that are themselves waiting for a CPU. */
#include "session.h"

#include "clock.h"
#include "observe/merge.h"
#include "observe/perf.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMPARE_DEFAULT_WORK_NS (500 * NS_PER_MS)
#define SETTLE_NS               NS_PER_MS /* a record may still be on its way into its ring this long */
#define MACHINE_EVERY_NS        (500 * NS_PER_MS)
#define OBSERVER_SLICE_NS       (100 * NS_PER_US)
#define MESSAGES                64

/* ---- our own notes, as a source: who we are, what the user changed, and (without perf) when we slept ----
 */

struct notes {
    struct source source;
    struct event *events;
    size_t n, capacity;
};

static unsigned notes_n_streams(const struct source *source)
{
    (void)source;
    return 1;
}

static size_t notes_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    (void)stream;
    struct notes *notes = (struct notes *)source;
    size_t n = notes->n < max ? notes->n : max;
    memcpy(events, notes->events, n * sizeof *events);
    notes->n -= n;
    memmove(notes->events, notes->events + n, notes->n * sizeof *events);
    return n;
}

static uint64_t notes_lost(const struct source *source)
{
    (void)source;
    return 0;
}

static void notes_close(struct source *source)
{
    (void)source; /* part of the session */
}

static const struct source_ops notes_ops = {.name = "session",
                                            .n_streams = notes_n_streams,
                                            .read = notes_read,
                                            .lost = notes_lost,
                                            .close = notes_close};

static void notes_add(struct notes *notes, struct event event)
{
    if (notes->n == notes->capacity) {
        notes->capacity = notes->capacity ? notes->capacity * 2 : MESSAGES;
        notes->events = mem_resize(notes->events, notes->capacity, sizeof *notes->events);
    }
    notes->events[notes->n++] = event;
}

/* ---- the session ---- */

/* What is wanted of a slot. It is wanted while its run is the latest that claims it. */
struct slot {
    uint16_t run; /* 0: nothing is wanted here */
    enum task_kind kind;
    bool told;        /* its death was told */
    int watched_tid;  /* known to proc */
    uint64_t done_ns; /* work to go on from */
};

struct run_state {
    struct run run;
    unsigned first_slot, n_slots;
    bool active; /* its slots are wanted */
    bool released;
};

struct session {
    struct session_config config;
    struct machine *machine;
    struct engine *engine;
    struct source *perf, *proc;
    struct merge *merge;
    struct timeline *timeline;
    struct notes notes;
    const char *source_name;
    char reason[320];
    struct slot slots[WORKLOAD_MAX_TASKS];
    struct run_state *runs;
    unsigned n_runs;
    unsigned current;         /* index into runs */
    uint16_t reference;       /* run number, 0: none */
    bool reference_is_frozen; /* the run went on otherwise since: frozen is what was kept */
    struct run frozen;
    enum comparison comparison;
    struct cpuset compare_cpus; /* the k chosen ones */
    uint64_t compare_saved_work_ns;
    int observer_cpu;
    uint64_t machine_next_ns;
    struct rusage observer_usage;  /* as of the last sleep */
    struct event observer_base[2]; /* what the kernel had counted of us when capture began */
    bool host_told;
    uint32_t n_named; /* tasks of the timeline whose names were looked up, where all are watched */
    char message[160];
    uint64_t message_ns;
};

static void say(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct session *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->message, sizeof s->message, format, args);
    va_end(args);
    s->message_ns = clock_now_ns();
}

static void add_mark(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_mark(struct session *s, const char *format, ...)
{
    struct event event = {.time_ns = clock_now_ns(), .cpu = -1, .kind = EVENT_MARK};
    va_list args;
    va_start(args, format);
    vsnprintf(event.u.name, sizeof event.u.name, format, args);
    va_end(args);
    notes_add(&s->notes, event);
}

/* A change to a run that is kept as the reference leaves what was kept alone. */
static void freeze_reference(struct session *s, const struct run_state *rs)
{
    if (s->reference != rs->run.number || s->reference_is_frozen || rs->run.end_ns)
        return;
    s->frozen = rs->run;
    s->frozen.end_ns = clock_now_ns();
    s->reference_is_frozen = true;
}

static struct run_state *current(const struct session *s)
{
    return &s->runs[s->current];
}

/* ---- the observer itself ---- */

/* struct sched_attr of include/uapi/linux/sched/types.h, its first published size. glibc 2.36 has no wrapper.
 */
struct sched_attr_v0 {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* A short slice gets us woken promptly on a busy core (EEVDF, Linux >= 6.12); 0 is the kernel's default. What
 * it refuses is no loss: an older kernel ignores runtime for SCHED_OTHER. */
static void ask_for_slice(uint64_t slice_ns)
{
    struct sched_attr_v0 attr = {.size = sizeof attr};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0 || attr.policy != SCHED_OTHER)
        return;
    attr.size = sizeof attr;
    attr.flags = 0;
    attr.runtime = slice_ns;
    syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* We draw from a CPU that no task uses, where there is one. */
static void place_observer(struct session *s)
{
    struct cpuset used = {0}, spare = s->machine->allowed;
    for (unsigned i = 0; i < s->n_runs; i++) {
        const struct run_state *rs = &s->runs[i];
        for (int cpu = cpuset_next(&rs->run.cpus, -1); rs->active && cpu >= 0;
             cpu = cpuset_next(&rs->run.cpus, cpu))
            cpuset_add(&used, cpu);
    }
    for (int cpu = cpuset_next(&used, -1); cpu >= 0; cpu = cpuset_next(&used, cpu))
        cpuset_remove(&spare, cpu);
    s->observer_cpu = cpuset_count(&spare) == 1 ? cpuset_next(&spare, -1) : -1;
    if (cpuset_count(&spare) == 0)
        spare = s->machine->allowed;
    cpuset_set_affinity(0, &spare);
}

/* Before capture begins: the kernel's counts of us so far. */
static void note_observer_base(struct session *s)
{
    struct event *switches = &s->observer_base[0], *run = &s->observer_base[1];
    *switches = (struct event){.tid = getpid(), .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_BASE};
    *run = (struct event){.tid = getpid(), .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_BASE_RUN};
    getrusage(RUSAGE_THREAD, &s->observer_usage);
    switches->u.switches.voluntary = (uint64_t)s->observer_usage.ru_nvcsw;
    switches->u.switches.involuntary = (uint64_t)s->observer_usage.ru_nivcsw;
    /* The counter behind schedstat's first number, but brought up to date: schedstat itself may be a tick
     * behind for a task that runs (kernel/sched/core.c, task_sched_runtime). */
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    run->u.run.run_ns = (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec;
}

static void introduce_observer(struct session *s)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = getpid(), .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = getpid();
    event.u.task.slot = -1;
    event.u.task.kind = TASK_PROCESS;
    event.u.task.role = ROLE_OBSERVER;
    notes_add(&s->notes, event);
    event.kind = EVENT_NAME;
    memset(&event.u, 0, sizeof event.u);
    memcpy(event.u.name, "schedviz", sizeof "schedviz");
    notes_add(&s->notes, event);
    proc_watch(s->proc, getpid(), getpid());
    for (int i = 0; i < 2; i++) {
        s->observer_base[i].time_ns = clock_now_ns();
        notes_add(&s->notes, s->observer_base[i]);
    }
    if (s->source_name[0] == 'e')
        notes_add(&s->notes, (struct event){.time_ns = clock_now_ns(),
                                            .tid = getpid(),
                                            .cpu = (int16_t)sched_getcpu(),
                                            .kind = EVENT_SWITCH_IN});
}

int session_sleep(struct session *s, struct pollfd *fds, unsigned n, int timeout_ms)
{
    int cpu = sched_getcpu();
    uint64_t from_ns = clock_now_ns();
    int got = poll(fds, n, timeout_ms);
    int saved = errno;
    if (s->source_name[0] == 'e') {
        /* Without perf we know of ourselves what we did: poll(2) gave the CPU away if our voluntary count
         * rose. */
        struct rusage usage;
        getrusage(RUSAGE_THREAD, &usage);
        if (usage.ru_nvcsw > s->observer_usage.ru_nvcsw) {
            struct event event = {.time_ns = from_ns,
                                  .tid = getpid(),
                                  .cpu = (int16_t)cpu,
                                  .kind = EVENT_SWITCH_OUT,
                                  .detail = OUT_BLOCKED};
            notes_add(&s->notes, event);
            event.time_ns = clock_now_ns();
            event.cpu = (int16_t)sched_getcpu();
            event.kind = EVENT_SWITCH_IN;
            event.detail = 0;
            notes_add(&s->notes, event);
        }
        s->observer_usage = usage;
    }
    errno = saved;
    return got;
}

/* ---- wanted and real ---- */

static void slot_cpus(const struct run_state *rs, unsigned slot, struct cpuset *cpus)
{
    if (rs->run.placement == PLACEMENT_FREE) {
        *cpus = rs->run.cpus;
        return;
    }
    memset(cpus, 0, sizeof *cpus);
    cpuset_add(cpus, cpuset_nth(&rs->run.cpus, (slot - rs->first_slot) % cpuset_count(&rs->run.cpus)));
}

static struct run_state *run_of_slot(struct session *s, unsigned slot)
{
    uint16_t number = s->slots[slot].run;
    return number ? &s->runs[number - 1] : NULL;
}

static void place_run(struct session *s, const struct run_state *rs)
{
    struct err err;
    for (unsigned slot = rs->first_slot; slot < rs->first_slot + rs->n_slots; slot++) {
        struct cpuset cpus;
        slot_cpus(rs, slot, &cpus);
        if (!engine_place(s->engine, slot, &cpus, &err))
            say(s, "%s", err.msg);
    }
}

static void watch_slot(struct session *s, struct slot *slot, const struct engine_task *task)
{
    bool lives = task->state == ENGINE_GATED || task->state == ENGINE_RUNNING;
    if (lives && slot->watched_tid != task->tid) {
        if (slot->watched_tid)
            proc_unwatch(s->proc, slot->watched_tid);
        proc_watch(s->proc, task->pid, task->tid);
        slot->watched_tid = task->tid;
    } else if (!lives && slot->watched_tid && task->state != ENGINE_STOPPING) {
        proc_unwatch(s->proc, slot->watched_tid);
        slot->watched_tid = 0;
    }
}

static void spawn_slot(struct session *s, unsigned i)
{
    struct slot *slot = &s->slots[i];
    const struct run_state *rs = run_of_slot(s, i);
    struct cpuset cpus;
    struct err err;
    slot_cpus(rs, i, &cpus);
    if (!engine_spawn(s->engine, i, slot->kind, slot->run, &cpus, rs->run.work_ns, slot->done_ns, &err)) {
        say(s, "%s", err.msg);
        slot->run = 0;
    }
    slot->told = false;
}

static void tell_death(struct session *s, struct slot *slot, const struct engine_task *task)
{
    if (slot->told)
        return;
    slot->told = true;
    char name[EVENT_NAME_SIZE];
    workload_task_name((unsigned)task->slot, name);
    if (!engine_alive(s->engine, NULL))
        return; /* told once, for all */
    if (task->tid == 0)
        say(s, "task %s could not be started: %s", name, engine_error(s->engine));
    else if ((task->status & 0x7f) != 0)
        say(s, "task %s (%d) was ended by signal %d", name, task->tid, task->status & 0x7f);
    else
        say(s, "task %s (%d) ended with status %d", name, task->tid, task->status >> 8 & 0xff);
}

/* One step of one slot towards what is wanted of it. Returns true when it is where it should be, or past it.
 */
static bool step_slot(struct session *s, unsigned i)
{
    struct slot *slot = &s->slots[i];
    struct engine_task task = engine_task(s->engine, i);
    watch_slot(s, slot, &task);
    bool right = slot->run && task.run == slot->run && task.kind == slot->kind;
    switch (task.state) {
    case ENGINE_EMPTY:
        if (!slot->run)
            return true;
        if (task.run == slot->run)
            slot->done_ns = task.work_done_ns; /* it was ended only to go on as another kind */
        spawn_slot(s, i);
        return false;
    case ENGINE_STARTING:
        return false;
    case ENGINE_GATED:
    case ENGINE_RUNNING:
        if (!right)
            engine_stop(s->engine, i);
        return right;
    case ENGINE_STOPPING:
        return false;
    case ENGINE_DONE:
        if (slot->run && task.run != slot->run) {
            spawn_slot(s, i);
            return false;
        }
        return true;
    case ENGINE_DIED:
        if (slot->run && task.run != slot->run) {
            spawn_slot(s, i);
            return false;
        }
        if (slot->run)
            tell_death(s, slot, &task);
        return true;
    }
    return true;
}

/* A run whose tasks have all ended by themselves is complete. */
static void finish_run(struct session *s, struct run_state *rs)
{
    uint64_t end_ns = 0;
    bool complete = true;
    for (unsigned i = rs->first_slot; i < rs->first_slot + rs->n_slots; i++) {
        struct engine_task task = engine_task(s->engine, i);
        bool ended = task.state == ENGINE_DONE || task.state == ENGINE_DIED;
        if (task.run != rs->run.number || !ended)
            return;
        complete = complete && task.state == ENGINE_DONE;
        if (task.ended_ns > end_ns)
            end_ns = task.ended_ns;
    }
    rs->run.end_ns = end_ns ? end_ns : clock_now_ns();
    rs->run.complete = complete && rs->n_slots > 0;
    rs->active = false;
}

static void refer_to(struct session *s, uint16_t run)
{
    s->reference = run;
    s->reference_is_frozen = false;
}

static bool begin_run(struct session *s, unsigned first_slot, const struct run *like, struct err *err);

/* After the first of two runs in turn comes the second; after the last the workload is as it was. */
static void step_comparison(struct session *s)
{
    struct err err;
    if (s->comparison == COMPARE_FIRST && current(s)->run.end_ns) {
        struct run like = current(s)->run;
        refer_to(s, like.number);
        like.cpus = s->compare_cpus;
        s->comparison = COMPARE_SECOND;
        if (!begin_run(s, 0, &like, &err)) {
            say(s, "%s", err.msg);
            s->comparison = COMPARE_NONE;
        }
        return;
    }
    bool in_turn = s->comparison == COMPARE_SECOND && current(s)->run.end_ns;
    bool together =
        s->comparison == COMPARE_TOGETHER && current(s)->run.end_ns && s->runs[s->reference - 1].run.end_ns;
    if (in_turn || together) {
        s->comparison = in_turn ? COMPARE_FINISHED_IN_TURN : COMPARE_FINISHED_TOGETHER;
        s->config.workload.work_ns = s->compare_saved_work_ns;
    }
}

static void check_host(struct session *s)
{
    struct err err;
    if (s->host_told || engine_alive(s->engine, &err))
        return;
    s->host_told = true;
    say(s, "%.130s; r starts it anew", err.msg);
    add_mark(s, "host died");
}

static void reconcile(struct session *s)
{
    unsigned n = engine_n_slots(s->engine);
    for (unsigned i = 0; i < s->n_runs; i++) {
        struct run_state *rs = &s->runs[i];
        if (rs->active && rs->first_slot + rs->n_slots > n)
            n = rs->first_slot + rs->n_slots;
    }
    bool settled = true, gated = false;
    for (unsigned i = 0; i < n; i++) {
        settled = step_slot(s, i) && settled;
        gated = gated || engine_task(s->engine, i).state == ENGINE_GATED;
    }
    if (settled && gated) {
        uint64_t now = clock_now_ns();
        for (unsigned i = 0; i < s->n_runs; i++) {
            if (s->runs[i].active && !s->runs[i].released) {
                s->runs[i].released = true;
                s->runs[i].run.start_ns = now;
            }
        }
        engine_release(s->engine);
    }
    for (unsigned i = 0; i < s->n_runs; i++) {
        if (s->runs[i].active)
            finish_run(s, &s->runs[i]);
    }
    step_comparison(s);
    check_host(s);
}

/* ---- other people's tasks ---- */

static void tell_name(struct session *s, int tid)
{
    char path[64];
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    snprintf(path, sizeof path, "/proc/%d/comm", tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return; /* it was quick: its number is its name */
    if (fgets(event.u.name, sizeof event.u.name, file)) {
        event.u.name[strcspn(event.u.name, "\n")] = '\0';
        notes_add(&s->notes, event);
    }
    fclose(file);
}

/* Tasks that were there before us never told their names: proc(5) does, once for each. */
static void name_others(struct session *s)
{
    for (; s->n_named < timeline_n_tasks(s->timeline); s->n_named++) {
        struct task task;
        timeline_task(s->timeline, s->n_named, &task);
        if (task.role == ROLE_OTHER && !task.name[0])
            tell_name(s, task.tid);
    }
}

/* ---- the machine changes under us ---- */

static void check_machine(struct session *s, uint64_t now)
{
    if (now < s->machine_next_ns)
        return;
    s->machine_next_ns = now + MACHINE_EVERY_NS;
    struct cpuset before = s->machine->allowed;
    if (!machine_refresh(s->machine))
        return;
    for (int cpu = 0; cpu < CPUSET_MAX; cpu++) {
        bool had = cpuset_has(&before, cpu), has = cpuset_has(&s->machine->allowed, cpu);
        if (had == has)
            continue;
        const char *what = has                                    ? "came back"
                           : cpuset_has(&s->machine->online, cpu) ? "was taken away"
                                                                  : "went offline";
        say(s, "cpu %d %s", cpu, what);
        add_mark(s, "cpu %d %s", cpu, has ? "back" : "gone");
        if (has && s->perf)
            perf_add_cpu(s->perf, cpu, NULL);
    }
    for (unsigned i = 0; i < s->n_runs; i++) {
        struct run_state *rs = &s->runs[i];
        if (!rs->active || cpuset_subset(&rs->run.cpus, &s->machine->allowed))
            continue;
        struct cpuset left = {0};
        for (int cpu = cpuset_next(&rs->run.cpus, -1); cpu >= 0; cpu = cpuset_next(&rs->run.cpus, cpu)) {
            if (cpuset_has(&s->machine->allowed, cpu))
                cpuset_add(&left, cpu);
        }
        if (cpuset_count(&left) == 0)
            cpuset_add(&left, cpuset_next(&s->machine->allowed, -1));
        rs->run.cpus = left;
        rs->run.changed = true;
        place_run(s, rs);
    }
    s->config.cpus = current(s)->run.cpus;
    place_observer(s);
}

/* ---- start and end ---- */

static bool open_perf(struct session *s, struct err *err)
{
    struct perf_config config = {.pid = 0, .cpus = s->machine->allowed};
    if (s->config.all)
        config = (struct perf_config){.pid = -1, .cpus = s->machine->online};
    s->perf = perf_open(&config, err);
    return s->perf != NULL;
}

static bool open_sources(struct session *s, struct err *err)
{
    struct err why = {0};
    enum source_choice choice = s->config.source;
    s->source_name = "engine";
    if (choice == SOURCE_AUTO || choice == SOURCE_PERF) {
        if (open_perf(s, &why))
            s->source_name = "perf";
        else if (choice == SOURCE_PERF || s->config.all)
            return err_set(err, "%s", why.msg);
        else
            snprintf(s->reason, sizeof s->reason, "%s", why.msg);
    } else {
        s->source_name = choice == SOURCE_PROC ? "proc" : "engine";
        snprintf(s->reason, sizeof s->reason, "asked for with --source=%s", s->source_name);
    }
    bool sampling = choice == SOURCE_PROC;
    struct proc_config config = {.counters_every_ns = (sampling ? 100 : 500) * NS_PER_MS,
                                 .states_every_ns = (sampling ? 50 : 500) * NS_PER_MS};
    s->proc = proc_open(&config);
    return true;
}

struct session *session_start(const struct session_config *config, struct machine *machine, struct err *err)
{
    struct session *s = mem_new(1, sizeof *s);
    s->config = *config;
    s->machine = machine;
    s->notes.source.ops = &notes_ops;
    s->observer_cpu = -1;
    note_observer_base(s);
    if (!open_sources(s, err))
        goto fail;

    struct engine_config engine_config = {.self_timed = s->source_name[0] == 'e'};
    s->engine = engine_start(&engine_config, err);
    if (!s->engine)
        goto fail;
    ask_for_slice(OBSERVER_SLICE_NS);

    s->timeline = timeline_new(config->memory_bytes);
    if (s->source_name[0] == 'e')
        timeline_set_self_told(s->timeline);
    if (config->all)
        timeline_set_default_role(s->timeline, ROLE_OTHER);
    s->merge = merge_new();
    merge_add(s->merge, &s->notes.source);
    if (s->perf)
        merge_add(s->merge, s->perf);
    merge_add(s->merge, engine_source(s->engine));
    merge_add(s->merge, s->proc);
    introduce_observer(s);
    proc_watch(s->proc, engine_host_pid(s->engine), engine_host_pid(s->engine));

    struct run like = {.cpus = config->cpus,
                       .kind = config->workload.kind,
                       .placement = config->workload.placement,
                       .n_tasks = config->workload.n_tasks,
                       .work_ns = config->workload.work_ns};
    if (!begin_run(s, 0, &like, err))
        goto fail;
    return s;
fail:
    session_free(s);
    return NULL;
}

bool session_wait_started(struct session *s, struct err *err)
{
    bool started = engine_wait_gated(s->engine, 60000, err);
    session_turn(s);
    return started;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    ask_for_slice(0);
    if (s->engine) {
        merge_free(s->merge);
        engine_free(s->engine);
    }
    if (s->perf)
        s->perf->ops->close(s->perf);
    if (s->proc)
        s->proc->ops->close(s->proc);
    timeline_free(s->timeline);
    cpuset_set_affinity(0, &s->machine->allowed);
    free(s->notes.events);
    free(s->runs);
    free(s);
}

void session_kill(const struct session *s)
{
    if (s->engine)
        engine_kill(s->engine);
}

/* ---- the turn ---- */

unsigned session_poll_fds(const struct session *s, struct pollfd *fds, unsigned max)
{
    unsigned n = 0;
    if (n < max)
        fds[n++] = (struct pollfd){.fd = engine_fd(s->engine), .events = POLLIN};
    if (s->perf)
        n += s->perf->ops->poll_fds(s->perf, fds + n, max - n);
    return n;
}

void session_turn(struct session *s)
{
    engine_dispatch(s->engine);
    uint64_t now = clock_now_ns();
    reconcile(s);
    check_machine(s, now);
    struct source *engine = engine_source(s->engine), *sources[] = {engine, s->proc, s->perf};
    uint64_t until = engine->ops->complete_ns(engine, now - SETTLE_NS);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (sources[i] && sources[i]->ops->tick)
            sources[i]->ops->tick(sources[i], now);
    }
    merge_run(s->merge, until, timeline_sink(s->timeline));
    timeline_advance(s->timeline, until);
    if (s->config.all)
        name_others(s);
}

/* ---- changes ---- */

static void claim_slots(struct session *s, struct run_state *rs)
{
    for (unsigned i = rs->first_slot; i < rs->first_slot + rs->n_slots; i++) {
        struct slot *slot = &s->slots[i];
        *slot = (struct slot){.run = rs->run.number, .kind = rs->run.kind, .watched_tid = slot->watched_tid};
    }
}

/* Slots of a run that is over, or cut short, are wanted no more. */
static void end_run(struct session *s, struct run_state *rs)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (s->slots[i].run == rs->run.number)
            s->slots[i].run = 0;
    }
    if (rs->active) {
        rs->run.end_ns = clock_now_ns();
        rs->active = false;
    }
}

static void end_all_runs(struct session *s)
{
    for (unsigned i = 0; i < s->n_runs; i++)
        end_run(s, &s->runs[i]);
}

/* A new host in the place of one that was killed. perf covers it by inheritance as it did the first. */
static bool revive(struct session *s, struct err *err)
{
    struct engine_config config = {.self_timed = s->source_name[0] == 'e'};
    struct engine *engine = engine_start(&config, err);
    if (!engine)
        return false;
    merge_remove(s->merge, engine_source(s->engine));
    engine_free(s->engine);
    s->engine = engine;
    s->host_told = false;
    merge_add(s->merge, engine_source(engine));
    proc_watch(s->proc, engine_host_pid(engine), engine_host_pid(engine));
    return true;
}

/* Adds a run in slots from first_slot on and makes it the current one. */
static bool begin_run(struct session *s, unsigned first_slot, const struct run *like, struct err *err)
{
    if (first_slot + like->n_tasks > WORKLOAD_MAX_TASKS)
        return err_set(err, "%u tasks are too many at once: at most %d fit", first_slot + like->n_tasks,
                       WORKLOAD_MAX_TASKS);
    if (s->n_runs == UINT16_MAX)
        return err_set(err, "%u runs in one session are too many: start schedviz again", s->n_runs);
    if (first_slot == 0)
        end_all_runs(s);
    if (!engine_alive(s->engine, NULL) && !revive(s, err))
        return false;
    s->runs = mem_resize(s->runs, s->n_runs + 1ul, sizeof *s->runs);
    struct run_state *rs = &s->runs[s->n_runs];
    *rs =
        (struct run_state){.run = *like, .first_slot = first_slot, .n_slots = like->n_tasks, .active = true};
    rs->run.number = (uint16_t)++s->n_runs;
    rs->run.start_ns = rs->run.end_ns = 0;
    rs->run.complete = rs->run.changed = false;
    claim_slots(s, rs);
    s->current = s->n_runs - 1;
    s->config.cpus = like->cpus;
    place_observer(s);
    reconcile(s);
    return true;
}

static bool is_comparing(const struct session *s)
{
    return s->comparison == COMPARE_TOGETHER || s->comparison == COMPARE_FIRST ||
           s->comparison == COMPARE_SECOND;
}

/* Two runs are only to be compared when nothing else changes: the whole comparison is let run or given up. */
static bool may_change(const struct session *s, struct err *err)
{
    if (is_comparing(s))
        return err_set(err, "the comparison is running: wait for its end, or give it up with r");
    return engine_alive(s->engine, err);
}

static void give_up_comparison(struct session *s)
{
    if (is_comparing(s)) {
        s->config.workload.work_ns = s->compare_saved_work_ns;
        s->config.cpus = s->compare_cpus;
    }
    s->comparison = COMPARE_NONE;
}

bool session_restart(struct session *s, struct err *err)
{
    give_up_comparison(s);
    struct run like = {.cpus = s->config.cpus,
                       .kind = s->config.workload.kind,
                       .placement = s->config.workload.placement,
                       .n_tasks = s->config.workload.n_tasks,
                       .work_ns = s->config.workload.work_ns};
    if (!begin_run(s, 0, &like, err))
        return false;
    add_mark(s, "run %u", current(s)->run.number);
    return true;
}

bool session_set_cpus(struct session *s, const struct cpuset *cpus, struct err *err)
{
    char list[64];
    if (cpuset_count(cpus) == 0)
        return err_set(err, "at least one core stays on");
    if (!cpuset_subset(cpus, &s->machine->allowed))
        return err_set(err, "only cpus %s may be used here",
                       cpuset_format(&s->machine->allowed, list, sizeof list));
    if (!may_change(s, err))
        return false;
    struct run_state *rs = current(s);
    s->config.cpus = *cpus;
    add_mark(s, "cpus %s", cpuset_format(cpus, list, sizeof list)); /* before what it tells of begins */
    if (rs->active) {                                               /* one that is over stays what it was */
        freeze_reference(s, rs);
        rs->run.cpus = *cpus;
        rs->run.changed = true;
        place_run(s, rs);
        place_observer(s);
    }
    return true;
}

bool session_set_n_tasks(struct session *s, unsigned n, struct err *err)
{
    struct run_state *rs = current(s);
    if (n < 1)
        return err_set(err, "at least one task stays");
    if (rs->first_slot + n > WORKLOAD_MAX_TASKS)
        return err_set(err, "at most %d tasks", WORKLOAD_MAX_TASKS);
    if (!may_change(s, err))
        return false;
    s->config.workload.n_tasks = n;
    if (!rs->active && rs->run.end_ns)
        return session_restart(s, err);
    freeze_reference(s, rs);
    rs->run.n_tasks = n;
    unsigned before = rs->n_slots;
    rs->n_slots = n;
    rs->run.changed = true;
    for (unsigned i = rs->first_slot + n; i < rs->first_slot + before; i++)
        s->slots[i].run = 0;
    for (unsigned i = rs->first_slot + before; i < rs->first_slot + n; i++)
        s->slots[i] = (struct slot){
            .run = rs->run.number, .kind = rs->run.kind, .watched_tid = s->slots[i].watched_tid};
    add_mark(s, "%u task%s", n, n == 1 ? "" : "s");
    reconcile(s);
    return true;
}

bool session_set_kind(struct session *s, enum task_kind kind, struct err *err)
{
    struct run_state *rs = current(s);
    if (!may_change(s, err))
        return false;
    s->config.workload.kind = kind;
    if (!rs->active && rs->run.end_ns)
        return session_restart(s, err);
    freeze_reference(s, rs);
    rs->run.kind = kind;
    rs->run.changed = true;
    for (unsigned i = rs->first_slot; i < rs->first_slot + rs->n_slots; i++) {
        struct engine_task task = engine_task(s->engine, i);
        bool over = task.run == rs->run.number && (task.state == ENGINE_DONE || task.state == ENGINE_DIED);
        if (!over)
            s->slots[i].kind = kind;
    }
    add_mark(s, kind == TASK_THREAD ? "threads" : "processes");
    reconcile(s);
    return true;
}

bool session_set_placement(struct session *s, enum placement placement, struct err *err)
{
    if (!may_change(s, err))
        return false;
    struct run_state *rs = current(s);
    s->config.workload.placement = placement;
    add_mark(s, "%s", workload_placement_name(placement));
    if (rs->active) {
        freeze_reference(s, rs);
        rs->run.placement = placement;
        rs->run.changed = true;
        place_run(s, rs);
    }
    return true;
}

bool session_stop(struct session *s)
{
    end_all_runs(s);
    uint64_t deadline = clock_now_ns() + 2 * NS_PER_S;
    bool gone = false;
    while (!gone && clock_now_ns() < deadline) {
        session_turn(s);
        gone = engine_wait_stopped(s->engine, 20);
    }
    /* The last records are in the rings now; let them settle, and take them. */
    struct timespec settle = {.tv_nsec = 5 * (long)NS_PER_MS};
    proc_refresh(s->proc);
    session_turn(s);
    nanosleep(&settle, NULL);
    session_turn(s);
    return gone;
}

void session_suspend(struct session *s)
{
    engine_suspend(s->engine);
}

void session_resume(struct session *s)
{
    engine_resume(s->engine);
}

/* ---- comparison ---- */

unsigned session_n_runs(const struct session *s)
{
    return s->n_runs;
}

const struct run *session_run(const struct session *s, unsigned i)
{
    return &s->runs[i].run;
}

const struct run *session_current_run(const struct session *s)
{
    return &current(s)->run;
}

void session_keep(struct session *s, uint16_t run)
{
    refer_to(s, run <= s->n_runs ? run : 0);
}

const struct run *session_reference(const struct session *s)
{
    if (!s->reference)
        return NULL;
    return s->reference_is_frozen ? &s->frozen : &s->runs[s->reference - 1].run;
}

enum comparison session_comparison(const struct session *s)
{
    return s->comparison;
}

/* A CPU for the one-core run that is neither chosen nor ours, so that the two runs do not touch each other.
 */
static int spare_cpu(const struct session *s, const struct cpuset *chosen)
{
    for (int cpu = cpuset_next(&s->machine->allowed, -1); cpu >= 0;
         cpu = cpuset_next(&s->machine->allowed, cpu)) {
        if (!cpuset_has(chosen, cpu))
            return cpu;
    }
    return -1;
}

bool session_compare(struct session *s, struct err *err)
{
    struct workload *w = &s->config.workload;
    if (is_comparing(s))
        return err_set(err, "the comparison is still running");
    struct cpuset chosen = s->config.cpus, one = {0};
    if (cpuset_count(&chosen) < 2)
        chosen = s->machine->allowed;
    if (cpuset_count(&chosen) < 2)
        return err_set(err, "a comparison needs two cores, and only cpu %d may be used here",
                       cpuset_next(&chosen, -1));
    s->compare_saved_work_ns = w->work_ns;
    if (w->work_ns == 0)
        w->work_ns = COMPARE_DEFAULT_WORK_NS;
    s->compare_cpus = chosen;

    int spare = spare_cpu(s, &chosen);
    bool together = spare >= 0 && 2 * w->n_tasks <= WORKLOAD_MAX_TASKS;
    cpuset_add(&one, together ? spare : cpuset_next(&chosen, -1));
    struct run like = {.cpus = together ? chosen : one,
                       .kind = w->kind,
                       .placement = w->placement,
                       .n_tasks = w->n_tasks,
                       .work_ns = w->work_ns};
    if (!begin_run(s, 0, &like, err))
        goto fail;
    if (together) {
        unsigned main_run = s->current;
        like.cpus = one;
        if (!begin_run(s, w->n_tasks, &like, err))
            goto fail;
        refer_to(s, s->runs[s->current].run.number);
        s->current = main_run;
        s->config.cpus = chosen;
    }
    s->comparison = together ? COMPARE_TOGETHER : COMPARE_FIRST;
    add_mark(s, "compare");
    return true;
fail:
    w->work_ns = s->compare_saved_work_ns;
    return false;
}

/* ---- what it is now ---- */

void session_info(const struct session *s, struct session_info *info)
{
    memset(info, 0, sizeof *info);
    info->workload = s->config.workload;
    info->cpus = s->config.cpus;
    info->source = s->source_name;
    info->all = s->config.all;
    info->exact = s->source_name[0] != 'p' || s->perf != NULL;
    info->reason = s->reason[0] ? s->reason : NULL;
    const struct source *engine = engine_source(s->engine);
    info->n_lost = engine->ops->lost(engine) + (s->perf ? s->perf->ops->lost(s->perf) : 0);
    info->n_late = merge_n_late(s->merge);
    info->finished = current(s)->run.end_ns != 0;
    info->observer_cpu = s->observer_cpu;
    snprintf(info->message, sizeof info->message, "%s", s->message);
    info->message_ns = s->message_ns;
}

void session_forget_message(struct session *s)
{
    s->message[0] = '\0';
}

bool session_alive(const struct session *s, struct err *err)
{
    return engine_alive(s->engine, err);
}

struct timeline *session_timeline(const struct session *s)
{
    return s->timeline;
}

struct source *session_proc(const struct session *s)
{
    return s->proc;
}
