/* What a session is made of: for the files of this room alone. */
#ifndef SCHEDVIZ_SESSION_STATE_H
#define SCHEDVIZ_SESSION_STATE_H

#include "compare.h"
#include "foreign.h"
#include "hotplug.h"
#include "locks.h"
#include "observer.h"
#include "recording.h"
#include "runs.h"
#include "sources.h"

#define SESSION_WARNINGS 16 /* are kept */

struct replay;

struct session {
    struct session_config config; /* as changed */
    struct machine *machine;
    struct engine *engine;  /* NULL: a program is watched, or something is replayed */
    struct foreign foreign; /* that program */
    struct replay *replay;  /* NULL: all of this is live */
    struct recording recording;
    struct sources sources;
    struct merge *merge;
    struct timeline *timeline;
    struct notes notes;
    struct observer observer;
    struct runs runs;
    struct compare compare;
    struct hotplug hotplug;
    struct locks locks; /* of that program */
    uint64_t death_ns;  /* of the holder of a lock: what came up to then is told */
    uint32_t n_named;   /* tasks of the timeline whose names were looked up, where all are watched */
    bool host_told;     /* the host's end was told */
    int crew_tids[1 + OBJECTS_SETS]; /* the engine's crew and its carriers that are watched; 0: none */
    char message[320];
    uint64_t message_ns;
    char warnings[SESSION_WARNINGS][320];
    unsigned n_warnings;
};

/* The message to show, in place of the one before. */
void session_say(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of what cannot be seen: it is one of the session's warnings as well. */
void session_warn(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* enum task_role of tasks of which nothing was told. */
enum task_role session_default_role(const struct session *session);

/* A new host in the place of one that was killed, for the tasks to come. */
bool session_revive(struct session *session, struct err *err);

/* We keep away from the CPUs of the active runs. */
void session_place_observer(struct session *session);

#endif
