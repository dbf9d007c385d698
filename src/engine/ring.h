/* A queue of events from one task to schedviz, in memory that both share; neither side ever waits. */
#ifndef SCHEDVIZ_ENGINE_RING_H
#define SCHEDVIZ_ENGINE_RING_H

#include "../event.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_EVENTS 8192 /* a power of two; memory comes into being as it is first used */

/* All zero is an empty ring. One task writes at a time; the next one in its slot goes on where it stopped. */
struct ring {
    alignas(64) _Atomic uint32_t head; /* written by the task, runs freely */
    uint64_t untold;                   /* lost since the last EVENT_LOST; the task's own */
    _Atomic uint64_t lost;
    alignas(64) _Atomic uint32_t tail; /* written by the reader */
    alignas(64) struct event events[RING_EVENTS];
};

/* False when the ring is full: the event is counted as lost, and EVENT_LOST says so once there is room. */
bool ring_push(struct ring *ring, const struct event *event);

/* How many events fit now: for a writer who would rather leave some out than lose one. */
size_t ring_room(const struct ring *ring);

/* Takes up to max events, oldest first. */
size_t ring_take(struct ring *ring, struct event *events, size_t max);

#endif
