/* A timeline that begins in the middle goes on as the one that was there from the beginning. */
#include "../../src/timeline/timeline.h"
#include "../plausible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 1000
#define CPUS  6
#define COLS  100

static void push(struct timeline *tl, const struct event *events, size_t n)
{
    timeline_sink(tl)->push(timeline_sink(tl), events, n);
}

/* tasks, for the caller to free. */
static struct task *all_tasks(const struct timeline *tl)
{
    struct task *tasks = calloc(timeline_n_tasks(tl) + 1ul, sizeof *tasks);
    assert_non_null(tasks);
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++)
        timeline_task(tl, i, &tasks[i]);
    return tasks;
}

static struct timeline *restored(const struct timeline *from)
{
    struct timeline *tl = timeline_new(0);
    struct task *tasks = all_tasks(from);
    timeline_restore(tl, tasks, timeline_n_tasks(from), timeline_now_ns(from));
    free(tasks);
    return tl;
}

static void check_task(const struct timeline *a, const struct timeline *b, uint32_t i)
{
    struct task x, y;
    timeline_task(a, i, &x);
    timeline_task(b, i, &y);
    assert_int_equal(x.tid, y.tid);
    assert_int_equal(x.pid, y.pid);
    assert_int_equal(x.slot, y.slot);
    assert_int_equal(x.parent, y.parent);
    assert_int_equal(x.run, y.run);
    assert_int_equal(x.kind, y.kind);
    assert_int_equal(x.role, y.role);
    assert_string_equal(x.name, y.name);
    assert_int_equal(x.state, y.state);
    assert_int_equal(x.state_since_ns, y.state_since_ns);
    assert_int_equal(x.last_cpu, y.last_cpu);
    assert_int_equal(x.first_ns, y.first_ns);
    assert_int_equal(x.last_ns, y.last_ns);
    assert_int_equal(x.run_ns, y.run_ns);
    assert_int_equal(x.runnable_ns, y.runnable_ns);
    assert_int_equal(x.blocked_ns, y.blocked_ns);
    assert_int_equal(x.unknown_ns, y.unknown_ns);
    assert_int_equal(x.n_slices, y.n_slices);
    assert_int_equal(x.n_voluntary, y.n_voluntary);
    assert_int_equal(x.n_involuntary, y.n_involuntary);
    assert_int_equal(x.n_migrations, y.n_migrations);
    assert_int_equal(x.n_wakes, y.n_wakes);
    assert_int_equal(x.wakes_known, y.wakes_known);
    assert_int_equal(x.work_done_ns, y.work_done_ns);
    assert_int_equal(x.exited, y.exited);
    assert_int_equal(x.exit_status, y.exit_status);
}

static void check_bins(const struct timeline *a, const struct timeline *b, uint64_t from_ns, uint64_t to_ns)
{
    static struct bin x[COLS], y[COLS];
    for (int cpu = 0; cpu < CPUS; cpu++) {
        timeline_cpu_bins(a, cpu, from_ns, to_ns - from_ns, COLS, x);
        timeline_cpu_bins(b, cpu, from_ns, to_ns - from_ns, COLS, y);
        for (unsigned i = 0; i < COLS; i++) {
            assert_int_equal(x[i].run_ns, y[i].run_ns);
            assert_int_equal(x[i].self_ns, y[i].self_ns);
            assert_int_equal(x[i].n_switches, y[i].n_switches);
            assert_int_equal(x[i].unknown_ns, y[i].unknown_ns);
        }
    }
    for (uint32_t task = 0; task < timeline_n_tasks(a); task++) {
        timeline_task_bins(a, task, from_ns, to_ns - from_ns, COLS, x);
        timeline_task_bins(b, task, from_ns, to_ns - from_ns, COLS, y);
        for (unsigned i = 0; i < COLS; i++) {
            assert_int_equal(x[i].run_ns, y[i].run_ns);
            assert_int_equal(x[i].runnable_ns, y[i].runnable_ns);
            assert_int_equal(x[i].blocked_ns, y[i].blocked_ns);
            assert_int_equal(x[i].unknown_ns, y[i].unknown_ns);
        }
    }
}

static void it_goes_on_as_the_other_one(void **state)
{
    (void)state;
    static struct event events[BATCH + 16];
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct plausible *machine = plausible_new(CPUS, 20, seed);
        struct timeline *from = timeline_new(0);
        for (uint64_t i = 0; i < seed * seed; i++)
            push(from, events, plausible_events(machine, events, 1 + i * 131 % BATCH));
        struct timeline *tl = restored(from);
        const uint64_t begin_ns = timeline_now_ns(from);
        assert_int_equal(timeline_n_tasks(tl), timeline_n_tasks(from));
        assert_int_equal(timeline_now_ns(tl), begin_ns);
        for (uint32_t i = 0; i < timeline_n_tasks(tl); i++)
            check_task(from, tl, i);

        for (unsigned i = 0; i < 20; i++) {
            const size_t n = plausible_events(machine, events, BATCH);
            push(from, events, n);
            push(tl, events, n);
        }
        assert_int_equal(timeline_n_tasks(tl), timeline_n_tasks(from));
        for (uint32_t i = 0; i < timeline_n_tasks(tl); i++)
            check_task(from, tl, i);
        check_bins(from, tl, begin_ns, timeline_now_ns(from));
        timeline_free(from);
        timeline_free(tl);
        plausible_free(machine);
    }
}

/* Waits from before the beginning were not looked at, and it says so. */
static void waits_before_it_are_missed(void **state)
{
    (void)state;
    const struct task task = {.tid = 7, .first_ns = 100, .state = STATE_RUNNABLE, .last_cpu = 0};
    struct behind_sums sums;
    struct timeline *tl = timeline_new(0);
    timeline_restore(tl, &task, 1, 1000);
    timeline_advance(tl, 2000);
    timeline_antagonists(tl, 500, 2000, NULL, 0, &sums);
    assert_true(sums.cut);
    timeline_behind(tl, 0, 500, 2000, NULL, 0, &sums);
    assert_true(sums.cut);
    timeline_antagonists(tl, 1000, 2000, NULL, 0, &sums);
    assert_false(sums.cut);
    timeline_free(tl);
}

/* A restored timeline is restored again: nothing is lost or counted twice. */
static void twice_is_as_once(void **state)
{
    (void)state;
    static struct event events[BATCH + 16];
    struct plausible *machine = plausible_new(CPUS, 20, 77);
    struct timeline *from = timeline_new(0);
    for (unsigned i = 0; i < 10; i++)
        push(from, events, plausible_events(machine, events, BATCH));
    struct timeline *once = restored(from), *twice = restored(once);
    for (uint32_t i = 0; i < timeline_n_tasks(from); i++)
        check_task(from, twice, i);
    timeline_free(from);
    timeline_free(once);
    timeline_free(twice);
    plausible_free(machine);
}

/* States add up to a life. */
static void states_add_up(void **state)
{
    (void)state;
    const struct task task = {.tid = 5,
                              .pid = 5,
                              .state = STATE_RUNNING,
                              .state_since_ns = 900,
                              .last_cpu = 1,
                              .first_ns = 100,
                              .last_ns = 1000,
                              .run_ns = 300,
                              .runnable_ns = 200,
                              .blocked_ns = 400,
                              .n_slices = 3};
    struct timeline *tl = timeline_new(0);
    struct task now;
    timeline_restore(tl, &task, 1, 1000);
    timeline_advance(tl, 1500);
    timeline_task(tl, 0, &now);
    assert_int_equal(now.run_ns, 800);
    assert_int_equal(now.runnable_ns, 200);
    assert_int_equal(now.blocked_ns, 400);
    assert_int_equal(now.last_ns - now.first_ns, 1400);
    assert_int_equal(timeline_edge_ns(tl), 1000);
    timeline_free(tl);
}

/* A second lot is put behind the first, and is in kinship with itself alone. */
static void a_second_lot_is_put_behind(void **state)
{
    (void)state;
    const struct task lot[] = {
        {.tid = 1, .pid = 1, .last_cpu = 0, .parent = TIMELINE_NO_TASK, .state = STATE_BLOCKED},
        {.tid = 2, .pid = 2, .last_cpu = 0, .parent = 0, .state = STATE_RUNNABLE},
        {.tid = 3, .pid = 3, .last_cpu = 0, .parent = 7, .state = STATE_GONE}};
    struct timeline *tl = timeline_new(0);
    struct task task;
    timeline_restore(tl, lot, 3, 1000);
    timeline_restore(tl, lot, 3, 2000);
    assert_int_equal(timeline_n_tasks(tl), 6);
    timeline_task(tl, 4, &task);
    assert_int_equal(task.parent, 3);
    timeline_task(tl, 5, &task);
    assert_int_equal(task.parent, TIMELINE_NO_TASK); /* who does not exist made nobody */
    timeline_free(tl);
}

static struct task absurd(uint64_t *seed)
{
    static const uint64_t times[] = {0, 1, 999, 1000, 1001, 1u << 30, UINT64_MAX / 2, UINT64_MAX};
    static const int cpus[] = {-1, 0, 1, 5, 5, INT16_MAX, INT16_MAX + 1, INT32_MIN};
#define ANY_TIME times[random_below(seed, 8)]
    struct task task = {.tid = (int32_t)random_below(seed, 6) - 2,
                        .pid = (int32_t)random_below(seed, 6) - 2,
                        .slot = (int32_t)random_below(seed, 5) - 1,
                        .parent = (uint32_t)random_below(seed, 12),
                        .run = (uint16_t)random_below(seed, 3),
                        .kind = (enum task_kind)random_below(seed, 3),
                        .role = (enum task_role)random_below(seed, 5),
                        .state = (enum task_state)random_below(seed, 5),
                        .state_since_ns = ANY_TIME,
                        .last_cpu = cpus[random_below(seed, 8)],
                        .first_ns = ANY_TIME,
                        .last_ns = ANY_TIME,
                        .run_ns = ANY_TIME,
                        .runnable_ns = ANY_TIME,
                        .blocked_ns = ANY_TIME,
                        .unknown_ns = ANY_TIME,
                        .n_slices = ANY_TIME,
                        .n_samples = ANY_TIME,
                        .exited = random_below(seed, 2) != 0,
                        .carries = random_below(seed, 2) != 0};
#undef ANY_TIME
    memset(task.name, 'x', sizeof task.name - 1);
    return task;
}

/* What no timeline ever said breaks none. */
static void absurd_tasks_do_no_harm(void **state)
{
    (void)state;
    static struct event events[BATCH + 16];
    static struct bin bins[COLS];
    uint64_t seed = 4;
    for (unsigned round = 0; round < 2000; round++) {
        struct task tasks[10];
        struct timeline *tl = timeline_new(0);
        struct plausible *machine = plausible_new(CPUS, 4, round + 1);
        const uint64_t now_ns = random_below(&seed, 4) ? 1000 : UINT64_MAX;
        const unsigned n = (unsigned)random_below(&seed, 11);
        for (unsigned i = 0; i < n; i++)
            tasks[i] = absurd(&seed);
        timeline_restore(tl, tasks, n, now_ns);
        if (random_below(&seed, 3) == 0)
            timeline_restore(tl, tasks, n, now_ns);
        push(tl, events, plausible_events(machine, events, 60));
        timeline_advance(tl, timeline_now_ns(tl) + 1000);
        for (int cpu = 0; cpu < CPUS; cpu++)
            timeline_cpu_bins(tl, cpu, 0, 100000, COLS, bins);
        for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
            struct task task;
            timeline_task(tl, i, &task);
            timeline_task_bins(tl, i, 0, 100000, COLS, bins);
            assert_true(task.first_ns <= task.last_ns);
            assert_int_equal(task.run_ns + task.runnable_ns + task.blocked_ns + task.unknown_ns,
                             task.last_ns - task.first_ns);
            assert_true(task.blocked_ns <= task.last_ns - task.first_ns);
        }
        timeline_free(restored(tl));
        timeline_free(tl);
        plausible_free(machine);
    }
}

static void nothing_is_restored_as_nothing(void **state)
{
    (void)state;
    struct timeline *tl = timeline_new(0);
    timeline_restore(tl, NULL, 0, 0);
    assert_int_equal(timeline_n_tasks(tl), 0);
    timeline_restore(tl, NULL, 0, 500);
    assert_int_equal(timeline_now_ns(tl), 500);
    timeline_free(tl);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_as_the_other_one),
        cmocka_unit_test(waits_before_it_are_missed),
        cmocka_unit_test(twice_is_as_once),
        cmocka_unit_test(states_add_up),
        cmocka_unit_test(a_second_lot_is_put_behind),
        cmocka_unit_test(absurd_tasks_do_no_harm),
        cmocka_unit_test(nothing_is_restored_as_nothing),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
