/* A task: it takes its name and its place, waits at the gate, works, and tells its last counters. */
#include "worker.h"
#include "../clock.h"
#include "gate.h"
#include "words.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define UNIT_STEPS                                                                                           \
    128 /* about 1.7 ns each at 2.4 GHz: one unit is about 250 ns, the reading   \ of the clock included */

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

static inline bool wanted(const struct slot *slot, uint64_t done, uint64_t n_units)
{
    return done < n_units && !atomic_load_explicit(&slot->stop, memory_order_relaxed);
}

uint64_t worker_loop(struct slot *slot, struct watch *watch, uint64_t n_units)
{
    uint64_t x = 1, done = 0, units = atomic_load_explicit(&slot->units, memory_order_relaxed);

    if (!watch) {
        while (wanted(slot, done, n_units)) {
            x = unit(x);
            atomic_store_explicit(&slot->units, units + ++done, memory_order_relaxed);
        }
    } else {
        while (wanted(slot, done, n_units)) {
            x = unit(x);
            atomic_store_explicit(&slot->units, units + ++done, memory_order_relaxed);
            watch_step(watch, clock_now_ns());
        }
    }
    return done;
}

struct player worker_player(const struct worker *worker, struct watch *watch, int tid)
{
    struct shared *shared = worker->shared;
    struct slot *slot = &shared->slots[worker->slot];

    return (struct player){
        .program = shared->program,
        .part = slot->order.part,
        .settings = slot->order.has_settings ? &slot->order.settings : NULL,
        .shared = shared,
        .slot = slot,
        .n_slot = worker->slot,
        .ring = &shared->rings[worker->slot],
        .watch = watch,
        .objects = shared_objects(shared, slot->order.set),
        .tid = tid,
        .host_bell = worker->host_bell,
    };
}

void worker_introduce(const struct player *player, int pid)
{
    const struct slot *slot = player->slot;
    struct event about = {.time_ns = slot->created_ns, .tid = player->tid};
    char name[EVENT_NAME_SIZE];

    about.u.task.pid = pid;
    about.u.task.slot = (int32_t)player->n_slot;
    about.u.task.run = slot->order.run;
    about.u.task.kind = (uint8_t)slot->order.kind;
    about.u.task.role = ROLE_WORKLOAD;
    words_first(player->ring, &about, shared_task_name(player->shared, player->n_slot, name));
}

struct event worker_work(const struct player *player)
{
    const struct slot *slot = player->slot;
    struct event work = {.tid = player->tid, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_WORK};

    work.u.work.total_ns = slot->order.total_ns;
    work.u.work.done_ns =
        shared_work_done_ns(&slot->order, atomic_load(&slot->units), player->shared->unit_ps);
    return work;
}

static void ring_bell(int bell)
{
    if (bell >= 0)
        eventfd_write(bell, 1);
}

void worker_begin(const struct worker *worker, struct slot *slot)
{
    if (!slot->order.forked)
        slot->zero_ns = atomic_load(&worker->shared->released_ns);
    atomic_store(&slot->started_ns, clock_now_ns());
    atomic_store(&slot->stage, STAGE_RUNNING);
    if (slot->order.forked)
        ring_bell(worker->schedviz_bell);
}

/* Everything that there is to do; false when it was stopped before the end. */
static bool perform(struct player *player)
{
    struct slot *slot = player->slot;

    if (player->program)
        return play(player);
    worker_loop(slot, player->watch, slot->order.n_units);
    return atomic_load(&slot->units) >= slot->order.n_units;
}

static void work(const struct worker *worker, struct player *player, uint32_t ticket)
{
    struct slot *slot = player->slot;
    bool passed = slot->order.forked || gate_wait(player->shared, ticket, &slot->stop);

    if (passed)
        worker_begin(worker, slot);
    if (player->watch)
        watch_begin(player->watch, NULL, player->ring, &slot->told_ns, player->tid, player->shared->gap_ns);
    if (passed)
        atomic_store(&slot->finished, perform(player));
    atomic_store(&slot->ended_ns, clock_now_ns());
}

static void say_last_words(const struct player *player)
{
    struct slot *slot = player->slot;
    struct event done = worker_work(player);

    atomic_store(&slot->told_exit, words_last(player->ring, player->tid, player->watch, &done));
    atomic_store(&slot->told_ns, UINT64_MAX);
}

void worker_run(const struct worker *worker)
{
    struct shared *shared = worker->shared;
    struct slot *slot = &shared->slots[worker->slot];
    char name[EVENT_NAME_SIZE];
    struct watch watch;
    struct player player = worker_player(worker, shared->self_timed ? &watch : NULL, gettid());

    atomic_store(&slot->pid, getpid());
    atomic_store(&slot->tid, player.tid);
    prctl(PR_SET_NAME, shared_task_name(shared, worker->slot, name));
    worker_introduce(&player, getpid());

    bool placed = cpuset_set_affinity(0, &slot->order.cpus);
    if (placed) {
        if (player.program || player.settings)
            play_prepare(&player);
        uint32_t ticket = gate_ticket(shared);
        if (!slot->order.forked) {
            atomic_store(&slot->stage, STAGE_GATED);
            ring_bell(worker->schedviz_bell);
        }
        work(worker, &player, ticket);
    } else {
        atomic_store(&slot->error, errno);
    }
    /* The maker is rung before the last look at our counts: it may take this CPU at once. */
    atomic_store(&slot->stage, STAGE_ENDING);
    ring_bell(worker->maker_bell);
    if (placed)
        say_last_words(&player);
}

/* ---- a task asks for another ---- */

/* From the top of the table: schedviz fills it from the bottom. */
static bool claim_slot(struct shared *shared, unsigned claimer, unsigned *i)
{
    for (*i = WORKLOAD_MAX_TASKS; (*i)-- > 0;) {
        if (shared_claim(shared, *i, claimer))
            return true;
    }
    return false;
}

bool worker_fork(const struct player *player, uint32_t template)
{
    struct shared *shared = player->shared;
    const struct template *asked = &player->program->templates[template];
    struct order order = {
        .kind = asked->has_kind ? asked->kind : player->slot->order.kind,
        .run = player->slot->order.run,
        .forked = true,
        .part.template = template,
        .several = true,
        .set = player->slot->order.set,
        .has_settings = player->slot->order.has_settings,
        .settings = player->slot->order.settings,
        .n_units = UINT64_MAX,
        .cpus = player->slot->order.cpus,
    };
    unsigned i;

    if (asked->settings.has_cpus)
        order.cpus = asked->settings.cpus;
    else
        cpuset_get_affinity(0, &order.cpus);
    if (!claim_slot(shared, 1 + (unsigned)(player->slot - shared->slots), &i))
        return false;
    order.part.instance = asked->n_instances + (WORKLOAD_MAX_TASKS - 1 - i);
    shared_prepare(shared, i, &order);
    shared->slots[i].zero_ns = player->slot->zero_ns;
    shared_ask(shared, i);
    ring_bell(player->host_bell);
    return true;
}
