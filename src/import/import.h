/* Traces of other tools as streams of events: trace-cmd's trace.dat, and the text of perf script. */
#ifndef SCHEDVIZ_IMPORT_H
#define SCHEDVIZ_IMPORT_H

#include "../err.h"
#include "../event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nothing in a file is believed: counts and lengths are checked before memory is taken, and what does not fit
 * is skipped and counted. Files are read as they are told, so they may be larger than memory. One thread at a
 * time. Texts in messages and facts hold what the file or its name has. */
struct import;

enum import_kind {
    IMPORT_NONE,
    IMPORT_TRACE_CMD,   /* trace.dat, versions 6 and 7, as it is or packed by zlib or zstd */
    IMPORT_PERF_SCRIPT, /* the text of perf script (and of tracefs' `trace', and of trace-cmd report) */
    IMPORT_PERF_DATA,   /* perf.data itself, which import_open() refuses with the command that helps */
};

/* By a file's first bytes: IMPORT_RECOGNISE_BYTES of them, or all where there are fewer. A text must have one
 * whole line of the scheduler's events, or of perf's own records, among them. */
#define IMPORT_RECOGNISE_BYTES 65536
enum import_kind import_recognise(const void *bytes, size_t n);

/* The same, reading them. IMPORT_NONE for what cannot be read, too. */
enum import_kind import_recognise_file(const char *path);

/* Opens a trace and reads as far as its first switch, or a bit further. NULL with a line when it is none of
 * the above, cannot be read, is of a later version, holds no switches, or is a text whose times are
 * differences. */
struct import *import_open(const char *path, struct err *err);

/* The same over bytes in memory, which must stay until import_close(); name is for messages. */
struct import *import_open_memory(const void *bytes, size_t n, const char *name, struct err *err);

void import_close(struct import *import);

/* The next events, at most max, in one order of time across all CPUs; 0 at the end.
 *
 * All tasks are ROLE_WORKLOAD, kernel threads too; idle tasks (tid 0) are not told. Each begins with an
 * EVENT_NEW (pid 0 where the trace does not tell whose thread it is) and an EVENT_NAME. prev_state R and R+
 * are OUT_PREEMPTED; of a task that is dead (X, Z) its EVENT_EXIT ends its last slice, without an
 * EVENT_SWITCH_OUT; all else is OUT_BLOCKED. A wake is told when it begins (sched_waking), or where only
 * sched_wakeup was traced, by that; its waker is the task that ran, 0 where an interrupt was. Times are the
 * trace's own. A time that goes back is raised to the last one. */
size_t import_read(struct import *import, struct event *events, size_t max);

/* How far import_read() has come, in bytes of those that it has to read. */
void import_progress(const struct import *import, uint64_t *n_read, uint64_t *n_bytes);

/* What the trace says of itself. Texts hold what the file has: any byte but NUL, escape before showing; ""
 * when it does not tell. */
struct import_facts {
    enum import_kind kind;
    const char *recorder; /* "trace-cmd 3.1.6", "perf script" */
    const char *machine;  /* as uname(2) tells it: "Linux host 6.1.0-18-amd64 ... x86_64" */
    const char *clock; /* trace_clock's name: "local", "mono", "x86-tsc"; times are of it, in ns unless ... */
    bool times_are_ticks; /* ... the clock counts something else, and the file does not tell how long that is
                           */
    uint32_t resolution_ns; /* of the times: 1000 where a text has microseconds */
    unsigned n_cpus;        /* of the machine, or as many as were seen */

    /* So far: */
    uint64_t first_ns, last_ns;
    uint64_t n_switches;
    uint64_t n_lost; /* EVENT_LOST's sum: at least so many, not all are counted by the kernel */
    bool
        whole; /* all tasks of the machine are in it: no task leaves a CPU (but 1 in 100) that had not come */
};
void import_facts(const struct import *import, struct import_facts *facts);

/* What is to be said of it, so far, in one line: that its end is missing, parts are damaged or lost, lines
 * were not understood. "" for nothing. It stays the import's, until the next call. */
const char *import_remark(struct import *import);

#endif
