/* The trace for Perfetto: its packets are unpacked again, and what they say of hand-written runs is compared.
 */
#include "export_fixture.h"

#include <perfetto.pb-c.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- reading ---- */

static size_t take_varint(const char **at, const char *end)
{
    size_t value = 0;
    for (unsigned shift = 0; *at < end; shift += 7) {
        const unsigned char byte = (unsigned char)*(*at)++;
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    fail_msg("a number has no end");
    return 0;
}

/* Visits all packets of the window. */
static void read_packets(uint64_t start, uint64_t span,
                         void (*visit)(const Perfetto__TracePacket *packet, FILE *out), FILE *out)
{
    size_t size;
    char *trace = export_written(export_perfetto, start, span, &size);
    assert_non_null(trace);
    const char *at = trace, *end = trace + size;
    while (at < end) {
        assert_int_equal(*at++, 1 << 3 | 2);
        const size_t n = take_varint(&at, end);
        assert_true(n <= (size_t)(end - at));
        Perfetto__TracePacket *packet = perfetto__trace_packet__unpack(NULL, n, (const uint8_t *)at);
        assert_non_null(packet);
        assert_int_equal(packet->base.n_unknown_fields, 0);
        assert_int_equal(packet->trusted_packet_sequence_id, 1);
        visit(packet, out);
        perfetto__trace_packet__free_unpacked(packet, NULL);
        at += n;
    }
    free(trace);
}

static void expect_told(uint64_t start, uint64_t span,
                        void (*visit)(const Perfetto__TracePacket *packet, FILE *out), const char *lines)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    read_packets(start, span, visit, out);
    fclose(out);
    assert_string_equal(text, lines);
    free(text);
}

/* "CPU TIME who -state-> who": a switch. "CPU TIME + who": a wake, ++ of a new one, x its end. Times count
 * from START. "lost" stands before the first event of a bundle that says so. */
static void tell_event(const Perfetto__FtraceEvent *e, unsigned cpu, FILE *out)
{
    const Perfetto__SchedSwitch *s = e->sched_switch;
    fprintf(out, "%u %" PRId64 " ", cpu, (int64_t)(e->timestamp - START));
    if (s) {
        assert_int_equal(e->pid, s->prev_pid);
        fprintf(out, "%s -%" PRIx64 "-> %s\n", s->prev_comm, s->prev_state, s->next_comm);
    } else if (e->sched_process_free) {
        fprintf(out, "x %s\n", e->sched_process_free->comm);
    } else {
        const Perfetto__SchedWake *wake = e->sched_waking ? e->sched_waking : e->sched_wakeup_new;
        assert_int_equal(wake->target_cpu, cpu);
        fprintf(out, "%s %s\n", e->sched_waking ? "+" : "++", wake->comm);
    }
}

static void tell_events(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__FtraceEventBundle *b = packet->ftrace_events;
    for (size_t i = 0; b && i < b->n_event; i++) {
        if (i == 0 && b->lost_events)
            fputs("lost\n", out);
        tell_event(b->event[i], b->cpu, out);
    }
}

static void tell_switches(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__FtraceEventBundle *b = packet->ftrace_events;
    for (size_t i = 0; b && i < b->n_event; i++)
        if (b->event[i]->sched_switch)
            tell_event(b->event[i], b->cpu, out);
}

/* The first mention of a track is its name, in brackets where it has a parent. */
static void tell_tracks(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__TrackDescriptor *track = packet->track_descriptor;
    const Perfetto__TrackEvent *e = packet->track_event;
    if (track)
        fprintf(out, track->has_parent_uuid ? "(%s)\n" : "%s\n", track->name);
    if (!e)
        return;
    assert_int_equal(packet->timestamp_clock_id, PERFETTO__BUILTIN_CLOCK__BUILTIN_CLOCK_MONOTONIC);
    const char *type = e->type == PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN ? "["
                       : e->type == PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END ? "]"
                                                                                : "|";
    fprintf(out, "%" PRId64 " %s %s\n", (int64_t)(packet->timestamp - START), type, e->name ? e->name : "");
}

static void tell_process_tree(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__ProcessTree *tree = packet->process_tree;
    for (size_t i = 0; tree && i < tree->n_processes; i++)
        if (tree->processes[i]->pid < 1 << 22)
            fprintf(out, "process %d %s\n", tree->processes[i]->pid, tree->processes[i]->cmdline[0]);
    for (size_t i = 0; tree && i < tree->n_threads; i++)
        if (tree->threads[i]->tid < 1 << 22)
            fprintf(out, "%" PRId64 " %d of %d %s\n", (int64_t)(packet->timestamp - START),
                    tree->threads[i]->tid, tree->threads[i]->tgid, tree->threads[i]->name);
}

static void tell_head(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__ClockSnapshot *clocks = packet->clock_snapshot;
    if (clocks) {
        assert_int_equal(packet->sequence_flags, 1);
        fprintf(out, "primary %d:", clocks->primary_trace_clock);
        for (size_t i = 0; i < clocks->n_clocks; i++)
            fprintf(out, " %u=%" PRId64, clocks->clocks[i]->clock_id,
                    (int64_t)(clocks->clocks[i]->timestamp - START));
        fputc('\n', out);
    }
    if (packet->system_info)
        fprintf(out, "%s %s\n", packet->system_info->utsname->sysname, packet->system_info->utsname->release);
    const Perfetto__FtraceStats *stats = packet->ftrace_stats;
    for (size_t i = 0; stats && i < stats->n_cpu_stats; i++)
        fprintf(out, "phase %d cpu %" PRIu64 ": %" PRIu64 "\n", stats->phase, stats->cpu_stats[i]->cpu,
                stats->cpu_stats[i]->overrun);
}

/* ---- tests ---- */

static void slices_become_switches(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_task(0, B, A, "B");
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(100, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add(101, B, 0, EVENT_SWITCH_IN, 0); /* had waited: the gap is the switch */
    export_add(150, B, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    export_add(153, A, 0, EVENT_SWITCH_IN, 0);
    export_add(200, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    export_add_wake(250, B, 0);
    export_add(260, B, 0, EVENT_SWITCH_IN, 0); /* idle before: nobody waited all the while */
    export_add(300, B, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add(310, B, 0, EVENT_SWITCH_IN, 0); /* the same again: somebody else ran */
    export_add_wake(315, A, 0);
    export_add(330, B, 0, EVENT_EXIT, 0);
    export_add(331, A, 0, EVENT_SWITCH_IN, 0);
    export_add(340, A, 0, EVENT_EXIT, 0);
    timeline_advance(export_tl, START + 400);
    expect_told(0, 0, tell_events,
                "0 10 swapper/0 -0-> A\n"
                "0 100 A -0-> B\n"
                "0 150 B -1-> A\n"
                "0 200 A -1-> swapper/0\n"
                "0 260 swapper/0 -0-> B\n"
                "0 300 B -0-> others/0\n"
                "0 310 others/0 -0-> B\n"
                "0 330 B -10-> A\n"         /* a thread is gone, */
                "0 340 A -20-> swapper/0\n" /* a process is to be waited for */
                "0 0 ++ A\n"
                "0 315 + A\n"
                "0 340 x A\n"
                "0 0 ++ B\n"
                "0 250 + B\n"
                "0 330 x B\n");
    expect_told(0, 0, tell_process_tree,
                "process 11 A\n"
                "0 11 of 11 A\n"
                "0 12 of 11 B\n");
}

static void others_have_a_long_gap(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_task(0, B, A, "B");
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(20, B, 1, EVENT_SWITCH_IN, 0);
    export_add(30, B, 1, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add_wake(90, B, 0);
    export_add(100, A, 0, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add(50100, B, 0, EVENT_SWITCH_IN, 0);
    timeline_advance(export_tl, START + 60000);
    expect_told(0, 0, tell_switches,
                "0 10 swapper/0 -0-> A\n"
                "0 100 A -0-> others/0\n"
                "0 50100 others/0 -0-> B\n"
                "1 20 swapper/1 -0-> B\n"
                "1 30 B -0-> swapper/1\n");
}

static void what_runs_is_left_open(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add(10, A, 2, EVENT_SWITCH_IN, 0);
    timeline_advance(export_tl, START + 400);
    expect_told(0, 0, tell_switches, "2 10 swapper/2 -0-> A\n");
    expect_told(0, 0, tell_tracks, "schedviz\n0 [ hand\n400 ] \n"); /* the axis goes on to now */
}

static void a_hole_is_nobodys(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_task(0, B, A, "B");
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(20, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    export_add_lost(40, 0, 7);
    export_add(50, B, 0, EVENT_SWITCH_IN, 0);
    export_add_lost(70, 0, 1);
    export_add(80, A, 0, EVENT_SWITCH_IN, 0);
    export_add(90, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    export_add_lost(95, 0, 2);
    timeline_advance(export_tl, START + 100);
    expect_told(0, 0, tell_events,
                "0 10 swapper/0 -0-> A\n"
                "0 20 A -1-> lost/0\n"
                "lost\n"
                "0 40 lost/0 -0-> swapper/0\n"
                "0 50 swapper/0 -0-> B\n"
                "0 50 B -8000-> lost/0\n" /* it began to run; no more is known */
                "lost\n"
                "0 70 lost/0 -0-> swapper/0\n"
                "0 80 swapper/0 -0-> A\n"
                "0 90 A -1-> lost/0\n"
                "lost\n"
                "0 95 lost/0 -0-> swapper/0\n"
                "0 0 ++ A\n"
                "0 0 ++ B\n");
    expect_told(
        0, 0, tell_tracks,
        "schedviz\n0 [ hand\n100 ] \n"
        "events lost\n(lost on core 0)\n20 [ 7 lost\n40 ] \n50 [ 1 lost\n70 ] \n90 [ 2 lost\n95 ] \n");
    expect_told(0, 0, tell_head,
                "primary 3: 3=0 6=0\n"
                "Linux 6.18\n"
                "phase 1 cpu 0: 0\n"
                "phase 2 cpu 0: 10\n");
}

static void marks_and_alerts_are_tracks(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_mark(10, "core +1");
    export_add_mark(20, "\xff\n");
    timeline_advance(export_tl, START + 100);
    expect_told(0, 0, tell_tracks, "schedviz\n0 [ hand\n100 ] \nmarks\n10 | core +1\n20 | \\xff\\x0a\n");
}

static void green_tasks_are_tracks(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    struct event event = {.time_ns = START, .tid = -5, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = A;
    event.u.task.slot = 1;
    event.u.task.run = 1;
    event.u.task.kind = TASK_GREEN;
    event.u.task.role = ROLE_WORKLOAD;
    export_push(&event);
    event = (struct event){.time_ns = START, .tid = -5, .cpu = -1, .kind = EVENT_NAME};
    strcpy(event.u.name, "green");
    export_push(&event);
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    export_add(20, -5, -1, EVENT_SWITCH_IN, 0);
    export_add(30, -5, -1, EVENT_SWITCH_OUT, OUT_PREEMPTED);
    export_add(40, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
    timeline_advance(export_tl, START + 100);
    expect_told(0, 0, tell_switches, "0 10 swapper/0 -0-> A\n0 40 A -1-> swapper/0\n");
    expect_told(0, 0, tell_tracks,
                "schedviz\n0 [ hand\n100 ] \ngreen tasks\n(green)\n20 [ on core 0\n30 ] \n");
}

static void names_are_utf8(void **state)
{
    (void)state;
    export_add_task(0, A, A, "a\x1b[31m\xff\xc3\xa4");
    export_add(10, A, 0, EVENT_SWITCH_IN, 0);
    timeline_advance(export_tl, START + 20);
    expect_told(0, 0, tell_switches, "0 10 swapper/0 -0-> a\\x1b[31m\\xff\xc3\xa4\n");
}

static void a_window_has_whole_slices(void **state)
{
    (void)state;
    export_add_task(0, A, A, "A");
    export_add_mark(50, "before");
    for (uint64_t t = 100; t < 400; t += 100) {
        export_add(t, A, 0, EVENT_SWITCH_IN, 0);
        export_add(t + 50, A, 0, EVENT_SWITCH_OUT, OUT_BLOCKED);
        export_add_wake(t + 90, A, 0);
    }
    timeline_advance(export_tl, START + 600);
    expect_told(180, 50, tell_events,
                "0 200 swapper/0 -0-> A\n"
                "0 250 A -1-> swapper/0\n"
                "0 190 + A\n");
    expect_told(180, 50, tell_tracks, "schedviz\n180 [ hand\n230 ] \nmarks\n");
}

/* The whole of many: every slice of the CSV is one here, in its order, and within each bundle time only goes
 * on. */
struct reader {
    uint64_t start_ns[16], at_ns;
    int32_t tid[16];
};
static struct reader reader;
#define N_CPUS 5

static void tell_slices(const Perfetto__TracePacket *packet, FILE *out)
{
    const Perfetto__FtraceEventBundle *b = packet->ftrace_events;
    reader.at_ns = 0;
    for (size_t i = 0; b && i < b->n_event; i++) {
        const Perfetto__FtraceEvent *e = b->event[i];
        const Perfetto__SchedSwitch *s = e->sched_switch;
        assert_true(e->timestamp >= reader.at_ns);
        reader.at_ns = e->timestamp;
        if (!s)
            continue;
        assert_int_equal(s->prev_pid, reader.tid[b->cpu]);
        if (s->prev_pid > 0 && s->prev_pid < 1 << 22)
            fprintf(out, "%u,%d,%" PRIu64 ",%" PRIx64 "\n", b->cpu, s->prev_pid, e->timestamp - START,
                    s->prev_state);
        reader.tid[b->cpu] = s->next_pid;
        reader.start_ns[b->cpu] = e->timestamp;
    }
}

/* CPU, tid, end and how it ended, of the CSV's slices that are over. */
static char *ended_slices(void)
{
    size_t size;
    char *csv = export_written(export_csv, 0, 0, &size), *text = NULL, *save = NULL;
    FILE *out = open_memstream(&text, &size);
    strtok_r(csv, "\n", &save);
    for (const char *line; (line = strtok_r(NULL, "\n", &save));) {
        long long end;
        int cpu, tid;
        if (sscanf(line, "%*d,%*d,%lld,%*d,%d,%d", &end, &cpu, &tid) != 3)
            fail_msg("%s", line);
        const char *states[][2] = {{",preempted,", "0"}, {",blocked,", "1"}, {",lost,", "8000"}};
        for (size_t i = 0; i < 3; i++)
            if (strstr(line, states[i][0]))
                fprintf(out, "%d,%d,%lld,%s\n", cpu, tid, end, states[i][1]);
    }
    fclose(out);
    free(csv);
    return text;
}

static void the_csv_tells_the_same(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        timeline_free(export_tl);
        export_begin(NULL);
        export_add_random(seed, N_CPUS);
        memset(&reader, 0, sizeof reader);
        char *slices = ended_slices();
        assert_true(strlen(slices) > 50000);
        expect_told(0, 0, tell_slices, slices);
        free(slices);
    }
}

static void an_empty_run_is_a_trace(void **state)
{
    (void)state;
    expect_told(0, 0, tell_events, "");
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
    assert_false(export_perfetto(&report, export_tl, &window, full));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slices_become_switches, export_begin, export_end),
        cmocka_unit_test_setup_teardown(others_have_a_long_gap, export_begin, export_end),
        cmocka_unit_test_setup_teardown(what_runs_is_left_open, export_begin, export_end),
        cmocka_unit_test_setup_teardown(a_hole_is_nobodys, export_begin, export_end),
        cmocka_unit_test_setup_teardown(marks_and_alerts_are_tracks, export_begin, export_end),
        cmocka_unit_test_setup_teardown(green_tasks_are_tracks, export_begin, export_end),
        cmocka_unit_test_setup_teardown(names_are_utf8, export_begin, export_end),
        cmocka_unit_test_setup_teardown(a_window_has_whole_slices, export_begin, export_end),
        cmocka_unit_test_setup_teardown(the_csv_tells_the_same, export_begin, export_end),
        cmocka_unit_test_setup_teardown(an_empty_run_is_a_trace, export_begin, export_end),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told, export_begin, export_end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
