/* The session's own notes as a source: who we are, what was changed, when we slept. */
#ifndef SCHEDVIZ_SESSION_NOTES_H
#define SCHEDVIZ_SESSION_NOTES_H

#include "../observe/source.h"

struct notes {
    struct source source; /* its close does nothing: the notes are part of the session */
    struct event *events;
    size_t n, capacity;
    uint64_t n_lost;
};

void notes_init(struct notes *notes);
void notes_fini(struct notes *notes);

/* Notes are added in time order. */
void notes_add(struct notes *notes, struct event event);

/* A mark on the time axis, now; cut to EVENT_NAME_SIZE - 1 bytes. */
void notes_mark(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
