/* Marks and alerts of a recording, told beside its events: a part that is in memory knows its own ones alone.
 */
#ifndef SCHEDVIZ_SESSION_FLAGS_H
#define SCHEDVIZ_SESSION_FLAGS_H

#include "../record/reader.h"
#include "../record/recorder.h"
#include "../timeline/timeline.h"

/* So many of a recording are told; what comes behind them is found in its part alone. */
#define FLAGS_MAX 4096

/* How far they are told: all zero at first. */
struct flags {
    unsigned n_marks, n_alerts; /* of the timeline */
    unsigned n;
};

/* Tells what came since, as texts with a time (schedviz-recording(5)): "mark" and what it says; "deadlock",
 * "held long" or "queue grows" and the alert's line. */
void flags_tell(struct flags *flags, const struct timeline *tl, struct recorder *recorder);

/* Those in the span of a recording, in order of time, at most FLAGS_MAX; *marks is the caller's to free.
 * Damaged ones are left out. An alert's text is its kind. */
unsigned flags_read(struct reader *reader, struct mark **marks);

#endif
