/* The run as a trace for Perfetto: sched events as ftrace gives them, tasks, and tracks for the rest. The
 * file is a sequence of packets, each written as soon as it is full; perfetto.proto has the fields.
 *
 * Perfetto's trace processor makes of a sched_switch the end of one slice and the beginning of the next: a
 * CPU is never without a task. Where we know that nobody ran it gets swapper (tid 0, the idle task); where
 * somebody ran whom we did not see, and where events were lost, tasks of our own with numbers that no task
 * can have. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "slices.h"

#include <perfetto.pb-c.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* Trace processor refuses a trace with more (kMaxCpuCount of ftrace_tokenizer.cc). */
#define MAX_CPUS 1024

/* PID_MAX_LIMIT of include/linux/threads.h is 1 << 22. */
#define NOT_SEEN_PID    ((1 << 22) + 1)
#define NOT_SEEN_WAKER  NOT_SEEN_PID
#define OTHERS_TID(cpu) (NOT_SEEN_PID + 1 + 2 * (cpu))
#define LOST_TID(cpu)   (NOT_SEEN_PID + 2 + 2 * (cpu))

/* prev_state of sched_switch, as include/linux/sched.h has it. Perfetto takes a number with a bit that no
 * kernel reports for an unknown state. */
enum {
    PREV_RUNNABLE = 0x0, /* preempted or yielded: that is not told apart */
    PREV_SLEEPS = 0x1,   /* TASK_INTERRUPTIBLE */
    PREV_DEAD = 0x10,    /* EXIT_DEAD: a thread */
    PREV_ZOMBIE = 0x20,  /* EXIT_ZOMBIE: the thread that its parent waits for */
    PREV_UNKNOWN = 0x8000,
};

#define SEQUENCE            1
#define SEQUENCE_IS_CLEARED 1 /* SEQ_INCREMENTAL_STATE_CLEARED: nothing refers to what is not here */

#define BUNDLE_EVENTS 256
#define COMM_SIZE     (EVENT_NAME_SIZE * 4) /* each byte may become \xNN */

enum track {
    TRACK_RUN,
    TRACK_MARKS,
    TRACK_ALERTS,
    TRACK_ALERT,
    TRACK_LOST,
    TRACK_LOST_CPU,
    TRACK_GREEN,
    TRACK_GREEN_TASK,
};

/* Whom an event names. */
struct runner {
    int32_t tid;
    bool leads; /* a process: its number is the process's, too */
    char *comm; /* safe; of a task, NULL before first needed */
};

struct trace {
    const struct report *report;
    const struct timeline *tl;
    FILE *out;
    struct slices_span span;
    struct runner *runners; /* the tasks */
    uint8_t *packed;
    size_t packed_size;
    struct bundle *bundle;
};

/* Events of one CPU in time order, on their way into one packet. */
struct bundle {
    unsigned n;
    int cpu;
    bool lost; /* events before these were lost */
    Perfetto__FtraceEvent *list[BUNDLE_EVENTS];
    Perfetto__FtraceEvent events[BUNDLE_EVENTS];
    union {
        Perfetto__SchedSwitch switched;
        Perfetto__SchedWake wake;
        Perfetto__SchedProcessFree freed;
    } details[BUNDLE_EVENTS];
};

/* ---- packets ---- */

/* Trace.packet is field 1, length-delimited. */
static bool put_packet(struct trace *trace, Perfetto__TracePacket *packet)
{
    packet->has_trusted_packet_sequence_id = 1;
    packet->trusted_packet_sequence_id = SEQUENCE;
    const size_t size = perfetto__trace_packet__get_packed_size(packet);
    if (size > trace->packed_size) {
        trace->packed = mem_resize(trace->packed, size, 1);
        trace->packed_size = size;
    }
    perfetto__trace_packet__pack(packet, trace->packed);
    uint8_t head[11] = {1 << 3 | 2};
    size_t n_head = 1;
    size_t rest = size;
    for (; rest >= 0x80; rest >>= 7)
        head[n_head++] = (uint8_t)(rest | 0x80);
    head[n_head++] = (uint8_t)rest;
    return fwrite(head, n_head, 1, trace->out) == 1 && fwrite(trace->packed, size, 1, trace->out) == 1;
}

static bool put_timed_packet(struct trace *trace, Perfetto__TracePacket *packet, uint64_t time_ns)
{
    packet->has_timestamp = packet->has_timestamp_clock_id = 1;
    packet->timestamp = time_ns;
    packet->timestamp_clock_id = PERFETTO__BUILTIN_CLOCK__BUILTIN_CLOCK_MONOTONIC;
    return put_packet(trace, packet);
}

static bool put_bundle(struct trace *trace)
{
    struct bundle *b = trace->bundle;
    if (b->n == 0)
        return true;
    Perfetto__FtraceEventBundle message = PERFETTO__FTRACE_EVENT_BUNDLE__INIT;
    message.has_cpu = 1;
    message.cpu = (uint32_t)b->cpu;
    message.n_event = b->n;
    message.event = b->list;
    message.has_lost_events = message.lost_events = b->lost;
    b->n = 0;
    b->lost = false;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.ftrace_events = &message;
    return put_packet(trace, &packet);
}

/* The next event of the bundle, with its number in it; NULL when the stream failed. */
static Perfetto__FtraceEvent *add_event(struct trace *trace, int cpu, uint64_t time_ns, int32_t tid,
                                        unsigned *number)
{
    struct bundle *b = trace->bundle;
    if ((b->n == BUNDLE_EVENTS || b->cpu != cpu) && !put_bundle(trace))
        return NULL;
    b->cpu = cpu;
    *number = b->n++;
    Perfetto__FtraceEvent *event = &b->events[*number];
    perfetto__ftrace_event__init(event);
    event->has_timestamp = event->has_pid = 1;
    event->timestamp = time_ns;
    event->pid = (uint32_t)tid;
    b->list[*number] = event;
    return event;
}

/* ---- a CPU's switches ---- */

static struct runner runner_of(struct trace *trace, uint32_t index)
{
    struct runner *runner = &trace->runners[index];
    if (!runner->comm) {
        struct task task;
        timeline_task(trace->tl, index, &task);
        *runner = (struct runner){task.tid, task.tid == task.pid, mem_new(COMM_SIZE, 1)};
        export_safe_name(task.name, runner->comm, COMM_SIZE);
    }
    return *runner;
}

static int64_t prev_state(struct trace *trace, const struct slice *slice)
{
    switch (slice->end) {
    case SLICE_PREEMPTED:
        return PREV_RUNNABLE;
    case SLICE_BLOCKED:
        return PREV_SLEEPS;
    case SLICE_EXITED:
        return runner_of(trace, slice->task).leads ? PREV_ZOMBIE : PREV_DEAD;
    case SLICE_OPEN:
    case SLICE_LOST:
        break;
    }
    return PREV_UNKNOWN;
}

struct lane {
    struct trace *trace;
    int cpu;
    bool any;
    struct slice last;
    unsigned next_hole;
    struct runner on; /* who runs, as far as it is written */
    bool is_joined;   /* the last task's switch-out is to be the next one's switch-in */
    char idle_comm[32], others_comm[32], lost_comm[32];
};

static bool put_switch(struct lane *lane, uint64_t time_ns, int64_t state, struct runner next)
{
    struct runner prev = lane->on;
    if (prev.tid == next.tid && prev.tid == 0)
        return true;
    unsigned i;
    Perfetto__FtraceEvent *event = add_event(lane->trace, lane->cpu, time_ns, prev.tid, &i);
    if (!event)
        return false;
    Perfetto__SchedSwitch *s = event->sched_switch = &lane->trace->bundle->details[i].switched;
    perfetto__sched_switch__init(s);
    s->has_prev_pid = s->has_prev_state = s->has_next_pid = 1;
    s->prev_comm = prev.comm;
    s->prev_pid = prev.tid;
    s->prev_state = state;
    s->next_comm = next.comm;
    s->next_pid = next.tid;
    lane->on = next;
    return true;
}

/* The next hole of this CPU that begins before to_ns and was not over at from_ns; they are in order. */
static const struct hole *next_hole(struct lane *lane, uint64_t from_ns, uint64_t to_ns)
{
    const struct hole *hole;
    while ((hole = timeline_hole(lane->trace->tl, lane->next_hole)) &&
           (hole->cpu != lane->cpu || (hole->end_ns <= from_ns && hole->start_ns < from_ns)))
        lane->next_hole++;
    return hole && hole->start_ns < to_ns ? hole : NULL;
}

enum gap {
    GAP_SWITCH, /* the switch itself: the next task had been waiting all the while */
    GAP_IDLE,
    GAP_OTHERS,
};

/* What a gap was in which nothing was lost, before a slice (NULL: none came). See TIMELINE_MAX_SWITCH_NS. */
static enum gap gap_kind(const struct lane *lane, uint64_t from_ns, uint64_t to_ns, const struct slice *next)
{
    if (!next || !lane->any)
        return GAP_IDLE;
    const bool same = next->task == lane->last.task;
    const bool waited = next->runnable_ns >= to_ns - from_ns;
    if (same || to_ns - from_ns > TIMELINE_MAX_SWITCH_NS) {
        struct bin bin;
        timeline_cpu_sum(lane->trace->tl, lane->cpu, from_ns, to_ns - from_ns, &bin);
        if (bin.others_ns > 0 || (same && waited && to_ns > from_ns))
            return GAP_OTHERS;
    }
    return waited && !same ? GAP_SWITCH : GAP_IDLE;
}

/* Who had the CPU from where the last slice ended to to_ns, where the next one begins. */
static bool fill_gap(struct lane *lane, uint64_t from_ns, uint64_t to_ns, const struct slice *next)
{
    const struct runner idle = {.comm = lane->idle_comm},
                        others = {.tid = OTHERS_TID(lane->cpu), .comm = lane->others_comm},
                        lost = {.tid = LOST_TID(lane->cpu), .comm = lane->lost_comm};
    int64_t state = lane->any ? prev_state(lane->trace, &lane->last) : PREV_RUNNABLE;
    const struct hole *hole = next_hole(lane, from_ns, to_ns);
    if (!hole) {
        const enum gap kind = gap_kind(lane, from_ns, to_ns, next);
        lane->is_joined = kind == GAP_SWITCH;
        return lane->is_joined || put_switch(lane, from_ns, state, kind == GAP_OTHERS ? others : idle);
    }
    for (; hole; hole = next_hole(lane, from_ns, to_ns)) {
        const uint64_t start_ns = hole->start_ns > from_ns ? hole->start_ns : from_ns;
        if (start_ns > from_ns && !put_switch(lane, from_ns, state, idle))
            return false;
        if (!put_switch(lane, start_ns, lane->on.tid ? state : PREV_RUNNABLE, lost) ||
            !put_bundle(lane->trace))
            return false;
        lane->trace->bundle->lost = true;
        lane->next_hole++;
        from_ns = hole->end_ns > from_ns ? hole->end_ns : from_ns;
        state = PREV_RUNNABLE;
    }
    return from_ns >= to_ns || put_switch(lane, from_ns, PREV_RUNNABLE, idle);
}

static bool put_slice(void *data, const struct slice *slice)
{
    struct lane *lane = data;
    const uint64_t from_ns = lane->any ? lane->last.end_ns : lane->trace->span.from_ns;
    const uint64_t start_ns = slice->start_ns;
    if (start_ns >= from_ns && !fill_gap(lane, from_ns, start_ns, slice))
        return false;
    const bool joined = lane->is_joined;
    const int64_t state = joined ? prev_state(lane->trace, &lane->last) : PREV_RUNNABLE;
    lane->is_joined = false;
    lane->any = true;
    lane->last = *slice;
    return put_switch(lane, joined ? from_ns : start_ns, state, runner_of(lane->trace, slice->task));
}

static bool put_lane(struct trace *trace, int cpu)
{
    struct lane lane = {.trace = trace, .cpu = cpu};
    snprintf(lane.idle_comm, sizeof lane.idle_comm, "swapper/%d", cpu);
    snprintf(lane.others_comm, sizeof lane.others_comm, "others/%d", cpu);
    snprintf(lane.lost_comm, sizeof lane.lost_comm, "lost/%d", cpu);
    lane.on = (struct runner){.comm = lane.idle_comm};
    if (!slices_each(trace->tl, cpu, &trace->span, put_slice, &lane))
        return false;
    const uint64_t from_ns = lane.any ? lane.last.end_ns : trace->span.from_ns;
    if (!(lane.any && lane.last.end == SLICE_OPEN) && !fill_gap(&lane, from_ns, trace->span.to_ns, NULL))
        return false;
    return put_bundle(trace); /* the comms are this function's */
}

/* ---- what is told of a task: wakes and its end ---- */

static bool put_wake(struct trace *trace, uint32_t index, int cpu, uint64_t time_ns, bool is_new)
{
    if (time_ns < trace->span.from_ns || time_ns >= trace->span.to_ns || cpu < 0 || cpu >= MAX_CPUS)
        return true;
    unsigned i;
    Perfetto__FtraceEvent *event = add_event(trace, cpu, time_ns, NOT_SEEN_WAKER, &i);
    if (!event)
        return false;
    const struct runner who = runner_of(trace, index);
    Perfetto__SchedWake *wake = &trace->bundle->details[i].wake;
    perfetto__sched_wake__init(wake);
    *(is_new ? &event->sched_wakeup_new : &event->sched_waking) = wake;
    wake->has_pid = wake->has_success = wake->has_target_cpu = 1;
    wake->comm = who.comm;
    wake->pid = who.tid;
    wake->success = 1;
    wake->target_cpu = cpu;
    return true;
}

static bool put_free(struct trace *trace, const struct task *task)
{
    const int cpu = task->last_cpu;
    if (!task->exited || task->last_ns < trace->span.from_ns || task->last_ns >= trace->span.to_ns ||
        cpu < 0 || cpu >= MAX_CPUS)
        return true;
    unsigned i;
    const struct runner who = runner_of(trace, task->index);
    Perfetto__FtraceEvent *event = add_event(trace, cpu, task->last_ns, who.tid, &i);
    if (!event)
        return false;
    Perfetto__SchedProcessFree *f = event->sched_process_free = &trace->bundle->details[i].freed;
    perfetto__sched_process_free__init(f);
    f->has_pid = 1;
    f->comm = who.comm;
    f->pid = who.tid;
    return true;
}

/* The wake behind which a task waited for wait_ns until it ran (or waits) at t_ns. What was preempted waits
 * without one. */
static bool put_wake_before(struct trace *trace, const struct task *task, const struct slice *last, int cpu,
                            uint64_t t_ns, uint64_t wait_ns)
{
    if (wait_ns == 0 || (last && last->end != SLICE_BLOCKED))
        return true;
    if (!last && task->first_ns < timeline_edge_ns(trace->tl))
        return true;
    return put_wake(trace, task->index, cpu, t_ns - wait_ns, !last);
}

#define TASK_SLICES 256

static bool put_wakes(struct trace *trace, const struct task *task)
{
    struct slice slices[TASK_SLICES], last;
    bool any = timeline_task_slice(trace->tl, task->index, trace->span.from_ns, -1, &last);
    uint64_t t_ns = trace->span.from_ns;
    for (unsigned n = TASK_SLICES; n == TASK_SLICES && t_ns < trace->span.to_ns;) {
        n = timeline_task_slices(trace->tl, task->index, t_ns, slices, TASK_SLICES);
        for (unsigned i = 0; i < n; i++) {
            const struct slice *s = &slices[i];
            if (!put_wake_before(trace, task, any ? &last : NULL, s->cpu, s->start_ns, s->runnable_ns))
                return false;
            last = *s;
            any = true;
        }
        if (n) /* a slice may be too short for the clock */
            t_ns = last.end_ns > t_ns ? last.end_ns : t_ns + 1;
    }
    if (task->state != STATE_RUNNABLE || task->n_slices == 0)
        return true;
    return put_wake_before(trace, task, any ? &last : NULL, task->last_cpu, task->last_ns,
                           task->last_ns - task->state_since_ns);
}

static bool put_process_tree(struct trace *trace, const struct task *task)
{
    Perfetto__ProcessTree tree = PERFETTO__PROCESS_TREE__INIT;
    Perfetto__ProcessTree__Thread thread = PERFETTO__PROCESS_TREE__THREAD__INIT, *threads[] = {&thread};
    Perfetto__ProcessTree__Process process = PERFETTO__PROCESS_TREE__PROCESS__INIT, *processes[] = {&process};
    char *comm = runner_of(trace, task->index).comm;
    const int32_t pid = task->pid > 0 ? task->pid : task->tid;
    thread.has_tid = thread.has_tgid = 1;
    thread.tid = task->tid;
    thread.tgid = pid;
    thread.name = comm;
    tree.n_threads = 1;
    tree.threads = threads;
    process.has_pid = 1;
    process.pid = pid;
    process.n_cmdline = 1;
    process.cmdline = &comm;
    if (task->parent != TIMELINE_NO_TASK) {
        struct task parent;
        timeline_task(trace->tl, task->parent, &parent);
        process.has_ppid = parent.pid > 0;
        process.ppid = parent.pid;
    }
    if (pid == task->tid) {
        tree.n_processes = 1;
        tree.processes = processes;
    }
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.process_tree = &tree;
    const uint64_t from_ns = trace->span.from_ns;
    return put_timed_packet(trace, &packet, task->first_ns > from_ns ? task->first_ns : from_ns);
}

static bool put_threads(struct trace *trace)
{
    for (uint32_t i = 0; i < timeline_n_tasks(trace->tl); i++) {
        struct task task;
        timeline_task(trace->tl, i, &task);
        if (task.tid > 0 && slices_overlap(&trace->span, task.first_ns, task.last_ns) &&
            !put_process_tree(trace, &task))
            return false;
    }
    return true;
}

/* A number may go to another task once its last one was freed: told in the order of their lives. */
static bool put_lives(struct trace *trace)
{
    for (uint32_t i = 0; i < timeline_n_tasks(trace->tl); i++) {
        struct task task;
        timeline_task(trace->tl, i, &task);
        if (task.tid <= 0 || !slices_overlap(&trace->span, task.first_ns, task.last_ns))
            continue;
        if (!put_wakes(trace, &task) || !put_free(trace, &task) || !put_bundle(trace))
            return false;
    }
    return true;
}

/* Those of our own: see above. */
static bool put_not_seen(struct trace *trace)
{
    Perfetto__ProcessTree tree = PERFETTO__PROCESS_TREE__INIT;
    Perfetto__ProcessTree__Thread thread = PERFETTO__PROCESS_TREE__THREAD__INIT, *threads[] = {&thread};
    Perfetto__ProcessTree__Process process = PERFETTO__PROCESS_TREE__PROCESS__INIT, *processes[] = {&process};
    char name[] = "not-seen", waker[] = "waker-not-known", *cmdline[] = {name};
    process.has_pid = 1;
    process.pid = NOT_SEEN_PID;
    process.n_cmdline = 1;
    process.cmdline = cmdline;
    tree.n_processes = 1;
    tree.processes = processes;
    tree.n_threads = 1;
    tree.threads = threads;
    thread.has_tid = thread.has_tgid = 1;
    thread.tgid = NOT_SEEN_PID;
    thread.tid = NOT_SEEN_WAKER;
    thread.name = waker;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.process_tree = &tree;
    if (!put_timed_packet(trace, &packet, trace->span.from_ns))
        return false;
    tree.n_processes = 0;
    for (int cpu = 0; cpu < timeline_n_cpus(trace->tl) && cpu < MAX_CPUS; cpu++) {
        char comm[32];
        thread.name = comm;
        for (int lost = 0; lost < 2; lost++) {
            snprintf(comm, sizeof comm, lost ? "lost/%d" : "others/%d", cpu);
            thread.tid = lost ? LOST_TID(cpu) : OTHERS_TID(cpu);
            if (!put_timed_packet(trace, &packet, trace->span.from_ns))
                return false;
        }
    }
    return true;
}

/* ---- tracks ---- */

/* Unlikely to be another writer's, should traces be merged: "schd" in front. */
static uint64_t track_id(enum track track, uint32_t number)
{
    return UINT64_C(0x73636864) << 32 | (uint64_t)track << 28 | number;
}

static bool put_track(struct trace *trace, uint64_t id, uint64_t parent, const char *name)
{
    char safe[256];
    export_safe_name(name, safe, sizeof safe);
    Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
    track.has_uuid = 1;
    track.uuid = id;
    track.has_parent_uuid = parent != 0;
    track.parent_uuid = parent;
    track.name = safe;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.track_descriptor = &track;
    return put_packet(trace, &packet);
}

static bool put_track_event(struct trace *trace, uint64_t id, uint64_t time_ns,
                            Perfetto__TrackEvent__Type type, const char *name)
{
    char safe[1024], category[] = "schedviz", *categories[] = {category};
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    event.has_type = event.has_track_uuid = 1;
    event.type = type;
    event.track_uuid = id;
    if (name) {
        export_safe_name(name, safe, sizeof safe);
        event.name = safe;
        event.n_categories = 1;
        event.categories = categories;
    }
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.track_event = &event;
    return put_timed_packet(trace, &packet, time_ns);
}

static bool put_span(struct trace *trace, uint64_t id, uint64_t start_ns, uint64_t end_ns, const char *name)
{
    return put_track_event(trace, id, start_ns, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, name) &&
           put_track_event(trace, id, end_ns, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END, NULL);
}

/* What was seen, from where to where: Perfetto's time axis then has all of it. */
static bool put_run(struct trace *trace)
{
    const uint64_t id = track_id(TRACK_RUN, 0), first_ns = timeline_first_ns(trace->tl),
                   now_ns = timeline_now_ns(trace->tl);
    const uint64_t from_ns = trace->span.from_ns > first_ns ? trace->span.from_ns : first_ns;
    const uint64_t to_ns = trace->span.to_ns < now_ns ? trace->span.to_ns : now_ns;
    const char *name = trace->report->info.workload.name;
    if (from_ns > to_ns)
        return true;
    if (!put_track(trace, id, 0, "schedviz") || !put_span(trace, id, from_ns, to_ns, name ? name : ""))
        return false;
    return timeline_n_cpus(trace->tl) <= MAX_CPUS ||
           put_track_event(trace, id, from_ns, PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT,
                           "cores from 1024 on are left out: Perfetto takes no more");
}

static bool put_marks(struct trace *trace)
{
    const uint64_t id = track_id(TRACK_MARKS, 0);
    bool ok = timeline_n_marks(trace->tl) == 0 || put_track(trace, id, 0, "marks");
    for (unsigned i = 0; ok && i < timeline_n_marks(trace->tl); i++) {
        const struct mark *mark = timeline_mark(trace->tl, i);
        if (slices_overlap(&trace->span, mark->time_ns, mark->time_ns))
            ok = put_track_event(trace, id, mark->time_ns, PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT,
                                 mark->text);
    }
    return ok;
}

/* They may overlap: each has a track of its own, and Perfetto shows those of one name as one. */
static bool put_alerts(struct trace *trace)
{
    static const char *const kinds[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held long", [ALERT_QUEUE_GROWS] = "queue grows"};
    const struct report *r = trace->report;
    const uint64_t all = track_id(TRACK_ALERTS, 0), now_ns = timeline_now_ns(trace->tl);
    bool ok = r->n_alerts == 0 || put_track(trace, all, 0, "alerts");
    for (unsigned i = 0; ok && i < r->n_alerts; i++) {
        const struct alert *alert = r->alerts[i];
        const uint64_t id = track_id(TRACK_ALERT, i), end_ns = alert->ended_ns ? alert->ended_ns : now_ns;
        if (slices_overlap(&trace->span, alert->since_ns, end_ns))
            ok = put_track(trace, id, all, kinds[alert->kind]) &&
                 put_span(trace, id, alert->since_ns, end_ns, alert->text);
    }
    return ok;
}

static bool put_lost(struct trace *trace)
{
    const uint64_t all = track_id(TRACK_LOST, 0);
    bool ok = timeline_n_holes(trace->tl) == 0 || put_track(trace, all, 0, "events lost");
    int named_cpu = -1; /* a track is told anew where another CPU's comes between: Perfetto takes that */
    for (unsigned i = 0; ok && i < timeline_n_holes(trace->tl); i++) {
        const struct hole *hole = timeline_hole(trace->tl, i);
        if (!slices_overlap(&trace->span, hole->start_ns, hole->end_ns))
            continue;
        const uint64_t id = track_id(TRACK_LOST_CPU, (uint16_t)hole->cpu);
        char name[48];
        if (hole->cpu != named_cpu) {
            snprintf(name, sizeof name, hole->cpu < 0 ? "lost" : "lost on core %d", hole->cpu);
            ok = put_track(trace, id, all, name);
            named_cpu = hole->cpu;
        }
        snprintf(name, sizeof name, "%" PRIu64 " lost", hole->n_lost);
        ok = ok && put_span(trace, id, hole->start_ns, hole->end_ns, name);
    }
    return ok;
}

/* On no CPU's lane: they run where and while their thread does. */
static bool put_green_task(struct trace *trace, const struct task *task)
{
    const uint64_t id = track_id(TRACK_GREEN_TASK, task->index);
    struct slice slices[TASK_SLICES];
    uint64_t t_ns = trace->span.from_ns;
    bool ok = put_track(trace, id, track_id(TRACK_GREEN, 0), task->name);
    for (unsigned n = TASK_SLICES; ok && n == TASK_SLICES && t_ns < trace->span.to_ns;) {
        n = timeline_task_slices(trace->tl, task->index, t_ns, slices, TASK_SLICES);
        for (unsigned i = 0; ok && i < n; i++) {
            char name[32];
            snprintf(name, sizeof name, "on core %d", slices[i].cpu);
            if (slices_overlap(&trace->span, slices[i].start_ns, slices[i].end_ns))
                ok = put_span(trace, id, slices[i].start_ns, slices[i].end_ns, name);
        }
        if (n)
            t_ns = slices[n - 1].end_ns > t_ns ? slices[n - 1].end_ns : t_ns + 1;
    }
    return ok;
}

static bool put_green_tasks(struct trace *trace)
{
    bool ok = true, any = false;
    for (uint32_t i = 0; ok && i < timeline_n_tasks(trace->tl); i++) {
        struct task task;
        timeline_task(trace->tl, i, &task);
        if (task.kind != TASK_GREEN || !slices_overlap(&trace->span, task.first_ns, task.last_ns))
            continue;
        ok = any || put_track(trace, track_id(TRACK_GREEN, 0), 0, "green tasks");
        any = true;
        ok = ok && put_green_task(trace, &task);
    }
    return ok;
}

/* ---- the trace ---- */

/* Perfetto takes ftrace's events for CLOCK_BOOTTIME. Ours are CLOCK_MONOTONIC; how far the two were apart
 * (the time that the machine slept) nobody recorded, and nothing here needs it: they are set equal, and the
 * trace's own clock is CLOCK_MONOTONIC. */
static bool put_clocks(struct trace *trace)
{
    Perfetto__ClockSnapshot__Clock monotonic = PERFETTO__CLOCK_SNAPSHOT__CLOCK__INIT, boottime = monotonic;
    Perfetto__ClockSnapshot__Clock *clocks[] = {&monotonic, &boottime};
    monotonic.has_clock_id = monotonic.has_timestamp = 1;
    monotonic.timestamp = trace->span.from_ns;
    boottime = monotonic;
    monotonic.clock_id = PERFETTO__BUILTIN_CLOCK__BUILTIN_CLOCK_MONOTONIC;
    boottime.clock_id = PERFETTO__BUILTIN_CLOCK__BUILTIN_CLOCK_BOOTTIME;
    Perfetto__ClockSnapshot snapshot = PERFETTO__CLOCK_SNAPSHOT__INIT;
    snapshot.n_clocks = 2;
    snapshot.clocks = clocks;
    snapshot.has_primary_trace_clock = 1;
    snapshot.primary_trace_clock = PERFETTO__BUILTIN_CLOCK__BUILTIN_CLOCK_MONOTONIC;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.has_sequence_flags = 1;
    packet.sequence_flags = SEQUENCE_IS_CLEARED;
    packet.clock_snapshot = &snapshot;
    return put_packet(trace, &packet);
}

/* The kernel's version tells Perfetto what the numbers of prev_state mean. */
static bool put_system(struct trace *trace)
{
    char sysname[] = "Linux", writer[] = "schedviz " PACKAGE_VERSION, release[256];
    export_safe_name(trace->report->machine->kernel, release, sizeof release);
    Perfetto__Utsname utsname = PERFETTO__UTSNAME__INIT;
    utsname.sysname = sysname;
    utsname.release = release;
    Perfetto__SystemInfo system = PERFETTO__SYSTEM_INFO__INIT;
    system.utsname = &utsname;
    system.tracing_service_version = writer;
    system.num_cpus = cpuset_count(&trace->report->machine->present);
    system.has_num_cpus = system.num_cpus > 0;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.system_info = &system;
    return put_packet(trace, &packet);
}

/* How many events of each CPU were lost: Perfetto takes the difference between the two phases, and warns. */
static bool put_stats(struct trace *trace, Perfetto__FtraceStats__Phase phase)
{
    const unsigned n_cpus = (unsigned)timeline_n_cpus(trace->tl);
    const unsigned n = n_cpus < MAX_CPUS ? n_cpus : MAX_CPUS;
    Perfetto__FtraceCpuStats *cpus = mem_new(n + 1ul, sizeof *cpus), **list = mem_new(n + 1ul, sizeof *list);
    for (unsigned i = 0; i < n; i++) {
        list[i] = &cpus[i];
        perfetto__ftrace_cpu_stats__init(&cpus[i]);
        cpus[i].has_cpu = cpus[i].has_overrun = 1;
        cpus[i].cpu = i;
    }
    for (unsigned i = 0;
         phase == PERFETTO__FTRACE_STATS__PHASE__END_OF_TRACE && i < timeline_n_holes(trace->tl); i++) {
        const struct hole *hole = timeline_hole(trace->tl, i);
        if (hole->cpu >= 0 && hole->cpu < (int)n &&
            slices_overlap(&trace->span, hole->start_ns, hole->end_ns))
            cpus[hole->cpu].overrun += hole->n_lost;
    }
    Perfetto__FtraceStats stats = PERFETTO__FTRACE_STATS__INIT;
    stats.has_phase = 1;
    stats.phase = phase;
    stats.n_cpu_stats = n;
    stats.cpu_stats = list;
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.ftrace_stats = &stats;
    const bool ok = put_packet(trace, &packet);
    free(list);
    free(cpus);
    return ok;
}

static bool put_lanes(struct trace *trace)
{
    for (int cpu = 0; cpu < timeline_n_cpus(trace->tl) && cpu < MAX_CPUS; cpu++)
        if (!put_lane(trace, cpu))
            return false;
    return true;
}

bool export_perfetto(const struct report *report, const struct timeline *tl,
                     const struct export_window *window, FILE *out)
{
    const unsigned n_tasks = timeline_n_tasks(tl);
    struct trace trace = {.report = report,
                          .tl = tl,
                          .out = out,
                          .span = slices_span(tl, window),
                          .runners = mem_new(n_tasks, sizeof *trace.runners),
                          .bundle = mem_new(1, sizeof *trace.bundle)};
    const bool ok = put_clocks(&trace) && put_system(&trace) &&
                    put_stats(&trace, PERFETTO__FTRACE_STATS__PHASE__START_OF_TRACE) && put_threads(&trace) &&
                    put_not_seen(&trace) && put_run(&trace) && put_marks(&trace) && put_alerts(&trace) &&
                    put_lost(&trace) && put_green_tasks(&trace) && put_lanes(&trace) && put_lives(&trace) &&
                    put_stats(&trace, PERFETTO__FTRACE_STATS__PHASE__END_OF_TRACE);
    for (unsigned i = 0; i < n_tasks; i++)
        free(trace.runners[i].comm);
    free(trace.runners);
    free(trace.packed);
    free(trace.bundle);
    return ok && fflush(out) == 0;
}
