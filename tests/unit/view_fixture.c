/* Hand-written runs of the scheduler for tests of the views. */
#include "view_fixture.h"

#include "../../src/clock.h"
#include "../../src/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0  (100 * NS_PER_S)
#define MS  NS_PER_MS
#define US  NS_PER_US
#define TID 1000

static struct event *add(struct fixture *f, uint64_t time_ns, int tid, int cpu, enum event_kind kind,
                         unsigned detail)
{
    if (f->n_events == f->room) {
        f->room = f->room ? f->room * 2 : 1024;
        f->events = mem_resize(f->events, f->room, sizeof *f->events);
    }
    struct event *event = &f->events[f->n_events++];
    *event = (struct event){.time_ns = time_ns,
                            .tid = tid,
                            .cpu = (int16_t)cpu,
                            .kind = (uint8_t)kind,
                            .detail = (uint8_t)detail};
    return event;
}

static void add_task(struct fixture *f, uint64_t time_ns, int slot, enum task_role role, uint16_t run)
{
    int tid = TID + slot + (run > 1 ? 100 : 0);
    struct event *event = add(f, time_ns, tid, -1, EVENT_NEW, 0);
    event->u.task.pid = 999;
    event->u.task.slot = role == ROLE_WORKLOAD ? slot : -1;
    event->u.task.run = run;
    event->u.task.kind = TASK_THREAD;
    event->u.task.role = (uint8_t)role;
    event = add(f, time_ns, tid, -1, EVENT_NAME, 0);
    if (role == ROLE_OBSERVER)
        strcpy(event->u.name, "schedviz");
    else
        snprintf(event->u.name, sizeof event->u.name, "%c", 'A' + slot);
}

static void add_slice(struct fixture *f, int cpu, int tid, uint64_t from, uint64_t to, enum event_out out)
{
    add(f, from, tid, cpu, EVENT_SWITCH_IN, 0);
    add(f, to, tid, cpu, EVENT_SWITCH_OUT, out);
}

static void add_mark(struct fixture *f, uint64_t time_ns, const char *text)
{
    struct event *event = add(f, time_ns, 0, -1, EVENT_MARK, 0);
    snprintf(event->u.name, sizeof event->u.name, "%s", text);
}

static void add_work(struct fixture *f, uint64_t time_ns, int tid, uint64_t done, uint64_t total)
{
    struct event *event = add(f, time_ns, tid, -1, EVENT_NOTE, NOTE_WORK);
    event->u.work.done_ns = done;
    event->u.work.total_ns = total;
}

static void add_kernel(struct fixture *f, uint64_t time_ns, int tid, uint64_t voluntary, uint64_t forced,
                       uint64_t run_ns)
{
    struct event *event = add(f, time_ns, tid, -1, EVENT_SAMPLE, SAMPLE_SWITCHES);
    event->u.switches.voluntary = voluntary;
    event->u.switches.involuntary = forced;
    event = add(f, time_ns, tid, -1, EVENT_SAMPLE, SAMPLE_RUN);
    event->u.run.run_ns = run_ns;
}

/* Tasks first ... first + n - 1 by turns on one core, `slice` each, 1.5 us between two, from `from` to `to`.
 */
static void add_turns(struct fixture *f, int cpu, int tid, int n, uint64_t slice, uint64_t from, uint64_t to)
{
    int turn = 0;
    while (from + slice <= to) {
        add_slice(f, cpu, tid + turn, from, from + slice, OUT_PREEMPTED);
        from += slice + 1500;
        turn = (turn + 1) % n;
    }
}

static void set_machine(struct fixture *f, unsigned n_cpus, unsigned n_smt, unsigned n_chosen)
{
    f->machine.n_cpus = n_cpus;
    f->machine.cpus = f->machine_cpus;
    f->machine.n_cores = n_cpus / n_smt;
    f->machine.n_packages = 1;
    for (unsigned i = 0; i < n_cpus; i++) {
        f->machine_cpus[i] = (struct machine_cpu){
            .cpu = (int)i, .core = (int)(i / n_smt), .smt = (int)(i % n_smt), .n_smt = (int)n_smt};
        f->cpus[i] = (struct scene_cpu){(int)i, i < n_chosen, true};
        cpuset_add(&f->machine.online, (int)i);
        cpuset_add(&f->machine.allowed, (int)i);
    }
    f->scene.n_cpus = n_cpus;
}

static void set_tasks(struct fixture *f, unsigned n, uint16_t run)
{
    for (unsigned i = 0; i < n; i++)
        add_task(f, T0, (int)i, ROLE_WORKLOAD, run);
    add_task(f, T0, 50, ROLE_OBSERVER, 0);
    f->scene.info.workload.n_tasks = n;
}

#define SELF_TID (TID + 50)

static void make_interleave(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    set_tasks(f, 4, 1);
    add_turns(f, 0, TID, 4, 3980 * US, T0 + 2 * MS, T0 + 200 * MS);
    for (uint64_t t = T0 + 5 * MS; t < T0 + 200 * MS; t += 50 * MS)
        add_slice(f, 1, SELF_TID, t, t + 400 * US, OUT_BLOCKED);
    add_mark(f, T0 + 60 * MS, "cores 0");
    for (int i = 0; i < 4; i++)
        add_kernel(f, T0 + 190 * MS, TID + i, 0, 12, 48 * MS);
}

static void make_parallel(struct fixture *f)
{
    set_machine(f, 4, 1, 4);
    set_tasks(f, 4, 1);
    for (int i = 0; i < 4; i++)
        add(f, T0 + MS + (uint64_t)i * 20 * US, TID + i, i, EVENT_SWITCH_IN, 0);
    add(f, T0 + 71 * MS, TID + 3, 3, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    add_slice(f, 3, SELF_TID, T0 + 71 * MS + 2 * US, T0 + 72500 * US, OUT_BLOCKED);
    add(f, T0 + 72502 * US, TID + 3, 3, EVENT_SWITCH_IN, 0);
}

static void make_mixed(struct fixture *f)
{
    set_machine(f, 8, 2, 3);
    set_tasks(f, 6, 1);
    add_turns(f, 0, TID, 3, 3 * MS, T0 + MS, T0 + 200 * MS);
    for (uint64_t t = T0 + 2 * MS; t < T0 + 195 * MS; t += 9 * MS) {
        add_slice(f, 1, TID + 3, t, t + 4500 * US, OUT_BLOCKED);
        add(f, t + 4600 * US, TID + 3, 1, EVENT_WAKE, 0);
        add_slice(f, 1, TID + 4, t + 4700 * US, t + 8 * MS, OUT_PREEMPTED);
        add_slice(f, 2, TID + 5, t + MS, t + 2 * MS, OUT_BLOCKED);
    }
    add_mark(f, T0 + 20 * MS, "+1 core");
    add_mark(f, T0 + 45 * MS, "6 tasks");
}

static void make_dense(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    set_tasks(f, 2, 1);
    uint64_t t = T0 + MS;
    for (int i = 0; t < T0 + 200 * MS; i++) {
        uint64_t length = t < T0 + 25 * MS   ? 300 * US
                          : t < T0 + 50 * MS ? 120 * US
                          : t < T0 + 70 * MS ? 20 * US
                                             : 3 * US;
        add_slice(f, 0, TID + i % 2, t, t + length, OUT_BLOCKED);
        t += length + 1 * US;
    }
}

static void make_lost(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    set_tasks(f, 4, 1);
    add_turns(f, 0, TID, 4, 4 * MS, T0 + 2 * MS, T0 + 30 * MS);
    struct event *event = add(f, T0 + 42 * MS, 0, 0, EVENT_LOST, 0);
    event->u.lost.n = 17;
    add_turns(f, 0, TID, 4, 4 * MS, T0 + 43 * MS, T0 + 200 * MS);
    f->scene.info.n_lost = 17;
}

static void make_work(struct fixture *f)
{
    set_machine(f, 2, 1, 2);
    set_tasks(f, 4, 1);
    add_turns(f, 0, TID, 2, 3980 * US, T0 + MS, T0 + 200 * MS);
    add_turns(f, 1, TID + 2, 2, 3980 * US, T0 + MS + 300 * US, T0 + 200 * MS);
    for (int i = 0; i < 4; i++)
        add_work(f, T0 + 150 * MS, TID + i, (uint64_t)(305 + i * 17) * MS, 500 * MS);
    f->scene.info.workload.work_ns = 500 * MS;
}

/* A run's tasks of 50 ms of work each, and their ends. */
static void add_run(struct fixture *f, uint16_t number, unsigned n_cpus, uint64_t from)
{
    struct run *run = &f->runs[number - 1];
    int first = TID + (number > 1 ? 100 : 0);
    uint64_t end = from;
    for (int i = 0; i < 4; i++)
        add_task(f, from, i, ROLE_WORKLOAD, number);
    for (int k = 0; k < (int)n_cpus; k++) {
        uint64_t t = from + 100 * US;
        for (int turn = 0; turn < 12 * 4 / (int)n_cpus; turn++) {
            int task = k + turn % (4 / (int)n_cpus) * (int)n_cpus;
            add_slice(f, k, first + task, t, t + 4 * MS,
                      turn + 4 / (int)n_cpus >= 48 / (int)n_cpus ? OUT_BLOCKED : OUT_PREEMPTED);
            t += 4 * MS + 1500;
        }
        end = t > end ? t : end;
    }
    for (int i = 0; i < 4; i++)
        add(f, end, first + i, -1, EVENT_EXIT, 0)->u.exit.known = 1;
    *run = (struct run){.number = number,
                        .n_tasks = 4,
                        .work_ns = 50 * MS,
                        .start_ns = from,
                        .end_ns = end,
                        .complete = true};
    for (unsigned k = 0; k < n_cpus; k++)
        cpuset_add(&run->cpus, (int)k);
}

static void make_compare(struct fixture *f)
{
    set_machine(f, 2, 1, 2);
    add_run(f, 1, 1, T0 + MS);
    add_run(f, 2, 2, T0 + 250 * MS);
    f->scene.info.workload.n_tasks = 4;
    f->scene.info.workload.work_ns = 50 * MS;
    f->scene.reference = &f->runs[0];
    f->scene.run = f->scene.compared = &f->runs[1];
    f->scene.comparison = COMPARE_FINISHED_IN_TURN;
}

static void make_samples(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    set_tasks(f, 2, 1);
    for (uint64_t t = T0 + MS; t < T0 + 200 * MS; t += 4 * MS) {
        struct event *event = add(f, t, TID + (int)(t / (8 * MS) % 2), 0, EVENT_SAMPLE, SAMPLE_STATE);
        event->u.state.letter = 'R';
    }
    f->scene.info.source = "proc";
    f->scene.info.exact = false;
}

/* Perf could be brought to the first task alone. */
static void make_partial(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    set_tasks(f, 2, 1);
    struct event *found = add(f, T0 + MS / 2, TID + 1, -1, EVENT_SAMPLE, SAMPLE_STATE);
    found->u.state.letter = 'R';
    found->u.state.found = FOUND_SAMPLED;
    for (uint64_t t = T0 + MS; t < T0 + 200 * MS; t += 8 * MS) {
        add(f, t, TID, 0, EVENT_SWITCH_IN, 0);
        add(f, t + 3 * MS, TID, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
        add(f, t + 4 * MS, TID + 1, 1, EVENT_SAMPLE, SAMPLE_STATE)->u.state.letter = 'R';
    }
    f->scene.info.n_watched = 2;
    f->scene.info.n_sampled = 1;
}

/* ---- objects ---- */

static void name_task(struct fixture *f, int tid, const char *name)
{
    snprintf(add(f, T0 + 1000 + (uint64_t)tid, tid, -1, EVENT_NAME, 0)->u.name, EVENT_NAME_SIZE, "%s", name);
}

static struct object_state *add_object(struct fixture *f, enum object_kind kind, const char *name)
{
    unsigned i = f->scene.n_objects++;
    static char names[FIXTURE_MAX_OBJECTS][EVENT_NAME_SIZE];
    snprintf(names[i], sizeof names[i], "%s", name);
    f->objects[i] = (struct object){.name = names[i], .kind = kind};
    f->scene_objects[i] = (struct scene_object){.object = &f->objects[i], .has_state = true};
    snprintf(add(f, T0 + i, (int)i, -1, EVENT_OBJECT, kind)->u.name, EVENT_NAME_SIZE, "%s", name);
    f->scene.info.workload.program = &f->program;
    return &f->scene_objects[i].state;
}

/* The task is about to wait, and then blocks. */
static void add_wait(struct fixture *f, uint64_t time_ns, int tid, int cpu, int object, int other,
                     uint64_t until_ns)
{
    struct event *event =
        add(f, time_ns - 10 * US, tid, -1, EVENT_NOTE, object < 0 ? NOTE_SLEEPS : NOTE_WANTS);
    event->u.sync.object = object;
    event->u.sync.other = other;
    event->u.sync.until_ns = until_ns;
    add(f, time_ns, tid, cpu, EVENT_SWITCH_OUT, OUT_BLOCKED);
}

static void add_value(struct fixture *f, uint64_t time_ns, int tid, int object, int64_t value)
{
    struct event *event = add(f, time_ns, tid, -1, EVENT_NOTE, NOTE_VALUE);
    event->u.sync.object = object;
    event->u.sync.value = value;
}

/* Each runs 5 ms, sleeps 20 ms with its lock, and wants the other's. */
static void make_deadlock(struct fixture *f)
{
    static const char *const names[] = {"Anna", "Bob"};
    set_machine(f, 2, 1, 2);
    set_tasks(f, 2, 1);
    add_object(f, OBJECT_MUTEX, "left")->owner_tid = TID;
    add_object(f, OBJECT_MUTEX, "right")->owner_tid = TID + 1;
    for (int i = 0; i < 2; i++) {
        uint64_t t = T0 + 100 * MS + (uint64_t)i * 2 * MS;
        name_task(f, TID + i, names[i]);
        add(f, t, TID + i, i, EVENT_SWITCH_IN, 0);
        add_wait(f, t + 300 * MS, TID + i, i, -1, 0, t + 500 * MS);
        add(f, t + 500 * MS + 50 * US, TID + i, i, EVENT_SWITCH_IN, 0);
        add(f, t + 500 * MS + 60 * US, TID + i, -1, EVENT_NOTE, NOTE_GOT)->u.sync.object = -1;
        add_wait(f, t + 520 * MS, TID + i, i, 1 - i, TID + 1 - i, 0);
    }
}

/* What of a workload is shared: an object of each kind, each with somebody at it. */
static void make_shared(struct fixture *f)
{
    static const char *const names[] = {"main", "worker-1", "worker-2", "worker-3", "worker-4"};
    set_machine(f, 2, 1, 1);
    set_tasks(f, 5, 1);
    for (int i = 0; i < 5; i++)
        name_task(f, TID + i, names[i]);
    *add_object(f, OBJECT_SEM, "jobs") = (struct object_state){.value = 9};
    *add_object(f, OBJECT_BARRIER, "start") = (struct object_state){.n_waiting = 2, .n_parties = 5};
    *add_object(f, OBJECT_COUNTER, "sum") = (struct object_state){.value = 13421333, .expected = 20000000};
    *add_object(f, OBJECT_COUNTER, "items") = (struct object_state){.value = 3};
    add_object(f, OBJECT_CONDITION, "not-full");
    add_object(f, OBJECT_SUSPEND, "gate");
    add_object(f, OBJECT_CHANNEL, "ball");
    add_object(f, OBJECT_MUTEX, "m");
    f->scene_objects[3].is_level = true;
    for (int i = 0; i < 90; i++) {
        add_value(f, T0 + (uint64_t)(5 + 2 * i) * MS, TID, 0, i / 9 + (i % 9 > 5));
        add_value(f, T0 + (uint64_t)(6 + 2 * i) * MS, TID, 3, i / 4 % 5);
    }
    static const int wanted[] = {1, 1, 4, 5}; /* by the workers */
    for (int i = 0; i < 4; i++) {
        uint64_t t = T0 + (uint64_t)(20 + 10 * i) * MS;
        add(f, t, TID + 1 + i, 0, EVENT_SWITCH_IN, 0);
        add_wait(f, t + 5 * MS, TID + 1 + i, 0, wanted[i], wanted[i] == 1 ? i + 1 : 0,
                 wanted[i] == 1 ? 5 : 0);
    }
    f->runs[0] = (struct run){.number = 1, .n_tasks = 5, .start_ns = T0, .end_ns = T0 + 195 * MS};
    f->scene.run = f->scene.compared = &f->runs[0];
}

/* Two tasks that one thread carries: it is switched, they change by themselves. */
static void make_green(struct fixture *f)
{
    set_machine(f, 2, 1, 1);
    add_task(f, T0, 7, ROLE_WORKLOAD, 1);
    f->events[0].u.task.slot = -1;
    name_task(f, TID + 7, "carrier");
    for (int i = 0; i < 2; i++) {
        add_task(f, T0, i, ROLE_WORKLOAD, 1);
        struct event *event = &f->events[f->n_events - 2];
        event[0].tid = event[1].tid = -1 - i;
        event[0].u.task.pid = TID + 7;
        event[0].u.task.kind = TASK_GREEN;
        snprintf(add(f, T0 + 1001 + (uint64_t)i, -1 - i, -1, EVENT_NAME, 0)->u.name, EVENT_NAME_SIZE,
                 "green-%d", i + 1);
    }
    for (uint64_t t = T0 + 2 * MS; t < T0 + 195 * MS; t += 20 * MS) {
        add_slice(f, 0, TID + 7, t, t + 15 * MS, OUT_PREEMPTED);
        add_slice(f, -1, -1, t + 10 * US, t + 7 * MS, OUT_PREEMPTED);
        add_slice(f, -1, -2, t + 7 * MS + 10 * US, t + 15 * MS - 10 * US, OUT_PREEMPTED);
    }
    f->scene.info.workload.kind = TASK_GREEN;
    f->scene.info.workload.n_tasks = 2;
}

/* A program that is not ours: sh starts python3 with two threads more, and a child of that. */
static void make_watched(struct fixture *f)
{
    static const struct {
        int tid, pid, parent;
        const char *name;
    } tasks[] = {{TID, TID, 0, "sh"},
                 {TID + 1, TID + 1, TID, "python3"},
                 {TID + 2, TID + 1, TID + 1, "python3"},
                 {TID + 3, TID + 1, TID + 1, "reader"},
                 {TID + 4, TID + 4, TID + 1, "a\x1b[31m name"}};
    set_machine(f, 2, 1, 2);
    for (int i = 0; i < 5; i++) {
        add_task(f, T0, i, ROLE_WORKLOAD, 1);
        struct event *event = &f->events[f->n_events - 2];
        event[0].time_ns = event[1].time_ns = T0 + (uint64_t)i;
        event[0].u.task.slot = -1;
        event[0].u.task.pid = tasks[i].pid;
        event[0].u.task.parent = tasks[i].parent;
        event[0].u.task.kind = tasks[i].tid == tasks[i].pid ? TASK_PROCESS : TASK_THREAD;
        snprintf(event[1].u.name, sizeof event[1].u.name, "%s", tasks[i].name);
    }
    add_task(f, T0 + 9, 50, ROLE_OBSERVER, 0);
    add_slice(f, 0, TID, T0 + MS, T0 + 2 * MS, OUT_BLOCKED);
    for (uint64_t t = T0 + 3 * MS; t < T0 + 190 * MS; t += 15 * MS) {
        add_slice(f, 0, TID + 1, t, t + 5 * MS, OUT_PREEMPTED);
        add_slice(f, 0, TID + 2, t + 5 * MS + US, t + 10 * MS, OUT_BLOCKED);
        add_slice(f, 1, TID + 3, t + 2 * MS, t + 4 * MS, OUT_BLOCKED);
        add_slice(f, 1, TID + 4, t + 6 * MS, t + 14 * MS, OUT_BLOCKED);
    }
    f->scene.target =
        (struct session_target){.is_command = true, .pid = TID, .nice = 5, .policy = POLICY_BATCH};
}

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->kind == EVENT_NAME) - (y->kind == EVENT_NAME);
}

static bool make(struct fixture *f, const char *name)
{
    static const struct {
        const char *name;
        void (*make)(struct fixture *f);
    } makers[] = {{"interleave", make_interleave}, {"parallel", make_parallel}, {"mixed", make_mixed},
                  {"dense", make_dense},           {"lost", make_lost},         {"work", make_work},
                  {"compare", make_compare},       {"samples", make_samples},   {"deadlock", make_deadlock},
                  {"shared", make_shared},         {"green", make_green},       {"partial", make_partial},
                  {"watched", make_watched},       {"folded", make_watched},    {"empty", NULL}};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (strcmp(makers[i].name, name) != 0)
            continue;
        if (makers[i].make)
            makers[i].make(f);
        else
            set_machine(f, 2, 1, 1);
        return true;
    }
    return false;
}

/* What is known of objects, names and alerts. */
static void set_objects(struct fixture *f)
{
    struct scene *scene = &f->scene;
    const struct waits *waits = timeline_waits(f->tl);
    scene->objects = f->scene_objects;
    for (unsigned i = 0; i < scene->n_objects; i++)
        f->scene_objects[i].wait = waits_find_object(waits, (int)i);
    for (unsigned i = 0; i < waits_n_alerts(waits); i++) {
        const struct alert *alert = waits_alert(waits, i);
        if (alert->kind == ALERT_DEADLOCK)
            scene->deadlock = alert;
        else if (scene->n_warnings < 2)
            scene->warnings[scene->n_warnings++] = alert;
    }
    for (unsigned i = 0; i < scene->n_tasks; i++) {
        struct task task;
        timeline_task(f->tl, f->tasks[i], &task);
        int cols = (int)strlen(task.name) + (task.kind == TASK_GREEN ? 2 : 0);
        if (task_is_workload(&task) && strlen(task.name) > 1 && cols > scene->name_cols)
            scene->name_cols = cols;
    }
}

/* As ui/scene.c does it. */
static void set_roster(struct fixture *f, unsigned n_fit, uint64_t now)
{
    struct scene *scene = &f->scene;
    const struct roster_wish wish = {
        .start_ns = T0, .end_ns = now, .filter = "", .n_fit = n_fit, .others_ns = UINT64_MAX};
    f->roster = roster_new();
    roster_update(f->roster, f->tl, &wish);
    scene->roster = f->roster;
    scene->tasks = roster_active(f->roster, &scene->n_tasks);
    scene->n_quiet = roster_n_quiet(f->roster);
    scene->rows = roster_rows(f->roster, &scene->n_rows);
    scene->members = roster_members(f->roster);
    scene->name_cols = 24;
}

static void set_scene(struct fixture *f, const char *name)
{
    struct scene *scene = &f->scene;
    const bool dead = strcmp(name, "deadlock") == 0;
    uint64_t now = T0 + (strcmp(name, "compare") == 0 ? 400 : dead ? 2000 : 200) * MS;
    timeline_sink(f->tl)->push(timeline_sink(f->tl), f->events, f->n_events);
    if (f->n_events)
        timeline_advance(f->tl, now);
    scene->tl = f->tl;
    scene->machine = &f->machine;
    scene->glyphs = &glyphs_unicode;
    scene->cpus = f->cpus;
    scene->tasks = f->tasks;
    scene->info.workload.name = name;
    scene->viewport = (struct viewport){.mode = MODE_SCOPE,
                                        .start_ns = T0,
                                        .col_ns = dead ? 20 * MS : MS,
                                        .known_ns = f->n_events ? now : T0,
                                        .trigger_task = TIMELINE_NO_TASK,
                                        .slowness = 10};
    unsigned n = timeline_n_tasks(f->tl);
    for (int self = 0; self < 2; self++)
        for (uint32_t i = 0; i < n && scene->n_tasks < FIXTURE_MAX_TASKS; i++) {
            struct task task;
            timeline_task(f->tl, i, &task);
            if ((task.role == ROLE_OBSERVER) == (self == 1))
                f->tasks[scene->n_tasks++] = i;
        }
    for (unsigned i = 0; i < scene->n_tasks; i++)
        f->rows[i] = (struct roster_row){.task = f->tasks[i], .is_process = true, .n = 1};
    scene->rows = f->rows;
    scene->n_rows = scene->n_tasks;
    set_objects(f);
    if (f->scene.target.pid)
        set_roster(f, strcmp(name, "folded") == 0 ? 2 : 100, now);
}

struct fixture *fixture_new(const char *name)
{
    struct fixture *f = mem_new(1, sizeof *f);
    f->tl = timeline_new(16 << 20);
    f->scene.info.source = "perf";
    f->scene.info.exact = true;
    f->scene.info.observer_cpu = 1;
    if (!make(f, name)) {
        fixture_free(f);
        return NULL;
    }
    if (f->n_events)
        qsort(f->events, f->n_events, sizeof *f->events, by_time);
    set_scene(f, name);
    return f;
}

void fixture_free(struct fixture *fixture)
{
    roster_free(fixture->roster);
    timeline_free(fixture->tl);
    free(fixture->events);
    free(fixture);
}

void fixture_draw(struct fixture *fixture, const struct view_ops *view, struct canvas *canvas)
{
    static const struct key_label keys[] = {
        {.key = "F1", .label = "help"},      {.key = "+ -", .label = "cores"},
        {.key = "c", .label = "pick cores"}, {.key = "t T", .label = "tasks"},
        {.key = "v", .label = "view"},       {.key = "m", .label = "time mode"},
        {.key = "Space", .label = "pause"},  {.key = "w", .label = "compare"},
        {.key = "L", .label = "lecture"},    {.key = "q", .label = "quit"}};
    struct scene *scene = &fixture->scene;
    fixture->scene.at_ns = timeline_now_ns(scene->tl);
    int summary = view_summary_rows(scene, canvas->rows), cols = canvas->cols;
    int ticker = scene->viewport.mode == MODE_SLOW ? view_ticker_rows(scene, canvas->rows) : 0;
    int alert = view_alert_rows(scene, canvas->rows), warnings = view_warning_rows(scene, canvas->rows);
    struct rect rect = {0, 1 + alert, cols, canvas->rows - 2 - alert - summary - ticker - warnings};
    canvas_clear(canvas);
    scene->viewport.cols = view->lane_cols(scene, rect);
    view_title(scene, canvas, (struct rect){0, 0, cols, 1});
    view_alert(scene, canvas, (struct rect){0, 1, cols, alert});
    view->draw(scene, canvas, rect);
    int y = rect.y + rect.rows;
    if (ticker)
        view_ticker(scene, canvas, (struct rect){0, y, cols, ticker});
    view_summary(scene, canvas, (struct rect){0, y + ticker, cols, summary});
    view_warnings(scene, canvas, (struct rect){0, y + ticker + summary, cols, warnings});
    view_keys(canvas, (struct rect){0, canvas->rows - 1, cols, 1}, keys, sizeof keys / sizeof *keys);
}
