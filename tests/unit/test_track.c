/* Tracks against a naive oracle: every window at every zoom, exact and from sums, with the oldest dropped. */
#include "../../src/err.h"
#include "../../src/timeline/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_ITEMS 6000

struct trace {
    struct store store;
    struct track track;
    struct item items[N_ITEMS];
    unsigned n;
    struct item tail;
};

static uint64_t seed = 1;

static uint64_t below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static void add(struct trace *trace, uint64_t gap_ns, uint64_t wait_ns, uint64_t length_ns, uint32_t who,
                int tag)
{
    uint64_t end_ns = trace->track.end_ns;
    struct item item = {.prev_ns = end_ns,
                        .start_ns = end_ns + gap_ns,
                        .end_ns = end_ns + gap_ns + length_ns,
                        .wait_ns = wait_ns,
                        .who = who,
                        .tag = (uint8_t)tag,
                        .self = who == 3 && !trace->track.is_task};
    track_append(&trace->store, &trace->track, &item);
    trace->items[trace->n++] = item;
}

/* Phases of short and long items, with silences and lengths that do not fit 32 bits. */
static struct trace *random_trace(bool is_task, size_t budget)
{
    struct trace *trace = mem_new(1, sizeof *trace);
    store_init(&trace->store, budget);
    track_init(&trace->track, is_task, 5000);
    uint64_t scale_ns = 1000;
    while (trace->n < N_ITEMS - 1) {
        if (below(300) == 0)
            scale_ns = UINT64_C(10) << below(24);
        bool wild = below(500) == 0;
        uint64_t gap_ns = below(3) ? below(scale_ns) : 0, length_ns = below(8) ? below(scale_ns) : 0;
        if (wild && below(2))
            gap_ns += UINT64_C(5000000000);
        else if (wild)
            length_ns += UINT64_C(6000000000);
        uint64_t wait_ns = is_task && gap_ns ? below(gap_ns + 1) : 0;
        int tag = (int)below(20) == 0 ? (int)(TAG_UNKNOWN + below(3)) : (int)(SLICE_PREEMPTED + below(4));
        if (tag == TAG_TURN)
            length_ns = 0;
        add(trace, gap_ns, wait_ns, length_ns, (uint32_t)below(5), tag);
    }
    uint64_t end_ns = trace->track.end_ns;
    trace->tail = (struct item){.prev_ns = end_ns,
                                .start_ns = end_ns + 700,
                                .end_ns = end_ns + 90000,
                                .wait_ns = is_task ? 300 : 0,
                                .who = 2,
                                .tag = SLICE_OPEN};
    trace->items[trace->n++] = trace->tail;
    return trace;
}

static void free_trace(struct trace *trace)
{
    track_fini(&trace->track);
    store_fini(&trace->store);
    free(trace);
}

static uint64_t overlap(uint64_t a, uint64_t b, uint64_t from, uint64_t to)
{
    uint64_t low = a > from ? a : from, high = b < to ? b : to;
    return high > low ? high - low : 0;
}

struct oracle {
    struct bin bin;
    uint64_t who_ns[5];
};

static struct oracle ask_oracle(const struct trace *trace, const struct window *window, uint64_t a,
                                uint64_t b)
{
    struct oracle oracle = {0};
    struct bin *bin = &oracle.bin;
    uint64_t from = a > window->lo_ns ? a : window->lo_ns, to = b < window->hi_ns ? b : window->hi_ns;
    if (to < from)
        to = from;
    for (unsigned i = 0; i < trace->n; i++) {
        const struct item *item = &trace->items[i];
        uint64_t ns = overlap(item->start_ns, item->end_ns, from, to);
        bin->runnable_ns += overlap(item->start_ns - item->wait_ns, item->start_ns, from, to);
        if (item_is_slice(item)) {
            bin->run_ns += ns;
            oracle.who_ns[item->who] += ns;
            bin->self_ns += item->self ? ns : 0;
            bin->n_switches += item->start_ns >= from && item->start_ns < to;
        } else {
            bin->unknown_ns += ns;
            bin->n_samples += item->tag == TAG_SAMPLE && item->end_ns >= from && item->end_ns < to;
        }
    }
    if (trace->track.is_task)
        bin->blocked_ns = to - from - bin->run_ns - bin->runnable_ns - bin->unknown_ns;
    bin->unknown_ns += b - a - (to - from);
    return oracle;
}

static void check_leads(const struct bin *bin, const struct oracle *oracle)
{
    uint64_t last_ns = UINT64_MAX;
    for (unsigned i = 0; i < BIN_LEADS && bin->lead[i].ns; i++) {
        assert_true(bin->lead[i].who < 5);
        assert_int_equal(bin->lead[i].ns, oracle->who_ns[bin->lead[i].who]);
        assert_true(bin->lead[i].ns <= last_ns);
        last_ns = bin->lead[i].ns;
    }
    for (uint32_t who = 0; who < 5; who++) { /* nobody who is left out had more */
        bool leads = false;
        for (unsigned i = 0; i < BIN_LEADS; i++)
            leads |= bin->lead[i].ns && bin->lead[i].who == who;
        assert_true(leads || oracle->who_ns[who] <= bin->lead[BIN_LEADS - 1].ns);
    }
}

/* On a task's track only the CPU of a slice that fills the column is named. */
static void check_filler(const struct bin *bin, const struct oracle *oracle, uint64_t column_ns)
{
    if (bin->n_switches == 0 && column_ns && bin->run_ns == column_ns)
        assert_int_equal(bin->lead[0].ns, column_ns);
    if (bin->lead[0].ns)
        assert_int_equal(oracle->who_ns[bin->lead[0].who], column_ns);
    assert_int_equal(bin->lead[1].ns, 0);
}

static void check_window(const struct trace *trace, const struct window *window, unsigned n)
{
    struct bin *bins = mem_new(n, sizeof *bins);
    struct bin sum = {0};
    track_bins(&trace->track, &trace->tail, window, n, bins);
    for (unsigned i = 0; i < n; i++) {
        uint64_t a = window->start_ns + (uint64_t)((unsigned __int128)window->span_ns * i / n);
        uint64_t b = window->start_ns + (uint64_t)((unsigned __int128)window->span_ns * (i + 1) / n);
        struct oracle oracle = ask_oracle(trace, window, a, b);
        const struct bin *bin = &bins[i];
        sum.run_ns += bin->run_ns;
        sum.self_ns += bin->self_ns;
        sum.runnable_ns += bin->runnable_ns;
        sum.unknown_ns += bin->unknown_ns;
        sum.n_switches += bin->n_switches;
        sum.n_samples += bin->n_samples;
        assert_true(bin->lead[0].ns + bin->lead[1].ns + bin->lead[2].ns <= bin->run_ns);
        if (trace->track.is_task)
            assert_int_equal(bin->run_ns + bin->runnable_ns + bin->blocked_ns + bin->unknown_ns, b - a);
        if (bin->approximate)
            continue;
        assert_int_equal(bin->run_ns, oracle.bin.run_ns);
        assert_int_equal(bin->self_ns, oracle.bin.self_ns);
        assert_int_equal(bin->runnable_ns, oracle.bin.runnable_ns);
        assert_int_equal(bin->blocked_ns, oracle.bin.blocked_ns);
        assert_int_equal(bin->unknown_ns, oracle.bin.unknown_ns);
        assert_int_equal(bin->n_switches, oracle.bin.n_switches);
        assert_int_equal(bin->n_samples, oracle.bin.n_samples);
        if (trace->track.is_task)
            check_filler(bin, &oracle, b - a);
        else
            check_leads(bin, &oracle);
    }
    /* No time is made or lost, however rough the columns are: the ends of the whole are exact. */
    struct oracle whole = ask_oracle(trace, window, window->start_ns, window->start_ns + window->span_ns);
    assert_true(llabs((long long)(sum.run_ns - whole.bin.run_ns)) <= n);
    assert_true(llabs((long long)(sum.runnable_ns - whole.bin.runnable_ns)) <= n);
    assert_true(llabs((long long)(sum.unknown_ns - whole.bin.unknown_ns)) <= 2 * n);
    assert_int_equal(sum.n_switches, whole.bin.n_switches);
    assert_int_equal(sum.n_samples, whole.bin.n_samples);
    free(bins);
}

static void check_all_windows(struct trace *trace)
{
    static const unsigned scans[] = {0, 3, 20, 1000000}, columns[] = {1, 7, 64, 65, 200};
    uint64_t lo_ns = trace->store.edge_ns > 5000 ? trace->store.edge_ns : 5000, hi_ns = trace->tail.end_ns;
    for (unsigned s = 0; s < 4; s++) {
        for (unsigned c = 0; c < 5; c++) {
            struct window window = {0, hi_ns + 1000, lo_ns, hi_ns, scans[s], false, false};
            check_window(trace, &window, columns[c]);
            for (unsigned i = 0; i < 12; i++) {
                window.span_ns = 1 + below(UINT64_C(1) << (4 + below(40)));
                window.start_ns = lo_ns + below(hi_ns - lo_ns);
                check_window(trace, &window, columns[c]);
            }
            window.start_ns = trace->items[trace->n / 2].start_ns; /* borders on items' borders */
            window.span_ns = trace->items[trace->n / 2 + 40].end_ns - window.start_ns;
            check_window(trace, &window, columns[c]);
        }
    }
}

static void test_cpu_windows(void **state)
{
    (void)state;
    for (seed = 1; seed < 40; seed += 13) {
        struct trace *trace = random_trace(false, (size_t)1 << 24);
        assert_int_equal(trace->store.edge_ns, 0);
        check_all_windows(trace);
        free_trace(trace);
    }
}

static void test_task_windows(void **state)
{
    (void)state;
    for (seed = 2; seed < 40; seed += 13) {
        struct trace *trace = random_trace(true, (size_t)1 << 24);
        check_all_windows(trace);
        free_trace(trace);
    }
}

static void test_dropping(void **state)
{
    (void)state;
    seed = 77;
    struct trace *trace = random_trace(true, 40000);
    assert_true(trace->store.edge_ns > 5000);
    assert_true(trace->store.used <= 40000 + 4096);
    check_all_windows(trace);
    free_trace(trace);
}

/* An error of a rough column is bounded by the chunks at its two ends: 128 items each. */
static void test_rough_columns(void **state)
{
    (void)state;
    seed = 5;
    struct trace *trace = mem_new(1, sizeof *trace);
    store_init(&trace->store, (size_t)1 << 24);
    track_init(&trace->track, false, 0);
    for (unsigned i = 0; i < N_ITEMS - 1; i++)
        add(trace, below(1000), 0, below(1000), (uint32_t)(i / 1500), SLICE_PREEMPTED);
    trace->tail =
        (struct item){.start_ns = trace->track.end_ns, .end_ns = trace->track.end_ns, .tag = TAG_TURN};
    struct bin bins[10];
    struct window window = {0, trace->track.end_ns, 0, trace->track.end_ns, 0, false, false};
    track_bins(&trace->track, &trace->tail, &window, 10, bins);
    for (unsigned i = 0; i < 10; i++) {
        struct oracle oracle =
            ask_oracle(trace, &window, window.span_ns * i / 10, window.span_ns * (i + 1) / 10);
        assert_true(bins[i].approximate);
        assert_true(llabs((long long)(bins[i].run_ns - oracle.bin.run_ns)) < 2 * 128 * 1000);
        assert_true(abs((int)(bins[i].n_switches - oracle.bin.n_switches)) < 2 * 128);
        assert_int_equal(bins[i].lead[0].who, i < 9 ? (i * 4 + 1) / 10 : 3);
    }
    free_trace(trace);
}

static void test_walk(void **state)
{
    (void)state;
    seed = 9;
    struct trace *trace = random_trace(true, (size_t)1 << 24);
    struct cursor cursor = cursor_seek(&trace->track, &trace->tail, 0);
    for (unsigned i = 0; i < trace->n; i++) {
        struct item item = cursor_item(&cursor), want = trace->items[i];
        assert_int_equal(item.start_ns, want.start_ns);
        assert_int_equal(item.end_ns, want.end_ns);
        assert_int_equal(item.prev_ns, want.prev_ns);
        assert_int_equal(item.wait_ns, want.wait_ns);
        assert_int_equal(item.tag, want.tag);
        assert_int_equal(item.who, want.who);
        assert_int_equal(cursor_next(&cursor), i + 1 < trace->n);
    }
    unsigned n = 0;
    while (cursor_back(&cursor))
        n++;
    assert_int_equal(n, trace->n - 1);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t t_ns = below(trace->tail.end_ns + 10);
        unsigned want = 0;
        while (want < trace->n - 1 && trace->items[want].end_ns < t_ns)
            want++;
        cursor = cursor_seek(&trace->track, &trace->tail, t_ns);
        assert_int_equal(cursor_item(&cursor).start_ns, trace->items[want].start_ns);
    }
    free_trace(trace);
}

static void test_set_self(void **state)
{
    (void)state;
    seed = 11;
    struct trace *trace = random_trace(false, (size_t)1 << 24);
    uint64_t want_ns = 0, n = 0;
    for (unsigned i = 0; i < trace->n - 1; i++) {
        if (trace->items[i].who == 1 && item_is_slice(&trace->items[i])) {
            want_ns += trace->items[i].end_ns - trace->items[i].start_ns;
            n++;
            trace->items[i].self = true;
        }
    }
    struct cpu_totals moved = track_set_self(&trace->track, 1, true, 0);
    assert_int_equal(moved.busy_ns, want_ns);
    assert_int_equal(moved.n_slices, n);
    check_all_windows(trace);
    moved = track_set_self(&trace->track, 1, true, 0);
    assert_int_equal(moved.n_slices, 0);
    free_trace(trace);
}

/* Thousands of tracks in one small store: it stays within its budget and the oldest goes first. */
static void test_many_tracks(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct store store;
    struct track *tracks = mem_new(N, sizeof *tracks);
    store_init(&store, 300000);
    for (unsigned i = 0; i < N; i++)
        track_init(&tracks[i], true, 0);
    for (uint64_t t_ns = 1; t_ns < 60000; t_ns++) {
        struct item item = {.start_ns = t_ns * 10, .end_ns = t_ns * 10 + 5, .tag = SLICE_BLOCKED};
        track_append(&store, &tracks[t_ns * 7 % N], &item);
        assert_true(store.used <= 300000 + 2048);
    }
    uint64_t oldest_ns = UINT64_MAX, newest_dropped_ns = 0;
    for (unsigned i = 0; i < N; i++) {
        struct item tail = {.tag = TAG_TURN};
        struct cursor cursor = cursor_seek(&tracks[i], &tail, 0);
        if (!tracks[i].n) {
            if (tracks[i].end_ns > newest_dropped_ns)
                newest_dropped_ns = tracks[i].end_ns;
            continue;
        }
        uint64_t end_ns = tracks[i].end_ns;
        (void)cursor;
        if (end_ns < oldest_ns)
            oldest_ns = end_ns;
    }
    assert_true(newest_dropped_ns <= store.edge_ns);
    assert_true(oldest_ns >= store.edge_ns);
    for (unsigned i = 0; i < N; i++)
        track_fini(&tracks[i]);
    free(tracks);
    store_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_windows), cmocka_unit_test(test_task_windows),
        cmocka_unit_test(test_dropping),    cmocka_unit_test(test_rough_columns),
        cmocka_unit_test(test_walk),        cmocka_unit_test(test_set_self),
        cmocka_unit_test(test_many_tracks),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
