/* Which tasks are covered by whose events, and when these are closed. */
#include "../../src/observe/families.h"

#include "../../src/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct families *families;

static int setup(void **state)
{
    (void)state;
    families = families_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    families_free(families);
    return 0;
}

/* Attaches a task with an event on CPU 0 and on CPU 1; returns the fd of the first. */
static int attach(int tid, uint64_t now_ns)
{
    struct family_event events[2];
    for (int cpu = 0; cpu < 2; cpu++)
        events[cpu] = (struct family_event){cpu, open("/dev/null", O_RDONLY | O_CLOEXEC)};
    assert_true(events[0].fd >= 0 && events[1].fd >= 0);
    families_attach(families, tid, events, 2, now_ns);
    return events[0].fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* A second fork is beyond doubt: the first one has ended before it began. */
static void forks_once(int tid, uint64_t time_ns)
{
    families_fork(families, tid, 9999, time_ns);
    families_exit(families, 9999, time_ns);
}

static void test_closed_after_the_last(void **state)
{
    (void)state;
    const int fd = attach(10, 100);
    assert_true(families_has(families, 10));
    assert_false(families_has(families, 11));
    forks_once(10, 150);
    assert_false(families_fork(families, 10, 11, 200));
    assert_false(families_fork(families, 11, 12, 300));
    assert_true(families_has(families, 11) && families_has(families, 12));
    families_exit(families, 10, 400);
    assert_false(families_has(families, 10));
    assert_int_equal(families_n_attached(families), 0);
    families_exit(families, 11, 500);
    assert_true(is_open(fd)); /* 12 lives by it */
    assert_int_equal(families_n_events(families), 2);
    families_exit(families, 12, 600);
    assert_false(is_open(fd));
    assert_int_equal(families_n_events(families), 0);
}

/* It was in /proc before its FORK could be read: what it inherited is enough. */
static void test_fork_comes_late(void **state)
{
    (void)state;
    const int first = attach(10, 100);
    forks_once(10, 110);
    const int second = attach(11, 250);
    assert_int_equal(families_n_attached(families), 2);
    forks_once(11, 255);
    assert_false(families_fork(families, 11, 12, 260));
    assert_true(is_open(second));
    assert_false(families_fork(families, 10, 11, 200));
    assert_false(is_open(second));
    assert_true(is_open(first));
    assert_int_equal(families_n_attached(families), 1);
    families_exit(families, 10, 300);
    families_exit(families, 11, 400);
    assert_true(is_open(first)); /* 12, which 11 made */
    families_exit(families, 12, 500);
    assert_false(is_open(first));
}

/* Its maker was being attached when it was made: it may have inherited nothing. */
static void test_first_fork_is_in_doubt(void **state)
{
    (void)state;
    attach(10, 100);
    assert_true(families_fork(families, 10, 11, 200));
    const int own = attach(11, 300);
    assert_false(families_fork(families, 10, 12, 400));
    families_exit(families, 10, 500);
    families_exit(families, 12, 600);
    assert_true(is_open(own));
    families_exit(families, 11, 700);
    assert_int_equal(families_n_events(families), 0);

    attach(20, 1000);
    const int kept = attach(21, 1000);
    assert_false(families_fork(families, 20, 21, 1100)); /* in doubt, but it has its own */
    assert_true(is_open(kept));
    attach(30, 1000);
    assert_false(families_fork(families, 30, 31, 1000 + 2 * NS_PER_S)); /* nobody forks for so long */
}

static void test_a_tid_is_used_again(void **state)
{
    (void)state;
    attach(10, 100);
    forks_once(10, 110);
    families_fork(families, 10, 11, 200);
    families_fork(families, 10, 11, 900); /* its end was not told */
    families_exit(families, 11, 800);     /* that of the first one */
    assert_true(families_has(families, 11));
    families_exit(families, 10, 1000);
    assert_int_equal(families_n_events(families), 2);
    families_exit(families, 11, 1100);
    assert_int_equal(families_n_events(families), 0);
}

/* Who made a task is told after what that task made. */
static void test_unknown_parent(void **state)
{
    (void)state;
    attach(10, 100);
    forks_once(10, 110);
    families_fork(families, 11, 12, 300);
    families_fork(families, 10, 11, 200);
    families_exit(families, 10, 400);
    families_exit(families, 11, 500);
    assert_int_equal(families_n_events(families), 2);
    families_exit(families, 12, 600);
    assert_int_equal(families_n_events(families), 0);
}

static void test_nothing_is_closed_in_doubt(void **state)
{
    (void)state;
    const int fd = attach(10, 100);
    families_doubt(families);
    families_exit(families, 10, 200);
    assert_false(families_has(families, 10));
    assert_true(is_open(fd));
    families_exit(families, 10, 300);
    families_exit(families, -1, 300);
}

static void count_fd(void *n, int fd)
{
    *(int *)n += is_open(fd);
}

static void test_each_event(void **state)
{
    int n = 0;
    (void)state;
    for (int tid = 1; tid <= 5; tid++)
        attach(tid, 100);
    families_exit(families, 3, 200);
    families_each_event(families, 1, count_fd, &n);
    assert_int_equal(n, 4);
    families_each_event(families, 2, count_fd, &n);
    assert_int_equal(n, 4);
}

/* Many, in a wild order: no tid is lost from the table, and in the end nothing is open. */
static void test_many(void **state)
{
    enum { N = 3000 };
    static bool lives[N + 1];
    uint32_t seed = 1;
    (void)state;
    attach(1, 1);
    forks_once(1, 2);
    lives[1] = true;
    for (uint64_t t_ns = 10; t_ns < 60000; t_ns++) {
        seed = seed * 1103515245 + 12345;
        const int tid = 2 + (int)(seed >> 8) % (N - 1), parent = (seed & 4096) ? 1 : 1 + (int)(seed >> 9) % N;
        if (lives[tid] && (seed & 8192))
            families_exit(families, tid, t_ns);
        else if (!lives[tid] && lives[parent])
            families_fork(families, parent, tid, t_ns);
        else
            continue;
        lives[tid] = !lives[tid];
    }
    unsigned n_living = 0;
    for (int tid = 1; tid <= N; tid++) {
        assert_int_equal(families_has(families, tid), lives[tid]);
        n_living += lives[tid];
    }
    assert_true(n_living > 100);
    assert_int_equal(families_n_events(families), 2);
    for (int tid = 1; tid <= N; tid++)
        families_exit(families, tid, UINT64_MAX);
    assert_int_equal(families_n_events(families), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_closed_after_the_last),
        TEST(test_fork_comes_late),
        TEST(test_first_fork_is_in_doubt),
        TEST(test_a_tid_is_used_again),
        TEST(test_unknown_parent),
        TEST(test_nothing_is_closed_in_doubt),
        TEST(test_each_event),
        TEST(test_many),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}
