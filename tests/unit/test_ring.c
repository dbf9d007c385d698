/* The ring between one task and schedviz: order, fullness, and what is said of losses. */
#include "../../src/engine/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    if (!ring)
        return -1;
    memset(ring, 0, sizeof *ring);
    *state = ring;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void a_full_ring_says_what_it_lost(void **state)
{
    struct ring *ring = *state;
    static struct event events[RING_EVENTS];

    for (int i = 0; i < RING_EVENTS + 5; i++)
        assert_int_equal(ring_push(ring, &(struct event){.tid = i}), i < RING_EVENTS);
    assert_int_equal(ring_take(ring, events, 1), 1);
    assert_int_equal(events[0].tid, 0);
    assert_false(ring_push(ring, &(struct event){.tid = 1})); /* room for itself alone, not for the notice */
    assert_int_equal(ring_take(ring, events, RING_EVENTS), RING_EVENTS - 1);
    assert_int_equal(events[RING_EVENTS - 2].tid, RING_EVENTS - 1);

    assert_true(ring_push(ring, &(struct event){.tid = 7, .time_ns = 9, .kind = EVENT_SWITCH_IN}));
    assert_int_equal(ring_take(ring, events, RING_EVENTS), 2);
    assert_int_equal(events[0].kind, EVENT_LOST);
    assert_int_equal(events[0].u.lost.n, 6);
    assert_int_equal(events[0].time_ns, 9);
    assert_int_equal(events[1].kind, EVENT_SWITCH_IN);
    assert_int_equal(ring->lost, 6);
    assert_int_equal(ring_take(ring, events, RING_EVENTS), 0);
}

static void the_room_is_what_fits(void **state)
{
    struct ring *ring = *state;
    struct event event = {0};

    for (size_t room = RING_EVENTS; room > 0; room--) {
        assert_int_equal(ring_room(ring), room);
        assert_true(ring_push(ring, &event));
    }
    assert_int_equal(ring_room(ring), 0);
    assert_false(ring_push(ring, &event));
    assert_int_equal(ring_room(ring), 0);
    ring_take(ring, &event, 1);
    assert_int_equal(ring_room(ring), 0); /* the notice of the loss has this place */
    ring_take(ring, &event, 1);
    assert_int_equal(ring_room(ring), 1);
    assert_true(ring_push(ring, &event));
    assert_int_equal(ring_room(ring), 0);
}

#define N_SENT 300000

static void *send(void *arg)
{
    struct ring *ring = arg;

    for (int i = 0; i < N_SENT;) {
        if (ring_room(ring) > 0 && ring_push(ring, &(struct event){.tid = i, .time_ns = (uint64_t)i * 3}))
            i++;
    }
    return NULL;
}

static void nothing_is_lost_or_torn_under_way(void **state)
{
    struct ring *ring = *state;
    static struct event events[100];
    pthread_t thread;
    int next = 0;

    assert_int_equal(pthread_create(&thread, NULL, send, ring), 0);
    while (next < N_SENT) {
        size_t n = ring_take(ring, events, 100);
        for (size_t i = 0; i < n; i++, next++) {
            assert_int_equal(events[i].tid, next);
            assert_true(events[i].time_ns == (uint64_t)next * 3);
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(ring->lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_ring_says_what_it_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_room_is_what_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_or_torn_under_way, set_up, tear_down),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
