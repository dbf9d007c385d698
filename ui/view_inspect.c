/* The inspector: everything that is known of one slice, in sentences. */
#include "../src/export/export.h"
#include "view_dialog.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

#define N_LINES 6

static void why_it_ended(const struct slice *slice, char *buf, size_t size)
{
    char length[32];
    export_duration(slice->end_ns - slice->start_ns, length, sizeof length);
    switch (slice->end) {
    case SLICE_OPEN:
        snprintf(buf, size, "still running after %s", length);
        break;
    case SLICE_PREEMPTED:
        snprintf(buf, size, "preempted after %s: it still wanted the core", length);
        break;
    case SLICE_BLOCKED:
        snprintf(buf, size, "blocked after %s: it waited for something else", length);
        break;
    case SLICE_EXITED:
        snprintf(buf, size, "ended its life after %s", length);
        break;
    case SLICE_LOST:
        snprintf(buf, size, "seen for %s: its end was lost", length);
        break;
    }
}

static void who_came_next(const struct scene *scene, struct faces *faces, const struct slice *slice,
                          char *buf, size_t size)
{
    struct slice next;
    char gap[32];
    if (!timeline_cpu_slice(scene->tl, slice->cpu, slice->start_ns, 1, &next) ||
        next.start_ns < slice->end_ns) {
        snprintf(buf, size, "nobody yet");
        return;
    }
    uint64_t gap_ns = next.start_ns - slice->end_ns;
    const struct face *face = faces_get(faces, next.task);
    const char *who = face_call(face);
    struct bin bin = {0};
    if (gap_ns)
        timeline_cpu_sum(scene->tl, slice->cpu, slice->end_ns, gap_ns, &bin);
    export_duration(gap_ns, gap, sizeof gap);
    if (bin.others_ns)
        snprintf(buf, size, "somebody that is not watched for %s, then %s", gap, who);
    else
        snprintf(buf, size, gap_ns <= TIMELINE_MAX_SWITCH_NS ? "%s; the switch took %s" : "%s, after %s of idling",
                 who, gap);
}

static void draw_line(struct canvas *canvas, struct rect rect, int row, const char *label, const char *text)
{
    if (row >= rect.rows - 1)
        return;
    canvas_text(canvas, rect.x + 2, rect.y + row, 10, PAINT_FAINT, PAINT_KEEP, 0, label);
    canvas_text(canvas, rect.x + 13, rect.y + row, rect.cols - 15, PAINT_TEXT, PAINT_KEEP, 0, text);
}

void view_inspect(const struct scene *scene, struct canvas *canvas, struct rect rect,
                  const struct slice *slice)
{
    struct faces faces;
    struct task task;
    char text[192], a[32], b[32], label[48], title[96];
    faces_init(&faces, scene->tl);
    timeline_task(scene->tl, slice->task, &task);
    const struct face *face = faces_get(&faces, slice->task);
    snprintf(title, sizeof title, "a slice of %s", face_call(face));
    if (rect.rows > N_LINES + 2) {
        rect.y += rect.rows - N_LINES - 2;
        rect.rows = N_LINES + 2;
    }
    view_frame(scene, canvas, rect, title);
    int row = 1;

    why_it_ended(slice, text, sizeof text);
    draw_line(canvas, rect, row++, "end", text);
    who_came_next(scene, &faces, slice, text, sizeof text);
    draw_line(canvas, rect, row++, "then", text);
    snprintf(text, sizeof text, "%s, tid %d, on %s", face->name, task.tid,
             view_cpu_label(scene, slice->cpu, true, label, sizeof label));
    draw_line(canvas, rect, row++, "who", text);
    uint64_t zero = scene->viewport.start_ns;
    bool before = slice->start_ns < zero;
    snprintf(text, sizeof text, "%s %s the left edge, for %s",
             export_duration(before ? zero - slice->start_ns : slice->start_ns - zero, a, sizeof a),
             before ? "before" : "after", export_duration(slice->end_ns - slice->start_ns, b, sizeof b));
    draw_line(canvas, rect, row++, "when", text);
    if (slice->runnable_ns)
        snprintf(text, sizeof text, "%s for the core, runnable",
                 export_duration(slice->runnable_ns, a, sizeof a));
    else
        snprintf(text, sizeof text, "no wait for the core is known");
    draw_line(canvas, rect, row++, "waited", text);
    if (task.slice_ns && task.slice_ns->n) {
        snprintf(text, sizeof text, "%s; longest %s",
                 export_duration(histogram_quantile(task.slice_ns, 0.5), a, sizeof a),
                 export_duration(task.slice_ns->max_ns, b, sizeof b));
        draw_line(canvas, rect, row, "its p50", text);
    }
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}
