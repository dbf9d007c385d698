/* The observer: its place, its slice, and its being shown. */
#include "observer.h"

#include "../clock.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS (100 * NS_PER_US)

/* ---- its slice ---- */

/* struct sched_attr of include/uapi/linux/sched/types.h, its first published size. glibc 2.36 has no wrapper.
 */
struct sched_attr_v0 {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* EEVDF takes it since Linux 6.12; 0 is the kernel's default. What it refuses is no loss: an older kernel
 * ignores runtime for SCHED_OTHER. */
static void ask_for_slice(uint64_t slice_ns)
{
    struct sched_attr_v0 attr = {.size = sizeof attr};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0 || attr.policy != SCHED_OTHER)
        return;
    attr.size = sizeof attr;
    attr.flags = 0;
    attr.runtime = slice_ns;
    syscall(SYS_sched_setattr, 0, &attr, 0);
}

void observer_hurry(void)
{
    ask_for_slice(SLICE_NS);
}

void observer_stand_back(void)
{
    const struct sched_param param = {0};
    if (sched_getscheduler(0) == SCHED_OTHER)
        sched_setscheduler(0, SCHED_BATCH, &param);
}

void observer_relax(void)
{
    ask_for_slice(0);
}

/* ---- its place ---- */

void observer_place(struct observer *observer, const struct cpuset *allowed, const struct cpuset *used)
{
    struct cpuset spare = *allowed;
    for (int cpu = cpuset_next(used, -1); cpu >= 0; cpu = cpuset_next(used, cpu))
        cpuset_remove(&spare, cpu);
    observer->cpu = cpuset_count(&spare) == 1 ? cpuset_next(&spare, -1) : -1;
    if (cpuset_count(&spare) == 0)
        spare = *allowed;
    cpuset_set_affinity(0, &spare);
}

/* ---- its being shown ---- */

void observer_init(struct observer *observer)
{
    memset(observer, 0, sizeof *observer);
    observer->cpu = -1;
    struct event *switches = &observer->base[0], *run = &observer->base[1];
    *switches = (struct event){.tid = getpid(), .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_BASE};
    *run = (struct event){.tid = getpid(), .cpu = -1, .kind = EVENT_NOTE, .detail = NOTE_BASE_RUN};
    getrusage(RUSAGE_THREAD, &observer->usage);
    switches->u.switches.voluntary = (uint64_t)observer->usage.ru_nvcsw;
    switches->u.switches.involuntary = (uint64_t)observer->usage.ru_nivcsw;
    /* The counter behind schedstat's first number, but brought up to date: schedstat itself may be a tick
     * behind for a task that runs (kernel/sched/core.c, task_sched_runtime). */
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    run->u.run.run_ns = (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec;
}

void observer_introduce(struct observer *observer, struct notes *notes, bool self_timed)
{
    struct event event = {.time_ns = clock_now_ns(), .tid = getpid(), .cpu = -1, .kind = EVENT_NEW};
    event.u.task.pid = getpid();
    event.u.task.slot = -1;
    event.u.task.kind = TASK_PROCESS;
    event.u.task.role = ROLE_OBSERVER;
    notes_add(notes, event);
    event.kind = EVENT_NAME;
    memset(&event.u, 0, sizeof event.u);
    memcpy(event.u.name, "schedviz", sizeof "schedviz");
    notes_add(notes, event);
    for (int i = 0; i < 2; i++) {
        observer->base[i].time_ns = clock_now_ns();
        notes_add(notes, observer->base[i]);
    }
    observer->self_timed = self_timed;
    if (self_timed)
        notes_add(notes, (struct event){.time_ns = clock_now_ns(),
                                        .tid = getpid(),
                                        .cpu = (int16_t)sched_getcpu(),
                                        .kind = EVENT_SWITCH_IN});
}

/* poll(2) gave the CPU away if our voluntary count rose. */
static void note_sleep(struct observer *observer, struct notes *notes, int cpu, uint64_t from_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    if (usage.ru_nvcsw > observer->usage.ru_nvcsw) {
        struct event event = {.time_ns = from_ns,
                              .tid = getpid(),
                              .cpu = (int16_t)cpu,
                              .kind = EVENT_SWITCH_OUT,
                              .detail = OUT_BLOCKED};
        notes_add(notes, event);
        event.time_ns = clock_now_ns();
        event.cpu = (int16_t)sched_getcpu();
        event.kind = EVENT_SWITCH_IN;
        event.detail = 0;
        notes_add(notes, event);
    }
    observer->usage = usage;
}

int observer_sleep(struct observer *observer, struct notes *notes, struct pollfd *fds, unsigned n,
                   int timeout_ms)
{
    int cpu = sched_getcpu();
    uint64_t from_ns = clock_now_ns();
    int got = poll(fds, n, timeout_ms);
    int saved = errno;
    if (observer->self_timed)
        note_sleep(observer, notes, cpu, from_ns);
    errno = saved;
    return got;
}
