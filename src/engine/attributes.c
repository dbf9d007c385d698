/* sched_setattr(2), sched_setaffinity(2), set_mempolicy(2), mlockall(2): one after the other, so that of what
 * is refused the rest is done. */
#include "attributes.h"
#include "../cpuset.h"
#include "taskgroup.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* SCHED_DEADLINE and the flags of include/uapi/linux/sched.h, which glibc 2.36 does not have. */
#define DEADLINE_POLICY    6
#define FLAG_RESET_ON_FORK 0x01
#define FLAG_RECLAIM       0x02
#define FLAG_KEEP_POLICY   0x08
#define FLAG_KEEP_PARAMS   0x10
#define FLAG_UTIL_MIN      0x20
#define FLAG_UTIL_MAX      0x40

#define DEFAULT_RT_PRIORITY 10 /* rt-app's */

/* struct sched_attr of sched_setattr(2). */
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
    uint32_t util_min, util_max;
};

static void refuse(struct refusals *refusals, enum attribute what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void refuse(struct refusals *refusals, enum attribute what, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    refusals->tell(refusals, what, text);
}

static struct attr get_attr(void)
{
    struct attr attr = {.size = sizeof attr};

    syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0U);
    attr.size = sizeof attr;
    attr.flags &= FLAG_RESET_ON_FORK;
    return attr;
}

static bool set_attr(const struct attr *attr)
{
    return syscall(SYS_sched_setattr, 0, attr, 0U) == 0;
}

/* ---- policies ---- */

static uint32_t kernel_policy(enum policy policy)
{
    switch (policy) {
    case POLICY_BATCH:
        return SCHED_BATCH;
    case POLICY_IDLE:
        return SCHED_IDLE;
    case POLICY_FIFO:
        return SCHED_FIFO;
    case POLICY_RR:
        return SCHED_RR;
    case POLICY_DEADLINE:
        return DEADLINE_POLICY;
    default:
        return SCHED_OTHER;
    }
}

static const char *kernel_policy_name(uint32_t policy)
{
    for (enum policy p = POLICY_OTHER; p <= POLICY_DEADLINE; p++) {
        if (kernel_policy(p) == policy)
            return policy_name(p);
    }
    return "its policy";
}

static bool is_real_time(uint32_t policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR || policy == DEADLINE_POLICY;
}

static bool is_fair(uint32_t policy)
{
    return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

static long read_number(const char *path, long otherwise)
{
    char text[32] = "";
    FILE *file = fopen(path, "re");

    if (!file)
        return otherwise;
    bool got = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    return got ? strtol(text, NULL, 10) : otherwise;
}

/* The guard: with throttling on, a task that never waits leaves a part of each second to the others
 * (Documentation/scheduler/sched-rt-group.rst). */
static bool is_throttled(void)
{
    long runtime_us = read_number("/proc/sys/kernel/sched_rt_runtime_us", -1);
    long period_us = read_number("/proc/sys/kernel/sched_rt_period_us", 1000000);

    return runtime_us >= 0 && runtime_us < period_us;
}

static const char *why_no_policy(uint32_t policy, int error)
{
    if (error == EPERM && geteuid() == 0)
        return policy == DEADLINE_POLICY ? "it may not be bound to a part of the CPUs"
                                         : "its control group has no real-time share (cpu.rt_runtime_us)";
    if (error == EPERM)
        return policy == DEADLINE_POLICY ? "needs CAP_SYS_NICE" : "needs CAP_SYS_NICE or an RLIMIT_RTPRIO";
    if (error == EBUSY)
        return "the CPUs have not that much time left to promise";
    if (error == EINVAL)
        return policy == DEADLINE_POLICY ? "runtime, deadline and period do not fit" : "no such priority";
    return strerror(error);
}

static void refuse_policy(struct refusals *refusals, uint32_t policy, const char *why)
{
    refuse(refusals, ATTRIBUTE_POLICY, "%s refused: %s; it runs as %s", kernel_policy_name(policy), why,
           kernel_policy_name(get_attr().policy));
}

static void fill_real_time(struct attr *attr, const struct settings *settings, uint32_t had)
{
    uint32_t kept = had == attr->policy ? attr->priority : DEFAULT_RT_PRIORITY;

    attr->nice = 0;
    attr->priority = settings->has_priority ? (uint32_t)settings->priority : kept;
}

static void fill_deadline(struct attr *attr, const struct settings *settings)
{
    attr->nice = 0;
    attr->priority = 0;
    attr->flags = FLAG_RESET_ON_FORK; /* it may make no task otherwise */
    if (settings->dl_reclaim)
        attr->flags |= FLAG_RECLAIM;
    if (settings->dl_runtime_ns) {
        attr->runtime_ns = settings->dl_runtime_ns;
        attr->period_ns = settings->dl_period_ns ? settings->dl_period_ns : attr->runtime_ns;
        attr->deadline_ns = settings->dl_deadline_ns ? settings->dl_deadline_ns : attr->period_ns;
    }
}

static void apply_policy(const struct settings *settings, struct refusals *refusals)
{
    struct attr attr = get_attr();
    uint32_t had = attr.policy;
    bool says_deadline = had == DEADLINE_POLICY && settings->dl_runtime_ns;
    bool says_priority = (had == SCHED_FIFO || had == SCHED_RR) && settings->has_priority;

    if (settings->policy == POLICY_KEEP && !says_deadline && !says_priority)
        return;
    if (settings->policy != POLICY_KEEP)
        attr.policy = kernel_policy(settings->policy);
    if (attr.policy == had && !is_real_time(had))
        return;
    if (is_real_time(attr.policy) && !is_throttled()) {
        refuse_policy(
            refusals, attr.policy,
            "real-time throttling is off (kernel.sched_rt_runtime_us), so it could take the machine");
        return;
    }
    if (attr.policy == DEADLINE_POLICY) {
        fill_deadline(&attr, settings);
    } else {
        if (!is_fair(had) || !is_fair(attr.policy))
            attr.runtime_ns = 0;
        attr.deadline_ns = attr.period_ns = 0;
        attr.priority = is_real_time(attr.policy) ? attr.priority : 0;
        if (is_real_time(attr.policy))
            fill_real_time(&attr, settings, had);
    }
    if (!set_attr(&attr))
        refuse_policy(refusals, attr.policy, why_no_policy(attr.policy, errno));
}

/* ---- nice, slice, utilization ---- */

/* A policy without a priority means nice 0, as in rt-app. (A template has one of them always: see play.c.) */
static void apply_nice(const struct settings *settings, struct refusals *refusals)
{
    const struct attr attr = get_attr();
    int nice = settings->has_priority ? settings->priority : 0;
    bool is_said = settings->has_priority || settings->policy != POLICY_KEEP;

    if (!is_fair(attr.policy) || !is_said || nice == attr.nice)
        return;
    if (setpriority(PRIO_PROCESS, 0, nice) != 0) /* 0: the calling thread alone */
        refuse(refusals, ATTRIBUTE_NICE, "nice %d refused: %s; it has nice %d", nice,
               errno == EPERM || errno == EACCES ? "needs CAP_SYS_NICE or an RLIMIT_NICE" : strerror(errno),
               attr.nice);
}

/* Linux 6.12 and later take a slice from 100 us to 100 ms (__setparam_fair() of kernel/sched/fair.c); earlier
 * ones ignore what is asked. The runtime of a refused deadline was no wish for a slice. */
static void apply_slice(const struct settings *settings, struct refusals *refusals)
{
    struct attr attr = get_attr();

    if (!is_fair(attr.policy) || settings->dl_runtime_ns == 0 || settings->policy == POLICY_DEADLINE)
        return;
    attr.runtime_ns = settings->dl_runtime_ns;
    bool taken = set_attr(&attr);
    uint64_t given_ns = get_attr().runtime_ns;
    double asked_ms = (double)settings->dl_runtime_ns / 1e6;
    if (!taken)
        refuse(refusals, ATTRIBUTE_SLICE, "a slice of %g ms refused: %s; it has the ordinary one", asked_ms,
               strerror(errno));
    else if (given_ns == 0)
        refuse(refusals, ATTRIBUTE_SLICE,
               "a slice of %g ms refused: needs Linux 6.12 or later; it has the ordinary one", asked_ms);
    else if (given_ns != settings->dl_runtime_ns)
        refuse(refusals, ATTRIBUTE_SLICE,
               "a slice of %g ms refused: the kernel takes 0.1 ms to 100 ms; it has one of %g ms", asked_ms,
               (double)given_ns / 1e6);
}

static void apply_util(const struct settings *settings, struct refusals *refusals)
{
    struct attr attr = get_attr();

    if (settings->util_min < 0 && settings->util_max < 0)
        return;
    attr.flags = FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS;
    if (settings->util_min >= 0) {
        attr.flags |= FLAG_UTIL_MIN;
        attr.util_min = (uint32_t)settings->util_min;
    }
    if (settings->util_max >= 0) {
        attr.flags |= FLAG_UTIL_MAX;
        attr.util_max = (uint32_t)settings->util_max;
    }
    if (!set_attr(&attr))
        refuse(refusals, ATTRIBUTE_UTIL, "utilization clamp refused: %s; it runs without",
               errno == EOPNOTSUPP ? "this kernel has none (CONFIG_UCLAMP_TASK)"
               : errno == EPERM    ? "needs CAP_SYS_NICE"
                                   : strerror(errno));
}

/* ---- memory ---- */

static void apply_nodes(const struct settings *settings, struct refusals *refusals)
{
    unsigned long nodes = (unsigned long)settings->nodes;
    const struct cpuset numbers = {{nodes}}; /* to be told as those of CPUs are */
    char text[64];

    if (!settings->has_nodes)
        return;
    /* The kernel takes one bit less than it is told of (get_nodes() of mm/mempolicy.c). */
    if (syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, sizeof nodes * 8 + 1) != 0)
        refuse(refusals, ATTRIBUTE_NODES, "memory on NUMA nodes %s refused: %s; it is taken from any",
               cpuset_format(&numbers, text, sizeof text),
               errno == EINVAL   ? "none of them is here"
               : errno == ENOSYS ? "this kernel has no NUMA"
                                 : strerror(errno));
}

void attributes_lock_pages(struct refusals *refusals)
{
    if (!is_real_time(get_attr().policy))
        return;
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        refuse(refusals, ATTRIBUTE_LOCK_PAGES,
               "lock_pages refused: needs CAP_IPC_LOCK or an RLIMIT_MEMLOCK (%s); its "
               "memory is not locked",
               strerror(errno));
}

/* ---- places ---- */

static void apply_taskgroup(const struct settings *settings, struct refusals *refusals)
{
    struct err err;

    if (!settings->taskgroup || settings->taskgroup[0] == '\0')
        return;
    if (!taskgroup_enter(settings->taskgroup, &err))
        refuse(refusals, ATTRIBUTE_TASKGROUP, "task group %s refused: %s; it is in none", settings->taskgroup,
               err.msg);
}

bool attributes_look_for_cpus(const struct cpuset *wanted, const struct cpuset *allowed, struct cpuset *found,
                              struct refusals *refusals)
{
    struct cpuset missing;
    char refused[64], left[64];

    for (size_t i = 0; i < sizeof found->bits / sizeof *found->bits; i++) {
        found->bits[i] = wanted->bits[i] & allowed->bits[i];
        missing.bits[i] = wanted->bits[i] & ~allowed->bits[i];
    }
    bool any = cpuset_count(found) > 0;
    if (cpuset_count(&missing) > 0)
        refuse(refusals, ATTRIBUTE_CPUS, "CPUs %s refused: only %s are to be used; it runs %s",
               cpuset_format(&missing, refused, sizeof refused), cpuset_format(allowed, left, sizeof left),
               any ? "on the rest of its own" : "there");
    return any;
}

void attributes_place(const struct cpuset *wanted, const struct cpuset *allowed, struct refusals *refusals)
{
    struct cpuset cpus;
    char asked[64];

    if (attributes_look_for_cpus(wanted, allowed, &cpus, refusals) && !cpuset_set_affinity(0, &cpus))
        refuse(refusals, ATTRIBUTE_CPUS, "CPUs %s refused: %s; it stays where it was",
               cpuset_format(&cpus, asked, sizeof asked), strerror(errno));
}

void attributes_apply(const struct settings *settings, struct refusals *refusals)
{
    apply_policy(settings, refusals);
    apply_nice(settings, refusals);
    apply_slice(settings, refusals);
    apply_util(settings, refusals);
    apply_nodes(settings, refusals);
    apply_taskgroup(settings, refusals);
}
