/* The merge: one order of time out of many streams, whatever these do. */
#include "../../src/err.h"
#include "../../src/observe/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STREAMS_MAX 1200

/* A source whose streams are arrays. */
struct scripted {
    struct source source;
    unsigned n_streams;
    struct {
        const struct event *events;
        size_t n, pos;
    } streams[STREAMS_MAX];
};

static unsigned scripted_n_streams(const struct source *source)
{
    return ((const struct scripted *)source)->n_streams;
}

static size_t scripted_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    struct scripted *s = (struct scripted *)source;
    size_t n = s->streams[stream].n - s->streams[stream].pos;
    if (n > max)
        n = max;
    if (n > 0)
        memcpy(events, s->streams[stream].events + s->streams[stream].pos, n * sizeof *events);
    s->streams[stream].pos += n;
    return n;
}

static const struct source_ops scripted_ops = {
    .name = "scripted", .n_streams = scripted_n_streams, .read = scripted_read};

static struct scripted *scripted_new(unsigned n_streams)
{
    struct scripted *s = mem_new(1, sizeof *s);
    s->source.ops = &scripted_ops;
    s->n_streams = n_streams;
    return s;
}

static void feed(struct scripted *s, unsigned stream, const struct event *events, size_t n)
{
    s->streams[stream].events = events;
    s->streams[stream].n = n;
    s->streams[stream].pos = 0;
}

/* A sink that keeps all. */
struct keeper {
    struct sink sink;
    size_t n, max;
    struct event *events;
};

static void keep(struct sink *sink, const struct event *events, unsigned long n)
{
    struct keeper *k = (struct keeper *)sink;
    assert_true(n > 0);
    if (k->n + n > k->max) {
        k->max = 2 * (k->n + n);
        k->events = mem_resize(k->events, k->max, sizeof *k->events);
    }
    memcpy(k->events + k->n, events, n * sizeof *events);
    k->n += n;
}

static struct event at(uint64_t time_ns, int tid)
{
    return (struct event){.time_ns = time_ns, .tid = tid, .cpu = 0, .kind = EVENT_SWITCH_IN};
}

static void expect(const struct keeper *k, const uint64_t *times, const int *tids, size_t n)
{
    assert_int_equal(k->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(k->events[i].time_ns, times[i]);
        assert_int_equal(k->events[i].tid, tids[i]);
    }
}

static void test_order(void **state)
{
    const struct event a[] = {at(1, 10), at(4, 11), at(5, 12)};
    const struct event b[] = {at(2, 20), at(3, 21), at(9, 22)};
    struct scripted *s = scripted_new(3);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    (void)state;
    feed(s, 0, a, 3);
    feed(s, 2, b, 3);
    merge_add(merge, &s->source);
    assert_int_equal(merge_run(merge, 100, &k.sink), 6);
    expect(&k, (uint64_t[]){1, 2, 3, 4, 5, 9}, (int[]){10, 20, 21, 11, 12, 22}, 6);
    assert_int_equal(merge_run(merge, 200, &k.sink), 0);
    assert_int_equal(merge_n_late(merge), 0);
    merge_free(merge);
    free(k.events);
    free(s);
}

static void test_equal_times_keep_stream_order(void **state)
{
    const struct event a[] = {at(0, 10), at(5, 11), at(5, 12)};
    const struct event b[] = {at(0, 20), at(5, 21), at(6, 22)};
    const struct event c[] = {at(0, 30), at(5, 31)};
    struct scripted *s = scripted_new(2), *t = scripted_new(1);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    (void)state;
    feed(s, 0, a, 3);
    feed(s, 1, b, 3);
    feed(t, 0, c, 2);
    merge_add(merge, &s->source);
    merge_add(merge, &t->source);
    merge_run(merge, 100, &k.sink);
    expect(&k, (uint64_t[]){0, 0, 0, 5, 5, 5, 5, 6}, (int[]){10, 20, 30, 11, 12, 21, 31, 22}, 8);
    merge_free(merge);
    free(k.events);
    free(s);
    free(t);
}

static void test_until_holds_back(void **state)
{
    const struct event a[] = {at(1, 10), at(5, 11)};
    const struct event b[] = {at(3, 20)};
    struct scripted *s = scripted_new(2);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    (void)state;
    feed(s, 0, a, 2);
    merge_add(merge, &s->source);
    assert_int_equal(merge_run(merge, 0, &k.sink), 0);
    assert_int_equal(merge_run(merge, 4, &k.sink), 1);
    feed(s, 1, b, 1); /* older than what is held back */
    assert_int_equal(merge_run(merge, 5, &k.sink), 2);
    expect(&k, (uint64_t[]){1, 3, 5}, (int[]){10, 20, 11}, 3);
    assert_int_equal(merge_n_late(merge), 0);
    merge_free(merge);
    free(k.events);
    free(s);
}

static void test_late_is_raised_and_counted(void **state)
{
    const struct event a[] = {at(10, 10)};
    const struct event b[] = {at(3, 20), at(7, 21), at(12, 22), at(11, 23)};
    struct scripted *s = scripted_new(2);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    (void)state;
    feed(s, 0, a, 1);
    merge_add(merge, &s->source);
    merge_run(merge, 10, &k.sink);
    feed(s, 1, b, 4);
    merge_run(merge, 20, &k.sink);
    expect(&k, (uint64_t[]){10, 10, 10, 12, 12}, (int[]){10, 20, 21, 22, 23}, 5);
    assert_int_equal(merge_n_late(merge), 3);
    merge_free(merge);
    free(k.events);
    free(s);
}

static void test_streams_and_sources_come_and_go(void **state)
{
    const struct event a[] = {at(1, 10), at(8, 11)};
    const struct event b[] = {at(2, 20)};
    const struct event c[] = {at(6, 30)};
    struct scripted *s = scripted_new(1), *t = scripted_new(1);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    (void)state;
    feed(s, 0, a, 2);
    merge_add(merge, &s->source);
    merge_run(merge, 1, &k.sink);
    s->n_streams = 40; /* grows while it runs */
    feed(s, 39, b, 1);
    feed(t, 0, c, 1);
    merge_add(merge, &t->source);
    merge_run(merge, 2, &k.sink);
    merge_remove(merge, &s->source); /* its event of 8 is inside already and still comes */
    free(s);
    merge_run(merge, 7, &k.sink);
    merge_run(merge, 9, &k.sink);
    expect(&k, (uint64_t[]){1, 2, 6, 8}, (int[]){10, 20, 30, 11}, 4);
    feed(t, 0, c, 1);
    assert_int_equal(merge_run(merge, 9, &k.sink), 1);
    assert_int_equal(merge_n_late(merge), 1);
    merge_remove(merge, &t->source);
    assert_int_equal(merge_run(merge, 99, &k.sink), 0);
    merge_free(merge);
    free(k.events);
    free(t);
}

static int by_time_and_stream(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Random streams, long and short runs, many ties, in random turns: equal to sorting it all. Tids grow by
 * stream and then by place, so that the sort tells the order of ties. */
static void compare_with_sort(unsigned n_streams, size_t per_stream, uint64_t step, unsigned seed)
{
    const size_t n = n_streams * per_stream;
    struct event *all = mem_new(n, sizeof *all);
    struct scripted *s = scripted_new(n_streams);
    struct keeper k = {.sink.push = keep};
    struct merge *merge = merge_new();
    uint64_t end_ns = 0;
    srand(seed);
    for (unsigned i = 0; i < n_streams; i++) {
        uint64_t time_ns = (uint64_t)rand() % 100;
        for (size_t j = 0; j < per_stream; j++) {
            if (rand() % 4)
                time_ns += (uint64_t)rand() % step;
            else if (rand() % 100 == 0)
                time_ns += 200 * step; /* the others have a long run meanwhile */
            all[i * per_stream + j] = at(time_ns, (int)(i * per_stream + j));
        }
        feed(s, i, all + i * per_stream, per_stream);
        if (time_ns > end_ns)
            end_ns = time_ns;
    }
    merge_add(merge, &s->source);
    uint64_t n_pushed = 0;
    for (uint64_t until_ns = 0; until_ns < end_ns; until_ns += 1 + (uint64_t)rand() % (end_ns / 7 + 1)) {
        n_pushed += merge_run(merge, until_ns, &k.sink);
        assert_true(k.n == 0 || k.events[k.n - 1].time_ns <= until_ns);
    }
    n_pushed += merge_run(merge, UINT64_MAX, &k.sink);
    qsort(all, n, sizeof *all, by_time_and_stream);
    assert_int_equal(n_pushed, n);
    assert_int_equal(k.n, n);
    assert_memory_equal(k.events, all, n * sizeof *all);
    assert_int_equal(merge_n_late(merge), 0);
    merge_free(merge);
    free(k.events);
    free(s);
    free(all);
}

static void test_equals_a_sort(void **state)
{
    (void)state;
    compare_with_sort(1, 5000, 10, 1);
    compare_with_sort(2, 5000, 10, 2);
    compare_with_sort(3, 3000, 2, 3);
    compare_with_sort(8, 2000, 1000, 4);
    compare_with_sort(100, 300, 50, 5);
    compare_with_sort(1100, 40, 5000, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_equal_times_keep_stream_order),
        cmocka_unit_test(test_until_holds_back),
        cmocka_unit_test(test_late_is_raised_and_counted),
        cmocka_unit_test(test_streams_and_sources_come_and_go),
        cmocka_unit_test(test_equals_a_sort),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
