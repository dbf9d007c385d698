/* A recording that is larger than memory: any window of it is as it would be with all of it in memory. */
#include "../../src/record/recorder.h"
#include "../../src/session/flags.h"
#include "../../src/session/window.h"
#include "../plausible.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N_EVENTS 1700000
#define BATCH    4096
#define CPUS     8
#define TASKS    24
#define COLS     80
#define PART     300000 /* events: more than that are shown as sums */
#define BLOCK    16384  /* events in one */

static char directory[] = "/tmp/schedviz-window.XXXXXX", path[64];
static struct timeline *all; /* took every event */
static uint64_t first_ns, last_ns, alert_ns;

static int make_recording(void **state)
{
    static struct event events[BATCH + 16];
    struct flags flags = {0};
    struct plausible *machine = plausible_new(CPUS, TASKS, 8);
    struct err err;
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/large.svz", directory);
    all = timeline_new(0);
    struct recorder *recorder = recorder_new(all, 0);
    bool good = recorder_start(recorder, path, false, UINT64_MAX, &err);
    for (uint64_t n = 0; good && n < N_EVENTS;) {
        const size_t got = plausible_events(machine, events, BATCH);
        timeline_sink(all)->push(timeline_sink(all), events, got);
        recorder_sink(recorder)->push(recorder_sink(recorder), events, got);
        n += got;
        flags_tell(&flags, all, recorder);
        if (!alert_ns && n > N_EVENTS / 3) {
            alert_ns = timeline_now_ns(all) + 1;
            good = recorder_facts(recorder, alert_ns, true, "deadlock", "two tasks");
        }
    }
    good = good && recorder_stop(recorder, &err);
    recorder_free(recorder);
    plausible_free(machine);
    return good ? 0 : -1;
}

static int remove_recording(void **state)
{
    (void)state;
    timeline_free(all);
    unlink(path);
    return rmdir(directory);
}

struct rig {
    struct trace *trace;
    struct window *window;
};

static struct rig open_window(const char *name)
{
    struct rig rig;
    struct err err = {""};
    rig.trace = trace_open(name, &err);
    if (!rig.trace)
        fail_msg("%s", err.msg);
    trace_span(rig.trace, &first_ns, &last_ns);
    rig.window = window_open(rig.trace, 0, &err);
    if (!rig.window)
        fail_msg("%s", err.msg);
    return rig;
}

static void close_window(struct rig *rig)
{
    window_free(rig->window);
    trace_free(rig->trace);
}

static struct timeline *show(struct rig *rig, uint64_t from_ns, uint64_t to_ns)
{
    struct err err;
    struct timeline *tl = window_show(rig->window, from_ns, to_ns, &err);
    assert_string_equal(err.msg, "");
    return tl;
}

/* A length that has about so many events. */
static uint64_t span_of(uint64_t n_events)
{
    return (last_ns - first_ns) / N_EVENTS * n_events;
}

/* A few are roundings. */
static void check_near(uint64_t is, uint64_t wanted, uint64_t slack)
{
    const uint64_t off = is > wanted ? is - wanted : wanted - is;
    if (off > slack + 100)
        fail_msg("%llu in the place of %llu", (unsigned long long)is, (unsigned long long)wanted);
}

static void check_near_bin(const struct bin *is, const struct bin *wanted, uint64_t slack_ns)
{
    check_near(is->run_ns, wanted->run_ns, slack_ns);
    check_near(is->self_ns, wanted->self_ns, slack_ns);
    check_near(is->runnable_ns, wanted->runnable_ns, slack_ns);
    check_near(is->blocked_ns, wanted->blocked_ns, slack_ns);
    check_near(is->others_ns, wanted->others_ns, slack_ns);
    check_near(is->unknown_ns, wanted->unknown_ns, slack_ns);
    check_near(is->n_switches, wanted->n_switches, wanted->n_switches / 10);
}

static void check_same_bin(const struct bin *is, const struct bin *wanted)
{
    assert_int_equal(is->run_ns, wanted->run_ns);
    assert_int_equal(is->self_ns, wanted->self_ns);
    assert_int_equal(is->runnable_ns, wanted->runnable_ns);
    assert_int_equal(is->blocked_ns, wanted->blocked_ns);
    assert_int_equal(is->others_ns, wanted->others_ns);
    assert_int_equal(is->unknown_ns, wanted->unknown_ns);
    assert_int_equal(is->n_switches, wanted->n_switches);
    for (unsigned k = 0; k < BIN_LEADS; k++)
        assert_int_equal(is->lead[k].ns, wanted->lead[k].ns);
}

/* The same to the nanosecond, but where a border is apportioned from summaries, which begin elsewhere: what
 * one column has too much its neighbour has too little. */
static void check_lane(const struct bin *is, const struct bin *wanted, uint64_t span_ns)
{
    for (unsigned i = 0; i < COLS; i++) {
        if (is[i].approximate || wanted[i].approximate)
            check_near_bin(&is[i], &wanted[i], span_ns / COLS / 10);
        else
            check_same_bin(&is[i], &wanted[i]);
    }
}

/* Every lane, column by column. */
static void check_window(const struct timeline *tl, uint64_t from_ns, uint64_t to_ns)
{
    static struct bin is[COLS], wanted[COLS];
    assert_int_equal(timeline_n_tasks(tl), timeline_n_tasks(all));
    for (int cpu = 0; cpu < CPUS; cpu++) {
        timeline_cpu_bins(tl, cpu, from_ns, to_ns - from_ns, COLS, is);
        timeline_cpu_bins(all, cpu, from_ns, to_ns - from_ns, COLS, wanted);
        check_lane(is, wanted, to_ns - from_ns);
    }
    for (uint32_t task = 0; task < timeline_n_tasks(all); task++) {
        timeline_task_bins(tl, task, from_ns, to_ns - from_ns, COLS, is);
        timeline_task_bins(all, task, from_ns, to_ns - from_ns, COLS, wanted);
        check_lane(is, wanted, to_ns - from_ns);
    }
}

static void windows_are_as_the_whole(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct rig rig = open_window(path);
    assert_true(reader_n_events(trace_reader(rig.trace)) > WINDOW_WHOLE_EVENTS);
    assert_true(timeline_edge_ns(all) <= first_ns); /* none of it was dropped */
    for (unsigned i = 0; i < 60; i++) {
        const uint64_t span_ns = span_of(UINT64_C(10) << random_below(&seed, 13));
        const uint64_t from_ns = first_ns + random_below(&seed, last_ns - first_ns - span_ns);
        check_window(show(&rig, from_ns, from_ns + span_ns), from_ns, from_ns + span_ns);
    }
    check_window(show(&rig, first_ns, first_ns + span_of(1000)), first_ns, first_ns + span_of(1000));
    check_window(show(&rig, last_ns - span_of(1000), last_ns), last_ns - span_of(1000), last_ns);
    close_window(&rig);
}

/* A quarter of a window aside, from end to end and back. */
static void panning_shows_no_seam(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    const uint64_t span_ns = span_of(20000);
    unsigned n_changes = 0;
    uint64_t edge_ns = 0;
    for (uint64_t from_ns = first_ns; from_ns + span_ns < last_ns; from_ns += span_ns / 4) {
        const struct timeline *tl = show(&rig, from_ns, from_ns + span_ns);
        n_changes += timeline_edge_ns(tl) != edge_ns;
        edge_ns = timeline_edge_ns(tl);
        if (from_ns / (span_ns / 4) % 5 == 0)
            check_window(tl, from_ns, from_ns + span_ns);
    }
    for (uint64_t from_ns = last_ns - span_ns; from_ns > first_ns + span_ns; from_ns -= span_ns)
        check_window(show(&rig, from_ns, from_ns + span_ns), from_ns, from_ns + span_ns);
    assert_true(n_changes >= 1);
    close_window(&rig);
}

/* From switch to switch, the window following. */
static void steps_are_those_of_the_whole(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    const uint64_t span_ns = span_of(5000);
    for (unsigned place = 1; place < 8; place++) {
        uint64_t t_ns = first_ns + (last_ns - first_ns) / 8 * place;
        for (unsigned i = 0; i < 300; i++) {
            const int direction = place % 2 ? 1 : -1, cpu = (int)(i % (CPUS + 1)) - 1;
            const struct timeline *tl = show(&rig, t_ns - span_ns, t_ns + span_ns);
            const uint64_t next_ns = timeline_next_switch(tl, cpu, t_ns, direction);
            assert_int_equal(next_ns, timeline_next_switch(all, cpu, t_ns, direction));
            struct slice is, wanted;
            assert_int_equal(timeline_cpu_slice(tl, cpu < 0 ? 0 : cpu, next_ns, 0, &is),
                             timeline_cpu_slice(all, cpu < 0 ? 0 : cpu, next_ns, 0, &wanted));
            assert_int_equal(is.start_ns, wanted.start_ns);
            assert_int_equal(is.end_ns, wanted.end_ns);
            assert_int_equal(is.task, wanted.task);
            assert_int_equal(is.runnable_ns, wanted.runnable_ns);
            t_ns = next_ns;
        }
    }
    close_window(&rig);
}

static void sums(const struct timeline *tl, bool is_task, uint32_t lane, uint64_t from_ns, uint64_t span_ns,
                 unsigned n, struct bin *bins)
{
    if (is_task)
        timeline_task_bins(tl, lane, from_ns, span_ns, n, bins);
    else
        timeline_cpu_bins(tl, (int)lane, from_ns, span_ns, n, bins);
}

/* Columns of a lane. A block that a column cuts is apportioned; else they differ by less than 1 %. */
static void check_sums(const struct timeline *tl, bool is_task, uint32_t lane, uint64_t from_ns,
                       uint64_t span_ns, unsigned n)
{
    struct bin is[16], wanted[16];
    const bool is_cut = n > 1 || from_ns != first_ns || from_ns + span_ns != last_ns;
    const uint64_t slack_ns = is_cut ? span_of(2 * BLOCK) : span_ns / 100;
    sums(tl, is_task, lane, from_ns, span_ns, n, is);
    sums(all, is_task, lane, from_ns, span_ns, n, wanted);
    for (unsigned i = 0; i < n; i++) {
        check_near_bin(&is[i], &wanted[i], slack_ns);
    }
}

static void an_overview_is_the_sums_of_all(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    const uint64_t wide_ns = span_of(2 * PART),
                   spans[][2] = {{first_ns, last_ns},
                                 {first_ns + wide_ns / 3, first_ns + wide_ns / 3 + wide_ns},
                                 {last_ns - wide_ns, last_ns},
                                 {first_ns, last_ns}};
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t from_ns = spans[i][0], span_ns = spans[i][1] - from_ns;
        const struct timeline *tl = show(&rig, from_ns, from_ns + span_ns);
        for (uint32_t cpu = 0; cpu < CPUS; cpu++)
            for (unsigned n = 1; n <= 4; n += 3)
                check_sums(tl, false, cpu, from_ns, span_ns, n);
        for (uint32_t task = 0; task < timeline_n_tasks(all); task++)
            check_sums(tl, true, task, from_ns, span_ns, 1);
    }
    close_window(&rig);
}

static void check_marks(const struct timeline *tl, bool has_alert)
{
    const unsigned n_all = timeline_n_marks(all);
    unsigned n = 0;
    assert_int_equal(timeline_n_marks(tl), n_all + has_alert);
    for (unsigned i = 0; i < n_all + has_alert; i++) {
        const struct mark *mark = timeline_mark(tl, i);
        if (mark->kind != MARK_CHANGE) {
            assert_int_equal(mark->kind, MARK_DEADLOCK);
            assert_int_equal(mark->time_ns, alert_ns);
            assert_string_equal(mark->text, "deadlock");
            continue;
        }
        assert_int_equal(mark->time_ns, timeline_mark(all, n)->time_ns);
        assert_string_equal(mark->text, timeline_mark(all, n)->text);
        n++;
    }
    assert_int_equal(n, n_all);
}

/* Whatever part is in memory, and each once: of an alert in it the part tells by itself. */
static void marks_and_alerts_are_those_of_all(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    assert_true(timeline_n_marks(all) >= 3);
    check_marks(show(&rig, first_ns, last_ns), true);
    check_marks(show(&rig, first_ns, first_ns + span_of(1000)), true);
    check_marks(show(&rig, last_ns - span_of(1000), last_ns), true);
    check_marks(show(&rig, alert_ns - span_of(1000), alert_ns + span_of(1000)), false);
    close_window(&rig);
}

/* Totals are as of the end of what was read. */
static void totals_are_as_of_the_end(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    const struct timeline *tl = show(&rig, first_ns, last_ns);
    for (uint32_t i = 0; i < timeline_n_tasks(all); i++) {
        struct task is, wanted;
        timeline_task(tl, i, &is);
        timeline_task(all, i, &wanted);
        assert_string_equal(is.name, wanted.name);
        assert_int_equal(is.state, wanted.state);
        assert_int_equal(is.run_ns, wanted.run_ns);
        assert_int_equal(is.n_slices, wanted.n_slices);
    }
    assert_int_equal(timeline_now_ns(tl), timeline_now_ns(all));
    close_window(&rig);
}

static void any_window_may_be_asked_for(void **state)
{
    (void)state;
    struct rig rig = open_window(path);
    const uint64_t middle_ns = first_ns + (last_ns - first_ns) / 2;
    const uint64_t times[] = {0,         1,       first_ns - 1, first_ns,  first_ns + 1,
                              middle_ns, last_ns, last_ns + 1,  UINT64_MAX};
    for (unsigned i = 0; i < 9; i++)
        for (unsigned k = 0; k < 9; k++)
            assert_non_null(show(&rig, times[i], times[k]));
    close_window(&rig);
}

/* A copy with one byte turned in the middle of a block. */
static void damage(const char *name, unsigned block)
{
    struct err err;
    struct reader *reader = reader_open(path, &err);
    assert_non_null(reader);
    uint64_t offset = 0;
    for (unsigned i = 0; i < block; i++)
        offset += reader_block(reader, i)->n_bytes;
    offset += reader_block(reader, block)->n_bytes / 2;
    const size_t n = reader_n_bytes(reader);
    reader_close(reader);
    char *bytes = malloc(n);
    FILE *from = fopen(path, "rb"), *to = fopen(name, "wb");
    assert_true(bytes && from && to && fread(bytes, 1, n, from) == n && offset < n);
    bytes[offset] ^= 0x10;
    assert_int_equal(fwrite(bytes, 1, n, to), n);
    fclose(from);
    fclose(to);
    free(bytes);
}

static void a_damaged_block_is_told_and_the_rest_is_shown(void **state)
{
    (void)state;
    char name[80];
    struct err err;
    bool is_told = false;
    snprintf(name, sizeof name, "%s/damaged.svz", directory);
    damage(name, 40);
    struct rig rig = open_window(name);
    for (uint64_t from_ns = first_ns; from_ns < last_ns; from_ns += span_of(100000)) {
        assert_true(
            window_has_slices(rig.window, window_show(rig.window, from_ns, from_ns + span_of(50000), &err)));
        is_told |= err.msg[0] != '\0';
    }
    assert_true(is_told);
    const uint64_t from_ns = last_ns - span_of(2000);
    check_window(show(&rig, from_ns, last_ns), from_ns, last_ns);
    assert_false(window_has_slices(rig.window, window_show(rig.window, first_ns, last_ns, &err)));
    close_window(&rig);
    unlink(name);
}

/* What a screen asks: whether there is another timeline now. */
static void a_session_says_when_it_has_changed(void **state)
{
    (void)state;
    struct machine machine = {0};
    struct err err;
    struct trace *trace = trace_open(path, &err);
    const struct session_replay what = {.traces = &trace, .n_traces = 1, .by_window = true};
    struct session *session = session_replay(&what, &machine, &err);
    assert_non_null(session);
    uint64_t begin_ns, end_ns;
    session_replay_span(session, &begin_ns, &end_ns);
    assert_int_equal(begin_ns, first_ns);
    assert_int_equal(end_ns, last_ns);
    const uint64_t span_ns = span_of(20000);
    unsigned n_changes = 0;
    assert_true(session_show(session, first_ns, first_ns + span_ns, first_ns));
    for (unsigned i = 1; i < 20; i++) {
        const uint64_t from_ns = first_ns + i * ((last_ns - first_ns) / 20),
                       edge_ns = timeline_edge_ns(session_timeline(session));
        const bool is_other = session_show(session, from_ns, from_ns + span_ns, from_ns);
        assert_int_equal(is_other, timeline_edge_ns(session_timeline(session)) != edge_ns);
        n_changes += is_other;
        assert_false(session_show(session, from_ns, from_ns + span_ns, from_ns));
        check_window(session_timeline(session), from_ns, from_ns + span_ns);
    }
    assert_true(n_changes > 3);
    assert_true(session_show(session, first_ns, last_ns, first_ns));
    session_free(session);
    machine_fini(&machine);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_as_the_whole),
        cmocka_unit_test(panning_shows_no_seam),
        cmocka_unit_test(steps_are_those_of_the_whole),
        cmocka_unit_test(an_overview_is_the_sums_of_all),
        cmocka_unit_test(marks_and_alerts_are_those_of_all),
        cmocka_unit_test(totals_are_as_of_the_end),
        cmocka_unit_test(any_window_may_be_asked_for),
        cmocka_unit_test(a_damaged_block_is_told_and_the_rest_is_shown),
        cmocka_unit_test(a_session_says_when_it_has_changed),
    };
    return cmocka_run_group_tests_name("window", tests, make_recording, remove_recording);
}
