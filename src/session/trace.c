/* A file of events, whoever wrote it. */
#include "trace.h"

#include "../import/import.h"
#include "../record/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMPORT_BATCH 4096u

struct trace {
    char *path;
    uint8_t *bytes;        /* of one in memory */
    struct reader *reader; /* of ours; NULL: another tool's: */
    struct import *import;
    struct session_facts facts;
    char remark[320];
};

static bool ends_with(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

/* Only such is looked into to tell what it is: what is read from a pipe is gone, and who writes to it ends
 * when nobody reads any more. */
static bool is_regular(const char *path)
{
    struct stat at;
    return stat(path, &at) == 0 && S_ISREG(at.st_mode);
}

/* The first bytes; a file that cannot be read has none. */
static size_t read_head(const char *path, char *head, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t n = fd < 0 ? 0 : read(fd, head, size);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static bool has_magic(const char *path)
{
    char head[READER_MAGIC_SIZE];
    const size_t n = read_head(path, head, sizeof head);
    return reader_is_recording(head, n);
}

static bool is_ours(const char *path)
{
    return ends_with(path, ".svz") || (is_regular(path) && has_magic(path));
}

bool trace_is_one(const char *path)
{
    return is_ours(path) || trace_is_foreign(path);
}

bool trace_is_foreign(const char *path)
{
    return ends_with(path, ".dat") || ends_with(path, ".data") ||
           (is_regular(path) && import_recognise_file(path) != IMPORT_NONE);
}

/* What a recording without a word of its session still shows. */
static void default_facts(struct trace *trace)
{
    struct session_facts *f = &trace->facts;
    *f = (struct session_facts){.info = {.exact = true, .observer_cpu = -1}};
    snprintf(f->source, sizeof f->source, "unknown");
    snprintf(f->name, sizeof f->name, "recording");
    f->info.source = f->source;
    f->info.workload.name = f->name;
}

/* The last word that can be read. Damaged ones are counted. */
static bool read_facts(struct trace *trace, unsigned *n_damaged)
{
    struct err err;
    *n_damaged = 0;
    for (unsigned i = reader_n_facts(trace->reader); i-- > 0;) {
        size_t n;
        if (strcmp(reader_facts(trace->reader, i)->name, FACTS_NAME) != 0)
            continue;
        char *text = reader_text(trace->reader, i, &n, &err);
        const bool is_read = text && facts_read(&trace->facts, text, n, &err);
        free(text);
        if (is_read)
            return true;
        ++*n_damaged;
    }
    return false;
}

/* What is wrong with it, or nothing. The last word of one that was ended says until when it went, and so far
 * there are blocks. */
static const char *remark_on(const struct trace *trace, bool is_read, unsigned n_damaged)
{
    const char *cut;
    uint64_t first_ns, last_ns;
    reader_cut(trace->reader, &cut);
    if (*cut)
        return cut;
    if (n_damaged > 0)
        return is_read ? "the last that it says of its session is damaged: figures are those of before"
                       : "what it says of its session is damaged: it is shown without that";
    reader_span(trace->reader, &first_ns, &last_ns);
    if (is_read && (!trace->facts.now_ns || trace->facts.now_ns > last_ns))
        return "the recording was not ended, as when the disk is full: it shows what had been written";
    return "";
}

static bool open_reader(struct trace *trace, struct err *err)
{
    unsigned n_damaged;
    trace->reader = reader_open(trace->path, err);
    if (!trace->reader)
        return false;
    const bool is_read = read_facts(trace, &n_damaged);
    if (!is_read)
        default_facts(trace);
    snprintf(trace->remark, sizeof trace->remark, "%s", remark_on(trace, is_read, n_damaged));
    return true;
}

/* The last part of a path. */
static const char *leaf(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What it lost, and what is to be said of it, is known when it was read. */
static void take_import_facts(struct trace *trace)
{
    struct import_facts told;
    import_facts(trace->import, &told);
    trace->facts.info.n_lost = told.n_lost;
    snprintf(trace->remark, sizeof trace->remark, "%s", import_remark(trace->import));
}

/* Whoever ran is of the workload: a server's trace is looked at for all of them, as a tree of tasks. */
static bool open_import(struct trace *trace, struct err *err)
{
    struct session_facts *f = &trace->facts;
    struct import_facts told;
    trace->import = import_open(trace->path, err);
    if (!trace->import)
        return false;
    default_facts(trace);
    import_facts(trace->import, &told);
    snprintf(f->source, sizeof f->source, told.kind == IMPORT_TRACE_CMD ? "trace-cmd" : "perf");
    snprintf(f->name, sizeof f->name, "%s", leaf(trace->path));
    snprintf(f->made_by, sizeof f->made_by, "%s", told.recorder);
    snprintf(f->machine.kernel, sizeof f->machine.kernel, "%s", told.machine);
    for (unsigned cpu = 0; told.kind == IMPORT_TRACE_CMD && cpu < told.n_cpus && cpu < CPUSET_MAX; cpu++)
        cpuset_add(&f->machine.online, (int)cpu); /* else those that are seen */
    f->info.cpus = f->machine.allowed = f->machine.present = f->machine.online;
    f->info.finished = true;
    f->info.workload.placement = PLACEMENT_FREE;
    f->default_role = ROLE_WORKLOAD;
    f->has_target = true;
    f->target = (struct session_target){.ended = true};
    return true;
}

struct trace *trace_open(const char *path, struct err *err)
{
    struct trace *trace = mem_new(1, sizeof *trace);
    trace->path = strdup(path);
    if (!trace->path)
        err_no_memory();
    if (is_ours(path) ? open_reader(trace, err) : open_import(trace, err))
        return trace;
    trace_free(trace);
    return NULL;
}

struct trace *trace_of_memory(uint8_t *bytes, size_t n, bool self_told, enum task_role default_role)
{
    struct trace *trace = mem_new(1, sizeof *trace);
    struct err err;
    trace->bytes = bytes;
    trace->path = strdup("the past");
    if (!trace->path)
        err_no_memory();
    default_facts(trace);
    trace->facts.self_told = self_told;
    trace->facts.default_role = default_role;
    trace->reader = reader_open_memory(bytes, n, trace->path, &err);
    if (trace->reader)
        return trace;
    trace_free(trace);
    return NULL;
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    if (trace->reader)
        reader_close(trace->reader);
    free(trace->bytes);
    if (trace->import)
        import_close(trace->import);
    facts_fini(&trace->facts);
    free(trace->path);
    free(trace);
}

const char *trace_path(const struct trace *trace)
{
    return trace->path;
}

const char *trace_name(const struct trace *trace)
{
    return leaf(trace->path);
}

const struct session_facts *trace_facts(const struct trace *trace)
{
    return &trace->facts;
}

const char *trace_remark(const struct trace *trace)
{
    return trace->remark;
}

void trace_span(const struct trace *trace, uint64_t *first_ns, uint64_t *last_ns)
{
    uint64_t span[2];
    if (trace->import) {
        struct import_facts told;
        import_facts(trace->import, &told);
        span[0] = told.first_ns;
        span[1] = told.last_ns;
    } else {
        reader_span(trace->reader, &span[0], &span[1]);
    }
    if (first_ns)
        *first_ns = span[0];
    if (last_ns)
        *last_ns = span[1];
}

struct reader *trace_reader(const struct trace *trace)
{
    return trace->reader;
}

/* ---- playing ---- */

struct timeline *trace_timeline(const struct trace *trace, size_t memory_bytes)
{
    struct timeline *tl = timeline_new(memory_bytes);
    if (trace->facts.self_told)
        timeline_set_self_told(tl);
    timeline_set_default_role(tl, trace->facts.default_role);
    return tl;
}

/* The tasks of a second trace are not those of the first, though they have the same numbers. */
struct shifted {
    struct sink sink;
    struct sink *to;
    const struct trace_shift *shift;
    int32_t *barriers; /* numbers of objects: who waits for one tells how many are there, not a holder */
    size_t n_barriers;
};

static int32_t shift_tid(int32_t tid, const struct trace_shift *shift)
{
    return tid > 0 ? tid + shift->tid : tid < 0 ? tid - shift->tid : 0;
}

static uint64_t shift_time(uint64_t t_ns, const struct trace_shift *shift)
{
    return t_ns && t_ns != EVENT_SOME_TIME ? t_ns + shift->time_ns : t_ns;
}

static bool is_barrier(const struct shifted *shifted, int32_t object)
{
    for (size_t i = 0; i < shifted->n_barriers; i++)
        if (shifted->barriers[i] == object)
            return true;
    return false;
}

static void note_object(struct shifted *shifted, const struct event *event)
{
    if (event->detail != OBJECT_BARRIER || is_barrier(shifted, event->tid))
        return;
    shifted->barriers = mem_resize(shifted->barriers, shifted->n_barriers + 1, sizeof *shifted->barriers);
    shifted->barriers[shifted->n_barriers++] = event->tid;
}

static void shift_note(const struct shifted *shifted, struct event *event)
{
    const struct trace_shift *shift = shifted->shift;
    const bool has_holder = event->detail == NOTE_WANTS || event->detail == NOTE_DIED;
    if (has_holder && !is_barrier(shifted, event->u.sync.object))
        event->u.sync.other = shift_tid(event->u.sync.other, shift);
    if (event->detail == NOTE_WANTS || event->detail == NOTE_SLEEPS)
        event->u.sync.until_ns = shift_time(event->u.sync.until_ns, shift);
}

static struct event shift_event(struct shifted *shifted, const struct event *event)
{
    const struct trace_shift *shift = shifted->shift;
    struct event moved = *event;
    moved.time_ns += shift->time_ns;
    if (event->kind != EVENT_OBJECT)
        moved.tid = shift_tid(event->tid, shift);
    switch (event->kind) {
    case EVENT_OBJECT:
        note_object(shifted, event);
        break;
    case EVENT_WAKE:
        moved.u.wake.waker_tid = shift_tid(event->u.wake.waker_tid, shift);
        break;
    case EVENT_NEW:
        moved.u.task.pid = shift_tid(event->u.task.pid, shift);
        moved.u.task.parent = shift_tid(event->u.task.parent, shift);
        moved.u.task.run = event->u.task.run ? (uint16_t)(event->u.task.run + shift->run) : 0;
        break;
    case EVENT_NOTE:
        shift_note(shifted, &moved);
        break;
    default:
        break;
    }
    return moved;
}

static void push_shifted(struct sink *sink, const struct event *events, unsigned long n)
{
    struct shifted *shifted = (struct shifted *)sink; /* its first member */
    struct event batch[256];
    while (n > 0) {
        const unsigned long most = sizeof batch / sizeof *batch, k = n < most ? n : most;
        for (unsigned long i = 0; i < k; i++)
            batch[i] = shift_event(shifted, &events[i]);
        shifted->to->push(shifted->to, batch, k);
        events += k;
        n -= k;
    }
}

static void shift_task(struct task *task, const struct trace_shift *shift)
{
    task->tid = shift_tid(task->tid, shift);
    task->pid = shift_tid(task->pid, shift);
    task->run = task->run ? (uint16_t)(task->run + shift->run) : 0;
    task->first_ns = shift_time(task->first_ns, shift);
    task->last_ns = shift_time(task->last_ns, shift);
    task->state_since_ns = shift_time(task->state_since_ns, shift);
    task->kernel.time_ns = shift_time(task->kernel.time_ns, shift);
}

/* Whom a block found there. */
static bool play_preamble(struct trace *trace, unsigned block, struct timeline *tl,
                          const struct trace_shift *shift, struct sink *sink, struct err *err)
{
    struct preamble preamble;
    if (!reader_block(trace->reader, block)->key)
        return true;
    if (!reader_preamble(trace->reader, block, &preamble, err))
        return false;
    for (unsigned i = 0; i < preamble.n_tasks; i++)
        shift_task(&preamble.tasks[i], shift);
    timeline_restore(tl, preamble.tasks, preamble.n_tasks, shift_time(preamble.now_ns, shift));
    sink->push(sink, preamble.extra, preamble.n_extra);
    preamble_fini(&preamble);
    return true;
}

/* What cannot be read is a hole on every CPU: its events were lost, and the tasks' states with them. */
static void play_hole(const struct trace *trace, unsigned block, struct timeline *tl,
                      const struct trace_shift *shift)
{
    const struct reader_block *lost = reader_block(trace->reader, block);
    const int n = timeline_n_cpus(tl);
    for (int cpu = 0; cpu < n; cpu++) {
        struct event event = {
            .time_ns = lost->last_ns + shift->time_ns, .cpu = (int16_t)cpu, .kind = EVENT_LOST};
        event.u.lost.n = (lost->n_events + (unsigned)(n - 1 - cpu)) / (unsigned)n;
        timeline_sink(tl)->push(timeline_sink(tl), &event, 1);
    }
}

/* A damaged block's line stays in err, the first one's of several. */
static void note_damage(struct err *err, unsigned *n_damaged, const struct err *why)
{
    if ((*n_damaged)++ == 0)
        *err = *why;
}

static bool tell_damage(struct err *err, unsigned n_damaged)
{
    const struct err first = *err;
    if (n_damaged == 1)
        err_set(err, "%.240s: what it held is shown as a hole", first.msg);
    else if (n_damaged > 1)
        err_set(err, "%.240s, and so are %u more: what they held is shown as holes", first.msg,
                n_damaged - 1);
    return n_damaged == 0;
}

static const struct trace_shift no_shift;

bool trace_play_blocks(struct trace *trace, unsigned first, unsigned end, struct timeline *tl,
                       const struct trace_shift *shift, struct err *err)
{
    struct shifted shifted = {
        .sink.push = push_shifted, .to = timeline_sink(tl), .shift = shift ? shift : &no_shift};
    struct sink *sink = shift ? &shifted.sink : timeline_sink(tl);
    struct event *events = mem_new(RECORD_MAX_EVENTS, sizeof *events);
    struct err why;
    unsigned n_damaged = 0;
    if (first < end && !play_preamble(trace, first, tl, shifted.shift, sink, &why))
        note_damage(err, &n_damaged, &why);
    for (unsigned i = first; i < end; i++) {
        if (reader_events(trace->reader, i, events, RECORD_MAX_EVENTS, &why)) {
            sink->push(sink, events, reader_block(trace->reader, i)->n_events);
        } else {
            play_hole(trace, i, tl, shifted.shift);
            note_damage(err, &n_damaged, &why);
        }
        timeline_advance(tl, reader_block(trace->reader, i)->last_ns + shifted.shift->time_ns);
    }
    free(events);
    free(shifted.barriers);
    return tell_damage(err, n_damaged);
}

/* How many of the events came up to then. */
static size_t count_until(const struct event *events, size_t n, uint64_t t_ns)
{
    size_t k = 0;
    while (k < n && events[k].time_ns <= t_ns)
        k++;
    return k;
}

bool trace_play_until(struct trace *trace, uint64_t t_ns, struct timeline *tl, struct err *err)
{
    struct sink *sink = timeline_sink(tl);
    if (!trace->reader)
        return err_set(err, "another tool's trace is played from its beginning only");
    const unsigned first = reader_find(trace->reader, t_ns, true),
                   last = reader_find(trace->reader, t_ns, false);
    if (last >= reader_n_blocks(trace->reader))
        return err_set(err, "%s: nothing is recorded", trace->path);
    bool good = trace_play_blocks(trace, first, last, tl, NULL, err);
    struct event *events = mem_new(RECORD_MAX_EVENTS, sizeof *events);
    if (first >= last)
        good = play_preamble(trace, last, tl, &no_shift, sink, err);
    if (reader_events(trace->reader, last, events, RECORD_MAX_EVENTS, err))
        sink->push(sink, events, count_until(events, reader_block(trace->reader, last)->n_events, t_ns));
    else
        good = false;
    timeline_advance(tl, t_ns);
    free(events);
    return good;
}

/* Another tool's trace ends with its last event. */
static bool play_import(struct trace *trace, struct timeline *tl, struct sink *sink,
                        const struct trace_shift *shift)
{
    struct shifted shifted = {.sink.push = push_shifted, .to = sink, .shift = shift};
    struct sink *to = shift ? &shifted.sink : sink;
    struct event *events = mem_new(IMPORT_BATCH, sizeof *events);
    uint64_t last_ns = 0;
    for (size_t n; (n = import_read(trace->import, events, IMPORT_BATCH)) > 0;) {
        to->push(to, events, n);
        last_ns = events[n - 1].time_ns + (shift ? shift->time_ns : 0);
    }
    timeline_advance(tl, last_ns);
    free(events);
    free(shifted.barriers);
    take_import_facts(trace);
    return true;
}

/* Who tells a remark names the file. */
static const char *without_path(const struct trace *trace, const char *line)
{
    const size_t n = strlen(trace->path);
    return strncmp(line, trace->path, n) == 0 && strncmp(line + n, ": ", 2) == 0 ? line + n + 2 : line;
}

bool trace_play(struct trace *trace, struct timeline *tl, struct sink *sink, const struct trace_shift *shift,
                struct err *err)
{
    if (trace->import)
        return play_import(trace, tl, sink, shift);
    if (!trace_play_blocks(trace, 0, reader_n_blocks(trace->reader), tl, shift, err)) {
        snprintf(trace->remark, sizeof trace->remark, "%s", without_path(trace, err->msg));
        if (timeline_n_events(tl) == 0)
            return false;
    }
    if (trace->facts.now_ns)
        timeline_advance(tl, trace->facts.now_ns + (shift ? shift->time_ns : 0));
    return true;
}
