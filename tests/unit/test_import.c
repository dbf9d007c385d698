/* Traces of other tools: lines and files as events, the same run from several files, cut and damaged ones. */
#include "../../src/import/formats.h"
#include "../../src/import/import.h"
#include "../../src/import/script.h"
#include "../../src/timeline/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- help ---- */

struct file {
    char *bytes;
    size_t n;
};

static struct file load(const char *name)
{
    char path[512];
    const char *top = getenv("top_srcdir");
    struct file file = {0};
    snprintf(path, sizeof path, "%s/tests/data/traces/%s", top ? top : ".", name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    const long size = ftell(stream);
    assert_true(size > 0);
    rewind(stream);
    file.n = (size_t)size;
    file.bytes = malloc(file.n);
    assert_non_null(file.bytes);
    assert_int_equal(fread(file.bytes, 1, file.n, stream), file.n);
    fclose(stream);
    return file;
}

struct told {
    struct event *events;
    size_t n;
    struct import_facts facts;
    char remark[400];
};

static void told_free(struct told *told)
{
    free(told->events);
}

/* All events of a trace, taken `step' at a time; false with a line when it does not open. */
static bool tell(const void *bytes, size_t n, size_t step, struct told *told, struct err *err)
{
    size_t n_new, capacity = 65536;
    uint64_t n_read, n_bytes;
    *told = (struct told){0};
    struct import *import = import_open_memory(bytes, n, "trace", err);
    if (!import)
        return false;
    told->events = malloc(capacity * sizeof *told->events);
    assert_non_null(told->events);
    while ((n_new = import_read(import, told->events + told->n, step)) > 0) {
        told->n += n_new;
        assert_true(told->n + step <= capacity);
    }
    import_facts(import, &told->facts);
    import_progress(import, &n_read, &n_bytes);
    assert_int_equal(n_read, n_bytes);
    snprintf(told->remark, sizeof told->remark, "%s", import_remark(import));
    told->facts.machine = told->facts.clock = told->facts.recorder = NULL; /* they went with the import */
    import_close(import);
    return true;
}

static struct told tell_file(const char *name)
{
    struct told told;
    struct err err = {""};
    struct file file = load(name);
    if (!tell(file.bytes, file.n, 256, &told, &err))
        fail_msg("%s: %s", name, err.msg);
    free(file.bytes);
    return told;
}

static struct told tell_text(const char *text)
{
    struct told told;
    struct err err = {""};
    if (!tell(text, strlen(text), 64, &told, &err))
        fail_msg("%s", err.msg);
    return told;
}

static size_t count(const struct told *told, enum event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < told->n; i++)
        n += told->events[i].kind == kind;
    return n;
}

/* The i-th event of a kind. */
static const struct event *nth(const struct told *told, enum event_kind kind, size_t i)
{
    for (size_t at = 0; at < told->n; at++) {
        if (told->events[at].kind == kind && i-- == 0)
            return &told->events[at];
    }
    fail_msg("there are not so many events of kind %d", kind);
    return NULL;
}

static size_t count_lines(const struct file *file, const char *with)
{
    size_t n = 0;
    for (const char *at = file->bytes;
         (at = memmem(at, (size_t)(file->bytes + file->n - at), with, strlen(with))); at++)
        n++;
    return n;
}

/* ---- recognition ---- */

static void test_recognise(void **state)
{
    static const char yaml[] = "name: interleave\ntasks: 4\n";
    static const char comment[] =
        "# captured on: today\n\nperf 1 [000] 1.000001: sched:sched_switch: prev_comm=a "
        "prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 next_prio=120\n";
    static const char record[] = "  kthreadd     0 [000]     0.000000: PERF_RECORD_COMM: kthreadd:2/2\n";
    static const char told[] = "name: PERF_RECORD_COMM: [000] 1.5:\n";
    (void)state;
    assert_int_equal(import_recognise(record, sizeof record - 1), IMPORT_PERF_SCRIPT);
    assert_int_equal(import_recognise(told, sizeof told - 1), IMPORT_NONE);
    assert_int_equal(import_recognise("\x17\x08\x44tracing6", 11), IMPORT_TRACE_CMD);
    assert_int_equal(import_recognise("\x17\x08\x44tracin", 9), IMPORT_NONE);
    assert_int_equal(import_recognise("PERFILE2\0\0", 10), IMPORT_PERF_DATA);
    assert_int_equal(import_recognise(comment, sizeof comment - 1), IMPORT_PERF_SCRIPT);
    assert_int_equal(import_recognise(yaml, sizeof yaml - 1), IMPORT_NONE);
    assert_int_equal(import_recognise("", 0), IMPORT_NONE);
    assert_int_equal(import_recognise_file("/no/such/file"), IMPORT_NONE);
}

static void check_refused(const char *bytes, size_t n, const char *words)
{
    struct err err = {""};
    assert_null(import_open_memory(bytes, n, "FILE", &err));
    if (!strstr(err.msg, words) || !strstr(err.msg, "FILE"))
        fail_msg("\"%s\" has not \"%s\"", err.msg, words);
}

static void test_refused(void **state)
{
    static const char no_cpu[] = "perf 1 1.000001: sched:sched_switch: prev_comm=a prev_pid=1 prev_prio=120 "
                                 "prev_state=S ==> next_comm=b next_pid=2 next_prio=120\n";
    static const char no_time[] = "perf 1 [000] sched:sched_switch: prev_comm=a prev_pid=1 prev_prio=120 "
                                  "prev_state=S ==> next_comm=b next_pid=2 next_prio=120\n";
    static const char garbled[] = "perf 1 [000] 1.000001: sched:sched_switch: from a to b\n";
    static const char no_switch[] =
        "perf 1 [000] 1.000001: sched:sched_waking: comm=a pid=2 prio=120 target_cpu=001\n";
    struct err err = {""};
    (void)state;
    check_refused("PERFILE2", 8, "perf script --ns -i FILE");
    check_refused("hello", 5, "trace-cmd record");
    check_refused(no_cpu, sizeof no_cpu - 1, "-F +cpu");
    check_refused(no_time, sizeof no_time - 1, "-F +time");
    check_refused(garbled, sizeof garbled - 1, "FILE:1:");
    check_refused(no_switch, sizeof no_switch - 1, "perf sched record");
    check_refused("\x17\x08\x44tracing9\0\0\10\0\20\0\0", 18, "format 9");
    assert_null(import_open("/no/such/file", &err));
    assert_non_null(strstr(err.msg, "/no/such/file"));
    assert_null(import_open("/dev/null", &err));
    assert_non_null(strstr(err.msg, "no regular file"));
}

#define N_TURNS 200

/* A and B take turns on a core; times_us[i] is when, for i modulo n, and step_us later each time round. */
static char *text_of_turns(const unsigned *times_us, unsigned n, unsigned step_us)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (unsigned i = 0; i < N_TURNS; i++)
        fprintf(
            stream,
            "x %u [000] 1.%06u: sched:sched_switch: prev_comm=x prev_pid=%u prev_prio=120 prev_state=S ==> "
            "next_comm=x next_pid=%u next_prio=120\n",
            1 + i % 2, times_us[i % n] + i / n * step_us, 1 + i % 2, 2 - i % 2);
    fclose(stream);
    return text;
}

/* What perf script --deltatime prints is no time; a text that is slightly out of order is taken. */
static void test_times_that_go_back(void **state)
{
    static const unsigned differences[] = {1, 40, 0, 3, 3, 1, 7, 7, 0, 12},
                          late[] = {10, 20, 19, 40, 50, 60, 70};
    (void)state;
    char *text = text_of_turns(differences, sizeof differences / sizeof *differences, 0);
    check_refused(text, strlen(text), "FILE:3:");
    check_refused(text, strlen(text), "without --deltatime");
    free(text);
    text = text_of_turns(late, sizeof late / sizeof *late, 100);
    struct told told = tell_text(text);
    assert_int_equal(count(&told, EVENT_SWITCH_IN), N_TURNS);
    told_free(&told);
    free(text);
}

/* A remark of one thing speaks of one. */
static void test_one_switch_is_missing(void **state)
{
    static const unsigned begin = 0;
    char *turns = text_of_turns(&begin, 1, 10), *text = NULL;
    (void)state;
    assert_true(asprintf(&text, "%s%s", turns,
                         "x 7 [000] 1.900000: sched:sched_switch: prev_comm=x prev_pid=7 prev_prio=120 "
                         "prev_state=S ==> next_comm=x next_pid=1 next_prio=120\n") > 0);
    struct told told = tell_text(text);
    assert_string_equal(told.remark, "at least 1 switch was not recorded");
    told_free(&told);
    free(text);
    free(turns);
}

/* ---- lines ---- */

static const struct {
    const char *line;
    enum script_line is;
    struct moment moment;
} lines[] = {
    {"            perf  9919 [000] 33058.553584:       sched:sched_switch: prev_comm=perf prev_pid=9919 "
     "prev_prio=120 "
     "prev_state=D ==> next_comm=migration/0 next_pid=18 next_prio=0",
     SCRIPT_MOMENT,
     {.time_ns = 33058553584000,
      .cpu = 0,
      .kind = MOMENT_SWITCH,
      .left = LEFT_BLOCKED,
      .tid = 9919,
      .other = 18,
      .target_cpu = -1,
      .name = "perf",
      .other_name = "migration/0"}},
    {"two words   7/9  [012]     1.000000009:          1 sched:sched_switch: prev_comm=two words prev_pid=9 "
     "prev_prio=120 "
     "prev_state=R+ ==> next_comm= prev_pid=3 next_pid=18 next_prio=0",
     SCRIPT_MOMENT,
     {.time_ns = 1000000009,
      .cpu = 12,
      .kind = MOMENT_SWITCH,
      .left = LEFT_RUNNABLE,
      .tid = 9,
      .pid = 7,
      .other = 18,
      .target_cpu = -1,
      .name = "two words",
      .other_name = " prev_pid=3"}},
    {"   kworker/0:1-123   [003] d..2. 2.500000: sched_switch:     kworker/0:1:123 [100] X ==> a:b [3]:8 "
     "[-1]",
     SCRIPT_MOMENT,
     {.time_ns = 2500000000,
      .cpu = 3,
      .kind = MOMENT_SWITCH,
      .left = LEFT_DEAD,
      .tid = 123,
      .other = 8,
      .target_cpu = -1,
      .name = "kworker/0:1",
      .other_name = "a:b [3]"}},
    {"  a-12   (     11) [001] ..... 2.000000: sched_waking: comm=b pid=5 prio=120 target_cpu=003",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000,
      .cpu = 1,
      .kind = MOMENT_WAKING,
      .waker_known = true,
      .tid = 12,
      .pid = 11,
      .other = 5,
      .target_cpu = 3,
      .other_name = "b"}},
    {"  a 12 [001] 2.000000: sched:sched_wakeup: b:5 [120] success=1 CPU:003",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000,
      .cpu = 1,
      .kind = MOMENT_WAKEUP,
      .tid = 12,
      .other = 5,
      .target_cpu = 3,
      .other_name = "b"}},
    {"  a 12 [001] 2.000000: sched:sched_wakeup: comm=b pid=5 prio=120 success=0 target_cpu=003",
     SCRIPT_UNREADABLE,
     {0}},
    {"  :-1    -1 [001] 2.000000: sched:sched_wakeup_new: comm=b pid=5 prio=120 target_cpu=003",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000,
      .cpu = 1,
      .kind = MOMENT_NEW,
      .waker_known = true,
      .other = 5,
      .target_cpu = 3,
      .other_name = "b"}},
    {"  a 12 [001] 2.0: sched:sched_process_fork: comm=a pid=12 child_comm=a b child_pid=13",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000,
      .cpu = 1,
      .kind = MOMENT_FORK,
      .tid = 12,
      .other = 13,
      .target_cpu = -1,
      .name = "a",
      .other_name = "a b"}},
    {"  a 12 [001] 2.0: sched:sched_process_exec: filename=/usr/bin/a name of 20 bytes pid=12 old_pid=14",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000,
      .cpu = 1,
      .kind = MOMENT_EXEC,
      .tid = 12,
      .other = 14,
      .target_cpu = -1,
      .name = "a name of 20 by"}},
    {"  a 12 [001] 2.0: sched:sched_process_exit: comm=a pid=12 prio=120",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000, .cpu = 1, .kind = MOMENT_EXIT, .tid = 12, .target_cpu = -1, .name = "a"}},
    {"  a 12 [001] 2.0: PERF_RECORD_LOST lost 6",
     SCRIPT_MOMENT,
     {.time_ns = 2000000000, .cpu = 1, .kind = MOMENT_LOST, .tid = 12, .target_cpu = -1, .n = 6}},
    {"  a 12 [001] 2.0: sched:sched_stat_runtime: comm=a pid=12 runtime=45434 [ns]", SCRIPT_OTHER, {0}},
    {"  a 12 [99999] 2.0: sched:sched_process_exit: comm=a pid=12 prio=120", SCRIPT_OTHER, {0}},
    {"  a 12 [001] 99999999999.0: sched:sched_process_exit: comm=a pid=12 prio=120", SCRIPT_OTHER, {0}},
    {"  a 12 [001] 2.0: sched:sched_process_exit: comm=a pid=99999999999 prio=120", SCRIPT_UNREADABLE, {0}},
    {"# cmdline : perf sched record", SCRIPT_OTHER, {0}},
    {"", SCRIPT_OTHER, {0}},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct moment *is = &lines[i].moment;
        struct moment got;
        if (script_line(lines[i].line, strlen(lines[i].line), &got) != lines[i].is)
            fail_msg("%s", lines[i].line);
        if (lines[i].is != SCRIPT_MOMENT)
            continue;
        if (got.time_ns != is->time_ns || got.cpu != is->cpu || got.kind != is->kind ||
            got.left != is->left || got.waker_known != is->waker_known || got.tid != is->tid ||
            got.pid != is->pid || got.other != is->other || got.target_cpu != is->target_cpu ||
            got.n != is->n || strcmp(got.name, is->name) != 0 || strcmp(got.other_name, is->other_name) != 0)
            fail_msg("%s: tid %d pid %d other %d \"%s\" \"%s\"", lines[i].line, got.tid, got.pid, got.other,
                     got.name, got.other_name);
    }
}

/* ---- events ---- */

#define SWITCH(ns, a, s, b)                                                                                  \
    "x " #a " [001] 1.00000000" #ns ": sched:sched_switch: prev_comm=n" #a " prev_pid=" #a                   \
    " prev_prio=120 prev_state=" s " ==> next_comm=n" #b " next_pid=" #b " next_prio=120\n"

static void test_events(void **state)
{
    struct told told =
        tell_text(SWITCH(1, 0, "R", 5) SWITCH(2, 5, "R+", 6) SWITCH(3, 6, "S", 5) SWITCH(4, 5, "Z", 0));
    static const struct {
        uint8_t kind, detail;
        int32_t tid;
    } expected[] = {
        {EVENT_NEW, 0, 5},       {EVENT_NAME, 0, 5},
        {EVENT_SWITCH_IN, 0, 5}, {EVENT_SWITCH_OUT, 0, 5},
        {EVENT_NEW, 0, 6},       {EVENT_NAME, 0, 6},
        {EVENT_SWITCH_IN, 0, 6}, {EVENT_SWITCH_OUT, OUT_BLOCKED, 6},
        {EVENT_SWITCH_IN, 0, 5}, {EVENT_EXIT, 0, 5},
    };
    (void)state;
    assert_int_equal(told.n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < told.n; i++) {
        assert_int_equal(told.events[i].kind, expected[i].kind);
        assert_int_equal(told.events[i].tid, expected[i].tid);
        assert_int_equal(told.events[i].detail, expected[i].detail);
    }
    const struct event *new = nth(&told, EVENT_NEW, 0);
    assert_int_equal(new->u.task.role, ROLE_WORKLOAD);
    assert_int_equal(new->u.task.pid, 0);
    assert_int_equal(new->u.task.slot, -1);
    assert_string_equal(nth(&told, EVENT_NAME, 1)->u.name, "n6");
    assert_int_equal(nth(&told, EVENT_SWITCH_IN, 0)->cpu, 1);
    assert_int_equal(told.facts.n_switches, 4);
    assert_int_equal(told.facts.n_cpus, 2);
    assert_int_equal(told.facts.resolution_ns, 1);
    assert_true(told.facts.whole);
    assert_string_equal(told.remark, "");
    told_free(&told);
}

static void test_wakes(void **state)
{
    struct told told =
        tell_text(SWITCH(1, 0, "R", 5) /* */
                  "x 5 [001] 1.000000002: sched:sched_waking: comm=b pid=9 prio=120 target_cpu=003\n"
                  "x 5 [001] 1.000000003: sched:sched_wakeup: comm=b pid=9 prio=120 target_cpu=002\n"
                  "x 5 [001] 1.000000004: sched:sched_wakeup: comm=b pid=8 prio=120 target_cpu=002\n"
                  "x 0 [001] 1.000000005: sched:sched_waking: comm=b pid=7 prio=120 target_cpu=002\n");
    (void)state;
    assert_int_equal(count(&told, EVENT_WAKE), 3);
    const struct event *first = nth(&told, EVENT_WAKE, 0), *second = nth(&told, EVENT_WAKE, 1);
    assert_int_equal(first->tid, 9);
    assert_int_equal(first->time_ns, 1000000002);
    assert_int_equal(first->cpu, -1); /* where it was, not where it will be */
    assert_int_equal(first->u.wake.waker_tid, 5);
    assert_int_equal(second->tid, 8);
    assert_int_equal(second->cpu, 2);
    assert_int_equal(second->u.wake.waker_tid, 0); /* a sched_wakeup comes from anywhere */
    assert_int_equal(nth(&told, EVENT_WAKE, 2)->u.wake.waker_tid, 0);
    told_free(&told);
}

static void test_lives(void **state)
{
    struct told told = tell_text(
        "x 5/5 [001] 1.000000001: sched:sched_process_fork: comm=p pid=5 child_comm=p child_pid=6\n" /* */
        SWITCH(2, 5, "S", 6)                                                                         /* */
        "x 6 [001] 1.000000003: sched:sched_process_exec: filename=/bin/prog pid=6 old_pid=6\n"      /* */
        "x 6 [001] 1.000000004: sched:sched_process_exit: comm=prog pid=6 prio=120\n"                /* */
        SWITCH(5, 6, "x", 0) /* as Linux 4.13 had it */
        SWITCH(6, 0, "R", 5) /* */
        "x 5 [001] 1.000000007: sched:sched_process_fork: comm=p pid=5 child_comm=p child_pid=6\n"
        "x 5 [001] 1.000000008: sched:sched_process_fork: comm=p pid=5 child_comm=p child_pid=6\n");
    (void)state;
    assert_int_equal(nth(&told, EVENT_SWITCH_IN, 0)->tid, 5); /* who forks runs */
    assert_int_equal(nth(&told, EVENT_NEW, 1)->u.task.pid, 5);
    assert_int_equal(nth(&told, EVENT_NEW, 1)->u.task.kind, TASK_PROCESS);
    assert_int_equal(nth(&told, EVENT_NEW, 2)->tid, 6);
    assert_int_equal(nth(&told, EVENT_NEW, 2)->u.task.parent, 5);
    const struct event *end = nth(&told, EVENT_EXIT, 0);
    assert_int_equal(end->tid, 6);
    assert_int_equal(end->time_ns, 1000000005);
    assert_int_equal(nth(&told, EVENT_NEW, 3)->tid, 6); /* the number again */
    assert_int_equal(nth(&told, EVENT_EXIT, 1)->tid, 6);
    assert_int_equal(nth(&told, EVENT_NEW, 4)->tid, 6);
    bool is_named = false;
    for (size_t i = 0; i < told.n; i++)
        is_named |= told.events[i].kind == EVENT_NAME && strcmp(told.events[i].u.name, "prog") == 0;
    assert_true(is_named);
    told_free(&told);
}

static void test_thread_executes(void **state)
{
    struct told told = tell_text(
        SWITCH(1, 0, "R", 9) /* */
        "x 4 [001] 1.000000002: sched:sched_process_exec: filename=/bin/prog pid=4 old_pid=9\n" SWITCH(
            3, 4, "S", 0));
    (void)state;
    assert_int_equal(nth(&told, EVENT_EXIT, 0)->tid, 9);
    assert_int_equal(nth(&told, EVENT_SWITCH_IN, 1)->tid, 4);
    assert_int_equal(nth(&told, EVENT_SWITCH_OUT, 0)->tid, 4);
    assert_int_equal(count(&told, EVENT_LOST), 0);
    told_free(&told);
}

static void test_gaps(void **state)
{
    struct told told = tell_text(SWITCH(3, 0, "R", 5) SWITCH(2, 5, "S", 6) /* late */
                                 SWITCH(4, 7, "S", 8)                      /* who brought 7? */
                                 "x 8 [001] 1.000000005: PERF_RECORD_LOST lost 6\n" SWITCH(6, 1, "S", 2) /* */
                                 "x 2 [001] 1.000000007: sched:sched_switch: garbled\n"
                                 "x 2 [001] 1.000000008: sched:sched_switch: no end");
    (void)state;
    assert_int_equal(told.events[told.n - 1].tid, 2);
    assert_int_equal(nth(&told, EVENT_SWITCH_OUT, 0)->time_ns, 1000000003);
    assert_int_equal(count(&told, EVENT_LOST), 2);
    assert_int_equal(nth(&told, EVENT_LOST, 1)->u.lost.n, 6);
    assert_int_equal(told.facts.n_lost, 6);
    assert_false(told.facts.whole);
    assert_non_null(strstr(told.remark, "1 line was not understood, the first is line 6"));
    assert_non_null(strstr(told.remark, "cut off"));
    assert_non_null(strstr(told.remark, "not all tasks"));
    told_free(&told);
}

/* ---- formats ---- */

static void test_interrupt_is_no_waker(void **state)
{
    static const char format[] = "name: sched_waking\nID: 7\nformat:\n"
                                 "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
                                 "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
                                 "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
                                 "\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n";
    unsigned char record[12] = {7, 0, 0, 0, 42, 0, 0, 0, 43};
    struct formats formats = {0};
    struct moment moment = {0};
    (void)state;
    for (size_t n = 0; n < sizeof format - 2; n++) { /* cut anywhere it is none, or the same */
        formats = (struct formats){0};
        formats_add(&formats, format, n);
    }
    formats_add(&formats, format, sizeof format - 1);
    assert_true(formats_moment(&formats, record, sizeof record, &moment));
    assert_int_equal(moment.kind, MOMENT_WAKING);
    assert_int_equal(moment.tid, 42);
    assert_int_equal(moment.other, 43);
    assert_int_equal(moment.target_cpu, -1);
    assert_true(moment.waker_known);
    record[2] = 0x08; /* TRACE_FLAG_HARDIRQ */
    assert_true(formats_moment(&formats, record, sizeof record, &moment));
    assert_false(moment.waker_known);
    assert_false(formats_moment(&formats, record, sizeof record - 1, &moment));
    record[0] = 8;
    assert_false(formats_moment(&formats, record, sizeof record, &moment));
}

/* ---- the same run from several files ---- */

static bool same(const struct event *a, const struct event *b)
{
    struct event x = *a, y = *b;
    if (x.kind == EVENT_WAKE && y.kind == EVENT_WAKE && (x.u.wake.waker_tid == 0 || y.u.wake.waker_tid == 0))
        x.u.wake.waker_tid = y.u.wake.waker_tid = 0; /* text does not tell what an interrupt woke */
    return x.time_ns == y.time_ns && x.tid == y.tid && x.cpu == y.cpu && x.kind == y.kind &&
           x.detail == y.detail && memcmp(&x.u, &y.u, sizeof x.u) == 0;
}

static void check_same(const char *name, const char *as)
{
    struct told a = tell_file(name), b = tell_file(as);
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        if (!same(&a.events[i], &b.events[i]))
            fail_msg("%s and %s: event %zu at %llu and %llu", name, as, i,
                     (unsigned long long)a.events[i].time_ns, (unsigned long long)b.events[i].time_ns);
    }
    assert_int_equal(a.n, b.n);
    assert_int_equal(a.facts.n_switches, b.facts.n_switches);
    assert_int_equal(a.facts.n_lost, b.facts.n_lost);
    told_free(&a);
    told_free(&b);
}

/* tests/make_trace_dat.py made these: version 6, of a machine with big-endian words of 4 bytes, packed. */
static void test_made_up(void **state)
{
    (void)state;
    check_same("madeup-v6.dat", "madeup.txt");
    check_same("madeup-big32.dat", "madeup.txt");
    check_same("madeup-zlib.dat", "madeup.txt");
    check_same("lost.dat", "lost.txt");
}

/* Pages of a real kernel, packed by trace-cmd convert, and what trace-cmd report -t says of them. */
static void test_recorded(void **state)
{
    struct told told = tell_file("recorded.dat");
    struct file report = load("recorded.report.txt");
    (void)state;
    check_same("recorded.dat", "recorded.report.txt");
    assert_int_equal(told.facts.n_switches, count_lines(&report, " sched_switch: "));
    assert_int_equal(count(&told, EVENT_WAKE),
                     count_lines(&report, " sched_waking: ") + count_lines(&report, " sched_wakeup_new: "));
    assert_true(told.facts.whole);
    assert_int_equal(told.facts.n_cpus, 2);
    free(report.bytes);
    told_free(&told);
}

static void test_facts(void **state)
{
    struct err err;
    struct import_facts facts;
    struct file file = load("madeup-zlib.dat");
    (void)state;
    struct import *import = import_open_memory(file.bytes, file.n, "trace", &err);
    assert_non_null(import);
    import_facts(import, &facts);
    assert_int_equal(facts.kind, IMPORT_TRACE_CMD);
    assert_string_equal(facts.machine, "Linux lecture 6.12.0 #1 SMP x86_64");
    assert_string_equal(facts.clock, "local");
    assert_string_equal(facts.recorder, "trace-cmd 3.1.6");
    assert_false(facts.times_are_ticks);
    assert_int_equal(facts.n_cpus, 3);
    import_close(import);

    char *clock = memmem(file.bytes, file.n, "\0local", 7);
    assert_non_null(clock);
    memcpy(clock + 1, "count", 5);
    import = import_open_memory(file.bytes, file.n, "trace", &err);
    assert_non_null(import);
    import_facts(import, &facts);
    assert_true(facts.times_are_ticks);
    import_close(import);
    free(file.bytes);
}

/* perf script with microseconds, and with pids: the same but for that. */
static void test_perf_variants(void **state)
{
    struct told ns = tell_file("recorded.perf.txt"), us = tell_file("recorded.perf-us.txt"),
                pids = tell_file("recorded.perf-pids.txt");
    size_t n_pids = 0;
    (void)state;
    assert_int_equal(ns.n, us.n);
    for (size_t i = 0; i < ns.n; i++) {
        ns.events[i].time_ns -= ns.events[i].time_ns % 1000;
        assert_true(same(&ns.events[i], &us.events[i]));
    }
    assert_int_equal(us.facts.resolution_ns, 1000);
    for (size_t i = 0; i < pids.n; i++)
        n_pids += pids.events[i].kind == EVENT_NEW && pids.events[i].u.task.pid > 0;
    assert_true(n_pids > 3);
    assert_int_equal(pids.n, ns.n + n_pids);
    told_free(&ns);
    told_free(&us);
    told_free(&pids);
}

static void test_any_batch(void **state)
{
    struct file file = load("recorded.perf.txt");
    struct told whole, part;
    struct err err;
    (void)state;
    assert_true(tell(file.bytes, file.n, 512, &whole, &err));
    for (size_t step = 1; step <= 33; step += 8) {
        assert_true(tell(file.bytes, file.n, step, &part, &err));
        assert_int_equal(part.n, whole.n);
        assert_memory_equal(part.events, whole.events, whole.n * sizeof *whole.events);
        told_free(&part);
    }
    told_free(&whole);
    free(file.bytes);
}

/* ---- slices ---- */

struct running {
    int tid;
    uint64_t since_ns;
};

struct expected_slice {
    uint64_t start_ns, end_ns;
    int tid, cpu;
};

/* What the text says, read in another way: who comes on a CPU runs there until the next switch of this CPU.
 */
static size_t slices_of_text(const struct file *file, struct expected_slice *slices, size_t max)
{
    struct running runs[8] = {{0}};
    size_t n = 0;
    char *text = strndup(file->bytes, file->n);
    assert_non_null(text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *name = strstr(line, ": sched:sched_switch:");
        if (!name)
            name = strstr(line, ":       sched:sched_switch:");
        if (!name)
            continue;
        *name = '\0';
        unsigned cpu;
        unsigned long long seconds, fraction;
        const char *last = strrchr(line, '[');
        assert_int_equal(sscanf(last, "[%u] %llu.%llu", &cpu, &seconds, &fraction), 3);
        const uint64_t now_ns = seconds * 1000000000 + fraction;
        assert_true(cpu < 8);
        if (runs[cpu].tid > 0) {
            assert_true(n < max);
            slices[n++] = (struct expected_slice){runs[cpu].since_ns, now_ns, runs[cpu].tid, (int)cpu};
        }
        const char *next = strstr(name + 1, " next_pid=");
        assert_non_null(next);
        runs[cpu] = (struct running){atoi(next + strlen(" next_pid=")), now_ns};
    }
    free(text);
    return n;
}

static void test_slices(void **state)
{
    static struct expected_slice expected[4096];
    struct file file = load("recorded.perf.txt");
    struct told told = tell_file("recorded.perf.txt");
    struct timeline *tl = timeline_new(0);
    (void)state;
    struct sink *sink = timeline_sink(tl);
    sink->push(sink, told.events, told.n);
    timeline_advance(tl, told.facts.last_ns);
    const size_t n = slices_of_text(&file, expected, sizeof expected / sizeof *expected);
    assert_true(n > 100);
    for (size_t i = 0; i < n; i++) {
        struct slice slice;
        struct task task;
        assert_true(timeline_cpu_slice(tl, expected[i].cpu, expected[i].start_ns, 0, &slice));
        timeline_task(tl, slice.task, &task);
        assert_int_equal(slice.start_ns, expected[i].start_ns);
        assert_int_equal(slice.end_ns, expected[i].end_ns);
        assert_int_equal(task.tid, expected[i].tid);
    }
    timeline_free(tl);
    told_free(&told);
    free(file.bytes);
}

/* ---- cut and damaged files ---- */

/* A text that is cut between two lines does not show it. */
static void check_cut(const char *name, size_t step, bool shows)
{
    struct file file = load(name);
    struct told whole, part;
    struct err err;
    assert_true(tell(file.bytes, file.n, 256, &whole, &err));
    size_t n_opened = 0, last_n = 0;
    for (size_t n = 0; n < file.n; n += step) {
        char *copy = malloc(n + 1); /* its own size, for the sanitizer */
        assert_non_null(copy);
        memcpy(copy, file.bytes, n);
        err.msg[0] = '\0';
        if (tell(copy, n, 256, &part, &err)) {
            n_opened++;
            assert_true(part.n <= whole.n && part.n >= last_n);
            assert_true(part.n == whole.n || !shows || strstr(part.remark, "cut off"));
            last_n = part.n;
            told_free(&part);
        } else {
            assert_true(strlen(err.msg) > 0);
            assert_int_equal(n_opened, 0); /* from where it opens, it opens */
        }
        free(copy);
    }
    assert_true(n_opened > 0);
    told_free(&whole);
    free(file.bytes);
}

static void test_cut(void **state)
{
    (void)state;
    check_cut("madeup-v6.dat", 61, true);
    check_cut("recorded.dat", 23, true);
    check_cut("recorded.perf.txt", 97, false);
}

/* The first page of the last CPU claims more records than fit: it is a hole, and all else is there. */
static void test_damaged_page(void **state)
{
    struct file file = load("madeup-v6.dat");
    struct told whole, part;
    struct err err;
    (void)state;
    assert_true(tell(file.bytes, file.n, 256, &whole, &err));
    char *last_page = file.bytes + file.n - 4096;
    last_page[8 + 2] = 0x7f;
    assert_true(tell(file.bytes, file.n, 256, &part, &err));
    assert_true(part.n < whole.n && part.n > whole.n / 2);
    assert_non_null(strstr(part.remark, "1 damaged or cut part was skipped"));
    told_free(&part);
    last_page[8 + 2] = 0;
    memset(last_page + 16, 0xff, 64); /* lengths beyond the end */
    assert_true(tell(file.bytes, file.n, 256, &part, &err));
    assert_true(part.n < whole.n);
    told_free(&part);
    told_free(&whole);
    free(file.bytes);
}

static void test_damaged_chunk(void **state)
{
    struct file file = load("recorded.dat");
    struct told whole, part;
    struct err err;
    (void)state;
    assert_true(tell(file.bytes, file.n, 256, &whole, &err));
    file.bytes[file.n - 1000] ^= 0x55;
    for (size_t at = 8192 + 16; at < 8192 + 400; at++)
        file.bytes[at] ^= 0x55;
    if (tell(file.bytes, file.n, 256, &part, &err)) {
        assert_true(part.n < whole.n);
        assert_non_null(strstr(part.remark, "damaged"));
        told_free(&part);
    }
    told_free(&whole);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_times_that_go_back),
        cmocka_unit_test(test_one_switch_is_missing),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_thread_executes),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_interrupt_is_no_waker),
        cmocka_unit_test(test_made_up),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_perf_variants),
        cmocka_unit_test(test_any_batch),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged_page),
        cmocka_unit_test(test_damaged_chunk),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
