/* Histograms: bucket borders, quantiles against the sorted values, merging. */
#include "../../src/timeline/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct histogram a, b;

static void test_buckets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        memset(&a, 0, sizeof a);
        uint64_t floor_ns = histogram_bucket_floor(i);
        histogram_add(&a, floor_ns);
        if (i + 1 < HISTOGRAM_BUCKETS)
            histogram_add(&a, histogram_bucket_floor(i + 1) - 1);
        assert_int_equal(a.count[i], i + 1 < HISTOGRAM_BUCKETS ? 2 : 1);
    }
    memset(&a, 0, sizeof a);
    histogram_add(&a, UINT64_MAX);
    assert_int_equal(a.count[HISTOGRAM_BUCKETS - 1], 1);
    assert_int_equal(histogram_quantile(&a, 0.5), UINT64_MAX);
}

static int compare(const void *x, const void *y)
{
    uint64_t m = *(const uint64_t *)x, n = *(const uint64_t *)y;
    return (m > n) - (m < n);
}

static void test_quantiles(void **state)
{
    (void)state;
    enum { N = 5001 };
    static uint64_t values[N];
    uint64_t x = 12345;
    memset(&a, 0, sizeof a);
    assert_int_equal(histogram_quantile(&a, 0.5), 0);
    for (unsigned i = 0; i < N; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407U;
        values[i] = (x >> 33) >> (x >> 28) % 24;
        histogram_add(&a, values[i]);
    }
    qsort(values, N, sizeof *values, compare);
    assert_int_equal(histogram_quantile(&a, 0), values[0]);
    assert_int_equal(histogram_quantile(&a, 1), values[N - 1]);
    for (unsigned p = 1; p < 100; p++) {
        uint64_t want = values[(N - 1) * p / 100], got = histogram_quantile(&a, p / 100.0);
        double error = (double)got - (double)want;
        assert_true((error < 0 ? -error : error) <= 0.0322 * (double)want + 1);
    }
}

static void test_merge(void **state)
{
    (void)state;
    struct histogram all = {0};
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    for (uint64_t i = 1; i < 1000; i++) {
        histogram_add(i % 3 ? &a : &b, i * i);
        histogram_add(&all, i * i);
    }
    struct histogram into = {0};
    histogram_merge(&into, &a);
    histogram_merge(&into, &b);
    assert_memory_equal(&into, &all, sizeof all);
    struct histogram empty = {0};
    histogram_merge(&into, &empty);
    assert_memory_equal(&into, &all, sizeof all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets), cmocka_unit_test(test_quantiles),
                                       cmocka_unit_test(test_merge)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
