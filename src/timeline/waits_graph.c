/* Who waits for whom: cycles in that, and what else is worth an alert. */
#include "waits.h"

#include "../err.h"
#include "waits_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ALERTS 4096u

#define MAX_NAMED 5u /* tasks of a longer cycle that its text names */

/* A queue is looked at in so many parts of its time. */
#define N_PARTS 5u

/* ---- edges ---- */

/* What a task waits for without end and somebody has, or NULL. */
static struct resource *wanted_lock(const struct timeline *tl, uint32_t task)
{
    const struct waiter *w = waits_waiter(tl, task);
    if (!w || w->kind != WAIT_OBJECT || w->object == WAITS_NONE || !w->list || w->until_ns)
        return NULL;
    struct resource *r = tl->waits->resources[w->object];
    return resource_has_holder(r) && w->list == &r->queue && r->holder != TIMELINE_NO_TASK ? r : NULL;
}

unsigned waits_edges(const struct waits *waits, struct wait_edge *edges, unsigned max)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        const struct resource *r = waits->resources[i];
        if (!resource_has_holder(r) || r->holder == TIMELINE_NO_TASK)
            continue;
        for (const struct waiter *w = r->queue.first; w; w = w->next) {
            if (n < max)
                edges[n] = (struct wait_edge){w->life->task.index, r->holder, i};
            n++;
        }
    }
    return n;
}

/* ---- alerts ---- */

static struct alert *find_alert(const struct waits *waits, uint32_t number)
{
    return number - 1 - waits->first_alert < waits->n_alerts
               ? &waits->alerts[number - 1 - waits->first_alert].alert
               : NULL;
}

void waits_end_alert(struct waits *waits, uint32_t *number, uint64_t t_ns)
{
    struct alert *alert = *number ? find_alert(waits, *number) : NULL;
    if (alert && !alert->ended_ns)
        alert->ended_ns = t_ns;
    *number = 0;
}

static bool lasts(const struct waits *waits, uint32_t number)
{
    const struct alert *alert = number ? find_alert(waits, number) : NULL;
    return alert && !alert->ended_ns;
}

static void forget_half(struct waits *waits)
{
    uint32_t n = waits->n_alerts / 2;
    for (uint32_t i = 0; i < n; i++)
        free(waits->alerts[i].nodes);
    waits->n_alerts -= n;
    waits->first_alert += n;
    memmove(waits->alerts, waits->alerts + n, waits->n_alerts * sizeof *waits->alerts);
}

/* Its tasks and objects are for the caller to fill in. Returns its number and 1. */
static uint32_t raise_alert(struct waits *waits, const struct alert *alert, uint32_t **tasks,
                            uint32_t **objects)
{
    if (waits->n_alerts == MAX_ALERTS)
        forget_half(waits);
    if (waits->n_alerts == waits->alerts_capacity) {
        waits->alerts_capacity = waits->alerts_capacity ? 2 * waits->alerts_capacity : 4;
        waits->alerts = mem_resize(waits->alerts, waits->alerts_capacity, sizeof *waits->alerts);
    }
    uint32_t *nodes = mem_new(2ul * alert->n, sizeof *nodes);
    struct alert_entry *entry = &waits->alerts[waits->n_alerts++];
    entry->alert = *alert;
    entry->alert.tasks = *tasks = nodes;
    entry->alert.objects = *objects = nodes + alert->n;
    entry->nodes = nodes;
    return waits->first_alert + waits->n_alerts;
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* ---- deadlocks ---- */

static void tell_deadlock(const struct timeline *tl, struct alert *alert)
{
    char task[WAITS_NAME_SIZE], holder[WAITS_NAME_SIZE], object[WAITS_OBJECT_SIZE];
    char *text = alert->text;
    const size_t size = sizeof alert->text;
    if (alert->n == 1) {
        snprintf(text, size, "deadlock: %s wants %s, which it holds itself",
                 waits_task_name(tl, alert->tasks[0], task),
                 waits_object_name(tl->waits->resources[alert->objects[0]], object));
        return;
    }
    if (alert->n > MAX_NAMED)
        snprintf(text, size, "deadlock of %u tasks: ", alert->n);
    else
        snprintf(text, size, "deadlock: ");
    append(text, size, "%s ", waits_task_name(tl, alert->tasks[0], task));
    for (unsigned i = 0; i < alert->n; i++) {
        const struct resource *r = tl->waits->resources[alert->objects[i]];
        bool last = i + 1 == alert->n;
        if (alert->n > MAX_NAMED && i == MAX_NAMED - 2) {
            append(text, size, "wants ..., who ");
            i = alert->n - 2;
            continue;
        }
        waits_task_name(tl, alert->tasks[last ? 0 : i + 1], holder);
        if (resource_is(r, OBJECT_JOIN))
            append(text, size, "waits for the end of %s", holder);
        else
            append(text, size, "wants %s, held by %s", waits_object_name(r, object), holder);
        append(text, size, last ? "" : ", who ");
    }
}

/* The instant at which the last edge of the cycle that holds `task` came to be, and how long the cycle is. */
static uint64_t cycle_since(const struct timeline *tl, uint32_t task, unsigned *n)
{
    uint64_t since_ns = 0;
    uint32_t at = task;
    *n = 0;
    do {
        const struct resource *r = wanted_lock(tl, at);
        const struct waiter *w = waits_waiter(tl, at);
        uint64_t edge_ns = w->since_ns > r->held_since_ns ? w->since_ns : r->held_since_ns;
        since_ns = edge_ns > since_ns ? edge_ns : since_ns;
        at = r->holder;
        ++*n;
    } while (at != task);
    return since_ns;
}

static uint32_t first_of_cycle(const struct timeline *tl, uint32_t task)
{
    uint32_t first = task;
    for (uint32_t at = wanted_lock(tl, task)->holder; at != task; at = wanted_lock(tl, at)->holder)
        first = at < first ? at : first;
    return first;
}

static void take_cycle(struct timeline *tl, uint32_t task, uint64_t t_ns)
{
    unsigned n = 0;
    uint64_t since_ns = cycle_since(tl, task, &n);
    if (t_ns < since_ns + WAITS_DEADLOCK_NS || lasts(tl->waits, waits_waiter(tl, task)->alert))
        return;
    struct alert alert = {
        .kind = ALERT_DEADLOCK, .since_ns = since_ns, .time_ns = since_ns + WAITS_DEADLOCK_NS, .n = n};
    uint32_t *tasks, *objects;
    uint32_t number = raise_alert(tl->waits, &alert, &tasks, &objects);
    uint32_t at = first_of_cycle(tl, task);
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = at;
        objects[i] = waits_waiter(tl, at)->object;
        waits_waiter(tl, at)->alert = number;
        at = wanted_lock(tl, at)->holder;
    }
    tell_deadlock(tl, find_alert(tl->waits, number));
}

/* Follows the edges from a task, as nobody did since walk number `from`; each task is passed once in all
 * walks. */
static void walk(struct timeline *tl, uint32_t task, uint64_t from, uint64_t t_ns)
{
    uint64_t number = ++tl->waits->n_walks;
    uint32_t at = task;
    const struct resource *r;
    while ((r = wanted_lock(tl, at)) && waits_waiter(tl, at)->walk <= from) {
        waits_waiter(tl, at)->walk = number;
        waits_waiter(tl, at)->doomed = false;
        at = r->holder;
    }
    bool cycle = r && waits_waiter(tl, at)->walk == number;
    if (cycle)
        take_cycle(tl, at, t_ns);
    if (!cycle && !(r && waits_waiter(tl, at)->doomed))
        return;
    for (at = task; !waits_waiter(tl, at)->doomed; at = wanted_lock(tl, at)->holder)
        waits_waiter(tl, at)->doomed = true;
}

static void check_deadlocks(struct timeline *tl, uint64_t t_ns)
{
    struct waits *waits = tl->waits;
    uint64_t from = waits->n_walks;
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        const struct resource *r = waits->resources[i];
        for (const struct waiter *w = resource_has_holder(r) ? r->queue.first : NULL; w; w = w->next)
            if (w->walk <= from)
                walk(tl, w->life->task.index, from, t_ns);
    }
}

/* ---- locks held long ---- */

/* Who is in a deadlock, or behind one, holds what it holds because of that. */
static bool is_doomed(const struct timeline *tl, uint32_t task)
{
    return wanted_lock(tl, task) && waits_waiter(tl, task)->doomed;
}

static void check_held(struct timeline *tl, struct resource *r, uint32_t index, uint64_t t_ns)
{
    struct waits *waits = tl->waits;
    bool held = r->queue.n && r->holder != TIMELINE_NO_TASK && !is_doomed(tl, r->holder);
    if (!held) {
        waits_end_alert(waits, &r->alert, t_ns);
        return;
    }
    uint64_t since_ns = r->queue.first->since_ns, time_ns = r->held_since_ns + WAITS_HELD_NS;
    if (t_ns < time_ns || lasts(waits, r->alert))
        return;
    struct alert alert = {.kind = ALERT_HELD_LONG,
                          .since_ns = r->held_since_ns,
                          .time_ns = time_ns > since_ns ? time_ns : since_ns,
                          .n = 1};
    char holder[WAITS_NAME_SIZE], task[WAITS_NAME_SIZE], object[WAITS_OBJECT_SIZE];
    snprintf(alert.text, sizeof alert.text, "%s has held %s for more than a second, while ",
             waits_task_name(tl, r->holder, holder), waits_object_name(r, object));
    if (r->queue.n == 1)
        append(alert.text, sizeof alert.text, "%s waits",
               waits_task_name(tl, r->queue.first->life->task.index, task));
    else
        append(alert.text, sizeof alert.text, "%u tasks wait", r->queue.n);
    uint32_t *tasks, *objects;
    r->alert = raise_alert(waits, &alert, &tasks, &objects);
    tasks[0] = r->holder;
    objects[0] = index;
}

/* ---- queues that only grow ---- */

struct part {
    double mean;
    int64_t least, most;
};

/* The value's mean, least and most in each part of the time before t_ns; false when it is not known
 * for so long. */
static bool look_back(const struct resource *r, uint64_t t_ns, struct part parts[N_PARTS])
{
    const uint64_t part_ns = WAITS_GROWS_NS / N_PARTS;
    if (!r->n_steps || t_ns < WAITS_GROWS_NS || r->steps[0].time_ns > t_ns - WAITS_GROWS_NS)
        return false;
    uint64_t end_ns = t_ns; /* of the step that is looked at */
    uint32_t i = r->n_steps - 1;
    while (r->steps[i].time_ns >= t_ns && i > 0)
        i--;
    for (unsigned k = N_PARTS; k-- > 0;) {
        uint64_t begin_ns = t_ns - (N_PARTS - k) * part_ns;
        parts[k] = (struct part){0, INT64_MAX, INT64_MIN};
        for (;; i--) {
            uint64_t from_ns = r->steps[i].time_ns > begin_ns ? r->steps[i].time_ns : begin_ns;
            parts[k].mean += (double)r->steps[i].value * (double)(end_ns - from_ns) / (double)part_ns;
            if (r->steps[i].value < parts[k].least && end_ns > from_ns)
                parts[k].least = r->steps[i].value;
            if (r->steps[i].value > parts[k].most && end_ns > from_ns)
                parts[k].most = r->steps[i].value;
            end_ns = from_ns;
            if (r->steps[i].time_ns <= begin_ns)
                break;
        }
    }
    return true;
}

/* It is more in each part than in the one before, by no less than a quarter of what it grows on the average
 * (a queue that has come to rest goes up and down too), and in all by more than its ups and downs. */
static bool only_grows(const struct part parts[N_PARTS])
{
    double average = (parts[N_PARTS - 1].mean - parts[0].mean) / (N_PARTS - 1);
    for (unsigned i = 1; i < N_PARTS; i++)
        if (parts[i].mean - parts[i - 1].mean < average / 4 || parts[i].least < parts[i - 1].least)
            return false;
    return parts[N_PARTS - 1].least > parts[0].most;
}

static void check_queue(struct timeline *tl, struct resource *r, uint32_t index, uint64_t t_ns)
{
    struct part parts[N_PARTS];
    bool known = r->has_value && look_back(r, t_ns, parts);
    if (lasts(tl->waits, r->alert)) {
        if (!known || parts[N_PARTS - 1].mean <= parts[N_PARTS - 2].mean)
            waits_end_alert(tl->waits, &r->alert, t_ns);
        return;
    }
    if (!known || !only_grows(parts))
        return;
    struct alert alert = {.kind = ALERT_QUEUE_GROWS,
                          .since_ns = t_ns - WAITS_GROWS_NS,
                          .time_ns = t_ns,
                          .n = 1,
                          .rate = waits_growth(tl->waits, index, t_ns - WAITS_GROWS_NS, t_ns)};
    char object[WAITS_OBJECT_SIZE];
    snprintf(alert.text, sizeof alert.text, "%s only grows: %.*f more a second, %lld now",
             waits_object_name(r, object), alert.rate < 10 ? 2 : 0, alert.rate, (long long)r->value);
    uint32_t *tasks, *objects;
    r->alert = raise_alert(tl->waits, &alert, &tasks, &objects);
    tasks[0] = TIMELINE_NO_TASK;
    objects[0] = index;
}

/* ---- all of them ---- */

void waits_check(struct timeline *tl, uint64_t t_ns)
{
    struct waits *waits = tl->waits;
    check_deadlocks(tl, t_ns);
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        struct resource *r = waits->resources[i];
        if (r->end_ns)
            continue;
        if (resource_is_lock(r))
            check_held(tl, r, i, t_ns);
        else if (resource_is_queue(r))
            check_queue(tl, r, i, t_ns);
    }
}

bool waits_has_to_check(const struct waits *waits)
{
    for (uint32_t i = 0; i < waits->n_resources; i++) {
        const struct resource *r = waits->resources[i];
        bool open =
            !r->end_ns && ((resource_has_holder(r) && r->queue.n) || (resource_is_queue(r) && r->value > 0));
        if (open || lasts(waits, r->alert))
            return true;
    }
    return false;
}

unsigned waits_n_alerts(const struct waits *waits)
{
    return waits->n_alerts;
}

const struct alert *waits_alert(const struct waits *waits, unsigned i)
{
    return i < waits->n_alerts ? &waits->alerts[i].alert : NULL;
}
