/* The page: every slice of the timeline is in it as it is there, names command nothing, and it is small. */
#include "figure_fixture.h"

#include "../../src/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

enum { A = 1001, B = 1002, LOCK = 0 };

static struct timeline *tl;
static struct page_data page;
static char *html;
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
    page_free(&page);
    page = (struct page_data){0};
    free(html);
    html = NULL;
    timeline_free(tl);
    return 0;
}

static void add_slice(int cpu, int tid, uint64_t from_ns, uint64_t to_ns, enum event_out out)
{
    figure_add(tl, from_ns, tid, cpu, EVENT_SWITCH_IN, 0);
    figure_add(tl, to_ns, tid, cpu, EVENT_SWITCH_OUT, out);
}

static void write_and_read(const char *name, struct export_window window)
{
    const struct report report = figure_report(tl, name);
    html = figure_written(export_html, &report, tl, &window, &size);
    assert_true(page_read(html, &page));
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    assert_true(json_object_object_get_ex(o, key, &value));
    return value;
}

/* Each slice that overlaps [from, to), of each task, in order. */
static void expect_slices(uint64_t from_ns, uint64_t to_ns)
{
    unsigned i = 0;
    while (i < page.n_slices) {
        const uint32_t index = timeline_task_by_tid(tl, (int32_t)page.slices[i].tid);
        struct slice slice;
        bool more = timeline_task_slice(tl, index, from_ns, 0, &slice);
        for (const unsigned task = page.slices[i].task; i < page.n_slices && page.slices[i].task == task;
             i++) {
            const struct page_slice *s = &page.slices[i];
            assert_true(more && slice.start_ns < to_ns);
            assert_int_equal(s->start_ns, slice.start_ns);
            assert_int_equal(s->end_ns, slice.end_ns);
            assert_int_equal(s->cpu, slice.cpu);
            assert_int_equal(s->end, slice.end);
            assert_int_equal(s->wait_ns, slice.runnable_ns);
            more = timeline_task_slice(tl, index, slice.start_ns, 1, &slice);
        }
        assert_false(more && slice.start_ns < to_ns);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return *seed >> 33;
}

/* Tasks on two cores, with preemptions, waits after wakes, moves and ends. */
static uint64_t make_random(unsigned n)
{
    uint64_t seed = 7, at_ns[2] = {0};
    for (int i = 0; i < 6; i++) {
        char name[EVENT_NAME_SIZE];
        snprintf(name, sizeof name, "task-%u", (unsigned)i % 100);
        figure_add_task(tl, A + i, i, ROLE_WORKLOAD, name);
    }
    for (unsigned i = 0; i < n; i++) {
        const int cpu = at_ns[1] < at_ns[0], tid = A + (int)(next_random(&seed) % 3) * 2 + cpu;
        const uint64_t wake_ns = at_ns[cpu] + next_random(&seed) % 5000,
                       from_ns = wake_ns + next_random(&seed) % 5000;
        if (next_random(&seed) % 2)
            figure_add(tl, wake_ns, tid, cpu, EVENT_WAKE, 0);
        at_ns[cpu] = from_ns + next_random(&seed) % 3000000;
        add_slice(cpu, tid, from_ns, at_ns[cpu], next_random(&seed) % 2);
    }
    const uint64_t end_ns = at_ns[0] > at_ns[1] ? at_ns[0] : at_ns[1];
    timeline_advance(tl, FIGURE_START + end_ns + 1000);
    return end_ns;
}

static void all_slices_are_in_it(void **state)
{
    (void)state;
    make_random(5000);
    write_and_read("random", (struct export_window){0, 0});
    assert_int_equal(page.unit_ns, 1);
    assert_int_equal(page.n_slices, timeline_n_slices(tl));
    expect_slices(0, UINT64_MAX);
}

static void a_window_has_what_overlaps_it(void **state)
{
    (void)state;
    const uint64_t end_ns = make_random(2000), from_ns = FIGURE_START + end_ns / 3;
    write_and_read("part", (struct export_window){from_ns, end_ns / 4});
    assert_true(page.n_slices > 100 && page.n_slices < 1000);
    expect_slices(from_ns, from_ns + end_ns / 4);
    assert_int_equal(page.start_ns, from_ns);
}

static void lanes_are_the_timelines(void **state)
{
    (void)state;
    make_random(1000);
    figure_add_task(tl, A + 50, -1, ROLE_OBSERVER, "schedviz");
    const uint64_t now_ns = timeline_now_ns(tl) - FIGURE_START;
    add_slice(2, A + 50, now_ns, now_ns + 10, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + now_ns + 20);
    write_and_read("lanes", (struct export_window){FIGURE_START, now_ns + 20});
    struct json_object *tasks = get(page.data, "tasks"), *cpus = get(page.data, "cpus");
    for (size_t i = 0; i < json_object_array_length(tasks); i++) {
        struct json_object *o = json_object_array_get_idx(tasks, i);
        struct task task;
        timeline_task(tl, timeline_task_by_tid(tl, json_object_get_int(get(o, "tid"))), &task);
        assert_int_equal(json_object_get_uint64(get(o, "n")), task.n_slices);
        assert_null(get(o, "past"));
    }
    assert_int_equal(json_object_array_length(cpus), 3);
    for (size_t i = 0; i < 3; i++) /* on the third one nobody but schedviz ran */
        assert_int_equal(json_object_get_boolean(get(json_object_array_get_idx(cpus, i), "off")), i == 2);
}

/* Of a run that is over the report does not tell: the page does. */
static void tasks_of_runs_before_are_told(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a"); /* of run 1 */
    add_slice(0, A, 0, 1000, OUT_PREEMPTED);
    add_slice(0, A, 2000, 5000, OUT_BLOCKED);
    figure_add(tl, 6000, A, 0, EVENT_EXIT, 0);
    timeline_advance(tl, FIGURE_START + 8000);
    struct report report = figure_report(tl, "runs");
    report.run.number = 2;
    report.date = "2026-11-22T12:14:30+0000";
    html = figure_written(export_html, &report, tl, &(struct export_window){0, 0}, &size);
    assert_true(page_read(html, &page));
    struct json_object *past = get(json_object_array_get_idx(get(page.data, "tasks"), 0), "past");
    assert_non_null(past);
    assert_int_equal(json_object_get_uint64(get(past, "run_ns")), 4000);
    assert_int_equal(json_object_get_uint64(get(past, "slices")), 2);
    assert_int_equal(json_object_get_uint64(get(past, "involuntary")), 1);
    assert_non_null(strstr(html, "<footer>recorded 2026-11-22 12:14</footer>"));
}

static void add_note(uint64_t t_ns, int tid, enum event_note note, int other)
{
    struct event event = {
        .time_ns = FIGURE_START + t_ns, .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = (uint8_t)note};
    event.u.sync.object = LOCK;
    event.u.sync.other = other;
    timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
}

static void it_tells_why_tasks_were_blocked(void **state)
{
    (void)state;
    struct event object = {
        .time_ns = FIGURE_START, .tid = LOCK, .cpu = -1, .kind = EVENT_OBJECT, .detail = OBJECT_MUTEX};
    strcpy(object.u.name, "m<1>");
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "Anna");
    figure_add_task(tl, B, 1, ROLE_WORKLOAD, "Bob");
    timeline_sink(tl)->push(timeline_sink(tl), &object, 1);
    add_slice(1, B, 100, 200, OUT_PREEMPTED);
    figure_add(tl, 1000, A, 0, EVENT_SWITCH_IN, 0);
    add_note(1900, A, NOTE_WANTS, B);
    figure_add(tl, 2000, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    figure_add(tl, 5000, A, 0, EVENT_WAKE, 0);
    figure_add(tl, 6000, A, 0, EVENT_SWITCH_IN, 0);
    add_note(6100, A, NOTE_GOT, 0);
    figure_add(tl, 7000, A, 0, EVENT_EXIT, 0);
    timeline_advance(tl, FIGURE_START + 8000);
    write_and_read("why", (struct export_window){0, 0});
    assert_int_equal(page.n_slices, 3);
    assert_null(page.slices[0].reason);
    assert_non_null(page.slices[1].reason);
    assert_string_equal(page.slices[1].reason, "blocked: wants mutex m<1>, held by Bob");
    assert_int_equal(page.slices[1].wait_ns, 1000);
    assert_int_equal(page.slices[1].end, SLICE_EXITED);
    assert_null(strstr(html, "m<1>"));
}

static void what_is_not_known_is_told(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    figure_add(tl, 1000, A, 0, EVENT_SWITCH_IN, 0);
    figure_add_lost(tl, 9000, 0, 3);
    add_slice(0, A, 10000, 12000, OUT_BLOCKED);
    timeline_advance(tl, FIGURE_START + 20000);
    write_and_read("lost", (struct export_window){0, 0});
    struct json_object *holes = get(page.data, "holes");
    assert_int_equal(json_object_array_length(holes), timeline_n_holes(tl));
    struct json_object *stretches = get(json_object_array_get_idx(get(page.data, "tasks"), 0), "stretches");
    bool has_unknown = false;
    for (size_t i = 0; i < json_object_array_length(stretches); i++) {
        struct json_object *one = json_object_array_get_idx(stretches, i);
        has_unknown |= json_object_get_int(json_object_array_get_idx(one, 0)) == STATE_UNKNOWN;
    }
    assert_true(has_unknown);
    expect_slices(0, UINT64_MAX);
}

static void names_are_only_text(void **state)
{
    (void)state;
    static const char hostile[] = "</title></script><img src=x onerror=alert(1)>\x01\x1b[31m\xff\xc3(";
    char longest[3000];
    memset(longest, 'W', sizeof longest);
    memcpy(longest, hostile, sizeof hostile - 1);
    longest[sizeof longest - 1] = '\0';
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "</script><img s");
    figure_add_task(tl, B, -1, ROLE_WORKLOAD, "<!--<script>\xff\x01");
    add_slice(0, A, 0, 1000, OUT_PREEMPTED);
    add_slice(0, B, 1000, 2000, OUT_PREEMPTED);
    figure_add_text(tl, 500, EVENT_MARK, 0, "\xe2\x80\xae<script>");
    timeline_advance(tl, FIGURE_START + 3000);
    write_and_read(longest, (struct export_window){0, 0});
    assert_int_equal(figure_count(html, "<script"), 4);
    assert_int_equal(figure_count(html, "</script"), 4);
    assert_int_equal(figure_count(html, "<img"), 0);
    assert_int_equal(figure_count(html, "<!--"), 0);
    assert_int_equal(figure_count(html, "http"), figure_count(html, "http-equiv"));
    struct json_object *name = get(json_object_array_get_idx(get(page.data, "tasks"), 0), "name");
    assert_string_equal(json_object_get_string(name), "</script><img s");
}

static void a_hundred_thousand_slices_are_a_megabyte(void **state)
{
    (void)state;
    make_random(100000);
    write_and_read("large", (struct export_window){0, 0});
    assert_int_equal(page.n_slices, timeline_n_slices(tl));
    assert_true(size <= 1000000);
}

static void nothing_is_a_page(void **state)
{
    (void)state;
    write_and_read("", (struct export_window){0, 0});
    assert_int_equal(page.n_slices, 0);
}

/* A clock that leaps: times are told less finely, and the page is still read. */
static void wild_times_are_a_page(void **state)
{
    (void)state;
    figure_add_task(tl, A, 0, ROLE_WORKLOAD, "a");
    add_slice(0, A, 1000, 2000, OUT_PREEMPTED);
    add_slice(0, A, UINT64_C(1) << 61, (UINT64_C(1) << 61) + 5000, OUT_BLOCKED);
    timeline_advance(tl, UINT64_MAX);
    write_and_read("wild", (struct export_window){0, 0});
    assert_int_equal(page.n_slices, 2);
    assert_true(page.unit_ns > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_slices_are_in_it, begin, end),
        cmocka_unit_test_setup_teardown(a_window_has_what_overlaps_it, begin, end),
        cmocka_unit_test_setup_teardown(lanes_are_the_timelines, begin, end),
        cmocka_unit_test_setup_teardown(tasks_of_runs_before_are_told, begin, end),
        cmocka_unit_test_setup_teardown(it_tells_why_tasks_were_blocked, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_told, begin, end),
        cmocka_unit_test_setup_teardown(names_are_only_text, begin, end),
        cmocka_unit_test_setup_teardown(a_hundred_thousand_slices_are_a_megabyte, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_a_page, begin, end),
        cmocka_unit_test_setup_teardown(wild_times_are_a_page, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
