/* Why a task does not run at an instant, and that as a line. */
#include "../clock.h"
#include "waits_model.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>

/* ---- looking back ---- */

/* What the task waited for at t_ns; false when it told of nothing. */
static bool find_wait(const struct timeline *tl, uint32_t task, uint64_t t_ns, struct wait_record *found)
{
    const struct waiter *w = waits_waiter(tl, task);
    if (!w)
        return false;
    if (w->kind != WAIT_NONE && t_ns >= w->since_ns) {
        *found = (struct wait_record){.since_ns = w->since_ns,
                                      .until_ns = w->until_ns,
                                      .object = w->object,
                                      .waker = w->waker,
                                      .kind = (uint8_t)w->kind};
        return true;
    }
    uint32_t low = 0, high = w->n_records;
    while (low < high) { /* the first that ended after t_ns */
        uint32_t middle = low + (high - low) / 2;
        if (w->records[middle].end_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == w->n_records || w->records[low].since_ns > t_ns)
        return false;
    *found = w->records[low];
    return true;
}

/* The step that held at t_ns, or NULL. */
static const struct wait_step *find_step(const struct resource *r, uint64_t t_ns)
{
    uint32_t low = 0, high = r->n_steps;
    while (low < high) { /* the first after t_ns */
        uint32_t middle = low + (high - low) / 2;
        if (r->steps[middle].time_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &r->steps[low - 1] : NULL;
}

static void look_at_object(const struct resource *r, uint64_t t_ns, struct wait_reason *reason)
{
    const struct wait_step *step = find_step(r, t_ns);
    reason->n_parties = r->n_parties;
    if (resource_is(r, OBJECT_MUTEX) || resource_is(r, OBJECT_JOIN)) {
        if (step && step->value >= 0) {
            reason->holder = (uint32_t)step->value;
            reason->held_since_ns = step->time_ns;
        }
        return;
    }
    if (resource_is(r, OBJECT_COUNTER) && r->held_since_ns <= t_ns) {
        reason->holder = r->holder;
        reason->held_since_ns = r->held_since_ns;
    }
    reason->value = step ? step->value : 0;
}

static void look_at_wait(const struct timeline *tl, const struct wait_record *wait, uint64_t t_ns,
                         struct wait_reason *reason)
{
    reason->kind = (enum wait_kind)wait->kind;
    reason->object = wait->object;
    reason->since_ns = wait->since_ns;
    reason->until_ns = wait->until_ns;
    reason->end_ns = wait->end_ns;
    if (wait->object < tl->waits->n_resources)
        look_at_object(tl->waits->resources[wait->object], t_ns, reason);
}

/* ---- the queue for a CPU ---- */

/* The CPU that a task was on last before t_ns. */
static int cpu_before(const struct timeline *tl, uint32_t task, uint64_t t_ns)
{
    struct slice slice;
    if (t_ns >= tl->now_ns)
        return tl->lives[task]->task.last_cpu;
    return timeline_task_slice(tl, task, t_ns, -1, &slice) ? slice.cpu : -1;
}

/* Whether it stands before one that has been runnable for that CPU, or on that thread, since since_ns. */
static bool is_ahead(const struct timeline *tl, const struct task *other, const struct wait_reason *reason,
                     uint64_t t_ns)
{
    uint64_t since_ns, until_ns;
    int cpu;
    switch (timeline_task_at(tl, other->index, t_ns, &since_ns, &until_ns, &cpu)) {
    case STATE_RUNNING:
        return reason->green || cpu == reason->cpu;
    case STATE_RUNNABLE:
        return since_ns < reason->since_ns &&
               (reason->green || cpu_before(tl, other->index, t_ns) == reason->cpu);
    default:
        return false;
    }
}

static void look_at_queue(const struct timeline *tl, uint32_t task, uint64_t t_ns, struct wait_reason *reason)
{
    const struct task *self = &tl->lives[task]->task;
    reason->green = self->kind == TASK_GREEN;
    reason->cpu = cpu_before(tl, task, t_ns);
    if (reason->cpu < 0 && !reason->green)
        return;
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        const struct task *other = &tl->lives[i]->task;
        if (i == task || (other->kind == TASK_GREEN) != reason->green ||
            (reason->green && other->pid != self->pid))
            continue;
        reason->n_ahead += is_ahead(tl, other, reason, t_ns);
    }
}

/* Who woke it for the wait that began at since_ns, if that is its last wake. */
static uint32_t waker_of(const struct life *life, uint64_t since_ns, uint64_t t_ns)
{
    bool last = life->task.n_wakes > 0 && life->woken_ns >= since_ns && life->woken_ns <= t_ns;
    return last ? life->task.last_waker : TIMELINE_NO_TASK;
}

void waits_reason(const struct timeline *tl, uint32_t task, uint64_t t_ns, struct wait_reason *reason)
{
    uint64_t since_ns, until_ns;
    int cpu;
    struct wait_record wait = {.waker = TIMELINE_NO_TASK};
    *reason = (struct wait_reason){
        .object = WAITS_NONE, .holder = TIMELINE_NO_TASK, .waker = TIMELINE_NO_TASK, .cpu = -1};
    if (task >= tl->n_lives)
        return;
    enum task_state state = timeline_task_at(tl, task, t_ns, &since_ns, &until_ns, &cpu);
    bool told = find_wait(tl, task, t_ns, &wait);
    bool unseen = state == STATE_UNKNOWN && !tl->lives[task]->switched; /* its notes are all that there is */
    if (state == STATE_BLOCKED || (unseen && told)) {
        reason->kind = WAIT_UNTOLD;
        reason->since_ns = since_ns;
        if (told)
            look_at_wait(tl, &wait, t_ns, reason);
    } else if (state == STATE_RUNNABLE) {
        reason->kind = WAIT_CPU;
        reason->since_ns = since_ns;
        reason->waker = told ? wait.waker : waker_of(tl->lives[task], since_ns, t_ns);
        look_at_queue(tl, task, t_ns, reason);
    }
    if (state != STATE_UNKNOWN && until_ns < tl->now_ns && (!reason->end_ns || reason->end_ns > until_ns))
        reason->end_ns = until_ns;
}

/* ---- text ---- */

/* Where threads take their maker's name, the first ones share it already. */
static bool shares_name(const struct timeline *tl, const struct task *task)
{
    for (uint32_t i = 0; i < tl->n_lives; i++) {
        const struct task *other = &tl->lives[i]->task;
        if (other != task && other->slot < 0 && other->role == ROLE_WORKLOAD && !other->exited &&
            strcmp(other->name, task->name) == 0)
            return true;
    }
    return false;
}

char *waits_task_name(const struct timeline *tl, uint32_t task, char buf[WAITS_NAME_SIZE])
{
    const struct task *t = task < tl->n_lives ? &tl->lives[task]->task : NULL;
    if (!t)
        snprintf(buf, WAITS_NAME_SIZE, "an unknown task");
    else if (t->name[0] && t->slot < 0 && t->role == ROLE_WORKLOAD && shares_name(tl, t))
        snprintf(buf, WAITS_NAME_SIZE, "%s/%d", t->name, t->tid);
    else if (t->name[0])
        snprintf(buf, WAITS_NAME_SIZE, "%s", t->name);
    else
        snprintf(buf, WAITS_NAME_SIZE, "task %d", t->tid);
    return buf;
}

char *waits_object_name(const struct resource *r, char buf[WAITS_OBJECT_SIZE])
{
    static const char *const kinds[] = {
        [OBJECT_MUTEX] = "mutex",     [OBJECT_CONDITION] = "condition", [OBJECT_BARRIER] = "barrier",
        [OBJECT_SEM] = "semaphore",   [OBJECT_TIMER] = "timer",         [OBJECT_SUSPEND] = "suspend point",
        [OBJECT_COUNTER] = "counter", [OBJECT_CHANNEL] = "channel",
    };
    if (resource_is(r, OBJECT_JOIN))
        snprintf(buf, WAITS_OBJECT_SIZE, "a thread's end");
    else if (r->kind_known)
        snprintf(buf, WAITS_OBJECT_SIZE, "%s %s", kinds[r->kind], r->name);
    else
        snprintf(buf, WAITS_OBJECT_SIZE, "object %d", r->number);
    return buf;
}

/* Three digits and a unit: "12.3 ms". */
static char *duration(uint64_t ns, char *buf, size_t size)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "us"}, {1, "ns"}};
    unsigned i = 0;
    while (i < 3 && ns < units[i].ns)
        i++;
    double value = (double)ns / (double)units[i].ns;
    int decimals = i == 3 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    const char *unit = units[i].name;
    if (i == 2 && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        unit = "µs";
    int n = snprintf(buf, size, "%.*f", decimals, value);
    if (decimals) /* 12.0 is 12 */
        n -= (int)strspn(buf + n - decimals, "0") == decimals ? decimals + 1 : 0;
    snprintf(buf + n, size - (size_t)n, " %s", unit);
    return buf;
}

/* A task that waits for an object. */
static void tell_object(const struct timeline *tl, const struct wait_reason *reason, uint64_t t_ns, char *buf,
                        size_t size)
{
    char object[WAITS_OBJECT_SIZE] = "an object", holder[WAITS_NAME_SIZE], time[32];
    const struct resource *r =
        reason->object < tl->waits->n_resources ? tl->waits->resources[reason->object] : NULL;
    if (r)
        waits_object_name(r, object);
    if (!r || !r->kind_known) {
        snprintf(buf, size, "waits for %s", object);
        return;
    }
    switch (r->kind) {
    case OBJECT_MUTEX:
    case OBJECT_COUNTER:
        if (reason->holder == TIMELINE_NO_TASK)
            snprintf(buf, size, "blocked: wants %s", object);
        else
            snprintf(buf, size, "blocked: wants %s, held by %s for %s", object,
                     waits_task_name(tl, reason->holder, holder),
                     duration(t_ns - reason->held_since_ns, time, sizeof time));
        break;
    case OBJECT_JOIN:
        snprintf(buf, size, "waits for the end of %s",
                 reason->holder == TIMELINE_NO_TASK ? "a thread"
                                                    : waits_task_name(tl, reason->holder, holder));
        break;
    case OBJECT_CONDITION:
        snprintf(buf, size, "waits for a signal on %s", object);
        break;
    case OBJECT_BARRIER:
        if (reason->n_parties)
            snprintf(buf, size, "waits at barrier %lld of %u", (long long)reason->value, reason->n_parties);
        else
            snprintf(buf, size, "waits at barrier, %lld there", (long long)reason->value);
        break;
    case OBJECT_SEM:
        snprintf(buf, size, "waits for %s (%lld)", object, (long long)reason->value);
        break;
    case OBJECT_CHANNEL:
        snprintf(buf, size, reason->value > 0 ? "waits for room on %s" : "waits for a message on %s", object);
        break;
    case OBJECT_SUSPEND:
        snprintf(buf, size, "suspended");
        break;
    case OBJECT_TIMER:
        if (reason->until_ns > t_ns)
            snprintf(buf, size, "waits for %s until +%s", object,
                     duration(reason->until_ns - t_ns, time, sizeof time));
        else
            snprintf(buf, size, "waits for %s", object);
        break;
    }
}

char *waits_text(const struct timeline *tl, uint32_t task, uint64_t t_ns, char *buf, size_t size)
{
    struct wait_reason reason;
    char time[32];
    waits_reason(tl, task, t_ns, &reason);
    switch (reason.kind) {
    case WAIT_NONE:
        snprintf(buf, size, "%s", "");
        break;
    case WAIT_CPU:
        if (reason.n_ahead)
            snprintf(buf, size, "runnable, %u ahead on this %s", reason.n_ahead,
                     reason.green ? "thread" : "core");
        else
            snprintf(buf, size, "runnable");
        break;
    case WAIT_OBJECT:
        tell_object(tl, &reason, t_ns, buf, size);
        break;
    case WAIT_SLEEP:
        if (reason.until_ns > t_ns)
            snprintf(buf, size, "sleeps until +%s", duration(reason.until_ns - t_ns, time, sizeof time));
        else
            snprintf(buf, size, "sleeps");
        break;
    case WAIT_CALL:
        snprintf(buf, size, "blocked in a system call");
        break;
    case WAIT_UNTOLD:
        snprintf(buf, size, "blocked");
        break;
    }
    return buf;
}
