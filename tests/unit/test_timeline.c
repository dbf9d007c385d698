/* Events into states: the kernel's words one by one, hostile streams, and random traces against a naive
 * model. */
#include "../../src/timeline/timeline.h"
#include "../../src/timeline/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct timeline *tl;

static int setup(void **state)
{
    (void)state;
    tl = timeline_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    timeline_free(tl);
    return 0;
}

static void push(struct event event)
{
    timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
}

static void in(uint64_t t_ns, int tid, int cpu)
{
    push((struct event){.time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_SWITCH_IN});
}

static void out(uint64_t t_ns, int tid, int cpu, enum event_out why)
{
    push((struct event){
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_SWITCH_OUT, .detail = (uint8_t)why});
}

static void wake(uint64_t t_ns, int tid, int cpu)
{
    push((struct event){.time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_WAKE});
}

static void wake_by(uint64_t t_ns, int tid, int waker_tid)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_WAKE};
    event.u.wake.waker_tid = waker_tid;
    push(event);
}

static void new_task(uint64_t t_ns, int tid, int slot, enum task_role role)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = 7;
    event.u.task.slot = slot;
    event.u.task.role = (uint8_t)role;
    push(event);
}

static void task_exit(uint64_t t_ns, int tid, int status, bool known)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_EXIT};
    event.u.exit.status = status;
    event.u.exit.known = known;
    push(event);
}

static void lost(uint64_t t_ns, int cpu, uint64_t n)
{
    struct event event = {.time_ns = t_ns, .cpu = (int16_t)cpu, .kind = EVENT_LOST};
    event.u.lost.n = n;
    push(event);
}

static void sample(uint64_t t_ns, int tid, int cpu, char letter)
{
    struct event event = {
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_SAMPLE, .detail = SAMPLE_STATE};
    event.u.state.letter = letter;
    event.u.state.slices = 5;
    push(event);
}

static struct task task_of(int tid)
{
    struct task task;
    timeline_task(tl, timeline_task_by_tid(tl, tid), &task);
    assert_int_equal(task.run_ns + task.runnable_ns + task.blocked_ns + task.unknown_ns,
                     task.last_ns - task.first_ns);
    return task;
}

static void test_states(void **state)
{
    (void)state;
    new_task(100, 10, 0, ROLE_WORKLOAD);
    in(110, 10, 0);
    out(150, 10, 0, OUT_PREEMPTED);
    in(170, 10, 1);
    out(200, 10, 1, OUT_BLOCKED);
    wake(260, 10, 1);
    in(265, 10, 1);
    timeline_advance(tl, 300);
    struct task task = task_of(10);
    assert_int_equal(task.state, STATE_RUNNING);
    assert_int_equal(task.run_ns, 40 + 30 + 35);
    assert_int_equal(task.runnable_ns, 10 + 20 + 5);
    assert_int_equal(task.blocked_ns, 60);
    assert_int_equal(task.n_slices, 3);
    assert_int_equal(task.n_voluntary, 1);
    assert_int_equal(task.n_involuntary, 1);
    assert_int_equal(task.n_migrations, 1);
    assert_true(task.wakes_known);
    assert_int_equal(task.slice_ns->n, 2);

    static const struct {
        uint64_t t_ns;
        enum task_state state;
        uint64_t since_ns, until_ns;
    } at[] = {{105, STATE_RUNNABLE, 100, 110}, {110, STATE_RUNNING, 110, 150},
              {160, STATE_RUNNABLE, 150, 170}, {230, STATE_BLOCKED, 200, 260},
              {261, STATE_RUNNABLE, 260, 265}, {270, STATE_RUNNING, 265, 300},
              {99, STATE_UNKNOWN, 0, 100}};
    for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
        uint64_t since_ns, until_ns;
        int cpu;
        assert_int_equal(timeline_task_at(tl, 0, at[i].t_ns, &since_ns, &until_ns, &cpu), at[i].state);
        assert_int_equal(since_ns, at[i].since_ns);
        assert_int_equal(until_ns, at[i].until_ns);
        assert_int_equal(cpu, at[i].state != STATE_RUNNING ? -1 : at[i].t_ns < 150 ? 0 : 1);
    }
}

static void test_wake_latency(void **state)
{
    (void)state;
    in(100, 20, 1);
    new_task(100, 10, 0, ROLE_WORKLOAD);
    wake_by(103, 10, 20); /* sched_wakeup_new */
    in(110, 10, 0);       /* 7 */
    out(150, 10, 0, OUT_PREEMPTED);
    wake_by(155, 10, 20); /* it is runnable: this wakes nobody */
    in(170, 10, 0);
    out(200, 10, 0, OUT_BLOCKED);
    wake_by(260, 10, 0); /* an interrupt, while nobody ran */
    timeline_advance(tl, 270);
    assert_int_equal(task_of(10).last_waker, TIMELINE_NO_TASK);
    in(280, 10, 0); /* 20 */
    out(300, 10, 0, OUT_BLOCKED);
    wake_by(360, 10, 20);
    timeline_advance(tl, 380);

    struct wait_reason reason;
    waits_reason(tl, timeline_task_by_tid(tl, 10), 370, &reason);
    assert_int_equal(reason.kind, WAIT_CPU);
    assert_int_equal(reason.waker, timeline_task_by_tid(tl, 20));
    waits_reason(tl, timeline_task_by_tid(tl, 10), 270, &reason);
    assert_int_equal(reason.kind, WAIT_CPU);
    assert_int_equal(reason.waker, TIMELINE_NO_TASK); /* another wait: not kept */

    in(500, 10, 0); /* 140 */
    const struct task task = task_of(10);
    assert_int_equal(task.last_waker, timeline_task_by_tid(tl, 20));
    assert_int_equal(task.n_wakes, 4);
    assert_int_equal(task.wake_ns->n, 3);
    assert_int_equal(task.wake_ns->sum_ns, 7 + 20 + 140);
    assert_int_equal(task.wake_ns->max_ns, 140);
    assert_null(task_of(20).wake_ns);
}

/* The waker is quicker than the switch out of whom it wakes. */
static void test_wake_before_the_switch_out(void **state)
{
    (void)state;
    in(100, 10, 0);
    wake_by(140, 10, 20);
    out(150, 10, 0, OUT_BLOCKED);
    in(190, 10, 0); /* nothing woke it since: it was runnable all the time */
    struct task task = task_of(10);
    assert_int_equal(task.runnable_ns, 40);
    assert_int_equal(task.wake_ns->n, 1);
    assert_int_equal(task.wake_ns->max_ns, 40);

    wake_by(200, 10, 20); /* it was about to sleep, and stayed */
    out(210, 10, 0, OUT_PREEMPTED);
    in(230, 10, 0);
    out(240, 10, 0, OUT_BLOCKED);
    wake_by(290, 10, 20);
    in(300, 10, 0);
    task = task_of(10);
    assert_int_equal(task.wake_ns->n, 2);
    assert_int_equal(task.wake_ns->min_ns, 10);
    assert_int_equal(task.runnable_ns, 40 + 20 + 10);
    assert_int_equal(task.blocked_ns, 50);
}

/* ---- who ran instead ---- */

static void test_behind(void **state)
{
    struct behind behind[4];
    struct behind_sums sums;
    (void)state;
    new_task(100, 10, 0, ROLE_WORKLOAD);
    new_task(100, 11, 1, ROLE_WORKLOAD);
    in(100, 10, 0);
    in(120, 22, 1);
    out(150, 10, 0, OUT_PREEMPTED); /* 10 waits from 150 to 300 for CPU 0: */
    in(155, 20, 0);
    out(200, 20, 0, OUT_PREEMPTED); /* 45 behind 20, */
    in(200, 21, 0);
    out(280, 21, 0, OUT_BLOCKED); /* 80 behind 21, */
    in(285, 20, 0);
    out(298, 20, 0, OUT_PREEMPTED); /* and 13 behind 20 again; 12 are nobody's */
    in(300, 10, 0);
    timeline_advance(tl, 400);
    const uint32_t task = timeline_task_by_tid(tl, 10);
    assert_int_equal(timeline_behind(tl, task, 0, 1000, behind, 4, &sums), 2);
    assert_int_equal(behind[0].task, timeline_task_by_tid(tl, 21));
    assert_int_equal(behind[0].ns, 80);
    assert_int_equal(behind[1].task, timeline_task_by_tid(tl, 20));
    assert_int_equal(behind[1].ns, 58);
    assert_int_equal(sums.waited_ns, 150);
    assert_int_equal(sums.unknown_ns, 12);
    assert_false(sums.cut);

    assert_int_equal(timeline_behind(tl, task, 190, 210, behind, 4, &sums), 2);
    assert_int_equal(sums.waited_ns, 20);
    assert_int_equal(sums.unknown_ns, 0);
    assert_int_equal(behind[0].ns, 10);
    assert_int_equal(timeline_behind(tl, task, 0, 1000, behind, 1, &sums), 1); /* the longest */
    assert_int_equal(behind[0].ns, 80);
    assert_int_equal(timeline_behind(tl, task, 310, 1000, behind, 4, &sums), 0);
    assert_int_equal(sums.waited_ns, 0);
    assert_int_equal(timeline_behind(tl, 999, 0, 1000, behind, 4, &sums), 0);

    out(400, 10, 0, OUT_PREEMPTED); /* a wait that is not over */
    in(401, 20, 0);
    timeline_advance(tl, 500);
    assert_int_equal(timeline_behind(tl, task, 350, 1000, behind, 4, &sums), 1);
    assert_int_equal(behind[0].ns, 99);
    assert_int_equal(sums.waited_ns, 100);
    assert_int_equal(sums.unknown_ns, 1);

    /* 11 never ran: it waits since 100, and it is not known for what CPU. */
    assert_int_equal(timeline_antagonists(tl, 0, 500, behind, 4, &sums), 3);
    assert_true(sums.waited_ns >= 150 + 100 + 400);
    assert_true(sums.unknown_ns >= 400);
}

/* More slices than are looked at: what was looked at holds together. */
static void test_behind_is_bounded(void **state)
{
    struct behind behind[4];
    struct behind_sums sums;
    uint64_t t_ns = 1000;
    (void)state;
    for (int i = 0; i < 30000; i++, t_ns += 100) {
        in(t_ns, 10 + i % 2, 0);
        out(t_ns + 90, 10 + i % 2, 0, OUT_PREEMPTED);
    }
    timeline_advance(tl, t_ns);
    assert_int_equal(timeline_behind(tl, 0, 0, t_ns, behind, 4, &sums), 1);
    assert_true(sums.cut);
    assert_int_equal(behind[0].ns + sums.unknown_ns, sums.waited_ns);
    assert_true(sums.waited_ns > 100000 && sums.waited_ns < t_ns / 2);
    assert_int_equal(timeline_behind(tl, 0, t_ns - 5000, t_ns, behind, 4, &sums), 1);
    assert_false(sums.cut);
    assert_int_equal(behind[0].ns + sums.unknown_ns, sums.waited_ns);
}

static void test_slices(void **state)
{
    (void)state;
    in(100, 1, 0);
    out(140, 1, 0, OUT_PREEMPTED);
    in(142, 2, 0);
    out(180, 2, 0, OUT_BLOCKED);
    in(185, 1, 0);
    timeline_advance(tl, 200);
    struct slice slice;
    assert_true(timeline_cpu_slice(tl, 0, 120, 0, &slice));
    assert_int_equal(slice.start_ns, 100);
    assert_int_equal(slice.end, SLICE_PREEMPTED);
    assert_true(timeline_cpu_slice(tl, 0, 141, 0, &slice)); /* in the gap: the first after it */
    assert_int_equal(slice.start_ns, 142);
    assert_int_equal(slice.end, SLICE_BLOCKED);
    assert_true(timeline_cpu_slice(tl, 0, 150, 1, &slice));
    assert_int_equal(slice.start_ns, 185);
    assert_int_equal(slice.end, SLICE_OPEN);
    assert_int_equal(slice.end_ns, 200);
    assert_int_equal(slice.runnable_ns, 45);
    assert_true(timeline_cpu_slice(tl, 0, 150, -1, &slice));
    assert_int_equal(slice.start_ns, 100);
    assert_false(timeline_cpu_slice(tl, 0, 100, -1, &slice));
    assert_false(timeline_cpu_slice(tl, 0, 185, 1, &slice));
    assert_false(timeline_cpu_slice(tl, 9, 185, 0, &slice));
    assert_true(timeline_task_slice(tl, 1, 0, 0, &slice));
    assert_int_equal(slice.cpu, 0);

    static const uint64_t switches[] = {100, 140, 142, 180, 185};
    uint64_t t_ns = 0;
    for (unsigned i = 0; i < 5; i++) {
        t_ns = timeline_next_switch(tl, i % 2 ? 0 : -1, t_ns, 1);
        assert_int_equal(t_ns, switches[i]);
    }
    assert_int_equal(timeline_next_switch(tl, -1, 185, 1), 0);
    for (t_ns = 300; t_ns;) {
        static unsigned i = 5;
        t_ns = timeline_next_switch(tl, -1, t_ns, -1);
        assert_int_equal(t_ns, i ? switches[--i] : 0);
    }
    assert_int_equal(timeline_next_switch_in(tl, 0, 100, 1), 185);
    assert_int_equal(timeline_next_switch_in(tl, 0, 185, -1), 100);
    assert_int_equal(timeline_next_switch_in(tl, 0, 100, -1), 0);
}

/* Slices too short for the clock begin together; who steps past them gets on all the same. */
static void test_slices_without_length(void **state)
{
    (void)state;
    in(100, 1, 0);
    for (int i = 0; i < 3; i++) {
        out(140, 1, 0, OUT_PREEMPTED);
        in(140, 1, 0);
    }
    out(150, 1, 0, OUT_BLOCKED);
    in(200, 1, 1);
    timeline_advance(tl, 300);
    struct slice slice;
    uint64_t t_ns = 0;
    unsigned n = 0;
    while (n < 10 && timeline_task_slice(tl, 0, t_ns, 1, &slice)) {
        assert_true(slice.start_ns > t_ns);
        t_ns = slice.start_ns;
        n++;
    }
    assert_int_equal(t_ns, 200);
    for (n = 0, t_ns = 300; n < 10 && timeline_cpu_slice(tl, 0, t_ns, -1, &slice); n++) {
        assert_true(slice.start_ns < t_ns);
        t_ns = slice.start_ns;
    }
    assert_int_equal(t_ns, 100);
}

static void test_counts_end_with_the_task(void **state)
{
    struct event sample = {
        .time_ns = 150, .tid = 1, .cpu = -1, .kind = EVENT_SAMPLE, .detail = SAMPLE_SWITCHES};
    (void)state;
    in(100, 1, 0);
    sample.u.switches.involuntary = 7;
    push(sample);
    task_exit(155, 1, 0, false);
    sample.time_ns = 160; /* preempted once more on its last way out */
    sample.u.switches.involuntary = 8;
    push(sample);
    assert_int_equal(task_of(1).kernel.involuntary, 7);
    assert_int_equal(timeline_n_tasks(tl), 1);
}

static void test_exit(void **state)
{
    (void)state;
    in(100, 1, 0);
    task_exit(155, 1, 0, false); /* the last that is seen of it: no switch-out follows */
    assert_int_equal(task_of(1).state, STATE_GONE);
    out(157, 1, 0, OUT_BLOCKED);  /* one that follows all the same is no second one */
    task_exit(500, 1, 256, true); /* the parent tells how */
    timeline_advance(tl, 1000);
    struct task task = task_of(1);
    assert_int_equal(task.state, STATE_GONE);
    assert_int_equal(task.last_ns, 155);
    assert_int_equal(task.n_voluntary, 1);
    assert_true(task.exited && task.exit_known);
    assert_int_equal(task.exit_status, 256);
    struct slice slice;
    assert_true(timeline_cpu_slice(tl, 0, 100, 0, &slice));
    assert_int_equal(slice.end, SLICE_EXITED);
    out(1100, 1, 0, OUT_BLOCKED); /* late: nobody's */
    assert_int_equal(timeline_n_tasks(tl), 1);
    in(1200, 1, 0); /* the number again: another task */
    assert_int_equal(timeline_n_tasks(tl), 2);
    assert_int_equal(timeline_task_by_tid(tl, 1), 1);
    struct bin bin;
    timeline_task_bins(tl, 0, 0, 1000, 1, &bin);
    assert_int_equal(bin.run_ns, 55);
    assert_int_equal(bin.unknown_ns, 945);
}

static void test_exit_while_waiting(void **state)
{
    (void)state;
    in(100, 1, 0);
    out(150, 1, 0, OUT_PREEMPTED);
    task_exit(200, 1, 9, true); /* killed */
    timeline_advance(tl, 1000);
    assert_int_equal(task_of(1).state, STATE_GONE);
    assert_int_equal(task_of(1).last_ns, 200);
    assert_int_equal(task_of(1).runnable_ns, 50);
    assert_int_equal(task_of(1).n_voluntary, 0);
}

static void test_one_task_of_many_streams(void **state)
{
    (void)state;
    struct event name = {.time_ns = 100, .tid = 5, .cpu = -1, .kind = EVENT_NAME};
    memset(name.u.name, 'x', sizeof name.u.name); /* no NUL */
    push(name);
    new_task(101, 5, -1, ROLE_UNKNOWN);
    new_task(102, 5, 3, ROLE_WORKLOAD);
    new_task(103, 5, -1, ROLE_UNKNOWN);
    timeline_advance(tl, 110);
    struct task task = task_of(5);
    assert_int_equal(timeline_n_tasks(tl), 1);
    assert_int_equal(task.slot, 3);
    assert_int_equal(task.pid, 7);
    assert_int_equal(task.role, ROLE_WORKLOAD);
    assert_int_equal(task.state, STATE_RUNNABLE);
    assert_int_equal(task.runnable_ns, 9);
    assert_int_equal(strlen(task.name), EVENT_NAME_SIZE - 1);
}

static void test_hole(void **state)
{
    (void)state;
    in(100, 1, 0);
    in(100, 2, 1);
    out(150, 3, 0, OUT_BLOCKED); /* not the one that runs there */
    lost(200, 0, 12);
    timeline_advance(tl, 230);
    assert_int_equal(timeline_n_lost(tl), 12);
    assert_int_equal(timeline_n_holes(tl), 1);
    assert_int_equal(timeline_hole(tl, 0)->start_ns, 150);
    assert_int_equal(timeline_hole(tl, 0)->end_ns, 200);
    assert_int_equal(task_of(1).state, STATE_UNKNOWN);
    assert_int_equal(task_of(1).run_ns, 50);
    assert_int_equal(task_of(1).unknown_ns, 80);
    assert_int_equal(task_of(2).state, STATE_RUNNING);
    assert_int_equal(task_of(3).state, STATE_UNKNOWN);
    struct bin bins[2];
    timeline_cpu_bins(tl, 0, 100, 100, 2, bins);
    assert_int_equal(bins[0].run_ns, 50);
    assert_int_equal(bins[1].unknown_ns, 50);
    struct slice slice;
    assert_true(timeline_cpu_slice(tl, 0, 100, 0, &slice));
    assert_int_equal(slice.end, SLICE_LOST);
    assert_int_equal(slice.end_ns, 150);
    out(240, 1, 0, OUT_PREEMPTED);
    assert_int_equal(task_of(1).state, STATE_RUNNABLE);
    assert_int_equal(task_of(1).unknown_ns, 90);
}

static void test_contradictions(void **state)
{
    (void)state;
    in(100, 1, 0);
    in(150, 1, 1); /* it cannot run on both */
    in(160, 2, 1); /* nor can two run there */
    in(120, 2, 0); /* late: taken at 160 */
    struct slice slice;
    assert_true(timeline_cpu_slice(tl, 0, 100, 0, &slice));
    assert_int_equal(slice.end_ns, 150);
    assert_int_equal(slice.end, SLICE_LOST);
    assert_true(timeline_cpu_slice(tl, 1, 150, 0, &slice));
    assert_int_equal(slice.end_ns, 160);
    assert_true(timeline_cpu_slice(tl, 0, 155, 0, &slice));
    assert_int_equal(slice.start_ns, 160);
    in(200, 0, 3); /* the idle task, and other nonsense */
    in(201, -5, 3);
    in(202, 9, -1);
    push((struct event){.time_ns = 203, .tid = 1, .cpu = 1, .kind = 200});
    in(204, 4, INT16_MAX);
    in(UINT64_MAX, 4, INT16_MAX);
    assert_int_equal(timeline_n_cpus(tl), INT16_MAX + 1);
    assert_int_equal(timeline_n_events(tl), 10);
    task_of(1);
    task_of(4);
}

static void test_roles(void **state)
{
    (void)state;
    in(100, 1, 0);
    out(200, 1, 0, OUT_BLOCKED);
    in(200, 2, 0);
    out(230, 2, 0, OUT_BLOCKED);
    in(240, 2, 0);
    struct cpu_totals totals;
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.busy_ns, 130);
    struct histogram lengths;
    timeline_slice_lengths(tl, &lengths);
    assert_int_equal(lengths.n, 2);
    new_task(250, 2, -1, ROLE_OBSERVER); /* told late */
    new_task(251, 2, -1, ROLE_UNKNOWN);
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.busy_ns, 100);
    assert_int_equal(totals.self_ns, 30 + 11);
    assert_int_equal(totals.n_slices, 1);
    assert_int_equal(totals.n_switches, 1);
    timeline_slice_lengths(tl, &lengths);
    assert_int_equal(lengths.n, 1);
    struct bin bin;
    timeline_cpu_bins(tl, 0, 100, 151, 1, &bin);
    assert_int_equal(bin.run_ns, 141);
    assert_int_equal(bin.self_ns, 41);
    assert_int_equal(bin.n_switches, 3);
    assert_int_equal(bin.lead[0].who, 0);
    assert_int_equal(bin.lead[0].ns, 100);
    assert_int_equal(bin.lead[1].ns, 41);
    assert_int_equal(bin.lead[2].ns, 0);
}

static void test_switch_cost(void **state)
{
    (void)state;
    in(100, 1, 0);
    out(200, 1, 0, OUT_PREEMPTED); /* it waits itself: the CPU has no reason to idle */
    in(203, 2, 0);
    out(300, 2, 0, OUT_BLOCKED);
    in(301, 1, 0);
    out(400, 1, 0, OUT_BLOCKED); /* nobody waits: what follows is idleness */
    in(900, 1, 0);
    const struct histogram *costs = timeline_switch_costs(tl);
    assert_int_equal(costs->n, 2);
    assert_int_equal(costs->min_ns, 1);
    assert_int_equal(costs->max_ns, 3);
    out(1000, 1, 0, OUT_PREEMPTED);
    in(1004, 1, 0); /* itself again: somebody else was there, however short */
    assert_int_equal(costs->n, 2);
    struct cpu_totals totals;
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.others_ns, 4);
}

static void test_others(void **state)
{
    (void)state;
    const uint64_t ms = 1000000;
    in(1 * ms, 1, 0);
    out(2 * ms, 1, 0, OUT_PREEMPTED);
    in(5 * ms, 1, 0); /* it waited for this CPU: somebody else had it */
    out(6 * ms, 1, 0, OUT_BLOCKED);
    in(9 * ms, 1, 0); /* nobody waited: it was idle */
    struct bin bins[8];
    timeline_cpu_bins(tl, 0, 1 * ms, 8 * ms, 8, bins);
    for (int i = 0; i < 8; i++)
        assert_int_equal(bins[i].others_ns, i >= 1 && i < 4 ? ms : 0);
    assert_int_equal(bins[0].run_ns, ms);
    struct cpu_totals totals;
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.others_ns, 3 * ms);
    assert_int_equal(timeline_switch_costs(tl)->n, 0);
    struct slice slice; /* it is no slice */
    assert_true(timeline_cpu_slice(tl, 0, 2 * ms, 0, &slice));
    assert_int_equal(slice.start_ns, 5 * ms);
    assert_int_equal(timeline_next_switch(tl, 0, 2 * ms, 1), 5 * ms);
    new_task(9 * ms, 9, -1, ROLE_OBSERVER); /* schedviz itself may end such a gap */
    out(10 * ms, 1, 0, OUT_PREEMPTED);
    in(12 * ms, 9, 0);
    out(13 * ms, 9, 0, OUT_BLOCKED);
    in(15 * ms, 1, 0);
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.others_ns, (3 + 2 + 2) * ms);
}

static void test_samples_alone(void **state)
{
    (void)state;
    new_task(100, 1, 0, ROLE_WORKLOAD);
    sample(150, 1, 2, 'R');
    sample(250, 1, 2, 'S');
    sample(350, 1, 2, 'R');
    timeline_advance(tl, 400);
    struct task task = task_of(1);
    assert_int_equal(task.unknown_ns, 300);
    assert_int_equal(task.n_samples, 3);
    assert_int_equal(task.n_slices, 0);
    assert_int_equal(task.kernel_state, 'R');
    assert_int_equal(task.kernel.slices, 5);
    assert_null(task.slice_ns);
    struct bin bins[3];
    timeline_task_bins(tl, 0, 100, 300, 3, bins);
    assert_int_equal(bins[0].n_samples, 1);
    assert_int_equal(bins[1].n_samples, 0);
    assert_int_equal(bins[2].n_samples, 1);
    timeline_cpu_bins(tl, 2, 100, 300, 3, bins);
    assert_int_equal(bins[0].n_samples, 1);
    assert_int_equal(bins[2].unknown_ns, 100);
    struct slice slice;
    assert_false(timeline_cpu_slice(tl, 2, 0, 0, &slice));
}

static void test_samples_name_who_ran(void **state)
{
    (void)state;
    new_task(100, 1, 0, ROLE_WORKLOAD);
    new_task(100, 2, 0, ROLE_WORKLOAD);
    sample(150, 2, 0, 'R');
    sample(250, 1, 0, 'R');
    sample(260, 2, 0, 'R');
    sample(350, 1, 0, 'R');
    timeline_advance(tl, 400);
    struct bin bins[3];
    timeline_cpu_bins(tl, 0, 100, 300, 3, bins);
    assert_int_equal(bins[0].lead[0].who, 1);
    assert_int_equal(bins[1].n_samples, 2);
    assert_int_equal(bins[1].lead[0].who, 1);
    assert_int_equal(bins[2].lead[0].who, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bins[i].lead[0].ns, 0);
}

/* Where all are watched, a task is seen after its EXIT: its preemptions count, and it is nobody new. */
static void test_the_last_way(void **state)
{
    (void)state;
    timeline_set_default_role(tl, ROLE_OTHER);
    new_task(10, 1, 0, ROLE_WORKLOAD);
    in(20, 1, 0);
    struct event event = {.time_ns = 30, .tid = 1, .cpu = 0, .kind = EVENT_EXIT};
    push(event);
    out(31, 1, 0, OUT_PREEMPTED);
    in(35, 1, 0);
    out(36, 1, 0, OUT_PREEMPTED);
    in(40, 1, 0);
    out(41, 1, 0, OUT_BLOCKED);
    struct task task = task_of(1);
    assert_int_equal(task.n_involuntary, 2);
    assert_int_equal(task.n_voluntary, 1);
    assert_int_equal(task.run_ns, 10);
    assert_int_equal(timeline_n_tasks(tl), 1);
    new_task(50, 1, 0, ROLE_WORKLOAD);
    assert_int_equal(timeline_n_tasks(tl), 2);
    in(60, 1, 0);
    timeline_advance(tl, 70);
    assert_int_equal(task_of(1).run_ns, 10);
}

/* Switches are told of another task, and of this one nothing but samples: what it does between them is not
 * known, and no wait is made of it. */
static void test_samples_beside_switches(void **state)
{
    (void)state;
    new_task(100, 1, 0, ROLE_WORKLOAD);
    in(110, 1, 0);
    new_task(120, 2, 0, ROLE_WORKLOAD);
    struct event found = {.time_ns = 120, .tid = 2, .cpu = -1, .kind = EVENT_SAMPLE, .detail = SAMPLE_STATE};
    found.u.state.letter = 'R';
    found.u.state.slices = 7;
    found.u.state.found = FOUND_SAMPLED;
    push(found);
    sample(150, 2, 1, 'R');
    sample(250, 2, 1, 'R');
    timeline_advance(tl, 300);
    assert_true(task_of(2).sampled && !task_of(1).sampled);
    assert_int_equal(task_of(2).state, STATE_UNKNOWN);
    assert_int_equal(task_of(2).unknown_ns, 180);
    assert_int_equal(task_of(2).kernel.base_slices, 7);
    struct bin bin;
    timeline_task_sum(tl, task_of(2).index, 100, 200, &bin);
    assert_int_equal(bin.runnable_ns, 0);
    assert_int_equal(bin.n_samples, 2);
    in(310, 2, 1); /* its switches are told after all */
    assert_false(task_of(2).sampled);
}

/* Of a second recording samples alone are told, and the first one's switches say nothing of it. */
static void test_samples_of_another_part(void **state)
{
    (void)state;
    new_task(100, 1, 0, ROLE_WORKLOAD);
    in(110, 1, 0);
    out(150, 1, 0, OUT_PREEMPTED);
    timeline_part(tl);
    new_task(1000, 2, 0, ROLE_WORKLOAD);
    sample(1050, 2, 0, 'R');
    sample(1100, 2, 0, 'R');
    timeline_advance(tl, 1200);
    assert_int_equal(task_of(2).unknown_ns, 200);
    assert_int_equal(task_of(2).runnable_ns, 0);
    struct bin bin;
    timeline_cpu_bins(tl, 0, 1000, 200, 1, &bin);
    assert_int_equal(bin.n_samples, 2);
    assert_int_equal(bin.lead[0].who, task_of(2).index);
}

static void new_of_process(uint64_t t_ns, int pid, int tid, int parent)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.parent = parent;
    event.u.task.run = 1;
    event.u.task.kind = pid == tid ? TASK_PROCESS : TASK_THREAD;
    event.u.task.role = ROLE_WORKLOAD;
    push(event);
}

static void name(uint64_t t_ns, int tid, int cpu, enum event_naming how, const char *text)
{
    struct event event = {
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_NAME, .detail = (uint8_t)how};
    strncpy(event.u.name, text, sizeof event.u.name - 1);
    push(event);
}

/* Process 7, made by 3, with a thread 8 on CPU 1, which is about to execute a program: 7 has ended. */
static void begin_exec(void)
{
    new_of_process(5, 3, 3, 0);
    new_of_process(10, 7, 7, 3);
    name(10, 7, -1, NAME_GIVEN, "before");
    in(20, 7, 0);
    new_of_process(30, 7, 8, 7);
    out(40, 7, 0, OUT_BLOCKED);
    struct event event = {
        .time_ns = 45, .tid = 8, .cpu = -1, .kind = EVENT_SAMPLE, .detail = SAMPLE_SWITCHES};
    event.u.switches.voluntary = 6;
    push(event);
    in(50, 8, 1);
    in(60, 7, 0);
    task_exit(70, 7, 0, false);
}

static void check_executed(void)
{
    const struct task task = task_of(7), taker = task_of(8);
    struct task first;
    timeline_task(tl, 1, &first);
    assert_int_equal(timeline_n_tasks(tl), 4);
    assert_int_equal(first.tid, 7);
    assert_string_equal(first.name, "before");
    assert_true(first.exited && taker.exited && !task.exited);
    assert_true(task.continues && !taker.continues && !first.continues);
    assert_int_equal(first.run_ns, 30);
    assert_int_equal(taker.unknown_ns, 0);
    assert_int_equal(taker.n_voluntary, 0);
    assert_int_equal(task.first_ns, taker.last_ns);
    assert_int_equal(task.pid, 7);
    assert_int_equal(task.parent, first.parent);
    assert_int_equal(task.run, 1);
    assert_int_equal(task.kind, TASK_PROCESS);
    assert_int_equal(task.role, ROLE_WORKLOAD);
    assert_int_equal(task.unknown_ns, 0);
    assert_int_equal(task.kernel.base_voluntary, 6);
    assert_string_equal(task.name, "after");
}

/* A thread that executes a program has its process's tid from then on. */
static void test_thread_executes(void **state)
{
    for (int all = 0; all < 2; all++) {
        teardown(state);
        setup(state);
        if (all)
            timeline_set_default_role(tl, ROLE_OTHER);
        begin_exec();
        name(100, 7, 1, NAME_EXECUTED, "after");
        out(120, 7, 1, OUT_BLOCKED);
        check_executed();
        assert_int_equal(task_of(8).run_ns, 50);
        assert_int_equal(task_of(7).run_ns, 20);
        struct slice slice;
        assert_true(timeline_cpu_slice(tl, 1, 110, 0, &slice));
        assert_int_equal(slice.task, timeline_task_by_tid(tl, 7));
    }
}

/* It has the tid before its new name is told: it may be switched out in between. */
static void test_thread_executes_slowly(void **state)
{
    (void)state;
    timeline_set_default_role(tl, ROLE_OTHER);
    begin_exec();
    out(80, 7, 1, OUT_PREEMPTED);
    in(90, 7, 0);
    name(100, 7, 0, NAME_EXECUTED, "after");
    out(120, 7, 0, OUT_BLOCKED);
    check_executed();
    assert_int_equal(task_of(8).run_ns, 30);
    assert_int_equal(task_of(7).run_ns, 30);
    assert_int_equal(task_of(7).n_involuntary, 1);
}

/* A name that is told late is not that of somebody new, nor is the last way of a first thread. */
static void test_first_thread_ends_early(void **state)
{
    (void)state;
    timeline_set_default_role(tl, ROLE_OTHER);
    begin_exec();
    name(80, 7, -1, NAME_GIVEN, "late");
    out(85, 7, 0, OUT_PREEMPTED);
    in(90, 7, 0);
    out(95, 7, 0, OUT_BLOCKED);
    assert_int_equal(timeline_n_tasks(tl), 3);
    assert_int_equal(task_of(8).state, STATE_RUNNING);
}

static void test_figures(void **state)
{
    (void)state;
    struct event event = {.time_ns = 10, .tid = 1, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_BASE};
    event.u.switches.voluntary = 3;
    event.u.switches.involuntary = 4;
    push(event);
    event.kind = EVENT_SAMPLE;
    event.detail = SAMPLE_SWITCHES;
    event.u.switches.voluntary = 30;
    push(event);
    event.detail = SAMPLE_RUN;
    event.u.run.run_ns = 99;
    push(event);
    event.kind = EVENT_NOTE;
    event.detail = NOTE_WORK;
    event.u.work.done_ns = 5;
    event.u.work.total_ns = 50;
    push(event);
    struct event mark = {.time_ns = 12, .cpu = -1, .kind = EVENT_MARK, .u.name = "cores 0-1"};
    push(mark);
    struct task task = task_of(1);
    assert_int_equal(task.kernel.base_voluntary, 3);
    assert_int_equal(task.kernel.base_involuntary, 4);
    assert_int_equal(task.kernel.voluntary, 30);
    assert_int_equal(task.kernel.run_ns, 99);
    assert_true(task.kernel.has_switches && task.kernel.has_run && !task.kernel.has_slices);
    assert_int_equal(task.work_done_ns, 5);
    assert_int_equal(task.work_total_ns, 50);
    assert_int_equal(timeline_n_marks(tl), 1);
    assert_string_equal(timeline_mark(tl, 0)->text, "cores 0-1");
}

static void test_nothing(void **state)
{
    (void)state;
    struct bin bin;
    struct slice slice;
    timeline_cpu_bins(tl, 0, 0, 1000, 1, &bin);
    assert_int_equal(bin.unknown_ns, 1000);
    timeline_task_bins(tl, 0, 0, 1000, 1, &bin);
    assert_int_equal(bin.unknown_ns, 1000);
    assert_false(timeline_task_slice(tl, 0, 0, 0, &slice));
    assert_int_equal(timeline_next_switch(tl, -1, 0, 1), 0);
    assert_int_equal(timeline_task_by_tid(tl, 1), TIMELINE_NO_TASK);
}

/* A run that is far too long for 1 MiB: bounded, newest kept, totals of the whole life all the same. */
static void test_bounded(void **state)
{
    (void)state;
    timeline_free(tl);
    tl = timeline_new(1 << 20);
    uint64_t t_ns = 1000, run_ns[2] = {0};
    for (unsigned i = 0; i < 200000; i++) {
        in(t_ns, 1 + (int)(i % 2), 0);
        out(t_ns + 50 + i % 7, 1 + (int)(i % 2), 0, OUT_PREEMPTED);
        run_ns[i % 2] += 50 + i % 7;
        t_ns += 100;
        assert_true(timeline_memory(tl) <= (1 << 20) + 4096);
    }
    assert_int_equal(task_of(1).run_ns, run_ns[0]);
    assert_int_equal(task_of(2).run_ns, run_ns[1]);
    uint64_t edge_ns = timeline_edge_ns(tl);
    assert_true(edge_ns > timeline_first_ns(tl));
    assert_true(timeline_n_slices(tl) > (1 << 20) / 33 - 500);
    struct bin bin;
    timeline_cpu_bins(tl, 0, edge_ns - 1000, 2000, 1, &bin);
    assert_int_equal(bin.unknown_ns, 1000);
    assert_true(bin.run_ns > 400);
    uint64_t since_ns, until_ns;
    int cpu;
    assert_int_equal(timeline_task_at(tl, 0, edge_ns - 1, &since_ns, &until_ns, &cpu), STATE_UNKNOWN);
    assert_int_equal(until_ns, edge_ns);
}

/* A well-formed random run beside a model that only knows each task's state now. */
static void test_random_run(void **state)
{
    (void)state;
    enum { TASKS = 12, CPUS = 3, STEPS = 40000 };
    struct {
        enum task_state state;
        uint64_t since_ns, ns[STATE_GONE + 1];
        int cpu;
    } model[TASKS] = {0};
    int on[CPUS] = {-1, -1, -1};
    uint32_t x = 1;
    uint64_t t_ns = 1000, busy_ns[CPUS] = {0};
    for (int i = 0; i < TASKS; i++) {
        new_task(t_ns, 100 + i, i, ROLE_WORKLOAD);
        model[i].state = STATE_RUNNABLE;
        model[i].since_ns = t_ns;
    }
    for (int step = 0; step < STEPS; step++) {
        x = x * 1664525 + 1013904223;
        t_ns += (x >> 8) % 1000 + ((x >> 3) % 4096 == 0 ? UINT64_C(5000000000) : 0);
        int i = (int)((x >> 20) % TASKS), cpu = (int)((x >> 12) % CPUS);
        enum task_state next = model[i].state;
        if (model[i].state == STATE_RUNNING) {
            next = x >> 31 ? STATE_RUNNABLE : STATE_BLOCKED;
            out(t_ns, 100 + i, model[i].cpu, next == STATE_RUNNABLE ? OUT_PREEMPTED : OUT_BLOCKED);
            busy_ns[model[i].cpu] += t_ns - model[i].since_ns;
            on[model[i].cpu] = -1;
        } else if (model[i].state == STATE_BLOCKED) {
            next = STATE_RUNNABLE;
            wake(t_ns, 100 + i, -1);
        } else if (on[cpu] < 0) {
            next = STATE_RUNNING;
            in(t_ns, 100 + i, cpu);
            model[i].cpu = cpu;
            on[cpu] = i;
        }
        if (next != model[i].state) {
            model[i].ns[model[i].state] += t_ns - model[i].since_ns;
            model[i].state = next;
            model[i].since_ns = t_ns;
        }
    }
    timeline_advance(tl, t_ns);
    struct bin bin;
    for (int i = 0; i < TASKS; i++) {
        model[i].ns[model[i].state] += t_ns - model[i].since_ns;
        struct task task = task_of(100 + i);
        assert_int_equal(task.state, model[i].state);
        assert_int_equal(task.run_ns, model[i].ns[STATE_RUNNING]);
        assert_int_equal(task.runnable_ns, model[i].ns[STATE_RUNNABLE]);
        assert_int_equal(task.blocked_ns, model[i].ns[STATE_BLOCKED]);
        timeline_task_bins(tl, (uint32_t)i, 1000, t_ns - 1000, 1, &bin);
        assert_int_equal(bin.run_ns, task.run_ns);
        assert_int_equal(bin.runnable_ns, task.runnable_ns);
        assert_int_equal(bin.blocked_ns, task.blocked_ns);
        assert_int_equal(bin.n_switches, task.n_slices);
    }
    for (int cpu = 0; cpu < CPUS; cpu++) {
        struct cpu_totals totals;
        if (on[cpu] >= 0)
            busy_ns[cpu] += t_ns - model[on[cpu]].since_ns;
        timeline_cpu_totals(tl, cpu, &totals);
        assert_int_equal(totals.busy_ns, busy_ns[cpu]);
        timeline_cpu_bins(tl, cpu, 1000, t_ns - 1000, 1, &bin);
        assert_int_equal(bin.run_ns, busy_ns[cpu]);
        assert_int_equal(bin.n_switches, totals.n_slices);
        assert_int_equal(bin.others_ns, totals.others_ns);
    }
    /* A sum is what the slices say, for any window. */
    for (int k = 0; k < 200; k++) {
        x = x * 1664525 + 1013904223;
        uint64_t from_ns = 1000 + x % 20000000, span_ns = 1 + (x >> 7) % 3000000, run_ns = 0;
        uint32_t index = x % TASKS;
        struct slice slices[64];
        uint64_t at_ns = from_ns;
        for (unsigned n = 64; n == 64 && at_ns < from_ns + span_ns;) {
            n = timeline_task_slices(tl, index, at_ns, slices, 64);
            for (unsigned i = 0; i < n; i++) {
                uint64_t low = slices[i].start_ns > from_ns ? slices[i].start_ns : from_ns;
                uint64_t high = slices[i].end_ns < from_ns + span_ns ? slices[i].end_ns : from_ns + span_ns;
                run_ns += high > low && slices[i].end_ns > at_ns ? high - low : 0;
            }
            at_ns = n ? slices[n - 1].end_ns : at_ns;
        }
        timeline_task_sum(tl, index, from_ns, span_ns, &bin);
        assert_int_equal(bin.run_ns, run_ns);
        assert_int_equal(bin.run_ns + bin.runnable_ns + bin.blocked_ns + bin.unknown_ns, span_ns);
    }
}

/* Three tasks on a CPU, in thousands of slices: who leads is added up chunk by chunk, a fourth that comes
 * once may be missing, and at the span's ends a chunk's part is apportioned. */
static void test_leads_of_many_slices(void **state)
{
    (void)state;
    enum { N = 3000, LONG = 100 };
    uint64_t t = 1000, ran_ns[4] = {0};
    const uint64_t begin_ns = t;
    for (int i = 0; i < N; i++) {
        const int who = i == N / 2 ? 3 : i % 3;
        const uint64_t ns = LONG + 10 * (uint64_t)who + 1 + (uint64_t)(i % 7);
        in(t, who + 1, 0);
        out(t + ns, who + 1, 0, OUT_BLOCKED);
        ran_ns[who] += ns;
        t += ns + 5;
    }
    struct bin bin = {.run_ns = 7};
    timeline_cpu_leads(tl, 0, begin_ns, t - 5 - begin_ns, &bin);
    assert_int_equal(bin.run_ns, 7); /* left alone */
    for (unsigned i = 0; i < 3; i++) {
        struct task task;
        timeline_task(tl, bin.lead[i].who, &task);
        assert_int_equal(task.tid, 3 - i);
        assert_true(bin.lead[i].ns + N / 8 > ran_ns[2 - i] && bin.lead[i].ns < ran_ns[2 - i] + N / 8);
    }
    timeline_cpu_leads(tl, 0, begin_ns, 5 * LONG, &bin); /* few: exact */
    struct bin exact;
    timeline_cpu_bins(tl, 0, begin_ns, 5 * LONG, 1, &exact);
    assert_memory_equal(bin.lead, exact.lead, sizeof bin.lead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake_latency, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake_before_the_switch_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_behind_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slices_without_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts_end_with_the_task, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit_while_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_task_of_many_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contradictions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switch_cost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_samples_name_who_ran, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_last_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_executes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_executes_slowly, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_thread_ends_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leads_of_many_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_samples_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_samples_beside_switches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_samples_of_another_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_run, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
