/* The one currency: what happened to a task or a CPU, and when. Sources yield events, sinks take them. */
#ifndef SCHEDVIZ_EVENT_H
#define SCHEDVIZ_EVENT_H

#include <stdint.h>

enum event_kind {
    EVENT_SWITCH_IN,  /* tid starts to run on cpu */
    EVENT_SWITCH_OUT, /* tid stops running on cpu; detail: enum event_out */
    EVENT_WAKE, /* tid became runnable; cpu: where it is queued, or -1; u.wake.waker_tid, 0 when not known */
    EVENT_NEW,  /* tid exists, or more is known of it; u.task */
    EVENT_EXIT, /* tid ends; u.exit */
    EVENT_NAME, /* tid is called u.name (its comm); detail: enum event_naming */
    EVENT_SAMPLE, /* the kernel's own figures for tid; detail: enum event_sample */
    EVENT_NOTE,   /* tid says something of itself; detail: enum event_note */
    EVENT_MARK,   /* the user or the machine changed something; u.name is the text; tid 0 */
    EVENT_LOST,   /* u.lost.n events of cpu are missing between its previous event and this one */
    EVENT_OBJECT, /* tasks share an object: tid is its number, u.name, detail: enum object_kind; cpu: n > 0
                     where u.name goes on with a long name, behind n * (EVENT_NAME_SIZE - 1) bytes of it */
};

enum event_out {
    OUT_PREEMPTED, /* still runnable (perf: PERF_RECORD_MISC_SWITCH_OUT_PREEMPT; sched_yield(2) too) */
    OUT_BLOCKED,   /* not runnable until something wakes it */
};

enum event_naming {
    NAME_GIVEN,
    NAME_EXECUTED, /* it executed a program on cpu. A thread that does is its process's first one from then
                      on, and has that one's tid */
};

enum event_sample {
    SAMPLE_STATE,    /* u.state; cpu: the processor it last ran on */
    SAMPLE_RUN,      /* u.run: the first two numbers of /proc/TID/schedstat (proc(5)) */
    SAMPLE_SWITCHES, /* u.switches: *_ctxt_switches of /proc/TID/status */
};

/* Of a task that was there before us. */
enum event_found {
    FOUND_NOT,     /* a sample like any other */
    FOUND_SAMPLED, /* the first of it: its switches are not told, and u.state.slices came before us */
    FOUND_TOLD,    /* slices came before us, and its switches are told from now on: what it does now it does
                      until one is */
};

enum event_note {
    NOTE_WORK, /* u.work: fixed work done so far */
    NOTE_BASE, /* u.switches: the kernel's counts when self-observation of tid began; counts before it were
                  not captured */
    NOTE_BASE_RUN, /* u.run: schedstat's run and wait when self-observation of tid began */

    /* Why a task does not run, told by itself; u.sync. Nothing is told of a lock that was free. */
    NOTE_WANTS,  /* is about to wait for u.sync.object (holder_tid of a mutex); until_ns: at the latest */
    NOTE_SLEEPS, /* is about to sleep, or to wait for a timer, until until_ns (0: not known) */
    NOTE_BLOCKS, /* is about to wait in a system call for something that is no object */
    NOTE_GOT,    /* its wait is over: it has the object (a mutex: is the holder now), or slept enough */
    NOTE_GAVE,   /* released, posted, signalled: n tasks that wait for the object may go on */
    NOTE_DIED,   /* the holder of the object (holder_tid) died with it; tid found that and holds it now */
    NOTE_VALUE,  /* value of a semaphore, a channel or a counter; tid: who changed it last, or 0 */
    NOTE_UNTOLD, /* u.lost.n notes of these kinds were left out: too many at once */
};

/* SWITCH_IN, detail: */
enum event_in {
    IN_SWITCHED, /* it was away */
    IN_STAYED,   /* it told of itself that it would block (the switch out before this), but the kernel counted
                    no switch */
    IN_PREEMPTED, /* it was away, but the kernel counts the switch out before this as a preemption */
};

enum object_kind {
    OBJECT_MUTEX,
    OBJECT_CONDITION,
    OBJECT_BARRIER,
    OBJECT_SEM,
    OBJECT_TIMER,
    OBJECT_SUSPEND, /* tasks that suspended themselves under one name */
    OBJECT_COUNTER,
    OBJECT_CHANNEL,
    OBJECT_JOIN, /* the end of a thread, which is its holder: pthread_join(3) */
};

/* The engine's number of an object: index in the program, and which of its sets a run uses. */
#define EVENT_OBJECT_SET 1000000

/* From this number on, objects were seen from outside, and so were the waits for them: their tasks sleep when
 * NOTE_WANTS tells it (again, where the holder is another one), and the wait is over when they run. */
#define EVENT_OBJECT_SEEN (1 << 29)

#define EVENT_OBJECT_NAME_SIZE 46 /* three events' parts, and a NUL */

enum task_kind {
    TASK_THREAD,
    TASK_PROCESS,
    TASK_GREEN, /* a user-level thread: tid is below zero, u.task.pid the tid of the thread that carries it */
};

enum task_role {
    ROLE_UNKNOWN,  /* not told yet */
    ROLE_WORKLOAD, /* what is watched */
    ROLE_HOST,     /* the engine's own process: part of schedviz, not of the workload */
    ROLE_OBSERVER, /* schedviz itself */
    ROLE_OTHER,    /* somebody else's, seen where all tasks are watched */
};

#define EVENT_NAME_SIZE 16 /* TASK_COMM_LEN of include/linux/sched.h, with its NUL */

/* All of its bytes count: make one with u zero, and set what u holds by itself (what is initialized of a
 * union may leave the rest of it open). */
#define EVENT_SOME_TIME UINT64_MAX

struct event {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    int32_t tid;      /* the kernel's thread id in our pid namespace; 0 for none */
    int16_t cpu;      /* logical CPU, -1 when not known or none */
    uint8_t kind;     /* enum event_kind */
    uint8_t detail;   /* by kind */
    union {
        char
            name[EVENT_NAME_SIZE]; /* always NUL-terminated; may hold any other byte: escape before showing */
        struct {
            int32_t pid;    /* thread group id */
            int32_t slot;   /* the engine's slot, from 0; -1 when not the engine's */
            int32_t parent; /* tid of the task that made it; 0 when not known */
            uint16_t run;   /* which run of the workload it belongs to, from 1; 0 for none */
            uint8_t kind;   /* enum task_kind */
            uint8_t role;   /* enum task_role */
        } task;
        struct {
            int32_t waker_tid;
        } wake;
        struct {
            int32_t status; /* as wait(2) gives it, when known */
            uint8_t known;  /* 0: only that it ended */
        } exit;
        struct {
            uint64_t slices; /* the third number of schedstat: times it was given a CPU */
            char letter;     /* R S D T t Z X I, as proc(5) has them */
            uint8_t found;   /* enum event_found */
        } state;
        struct {
            uint64_t run_ns, wait_ns;
        } run;
        struct {
            uint64_t voluntary, involuntary;
        } switches;
        struct {
            uint64_t done_ns, total_ns; /* calibrated CPU time; total 0: without end */
        } work;
        struct {
            uint64_t n;
        } lost;
        struct {
            int32_t object; /* its number, 0 and up; -1: none */
            int32_t other;  /* WANTS, DIED: the holder's tid, 0 when not known, or (barrier) how many are
                               there;  GAVE: how many it lets go; VALUE: 0 */
            union {
                uint64_t
                    until_ns;  /* WANTS, SLEEPS; 0: without end; EVENT_SOME_TIME: it ends, not known when */
                int64_t value; /* VALUE */
            };
        } sync;
    } u;
};

_Static_assert(sizeof(struct event) == 32, "events are moved by the million");

/* Where events go. push takes them in time order (ties in any order) and does not keep the array. */
struct sink {
    void (*push)(struct sink *sink, const struct event *events, unsigned long n);
};

#endif
