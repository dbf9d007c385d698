/* Real programs that lock each other out, looked at from outside: alerts, reasons, and their ends. */
#include "../../src/session/locks.h"

#include "../../src/clock.h"
#include "../../src/session/state.h"
#include "../../src/timeline/waits.h"

#include <dirent.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ORDINARY    65534
#define PATIENCE_NS (20 * NS_PER_S)
#define A_WHILE_NS  (2500 * NS_PER_MS) /* a deadlock would have been told by then */

/* ---- programs ---- */

#define N_LOCKS 3

/* Global, so that it has a name. */
pthread_mutex_t locks[N_LOCKS];
static pthread_barrier_t all;

struct shared {
    pthread_mutex_t mutex[2];
    pthread_barrier_t all;
    pid_t child;
};
static struct shared *shared; /* made by the test, before its children */

static void make_locks(unsigned n_tasks)
{
    for (unsigned i = 0; i < N_LOCKS; i++)
        pthread_mutex_init(&locks[i], NULL);
    pthread_barrier_init(&all, NULL, n_tasks);
}

static pthread_t start(void *(*run)(void *), void *data)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, data) != 0)
        _exit(2);
    return thread;
}

static void sleep_long(void)
{
    for (;;)
        pause();
}

struct crossing {
    unsigned first, second;
    const char *name;
};

static void *cross(void *data)
{
    const struct crossing *crossing = data;
    if (crossing->name)
        prctl(PR_SET_NAME, crossing->name);
    pthread_mutex_lock(&locks[crossing->first]);
    pthread_barrier_wait(&all);
    pthread_mutex_lock(&locks[crossing->second]);
    pthread_mutex_unlock(&locks[crossing->second]);
    sleep_long();
    return NULL;
}

static void two_threads(void)
{
    static struct crossing a = {0, 1, "alice"}, b = {1, 0, "bob"};
    make_locks(2);
    start(cross, &a);
    start(cross, &b);
    sleep_long();
}

static void namesakes(void)
{
    static struct crossing a = {0, 1, "twin"}, b = {1, 0, "twin"};
    make_locks(2);
    start(cross, &a);
    start(cross, &b);
    sleep_long();
}

static void three_threads(void)
{
    static struct crossing a = {0, 1, "alice"}, b = {1, 2, "bob"}, c = {2, 0, "carol"};
    make_locks(3);
    start(cross, &a);
    start(cross, &b);
    start(cross, &c);
    sleep_long();
}

static void two_processes(void)
{
    pthread_mutexattr_t attr;
    pthread_barrierattr_t barrier_attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrierattr_init(&barrier_attr);
    pthread_barrierattr_setpshared(&barrier_attr, PTHREAD_PROCESS_SHARED);
    for (unsigned i = 0; i < 2; i++)
        pthread_mutex_init(&shared->mutex[i], &attr);
    pthread_barrier_init(&shared->all, &barrier_attr, 2);
    pid_t child = fork();
    if (child > 0)
        shared->child = child;
    else
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, child ? "parent" : "child");
    pthread_mutex_lock(&shared->mutex[child > 0]);
    pthread_barrier_wait(&shared->all);
    pthread_mutex_lock(&shared->mutex[child == 0]);
}

static void with_itself(void)
{
    prctl(PR_SET_NAME, "loner");
    make_locks(1);
    pthread_mutex_lock(&locks[2]);
    pthread_mutex_lock(&locks[2]);
}

static void *want_first(void *data)
{
    prctl(PR_SET_NAME, "joined");
    pthread_mutex_lock(&locks[0]);
    return data;
}

/* Holds what the thread wants which it joins. */
static void join_and_lock(void)
{
    prctl(PR_SET_NAME, "joiner");
    make_locks(1);
    pthread_mutex_lock(&locks[0]);
    pthread_join(start(want_first, NULL), NULL);
}

static pthread_t ring[3];

static void *join_next(void *data)
{
    const unsigned i = (unsigned)(uintptr_t)data;
    pthread_barrier_wait(&all);
    pthread_join(ring[(i + 1) % 3], NULL);
    return NULL;
}

static void join_ring(void)
{
    make_locks(4);
    for (uintptr_t i = 0; i < 3; i++)
        ring[i] = start(join_next, (void *)i);
    pthread_barrier_wait(&all);
    sleep_long();
}

/* A signal has a third thread unlock what is not its own, as a plain mutex allows. */
static void resolvable(void)
{
    static struct crossing a = {0, 1, "alice"}, b = {1, 0, "bob"};
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    make_locks(2);
    start(cross, &a);
    start(cross, &b);
    sigwait(&set, &signal_number);
    pthread_mutex_unlock(&locks[0]);
    sleep_long();
}

static void contention(void)
{
    make_locks(1);
    prctl(PR_SET_NAME, "owner");
    pthread_mutex_lock(&locks[0]);
    start(want_first, NULL);
    sleep_long();
}

static void *read_lock(void *data)
{
    pthread_rwlock_rdlock(data);
    return NULL;
}

static void *wait_for_a_signal(void *data)
{
    pthread_mutex_lock(&locks[1]);
    for (;;)
        pthread_cond_wait(data, &locks[1]);
    return NULL;
}

static void *wait_for_a_post(void *data)
{
    sem_wait(data);
    return NULL;
}

static void *write_lock(void *data)
{
    pthread_rwlock_wrlock(data);
    return NULL;
}

static void nobodys(void)
{
    static pthread_rwlock_t read_by_us = PTHREAD_RWLOCK_INITIALIZER,
                            written_by_us = PTHREAD_RWLOCK_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    static sem_t semaphore;
    make_locks(1);
    pthread_rwlock_rdlock(&read_by_us);
    pthread_rwlock_wrlock(&written_by_us);
    start(write_lock, &read_by_us);
    start(write_lock, &read_by_us);
    start(read_lock, &written_by_us);
    start(write_lock, &written_by_us);
    start(wait_for_a_signal, &condition);
    start(wait_for_a_post, &semaphore);
    sleep_long();
}

/* ---- a session that watches one ---- */

static struct session *s;
static pid_t program;

static void launch(void (*run)(void))
{
    memset(shared, 0, sizeof *shared);
    program = fork();
    if (program == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run();
        _exit(3);
    }
}

static void meet(int pid, int tid)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = pid;
    event.u.task.slot = -1;
    event.u.task.role = ROLE_WORKLOAD;
    notes_add(&s->notes, event);
    proc_watch(s->sources.proc, pid, tid);
}

/* Its threads, and their names as they have them now. */
static void meet_process(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = pid > 0 ? opendir(path) : NULL;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        const int tid = atoi(entry->d_name);
        struct event event = {.tid = tid, .cpu = -1, .kind = EVENT_NAME};
        if (tid <= 0)
            continue;
        if (timeline_task_by_tid(s->timeline, tid) == TIMELINE_NO_TASK)
            meet(pid, tid);
        snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
        FILE *file = fopen(path, "re");
        if (file && fgets(event.u.name, sizeof event.u.name, file)) {
            event.u.name[strcspn(event.u.name, "\n")] = '\0';
            event.time_ns = clock_now_ns();
            notes_add(&s->notes, event);
        }
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
}

static void drain(struct source *source)
{
    struct event events[256];
    for (unsigned stream = 0; stream < source->ops->n_streams(source); stream++) {
        size_t n;
        while ((n = source->ops->read(source, stream, events, 256)) > 0)
            timeline_sink(s->timeline)->push(timeline_sink(s->timeline), events, n);
    }
}

static void turn(void)
{
    const struct timespec nap = {.tv_nsec = 20000000};
    nanosleep(&nap, NULL);
    meet_process(program);
    meet_process(shared->child);
    drain(&s->notes.source);
    s->sources.proc->ops->tick(s->sources.proc, clock_now_ns());
    drain(s->sources.proc);
    timeline_advance(s->timeline, clock_now_ns());
    locks_step(s, clock_now_ns());
    drain(&s->notes.source);
}

static int set_up(void **state)
{
    (void)state;
    const struct proc_config config = {.counters_every_ns = 100 * NS_PER_MS,
                                       .states_every_ns = 50 * NS_PER_MS};
    s = mem_new(1, sizeof *s);
    s->timeline = timeline_new(0);
    s->sources.proc = proc_open(&config);
    notes_init(&s->notes);
    locks_init(&s->locks);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (shared->child > 0)
        kill(shared->child, SIGKILL);
    if (program > 0) {
        kill(program, SIGKILL);
        waitpid(program, NULL, 0);
    }
    program = 0;
    locks_fini(&s->locks);
    notes_fini(&s->notes);
    s->sources.proc->ops->close(s->sources.proc);
    timeline_free(s->timeline);
    free(s);
    return 0;
}

static const struct alert *find_alert(enum alert_kind kind)
{
    const struct waits *waits = timeline_waits(s->timeline);
    for (unsigned i = 0; i < waits_n_alerts(waits); i++)
        if (waits_alert(waits, i)->kind == kind)
            return waits_alert(waits, i);
    return NULL;
}

static const struct alert *wait_for_alert(enum alert_kind kind)
{
    const uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
    const struct alert *alert = NULL;
    while (!(alert = find_alert(kind)) && !s->message[0] && clock_now_ns() < end_ns)
        turn();
    if (!alert && s->message[0]) {
        print_message("# %s\n", s->message);
        skip();
    }
    assert_non_null(alert);
    print_message("# %s\n", alert->text);
    return alert;
}

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" lacks \"%s\"", text, words);
}

/* ---- tests ---- */

struct expected {
    void (*run)(void);
    unsigned n;           /* tasks in the cycle */
    const char *words[3]; /* that its text has */
};

static void test_deadlock(void **state)
{
    const struct expected *expected = *state;
    launch(expected->run);
    const uint64_t begin_ns = clock_now_ns();
    const struct alert *alert = wait_for_alert(ALERT_DEADLOCK);
    assert_int_equal(alert->n, expected->n);
    for (unsigned i = 0; i < 3 && expected->words[i]; i++)
        assert_says(alert->text, expected->words[i]);
    print_message("# told after %.2f s\n", (double)(clock_now_ns() - begin_ns) / 1e9);
    assert_int_equal(waits_n_alerts(timeline_waits(s->timeline)), 1);
    assert_int_equal(alert->ended_ns, 0);
}

static const char *lock_name(unsigned i, char buf[32])
{
    unsigned offset = i * (unsigned)sizeof(pthread_mutex_t);
    snprintf(buf, 32, offset ? "mutex locks+%u" : "mutex locks", offset);
    return buf;
}

static void test_names_of_locks(void **state)
{
    (void)state;
    char name[32];
    launch(two_threads);
    const struct alert *alert = wait_for_alert(ALERT_DEADLOCK);
    if (strstr(alert->text, "mutex 0x")) {
        print_message("# symbols are not to be had: built without libdw, or stripped\n");
        skip();
    }
    assert_says(alert->text, lock_name(0, name));
    assert_says(alert->text, lock_name(1, name));
}

static void test_namesakes(void **state)
{
    (void)state;
    char name[32];
    launch(namesakes);
    const struct alert *alert = wait_for_alert(ALERT_DEADLOCK);
    for (unsigned i = 0; i < 2; i++) {
        struct task task;
        timeline_task(s->timeline, alert->tasks[i], &task);
        snprintf(name, sizeof name, "twin/%d", task.tid);
        assert_says(alert->text, name);
    }
}

static void turn_until_ended(const struct alert *alert)
{
    const uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
    while (!alert->ended_ns && clock_now_ns() < end_ns)
        turn();
    assert_int_not_equal(alert->ended_ns, 0);
}

static void test_resolved(void **state)
{
    (void)state;
    launch(resolvable);
    const struct alert *alert = wait_for_alert(ALERT_DEADLOCK);
    kill(program, SIGUSR1);
    turn_until_ended(alert);
    /* The one who could go on keeps the other lock. */
    struct wait_edge edge;
    assert_int_equal(waits_edges(timeline_waits(s->timeline), &edge, 1), 1);
    struct task waiter;
    timeline_task(s->timeline, edge.waiter, &waiter);
    assert_string_equal(waiter.name, "alice");
}

static void test_killed(void **state)
{
    (void)state;
    launch(two_threads);
    const struct alert *alert = wait_for_alert(ALERT_DEADLOCK);
    kill(program, SIGKILL);
    waitpid(program, NULL, 0);
    program = 0;
    for (uint32_t i = 0; i < timeline_n_tasks(s->timeline); i++) {
        struct task task;
        timeline_task(s->timeline, i, &task);
        notes_add(&s->notes,
                  (struct event){.time_ns = clock_now_ns(), .tid = task.tid, .cpu = -1, .kind = EVENT_EXIT});
    }
    turn_until_ended(alert);
}

/* No deadlock, yet it is known who waits for whom. */
static void test_contention(void **state)
{
    (void)state;
    char text[256] = "";
    launch(contention);
    const uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
    while (!strstr(text, "held by owner") && !s->message[0] && clock_now_ns() < end_ns) {
        turn();
        for (uint32_t i = 0; i < timeline_n_tasks(s->timeline) && !strstr(text, "held by"); i++)
            waits_text(s->timeline, i, timeline_now_ns(s->timeline), text, sizeof text);
    }
    if (s->message[0]) {
        print_message("# %s\n", s->message);
        skip();
    }
    print_message("# %s\n", text);
    assert_says(text, "blocked: wants mutex ");
    assert_says(text, ", held by owner for ");
    assert_says(wait_for_alert(ALERT_HELD_LONG)->text, "owner has held mutex ");
    assert_null(find_alert(ALERT_DEADLOCK));
}

static void turn_for(uint64_t ns)
{
    const uint64_t end_ns = clock_now_ns() + ns;
    while (clock_now_ns() < end_ns)
        turn();
}

static void test_what_nobody_owns(void **state)
{
    (void)state;
    launch(nobodys);
    turn_for(A_WHILE_NS);
    assert_true(s->locks.n_looks >= 6);
    assert_int_equal(s->locks.n_objects, 0);
    assert_int_equal(waits_n_alerts(timeline_waits(s->timeline)), 0);
}

/* Who sleeps on and on is looked at more and more seldom. */
static void test_looks_become_rare(void **state)
{
    (void)state;
    launch(nobodys);
    turn_for(8 * NS_PER_S);
    const uint64_t n_tasks = timeline_n_tasks(s->timeline);
    print_message("# %llu looks at %llu tasks in 8 s\n", (unsigned long long)s->locks.n_looks,
                  (unsigned long long)n_tasks);
    assert_true(s->locks.n_looks <= 5 * n_tasks);
}

static int watch_another_users(pid_t owner)
{
    if (setgid(ORDINARY) != 0 || setuid(ORDINARY) != 0)
        return 2;
    program = owner;
    turn_for(NS_PER_S);
    print_message("# %s\n", s->message);
    bool said = strstr(s->message, "another user's") != NULL;
    s->message[0] = '\0';
    turn_for(2 * NS_PER_S);
    return said && !s->message[0] ? 0 : 1;
}

static void test_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can make another user's program\n");
        skip();
    }
    int status = 0;
    launch(sleep_long);
    const pid_t owner = program, pid = fork();
    if (pid == 0)
        _exit(watch_another_users(owner));
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int make_shared(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED;
}

int main(void)
{
    static struct expected two = {two_threads,
                                  2,
                                  {"alice wants mutex", "held by bob, who wants mutex", "held by alice"}},
                           three = {three_threads, 3, {"alice wants", "bob", "carol, who wants"}},
                           processes = {two_processes, 2, {"child", "parent"}},
                           itself = {with_itself, 1, {"loner wants mutex", "which it holds itself"}},
                           joined = {join_and_lock,
                                     2,
                                     {"waits for the end of joined", "wants mutex", "held by joiner"}},
                           joins = {join_ring, 3, {", who waits for the end of "}};
    const struct CMUnitTest tests[] = {
        {"two_threads", test_deadlock, set_up, tear_down, &two},
        {"three_threads", test_deadlock, set_up, tear_down, &three},
        {"two_processes", test_deadlock, set_up, tear_down, &processes},
        {"with_itself", test_deadlock, set_up, tear_down, &itself},
        {"join_and_lock", test_deadlock, set_up, tear_down, &joined},
        {"join_ring", test_deadlock, set_up, tear_down, &joins},
        cmocka_unit_test_setup_teardown(test_names_of_locks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_namesakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resolved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contention, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_nobody_owns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_looks_become_rare, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_shared, NULL);
}
