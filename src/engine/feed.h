/* What the engine tells: its own events, and those that its tasks left in their rings, as one source. */
#ifndef SCHEDVIZ_ENGINE_FEED_H
#define SCHEDVIZ_ENGINE_FEED_H

#include "../observe/source.h"
#include "shared.h"

/* Stream 0 is the engine's own queue, 1 the host's ring, then those of the carriers; FEED_SLOTS + i that of
 * slot i. */
#define FEED_CARRIERS 2
#define FEED_SLOTS    (FEED_CARRIERS + OBJECTS_SETS)

struct feed {
    struct source source;
    struct shared *shared;
    struct event *queue; /* [first, n) waits to be read */
    size_t first, n, size;
    uint64_t last_ns; /* time of the last one queued */
    uint64_t share_ns, work_ns; /* when NOTE_WORK is due again: of work with an end, of all */
};

void feed_init(struct feed *feed, struct shared *shared);
void feed_fini(struct feed *feed);

/* Queues an event of the engine itself, stamped now. */
void feed_push(struct feed *feed, struct event event);

#endif
