/* Formulas of lessons. */
#include "../../src/lesson/expression.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool look_up(const struct expression_names *names, const char *name, double *value)
{
    (void)names;
    *value = strcmp(name, "tasks") == 0 ? 4 : strcmp(name, "worker_2.share") == 0 ? 0.5 : NAN;
    return !isnan(*value) || strcmp(name, "unknown") == 0;
}

static const struct expression_names names = {.lookup = look_up};

static void computes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"5", 5},
        {" 1 + 2 * 3 ", 7},
        {"(1 + 2) * 3", 9},
        {"2 - 3 - 4", -5},
        {"-2 * -3", 6},
        {"8 / 4 / 2", 1},
        {"0.9 * min(tasks, 2)", 1.8},
        {"max(1, tasks, 3)", 4},
        {"min(5)", 5},
        {"worker_2.share * 100", 50},
        {"abs(-1.5) + round(2.4) + floor(2.9) + ceil(2.1)", 8.5},
        {"sqrt(16) + log2(8)", 7},
        {"1 < 2", 1},
        {"2 <= 1", 0},
        {"tasks == 4", 1},
        {"tasks != 4", 0},
        {"(3 > 2) + (2 >= 2)", 2},
        {"1e3 + .5", 1000.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {""};
        double value;
        if (!expression_eval(cases[i].text, &names, &value, &err))
            fail_msg("%s: %s", cases[i].text, err.msg);
        if (fabs(value - cases[i].value) > 1e-12)
            fail_msg("%s = %g, not %g", cases[i].text, value, cases[i].value);
        assert_true(expression_check(cases[i].text, &err));
    }
}

static void what_is_not_known_spreads(void **state)
{
    (void)state;
    static const char *const cases[] = {"unknown",         "unknown + 1",        "min(1, unknown)",
                                        "max(unknown, 1)", "unknown == unknown", "1 / 0",
                                        "0 / 0",           "1 < unknown"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        double value = 0;
        assert_true(expression_eval(cases[i], &names, &value, &err));
        if (!isnan(value))
            fail_msg("%s = %g", cases[i], value);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "missing at character 1"},
        {"1 +", "missing at character 4"},
        {"1 2", "left over at character 3"},
        {"(1", "a ) is missing"},
        {"min(1, 2", "a ) is missing"},
        {"abs(1, 2)", "one value"},
        {"nosuch", "`nosuch'"},
        {"nosuch(1)", "no such function"},
        {"mn(1, 2)", "did you mean `min'"},
        {"min()", "missing"},
        {"1 < 2 < 3", "left over"},
        {"inf", "no figure"},
        {"#", "missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {""};
        double value;
        if (expression_eval(cases[i].text, &names, &value, &err))
            fail_msg("\"%s\" was computed", cases[i].text);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", cases[i].text, err.msg, cases[i].says);
    }
}

static void is_bounded(void **state)
{
    (void)state;
    char deep[4096], name[200];
    struct err err;
    double value;
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_false(expression_eval(deep, &names, &value, &err));
    memset(deep, '-', sizeof deep - 1);
    assert_false(expression_eval(deep, &names, &value, &err));
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(expression_eval(name, &names, &value, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes),
        cmocka_unit_test(what_is_not_known_spreads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(is_bounded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
