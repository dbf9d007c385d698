/* The recorder of a session: what the timeline takes is kept for a file, and written to one. */
#ifndef SCHEDVIZ_SESSION_RECORDING_H
#define SCHEDVIZ_SESSION_RECORDING_H

#include "../err.h"
#include "../event.h"
#include "flags.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct session;
struct lecture;
struct recorder;

/* Takes events on behalf of the timeline and of the recorder. */
struct recording {
    struct sink sink;
    struct session *session;
    struct recorder *recorder; /* NULL: nothing was recorded, and the past is not kept */
    const struct lecture *lecture;
    bool is_on, has_failed;
    bool is_told; /* what is known of the session, into this recording */
    time_t begun; /* the session */
    char path[4096];
    uint64_t since_ns, flushed_ns;
    struct flags flags;
    struct timeline *state; /* as it stood at state_ns; NULL: not asked for yet */
    uint64_t state_ns;
};

/* session_state() of a live run, out of the past that memory holds. */
const struct timeline *recording_state(struct session *session, uint64_t at_ns);

/* With the timeline. */
void recording_init(struct session *session);
void recording_fini(struct session *session);

/* From the first event on, into that file. */
bool recording_begin(struct session *session, const char *path, bool force, struct err *err);

/* Where merged events go. */
struct sink *recording_sink(struct session *session);

/* Once a turn, all events up to until_ns having been taken: about once a second what came goes to the file,
 * with what is to be known beside it. One that cannot be written on is ended with a message, and the run goes
 * on. */
void recording_step(struct session *session, uint64_t until_ns);

#endif
