/* Gaps in a task's time, and the kernel's counts, become switches out and in. */
#include "watch.h"
#include "../clock.h"
#include "self.h"

#include <sched.h>

/* A switch out and in again so quick that it made no gap is found at the latest after this. */
#define LOOK_EVERY_NS (2 * NS_PER_MS)

/* Attempts to read clock and counts with nothing in between. */
#define BEGIN_TRIES 16

/* Looks that are themselves interrupted, one after the other, before we take what we have. */
#define MAX_GAPS 8

struct gap {
    uint64_t begin_ns, end_ns;
    int16_t cpu; /* after it */
    unsigned n_switches;
};

struct rise {
    uint64_t voluntary, involuntary;
};

static uint64_t gap_length(const struct gap *gap)
{
    return gap->end_ns - gap->begin_ns;
}

static void tell(struct watch *watch, uint64_t time_ns, enum event_kind kind, unsigned detail)
{
    ring_push(watch->ring, &(struct event){.time_ns = time_ns,
                                           .tid = watch->tid,
                                           .cpu = watch->cpu,
                                           .kind = (uint8_t)kind,
                                           .detail = (uint8_t)detail});
}

/* A gap ends at the last switch in; slices within it were too short for a single reading of the clock and lie
 * at its end, without length. */
static void tell_gap(struct watch *watch, const struct gap *gap, struct rise *rise)
{
    uint64_t out_ns = gap->begin_ns;

    for (unsigned i = 0; i < gap->n_switches; i++) {
        bool preempted = rise->involuntary > 0;
        if (preempted)
            rise->involuntary--;
        else
            rise->voluntary--;
        tell(watch, out_ns, EVENT_SWITCH_OUT, preempted ? OUT_PREEMPTED : OUT_BLOCKED);
        watch->cpu = gap->cpu;
        tell(watch, gap->end_ns, EVENT_SWITCH_IN, 0);
        out_ns = gap->end_ns;
    }
}

/* One switch to each gap, the longest first: the others were interrupts. More switches than gaps: the rest
 * went by in the longest. */
static void share_out(struct gap *gaps, unsigned n, uint64_t n_switches)
{
    struct gap *longest = gaps;

    for (unsigned i = 1; i < n; i++) {
        if (gap_length(&gaps[i]) > gap_length(longest))
            longest = &gaps[i];
    }
    for (unsigned round = 0; round < n && n_switches > 0; round++) {
        struct gap *next = gaps;
        for (unsigned i = 1; i < n; i++) {
            bool is_longer = gaps[i].n_switches == 0 && gap_length(&gaps[i]) > gap_length(next);
            if (next->n_switches > 0 || is_longer)
                next = &gaps[i];
        }
        next->n_switches = 1;
        n_switches--;
    }
    longest->n_switches += (unsigned)n_switches;
}

void watch_init_blind(struct watch *watch)
{
    *watch =
        (struct watch){.cpu = -1, .gap_ns = UINT64_MAX, .look_ns = UINT64_MAX, .last_ns = clock_now_ns()};
}

void watch_begin(struct watch *watch, struct ring *ring, _Atomic uint64_t *told_ns, int tid, uint64_t gap_ns)
{
    struct event base_run = {.kind = EVENT_NOTE, .detail = NOTE_BASE_RUN, .tid = tid};
    struct event base = {.kind = EVENT_NOTE, .detail = NOTE_BASE, .tid = tid};
    uint64_t slices, now_ns = 0, after_ns;

    self_schedstat(&base_run.u.run.run_ns, &base_run.u.run.wait_ns, &slices);
    for (int i = 0; i < BEGIN_TRIES; i++) {
        now_ns = clock_now_ns();
        self_switches(&base.u.switches.voluntary, &base.u.switches.involuntary);
        after_ns = clock_now_ns();
        if (after_ns - now_ns <= gap_ns)
            break;
    }
    *watch = (struct watch){
        .ring = ring,
        .told_ns = told_ns,
        .tid = tid,
        .cpu = (int16_t)sched_getcpu(),
        .gap_ns = gap_ns,
        .last_ns = now_ns,
        .look_ns = now_ns + LOOK_EVERY_NS,
        .widest_begin_ns = now_ns,
        .widest_end_ns = now_ns,
        .voluntary = base.u.switches.voluntary,
        .involuntary = base.u.switches.involuntary,
    };
    base.time_ns = base_run.time_ns = now_ns;
    base.cpu = base_run.cpu = watch->cpu;
    ring_push(ring, &base);
    ring_push(ring, &base_run);
    tell(watch, now_ns, EVENT_SWITCH_IN, 0);
    atomic_store_explicit(told_ns, now_ns, memory_order_release);
}

/* A look takes time, in which the task may be switched out too, before or after the counts were read. So a
 * look that was itself held up is one more gap, and another look follows; after one that was not, all counted
 * switches lie in the gaps. */
void watch_look(struct watch *watch, uint64_t now_ns)
{
    struct gap gaps[MAX_GAPS] = {{.begin_ns = watch->widest_begin_ns, .end_ns = watch->widest_end_ns}};
    uint64_t voluntary, involuntary;
    unsigned n = 1;

    for (;;) {
        uint64_t begin_ns = now_ns;
        self_switches(&voluntary, &involuntary);
        gaps[n - 1].cpu = (int16_t)sched_getcpu();
        now_ns = clock_now_ns();
        if (n == MAX_GAPS || now_ns - begin_ns <= watch->gap_ns)
            break;
        gaps[n++] = (struct gap){.begin_ns = begin_ns, .end_ns = now_ns};
    }

    struct rise rise = {voluntary - watch->voluntary, involuntary - watch->involuntary};
    if (rise.voluntary + rise.involuntary > 0) {
        share_out(gaps, n, rise.voluntary + rise.involuntary);
        for (unsigned i = 0; i < n; i++)
            tell_gap(watch, &gaps[i], &rise);
        watch->voluntary = voluntary;
        watch->involuntary = involuntary;
    }
    watch->last_ns = watch->widest_begin_ns = watch->widest_end_ns = now_ns;
    watch->look_ns = now_ns + LOOK_EVERY_NS;
    atomic_store_explicit(watch->told_ns, now_ns, memory_order_release);
}

void watch_end(struct watch *watch)
{
    watch->look_ns = 0;
    watch_step(watch, clock_now_ns());
}
