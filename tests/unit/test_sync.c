/* Locks, conditions, barriers, semaphores, channels, counters: what they do, what is told of them, and what
 * is left when somebody dies in the middle. */
#include "../../src/clock.h"
#include "../../src/engine/queue.h"
#include "sync_fixture.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifdef __SANITIZE_THREAD__
#define IS_TSAN true
/* Deadlocks are what some of these tests are about. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "detect_deadlocks=0";
}
#else
#define IS_TSAN false
#endif

/* It keeps signals back from a thread inside pthread_mutex_lock(3) for ever. */
static bool no_signals_in_locks(void)
{
    if (IS_TSAN)
        print_message("# ThreadSanitizer hands no signal to who waits for a lock\n");
    return IS_TSAN;
}

#define WORD(member, i) (&(member)->stage->shared->words[i])

static const bool kinds[] = {false, true}; /* threads, processes */

static void assert_joined(struct stage *stage)
{
    bool joined = stage_join(stage);
    if (!joined)
        fail_msg("some task waits for ever");
}

/* ---- locks ---- */

enum { A, B };
static const struct object two_locks[] = {{.kind = OBJECT_MUTEX}, {.kind = OBJECT_MUTEX}};
static const struct object two_heirs[] = {{.kind = OBJECT_MUTEX, .inherits = true},
                                          {.kind = OBJECT_MUTEX, .inherits = true}};

static void hold_until_told(struct member *m)
{
    sync_lock(&m->actor, A);
    while (atomic_load(WORD(m, 0)) == 0)
        usleep(100);
    sync_unlock(&m->actor, A);
}

static void lock_once(struct member *m)
{
    sync_lock(&m->actor, A);
    sync_unlock(&m->actor, A);
}

static void test_uncontended_lock_says_nothing(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, two_locks, 2, false);
    stage_start(&stage, lock_once);
    assert_joined(&stage);
    assert_int_equal(atomic_load(&stage.shared->rings[0].head), 0);
    assert_int_equal(stage_object(&stage, A).n_waits, 0);
    assert_int_equal(stage_object(&stage, A).owner_tid, 0);
    stage_close(&stage);
}

static void check_contended_lock(bool processes, const struct object *objects)
{
    struct stage stage;
    struct event note;

    stage_open(&stage, objects, 2, processes);
    stage_start(&stage, hold_until_told);
    while (stage_object(&stage, A).owner_tid == 0)
        usleep(100);
    stage_start(&stage, lock_once);
    stage_wait_waiting(&stage, A, 1);
    stage_wait_asleep(&stage, 1);
    assert_int_equal(stage_object(&stage, A).owner_tid, atomic_load(&stage.shared->tids[0]));
    /* Who looks from outside finds the same owner. */
    assert_int_equal(stage.objects->things[A].lock.__data.__owner, atomic_load(&stage.shared->tids[0]));
    usleep(2000);
    atomic_store(&stage.shared->words[0], 1);
    assert_joined(&stage);

    assert_int_equal(stage_count_notes(&stage, 1, NOTE_WANTS, A, &note), 1);
    assert_int_equal(note.u.sync.other, atomic_load(&stage.shared->tids[0]));
    uint64_t wants_ns = note.time_ns;
    assert_int_equal(stage_count_notes(&stage, 0, NOTE_GAVE, A, &note), 1);
    assert_int_equal(note.u.sync.other, 1);
    uint64_t gave_ns = note.time_ns;
    assert_int_equal(stage_count_notes(&stage, 1, NOTE_GOT, A, &note), 1);
    assert_true(wants_ns <= gave_ns && gave_ns <= note.time_ns);
    struct object_state lock = stage_object(&stage, A);
    assert_int_equal(lock.n_waits, 1);
    assert_true(lock.max_wait_ns >= 2 * NS_PER_MS && lock.max_held_ns >= 2 * NS_PER_MS);
    assert_int_equal(lock.n_waiting, 0);
    stage_close(&stage);
}

static void test_contended_lock(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        check_contended_lock(kinds[i], two_locks);
        check_contended_lock(kinds[i], two_heirs);
    }
}

static void lock_ab(struct member *m)
{
    unsigned first = m->number % 2;

    sync_lock(&m->actor, first);
    atomic_fetch_add(WORD(m, 0), 1);
    while (atomic_load(WORD(m, 0)) < 2)
        usleep(100);
    /* The lock of one that is told to stop is free when it is gone. */
    sync_lock(&m->actor, 1 - first);
    if (!wait_is_stopped(&m->waiter))
        atomic_store(WORD(m, 1), 1);
}

static void check_deadlock(bool processes, const struct object *objects)
{
    struct stage stage;
    struct event note;

    stage_open(&stage, objects, 2, processes);
    stage_start(&stage, lock_ab);
    stage_start(&stage, lock_ab);
    stage_wait_waiting(&stage, A, 1);
    stage_wait_waiting(&stage, B, 1);
    for (unsigned i = 0; i < 2; i++) {
        stage_wait_asleep(&stage, i);
        assert_int_equal(stage_count_notes(&stage, i, NOTE_WANTS, (int32_t)(1 - i), &note), 1);
        assert_int_equal(note.u.sync.other, atomic_load(&stage.shared->tids[1 - i]));
    }
    atomic_store(&stage.shared->stop[1], true);
    stage_stop(&stage, 0);
    stage_stop(&stage, 1);
    assert_joined(&stage);
    assert_true(atomic_load(&stage.shared->left[0]));
    assert_int_equal(atomic_load(&stage.shared->words[1]), 0);
    stage_close(&stage);
}

static void test_deadlock_is_left(void **state)
{
    (void)state;
    if (no_signals_in_locks())
        skip();
    for (int i = 0; i < 2; i++) {
        check_deadlock(kinds[i], two_locks);
        check_deadlock(kinds[i], two_heirs);
    }
}

static void lock_twice(struct member *m)
{
    sync_lock(&m->actor, A);
    sync_lock(&m->actor, A);
}

static void test_own_lock_again(void **state)
{
    struct stage stage;
    struct event note;
    (void)state;

    if (no_signals_in_locks())
        skip();
    stage_open(&stage, two_locks, 2, false);
    stage_start(&stage, lock_twice);
    stage_wait_waiting(&stage, A, 1);
    stage_wait_asleep(&stage, 0);
    assert_int_equal(stage_count_notes(&stage, 0, NOTE_WANTS, A, &note), 1);
    assert_int_equal(note.u.sync.other, atomic_load(&stage.shared->tids[0]));
    stage_stop(&stage, 0);
    assert_joined(&stage);
    stage_close(&stage);
}

static void unlock_foreign(struct member *m)
{
    assert_false(sync_owns(&m->actor, A));
    sync_unlock(&m->actor, A);
    sync_unlock(&m->actor, B);
    atomic_store(WORD(m, 1), 1);
}

static void test_foreign_lock_stays_locked(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, two_locks, 2, false);
    stage_start(&stage, hold_until_told);
    while (stage_object(&stage, A).owner_tid == 0)
        usleep(100);
    stage_start(&stage, unlock_foreign);
    while (atomic_load(&stage.shared->words[1]) == 0)
        usleep(100);
    assert_int_equal(stage_object(&stage, A).owner_tid, atomic_load(&stage.shared->tids[0]));
    atomic_store(&stage.shared->words[0], 1);
    assert_joined(&stage);
    stage_close(&stage);
}

/* ---- conditions, semaphores, suspend ---- */

enum { MUTEX, CONDITION, SEM, SUSPEND, BARRIER, CHANNEL, COUNTER, TIMER };
static const struct object all_kinds[] = {[MUTEX] = {.kind = OBJECT_MUTEX},
                                          [CONDITION] = {.kind = OBJECT_CONDITION},
                                          [SEM] = {.kind = OBJECT_SEM},
                                          [SUSPEND] = {.kind = OBJECT_SUSPEND},
                                          [BARRIER] = {.kind = OBJECT_BARRIER},
                                          [CHANNEL] = {.kind = OBJECT_CHANNEL},
                                          [COUNTER] = {.kind = OBJECT_COUNTER, .value = 5},
                                          [TIMER] = {.kind = OBJECT_TIMER}};
#define N_KINDS (sizeof all_kinds / sizeof *all_kinds)

/* The order of those that come back, in words 1 and on. */
static void come_back(struct member *m)
{
    int64_t place = atomic_fetch_add(WORD(m, 0), 1);
    atomic_store(WORD(m, 1 + place), m->number + 1);
}

static void wait_condition(struct member *m)
{
    sync_lock(&m->actor, MUTEX);
    sync_wait(&m->actor, CONDITION, MUTEX);
    come_back(m);
    sync_unlock(&m->actor, MUTEX);
}

static void wait_sem(struct member *m)
{
    sync_sem_wait(&m->actor, SEM);
    come_back(m);
}

static void suspend(struct member *m)
{
    sync_suspend(&m->actor, SUSPEND);
    come_back(m);
}

static void take_message(struct member *m)
{
    uint64_t message;
    channel_take(&m->actor, CHANNEL, HOW_SHARED, &message);
    atomic_fetch_add(WORD(m, 20), (int64_t)message);
    come_back(m);
}

static void wait_back(struct stage *stage, int64_t n)
{
    while (atomic_load(&stage->shared->words[0]) < n)
        usleep(100);
}

/* The test's own doings: a member that is no task. */
static struct member director(struct stage *stage)
{
    struct member m = {.stage = stage, .number = STAGE_MAX_TASKS - 1};
    return m;
}

static void direct(struct stage *stage, struct member *m)
{
    *m = director(stage);
    m->waiter = (struct waiter){.notes = {.ring = &stage->shared->rings[m->number], .tid = gettid()},
                                .seat = m->number,
                                .stop = &stage->shared->stop[m->number]};
    m->actor = (struct actor){.objects = stage->objects, .waiter = &m->waiter};
}

/* Three tasks that wait one after the other. */
static void start_waiting(struct stage *stage, uint32_t object, unsigned n, void (*body)(struct member *))
{
    for (unsigned i = 0; i < n; i++) {
        stage_start(stage, body);
        stage_wait_waiting(stage, object, i + 1);
    }
}

static void check_order(struct stage *stage, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(atomic_load(&stage->shared->words[1 + i]), i + 1);
}

static void test_signals_go_in_order(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        struct member d;
        struct event note;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        direct(&stage, &d);
        sync_signal(&d.actor, CONDITION); /* for nobody, and forgotten */
        start_waiting(&stage, CONDITION, 3, wait_condition);
        for (unsigned i = 0; i < 3; i++) {
            sync_signal(&d.actor, CONDITION);
            wait_back(&stage, i + 1);
            assert_int_equal(stage_object(&stage, CONDITION).n_waiting, 2 - i);
        }
        assert_joined(&stage);
        check_order(&stage, 3);
        assert_int_equal(stage_count_notes(&stage, d.number, NOTE_GAVE, CONDITION, &note), 3);
        assert_int_equal(stage_count_notes(&stage, 0, NOTE_WANTS, CONDITION, NULL), 1);
        assert_int_equal(stage_count_notes(&stage, 0, NOTE_GOT, CONDITION, NULL), 1);
        stage_close(&stage);
    }
}

static void test_broadcast_and_resume_let_all_go(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        struct member d;
        struct event note;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        direct(&stage, &d);
        sync_resume(&d.actor, SUSPEND);
        start_waiting(&stage, CONDITION, 3, wait_condition);
        for (unsigned i = 0; i < 3; i++) {
            stage_start(&stage, suspend);
            stage_wait_waiting(&stage, SUSPEND, i + 1);
        }
        sync_broadcast(&d.actor, CONDITION);
        sync_resume(&d.actor, SUSPEND);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 6);
        assert_int_equal(stage_count_notes(&stage, d.number, NOTE_GAVE, CONDITION, &note), 1);
        assert_int_equal(note.u.sync.other, 3);
        stage_close(&stage);
    }
}

static void test_semaphore_counts(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        struct member d;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        direct(&stage, &d);
        sync_sem_post(&d.actor, SEM);
        sync_sem_post(&d.actor, SEM);
        assert_int_equal(stage_object(&stage, SEM).value, 2);
        stage_start(&stage, wait_sem);
        stage_start(&stage, wait_sem);
        wait_back(&stage, 2);
        assert_int_equal(stage_object(&stage, SEM).value, 0);
        stage_start(&stage, wait_sem);
        stage_wait_waiting(&stage, SEM, 1);
        sync_sem_post(&d.actor, SEM);
        assert_joined(&stage);
        assert_int_equal(stage_object(&stage, SEM).value, 0);
        assert_int_equal(stage_object(&stage, SEM).n_waits, 1);
        assert_true(stage_count_notes(&stage, d.number, NOTE_VALUE, SEM, NULL) > 0);
        stage_close(&stage);
    }
}

/* ---- barriers ---- */

static void meet(struct member *m)
{
    sync_barrier(&m->actor, BARRIER);
    come_back(m);
}

static void meet_late(struct member *m)
{
    while (atomic_load(WORD(m, 20)) == 0)
        usleep(100);
    meet(m);
}

static void test_barrier(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        struct event note;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        for (unsigned i = 0; i < 3; i++)
            stage_start(&stage, meet_late);
        atomic_store(&stage.shared->words[20], 1);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 3);
        unsigned n_wanted = 0, n_gave = 0;
        for (unsigned i = 0; i < 3; i++) {
            if (stage_count_notes(&stage, i, NOTE_WANTS, BARRIER, &note)) {
                n_wanted++;
                assert_in_range(note.u.sync.other, 1, 2);
            }
            if (stage_count_notes(&stage, i, NOTE_GAVE, BARRIER, &note)) {
                n_gave++;
                assert_int_equal(note.u.sync.other, 2);
            }
        }
        assert_int_equal(n_wanted, 2);
        assert_int_equal(n_gave, 1);
        stage_close(&stage);
    }
}

static void do_nothing(struct member *m)
{
    while (atomic_load(WORD(m, 20)) == 0)
        usleep(100);
}

/* The one that is missing goes away without having come. */
static void test_barrier_opens_when_somebody_leaves(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        stage_start(&stage, do_nothing);
        stage_start(&stage, meet);
        stage_start(&stage, meet);
        stage_wait_waiting(&stage, BARRIER, 2);
        assert_int_equal(stage_object(&stage, BARRIER).n_parties, 3);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 0);
        atomic_store(&stage.shared->words[20], 1);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 2);
        assert_int_equal(stage_object(&stage, BARRIER).n_parties, 0);
        stage_close(&stage);
    }
}

/* ---- death ---- */

static void test_dead_holder_is_told(void **state)
{
    const struct object *sorts[] = {two_locks, two_heirs};
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct stage stage;
        struct event note;
        stage_open(&stage, sorts[i], 2, true);
        stage_start(&stage, hold_until_told);
        while (stage_object(&stage, A).owner_tid == 0)
            usleep(100);
        int holder = atomic_load(&stage.shared->tids[0]);
        stage_start(&stage, lock_once);
        stage_wait_waiting(&stage, A, 1);
        stage_wait_asleep(&stage, 1);
        stage_kill(&stage, 0);
        stage_start(&stage, lock_once);
        assert_joined(&stage);
        assert_int_equal(stage_count_notes(&stage, 1, NOTE_DIED, A, &note) +
                             stage_count_notes(&stage, 2, NOTE_DIED, A, &note),
                         1);
        assert_int_equal(note.u.sync.other, holder);
        assert_int_equal(stage_object(&stage, A).owner_tid, 0);
        stage_close(&stage);
    }
}

/* A thread that ends and keeps its lock: the same. */
static void keep_lock(struct member *m)
{
    sync_lock(&m->actor, A);
}

static void test_kept_lock_is_told(void **state)
{
    struct stage stage;
    struct event note;
    (void)state;

    stage_open(&stage, two_locks, 2, false);
    stage_start(&stage, keep_lock);
    assert_joined(&stage);
    int holder = atomic_load(&stage.shared->tids[0]);
    stage_start(&stage, lock_once);
    assert_joined(&stage);
    assert_int_equal(stage_count_notes(&stage, 1, NOTE_DIED, A, &note), 1);
    assert_int_equal(note.u.sync.other, holder);
    stage_close(&stage);
}

struct death {
    uint32_t object;
    void (*wait)(struct member *);
    void (*give)(const struct actor *);
};

static void give_signal(const struct actor *actor)
{
    sync_signal(actor, CONDITION);
}

static void give_unit(const struct actor *actor)
{
    sync_sem_post(actor, SEM);
}

static void give_message(const struct actor *actor)
{
    channel_put(actor, CHANNEL, HOW_SHARED, 7);
}

static const struct death deaths[] = {{CONDITION, wait_condition, give_signal},
                                      {SEM, wait_sem, give_unit},
                                      {CHANNEL, take_message, give_message}};

/* The first in the queue dies before, or after it was given what it waited for (it is stopped, so that it
 * cannot take it): the second one gets it. */
static void check_death(const struct death *death, bool after)
{
    struct stage stage;
    struct member d;

    stage_open(&stage, all_kinds, N_KINDS, true);
    direct(&stage, &d);
    start_waiting(&stage, death->object, 2, death->wait);
    stage_wait_asleep(&stage, 0);
    if (after) {
        kill(stage.members[0].pid, SIGSTOP);
        death->give(&d.actor);
        stage_kill(&stage, 0);
    } else {
        stage_kill(&stage, 0);
        assert_int_equal(stage_object(&stage, death->object).n_waiting, 1);
        death->give(&d.actor);
    }
    assert_joined(&stage);
    assert_int_equal(atomic_load(&stage.shared->words[0]), 1);
    assert_int_equal(atomic_load(&stage.shared->words[1]), 2);
    assert_int_equal(stage_object(&stage, death->object).n_waiting, 0);
    stage_close(&stage);
}

static void test_dead_waiter_eats_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        check_death(&deaths[i], false);
        check_death(&deaths[i], true);
    }
}

/* A barrier's dead visitor counts no more. */
static void test_dead_at_the_barrier(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, true);
    stage_start(&stage, meet);
    assert_joined(&stage); /* alone it does not wait */
    for (unsigned i = 0; i < 3; i++)
        stage_start(&stage, i == 0 ? do_nothing : meet);
    stage_wait_waiting(&stage, BARRIER, 2);
    stage_kill(&stage, 2);
    assert_int_equal(stage_object(&stage, BARRIER).n_waiting, 1);
    assert_int_equal(stage_object(&stage, BARRIER).n_parties, 2);
    stage_kill(&stage, 1);
    assert_joined(&stage);
    assert_int_equal(atomic_load(&stage.shared->words[0]), 2);
    stage_close(&stage);
}

/* It dies with the guard, in the middle of letting all go. */
static void die_with_guard(struct member *m)
{
    struct thing *thing = &m->stage->objects->things[CONDITION];

    queue_guard(m->stage->objects, thing);
    thing->released = thing->next_ticket;
    atomic_store(&m->stage->objects->seats[0].word, SEAT_WOKEN);
    raise(SIGKILL);
}

static void test_dead_with_guard(void **state)
{
    struct stage stage;
    struct member d;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, true);
    direct(&stage, &d);
    start_waiting(&stage, CONDITION, 3, wait_condition);
    stage_start(&stage, die_with_guard);
    assert_joined(&stage); /* objects_leave() repairs */
    assert_int_equal(atomic_load(&stage.shared->words[0]), 3);
    assert_int_equal(stage_object(&stage, CONDITION).n_waiting, 0);
    stage_close(&stage);
}

/* ---- all of it can be left ---- */

static void lock_held(struct member *m)
{
    sync_lock(&m->actor, MUTEX);
}

static void put_until_full(struct member *m)
{
    for (uint64_t i = 0;; i++)
        channel_put(&m->actor, CHANNEL, HOW_SHARED, i);
}

static void put_until_pipe_full(struct member *m)
{
    for (uint64_t i = 0;; i++)
        channel_put(&m->actor, CHANNEL, HOW_PIPE, i);
}

static void take_from_pipe(struct member *m)
{
    uint64_t message;
    channel_take(&m->actor, CHANNEL, HOW_PIPE, &message);
}

static const struct channel_load no_load;

static void play_alone(struct member *m)
{
    channel_pingpong(&m->actor, CHANNEL, HOW_SHARED, 10, no_load);
}

static void sleep_long(struct member *m)
{
    wait_until(&m->waiter, clock_now_ns() + 1000 * NS_PER_S);
}

static void test_every_wait_can_be_left(void **state)
{
    void (*const bodies[])(struct member *) = {
        lock_held,      wait_condition,      wait_sem,       suspend,    meet,       take_message,
        put_until_full, put_until_pipe_full, take_from_pipe, play_alone, sleep_long,
    };
    const unsigned n = sizeof bodies / sizeof *bodies;
    (void)state;

    for (unsigned i = 0; i < 2 * n; i++) {
        struct stage stage;
        struct member d;
        if (bodies[i / 2] == lock_held && IS_TSAN)
            continue;
        stage_open(&stage, all_kinds, N_KINDS, kinds[i % 2]);
        direct(&stage, &d);
        if (bodies[i / 2] == lock_held)
            sync_lock(&d.actor, MUTEX);
        objects_join(stage.objects, 0, STAGE_MAX_TASKS - 1); /* that nobody is alone at the barrier */
        stage_start(&stage, bodies[i / 2]);
        stage_wait_asleep(&stage, 0);
        usleep(1000);
        stage_wait_asleep(&stage, 0);
        stage_stop(&stage, 0);
        assert_joined(&stage);
        assert_true(atomic_load(&stage.shared->left[0]));
        for (uint32_t object = 0; object < N_KINDS; object++)
            assert_int_equal(stage_object(&stage, object).n_waiting, 0);
        sync_unlock(&d.actor, MUTEX);
        stage_close(&stage);
    }
}

/* ---- channels ---- */

#define N_MESSAGES 20000

static void send_many(struct member *m)
{
    enum action_how how = atomic_load(WORD(m, 10)) ? HOW_PIPE : HOW_SHARED;
    for (uint64_t i = 1; i <= N_MESSAGES; i++)
        channel_put(&m->actor, CHANNEL, how, i);
}

static void receive_many(struct member *m)
{
    enum action_how how = atomic_load(WORD(m, 10)) ? HOW_PIPE : HOW_SHARED;
    uint64_t message;
    for (uint64_t i = 1; i <= N_MESSAGES; i++) {
        channel_take(&m->actor, CHANNEL, how, &message);
        atomic_fetch_add(WORD(m, 0), (int64_t)message);
    }
}

static void test_messages_arrive_once(void **state)
{
    const int64_t sum = (int64_t)N_MESSAGES * (N_MESSAGES + 1) / 2;
    (void)state;

    for (int i = 0; i < 4; i++) {
        struct stage stage;
        stage_open(&stage, all_kinds, N_KINDS, kinds[i % 2]);
        atomic_store(&stage.shared->words[10], i / 2);
        for (unsigned t = 0; t < 4; t++)
            stage_start(&stage, t % 2 ? send_many : receive_many);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 2 * sum);
        assert_int_equal(stage_object(&stage, CHANNEL).value, 0);
        assert_int_equal(stage_object(&stage, CHANNEL).n_waiting, 0);
        stage_close(&stage);
    }
}

static void send_counted(struct member *m)
{
    unsigned char bytes[256];
    memset(bytes, 0, sizeof bytes);
    channel_send(&m->actor, CHANNEL, HOW_SHARED, 100, (struct channel_load){bytes, sizeof bytes});
    assert_int_equal(bytes[64], 100);
}

static void receive_counted(struct member *m)
{
    channel_receive(&m->actor, CHANNEL, HOW_SHARED, 100, no_load);
}

static void test_messages_are_counted(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, false);
    stage_start(&stage, receive_counted);
    stage_start(&stage, send_counted);
    assert_joined(&stage);
    struct object_state channel = stage_object(&stage, CHANNEL);
    assert_int_equal(channel.n_ops, 100);
    assert_true(channel.ops_ns > 0);
    stage_close(&stage);
}

static void play_game(struct member *m)
{
    static const enum action_how hows[] = {HOW_SHARED, HOW_PIPE, HOW_YIELD};
    enum action_how how = hows[atomic_load(WORD(m, 10))];

    channel_pingpong(&m->actor, CHANNEL, how, 500 + m->number, no_load);
    atomic_fetch_add(WORD(m, 0), 1);
}

static void test_games_of_two(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct stage stage;
        stage_open(&stage, all_kinds, N_KINDS, kinds[i % 2]);
        atomic_store(&stage.shared->words[10], i / 2);
        for (unsigned t = 0; t < 6; t++)
            stage_start(&stage, play_game);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 6);
        struct object_state channel = stage_object(&stage, CHANNEL);
        assert_in_range(channel.n_ops, 3 * 500, 3 * 505);
        assert_true(channel.ops_ns > 0);
        assert_int_equal(channel.n_waiting, 0);
        stage_close(&stage);
    }
}

static void play_for_ever(struct member *m)
{
    enum action_how how = atomic_load(WORD(m, 10)) ? HOW_PIPE : HOW_SHARED;
    channel_pingpong(&m->actor, CHANNEL, how, UINT64_MAX, no_load);
    atomic_fetch_add(WORD(m, 0), 1);
}

static void test_partner_dies(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct stage stage;
        stage_open(&stage, all_kinds, N_KINDS, true);
        atomic_store(&stage.shared->words[10], i / 2);
        stage_start(&stage, play_for_ever);
        stage_start(&stage, play_for_ever);
        while (stage_object(&stage, CHANNEL).n_waits < 20)
            usleep(100);
        stage_kill(&stage, (unsigned)i % 2);
        assert_joined(&stage);
        assert_int_equal(atomic_load(&stage.shared->words[0]), 1);
        stage_close(&stage);
    }
}

/* ---- counters ---- */

static void add_all_ways(struct member *m)
{
    counter_add(&m->actor, COUNTER, HOW_LOCKED, 2, 5000);
    counter_add(&m->actor, COUNTER, HOW_ATOMIC, -1, 5000);
}

static void test_counter_is_right(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct stage stage;
        stage_open(&stage, all_kinds, N_KINDS, kinds[k]);
        for (unsigned t = 0; t < 2; t++)
            stage_start(&stage, add_all_ways);
        assert_joined(&stage);
        struct object_state counter = stage_object(&stage, COUNTER);
        /* Locked and atomic additions do not exclude each other, so each way has its turn alone. */
        assert_int_equal(counter.expected, 5 + 2 * 5000);
        assert_int_equal(counter.n_ops, 4 * 5000);
        stage_close(&stage);
    }
}

static void add_one_way(struct member *m)
{
    enum action_how how = (enum action_how)atomic_load(WORD(m, 10));
    sync_barrier(&m->actor, BARRIER);
    counter_add(&m->actor, COUNTER, how, 1, (uint64_t)atomic_load(WORD(m, 11)));
}

static struct object_state add_with_four(bool processes, enum action_how how, int64_t n)
{
    struct stage stage;
    struct object_state counter;

    stage_open(&stage, all_kinds, N_KINDS, processes);
    atomic_store(&stage.shared->words[10], how);
    atomic_store(&stage.shared->words[11], n);
    for (unsigned t = 0; t < 4; t++)
        stage_start(&stage, add_one_way);
    assert_joined(&stage);
    counter = stage_object(&stage, COUNTER);
    stage_close(&stage);
    return counter;
}

static void test_locked_and_atomic_lose_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct object_state locked = add_with_four(kinds[k], HOW_LOCKED, 20000);
        struct object_state atomic = add_with_four(kinds[k], HOW_ATOMIC, 100000);
        assert_int_equal(locked.value, 5 + 4 * 20000);
        assert_int_equal(locked.value, locked.expected);
        assert_int_equal(atomic.value, 5 + 4 * 100000);
        assert_int_equal(atomic.value, atomic.expected);
    }
}

static void test_plain_loses(void **state)
{
    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        print_message("# needs two CPUs at a time\n");
        skip();
    }
    for (int i = 0; i < 10; i++) {
        struct object_state counter = add_with_four(false, HOW_PLAIN, 1000000);
        assert_int_equal(counter.expected, 5 + 4 * 1000000);
        assert_true(counter.value <= counter.expected);
        if (counter.value < counter.expected)
            return;
    }
    print_message("# no two tasks ran at the same time\n");
    skip();
}

/* ---- timers, notes, warnings ---- */

static void test_timer_goes_on(void **state)
{
    struct stage stage;
    struct member d;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, false);
    direct(&stage, &d);
    assert_int_equal(sync_timer_advance(&d.actor, TIMER, 1000, 10), 1010);
    assert_int_equal(sync_timer_advance(&d.actor, TIMER, 5000, 10), 1020);
    sync_timer_set(&d.actor, TIMER, 2000);
    assert_int_equal(sync_timer_advance(&d.actor, TIMER, 1000, 10), 2010);
    stage_close(&stage);
}

static void test_full_ring_leaves_notes_out(void **state)
{
    struct stage stage;
    struct member d;
    struct event note;
    struct event *events = calloc(RING_EVENTS, sizeof *events);
    unsigned n = 0, n_told = 0;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, false);
    direct(&stage, &d);
    while (note_tell(&d.waiter.notes, NOTE_GAVE, 0, 1))
        n_told++;
    assert_int_equal(n_told, RING_EVENTS * 3 / 4);
    assert_int_equal(atomic_load(&d.waiter.notes.ring->lost), 0);
    assert_false(note_tell(&d.waiter.notes, NOTE_GAVE, 0, 1));
    n = (unsigned)ring_take(d.waiter.notes.ring, events, RING_EVENTS);
    assert_int_equal(n, n_told);
    assert_true(note_tell(&d.waiter.notes, NOTE_GAVE, 0, 1));
    assert_int_equal(ring_take(d.waiter.notes.ring, events, RING_EVENTS), 2);
    note = events[0];
    assert_int_equal(note.detail, NOTE_UNTOLD);
    assert_int_equal(note.u.lost.n, 2);
    assert_int_equal(events[1].detail, NOTE_GAVE);
    free(events);
    stage_close(&stage);
}

static void test_warnings_once(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, false);
    assert_int_equal(objects_n_warnings(stage.objects), 0);
    objects_warn(stage.objects, 0, 1, "first");
    objects_warn(stage.objects, 0, 1, "again");
    objects_warn(stage.objects, 1, 1, "another");
    assert_int_equal(objects_n_warnings(stage.objects), 2);
    assert_string_equal(objects_warning(stage.objects, 0), "first");
    assert_string_equal(objects_warning(stage.objects, 1), "another");
    assert_true(objects_created_us(stage.objects, TASK_THREAD) !=
                objects_created_us(stage.objects, TASK_THREAD));
    objects_add_created(stage.objects, TASK_THREAD, 10, 50000);
    assert_true(objects_created_us(stage.objects, TASK_THREAD) == 5);
    stage_close(&stage);
}

/* A set is used again: what a run left in it is gone. */
static void test_set_anew(void **state)
{
    struct stage stage;
    struct member d;
    uint64_t message;
    (void)state;

    stage_open(&stage, all_kinds, N_KINDS, false);
    direct(&stage, &d);
    channel_put(&d.actor, CHANNEL, HOW_PIPE, 1);
    channel_put(&d.actor, CHANNEL, HOW_SHARED, 1);
    sync_sem_post(&d.actor, SEM);
    sync_lock(&d.actor, MUTEX);
    sync_unlock(&d.actor, MUTEX);
    objects_init(stage.objects, &stage.program, 3);
    assert_int_equal(stage_object(&stage, CHANNEL).value, 0);
    assert_int_equal(stage_object(&stage, SEM).value, 0);
    assert_int_equal(stage_object(&stage, COUNTER).value, 5);
    assert_int_equal(sync_number(&d.actor, SEM), 3 * EVENT_OBJECT_SET + SEM);
    channel_put(&d.actor, CHANNEL, HOW_PIPE, 2);
    channel_take(&d.actor, CHANNEL, HOW_PIPE, &message);
    assert_int_equal(message, 2);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncontended_lock_says_nothing),
        cmocka_unit_test(test_contended_lock),
        cmocka_unit_test(test_deadlock_is_left),
        cmocka_unit_test(test_own_lock_again),
        cmocka_unit_test(test_foreign_lock_stays_locked),
        cmocka_unit_test(test_signals_go_in_order),
        cmocka_unit_test(test_broadcast_and_resume_let_all_go),
        cmocka_unit_test(test_semaphore_counts),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_barrier_opens_when_somebody_leaves),
        cmocka_unit_test(test_dead_holder_is_told),
        cmocka_unit_test(test_kept_lock_is_told),
        cmocka_unit_test(test_dead_waiter_eats_nothing),
        cmocka_unit_test(test_dead_at_the_barrier),
        cmocka_unit_test(test_dead_with_guard),
        cmocka_unit_test(test_every_wait_can_be_left),
        cmocka_unit_test(test_messages_arrive_once),
        cmocka_unit_test(test_messages_are_counted),
        cmocka_unit_test(test_games_of_two),
        cmocka_unit_test(test_partner_dies),
        cmocka_unit_test(test_counter_is_right),
        cmocka_unit_test(test_locked_and_atomic_lose_nothing),
        cmocka_unit_test(test_plain_loses),
        cmocka_unit_test(test_timer_goes_on),
        cmocka_unit_test(test_full_ring_leaves_notes_out),
        cmocka_unit_test(test_warnings_once),
        cmocka_unit_test(test_set_anew),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
