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

/* What the kernel counted since the last look. */
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
 * at its end, without length. Preemptions come first, but in a gap that begins with a wait (is_told: its
 * first switch out is told already). */
static void tell_gap(struct watch *watch, const struct gap *gap, struct rise *rise, bool is_told)
{
    uint64_t out_ns = gap->begin_ns;

    for (unsigned i = 0; i < gap->n_switches; i++) {
        bool waited = is_told && i == 0 && rise->voluntary > 0;
        bool preempted = rise->involuntary > 0 && !waited;
        if (preempted)
            rise->involuntary--;
        else
            rise->voluntary--;
        if (!is_told || i > 0)
            tell(watch, out_ns, EVENT_SWITCH_OUT, preempted ? OUT_PREEMPTED : OUT_BLOCKED);
        watch->cpu = gap->cpu;
        tell(watch, gap->end_ns, EVENT_SWITCH_IN,
             is_told && i == 0 && preempted ? IN_PREEMPTED : IN_SWITCHED);
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

static void kernels_count(struct watch_counts *counts)
{
    self_switches(&counts->voluntary, &counts->involuntary);
    counts->cpu = (int16_t)sched_getcpu();
}

static const struct watch_eyes kernels_eyes = {clock_now_ns, kernels_count};

void watch_begin(struct watch *watch, const struct watch_eyes *eyes, struct ring *ring,
                 _Atomic uint64_t *told_ns, int tid, uint64_t gap_ns)
{
    struct event base_run = {.kind = EVENT_NOTE, .detail = NOTE_BASE_RUN, .tid = tid};
    struct event base = {.kind = EVENT_NOTE, .detail = NOTE_BASE, .tid = tid};
    struct watch_counts counts = {0};
    uint64_t slices, now_ns = 0, after_ns;

    eyes = eyes ? eyes : &kernels_eyes;
    self_schedstat(&base_run.u.run.run_ns, &base_run.u.run.wait_ns, &slices);
    for (int i = 0; i < BEGIN_TRIES; i++) {
        now_ns = eyes->now_ns();
        eyes->count(&counts);
        after_ns = eyes->now_ns();
        if (after_ns - now_ns <= gap_ns)
            break;
    }
    *watch = (struct watch){
        .eyes = eyes,
        .ring = ring,
        .told_ns = told_ns,
        .tid = tid,
        .cpu = counts.cpu,
        .gap_ns = gap_ns,
        .last_ns = now_ns,
        .look_ns = now_ns + LOOK_EVERY_NS,
        .widest_begin_ns = now_ns,
        .widest_end_ns = now_ns,
        .voluntary = counts.voluntary,
        .involuntary = counts.involuntary,
    };
    base.u.switches.voluntary = counts.voluntary;
    base.u.switches.involuntary = counts.involuntary;
    base.time_ns = base_run.time_ns = now_ns;
    base.cpu = base_run.cpu = watch->cpu;
    ring_push(ring, &base);
    ring_push(ring, &base_run);
    tell(watch, now_ns, EVENT_SWITCH_IN, IN_SWITCHED);
    atomic_store_explicit(told_ns, now_ns, memory_order_release);
}

/* A look takes time, in which the task may be switched out too, before or after the counts were read. So a
 * look that was itself held up is one more gap, and another look follows; after one that was not, all counted
 * switches lie in the gaps. Returns how many gaps there are, of which the first is given. */
static unsigned look(struct watch *watch, uint64_t now_ns, struct gap gaps[MAX_GAPS], struct rise *rise)
{
    struct watch_counts counts;
    unsigned n = 1;

    for (;;) {
        uint64_t begin_ns = now_ns;
        watch->eyes->count(&counts);
        now_ns = watch->eyes->now_ns();
        gaps[n - 1].cpu = counts.cpu;
        if (n == MAX_GAPS || now_ns - begin_ns <= watch->gap_ns)
            break;
        gaps[n++] = (struct gap){.begin_ns = begin_ns, .end_ns = now_ns};
    }
    *rise = (struct rise){counts.voluntary - watch->voluntary, counts.involuntary - watch->involuntary};
    watch->voluntary = counts.voluntary;
    watch->involuntary = counts.involuntary;
    watch->last_ns = watch->widest_begin_ns = watch->widest_end_ns = now_ns;
    watch->look_ns = now_ns + LOOK_EVERY_NS;
    return n;
}

void watch_look(struct watch *watch, uint64_t now_ns)
{
    struct gap gaps[MAX_GAPS] = {{.begin_ns = watch->widest_begin_ns, .end_ns = watch->widest_end_ns}};
    struct rise rise;
    unsigned n = look(watch, now_ns, gaps, &rise);

    if (rise.voluntary + rise.involuntary > 0) {
        share_out(gaps, n, rise.voluntary + rise.involuntary);
        for (unsigned i = 0; i < n; i++)
            tell_gap(watch, &gaps[i], &rise, false);
    }
    atomic_store_explicit(watch->told_ns, watch->last_ns, memory_order_release);
}

void watch_block(struct watch *watch)
{
    if (watch->blocked_ns)
        return;
    watch->look_ns = 0;
    watch_step(watch, watch->eyes->now_ns());
    watch->blocked_ns = watch->last_ns;
    tell(watch, watch->blocked_ns, EVENT_SWITCH_OUT, OUT_BLOCKED);
    atomic_store(watch->told_ns, UINT64_MAX);
}

/* The wait takes all switches that the kernel counts as voluntary. Preemptions lie in the looks that were
 * held up, or at the end of the wait. */
static void share_out_wait(struct gap *gaps, unsigned n, const struct rise *rise)
{
    uint64_t n_looks = n - 1 < rise->involuntary ? n - 1 : rise->involuntary;

    if (rise->voluntary == 0) {
        share_out(gaps, n, rise->involuntary);
        return;
    }
    gaps[0].n_switches = (unsigned)(rise->voluntary + rise->involuntary - n_looks);
    if (n_looks > 0)
        share_out(gaps + 1, n - 1, n_looks);
}

/* Who saw us asleep has read the clock before told_ns is taken back here, and so before the time of what is
 * told from now on. */
void watch_unblock(struct watch *watch)
{
    struct gap gaps[MAX_GAPS] = {{.begin_ns = watch->blocked_ns}};
    struct rise rise;

    if (!watch->blocked_ns)
        return;
    atomic_store(watch->told_ns, watch->eyes->now_ns());
    gaps[0].end_ns = watch->eyes->now_ns();
    unsigned n = look(watch, gaps[0].end_ns, gaps, &rise);
    share_out_wait(gaps, n, &rise);
    watch->blocked_ns = 0;
    if (gaps[0].n_switches == 0) {
        watch->cpu = gaps[0].cpu;
        tell(watch, gaps[0].end_ns, EVENT_SWITCH_IN, IN_STAYED);
    }
    for (unsigned i = 0; i < n; i++)
        tell_gap(watch, &gaps[i], &rise, i == 0);
    atomic_store(watch->told_ns, watch->last_ns);
}

void watch_end(struct watch *watch)
{
    watch_unblock(watch);
    watch->look_ns = 0;
    watch_step(watch, watch->eyes->now_ns());
}
