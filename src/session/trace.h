/* A file of events, whoever wrote it: our recordings, and the traces of other tools. */
#ifndef SCHEDVIZ_SESSION_TRACE_H
#define SCHEDVIZ_SESSION_TRACE_H

#include "../record/reader.h"
#include "facts.h"

struct trace;

/* Whether the file's first bytes, or its name, are those of something that trace_open() takes: a lesson or a
 * workload file is not. A file that cannot be read is judged by its name. */
bool trace_is_one(const char *path);

/* Whether it is another tool's: a trace, and no recording of ours. */
bool trace_is_foreign(const char *path);

/* NULL with one line. */
struct trace *trace_open(const char *path, struct err *err);
/* The same of a recording in memory, which becomes the trace's (malloc(3)); it has no facts but these. */
struct trace *trace_of_memory(uint8_t *bytes, size_t n, bool self_told, enum task_role default_role);
void trace_free(struct trace *trace);

const char *trace_path(const struct trace *trace);
const char *trace_name(const struct trace *trace); /* without its directory */
const struct session_facts *trace_facts(const struct trace *trace);
/* What is to be said of it: that its end is missing, that events were lost. "" for nothing. */
const char *trace_remark(const struct trace *trace);

/* When it begins and ends, as far as it is known before it was played; either may be NULL. */
void trace_span(const struct trace *trace, uint64_t *first_ns, uint64_t *last_ns);

/* The reader of a recording of ours; NULL: another tool's, which is read from its beginning only. */
struct reader *trace_reader(const struct trace *trace);

/* A new timeline that takes events as the one did that was recorded; the caller's. */
struct timeline *trace_timeline(const struct trace *trace, size_t memory_bytes);

/* What is added to times, tids and numbers of runs where one trace is put beside another. */
struct trace_shift {
    uint64_t time_ns;
    int32_t tid;
    uint16_t run;
};

/* Pushes all events into a sink, in time order, which gives them to the timeline tl. Only once for another
 * tool's. What cannot be read of a recording is a hole, and told by trace_remark(); false with a line when
 * nothing can be. shift may be NULL. */
bool trace_play(struct trace *trace, struct timeline *tl, struct sink *sink, const struct trace_shift *shift,
                struct err *err);

/* The state at an instant, into an empty timeline: what came shortly before it. Of a recording of ours; false
 * for another tool's. */
bool trace_play_until(struct trace *trace, uint64_t t_ns, struct timeline *tl, struct err *err);

/* The same for the blocks [first, end) of a recording of ours, straight into the timeline. False with a line
 * when a part of them was a hole. */
bool trace_play_blocks(struct trace *trace, unsigned first, unsigned end, struct timeline *tl,
                       const struct trace_shift *shift, struct err *err);

#endif
