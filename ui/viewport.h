/* The time on the screen: which window of the trace is shown, and how it moves. Pure: time is an argument. */
#ifndef SCHEDVIZ_VIEWPORT_H
#define SCHEDVIZ_VIEWPORT_H

#include "../src/timeline/timeline.h"

#include <stdbool.h>
#include <stdint.h>

enum time_mode {
    MODE_SCOPE,  /* a window captured whole, aligned to a trigger, held still, then the next */
    MODE_SLOW,   /* the trace played at 1/slowness, playhead lit, capture goes on behind */
    MODE_SCROLL, /* live time moves from right to left */
    MODE_PAUSED, /* still: pan, zoom, step, inspect */
};

#define VIEWPORT_HOLD_NS    (500 * NS_PER_MS)
#define VIEWPORT_MIN_COL_NS UINT64_C(10000)       /* 10 us a column */
#define VIEWPORT_MAX_COL_NS UINT64_C(10000000000) /* 10 s a column */

struct viewport {
    enum time_mode mode;
    uint64_t start_ns;     /* left edge of the lanes */
    uint64_t col_ns;       /* one column; one of 1, 2, 5 times a power of ten, but after viewport_fit() */
    int cols;              /* columns of the lanes */
    uint64_t playhead_ns;  /* slow motion; 0: none */
    bool ticking;          /* slow motion, or paused out of it: the ticker is shown, so that nothing moves */
    uint64_t cursor_ns;    /* paused; 0: none */
    uint64_t trigger_ns;   /* scope: the switch-in it is aligned to; 0: it runs free */
    uint64_t fit_to_ns;    /* where what viewport_fit() shows ends; 0: another window was chosen since */
    uint64_t known_ns;     /* data beyond this instant is not there yet: draw nothing, not idle */
    uint32_t trigger_task; /* timeline index, TIMELINE_NO_TASK: any */
    unsigned slowness;     /* 10 ... 1000 */
    uint64_t behind_ns;    /* distance of what is shown to live */

    /* What is replayed is all there from the beginning: live is where it is played. 0: the timeline's own. */
    uint64_t live_ns;
    uint64_t first_ns, last_ns; /* and neither the cursor nor a still window leaves it; 0: the timeline */
    uint64_t clock_ns;          /* what moves slow motion on then: any clock */

    /* How it moves; no view looks at these. */
    uint64_t hold_until_ns; /* scope: when the next window is captured */
    uint64_t answer_ns;     /* scope: a change that is being shown as it happens; 0: none */
    uint64_t played_ns;     /* slow motion: when the playhead was moved last */
    uint64_t owed_ns;       /* and what did not make a whole nanosecond of trace */
};

/* Span of the lanes. */
static inline uint64_t viewport_span_ns(const struct viewport *vp)
{
    return vp->col_ns * (uint64_t)(vp->cols > 0 ? vp->cols : 1);
}

/* The column of an instant, possibly outside [0, cols). */
static inline int64_t viewport_col(const struct viewport *vp, uint64_t t_ns)
{
    int64_t d = (int64_t)(t_ns - vp->start_ns);
    return d >= 0 ? d / (int64_t)vp->col_ns : -((-d + (int64_t)vp->col_ns - 1) / (int64_t)vp->col_ns);
}

/* Scope mode at 1 ms a column. */
void viewport_init(struct viewport *vp);

/* Live, a sample in each column: a window of milliseconds has one or none. */
void viewport_for_samples(struct viewport *vp);

/* The newest instant that scope and scroll show. */
uint64_t viewport_live_ns(const struct viewport *vp, const struct timeline *tl);

/* Once a frame: moves the window to where its mode wants it at viewport_live_ns(). */
void viewport_update(struct viewport *vp, const struct timeline *tl);

/* Slow motion starts at the left of what is shown (or at the cursor), pausing puts the cursor in the middle.
 */
void viewport_set_mode(struct viewport *vp, const struct timeline *tl, enum time_mode mode);

/* The user changed something at t_ns: scope lets go of its held window and shows the change as it happens. */
void viewport_answer(struct viewport *vp, uint64_t t_ns);

/* One step of 1, 2, 5: direction > 0 zooms in. Kept in place: the cursor, the playhead, or the mode's own
 * edge. */
void viewport_zoom(struct viewport *vp, const struct timeline *tl, int direction);
void viewport_zoom_at(struct viewport *vp, const struct timeline *tl, int direction, uint64_t at_ns);

/* Zooms so that about that much time is shown: four fifths of it at least. */
void viewport_set_span(struct viewport *vp, const struct timeline *tl, uint64_t span_ns);

/* Pauses with [from_ns, to_ns] over the whole width, and the cursor at its beginning. That is kept by
 * viewport_resize(), until the window is moved or zoomed. */
void viewport_fit(struct viewport *vp, const struct timeline *tl, uint64_t from_ns, uint64_t to_ns);

/* These pause. */
void viewport_pan(struct viewport *vp, const struct timeline *tl, int cols);
void viewport_move_cursor(struct viewport *vp, const struct timeline *tl, uint64_t t_ns);
/* Stands still with t_ns near the right edge: how something ended. */
void viewport_show_end(struct viewport *vp, const struct timeline *tl, uint64_t t_ns);
void viewport_home(struct viewport *vp, const struct timeline *tl);

/* Back to live: scroll stays scroll, everything else becomes scope. */
void viewport_live(struct viewport *vp, const struct timeline *tl);

void viewport_resize(struct viewport *vp, int cols);

const char *viewport_mode_name(enum time_mode mode); /* "scope", "slow motion", "scroll", "paused" */

#endif
