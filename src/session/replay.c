/* What was recorded, shown again: recordings in the place of engine, program and sources. */
#include "replay.h"

#include "../clock.h"
#include "state.h"
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two recordings on one time axis. */
#define APART_NS (100 * NS_PER_MS)

#define BEGUN_BEFORE_NS (100 * NS_PER_MS) /* less of a run is missed by nobody */

bool replay_refuse(struct err *err)
{
    return err_set(err, "this is a recording: what happened in it stays as it was");
}

static const struct session_facts *facts_of(const struct replay *r, unsigned i)
{
    return trace_facts(r->traces[i]);
}

const struct session_facts *replay_facts_of_run(const struct session *s, uint16_t number)
{
    const struct replay *r = s->replay;
    unsigned i = 0;
    while (i + 1 < r->n && number >= r->first_run[i + 1])
        i++;
    return facts_of(r, i);
}

/* ---- the machine of the day ---- */

static void add_cpus(struct cpuset *to, const struct cpuset *cpus)
{
    for (size_t i = 0; i < sizeof to->bits / sizeof to->bits[0]; i++)
        to->bits[i] |= cpus->bits[i];
}

static void add_row(struct machine *machine, const struct machine_cpu *row)
{
    machine->cpus = mem_resize(machine->cpus, machine->n_cpus + 1ul, sizeof *machine->cpus);
    machine->cpus[machine->n_cpus++] = *row;
}

/* A CPU of which nothing but its number is known is a core of its own. */
static void add_unknown(struct machine *machine, const struct cpuset *cpus)
{
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        const struct machine_cpu row = {.cpu = cpu, .core = (int)machine->n_cores, .n_smt = 1};
        if (machine_cpu(machine, cpu))
            continue;
        add_row(machine, &row);
        machine->n_cores++;
    }
    machine->n_packages += machine->n_packages == 0;
    machine->n_kinds += machine->n_kinds == 0;
}

/* Of two machines the CPUs of both; what else is to be said is the first one's. */
static void make_machine(struct session *s)
{
    struct replay *r = s->replay;
    struct machine *machine = s->machine;
    *machine = (struct machine){0};
    for (unsigned i = 0; i < r->n; i++) {
        const struct machine *of_day = &facts_of(r, i)->machine;
        if (i == 0) {
            *machine = *of_day;
            machine->cpus = NULL;
            machine->n_cpus = 0;
        }
        for (unsigned k = 0; k < of_day->n_cpus; k++)
            if (!machine_cpu(machine, of_day->cpus[k].cpu))
                add_row(machine, &of_day->cpus[k]);
        add_cpus(&machine->present, &of_day->present);
        add_cpus(&machine->online, &of_day->online);
        add_cpus(&machine->allowed, &of_day->allowed);
    }
}

/* Of a run whose cores nobody told, those are its cores on which something ran. */
static void find_cpus(const struct session *s, struct run *run)
{
    for (int cpu = 0; cpu < timeline_n_cpus(s->timeline); cpu++) {
        struct bin sum;
        timeline_cpu_sum(s->timeline, cpu, run->start_ns, run->end_ns - run->start_ns, &sum);
        if (sum.n_switches || sum.n_samples || sum.run_ns)
            cpuset_add(&run->cpus, cpu);
    }
    if (cpuset_count(&run->cpus) == 0)
        run->cpus = s->machine->online;
}

/* What ran somewhere, ran somewhere that is there; and there are as many tasks as were seen. */
static void complete_machine(struct session *s)
{
    struct machine *machine = s->machine;
    for (int cpu = 0; cpu < timeline_n_cpus(s->timeline); cpu++) {
        struct cpu_totals totals;
        struct bin sum = {0};
        timeline_cpu_totals(s->timeline, cpu, &totals);
        if (s->replay->window)
            timeline_cpu_sum(s->timeline, cpu, s->replay->first_ns, s->replay->last_ns - s->replay->first_ns,
                             &sum);
        if (totals.n_slices || totals.self_ns || sum.run_ns)
            cpuset_add(&s->replay->cpus, cpu);
    }
    if (cpuset_count(&s->replay->cpus) == 0 && cpuset_count(&machine->online) == 0)
        cpuset_add(&s->replay->cpus, 0);
    for (uint32_t i = 0; i < timeline_n_tasks(s->timeline); i++) {
        struct task task;
        timeline_task(s->timeline, i, &task);
        s->replay->n_tasks += task_is_workload(&task);
    }
    add_unknown(machine, &s->replay->cpus);
    if (cpuset_count(&machine->online) == 0)
        machine->online = s->replay->cpus;
    if (cpuset_count(&machine->allowed) == 0)
        machine->allowed = machine->online;
    for (unsigned i = 0; i < s->runs.n; i++)
        if (cpuset_count(&s->runs.all[i].run.cpus) == 0)
            find_cpus(s, &s->runs.all[i].run);
}

/* ---- runs ---- */

static void add_run(struct session *s, const struct run *run)
{
    struct runs *runs = &s->runs;
    runs->all = mem_resize(runs->all, runs->n + 1ul, sizeof *runs->all);
    struct run_state *rs = &runs->all[runs->n++];
    *rs = (struct run_state){.run = *run, .released = true, .program = s->replay->program};
    rs->run.number = (uint16_t)runs->n;
    runs->current = runs->n - 1;
}

/* Of what tells of no run, all of it is one. */
static void add_only_run(struct session *s, const struct session_facts *facts,
                         const struct trace_shift *shift, uint64_t first_ns)
{
    const struct run run = {.cpus = facts->info.cpus,
                            .kind = facts->info.workload.kind,
                            .placement = PLACEMENT_FREE,
                            .start_ns = first_ns + (shift ? shift->time_ns : 0),
                            .end_ns = timeline_now_ns(s->timeline)};
    add_run(s, &run);
}

static void add_runs(struct session *s, unsigned i, const struct trace_shift *shift, uint64_t first_ns)
{
    const struct session_facts *facts = facts_of(s->replay, i);
    s->replay->first_run[i] = (uint16_t)(s->runs.n + 1);
    if (facts->n_runs == 0)
        add_only_run(s, facts, shift, first_ns);
    for (unsigned k = 0; k < facts->n_runs; k++) {
        struct run run = facts->runs[k];
        if (shift) {
            run.start_ns += run.start_ns ? shift->time_ns : 0;
            run.end_ns += run.end_ns ? shift->time_ns : 0;
        }
        add_run(s, &run);
    }
}

/* ---- reading ---- */

/* Numbers that a reader still recognises: the old ones behind another digit. */
static int32_t tid_shift(const struct timeline *tl)
{
    int32_t most = 0, shift = 10;
    for (uint32_t i = 0; i < timeline_n_tasks(tl); i++) {
        struct task task;
        timeline_task(tl, i, &task);
        most = task.tid > most ? task.tid : most;
    }
    while (shift <= most && shift < 1000000000)
        shift *= 10;
    return shift;
}

static bool is_large(const struct replay *r)
{
    const struct reader *reader = trace_reader(r->traces[0]);
    return r->n == 1 && reader && reader_n_events(reader) > WINDOW_WHOLE_EVENTS;
}

/* All of it is shown first. */
static bool open_window(struct session *s, size_t memory_bytes, struct err *err)
{
    struct replay *r = s->replay;
    trace_span(r->traces[0], &r->first_ns, &r->last_ns);
    r->window = window_open(r->traces[0], memory_bytes, err);
    if (!r->window)
        return false;
    s->timeline = window_show(r->window, r->first_ns, r->last_ns, err);
    add_runs(s, 0, NULL, r->first_ns);
    return true;
}

/* Where the second of two begins. */
static void mark_begin(struct timeline *tl, uint64_t time_ns, const char *name)
{
    struct event event = {.time_ns = time_ns, .cpu = -1, .kind = EVENT_MARK};
    snprintf(event.u.name, sizeof event.u.name, "%s", name);
    timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
}

/* The last one of a recording that is read next: tasks of which no run is told are of this. */
static uint16_t compared_run(const struct session *s, unsigned i)
{
    const unsigned n = facts_of(s->replay, i)->n_runs;
    return (uint16_t)(s->runs.n + (n ? n : 1));
}

static bool read_trace(struct session *s, unsigned i, struct err *err)
{
    struct timeline *tl = s->timeline;
    uint64_t first_ns = 0;
    if (s->replay->n > 1)
        timeline_set_default_run(tl, compared_run(s, i));
    if (i == 0) {
        if (!trace_play(s->replay->traces[0], tl, recording_sink(s), NULL, err))
            return false;
        add_runs(s, 0, NULL, timeline_first_ns(tl));
        return true;
    }
    trace_span(s->replay->traces[i], &first_ns, NULL);
    timeline_part(tl);
    timeline_set_default_role(tl, facts_of(s->replay, i)->default_role);
    const struct trace_shift shift = {.time_ns = timeline_now_ns(tl) + APART_NS - first_ns,
                                      .tid = tid_shift(tl),
                                      .run = (uint16_t)s->runs.n};
    mark_begin(tl, first_ns + shift.time_ns, trace_name(s->replay->traces[i]));
    if (!trace_play(s->replay->traces[i], tl, timeline_sink(tl), &shift, err))
        return false;
    add_runs(s, i, &shift, first_ns);
    return true;
}

static bool read_all(struct session *s, const struct session_replay *what, size_t memory_bytes,
                     struct err *err)
{
    struct replay *r = s->replay;
    s->timeline = trace_timeline(r->traces[0], memory_bytes);
    recording_init(s);
    if (what->record && !recording_begin(s, what->record, what->force, err))
        return false;
    for (unsigned i = 0; i < r->n; i++)
        if (!read_trace(s, i, err))
            return false;
    r->first_ns = timeline_first_ns(s->timeline);
    r->last_ns = timeline_now_ns(s->timeline);
    return true;
}

/* The workload file of the day, for what a lesson says and for the names of locks: without it the events
 * still tell all that happened. */
static void load_program(struct session *s)
{
    const struct session_facts *facts = facts_of(s->replay, 0);
    struct err err;
    if (facts->text && s->replay->n == 1)
        s->replay->program =
            program_load(facts->file ? facts->file : facts->name, facts->text, strlen(facts->text), &err);
}

static void name_it(struct session *s)
{
    struct replay *r = s->replay;
    snprintf(r->name, sizeof r->name, "%s", facts_of(r, 0)->info.workload.name);
    if (r->n < 2)
        return;
    const char *names[] = {facts_of(r, 0)->info.workload.name, facts_of(r, 1)->info.workload.name};
    if (strcmp(names[0], names[1]) == 0) /* then the files are told apart */
        for (unsigned i = 0; i < r->n; i++)
            names[i] = trace_name(r->traces[i]);
    snprintf(r->name, sizeof r->name, "%.70s | %.70s", names[0], names[1]);
}

/* The last run of the first against the last of the second. */
static void compare(struct session *s)
{
    const struct replay *r = s->replay;
    const struct session_facts *facts = facts_of(r, 0);
    if (r->n == 1) {
        s->compare.reference = facts->reference <= s->runs.n ? facts->reference : 0;
        s->compare.now = facts->comparison;
        return;
    }
    s->compare.reference = (uint16_t)(r->first_run[1] - 1);
    s->compare.now = COMPARE_FINISHED_IN_TURN;
}

/* What a recording cannot show. */
static void warn_of_trace(struct session *s, unsigned i)
{
    const struct trace *trace = s->replay->traces[i];
    const struct session_facts *facts = trace_facts(trace);
    uint64_t first_ns;
    trace_span(trace, &first_ns, NULL);
    if (trace_remark(trace)[0])
        session_warn(s, "%.60s: %s", trace_name(trace), trace_remark(trace));
    for (unsigned k = 0; k < facts->n_runs; k++) {
        const struct run *run = &facts->runs[k];
        const bool goes_on = !run->end_ns || run->end_ns > first_ns;
        if (run->start_ns && goes_on && first_ns > run->start_ns + BEGUN_BEFORE_NS)
            session_warn(s,
                         "%.60s: the run began %.1f s before the recording: its tasks' totals are of all of "
                         "it, slices "
                         "and cores of what was recorded",
                         trace_name(trace), (double)(first_ns - run->start_ns) / 1e9);
    }
}

bool replay_start(struct session *s, const struct session_replay *what, struct err *err)
{
    struct replay *r = s->replay = mem_new(1, sizeof *r);
    for (unsigned i = 0; i < what->n_traces && i < REPLAY_MAX; i++)
        r->traces[r->n++] = what->traces[i];
    const struct session_facts *facts = facts_of(r, 0);
    make_machine(s);
    load_program(s);
    const size_t memory_bytes = s->config.memory_bytes ? s->config.memory_bytes : facts->memory_bytes;
    if (!(what->by_window && is_large(r) ? open_window(s, memory_bytes, err)
                                         : read_all(s, what, memory_bytes, err)))
        return false;
    for (unsigned i = 0; i < r->n; i++)
        warn_of_trace(s, i);
    complete_machine(s);
    name_it(s);
    compare(s);
    return !what->record || session_record_end(s, err);
}

void replay_fini(struct session *s)
{
    struct replay *r = s->replay;
    for (unsigned i = 0; i < r->n; i++)
        trace_free(r->traces[i]);
    program_free(r->program);
    timeline_free(r->state);
    if (r->window) { /* the timeline is its */
        window_free(r->window);
        s->timeline = NULL;
    }
    free(r);
    s->replay = NULL;
}

/* ---- what it is ---- */

static void describe_run(const struct run *run, struct session_info *info)
{
    info->workload.kind = run->kind;
    info->workload.placement = run->placement;
    info->workload.work_ns = run->work_ns;
    info->cpus = run->cpus;
    info->n_watched = run->n_tasks;
    info->n_sampled = info->exact ? run->n_sampled : 0;
    if (run->n_tasks)
        info->workload.n_tasks = run->n_tasks;
}

void replay_info(const struct session *s, struct session_info *info)
{
    const struct replay *r = s->replay;
    *info = facts_of(r, 0)->info;
    for (unsigned i = 1; i < r->n; i++) {
        const struct session_info *other = &facts_of(r, i)->info;
        info->n_lost += other->n_lost;
        info->n_late += other->n_late;
        info->exact = info->exact && other->exact;
        add_cpus(&info->cpus, &other->cpus);
    }
    if (timeline_n_lost(s->timeline) > info->n_lost) /* a part of the file is damaged */
        info->n_lost = timeline_n_lost(s->timeline);
    info->workload.name = r->name;
    info->workload.program = r->program;
    if (cpuset_count(&info->cpus) == 0)
        info->cpus = r->cpus;
    if (!facts_of(r, 0)->n_runs) /* nothing is told of them */
        info->workload.n_tasks = r->n_tasks;
    if (r->is_shown)
        describe_run(&runs_current(s)->run, info);
    if (r->is_shown && facts_of(r, 0)->has_target) /* of a program, told are those that lived at its end */
        info->workload.n_tasks = r->n_tasks;
    snprintf(info->message, sizeof info->message, "%s", s->message);
    info->message_ns = s->message_ns;
}

bool replay_target(const struct session *s, struct session_target *target)
{
    *target = facts_of(s->replay, 0)->target;
    return facts_of(s->replay, 0)->has_target;
}

void session_replay_span(const struct session *s, uint64_t *first_ns, uint64_t *last_ns)
{
    *first_ns = s->replay->first_ns;
    *last_ns = s->replay->last_ns;
}

void session_origin(const struct session *s, struct session_origin *origin)
{
    const struct session_facts *facts = facts_of(s->replay, 0);
    *origin = (struct session_origin){.host = facts->host, .date = facts->made_at, .made_by = facts->made_by};
}

const char *session_replay_remark(const struct session *s, unsigned i)
{
    return trace_remark(s->replay->traces[i]);
}

const struct session_facts *session_replay_facts(const struct session *s)
{
    return facts_of(s->replay, 0);
}

/* ---- what is to be shown ---- */

/* The run that went on then, or began last before. */
static void find_run(struct session *s, uint64_t t_ns)
{
    unsigned current = 0;
    for (unsigned i = 0; i < s->runs.n; i++)
        if (s->runs.all[i].run.start_ns && s->runs.all[i].run.start_ns <= t_ns)
            current = i;
    s->runs.current = current;
}

bool session_show(struct session *s, uint64_t from_ns, uint64_t to_ns, uint64_t at_ns)
{
    struct replay *r = s->replay;
    struct err err;
    if (!r)
        return false;
    find_run(s, at_ns);
    r->is_shown = true;
    if (!r->window)
        return false;
    const struct timeline *before = s->timeline;
    s->timeline = window_show(r->window, from_ns, to_ns, &err);
    if (err.msg[0])
        session_say(s, "%s", err.msg);
    return s->timeline != before;
}

bool session_has_slices(const struct session *s, bool of_all)
{
    const struct replay *r = s->replay;
    if (!r || !r->window)
        return true;
    return !of_all && window_has_slices(r->window, s->timeline);
}

const struct timeline *session_state(struct session *s, uint64_t at_ns)
{
    struct replay *r = s->replay;
    struct err err;
    if (!r)
        return recording_state(s, at_ns);
    if (r->n > 1 || !trace_reader(r->traces[0]))
        return s->timeline;
    if (r->state && r->state_ns == at_ns)
        return r->state;
    timeline_free(r->state);
    r->state = trace_timeline(r->traces[0], s->config.memory_bytes);
    r->state_ns = at_ns;
    if (!trace_play_until(r->traces[0], at_ns, r->state, &err))
        session_say(s, "%s", err.msg);
    return r->state;
}
