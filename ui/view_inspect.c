/* The inspector: everything that is known of one slice, in sentences. */
#include "../src/export/export.h"
#include "view_dialog.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

#define N_LINES 7

/* "A worker-1": its letter, and its name where that says more. */
static char *task_title(const struct face *face, char *buf, size_t size)
{
    const bool both = !face->by_name && !face->self && strcmp(face->name, face->letter) != 0;
    snprintf(buf, size, "%s%s%s", both ? face->letter : face_call(face), both ? " " : "",
             both ? face->name : "");
    return buf;
}

/* In a sentence; of a watched program, and of others, many are called alike. */
static const char *who_is(const struct faces *faces, const struct face *face, char *buf, size_t size)
{
    if (!faces->roster || face->self)
        return face_call(face);
    snprintf(buf, size, "%s %d", face->name, face->tid);
    return buf;
}

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

/* Gaps up to this long are the switch itself, where a task was waiting. */
static uint64_t switch_limit_ns(const struct scene *scene)
{
    return scene->info.source[0] == 'e' ? TIMELINE_SELF_TOLD_NS : TIMELINE_MAX_SWITCH_NS;
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
    char name[96];
    const char *who = who_is(faces, faces_get(faces, next.task), name, sizeof name);
    struct bin bin = {0};
    if (gap_ns)
        timeline_cpu_sum(scene->tl, slice->cpu, slice->end_ns, gap_ns, &bin);
    export_duration(gap_ns, gap, sizeof gap);
    if (bin.others_ns)
        snprintf(buf, size, "somebody that is not watched for %s, then %s", gap, who);
    else
        snprintf(buf, size,
                 gap_ns <= switch_limit_ns(scene) ? "%s; the switch took %s" : "%s, after %s of idling", who,
                 gap);
}

static void draw_line(struct canvas *canvas, struct rect rect, int row, const char *label, const char *text)
{
    if (row >= rect.rows - 1)
        return;
    canvas_text(canvas, rect.x + 2, rect.y + row, 10, PAINT_FAINT, PAINT_KEEP, 0, label);
    canvas_text(canvas, rect.x + 13, rect.y + row, rect.cols - 15, PAINT_TEXT, PAINT_KEEP, 0, text);
}

#define MAX_BEHIND 3

/* For how long it waited, and where everybody is watched, behind whom. */
static void why_it_waited(const struct scene *scene, struct faces *faces, uint32_t task, uint64_t from,
                          uint64_t to, char *buf, size_t size)
{
    struct behind behind[MAX_BEHIND];
    struct behind_sums sums;
    char length[32], name[96];
    size_t used = (size_t)snprintf(buf, size, "%s", export_duration(to - from, length, sizeof length));
    if (!scene->info.all) {
        snprintf(buf + used, size - used, " for the core, runnable");
        return;
    }
    const unsigned n = timeline_behind(scene->tl, task, from, to, behind, MAX_BEHIND, &sums);
    for (unsigned i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%s behind %s", i ? ", " : ": ",
                                 export_duration(behind[i].ns, length, sizeof length),
                                 who_is(faces, faces_get(faces, behind[i].task), name, sizeof name));
    if (sums.unknown_ns && used < size)
        snprintf(buf + used, size - used, "%s%s unknown", n ? ", " : ": ",
                 export_duration(sums.unknown_ns, length, sizeof length));
}

void view_inspect(const struct scene *scene, struct canvas *canvas, struct rect rect,
                  const struct slice *slice, uint32_t waker)
{
    struct faces faces;
    struct task task;
    char text[320], a[32], b[32], label[48], title[96];
    faces_init(&faces, scene);
    timeline_task(scene->tl, slice->task, &task);
    const struct face *face = faces_get(&faces, slice->task);
    snprintf(title, sizeof title, "a slice of %s", task_title(face, text, sizeof text));
    const int n_lines = N_LINES - (waker == TIMELINE_NO_TASK);
    if (rect.rows > n_lines + 2) {
        rect.y += rect.rows - n_lines - 2;
        rect.rows = n_lines + 2;
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
        why_it_waited(scene, &faces, slice->task, slice->start_ns - slice->runnable_ns, slice->start_ns, text,
                      sizeof text);
    else
        snprintf(text, sizeof text, "no wait for the core is known");
    draw_line(canvas, rect, row++, "waited", text);
    if (waker != TIMELINE_NO_TASK)
        draw_line(canvas, rect, row++, "woken by",
                  waker == slice->task ? "itself"
                                       : who_is(&faces, faces_get(&faces, waker), text, sizeof text));
    if (task.slice_ns && task.slice_ns->n) {
        snprintf(text, sizeof text, "%s; longest %s",
                 export_duration(histogram_quantile(task.slice_ns, 0.5), a, sizeof a),
                 export_duration(task.slice_ns->max_ns, b, sizeof b));
        draw_line(canvas, rect, row, "its p50", text);
    }
    faces_fini(&faces);
    view_to_ascii(scene, canvas, rect);
}

/* Who had the CPU between the slice before t and the one after it. */
static void tell_cpu_gap(const struct scene *scene, struct canvas *canvas, struct rect rect, int cpu,
                         uint64_t t)
{
    struct faces faces;
    struct slice before, after;
    struct bin bin;
    char text[256], ended[96], length[32], name[96];
    bool has_before = timeline_cpu_slice(scene->tl, cpu, t, -1, &before);
    bool has_after = timeline_cpu_slice(scene->tl, cpu, t, 0, &after);
    uint64_t from = has_before ? before.end_ns : timeline_edge_ns(scene->tl);
    uint64_t to = has_after ? after.start_ns : timeline_now_ns(scene->tl);
    uint64_t gap_ns = to > from ? to - from : 0;
    faces_init(&faces, scene);
    timeline_cpu_sum(scene->tl, cpu, from, gap_ns ? gap_ns : 1, &bin);
    bool is_switch = has_before && has_after && gap_ns <= switch_limit_ns(scene);
    draw_line(canvas, rect, 1, "core",
              is_switch        ? "between two tasks: this is the switch itself"
              : bin.others_ns  ? "somebody that is not watched had it, while a task waited for it"
              : bin.unknown_ns ? "not known"
                               : "idle: no watched task wanted it");
    draw_line(canvas, rect, 2, "for", export_duration(gap_ns, length, sizeof length));
    if (has_before) {
        why_it_ended(&before, ended, sizeof ended);
        snprintf(text, sizeof text, "%s, %s",
                 who_is(&faces, faces_get(&faces, before.task), name, sizeof name), ended);
        draw_line(canvas, rect, 3, "before", text);
    }
    if (has_after)
        draw_line(canvas, rect, 4, "after", who_is(&faces, faces_get(&faces, after.task), name, sizeof name));
    faces_fini(&faces);
}

static void tell_task_gap(const struct scene *scene, struct canvas *canvas, struct rect rect, uint32_t task,
                          uint64_t t)
{
    static const char *const names[] = {[STATE_UNKNOWN] = "not known",
                                        [STATE_RUNNING] = "running",
                                        [STATE_RUNNABLE] = "runnable: it waits for a core",
                                        [STATE_BLOCKED] = "blocked: it waits for something else",
                                        [STATE_GONE] = "gone: its life is over"};
    uint64_t since, until;
    int cpu;
    char a[32], b[32], text[96];
    enum task_state state = timeline_task_at(scene->tl, task, t, &since, &until, &cpu);
    char why[256];
    draw_line(canvas, rect, 1, "state", names[state]);
    view_why(scene, task, t, rect.cols - 15, why, sizeof why);
    if (*why && !(state == STATE_RUNNABLE && scene->info.all))
        draw_line(canvas, rect, 3, "why", why);
    if (state != STATE_RUNNABLE && state != STATE_BLOCKED)
        return;
    snprintf(text, sizeof text, "%s so far, %s in all",
             export_duration(t > since ? t - since : 0, a, sizeof a),
             export_duration(until > since ? until - since : 0, b, sizeof b));
    draw_line(canvas, rect, 2, "for", text);
    if (state == STATE_RUNNABLE && scene->info.all && until > since) {
        struct faces faces;
        char waited[320];
        faces_init(&faces, scene);
        why_it_waited(scene, &faces, task, since, until, waited, sizeof waited);
        draw_line(canvas, rect, 3, "waited", waited);
        faces_fini(&faces);
    }
}

void view_inspect_gap(const struct scene *scene, struct canvas *canvas, struct rect rect, int cpu,
                      uint32_t task)
{
    char label[48], name[80], title[112];
    struct faces faces;
    uint64_t t = scene->viewport.cursor_ns;
    if (rect.rows > 6) {
        rect.y += rect.rows - 6;
        rect.rows = 6;
    }
    faces_init(&faces, scene);
    if (cpu >= 0)
        snprintf(title, sizeof title, "no slice on %s",
                 view_cpu_label(scene, cpu, true, label, sizeof label));
    else
        snprintf(title, sizeof title, "%s does not run",
                 task_title(faces_get(&faces, task), name, sizeof name));
    faces_fini(&faces);
    view_frame(scene, canvas, rect, title);
    if (cpu >= 0)
        tell_cpu_gap(scene, canvas, rect, cpu, t);
    else
        tell_task_gap(scene, canvas, rect, task, t);
    view_to_ascii(scene, canvas, rect);
}
