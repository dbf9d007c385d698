/* Tasks that sleep long are looked at, and what they wait for becomes notes. */
#include "locks.h"

#include "../clock.h"
#include "../observe/futex.h"
#include "../observe/symbol.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STILL_NS (300 * NS_PER_MS) /* who sleeps for less is not looked at */

/* Of so many more sleep at any time than can be looked at: then one that used to go on by itself, and never
 * was seen to want a lock, has first to sleep longer than it used to, or for this long. */
#define CROWD       3000u
#define PATIENCE_NS (950 * NS_PER_MS)

#define SCAN_NS (200 * NS_PER_MS) /* each task is attended to so often */
#define STEP_NS (10 * NS_PER_MS)

/* Of the time that passes, looking may take one part in so many; what was not needed is kept up to a bound.
 */
#define LOOK_PART     80
#define LOOK_SPARE_NS (40 * NS_PER_MS)
#define LOOK_TURN_NS  (2 * NS_PER_MS)

/* A wait is looked at again: the holder may have changed, and what was found may have been on its way. */
#define AGAIN_OWNED_NS   (250 * NS_PER_MS)
#define AGAIN_UNOWNED_NS NS_PER_S
#define MOST_DOUBLINGS   5u

#define MAX_OBJECTS 4096u

/* A task that lives, asleep or not. */
struct lock_watch {
    uint32_t task;      /* of the timeline */
    uint32_t object;    /* what was told that it wants, and 1; 0: nothing */
    uint64_t pulse;     /* while it stays, the task has not run */
    uint64_t still_ns;  /* since then */
    uint64_t look_ns;   /* not before */
    uint64_t asleep_ns; /* since when it slept, as it was seen last; 0: it did not */
    uint64_t usual_ns;  /* how long it slept at most, of late, and went on */
    bool wanted;        /* it was seen to want something, once */
    unsigned n_looks;   /* with the same result */
};

struct lock_object {
    bool is_join;
    int pid;        /* 0: in memory that processes share */
    uint64_t image; /* the file that the process executes: by another one, the address is another lock's */
    uint64_t address;
    uint64_t device, inode;
    int owner_tid;
    uint32_t n_waiters;
    uint64_t look_ns; /* one of them looks for all */
};

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void locks_init(struct locks *locks)
{
    *locks = (struct locks){.spare_ns = LOOK_SPARE_NS};
}

void locks_fini(struct locks *locks)
{
    free(locks->watches);
    free(locks->objects);
}

/* ---- notes ---- */

static void tell_end(struct session *s, int tid)
{
    struct event event = {
        .time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_UNTOLD};
    event.u.sync.object = -1;
    notes_add(&s->notes, event);
}

static void tell_wait(struct session *s, int tid, int32_t object, const struct futex_edge *edge)
{
    struct event event = {
        .time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_WANTS};
    event.u.sync.object = object;
    event.u.sync.other = edge->owner_tid;
    event.u.sync.until_ns = edge->is_limited ? EVENT_SOME_TIME : 0;
    notes_add(&s->notes, event);
}

static void introduce(struct session *s, int32_t number, enum object_kind kind, const char *name)
{
    const size_t part = EVENT_NAME_SIZE - 1, length = strlen(name);
    for (size_t n = 0; n == 0 || n * part < length; n++) {
        struct event event = {.time_ns = clock_now_ns(),
                              .tid = number,
                              .cpu = n ? (int16_t)n : -1,
                              .kind = EVENT_OBJECT,
                              .detail = (uint8_t)kind};
        memcpy(event.u.name, name + n * part, strnlen(name + n * part, part));
        notes_add(&s->notes, event);
    }
}

/* ---- objects ---- */

static uint64_t image_of(int pid)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    return stat(path, &st) == 0 ? st.st_ino ^ (uint64_t)st.st_dev << 40 : 0;
}

static struct lock_object describe(const struct task *task, const struct futex_edge *edge)
{
    if (edge->inode)
        return (struct lock_object){.device = edge->device, .inode = edge->inode, .address = edge->offset};
    return (struct lock_object){.is_join = edge->kind == FUTEX_EDGE_JOIN,
                                .pid = task->pid,
                                .image = image_of(task->pid),
                                .address = edge->address};
}

static bool is_same(const struct lock_object *a, const struct lock_object *b)
{
    return a->is_join == b->is_join && a->pid == b->pid && a->image == b->image && a->address == b->address &&
           a->device == b->device && a->inode == b->inode;
}

/* The end of a thread has no name, and comes once: what stood for another one's may stand for it. */
static uint32_t find_object(const struct locks *locks, const struct lock_object *wanted)
{
    uint32_t idle = locks->n_objects;
    for (uint32_t i = 0; i < locks->n_objects; i++) {
        const struct lock_object *o = &locks->objects[i];
        if (is_same(o, wanted))
            return i;
        if (wanted->is_join && o->is_join && !o->n_waiters)
            idle = i;
    }
    return idle;
}

static void add_object(struct session *s, const struct task *task, const struct futex_edge *edge)
{
    struct locks *locks = &s->locks;
    const int32_t number = EVENT_OBJECT_SEEN + (int32_t)locks->n_objects;
    char name[EVENT_OBJECT_NAME_SIZE] = "";
    if (locks->n_objects == locks->objects_capacity) {
        locks->objects_capacity = locks->objects_capacity ? 2 * locks->objects_capacity : 16;
        locks->objects = mem_resize(locks->objects, locks->objects_capacity, sizeof *locks->objects);
    }
    locks->objects[locks->n_objects++] = (struct lock_object){0};
    if (edge->kind == FUTEX_EDGE_MUTEX && !symbol_name(task->pid, edge->address, name, sizeof name))
        snprintf(name, sizeof name, "0x%llx", (unsigned long long)edge->address);
    introduce(s, number, edge->kind == FUTEX_EDGE_JOIN ? OBJECT_JOIN : OBJECT_MUTEX, name);
}

/* Its index, or MAX_OBJECTS when there are too many. */
static uint32_t object_of(struct session *s, const struct task *task, const struct futex_edge *edge)
{
    struct locks *locks = &s->locks;
    const struct lock_object wanted = describe(task, edge);
    uint32_t i = find_object(locks, &wanted);
    if (i == MAX_OBJECTS) {
        if (!locks->overflowed)
            session_warn(s, "more than %u locks were waited for: deadlocks of others are not seen",
                         MAX_OBJECTS);
        locks->overflowed = true;
        return i;
    }
    if (i == locks->n_objects)
        add_object(s, task, edge);
    if (!is_same(&locks->objects[i], &wanted))
        locks->objects[i] = wanted;
    return i;
}

/* ---- waits ---- */

static void forget_wait(struct locks *locks, struct lock_watch *w)
{
    if (w->object)
        locks->objects[w->object - 1].n_waiters--;
    w->object = 0;
    w->n_looks = 0;
}

static void end_wait(struct session *s, struct lock_watch *w, int tid)
{
    if (!w->object)
        return;
    forget_wait(&s->locks, w);
    tell_end(s, tid);
}

static void begin_wait(struct session *s, struct lock_watch *w, const struct task *task,
                       const struct futex_edge *edge, uint64_t now_ns)
{
    const uint32_t object = object_of(s, task, edge);
    if (w->object != object + 1)
        end_wait(s, w, task->tid);
    if (object == MAX_OBJECTS)
        return;
    struct lock_object *o = &s->locks.objects[object];
    if (!w->object || o->owner_tid != edge->owner_tid)
        tell_wait(s, task->tid, EVENT_OBJECT_SEEN + (int32_t)object, edge);
    if (!w->object) {
        s->locks.owner = timeline_task_by_tid(s->timeline, edge->owner_tid);
        o->n_waiters++;
        w->n_looks = 0;
    }
    w->object = object + 1;
    w->wanted = true;
    o->owner_tid = edge->owner_tid;
    o->look_ns = now_ns + AGAIN_OWNED_NS;
}

static uint64_t again_ns(const struct lock_watch *w)
{
    const uint64_t doublings = w->object ? w->n_looks / 2 : 2 * w->n_looks;
    return (w->object ? AGAIN_OWNED_NS : AGAIN_UNOWNED_NS) << at_most(doublings, MOST_DOUBLINGS);
}

static void look(struct session *s, struct lock_watch *w, const struct task *task, uint64_t now_ns)
{
    const struct futex_task looked_at = {task->pid, task->tid};
    struct futex_edge edge;
    struct err err;
    unsigned n;
    const bool may = futex_edges(&looked_at, 1, &edge, &n, &err);
    s->locks.n_refused = may ? 0 : s->locks.n_refused + 1;
    if (s->locks.n_refused > 1 && !s->locks.refused) {
        s->locks.refused = true;
        session_warn(s, "%.150s", err.msg);
    }
    if (n && edge.kind != FUTEX_EDGE_UNKNOWN)
        begin_wait(s, w, task, &edge, now_ns);
    else
        end_wait(s, w, task->tid);
    w->look_ns = now_ns + (may ? again_ns(w) : AGAIN_OWNED_NS << at_most(w->n_looks, MOST_DOUBLINGS));
    w->n_looks++;
}

static uint64_t used_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void look_and_pay(struct session *s, struct lock_watch *w, const struct task *task, uint64_t now_ns)
{
    struct locks *locks = &s->locks;
    const uint64_t begin_ns = locks->used_ns ? locks->used_ns : used_ns();
    look(s, w, task, now_ns);
    locks->used_ns = used_ns();
    const uint64_t taken_ns = locks->used_ns - begin_ns;
    locks->spare_ns -= at_most(locks->spare_ns, taken_ns);
    locks->turn_spare_ns -= at_most(locks->turn_spare_ns, taken_ns);
    locks->n_looks++;
}

/* ---- tasks ---- */

/* As far as is known: of one that was asleep before it was watched, and where no switches are told, only that
 * it did not run. */
static bool is_asleep(const struct task *task)
{
    if (task->n_slices)
        return task->state == STATE_BLOCKED;
    return task->kernel_state == 'S' || task->kernel_state == '\0';
}

static uint64_t asleep_since(const struct lock_watch *w, const struct task *task)
{
    return task->n_slices ? task->state_since_ns : w->still_ns;
}

static uint64_t patience_ns(const struct locks *locks, const struct lock_watch *w)
{
    if (locks->n_watches <= CROWD || w->wanted)
        return STILL_NS;
    const uint64_t longer_ns = at_most(w->usual_ns + w->usual_ns / 32, PATIENCE_NS);
    return longer_ns > STILL_NS ? longer_ns : STILL_NS;
}

/* When it is to be looked at: after it has slept a while; who waits for what another one was seen to wait for
 * just now is not in a hurry. */
static uint64_t due_ns(const struct locks *locks, const struct lock_watch *w)
{
    const uint64_t still_ns = w->asleep_ns + patience_ns(locks, w);
    const uint64_t others_ns = w->object ? locks->objects[w->object - 1].look_ns : 0;
    const uint64_t later_ns = still_ns > others_ns ? still_ns : others_ns;
    return w->look_ns > later_ns ? w->look_ns : later_ns;
}

static bool may_wait(const struct task *task)
{
    return task->role == ROLE_WORKLOAD && task->slot < 0 && task->kind != TASK_GREEN;
}

/* It ran since it was seen last: what was known of its sleep is over, but for how long it was. (Where it
 * slept several times since, that is more than each of them.) */
static void begin_anew(struct session *s, struct lock_watch *w, const struct task *task, uint64_t now_ns)
{
    const uint64_t slept_ns =
        w->asleep_ns && task->state_since_ns > w->asleep_ns ? task->state_since_ns - w->asleep_ns : 0;
    const uint64_t before_ns = w->usual_ns - w->usual_ns / 8;
    end_wait(s, w, task->tid);
    *w = (struct lock_watch){.task = w->task,
                             .pulse = timeline_task_pulse(s->timeline, w->task),
                             .still_ns = now_ns,
                             .usual_ns = slept_ns > before_ns ? slept_ns : before_ns,
                             .wanted = w->wanted};
}

/* False when the task is gone. */
static bool attend(struct session *s, struct lock_watch *w, uint64_t now_ns)
{
    const bool ran = w->pulse != timeline_task_pulse(s->timeline, w->task);
    if (!ran && w->asleep_ns && (now_ns < w->look_ns || !s->locks.turn_spare_ns))
        return true;
    const struct task *task = timeline_task_told(s->timeline, w->task);
    if (task->state == STATE_GONE) {
        forget_wait(&s->locks, w);
        return false;
    }
    if (ran)
        begin_anew(s, w, task, now_ns);
    if (!is_asleep(task) || !may_wait(task)) {
        w->asleep_ns = 0;
        w->still_ns = now_ns;
        return true;
    }
    w->asleep_ns = asleep_since(w, task);
    w->look_ns = due_ns(&s->locks, w);
    if (now_ns >= w->look_ns && s->locks.turn_spare_ns)
        look_and_pay(s, w, task, now_ns);
    return true;
}

/* Who was just found to have what another one waits for has his turn now: where that ends in a circle, it is
 * seen at once. */
static void follow_owners(struct session *s, uint64_t now_ns)
{
    struct locks *locks = &s->locks;
    while (locks->owner != TIMELINE_NO_TASK) {
        const uint32_t owner = locks->owner;
        locks->owner = TIMELINE_NO_TASK;
        for (uint32_t i = 0; i < locks->n_watches; i++) {
            struct lock_watch *w = &locks->watches[i];
            if (w->task != owner || w->object)
                continue;
            w->wanted = true;
            w->look_ns = at_most(w->look_ns, now_ns);
            attend(s, w, now_ns);
        }
    }
}

/* ---- the turn ---- */

static void meet_tasks(struct session *s, uint64_t now_ns)
{
    struct locks *locks = &s->locks;
    for (; locks->n_met < timeline_n_tasks(s->timeline); locks->n_met++) {
        if (locks->n_watches == locks->watches_capacity) {
            locks->watches_capacity = locks->watches_capacity ? 2 * locks->watches_capacity : 64;
            locks->watches = mem_resize(locks->watches, locks->watches_capacity, sizeof *locks->watches);
        }
        locks->watches[locks->n_watches++] = (struct lock_watch){.task = locks->n_met, .still_ns = now_ns};
    }
}

void locks_step(struct session *s, uint64_t now_ns)
{
    struct locks *locks = &s->locks;
    const uint64_t passed_ns = locks->step_ns ? now_ns - locks->step_ns : SCAN_NS;
    if (passed_ns < STEP_NS)
        return;
    locks->step_ns = now_ns;
    locks->spare_ns = at_most(locks->spare_ns + passed_ns / LOOK_PART, LOOK_SPARE_NS);
    locks->turn_spare_ns = at_most(locks->spare_ns, LOOK_TURN_NS);
    locks->used_ns = 0;
    locks->owner = TIMELINE_NO_TASK;
    meet_tasks(s, now_ns);
    const uint64_t share = at_most(passed_ns, SCAN_NS) * locks->n_watches / SCAN_NS + 1;
    for (uint64_t n = at_most(locks->n_watches, share); n > 0; n--) {
        if (locks->next >= locks->n_watches)
            locks->next = 0;
        struct lock_watch *w = &locks->watches[locks->next];
        if (attend(s, w, now_ns))
            locks->next++;
        else
            *w = locks->watches[--locks->n_watches];
        follow_owners(s, now_ns);
    }
}
