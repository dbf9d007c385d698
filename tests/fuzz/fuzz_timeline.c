/* Any bytes as events: the timeline takes them all, and its answers hold together. */
#include "../../src/timeline/timeline.h"
#include "../../src/timeline/waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold with NDEBUG as well. */
#define HOLD(condition)                                                                                      \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

static uint64_t sum_of(const struct bin *bin)
{
    return bin->run_ns + bin->runnable_ns + bin->blocked_ns + bin->unknown_ns;
}

static void check_bins(const struct timeline *tl, uint64_t start_ns, uint64_t span_ns)
{
    enum { N = 37 };
    struct bin bins[N], whole;
    uint64_t end_ns = start_ns + span_ns < start_ns ? UINT64_MAX : start_ns + span_ns;
    uint64_t width_ns = end_ns - start_ns;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        uint64_t sum_ns = 0, run_ns = 0;
        timeline_task_bins(tl, i, start_ns, span_ns, N, bins);
        timeline_task_bins(tl, i, start_ns, span_ns, 1, &whole);
        HOLD(sum_of(&whole) == width_ns);
        for (unsigned k = 0; k < N; k++) {
            sum_ns += sum_of(&bins[k]);
            run_ns += bins[k].run_ns;
            HOLD(bins[k].lead[0].ns + bins[k].lead[1].ns + bins[k].lead[2].ns <= bins[k].run_ns);
        }
        HOLD(sum_ns == width_ns);
        HOLD(run_ns <= whole.run_ns + N && whole.run_ns <= run_ns + N);
    }
    for (int cpu = -1; cpu <= timeline_n_cpus(tl); cpu += cpu < 8 ? 1 : 1000) {
        uint64_t run_ns = 0;
        timeline_cpu_bins(tl, cpu, start_ns, span_ns, N, bins);
        timeline_cpu_bins(tl, cpu, start_ns, span_ns, 1, &whole);
        HOLD(sum_of(&whole) <= width_ns && whole.self_ns <= whole.run_ns);
        for (unsigned k = 0; k < N; k++) {
            run_ns += bins[k].run_ns;
            HOLD(bins[k].self_ns <= bins[k].run_ns);
        }
        HOLD(run_ns <= whole.run_ns + N && whole.run_ns <= run_ns + N);
    }
}

static void check_tasks(const struct timeline *tl)
{
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        HOLD(task.index == i && task.first_ns <= task.last_ns && task.last_ns <= timeline_now_ns(tl));
        HOLD(task.run_ns + task.runnable_ns + task.blocked_ns + task.unknown_ns ==
             task.last_ns - task.first_ns);
        HOLD(task.blocked_ns <= task.last_ns - task.first_ns);
        HOLD(memchr(task.name, 0, sizeof task.name));
        struct slice slice, next;
        uint64_t since_ns, until_ns;
        int cpu;
        if (timeline_task_slice(tl, i, 0, 0, &slice)) {
            HOLD(slice.start_ns <= slice.end_ns);
            if (timeline_task_slice(tl, i, slice.start_ns, 1, &next))
                HOLD(next.start_ns >= slice.end_ns);
            enum task_state state = timeline_task_at(tl, i, slice.start_ns, &since_ns, &until_ns, &cpu);
            if (slice.end_ns > slice.start_ns && slice.start_ns >= timeline_edge_ns(tl))
                HOLD(state == STATE_RUNNING && since_ns == slice.start_ns && until_ns == slice.end_ns);
        }
        timeline_task_at(tl, i, timeline_now_ns(tl) / 2, &since_ns, &until_ns, &cpu);
        HOLD(since_ns <= until_ns);
        timeline_next_switch_in(tl, i, timeline_now_ns(tl), -1);
        timeline_next_switch_in(tl, i, 0, 1);
    }
}

/* Walks each CPU slice by slice, forward. */
static void check_cpus(const struct timeline *tl)
{
    for (int cpu = 0; cpu < timeline_n_cpus(tl); cpu++) {
        struct slice slice;
        uint64_t t_ns = 0, end_ns = 0;
        for (int i = 0; i < 1000 && timeline_cpu_slice(tl, cpu, t_ns, 0, &slice); i++) {
            HOLD(slice.start_ns <= slice.end_ns && slice.start_ns >= end_ns);
            HOLD(slice.task < timeline_n_tasks(tl) && slice.cpu == cpu);
            HOLD(slice.end_ns <= timeline_now_ns(tl));
            end_ns = slice.end_ns;
            t_ns = end_ns > slice.start_ns ? end_ns : end_ns + 1;
        }
        uint64_t next_ns = timeline_next_switch(tl, cpu, 0, 1);
        HOLD(!next_ns || timeline_next_switch(tl, -1, 0, 1) <= next_ns);
        timeline_next_switch(tl, cpu, timeline_now_ns(tl), -1);
        struct cpu_totals totals;
        timeline_cpu_totals(tl, cpu, &totals);
        HOLD(totals.busy_ns <= timeline_now_ns(tl) && totals.self_ns <= timeline_now_ns(tl));
    }
}

static void check_reasons(const struct timeline *tl, uint64_t t_ns)
{
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct wait_reason reason;
        char text[128];
        waits_reason(tl, i, t_ns, &reason);
        HOLD(reason.kind == WAIT_NONE || reason.since_ns <= t_ns);
        HOLD(reason.holder == TIMELINE_NO_TASK || reason.holder < timeline_n_tasks(tl));
        HOLD(reason.object == WAITS_NONE || reason.object < waits_n_objects(timeline_waits(tl)));
        HOLD(strlen(waits_text(tl, i, t_ns, text, sizeof text)) < sizeof text);
    }
}

static void check_waits(const struct timeline *tl)
{
    const struct waits *waits = timeline_waits(tl);
    bool *queued = calloc(timeline_n_tasks(tl) + 1u, sizeof *queued);
    HOLD(queued != NULL);
    for (uint32_t i = 0; i < waits_n_objects(waits); i++) {
        struct wait_object object;
        HOLD(waits_object(waits, i, &object) && object.index == i);
        uint32_t tasks[64];
        unsigned n = waits_queue(waits, i, tasks, 64);
        HOLD(n == object.n_waiting);
        for (unsigned k = 0; k < n && k < 64; k++) {
            HOLD(tasks[k] < timeline_n_tasks(tl) && !queued[tasks[k]]);
            queued[tasks[k]] = true;
        }
        const struct wait_step *steps;
        unsigned n_steps = waits_steps(waits, i, &steps);
        for (unsigned k = 1; k < n_steps; k++)
            HOLD(steps[k].time_ns > steps[k - 1].time_ns);
        waits_growth(waits, i, timeline_first_ns(tl), timeline_now_ns(tl));
    }
    free(queued);
    for (unsigned i = 0; i < waits_n_alerts(waits); i++) {
        const struct alert *alert = waits_alert(waits, i);
        HOLD(alert->since_ns < alert->time_ns && alert->time_ns <= timeline_now_ns(tl) && alert->n > 0);
        for (unsigned k = 0; k < alert->n; k++)
            HOLD(alert->objects[k] < waits_n_objects(waits));
    }
    check_reasons(tl, timeline_now_ns(tl));
    check_reasons(tl, timeline_now_ns(tl) / 2);
}

/* All that is told of, and what is not known, add up to the wait; of a short list the longest are there. */
static void check_list(const struct timeline *tl, const struct behind *list, unsigned n, unsigned max,
                       const struct behind_sums *sums)
{
    uint64_t told_ns = 0;
    HOLD(n <= max && sums->unknown_ns <= sums->waited_ns);
    for (unsigned i = 0; i < n; i++) {
        HOLD(list[i].task < timeline_n_tasks(tl) && list[i].ns > 0);
        HOLD(i == 0 || list[i].ns <= list[i - 1].ns);
        told_ns += list[i].ns;
    }
    HOLD(told_ns <= sums->waited_ns - sums->unknown_ns);
    HOLD(n == max || told_ns == sums->waited_ns - sums->unknown_ns);
}

static void check_behind(const struct timeline *tl, uint64_t from_ns, uint64_t to_ns)
{
    enum { ALL = 256, SOME = 2 };
    struct behind list[ALL], shortest[SOME];
    struct behind_sums sums, again;
    unsigned n;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        n = timeline_behind(tl, i, from_ns, to_ns, list, ALL, &sums);
        check_list(tl, list, n, ALL, &sums);
        HOLD(sums.waited_ns <= (to_ns > from_ns ? to_ns - from_ns : 0));
        const unsigned n_some = timeline_behind(tl, i, from_ns, to_ns, shortest, SOME, &again);
        check_list(tl, shortest, n_some, SOME, &again);
        HOLD(n_some == (n < SOME ? n : SOME) && again.waited_ns == sums.waited_ns);
        for (unsigned k = 0; k < n_some; k++)
            HOLD(shortest[k].task == list[k].task && shortest[k].ns == list[k].ns);
    }
    n = timeline_antagonists(tl, from_ns, to_ns, list, ALL, &sums);
    if ((to_ns < timeline_now_ns(tl) ? to_ns : timeline_now_ns(tl)) > UINT64_MAX / (timeline_n_tasks(tl) + 1))
        return; /* waits of centuries: their sum is more than 64 bits hold */
    check_list(tl, list, n, ALL, &sums);
    timeline_antagonists(tl, from_ns, to_ns, NULL, 0, &again);
    HOLD(again.waited_ns == sums.waited_ns && again.unknown_ns == sums.unknown_ns);
}

static void check(const struct timeline *tl)
{
    uint64_t first_ns = timeline_first_ns(tl), now_ns = timeline_now_ns(tl);
    HOLD(first_ns <= now_ns && timeline_edge_ns(tl) >= first_ns && timeline_edge_ns(tl) <= now_ns);
    check_tasks(tl);
    check_cpus(tl);
    check_waits(tl);
    check_bins(tl, first_ns, now_ns - first_ns);
    check_bins(tl, first_ns + (now_ns - first_ns) / 3, (now_ns - first_ns) / 5);
    check_bins(tl, 0, UINT64_MAX);
    check_behind(tl, 0, UINT64_MAX);
    check_behind(tl, first_ns + (now_ns - first_ns) / 3, now_ns - (now_ns - first_ns) / 4);
    check_behind(tl, now_ns, first_ns);
    for (unsigned i = 0; i < timeline_n_holes(tl); i++)
        HOLD(timeline_hole(tl, i)->start_ns <= timeline_hole(tl, i)->end_ns);
}

/* Twelve bytes make an event: small numbers, so that tasks meet; now and then a wild one is taken as it is.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned shifts[4] = {0, 8, 20, 34};
    struct timeline *tl = timeline_new(1);
    uint64_t t_ns = 1000;
    size_t n = 0;
    while (size >= 12) {
        struct event event = {0};
        uint64_t step = (uint64_t)data[0] << shifts[data[1] & 3];
        t_ns += step;
        event.time_ns = data[1] & 4 && step < t_ns ? t_ns - step : t_ns; /* late */
        event.tid = data[2] % 20 - 4;                                    /* some of them green */
        event.cpu = (int16_t)(data[3] % 6 - 1);
        event.kind = data[4] % 11;
        event.detail = data[5] % 16;
        memcpy(&event.u, data + 6, 6);
        if (event.kind == EVENT_NEW) {
            event.u.task.slot = data[7] % 8 - 1;
            event.u.task.kind = data[8] % 4;
            event.u.task.role = data[9] % 5;
        }
        if (event.kind == EVENT_OBJECT) {
            event.tid = data[2] % 4;
            event.detail = data[5] % 9;
        } else if (event.kind == EVENT_NOTE && event.detail >= NOTE_WANTS) {
            event.u.sync.object = data[6] % 5 - 1;
            event.u.sync.other = data[7] % 20 - 4;
            event.u.sync.until_ns = data[8] ? t_ns + ((uint64_t)data[8] << shifts[data[9] & 3]) : 0;
        }
        size_t used = 12;
        if (data[1] == 0xff && size >= 12 + sizeof event) {
            memcpy(&event, data + 12, sizeof event);
            used += sizeof event;
        }
        timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
        if (data[1] == 0xfe)
            timeline_advance(tl, t_ns + data[6]);
        if (++n % 64 == 0)
            check(tl);
        data += used;
        size -= used;
    }
    check(tl);
    timeline_free(tl);
    return 0;
}
