/* What a recording knows beside its events: comes back as it was, and does no harm whatever it says. */
#include "../../src/clock.h"
#include "../../src/export/export.h"
#include "../../src/record/recorder.h"
#include "../../src/report.h"
#include "../../src/session/facts.h"
#include "../../src/session/trace.h"
#include "../plausible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Its texts point into itself: it stays where it is. */
static void read_facts(struct session_facts *facts, const char *text)
{
    struct err err = {""};
    if (!facts_read(facts, text, strlen(text), &err))
        fail_msg("%s: %s", text, err.msg);
}

static void all_is_read(void **state)
{
    (void)state;
    struct session_facts f;
    read_facts(
        &f,
        "{\"schedviz\": \"9.9\", \"date\": \"2026-11-22T09:00:00+0000\", \"host\": \"box\", \"later\": "
        "{\"x\": [1]},"
        " \"machine\": {\"kernel\": \"6.18\", \"model\": \"C\", \"present\": \"0-3\", \"online\": \"0-3\","
        "  \"allowed\": \"0,2\", \"cores\": 2, \"packages\": 1, \"kinds\": 1, \"cpus\": [{\"cpu\": 0, "
        "\"core\": 0,"
        "  \"package\": 0, \"thread\": 0, \"threads\": 2, \"kind\": 0}, {\"cpu\": 2, \"core\": 1, "
        "\"threads\": 2}]},"
        " \"name\": \"locks\", \"kind\": 1, \"placement\": 1, \"tasks\": 7, \"work_ns\": "
        "18446744073709551615,"
        " \"cpus\": \"0,2\", \"source\": \"perf\", \"all\": true, \"exact\": true, \"reason\": null, "
        "\"lost\": 3,"
        " \"late\": 4, \"finished\": true, \"observer_cpu\": 2, \"self_told\": true, \"default_role\": 4, "
        "\"memory\": 1000,"
        " \"program\": {\"command\": true, \"pid\": 77, \"ended\": true, \"known\": true, \"status\": 768, "
        "\"nice\": -5},"
        " \"runs\": [{\"number\": 1, \"cpus\": \"2\", \"start_ns\": 10, \"end_ns\": 20, \"complete\": true,"
        " \"counters\": [{\"found\": -7, \"expected\": 9}, {\"object\": 3, \"found\": 5, \"expected\": 5}]}, "
        "{}],"
        " \"reference\": 1, \"comparison\": 4, \"warnings\": [\"one\", \"two\"], \"file\": \"a.yaml\", "
        "\"text\": \"tasks: 1\\n\","
        " \"steps\": [5, 0], \"answers\": [{\"predicted\": true, \"prediction\": 2.5, \"choice\": -1}]}");
    assert_string_equal(f.made_by, "9.9");
    assert_string_equal(f.made_at, "2026-11-22T09:00:00+0000");
    assert_string_equal(f.host, "box");
    assert_string_equal(f.machine.kernel, "6.18");
    assert_int_equal(cpuset_count(&f.machine.online), 4);
    assert_int_equal(cpuset_count(&f.machine.allowed), 2);
    assert_int_equal(f.machine.n_cpus, 2);
    assert_int_equal(f.machine.cpus[1].cpu, 2);
    assert_int_equal(f.machine.cpus[1].core, 1);
    assert_string_equal(f.info.workload.name, "locks");
    assert_int_equal(f.info.workload.kind, TASK_PROCESS);
    assert_int_equal(f.info.workload.placement, PLACEMENT_FREE);
    assert_int_equal(f.info.workload.n_tasks, 7);
    assert_true(f.info.workload.work_ns == UINT64_MAX);
    assert_string_equal(f.info.source, "perf");
    assert_null(f.info.reason);
    assert_int_equal(f.info.n_lost, 3);
    assert_true(f.info.all && f.info.exact && f.info.finished && f.self_told);
    assert_int_equal(f.info.observer_cpu, 2);
    assert_int_equal(f.default_role, ROLE_OTHER);
    assert_true(f.has_target && f.target.is_command && f.target.known);
    assert_int_equal(f.target.status, 768);
    assert_int_equal(f.target.nice, -5);
    assert_int_equal(f.n_runs, 2);
    assert_int_equal(f.runs[0].end_ns, 20);
    assert_true(f.runs[0].complete);
    assert_int_equal(f.runs[0].n_sums, 2);
    assert_int_equal(f.runs[0].sums[0].object, 0);
    assert_int_equal(f.runs[0].sums[0].found, -7);
    assert_int_equal(f.runs[0].sums[0].expected, 9);
    assert_int_equal(f.runs[0].sums[1].object, 3);
    assert_int_equal(f.runs[1].n_sums, 0);
    assert_int_equal(f.comparison, COMPARE_FINISHED_TOGETHER);
    assert_int_equal(f.n_warnings, 2);
    assert_string_equal(f.warnings[1], "two");
    assert_string_equal(f.text, "tasks: 1\n");
    assert_int_equal(f.n_steps, 2);
    assert_int_equal(f.steps[0].begun_ns, 5);
    assert_int_equal(f.n_answers, 1);
    assert_true(f.answers[0].is_predicted && f.answers[0].prediction > 2.4 &&
                f.answers[0].right_choice == -1);
    facts_fini(&f);
}

static void what_is_not_there_is_empty(void **state)
{
    (void)state;
    struct session_facts f;
    read_facts(&f, "{}");
    assert_string_equal(f.made_by, "");
    assert_int_equal(f.machine.n_cpus + f.n_runs + f.n_warnings + f.n_steps + f.n_answers, 0);
    assert_false(f.has_target);
    assert_null(f.text);
    assert_string_equal(f.info.workload.name, "");
    facts_fini(&f);
    facts_fini(&f); /* twice is as once */
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    const char *texts[] = {
        "", "[]", "5", "\"x\"", "null", "{", "{\"a\":", "nonsense", "[[[[[[[[[[[[[[[[[[[[[[[[", "\xff\xfe"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct session_facts f;
        struct err err = {""};
        assert_false(facts_read(&f, texts[i], strlen(texts[i]), &err));
        assert_true(err.msg[0] && !strchr(err.msg, '\n'));
    }
}

/* Each value in the place of each other one: numbers are brought into their bounds, and nothing else happens.
 */
static void wrong_values_do_no_harm(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "schedviz",     "date",         "host",   "machine", "name",    "kind",   "placement", "tasks",
        "work_ns",      "cpus",         "source", "all",     "exact",   "reason", "lost",      "finished",
        "observer_cpu", "default_role", "memory", "now_ns",  "program", "runs",   "reference", "comparison",
        "warnings",     "file",         "text",   "steps",   "answers"};
    static const char *const values[] = {
        "null",
        "true",
        "-1",
        "99999999999999999999999",
        "-9223372036854775808",
        "1e308",
        "NaN",
        "\"\"",
        "\"x\\u0000y\"",
        "\"0-99999999999\"",
        "[]",
        "[null, 1, \"x\", [], {}]",
        "{}",
        "[{\"counters\": [null, 5, {\"found\": -9e18, \"expected\": 9223372036854775807}]}]",
        "{\"cpus\": [null, 5, {\"cpu\": -1}, {\"cpu\": 1e9}], \"online\": \"-\"}"};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        for (unsigned k = 0; k < sizeof values / sizeof *values; k++) {
            char text[256];
            snprintf(text, sizeof text, "{\"%s\": %s}", keys[i], values[k]);
            struct session_facts f;
            read_facts(&f, text);
            assert_in_range(f.info.workload.kind, TASK_THREAD, TASK_GREEN);
            assert_in_range(f.default_role, ROLE_UNKNOWN, ROLE_OTHER);
            assert_in_range(f.comparison, COMPARE_NONE, COMPARE_FINISHED_IN_TURN);
            assert_true(f.info.observer_cpu >= -1 && f.info.observer_cpu < CPUSET_MAX);
            facts_fini(&f);
        }
}

/* ---- a live session ---- */

static void a_session_comes_back_as_it_was(void **state)
{
    (void)state;
    struct machine machine;
    struct err err = {""};
    struct session_info was;
    assert_true(machine_load(&machine, &err));
    struct session_config config = {
        .workload = {.name = "a\xff\"\\\n\x1b", .n_tasks = 2, .work_ns = NS_PER_MS},
        .cpus = machine.allowed,
        .source = SOURCE_PROC};
    struct session *session = session_start(&config, &machine, &err);
    if (!session)
        fail_msg("%s", err.msg);
    assert_true(session_wait_started(session, &err));
    session_info(session, &was);
    char *text = facts_write(session, &machine, NULL), *again = facts_write(session, &machine, NULL);
    struct session_facts f;
    read_facts(&f, text);
    assert_string_equal(f.info.workload.name, config.workload.name);
    assert_int_equal(f.info.workload.n_tasks, 2);
    assert_int_equal(f.info.workload.work_ns, NS_PER_MS);
    assert_string_equal(f.info.source, "proc");
    assert_int_equal(f.info.exact, was.exact);
    assert_string_equal(f.info.reason ? f.info.reason : "", was.reason ? was.reason : "");
    assert_memory_equal(&f.info.cpus, &was.cpus, sizeof was.cpus);
    assert_memory_equal(&f.machine.online, &machine.online, sizeof machine.online);
    assert_memory_equal(&f.machine.allowed, &machine.allowed, sizeof machine.allowed);
    assert_int_equal(f.machine.n_cpus, machine.n_cpus);
    for (unsigned i = 0; i < machine.n_cpus; i++)
        assert_memory_equal(&f.machine.cpus[i], &machine.cpus[i], sizeof machine.cpus[i]);
    assert_int_equal(f.n_runs, session_n_runs(session));
    assert_int_equal(f.runs[0].number, 1);
    assert_int_equal(f.runs[0].n_tasks, 2);
    assert_memory_equal(&f.runs[0].cpus, &session_run(session, 0)->cpus, sizeof f.runs[0].cpus);
    assert_int_equal(f.n_warnings, session_n_warnings(session));
    facts_fini(&f);
    free(text);
    free(again);
    session_free(session);
    machine_fini(&machine);
}

/* ---- a recording that says anything ---- */

static char directory[] = "/tmp/schedviz-facts.XXXXXX", path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/a.svz", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void record(const char *facts)
{
    static struct event events[600];
    struct plausible *machine = plausible_new(2, 4, 1);
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct err err = {""};
    assert_true(recorder_start(recorder, path, true, UINT64_MAX, &err));
    const size_t n = plausible_events(machine, events, 500);
    timeline_sink(timeline)->push(timeline_sink(timeline), events, n);
    recorder_sink(recorder)->push(recorder_sink(recorder), events, n);
    if (facts)
        assert_true(recorder_facts(recorder, events[0].time_ns, false, FACTS_NAME, facts));
    assert_true(recorder_stop(recorder, &err));
    recorder_free(recorder);
    timeline_free(timeline);
    plausible_free(machine);
}

/* What the replay says of it, for the caller to free. */
static char *report_of(bool (*export)(const struct report *, FILE *), bool by_window)
{
    struct machine machine = {0};
    struct err err = {""};
    struct report report;
    char *text = NULL;
    size_t n = 0;
    struct trace *trace = trace_open(path, &err);
    if (!trace)
        fail_msg("%s", err.msg);
    const struct session_replay what = {.traces = &trace, .n_traces = 1, .by_window = by_window};
    struct session *session = session_replay(&what, &machine, &err);
    if (!session)
        fail_msg("%s", err.msg);
    FILE *out = open_memstream(&text, &n);
    report_init(&report, session, &machine);
    assert_true(export(&report, out));
    report_fini(&report);
    fclose(out);
    session_show(session, 0, UINT64_MAX, 0);
    session_turn(session);
    session_free(session);
    machine_fini(&machine);
    return text;
}

static void a_recording_without_facts_is_shown(void **state)
{
    (void)state;
    const char *facts[] = {NULL, "nonsense", "{}", "[1]"};
    for (unsigned i = 0; i < 4; i++) {
        record(facts[i]);
        char *text = report_of(export_text, false);
        assert_non_null(strstr(text, "slices"));
        free(text);
    }
}

/* What a file calls itself commands no terminal. */
static void names_are_made_harmless(void **state)
{
    (void)state;
#define EVIL "\"\\u001b]0;evil\\u0007\\u001b[2J\\n\\r\\u009b\""
    record("{\"schedviz\": " EVIL ", \"date\": " EVIL ", \"host\": " EVIL ", \"name\": " EVIL
           ", \"source\": " EVIL ", \"reason\": " EVIL ", \"warnings\": [" EVIL ", " EVIL
           "], \"machine\": {\"kernel\": " EVIL ", \"model\": " EVIL "}, \"file\": " EVIL ", \"text\": " EVIL
           ", \"program\": {\"command\": true, \"ended\": true, \"known\": true}}");
    bool (*const exports[])(const struct report *, FILE *) = {export_text, export_json};
    for (unsigned i = 0; i < 2; i++) {
        char *text = report_of(exports[i], false);
        for (const char *c = text; *c; c++)
            if ((*c < ' ' && *c >= 0 && *c != '\n') || *c == 0x7f)
                fail_msg("a control character in: %.40s", c > text + 20 ? c - 20 : text);
        assert_null(strstr(text, "\xc2\x9b"));
        free(text);
    }
}

/* Numbers of a plausible text in whose place come absurd ones. */
static void absurd_facts_do_no_harm(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",
                                          "1",
                                          "-1",
                                          "65535",
                                          "65536",
                                          "2147483647",
                                          "4294967296",
                                          "3600000000000",
                                          "18446744073709551615",
                                          "1e300"};
    static const char *const sets[] = {"", "0", "0-1", "5-9", "1023", "0-1023", "x"};
    uint64_t seed = 99;
#define NUMBER numbers[random_below(&seed, 10)]
#define SET    sets[random_below(&seed, 7)]
    for (unsigned round = 0; round < 150; round++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "{\"machine\": {\"online\": \"%s\", \"allowed\": \"%s\", \"cores\": %s, \"packages\": %s, "
                 "\"kinds\": %s,"
                 " \"cpus\": [{\"cpu\": %s, \"core\": %s, \"threads\": %s}, {\"cpu\": %s}]}, \"name\": "
                 "\"x\", \"kind\": %s,"
                 " \"placement\": %s, \"tasks\": %s, \"work_ns\": %s, \"cpus\": \"%s\", \"source\": "
                 "\"perf\", \"lost\": %s,"
                 " \"observer_cpu\": %s, \"default_role\": %s, \"memory\": %s, \"now_ns\": %s, \"runs\": ["
                 "{\"cpus\": \"%s\", \"tasks\": %s, \"work_ns\": %s, \"start_ns\": %s, \"end_ns\": %s, "
                 "\"complete\": true},"
                 "{\"cpus\": \"%s\", \"tasks\": %s, \"work_ns\": %s, \"start_ns\": %s, \"end_ns\": %s}], "
                 "\"reference\": %s,"
                 " \"comparison\": %s, \"steps\": [%s, %s], \"answers\": [{\"value\": %s, \"choice\": %s}]}",
                 SET, SET, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER,
                 NUMBER, SET, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, SET, NUMBER, NUMBER, NUMBER, NUMBER,
                 SET, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER);
        record(text);
        free(report_of(round % 2 ? export_text : export_json, round % 3 == 0));
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(wrong_values_do_no_harm),
        cmocka_unit_test(a_session_comes_back_as_it_was),
        cmocka_unit_test(a_recording_without_facts_is_shown),
        cmocka_unit_test(names_are_made_harmless),
        cmocka_unit_test(absurd_facts_do_no_harm),
    };
    return cmocka_run_group_tests_name("facts", tests, make_directory, remove_directory);
}
