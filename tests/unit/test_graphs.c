/* Who waits for whom: what the engine's tasks tell of it, and what the kernel shows, are the same. */
#include "../../src/clock.h"
#include "../../src/observe/futex.h"
#include "../../src/session.h"
#include "../../src/timeline/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MAX_TASKS   32
#define PATIENCE_NS (20 * NS_PER_S)

static struct machine machine;
static struct session *session;
static struct program *program;
static struct err err;

static int setup(void **state)
{
    (void)state;
    session = NULL;
    program = NULL;
    return machine_load(&machine, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    session_free(session);
    program_free(program);
    machine_fini(&machine);
    return waitpid(-1, NULL, WNOHANG) == -1 ? 0 : -1; /* nothing is left behind */
}

static void start(const char *text, enum task_kind kind, enum source_choice source)
{
    program = program_load("test", text, strlen(text), &err);
    if (!program)
        fail_msg("%s", err.msg);
    struct session_config config = {.workload = {.name = "test", .kind = kind, .program = program},
                                    .source = source};
    if (!workload_cast(&config.workload, 0, &err))
        fail_msg("%s", err.msg);
    for (int i = 0; i < 2; i++)
        cpuset_add(&config.cpus, machine_next_cpu(&machine, &config.cpus));
    session = session_start(&config, &machine, &err);
    if (!session)
        fail_msg("%s", err.msg);
}

static void turn(void)
{
    struct pollfd fds[64];
    unsigned n = session_poll_fds(session, fds, 64);
    session_sleep(session, fds, n, 5);
    session_turn(session);
}

/* ---- the two views, as pairs of tids in one order ---- */

struct pair {
    int waiter_tid, holder_tid;
};

struct graph {
    struct pair pairs[MAX_TASKS];
    unsigned n, n_cycles;
};

static int compare_pairs(const void *a, const void *b)
{
    return ((const struct pair *)a)->waiter_tid - ((const struct pair *)b)->waiter_tid;
}

static void sort(struct graph *graph)
{
    qsort(graph->pairs, graph->n, sizeof *graph->pairs, compare_pairs);
}

static int tid_of(uint32_t index)
{
    struct task task;
    timeline_task(session_timeline(session), index, &task);
    return task.tid;
}

static void graph_of_notes(struct graph *graph)
{
    const struct waits *waits = timeline_waits(session_timeline(session));
    struct wait_edge edges[MAX_TASKS];
    *graph = (struct graph){.n = waits_edges(waits, edges, MAX_TASKS)};
    assert_true(graph->n <= MAX_TASKS);
    for (unsigned i = 0; i < graph->n; i++)
        graph->pairs[i] = (struct pair){tid_of(edges[i].waiter), tid_of(edges[i].holder)};
    for (unsigned i = 0; i < waits_n_alerts(waits); i++) {
        const struct alert *alert = waits_alert(waits, i);
        graph->n_cycles += alert->kind == ALERT_DEADLOCK && !alert->ended_ns;
    }
    sort(graph);
}

static unsigned living(struct futex_task tasks[MAX_TASKS])
{
    const struct timeline *tl = session_timeline(session);
    unsigned n = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(tl) && n < MAX_TASKS; i++) {
        struct task task;
        timeline_task(tl, i, &task);
        if (task_counts(&task) && !task.exited)
            tasks[n++] = (struct futex_task){task.pid, task.tid};
    }
    return n;
}

static bool graph_of_kernel(struct graph *graph)
{
    struct futex_task tasks[MAX_TASKS];
    struct futex_edge edges[MAX_TASKS];
    unsigned cycle[MAX_TASKS], n_edges, n = living(tasks);
    *graph = (struct graph){0};
    if (!futex_edges(tasks, n, edges, &n_edges, &err))
        return false;
    graph->n_cycles = futex_cycles(edges, n_edges, cycle);
    for (unsigned i = 0; i < n_edges; i++)
        if (edges[i].kind == FUTEX_EDGE_MUTEX)
            graph->pairs[graph->n++] = (struct pair){edges[i].waiter_tid, edges[i].owner_tid};
    sort(graph);
    return true;
}

static bool is_same(const struct graph *a, const struct graph *b)
{
    return a->n == b->n && a->n_cycles == b->n_cycles &&
           memcmp(a->pairs, b->pairs, a->n * sizeof *a->pairs) == 0;
}

static void tell(const char *who, const struct graph *graph)
{
    print_message("# %s: %u edges, %u cycles\n", who, graph->n, graph->n_cycles);
    for (unsigned i = 0; i < graph->n; i++)
        print_message("#   %d waits for %d\n", graph->pairs[i].waiter_tid, graph->pairs[i].holder_tid);
}

/* Waits until both show so many edges and cycles, the same ones. */
static void assert_both_show(unsigned n_edges, unsigned n_cycles)
{
    struct graph notes, kernel;
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
    do {
        turn();
        graph_of_notes(&notes);
        if (!graph_of_kernel(&kernel)) {
            print_message("# %s\n", err.msg);
            skip();
        }
        if (is_same(&notes, &kernel) && notes.n == n_edges && notes.n_cycles == n_cycles)
            return;
    } while (clock_now_ns() < end_ns);
    tell("notes", &notes);
    tell("kernel", &kernel);
    fail();
}

/* ---- workloads ---- */

static const char crossed[] =
    "tasks: {A: {loop: 1, lock0: left, sleep: 50000, lock1: right, unlock1: right, unlock0: left},\n"
    "        B: {loop: 1, lock0: right, sleep: 50000, lock1: left, unlock1: left, unlock0: right}}\n";

static const char ring[] = "tasks: {p1: {loop: 1, lock0: f1, sleep: 50000, lock1: f2}, p2: {loop: 1, lock0: "
                           "f2, sleep: 50000, lock1: f3},\n"
                           "        p3: {loop: 1, lock0: f3, sleep: 50000, lock1: f1},\n"
                           "        guest: {loop: 1, instance: 3, delay: 100000, lock: f2}}\n";

static const char held[] = "tasks: {holder: {loop: 1, lock: m, sleep: 60000000, unlock: m},\n"
                           "        waiter: {loop: 1, instance: 4, delay: 50000, lock: m, unlock: m}}\n";

static void test_threads(void **state)
{
    (void)state;
    start(crossed, TASK_THREAD, SOURCE_AUTO);
    assert_both_show(2, 1);
}

static void test_processes(void **state)
{
    (void)state;
    start(crossed, TASK_PROCESS, SOURCE_AUTO);
    assert_both_show(2, 1);
}

/* Tasks that time themselves tell the same. */
static void test_engine_source(void **state)
{
    (void)state;
    start(crossed, TASK_THREAD, SOURCE_ENGINE);
    assert_both_show(2, 1);
}

static void test_ring_and_guests(void **state)
{
    (void)state;
    start(ring, TASK_PROCESS, SOURCE_AUTO);
    assert_both_show(6, 1);
}

static void test_no_deadlock(void **state)
{
    (void)state;
    start(held, TASK_THREAD, SOURCE_AUTO);
    assert_both_show(4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_engine_source, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ring_and_guests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_deadlock, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
