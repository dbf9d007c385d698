/* The time axis: labels at 1-2-5 steps, a ruler, flags of the user's changes, trigger, cursor, edge of
 * history. */
#include "view_lanes.h"

#include "../src/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIN_LABEL_COLS 10

int view_axis_rows(int rows)
{
    return rows >= 14 ? 3 : rows >= 8 ? 2 : rows >= 3 ? 1 : 0;
}

struct unit {
    uint64_t ns;
    const char *name;
};

static struct unit unit_of(uint64_t step_ns)
{
    if (step_ns >= NS_PER_S)
        return (struct unit){NS_PER_S, "s"};
    if (step_ns >= NS_PER_MS)
        return (struct unit){NS_PER_MS, "ms"};
    return (struct unit){NS_PER_US, "µs"};
}

/* The smallest 1, 2 or 5 times a power of ten whose labels have room. */
static uint64_t label_step(uint64_t col_ns)
{
    static const uint64_t factors[] = {1, 2, 5};
    for (uint64_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (factors[i] * power >= col_ns * MIN_LABEL_COLS)
                return factors[i] * power;
}

/* Labels from the instant `zero_ns`, which lies `before` steps or less to the right of the left edge. */
static void draw_labels(const struct scene *scene, struct canvas *canvas, int x, int cols, int y, bool ruler,
                        uint64_t start_ns, uint64_t zero_ns, uint64_t col_ns)
{
    uint64_t step = label_step(col_ns);
    struct unit unit = unit_of(step);
    int64_t offset = (int64_t)(start_ns - zero_ns);
    int64_t first = offset >= 0 ? (offset + (int64_t)step - 1) / (int64_t)step : -(-offset / (int64_t)step);
    int unit_end = 0;

    if (ruler)
        canvas_fill(canvas, (struct rect){x, y + 1, cols, 1}, scene->glyphs->ruler, PAINT_OFF, PAINT_BACK, 0);
    for (int64_t i = first;; i++) {
        int64_t column = (i * (int64_t)step - offset) / (int64_t)col_ns;
        char text[32];
        if (column >= cols)
            break;
        snprintf(text, sizeof text, "%" PRId64, i * (int64_t)(step / unit.ns));
        if (column + (int)strlen(text) + 3 <= cols) /* with room for the unit after it */
            unit_end = (int)column + canvas_text(canvas, x + (int)column, y, cols - (int)column, PAINT_FAINT,
                                                 PAINT_KEEP, 0, text);
        if (ruler)
            canvas_put(canvas, x + (int)column, y + 1, scene->glyphs->ruler_tick, PAINT_FAINT, PAINT_KEEP, 0);
    }
    if (unit_end)
        canvas_text(canvas, x + unit_end + 1, y, 3, PAINT_FAINT, PAINT_KEEP, 0, unit.name);
}

void view_axis_span(const struct scene *scene, struct canvas *canvas, int x, int cols, int y, uint64_t col_ns)
{
    draw_labels(scene, canvas, x, cols, y, true, 0, 0, col_ns);
}

/* A flag on the axis: a change that the user made, or an alert. */
struct flag {
    uint64_t time_ns;
    const char *text;
    enum paint paint;
};

static struct flag mark_flag(const struct scene *scene, unsigned i)
{
    static const enum paint paints[] = {
        [MARK_CHANGE] = PAINT_MARK, [MARK_WARNING] = PAINT_WARN, [MARK_DEADLOCK] = PAINT_ALERT};
    const struct mark *mark = timeline_mark(scene->tl, i);
    return (struct flag){mark->time_ns, mark->text, paints[mark->kind]};
}

static struct flag alert_flag(const struct scene *scene, unsigned i)
{
    static const char *const texts[] = {
        [ALERT_DEADLOCK] = "deadlock", [ALERT_HELD_LONG] = "held long", [ALERT_QUEUE_GROWS] = "queue grows"};
    const struct alert *alert = waits_alert(timeline_waits(scene->tl), i);
    return (struct flag){alert->time_ns, texts[alert->kind],
                         alert->kind == ALERT_DEADLOCK ? PAINT_ALERT : PAINT_WARN};
}

/* The newest of those that were not drawn yet. */
static bool next_flag(const struct scene *scene, unsigned *n_marks, unsigned *n_alerts, struct flag *flag)
{
    struct flag mark = {0}, alert = {0};
    if (*n_marks)
        mark = mark_flag(scene, *n_marks - 1);
    if (*n_alerts)
        alert = alert_flag(scene, *n_alerts - 1);
    if (!*n_marks && !*n_alerts)
        return false;
    const bool take_alert = *n_alerts && (!*n_marks || alert.time_ns >= mark.time_ns);
    --*(take_alert ? n_alerts : n_marks);
    *flag = take_alert ? alert : mark;
    return true;
}

/* Flags from right to left, so that the newest change has the room and an older one is cut at its flag. */
static void draw_flags(const struct scene *scene, struct canvas *canvas, int x, int cols, int flag_y,
                       int ruler_y)
{
    const struct viewport *vp = &scene->viewport;
    unsigned n_marks = timeline_n_marks(scene->tl), n_alerts = waits_n_alerts(timeline_waits(scene->tl));
    struct flag flag;
    int limit = cols;
    while (next_flag(scene, &n_marks, &n_alerts, &flag) && flag.time_ns >= vp->start_ns) {
        int64_t column = viewport_col(vp, flag.time_ns);
        if (column >= cols)
            continue;
        int at = (int)column, need = 2 + canvas_text_cols(flag.text);
        canvas_put(canvas, x + at, ruler_y, scene->glyphs->mark, flag.paint, PAINT_KEEP, 0);
        if (flag_y < 0)
            continue;
        int from = at + need <= limit ? at : limit == cols && cols >= need ? cols - need : -1;
        if (from >= 0) {
            canvas_put(canvas, x + from, flag_y, scene->glyphs->mark, flag.paint, PAINT_KEEP, 0);
            canvas_text(canvas, x + from + 2, flag_y, need - 2, flag.paint, PAINT_KEEP, 0, flag.text);
            limit = from - 1;
        } else if (at < limit) {
            canvas_put(canvas, x + at, flag_y, scene->glyphs->mark, flag.paint, PAINT_KEEP, 0);
            limit = at - 1;
        }
    }
}

static void draw_instant(const struct scene *scene, struct canvas *canvas, int x, int cols, int y,
                         uint64_t t_ns, char32_t glyph, enum paint paint)
{
    int64_t column = viewport_col(&scene->viewport, t_ns);
    if (t_ns && column >= 0 && column < cols)
        canvas_put(canvas, x + (int)column, y, glyph, paint, PAINT_KEEP, CELL_BOLD);
}

void view_axis(const struct scene *scene, struct canvas *canvas, const struct lane_frame *frame, int y,
               int rows)
{
    const struct viewport *vp = &scene->viewport;
    const struct glyphs *g = scene->glyphs;
    int cols = view_lane_cols(scene, frame);
    if (rows < 1 || cols < 1)
        return;
    int label_y = rows >= 3 ? y + 1 : y, ruler_y = rows >= 2 ? label_y + 1 : label_y;
    uint64_t zero = vp->mode == MODE_SCOPE && vp->trigger_ns ? vp->trigger_ns : vp->start_ns;

    draw_labels(scene, canvas, frame->x, cols, label_y, rows >= 2, vp->start_ns, zero, vp->col_ns);
    uint64_t edge = timeline_edge_ns(scene->tl);
    if (edge > timeline_first_ns(scene->tl))
        draw_instant(scene, canvas, frame->x, cols, ruler_y, edge, g->edge, PAINT_WARN);
    draw_flags(scene, canvas, frame->x, cols, rows >= 3 ? y : -1, ruler_y);
    if (vp->mode == MODE_SCOPE)
        draw_instant(scene, canvas, frame->x, cols, ruler_y, vp->trigger_ns, g->trigger, PAINT_ACCENT);
    draw_instant(scene, canvas, frame->x, cols, ruler_y, vp->cursor_ns, g->trigger, PAINT_ACCENT);
    draw_instant(scene, canvas, frame->x, cols, ruler_y, vp->playhead_ns, g->trigger, PAINT_PLAYHEAD);
}
