/* The proc source: its parsers on text, and itself on the real /proc. */
#include "../../src/clock.h"
#include "../../src/observe/proc.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS_MAX 8192

/* ---- parsers ---- */

static void test_parse_schedstat(void **state)
{
    uint64_t run_ns = 0, wait_ns = 0, slices = 0;
    const char *text = "123456789 42 7\n";
    (void)state;
    assert_true(proc_parse_schedstat(text, strlen(text), &run_ns, &wait_ns, &slices));
    assert_int_equal(run_ns, 123456789);
    assert_int_equal(wait_ns, 42);
    assert_int_equal(slices, 7);
    text = "18446744073709551615 0 0";
    assert_true(proc_parse_schedstat(text, strlen(text), &run_ns, &wait_ns, &slices));
    assert_true(run_ns == UINT64_MAX);

    static const char *const bad[] = {"", "\n", "1 2", "1 2 ", "a 2 3", "1 2 -3", "18446744073709551616 0 0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(proc_parse_schedstat(bad[i], strlen(bad[i]), &run_ns, &wait_ns, &slices));
    assert_false(proc_parse_schedstat("1 2 3", 4, &run_ns, &wait_ns, &slices)); /* n counts, not a NUL */
}

static void test_parse_status(void **state)
{
    uint64_t voluntary = 0, involuntary = 0;
    const char *text = "Name:\tx\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t150\n"
                       "nonvoluntary_ctxt_switches:\t545\n";
    (void)state;
    assert_true(proc_parse_status(text, strlen(text), &voluntary, &involuntary));
    assert_int_equal(voluntary, 150);
    assert_int_equal(involuntary, 545);

    static const char *const bad[] = {
        "",
        "Name:\tx\n",
        "Name:\tx\nvoluntary_ctxt_switches:\t1\n",
        "Name:\tx\nnonvoluntary_ctxt_switches:\t1\n",
        "Name:\tx\nvoluntary_ctxt_switches:\t\nnonvoluntary_ctxt_switches:\t1\n",
        "Name:\tvoluntary_ctxt_switches: 1\nnonvoluntary_ctxt_switches:\t1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(proc_parse_status(bad[i], strlen(bad[i]), &voluntary, &involuntary));
}

static void expect_stat(const char *name)
{
    char text[512], letter = 0;
    int processor = -1;
    const int n =
        snprintf(text, sizeof text,
                 "4711 (%s) R 1 4711 1 34816 4711 4194304 93 0 0 0 1 2 0 0 20 0 1 0 1234 2543616 90 "
                 "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0\n",
                 name);
    assert_true(proc_parse_stat(text, (size_t)n, &letter, &processor));
    assert_int_equal(letter, 'R');
    assert_int_equal(processor, 3);
}

static void test_parse_stat(void **state)
{
    char letter;
    int processor;
    (void)state;
    expect_stat("plain");
    expect_stat("two words");
    expect_stat(") S 1 (");
    expect_stat("");
    static const char *const bad[] = {"",       "1 (x",    "1 (x)",
                                      "1 (x) ", "1 (x) R", "1 (x) R 1 2 3 4 5 6 7 8 9 10 11\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(proc_parse_stat(bad[i], strlen(bad[i]), &letter, &processor));
}

/* ---- the source ---- */

static struct event events[EVENTS_MAX];

static size_t read_all(struct source *proc)
{
    size_t n = 0, got;
    do {
        got = proc->ops->read(proc, 0, events + n, 100); /* in pieces */
        n += got;
    } while (got > 0 && n + 100 <= EVENTS_MAX);
    for (size_t i = 1; i < n; i++)
        assert_true(events[i].time_ns >= events[i - 1].time_ns);
    return n;
}

static const struct event *last_sample(size_t n, int tid, enum event_sample sample)
{
    while (n-- > 0) {
        if (events[n].kind == EVENT_SAMPLE && events[n].tid == tid && events[n].detail == sample)
            return &events[n];
    }
    return NULL;
}

static unsigned count_samples(size_t n, int tid, enum event_sample sample)
{
    unsigned found = 0;
    while (n-- > 0)
        found += events[n].tid == tid && events[n].detail == sample;
    return found;
}

static int own_tid(void)
{
    return (int)syscall(SYS_gettid);
}

static void test_own_figures(void **state)
{
    const struct proc_config config = {.counters_every_ns = 1, .states_every_ns = 1};
    struct source *proc = proc_open(&config);
    const int tid = own_tid();
    struct rusage before, after;
    const struct timespec moment = {.tv_nsec = 1000000};
    (void)state;
    nanosleep(&moment, NULL); /* what it ran is added up when it is switched out, or at a tick */
    assert_int_equal(proc->ops->n_streams(proc), 1);
    assert_int_equal(read_all(proc), 0);
    proc_watch(proc, getpid(), tid);
    proc_watch(proc, getpid(), tid);
    getrusage(RUSAGE_THREAD, &before);
    proc->ops->tick(proc, clock_now_ns());
    getrusage(RUSAGE_THREAD, &after);
    const size_t n = read_all(proc);
    assert_int_equal(count_samples(n, tid, SAMPLE_SWITCHES), 1);
    assert_int_equal(count_samples(n, tid, SAMPLE_STATE), 1);

    const struct event *switches = last_sample(n, tid, SAMPLE_SWITCHES);
    assert_in_range(switches->u.switches.voluntary, before.ru_nvcsw, after.ru_nvcsw);
    assert_in_range(switches->u.switches.involuntary, before.ru_nivcsw, after.ru_nivcsw);
    const struct event *seen = last_sample(n, tid, SAMPLE_STATE);
    assert_int_equal(seen->u.state.letter, 'R');
    assert_true(seen->cpu >= 0);
    const struct event *run = last_sample(n, tid, SAMPLE_RUN);
    if (access("/proc/self/schedstat", R_OK) == 0) {
        assert_non_null(run);
        assert_true(run->u.run.run_ns > 0);
        assert_true(seen->u.state.slices > 0);
    }
    assert_int_equal(proc->ops->lost(proc), 0);
    proc->ops->close(proc);
}

static void test_due_and_refresh(void **state)
{
    const struct proc_config config = {.counters_every_ns = NS_PER_S, .states_every_ns = 10 * NS_PER_S};
    struct source *proc = proc_open(&config);
    const int tid = own_tid();
    const uint64_t t0 = clock_now_ns();
    (void)state;
    proc_watch(proc, getpid(), tid);
    proc->ops->tick(proc, t0);
    assert_true(read_all(proc) > 0);
    proc->ops->tick(proc, t0 + NS_PER_S - 1);
    assert_int_equal(read_all(proc), 0); /* nothing is due */
    proc->ops->tick(proc, t0 + NS_PER_S);
    size_t n = read_all(proc);
    assert_int_equal(count_samples(n, tid, SAMPLE_SWITCHES), 1);
    assert_int_equal(count_samples(n, tid, SAMPLE_STATE), 0);
    proc_refresh(proc);
    proc->ops->tick(proc, t0 + NS_PER_S + 1);
    n = read_all(proc);
    assert_int_equal(count_samples(n, tid, SAMPLE_SWITCHES), 1);
    proc->ops->tick(proc, t0 + NS_PER_S + 2);
    assert_int_equal(read_all(proc), 0); /* once */
    proc_unwatch(proc, tid);
    proc_unwatch(proc, tid);
    proc_refresh(proc);
    proc->ops->tick(proc, t0 + 100 * NS_PER_S);
    assert_int_equal(read_all(proc), 0);
    proc->ops->close(proc);
}

/* A crowd of which others tell does not keep one waiting of which nobody does. */
static void test_close_ones(void **state)
{
    const struct proc_config config = {.counters_every_ns = 3600 * NS_PER_S,
                                       .states_every_ns = 3600 * NS_PER_S,
                                       .close_counters_every_ns = NS_PER_S,
                                       .close_states_every_ns = NS_PER_S,
                                       .crowd_per_s = 1};
    struct source *proc = proc_open(&config);
    const int tid = own_tid();
    const uint64_t t0 = clock_now_ns();
    (void)state;
    for (int i = 0; i < 2500; i++)
        proc_watch(proc, 1, INT32_MAX - i); /* nobody, but many */
    proc_watch_closely(proc, getpid(), tid);
    proc_watch_closely(proc, getpid(), tid);
    for (unsigned i = 0; i < 3; i++) {
        proc->ops->tick(proc, t0 + i * NS_PER_S);
        const size_t n = read_all(proc);
        assert_int_equal(count_samples(n, tid, SAMPLE_STATE), 1);
        assert_int_equal(count_samples(n, tid, SAMPLE_SWITCHES), 1);
        proc->ops->tick(proc, t0 + i * NS_PER_S + 1);
        assert_int_equal(count_samples(read_all(proc), tid, SAMPLE_STATE), 0);
    }
    proc_unwatch(proc, tid);
    proc->ops->tick(proc, t0 + 10 * NS_PER_S);
    assert_int_equal(count_samples(read_all(proc), tid, SAMPLE_STATE), 0);
    proc->ops->close(proc);
}

static unsigned n_open_files(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static pid_t start_sleeper(void)
{
    const pid_t test = getpid(), child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == test)
        pause();
    _exit(0);
}

static void end_sleeper(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A task that vanished leaves no event and no open file; its neighbours go on. */
static void test_vanished_task(void **state)
{
    const struct proc_config config = {.counters_every_ns = 1, .states_every_ns = 1};
    struct source *proc = proc_open(&config);
    const pid_t stays = start_sleeper(), goes = start_sleeper();
    (void)state;
    proc_watch(proc, goes, goes);
    proc_watch(proc, stays, stays);
    const unsigned n_files = n_open_files();
    proc->ops->tick(proc, clock_now_ns());
    size_t n = read_all(proc);
    assert_int_equal(count_samples(n, goes, SAMPLE_SWITCHES), 1);
    assert_true(n_open_files() > n_files);
    end_sleeper(goes);
    proc->ops->tick(proc, clock_now_ns());
    proc_watch(proc, INT32_MAX, INT32_MAX); /* never was there */
    proc->ops->tick(proc, clock_now_ns());
    n = read_all(proc);
    assert_int_equal(count_samples(n, goes, SAMPLE_SWITCHES), 0);
    assert_int_equal(count_samples(n, stays, SAMPLE_SWITCHES), 2);
    proc_unwatch(proc, stays);
    const unsigned n_now = n_open_files();
    proc->ops->close(proc);
    assert_true(n_now <= n_files + 3); /* what libproc2 keeps open itself */
    end_sleeper(stays);
}

/* ---- many threads ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int tids[512];
static int n_tids;

static void *wait_at_gate(void *unused)
{
    tids[__atomic_fetch_add(&n_tids, 1, __ATOMIC_SEQ_CST)] = own_tid();
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return unused;
}

/* Starts n threads that wait, watches them, and ticks until each was sampled; then ends them. */
static void sample_threads(int n, int n_ticks_least, struct source *proc)
{
    pthread_t threads[512];
    unsigned n_states = 0, n_counters = 0;
    int n_ticks = 0;
    n_tids = 0;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_at_gate, NULL), 0);
    while (__atomic_load_n(&n_tids, __ATOMIC_SEQ_CST) < n)
        usleep(1000);
    usleep(20000);
    for (int i = 0; i < n; i++)
        proc_watch(proc, getpid(), tids[i]);
    while ((n_states < (unsigned)n || n_counters < (unsigned)n) && n_ticks < 100) {
        proc->ops->tick(proc, clock_now_ns());
        n_ticks++;
        const size_t n_events = read_all(proc);
        assert_true(n_events <= 64 * 4); /* a tick is bounded */
        for (int i = 0; i < n; i++) {
            const struct event *seen = last_sample(n_events, tids[i], SAMPLE_STATE);
            n_states += count_samples(n_events, tids[i], SAMPLE_STATE);
            n_counters += count_samples(n_events, tids[i], SAMPLE_SWITCHES);
            if (seen)
                assert_int_equal(seen->u.state.letter, 'S');
        }
    }
    assert_int_equal(n_states, n); /* each once: it is due once in this time */
    assert_int_equal(n_counters, n);
    assert_true(n_ticks >= n_ticks_least);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < n; i++) {
        proc_unwatch(proc, tids[i]);
        pthread_join(threads[i], NULL);
    }
}

static void test_few_and_many_threads(void **state)
{
    const struct proc_config config = {.counters_every_ns = 3600 * NS_PER_S,
                                       .states_every_ns = 3600 * NS_PER_S};
    struct source *proc = proc_open(&config);
    (void)state;
    sample_threads(10, 1, proc);
    sample_threads(64, 1, proc);
    sample_threads(200, 4, proc);
    proc->ops->close(proc);
}

/* With fewer file descriptors than tasks everything is still read. */
static void test_few_file_descriptors(void **state)
{
    const struct proc_config config = {.counters_every_ns = 3600 * NS_PER_S,
                                       .states_every_ns = 3600 * NS_PER_S};
    struct rlimit before, low;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct source *proc = proc_open(&config); /* raises the limit, and counts on it */
    low = before;
    low.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    sample_threads(100, 2, proc);
    proc->ops->close(proc);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_raises_the_soft_limit(void **state)
{
    const struct proc_config config = {0};
    struct rlimit before, low, now;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = before.rlim_max < 100 ? before.rlim_max : 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct source *proc = proc_open(&config);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    proc->ops->close(proc);
    assert_int_equal(now.rlim_cur, before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- on request ---- */

static void test_system(void **state)
{
    const struct proc_config config = {0};
    struct source *proc = proc_open(&config);
    struct proc_system first, second;
    (void)state;
    proc_system_read(proc, &first);
    usleep(20000); /* we are switched out and in */
    proc_system_read(proc, &second);
    assert_true(first.context_switches > 0);
    assert_true(second.context_switches > first.context_switches);
    assert_true(first.memory_available_kib > 0);
    assert_true(first.memory_total_kib >= first.memory_available_kib);
    assert_true(first.n_running >= 1);
    proc->ops->close(proc);
}

static void test_memory(void **state)
{
    const struct proc_config config = {0};
    struct source *proc = proc_open(&config);
    struct proc_memory memory;
    (void)state;
    assert_true(proc_memory_read(proc, getpid(), &memory));
    assert_true(memory.resident_kib > 100);
    if (access("/proc/self/smaps_rollup", R_OK) == 0)
        assert_true(memory.pss_kib > 0 && memory.pss_kib <= 2 * memory.resident_kib);
    assert_false(proc_memory_read(proc, INT32_MAX, &memory));
    assert_int_equal(memory.resident_kib, 0);
    proc->ops->close(proc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_schedstat),
        cmocka_unit_test(test_parse_status),
        cmocka_unit_test(test_parse_stat),
        cmocka_unit_test(test_own_figures),
        cmocka_unit_test(test_due_and_refresh),
        cmocka_unit_test(test_close_ones),
        cmocka_unit_test(test_vanished_task),
        cmocka_unit_test(test_few_and_many_threads),
        cmocka_unit_test(test_few_file_descriptors),
        cmocka_unit_test(test_raises_the_soft_limit),
        cmocka_unit_test(test_system),
        cmocka_unit_test(test_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
