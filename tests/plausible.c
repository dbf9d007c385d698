/* Events of a machine that never was, of a plausible shape. */
#include "plausible.h"

#include "../src/record/recorder.h"

#include "../src/clock.h"
#include "../src/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_NS  (3600 * NS_PER_S) /* up for an hour */
#define SLICE_NS  (3 * NS_PER_MS)
#define FIRST_TID 4000
#define N_LOCKS   8
#define NEVER     UINT64_MAX

enum activity { SLEEPS, QUEUES, RUNS };

struct sleeper {
    int32_t tid;
    unsigned cpu;
    enum activity activity;
    uint64_t burst_ns;  /* what it has left to compute before it waits */
    uint64_t wake_ns;   /* SLEEPS */
    uint64_t queued_at; /* QUEUES: a number that grows */
    int32_t lock;       /* what it waits for, -1: a time */
    bool told;          /* what it waited for is over, and it says so when it runs */
    unsigned kind;      /* 0: computes, 1: mostly waits, 2: takes turns */
};

/* A CPU runs a task until until_ns, switches until then, or idles. */
struct core {
    struct sleeper *current;
    bool switching;
    uint64_t until_ns, since_ns, next_ns;
    struct sleeper **tasks;
    unsigned n_tasks, capacity;
};

struct plausible {
    uint64_t random, now_ns, queued;
    struct core *cores;
    unsigned n_cores;
    struct sleeper *tasks;
    unsigned n_tasks;
    unsigned *heap;  /* cores, the one that acts next first */
    unsigned *place; /* of a core in it */
    unsigned n_introduced;
    uint64_t mark_ns;
    struct event *out;
};

/* ---- who acts next ---- */

static bool acts_before(const struct plausible *p, unsigned a, unsigned b)
{
    return p->cores[p->heap[a]].next_ns < p->cores[p->heap[b]].next_ns;
}

static void swap(struct plausible *p, unsigned a, unsigned b)
{
    const unsigned core = p->heap[a];
    p->heap[a] = p->heap[b];
    p->heap[b] = core;
    p->place[p->heap[a]] = a;
    p->place[p->heap[b]] = b;
}

static void settle(struct plausible *p, unsigned core)
{
    unsigned i = p->place[core];
    while (i > 0 && acts_before(p, i, (i - 1) / 2)) {
        swap(p, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
    for (;;) {
        unsigned least = i;
        for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < p->n_cores; child++)
            if (acts_before(p, child, least))
                least = child;
        if (least == i)
            return;
        swap(p, i, least);
        i = least;
    }
}

static void plan(struct plausible *p, unsigned number)
{
    struct core *core = &p->cores[number];
    core->next_ns = core->current || core->switching ? core->until_ns : NEVER;
    for (unsigned i = 0; i < core->n_tasks; i++)
        if (core->tasks[i]->activity == SLEEPS && core->tasks[i]->wake_ns < core->next_ns)
            core->next_ns = core->tasks[i]->wake_ns;
    settle(p, number);
}

/* ---- what happens ---- */

static void emit(struct plausible *p, struct event event)
{
    event.time_ns = p->now_ns;
    *p->out++ = event;
}

static void join_core(struct core *core, struct sleeper *task)
{
    if (core->n_tasks == core->capacity) {
        core->capacity = core->capacity ? 2 * core->capacity : 8;
        core->tasks = mem_resize(core->tasks, core->capacity, sizeof *core->tasks);
    }
    core->tasks[core->n_tasks++] = task;
}

static void leave_core(struct core *core, const struct sleeper *task)
{
    unsigned i = 0;
    while (core->tasks[i] != task)
        i++;
    core->tasks[i] = core->tasks[--core->n_tasks];
}

static void choose_burst(struct plausible *p, struct sleeper *task)
{
    static const uint64_t longest_ns[] = {60 * NS_PER_MS, 300 * NS_PER_US, 40 * NS_PER_US};
    task->burst_ns = 5 * NS_PER_US + random_below(&p->random, longest_ns[task->kind]);
}

static void queue_task(struct plausible *p, struct sleeper *task)
{
    task->activity = QUEUES;
    task->queued_at = p->queued++;
}

static struct sleeper *longest_queued(const struct core *core)
{
    struct sleeper *first = NULL;
    for (unsigned i = 0; i < core->n_tasks; i++)
        if (core->tasks[i]->activity == QUEUES && (!first || core->tasks[i]->queued_at < first->queued_at))
            first = core->tasks[i];
    return first;
}

static void start_switch(struct plausible *p, struct core *core)
{
    core->current = NULL;
    core->switching = longest_queued(core) != NULL;
    core->until_ns = p->now_ns + 700 + random_below(&p->random, 600);
}

static void switch_in(struct plausible *p, struct core *core, unsigned number)
{
    struct sleeper *task = longest_queued(core);
    const uint64_t jitter_ns = random_below(&p->random, 2000);
    core->switching = false;
    core->current = task;
    task->activity = RUNS;
    core->since_ns = p->now_ns;
    core->until_ns = p->now_ns + (task->burst_ns < SLICE_NS ? task->burst_ns : SLICE_NS + jitter_ns);
    emit(p, (struct event){.tid = task->tid, .cpu = (int16_t)number, .kind = EVENT_SWITCH_IN});
    if (task->told)
        emit(p, (struct event){.tid = task->tid,
                               .cpu = -1,
                               .kind = EVENT_NOTE,
                               .detail = NOTE_GOT,
                               .u.sync = {.object = task->lock}});
    task->told = false;
}

static void sleep_now(struct plausible *p, struct sleeper *task)
{
    static const uint64_t longest_ns[] = {2 * NS_PER_MS, 5 * NS_PER_MS, 100 * NS_PER_US};
    task->activity = SLEEPS;
    task->wake_ns = p->now_ns + 2 * NS_PER_US + random_below(&p->random, longest_ns[task->kind]);
    const uint64_t chance = random_below(&p->random, 16);
    if (chance > 1)
        return;
    task->lock = chance ? (int32_t)random_below(&p->random, N_LOCKS) : -1;
    task->told = true;
    emit(p, (struct event){.tid = task->tid,
                           .cpu = -1,
                           .kind = EVENT_NOTE,
                           .detail = chance ? NOTE_WANTS : NOTE_SLEEPS,
                           .u.sync = {.object = task->lock, .until_ns = chance ? 0 : task->wake_ns}});
}

static void switch_out(struct plausible *p, struct core *core, unsigned number)
{
    struct sleeper *task = core->current;
    const uint64_t ran_ns = p->now_ns - core->since_ns;
    const bool blocks = ran_ns >= task->burst_ns;
    if (blocks) {
        sleep_now(p, task);
        choose_burst(p, task);
    } else {
        task->burst_ns -= ran_ns;
        queue_task(p, task);
    }
    emit(p, (struct event){.tid = task->tid,
                           .cpu = (int16_t)number,
                           .kind = EVENT_SWITCH_OUT,
                           .detail = blocks ? OUT_BLOCKED : OUT_PREEMPTED});
    start_switch(p, core);
}

/* One in sixteen goes on elsewhere. */
static void wake(struct plausible *p, unsigned number, struct sleeper *task)
{
    struct core *core = &p->cores[number];
    unsigned to = number;
    if (random_below(&p->random, 16) == 0) {
        to = (unsigned)random_below(&p->random, p->n_cores);
        leave_core(core, task);
        join_core(&p->cores[to], task);
        task->cpu = to;
    }
    queue_task(p, task);
    const struct sleeper *waker = core->current;
    struct event wake = {.tid = task->tid, .cpu = -1, .kind = EVENT_WAKE};
    wake.u.wake.waker_tid = waker ? waker->tid : 0;
    emit(p, wake);
    struct core *there = &p->cores[to];
    if (!there->current && !there->switching)
        start_switch(p, there);
    if (to != number)
        plan(p, to);
}

static struct sleeper *due_sleeper(const struct core *core, uint64_t now_ns)
{
    for (unsigned i = 0; i < core->n_tasks; i++)
        if (core->tasks[i]->activity == SLEEPS && core->tasks[i]->wake_ns <= now_ns)
            return core->tasks[i];
    return NULL;
}

static void act(struct plausible *p, unsigned number)
{
    struct core *core = &p->cores[number];
    p->now_ns = core->next_ns;
    struct sleeper *woken = due_sleeper(core, p->now_ns);
    if (woken)
        wake(p, number, woken);
    else if (core->switching)
        switch_in(p, core, number);
    else
        switch_out(p, core, number);
    plan(p, number);
}

static void mark(struct plausible *p)
{
    struct event event = {.kind = EVENT_MARK, .cpu = -1};
    snprintf(event.u.name, sizeof event.u.name, "cores: %hu",
             (unsigned short)(random_below(&p->random, p->n_cores) + 1));
    emit(p, event);
    p->mark_ns = p->now_ns + NS_PER_S + random_below(&p->random, 20 * NS_PER_S);
}

/* ---- its beginning ---- */

static void introduce_lock(struct plausible *p, unsigned number)
{
    struct event event = {.tid = (int32_t)number, .kind = EVENT_OBJECT, .detail = OBJECT_MUTEX};
    snprintf(event.u.name, sizeof event.u.name, "lock%u", number);
    emit(p, event);
}

static void introduce_task(struct plausible *p, unsigned number)
{
    static const char *const kinds[] = {"compute", "server", "turns"};
    const struct sleeper *task = &p->tasks[number];
    struct event event = {.tid = task->tid, .cpu = -1, .kind = EVENT_NAME};
    emit(p, (struct event){
                .tid = task->tid,
                .cpu = -1,
                .kind = EVENT_NEW,
                .u.task = {.pid = FIRST_TID - 1, .slot = (int32_t)number, .run = 1, .role = ROLE_WORKLOAD}});
    snprintf(event.u.name, sizeof event.u.name, "%s%u", kinds[task->kind], number);
    emit(p, event);
}

struct plausible *plausible_new(unsigned n_cpus, unsigned n_tasks, uint64_t seed)
{
    struct plausible *p = mem_new(1, sizeof *p);
    *p = (struct plausible){.random = seed * 2 + 1,
                            .now_ns = BEGIN_NS,
                            .mark_ns = BEGIN_NS + NS_PER_MS,
                            .n_cores = n_cpus,
                            .n_tasks = n_tasks,
                            .cores = mem_new(n_cpus, sizeof *p->cores),
                            .tasks = mem_new(n_tasks, sizeof *p->tasks),
                            .heap = mem_new(n_cpus, sizeof *p->heap),
                            .place = mem_new(n_cpus, sizeof *p->place)};
    for (unsigned i = 0; i < n_cpus; i++) {
        p->heap[i] = p->place[i] = i;
        p->cores[i].next_ns = NEVER;
    }
    for (unsigned i = 0; i < n_tasks; i++) {
        struct sleeper *task = &p->tasks[i];
        *task = (struct sleeper){.tid = FIRST_TID + (int32_t)i,
                                 .cpu = i % n_cpus,
                                 .kind = (unsigned)random_below(&p->random, 3),
                                 .wake_ns = BEGIN_NS + NS_PER_US + random_below(&p->random, NS_PER_MS)};
        choose_burst(p, task);
        join_core(&p->cores[task->cpu], task);
    }
    for (unsigned i = 0; i < n_cpus; i++)
        plan(p, i);
    return p;
}

void plausible_free(struct plausible *p)
{
    for (unsigned i = 0; i < p->n_cores; i++)
        free(p->cores[i].tasks);
    free(p->cores);
    free(p->tasks);
    free(p->heap);
    free(p->place);
    free(p);
}

size_t plausible_events(struct plausible *p, struct event *events, size_t n)
{
    p->out = events;
    while ((size_t)(p->out - events) < n) {
        if (p->n_introduced < N_LOCKS)
            introduce_lock(p, p->n_introduced++);
        else if (p->n_introduced < N_LOCKS + p->n_tasks)
            introduce_task(p, p->n_introduced++ - N_LOCKS);
        else if (p->now_ns >= p->mark_ns)
            mark(p);
        else
            act(p, p->heap[0]);
    }
    return (size_t)(p->out - events);
}

#define BATCH 4096

bool plausible_record(const char *path, uint64_t n_events, unsigned n_cpus, unsigned n_tasks, uint64_t seed,
                      struct recorder_figures *figures, struct err *err)
{
    static struct event events[BATCH + 16];
    struct plausible *machine = plausible_new(n_cpus, n_tasks, seed);
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    bool good = recorder_start(recorder, path, true, UINT64_MAX, err);
    for (uint64_t n = 0; good && n < n_events;) {
        const uint64_t left = n_events - n;
        const size_t got = plausible_events(machine, events, left < BATCH ? (size_t)left : BATCH);
        timeline_sink(timeline)->push(timeline_sink(timeline), events, got);
        recorder_sink(recorder)->push(recorder_sink(recorder), events, got);
        n += got;
    }
    good = good && recorder_stop(recorder, err);
    recorder_figures(recorder, figures);
    recorder_free(recorder);
    timeline_free(timeline);
    plausible_free(machine);
    return good;
}
