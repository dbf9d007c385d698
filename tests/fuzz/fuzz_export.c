/* Any bytes as events: what comes out of them as CSV and for Perfetto parses, and both tell the same slices.
 */
#include "../../src/export/export.h"

#include <perfetto.pb-c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold with NDEBUG as well. */
#define HOLD(condition)                                                                                      \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* Nothing in our files needs more than printable ASCII and UTF-8 of two bytes and more, well-formed. */
static void check_text(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const unsigned n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
        HOLD(*s >= 0x20 && *s != 0x7f && (*s < 0x80 || (*s >= 0xc2 && *s <= 0xf4)));
        for (unsigned i = 1; i < n; i++)
            HOLD((s[i] & 0xc0) == 0x80);
        s += n;
    }
}

/* ---- CSV ---- */

#define N_FIELDS 13

/* One field; returns what follows it. */
static const char *check_field(const char *s, bool *is_quoted)
{
    *is_quoted = *s == '"';
    if (!*is_quoted)
        return s + strspn(s, "0123456789-abcdefghijklmnopqrstuvwxyz_");
    HOLD(!strchr("=+-@\t\r", s[1]));
    for (s++;; s++) {
        HOLD(*s && *s != '\n' && *s != '\r');
        if (*s == '"' && *++s != '"')
            return s;
    }
}

static unsigned check_csv(const char *s)
{
    unsigned n_lines = 0;
    for (; *s; n_lines++) {
        for (int i = 0; i < N_FIELDS; i++) {
            bool is_quoted;
            s = check_field(s, &is_quoted);
            HOLD(is_quoted == (i == 7 && n_lines > 0));
            HOLD(*s++ == (i < N_FIELDS - 1 ? ',' : '\r'));
        }
        HOLD(*s++ == '\n');
    }
    HOLD(n_lines > 0);
    return n_lines - 1;
}

/* ---- Perfetto ---- */

#define MAX_CPUS  1024
#define MAX_TID   (1 << 22) /* of a task that there is; above are those of nobody */
#define MAX_DEPTH 1         /* of a track's spans: they do not lie in each other */

struct reader {
    int32_t on[MAX_CPUS];
    unsigned n_slices;
    int depth; /* of spans, over all tracks: each begins and ends before the next packet of another one */
};

static void check_bundle(struct reader *r, const Perfetto__FtraceEventBundle *b)
{
    uint64_t at_ns = 0;
    HOLD(b->has_cpu && b->cpu < MAX_CPUS && b->n_event > 0);
    for (size_t i = 0; i < b->n_event; i++) {
        const Perfetto__FtraceEvent *e = b->event[i];
        const Perfetto__SchedSwitch *s = e->sched_switch;
        HOLD(e->has_timestamp && e->timestamp >= at_ns);
        HOLD(!!s + !!e->sched_waking + !!e->sched_wakeup_new + !!e->sched_process_free == 1);
        at_ns = e->timestamp;
        if (!s)
            continue;
        HOLD(s->prev_pid == r->on[b->cpu] && (uint32_t)s->prev_pid == e->pid);
        check_text(s->prev_comm);
        check_text(s->next_comm);
        r->on[b->cpu] = s->next_pid;
        r->n_slices += s->next_pid > 0 && s->next_pid <= MAX_TID;
    }
}

static void check_packet(struct reader *r, const Perfetto__TracePacket *packet)
{
    HOLD(packet->base.n_unknown_fields == 0);
    if (packet->ftrace_events)
        check_bundle(r, packet->ftrace_events);
    if (packet->track_descriptor)
        check_text(packet->track_descriptor->name);
    if (packet->track_event) {
        const Perfetto__TrackEvent *e = packet->track_event;
        r->depth += e->type == PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN;
        r->depth -= e->type == PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END;
        HOLD(r->depth >= 0 && r->depth <= MAX_DEPTH && packet->has_timestamp);
        if (e->name)
            check_text(e->name);
    }
}

static unsigned check_trace(const char *s, size_t size)
{
    struct reader r = {0};
    const char *end = s + size;
    while (s < end) {
        size_t n = 0;
        HOLD(*s++ == (1 << 3 | 2));
        for (unsigned shift = 0;; shift += 7) {
            HOLD(s < end && shift < 35);
            n |= (size_t)(*s & 0x7f) << shift;
            if (!(*s++ & 0x80))
                break;
        }
        HOLD(n <= (size_t)(end - s));
        Perfetto__TracePacket *packet = perfetto__trace_packet__unpack(NULL, n, (const uint8_t *)s);
        HOLD(packet != NULL);
        check_packet(&r, packet);
        perfetto__trace_packet__free_unpacked(packet, NULL);
        s += n;
    }
    HOLD(r.depth == 0);
    return r.n_slices;
}

/* ---- both ---- */

typedef bool export_format(const struct report *report, const struct timeline *tl,
                           const struct export_window *window, FILE *out);

static char *write_as(export_format *format, const struct report *report, const struct timeline *tl,
                      const struct export_window *window, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    HOLD(out && format(report, tl, window, out) && fclose(out) == 0);
    return text;
}

/* Slices of tasks whose numbers no task can have, or on CPUs beyond Perfetto's, are not counted alike. */
static void check(const struct timeline *tl, const struct export_window *window, bool is_tame)
{
    static struct machine machine;
    const struct waits *waits = timeline_waits(tl);
    struct report report = {
        .info = {.workload = {.name = "a\n\xff"}}, .machine = &machine, .start_ns = 1000, .tl = tl};
    report.n_alerts = waits_n_alerts(waits);
    report.alerts = mem_new(report.n_alerts + 1ul, sizeof *report.alerts);
    for (unsigned i = 0; i < report.n_alerts; i++)
        report.alerts[i] = waits_alert(waits, i);
    size_t csv_size, trace_size;
    char *csv = write_as(export_csv, &report, tl, window, &csv_size);
    char *trace = write_as(export_perfetto, &report, tl, window, &trace_size);
    HOLD(strlen(csv) == csv_size);
    const unsigned n_rows = check_csv(csv), n_slices = check_trace(trace, trace_size);
    HOLD(!is_tame || n_rows == n_slices);
    free(trace);
    free(csv);
    free(report.alerts);
}

#define EVENT_BYTES 12

/* Small numbers, so that tasks meet; now and then a wild event is taken as it is. */
static void read_event(const uint8_t *data, uint64_t t_ns, struct event *event)
{
    event->time_ns = t_ns;
    event->tid = 1 + data[2] % 12;
    event->cpu = (int16_t)(data[3] % 5);
    event->kind = data[4] % 11;
    event->detail = data[5] % 16;
    memcpy(&event->u, data + 6, 6);
    if (event->kind == EVENT_NEW) {
        event->u.task.slot = data[7] % 8 - 1;
        event->u.task.kind = data[8] % 4 == 3 ? TASK_GREEN : data[8] % 2;
        event->u.task.role = data[9] % 5;
        event->tid = event->u.task.kind == TASK_GREEN ? -event->tid : event->tid;
    } else if (event->kind == EVENT_NOTE && event->detail >= NOTE_WANTS) {
        event->u.sync.object = data[6] % 5 - 1;
        event->u.sync.other = data[7] % 13;
    } else if (data[2] > 200) {
        event->tid = -event->tid;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned shifts[4] = {0, 8, 16, 28};
    struct timeline *tl = timeline_new(1);
    uint64_t t_ns = 1000;
    bool is_tame = true;
    for (; size >= EVENT_BYTES; data += EVENT_BYTES, size -= EVENT_BYTES) {
        struct event event = {0};
        t_ns += (uint64_t)data[0] << shifts[data[1] & 3];
        read_event(data, t_ns, &event);
        if (data[1] == 0xff && size >= EVENT_BYTES + sizeof event) {
            memcpy(&event, data + EVENT_BYTES, sizeof event);
            data += sizeof event;
            size -= sizeof event;
            is_tame = false;
        }
        timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
    }
    timeline_advance(tl, t_ns);
    const uint64_t first_ns = timeline_first_ns(tl), span_ns = timeline_now_ns(tl) - first_ns;
    check(tl, &(struct export_window){0}, is_tame);
    check(tl, &(struct export_window){first_ns + span_ns / 3, 1 + span_ns / 3}, is_tame);
    check(tl, &(struct export_window){first_ns, UINT64_MAX}, is_tame);
    timeline_free(tl);
    return 0;
}
