/* Actions: what they do, and how each looks at the stop flag on its way. */
#include "act.h"
#include "../clock.h"
#include "attributes.h"
#include "channel.h"
#include "counter.h"
#include "create.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RUNTIME_UNITS 32              /* of work between two looks at the clock: about 8 us */
#define MEM_PIECE     ((size_t)16384) /* bytes between two looks at the stop flag */

/* Topics of warnings, after those of attributes.h. */
enum topic { TOPIC_IO = N_ATTRIBUTES, TOPIC_FORK, TOPIC_CREATE, TOPIC_MEMORY };

static bool is_stopped(const struct player *player)
{
    return wait_is_stopped(&player->waiter);
}

/* ---- memory ---- */

/* At least so much; false where there is not so much. */
static bool want_memory(struct player *player, size_t bytes)
{
    if (player->memory_bytes >= bytes)
        return true;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        play_warn(player, TOPIC_MEMORY, "not enough memory for its buffer; what needs it is left out");
        return false;
    }
    if (player->memory)
        munmap(player->memory, player->memory_bytes);
    player->memory = memory;
    player->memory_bytes = bytes;
    return true;
}

static void act_mem(struct player *player, const struct action *action)
{
    size_t size = player->program->mem_buffer_bytes, at = 0;

    if (size == 0 || !want_memory(player, size))
        return;
    for (uint64_t left = action->amount; left > 0 && !is_stopped(player);) {
        size_t n = MEM_PIECE;
        if (n > left)
            n = (size_t)left;
        if (n > size - at)
            n = size - at;
        memset(player->memory + at, 0, n);
        at = (at + n) % size;
        left -= n;
        play_look(player);
    }
}

static bool open_device(struct player *player)
{
    const char *path = player->program->io_device ? player->program->io_device : "/dev/null";
    char text[200];

    if (player->io_fd < 0)
        player->io_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (player->io_fd < 0) {
        snprintf(text, sizeof text, "cannot write to %.100s (%s); iorun is left out", path, strerror(errno));
        play_warn(player, TOPIC_IO, text);
    }
    return player->io_fd >= 0;
}

static void act_iorun(struct player *player, const struct action *action)
{
    size_t size = player->program->mem_buffer_bytes;

    if (size == 0 || !want_memory(player, size) || !open_device(player))
        return;
    for (uint64_t left = action->amount; left > 0 && !is_stopped(player);) {
        wait_enter(&player->waiter);
        ssize_t n = write(player->io_fd, player->memory, left < size ? (size_t)left : size);
        int error = errno;
        wait_leave(&player->waiter);
        if (n < 0 && error != EINTR) {
            char text[200];
            snprintf(text, sizeof text, "writing failed (%s); iorun is left out", strerror(error));
            play_warn(player, TOPIC_IO, text);
            return;
        }
        left -= n > 0 ? (uint64_t)n : 0;
    }
}

/* ---- time ---- */

static void act_run(const struct player *player, const struct action *action)
{
    uint64_t n = shared_units_of(action->amount, player->shared->unit_ps);
    uint64_t done = atomic_load_explicit(&player->slot->units, memory_order_relaxed);
    uint64_t left = player->slot->order.n_units - done;

    worker_loop(player->slot, player->watch, n < left ? n : left);
}

static void act_runtime(const struct player *player, const struct action *action)
{
    uint64_t end_ns = clock_now_ns() + action->amount;

    do {
        worker_loop(player->slot, player->watch, RUNTIME_UNITS);
    } while (clock_now_ns() < end_ns && !is_stopped(player));
}

void act_sleep_until(struct player *player, int32_t object, uint64_t until_ns)
{
    struct notes *notes = &player->waiter.notes;
    bool told = note_waits(notes, NOTE_SLEEPS, object, 0, until_ns);

    wait_until(&player->waiter, until_ns);
    if (told)
        note_tell(notes, NOTE_GOT, object, 0);
}

static void act_sleep(struct player *player, const struct action *action)
{
    if (action->amount > 0)
        act_sleep_until(player, NOTE_NO_OBJECT, clock_now_ns() + action->amount);
}

static uint64_t *unique_next(struct player *player, uint32_t object)
{
    if (!player->unique_next)
        player->unique_next = mem_new(player->program->n_objects, sizeof *player->unique_next);
    return &player->unique_next[object];
}

static void act_timer(struct player *player, const struct action *action)
{
    bool is_unique = player->program->objects[action->object].unique;
    uint64_t due_ns, now_ns;

    if (is_unique) {
        uint64_t *next_ns = unique_next(player, action->object);
        due_ns = *next_ns = (*next_ns ? *next_ns : play_first_ns(player)) + action->amount;
    } else {
        due_ns = sync_timer_advance(&player->actor, action->object, play_first_ns(player), action->amount);
    }
    now_ns = clock_now_ns();
    if (now_ns < due_ns)
        act_sleep_until(player, sync_number(&player->actor, action->object), due_ns);
    else if (!action->absolute && is_unique)
        *unique_next(player, action->object) = now_ns;
    else if (!action->absolute)
        sync_timer_set(&player->actor, action->object, now_ns);
}

/* A call that blocks in the kernel, which a green thread's carrier knows nothing of. */
static void act_block(struct player *player, const struct action *action)
{
    struct notes *notes = &player->waiter.notes;
    struct itimerspec due = {.it_value = {.tv_sec = (time_t)(action->amount / NS_PER_S),
                                          .tv_nsec = (long)(action->amount % NS_PER_S)}};
    uint64_t n;

    if (player->timer_fd < 0)
        player->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (player->timer_fd < 0 || action->amount == 0)
        return;
    timerfd_settime(player->timer_fd, 0, &due, NULL);
    bool told = note_waits(notes, NOTE_BLOCKS, NOTE_NO_OBJECT, 0, 0);
    wait_enter(&player->waiter);
    while (read(player->timer_fd, &n, sizeof n) < 0 && errno == EINTR && !is_stopped(player))
        ;
    wait_leave(&player->waiter);
    if (told)
        note_tell(notes, NOTE_GOT, NOTE_NO_OBJECT, 0);
}

/* ---- objects ---- */

static void act_wait(const struct player *player, const struct action *action)
{
    const struct actor *actor = &player->actor;

    if (action->while_counter == PROGRAM_NONE) {
        sync_wait(actor, action->object, action->mutex);
        return;
    }
    while (counter_value(actor, action->while_counter) == action->while_value)
        sync_wait(actor, action->object, action->mutex);
}

/* rt-app's files write it both with the mutex held and without. */
static void act_sync(const struct player *player, const struct action *action)
{
    const struct actor *actor = &player->actor;
    bool is_held = sync_owns(actor, action->mutex);

    if (!is_held)
        sync_lock(actor, action->mutex);
    sync_signal(actor, action->object);
    sync_wait(actor, action->object, action->mutex);
    if (!is_held)
        sync_unlock(actor, action->mutex);
}

static void act_message(struct player *player, const struct action *action)
{
    const struct actor *actor = &player->actor;

    if (!want_memory(player, action->bytes))
        return;
    struct channel_load load = {player->memory, action->bytes};
    if (action->kind == ACTION_SEND)
        channel_send(actor, action->object, action->how, action->amount, load);
    else if (action->kind == ACTION_RECEIVE)
        channel_receive(actor, action->object, action->how, action->amount, load);
    else
        channel_pingpong(actor, action->object, action->how, action->amount, load);
}

/* ---- tasks ---- */

static void act_fork(const struct player *player, const struct action *action)
{
    if (!worker_fork(player, action->template))
        play_warn(player, TOPIC_FORK, "fork refused: no slot is free; it goes on without");
}

/* The signal does what it does by default; nothing is left in a core file. */
static void act_crash(const struct action *action)
{
    int sig = (int)action->amount;
    sigset_t set;

    prctl(PR_SET_DUMPABLE, 0);
    signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
}

static void act_create(const struct player *player, const struct action *action)
{
    uint64_t begin_ns = clock_now_ns(), n = 0;
    struct err err;

    while (n < action->amount && !is_stopped(player)) {
        if (!create_task(action->create_kind, &err)) {
            char text[400];
            snprintf(text, sizeof text, "create refused (%s)", err.msg);
            play_warn(player, TOPIC_CREATE, text);
            break;
        }
        n++;
        play_look(player);
    }
    objects_add_created(player->objects, action->create_kind, n, clock_now_ns() - begin_ns);
}

void act(struct player *player, const struct action *action)
{
    const struct actor *actor = &player->actor;

    switch (action->kind) {
    case ACTION_RUN:
        act_run(player, action);
        break;
    case ACTION_RUNTIME:
        act_runtime(player, action);
        break;
    case ACTION_SLEEP:
        act_sleep(player, action);
        break;
    case ACTION_TIMER:
        act_timer(player, action);
        break;
    case ACTION_LOCK:
        sync_lock(actor, action->object);
        break;
    case ACTION_UNLOCK:
        sync_unlock(actor, action->object);
        break;
    case ACTION_WAIT:
        act_wait(player, action);
        break;
    case ACTION_SIGNAL:
        sync_signal(actor, action->object);
        break;
    case ACTION_BROAD:
        sync_broadcast(actor, action->object);
        break;
    case ACTION_SYNC:
        act_sync(player, action);
        break;
    case ACTION_BARRIER:
        sync_barrier(actor, action->object);
        break;
    case ACTION_SUSPEND:
        sync_suspend(actor, action->object);
        break;
    case ACTION_RESUME:
        sync_resume(actor, action->object);
        break;
    case ACTION_SEM_POST:
        sync_sem_post(actor, action->object);
        break;
    case ACTION_SEM_WAIT:
        sync_sem_wait(actor, action->object);
        break;
    case ACTION_YIELD:
        wait_yield(&player->waiter);
        break;
    case ACTION_FORK:
        act_fork(player, action);
        break;
    case ACTION_MEM:
        act_mem(player, action);
        break;
    case ACTION_IORUN:
        act_iorun(player, action);
        break;
    case ACTION_ADD:
        counter_add(actor, action->object, action->how, action->by, action->amount);
        break;
    case ACTION_CRASH:
        act_crash(action);
        break;
    case ACTION_BLOCK:
        act_block(player, action);
        break;
    case ACTION_SEND:
    case ACTION_RECEIVE:
    case ACTION_PINGPONG:
        act_message(player, action);
        break;
    case ACTION_CREATE:
        act_create(player, action);
        break;
    }
}
