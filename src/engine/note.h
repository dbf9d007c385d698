/* What a task says of itself: why it waits, and whom it lets go on. */
#ifndef SCHEDVIZ_ENGINE_NOTE_H
#define SCHEDVIZ_ENGINE_NOTE_H

#include "ring.h"
#include "watch.h"

#include <stdbool.h>
#include <stdint.h>

#define NOTE_NO_OBJECT (-1)

struct notes {
    struct ring *ring;
    struct watch *watch; /* NULL: the task does not time itself */
    int tid;
    /* Without a watch: the time of the note that is being told, 0 when none is, so that nobody takes for told
     * what is not. In shared memory; may be NULL. */
    _Atomic uint64_t *telling_ns;
    uint64_t n_untold; /* since the last NOTE_UNTOLD */
};

/* The notes told below are left out, and counted for a NOTE_UNTOLD, while the ring is fuller than three
 * quarters: the rest of it is for switches. Returns whether it was told. */

/* NOTE_WANTS, NOTE_SLEEPS, NOTE_BLOCKS; other, until_ns: as event.h has them. */
bool note_waits(struct notes *notes, enum event_note note, int32_t object, int32_t other, uint64_t until_ns);

/* NOTE_GOT, NOTE_GAVE, NOTE_DIED. */
bool note_tell(struct notes *notes, enum event_note note, int32_t object, int32_t other);

bool note_value(struct notes *notes, int32_t object, int64_t value);

#endif
