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

/* ---- a machine that changes, without one ---- */

static struct {
    struct cpuset online, cgroup, own;
} fake;

static struct cpuset cpus(const char *list)
{
    struct cpuset set = {0};
    if (*list)
        assert_true(cpuset_parse(&set, list, NULL));
    return set;
}

static struct cpuset both(const struct cpuset *a, const struct cpuset *b)
{
    struct cpuset set = *a;
    for (int cpu = cpuset_next(a, -1); cpu >= 0; cpu = cpuset_next(a, cpu)) {
        if (!cpuset_has(b, cpu))
            cpuset_remove(&set, cpu);
    }
    return set;
}

static bool fake_list(const char *name, struct cpuset *set)
{
    *set = strcmp(name, "online") == 0 ? fake.online : cpus("0-7");
    return true;
}

static bool fake_get(struct cpuset *set)
{
    *set = fake.own;
    return true;
}

/* sched_setaffinity(2): EINVAL when nothing of the mask is online and in the cgroup. */
static bool fake_set(const struct cpuset *set)
{
    struct cpuset granted = both(set, &fake.cgroup);
    granted = both(&granted, &fake.online);
    if (cpuset_count(&granted) == 0)
        return false;
    fake.own = granted;
    return true;
}

static const struct machine_probe fake_probe = {
    .list = fake_list, .get_affinity = fake_get, .set_affinity = fake_set};

/* Started on CPUs at_start (taskset), pinned to own since. */
static struct machine fake_machine(const char *at_start, const char *own)
{
    struct machine machine;
    struct err err;
    assert_true(machine_load(&machine, &err));
    machine.probe = &fake_probe;
    machine.at_start = cpus(at_start);
    fake.online = fake.cgroup = cpus("0-3");
    fake.own = cpus(own);
    machine_refresh(&machine);
    return machine;
}

static void assert_allowed(struct machine *machine, const char *list)
{
    char now[64];
    assert_true(machine_refresh(machine));
    assert_string_equal(cpuset_format(&machine->allowed, now, sizeof now), list);
    assert_false(machine_refresh(machine));
}

static void test_cpus_go_and_come(void **state)
{
    struct machine machine = fake_machine("0-7", "3");
    (void)state;
    fake.online = cpus("0-1,3");
    assert_allowed(&machine, "0-1,3");
    fake.online = cpus("0-5"); /* 4 and 5 were offline at the start */
    fake.cgroup = cpus("0-7");
    assert_allowed(&machine, "0-5");
    fake.cgroup = cpus("1-2");
    assert_allowed(&machine, "1-2");
    fake.cgroup = cpus("0-7");
    assert_allowed(&machine, "0-5");
    machine_fini(&machine);
}

static void test_only_what_was_ours_comes_back(void **state)
{
    struct machine machine = fake_machine("1-2", "1");
    (void)state;
    fake.online = cpus("0-1,3");
    assert_allowed(&machine, "1");
    fake.online = cpus("0-7");
    assert_allowed(&machine, "1-2");
    machine_fini(&machine);
}

/* The kernel leaves a task what its cgroup has, though it asked for others. */
static void test_a_cgroup_leaves_nothing_of_ours(void **state)
{
    struct machine machine = fake_machine("0-1", "1");
    (void)state;
    fake.cgroup = fake.own = cpus("2-3");
    assert_allowed(&machine, "2-3");
    fake.own = cpus("3"); /* and we pin ourselves again */
    assert_false(machine_refresh(&machine));
    fake.cgroup = cpus("0-3");
    assert_allowed(&machine, "0-1");
    machine_fini(&machine);
}

static void test_spare_cpu_shares_no_core(void **state)
{
    /* two cores of two hardware threads, and one of one */
    struct machine_cpu rows[] = {
        {.cpu = 0, .core = 0, .smt = 0, .n_smt = 2}, {.cpu = 2, .core = 0, .smt = 1, .n_smt = 2},
        {.cpu = 1, .core = 1, .smt = 0, .n_smt = 2}, {.cpu = 3, .core = 1, .smt = 1, .n_smt = 2},
        {.cpu = 4, .core = 2, .smt = 0, .n_smt = 1},
    };
    struct machine machine = {.cpus = rows, .n_cpus = 5, .allowed = cpus("0-4")};
    struct cpuset chosen = cpus("0");
    (void)state;
    assert_int_equal(machine_spare_cpu(&machine, &chosen), 1);
    chosen = cpus("0,3");
    assert_int_equal(machine_spare_cpu(&machine, &chosen), 4);
    machine.allowed = cpus("0-3");
    assert_int_equal(machine_spare_cpu(&machine, &chosen), -1);
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
        cmocka_unit_test(test_cpus_go_and_come),
        cmocka_unit_test(test_only_what_was_ours_comes_back),
        cmocka_unit_test(test_a_cgroup_leaves_nothing_of_ours),
        cmocka_unit_test(test_spare_cpu_shares_no_core),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("machine", tests, load, unload);
}
