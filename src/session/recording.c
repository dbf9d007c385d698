/* The recorder of a session: what the timeline takes is kept for a file, and written to one. */
#include "recording.h"

#include "../clock.h"
#include "../record/recorder.h"
#include "../timeline/waits.h"
#include "facts.h"
#include "state.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A recording that is killed has lost no more than this: at first, and then. Each block has its price. */
#define FIRST_NS (2 * NS_PER_S)
#define FLUSH_NS (4 * NS_PER_S)

static void push(struct sink *sink, const struct event *events, unsigned long n)
{
    struct recording *r = (struct recording *)sink; /* its first member */
    struct sink *timeline = timeline_sink(r->session->timeline), *recorder = recorder_sink(r->recorder);
    timeline->push(timeline, events, n);
    recorder->push(recorder, events, n);
}

/* ---- what a task's state does not tell, for those who look at a part of the recording ---- */

#define MAX_QUEUE 1024u

static void tell(struct sink *to, struct event event)
{
    to->push(to, &event, 1);
}

static void tell_name(struct sink *to, const struct wait_object *object, uint64_t now_ns)
{
    const size_t part = EVENT_NAME_SIZE - 1, length = strlen(object->name);
    for (size_t i = 0; i == 0 || i * part < length; i++) {
        struct event event = {.time_ns = now_ns,
                              .tid = object->number,
                              .cpu = (int16_t)i,
                              .kind = EVENT_OBJECT,
                              .detail = (uint8_t)object->kind};
        snprintf(event.u.name, sizeof event.u.name, "%s", object->name + i * part);
        tell(to, event);
    }
}

static int32_t tid_of(const struct timeline *tl, uint32_t task)
{
    struct task it;
    if (task == TIMELINE_NO_TASK)
        return 0;
    timeline_task(tl, task, &it);
    return it.tid;
}

static struct event note(const struct timeline *tl, uint32_t task, enum event_note detail, int32_t object)
{
    struct event event = {.time_ns = timeline_now_ns(tl),
                          .tid = tid_of(tl, task),
                          .cpu = -1,
                          .kind = EVENT_NOTE,
                          .detail = (uint8_t)detail};
    event.u.sync.object = object;
    return event;
}

/* What tasks have and want, gathered: told in the order in which it came to be. */
struct claims {
    struct event *events;
    size_t n, capacity;
};

static void claim(struct claims *claims, struct event event, uint64_t since_ns)
{
    if (since_ns)
        event.time_ns = since_ns;
    if (claims->n == claims->capacity) {
        claims->capacity = claims->capacity ? 2 * claims->capacity : 64;
        claims->events = mem_resize(claims->events, claims->capacity, sizeof *claims->events);
    }
    claims->events[claims->n++] = event;
}

/* At one instant what is had comes first. */
static int compare_claims(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->detail == NOTE_WANTS) - (y->detail == NOTE_WANTS);
}

static void claim_queue(struct claims *claims, const struct timeline *tl, const struct wait_object *object)
{
    uint32_t queue[MAX_QUEUE];
    unsigned n = waits_queue(timeline_waits(tl), object->index, queue, MAX_QUEUE);
    n = n < MAX_QUEUE ? n : MAX_QUEUE;
    for (unsigned i = 0; i < n; i++) {
        struct wait_reason reason;
        struct event event = note(tl, queue[i], NOTE_WANTS, object->number);
        waits_reason(tl, queue[i], timeline_now_ns(tl), &reason);
        event.u.sync.other =
            object->kind == OBJECT_BARRIER ? (int32_t)object->n_parties : tid_of(tl, object->holder);
        event.u.sync.until_ns = reason.until_ns;
        claim(claims, event, reason.since_ns);
    }
}

static void claim_holder(struct claims *claims, const struct timeline *tl, const struct wait_object *object)
{
    struct wait_reason reason;
    if (object->holder == TIMELINE_NO_TASK || object->n_waiting == 0)
        return;
    waits_reason(tl, object->holder, timeline_now_ns(tl), &reason);
    /* Who waits itself, and was only then known to have it by one that wants it: that one tells it again. Who
     * gets something waits for nothing. */
    if (reason.kind != WAIT_NONE && object->held_since_ns > reason.since_ns)
        return;
    claim(claims, note(tl, object->holder, NOTE_GOT, object->number), object->held_since_ns);
}

static void tell_object(struct sink *to, const struct timeline *tl, const struct wait_object *object,
                        struct claims *claims)
{
    if (object->kind_known)
        tell_name(to, object, timeline_now_ns(tl));
    if (object->has_value) {
        struct event value = note(tl, TIMELINE_NO_TASK, NOTE_VALUE, object->number);
        value.u.sync.value = object->value;
        tell(to, value);
    }
    claim_holder(claims, tl, object);
    claim_queue(claims, tl, object);
}

static void tell_extra(void *data, struct sink *to)
{
    const struct session *s = data;
    const struct waits *waits = timeline_waits(s->timeline);
    struct claims claims = {0};
    for (uint32_t i = 0; i < waits_n_objects(waits); i++) {
        struct wait_object object;
        if (waits_object(waits, i, &object) && !object.end_ns)
            tell_object(to, s->timeline, &object, &claims);
    }
    if (claims.n > 0)
        qsort(claims.events, claims.n, sizeof *claims.events, compare_claims);
    for (size_t i = 0; i < claims.n; i++)
        tell(to, claims.events[i]);
    free(claims.events);
}

static void make_recorder(struct session *s, size_t memory_bytes)
{
    struct recording *r = &s->recording;
    r->recorder = recorder_new(s->timeline, memory_bytes);
    recorder_set_extra(r->recorder, tell_extra, s);
}

void recording_init(struct session *s)
{
    s->recording = (struct recording){
        .sink.push = push, .session = s, .begun = time(NULL), .flushed_ns = clock_now_ns()};
    if (s->config.past_bytes)
        make_recorder(s, s->config.past_bytes);
}

void recording_fini(struct session *s)
{
    recorder_free(s->recording.recorder);
    timeline_free(s->recording.state);
    s->recording = (struct recording){0};
}

struct sink *recording_sink(struct session *s)
{
    return s->recording.recorder ? &s->recording.sink : timeline_sink(s->timeline);
}

/* Only what has changed since is written. */
static void tell_facts(struct session *s, uint64_t now_ns)
{
    struct recording *r = &s->recording;
    char *facts = facts_write(s, s->machine, r->lecture);
    recorder_facts(r->recorder, now_ns, false, FACTS_NAME, facts);
    free(facts);
    flags_tell(&r->flags, s->timeline, r->recorder);
}

static void check(struct session *s)
{
    struct recording *r = &s->recording;
    if (!r->is_on || recorder_state(r->recorder) != RECORDER_FAILED)
        return;
    r->is_on = false;
    r->has_failed = true;
    session_say(s, "%.250s; the run goes on", recorder_error(r->recorder));
}

void recording_step(struct session *s, uint64_t until_ns)
{
    struct recording *r = &s->recording;
    if (!r->recorder)
        return;
    if (r->is_on && !r->is_told) {
        r->is_told = true;
        tell_facts(s, until_ns);
    }
    const bool is_first = r->is_on && r->flushed_ns == r->since_ns;
    if (until_ns < r->flushed_ns + (is_first ? FIRST_NS : FLUSH_NS))
        return;
    r->flushed_ns = until_ns;
    if (r->is_on)
        tell_facts(s, until_ns);
    recorder_flush(r->recorder, until_ns);
    check(s);
}

const struct timeline *recording_state(struct session *s, uint64_t at_ns)
{
    struct recording *r = &s->recording;
    uint8_t *bytes;
    size_t n;
    struct err err;
    if (r->state && r->state_ns == at_ns)
        return r->state;
    if (!r->recorder || at_ns >= timeline_now_ns(s->timeline) ||
        !recorder_past(r->recorder, at_ns, &bytes, &n))
        return s->timeline;
    struct trace *trace = trace_of_memory(bytes, n, s->sources.self_timed, session_default_role(s));
    if (!trace)
        return s->timeline;
    timeline_free(r->state);
    r->state = trace_timeline(trace, s->config.memory_bytes);
    r->state_ns = at_ns;
    if (!trace_play_until(trace, at_ns, r->state, &err))
        session_say(s, "%s", err.msg);
    trace_free(trace);
    return r->state;
}

/* ---- on behalf of the user ---- */

static bool begin(struct session *s, const char *path, bool force, uint64_t from_ns, struct err *err)
{
    struct recording *r = &s->recording;
    if (r->is_on)
        return err_set(err, "%.200s is being recorded: end it first", r->path);
    if (strlen(path) >= sizeof r->path)
        return err_set(err, "the name of the file is too long");
    if (!r->recorder)
        make_recorder(s, 0);
    if (!recorder_start(r->recorder, path, force, from_ns, err))
        return false;
    strcpy(r->path, path);
    r->is_on = true;
    r->is_told = r->has_failed = false;
    r->since_ns = r->flushed_ns = clock_now_ns();
    return true;
}

bool recording_begin(struct session *s, const char *path, bool force, struct err *err)
{
    return begin(s, path, force, 0, err);
}

bool session_record(struct session *s, const char *path, bool force, uint64_t from_ns, struct err *err)
{
    if (s->replay)
        return err_set(err, "this is a recording already: copy the file");
    if (s->recording.recorder)
        tell_facts(s, timeline_now_ns(s->timeline));
    return begin(s, path, force, from_ns, err);
}

bool session_record_end(struct session *s, struct err *err)
{
    struct recording *r = &s->recording;
    if (!r->is_on && !r->has_failed)
        return true;
    if (r->is_on) {
        r->is_on = false; /* what is told now is the end of it */
        tell_facts(s, timeline_now_ns(s->timeline));
        recorder_flush(r->recorder, timeline_now_ns(s->timeline));
    }
    r->has_failed = false;
    return recorder_stop(r->recorder, err);
}

void session_recording(const struct session *s, struct session_recording *recording)
{
    const struct recording *r = &s->recording;
    *recording = (struct session_recording){.is_on = r->is_on,
                                            .has_failed = r->has_failed,
                                            .path = r->path[0] ? r->path : NULL,
                                            .since_ns = r->since_ns};
    if (!r->recorder)
        return;
    struct recorder_figures figures;
    recorder_figures(r->recorder, &figures);
    recording->n_bytes = figures.n_bytes;
    recording->n_events = figures.n_events;
    recording->length_ns = figures.last_ns - figures.first_ns;
}

void session_tell_lecture(struct session *s, const struct lecture *lecture)
{
    s->recording.lecture = lecture;
}
