/* A lesson on the real kernel: nothing moves before the class has predicted, steps set the session, answers
 * are judged and scored. No figure here depends on how busy the machine is. */
#include "../../src/lesson/lecture.h"

#include "../../src/clock.h"
#include "../../src/observe/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char text[] =
    "kind: thread\n"
    "placement: pinned\n"
    "tasks:\n"
    "  spin: {instance: 2, scales: true, run: 1000}\n"
    "  adder: {instance: 3, loop: 1, add: {ref: n, times: 1000, how: atomic}}\n"
    "lesson:\n"
    "  title: Trial\n"
    "  steps:\n"
    "    - title: First\n"
    "      start: [spin]\n"
    "      tasks: 3\n"
    "      cores: 1000\n"
    "      time: 50ms\n"
    "      measure:\n"
    "        - {name: n_tasks, value: tasks, within: [3, 3], ask: How many?, tolerance: 0}\n"
    "        - {value: 2 * n_tasks, ask: Which?, choices: [{text: five, within: [5, 5]}, {text: six, within: "
    "[6, 6]}]}\n"
    "    - title: Second\n"
    "      go_on: true\n"
    "      tasks: 4\n"
    "      time: 500ms\n"
    "      measure: [{value: tasks - n_tasks, within: [2, 3]}, {value: spin.alive, within: [4, 4]}]\n"
    "    - title: Third\n"
    "      start: [adder]\n"
    "      kind: process\n"
    "      measure: [{value: n.found, within: [n.expected, 3000]}, {value: makespan, within: [0, 60]}]\n"
    "    - title: Fourth\n"
    "      run: false\n"
    "      measure: [{value: n_tasks / 0, within: [0, 1]}]\n";

static struct machine machine;
static struct program *program;
static struct workload base;
static struct cpuset cpus;
static struct session *session;
static struct lecture *lecture;
static struct err err;

static int setup(void **state)
{
    (void)state;
    session = NULL;
    lecture = NULL;
    program = program_load("trial.yaml", text, sizeof text - 1, &err);
    if (!program || !machine_load(&machine, &err))
        return -1;
    memset(&cpus, 0, sizeof cpus);
    cpuset_add(&cpus, cpuset_next(&machine.allowed, -1));
    base = (struct workload){.name = program->name, .program = program, .placement = PLACEMENT_PINNED};
    return workload_cast(&base, 0, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    lecture_free(lecture);
    session_free(session);
    program_free(program);
    machine_fini(&machine);
    return waitpid(-1, NULL, WNOHANG) == -1 ? 0 : -1;
}

static void begin(bool interactive)
{
    char note[LECTURE_NOTE_SIZE];
    struct session_config config = {.hold = interactive};
    if (!lecture_workload(program, 0, &base, &cpus, &machine, &config.workload, &config.cpus, note, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(config.workload.n_tasks, 3);
    assert_int_equal(cpuset_count(&config.cpus), cpuset_count(&machine.allowed));
    assert_non_null(strstr(note, "1000"));
    session = session_start(&config, &machine, &err);
    if (!session)
        fail_msg("%s", err.msg);
    lecture = lecture_new(session, program, &base, &cpus, &machine, interactive);
}

static void turn_for(uint64_t ns)
{
    struct pollfd fds[64];
    const uint64_t end = clock_now_ns() + ns;
    do {
        unsigned n = session_poll_fds(session, fds, 64);
        session_sleep(session, fds, n, 5);
        session_turn(session);
        lecture_turn(lecture, clock_now_ns());
    } while (clock_now_ns() < end);
}

static void turn_until_measured(void)
{
    const uint64_t end = clock_now_ns() + 30 * NS_PER_S;
    while (lecture_state(lecture) != LECTURE_MEASURED && clock_now_ns() < end)
        turn_for(5 * NS_PER_MS);
    assert_int_equal(lecture_state(lecture), LECTURE_MEASURED);
}

static void nothing_moves_before_the_prediction(void **state)
{
    (void)state;
    unsigned n_predicted;
    begin(true);
    assert_int_equal(lecture_state(lecture), LECTURE_ASKS);
    assert_int_equal(lecture_question(lecture), 0);
    turn_for(100 * NS_PER_MS);
    assert_int_equal(session_current_run(session)->start_ns, 0);
    assert_false(lecture_predict(lecture, "three", &err));
    assert_non_null(strstr(err.msg, "number"));
    assert_true(lecture_predict(lecture, "3", &err));
    assert_int_equal(lecture_question(lecture), 1);
    assert_false(lecture_predict(lecture, "3", &err)); /* of two choices */
    assert_true(lecture_predict(lecture, "1", &err));
    assert_int_equal(lecture_question(lecture), -1);
    assert_int_equal(lecture_state(lecture), LECTURE_RUNS);
    turn_until_measured();
    assert_true(session_current_run(session)->start_ns > 0);

    const struct lecture_answer *first = lecture_answer(lecture, 0, 0),
                                *second = lecture_answer(lecture, 0, 1);
    assert_true(first->is_measured && first->value == 3 && first->is_inside && first->is_right);
    assert_true(second->value == 6 && second->right_choice == 1 && !second->is_right);
    assert_int_equal(lecture_score(lecture, &n_predicted), 1);
    assert_int_equal(n_predicted, 2);

    /* Entered again it asks again, and what was answered is forgotten. */
    assert_true(lecture_go(lecture, 0, &err));
    assert_int_equal(lecture_state(lecture), LECTURE_ASKS);
    assert_int_equal(lecture_score(lecture, &n_predicted), 0);
    turn_for(50 * NS_PER_MS);
    assert_int_equal(session_current_run(session)->start_ns, 0);
    assert_true(lecture_predict(lecture, "", &err));
    assert_true(lecture_predict(lecture, "", &err));
    turn_until_measured();
    assert_int_equal(lecture_score(lecture, &n_predicted), 0);
    assert_int_equal(n_predicted, 0);
}

static void steps_set_the_session(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(lecture_state(lecture), LECTURE_RUNS);
    turn_until_measured();
    const uint16_t run = session_current_run(session)->number;

    assert_true(lecture_go(lecture, 1, &err));
    turn_until_measured();
    assert_int_equal(session_current_run(session)->number, run); /* it went on */
    const struct lecture_answer *outside = lecture_answer(lecture, 1, 0);
    assert_true(outside->is_measured && outside->value == 1 && !outside->is_inside);
    assert_true(lecture_answer(lecture, 1, 1)->value == 4);

    assert_true(lecture_go(lecture, 2, &err));
    turn_until_measured();
    assert_int_equal(session_current_run(session)->number, run + 1);
    assert_int_equal(session_current_run(session)->kind, TASK_PROCESS);
    assert_int_equal(session_current_run(session)->n_tasks, 3);
    assert_true(lecture_answer(lecture, 2, 0)->is_inside);
    assert_true(lecture_answer(lecture, 2, 1)->is_inside);

    assert_true(lecture_go(lecture, 3, &err));
    turn_until_measured();
    assert_false(lecture_answer(lecture, 3, 0)->is_measured);
    assert_true(lecture_answer(lecture, 3, 0)->why[0] != '\0');
    assert_int_equal(lecture_n_outside(lecture), 1);
    assert_int_equal(lecture_n_unmeasured(lecture), 1);
    assert_false(lecture_go(lecture, 4, &err));
    assert_int_equal(lecture_step(lecture), 3);
}

/* What a step that was passed over would have told is no mistake in the formula that asks for it. */
static void figures_of_steps_that_were_passed_over_are_not_known(void **state)
{
    (void)state;
    begin(false);
    assert_true(lecture_go(lecture, 3, &err));
    turn_until_measured();
    const struct lecture_answer *answer = lecture_answer(lecture, 3, 0);
    assert_false(answer->is_measured);
    assert_string_equal(answer->why, "step 1, which measures it, was not run to its end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_moves_before_the_prediction, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_set_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(figures_of_steps_that_were_passed_over_are_not_known, setup,
                                        teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
