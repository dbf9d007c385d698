/* Green tasks: their turns on a thread, cut to what that thread really ran. */
#include "../../src/timeline/timeline.h"
#include "../../src/timeline/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CARRIER = 10, OTHER = 11, A = -1, B = -2, C = -1001 };

static struct timeline *tl;

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

static void new_task(uint64_t t_ns, int tid, int pid, enum task_kind kind)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.kind = (uint8_t)kind;
    event.u.task.role = ROLE_WORKLOAD;
    push(event);
}

static void task_exit(uint64_t t_ns, int tid)
{
    push((struct event){.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_EXIT});
}

static void note(uint64_t t_ns, int tid, enum event_note what, int object, uint64_t until_ns)
{
    struct event event = {
        .time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = (uint8_t)what};
    event.u.sync.object = object;
    event.u.sync.until_ns = until_ns;
    push(event);
}

/* The carrier runs on CPU 0 from 100 on; A and B wait for their turn there. */
static int setup(void **state)
{
    (void)state;
    tl = timeline_new(0);
    new_task(10, CARRIER, 9, TASK_THREAD);
    in(100, CARRIER, 0);
    new_task(100, A, CARRIER, TASK_GREEN);
    new_task(100, B, CARRIER, TASK_GREEN);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    timeline_free(tl);
    return 0;
}

static uint32_t index_of(int tid)
{
    return timeline_task_by_tid(tl, tid);
}

static struct task task_of(int tid)
{
    struct task task;
    timeline_task(tl, index_of(tid), &task);
    assert_int_equal(task.run_ns + task.runnable_ns + task.blocked_ns + task.unknown_ns,
                     task.last_ns - task.first_ns);
    return task;
}

static enum task_state state_at(int tid, uint64_t t_ns, int *cpu)
{
    uint64_t since_ns, until_ns;
    return timeline_task_at(tl, index_of(tid), t_ns, &since_ns, &until_ns, cpu);
}

static void test_turns(void **state)
{
    (void)state;
    int cpu;
    in(110, A, -1);
    out(150, A, -1, OUT_PREEMPTED);
    in(152, B, -1);
    out(200, B, -1, OUT_BLOCKED);
    in(202, A, -1);
    timeline_advance(tl, 250);
    assert_int_equal(task_of(A).run_ns, 40 + 48);
    assert_int_equal(task_of(A).runnable_ns, 10 + 52);
    assert_int_equal(task_of(B).run_ns, 48);
    assert_int_equal(task_of(B).runnable_ns, 52);
    assert_int_equal(task_of(B).blocked_ns, 50);
    assert_int_equal(task_of(A).kind, TASK_GREEN);
    assert_int_equal(task_of(A).n_slices, 2);
    assert_int_equal(task_of(A).n_involuntary, 1);
    assert_int_equal(task_of(B).n_voluntary, 1);
    assert_int_equal(state_at(A, 120, &cpu), STATE_RUNNING);
    assert_int_equal(cpu, 0);
    assert_int_equal(state_at(B, 120, &cpu), STATE_RUNNABLE);
    assert_int_equal(state_at(B, 220, &cpu), STATE_BLOCKED);
    struct bin bin;
    timeline_task_bins(tl, index_of(A), 100, 100, 1, &bin);
    assert_int_equal(bin.run_ns, 40);
}

/* Off its CPU, the carrier takes with it the one whose turn it is; and on to another CPU. */
static void test_carrier_is_switched(void **state)
{
    (void)state;
    int cpu;
    in(110, A, -1);
    out(130, CARRIER, 0, OUT_PREEMPTED);
    in(140, CARRIER, 1);
    out(160, CARRIER, 1, OUT_BLOCKED);
    in(190, CARRIER, 1);
    out(200, A, -1, OUT_PREEMPTED);
    timeline_advance(tl, 210);
    struct task a = task_of(A);
    assert_int_equal(a.run_ns, 20 + 20 + 10);
    assert_int_equal(a.runnable_ns, 10 + 10 + 10);
    assert_int_equal(a.blocked_ns, 30);
    assert_int_equal(a.n_migrations, 1);
    assert_int_equal(state_at(A, 135, &cpu), STATE_RUNNABLE);
    assert_int_equal(state_at(A, 150, &cpu), STATE_RUNNING);
    assert_int_equal(cpu, 1);
    assert_int_equal(state_at(A, 170, &cpu), STATE_BLOCKED);
    assert_int_equal(task_of(B).runnable_ns, 110); /* B only waits for its turn */
    struct slice slices[8];
    assert_int_equal(timeline_task_slices(tl, index_of(A), 0, slices, 8), 3);
    assert_int_equal(slices[0].end, SLICE_PREEMPTED);
    assert_int_equal(slices[1].end, SLICE_BLOCKED);
    assert_int_equal(slices[2].start_ns, 190);
}

/* Its turn begins or ends while the carrier is away, as clocks of two sources may have it. */
static void test_turn_while_carrier_is_off(void **state)
{
    (void)state;
    out(120, CARRIER, 0, OUT_PREEMPTED);
    in(130, A, -1);
    timeline_advance(tl, 135);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
    in(140, CARRIER, 0);
    assert_int_equal(task_of(A).state, STATE_RUNNING);
    assert_int_equal(task_of(A).state_since_ns, 140);
    out(150, CARRIER, 0, OUT_BLOCKED);
    out(155, A, -1, OUT_BLOCKED);
    in(160, CARRIER, 0);
    timeline_advance(tl, 170);
    assert_int_equal(task_of(A).state, STATE_BLOCKED);
    assert_int_equal(task_of(A).run_ns, 10);
}

/* They count in no figure of a CPU, and in none of the workload's switches. */
static void test_counts_nowhere_twice(void **state)
{
    (void)state;
    in(110, A, -1);
    out(150, A, -1, OUT_PREEMPTED);
    in(150, B, -1);
    out(200, CARRIER, 0, OUT_BLOCKED);
    in(210, OTHER, 0);
    timeline_advance(tl, 300);
    struct cpu_totals totals;
    timeline_cpu_totals(tl, 0, &totals);
    assert_int_equal(totals.busy_ns, 100 + 90);
    assert_int_equal(totals.n_slices, 2);
    assert_int_equal(totals.n_switches, 1);
    struct histogram lengths;
    timeline_slice_lengths(tl, &lengths);
    assert_int_equal(lengths.n, 1);
    struct slice slice;
    assert_true(timeline_cpu_slice(tl, 0, 120, 0, &slice));
    assert_int_equal(slice.task, index_of(CARRIER));
    struct task carrier = task_of(CARRIER), a = task_of(A);
    assert_true(task_counts(&carrier) && !task_works(&carrier));
    assert_true(!task_counts(&a) && task_works(&a));
    assert_true(carrier.carries && !a.carries);
    /* A is runnable, but not on that CPU's queue: the gap is idle time. */
    assert_int_equal(timeline_switch_costs(tl)->n, 0);
}

static void test_exits(void **state)
{
    (void)state;
    in(110, A, -1);
    task_exit(150, A);
    assert_int_equal(task_of(A).state, STATE_GONE);
    assert_int_equal(task_of(A).run_ns, 40);
    struct slice slice;
    assert_true(timeline_task_slice(tl, index_of(A), 110, 0, &slice));
    assert_int_equal(slice.end, SLICE_EXITED);
    in(160, B, -1);
    new_task(170, C, CARRIER, TASK_GREEN);
    task_exit(200, CARRIER); /* and with it all that it carries */
    timeline_advance(tl, 300);
    assert_int_equal(task_of(B).state, STATE_GONE);
    assert_int_equal(task_of(B).run_ns, 40);
    assert_int_equal(task_of(B).last_ns, 200);
    assert_int_equal(task_of(C).state, STATE_GONE);
    assert_int_equal(task_of(C).runnable_ns, 30);
    in(310, B, -1); /* what comes late does nothing */
    out(320, B, -1, OUT_BLOCKED);
    assert_int_equal(task_of(B).state, STATE_GONE);
}

static void test_lost(void **state)
{
    (void)state;
    in(110, A, -1);
    in(150, B, -1); /* that A went was not told */
    timeline_advance(tl, 160);
    assert_int_equal(task_of(A).state, STATE_UNKNOWN);
    assert_int_equal(task_of(A).run_ns, 40);
    in(170, OTHER, 0); /* nor that the carrier went */
    timeline_advance(tl, 180);
    assert_int_equal(task_of(B).state, STATE_UNKNOWN);
    in(190, CARRIER, 1);
    assert_int_equal(task_of(B).state, STATE_RUNNING);
    push((struct event){.time_ns = 250, .cpu = 1, .kind = EVENT_LOST, .u.lost.n = 3});
    timeline_advance(tl, 260);
    assert_int_equal(task_of(B).state, STATE_UNKNOWN);
    in(270, C, -1); /* never introduced: nobody knows on what */
    out(280, C, -1, OUT_BLOCKED);
    timeline_advance(tl, 290);
    assert_int_equal(task_of(C).state, STATE_UNKNOWN);
    push((struct event){.time_ns = 300, .tid = A, .cpu = 0, .kind = EVENT_SAMPLE, .u.state.letter = 'R'});
    assert_int_equal(task_of(A).n_samples, 0);
}

/* A kind does not change what a task is: tids below zero are green, and no others. */
static void test_kind(void **state)
{
    (void)state;
    new_task(120, OTHER, 9, TASK_GREEN);
    new_task(120, A, CARRIER, TASK_THREAD);
    assert_int_equal(task_of(OTHER).kind, TASK_THREAD);
    assert_int_equal(task_of(A).kind, TASK_GREEN);
}

/* It moves to another carrier. */
static void test_changes_its_carrier(void **state)
{
    (void)state;
    in(110, A, -1);
    in(120, OTHER, 1);
    new_task(130, A, OTHER, TASK_GREEN);
    in(140, A, -1);
    out(150, CARRIER, 0, OUT_BLOCKED);
    timeline_advance(tl, 200);
    assert_int_equal(task_of(A).state, STATE_RUNNING);
    assert_int_equal(task_of(A).last_cpu, 1);
    assert_int_equal(task_of(A).run_ns, 20 + 60);
}

/* One blocks in a system call, and all stand still; the wake is the thread's. */
static void test_blocks_its_carrier(void **state)
{
    (void)state;
    char text[64];
    in(110, A, -1);
    note(120, A, NOTE_BLOCKS, -1, 500);
    out(130, CARRIER, 0, OUT_BLOCKED);
    timeline_advance(tl, 400);
    assert_string_equal(waits_text(tl, index_of(A), 400, text, sizeof text), "blocked in a system call");
    assert_string_equal(waits_text(tl, index_of(B), 400, text, sizeof text), "runnable");
    in(520, CARRIER, 0);
    timeline_advance(tl, 600);
    assert_int_equal(task_of(A).blocked_ns, 370);
    assert_int_equal(task_of(A).runnable_ns, 10 + 20);
    assert_int_equal(task_of(CARRIER).blocked_ns, 370);
    assert_int_equal(task_of(CARRIER).runnable_ns, 90 + 20);
    assert_string_equal(waits_text(tl, index_of(B), 600, text, sizeof text),
                        "runnable, 1 ahead on this thread");
    assert_string_equal(waits_text(tl, index_of(B), 510, text, sizeof text), "runnable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_carrier_is_switched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turn_while_carrier_is_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts_nowhere_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_its_carrier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks_its_carrier, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
