/* Sets of CPUs and their list syntax. */
#include "../../src/cpuset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cpuset set_of(const char *list)
{
    struct cpuset set;
    struct err err = {""};
    if (!cpuset_parse(&set, list, &err))
        fail_msg("%s", err.msg);
    return set;
}

static void test_membership(void **state)
{
    struct cpuset set = {0};
    (void)state;
    cpuset_add(&set, 0);
    cpuset_add(&set, 63);
    cpuset_add(&set, 64);
    cpuset_add(&set, CPUSET_MAX - 1);
    cpuset_add(&set, CPUSET_MAX);
    cpuset_add(&set, -1);
    assert_int_equal(cpuset_count(&set), 4);
    assert_true(cpuset_has(&set, 63));
    assert_false(cpuset_has(&set, 62));
    assert_false(cpuset_has(&set, CPUSET_MAX));
    assert_false(cpuset_has(&set, -1));
    cpuset_remove(&set, 63);
    assert_false(cpuset_has(&set, 63));
    assert_int_equal(cpuset_count(&set), 3);
}

static void test_walk(void **state)
{
    const struct cpuset set = set_of("1,63-65,4095"), empty = {0};
    const int members[] = {1, 63, 64, 65, 4095, -1};
    int cpu = -1;
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        cpu = cpuset_next(&set, cpu);
        assert_int_equal(cpu, members[i]);
        assert_int_equal(cpuset_nth(&set, i), members[i]);
    }
    assert_int_equal(cpuset_next(&set, 4095), -1);
    assert_int_equal(cpuset_next(&set, 9999), -1);
    assert_int_equal(cpuset_next(&empty, -1), -1);
    assert_int_equal(cpuset_nth(&empty, 0), -1);
}

static void test_relations(void **state)
{
    const struct cpuset a = set_of("0-3,100"), b = set_of("1,100"), empty = {0};
    (void)state;
    assert_true(cpuset_subset(&b, &a));
    assert_false(cpuset_subset(&a, &b));
    assert_true(cpuset_subset(&empty, &b));
    assert_true(cpuset_subset(&a, &a));
    assert_true(cpuset_equal(&a, &a));
    assert_false(cpuset_equal(&a, &b));
}

static void expect_round_trip(const char *list, const char *formatted)
{
    const struct cpuset set = set_of(list);
    char buf[256];
    assert_string_equal(cpuset_format(&set, buf, sizeof buf), formatted);
}

static void test_parse_and_format(void **state)
{
    const struct cpuset empty = {0};
    char buf[8];
    (void)state;
    expect_round_trip("0", "0");
    expect_round_trip("0,2-3", "0,2-3");
    expect_round_trip("3,2,0", "0,2-3");
    expect_round_trip("5-5", "5");
    expect_round_trip("0-1,1-2,2", "0-2");
    expect_round_trip("007", "7");
    expect_round_trip("0-4095", "0-4095");
    assert_string_equal(cpuset_format(&empty, buf, sizeof buf), "");
}

static void expect_refused(const char *list, const char *why)
{
    struct cpuset set;
    struct err err = {""};
    assert_false(cpuset_parse(&set, list, &err));
    if (!strstr(err.msg, why))
        fail_msg("'%s' was refused with \"%s\", not with \"%s\"", list, err.msg, why);
    assert_false(cpuset_parse(&set, list, NULL));
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refused("", "empty");
    expect_refused("x", "'x' is not a CPU list");
    expect_refused(",", "not a CPU list");
    expect_refused("1,", "not a CPU list");
    expect_refused("1,,2", "not a CPU list");
    expect_refused("1-", "not a CPU list");
    expect_refused("-1", "not a CPU list");
    expect_refused("1-2-3", "not a CPU list");
    expect_refused("1 2", "not a CPU list");
    expect_refused(" 1", "not a CPU list");
    expect_refused("3-1", "write 1-3");
    expect_refused("4096", "above 4095");
    expect_refused("0-99999999999999999999999", "above 4095");
}

static void test_format_cuts(void **state)
{
    const struct cpuset set = set_of("1,3,5,7,100-200");
    (void)state;
    for (size_t size = 1; size <= 20; size++) {
        char *buf = malloc(size);
        assert_ptr_equal(cpuset_format(&set, buf, size), buf);
        assert_true(strlen(buf) < size);
        if (size >= 4 && size < 16)
            assert_string_equal(buf + strlen(buf) - 3, "...");
        free(buf);
    }
    char buf[16];
    assert_string_equal(cpuset_format(&set, buf, 16), "1,3,5,7,100-200");
    assert_string_equal(cpuset_format(&set, buf, 9), "1,3,5...");
    char untouched = '!';
    cpuset_format(&set, &untouched, 0);
    assert_int_equal(untouched, '!');
}

static void test_affinity(void **state)
{
    struct cpuset before, one = {0}, now;
    (void)state;
    assert_true(cpuset_get_affinity(0, &before));
    assert_true(cpuset_count(&before) >= 1);
    cpuset_add(&one, cpuset_nth(&before, cpuset_count(&before) - 1));
    assert_true(cpuset_set_affinity(0, &one));
    assert_true(cpuset_get_affinity(0, &now));
    assert_true(cpuset_equal(&now, &one));
    assert_true(cpuset_set_affinity(0, &before));

    const struct cpuset none = {0};
    assert_false(cpuset_set_affinity(0, &none));
    assert_int_equal(errno, EINVAL);
    assert_false(cpuset_get_affinity(INT32_MAX, &now));
    assert_int_equal(errno, ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membership), cmocka_unit_test(test_walk),
        cmocka_unit_test(test_relations),  cmocka_unit_test(test_parse_and_format),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_format_cuts),
        cmocka_unit_test(test_affinity),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("cpuset", tests, NULL, NULL);
}
