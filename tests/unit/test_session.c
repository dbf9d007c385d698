/* A session on the real kernel: live changes arrive, leave their marks, and the counts stay the kernel's. */
#include "../../src/session.h"

#include "../../src/clock.h"
#include "../../src/report.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct machine machine;
static struct session *session;
static struct err err;

static void turn_for(uint64_t ns)
{
    struct pollfd fds[64];
    uint64_t end = clock_now_ns() + ns;
    do {
        unsigned n = session_poll_fds(session, fds, 64);
        session_sleep(session, fds, n, 5);
        session_turn(session);
    } while (clock_now_ns() < end);
}

/* Turns until the condition holds; a slow machine gets ten seconds. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t end_ = clock_now_ns() + 10 * NS_PER_S;                                                      \
        while (!(condition) && clock_now_ns() < end_)                                                        \
            turn_for(5 * NS_PER_MS);                                                                         \
        assert_true(condition);                                                                              \
    } while (0)

static void start(unsigned n_tasks, unsigned n_cpus, uint64_t work_ns, enum source_choice source)
{
    struct session_config config = {
        .workload = {.name = "interleave", .n_tasks = n_tasks, .work_ns = work_ns}, .source = source};
    for (unsigned i = 0; i < n_cpus; i++)
        cpuset_add(&config.cpus, machine_next_cpu(&machine, &config.cpus));
    session = session_start(&config, &machine, &err);
    if (!session)
        fail_msg("%s", err.msg);
}

static int setup(void **state)
{
    (void)state;
    session = NULL;
    return machine_load(&machine, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    session_free(session);
    machine_fini(&machine);
    /* Whatever was started is gone and reaped. */
    return waitpid(-1, NULL, WNOHANG) == -1 ? 0 : -1;
}

/* Living workload tasks, of one kind, that ran within the last 300 ms. */
static unsigned n_living(enum task_kind kind)
{
    const struct timeline *tl = session_timeline(session);
    unsigned n = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        n += task.role == ROLE_WORKLOAD && task.kind == kind && !task.exited && task.n_slices > 0;
    }
    return n;
}

static bool has_mark(const char *text)
{
    const struct timeline *tl = session_timeline(session);
    for (unsigned i = 0; i < timeline_n_marks(tl); i++) {
        if (strcmp(timeline_mark(tl, i)->text, text) == 0)
            return true;
    }
    return false;
}

static void tasks_come_and_go(void **state)
{
    (void)state;
    start(2, 1, 0, SOURCE_AUTO);
    TURN_UNTIL(n_living(TASK_THREAD) == 2);
    assert_true(session_set_n_tasks(session, 5, &err));
    TURN_UNTIL(n_living(TASK_THREAD) == 5 && has_mark("5 tasks"));
    assert_true(session_set_n_tasks(session, 1, &err));
    TURN_UNTIL(n_living(TASK_THREAD) == 1 && has_mark("1 task"));
    assert_false(session_set_n_tasks(session, 0, &err));
    assert_false(session_set_n_tasks(session, WORKLOAD_MAX_TASKS + 1, &err));
}

static void threads_become_processes_and_back(void **state)
{
    (void)state;
    start(3, 1, 0, SOURCE_AUTO);
    TURN_UNTIL(n_living(TASK_THREAD) == 3);
    assert_true(session_set_kind(session, TASK_PROCESS, &err));
    TURN_UNTIL(n_living(TASK_PROCESS) == 3 && n_living(TASK_THREAD) == 0);
    assert_true(session_set_kind(session, TASK_THREAD, &err));
    TURN_UNTIL(n_living(TASK_PROCESS) == 0 && n_living(TASK_THREAD) == 3);
    assert_true(has_mark("processes") && has_mark("threads"));
}

static void work_goes_on_where_it_was(void **state)
{
    (void)state;
    start(1, 1, 400 * NS_PER_MS, SOURCE_AUTO);
    turn_for(150 * NS_PER_MS);
    assert_true(session_set_kind(session, TASK_PROCESS, &err));
    TURN_UNTIL(session_current_run(session)->end_ns != 0);
    assert_true(session_current_run(session)->complete);
    const struct timeline *tl = session_timeline(session);
    turn_for(20 * NS_PER_MS);
    uint64_t run_ns = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        run_ns += task.role == ROLE_WORKLOAD ? task.run_ns : 0;
    }
    /* Done twice it would have been 550 ms and more; the calibration itself is held by the engine's tests. */
    print_message("# 400 ms of work took %.1f ms of CPU over two tasks\n", (double)run_ns / 1e6);
    assert_true(run_ns > 200 * NS_PER_MS);
}

static void cores_change_where_tasks_run(void **state)
{
    (void)state;
    if (cpuset_count(&machine.allowed) < 2) {
        print_message("# one CPU only\n");
        skip();
    }
    start(2, 1, 0, SOURCE_AUTO);
    TURN_UNTIL(n_living(TASK_THREAD) == 2);
    struct cpuset both = {0};
    cpuset_add(&both, cpuset_nth(&machine.allowed, 0));
    cpuset_add(&both, cpuset_nth(&machine.allowed, 1));
    assert_true(session_set_cpus(session, &both, &err));
    const struct timeline *tl = session_timeline(session);
    int second = cpuset_nth(&machine.allowed, 1);
    uint32_t b = TIMELINE_NO_TASK;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        b = task.slot == 1 ? i : b;
    }
    struct task task;
    TURN_UNTIL((timeline_task(tl, b, &task), task.last_cpu == second));
    struct cpuset none = {0};
    assert_false(session_set_cpus(session, &none, &err));
    struct cpuset odd = {0};
    cpuset_add(&odd, CPUSET_MAX - 1);
    assert_false(session_set_cpus(session, &odd, &err));
    assert_true(session_set_placement(session, PLACEMENT_FREE, &err));
    turn_for(20 * NS_PER_MS);
    struct cpuset got;
    assert_true(cpuset_get_affinity(task.tid, &got) && cpuset_equal(&got, &both));
    assert_true(has_mark("free"));
}

static void a_run_ends_and_runs_again(void **state)
{
    (void)state;
    start(2, 1, 60 * NS_PER_MS, SOURCE_AUTO);
    TURN_UNTIL(session_current_run(session)->end_ns != 0);
    assert_true(session_current_run(session)->complete);
    uint64_t makespan = session_current_run(session)->end_ns - session_current_run(session)->start_ns;
    assert_true(makespan > 60 * NS_PER_MS); /* two times 60 ms on one core, and none of them can be skipped */
    assert_true(session_restart(session, &err));
    TURN_UNTIL(session_n_runs(session) == 2 && session_current_run(session)->end_ns != 0);
    assert_true(has_mark("run 2"));
}

static void comparison_runs_both(void **state)
{
    (void)state;
    if (cpuset_count(&machine.allowed) < 2) {
        print_message("# one CPU only\n");
        skip();
    }
    start(2, 2, 80 * NS_PER_MS, SOURCE_AUTO);
    turn_for(30 * NS_PER_MS);
    assert_true(session_compare(session, &err));
    TURN_UNTIL(session_comparison(session) == COMPARE_FINISHED_IN_TURN ||
               session_comparison(session) == COMPARE_FINISHED_TOGETHER);
    const struct run *reference = session_reference(session), *run = session_current_run(session);
    assert_non_null(reference);
    assert_int_not_equal(reference->number, run->number);
    assert_int_equal(cpuset_count(&reference->cpus), 1);
    assert_true(cpuset_count(&run->cpus) >= 2);
    assert_true(reference->complete && run->complete);
}

/* Every task: involuntary as the kernel counts (within 1), voluntary within the final one, its states add up.
 */
static void check_counts(unsigned n_tasks, enum source_choice source)
{
    start(n_tasks, 1, 0, source);
    turn_for(300 * NS_PER_MS);
    assert_true(session_stop(session));
    struct report report;
    report_init(&report, session, &machine);
    unsigned n = 0;
    for (unsigned i = 0; i < report.n_tasks; i++) {
        const struct task *t = &report.tasks[i].task;
        const struct kernel_counts *k = &t->kernel;
        assert_int_equal(t->run_ns + t->runnable_ns + t->blocked_ns + t->unknown_ns,
                         t->last_ns - t->first_ns);
        if (t->role != ROLE_WORKLOAD)
            continue;
        n++;
        assert_true(k->has_switches && k->has_run);
        int64_t involuntary = (int64_t)(t->n_involuntary - (k->involuntary - k->base_involuntary));
        int64_t voluntary = (int64_t)(t->n_voluntary - (k->voluntary - k->base_voluntary));
        if (involuntary < -1 || involuntary > 1 || voluntary < -1 || voluntary > 1)
            fail_msg("%s: captured %llu forced, %llu voluntary; the kernel %llu and %llu", t->name,
                     (unsigned long long)t->n_involuntary, (unsigned long long)t->n_voluntary,
                     (unsigned long long)(k->involuntary - k->base_involuntary),
                     (unsigned long long)(k->voluntary - k->base_voluntary));
    }
    assert_int_equal(n, n_tasks);
    assert_int_equal(report.info.n_lost, 0);
    report_fini(&report);
}

static void counts_are_the_kernels_with_auto(void **state)
{
    (void)state;
    check_counts(6, SOURCE_AUTO);
}

static void counts_are_the_kernels_with_engine(void **state)
{
    (void)state;
    check_counts(6, SOURCE_ENGINE);
}

/* ---- the machine changes: a test's own, of which the CPUs are the real ones ---- */

static struct cpuset fake_online, fake_cgroup, fake_own;

static bool fake_list(const char *name, struct cpuset *set)
{
    *set = strcmp(name, "online") == 0 ? fake_online : machine.present;
    return true;
}

/* The kernel narrows a task's own mask when it narrows the cgroup. */
static bool fake_set(const struct cpuset *set)
{
    struct cpuset granted = {0};
    for (int cpu = cpuset_next(set, -1); cpu >= 0; cpu = cpuset_next(set, cpu)) {
        if (cpuset_has(&fake_online, cpu) && cpuset_has(&fake_cgroup, cpu))
            cpuset_add(&granted, cpu);
    }
    if (cpuset_count(&granted) == 0)
        return false;
    fake_own = granted;
    return true;
}

static bool fake_get(struct cpuset *set)
{
    fake_set(&fake_own);
    *set = fake_own;
    return true;
}

/* Returns the second CPU, the one that will go. */
static int start_on_changing_machine(uint64_t work_ns, enum source_choice source)
{
    static const struct machine_probe probe = {
        .list = fake_list, .get_affinity = fake_get, .set_affinity = fake_set};
    if (cpuset_count(&machine.allowed) < 2) {
        print_message("# one CPU only\n");
        skip();
    }
    struct cpuset two = {0};
    cpuset_add(&two, cpuset_nth(&machine.allowed, 0));
    cpuset_add(&two, cpuset_nth(&machine.allowed, 1));
    fake_online = fake_cgroup = fake_own = machine.allowed = machine.at_start = two;
    machine.probe = &probe;
    start(4, 2, work_ns, source);
    TURN_UNTIL(n_living(TASK_THREAD) == 4);
    return cpuset_nth(&two, 1);
}

static bool was_said(const char *text)
{
    struct session_info info;
    session_info(session, &info);
    return strstr(info.message, text) != NULL;
}

static bool all_run_on(const struct cpuset *cpus)
{
    const struct timeline *tl = session_timeline(session);
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        struct cpuset may;
        timeline_task(tl, i, &task);
        if (task.role != ROLE_WORKLOAD || task.exited)
            continue;
        if (!cpuset_get_affinity(task.tid, &may)) {
            if (errno == ESRCH) /* it has ended, and that is not told yet */
                continue;
            return false;
        }
        if (!cpuset_subset(&may, cpus))
            return false;
    }
    return true;
}

static void a_cpu_goes_and_comes(enum source_choice source, struct cpuset *from, const char *how,
                                 const char *again)
{
    const int cpu = start_on_changing_machine(0, source);
    const struct cpuset two = machine.allowed;
    struct session_info info;
    char gone[EVENT_NAME_SIZE], came[EVENT_NAME_SIZE];
    snprintf(gone, sizeof gone, "cpu %d gone", cpu);
    snprintf(came, sizeof came, "cpu %d came", cpu);

    cpuset_remove(from, cpu);
    TURN_UNTIL(has_mark(gone));
    assert_true(was_said(how));
    session_info(session, &info);
    assert_int_equal(cpuset_count(&info.cpus), 1);
    assert_false(cpuset_has(&info.cpus, cpu));
    assert_true(all_run_on(&info.cpus));
    assert_false(session_set_cpus(session, &two, &err)); /* what is gone is not offered */
    assert_true(session_restart(session, &err));
    TURN_UNTIL(session_current_run(session)->start_ns != 0);
    assert_true(all_run_on(&info.cpus));

    cpuset_add(from, cpu);
    TURN_UNTIL(has_mark(came));
    assert_true(was_said(again));
    assert_true(session_set_cpus(session, &two, &err));
    turn_for(50 * NS_PER_MS);
    assert_true(session_stop(session));
    session_info(session, &info);
    assert_int_equal(info.n_lost, 0);
}

static void a_cpu_goes_offline(void **state)
{
    (void)state;
    a_cpu_goes_and_comes(SOURCE_AUTO, &fake_online, "went offline: the tasks go on", "came online");
}

static void a_cpu_is_taken_away(void **state)
{
    (void)state;
    a_cpu_goes_and_comes(SOURCE_ENGINE, &fake_cgroup, "was taken away: the tasks go on", "may be used now");
}

static void a_comparison_loses_a_cpu(void **state)
{
    (void)state;
    const int cpu = start_on_changing_machine(2 * NS_PER_S, SOURCE_AUTO);
    assert_true(session_compare(session, &err));
    turn_for(20 * NS_PER_MS);
    cpuset_remove(&fake_online, cpu);
    TURN_UNTIL(session_comparison(session) == COMPARE_NONE);
    assert_true(was_said("the comparison is given up"));
    assert_int_equal(session_current_run(session)->end_ns, 0); /* an ordinary run goes on */
    assert_int_equal(cpuset_count(&session_current_run(session)->cpus), 1);
    assert_false(session_compare(session, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_become_processes_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(work_goes_on_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(cores_change_where_tasks_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_ends_and_runs_again, setup, teardown),
        cmocka_unit_test_setup_teardown(comparison_runs_both, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cpu_goes_offline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cpu_is_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_comparison_loses_a_cpu, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_are_the_kernels_with_auto, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_are_the_kernels_with_engine, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
