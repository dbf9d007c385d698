/* Parses the records of a perf ring. Pure: bytes in, events out, whatever the bytes are.
 *
 * The layout is that of include/uapi/linux/perf_event.h for sample_type TID|TIME and sample_id_all: every
 * record ends in struct sample_id, so tid and time are found from its end; a sample, which a tracepoint
 * writes with RAW besides, begins with it. */
#include "perf.h"

#include "tracepoint.h"

#include <linux/perf_event.h>
#include <stddef.h>
#include <string.h>

struct sample_id {
    uint32_t pid, tid;
    uint64_t time_ns;
};

/* PERF_RECORD_SWITCH has nothing more: of what is read, nearly all is this. */
struct switch_record {
    struct perf_event_header header;
    struct sample_id id;
};

/* PERF_RECORD_FORK and PERF_RECORD_EXIT after the header. */
struct task_body {
    uint32_t pid, ppid, tid, ptid;
    uint64_t time_ns;
};

/* PERF_RECORD_COMM after the header; the name follows, padded with NULs to a multiple of 8. */
struct comm_body {
    uint32_t pid, tid;
};

/* PERF_RECORD_LOST after the header. */
struct lost_body {
    uint64_t id, n;
};

/* Tids are positive; 0 is a task outside our pid namespace, -1 one that is already gone. */
static inline bool parse_switch(uint16_t misc, uint32_t tid, uint64_t time_ns, int cpu, struct event *event)
{
    const bool out = misc & PERF_RECORD_MISC_SWITCH_OUT;
    const bool blocked = out & !(misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT);
    *event = (struct event){
        .time_ns = time_ns,
        .tid = (int32_t)tid,
        .cpu = (int16_t)cpu,
        .kind = out ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN,
        .detail = blocked ? OUT_BLOCKED : OUT_PREEMPTED, /* 0 of a switch-in as well */
    };
    return event->tid > 0;
}

static bool parse_task(uint32_t type, const unsigned char *body, struct event *event)
{
    struct task_body task;
    memcpy(&task, body, sizeof task);
    event->tid = (int32_t)task.tid;
    if (event->tid <= 0)
        return false;
    if (type == PERF_RECORD_EXIT) {
        event->kind = EVENT_EXIT; /* u.exit.known is 0: the record has no status */
        return true;
    }
    event->kind = EVENT_NEW;
    event->cpu = -1; /* the record is of the parent's CPU, not of the one where the new task will run */
    event->u.task.pid = (int32_t)task.pid;
    event->u.task.slot = -1;
    event->u.task.parent = (int32_t)task.ptid;
    event->u.task.kind = task.pid == task.tid ? TASK_PROCESS : TASK_THREAD;
    event->u.task.role = ROLE_UNKNOWN;
    return true;
}

/* The event has the ring's CPU. */
static bool parse_comm(uint16_t misc, const unsigned char *body, size_t n, struct event *event)
{
    const bool executed = misc & PERF_RECORD_MISC_COMM_EXEC;
    struct comm_body comm;
    memcpy(&comm, body, sizeof comm);
    size_t room = n - sizeof comm;
    if (room > EVENT_NAME_SIZE - 1)
        room = EVENT_NAME_SIZE - 1;
    memcpy(event->u.name, body + sizeof comm, strnlen((const char *)body + sizeof comm, room));
    event->kind = EVENT_NAME;
    event->detail = executed ? NAME_EXECUTED : NAME_GIVEN;
    if (!executed)
        event->cpu = -1;
    event->tid = (int32_t)comm.tid;
    return event->tid > 0;
}

static bool parse_lost(const unsigned char *body, struct event *event)
{
    struct lost_body lost;
    memcpy(&lost, body, sizeof lost);
    event->kind = EVENT_LOST;
    event->u.lost.n = lost.n;
    return true;
}

/* PERF_RECORD_SAMPLE after the header: who ran when, the size of the raw data, and these. */
static bool parse_sample(const unsigned char *body, size_t n, const struct tracepoint_wakes *wakes,
                         struct event *event)
{
    struct sample_id id;
    uint32_t n_raw;
    struct tracepoint_wake wake;
    if (!wakes || n < sizeof id + sizeof n_raw)
        return false;
    memcpy(&id, body, sizeof id);
    memcpy(&n_raw, body + sizeof id, sizeof n_raw);
    body += sizeof id + sizeof n_raw;
    if (n_raw > n - sizeof id - sizeof n_raw || !tracepoint_parse_wake(wakes, body, n_raw, &wake))
        return false;
    const bool queued_there = wake.is_new && wake.target_cpu >= 0 && wake.target_cpu <= INT16_MAX;
    *event = (struct event){
        .time_ns = id.time_ns,
        .tid = wake.tid,
        .cpu = (int16_t)(queued_there ? wake.target_cpu : -1),
        .kind = EVENT_WAKE,
    };
    event->u.wake.waker_tid = (int32_t)id.tid > 0 ? (int32_t)id.tid : 0;
    return event->tid > 0;
}

static size_t smallest_body(uint32_t type)
{
    switch (type) {
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        return sizeof(struct task_body);
    case PERF_RECORD_COMM:
        return sizeof(struct comm_body) + 8;
    case PERF_RECORD_LOST:
        return sizeof(struct lost_body);
    case PERF_RECORD_SWITCH_CPU_WIDE:
        return 2 * sizeof(uint32_t);
    default:
        return 0;
    }
}

size_t perf_parse(const void *bytes, size_t n, int cpu, const struct tracepoint_wakes *wakes,
                  struct event *event, bool *is_event)
{
    struct perf_event_header header;
    struct sample_id id;

    *is_event = false;
    if (n < sizeof header)
        return 0;
    memcpy(&header, bytes, sizeof header);
    if (header.size < sizeof header || header.size > n || header.size % 8 != 0)
        return 0;
    const unsigned char *body = (const unsigned char *)bytes + sizeof header;
    switch (header.type) {
    case PERF_RECORD_SAMPLE:
        *is_event = parse_sample(body, header.size - sizeof header, wakes, event);
        return header.size;
    case PERF_RECORD_SWITCH:
    case PERF_RECORD_SWITCH_CPU_WIDE:
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
    case PERF_RECORD_COMM:
    case PERF_RECORD_LOST:
        break;
    default:
        return header.size;
    }
    if (header.size < sizeof header + smallest_body(header.type) + sizeof id)
        return 0;

    const size_t n_body = header.size - sizeof header - sizeof id;
    memcpy(&id, body + n_body, sizeof id);
    *event = (struct event){.time_ns = id.time_ns, .cpu = (int16_t)cpu};

    switch (header.type) {
    case PERF_RECORD_SWITCH:
    case PERF_RECORD_SWITCH_CPU_WIDE: /* where all tasks are watched: who is next, its own record says too */
        *is_event = parse_switch(header.misc, id.tid, id.time_ns, cpu, event);
        break;
    case PERF_RECORD_COMM:
        *is_event = parse_comm(header.misc, body, n_body, event);
        break;
    case PERF_RECORD_LOST:
        *is_event = parse_lost(body, event);
        break;
    default:
        *is_event = parse_task(header.type, body, event);
        break;
    }
    return header.size;
}

/* The header of a PERF_RECORD_SWITCH as one number, apart from its misc, and where that is not. */
static uint64_t header_number(struct perf_event_header header)
{
    uint64_t number;
    memcpy(&number, &header, sizeof number);
    return number;
}

/* As many PERF_RECORD_SWITCH as lie in a row: returns the bytes used. Each field is loaded by itself: a
 * record copied whole would be read back from the stack in other pieces than it was written, which stalls. */
static size_t parse_switches(const unsigned char *bytes, size_t n, int cpu, struct event *events, size_t max,
                             size_t *n_events)
{
    const uint64_t wanted = header_number(
        (struct perf_event_header){.type = PERF_RECORD_SWITCH, .size = sizeof(struct switch_record)});
    const uint64_t misc_bits = header_number((struct perf_event_header){.misc = UINT16_MAX});
    const size_t n_whole = n / sizeof(struct switch_record), n_most = n_whole < max ? n_whole : max;
    const unsigned char *at = bytes, *end = at + n_most * sizeof(struct switch_record);
    struct event *event = events;
    for (; at < end; at += sizeof(struct switch_record)) {
        struct perf_event_header header;
        uint32_t tid;
        uint64_t time_ns;
        memcpy(&header, at, sizeof header);
        memcpy(&tid, at + offsetof(struct switch_record, id.tid), sizeof tid);
        memcpy(&time_ns, at + offsetof(struct switch_record, id.time_ns), sizeof time_ns);
        if ((header_number(header) & ~misc_bits) != wanted)
            break;
        if (parse_switch(header.misc, tid, time_ns, cpu, event))
            event++;
    }
    *n_events = (size_t)(event - events);
    return (size_t)(at - bytes);
}

struct perf_batch perf_parse_batch(const void *bytes, size_t n, int cpu, const struct tracepoint_wakes *wakes,
                                   struct event *events, size_t max)
{
    const unsigned char *at = bytes;
    struct perf_batch batch = {0};

    for (;;) {
        size_t n_switches;
        batch.n_bytes += parse_switches(at + batch.n_bytes, n - batch.n_bytes, cpu, events + batch.n_events,
                                        max - batch.n_events, &n_switches);
        batch.n_events += n_switches;
        if (batch.n_events == max)
            break;
        struct event *event = &events[batch.n_events];
        bool is_event;
        const size_t size = perf_parse(at + batch.n_bytes, n - batch.n_bytes, cpu, wakes, event, &is_event);
        if (size == 0)
            break;
        batch.n_bytes += size;
        batch.n_events += is_event;
        if (is_event && event->kind == EVENT_LOST)
            batch.n_lost += event->u.lost.n;
    }
    return batch;
}
