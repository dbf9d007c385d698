/* Bytes as events for the fuzz targets of the drawn formats: twelve make one, small numbers so that tasks
 * meet; now and then a wild one is taken as it is. */
#ifndef SCHEDVIZ_FUZZ_FIGURE_EVENTS_H
#define SCHEDVIZ_FUZZ_FIGURE_EVENTS_H

#include "../../src/export/export.h"

#include <string.h>

static inline struct event figure_event(const uint8_t *data, uint64_t *t_ns)
{
    static const unsigned shifts[4] = {0, 8, 20, 34};
    struct event event = {.tid = data[2] % 20 - 4,
                          .cpu = (int16_t)(data[3] % 6 - 1),
                          .kind = (uint8_t)(data[4] % 11),
                          .detail = (uint8_t)(data[5] % 16)};
    *t_ns += (uint64_t)data[0] << shifts[data[1] & 3];
    event.time_ns = *t_ns;
    memcpy(&event.u, data + 6, 6);
    if (event.kind == EVENT_NEW) {
        event.u.task.slot = data[7] % 8 - 1;
        event.u.task.kind = data[8] % 4;
        event.u.task.role = data[9] % 5;
    } else if (event.kind == EVENT_OBJECT) {
        event.tid = data[2] % 4;
        event.detail = data[5] % 9;
    } else if (event.kind == EVENT_NOTE && event.detail >= NOTE_WANTS) {
        event.u.sync.object = data[6] % 5 - 1;
        event.u.sync.other = data[7] % 20 - 4;
        event.u.sync.until_ns = data[8] ? *t_ns + ((uint64_t)data[8] << shifts[data[9] & 3]) : 0;
    }
    return event;
}

static inline void figure_events(struct timeline *tl, const uint8_t *data, size_t size)
{
    uint64_t t_ns = 1000;
    while (size >= 12) {
        struct event event = figure_event(data, &t_ns);
        size_t used = 12;
        if (data[1] == 0xff && size >= 12 + sizeof event) {
            memcpy(&event, data + 12, sizeof event);
            used += sizeof event;
        }
        timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
        if (data[1] == 0xfe)
            timeline_advance(tl, t_ns + data[6]);
        data += used;
        size -= used;
    }
}

/* A window and the kind of a report, from the first bytes; the name is what is left over. */
static inline struct report figure_fuzz_report(const struct timeline *tl, const uint8_t *data, size_t size,
                                               char name[64], struct export_window *window)
{
    static struct machine machine;
    const uint64_t first_ns = timeline_first_ns(tl), span_ns = timeline_now_ns(tl) - first_ns;
    const unsigned a = size > 0 ? data[0] : 0, b = size > 1 ? data[1] : 0, c = size > 2 ? data[2] : 0;
    const size_t n = size < 63 ? size : 63;
    memcpy(name, data + size - n, n);
    name[n] = '\0';
    *window = (struct export_window){first_ns + span_ns / 256 * a, span_ns / 256 * b};
    struct report report = {.info = {.workload = {.name = name, .n_tasks = a}, .source = "perf"},
                            .machine = &machine,
                            .run = {.number = (uint16_t)(c % 3)},
                            .start_ns = c % 2 ? first_ns : 0,
                            .duration_ns = span_ns / 256 * b,
                            .cost_known = c % 5 == 0,
                            .has_target = c % 7 == 0,
                            .tl = tl};
    report.info.exact = c % 4 != 0;
    report.info.all = c % 11 == 0;
    cpuset_add(&report.run.cpus, (int)(a % 8));
    return report;
}

#endif
