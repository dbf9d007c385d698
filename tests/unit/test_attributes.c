/* What a task asks of the scheduler: taken where the machine gives it, refused with a reason elsewhere. Each
 * case runs in a process of its own. */
#include "../../src/engine/attributes.h"
#include "../../src/engine/taskgroup.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

/* What a case found, from its process. */
struct found {
    struct refusals refusals; /* first */
    unsigned n;
    enum attribute what;
    char text[256]; /* of the last one */
    bool right;     /* what the case itself saw */
    int group;      /* its process group */
};

static void tell(struct refusals *refusals, enum attribute what, const char *text)
{
    struct found *found = (struct found *)refusals;

    found->n++;
    found->what = what;
    snprintf(found->text, sizeof found->text, "%s", text);
}

static struct found in_a_process(void (*body)(struct found *), bool as_nobody)
{
    struct found *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0}, nice = {20, 20}; /* nice 0 and above */
        setpgid(0, 0);
        shared->group = getpgrp();
        setpriority(PRIO_PROCESS, 0, 0); /* the tests may have been started with nice(1) */
        setrlimit(RLIMIT_RTPRIO, &none);
        setrlimit(RLIMIT_NICE, &nice);
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (as_nobody && geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(2);
        shared->refusals.tell = tell;
        body(shared);
        _exit(EXIT_SUCCESS);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct found found = *shared;
    munmap(shared, sizeof *shared);
    return found;
}

static struct settings nothing(void)
{
    return (struct settings){.util_min = -1, .util_max = -1};
}

/* struct sched_attr of sched_setattr(2) */
struct seen {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static struct seen see(void)
{
    struct seen seen = {.size = sizeof seen};

    syscall(SYS_sched_getattr, 0, &seen, sizeof seen, 0U);
    return seen;
}

/* The slice that the kernel says it gives the caller, 0 where it says nothing. */
static uint64_t given_slice_ns(void)
{
    return see().runtime_ns;
}

static void say_nothing(struct found *found)
{
    struct settings settings = nothing();
    uint64_t slice_ns = given_slice_ns();

    attributes_apply(&settings, &found->refusals);
    found->right = sched_getscheduler(0) == SCHED_OTHER && given_slice_ns() == slice_ns;
}

static void test_nothing_is_asked(void **state)
{
    (void)state;
    struct found found = in_a_process(say_nothing, false);
    assert_int_equal(found.n, 0);
    assert_true(found.right);
}

static void be_batch(struct found *found)
{
    struct settings settings = nothing();

    settings.policy = POLICY_BATCH;
    settings.has_priority = true;
    settings.priority = 7;
    attributes_apply(&settings, &found->refusals);
    found->right = sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 7;
    settings = nothing();
    settings.policy = POLICY_IDLE;
    attributes_apply(&settings, &found->refusals);
    found->right = found->right && sched_getscheduler(0) == SCHED_IDLE;
}

static void test_policies_for_everybody(void **state)
{
    (void)state;
    struct found found = in_a_process(be_batch, true);
    assert_int_equal(found.n, 0);
    assert_true(found.right);
}

static void ask_for_slice(struct found *found)
{
    struct settings settings = nothing();

    settings.dl_runtime_ns = 700000;
    attributes_apply(&settings, &found->refusals);
    found->right = given_slice_ns() == 700000;
    /* It stays, whatever else is asked for later. */
    settings = nothing();
    settings.has_priority = true;
    settings.priority = 3;
    attributes_apply(&settings, &found->refusals);
    found->right = found->right && given_slice_ns() == 700000 && getpriority(PRIO_PROCESS, 0) == 3;
}

static void test_slice(void **state)
{
    (void)state;
    struct found found = in_a_process(ask_for_slice, true);
    if (found.n > 0) {
        assert_int_equal(found.what, ATTRIBUTE_SLICE);
        assert_non_null(strstr(found.text, "6.12"));
        print_message("# %s\n", found.text);
        skip();
    }
    assert_true(found.right);
}

static void ask_for_long_slice(struct found *found)
{
    struct settings settings = nothing();

    settings.dl_runtime_ns = 1000000000;
    attributes_apply(&settings, &found->refusals);
}

static void test_slice_beyond_bounds(void **state)
{
    (void)state;
    struct found found = in_a_process(ask_for_long_slice, true);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.what, ATTRIBUTE_SLICE);
    assert_non_null(strstr(found.text, "1000 ms refused"));
}

static void be_real_time(struct found *found)
{
    struct settings settings = nothing();

    settings.policy = POLICY_FIFO;
    attributes_apply(&settings, &found->refusals);
    attributes_lock_pages(&found->refusals);
    found->right = sched_getscheduler(0) == (found->n ? SCHED_OTHER : SCHED_FIFO);
}

static void test_real_time(void **state)
{
    (void)state;
    struct found found = in_a_process(be_real_time, true);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.what, ATTRIBUTE_POLICY);
    assert_true(found.right);
    assert_non_null(strstr(found.text, "SCHED_FIFO refused: "));
    assert_non_null(strstr(found.text, "; it runs as SCHED_OTHER"));
    if (geteuid() == 0) {
        found = in_a_process(be_real_time, false);
        assert_true(found.right);
        assert_true(found.n <= 1); /* a container may refuse it to root too */
    }
}

static void be_round_robin_then_other(struct found *found)
{
    struct settings settings = nothing();
    struct sched_param param;

    settings.policy = POLICY_RR;
    settings.has_priority = true;
    settings.priority = 3;
    attributes_apply(&settings, &found->refusals);
    if (found->n)
        return;
    settings.policy = POLICY_KEEP; /* a priority alone keeps the policy */
    settings.priority = 5;
    attributes_apply(&settings, &found->refusals);
    sched_getparam(0, &param);
    found->right = sched_getscheduler(0) == SCHED_RR && param.sched_priority == 5;
    settings = nothing();
    settings.policy = POLICY_OTHER;
    attributes_apply(&settings, &found->refusals);
    found->right = found->right && sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0;
}

static void test_real_time_and_back(void **state)
{
    (void)state;
    struct found found = in_a_process(be_round_robin_then_other, false);
    if (found.n > 0) {
        print_message("# %s\n", found.text);
        skip();
    }
    assert_true(found.right);
}

static void be_deadline(struct found *found)
{
    struct settings settings = nothing();
    uint64_t slice_ns = given_slice_ns();

    settings.policy = POLICY_DEADLINE;
    settings.dl_runtime_ns = 1000000;
    settings.dl_deadline_ns = settings.dl_period_ns = 100000000;
    settings.dl_reclaim = true;
    attributes_apply(&settings, &found->refusals);
    const struct seen seen = see();
    if (found->n) /* and its runtime is no slice */
        found->right = seen.policy == SCHED_OTHER && seen.runtime_ns == slice_ns;
    else
        found->right = seen.policy == 6 && (seen.flags & 2) != 0; /* SCHED_FLAG_RECLAIM */
    pid_t pid = fork();                                           /* it can */
    if (pid == 0)
        _exit(EXIT_SUCCESS);
    found->right = found->right && pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static void test_deadline(void **state)
{
    (void)state;
    struct found found = in_a_process(be_deadline, true);
    assert_int_equal(found.n, 1);
    assert_non_null(strstr(found.text, "SCHED_DEADLINE refused: "));
    assert_true(found.right);
    found = in_a_process(be_deadline, false);
    assert_true(found.right);
}

static void be_important(struct found *found)
{
    struct settings settings = nothing();

    settings.has_priority = true;
    settings.priority = -10;
    attributes_apply(&settings, &found->refusals);
    found->right = getpriority(PRIO_PROCESS, 0) == (found->n ? 0 : -10);
}

static void test_negative_nice(void **state)
{
    (void)state;
    struct found found = in_a_process(be_important, true);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.what, ATTRIBUTE_NICE);
    assert_true(found.right);
    assert_non_null(
        strstr(found.text, "nice -10 refused: needs CAP_SYS_NICE or an RLIMIT_NICE; it has nice 0"));
    assert_true(in_a_process(be_important, false).right);
}

static void clamp(struct found *found)
{
    struct settings settings = nothing();

    settings.util_max = 512;
    attributes_apply(&settings, &found->refusals);
}

static void test_util_clamp(void **state)
{
    (void)state;
    struct found found = in_a_process(clamp, false);
    if (found.n) {
        assert_int_equal(found.what, ATTRIBUTE_UTIL);
        assert_non_null(strstr(found.text, "utilization clamp refused: "));
    }
}

static void bind_memory(struct found *found)
{
    struct settings settings = nothing();

    settings.has_nodes = true;
    settings.nodes = 1; /* node 0 is everywhere */
    attributes_apply(&settings, &found->refusals);
    found->right = found->n == 0;
    settings.nodes = UINT64_C(1) << 63;
    attributes_apply(&settings, &found->refusals);
}

static void test_numa(void **state)
{
    (void)state;
    struct found found = in_a_process(bind_memory, true);
    if (!found.right) {
        print_message("# %s\n", found.text);
        skip();
    }
    assert_int_equal(found.n, 1);
    assert_int_equal(found.what, ATTRIBUTE_NODES);
    assert_non_null(strstr(found.text, "NUMA nodes 63 refused"));
}

static void go_places(struct found *found)
{
    struct cpuset allowed = {{0}}, wanted = {{0}}, now;

    cpuset_get_affinity(0, &allowed);
    cpuset_add(&wanted, cpuset_next(&allowed, -1));
    cpuset_add(&wanted, CPUSET_MAX - 1); /* is not here */
    attributes_place(&wanted, &allowed, &found->refusals);
    cpuset_get_affinity(0, &now);
    found->right = found->n == 1 && strstr(found->text, "; it runs on the rest of its own") &&
                   cpuset_count(&now) == 1 && cpuset_has(&now, cpuset_next(&allowed, -1));
    cpuset_remove(&wanted, cpuset_next(&allowed, -1));
    attributes_place(&wanted, &allowed, &found->refusals);
}

static void test_places(void **state)
{
    (void)state;
    struct found found = in_a_process(go_places, true);
    assert_true(found.right);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.what, ATTRIBUTE_CPUS);
    assert_non_null(strstr(found.text, "CPUs 4095 refused: only "));
}

static bool is_in_group(const char *name)
{
    char text[4096];
    FILE *file = fopen("/proc/thread-self/cgroup", "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    return strstr(text, name) != NULL;
}

static void join_group(struct found *found)
{
    struct settings settings = nothing();
    char name[64];

    settings.taskgroup = (char *)"/outer/inner";
    attributes_apply(&settings, &found->refusals);
    snprintf(name, sizeof name, "schedviz.%d/outer/inner", (int)getpgrp());
    found->right = is_in_group(name) == (found->n == 0);
    settings.taskgroup = (char *)"other";
    if (found->n == 0)
        attributes_apply(&settings, &found->refusals);
}

static bool is_left_over(int group)
{
    char command[128];

    snprintf(command, sizeof command, "find /sys/fs/cgroup -type d -name schedviz.%d 2>/dev/null | grep -q .",
             group);
    return system(command) == 0;
}

static void test_taskgroup(void **state)
{
    (void)state;
    struct found found = in_a_process(join_group, true);
    assert_true(found.right);
    if (geteuid() == 0)
        assert_int_equal(found.n, 1);
    if (found.n) {
        assert_int_equal(found.what, ATTRIBUTE_TASKGROUP);
        assert_non_null(strstr(found.text, "task group /outer/inner refused: "));
    }
    found = in_a_process(join_group, false);
    assert_true(found.right);
    assert_true(is_left_over(found.group) == (found.n == 0));
    taskgroup_clean(); /* the process group that made them is gone */
    assert_false(is_left_over(found.group));
    if (found.n) {
        print_message("# %s\n", found.text);
        skip();
    }
}

static void join_bad_group(struct found *found)
{
    struct settings settings = nothing();

    settings.taskgroup = (char *)"/a/../../b";
    attributes_apply(&settings, &found->refusals);
    settings.taskgroup = (char *)"";
    attributes_apply(&settings, &found->refusals); /* says nothing */
}

static void test_taskgroup_stays_below(void **state)
{
    (void)state;
    struct found found = in_a_process(join_bad_group, false);
    assert_int_equal(found.n, 1);
    assert_non_null(strstr(found.text, "cannot be named .."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_asked),
        cmocka_unit_test(test_policies_for_everybody),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_slice_beyond_bounds),
        cmocka_unit_test(test_real_time),
        cmocka_unit_test(test_real_time_and_back),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_negative_nice),
        cmocka_unit_test(test_util_clamp),
        cmocka_unit_test(test_numa),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_taskgroup),
        cmocka_unit_test(test_taskgroup_stays_below),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
