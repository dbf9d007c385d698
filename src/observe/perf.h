/* The perf source: every context switch of a task tree, exact, as an ordinary user. */
#ifndef SCHEDVIZ_OBSERVE_PERF_H
#define SCHEDVIZ_OBSERVE_PERF_H

#include "../cpuset.h"
#include "source.h"
#include "tracepoint.h"

struct perf_config {
    /* 0: the calling process; its children and threads made later are covered by inheritance. -1: every task
     * of the machine, which takes CAP_PERFMON or perf_event_paranoid below 1. */
    int pid;
    struct cpuset cpus;  /* one event and one ring per member */
    struct cpuset later; /* with a pid: more CPUs, which get an event now and their ring by perf_add_cpu() */
    size_t ring_bytes;   /* data bytes of one ring, a power of two of pages; 0: 2 MiB, halved for all until
                            granted */
    bool wakes; /* with pid -1: who woke whom is told too (EVENT_WAKE), where the kernel lets us see it */
};

/* Opens PERF_COUNT_SW_DUMMY with context_switch, task, comm, sample_id_all, inherit and CLOCK_MONOTONIC on
 * each CPU (perf_event_open(2)). Returns NULL and one line in err when the kernel refuses: it names the cause
 * (EACCES or EPERM: perf_event_paranoid, or a seccomp filter; EMFILE; ENOSYS; ENOMEM/EPERM from mmap: mlock
 * budget) and the way out. A CPU that is offline is left out. Events start at once. */
struct source *perf_open(const struct perf_config *config, struct err *err);

/* A CPU came online, or is ours to use again. One of `cpus' goes on in its ring; one of `later' gets its
 * ring, and what runs there is seen of all that is watched. Of a CPU that is in neither, only tasks made from
 * now on are seen there by a source with a pid: *whole, which may be NULL, is false then. */
bool perf_add_cpu(struct source *source, int cpu, bool *whole, struct err *err);

/* Data bytes of the smallest ring: less than asked for where the mlock budget gave no more. */
size_t perf_ring_bytes(const struct source *source);

/* Whether EVENT_WAKE is told, from sched:sched_waking and sched:sched_wakeup_new: two more events a CPU. The
 * waker is who ran when it happened, be it that it did it or that an interrupt came meanwhile; 0 if that was
 * the idle task. Of a new task the CPU is where it is queued; of others that is not decided yet, and it is
 * -1. *why, which may be NULL, is a line when it is not told though it was asked for, else "". */
bool perf_has_wakes(const struct source *source, const char **why);

/* ---- tasks that run already, for a source with pid 0 ---- */

enum perf_attached {
    PERF_ATTACHED, /* it is watched from now on, on each CPU that has a ring or may get one */
    PERF_COVERED,  /* it is watched already: attached, or made by one that was */
    PERF_GONE,     /* there is none with this tid */
    PERF_REFUSED,  /* the kernel does not allow it, or cannot; a line says why */
    PERF_NO_FILES, /* the limit of file descriptors is reached; a line says how to raise it */
};

/* Watches a task, and what it makes from now on. All its CPUs or, when something fails, none. To attach a
 * program, attach what /proc lists of it, and list it again until nothing new is found: what is made
 * meanwhile by an attached task is covered. The limit of file descriptors is raised as far as it may be, and
 * some are left to others.
 *
 * A task may turn out to be covered twice: made while its maker was being attached, or seen in /proc a moment
 * before its FORK record could be read. No event is told twice for it. Where it is in doubt whether a task is
 * covered, tick() attaches it by itself: perf_n_attached() grows then, which is a reason to list again.
 *
 * tick() closes what is not needed any more: the events of a task that ended, when all that descend from it
 * have ended, since they are watched by what they inherited from these. After records of a ring were lost
 * that is not known, and they stay open. */
enum perf_attached perf_attach(struct source *source, int tid, struct err *err);

/* It ended, and its EXIT was not seen. */
void perf_detach(struct source *source, int tid);

/* Living tasks that were attached, those not counted that are only covered; and the file descriptors held
 * for them. */
unsigned perf_n_attached(const struct source *source);
unsigned perf_n_attached_files(const struct source *source);

/* CPU time is not spent here: the fd polls readable when a third of a ring is full, or 170 KiB of it
 * (attr.wakeup_watermark). */

/* Pure: parses the bytes of one record (struct perf_event_header and what follows,
 * include/uapi/linux/perf_event.h) as laid out for the attributes above into *event. Returns the record's
 * size, or 0 when the bytes are not a whole, well-formed record; *is_event says whether the record meant
 * something to us. cpu: the ring's own CPU. wakes: of tracepoints that write there too, or NULL. */
size_t perf_parse(const void *bytes, size_t n, int cpu, const struct tracepoint_wakes *wakes,
                  struct event *event, bool *is_event);

/* What was made of bytes that hold records in a row: how many were used, the events written, and the records
 * that those of kind EVENT_LOST speak of. */
struct perf_batch {
    size_t n_bytes, n_events;
    uint64_t n_lost;
};

/* The same for record after record, until max events are written or what follows is not a whole, well-formed
 * record: no bytes are used when the first is not. */
struct perf_batch perf_parse_batch(const void *bytes, size_t n, int cpu, const struct tracepoint_wakes *wakes,
                                   struct event *events, size_t max);

#endif
