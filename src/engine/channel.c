/* A bounded buffer whose messages go straight to who waits, pipes beside it, and games of two. */
#include "channel.h"
#include "../clock.h"
#include "queue.h"

#include <errno.h>
#include <unistd.h>

static struct thing *thing_of(const struct actor *actor, uint32_t object)
{
    return &actor->objects->things[object];
}

static uint64_t load_relaxed(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static int64_t n_inside(const struct thing *thing)
{
    return (int64_t)(load_relaxed(&thing->n_put) - load_relaxed(&thing->n_taken));
}

static void touch(struct channel_load load)
{
    for (uint64_t i = 0; i < load.n; i += 64)
        load.bytes[i]++;
}

/* ---- through shared memory ---- */

static void put_inside(struct thing *thing, uint64_t message)
{
    uint64_t n_put = load_relaxed(&thing->n_put);

    thing->messages[n_put % QUEUE_MESSAGES] = message;
    atomic_store_explicit(&thing->n_put, n_put + 1, memory_order_relaxed);
}

uint32_t channel_give(struct objects *objects, struct thing *thing, struct notes *who, uint64_t message)
{
    uint32_t seat = queue_release_first(objects, thing, SIDE_TAKE, who, message);

    if (seat == QUEUE_NOBODY && n_inside(thing) < QUEUE_MESSAGES)
        put_inside(thing, message);
    return seat;
}

static uint64_t put_shared(const struct actor *actor, struct thing *thing, uint64_t message)
{
    uint64_t wait_ns = 0;

    queue_guard(actor->objects, thing);
    while (n_inside(thing) == QUEUE_MESSAGES) {
        struct queue_wait wait = queue_enter(actor, thing, SIDE_PUT, 0);
        queue_unguard(thing);
        wait_ns += queue_wait(actor, wait);
        queue_guard(actor->objects, thing);
    }
    uint32_t seat = channel_give(actor->objects, thing, &actor->waiter->notes, message);
    int64_t inside = n_inside(thing);
    queue_unguard(thing);
    queue_wake(actor->objects, seat);
    queue_tell_value(actor, thing, inside);
    return wait_ns;
}

static uint64_t take_shared(const struct actor *actor, struct thing *thing, uint64_t *message)
{
    uint64_t wait_ns = 0, n_taken;

    queue_guard(actor->objects, thing);
    if (n_inside(thing) > 0) {
        n_taken = load_relaxed(&thing->n_taken);
        *message = thing->messages[n_taken % QUEUE_MESSAGES];
        atomic_store_explicit(&thing->n_taken, n_taken + 1, memory_order_relaxed);
        uint32_t seat = queue_release_first(actor->objects, thing, SIDE_PUT, &actor->waiter->notes, 0);
        int64_t inside = n_inside(thing);
        queue_unguard(thing);
        queue_wake(actor->objects, seat);
        queue_tell_value(actor, thing, inside);
    } else {
        struct queue_wait wait = queue_enter(actor, thing, SIDE_TAKE, 0);
        queue_unguard(thing);
        wait_ns = queue_wait(actor, wait);
        *message = actor->objects->seats[actor->waiter->seat].value;
    }
    return wait_ns;
}

/* ---- through a pipe ----
 *
 * thing.value counts messages that are written or about to be, less those that are read or waited for: so
 * both sides know before the system call whether it will wait, and whether somebody waits for it. */

static void write_all(struct waiter *waiter, int fd, const void *bytes, size_t n)
{
    while (write(fd, bytes, n) < 0 && errno == EINTR)
        wait_check(waiter);
}

static void read_all(struct waiter *waiter, int fd, void *bytes, size_t n)
{
    while (read(fd, bytes, n) < 0 && errno == EINTR)
        wait_check(waiter);
}

static uint64_t put_pipe(const struct actor *actor, struct thing *thing, uint64_t message)
{
    struct waiter *waiter = actor->waiter;
    int64_t before = atomic_fetch_add(&thing->value, 1);
    int fd = thing->pipes[1];

    if (before < 0)
        note_tell(&waiter->notes, NOTE_GAVE, thing->number, 1);
    queue_tell_value(actor, thing, before < 0 ? 0 : before + 1);
    if (before < thing->pipe_room) {
        write_all(waiter, fd, &message, sizeof message);
        return 0;
    }
    uint64_t begin_ns = clock_now_ns();
    bool told = note_waits(&waiter->notes, NOTE_BLOCKS, thing->number, 0, 0);
    wait_enter(waiter);
    write_all(waiter, fd, &message, sizeof message);
    wait_leave(waiter);
    if (told)
        note_tell(&waiter->notes, NOTE_GOT, thing->number, 0);
    return clock_now_ns() - begin_ns;
}

static uint64_t take_pipe(const struct actor *actor, struct thing *thing, uint64_t *message)
{
    struct waiter *waiter = actor->waiter;
    int fd = thing->pipes[0];

    if (atomic_fetch_sub(&thing->value, 1) > 0) {
        read_all(waiter, fd, message, sizeof *message);
        return 0;
    }
    struct queue_wait wait = queue_begin_other_wait(actor, thing, SEAT_READS, 0);
    wait_enter(waiter);
    read_all(waiter, fd, message, sizeof *message);
    wait_leave(waiter);
    return queue_end_other_wait(actor, wait);
}

/* ---- messages ---- */

uint64_t channel_put(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t message)
{
    struct thing *thing = thing_of(actor, channel);

    return how == HOW_PIPE ? put_pipe(actor, thing, message) : put_shared(actor, thing, message);
}

uint64_t channel_take(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t *message)
{
    struct thing *thing = thing_of(actor, channel);

    return how == HOW_PIPE ? take_pipe(actor, thing, message) : take_shared(actor, thing, message);
}

static void count_ops(struct thing *thing, uint64_t n, uint64_t ns)
{
    atomic_fetch_add_explicit(&thing->n_ops, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&thing->ops_ns, ns, memory_order_relaxed);
}

void channel_send(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                  struct channel_load load)
{
    uint64_t begin_ns = clock_now_ns(), wait_ns = 0;

    for (uint64_t i = 0; i < n && !wait_is_stopped(actor->waiter); i++) {
        touch(load);
        wait_ns += channel_put(actor, channel, how, i);
    }
    count_ops(thing_of(actor, channel), 0, clock_now_ns() - begin_ns - wait_ns);
}

void channel_receive(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                     struct channel_load load)
{
    uint64_t begin_ns = clock_now_ns(), wait_ns = 0, message, i;

    for (i = 0; i < n && !wait_is_stopped(actor->waiter); i++) {
        wait_ns += channel_take(actor, channel, how, &message);
        touch(load);
    }
    count_ops(thing_of(actor, channel), i, clock_now_ns() - begin_ns - wait_ns);
}

/* ---- games: each one's ball lies in its own seat, so that any number of pairs play at a time ---- */

struct game {
    const struct actor *actor;
    struct thing *thing;
    enum action_how how;
    struct seat *own, *other;
    int in, out; /* HOW_PIPE: file descriptors */
    bool serves;
    uint64_t n_trips;
};

static uint32_t index_of(const struct objects *objects, const struct seat *seat)
{
    return (uint32_t)(seat - objects->seats);
}

static void seat_players(struct game *game, struct seat *first)
{
    struct objects *objects = game->actor->objects;
    struct seat *own = game->own;

    own->n_trips = first->n_trips = game->n_trips < first->n_trips ? game->n_trips : first->n_trips;
    atomic_store_explicit(&own->ball, BALL_AWAY, memory_order_relaxed);
    atomic_store_explicit(&first->ball, BALL_AWAY, memory_order_relaxed);
    first->pipe = game->how == HOW_PIPE ? game->thing->pipes[1] : 0;
    own->pipe = game->how == HOW_PIPE ? game->thing->pipes[3] : 0;
    own->partner = index_of(objects, first);
    first->partner = index_of(objects, own);
}

/* The first one to come serves. */
static void find_partner(struct game *game)
{
    const struct actor *actor = game->actor;
    struct objects *objects = actor->objects;
    struct thing *thing = game->thing;

    queue_guard(objects, thing);
    game->serves = queue_length(thing, SIDE_PARTNER) == 0;
    if (game->serves) {
        game->own->n_trips = game->n_trips;
        struct queue_wait wait = queue_enter(actor, thing, SIDE_PARTNER, 0);
        queue_unguard(thing);
        queue_wait(actor, wait);
    } else {
        uint32_t first = queue_first(objects, thing, SIDE_PARTNER);
        seat_players(game, &objects->seats[first]);
        queue_release_first(objects, thing, SIDE_PARTNER, &actor->waiter->notes, 0);
        queue_unguard(thing);
        queue_wake(objects, first);
    }
    game->other = &objects->seats[game->own->partner];
    game->n_trips = game->own->n_trips;
    game->in = thing->pipes[game->serves ? 2 : 0];
    game->out = thing->pipes[game->serves ? 1 : 3];
}

static void throw_ball(const struct game *game)
{
    struct waiter *waiter = game->actor->waiter;
    bool awaited;

    if (game->how == HOW_PIPE) {
        awaited = atomic_load_explicit(&game->other->word, memory_order_relaxed) == SEAT_PLAYS;
        if (awaited)
            note_tell(&waiter->notes, NOTE_GAVE, game->thing->number, 1);
        write_all(waiter, game->out, "", 1);
    } else {
        awaited = atomic_exchange(&game->other->ball, BALL_HERE) == BALL_AWAITED;
        if (awaited) {
            note_tell(&waiter->notes, NOTE_GAVE, game->thing->number, 1);
            wait_wake(&game->other->ball);
        }
    }
}

static void await_ball(const struct game *game)
{
    struct waiter *waiter = game->actor->waiter;
    struct queue_wait wait = queue_begin_other_wait(game->actor, game->thing, SEAT_PLAYS, 0);
    uint32_t away = BALL_AWAY;
    char byte;

    if (game->how == HOW_PIPE) {
        wait_enter(waiter);
        read_all(waiter, game->in, &byte, 1);
        wait_leave(waiter);
    } else if (atomic_compare_exchange_strong(&game->own->ball, &away, BALL_AWAITED)) {
        while (atomic_load(&game->own->ball) == BALL_AWAITED)
            wait_word(waiter, &game->own->ball, BALL_AWAITED);
    }
    queue_end_other_wait(game->actor, wait);
}

/* False when there is nobody left to play with. */
static bool catch_ball(const struct game *game)
{
    _Atomic uint32_t *ball = &game->own->ball;

    if (game->how == HOW_YIELD) {
        while (atomic_load(ball) == BALL_AWAY)
            wait_yield(game->actor->waiter);
    } else if (game->how == HOW_PIPE || atomic_load(ball) == BALL_AWAY) {
        await_ball(game);
    }
    if (atomic_load(ball) == BALL_OVER)
        return false;
    atomic_store(ball, BALL_AWAY);
    return true;
}

static bool make_trip(const struct game *game, struct channel_load load)
{
    if (game->serves) {
        touch(load);
        throw_ball(game);
        return catch_ball(game);
    }
    if (!catch_ball(game))
        return false;
    touch(load);
    throw_ball(game);
    return true;
}

/* A task that is to stop goes in the middle of the game: objects_leave() tells its partner. */
void channel_pingpong(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                      struct channel_load load)
{
    struct game game = {.actor = actor,
                        .thing = thing_of(actor, channel),
                        .how = how,
                        .own = &actor->objects->seats[actor->waiter->seat],
                        .n_trips = n};
    uint64_t i = 0;

    find_partner(&game);
    uint64_t begin_ns = clock_now_ns();
    while (i < game.n_trips && make_trip(&game, load)) {
        i++;
        if (wait_is_stopped(actor->waiter))
            return;
    }
    game.own->partner = QUEUE_NOBODY;
    if (game.serves)
        count_ops(game.thing, i, clock_now_ns() - begin_ns);
}
