/* The engine as a source of events. */
#include "feed.h"
#include "../clock.h"
#include "../err.h"

#include <stdlib.h>
#include <string.h>

/* A share of what is to be done is shown as it grows; of work without end only the figure at the end counts.
 */
#define SHARE_EVERY_NS (250 * NS_PER_MS)
#define WORK_EVERY_NS  (2 * NS_PER_S)

static struct feed *feed_of(const struct source *source)
{
    return (struct feed *)source; /* its first member */
}

static void push_at(struct feed *feed, struct event event, uint64_t time_ns)
{
    if (feed->n == feed->size) {
        feed->size = feed->size ? feed->size * 2 : 64;
        feed->queue = mem_resize(feed->queue, feed->size, sizeof *feed->queue);
    }
    event.time_ns = feed->last_ns = time_ns > feed->last_ns ? time_ns : feed->last_ns;
    feed->queue[feed->n++] = event;
}

void feed_push(struct feed *feed, struct event event)
{
    push_at(feed, event, clock_now_ns());
}

static unsigned feed_n_streams(const struct source *source)
{
    return FEED_SLOTS + atomic_load(&feed_of(source)->shared->n_slots);
}

static size_t read_queue(struct feed *feed, struct event *events, size_t max)
{
    size_t n = feed->n - feed->first < max ? feed->n - feed->first : max;

    if (n)
        memcpy(events, feed->queue + feed->first, n * sizeof *events);
    feed->first += n;
    if (feed->first == feed->n)
        feed->first = feed->n = 0;
    return n;
}

static size_t feed_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    struct feed *feed = feed_of(source);

    if (stream == 0)
        return read_queue(feed, events, max);
    if (stream == 1)
        return ring_take(&feed->shared->host_ring, events, max);
    if (stream < FEED_SLOTS)
        return ring_take(&feed->shared->carriers[stream - FEED_CARRIERS].ring, events, max);
    return ring_take(&feed->shared->rings[stream - FEED_SLOTS], events, max);
}

/* A task that is seen at work after now_ns cannot have told its end before it. */
static void feed_tick(struct source *source, uint64_t now_ns)
{
    struct feed *feed = feed_of(source);
    struct shared *shared = feed->shared;
    unsigned n = atomic_load(&shared->n_slots);

    if (now_ns < feed->share_ns)
        return;
    const bool all = now_ns >= feed->work_ns;
    feed->share_ns = now_ns + SHARE_EVERY_NS;
    if (all)
        feed->work_ns = now_ns + WORK_EVERY_NS;
    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &shared->slots[i];
        struct event note = {.cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_WORK};

        if (atomic_load(&slot->stage) != STAGE_RUNNING || !(all || slot->order.total_ns))
            continue;
        note.tid = atomic_load(&slot->tid);
        note.u.work.total_ns = slot->order.total_ns;
        note.u.work.done_ns = shared_work_done_ns(&slot->order, atomic_load(&slot->units), shared->unit_ps);
        push_at(feed, note, now_ns);
    }
}

/* A task tells of a slice that it gave away when it runs again: what all tasks have told is complete up to
 * the one that has waited longest. A task that waits longer than this is not waited for. */
#define LONGEST_WAIT_NS (10 * NS_PER_S)

static uint64_t earlier_told(const _Atomic uint64_t *told_ns, uint64_t now_ns, uint64_t complete_ns)
{
    uint64_t ns = atomic_load_explicit(told_ns, memory_order_acquire);

    return ns != 0 && ns < complete_ns && now_ns - ns < LONGEST_WAIT_NS ? ns : complete_ns;
}

static uint64_t feed_complete_ns(const struct source *source, uint64_t now_ns)
{
    const struct shared *shared = feed_of(source)->shared;
    unsigned n = atomic_load(&shared->n_slots);
    uint64_t complete_ns = now_ns;

    for (unsigned i = 0; i < n; i++) {
        const struct slot *slot = &shared->slots[i];
        int stage = atomic_load(&slot->stage);
        if (stage == STAGE_GATED || stage == STAGE_RUNNING || stage == STAGE_ENDING)
            complete_ns = earlier_told(&slot->told_ns, now_ns, complete_ns);
    }
    for (unsigned i = 0; i < OBJECTS_SETS; i++) {
        if (atomic_load(&shared->carriers[i].tid))
            complete_ns = earlier_told(&shared->carriers[i].told_ns, now_ns, complete_ns);
    }
    return complete_ns;
}

static uint64_t feed_lost(const struct source *source)
{
    const struct shared *shared = feed_of(source)->shared;
    unsigned n = atomic_load(&shared->n_slots);
    uint64_t lost = atomic_load(&shared->host_ring.lost);

    for (unsigned i = 0; i < OBJECTS_SETS; i++)
        lost += atomic_load(&shared->carriers[i].ring.lost);
    for (unsigned i = 0; i < n; i++)
        lost += atomic_load(&shared->rings[i].lost);
    return lost;
}

static void feed_close(struct source *source)
{
    (void)source; /* it is part of the engine */
}

static const struct source_ops feed_ops = {
    .name = "engine",
    .n_streams = feed_n_streams,
    .read = feed_read,
    .tick = feed_tick,
    .complete_ns = feed_complete_ns,
    .lost = feed_lost,
    .close = feed_close,
};

void feed_init(struct feed *feed, struct shared *shared)
{
    *feed = (struct feed){.source.ops = &feed_ops, .shared = shared};
}

void feed_fini(struct feed *feed)
{
    free(feed->queue);
}
