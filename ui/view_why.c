/* Why a task does not run, in as many words as there is room for. */
#include "../src/export/export.h"
#include "view_lanes.h"

#include <stdio.h>
#include <string.h>

uint64_t view_instant(const struct scene *scene)
{
    const struct viewport *vp = &scene->viewport;
    uint64_t end = vp->start_ns + viewport_span_ns(vp);
    if (vp->mode == MODE_PAUSED && vp->cursor_ns)
        return vp->cursor_ns;
    if (vp->mode == MODE_SLOW && vp->playhead_ns)
        return vp->playhead_ns;
    return end < vp->known_ns ? end : vp->known_ns;
}

/* What can be left out, one after the other, of what has no room. */
static void drop_beginning(char *text, const char *words)
{
    size_t n = strlen(words);
    if (strncmp(text, words, n) == 0)
        memmove(text, text + n, strlen(text + n) + 1);
}

static void drop_end(char *text, const char *from)
{
    char *at = strstr(text, from);
    if (at)
        *at = '\0';
}

char *view_why(const struct scene *scene, uint32_t task, uint64_t t_ns, int cols, char *buf, size_t size)
{
    char text[256];
    waits_text(scene->tl, task, t_ns, text, sizeof text);
    export_safe_name(text, buf, size);
    if (canvas_text_cols(buf) > cols)
        drop_beginning(buf, "blocked: ");
    if (canvas_text_cols(buf) > cols)
        drop_end(buf, " for ");
    if (canvas_text_cols(buf) > cols)
        drop_end(buf, ", ");
    if (canvas_text_cols(buf) > cols)
        buf[0] = '\0';
    return buf;
}
