/* The model: events become slices per CPU and states per task, in bounded memory, answered fast at any zoom.
 */
#ifndef SCHEDVIZ_TIMELINE_H
#define SCHEDVIZ_TIMELINE_H

#include "../event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timeline;
struct task;

/* memory_bytes bounds slices and summaries (0: 256 MiB). When it is full, the oldest history is dropped
 * first. */
struct timeline *timeline_new(size_t memory_bytes);

/* What a task that appears from now on is until an event tells its role: ROLE_UNKNOWN (it counts as the
 * workload's) unless set to ROLE_OTHER, where all tasks of the machine are watched. A task without a role of
 * its own that is made by one of the workload's, and not by the engine's, is of the workload and of the same
 * run; until it is named it is called like that. */
void timeline_set_default_role(struct timeline *tl, enum task_role role);
/* The run of the tasks that appear from now on, as long as no event tells theirs: 0 unless set. */
void timeline_set_default_run(struct timeline *tl, uint16_t run);
void timeline_free(struct timeline *tl);

/* The timeline as a sink. Events come in time order (see merge.h); one that is older than its CPU's or its
 * task's last is taken at that last time. Nothing in an event can break the timeline: an out without an in,
 * an in on a CPU that is taken, unknown tids and CPUs up to INT16_MAX are all given the sense that is
 * nearest. */
struct sink *timeline_sink(struct timeline *tl);

/* Tasks as another timeline knew them at now_ns (timeline_task()), in the order of their indexes, put behind
 * those that are here: history begins at now_ns, totals go on from theirs (lengths of slices and of wake-ups
 * begin anew). Before the first event. The array stays the caller's. */
void timeline_restore(struct timeline *tl, const struct task *tasks, unsigned n, uint64_t now_ns);

/* What follows is of another time or place: what the tasks that are there do from now on is not known. */
void timeline_part(struct timeline *tl);

/* All sources are complete up to now_ns: what runs or waits is known to do so until then. Never goes back. */
void timeline_advance(struct timeline *tl, uint64_t now_ns);

/* The oldest instant still fully known (the edge of history), the first event's time ever, and the newest
 * (advance). */
uint64_t timeline_edge_ns(const struct timeline *tl);
uint64_t timeline_first_ns(const struct timeline *tl);
uint64_t timeline_now_ns(const struct timeline *tl);

/* Bytes held for slices and summaries; slices held, on CPU tracks; slices and events ever taken. */
size_t timeline_memory(const struct timeline *tl);
uint64_t timeline_n_slices(const struct timeline *tl);
uint64_t timeline_n_events(const struct timeline *tl);
uint64_t timeline_n_lost(const struct timeline *tl);

/* ---- tasks ---- */

#define TIMELINE_NO_TASK UINT32_MAX

enum task_state {
    STATE_UNKNOWN, /* before it was seen, or in a hole */
    STATE_RUNNING,
    STATE_RUNNABLE, /* waits for a CPU */
    STATE_BLOCKED,  /* waits for something else (or not told: see task.wakes_known) */
    STATE_GONE,
};

enum slice_end {
    SLICE_OPEN, /* still running */
    SLICE_PREEMPTED,
    SLICE_BLOCKED,
    SLICE_EXITED,
    SLICE_LOST, /* its end fell into a hole: end_ns is where the hole begins */
};

/* Slice lengths in logarithmic buckets: 16 in each octave, so a percentile is within 3 % (5 significant
 * bits). */
#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS  704
struct histogram {
    uint64_t n, sum_ns, min_ns, max_ns;
    uint32_t count[HISTOGRAM_BUCKETS];
};

/* A value below 16 is its own bucket; of others the bits after the leading one choose in their octave. */
static inline unsigned histogram_bucket(uint64_t ns)
{
    const uint64_t n_sub = UINT64_C(1) << HISTOGRAM_SUB_BITS;
    if (ns < n_sub)
        return (unsigned)ns;
    const unsigned shift = 63u - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(ns);
    const unsigned bucket = (shift << HISTOGRAM_SUB_BITS) + (unsigned)(ns >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

__attribute__((cold)) void histogram_widen(struct histogram *h, uint64_t ns); /* for histogram_add() alone */

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    if (ns - h->min_ns > h->max_ns - h->min_ns) /* outside of them, either way */
        histogram_widen(h, ns);
    h->n++;
    h->sum_ns += ns;
    h->count[histogram_bucket(ns)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *h);
uint64_t histogram_quantile(const struct histogram *h, double q); /* 0 when empty; exact at q = 0 and 1 */
uint64_t histogram_bucket_floor(unsigned bucket);                 /* smallest ns that falls into it */

/* What the kernel itself counted, from samples; has_* tells which were ever read. Figures are since the task
 * began, as the kernel gives them; base_* is what it had counted before our capture of this task began. */
struct kernel_counts {
    uint64_t voluntary, involuntary, base_voluntary, base_involuntary;
    uint64_t run_ns, wait_ns, slices, base_run_ns, base_wait_ns, base_slices;
    uint64_t time_ns; /* when last read */
    bool has_switches, has_run, has_slices;
};

/* A task as it stands now. Totals are over its whole life, whether or not the history is still held; an
 * unfinished slice or wait counts up to timeline_now_ns(). Owned by the timeline; valid until the next push.
 * A green task (tid below zero) runs where and while its thread does (pid), when it is its turn; it is on no
 * CPU's lane. */
struct task {
    uint32_t index; /* stable; tasks are never forgotten, indexes count from 0 in order of appearance */
    int32_t tid, pid;
    int32_t slot;    /* the engine's, or -1 */
    uint32_t parent; /* the task that made it, or TIMELINE_NO_TASK */
    uint16_t run;
    enum task_kind kind;
    enum task_role role;
    enum task_state state;
    int last_cpu; /* -1 before it ever ran */
    uint64_t state_since_ns;
    char name[EVENT_NAME_SIZE];
    uint64_t first_ns, last_ns; /* its life as seen; last_ns is now while it lives */
    bool exited, exit_known;
    int exit_status;                                      /* wait(2) status */
    uint64_t run_ns, runnable_ns, blocked_ns, unknown_ns; /* add up to last_ns - first_ns */
    uint64_t n_slices, n_voluntary, n_involuntary, n_migrations, n_samples, n_wakes;
    bool wakes_known; /* it is known when it was woken: runnable and blocked are told apart after blocking */
    bool carries;     /* it is the thread of green tasks */
    bool continues;   /* it is the thread that had another tid before it executed a program: no further one */
    bool sampled;     /* FOUND_SAMPLED, and no switch since: between its samples nothing is known of it */
    uint64_t work_done_ns, work_total_ns;
    char kernel_state; /* letter of proc(5), 0 when never sampled */
    struct kernel_counts kernel;
    const struct histogram *slice_ns; /* NULL before its first finished slice */

    /* Where wakes are known: from a wake to the switch-in that followed (the waits after a preemption are not
     * in it), NULL before the first; and the task that ran when it was last woken, which is the waker unless
     * an interrupt was: TIMELINE_NO_TASK when none ran, or none that is known. */
    const struct histogram *wake_ns;
    uint32_t last_waker;
};

/* Whether it counts in the workload's figures. */
static inline bool task_is_workload(const struct task *task)
{
    return task->role == ROLE_WORKLOAD || task->role == ROLE_UNKNOWN;
}

/* Whether its CPU time and its switches count in the workload's figures: a green task's are its thread's. */
static inline bool task_counts(const struct task *task)
{
    return task_is_workload(task) && task->kind != TASK_GREEN;
}

/* Whether it counts where tasks are counted (how many are in progress, how fair they share): a thread that
 * carries green tasks does not, they do. */
static inline bool task_works(const struct task *task)
{
    return task_is_workload(task) && !task->carries;
}

unsigned timeline_n_tasks(const struct timeline *tl);
void timeline_task(const struct timeline *tl, uint32_t index, struct task *task);
/* Another number for each timeline that was ever made: what is remembered of one says nothing of another. */
uint64_t timeline_id(const struct timeline *tl);
/* The same without what grows with time (last_ns of one that lives, the four sums of time) and without the
 * lengths, which mean nothing here: nothing is copied, for those who look at thousands. One that there is
 * not is gone, as with timeline_task(). */
const struct task *timeline_task_told(const struct timeline *tl, uint32_t index);
/* Another number than before when the task has run since, or its state is another one: cheap to ask of
 * thousands. Of one whose switches are not told it rests on samples. Those of two timelines differ. */
uint64_t timeline_task_pulse(const struct timeline *tl, uint32_t index);
/* The living task with this tid, else the last one that had it, else TIMELINE_NO_TASK. */
uint32_t timeline_task_by_tid(const struct timeline *tl, int32_t tid);

/* ---- what a screen asks ---- */

/* A gap between a switch-out and the next switch-in on a CPU, while a watched task was waiting for this CPU
 * all the time: the CPU was not idle. A gap of up to this long is what the switch cost; in a longer one, and
 * in any after which the same task goes on, somebody that we do not watch (another program, a kernel thread,
 * the hypervisor) had the CPU: "others". A gap in which nothing waited is idle time. */
#define TIMELINE_MAX_SWITCH_NS UINT64_C(20000)

/* Where tasks tell their slices themselves, gaps are as long as it takes to notice: no switch cost is seen
 * then, and only what is longer than this is others'. To be said before the first event. */
#define TIMELINE_SELF_TOLD_NS UINT64_C(100000)
void timeline_set_self_told(struct timeline *tl);

/* A span of one CPU's or one task's time. lead[]: on a CPU the tasks (by index) that had the largest parts of
 * run_ns, largest first, ns 0 when there are no more; on a task, where one slice fills the span, its CPU.
 * Of a CPU that was only sampled lead[0].who is whom the last sample saw, unless the bin is approximate.
 * self_ns tells the part of run_ns that is not the workload's: schedviz's own tasks', and ROLE_OTHER's. */
#define BIN_LEADS 3
struct bin {
    uint64_t run_ns;      /* somebody ran / the task ran */
    uint64_t self_ns;     /* CPU bins only */
    uint64_t runnable_ns; /* task bins only */
    uint64_t others_ns;   /* CPU bins only: see TIMELINE_MAX_SWITCH_NS */
    uint64_t blocked_ns;  /* task bins only */
    uint64_t unknown_ns;  /* in a hole, before the edge of history, after now, or outside the task's life */
    uint32_t n_switches;  /* switches in (slices that began) */
    uint32_t n_samples;   /* proc samples that fell into it and saw the task running / a task running here */
    bool approximate; /* apportioned from summaries: a slice across the border was not looked at one by one */
    struct {
        uint32_t who;
        uint64_t ns;
    } lead[BIN_LEADS];
};

/* Fills n bins: bin i covers [start_ns + i * step, start_ns + (i + 1) * step) with step = span_ns / n
 * exactly, borders rounded down to whole ns. The time taken grows with n and not with the number of slices.
 */
void timeline_cpu_bins(const struct timeline *tl, int cpu, uint64_t start_ns, uint64_t span_ns, unsigned n,
                       struct bin *bins);
void timeline_task_bins(const struct timeline *tl, uint32_t task, uint64_t start_ns, uint64_t span_ns,
                        unsigned n, struct bin *bins);

/* The span as one bin, exact at any length, but without leads. */
void timeline_cpu_sum(const struct timeline *tl, int cpu, uint64_t start_ns, uint64_t span_ns,
                      struct bin *bin);
void timeline_task_sum(const struct timeline *tl, uint32_t task, uint64_t start_ns, uint64_t span_ns,
                       struct bin *bin);

/* Only the leads of such a bin: exact while there are few slices in it; else who leads stretches of 128
 * slices is added up, so one that is never among the first three of them is missing. The time taken grows
 * with the stretches. */
void timeline_cpu_leads(const struct timeline *tl, int cpu, uint64_t start_ns, uint64_t span_ns,
                        struct bin *bin);

/* Sums of a stretch of a lane in the place of its slices, stretch after stretch. Once there are any, all bins
 * and sums come from them alone (approximate, where a stretch is cut), the edge of history is where they
 * begin, and there are no slices to be asked for. unknown_ns, blocked_ns and so on as in struct bin. */
void timeline_add_cpu_sums(struct timeline *tl, int cpu, uint64_t start_ns, uint64_t end_ns,
                           const struct bin *sums);
void timeline_add_task_sums(struct timeline *tl, uint32_t task, uint64_t start_ns, uint64_t end_ns,
                            const struct bin *sums);
void timeline_drop_sums(struct timeline *tl);

struct slice {
    uint64_t start_ns, end_ns; /* end_ns is now for an open one */
    uint32_t task;
    int cpu;
    enum slice_end end;
    uint64_t runnable_ns; /* how long it had waited for the CPU just before, as far as known */
};

/* The slice that runs on cpu at t_ns, or else the first one after it (step 0), the next one that begins after
 * that and after t_ns (+1), or the one before (-1). Long slices are joined: what is returned is always a
 * whole slice. False when there is none in history. */
bool timeline_cpu_slice(const struct timeline *tl, int cpu, uint64_t t_ns, int step, struct slice *slice);
bool timeline_task_slice(const struct timeline *tl, uint32_t task, uint64_t t_ns, int step,
                         struct slice *slice);

/* The same for many in a row, found once: that slice and those after it, at most max; returns how many. On a
 * CPU runnable_ns is left 0. */
unsigned timeline_cpu_slices(const struct timeline *tl, int cpu, uint64_t t_ns, struct slice *slices,
                             unsigned max);
unsigned timeline_task_slices(const struct timeline *tl, uint32_t task, uint64_t t_ns, struct slice *slices,
                              unsigned max);

/* Visits the slices of a CPU that history holds, from the one that runs at from_ns on, oldest first, until
 * visit returns false; whether it never did. */
bool timeline_each_cpu_slice(const struct timeline *tl, int cpu, uint64_t from_ns,
                             bool (*visit)(void *data, const struct slice *slice), void *data);

/* The state of a task at an instant, since and until when (now, if it has not ended), and for a running one
 * its CPU. */
enum task_state timeline_task_at(const struct timeline *tl, uint32_t task, uint64_t t_ns, uint64_t *since_ns,
                                 uint64_t *until_ns, int *cpu);

/* The nearest switch (a slice's start or end) after (dir > 0) or before (dir < 0) t_ns, strictly, on one CPU
 * or on any (cpu -1). 0 when there is none. */
uint64_t timeline_next_switch(const struct timeline *tl, int cpu, uint64_t t_ns, int dir);

/* The nearest switch-in of a task after or before t_ns, strictly; 0 when there is none. */
uint64_t timeline_next_switch_in(const struct timeline *tl, uint32_t task, uint64_t t_ns, int dir);

/* ---- who ran instead ---- */

struct behind {
    uint32_t task; /* that had the CPU, */
    uint64_t ns;   /* for so long */
};

struct behind_sums {
    uint64_t waited_ns; /* runnable time that was looked at */
    uint64_t
        unknown_ns; /* of it, with nobody known on the CPU: the switches themselves, idle moments before
                       the task was given the CPU, who is not watched, and waits whose CPU is not known */
    bool cut; /* a part of the window was not looked at: too many slices at its end, or its beginning is not
                 in history */
};

/* Whom a task waited behind in [from_ns, to_ns): who had the CPU meanwhile on which it then ran, which is as
 * much as is known of the queue in which it stood (of a wait that is not over, the CPU on whose queue it
 * counts). Fills at most max, longest first, and returns how many; ns of all that there are and unknown_ns
 * add up to waited_ns. A green task waits for its thread: that is not looked at, all of it is unknown. Looks
 * at a few thousand slices at most. */
unsigned timeline_behind(const struct timeline *tl, uint32_t task, uint64_t from_ns, uint64_t to_ns,
                         struct behind *out, unsigned max, struct behind_sums *sums);

/* The same for all tasks of the workload together. Looks at some ten thousand slices at most, for each task
 * at as many as for any other. */
unsigned timeline_antagonists(const struct timeline *tl, uint64_t from_ns, uint64_t to_ns, struct behind *out,
                              unsigned max, struct behind_sums *sums);

/* Whether the kernel's counts of a task are still of use. One of the engine's reads them by itself just
 * before it ends: then they are of its end, or, where it had to wait for that, tell nearly all of its run
 * time (as of a tick ago, proc(5), and without what the hypervisor stole). Nobody does so for one that is
 * killed, or for a program's. */
#define TASK_COUNTS_LATE_NS UINT64_C(20000000)
static inline bool task_counts_hold(const struct task *task)
{
    const struct kernel_counts *k = &task->kernel;
    const uint64_t run_ns = k->has_run ? k->run_ns - k->base_run_ns : task->run_ns;
    const bool is_of_end = task->last_ns <= k->time_ns + TASK_COUNTS_LATE_NS;
    return !task->exited || (task->slot >= 0 && (is_of_end || task->run_ns <= run_ns + TASK_COUNTS_LATE_NS));
}

/* Marks and holes, oldest first. */
enum mark_kind {
    MARK_CHANGE, /* what somebody changed */
    MARK_WARNING,
    MARK_DEADLOCK, /* alerts of what the timeline does not hold: timeline_add_marks() */
};
struct mark {
    uint64_t time_ns;
    enum mark_kind kind;
    char text[EVENT_NAME_SIZE];
};
unsigned timeline_n_marks(const struct timeline *tl);
const struct mark *timeline_mark(const struct timeline *tl, unsigned i);
/* More of them, in order of time: of instants that the timeline does not hold. */
void timeline_add_marks(struct timeline *tl, const struct mark *marks, unsigned n);

struct hole {
    int cpu;
    uint64_t start_ns, end_ns, n_lost;
};
unsigned timeline_n_holes(const struct timeline *tl);
const struct hole *timeline_hole(const struct timeline *tl, unsigned i);

/* The CPUs that ever had a slice, as numbers below this. */
int timeline_n_cpus(const struct timeline *tl);

/* Whole-life totals of one CPU, without the observer and the host. */
struct cpu_totals {
    uint64_t busy_ns, n_slices, n_switches;
    uint64_t self_ns;   /* what observer, host and ROLE_OTHER took of it */
    uint64_t others_ns; /* what somebody unseen took while a watched task waited for it */
};
void timeline_cpu_totals(const struct timeline *tl, int cpu, struct cpu_totals *totals);

/* Lengths of all workload slices, and the visible switch cost: gaps up to TIMELINE_MAX_SWITCH_NS, as told
 * there. An interrupt or a short unseen task in between makes one longer: it is an upper bound. */
void timeline_slice_lengths(const struct timeline *tl,
                            struct histogram *lengths); /* added up now: once a frame, not a cell */
const struct histogram *timeline_switch_costs(const struct timeline *tl);

#endif
