/* A task's loops and phases, and what they ask of the scheduler. */
#include "play.h"
#include "../clock.h"
#include "act.h"
#include "attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

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

void play_look(const struct player *player)
{
    if (player->watch)
        watch_step(player->watch, clock_now_ns());
}

/* ---- what is refused ---- */

void play_warn(const struct player *player, unsigned topic, const char *text)
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
    play_warn(((struct player_refusals *)refusals)->player, what, text);
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
        play_warn(player, ATTRIBUTE_POLICY,
                  "settings refused: the kernel knows only the thread that carries the green ones");
}

static void apply_template(const struct player *player)
{
    struct player_refusals refusals = {{tell_refusal}, player};
    struct settings settings = template_of(player)->settings;
    struct cpuset found; /* where it is already: the order has them */

    if (settings.policy == POLICY_KEEP)
        settings.policy = player->program->default_policy;
    if (!settings.has_priority && (settings.policy == POLICY_OTHER || settings.policy == POLICY_BATCH)) {
        settings.has_priority = true;
        settings.priority = player->shared->nice;
    }
    if (settings.has_cpus)
        attributes_look_for_cpus(&settings.cpus, &player->shared->home, &found, &refusals.refusals);
    apply(player, &settings);
}

void play_prepare(struct player *player)
{
    if (player->green) {
        if (player->program)
            refuse_green(player, &template_of(player)->settings);
        if (player->settings)
            refuse_green(player, player->settings);
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

/* ---- loops ---- */

uint64_t play_first_ns(const struct player *player)
{
    return player->slot->zero_ns + template_of(player)->delay_ns;
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
            play_look(player);
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
        act_sleep_until(player, NOTE_NO_OBJECT, play_first_ns(player));
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

/* A task that ends by itself keeps its locks, as in rt-app: who wants them is told that their holder died.
 * One that is told to stop does not, so that the others go on; nor does a green thread, whose locks the
 * kernel takes for its carrier's, which lives on. */
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
