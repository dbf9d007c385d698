/* The kernel's view of who waits for whom: parsers, and real programs that lock each other out. */
#include "../../src/observe/futex.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_TASKS   16
#define PATIENCE_MS 20000
#define ORDINARY    65534

/* ---- parsers ---- */

static bool parse(const char *text, struct futex_call *call)
{
    return futex_parse_syscall(text, strlen(text), call);
}

static void test_syscall(void **state)
{
    (void)state;
    struct futex_call call;
    char line[160];
    assert_true(parse("running\n", &call));
    assert_int_equal(call.state, FUTEX_RUNNING);
    assert_true(parse("-1 0x7ffc0 0x7f4a\n", &call));
    assert_int_equal(call.state, FUTEX_ELSEWHERE);
    assert_true(parse("35 0x7ffc0 0x0 0x0 0x0 0x0 0x0 0x7ffd12345678 0x7f12345678\n", &call));
    assert_int_equal(call.state, FUTEX_ELSEWHERE);

    snprintf(line, sizeof line, "%d 0x55d0c0de 0x%x 0x2 0x0 0x0 0x0 0x7ffd12345678 0x7f12345678\n", SYS_futex,
             FUTEX_WAIT | FUTEX_PRIVATE_FLAG);
    assert_true(parse(line, &call));
    assert_int_equal(call.state, FUTEX_WAITING);
    assert_int_equal(call.address, 0x55d0c0de);
    assert_int_equal(call.operation, FUTEX_WAIT);
    assert_int_equal(call.value, 2);
    assert_true(call.is_private);
    assert_false(call.is_limited);

    snprintf(line, sizeof line,
             "%d 0x1000 0x%x 0x4d2 0x7f12345600 0x0 0xffffffff 0x7ffd12345678 0x7f12345678\n", SYS_futex,
             FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME);
    assert_true(parse(line, &call));
    assert_int_equal(call.state, FUTEX_WAITING);
    assert_int_equal(call.operation, FUTEX_WAIT_BITSET);
    assert_false(call.is_private);
    assert_true(call.is_limited);

    snprintf(line, sizeof line, "%d 0x1000 0x%x 0x1 0x0 0x0 0x0 0x7ffd12345678 0x7f12345678\n", SYS_futex,
             FUTEX_WAKE);
    assert_true(parse(line, &call));
    assert_int_equal(call.state, FUTEX_ELSEWHERE);
}

static void test_syscall_of_a_32_bit_program(void **state)
{
    (void)state;
    struct futex_call call;
    if (sizeof(void *) == 4) {
        print_message("# a 32-bit machine has no other\n");
        skip();
    }
    assert_true(parse("240 0x804a010 0x80 0x2 0x0 0x0 0x0 0xffd12340 0xf7f12340\n", &call));
    assert_int_equal(call.state, FUTEX_WAITING);
    assert_true(call.is_compat);
    assert_true(parse("422 0x804a010 0x80 0x2 0x0 0x0 0x0 0xffd12340 0xf7f12340\n", &call));
    assert_int_equal(call.state, FUTEX_WAITING);
    /* For a 64-bit program 240 is something else. */
    assert_true(parse("240 0x804a010 0x80 0x2 0x0 0x0 0x0 0x7ffd12345678 0x7f12345678\n", &call));
    assert_int_equal(call.state, FUTEX_ELSEWHERE);
}

static void test_syscall_that_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "x",
                                        "-",
                                        "202",
                                        "202 0x1 0x2",
                                        "202 1 2 3 4 5 6 7 8",
                                        "202 0x1 0x80 0x2 0x0 0x0 0x0 0x7ffd12345678 0x",
                                        "99999999999999999999999 0x1 0x80 0x2 0x0 0x0 0x0 0x7 0x8"};
    struct futex_call call;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(parse(texts[i], &call));
}

static void test_mappings(void **state)
{
    (void)state;
    static const char text[] = "55d0c0d000-55d0c0e000 r-xp 00001000 fe:01 1234    /usr/bin/a b\n"
                               "7f0000000000-7f0000002000 rw-s 00000000 00:01 77   /dev/zero (deleted)\n"
                               "7f0000004000-7f0000006000 rw-p 00000000 00:00 0 \n"
                               "what is this\n";
    const char *at = text, *end = text + sizeof text - 1;
    struct futex_mapping m;
    assert_true(futex_parse_mapping(&at, end, &m));
    assert_int_equal(m.begin, 0x55d0c0d000);
    assert_int_equal(m.end, 0x55d0c0e000);
    assert_int_equal(m.inode, 1234);
    assert_int_equal(m.device, (UINT64_C(0xfe) << 32) + 1);
    assert_false(m.is_shared);
    assert_true(futex_parse_mapping(&at, end, &m));
    assert_true(m.is_shared);
    assert_int_equal(m.inode, 77);
    assert_true(futex_parse_mapping(&at, end, &m));
    assert_int_equal(m.inode, 0);
    assert_false(futex_parse_mapping(&at, end, &m));
    at = end;
    assert_false(futex_parse_mapping(&at, end, &m));
}

static void test_judge(void **state)
{
    (void)state;
    int tid;
    struct futex_call call = {
        .state = FUTEX_WAITING, .operation = FUTEX_WAIT, .value = 2, .is_private = true};
    const uint32_t plain[FUTEX_WORDS] = {2, 0, 1234, 1, 0};
    assert_int_equal(futex_judge(&call, plain, &tid), FUTEX_EDGE_MUTEX);
    assert_int_equal(tid, 1234);
    const uint32_t odd[FUTEX_WORDS] = {2, 0, 1234, 1, 0xdeadbeef};
    assert_int_equal(futex_judge(&call, odd, &tid), FUTEX_EDGE_UNKNOWN);
    const uint32_t changed[FUTEX_WORDS] = {1, 0, 1234, 1, 0};
    assert_int_equal(futex_judge(&call, changed, &tid), FUTEX_EDGE_UNKNOWN);

    call.value = FUTEX_WAITERS | 77;
    const uint32_t robust[FUTEX_WORDS] = {FUTEX_WAITERS | 77, 1, 0, 1, 0x90};
    assert_int_equal(futex_judge(&call, robust, &tid), FUTEX_EDGE_MUTEX);
    assert_int_equal(tid, 77);

    call = (struct futex_call){.state = FUTEX_WAITING, .operation = FUTEX_WAIT_BITSET, .value = 99};
    const uint32_t thread[FUTEX_WORDS] = {99, 98, 0, 0, 0};
    assert_int_equal(futex_judge(&call, thread, &tid), FUTEX_EDGE_JOIN);
    assert_int_equal(tid, 99);

    call = (struct futex_call){.state = FUTEX_WAITING, .operation = FUTEX_LOCK_PI};
    assert_int_equal(futex_judge(&call, robust, &tid), FUTEX_EDGE_MUTEX);
    assert_int_equal(tid, 77);
}

static void test_cycles(void **state)
{
    (void)state;
    static const struct futex_edge edges[] = {
        {1, 2, 0, FUTEX_EDGE_MUTEX, 0, 0, 0, false},   {2, 3, 0, FUTEX_EDGE_MUTEX, 0, 0, 0, false},
        {3, 2, 0, FUTEX_EDGE_JOIN, 0, 0, 0, false},    {4, 5, 0, FUTEX_EDGE_MUTEX, 0, 0, 0, false},
        {6, 6, 0, FUTEX_EDGE_MUTEX, 0, 0, 0, false},   {7, 0, 0, FUTEX_EDGE_UNKNOWN, 0, 0, 0, false},
        {9, 8, 0, FUTEX_EDGE_UNKNOWN, 0, 0, 0, false}, {8, 9, 0, FUTEX_EDGE_MUTEX, 0, 0, 0, false},
    };
    unsigned cycle[8];
    assert_int_equal(futex_cycles(edges, 8, cycle), 2);
    assert_int_equal(cycle[0], 0); /* waits for one that is in it */
    assert_int_equal(cycle[1], 1);
    assert_int_equal(cycle[2], 1);
    assert_int_equal(cycle[3], 0);
    assert_int_equal(cycle[4], 2);
    assert_int_equal(cycle[7], 0);
    assert_int_equal(futex_cycles(edges, 0, cycle), 0);
}

/* ---- programs ---- */

static pthread_mutex_t one, two;
static pthread_barrier_t both;

static void nap(void)
{
    const struct timespec ms = {.tv_nsec = 5000000};
    nanosleep(&ms, NULL);
}

static void *take_one_two(void *unused)
{
    pthread_mutex_lock(&one);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&two);
    return unused;
}

static void *take_two_one(void *unused)
{
    pthread_mutex_lock(&two);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&one);
    return unused;
}

static void *sleep_long(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void start(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        _exit(2);
}

static void make_mutexes(int protocol, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, protocol);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutex_init(&one, &attr);
    pthread_mutex_init(&two, &attr);
    pthread_barrier_init(&both, NULL, 2);
}

static void cross(void)
{
    start(take_one_two);
    start(take_two_one);
    sleep_long(NULL);
}

static void plain_deadlock(void)
{
    make_mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL);
    cross();
}

static void checked_deadlock(void)
{
    make_mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ERRORCHECK);
    cross();
}

/* As take_two_one(), once the other one sleeps in its second lock. */
static void *take_two_one_later(void *unused)
{
    pthread_mutex_lock(&two);
    pthread_barrier_wait(&both);
    while (!(__atomic_load_n(&two.__data.__lock, __ATOMIC_RELAXED) & (int)FUTEX_WAITERS))
        nap();
    nap();
    pthread_mutex_lock(&one);
    return unused;
}

/* Here the kernel itself sees the cycle, and glibc puts the task that would close it to sleep for ever: one
 * task, when they come one after the other; of two that come in the same microsecond the kernel may refuse
 * both. */
static void pi_deadlock(void)
{
    make_mutexes(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_NORMAL);
    start(take_one_two);
    start(take_two_one_later);
    sleep_long(NULL);
}

static void deadlock_with_itself(void)
{
    make_mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL);
    pthread_mutex_lock(&one);
    pthread_mutex_lock(&one);
}

struct shared {
    pthread_mutex_t one, two;
    pthread_barrier_t both;
    pid_t child;
};
static struct shared *shared; /* made by the test, before its children */

static void processes_deadlock(void)
{
    pthread_mutexattr_t attr;
    pthread_barrierattr_t barrier_attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->one, &attr);
    pthread_mutex_init(&shared->two, &attr);
    pthread_barrierattr_init(&barrier_attr);
    pthread_barrierattr_setpshared(&barrier_attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->both, &barrier_attr, 2);
    pid_t child = fork();
    if (child < 0)
        _exit(2);
    if (child > 0)
        shared->child = child;
    else
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_mutex_lock(child ? &shared->one : &shared->two);
    pthread_barrier_wait(&shared->both);
    pthread_mutex_lock(child ? &shared->two : &shared->one);
    sleep_long(NULL);
}

static void *wait_for_one(void *unused)
{
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&one);
    return unused;
}

static void contend(int protocol)
{
    make_mutexes(protocol, PTHREAD_MUTEX_NORMAL);
    pthread_barrier_init(&both, NULL, 3);
    pthread_mutex_lock(&one);
    start(wait_for_one);
    start(wait_for_one);
    pthread_barrier_wait(&both);
    sleep_long(NULL);
}

static void contention(void)
{
    contend(PTHREAD_PRIO_NONE);
}

static void pi_contention(void)
{
    contend(PTHREAD_PRIO_INHERIT);
}

static void join(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleep_long, NULL) == 0)
        pthread_join(thread, NULL);
}

/* Holds the lock that the thread wants which it waits for. */
static void join_deadlock(void)
{
    pthread_t thread;
    make_mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL);
    pthread_mutex_lock(&one);
    if (pthread_create(&thread, NULL, wait_for_one, NULL) != 0)
        _exit(2);
    pthread_barrier_wait(&both);
    pthread_join(thread, NULL);
}

static void *wait_for_a_signal(void *unused)
{
    static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&one);
    for (;;)
        pthread_cond_wait(&cond, &one);
    return unused;
}

static void nobodys(void)
{
    sem_t sem;
    make_mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL);
    sem_init(&sem, 0, 0);
    start(wait_for_a_signal);
    sem_wait(&sem);
}

/* ---- looking at them ---- */

static unsigned add_tasks(struct futex_task *tasks, unsigned n, int pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)) && n < MAX_TASKS)
        if (entry->d_name[0] != '.')
            tasks[n++] = (struct futex_task){pid, atoi(entry->d_name)};
    if (dir)
        closedir(dir);
    return n;
}

struct expected {
    void (*program)(void);
    unsigned n_mutex, n_join, n_unknown, n_cycles, n_in_cycles;
};

struct seen {
    unsigned n_edges, n[FUTEX_EDGE_UNKNOWN + 1], n_cycles, n_in_cycles;
};

static bool look(int pid, struct seen *seen, struct err *err)
{
    struct futex_task tasks[MAX_TASKS];
    struct futex_edge edges[MAX_TASKS];
    unsigned cycle[MAX_TASKS];
    unsigned n = add_tasks(tasks, 0, pid);
    if (shared->child > 0)
        n = add_tasks(tasks, n, shared->child);
    *seen = (struct seen){0};
    if (!futex_edges(tasks, n, edges, &seen->n_edges, err))
        return false;
    seen->n_cycles = futex_cycles(edges, seen->n_edges, cycle);
    for (unsigned i = 0; i < seen->n_edges; i++) {
        seen->n[edges[i].kind]++;
        seen->n_in_cycles += cycle[i] > 0;
    }
    return true;
}

static bool is_as_expected(const struct seen *seen, const struct expected *expected)
{
    return seen->n[FUTEX_EDGE_MUTEX] == expected->n_mutex && seen->n[FUTEX_EDGE_JOIN] == expected->n_join &&
           seen->n[FUTEX_EDGE_UNKNOWN] == expected->n_unknown && seen->n_cycles == expected->n_cycles &&
           seen->n_in_cycles == expected->n_in_cycles;
}

/* 0: as expected; 1: not; 2: may not be looked at. */
static int run_program(const struct expected *expected)
{
    struct seen seen = {0};
    struct err err = {0};
    int verdict = 1;
    memset(shared, 0, sizeof *shared);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        expected->program();
        _exit(3);
    }
    for (int i = 0; i < PATIENCE_MS / 5 && verdict == 1; i++) {
        nap();
        if (!look(pid, &seen, &err))
            verdict = 2;
        else if (is_as_expected(&seen, expected))
            verdict = 0;
    }
    if (verdict == 1)
        print_message("# %u edges: %u mutex, %u join, %u unknown, %u in %u cycles\n", seen.n_edges,
                      seen.n[FUTEX_EDGE_MUTEX], seen.n[FUTEX_EDGE_JOIN], seen.n[FUTEX_EDGE_UNKNOWN],
                      seen.n_in_cycles, seen.n_cycles);
    if (verdict == 2)
        print_message("# %s\n", err.msg);
    kill(pid, SIGKILL);
    if (shared->child > 0)
        kill(shared->child, SIGKILL);
    waitpid(pid, NULL, 0);
    return verdict;
}

static void become_ordinary(void)
{
    if (setgid(ORDINARY) != 0 || setuid(ORDINARY) != 0)
        _exit(2);
    prctl(PR_SET_DUMPABLE, 1); /* which a change of user takes away */
}

static int run_as_ordinary_user(const struct expected *expected)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        become_ordinary();
        _exit(run_program(expected));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void check(const struct expected *expected)
{
    int verdict = run_program(expected);
    if (verdict == 0 && geteuid() == 0)
        verdict = run_as_ordinary_user(expected);
    if (verdict == 2)
        skip();
    assert_int_equal(verdict, 0);
}

static void test_program(void **state)
{
    check(*state);
}

/* Another user's program: a line that says so. */
static void test_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can make another user's program\n");
        skip();
    }
    int status = 0;
    pid_t owner = getpid(), pid = fork();
    if (pid == 0) {
        struct err err = {0};
        struct futex_edge edge;
        unsigned n = 7;
        const struct futex_task task = {owner, owner};
        become_ordinary();
        bool all = futex_edges(&task, 1, &edge, &n, &err);
        print_message("# %s\n", err.msg);
        _exit(all || n != 0 || !strstr(err.msg, "another user's") || strchr(err.msg, '\n'));
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_gone(void **state)
{
    (void)state;
    struct futex_edge edge;
    unsigned n = 7;
    struct err err = {0};
    const struct futex_task task = {INT32_MAX, INT32_MAX};
    assert_true(futex_edges(&task, 1, &edge, &n, &err));
    assert_int_equal(n, 0);
    assert_true(futex_edges(NULL, 0, NULL, &n, &err));
}

static int make_shared(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED;
}

#define PROGRAM(run, ...)                                                                                    \
    {                                                                                                        \
#run, test_program, NULL, NULL, &(struct expected)                                                   \
        {                                                                                                    \
            run, __VA_ARGS__                                                                                 \
        }                                                                                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syscall),
        cmocka_unit_test(test_syscall_of_a_32_bit_program),
        cmocka_unit_test(test_syscall_that_is_none),
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_cycles),
        PROGRAM(plain_deadlock, 2, 0, 0, 1, 2),
        PROGRAM(checked_deadlock, 2, 0, 0, 1, 2),
        PROGRAM(pi_deadlock, 1, 0, 1, 0, 0),
        PROGRAM(pi_contention, 2, 0, 0, 0, 0),
        PROGRAM(deadlock_with_itself, 1, 0, 0, 1, 1),
        PROGRAM(processes_deadlock, 2, 0, 0, 1, 2),
        PROGRAM(contention, 2, 0, 0, 0, 0),
        PROGRAM(join, 0, 1, 0, 0, 0),
        PROGRAM(join_deadlock, 1, 1, 0, 1, 2),
        PROGRAM(nobodys, 0, 0, 2, 0, 0),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_gone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_shared, NULL);
}
