/* The perf source: every context switch of a task tree, exact, as an ordinary user. */
#ifndef SCHEDVIZ_OBSERVE_PERF_H
#define SCHEDVIZ_OBSERVE_PERF_H

#include "../cpuset.h"
#include "source.h"

struct perf_config {
    /* 0: the calling process; its children and threads made later are covered by inheritance. -1: every task
     * of the machine, which takes CAP_PERFMON or perf_event_paranoid below 1. */
    int pid;
    struct cpuset cpus;  /* one event and one ring per member */
    struct cpuset later; /* with a pid: more CPUs, which get an event now and their ring by perf_add_cpu() */
    size_t ring_bytes;   /* data bytes of one ring, a power of two of pages; 0: 512 KiB, halved for all until
                            granted */
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

/* CPU time is not spent here: the fd polls readable when a third of a ring is full (attr.wakeup_watermark).
 */

/* Pure: parses the bytes of one record (struct perf_event_header and what follows,
 * include/uapi/linux/perf_event.h) as laid out for the attributes above into *event. Returns the record's
 * size, or 0 when the bytes are not a whole, well-formed record; *is_event says whether the record meant
 * something to us. cpu: the ring's own CPU. */
size_t perf_parse(const void *bytes, size_t n, int cpu, struct event *event, bool *is_event);

/* What was made of bytes that hold records in a row: how many were used, the events written, and the records
 * that those of kind EVENT_LOST speak of. */
struct perf_batch {
    size_t n_bytes, n_events;
    uint64_t n_lost;
};

/* The same for record after record, until max events are written or what follows is not a whole, well-formed
 * record: no bytes are used when the first is not. */
struct perf_batch perf_parse_batch(const void *bytes, size_t n, int cpu, struct event *events, size_t max);

#endif
