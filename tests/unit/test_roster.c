/* The roster: processes, threads and children as rows, folded and filtered, over hand-written lives. */
#include "../../ui/roster.h"

#include "../../src/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 (100 * NS_PER_S)

struct world {
    struct timeline *tl;
    struct roster *roster;
    struct roster_wish wish;
};

static void push(struct world *w, struct event event)
{
    timeline_sink(w->tl)->push(timeline_sink(w->tl), &event, 1);
}

static void add_task(struct world *w, uint64_t time_ns, int tid, int pid, int parent, const char *name)
{
    struct event event = {.time_ns = time_ns, .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.parent = parent;
    event.u.task.run = 1;
    event.u.task.kind = tid == pid ? TASK_PROCESS : TASK_THREAD;
    event.u.task.role = ROLE_WORKLOAD;
    push(w, event);
    event = (struct event){.time_ns = time_ns, .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    push(w, event);
}

/* Runs for a moment, and blocks. */
static void run_task(struct world *w, uint64_t time_ns, int tid)
{
    push(w, (struct event){.time_ns = time_ns, .tid = tid, .cpu = 0, .kind = EVENT_SWITCH_IN});
    push(w, (struct event){.time_ns = time_ns + 1000,
                           .tid = tid,
                           .cpu = 0,
                           .kind = EVENT_SWITCH_OUT,
                           .detail = OUT_BLOCKED});
}

static void end_task(struct world *w, uint64_t time_ns, int tid)
{
    push(w, (struct event){.time_ns = time_ns, .tid = tid, .cpu = -1, .kind = EVENT_EXIT});
}

static void update(struct world *w, uint64_t now_ns)
{
    timeline_advance(w->tl, now_ns);
    roster_update(w->roster, w->tl, &w->wish);
}

/* python3 (four threads) made by sh, which has a child of one thread, too; and below that a grandchild. */
static struct world make_world(void)
{
    struct world w = {
        .tl = timeline_new(16 << 20),
        .roster = roster_new(),
        .wish = {
            .start_ns = T0, .end_ns = T0 + NS_PER_S, .filter = "", .n_fit = 100, .others_ns = UINT64_MAX}};
    add_task(&w, T0, 10, 10, 0, "sh");
    add_task(&w, T0 + 1, 20, 20, 10, "python3");
    add_task(&w, T0 + 2, 21, 20, 20, "python3");
    add_task(&w, T0 + 3, 30, 30, 10, "make");
    add_task(&w, T0 + 4, 22, 20, 21, "Worker-2");
    add_task(&w, T0 + 5, 31, 31, 30, "cc1");
    add_task(&w, T0 + 6, 23, 20, 20, "python3");
    for (int i = 0; i < 7; i++) {
        static const int tids[] = {10, 20, 21, 30, 22, 31, 23};
        run_task(&w, T0 + 100000 + (uint64_t)i * 10000, tids[i]);
    }
    update(&w, T0 + 500 * NS_PER_MS);
    return w;
}

static void free_world(struct world *w)
{
    roster_free(w->roster);
    timeline_free(w->tl);
}

/* The rows as text: depth as dots, tid, what is folded. */
static void check_rows(const struct world *w, const char *expected)
{
    char text[4096] = "";
    unsigned n;
    const struct roster_row *rows = roster_rows(w->roster, &n);
    for (unsigned i = 0; i < n; i++) {
        struct task task;
        char row[64], folded[32] = "";
        timeline_task(w->tl, rows[i].task, &task);
        if (rows[i].is_folded)
            snprintf(folded, sizeof folded, "(%u,%u)", rows[i].n_processes, rows[i].n);
        snprintf(row, sizeof row, "%.*s%d%s%s ", rows[i].depth, "........", task.tid,
                 rows[i].has_more && !rows[i].is_folded ? "+" : "", folded);
        strcat(text, row);
    }
    assert_string_equal(text, expected);
}

static uint32_t index_of(const struct world *w, int tid)
{
    return timeline_task_by_tid(w->tl, tid);
}

static void threads_and_children_are_under_their_process(void **state)
{
    (void)state;
    struct world w = make_world();
    const struct roster_counts counts = roster_counts(w.roster);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 ");
    assert_int_equal(counts.n_processes, 4);
    assert_int_equal(counts.n_tasks, 7);
    assert_int_equal(counts.n_shown, 7);
    free_world(&w);
}

static void rows_fold_and_open(void **state)
{
    (void)state;
    struct world w = make_world();
    assert_true(roster_fold(w.roster, index_of(&w, 22))); /* its process is meant */
    update(&w, T0 + 501 * NS_PER_MS);
    check_rows(&w, "10+ .20(1,4) .30+ ..31 ");
    assert_true(roster_fold(w.roster, index_of(&w, 20)));
    assert_true(roster_fold(w.roster, index_of(&w, 30)));
    assert_false(roster_fold(w.roster, index_of(&w, 31)));
    update(&w, T0 + 502 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30(2,2) ");
    assert_true(roster_fold(w.roster, index_of(&w, 10)));
    update(&w, T0 + 503 * NS_PER_MS);
    check_rows(&w, "10(4,7) ");
    roster_fold_all(w.roster); /* something is folded: all opens */
    update(&w, T0 + 504 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 ");
    roster_fold_all(w.roster);
    update(&w, T0 + 505 * NS_PER_MS);
    check_rows(&w, "10+ .20(1,4) .30+ ..31 ");
    free_world(&w);
}

static void members_of_a_folded_row_are_all_below(void **state)
{
    (void)state;
    struct world w = make_world();
    unsigned n;
    roster_fold(w.roster, index_of(&w, 10));
    update(&w, T0 + 501 * NS_PER_MS);
    const struct roster_row *rows = roster_rows(w.roster, &n);
    unsigned seen = 0;
    assert_int_equal(n, 1);
    assert_int_equal(roster_members(w.roster)[rows[0].first], rows[0].task);
    for (unsigned i = 0; i < rows[0].n; i++)
        seen |= 1u << roster_members(w.roster)[rows[0].first + i];
    assert_int_equal(seen, 0x7f);
    free_world(&w);
}

static void many_threads_are_folded_by_themselves(void **state)
{
    (void)state;
    struct world w = make_world();
    w.wish.n_fit = 6;
    update(&w, T0 + 501 * NS_PER_MS);
    check_rows(&w, "10+ .20(1,4) .30+ ..31 ");
    roster_fold(w.roster, index_of(&w, 20)); /* the user wants to see them all the same */
    update(&w, T0 + 502 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 ");
    w.wish.n_fit = 50;
    update(&w, T0 + 503 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 ");
    free_world(&w);
}

static void filters_look_at_names_and_tids(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *rows;
    } cases[] = {{"py", "20+ .21 .23 "},
                 {"PY", ""},
                 {"work", "22 "},
                 {"Work", "22 "},
                 {"2", "20+ .21 .22 .23 "},
                 {"cc", "31 "},
                 {"zzz", ""},
                 {"s", "10 "},
                 {"31", "31 "},
                 {"", "10+ .20+ ..21 ..22 ..23 .30+ ..31 "}};
    struct world w = make_world();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        w.wish.filter = cases[i].filter;
        update(&w, T0 + (501 + i) * NS_PER_MS);
        if (strcmp(cases[i].filter, "2") == 0) /* Worker-2 as well, and it is one of them */
            assert_int_equal(roster_counts(w.roster).n_shown, 4);
        check_rows(&w, cases[i].rows);
        assert_int_equal(roster_counts(w.roster).n_all, 7);
    }
    free_world(&w);
}

static void who_is_gone_is_shown_as_long_as_the_window_shows_it(void **state)
{
    (void)state;
    struct world w = make_world();
    end_task(&w, T0 + 600 * NS_PER_MS, 30);
    end_task(&w, T0 + 700 * NS_PER_MS, 21);
    add_task(&w, T0 + 1500 * NS_PER_MS, 40, 40, 10, "late"); /* after the window */
    update(&w, T0 + 1600 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 ");
    assert_int_equal(roster_counts(w.roster).n_tasks, 6);
    w.wish.start_ns = T0 + 650 * NS_PER_MS;
    w.wish.end_ns = T0 + 1650 * NS_PER_MS;
    update(&w, T0 + 1700 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .31 .40 "); /* an orphan is its grandparent's */
    w.wish.start_ns = T0 + 2 * NS_PER_S;
    w.wish.end_ns = UINT64_MAX;
    update(&w, T0 + 3 * NS_PER_S);
    check_rows(&w, "10+ .20+ ..22 ..23 .31 .40 ");
    w.wish.with_ended = true;
    update(&w, T0 + 3001 * NS_PER_MS);
    check_rows(&w, "10+ .20+ ..21 ..22 ..23 .30+ ..31 .40 ");
    free_world(&w);
}

static void sleepers_are_only_counted(void **state)
{
    (void)state;
    struct world w = make_world();
    unsigned n;
    w.wish.start_ns = T0 + 200 * NS_PER_MS;
    run_task(&w, T0 + 550 * NS_PER_MS, 22);
    update(&w, T0 + 560 * NS_PER_MS);
    const uint32_t *active = roster_active(w.roster, &n);
    assert_int_equal(n, 1);
    assert_int_equal(active[0], index_of(&w, 22));
    assert_int_equal(roster_n_quiet(w.roster), 6);
    assert_true(roster_is_active(w.roster, index_of(&w, 22)));
    assert_false(roster_is_active(w.roster, index_of(&w, 20)));
    free_world(&w);
}

static void colours_stay_and_follow_folds(void **state)
{
    (void)state;
    struct world w = make_world();
    const unsigned python = roster_look(w.roster, index_of(&w, 20)).colour;
    assert_int_equal(roster_look(w.roster, index_of(&w, 10)).colour, 0);
    assert_int_equal(python, 1);
    assert_int_equal(roster_look(w.roster, index_of(&w, 30)).colour, 2);
    assert_int_equal(roster_look(w.roster, index_of(&w, 21)).colour, python + 1);
    assert_int_equal(roster_look(w.roster, index_of(&w, 22)).number, 2);
    assert_int_equal(roster_look(w.roster, index_of(&w, 22)).leader, index_of(&w, 20));
    roster_fold(w.roster, index_of(&w, 20));
    update(&w, T0 + 501 * NS_PER_MS);
    assert_int_equal(roster_look(w.roster, index_of(&w, 21)).colour, python);
    roster_fold(w.roster, index_of(&w, 20));
    update(&w, T0 + 502 * NS_PER_MS);
    assert_int_equal(roster_look(w.roster, index_of(&w, 21)).colour, python + 1);
    free_world(&w);
}

/* Woken, on a CPU a while later, and off it after another one. */
static void wake_task(struct world *w, uint64_t time_ns, int tid, uint64_t wait_ns, uint64_t run_ns)
{
    push(w, (struct event){.time_ns = time_ns, .tid = tid, .cpu = 0, .kind = EVENT_WAKE});
    push(w, (struct event){.time_ns = time_ns + wait_ns, .tid = tid, .cpu = 0, .kind = EVENT_SWITCH_IN});
    push(w, (struct event){.time_ns = time_ns + wait_ns + run_ns,
                           .tid = tid,
                           .cpu = 0,
                           .kind = EVENT_SWITCH_OUT,
                           .detail = OUT_BLOCKED});
}

static const struct roster_row *row_of(struct world *w, int tid)
{
    unsigned n;
    const struct roster_row *rows = roster_rows(w->roster, &n);
    for (unsigned i = 0; i < n; i++)
        if (rows[i].task == index_of(w, tid))
            return &rows[i];
    fail();
    return NULL;
}

static int64_t length(struct world *w, int tid, enum length which)
{
    return roster_length(w->roster, w->tl, row_of(w, tid), which);
}

static void folded_rows_have_lengths_of_all(void **state)
{
    (void)state;
    struct world w = make_world();
    const uint64_t t_ns = T0 + 600 * NS_PER_MS;
    wake_task(&w, t_ns, 21, 5000, 40000);
    wake_task(&w, t_ns + 100000, 22, 7000, 40000);
    wake_task(&w, t_ns + 200000, 23, 90000, 40000);
    wake_task(&w, t_ns + 400000, 31, 800000, 40000);
    roster_fold(w.roster, index_of(&w, 20));
    update(&w, t_ns + 2 * NS_PER_MS);
    assert_int_equal(row_of(&w, 20)->n, 4);
    assert_in_range(length(&w, 20, LENGTH_WAKE_P50), 6800, 7200);
    assert_int_equal(length(&w, 20, LENGTH_WAKE_MAX), 90000); /* and not another process's */
    assert_in_range(length(&w, 20, LENGTH_WAKE_P99), 87000, 90000);
    assert_true(length(&w, 20, LENGTH_SLICE_P50) > 0);

    /* They are remembered for a moment, and then not the old ones. */
    wake_task(&w, t_ns + 2 * NS_PER_MS + 100000, 21, 300000, 1000);
    update(&w, t_ns + 2 * NS_PER_MS + 500000);
    assert_int_equal(length(&w, 20, LENGTH_WAKE_MAX), 90000);
    update(&w, t_ns + 20 * NS_PER_MS);
    assert_int_equal(length(&w, 20, LENGTH_WAKE_MAX), 300000);

    /* Opened, the row stands for its first thread, which nobody was seen to wake. */
    roster_fold(w.roster, index_of(&w, 20));
    update(&w, t_ns + 21 * NS_PER_MS);
    assert_int_equal(row_of(&w, 20)->n, 1);
    assert_int_equal(length(&w, 20, LENGTH_WAKE_MAX), -1);
    free_world(&w);
}

/* More rows than are remembered: each has its own figures all the same. */
static void lengths_of_thousands_of_rows(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct timeline *tl = timeline_new(64 << 20);
    struct world w = {.tl = tl};
    struct lengths *lengths = lengths_new();
    for (int i = 0; i < N; i++) {
        add_task(&w, T0 + (uint64_t)i * NS_PER_MS, i + 1, i + 1, 0, "x");
        wake_task(&w, T0 + (uint64_t)i * NS_PER_MS, i + 1, 1000 + (uint64_t)i, 1000);
    }
    timeline_advance(tl, T0 + N * NS_PER_MS);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(lengths_together(lengths, tl, &i, 1, LENGTH_WAKE_MAX), 1000 + i);
    assert_int_equal(lengths_of_all(lengths, tl)->n, N);
    assert_int_equal(lengths_together(lengths, tl, NULL, 0, LENGTH_WAKE_MAX), -1);
    lengths_free(lengths);
    timeline_free(tl);
}

/* However tasks are made by each other, each is in one row, or stands behind one. */
static void every_task_is_somewhere(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 60; round++) {
        struct world w = {
            .tl = timeline_new(16 << 20),
            .roster = roster_new(),
            .wish = {.filter = "", .n_fit = (unsigned)round, .end_ns = UINT64_MAX, .others_ns = UINT64_MAX}};
        unsigned n_rows, found = 0;
        for (int i = 0; i < 200; i++) {
            seed = seed * 1664525 + 1013904223;
            const int tid = 1 + (int)(seed >> 8) % 300, pid = round % 3 ? 1 + (int)(seed >> 4) % 300 : tid;
            add_task(&w, T0 + (uint64_t)i, tid, seed & 3 ? pid : tid, (int)(seed >> 16) % 300, "x");
            if ((seed & 0x700) == 0)
                end_task(&w, T0 + (uint64_t)i, tid);
            if (i % 50 == 0) {
                update(&w, T0 + (uint64_t)i);
                roster_fold(w.roster, (uint32_t)i / 2);
            }
        }
        update(&w, T0 + NS_PER_MS);
        const struct roster_row *rows = roster_rows(w.roster, &n_rows);
        uint8_t *seen = calloc(timeline_n_tasks(w.tl), 1);
        for (unsigned i = 0; i < n_rows; i++)
            for (uint32_t m = 0; m < rows[i].n; m++) {
                const uint32_t task = roster_members(w.roster)[rows[i].first + m];
                assert_false(seen[task]);
                seen[task] = 1;
                found++;
            }
        assert_int_equal(found, roster_counts(w.roster).n_all);
        free(seen);
        free_world(&w);
    }
}

/* Each the child of the one before: nothing here is recursive. */
static void long_chains_are_shown(void **state)
{
    (void)state;
    struct world w = {.tl = timeline_new(64 << 20),
                      .roster = roster_new(),
                      .wish = {.filter = "", .n_fit = 10, .end_ns = UINT64_MAX, .others_ns = UINT64_MAX}};
    unsigned n;
    for (int i = 0; i < 3000; i++)
        add_task(&w, T0 + (uint64_t)i, i + 1, i + 1, i, "x");
    update(&w, T0 + NS_PER_S);
    roster_rows(w.roster, &n);
    assert_int_equal(n, 3000);
    free_world(&w);
}

/* A part of a recording as a timeline of its own: n tasks that slept, of which `runner' then ran a little. */
static struct timeline *part(uint64_t at_ns, unsigned n, uint32_t runner)
{
    struct task tasks[4];
    struct timeline *tl = timeline_new(0);
    for (unsigned i = 0; i < n; i++)
        tasks[i] = (struct task){.tid = (int32_t)(70 + i),
                                 .pid = (int32_t)(70 + i),
                                 .slot = -1,
                                 .parent = i ? 0 : TIMELINE_NO_TASK,
                                 .last_waker = TIMELINE_NO_TASK,
                                 .role = ROLE_WORKLOAD,
                                 .state = STATE_BLOCKED,
                                 .state_since_ns = at_ns - NS_PER_S,
                                 .first_ns = NS_PER_S,
                                 .last_ns = at_ns,
                                 .n_slices = 9,
                                 .n_voluntary = 9};
    timeline_restore(tl, tasks, n, at_ns);
    const struct event events[] = {
        {.time_ns = at_ns + 1000, .tid = (int32_t)(70 + runner), .kind = EVENT_SWITCH_IN},
        {.time_ns = at_ns + 2000,
         .tid = (int32_t)(70 + runner),
         .kind = EVENT_SWITCH_OUT,
         .detail = OUT_BLOCKED},
    };
    timeline_sink(tl)->push(timeline_sink(tl), events, 2);
    timeline_advance(tl, at_ns + NS_PER_S);
    return tl;
}

/* Their tasks have the same numbers, and later ones are not there in an early part. */
static void parts_of_a_recording_are_told_apart(void **state)
{
    static const struct {
        unsigned at_s, n;
        uint32_t runner;
    } parts[] = {{100, 4, 1}, {50, 2, 0}, {100, 4, 3}, {100, 4, 1}, {50, 2, 1}, {100, 4, 3}};
    struct roster *roster = roster_new();
    (void)state;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct timeline *tl = part(parts[i].at_s * NS_PER_S, parts[i].n, parts[i].runner);
        const struct roster_wish wish = {.start_ns = parts[i].at_s * NS_PER_S,
                                         .end_ns = (parts[i].at_s + 1) * NS_PER_S,
                                         .filter = "",
                                         .n_fit = 10,
                                         .others_ns = UINT64_MAX};
        roster_update(roster, tl, &wish);
        assert_int_equal(roster_counts(roster).n_all, parts[i].n);
        for (uint32_t task = 0; task < 4; task++)
            assert_int_equal(roster_is_active(roster, task), task == parts[i].runner);
        timeline_free(tl);
    }
    roster_free(roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_children_are_under_their_process),
        cmocka_unit_test(rows_fold_and_open),
        cmocka_unit_test(members_of_a_folded_row_are_all_below),
        cmocka_unit_test(many_threads_are_folded_by_themselves),
        cmocka_unit_test(filters_look_at_names_and_tids),
        cmocka_unit_test(who_is_gone_is_shown_as_long_as_the_window_shows_it),
        cmocka_unit_test(sleepers_are_only_counted),
        cmocka_unit_test(colours_stay_and_follow_folds),
        cmocka_unit_test(folded_rows_have_lengths_of_all),
        cmocka_unit_test(lengths_of_thousands_of_rows),
        cmocka_unit_test(every_task_is_somewhere),
        cmocka_unit_test(long_chains_are_shown),
        cmocka_unit_test(parts_of_a_recording_are_told_apart),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
