/* Every synchronising event at once: 64 tasks, threads and then processes, lose no wakeup and no update; and
 * whoever is killed in the middle of it holds nobody up.
 * SCHEDVIZ_TEST_LONG=1: a million operations of each sort of task; else as many as go in a few seconds. */
#include "../../src/clock.h"
#include "sync_fixture.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N_TASKS   STAGE_MAX_TASKS
#define SEM_VALUE 5
#define MAX_ITEMS 3

enum {
    MUTEX,
    HEIR, /* a mutex with priority inheritance */
    BUFFER_MUTEX,
    NOT_EMPTY,
    NOT_FULL,
    CROWD_MUTEX,
    CROWD,
    SYNC_MUTEX,
    SYNC,
    SEM,
    BARRIER,
    SUSPEND,
    COUNTER,
    ATOMIC_COUNTER,
    CHANNEL,
    PIPE,
    GAME,
};

static const struct object objects[] = {
    [MUTEX] = {.kind = OBJECT_MUTEX},        [HEIR] = {.kind = OBJECT_MUTEX, .inherits = true},
    [BUFFER_MUTEX] = {.kind = OBJECT_MUTEX}, [NOT_EMPTY] = {.kind = OBJECT_CONDITION},
    [NOT_FULL] = {.kind = OBJECT_CONDITION}, [CROWD_MUTEX] = {.kind = OBJECT_MUTEX},
    [CROWD] = {.kind = OBJECT_CONDITION},    [SYNC_MUTEX] = {.kind = OBJECT_MUTEX},
    [SYNC] = {.kind = OBJECT_CONDITION},     [SEM] = {.kind = OBJECT_SEM, .value = SEM_VALUE},
    [BARRIER] = {.kind = OBJECT_BARRIER},    [SUSPEND] = {.kind = OBJECT_SUSPEND},
    [COUNTER] = {.kind = OBJECT_COUNTER},    [ATOMIC_COUNTER] = {.kind = OBJECT_COUNTER},
    [CHANNEL] = {.kind = OBJECT_CHANNEL},    [PIPE] = {.kind = OBJECT_CHANNEL},
    [GAME] = {.kind = OBJECT_CHANNEL},
};

/* The shared words of the test. Those that a lock guards are only loaded and stored, so that a lock that lets
 * two in loses an update. */
enum {
    ROUNDS,
    N_OPS,
    ARRIVED, /* at the barrier, in all rounds */
    GUARDED,
    GUARDED_BY_HEIR,
    INSIDE, /* the semaphore */
    MOST_INSIDE,
    ITEMS,
    PRODUCED,
    CONSUMED,
    CROWD_HERE,
    CROWD_TURN,
    RESUMED,
    RALLIED, /* by SYNC */
    SENT,
    RECEIVED,
    WRONG,
};

static int64_t get(const struct member *m, unsigned word)
{
    return atomic_load_explicit(&m->stage->shared->words[word], memory_order_relaxed);
}

static void set(const struct member *m, unsigned word, int64_t value)
{
    atomic_store_explicit(&m->stage->shared->words[word], value, memory_order_relaxed);
}

static void add(const struct member *m, unsigned word, int64_t value)
{
    atomic_fetch_add(&m->stage->shared->words[word], value);
}

static int use_locks(struct member *m)
{
    sync_lock(&m->actor, MUTEX);
    set(m, GUARDED, get(m, GUARDED) + 1);
    sync_unlock(&m->actor, MUTEX);
    sync_lock(&m->actor, HEIR);
    set(m, GUARDED_BY_HEIR, get(m, GUARDED_BY_HEIR) + 1);
    sync_unlock(&m->actor, HEIR);
    return 4;
}

static int use_counters(struct member *m)
{
    counter_add(&m->actor, COUNTER, HOW_LOCKED, 1, 2);
    counter_add(&m->actor, ATOMIC_COUNTER, HOW_ATOMIC, 1, 2);
    return 4;
}

static int use_semaphore(struct member *m)
{
    sync_sem_wait(&m->actor, SEM);
    int64_t inside = atomic_fetch_add(&m->stage->shared->words[INSIDE], 1) + 1;
    if (inside > get(m, MOST_INSIDE))
        set(m, MOST_INSIDE, inside);
    if (inside > SEM_VALUE)
        add(m, WRONG, 1);
    add(m, INSIDE, -1);
    sync_sem_post(&m->actor, SEM);
    return 2;
}

/* A bounded buffer: half of the tasks fill it, half empty it. */
static int use_buffer(struct member *m)
{
    bool produces = m->number % 2;

    sync_lock(&m->actor, BUFFER_MUTEX);
    while (get(m, ITEMS) == (produces ? MAX_ITEMS : 0))
        sync_wait(&m->actor, produces ? NOT_FULL : NOT_EMPTY, BUFFER_MUTEX);
    set(m, ITEMS, get(m, ITEMS) + (produces ? 1 : -1));
    set(m, produces ? PRODUCED : CONSUMED, get(m, produces ? PRODUCED : CONSUMED) + 1);
    sync_signal(&m->actor, produces ? NOT_EMPTY : NOT_FULL);
    sync_unlock(&m->actor, BUFFER_MUTEX);
    return 4;
}

/* The last one to come lets all others go. */
static int use_broadcast(struct member *m)
{
    sync_lock(&m->actor, CROWD_MUTEX);
    int64_t turn = get(m, CROWD_TURN), here = get(m, CROWD_HERE) + 1;
    if (here == N_TASKS) {
        set(m, CROWD_HERE, 0);
        set(m, CROWD_TURN, turn + 1);
        sync_broadcast(&m->actor, CROWD);
    } else {
        set(m, CROWD_HERE, here);
        while (get(m, CROWD_TURN) == turn)
            sync_wait(&m->actor, CROWD, CROWD_MUTEX);
    }
    sync_unlock(&m->actor, CROWD_MUTEX);
    return 3;
}

/* A chain: each one that comes lets the one before it go, and the last one is let go by the first of all,
 * which goes on signalling until everybody was. */
static int use_rally(struct member *m, int64_t round)
{
    const int64_t n = N_TASKS - 1;

    if (m->number > 0) {
        sync_lock(&m->actor, SYNC_MUTEX);
        sync_signal(&m->actor, SYNC);
        sync_wait(&m->actor, SYNC, SYNC_MUTEX);
        sync_unlock(&m->actor, SYNC_MUTEX);
        add(m, RALLIED, 1);
        return 4;
    }
    while (get(m, RALLIED) < n * (round + 1)) {
        sync_signal(&m->actor, SYNC);
        wait_yield(&m->waiter);
    }
    return 1;
}

/* Nobody remembers a resume: the first task goes on until everybody went on. */
static int use_suspend(struct member *m, int64_t round)
{
    const int64_t n = N_TASKS - 1;

    if (m->number > 0) {
        sync_suspend(&m->actor, SUSPEND);
        add(m, RESUMED, 1);
        return 1;
    }
    while (get(m, RESUMED) < n * (round + 1)) {
        sync_resume(&m->actor, SUSPEND);
        wait_yield(&m->waiter);
    }
    return 1;
}

static int use_messages(struct member *m, int64_t round)
{
    uint64_t message = (uint64_t)round * N_TASKS + m->number, pipe_message = message;

    if (m->number % 2) {
        channel_put(&m->actor, CHANNEL, HOW_SHARED, message);
        channel_put(&m->actor, PIPE, HOW_PIPE, pipe_message);
        add(m, SENT, (int64_t)(message + 3 * pipe_message));
    } else {
        channel_take(&m->actor, CHANNEL, HOW_SHARED, &message);
        channel_take(&m->actor, PIPE, HOW_PIPE, &pipe_message);
        add(m, RECEIVED, (int64_t)(message + 3 * pipe_message));
    }
    return 2;
}

static int use_games(struct member *m)
{
    channel_pingpong(&m->actor, GAME, HOW_SHARED, 2, (struct channel_load){NULL, 0});
    return 4;
}

/* Nobody is through before all have come. */
static int use_barrier(struct member *m, int64_t round)
{
    add(m, ARRIVED, 1);
    sync_barrier(&m->actor, BARRIER);
    int64_t arrived = get(m, ARRIVED);
    if (arrived < N_TASKS * (round + 1) || arrived >= N_TASKS * (round + 2))
        add(m, WRONG, 1);
    return 1;
}

static void use_everything(struct member *m)
{
    int64_t n_rounds, n = 0;

    while ((n_rounds = get(m, ROUNDS)) == 0) /* all are to be counted before the first one counts on them */
        usleep(1000);
    for (int64_t round = 0; round < n_rounds; round++) {
        n += use_locks(m);
        n += use_counters(m);
        n += use_semaphore(m);
        n += use_buffer(m);
        n += use_broadcast(m);
        n += use_rally(m, round);
        n += use_suspend(m, round);
        n += use_messages(m, round);
        n += use_games(m);
        n += use_barrier(m, round);
    }
    add(m, N_OPS, n);
}

static void check(struct stage *stage, int64_t n_rounds)
{
    const struct member m = {.stage = stage};
    const int64_t n = n_rounds * N_TASKS;

    assert_int_equal(get(&m, WRONG), 0);
    assert_int_equal(get(&m, GUARDED), n);
    assert_int_equal(get(&m, GUARDED_BY_HEIR), n);
    assert_int_equal(stage_object(stage, COUNTER).value, 2 * n);
    assert_int_equal(stage_object(stage, COUNTER).expected, 2 * n);
    assert_int_equal(stage_object(stage, ATOMIC_COUNTER).value, 2 * n);
    assert_int_equal(stage_object(stage, SEM).value, SEM_VALUE);
    assert_int_equal(get(&m, ITEMS), 0);
    assert_int_equal(get(&m, PRODUCED), n / 2);
    assert_int_equal(get(&m, CONSUMED), n / 2);
    assert_int_equal(get(&m, CROWD_TURN), n_rounds);
    assert_int_equal(get(&m, RALLIED), n - n_rounds);
    assert_int_equal(get(&m, RESUMED), n - n_rounds);
    assert_int_equal(get(&m, SENT), get(&m, RECEIVED));
    assert_int_equal(stage_object(stage, GAME).n_ops, n);
    for (uint32_t i = 0; i < stage->program.n_objects; i++) {
        assert_int_equal(stage_object(stage, i).n_waiting, 0);
        assert_int_equal(stage_object(stage, i).owner_tid, 0);
    }
}

static void run(bool processes, int64_t n_rounds)
{
    struct stage stage;
    uint64_t begin_ns = clock_now_ns();

    stage_open(&stage, objects, sizeof objects / sizeof *objects, processes);
    for (unsigned i = 0; i < N_TASKS; i++)
        stage_start(&stage, use_everything);
    atomic_store(&stage.shared->words[ROUNDS], n_rounds);
    if (!stage_join(&stage))
        fail_msg("a wakeup was lost: some task waits for ever");
    check(&stage, n_rounds);
    print_message("# %lld operations of %d %s in %.1f s\n",
                  (long long)atomic_load(&stage.shared->words[N_OPS]), N_TASKS,
                  processes ? "processes" : "threads", (double)(clock_now_ns() - begin_ns) / 1e9);
    stage_close(&stage);
}

/* ---- death in the middle ---- */

#define N_ALIVE 12

/* Each takes a message only after it has put one, so nobody waits for one that died with its owner. */
static void go_round(struct member *m)
{
    uint64_t message;

    while (get(m, ROUNDS) == 0) {
        sync_lock(&m->actor, MUTEX);
        counter_add(&m->actor, COUNTER, HOW_LOCKED, 1, 3);
        sync_unlock(&m->actor, MUTEX);
        sync_lock(&m->actor, HEIR);
        sync_unlock(&m->actor, HEIR);
        channel_put(&m->actor, CHANNEL, HOW_SHARED, 1);
        channel_take(&m->actor, CHANNEL, HOW_SHARED, &message);
        sync_barrier(&m->actor, BARRIER);
        add(m, ARRIVED, 1);
    }
}

static void wait_progress(struct stage *stage)
{
    const struct member m = {.stage = stage};
    int64_t before = get(&m, ARRIVED);
    uint64_t end_ns = clock_now_ns() + STAGE_PATIENCE_S * NS_PER_S;

    while (get(&m, ARRIVED) < before + 3 * N_ALIVE) {
        if (clock_now_ns() > end_ns)
            fail_msg("after a death the others wait for ever");
        usleep(100);
    }
}

static void test_kill_at_any_moment(void **state)
{
    struct stage stage;
    (void)state;

    stage_open(&stage, objects, sizeof objects / sizeof *objects, true);
    for (unsigned i = 0; i < N_ALIVE; i++)
        stage_start(&stage, go_round);
    while (stage.n_tasks < N_TASKS) {
        wait_progress(&stage);
        stage_kill(&stage, stage.n_tasks - N_ALIVE);
        stage_start(&stage, go_round);
    }
    wait_progress(&stage);
    atomic_store(&stage.shared->words[ROUNDS], 1);
    assert_true(stage_join(&stage));
    assert_int_equal(stage_object(&stage, BARRIER).n_waiting, 0);
    assert_int_equal(stage_object(&stage, CHANNEL).n_waiting, 0);
    stage_close(&stage);
}

static int64_t rounds(void)
{
    const char *is_long = getenv("SCHEDVIZ_TEST_LONG");

    return is_long && strcmp(is_long, "1") == 0 ? 700 : 100;
}

static void test_threads(void **state)
{
    (void)state;
    run(false, rounds());
}

static void test_processes(void **state)
{
    (void)state;
    run(true, rounds());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_kill_at_any_moment),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
