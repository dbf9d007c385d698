/* A single-writer, single-reader queue of events in shared memory. */
#include "ring.h"

size_t ring_room(const struct ring *ring)
{
    uint32_t used = atomic_load_explicit(&ring->head, memory_order_relaxed) -
                    atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t notice = ring->untold ? 1 : 0;

    return used + notice < RING_EVENTS ? RING_EVENTS - used - notice : 0;
}

bool ring_push(struct ring *ring, const struct event *event)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t used = head - atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t needed = ring->untold ? 2 : 1;

    if (used + needed > RING_EVENTS) {
        ring->untold++;
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return false;
    }
    if (ring->untold) {
        struct event *lost = &ring->events[head++ % RING_EVENTS];
        *lost = (struct event){
            .time_ns = event->time_ns, .tid = event->tid, .cpu = event->cpu, .kind = EVENT_LOST};
        lost->u.lost.n = ring->untold;
        ring->untold = 0;
    }
    ring->events[head++ % RING_EVENTS] = *event;
    atomic_store_explicit(&ring->head, head, memory_order_release);
    return true;
}

size_t ring_take(struct ring *ring, struct event *events, size_t max)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t ready = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    size_t n = ready < max ? ready : max;

    for (size_t i = 0; i < n; i++)
        events[i] = ring->events[(tail + i) % RING_EVENTS];
    atomic_store_explicit(&ring->tail, tail + (uint32_t)n, memory_order_release);
    return n;
}
