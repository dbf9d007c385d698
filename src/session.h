/* A session joins engine, sources and timeline: it starts a workload, changes it live, and compares runs. */
#ifndef SCHEDVIZ_SESSION_H
#define SCHEDVIZ_SESSION_H

#include "engine/engine.h"
#include "machine.h"
#include "observe/proc.h"
#include "timeline/timeline.h"
#include "workload/workload.h"

#include <poll.h>

enum source_choice { SOURCE_AUTO, SOURCE_PERF, SOURCE_ENGINE, SOURCE_PROC };

struct session_config {
    /* A program to watch that is not ours, in place of a workload: a command that is started (both NULL or 0:
     * there is none), or a process that runs already. */
    char *const *argv; /* ends in NULL; outlives the session */
    int pid;
    bool moves;    /* the process is moved to cpus at once; else it stays where it is, and cpus follows it */
    bool captured; /* the command's output is kept for session_output(), and it has no input */

    struct workload workload;
    struct cpuset cpus; /* the chosen ones, not empty, all allowed */
    enum source_choice source;
    bool all;            /* every task of the machine is watched, where the kernel allows it */
    size_t memory_bytes; /* for the timeline; 0: its default */
    bool hold;           /* tasks wait at the gate until session_hold() lets them go */
    size_t past_bytes;   /* memory for the past as it could be recorded; 0: only what comes is recorded */
    const char
        *record; /* a file that takes all from the first event on, made before anything runs; NULL: none */
    bool record_force; /* that replaces a file that exists */
};

struct session;
struct lecture;
struct session_facts;
struct trace;

/* Opens the sources (auto: the best that really opens), starts the engine and the tasks, observes them, and
 * opens the gate. The machine is the caller's, must outlive the session and is refreshed by it. */
struct session *session_start(const struct session_config *config, struct machine *machine, struct err *err);
/* A session of what was recorded (session/trace.h): one trace, or two, the second behind the first on the
 * time axis and its last run held against the first's as in a comparison. The traces become the session's,
 * also where this fails. machine is made here, of the day of the recording, and is the caller's. Nothing runs
 * in it: what would change something is refused with a line. */
struct session_replay {
    struct trace *const *traces;
    unsigned n_traces;
    size_t memory_bytes; /* for the timeline; 0: as it was then */
    bool by_window; /* of a recording that is larger than memory only what is shown is read (session_show());
                       else all of it, and what memory cannot hold is dropped, the oldest first */
    const char *record; /* another tool's trace becomes a recording of ours on the way; NULL */
    bool force;         /* that replaces a file that exists */
};
struct session *session_replay(const struct session_replay *what, struct machine *machine, struct err *err);
bool session_is_replay(const struct session *session);

/* What is to be shown next, and the instant that it is about: of a recording that is larger than memory,
 * session_timeline() is another one after this, with all slices of the window; where they are too many, with
 * sums of them. True when it has changed. The current run is the one that went on at at_ns. Nothing happens
 * where nothing is replayed. */
bool session_show(struct session *session, uint64_t from_ns, uint64_t to_ns, uint64_t at_ns);

/* session_timeline() has all slices of the window that is shown, or of_all that was seen: not so of a
 * recording that is larger than memory. */
bool session_has_slices(const struct session *session, bool of_all);

/* The timeline as it stood at at_ns: who held what, who waited, what was in the queues; slices from shortly
 * before alone. The session's, valid until it is asked for another instant. session_timeline() of two
 * recordings, of another tool's trace, and of what a live run does not keep in memory (any more). */
const struct timeline *session_state(struct session *session, uint64_t at_ns);

/* The whole time that is recorded. */
/* What was told of it beside its events (session/facts.h). */
const struct session_facts *session_replay_facts(const struct session *session);
void session_replay_span(const struct session *session, uint64_t *first_ns, uint64_t *last_ns);
/* What a screen says of it: where and when it was made. */
struct session_origin {
    const char *host, *date, *made_by;
};
void session_origin(const struct session *session, struct session_origin *origin);
/* What is missing of trace i of session_replay(), or "". */
const char *session_replay_remark(const struct session *session, unsigned i);

/* Waits until the first tasks have been started. False when one could not be. Nobody has to wait: it comes by
 * itself. */
bool session_wait_started(struct session *session, struct err *err);
void session_free(struct session *session);       /* ends and reaps all that was started */
void session_kill(const struct session *session); /* for the fatal-signal handler */

/* Wakes the event loop: fds to poll (at most max are written; returns how many). */
unsigned session_poll_fds(const struct session *session, struct pollfd *fds, unsigned max);

/* poll(2) over fds, on behalf of the caller's event loop; it notes when we ourselves were asleep, which is
 * how the observer is shown where perf is refused. */
int session_sleep(struct session *session, struct pollfd *fds, unsigned n, int timeout_ms);

/* One turn: reads sources and host messages, and brings the timeline up to now. Cheap when there is nothing.
 */
void session_turn(struct session *session);

/* ---- changes while it runs; each leaves a mark. False with one line when it cannot be done. ---- */
bool session_set_cpus(struct session *session, const struct cpuset *cpus, struct err *err);
bool session_set_n_tasks(struct session *session, unsigned n, struct err *err);
bool session_set_kind(struct session *session, enum task_kind kind, struct err *err);
bool session_set_placement(struct session *session, enum placement placement, struct err *err);
bool session_restart(struct session *session, struct err *err); /* a new run of the same work */
/* A new run of something else: other tasks of the same program, other settings, other CPUs. */
bool session_stage(struct session *session, const struct workload *workload, const struct cpuset *cpus,
                   struct err *err);
/* While held, the tasks of a new run are made and wait at the gate. */
void session_hold(struct session *session, bool hold);
bool session_stop(struct session *session); /* ends all tasks, waits a moment for their last events */

/* Ctrl-Z: the workload stops with us. */
void session_suspend(struct session *session);
void session_resume(struct session *session);

/* ---- a program that is watched ---- */

/* Its tasks are those of the timeline with ROLE_WORKLOAD. What makes tasks of a workload (their number, kind,
 * placement, comparison, stages) is refused with a line; session_set_cpus() moves all tasks of the program,
 * and session_restart() starts a command anew that has ended. */
struct session_target {
    bool is_command;
    int pid;
    bool ended;                    /* the command's or the attached process is gone; descendants may live */
    bool known;                    /* ended, and how: status; of somebody else's child nobody tells */
    int status;                    /* as wait(2) gives it */
    int exec_error;                /* errno of a command that could not be executed; 0 */
    unsigned n_tasks, n_processes; /* that live */
    uint64_t voluntary,
        involuntary;    /* known: the kernel's count for the command and all that it waited for */
    int nice;           /* as set last by session_set_nice(), else that of the process at the start */
    enum policy policy; /* the same by session_set_policy() */
};
/* False: there is none. */
bool session_target(const struct session *session, struct session_target *target);

/* What the command wrote to its standard output and error, oldest first, raw: the last quarter of a MiB of
 * it. Valid until the next turn. *n_before: bytes that came before those and are gone. */
const char *session_output(const struct session *session, size_t *n, uint64_t *n_before);

/* Of all its tasks, new ones included: they inherit it. */
bool session_set_nice(struct session *session, int nice, struct err *err);
bool session_set_policy(struct session *session, enum policy policy,
                        struct err *err); /* OTHER, BATCH, IDLE */

/* How session_free() leaves a command that still runs: ended (SIGTERM, and after a moment SIGKILL, to all of
 * its tasks; what happens unless this was called), or let run on, its output read by nobody. An attached
 * process is always let run on, as it was before. */
void session_let_run(struct session *session);

/* ---- runs and their comparison ---- */

/* What was found in a counter of the workload file when a run was over, and what had been added to it. */
struct counter_sum {
    uint32_t object; /* of the program */
    int64_t found, expected;
};

#define RUN_MAX_SUMS 8 /* of the program's first counters */

/* One run: the tasks that were started together. Same work on 1 core and on k are two runs of one timeline.
 */
struct run {
    uint16_t number;    /* from 1; tasks carry it (struct task.run) */
    struct cpuset cpus; /* as chosen last during the run */
    enum task_kind kind;
    enum placement placement;
    unsigned n_tasks;
    unsigned n_sampled; /* of them, those of which samples alone are told, though the source is exact */
    uint64_t work_ns;
    uint64_t start_ns; /* the gate opened */
    uint64_t end_ns;   /* all work done, or the run was stopped; 0 while it goes on */
    bool complete;     /* ended because all work was done: end_ns - start_ns is the makespan */
    bool changed;      /* cores, tasks, kind or placement were changed while it ran */
    bool went_on; /* a reference, as it was until a change at end_ns: its tasks ran on, so their totals are of
                     more */
    unsigned n_sums;
    struct counter_sum sums[RUN_MAX_SUMS];
};
unsigned session_n_runs(const struct session *session);
const struct run *session_run(const struct session *session, unsigned i); /* i from 0, oldest first */
const struct run *session_current_run(const struct session *session);
/* Its slices are not known, only samples and what the kernel counted: of two recordings one may be so. */
bool session_run_is_sampled(const struct session *session, const struct run *run);

/* Keeps a run as the reference for comparison; 0 drops it. */
void session_keep(struct session *session, uint16_t run);
const struct run *session_reference(const struct session *session); /* NULL: none */

/* What a run worked on: the name of its workload, or of the program that was watched. */
const char *session_run_work(const struct session *session, const struct run *run);
/* Both had the same to do, as far as that is told: what they worked on has one name, and of a workload it was
 * as much, in however many tasks. */
bool session_same_work(const struct session *session, const struct run *a, const struct run *b);

/* The whole comparison: the workload's tasks and work on 1 core against the k chosen ones. Where 1 + k CPUs
 * are free the two go at the same time, else one after the other. Needs a workload with an end (work_ns), or
 * uses 500 ms. */
enum comparison {
    COMPARE_NONE,
    COMPARE_TOGETHER,
    COMPARE_FIRST,
    COMPARE_SECOND,
    COMPARE_FINISHED_TOGETHER,
    COMPARE_FINISHED_IN_TURN
};
bool session_compare(struct session *session, struct err *err);
enum comparison session_comparison(const struct session *session);

/* ---- recording ---- */

/* Writes all that is seen from from_ns on into a new file: what is already known of it as far as memory holds
 * (0: from the beginning), and what comes. force: a file of ours that exists is replaced. False with a line.
 */
bool session_record(struct session *session, const char *path, bool force, uint64_t from_ns, struct err *err);
/* The end of it: its index is written. False with a line when something was not, or has failed before. */
bool session_record_end(struct session *session, struct err *err);

struct session_recording {
    bool is_on,
        has_failed;   /* it could not be written on: the session's message told, session_record_end() will */
    const char *path; /* of the one that is on, or was last; NULL: none was */
    uint64_t n_bytes, n_events, since_ns;
    uint64_t length_ns; /* from the first of what was written to the last */
};
void session_recording(const struct session *session, struct session_recording *recording);

/* The lesson that is given: its outcome belongs to the recording. NULL: none (any more). */
void session_tell_lecture(struct session *session, const struct lecture *lecture);

/* ---- what it is now ---- */
struct session_info {
    struct workload workload; /* as changed */
    struct cpuset cpus;
    const char *source;            /* who tells the switches: "perf", "engine", "proc" */
    bool all;                      /* every task of the machine is seen */
    bool exact;                    /* slices are exact, not samples, */
    unsigned n_watched, n_sampled; /* but for n_sampled of n_watched tasks of the current run */
    const char *reason;            /* why not a better source, with the way to get it; NULL for the best */
    uint64_t n_lost, n_late;
    bool finished;       /* the run has ended */
    int observer_cpu;    /* where we keep ourselves, -1: anywhere */
    char message[320];   /* the last thing the machine did to us (a CPU went away, the host was killed); "" */
    uint64_t message_ns; /* when */
};
void session_info(const struct session *session, struct session_info *info);
/* Slices are exact, and those of all tasks: else it is not known what ran at once, and what a CPU did. */
static inline bool session_info_is_whole(const struct session_info *info)
{
    return info->exact && !info->n_sampled;
}
void session_forget_message(struct session *session); /* it was shown */

/* What the machine or the file was refused, and what of the file is done in another way here: a line each.
 * Valid as long as the session. */
unsigned session_n_warnings(const struct session *session);
const char *session_warning(const struct session *session, unsigned i);

/* False after the engine's host was killed: nothing runs any more, and err tells why. */
bool session_alive(const struct session *session, struct err *err);

const struct engine *session_engine(const struct session *session);
struct timeline *session_timeline(const struct session *session);
struct source *
session_proc(const struct session *session); /* for proc_system_read() and proc_memory_read() */

#endif
