/* Programs that are watched: started and ended by the keeper, what they write, and their tasks in /proc. */
#include "../../src/clock.h"
#include "../../src/target/target.h"
#include "../../src/target/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)

static struct err error;
static struct cpuset cpus;
static struct rlimit files;

static int prepare(void **state)
{
    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    return cpuset_get_affinity(0, &cpus) ? 0 : -1;
}

static struct target *start(bool captured, const char *script)
{
    static const char *argv[4] = {"sh", "-c"};
    argv[2] = script;
    struct target_command command = {
        .argv = (char *const *)argv, .cpus = &cpus, .files = &files, .captured = captured};
    struct target *target = target_start(&command, &error);
    assert_non_null(target);
    return target;
}

/* Polls until the condition is true, or for longer than any machine needs. */
#define WAIT_FOR(target, condition)                                                                          \
    for (uint64_t end_ns = clock_now_ns() + PATIENCE_NS; !(condition);) {                                    \
        assert_true(clock_now_ns() < end_ns);                                                                \
        usleep(2000);                                                                                        \
        target_poll(target);                                                                                 \
        target_read(target);                                                                                 \
    }

static bool lives(pid_t pid)
{
    struct tree_stat stat;
    return tree_read_stat(pid, 0, &stat) && stat.state != 'Z' && stat.state != 'X';
}

static void a_command_waits_at_its_gate(void **state)
{
    (void)state;
    int status;
    struct target *target = start(true, "printf begun; exit 7");
    usleep(50000);
    target_poll(target);
    target_read(target);
    size_t n;
    uint64_t before;
    target_output(target, &n, &before);
    assert_int_equal(n, 0);
    assert_false(target_ended(target));
    target_release(target);
    WAIT_FOR(target, target_ended(target));
    assert_true(target_status(target, &status));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    WAIT_FOR(target, (target_output(target, &n, &before), n == 5));
    assert_memory_equal(target_output(target, &n, &before), "begun", 5);
    struct rusage usage;
    assert_true(target_usage(target, &usage));
    target_free(target);
}

static void the_end_of_long_output_is_kept(void **state)
{
    (void)state;
    size_t n;
    uint64_t before;
    struct target *target = start(true, "head -c 1000000 /dev/zero; printf end");
    target_release(target);
    WAIT_FOR(target, (target_output(target, &n, &before), before + n == 1000003));
    const char *bytes = target_output(target, &n, &before);
    assert_int_equal(n, TARGET_OUTPUT_BYTES);
    assert_memory_equal(bytes + n - 3, "end", 3);
    target_free(target);
}

static void what_cannot_be_executed_is_told(void **state)
{
    (void)state;
    char *const argv[] = {"/no/such/command", NULL};
    struct target_command command = {.argv = argv, .cpus = &cpus, .files = &files};
    int status;
    struct target *target = target_start(&command, &error);
    assert_non_null(target);
    target_release(target);
    WAIT_FOR(target, target_ended(target));
    assert_int_equal(target_exec_error(target), ENOENT);
    assert_true(target_status(target, &status));
    assert_int_equal(WEXITSTATUS(status), 127);
    target_free(target);
}

static size_t pids_below(const struct target *target, pid_t pids[8])
{
    struct target_task *tasks;
    size_t n = target_list(target, &tasks), n_pids = 0;
    for (size_t i = 0; i < n && n_pids < 8; i++)
        if (tasks[i].tid == tasks[i].pid)
            pids[n_pids++] = tasks[i].pid;
    free(tasks);
    return n_pids;
}

/* One ignores SIGTERM, one has left its parent: none of them stays. */
static void all_of_it_is_ended(void **state)
{
    (void)state;
    pid_t pids[8];
    size_t n = 0;
    struct target *target =
        start(true, "trap '' TERM; sleep 60 & (setsid sleep 61 &) ; while :; do sleep 1; done");
    target_release(target);
    WAIT_FOR(target, (n = pids_below(target, pids)) >= 4);
    target_free(target);
    for (size_t i = 0; i < n; i++)
        assert_false(lives(pids[i]));
}

static void what_is_let_run_goes_on(void **state)
{
    (void)state;
    struct target *target = start(true, "while :; do echo still here; sleep 0.01; done");
    const pid_t pid = target_pid(target);
    target_release(target);
    size_t n;
    uint64_t before;
    WAIT_FOR(target, (target_output(target, &n, &before), n > 0));
    const pid_t keeper = target_keeper_pid(target);
    target_let_run(target);
    target_free(target);
    usleep(300000); /* more than a pseudo-terminal holds would have been written */
    assert_true(lives(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
}

/* schedviz is killed: its command does not stay. */
static void nothing_stays_when_we_are_killed(void **state)
{
    (void)state;
    int fds[2];
    pid_t pid;
    assert_int_equal(pipe(fds), 0);
    const pid_t us = fork();
    assert_true(us >= 0);
    if (us == 0) {
        struct target *target = start(false, "sleep 62 & wait");
        target_release(target);
        pid = target_pid(target);
        if (write(fds[1], &pid, sizeof pid) < 0)
            _exit(1);
        pause();
    }
    assert_int_equal(read(fds[0], &pid, sizeof pid), sizeof pid);
    assert_true(lives(pid));
    kill(us, SIGKILL);
    waitpid(us, NULL, 0);
    for (uint64_t end_ns = clock_now_ns() + PATIENCE_NS; lives(pid);) {
        assert_true(clock_now_ns() < end_ns);
        usleep(5000);
    }
    while (waitpid(-1, NULL, 0) > 0) { /* the keeper came to us */
    }
    close(fds[0]);
    close(fds[1]);
}

static void a_process_is_found_by_its_thread(void **state)
{
    (void)state;
    pid_t pids[8];
    struct target *target = start(true, "sleep 63 & wait");
    target_release(target);
    WAIT_FOR(target, pids_below(target, pids) == 2);
    struct target *other = target_attach(target_pid(target), &error);
    assert_non_null(other);
    assert_int_equal(pids_below(other, pids), 2);
    assert_false(target_is_command(other));
    target_free(target);
    WAIT_FOR(other, target_ended(other));
    target_free(other);
}

static void parses_what_proc_says(void **state)
{
    (void)state;
    static const char text[] = "1234 (a) b (c) S 99 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 777 1 2";
    struct tree_stat stat;
    assert_true(tree_parse_stat(text, sizeof text - 1, &stat));
    assert_int_equal(stat.id, 1234);
    assert_int_equal(stat.parent, 99);
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.start, 777);
    assert_string_equal(stat.name, "a) b (c");
    for (size_t n = 0; n < 60; n++)
        assert_false(tree_parse_stat(text, n, &stat));
    assert_false(tree_parse_stat("x (y) S 1", 9, &stat));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_proc_says),
        cmocka_unit_test(a_command_waits_at_its_gate),
        cmocka_unit_test(the_end_of_long_output_is_kept),
        cmocka_unit_test(what_cannot_be_executed_is_told),
        cmocka_unit_test(all_of_it_is_ended),
        cmocka_unit_test(what_is_let_run_goes_on),
        cmocka_unit_test(nothing_stays_when_we_are_killed),
        cmocka_unit_test(a_process_is_found_by_its_thread),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("target", tests, prepare, NULL);
}
