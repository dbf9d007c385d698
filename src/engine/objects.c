/* A set of objects: its memory, its pipes, the tasks that come and go, and what is told of it. */
#include "objects.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE_BYTES 4096 /* of a pipe's buffer; where pages are larger more fits than we count on */

static uint32_t n_objects(const struct program *program)
{
    return program ? program->n_objects : 0;
}

size_t objects_size(const struct program *program)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = sizeof(struct objects) + n_objects(program) * sizeof(struct thing);

    return (size + page - 1) / page * page;
}

/* ---- who uses what ---- */

static bool names(const struct action *action, uint32_t object, enum action_kind kind)
{
    return action->object == object && action->kind == kind;
}

/* Whether an action of the template (PROGRAM_NONE: of any) names the object and is of the sort. */
static bool is_used(const struct program *program, uint32_t template, uint32_t object,
                    bool (*is_sort)(const struct action *, uint32_t))
{
    for (uint32_t t = 0; t < program->n_templates; t++) {
        if (template != PROGRAM_NONE && template != t)
            continue;
        for (unsigned p = 0; p < program->templates[t].n_phases; p++) {
            const struct phase *phase = &program->templates[t].phases[p];
            for (unsigned a = 0; a < phase->n_actions; a++) {
                if (is_sort(&phase->actions[a], object))
                    return true;
            }
        }
    }
    return false;
}

static bool is_barrier_of(const struct action *action, uint32_t object)
{
    return names(action, object, ACTION_BARRIER);
}

static bool is_pipe_of(const struct action *action, uint32_t object)
{
    bool is_message = names(action, object, ACTION_SEND) || names(action, object, ACTION_RECEIVE) ||
                      names(action, object, ACTION_PINGPONG);

    return is_message && action->how == HOW_PIPE;
}

/* ---- pipes ---- */

static void empty_pipe(int fd)
{
    char bytes[PAGE_BYTES];
    int n = 0;

    while (ioctl(fd, FIONREAD, &n) == 0 && n > 0) {
        if (read(fd, bytes, sizeof bytes) <= 0)
            break;
    }
}

/* Messages fill a page after the other, and one is free again only when all of it was read. */
static int64_t room_of(int fd)
{
    int bytes = fcntl(fd, F_GETPIPE_SZ);

    return (bytes - PAGE_BYTES) / (int)sizeof(uint64_t);
}

bool objects_open(struct objects *objects, const struct program *program, struct err *err)
{
    for (uint32_t i = 0; i < n_objects(program); i++) {
        struct thing *thing = &objects->things[i];
        if (program->objects[i].kind != OBJECT_CHANNEL || !is_used(program, PROGRAM_NONE, i, is_pipe_of))
            continue;
        for (int end = 0; end < QUEUE_FILE_ENDS; end += 2) {
            if (pipe2(&thing->pipes[end], O_CLOEXEC) < 0)
                return err_set(err, "cannot open a pipe for %s: %s", program->objects[i].name,
                               strerror(errno));
        }
        thing->pipe_room = room_of(thing->pipes[1]);
    }
    return true;
}

void objects_close(struct objects *objects, const struct program *program)
{
    for (uint32_t i = 0; i < n_objects(program); i++) {
        for (int end = 0; end < QUEUE_FILE_ENDS; end++) {
            if (objects->things[i].pipes[end])
                close(objects->things[i].pipes[end]);
            objects->things[i].pipes[end] = 0;
        }
    }
}

/* ---- a new run ---- */

/* A lock that survives whoever dies with it. */
static void init_lock(pthread_mutex_t *lock, bool inherits)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (inherits)
        pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void init_thing(struct thing *thing, const struct program *program, uint32_t object, unsigned set)
{
    const struct object *described = &program->objects[object];
    int pipes[QUEUE_FILE_ENDS];
    int64_t pipe_room = thing->pipe_room;

    memcpy(pipes, thing->pipes, sizeof pipes);
    memset(thing, 0, sizeof *thing);
    memcpy(thing->pipes, pipes, sizeof pipes);
    thing->pipe_room = pipe_room;
    for (int end = 0; end < QUEUE_FILE_ENDS; end += 2) {
        if (pipes[end])
            empty_pipe(pipes[end]);
    }
    bool is_mutex = described->kind == OBJECT_MUTEX;
    init_lock(&thing->lock, is_mutex && (program->pi_enabled || described->inherits));
    thing->kind = described->kind;
    thing->number = (int32_t)(object + set * EVENT_OBJECT_SET);
    thing->value = described->kind == OBJECT_SEM ? described->value : 0;
    thing->count = described->kind == OBJECT_COUNTER ? described->value : 0;
    thing->expected = thing->count;
}

void objects_init(struct objects *objects, const struct program *program, unsigned set)
{
    memset(objects, 0, sizeof *objects);
    objects->program = program;
    init_lock(&objects->warnings_lock, false);
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++)
        objects->seats[i].partner = QUEUE_NOBODY;
    for (uint32_t i = 0; i < n_objects(program); i++)
        init_thing(&objects->things[i], program, i, set);
}

/* ---- tasks come and go ---- */

void objects_join(struct objects *objects, uint32_t template, unsigned seat)
{
    unsigned n = atomic_load(&objects->n_seats);

    while (n <= seat && !atomic_compare_exchange_weak(&objects->n_seats, &n, seat + 1))
        ;
    for (uint32_t i = 0; i < n_objects(objects->program); i++) {
        struct thing *thing = &objects->things[i];
        if (thing->kind == OBJECT_BARRIER && is_used(objects->program, template, i, is_barrier_of))
            atomic_fetch_add(&thing->n_parties, 1);
    }
}

/* What was given to a task that will not take it goes to the next one. */
static void hand_on(struct objects *objects, struct thing *thing, const struct seat *seat)
{
    switch (thing->kind) {
    case OBJECT_SEM:
        sync_sem_give(objects, thing, NULL);
        break;
    case OBJECT_CONDITION:
        queue_release_first(objects, thing, SIDE_TAKE, NULL, 0);
        break;
    case OBJECT_CHANNEL:
        if (seat->side == SIDE_TAKE)
            channel_give(objects, thing, NULL, seat->value);
        else if (seat->side == SIDE_PUT)
            queue_release_first(objects, thing, SIDE_PUT, NULL, 0);
        break;
    default:
        break;
    }
}

static void leave_queue(struct objects *objects, struct thing *thing, struct seat *seat)
{
    uint32_t word;

    queue_guard(objects, thing);
    word = atomic_load_explicit(&seat->word, memory_order_acquire);
    atomic_store(&seat->word, SEAT_IDLE);
    if (word == SEAT_WAITS)
        atomic_fetch_sub(&thing->n_waiting[seat->side], 1);
    else
        hand_on(objects, thing, seat);
    queue_unguard(thing);
}

static void leave_wait(struct objects *objects, struct seat *seat)
{
    struct thing *thing = &objects->things[atomic_load(&seat->object)];

    uint32_t word = atomic_load(&seat->word);

    if (word == SEAT_IDLE)
        return;
    if (word == SEAT_WAITS || word == SEAT_WOKEN) {
        leave_queue(objects, thing, seat);
        return;
    }
    if (word == SEAT_READS)
        atomic_fetch_add(&thing->value, 1);
    atomic_store(&seat->word, SEAT_IDLE);
    atomic_fetch_sub(&thing->n_waiting[SIDE_TAKE], 1);
}

static void leave_game(struct objects *objects, struct seat *seat)
{
    uint32_t own = (uint32_t)(seat - objects->seats);

    if (seat->partner != QUEUE_NOBODY && objects->seats[seat->partner].partner == own) {
        struct seat *partner = &objects->seats[seat->partner];
        atomic_store(&partner->ball, BALL_OVER);
        wait_wake(&partner->ball);
        if (seat->pipe && write(seat->pipe, "", 1) < 0)
            seat->pipe = 0; /* full: then it has enough to read */
    }
    seat->partner = QUEUE_NOBODY;
}

/* A barrier that waited only for the task that is gone opens. */
static void leave_barrier(struct objects *objects, struct thing *thing)
{
    queue_guard(objects, thing);
    uint32_t n_parties = atomic_fetch_sub(&thing->n_parties, 1) - 1;
    if (queue_length(thing, SIDE_TAKE) >= n_parties)
        queue_release_all(objects, thing, NULL);
    queue_unguard(thing);
}

void objects_leave(struct objects *objects, uint32_t template, unsigned seat)
{
    leave_wait(objects, &objects->seats[seat]);
    leave_game(objects, &objects->seats[seat]);
    for (uint32_t i = 0; i < n_objects(objects->program); i++) {
        struct thing *thing = &objects->things[i];
        bool has_guard = thing->kind != OBJECT_MUTEX && thing->kind != OBJECT_COUNTER;
        if (thing->kind == OBJECT_BARRIER && is_used(objects->program, template, i, is_barrier_of)) {
            leave_barrier(objects, thing);
        } else if (has_guard) {
            /* It may have died with the guard: who takes it then repairs. */
            queue_guard(objects, thing);
            queue_unguard(thing);
        }
    }
    /* Those that were let go above, and those that it had let go and not woken. */
    queue_wake_all(objects);
}

/* ---- what is known ---- */

static uint64_t load64(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static int64_t value_of(const struct thing *thing)
{
    int64_t value = atomic_load_explicit(&thing->value, memory_order_relaxed);

    switch (thing->kind) {
    case OBJECT_COUNTER:
        return __atomic_load_n(&thing->count, __ATOMIC_RELAXED);
    case OBJECT_CHANNEL:
        return (int64_t)(load64(&thing->n_put) - load64(&thing->n_taken)) + (value > 0 ? value : 0);
    default:
        return value;
    }
}

void objects_read(const struct objects *objects, uint32_t object, struct object_state *state)
{
    const struct thing *thing = &objects->things[object];

    *state = (struct object_state){
        .value = value_of(thing),
        .expected = atomic_load_explicit(&thing->expected, memory_order_relaxed),
        .owner_tid = (int)atomic_load_explicit(&thing->owner, memory_order_relaxed),
        .n_parties = atomic_load_explicit(&thing->n_parties, memory_order_relaxed),
        .n_ops = load64(&thing->n_ops),
        .ops_ns = load64(&thing->ops_ns),
        .n_waits = load64(&thing->n_waits),
        .wait_ns = load64(&thing->wait_ns),
        .max_wait_ns = load64(&thing->max_wait_ns),
        .max_held_ns = load64(&thing->max_held_ns),
    };
    for (int side = 0; side < N_SIDES; side++)
        state->n_waiting += queue_length(thing, (enum seat_side)side);
}

void objects_add_created(struct objects *objects, enum task_kind kind, uint64_t n, uint64_t ns)
{
    atomic_fetch_add_explicit(&objects->n_created[kind], n, memory_order_relaxed);
    atomic_fetch_add_explicit(&objects->created_ns[kind], ns, memory_order_relaxed);
}

double objects_created_us(const struct objects *objects, enum task_kind kind)
{
    uint64_t n = load64(&objects->n_created[kind]);

    return n ? (double)load64(&objects->created_ns[kind]) / (double)n / 1000 : (double)NAN;
}

/* ---- warnings ---- */

static bool is_known(const struct objects *objects, uint32_t template, unsigned topic)
{
    for (unsigned i = 0; i < atomic_load(&objects->n_warnings); i++) {
        if (objects->warnings[i].template == template && objects->warnings[i].topic == topic)
            return true;
    }
    return false;
}

void objects_warn(struct objects *objects, uint32_t template, unsigned topic, const char *text)
{
    if (pthread_mutex_lock(&objects->warnings_lock) == EOWNERDEAD)
        pthread_mutex_consistent(&objects->warnings_lock);
    unsigned n = atomic_load(&objects->n_warnings);
    if (n < QUEUE_WARNINGS && !is_known(objects, template, topic)) {
        struct warning *warning = &objects->warnings[n];
        warning->template = template;
        warning->topic = topic;
        snprintf(warning->text, sizeof warning->text, "%s", text);
        atomic_store(&objects->n_warnings, n + 1);
    }
    pthread_mutex_unlock(&objects->warnings_lock);
}

unsigned objects_n_warnings(const struct objects *objects)
{
    return atomic_load(&objects->n_warnings);
}

const char *objects_warning(const struct objects *objects, unsigned i)
{
    return objects->warnings[i].text;
}
