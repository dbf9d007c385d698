/* The one seam: whatever yields events is a source, a live kernel as well as a file. */
#ifndef SCHEDVIZ_OBSERVE_SOURCE_H
#define SCHEDVIZ_OBSERVE_SOURCE_H

#include "../event.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/* A source has one or more streams (a perf ring per CPU, a note ring per worker); each stream is in time
 * order by itself, and merge.h makes one order of all. The first member of every concrete source. */
struct source {
    const struct source_ops *ops;
};

struct source_ops {
    const char *name; /* "perf", "engine", "proc" */

    /* Streams are numbered from 0. The number may grow between calls, never shrink. */
    unsigned (*n_streams)(const struct source *source);

    /* Takes up to max events of one stream, oldest first; 0 when there are none now. Never blocks. */
    size_t (*read)(struct source *source, unsigned stream, struct event *events, size_t max);

    /* File descriptors to poll so that nothing overflows while we sleep; returns how many were written (at
     * most max). May be NULL. */
    unsigned (*poll_fds)(const struct source *source, struct pollfd *fds, unsigned max);

    /* Once per turn of the event loop, before reading: sources that sample look at the clock and sample.
     * May be NULL. */
    void (*tick)(struct source *source, uint64_t now_ns);

    /* Every event up to this instant has been told by now (at most now_ns): later ones may still come late.
     * To be asked before reading. May be NULL: all are told at once. */
    uint64_t (*complete_ns)(const struct source *source, uint64_t now_ns);

    /* Events known to be lost since the start. */
    uint64_t (*lost)(const struct source *source);

    void (*close)(struct source *source); /* frees it */
};

#endif
