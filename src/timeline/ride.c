/* Green tasks: their turns on their carrier, cut to the slices that the carrier really had. */
#include "ride.h"

#include "../err.h"
#include "waits_model.h"

/* The rider runs, from now. */
static void start_slice(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    int cpu = life->carrier->task.last_cpu;
    t_ns = life_time(tl, life, t_ns);
    if (life->waiter)
        waits_in(tl, life, t_ns, false);
    life->wait_ns = 0;
    if (life->task.state == STATE_RUNNABLE)
        life->wait_ns = t_ns - life->task.state_since_ns;
    else if (life->task.state == STATE_UNKNOWN)
        life_settle(tl, life, t_ns);
    life->task.n_migrations += life->task.last_cpu >= 0 && life->task.last_cpu != cpu;
    life->task.last_cpu = cpu;
    life->task.n_slices++;
    life->switched = true;
    life_set_state(tl, life, STATE_RUNNING, t_ns);
}

static void end_slice(struct timeline *tl, struct life *life, uint64_t t_ns, enum slice_end end)
{
    struct item item = {.start_ns = life->task.state_since_ns,
                        .end_ns = t_ns,
                        .wait_ns = life->wait_ns,
                        .who = (uint32_t)life->task.last_cpu,
                        .tag = (uint8_t)end};
    track_append(&tl->store, &life->track, &item);
    life->task.n_involuntary += end == SLICE_PREEMPTED;
    life->task.n_voluntary += end == SLICE_BLOCKED || end == SLICE_EXITED;
    if (end == SLICE_LOST)
        return;
    if (!life->slice_ns)
        life->slice_ns = life_new_lengths(tl);
    histogram_add(life->slice_ns, item.end_ns - item.start_ns);
}

/* It does not run from now on; what it is instead, the end of its slice tells. */
static void stop(struct timeline *tl, struct life *life, uint64_t t_ns, enum slice_end end)
{
    t_ns = life_time(tl, life, t_ns);
    if (life->task.state == STATE_RUNNING)
        end_slice(tl, life, t_ns, end);
    else
        life_settle(tl, life, t_ns);
    enum task_state state = STATE_UNKNOWN;
    if (end == SLICE_PREEMPTED)
        state = STATE_RUNNABLE;
    else if (end == SLICE_BLOCKED)
        state = STATE_BLOCKED;
    life_set_state(tl, life, state, t_ns);
    if (state == STATE_BLOCKED && life->waiter)
        waits_out(tl, life, t_ns);
}

void ride_on(struct timeline *tl, struct life *carrier, uint64_t t_ns)
{
    start_slice(tl, carrier->rider, t_ns);
}

void ride_off(struct timeline *tl, struct life *carrier, uint64_t t_ns, enum slice_end end)
{
    if (carrier->rider->task.state == STATE_RUNNING)
        stop(tl, carrier->rider, t_ns, end);
}

void ride_leave(struct timeline *tl, struct life *life, uint64_t t_ns, enum slice_end end)
{
    bool rides = life->carrier && life->carrier->rider == life;
    if (rides)
        life->carrier->rider = NULL;
    if (rides || end != SLICE_EXITED)
        stop(tl, life, t_ns, end);
}

void ride_join(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    struct life *carrier = life->task.pid > 0 ? life_of(tl, life->task.pid, t_ns) : NULL;
    if (!carrier || carrier == life->carrier || carrier->task.state == STATE_GONE)
        return;
    if (life->carrier && life->carrier->rider == life)
        ride_leave(tl, life, t_ns, SLICE_LOST);
    life->carrier = carrier;
    carrier->task.carries = true;
}

/* Its turn begins. While the carrier is off its CPU it is as the carrier is. */
static void mount(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    struct life *carrier = life->carrier;
    if (!carrier || carrier->task.state == STATE_GONE || carrier->rider == life)
        return;
    if (carrier->rider) /* that its turn was over was not told */
        ride_leave(tl, carrier->rider, t_ns, SLICE_LOST);
    carrier->rider = life;
    if (carrier->task.state == STATE_RUNNING) {
        start_slice(tl, life, t_ns);
    } else if (carrier->task.state != life->task.state) {
        t_ns = life_time(tl, life, t_ns);
        life_settle(tl, life, t_ns);
        life_set_state(tl, life, carrier->task.state, t_ns);
    }
}

bool ride_take(struct timeline *tl, const struct event *event)
{
    if (event->kind == EVENT_SAMPLE)
        return true; /* the kernel knows nothing of it */
    if (event->kind != EVENT_SWITCH_IN && event->kind != EVENT_SWITCH_OUT)
        return false;
    struct life *life = life_of(tl, event->tid, event->time_ns);
    if (life->task.state == STATE_GONE)
        return true;
    if (event->kind == EVENT_SWITCH_IN)
        mount(tl, life, event->time_ns);
    else if (life->carrier)
        ride_leave(tl, life, event->time_ns,
                   event->detail == OUT_PREEMPTED ? SLICE_PREEMPTED : SLICE_BLOCKED);
    return true;
}

void ride_carrier_gone(struct timeline *tl, const struct life *carrier, uint64_t t_ns)
{
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        struct life *life = tl->lives[i];
        if (life->carrier != carrier || life->task.state == STATE_GONE)
            continue;
        uint64_t end_ns = life_time(tl, life, t_ns);
        ride_leave(tl, life, end_ns, SLICE_EXITED);
        life_settle(tl, life, end_ns);
        life_gone(tl, life, end_ns);
        waits_exit(tl, life, end_ns);
    }
}
