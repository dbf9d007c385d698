/* Notes in a task's ring, in the order of time and never so many that switches would be lost. */
#include "note.h"
#include "../clock.h"

/* What is left for switches. */
#define SPARE (RING_EVENTS / 4)

/* A task that times itself tells of a slice when it looks: it looks first, so that nothing older than the
 * note comes after it. */
static uint64_t begin(struct notes *notes)
{
    uint64_t now_ns = clock_now_ns();

    if (notes->watch) {
        notes->watch->look_ns = 0;
        watch_step(notes->watch, now_ns);
        return notes->watch->last_ns;
    }
    if (notes->telling_ns)
        atomic_store_explicit(notes->telling_ns, now_ns, memory_order_release);
    return now_ns;
}

static void end(struct notes *notes)
{
    if (!notes->watch && notes->telling_ns)
        atomic_store_explicit(notes->telling_ns, 0, memory_order_release);
}

static bool tell(struct notes *notes, struct event event)
{
    if (ring_room(notes->ring) <= SPARE) {
        notes->n_untold++;
        return false;
    }
    event.time_ns = begin(notes);
    event.tid = notes->tid;
    event.cpu = -1;
    event.kind = EVENT_NOTE;
    if (notes->n_untold) {
        struct event untold = event;
        untold.detail = NOTE_UNTOLD;
        untold.u.lost.n = notes->n_untold;
        ring_push(notes->ring, &untold);
        notes->n_untold = 0;
    }
    bool told = ring_push(notes->ring, &event);
    end(notes);
    return told;
}

bool note_waits(struct notes *notes, enum event_note note, int32_t object, int32_t other, uint64_t until_ns)
{
    return tell(notes, (struct event){.detail = (uint8_t)note,
                                      .u.sync = {.object = object, .other = other, .until_ns = until_ns}});
}

bool note_tell(struct notes *notes, enum event_note note, int32_t object, int32_t other)
{
    return tell(notes, (struct event){.detail = (uint8_t)note, .u.sync = {.object = object, .other = other}});
}

bool note_value(struct notes *notes, int32_t object, int64_t value)
{
    return tell(notes, (struct event){.detail = NOTE_VALUE, .u.sync = {.object = object, .value = value}});
}
