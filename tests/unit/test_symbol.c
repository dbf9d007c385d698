/* Names of variables, of real programs: this one, a fork of it, and one without symbols. */
#include "../../src/observe/symbol.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int initialised = 3;
pthread_mutex_t symbol_locks[3];
static char far_away[1 << 20];
int a_variable_whose_name_is_longer_than_any_that_is_ever_shown[2];

static bool name_of(const void *address, char *name, size_t size)
{
    snprintf(name, size, "%s", "?");
    return symbol_name(getpid(), (uint64_t)(uintptr_t)address, name, size);
}

static void need_symbols(void)
{
    char name[46];
    if (!name_of(&initialised, name, sizeof name)) {
        print_message("# no symbols are to be had: built without libdw, or stripped\n");
        skip();
    }
}

static void test_names(void **state)
{
    (void)state;
    char name[46], wanted[46];
    need_symbols();
    assert_true(name_of(&initialised, name, sizeof name));
    assert_string_equal(name, "initialised");
    assert_true(name_of(&symbol_locks[0], name, sizeof name));
    assert_string_equal(name, "symbol_locks");
    snprintf(wanted, sizeof wanted, "symbol_locks+%zu", sizeof(pthread_mutex_t));
    assert_true(name_of(&symbol_locks[1], name, sizeof name));
    assert_string_equal(name, wanted);
    assert_true(name_of(&far_away[77777], name, sizeof name));
    assert_string_equal(name, "far_away+77777");
    assert_true(name_of((const char *)stdout, name, sizeof name) || strcmp(name, "?") == 0);
}

static void test_long_name(void **state)
{
    (void)state;
    char name[20];
    need_symbols();
    assert_true(name_of(&a_variable_whose_name_is_longer_than_any_that_is_ever_shown[1], name, sizeof name));
    assert_string_equal(name, "a_variable_whose_+4");
    assert_true(name_of(&a_variable_whose_name_is_longer_than_any_that_is_ever_shown[1], name, 2));
    assert_int_equal(strlen(name), 1);
}

static void test_what_has_none(void **state)
{
    (void)state;
    char name[46];
    int local = 0;
    void *heap = calloc(1, 100);
    assert_false(name_of(heap, name, sizeof name));
    assert_false(name_of(&local, name, sizeof name));
    assert_false(name_of(NULL, name, sizeof name));
    assert_false(name_of((const void *)(uintptr_t)-8, name, sizeof name));
    assert_false(symbol_name(INT32_MAX, (uint64_t)(uintptr_t)&initialised, name, sizeof name));
    assert_false(symbol_name(-1, (uint64_t)(uintptr_t)&initialised, name, sizeof name));
    assert_string_equal(name, "?");
    free(heap);
}

/* A function is no variable. */
static void test_function(void **state)
{
    (void)state;
    char name[46];
    assert_false(name_of((const void *)(uintptr_t)test_function, name, sizeof name));
}

static void test_other_process(void **state)
{
    (void)state;
    char name[46] = "";
    need_symbols();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    bool found = symbol_name(pid, (uint64_t)(uintptr_t)&symbol_locks[0], name, sizeof name);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(found);
    assert_string_equal(name, "symbol_locks");
    /* It is gone, and so are its files. */
    assert_false(symbol_name(pid, (uint64_t)(uintptr_t)&symbol_locks[0], name, sizeof name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_what_has_none), cmocka_unit_test(test_function),
        cmocka_unit_test(test_other_process),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
