/* How a task sees its own slices, with clock and counts that the test makes up. */
#include "../../src/clock.h"
#include "../../src/engine/feed.h"
#include "../../src/engine/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define GAP_NS 1500

/* The kernel: its clock goes on by 100 ns at each reading, and by what was put ahead. */
static struct {
    uint64_t now_ns;
    uint64_t ahead_ns[64]; /* of the readings to come */
    unsigned n_read;
    struct watch_counts counts;
    struct watch_counts rise[64]; /* of the counts to come */
    unsigned n_counted;
} kernel;

static uint64_t kernel_now_ns(void)
{
    kernel.now_ns += 100 + kernel.ahead_ns[kernel.n_read++ % 64];
    return kernel.now_ns;
}

static void kernel_count(struct watch_counts *counts)
{
    unsigned i = kernel.n_counted++ % 64;
    kernel.counts.voluntary += kernel.rise[i].voluntary;
    kernel.counts.involuntary += kernel.rise[i].involuntary;
    *counts = kernel.counts;
}

static const struct watch_eyes eyes = {kernel_now_ns, kernel_count};

/* What lies ahead from here on: k-th reading of the clock, k-th of the counts. */
static void plan_nothing(void)
{
    memset(kernel.ahead_ns, 0, sizeof kernel.ahead_ns);
    memset(kernel.rise, 0, sizeof kernel.rise);
    kernel.n_read = kernel.n_counted = 0;
}

struct bench {
    struct ring *ring;
    struct watch watch;
    _Atomic uint64_t told_ns;
    uint64_t voluntary, involuntary; /* when it began */
    struct event events[RING_EVENTS];
    size_t n;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->ring = aligned_alloc(64, sizeof *b->ring);
    memset(b->ring, 0, sizeof *b->ring);
    memset(&kernel, 0, sizeof kernel);
    kernel.now_ns = NS_PER_S;
    kernel.counts = (struct watch_counts){.voluntary = 7, .involuntary = 3, .cpu = 2};
    watch_begin(&b->watch, &eyes, b->ring, &b->told_ns, 42, GAP_NS);
    ring_take(b->ring, b->events, 3); /* the base, and the first switch in */
    b->voluntary = kernel.counts.voluntary;
    b->involuntary = kernel.counts.involuntary;
    plan_nothing();
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    free(b->ring);
    free(b);
    return 0;
}

static void take(struct bench *b)
{
    b->n = ring_take(b->ring, b->events, RING_EVENTS);
}

static void check(const struct bench *b, size_t i, enum event_kind kind, unsigned detail, uint64_t time_ns)
{
    assert_true(i < b->n);
    assert_int_equal(b->events[i].kind, kind);
    assert_int_equal(b->events[i].detail, detail);
    assert_int_equal(b->events[i].tid, 42);
    assert_true(b->events[i].time_ns == time_ns);
}

static void a_wait_is_told_before_and_after(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    uint64_t out_ns = b->watch.last_ns;
    take(b);
    assert_int_equal(b->n, 1);
    check(b, 0, EVENT_SWITCH_OUT, OUT_BLOCKED, out_ns);
    assert_true(b->told_ns == UINT64_MAX);

    plan_nothing();
    kernel.ahead_ns[0] = 5 * NS_PER_MS; /* it sleeps before the first reading */
    kernel.rise[0].voluntary = 1;
    kernel.counts.cpu = 1;
    watch_unblock(&b->watch);
    take(b);
    assert_int_equal(b->n, 1);
    check(b, 0, EVENT_SWITCH_IN, IN_SWITCHED, out_ns + 5 * NS_PER_MS + 200);
    assert_int_equal(b->events[0].cpu, 1);
    assert_true(b->told_ns == b->watch.last_ns);
    assert_true(b->told_ns >= b->events[0].time_ns);
}

static void a_wait_that_was_none_is_told(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    watch_unblock(&b->watch);
    take(b);
    assert_int_equal(b->n, 2);
    check(b, 1, EVENT_SWITCH_IN, IN_STAYED, b->events[0].time_ns + 200);
}

static void a_preemption_in_place_of_a_wait_is_told(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    plan_nothing();
    kernel.ahead_ns[0] = 4 * NS_PER_MS;
    kernel.rise[0].involuntary = 1;
    watch_unblock(&b->watch);
    take(b);
    assert_int_equal(b->n, 2);
    check(b, 1, EVENT_SWITCH_IN, IN_PREEMPTED, b->events[0].time_ns + 4 * NS_PER_MS + 200);
}

static void more_switches_of_a_wait_lie_at_its_end(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    plan_nothing();
    kernel.ahead_ns[0] = NS_PER_MS;
    kernel.rise[0].voluntary = 2;
    kernel.rise[0].involuntary = 1;
    watch_unblock(&b->watch);
    take(b);
    uint64_t in_ns = b->events[1].time_ns;
    assert_int_equal(b->n, 6);
    check(b, 1, EVENT_SWITCH_IN, IN_SWITCHED, in_ns);
    check(b, 2, EVENT_SWITCH_OUT, OUT_PREEMPTED, in_ns);
    check(b, 3, EVENT_SWITCH_IN, IN_SWITCHED, in_ns);
    check(b, 4, EVENT_SWITCH_OUT, OUT_BLOCKED, in_ns);
    check(b, 5, EVENT_SWITCH_IN, IN_SWITCHED, in_ns);
}

static void a_look_held_up_after_a_wait_is_a_gap_of_its_own(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    plan_nothing();
    kernel.ahead_ns[0] = NS_PER_MS;
    kernel.ahead_ns[2] = 4 * NS_PER_MS; /* after the counts were read for the first time */
    kernel.rise[0].voluntary = 1;
    kernel.rise[1].involuntary = 1;
    watch_unblock(&b->watch);
    take(b);
    uint64_t in_ns = b->events[1].time_ns;
    assert_int_equal(b->n, 4);
    check(b, 1, EVENT_SWITCH_IN, IN_SWITCHED, in_ns);
    check(b, 2, EVENT_SWITCH_OUT, OUT_PREEMPTED, in_ns);
    check(b, 3, EVENT_SWITCH_IN, IN_SWITCHED, in_ns + 4 * NS_PER_MS + 100);

    /* The same where there was no wait. */
    watch_block(&b->watch);
    plan_nothing();
    kernel.ahead_ns[2] = 4 * NS_PER_MS;
    kernel.rise[1].involuntary = 1;
    watch_unblock(&b->watch);
    take(b);
    in_ns = b->events[1].time_ns;
    assert_int_equal(b->n, 4);
    check(b, 1, EVENT_SWITCH_IN, IN_STAYED, in_ns);
    check(b, 2, EVENT_SWITCH_OUT, OUT_PREEMPTED, in_ns);
    check(b, 3, EVENT_SWITCH_IN, IN_SWITCHED, in_ns + 4 * NS_PER_MS + 100);
}

static void what_was_before_a_wait_is_told_first(void **state)
{
    struct bench *b = *state;
    uint64_t begin_ns = b->watch.last_ns;

    kernel.ahead_ns[0] = 4 * NS_PER_MS;
    kernel.rise[0].involuntary = 1;
    watch_block(&b->watch);
    take(b);
    assert_int_equal(b->n, 3);
    check(b, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED, begin_ns);
    check(b, 1, EVENT_SWITCH_IN, IN_SWITCHED, begin_ns + 4 * NS_PER_MS + 200);
    check(b, 2, EVENT_SWITCH_OUT, OUT_BLOCKED, b->watch.last_ns);
}

static void a_second_time_does_nothing(void **state)
{
    struct bench *b = *state;

    watch_unblock(&b->watch);
    take(b);
    assert_int_equal(b->n, 0);
    watch_block(&b->watch);
    watch_block(&b->watch);
    watch_unblock(&b->watch);
    watch_unblock(&b->watch);
    take(b);
    assert_int_equal(b->n, 2);
}

static void the_end_ends_a_wait(void **state)
{
    struct bench *b = *state;

    watch_block(&b->watch);
    plan_nothing();
    kernel.rise[0].voluntary = 1;
    watch_end(&b->watch);
    take(b);
    assert_int_equal(b->n, 2);
    check(b, 1, EVENT_SWITCH_IN, IN_SWITCHED, b->events[1].time_ns);
    assert_true(b->told_ns != UINT64_MAX);
}

static void an_interrupt_is_no_switch(void **state)
{
    struct bench *b = *state;

    kernel.ahead_ns[0] = 50000;
    watch_step(&b->watch, kernel_now_ns());
    take(b);
    assert_int_equal(b->n, 0);
}

/* ---- whatever happens, the account is right ---- */

struct account {
    uint64_t n_blocked, n_preempted, n_stayed, n_mistaken;
    uint64_t last_ns;
    bool in;
};

static void add(struct account *account, const struct event *event)
{
    assert_true(event->time_ns >= account->last_ns);
    account->last_ns = event->time_ns;
    assert_int_equal(event->kind, account->in ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN);
    account->in = !account->in;
    if (event->kind == EVENT_SWITCH_OUT) {
        account->n_blocked += event->detail == OUT_BLOCKED;
        account->n_preempted += event->detail == OUT_PREEMPTED;
    } else {
        account->n_stayed += event->detail == IN_STAYED;
        account->n_mistaken += event->detail == IN_PREEMPTED;
    }
}

static unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

static void plan_something(unsigned *seed)
{
    plan_nothing();
    for (unsigned i = 0; i < 64; i++) {
        if (draw(seed, 3) == 0)
            kernel.ahead_ns[i] = draw(seed, 6000);
        if (draw(seed, 4) == 0)
            kernel.rise[i].involuntary = draw(seed, 3);
    }
}

static void every_switch_is_told_once(void **state)
{
    struct bench *b = *state;
    struct account account = {.in = true};
    unsigned seed = 1;

    for (int i = 0; i < 20000; i++) {
        plan_something(&seed);
        switch (draw(&seed, 3)) {
        case 0:
            if (!b->watch.blocked_ns)
                watch_step(&b->watch, kernel_now_ns());
            break;
        case 1:
            watch_block(&b->watch);
            break;
        default:
            kernel.rise[0].voluntary = b->watch.blocked_ns ? draw(&seed, 3) : 0;
            watch_unblock(&b->watch);
            break;
        }
        if (b->watch.blocked_ns && draw(&seed, 2))
            watch_unblock(&b->watch);
        take(b);
        for (size_t k = 0; k < b->n; k++)
            add(&account, &b->events[k]);
        assert_int_equal(account.in, b->watch.blocked_ns == 0);
        assert_true(b->watch.blocked_ns ? b->told_ns == UINT64_MAX : b->told_ns >= account.last_ns);
    }
    plan_nothing();
    watch_end(&b->watch);
    take(b);
    for (size_t k = 0; k < b->n; k++)
        add(&account, &b->events[k]);
    assert_true(account.n_stayed > 0 && account.n_mistaken > 0);
    assert_int_equal(account.n_blocked - account.n_stayed - account.n_mistaken,
                     kernel.counts.voluntary - b->voluntary);
    assert_int_equal(account.n_preempted + account.n_mistaken, kernel.counts.involuntary - b->involuntary);
}

/* ---- who waits for whose word ---- */

static void a_sleeper_is_not_waited_for(void **state)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct feed feed;
    (void)state;

    assert_ptr_not_equal(shared, MAP_FAILED);
    feed_init(&feed, shared);
    shared->n_slots = 2;
    for (unsigned i = 0; i < 2; i++)
        shared->slots[i].stage = STAGE_RUNNING;
    shared->slots[0].told_ns = NS_PER_S;
    shared->slots[1].told_ns = NS_PER_S + 500;
    assert_true(feed.source.ops->complete_ns(&feed.source, NS_PER_S + 1000) == NS_PER_S);
    shared->slots[0].told_ns = UINT64_MAX;
    assert_true(feed.source.ops->complete_ns(&feed.source, NS_PER_S + 1000) == NS_PER_S + 500);
    shared->slots[1].told_ns = UINT64_MAX;
    assert_true(feed.source.ops->complete_ns(&feed.source, NS_PER_S + 1000) == NS_PER_S + 1000);
    feed_fini(&feed);
    munmap(shared, sizeof *shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wait_is_told_before_and_after, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_that_was_none_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_preemption_in_place_of_a_wait_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_switches_of_a_wait_lie_at_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_look_held_up_after_a_wait_is_a_gap_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_before_a_wait_is_told_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_time_does_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_ends_a_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupt_is_no_switch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_switch_is_told_once, set_up, tear_down),
        cmocka_unit_test(a_sleeper_is_not_waited_for),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
