/* Tracepoints that tell wakes: their format files, and their records in a perf ring. */
#include "../../src/observe/perf.h"
#include "../../src/observe/tracepoint.h"

#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char format_text[] =
    "name: sched_waking\n"
    "ID: 375\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
    "\n"
    "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
    "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:int prio;\toffset:28;\tsize:4;\tsigned:1;\n"
    "\tfield:int target_cpu;\toffset:32;\tsize:4;\tsigned:1;\n"
    "\n"
    "print fmt: \"comm=%s pid=%d prio=%d target_cpu=%03d\", REC->comm, REC->pid, REC->prio, "
    "REC->target_cpu\n";

static void test_format(void **state)
{
    struct tracepoint tracepoint;
    (void)state;
    assert_true(tracepoint_parse(format_text, sizeof format_text - 1, &tracepoint));
    assert_int_equal(tracepoint.id, 375);
    assert_int_equal(tracepoint.pid_at, 24);
    assert_int_equal(tracepoint.target_cpu_at, 32);
}

/* Up to the line of target_cpu it is not whole, wherever it is cut. */
static void test_format_cut(void **state)
{
    struct tracepoint tracepoint;
    const size_t n_needed = (size_t)(strstr(format_text, "offset:32;\tsize:4") - format_text) + 17;
    (void)state;
    for (size_t n = 0; n < n_needed; n++)
        assert_false(tracepoint_parse(format_text, n, &tracepoint));
    assert_true(tracepoint_parse(format_text, n_needed, &tracepoint));
}

static bool parses_with(const char *from, const char *to)
{
    char text[sizeof format_text + 64];
    struct tracepoint tracepoint;
    const char *at = strstr(format_text, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - format_text), format_text, to, at + strlen(from));
    return tracepoint_parse(text, strlen(text), &tracepoint);
}

static void test_other_formats(void **state)
{
    (void)state;
    assert_true(parses_with("pid_t pid", "int pid"));
    assert_true(parses_with("offset:24", "offset:28"));
    assert_false(parses_with("pid_t pid", "pid_t tid"));
    assert_false(parses_with("pid_t pid;\toffset:24;\tsize:4", "pid_t pid;\toffset:24;\tsize:8"));
    assert_false(parses_with("offset:32", "offset:99999999999"));
    assert_false(parses_with("offset:32", "offset:"));
    assert_false(parses_with("ID: 375", "ID: 70000"));
    assert_false(parses_with("common_type;\toffset:0", "common_type;\toffset:2"));
    assert_false(parses_with("int target_cpu", "int old_target_cpu"));
}

static const struct tracepoint_wakes wakes = {.waking = {.id = 375, .pid_at = 24, .target_cpu_at = 32},
                                              .wakeup_new = {.id = 373, .pid_at = 24, .target_cpu_at = 32}};

/* A PERF_RECORD_SAMPLE with TID, TIME and RAW. */
struct sample {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t time_ns;
    uint32_t n_raw;
    uint16_t type;
    char more[22];
    int32_t woken, prio, target_cpu;
} __attribute__((packed));

static struct sample sample_of(uint16_t type, int32_t woken, int32_t target_cpu)
{
    return (struct sample){
        .header = {.type = PERF_RECORD_SAMPLE, .size = sizeof(struct sample)},
        .pid = 50,
        .tid = 51,
        .time_ns = 1000,
        .n_raw = 36,
        .type = type,
        .woken = woken,
        .target_cpu = target_cpu,
    };
}

static bool parse(const struct sample *sample, const struct tracepoint_wakes *layout, struct event *event)
{
    bool is_event;
    assert_int_equal(perf_parse(sample, sizeof *sample, 3, layout, event, &is_event), sizeof *sample);
    return is_event;
}

static void test_wake(void **state)
{
    struct event event;
    struct sample sample = sample_of(375, 77, 1);
    (void)state;
    assert_true(parse(&sample, &wakes, &event));
    assert_int_equal(event.kind, EVENT_WAKE);
    assert_int_equal(event.tid, 77);
    assert_int_equal(event.time_ns, 1000);
    assert_int_equal(event.u.wake.waker_tid, 51);
    assert_int_equal(event.cpu, -1); /* where it goes is not decided yet */

    sample = sample_of(373, 78, 1);
    sample.tid = 0; /* an interrupt while nobody ran */
    assert_true(parse(&sample, &wakes, &event));
    assert_int_equal(event.tid, 78);
    assert_int_equal(event.cpu, 1);
    assert_int_equal(event.u.wake.waker_tid, 0);
    sample.tid = UINT32_MAX;
    assert_true(parse(&sample, &wakes, &event));
    assert_int_equal(event.u.wake.waker_tid, 0);
    sample.target_cpu = 1 << 20;
    assert_true(parse(&sample, &wakes, &event));
    assert_int_equal(event.cpu, -1);
}

static void test_no_wake(void **state)
{
    struct event event;
    struct sample sample = sample_of(375, 77, 1);
    (void)state;
    assert_false(parse(&sample, NULL, &event));
    sample.n_raw = 35; /* target_cpu is cut */
    assert_false(parse(&sample, &wakes, &event));
    sample.n_raw = 41; /* more than there is */
    assert_false(parse(&sample, &wakes, &event));
    sample = sample_of(374, 77, 1); /* another tracepoint */
    assert_false(parse(&sample, &wakes, &event));
    sample = sample_of(375, 0, 1); /* the idle task */
    assert_false(parse(&sample, &wakes, &event));
}

static void test_this_kernel(void **state)
{
    struct tracepoint_wakes here;
    struct err err = {""};
    (void)state;
    if (!tracepoint_read_wakes(&here, &err)) {
        assert_true(strlen(err.msg) > 0);
        print_message("# %s\n", err.msg);
        skip();
    }
    assert_int_not_equal(here.waking.id, here.wakeup_new.id);
    assert_true(here.waking.pid_at > 0 && here.waking.target_cpu_at > here.waking.pid_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),        cmocka_unit_test(test_format_cut),
        cmocka_unit_test(test_other_formats), cmocka_unit_test(test_wake),
        cmocka_unit_test(test_no_wake),       cmocka_unit_test(test_this_kernel),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("tracepoint", tests, NULL, NULL);
}
