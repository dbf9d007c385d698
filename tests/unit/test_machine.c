/* The machine: what hwloc, sysfs and the affinity call say must fit together. */
#include "../../src/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

static int load(void **state)
{
    static struct machine machine;
    struct err err;
    if (!machine_load(&machine, &err))
        return -1;
    *state = &machine;
    return 0;
}

static int unload(void **state)
{
    machine_fini(*state);
    return 0;
}

static void test_sets(void **state)
{
    const struct machine *machine = *state;
    struct cpuset affinity;
    assert_true(cpuset_get_affinity(0, &affinity));
    assert_true(cpuset_count(&machine->allowed) >= 1);
    assert_true(cpuset_subset(&machine->allowed, &machine->online));
    assert_true(cpuset_subset(&machine->allowed, &affinity));
    assert_int_equal(cpuset_count(&machine->online), sysconf(_SC_NPROCESSORS_ONLN));
}

static void test_rows(void **state)
{
    const struct machine *machine = *state;
    unsigned n_online = 0;
    assert_true(machine->n_cpus >= 1);
    assert_true(machine->n_cores >= 1 && machine->n_cores <= machine->n_cpus);
    assert_true(machine->n_packages >= 1 && machine->n_packages <= machine->n_cores);
    assert_true(machine->n_kinds >= 1);
    for (unsigned i = 0; i < machine->n_cpus; i++) {
        const struct machine_cpu *row = &machine->cpus[i];
        assert_ptr_equal(machine_cpu(machine, row->cpu), row);
        assert_true(row->core >= 0 && (unsigned)row->core < machine->n_cores);
        assert_true(row->package >= 0 && (unsigned)row->package < machine->n_packages);
        assert_true(row->kind >= 0 && (unsigned)row->kind < machine->n_kinds);
        assert_true(row->smt >= 0 && row->smt < row->n_smt);
        n_online += cpuset_has(&machine->online, row->cpu);
        if (i > 0) {
            const struct machine_cpu *before = row - 1;
            assert_true(
                before->package < row->package ||
                (before->package == row->package &&
                 (before->core < row->core || (before->core == row->core && before->smt < row->smt))));
        }
    }
    assert_int_equal(n_online, cpuset_count(&machine->online));
    assert_null(machine_cpu(machine, -1));
    assert_null(machine_cpu(machine, CPUSET_MAX));
}

static void test_names(void **state)
{
    const struct machine *machine = *state;
    struct utsname names;
    assert_int_equal(uname(&names), 0);
    assert_string_equal(machine->kernel, names.release);
    assert_true(strlen(machine->model) < sizeof machine->model);
}

/* That schedviz pins itself takes nothing away from what the workload may use. */
static void test_refresh_sees_past_own_pinning(void **state)
{
    struct machine *machine = *state;
    struct cpuset before, one = {0}, now;
    const struct cpuset allowed = machine->allowed;
    assert_true(cpuset_get_affinity(0, &before));
    assert_false(machine_refresh(machine));
    cpuset_add(&one, cpuset_nth(&allowed, 0));
    assert_true(cpuset_set_affinity(0, &one));
    assert_false(machine_refresh(machine));
    assert_true(cpuset_equal(&machine->allowed, &allowed));
    assert_true(cpuset_get_affinity(0, &now));
    assert_true(cpuset_equal(&now, &one)); /* and the pinning stands */
    assert_true(cpuset_set_affinity(0, &before));
}

/* What was not ours at the start is not offered later. */
static void test_starts_from_own_affinity(void **state)
{
    struct machine narrow;
    struct cpuset before, one = {0};
    struct err err;
    (void)state;
    assert_true(cpuset_get_affinity(0, &before));
    if (cpuset_count(&before) < 2) {
        print_message("# one CPU only: nothing to narrow\n");
        skip();
    }
    cpuset_add(&one, cpuset_nth(&before, 1));
    assert_true(cpuset_set_affinity(0, &one));
    assert_true(machine_load(&narrow, &err));
    assert_true(cpuset_set_affinity(0, &before));
    assert_true(cpuset_equal(&narrow.allowed, &one));
    assert_true(narrow.n_cpus >= 2); /* the others are there, and forbidden */
    assert_false(machine_refresh(&narrow));
    assert_true(cpuset_equal(&narrow.allowed, &one));
    machine_fini(&narrow);
}

static void test_refresh_tells_a_change(void **state)
{
    struct machine *machine = *state;
    const int cpu = cpuset_nth(&machine->allowed, 0);
    cpuset_remove(&machine->allowed, cpu); /* as if it had been away */
    assert_true(machine_refresh(machine));
    assert_true(cpuset_has(&machine->allowed, cpu));
    assert_false(machine_refresh(machine));
}

static void test_environment_is_left_alone(void **state)
{
    struct machine other;
    struct err err;
    (void)state;
    setenv("HWLOC_PLUGINS_PATH", "/mine", 1);
    assert_true(machine_load(&other, &err));
    machine_fini(&other);
    assert_string_equal(getenv("HWLOC_PLUGINS_PATH"), "/mine");
    unsetenv("HWLOC_PLUGINS_PATH");
    assert_true(machine_load(&other, &err));
    machine_fini(&other);
    assert_null(getenv("HWLOC_PLUGINS_PATH"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refresh_sees_past_own_pinning),
        cmocka_unit_test(test_starts_from_own_affinity),
        cmocka_unit_test(test_refresh_tells_a_change),
        cmocka_unit_test(test_environment_is_left_alone),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("machine", tests, load, unload);
}
