/* Tasks that carry out a program on the real kernel: crashes, endless waits, forks, and the objects of runs.
 */
#include "../../src/clock.h"
#include "engine_fixture.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Waits until `is` says so. */
static bool until(struct engine *engine, bool (*is)(const struct engine *engine))
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

    while (!is(engine) && clock_now_ns() < end_ns) {
        engine_dispatch(engine);
        nap_ms(1);
    }
    return is(engine);
}

/* ---- what a task does ---- */

static void a_program_is_carried_out(enum task_kind kind)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = NS_PER_MS), ACTION(ACTION_SLEEP, .amount = 1000),
                               ACTION(ACTION_ADD, .object = 0, .amount = 10, .how = HOW_ATOMIC)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template template = template_of("worker", 5, &phase);
    struct object objects[] = {{.name = (char *)"sum", .kind = OBJECT_COUNTER}};
    struct program program = program_of(&template, 1, objects, 1);
    struct engine *engine = start_program(true, &program);
    struct collector c = {0};
    struct object_state sum;
    char path[64], comm[32];

    for (unsigned i = 0; i < 3; i++) {
        struct engine_order order = order_of(kind, 7, 0);
        order.part.instance = i;
        order.several = true;
        assert_true(engine_spawn(engine, i, &order, NULL));
    }
    wait_gated(engine);
    for (unsigned i = 0; i < 3; i++) {
        char name[EVENT_NAME_SIZE];
        snprintf(path, sizeof path, "/proc/%d/comm", engine_task(engine, i).tid);
        read_file(path, comm, sizeof comm);
        program_task_name(&program, (struct part){.instance = i}, true, name);
        assert_int_equal(strncmp(comm, name, strlen(name)), 0);
    }
    engine_release(engine);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(wait_state(engine, i, ENGINE_DONE));
        struct engine_task task = engine_task(engine, i);
        assert_int_equal(task.loops, 5);
        assert_int_equal(task.part.instance, i);
        assert_true(task.work_done_ns >= 5 * NS_PER_MS && task.work_done_ns < 6 * NS_PER_MS);
    }
    assert_true(engine_object(engine, 7, 0, &sum));
    assert_int_equal(sum.value, 3 * 5 * 10);
    assert_false(engine_object(engine, 8, 0, &sum));
    assert_true(isnan(engine_created_us(engine, 7, TASK_THREAD)));
    assert_int_equal(engine_n_warnings(engine), 0);
    collect(&c, engine);
    for (unsigned i = 0; i < 3; i++)
        check_own_account(&c, engine_task(engine, i).tid);
    free(c.events);
    free_and_check(engine);
}

static void threads_carry_out_a_program(void **state)
{
    (void)state;
    a_program_is_carried_out(TASK_THREAD);
}

static void processes_carry_out_a_program(void **state)
{
    (void)state;
    a_program_is_carried_out(TASK_PROCESS);
}

/* ---- crashes ---- */

static void a_crash_is_real(int sig)
{
    struct action crash[] = {ACTION(ACTION_CRASH, .amount = (uint64_t)sig)};
    struct action rest[] = {ACTION(ACTION_SLEEP, .amount = NS_PER_S)};
    struct phase phases[] = {phase_of(crash, 1), phase_of(rest, 1)};
    struct template templates[] = {template_of("crash", 1, &phases[0]), template_of("rest", -1, &phases[1])};
    struct program program = program_of(templates, 2, NULL, 0);
    struct engine *engine = start_program(false, &program);
    struct collector c = {0};

    /* Two threads that rest, a process that rests, a process that crashes: it is alone. */
    spawn_part(engine, 0, TASK_THREAD, 1, 1);
    spawn_part(engine, 1, TASK_THREAD, 1, 1);
    spawn_part(engine, 2, TASK_PROCESS, 1, 1);
    spawn_part(engine, 3, TASK_PROCESS, 1, 0);
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_state(engine, 3, ENGINE_DIED));
    assert_true(WIFSIGNALED(engine_task(engine, 3).status));
    assert_int_equal(WTERMSIG(engine_task(engine, 3).status), sig);
    assert_false(WCOREDUMP(engine_task(engine, 3).status));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(engine_task(engine, i).state, ENGINE_RUNNING);

    /* A thread takes the threads along, and no process. */
    spawn_part(engine, 4, TASK_THREAD, 1, 0);
    wait_gated(engine);
    int crew = engine_crew_pid(engine);
    engine_release(engine);
    for (unsigned i = 0; i < 5; i++) {
        if (i == 2 || i == 3)
            continue;
        assert_true(wait_state(engine, i, ENGINE_DIED));
        assert_true(WIFSIGNALED(engine_task(engine, i).status));
        assert_int_equal(WTERMSIG(engine_task(engine, i).status), sig);
    }
    assert_int_equal(engine_task(engine, 2).state, ENGINE_RUNNING);
    assert_true(engine_alive(engine, NULL));
    collect(&c, engine);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(count(&c, engine_task(engine, i).tid, EVENT_EXIT), i != 2);
    assert_int_equal(WTERMSIG(find(&c, crew, EVENT_EXIT, 0)->u.exit.status), sig);

    spawn_part(engine, 0, TASK_THREAD, 1, 1);
    wait_gated(engine);
    engine_release(engine);
    stop_all(engine);
    free(c.events);
    free_and_check(engine);
}

static void crashes_are_real(void **state)
{
    const int sigs[] = {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGKILL, SIGTERM};
    (void)state;

    for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
        a_crash_is_real(sigs[i]);
}

/* ---- endless waits ---- */

enum { MUTEX_M, MUTEX_N, CONDITION, BARRIER, SEM, SUSPEND, CHANNEL, COUNTER, N_OBJECTS };

static struct object all_objects[N_OBJECTS] = {
    [MUTEX_M] = {.name = (char *)"m", .kind = OBJECT_MUTEX},
    [MUTEX_N] = {.name = (char *)"n", .kind = OBJECT_MUTEX},
    [CONDITION] = {.name = (char *)"c", .kind = OBJECT_CONDITION},
    [BARRIER] = {.name = (char *)"b", .kind = OBJECT_BARRIER, .n_users = 2000},
    [SEM] = {.name = (char *)"s", .kind = OBJECT_SEM},
    [SUSPEND] = {.name = (char *)"p", .kind = OBJECT_SUSPEND},
    [CHANNEL] = {.name = (char *)"ch", .kind = OBJECT_CHANNEL},
    [COUNTER] = {.name = (char *)"k", .kind = OBJECT_COUNTER},
};

/* Two templates that lock each other out, and one for each other way to wait for ever. */
static struct action ab[] = {ACTION(ACTION_LOCK, .object = MUTEX_M), ACTION(ACTION_SLEEP, .amount = 2000000),
                             ACTION(ACTION_LOCK, .object = MUTEX_N)};
static struct action ba[] = {ACTION(ACTION_LOCK, .object = MUTEX_N), ACTION(ACTION_SLEEP, .amount = 2000000),
                             ACTION(ACTION_LOCK, .object = MUTEX_M)};
static struct action sem[] = {ACTION(ACTION_SEM_WAIT, .object = SEM)};
static struct action suspend[] = {ACTION(ACTION_SUSPEND, .object = SUSPEND)};
static struct action receive[] = {ACTION(ACTION_RECEIVE, .object = CHANNEL, .amount = 1, .how = HOW_SHARED)};
static struct action sleeps[] = {ACTION(ACTION_SLEEP, .amount = 3600 * NS_PER_S)};
static struct action block[] = {ACTION(ACTION_BLOCK, .amount = 3600 * NS_PER_S)};
static struct action run_long[] = {ACTION(ACTION_RUN, .amount = 3600 * NS_PER_S)};
static struct action runtime[] = {ACTION(ACTION_RUNTIME, .amount = 3600 * NS_PER_S)};
#define N_ENDLESS 9

static struct program *endless(void)
{
    static struct phase phases[N_ENDLESS];
    static struct template templates[N_ENDLESS];
    static struct program program;

    phases[0] = phase_of(ab, N_OF(ab));
    phases[1] = phase_of(ba, N_OF(ba));
    phases[2] = phase_of(sem, N_OF(sem));
    phases[3] = phase_of(suspend, N_OF(suspend));
    phases[4] = phase_of(receive, N_OF(receive));
    phases[5] = phase_of(sleeps, N_OF(sleeps));
    phases[6] = phase_of(block, N_OF(block));
    phases[7] = phase_of(run_long, N_OF(run_long));
    phases[8] = phase_of(runtime, N_OF(runtime));
    for (unsigned i = 0; i < N_ENDLESS; i++) {
        static const char *const names[N_ENDLESS] = {"ab",     "ba",    "sem", "suspend", "receive",
                                                     "sleeps", "block", "run", "runtime"};
        templates[i] = template_of(names[i], -1, &phases[i]);
    }
    program = program_of(templates, N_ENDLESS, all_objects, N_OBJECTS);
    return &program;
}

/* How long it takes until all are gone, from the word to stop. */
static uint64_t stop_endless(enum task_kind kind, bool self_timed, bool by_free)
{
    struct engine *engine = start_program(self_timed, endless());
    struct collector c = {0};
    int tids[N_ENDLESS];

    for (unsigned i = 0; i < N_ENDLESS; i++)
        spawn_part(engine, i, kind, 1, i);
    wait_gated(engine);
    engine_release(engine);
    for (unsigned i = 0; i < N_ENDLESS; i++)
        tids[i] = engine_task(engine, i).tid;
    nap_ms(30);
    uint64_t begin_ns = clock_now_ns();
    if (!by_free) {
        stop_all(engine);
        uint64_t took_ns = clock_now_ns() - begin_ns;
        collect(&c, engine);
        for (unsigned i = 0; i < N_ENDLESS; i++) {
            assert_int_equal(engine_task(engine, i).state, ENGINE_EMPTY);
            assert_int_equal(engine_task(engine, i).status, 0);
            assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
            if (kind == TASK_GREEN)
                continue;
            assert_false(exists(tids[i]));
            assert_non_null(find(&c, tids[i], EVENT_SAMPLE, SAMPLE_SWITCHES)); /* its last words */
            if (self_timed)
                check_own_account(&c, tids[i]);
        }
        free(c.events);
        free_and_check(engine);
        return took_ns;
    }
    free_and_check(engine);
    uint64_t took_ns = clock_now_ns() - begin_ns;
    for (unsigned i = 0; i < N_ENDLESS; i++)
        assert_true(kind == TASK_GREEN || !exists(tids[i]));
    return took_ns;
}

#define STOP_MS    50
#define STOP_TRIES 5 /* the machine may be busy with others */

static void endless_waits_end(enum task_kind kind)
{
    for (int k = 0; k < 4; k++) {
        uint64_t best_ns = UINT64_MAX;
        for (int i = 0; i < STOP_TRIES && best_ns > STOP_MS * NS_PER_MS; i++) {
            uint64_t took_ns = stop_endless(kind, k % 2, k / 2);
            best_ns = took_ns < best_ns ? took_ns : best_ns;
        }
        print_message("# all gone %.1f ms after the word%s\n", (double)best_ns / (double)NS_PER_MS,
                      k / 2 ? " to quit" : "");
        assert_true(best_ns <= STOP_MS * NS_PER_MS);
    }
}

static void endless_waits_of_threads_end(void **state)
{
    (void)state;
    endless_waits_end(TASK_THREAD);
}

static void endless_waits_of_processes_end(void **state)
{
    (void)state;
    endless_waits_end(TASK_PROCESS);
}

static void endless_waits_of_green_tasks_end(void **state)
{
    (void)state;
    endless_waits_end(TASK_GREEN);
}

/* ---- objects of runs ---- */

static void each_run_has_its_objects(void **state)
{
    struct action actions[] = {ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_ATOMIC),
                               ACTION(ACTION_SEM_WAIT, .object = SEM)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template template = template_of("adds", 1, &phase);
    struct program program = program_of(&template, 1, all_objects, N_OBJECTS);
    struct engine *engine = start_program(false, &program);
    struct collector c = {0};
    struct object_state counter;
    (void)state;

    /* Run r has r tasks, so that the counter of each shows whose it is. */
    unsigned slot = 0;
    for (uint16_t run = 1; run <= OBJECTS_SETS; run++) {
        for (unsigned i = 0; i < run; i++)
            spawn_part(engine, slot++, i % 2 ? TASK_PROCESS : TASK_THREAD, run, 0);
    }
    wait_gated(engine);
    engine_release(engine);
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    for (uint16_t run = 1; run <= OBJECTS_SETS; run++) {
        do
            assert_true(engine_object(engine, run, COUNTER, &counter));
        while (counter.value < run && clock_now_ns() < end_ns);
        assert_int_equal(counter.value, run);
    }

    /* One run more has to wait until the objects of another are free. */
    spawn_part(engine, slot, TASK_THREAD, 9, 0);
    spawn_part(engine, slot + 1, TASK_PROCESS, 9, 0);
    assert_false(engine_wait_gated(engine, 100, NULL));
    assert_int_equal(engine_task(engine, slot).state, ENGINE_STARTING);
    assert_false(engine_object(engine, 9, COUNTER, &counter));
    engine_stop(engine, slot + 1); /* it can be stopped meanwhile */
    assert_int_equal(engine_task(engine, slot + 1).state, ENGINE_EMPTY);
    for (unsigned i = 1; i < 3; i++)
        engine_stop(engine, i); /* run 2 */
    assert_true(engine_wait_stopped(engine, PATIENCE_MS));
    wait_gated(engine);
    engine_release(engine);
    assert_false(engine_object(engine, 2, COUNTER, &counter));
    do
        assert_true(engine_object(engine, 9, COUNTER, &counter));
    while (counter.value < 1 && clock_now_ns() < end_ns);
    assert_int_equal(counter.value, 1);
    for (uint16_t run = 1; run <= OBJECTS_SETS; run++) {
        if (run != 2) {
            assert_true(engine_object(engine, run, COUNTER, &counter));
            assert_int_equal(counter.value, run);
        }
    }

    /* Each set was introduced, by its own numbers. */
    collect(&c, engine);
    for (int set = 0; set < OBJECTS_SETS; set++) {
        const struct event *object = find(&c, set * EVENT_OBJECT_SET + COUNTER, EVENT_OBJECT, OBJECT_COUNTER);
        assert_non_null(object);
        assert_string_equal(object->u.name, "k");
    }
    stop_all(engine);
    free(c.events);
    free_and_check(engine);
}

/* ---- forks ---- */

static unsigned n_forked(const struct engine *engine, enum engine_state state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < engine_n_slots(engine); i++) {
        struct engine_task task = engine_task(engine, i);
        n += task.forked && task.state == state;
    }
    return n;
}

static int64_t counted(const struct engine *engine)
{
    struct object_state counter = {.value = -1};
    engine_object(engine, 1, COUNTER, &counter);
    return counter.value;
}

static bool parent_is_done(const struct engine *engine)
{
    return engine_task(engine, 0).state == ENGINE_DONE;
}

static bool no_child_is_left(const struct engine *engine)
{
    return n_forked(engine, ENGINE_STARTING) + n_forked(engine, ENGINE_RUNNING) == 0;
}

static void forks_are_made(enum task_kind kind, enum task_kind child_kind)
{
    struct action parent[] = {ACTION(ACTION_FORK, .template = 1), ACTION(ACTION_FORK, .template = 1),
                              ACTION(ACTION_FORK, .template = 1)};
    struct action child[] = {ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_ATOMIC),
                             ACTION(ACTION_SEM_WAIT, .object = SEM)};
    struct phase phases[] = {phase_of(parent, N_OF(parent)), phase_of(child, N_OF(child))};
    struct template templates[] = {template_of("parent", 1, &phases[0]), template_of("child", 1, &phases[1])};
    struct program program = program_of(templates, 2, all_objects, N_OBJECTS);
    struct collector c = {0};
    int tids[3];

    templates[1].n_instances = 0;
    templates[1].has_kind = kind != child_kind;
    templates[1].kind = child_kind;
    struct engine *engine = start_program(true, &program);
    spawn_part(engine, 0, kind, 1, 0);
    wait_gated(engine);
    engine_release(engine);
    assert_true(until(engine, parent_is_done));
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (counted(engine) < 3 && clock_now_ns() < end_ns)
        nap_ms(1);
    assert_int_equal(counted(engine), 3);
    engine_dispatch(engine);
    assert_int_equal(n_forked(engine, ENGINE_RUNNING), 3);
    assert_int_equal(engine_n_slots(engine), WORKLOAD_MAX_TASKS);
    for (unsigned i = 0; i < 3; i++) {
        struct engine_task task = engine_task(engine, WORKLOAD_MAX_TASKS - 1 - i);
        assert_true(task.forked && task.kind == child_kind && task.run == 1 && task.part.template == 1);
        assert_true(task.started_ns >= engine_task(engine, 0).started_ns);
        tids[i] = task.tid;
    }
    stop_all(engine);
    collect(&c, engine);
    for (unsigned i = 0; i < 3; i++) {
        const struct event *new = find(&c, tids[i], EVENT_NEW, 0);
        assert_int_equal(new->u.task.slot, WORKLOAD_MAX_TASKS - 1 - i);
        assert_int_equal(new->u.task.role, ROLE_WORKLOAD);
        assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
        if (child_kind != TASK_GREEN)
            check_own_account(&c, tids[i]);
    }
    free(c.events);
    free_and_check(engine);
}

static void tasks_fork_tasks(void **state)
{
    (void)state;
    forks_are_made(TASK_THREAD, TASK_THREAD);
    forks_are_made(TASK_PROCESS, TASK_PROCESS);
    forks_are_made(TASK_THREAD, TASK_PROCESS);
    forks_are_made(TASK_PROCESS, TASK_THREAD);
    forks_are_made(TASK_GREEN, TASK_GREEN);
    forks_are_made(TASK_GREEN, TASK_PROCESS);
    forks_are_made(TASK_THREAD, TASK_GREEN);
}

/* More forks than slots, one after the other: each slot is free again when its task has ended. */
static void slots_of_forked_tasks_are_used_again(void **state)
{
    struct action parent[] = {ACTION(ACTION_FORK, .template = 1), ACTION(ACTION_SEM_WAIT, .object = SEM)};
    struct action child[] = {ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_ATOMIC),
                             ACTION(ACTION_SEM_POST, .object = SEM)};
    struct phase phases[] = {phase_of(parent, N_OF(parent)), phase_of(child, N_OF(child))};
    struct template templates[] = {template_of("parent", 1500, &phases[0]),
                                   template_of("child", 1, &phases[1])};
    struct program program = program_of(templates, 2, all_objects, N_OBJECTS);
    struct engine *engine = start_program(false, &program);
    (void)state;

    spawn_part(engine, 0, TASK_THREAD, 1, 0);
    wait_gated(engine);
    engine_release(engine);
    assert_true(until(engine, parent_is_done));
    assert_int_equal(counted(engine), 1500);
    assert_true(until(engine, no_child_is_left));
    assert_int_equal(n_forked(engine, ENGINE_DIED), 0);
    free_and_check(engine);
}

static bool has_warned(const struct engine *engine)
{
    return engine_n_warnings(engine) > 0;
}

static void too_many_forks_are_told(void **state)
{
    struct action parent[] = {ACTION(ACTION_FORK, .template = 1)};
    struct action child[] = {ACTION(ACTION_SEM_WAIT, .object = SEM)};
    struct phase phases[] = {phase_of(parent, N_OF(parent)), phase_of(child, N_OF(child))};
    struct template templates[] = {template_of("parent", -1, &phases[0]),
                                   template_of("child", 1, &phases[1])};
    struct program program = program_of(templates, 2, all_objects, N_OBJECTS);
    struct engine *engine = start_program(false, &program);
    (void)state;

    spawn_part(engine, 0, TASK_THREAD, 1, 0);
    wait_gated(engine);
    engine_release(engine);
    assert_true(until(engine, has_warned));
    assert_non_null(strstr(engine_warning(engine, 0), "parent"));
    assert_int_equal(engine_n_warnings(engine), 1);
    do /* it may have forked once more meanwhile */
        stop_all(engine);
    while (!no_child_is_left(engine));
    free_and_check(engine);
}

static void a_killed_forker_leaves_no_slot_taken(void **state)
{
    struct action parent[] = {ACTION(ACTION_FORK, .template = 1)};
    struct action child[] = {ACTION(ACTION_SEM_POST, .object = SEM)};
    struct phase phases[] = {phase_of(parent, N_OF(parent)), phase_of(child, N_OF(child))};
    struct template templates[] = {template_of("parent", -1, &phases[0]),
                                   template_of("child", 1, &phases[1])};
    struct program program = program_of(templates, 2, all_objects, N_OBJECTS);
    struct engine *engine = start_program(false, &program);
    (void)state;

    for (unsigned round = 0; round < 8; round++) {
        spawn_part(engine, 0, TASK_PROCESS, 1, 0);
        wait_gated(engine);
        engine_release(engine);
        nap_ms(5);
        kill(engine_task(engine, 0).pid, SIGKILL);
        assert_true(wait_state(engine, 0, ENGINE_DIED));
    }
    assert_true(until(engine, no_child_is_left));
    for (unsigned i = 1; i < WORKLOAD_MAX_TASKS; i++)
        spawn_part(engine, i, TASK_GREEN, 2, 1);
    wait_gated(engine);
    free_and_check(engine);
}

/* ---- refusals ---- */

static void a_refusal_is_told_once_and_the_rest_runs(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = 1000)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template templates[] = {template_of("far", 1, &phase), template_of("near", 1, &phase)};
    struct program program = program_of(templates, 2, NULL, 0);
    (void)state;

    templates[0].settings.has_nodes = true;
    templates[0].settings.nodes = UINT64_C(1) << 63; /* no machine here has that one */
    struct engine *engine = start_program(false, &program);
    for (unsigned i = 0; i < 4; i++)
        spawn_part(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, (uint16_t)(1 + i % 2), i / 3);
    wait_gated(engine);
    engine_release(engine);
    for (unsigned i = 0; i < 4; i++)
        assert_true(wait_state(engine, i, ENGINE_DONE));
    assert_int_equal(engine_n_warnings(engine), 1);
    assert_non_null(strstr(engine_warning(engine, 0), "far"));
    assert_null(strchr(engine_warning(engine, 0), '\n'));
    free_and_check(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_carry_out_a_program),
        cmocka_unit_test(processes_carry_out_a_program),
        cmocka_unit_test(crashes_are_real),
        cmocka_unit_test(endless_waits_of_threads_end),
        cmocka_unit_test(endless_waits_of_processes_end),
        cmocka_unit_test(endless_waits_of_green_tasks_end),
        cmocka_unit_test(each_run_has_its_objects),
        cmocka_unit_test(tasks_fork_tasks),
        cmocka_unit_test(slots_of_forked_tasks_are_used_again),
        cmocka_unit_test(too_many_forks_are_told),
        cmocka_unit_test(a_killed_forker_leaves_no_slot_taken),
        cmocka_unit_test(a_refusal_is_told_once_and_the_rest_runs),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
