/* Green tasks on the real kernel: their turns, their waits, and the thread that carries them. */
#include "../../src/clock.h"
#include "engine_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MAX_GREENS 64

static int carrier_of(const struct engine *engine)
{
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (engine_carrier_tid(engine, i))
            return engine_carrier_tid(engine, i);
    }
    return 0;
}

static void wait_done(struct engine *engine, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_true(wait_state(engine, i, ENGINE_DONE));
        assert_int_equal(engine_task(engine, i).status, 0);
    }
}

/* ---- what is told of turns ---- */

struct turn {
    uint64_t begin_ns, end_ns;
};

/* Holds that each of a green task's switches follows the one before, without a CPU, and lists its turns. */
static size_t turns_of(const struct collector *c, int tid, struct turn *turns)
{
    bool in = false;
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct event *e = &c->events[i];
        if (e->tid != tid || (e->kind != EVENT_SWITCH_IN && e->kind != EVENT_SWITCH_OUT))
            continue;
        assert_int_equal(e->cpu, -1);
        assert_int_equal(e->kind, in ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN);
        if (in)
            turns[n++].end_ns = e->time_ns;
        else
            turns[n].begin_ns = e->time_ns;
        in = !in;
    }
    assert_false(in);
    return n;
}

static int by_begin(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;
    if (one->begin_ns != other->begin_ns)
        return one->begin_ns < other->begin_ns ? -1 : 1;
    return one->end_ns < other->end_ns ? -1 : one->end_ns > other->end_ns;
}

/* Holds that no two have the turn at once. Returns how many turns there were. */
static size_t check_turns(const struct collector *c, const int *tids, unsigned n_tasks)
{
    struct turn *turns = mem_new(c->n + 1, sizeof *turns);
    size_t n = 0;

    for (unsigned i = 0; i < n_tasks; i++)
        n += turns_of(c, tids[i], turns + n);
    qsort(turns, n, sizeof *turns, by_begin);
    for (size_t i = 1; i < n; i++)
        assert_true(turns[i - 1].end_ns <= turns[i].begin_ns);
    free(turns);
    return n;
}

/* ---- tests ---- */

static void green_tasks_take_turns(bool self_timed)
{
    struct engine *engine = start(self_timed);
    struct cpuset cpus = one_cpu(0);
    struct collector c = {0};
    int tids[3];

    for (unsigned i = 0; i < 3; i++)
        spawn(engine, i, TASK_GREEN, &cpus, 50 * NS_PER_MS);
    wait_gated(engine);
    int carrier = carrier_of(engine), crew = engine_crew_pid(engine);
    assert_int_not_equal(carrier, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct engine_task task = engine_task(engine, i);
        assert_int_equal(task.state, ENGINE_GATED);
        assert_int_equal(task.kind, TASK_GREEN);
        assert_int_equal(task.pid, crew);
        assert_true(task.tid < 0 && task.work_done_ns == 0);
        tids[i] = task.tid;
    }
    struct cpuset is;
    assert_true(cpuset_get_affinity(carrier, &is));
    assert_true(cpuset_equal(&is, &cpus));
    engine_release(engine);
    wait_done(engine, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_true(engine_task(engine, i).work_done_ns == 50 * NS_PER_MS);
    assert_true(vanishes(carrier));
    while (carrier_of(engine))
        nap_ms(1);

    collect(&c, engine);
    for (unsigned i = 0; i < 3; i++) {
        const struct event *new = find(&c, tids[i], EVENT_NEW, 0);
        assert_int_equal(new->u.task.kind, TASK_GREEN);
        assert_int_equal(new->u.task.pid, carrier);
        assert_int_equal(new->u.task.slot, i);
        assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
        assert_int_equal(find(&c, tids[i], EVENT_NOTE, NOTE_WORK)->u.work.done_ns, 50 * NS_PER_MS);
    }
    assert_true(check_turns(&c, tids, 3) >= 15); /* 10 ms each */
    const struct event *new = find(&c, carrier, EVENT_NEW, 0);
    assert_int_equal(new->u.task.role, ROLE_WORKLOAD);
    assert_int_equal(new->u.task.kind, TASK_THREAD);
    assert_int_equal(new->u.task.slot, -1);
    assert_int_equal(new->u.task.pid, crew);
    assert_string_equal(find(&c, carrier, EVENT_NAME, 0)->u.name, "carrier");
    assert_int_equal(count(&c, carrier, EVENT_EXIT), 1);
    if (self_timed)
        check_own_account(&c, carrier);

    /* The next ones have another carrier. */
    spawn(engine, 0, TASK_GREEN, &cpus, NS_PER_MS);
    wait_gated(engine);
    engine_release(engine);
    wait_done(engine, 1);
    assert_int_not_equal(engine_task(engine, 0).tid, tids[0]);
    free(c.events);
    free_and_check(engine);
}

static void they_take_turns(void **state)
{
    (void)state;
    green_tasks_take_turns(false);
    green_tasks_take_turns(true);
}

enum { MUTEX, CONDITION, BARRIER, PING, PONG, COUNTER, N_OBJECTS };

static struct object objects[N_OBJECTS] = {
    [MUTEX] = {.name = (char *)"m", .kind = OBJECT_MUTEX},
    [CONDITION] = {.name = (char *)"c", .kind = OBJECT_CONDITION},
    [BARRIER] = {.name = (char *)"b", .kind = OBJECT_BARRIER, .n_users = 4},
    [PING] = {.name = (char *)"ping", .kind = OBJECT_SEM},
    [PONG] = {.name = (char *)"pong", .kind = OBJECT_SEM},
    [COUNTER] = {.name = (char *)"k", .kind = OBJECT_COUNTER},
};

/* Runs the templates to their end, a task of each kind; returns how long it took. */
static uint64_t run_all(struct template *templates, unsigned n, const enum task_kind *kinds, bool self_timed,
                        int64_t *counter)
{
    struct program program = program_of(templates, n, objects, N_OBJECTS);
    struct engine *engine = start_program(self_timed, &program);
    struct collector c = {0};
    struct object_state state = {0};
    int tids[MAX_GREENS];
    unsigned n_green = 0;

    for (unsigned i = 0; i < n; i++)
        spawn_part(engine, i, kinds[i], 1, i);
    wait_gated(engine);
    for (unsigned i = 0; i < n; i++) {
        if (kinds[i] == TASK_GREEN)
            tids[n_green++] = engine_task(engine, i).tid;
    }
    int carrier = carrier_of(engine);
    uint64_t begin_ns = clock_now_ns();
    engine_release(engine);
    wait_done(engine, n);
    uint64_t took_ns = clock_now_ns() - begin_ns;
    while (carrier_of(engine))
        nap_ms(1);
    engine_object(engine, 1, COUNTER, &state);
    *counter = state.value;
    collect(&c, engine);
    check_turns(&c, tids, n_green);
    if (self_timed)
        check_own_account(&c, carrier);
    assert_int_equal(engine_source(engine)->ops->lost(engine_source(engine)), 0);
    free(c.events);
    free_and_check(engine);
    return took_ns;
}

static const enum task_kind all_green[MAX_GREENS] = {[0 ... MAX_GREENS - 1] = TASK_GREEN};

static void they_share_objects(void **state)
{
    struct action ping[] = {ACTION(ACTION_SEM_POST, .object = PING), ACTION(ACTION_SEM_WAIT, .object = PONG),
                            ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_LOCKED)};
    struct action pong[] = {ACTION(ACTION_SEM_WAIT, .object = PING), ACTION(ACTION_SEM_POST, .object = PONG)};
    struct action lock[] = {ACTION(ACTION_LOCK, .object = MUTEX), ACTION(ACTION_SLEEP, .amount = 1000),
                            ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_ATOMIC),
                            ACTION(ACTION_UNLOCK, .object = MUTEX)};
    struct phase phases[] = {phase_of(ping, N_OF(ping)), phase_of(pong, N_OF(pong)),
                             phase_of(lock, N_OF(lock)), phase_of(lock, N_OF(lock))};
    struct template templates[] = {template_of("ping", 200, &phases[0]), template_of("pong", 200, &phases[1]),
                                   template_of("one", 20, &phases[2]), template_of("two", 20, &phases[3])};
    int64_t counter;
    (void)state;

    run_all(templates, 4, all_green, false, &counter);
    assert_int_equal(counter, 240);
    run_all(templates, 4, all_green, true, &counter);
    assert_int_equal(counter, 240);

    /* The same with threads and processes among them. */
    const enum task_kind mixed[] = {TASK_GREEN, TASK_THREAD, TASK_PROCESS, TASK_GREEN};
    run_all(templates, 4, mixed, true, &counter);
    assert_int_equal(counter, 240);
}

static void they_meet_at_a_barrier(void **state)
{
    struct action actions[] = {ACTION(ACTION_BARRIER, .object = BARRIER),
                               ACTION(ACTION_ADD, .object = COUNTER, .amount = 1, .how = HOW_ATOMIC)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template templates[] = {template_of("a", 50, &phase), template_of("b", 50, &phase),
                                   template_of("c", 50, &phase), template_of("d", 50, &phase)};
    int64_t counter;
    (void)state;

    run_all(templates, 4, all_green, true, &counter);
    assert_int_equal(counter, 200);
}

#define N_SLEEPERS 20
#define SLEEP_NS   (50 * NS_PER_MS)

/* By turns they sleep together; a system call that blocks they take one after the other. */
static void sleep_or_block(enum action_kind kind, uint64_t *took_ns)
{
    struct action actions[] = {ACTION(kind, .amount = SLEEP_NS)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template templates[N_SLEEPERS];
    int64_t counter;

    for (unsigned i = 0; i < N_SLEEPERS; i++)
        templates[i] = template_of("sleeper", 1, &phase);
    *took_ns = run_all(templates, N_SLEEPERS, all_green, true, &counter);
}

static void a_sleep_is_theirs_and_a_blocking_call_is_everybodys(void **state)
{
    uint64_t slept_ns, blocked_ns;
    (void)state;

    sleep_or_block(ACTION_BLOCK, &blocked_ns);
    assert_true(blocked_ns >= N_SLEEPERS * SLEEP_NS);
    sleep_or_block(ACTION_SLEEP, &slept_ns);
    assert_true(slept_ns >= SLEEP_NS);
    assert_true(slept_ns < blocked_ns / 2);
}

/* Many turns, of which only some are told. */
static void quick_turns_are_left_out_and_counted(void **state)
{
    struct action actions[] = {ACTION(ACTION_YIELD)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template templates[] = {template_of("a", 100000, &phase), template_of("b", 100000, &phase)};
    struct program program = program_of(templates, 2, objects, N_OBJECTS);
    struct engine *engine = start_program(false, &program);
    struct collector c = {0};
    uint64_t n_untold = 0;
    int tids[2];
    (void)state;

    for (unsigned i = 0; i < 2; i++)
        spawn_part(engine, i, TASK_GREEN, 1, i);
    wait_gated(engine);
    for (unsigned i = 0; i < 2; i++)
        tids[i] = engine_task(engine, i).tid;
    engine_release(engine);
    wait_done(engine, 2);
    uint64_t took_ns = engine_task(engine, 1).ended_ns - engine_task(engine, 0).started_ns;
    print_message("# %.0f ns a turn\n", (double)took_ns / 200000);
    collect(&c, engine);
    size_t n_told = check_turns(&c, tids, 2);
    for (size_t i = 0; i < c.n; i++) {
        if (c.events[i].kind == EVENT_NOTE && c.events[i].detail == NOTE_UNTOLD)
            n_untold += c.events[i].u.lost.n;
    }
    assert_true(n_told <= 64 + 2 + 2000 * took_ns / NS_PER_S);
    assert_true(n_told + n_untold >= 150000 && n_told + n_untold <= 200010);
    assert_int_equal(engine_source(engine)->ops->lost(engine_source(engine)), 0);
    free(c.events);
    free_and_check(engine);
}

static void a_crash_takes_all_along(void **state)
{
    struct action crash[] = {ACTION(ACTION_SLEEP, .amount = 1000), ACTION(ACTION_CRASH, .amount = SIGSEGV)};
    struct action rest[] = {ACTION(ACTION_SLEEP, .amount = NS_PER_S)};
    struct phase phases[] = {phase_of(rest, 1), phase_of(rest, 1), phase_of(rest, 1), phase_of(crash, 2)};
    struct template templates[] = {template_of("a", -1, &phases[0]), template_of("b", -1, &phases[1]),
                                   template_of("c", -1, &phases[2]), template_of("d", 1, &phases[3])};
    struct program program = program_of(templates, 4, NULL, 0);
    struct engine *engine = start_program(true, &program);
    struct collector c = {0};
    int tids[4];
    (void)state;

    for (unsigned i = 0; i < 4; i++)
        spawn_part(engine, i, i == 1 ? TASK_PROCESS : i == 2 ? TASK_THREAD : TASK_GREEN, 1, i);
    wait_gated(engine);
    for (unsigned i = 0; i < 4; i++)
        tids[i] = engine_task(engine, i).tid;
    int carrier = carrier_of(engine);
    engine_release(engine);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 1)
            continue;
        assert_true(wait_state(engine, i, ENGINE_DIED));
        assert_int_equal(WTERMSIG(engine_task(engine, i).status), SIGSEGV);
    }
    assert_int_equal(engine_task(engine, 1).state, ENGINE_RUNNING);
    assert_int_equal(carrier_of(engine), 0);
    collect(&c, engine);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(count(&c, tids[i], EVENT_EXIT), i != 1);
    assert_int_equal(count(&c, carrier, EVENT_EXIT), 1);

    spawn_part(engine, 0, TASK_GREEN, 1, 0);
    wait_gated(engine);
    engine_release(engine);
    stop_all(engine);
    free(c.events);
    free_and_check(engine);
}

static void the_first_one_places_the_carrier(void **state)
{
    struct engine *engine = start(false);
    struct cpuset first = one_cpu(0), second = one_cpu(1), is;
    (void)state;

    for (unsigned i = 0; i < 2; i++)
        spawn(engine, i, TASK_GREEN, &first, 0);
    wait_gated(engine);
    engine_release(engine);
    int carrier = carrier_of(engine);
    assert_true(engine_place(engine, 1, &second, NULL));
    assert_true(cpuset_get_affinity(carrier, &is) && cpuset_equal(&is, &first));
    assert_true(engine_place(engine, 0, &second, NULL));
    assert_true(cpuset_get_affinity(carrier, &is) && cpuset_equal(&is, &second));
    engine_stop(engine, 0);
    assert_true(engine_wait_stopped(engine, PATIENCE_MS));
    assert_true(engine_place(engine, 1, &first, NULL));
    assert_true(cpuset_get_affinity(carrier, &is) && cpuset_equal(&is, &first));
    assert_true(wait_work(engine, 1, engine_task(engine, 1).work_done_ns + NS_PER_MS));
    stop_all(engine);
    free_and_check(engine);
}

static void there_may_be_many(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    (void)state;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++)
            spawn(engine, i, TASK_GREEN, &cpus, NS_PER_MS / 20);
        wait_gated(engine);
        engine_release(engine);
        wait_done(engine, WORKLOAD_MAX_TASKS);
    }
    free_and_check(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_take_turns),
        cmocka_unit_test(they_share_objects),
        cmocka_unit_test(they_meet_at_a_barrier),
        cmocka_unit_test(a_sleep_is_theirs_and_a_blocking_call_is_everybodys),
        cmocka_unit_test(quick_turns_are_left_out_and_counted),
        cmocka_unit_test(a_crash_takes_all_along),
        cmocka_unit_test(the_first_one_places_the_carrier),
        cmocka_unit_test(there_may_be_many),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("green", tests, NULL, NULL);
}
