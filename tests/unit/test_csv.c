/* The CSV: what stands in it of a hand-written run, names that mean harm, windows; and that the database
 * tells the same. */
#include "export_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define HEADER                                                                                               \
    "monotonic_ns,start_ns,end_ns,duration_ns,cpu,tid,pid,name,kind,role,run,end_reason,waited_ns\r\n"

static void expect_csv(uint64_t start, uint64_t span, const char *rows)
{
    size_t size;
    char *text = export_written(export_csv, start, span, &size);
    assert_non_null(text);
    assert_int_equal(strncmp(text, HEADER, strlen(HEADER)), 0);
    assert_string_equal(text + strlen(HEADER), rows);
    free(text);
}

static void slices_are_told(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_task(0, B, 0, "B");
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(100, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add(101, B, 0, EVENT_SWITCH_IN, 0);
    export_add(150, B, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    export_add(153, A, 0, EVENT_SWITCH_IN, 0);
    export_add(300, B, 3, EVENT_SWITCH_IN, 0);
    export_add(340, A, 0, EVENT_EXIT, 0);
    timeline_advance(export_tl, START + 400);
    expect_csv(0, 0,
               "1000000010,10,100,90,0,11,11,\"A\",thread,workload,1,preempted,10\r\n"
               "1000000101,101,150,49,0,12,12,\"B\",thread,workload,1,blocked,101\r\n"
               "1000000153,153,340,187,0,11,11,\"A\",thread,workload,1,exited,53\r\n"
               "1000000300,300,400,100,3,12,12,\"B\",thread,workload,1,open,0\r\n");
}

static void a_window_has_whole_slices(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    for (uint64_t t = 100; t < 400; t += 100) {
        export_add(t, A, 0, EVENT_SWITCH_IN, 0);
        export_add(t + 50, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    }
    export_add(500, A, 0, EVENT_SWITCH_IN, 0);
    export_add(500, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    timeline_advance(export_tl, START + 600);
    const char *second = "1000000200,200,250,50,0,11,11,\"A\",thread,workload,1,blocked,0\r\n";
    expect_csv(220, 10, second);
    expect_csv(150, 150, second); /* half open: what ends or begins at its ends is not in it */
    expect_csv(250, 50, "");
    expect_csv(500, 1, "1000000500,500,500,0,0,11,11,\"A\",thread,workload,1,blocked,0\r\n");
    expect_csv(501, UINT64_MAX, "");
    expect_csv(0, 100, "");
}

static void expect_name(const char *name, const char *field)
{
    char row[256];
    timeline_free(export_tl);
    export_begin(NULL);
    export_add_task(0, A, A, name);
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(20, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    snprintf(row, sizeof row, "1000000010,10,20,10,0,11,11,%s,thread,workload,1,blocked,10\r\n", field);
    expect_csv(0, 0, row);
}

static void names_do_no_harm(void **state)
{
    (void)state;
    expect_name("=1+1", "\"'=1+1\"");
    expect_name("+1", "\"'+1\"");
    expect_name("-1", "\"'-1\"");
    expect_name("@SUM(A1)", "\"'@SUM(A1)\"");
    expect_name("a=b", "\"a=b\"");
    expect_name("\t=1", "\"\\x09=1\"");
    expect_name("\r=1", "\"\\x0d=1\"");
    expect_name("a\r\nb", "\"a\\x0d\\x0ab\"");
    expect_name("say \"hi\", you", "\"say \"\"hi\"\", you\"");
    expect_name("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
                "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"");
    expect_name("\xff\xfe\x01\x1b[31m", "\"\\xff\\xfe\\x01\\x1b[31m\"");
    expect_name("\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12",
                "\"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x0b\\x0c\\x0e\\x0f\\x10\\x11\\x12\"");
    expect_name("na\u00efve", "\"na\u00efve\"");
    expect_name("", "\"\"");
}

static void an_empty_run_has_a_header(void **state)
{
    (void)state;
    expect_csv(0, 0, "");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    const struct report report = export_report();
    const struct export_window window = {0};
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        print_message("# no /dev/full\n");
        skip();
    }
    export_add_random(1, 2);
    assert_false(export_csv(&report, export_tl, &window, full));
    fclose(full);
}

/* ---- the database ---- */

static sqlite3 *database_of(char *path)
{
    const struct report report = export_report();
    struct err err;
    sqlite3 *db = NULL;
    close(mkstemp(path));
    if (!export_sqlite(&report, export_tl, path, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    unlink(path);
    return db;
}

/* The CSV as the database would write it. */
static char *csv_of(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            fprintf(out, "%s%s", i ? "," : "", value ? value : "");
        }
        fputs("\r\n", out);
    }
    sqlite3_finalize(stmt);
    fclose(out);
    return text;
}

static void the_database_tells_the_same(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        timeline_free(export_tl);
        export_begin(NULL);
        export_add_random(seed, 1 + (int)seed);
        char path[] = "/tmp/test_csv-XXXXXX";
        sqlite3 *db = database_of(path);
        char *rows = csv_of(
            db, "SELECT s.start_ns + r.start_ns, s.start_ns, s.end_ns, s.duration_ns, s.cpu, t.tid, t.pid,"
                " '\"' || t.name || '\"', t.kind, t.role, t.run, s.end_reason, s.waited_ns"
                " FROM slice s JOIN task t ON t.id = s.task_id, report r ORDER BY s.id");
        assert_true(strlen(rows) > 50000);
        expect_csv(0, 0, rows);
        free(rows);
        /* A switch is the end of a slice, and names the task of the next one on its CPU, and the time between
         * them, but across holes. */
        rows = csv_of(db, "SELECT count(*) FROM slice s LEFT JOIN switch w ON w.slice_id = s.id"
                          " WHERE (w.slice_id IS NULL) != (s.end_reason IN ('open', 'lost'))"
                          " OR w.time_ns != s.end_ns OR w.cpu != s.cpu OR w.from_task != s.task_id"
                          " OR w.voluntary != (s.end_reason IN ('blocked', 'exited'))");
        assert_string_equal(rows, "0\r\n");
        free(rows);
        rows = csv_of(
            db, "SELECT count(*) FROM (SELECT w.*, s.end_ns, lead(s.task_id) OVER lane AS next_task,"
                " lead(s.start_ns) OVER lane AS next_start FROM slice s JOIN switch w ON w.slice_id = s.id"
                " WINDOW lane AS (PARTITION BY s.cpu ORDER BY s.id)) x"
                " WHERE to_task IS NOT NULL AND NOT EXISTS (SELECT 1 FROM slice l WHERE l.cpu = x.cpu AND"
                " l.end_reason = 'lost' AND l.start_ns >= x.end_ns AND l.start_ns <= x.next_start)"
                " AND (to_task != next_task OR gap_ns != next_start - end_ns)");
        assert_string_equal(rows, "0\r\n");
        free(rows);
        sqlite3_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slices_are_told, export_begin, export_end),
        cmocka_unit_test_setup_teardown(a_window_has_whole_slices, export_begin, export_end),
        cmocka_unit_test_setup_teardown(names_do_no_harm, export_begin, export_end),
        cmocka_unit_test_setup_teardown(an_empty_run_has_a_header, export_begin, export_end),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told, export_begin, export_end),
        cmocka_unit_test_setup_teardown(the_database_tells_the_same, export_begin, export_end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
