/* Slow motion's ticker: what runs on each core at the playhead, or when it is paused at the cursor, and how
 * the last switch there came about. */
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

static unsigned count_chosen(const struct scene *scene)
{
    unsigned n = 0;
    for (unsigned i = 0; i < scene->n_cpus; i++)
        n += scene->cpus[i].chosen && scene->cpus[i].online;
    return n;
}

int view_ticker_rows(const struct scene *scene, int rows_of_screen)
{
    int want = (int)count_chosen(scene), room = rows_of_screen / 6;
    if (rows_of_screen < 12)
        return 0;
    return (want < room ? want : room) + 1;
}

/* How the slice before this one ended. */
static void how_it_came(const struct scene *scene, struct faces *faces, const struct slice *slice, char *buf,
                        size_t size)
{
    struct slice before;
    char length[32];
    *buf = '\0';
    if (!timeline_cpu_slice(scene->tl, slice->cpu, slice->start_ns, -1, &before) ||
        before.end_ns > slice->start_ns)
        return;
    const struct face *face = faces_get(faces, before.task);
    const char *who = face_call(face);
    export_duration(before.end_ns - before.start_ns, length, sizeof length);
    if (before.end == SLICE_PREEMPTED)
        snprintf(buf, size, "%s was preempted after %s", who, length);
    else if (before.end == SLICE_BLOCKED)
        snprintf(buf, size, "%s blocked after %s", who, length);
    else if (before.end == SLICE_EXITED)
        snprintf(buf, size, "%s ended after %s", who, length);
}

static void draw_core(const struct scene *scene, struct canvas *canvas, struct faces *faces, int cpu,
                      struct rect row)
{
    struct slice slice;
    const struct viewport *vp = &scene->viewport;
    uint64_t t = vp->mode == MODE_SLOW ? vp->playhead_ns : vp->cursor_ns;
    char text[128], duration[32], label[48];
    int x = row.x + 1, end = row.x + row.cols - 1;
    x += canvas_text(canvas, x, row.y, end - x, PAINT_STRONG, PAINT_KEEP, CELL_BOLD,
                     view_cpu_label(scene, cpu, false, label, sizeof label)) +
         2;
    if (!timeline_cpu_slice(scene->tl, cpu, t, 0, &slice) || slice.start_ns > t) {
        struct bin bin;
        timeline_cpu_sum(scene->tl, cpu, t, 1, &bin);
        canvas_text(canvas, x, row.y, end - x, PAINT_FAINT, PAINT_KEEP, 0,
                    bin.others_ns ? "somebody that is not watched" : "idle");
        return;
    }
    const struct face *face = faces_get(faces, slice.task);
    const char *who = face_call(face);
    snprintf(text, sizeof text, " %s ", who);
    x += canvas_text(canvas, x, row.y, end - x, face->self ? PAINT_SELF : PAINT_ON_TASK,
                     (enum paint)face->back, CELL_BOLD, text) +
         1;
    snprintf(text, sizeof text, "for %s", export_duration(t - slice.start_ns, duration, sizeof duration));
    x += canvas_text(canvas, x, row.y, end - x, PAINT_TEXT, PAINT_KEEP, 0, text) + 3;
    how_it_came(scene, faces, &slice, text, sizeof text);
    if (x + canvas_text_cols(text) <= end)
        canvas_text(canvas, x, row.y, end - x, PAINT_FAINT, PAINT_KEEP, 0, text);
}

void view_ticker(const struct scene *scene, struct canvas *canvas, struct rect rect)
{
    struct faces faces;
    int y = rect.y, bottom = rect.y + rect.rows;
    if (rect.rows < 1)
        return;
    faces_init(&faces, scene);
    canvas_fill(canvas, (struct rect){rect.x, y++, rect.cols, 1}, scene->glyphs->hline, PAINT_OFF, PAINT_BACK,
                0);
    for (unsigned i = 0; i < scene->n_cpus && y < bottom; i++)
        if (scene->cpus[i].chosen && scene->cpus[i].online)
            draw_core(scene, canvas, &faces, scene->cpus[i].cpu, (struct rect){rect.x, y++, rect.cols, 1});
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}
