/* The window of time: what each mode shows, and where zoom, pan and steps lead. */
#include "../../ui/viewport.h"

#include "../../src/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS NS_PER_MS

static struct timeline *tl;
static struct viewport vp;

/* Two tasks take turns on CPU 0, 4 ms each, from 1 s on. */
static void play(uint64_t from_ms, uint64_t to_ms)
{
    for (uint64_t t = from_ms; t < to_ms; t += 4) {
        int tid = 100 + (int)(t / 4 % 2);
        struct event events[] = {
            {.time_ns = t * MS, .tid = tid, .kind = EVENT_SWITCH_IN},
            {.time_ns = (t + 4) * MS, .tid = tid, .kind = EVENT_SWITCH_OUT, .detail = OUT_PREEMPTED},
        };
        timeline_sink(tl)->push(timeline_sink(tl), events, 2);
    }
    timeline_advance(tl, to_ms * MS);
}

static int setup(void **state)
{
    (void)state;
    tl = timeline_new(0);
    viewport_init(&vp);
    viewport_resize(&vp, 100); /* 100 ms */
    play(1000, 3000);
    vp.trigger_task = timeline_task_by_tid(tl, 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    timeline_free(tl);
    return 0;
}

static void scope_holds_still_and_is_triggered(void **state)
{
    (void)state;
    viewport_update(&vp, tl);
    uint64_t start = vp.start_ns;
    assert_int_equal(vp.trigger_ns, start);
    assert_true(start + viewport_span_ns(&vp) <= 3000 * MS);
    assert_int_equal(start % (8 * MS), 0); /* task 100 comes in every 8 ms */
    play(3000, 3400);
    viewport_update(&vp, tl);
    assert_int_equal(vp.start_ns, start); /* held */
    play(3400, 3600);
    viewport_update(&vp, tl);
    assert_true(vp.start_ns > start); /* the next one */
}

static void scope_runs_free_without_a_trigger(void **state)
{
    (void)state;
    vp.trigger_task = TIMELINE_NO_TASK;
    viewport_update(&vp, tl);
    assert_int_equal(vp.trigger_ns, 0);
    assert_int_equal(vp.start_ns, 2900 * MS);
}

static void scope_answers_a_change_at_once(void **state)
{
    (void)state;
    viewport_update(&vp, tl);
    viewport_answer(&vp, 3000 * MS);
    viewport_update(&vp, tl);
    assert_true(vp.start_ns < 3000 * MS && vp.start_ns + viewport_span_ns(&vp) > 3000 * MS);
    uint64_t start = vp.start_ns;
    play(3000, 3200);
    viewport_update(&vp, tl);
    assert_int_equal(vp.start_ns, start); /* and is held, whole */
    play(3200, 4400);
    viewport_update(&vp, tl);
    assert_true(vp.start_ns > start);
}

static void slow_motion_plays_while_capture_goes_on(void **state)
{
    (void)state;
    viewport_update(&vp, tl);
    viewport_set_mode(&vp, tl, MODE_SLOW);
    uint64_t head = vp.playhead_ns;
    vp.slowness = 100;
    play(3000, 5000);
    viewport_update(&vp, tl);
    assert_int_equal(vp.playhead_ns, head + 20 * MS);
    assert_int_equal(vp.behind_ns, 5000 * MS - vp.playhead_ns);
    assert_int_equal(vp.known_ns, vp.playhead_ns);
    /* Paused, nothing moves: same window, the cursor where the playhead was, the ticker still there. */
    uint64_t start = vp.start_ns, at = vp.playhead_ns;
    viewport_set_mode(&vp, tl, MODE_PAUSED);
    viewport_pan(&vp, tl, 0);
    viewport_update(&vp, tl);
    assert_true(vp.start_ns == start && vp.cursor_ns == at && vp.ticking);
    viewport_live(&vp, tl);
    viewport_update(&vp, tl);
    assert_false(vp.ticking);
    assert_int_equal(vp.mode, MODE_SCOPE);
    assert_true(vp.start_ns >= 4800 * MS);
}

static void scroll_moves_by_whole_columns(void **state)
{
    (void)state;
    viewport_set_mode(&vp, tl, MODE_SCROLL);
    viewport_update(&vp, tl);
    assert_int_equal(vp.start_ns % vp.col_ns, 0);
    assert_true(vp.start_ns + viewport_span_ns(&vp) >= 3000 * MS);
}

static void zoom_goes_by_1_2_5_within_its_limits(void **state)
{
    (void)state;
    viewport_set_mode(&vp, tl, MODE_PAUSED);
    uint64_t cursor = vp.cursor_ns;
    static const uint64_t in[] = {500000, 200000, 100000, 50000, 20000, 10000, 10000};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        viewport_zoom(&vp, tl, 1);
        assert_int_equal(vp.col_ns, in[i]);
        assert_int_equal(vp.cursor_ns, cursor);
    }
    for (int i = 0; i < 40; i++)
        viewport_zoom(&vp, tl, -1);
    assert_int_equal(vp.col_ns, VIEWPORT_MAX_COL_NS);
}

static void steps_move_the_window_along(void **state)
{
    (void)state;
    viewport_home(&vp, tl);
    uint64_t t = timeline_next_switch(tl, -1, 2000 * MS - 1, 1);
    assert_int_equal(t, 2000 * MS);
    viewport_move_cursor(&vp, tl, t);
    assert_int_equal(vp.cursor_ns, t);
    assert_true(vp.start_ns <= t && t < vp.start_ns + viewport_span_ns(&vp));
    viewport_pan(&vp, tl, -100000000); /* far beyond the beginning */
    assert_true(vp.start_ns + viewport_span_ns(&vp) >= 1000 * MS);
    viewport_pan(&vp, tl, 100000000);
    assert_true(vp.start_ns <= 3000 * MS);
}

static void what_is_fitted_stays_so_in_fewer_columns(void **state)
{
    (void)state;
    viewport_fit(&vp, tl, 1000 * MS, 3000 * MS);
    assert_true(vp.start_ns == 1000 * MS && vp.start_ns + viewport_span_ns(&vp) > 3000 * MS);
    viewport_resize(&vp, 70);
    assert_true(vp.start_ns == 1000 * MS && vp.start_ns + viewport_span_ns(&vp) > 3000 * MS);
    viewport_zoom(&vp, tl, 1); /* the user's own window */
    const uint64_t col_ns = vp.col_ns;
    viewport_resize(&vp, 50);
    assert_int_equal(vp.col_ns, col_ns);
}

static void expect_inside(void)
{
    const uint64_t span = viewport_span_ns(&vp), room = vp.last_ns - vp.first_ns;
    assert_in_range(vp.cursor_ns, vp.first_ns, vp.last_ns);
    assert_true(vp.start_ns >= vp.first_ns);
    assert_true(vp.start_ns + span <= vp.last_ns + (span > room ? span : span / 8 + 8));
}

static void a_replay_is_not_left(void **state)
{
    (void)state;
    static const int ways[] = {60, -60, 100000, -100000, 100000};
    vp.first_ns = 1200 * MS;
    vp.last_ns = 2200 * MS;
    for (int zoom = 0; zoom < 3; zoom++) { /* windows of 100 ms, of all of it, of more */
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            for (int k = 0; k < 40; k++) {
                viewport_pan(&vp, tl, ways[i]);
                expect_inside();
            }
            assert_int_equal(vp.cursor_ns, ways[i] > 0 ? vp.last_ns : vp.first_ns);
        }
        viewport_move_cursor(&vp, tl, 2900 * MS);
        expect_inside();
        viewport_move_cursor(&vp, tl, 500 * MS);
        expect_inside();
        for (int i = 0; i < 3; i++)
            viewport_zoom(&vp, tl, -1);
        expect_inside();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scope_holds_still_and_is_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(scope_runs_free_without_a_trigger, setup, teardown),
        cmocka_unit_test_setup_teardown(scope_answers_a_change_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_motion_plays_while_capture_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(scroll_moves_by_whole_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(zoom_goes_by_1_2_5_within_its_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_move_the_window_along, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replay_is_not_left, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_fitted_stays_so_in_fewer_columns, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
