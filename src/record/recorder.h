/* Keeps a run: its events as blocks in memory, so that the past can still be saved, and in a recording. */
#ifndef SCHEDVIZ_RECORD_RECORDER_H
#define SCHEDVIZ_RECORD_RECORDER_H

#include "../err.h"
#include "../event.h"
#include "../timeline/timeline.h"
#include "limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* It works in the caller's thread. All is encoded in blocks as schedviz-recording(5) has them; a block is
 * complete in itself when it is sealed, and only then written. */
struct recorder;

/* tl is the timeline that takes the same events; it must outlive the recorder, which asks it for the state of
 * tasks and for sums. memory_bytes > 0: the last blocks are kept in memory (encoded: a switch takes 3 to 4
 * bytes), the oldest go first. 0: nothing is encoded while nothing is recorded. */
struct recorder *recorder_new(const struct timeline *tl, size_t memory_bytes);

/* A recording that still runs is stopped as by recorder_stop(). */
void recorder_free(struct recorder *recorder);

/* Takes each batch AFTER the timeline took the same batch. Blocks are sealed at batch ends, so the timeline
 * knows then what a block's events made of the tasks. (A batch of more than RECORD_MAX_EVENTS makes several.)
 */
struct sink *recorder_sink(struct recorder *recorder);

/* extra is called, at a batch end, when a block is to begin with the state of all tasks: it pushes to `to'
 * the events that tell what struct task does not, as of now: objects' names (EVENT_OBJECT), what tasks wait
 * for and who holds it (NOTE_WANTS), values (NOTE_VALUE). At most RECORD_MAX_EXTRA are kept. */
void recorder_set_extra(struct recorder *recorder, void (*extra)(void *data, struct sink *to), void *data);

/* All is known up to now_ns, by the timeline too (after timeline_advance()): seals a block if there are
 * events. To be called about once a second: what is not sealed is lost when the program is killed. */
void recorder_flush(struct recorder *recorder, uint64_t now_ns);

/* A text (JSON, say) that belongs to the run: machine, options, workload file, a step of a lesson. Of a name
 * that is not `timed' a later text replaces what was said before (a reader hands out the first and the last);
 * all those that are timed stay. The same text again is not kept again. They are kept whether or not
 * something is recorded, and each recording begins with those so far. Returns false, and nothing is kept,
 * when the name is empty or does not fit RECORD_NAME_SIZE, the text more than RECORD_TEXT_MAX, or all texts
 * that are kept would be more than RECORD_TEXTS_MAX. */
bool recorder_facts(struct recorder *recorder, uint64_t time_ns, bool timed, const char *name,
                    const char *text);

/* What memory holds around at_ns, as a file would: from the last block that begins with the state of all
 * tasks before it, up to the one that at_ns is in. To be called at a batch end. False when at_ns is earlier
 * or later than all of it. *bytes is the caller's to free. */
bool recorder_past(struct recorder *recorder, uint64_t at_ns, uint8_t **bytes, size_t *n_bytes);

/* ---- into a file ---- */

/* To be called at a batch end. Makes the file, mode 0600, and writes what memory holds, beginning with the
 * last block that ends after from_ns and begins with the state of all tasks before it (UINT64_MAX: nothing),
 * and then all that comes. A file that is there is refused; with force one that is a regular file of ours is
 * replaced, at once and whole. A symbolic link is never followed to it. SIGXFSZ does nothing from then on: a
 * limit of file sizes is a full disk. */
bool recorder_start(struct recorder *recorder, const char *path, bool force, uint64_t from_ns,
                    struct err *err);

enum recorder_state {
    RECORDER_OFF,    /* nothing is recorded */
    RECORDER_ON,     /* all that comes goes into the file */
    RECORDER_FAILED, /* it could not be written (a full disk): the file is whole up to there, and closed */
};
enum recorder_state recorder_state(const struct recorder *recorder);

/* Why it failed: a line with the file's name; NULL unless RECORDER_FAILED. Valid until the next start. */
const char *recorder_error(const struct recorder *recorder);

/* The file's name, NULL when nothing was ever recorded. */
const char *recorder_path(const struct recorder *recorder);

/* Seals the last block, writes the index, brings the file to the disk and closes it. Memory is kept on.
 * Returns false when that, or the recording before it, failed; the state is OFF in any case. True when
 * nothing is recorded. */
bool recorder_stop(struct recorder *recorder, struct err *err);

struct recorder_figures {
    uint64_t n_events, n_blocks; /* in the file, memory's part included */
    uint64_t n_bytes;            /* written */
    uint64_t first_ns, last_ns;  /* the file's span; both 0 before the first block */
    uint64_t n_taken;            /* events ever encoded */
    size_t memory_bytes;         /* held in memory, */
    uint64_t memory_from_ns; /* from this instant on: the earliest from_ns that means something; 0: none */
};
void recorder_figures(const struct recorder *recorder, struct recorder_figures *figures);

#endif
