/* The time on the screen: which window of the trace is shown, and how it moves. */
#include "viewport.h"

#include "../src/clock.h"

#include <assert.h>
#include <string.h>

#define SAMPLES_COL_NS (100 * NS_PER_MS)

#define SCOPE_MAX_AGE_SPANS 4 /* a trigger older than this many windows is not "now": run free instead */

const char *viewport_mode_name(enum time_mode mode)
{
    static const char *const names[] = {"scope", "slow motion", "scroll", "paused"};
    return names[mode];
}

void viewport_init(struct viewport *vp)
{
    *vp = (struct viewport){.mode = MODE_SCOPE,
                            .col_ns = NS_PER_MS,
                            .cols = 80,
                            .trigger_task = TIMELINE_NO_TASK,
                            .slowness = 100};
}

void viewport_for_samples(struct viewport *vp)
{
    vp->mode = MODE_SCROLL;
    vp->col_ns = SAMPLES_COL_NS;
}

static uint64_t first_of(const struct viewport *vp, const struct timeline *tl)
{
    return vp->last_ns ? vp->first_ns : timeline_edge_ns(tl);
}

static uint64_t last_of(const struct viewport *vp, const struct timeline *tl)
{
    return vp->last_ns ? vp->last_ns : timeline_now_ns(tl);
}

uint64_t viewport_live_ns(const struct viewport *vp, const struct timeline *tl)
{
    return vp->live_ns ? vp->live_ns : last_of(vp, tl);
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Column borders on multiples of the column, so that a moving window does not shimmer. */
static uint64_t on_grid(const struct viewport *vp, uint64_t t_ns)
{
    return t_ns - t_ns % vp->col_ns;
}

static uint64_t live_start(const struct viewport *vp, uint64_t now)
{
    return on_grid(vp, minus(now, viewport_span_ns(vp))) + vp->col_ns;
}

/* ---- scope ---- */

static void capture(struct viewport *vp, const struct timeline *tl, uint64_t now)
{
    uint64_t span = viewport_span_ns(vp);
    uint64_t latest = minus(now, span);
    uint64_t trigger = 0;
    if (vp->trigger_task != TIMELINE_NO_TASK)
        trigger = timeline_next_switch_in(tl, vp->trigger_task, latest + 1, -1);
    if (trigger && latest - trigger > SCOPE_MAX_AGE_SPANS * span)
        trigger = 0;
    vp->trigger_ns = trigger;
    vp->start_ns = trigger ? trigger : latest;
    vp->hold_until_ns = now + VIEWPORT_HOLD_NS;
}

static void update_scope(struct viewport *vp, const struct timeline *tl, uint64_t now)
{
    if (vp->answer_ns) {
        /* A change is shown as it happens: the window stands around it and fills up. */
        vp->trigger_ns = 0;
        vp->start_ns = on_grid(vp, minus(vp->answer_ns, viewport_span_ns(vp) / 4));
        if (now < vp->start_ns + viewport_span_ns(vp))
            return;
        vp->answer_ns = 0;
        vp->hold_until_ns = now + 2 * VIEWPORT_HOLD_NS;
    }
    if (now >= vp->hold_until_ns)
        capture(vp, tl, now);
}

/* ---- slow motion ---- */

static void update_slow(struct viewport *vp, const struct timeline *tl, uint64_t now)
{
    const uint64_t clock_ns = vp->clock_ns ? vp->clock_ns : now;
    uint64_t passed = vp->played_ns ? minus(clock_ns, vp->played_ns) : 0;
    vp->played_ns = clock_ns;
    vp->owed_ns += passed;
    vp->playhead_ns += vp->owed_ns / vp->slowness;
    vp->owed_ns %= vp->slowness;
    if (vp->playhead_ns < first_of(vp, tl))
        vp->playhead_ns = first_of(vp, tl);
    if (vp->playhead_ns > now)
        vp->playhead_ns = now;
    uint64_t left_part = viewport_span_ns(vp) / 4 * 3;
    if (vp->playhead_ns < vp->start_ns || vp->playhead_ns > vp->start_ns + left_part)
        vp->start_ns = on_grid(vp, minus(vp->playhead_ns, left_part));
    vp->known_ns = vp->playhead_ns;
}

/* ---- paused ---- */

/* Nothing lies before what is replayed, and nothing behind it: little of a window does, and no cursor. */
static void keep_recorded(struct viewport *vp)
{
    const uint64_t latest_ns = minus(vp->last_ns, viewport_span_ns(vp) / 8 * 7);
    if (!vp->last_ns)
        return;
    if (vp->start_ns > latest_ns)
        vp->start_ns = latest_ns;
    if (vp->start_ns < vp->first_ns)
        vp->start_ns = vp->first_ns;
    if (vp->cursor_ns > vp->last_ns)
        vp->cursor_ns = vp->last_ns;
    if (vp->cursor_ns < vp->first_ns)
        vp->cursor_ns = vp->first_ns;
}

/* ---- all modes ---- */

void viewport_update(struct viewport *vp, const struct timeline *tl)
{
    const uint64_t last = last_of(vp, tl), now = viewport_live_ns(vp, tl);
    vp->known_ns = vp->mode == MODE_PAUSED ? last : now;
    switch (vp->mode) {
    case MODE_SCOPE:
        update_scope(vp, tl, now);
        break;
    case MODE_SLOW:
        update_slow(vp, tl, last);
        break;
    case MODE_SCROLL:
        vp->start_ns = live_start(vp, now);
        break;
    case MODE_PAUSED:
        keep_recorded(vp);
        break;
    }
    uint64_t shown = vp->mode == MODE_SLOW ? vp->playhead_ns : vp->start_ns + viewport_span_ns(vp);
    vp->behind_ns = minus(last, shown);
}

void viewport_set_mode(struct viewport *vp, const struct timeline *tl, enum time_mode mode)
{
    uint64_t now = viewport_live_ns(vp, tl);
    vp->answer_ns = vp->fit_to_ns = 0;
    if (mode == MODE_SLOW && vp->mode != MODE_SLOW) {
        /* The film begins at the left of what is on the screen, or at the cursor. */
        vp->playhead_ns = vp->mode == MODE_PAUSED && vp->cursor_ns ? vp->cursor_ns : vp->start_ns;
        vp->played_ns = vp->clock_ns ? vp->clock_ns : now;
        vp->owed_ns = 0;
    }
    if (mode == MODE_PAUSED && vp->mode != MODE_PAUSED) {
        uint64_t end = vp->start_ns + viewport_span_ns(vp);
        uint64_t middle = vp->start_ns + viewport_span_ns(vp) / 2;
        vp->cursor_ns = vp->mode == MODE_SLOW ? vp->playhead_ns : middle < now ? middle : vp->start_ns;
        if (vp->mode != MODE_SLOW && vp->cursor_ns > end)
            vp->cursor_ns = vp->start_ns;
    }
    if (mode == MODE_SCOPE)
        vp->hold_until_ns = 0;
    if (mode != MODE_SLOW)
        vp->playhead_ns = 0;
    if (mode != MODE_PAUSED)
        vp->cursor_ns = 0;
    if (mode != MODE_SCOPE)
        vp->trigger_ns = 0;
    vp->ticking = mode == MODE_SLOW || (mode == MODE_PAUSED && vp->ticking);
    vp->mode = mode;
}

void viewport_answer(struct viewport *vp, uint64_t t_ns)
{
    if (vp->mode == MODE_SCOPE)
        vp->answer_ns = t_ns;
}

/* The next one of 1, 2, 5 times a power of ten; 0: there is none below. */
static uint64_t step_col(uint64_t col_ns, int direction)
{
    static const uint64_t leads[] = {1, 2, 5};
    uint64_t below_ns = 0, decade = 1;
    for (unsigned i = 0;; i = (i + 1) % 3) {
        const uint64_t ns = leads[i] * decade;
        if (ns >= col_ns && direction < 0)
            return below_ns;
        if (ns > col_ns)
            return ns;
        below_ns = ns;
        decade *= i == 2 ? 10 : 1;
    }
}

/* The instant that stays where it is on the screen. */
static uint64_t anchor(const struct viewport *vp, uint64_t now)
{
    if (vp->cursor_ns)
        return vp->cursor_ns;
    if (vp->playhead_ns)
        return vp->playhead_ns;
    return vp->mode == MODE_SCROLL ? now : vp->start_ns;
}

void viewport_zoom(struct viewport *vp, const struct timeline *tl, int direction)
{
    uint64_t now = viewport_live_ns(vp, tl);
    viewport_zoom_at(vp, tl, direction, anchor(vp, now));
}

void viewport_zoom_at(struct viewport *vp, const struct timeline *tl, int direction, uint64_t at_ns)
{
    uint64_t col = step_col(vp->col_ns, direction > 0 ? -1 : 1);
    if (col < VIEWPORT_MIN_COL_NS || col > VIEWPORT_MAX_COL_NS)
        return;
    double where = ((double)at_ns - (double)vp->start_ns) / (double)viewport_span_ns(vp);
    vp->col_ns = col;
    vp->fit_to_ns = 0;
    double start = (double)at_ns - where * (double)viewport_span_ns(vp);
    vp->start_ns = start > 0 ? (uint64_t)start : 0;
    if (vp->mode == MODE_SCOPE)
        vp->hold_until_ns = 0;
    viewport_update(vp, tl);
}

void viewport_set_span(struct viewport *vp, const struct timeline *tl, uint64_t span_ns)
{
    const uint64_t cols = vp->cols > 0 ? (uint64_t)vp->cols : 1;
    vp->fit_to_ns = 0;
    vp->col_ns = VIEWPORT_MIN_COL_NS;
    while (vp->col_ns < VIEWPORT_MAX_COL_NS && vp->col_ns * cols < span_ns / 5 * 4)
        vp->col_ns = step_col(vp->col_ns, 1);
    if (vp->mode == MODE_SCOPE)
        vp->hold_until_ns = 0;
    viewport_update(vp, tl);
}

static void fit_columns(struct viewport *vp)
{
    const uint64_t cols = vp->cols > 1 ? (uint64_t)vp->cols - 1 : 1;
    vp->col_ns = vp->fit_to_ns > vp->start_ns ? (vp->fit_to_ns - vp->start_ns) / cols + 1 : 1;
    if (vp->col_ns < VIEWPORT_MIN_COL_NS)
        vp->col_ns = VIEWPORT_MIN_COL_NS;
    if (vp->col_ns > VIEWPORT_MAX_COL_NS)
        vp->col_ns = VIEWPORT_MAX_COL_NS;
}

void viewport_fit(struct viewport *vp, const struct timeline *tl, uint64_t from_ns, uint64_t to_ns)
{
    viewport_set_mode(vp, tl, MODE_PAUSED);
    vp->start_ns = vp->cursor_ns = from_ns;
    vp->fit_to_ns = to_ns;
    fit_columns(vp);
    viewport_update(vp, tl);
}

/* Keeps a still window where there is something to see, and the cursor inside it. */
static void keep_inside(struct viewport *vp, const struct timeline *tl)
{
    uint64_t span = viewport_span_ns(vp), now = last_of(vp, tl), first = first_of(vp, tl);
    if (vp->start_ns > now)
        vp->start_ns = now;
    if (vp->start_ns + span < first)
        vp->start_ns = minus(first, span / 2);
    if (vp->cursor_ns < vp->start_ns)
        vp->cursor_ns = vp->start_ns;
    if (vp->cursor_ns >= vp->start_ns + span)
        vp->cursor_ns = vp->start_ns + span - 1;
    keep_recorded(vp);
}

void viewport_pan(struct viewport *vp, const struct timeline *tl, int cols)
{
    viewport_set_mode(vp, tl, MODE_PAUSED);
    uint64_t by = (uint64_t)(cols < 0 ? -cols : cols) * vp->col_ns;
    vp->start_ns = cols < 0 ? minus(vp->start_ns, by) : vp->start_ns + by;
    vp->cursor_ns = cols < 0 ? minus(vp->cursor_ns, by) : vp->cursor_ns + by;
    keep_inside(vp, tl);
}

void viewport_move_cursor(struct viewport *vp, const struct timeline *tl, uint64_t t_ns)
{
    viewport_set_mode(vp, tl, MODE_PAUSED);
    uint64_t span = viewport_span_ns(vp);
    vp->cursor_ns = t_ns;
    if (t_ns < vp->start_ns || t_ns >= vp->start_ns + span)
        vp->start_ns = minus(t_ns, span / 2);
    keep_inside(vp, tl);
}

void viewport_show_end(struct viewport *vp, const struct timeline *tl, uint64_t t_ns)
{
    viewport_set_mode(vp, tl, MODE_PAUSED);
    vp->start_ns = on_grid(vp, minus(t_ns, viewport_span_ns(vp) / 8 * 7));
    vp->cursor_ns = t_ns > vp->start_ns ? t_ns - 1 : t_ns;
    keep_inside(vp, tl);
}

void viewport_home(struct viewport *vp, const struct timeline *tl)
{
    viewport_set_mode(vp, tl, MODE_PAUSED);
    vp->start_ns = first_of(vp, tl);
    vp->cursor_ns = vp->start_ns;
}

void viewport_live(struct viewport *vp, const struct timeline *tl)
{
    viewport_set_mode(vp, tl, vp->mode == MODE_SCROLL ? MODE_SCROLL : MODE_SCOPE);
    vp->hold_until_ns = 0;
}

void viewport_resize(struct viewport *vp, int cols)
{
    if (cols < 1)
        cols = 1;
    if (cols != vp->cols && vp->mode == MODE_SCOPE)
        vp->hold_until_ns = 0;
    const bool is_fitted = vp->fit_to_ns && cols != vp->cols;
    vp->cols = cols;
    if (is_fitted)
        fit_columns(vp);
}
