/* A task's loops, phases and actions. */
#include "play.h"
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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RUNTIME_UNITS 32              /* of work between two looks at the clock: about 8 us */
#define MEM_PIECE     ((size_t)16384) /* bytes between two looks at the stop flag */

/* Topics of warnings, after those of attributes.h. */
enum topic { TOPIC_IO = N_ATTRIBUTES, TOPIC_FORK, TOPIC_CREATE, TOPIC_MEMORY };

static const struct template *template_of(const struct player *player)
{
    return &player->program->templates[player->part.template];
}

static bool is_stopped(const struct player *player)
{
    return wait_is_stopped(&player->waiter);
}

/* -w TIME: so much calibrated work and no more. */
static bool is_work_done(const struct player *player)
{
    return atomic_load_explicit(&player->slot->units, memory_order_relaxed) >= player->slot->order.n_units;
}

static void look_at_clock(const struct player *player)
{
    if (player->watch)
        watch_step(player->watch, clock_now_ns());
}

/* ---- what is refused ---- */

static void tell_user(const struct player *player, unsigned topic, const char *text)
{
    char line[256];

    if (player->program)
        snprintf(line, sizeof line, "task %s: %s", template_of(player)->name, text);
    else
        snprintf(line, sizeof line, "the tasks: %s", text);
    objects_warn(player->objects, player->part.template, topic, line);
}

struct player_refusals {
    struct refusals refusals; /* first */
    const struct player *player;
};

static void tell_refusal(struct refusals *refusals, enum attribute what, const char *text)
{
    tell_user(((struct player_refusals *)refusals)->player, what, text);
}

static void apply(const struct player *player, const struct settings *settings)
{
    struct player_refusals refusals = {{tell_refusal}, player};

    attributes_apply(settings, &refusals.refusals);
    if (player->program && player->program->lock_pages)
        attributes_lock_pages(&refusals.refusals);
}

/* ---- attributes ---- */

static bool says_something(const struct settings *settings)
{
    return settings->policy != POLICY_KEEP || settings->has_priority || settings->dl_runtime_ns ||
           settings->util_min >= 0 || settings->util_max >= 0 || settings->has_nodes || settings->taskgroup;
}

/* What a green thread would change is its carrier's, and so its fellows'. */
static void refuse_green(const struct player *player, const struct settings *settings)
{
    if (says_something(settings) || settings->has_cpus)
        tell_user(player, ATTRIBUTE_POLICY,
             "settings refused: the kernel knows only the thread that carries the green ones");
}

static void apply_template(const struct player *player)
{
    struct settings settings = template_of(player)->settings;

    if (settings.policy == POLICY_KEEP)
        settings.policy = player->program->default_policy;
    apply(player, &settings);
}

void play_prepare(struct player *player)
{
    if (player->green) {
        if (player->program)
            refuse_green(player, &template_of(player)->settings);
        return;
    }
    if (player->program)
        apply_template(player);
    if (player->settings)
        apply(player, player->settings);
}

/* The CPUs of a phase, or the template's, which are those of the order. */
static void place(struct player *player, const struct settings *settings)
{
    struct player_refusals refusals = {{tell_refusal}, player};
    const struct cpuset *wanted = settings->has_cpus ? &settings->cpus : NULL;
    const struct cpuset *ordered = &player->slot->order.cpus;

    if (wanted == player->placed)
        return;
    player->placed = wanted;
    if (wanted)
        attributes_place(wanted, &player->shared->home, &refusals.refusals);
    else
        attributes_place(ordered, ordered, &refusals.refusals);
}

/* What a phase says holds until another one says something else. */
static void enter_phase(struct player *player, const struct phase *phase)
{
    bool is_new = player->applied != &phase->settings && says_something(&phase->settings);

    if (is_new)
        player->applied = &phase->settings;
    if (!player->green) {
        place(player, &phase->settings);
        if (is_new)
            apply(player, &phase->settings);
    } else if (is_new || phase->settings.has_cpus) {
        refuse_green(player, &phase->settings);
    }
}

/* ---- memory ---- */

/* At least so much; false where there is not so much. */
static bool want_memory(struct player *player, size_t bytes)
{
    if (player->memory_bytes >= bytes)
        return true;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        tell_user(player, TOPIC_MEMORY, "not enough memory for its buffer; what needs it is left out");
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
        look_at_clock(player);
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
        tell_user(player, TOPIC_IO, text);
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
            tell_user(player, TOPIC_IO, text);
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

static void sleep_until(struct player *player, int32_t object, uint64_t until_ns)
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
        sleep_until(player, NOTE_NO_OBJECT, clock_now_ns() + action->amount);
}

/* Timers begin where the run (and for a delayed task its delay) began, not where they are first used. */
static uint64_t first_ns(const struct player *player)
{
    return player->slot->zero_ns + template_of(player)->delay_ns;
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
        due_ns = *next_ns = (*next_ns ? *next_ns : first_ns(player)) + action->amount;
    } else {
        due_ns = sync_timer_advance(&player->actor, action->object, first_ns(player), action->amount);
    }
    now_ns = clock_now_ns();
    if (now_ns < due_ns)
        sleep_until(player, sync_number(&player->actor, action->object), due_ns);
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
        tell_user(player, TOPIC_FORK, "fork refused: no slot is free; it goes on without");
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
            tell_user(player, TOPIC_CREATE, text);
            break;
        }
        n++;
        look_at_clock(player);
    }
    objects_add_created(player->objects, action->create_kind, n, clock_now_ns() - begin_ns);
}

/* ---- the program ---- */

static void act(struct player *player, const struct action *action)
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

/* Whether the task goes on. */
static bool play_phase(struct player *player, const struct phase *phase)
{
    for (int i = 0; phase->loop < 0 || i < phase->loop; i += phase->loop >= 0) {
        enter_phase(player, phase);
        if (is_stopped(player) || is_work_done(player))
            return false;
        for (unsigned a = 0; a < phase->n_actions; a++) {
            act(player, &phase->actions[a]);
            look_at_clock(player);
            if (is_stopped(player) || is_work_done(player))
                return false;
        }
    }
    return true;
}

static void play_template(struct player *player)
{
    const struct template *template = template_of(player);

    if (template->delay_ns)
        sleep_until(player, NOTE_NO_OBJECT, first_ns(player));
    for (int i = 0; template->loop < 0 || i < template->loop; i += template->loop >= 0) {
        for (unsigned p = 0; p < template->n_phases; p++) {
            if (!play_phase(player, &template->phases[p]))
                return;
        }
        if (is_stopped(player) || template->n_phases == 0)
            return;
        atomic_fetch_add_explicit(&player->slot->loops, 1, memory_order_relaxed);
    }
}

static void begin(struct player *player)
{
    player->waiter = (struct waiter){
        .notes = {.ring = player->ring,
                  .watch = player->watch,
                  .tid = player->tid,
                  .telling_ns = &player->slot->told_ns},
        .seat = player->n_slot,
        .stop = &player->slot->stop,
        .quit = &player->shared->quit,
        .green = player->green,
    };
    player->actor = (struct actor){.objects = player->objects, .waiter = &player->waiter};
    player->placed = NULL;
    player->applied = NULL;
    player->memory = NULL;
    player->memory_bytes = 0;
    player->unique_next = NULL;
    player->io_fd = player->timer_fd = -1;
}

/* A task that ends by itself keeps its locks, as in rt-app: who wants them is told that their holder died. One
 * that is told to stop does not, so that the others go on; nor does a green thread, whose locks the kernel takes
 * for its carrier's, which lives on. */
static void end(struct player *player, bool is_told)
{
    wait_recover(&player->waiter);
    if (is_told || player->green)
        sync_unlock_all(&player->actor);
    if (player->memory)
        munmap(player->memory, player->memory_bytes);
    free(player->unique_next);
    if (player->io_fd >= 0)
        close(player->io_fd);
    if (player->timer_fd >= 0)
        close(player->timer_fd);
}

/* What changes between sigsetjmp() and a jump back is all in *player, which is the caller's. */
bool play(struct player *player)
{
    begin(player);
    if (sigsetjmp(player->waiter.base, 1) == 0)
        play_template(player);
    bool is_told = is_stopped(player);
    end(player, is_told);
    return !is_told;
}

void play_handle_signals(void)
{
    wait_handle_signals();
}
