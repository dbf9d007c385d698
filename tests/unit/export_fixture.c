/* Hand-written runs for the tests of exports. */
#include "export_fixture.h"

#include <stdlib.h>
#include <string.h>

struct timeline *export_tl;

int export_begin(void **state)
{
    (void)state;
    export_tl = timeline_new(1 << 22);
    return 0;
}

int export_end(void **state)
{
    (void)state;
    timeline_free(export_tl);
    return 0;
}

void export_push(const struct event *event)
{
    struct sink *sink = timeline_sink(export_tl);
    sink->push(sink, event, 1);
}

static struct event event_of(uint64_t t, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    return (struct event){.time_ns = START + t,
                          .tid = tid,
                          .cpu = (int16_t)cpu,
                          .kind = (uint8_t)kind,
                          .detail = (uint8_t)detail};
}

void export_add(uint64_t t, int tid, int cpu, enum event_kind kind, unsigned detail)
{
    struct event event = event_of(t, tid, cpu, kind, detail);
    export_push(&event);
}

void export_add_task(uint64_t t, int tid, int pid, const char *name)
{
    struct event event = event_of(t, tid, -1, EVENT_NEW, 0);
    event.u.task.pid = pid;
    event.u.task.slot = tid - A;
    event.u.task.run = 1;
    event.u.task.role = ROLE_WORKLOAD;
    export_push(&event);
    event = event_of(t, tid, -1, EVENT_NAME, 0);
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    export_push(&event);
}

void export_add_wake(uint64_t t, int tid, int cpu)
{
    struct event event = event_of(t, tid, cpu, EVENT_WAKE, 0);
    export_push(&event);
}

void export_add_lost(uint64_t t, int cpu, uint64_t n)
{
    struct event event = event_of(t, 0, cpu, EVENT_LOST, 0);
    event.u.lost.n = n;
    export_push(&event);
}

void export_add_mark(uint64_t t, const char *text)
{
    struct event event = event_of(t, 0, -1, EVENT_MARK, 0);
    snprintf(event.u.name, sizeof event.u.name, "%s", text);
    export_push(&event);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u; /* rand(3)'s example: the same everywhere */
    return *seed >> 16;
}

void export_add_random(unsigned seed, int n_cpus)
{
    enum { N_TASKS = 8, N_EVENTS = 10000, MAX = 16 };
    int on[MAX] = {0};              /* which task runs there, 0: none */
    bool is_blocked[N_TASKS] = {0}; /* else it waits, or runs */
    uint64_t t = 0;
    for (int i = 0; i < N_TASKS; i++)
        export_add_task(0, A + i, A, i == 0 ? "leader" : "thread");
    for (int n = 0; n < N_EVENTS; n++) {
        const int cpu = (int)(next_random(&seed) % (unsigned)n_cpus),
                  task = (int)(next_random(&seed) % N_TASKS);
        bool runs = false;
        t += next_random(&seed) % 4 == 0 ? next_random(&seed) : next_random(&seed) % 2000;
        for (int i = 0; i < n_cpus; i++)
            runs = runs || on[i] == A + task;
        if (next_random(&seed) % 500 == 0) {
            export_add_lost(t, cpu, 1 + next_random(&seed) % 9);
            if (on[cpu])
                is_blocked[on[cpu] - A] = false;
            on[cpu] = 0;
        } else if (on[cpu]) {
            const bool blocks = next_random(&seed) % 2;
            export_add(t, on[cpu], cpu, EVENT_SWITCH_OUT, blocks ? OUT_BLOCKED : OUT_PREEMPTED);
            is_blocked[on[cpu] - A] = blocks;
            on[cpu] = 0;
        } else if (is_blocked[task]) {
            export_add_wake(t, A + task, cpu);
            is_blocked[task] = false;
        } else if (!runs) {
            export_add(t, A + task, cpu, EVENT_SWITCH_IN, IN_SWITCHED);
            on[cpu] = A + task;
        }
    }
    timeline_advance(export_tl, START + t + 1000);
}

struct report export_report(void)
{
    static struct machine machine;
    strcpy(machine.kernel, "6.18");
    return (struct report){
        .info = {.workload = {.name = "hand", .n_tasks = 3}, .source = "perf", .exact = true},
        .machine = &machine,
        .start_ns = START,
        .duration_ns = 1000,
        .cost_known = true,
    };
}

char *export_written(export_format *format, uint64_t start, uint64_t span, size_t *size)
{
    const struct report report = export_report();
    const struct export_window window = {.start_ns = START + start, .span_ns = span};
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    const bool ok = out && format(&report, export_tl, &window, out);
    if (out)
        fclose(out);
    if (!ok) {
        free(text);
        return NULL;
    }
    return text;
}
