/* A task: it takes its name and its place, waits at the gate, works, and tells its last counters. */
#include "worker.h"
#include "../clock.h"
#include "gate.h"
#include "self.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define UNIT_STEPS                                                                                           \
    128 /* about 1.7 ns each at 2.4 GHz: one unit is about 250 ns, the reading of the clock included */

/* One chain of dependent multiplications (Knuth's MMIX generator): no memory, nothing for the processor to do
 * at once. The empty asm keeps the compiler from finding a shorter way. */
static inline uint64_t unit(uint64_t x)
{
    for (int i = 0; i < UNIT_STEPS; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

static inline bool wanted(const struct slot *slot, uint64_t units, uint64_t n_units)
{
    return units < n_units && !atomic_load_explicit(&slot->stop, memory_order_relaxed);
}

uint64_t worker_loop(struct slot *slot, struct watch *watch, uint64_t n_units)
{
    uint64_t x = 1, units = 0;

    if (!watch) {
        while (wanted(slot, units, n_units)) {
            x = unit(x);
            atomic_store_explicit(&slot->units, ++units, memory_order_relaxed);
        }
    } else {
        while (wanted(slot, units, n_units)) {
            x = unit(x);
            atomic_store_explicit(&slot->units, ++units, memory_order_relaxed);
            watch_step(watch, clock_now_ns());
        }
    }
    return units;
}

static void tell_new(const struct slot *slot, struct ring *ring, unsigned number, int tid, int pid)
{
    struct event new = {.time_ns = slot->created_ns, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    struct event name = {.time_ns = slot->created_ns, .tid = tid, .cpu = -1, .kind = EVENT_NAME};

    new.u.task.pid = pid;
    new.u.task.slot = (int32_t)number;
    new.u.task.run = slot->order.run;
    new.u.task.kind = (uint8_t)slot->order.kind;
    new.u.task.role = ROLE_WORKLOAD;
    workload_task_name(number, name.u.name);
    ring_push(ring, &new);
    ring_push(ring, &name);
}

/* The last words, all at one moment: work, the kernel's own counters (nobody can read them once the task is
 * gone), and for a task that watched itself its last switch out and its end. Others are seen to end by the
 * host. */
static void tell_end(const struct shared *shared, struct slot *slot, struct ring *ring, int tid,
                     struct watch *watch)
{
    struct event events[6];
    uint64_t run_ns, wait_ns, slices, voluntary, involuntary, time_ns;
    unsigned n = 0;

    bool known = self_schedstat(&run_ns, &wait_ns, &slices);
    if (watch) {
        watch_end(watch);
        voluntary = watch->voluntary;
        involuntary = watch->involuntary;
        time_ns = watch->last_ns;
    } else {
        self_switches(&voluntary, &involuntary);
        time_ns = clock_now_ns();
    }

    struct event plain = {
        .time_ns = time_ns, .tid = tid, .cpu = (int16_t)(watch ? watch->cpu : sched_getcpu())};
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
        events[i] = plain;

    events[n].kind = EVENT_NOTE;
    events[n].detail = NOTE_WORK;
    events[n].u.work.total_ns = slot->order.total_ns;
    events[n++].u.work.done_ns =
        shared_work_done_ns(&slot->order, atomic_load(&slot->units), shared->unit_ps);
    if (known) {
        events[n].kind = EVENT_SAMPLE;
        events[n].detail = SAMPLE_RUN;
        events[n].u.run.run_ns = run_ns;
        events[n++].u.run.wait_ns = wait_ns;
        events[n].kind = EVENT_SAMPLE;
        events[n].detail = SAMPLE_STATE;
        events[n].u.state.letter = 'X';
        events[n++].u.state.slices = slices;
    }
    events[n].kind = EVENT_SAMPLE;
    events[n].detail = SAMPLE_SWITCHES;
    events[n].u.switches.voluntary = voluntary;
    events[n++].u.switches.involuntary = involuntary;
    if (watch) {
        events[n].kind = EVENT_SWITCH_OUT;
        events[n++].detail = OUT_BLOCKED;
    }
    for (unsigned i = 0; i < n; i++)
        ring_push(ring, &events[i]);
    if (watch) {
        plain.kind = EVENT_EXIT;
        plain.u.exit.known = 1;
        atomic_store(&slot->told_exit, ring_push(ring, &plain));
    }
    atomic_store(&slot->told_ns, UINT64_MAX);
}

static void ring_bell(int bell)
{
    if (bell >= 0)
        eventfd_write(bell, 1);
}

static void work(struct shared *shared, struct slot *slot, struct watch *watch, uint32_t ticket)
{
    bool passed = gate_wait(shared, ticket, &slot->stop);

    if (passed) {
        atomic_store(&slot->started_ns, clock_now_ns());
        atomic_store(&slot->stage, STAGE_RUNNING);
    }
    if (watch)
        watch_begin(watch, watch->ring, &slot->told_ns, watch->tid, shared->gap_ns);
    if (passed)
        worker_loop(slot, watch, slot->order.n_units);
    atomic_store(&slot->ended_ns, clock_now_ns());
}

void worker_run(const struct worker *worker)
{
    struct shared *shared = worker->shared;
    struct slot *slot = &shared->slots[worker->slot];
    struct ring *ring = &shared->rings[worker->slot];
    char name[EVENT_NAME_SIZE];
    int tid = gettid(), pid = getpid();
    struct watch watch = {.ring = ring, .tid = tid};
    struct watch *watching = shared->self_timed ? &watch : NULL;

    atomic_store(&slot->pid, pid);
    atomic_store(&slot->tid, tid);
    prctl(PR_SET_NAME, workload_task_name(worker->slot, name));
    tell_new(slot, ring, worker->slot, tid, pid);

    bool placed = cpuset_set_affinity(0, &slot->order.cpus);
    if (placed) {
        uint32_t ticket = gate_ticket(shared);
        atomic_store(&slot->stage, STAGE_GATED);
        ring_bell(worker->schedviz_bell);
        work(shared, slot, watching, ticket);
    } else {
        atomic_store(&slot->error, errno);
    }
    /* The host is rung before the last look at our counts: it may take this CPU at once. */
    atomic_store(&slot->stage, STAGE_ENDING);
    ring_bell(worker->host_bell);
    if (placed)
        tell_end(shared, slot, ring, tid, watching);
}
