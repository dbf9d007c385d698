/* Two sources see the same run on the real kernel: what the tasks time themselves beside what perf records.
 */
#include "../../src/clock.h"
#include "../../src/engine/engine.h"
#include "../../src/machine.h"
#include "../../src/observe/merge.h"
#include "../../src/observe/perf.h"
#include "../../src/timeline/timeline.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/times.h>

#include <cmocka.h>

#define RUN_NS       NS_PER_S
#define LONG_NS      (200 * NS_PER_US)
#define NEAR_NS      (100 * NS_PER_US)
#define TRIES        4
#define OTHERS_TICKS 5 /* of a try, on all CPUs */

/* TSan slows the tasks' reading of their clock; what it is run for is the races. */
#ifdef __SANITIZE_THREAD__
#define LEAST_MATCH 0.5
#else
#define LEAST_MATCH 0.98
#endif

/* One source with its own order of time and its own timeline. */
struct line {
    struct source *source;
    struct merge *merge;
    struct timeline *tl;
};

static struct line line_of(struct source *source)
{
    struct line line = {source, merge_new(), timeline_new(0)};
    merge_add(line.merge, source);
    return line;
}

static void line_turn(struct line *line)
{
    uint64_t until = clock_now_ns() - NS_PER_MS;
    if (line->source->ops->complete_ns)
        until = line->source->ops->complete_ns(line->source, until);
    merge_run(line->merge, until, timeline_sink(line->tl));
    timeline_advance(line->tl, until);
}

static void line_free(struct line *line)
{
    merge_free(line->merge);
    timeline_free(line->tl);
}

/* Ticks of proc_stat(5) that the hypervisor took, and that were neither idle nor ours. Our tasks' own are
 * counted when they were waited for. */
struct ticks {
    long long stolen, others;
};

static struct ticks ticks_now(void)
{
    long long user = 0, nice = 0, system = 0, steal = 0;
    struct tms own;
    FILE *file = fopen("/proc/stat", "r");
    if (file && fscanf(file, "cpu %lld %lld %lld %*d %*d %*d %*d %lld", &user, &nice, &system, &steal) != 4)
        fail_msg("/proc/stat is no longer what it was");
    if (file)
        fclose(file);
    times(&own);
    return (struct ticks){.stolen = steal,
                          .others = user + nice + system - own.tms_utime - own.tms_stime - own.tms_cutime -
                                    own.tms_cstime};
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Whether a task's own account has a slice that begins and ends where this one does. */
static bool has_match(const struct timeline *tl, int32_t tid, const struct slice *slice)
{
    struct slice own;
    uint64_t middle = slice->start_ns + (slice->end_ns - slice->start_ns) / 2;
    return timeline_task_slice(tl, timeline_task_by_tid(tl, tid), middle, 0, &own) &&
           apart(own.start_ns, slice->start_ns) <= NEAR_NS && apart(own.end_ns, slice->end_ns) <= NEAR_NS;
}

/* The part of perf's long slices of the engine's tasks that the engine tells as well. */
static double matching_part(const struct timeline *perf, const struct timeline *engine, unsigned *n)
{
    unsigned n_match = 0;
    *n = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(engine); i++) {
        struct task task;
        struct slice slice;
        timeline_task(engine, i, &task);
        uint32_t same = timeline_task_by_tid(perf, task.tid);
        if (task.role != ROLE_WORKLOAD || same == TIMELINE_NO_TASK)
            continue;
        for (uint64_t t = 0; timeline_task_slice(perf, same, t, 0, &slice) && slice.end_ns > t;
             t = slice.end_ns) {
            bool is_long = slice.end_ns - slice.start_ns > LONG_NS;
            *n += is_long;
            n_match += is_long && has_match(engine, task.tid, &slice);
        }
    }
    return *n ? (double)n_match / *n : 0;
}

/* Runs tasks under both sources at once. -1: cannot be tried here. */
static double try_once(enum task_kind kind, unsigned n_tasks, unsigned n_cpus, unsigned *n_slices)
{
    struct machine machine;
    struct err err;
    assert_true(machine_load(&machine, &err));
    struct perf_config config = {.cpus = machine.allowed};
    struct source *perf = perf_open(&config, &err);
    if (!perf) {
        machine_fini(&machine);
        print_message("# %s\n", err.msg);
        return -1;
    }
    struct engine *engine = engine_start(&(struct engine_config){.self_timed = true}, &err);
    if (!engine)
        fail_msg("%s", err.msg);
    struct line seen = line_of(perf), told = line_of(engine_source(engine));
    for (unsigned i = 0; i < n_tasks; i++) {
        struct engine_order order = {.kind = kind, .run = 1};
        cpuset_add(&order.cpus, cpuset_nth(&machine.allowed, i % n_cpus));
        assert_true(engine_spawn(engine, i, &order, &err));
    }
    if (!engine_wait_gated(engine, 10000, &err))
        fail_msg("%s", err.msg);
    engine_release(engine);
    for (uint64_t end = clock_now_ns() + RUN_NS; clock_now_ns() < end;) {
        poll(NULL, 0, 5);
        engine_dispatch(engine);
        line_turn(&seen);
        line_turn(&told);
    }
    for (unsigned i = 0; i < n_tasks; i++)
        engine_stop(engine, i);
    assert_true(engine_wait_stopped(engine, 10000));
    poll(NULL, 0, 5);
    line_turn(&seen);
    line_turn(&told);
    double part = matching_part(seen.tl, told.tl, n_slices);
    assert_int_equal(timeline_n_lost(seen.tl), 0);
    /* Switches are told late, and yet in order: nothing had to be moved but what was told before the start.
     */
    print_message("# %u slices of perf, %.2f %% of them told by the engine; %llu events of it came late\n",
                  *n_slices, part * 100, (unsigned long long)merge_n_late(told.merge));
    line_free(&told);
    line_free(&seen);
    engine_free(engine);
    perf->ops->close(perf);
    machine_fini(&machine);
    return part;
}

static void check_match(enum task_kind kind, unsigned n_tasks, unsigned n_cpus)
{
    unsigned n_slices = 0, n_disturbed = 0;
    for (int i = 0; i < TRIES; i++) {
        const struct ticks before = ticks_now();
        double part = try_once(kind, n_tasks, n_cpus, &n_slices);
        if (part < 0)
            skip();
        if (part >= LEAST_MATCH && n_slices >= 20)
            return;
        const struct ticks after = ticks_now();
        n_disturbed += after.stolen > before.stolen || after.others > before.others + OTHERS_TICKS;
    }
    if (n_disturbed == TRIES) {
        print_message("# others had the CPUs in every try: the tasks cannot tell all of that from a slice "
                      "given away\n");
        skip();
    }
    fail_msg("the engine tells too few of perf's slices");
}

static void threads_on_one_core(void **state)
{
    (void)state;
    check_match(TASK_THREAD, 4, 1);
}

static void processes_on_one_core(void **state)
{
    (void)state;
    check_match(TASK_PROCESS, 4, 1);
}

static void many_threads(void **state)
{
    (void)state;
    check_match(TASK_THREAD, 16, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_on_one_core),
        cmocka_unit_test(processes_on_one_core),
        cmocka_unit_test(many_threads),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
