/* The engine on the real kernel: threads and processes, their ends of every sort, and what they tell of
 * themselves. */
#include "../../src/clock.h"
#include "../../src/engine/engine.h"
#include "../../src/engine/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000 /* before a test gives up; never waited for when all is well */
#define MAX_STREAMS (1 + WORKLOAD_MAX_TASKS)

/* ---- what the source told ---- */

struct collector {
    struct event *events; /* in the order of each stream */
    size_t n, size;
    uint64_t last_ns[MAX_STREAMS];
};

static void collect(struct collector *c, struct engine *engine)
{
    struct source *source = engine_source(engine);
    struct event batch[256];

    source->ops->tick(source, clock_now_ns());
    for (unsigned stream = 0; stream < source->ops->n_streams(source); stream++) {
        size_t n;
        while ((n = source->ops->read(source, stream, batch, 256)) > 0) {
            for (size_t i = 0; i < n; i++) {
                assert_true(batch[i].time_ns >= c->last_ns[stream]);
                c->last_ns[stream] = batch[i].time_ns;
            }
            if (c->n + n > c->size) {
                c->size = 2 * (c->n + n);
                c->events = mem_resize(c->events, c->size, sizeof *c->events);
            }
            memcpy(c->events + c->n, batch, n * sizeof *batch);
            c->n += n;
        }
    }
}

static unsigned count(const struct collector *c, int tid, enum event_kind kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->events[i].tid == tid && c->events[i].kind == kind;
    return n;
}

static unsigned count_out(const struct collector *c, int tid, enum event_out out)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->events[i].tid == tid && c->events[i].kind == EVENT_SWITCH_OUT && c->events[i].detail == out;
    return n;
}

/* The last one of its sort, or NULL. */
static const struct event *find(const struct collector *c, int tid, enum event_kind kind, int detail)
{
    for (size_t i = c->n; i-- > 0;) {
        const struct event *e = &c->events[i];
        if (e->tid == tid && e->kind == kind && e->detail == detail)
            return e;
    }
    return NULL;
}

/* ---- helpers ---- */

static struct engine *start(bool self_timed)
{
    struct err err = {""};
    struct engine *engine = engine_start(&(struct engine_config){.self_timed = self_timed}, &err);
    if (!engine)
        fail_msg("%s", err.msg);
    return engine;
}

static struct cpuset all_cpus(void)
{
    struct cpuset cpus = {{0}};
    assert_true(cpuset_get_affinity(0, &cpus));
    return cpus;
}

static struct cpuset one_cpu(unsigned i)
{
    struct cpuset all = all_cpus(), one = {{0}};
    cpuset_add(&one, cpuset_nth(&all, i % cpuset_count(&all)));
    return one;
}

static void spawn(struct engine *engine, unsigned slot, enum task_kind kind, const struct cpuset *cpus,
                  uint64_t work_ns)
{
    struct err err = {""};
    if (!engine_spawn(engine, slot, kind, 1, cpus, work_ns, 0, &err))
        fail_msg("%s", err.msg);
}

static void wait_gated(struct engine *engine)
{
    struct err err = {""};
    if (!engine_wait_gated(engine, PATIENCE_MS, &err))
        fail_msg("%s", err.msg);
}

static void nap_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* `steal` of /proc/stat (proc(5)), and what it was when the tests began. */
static unsigned long long stolen_at_start;

static unsigned long long stolen_ticks(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file && fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
        steal = 0;
    if (file)
        fclose(file);
    return steal;
}

static bool wait_state(struct engine *engine, unsigned slot, enum engine_state state)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    struct pollfd fd = {.fd = engine_fd(engine), .events = POLLIN};

    while (engine_task(engine, slot).state != state && clock_now_ns() < end_ns) {
        poll(&fd, 1, 100);
        engine_dispatch(engine);
    }
    return engine_task(engine, slot).state == state;
}

static bool wait_work(struct engine *engine, unsigned slot, uint64_t done_ns)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

    while (engine_task(engine, slot).work_done_ns < done_ns && clock_now_ns() < end_ns)
        nap_ms(1);
    return engine_task(engine, slot).work_done_ns >= done_ns;
}

static void stop_all(struct engine *engine)
{
    for (unsigned i = 0; i < engine_n_slots(engine); i++)
        engine_stop(engine, i);
    assert_true(engine_wait_stopped(engine, PATIENCE_MS));
}

static bool exists(int pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static bool vanishes(int pid)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (exists(pid) && clock_now_ns() < end_ns)
        nap_ms(5);
    return !exists(pid);
}

/* Frees, and holds that nothing is left: no child, running or zombie. */
static void free_and_check(struct engine *engine)
{
    engine_free(engine);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void read_file(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
}

static unsigned long status_field(int tid, const char *field)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    read_file(path, text, sizeof text);
    const char *at = strstr(text, field);
    assert_non_null(at);
    return strtoul(at + strlen(field), NULL, 10);
}

/* ---- tests ---- */

static void tasks_live_from_gate_to_stop(enum task_kind kind, unsigned n)
{
    struct engine *engine = start(false);
    struct collector c = {0};
    struct cpuset cpus = one_cpu(0);
    int tids[WORKLOAD_MAX_TASKS];

    assert_true(engine_alive(engine, NULL));
    for (unsigned i = 0; i < n; i++) {
        spawn(engine, i, kind, &cpus, 0);
        assert_int_equal(engine_task(engine, i).state, ENGINE_STARTING);
    }
    assert_int_equal(engine_n_slots(engine), n);
    wait_gated(engine);
    for (unsigned i = 0; i < n; i++) {
        struct engine_task task = engine_task(engine, i);
        char path[64], text[64], name[EVENT_NAME_SIZE];

        assert_int_equal(task.state, ENGINE_GATED);
        assert_int_equal(task.pid, kind == TASK_THREAD ? engine_host_pid(engine) : task.tid);
        assert_int_not_equal(task.tid, engine_host_pid(engine));
        assert_true(task.work_done_ns == 0 && task.started_ns == 0);
        snprintf(path, sizeof path, "/proc/%d/comm", task.tid);
        read_file(path, text, sizeof text);
        strcat(workload_task_name(i, name), "\n");
        assert_string_equal(text, name);
        tids[i] = task.tid;
    }
    engine_release(engine);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(engine_task(engine, i).state, ENGINE_RUNNING);
        assert_true(wait_work(engine, i, 1));
        assert_true(engine_task(engine, i).started_ns > 0);
    }
    stop_all(engine);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(engine_task(engine, i).state, ENGINE_EMPTY);
        assert_true(engine_task(engine, i).ended_ns >= engine_task(engine, i).started_ns);
        assert_true(vanishes(tids[i]));
    }

    collect(&c, engine);
    for (unsigned i = 0; i < n; i++) {
        const struct event *new = find(&c, tids[i], EVENT_NEW, 0);
        const struct event *end = find(&c, tids[i], EVENT_EXIT, 0);

        assert_int_equal(count(&c, tids[i], EVENT_NEW), 1);
        assert_int_equal(new->u.task.slot, i);
        assert_int_equal(new->u.task.run, 1);
        assert_int_equal(new->u.task.kind, kind);
        assert_int_equal(new->u.task.role, ROLE_WORKLOAD);
        assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
        assert_true(end->u.exit.known && end->u.exit.status == 0);
        assert_non_null(find(&c, tids[i], EVENT_SAMPLE, SAMPLE_RUN));
        assert_non_null(find(&c, tids[i], EVENT_SAMPLE, SAMPLE_STATE));
        assert_non_null(find(&c, tids[i], EVENT_SAMPLE, SAMPLE_SWITCHES));
        assert_non_null(find(&c, tids[i], EVENT_NOTE, NOTE_WORK));
    }
    const struct event *host = find(&c, engine_host_pid(engine), EVENT_NEW, 0);
    assert_int_equal(host->u.task.role, ROLE_HOST);
    assert_int_equal(host->u.task.slot, -1);
    free(c.events);
    free_and_check(engine);
}

static void threads_live_from_gate_to_stop(void **state)
{
    (void)state;
    tasks_live_from_gate_to_stop(TASK_THREAD, 1);
    tasks_live_from_gate_to_stop(TASK_THREAD, 64);
}

static void processes_live_from_gate_to_stop(void **state)
{
    (void)state;
    tasks_live_from_gate_to_stop(TASK_PROCESS, 1);
    tasks_live_from_gate_to_stop(TASK_PROCESS, 64);
}

static void the_gate_holds(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    (void)state;

    spawn(engine, 0, TASK_THREAD, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    spawn(engine, 1, TASK_PROCESS, &cpus, 0);
    wait_gated(engine);
    spawn(engine, 2, TASK_THREAD, &cpus, 0);
    wait_gated(engine);
    nap_ms(20);
    engine_dispatch(engine);
    assert_int_equal(engine_task(engine, 0).state, ENGINE_RUNNING);
    assert_int_equal(engine_task(engine, 1).state, ENGINE_GATED);
    assert_true(engine_task(engine, 1).work_done_ns == 0 && engine_task(engine, 2).work_done_ns == 0);

    /* One that is stopped at the gate ends without work, and the other stays. */
    engine_stop(engine, 1);
    assert_true(engine_wait_stopped(engine, PATIENCE_MS));
    assert_int_equal(engine_task(engine, 1).state, ENGINE_EMPTY);
    assert_true(engine_task(engine, 1).work_done_ns == 0 && engine_task(engine, 1).started_ns == 0);
    assert_int_equal(engine_task(engine, 2).state, ENGINE_GATED);
    free_and_check(engine);
}

static void fixed_work_ends_at_its_total(void **state)
{
    const uint64_t work_ns = 3 * NS_PER_MS + 7;
    struct engine *engine = start(false);
    struct cpuset cpus = all_cpus();
    struct collector c = {0};
    (void)state;

    for (unsigned i = 0; i < 8; i++)
        spawn(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, &cpus, work_ns);
    wait_gated(engine);
    engine_release(engine);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(wait_state(engine, i, ENGINE_DONE));
        struct engine_task task = engine_task(engine, i);
        assert_true(task.work_done_ns == work_ns && task.work_total_ns == work_ns);
        assert_true(task.ended_ns > task.started_ns);
    }
    collect(&c, engine);
    for (unsigned i = 0; i < 8; i++) {
        int tid = engine_task(engine, i).tid;
        const struct event *work = find(&c, tid, EVENT_NOTE, NOTE_WORK);
        assert_true(work->u.work.done_ns == work_ns && work->u.work.total_ns == work_ns);
        assert_int_equal(count(&c, tid, EVENT_EXIT), 1);
        /* Calibrated time is the kernel's CPU time; a shared core and its caches only ever make the task
         * slower. */
        assert_true(find(&c, tid, EVENT_SAMPLE, SAMPLE_RUN)->u.run.run_ns > work_ns / 2);
    }
    free(c.events);
    free_and_check(engine);
}

static void a_respawned_task_goes_on_with_its_work(void **state)
{
    const uint64_t work_ns = 40 * NS_PER_MS;
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    struct collector c = {0};
    struct err err;
    (void)state;

    spawn(engine, 0, TASK_THREAD, &cpus, work_ns);
    assert_false(engine_spawn(engine, 0, TASK_THREAD, 1, &cpus, 0, 0, &err));
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_work(engine, 0, work_ns / 10));
    stop_all(engine);
    struct engine_task first = engine_task(engine, 0);
    assert_true(first.work_done_ns >= work_ns / 10);

    assert_true(engine_spawn(engine, 0, TASK_PROCESS, 2, &cpus, work_ns, first.work_done_ns, &err));
    wait_gated(engine);
    struct engine_task second = engine_task(engine, 0);
    assert_int_not_equal(second.tid, first.tid);
    assert_true(second.work_done_ns == first.work_done_ns);
    engine_release(engine);
    assert_true(wait_state(engine, 0, ENGINE_DONE));
    assert_true(engine_task(engine, 0).work_done_ns == work_ns);

    /* Nothing left to do: it ends at once. */
    assert_true(engine_spawn(engine, 0, TASK_THREAD, 3, &cpus, work_ns, work_ns, &err));
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_state(engine, 0, ENGINE_DONE));

    collect(&c, engine);
    assert_int_equal(find(&c, first.tid, EVENT_NEW, 0)->u.task.run, 1);
    assert_int_equal(find(&c, second.tid, EVENT_NEW, 0)->u.task.run, 2);
    assert_int_equal(count(&c, first.tid, EVENT_EXIT), 1);
    assert_int_equal(count(&c, second.tid, EVENT_EXIT), 1);
    free(c.events);
    free_and_check(engine);
}

static void impossible_spawns_are_refused(void **state)
{
    struct engine *engine = start(false);
    struct cpuset cpus = all_cpus(), none = {{0}}, far = {{0}};
    struct err err = {""};
    (void)state;

    cpuset_add(&far, CPUSET_MAX - 1);
    assert_false(engine_spawn(engine, WORKLOAD_MAX_TASKS, TASK_THREAD, 1, &cpus, 0, 0, &err));
    assert_false(engine_spawn(engine, 0, TASK_GREEN, 1, &cpus, 0, 0, &err));
    assert_false(engine_spawn(engine, 0, TASK_THREAD, 1, &none, 0, 0, &err));
    assert_int_equal(engine_n_slots(engine), 0);

    for (unsigned i = 0; i < 2; i++) {
        assert_true(engine_spawn(engine, i, i ? TASK_PROCESS : TASK_THREAD, 1, &far, 0, 0, &err));
        assert_true(wait_state(engine, i, ENGINE_DIED));
        assert_false(engine_wait_gated(engine, PATIENCE_MS, &err));
        assert_non_null(strstr(err.msg, i ? "task B on CPU 4095" : "task A on CPU 4095"));
        assert_string_equal(err.msg, engine_error(engine));
        assert_true(engine_wait_gated(engine, PATIENCE_MS, &err));
    }
    assert_true(engine_alive(engine, &err));
    free_and_check(engine);
}

/* As an ordinary user, in a child: the limit is on all of a user's processes. */
static void a_limit_on_processes_is_told(void **state)
{
    pid_t pid = fork();
    int status;
    (void)state;

    if (pid == 0) {
        struct engine *engine;
        struct cpuset cpus = all_cpus();
        struct err err = {""};

        if (geteuid() == 0 && (setresgid(54321, 54321, 54321) || setresuid(54321, 54321, 54321)))
            _exit(77);
        engine = engine_start(&(struct engine_config){0}, &err);
        if (!engine || setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}) ||
            prlimit(engine_host_pid(engine), RLIMIT_NPROC, &(struct rlimit){1, 1}, NULL))
            _exit(1);
        engine_spawn(engine, 0, TASK_THREAD, 1, &cpus, 0, 0, &err);
        engine_spawn(engine, 1, TASK_PROCESS, 1, &cpus, 0, 0, &err);
        bool refused = !engine_wait_gated(engine, PATIENCE_MS, &err) && strstr(err.msg, "ulimit -u");
        bool died =
            engine_task(engine, 0).state == ENGINE_DIED && engine_task(engine, 1).state == ENGINE_DIED;
        engine_free(engine);
        _exit(refused && died ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("# cannot become an ordinary user here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void tasks_are_where_they_were_put(void **state)
{
    struct cpuset all = all_cpus();
    (void)state;

    if (cpuset_count(&all) < 2) {
        print_message("# needs two CPUs\n");
        skip();
    }
    struct engine *engine = start(true);
    struct collector c = {0};
    struct cpuset first = one_cpu(0), second = one_cpu(1), is;
    struct err err;

    spawn(engine, 0, TASK_THREAD, &first, 0);
    spawn(engine, 1, TASK_PROCESS, &second, 0);
    spawn(engine, 2, TASK_PROCESS, &first, 0);
    assert_true(engine_place(engine, 2, &second, &err)); /* not there yet: it follows */
    wait_gated(engine);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(cpuset_get_affinity(engine_task(engine, i).tid, &is));
        assert_true(cpuset_equal(&is, i == 0 ? &first : &second));
    }
    engine_release(engine);
    assert_true(wait_work(engine, 0, 1));
    assert_true(engine_place(engine, 0, &second, &err));
    assert_true(engine_place(engine, 1, &all, &err));
    assert_true(cpuset_get_affinity(engine_task(engine, 0).tid, &is));
    assert_true(cpuset_equal(&is, &second));
    assert_true(cpuset_get_affinity(engine_task(engine, 1).tid, &is));
    assert_true(cpuset_equal(&is, &all));
    assert_true(wait_work(engine, 0, engine_task(engine, 0).work_done_ns + NS_PER_MS));

    struct cpuset far = {{0}};
    cpuset_add(&far, CPUSET_MAX - 1);
    assert_false(engine_place(engine, 0, &far, &err));
    assert_non_null(strstr(err.msg, "task A"));
    int tid = engine_task(engine, 0).tid;
    stop_all(engine);
    assert_true(engine_place(engine, 0, &first, &err)); /* gone is fine */

    /* It told of the move itself: on the first CPU, then on the second, never back. */
    collect(&c, engine);
    int16_t cpu = (int16_t)cpuset_next(&first, -1), other = (int16_t)cpuset_next(&second, -1);
    for (size_t i = 0; i < c.n; i++) {
        if (c.events[i].tid != tid || c.events[i].kind != EVENT_SWITCH_IN)
            continue;
        if (c.events[i].cpu == other)
            cpu = other;
        assert_int_equal(c.events[i].cpu, cpu);
    }
    assert_int_equal(cpu, other);
    free(c.events);
    free_and_check(engine);
}

/* ---- ends by force ---- */

static void a_killed_worker_is_alone(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    struct collector c = {0};
    (void)state;

    for (unsigned i = 0; i < 3; i++)
        spawn(engine, i, TASK_PROCESS, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    int tid = engine_task(engine, 1).tid;
    kill(tid, SIGKILL);
    assert_true(wait_state(engine, 1, ENGINE_DIED));
    assert_true(WIFSIGNALED(engine_task(engine, 1).status));
    assert_int_equal(WTERMSIG(engine_task(engine, 1).status), SIGKILL);
    assert_true(engine_task(engine, 1).ended_ns > 0);
    assert_false(exists(tid));
    assert_int_equal(engine_task(engine, 0).state, ENGINE_RUNNING);
    assert_int_equal(engine_task(engine, 2).state, ENGINE_RUNNING);
    assert_true(engine_alive(engine, NULL));

    /* Its slot can be used again. */
    spawn(engine, 1, TASK_THREAD, &cpus, NS_PER_MS);
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_state(engine, 1, ENGINE_DONE));
    collect(&c, engine);
    assert_int_equal(count(&c, tid, EVENT_EXIT), 1);
    assert_int_equal(WTERMSIG(find(&c, tid, EVENT_EXIT, 0)->u.exit.status), SIGKILL);
    free(c.events);
    free_and_check(engine);
}

static void a_killed_host_takes_its_tasks_along(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct engine *engine = start(round % 2);
        struct cpuset cpus = all_cpus();
        struct collector c = {0};
        struct err err = {""};
        int tids[8];

        for (unsigned i = 0; i < 8; i++)
            spawn(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, &cpus, 0);
        if (round < 6) { /* else in the midst of starting */
            wait_gated(engine);
            engine_release(engine);
        }
        for (unsigned i = 0; i < 8; i++)
            tids[i] = engine_task(engine, i).tid;
        kill(engine_host_pid(engine), SIGKILL);
        for (unsigned i = 0; i < 8; i++) {
            assert_true(wait_state(engine, i, ENGINE_DIED));
            assert_true(WIFSIGNALED(engine_task(engine, i).status) || round >= 6);
            assert_true(tids[i] == 0 || !exists(tids[i]));
        }
        assert_false(engine_alive(engine, &err));
        assert_non_null(strstr(err.msg, "signal 9"));
        assert_false(engine_spawn(engine, 0, TASK_THREAD, 1, &cpus, 0, 0, &err));
        engine_kill(engine); /* harmless */
        engine_release(engine);
        collect(&c, engine);
        for (unsigned i = 0; i < 8 && round < 6; i++)
            assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
        assert_int_equal(count(&c, engine_host_pid(engine), EVENT_EXIT), 1);
        free(c.events);
        free_and_check(engine);
    }
}

static void a_killed_thread_takes_the_host_along(void **state)
{
    struct engine *engine = start(false);
    struct cpuset cpus = all_cpus();
    (void)state;

    spawn(engine, 0, TASK_THREAD, &cpus, 0);
    spawn(engine, 1, TASK_PROCESS, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    kill(engine_task(engine, 0).tid, SIGKILL);
    assert_true(wait_state(engine, 1, ENGINE_DIED));
    assert_true(wait_state(engine, 0, ENGINE_DIED));
    assert_false(engine_alive(engine, NULL));
    free_and_check(engine);
}

/* What the child that runs the engine tells us before it is killed. */
struct message {
    _Atomic int ready;
    int host, tids[6];
};

static void all_dies_with_schedviz(void **state)
{
    (void)state;
    struct message *message =
        mmap(NULL, sizeof *message, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(message, MAP_FAILED);

    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        struct cpuset cpus = all_cpus();
        struct engine *engine = engine_start(&(struct engine_config){.self_timed = true}, &err);

        for (unsigned i = 0; engine && i < 6; i++)
            engine_spawn(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, 1, &cpus, 0, 0, &err);
        if (engine && engine_wait_gated(engine, PATIENCE_MS, &err)) {
            engine_release(engine);
            message->host = engine_host_pid(engine);
            for (unsigned i = 0; i < 6; i++)
                message->tids[i] = engine_task(engine, i).tid;
        }
        message->ready = 1;
        for (;;)
            pause();
    }
    while (!message->ready)
        nap_ms(1);
    assert_int_not_equal(message->host, 0);
    assert_true(exists(message->host));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    /* We are a subreaper ourselves by now, so its orphans become ours. */
    uint64_t begin_ns = clock_now_ns(), end_ns = begin_ns + 2 * NS_PER_S;
    while ((waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) && clock_now_ns() < end_ns)
        nap_ms(1);
    assert_false(exists(message->host));
    for (unsigned i = 0; i < 6; i++)
        assert_false(exists(message->tids[i]));
    munmap(message, sizeof *message);
}

static void a_task_that_does_not_listen_is_killed(void **state)
{
    struct engine *engine = start(false);
    struct cpuset cpus = all_cpus();
    (void)state;

    for (unsigned i = 0; i < 2; i++)
        spawn(engine, i, TASK_PROCESS, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    int host = engine_host_pid(engine), tid = engine_task(engine, 0).tid;
    kill(tid, SIGSTOP);
    engine_stop(engine, 0);
    assert_false(engine_wait_stopped(engine, 20));
    kill(host, SIGSTOP);
    engine_kill(engine);
    free_and_check(engine);
    assert_false(exists(host) || exists(tid));
}

static void suspended_tasks_stand_still(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    (void)state;

    for (unsigned i = 0; i < 2; i++)
        spawn(engine, i, i ? TASK_PROCESS : TASK_THREAD, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_work(engine, 0, 1) && wait_work(engine, 1, 1));
    engine_suspend(engine);
    uint64_t done_ns[2], end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    for (unsigned i = 0; i < 2; i++) {
        do { /* until it was seen to stand still: a signal takes a moment */
            done_ns[i] = engine_task(engine, i).work_done_ns;
            nap_ms(50);
        } while (engine_task(engine, i).work_done_ns != done_ns[i] && clock_now_ns() < end_ns);
        assert_true(engine_task(engine, i).work_done_ns == done_ns[i]);
    }
    engine_resume(engine);
    for (unsigned i = 0; i < 2; i++)
        assert_true(wait_work(engine, i, done_ns[i] + 1));
    engine_suspend(engine); /* and it can be freed like this */
    free_and_check(engine);
}

/* ---- self-timing ---- */

/* What a task told against what the kernel counted for it, from NOTE_BASE to its last words. */
static void check_own_account(const struct collector *c, int tid)
{
    const struct event *base = find(c, tid, EVENT_NOTE, NOTE_BASE);
    const struct event *base_run = find(c, tid, EVENT_NOTE, NOTE_BASE_RUN);
    const struct event *last = find(c, tid, EVENT_SAMPLE, SAMPLE_SWITCHES);
    const struct event *last_run = find(c, tid, EVENT_SAMPLE, SAMPLE_RUN);
    uint64_t run_ns = 0, in_ns = 0;
    bool in = false;

    assert_true(base && base_run && last && last_run);
    assert_int_equal(count_out(c, tid, OUT_PREEMPTED),
                     last->u.switches.involuntary - base->u.switches.involuntary);
    assert_int_equal(count_out(c, tid, OUT_BLOCKED),
                     last->u.switches.voluntary - base->u.switches.voluntary + 1);
    for (size_t i = 0; i < c->n; i++) {
        const struct event *e = &c->events[i];
        if (e->tid != tid || (e->kind != EVENT_SWITCH_IN && e->kind != EVENT_SWITCH_OUT))
            continue;
        assert_int_equal(e->kind, in ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN);
        if (in)
            run_ns += e->time_ns - in_ns;
        in_ns = e->time_ns;
        in = !in;
    }
    assert_false(in);

    uint64_t kernel_ns = last_run->u.run.run_ns - base_run->u.run.run_ns;
    uint64_t off_ns = run_ns > kernel_ns ? run_ns - kernel_ns : kernel_ns - run_ns;
    /* The kernel leaves time that the hypervisor stole out of a task's run time, and tells of it in ticks. */
    if (off_ns > kernel_ns / 100 + NS_PER_MS && stolen_ticks() > stolen_at_start)
        print_message("# told %llu us of running, the kernel says %llu us: time was stolen meanwhile\n",
                      (unsigned long long)run_ns / 1000, (unsigned long long)kernel_ns / 1000);
    else if (off_ns > kernel_ns / 100 + NS_PER_MS + 1000 / (uint64_t)sysconf(_SC_CLK_TCK) * NS_PER_MS)
        fail_msg("told %llu us of running, the kernel says %llu us", (unsigned long long)run_ns / 1000,
                 (unsigned long long)kernel_ns / 1000);
}

static void own_slices_equal_the_kernels(enum task_kind kind)
{
    struct engine *engine = start(true);
    struct collector c = {0};
    struct cpuset cpus = one_cpu(0);
    unsigned long before[4], rise[4];
    int tids[4];

    for (unsigned i = 0; i < 4; i++)
        spawn(engine, i, kind, &cpus, 0);
    wait_gated(engine);
    for (unsigned i = 0; i < 4; i++) {
        tids[i] = engine_task(engine, i).tid;
        before[i] = status_field(tids[i], "nonvoluntary_ctxt_switches:");
    }
    engine_release(engine);
    for (int k = 0; k < 10; k++) {
        nap_ms(50);
        engine_dispatch(engine);
        collect(&c, engine);
    }
    for (unsigned i = 0; i < 4; i++)
        rise[i] = status_field(tids[i], "nonvoluntary_ctxt_switches:") - before[i];
    stop_all(engine);
    collect(&c, engine);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(rise[i] > 0);
        assert_true(count_out(&c, tids[i], OUT_PREEMPTED) + 1 >= rise[i]);
        check_own_account(&c, tids[i]);
    }
    assert_int_equal(engine_source(engine)->ops->lost(engine_source(engine)), 0);
    free(c.events);
    free_and_check(engine);
}

static void own_slices_of_threads_equal_the_kernels(void **state)
{
    (void)state;
    own_slices_equal_the_kernels(TASK_THREAD);
}

static void own_slices_of_processes_equal_the_kernels(void **state)
{
    (void)state;
    own_slices_equal_the_kernels(TASK_PROCESS);
}

/* Slices that tasks on one CPU tell of never overlap: each is a part of the true one. */
static void own_slices_do_not_overlap(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = one_cpu(0);
    struct collector c = {0};
    (void)state;

    for (unsigned i = 0; i < 6; i++)
        spawn(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    nap_ms(300);
    stop_all(engine);
    collect(&c, engine);

    struct slice {
        uint64_t begin_ns, end_ns;
    } *slices = mem_new(c.n, sizeof *slices);
    size_t n = 0;
    for (size_t i = 0; i < c.n; i++) { /* a stream at a time, a task at a time */
        if (c.events[i].kind == EVENT_SWITCH_IN)
            slices[n].begin_ns = c.events[i].time_ns;
        else if (c.events[i].kind == EVENT_SWITCH_OUT)
            slices[n++].end_ns = c.events[i].time_ns;
    }
    assert_true(n > 6);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++)
            assert_true(i == k || slices[i].end_ns <= slices[k].begin_ns ||
                        slices[k].end_ns <= slices[i].begin_ns);
    }
    free(slices);
    free(c.events);
    free_and_check(engine);
}

static void a_full_ring_says_what_it_lost(void **state)
{
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    struct event events[RING_EVENTS];
    (void)state;

    assert_non_null(ring);
    memset(ring, 0, sizeof *ring);
    for (int i = 0; i < RING_EVENTS + 5; i++)
        assert_int_equal(ring_push(ring, &(struct event){.tid = i}), i < RING_EVENTS);
    assert_int_equal(ring_take(ring, events, 1), 1);
    assert_int_equal(events[0].tid, 0);
    assert_false(ring_push(ring, &(struct event){.tid = 1})); /* room for itself alone, not for the notice */
    assert_int_equal(ring_take(ring, events, RING_EVENTS), RING_EVENTS - 1);
    assert_int_equal(events[RING_EVENTS - 2].tid, RING_EVENTS - 1);

    assert_true(ring_push(ring, &(struct event){.tid = 7, .time_ns = 9, .kind = EVENT_SWITCH_IN}));
    assert_int_equal(ring_take(ring, events, RING_EVENTS), 2);
    assert_int_equal(events[0].kind, EVENT_LOST);
    assert_int_equal(events[0].u.lost.n, 6);
    assert_int_equal(events[0].time_ns, 9);
    assert_int_equal(events[1].kind, EVENT_SWITCH_IN);
    assert_int_equal(ring->lost, 6);
    assert_int_equal(ring_take(ring, events, RING_EVENTS), 0);
    free(ring);
}

/* ---- many, and nothing left ---- */

static unsigned n_descriptors(int pid)
{
    char path[64];
    unsigned n = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* A terminal or a ring of perf that the host held open would outlive us. */
static void the_host_holds_nothing_of_ours(void **state)
{
    char path[64], link[64];
    int fd = open("/proc/self/status", O_RDONLY); /* not closed on exec, as a careless library leaves it */
    struct engine *engine = start(false);
    (void)state;

    assert_int_equal(n_descriptors(engine_host_pid(engine)), 6);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", engine_host_pid(engine), i);
        ssize_t n = readlink(path, link, sizeof link - 1);
        assert_true(n > 0);
        link[n] = '\0';
        assert_string_equal(link, "/dev/null");
    }
    assert_int_equal(getpgid(engine_host_pid(engine)), engine_host_pid(engine));
    close(fd);
    free_and_check(engine);
}

static void three_hundred_tasks(void **state)
{
    unsigned n_before = n_descriptors(getpid());
    (void)state;

    for (enum task_kind kind = TASK_THREAD; kind <= TASK_PROCESS; kind++) {
        struct engine *engine = start(true);
        struct collector c = {0};
        struct cpuset cpus = all_cpus();

        for (unsigned i = 0; i < 300; i++)
            spawn(engine, i, kind, &cpus, NS_PER_MS / 10);
        wait_gated(engine);
        engine_release(engine);
        for (unsigned i = 0; i < 300; i++)
            assert_true(wait_state(engine, i, ENGINE_DONE));
        collect(&c, engine);
        for (unsigned i = 0; i < 300; i++)
            check_own_account(&c, engine_task(engine, i).tid);
        free(c.events);
        free_and_check(engine);
    }
    assert_int_equal(n_descriptors(getpid()), n_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_live_from_gate_to_stop),
        cmocka_unit_test(processes_live_from_gate_to_stop),
        cmocka_unit_test(the_gate_holds),
        cmocka_unit_test(fixed_work_ends_at_its_total),
        cmocka_unit_test(a_respawned_task_goes_on_with_its_work),
        cmocka_unit_test(impossible_spawns_are_refused),
        cmocka_unit_test(a_limit_on_processes_is_told),
        cmocka_unit_test(tasks_are_where_they_were_put),
        cmocka_unit_test(a_killed_worker_is_alone),
        cmocka_unit_test(a_killed_host_takes_its_tasks_along),
        cmocka_unit_test(a_killed_thread_takes_the_host_along),
        cmocka_unit_test(all_dies_with_schedviz),
        cmocka_unit_test(a_task_that_does_not_listen_is_killed),
        cmocka_unit_test(suspended_tasks_stand_still),
        cmocka_unit_test(own_slices_of_threads_equal_the_kernels),
        cmocka_unit_test(own_slices_of_processes_equal_the_kernels),
        cmocka_unit_test(own_slices_do_not_overlap),
        cmocka_unit_test(a_full_ring_says_what_it_lost),
        cmocka_unit_test(the_host_holds_nothing_of_ours),
        cmocka_unit_test(three_hundred_tasks),
    };

    stolen_at_start = stolen_ticks();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
