/* The perf source on the real kernel, held against the kernel's own counters. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "../../src/clock.h"
#include "../../src/err.h"
#include "../../src/observe/merge.h"
#include "../../src/observe/perf.h"
#include "../../src/observe/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if HAVE_SECCOMP
#include <seccomp.h>
#endif

#define SPIN_NS   (400 * NS_PER_MS)
#define TASKS_MAX 8

/* ---- watching ---- */

struct watch {
    struct sink sink;
    struct source *perf;
    struct merge *merge;
    size_t n, max;
    struct event *events;
};

static void keep(struct sink *sink, const struct event *events, unsigned long n)
{
    struct watch *watch = (struct watch *)sink;
    if (watch->n + n > watch->max) {
        watch->max = 2 * (watch->n + n);
        watch->events = mem_resize(watch->events, watch->max, sizeof *watch->events);
    }
    memcpy(watch->events + watch->n, events, n * sizeof *events);
    watch->n += n;
}

static struct cpuset allowed_cpus(void)
{
    struct cpuset set;
    assert_true(cpuset_get_affinity(0, &set));
    return set;
}

static struct watch watch_or_skip(struct perf_config config)
{
    struct watch watch = {.sink.push = keep};
    struct err err;
    if (cpuset_count(&config.cpus) == 0)
        config.cpus = allowed_cpus();
    watch.perf = perf_open(&config, &err);
    if (!watch.perf) {
        print_message("# %s\n", err.msg);
        skip();
    }
    watch.merge = merge_new();
    merge_add(watch.merge, watch.perf);
    return watch;
}

static void drain(struct watch *watch)
{
    watch->perf->ops->tick(watch->perf, clock_now_ns());
    merge_run(watch->merge, UINT64_MAX, &watch->sink);
}

static void end_watch(struct watch *watch)
{
    merge_free(watch->merge);
    watch->perf->ops->close(watch->perf);
    free(watch->events);
}

/* ---- the tasks that are watched ---- */

/* Shared by the test and its tasks. */
static struct stage {
    struct cpuset cpus; /* task i runs on one of them */
    int n_tasks;
    struct actor {
        int pid, tid;
        bool sleeps; /* else it spins */
    } tasks[TASKS_MAX];
    int n_done;
} * stage;

static void nap(uint64_t ns)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

static _Noreturn void block_for_ever(void)
{
    for (;;)
        pause();
}

/* Plays its part, and then blocks for ever, so that the kernel's counters stand still to be read. */
static void *act(void *sleeps)
{
    const int i = __atomic_fetch_add(&stage->n_tasks, 1, __ATOMIC_SEQ_CST);
    struct cpuset one = {0};
    stage->tasks[i] = (struct actor){getpid(), (int)syscall(SYS_gettid), sleeps != NULL};
    cpuset_add(&one, cpuset_nth(&stage->cpus, (unsigned)i % cpuset_count(&stage->cpus)));
    if (!cpuset_set_affinity(0, &one))
        _exit(1);
    const uint64_t end_ns = clock_now_ns() + SPIN_NS;
    while (clock_now_ns() < end_ns) {
        if (sleeps)
            nap(500 * NS_PER_US);
    }
    __atomic_fetch_add(&stage->n_done, 1, __ATOMIC_SEQ_CST);
    block_for_ever();
}

static void die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

/* A host with two spinning threads, one that sleeps, and two spinning processes below it, dealt out over the
 * CPUs. */
static pid_t start_host(const struct cpuset *cpus)
{
    *stage = (struct stage){.cpus = *cpus};
    const pid_t test = getpid(), host = fork();
    assert_true(host >= 0);
    if (host > 0)
        return host;
    die_with_parent(test);
    for (int i = 0; i < 2; i++) {
        const pid_t me = getpid();
        if (fork() == 0) {
            die_with_parent(me);
            act(NULL);
        }
    }
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, act, i == 2 ? stage : NULL) != 0)
            _exit(1);
    }
    block_for_ever();
}

static void end_host(pid_t host)
{
    kill(host, SIGKILL);
    assert_int_equal(waitpid(host, NULL, 0), host);
}

static void kernel_counts(const struct actor *task, uint64_t *voluntary, uint64_t *involuntary)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", task->pid, task->tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t n = read(fd, text, sizeof text);
    close(fd);
    assert_true(n > 0 && proc_parse_status(text, (size_t)n, voluntary, involuntary));
}

static uint64_t all_counts(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < stage->n_tasks; i++) {
        uint64_t voluntary, involuntary;
        kernel_counts(&stage->tasks[i], &voluntary, &involuntary);
        sum += voluntary + involuntary;
    }
    return sum;
}

/* Until all have played and their counters stand still. */
static void wait_for_actors(struct watch *watch)
{
    const uint64_t end_ns = clock_now_ns() + 20 * NS_PER_S;
    while (__atomic_load_n(&stage->n_done, __ATOMIC_SEQ_CST) < 5 && clock_now_ns() < end_ns) {
        drain(watch);
        nap(20 * NS_PER_MS);
    }
    assert_int_equal(stage->n_done, 5);
    for (uint64_t before = 0, now = all_counts(); now != before && clock_now_ns() < end_ns;
         now = all_counts()) {
        before = now;
        nap(50 * NS_PER_MS);
    }
    drain(watch);
}

static uint64_t count(const struct watch *watch, int tid, enum event_kind kind, int detail)
{
    uint64_t n = 0;
    for (size_t i = 0; i < watch->n; i++)
        n +=
            watch->events[i].tid == tid && watch->events[i].kind == kind && watch->events[i].detail == detail;
    return n;
}

/* ---- the tests ---- */

static void test_counts_equal_the_kernels(void **state)
{
    struct watch watch = watch_or_skip((struct perf_config){0});
    struct cpuset one = {0};
    const struct cpuset allowed = allowed_cpus();
    (void)state;
    cpuset_add(&one, cpuset_nth(&allowed, 0));
    const pid_t host = start_host(&one);
    wait_for_actors(&watch);
    uint64_t n_involuntary = 0;
    for (int i = 0; i < stage->n_tasks; i++) {
        const struct actor *task = &stage->tasks[i];
        uint64_t voluntary, involuntary;
        kernel_counts(task, &voluntary, &involuntary);
        assert_int_equal(count(&watch, task->tid, EVENT_NEW, 0), 1);
        assert_int_equal(count(&watch, task->tid, EVENT_SWITCH_OUT, OUT_PREEMPTED), involuntary);
        assert_in_range(count(&watch, task->tid, EVENT_SWITCH_OUT, OUT_BLOCKED),
                        voluntary ? voluntary - 1 : 0, voluntary + 1);
        assert_int_equal(count(&watch, task->tid, EVENT_SWITCH_IN, 0),
                         count(&watch, task->tid, EVENT_SWITCH_OUT, OUT_PREEMPTED) +
                             count(&watch, task->tid, EVENT_SWITCH_OUT, OUT_BLOCKED));
        if (task->sleeps)
            assert_true(voluntary > 10);
        n_involuntary += involuntary;
    }
    assert_true(n_involuntary > 20); /* four spinners shared a core */
    assert_int_equal(watch.perf->ops->lost(watch.perf), 0);
    end_host(host);
    drain(&watch);
    for (int i = 0; i < stage->n_tasks; i++)
        assert_true(count(&watch, stage->tasks[i].tid, EVENT_EXIT, 0) <= 1);
    assert_int_equal(count(&watch, host, EVENT_EXIT, 0), 1);
    end_watch(&watch);
}

static void test_new_tells_thread_from_process(void **state)
{
    struct watch watch = watch_or_skip((struct perf_config){0});
    const struct cpuset allowed = allowed_cpus();
    (void)state;
    const pid_t host = start_host(&allowed);
    wait_for_actors(&watch);
    for (size_t i = 0; i < watch.n; i++) {
        const struct event *event = &watch.events[i];
        if (event->kind != EVENT_NEW)
            continue;
        for (int j = 0; j < stage->n_tasks; j++) {
            if (stage->tasks[j].tid != event->tid)
                continue;
            assert_int_equal(event->u.task.pid, stage->tasks[j].pid);
            assert_int_equal(event->u.task.kind,
                             stage->tasks[j].pid == stage->tasks[j].tid ? TASK_PROCESS : TASK_THREAD);
        }
    }
    end_host(host);
    end_watch(&watch);
}

/* On each CPU: what came in is what goes out (or ends), and time never goes back. */
static void test_rings_merge_in_order(void **state)
{
    struct watch watch = watch_or_skip((struct perf_config){0});
    const struct cpuset allowed = allowed_cpus();
    int *running = mem_new(CPUSET_MAX, sizeof *running);
    bool seen[2] = {false, false};
    (void)state;
    if (cpuset_count(&allowed) < 2) {
        free(running);
        end_watch(&watch);
        print_message("# one CPU only\n");
        skip();
    }
    const pid_t host = start_host(&allowed);
    wait_for_actors(&watch);
    for (size_t i = 0; i < watch.n; i++) {
        const struct event *event = &watch.events[i];
        assert_true(i == 0 || event->time_ns >= watch.events[i - 1].time_ns);
        if (event->kind == EVENT_SWITCH_IN) {
            assert_int_equal(running[event->cpu], 0);
            running[event->cpu] = event->tid;
        } else if (event->kind == EVENT_SWITCH_OUT) {
            /* the first out is of us, who were there when the watch began */
            assert_true(running[event->cpu] == event->tid || event->tid == getpid());
            running[event->cpu] = 0;
        } else if (event->kind == EVENT_EXIT && running[event->cpu] == event->tid) {
            running[event->cpu] = 0;
        }
        for (int j = 0; j < 2; j++)
            seen[j] |= event->cpu == cpuset_nth(&allowed, (unsigned)j);
    }
    assert_true(seen[0] && seen[1]);
    assert_int_equal(watch.perf->ops->lost(watch.perf), 0);
    end_host(host);
    free(running);
    end_watch(&watch);
}

static void *take_name(void *tid)
{
    *(int *)tid = (int)syscall(SYS_gettid);
    prctl(PR_SET_NAME, "sv \033[31m name");
    return NULL;
}

static void test_names(void **state)
{
    struct watch watch = watch_or_skip((struct perf_config){0});
    pthread_t thread;
    int tid = 0;
    bool found = false;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_name, &tid), 0);
    pthread_join(thread, NULL);
    drain(&watch);
    for (size_t i = 0; i < watch.n; i++)
        found |= watch.events[i].kind == EVENT_NAME && watch.events[i].tid == tid &&
                 strcmp(watch.events[i].u.name, "sv \033[31m name") == 0;
    assert_true(found);
    end_watch(&watch);
}

static long own_switches(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* Until the kernel has switched us n times: not every short nap makes it switch. */
static void nap_often(long n)
{
    const long end = own_switches() + n;
    while (own_switches() < end)
        nap(1);
}

/* A ring of one page that nobody reads: what did not fit is told, once there is room again. */
static void test_overflow_is_told(void **state)
{
    struct cpuset one = {0}, before = allowed_cpus();
    (void)state;
    cpuset_add(&one, cpuset_nth(&before, 0));
    struct watch watch =
        watch_or_skip((struct perf_config){.cpus = one, .ring_bytes = (size_t)sysconf(_SC_PAGESIZE)});
    assert_int_equal(perf_ring_bytes(watch.perf), sysconf(_SC_PAGESIZE));
    assert_true(cpuset_set_affinity(0, &one));
    nap_often(1000);
    drain(&watch);
    assert_int_equal(watch.perf->ops->lost(watch.perf), 0); /* not known yet */
    const size_t n_first = watch.n;
    nap_often(1);
    drain(&watch);
    assert_true(cpuset_set_affinity(0, &before));
    assert_true(n_first > 10 && watch.n > n_first);
    assert_int_equal(watch.events[n_first].kind, EVENT_LOST); /* the gap is where it was */
    assert_int_equal(watch.events[n_first].cpu, cpuset_nth(&one, 0));
    const uint64_t n_lost = watch.events[n_first].u.lost.n;
    assert_int_equal(watch.perf->ops->lost(watch.perf), n_lost);
    assert_true(n_first + n_lost >= 2000); /* an out and an in for each switch */
    end_watch(&watch);
}

/* A record is no even part of a ring: in a small one that is emptied again and again most rounds have one in
 * two pieces. */
static void test_records_around_the_end(void **state)
{
    struct cpuset one = {0}, before = allowed_cpus();
    (void)state;
    cpuset_add(&one, cpuset_nth(&before, 0));
    struct watch watch =
        watch_or_skip((struct perf_config){.cpus = one, .ring_bytes = (size_t)sysconf(_SC_PAGESIZE)});
    assert_true(cpuset_set_affinity(0, &one));
    drain(&watch);
    const size_t n_before = watch.n;
    const long switches_before = own_switches();
    for (int i = 0; i < 40; i++) {
        nap_often(40);
        drain(&watch);
    }
    const size_t n_switches = (size_t)(own_switches() - switches_before);
    drain(&watch);
    assert_true(cpuset_set_affinity(0, &before));
    assert_int_equal(watch.perf->ops->lost(watch.perf), 0);
    assert_in_range(watch.n - n_before, 2 * n_switches,
                    2 * n_switches + 4); /* we may be switched just then */
    for (size_t i = n_before + 1; i < watch.n; i++)
        assert_true(watch.events[i].kind != watch.events[i - 1].kind); /* out, in, out, ... */
    end_watch(&watch);
}

/* The watched process has ended: what it left is read, and poll is not woken for ever. */
static void test_hangup(void **state)
{
    int gate[2];
    struct pollfd fds[8];
    (void)state;
    assert_int_equal(pipe(gate), 0);
    const pid_t child = fork();
    if (child == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) < 0);
    }
    const struct cpuset allowed = allowed_cpus();
    struct cpuset few = {0};
    for (unsigned i = 0; i < 8 && cpuset_nth(&allowed, i) >= 0; i++)
        cpuset_add(&few, cpuset_nth(&allowed, i));
    struct perf_config config = {.pid = child, .cpus = few};
    struct err err;
    struct source *perf = perf_open(&config, &err);
    close(gate[0]);
    if (!perf) {
        close(gate[1]);
        waitpid(child, NULL, 0);
        print_message("# %s\n", err.msg);
        skip();
    }
    perf->ops->close(perf);
    struct watch watch = watch_or_skip(config);
    drain(&watch);
    assert_int_equal(watch.perf->ops->poll_fds(watch.perf, fds, 8), cpuset_count(&few));
    close(gate[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    nap(20 * NS_PER_MS);
    drain(&watch);
    assert_int_equal(count(&watch, child, EVENT_EXIT, 0), 1);
    assert_int_equal(watch.perf->ops->poll_fds(watch.perf, fds, 8), 0);
    end_watch(&watch);
}

static void test_poll_wakes_at_a_third(void **state)
{
    struct cpuset one = {0}, before = allowed_cpus();
    struct pollfd fd;
    (void)state;
    cpuset_add(&one, cpuset_nth(&before, 0));
    struct watch watch = watch_or_skip((struct perf_config){.cpus = one, .ring_bytes = 64 * 1024});
    assert_int_equal(watch.perf->ops->poll_fds(watch.perf, &fd, 0), 0);
    assert_int_equal(watch.perf->ops->poll_fds(watch.perf, &fd, 1), 1);
    assert_true(cpuset_set_affinity(0, &one));
    nap_often(50);
    assert_int_equal(poll(&fd, 1, 0), 0);
    nap_often(600); /* 24 bytes a record, two a switch */
    assert_int_equal(poll(&fd, 1, 1000), 1);
    assert_true(fd.revents & POLLIN);
    assert_true(cpuset_set_affinity(0, &before));
    end_watch(&watch);
}

static void test_cpus(void **state)
{
    const struct cpuset allowed = allowed_cpus();
    struct cpuset one = {0};
    struct err err = {""};
    (void)state;
    cpuset_add(&one, cpuset_nth(&allowed, 0));
    struct watch watch = watch_or_skip((struct perf_config){.cpus = one});
    assert_int_equal(watch.perf->ops->n_streams(watch.perf), 1);
    assert_true(perf_add_cpu(watch.perf, cpuset_nth(&one, 0), NULL, &err));
    assert_int_equal(watch.perf->ops->n_streams(watch.perf), 1);
    if (cpuset_count(&allowed) > 1) {
        bool whole = true;
        assert_true(perf_add_cpu(watch.perf, cpuset_nth(&allowed, 1), &whole, &err));
        assert_false(whole); /* nobody said before that it would come */
        assert_int_equal(watch.perf->ops->n_streams(watch.perf), 2);
    }
    assert_false(perf_add_cpu(watch.perf, CPUSET_MAX - 1, NULL, &err));
    assert_true(strstr(err.msg, "4095") != NULL);
    end_watch(&watch);
}

/* A task that was there before its CPU came is seen on it all the same. */
static void test_a_cpu_that_comes_later(void **state)
{
    const struct cpuset allowed = allowed_cpus();
    struct cpuset first = {0}, second = {0};
    struct err err = {""};
    bool whole = false;
    (void)state;
    if (cpuset_count(&allowed) < 2) {
        print_message("# one CPU only\n");
        skip();
    }
    cpuset_add(&first, cpuset_nth(&allowed, 0));
    cpuset_add(&second, cpuset_nth(&allowed, 1));
    struct watch watch = watch_or_skip((struct perf_config){.cpus = first, .later = second});
    const pid_t test = getpid(), child = fork();
    if (child == 0) {
        die_with_parent(test);
        cpuset_set_affinity(0, &second);
        for (;;)
            nap(NS_PER_MS);
    }
    nap(50 * NS_PER_MS);
    assert_int_equal(watch.perf->ops->n_streams(watch.perf), 1);
    assert_true(perf_add_cpu(watch.perf, cpuset_nth(&allowed, 1), &whole, &err));
    assert_true(whole);
    assert_int_equal(watch.perf->ops->n_streams(watch.perf), 2);
    const uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;
    while (count(&watch, child, EVENT_SWITCH_IN, 0) < 10 && clock_now_ns() < end_ns) {
        nap(20 * NS_PER_MS);
        drain(&watch);
    }
    assert_true(count(&watch, child, EVENT_SWITCH_IN, 0) >= 10);
    end_host(child);
    end_watch(&watch);
}

/* ---- tasks that run already ---- */

/* A process that was there before the watch: a thread that sleeps and makes children now and then. */
static pid_t start_maker(int *gate)
{
    assert_int_equal(pipe(gate), 0);
    const pid_t test = getpid(), maker = fork();
    assert_true(maker >= 0);
    if (maker > 0) {
        close(gate[0]);
        return maker;
    }
    char byte;
    die_with_parent(test);
    close(gate[1]);
    while (read(gate[0], &byte, 1) == 1) { /* each byte is a child that naps a little and ends */
        const pid_t child = fork();
        if (child == 0) {
            for (int i = 0; i < 20; i++)
                nap(NS_PER_MS);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    _exit(0);
}

static size_t count_kind(const struct watch *watch, enum event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < watch->n; i++)
        n += watch->events[i].kind == kind;
    return n;
}

static void drain_until(struct watch *watch, enum event_kind kind, size_t n)
{
    const uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;
    do {
        nap(10 * NS_PER_MS);
        drain(watch);
    } while (count_kind(watch, kind) < n && clock_now_ns() < end_ns);
    assert_true(count_kind(watch, kind) >= n);
}

/* What comes in goes out, and nothing is told twice. */
static void expect_turns(const struct watch *watch, int tid)
{
    enum event_kind last = EVENT_LOST;
    size_t n = 0;
    for (size_t i = 0; i < watch->n; i++) {
        const struct event *event = &watch->events[i];
        if (event->tid != tid || (event->kind != EVENT_SWITCH_IN && event->kind != EVENT_SWITCH_OUT))
            continue;
        assert_true(event->kind != last);
        last = (enum event_kind)event->kind;
        n++;
    }
    assert_true(n > 2);
}

static void test_attach(void **state)
{
    int gate[2];
    (void)state;
    const pid_t maker = start_maker(gate);
    struct watch watch = watch_or_skip((struct perf_config){0});
    struct err err = {""};
    const unsigned n_cpus = watch.perf->ops->n_streams(watch.perf);
    assert_int_equal(perf_attach(watch.perf, maker, &err), PERF_ATTACHED);
    assert_int_equal(perf_attach(watch.perf, maker, &err), PERF_COVERED);
    assert_int_equal(perf_n_attached(watch.perf), 1);
    assert_int_equal(perf_n_attached_files(watch.perf), n_cpus);
    for (int i = 0; i < 3; i++)
        assert_int_equal(write(gate[1], "x", 1), 1);
    drain_until(&watch, EVENT_EXIT, 3);
    assert_int_equal(count_kind(&watch, EVENT_NEW), 3);
    for (size_t i = 0; i < watch.n; i++) {
        if (watch.events[i].kind != EVENT_NEW)
            continue;
        assert_int_equal(watch.events[i].u.task.parent, maker);
        expect_turns(&watch, watch.events[i].tid);
    }
    expect_turns(&watch, maker);
    nap(5 * NS_PER_MS);
    drain(&watch);
    assert_int_equal(perf_n_attached(watch.perf), 1);
    close(gate[1]);
    drain_until(&watch, EVENT_EXIT, 4);
    nap(5 * NS_PER_MS);
    drain(&watch);
    assert_int_equal(waitpid(maker, NULL, 0), maker);
    assert_int_equal(perf_n_attached(watch.perf), 0);
    assert_int_equal(perf_n_attached_files(watch.perf), 0);
    assert_int_equal(perf_attach(watch.perf, maker, &err), PERF_GONE);
    assert_int_equal(watch.perf->ops->lost(watch.perf), 0);
    end_watch(&watch);
}

/* A task that is covered by what it inherited and attached besides, as one that is seen in /proc before its
 * FORK record. */
static void test_covered_twice(void **state)
{
    (void)state;
    struct watch watch = watch_or_skip((struct perf_config){0});
    struct err err = {""};
    const pid_t test = getpid(), child = fork(); /* inherits what watches us */
    if (child == 0) {
        die_with_parent(test);
        for (int i = 0; i < 200; i++)
            nap(NS_PER_MS);
        for (;;)
            pause();
    }
    drain(&watch); /* its FORK is told before the first is attached */
    assert_int_equal(perf_attach(watch.perf, child, &err), PERF_ATTACHED);
    const uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;
    while (count(&watch, child, EVENT_SWITCH_IN, 0) < 200 && clock_now_ns() < end_ns) {
        nap(20 * NS_PER_MS);
        drain(&watch);
    }
    nap(50 * NS_PER_MS);
    drain(&watch);
    uint64_t voluntary, involuntary;
    kernel_counts(&(struct actor){.pid = child, .tid = child}, &voluntary, &involuntary);
    assert_int_equal(count(&watch, child, EVENT_SWITCH_OUT, OUT_PREEMPTED), involuntary);
    assert_int_equal(count(&watch, child, EVENT_SWITCH_OUT, OUT_BLOCKED), voluntary);
    expect_turns(&watch, child);
    end_host(child);
    nap(5 * NS_PER_MS);
    drain(&watch);
    assert_int_equal(count(&watch, child, EVENT_EXIT, 0), 1);
    nap(5 * NS_PER_MS);
    drain(&watch);
    assert_int_equal(perf_n_attached(watch.perf), 0);
    end_watch(&watch);
}

static void test_detach(void **state)
{
    int gate[2];
    (void)state;
    const pid_t maker = start_maker(gate);
    struct watch watch = watch_or_skip((struct perf_config){0});
    struct err err = {""};
    perf_detach(watch.perf, maker); /* nothing was attached */
    assert_int_equal(perf_attach(watch.perf, maker, &err), PERF_ATTACHED);
    perf_detach(watch.perf, maker);
    assert_int_equal(perf_n_attached_files(watch.perf), 0);
    assert_int_equal(perf_attach(watch.perf, maker, &err), PERF_ATTACHED);
    end_watch(&watch); /* closes the rest */
    close(gate[1]);
    assert_int_equal(waitpid(maker, NULL, 0), maker);
}

static void test_wakes(void **state)
{
    const char *why = NULL;
    (void)state;
    struct watch ours = watch_or_skip((struct perf_config){.wakes = true});
    assert_false(perf_has_wakes(ours.perf, &why));
    assert_true(strlen(why) > 0);
    end_watch(&ours);
    struct watch watch = watch_or_skip((struct perf_config){.pid = -1, .wakes = true});
    if (!perf_has_wakes(watch.perf, &why)) {
        end_watch(&watch);
        print_message("# %s\n", why);
        skip();
    }
    assert_string_equal(why, "");
    int there[2];
    assert_int_equal(pipe(there), 0);
    const pid_t test = getpid(), child = fork();
    if (child == 0) {
        char byte;
        die_with_parent(test);
        while (read(there[0], &byte, 1) == 1)
            ;
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        nap(5 * NS_PER_MS);
        assert_int_equal(write(there[1], "x", 1), 1);
    }
    nap(20 * NS_PER_MS);
    drain(&watch);
    unsigned n_by_us = 0;
    for (size_t i = 0; i < watch.n; i++)
        n_by_us += watch.events[i].kind == EVENT_WAKE && watch.events[i].tid == child &&
                   watch.events[i].u.wake.waker_tid == test;
    assert_in_range(n_by_us, 15, 21); /* on a busy machine it may not be asleep yet; and who forks wakes */
    end_host(child);
    close(there[0]);
    close(there[1]);
    end_watch(&watch);
}

/* ---- refusals, each in a process of its own ---- */

static struct source *open_first_cpu(struct err *err);
static int complain(const char *msg);

/* The soft limit is raised, and at the hard one there is a clear word, and nothing half open. */
static int check_attach_no_fds(void)
{
    struct err err = {""};
    pid_t pids[48];
    const struct rlimit limit = {.rlim_cur = 16, .rlim_max = 40};
    int result = 77;
    unsigned n = 0, n_attached = 0;
    for (; n < sizeof pids / sizeof *pids; n++) {
        const pid_t parent = getpid();
        if ((pids[n] = fork()) == 0) {
            die_with_parent(parent);
            block_for_ever();
        }
    }
    struct source *perf = setrlimit(RLIMIT_NOFILE, &limit) < 0 ? NULL : open_first_cpu(&err);
    if (perf) {
        enum perf_attached attached = PERF_ATTACHED;
        for (; n_attached < n && attached == PERF_ATTACHED; n_attached++)
            attached = perf_attach(perf, pids[n_attached], &err);
        n_attached--;
        result = attached == PERF_NO_FILES && strstr(err.msg, "ulimit") ? 0 : complain(err.msg);
        if (n_attached < 16 || n_attached > 40 || perf_n_attached(perf) != n_attached)
            result = complain("not as many as the hard limit allows");
        perf->ops->close(perf);
    }
    for (unsigned i = 0; i < n; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    return result;
}

static int check_attach_refused(void)
{
    struct err err = {""};
    if (geteuid() != 0 || setresuid(65534, 65534, 65534) < 0)
        return 77;
    struct source *perf = open_first_cpu(&err);
    if (!perf)
        return 77;
    if (perf_attach(perf, 1, &err) != PERF_REFUSED)
        return complain("somebody else's process is watched");
    const bool ok = strstr(err.msg, "thread 1 ") && perf_n_attached(perf) == 0;
    perf->ops->close(perf);
    return ok ? 0 : complain(err.msg);
}

/* Runs check in a child; it tells by its exit status: 0 well, 77 cannot be tried here. */
static void in_child(int (*check)(void))
{
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        _exit(check());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("# cannot be tried here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int complain(const char *msg)
{
    fprintf(stderr, "# said: %s\n", msg);
    return 1;
}

static struct source *open_first_cpu(struct err *err)
{
    struct cpuset allowed;
    struct perf_config config = {0};
    cpuset_get_affinity(0, &allowed);
    cpuset_add(&config.cpus, cpuset_nth(&allowed, 0));
    return perf_open(&config, err);
}

static int check_no_fds(void)
{
    struct err err = {""};
    const struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 77;
    if (open_first_cpu(&err))
        return complain("opened without a file descriptor");
    return strstr(err.msg, "ulimit -n") || strstr(err.msg, "refused") ? 0 : complain(err.msg);
}

static void test_attach_refused(void **state)
{
    (void)state;
    in_child(check_attach_no_fds);
    in_child(check_attach_refused);
}

static void test_no_fds(void **state)
{
    (void)state;
    in_child(check_no_fds);
}

static bool mlock_budget_is_default(void)
{
    int kib = 0;
    FILE *file = fopen("/proc/sys/kernel/perf_event_mlock_kb", "re");
    const bool ok = file && fscanf(file, "%d", &kib) == 1 && kib == 516;
    if (file)
        fclose(file);
    return ok;
}

/* As an ordinary user with little locked memory rings get smaller, and at last there is a clear refusal. The
 * default budget holds whole rings of 512 KiB and nothing else; the limit leaves room for a smaller one. */
static int check_mlock_budget(void)
{
    struct err err = {""};
    size_t before = SIZE_MAX;
    const struct rlimit limit = {.rlim_cur = 100 * 1024, .rlim_max = 100 * 1024};
    if (!mlock_budget_is_default() || setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return 77;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
        return 77;
    struct source *held[2000]; /* their rings use up the budget */
    size_t n = 0;
    struct source *perf = open_first_cpu(&err);
    if (!perf)
        return 77;
    while (perf && n < sizeof held / sizeof *held) {
        held[n++] = perf;
        const size_t now = perf_ring_bytes(perf);
        if (now > before)
            return complain("a ring grew");
        before = now;
        perf = open_first_cpu(&err);
    }
    while (n-- > 0)
        held[n]->ops->close(held[n]);
    if (perf)
        return 77; /* a machine with so much budget that its end was not found */
    if (strstr(err.msg, "ulimit -n"))
        return 77;
    if (before >= 512 * 1024)
        return complain("the ring was not halved");
    return strstr(err.msg, "ulimit -l") ? 0 : complain(err.msg);
}

static void test_mlock_budget(void **state)
{
    (void)state;
    in_child(check_mlock_budget);
}

#if HAVE_SECCOMP
static int check_refused_with(int error, const char *expected)
{
    struct err err = {""};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), SCMP_SYS(perf_event_open), 0) < 0 ||
        seccomp_load(filter) < 0)
        return 77;
    seccomp_release(filter);
    if (open_first_cpu(&err))
        return complain("opened in spite of the filter");
    if (strchr(err.msg, '\n') || strlen(err.msg) + 1 == sizeof err.msg)
        return complain(err.msg);
    return strstr(err.msg, expected) ? 0 : complain(err.msg);
}

static int check_eperm(void)
{
    return check_refused_with(EPERM, "perf_event_open was refused");
}

static int check_enosys(void)
{
    return check_refused_with(ENOSYS, "perf_event_open is not there");
}
#endif

static void test_refused_by_seccomp(void **state)
{
    (void)state;
#if HAVE_SECCOMP
    in_child(check_eperm);
    in_child(check_enosys);
#else
    print_message("# built without libseccomp\n");
    skip();
#endif
}

static int setup(void **state)
{
    (void)state;
    stage = mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return stage == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_equal_the_kernels),
        cmocka_unit_test(test_new_tells_thread_from_process),
        cmocka_unit_test(test_rings_merge_in_order),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_overflow_is_told),
        cmocka_unit_test(test_records_around_the_end),
        cmocka_unit_test(test_hangup),
        cmocka_unit_test(test_poll_wakes_at_a_third),
        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_a_cpu_that_comes_later),
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_covered_twice),
        cmocka_unit_test(test_detach),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_attach_refused),
        cmocka_unit_test(test_no_fds),
        cmocka_unit_test(test_mlock_budget),
        cmocka_unit_test(test_refused_by_seccomp),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("perf", tests, setup, NULL);
}
