/* Names of tasks, kinds and placements. */
#include "../../src/workload/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void names_count_like_columns_of_a_sheet(void **state)
{
    static const struct {
        unsigned i;
        const char *name;
    } cases[] = {{0, "A"},
                 {1, "B"},
                 {25, "Z"},
                 {26, "AA"},
                 {27, "AB"},
                 {51, "AZ"},
                 {52, "BA"},
                 {701, "ZZ"},
                 {702, "AAA"},
                 {1023, "AMJ"},
                 {4294967295U, "MWLQKWV"}};
    char buf[EVENT_NAME_SIZE];
    (void)state;

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        assert_ptr_equal(workload_task_name(cases[k].i, buf), buf);
        assert_string_equal(buf, cases[k].name);
    }
}

static void kinds_and_placements_have_names(void **state)
{
    (void)state;
    assert_string_equal(workload_kind_name(TASK_THREAD), "thread");
    assert_string_equal(workload_kind_name(TASK_PROCESS), "process");
    assert_string_equal(workload_kind_name(TASK_GREEN), "green");
    assert_string_equal(workload_kind_noun(TASK_THREAD, 1), "thread");
    assert_string_equal(workload_kind_noun(TASK_PROCESS, 2), "processes");
    assert_string_equal(workload_kind_noun(TASK_GREEN, 4), "green threads");
    assert_string_equal(workload_placement_name(PLACEMENT_PINNED), "pinned");
    assert_string_equal(workload_placement_name(PLACEMENT_FREE), "free");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_count_like_columns_of_a_sheet),
        cmocka_unit_test(kinds_and_placements_have_names),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("workload", tests, NULL, NULL);
}
