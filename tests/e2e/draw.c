/* Draws hand-written runs: tests/e2e/draw RUN FILE.svg|FILE.html. RUN is "turns" (4 tasks by turns on a
 * core), "hostile" (names that would command a page), "large" (100,000 slices on 8 cores), "pingpong"
 * (100,000 slices of microseconds on one core), "runs" (two of the tasks are of a run before), or "empty". */
#include "../../src/clock.h"
#include "../../src/export/export.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define T0 (100 * NS_PER_S)

static struct timeline *tl;
static const char *run_name;

static void push(const struct event *event)
{
    timeline_sink(tl)->push(timeline_sink(tl), event, 1);
}

static struct event event_of(uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    return (struct event){.time_ns = T0 + t_ns,
                          .tid = tid,
                          .cpu = (int16_t)cpu,
                          .kind = (uint8_t)kind,
                          .detail = (uint8_t)detail};
}

static void add(uint64_t t_ns, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    const struct event event = event_of(t_ns, tid, cpu, kind, detail);
    push(&event);
}

static void add_task(int tid, int slot, enum task_role role, const char *name)
{
    struct event event = event_of(0, tid, -1, EVENT_NEW, 0);
    event.u.task.pid = 1000;
    event.u.task.slot = slot;
    event.u.task.run = strcmp(run_name, "runs") == 0 && tid > 1002 ? 2 : 1;
    event.u.task.role = (uint8_t)role;
    push(&event);
    event = event_of(0, tid, -1, EVENT_NAME, 0);
    strncpy(event.u.name, name, sizeof event.u.name - 1);
    push(&event);
}

static void add_named(int n)
{
    for (int i = 0; i < n; i++) {
        char name[EVENT_NAME_SIZE];
        snprintf(name, sizeof name, "spin-%u", (unsigned)(i + 1) % 1000);
        add_task(1001 + i, i, ROLE_WORKLOAD, name);
    }
}

static void add_slice(int cpu, int tid, uint64_t from_ns, uint64_t to_ns, enum event_out out)
{
    add(from_ns, tid, cpu, EVENT_SWITCH_IN, 0);
    add(to_ns, tid, cpu, EVENT_SWITCH_OUT, out);
}

static void add_mark(uint64_t t_ns, const char *text)
{
    struct event event = event_of(t_ns, 0, -1, EVENT_MARK, 0);
    strncpy(event.u.name, text, sizeof event.u.name - 1);
    push(&event);
}

/* Slices of 4 ms, 1.5 us from one to the next; a mark in the middle, a hole on core 1. */
static void draw_turns(int n)
{
    for (int i = 0; i < 25; i++) {
        const uint64_t from_ns = (uint64_t)i * (4 * NS_PER_MS + 1500);
        add_slice(0, 1001 + i % n, from_ns, from_ns + 4 * NS_PER_MS, OUT_PREEMPTED);
        if (i == 12)
            add_mark(from_ns, "cores 0-1");
    }
    add_slice(1, 1099, 110 * NS_PER_MS, 111 * NS_PER_MS, OUT_BLOCKED);
    struct event lost = event_of(120 * NS_PER_MS, 0, 1, EVENT_LOST, 0);
    lost.u.lost.n = 7;
    push(&lost);
    timeline_advance(tl, T0 + 130 * NS_PER_MS);
}

/* Few slices, too short to be seen. */
static void draw_brief(void)
{
    for (int i = 0; i < 3; i++)
        add_slice(0, 1001 + i % 2, (uint64_t)(10 + 30 * i) * NS_PER_MS,
                  (uint64_t)(10 + 30 * i) * NS_PER_MS + 2 * NS_PER_US, OUT_BLOCKED);
    timeline_advance(tl, T0 + 100 * NS_PER_MS);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return *seed >> 33;
}

/* Any length of slices, of gaps and of waits: as hard to pack as it comes. */
static void draw_large(void)
{
    uint64_t seed = 1, at_ns[8] = {0};
    for (int i = 0; i < 100000;) {
        int cpu = 0;
        for (int c = 1; c < 8; c++)
            cpu = at_ns[c] < at_ns[cpu] ? c : cpu;
        const int tid = 1001 + cpu + 8 * (int)(next_random(&seed) % 8);
        const uint64_t from_ns = at_ns[cpu] + 1000 + next_random(&seed) % 3000;
        add(from_ns, tid, cpu, EVENT_SWITCH_IN, 0);
        at_ns[cpu] = from_ns + 20000 + next_random(&seed) % 4000000;
        const struct event out = event_of(at_ns[cpu], tid, cpu, EVENT_SWITCH_OUT, next_random(&seed) % 2);
        push(&out);
        i++;
    }
    timeline_advance(tl, T0 + at_ns[0]);
}

static void draw_pingpong(void)
{
    uint64_t seed = 1, t_ns = 0;
    for (int i = 0; i < 100000; i++) {
        const uint64_t length_ns = 1800 + next_random(&seed) % 600;
        add(t_ns, 1001 + (i + 1) % 2, 0, EVENT_WAKE, 0);
        add_slice(0, 1001 + i % 2, t_ns, t_ns + length_ns, OUT_BLOCKED);
        t_ns += length_ns + 900 + next_random(&seed) % 300;
    }
    timeline_advance(tl, T0 + t_ns);
}

static void make(const char *run)
{
    add_task(1099, -1, ROLE_OBSERVER, "schedviz");
    if (strcmp(run, "hostile") == 0) {
        add_task(1001, 0, ROLE_WORKLOAD, "</script><img s");
        add_task(1002, 1, ROLE_WORKLOAD, "\"'&\x01\x1b]0;x\x07");
        add_task(1003, -1, ROLE_WORKLOAD, "\xff\xfe<!--\xed\xa0\x80");
        add_task(1004, -1, ROLE_WORKLOAD, "\xef\xbf\xbf\xe2\x80\xae]]>");
        draw_turns(4);
        add_mark(50 * NS_PER_MS, "<svg onload=a>");
    } else if (strcmp(run, "turns") == 0 || strcmp(run, "runs") == 0) {
        add_named(4);
        draw_turns(4);
    } else if (strcmp(run, "brief") == 0) {
        add_named(2);
        draw_brief();
    } else if (strcmp(run, "large") == 0) {
        add_named(64);
        draw_large();
    } else if (strcmp(run, "pingpong") == 0) {
        add_named(2);
        draw_pingpong();
    }
}

static const char *title_of(const char *run)
{
    return strcmp(run, "hostile") == 0 ? "</title></script><img src=x onerror=alert(1)>\x02\xc3(" : run;
}

static bool write_file(const char *run, const char *path)
{
    static struct machine machine;
    struct report report = {.info = {.workload = {.n_tasks = 4}, .source = "perf", .exact = true},
                            .machine = &machine,
                            .run = {.number = strcmp(run, "runs") == 0 ? 2 : 1},
                            .start_ns = T0,
                            .duration_ns = timeline_now_ns(tl) > T0 ? timeline_now_ns(tl) - T0 : 0,
                            .tl = tl};
    struct report_task tasks[100] = {0};
    report.info.workload.name = title_of(run);
    report.tasks = tasks;
    for (uint32_t i = 0; i < timeline_n_tasks(tl) && i < 100; i++) {
        struct task *task = &tasks[report.n_tasks].task;
        timeline_task(tl, i, task);
        report.n_tasks += task->run == report.run.number || task->role == ROLE_OBSERVER;
    }
    cpuset_add(&report.run.cpus, 0);
    FILE *file = fopen(path, "w");
    const struct export_window all = {0, 0};
    const size_t n = strlen(path);
    const bool is_page = n > 5 && strcmp(path + n - 5, ".html") == 0;
    const bool ok = file && (is_page ? export_html : export_svg)(&report, tl, &all, file);
    return file && fclose(file) == 0 && ok;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    setlocale(LC_CTYPE, "");
    tl = timeline_new(0);
    run_name = argv[1];
    make(run_name);
    const bool ok = write_file(argv[1], argv[2]);
    timeline_free(tl);
    if (!ok)
        perror(argv[2]);
    return ok ? 0 : 1;
}
