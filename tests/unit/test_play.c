/* Every action of a program, on the real kernel: what it does, what it takes, and what is told of it. */
#include "../../src/clock.h"
#include "engine_fixture.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN 3

enum { MUTEX, CONDITION, ITEMS, DONE, SEM, BARRIER, CHANNEL, TIMER, UNIQUE, SUSPEND, N_OBJECTS };

static struct object objects[N_OBJECTS] = {
    [MUTEX] = {.name = (char *)"m", .kind = OBJECT_MUTEX},
    [CONDITION] = {.name = (char *)"c", .kind = OBJECT_CONDITION},
    [ITEMS] = {.name = (char *)"items", .kind = OBJECT_COUNTER},
    [DONE] = {.name = (char *)"done", .kind = OBJECT_COUNTER},
    [SEM] = {.name = (char *)"s", .kind = OBJECT_SEM},
    [BARRIER] = {.name = (char *)"b", .kind = OBJECT_BARRIER},
    [CHANNEL] = {.name = (char *)"ch", .kind = OBJECT_CHANNEL},
    [TIMER] = {.name = (char *)"t", .kind = OBJECT_TIMER},
    [UNIQUE] = {.name = (char *)"unique", .kind = OBJECT_TIMER, .unique = true},
    [SUSPEND] = {.name = (char *)"p", .kind = OBJECT_SUSPEND},
};

#define ADD(counter, times, how_much, way)                                                                   \
    {                                                                                                        \
        .kind = ACTION_ADD, .object = (counter), .amount = (times), .by = (how_much), .how = (way)           \
    }

/* A test's program, the engine that runs it, and what was told. */
struct show {
    struct program program;
    struct engine *engine;
    struct collector told;
    unsigned n_slots;
};

/* io_device: NULL for none. */
static void show_open_with(struct show *show, struct template *templates, unsigned n, bool self_timed,
                           char *io_device)
{
    *show = (struct show){.program = program_of(templates, n, objects, N_OBJECTS)};
    show->program.mem_buffer_bytes = 100000;
    show->program.io_device = io_device;
    show->engine = start_program(self_timed, &show->program);
}

static void show_open(struct show *show, struct template *templates, unsigned n, bool self_timed)
{
    show_open_with(show, templates, n, self_timed, NULL);
}

static void show_add(struct show *show, enum task_kind kind, uint32_t template)
{
    spawn_part(show->engine, show->n_slots++, kind, RUN, template);
}

static void show_run(struct show *show)
{
    wait_gated(show->engine);
    engine_release(show->engine);
    for (unsigned i = 0; i < show->n_slots; i++) {
        if (!wait_state(show->engine, i, ENGINE_DONE))
            fail_msg("task %u did not end", i);
    }
    collect(&show->told, show->engine);
}

static void show_close(struct show *show)
{
    stop_all(show->engine);
    free(show->told.events);
    free_and_check(show->engine);
}

static int tid_of(const struct show *show, unsigned slot)
{
    return engine_task(show->engine, slot).tid;
}

static struct object_state object_of(const struct show *show, uint32_t object)
{
    struct object_state state;

    assert_true(engine_object(show->engine, RUN, object, &state));
    return state;
}

/* The i-th note of the sort that the slot's task told. */
static const struct event *note(const struct show *show, unsigned slot, enum event_note detail, unsigned i)
{
    int tid = tid_of(show, slot);

    for (size_t e = 0; e < show->told.n; e++) {
        const struct event *event = &show->told.events[e];
        if (event->kind == EVENT_NOTE && event->tid == tid && event->detail == detail && i-- == 0)
            return event;
    }
    return NULL;
}

/* A template of one phase that is run as often as said; all alone, as a thread and as a process, timed by
 * itself and not. */
static void run_alone(struct action *actions, unsigned n, int loop, void (*check)(struct show *))
{
    struct phase phase = phase_of(actions, n);
    struct template template = template_of("alone", loop, &phase);

    for (int i = 0; i < 4; i++) {
        struct show show;
        show_open(&show, &template, 1, i % 2);
        show_add(&show, i / 2 ? TASK_PROCESS : TASK_THREAD, 0);
        show_run(&show);
        check(&show);
        show_close(&show);
    }
}

/* ---- time ---- */

static void check_run(struct show *show)
{
    const struct event *run = find(&show->told, tid_of(show, 0), EVENT_SAMPLE, SAMPLE_RUN);

    assert_int_equal(engine_task(show->engine, 0).loops, 4);
    assert_in_range(engine_task(show->engine, 0).work_done_ns, 19 * NS_PER_MS, 21 * NS_PER_MS);
    assert_true(run->u.run.run_ns >= 10 * NS_PER_MS);
}

static void test_run(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = 5 * NS_PER_MS)};
    (void)state;
    run_alone(actions, 1, 4, check_run);
}

static void check_runtime(struct show *show)
{
    struct engine_task task = engine_task(show->engine, 0);

    assert_true(task.ended_ns - task.started_ns >= 20 * NS_PER_MS);
    assert_true(task.work_done_ns > 0);
}

static void test_runtime(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUNTIME, .amount = 10 * NS_PER_MS)};
    (void)state;
    run_alone(actions, 1, 2, check_runtime);
}

static void check_sleep(struct show *show)
{
    uint64_t before_ns = engine_task(show->engine, 0).started_ns;

    for (unsigned i = 0; i < 2; i++) {
        const struct event *sleeps = note(show, 0, NOTE_SLEEPS, i), *got = note(show, 0, NOTE_GOT, i);
        assert_int_equal(sleeps->u.sync.object, -1);
        assert_true(sleeps->u.sync.until_ns >= before_ns + 3 * NS_PER_MS);
        assert_true(got->time_ns >= sleeps->u.sync.until_ns);
        before_ns = got->time_ns;
    }
    assert_null(note(show, 0, NOTE_SLEEPS, 2)); /* a sleep of 0 is none */
}

static void test_sleep(void **state)
{
    struct action actions[] = {ACTION(ACTION_SLEEP, .amount = 3 * NS_PER_MS), ACTION(ACTION_SLEEP)};
    (void)state;
    run_alone(actions, 2, 2, check_sleep);
}

/* A timer is due a period after it was due, from the beginning of the run on: never late by what the task
 * does in between. Where it was missed nothing is told. */
static void check_timer(struct show *show)
{
    const struct event *first = note(show, 0, NOTE_SLEEPS, 0), *sleeps;

    for (unsigned i = 0; (sleeps = note(show, 0, NOTE_SLEEPS, i)); i++) {
        assert_int_equal(sleeps->u.sync.object % EVENT_OBJECT_SET, TIMER);
        assert_int_equal((sleeps->u.sync.until_ns - first->u.sync.until_ns) % (20 * NS_PER_MS), 0);
        assert_true(note(show, 0, NOTE_GOT, i)->time_ns >= sleeps->u.sync.until_ns);
    }
}

static void test_timer(void **state)
{
    struct action actions[] = {
        ACTION(ACTION_RUN, .amount = NS_PER_MS),
        ACTION(ACTION_TIMER, .object = TIMER, .amount = 20 * NS_PER_MS, .absolute = true)};
    (void)state;
    run_alone(actions, 2, 5, check_timer);
}

#define PERIOD_NS (100 * NS_PER_MS)
#define TRIES     5 /* the machine may be busy for a whole period */

/* The second of three is missed. False when the first was, too, or the third. */
static bool is_right_after_a_miss(uint32_t timer, bool absolute)
{
    struct action actions[] = {
        ACTION(ACTION_TIMER, .object = timer, .amount = PERIOD_NS, .absolute = absolute),
        ACTION(ACTION_SLEEP, .amount = PERIOD_NS + PERIOD_NS / 4),
        ACTION(ACTION_TIMER, .object = timer, .amount = PERIOD_NS, .absolute = absolute),
        ACTION(ACTION_TIMER, .object = timer, .amount = PERIOD_NS, .absolute = absolute),
    };
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template template = template_of("late", 1, &phase);
    struct show show;

    show_open(&show, &template, 1, false);
    show_add(&show, TASK_THREAD, 0);
    show_run(&show);
    const struct event *first = note(&show, 0, NOTE_SLEEPS, 0), *third = note(&show, 0, NOTE_SLEEPS, 2);
    bool is_whole = first && third && first->u.sync.object >= 0;
    if (is_whole && absolute)
        assert_int_equal(third->u.sync.until_ns, first->u.sync.until_ns + 2 * PERIOD_NS);
    else if (is_whole)
        assert_true(third->u.sync.until_ns >= note(&show, 0, NOTE_GOT, 1)->time_ns + PERIOD_NS);
    show_close(&show);
    return is_whole;
}

/* The next one is a period after the miss, or where it was to be all along. */
static void test_missed_timer(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int tries = TRIES;
        while (!is_right_after_a_miss(i / 2 ? TIMER : UNIQUE, i % 2) && --tries)
            ;
        if (tries == 0) {
            print_message("# the machine is too busy\n");
            skip();
        }
    }
}

static bool are_right_with_two(uint32_t timer, uint64_t apart_ns)
{
    struct action actions[] = {ACTION(ACTION_TIMER, .object = timer, .amount = PERIOD_NS, .absolute = true)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("two", 1, &phase);
    struct show show;

    show_open(&show, &template, 1, false);
    show_add(&show, TASK_THREAD, 0);
    show_add(&show, TASK_PROCESS, 0);
    show_run(&show);
    const struct event *a = note(&show, 0, NOTE_SLEEPS, 0), *b = note(&show, 1, NOTE_SLEEPS, 0);
    bool is_whole = a && b;
    if (is_whole) {
        uint64_t a_ns = a->u.sync.until_ns, b_ns = b->u.sync.until_ns;
        assert_int_equal(a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns, apart_ns);
    }
    show_close(&show);
    return is_whole;
}

/* Two tasks with one timer take turns; each with its own are due at the same time. */
static void test_unique_timers(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        int tries = TRIES;
        while (!are_right_with_two(i ? TIMER : UNIQUE, i ? PERIOD_NS : 0) && --tries)
            ;
        if (tries == 0) {
            print_message("# the machine is too busy\n");
            skip();
        }
    }
}

static void test_delay(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = 1000)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("later", 1, &phase);
    struct show show;
    (void)state;

    template.delay_ns = 30 * NS_PER_MS;
    show_open(&show, &template, 1, true);
    show_add(&show, TASK_THREAD, 0);
    show_run(&show);
    const struct event *sleeps = note(&show, 0, NOTE_SLEEPS, 0);
    assert_non_null(sleeps);
    assert_int_equal(sleeps->u.sync.object, -1);
    assert_true(engine_task(show.engine, 0).ended_ns >= sleeps->u.sync.until_ns);
    show_close(&show);
}

static void check_block(struct show *show)
{
    const struct event *blocks = note(show, 0, NOTE_BLOCKS, 0), *got = note(show, 0, NOTE_GOT, 0);

    assert_int_equal(blocks->u.sync.until_ns, 0);
    assert_true(got->time_ns >= engine_task(show->engine, 0).started_ns + 10 * NS_PER_MS);
}

static void test_block(void **state)
{
    struct action actions[] = {ACTION(ACTION_BLOCK, .amount = 10 * NS_PER_MS)};
    (void)state;
    run_alone(actions, 1, 1, check_block);
}

static void check_yield(struct show *show)
{
    const struct event *switches = find(&show->told, tid_of(show, 0), EVENT_SAMPLE, SAMPLE_SWITCHES);

    assert_non_null(switches); /* it is alone, so that a yield need not be a switch */
    assert_int_equal(engine_task(show->engine, 0).loops, 100);
}

static void test_yield(void **state)
{
    struct action actions[] = {ACTION(ACTION_YIELD)};
    (void)state;
    run_alone(actions, 1, 100, check_yield);
}

/* ---- loops ---- */

static void test_loops(void **state)
{
    struct action ten[] = {ADD(ITEMS, 1, 10, HOW_PLAIN)};
    struct action one[] = {ADD(ITEMS, 1, 1, HOW_PLAIN), ADD(DONE, 2, -3, HOW_PLAIN)};
    struct phase phases[] = {phase_of(ten, 1), phase_of(one, 2)};
    struct template template = template_of("loops", 5, phases);
    struct show show;
    (void)state;

    phases[1].loop = 3;
    template.n_phases = 2;
    show_open(&show, &template, 1, false);
    show_add(&show, TASK_THREAD, 0);
    show_run(&show);
    assert_int_equal(object_of(&show, ITEMS).value, 5 * (10 + 3));
    assert_int_equal(object_of(&show, DONE).value, 5 * 3 * -6);
    assert_int_equal(object_of(&show, DONE).expected, 5 * 3 * -6);
    assert_int_equal(engine_task(show.engine, 0).loops, 5);
    show_close(&show);
}

static void test_loop_of_none(void **state)
{
    struct action actions[] = {ADD(ITEMS, 1, 1, HOW_PLAIN)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("none", 0, &phase);
    struct show show;
    (void)state;

    show_open(&show, &template, 1, false);
    show_add(&show, TASK_PROCESS, 0);
    show_run(&show);
    assert_int_equal(object_of(&show, ITEMS).value, 0);
    assert_int_equal(engine_task(show.engine, 0).loops, 0);
    show_close(&show);
}

/* -w: the calibrated work ends the task, whatever its loops say. */
static void test_work_ends_it(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = 3 * NS_PER_MS),
                               ACTION(ACTION_SLEEP, .amount = 1000)};
    struct phase phase = phase_of(actions, 2);
    struct template template = template_of("works", -1, &phase);
    struct show show;
    (void)state;

    show_open(&show, &template, 1, false);
    struct engine_order order = order_of(TASK_THREAD, RUN, 0);
    order.work_ns = 10 * NS_PER_MS;
    assert_true(engine_spawn(show.engine, show.n_slots++, &order, NULL));
    show_run(&show);
    assert_int_equal(engine_task(show.engine, 0).work_done_ns, 10 * NS_PER_MS);
    show_close(&show);
}

/* ---- memory, devices ---- */

static void check_done(struct show *show)
{
    assert_int_equal(engine_n_warnings(show->engine), 0);
    assert_int_equal(engine_task(show->engine, 0).loops, 2);
}

static void test_mem(void **state)
{
    struct action actions[] = {ACTION(ACTION_MEM, .amount = 1000000), ACTION(ACTION_MEM, .amount = 10),
                               ACTION(ACTION_IORUN, .amount = 1000000)};
    (void)state;
    run_alone(actions, N_OF(actions), 2, check_done);
}

static void test_iorun(void **state)
{
    struct action actions[] = {ACTION(ACTION_IORUN, .amount = 250000)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("writes", 1, &phase);
    char path[] = "/tmp/schedviz-test-XXXXXX";
    struct show show;
    struct stat status;
    (void)state;

    close(mkstemp(path));
    show_open_with(&show, &template, 1, true, path);
    show_add(&show, TASK_PROCESS, 0);
    show_run(&show);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 250000);
    show_close(&show);
    unlink(path);
}

static void test_iorun_refused(void **state)
{
    struct action actions[] = {ACTION(ACTION_IORUN, .amount = 10)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("writes", 3, &phase);
    struct show show;
    (void)state;

    show_open_with(&show, &template, 1, false, (char *)"/nowhere/at/all");
    show_add(&show, TASK_THREAD, 0);
    show_run(&show);
    assert_int_equal(engine_n_warnings(show.engine), 1);
    assert_string_equal(engine_warning(show.engine, 0),
                        "task writes: cannot write to /nowhere/at/all (No such file or "
                        "directory); iorun is left out");
    show_close(&show);
}

/* ---- tasks with each other: a thread with a process, and the other way round ---- */

static void run_two(struct template *templates, void (*check)(struct show *))
{
    const enum task_kind kinds[] = {TASK_THREAD, TASK_PROCESS};

    for (int i = 0; i < 4; i++) {
        struct show show;
        show_open(&show, templates, 2, i % 2);
        show_add(&show, kinds[i % 2], 0);
        show_add(&show, kinds[i / 2], 1);
        show_run(&show);
        check(&show);
        show_close(&show);
    }
}

static void check_bounded_buffer(struct show *show)
{
    assert_int_equal(object_of(show, ITEMS).value, 0);
    assert_int_equal(object_of(show, ITEMS).expected, 0);
    assert_int_equal(object_of(show, MUTEX).owner_tid, 0);
}

static void test_wait_while(void **state)
{
    struct action produce[] = {ACTION(ACTION_LOCK, .object = MUTEX), ADD(ITEMS, 1, 1, HOW_PLAIN),
                               ACTION(ACTION_SIGNAL, .object = CONDITION),
                               ACTION(ACTION_UNLOCK, .object = MUTEX)};
    struct action consume[] = {
        ACTION(ACTION_LOCK, .object = MUTEX),
        ACTION(ACTION_WAIT, .object = CONDITION, .mutex = MUTEX, .while_counter = ITEMS, .while_value = 0),
        ADD(ITEMS, 1, -1, HOW_PLAIN), ACTION(ACTION_UNLOCK, .object = MUTEX)};
    struct phase phases[] = {phase_of(produce, N_OF(produce)), phase_of(consume, N_OF(consume))};
    struct template templates[] = {template_of("in", 500, &phases[0]), template_of("out", 500, &phases[1])};
    (void)state;
    run_two(templates, check_bounded_buffer);
}

static void check_synced(struct show *show)
{
    assert_int_equal(engine_task(show->engine, 0).loops, 1);
    assert_int_equal(object_of(show, CONDITION).n_waits, 1);
}

/* sync with the mutex held, and without: the first task waits for the signal of the second. */
static void test_sync_both_ways(void **state)
{
    struct action held[] = {ACTION(ACTION_LOCK, .object = MUTEX),
                            ACTION(ACTION_SYNC, .object = CONDITION, .mutex = MUTEX),
                            ACTION(ACTION_UNLOCK, .object = MUTEX), ADD(DONE, 1, 1, HOW_ATOMIC)};
    struct action free_[] = {ACTION(ACTION_SYNC, .object = CONDITION, .mutex = MUTEX),
                             ADD(DONE, 1, 1, HOW_ATOMIC)};
    struct action wake[] = {ACTION(ACTION_SLEEP, .amount = 5 * NS_PER_MS),
                            ACTION(ACTION_LOCK, .object = MUTEX), /* free while the other one waits */
                            ACTION(ACTION_BROAD, .object = CONDITION),
                            ACTION(ACTION_UNLOCK, .object = MUTEX)};
    struct phase phases[] = {phase_of(held, N_OF(held)), phase_of(wake, N_OF(wake))};
    struct template templates[] = {template_of("waits", 1, &phases[0]), template_of("wakes", 40, &phases[1])};
    (void)state;

    run_two(templates, check_synced);
    phases[0] = phase_of(free_, N_OF(free_));
    run_two(templates, check_synced);
}

static void check_turns(struct show *show)
{
    assert_int_equal(object_of(show, SEM).value, 0);
    assert_int_equal(object_of(show, BARRIER).n_waiting, 0);
    assert_int_equal(engine_task(show->engine, 1).loops, 200);
}

static void test_sem_barrier_resume(void **state)
{
    struct action first[] = {ACTION(ACTION_SEM_POST, .object = SEM),
                             ACTION(ACTION_BARRIER, .object = BARRIER)};
    struct action second[] = {ACTION(ACTION_SEM_WAIT, .object = SEM),
                              ACTION(ACTION_BARRIER, .object = BARRIER),
                              ACTION(ACTION_RESUME, .object = SUSPEND)};
    struct phase phases[] = {phase_of(first, N_OF(first)), phase_of(second, N_OF(second))};
    struct template templates[] = {template_of("posts", 200, &phases[0]),
                                   template_of("waits", 200, &phases[1])};
    (void)state;
    run_two(templates, check_turns);
}

static void check_resumed(struct show *show)
{
    assert_int_equal(object_of(show, SUSPEND).n_waits, 1);
    assert_non_null(note(show, 1, NOTE_GAVE, 0));
}

static void test_suspend(void **state)
{
    struct action first[] = {ACTION(ACTION_SUSPEND, .object = SUSPEND)};
    struct action second[] = {ACTION(ACTION_SLEEP, .amount = 5 * NS_PER_MS),
                              ACTION(ACTION_RESUME, .object = SUSPEND)};
    struct phase phases[] = {phase_of(first, N_OF(first)), phase_of(second, N_OF(second))};
    struct template templates[] = {template_of("sleeps", 1, &phases[0]),
                                   template_of("wakes", 40, &phases[1])};
    (void)state;
    run_two(templates, check_resumed);
}

static void check_messages(struct show *show)
{
    struct object_state channel = object_of(show, CHANNEL);

    assert_int_equal(channel.value, 0);
    assert_int_equal(channel.n_ops, 3 * 300);
    assert_true(channel.ops_ns > 0);
}

static void test_messages(void **state)
{
    const enum action_how hows[] = {HOW_SHARED, HOW_PIPE};
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct action first[] = {
            ACTION(ACTION_SEND, .object = CHANNEL, .amount = 300, .how = hows[i], .bytes = 500)};
        struct action second[] = {ACTION(ACTION_RECEIVE, .object = CHANNEL, .amount = 300, .how = hows[i])};
        struct phase phases[] = {phase_of(first, 1), phase_of(second, 1)};
        struct template templates[] = {template_of("sends", 3, &phases[0]),
                                       template_of("receives", 3, &phases[1])};
        run_two(templates, check_messages);
    }
}

static void test_pingpong(void **state)
{
    const enum action_how hows[] = {HOW_SHARED, HOW_PIPE, HOW_YIELD};
    (void)state;

    for (int i = 0; i < 3; i++) {
        struct action actions[] = {
            ACTION(ACTION_PINGPONG, .object = CHANNEL, .amount = 300, .how = hows[i], .bytes = 4096)};
        struct phase phases[] = {phase_of(actions, 1), phase_of(actions, 1)};
        struct template templates[] = {template_of("a", 3, &phases[0]), template_of("b", 3, &phases[1])};
        run_two(templates, check_messages);
    }
}

/* ---- what it costs to make tasks ---- */

static void test_create(void **state)
{
    struct action actions[] = {ACTION(ACTION_CREATE, .amount = 20, .create_kind = TASK_THREAD),
                               ACTION(ACTION_CREATE, .amount = 20, .create_kind = TASK_PROCESS),
                               ACTION(ACTION_CREATE, .amount = 20, .create_kind = TASK_GREEN)};
    struct phase phase = phase_of(actions, N_OF(actions));
    struct template template = template_of("makes", 1, &phase);
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct show show;
        show_open(&show, &template, 1, false);
        show_add(&show, i ? TASK_PROCESS : TASK_THREAD, 0);
        show_run(&show);
        double thread = engine_created_us(show.engine, RUN, TASK_THREAD);
        double process = engine_created_us(show.engine, RUN, TASK_PROCESS);
        double green = engine_created_us(show.engine, RUN, TASK_GREEN);
        assert_true(thread > 0 && process > 0 && green > 0);
        print_message("# made by a %s: thread %.1f us, process %.1f us, green thread %.2f us\n",
                      i ? "process" : "thread", thread, process, green);
        assert_int_equal(engine_n_warnings(show.engine), 0);
        show_close(&show);
    }
}

/* ---- settings ---- */

static void test_phases_have_settings(void **state)
{
    struct action actions[] = {ACTION(ACTION_BARRIER, .object = BARRIER)};
    struct action tail[] = {ACTION(ACTION_SUSPEND, .object = SUSPEND)};
    struct phase phases[] = {phase_of(actions, 1), phase_of(actions, 1), phase_of(tail, 1)};
    struct template template = template_of("changes", 1, phases);
    struct cpuset all = all_cpus(), here;
    struct show show;
    (void)state;

    template.n_phases = 3;
    template.settings.has_priority = true;
    template.settings.priority = 4;
    phases[1].settings.policy = POLICY_BATCH;
    phases[1].settings.has_priority = true;
    phases[1].settings.priority = 6;
    phases[1].settings.has_cpus = true;
    cpuset_add(&phases[1].settings.cpus, cpuset_next(&all, -1));
    for (unsigned at = 0; at < 2; at++) {
        /* Stopped in phase 1, then in phase 2. */
        template.n_phases = 2 + at;
        phases[1].actions = at ? actions : tail;
        show_open(&show, &template, 1, false);
        show_add(&show, TASK_PROCESS, 0);
        wait_gated(show.engine);
        int tid = tid_of(&show, 0);
        assert_int_equal(sched_getscheduler(tid), SCHED_OTHER);
        engine_release(show.engine);
        while (object_of(&show, SUSPEND).n_waiting == 0)
            nap_ms(1);
        assert_int_equal(sched_getscheduler(tid), SCHED_BATCH); /* what phase 2 does not say stays */
        assert_true(cpuset_get_affinity(tid, &here));
        assert_int_equal(cpuset_count(&here), at ? cpuset_count(&all) : 1); /* the CPUs do not */
        show_close(&show);
    }
}

static void test_refusal_names_the_task(void **state)
{
    struct action actions[] = {ACTION(ACTION_RUN, .amount = 1000)};
    struct phase phase = phase_of(actions, 1);
    struct template template = template_of("away", 2, &phase);
    struct show show;
    (void)state;

    phase.settings.has_cpus = true;
    cpuset_add(&phase.settings.cpus, CPUSET_MAX - 1);
    show_open(&show, &template, 1, false);
    show_add(&show, TASK_THREAD, 0);
    show_add(&show, TASK_PROCESS, 0);
    show_run(&show);
    assert_int_equal(engine_n_warnings(show.engine), 1);
    assert_non_null(strstr(engine_warning(show.engine, 0), "task away: CPUs 4095 refused: only "));
    show_close(&show);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_runtime),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_missed_timer),
        cmocka_unit_test(test_unique_timers),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_yield),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_loop_of_none),
        cmocka_unit_test(test_work_ends_it),
        cmocka_unit_test(test_mem),
        cmocka_unit_test(test_iorun),
        cmocka_unit_test(test_iorun_refused),
        cmocka_unit_test(test_wait_while),
        cmocka_unit_test(test_sync_both_ways),
        cmocka_unit_test(test_sem_barrier_resume),
        cmocka_unit_test(test_suspend),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_pingpong),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_phases_have_settings),
        cmocka_unit_test(test_refusal_names_the_task),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("play", tests, NULL, NULL);
}
