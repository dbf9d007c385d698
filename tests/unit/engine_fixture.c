/* The engine in tests: what it told, and how to wait for it. */
#include "engine_fixture.h"
#include "../../src/clock.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the source told ---- */

void collect(struct collector *c, struct engine *engine)
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

unsigned count(const struct collector *c, int tid, enum event_kind kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->events[i].tid == tid && c->events[i].kind == kind;
    return n;
}

static unsigned count_detail(const struct collector *c, int tid, enum event_kind kind, int detail)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->events[i].tid == tid && c->events[i].kind == kind && c->events[i].detail == detail;
    return n;
}

unsigned count_out(const struct collector *c, int tid, enum event_out out)
{
    return count_detail(c, tid, EVENT_SWITCH_OUT, (int)out);
}

unsigned count_in(const struct collector *c, int tid, enum event_in in)
{
    return count_detail(c, tid, EVENT_SWITCH_IN, (int)in);
}

/* The last one of its sort, or NULL. */
const struct event *find(const struct collector *c, int tid, enum event_kind kind, int detail)
{
    for (size_t i = c->n; i-- > 0;) {
        const struct event *e = &c->events[i];
        if (e->tid == tid && e->kind == kind && e->detail == detail)
            return e;
    }
    return NULL;
}

/* ---- helpers ---- */

/* `steal` of /proc/stat (proc(5)), and what it was when the engine began. */
static unsigned long long stolen_at_start;

unsigned long long stolen_ticks(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file && fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
        steal = 0;
    if (file)
        fclose(file);
    return steal;
}

struct engine *start_program(bool self_timed, const struct program *program)
{
    struct err err = {""};
    struct engine *engine =
        engine_start(&(struct engine_config){.self_timed = self_timed, .program = program}, &err);
    if (!engine)
        fail_msg("%s", err.msg);
    stolen_at_start = stolen_ticks();
    return engine;
}

struct engine *start(bool self_timed)
{
    return start_program(self_timed, NULL);
}

struct cpuset all_cpus(void)
{
    struct cpuset cpus = {{0}};
    assert_true(cpuset_get_affinity(0, &cpus));
    return cpus;
}

struct cpuset one_cpu(unsigned i)
{
    struct cpuset all = all_cpus(), one = {{0}};
    cpuset_add(&one, cpuset_nth(&all, i % cpuset_count(&all)));
    return one;
}

bool try_spawn(struct engine *engine, unsigned slot, enum task_kind kind, const struct cpuset *cpus,
               struct err *err)
{
    struct engine_order order = {.kind = kind, .run = 1, .cpus = *cpus};
    return engine_spawn(engine, slot, &order, err);
}

void spawn(struct engine *engine, unsigned slot, enum task_kind kind, const struct cpuset *cpus,
           uint64_t work_ns)
{
    struct engine_order order = {.kind = kind, .run = 1, .cpus = *cpus, .work_ns = work_ns};
    struct err err = {""};
    if (!engine_spawn(engine, slot, &order, &err))
        fail_msg("%s", err.msg);
}

void wait_gated(struct engine *engine)
{
    struct err err = {""};
    if (!engine_wait_gated(engine, PATIENCE_MS, &err))
        fail_msg("%s", err.msg);
}

void nap_ms(int ms)
{
    poll(NULL, 0, ms);
}

bool wait_state(struct engine *engine, unsigned slot, enum engine_state state)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    struct pollfd fd = {.fd = engine_fd(engine), .events = POLLIN};

    while (engine_task(engine, slot).state != state && clock_now_ns() < end_ns) {
        poll(&fd, 1, 100);
        engine_dispatch(engine);
    }
    return engine_task(engine, slot).state == state;
}

bool wait_work(struct engine *engine, unsigned slot, uint64_t done_ns)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

    while (engine_task(engine, slot).work_done_ns < done_ns && clock_now_ns() < end_ns)
        nap_ms(1);
    return engine_task(engine, slot).work_done_ns >= done_ns;
}

void stop_all(struct engine *engine)
{
    for (unsigned i = 0; i < engine_n_slots(engine); i++)
        engine_stop(engine, i);
    assert_true(engine_wait_stopped(engine, PATIENCE_MS));
}

bool exists(int pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

bool vanishes(int pid)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    while (exists(pid) && clock_now_ns() < end_ns)
        nap_ms(5);
    return !exists(pid);
}

/* Frees, and holds that nothing is left: no child, running or zombie. */
void free_and_check(struct engine *engine)
{
    const uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
    pid_t left;
    engine_free(engine);
    while ((left = waitpid(-1, NULL, WNOHANG)) == 0 && clock_now_ns() < end_ns)
        nap_ms(5); /* what was killed may have to wait for a CPU to end on */
    assert_int_equal(left, -1);
    assert_int_equal(errno, ECHILD);
}

void read_file(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
}

unsigned long status_field(int tid, const char *field)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    read_file(path, text, sizeof text);
    const char *at = strstr(text, field);
    assert_non_null(at);
    return strtoul(at + strlen(field), NULL, 10);
}

/* What a task told against what the kernel counted for it, from NOTE_BASE to its last words. */
void check_own_account(const struct collector *c, int tid)
{
    const struct event *base = find(c, tid, EVENT_NOTE, NOTE_BASE);
    const struct event *base_run = find(c, tid, EVENT_NOTE, NOTE_BASE_RUN);
    const struct event *last = find(c, tid, EVENT_SAMPLE, SAMPLE_SWITCHES);
    const struct event *last_run = find(c, tid, EVENT_SAMPLE, SAMPLE_RUN);
    uint64_t run_ns = 0, in_ns = 0;
    unsigned n_mistaken = count_in(c, tid, IN_PREEMPTED);
    bool in = false;

    assert_true(base && base_run && last && last_run);
    assert_int_equal(count_out(c, tid, OUT_PREEMPTED) + n_mistaken,
                     last->u.switches.involuntary - base->u.switches.involuntary);
    assert_int_equal(count_out(c, tid, OUT_BLOCKED) - n_mistaken - count_in(c, tid, IN_STAYED),
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

/* ---- programs ---- */

struct phase phase_of(struct action *actions, unsigned n)
{
    return (struct phase){.name = (char *)"",
                          .loop = 1,
                          .settings = {.util_min = -1, .util_max = -1},
                          .actions = actions,
                          .n_actions = n};
}

struct template template_of(const char *name, int loop, struct phase *phase)
{
    return (struct template){.name = (char *)name,
                             .n_instances = 1,
                             .loop = loop,
                             .settings = {.util_min = -1, .util_max = -1},
                             .phases = phase,
                             .n_phases = 1};
}

struct program program_of(struct template *templates, unsigned n, struct object *objects, unsigned n_objects)
{
    return (struct program){.file = (char *)"test",
                            .name = (char *)"test",
                            .templates = templates,
                            .n_templates = n,
                            .objects = objects,
                            .n_objects = n_objects,
                            .default_policy = POLICY_OTHER,
                            .mem_buffer_bytes = 4096,
                            .placement = -1};
}

struct engine_order order_of(enum task_kind kind, uint16_t run, uint32_t template)
{
    return (struct engine_order){
        .kind = kind, .run = run, .cpus = all_cpus(), .part = {.template = template}};
}

void spawn_part(struct engine *engine, unsigned slot, enum task_kind kind, uint16_t run, uint32_t template)
{
    struct engine_order order = order_of(kind, run, template);
    struct err err = {""};
    if (!engine_spawn(engine, slot, &order, &err))
        fail_msg("%s", err.msg);
}
