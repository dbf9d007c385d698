/* The engine on the real kernel: threads and processes, their ends of every sort, and what they tell of
 * themselves. */
#include "../../src/clock.h"
#include "engine_fixture.h"

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
        assert_int_equal(task.pid, kind == TASK_THREAD ? engine_crew_pid(engine) : task.tid);
        assert_int_not_equal(task.tid, engine_crew_pid(engine));
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
    assert_false(try_spawn(engine, 0, TASK_THREAD, &cpus, &err));
    wait_gated(engine);
    engine_release(engine);
    assert_true(wait_work(engine, 0, work_ns / 10));
    stop_all(engine);
    struct engine_task first = engine_task(engine, 0);
    assert_true(first.work_done_ns >= work_ns / 10);

    struct engine_order again = {
        .kind = TASK_PROCESS, .run = 2, .cpus = cpus, .work_ns = work_ns, .done_ns = first.work_done_ns};
    assert_true(engine_spawn(engine, 0, &again, &err));
    wait_gated(engine);
    struct engine_task second = engine_task(engine, 0);
    assert_int_not_equal(second.tid, first.tid);
    assert_true(second.work_done_ns == first.work_done_ns);
    engine_release(engine);
    assert_true(wait_state(engine, 0, ENGINE_DONE));
    assert_true(engine_task(engine, 0).work_done_ns == work_ns);

    /* Nothing left to do: it ends at once. */
    again = (struct engine_order){
        .kind = TASK_THREAD, .run = 3, .cpus = cpus, .work_ns = work_ns, .done_ns = work_ns};
    assert_true(engine_spawn(engine, 0, &again, &err));
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
    assert_false(try_spawn(engine, WORKLOAD_MAX_TASKS, TASK_THREAD, &cpus, &err));

    assert_false(try_spawn(engine, 0, TASK_THREAD, &none, &err));
    assert_int_equal(engine_n_slots(engine), 0);

    for (unsigned i = 0; i < 3; i++) {
        char what[] = "task A on CPU 4095";
        what[5] = (char)('A' + i);
        assert_true(try_spawn(engine, i, (enum task_kind)i, &far, &err));
        assert_true(wait_state(engine, i, ENGINE_DIED));
        assert_false(engine_wait_gated(engine, PATIENCE_MS, &err));
        assert_non_null(strstr(err.msg, what));
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
        try_spawn(engine, 0, TASK_THREAD, &cpus, &err);
        try_spawn(engine, 1, TASK_PROCESS, &cpus, &err);
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
        assert_false(try_spawn(engine, 0, TASK_THREAD, &cpus, &err));
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

static void a_killed_thread_takes_the_other_threads_along(void **state)
{
    struct engine *engine = start(true);
    struct cpuset cpus = all_cpus();
    struct collector c = {0};
    int tids[3];
    (void)state;

    for (unsigned i = 0; i < 3; i++)
        spawn(engine, i, i < 2 ? TASK_THREAD : TASK_PROCESS, &cpus, 0);
    wait_gated(engine);
    engine_release(engine);
    for (unsigned i = 0; i < 3; i++)
        tids[i] = engine_task(engine, i).tid;
    int crew = engine_crew_pid(engine);
    assert_int_equal(engine_task(engine, 0).pid, crew);
    kill(tids[0], SIGKILL);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(wait_state(engine, i, ENGINE_DIED));
        assert_int_equal(WTERMSIG(engine_task(engine, i).status), SIGKILL);
        assert_false(exists(tids[i]));
    }
    assert_false(exists(crew));
    assert_true(engine_alive(engine, NULL));
    assert_int_equal(engine_task(engine, 2).state, ENGINE_RUNNING);

    /* The next thread has a crew again. */
    spawn(engine, 0, TASK_THREAD, &cpus, NS_PER_MS);
    wait_gated(engine);
    int again = engine_crew_pid(engine);
    assert_true(again != 0 && again != crew);
    assert_int_equal(engine_task(engine, 0).pid, again);
    engine_release(engine);
    assert_true(wait_state(engine, 0, ENGINE_DONE));

    collect(&c, engine);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(count(&c, tids[i], EVENT_EXIT), 1);
        assert_int_equal(WTERMSIG(find(&c, tids[i], EVENT_EXIT, 0)->u.exit.status), SIGKILL);
    }
    assert_int_equal(find(&c, crew, EVENT_NEW, 0)->u.task.role, ROLE_HOST);
    assert_string_equal(find(&c, crew, EVENT_NAME, 0)->u.name, "schedviz-crew");
    assert_int_equal(count(&c, crew, EVENT_EXIT), 1);
    assert_int_equal(WTERMSIG(find(&c, crew, EVENT_EXIT, 0)->u.exit.status), SIGKILL);
    assert_int_equal(count(&c, again, EVENT_EXIT), 0);
    free(c.events);
    free_and_check(engine);
}

/* One crew after the other, and orders that come while it dies. */
static void a_crew_is_killed_again_and_again(void **state)
{
    struct engine *engine = start(false);
    struct cpuset cpus = all_cpus();
    (void)state;

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 4; i++)
            spawn(engine, i, TASK_THREAD, &cpus, 0);
        if (round % 2)
            wait_gated(engine);
        while (engine_crew_pid(engine) == 0)
            nap_ms(1);
        kill(engine_crew_pid(engine), SIGKILL);
        engine_release(engine);
        for (unsigned i = 0; i < 4; i++) {
            uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
            enum engine_state is;
            do { /* it died, or it was not made yet and is one of the next crew's */
                engine_dispatch(engine);
                is = engine_task(engine, i).state;
                nap_ms(1);
            } while (is != ENGINE_DIED && is != ENGINE_GATED && clock_now_ns() < end_ns);
            assert_true(is == ENGINE_DIED || is == ENGINE_GATED);
        }
        stop_all(engine);
    }
    assert_true(engine_alive(engine, NULL));
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
            try_spawn(engine, i, i % 2 ? TASK_PROCESS : TASK_THREAD, &cpus, &err);
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
    for (unsigned i = 0; i < 4; i++) {
        uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
        do /* on a busy machine one may not have run yet */
            rise[i] = status_field(tids[i], "nonvoluntary_ctxt_switches:") - before[i];
        while (rise[i] == 0 && clock_now_ns() < end_ns);
    }
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

    assert_int_equal(n_descriptors(engine_host_pid(engine)), 7);
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
        cmocka_unit_test(a_killed_thread_takes_the_other_threads_along),
        cmocka_unit_test(a_crew_is_killed_again_and_again),
        cmocka_unit_test(all_dies_with_schedviz),
        cmocka_unit_test(a_task_that_does_not_listen_is_killed),
        cmocka_unit_test(suspended_tasks_stand_still),
        cmocka_unit_test(own_slices_of_threads_equal_the_kernels),
        cmocka_unit_test(own_slices_of_processes_equal_the_kernels),
        cmocka_unit_test(own_slices_do_not_overlap),
        cmocka_unit_test(the_host_holds_nothing_of_ours),
        cmocka_unit_test(three_hundred_tasks),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
