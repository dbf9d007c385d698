/* Reads a recording: opens it by its index alone, and decodes any block of it by itself. */
#ifndef SCHEDVIZ_RECORD_READER_H
#define SCHEDVIZ_RECORD_READER_H

#include "../err.h"
#include "../event.h"
#include "../timeline/timeline.h"
#include "limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nothing in a file is believed: all counts and lengths are checked before memory is taken, and what a block
 * becomes is bounded (RECORD_MAX_EVENTS, a few MiB). What is not right makes a call fail with a line, and
 * nothing else. One thread at a time. */
struct reader;

/* The first bytes of every recording: tells it from a workload file or a trace. n may be any number. */
#define READER_MAGIC_SIZE 8
bool reader_is_recording(const void *bytes, size_t n);

/* Reads the file's header and its index; where the index is missing, the headers of all blocks. NULL and a
 * line with the file's name when it is no recording, of a later format, or cannot be read. */
struct reader *reader_open(const char *path, struct err *err);

/* The same over bytes in memory, which must stay until reader_close(); name is for messages. */
struct reader *reader_open_memory(const void *bytes, size_t n, const char *name, struct err *err);

void reader_close(struct reader *reader);

/* The bytes at the end that could not be read: the recording was cut off (killed, full disk). 0 when it is
 * whole. text, which may be NULL, is a line about it, "" when there is nothing to say. A recording that was
 * cut off exactly between two blocks has lost none of them: 0 bytes, and a line all the same. */
uint64_t reader_cut(const struct reader *reader, const char **text);

uint64_t reader_n_bytes(const struct reader *reader);
uint64_t reader_n_events(const struct reader *reader);

/* The span of all blocks of events; both 0 when there are none. */
void reader_span(const struct reader *reader, uint64_t *first_ns, uint64_t *last_ns);

/* ---- blocks of events, in the order of the file, which is that of time ---- */

struct reader_block {
    uint64_t first_ns, last_ns; /* the block's span: the spans follow one another without gaps, unless
                                   recording was. All its events are in it; an event at last_ns may also be in
                                   the next block */
    uint32_t n_events;          /* 0 .. RECORD_MAX_EVENTS */
    bool key;                   /* it begins with the state of all tasks: reader_preamble() */
    bool has_sums;
    uint64_t n_bytes; /* in the file */
};

unsigned reader_n_blocks(const struct reader *reader);
const struct reader_block *reader_block(const struct reader *reader, unsigned block);

/* The last block that begins at or before t_ns (the first one when all are later), or with key the last of
 * those that are key. reader_n_blocks() when there is none. */
unsigned reader_find(const struct reader *reader, uint64_t t_ns, bool key);

/* Decodes the events of a block. max must be at least its n_events (RECORD_MAX_EVENTS always is). Returns
 * false with a line when the block is damaged. */
bool reader_events(struct reader *reader, unsigned block, struct event *events, size_t max, struct err *err);

/* The state of all tasks when the block began, as the timeline knew it at now_ns (its first_ns, or a little
 * before). tasks are in the order of their index, without gaps; slice_ns and wake_ns are NULL; tasks' times
 * and totals are as timeline_task() gave them then. extra are events that tell the rest (recorder.h). */
struct preamble {
    uint64_t now_ns;
    unsigned n_tasks, n_extra;
    struct task *tasks;
    struct event *extra;
};
/* False with a line when the block is damaged, or not key. preamble_fini() is due only after true. */
bool reader_preamble(struct reader *reader, unsigned block, struct preamble *preamble, struct err *err);
void preamble_fini(struct preamble *preamble);

/* What happened in a block's span, per CPU and task, without its events. Indexes of tasks are the
 * timeline's at the time of recording: those of any preamble of the file. A CPU without slices so far is not
 * in it, and neither is a task that neither ran nor was runnable nor changed its state: it was blocked all
 * the time, or is gone, or not there yet. */
struct cpu_sums {
    int cpu;
    struct bin bin; /* run_ns, self_ns, others_ns, unknown_ns, n_switches, n_samples, lead[] */
};
struct task_sums {
    uint32_t task;
    struct bin bin; /* run_ns, runnable_ns, blocked_ns, unknown_ns, n_switches, n_samples; no leads */
};
struct sums_of_block {
    unsigned n_cpus, n_tasks;
    struct cpu_sums *cpus;   /* in order of their numbers */
    struct task_sums *tasks; /* in order of their indexes */
};
/* False with a line when the block is damaged, or has none. sums_fini() is due only after true. */
bool reader_sums(struct reader *reader, unsigned block, struct sums_of_block *sums, struct err *err);
void sums_fini(struct sums_of_block *sums);

/* ---- facts: texts that belong to the run, in the order in which they were told ---- */

struct facts {
    uint64_t time_ns;
    bool timed; /* recorder_facts() */
    const char *name;
};

unsigned reader_n_facts(const struct reader *reader);
const struct facts *reader_facts(const struct reader *reader, unsigned i);

/* The first and the last of a name, or reader_n_facts(). */
unsigned reader_first_facts(const struct reader *reader, const char *name);
unsigned reader_last_facts(const struct reader *reader, const char *name);

/* The text, with a NUL behind its n_bytes (n_bytes may be NULL), for the caller to free. It holds what the
 * file says: any bytes but NUL. NULL with a line when it is damaged; the one before it of the same name may
 * be good then. */
char *reader_text(struct reader *reader, unsigned i, size_t *n_bytes, struct err *err);

#endif
