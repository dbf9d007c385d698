/* The teller: knows each task's name and life, and whom each CPU runs. */
#include "teller.h"

#include "../err.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY_KNOWN (-1) /* who runs on a CPU; 0 is its idle task */
#define FIRST_SLOTS  1024 /* a power of two */

struct known {
    int32_t tid; /* 0: a free slot */
    int32_t pid; /* 0: not known */
    bool alive;
    bool exiting; /* sched_process_exit was told */
    bool woken;   /* sched_waking was told, and its sched_wakeup was not */
    char name[EVENT_NAME_SIZE];
};

struct teller {
    struct known *slots; /* by open addressing */
    size_t n_slots, n_known;
    int32_t *runs; /* by CPU */
    unsigned n_runs;
    struct event *events; /* where to, of this moment */
    size_t n_events;
    uint64_t now_ns;
    int16_t cpu;
    struct teller_figures figures;
};

struct teller *teller_new(void)
{
    struct teller *teller = mem_new(1, sizeof *teller);
    teller->n_slots = FIRST_SLOTS;
    teller->slots = mem_new(FIRST_SLOTS, sizeof *teller->slots);
    return teller;
}

void teller_free(struct teller *teller)
{
    if (!teller)
        return;
    free(teller->slots);
    free(teller->runs);
    free(teller);
}

struct teller_figures teller_figures(const struct teller *teller)
{
    return teller->figures;
}

/* ---- what is known ---- */

static struct known *slot_of(struct known *slots, size_t n_slots, int32_t tid)
{
    size_t i = (uint32_t)tid * UINT32_C(2654435769) & (n_slots - 1); /* 2^32 / golden ratio: Knuth's hash */
    while (slots[i].tid != 0 && slots[i].tid != tid)
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static void grow(struct teller *teller)
{
    const size_t n_slots = teller->n_slots * 2;
    struct known *slots = mem_new(n_slots, sizeof *slots);
    for (size_t i = 0; i < teller->n_slots; i++) {
        if (teller->slots[i].tid != 0)
            *slot_of(slots, n_slots, teller->slots[i].tid) = teller->slots[i];
    }
    free(teller->slots);
    teller->slots = slots;
    teller->n_slots = n_slots;
}

/* Valid until the next call. */
static struct known *known_of(struct teller *teller, int32_t tid)
{
    if (teller->n_known * 2 >= teller->n_slots)
        grow(teller);
    struct known *known = slot_of(teller->slots, teller->n_slots, tid);
    if (known->tid == 0) {
        known->tid = tid;
        teller->n_known++;
    }
    return known;
}

static int32_t *runs_on(struct teller *teller, int16_t cpu)
{
    const unsigned n = (unsigned)cpu + 1;
    if (n > teller->n_runs) {
        teller->runs = mem_resize(teller->runs, n, sizeof *teller->runs);
        for (; teller->n_runs < n; teller->n_runs++)
            teller->runs[teller->n_runs] = NOBODY_KNOWN;
    }
    return &teller->runs[cpu];
}

/* ---- events ---- */

static struct event *tell(struct teller *teller, enum event_kind kind, int32_t tid)
{
    struct event *event = &teller->events[teller->n_events++];
    *event = (struct event){.time_ns = teller->now_ns, .tid = tid, .cpu = -1, .kind = (uint8_t)kind};
    return event;
}

static void tell_new(struct teller *teller, const struct known *known, int32_t parent)
{
    struct event *event = tell(teller, EVENT_NEW, known->tid);
    event->u.task.pid = known->pid;
    event->u.task.slot = -1;
    event->u.task.parent = parent;
    event->u.task.kind = known->pid == known->tid ? TASK_PROCESS : TASK_THREAD;
    event->u.task.role = ROLE_WORKLOAD;
}

/* Of a task that is alive: tells its name when it is another one. */
static void call(struct teller *teller, struct known *known, const char *name)
{
    if (name[0] == '\0' || strcmp(known->name, name) == 0)
        return;
    memcpy(known->name, name, sizeof known->name);
    memcpy(tell(teller, EVENT_NAME, known->tid)->u.name, name, sizeof known->name);
}

/* A task that is named: there, if it was not before. */
static struct known *introduce(struct teller *teller, int32_t tid, const char *name, int32_t parent)
{
    struct known *known = known_of(teller, tid);
    if (!known->alive) {
        *known = (struct known){.tid = tid, .alive = true};
        tell_new(teller, known, parent);
    }
    call(teller, known, name);
    return known;
}

static void end(struct teller *teller, struct known *known)
{
    tell(teller, EVENT_EXIT, known->tid);
    known->alive = false;
}

static void tell_in(struct teller *teller, int32_t tid)
{
    tell(teller, EVENT_SWITCH_IN, tid)->cpu = teller->cpu;
}

static void tell_lost(struct teller *teller, uint64_t n)
{
    struct event *event = tell(teller, EVENT_LOST, 0);
    event->cpu = teller->cpu;
    event->u.lost.n = n;
}

/* ---- moments ---- */

/* Who acts runs: the first that a CPU tells is who ran there from then on. */
static void tell_who_runs(struct teller *teller, const struct moment *moment)
{
    int32_t *runs = runs_on(teller, moment->cpu);
    if (moment->tid <= 0)
        return;
    if (*runs == NOBODY_KNOWN) {
        *runs = moment->tid;
        introduce(teller, moment->tid, moment->name, 0);
        tell_in(teller, moment->tid);
    }
    struct known *known = known_of(teller, moment->tid);
    if (moment->pid > 0 && known->pid == 0 && known->alive) {
        known->pid = moment->pid;
        tell_new(teller, known, 0);
    }
}

/* A task's last switch is its end: sched_process_exit comes before it is through. */
static void leave(struct teller *teller, const struct moment *moment)
{
    struct known *known = introduce(teller, moment->tid, moment->name, 0);
    if (moment->left == LEFT_DEAD || (moment->left == LEFT_DEAD_OR_PARKED && known->exiting)) {
        end(teller, known);
        return;
    }
    struct event *event = tell(teller, EVENT_SWITCH_OUT, moment->tid);
    event->cpu = teller->cpu;
    event->detail = moment->left == LEFT_RUNNABLE ? OUT_PREEMPTED : OUT_BLOCKED;
}

static void take_switch(struct teller *teller, const struct moment *moment)
{
    int32_t *runs = runs_on(teller, moment->cpu);
    if (*runs != NOBODY_KNOWN && *runs != moment->tid) {
        teller->figures.n_broken++;
        tell_lost(teller, 1);
    }
    *runs = moment->other;
    teller->figures.n_switches++;
    if (moment->tid > 0)
        leave(teller, moment);
    if (moment->other > 0) {
        struct known *known = introduce(teller, moment->other, moment->other_name, 0);
        known->woken = false;
        tell_in(teller, moment->other);
    }
}

/* Where a task is queued is decided after sched_waking: its target_cpu is where it was (try_to_wake_up() of
 * kernel/sched/core.c). A sched_wakeup is only told where sched_waking was not. */
static void take_wake(struct teller *teller, const struct moment *moment)
{
    const int32_t waker = moment->waker_known && moment->tid > 0 ? moment->tid : 0;
    struct known *known =
        introduce(teller, moment->other, moment->other_name, moment->kind == MOMENT_NEW ? waker : 0);
    const bool is_told = moment->kind == MOMENT_WAKEUP && known->woken;
    known->woken = moment->kind == MOMENT_WAKING;
    if (is_told)
        return;
    struct event *event = tell(teller, EVENT_WAKE, moment->other);
    event->cpu = moment->kind == MOMENT_WAKING ? -1 : (int16_t)moment->target_cpu;
    event->u.wake.waker_tid = waker;
}

static void take_fork(struct teller *teller, const struct moment *moment)
{
    struct known *known = known_of(teller, moment->other);
    if (known->alive)
        end(teller, known); /* its end was not told: the number is another's now */
    introduce(teller, moment->other, moment->other_name, moment->tid);
}

/* A thread that is not its process's first one takes that one's number when it executes a program. */
static void take_exec(struct teller *teller, const struct moment *moment)
{
    int32_t *runs = runs_on(teller, moment->cpu);
    if (moment->other > 0 && moment->other != moment->tid) {
        struct known *old = known_of(teller, moment->other);
        if (old->alive)
            end(teller, old);
        introduce(teller, moment->tid, moment->name, 0);
        if (*runs == moment->other) {
            *runs = moment->tid;
            tell_in(teller, moment->tid);
        }
    }
    introduce(teller, moment->tid, moment->name, 0);
}

static void take_exit(struct teller *teller, const struct moment *moment)
{
    introduce(teller, moment->tid, moment->name, 0)->exiting = true;
}

static void take_lost(struct teller *teller, const struct moment *moment)
{
    *runs_on(teller, moment->cpu) = NOBODY_KNOWN;
    teller->figures.n_lost += moment->n;
    tell_lost(teller, moment->n);
}

static void set_time(struct teller *teller, const struct moment *moment)
{
    struct teller_figures *figures = &teller->figures;
    if (figures->first_ns == 0)
        figures->first_ns = moment->time_ns;
    if (moment->time_ns < teller->now_ns)
        figures->n_late++;
    else
        teller->now_ns = moment->time_ns;
    figures->last_ns = teller->now_ns;
    if (moment->cpu >= 0 && (unsigned)moment->cpu >= figures->n_cpus)
        figures->n_cpus = (unsigned)moment->cpu + 1;
}

size_t teller_tell(struct teller *teller, const struct moment *moment, struct event *events)
{
    static void (*const take[])(struct teller *, const struct moment *) = {
        [MOMENT_SWITCH] = take_switch, [MOMENT_WAKING] = take_wake, [MOMENT_WAKEUP] = take_wake,
        [MOMENT_NEW] = take_wake,      [MOMENT_FORK] = take_fork,   [MOMENT_EXEC] = take_exec,
        [MOMENT_EXIT] = take_exit,     [MOMENT_LOST] = take_lost,
    };
    teller->events = events;
    teller->n_events = 0;
    teller->cpu = moment->cpu;
    set_time(teller, moment);
    if (moment->kind != MOMENT_SWITCH && moment->kind != MOMENT_EXEC && moment->kind != MOMENT_LOST)
        tell_who_runs(teller, moment);
    take[moment->kind](teller, moment);
    return teller->n_events;
}
