/* Notes become waits: each object's queue, holder and values, and when a task that waits is let go. */
#include "waits.h"

#include "../err.h"
#include "waits_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More objects than any workload has; of a stream that invents them the rest is not followed. */
#define MAX_RESOURCES 16384u

#define CHECK_EVERY_NS UINT64_C(100000000)
#define MAX_CHECKS     200u /* in a silence; then once more at its end */

/* Who lets another go on may tell it only when that one has run already. */
#define LATE_NS UINT64_C(10000000)

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

struct waits *waits_new(size_t budget)
{
    struct waits *waits = mem_new(1, sizeof *waits);
    waits->budget = waits->sweep_at = budget;
    waits->check_ns = UINT64_MAX;
    return waits;
}

void waits_free(struct timeline *tl)
{
    struct waits *waits = tl->waits;
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        struct waiter *waiter = tl->lives[i]->waiter;
        if (waiter)
            free(waiter->records);
        free(waiter);
    }
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        free(waits->resources[i]->steps);
        free(waits->resources[i]);
    }
    for (uint32_t i = 0; i < waits->n_alerts; i++)
        free(waits->alerts[i].nodes);
    free(waits->resources);
    free(waits->numbers);
    free(waits->timers);
    free(waits->alerts);
    free(waits);
}

/* ---- bounded memory ---- */

/* Room for one more at the end of an array of elements of `size` bytes. */
static void *room_for_one(struct waits *waits, void *array, uint32_t n, uint32_t *capacity, size_t size)
{
    if (n < *capacity)
        return array;
    const uint32_t grown = *capacity + (*capacity < 8 ? 4 : *capacity / 2); /* drop_front() may leave 1 */
    waits->used += (grown - *capacity) * size;
    *capacity = grown;
    return mem_resize(array, grown, size);
}

static void *drop_front(struct waits *waits, void *array, uint32_t *n, uint32_t *capacity, uint32_t n_drop,
                        size_t size)
{
    *n -= n_drop;
    memmove(array, (char *)array + n_drop * size, *n * size);
    if (*n > *capacity / 2)
        return array;
    waits->used -= (*capacity - *n) * size;
    *capacity = *n;
    if (*n)
        return mem_resize(array, *n, size);
    free(array);
    return NULL;
}

/* Drops waits that ended up to cut_ns, and values that had changed by then. */
static void cut(struct timeline *tl, uint64_t cut_ns)
{
    struct waits *waits = tl->waits;
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        struct waiter *w = tl->lives[i]->waiter;
        uint32_t n = 0;
        while (w && n < w->n_records && w->records[n].end_ns <= cut_ns)
            n++;
        if (n)
            w->records =
                drop_front(waits, w->records, &w->n_records, &w->records_capacity, n, sizeof *w->records);
    }
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        struct resource *r = waits->resources[i];
        uint32_t n = 0;
        while (n + 1 < r->n_steps && r->steps[n + 1].time_ns <= cut_ns)
            n++;
        if (n)
            r->steps = drop_front(waits, r->steps, &r->n_steps, &r->steps_capacity, n, sizeof *r->steps);
    }
    waits->cut_ns = cut_ns;
}

/* The oldest goes, in quarters of the time held, until a quarter of the budget is free. */
static void sweep(struct timeline *tl)
{
    struct waits *waits = tl->waits;
    if (waits->used <= waits->sweep_at)
        return;
    size_t enough = waits->budget / 4 * 3;
    uint64_t from_ns = later(waits->cut_ns, tl->first_ns);
    while (waits->used > enough && from_ns < tl->now_ns) {
        from_ns += (tl->now_ns - from_ns) / 4 + 1;
        cut(tl, from_ns);
    }
    /* The least that many tasks and objects need may be more: then it is not tried at each note. */
    waits->sweep_at = waits->used > enough ? 2 * waits->used : waits->budget;
}

/* ---- times that are due ---- */

static void set_due(struct timeline *tl)
{
    const struct waits *waits = tl->waits;
    tl->due_ns = waits->check_ns < MODEL_MAX_TIME_NS ? waits->check_ns : MODEL_MAX_TIME_NS + 1;
    if (waits->n_timers && waits->timers[0]->until_ns < tl->due_ns)
        tl->due_ns = waits->timers[0]->until_ns;
}

static void put_timer(struct waits *waits, uint32_t i, struct waiter *w)
{
    waits->timers[i] = w;
    w->timer = i + 1;
}

static void sift_up(struct waits *waits, uint32_t i, struct waiter *w)
{
    for (; i > 0 && waits->timers[(i - 1) / 2]->until_ns > w->until_ns; i = (i - 1) / 2)
        put_timer(waits, i, waits->timers[(i - 1) / 2]);
    put_timer(waits, i, w);
}

static void sift_down(struct waits *waits, uint32_t i, struct waiter *w)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < waits->n_timers &&
            waits->timers[child + 1]->until_ns < waits->timers[child]->until_ns)
            child++;
        if (child >= waits->n_timers || waits->timers[child]->until_ns >= w->until_ns)
            break;
        put_timer(waits, i, waits->timers[child]);
        i = child;
    }
    put_timer(waits, i, w);
}

static void start_timer(struct timeline *tl, struct waiter *w)
{
    struct waits *waits = tl->waits;
    if (waits->n_timers == waits->timers_capacity) {
        waits->timers_capacity = waits->timers_capacity ? 2 * waits->timers_capacity : 16;
        waits->timers = mem_resize(waits->timers, waits->timers_capacity, sizeof(struct waiter *));
    }
    sift_up(waits, waits->n_timers++, w);
    set_due(tl);
}

static void stop_timer(struct timeline *tl, struct waiter *w)
{
    struct waits *waits = tl->waits;
    if (!w->timer)
        return;
    uint32_t i = w->timer - 1;
    struct waiter *last = waits->timers[--waits->n_timers];
    w->timer = 0;
    if (last != w) {
        if (last->until_ns < w->until_ns)
            sift_up(waits, i, last);
        else
            sift_down(waits, i, last);
    }
    set_due(tl);
}

static void check_soon(struct timeline *tl, uint64_t t_ns)
{
    if (tl->waits->check_ns != UINT64_MAX)
        return;
    tl->waits->check_ns = t_ns + CHECK_EVERY_NS;
    set_due(tl);
}

/* ---- lists ---- */

static void list_append(struct waiter_list *list, struct waiter *w)
{
    w->list = list;
    w->next = NULL;
    w->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = w;
    list->last = w;
    list->n++;
}

static void list_prepend(struct waiter_list *list, struct waiter *w)
{
    w->list = list;
    w->previous = NULL;
    w->next = list->first;
    *(list->first ? &list->first->previous : &list->last) = w;
    list->first = w;
    list->n++;
}

static void list_remove(struct waiter *w)
{
    struct waiter_list *list = w->list;
    if (!list)
        return;
    *(w->previous ? &w->previous->next : &list->first) = w->next;
    *(w->next ? &w->next->previous : &list->last) = w->previous;
    list->n--;
    w->list = NULL;
}

/* ---- objects ---- */

static struct number_entry *number_entry(const struct waits *waits, int32_t number)
{
    uint32_t mask = waits->numbers_capacity - 1, i = (uint32_t)number * UINT32_C(2654435769) >> 7 & mask;
    while (waits->numbers[i].place && waits->numbers[i].number != number)
        i = (i + 1) & mask;
    return &waits->numbers[i];
}

static void grow_numbers(struct waits *waits)
{
    struct number_entry *old = waits->numbers;
    uint32_t n_old = waits->numbers_capacity;
    waits->numbers_capacity = n_old ? 2 * n_old : 64;
    waits->numbers = mem_new(waits->numbers_capacity, sizeof *waits->numbers);
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i].place)
            *number_entry(waits, old[i].number) = old[i];
    free(old);
}

uint32_t waits_find_object(const struct waits *waits, int32_t number)
{
    return waits->numbers_capacity ? number_entry(waits, number)->place - 1 : WAITS_NONE;
}

static struct resource *get_resource(const struct waits *waits, uint32_t index)
{
    return index < waits->n_resources ? waits->resources[index] : NULL;
}

/* NULL when there are too many. */
static struct resource *add_resource(struct waits *waits, int32_t number, uint64_t t_ns)
{
    if (waits->n_resources == MAX_RESOURCES)
        return NULL;
    if (waits->n_resources == waits->resources_capacity) {
        waits->resources_capacity = waits->resources_capacity ? 2 * waits->resources_capacity : 16;
        waits->resources = mem_resize(waits->resources, waits->resources_capacity, sizeof(struct resource *));
    }
    if (2 * (waits->n_numbers + 1) > waits->numbers_capacity)
        grow_numbers(waits);
    struct number_entry *entry = number_entry(waits, number);
    waits->n_numbers += entry->place == 0;
    struct resource *r = mem_new(1, sizeof *r);
    *r = (struct resource){
        .number = number, .first_ns = t_ns, .holder = TIMELINE_NO_TASK, .died = TIMELINE_NO_TASK};
    waits->resources[waits->n_resources++] = r;
    *entry = (struct number_entry){number, waits->n_resources};
    return r;
}

/* The object that a note speaks of, made when it is not known; NULL for none. */
static struct resource *resource_of(struct waits *waits, int32_t number, uint64_t t_ns)
{
    if (number < 0)
        return NULL;
    struct resource *r = get_resource(waits, waits_find_object(waits, number));
    return r ? r : add_resource(waits, number, t_ns);
}

static void add_step(struct timeline *tl, struct resource *r, uint64_t t_ns, int64_t value)
{
    struct wait_step *last = r->n_steps ? &r->steps[r->n_steps - 1] : NULL;
    if (last && last->value == value)
        return;
    if (last && last->time_ns >= t_ns) {
        last->value = value;
        return;
    }
    r->steps = room_for_one(tl->waits, r->steps, r->n_steps, &r->steps_capacity, sizeof *r->steps);
    r->steps[r->n_steps++] = (struct wait_step){t_ns, value};
    sweep(tl);
}

static void set_value(struct timeline *tl, struct resource *r, uint64_t t_ns, int64_t value)
{
    r->has_value = true;
    r->value = value;
    add_step(tl, r, t_ns, value);
}

static void set_holder(struct timeline *tl, struct resource *r, uint32_t holder, uint64_t t_ns)
{
    if (!resource_has_holder(r) || r->holder == holder)
        return;
    r->holder = holder;
    r->held_since_ns = t_ns;
    r->holder_waited = false;
    waits_end_alert(tl->waits, &r->alert, t_ns);
    for (struct waiter *w = r->queue.first; w; w = w->next)
        waits_end_alert(tl->waits, &w->alert, t_ns); /* their edges lead elsewhere */
    if (!resource_is(r, OBJECT_COUNTER))
        add_step(tl, r, t_ns, holder == TIMELINE_NO_TASK ? -1 : (int64_t)holder);
}

/* ---- waits ---- */

static struct waiter *waiter_of(struct life *life)
{
    if (!life->waiter) {
        life->waiter = mem_new(1, sizeof *life->waiter);
        life->waiter->life = life;
    }
    return life->waiter;
}

static void keep_record(struct timeline *tl, struct waiter *w, uint64_t t_ns)
{
    struct wait_record record = {.since_ns = w->since_ns,
                                 .end_ns = t_ns,
                                 .until_ns = w->until_ns,
                                 .object = w->object,
                                 .waker = w->waker,
                                 .kind = (uint8_t)w->kind};
    w->records = room_for_one(tl->waits, w->records, w->n_records, &w->records_capacity, sizeof *w->records);
    w->records[w->n_records++] = record;
    sweep(tl);
}

static void end_wait(struct timeline *tl, struct waiter *w, uint64_t t_ns)
{
    if (w->kind == WAIT_NONE)
        return;
    struct resource *r = get_resource(tl->waits, w->object);
    if (r) {
        r->n_waits++;
        r->wait_ns += t_ns - w->since_ns;
        r->max_wait_ns = later(r->max_wait_ns, t_ns - w->since_ns);
    }
    stop_timer(tl, w);
    list_remove(w);
    waits_end_alert(tl->waits, &w->alert, t_ns);
    if (r && r->queue.n == 0 && resource_is_lock(r))
        waits_end_alert(tl->waits, &r->alert, t_ns);
    keep_record(tl, w, t_ns);
    w->kind = WAIT_NONE;
    w->blocked = w->ran = false;
}

static void begin_wait(struct timeline *tl, struct waiter *w, enum wait_kind kind, uint64_t until_ns,
                       uint64_t t_ns)
{
    end_wait(tl, w, t_ns);
    w->kind = kind;
    w->object = WAITS_NONE;
    w->since_ns = t_ns;
    w->until_ns = until_ns;
    w->woken_ns = 0;
    w->waker = TIMELINE_NO_TASK;
    if (until_ns > t_ns)
        start_timer(tl, w);
}

/* Turns a blocked task into a runnable one or back, but where the wake itself is told (EVENT_WAKE): nothing
 * is deduced there. */
static void turn(struct timeline *tl, struct life *life, enum task_state from, enum task_state to,
                 uint64_t t_ns)
{
    if (life->task.state != from || life->task.n_wakes)
        return;
    life->event_ns = later(life->event_ns, t_ns);
    life_set_state(tl, life, to, t_ns);
}

static void wake(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    turn(tl, life, STATE_BLOCKED, STATE_RUNNABLE, later(t_ns, life->task.state_since_ns));
    struct life *carrier = life->carrier;
    if (carrier && carrier->rider == life) { /* it is its thread that slept */
        carrier->task.wakes_known = true;
        turn(tl, carrier, STATE_BLOCKED, STATE_RUNNABLE, later(t_ns, carrier->task.state_since_ns));
    }
}

/* It may go on: if it was blocked, it is runnable from now. */
static void let_go(struct timeline *tl, struct waiter *w, uint32_t waker, uint64_t t_ns)
{
    stop_timer(tl, w);
    list_remove(w);
    w->ran = false;
    w->woken_ns = t_ns;
    w->waker = waker;
    if (w->blocked)
        wake(tl, w->life, t_ns);
}

/* Who runs already because it was let go stands first. Else it is who has slept longest, as futex(2) has it.
 */
static struct waiter *next_to_go(const struct resource *r)
{
    struct waiter *w = r->queue.first;
    if (w && w->ran)
        return w;
    while (w && !w->blocked)
        w = w->next;
    return w ? w : r->queue.first;
}

/* `waker` lets n of those that wait go on. */
static void give(struct timeline *tl, struct resource *r, int32_t n, uint32_t waker, uint64_t t_ns)
{
    for (; n > 0 && r->n_early && t_ns <= r->early_ns + LATE_NS; n--)
        r->n_early--; /* they have gone on */
    r->n_early = 0;
    for (; n > 0 && r->queue.first; n--) {
        struct waiter *w = next_to_go(r);
        let_go(tl, w, waker, t_ns);
        if (w->blocked)
            list_append(&r->given, w);
    }
}

/* w runs, and it was not its turn: real-time tasks go first, and so do those that a lock with priority
 * inheritance prefers. So it was w that was let go, and the one that seemed to be still waits. */
static void trade(struct timeline *tl, struct resource *r, struct waiter *w, uint64_t t_ns)
{
    struct waiter *other = r->given.first;
    uint64_t woken_ns = other->woken_ns;
    list_remove(other);
    list_prepend(&r->queue, other);
    turn(tl, other->life, STATE_RUNNABLE, STATE_BLOCKED, other->blocked_ns);
    let_go(tl, w, other->waker, woken_ns < t_ns ? woken_ns : t_ns);
    other->woken_ns = 0;
    other->waker = TIMELINE_NO_TASK;
    if (other->until_ns > t_ns)
        start_timer(tl, other);
}

void waits_in(struct timeline *tl, struct life *life, uint64_t t_ns, bool stayed)
{
    struct waiter *w = life->waiter;
    struct resource *r = w->kind == WAIT_OBJECT ? get_resource(tl->waits, w->object) : NULL;
    if (r && resource_is_seen(r)) {
        end_wait(tl, w, later(t_ns, w->note_ns));
    } else if (r && w->blocked && w->list == &r->given) {
        list_remove(w);
    } else if (r && w->blocked && w->list && !stayed && r->given.n) {
        trade(tl, r, w, t_ns);
    } else if (r && w->blocked && w->list && !stayed) {
        list_remove(w);
        list_prepend(&r->queue, w);
        w->ran = true;
    }
    w->blocked = false;
}

void waits_out(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    struct waiter *w = life->waiter;
    if (w->kind == WAIT_NONE)
        return;
    life->task.wakes_known = true;
    w->blocked = true;
    w->blocked_ns = t_ns;
    struct resource *r = get_resource(tl->waits, w->object);
    if (!r || (w->list == &r->queue && !w->ran))
        return;
    list_remove(w); /* it came, did not get it, and waits again behind the others */
    list_append(&r->queue, w);
    w->ran = false;
    w->woken_ns = 0;
    w->waker = TIMELINE_NO_TASK;
}

/* ---- notes ---- */

static uint32_t task_of_tid(const struct timeline *tl, int32_t tid)
{
    return tid ? timeline_task_by_tid(tl, tid) : TIMELINE_NO_TASK;
}

/* A part of its name, which begins at the n-th part. */
static void set_name(struct resource *r, const struct event *event, unsigned n)
{
    const size_t at = n * (EVENT_NAME_SIZE - 1);
    if (at + EVENT_NAME_SIZE > sizeof r->name || strnlen(r->name, sizeof r->name) < at)
        return;
    memcpy(r->name + at, event->u.name, EVENT_NAME_SIZE);
    r->name[at + EVENT_NAME_SIZE - 1] = '\0';
}

static void introduce(struct timeline *tl, const struct event *event)
{
    struct waits *waits = tl->waits;
    if (event->tid < 0 || event->detail > OBJECT_JOIN)
        return;
    struct resource *r = get_resource(waits, waits_find_object(waits, event->tid));
    if (event->cpu > 0) {
        if (r)
            set_name(r, event, (unsigned)event->cpu);
        return;
    }
    if (r && r->used && r->kind_known) { /* another run's */
        r->end_ns = event->time_ns;
        waits_end_alert(waits, &r->alert, event->time_ns);
        while (r->queue.first)
            end_wait(tl, r->queue.first, later(event->time_ns, r->queue.first->note_ns));
        while (r->given.first)
            end_wait(tl, r->given.first, later(event->time_ns, r->given.first->note_ns));
        r = NULL;
    }
    if (!r)
        r = add_resource(waits, event->tid, event->time_ns);
    if (!r)
        return;
    r->kind = (enum object_kind)event->detail;
    r->kind_known = true;
    r->has_value = false; /* what was told before was not known for what it is */
    r->n_steps = 0;
    set_name(r, event, 0);
}

static void come_to_barrier(struct timeline *tl, struct resource *r, const struct event *event, uint64_t t_ns)
{
    int64_t n_there = event->u.sync.other;
    set_value(tl, r, t_ns, n_there > r->queue.n ? n_there : r->queue.n);
    if (event->u.sync.until_ns && event->u.sync.until_ns <= INT32_MAX)
        r->n_parties = (unsigned)event->u.sync.until_ns;
}

/* It slept already when that was seen; unless it has run since, or somebody else holds it now. */
static void wants_seen(struct timeline *tl, struct waiter *w, struct resource *r, const struct event *event,
                       uint64_t t_ns)
{
    const struct life *life = w->life;
    if (life->task.state == STATE_RUNNING || (life->task.state == STATE_RUNNABLE && life->switched))
        return;
    set_holder(tl, r, task_of_tid(tl, event->u.sync.other), t_ns);
    if (w->list != &r->queue) {
        begin_wait(tl, w, WAIT_OBJECT, 0, t_ns);
        w->until_ns = event->u.sync.until_ns;
        w->object = waits_find_object(tl->waits, r->number);
        list_append(&r->queue, w);
    }
    check_soon(tl, t_ns);
}

static void wants(struct timeline *tl, struct waiter *w, struct resource *r, const struct event *event,
                  uint64_t t_ns)
{
    bool is_barrier = r && resource_is(r, OBJECT_BARRIER);
    if (r && resource_is_seen(r)) {
        wants_seen(tl, w, r, event, t_ns);
        return;
    }
    begin_wait(tl, w, WAIT_OBJECT, is_barrier ? 0 : event->u.sync.until_ns, t_ns);
    if (!r)
        return;
    w->object = waits_find_object(tl->waits, r->number);
    uint32_t holder = task_of_tid(tl, event->u.sync.other);
    if (holder != TIMELINE_NO_TASK || r->queue.n == 0) /* with no other waiting, who held it is long past */
        set_holder(tl, r, holder, t_ns);
    list_append(&r->queue, w);
    if (is_barrier)
        come_to_barrier(tl, r, event, t_ns);
    else if (resource_is(r, OBJECT_SEM))
        set_value(tl, r, t_ns, 0); /* else it would not wait */
    check_soon(tl, t_ns);
}

static void got(struct timeline *tl, struct life *life, struct resource *r, uint64_t t_ns)
{
    struct waiter *w = life->waiter;
    if (w && w->ran && r && w->list == &r->queue) {
        r->n_early++;
        r->early_ns = t_ns;
    }
    bool waited = w && r && w->kind == WAIT_OBJECT && get_resource(tl->waits, w->object) == r;
    if (w)
        end_wait(tl, w, t_ns);
    if (!r)
        return;
    set_holder(tl, r, life->task.index, t_ns);
    r->holder_waited = r->holder_waited || waited;
}

/* Whether who releases a lock wakes another. glibc (nptl/pthread_mutex_unlock.c) does when the lock's word
 * says that there are sleepers: each of them says so before it sleeps, and who slept and then got the lock
 * says so for the others. Who took it in passing, while one that had been woken was on its way, does not. */
static bool release_wakes(const struct resource *r)
{
    const struct waiter *w = r->queue.first;
    if (r->holder_waited || (w && w->ran))
        return true;
    while (w && !(w->blocked && w->blocked_ns > r->released_ns))
        w = w->next;
    return w != NULL;
}

static void release(struct timeline *tl, struct resource *r, uint32_t giver, int32_t n, uint64_t t_ns)
{
    bool wakes = release_wakes(r);
    set_holder(tl, r, TIMELINE_NO_TASK, t_ns);
    r->released_ns = t_ns;
    if (wakes)
        give(tl, r, n, giver, t_ns);
}

static void gave(struct timeline *tl, struct life *life, struct resource *r, const struct event *event,
                 uint64_t t_ns)
{
    if (resource_is_lock(r)) {
        release(tl, r, life->task.index, event->u.sync.other, t_ns);
        return;
    }
    if (resource_is(r, OBJECT_BARRIER)) {
        set_value(tl, r, t_ns, 0);
        if (event->u.sync.other > 0)
            r->n_parties = (unsigned)event->u.sync.other + 1; /* and who came last */
    }
    give(tl, r, event->u.sync.other, life->task.index, t_ns);
}

static void died(struct timeline *tl, struct life *life, struct resource *r, const struct event *event,
                 uint64_t t_ns)
{
    uint32_t dead = task_of_tid(tl, event->u.sync.other);
    r->died = dead;
    r->died_ns = t_ns;
    got(tl, life, r, t_ns);
}

static void told_value(struct timeline *tl, struct resource *r, const struct event *event)
{
    int64_t n = event->u.sync.value;
    if (resource_is(r, OBJECT_BARRIER))
        r->n_parties = n > 0 && n <= INT32_MAX ? (unsigned)n : 0;
    if (resource_is(r, OBJECT_BARRIER) || resource_is(r, OBJECT_MUTEX) || resource_is(r, OBJECT_JOIN))
        return; /* their steps are something else */
    set_value(tl, r, event->time_ns, event->u.sync.value);
    check_soon(tl, event->time_ns);
}

/* What a task tells of itself. */
static void take_note(struct timeline *tl, const struct event *event, struct life *life, struct resource *r)
{
    struct waiter *w = waiter_of(life);
    uint64_t t_ns = w->note_ns = later(event->time_ns, w->note_ns);
    switch (event->detail) {
    case NOTE_WANTS:
        wants(tl, w, r, event, t_ns);
        break;
    case NOTE_SLEEPS:
        begin_wait(tl, w, WAIT_SLEEP, event->u.sync.until_ns, t_ns);
        break;
    case NOTE_BLOCKS:
        begin_wait(tl, w, WAIT_CALL, event->u.sync.until_ns, t_ns);
        break;
    case NOTE_GOT:
        got(tl, life, r, t_ns);
        break;
    case NOTE_GAVE:
        if (r)
            gave(tl, life, r, event, t_ns);
        break;
    case NOTE_DIED:
        if (r)
            died(tl, life, r, event, t_ns);
        break;
    case NOTE_UNTOLD: /* it runs, so whatever it waited for is over */
        end_wait(tl, w, t_ns);
        break;
    default:
        break;
    }
}

/* The timeline's bound holds for its slices and for this together. */
static void count_memory(struct timeline *tl)
{
    struct waits *waits = tl->waits;
    tl->store.used += waits->used - waits->counted;
    waits->counted = waits->used;
}

static void take_any_note(struct timeline *tl, const struct event *event)
{
    struct life *life = event->tid ? life_of(tl, event->tid, event->time_ns) : NULL;
    struct resource *r = NULL;
    if (event->detail != NOTE_UNTOLD)
        r = resource_of(tl->waits, event->u.sync.object, event->time_ns);
    if (r) {
        r->used = true;
        if (life && life->task.run)
            r->run = life->task.run;
    }
    if (event->detail == NOTE_VALUE && r)
        told_value(tl, r, event);
    else if (life && life->task.state != STATE_GONE)
        take_note(tl, event, life, r);
}

void waits_take(struct timeline *tl, const struct event *event)
{
    if (event->kind == EVENT_OBJECT)
        introduce(tl, event);
    else
        take_any_note(tl, event);
    count_memory(tl);
}

void waits_exit(struct timeline *tl, struct life *life, uint64_t t_ns)
{
    if (life->waiter)
        end_wait(tl, life->waiter, later(t_ns, life->waiter->note_ns));
    for (uint32_t i = 0; i < tl->waits->n_resources; i++) {
        struct resource *r = tl->waits->resources[i];
        if (r->holder == life->task.index && resource_has_holder(r))
            release(tl, r, life->task.index, 1, t_ns); /* by the kernel: get_robust_list(2) */
    }
    count_memory(tl);
}

/* ---- time ---- */

static void check(struct timeline *tl, uint64_t t_ns)
{
    struct waits *waits = tl->waits;
    for (unsigned i = 0; i <= MAX_CHECKS && waits->check_ns <= t_ns; i++) {
        uint64_t at_ns = i < MAX_CHECKS ? waits->check_ns : t_ns;
        waits_check(tl, at_ns);
        waits->check_ns = waits_has_to_check(waits) ? at_ns + CHECK_EVERY_NS : UINT64_MAX;
    }
}

void waits_pass(struct timeline *tl, uint64_t t_ns)
{
    struct waits *waits = tl->waits;
    while (waits->n_timers && waits->timers[0]->until_ns <= t_ns) {
        struct waiter *w = waits->timers[0];
        let_go(tl, w, TIMELINE_NO_TASK, w->until_ns);
    }
    if (waits->check_ns <= t_ns)
        check(tl, t_ns);
    set_due(tl);
}

/* ---- answers ---- */

const struct waits *timeline_waits(const struct timeline *tl)
{
    return tl->waits;
}

unsigned waits_n_objects(const struct waits *waits)
{
    return waits->n_resources;
}

bool waits_object(const struct waits *waits, uint32_t index, struct wait_object *object)
{
    const struct resource *r = get_resource(waits, index);
    if (!r)
        return false;
    *object = (struct wait_object){
        .index = index,
        .number = r->number,
        .kind = r->kind,
        .kind_known = r->kind_known,
        .run = r->run,
        .first_ns = r->first_ns,
        .end_ns = r->end_ns,
        .holder = r->holder,
        .held_since_ns = r->held_since_ns,
        .died = r->died,
        .died_ns = r->died_ns,
        .n_waiting = r->queue.n,
        .has_value = r->has_value,
        .value = r->value,
        .n_parties = r->n_parties,
        .n_waits = r->n_waits,
        .wait_ns = r->wait_ns,
        .max_wait_ns = r->max_wait_ns,
    };
    memcpy(object->name, r->name, sizeof object->name);
    return true;
}

unsigned waits_queue(const struct waits *waits, uint32_t object, uint32_t *tasks, unsigned max)
{
    const struct resource *r = get_resource(waits, object);
    if (!r)
        return 0;
    unsigned n = 0;
    for (const struct waiter *w = r->queue.first; w && n < max; w = w->next)
        tasks[n++] = w->life->task.index;
    return r->queue.n;
}

unsigned waits_steps(const struct waits *waits, uint32_t object, const struct wait_step **steps)
{
    const struct resource *r = get_resource(waits, object);
    *steps = r ? r->steps : NULL;
    return r ? r->n_steps : 0;
}

double waits_growth(const struct waits *waits, uint32_t object, uint64_t from_ns, uint64_t to_ns)
{
    const struct resource *r = get_resource(waits, object);
    if (!r || !r->n_steps || from_ns >= to_ns || r->steps[0].time_ns > from_ns)
        return (double)NAN;
    /* The least-squares slope of v(t): 12 / length^3 times the integral of (t - middle) v(t). */
    double middle = (double)(to_ns - from_ns) / 2, moment = 0;
    for (uint32_t i = 0; i < r->n_steps && r->steps[i].time_ns < to_ns; i++) {
        uint64_t begin_ns = later(r->steps[i].time_ns, from_ns), end_ns = to_ns;
        if (i + 1 < r->n_steps && r->steps[i + 1].time_ns < to_ns)
            end_ns = r->steps[i + 1].time_ns;
        if (end_ns <= begin_ns)
            continue;
        double a = (double)(begin_ns - from_ns) - middle, b = (double)(end_ns - from_ns) - middle;
        moment += (double)r->steps[i].value * (b * b - a * a) / 2;
    }
    double length = 2 * middle;
    return 12 * moment / (length * length * length) * 1e9;
}
