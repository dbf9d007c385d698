/* Gaps in a task's time, and the kernel's counts, become switches out and in. */
#include "watch.h"
#include "../clock.h"
#include "self.h"

#include <sched.h>

/* A switch out and in again so quick that it made no gap is found at the latest after this. */
#define LOOK_EVERY_NS (2 * NS_PER_MS)

/* Attempts to read clock and counts with nothing in between. */
#define BEGIN_TRIES 16

struct gap {
    uint64_t begin_ns, end_ns;
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

/* One gap, in which the task was switched out as often as the counts rose: it ends at the last switch in; slices
 * between were too short for a single reading of the clock and lie at the end, without length. */
static void tell_gap(struct watch *watch, const struct gap *gap, struct rise rise, int16_t cpu)
{
    uint64_t out_ns = gap->begin_ns;

    while (rise.voluntary + rise.involuntary > 0) {
        bool blocked = rise.voluntary > 0;
        if (blocked)
            rise.voluntary--;
        else
            rise.involuntary--;
        tell(watch, out_ns, EVENT_SWITCH_OUT, blocked ? OUT_BLOCKED : OUT_PREEMPTED);
        watch->cpu = cpu;
        tell(watch, gap->end_ns, EVENT_SWITCH_IN, 0);
        out_ns = gap->end_ns;
    }
}

void watch_init_blind(struct watch *watch)
{
    *watch = (struct watch){.cpu = -1, .gap_ns = UINT64_MAX, .look_ns = UINT64_MAX, .last_ns = clock_now_ns()};
}

void watch_begin(struct watch *watch, struct ring *ring, int tid, uint64_t gap_ns)
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
}

/* The look itself takes time, in which the task may be switched out too: `before` is the longest gap that led to the
 * look and `during` the look. What the counts rose by belongs to the longer one, or one to each if both are long. The
 * counts may have been read before the switch in `during`: then it is kept as the longest gap for the next look. */
void watch_look(struct watch *watch, uint64_t now_ns)
{
    struct gap before = {watch->widest_begin_ns, watch->widest_end_ns};
    struct gap during = {now_ns, now_ns};
    struct rise rise;
    uint64_t voluntary, involuntary;

    self_switches(&voluntary, &involuntary);
    int16_t cpu = (int16_t)sched_getcpu();
    during.end_ns = clock_now_ns();

    rise.voluntary = voluntary - watch->voluntary;
    rise.involuntary = involuntary - watch->involuntary;
    watch->voluntary = voluntary;
    watch->involuntary = involuntary;

    bool both = gap_length(&before) > watch->gap_ns && gap_length(&during) > watch->gap_ns;
    struct rise first = rise, second = {0, 0};
    if (both && rise.voluntary + rise.involuntary > 1) {
        first = rise.voluntary ? (struct rise){1, 0} : (struct rise){0, 1};
        second = (struct rise){rise.voluntary - first.voluntary, rise.involuntary - first.involuntary};
    } else if (gap_length(&during) > gap_length(&before)) {
        first = (struct rise){0, 0};
        second = rise;
    }
    tell_gap(watch, &before, first, cpu);
    tell_gap(watch, &during, second, cpu);

    bool during_told = second.voluntary + second.involuntary > 0;
    watch->last_ns = during.end_ns;
    watch->widest_begin_ns = during_told ? during.end_ns : during.begin_ns;
    watch->widest_end_ns = during.end_ns;
    watch->look_ns = !during_told && gap_length(&during) > watch->gap_ns ? 0 : during.end_ns + LOOK_EVERY_NS;
}

void watch_end(struct watch *watch)
{
    do {
        watch->look_ns = 0;
        watch_step(watch, clock_now_ns());
    } while (watch->look_ns == 0);
}
