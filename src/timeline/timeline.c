/* Events become slices per CPU and states per task. */
#include "timeline.h"

#include "../err.h"
#include "chunk.h"
#include "model.h"
#include "overview.h"
#include "ride.h"
#include "waits_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_BYTES ((size_t)256 << 20)
#define LEAST_MEMORY_BYTES   ((size_t)64 << 10)

/* Marks and holes are few in a sane run; in others the older half is forgotten now and then. */
#define MAX_MARKS 65536
#define MAX_HOLES 65536

static void push(struct sink *sink, const struct event *events, unsigned long n);
static void grow_tids(struct timeline *tl);

struct timeline *timeline_new(size_t memory_bytes)
{
    static _Atomic uint64_t n_made;
    struct timeline *tl = mem_new(1, sizeof *tl);
    tl->id = ++n_made;
    tl->sink.push = push;
    grow_tids(tl);
    if (!memory_bytes)
        memory_bytes = DEFAULT_MEMORY_BYTES;
    if (memory_bytes < LEAST_MEMORY_BYTES)
        memory_bytes = LEAST_MEMORY_BYTES;
    store_init(&tl->store, memory_bytes);
    tl->waits = waits_new(memory_bytes / 4);
    tl->due_ns = MODEL_MAX_TIME_NS + 1;
    return tl;
}

void timeline_set_default_role(struct timeline *tl, enum task_role role)
{
    tl->default_role = role;
}

void timeline_set_default_run(struct timeline *tl, uint16_t run)
{
    tl->default_run = run;
}

void timeline_set_self_told(struct timeline *tl)
{
    tl->self_told = true;
}

void timeline_free(struct timeline *tl)
{
    if (!tl)
        return;
    waits_free(tl);
    overview_free(tl->overview);
    for (uint32_t i = 0; i < tl->n_lives; i++)
        track_fini(&tl->lives[i]->track);
    arena_fini(&tl->life_memory);
    arena_fini(&tl->length_memory);
    for (int i = 0; i < tl->n_cpus; i++) {
        if (tl->cpus[i])
            track_fini(&tl->cpus[i]->track);
        free(tl->cpus[i]);
    }
    store_fini(&tl->store);
    free(tl->lives);
    free(tl->pulses);
    free(tl->tids);
    free(tl->cpus);
    free(tl->marks);
    free(tl->holes);
    free(tl);
}

struct sink *timeline_sink(struct timeline *tl)
{
    return &tl->sink;
}

static inline uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

/* ---- finding tasks and CPUs ---- */

static uint32_t hash_tid(int32_t tid)
{
    return (uint32_t)tid * UINT32_C(2654435769) >> 7; /* tids come in rows: Fibonacci hashing spreads them */
}

/* Where tid is, or where it would go. */
static inline struct tid_entry *tid_entry(const struct timeline *tl, int32_t tid)
{
    uint32_t mask = tl->tids_capacity - 1, i = hash_tid(tid) & mask;
    while (tl->tids[i].tid != tid && tl->tids[i].tid != 0)
        i = (i + 1) & mask;
    return &tl->tids[i];
}

static void grow_tids(struct timeline *tl)
{
    struct tid_entry *old = tl->tids;
    uint32_t n_old = tl->tids_capacity;
    tl->tids_capacity = n_old ? 2 * n_old : 256;
    tl->tids = mem_new(tl->tids_capacity, sizeof *tl->tids);
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i].tid)
            *tid_entry(tl, old[i].tid) = old[i];
    free(old);
}

static inline struct life *find_life(const struct timeline *tl, int32_t tid)
{
    return tid_entry(tl, tid)->life;
}

uint32_t timeline_task_by_tid(const struct timeline *tl, int32_t tid)
{
    const struct life *life = find_life(tl, tid);
    return life ? life->task.index : TIMELINE_NO_TASK;
}

__attribute__((cold)) struct life *life_add(struct timeline *tl, int32_t tid, uint64_t t_ns)
{
    assert(tl->n_lives < TRACK_MAX_WHO); /* 2^28 tasks would fill any memory before */
    if (tl->n_lives == tl->lives_capacity) {
        tl->lives_capacity = tl->lives_capacity ? 2 * tl->lives_capacity : 64;
        tl->lives = mem_resize(tl->lives, tl->lives_capacity, sizeof(struct life *));
        tl->pulses = mem_resize(tl->pulses, tl->lives_capacity, sizeof *tl->pulses);
    }
    if (2 * (tl->n_tids + 1) > tl->tids_capacity)
        grow_tids(tl);
    struct life *life = arena_take(&tl->life_memory, sizeof *life);
    struct tid_entry *entry = tid_entry(tl, tid);
    tl->n_tids += entry->tid == 0;
    *entry = (struct tid_entry){tid, life};
    tl->lives[tl->n_lives] = life;
    tl->pulses[tl->n_lives] = tl->id << 40; /* so many times no task comes in */
    life->task = (struct task){
        .index = tl->n_lives++,
        .tid = tid,
        .pid = tid,
        .slot = -1,
        .parent = TIMELINE_NO_TASK,
        .last_waker = TIMELINE_NO_TASK,
        .kind = tid < 0 ? TASK_GREEN : TASK_THREAD,
        .last_cpu = -1,
        .state = STATE_UNKNOWN,
        .state_since_ns = t_ns,
        .first_ns = t_ns,
        .role = tl->default_role,
        .run = tl->default_run,
    };
    life_classify(life);
    life->event_ns = t_ns;
    tl->now_ns = later(tl->now_ns, t_ns);
    life->queued_cpu = -1;
    track_init(&life->track, true, t_ns);
    return life;
}

/* The task that an event speaks of, made when it is not known. */
struct life *life_of(struct timeline *tl, int32_t tid, uint64_t t_ns)
{
    struct life *life = find_life(tl, tid);
    return life ? life : life_add(tl, tid, t_ns);
}

__attribute__((cold)) static struct cpu *add_cpu(struct timeline *tl, int number)
{
    if (number >= tl->n_cpus) {
        tl->cpus = mem_resize(tl->cpus, (unsigned long)number + 1, sizeof(struct cpu *));
        while (tl->n_cpus <= number)
            tl->cpus[tl->n_cpus++] = NULL;
    }
    if (!tl->cpus[number]) {
        struct cpu *cpu = mem_new(1, sizeof *cpu);
        track_init(&cpu->track, false, 0);
        cpu->number = number;
        cpu->last_ns = tl->first_ns;
        tl->cpus[number] = cpu;
    }
    return tl->cpus[number];
}

/* NULL when it was never seen, as -1 never is. */
static inline struct cpu *seen_cpu(const struct timeline *tl, int number)
{
    return (unsigned)number < (unsigned)tl->n_cpus ? tl->cpus[number] : NULL;
}

static inline struct cpu *cpu_of(struct timeline *tl, int number)
{
    struct cpu *cpu = seen_cpu(tl, number);
    return cpu ? cpu : add_cpu(tl, number);
}

struct cpu *timeline_cpu(struct timeline *tl, int number)
{
    return cpu_of(tl, number);
}

/* ---- states ---- */

static inline void unqueue(struct timeline *tl, struct life *life)
{
    if (life->queued_cpu < 0)
        return;
    tl->cpus[life->queued_cpu]->n_runnable -= !life_is_self(life);
    life->queued_cpu = -1;
}

static void queue(struct timeline *tl, struct life *life, int number, uint64_t t_ns)
{
    if (number < 0)
        return;
    struct cpu *cpu = cpu_of(tl, number);
    if (!life_is_self(life) && cpu->n_runnable++ == 0)
        cpu->waiting_ns = t_ns;
    life->queued_cpu = number;
}

void life_set_state(struct timeline *tl, struct life *life, enum task_state state, uint64_t t_ns)
{
    unqueue(tl, life);
    life_beat(tl, life);
    life->task.state = state;
    life->task.state_since_ns = t_ns;
    if (state == STATE_RUNNABLE)
        queue(tl, life, life->task.last_cpu, t_ns);
}

/* Writes what the task was until t_ns into its track, for states that no slice ends. */
void life_settle(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    uint64_t since_ns = life->task.state_since_ns;
    struct item item = {.start_ns = t_ns, .end_ns = t_ns, .tag = TAG_TURN};
    if (life->task.state == STATE_UNKNOWN) {
        item.start_ns = since_ns;
        item.tag = TAG_UNKNOWN;
    } else if (life->task.state == STATE_RUNNABLE) {
        item.wait_ns = t_ns - since_ns;
    }
    if (t_ns > life->track.end_ns)
        track_append(&tl->store, &life->track, &item);
}

void life_gone(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    life_set_state(tl, life, STATE_GONE, t_ns);
    life->task.last_ns = t_ns;
}

static inline void count_slice_length(struct timeline *tl, struct life *life, uint64_t ns)
{
    if (!life->slice_ns)
        life->slice_ns = life_new_lengths(tl);
    histogram_add(life->slice_ns, ns);
}

/* Ends the slice of the task that runs there; its state is for the caller to set. Every slice comes through
 * here by way of switch_out(): left to the compiler it would be a call, for the sake of the seldom callers.
 */
__attribute__((always_inline)) static inline void end_slice(struct timeline *tl, struct cpu *cpu,
                                                            uint64_t t_ns, enum slice_end end)
{
    struct life *life = cpu->running;
    bool self = life_is_self(life);
    uint64_t start_ns = life->task.state_since_ns;

    cpu->running = NULL;
    cpu->free_ns = 0; /* who knows that it is free from t_ns sets it after this */
    track_append_slice(&tl->store, &cpu->track, false, start_ns, t_ns, 0, life->task.index, end, self);
    track_append_slice(&tl->store, &life->track, true, start_ns, t_ns, life->wait_ns, (uint32_t)cpu->number,
                       end, false);
    if (life->rider)
        ride_off(tl, life, t_ns, end);
    if (end == SLICE_LOST)
        return;
    cpu->n_switches += !self;
    count_slice_length(tl, life, t_ns - start_ns); /* that of a lost one is not known */
}

/* Ends a slice whose end was not told: something that contradicts it was. */
__attribute__((cold)) static void lose_slice(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    end_slice(tl, tl->cpus[life->task.last_cpu], t_ns, SLICE_LOST);
    life_set_state(tl, life, STATE_UNKNOWN, t_ns);
    life->event_ns = later(life->event_ns, t_ns);
}

/* Takes an event of a task at the time of its last one if it is older. */
uint64_t life_time(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    t_ns = later(t_ns, life->event_ns);
    life->event_ns = t_ns;
    tl->now_ns = later(tl->now_ns, t_ns);
    return t_ns;
}

/* ---- events ---- */

/* What the gap before a switch-in was: see TIMELINE_MAX_SWITCH_NS. The task that comes in is still on its
 * queue. */
static void take_gap(struct timeline *tl, const struct life *life, struct cpu *cpu, uint64_t t_ns)
{
    uint64_t free_ns = cpu->free_ns, gap_ns = t_ns - free_ns;
    cpu->free_ns = 0;
    if (!cpu->n_runnable || cpu->waiting_ns > free_ns)
        return;
    bool others = gap_ns > (tl->self_told ? TIMELINE_SELF_TOLD_NS : TIMELINE_MAX_SWITCH_NS);
    others = others || (life == cpu->last && !tl->self_told);
    if (!others) {
        if (gap_ns && !tl->self_told && !life_is_self(life)) /* 0: in and out were told as one */
            histogram_add(&tl->switch_costs, gap_ns);
        return;
    }
    struct item item = {.start_ns = free_ns, .end_ns = t_ns, .tag = TAG_OTHERS};
    track_append(&tl->store, &cpu->track, &item);
}

/* The CPU that a switch speaks of, else the one where the task was last; NULL when it was on none. */
__attribute__((cold)) static struct cpu *cpu_for(struct timeline *tl, const struct event *event,
                                                 const struct life *life)
{
    int number = event->cpu >= 0 ? event->cpu : life->task.last_cpu;
    return number >= 0 ? cpu_of(tl, number) : NULL;
}

/* One that is not older than all that was taken so far needs no look at what its task's and its CPU's last
 * were. */
static inline uint64_t switch_time(struct timeline *tl, struct life *life, struct cpu *cpu, uint64_t t_ns)
{
    if (t_ns >= tl->now_ns)
        tl->now_ns = t_ns;
    else
        t_ns = later(t_ns, later(life->event_ns, cpu->last_ns));
    life->event_ns = cpu->last_ns = t_ns;
    tl->any_switch = tl->part_switches = life->switched = true;
    life->task.sampled = false;
    return t_ns;
}

#define LAST_WAY_NS UINT64_C(1000000000)

/* Where all tasks of the machine are watched, one is seen for a moment after its EXIT, too: it may be
 * preempted and come back on its last way (do_exit() of kernel/exit.c). A new one with its tid would have
 * been told. */
static bool is_on_last_way(const struct timeline *tl, const struct life *gone, uint64_t t_ns)
{
    return tl->default_role == ROLE_OTHER && gone->task.exited && t_ns < gone->task.last_ns + LAST_WAY_NS;
}

/* A task that comes in and was never seen, or was gone. NULL: it still is. */
__attribute__((cold)) static struct life *add_newcomer(struct timeline *tl, const struct event *event,
                                                       const struct life *gone)
{
    if (gone && is_on_last_way(tl, gone, event->time_ns))
        return NULL;
    return life_add(tl, event->tid, gone ? later(event->time_ns, gone->event_ns) : event->time_ns);
}

/* A task comes in that told why it went. What it told before it was about to wait may not have come true:
 * then the kernel counts something else. */
__attribute__((cold)) static void come_back(struct timeline *tl, struct life *life, enum event_in how,
                                            uint64_t t_ns)
{
    if (life->waiter)
        waits_in(tl, life, t_ns, how != IN_SWITCHED);
    if (how == IN_SWITCHED || !life->task.n_voluntary)
        return;
    life->task.n_voluntary--;
    if (how != IN_PREEMPTED)
        return;
    life->task.n_involuntary++;
    if (life->task.state == STATE_BLOCKED)
        life_set_state(tl, life, STATE_RUNNABLE, life->task.state_since_ns);
}

/* A task that was woken comes in: how long that took. No task comes in after it was blocked without a wake
 * in between, so that one which came while it still ran was for that block: its waker was quicker than its
 * switch out (try_to_wake_up() of kernel/sched/core.c waits for that). */
static void end_wake(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    uint64_t since_ns = life->task.state_since_ns;
    bool waited = life->task.state == STATE_RUNNABLE && life->woken_ns >= since_ns;
    life->woken = false;
    if (life->task.state == STATE_BLOCKED) {
        life_set_state(tl, life, STATE_RUNNABLE, since_ns);
        waited = true;
    }
    if (!waited)
        return;
    if (!life->wake_ns)
        life->wake_ns = life_new_lengths(tl);
    histogram_add(life->wake_ns, t_ns - later(life->woken_ns, since_ns));
}

static inline void switch_in(struct timeline *tl, const struct event *event)
{
    struct life *life = find_life(tl, event->tid);
    if (!life || life->task.state == STATE_GONE) {
        life = add_newcomer(tl, event, life);
        if (!life)
            return;
    }
    struct cpu *cpu = seen_cpu(tl, event->cpu);
    if (!cpu)
        cpu = cpu_for(tl, event, life);
    if (!cpu)
        return; /* running nobody knows where */
    uint64_t t_ns = switch_time(tl, life, cpu, event->time_ns);

    if (life->task.state == STATE_RUNNING) {
        if (life->task.last_cpu == cpu->number)
            return; /* told twice */
        tl->cpus[life->task.last_cpu]->last_ns = later(tl->cpus[life->task.last_cpu]->last_ns, t_ns);
        lose_slice(tl, life, t_ns);
    }
    if (cpu->running)
        lose_slice(tl, cpu->running, t_ns);
    if (life->waiter || event->detail != IN_SWITCHED)
        come_back(tl, life, (enum event_in)event->detail, t_ns);
    if (life->woken)
        end_wake(tl, life, t_ns);
    if (cpu->free_ns)
        take_gap(tl, life, cpu, t_ns);

    life->wait_ns = 0;
    if (life->task.state == STATE_RUNNABLE) {
        life->wait_ns = t_ns - life->task.state_since_ns;
        unqueue(tl, life);
    } else if (life->task.state == STATE_UNKNOWN) {
        life_settle(tl, life, t_ns);
    }
    if (life->task.last_cpu != cpu->number)
        life->task.n_migrations += life->task.last_cpu >= 0;
    life->task.state = STATE_RUNNING;
    life->task.state_since_ns = t_ns;
    life->task.last_cpu = cpu->number;
    life->task.n_slices++;
    life_beat(tl, life);
    cpu->running = life;
    cpu->n_slices += !life_is_self(life);
    if (life->rider)
        ride_on(tl, life, t_ns);
}

/* A task, which stands on no queue, is off its CPU. */
static inline void leave(struct timeline *tl, struct life *life, struct cpu *cpu, bool preempted,
                         uint64_t t_ns)
{
    life_beat(tl, life);
    life->task.last_cpu = cpu->number;
    life->task.state_since_ns = t_ns;
    cpu->last = life;
    if (preempted) {
        life->task.n_involuntary++;
        life->task.state = STATE_RUNNABLE;
        queue(tl, life, cpu->number, t_ns);
    } else {
        life->task.n_voluntary++;
        life->task.state = STATE_BLOCKED;
        if (life->waiter)
            waits_out(tl, life, t_ns);
    }
}

static struct life *find_taker(const struct timeline *tl, const struct event *event);
static void take_over(struct timeline *tl, const struct event *event, struct life *taker);
static inline void switch_out(struct timeline *tl, const struct event *event);

/* An out of a task of which it was not told that it runs there. */
__attribute__((cold)) static void switch_out_elsewhere(struct timeline *tl, const struct event *event)
{
    struct life *life = life_of(tl, event->tid, event->time_ns);
    if (life->task.state == STATE_GONE) {
        struct life *taker = find_taker(tl, event);
        if (taker) {
            take_over(tl, event, taker);
            switch_out(tl, event);
            return;
        }
        /* its last one was counted with its EXIT */
        life->task.n_involuntary +=
            event->detail == OUT_PREEMPTED && is_on_last_way(tl, life, event->time_ns);
        return;
    }
    struct cpu *cpu = cpu_for(tl, event, life);
    if (!cpu)
        return;
    const bool ran = life->task.state == STATE_RUNNING;
    uint64_t t_ns = switch_time(tl, life, cpu, event->time_ns);
    if (!ran) {
        life_settle(tl, life, t_ns);
    } else if (cpu->running == life) {
        end_slice(tl, cpu, t_ns, event->detail == OUT_PREEMPTED ? SLICE_PREEMPTED : SLICE_BLOCKED);
    } else { /* its switch from there to here was not told */
        struct cpu *old = tl->cpus[life->task.last_cpu];
        old->last_ns = later(old->last_ns, t_ns);
        end_slice(tl, old, t_ns, SLICE_LOST);
    }
    unqueue(tl, life);
    leave(tl, life, cpu, event->detail == OUT_PREEMPTED, t_ns);
    cpu->free_ns = ran ? t_ns : 0;
}

static inline void switch_out(struct timeline *tl, const struct event *event)
{
    struct cpu *cpu = seen_cpu(tl, event->cpu);
    struct life *life = cpu ? cpu->running : NULL;
    if (!life || life->task.tid != event->tid) {
        switch_out_elsewhere(tl, event);
        return;
    }
    const bool preempted = event->detail == OUT_PREEMPTED;
    uint64_t t_ns = switch_time(tl, life, cpu, event->time_ns);
    end_slice(tl, cpu, t_ns, preempted ? SLICE_PREEMPTED : SLICE_BLOCKED);
    leave(tl, life, cpu, preempted, t_ns);
    cpu->free_ns = t_ns;
}

/* A wake of a task that is runnable means nothing, but for the first one of its life. */
static void note_wake(const struct timeline *tl, struct life *life, const struct event *event, uint64_t t_ns)
{
    const struct life *waker = NULL;
    if (life->task.state == STATE_RUNNABLE && life->task.n_slices > 0)
        return;
    if (event->u.wake.waker_tid > 0)
        waker = find_life(tl, event->u.wake.waker_tid);
    life->task.last_waker = waker ? waker->task.index : TIMELINE_NO_TASK;
    life->woken = true;
    life->woken_ns = t_ns;
}

static void wake(struct timeline *tl, const struct event *event)
{
    struct life *life = life_of(tl, event->tid, event->time_ns);
    if (life->task.state == STATE_GONE)
        return;
    uint64_t t_ns = life_time(tl, life, event->time_ns);
    life->task.n_wakes++;
    life->task.wakes_known = true;
    note_wake(tl, life, event, t_ns);
    if (life->task.state == STATE_UNKNOWN)
        life_settle(tl, life, t_ns);
    if (life->task.state == STATE_UNKNOWN || life->task.state == STATE_BLOCKED)
        life_set_state(tl, life, STATE_RUNNABLE, t_ns);
    if (life->task.state == STATE_RUNNABLE && event->cpu >= 0) {
        unqueue(tl, life);
        queue(tl, life, event->cpu, t_ns);
    }
}

/* All that was counted of a task as workload is schedviz's own after all, or the other way round. */
static void move_totals(struct timeline *tl, struct life *life)
{
    bool self = life_is_self(life);
    for (int i = 0; i < tl->n_cpus; i++) {
        if (!tl->cpus[i])
            continue;
        struct cpu *cpu = tl->cpus[i];
        struct cpu_totals moved = track_set_self(&cpu->track, life->task.index, self, life->task.first_ns);
        moved.n_slices += cpu->running == life;
        cpu->n_slices += self ? -moved.n_slices : moved.n_slices;
        cpu->n_switches += self ? -moved.n_switches : moved.n_switches;
    }
}

static void set_role(struct timeline *tl, struct life *life, enum task_role role)
{
    if (role == ROLE_UNKNOWN || role > ROLE_OTHER || role == life->task.role)
        return;
    bool was_self = life_is_self(life);
    int queued = life->queued_cpu;
    unqueue(tl, life);
    life->task.role = role;
    life_classify(life);
    queue(tl, life, queued, tl->now_ns);
    if (was_self != life_is_self(life) && life->task.n_slices)
        move_totals(tl, life);
}

/* fork(2) and clone(2): a new task is part of what its maker is part of, and called like it. */
static void inherit(struct timeline *tl, struct life *life, const struct event *event)
{
    const struct life *parent = find_life(tl, event->u.task.parent);
    if (!parent || parent == life)
        return;
    life->task.parent = parent->task.index;
    if (!life->task.name[0])
        memcpy(life->task.name, parent->task.name, sizeof life->task.name);
    if (event->u.task.role != ROLE_UNKNOWN || parent->task.role != ROLE_WORKLOAD || parent->task.slot >= 0)
        return;
    life->task.run = parent->task.run;
    set_role(tl, life, ROLE_WORKLOAD);
}

static void new_task(struct timeline *tl, const struct event *event)
{
    struct life *life = find_life(tl, event->tid);
    bool fresh = !life || life->task.state == STATE_GONE;
    if (fresh)
        life = life_add(tl, event->tid, life ? later(event->time_ns, life->event_ns) : event->time_ns);
    uint64_t t_ns = life_time(tl, life, event->time_ns);
    /* A task that other streams spoke of a moment before is as fresh: it waits for its first CPU. */
    if (fresh || (life->task.state == STATE_UNKNOWN && !life->switched && !life->task.n_samples)) {
        life_settle(tl, life, t_ns);
        life_set_state(tl, life, STATE_RUNNABLE, t_ns);
    }
    if (event->u.task.pid > 0)
        life->task.pid = event->u.task.pid;
    if (event->u.task.slot >= 0)
        life->task.slot = event->u.task.slot;
    if (event->u.task.run)
        life->task.run = event->u.task.run;
    if (life->task.kind == TASK_GREEN)
        ride_join(tl, life, t_ns);
    else if (event->u.task.kind < TASK_GREEN)
        life->task.kind = (enum task_kind)event->u.task.kind;
    set_role(tl, life, (enum task_role)event->u.task.role);
    if (event->u.task.parent > 0)
        inherit(tl, life, event);
}

static void task_exit(struct timeline *tl, const struct event *event)
{
    struct life *life = life_of(tl, event->tid, event->time_ns);
    if (event->u.exit.known && !life->task.exit_known) {
        life->task.exit_known = true;
        life->task.exit_status = event->u.exit.status;
    }
    if (life->task.exited)
        return;
    uint64_t t_ns = life_time(tl, life, event->time_ns);
    life->task.exited = true;
    if (life->task.kind == TASK_GREEN)
        ride_leave(tl, life, t_ns, SLICE_EXITED);
    if (life->task.state == STATE_RUNNING) {
        /* perf_event_exit_task() takes a task's events away before it is switched out for good (do_exit() in
         * kernel/exit.c): its EXIT is the last that is seen of it. The kernel counts that switch as
         * voluntary. */
        struct cpu *cpu = tl->cpus[life->task.last_cpu];
        t_ns = later(t_ns, cpu->last_ns);
        end_slice(tl, cpu, t_ns, SLICE_EXITED);
        life->task.n_voluntary++;
        cpu->last_ns = cpu->free_ns = t_ns;
        cpu->last = life;
    } else {
        life_settle(tl, life, t_ns);
    }
    life_gone(tl, life, t_ns);
    waits_exit(tl, life, t_ns);
    if (life->task.carries)
        ride_carrier_gone(tl, life, t_ns);
}

/* ---- a thread that executes a program ---- */

/* Who does so takes the tid of its process's first thread, when that and all others have ended (de_thread()
 * of fs/exec.c). No record tells of it: the first one that has the tid of one that is gone is of the CPU on
 * which such a thread runs. NULL: nobody took it. */
static struct life *find_taker(const struct timeline *tl, const struct event *event)
{
    const struct cpu *cpu = seen_cpu(tl, event->cpu);
    struct life *life = cpu ? cpu->running : NULL;
    return life && life->task.pid == event->tid && life->task.tid != event->tid ? life : NULL;
}

/* The taker's lane ends, and one of that tid goes on, as part of what the thread was part of: it is the same
 * for the kernel, which goes on counting. */
static void take_over(struct timeline *tl, const struct event *event, struct life *taker)
{
    const struct life *first = find_life(tl, event->tid);
    const struct kernel_counts counted = taker->task.kernel;
    struct event told = {.time_ns = event->time_ns, .tid = taker->task.tid, .cpu = -1, .kind = EVENT_EXIT};
    task_exit(tl, &told);
    taker->task.n_voluntary--; /* it was not switched out */
    told = (struct event){.time_ns = taker->event_ns, .tid = event->tid, .cpu = -1, .kind = EVENT_NEW};
    told.u.task.pid = event->tid;
    told.u.task.slot = -1;
    told.u.task.run = taker->task.run;
    told.u.task.kind = TASK_PROCESS;
    told.u.task.role = (uint8_t)taker->task.role;
    new_task(tl, &told);
    told = (struct event){
        .time_ns = told.time_ns, .tid = event->tid, .cpu = event->cpu, .kind = EVENT_SWITCH_IN};
    switch_in(tl, &told);
    struct task *task = &find_life(tl, event->tid)->task;
    memcpy(task->name, taker->task.name, sizeof task->name);
    task->parent = first->task.parent;
    task->continues = true;
    task->kernel.base_voluntary = counted.voluntary;
    task->kernel.base_involuntary = counted.involuntary;
    task->kernel.base_run_ns = counted.run_ns;
    task->kernel.base_wait_ns = counted.wait_ns;
    task->kernel.base_slices = counted.slices;
}

/* Where no switches are told, nothing tells that a new task waits rather than sleeps; nor that one of which
 * samples alone are told waits rather than runs. */
static void doubt_state(struct timeline *tl, struct life *life)
{
    if (life->task.state == STATE_RUNNABLE && !life->switched && !life->task.wakes_known &&
        (life->task.sampled || !tl->part_switches || life->task.kernel_state != 'R'))
        life_set_state(tl, life, STATE_UNKNOWN, life->task.state_since_ns);
}

static void sample_state(struct timeline *tl, struct life *life, const struct event *event)
{
    uint64_t t_ns = life->task.state == STATE_GONE ? life->event_ns : life_time(tl, life, event->time_ns);
    life->task.n_samples++;
    life->task.kernel_state = event->u.state.letter;
    if (event->u.state.slices) {
        if (event->u.state.slices != life->task.kernel.slices && !life->task.n_slices)
            life_beat(tl, life); /* samples alone tell that it ran */
        life->task.kernel.slices = event->u.state.slices;
        life->task.kernel.has_slices = true;
    }
    if (event->u.state.found != FOUND_NOT)
        life->task.kernel.base_slices = event->u.state.slices;
    if (event->u.state.found == FOUND_SAMPLED && !life->switched)
        life->task.sampled = true;
    if (event->u.state.found == FOUND_TOLD && life->task.state == STATE_RUNNABLE && !life->switched &&
        event->u.state.letter != 'R') {
        life_set_state(tl, life, STATE_BLOCKED, t_ns);
        return;
    }
    doubt_state(tl, life);
    if (life->switched || life->task.state != STATE_UNKNOWN)
        return;
    if (event->cpu >= 0)
        life->task.last_cpu = event->cpu;
    if (event->u.state.letter != 'R' || event->cpu < 0)
        return;
    struct item item = {.start_ns = life->task.state_since_ns,
                        .end_ns = t_ns,
                        .who = (uint32_t)event->cpu,
                        .tag = TAG_SAMPLE};
    track_append(&tl->store, &life->track, &item);
    life->task.state_since_ns = t_ns;
    life_beat(tl, life);
    struct cpu *cpu = cpu_of(tl, event->cpu);
    if (!cpu->running && t_ns >= cpu->last_ns) {
        cpu->last_ns = t_ns;
        cpu->free_ns = 0; /* it was not free since then */
        item.start_ns = t_ns;
        item.who = life->task.index;
        track_append(&tl->store, &cpu->track, &item);
    }
}

static void sample(struct timeline *tl, const struct event *event)
{
    struct life *life = life_of(tl, event->tid, event->time_ns);
    struct kernel_counts *kernel = &life->task.kernel;
    /* On its last way out a task is not watched any more, but the kernel goes on counting. */
    if (life->task.state == STATE_GONE && event->detail != SAMPLE_STATE)
        return;
    switch (event->detail) {
    case SAMPLE_STATE:
        sample_state(tl, life, event);
        break;
    case SAMPLE_RUN:
        kernel->run_ns = event->u.run.run_ns;
        kernel->wait_ns = event->u.run.wait_ns;
        kernel->has_run = true;
        break;
    case SAMPLE_SWITCHES:
        kernel->voluntary = event->u.switches.voluntary;
        kernel->involuntary = event->u.switches.involuntary;
        kernel->has_switches = true;
        break;
    default:
        return;
    }
    kernel->time_ns = event->time_ns;
}

static void note(struct timeline *tl, const struct event *event)
{
    struct task *task = &life_of(tl, event->tid, event->time_ns)->task;
    switch (event->detail) {
    case NOTE_WORK:
        task->work_done_ns = event->u.work.done_ns;
        task->work_total_ns = event->u.work.total_ns;
        break;
    case NOTE_BASE:
        task->kernel.base_voluntary = event->u.switches.voluntary;
        task->kernel.base_involuntary = event->u.switches.involuntary;
        break;
    case NOTE_BASE_RUN:
        task->kernel.base_run_ns = event->u.run.run_ns;
        task->kernel.base_wait_ns = event->u.run.wait_ns;
        break;
    default:
        break;
    }
}

static void set_name(char name[static EVENT_NAME_SIZE], const struct event *event)
{
    memcpy(name, event->u.name, EVENT_NAME_SIZE);
    name[EVENT_NAME_SIZE - 1] = '\0';
}

static void name(struct timeline *tl, const struct event *event)
{
    const struct life *life = find_life(tl, event->tid);
    if (event->detail == NAME_EXECUTED && life && life->task.state == STATE_GONE) {
        struct life *taker = find_taker(tl, event);
        if (taker)
            take_over(tl, event, taker);
    }
    set_name(life_of(tl, event->tid, event->time_ns)->task.name, event);
}

/* Makes room for one more at the end of an array of elements of `size` bytes. */
static void *room_for_one(void *array, unsigned *n, unsigned *capacity, unsigned max, size_t size)
{
    if (*n < *capacity)
        return array;
    if (*n >= max) {
        *n = max / 2;
        memmove(array, (char *)array + (max - *n) * size, *n * size);
        return array;
    }
    *capacity = *capacity ? 2 * *capacity : 16;
    return mem_resize(array, *capacity, size);
}

static void mark(struct timeline *tl, const struct event *event)
{
    tl->marks = room_for_one(tl->marks, &tl->n_marks, &tl->marks_capacity, MAX_MARKS, sizeof *tl->marks);
    struct mark *added = &tl->marks[tl->n_marks++];
    *added = (struct mark){.time_ns = event->time_ns};
    set_name(added->text, event);
}

void timeline_add_marks(struct timeline *tl, const struct mark *marks, unsigned n)
{
    unsigned own = tl->n_marks, at = own + n;
    if (n > MAX_MARKS - own)
        return;
    if (at > tl->marks_capacity) {
        tl->marks_capacity = at;
        tl->marks = mem_resize(tl->marks, at, sizeof *tl->marks);
    }
    tl->n_marks = at;
    while (n > 0) { /* from the last one on, into the room behind */
        const bool is_own = own > 0 && tl->marks[own - 1].time_ns > marks[n - 1].time_ns;
        tl->marks[--at] = is_own ? tl->marks[--own] : marks[--n];
    }
}

/* What a task does from then on is not known. */
static void lose_task(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    t_ns = later(t_ns, life->task.state_since_ns);
    if (life->task.state == STATE_RUNNING) {
        lose_slice(tl, life, t_ns);
        return;
    }
    life_settle(tl, life, t_ns);
    life_set_state(tl, life, STATE_UNKNOWN, t_ns);
    life->event_ns = later(life->event_ns, t_ns);
}

static bool can_be_lost(const struct life *life)
{
    return life->task.state != STATE_GONE && life->task.state != STATE_UNKNOWN &&
           life->task.kind != TASK_GREEN;
}

void timeline_part(struct timeline *tl)
{
    for (uint32_t i = 0; i < tl->n_lives; i++)
        if (can_be_lost(tl->lives[i]))
            lose_task(tl, tl->lives[i], tl->now_ns);
    for (int i = 0; i < tl->n_cpus; i++)
        if (tl->cpus[i])
            tl->cpus[i]->free_ns = 0;
    tl->part_switches = false;
}

static void lost(struct timeline *tl, const struct event *event)
{
    tl->n_lost += event->u.lost.n;
    if (event->cpu < 0)
        return;
    struct cpu *cpu = cpu_of(tl, event->cpu);
    uint64_t start_ns = cpu->last_ns, end_ns = later(event->time_ns, start_ns);
    cpu->last_ns = end_ns;
    cpu->free_ns = 0;
    tl->now_ns = later(tl->now_ns, end_ns);

    for (uint32_t i = 0; i < tl->n_lives; i++) {
        struct life *life = tl->lives[i];
        if (life->task.last_cpu == event->cpu && can_be_lost(life))
            lose_task(tl, life, start_ns);
    }
    if (end_ns > start_ns) {
        struct item item = {.start_ns = start_ns, .end_ns = end_ns, .tag = TAG_UNKNOWN};
        track_append(&tl->store, &cpu->track, &item);
    }
    tl->holes = room_for_one(tl->holes, &tl->n_holes, &tl->holes_capacity, MAX_HOLES, sizeof *tl->holes);
    tl->holes[tl->n_holes++] = (struct hole){event->cpu, start_ns, end_ns, event->u.lost.n};
}

/* Not inlined: the way of the switches would have to share its registers with all this. */
__attribute__((noinline)) static void take_other(struct timeline *tl, const struct event *event)
{
    tl->now_ns = later(tl->now_ns, event->time_ns);
    if (event->kind == EVENT_MARK) {
        mark(tl, event);
        return;
    }
    if (event->kind == EVENT_LOST) {
        lost(tl, event);
        return;
    }
    if (event->kind == EVENT_OBJECT || (event->kind == EVENT_NOTE && event->detail >= NOTE_WANTS)) {
        waits_take(tl, event);
        return;
    }
    if (event->tid == 0 || (event->tid < 0 && ride_take(tl, event)))
        return;
    switch (event->kind) {
    case EVENT_WAKE:
        wake(tl, event);
        break;
    case EVENT_NEW:
        new_task(tl, event);
        break;
    case EVENT_EXIT:
        task_exit(tl, event);
        break;
    case EVENT_NAME:
        name(tl, event);
        break;
    case EVENT_SAMPLE:
        sample(tl, event);
        break;
    case EVENT_NOTE:
        note(tl, event);
        break;
    default:
        break;
    }
}

/* An event behind which something is due: its time, where it is out of bounds, is put right in `early`. */
__attribute__((cold)) static const struct event *take_due(struct timeline *tl, const struct event *event,
                                                          struct event *early)
{
    *early = *event;
    early->time_ns = event->time_ns < MODEL_MAX_TIME_NS ? event->time_ns : MODEL_MAX_TIME_NS;
    tl->now_ns = later(tl->now_ns, early->time_ns);
    waits_pass(tl, early->time_ns);
    return early;
}

static void push(struct sink *sink, const struct event *events, unsigned long n)
{
    struct timeline *tl = (struct timeline *)sink; /* its first member */
    if (tl->n_events == 0 && tl->n_lives == 0 &&
        n > 0) /* else tasks were restored, and history begins there */
        tl->first_ns = tl->now_ns =
            events[0].time_ns < MODEL_MAX_TIME_NS ? events[0].time_ns : MODEL_MAX_TIME_NS;
    tl->n_events += n;
    for (const struct event *next = events, *end = events + n; next < end; next++) {
        const struct event *event = next;
        struct event early;
        if (event->time_ns >= tl->due_ns)
            event = take_due(tl, event, &early);
        /* Switches first: nearly all that comes is one. */
        if (event->kind == EVENT_SWITCH_IN && event->tid > 0)
            switch_in(tl, event);
        else if (event->kind == EVENT_SWITCH_OUT && event->tid > 0)
            switch_out(tl, event);
        else
            take_other(tl, event);
    }
}

void timeline_advance(struct timeline *tl, uint64_t now_ns)
{
    tl->now_ns = later(tl->now_ns, now_ns < MODEL_MAX_TIME_NS ? now_ns : MODEL_MAX_TIME_NS);
    if (tl->now_ns >= tl->due_ns)
        waits_pass(tl, tl->now_ns);
}
