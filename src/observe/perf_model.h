/* The inside of the perf source, shared by what opens and reads rings and what attaches tasks. */
#ifndef SCHEDVIZ_OBSERVE_PERF_MODEL_H
#define SCHEDVIZ_OBSERVE_PERF_MODEL_H

#include "families.h"
#include "perf.h"

#include <linux/perf_event.h>

#define RECORD_BYTES_MAX 65536 /* perf_event_header.size has 16 bits */
#define N_WAKE_EVENTS    2

struct ring {
    int cpu;
    int fd;
    struct perf_event_mmap_page *page; /* the mapping: this page, then the data */
    const unsigned char *data;
    size_t n_bytes;   /* of data, a power of two */
    uint64_t last_ns; /* time of the last event taken */
    bool hung_up;     /* what it watches has ended: nothing more will wake us */
    int again_fd;     /* 0: none; the event of a CPU that was offline meanwhile, which writes here too */
    int wake_fds[N_WAKE_EVENTS]; /* 0: none; tracepoints that write here too */

    /* Of a source with attached tasks: how far FORK and EXIT records were looked for, the last that was
     * found, and the last event given out. */
    uint64_t scanned;
    struct event last_scanned, last_given;
};

/* An event without a ring: it takes part in inheritance from the start, and costs no locked memory. */
struct waiting {
    int cpu;
    int fd; /* -1: its ring has it now */
};

/* FORK and EXIT of a source with attached tasks that were found in the rings, until they are old enough that
 * none with an earlier time can come. */
struct found {
    struct event *events;
    size_t n, max;
};

struct perf {
    struct source source;
    int pid;
    size_t page_bytes;
    bool size_is_fixed; /* the caller named it */
    unsigned n_rings;
    struct ring *rings;
    struct waiting *waiting;
    unsigned n_waiting;
    uint64_t n_lost;
    uint64_t hangup_checked_ns;

    struct tracepoint_wakes wakes;
    const struct tracepoint_wakes *told_wakes; /* NULL: they are not told */
    struct err why_no_wakes;

    struct families *families; /* NULL: nothing was attached yet */
    struct found found;
    bool limit_was_raised;

    unsigned char joined[RECORD_BYTES_MAX]; /* a record that wraps around the ring's end, in one piece */
};

/* ---- perf.c ---- */

/* perf_event_open(2) of what the source is about. -1 and errno. */
int perf_open_event(int pid, int cpu, size_t ring_bytes);

/* The first of the n bytes at `tail', in one piece: a record that wraps around the ring's end is copied. NULL
 * when there is no whole record. *n_whole: bytes that lie there in a row. */
const unsigned char *perf_bytes_at(struct perf *perf, const struct ring *ring, uint64_t tail, size_t n,
                                   size_t *n_whole);

/* ---- perf_attach.c ---- */

/* Before the ring's records up to `end' are given back: notes who is made and who ends. */
void perf_scan(struct perf *perf, struct ring *ring, uint64_t end);
void perf_attach_tick(struct perf *perf, uint64_t now_ns);
/* Of a task that is covered twice each record comes twice, one behind the other: leaves one. Returns how many
 * are left. */
size_t perf_drop_doubled(struct ring *ring, struct event *events, size_t n);
/* The events of attached tasks that wait for a ring of this CPU get it. */
void perf_attach_ring(struct perf *perf, const struct ring *ring);

#endif
