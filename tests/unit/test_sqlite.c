/* The database: what stands in it of a hand-written run, holes and odd events included, and how it fails. */
#include "../../src/export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define START UINT64_C(1000000000)

enum { A = 11, B = 12 };

static struct timeline *tl;
static char path[64];
static sqlite3 *db;
static const struct alert *alerts[2];
static unsigned n_alerts;

static struct event event_of(uint64_t t, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    return (struct event){.time_ns = START + t,
                          .tid = tid,
                          .cpu = (int16_t)cpu,
                          .kind = (uint8_t)kind,
                          .detail = (uint8_t)detail};
}

static void push(const struct event *event)
{
    timeline_sink(tl)->push(timeline_sink(tl), event, 1);
}

static void add(uint64_t t, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    struct event event = event_of(t, tid, cpu, kind, detail);
    push(&event);
}

static void add_task(uint64_t t, int tid, const char *name)
{
    struct event event = event_of(t, tid, -1, EVENT_NEW, 0);
    event.u.task.pid = 10;
    event.u.task.slot = tid - A;
    event.u.task.run = 1;
    event.u.task.role = ROLE_WORKLOAD;
    push(&event);
    event = event_of(t, tid, -1, EVENT_NAME, 0);
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    push(&event);
}

static void add_lost(uint64_t t, int cpu, uint64_t n)
{
    struct event event = event_of(t, 0, cpu, EVENT_LOST, 0);
    event.u.lost.n = n;
    push(&event);
}

static void add_mark(uint64_t t, const char *text)
{
    struct event event = event_of(t, 0, -1, EVENT_MARK, 0);
    snprintf(event.u.name, sizeof event.u.name, "%s", text);
    push(&event);
}

static int begin(void **state)
{
    (void)state;
    tl = timeline_new(1 << 20);
    strcpy(path, "/tmp/test_sqlite-XXXXXX");
    close(mkstemp(path));
    return 0;
}

static int end(void **state)
{
    (void)state;
    sqlite3_close(db);
    db = NULL;
    unlink(path);
    timeline_free(tl);
    return 0;
}

static bool export(struct err *err)
{
    static struct machine machine;
    struct report_cpu cpus[8];
    unsigned n_cpus = 0;
    for (int cpu = 0; cpu < timeline_n_cpus(tl) && n_cpus < 8; cpu++) {
        cpus[n_cpus].cpu = cpu;
        timeline_cpu_totals(tl, cpu, &cpus[n_cpus].totals);
        n_cpus += cpus[n_cpus].totals.n_slices > 0;
    }
    strcpy(machine.kernel, "6.18");
    struct report report = {
        .info = {.workload = {.name = "hand", .n_tasks = 3}, .source = "perf", .exact = true},
        .machine = &machine,
        .start_ns = START,
        .duration_ns = 1000,
        .cost_known = true,
        .cpus = cpus,
        .n_cpus = n_cpus,
        .alerts = alerts,
        .n_alerts = n_alerts,
    };
    return export_sqlite(&report, tl, path, err);
}

static void export_and_open(void)
{
    struct err err;
    if (!export(&err))
        fail_msg("%s", err.msg);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
}

/* All rows, columns parted by spaces and rows by |. NULL is -. */
static void expect_rows(const char *sql, const char *rows)
{
    char seen[1024] = "";
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            size_t n = strlen(seen);
            snprintf(seen + n, sizeof seen - n, "%s%s", i ? " " : n ? "|" : "", text ? text : "-");
        }
    }
    sqlite3_finalize(stmt);
    assert_string_equal(seen, rows);
}

static void expect_sound(void)
{
    expect_rows("PRAGMA integrity_check", "ok");
    expect_rows("PRAGMA foreign_key_check", "");
    expect_rows("PRAGMA user_version", "1");
    expect_rows("SELECT count(*) FROM slice WHERE end_reason NOT IN ('open', 'lost') AND id NOT IN"
                " (SELECT slice_id FROM switch)",
                "0");
}

static void slices_and_switches_are_told(void **state)
{
    (void)state;
    add_task(0, A, "A");
    add_task(0, B, "B");
    add(10, A, 0, EVENT_SWITCH_IN, 0);
    add(100, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    add(101, B, 0, EVENT_SWITCH_IN, 0);
    add(150, B, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    add(153, A, 0, EVENT_SWITCH_IN, 0);
    add_mark(160, "core +1");
    add(200, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    add(260, A, 0, EVENT_SWITCH_IN, 0);
    add(300, B, 3, EVENT_SWITCH_IN, 0);
    add(340, A, 0, EVENT_EXIT, 0);
    timeline_advance(tl, START + 400);
    export_and_open();
    expect_sound();
    expect_rows(
        "SELECT task_id, cpu, start_ns, end_ns, duration_ns, waited_ns, end_reason FROM slice ORDER BY id",
        "0 0 10 100 90 10 preempted|1 0 101 150 49 101 blocked|0 0 153 200 47 53 preempted|"
        "0 0 260 340 80 60 exited|1 3 300 400 100 0 open");
    /* The same task after a gap: somebody unseen ran, so it is no cost. */
    expect_rows(
        "SELECT time_ns, cpu, from_task, voluntary, to_task, gap_ns, cost_ns FROM switch ORDER BY slice_id",
        "100 0 0 0 1 1 1|150 0 1 1 0 3 3|200 0 0 0 0 60 -|340 0 0 1 - - -");
    expect_rows("SELECT * FROM mark", "160 core +1");
    expect_rows("SELECT cpu, busy_ns, slices, switches FROM cpu", "0 266 4 4|3 100 1 0");
    expect_rows("SELECT tid, pid, name, role, run, start_ns, end_ns, exited, exit_code FROM task",
                "11 10 A workload 1 0 340 1 -|12 10 B workload 1 0 400 0 -");
    expect_rows(
        "SELECT t.voluntary - count(*) FROM task t JOIN switch s ON s.from_task = t.id WHERE s.voluntary"
        " GROUP BY t.id",
        "0|0");
    expect_rows("SELECT start_ns, duration_ns, source_switches, workload_name, makespan_ns FROM report",
                "1000000000 1000 perf hand -");
}

static void nothing_is_told_across_a_hole(void **state)
{
    (void)state;
    add_task(0, A, "A");
    add_task(0, B, "B");
    add(10, A, 0, EVENT_SWITCH_IN, 0);
    add(20, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    add_lost(30, 1, 5);
    add_lost(40, 0, 7);
    add(50, B, 0, EVENT_SWITCH_IN, 0);
    add_lost(70, 0, 1);
    add(80, A, 0, EVENT_SWITCH_IN, 0);
    add(90, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    add(91, B, 0, EVENT_SWITCH_IN, 0);
    add(95, B, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    timeline_advance(tl, START + 100);
    export_and_open();
    expect_sound();
    expect_rows("SELECT time_ns, from_task, to_task, gap_ns FROM switch ORDER BY slice_id",
                "20 0 - -|90 0 1 1|95 1 - -");
    expect_rows("SELECT end_reason FROM slice ORDER BY id", "blocked|lost|blocked|blocked");
    expect_rows("SELECT * FROM hole WHERE cpu = 0", "0 20 40 7|0 50 70 1");
}

/* Slices of no length at one instant, a name of any bytes, and what was before the run. */
static void odd_events_are_kept(void **state)
{
    (void)state;
    add_task(0, A, "a\x1b[31m\xff'");
    for (int i = 0; i < 3; i++) {
        add(10, A, 0, EVENT_SWITCH_IN, 0);
        add(10, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    }
    timeline_advance(tl, START + 20);
    export_and_open();
    expect_sound();
    expect_rows("SELECT name FROM task", "a\\x1b[31m\\xff'");
    expect_rows("SELECT count(*), sum(duration_ns) FROM slice", "3 0");
    expect_rows("SELECT count(*) FROM switch", "3");
}

/* More than the timeline holds: what is left is told, and from when on. */
static void history_that_was_dropped_is_no_gap(void **state)
{
    (void)state;
    add_task(0, A, "A");
    for (uint64_t i = 1; i <= 200000; i++) {
        add(10 * i, A, (int)(i % 2), EVENT_SWITCH_IN, 0);
        add(10 * i + 5, A, (int)(i % 2), EVENT_SWITCH_OUT, OUT_BLOCKED);
    }
    timeline_advance(tl, START + 3000000);
    assert_true(timeline_edge_ns(tl) > START + 10);
    export_and_open();
    expect_sound();
    expect_rows(
        "SELECT min(end_ns) > history_ns, max(end_ns), count(*) > 1000, count(*) < 200000 FROM slice, report",
        "1 2000005 1 1");
    expect_rows("SELECT count(*) - (SELECT count(*) FROM slice WHERE end_ns > history_ns) FROM slice, report",
                "0");
    expect_rows("SELECT count(DISTINCT gap_ns), max(gap_ns) FROM switch", "1 15");
    expect_rows("SELECT slices FROM task", "200000");
}

static void alerts_and_samples_are_told(void **state)
{
    (void)state;
    const struct alert deadlock = {.kind = ALERT_DEADLOCK,
                                   .since_ns = START + 100,
                                   .time_ns = START + 200,
                                   .text = "deadlock: A wants a\033lock, held by B"};
    const struct alert queue = {.kind = ALERT_QUEUE_GROWS,
                                .since_ns = START,
                                .time_ns = START + 5,
                                .ended_ns = START + 9,
                                .text = "q"};
    add_task(0, A, "A");
    add_task(0, B, "B");
    struct event sample = event_of(5, A, -1, EVENT_SAMPLE, SAMPLE_STATE);
    sample.u.state.letter = 'S';
    sample.u.state.found = FOUND_SAMPLED;
    push(&sample);
    alerts[0] = &deadlock;
    alerts[1] = &queue;
    n_alerts = 2;
    export_and_open();
    n_alerts = 0;
    expect_sound();
    expect_rows("SELECT * FROM alert", "deadlock 100 200 - deadlock: A wants a\\x1block, held by B|"
                                       "queue_grows 0 5 9 q");
    expect_rows("SELECT name, sampled FROM task", "A 1|B 0");
    expect_rows("SELECT source_sampled_tasks FROM report", "0");
}

static void an_empty_run_is_a_database(void **state)
{
    (void)state;
    export_and_open();
    expect_sound();
    expect_rows("SELECT count(*) FROM slice", "0");
    expect_rows("SELECT count(*) FROM report", "1");
}

static void failures_are_one_line(void **state)
{
    (void)state;
    struct err err;
    char there[64];
    memcpy(there, path, sizeof there);
    strcpy(path, "/nonexistent/directory/x");
    assert_false(export(&err));
    assert_non_null(strstr(err.msg, "open"));
    memcpy(path, there, sizeof path);
    char link[80];
    snprintf(link, sizeof link, "%s-link", there);
    assert_int_equal(symlink(there, link), 0);
    strcpy(path, link);
    bool written = export(&err);
    unlink(link);
    memcpy(path, there, sizeof path);
    assert_false(written);
    assert_null(strchr(err.msg, '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slices_and_switches_are_told, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_told_across_a_hole, begin, end),
        cmocka_unit_test_setup_teardown(odd_events_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(history_that_was_dropped_is_no_gap, begin, end),
        cmocka_unit_test_setup_teardown(alerts_and_samples_are_told, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_run_is_a_database, begin, end),
        cmocka_unit_test_setup_teardown(failures_are_one_line, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
