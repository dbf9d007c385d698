/* Other people's tasks get their names. */
#include "others.h"

#include "../clock.h"
#include "state.h"

#include <stdio.h>
#include <string.h>

static void tell_name(struct session *s, int tid)
{
    char path[64];
    struct event event = {.time_ns = clock_now_ns(), .tid = tid, .cpu = -1, .kind = EVENT_NAME};
    snprintf(path, sizeof path, "/proc/%d/comm", tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return; /* it was quick: its number is its name */
    if (fgets(event.u.name, sizeof event.u.name, file)) {
        event.u.name[strcspn(event.u.name, "\n")] = '\0';
        notes_add(&s->notes, event);
    }
    fclose(file);
}

void others_name(struct session *s)
{
    for (; s->n_named < timeline_n_tasks(s->timeline); s->n_named++) {
        struct task task;
        timeline_task(s->timeline, s->n_named, &task);
        if (task.role == ROLE_OTHER && !task.name[0])
            tell_name(s, task.tid);
    }
}
