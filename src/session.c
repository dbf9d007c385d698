/* The conductor: starts engine, sources and timeline, turns them, and has the runs changed. */
#include "session.h"

#include "clock.h"
#include "observe/merge.h"
#include "session/facts.h"
#include "session/others.h"
#include "session/replay.h"
#include "session/state.h"
#include "timeline/waits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SETTLE_NS NS_PER_MS /* a record may still be on its way into its ring this long */

static void say(struct session *s, const char *format, va_list args)
{
    vsnprintf(s->message, sizeof s->message, format, args);
    s->message_ns = clock_now_ns();
}

void session_say(struct session *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(s, format, args);
    va_end(args);
}

void session_warn(struct session *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(s, format, args);
    va_end(args);
    if (s->n_warnings < SESSION_WARNINGS)
        memcpy(s->warnings[s->n_warnings++], s->message, sizeof s->message);
}

void session_place_observer(struct session *s)
{
    const struct cpuset used = runs_cpus(s);
    observer_place(&s->observer, &s->machine->allowed, &used);
}

/* ---- start and end ---- */

static void watch_process(struct session *s, int pid)
{
    proc_watch(s->sources.proc, pid, pid);
}

/* A crew that crashed has a successor, and each run with green tasks a carrier. */
static void watch_crew(struct session *s)
{
    const int pid = engine_crew_pid(s->engine);
    for (unsigned i = 0; i < 1 + OBJECTS_SETS; i++) {
        const int tid = i == 0 ? pid : engine_carrier_tid(s->engine, i - 1);
        if (tid == s->crew_tids[i])
            continue;
        if (s->crew_tids[i])
            proc_unwatch(s->sources.proc, s->crew_tids[i]);
        if (tid)
            proc_watch(s->sources.proc, pid, tid);
        s->crew_tids[i] = tid;
    }
}

static struct engine *start_engine(const struct session *s, struct err *err)
{
    struct engine_config config = {.self_timed = s->sources.self_timed,
                                   .program = s->config.workload.program};
    return engine_start(&config, err);
}

/* perf covers a new host by inheritance as it did the first. */
bool session_revive(struct session *s, struct err *err)
{
    struct engine *engine = start_engine(s, err);
    if (!engine)
        return false;
    merge_remove(s->merge, engine_source(s->engine));
    engine_free(s->engine);
    s->engine = engine;
    s->host_told = false;
    merge_add(s->merge, engine_source(engine));
    watch_process(s, engine_host_pid(engine));
    return true;
}

static bool is_foreign(const struct session *s)
{
    return s->config.argv || s->config.pid;
}

/* Whom perf shows by inheritance, and we do not claim, is the program's. */
enum task_role session_default_role(const struct session *s)
{
    return s->config.all ? ROLE_OTHER : is_foreign(s) ? ROLE_WORKLOAD : ROLE_UNKNOWN;
}

static bool make_timeline(struct session *s, struct err *err)
{
    s->timeline = timeline_new(s->config.memory_bytes);
    if (s->sources.self_timed)
        timeline_set_self_told(s->timeline);
    timeline_set_default_role(s->timeline, session_default_role(s));
    recording_init(s);
    return !s->config.record || recording_begin(s, s->config.record, s->config.record_force, err);
}

static void join_sources(struct session *s)
{
    s->merge = merge_new();
    merge_add(s->merge, &s->notes.source);
    if (s->sources.perf)
        merge_add(s->merge, s->sources.perf);
    if (s->engine)
        merge_add(s->merge, engine_source(s->engine));
    merge_add(s->merge, s->sources.proc);
}

/* A run of the workload as it is configured now. */
static struct run configured_run(const struct session *s)
{
    return (struct run){.cpus = s->config.cpus,
                        .kind = s->config.workload.kind,
                        .placement = s->config.workload.placement,
                        .n_tasks = s->config.workload.n_tasks,
                        .work_ns = s->config.workload.work_ns};
}

/* What a task gets from its maker (a slice, files) is not to be what we ask for ourselves: so we ask when the
 * first of them is there. */
static bool start_workload(struct session *s, struct err *err)
{
    if (!make_timeline(s, err) || !(s->engine = start_engine(s, err)))
        return false;
    observer_hurry();
    join_sources(s);
    observer_introduce(&s->observer, &s->notes, s->sources.self_timed);
    watch_process(s, getpid());
    watch_process(s, engine_host_pid(s->engine));
    const struct run first = configured_run(s);
    return runs_begin(s, 0, &first, err);
}

static bool start_foreign(struct session *s, const struct rlimit *files, struct err *err)
{
    if (!make_timeline(s, err))
        return false;
    join_sources(s);
    observer_introduce(&s->observer, &s->notes, false);
    watch_process(s, getpid());
    if (!foreign_start(s, files, err))
        return false;
    if (s->config.captured)
        observer_hurry();
    else
        observer_stand_back();
    return true;
}

struct session *session_start(const struct session_config *config, struct machine *machine, struct err *err)
{
    struct session *s = mem_new(1, sizeof *s);
    struct rlimit files;
    s->config = *config;
    s->machine = machine;
    notes_init(&s->notes);
    observer_init(&s->observer);
    hotplug_init(s);
    locks_init(&s->locks);
    getrlimit(RLIMIT_NOFILE, &files);
    if (!sources_open(&s->sources, config, machine, err))
        goto fail;
    s->config.all = s->sources.all;
    if (!(is_foreign(s) ? start_foreign(s, &files, err) : start_workload(s, err)))
        goto fail;
    return s;
fail:
    session_free(s);
    return NULL;
}

bool session_wait_started(struct session *s, struct err *err)
{
    bool started = !s->engine || engine_wait_gated(s->engine, 60000, err);
    session_turn(s);
    return started;
}

struct session *session_replay(const struct session_replay *what, struct machine *machine, struct err *err)
{
    struct session *s = mem_new(1, sizeof *s);
    s->config.memory_bytes = what->memory_bytes;
    s->machine = machine;
    notes_init(&s->notes);
    if (replay_start(s, what, err))
        return s;
    session_free(s);
    machine_fini(machine);
    return NULL;
}

bool session_is_replay(const struct session *s)
{
    return s->replay != NULL;
}

bool session_run_is_sampled(const struct session *s, const struct run *run)
{
    return !(s->replay ? replay_facts_of_run(s, run->number)->info.exact : s->sources.exact);
}

static void free_replay(struct session *s)
{
    recording_fini(s);
    replay_fini(s);
    timeline_free(s->timeline);
    notes_fini(&s->notes);
    free(s->runs.all);
    free(s);
}

void session_free(struct session *s)
{
    if (!s)
        return;
    if (s->replay) {
        free_replay(s);
        return;
    }
    recording_fini(s);
    observer_relax();
    if (s->merge)
        merge_free(s->merge);
    if (s->engine)
        engine_free(s->engine);
    foreign_fini(s);
    locks_fini(&s->locks);
    sources_close(&s->sources);
    timeline_free(s->timeline);
    cpuset_set_affinity(0, &s->machine->allowed);
    notes_fini(&s->notes);
    free(s->runs.all);
    free(s);
}

void session_kill(const struct session *s)
{
    if (s->engine)
        engine_kill(s->engine);
    else if (s->foreign.target)
        target_kill(s->foreign.target);
}

/* ---- the turn ---- */

unsigned session_poll_fds(const struct session *s, struct pollfd *fds, unsigned max)
{
    const struct source *perf = s->sources.perf;
    unsigned n = 0;
    if (s->engine && n < max)
        fds[n++] = (struct pollfd){.fd = engine_fd(s->engine), .events = POLLIN};
    if (s->foreign.target)
        n += target_poll_fds(s->foreign.target, fds + n, max - n);
    if (perf)
        n += perf->ops->poll_fds(perf, fds + n, max - n);
    return n;
}

int session_sleep(struct session *s, struct pollfd *fds, unsigned n, int timeout_ms)
{
    if (s->replay)
        return poll(fds, n, timeout_ms);
    return observer_sleep(&s->observer, &s->notes, fds, n, timeout_ms);
}

static void check_host(struct session *s)
{
    struct err err;
    if (s->host_told || engine_alive(s->engine, &err))
        return;
    s->host_told = true;
    session_say(s, "%.130s; r starts it anew", err.msg);
    notes_mark(&s->notes, "host died");
}

static void reconcile(struct session *s)
{
    runs_step(s);
    compare_step(s);
    check_host(s);
}

static void step_workload(struct session *s)
{
    engine_dispatch(s->engine);
    watch_crew(s);
    reconcile(s);
}

/* Once for each death: locks of processes are robust, so the run goes on (pthread_mutexattr_setrobust(3)). */
static void tell_deaths(struct session *s)
{
    const struct waits *waits = timeline_waits(s->timeline);
    uint64_t last_ns = s->death_ns;
    for (uint32_t i = 0; i < waits_n_objects(waits); i++) {
        struct wait_object object;
        if (!waits_object(waits, i, &object) || object.died == TIMELINE_NO_TASK ||
            object.died_ns <= s->death_ns)
            continue;
        session_warn(s, "%s died while it held %s: who wants it next gets it",
                     timeline_task_told(s->timeline, object.died)->name, object.name);
        last_ns = object.died_ns > last_ns ? object.died_ns : last_ns;
    }
    s->death_ns = last_ns;
}

void session_turn(struct session *s)
{
    uint64_t now = clock_now_ns();
    if (s->replay)
        return;
    if (s->engine)
        step_workload(s);
    else
        foreign_step(s, now);
    hotplug_check(s, now);
    struct source *engine = s->engine ? engine_source(s->engine) : NULL;
    struct source *sources[] = {engine, s->sources.proc, s->sources.perf};
    uint64_t until = now - SETTLE_NS;
    if (engine)
        until = engine->ops->complete_ns(engine, until);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (sources[i] && sources[i]->ops->tick)
            sources[i]->ops->tick(sources[i], now);
    }
    merge_run(s->merge, until, recording_sink(s));
    timeline_advance(s->timeline, until);
    recording_step(s, until);
    if (s->config.all)
        others_name(s);
    if (s->engine)
        tell_deaths(s);
    else
        locks_step(s, now);
}

/* ---- changes ---- */

/* Two runs are only to be compared when nothing else changes: the whole comparison is let run or given up. */
static bool may_change(const struct session *s, struct err *err)
{
    if (s->replay)
        return replay_refuse(err);
    if (!s->engine)
        return err_set(err, "a program that is watched makes its own tasks");
    if (compare_is_running(s))
        return err_set(err, "the comparison is running: wait for its end, or give it up with r");
    return engine_alive(s->engine, err);
}

static bool restart_foreign(struct session *s, struct err *err)
{
    if (s->replay)
        return replay_refuse(err);
    if (!foreign_restart(s, err))
        return false;
    notes_mark(&s->notes, "run %u", runs_current(s)->run.number);
    return true;
}

bool session_restart(struct session *s, struct err *err)
{
    if (!s->engine)
        return restart_foreign(s, err);
    compare_give_up(s);
    const struct run again = configured_run(s);
    if (!runs_begin(s, 0, &again, err))
        return false;
    notes_mark(&s->notes, "run %u", runs_current(s)->run.number);
    return true;
}

bool session_stage(struct session *s, const struct workload *workload, const struct cpuset *cpus,
                   struct err *err)
{
    const struct workload before = s->config.workload;
    const struct cpuset cpus_before = s->config.cpus;
    compare_give_up(s);
    s->config.workload = *workload;
    s->config.cpus = *cpus;
    if (session_restart(s, err))
        return true;
    s->config.workload = before;
    s->config.cpus = cpus_before;
    return false;
}

bool session_set_cpus(struct session *s, const struct cpuset *cpus, struct err *err)
{
    char list[64];
    if (s->replay)
        return replay_refuse(err);
    if (cpuset_count(cpus) == 0)
        return err_set(err, "at least one core stays on");
    if (!cpuset_subset(cpus, &s->machine->allowed))
        return err_set(err, "only cpus %s may be used here",
                       cpuset_format(&s->machine->allowed, list, sizeof list));
    if (s->engine && !may_change(s, err))
        return false;
    struct run_state *rs = runs_current(s);
    s->config.cpus = *cpus;
    /* The mark comes before what it tells of begins. */
    notes_mark(&s->notes, "cpus %s", cpuset_format(cpus, list, sizeof list));
    if (rs->active) { /* one that is over stays what it was */
        compare_freeze(s, rs);
        rs->run.cpus = *cpus;
        rs->run.changed = true;
        runs_place(s, rs);
        session_place_observer(s);
    }
    return true;
}

/* Of a program, only the tasks of the template that scales can be more or fewer. */
static bool may_resize(const struct session *s, unsigned n, struct err *err)
{
    struct workload cast = s->config.workload;
    if (n < 1)
        return err_set(err, "at least one task stays");
    if (!cast.program)
        return true;
    const uint32_t scaling = program_scaling_template(cast.program);
    if (cast.n_fixed == cast.n_tasks || scaling == PROGRAM_NONE)
        return err_set(err, "the number of tasks is fixed in %s", cast.name);
    if (n <= cast.n_fixed)
        return err_set(err, "at least one %s stays", cast.program->templates[scaling].name);
    return workload_cast(&cast, n - cast.n_fixed, err);
}

bool session_set_n_tasks(struct session *s, unsigned n, struct err *err)
{
    struct run_state *rs = runs_current(s);
    if (!may_change(s, err) || !may_resize(s, n, err))
        return false;
    if (rs->first_slot + n > WORKLOAD_MAX_TASKS)
        return err_set(err, "at most %d tasks", WORKLOAD_MAX_TASKS);
    s->config.workload.n_tasks = n;
    if (!rs->active && rs->run.end_ns)
        return session_restart(s, err);
    compare_freeze(s, rs);
    runs_resize(s, rs, n);
    notes_mark(&s->notes, "%u task%s", n, n == 1 ? "" : "s");
    reconcile(s);
    return true;
}

bool session_set_kind(struct session *s, enum task_kind kind, struct err *err)
{
    struct run_state *rs = runs_current(s);
    if (!may_change(s, err))
        return false;
    s->config.workload.kind = kind;
    if (!rs->active && rs->run.end_ns)
        return session_restart(s, err);
    compare_freeze(s, rs);
    runs_set_kind(s, rs, kind);
    notes_mark(&s->notes, kind == TASK_THREAD ? "threads" : "processes");
    reconcile(s);
    return true;
}

bool session_set_placement(struct session *s, enum placement placement, struct err *err)
{
    if (!may_change(s, err))
        return false;
    struct run_state *rs = runs_current(s);
    s->config.workload.placement = placement;
    notes_mark(&s->notes, "%s", workload_placement_name(placement));
    if (rs->active) {
        compare_freeze(s, rs);
        rs->run.placement = placement;
        rs->run.changed = true;
        runs_place(s, rs);
    }
    return true;
}

void session_hold(struct session *s, bool hold)
{
    s->config.hold = hold;
}

static bool stop_workload(struct session *s)
{
    runs_end_all(s);
    uint64_t deadline = clock_now_ns() + 2 * NS_PER_S;
    bool gone = false;
    while (!gone && clock_now_ns() < deadline) {
        session_turn(s);
        gone = engine_wait_stopped(s->engine, 20);
    }
    return gone;
}

bool session_stop(struct session *s)
{
    if (s->replay)
        return true;
    const bool gone = s->engine ? stop_workload(s) : foreign_stop(s);
    /* The last records are in the rings now; let them settle, and take them. */
    struct timespec settle = {.tv_nsec = 5 * (long)NS_PER_MS};
    proc_refresh(s->sources.proc);
    session_turn(s);
    nanosleep(&settle, NULL);
    session_turn(s);
    foreign_tell_shortfall(s);
    return gone;
}

void session_suspend(struct session *s)
{
    if (s->engine)
        engine_suspend(s->engine);
    else if (s->foreign.target)
        target_suspend(s->foreign.target);
}

void session_resume(struct session *s)
{
    if (s->engine)
        engine_resume(s->engine);
    else if (s->foreign.target)
        target_resume(s->foreign.target);
}

/* ---- what it is now ---- */

unsigned session_n_runs(const struct session *s)
{
    return s->runs.n;
}

const struct run *session_run(const struct session *s, unsigned i)
{
    return &s->runs.all[i].run;
}

const struct run *session_current_run(const struct session *s)
{
    return &runs_current(s)->run;
}

void session_info(const struct session *s, struct session_info *info)
{
    const struct source *engine = s->engine ? engine_source(s->engine) : NULL, *perf = s->sources.perf;
    if (s->replay) {
        replay_info(s, info);
        return;
    }
    memset(info, 0, sizeof *info);
    info->workload = s->config.workload;
    if (!engine)
        foreign_describe(s, &info->workload);
    info->cpus = s->config.cpus;
    info->source = s->sources.name;
    info->all = s->config.all;
    info->exact = s->sources.exact;
    info->n_watched = runs_current(s)->run.n_tasks;
    info->n_sampled = info->exact ? runs_current(s)->run.n_sampled : 0;
    info->reason = s->sources.reason[0] ? s->sources.reason : NULL;
    info->n_lost =
        (engine ? engine->ops->lost(engine) : 0) + (perf ? perf->ops->lost(perf) : 0) + s->notes.n_lost;
    info->n_late = merge_n_late(s->merge);
    info->finished = runs_current(s)->run.end_ns != 0;
    info->observer_cpu = s->observer.cpu;
    snprintf(info->message, sizeof info->message, "%s", s->message);
    info->message_ns = s->message_ns;
}

void session_forget_message(struct session *s)
{
    s->message[0] = '\0';
}

bool session_alive(const struct session *s, struct err *err)
{
    return !s->engine || engine_alive(s->engine, err);
}

unsigned session_n_warnings(const struct session *s)
{
    const struct program *program = s->config.workload.program;
    if (s->replay)
        return session_replay_facts(s)->n_warnings + s->n_warnings;
    return (program ? program->n_warnings : 0) + s->n_warnings +
           (s->engine ? engine_n_warnings(s->engine) : 0);
}

const char *session_warning(const struct session *s, unsigned i)
{
    const struct program *program = s->config.workload.program;
    const unsigned n_program = program ? program->n_warnings : 0;
    if (s->replay) {
        const struct session_facts *facts = session_replay_facts(s);
        return i < facts->n_warnings ? facts->warnings[i] : s->warnings[i - facts->n_warnings];
    }
    if (i < n_program)
        return program->warnings[i].text;
    i -= n_program;
    const unsigned n_engine = s->engine ? engine_n_warnings(s->engine) : 0;
    return i < n_engine ? engine_warning(s->engine, i) : s->warnings[i - n_engine];
}

struct timeline *session_timeline(const struct session *s)
{
    return s->timeline;
}

const struct engine *session_engine(const struct session *s)
{
    return s->engine;
}

struct source *session_proc(const struct session *s)
{
    return s->sources.proc;
}
