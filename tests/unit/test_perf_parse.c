/* The parser of perf records, on records written by hand. */
#include "../../src/observe/perf.h"

#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A record under construction. */
struct record {
    _Alignas(8) unsigned char bytes[256];
    size_t n;
};

static void put(struct record *r, const void *bytes, size_t n)
{
    memcpy(r->bytes + r->n, bytes, n);
    r->n += n;
}

static void put32(struct record *r, uint32_t value)
{
    put(r, &value, sizeof value);
}

static void put64(struct record *r, uint64_t value)
{
    put(r, &value, sizeof value);
}

static struct record begin(uint32_t type, uint16_t misc)
{
    struct record r = {.n = 0};
    const struct perf_event_header header = {.type = type, .misc = misc};
    put(&r, &header, sizeof header);
    return r;
}

/* Appends the sample id and writes the size into the header. */
static void end(struct record *r, uint32_t tid, uint64_t time_ns)
{
    put32(r, 100);
    put32(r, tid);
    put64(r, time_ns);
    const uint16_t size = (uint16_t)r->n;
    memcpy(r->bytes + offsetof(struct perf_event_header, size), &size, sizeof size);
}

static struct event parse(const struct record *r)
{
    struct event event;
    bool is_event;
    assert_int_equal(perf_parse(r->bytes, r->n, 7, NULL, &event, &is_event), r->n);
    assert_true(is_event);
    return event;
}

static void expect_skipped(const struct record *r)
{
    struct event event;
    bool is_event = true;
    assert_int_equal(perf_parse(r->bytes, r->n, 7, NULL, &event, &is_event), r->n);
    assert_false(is_event);
}

static void expect_malformed(const void *bytes, size_t n)
{
    struct event event;
    bool is_event = true;
    assert_int_equal(perf_parse(bytes, n, 7, NULL, &event, &is_event), 0);
    assert_false(is_event);
}

static void test_switch(void **state)
{
    (void)state;
    struct record r = begin(PERF_RECORD_SWITCH, 0);
    end(&r, 101, 5000);
    struct event event = parse(&r);
    assert_int_equal(r.n, 24);
    assert_int_equal(event.kind, EVENT_SWITCH_IN);
    assert_int_equal(event.time_ns, 5000);
    assert_int_equal(event.tid, 101);
    assert_int_equal(event.cpu, 7);

    r = begin(PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT);
    end(&r, 101, 6000);
    event = parse(&r);
    assert_int_equal(event.kind, EVENT_SWITCH_OUT);
    assert_int_equal(event.detail, OUT_BLOCKED);

    r = begin(PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT | PERF_RECORD_MISC_SWITCH_OUT_PREEMPT);
    end(&r, 101, 7000);
    event = parse(&r);
    assert_int_equal(event.kind, EVENT_SWITCH_OUT);
    assert_int_equal(event.detail, OUT_PREEMPTED);
}

static void test_switch_of_nobody_is_skipped(void **state)
{
    (void)state;
    struct record r = begin(PERF_RECORD_SWITCH, 0);
    end(&r, 0, 1);
    expect_skipped(&r);
    r = begin(PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT);
    end(&r, UINT32_MAX, 1);
    expect_skipped(&r);
}

static struct record task_record(uint32_t type, uint32_t pid, uint32_t tid)
{
    struct record r = begin(type, 0);
    put32(&r, pid);
    put32(&r, 1);
    put32(&r, tid);
    put32(&r, 1);
    put64(&r, 1234);
    end(&r, 1, 1235);
    return r;
}

static void test_task(void **state)
{
    (void)state;
    struct record r = task_record(PERF_RECORD_FORK, 200, 200);
    struct event event = parse(&r);
    assert_int_equal(event.kind, EVENT_NEW);
    assert_int_equal(event.tid, 200);
    assert_int_equal(event.time_ns, 1235);
    assert_int_equal(event.cpu, -1);
    assert_int_equal(event.u.task.pid, 200);
    assert_int_equal(event.u.task.slot, -1);
    assert_int_equal(event.u.task.run, 0);
    assert_int_equal(event.u.task.kind, TASK_PROCESS);
    assert_int_equal(event.u.task.role, ROLE_UNKNOWN);

    r = task_record(PERF_RECORD_FORK, 200, 201);
    event = parse(&r);
    assert_int_equal(event.tid, 201);
    assert_int_equal(event.u.task.kind, TASK_THREAD);

    r = task_record(PERF_RECORD_EXIT, 200, 201);
    event = parse(&r);
    assert_int_equal(event.kind, EVENT_EXIT);
    assert_int_equal(event.tid, 201);
    assert_int_equal(event.cpu, 7);
    assert_int_equal(event.u.exit.known, 0);
}

static struct record comm_record(uint16_t misc, const char *name, size_t n)
{
    struct record r = begin(PERF_RECORD_COMM, misc);
    put32(&r, 300);
    put32(&r, 301);
    put(&r, name, n);
    end(&r, 301, 9);
    return r;
}

static void test_name(void **state)
{
    (void)state;
    struct record r = comm_record(0, "worker\0\0", 8);
    struct event event = parse(&r);
    assert_int_equal(event.kind, EVENT_NAME);
    assert_int_equal(event.tid, 301);
    assert_string_equal(event.u.name, "worker");
    assert_int_equal(event.detail, NAME_GIVEN);
    assert_int_equal(event.cpu, -1);

    r = comm_record(0, "fifteen letters", 16);
    assert_string_equal(parse(&r).u.name, "fifteen letters");
    r = comm_record(0, "no end of the name at all", 24);
    assert_string_equal(parse(&r).u.name, "no end of the n");
    r = comm_record(0, "\0\0\0\0\0\0\0\0", 8);
    assert_string_equal(parse(&r).u.name, "");
}

static void test_executed(void **state)
{
    (void)state;
    struct record r = comm_record(PERF_RECORD_MISC_COMM_EXEC, "program\0", 8);
    struct event event = parse(&r);
    assert_int_equal(event.kind, EVENT_NAME);
    assert_int_equal(event.detail, NAME_EXECUTED);
    assert_int_equal(event.tid, 301);
    assert_int_equal(event.cpu, 7);
    assert_string_equal(event.u.name, "program");
}

static void test_lost(void **state)
{
    (void)state;
    struct record r = begin(PERF_RECORD_LOST, 0);
    put64(&r, 55);
    put64(&r, 12345678901);
    end(&r, 1, 77);
    const struct event event = parse(&r);
    assert_int_equal(event.kind, EVENT_LOST);
    assert_int_equal(event.tid, 0);
    assert_int_equal(event.cpu, 7);
    assert_int_equal(event.time_ns, 77);
    assert_int_equal(event.u.lost.n, 12345678901);
}

static void test_others_are_skipped(void **state)
{
    (void)state;
    struct record r = begin(PERF_RECORD_MMAP, 0);
    end(&r, 1, 1);
    expect_skipped(&r);
    r = begin(9999, 0);
    end(&r, 1, 1);
    expect_skipped(&r);
}

static void test_malformed(void **state)
{
    (void)state;
    struct record r = task_record(PERF_RECORD_FORK, 1, 2);
    for (size_t n = 0; n < r.n; n++)
        expect_malformed(r.bytes, n); /* cut short */

    uint16_t size = 32; /* well-formed as a record, too small for what a FORK holds */
    memcpy(r.bytes + offsetof(struct perf_event_header, size), &size, sizeof size);
    expect_malformed(r.bytes, r.n);
    size = 0; /* would never end */
    memcpy(r.bytes + offsetof(struct perf_event_header, size), &size, sizeof size);
    expect_malformed(r.bytes, r.n);
    size = 37; /* not a multiple of 8 */
    memcpy(r.bytes + offsetof(struct perf_event_header, size), &size, sizeof size);
    expect_malformed(r.bytes, r.n);

    r = begin(PERF_RECORD_COMM, 0);
    put32(&r, 300);
    put32(&r, 301);
    end(&r, 301, 9); /* without a name */
    expect_malformed(r.bytes, r.n);
}

/* A batch is what its records give one by one, whatever mixture they are; it ends where it has to. */
static void test_batch(void **state)
{
    enum { N = 400 };
    static _Alignas(8) unsigned char bytes[N * sizeof(struct record)];
    static struct event events[N], one_by_one[N];
    size_t n = 0, n_events = 0, n_lost = 0, n_wide = 0;
    uint32_t seed = 1;
    (void)state;
    for (unsigned i = 0; i < N; i++) {
        static const uint16_t out[] = {0, PERF_RECORD_MISC_SWITCH_OUT,
                                       PERF_RECORD_MISC_SWITCH_OUT | PERF_RECORD_MISC_SWITCH_OUT_PREEMPT};
        struct record r;
        seed = seed * 1664525 + 1013904223;
        switch (seed >> 28) {
        case 0:
            r = task_record(PERF_RECORD_FORK, 7, 7 + i);
            break;
        case 1:
            r = comm_record(0, "worker\0\0", 8);
            break;
        case 2:
            r = begin(PERF_RECORD_LOST, 0);
            put64(&r, 55);
            put64(&r, i);
            end(&r, 1, i);
            n_lost += i;
            break;
        case 3:
            r = begin(PERF_RECORD_MMAP, 0);
            end(&r, 1, i);
            break;
        case 4:
            r = begin(PERF_RECORD_SWITCH_CPU_WIDE, out[i % 3]);
            put64(&r, 0);
            end(&r, 8, i);
            n_wide++;
            break;
        default: /* some of nobody */
            r = begin(PERF_RECORD_SWITCH, out[i % 3]);
            end(&r, seed >> 20 & 3, i);
        }
        memcpy(bytes + n, r.bytes, r.n);
        bool is_event;
        assert_int_equal(perf_parse(bytes + n, r.n, 5, NULL, &one_by_one[n_events], &is_event), r.n);
        n_events += is_event;
        n += r.n;
    }
    assert_true(n_lost > 0 && n_wide > 0 && n_events < N);
    struct perf_batch batch = perf_parse_batch(bytes, n, 5, NULL, events, N);
    assert_int_equal(batch.n_bytes, n);
    assert_int_equal(batch.n_events, n_events);
    assert_int_equal(batch.n_lost, n_lost);
    assert_memory_equal(events, one_by_one, n_events * sizeof *events);

    size_t n_done = 0, at = 0; /* a few at a time */
    while (n_done < n_events) {
        memset(events, 0, sizeof events);
        batch = perf_parse_batch(bytes + at, n - at, 5, NULL, events, 7);
        assert_int_equal(batch.n_events, n_events - n_done < 7 ? n_events - n_done : 7);
        assert_memory_equal(events, one_by_one + n_done, batch.n_events * sizeof *events);
        n_done += batch.n_events;
        at += batch.n_bytes;
    }
}

static void test_batch_ends_at_what_is_no_record(void **state)
{
    struct record two = begin(PERF_RECORD_SWITCH, 0), more = begin(PERF_RECORD_SWITCH, 0);
    struct event events[4];
    (void)state;
    end(&two, 101, 5);
    end(&more, 102, 6);
    put(&two, more.bytes, more.n);
    for (size_t cut = 1; cut < more.n; cut++) {
        const struct perf_batch batch = perf_parse_batch(two.bytes, two.n - cut, 1, NULL, events, 4);
        assert_int_equal(batch.n_bytes, two.n - more.n);
        assert_int_equal(batch.n_events, 1);
    }
    memset(two.bytes + more.n, 0, sizeof(struct perf_event_header));
    assert_int_equal(perf_parse_batch(two.bytes, two.n, 1, NULL, events, 4).n_bytes, more.n);
    assert_int_equal(perf_parse_batch(two.bytes + more.n, more.n, 1, NULL, events, 4).n_bytes, 0);
    assert_int_equal(perf_parse_batch(two.bytes, 0, 1, NULL, events, 4).n_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_switch_of_nobody_is_skipped),
        cmocka_unit_test(test_task),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_executed),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_others_are_skipped),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_batch_ends_at_what_is_no_record),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("perf_parse", tests, NULL, NULL);
}
