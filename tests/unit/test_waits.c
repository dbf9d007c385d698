/* Why a task does not run: notes into reasons and wake times, objects, cycles and warnings. */
#include "../../src/timeline/waits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

enum { A = 10, B = 11, C = 12, D = 13, E = 14 }; /* tids */
enum { LEFT = 1, RIGHT = 2, COND = 3, BARRIER = 4, JOBS = 5, SUSPEND = 6, CHANNEL = 7, TICK = 8 };

static struct timeline *tl;

static void push(struct event event)
{
    timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
}

static void in_as(uint64_t t_ns, int tid, int cpu, enum event_in how)
{
    push((struct event){
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_SWITCH_IN, .detail = (uint8_t)how});
}

static void in(uint64_t t_ns, int tid, int cpu)
{
    in_as(t_ns, tid, cpu, IN_SWITCHED);
}

static void out(uint64_t t_ns, int tid, int cpu, enum event_out why)
{
    push((struct event){
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = EVENT_SWITCH_OUT, .detail = (uint8_t)why});
}

static void note(uint64_t t_ns, int tid, enum event_note what, int object, int other, uint64_t until_ns)
{
    struct event event = {
        .time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = (uint8_t)what};
    event.u.sync.object = object;
    event.u.sync.other = other;
    event.u.sync.until_ns = until_ns;
    push(event);
}

static void value(uint64_t t_ns, int tid, int object, int64_t value)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_VALUE};
    event.u.sync.object = object;
    event.u.sync.value = value;
    push(event);
}

static void object(uint64_t t_ns, int number, enum object_kind kind, const char *name)
{
    struct event event = {
        .time_ns = t_ns, .tid = number, .cpu = -1, .kind = EVENT_OBJECT, .detail = (uint8_t)kind};
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    push(event);
}

static void name(uint64_t t_ns, int tid, const char *name)
{
    struct event event = {.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    push(event);
}

static void task_exit(uint64_t t_ns, int tid)
{
    push((struct event){.time_ns = t_ns, .tid = tid, .cpu = -1, .kind = EVENT_EXIT});
}

/* Says that it wants it, and blocks a microsecond later. */
static void wait_for(uint64_t t_ns, int tid, int cpu, int what, int other)
{
    note(t_ns, tid, NOTE_WANTS, what, other, 0);
    out(t_ns + 1000, tid, cpu, OUT_BLOCKED);
}

static int setup(void **state)
{
    static const struct {
        int number;
        enum object_kind kind;
        const char *name;
    } objects[] = {{LEFT, OBJECT_MUTEX, "left"},      {RIGHT, OBJECT_MUTEX, "right"},
                   {COND, OBJECT_CONDITION, "c"},     {BARRIER, OBJECT_BARRIER, "b"},
                   {JOBS, OBJECT_SEM, "jobs"},        {SUSPEND, OBJECT_SUSPEND, "pause"},
                   {CHANNEL, OBJECT_CHANNEL, "line"}, {TICK, OBJECT_TIMER, "tick"}};
    (void)state;
    tl = timeline_new(0);
    for (unsigned i = 0; i < sizeof objects / sizeof *objects; i++)
        object(1, objects[i].number, objects[i].kind, objects[i].name);
    for (int i = 0; i < 5; i++) {
        const char letter[2] = {(char)('A' + i), '\0'};
        name(2, A + i, letter);
        in(MS, A + i, i);
    }
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

static enum task_state state_at(int tid, uint64_t t_ns, uint64_t *since_ns)
{
    uint64_t until_ns;
    int cpu;
    return timeline_task_at(tl, index_of(tid), t_ns, since_ns, &until_ns, &cpu);
}

static const char *text_at(int tid, uint64_t t_ns)
{
    static char text[160];
    return waits_text(tl, index_of(tid), t_ns, text, sizeof text);
}

static struct wait_object object_of(int number)
{
    struct wait_object found;
    const struct waits *waits = timeline_waits(tl);
    assert_true(waits_object(waits, waits_find_object(waits, number), &found));
    return found;
}

static void assert_queue(int number, unsigned n, ...)
{
    uint32_t tasks[8];
    const struct waits *waits = timeline_waits(tl);
    assert_int_equal(waits_queue(waits, waits_find_object(waits, number), tasks, 8), n);
    va_list tids;
    va_start(tids, n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(tasks[i], index_of(va_arg(tids, int)));
    va_end(tids);
}

static const struct alert *alert(unsigned i)
{
    return waits_alert(timeline_waits(tl), i);
}

static unsigned n_alerts(void)
{
    return waits_n_alerts(timeline_waits(tl));
}

/* ---- reasons and wake times ---- */

static void test_mutex(void **state)
{
    (void)state;
    uint64_t since_ns;
    wait_for(10 * MS, A, 0, LEFT, B);
    timeline_advance(tl, 22 * MS);
    assert_string_equal(text_at(A, 22 * MS), "blocked: wants mutex left, held by B for 12 ms");
    assert_int_equal(object_of(LEFT).holder, index_of(B));
    assert_queue(LEFT, 1, A);

    note(30 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    timeline_advance(tl, 31 * MS);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
    assert_int_equal(task_of(A).state_since_ns, 30 * MS);
    assert_queue(LEFT, 0);
    in(33 * MS, A, 0);
    note(34 * MS, A, NOTE_GOT, LEFT, 0, 0);
    timeline_advance(tl, 40 * MS);
    assert_int_equal(object_of(LEFT).holder, index_of(A));
    assert_int_equal(object_of(LEFT).held_since_ns, 34 * MS);
    assert_int_equal(object_of(LEFT).n_waits, 1);
    assert_int_equal(object_of(LEFT).max_wait_ns, 24 * MS);

    struct task task = task_of(A);
    assert_true(task.wakes_known);
    assert_int_equal(task.runnable_ns, 3 * MS);
    assert_int_equal(task.blocked_ns, 20 * MS - 1000);
    struct bin bins[2];
    timeline_task_bins(tl, index_of(A), 20 * MS, 20 * MS, 2, bins);
    assert_int_equal(bins[0].blocked_ns, 10 * MS);
    assert_int_equal(bins[1].runnable_ns, 3 * MS);
    assert_int_equal(bins[1].run_ns, 7 * MS);

    /* The past stays what it was. */
    assert_string_equal(text_at(A, 15 * MS), "blocked: wants mutex left, held by B for 5 ms");
    assert_int_equal(state_at(A, 32 * MS, &since_ns), STATE_RUNNABLE);
    assert_int_equal(since_ns, 30 * MS);
    struct wait_reason reason;
    waits_reason(tl, index_of(A), 32 * MS, &reason);
    assert_int_equal(reason.kind, WAIT_CPU);
    assert_int_equal(reason.waker, index_of(B));
    waits_reason(tl, index_of(A), 20 * MS, &reason);
    assert_int_equal(reason.kind, WAIT_OBJECT);
    assert_int_equal(reason.since_ns, 10 * MS);
    assert_int_equal(reason.end_ns, 30 * MS);
    assert_int_equal(reason.holder, index_of(B));
    assert_int_equal(reason.held_since_ns, 10 * MS);
    assert_string_equal(text_at(A, 5 * MS), "");
}

static void test_holder_changes_while_one_waits(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(12 * MS, C, 2, LEFT, B);
    note(20 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    in(21 * MS, A, 0);
    note(22 * MS, A, NOTE_GOT, LEFT, 0, 0);
    timeline_advance(tl, 30 * MS);
    assert_string_equal(text_at(C, 30 * MS), "blocked: wants mutex left, held by A for 8 ms");
    assert_string_equal(text_at(C, 15 * MS), "blocked: wants mutex left, held by B for 5 ms");
    assert_string_equal(text_at(C, 21 * MS), "blocked: wants mutex left");
}

static void test_first_come_first_served(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, JOBS, 0);
    wait_for(11 * MS, B, 1, JOBS, 0);
    wait_for(12 * MS, C, 2, JOBS, 0);
    wait_for(13 * MS, D, 3, JOBS, 0);
    assert_queue(JOBS, 4, A, B, C, D);
    note(20 * MS, E, NOTE_GAVE, JOBS, 2, 0);
    timeline_advance(tl, 21 * MS);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
    assert_int_equal(task_of(B).state, STATE_RUNNABLE);
    assert_int_equal(task_of(C).state, STATE_BLOCKED);
    assert_queue(JOBS, 2, C, D);
    assert_string_equal(text_at(C, 21 * MS), "waits for semaphore jobs (0)");
    note(22 * MS, E, NOTE_GAVE, JOBS, 100, 0);
    timeline_advance(tl, 23 * MS);
    assert_int_equal(task_of(D).state, STATE_RUNNABLE);
    assert_queue(JOBS, 0);
}

/* Somebody was faster: it waits again, behind the others, and needs no note for that. */
static void test_waits_again(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(11 * MS, C, 2, LEFT, B);
    note(20 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    in(21 * MS, A, 0);
    out(22 * MS, A, 0, OUT_BLOCKED);
    assert_queue(LEFT, 2, C, A);
    timeline_advance(tl, 25 * MS);
    struct wait_reason reason;
    waits_reason(tl, index_of(A), 25 * MS, &reason);
    assert_int_equal(reason.kind, WAIT_OBJECT);
    assert_int_equal(reason.since_ns, 10 * MS);
    note(30 * MS, D, NOTE_GAVE, LEFT, 1, 0);
    timeline_advance(tl, 31 * MS);
    assert_int_equal(task_of(C).state, STATE_RUNNABLE);
    assert_int_equal(task_of(A).state, STATE_BLOCKED);
}

static void test_sleep(void **state)
{
    (void)state;
    uint64_t since_ns;
    note(10 * MS, A, NOTE_SLEEPS, -1, 0, 50 * MS);
    out(10 * MS + 1000, A, 0, OUT_BLOCKED);
    note(11 * MS, B, NOTE_SLEEPS, -1, 0, 30 * MS);
    out(11 * MS + 1000, B, 1, OUT_BLOCKED);
    note(12 * MS, C, NOTE_SLEEPS, -1, 0, 0);
    out(12 * MS + 1000, C, 2, OUT_BLOCKED);
    timeline_advance(tl, 29 * MS);
    assert_string_equal(text_at(A, 29 * MS), "sleeps until +21 ms");
    assert_string_equal(text_at(A, 29 * MS - 300000), "sleeps until +21.3 ms");
    assert_string_equal(text_at(C, 29 * MS), "sleeps");
    assert_int_equal(task_of(B).state, STATE_BLOCKED);
    in(31 * MS, E, 4); /* any event lets time pass */
    assert_int_equal(task_of(B).state, STATE_RUNNABLE);
    timeline_advance(tl, 60 * MS);
    in(51 * MS, A, 0);
    in(32 * MS, B, 1);
    timeline_advance(tl, 60 * MS);
    assert_int_equal(task_of(A).runnable_ns, MS);
    assert_int_equal(task_of(B).runnable_ns, 2 * MS);
    assert_int_equal(task_of(A).blocked_ns, 40 * MS - 1000);
    assert_int_equal(state_at(A, 50 * MS, &since_ns), STATE_RUNNABLE);
    assert_int_equal(state_at(A, 50 * MS - 1, &since_ns), STATE_BLOCKED);
    assert_string_equal(text_at(A, 50 * MS - 1), "sleeps until +1 ns");
}

/* Real-time tasks and priority inheritance have another order, which is seen when they run. */
static void test_another_order(void **state)
{
    (void)state;
    uint64_t since_ns;
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(11 * MS, C, 2, LEFT, B);
    note(20 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    in(22 * MS, C, 2); /* not A */
    note(22 * MS + 1, C, NOTE_GOT, LEFT, 0, 0);
    timeline_advance(tl, 30 * MS);
    assert_int_equal(task_of(A).state, STATE_BLOCKED);
    assert_int_equal(task_of(A).runnable_ns, 0);
    assert_int_equal(task_of(C).runnable_ns, 2 * MS);
    assert_int_equal(state_at(C, 20 * MS, &since_ns), STATE_RUNNABLE);
    assert_int_equal(state_at(A, 25 * MS, &since_ns), STATE_BLOCKED);
    assert_int_equal(since_ns, 10 * MS + 1000);
    assert_queue(LEFT, 1, A);
    note(32 * MS, C, NOTE_GAVE, LEFT, 1, 0);
    timeline_advance(tl, 33 * MS);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
}

/* The note of who let it go may come after it ran, and even after it has what it wanted. */
static void test_told_late(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, JOBS, 0);
    wait_for(11 * MS, B, 1, JOBS, 0);
    in(20 * MS, A, 0);
    note(20 * MS + 1000, E, NOTE_GAVE, JOBS, 1, 0);
    assert_queue(JOBS, 1, B);
    note(20 * MS + 2000, A, NOTE_GOT, JOBS, 0, 0);

    wait_for(30 * MS, A, 0, JOBS, 0);
    in(40 * MS, B, 1);
    note(40 * MS + 1000, B, NOTE_GOT, JOBS, 0, 0);
    note(40 * MS + 2000, E, NOTE_GAVE, JOBS, 1, 0);
    timeline_advance(tl, 41 * MS);
    assert_int_equal(task_of(A).state, STATE_BLOCKED);
    note(60 * MS, E, NOTE_GAVE, JOBS, 1, 0);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
}

/* A lock that is taken in passing, while the one that was woken is on its way, wakes nobody when it is
 * released: its word does not say that there are sleepers. */
static void test_taken_in_passing(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(11 * MS, D, 3, LEFT, B);
    note(20 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
    note(21 * MS, C, NOTE_GAVE, LEFT, 1, 0); /* had it since then */
    assert_int_equal(task_of(D).state, STATE_BLOCKED);
    in(22 * MS, A, 0);
    out(23 * MS, A, 0, OUT_BLOCKED); /* E has it now, and A says that it sleeps */
    assert_queue(LEFT, 2, D, A);
    note(25 * MS, E, NOTE_GAVE, LEFT, 1, 0);
    assert_int_equal(task_of(D).state, STATE_RUNNABLE);
    assert_int_equal(task_of(D).state_since_ns, 25 * MS);
    in(26 * MS, D, 3);
    note(27 * MS, D, NOTE_GOT, LEFT, 0, 0); /* which says so for A */
    note(28 * MS, D, NOTE_GAVE, LEFT, 1, 0);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
}

/* Who takes it in passing, and tells so, is who holds it. */
static void test_holder_in_passing(void **state)
{
    (void)state;
    wait_for(S, A, 0, LEFT, B);
    note(S + 20 * MS, B, NOTE_GAVE, LEFT, 1, 0);
    note(S + 21 * MS, C, NOTE_GOT, LEFT, 0, 0);
    in(S + 22 * MS, A, 0);
    out(S + 23 * MS, A, 0, OUT_BLOCKED);
    wait_for(S + 30 * MS, C, 2, RIGHT, A);
    timeline_advance(tl, 3 * S);
    assert_int_equal(n_alerts(), 1);
    assert_string_equal(alert(0)->text,
                        "deadlock: A wants mutex left, held by C, who wants mutex right, held by A");
}

/* It was let go before it slept, and did not sleep. */
static void test_let_go_in_time(void **state)
{
    (void)state;
    note(10 * MS, A, NOTE_WANTS, JOBS, 0, 0);
    note(10 * MS + 1, B, NOTE_GAVE, JOBS, 1, 0);
    note(10 * MS + 2, A, NOTE_GOT, JOBS, 0, 0);
    timeline_advance(tl, 20 * MS);
    assert_int_equal(task_of(A).state, STATE_RUNNING);
    assert_int_equal(object_of(JOBS).n_waits, 1);
    assert_queue(JOBS, 0);
}

static void test_every_reason(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, COND, 0);
    wait_for(10 * MS, B, 1, SUSPEND, 0);
    wait_for(10 * MS, C, 2, CHANNEL, 0);
    note(10 * MS, D, NOTE_BLOCKS, -1, 0, 0);
    out(10 * MS + 1, D, 3, OUT_BLOCKED);
    out(11 * MS, E, 4, OUT_BLOCKED);
    timeline_advance(tl, 20 * MS);
    assert_string_equal(text_at(A, 20 * MS), "waits for a signal on condition c");
    assert_string_equal(text_at(B, 20 * MS), "suspended");
    assert_string_equal(text_at(C, 20 * MS), "waits for a message on channel line");
    assert_string_equal(text_at(D, 20 * MS), "blocked in a system call");
    assert_string_equal(text_at(E, 20 * MS), "blocked");
    note(30 * MS, A, NOTE_WANTS, TICK, 0, 35 * MS + 500000);
    note(30 * MS, B, NOTE_WANTS, 99, 0, 0); /* never introduced */
    timeline_advance(tl, 31 * MS);
    assert_string_equal(text_at(A, 31 * MS), "waits for timer tick until +4.50 ms");
    assert_string_equal(text_at(B, 31 * MS), "waits for object 99");
    assert_string_equal(text_at(A, 25 * MS), "waits for a signal on condition c");
}

static void test_barrier(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, BARRIER, 1);
    wait_for(11 * MS, B, 1, BARRIER, 2);
    timeline_advance(tl, 12 * MS);
    assert_string_equal(text_at(A, 12 * MS), "waits at barrier, 2 there");
    wait_for(13 * MS, C, 2, BARRIER, 3);
    wait_for(14 * MS, D, 3, BARRIER, 4);
    note(20 * MS, E, NOTE_GAVE, BARRIER, 4, 0); /* the fifth came */
    timeline_advance(tl, 20 * MS + 1);
    for (int tid = A; tid <= D; tid++)
        assert_int_equal(task_of(tid).state, STATE_RUNNABLE);
    assert_string_equal(text_at(A, 13 * MS), "waits at barrier 3 of 5");
    assert_int_equal(object_of(BARRIER).value, 0);

    note(30 * MS, A, NOTE_WANTS, BARRIER, 1, 7); /* says for how many */
    out(30 * MS + 1, A, 0, OUT_BLOCKED);
    timeline_advance(tl, 31 * MS);
    assert_string_equal(text_at(A, 31 * MS), "waits at barrier 1 of 7");
    value(32 * MS, 0, BARRIER, 3); /* and so may anybody */
    assert_string_equal(text_at(A, 31 * MS), "waits at barrier 1 of 3");
}

static void test_ahead(void **state)
{
    (void)state;
    /* A and B are preempted on CPU 2, where C runs; D comes there later. */
    out(10 * MS, A, 0, OUT_PREEMPTED);
    in(10 * MS, A, 2); /* C's slice is lost here */
    out(12 * MS, A, 2, OUT_PREEMPTED);
    in(12 * MS, B, 2);
    out(14 * MS, B, 2, OUT_PREEMPTED);
    in(14 * MS, C, 2);
    timeline_advance(tl, 15 * MS);
    assert_string_equal(text_at(A, 15 * MS), "runnable, 1 ahead on this core");
    assert_string_equal(text_at(B, 15 * MS), "runnable, 2 ahead on this core");
    assert_string_equal(text_at(C, 15 * MS), "");
    out(16 * MS, C, 2, OUT_PREEMPTED);
    in(16 * MS, A, 2);
    timeline_advance(tl, 20 * MS);
    assert_string_equal(text_at(B, 15 * MS), "runnable, 2 ahead on this core");
    assert_string_equal(text_at(C, 20 * MS), "runnable, 2 ahead on this core");
    out(21 * MS, A, 2, OUT_BLOCKED);
    timeline_advance(tl, 22 * MS);
    assert_string_equal(text_at(B, 22 * MS), "runnable");
}

/* Where the wakes themselves are told, none is deduced. */
static void test_wakes_told(void **state)
{
    (void)state;
    push((struct event){.time_ns = 5 * MS, .tid = A, .cpu = 0, .kind = EVENT_WAKE});
    wait_for(10 * MS, A, 0, JOBS, 0);
    note(20 * MS, B, NOTE_GAVE, JOBS, 1, 0);
    assert_int_equal(task_of(A).state, STATE_BLOCKED);
    push((struct event){.time_ns = 21 * MS, .tid = A, .cpu = 0, .kind = EVENT_WAKE});
    assert_int_equal(task_of(A).state_since_ns, 21 * MS);
    in(22 * MS, A, 0);
    assert_int_equal(task_of(A).runnable_ns, MS);
}

/* Tasks that time themselves tell first that they will block, and are told by the kernel what it was. */
static void test_did_not_block(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, JOBS, 0);
    wait_for(10 * MS, B, 1, JOBS, 0);
    in_as(10 * MS + 5000, B, 1, IN_STAYED);
    assert_int_equal(task_of(B).n_voluntary, 0);
    assert_queue(JOBS, 2, A, B);
    note(10 * MS + 6000, B, NOTE_GOT, JOBS, 0, 0); /* was posted meanwhile, and took it */
    note(20 * MS, C, NOTE_GAVE, JOBS, 1, 0);
    assert_int_equal(task_of(A).state, STATE_RUNNABLE);
    in(21 * MS, A, 0);
    wait_for(30 * MS, A, 0, JOBS, 0);
    in_as(34 * MS, A, 0, IN_PREEMPTED);
    assert_int_equal(task_of(A).n_voluntary, 1);
    assert_int_equal(task_of(A).n_involuntary, 1);
    assert_int_equal(task_of(A).runnable_ns, MS + 4 * MS - 1000);
}

/* Without switches (the source is proc) the notes are all that there is. */
static void test_no_switches(void **state)
{
    (void)state;
    timeline_free(tl);
    tl = timeline_new(0);
    object(1, LEFT, OBJECT_MUTEX, "left");
    name(2, B, "B");
    note(10 * MS, A, NOTE_WANTS, LEFT, B, 0);
    timeline_advance(tl, 12 * MS);
    assert_int_equal(task_of(A).state, STATE_UNKNOWN);
    assert_string_equal(text_at(A, 12 * MS), "blocked: wants mutex left, held by B for 2 ms");
    assert_false(task_of(A).wakes_known);
}

/* ---- ends, deaths, and notes that do not fit ---- */

static void test_exit(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(11 * MS, C, 2, LEFT, B);
    wait_for(12 * MS, D, 3, LEFT, B);
    task_exit(15 * MS, A); /* killed while it waits */
    assert_queue(LEFT, 2, C, D);
    task_exit(20 * MS, B); /* the kernel lets one go that wants a robust lock */
    assert_int_equal(object_of(LEFT).holder, TIMELINE_NO_TASK);
    assert_int_equal(task_of(C).state, STATE_RUNNABLE);
    assert_int_equal(task_of(C).state_since_ns, 20 * MS);
    in(21 * MS, C, 2);
    note(21 * MS + 1, C, NOTE_GOT, LEFT, 0, 0);
    note(21 * MS + 2, C, NOTE_DIED, LEFT, B, 0);
    assert_int_equal(object_of(LEFT).holder, index_of(C));
    assert_int_equal(object_of(LEFT).died, index_of(B));
    assert_int_equal(object_of(LEFT).died_ns, 21 * MS + 2);
    timeline_advance(tl, 25 * MS);
    assert_string_equal(text_at(A, 12 * MS), "blocked: wants mutex left, held by B for 2 ms");
    assert_string_equal(text_at(A, 25 * MS), "");
}

static void test_lost_notes(void **state)
{
    (void)state;
    note(10 * MS, A, NOTE_GOT, LEFT, 0, 0); /* of a wait that was not told */
    assert_int_equal(object_of(LEFT).holder, index_of(A));
    wait_for(11 * MS, B, 1, LEFT, A);
    note(12 * MS, B, NOTE_WANTS, RIGHT, 0, 0); /* got that one, then */
    assert_queue(LEFT, 0);
    assert_queue(RIGHT, 1, B);
    note(13 * MS, B, NOTE_WANTS, RIGHT, 0, 0); /* told twice */
    assert_queue(RIGHT, 1, B);
    push((struct event){.time_ns = 14 * MS, .tid = B, .kind = EVENT_NOTE, .detail = NOTE_UNTOLD});
    assert_queue(RIGHT, 0);
    note(15 * MS, C, NOTE_GAVE, RIGHT, -5, 0);
    note(15 * MS, C, NOTE_GAVE, -1, 1, 0);
    note(15 * MS, 0, NOTE_WANTS, LEFT, 0, 0);
    note(15 * MS, 4711, NOTE_WANTS, LEFT, 4712, 0); /* somebody new, held by nobody known */
    assert_queue(LEFT, 1, 4711);
    note(9 * MS, A, NOTE_WANTS, LEFT, 0, 0); /* late: taken at its last one's time */
    timeline_advance(tl, 20 * MS);
    struct wait_reason reason;
    waits_reason(tl, 12345, 20 * MS, &reason);
    assert_int_equal(reason.kind, WAIT_NONE);
    struct wait_object none;
    assert_false(waits_object(timeline_waits(tl), 12345, &none));
}

static void test_object_of_the_next_run(void **state)
{
    (void)state;
    wait_for(10 * MS, A, 0, LEFT, B);
    uint32_t old = object_of(LEFT).index;
    object(20 * MS, LEFT, OBJECT_MUTEX, "links");
    assert_int_not_equal(object_of(LEFT).index, old);
    assert_queue(LEFT, 0);
    assert_int_equal(object_of(LEFT).holder, TIMELINE_NO_TASK);
    timeline_advance(tl, 25 * MS);
    assert_string_equal(text_at(A, 15 * MS), "blocked: wants mutex left, held by B for 5 ms");
    struct wait_object before;
    assert_true(waits_object(timeline_waits(tl), old, &before));
    assert_int_equal(before.end_ns, 20 * MS);
    uint32_t index = object_of(LEFT).index;
    object(26 * MS, LEFT, OBJECT_MUTEX, "links"); /* told twice */
    assert_int_equal(object_of(LEFT).index, index);
}

/* What was cut down to the last of its values has as many again later. */
static void test_grows_after_a_cut(void **state)
{
    (void)state;
    enum { SELDOM = 71, N_STEPS = 5000 };
    timeline_free(tl);
    tl = timeline_new(1 << 20);
    object(1, JOBS, OBJECT_SEM, "jobs");
    object(1, SELDOM, OBJECT_SEM, "seldom");
    uint64_t t_ns = MS;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++)
            value(t_ns++, A, SELDOM, i);
        for (int i = 0; i < 200000; i++, t_ns += 1000)
            value(t_ns, A, JOBS, i);
    }
    for (int i = 0; i < N_STEPS; i++)
        value(t_ns++, A, SELDOM, i);
    const struct wait_step *steps;
    assert_true(waits_steps(timeline_waits(tl), object_of(SELDOM).index, &steps) >= N_STEPS);
    for (int i = 0; i < 1000; i++)
        value(t_ns++, A, JOBS, i);
    timeline_advance(tl, t_ns);
    const unsigned n = waits_steps(timeline_waits(tl), object_of(SELDOM).index, &steps);
    assert_int_equal(steps[n - 1].value, N_STEPS - 1);
}

/* A million waits in little memory: what is kept is the newest. */
static void test_bounded(void **state)
{
    (void)state;
    const size_t budget = 1 << 20;
    timeline_free(tl);
    tl = timeline_new(budget);
    object(1, JOBS, OBJECT_SEM, "jobs");
    name(2, A, "A");
    uint64_t t_ns = MS;
    for (int i = 0; i < 200000; i++, t_ns += 10000) {
        in(t_ns, A, 0);
        value(t_ns + 1, A, JOBS, i);
        note(t_ns + 2, A, NOTE_GOT, JOBS, 0, 0);
        wait_for(t_ns + 100, A, 0, JOBS, 0);
        note(t_ns + 5000, B, NOTE_GAVE, JOBS, 1, 0);
        assert_true(timeline_memory(tl) <= budget + budget / 4);
    }
    timeline_advance(tl, t_ns);
    assert_true(timeline_memory(tl) <= budget);
    assert_string_equal(text_at(A, t_ns - 8000), "waits for semaphore jobs (0)");
    struct wait_reason reason;
    waits_reason(tl, index_of(A), t_ns - 1000 * 10000 + 3000, &reason);
    assert_int_equal(reason.kind, WAIT_OBJECT);
    const struct wait_step *steps;
    assert_true(waits_steps(timeline_waits(tl), 0, &steps) > 100);
}

/* ---- objects ---- */

static void test_values(void **state)
{
    (void)state;
    const struct wait_step *steps;
    const struct waits *waits = timeline_waits(tl);
    uint32_t jobs = waits_find_object(waits, JOBS);
    for (int i = 0; i <= 10; i++)
        value((unsigned)i * S + MS, A, JOBS, 3 * i);
    value(11 * S, 0, JOBS, 30); /* no change, no step */
    timeline_advance(tl, 12 * S);
    assert_int_equal(waits_steps(waits, jobs, &steps), 11);
    assert_int_equal(steps[4].time_ns, 4 * S + MS);
    assert_int_equal(steps[4].value, 12);
    assert_int_equal(object_of(JOBS).value, 30);
    assert_true(fabs(waits_growth(waits, jobs, MS, 10 * S + MS) - 3) < 0.05);
    assert_true(fabs(waits_growth(waits, jobs, 10 * S + MS, 12 * S)) < 1e-6);
    assert_true(isnan(waits_growth(waits, jobs, 0, 10 * S)));
    assert_true(isnan(waits_growth(waits, WAITS_NONE, MS, 10 * S)));
}

static void test_edges(void **state)
{
    (void)state;
    struct wait_edge edges[2];
    wait_for(10 * MS, A, 0, LEFT, B);
    wait_for(11 * MS, C, 2, LEFT, B);
    wait_for(12 * MS, B, 1, RIGHT, D);
    wait_for(13 * MS, E, 4, JOBS, 0);
    assert_int_equal(waits_edges(timeline_waits(tl), edges, 2), 3);
    assert_int_equal(edges[0].waiter, index_of(A));
    assert_int_equal(edges[0].holder, index_of(B));
    assert_int_equal(edges[0].object, object_of(LEFT).index);
    assert_int_equal(edges[1].waiter, index_of(C));
}

/* ---- alerts ---- */

static void test_deadlock(void **state)
{
    (void)state;
    wait_for(S, A, 0, RIGHT, B);
    wait_for(S + 200 * MS, B, 1, LEFT, A);
    timeline_advance(tl, S + 200 * MS + WAITS_DEADLOCK_NS - 1);
    assert_int_equal(n_alerts(), 0);
    timeline_advance(tl, S + 300 * MS + WAITS_DEADLOCK_NS);
    assert_int_equal(n_alerts(), 1);
    const struct alert *a = alert(0);
    assert_int_equal(a->kind, ALERT_DEADLOCK);
    assert_int_equal(a->since_ns, S + 200 * MS);
    assert_int_equal(a->time_ns, S + 200 * MS + WAITS_DEADLOCK_NS);
    assert_int_equal(a->ended_ns, 0);
    assert_int_equal(a->n, 2);
    assert_int_equal(a->tasks[0], index_of(A));
    assert_int_equal(a->tasks[1], index_of(B));
    assert_int_equal(a->objects[0], object_of(RIGHT).index);
    assert_int_equal(a->objects[1], object_of(LEFT).index);
    assert_string_equal(a->text, "deadlock: A wants mutex right, held by B, who wants mutex left, held by A");
    timeline_advance(tl, 20 * S);
    assert_int_equal(n_alerts(), 1); /* no warning of long-held locks beside it */
    task_exit(21 * S, B);
    assert_int_equal(alert(0)->ended_ns, 21 * S);
    timeline_advance(tl, 30 * S);
    assert_int_equal(n_alerts(), 1);
}

/* It does not matter how often one looks. */
static void test_deadlock_in_a_silence(void **state)
{
    (void)state;
    wait_for(S, A, 0, RIGHT, B);
    wait_for(S, B, 1, LEFT, A);
    in(4000 * S, D, 3);
    assert_int_equal(n_alerts(), 1);
    assert_int_equal(alert(0)->time_ns, S + WAITS_DEADLOCK_NS);
    task_exit(4001 * S, A);
    assert_int_equal(alert(0)->ended_ns, 4001 * S);
}

static void test_deadlock_of_one(void **state)
{
    (void)state;
    wait_for(S, A, 0, LEFT, A);
    timeline_advance(tl, 3 * S);
    assert_int_equal(n_alerts(), 1);
    assert_int_equal(alert(0)->n, 1);
    assert_string_equal(alert(0)->text, "deadlock: A wants mutex left, which it holds itself");
}

static void test_deadlock_of_many(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        char text[16];
        snprintf(text, sizeof text, "p%d", i);
        name(S, 100 + i, text);
        snprintf(text, sizeof text, "fork%d", i);
        object(S, 100 + i, OBJECT_MUTEX, text);
    }
    for (int i = 0; i < 8; i++)
        note(2 * S + (unsigned)i, 100 + i, NOTE_WANTS, 100 + i, 100 + (i + 1) % 8, 0);
    note(2 * S + 100, A, NOTE_WANTS, 103, 104, 0); /* waits for one of them, and holds what B wants */
    note(2 * S + 100, B, NOTE_WANTS, LEFT, A, 0);
    timeline_advance(tl, 10 * S);
    assert_int_equal(n_alerts(), 1);
    assert_int_equal(alert(0)->n, 8);
    assert_string_equal(
        alert(0)->text,
        "deadlock of 8 tasks: p0 wants mutex fork0, held by p1, who wants mutex fork1, held "
        "by p2, who wants mutex fork2, held by p3, who wants ..., who wants mutex fork7, held "
        "by p0");
    task_exit(11 * S, 100); /* breaks it; p7 may go on */
    assert_int_equal(alert(0)->ended_ns, 11 * S);
}

static void test_two_deadlocks(void **state)
{
    (void)state;
    object(S, 20, OBJECT_MUTEX, "up");
    object(S, 21, OBJECT_MUTEX, "down");
    wait_for(S, A, 0, LEFT, B);
    wait_for(S, B, 1, RIGHT, A);
    wait_for(S, C, 2, 20, D);
    wait_for(S, D, 3, 21, C);
    timeline_advance(tl, 3 * S);
    assert_int_equal(n_alerts(), 2);
    assert_int_equal(alert(0)->kind, ALERT_DEADLOCK);
    assert_int_equal(alert(1)->kind, ALERT_DEADLOCK);
}

/* Waiting for long is no deadlock, and a chain is no cycle. */
static void test_held_long(void **state)
{
    (void)state;
    wait_for(S, A, 0, LEFT, B);
    wait_for(S + 100 * MS, C, 2, LEFT, B);
    wait_for(S + 100 * MS, B, 1, RIGHT, D);
    timeline_advance(tl, S + 999 * MS);
    assert_int_equal(n_alerts(), 0);
    timeline_advance(tl, 3 * S);
    assert_int_equal(n_alerts(), 2);
    const struct alert *a = alert(0);
    assert_int_equal(a->kind, ALERT_HELD_LONG);
    assert_int_equal(a->since_ns, S);
    assert_int_equal(a->time_ns, 2 * S);
    assert_int_equal(a->tasks[0], index_of(B));
    assert_int_equal(a->objects[0], object_of(LEFT).index);
    assert_string_equal(a->text, "B has held mutex left for more than a second, while 2 tasks wait");
    assert_string_equal(alert(1)->text, "D has held mutex right for more than a second, while B waits");
    note(4 * S, D, NOTE_GAVE, RIGHT, 1, 0);
    assert_int_equal(alert(1)->ended_ns, 4 * S);
    assert_int_equal(alert(0)->ended_ns, 0);
    note(5 * S, B, NOTE_GAVE, LEFT, 1, 0);
    assert_int_equal(alert(0)->ended_ns, 5 * S);
    in(5 * S + MS, A, 0);
    note(5 * S + 2 * MS, A, NOTE_GOT, LEFT, 0, 0);
    timeline_advance(tl, 5 * S + 900 * MS);
    assert_int_equal(n_alerts(), 2);
    timeline_advance(tl, 6 * S + 200 * MS); /* now A holds it long */
    assert_int_equal(n_alerts(), 3);
    assert_string_equal(alert(2)->text, "A has held mutex left for more than a second, while C waits");
}

/* Jobs come twice a second; n workers take 1.5 s for each. */
static void run_pool(uint64_t *t_ns, int64_t *n_jobs, int n_workers, uint64_t until_ns)
{
    static uint64_t free_ns[8];
    for (; *t_ns < until_ns; *t_ns += 10 * MS) {
        int64_t before = *n_jobs;
        *n_jobs += *t_ns % (500 * MS) == 0;
        for (int i = 0; i<n_workers && * n_jobs> 0; i++) {
            if (*t_ns < free_ns[i])
                continue;
            free_ns[i] = *t_ns + 1500 * MS;
            --*n_jobs;
        }
        if (*n_jobs != before)
            value(*t_ns, A, JOBS, *n_jobs);
    }
    timeline_advance(tl, *t_ns);
}

static void test_queue_grows(void **state)
{
    (void)state;
    uint64_t t_ns = S;
    int64_t n_jobs = 0;
    value(S, A, JOBS, 0);
    run_pool(&t_ns, &n_jobs, 2, 30 * S);
    assert_int_equal(n_alerts(), 1);
    const struct alert *a = alert(0);
    assert_int_equal(a->kind, ALERT_QUEUE_GROWS);
    assert_true(a->time_ns >= 11 * S && a->time_ns <= 15 * S);
    assert_int_equal(a->objects[0], object_of(JOBS).index);
    assert_true(fabs(a->rate - 0.667) < 0.1);
    assert_non_null(strstr(a->text, "semaphore jobs only grows: 0."));
    assert_int_equal(a->ended_ns, 0);
    run_pool(&t_ns, &n_jobs, 4, 50 * S); /* more workers drain it */
    assert_int_equal(n_alerts(), 1);
    assert_true(alert(0)->ended_ns > 30 * S && alert(0)->ended_ns < 35 * S);
}

/* It grew, and then stays where it is, up and down by one, a little more up than down. */
static void test_queue_that_comes_to_rest(void **state)
{
    (void)state;
    uint64_t t_ns = S;
    value(t_ns, A, JOBS, 0);
    for (int i = 1; i <= 4; i++)
        value(t_ns += 1500 * MS, A, JOBS, i);
    for (int i = 0; i < 40; i++)
        value(t_ns += 250 * MS, A, JOBS, i % 2 || i % 14 == 0 ? 5 : 4);
    timeline_advance(tl, t_ns + S);
    assert_int_equal(n_alerts(), 0);
}

static void test_queue_that_stays(void **state)
{
    (void)state;
    uint64_t t_ns = S, seed = 88172645463325252U;
    int64_t n_jobs = 10;
    for (; t_ns < 300 * S; t_ns += 100 * MS) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        n_jobs = 5 + (int64_t)(seed % 11);
        value(t_ns, A, JOBS, n_jobs);
    }
    timeline_advance(tl, t_ns);
    assert_int_equal(n_alerts(), 0);
}

static void test_alerts_bounded(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t t_ns = S + i * 3 * S;
        note(t_ns, A, NOTE_WANTS, LEFT, B, 0);
        timeline_advance(tl, t_ns + 2 * S);
        note(t_ns + 2 * S, B, NOTE_GAVE, LEFT, 1, 0);
        note(t_ns + 2 * S, A, NOTE_GOT, LEFT, 0, 0);
    }
    assert_true(n_alerts() <= 4096 && n_alerts() > 1000);
    assert_int_equal(alert(n_alerts() - 1)->since_ns, S + 4999 * 3 * S);
    assert_int_equal(alert(n_alerts() - 1)->ended_ns, S + 4999 * 3 * S + 2 * S);
}

/* ---- seen from outside ---- */

#define SEEN EVENT_OBJECT_SEEN

static void become_somebodys(int tid, const char *called)
{
    struct event event = {.time_ns = 2 * MS, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = A;
    event.u.task.slot = -1;
    event.u.task.role = ROLE_WORKLOAD;
    push(event);
    name(2 * MS, tid, called);
}

/* It slept before it was told why, and it is over when it runs. */
static void test_seen(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_MUTEX, "m");
    out(S, A, 0, OUT_BLOCKED);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    timeline_advance(tl, S + 400 * MS);
    assert_string_equal(text_at(A, S + 400 * MS), "blocked: wants mutex m, held by B for 100 ms");
    assert_false(task_of(A).wakes_known);
    note(S + 450 * MS, A, NOTE_WANTS, SEEN, C, 0); /* the same wait, and another holder */
    timeline_advance(tl, S + 500 * MS);
    assert_string_equal(text_at(A, S + 500 * MS), "blocked: wants mutex m, held by C for 50 ms");
    assert_int_equal(object_of(SEEN).n_waits, 0);
    in(S + 600 * MS, A, 0);
    out(S + 601 * MS, A, 0, OUT_BLOCKED);
    timeline_advance(tl, S + 700 * MS);
    assert_string_equal(text_at(A, S + 700 * MS), "blocked");
    assert_int_equal(object_of(SEEN).n_waiting, 0);
    assert_int_equal(object_of(SEEN).wait_ns, 300 * MS);
    note(S + 800 * MS, A, NOTE_UNTOLD, -1, 0, 0); /* as it is told anyhow, later */
    assert_int_equal(object_of(SEEN).n_waits, 1);
}

/* What was seen may be over by the time it is told. */
static void test_seen_too_late(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_MUTEX, "m");
    out(S, A, 0, OUT_BLOCKED);
    in(S + 299 * MS, A, 0);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    assert_int_equal(object_of(SEEN).n_waiting, 0);
}

static void test_seen_deadlock(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_MUTEX, "m");
    object(S, SEEN + 1, OBJECT_JOIN, "");
    out(S, A, 0, OUT_BLOCKED);
    out(S, B, 1, OUT_BLOCKED);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    note(S + 310 * MS, B, NOTE_WANTS, SEEN + 1, A, 0);
    timeline_advance(tl, 3 * S);
    assert_int_equal(n_alerts(), 1);
    assert_string_equal(alert(0)->text, "deadlock: A wants mutex m, held by B, who waits for the end of A");
    assert_string_equal(text_at(B, 3 * S), "waits for the end of A");
    in(4 * S, B, 1);
    assert_int_equal(alert(0)->ended_ns, 4 * S);
}

/* Who waits for a time goes on by itself. */
static void test_a_limited_wait_is_no_deadlock(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_MUTEX, "m");
    object(S, SEEN + 1, OBJECT_MUTEX, "n");
    out(S, A, 0, OUT_BLOCKED);
    out(S, B, 1, OUT_BLOCKED);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    note(S + 310 * MS, B, NOTE_WANTS, SEEN + 1, A, EVENT_SOME_TIME);
    timeline_advance(tl, 3 * S);
    assert_string_equal(text_at(B, 3 * S), "blocked: wants mutex n, held by A for 1.69 s");
    for (unsigned i = 0; i < n_alerts(); i++)
        assert_int_not_equal(alert(i)->kind, ALERT_DEADLOCK);
}

/* To be joined late is no lock held long. */
static void test_join_is_no_lock(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_JOIN, "");
    out(S, A, 0, OUT_BLOCKED);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    timeline_advance(tl, 30 * S);
    assert_int_equal(n_alerts(), 0);
    task_exit(31 * S, B);
    timeline_advance(tl, 32 * S);
    assert_string_equal(text_at(A, 32 * S), "waits for the end of a thread");
}

static void name_on(int number, int part, const char *text)
{
    struct event event = {
        .time_ns = S, .tid = number, .cpu = (int16_t)part, .kind = EVENT_OBJECT, .detail = OBJECT_MUTEX};
    snprintf(event.u.name, sizeof event.u.name, "%s", text);
    push(event);
}

static void test_long_names(void **state)
{
    (void)state;
    object(S, SEEN, OBJECT_MUTEX, "a_rather_long_n");
    name_on(SEEN, 1, "ame_of_a_lock_t");
    name_on(SEEN, 2, "hat_is_global+4");
    assert_string_equal(object_of(SEEN).name, "a_rather_long_name_of_a_lock_that_is_global+4");
    name_on(SEEN, 3, "more");
    name_on(SEEN + 1, 1, "nobody's");
    assert_string_equal(object_of(SEEN).name, "a_rather_long_name_of_a_lock_that_is_global+4");
    object(2 * S, SEEN, OBJECT_MUTEX, "short");
    name_on(SEEN, 2, "not its end");
    assert_string_equal(object_of(SEEN).name, "short");
}

static void test_namesakes(void **state)
{
    (void)state;
    become_somebodys(A, "worker");
    become_somebodys(B, "worker");
    become_somebodys(C, "main");
    object(S, SEEN, OBJECT_MUTEX, "m");
    out(S, A, 0, OUT_BLOCKED);
    out(S, C, 2, OUT_BLOCKED);
    note(S + 300 * MS, A, NOTE_WANTS, SEEN, B, 0);
    timeline_advance(tl, S + 400 * MS);
    assert_string_equal(text_at(A, S + 400 * MS), "blocked: wants mutex m, held by worker/11 for 100 ms");
    note(S + 450 * MS, A, NOTE_WANTS, SEEN, C, 0);
    timeline_advance(tl, S + 500 * MS);
    assert_string_equal(text_at(A, S + 500 * MS), "blocked: wants mutex m, held by main for 50 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seen_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seen_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_limited_wait_is_no_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join_is_no_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_namesakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutex, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holder_changes_while_one_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_come_first_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_told_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_in_passing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holder_in_passing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_let_go_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wakes_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_did_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_switches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_object_of_the_next_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grows_after_a_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlock_in_a_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlock_of_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlock_of_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_deadlocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_that_comes_to_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_that_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alerts_bounded, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
