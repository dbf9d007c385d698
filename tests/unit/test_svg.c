/* The figure: well-formed whatever the names are, as wide as the timeline's slices are long, and small. */
#include "figure_fixture.h"

#include "../../src/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { A = 1001, B = 1002, SELF = 1099 };

static struct timeline *tl;
static char *svg;
static size_t size;

static int begin(void **state)
{
    (void)state;
    tl = timeline_new(0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(svg);
    svg = NULL;
    timeline_free(tl);
    return 0;
}

static void add(uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    figure_add(tl, t_ns, tid, cpu, kind, detail);
}

static void add_slice(int cpu, int tid, uint64_t from_ns, uint64_t to_ns, enum event_out out)
{
    add(from_ns, tid, cpu, EVENT_SWITCH_IN, 0);
    add(to_ns, tid, cpu, EVENT_SWITCH_OUT, out);
}

static void draw_report(const struct report *report, struct export_window window)
{
    free(svg);
    svg = figure_written(export_svg, report, tl, &window, &size);
    const char *problem = xml_problem(svg, size);
    if (problem)
        fail_msg("not well-formed: %s", problem);
}

static void draw(const char *name, struct export_window window)
{
    const struct report report = figure_report(tl, name);
    draw_report(&report, window);
}

static void expect(const char *part)
{
    if (!strstr(svg, part))
        fail_msg("%s is missing", part);
}

/* The widths of all rectangles that tell of themselves, as time; each has a hair less where it is wide. */
static double titled_ns(double ns_per_unit)
{
    double sum = 0;
    for (const char *at = strstr(svg, "\"><title>"); at; at = strstr(at + 1, "\"><title>")) {
        const char *rect = at;
        while (rect > svg && *rect != '<')
            rect--;
        const char *width = strstr(rect, "width=\"");
        if (width && width < at)
            sum += (strtod(width + 7, NULL) + 0.6) * ns_per_unit;
    }
    return sum;
}

static double lane_width(void)
{
    const char *lane = strstr(svg, "fill=\"#eef0f4\"");
    while (lane > svg && *lane != '<')
        lane--;
    return strtod(strstr(lane, "width=\"") + 7, NULL);
}

static void slices_are_rectangles_of_their_length(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "spin-1");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "spin-2");
    for (uint64_t i = 0; i < 10; i++)
        add_slice(0, i % 2 ? B : A, i * 4 * NS_PER_MS, i * 4 * NS_PER_MS + 3998 * NS_PER_US, OUT_PREEMPTED);
    timeline_advance(tl, FIGURE_START + 40 * NS_PER_MS);
    draw("interleave", (struct export_window){0, 0});
    assert_int_equal(figure_count(svg, "<title>spin-1 on core 0: "), 10);
    assert_int_equal(figure_count(svg, "<title>spin-2 on core 0: "), 10);
    expect("<title>spin-2 on core 0: 4.00 ms, from 4.00 ms on, preempted</title>");
    expect("; waited 4.00 ms before</title>");
    const double ns = titled_ns(40e6 / lane_width());
    assert_true(ns > 2 * 39.9e6 && ns < 2 * 40.1e6);
    expect(">INTERLEAVED<");
    expect("2 tasks take turns on 1 core");
    expect(">40.0 ms<");
    expect("perf, exact, 0 lost");
    expect(">A</text>");
    expect(">B</text>");
    assert_null(strstr(svg, "url(#lost)"));
    assert_null(strstr(svg, "too narrow"));
}

static void a_window_is_a_part(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "spin-1");
    for (uint64_t i = 0; i < 10; i++)
        add_slice(0, A, i * 4 * NS_PER_MS, i * 4 * NS_PER_MS + 3 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 40 * NS_PER_MS);
    draw("part", (struct export_window){FIGURE_START + 13 * NS_PER_MS, 8 * NS_PER_MS});
    assert_int_equal(figure_count(svg, "<title>spin-1 on core 0: 3.00 ms, "), 6); /* three, on two lanes */
    expect("since 1.00 ms before this");
    expect(">8.00 ms, from 13.0 ms on<");
}

/* A lives for 20 ms of the window's 100; a task that is not the workload's has the core for 50. */
static void shares_are_of_the_window(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "b");
    figure_add_task(tl, SELF, -1, ROLE_OTHER, "other");
    add_slice(0, A, 0, 10 * NS_PER_MS, OUT_BLOCKED);
    add(20 * NS_PER_MS, A, 0, EVENT_EXIT, 0);
    add_slice(0, B, 20 * NS_PER_MS, 33 * NS_PER_MS, OUT_PREEMPTED);
    add_slice(0, SELF, 33 * NS_PER_MS, 83 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 100 * NS_PER_MS);
    struct report report = figure_report(tl, "shares");
    draw_report(&report, (struct export_window){0, 0});
    expect(">10 %</text>");
    expect(">13 %</text>");
    expect(">23 %</text>"); /* of core 0 */
    assert_null(strstr(svg, ">50 %<"));
    report.info.all = true;
    draw_report(&report, (struct export_window){0, 0});
    expect(">73 %</text>");
    assert_null(strstr(svg, ">23 %<"));
    draw("part", (struct export_window){FIGURE_START + 5 * NS_PER_MS, 20 * NS_PER_MS});
    expect(">25 %</text>");
}

static void a_core_without_the_run_is_off(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add_task(tl, SELF, -1, ROLE_OBSERVER, "schedviz");
    add_slice(1, SELF, 0, NS_PER_MS, OUT_BLOCKED);
    add_slice(0, A, 0, 10 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 10 * NS_PER_MS);
    draw("one core", (struct export_window){0, 0});
    assert_int_equal(figure_count(svg, ">off</text>"), 1);
    assert_int_equal(figure_count(svg, ">switches</text>"), 2); /* the head, and core 0's strip */
    add_slice(1, A, 11 * NS_PER_MS, 12 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 20 * NS_PER_MS);
    draw("moved", (struct export_window){0, 0});
    assert_int_equal(figure_count(svg, ">off</text>"), 0);
}

static void all_is_said_of_all_alone(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "b");
    for (uint64_t i = 0; i < 300; i++)
        add_slice(0, i % 2 ? B : A, i * 1000, i * 1000 + 900, OUT_PREEMPTED);
    timeline_advance(tl, FIGURE_START + 300 * 1000);
    draw("forced", (struct export_window){0, 0});
    expect("/s, all forced<");
    add_slice(0, A, 300 * 1000, 301 * 1000, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 302 * 1000);
    draw("nearly", (struct export_window){0, 0});
    expect("/s, all but 1 forced<");
}

/* Five switches in a column are no dots where there is a burst of hundreds; its bar is cut, and that is told.
 */
static void a_burst_does_not_set_the_scale(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    for (uint64_t i = 0; i < 240 * 5; i++)
        add_slice(0, A, i * 200000, i * 200000 + 100000, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 240 * NS_PER_MS);
    draw("even", (struct export_window){FIGURE_START, 240 * NS_PER_MS});
    assert_null(strstr(svg, "more switches than"));
    for (uint64_t i = 0; i < 500; i++)
        add_slice(0, A, 240 * NS_PER_MS + i * 2000, 240 * NS_PER_MS + i * 2000 + 1000, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 241 * NS_PER_MS);
    draw("burst", (struct export_window){0, 0});
    expect("more switches than the bar is high");
    assert_true(figure_count(svg, "v-10.67h") > 100);
}

/* Both are marks on the axis, and nothing of a long one's text is lost. */
static void alerts_are_marks_and_whole(void **state)
{
    (void)state;
    struct alert alerts[] = {
        {.kind = ALERT_DEADLOCK, .since_ns = FIGURE_START, .time_ns = FIGURE_START + NS_PER_MS},
        {.kind = ALERT_HELD_LONG, .since_ns = FIGURE_START, .time_ns = FIGURE_START + 4 * NS_PER_MS},
        {.kind = ALERT_QUEUE_GROWS, .since_ns = FIGURE_START + NS_PER_S, .text = "queue later"},
    };
    const struct alert *list[] = {&alerts[0], &alerts[1], &alerts[2]};
    for (int i = 0; i < 20; i++)
        strcat(alerts[0].text, "who <wants> ");
    strcat(alerts[0].text, "end");
    strcpy(alerts[1].text, "held long: m by a");
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    add_slice(0, A, 0, 10 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 10 * NS_PER_MS);
    struct report report = figure_report(tl, "alerts");
    report.n_alerts = 3;
    report.alerts = list;
    draw_report(&report, (struct export_window){0, 0});
    expect(">deadlock</text>");
    expect(">held long</text>");
    expect(">held long: m by a</text>");
    assert_int_equal(figure_count(svg, "who &lt;wants&gt;"), 20);
    expect("end</text>");
    assert_null(strstr(svg, "queue later"));
}

static void states_marks_and_holes_are_there(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "b");
    figure_add_task(tl, SELF, -1, ROLE_OBSERVER, "schedviz");
    add_slice(0, A, 0, 10 * NS_PER_MS, OUT_BLOCKED);
    add_slice(0, B, 10 * NS_PER_MS, 20 * NS_PER_MS, OUT_PREEMPTED);
    add_slice(1, SELF, 12 * NS_PER_MS, 13 * NS_PER_MS, OUT_BLOCKED);
    figure_add_text(tl, 15 * NS_PER_MS, EVENT_MARK, 0, "cores 0-1");
    figure_add_lost(tl, 30 * NS_PER_MS, 0, 5);
    add_slice(0, A, 31 * NS_PER_MS, 35 * NS_PER_MS, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 40 * NS_PER_MS);
    draw("states", (struct export_window){0, 0});
    expect("<title>cores 0-1</title>");
    expect(">cores 0-1</text>");
    expect("fill=\"url(#lost)\"");
    expect(">events were lost<");
    expect("stroke-dasharray");
    expect(">blocked<");
    expect(">schedviz<");
}

static void names_are_only_text(void **state)
{
    (void)state;
    static const char hostile[] = "</title><script>alert(1)</script>\x01\x1b[31m\xff\xc3(";
    char longest[3000];
    memset(longest, 'W', sizeof longest);
    memcpy(longest, hostile, sizeof hostile - 1);
    longest[sizeof longest - 1] = '\0';
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "<script>x</scri");
    figure_add_task(tl, B, -1, ROLE_WORKLOAD, "\xef\xbf\xbf\x7f\"'&]]>");
    add_slice(0, A, 0, NS_PER_MS, OUT_PREEMPTED);
    add_slice(0, B, NS_PER_MS, 2 * NS_PER_MS, OUT_PREEMPTED);
    figure_add_text(tl, NS_PER_MS, EVENT_MARK, 0, "<svg onload=a>");
    timeline_advance(tl, FIGURE_START + 3 * NS_PER_MS);
    draw(longest, (struct export_window){0, 0});
    assert_null(strstr(svg, "<script"));
    assert_null(strstr(svg, "<svg onload"));
    expect("&lt;script&gt;");
    expect("\\xef\\xbf\\xbf\\x7f&quot;&#39;&amp;]]&gt;");
}

static void many_slices_become_shares(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "ping");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "pong");
    for (uint64_t i = 0; i < 100000; i++)
        add_slice(0, i % 2 ? B : A, i * 3000, i * 3000 + 2000, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 100000 * 3000);
    draw("ping-pong", (struct export_window){0, 0});
    expect("slices too narrow to draw: shares of each");
    assert_true(size < 1000000);
}

static void many_lanes_are_still_small(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200; i++) {
        char name[EVENT_NAME_SIZE];
        snprintf(name, sizeof name, "worker-%u", (unsigned)i % 1000);
        figure_add_task(tl, A + i, i, ROLE_WORKLOAD, name);
    }
    for (uint64_t round = 0; round < 400; round++) {
        for (int cpu = 0; cpu < 128; cpu++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const int tid = A + (int)((seed >> 33) % 200);
            add(round * 100000, tid, cpu, EVENT_SWITCH_IN, 0);
        }
        for (int cpu = 0; cpu < 128; cpu++)
            add_slice(cpu, A + cpu, round * 100000 + 50000, round * 100000 + 90000, OUT_PREEMPTED);
    }
    timeline_advance(tl, FIGURE_START + 400 * 100000);
    draw("many", (struct export_window){0, 0});
    assert_true(size < 1000000);
    expect("and 136 more tasks");
}

static void nothing_is_a_figure(void **state)
{
    (void)state;
    draw("", (struct export_window){0, 0});
    expect(">schedviz<");
    timeline_advance(tl, FIGURE_START);
    draw("late", (struct export_window){FIGURE_START + NS_PER_S, NS_PER_S});
    draw("wild", (struct export_window){UINT64_MAX - 5, UINT64_MAX});
}

static void add_samples(uint64_t from_ns, int tid, int cpu)
{
    for (uint64_t i = 0; i < 10; i++) {
        struct event event = {.time_ns = FIGURE_START + from_ns + i * NS_PER_MS,
                              .tid = tid,
                              .cpu = (int16_t)cpu,
                              .kind = EVENT_SAMPLE,
                              .detail = SAMPLE_STATE};
        event.u.state.letter = 'R';
        timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
    }
    timeline_advance(tl, FIGURE_START + from_ns + 10 * NS_PER_MS);
}

static void draw_sampled(void)
{
    struct report report = figure_report(tl, "sampled");
    report.info.exact = false;
    draw_report(&report, (struct export_window){0, 0});
}

static void samples_are_dots(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    add_samples(0, A, 0);
    draw_sampled();
    expect("a sample: it ran, or waited for a core");
    expect(">SAMPLES<");
}

/* Until a sample saw a task of the workload there. */
static void a_sampled_core_without_the_run_is_off(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add_task(tl, SELF, -1, ROLE_OBSERVER, "schedviz");
    add_samples(0, A, 0);
    add_samples(10 * NS_PER_MS, SELF, 1);
    draw_sampled();
    assert_int_equal(figure_count(svg, ">off</text>"), 1);
    add_samples(20 * NS_PER_MS, A, 1);
    draw_sampled();
    assert_int_equal(figure_count(svg, ">off</text>"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slices_are_rectangles_of_their_length, begin, end),
        cmocka_unit_test_setup_teardown(a_window_is_a_part, begin, end),
        cmocka_unit_test_setup_teardown(shares_are_of_the_window, begin, end),
        cmocka_unit_test_setup_teardown(a_core_without_the_run_is_off, begin, end),
        cmocka_unit_test_setup_teardown(all_is_said_of_all_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_burst_does_not_set_the_scale, begin, end),
        cmocka_unit_test_setup_teardown(alerts_are_marks_and_whole, begin, end),
        cmocka_unit_test_setup_teardown(states_marks_and_holes_are_there, begin, end),
        cmocka_unit_test_setup_teardown(names_are_only_text, begin, end),
        cmocka_unit_test_setup_teardown(many_slices_become_shares, begin, end),
        cmocka_unit_test_setup_teardown(many_lanes_are_still_small, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_a_figure, begin, end),
        cmocka_unit_test_setup_teardown(samples_are_dots, begin, end),
        cmocka_unit_test_setup_teardown(a_sampled_core_without_the_run_is_off, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
