/* Parses one record of a perf ring. Pure: bytes in, event out, whatever the bytes are.
 *
 * The layout is that of include/uapi/linux/perf_event.h for sample_type TID|TIME|CPU and sample_id_all: every
 * record ends in struct sample_id, so tid, time and CPU are found from its end. */
#include "perf.h"

#include <linux/perf_event.h>
#include <string.h>

struct sample_id {
    uint32_t pid, tid;
    uint64_t time_ns;
    uint32_t cpu, reserved;
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
/* PERF_RECORD_SWITCH_CPU_WIDE, which comes where all tasks are watched, says who is next or was before too:
 * that task's own record says it as well. */
static bool parse_switch(const struct perf_event_header *header, const struct sample_id *id,
                         struct event *event)
{
    if (header->misc & PERF_RECORD_MISC_SWITCH_OUT) {
        event->kind = EVENT_SWITCH_OUT;
        event->detail = header->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT ? OUT_PREEMPTED : OUT_BLOCKED;
    } else {
        event->kind = EVENT_SWITCH_IN;
        event->detail = 0;
    }
    event->tid = (int32_t)id->tid;
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
    event->u.task.kind = task.pid == task.tid ? TASK_PROCESS : TASK_THREAD;
    event->u.task.role = ROLE_UNKNOWN;
    return true;
}

static bool parse_comm(const unsigned char *body, size_t n, struct event *event)
{
    struct comm_body comm;
    memcpy(&comm, body, sizeof comm);
    size_t room = n - sizeof comm;
    if (room > EVENT_NAME_SIZE - 1)
        room = EVENT_NAME_SIZE - 1;
    memcpy(event->u.name, body + sizeof comm, strnlen((const char *)body + sizeof comm, room));
    event->kind = EVENT_NAME;
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

size_t perf_parse(const void *bytes, size_t n, int cpu, struct event *event, bool *is_event)
{
    struct perf_event_header header;
    struct sample_id id;

    *is_event = false;
    if (n < sizeof header)
        return 0;
    memcpy(&header, bytes, sizeof header);
    if (header.size < sizeof header || header.size > n || header.size % 8 != 0)
        return 0;
    const bool is_switch = header.type == PERF_RECORD_SWITCH || header.type == PERF_RECORD_SWITCH_CPU_WIDE;
    if (!is_switch && header.type != PERF_RECORD_FORK && header.type != PERF_RECORD_EXIT &&
        header.type != PERF_RECORD_COMM && header.type != PERF_RECORD_LOST)
        return header.size;
    if (header.size < sizeof header + smallest_body(header.type) + sizeof id)
        return 0;

    const unsigned char *body = (const unsigned char *)bytes + sizeof header;
    const size_t n_body = header.size - sizeof header - sizeof id;
    memcpy(&id, body + n_body, sizeof id);
    *event = (struct event){.time_ns = id.time_ns, .cpu = (int16_t)cpu};

    switch (header.type) {
    case PERF_RECORD_SWITCH:
    case PERF_RECORD_SWITCH_CPU_WIDE:
        *is_event = parse_switch(&header, &id, event);
        break;
    case PERF_RECORD_COMM:
        *is_event = parse_comm(body, n_body, event);
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
