/* The session's own notes as a source of one stream. */
#include "notes.h"

#include "../clock.h"
#include "../err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 64

static unsigned notes_n_streams(const struct source *source)
{
    (void)source;
    return 1;
}

static size_t notes_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    (void)stream;
    struct notes *notes = (struct notes *)source;
    size_t n = notes->n < max ? notes->n : max;
    memcpy(events, notes->events, n * sizeof *events);
    notes->n -= n;
    memmove(notes->events, notes->events + n, notes->n * sizeof *events);
    return n;
}

static uint64_t notes_lost(const struct source *source)
{
    return ((const struct notes *)source)->n_lost;
}

static void notes_close(struct source *source)
{
    (void)source;
}

static const struct source_ops notes_ops = {.name = "session",
                                            .n_streams = notes_n_streams,
                                            .read = notes_read,
                                            .lost = notes_lost,
                                            .close = notes_close};

void notes_init(struct notes *notes)
{
    *notes = (struct notes){.source.ops = &notes_ops, .capacity = CAPACITY_LEAST};
    notes->events = mem_new(notes->capacity, sizeof *notes->events);
}

void notes_fini(struct notes *notes)
{
    free(notes->events);
}

void notes_add(struct notes *notes, struct event event)
{
    if (notes->n == notes->capacity) {
        notes->capacity *= 2;
        notes->events = mem_resize(notes->events, notes->capacity, sizeof *notes->events);
    }
    notes->events[notes->n++] = event;
    notes->n_lost += event.kind == EVENT_LOST ? event.u.lost.n : 0;
}

void notes_mark(struct notes *notes, const char *format, ...)
{
    struct event event = {.time_ns = clock_now_ns(), .cpu = -1, .kind = EVENT_MARK};
    va_list args;
    va_start(args, format);
    vsnprintf(event.u.name, sizeof event.u.name, format, args);
    va_end(args);
    notes_add(notes, event);
}
