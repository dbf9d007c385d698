/* A watched program on its session: its tasks are the timeline's; what is told of them by no record of the
 * kernel is told here. */
#include "foreign.h"

#include "../clock.h"
#include "../observe/perf.h"
#include "../target/tree.h"
#include "replay.h"
#include "state.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCAN_NS     (100 * NS_PER_MS)
#define LOOK_NS     (250 * NS_PER_MS)
#define NEWCOMER_NS (3 * SCAN_NS) /* a task seen so long after a change may be older than it */
#define LAST_WAY_NS (50 * NS_PER_MS)
#define STOP_NS     (5 * NS_PER_S)
#define SCAN_PART   10 /* of the time at most such a part is spent on that */

static uint16_t run_number(const struct session *s)
{
    return runs_current(s)->run.number;
}

/* ---- telling ---- */

static void tell_new(struct session *s, int pid, int tid, int parent, enum task_role role)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.parent = parent;
    event.u.task.run = role == ROLE_WORKLOAD ? run_number(s) : 0;
    event.u.task.kind = pid == tid ? TASK_PROCESS : TASK_THREAD;
    event.u.task.role = (uint8_t)role;
    notes_add(&s->notes, event);
}

static void tell_name(struct session *s, int tid, const char *name)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    notes_add(&s->notes, event);
}

static void tell_exit(struct session *s, int tid, bool known, int status)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_EXIT};
    event.u.exit.status = status;
    event.u.exit.known = known;
    notes_add(&s->notes, event);
}

/* A process of ours that does nothing but wait. */
static void tell_keeper(struct session *s, int pid)
{
    tell_new(s, pid, pid, 0, ROLE_HOST);
    tell_name(s, pid, "schedviz-keeper");
    proc_watch(s->sources.proc, pid, pid);
}

static size_t read_file(const struct target_task *task, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", task->pid, task->tid, name);
    FILE *file = fopen(path, "re");
    const size_t n = file ? fread(text, 1, size, file) : 0;
    if (file)
        fclose(file);
    return n;
}

/* What the kernel had counted of it before we came. Returns how often it had been given a CPU. */
static uint64_t tell_base(struct session *s, const struct target_task *task)
{
    char text[8192];
    struct event event = {.tid = task->tid, .cpu = -1, .kind = EVENT_NOTE};
    uint64_t slices = 0;
    size_t n = read_file(task, "status", text, sizeof text);
    event.time_ns = clock_now_ns();
    event.detail = NOTE_BASE;
    if (proc_parse_status(text, n, &event.u.switches.voluntary, &event.u.switches.involuntary))
        notes_add(&s->notes, event);
    n = read_file(task, "schedstat", text, sizeof text);
    event.time_ns = clock_now_ns();
    event.detail = NOTE_BASE_RUN;
    if (proc_parse_schedstat(text, n, &event.u.run.run_ns, &event.u.run.wait_ns, &slices))
        notes_add(&s->notes, event);
    return slices;
}

/* What it does now. */
static void tell_state(struct session *s, const struct target_task *task, uint64_t slices,
                       enum event_found found)
{
    struct event event = {
        .time_ns = clock_now_ns(), .tid = task->tid, .cpu = -1, .kind = EVENT_SAMPLE, .detail = SAMPLE_STATE};
    event.u.state.slices = slices;
    event.u.state.letter = task->state;
    event.u.state.found = (uint8_t)found;
    notes_add(&s->notes, event);
}

/* is_told: its switches are. */
static void tell_found(struct session *s, const struct target_task *task, bool is_told)
{
    const bool was_there = !target_is_command(s->foreign.target) && !s->foreign.is_taken;
    if (!s->foreign.moved_ns && !target_is_command(s->foreign.target)) /* who comes later has what we gave */
        origins_keep(&s->foreign.origins, task);
    tell_new(s, task->pid, task->tid, task->parent, ROLE_WORKLOAD);
    tell_name(s, task->tid, task->name);
    const uint64_t slices = was_there ? tell_base(s, task) : 0;
    if (was_there || !is_told)
        tell_state(s, task, slices, is_told ? FOUND_TOLD : FOUND_SAMPLED);
    if (is_told)
        proc_watch(s->sources.proc, task->pid, task->tid);
    else
        proc_watch_closely(s->sources.proc, task->pid, task->tid);
}

/* ---- tasks found in /proc ---- */

/* Perf is brought to a thread that was there before, or was made by one that it could not be brought to.
 * False: it cannot be brought to this one. */
static bool bring_perf(struct session *s, const struct target_task *task)
{
    struct foreign *f = &s->foreign;
    struct err err;
    const enum perf_attached attached = perf_attach(s->sources.perf, task->tid, &err);
    if (attached != PERF_REFUSED && attached != PERF_NO_FILES)
        return true;
    if (f->n_missed++ == 0)
        f->why_missed = err;
    return false;
}

/* What such a task makes is told by nobody, nor is its end. */
static void begin_to_scan(struct session *s, size_t n_tasks)
{
    struct foreign *f = &s->foreign;
    f->scans = true;
    session_warn(s, "%zu of %zu threads are seen exactly, the others by samples: %s", n_tasks - f->n_missed,
                 n_tasks, f->why_missed.msg);
}

static bool is_same(const struct target_task *a, const struct target_task *b)
{
    return a->tid == b->tid && a->start == b->start;
}

/* Takes notice of what is new, in the order of tids; of what has gone where nobody else tells it. Returns how
 * many were new. */
static size_t compare_lists(struct session *s, const struct target_task *now, size_t n)
{
    struct foreign *f = &s->foreign;
    size_t n_new = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        for (; k < f->n_known && f->known[k].tid < now[i].tid; k++)
            if (f->scans)
                tell_exit(s, f->known[k].tid, false, 0);
        if (k < f->n_known && is_same(&f->known[k], &now[i])) {
            if (f->scans && memcmp(f->known[k].name, now[i].name, sizeof now[i].name) != 0)
                tell_name(s, now[i].tid, now[i].name);
            k++;
            continue;
        }
        n_new++;
        tell_found(s, &now[i], f->attaches ? bring_perf(s, &now[i]) : s->sources.perf != NULL);
    }
    for (; k < f->n_known; k++)
        if (f->scans)
            tell_exit(s, f->known[k].tid, false, 0);
    return n_new;
}

static size_t scan(struct session *s)
{
    struct foreign *f = &s->foreign;
    struct target_task *now;
    const size_t n = target_list(f->target, &now), n_new = compare_lists(s, now, n);
    free(f->known);
    f->known = now;
    f->n_known = n;
    if (f->n_missed > 0 && !f->scans)
        begin_to_scan(s, n);
    return n_new;
}

static bool is_there(int pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

/* What is there already. Threads that come meanwhile are found by the next look, until two have found nothing
 * new: who comes later is made by one that is seen. The rings are read in between. */
static bool take_all(struct session *s, struct err *err)
{
    struct foreign *f = &s->foreign;
    for (int i = 0, n_quiet = 0; i < 100 && n_quiet < 2; i++) {
        n_quiet = scan(s) ? 0 : n_quiet + 1;
        session_turn(s);
    }
    f->is_taken = true;
    if (f->n_known == 0)
        return is_there(target_pid(f->target))
                   ? err_set(err,
                             "process %d: its tasks cannot be listed: too few files may be open (ulimit -n)",
                             target_pid(f->target))
                   : err_set(err, "process %d has just ended", target_pid(f->target));
    return true;
}

/* ---- beginning ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void add_run(struct session *s)
{
    struct runs *runs = &s->runs;
    runs->all = mem_resize(runs->all, runs->n + 1ul, sizeof *runs->all);
    struct run_state *rs = &runs->all[runs->n];
    *rs = (struct run_state){.active = true};
    rs->run = (struct run){.number = (uint16_t)++runs->n,
                           .cpus = s->config.cpus,
                           .kind = TASK_PROCESS,
                           .placement = PLACEMENT_FREE};
    runs->current = runs->n - 1;
}

static bool start_command(struct session *s, struct err *err)
{
    struct foreign *f = &s->foreign;
    const struct target_command command = {
        .argv = s->config.argv, .cpus = &s->config.cpus, .captured = s->config.captured, .files = &f->files};
    f->target = target_start(&command, err);
    if (!f->target)
        return false;
    add_run(s);
    tell_keeper(s, target_keeper_pid(f->target));
    tell_new(s, target_pid(f->target), target_pid(f->target), target_keeper_pid(f->target), ROLE_WORKLOAD);
    tell_name(s, target_pid(f->target), base_name(s->config.argv[0]));
    f->is_taken = true;
    proc_watch(s->sources.proc, target_pid(f->target), target_pid(f->target));
    f->end_told = f->shortfall_told = f->was_stopped = false;
    return true;
}

static bool attach(struct session *s, struct err *err)
{
    struct foreign *f = &s->foreign;
    f->target = target_attach(s->config.pid, err);
    if (!f->target)
        return false;
    if (!s->config.moves)
        cpuset_get_affinity(target_pid(f->target), &s->config.cpus);
    f->attaches = s->sources.perf && !s->config.all;
    add_run(s);
    if (!take_all(s, err))
        return false;
    return !s->config.moves || foreign_place(s, err);
}

bool foreign_start(struct session *s, const struct rlimit *files, struct err *err)
{
    struct foreign *f = &s->foreign;
    f->files = *files;
    f->scans = !s->sources.perf;
    if (!(s->config.argv ? start_command(s, err) : attach(s, err)))
        return false;
    f->nice = getpriority(PRIO_PROCESS, (id_t)target_pid(f->target));
    f->policy = sched_getscheduler(target_pid(f->target)) == SCHED_BATCH  ? POLICY_BATCH
                : sched_getscheduler(target_pid(f->target)) == SCHED_IDLE ? POLICY_IDLE
                                                                          : POLICY_OTHER;
    struct tree_stat stat = {.name = ""};
    if (!s->config.argv)
        tree_read_stat(target_pid(f->target), 0, &stat);
    snprintf(f->name, sizeof f->name, "%s", s->config.argv ? base_name(s->config.argv[0]) : stat.name);
    session_place_observer(s);
    runs_current(s)->run.start_ns = clock_now_ns();
    target_release(f->target);
    return true;
}

bool foreign_restart(struct session *s, struct err *err)
{
    struct foreign *f = &s->foreign;
    if (!target_is_command(f->target))
        return err_set(err, "a process that was there before schedviz cannot be started again");
    if (!target_ended(f->target))
        return err_set(err, "the command still runs: it can be started again when it has ended");
    if (s->runs.n == UINT16_MAX)
        return err_set(err, "%u runs in one session are too many: start schedviz again", s->runs.n);
    target_free(f->target);
    if (!start_command(s, err))
        return false;
    session_place_observer(s);
    runs_current(s)->run.start_ns = clock_now_ns();
    target_release(f->target);
    return true;
}

/* ---- changes of all tasks ---- */

/* Calls change for each living task of the program. The first error that is more than a task that vanished
 * goes to err. */
static bool change_all(struct session *s, enum origin_change what, bool (*change)(struct session *s, int tid),
                       struct err *err)
{
    bool ok = true;
    if (origins_change(&s->foreign.origins, s->foreign.target, what))
        tell_keeper(s, s->foreign.origins.guard);
    for (uint32_t i = 0; i < timeline_n_tasks(s->timeline); i++) {
        struct task task;
        timeline_task(s->timeline, i, &task);
        if (!task_is_workload(&task) || task.exited || change(s, task.tid) || errno == ESRCH)
            continue;
        if (ok)
            err_set(err, "%s (%d): %s", task.name, task.tid, strerror(errno));
        ok = false;
    }
    s->foreign.moved_ns = clock_now_ns();
    return ok;
}

static bool move(struct session *s, int tid)
{
    return cpuset_set_affinity(tid, &s->config.cpus);
}

static bool renice(struct session *s, int tid)
{
    return setpriority(PRIO_PROCESS, (id_t)tid, s->foreign.nice) == 0;
}

static bool set_policy(struct session *s, int tid)
{
    static const int policies[] = {
        [POLICY_OTHER] = SCHED_OTHER, [POLICY_BATCH] = SCHED_BATCH, [POLICY_IDLE] = SCHED_IDLE};
    const struct sched_param none = {0};
    return sched_setscheduler(tid, policies[s->foreign.policy], &none) == 0;
}

bool foreign_place(struct session *s, struct err *err)
{
    const bool ok = change_all(s, ORIGIN_CPUS, move, err);
    s->foreign.has_moved = true;
    return ok;
}

bool session_set_nice(struct session *s, int nice, struct err *err)
{
    struct foreign *f = &s->foreign;
    const int before = f->nice;
    if (s->replay)
        return replay_refuse(err);
    if (!f->target)
        return err_set(err, "the workload's own file says the nice value of its tasks");
    if (nice < -20 || nice > 19)
        return err_set(err, "nice values go from -20 to 19");
    f->nice = nice;
    if (!change_all(s, ORIGIN_NICE, renice, err)) {
        f->nice = before;
        return false;
    }
    f->has_nice = true;
    notes_mark(&s->notes, "nice %d", nice);
    return true;
}

bool session_set_policy(struct session *s, enum policy policy, struct err *err)
{
    struct foreign *f = &s->foreign;
    const enum policy before = f->policy;
    if (s->replay)
        return replay_refuse(err);
    if (!f->target)
        return err_set(err, "the workload's own file says the policy of its tasks");
    if (policy != POLICY_OTHER && policy != POLICY_BATCH && policy != POLICY_IDLE)
        return err_set(err, "a program that is watched can be of SCHED_OTHER, SCHED_BATCH or SCHED_IDLE");
    f->policy = policy;
    if (!change_all(s, ORIGIN_POLICY, set_policy, err)) {
        f->policy = before;
        return false;
    }
    f->has_policy = true;
    notes_mark(&s->notes, "%s", policy_name(policy) + sizeof "SCHED_" - 1);
    return true;
}

/* ---- the turn ---- */

/* One that was made while all were changed may have been overlooked. */
static void take_newcomer(struct session *s, const struct task *task, uint64_t now_ns)
{
    const struct foreign *f = &s->foreign;
    proc_watch(s->sources.proc, task->pid, task->tid);
    if (!f->moved_ns || now_ns > f->moved_ns + NEWCOMER_NS)
        return;
    if (f->has_moved)
        move(s, task->tid);
    if (f->has_nice)
        renice(s, task->tid);
    if (f->has_policy)
        set_policy(s, task->tid);
}

/* A file in /proc is root's where a program with other rights runs (task_dump_owner() of fs/proc/base.c), or
 * it is not there to be seen: hidepid of proc(5). */
static bool has_other_rights(int pid)
{
    char path[64];
    struct stat file;
    struct tree_stat now;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!tree_read_stat(pid, 0, &now) || stat(path, &file) < 0)
        return is_there(pid);
    return now.state != 'Z' && now.state != 'X' && file.st_uid != geteuid();
}

/* perf_event_exit_task() is also called for who executes a set-uid program (begin_new_exec() in fs/exec.c):
 * its record is that of an end, but it is there all the same. One that does end is there for a moment, and
 * its number may then be another's. */
static void look_for_hidden(struct session *s, const struct task *task, uint64_t now_ns)
{
    if (s->foreign.unseen_told || s->config.all || !s->sources.perf || task->kind != TASK_PROCESS ||
        now_ns < task->last_ns + LAST_WAY_NS)
        return;
    if (timeline_task_by_tid(s->timeline, task->tid) != task->index || !has_other_rights(task->pid))
        return;
    s->foreign.unseen_told = true;
    session_warn(
        s,
        "%s (%d) is a program with other rights now (set-uid): the kernel shows its switches to root alone",
        task->name, task->pid);
}

static void look_at_all(struct session *s, uint64_t now_ns)
{
    struct foreign *f = &s->foreign;
    unsigned n_of_run = 0, n_sampled = 0;
    f->n_tasks = f->n_processes = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(s->timeline); i++) {
        const struct task *task = timeline_task_told(s->timeline, i);
        if (!task_is_workload(task))
            continue;
        n_of_run += task->run == run_number(s);
        n_sampled += task->run == run_number(s) && task->sampled;
        if (!task->exited) {
            f->n_tasks++;
            f->n_processes += task->tid == task->pid;
        } else if (now_ns < task->last_ns + 2 * LOOK_NS) {
            look_for_hidden(s, task, now_ns);
        }
    }
    runs_current(s)->run.n_tasks = n_of_run;
    runs_current(s)->run.n_sampled = n_sampled;
}

static void tell_end(struct session *s)
{
    struct foreign *f = &s->foreign;
    struct run_state *rs = runs_current(s);
    int status;
    if (!target_ended(f->target) || f->end_told)
        return;
    const bool known = target_status(f->target, &status);
    f->end_told = true;
    rs->run.end_ns = clock_now_ns();
    rs->run.complete = known && !f->was_stopped;
    rs->active = false;
    tell_exit(s, target_pid(f->target), known, status);
}

/* Switches of the run, as they were read of its tasks. */
static uint64_t n_switches_seen(const struct session *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(s->timeline); i++) {
        const struct task *task = timeline_task_told(s->timeline, i);
        if (task_is_workload(task) && task->run == run_number(s))
            n += task->kernel.voluntary + task->kernel.involuntary;
    }
    return n;
}

/* Who lives from one look at /proc to the next is never seen, nor is what a task does after it was read last:
 * the kernel counts all of it. */
void foreign_tell_shortfall(struct session *s)
{
    struct foreign *f = &s->foreign;
    struct rusage usage;
    if (!f->target || s->sources.perf || f->shortfall_told || !f->end_told ||
        !target_usage(f->target, &usage))
        return;
    const uint64_t n_seen = n_switches_seen(s),
                   n_counted = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
    f->shortfall_told = true;
    if (n_seen < n_counted)
        session_warn(
            s,
            "%llu of the kernel's %llu switches were seen: tasks too short-lived to be found, and all "
            "tasks' ends, are in no figure",
            (unsigned long long)n_seen, (unsigned long long)n_counted);
}

/* perf finds by itself that a task was not covered: others may not be either. */
static bool was_attached_more(struct session *s)
{
    struct foreign *f = &s->foreign;
    if (!f->attaches)
        return false;
    const unsigned before = f->n_attached;
    f->n_attached = perf_n_attached(s->sources.perf);
    return f->n_attached > before;
}

void foreign_step(struct session *s, uint64_t now_ns)
{
    struct foreign *f = &s->foreign;
    target_poll(f->target);
    target_read(f->target);
    tell_end(s);
    if (f->is_taken && ((f->scans && now_ns >= f->next_scan_ns) || was_attached_more(s))) {
        scan(s);
        const uint64_t took_ns = clock_now_ns() - now_ns;
        f->next_scan_ns = now_ns + (took_ns * SCAN_PART > SCAN_NS ? took_ns * SCAN_PART : SCAN_NS);
    }
    for (; f->n_seen < timeline_n_tasks(s->timeline); f->n_seen++) {
        struct task task;
        timeline_task(s->timeline, f->n_seen, &task);
        if (task_is_workload(&task) && !task.exited)
            take_newcomer(s, &task, now_ns);
    }
    if (now_ns >= f->next_look_ns) {
        f->next_look_ns = now_ns + LOOK_NS;
        look_at_all(s, now_ns);
        if (f->end_told && now_ns >= runs_current(s)->run.end_ns + LOOK_NS) /* all that was read is told */
            foreign_tell_shortfall(s);
    }
}

/* ---- its end ---- */

static void turn_a_while(struct session *s)
{
    const struct timespec pause = {.tv_nsec = 2 * (long)NS_PER_MS};
    session_turn(s);
    nanosleep(&pause, NULL);
}

/* Whether nothing of the command lives: then its keeper ends as well, and is waited for. That is told a
 * moment after the command's own end. */
static bool leaves_nothing(struct session *s)
{
    const uint64_t until_ns = clock_now_ns() + 20 * NS_PER_MS;
    while (!target_all_ended(s->foreign.target) && clock_now_ns() < until_ns)
        turn_a_while(s);
    return target_all_ended(s->foreign.target);
}

/* A command that has ended by itself leaves what it wanted to leave. */
bool foreign_stop(struct session *s)
{
    struct foreign *f = &s->foreign;
    const uint64_t until_ns = clock_now_ns() + STOP_NS;
    origins_restore(&f->origins, f->target);
    if (!target_is_command(f->target) || f->lets_run)
        return true;
    if (target_ended(f->target)) {
        if (!leaves_nothing(s))
            session_let_run(s);
        return true;
    }
    f->was_stopped = true;
    target_end(f->target);
    while (!target_ended(f->target) && clock_now_ns() < until_ns)
        turn_a_while(s);
    return target_ended(f->target);
}

void session_let_run(struct session *s)
{
    struct foreign *f = &s->foreign;
    if (!f->target || f->lets_run)
        return;
    f->lets_run = true;
    target_let_run(f->target);
}

void foreign_fini(struct session *s)
{
    struct foreign *f = &s->foreign;
    if (f->target)
        origins_restore(&f->origins, f->target);
    origins_fini(&f->origins);
    target_free(f->target);
    free(f->known);
    *f = (struct foreign){0};
}

/* ---- what it is now ---- */

bool session_target(const struct session *s, struct session_target *target)
{
    const struct foreign *f = &s->foreign;
    *target = (struct session_target){0};
    if (s->replay)
        return replay_target(s, target);
    if (!f->target)
        return false;
    target->is_command = target_is_command(f->target);
    target->pid = target_pid(f->target);
    target->ended = target_ended(f->target);
    target->known = target_status(f->target, &target->status);
    target->exec_error = target_exec_error(f->target);
    target->n_tasks = f->n_tasks;
    target->n_processes = f->n_processes;
    target->nice = f->nice;
    target->policy = f->policy;
    struct rusage usage;
    if (target_usage(f->target, &usage)) {
        target->voluntary = (uint64_t)usage.ru_nvcsw;
        target->involuntary = (uint64_t)usage.ru_nivcsw;
    }
    return true;
}

void foreign_describe(const struct session *s, struct workload *workload)
{
    const struct foreign *f = &s->foreign;
    workload->name = f->name;
    workload->kind = TASK_PROCESS;
    workload->placement = PLACEMENT_FREE;
    workload->n_tasks = f->n_tasks;
}

const char *session_output(const struct session *s, size_t *n, uint64_t *n_before)
{
    if (s->foreign.target)
        return target_output(s->foreign.target, n, n_before);
    *n = 0;
    *n_before = 0;
    return "";
}
