/* The engine: runs a workload's tasks as real threads and processes, and lets them be changed while they run.
 */
#ifndef SCHEDVIZ_ENGINE_H
#define SCHEDVIZ_ENGINE_H

#include "../cpuset.h"
#include "../err.h"
#include "../event.h"
#include "../observe/source.h"
#include "../workload/workload.h"
#include "objects.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One slot holds one task of the workload at a time: slot 0 is "A". A task that is stopped and spawned again
 * in its slot is a new kernel task with a new tid. */
enum engine_state {
    ENGINE_EMPTY,    /* nothing in the slot, or what was there is gone and reaped */
    ENGINE_STARTING, /* asked of the host, not yet seen */
    ENGINE_GATED,    /* exists (tid is known) and waits at the gate */
    ENGINE_RUNNING,
    ENGINE_STOPPING, /* asked to end */
    ENGINE_DONE,     /* ended by itself: its work is done */
    ENGINE_DIED,     /* ended otherwise: status tells */
};

struct engine_task {
    enum engine_state state;
    enum task_kind kind;
    int slot, tid, pid;
    uint16_t run;                  /* as given to engine_spawn */
    struct part part;              /* as given; or, with forked, what the task that asked for it wanted */
    bool forked;                   /* asked for by another task, not by engine_spawn */
    int status;                    /* wait(2) status, with ENGINE_DIED */
    uint64_t loops;                /* of its template, finished so far */
    uint64_t work_done_ns;         /* calibrated CPU time, read from shared memory now */
    uint64_t work_total_ns;        /* 0: without end */
    uint64_t started_ns, ended_ns; /* when it passed the gate; when it ended; 0: not yet */
};

struct engine_config {
    bool self_timed;               /* workers report their own slices: the `engine` source of switches */
    const struct program *program; /* what the tasks do; outlives the engine. NULL: every task computes */
};

struct engine_order {
    enum task_kind kind;
    uint16_t run;              /* from 1; tasks of a run share their objects */
    struct cpuset cpus;        /* where it runs; what its template says of that is the caller's to honour */
    uint64_t work_ns, done_ns; /* calibrated work in all, 0: without end; and of it, done before (a task that
                                  changed its kind goes on where it was) */
    struct part part;          /* of the program: what it does. Without a program nothing */
    bool several;              /* others of its template are wanted too: its name has a number */
    const struct settings *settings; /* asked of the scheduler, after the template's; NULL: nothing. Copied;
                                        its taskgroup outlives the engine */
};

struct engine;

/* Forks the host process, in a process group of its own, and waits until it is ready and the work loop is
 * calibrated (a few ms). The host and all that it starts die with the calling thread, so call it from the
 * main one, however that dies (prctl(2) PR_SET_PDEATHSIG, with the parent checked after it was set); the
 * caller becomes a subreaper so that orphans of a killed host are reaped. Sources that watch by inheritance
 * must be open on the caller before this. */
struct engine *engine_start(const struct engine_config *config, struct err *err);

/* Ends and reaps everything that was started, then frees. Never hangs: what does not end within a moment is
 * killed. */
void engine_free(struct engine *engine);

/* For the fatal-signal handler: async-signal-safe, kills the host's tasks with SIGKILL. */
void engine_kill(const struct engine *engine);

int engine_host_pid(const struct engine *engine);
int engine_crew_pid(const struct engine *engine); /* 0: there is none now */

/* The threads of the crew that carry green tasks, one for each run that has any: i from 0 to OBJECTS_SETS; 0:
 * there is none now. */
int engine_carrier_tid(const struct engine *engine, unsigned i);

/* False after the host ended by a cause other than us; err tells how. All its tasks are then ENGINE_DIED. */
bool engine_alive(const struct engine *engine, struct err *err);

/* Readable when there is something for engine_dispatch(): messages of the host, ends of tasks. */
int engine_fd(const struct engine *engine);
void engine_dispatch(struct engine *engine);

/* Asks for a task in an empty, done or died slot (< WORKLOAD_MAX_TASKS): it is made, named, put on its CPUs,
 * and waits at the gate. The answer comes through engine_dispatch(): ENGINE_GATED, or ENGINE_DIED with
 * engine_error(). It stays ENGINE_STARTING as long as the tasks of OBJECTS_SETS earlier runs are still there.
 * Threads are of a crew process: one that crashes takes the others along, and nothing else. The green tasks
 * of a run are carried by one of its threads, which is where the first of them is put (green.h): their tids
 * are below zero. */
bool engine_spawn(struct engine *engine, unsigned slot, const struct engine_order *order, struct err *err);

/* Waits until no slot is ENGINE_STARTING, or for timeout_ms; false then, or when a spawn failed (err says
 * which). */
bool engine_wait_gated(struct engine *engine, int timeout_ms, struct err *err);

/* Opens the gate for every gated task, at one moment. */
void engine_release(struct engine *engine);

/* Moves a task: sched_setaffinity(2), at once. A task that is gone is fine (true). */
bool engine_place(struct engine *engine, unsigned slot, const struct cpuset *cpus, struct err *err);

/* Asks a task to end; it does within a slice of running, even if it is blocked, and its last counters are
 * kept. */
void engine_stop(struct engine *engine, unsigned slot);

/* Waits until every stopping slot is empty, or for timeout_ms; false then. */
bool engine_wait_stopped(struct engine *engine, int timeout_ms);

/* Stops and continues all tasks with job control (Ctrl-Z of schedviz): SIGSTOP and SIGCONT to the host's
 * group. */
void engine_suspend(struct engine *engine);
void engine_resume(struct engine *engine);

/* A snapshot of the slot; state ENGINE_EMPTY for one never used. Tasks that others forked are in slots from
 * the highest downwards; they are seen from the engine_dispatch() after they were asked for. */
struct engine_task engine_task(const struct engine *engine, unsigned slot);
unsigned engine_n_slots(const struct engine *engine); /* one more than the highest slot ever used */

/* The error of the last failed spawn, or "". */
const char *engine_error(const struct engine *engine);

/* What the machine refused to tasks (a policy, a task group): one line for each template and thing. */
unsigned engine_n_warnings(const struct engine *engine);
const char *engine_warning(const struct engine *engine, unsigned i);

/* An object of the program as the tasks of the run have it; false when that run's are there no more. */
bool engine_object(const struct engine *engine, uint16_t run, uint32_t object, struct object_state *state);

/* The mean time that ACTION_CREATE took in the run to make, start and join a task of the kind; NAN when there
 * was none. */
double engine_created_us(const struct engine *engine, uint16_t run, enum task_kind kind);

/* The engine as a source, owned by the engine (its close does nothing): EVENT_NEW, EVENT_NAME and one
 * EVENT_EXIT of host, crew and tasks with slot, run, kind and role; EVENT_OBJECT of all objects of a run (a
 * task that times itself tells its end; of others it is told when they are reaped, a moment later); NOTE_WORK
 * (a few times a second, and at the end); each task's final kernel counters as samples, read by itself just
 * before it ends; and, when self-timed, EVENT_SWITCH_IN/OUT with NOTE_BASE first. */
struct source *engine_source(struct engine *engine);

#endif
