/* First and last words. */
#include "words.h"
#include "../clock.h"
#include "self.h"

#include <sched.h>
#include <string.h>

/* With u as it is, and leaves it zero for the next one. */
static void push(struct ring *ring, struct event *event, enum event_kind kind, unsigned detail)
{
    event->kind = (uint8_t)kind;
    event->detail = (uint8_t)detail;
    ring_push(ring, event);
    memset(&event->u, 0, sizeof event->u);
}

void words_first(struct ring *ring, const struct event *about, const char *name)
{
    struct event event = *about;

    event.cpu = -1;
    push(ring, &event, EVENT_NEW, 0);
    strncpy(event.u.name, name, EVENT_NAME_SIZE - 1);
    push(ring, &event, EVENT_NAME, 0);
}

bool words_last(struct ring *ring, int tid, struct watch *watch, const struct event *work)
{
    uint64_t run_ns, wait_ns, slices, voluntary, involuntary, time_ns;

    bool known = self_schedstat(&run_ns, &wait_ns, &slices);
    if (watch) {
        watch_end(watch);
        voluntary = watch->voluntary;
        involuntary = watch->involuntary;
        time_ns = watch->last_ns;
    } else {
        self_switches(&voluntary, &involuntary);
        time_ns = clock_now_ns();
    }

    struct event event = {
        .time_ns = time_ns, .tid = tid, .cpu = (int16_t)(watch ? watch->cpu : sched_getcpu())};
    if (work) {
        event.u.work = work->u.work;
        push(ring, &event, EVENT_NOTE, NOTE_WORK);
    }
    if (known) {
        event.u.run.run_ns = run_ns;
        event.u.run.wait_ns = wait_ns;
        push(ring, &event, EVENT_SAMPLE, SAMPLE_RUN);
        event.u.state.letter = 'X';
        event.u.state.slices = slices;
        push(ring, &event, EVENT_SAMPLE, SAMPLE_STATE);
    }
    event.u.switches.voluntary = voluntary;
    event.u.switches.involuntary = involuntary;
    push(ring, &event, EVENT_SAMPLE, SAMPLE_SWITCHES);
    if (!watch)
        return false;
    push(ring, &event, EVENT_SWITCH_OUT, OUT_BLOCKED);
    event.kind = EVENT_EXIT;
    event.detail = 0;
    event.u.exit.known = 1;
    return ring_push(ring, &event);
}
