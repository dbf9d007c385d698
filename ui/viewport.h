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
    uint64_t start_ns;    /* left edge of the lanes */
    uint64_t col_ns;      /* one column; one of 1, 2, 5 times a power of ten */
    int cols;             /* columns of the lanes */
    uint64_t playhead_ns; /* slow motion; 0: none */
    uint64_t cursor_ns;   /* paused; 0: none */
    uint64_t trigger_ns;  /* scope: the switch-in it is aligned to; 0: it runs free */
    uint64_t known_ns;    /* data beyond this instant is not there yet: draw nothing, not idle */
    uint32_t trigger_task; /* timeline index, TIMELINE_NO_TASK: any */
    unsigned slowness;    /* 10 ... 1000 */
    uint64_t behind_ns;   /* distance of what is shown to live */
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

const char *viewport_mode_name(enum time_mode mode); /* "scope", "slow motion", "scroll", "paused" */

#endif
