/* Sums in the place of slices: what a column has of them, whatever way they are cut. */
#include "../../src/timeline/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

/* Two tasks that live from 0 to 1 s: 0 on CPU 0, 1 on CPU 2. */
static struct timeline *lived(void)
{
    struct timeline *tl = timeline_new(0);
    const struct event events[] = {
        {.time_ns = 1, .tid = 10, .cpu = 0, .kind = EVENT_SWITCH_IN},
        {.time_ns = 1, .tid = 11, .cpu = 2, .kind = EVENT_SWITCH_IN},
    };
    timeline_sink(tl)->push(timeline_sink(tl), events, 2);
    timeline_advance(tl, 1000 * MS);
    return tl;
}

static struct bin cpu_sum(const struct timeline *tl, int cpu, uint64_t from_ns, uint64_t to_ns)
{
    struct bin bin;
    timeline_cpu_sum(tl, cpu, from_ns, to_ns - from_ns, &bin);
    return bin;
}

static struct bin task_sum(const struct timeline *tl, uint32_t task, uint64_t from_ns, uint64_t to_ns)
{
    struct bin bin;
    timeline_task_sum(tl, task, from_ns, to_ns - from_ns, &bin);
    return bin;
}

static void a_whole_stretch_is_its_sums(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin sums = {.run_ns = 60 * MS,
                             .self_ns = 5 * MS,
                             .others_ns = 7 * MS,
                             .unknown_ns = 3 * MS,
                             .n_switches = 11,
                             .n_samples = 4,
                             .lead = {{1, 40 * MS}, {0, 20 * MS}}};
    timeline_add_cpu_sums(tl, 0, 100 * MS, 200 * MS, &sums);
    struct bin bin;
    timeline_cpu_bins(tl, 0, 100 * MS, 100 * MS, 1, &bin);
    assert_false(bin.approximate);
    assert_memory_equal(&bin, &sums, sizeof bin);
    assert_int_equal(timeline_edge_ns(tl), 100 * MS);
    timeline_free(tl);
}

static void a_cut_stretch_is_apportioned(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin sums = {.run_ns = 60 * MS, .n_switches = 10, .lead = {{0, 60 * MS}}};
    timeline_add_cpu_sums(tl, 0, 100 * MS, 200 * MS, &sums);
    const struct bin half = cpu_sum(tl, 0, 150 * MS, 200 * MS);
    assert_true(half.approximate);
    assert_int_equal(half.run_ns, 30 * MS);
    assert_int_equal(half.n_switches, 5);
    assert_int_equal(half.unknown_ns, 0);
    const struct bin around = cpu_sum(tl, 0, 50 * MS, 250 * MS);
    assert_false(around.approximate);
    assert_int_equal(around.run_ns, 60 * MS);
    assert_int_equal(around.unknown_ns, 100 * MS); /* before and behind what is told */
    timeline_free(tl);
}

/* However fine the columns, they are the whole. */
static void columns_add_up(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    uint64_t run_ns = 0;
    for (uint64_t i = 0; i < 40; i++) {
        const struct bin sums = {.run_ns = (i * 7919 % 20) * MS,
                                 .lead = {{(uint32_t)(i % 2), (i * 7919 % 20) * MS}}};
        run_ns += sums.run_ns;
        timeline_add_cpu_sums(tl, 0, i * 20 * MS, (i + 1) * 20 * MS, &sums);
        timeline_add_task_sums(tl, 0, i * 20 * MS, (i + 1) * 20 * MS, &sums);
    }
    for (unsigned n = 1; n <= 997; n += 83) {
        static struct bin bins[1000], tasks[1000];
        uint64_t sum_ns = 0, task_ns = 0, lead_ns = 0;
        timeline_cpu_bins(tl, 0, 0, 800 * MS, n, bins);
        timeline_task_bins(tl, 0, 0, 800 * MS, n, tasks);
        for (unsigned i = 0; i < n; i++) {
            sum_ns += bins[i].run_ns;
            task_ns += tasks[i].run_ns;
            lead_ns += bins[i].lead[0].ns + bins[i].lead[1].ns;
            assert_true(bins[i].lead[0].ns >= bins[i].lead[1].ns);
        }
        assert_in_range(sum_ns, run_ns - 2 * n - 40, run_ns + 2 * n + 40);
        assert_in_range(task_ns, run_ns - 2 * n - 40, run_ns + 2 * n + 40);
        assert_in_range(lead_ns, run_ns - 4 * n - 40, run_ns + 4 * n + 40);
    }
    timeline_free(tl);
}

static void between_its_sums_a_task_is_blocked(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin busy = {.run_ns = 30 * MS, .runnable_ns = 20 * MS, .blocked_ns = 50 * MS},
                     all = {.run_ns = 400 * MS};
    timeline_add_cpu_sums(tl, 0, 100 * MS, 500 * MS, &all);
    timeline_add_task_sums(tl, 0, 100 * MS, 200 * MS, &busy);
    timeline_add_task_sums(tl, 0, 400 * MS, 500 * MS, &busy);
    const struct bin bin = task_sum(tl, 0, 100 * MS, 500 * MS);
    assert_int_equal(bin.run_ns, 60 * MS);
    assert_int_equal(bin.runnable_ns, 40 * MS);
    assert_int_equal(bin.blocked_ns, 300 * MS);
    assert_int_equal(bin.unknown_ns, 0);
    const struct bin without = task_sum(tl, 1, 100 * MS, 500 * MS);
    assert_int_equal(without.blocked_ns, 400 * MS); /* it lived, and did nothing */
    const struct bin outside = task_sum(tl, 0, 0, 100 * MS);
    assert_int_equal(outside.unknown_ns, 100 * MS);
    timeline_free(tl);
}

static void a_task_is_unknown_outside_of_its_life(void **state)
{
    (void)state;
    struct timeline *tl = timeline_new(0);
    const struct event events[] = {
        {.time_ns = 300 * MS, .tid = 10, .cpu = 0, .kind = EVENT_SWITCH_IN},
        {.time_ns = 500 * MS, .tid = 10, .cpu = 0, .kind = EVENT_EXIT},
    };
    const struct bin sums = {.run_ns = 1000 * MS};
    timeline_sink(tl)->push(timeline_sink(tl), events, 2);
    timeline_advance(tl, 1000 * MS);
    timeline_add_cpu_sums(tl, 0, 1, 1000 * MS, &sums);
    const struct bin bin = task_sum(tl, 0, 0, 1000 * MS);
    assert_int_equal(bin.blocked_ns, 200 * MS);
    assert_int_equal(bin.unknown_ns, 800 * MS);
    timeline_free(tl);
}

static void lanes_may_be_anywhere(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin sums = {.run_ns = 10 * MS};
    timeline_add_cpu_sums(tl, 700, 0, 10 * MS, &sums);
    timeline_add_cpu_sums(tl, -1, 0, 10 * MS, &sums);
    timeline_add_cpu_sums(tl, INT16_MAX + 1, 0, 10 * MS, &sums);
    timeline_add_task_sums(tl, 2, 0, 10 * MS, &sums); /* there is none */
    timeline_add_task_sums(tl, TIMELINE_NO_TASK, 0, 10 * MS, &sums);
    assert_int_equal(timeline_n_cpus(tl), 701);
    assert_int_equal(cpu_sum(tl, 700, 0, 10 * MS).run_ns, 10 * MS);
    assert_int_equal(cpu_sum(tl, 3, 0, 10 * MS).run_ns, 0);
    assert_int_equal(cpu_sum(tl, 9999, 0, 10 * MS).run_ns, 0);
    assert_int_equal(cpu_sum(tl, -1, 0, 10 * MS).run_ns, 0);
    assert_int_equal(task_sum(tl, 1, 0, 10 * MS).run_ns, 0);
    timeline_free(tl);
}

/* Of two that overlap the later one begins where the first ends; one without length says nothing. */
static void stretches_do_not_overlap(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin sums = {.run_ns = 10 * MS};
    timeline_add_cpu_sums(tl, 0, 0, 100 * MS, &sums);
    timeline_add_cpu_sums(tl, 0, 50 * MS, 200 * MS, &sums);
    timeline_add_cpu_sums(tl, 0, 20 * MS, 40 * MS, &sums);
    timeline_add_cpu_sums(tl, 0, 200 * MS, 200 * MS, &sums);
    assert_int_equal(cpu_sum(tl, 0, 0, 100 * MS).run_ns, 10 * MS);
    assert_int_equal(cpu_sum(tl, 0, 100 * MS, 200 * MS).run_ns, 10 * MS);
    assert_int_equal(cpu_sum(tl, 0, 0, 1000 * MS).run_ns, 20 * MS);
    timeline_free(tl);
}

static void without_sums_there_are_slices_again(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin sums = {.run_ns = 10 * MS};
    const struct bin before = cpu_sum(tl, 0, 0, 1000 * MS);
    timeline_drop_sums(tl);
    timeline_add_cpu_sums(tl, 0, 0, 1000 * MS, &sums);
    assert_int_equal(cpu_sum(tl, 0, 0, 1000 * MS).run_ns, 10 * MS);
    timeline_drop_sums(tl);
    timeline_drop_sums(tl);
    const struct bin after = cpu_sum(tl, 0, 0, 1000 * MS);
    assert_memory_equal(&before, &after, sizeof after);
    timeline_free(tl);
}

static void any_question_is_answered(void **state)
{
    (void)state;
    struct timeline *tl = lived();
    const struct bin huge = {
        .run_ns = UINT64_MAX, .n_switches = UINT32_MAX, .lead = {{UINT32_MAX, UINT64_MAX}}};
    static struct bin bins[100];
    timeline_add_cpu_sums(tl, 0, 1, UINT64_MAX, &huge);
    timeline_add_task_sums(tl, 0, 1, UINT64_MAX, &huge);
    const uint64_t times[] = {0, 1, 2, 500 * MS, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
    for (unsigned i = 0; i < 7; i++)
        for (unsigned k = 0; k < 7; k++)
            for (unsigned n = 0; n <= 100; n += 20) {
                timeline_cpu_bins(tl, 0, times[i], times[k], n, bins);
                timeline_task_bins(tl, 0, times[i], times[k], n, bins);
            }
    timeline_free(tl);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_stretch_is_its_sums),
        cmocka_unit_test(a_cut_stretch_is_apportioned),
        cmocka_unit_test(columns_add_up),
        cmocka_unit_test(between_its_sums_a_task_is_blocked),
        cmocka_unit_test(a_task_is_unknown_outside_of_its_life),
        cmocka_unit_test(lanes_may_be_anywhere),
        cmocka_unit_test(stretches_do_not_overlap),
        cmocka_unit_test(without_sums_there_are_slices_again),
        cmocka_unit_test(any_question_is_answered),
    };
    return cmocka_run_group_tests_name("overview", tests, NULL, NULL);
}
